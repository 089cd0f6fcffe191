/* SPDX-License-Identifier: MIT */
/*
 * Packets of many segments that arrive at once (TSO, LRO, GRO), linear or in pieces: what they count for, that their
 * bytes are delivered, trimmed and held like those of the segments they stand for, and that nothing holds on to their
 * pieces (the test's wire takes them back after the call).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static int defaults(void **state)
{
    script_defaults(state);
    profile.receive_buffer = 65535; /* the peer has no window scaling */
    return 0;
}

static void established(struct script *s, bool sack)
{
    script_begin(s, &profile);
    if (sack)
        s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(s);
}

/* In frags of a segment each behind the first, as software GRO makes them. */
static void give_merged(struct script *s, uint16_t flags, uint32_t seq, uint32_t payload)
{
    struct script_segment g = {.flags = flags,
                               .seq = seq,
                               .ack = 1,
                               .payload = payload,
                               .window = 65535,
                               .as = {.gso_size = MSS, .head = MSS, .piece = MSS}};
    script_give_segment(s, &g);
}

/* All in one piece, as from a link with TSO or LRO. */
static void give_linear(struct script *s, uint16_t flags, uint32_t seq, uint32_t payload)
{
    struct script_segment g = {
        .flags = flags, .seq = seq, .ack = 1, .payload = payload, .window = 65535, .as = {.gso_size = MSS}};
    script_give_segment(s, &g);
}

static void assert_stream(const struct script *s, uint64_t length)
{
    assert_int_equal(s->received, length);
    for (uint64_t i = 0; i < length; i++)
        assert_int_equal(s->stream[i], 'a' + i % 26);
}

static void every_byte_of_every_piece_is_delivered(void **state)
{
    static const uint32_t pieces[] = {1, 2, 3, 500, MSS, 4000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        for (uint32_t head = 0; head < 4 * MSS; head += MSS / 2) {
            struct script s;
            established(&s, true);
            struct script_segment g = {.flags = TCP_ACK,
                                       .seq = 1,
                                       .ack = 1,
                                       .payload = 4 * MSS - 7,
                                       .window = 65535,
                                       .as = {.gso_size = MSS, .head = head, .piece = pieces[i]}};
            script_give_segment(&s, &g);
            assert_stream(&s, 4 * MSS - 7);
            script_expect(&s, TCP_ACK, 1, 4 * MSS - 6, 0);
            script_end(&s);
        }
    }
}

static void a_packet_counts_as_its_segments(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    uint64_t before = script_counters(&s)->segments_received;
    give_merged(&s, TCP_ACK, 1, 5 * MSS + 1);
    assert_int_equal(script_counters(&s)->segments_received, before + 6);
    give_linear(&s, TCP_ACK, 1 + 5 * MSS + 1, 2 * MSS);
    assert_int_equal(script_counters(&s)->segments_received, before + 8);
    give_linear(&s, TCP_ACK, 1 + 9 * MSS, 3 * MSS);
    assert_int_equal(script_counters(&s)->out_of_order_segments, 3);
    give_merged(&s, TCP_ACK, 1, 3 * MSS);
    assert_int_equal(script_counters(&s)->duplicate_segments, 3);
    script_drain(&s);
    script_end(&s);
}

static void two_segments_are_acknowledged_at_once_and_one_is_not(void **state) /* RFC 9293 3.8.6.3, MUST-59 */
{
    struct script s;
    (void)state;
    established(&s, true);
    give_merged(&s, TCP_ACK, 1, 2 * MSS);
    script_expect(&s, TCP_ACK, 1, 1 + 2 * MSS, 0);
    give_linear(&s, TCP_ACK, 1 + 2 * MSS, MSS);
    script_expect_nothing(&s);
    give_linear(&s, TCP_ACK, 1 + 3 * MSS, MSS);
    script_expect(&s, TCP_ACK, 1, 1 + 4 * MSS, 0);
    script_end(&s);
}

static void what_was_received_before_is_cut_off_in_front(void **state)
{
    static const uint32_t old[] = {1, MSS - 1, MSS, MSS + 1, 2 * MSS + 5, 3 * MSS - 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
        struct script s;
        established(&s, true);
        give_merged(&s, TCP_ACK, 1, old[i]);
        give_merged(&s, TCP_ACK, 1, 3 * MSS);
        assert_stream(&s, 3 * MSS);
        script_drain(&s);
        script_end(&s);
    }
}

static void what_is_beyond_the_window_is_cut_off_behind(void **state)
{
    static const uint32_t windows[] = {MSS / 2, MSS, MSS + 1, 2 * MSS, 2 * MSS + 700};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        struct script s;
        profile.receive_buffer = windows[i];
        established(&s, true);
        s.consume = false;
        give_merged(&s, TCP_ACK, 1, 3 * MSS);
        assert_stream(&s, windows[i]);
        script_drain(&s);
        tcp_consumed(s.end.layer, script_connection(&s), windows[i], s.now);
        script_end(&s);
    }
}

