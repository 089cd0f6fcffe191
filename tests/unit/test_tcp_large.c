/* SPDX-License-Identifier: MIT */
/*
 * Large frames: on a path whose link cuts segments, TCP hands over many segments at once. How large they are, what is
 * counted, that the peer sees the same segments as without, and that what was lost of one goes again and nothing else.
 * A frame is cut by the test's own wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static void established_on(struct script *s, uint32_t gso_max)
{
    script_begin(s, &profile);
    s->end.gso_max = gso_max;
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(s);
}

static void expect_segments(struct script *s, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        script_expect(s, TCP_ACK, S(i), 1, MSS);
}

static void half_of_cwnd_goes_at_once(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_send(&s, 40 * MSS);
    expect_segments(&s, 0, 10);
    script_expect_nothing(&s);
    assert_int_equal(s.end.large_frames, 2);
    assert_int_equal(script_counters(&s)->segments_sent, 10 + 1); /* the SYN-ACK */
    script_end(&s);
}

static void a_frame_is_no_larger_than_the_link_allows(void **state)
{
    struct script s;
    (void)state;
    profile.initial_window = 20;
    established_on(&s, 20 + 60 + 4 * MSS + MSS / 2);
    script_send(&s, 10 * MSS);
    expect_segments(&s, 0, 10);
    assert_int_equal(s.end.large_frames, 3); /* 4, 4, 2 */
    script_end(&s);
}

static void one_segment_is_no_large_frame(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_send(&s, MSS);
    expect_segments(&s, 0, 1);
    script_send(&s, 7);
    script_expect(&s, TCP_ACK, S(1), 1, 7);
    assert_int_equal(s.end.large_frames, 0);
    script_end(&s);
}

static void a_path_that_cuts_nothing_gets_no_large_frame(void **state)
{
    static const uint32_t too_small[] = {0, 1500, 20 + 60 + 2 * MSS - 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(too_small); i++) {
        struct script s;
        established_on(&s, too_small[i]);
        script_send(&s, 4 * MSS);
        expect_segments(&s, 0, 4);
        assert_int_equal(s.end.large_frames, 0);
        script_end(&s);
    }
}

static void without_room_for_a_large_frame_it_goes_segment_by_segment(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    s.end.large_room = 1;
    script_send(&s, 10 * MSS);
    expect_segments(&s, 0, 10);
    assert_int_equal(s.end.large_frames, 1);
    assert_int_equal(script_info(&s).in_flight_bytes, 10 * MSS);
    script_end(&s);
}

static void the_peers_window_bounds_a_frame(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 3 * MSS + 100);
    script_send(&s, 10 * MSS);
    expect_segments(&s, 0, 3);
    script_expect_nothing(&s);
    assert_int_equal(s.end.large_frames, 1);
    script_end(&s);
}

static void what_may_be_in_flight_bounds_a_frame(void **state)
{
    struct script s;
    (void)state;
    profile.max_in_flight = 3 * MSS;
    established_on(&s, 65535);
    script_send(&s, 10 * MSS);
    expect_segments(&s, 0, 3);
    script_expect_nothing(&s);
    script_end(&s);
}

static void the_end_of_the_stream_is_on_the_last_segment_only(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_send(&s, 3 * MSS + 100);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    expect_segments(&s, 0, 3);
    const struct wire_segment *last = script_expect(&s, TCP_ACK | TCP_FIN, S(3), 1, 100);
    assert_true(last->h.flags & TCP_PSH);
    assert_int_equal(s.end.large_frames, 1);
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_1);
    script_end(&s);
}

/* RFC 9293 3.7.4 in Minshall's form. */
static void with_nagle_the_tail_waits_for_a_small_segment_alone(void **state)
{
    struct script s;
    (void)state;
    profile.nagle = true;
    established_on(&s, 65535);
    script_send(&s, 3 * MSS + 100);
    expect_segments(&s, 0, 3);
    script_expect(&s, TCP_ACK, S(3), 1, 100);
    script_send(&s, 3 * MSS + 100); /* those are full with what was there */
    for (unsigned i = 0; i < 3; i++)
        script_expect(&s, TCP_ACK, S(3 + i) + 100, 1, MSS);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, S(3), 0); /* of the full ones before it: it is in flight still */
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, S(6) + 100, 0);
    script_expect(&s, TCP_ACK, S(6) + 100, 1, 100);
    script_end(&s);
}

