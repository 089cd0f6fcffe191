/* SPDX-License-Identifier: MIT */
/*
 * base/random: golden values (from an independent implementation in Python; the first two also published with the
 * algorithms), bounds without bias, rough uniformity. Seeds are fixed, so the statistical checks cannot fail by chance.
 */
#include "support/cmocka_all.h"

#include "base/random.h"

static void test_seed_fills_the_state_by_splitmix64(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 0);
    assert_int_equal(r.s[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(r.s[1], UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(r.s[2], UINT64_C(0x06c45d188009454f));
    assert_int_equal(r.s[3], UINT64_C(0xf88bb8a8724c81ec));
}

static void test_generator_is_xoshiro256_starstar(void **state)
{
    (void)state;
    static const uint64_t golden[] = {
        11520,
        0,
        1509978240,
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct random r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < ARRAY_SIZE(golden); i++)
        assert_int_equal(random_u64(&r), golden[i]);
}

static void test_a_seed_gives_the_same_sequence_for_ever(void **state)
{
    (void)state;
    static const uint64_t golden[] = {
        UINT64_C(0x15780b2e0c2ec716), UINT64_C(0x6104d9866d113a7e), UINT64_C(0xae17533239e499a1),
        UINT64_C(0xecb8ad4703b360a1), UINT64_C(0xfde6dc7fe2ec5e64), UINT64_C(0xc50da53101795238),
        UINT64_C(0xb82154855a65ddb2), UINT64_C(0xd99a2743ebe60087),
    };
    struct random r;
    random_seed(&r, 42);
    for (size_t i = 0; i < ARRAY_SIZE(golden); i++)
        assert_int_equal(random_u64(&r), golden[i]);
    random_seed(&r, 42);
    assert_int_equal(random_u32(&r), 0x15780b2e);
}

static void test_bounded_numbers_have_their_golden_values(void **state)
{
    (void)state;
    static const uint64_t below_1000[] = {700, 278, 839, 981, 990, 872, 60, 104, 403, 151, 541, 731};
    /* With this bound a quarter of the draws are rejected. */
    static const uint64_t below_3_quarters[] = {
        UINT64_C(0x8682bc397b3b18c3), UINT64_C(0x35852e30bb76219d), UINT64_C(0xa1355e772fe15b30),
        UINT64_C(0xa79295aac8992936), UINT64_C(0x1d2610b8012a810a), UINT64_C(0x67f14cda20978931),
    };
    struct random r;
    random_seed(&r, 7);
    for (size_t i = 0; i < ARRAY_SIZE(below_1000); i++)
        assert_int_equal(random_below(&r, 1000), below_1000[i]);
    random_seed(&r, 7);
    for (size_t i = 0; i < ARRAY_SIZE(below_3_quarters); i++)
        assert_int_equal(random_below(&r, UINT64_C(3) << 62), below_3_quarters[i]);
}

static void test_bound_is_kept(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 3);
    for (int i = 0; i < 100000; i++) {
        uint64_t bound = random_u64(&r) >> random_below(&r, 64);
        if (bound)
            assert_true(random_below(&r, bound) < bound);
    }
    assert_int_equal(random_below(&r, 0), 0);
    assert_int_equal(random_below(&r, 1), 0);
}

/* Chi-squared with 99 degrees of freedom stays under 160 but once in 10^4 seeds; this seed is fixed. */
static void test_bounded_numbers_are_about_uniform(void **state)
{
    (void)state;
    enum { CELLS = 100, EACH = 10000 };
    uint64_t counts[CELLS] = {0};
    struct random r;
    random_seed(&r, 4);
    for (unsigned i = 0; i < CELLS * EACH; i++)
        counts[random_below(&r, CELLS)]++;
    uint64_t chi_times_each = 0;
    for (unsigned i = 0; i < CELLS; i++) {
        int64_t off = (int64_t)counts[i] - EACH;
        chi_times_each += (uint64_t)(off * off);
    }
    assert_in_range(chi_times_each / EACH, 50, 160);
}

static void test_each_bit_is_set_half_the_time(void **state)
{
    (void)state;
    unsigned set[64] = {0};
    struct random r;
    random_seed(&r, 5);
    for (int i = 0; i < 100000; i++) {
        uint64_t x = random_u64(&r);
        for (unsigned b = 0; b < 64; b++)
            set[b] += (unsigned)(x >> b) & 1u;
    }
    for (unsigned b = 0; b < 64; b++)
        assert_in_range(set[b], 49200, 50800); /* five standard deviations */
}

static void test_chance_holds_at_its_ends_and_about_between(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 6);
    unsigned hits = 0;
    for (int i = 0; i < 100000; i++) {
        assert_false(random_chance(&r, 0));
        assert_true(random_chance(&r, 1000000000));
        hits += random_chance(&r, 10000000); /* 1 % */
    }
    assert_in_range(hits, 850, 1150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_fills_the_state_by_splitmix64),
        cmocka_unit_test(test_generator_is_xoshiro256_starstar),
        cmocka_unit_test(test_a_seed_gives_the_same_sequence_for_ever),
        cmocka_unit_test(test_bounded_numbers_have_their_golden_values),
        cmocka_unit_test(test_bound_is_kept),
        cmocka_unit_test(test_bounded_numbers_are_about_uniform),
        cmocka_unit_test(test_each_bit_is_set_half_the_time),
        cmocka_unit_test(test_chance_holds_at_its_ends_and_about_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
