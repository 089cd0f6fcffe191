/* SPDX-License-Identifier: MIT */
/*
 * RFC 6724: the examples of its section 10.1 (sources), 10.2 (destinations), 10.3 (IPv4 preferred), 10.4 (link-local
 * addresses preferred less) and in the manner of 10.5 to 10.7 (several providers, ULAs, 6to4) as vectors, scopes of section 3.1, and that sorting is stable and choosing does not depend
 * on the order of candidates.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "wire/ip_choice.h"

#define MOST 4

/* An address with marks: "~" deprecated, "t" temporary, "h" home, "c" care-of, before "|". */
static struct ip_source source(const char *text)
{
    struct ip_source s = {.bits = 64};
    const char *bar = strchr(text, '|');
    for (const char *c = text; bar && c < bar; c++) {
        s.deprecated |= *c == '~';
        s.temporary |= *c == 't';
        s.home |= *c == 'h';
        s.care_of |= *c == 'c';
    }
    text = bar ? bar + 1 : text;
    assert_int_equal(ip_addr_parse(text, strlen(text), &s.address), 0);
    if (ip_addr_is_v4(&s.address))
        s.bits = 120;
    return s;
}

static struct ip_addr address(const char *text) { return source(text).address; }

/* The best of a list that ends with NULL, for a destination; false: none is of its family. */
static bool choose(const struct ip_policies *p, const char *const *candidates, const struct ip_addr *d,
                   struct ip_source *best)
{
    bool any = false;
    for (unsigned i = 0; i < MOST && candidates[i]; i++) {
        const struct ip_source s = source(candidates[i]);
        if (ip_addr_is_v4(&s.address) != ip_addr_is_v4(d) || (any && ip_source_compare(p, &s, best, d) >= 0))
            continue;
        *best = s;
        any = true;
    }
    return any;
}

static void assert_is(const struct ip_addr *found, const char *expected)
{
    char text[IP_ADDR_TEXT];
    ip_addr_print(text, sizeof text, found);
    assert_string_equal(text, expected);
}

/* ---- section 10.1 ---- */

static const struct {
    const char *destination, *candidates[MOST], *expected;
} sources[] = {
    {"2001:db8:1::1", {"2001:db8:3::1", "fe80::1"}, "2001:db8:3::1"},
    {"ff05::1", {"2001:db8:3::1", "fe80::1"}, "2001:db8:3::1"},
    {"2001:db8:1::1", {"~|2001:db8:1::1", "2001:db8:2::1"}, "2001:db8:1::1"},
    {"fe80::1", {"~|fe80::2", "2001:db8:1::1"}, "fe80::2"},
    {"2001:db8:1::1", {"2001:db8:1::2", "2001:db8:3::2"}, "2001:db8:1::2"},
    {"2001:db8:1::1", {"c|2001:db8:1::2", "h|2001:db8:3::2"}, "2001:db8:3::2"},
    {"2002:c633:6401::1",
     {"t|2002:c633:6401:0:d5e3:7953:13eb:22e8", "2001:db8:1::2"},
     "2002:c633:6401:0:d5e3:7953:13eb:22e8"},
    {"2001:db8:1:0:d5e3::1",
     {"2001:db8:1::2", "t|2001:db8:1:0:d5e3:7953:13eb:22e8"},
     "2001:db8:1:0:d5e3:7953:13eb:22e8"},
};

static void sources_of_section_10_1_in_any_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        const struct ip_addr d = address(sources[i].destination);
        const char *const turned[MOST] = {sources[i].candidates[1], sources[i].candidates[0]};
        struct ip_source best;
        assert_true(choose(&ip_policies_default, sources[i].candidates, &d, &best));
        assert_is(&best.address, sources[i].expected);
        assert_true(choose(&ip_policies_default, turned, &d, &best));
        assert_is(&best.address, sources[i].expected);
    }
}

