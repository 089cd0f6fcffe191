/* SPDX-License-Identifier: MIT */
/*
 * Addresses: text against the C library's inet_pton and inet_ntop as independent reading of RFC 4291 and RFC 5952,
 * the RFCs' own examples, prefixes against a bit by bit model.
 */
#include "unit/wire_support.h"

#include <arpa/inet.h>

#include "base/error.h"
#include "wire/ip_addr.h"

#define CASES 100000

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;
    if (ip_addr_parse(text, strlen(text), &a) != 0)
        fail_msg("'%s' was not read as an address", text);
    return a;
}

static const char *text_of(const struct ip_addr *a)
{
    static char text[IP_ADDR_TEXT];
    assert_true(ip_addr_print(text, sizeof text, a) < (int)sizeof text);
    return text;
}

/* RFC 4291 2.2 and RFC 5952 sections 2 to 4. */
static void examples_of_the_rfcs(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
        {"FF01:0:0:0:0:0:0:101", "ff01::101"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"2001:0db8::0001", "2001:db8::1"},
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"::FFFF:129.144.52.38", "129.144.52.38"},
        {"::ffff:8190:3426", "129.144.52.38"},
        {"0:0:0:0:0:0:13.1.68.3", "::d01:4403"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"fe80::", "fe80::"},
        {"192.0.2.33", "192.0.2.33"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct ip_addr a = addr(pairs[i][0]);
        assert_string_equal(text_of(&a), pairs[i][1]);
    }
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ":",
                                      ":::",
                                      "::1::",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8::",
                                      "1::2:3:4:5:6:7:8",
                                      "1:2:3:4:5:6:7:",
                                      ":1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "1:2:3:4:5:6:1.2.3.4:8",
                                      "::1.2.3",
                                      "::1.2.3.4.5",
                                      "::256.1.1.1",
                                      "12345::",
                                      "::g",
                                      "fe80::1%eth0",
                                      "[::1]",
                                      " ::1",
                                      "::1 ",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.",
                                      "1.2..4",
                                      ".1.2.3.4",
                                      "1.2.3.256",
                                      "1.2.3.4294967296",
                                      "01.2.3.4",
                                      "1.2.3.00",
                                      "0x1.2.3.4",
                                      "1.2.3.-4",
                                      "1,2,3,4",
                                      "127.1",
                                      "2130706433"};
    struct ip_addr a = addr("10.0.0.1"), before = a;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t n = strlen(bad[i]);
        if (ip_addr_parse((const char *)at_end_of_memory(bad[i], n), n, &a) != ERR_MALFORMED)
            fail_msg("'%s' was read as an address", bad[i]);
    }
    assert_true(ip_addr_equal(&a, &before));
}

/* Random addresses with many zero groups. */
static struct ip_addr random_addr(struct dice *d)
{
    struct ip_addr a = {{0}};
    if (dice_one_in(d, 4))
        return ip_addr_from_v4(dice_u32(d));
    for (unsigned i = 0; i < 8; i++)
        if (!dice_one_in(d, 2))
            store_be16(a.bytes + (size_t)2 * i, (uint16_t)(dice_u16(d) >> dice_below(d, 16)));
    return a;
}

/* ::a.b.c.d is deprecated (RFC 4291 2.5.5.1), but the C library still prints it so. */
static bool is_v4_compatible(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0 && load_be32(a->bytes + 8) == 0 && load_be32(a->bytes + 12) > 0xffff;
}

static void printing_agrees_with_the_c_library(void **state)
{
    (void)state;
    struct dice d = {4};
    for (int i = 0; i < CASES; i++) {
        struct ip_addr a = random_addr(&d), again;
        char expected[INET6_ADDRSTRLEN];
        const char *text = text_of(&a);
        if (ip_addr_is_v4(&a))
            inet_ntop(AF_INET, a.bytes + 12, expected, sizeof expected);
        else
            inet_ntop(AF_INET6, a.bytes, expected, sizeof expected);
        if (!is_v4_compatible(&a))
            assert_string_equal(text, expected);
        assert_int_equal(ip_addr_parse(text, strlen(text), &again), 0);
        assert_true(ip_addr_equal(&a, &again));
    }
}

