/* SPDX-License-Identifier: MIT */
/*
 * base/histogram: buckets cover the range without gap, quantiles lie within the promised error of the exact ones,
 * merging equals recording everything in one.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>

#include "base/histogram.h"
#include "base/random.h"

static struct histogram h, other, both;

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void test_buckets_follow_each_other_without_gap(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
        assert_int_equal(histogram_bucket(first), b);
        uint64_t top = histogram_bucket_top(b);
        assert_true(top >= first);
        assert_int_equal(histogram_bucket(top), b);
        if (b < HISTOGRAM_BUCKETS - 1)
            assert_true(top - first <= first >> HISTOGRAM_SUB_BITS);
        first = top + 1;
    }
    assert_int_equal(first, 0);
    assert_int_equal(histogram_bucket_top(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static void test_an_empty_one_answers_zero(void **state)
{
    (void)state;
    histogram_reset(&h);
    assert_int_equal(histogram_quantile(&h, 500000), 0);
    assert_int_equal(histogram_mean(&h), 0);
}

static void test_one_value_is_every_quantile(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 129, 123456789, UINT64_C(1) << 42, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        histogram_reset(&h);
        histogram_record(&h, values[i]);
        for (uint32_t ppm = 0; ppm <= 1000000; ppm += 250000)
            assert_int_equal(histogram_quantile(&h, ppm), values[i]);
        assert_int_equal(histogram_mean(&h), values[i]);
        assert_int_equal(h.min, values[i]);
        assert_int_equal(h.max, values[i]);
    }
}

static uint64_t draw(struct random *r, unsigned style)
{
    switch (style) {
    case 0:
        return random_below(r, 100);
    case 1:
        return random_below(r, 1000000);
    case 2: /* every magnitude alike */
        return random_u64(r) >> (22 + random_below(r, 42));
    default: /* two far-off peaks */
        return (random_chance(r, 10000000) ? 50000000 : 20000) + random_below(r, 1000);
    }
}

static void check_quantiles(const uint64_t *sorted, size_t count)
{
    static const uint32_t ppms[] = {0,      1,      1000,   100000, 250000, 500000,
                                    900000, 990000, 999000, 999900, 999999, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(ppms); i++) {
        uint64_t rank = (count * ppms[i] + 999999) / 1000000;
        uint64_t exact = sorted[rank ? rank - 1 : 0];
        uint64_t found = histogram_quantile(&h, ppms[i]);
        assert_true(found >= exact);
        assert_true(found - exact <= exact >> HISTOGRAM_SUB_BITS);
    }
    assert_int_equal(histogram_quantile(&h, 1000000), sorted[count - 1]);
    assert_int_equal(histogram_quantile(&h, 2000000), sorted[count - 1]);
}

static void test_quantiles_are_within_the_bound_of_the_exact_ones(void **state)
{
    (void)state;
    enum { MAX_COUNT = 50000 };
    static const size_t counts[] = {2, 3, 10, 999, MAX_COUNT};
    uint64_t *values = malloc(MAX_COUNT * sizeof *values);
    assert_non_null(values);
    struct random r;
    random_seed(&r, 1);
    for (unsigned style = 0; style < 4; style++) {
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
            uint64_t sum = 0;
            histogram_reset(&h);
            for (size_t i = 0; i < counts[c]; i++) {
                values[i] = draw(&r, style);
                sum += values[i];
                histogram_record(&h, values[i]);
            }
            qsort(values, counts[c], sizeof *values, compare_u64);
            check_quantiles(values, counts[c]);
            assert_int_equal(h.min, values[0]);
            assert_int_equal(h.max, values[counts[c] - 1]);
            assert_int_equal(histogram_mean(&h), sum / counts[c]);
        }
    }
    free(values);
}

static void test_rank_does_not_overflow_at_huge_counts(void **state)
{
    (void)state;
    histogram_reset(&h);
    h.count = UINT64_MAX;
    h.min = 10;
    h.max = 20;
    h.buckets[10] = UINT64_MAX / 2;
    h.buckets[20] = UINT64_MAX - UINT64_MAX / 2;
    assert_int_equal(histogram_quantile(&h, 499999), 10);
    assert_int_equal(histogram_quantile(&h, 500001), 20);
    assert_int_equal(histogram_quantile(&h, 1000000), 20);
}

static void test_merging_equals_recording_in_one(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 2);
    histogram_reset(&h);
    histogram_reset(&other);
    histogram_reset(&both);
    for (int i = 0; i < 20000; i++) {
        uint64_t a = draw(&r, 2), b = draw(&r, 3);
        histogram_record(&h, a);
        histogram_record(&other, b);
        histogram_record(&both, a);
        histogram_record(&both, b);
    }
    histogram_merge(&h, &other);
    assert_memory_equal(&h, &both, sizeof h);
}

static void test_merging_with_an_empty_one_changes_nothing(void **state)
{
    (void)state;
    histogram_reset(&h);
    histogram_reset(&other);
    histogram_record(&h, 5);
    both = h;
    histogram_merge(&h, &other);
    assert_memory_equal(&h, &both, sizeof h);
    histogram_merge(&other, &h);
    assert_memory_equal(&other, &both, sizeof h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_follow_each_other_without_gap),
        cmocka_unit_test(test_an_empty_one_answers_zero),
        cmocka_unit_test(test_one_value_is_every_quantile),
        cmocka_unit_test(test_quantiles_are_within_the_bound_of_the_exact_ones),
        cmocka_unit_test(test_rank_does_not_overflow_at_huge_counts),
        cmocka_unit_test(test_merging_equals_recording_in_one),
        cmocka_unit_test(test_merging_with_an_empty_one_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
