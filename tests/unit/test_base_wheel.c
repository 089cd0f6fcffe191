/* SPDX-License-Identifier: MIT */
/*
 * base/wheel against a naive model (one deadline tick a node, scanned): random arming, disarming and advancing with and
 * without budget, from inside callbacks too, with ticks that wrap, time that jumps and time that goes back. The model
 * counts ticks in 64 bits.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "base/wheel.h"
#include "support/counting_alloc.h"

#define NODES 200u
#define HORIZON UINT64_C(0xff000000)
#define START INT64_C(1000000007)

struct model {
    struct wheel w;
    struct random r;
    uint32_t shift;
    uint64_t tick; /* of the wheel, in 64 bits */
    bool armed[NODES + 1];
    uint64_t due[NODES + 1]; /* tick of an armed node */
    uint32_t count;
    int64_t now;          /* the latest time advanced to */
    uint64_t last_called; /* tick of the last node called in this advance */
    uint64_t passed;      /* last tick that has begun in this advance */
    bool rearm;           /* callbacks arm and disarm nodes */
    unsigned calls;
};

static int64_t time_of(const struct model *m, uint64_t tick) { return START + (int64_t)(tick << m->shift); }

/* Floor for times from START on. */
static uint64_t tick_of(const struct model *m, int64_t time) { return (uint64_t)(time - START) >> m->shift; }

/* Reads where the wheel stands; it may only have moved forward. */
static void follow_tick(struct model *m)
{
    uint64_t tick = tick_of(m, m->w.origin + (int64_t)((uint64_t)m->w.tick << m->shift));
    assert_true(tick >= m->tick);
    assert_int_equal((uint32_t)tick, m->w.tick);
    m->tick = tick;
}

static uint64_t first_due(const struct model *m)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t n = 1; n <= NODES; n++)
        if (m->armed[n] && m->due[n] < first)
            first = m->due[n];
    return first;
}

static void arm(struct model *m, uint32_t node, int64_t deadline)
{
    follow_tick(m);
    wheel_arm(&m->w, node, deadline);
    if (deadline == TIME_NEVER)
        return;
    uint64_t due = 0;
    if (deadline > START)
        due = ((uint64_t)(deadline - START) + (UINT64_C(1) << m->shift) - 1) >> m->shift;
    due = min_u64(max_u64(due, m->tick), m->tick + HORIZON);
    if (m->armed[node] && m->due[node] <= due)
        return;
    m->count += !m->armed[node];
    m->armed[node] = true;
    m->due[node] = due;
}

static void disarm(struct model *m, uint32_t node)
{
    wheel_disarm(&m->w, node);
    m->count -= m->armed[node];
    m->armed[node] = false;
}

/* A span of ticks: mostly short, sometimes up to the horizon and beyond. */
static uint64_t draw_ticks(struct random *r)
{
    static const uint64_t scales[] = {1, 3, 100, 300, 3000, 70000, 1 << 20, 1 << 25};
    uint64_t scale = scales[random_below(r, ARRAY_SIZE(scales))];
    if (random_chance(r, 5000000))
        scale = UINT64_C(1) << 33;
    return random_below(r, scale + 1);
}

static int64_t draw_deadline(struct model *m)
{
    struct random *r = &m->r;
    if (random_chance(r, 10000000))
        return random_chance(r, 500000000) ? TIME_NEVER : TIME_NEVER - 1;
    if (random_chance(r, 20000000))
        return random_chance(r, 500000000) ? 0 : INT64_MIN;
    int64_t ahead = (int64_t)(draw_ticks(r) << m->shift) + (int64_t)random_below(r, UINT64_C(1) << m->shift);
    return m->now + (random_chance(r, 50000000) ? -ahead : ahead);
}

static uint32_t draw_node(struct model *m) { return 1 + (uint32_t)random_below(&m->r, NODES); }

static void called(void *context, uint32_t node, int64_t now)
{
    struct model *m = context;
    assert_in_range(node, 1, NODES);
    assert_true(m->armed[node]);
    assert_true(m->due[node] <= m->passed);
    assert_true(m->due[node] >= m->last_called);
    assert_true(time_of(m, m->due[node]) <= now);
    m->last_called = m->due[node];
    m->armed[node] = false;
    m->count--;
    m->calls++;
    if (m->rearm && random_chance(&m->r, 300000000))
        arm(m, node, draw_deadline(m));
    if (m->rearm && random_chance(&m->r, 100000000))
        arm(m, draw_node(m), draw_deadline(m));
    if (m->rearm && random_chance(&m->r, 100000000))
        disarm(m, draw_node(m));
}

