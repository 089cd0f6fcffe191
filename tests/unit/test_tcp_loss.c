/* SPDX-License-Identifier: MIT */
/*
 * Fast retransmit and recovery: RFC 5681 3.2, RFC 6582 (without SACK), RFC 6675 (with SACK), RFC 2883 (D-SACK), RFC
 * 2018 section 8 (reneging), and SACK blocks that lie (THREATS TC-09, TC-10). Ten segments of 1460 bytes are in flight
 * unless a test says otherwise; S(n) is where segment n begins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static int defaults(void **state)
{
    script_newreno(state);
    profile.rack = profile.f_rto = false; /* they have tests of their own */
    return 0;
}

static void ten_in_flight(struct script *s, bool sack)
{
    script_begin(s, &profile);
    if (sack)
        s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(s);
    script_send_segments(s, 10);
}

static void duplicate_acks(struct script *s, uint32_t ack, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        script_give(s, TCP_ACK, 1, ack, 0);
}

static void the_third_duplicate_ack_and_no_earlier_one_retransmits(void **state)
{
    struct script s;
    (void)state;
    ten_in_flight(&s, false);
    duplicate_acks(&s, 1, 2);
    script_expect_nothing(&s);
    duplicate_acks(&s, 1, 1);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    duplicate_acks(&s, 1, 6);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->fast_retransmits, 1);
    assert_int_equal(script_counters(&s)->dup_acks_received, 9);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    script_expect_nothing(&s);
    script_end(&s);
}

static void what_is_not_a_duplicate_ack_is_not_counted(void **state) /* RFC 5681 section 2 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, false);
    for (uint16_t i = 0; i < 5; i++) {
        script_give_window(&s, TCP_ACK, 1, 1, 0, (uint16_t)(60000 - i));     /* a new window */
        script_give_window(&s, TCP_ACK, 1 + i, 1, 1, (uint16_t)(60000 - i)); /* data */
        script_drain(&s);
    }
    assert_int_equal(script_counters(&s)->dup_acks_received, 0);
    assert_int_equal(script_counters(&s)->retransmitted_segments, 0);
    script_end(&s);
}

static void a_duplicate_ack_without_news_in_sack_is_none(void **state) /* RFC 6675 section 2 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, true);
    duplicate_acks(&s, 1, 5);
    script_sack(&s, 1, S(1), S(2));
    for (unsigned i = 0; i < 5; i++)
        script_sack(&s, 1, S(1), S(2));
    script_expect_nothing(&s);
    script_sack(&s, 1, S(1), S(3));
    script_expect_nothing(&s);
    script_sack(&s, 1, S(1), S(4));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_expect_nothing(&s);
    script_end(&s);
}

static void a_segment_is_lost_when_enough_bytes_are_sacked_above_it(
    void **state) /* RFC 6675 IsLost(): more than 2 SMSS */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, true);
    script_sack(&s, 1, S(1), S(3));
    script_expect_nothing(&s);
    script_sack(&s, 1, S(1), S(3) + 1);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_expect_nothing(&s);
    script_end(&s);
}

static void a_segment_is_lost_when_three_runs_are_sacked_above_it(
    void **state) /* IsLost(): DupThresh discontiguous sequences */
{
    struct script s;
    const uint32_t two[] = {S(1) + 10, S(1) + 11, S(1) + 20, S(1) + 21};
    const uint32_t three[] = {S(1) + 10, S(1) + 11, S(1) + 20, S(1) + 21, S(1) + 30, S(1) + 31};
    (void)state;
    ten_in_flight(&s, true);
    script_give_sack(&s, 1, 1, 2, two);
    script_expect_nothing(&s);
    script_give_sack(&s, 1, 1, 3, three);
    assert_int_equal(script_expect(&s, TCP_ACK, S(0), 1, MSS)->payload[0], 'a');
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    script_end(&s);
}

static void partial_acks_of_newreno_repair_one_hole_each(void **state) /* RFC 6582 3.2 (3) */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, false); /* 0, 3 and 6 are lost */
    duplicate_acks(&s, 1, 3);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_give(&s, TCP_ACK, 1, S(3), 0);
    script_expect(&s, TCP_ACK, S(3), 1, MSS);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, S(6), 0);
    script_expect(&s, TCP_ACK, S(6), 1, MSS);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    script_expect_nothing(&s);
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    assert_int_equal(script_info(&s).cwnd_bytes, 2 * MSS); /* min(ssthresh, max(FlightSize, SMSS) + SMSS) */
    assert_int_equal(script_counters(&s)->fast_retransmits, 1);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    script_end(&s);
}

