/* SPDX-License-Identifier: MIT */
/*
 * cli/bench: figures are collected by name and peer, and their median is that of the runs.
 */
#include "support/cmocka_all.h"

#include "cli/bench.h"

static void test_the_median_is_in_the_middle_of_the_runs(void **state)
{
    static struct bench_result r;
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        bench_record(&r, "odd", "1/s", (double)((i * 3) % 5));
        bench_record_peer(&r, "peer", "odd", "1/s", 100);
        if (i < 4)
            bench_record(&r, "even", "1/s", (double)(4 - i));
    }
    bench_sort(&r);
    assert_int_equal(r.n_figures, 3);
    assert_true(bench_median(&r.figures[0]) == 2 && r.figures[0].values[0] == 0 && r.figures[0].values[4] == 4);
    assert_true(bench_median(&r.figures[1]) == 100);
    assert_true(bench_median(&r.figures[2]) == 2.5);
}

static void test_a_failure_keeps_its_reason(void **state)
{
    static struct bench_result r;
    (void)state;
    assert_int_equal(bench_fail(&r, -5, "no %s", "core"), -5);
    assert_string_equal(r.message, "no core");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_median_is_in_the_middle_of_the_runs),
        cmocka_unit_test(test_a_failure_keeps_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
