/* SPDX-License-Identifier: MIT */
/*
 * cli/chart: marks stand at round numbers within the range; a drawing stays within its view box, whatever the values;
 * gaps are gaps.
 */
#include "support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chart.h"

#define DRAWING_BYTES ((size_t)64 << 10)

static void assert_ticks(const double *found, unsigned n, const double *expected, unsigned n_expected)
{
    assert_int_equal(n, n_expected);
    for (unsigned i = 0; i < n; i++)
        assert_true(fabs(found[i] - expected[i]) <= 1e-9 * fabs(expected[i]));
}

static void test_linear_ticks_are_round(void **state)
{
    double ticks[CHART_TICKS_MAX];
    (void)state;
    assert_ticks(ticks, chart_ticks_linear(0, 10, 5, ticks), (double[]){0, 2, 4, 6, 8, 10}, 6);
    assert_ticks(ticks, chart_ticks_linear(0, 730, 5, ticks), (double[]){0, 200, 400, 600}, 4);
    assert_ticks(ticks, chart_ticks_linear(0.3, 1.1, 4, ticks), (double[]){0.4, 0.6, 0.8, 1.0}, 4);
    assert_int_equal(chart_ticks_linear(3, 3, 5, ticks), 0);
}

static void test_log_ticks_are_decades_or_finer(void **state)
{
    double ticks[CHART_TICKS_MAX];
    (void)state;
    assert_ticks(ticks, chart_ticks_log(10, 100, ticks), (double[]){10, 20, 50, 100}, 4);
    assert_ticks(ticks, chart_ticks_log(1, 1e6, ticks), (double[]){1, 10, 100, 1e3, 1e4, 1e5, 1e6}, 7);
    assert_int_equal(chart_ticks_log(0, 10, ticks), 0);
}

static void test_rounding_goes_to_1_2_5(void **state)
{
    (void)state;
    assert_true(fabs(chart_round_up(11) - 20) < 1e-9 && fabs(chart_round_up(20) - 20) < 1e-9);
    assert_true(fabs(chart_round_up(0.0051) - 0.01) < 1e-12);
    assert_true(fabs(chart_round_down(19) - 10) < 1e-9 && fabs(chart_round_down(50) - 50) < 1e-9);
}

static char *draw(const struct chart *c)
{
    char *text = malloc(DRAWING_BYTES);
    assert_non_null(text);
    FILE *file = fmemopen(text, DRAWING_BYTES, "w");
    assert_non_null(file);
    chart_write(file, c);
    fclose(file);
    return text;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

static struct chart sample_chart(const double *x, const double *y, uint32_t n, enum chart_scale scale)
{
    return (struct chart){
        .title = "a <title>",
        .x = x,
        .n = n,
        .x_axis = {.label = format_si},
        .y_axis = {.scale = scale, .label = format_si},
        .curves = {{.name = "curve", .style = "c1", .y = y, .filled = true}},
        .n_curves = 1,
    };
}

static void test_a_gap_parts_the_line(void **state)
{
    const double x[] = {0, 1, 2, 3, 4}, y[] = {1, 2, NAN, 3, 4};
    struct chart c = sample_chart(x, y, 5, CHART_LINEAR);
    (void)state;
    char *text = draw(&c);
    assert_int_equal(count_of(text, "class=\"line c1\""), 2);
    assert_int_equal(count_of(text, "nan"), 0);
    assert_int_equal(count_of(text, "<title>a"), 0);
    assert_int_equal(count_of(text, "a &lt;title&gt;"), 2);
    free(text);
}

static void test_a_log_axis_leaves_zero_out(void **state)
{
    const double x[] = {0, 1, 2}, y[] = {0, 10, 1000};
    struct chart c = sample_chart(x, y, 3, CHART_LOG);
    (void)state;
    char *text = draw(&c);
    assert_int_equal(count_of(text, "class=\"line c1\""), 1);
    assert_int_equal(count_of(text, "inf"), 0);
    free(text);
}

static void test_no_values_are_said_to_be_none(void **state)
{
    const double x[] = {0}, y[] = {NAN};
    struct chart none = sample_chart(x, y, 0, CHART_LINEAR), gap = sample_chart(x, y, 1, CHART_LOG);
    (void)state;
    char *text = draw(&none);
    assert_non_null(strstr(text, "no values"));
    free(text);
    text = draw(&gap);
    assert_non_null(strstr(text, "no values"));
    assert_int_equal(count_of(text, "nan"), 0);
    free(text);
}

static void test_one_value_is_a_point(void **state)
{
    const double x[] = {5}, y[] = {7};
    struct chart c = sample_chart(x, y, 1, CHART_LINEAR);
    (void)state;
    char *text = draw(&c);
    assert_int_equal(count_of(text, "<circle"), 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_ticks_are_round),     cmocka_unit_test(test_log_ticks_are_decades_or_finer),
        cmocka_unit_test(test_rounding_goes_to_1_2_5),     cmocka_unit_test(test_a_gap_parts_the_line),
        cmocka_unit_test(test_a_log_axis_leaves_zero_out), cmocka_unit_test(test_no_values_are_said_to_be_none),
        cmocka_unit_test(test_one_value_is_a_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
