/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery: literal messages, round trips, the validity rules of RFC 4861, hostile rows ND-01, ND-02,
 * ND-04 and ND-05.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_nd(char *to, size_t size, const void *h) { return wire_nd_print(to, size, h); }

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

static const uint8_t solicitation[32] = {135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                                         0,   0, 0, 0, 0, 0, 0, 2, 1,    1,    2, 0, 0, 0, 0, 1};

static void solicitation_is_read(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct wire_nd h;
    struct ip_addr target = addr("fe80::2");
    assert_int_equal(wire_nd_parse(solicitation, sizeof solicitation, &h), 32);
    assert_int_equal(h.type, WIRE_ICMPV6_NEIGHBOR_SOLICITATION);
    assert_int_equal(h.has, WIRE_ND_HAS_SOURCE_LL);
    assert_true(ip_addr_equal(&h.target, &target));
    assert_memory_equal(h.source_ll, mac, 6);
    assert_prints(print_nd, &h, "neighbor solicitation who has fe80::2 source 02:00:00:00:00:01");
}

/* A router's advertisement with the usual options, from RFC 4861 4.2, 4.6 and RFC 8106 5.1. */
static const uint8_t advertisement[] = {
    134,  0, 0,    0,    64, 0xc0, 0x07, 0x08,
    0,    0, 0x75, 0x30, 0,  0,    3,    0xe8, /* lifetime 1800 s, reachable 30 s, retransmit 1 s */
    1,    1, 2,    0,    0,  0,    0,    1,    /* source link-layer address */
    5,    1, 0,    0,    0,  0,    5,    0xdc, /* MTU 1500 */
    3,    4, 64,   0xc0, 0,  0x27, 0x8d, 0,
    0,    9, 0x3a, 0x80, 0,  0,    0,    0, /* prefix: valid 30 d, preferred 7 d */
    0x20, 1, 0x0d, 0xb8, 0,  0,    0,    0,
    0,    0, 0,    0,    0,  0,    0,    0, /*   2001:db8:: */
    25,   5, 0,    0,    0,  0,    2,    0x58,
    0x20, 1, 0x0d, 0xb8, 0,  0,    0,    0, /* two servers for 600 s */
    0,    0, 0,    0,    0,  0,    0,    0x53,
    0x20, 1, 0x0d, 0xb8, 0,  0,    0,    0,    /*   2001:db8::53 */
    0,    0, 0,    0,    0,  0,    0,    0x54, /*   2001:db8::54 */
    200,  1, 0,    0,    0,  0,    0,    0,    /* an unknown option */
};

static void router_advertisement_is_read(void **state)
{
    (void)state;
    struct wire_nd h;
    struct ip_addr prefix = addr("2001:db8::"), dns = addr("2001:db8::54");
    assert_int_equal(wire_nd_parse(advertisement, sizeof advertisement, &h), sizeof advertisement);
    assert_int_equal(h.hop_limit, 64);
    assert_int_equal(h.flags, WIRE_ND_RA_MANAGED | WIRE_ND_RA_OTHER);
    assert_int_equal(h.router_lifetime_s, 1800);
    assert_int_equal(h.reachable_ms, 30000);
    assert_int_equal(h.retrans_ms, 1000);
    assert_int_equal(h.mtu, 1500);
    assert_int_equal(h.prefix_count, 1);
    assert_int_equal(h.prefix[0].length, 64);
    assert_int_equal(h.prefix[0].flags, WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS);
    assert_int_equal(h.prefix[0].valid_s, 2592000);
    assert_int_equal(h.prefix[0].preferred_s, 604800);
    assert_true(ip_addr_equal(&h.prefix[0].prefix, &prefix));
    assert_int_equal(h.dns_count, 2);
    assert_int_equal(h.dns[1].lifetime_s, 600);
    assert_true(ip_addr_equal(&h.dns[1].server, &dns));
    assert_int_equal(h.ignored, 0);
    assert_prints(print_nd, &h,
                  "router advertisement managed other hlim 64 lifetime 1800 source 02:00:00:00:00:01 mtu 1500 "
                  "prefix 2001:db8::/64 dns 2001:db8::53 dns 2001:db8::54");
}