static void the_scoreboard_repairs_all_holes_in_one_round_trip(void **state)
{
    struct script s;
    const uint32_t blocks[] = {S(7), S(10), S(4), S(6), S(1), S(3)};
    (void)state;
    ten_in_flight(&s, true); /* 0, 3 and 6 are lost */
    script_give_sack(&s, 1, 1, 3, blocks);
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_expect(&s, TCP_ACK, S(3), 1, MSS);
    script_expect(&s, TCP_ACK, S(6), 1, MSS);
    script_expect_nothing(&s);
    assert_int_equal(script_info(&s).cwnd_bytes,
                     5 * MSS); /* RFC 6675 (4.2): half of FlightSize, which counts what is sacked */
    script_give(&s, TCP_ACK, 1, S(10), 0);
    assert_int_equal(s.acked, 10 * MSS);
    assert_int_equal(script_counters(&s)->rto_fired, 0);
    script_end(&s);
}

static void a_hole_that_is_not_lost_yet_goes_when_nothing_new_can(void **state) /* RFC 6675 NextSeg() rule 3 */
{
    struct script s;
    const uint32_t blocks[] = {S(1), S(4), S(5), S(6)};
    (void)state;
    profile.congestion = TCP_FIXED;
    ten_in_flight(&s, true);
    script_give_sack(&s, 1, 1, 2, blocks);
    script_expect(&s, TCP_ACK, S(0), 1, MSS); /* lost */
    script_expect(&s, TCP_ACK, S(4), 1, MSS); /* only one segment above it is sacked */
    script_expect(&s, TCP_ACK, S(9), 1, MSS); /* rule 4: the rescue retransmission, once a recovery */
    script_expect_nothing(&s);                /* and S(6) to S(8) lie above everything sacked */
    assert_int_equal(script_counters(&s)->rescue_retransmits, 1);
    script_end(&s);
}

static void without_sack_duplicates_of_what_recovery_sent_start_no_other(void **state) /* RFC 6582 3.2 (1), section 4 */
{
    struct script s;
    (void)state;
    for (unsigned by_timeout = 0; by_timeout < 2; by_timeout++) {
        uint32_t end = by_timeout ? 10 : 12;
        ten_in_flight(&s, false);
        script_send(&s, 6 * MSS); /* for later */
        if (by_timeout) {
            script_wait(&s);
        } else {
            duplicate_acks(&s, 1, 3);
            script_expect(&s, TCP_ACK, S(10), 1, MSS); /* limited transmit: RFC 3042 */
            script_expect(&s, TCP_ACK, S(11), 1, MSS);
        }
        script_expect(&s, TCP_ACK, S(0), 1, MSS);
        script_give(&s, TCP_ACK, 1, S(end), 0); /* exactly what was sent before */
        assert_true(script_drain(&s) >= 2);
        duplicate_acks(&s, S(end), 5);
        script_drain(&s);
        assert_int_equal(script_counters(&s)->retransmitted_segments, 1);
        script_give(&s, TCP_ACK, 1, S(end + 1), 0); /* more than that */
        script_drain(&s);
        duplicate_acks(&s, S(end + 1), 3);
        script_expect(&s, TCP_ACK, S(end + 1), 1, MSS);
        assert_int_equal(script_counters(&s)->fast_retransmits, by_timeout ? 1 : 2);
        script_end(&s);
    }
}

static void forged_duplicate_acks_do_not_inflate_the_window_for_ever(void **state) /* TC-34 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, false);
    duplicate_acks(&s, 1, 1000);
    assert_true(script_info(&s).cwnd_bytes <=
                16 * MSS); /* ssthresh of 5, the 10 in flight, and the step over the limit */
    script_end(&s);
}

static void a_dsack_is_counted_and_is_no_duplicate_ack(void **state)
{
    struct script s;
    const uint32_t inside[] = {S(4), S(5), S(3), S(6)};
    (void)state;
    ten_in_flight(&s, true);
    script_give(&s, TCP_ACK, 1, S(2), 0);
    for (unsigned i = 0; i < 5; i++)
        script_sack(&s, S(2), S(0), S(1)); /* below the ACK */
    assert_int_equal(script_counters(&s)->dsack_received, 5);
    assert_int_equal(script_info(&s).in_flight_bytes, 8 * MSS);
    script_give_sack(&s, 1, S(2), 2, inside); /* inside the second block */
    assert_int_equal(script_counters(&s)->dsack_received, 6);
    assert_int_equal(script_counters(&s)->retransmitted_segments, 1); /* 3 segments above S(2) */
    script_end(&s);
}

