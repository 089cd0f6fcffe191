/* SPDX-License-Identifier: MIT */
/*
 * Schedules are exact: due times against the definition (the area under the rate), counts against integers, shares
 * against the whole.
 */
#include "support/cmocka_all.h"
#include "traffic/schedule.h"

__extension__ typedef unsigned __int128 u128;

#define MILLI UINT64_C(1000)
#define PER_LAUNCH (MILLI * UINT64_C(1000000000)) /* nanoseconds of the rate 0.001/s for a launch */

static struct schedule compiled(enum schedule_target target, const struct schedule_phase *phases, uint32_t n)
{
    struct schedule s = {.target = target, .n_phases = n};

    for (uint32_t i = 0; i < n; i++)
        s.phases[i] = phases[i];
    assert_int_equal(schedule_compile(&s), 0);
    return s;
}

static void a_hold_launches_at_exact_intervals(void **state)
{
    (void)state;
    const struct schedule_phase hold = {.from = 3000 * MILLI, .to = 3000 * MILLI, .duration_ns = 10 * NS_PER_S};
    struct schedule s = compiled(SCHEDULE_TRANSACTIONS, &hold, 1);

    assert_int_equal(s.count, 30000);
    assert_int_equal(s.peak, 3000 * MILLI);
    for (uint64_t k = 0; k < s.count; k++)
        assert_int_equal(schedule_due_in_phase(&s, 0, k), (int64_t)(k * 1000000000 / 3000));
}

static void slow_rates_keep_their_thousandths(void **state)
{
    (void)state;
    const struct schedule_phase hold = {.from = 500, .to = 500, .duration_ns = 60 * NS_PER_S};
    struct schedule s = compiled(SCHEDULE_CONNECTIONS, &hold, 1);

    assert_int_equal(s.count, 30);
    assert_int_equal(schedule_due_in_phase(&s, 0, 0), 0);
    assert_int_equal(schedule_due_in_phase(&s, 0, 29), 58 * NS_PER_S);
}

/* In every second of a hold the number of launches is the rate, whatever the rate. */
static void each_second_of_a_hold_has_exactly_the_rate(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 7, 999, 1000, 12345, 333333, 1000003};

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        const struct schedule_phase hold = {
            .from = rates[i] * MILLI, .to = rates[i] * MILLI, .duration_ns = 20 * NS_PER_S};
        struct schedule s = compiled(SCHEDULE_TRANSACTIONS, &hold, 1);
        for (int64_t second = 0; second < 20; second++)
            assert_int_equal(
                schedule_due_until(&s, (second + 1) * NS_PER_S) - schedule_due_until(&s, second * NS_PER_S), rates[i]);
    }
}

/* Twice the area, times the duration, of a ramp: an independent form (a trapezium) of what schedule.c compares. */
static u128 trapezium(const struct schedule_phase *p, int64_t t)
{
    u128 duration = (u128)(uint64_t)p->duration_ns;
    u128 at_end = p->to >= p->from ? p->from * duration + (u128)(p->to - p->from) * (uint64_t)t
                                   : p->from * duration - (u128)(p->from - p->to) * (uint64_t)t;

    return (p->from * duration + at_end) * (uint64_t)t;
}

static void check_ramp(struct schedule_phase ramp)
{
    struct schedule s = compiled(SCHEDULE_TRANSACTIONS, &ramp, 1);
    u128 unit = 2 * (u128)(uint64_t)ramp.duration_ns * PER_LAUNCH;
    int64_t before = 0;

    uint64_t step = s.count > 20000 ? s.count / 10007 : 1;
    for (uint64_t k = 0; k < s.count; k += step) {
        int64_t due = schedule_due_in_phase(&s, 0, k);
        assert_true(due >= before && due < ramp.duration_ns);
        assert_true(trapezium(&ramp, due) <= k * unit);
        assert_true(trapezium(&ramp, due + 1) > k * unit || due + 1 == ramp.duration_ns);
        assert_true(schedule_due_until(&s, due) <= k);
        assert_true(schedule_due_until(&s, due + 1) > k);
        before = due;
    }
    assert_true((u128)s.count * unit >= trapezium(&ramp, ramp.duration_ns));
    assert_true((u128)(s.count - 1) * unit < trapezium(&ramp, ramp.duration_ns));
}

