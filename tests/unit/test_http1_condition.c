/* SPDX-License-Identifier: MIT */
/*
 * Dates against known ones (RFC 9110 5.6.7 and others), round trips, and the table of preconditions and ranges of
 * RFC 9110 13.2.2 and 14.1.2.
 */
#include <stdio.h>

#include "l7/http1_condition.h"
#include "unit/http1_rig.h"

static bool read_text(const char *text, int64_t *seconds)
{
    return http1_date_read((const uint8_t *)text, strlen(text), seconds);
}

static void known_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } dates[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},         {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},    {"Tue Feb 29 12:00:00 2000", 951825600},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},           {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Tuesday, 19-Jan-38 03:14:08 GMT", 2147483648},
    };
    char text[HTTP1_DATE_BYTES];
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        int64_t seconds = 0;
        assert_true(read_text(dates[i].text, &seconds));
        assert_int_equal(seconds, dates[i].seconds);
    }
    http1_date_write(text, 784111777);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    http1_date_write(text, 253402300799);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    http1_date_write(text, INT64_MAX);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void what_is_no_date(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "0",
                                        "yesterday",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 nov 1994 08:49:37 GMT",
                                        "Sun, 30 Feb 1994 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun"};
    int64_t seconds;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_false(read_text(texts[i], &seconds));
}

static void dates_come_back(void **state)
{
    (void)state;
    struct dice d = {5};
    for (unsigned i = 0; i < 20000; i++) {
        int64_t seconds = (int64_t)(dice_u64(&d) % UINT64_C(253402300800)), again;
        char text[HTTP1_DATE_BYTES];
        http1_date_write(text, seconds);
        assert_true(read_text(text, &again));
        assert_int_equal(again, seconds);
    }
}

/* ---- conditions of a file of 100 bytes, changed at 784111777 ---- */

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EXACT "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

struct line {
    enum http1_field field;
    const char *value;
};

static uint16_t evaluate(const struct line *lines, size_t n, bool is_get, struct http1_range *range)
{
    static const struct http1_validators v = {.etag = "\"abc\"", .modified_s = 784111777, .length = 100};
    uint8_t text[512];
    uint32_t length = 0;
    for (size_t i = 0; i < n && lines[i].value; i++) {
        text[length++] = 0;
        text[length++] = (uint8_t)lines[i].field;
        memcpy(text + length, lines[i].value, strlen(lines[i].value));
        length += (uint32_t)strlen(lines[i].value);
    }
    *range = (struct http1_range){1, 0};
    return http1_condition_evaluate(&(struct http1_notes){text, length}, is_get, &v, range);
}

