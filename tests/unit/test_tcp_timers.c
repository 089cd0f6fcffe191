/* SPDX-License-Identifier: MIT */
/*
 * Timers in virtual time: keep-alive (RFC 9293 3.8.4), the user's deadline, user timeout (3.8.3), FIN-WAIT-2, delayed
 * ACK (RFC 1122 4.2.3.2), parking, jumps of the clock, the 32-bit millisecond circle. The wheel's tick is 1.05 ms: a
 * deadline is met within 3 ms, never early.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define SLACK (3 * NS_PER_MS)

/* Nothing is sent until `ns` from now, and something within the slack. The clock then stands at the due time. */
static void assert_silent_until(struct script *s, int64_t ns)
{
    script_pass(s, ns - NS_PER_MS);
    script_expect_nothing(s);
    script_pass(s, NS_PER_MS + SLACK);
    assert_true(s->end.count > 0);
    s->now -= SLACK;
}

static void keepalive_probes_at_its_times_and_gives_up(void **state)
{
    struct script s;
    (void)state;
    profile.keepalive_idle_ns = 100 * NS_PER_S;
    profile.keepalive_interval_ns = 10 * NS_PER_S;
    profile.keepalive_probes = 3;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_silent_until(&s, 100 * NS_PER_S);
    script_expect(&s, TCP_ACK, 0, 1, 0); /* one below the window */
    for (unsigned i = 1; i < 3; i++) {
        assert_silent_until(&s, 10 * NS_PER_S);
        script_expect(&s, TCP_ACK, 0, 1, 0);
    }
    script_pass(&s, 10 * NS_PER_S - NS_PER_MS);
    assert_false(s.closed);
    script_pass(&s, SLACK + NS_PER_MS);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    assert_int_equal(script_counters(&s)->keepalive_probes, 3);
    script_end(&s);
}

static void an_answer_to_keepalive_starts_the_idle_time_anew(void **state)
{
    struct script s;
    (void)state;
    profile.keepalive_idle_ns = 100 * NS_PER_S;
    profile.keepalive_interval_ns = 10 * NS_PER_S;
    profile.keepalive_probes = 3;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (unsigned i = 0; i < 20; i++) {
        assert_silent_until(&s, 100 * NS_PER_S);
        script_expect(&s, TCP_ACK, 0, 1, 0);
        script_pass(&s, 10 * NS_PER_S + SLACK);
        script_expect(&s, TCP_ACK, 0, 1, 0);
        script_give(&s, TCP_ACK, 1, 1, 0);
        assert_int_equal(script_occupancy(&s).active, 0); /* parked between */
    }
    assert_false(s.closed);
    script_end(&s);
}

static void traffic_postpones_keepalive(void **state)
{
    struct script s;
    (void)state;
    profile.keepalive_idle_ns = 100 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (uint32_t i = 0; i < 10; i++) {
        script_pass(&s, 99 * NS_PER_S);
        script_give(&s, TCP_ACK, 1 + i, 1, 1);
        script_pass(&s, 50 * NS_PER_MS);
        script_expect(&s, TCP_ACK, 1, 2 + i, 0);
        s.now -= 50 * NS_PER_MS;
    }
    assert_int_equal(script_counters(&s)->keepalive_probes, 0);
    assert_silent_until(&s, 100 * NS_PER_S);
    script_expect(&s, TCP_ACK, 0, 11, 0);
    script_end(&s);
}

static void data_in_flight_suspends_keepalive_which_returns_afterwards(void **state)
{
    struct script s;
    (void)state;
    profile.keepalive_idle_ns = 10 * NS_PER_S;
    profile.rto_min_ns = profile.rto_initial_ns = 30 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    script_pass(&s, 25 * NS_PER_S);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 101, 0);
    script_pass(&s, 30 * NS_PER_S);
    assert_true(script_counters(&s)->keepalive_probes > 0);
    script_drain(&s);
    script_end(&s);
}

