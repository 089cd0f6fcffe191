/* SPDX-License-Identifier: MIT */
/*
 * Targets against routes: the first that matches wins, whatever pieces the target comes in; compared with a naive
 * search.
 */
#include "l7/http1_match.h"
#include "unit/http1_rig.h"

struct table {
    struct http1_match_table table;
    struct http1_match_entry entries[64];
};

static void make_table(struct table *t, const char *const *paths, uint16_t n)
{
    t->table = (struct http1_match_table){.entries = t->entries, .count = n};
    for (uint16_t i = 0; i < n; i++) {
        size_t length = strlen(paths[i]);
        bool prefix = length > 0 && paths[i][length - 1] == '*';
        t->entries[i] = (struct http1_match_entry){paths[i], (uint16_t)(length - prefix), i, prefix};
    }
    http1_match_sort(&t->table);
}

static uint16_t match(const struct table *t, const char *target, size_t cut)
{
    struct http1_match m;
    size_t length = strlen(target);
    http1_match_begin(&m, &t->table);
    http1_match_feed(&m, &t->table, (const uint8_t *)target, (uint32_t)cut);
    http1_match_feed(&m, &t->table, (const uint8_t *)target + cut, (uint32_t)(length - cut));
    return http1_match_end(&m, &t->table);
}

static void assert_matches(const struct table *t, const char *target, uint16_t expected)
{
    for (size_t cut = 0; cut <= strlen(target); cut++)
        assert_int_equal(match(t, target, cut), expected);
}

static void exact_prefix_and_first(void **state)
{
    (void)state;
    static const char *const paths[] = {"/a", "/a/b*", "/a/bc", "/x*", "/x/y", "/", "/a", "/abcdefgh"};
    struct table t;
    make_table(&t, paths, ARRAY_SIZE(paths));
    assert_matches(&t, "/a", 0);
    assert_matches(&t, "/a?x=/a/b", 0);
    assert_matches(&t, "/a#x", 0);
    assert_matches(&t, "/a/", HTTP1_MATCH_NONE);
    assert_matches(&t, "/a/b", 1);
    assert_matches(&t, "/a/bc", 1);
    assert_matches(&t, "/a/bcd", 1);
    assert_matches(&t, "/x", 3);
    assert_matches(&t, "/x/y", 3);
    assert_matches(&t, "/xyz", 3);
    assert_matches(&t, "/", 5);
    assert_matches(&t, "/?", 5);
    assert_matches(&t, "/abcdefgh", 7);
    assert_matches(&t, "/abcdefg", HTTP1_MATCH_NONE);
    assert_matches(&t, "/abcdefghi", HTTP1_MATCH_NONE);
    assert_matches(&t, "//", HTTP1_MATCH_NONE);
    assert_matches(&t, "a", HTTP1_MATCH_NONE);
    assert_matches(&t, "/A", HTTP1_MATCH_NONE);
    assert_matches(&t, "/%61", 0);
    assert_matches(&t, "/%61%2fb%63?%6", 1);
    assert_matches(&t, "/%2541", HTTP1_MATCH_NONE);
    assert_matches(&t, "/x/%", HTTP1_MATCH_NONE);
    assert_matches(&t, "/x/%4", HTTP1_MATCH_NONE);
    assert_matches(&t, "/x/%g1", HTTP1_MATCH_NONE);
    assert_matches(&t, "/a%00", HTTP1_MATCH_NONE);
}

static void absolute_form(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/p", "/q*"};
    struct table t;
    make_table(&t, paths, ARRAY_SIZE(paths));
    assert_matches(&t, "http://host", 0);
    assert_matches(&t, "http://host/", 0);
    assert_matches(&t, "http://host:80/p", 1);
    assert_matches(&t, "HTTPS://[::1]/q/r?s", 2);
    assert_matches(&t, "http://host?/p", 0);
    assert_matches(&t, "http:/p", HTTP1_MATCH_NONE);
}

static void a_star_takes_all(void **state)
{
    (void)state;
    static const char *const paths[] = {"/a", "*", "/b"};
    struct table t;
    make_table(&t, paths, ARRAY_SIZE(paths));
    assert_matches(&t, "/a", 0);
    assert_matches(&t, "/b", 1);
    assert_matches(&t, "/", 1);
    assert_matches(&t, "anything", 1);
    make_table(&t, NULL, 0);
    assert_matches(&t, "/", HTTP1_MATCH_NONE);
}

static uint16_t naive_match(const char *const *paths, uint16_t n, const char *path)
{
    for (uint16_t i = 0; i < n; i++) {
        size_t length = strlen(paths[i]);
        if (length && paths[i][length - 1] == '*' ? strncmp(path, paths[i], length - 1) == 0
                                                  : strcmp(path, paths[i]) == 0)
            return i;
    }
    return HTTP1_MATCH_NONE;
}

static void random_path(struct dice *d, char *to, bool star)
{
    size_t n = 1 + dice_below(d, 6);
    to[0] = '/';
    for (size_t i = 1; i < n; i++)
        to[i] = "ab/c"[dice_below(d, 4)];
    if (star)
        to[n++] = '*';
    to[n] = '\0';
}

static void random_tables_equal_a_naive_search(void **state)
{
    (void)state;
    struct dice d = {3};
    for (unsigned round = 0; round < 500; round++) {
        char text[64][12];
        const char *paths[64];
        uint16_t n = (uint16_t)dice_below(&d, 65);
        struct table t;
        for (uint16_t i = 0; i < n; i++) {
            random_path(&d, text[i], dice_one_in(&d, 4));
            paths[i] = text[i];
        }
        make_table(&t, paths, n);
        for (unsigned i = 0; i < 50; i++) {
            char target[12];
            random_path(&d, target, false);
            assert_int_equal(match(&t, target, dice_below(&d, (uint32_t)strlen(target) + 1)),
                             naive_match(paths, n, target));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_prefix_and_first),
        cmocka_unit_test(absolute_form),
        cmocka_unit_test(a_star_takes_all),
        cmocka_unit_test(random_tables_equal_a_naive_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