static void preconditions(void **state)
{
    (void)state;
    static const struct {
        uint16_t status;
        struct line lines[3];
    } cases[] = {
        {200, {{0, NULL}}},
        {304, {{HTTP1_FIELD_IF_NONE_MATCH, "\"abc\""}}},
        {304, {{HTTP1_FIELD_IF_NONE_MATCH, "W/\"abc\""}}},
        {304, {{HTTP1_FIELD_IF_NONE_MATCH, " \"x,y\" , \"abc\""}}},
        {304, {{HTTP1_FIELD_IF_NONE_MATCH, "*"}}},
        {200, {{HTTP1_FIELD_IF_NONE_MATCH, "\"abd\""}}},
        {200, {{HTTP1_FIELD_IF_NONE_MATCH, "abc"}}},
        {200, {{HTTP1_FIELD_IF_NONE_MATCH, "\"abc"}}},
        {304, {{HTTP1_FIELD_IF_NONE_MATCH, "\"x\""}, {HTTP1_FIELD_IF_NONE_MATCH, "\"abc\""}}},
        {304, {{HTTP1_FIELD_IF_MODIFIED_SINCE, EXACT}}},
        {304, {{HTTP1_FIELD_IF_MODIFIED_SINCE, AFTER}}},
        {200, {{HTTP1_FIELD_IF_MODIFIED_SINCE, BEFORE}}},
        {200, {{HTTP1_FIELD_IF_MODIFIED_SINCE, "soon"}}},
        {200, {{HTTP1_FIELD_IF_NONE_MATCH, "\"x\""}, {HTTP1_FIELD_IF_MODIFIED_SINCE, AFTER}}},
        {412, {{HTTP1_FIELD_IF_MATCH, "\"x\""}}},
        {412, {{HTTP1_FIELD_IF_MATCH, "W/\"abc\""}}},
        {200, {{HTTP1_FIELD_IF_MATCH, "\"x\", \"abc\""}}},
        {200, {{HTTP1_FIELD_IF_MATCH, "*"}}},
        {412, {{HTTP1_FIELD_IF_UNMODIFIED_SINCE, BEFORE}}},
        {200, {{HTTP1_FIELD_IF_UNMODIFIED_SINCE, EXACT}}},
        {200, {{HTTP1_FIELD_IF_MATCH, "\"abc\""}, {HTTP1_FIELD_IF_UNMODIFIED_SINCE, BEFORE}}},
        {412, {{HTTP1_FIELD_IF_MATCH, "\"x\""}, {HTTP1_FIELD_IF_NONE_MATCH, "\"abc\""}}},
        {304, {{HTTP1_FIELD_RANGE, "bytes=0-1"}, {HTTP1_FIELD_IF_NONE_MATCH, "\"abc\""}}},
    };
    struct http1_range range;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(evaluate(cases[i].lines, 3, true, &range), cases[i].status);
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *value, *if_range;
        uint16_t status;
        uint64_t first, last;
    } cases[] = {
        {"bytes=0-0", NULL, 206, 0, 0},       {"bytes=10-19", NULL, 206, 10, 19},
        {"BYTES=10-19", NULL, 206, 10, 19},   {"bytes=90-", NULL, 206, 90, 99},
        {"bytes=90-1000", NULL, 206, 90, 99}, {"bytes=90-99999999999999999999999", NULL, 206, 90, 99},
        {"bytes=-10", NULL, 206, 90, 99},     {"bytes=-1000", NULL, 206, 0, 99},
        {"bytes=100-", NULL, 416, 0, 0},      {"bytes=99999999999999999999999-", NULL, 416, 0, 0},
        {"bytes=-0", NULL, 416, 0, 0},        {"bytes=9-8", NULL, 200, 0, 0},
        {"bytes=0-1,5-6", NULL, 200, 0, 0},   {"bytes=", NULL, 200, 0, 0},
        {"bytes=-", NULL, 200, 0, 0},         {"bytes=a-b", NULL, 200, 0, 0},
        {"bytes 0-1", NULL, 200, 0, 0},       {"lines=0-1", NULL, 200, 0, 0},
        {"bytes=0-1", "\"abc\"", 206, 0, 1},  {"bytes=0-1", "W/\"abc\"", 200, 0, 0},
        {"bytes=0-1", "\"x\"", 200, 0, 0},    {"bytes=0-1", EXACT, 206, 0, 1},
        {"bytes=0-1", AFTER, 200, 0, 0},      {"bytes=0-1", "rubbish", 200, 0, 0},
    };
    struct http1_range range;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct line lines[2] = {{HTTP1_FIELD_RANGE, cases[i].value}, {HTTP1_FIELD_IF_RANGE, cases[i].if_range}};
        assert_int_equal(evaluate(lines, 2, true, &range), cases[i].status);
        if (cases[i].status == 206) {
            assert_int_equal(range.first, cases[i].first);
            assert_int_equal(range.last, cases[i].last);
        }
        assert_int_equal(evaluate(lines, 2, false, &range), 200);
    }
    const struct line twice[2] = {{HTTP1_FIELD_RANGE, "bytes=0-1"}, {HTTP1_FIELD_RANGE, "bytes=0-1"}};
    assert_int_equal(evaluate(twice, 2, true, &range), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),   cmocka_unit_test(what_is_no_date), cmocka_unit_test(dates_come_back),
        cmocka_unit_test(preconditions), cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