static void advance_once(struct model *m, int64_t now, unsigned budget)
{
    m->passed = now < START ? 0 : tick_of(m, now);
    m->last_called = 0;
    m->calls = 0;
    if (now > m->now)
        m->now = now;
    unsigned calls = wheel_advance(&m->w, now, budget, called, m);
    assert_int_equal(calls, m->calls);
    assert_true(calls <= budget);
    follow_tick(m);
}

/* What wheel_next promises, at any moment. */
static void check_next(const struct model *m)
{
    int64_t next = wheel_next(&m->w);
    uint64_t first = first_due(m);
    assert_int_equal(m->w.armed, m->count);
    assert_int_equal(next == TIME_NEVER, m->count == 0);
    if (m->count)
        assert_true(next <= time_of(m, first));
}

/* Advances until nothing is left at `now`; each turn must call a node or bring some nearer. */
static void drain(struct model *m, int64_t now, unsigned budget)
{
    unsigned turns = 0;
    do {
        advance_once(m, now, budget);
        assert_true(++turns < 100000);
    } while (wheel_next(&m->w) <= now);
    assert_true(m->count == 0 || first_due(m) > m->passed);
    if (now >= m->now && now >= START)
        assert_true(m->tick == m->passed + 1);
}

/* The loop of an event-driven caller: never late, exactly on the tick, in few turns. */
static void run_to_next_call(struct model *m)
{
    uint64_t first = first_due(m);
    for (unsigned turn = 0; m->count > 0; turn++) {
        int64_t next = wheel_next(&m->w);
        assert_true(next <= time_of(m, first));
        advance_once(m, next, 1000);
        if (m->calls) {
            assert_true(m->passed == first);
            return;
        }
        assert_true(turn < WHEEL_LEVELS + 2);
    }
}

/* The rings and bitmaps, as the invariants in wheel.c have them. */
static void check_structure(const struct model *m)
{
    const struct wheel *w = &m->w;
    uint32_t heads = w->capacity + 1, found = 0;
    for (uint32_t slot = 0; slot <= WHEEL_LEVELS * WHEEL_SLOTS; slot++) {
        uint32_t head = heads + slot, in_ring = 0;
        for (uint32_t n = w->nodes[head].next, prev = head;; prev = n, n = w->nodes[n].next) {
            assert_int_equal(w->nodes[n].prev, prev);
            if (n == head)
                break;
            assert_in_range(n, 1, NODES);
            assert_true(m->armed[n]);
            assert_int_equal(w->nodes[n].tick, (uint32_t)m->due[n]);
            in_ring++;
        }
        found += in_ring;
        if (slot < WHEEL_LEVELS * WHEEL_SLOTS) {
            uint64_t word = w->occupied[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS / 64];
            assert_int_equal((word >> (slot % 64)) & 1, in_ring > 0);
        }
    }
    assert_int_equal(found, m->count);
    for (uint32_t n = 1; n <= NODES; n++)
        assert_int_equal(w->nodes[n].next != 0, m->armed[n]);
}

static void random_advance(struct model *m)
{
    struct random *r = &m->r;
    int64_t now = m->now + (int64_t)(draw_ticks(r) << m->shift) + (int64_t)random_below(r, UINT64_C(1) << m->shift);
    if (random_chance(r, 700000000)) {
        now = m->now + (int64_t)random_below(r, UINT64_C(5) << m->shift);
    } else if (random_chance(r, 50000000)) {
        /* Back in time: nothing may be called that was not due then. */
        advance_once(m, m->now - (int64_t)(draw_ticks(r) << m->shift), 50);
        return;
    }
    if ((uint64_t)(now - m->now) >> m->shift < UINT32_MAX && random_chance(r, 500000000))
        advance_once(m, now, (unsigned)random_below(r, 6));
    else
        drain(m, now, random_chance(r, 500000000) ? 1 + (unsigned)random_below(r, 5) : 1000);
}

static void random_step(struct model *m)
{
    uint64_t what = random_below(&m->r, 100);
    if (what < 55)
        arm(m, draw_node(m), draw_deadline(m));
    else if (what < 65)
        disarm(m, draw_node(m));
    else if (what < 95)
        random_advance(m);
    else
        run_to_next_call(m);
    check_next(m);
}