static void out_of_order_its_bytes_are_held_and_its_pieces_are_not(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    give_merged(&s, TCP_ACK, 1 + MSS, 4 * MSS);
    const struct wire_segment *ack = script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(ack->o.sack_count, 1);
    assert_int_equal(seq_len(ack->o.sack[0].left, ack->o.sack[0].right), 4 * MSS);
    script_expect_nothing(&s); /* SACK says it all */
    assert_int_equal(s.end.pool.home.held + s.end.large_pool.home.held, 0);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, (4 * MSS + 2047) / 2048);
    script_give(&s, TCP_ACK, 1, 1, MSS);
    assert_stream(&s, 5 * MSS);
    script_expect(&s, TCP_ACK, 1, 1 + 5 * MSS, 0);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
    script_end(&s);
}

static void out_of_order_a_linear_one_is_held_itself_while_its_home_allows(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    give_linear(&s, TCP_ACK, 1 + MSS, 4 * MSS);
    assert_int_equal(s.end.large_pool.home.held, 1);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 1);
    s.end.large_pool.home.held_max = 1;
    give_linear(&s, TCP_ACK, 1 + 6 * MSS, 4 * MSS);
    assert_int_equal(s.end.large_pool.home.held, 1);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 1 + (4 * MSS + 2047) / 2048);
    script_give(&s, TCP_ACK, 1, 1, MSS);
    script_give(&s, TCP_ACK, 1 + 5 * MSS, 1, MSS);
    assert_stream(&s, 10 * MSS);
    script_drain(&s);
    script_end(&s);
}

static void without_sack_each_of_its_segments_owes_a_duplicate_ack(void **state) /* RFC 5681 section 4.2 */
{
    struct script s;
    (void)state;
    established(&s, false);
    give_merged(&s, TCP_ACK, 1 + MSS, 3 * MSS);
    for (unsigned i = 0; i < 3; i++)
        script_expect(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    give_linear(&s, TCP_ACK, 1 + 4 * MSS, 2 * MSS);
    assert_int_equal(s.end.large_pool.home.held, 1);
    for (unsigned i = 0; i < 2; i++)
        script_expect(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    script_end(&s);
}

static void of_what_finds_no_room_the_front_is_held(void **state)
{
    struct script s;
    struct tcp_settings settings;
    (void)state;
    script_settings(&settings);
    settings.max_out_of_order_frames = 2;
    script_begin_with(&s, &profile, &settings);
    s.peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(&s);
    give_merged(&s, TCP_ACK, 1 + MSS, 4 * MSS);
    assert_int_equal(script_counters(&s)->drop_ooo_full, 1);
    const struct wire_segment *ack = script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(seq_len(ack->o.sack[0].left, ack->o.sack[0].right), 2 * 2048);
    script_give(&s, TCP_ACK, 1, 1, MSS);
    assert_stream(&s, MSS + 2 * 2048);
    script_drain(&s);
    script_end(&s);
}

static void it_fills_the_gaps_between_what_is_held(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    script_give(&s, TCP_ACK, 1 + 2 * MSS, 1, MSS);
    script_give(&s, TCP_ACK, 1 + 4 * MSS + 100, 1, 10);
    give_merged(&s, TCP_ACK, 1 + MSS, 5 * MSS);
    give_linear(&s, TCP_ACK, 1 + MSS, 6 * MSS);
    assert_int_equal(s.received, 0);
    script_give(&s, TCP_ACK, 1, 1, MSS);
    assert_stream(&s, 7 * MSS);
    script_drain(&s);
    script_end(&s);
}

static void in_order_it_takes_along_what_is_held_within_it(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    script_give(&s, TCP_ACK, 1 + MSS, 1, 100);
    script_give(&s, TCP_ACK, 1 + 3 * MSS, 1, 2 * MSS / 2);
    give_merged(&s, TCP_ACK, 1, 3 * MSS + 50);
    assert_stream(&s, 4 * MSS);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
    script_drain(&s);
    script_end(&s);
}

static void a_fin_at_its_end_is_taken(void **state)
{
    struct script s;
    (void)state;
    established(&s, true);
    give_merged(&s, TCP_ACK | TCP_FIN, 1 + MSS, 3 * MSS);
    assert_false(s.fin);
    script_give(&s, TCP_ACK, 1, 1, MSS);
    assert_stream(&s, 4 * MSS);
    assert_true(s.fin);
    script_drain(&s);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_byte_of_every_piece_is_delivered, defaults),
        cmocka_unit_test_setup(a_packet_counts_as_its_segments, defaults),
        cmocka_unit_test_setup(two_segments_are_acknowledged_at_once_and_one_is_not, defaults),
        cmocka_unit_test_setup(what_was_received_before_is_cut_off_in_front, defaults),
        cmocka_unit_test_setup(what_is_beyond_the_window_is_cut_off_behind, defaults),
        cmocka_unit_test_setup(out_of_order_its_bytes_are_held_and_its_pieces_are_not, defaults),
        cmocka_unit_test_setup(out_of_order_a_linear_one_is_held_itself_while_its_home_allows, defaults),
        cmocka_unit_test_setup(without_sack_each_of_its_segments_owes_a_duplicate_ack, defaults),
        cmocka_unit_test_setup(of_what_finds_no_room_the_front_is_held, defaults),
        cmocka_unit_test_setup(it_fills_the_gaps_between_what_is_held, defaults),
        cmocka_unit_test_setup(in_order_it_takes_along_what_is_held_within_it, defaults),
        cmocka_unit_test_setup(a_fin_at_its_end_is_taken, defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
