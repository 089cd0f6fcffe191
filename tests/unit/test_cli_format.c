/* SPDX-License-Identifier: MIT */
/*
 * cli/format: counts are exact, everything else shows three digits and the unit they belong to. cli/html: what has a
 * meaning in HTML is escaped.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format.h"
#include "cli/html.h"

static void test_counts_have_commas_and_all_digits(void **state)
{
    (void)state;
    assert_string_equal(format_count(0).s, "0");
    assert_string_equal(format_count(999).s, "999");
    assert_string_equal(format_count(1000).s, "1,000");
    assert_string_equal(format_count(1234567).s, "1,234,567");
    assert_string_equal(format_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

static void test_rounded_values_show_three_digits(void **state)
{
    (void)state;
    assert_string_equal(format_si(0).s, "0");
    assert_string_equal(format_si(0.5).s, "0.50");
    assert_string_equal(format_si(7).s, "7");
    assert_string_equal(format_si(999.4).s, "999");
    assert_string_equal(format_si(999.6).s, "1.00k");
    assert_string_equal(format_si(12345).s, "12.3k");
    assert_string_equal(format_si(9995).s, "10.0k");
    assert_string_equal(format_si(999499).s, "999k");
    assert_string_equal(format_si(999500).s, "1.00M");
    assert_string_equal(format_si(2.5e15).s, "2500T");
    assert_string_equal(format_bits(20.4e9).s, "20.4 Gbit/s");
    assert_string_equal(format_bytes(1500).s, "1.50 kB");
}

static void test_durations_choose_their_unit(void **state)
{
    (void)state;
    assert_string_equal(format_duration(0).s, "0 ns");
    assert_string_equal(format_duration(523).s, "523 ns");
    assert_string_equal(format_duration(12345).s, "12.3 us");
    assert_string_equal(format_duration(999600).s, "1.00 ms");
    assert_string_equal(format_duration(4560000).s, "4.56 ms");
    assert_string_equal(format_duration(UINT64_C(123456789012)).s, "123 s");
    assert_string_equal(format_seconds(INT64_C(1990000000)).s, "1.9 s");
    assert_string_equal(format_seconds(INT64_C(125000000000)).s, "2 min 05 s");
    assert_string_equal(format_seconds(INT64_C(10920000000000)).s, "3 h 02 min");
}

static void test_thousandths_are_exact(void **state)
{
    (void)state;
    assert_string_equal(format_thousandths(0).s, "0");
    assert_string_equal(format_thousandths(500).s, "0.5");
    assert_string_equal(format_thousandths(1001).s, "1.001");
    assert_string_equal(format_thousandths(50000000).s, "50,000");
}

static char *escaped(const char *bytes, size_t length)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    html_bytes(file, bytes, length);
    fclose(file);
    return text;
}

static void assert_escaped(const char *bytes, size_t length, const char *expected)
{
    char *text = escaped(bytes, length);
    assert_string_equal(text, expected);
    free(text);
}

static void test_html_escapes_what_has_a_meaning(void **state)
{
    (void)state;
    assert_escaped("<a href='x'>&\"", 14, "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    assert_escaped("caf\xc3\xa9\ttab\nline", 14, "caf\xc3\xa9\ttab\nline");
}

static void test_html_replaces_what_is_no_text(void **state)
{
    (void)state;
    assert_escaped("a\0b\x1b", 4,
                   "a\xef\xbf\xbd"
                   "b\xef\xbf\xbd");
    assert_escaped("\xff<", 2, "\xef\xbf\xbd&lt;");
    assert_escaped("\xc3<", 2, "\xef\xbf\xbd&lt;");
    assert_escaped("one\r\ntwo", 8, "one\ntwo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_have_commas_and_all_digits),
        cmocka_unit_test(test_rounded_values_show_three_digits),
        cmocka_unit_test(test_durations_choose_their_unit),
        cmocka_unit_test(test_thousandths_are_exact),
        cmocka_unit_test(test_html_escapes_what_has_a_meaning),
        cmocka_unit_test(test_html_replaces_what_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