static void data_sent_after_unanswered_probes_has_all_its_retries(void **state)
{
    struct script s;
    (void)state;
    profile.keepalive_idle_ns = 100 * NS_PER_S;
    profile.keepalive_interval_ns = 10 * NS_PER_S;
    profile.data_retries = 4;
    profile.rto_max_ns = NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_pass(&s, 135 * NS_PER_S);
    assert_int_equal(script_drain(&s), 4);
    script_send(&s, 100);
    assert_int_equal(script_drain(&s), 1);
    script_pass(&s, 60 * NS_PER_S);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    assert_int_equal(script_drain(&s), 4);
    script_end(&s);
}

static void the_users_deadline_comes_once_even_when_parked(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    tcp_set_deadline(s.end.layer, script_connection(&s), s.now + 10 * NS_PER_S, s.now);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_pass(&s, 10 * NS_PER_S - NS_PER_MS);
    assert_int_equal(s.deadlines, 0);
    script_pass(&s, SLACK + NS_PER_MS);
    assert_int_equal(s.deadlines, 1);
    script_pass(&s, 100 * NS_PER_S);
    assert_int_equal(s.deadlines, 1);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_end(&s);
}

static void a_deadline_moves_earlier_and_later_and_off(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    struct tcp *c = script_connection(&s);
    tcp_set_deadline(s.end.layer, c, s.now + 100 * NS_PER_S, s.now);
    tcp_set_deadline(s.end.layer, c, s.now + 10 * NS_PER_S, s.now); /* earlier */
    script_pass(&s, 10 * NS_PER_S + SLACK);
    assert_int_equal(s.deadlines, 1);
    tcp_set_deadline(s.end.layer, c, s.now + 10 * NS_PER_S, s.now);
    tcp_set_deadline(s.end.layer, c, s.now + 50 * NS_PER_S, s.now); /* later */
    script_pass(&s, 49 * NS_PER_S);
    assert_int_equal(s.deadlines, 1);
    script_pass(&s, NS_PER_S + SLACK);
    assert_int_equal(s.deadlines, 2);
    tcp_set_deadline(s.end.layer, c, s.now + 10 * NS_PER_S, s.now);
    tcp_set_deadline(s.end.layer, c, TIME_NEVER, s.now); /* off */
    script_pass(&s, 1000 * NS_PER_S);
    assert_int_equal(s.deadlines, 2);
    tcp_set_deadline(s.end.layer, c, s.now - NS_PER_S, s.now); /* past */
    script_pass(&s, SLACK);
    assert_int_equal(s.deadlines, 3);
    script_end(&s);
}

static void unacknowledged_data_fails_after_the_user_timeout(void **state)
{
    struct script s;
    (void)state;
    profile.user_timeout_ns = 10 * NS_PER_S;
    profile.rto_max_ns = NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_drain(&s);
    script_pass(&s, 9900 * NS_PER_MS);
    assert_false(s.closed);
    script_pass(&s, 100 * NS_PER_MS + SLACK);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_drain(&s);
    script_end(&s);
}

/* Retransmissions at 0.2, 0.6, 1.4, 3, 6.2 s: the next, at 12.6 s, would be too late. */
static void the_user_timeout_ends_at_its_time_between_retransmissions(void **state)
{
    struct script s;
    (void)state;
    profile.user_timeout_ns = 10 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    script_pass(&s, 10 * NS_PER_S - NS_PER_MS);
    assert_false(s.closed);
    assert_int_equal(script_drain(&s), 5);
    script_pass(&s, SLACK + NS_PER_MS);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_expect_nothing(&s);
    script_end(&s);
}

/* The peer takes its window back over what is in flight, and says so to each retransmission. */
static void a_window_shut_over_data_in_flight_fails_after_the_user_timeout(void **state)
{
    struct script s;
    (void)state;
    profile.user_timeout_ns = 3 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    for (unsigned i = 0; i < 100 && !s.closed; i++) {
        script_pass(&s, 100 * NS_PER_MS);
        script_drain(&s);
        if (!s.closed)
            script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    }
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_drain(&s);
    script_end(&s);
}