static void other_messages_as_text(void **state)
{
    (void)state;
    struct wire_nd h = {.type = WIRE_ICMPV6_ROUTER_SOLICITATION};
    assert_prints(print_nd, &h, "router solicitation");
    h = (struct wire_nd){.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                         .flags = 0xe0,
                         .target = addr("fe80::1"),
                         .has = WIRE_ND_HAS_TARGET_LL};
    assert_prints(print_nd, &h, "neighbor advertisement of fe80::1 router solicited override target 00:00:00:00:00:00");
    h = (struct wire_nd){.type = WIRE_ICMPV6_REDIRECT, .target = addr("fe80::1"), .destination = addr("2001:db8::9")};
    assert_prints(print_nd, &h, "redirect to fe80::1 for 2001:db8::9");
    h = (struct wire_nd){.type = 1};
    assert_prints(print_nd, &h, "not neighbor discovery");
}

static size_t fixed_part(uint8_t type)
{
    static const size_t lengths[] = {8, 16, 24, 24, 40};
    return lengths[type - 133];
}

static void messages_cut_short_are_refused(void **state)
{
    (void)state;
    struct wire_nd h;
    for (unsigned type = 133; type <= 137; type++) {
        uint8_t message[48] = {(uint8_t)type};
        size_t fixed = fixed_part((uint8_t)type);
        message[fixed] = 14;
        message[fixed + 1] = 1;
        for (size_t n = 0; n <= fixed + 8; n++) {
            int expected = n == fixed || n == fixed + 8 ? (int)n : ERR_MALFORMED;
            if (n < fixed)
                expected = ERR_TRUNCATED;
            assert_int_equal(wire_nd_parse(at_end_of_memory(message, n), n, &h), expected);
        }
    }
}

static void other_types_and_codes_are_refused(void **state)
{
    (void)state;
    struct wire_nd h;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t message[40] = {(uint8_t)type};
        bool nd = type >= 133 && type <= 137;
        assert_int_equal(wire_nd_is_nd((uint8_t)type), nd);
        assert_int_equal(wire_nd_parse(message, nd ? fixed_part((uint8_t)type) : 40, &h),
                         nd ? (int)fixed_part((uint8_t)type) : ERR_UNSUPPORTED);
        message[1] = 1;
        if (nd)
            assert_int_equal(wire_nd_parse(message, fixed_part((uint8_t)type), &h), ERR_MALFORMED);
    }
}

/* ND-02: every option type with every length on messages of several sizes. */
static void option_lengths_are_bounded(void **state)
{
    (void)state;
    struct wire_nd h;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned units = 0; units < 256; units++) {
            uint8_t message[24 + 64] = {135};
            size_t n = 24 + (type % 9) * 8;
            message[24] = (uint8_t)type;
            message[25] = (uint8_t)units;
            for (size_t at = 24 + units * 8; at < n && units > 0; at += 8)
                message[at + 1] = 1;
            bool good = n == 24 || (units > 0 && units * 8 <= n - 24);
            assert_int_equal(wire_nd_parse(at_end_of_memory(message, n), n, &h), good ? (int)n : ERR_MALFORMED);
        }
    }
}

static void multicast_targets_are_refused(void **state)
{
    (void)state;
    struct wire_nd h;
    for (unsigned type = 135; type <= 137; type++) {
        uint8_t message[40] = {(uint8_t)type};
        message[8] = 0xff;
        assert_int_equal(wire_nd_parse(message, fixed_part((uint8_t)type), &h), ERR_MALFORMED);
    }
    uint8_t redirect[40] = {137};
    redirect[24] = 0xff;
    assert_int_equal(wire_nd_parse(redirect, sizeof redirect, &h), ERR_MALFORMED);
}

/* ND-04: 1000 prefixes, 17 servers, an RDNSS option of even length, prefix length 129, second MTU. */
static void lists_are_capped_and_bad_options_counted(void **state)
{
    (void)state;
    static uint8_t message[16 + 1000 * 32] = {134};
    struct wire_nd h;
    for (unsigned i = 0; i < 1000; i++) {
        message[16 + 32 * i] = 3;
        message[17 + 32 * i] = 4;
        message[18 + 32 * i] = (uint8_t)(i % 129);
    }
    assert_int_equal(wire_nd_parse(message, sizeof message, &h), sizeof message);
    assert_int_equal(h.prefix_count, WIRE_ND_MAX_PREFIXES);
    assert_int_equal(h.ignored, 255);
    message[18] = 129;
    assert_int_equal(wire_nd_parse(message, 48, &h), 48);
    assert_true(h.prefix_count == 0 && h.ignored == 1);

    uint8_t servers[16 + 8 + 17 * 16] = {134};
    servers[16] = 25;
    for (unsigned units = 1; units <= 35; units++) {
        servers[17] = (uint8_t)units;
        size_t n = 16 + (size_t)units * 8;
        assert_int_equal(wire_nd_parse(at_end_of_memory(servers, n), n, &h), n);
        unsigned expected = units % 2 == 1 ? (units - 1) / 2 : 0;
        assert_int_equal(h.dns_count, expected < WIRE_ND_MAX_DNS ? expected : WIRE_ND_MAX_DNS);
        assert_int_equal(h.ignored, expected == 0 || expected > WIRE_ND_MAX_DNS);
    }
    static const uint8_t mtus[32] = {134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     5,   1, 0, 0, 0, 0, 5, 0, 5, 1, 0, 0, 0, 0, 6, 0};
    assert_int_equal(wire_nd_parse(mtus, sizeof mtus, &h), 32);
    assert_true(h.mtu == 0x500 && h.ignored == 1);
}

