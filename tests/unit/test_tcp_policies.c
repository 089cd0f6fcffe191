/* SPDX-License-Identifier: MIT */
/*
 * What RFCs leave open and a profile may set, because other stacks decide it otherwise: the window scale that is offered, what the minimum of the
 * retransmission timeout is a minimum of, how soon a tail loss probe goes, which data is acknowledged at once, how fast slow start is, and which segments
 * are pushed. The round-trip time is 100 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define MS NS_PER_MS
#define RTT (100 * MS)

static void begin(struct script *s)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established_after(s, RTT);
}

static void a_larger_window_scale_than_the_buffer_needs_can_be_offered(void **state)
{
    struct script s;
    (void)state;
    profile.window_scale = 9;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_WSCALE;
    script_to_established(&s);
    assert_int_equal(script_info(&s).receive_wscale, 9);
    script_end(&s);
    profile.window_scale = 1;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_WSCALE;
    script_to_established(&s);
    assert_int_equal(script_info(&s).receive_wscale, 3); /* 256 KiB */
    script_end(&s);
}

static void the_minimum_timeout_can_be_one_of_the_variance(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    assert_int_equal(script_info(&s).rto_ns, 300 * MS); /* 100 + 4 * 50: above the minimum of 200 */
    script_end(&s);
    for (unsigned of_variance = 0; of_variance < 2; of_variance++) {
        profile.rto_min_of_variance = of_variance;
        begin(&s);
        for (uint32_t i = 0; i < 30; i++) { /* a steady round-trip time: the variance falls */
            script_send(&s, 1);
            script_expect(&s, TCP_ACK, 1 + i, 1, 1);
            script_pass(&s, RTT);
            script_give(&s, TCP_ACK, 1, 2 + i, 0);
        }
        assert_in_range(script_info(&s).rto_ns, of_variance ? 300 * MS : 200 * MS, of_variance ? 301 * MS : 201 * MS);
        script_end(&s);
    }
}

static void a_probe_waits_for_two_round_trips_and_its_minimum(void **state)
{
    struct script s;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        profile.probe_min_ns = i ? 250 * MS : 2 * MS;
        profile.rto_min_ns = NS_PER_S;
        begin(&s);
        script_send_segments(&s, 4);
        int64_t waited = script_wait(&s);
        assert_in_range(waited, i ? 250 * MS : 200 * MS, i ? 252 * MS : 202 * MS);
        script_expect(&s, TCP_ACK, S(3), 1, MSS);
        assert_int_equal(script_counters(&s)->tlp_probes, 1);
        script_end(&s);
    }
}

static void the_first_bytes_of_a_connection_can_be_acknowledged_at_once(void **state)
{
    struct script s;
    (void)state;
    profile.quick_ack_bytes = 250;
    begin(&s);
    for (uint32_t i = 0; i < 3; i++) {
        script_give(&s, TCP_ACK, 1 + 100 * i, 1, 100);
        script_expect(&s, TCP_ACK, 1, 101 + 100 * i, 0);
    }
    script_give(&s, TCP_ACK, 301, 1, 100);
    script_expect_nothing(&s);
    assert_in_range(script_wait(&s), 40 * MS, 42 * MS);
    script_expect(&s, TCP_ACK, 1, 401, 0);
    assert_int_equal(script_counters(&s)->delayed_acks, 1);
    script_end(&s);
}

static void slow_start_can_grow_by_all_that_one_ack_covers(void **state)
{
    struct script s;
    (void)state;
    profile.slow_start_segments = 65535;
    begin(&s);
    script_send(&s, 100 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    assert_int_equal(script_info(&s).cwnd_bytes, 20 * MSS);
    script_drain(&s);
    script_end(&s);
}

/* Limited transmit, then it was reordering: RFC 5681 grows by what is acknowledged, Linux by what is news. */
static void cwnd_can_grow_by_what_an_ack_is_the_first_to_tell(void **state)
{
    struct script s;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        profile.grow_by_delivered = i & 1;
        profile.sack = i & 2;
        begin(&s);
        script_send(&s, 100 * MSS);
        script_drain(&s);
        script_pass(&s, RTT);
        for (unsigned k = 0; k < 2; k++) {
            if (profile.sack)
                script_sack(&s, 1, S(1), S(2 + k));
            else
                script_give(&s, TCP_ACK, 1, 1, 0);
            assert_int_equal(script_drain(&s), 1);
        }
        script_give(&s, TCP_ACK, 1, S(3), 0);
        assert_int_equal(script_info(&s).cwnd_bytes, (i & 1 ? 11 : 13) * MSS);
        script_drain(&s);
        script_end(&s);
    }
}