static void fin_wait_2_ends_after_its_time(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_fin_wait_2(&s);
    script_pass(&s, 60 * NS_PER_S - NS_PER_MS);
    assert_false(s.closed);
    script_pass(&s, SLACK + NS_PER_MS);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_end(&s);
    profile.fin_wait_2_ns = 0;
    script_begin(&s, &profile);
    script_to_fin_wait_2(&s);
    script_pass(&s, 100000 * NS_PER_S);
    assert_false(s.closed);
    script_end(&s);
}

static void an_ack_is_delayed_by_its_time(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (uint32_t i = 0; i < 5; i++) {
        script_give(&s, TCP_ACK, 1 + 10 * i, 1, 10);
        assert_silent_until(&s, 40 * NS_PER_MS);
        script_expect(&s, TCP_ACK, 1, 11 + 10 * i, 0);
        s.now += 100 * NS_PER_MS;
    }
    assert_int_equal(script_counters(&s)->delayed_acks, 5);
    script_end(&s);
}

/* An ACK that could not leave is tried again with the retransmission timer; with nothing in flight, nothing is lost. */
static void a_neighbour_that_does_not_answer_is_no_loss(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    uint32_t cwnd = script_info(&s).cwnd_bytes, ssthresh = script_info(&s).ssthresh_bytes;
    s.end.resolved = false;
    script_give(&s, TCP_ACK, 11, 1, 10); /* out of order: an ACK is owed at once */
    for (unsigned i = 0; i < 3; i++) {
        tcp_path_ready(s.end.layer, &s.end.waiters, false, s.now);
        script_pass(&s, 5 * NS_PER_S);
        script_expect_nothing(&s);
    }
    assert_int_equal(script_info(&s).cwnd_bytes, cwnd);
    assert_int_equal(script_info(&s).ssthresh_bytes, ssthresh);
    s.end.resolved = true;
    tcp_path_ready(s.end.layer, &s.end.waiters, true, s.now);
    tcp_output(s.end.layer, 0, s.now);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    script_give(&s, TCP_ACK, 1, 1, 10);
    script_expect(&s, TCP_ACK, 1, 21, 0);
    script_end(&s);
}

static void an_acknowledged_connection_parks(void **state) /* after a pure ACK, after a delayed ACK, in CLOSE-WAIT */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_send(&s, 100);
    script_drain(&s);
    assert_int_equal(script_occupancy(&s).active, 1);
    script_give(&s, TCP_ACK, 1, 101, 0);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_give(&s, TCP_ACK, 1, 101, 10);
    script_pass(&s, 100 * NS_PER_MS);
    script_drain(&s);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_give(&s, TCP_ACK | TCP_FIN, 11, 101, 0);
    script_drain(&s);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_end(&s);
}

static void a_jump_of_the_clock_by_an_hour_is_survived(void **state) /* TC-48 */
{
    static const int64_t jumps[] = {3600 * NS_PER_S, -3600 * NS_PER_S};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
        struct script s;
        profile.keepalive_idle_ns = 7200 * NS_PER_S;
        script_begin(&s, &profile);
        s.now += 8000 * NS_PER_S;
        script_to_established(&s);
        script_send(&s, 100);
        script_expect(&s, TCP_ACK, 1, 1, 100);
        script_give(&s, TCP_ACK, 1, 101, 50);
        s.now += jumps[i];
        script_pass(&s, NS_PER_S);
        assert_false(s.closed);
        script_give(&s, TCP_ACK, 51, 101, 50);
        script_give(&s, TCP_ACK, 101, 101, 50);
        assert_int_equal(s.received, 150);
        script_send(&s, 100);
        script_drain(&s);
        script_give(&s, TCP_ACK, 151, 201, 0);
        assert_int_equal(s.acked, 200);
        assert_true(script_info(&s).rto_ns <= 60 * NS_PER_S);
        s.now = max_i64(s.now, 8100 * NS_PER_S); /* the clock has to come back for timers of before */
        script_end(&s);
    }
}