static void each_launch_of_a_ramp_is_due_when_the_area_reaches_its_number(void **state)
{
    (void)state;
    check_ramp((struct schedule_phase){.from = 0, .to = 1000 * MILLI, .duration_ns = 5 * NS_PER_S});
    check_ramp((struct schedule_phase){.from = 1000 * MILLI, .to = 0, .duration_ns = 5 * NS_PER_S});
    check_ramp((struct schedule_phase){.from = 17, .to = 123456, .duration_ns = 77 * NS_PER_MS});
    check_ramp((struct schedule_phase){.from = 100000 * MILLI, .to = 99999 * MILLI, .duration_ns = 1 * NS_PER_S});
    check_ramp((struct schedule_phase){.from = 0, .to = 1, .duration_ns = SCHEDULE_MAX_RAMP_NS});
    check_ramp((struct schedule_phase){.from = 0, .to = SCHEDULE_MAX_RATE, .duration_ns = SCHEDULE_MAX_RAMP_NS});
    check_ramp((struct schedule_phase){.from = SCHEDULE_MAX_RATE, .to = 0, .duration_ns = SCHEDULE_MAX_RAMP_NS});
    check_ramp((struct schedule_phase){
        .from = SCHEDULE_MAX_RATE, .to = SCHEDULE_MAX_RATE - 1, .duration_ns = SCHEDULE_MAX_RAMP_NS});
}

static void a_ramp_has_half_the_launches_of_a_hold(void **state)
{
    (void)state;
    const struct schedule_phase ramp = {.from = 0, .to = 20000 * MILLI, .duration_ns = 3 * NS_PER_S};
    struct schedule s = compiled(SCHEDULE_TRANSACTIONS, &ramp, 1);

    assert_int_equal(s.count, 30000);
    /* a quarter of them in the first half */
    assert_int_equal(schedule_due_until(&s, 3 * NS_PER_S / 2), 7500);
}

static const struct schedule_phase mixed[] = {
    {.from = 0, .to = 2000 * MILLI, .duration_ns = 1500 * NS_PER_MS},
    {.from = 2000 * MILLI, .to = 2000 * MILLI, .duration_ns = NS_PER_S},
    {.from = 0, .to = 0, .duration_ns = NS_PER_S},
    {.from = 777, .to = 777, .duration_ns = 10 * NS_PER_S},
    {.from = 3333333, .to = 1, .duration_ns = 400 * NS_PER_MS},
};

static void a_cursor_walks_all_launches_in_order(void **state)
{
    (void)state;
    struct schedule s = compiled(SCHEDULE_CONNECTIONS, mixed, ARRAY_SIZE(mixed));
    struct schedule_cursor c;
    uint64_t n = 0;
    int64_t before = 0;

    for (schedule_cursor_init(&c, &s, 0, 1); c.due != TIME_NEVER; schedule_cursor_next(&c)) {
        assert_true(c.due >= before);
        assert_int_equal(c.due, s.phases[c.phase].start_ns + schedule_due_in_phase(&s, c.phase, c.k));
        assert_int_equal(schedule_phase_at(&s, c.due), c.phase);
        before = c.due;
        n++;
    }
    assert_int_equal(n, s.count);
    schedule_cursor_next(&c);
    assert_int_equal(c.due, TIME_NEVER);
    assert_int_equal(schedule_due_until(&s, s.duration_ns), s.count);
    assert_int_equal(schedule_due_until(&s, TIME_NEVER), s.count);
}