static void assert_same_reading(const char *text)
{
    struct ip_addr a;
    struct in_addr v4;
    uint8_t v6[16];
    bool ours = ip_addr_parse(text, strlen(text), &a) == 0;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        assert_true(ours && ip_addr_is_v4(&a) && ip_addr_to_v4(&a) == ntohl(v4.s_addr));
        return;
    }
    bool theirs = inet_pton(AF_INET6, text, v6) == 1;
    if (ours != theirs)
        fail_msg("'%s' is %sread here, not so by inet_pton", text, ours ? "" : "not ");
    if (ours)
        assert_memory_equal(a.bytes, v6, 16);
}

/* Good texts with a few characters changed, removed or put in. */
static void reading_agrees_with_the_c_library(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789abcdefF::::...";
    struct dice d = {5};
    for (int i = 0; i < CASES; i++) {
        struct ip_addr a = random_addr(&d);
        char text[64] = "";
        ip_addr_print(text, sizeof text, &a);
        for (uint32_t n = dice_below(&d, 4); n > 0; n--) {
            size_t length = strlen(text), at = dice_below(&d, (uint32_t)length + 1);
            char c = alphabet[dice_below(&d, sizeof alphabet - 1)];
            if (dice_one_in(&d, 3) && length < sizeof text - 2)
                memmove(text + at + 1, text + at, length + 1 - at);
            else if (dice_one_in(&d, 3) && at < length) {
                memmove(text + at, text + at + 1, length - at);
                continue;
            }
            if (text[at] != '\0')
                text[at] = c;
        }
        assert_same_reading(text);
    }
}

static void kinds_of_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool v4, unspecified, loopback, multicast, link_local, broadcast;
    } rows[] = {
        {"0.0.0.0", true, true, false, false, false, false},
        {"::", false, true, false, false, false, false},
        {"127.0.0.1", true, false, true, false, false, false},
        {"127.255.255.254", true, false, true, false, false, false},
        {"::1", false, false, true, false, false, false},
        {"::2", false, false, false, false, false, false},
        {"::127.0.0.1", false, false, false, false, false, false},
        {"223.255.255.255", true, false, false, false, false, false},
        {"224.0.0.0", true, false, false, true, false, false},
        {"239.255.255.255", true, false, false, true, false, false},
        {"240.0.0.0", true, false, false, false, false, false},
        {"255.255.255.255", true, false, false, false, false, true},
        {"ff02::1", false, false, false, true, false, false},
        {"fe80::1", false, false, false, false, true, false},
        {"febf::1", false, false, false, false, true, false},
        {"fec0::1", false, false, false, false, false, false},
        {"169.254.0.1", true, false, false, false, true, false},
        {"169.255.0.1", true, false, false, false, false, false},
        {"2001:db8::1", false, false, false, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ip_addr a = addr(rows[i].text);
        assert_int_equal(ip_addr_is_v4(&a), rows[i].v4);
        assert_int_equal(ip_addr_is_unspecified(&a), rows[i].unspecified);
        assert_int_equal(ip_addr_is_loopback(&a), rows[i].loopback);
        assert_int_equal(ip_addr_is_multicast(&a), rows[i].multicast);
        assert_int_equal(ip_addr_is_link_local(&a), rows[i].link_local);
        assert_int_equal(ip_addr_is_broadcast(&a), rows[i].broadcast);
    }
}

static void solicited_node_address(void **state)
{
    (void)state;
    struct ip_addr a = addr("4037::1:800:200e:8c6c"), expected = addr("ff02::1:ff0e:8c6c"); /* RFC 4291 2.7.1 */
    struct ip_addr group = ip_addr_solicited_node(&a);
    assert_true(ip_addr_equal(&group, &expected));
    assert_true(ip_addr_is_solicited_node(&group));
    static const char *const others[] = {"4037::1:800:200e:8c6c", "ff02::1", "ff02::1:fe0e:8c6c", "ff02::2:ff0e:8c6c",
                                         "ff01::1:ff0e:8c6c"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct ip_addr other = addr(others[i]);
        assert_false(ip_addr_is_solicited_node(&other));
    }
}

static bool bit(const struct ip_addr *a, unsigned i) { return (a->bytes[i / 8] >> (7 - i % 8) & 1) != 0; }

/* The definition, bit by bit. */
static bool model_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
    bool v4 = ip_addr_is_v4(&p->addr);
    if (v4 != ip_addr_is_v4(a))
        return false;
    unsigned first = v4 ? 96 : 0;
    for (unsigned i = first; i < first + p->length; i++)
        if (bit(&p->addr, i) != bit(a, i))
            return false;
    return true;
}