static void start(struct model *m, const struct allocator *a, uint32_t shift, uint64_t first_tick, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->shift = shift;
    m->now = START;
    random_seed(&m->r, seed);
    assert_int_equal(wheel_init(&m->w, a, NODES, shift, START), ERR_OK);
    if (first_tick) {
        assert_int_equal(wheel_advance(&m->w, time_of(m, first_tick - 1), 1, called, m), 0);
        m->now = time_of(m, first_tick - 1);
    }
    follow_tick(m);
    assert_int_equal(m->tick, first_tick);
}

static void test_a_million_random_operations_agree_with_the_model(void **state)
{
    (void)state;
    static const uint32_t shifts[] = {10, 20, 28}; /* at 30, times past the first wrap do not fit into 63 bits */
    static const uint64_t first_ticks[] = {0, 0xffffff00, 0xfff00000, 0xff000001, 0x7fffff80, 0xfefffff0};
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    static struct model m;
    for (unsigned run = 0; run < 1000; run++) {
        start(&m, a, shifts[run % 3], first_ticks[run / 3 % ARRAY_SIZE(first_ticks)], run);
        m.rearm = run % 2;
        for (unsigned i = 0; i < 1000 && m.now < INT64_MAX / 2; i++) {
            random_step(&m);
            if (i % 50 == 0)
                check_structure(&m);
        }
        m.rearm = false;
        while (m.count > 0)
            run_to_next_call(&m);
        check_structure(&m);
        wheel_free(&m.w);
    }
    assert_int_equal(c.live_blocks, 0);
}

static void test_wrong_arguments_and_a_failing_allocator_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct wheel w;
    assert_int_equal(wheel_init(&w, a, 0, 20, 0), ERR_INVALID);
    assert_int_equal(wheel_init(&w, a, UINT32_MAX - 5, 20, 0), ERR_INVALID);
    assert_int_equal(wheel_init(&w, a, 10, 9, 0), ERR_INVALID);
    assert_int_equal(wheel_init(&w, a, 10, 31, 0), ERR_INVALID);
    c.allocs_left = 0;
    assert_int_equal(wheel_init(&w, a, 10, 20, 0), ERR_NO_MEMORY);
    wheel_free(&w);
    assert_int_equal(c.live_blocks, 0);
}

/* Every distance from 0 to 70000 ticks crosses each kind of slot boundary of two levels. */
static void test_each_deadline_is_called_on_its_own_tick(void **state)
{
    (void)state;
    struct counting_alloc c;
    static struct model m;
    start(&m, counting_alloc_init(&c), 10, 0xffff8000, 1);
    for (uint64_t ticks = 0; ticks < 70000; ticks += 1 + ticks / 300) {
        int64_t deadline = m.now + (int64_t)(ticks << 10) + 1;
        arm(&m, 1, deadline);
        uint64_t due = m.due[1];
        assert_true(time_of(&m, due) >= deadline && time_of(&m, due) < deadline + 1024);
        drain(&m, time_of(&m, due) - 1, 10);
        assert_true(m.armed[1]);
        drain(&m, time_of(&m, due), 10);
        assert_false(m.armed[1]);
    }
    wheel_free(&m.w);
}

static void test_a_later_deadline_leaves_the_node_where_it_is(void **state)
{
    (void)state;
    struct counting_alloc c;
    static struct model m;
    start(&m, counting_alloc_init(&c), 20, 0, 2);
    arm(&m, 7, time_of(&m, 100));
    arm(&m, 7, time_of(&m, 5000));
    assert_int_equal(m.w.nodes[7].tick, 100);
    arm(&m, 7, time_of(&m, 50));
    assert_int_equal(m.w.nodes[7].tick, 50);
    arm(&m, 7, TIME_NEVER);
    arm(&m, 8, TIME_NEVER);
    assert_int_equal(m.w.armed, 1);
    drain(&m, time_of(&m, 50), 10);
    assert_int_equal(m.w.armed, 0);
    assert_true(wheel_next(&m.w) == TIME_NEVER);
    wheel_free(&m.w);
}

static void test_deadlines_beyond_the_horizon_are_called_at_it(void **state)
{
    (void)state;
    struct counting_alloc c;
    static struct model m;
    start(&m, counting_alloc_init(&c), 10, 0x12345678, 3);
    arm(&m, 1, TIME_NEVER - 1);
    arm(&m, 2, m.now + INT64_C(1000000) * NS_PER_S);
    uint64_t horizon = m.tick + HORIZON;
    assert_int_equal(m.due[1], horizon);
    drain(&m, time_of(&m, horizon) - 1, 10);
    assert_int_equal(m.count, 2);
    drain(&m, time_of(&m, horizon), 10);
    assert_int_equal(m.count, 0);
    wheel_free(&m.w);
}

