/* SPDX-License-Identifier: MIT */
/*
 * VLAN tags and MPLS labels as text: what is read, what is refused, and that what is printed is read as the same.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "stack/host_text.h"

static void test_tags_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        unsigned n;
        struct host_vlan vlan[2];
    } cases[] = {
        {"1", 1, {{0x8100, 1}}},
        {"4094", 1, {{0x8100, 4094}}},
        {"42/3", 1, {{0x8100, 0x602a}}},
        {"42/0", 1, {{0x8100, 42}}},
        {"42@88a8", 1, {{0x88a8, 42}}},
        {"100,42", 2, {{0x88a8, 100}, {0x8100, 42}}},
        {"100@8100,42", 2, {{0x8100, 100}, {0x8100, 42}}},
        {"100/7@88a8,42/1@88a8", 2, {{0x88a8, 0xe064}, {0x88a8, 0x202a}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct host_settings h = {.interface = 0}, again = {.interface = 0};
        char text[HOST_VLANS_TEXT];
        assert_int_equal(host_vlans_parse(cases[i].text, &h), 0);
        assert_int_equal(h.vlan_count, cases[i].n);
        assert_memory_equal(h.vlan, cases[i].vlan, sizeof h.vlan);
        host_vlans_print(text, h.vlan, h.vlan_count);
        assert_int_equal(host_vlans_parse(text, &again), 0);
        assert_memory_equal(&again, &h, sizeof h);
    }
}

static void test_labels_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        unsigned n;
        struct host_label label[4];
    } cases[] = {
        {"16", 1, {{16, 0, 255}}},
        {"1048575/7@1", 1, {{1048575, 7, 1}}},
        {"100,200", 2, {{100, 0, 255}, {200, 0, 255}}},
        {"16@64,17/2,18,1048575/7@254", 4, {{16, 0, 64}, {17, 2, 255}, {18, 0, 255}, {1048575, 7, 254}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct host_settings h = {.interface = 0}, again = {.interface = 0};
        char text[HOST_LABELS_TEXT];
        assert_int_equal(host_labels_parse(cases[i].text, &h), 0);
        assert_int_equal(h.mpls_count, cases[i].n);
        for (unsigned k = 0; k < cases[i].n; k++) {
            assert_int_equal(h.mpls[k].label, cases[i].label[k].label);
            assert_int_equal(h.mpls[k].tc, cases[i].label[k].tc);
            assert_int_equal(h.mpls[k].ttl, cases[i].label[k].ttl);
        }
        host_labels_print(text, h.mpls, h.mpls_count);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(host_labels_parse(text, &again), 0);
    }
}

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    const char *const bad_tags[] = {"",      "0",      "4095",     "-1",      "42 ", " 42", "42,",  ",42",
                                    "1,2,3", "42/8",   "42/",      "42@9100", "42@", "x",   "042x", "99999999999999",
                                    "42//1", "42/1/2", "42@8100/3"};
    const char *const bad_labels[] = {"",        "15",    "1048576", "100,",   "100/8", "100@0",
                                      "100@256", "100 1", "1,2",     "100@/1", "x",     "16,17,18,19,20"};
    struct host_settings h, before;
    memset(&h, 0x5a, sizeof h);
    before = h;
    for (size_t i = 0; i < ARRAY_SIZE(bad_tags); i++)
        if (host_vlans_parse(bad_tags[i], &h) != ERR_INVALID)
            fail_msg("tags: %s", bad_tags[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad_labels); i++)
        if (host_labels_parse(bad_labels[i], &h) != ERR_INVALID)
            fail_msg("labels: %s", bad_labels[i]);
    assert_memory_equal(&h, &before, sizeof h);
}

static void test_the_longest_texts_have_room(void **state)
{
    (void)state;
    char tags[HOST_VLANS_TEXT], labels[HOST_LABELS_TEXT];
    struct host_vlan v[2] = {{0x8100, 0xeffe}, {0x88a8, 0xeffe}};
    struct host_label l[4];
    for (unsigned i = 0; i < 4; i++)
        l[i] = (struct host_label){1048575, 7, 254};
    host_vlans_print(tags, v, 2);
    assert_string_equal(tags, "4094/7@8100,4094/7@88a8");
    host_labels_print(labels, l, 4);
    assert_string_equal(labels, "1048575/7@254,1048575/7@254,1048575/7@254,1048575/7@254");
    host_vlans_print(tags, v, 0);
    assert_string_equal(tags, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_are_read),
        cmocka_unit_test(test_labels_are_read),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_the_longest_texts_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