static void shares_take_each_launch_once(void **state)
{
    (void)state;
    enum { SHARES = 7 };
    struct schedule s = compiled(SCHEDULE_CONNECTIONS, mixed, ARRAY_SIZE(mixed));
    struct schedule_cursor whole, share[SHARES];
    uint64_t n = 0;

    for (uint32_t i = 0; i < SHARES; i++)
        schedule_cursor_init(&share[i], &s, i, SHARES);
    for (schedule_cursor_init(&whole, &s, 0, 1); whole.due != TIME_NEVER; schedule_cursor_next(&whole)) {
        struct schedule_cursor *c = &share[whole.k % SHARES];
        assert_int_equal(c->phase, whole.phase);
        assert_int_equal(c->k, whole.k);
        assert_int_equal(c->due, whole.due);
        schedule_cursor_next(c);
        n++;
    }
    assert_int_equal(n, s.count);
    for (uint32_t i = 0; i < SHARES; i++)
        assert_int_equal(share[i].due, TIME_NEVER);
}

/* A year of launches at a rate that no decimal fraction holds: the last one is still at its integer place. */
static void nothing_drifts_over_a_year(void **state)
{
    (void)state;
    const struct schedule_phase hold = {
        .from = 3000000007, .to = 3000000007, .duration_ns = 365 * 24 * 3600 * NS_PER_S};
    struct schedule s = compiled(SCHEDULE_TRANSACTIONS, &hold, 1);

    assert_int_equal(s.count, 94608000220752u); /* 365 * 86400 * 3000000.007, rounded up */
    int64_t due = schedule_due_in_phase(&s, 0, s.count - 1);
    assert_int_equal(due, (int64_t)((u128)(s.count - 1) * PER_LAUNCH / 3000000007u));
    assert_true(due < hold.duration_ns);
}

static void a_level_ramps_in_whole_connections(void **state)
{
    (void)state;
    const struct schedule_phase phases[] = {
        {.from = 0, .to = 10, .duration_ns = 10 * NS_PER_S},
        {.from = 10, .to = 10, .duration_ns = NS_PER_S},
        {.from = 10, .to = 4, .duration_ns = 6 * NS_PER_S},
    };
    struct schedule s = compiled(SCHEDULE_CONCURRENT, phases, ARRAY_SIZE(phases));

    assert_int_equal(schedule_level(&s, -1), 0);
    assert_int_equal(schedule_level(&s, 0), 0);
    assert_int_equal(schedule_level(&s, NS_PER_S - 1), 0);
    assert_int_equal(schedule_level(&s, NS_PER_S), 1);
    assert_int_equal(schedule_level(&s, 10 * NS_PER_S), 10);
    assert_int_equal(schedule_level(&s, 11 * NS_PER_S), 10);
    assert_int_equal(schedule_level(&s, 12 * NS_PER_S), 9);
    assert_int_equal(schedule_level(&s, 17 * NS_PER_S - 1), 4);
    assert_int_equal(schedule_level(&s, 17 * NS_PER_S), 0);
    assert_int_equal(s.peak, 10);
}

static void bits_are_counted_as_area(void **state)
{
    (void)state;
    const struct schedule_phase phases[] = {
        {.from = 0, .to = 1000000000, .duration_ns = 2 * NS_PER_S},
        {.from = 1000000000, .to = 1000000000, .duration_ns = 3 * NS_PER_S},
    };
    struct schedule s = compiled(SCHEDULE_BITS, phases, ARRAY_SIZE(phases));

    assert_int_equal(s.count, 4000000000u);
    assert_int_equal(schedule_due_until(&s, NS_PER_S), 250000000);
    assert_int_equal(schedule_due_until(&s, 2 * NS_PER_S), 1000000000);
    assert_int_equal(schedule_due_until(&s, 4 * NS_PER_S), 3000000000u);
}

