/* SPDX-License-Identifier: MIT */
/*
 * The size of segments: what routers say and when it is believed (RFC 1191, RFC 5927 7.2), black holes, and the way up
 * again (RFC 4821). Segment by segment.
 */
#include "tcp_script.h"

#include "support/cmocka_all.h"

static enum tcp_icmp_verdict too_big(struct script *s, uint32_t seq, uint32_t mtu)
{
    struct flow_key key = tcp_end_key(&s->end, s->our_port, PEER_ADDRESS, PEER_PORT);
    enum tcp_icmp_verdict v =
        tcp_icmp_error(s->end.layer, &key, seq_add(s->our_isn, seq), TCP_ICMP_TOO_BIG, mtu, s->now);
    tcp_output(s->end.layer, 0, s->now);
    return v;
}

/* One full segment was sent and acknowledged: 1461 is next. */
static void begin_with_a_full_segment_acknowledged(struct script *s)
{
    script_begin(s, &profile);
    script_to_established(s);
    script_send(s, 1460);
    script_expect(s, TCP_ACK, 1, 1, 1460);
    script_give(s, TCP_ACK, 1, 1461, 0);
}

/* ---- routers ---- */

static void too_big_at_the_start_counts_at_once_and_is_no_congestion(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 4380);
    for (uint32_t i = 0; i < 3; i++)
        script_expect(&s, TCP_ACK, 1 + i * 1460, 1, 1460);
    uint32_t cwnd = script_info(&s).cwnd_bytes;
    assert_int_equal(too_big(&s, 1461, 1040), TCP_ICMP_BELIEVED);
    for (uint32_t i = 0; i < 4; i++)
        script_expect(&s, TCP_ACK, 1 + i * 1000, 1, 1000);
    script_expect(&s, TCP_ACK, 4001, 1, 380);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 1001, 0); /* the first of several: no recovery begins */
    script_give(&s, TCP_ACK, 1, 4381, 0);
    assert_true(script_info(&s).cwnd_bytes >= cwnd);
    assert_int_equal(script_counters(&s)->fast_retransmits, 0);
    assert_int_equal(script_counters(&s)->mss_lowered, 1);
    assert_int_equal(script_info(&s).mss, 1000);
    script_end(&s);
}

static void too_big_against_what_arrived_waits_for_the_retransmission_timer(void **state) /* IC-09 */
{
    struct script s;
    (void)state;
    begin_with_a_full_segment_acknowledged(&s);
    script_send(&s, 2920);
    script_expect(&s, TCP_ACK, 1461, 1, 1460);
    script_expect(&s, TCP_ACK, 2921, 1, 1460);
    uint32_t cwnd = script_info(&s).cwnd_bytes;
    assert_int_equal(too_big(&s, 1461, 1040), TCP_ICMP_NOTED);
    script_expect_nothing(&s);
    assert_int_equal(script_info(&s).mss, 1460);
    script_wait(&s);
    script_expect(&s, TCP_ACK, 1461, 1, 1000);
    script_expect(&s, TCP_ACK, 2461, 1, 1000);
    script_expect(&s, TCP_ACK, 3461, 1, 920);
    assert_int_equal(script_info(&s).cwnd_bytes, cwnd); /* it was the size, not congestion */
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    script_give(&s, TCP_ACK, 1, 4381, 0);
    script_end(&s);
}

static void too_big_that_progress_disproves_is_forgotten(void **state)
{
    struct script s;
    (void)state;
    begin_with_a_full_segment_acknowledged(&s);
    script_send(&s, 2920);
    script_drain(&s);
    assert_int_equal(too_big(&s, 1461, 600), TCP_ICMP_NOTED);
    script_give(&s, TCP_ACK, 1, 2921, 0);
    script_wait(&s);
    script_expect(&s, TCP_ACK, 2921, 1, 1460); /* a loss like any other */
    assert_int_equal(script_info(&s).mss, 1460);
    assert_int_equal(script_counters(&s)->mss_lowered, 0);
    script_give(&s, TCP_ACK, 1, 4381, 0);
    assert_true(script_info(&s).parked); /* nothing is left to be waited for */
    script_end(&s);
}

