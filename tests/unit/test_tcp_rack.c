/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP: RFC 8985 section 6.2 (loss by time, the reordering window and its adaptation, lost retransmissions), 6.3
 * (timeouts), section 7 (tail loss probes). The round-trip time is 40 ms, so that the window is 10 ms and a probe is
 * due after 80; S(n) is where segment n begins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define MS NS_PER_MS
#define RTT (40 * MS)

static void begin(struct script *s)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established_after(s, RTT);
}

/* The peer got [left, right) twice. */
static void dsack(struct script *s, uint32_t ack, uint32_t left, uint32_t right) { script_sack(s, ack, left, right); }

static void assert_between(int64_t ns, int64_t low, int64_t high)
{
    if (ns < low || ns > high)
        print_error("%lld us, expected %lld to %lld\n", (long long)ns / 1000, (long long)low / 1000,
                    (long long)high / 1000);
    assert_true(ns >= low && ns <= high);
}

static void one_segment_sacked_waits_for_the_reordering_window(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 2);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(1), S(2));
    script_expect_nothing(&s);
    assert_between(script_wait(&s), 10 * MS, 12 * MS);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    assert_int_equal(script_counters(&s)->rack_lost, 1);
    assert_int_equal(script_counters(&s)->fast_retransmits, 1);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    script_end(&s);
}

static void three_segments_sacked_do_not_wait_unless_reordering_was_seen(void **state)
{
    struct script s;
    (void)state;
    for (unsigned reordering = 0; reordering < 2; reordering++) {
        begin(&s);
        if (reordering) { /* the first of two arrives last */
            script_send_segments(&s, 2);
            script_pass(&s, RTT);
            script_sack(&s, 1, S(1), S(2));
            script_send_segments(&s, 1); /* what rests forgets */
            script_give(&s, TCP_ACK, 1, S(2), 0);
        }
        uint32_t from = reordering ? 2 : 0;
        assert_int_equal(script_info(&s).reordering, reordering);
        script_send_segments(&s, 4 - reordering);
        script_pass(&s, RTT);
        script_sack(&s, S(from), S(from + 1), S(from + 4));
        if (reordering)
            assert_between(script_wait(&s), 10 * MS, 12 * MS);
        script_expect(&s, TCP_ACK, S(from), 1, MSS);
        script_end(&s);
    }
}

static void what_was_sent_later_is_not_lost(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 4);
    script_pass(&s, 30 * MS);
    script_send_segments(&s, 2);
    script_pass(&s, 10 * MS);
    script_sack(&s, 1, S(1), S(4));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->rack_lost, 1);
    script_end(&s);
}

static void a_lost_retransmission_is_found_without_a_timeout(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 10);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(1), S(10));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_pass(&s, 2 * MS);
    script_send_segments(&s, 1);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(1), S(11));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    assert_int_equal(script_counters(&s)->rack_lost, 2);
    assert_int_equal(script_counters(&s)->fast_retransmits, 1);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    script_end(&s);
}

/* Sent at one moment of the clock: the order of sending decides, not that of sequence numbers. */
static void what_was_sent_again_after_new_data_is_not_lost_when_that_arrives(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 4);
    script_pass(&s, RTT);
    script_send_segments(&s, 1);
    script_sack(&s, 1, S(1), S(4));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(1), S(5));
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->rack_lost, 1);
    script_end(&s);
}

static void a_dsack_widens_the_window_once_a_round_trip(void **state) /* 6.2 step 4: RACK_update_reo_wnd() */
{
    struct script s;
    (void)state;
    profile.congestion = TCP_FIXED;
    begin(&s);
    script_send_segments(&s, 2);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(1), S(2));
    script_wait(&s);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_send_segments(&s, 1);          /* what rests forgets */
    script_give(&s, TCP_ACK, 1, S(2), 0); /* it was only late */
    dsack(&s, S(2), S(0), S(1));
    dsack(&s, S(2), S(0), S(1));
    script_send_segments(&s, 1);
    script_pass(&s, RTT);
    script_sack(&s, S(2), S(3), S(4));
    assert_between(script_wait(&s), 20 * MS, 22 * MS); /* two quarters of the smallest round-trip time */
    script_expect(&s, TCP_ACK, S(2), 1, MSS);
    script_end(&s);
}