static void the_millisecond_circle_wraps_unnoticed(void **state)
{
    static const int64_t wraps[] = {(INT64_C(1) << 31) * NS_PER_MS, (INT64_C(1) << 32) * NS_PER_MS};
    (void)state;
    profile.keepalive_idle_ns = 100 * NS_PER_S;
    profile.time_wait_ns = 20 * NS_PER_S;
    for (size_t i = 0; i < ARRAY_SIZE(wraps); i++) {
        for (int64_t before = 0; before < 30; before += 3) {
            struct script s;
            script_begin(&s, &profile);
            s.peer_options.present |= TCP_OPT_TIMESTAMPS;
            s.now = wraps[i] - before * NS_PER_S;
            tcp_tick(s.end.layer, s.now, 1000);
            script_to_established(&s);
            tcp_set_deadline(s.end.layer, script_connection(&s), s.now + 15 * NS_PER_S, s.now);
            script_pass(&s, 14 * NS_PER_S);
            assert_int_equal(s.deadlines, 0);
            script_pass(&s, NS_PER_S + SLACK);
            assert_int_equal(s.deadlines, 1);
            script_pass(&s, 84 * NS_PER_S);
            assert_int_equal(script_counters(&s)->keepalive_probes, 0);
            script_pass(&s, 2 * NS_PER_S);
            assert_int_equal(script_counters(&s)->keepalive_probes, 1);
            script_drain(&s);
            script_give(&s, TCP_ACK, 1, 1, 0);
            tcp_close(s.end.layer, script_connection(&s), s.now);
            script_drain(&s);
            script_give(&s, TCP_ACK | TCP_FIN, 1, 2, 0);
            script_drain(&s);
            script_pass(&s, 19 * NS_PER_S);
            assert_int_equal(script_occupancy(&s).time_wait, 1);
            script_pass(&s, 2 * NS_PER_S);
            assert_int_equal(script_occupancy(&s).time_wait, 0);
            script_end(&s);
        }
    }
}

static void parked_connections_live_through_thirty_idle_days(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_pass(&s, 30 * INT64_C(86400) * NS_PER_S);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_give(&s, TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    script_send(&s, 10);
    script_expect(&s, TCP_ACK, 1, 11, 10);
    script_give(&s, TCP_ACK, 11, 11, 0);
    assert_int_equal(s.acked, 10);
    script_end(&s);
}

static void a_deadline_beyond_thirty_days_does_not_come_early(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    tcp_set_deadline(s.end.layer, script_connection(&s), s.now + 30 * INT64_C(86400) * NS_PER_S, s.now);
    script_give(&s, TCP_ACK, 1, 1, 10); /* a delayed ACK makes the timer look */
    script_pass(&s, NS_PER_S);
    script_drain(&s);
    assert_int_equal(s.deadlines, 0);
    script_pass(&s, 23 * INT64_C(86400) * NS_PER_S); /* the circle of milliseconds allows 24 days */
    assert_int_equal(s.deadlines, 0);
    tcp_set_deadline(s.end.layer, script_connection(&s), TIME_NEVER - 1, s.now);
    script_pass(&s, 23 * INT64_C(86400) * NS_PER_S);
    assert_int_equal(s.deadlines, 0);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keepalive_probes_at_its_times_and_gives_up),
        T(an_answer_to_keepalive_starts_the_idle_time_anew),
        T(traffic_postpones_keepalive),
        T(data_in_flight_suspends_keepalive_which_returns_afterwards),
        T(data_sent_after_unanswered_probes_has_all_its_retries),
        T(the_users_deadline_comes_once_even_when_parked),
        T(a_deadline_moves_earlier_and_later_and_off),
        T(unacknowledged_data_fails_after_the_user_timeout),
        T(the_user_timeout_ends_at_its_time_between_retransmissions),
        T(a_window_shut_over_data_in_flight_fails_after_the_user_timeout),
        T(fin_wait_2_ends_after_its_time),
        T(an_ack_is_delayed_by_its_time),
        T(a_neighbour_that_does_not_answer_is_no_loss),
        T(an_acknowledged_connection_parks),
        T(a_jump_of_the_clock_by_an_hour_is_survived),
        T(the_millisecond_circle_wraps_unnoticed),
        T(parked_connections_live_through_thirty_idle_days),
        T(a_deadline_beyond_thirty_days_does_not_come_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