/* RFC 1191 6.3 */
static void ten_minutes_later_the_old_size_is_tried_again(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 1460);
    script_drain(&s);
    assert_int_equal(too_big(&s, 1, 1040), TCP_ICMP_BELIEVED);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 1461, 0);
    assert_false(script_info(&s).parked);
    script_pass(&s, 599 * NS_PER_S);
    assert_int_equal(script_info(&s).mss, 1000);
    script_pass(&s, 2 * NS_PER_S);
    assert_int_equal(script_info(&s).mss, 1460); /* idle: what was known is too old */
    assert_true(script_info(&s).parked);
    script_send(&s, 1460);
    script_expect(&s, TCP_ACK, 1461, 1, 1460);
    assert_int_equal(too_big(&s, 1461, 1040), TCP_ICMP_BELIEVED); /* and the router may say it again */
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 2921, 0);
    script_end(&s);
}

/* ---- black holes ---- */

/* 10 segments in flight; two timeouts: the second one sends what a base of 1024 takes. */
static void into_the_black_hole(struct script *s)
{
    profile.tlp = false;
    script_begin(s, &profile);
    s->peer_options.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED;
    s->peer_options.mss = 1460;
    script_to_established(s);
    script_send(s, 100000);
    assert_int_equal(script_drain(s), 10);
    script_wait(s);
    script_expect(s, TCP_ACK, 1, 1, 1460);
    script_expect_nothing(s);
    script_wait(s);
}

static void a_black_hole_is_left_at_the_second_timeout(void **state) /* IC-12 */
{
    struct script s;
    (void)state;
    into_the_black_hole(&s);
    script_expect(&s, TCP_ACK, 1, 1, 1024);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->rto_fired, 2);
    assert_int_equal(script_counters(&s)->mss_lowered, 1);
    assert_int_equal(script_info(&s).mss, 1024);
    script_end(&s);
}

/* Segments of 1460 bytes got there: two that are lost in a row may be chance, three are not. */
static void where_full_segments_arrived_it_takes_a_third_timeout(void **state)
{
    struct script s;
    (void)state;
    profile.tlp = false;
    script_begin(&s, &profile);
    s.peer_options.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED;
    s.peer_options.mss = 1460;
    script_to_established(&s);
    script_send(&s, 100000);
    assert_int_equal(script_drain(&s), 10);
    script_give(&s, TCP_ACK, 1, 1 + 1460, 0);
    assert_true(script_drain(&s) > 0);
    for (unsigned timeouts = 1; timeouts <= 2; timeouts++) {
        script_wait(&s);
        script_expect(&s, TCP_ACK, 1 + 1460, 1, 1460);
        script_expect_nothing(&s);
        assert_int_equal(script_counters(&s)->rto_fired, timeouts);
        assert_int_equal(script_counters(&s)->mss_lowered, 0);
    }
    script_wait(&s);
    script_expect(&s, TCP_ACK, 1 + 1460, 1, 1024);
    assert_int_equal(script_counters(&s)->mss_lowered, 1);
    script_end(&s);
}

static void sizes_go_down_by_halves_to_a_floor(void **state)
{
    static const uint32_t sizes[] = {512, 256, 216, 216};
    struct script s;
    (void)state;
    into_the_black_hole(&s);
    script_drain(&s);
    for (unsigned i = 0; i < 4; i++) {
        script_wait(&s);
        script_expect(&s, TCP_ACK, 1, 1, sizes[i]);
        script_expect_nothing(&s);
    }
    assert_int_equal(script_counters(&s)->mss_lowered, 4);
    script_end(&s);
}

static void without_probing_the_size_stays(void **state)
{
    struct script s;
    (void)state;
    profile.mtu_probing = TCP_MTU_PROBING_OFF;
    into_the_black_hole(&s);
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    assert_int_equal(script_counters(&s)->mss_lowered, 0);
    script_end(&s);
}

static void small_segments_in_flight_are_no_black_hole(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 500);
    for (unsigned i = 0; i < 5; i++) {
        script_wait(&s);
        script_expect(&s, TCP_ACK, 1, 1, 500);
    }
    assert_int_equal(script_info(&s).mss, 1460);
    script_end(&s);
}

/* ---- the way up ---- */

/* Everything in flight is acknowledged, in order and at once, until a segment longer than the MSS comes; its number. */
static uint32_t until_a_probe(struct script *s, uint32_t *size)
{
    for (unsigned turns = 0; turns < 200; turns++) {
        const struct wire_segment *g = tcp_end_take(&s->end);
        if (!g) {
            struct tcp_info i = script_info(s);
            script_give(s, TCP_ACK, 1, (uint32_t)i.bytes_acked + 1 + i.in_flight_bytes, 0);
            continue;
        }
        uint32_t mss = script_info(s).mss;
        if (g->payload_len > mss) {
            *size = g->payload_len;
            return seq_len(s->our_isn, g->h.seq);
        }
    }
    return 0;
}

