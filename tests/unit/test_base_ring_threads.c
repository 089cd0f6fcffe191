/* SPDX-License-Identifier: MIT */
/*
 * base/ring between two threads: what goes in comes out, once and in order, and what an item points to is seen whole.
 * Meant for the thread sanitizer too.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <sched.h>

#include "base/error.h"
#include "base/random.h"
#include "base/ring.h"
#include "support/counting_alloc.h"

#define ITEMS 300000u
#define RING_CAPACITY 128u

struct shared {
    struct ring ring;
    uint64_t values[ITEMS]; /* written by the producer just before it pushes a pointer to it */
};

static uint64_t value_of(unsigned i) { return i * UINT64_C(0x9e3779b97f4a7c15) + 1; }

static void *produce(void *context)
{
    struct shared *s = context;
    struct random r;
    random_seed(&r, 1);
    unsigned made = 0, pushed = 0;
    while (pushed < ITEMS) {
        void *items[32];
        unsigned n = 1 + (unsigned)random_below(&r, 32);
        for (; made < pushed + n && made < ITEMS; made++)
            s->values[made] = value_of(made);
        for (unsigned k = 0; k < made - pushed && k < n; k++)
            items[k] = &s->values[pushed + k];
        unsigned done = ring_push(&s->ring, items, made - pushed < n ? made - pushed : n);
        pushed += done;
        if (done == 0 || ring_room(&s->ring) > RING_CAPACITY)
            sched_yield();
    }
    return NULL;
}

static unsigned consume(struct shared *s)
{
    struct random r;
    random_seed(&r, 2);
    unsigned popped = 0, wrong = 0;
    while (popped < ITEMS) {
        void *items[32];
        unsigned count = ring_count(&s->ring);
        unsigned n = ring_pop(&s->ring, items, 1 + (unsigned)random_below(&r, 32));
        wrong += count > RING_CAPACITY;
        for (unsigned k = 0; k < n; k++) {
            const uint64_t *value = items[k];
            wrong += value != &s->values[popped + k] || *value != value_of(popped + k);
        }
        popped += n;
        if (n == 0)
            sched_yield();
    }
    return wrong;
}

static void test_two_threads_pass_every_item_once_in_order(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct shared *s = alloc_zeroed(a, sizeof *s, alignof(struct shared));
    assert_non_null(s);
    assert_int_equal(ring_init(&s->ring, a, RING_CAPACITY), ERR_OK);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, s), 0);
    unsigned wrong = consume(s);
    pthread_join(producer, NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(ring_count(&s->ring), 0);
    assert_int_equal(ring_room(&s->ring), RING_CAPACITY);
    ring_free(&s->ring);
    alloc_free(a, s, sizeof *s);
    assert_int_equal(c.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_threads_pass_every_item_once_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