/* A second option of a kind that may stand once: the first counts. */
static void repeated_options_are_ignored(void **state)
{
    (void)state;
    static const uint8_t types[] = {1, 2, 4, 5, 14};
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t message[24] = {133};
        struct wire_nd h;
        message[8] = message[16] = types[i];
        message[9] = message[17] = 1;
        message[15] = 1;
        message[23] = 2;
        assert_int_equal(wire_nd_parse(message, sizeof message, &h), sizeof message);
        assert_int_equal(h.ignored, 1);
        assert_true(h.source_ll[5] < 2 && h.target_ll[5] < 2 && h.mtu < 2);
        assert_true(h.nonce == NULL || h.nonce == message + 10);
        assert_true(h.redirected == NULL || h.redirected == message + 16);
    }
}

static void random_options(struct dice *d, struct wire_nd *h, uint8_t *pool)
{
    h->has = dice_u8(d) & 0x1f;
    dice_bytes(d, pool, 2048);
    if (h->has & WIRE_ND_HAS_SOURCE_LL)
        dice_bytes(d, h->source_ll, 6);
    if (h->has & WIRE_ND_HAS_TARGET_LL)
        dice_bytes(d, h->target_ll, 6);
    if (h->has & WIRE_ND_HAS_MTU)
        h->mtu = dice_u32(d);
    if (h->has & WIRE_ND_HAS_NONCE) {
        h->nonce = pool;
        h->nonce_len = (uint16_t)(6 + 8 * dice_below(d, 255));
    }
    if (h->has & WIRE_ND_HAS_REDIRECTED) {
        h->redirected = pool;
        h->redirected_len = (uint16_t)(8 * dice_below(d, 255));
    }
    h->prefix_count = (uint8_t)dice_below(d, WIRE_ND_MAX_PREFIXES + 1);
    h->dns_count = (uint8_t)dice_below(d, WIRE_ND_MAX_DNS + 1);
    dice_bytes(d, h->prefix, sizeof h->prefix);
    dice_bytes(d, h->dns, sizeof h->dns);
    for (unsigned i = 0; i < h->prefix_count; i++)
        h->prefix[i].length = (uint8_t)dice_below(d, 129);
}

static void random_nd(struct dice *d, struct wire_nd *h, uint8_t *pool)
{
    memset(h, 0, sizeof *h);
    h->type = (uint8_t)(133 + dice_below(d, 5));
    if (h->type == 134 || h->type == 136)
        h->flags = dice_u8(d);
    if (h->type == 134) {
        h->hop_limit = dice_u8(d);
        h->router_lifetime_s = dice_u16(d);
        h->reachable_ms = dice_u32(d);
        h->retrans_ms = dice_u32(d);
    }
    if (h->type >= 135)
        dice_bytes(d, &h->target, 16);
    h->target.bytes[0] &= 0x3f;
    h->target.bytes[11] = 0; /* no IPv4-mapped multicast either */
    if (h->type == 137)
        dice_bytes(d, &h->destination, 16);
    h->destination.bytes[0] &= 0x3f;
    h->destination.bytes[11] = 0;
    random_options(d, h, pool);
}

static void parse_after_build_is_the_identity(void **state)
{
    (void)state;
    struct dice d = {18};
    uint8_t pool[2048], message[8192];
    for (int i = 0; i < CASES; i++) {
        struct wire_nd h, parsed;
        random_nd(&d, &h, pool);
        int n = wire_nd_build(message, sizeof message, &h);
        assert_true(n > 0 && n % 8 == 0);
        assert_int_equal(wire_nd_parse(message, (size_t)n, &parsed), n);
        assert_true(wire_nd_equal(&h, &parsed));
        assert_int_equal(parsed.ignored, 0);
        assert_int_equal(wire_nd_build(message, (size_t)n, &h), n);
        size_t room = dice_below(&d, (uint32_t)n);
        assert_int_equal(wire_nd_build(message, room, &h), ERR_NO_SPACE);
    }
}