static void the_window_can_outlive_idle_time(void **state)
{
    struct script s;
    (void)state;
    for (unsigned restart = 0; restart < 2; restart++) {
        profile.restart_after_idle = restart;
        begin(&s);
        script_send(&s, 11 * MSS);
        script_drain(&s);
        script_give(&s, TCP_ACK, 1, S(10), 0);
        script_drain(&s);
        script_give(&s, TCP_ACK, 1, S(11), 0);
        assert_int_equal(script_info(&s).cwnd_bytes, 18 * MSS);
        script_pass(&s, 10 * NS_PER_S);
        script_send(&s, 1);
        assert_int_equal(script_info(&s).cwnd_bytes, (restart ? 10 : 18) * MSS);
        script_drain(&s);
        script_end(&s);
    }
}

static void how_far_segments_are_overtaken_is_counted(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 10);
    script_sack(&s, 1, S(8), S(9));
    assert_int_equal(script_info(&s).displaced_segments, 0);
    script_sack(&s, 1, S(5), S(6));
    assert_int_equal(script_info(&s).displaced_segments, 4);
    script_sack(&s, 1, S(6), S(7)); /* less */
    assert_int_equal(script_info(&s).displaced_segments, 4);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    script_drain(&s);
    script_end(&s);
}

static bool pushed(struct script *s, uint32_t seq)
{
    const struct wire_segment *w = script_expect(s, TCP_ACK, seq, 1, MSS);
    return (w->h.flags & TCP_PSH) != 0;
}

static void a_small_window_and_what_is_sent_again_are_pushed(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send(&s, 20 * MSS);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(pushed(&s, S(i)) == (i == 9));
    script_sack(&s, 1, S(1), S(3));
    script_sack(&s, 1, S(1), S(4));
    assert_true(pushed(&s, S(0)));
    script_drain(&s);
    script_end(&s);
}

static void every_second_segment_of_a_burst_can_be_pushed_and_so_again(void **state)
{
    struct script s;
    (void)state;
    profile.push = TCP_PUSH_PAIRS;
    begin(&s);
    script_send(&s, 20 * MSS);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(pushed(&s, S(i)) == (i % 2 == 1));
    script_pass(&s, RTT);
    script_give(&s, TCP_ACK, 1, S(1), 0);
    assert_false(pushed(&s, S(10)));
    assert_true(pushed(&s, S(11)));
    script_sack(&s, S(1), S(4), S(5));
    script_pass(&s, MS);
    script_sack(&s, S(1), S(4), S(6));
    script_drain(&s);
    script_sack(&s, S(1), S(4), S(7)); /* what is below is lost */
    assert_false(pushed(&s, S(1)));    /* the second half of a pair, but by itself */
    script_drain(&s);
    script_end(&s);
    begin(&s);
    script_send_segments(&s, 3);
    script_wait(&s);
    assert_true(pushed(&s, S(2))); /* its user pushed it */
    script_end(&s);
}

static void what_has_more_behind_it_is_not_pushed(void **state)
{
    struct script s;
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        begin(&s);
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(tcp_send(s.end.layer, script_connection(&s), MSS, s.now), 0);
            tcp_more_follows(s.end.layer, script_connection(&s), more && i == 0);
            (void)tcp_output(s.end.layer, 0, s.now);
            assert_true(pushed(&s, S(i)) == !(more && i == 0));
        }
        script_end(&s);
    }
}

static void a_fin_without_data_is_not_pushed(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    (void)tcp_close(s.end.layer, script_connection(&s), s.now);
    (void)tcp_output(s.end.layer, 0, s.now);
    assert_false(script_expect(&s, TCP_FIN | TCP_ACK, 1, 1, 0)->h.flags & TCP_PSH);
    script_wait(&s);
    assert_false(script_expect(&s, TCP_FIN | TCP_ACK, 1, 1, 0)->h.flags & TCP_PSH); /* again */
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_newreno)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_larger_window_scale_than_the_buffer_needs_can_be_offered),
        T(the_minimum_timeout_can_be_one_of_the_variance),
        T(a_probe_waits_for_two_round_trips_and_its_minimum),
        T(the_first_bytes_of_a_connection_can_be_acknowledged_at_once),
        T(slow_start_can_grow_by_all_that_one_ack_covers),
        T(cwnd_can_grow_by_what_an_ack_is_the_first_to_tell),
        T(the_window_can_outlive_idle_time),
        T(how_far_segments_are_overtaken_is_counted),
        T(a_small_window_and_what_is_sent_again_are_pushed),
        T(every_second_segment_of_a_burst_can_be_pushed_and_so_again),
        T(what_has_more_behind_it_is_not_pushed),
        T(a_fin_without_data_is_not_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
