/* SPDX-License-Identifier: MIT */
/*
 * base/pool: indices are distinct and never 0, the last freed comes first, memory is touched only as used, running out
 * is counted.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "base/random.h"
#include "support/counting_alloc.h"

static void test_wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct pool p;
    assert_int_equal(pool_init(&p, a, 0, 8, 8), ERR_INVALID);
    assert_int_equal(pool_init(&p, a, UINT32_MAX, 8, 8), ERR_INVALID);
    assert_int_equal(pool_init(&p, a, 1, 3, 1), ERR_INVALID);
    assert_int_equal(pool_init(&p, a, 1, 8, 0), ERR_INVALID);
    assert_int_equal(pool_init(&p, a, 1, 8, 12), ERR_INVALID);
    assert_int_equal(pool_init(&p, a, 1, UINT32_MAX, 64), ERR_INVALID);
    pool_free(&p);
    assert_int_equal(c.live_blocks, 0);
}

static void test_failing_allocator_gives_no_memory(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    c.allocs_left = 0;
    struct pool p;
    assert_int_equal(pool_init(&p, a, 10, 8, 8), ERR_NO_MEMORY);
    pool_free(&p);
}

static void test_size_is_rounded_up_to_the_alignment(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct pool p;
    assert_int_equal(pool_init(&p, counting_alloc_init(&c), 5, 65, 64), ERR_OK);
    assert_int_equal(p.size, 128);
    for (int i = 0; i < 5; i++) {
        uint32_t index = pool_get(&p);
        assert_int_equal((uintptr_t)pool_at(&p, index) % 64, 0);
        assert_int_equal(pool_index(&p, pool_at(&p, index)), index);
    }
    pool_free(&p);
    assert_int_equal(c.live_bytes, 0);
}

static void test_indices_are_distinct_and_never_zero_and_the_end_is_counted(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct pool p;
    bool seen[101] = {false};
    assert_int_equal(pool_init(&p, counting_alloc_init(&c), 100, 4, 4), ERR_OK);
    for (unsigned i = 0; i < 100; i++) {
        uint32_t index = pool_get(&p);
        assert_in_range(index, 1, 100);
        assert_false(seen[index]);
        seen[index] = true;
    }
    assert_int_equal(p.used, 100);
    assert_int_equal(pool_get(&p), POOL_NONE);
    assert_int_equal(pool_get(&p), POOL_NONE);
    assert_int_equal(p.exhausted, 2);
    pool_put(&p, 50);
    assert_int_equal(pool_get(&p), 50);
    pool_free(&p);
}

static void test_last_freed_is_first_used_again(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct pool p;
    assert_int_equal(pool_init(&p, counting_alloc_init(&c), 10, 16, 8), ERR_OK);
    uint32_t x = pool_get(&p), y = pool_get(&p), z = pool_get(&p);
    pool_put(&p, x);
    pool_put(&p, z);
    pool_put(&p, y);
    assert_int_equal(pool_get(&p), y);
    assert_int_equal(pool_get(&p), z);
    assert_int_equal(pool_get(&p), x);
    assert_int_equal(p.touched, 3);
    pool_free(&p);
}

static void test_objects_begin_zeroed_and_keep_what_lies_behind_the_link(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct pool p;
    static const uint8_t zeros[32];
    assert_int_equal(pool_init(&p, counting_alloc_init(&c), 4, 32, 8), ERR_OK);
    uint32_t index = pool_get(&p);
    assert_memory_equal(pool_at(&p, index), zeros, 32);
    memset(pool_at(&p, index), 0x77, 32);
    pool_put(&p, index);
    assert_int_equal(pool_get(&p), index);
    const uint8_t *object = pool_at(&p, index);
    for (unsigned i = 4; i < 32; i++)
        assert_int_equal(object[i], 0x77);
    pool_free(&p);
}

/* Each object carries its owner's mark: were one handed out twice, a mark would be overwritten. */
static void test_random_use_never_hands_out_an_object_twice(void **state)
{
    (void)state;
    enum { CAPACITY = 200 };
    struct counting_alloc c;
    struct pool p;
    struct random r;
    uint32_t held[CAPACITY], count = 0;
    random_seed(&r, 1);
    assert_int_equal(pool_init(&p, counting_alloc_init(&c), CAPACITY, 8, 8), ERR_OK);
    for (uint32_t i = 0; i < 200000; i++) {
        if (random_chance(&r, 510000000)) {
            uint32_t index = pool_get(&p);
            assert_int_equal(index == POOL_NONE, count == CAPACITY);
            if (index == POOL_NONE)
                continue;
            memcpy(pool_at(&p, index), &(uint64_t){index * UINT64_C(0x100000001)}, 8);
            held[count++] = index;
        } else if (count > 0) {
            uint32_t at = (uint32_t)random_below(&r, count);
            uint64_t mark;
            memcpy(&mark, pool_at(&p, held[at]), 8);
            assert_int_equal(mark, held[at] * UINT64_C(0x100000001));
            pool_put(&p, held[at]);
            held[at] = held[--count];
        }
        assert_int_equal(p.used, count);
    }
    pool_free(&p);
    assert_int_equal(c.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_failing_allocator_gives_no_memory),
        cmocka_unit_test(test_size_is_rounded_up_to_the_alignment),
        cmocka_unit_test(test_indices_are_distinct_and_never_zero_and_the_end_is_counted),
        cmocka_unit_test(test_last_freed_is_first_used_again),
        cmocka_unit_test(test_objects_begin_zeroed_and_keep_what_lies_behind_the_link),
        cmocka_unit_test(test_random_use_never_hands_out_an_object_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
