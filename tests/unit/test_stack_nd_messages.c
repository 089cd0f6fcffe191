/* SPDX-License-Identifier: MIT */
/*
 * What means nothing in a Neighbour Discovery message, RFC 4861 sections 4, 6.1, 7.1 and 8.1: reserved fields, which are
 * sent as zero, options nobody knows and options of other messages. Whatever they hold, the message that came counts as
 * without them. Neighbour Solicitations that come: test_stack_nd_requirements.c.
 */
#include "unit/autoconf_rig.h"

#include <string.h>

#include "stack/nd_router.h"

#define ICMP_AT 54u
#define WORD_AT (ICMP_AT + 4u) /* the four bytes with flags and reserved fields */

static const struct ip_addr stranger = {{0xfe, 0x80, [15] = 0x77}}, all_routers = {{0xff, 2, [15] = 2}};

/* ---- messages that are believed ---- */

/* A message whose link-layer option makes OTHER_MAC the address of `who`. */
struct kind {
    const struct ip_addr *who;
    uint8_t option;    /* that option */
    uint32_t reserved; /* bits of the word that mean nothing */
    struct rig *(*begin)(void);
    uint32_t (*make)(uint8_t *f); /* without options */
};

static struct rig *router_rig(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64};
    struct stack_router_settings t;
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    stack_router_settings_default(&t);
    t.local = r->us;
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    return r;
}

static uint32_t router_solicitation(uint8_t *f)
{
    return make_nd(f, &stranger, &all_routers, &(struct wire_nd){.type = WIRE_ICMPV6_ROUTER_SOLICITATION});
}

static struct rig *listening_rig(void) { return auto_rig(0); }

static uint32_t router_advertisement(uint8_t *f)
{
    const struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT, .router_lifetime_s = 1800};
    return make_nd(f, &GATEWAY6, &ALL_NODES, &m);
}

/* It waits for an answer of PEER6. */
static struct rig *asking_rig(void)
{
    struct rig *r = rig_new6();
    const struct udp_datagram d = {.local = r->us, .remote = PEER6, .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    return r;
}

static uint32_t neighbour_advertisement(uint8_t *f)
{
    const struct wire_nd m = {
        .type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .flags = WIRE_ND_NA_SOLICITED, .target = PEER6};
    return make_nd(f, &PEER6, &US6, &m);
}

static struct rig *redirectable_rig(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6, .redirects = true};
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    return r;
}

static uint32_t redirect(uint8_t *f)
{
    const struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = stranger, .destination = FAR6};
    return make_nd(f, &GATEWAY6, &US6, &m);
}

static const struct kind kinds[] = {
    {&stranger, WIRE_ND_OPT_SOURCE_LL, 0xffffffff, router_rig, router_solicitation},
    {&GATEWAY6, WIRE_ND_OPT_SOURCE_LL, 0x003f0000, listening_rig, router_advertisement},
    {&PEER6, WIRE_ND_OPT_TARGET_LL, 0x1fffffff, asking_rig, neighbour_advertisement},
    {&stranger, WIRE_ND_OPT_TARGET_LL, 0xffffffff, redirectable_rig, redirect},
};

static void finish(uint8_t *f, uint32_t n)
{
    const struct ip_addr from = ip_addr_from_v6(f + 22), to = ip_addr_from_v6(f + 38);
    store_be16(f + 18, (uint16_t)(n - ICMP_AT));
    wire_icmpv6_checksum_set(&from, &to, f + ICMP_AT, n - ICMP_AT);
}

static uint32_t put(uint8_t *f, uint32_t n, const uint8_t *bytes, uint32_t length)
{
    if (length)
        memcpy(f + n, bytes, length);
    return n + length;
}

static void expect_known(const struct rig *r, const struct ip_addr *address, const uint8_t *mac)
{
    struct stack_neighbour n = {.local = 0};
    uint32_t i = stack_next_neighbour(r->stack, 0, &n);
    while (i && !ip_addr_equal(&n.address, address))
        i = stack_next_neighbour(r->stack, i, &n);
    assert_int_not_equal(i, 0);
    assert_memory_equal(n.mac, mac, 6);
}

/* It counts with these bits set and these options before its own, and they do nothing. */
static void expect_believed(const struct kind *k, uint32_t reserved, const uint8_t *options, uint32_t length)
{
    struct rig *r = k->begin();
    uint8_t f[RIG_FRAME_BYTES], own[8] = {k->option, 1};
    memcpy(own + 2, OTHER_MAC, 6);
    uint32_t n = put(f, k->make(f), options, length);
    n = put(f, n, own, sizeof own);
    store_be32(f + WORD_AT, load_be32(f + WORD_AT) | reserved);
    finish(f, n);
    rig_input(r, f, n);
    rig_pass(r, 0);
    expect_known(r, k->who, OTHER_MAC);
    assert_int_equal(auto_made(r, 0), 0);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &FAR6, r->now), 1500);
    rig_free(r);
}

static void reserved_fields_are_ignored(void **state) /* 4.1, 4.2 (RFC 4191 uses two of its bits), 4.4, 4.5 */
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        for (unsigned bit = 0; bit < 32; bit++)
            if (kinds[i].reserved & 1u << bit)
                expect_believed(&kinds[i], 1u << bit, NULL, 0);
}

static void unknown_options_are_skipped(void **state) /* 4.1, 4.2, 4.4, 4.5, 9 */
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        for (unsigned type = 6; type < 256; type += 7) {
            uint8_t o[16];
            memset(o, 0xff, sizeof o);
            o[0] = (uint8_t)type;
            o[1] = 2;
            expect_believed(&kinds[i], 0, o, sizeof o);
        }
}