static void the_interface_of_the_way_out_comes_before_labels(void **state)
{
    (void)state;
    struct ip_source a = source("2001:db8:1::2"), b = source("2002:c633:6401::2");
    const struct ip_addr d = address("2001:db8:1::1");
    assert_true(ip_source_compare(&ip_policies_default, &a, &b, &d) < 0);
    b.outgoing = true;
    assert_true(ip_source_compare(&ip_policies_default, &a, &b, &d) > 0);
    assert_true(ip_source_compare(&ip_policies_default, &b, &a, &d) < 0);
    b.deprecated = true;
    assert_true(ip_source_compare(&ip_policies_default, &a, &b, &d) < 0);
}

/* ---- sections 10.2 to 10.7 ---- */

static const struct ip_policy prefer_ipv4_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},  {{{0}}, 0, 40, 1},          {{{[10] = 0xff, 0xff}}, 96, 100, 4},
    {{{0x20, 0x02}}, 16, 30, 2}, {{{0x20, 0x01}}, 32, 5, 5}, {{{0xfc}}, 7, 3, 13},
};
static const struct ip_policy link_local_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},  {{{0}}, 0, 40, 1},           {{{[10] = 0xff, 0xff}}, 96, 35, 4},
    {{{0xfe, 0x80}}, 10, 33, 1}, {{{0x20, 0x02}}, 16, 30, 2}, {{{0x20, 0x01}}, 32, 5, 5},
};
static const struct ip_policies prefer_ipv4 = {prefer_ipv4_rows, ARRAY_SIZE(prefer_ipv4_rows)};
static const struct ip_policies link_local = {link_local_rows, ARRAY_SIZE(link_local_rows)};

/* 10.5: two sites with two providers each, the dear ones for what goes between them; 10.6: ULAs of the own site before
 * others; 10.7: 6to4 before IPv4. */
#define SITE(net)                                                                                                      \
    {                                                                                                                  \
        {                                                                                                              \
            0x20, 0x01, 0x0d, 0xb8, 0x70, net                                                                          \
        }                                                                                                              \
    }
static const struct ip_policy multi_homed_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},         {SITE(0xaa), 48, 43, 6},     {SITE(0xbb), 48, 43, 6},    {{{0}}, 0, 40, 1},
    {{{[10] = 0xff, 0xff}}, 96, 35, 4}, {{{0x20, 0x02}}, 16, 30, 2}, {{{0x20, 0x01}}, 32, 5, 5}, {{{0xfc}}, 7, 3, 13},
};
static const struct ip_policy own_ula_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},  {{{0xfd, 0x11, 0x11, 0x11, 0x11, 0x11}}, 48, 45, 14},
    {{{0}}, 0, 40, 1},           {{{[10] = 0xff, 0xff}}, 96, 35, 4},
    {{{0x20, 0x02}}, 16, 30, 2}, {{{0x20, 0x01}}, 32, 5, 5},
    {{{0xfc}}, 7, 3, 13},
};
static const struct ip_policy six_to_four_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},         {{{0}}, 0, 40, 1},          {{{0x20, 0x02}}, 16, 37, 2},
    {{{[10] = 0xff, 0xff}}, 96, 35, 4}, {{{0x20, 0x01}}, 32, 5, 5}, {{{0xfc}}, 7, 3, 13},
};
static const struct ip_policies multi_homed = {multi_homed_rows, ARRAY_SIZE(multi_homed_rows)};
static const struct ip_policies own_ula = {own_ula_rows, ARRAY_SIZE(own_ula_rows)};
static const struct ip_policies six_to_four = {six_to_four_rows, ARRAY_SIZE(six_to_four_rows)};