static void prefix_match_equals_the_model(void **state)
{
    (void)state;
    struct dice d = {6};
    unsigned inside = 0;
    for (int i = 0; i < CASES; i++) {
        struct ip_prefix p = {.addr = random_addr(&d)};
        struct ip_addr a = dice_one_in(&d, 8) ? random_addr(&d) : p.addr;
        unsigned bits = ip_addr_bits(&p.addr);
        p.length = (uint8_t)dice_below(&d, bits + 1);
        unsigned flip = 128 - bits + dice_below(&d, bits);
        a.bytes[flip / 8] ^= (uint8_t)(0x80u >> flip % 8);
        bool expected = model_contains(&p, &a);
        inside += expected;
        assert_int_equal(ip_prefix_contains(&p, &a), expected);
    }
    assert_in_range(inside, CASES / 10, CASES - CASES / 10);
}

static void prefixes_as_text(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"10.0.0.0/8", "10.0.0.0/8"},
                                          {"10.1.2.3", "10.1.2.3/32"},
                                          {"0.0.0.0/0", "0.0.0.0/0"},
                                          {"2001:db8::/32", "2001:db8::/32"},
                                          {"::1", "::1/128"},
                                          {"::/0", "::/0"},
                                          {"10.0.0.1/32", "10.0.0.1/32"},
                                          {"fe80::1/128", "fe80::1/128"}};
    static const char *const bad[] = {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "/8",     "::/129",
                                      "::/1x",     "::/ 1",       "10/8",        "::/1/1", ""};
    struct ip_prefix p;
    char text[IP_ADDR_PREFIX_TEXT];
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(ip_prefix_parse(good[i][0], strlen(good[i][0]), &p), 0);
        ip_prefix_print(text, sizeof text, &p);
        assert_string_equal(text, good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(ip_prefix_parse(bad[i], strlen(bad[i]), &p), ERR_MALFORMED);
}

static void addition_carries_and_keeps_the_family(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        uint64_t n;
        const char *sum;
    } rows[] = {{"10.0.0.255", 1, "10.0.1.0"},
                {"255.255.255.255", 1, "0.0.0.0"},
                {"10.0.0.1", UINT64_MAX, "10.0.0.0"},
                {"2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::"},
                {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::"},
                {"2001:db8::1", 65535, "2001:db8::1:0"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ip_addr a = addr(rows[i].a), sum = ip_addr_add(&a, rows[i].n);
        assert_string_equal(text_of(&sum), rows[i].sum);
    }
}

static void masks_and_order(void **state)
{
    (void)state;
    assert_int_equal(ipv4_addr_mask(0), 0);
    assert_int_equal(ipv4_addr_mask(8), 0xff000000u);
    assert_int_equal(ipv4_addr_mask(31), 0xfffffffeu);
    assert_int_equal(ipv4_addr_mask(32), 0xffffffffu);
    assert_true(ipv4_addr_is_this_network(0x00ffffff) && !ipv4_addr_is_this_network(0x01000000));
    assert_true(ipv4_addr_is_class_e(0xf0000000) && !ipv4_addr_is_class_e(0xefffffff));
    struct ip_addr a = addr("10.0.0.1"), b = addr("10.0.0.2"), c = addr("2001:db8::1"), e = addr("2001:db9::1");
    assert_true(ip_addr_equal(&a, &a) && !ip_addr_equal(&a, &b) && !ip_addr_equal(&c, &e));
    assert_true(ip_addr_compare(&a, &b) < 0 && ip_addr_compare(&b, &a) > 0 && ip_addr_compare(&a, &a) == 0);
}

static int print_addr(char *to, size_t size, const void *a) { return ip_addr_print(to, size, a); }

static void printing_is_bounded(void **state)
{
    (void)state;
    struct ip_addr a = addr("abcd:ef01:2345:6789:abcd:ef01:2345:6789");
    assert_prints(print_addr, &a, "abcd:ef01:2345:6789:abcd:ef01:2345:6789");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(printing_agrees_with_the_c_library),
        cmocka_unit_test(reading_agrees_with_the_c_library),
        cmocka_unit_test(kinds_of_addresses),
        cmocka_unit_test(solicited_node_address),
        cmocka_unit_test(prefix_match_equals_the_model),
        cmocka_unit_test(prefixes_as_text),
        cmocka_unit_test(addition_carries_and_keeps_the_family),
        cmocka_unit_test(masks_and_order),
        cmocka_unit_test(printing_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