static void schedules_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct schedule_phase bad[] = {
        {.from = 1, .to = 1, .duration_ns = 0},
        {.from = 1, .to = 1, .duration_ns = -1},
        {.from = 1, .to = 1, .duration_ns = SCHEDULE_MAX_HOLD_NS + 1},
        {.from = 1, .to = 2, .duration_ns = SCHEDULE_MAX_RAMP_NS + 1},
        {.from = 1, .to = SCHEDULE_MAX_RATE + 1, .duration_ns = NS_PER_S},
        {.from = SCHEDULE_MAX_RATE + 1, .to = 1, .duration_ns = NS_PER_S},
    };
    struct schedule none = {.target = SCHEDULE_TRANSACTIONS};
    struct schedule many = {.target = SCHEDULE_TRANSACTIONS, .n_phases = SCHEDULE_MAX_PHASES + 1};

    assert_int_equal(schedule_compile(&none), ERR_INVALID);
    assert_int_equal(schedule_compile(&many), ERR_INVALID);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct schedule s = {.target = SCHEDULE_TRANSACTIONS, .n_phases = 1, .phases = {bad[i]}};
        assert_int_equal(schedule_compile(&s), ERR_INVALID);
    }
}

/* Wherever a schedule is cut, what was due before is due as it was, and nothing else is. */
static void a_cut_changes_nothing_that_was_due_before(void **state)
{
    (void)state;
    const struct schedule_phase phases[] = {{.from = 0, .to = 700 * MILLI, .duration_ns = 3 * NS_PER_S},
                                            {.from = 700 * MILLI, .to = 700 * MILLI, .duration_ns = NS_PER_S},
                                            {.from = 700 * MILLI, .to = 3, .duration_ns = 2 * NS_PER_S}};
    const struct schedule whole = compiled(SCHEDULE_TRANSACTIONS, phases, 3);

    for (int64_t at = 1; at < 7 * NS_PER_S; at += 123456789) {
        struct schedule s = whole;
        struct schedule_cursor a, b;
        schedule_cut(&s, at);
        assert_int_equal(s.duration_ns, min_i64(at, whole.duration_ns));
        assert_int_equal(s.n_phases, at > 4 * NS_PER_S ? 3 : at > 3 * NS_PER_S ? 2 : 1);
        assert_int_equal(s.count, schedule_due_until(&whole, at));
        schedule_cursor_init(&a, &whole, 0, 1);
        schedule_cursor_init(&b, &s, 0, 1);
        for (uint64_t k = 0; k < s.count; k++) {
            assert_int_equal(a.due, b.due);
            schedule_cursor_next(&a);
            schedule_cursor_next(&b);
        }
        assert_int_equal(b.due, TIME_NEVER);
    }
}

static void a_cut_level_is_reached_when_it_was(void **state)
{
    (void)state;
    const struct schedule_phase phases[] = {{.from = 0, .to = 3, .duration_ns = 10 * NS_PER_S},
                                            {.from = 3, .to = 0, .duration_ns = 10 * NS_PER_S}};
    const struct schedule whole = compiled(SCHEDULE_CONCURRENT, phases, 2);

    for (int64_t cut = NS_PER_S / 2; cut < 20 * NS_PER_S; cut += NS_PER_S) {
        struct schedule s = whole;
        schedule_cut(&s, cut);
        for (int64_t at = 0; at < 21 * NS_PER_S; at += 100 * NS_PER_MS)
            assert_int_equal(schedule_level(&s, at), at < cut ? schedule_level(&whole, at) : 0);
        assert_int_equal(s.phases[s.n_phases - 1].to, schedule_level(&whole, cut));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_launches_at_exact_intervals),
        cmocka_unit_test(slow_rates_keep_their_thousandths),
        cmocka_unit_test(each_second_of_a_hold_has_exactly_the_rate),
        cmocka_unit_test(each_launch_of_a_ramp_is_due_when_the_area_reaches_its_number),
        cmocka_unit_test(a_ramp_has_half_the_launches_of_a_hold),
        cmocka_unit_test(a_cursor_walks_all_launches_in_order),
        cmocka_unit_test(shares_take_each_launch_once),
        cmocka_unit_test(nothing_drifts_over_a_year),
        cmocka_unit_test(a_level_ramps_in_whole_connections),
        cmocka_unit_test(bits_are_counted_as_area),
        cmocka_unit_test(a_cut_changes_nothing_that_was_due_before),
        cmocka_unit_test(a_cut_level_is_reached_when_it_was),
        cmocka_unit_test(schedules_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