static const struct {
    const struct ip_policies *policies;
    const char *candidates[MOST];
    const char *first, *first_source, *second, *second_source;
} destinations[] = {
    {&ip_policies_default,
     {"2001:db8:1::2", "fe80::1", "169.254.13.78"},
     "2001:db8:1::1",
     "2001:db8:1::2",
     "198.51.100.121",
     "169.254.13.78"},
    {&ip_policies_default,
     {"fe80::1", "198.51.100.117"},
     "198.51.100.121",
     "198.51.100.117",
     "2001:db8:1::1",
     "fe80::1"},
    {&ip_policies_default,
     {"2001:db8:1::2", "fe80::1", "10.1.2.4"},
     "2001:db8:1::1",
     "2001:db8:1::2",
     "10.1.2.3",
     "10.1.2.4"},
    {&ip_policies_default, {"2001:db8:1::2", "fe80::2"}, "fe80::1", "fe80::2", "2001:db8:1::1", "2001:db8:1::2"},
    {&ip_policies_default,
     {"c|2001:db8:1::2", "h|2001:db8:3::1", "c|fe80::2"},
     "2001:db8:1::1",
     "2001:db8:3::1",
     "fe80::1",
     "fe80::2"},
    {&ip_policies_default, {"2001:db8:1::2", "~|fe80::2"}, "2001:db8:1::1", "2001:db8:1::2", "fe80::1", "fe80::2"},
    {&ip_policies_default,
     {"2001:db8:1::2", "2001:db8:3f44::2", "fe80::2"},
     "2001:db8:1::1",
     "2001:db8:1::2",
     "2001:db8:3ffe::1",
     "2001:db8:3f44::2"},
    {&ip_policies_default,
     {"2002:c633:6401::2", "fe80::2"},
     "2002:c633:6401::1",
     "2002:c633:6401::2",
     "2001:db8:1::1",
     "2002:c633:6401::2"},
    {&ip_policies_default,
     {"2002:c633:6401::2", "2001:db8:1::2", "fe80::2"},
     "2001:db8:1::1",
     "2001:db8:1::2",
     "2002:c633:6401::1",
     "2002:c633:6401::2"},
    {&prefer_ipv4,
     {"2001:db8::2", "fe80::1", "169.254.13.78"},
     "2001:db8::1",
     "2001:db8::2",
     "198.51.100.121",
     "169.254.13.78"},
    {&prefer_ipv4, {"fe80::1", "198.51.100.117"}, "198.51.100.121", "198.51.100.117", "2001:db8::1", "fe80::1"},
    {&prefer_ipv4, {"2001:db8::2", "fe80::1", "10.1.2.4"}, "10.1.2.3", "10.1.2.4", "2001:db8::1", "2001:db8::2"},
    {&link_local, {"2001:db8::2", "fe80::2"}, "2001:db8::1", "2001:db8::2", "fe80::1", "fe80::2"},
    {&link_local, {"~|2001:db8::2", "fe80::2"}, "fe80::1", "fe80::2", "2001:db8::1", "2001:db8::2"},
    {&multi_homed,
     {"2001:db8:1aaa::a", "2001:db8:70aa::a", "fe80::a"},
     "2001:db8:70bb::b",
     "2001:db8:70aa::a",
     "2001:db8:1bbb::b",
     "2001:db8:1aaa::a"},
    {&ip_policies_default,
     {"2001:db8:1::2", "fd11:1111:1111:1::2"},
     "2001:db8:1::1",
     "2001:db8:1::2",
     "fd11:1111:1111:1::1",
     "fd11:1111:1111:1::2"},
    {&own_ula,
     {"2001:db8:1::2", "fd11:1111:1111:1::2"},
     "fd11:1111:1111:1::1",
     "fd11:1111:1111:1::2",
     "2001:db8:1::1",
     "2001:db8:1::2"},
    {&own_ula, /* another site's stay behind */
     {"2001:db8:1::2", "fd11:1111:1111:1::2"},
     "2001:db8:2::2",
     "2001:db8:1::2",
     "fd22:2222:2222:2::2",
     "fd11:1111:1111:1::2"},
    {&ip_policies_default,
     {"2002:c633:6401::2", "10.1.2.4"},
     "10.1.2.3",
     "10.1.2.4",
     "2002:c633:6402::1",
     "2002:c633:6401::2"},
    {&six_to_four, {"2002:c633:6401::2", "10.1.2.4"}, "2002:c633:6402::1", "2002:c633:6401::2", "10.1.2.3", "10.1.2.4"},
};