static void what_is_lost_of_a_frame_goes_again_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 7; lost++) {
        struct script s;
        established_on(&s, 65535);
        script_send(&s, 10 * MSS);
        expect_segments(&s, 0, 10);
        script_sack(&s, S(lost), S(lost + 1), S(lost + 4));
        script_expect(&s, TCP_ACK, S(lost), 1, MSS);
        script_expect_nothing(&s);
        script_give(&s, TCP_ACK, 1, S(10), 0);
        assert_int_equal(script_counters(&s)->retransmitted_segments, 1);
        assert_int_equal(script_counters(&s)->retransmitted_bytes, MSS);
        script_end(&s);
    }
}

static void after_a_timeout_it_goes_again_segment_by_segment(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_send(&s, 4 * MSS);
    expect_segments(&s, 0, 4);
    script_wait(&s);
    while (s.end.count > 0)
        assert_true(tcp_end_take(&s.end)->payload_len <= MSS);
    assert_int_equal(s.end.large_frames, 1);
    script_end(&s);
}

static void the_round_trip_of_a_segment_in_a_frame_is_measured(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    for (unsigned i = 0; i < 40; i++) { /* until the handshake's is forgotten */
        script_send(&s, 4 * MSS);
        script_drain(&s);
        script_pass(&s, 30 * NS_PER_MS);
        script_give(&s, TCP_ACK, 1, S(4 * i + 2), 0);
        script_give(&s, TCP_ACK, 1, S(4 * i + 4), 0);
    }
    assert_in_range(script_info(&s).srtt_ns, 29 * NS_PER_MS, 31 * NS_PER_MS);
    script_end(&s);
}

static void urgent_data_goes_segment_by_segment_until_its_mark_is_passed(void **state) /* one pointer, many segments */
{
    struct script s;
    (void)state;
    profile.initial_window = 20;
    established_on(&s, 65535);
    assert_int_equal(tcp_send_urgent(s.end.layer, script_connection(&s), 3 * MSS, s.now), 0);
    assert_int_equal(tcp_send(s.end.layer, script_connection(&s), 6 * MSS, s.now), 0);
    for (unsigned i = 0; i < 3; i++) {
        const struct wire_segment *w = script_expect(&s, TCP_ACK | TCP_URG, S(i), 1, MSS);
        assert_int_equal(w->h.urgent, (3 - i) * MSS);
    }
    assert_int_equal(s.end.large_frames, 1);
    expect_segments(&s, 3, 6);
    script_expect_nothing(&s);
    script_end(&s);
}

static void every_segment_of_a_frame_has_the_timestamps(void **state)
{
    struct script s;
    const uint32_t mss = MSS - 12;
    (void)state;
    script_begin(&s, &profile);
    s.end.gso_max = 65535;
    s.peer_options.present |= TCP_OPT_TIMESTAMPS;
    s.peer_options.ts_val = 77;
    script_to_established(&s);
    script_send(&s, 5 * mss);
    const struct wire_segment *first = script_expect(&s, TCP_ACK, 1, 1, mss);
    assert_true(first->o.present & TCP_OPT_TIMESTAMPS);
    assert_int_equal(first->o.ts_ecr, 77);
    uint32_t value = first->o.ts_val;
    for (unsigned i = 1; i < 5; i++)
        assert_int_equal(script_expect(&s, TCP_ACK, 1 + i * mss, 1, mss)->o.ts_val, value);
    assert_int_equal(s.end.large_frames, 1);
    script_end(&s);
}

static void with_blocks_to_report_its_segments_leave_room_for_them(void **state)
{
    struct script s;
    const uint32_t less = MSS - 12; /* NOP NOP SACK with one block */
    (void)state;
    established_on(&s, 65535);
    script_give(&s, TCP_ACK, 1 + 500, 1, 100);
    script_send(&s, 4 * less);
    script_expect(&s, TCP_ACK, 1, 1, 0); /* the duplicate ACK that is owed */
    for (unsigned i = 0; i < 4; i++) {
        const struct wire_segment *w = script_expect(&s, TCP_ACK, 1 + i * less, 1, less);
        assert_int_equal(w->o.sack_count, 1);
    }
    assert_int_equal(s.end.large_frames, 1);
    script_end(&s);
}

static void a_tail_loss_probe_is_one_segment(void **state) /* RFC 8985 7.3 */
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 4 * MSS);
    script_send(&s, 8 * MSS);
    expect_segments(&s, 0, 4);
    script_wait(&s); /* nothing new may go: the last segment of the frame goes again */
    script_expect(&s, TCP_ACK, S(3), 1, MSS);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    script_end(&s);
}

static void a_probe_with_new_data_is_one_segment(void **state)
{
    struct script s;
    (void)state;
    profile.initial_window = 4;
    established_on(&s, 65535);
    script_send(&s, 40 * MSS);
    expect_segments(&s, 0, 4);
    script_wait(&s);
    script_expect(&s, TCP_ACK, S(4), 1, MSS);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->tlp_probes, 1);
    script_end(&s);
}