static void the_old_size_is_probed_once_data_flows_again(void **state)
{
    struct script s;
    uint32_t size;
    (void)state;
    into_the_black_hole(&s); /* it was an outage, not a black hole */
    script_drain(&s);
    uint32_t at = until_a_probe(&s, &size);
    assert_true(at > 0);
    assert_int_equal(size, 1460);
    assert_int_equal(script_counters(&s)->mtu_probes, 1);
    assert_int_equal(script_info(&s).mss, 1024);
    script_give(&s, TCP_ACK, 1, at + size, 0);
    assert_int_equal(script_info(&s).mss, 1460);
    assert_int_equal(script_counters(&s)->mtu_probes_failed, 0);
    script_end(&s);
}

/* Where what was never sent begins. */
static uint32_t next_of(struct script *s)
{
    struct tcp_info i = script_info(s);
    return (uint32_t)i.bytes_acked + 1 + i.in_flight_bytes;
}

/*
 * What went before the probe arrives, which lets more go, then `n` segments behind it: as SACK blocks or, where the
 * peer has none, as duplicate acknowledgements.
 */
static void followers_arrive(struct script *s, uint32_t at, uint32_t size, unsigned n)
{
    bool sack = s->peer_options.present & TCP_OPT_SACK_PERMITTED;
    script_drain(s);
    if (script_info(s).bytes_acked + 1 < at)
        script_give(s, TCP_ACK, 1, at, 0);
    script_drain(s);
    for (uint32_t i = 1; i <= n; i++) {
        const uint32_t block[2] = {at + size, at + size + i * script_info(s).mss};
        assert_true(!sack || block[1] <= next_of(s));
        if (sack)
            script_give_sack(s, 1, at, 1, block);
        else
            script_give(s, TCP_ACK, 1, at, 0);
    }
}

static void the_search_ends_just_below_what_the_path_takes(void **state)
{
    struct script s;
    uint32_t size, sizes[16], n = 0;
    (void)state;
    into_the_black_hole(&s); /* a path of 1300 bytes of payload */
    script_drain(&s);
    for (uint32_t at; n < 16 && (at = until_a_probe(&s, &size)) > 0; n++) {
        sizes[n] = size;
        if (size <= 1300) {
            script_give(&s, TCP_ACK, 1, at + size, 0);
            continue;
        }
        followers_arrive(&s, at, size, 4);
        script_pass(&s, 10 * NS_PER_MS); /* as long as reordering may take */
    }
    assert_true(n >= 3);
    assert_int_equal(sizes[0], 1460);
    for (unsigned i = 1; i < n; i++)
        assert_true(sizes[i] > 1024 && sizes[i] < 1460);
    uint32_t mss = script_info(&s).mss;
    assert_true(mss <= 1300 && mss > 1300 - 32);
    print_message("%u probes, MSS %u\n", n, mss);
    script_end(&s);
}

/* Takes everything sent: of the bytes from `at` on, how many went, none of them in a segment above the base. */
static uint32_t went_again(struct script *s, uint32_t at, uint32_t size)
{
    uint32_t bytes = 0;
    for (const struct wire_segment *g; (g = tcp_end_take(&s->end));) {
        if (seq_len(s->our_isn, g->h.seq) - at >= size)
            continue;
        assert_true(g->payload_len <= 1024);
        bytes += g->payload_len;
    }
    return bytes;
}

/* RFC 4821 7.6.2; with RACK, with RFC 6675, and without SACK. */
static void a_lost_probe_is_no_congestion(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct script s;
        uint32_t size;
        profile.rack = way == 0;
        profile.sack = way < 2;
        into_the_black_hole(&s);
        script_drain(&s);
        if (way == 2)
            s.peer_options.present &= (uint16_t)~TCP_OPT_SACK_PERMITTED;
        uint32_t at = until_a_probe(&s, &size);
        struct tcp_info before = script_info(&s);
        followers_arrive(&s, at, size, 3);
        assert_int_equal(script_info(&s).ssthresh_bytes, before.ssthresh_bytes);
        assert_true(script_info(&s).cwnd_bytes >= before.cwnd_bytes);
        assert_int_equal(script_counters(&s)->mtu_probes_failed, 1);
        uint32_t again = went_again(&s, at, size);
        if (again < size) { /* cwnd lets no more go; without SACK the others still count as in flight */
            script_give(&s, TCP_ACK, 1, at + 1024, 0);
            again += went_again(&s, at, size);
        }
        assert_int_equal(again, size);
        script_end(&s);
    }
}

