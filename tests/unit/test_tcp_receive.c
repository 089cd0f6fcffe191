/* SPDX-License-Identifier: MIT */
/*
 * Reassembly: RFC 9293 3.10.7.4, RFC 5681 4.2 (a duplicate ACK for each segment out of order), RFC 2018 section 4, RFC
 * 2883. Where segments overlap with different bytes, those that arrived first are kept (TC-32).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tcp_script.h"

static void give(struct script *s, uint32_t seq, uint32_t length, uint8_t fill)
{
    struct script_segment g = {
        .flags = TCP_ACK, .seq = seq, .ack = 1, .payload = length, .window = 65535, .fill = fill};
    script_give_segment(s, &g);
}

static void assert_pattern(const struct script *s, uint32_t length)
{
    assert_int_equal(s->received, length);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(s->stream[i], 'a' + i % 26);
}

static void established(struct script *s)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_to_established(s);
}

/* The k-th order of five, by the factorial number system. */
static void nth_order(unsigned k, unsigned order[5])
{
    unsigned left[5] = {0, 1, 2, 3, 4}, n = 5;
    for (unsigned i = 0; i < 5; i++, n--) {
        unsigned at = k % n;
        k /= n;
        order[i] = left[at];
        memmove(left + at, left + at + 1, (n - at - 1) * sizeof *left);
    }
}

static void five_segments_arrive_in_any_of_120_orders(void **state)
{
    static const uint32_t start[] = {1, 101, 151, 400, 401, 501};
    (void)state;
    for (unsigned k = 0; k < 240; k++) {
        struct script s;
        unsigned order[5];
        nth_order(k / 2, order);
        established(&s);
        for (unsigned i = 0; i < 5; i++) {
            uint16_t fin = k % 2 && order[i] == 4 ? TCP_FIN : 0;
            script_give(&s, TCP_ACK | fin, start[order[i]], 1, start[order[i] + 1] - start[order[i]]);
        }
        assert_pattern(&s, 500);
        assert_int_equal(s.fin, k % 2);
        script_pass(&s, 100 * NS_PER_MS);
        const struct wire_segment *w, *last = NULL;
        while ((w = tcp_end_take(&s.end)) != NULL)
            last = w;
        assert_int_equal(last->h.ack.v - PEER_ISN, 501 + k % 2);
        assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
        script_end(&s);
    }
}

/* What arrived first for each byte, then the gap at the front is filled. */
static void check_overlap(const uint32_t a[2], const uint32_t b[2])
{
    struct script s;
    char model[64];
    memset(model, 'g', sizeof model);
    memset(model + b[0], 'B', b[1] - b[0]);
    memset(model + a[0], 'A', a[1] - a[0]);
    established(&s);
    give(&s, 1 + a[0], a[1] - a[0], 'A');
    give(&s, 1 + b[0], b[1] - b[0], 'B');
    assert_int_equal(s.received, 0);
    give(&s, 1, 64, 'g'); /* over everything, and it comes last */
    assert_int_equal(s.received, 64);
    assert_memory_equal(s.stream, model, 64);
    script_drain(&s);
    script_end(&s);
    established(&s);
    give(&s, 1 + a[0], a[1] - a[0], 'A');
    give(&s, 1 + b[0], b[1] - b[0], 'B');
    for (uint32_t i = 0; i < 64; i++) /* byte by byte: nothing new over what is there */
        give(&s, 1 + i, 1, 'g');
    assert_int_equal(s.received, 64);
    assert_memory_equal(s.stream, model, 64);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
    script_drain(&s);
    script_end(&s);
}

static void in_all_13_relations_the_first_bytes_are_kept(void **state) /* Allen's interval relations */
{
    static const uint32_t a[2] = {20, 40};
    static const uint32_t b[13][2] = {{5, 15},  {50, 60}, {10, 20}, {40, 50}, {10, 30}, {30, 50}, {20, 30},
                                      {20, 50}, {25, 35}, {10, 50}, {30, 40}, {10, 40}, {20, 40}};
    (void)state;
    for (unsigned i = 0; i < 13; i++)
        check_overlap(a, b[i]);
}

/*
 * The documented rule (TC-32): first arrived bytes are kept. A segment that begins at RCV.NXT counts as arriving before
 * what is delivered, so a filling segment is given here one byte long, which overlaps nothing.
 */
static void random_overlaps_equal_a_model(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 5);
    for (unsigned run = 0; run < 300; run++) {
        struct script s;
        uint8_t model[4096] = {0};
        established(&s);
        while (s.received < 1800) {
            uint32_t next = (uint32_t)s.received;
            bool fills = random_below(&r, 4) == 0;
            uint32_t at = fills ? next : next + 1 + (uint32_t)random_below(&r, 200);
            uint32_t n = fills ? 1 : 1 + (uint32_t)random_below(&r, 150);
            uint8_t fill = (uint8_t)(1 + random_below(&r, 255));
            for (uint32_t i = at; i < at + n; i++)
                model[i] = model[i] ? model[i] : fill;
            give(&s, 1 + at, n, fill);
            script_drain(&s);
        }
        assert_memory_equal(s.stream, model, s.received);
        script_end(&s);
    }
}