static void impossible_sack_blocks_are_ignored_one_by_one(void **state) /* TC-09 */
{
    static const uint32_t bad[][2] = {
        {S(2), S(2)},
        {S(3), S(2)},
        {S(9), S(10) + 1},
        {S(10), S(11)},
        {S(1), S(1) + 0x80000000u},
        {S(1) - 0x7fffffffu, 1},
        {0u - 5000u, S(9)},
        {S(10) + 5, S(1)},
        {S(1), S(10) + 0x7ffffff0u},
        {0, S(10)},
    };
    struct script s;
    (void)state;
    ten_in_flight(&s, true);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        script_sack(&s, 1, bad[i][0], bad[i][1]);
        assert_int_equal(script_info(&s).in_flight_bytes, (i == 0 ? 10 : 9) * MSS);
        const uint32_t with_good[] = {bad[i][0], bad[i][1], S(8), S(9)};
        script_give_sack(&s, 1, 1, 2, with_good);
        assert_int_equal(script_info(&s).in_flight_bytes, 9 * MSS);
    }
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    assert_int_equal(s.acked, 10 * MSS);
    script_end(&s);
}

static void sack_options_of_wrong_length_are_ignored(void **state) /* TC-09 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, true);
    for (unsigned length = 0; length <= 40; length++) {
        struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 1, .window = 65535, .raw_len = 40};
        memset(g.raw_options, 1, sizeof g.raw_options);
        g.raw_options[0] = 5;
        g.raw_options[1] = (uint8_t)length;
        for (unsigned i = 0; i < 4; i++) {
            store_be32(g.raw_options + 2 + 8 * i, s.our_isn.v + S(2 * i + 1));
            store_be32(g.raw_options + 6 + 8 * i, s.our_isn.v + S(2 * i + 2));
        }
        bool good = length == 10 || length == 18 || length == 26 || length == 34;
        uint32_t before = script_info(&s).in_flight_bytes;
        script_give_segment(&s, &g);
        if (!good)
            assert_int_equal(script_info(&s).in_flight_bytes, before);
        script_drain(&s);
    }
    script_give(&s, TCP_ACK, 1, S(10), 0);
    script_end(&s);
}

static void sack_that_was_not_negotiated_is_ignored(void **state) /* TC-09 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, false);
    script_sack(&s, 1, S(1), S(9));
    assert_int_equal(script_info(&s).in_flight_bytes, 10 * MSS);
    script_expect_nothing(&s);
    script_end(&s);
}

static void a_peer_that_takes_its_sacks_back_gets_everything_again(void **state) /* TC-10, RFC 2018 section 8 */
{
    struct script s;
    (void)state;
    ten_in_flight(&s, true);
    script_sack(&s, 1, S(1), S(10));
    script_expect(&s, TCP_ACK, S(0), 1, MSS);
    script_give(&s, TCP_ACK, 1, S(1), 0); /* and nothing of what it had */
    script_expect_nothing(&s);
    script_wait(&s);
    for (uint32_t n = 1; n < 10; n++) { /* RTO, then the ACKs clock it out */
        const struct wire_segment *w = tcp_end_take(&s.end);
        while (w && w->h.seq.v - s.our_isn.v != S(n))
            w = tcp_end_take(&s.end);
        assert_non_null(w);
        assert_int_equal(w->payload[0], 'a' + (S(n) - 1) % 26);
        script_give(&s, TCP_ACK, 1, S(n + 1), 0);
    }
    assert_int_equal(s.acked, 10 * MSS);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    script_end(&s);
}

static void a_retransmission_that_is_lost_too_is_found_by_the_timeout(void **state)
{
    struct script s;
    (void)state;
    for (unsigned sack = 0; sack < 2; sack++) {
        ten_in_flight(&s, sack);
        if (sack)
            script_sack(&s, 1, S(1), S(10));
        else
            duplicate_acks(&s, 1, 9);
        script_expect(&s, TCP_ACK, S(0), 1, MSS);
        script_expect_nothing(&s);
        script_wait(&s);
        script_expect(&s, TCP_ACK, S(0), 1, MSS);
        script_give(&s, TCP_ACK, 1, S(10), 0);
        assert_int_equal(s.acked, 10 * MSS);
        script_expect_nothing(&s);
        script_end(&s);
    }
}