static void a_silent_tail_is_probed_with_its_last_segment(void **state) /* 7.3 */
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 4);
    assert_between(script_wait(&s), 80 * MS, 82 * MS);
    script_expect(&s, TCP_ACK, S(3), 1, MSS);
    script_expect_nothing(&s);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(3), S(4)); /* all others were sent long before */
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_give(&s, TCP_ACK, 1, S(1), 0);
    script_expect(&s, TCP_ACK, S(1), 1, MSS);
    script_drain(&s);
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    assert_int_equal(script_counters(&s)->rack_lost, 3);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    script_end(&s);
}

static void a_probe_takes_new_data_where_there_is_some(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send(&s, 12 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_wait(&s);
    script_expect(&s, TCP_ACK, S(10), 1, MSS); /* whatever cwnd says */
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    assert_int_equal(script_counters(&s)->retransmitted_segments, 0);
    script_end(&s);
}

static void one_segment_in_flight_waits_for_a_delayed_ack_too(void **state) /* 7.2: TLP.max_ack_delay */
{
    struct script s;
    (void)state;
    begin(&s);
    script_send_segments(&s, 1);
    assert_between(script_wait(&s), 200 * MS, 202 * MS); /* when the retransmission timer would fire */
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    assert_int_equal(script_info(&s).cwnd_bytes, 10 * MSS);
    assert_between(script_wait(&s), 200 * MS, 202 * MS); /* one probe, then the timer */
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    script_end(&s);
}

static void a_loss_that_the_probe_repaired_reduces_the_window(void **state) /* 7.4.2 */
{
    struct script s;
    (void)state;
    for (unsigned spurious = 0; spurious < 2; spurious++) {
        begin(&s);
        script_send_segments(&s, 4);
        script_wait(&s);
        script_expect(&s, TCP_ACK, S(3), 1, MSS);
        script_send_segments(&s, 1);
        script_give(&s, TCP_ACK, 1, S(4), 0);
        if (spurious)
            dsack(&s, S(4), S(3), S(4));
        script_send_segments(&s, 1);
        script_give(&s, TCP_ACK, 1, S(5), 0);
        assert_int_equal(script_counters(&s)->tlp_repairs, !spurious);
        assert_true(spurious ? script_info(&s).cwnd_bytes >= 10 * MSS : script_info(&s).cwnd_bytes < 10 * MSS);
        script_end(&s);
    }
}

static void without_tlp_only_the_timer_is_left(void **state)
{
    struct script s;
    (void)state;
    profile.tlp = false;
    begin(&s);
    script_send_segments(&s, 4);
    assert_between(script_wait(&s), 200 * MS, 202 * MS);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    assert_int_equal(script_counters(&s)->tlp_probes, 0);
    script_end(&s);
}

static void a_timeout_spares_what_was_sent_lately(void **state) /* 6.3 */
{
    struct script s;
    (void)state;
    profile.tlp = profile.f_rto = false;
    begin(&s);
    script_send_segments(&s, 1);
    script_pass(&s, 190 * MS);
    script_send_segments(&s, 3);
    script_wait(&s);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_give(&s, TCP_ACK, 1, S(1), 0); /* cwnd for two, but nothing else is lost yet */
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    assert_int_equal(script_info(&s).in_flight_bytes, 3 * MSS);
    script_end(&s);
}

static void hostile_sacks_and_dsacks_break_nothing(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_send(&s, 60 * MSS);
    script_drain(&s);
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t at = S(0) + i * 37 % (9 * MSS);
        const uint32_t blocks[] = {at, at + 1 + i % 50, S(0), S(0) + 1, S(9), S(10)};
        script_give_sack(&s, 1, 1, 1 + i % 3, blocks);
        script_pass(&s, (int64_t)(i % 7) * MS);
        script_drain(&s);
    }
    uint32_t sent = seq_len(s.our_isn, script_connection(&s)->snd_nxt);
    script_give(&s, TCP_ACK, 1, sent, 0);
    assert_int_equal(s.acked, sent - 1);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_newreno)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_segment_sacked_waits_for_the_reordering_window),
        T(three_segments_sacked_do_not_wait_unless_reordering_was_seen),
        T(what_was_sent_later_is_not_lost),
        T(a_lost_retransmission_is_found_without_a_timeout),
        T(what_was_sent_again_after_new_data_is_not_lost_when_that_arrives),
        T(a_dsack_widens_the_window_once_a_round_trip),
        T(a_silent_tail_is_probed_with_its_last_segment),
        T(a_probe_takes_new_data_where_there_is_some),
        T(one_segment_in_flight_waits_for_a_delayed_ack_too),
        T(a_loss_that_the_probe_repaired_reduces_the_window),
        T(without_tlp_only_the_timer_is_left),
        T(a_timeout_spares_what_was_sent_lately),
        T(hostile_sacks_and_dsacks_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