static void each_segment_out_of_order_gets_its_duplicate_ack(void **state)
{
    struct script s;
    (void)state;
    established(&s);
    for (uint32_t i = 0; i < 10; i++)
        script_give(&s, TCP_ACK, 101 + 100 * i, 1, 100);
    for (uint32_t i = 0; i < 10; i++)
        script_expect(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_expect(&s, TCP_ACK, 1, 1101, 0); /* at once: it fills a gap */
    assert_pattern(&s, 1100);
    script_end(&s);
}

static void assert_block(const struct wire_segment *w, uint32_t i, uint32_t left, uint32_t right)
{
    assert_true(w->o.present & TCP_OPT_SACK);
    assert_true(i < w->o.sack_count);
    assert_int_equal(w->o.sack[i].left.v - PEER_ISN, left);
    assert_int_equal(w->o.sack[i].right.v - PEER_ISN, right);
}

static void the_latest_block_comes_first_and_four_fit(void **state) /* RFC 2018 section 4 */
{
    struct script s;
    const struct wire_segment *w;
    (void)state;
    established(&s);
    for (uint32_t i = 1; i <= 6; i++) {
        script_give(&s, TCP_ACK, 1 + 200 * i, 1, 100);
        w = script_expect(&s, TCP_ACK, 1, 1, 0);
        assert_int_equal(w->o.sack_count, min_u32(i, 4));
        assert_block(w, 0, 1 + 200 * i, 101 + 200 * i);
    }
    script_give(&s, TCP_ACK, 301, 1, 100); /* joins the first two */
    w = script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_block(w, 0, 201, 501);
    script_end(&s);
}

/*
 * While the link is busy `runs` of 100 bytes arrive with holes in between; then their ACKs leave, with room for so many
 * blocks each.
 */
static void check_all_reported(uint16_t options, uint32_t runs, uint32_t blocks)
{
    struct script s;
    bool reported[10] = {false};
    script_begin(&s, &profile);
    s.peer_options.present |= options;
    script_to_established(&s);
    s.end.room = 0;
    for (uint32_t i = 1; i <= runs; i++)
        script_give(&s, TCP_ACK, 1 + 200 * i, 1, 100);
    s.end.room = UINT32_MAX;
    for (uint32_t i = 1; i <= runs; i++) {
        const struct wire_segment *w = script_expect(&s, TCP_ACK, 1, 1, 0);
        assert_int_equal(w->o.sack_count, blocks);
        if (i == 1)
            assert_block(w, 0, 1 + 200 * runs, 101 + 200 * runs); /* the latest */
        for (uint32_t k = 0; k < blocks; k++) {
            uint32_t run = (w->o.sack[k].left.v - PEER_ISN) / 200;
            assert_in_range(run, 1, runs);
            assert_block(w, k, 1 + 200 * run, 101 + 200 * run);
            for (uint32_t j = 0; j < k; j++)
                assert_false(seq_eq(w->o.sack[j].left, w->o.sack[k].left));
            reported[run] = true;
        }
    }
    script_expect_nothing(&s);
    for (uint32_t i = 1; i <= runs; i++)
        assert_true(reported[i]);
    script_end(&s);
}

/* RFC 2018 section 4: the sender shall learn of all blocks from the ACKs of one burst. */
static void acks_that_leave_together_report_all_blocks(void **state)
{
    (void)state;
    check_all_reported(TCP_OPT_SACK_PERMITTED, 9, 4);
    check_all_reported(TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS, 7, 3);
}

static void three_blocks_fit_beside_timestamps(void **state)
{
    struct script s;
    const struct wire_segment *w = NULL;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS;
    script_to_established(&s);
    for (uint32_t i = 1; i <= 5; i++) {
        script_give(&s, TCP_ACK, 1 + 200 * i, 1, 100);
        w = script_expect(&s, TCP_ACK, 1, 1, 0);
    }
    assert_int_equal(w->o.sack_count, 3);
    assert_block(w, 0, 1001, 1101);
    script_end(&s);
}

static void a_fin_out_of_order_is_in_the_block_of_its_data(void **state)
{
    struct script s;
    (void)state;
    established(&s);
    script_give(&s, TCP_ACK | TCP_FIN, 101, 1, 100);
    assert_block(script_expect(&s, TCP_ACK, 1, 1, 0), 0, 101, 202);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_expect(&s, TCP_ACK, 1, 202, 0);
    assert_true(s.fin);
    script_end(&s);
}

static void no_blocks_without_permission(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 101, 1, 100);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 1, 0)->o.present, 0);
    script_end(&s);
}