static void options_of_other_messages_are_ignored(void **state) /* 4.6.1 to 4.6.4, 6.1.1, 6.1.2, 7.1.2, 8.1 */
{
    (void)state;
    const uint8_t prefix[32] = {3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 7};
    const uint8_t mtu[8] = {5, 1, 0, 0, 0, 0, 5, 0};
    const uint8_t redirected[16] = {4, 2, 1, 1, 1, 1, 1, 1, 0x60};
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint8_t type = kinds[i].option == WIRE_ND_OPT_SOURCE_LL ? WIRE_ND_OPT_TARGET_LL : WIRE_ND_OPT_SOURCE_LL;
        const uint8_t of_nobody[8] = {type, 1}, of_all[8] = {type, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        const uint8_t of_peer[8] = {type, 1, 2, 0, 0, 0, 0, 9}, too_long[16] = {type, 2};
        expect_believed(&kinds[i], 0, of_nobody, sizeof of_nobody);
        expect_believed(&kinds[i], 0, of_all, sizeof of_all);
        expect_believed(&kinds[i], 0, of_peer, sizeof of_peer);
        expect_believed(&kinds[i], 0, too_long, sizeof too_long);
        if (kinds[i].make != router_advertisement) {
            expect_believed(&kinds[i], 0, prefix, sizeof prefix);
            expect_believed(&kinds[i], 0, mtu, sizeof mtu);
        }
        if (kinds[i].make != redirect)
            expect_believed(&kinds[i], 0, redirected, sizeof redirected);
    }
}

static void reserved_fields_of_options_are_ignored(void **state) /* 4.6.2, 4.6.4 */
{
    (void)state;
    struct rig *r = auto_rig(0);
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    m.has = WIRE_ND_HAS_MTU;
    m.mtu = 1400;
    uint32_t n = make_nd(f, &GATEWAY6, &ALL_NODES, &m), mtu = ICMP_AT + 16, prefix = mtu + 8;
    memset(f + mtu + 2, 0xff, 2);
    f[prefix + 3] |= 0x3f;            /* Reserved1 */
    memset(f + prefix + 12, 0xff, 4); /* Reserved2 */
    memset(f + prefix + 24, 0xff, 8); /* behind the prefix */
    finish(f, n);
    rig_input(r, f, n);
    rig_pass(r, 0);
    auto_hear(r, &m); /* the same prefix without all that */
    auto_pass(r, 3 * NS_PER_S);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &FAR6, r->now), 1400);
    const struct ip_addr made = auto_address(r, auto_made(r, 0)), neighbour = ip_addr_add(&AUTO_PREFIX, 77);
    assert_true(ip_addr_same_bits(&made, &AUTO_PREFIX, 64));
    assert_int_equal(auto_made(r, 1), 0);
    const struct ip_addr hop = auto_hop(r, r->us, &neighbour);
    assert_memory_equal(&hop, &neighbour, 16);
    rig_free(r);
}

/* ---- messages that are sent ---- */

static uint32_t word_of(const struct rig_frame *f) { return load_be32(f->bytes + WORD_AT); }

static void reserved_fields_are_sent_as_zero(void **state) /* 4.1, 4.3, 4.4 */
{
    (void)state;
    struct wire_ipv6 ip;
    struct wire_nd m;
    uint8_t f[RIG_FRAME_BYTES];
    struct rig *r = auto_rig(0);
    assert_int_equal(word_of(auto_await(r, WIRE_ICMPV6_ROUTER_SOLICITATION, &ip, &m)), 0);
    rig_free(r);
    r = asking_rig();
    rig_transmit(r);
    assert_int_equal(word_of(expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m)), 0);
    rig_input(r, f, make_solicitation(f, &US6));
    while (r->count > 1) /* the datagram that waited */
        rig_next(r);
    assert_int_equal(word_of(expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m)) & 0x1fffffff, 0);
    rig_free(r);
}

static void reserved_fields_of_a_router_advertisement_are_sent_as_zero(void **state) /* 4.2, 4.6.2, 4.6.4 */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64};
    struct stack_router_settings t;
    struct wire_ipv6 ip;
    struct wire_nd m;
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    stack_router_settings_default(&t);
    t.local = r->us;
    t.managed = t.other = true;
    t.preference = 1;
    t.mtu = 1400;
    t.n_prefixes = 1;
    t.prefix[0] = (struct wire_nd_prefix){
        .prefix = ip_addr_add(&AUTO_PREFIX, 0x1234), .length = 64, .flags = 0xff, .valid_s = 600, .preferred_s = 300};
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    const struct rig_frame *f = auto_await(r, WIRE_ICMPV6_ROUTER_ADVERTISEMENT, &ip, &m);
    const uint8_t *message = f->bytes + ICMP_AT, *mtu = message + 24, *prefix = mtu + 8;
    assert_int_equal(message[5], 0xc8); /* managed, other, high preference */
    assert_int_equal(mtu[0], WIRE_ND_OPT_MTU);
    assert_int_equal(load_be16(mtu + 2), 0);
    assert_int_equal(prefix[0], WIRE_ND_OPT_PREFIX);
    assert_int_equal(prefix[3], AUTO_BOTH);
    assert_int_equal(load_be32(prefix + 12), 0);
    assert_memory_equal(prefix + 16, &AUTO_PREFIX, 16);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_fields_are_ignored),
        cmocka_unit_test(unknown_options_are_skipped),
        cmocka_unit_test(options_of_other_messages_are_ignored),
        cmocka_unit_test(reserved_fields_of_options_are_ignored),
        cmocka_unit_test(reserved_fields_are_sent_as_zero),
        cmocka_unit_test(reserved_fields_of_a_router_advertisement_are_sent_as_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
