/* SPDX-License-Identifier: MIT */
/*
 * base/ring in one thread: order, capacity, partial bursts, indices that wrap. Two threads: test_base_ring_threads.c.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "base/random.h"
#include "base/ring.h"
#include "support/counting_alloc.h"

static void *item_of(uintptr_t n) { return (void *)(n * 16); }

static void test_wrong_capacities_and_a_failing_allocator_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct ring r;
    assert_int_equal(ring_init(&r, a, 0), ERR_INVALID);
    assert_int_equal(ring_init(&r, a, (1u << 24) + 1), ERR_INVALID);
    c.allocs_left = 0;
    assert_int_equal(ring_init(&r, a, 8), ERR_NO_MEMORY);
    ring_free(&r);
    assert_int_equal(c.live_blocks, 0);
}

static void test_capacity_is_rounded_up_and_all_of_it_usable(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    static const struct {
        uint32_t asked, got;
    } cases[] = {{1, 1}, {2, 2}, {3, 4}, {5, 8}, {64, 64}, {65, 128}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ring r;
        void *items[200] = {0};
        assert_int_equal(ring_init(&r, a, cases[i].asked), ERR_OK);
        assert_int_equal(ring_room(&r), cases[i].got);
        assert_int_equal(ring_push(&r, items, 200), cases[i].got);
        assert_int_equal(ring_push(&r, items, 1), 0);
        assert_int_equal(ring_room(&r), 0);
        assert_int_equal(ring_count(&r), cases[i].got);
        assert_int_equal(ring_pop(&r, items, 200), cases[i].got);
        assert_int_equal(ring_pop(&r, items, 1), 0);
        ring_free(&r);
    }
    assert_int_equal(c.live_blocks, 0);
}

static void run_random_bursts(struct ring *r, uint32_t capacity)
{
    struct random rnd;
    random_seed(&rnd, 1);
    uintptr_t pushed = 0, popped = 0;
    for (int i = 0; i < 200000; i++) {
        void *items[40];
        unsigned n = (unsigned)random_below(&rnd, ARRAY_SIZE(items) + 1);
        if (random_chance(&rnd, 500000000)) {
            for (unsigned k = 0; k < n; k++)
                items[k] = item_of(pushed + k);
            unsigned room = capacity - (unsigned)(pushed - popped);
            unsigned done = ring_push(r, items, n);
            assert_int_equal(done, n < room ? n : room);
            pushed += done;
        } else {
            unsigned done = ring_pop(r, items, n);
            assert_int_equal(done, n < pushed - popped ? n : pushed - popped);
            for (unsigned k = 0; k < done; k++)
                assert_ptr_equal(items[k], item_of(popped + k));
            popped += done;
        }
    }
}

static void test_items_come_out_in_order(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct ring r;
    assert_int_equal(ring_init(&r, counting_alloc_init(&c), 64), ERR_OK);
    run_random_bursts(&r, 64);
    ring_free(&r);
}

static void test_order_holds_when_the_indices_wrap(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct ring r;
    assert_int_equal(ring_init(&r, counting_alloc_init(&c), 64), ERR_OK);
    unsigned near_the_end = 0u - 1000;
    atomic_store(&r.head, near_the_end);
    atomic_store(&r.tail, near_the_end);
    r.cached_head = r.cached_tail = near_the_end;
    run_random_bursts(&r, 64);
    ring_free(&r);
}

static void test_the_two_sides_are_on_lines_of_their_own(void **state)
{
    (void)state;
    assert_true(offsetof(struct ring, head) - offsetof(struct ring, tail) >= CACHE_LINE);
    assert_true(offsetof(struct ring, slots) - offsetof(struct ring, head) >= CACHE_LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_capacities_and_a_failing_allocator_are_refused),
        cmocka_unit_test(test_capacity_is_rounded_up_and_all_of_it_usable),
        cmocka_unit_test(test_items_come_out_in_order),
        cmocka_unit_test(test_order_holds_when_the_indices_wrap),
        cmocka_unit_test(test_the_two_sides_are_on_lines_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