static void what_is_lost_beside_a_probe_is_congestion(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct script s;
        uint32_t size;
        profile.rack = way == 0;
        into_the_black_hole(&s);
        script_drain(&s);
        uint32_t at = until_a_probe(&s, &size);
        script_drain(&s);
        uint32_t cwnd = script_info(&s).cwnd_bytes;
        for (uint32_t i = 2; i <= 5; i++) { /* the first behind it is lost too */
            const uint32_t block[2] = {at + size + 1024, at + size + i * 1024};
            script_give_sack(&s, 1, at, 1, block);
        }
        assert_true(script_info(&s).recovering);
        assert_true(script_info(&s).ssthresh_bytes < cwnd);
        assert_int_equal(script_counters(&s)->mtu_probes_failed, 1);
        script_end(&s);
    }
}

static void a_router_that_speaks_about_a_probe_says_what_to_try(void **state)
{
    struct script s;
    uint32_t size;
    (void)state;
    into_the_black_hole(&s);
    script_drain(&s);
    uint32_t at = until_a_probe(&s, &size);
    assert_int_equal(too_big(&s, at, 1340), TCP_ICMP_BELIEVED);
    assert_int_equal(script_counters(&s)->mtu_probes_failed, 1);
    assert_int_equal(script_info(&s).mss, 1024);
    at = until_a_probe(&s, &size);
    assert_int_equal(size, 1300);
    script_give(&s, TCP_ACK, 1, at + size, 0);
    assert_int_equal(script_info(&s).mss, 1300);
    script_end(&s);
}

static void the_search_can_begin_at_the_base(void **state)
{
    struct script s;
    uint32_t size;
    (void)state;
    profile.mtu_probing = TCP_MTU_PROBING_ALWAYS;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_int_equal(script_info(&s).mss, 1024);
    script_send(&s, 50000);
    uint32_t at = until_a_probe(&s, &size);
    assert_int_equal(size, 1460);
    script_give(&s, TCP_ACK, 1, at + size, 0);
    assert_int_equal(script_info(&s).mss, 1460);
    script_end(&s);
}

static void without_a_search_in_the_pool_the_size_stays_low(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    while (pool_get(&s.end.layer->mtu_searches))
        ;
    script_send(&s, 1460);
    script_drain(&s);
    assert_int_equal(too_big(&s, 1, 1040), TCP_ICMP_BELIEVED);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 1461, 0);
    assert_true(script_info(&s).parked);
    assert_int_equal(script_info(&s).mss, 1000);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(too_big_at_the_start_counts_at_once_and_is_no_congestion, script_defaults),
        cmocka_unit_test_setup(too_big_against_what_arrived_waits_for_the_retransmission_timer, script_defaults),
        cmocka_unit_test_setup(too_big_that_progress_disproves_is_forgotten, script_defaults),
        cmocka_unit_test_setup(ten_minutes_later_the_old_size_is_tried_again, script_defaults),
        cmocka_unit_test_setup(a_black_hole_is_left_at_the_second_timeout, script_defaults),
        cmocka_unit_test_setup(where_full_segments_arrived_it_takes_a_third_timeout, script_defaults),
        cmocka_unit_test_setup(sizes_go_down_by_halves_to_a_floor, script_defaults),
        cmocka_unit_test_setup(without_probing_the_size_stays, script_defaults),
        cmocka_unit_test_setup(small_segments_in_flight_are_no_black_hole, script_defaults),
        cmocka_unit_test_setup(the_old_size_is_probed_once_data_flows_again, script_defaults),
        cmocka_unit_test_setup(the_search_ends_just_below_what_the_path_takes, script_defaults),
        cmocka_unit_test_setup(a_lost_probe_is_no_congestion, script_defaults),
        cmocka_unit_test_setup(what_is_lost_beside_a_probe_is_congestion, script_defaults),
        cmocka_unit_test_setup(a_router_that_speaks_about_a_probe_says_what_to_try, script_defaults),
        cmocka_unit_test_setup(the_search_can_begin_at_the_base, script_defaults),
        cmocka_unit_test_setup(without_a_search_in_the_pool_the_size_stays_low, script_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