static struct ip_destination destination(const struct ip_policies *p, const char *text, const char *const *candidates)
{
    struct ip_destination d = {.address = address(text)};
    d.usable = choose(p, candidates, &d.address, &d.source);
    return d;
}

static void destinations_of_sections_10_2_to_10_7_in_any_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
        const struct ip_policies *p = destinations[i].policies;
        for (unsigned turned = 0; turned < 2; turned++) {
            struct ip_destination list[2];
            list[turned] = destination(p, destinations[i].first, destinations[i].candidates);
            list[!turned] = destination(p, destinations[i].second, destinations[i].candidates);
            ip_destination_sort(p, list, 2);
            assert_is(&list[0].address, destinations[i].first);
            assert_is(&list[0].source.address, destinations[i].first_source);
            assert_is(&list[1].address, destinations[i].second);
            assert_is(&list[1].source.address, destinations[i].second_source);
        }
    }
}

static void what_cannot_be_reached_comes_last_and_equals_stay(void **state)
{
    (void)state;
    static const char *const v6_only[MOST] = {"2001:db8:1::2"};
    const struct ip_policies *p = &ip_policies_default;
    struct ip_destination list[] = {destination(p, "192.0.2.1", v6_only), destination(p, "2001:db8:9::3", v6_only),
                                    destination(p, "2001:db8:9::1", v6_only), destination(p, "192.0.2.2", v6_only)};
    ip_destination_sort(p, list, ARRAY_SIZE(list));
    assert_is(&list[0].address, "2001:db8:9::3");
    assert_is(&list[1].address, "2001:db8:9::1");
    assert_is(&list[2].address, "192.0.2.1");
    assert_is(&list[3].address, "192.0.2.2");
}

static void scopes_of_section_3_1(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        unsigned scope;
    } cases[] = {{"::1", 2},          {"fe80::1", 2},   {"febf::1", 2},     {"fec0::1", 5},   {"fc00::1", 14},
                 {"2001:db8::1", 14}, {"ff01::1", 1},   {"ff02::1", 2},     {"ff05::1", 5},   {"ff0e::1", 14},
                 {"127.0.0.1", 2},    {"10.0.0.1", 14}, {"169.254.1.1", 2}, {"192.0.2.1", 14}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct ip_addr a = address(cases[i].address);
        assert_int_equal(ip_choice_scope(&a), cases[i].scope);
    }
}

/* For every pair the two answers are opposite. */
static void comparing_is_antisymmetric(void **state)
{
    (void)state;
    static const char *const all[] = {"2001:db8:1::2", "t|2001:db8:1::5",  "~|2001:db8:3::1", "fe80::2",
                                      "~|fe80::3",     "h|2001:db8:4::1",  "c|2001:db8:5::1", "hc|2001:db8:6::1",
                                      "fd00::1",       "2002:c633:6401::2"};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
            const struct ip_source a = source(all[i]), b = source(all[k]);
            for (size_t d = 0; d < ARRAY_SIZE(all); d++) {
                const struct ip_addr to = address(all[d]);
                assert_int_equal(ip_source_compare(&ip_policies_default, &a, &b, &to),
                                 -ip_source_compare(&ip_policies_default, &b, &a, &to));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_of_section_10_1_in_any_order),
        cmocka_unit_test(the_interface_of_the_way_out_comes_before_labels),
        cmocka_unit_test(destinations_of_sections_10_2_to_10_7_in_any_order),
        cmocka_unit_test(what_cannot_be_reached_comes_last_and_equals_stay),
        cmocka_unit_test(scopes_of_section_3_1),
        cmocka_unit_test(comparing_is_antisymmetric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
