/* SPDX-License-Identifier: MIT */
/*
 * cli/series: however long a run, nothing is lost, the points follow each other without gap, and there are never more
 * than the capacity.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "base/random.h"
#include "cli/series.h"

#define SECOND INT64_C(1000000000)

static struct sample sample_of(uint64_t completed, uint64_t p50, uint64_t p99, uint64_t max, uint64_t live)
{
    struct sample s = {.live = live, .p50_ns = p50, .p99_ns = p99, .max_ns = max};
    s.count[SAMPLE_transactions_completed] = completed;
    s.count[SAMPLE_bytes_sent] = 10 * completed;
    return s;
}

static uint64_t total(const struct series *s, uint32_t column, enum sample_counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->used; i++)
        sum += series_at(s, i, column)->count[counter];
    return sum;
}

static void assert_no_gap(const struct series *s, int64_t end)
{
    int64_t at = 0;
    for (uint32_t i = 0; i < s->used; i++) {
        assert_int_equal(s->spans[i].start_ns, at);
        assert_true(s->spans[i].end_ns > at);
        at = s->spans[i].end_ns;
    }
    assert_int_equal(at, end);
}

static void test_a_long_run_is_covered_by_a_bounded_number_of_points(void **state)
{
    struct series s;
    struct random r;
    uint64_t sums[2] = {0, 0};
    (void)state;
    random_seed(&r, 7);
    assert_int_equal(series_init(&s, 2, 8), 0);
    for (int64_t second = 1; second <= 1000; second++) {
        struct sample row[2] = {sample_of(random_below(&r, 1000), 1, 2, 3, 4),
                                sample_of(random_below(&r, 1000), 1, 2, 3, 4)};
        for (unsigned i = 0; i < 2; i++)
            sums[i] += row[i].count[SAMPLE_transactions_completed];
        series_append(&s, second * SECOND, row);
        assert_true(s.used <= 8);
        assert_no_gap(&s, second * SECOND);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(total(&s, i, SAMPLE_transactions_completed), sums[i]);
            assert_int_equal(total(&s, i, SAMPLE_bytes_sent), 10 * sums[i]);
        }
    }
    assert_true(s.used > 4);
    for (uint32_t i = 0; i + 1 < s.used; i++)
        assert_int_equal(s.spans[i].gathered, s.gather);
    series_free(&s);
}

static void test_points_stay_apart_while_there_is_room(void **state)
{
    struct series s;
    (void)state;
    assert_int_equal(series_init(&s, 1, 4), 0);
    for (int64_t i = 1; i <= 4; i++) {
        struct sample one = sample_of((uint64_t)i, 0, 0, 0, 0);
        series_append(&s, i * SECOND, &one);
    }
    assert_int_equal(s.used, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(series_at(&s, i, 0)->count[SAMPLE_transactions_completed], i + 1);
    series_free(&s);
}

static void test_merging_keeps_the_bounds_of_latency(void **state)
{
    struct series s;
    struct sample a = sample_of(100, 1000, 5000, 9000, 5), b = sample_of(300, 2000, 4000, 20000, 7);
    (void)state;
    assert_int_equal(series_init(&s, 1, 2), 0);
    series_append(&s, SECOND, &a);
    series_append(&s, 2 * SECOND, &b);
    series_shrink(&s, 1);
    assert_int_equal(s.used, 1);
    assert_int_equal(series_at(&s, 0, 0)->p50_ns, 1750);
    assert_int_equal(series_at(&s, 0, 0)->p99_ns, 5000);
    assert_int_equal(series_at(&s, 0, 0)->max_ns, 20000);
    assert_int_equal(series_at(&s, 0, 0)->live, 7);
    assert_int_equal(series_span_ns(&s, 0), 2 * SECOND);
    series_free(&s);
}

static void test_a_short_rest_at_the_end_joins_the_last_point(void **state)
{
    struct series s;
    struct sample one = sample_of(1, 0, 0, 0, 0);
    (void)state;
    assert_int_equal(series_init(&s, 1, 4), 0);
    series_append(&s, SECOND, &one);
    series_append(&s, 2 * SECOND, &one);
    series_append(&s, 2 * SECOND + SECOND / 4, &one);
    assert_int_equal(s.used, 2);
    assert_int_equal(series_at(&s, 1, 0)->count[SAMPLE_transactions_completed], 2);
    assert_no_gap(&s, 2 * SECOND + SECOND / 4);
    series_append(&s, 3 * SECOND, &one);
    assert_int_equal(s.used, 3);
    series_free(&s);
}

static void test_an_odd_or_no_capacity_is_refused(void **state)
{
    struct series s;
    (void)state;
    assert_int_equal(series_init(&s, 1, 3), ERR_INVALID);
    assert_int_equal(series_init(&s, 1, 0), ERR_INVALID);
    assert_int_equal(series_init(&s, 0, 2), ERR_INVALID);
}

static void test_a_rate_is_counted_by_the_second(void **state)
{
    struct sample one = sample_of(50, 0, 0, 0, 0);
    (void)state;
    assert_true(sample_rate(&one, SAMPLE_transactions_completed, SECOND / 2) == 100);
    assert_true(sample_rate(&one, SAMPLE_transactions_completed, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_run_is_covered_by_a_bounded_number_of_points),
        cmocka_unit_test(test_points_stay_apart_while_there_is_room),
        cmocka_unit_test(test_merging_keeps_the_bounds_of_latency),
        cmocka_unit_test(test_a_short_rest_at_the_end_joins_the_last_point),
        cmocka_unit_test(test_an_odd_or_no_capacity_is_refused),
        cmocka_unit_test(test_a_rate_is_counted_by_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