static void hostile_sacks_of_single_bytes_do_not_break_the_scoreboard(void **state) /* TC-07, TC-08 */
{
    struct script s;
    (void)state;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = 60000;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(&s);
    script_send(&s, 40 * MSS);
    script_drain(&s);
    for (uint32_t at = 3; at + 6 < 40 * MSS; at += 400) {
        const uint32_t blocks[] = {at, at + 1, at + 2, at + 3, at + 4, at + 5};
        script_give_sack(&s, 1, 1, 3, blocks);
        script_drain(&s);
    }
    script_sack(&s, 1, 3, S(40)); /* and everything at once */
    script_drain(&s);
    assert_true(script_occupancy(&s).sent_records <= 2);
    script_give(&s, TCP_ACK, 1, S(40), 0);
    assert_int_equal(s.acked, 40 * MSS);
    script_end(&s);
}

static void begin_with_one_record(struct script *s)
{
    struct tcp_settings settings;
    script_settings(&settings);
    settings.sent_records = 1;
    profile.congestion = TCP_FIXED;
    script_begin_with(s, &profile, &settings);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(s);
}

static void a_record_that_cannot_be_split_sends_its_fin_only_at_its_end(void **state)
{
    struct script s;
    (void)state;
    begin_with_one_record(&s);
    script_send(&s, 100);
    script_drain(&s);
    script_pass(&s, NS_PER_MS);
    script_send(&s, 3000); /* takes the only record */
    script_drain(&s);
    script_pass(&s, NS_PER_MS);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_ACK | TCP_FIN, 3101, 1, 0); /* joins it */
    script_wait(&s);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    script_expect(&s, TCP_ACK, 101, 1, MSS);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 101 + MSS, 0);
    script_expect(&s, TCP_ACK, 101 + MSS, 1, MSS);
    script_give(&s, TCP_ACK, 1, 101 + 2 * MSS, 0);
    script_expect(&s, TCP_ACK | TCP_FIN, 101 + 2 * MSS, 1, 80);
    script_give(&s, TCP_ACK, 1, 3102, 0);
    assert_int_equal(s.acked, 3100);
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_2);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    script_end(&s);
}

static void new_data_never_counts_as_sacked(void **state)
{
    struct script s;
    (void)state;
    begin_with_one_record(&s);
    for (unsigned i = 0; i < 2; i++) {
        script_send(&s, MSS);
        script_drain(&s);
        script_pass(&s, NS_PER_MS);
    }
    script_sack(&s, 1, S(1), S(2));
    assert_int_equal(script_info(&s).in_flight_bytes, MSS);
    script_drain(&s);     /* the hole, which may go again now */
    script_send(&s, MSS); /* no record is left for it */
    script_drain(&s);
    assert_true(script_info(&s).in_flight_bytes >= 2 * MSS);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_third_duplicate_ack_and_no_earlier_one_retransmits),
        T(what_is_not_a_duplicate_ack_is_not_counted),
        T(a_duplicate_ack_without_news_in_sack_is_none),
        T(a_segment_is_lost_when_enough_bytes_are_sacked_above_it),
        T(a_segment_is_lost_when_three_runs_are_sacked_above_it),
        T(partial_acks_of_newreno_repair_one_hole_each),
        T(the_scoreboard_repairs_all_holes_in_one_round_trip),
        T(a_hole_that_is_not_lost_yet_goes_when_nothing_new_can),
        T(without_sack_duplicates_of_what_recovery_sent_start_no_other),
        T(forged_duplicate_acks_do_not_inflate_the_window_for_ever),
        T(a_dsack_is_counted_and_is_no_duplicate_ack),
        T(impossible_sack_blocks_are_ignored_one_by_one),
        T(sack_options_of_wrong_length_are_ignored),
        T(sack_that_was_not_negotiated_is_ignored),
        T(a_peer_that_takes_its_sacks_back_gets_everything_again),
        T(a_retransmission_that_is_lost_too_is_found_by_the_timeout),
        T(hostile_sacks_of_single_bytes_do_not_break_the_scoreboard),
        T(a_record_that_cannot_be_split_sends_its_fin_only_at_its_end),
        T(new_data_never_counts_as_sacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