/* Were it O(ticks), 30 years of microseconds would not end. */
static void test_long_empty_times_are_skipped(void **state)
{
    (void)state;
    struct counting_alloc c;
    static struct model m;
    start(&m, counting_alloc_init(&c), 10, 0, 4);
    for (int i = 0; i < 30; i++) {
        arm(&m, 1, m.now + 3600 * NS_PER_S);
        drain(&m, m.now + 3600 * NS_PER_S + 1024, 1);
        assert_int_equal(m.count, 0);
        arm(&m, 2, m.now + NS_PER_MS);
        drain(&m, m.now + INT64_C(366) * 86400 * NS_PER_S, 1);
        assert_int_equal(m.count, 0);
    }
    wheel_free(&m.w);
}

static void count_call(void *context, uint32_t node, int64_t now)
{
    uint8_t *calls = context;
    (void)now;
    calls[node]++;
}

/* Far more nodes than one budget, in one slot of each level above the first. */
static void test_crowded_slots_lose_nothing_under_a_small_budget(void **state)
{
    (void)state;
    enum { CROWD = 30000 };
    static const uint64_t distances[] = {5, 300, 70000, 1 << 25};
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    static uint8_t calls[CROWD + 1];
    for (size_t d = 0; d < ARRAY_SIZE(distances); d++) {
        struct wheel w;
        memset(calls, 0, sizeof calls);
        assert_int_equal(wheel_init(&w, a, CROWD, 20, 0), ERR_OK);
        int64_t deadline = (int64_t)(distances[d] << 20);
        for (uint32_t n = 1; n <= CROWD; n++)
            wheel_arm(&w, n, deadline);
        int64_t now = 0;
        unsigned turns = 0, total = 0;
        while (wheel_next(&w) != TIME_NEVER) {
            now = max_i64(now, wheel_next(&w));
            unsigned n = wheel_advance(&w, now, 32, count_call, calls);
            assert_true(n == 0 || now == deadline);
            total += n;
            assert_true(++turns < 2000);
        }
        assert_int_equal(total, CROWD);
        for (uint32_t n = 1; n <= CROWD; n++)
            assert_int_equal(calls[n], 1);
        wheel_free(&w);
    }
    assert_int_equal(c.live_blocks, 0);
}

static void test_what_a_budget_left_can_still_be_disarmed(void **state)
{
    (void)state;
    struct counting_alloc c;
    static struct model m;
    start(&m, counting_alloc_init(&c), 20, 0, 5);
    for (uint32_t n = 1; n <= 10; n++)
        arm(&m, n, time_of(&m, 3));
    advance_once(&m, time_of(&m, 9), 4);
    assert_int_equal(m.calls, 4);
    assert_true(wheel_next(&m.w) <= m.now);
    for (uint32_t n = 1; n <= 8; n++)
        disarm(&m, n);
    drain(&m, time_of(&m, 9), 100);
    assert_int_equal(m.calls, 2);
    assert_int_equal(m.count, 0);
    wheel_free(&m.w);
}

static void rearm_at_once(void *context, uint32_t node, int64_t now) { wheel_arm(context, node, now); }

static void test_a_node_that_arms_itself_for_now_does_not_hold_the_wheel(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct wheel w;
    assert_int_equal(wheel_init(&w, counting_alloc_init(&c), 1, 20, 0), ERR_OK);
    wheel_arm(&w, 1, 0);
    assert_int_equal(wheel_advance(&w, 100, 1000, rearm_at_once, &w), 1);
    assert_int_equal(wheel_advance(&w, 100, 1000, rearm_at_once, &w), 0);
    assert_int_equal(wheel_advance(&w, 1 << 20, 1000, rearm_at_once, &w), 1);
    wheel_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments_and_a_failing_allocator_are_refused),
        cmocka_unit_test(test_each_deadline_is_called_on_its_own_tick),
        cmocka_unit_test(test_a_later_deadline_leaves_the_node_where_it_is),
        cmocka_unit_test(test_deadlines_beyond_the_horizon_are_called_at_it),
        cmocka_unit_test(test_long_empty_times_are_skipped),
        cmocka_unit_test(test_crowded_slots_lose_nothing_under_a_small_budget),
        cmocka_unit_test(test_what_a_budget_left_can_still_be_disarmed),
        cmocka_unit_test(test_a_node_that_arms_itself_for_now_does_not_hold_the_wheel),
        cmocka_unit_test(test_a_million_random_operations_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
