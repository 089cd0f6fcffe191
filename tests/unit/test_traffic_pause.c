/* SPDX-License-Identifier: MIT */
/*
 * Pauses: a place comes back after its pause and at most one span more, whatever the order and however long nobody
 * looked.
 */
#include "support/cmocka_all.h"
#include "traffic/traffic_private.h"

#define PAUSE (320 * NS_PER_MS) /* spans of 10 ms */

static void a_place_comes_back_after_its_pause(void **state)
{
    (void)state;
    struct pause p;

    for (int64_t start = NS_PER_S; start < NS_PER_S + 30 * NS_PER_MS; start += 777777) {
        pause_init(&p, PAUSE);
        assert_int_equal(pause_next(&p), TIME_NEVER);
        pause_add(&p, start);
        assert_int_equal(p.count, 1);
        pause_advance(&p, start + PAUSE - 1);
        assert_int_equal(p.count, 1);
        assert_in_range(pause_next(&p), start + PAUSE, start + PAUSE + 10 * NS_PER_MS);
        pause_advance(&p, pause_next(&p));
        assert_int_equal(p.count, 0);
        assert_int_equal(pause_next(&p), TIME_NEVER);
    }
}

static void many_places_come_back_in_their_order(void **state)
{
    (void)state;
    struct pause p;
    int64_t now = 5 * NS_PER_S, start = now;

    pause_init(&p, PAUSE);
    for (unsigned i = 0; i < 1000; i++, now += NS_PER_MS) {
        pause_add(&p, now);
        pause_advance(&p, now);
        /* those of the last 320 to 330 ms */
        assert_in_range(p.count, min_u32(i + 1, 320), min_u32(i + 1, 331));
    }
    assert_int_equal(now - start, NS_PER_S);
    pause_advance(&p, now + PAUSE + 10 * NS_PER_MS);
    assert_int_equal(p.count, 0);
}

static void a_long_absence_frees_all(void **state)
{
    (void)state;
    struct pause p;

    pause_init(&p, PAUSE);
    for (unsigned i = 0; i < 50; i++)
        pause_add(&p, NS_PER_S + i * 5 * NS_PER_MS);
    pause_advance(&p, 3600 * NS_PER_S);
    assert_int_equal(p.count, 0);
    pause_add(&p, 3600 * NS_PER_S);
    assert_int_equal(p.count, 1);
    assert_in_range(pause_next(&p), 3600 * NS_PER_S + PAUSE, 3600 * NS_PER_S + PAUSE + 10 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_comes_back_after_its_pause),
        cmocka_unit_test(many_places_come_back_in_their_order),
        cmocka_unit_test(a_long_absence_frees_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