static void duplicates_are_reported(void **state) /* RFC 2883 section 4 */
{
    struct script s;
    const struct wire_segment *w;
    (void)state;
    established(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_give(&s, TCP_ACK, 101, 1, 100);
    script_expect(&s, TCP_ACK, 1, 201, 0);
    script_give(&s, TCP_ACK, 1, 1, 100); /* below the ACK */
    w = script_expect(&s, TCP_ACK, 1, 201, 0);
    assert_int_equal(w->o.sack_count, 1);
    assert_block(w, 0, 1, 101);
    script_give(&s, TCP_ACK, 301, 1, 100);
    w = script_expect(&s, TCP_ACK, 1, 201, 0);
    assert_int_equal(w->o.sack_count, 1);  /* reported once */
    script_give(&s, TCP_ACK, 301, 1, 100); /* above: inside a block, which follows */
    w = script_expect(&s, TCP_ACK, 1, 201, 0);
    assert_int_equal(w->o.sack_count, 2);
    assert_block(w, 0, 301, 401);
    assert_block(w, 1, 301, 401);
    assert_int_equal(script_counters(&s)->duplicate_segments, 2);
    script_end(&s);
}

static void the_limit_of_frames_is_kept_and_counted(void **state) /* TC-31 */
{
    struct script s;
    struct tcp_settings settings;
    (void)state;
    script_settings(&settings);
    settings.max_out_of_order_frames = 10;
    script_begin_with(&s, &profile, &settings);
    script_to_established(&s);
    for (uint32_t i = 0; i < 1000; i++) {
        script_give(&s, TCP_ACK, 3 + 2 * i, 1, 1);
        assert_true(script_occupancy(&s).out_of_order_frames <= 10);
        script_drain(&s);
    }
    assert_int_equal(script_counters(&s)->drop_ooo_full, 990);
    for (uint32_t i = 0; i < 10; i++)
        script_give(&s, TCP_ACK, 1 + 200 * i, 1, 200); /* everything again, in order */
    assert_pattern(&s, 2000);
    script_drain(&s);
    script_end(&s);
}

/* Random segments within 1440 bytes beyond the first one, against a model that keeps the byte that came first. */
static void random_segments_give_the_stream_of_the_model(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 5);
    for (unsigned round = 0; round < 300; round++) {
        struct script s;
        uint8_t model[1440] = {0};
        established(&s);
        for (unsigned i = 0; i < 60; i++) {
            uint32_t at = 1 + (uint32_t)random_below(&r, 1370), n = 1 + (uint32_t)random_below(&r, 60);
            uint8_t fill = (uint8_t)(1 + random_below(&r, 255));
            give(&s, 1 + at, n, fill);
            for (uint32_t k = at; k < at + n; k++)
                model[k] = model[k] ? model[k] : fill;
        }
        for (uint32_t k = 0; k < sizeof model; k++)
            model[k] = model[k] ? model[k] : 1;
        give(&s, 1, sizeof model, 1);
        assert_int_equal(s.received, sizeof model);
        assert_memory_equal(s.stream, model, sizeof model);
        script_drain(&s);
        script_end(&s);
    }
}

static void frames_come_home_when_a_connection_dies_with_a_full_queue(void **state)
{
    struct script s;
    (void)state;
    profile.receive_buffer = 1 << 20;
    established(&s);
    for (uint32_t i = 0; i < 700; i++) /* beyond what the driver's pool lends */
        script_give(&s, TCP_ACK, 3 + i + i / 7, 1, 1);
    script_drain(&s);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 700);
    script_give(&s, TCP_RST, 1, 0, 0);
    assert_true(s.closed);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
    script_end(&s);
}

static void a_stream_ended_by_its_user_in_the_middle_of_a_drain(void **state)
{
    struct script s;
    (void)state;
    established(&s);
    script_give(&s, TCP_ACK, 101, 1, 100);
    script_give(&s, TCP_ACK, 301, 1, 100);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_give(&s, TCP_ACK, 1, 1, 100);
    assert_int_equal(s.received, 0);
    script_drain(&s);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(five_segments_arrive_in_any_of_120_orders),
        T(in_all_13_relations_the_first_bytes_are_kept),
        T(random_overlaps_equal_a_model),
        T(each_segment_out_of_order_gets_its_duplicate_ack),
        T(the_latest_block_comes_first_and_four_fit),
        T(acks_that_leave_together_report_all_blocks),
        T(three_blocks_fit_beside_timestamps),
        T(a_fin_out_of_order_is_in_the_block_of_its_data),
        T(no_blocks_without_permission),
        T(duplicates_are_reported),
        T(the_limit_of_frames_is_kept_and_counted),
        T(random_segments_give_the_stream_of_the_model),
        T(frames_come_home_when_a_connection_dies_with_a_full_queue),
        T(a_stream_ended_by_its_user_in_the_middle_of_a_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
