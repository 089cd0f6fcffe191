/* SPDX-License-Identifier: MIT */
/*
 * base/bytes: big-endian loads and stores at any alignment, and the cursor whose error sticks.
 */
#include "support/cmocka_all.h"

#include "base/bytes.h"

static void test_loads_are_big_endian_at_any_alignment(void **state)
{
    (void)state;
    uint8_t b[24] = {0};
    for (size_t at = 0; at < 8; at++) {
        for (size_t i = 0; i < 8; i++)
            b[at + i] = (uint8_t)(0x11 * (i + 1));
        assert_int_equal(load_be16(b + at), 0x1122);
        assert_int_equal(load_be32(b + at), 0x11223344);
        assert_int_equal(load_be64(b + at), UINT64_C(0x1122334455667788));
    }
}

static void test_load_after_store_is_the_identity(void **state)
{
    (void)state;
    uint8_t b[16];
    for (size_t at = 0; at < 8; at++) {
        memset(b, 0xee, sizeof b);
        store_be16(b + at, 0xa1b2);
        assert_int_equal(load_be16(b + at), 0xa1b2);
        assert_int_equal(b[at], 0xa1);
        store_be32(b + at, 0xa1b2c3d4);
        assert_int_equal(load_be32(b + at), 0xa1b2c3d4);
        assert_int_equal(b[at], 0xa1);
        store_be64(b + at, UINT64_C(0xa1b2c3d4e5f60718));
        assert_int_equal(load_be64(b + at), UINT64_C(0xa1b2c3d4e5f60718));
        assert_int_equal(b[at], 0xa1);
        for (size_t i = at + 8; i < sizeof b; i++)
            assert_int_equal(b[i], 0xee);
    }
}

static void test_cursor_reads_in_order(void **state)
{
    (void)state;
    static const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct cursor c = cursor_over(b, sizeof b);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_be16(&c), 0x0203);
    assert_int_equal(cursor_be32(&c), 0x04050607);
    assert_int_equal(cursor_left(&c), 2);
    assert_ptr_equal(cursor_take(&c, 2), b + 7);
    assert_false(c.failed);
    assert_int_equal(cursor_left(&c), 0);
    assert_non_null(cursor_take(&c, 0));
    assert_false(c.failed);
}

static void test_cursor_error_sticks_and_reads_give_zero(void **state)
{
    (void)state;
    static const uint8_t b[] = {1, 2, 3};
    struct cursor c = cursor_over(b, sizeof b);
    assert_int_equal(cursor_be32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_be16(&c), 0);
    assert_null(cursor_take(&c, 0));
    assert_true(c.failed);
}

static void test_cursor_refuses_lengths_that_would_wrap(void **state)
{
    (void)state;
    static const uint8_t b[] = {1, 2, 3};
    struct cursor c = cursor_over(b, sizeof b);
    assert_null(cursor_take(&c, SIZE_MAX));
    assert_true(c.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_are_big_endian_at_any_alignment),
        cmocka_unit_test(test_load_after_store_is_the_identity),
        cmocka_unit_test(test_cursor_reads_in_order),
        cmocka_unit_test(test_cursor_error_sticks_and_reads_give_zero),
        cmocka_unit_test(test_cursor_refuses_lengths_that_would_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
