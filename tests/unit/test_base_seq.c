/* SPDX-License-Identifier: MIT */
/*
 * base/seq: comparisons modulo 2^32 (RFC 9293 section 3.4), checked around the wrap and against 64-bit numbers.
 */
#include "support/cmocka_all.h"

#include "base/random.h"
#include "base/seq.h"

static void test_order_holds_across_the_wrap(void **state)
{
    (void)state;
    struct seq before = seq_of(0xffffff00), after = seq_of(0x10);
    assert_true(seq_lt(before, after));
    assert_true(seq_le(before, after));
    assert_true(seq_gt(after, before));
    assert_true(seq_ge(after, before));
    assert_false(seq_eq(before, after));
    assert_int_equal(seq_diff(after, before), 0x110);
    assert_int_equal(seq_diff(before, after), -0x110);
    assert_int_equal(seq_len(before, after), 0x110);
    assert_int_equal(seq_max(before, after).v, 0x10);
    assert_int_equal(seq_min(before, after).v, 0xffffff00);
}

static void test_equal_numbers_are_neither_before_nor_after(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct seq a = seq_of(values[i]);
        assert_true(seq_eq(a, a) && seq_le(a, a) && seq_ge(a, a));
        assert_false(seq_lt(a, a) || seq_gt(a, a));
    }
}

static void test_order_agrees_with_64_bit_numbers_less_than_half_the_space_apart(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 1);
    for (int i = 0; i < 200000; i++) {
        uint64_t a = random_below(&r, UINT64_C(1) << 40);
        int64_t apart = (int64_t)random_below(&r, UINT64_C(0xffffffff)) - 0x7fffffff;
        if ((int64_t)a + apart < 0)
            continue;
        uint64_t b = a + (uint64_t)apart;
        struct seq sa = seq_of((uint32_t)a), sb = seq_of((uint32_t)b);
        assert_int_equal(seq_lt(sa, sb), a < b);
        assert_int_equal(seq_le(sa, sb), a <= b);
        assert_int_equal(seq_gt(sa, sb), a > b);
        assert_int_equal(seq_ge(sa, sb), a >= b);
        assert_int_equal(seq_max(sa, sb).v, (uint32_t)(a > b ? a : b));
        assert_int_equal(seq_min(sa, sb).v, (uint32_t)(a < b ? a : b));
        assert_true((int64_t)seq_diff(sb, sa) == apart);
    }
}

static void test_add_and_sub_wrap(void **state)
{
    (void)state;
    assert_int_equal(seq_add(seq_of(0xffffffff), 1).v, 0);
    assert_int_equal(seq_sub(seq_of(0), 1).v, 0xffffffff);
    assert_int_equal(seq_sub(seq_add(seq_of(0xffffff00), 0x12345), 0x12345).v, 0xffffff00);
}

static void test_window_includes_its_first_and_excludes_its_end(void **state)
{
    (void)state;
    struct seq first = seq_of(0xfffffff0);
    assert_true(seq_in_window(first, first, 0x20));
    assert_true(seq_in_window(seq_of(0), first, 0x20));
    assert_true(seq_in_window(seq_of(0x0f), first, 0x20));
    assert_false(seq_in_window(seq_of(0x10), first, 0x20));
    assert_false(seq_in_window(seq_of(0xffffffef), first, 0x20));
    assert_false(seq_in_window(first, first, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_holds_across_the_wrap),
        cmocka_unit_test(test_equal_numbers_are_neither_before_nor_after),
        cmocka_unit_test(test_order_agrees_with_64_bit_numbers_less_than_half_the_space_apart),
        cmocka_unit_test(test_add_and_sub_wrap),
        cmocka_unit_test(test_window_includes_its_first_and_excludes_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