static void build_after_parse_is_the_identity(void **state)
{
    (void)state;
    uint8_t again[256];
    struct wire_nd h;
    assert_int_equal(wire_nd_parse(solicitation, sizeof solicitation, &h), 32);
    assert_int_equal(wire_nd_build(again, sizeof again, &h), 32);
    assert_memory_equal(again, solicitation, 32);
    size_t upto_dns = 16 + 8 + 8 + 32;
    assert_int_equal(wire_nd_parse(advertisement, upto_dns, &h), upto_dns);
    assert_int_equal(wire_nd_build(again, sizeof again, &h), upto_dns);
    assert_memory_equal(again, advertisement, upto_dns);
}

static void what_does_not_fit_is_not_built(void **state)
{
    (void)state;
    uint8_t to[4096], pool[2048] = {0};
    const struct wire_nd good = {.type = 137,
                                 .has = WIRE_ND_HAS_NONCE | WIRE_ND_HAS_REDIRECTED,
                                 .nonce = pool,
                                 .nonce_len = 6,
                                 .redirected = pool,
                                 .redirected_len = 2032};
    assert_int_equal(wire_nd_build(to, sizeof to, &good), 40 + 8 + 2040);
    struct wire_nd h = good;
    h.type = 128;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h = good;
    h.redirected_len = 2040;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h.redirected_len = 12;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h = good;
    h.nonce_len = 8;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h = good;
    h.prefix_count = WIRE_ND_MAX_PREFIXES + 1;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h = good;
    h.dns_count = WIRE_ND_MAX_DNS + 1;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
    h = good;
    h.prefix_count = 1;
    h.prefix[0].length = 129;
    assert_int_equal(wire_nd_build(to, sizeof to, &h), ERR_INVALID);
}

/* ND-01, ND-04, ND-05: rules that need the IPv6 header. */
static void rules_of_rfc_4861(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, flags, has;
        const char *src, *dst;
        bool good;
    } rows[] = {
        {133, 0, 0, "fe80::1", "ff02::2", true},
        {133, 0, WIRE_ND_HAS_SOURCE_LL, "fe80::1", "ff02::2", true},
        {133, 0, 0, "::", "ff02::2", true},
        {133, 0, WIRE_ND_HAS_SOURCE_LL, "::", "ff02::2", false},
        {134, 0, 0, "fe80::1", "ff02::1", true},
        {134, 0, 0, "2001:db8::1", "ff02::1", false},
        {134, 0, 0, "169.254.0.1", "ff02::1", false},
        {135, 0, WIRE_ND_HAS_SOURCE_LL, "2001:db8::1", "ff02::1:ff00:2", true},
        {135, 0, 0, "::", "ff02::1:ff00:2", true},
        {135, 0, 0, "::", "fe80::2", false},
        {135, 0, WIRE_ND_HAS_SOURCE_LL, "::", "ff02::1:ff00:2", false},
        {136, WIRE_ND_NA_SOLICITED, 0, "fe80::1", "fe80::2", true},
        {136, WIRE_ND_NA_OVERRIDE, 0, "fe80::1", "ff02::1", true},
        {136, WIRE_ND_NA_SOLICITED, 0, "fe80::1", "ff02::1", false},
        {137, 0, 0, "fe80::1", "fe80::2", true},
        {137, 0, 0, "2001:db8::1", "fe80::2", false},
        {128, 0, 0, "fe80::1", "fe80::2", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct wire_nd h = {.type = rows[i].type, .flags = rows[i].flags, .has = rows[i].has};
        struct ip_addr src = addr(rows[i].src), dst = addr(rows[i].dst);
        assert_int_equal(wire_nd_check(&h, &src, &dst, 255), rows[i].good ? 0 : ERR_PROTOCOL);
        assert_int_equal(wire_nd_check(&h, &src, &dst, 254), ERR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solicitation_is_read),
        cmocka_unit_test(router_advertisement_is_read),
        cmocka_unit_test(other_messages_as_text),
        cmocka_unit_test(messages_cut_short_are_refused),
        cmocka_unit_test(other_types_and_codes_are_refused),
        cmocka_unit_test(option_lengths_are_bounded),
        cmocka_unit_test(multicast_targets_are_refused),
        cmocka_unit_test(lists_are_capped_and_bad_options_counted),
        cmocka_unit_test(repeated_options_are_ignored),
        cmocka_unit_test(parse_after_build_is_the_identity),
        cmocka_unit_test(build_after_parse_is_the_identity),
        cmocka_unit_test(what_does_not_fit_is_not_built),
        cmocka_unit_test(rules_of_rfc_4861),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