/* An ACK, then SACKs, that cut a frame where no segment ends. */
static void blocks_that_end_within_segments_lose_no_byte(void **state)
{
    (void)state;
    for (uint32_t cut = 1; cut < 3 * MSS; cut += 487) {
        struct script s;
        uint8_t gone[10 * MSS] = {0};
        established_on(&s, 65535);
        script_send(&s, 10 * MSS);
        expect_segments(&s, 0, 10);
        script_sack(&s, 1 + cut, 1 + 2 * cut + 10, 1 + 2 * cut + 10 + 3 * MSS);
        while (s.end.count > 0) {
            const struct wire_segment *w = tcp_end_take(&s.end);
            uint32_t at = seq_len(s.our_isn, w->h.seq) - 1;
            assert_true(w->payload_len <= MSS && at >= cut && at + w->payload_len <= sizeof gone);
            memset(gone + at, 1, w->payload_len);
        }
        assert_int_equal(gone[cut], 1);          /* the hole's first byte */
        assert_int_equal(gone[2 * cut + 10], 0); /* and nothing that the peer has */
        script_give(&s, TCP_ACK, 1, S(10), 0);
        assert_int_equal(s.acked, 10 * MSS);
        script_end(&s);
    }
}

static void a_window_that_ends_within_a_frame_is_filled_when_it_opens(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 2 * MSS + MSS / 2);
    script_send(&s, 5 * MSS + 10);
    expect_segments(&s, 0, 2);
    script_expect_nothing(&s); /* half a segment would be a silly window: RFC 9293 3.8.6.2.1 */
    script_give_window(&s, TCP_ACK, 1, S(1), 0, 4 * MSS);
    expect_segments(&s, 2, 3);
    script_expect_nothing(&s);
    script_give_window(&s, TCP_ACK, 1, S(5), 0, 65535);
    script_expect(&s, TCP_ACK, S(5), 1, 10);
    script_end(&s);
}

static void what_exactly_fills_the_window_goes_with_its_short_tail(void **state)
{
    struct script s;
    (void)state;
    established_on(&s, 65535);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 3 * MSS + 7);
    script_send(&s, 3 * MSS + 7);
    expect_segments(&s, 0, 3);
    const struct wire_segment *last = script_expect(&s, TCP_ACK, S(3), 1, 7);
    assert_true(last->h.flags & TCP_PSH);
    assert_int_equal(s.end.large_frames, 1);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(half_of_cwnd_goes_at_once, script_newreno),
        cmocka_unit_test_setup(a_frame_is_no_larger_than_the_link_allows, script_newreno),
        cmocka_unit_test_setup(one_segment_is_no_large_frame, script_newreno),
        cmocka_unit_test_setup(a_path_that_cuts_nothing_gets_no_large_frame, script_newreno),
        cmocka_unit_test_setup(without_room_for_a_large_frame_it_goes_segment_by_segment, script_newreno),
        cmocka_unit_test_setup(the_peers_window_bounds_a_frame, script_newreno),
        cmocka_unit_test_setup(what_may_be_in_flight_bounds_a_frame, script_newreno),
        cmocka_unit_test_setup(the_end_of_the_stream_is_on_the_last_segment_only, script_newreno),
        cmocka_unit_test_setup(with_nagle_the_tail_waits_for_a_small_segment_alone, script_newreno),
        cmocka_unit_test_setup(what_is_lost_of_a_frame_goes_again_and_nothing_else, script_newreno),
        cmocka_unit_test_setup(after_a_timeout_it_goes_again_segment_by_segment, script_newreno),
        cmocka_unit_test_setup(the_round_trip_of_a_segment_in_a_frame_is_measured, script_newreno),
        cmocka_unit_test_setup(urgent_data_goes_segment_by_segment_until_its_mark_is_passed, script_newreno),
        cmocka_unit_test_setup(every_segment_of_a_frame_has_the_timestamps, script_newreno),
        cmocka_unit_test_setup(with_blocks_to_report_its_segments_leave_room_for_them, script_newreno),
        cmocka_unit_test_setup(a_tail_loss_probe_is_one_segment, script_newreno),
        cmocka_unit_test_setup(a_probe_with_new_data_is_one_segment, script_newreno),
        cmocka_unit_test_setup(blocks_that_end_within_segments_lose_no_byte, script_newreno),
        cmocka_unit_test_setup(a_window_that_ends_within_a_frame_is_filled_when_it_opens, script_newreno),
        cmocka_unit_test_setup(what_exactly_fills_the_window_goes_with_its_short_tail, script_newreno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
