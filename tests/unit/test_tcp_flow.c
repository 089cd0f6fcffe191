/* SPDX-License-Identifier: MIT */
/*
 * Flow control: RFC 9293 3.8.6 (windows, zero-window probes, silly windows), 3.7.4 (Nagle), RFC 1122 4.2.3.2 and RFC
 * 5681 4.2 (delayed ACKs), RFC 7323 section 2 (scaling).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

/* Takes everything that was sent; returns the right edge of it. */
static uint32_t right_edge(struct script *s)
{
    const struct wire_segment *w;
    uint32_t edge = 0;
    tcp_output(s->end.layer, 0, s->now);
    while ((w = tcp_end_take(&s->end)) != NULL)
        edge = max_u32(edge, seq_len(s->our_isn, w->h.seq) + w->payload_len);
    return edge;
}

static void nothing_is_sent_beyond_the_peers_window(void **state)
{
    static const uint8_t scales[] = {0, 3, 7};
    (void)state;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = 1u << 24;
    for (size_t i = 0; i < ARRAY_SIZE(scales); i++) {
        struct script s;
        uint32_t acked = 1, edge;
        script_begin(&s, &profile);
        s.peer_options.present |= TCP_OPT_WSCALE;
        s.peer_options.wscale = scales[i];
        script_to_established(&s);
        script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
        script_send(&s, 1000000);
        script_expect_nothing(&s);
        for (uint16_t window = 2000; window < 40000; window = (uint16_t)(window + 7777)) {
            script_give_window(&s, TCP_ACK, 1, acked, 0, window);
            edge = right_edge(&s);
            script_give_window(&s, TCP_ACK, 1, edge ? edge : acked, 0, window);
            acked = edge ? edge : acked;
            edge = right_edge(&s);
            assert_true(edge - acked <= ((uint32_t)window << scales[i]));
            assert_true(edge - acked + 1460 > min_u32((uint32_t)window << scales[i], 200000));
            script_give_window(&s, TCP_ACK, 1, edge, 0, window);
            acked = edge;
            if (acked + 600000 > 1000000)
                break;
        }
        script_drain(&s);
        script_end(&s);
    }
}

/* Into ESTABLISHED with 5000 bytes promised and a shut window. */
static void shut(struct script *s)
{
    script_to_established(s);
    script_give_window(s, TCP_ACK, 1, 1, 0, 0);
    script_send(s, 5000);
    script_expect_nothing(s);
}

static void probes_of_one_byte_come_with_doubling_intervals(void **state) /* MUST-36, 3.8.6.1 */
{
    struct script s;
    (void)state;
    profile.rto_min_ns = NS_PER_S;
    profile.rto_max_ns = 10 * NS_PER_S;
    script_begin(&s, &profile);
    shut(&s);
    for (int64_t wait = NS_PER_S, n = 0; n < 8; n++, wait = min_i64(2 * wait, 10 * NS_PER_S)) {
        assert_in_range(script_wait(&s), wait, wait + 3 * NS_PER_MS);
        const struct wire_segment *w = script_expect(&s, TCP_ACK, 1, 1, 1);
        assert_int_equal(w->payload[0], 'a');
        script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
        script_expect_nothing(&s);
    }
    assert_int_equal(script_counters(&s)->zero_window_probes, 8);
    script_give(&s, TCP_ACK, 1, 1, 0);
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    script_expect(&s, TCP_ACK, 1461, 1, 1460);
    script_expect(&s, TCP_ACK, 2921, 1, 1460);
    script_expect(&s, TCP_ACK, 4381, 1, 620);
    script_end(&s);
}

static void an_accepted_probe_counts_as_sent(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    shut(&s);
    for (uint32_t n = 1; n < 5; n++) {
        script_pass(&s, 300 * NS_PER_MS);
        const struct wire_segment *w = script_expect(&s, TCP_ACK, n, 1, 1);
        assert_int_equal(w->payload[0], 'a' + n - 1);
        script_give_window(&s, TCP_ACK, 1, n + 1, 0, 0);
        assert_int_equal(s.acked, n);
        script_expect_nothing(&s);
    }
    script_give(&s, TCP_ACK, 1, 5, 0);
    assert_int_equal(right_edge(&s), 5001);
    script_give(&s, TCP_ACK, 1, 5001, 0);
    assert_int_equal(s.acked, 5000);
    script_end(&s);
}

static void a_peer_that_answers_may_keep_its_window_shut_for_days(void **state) /* MUST-37 */
{
    struct script s;
    (void)state;
    profile.data_retries = 5;
    script_begin(&s, &profile);
    shut(&s);
    for (unsigned i = 0; i < 3000; i++) {
        script_wait(&s);
        script_expect(&s, TCP_ACK, 1, 1, 1);
        script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
        assert_false(s.closed);
    }
    script_end(&s);
}

static void a_window_taken_back_over_data_in_flight_does_not_end_the_connection(
    void **state) /* MUST-34, SHLD-17, MUST-37 */
{
    struct script s;
    (void)state;
    profile.data_retries = 5;
    profile.rto_max_ns = NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 5000);
    script_drain(&s);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    for (unsigned i = 0; i < 100; i++) {
        script_wait(&s);
        script_drain(&s);
        assert_false(s.closed);
        script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    }
    script_give(&s, TCP_ACK, 1, 5001, 0);
    assert_int_equal(s.acked, 5000);
    script_end(&s);
}

static void unanswered_probes_end_the_connection(void **state)
{
    struct script s;
    (void)state;
    profile.data_retries = 5;
    profile.rto_max_ns = NS_PER_S;
    script_begin(&s, &profile);
    shut(&s);
    script_pass(&s, 20 * NS_PER_S);
    assert_int_equal(script_drain(&s), 5);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_end(&s);
}

static void the_user_timeout_runs_during_a_shut_window(void **state) /* RFC 9293 3.8.3 */
{
    struct script s;
    (void)state;
    profile.user_timeout_ns = 30 * NS_PER_S;
    profile.rto_max_ns = NS_PER_S;
    script_begin(&s, &profile);
    shut(&s);
    for (unsigned i = 0; i < 33 && !s.closed; i++) {
        assert_false(s.closed && i < 29);
        script_pass(&s, NS_PER_S);
        if (script_drain(&s) > 0)
            script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    }
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_end(&s);
}

static void a_lost_window_update_is_found_by_a_probe(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    shut(&s);
    script_pass(&s, 250 * NS_PER_MS); /* meanwhile the update is lost */
    script_expect(&s, TCP_ACK, 1, 1, 1);
    script_give(&s, TCP_ACK, 1, 2, 0); /* the answer to the probe carries the new window */
    assert_int_equal(right_edge(&s), 5001);
    script_end(&s);
}

static void an_old_segment_does_not_bring_back_an_old_window(void **state) /* SND.WL1, SND.WL2 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 1000);
    script_drain(&s);
    script_give_window(&s, TCP_ACK, 1, 1001, 10, 500);
    assert_int_equal(script_info(&s).send_window, 500);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 60000); /* older in both */
    assert_int_equal(script_info(&s).send_window, 500);
    script_give_window(&s, TCP_ACK, 11, 1, 0, 60000); /* an older ACK */
    assert_int_equal(script_info(&s).send_window, 500);
    script_give_window(&s, TCP_ACK, 11, 1001, 0, 600);
    assert_int_equal(script_info(&s).send_window, 600);
    script_drain(&s);
    script_end(&s);
}

static void a_window_in_a_syn_is_not_scaled(void **state) /* RFC 7323 2.2 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_WSCALE;
    s.peer_options.wscale = 7;
    script_to_syn_sent(&s);
    script_give_window(&s, TCP_SYN | TCP_ACK, 0, 1, 0, 1000);
    assert_int_equal(script_info(&s).send_window, 1000);
    script_drain(&s);
    script_end(&s);
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_WSCALE;
    s.peer_options.wscale = 7;
    script_to_syn_sent(&s);
    script_give_window(&s, TCP_SYN, 0, 0, 0, 1000);
    script_give_window(&s, TCP_SYN | TCP_ACK, 0, 1, 0, 1000); /* simultaneous open */
    assert_in_range(script_info(&s).send_window, 1000 - 127, 1000);
    script_drain(&s);
    script_end(&s);
}

static void a_silly_window_is_not_filled_before_the_override_time(void **state) /* MUST-38, 3.8.6.2.1 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    shut(&s);
    for (uint16_t window = 1; window < 1400; window = (uint16_t)(window + 100)) { /* TC-30: small steps */
        script_give_window(&s, TCP_ACK, 1, 1, 0, window);
        script_expect_nothing(&s);
    }
    script_give_window(&s, TCP_ACK, 1, 1, 0, 1000);
    script_expect_nothing(&s);
    script_pass(&s, 300 * NS_PER_MS);
    script_expect(&s, TCP_ACK, 1, 1, 1000); /* (4): what the window takes */
    script_expect_nothing(&s);
    script_give_window(&s, TCP_ACK, 1, 1001, 0, 1460);
    script_expect(&s, TCP_ACK, 1001, 1, 1460);
    script_end(&s);
}

static void a_small_window_that_gets_smaller_does_not_stall_the_stream(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    shut(&s);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 1000);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 400); /* smaller than before, but not shut */
    script_pass(&s, 300 * NS_PER_MS);
    script_expect(&s, TCP_ACK, 1, 1, 400);
    script_end(&s);
}

static void nagle_holds_a_small_segment_while_data_is_in_flight(void **state) /* SHLD-7, MUST-17 */
{
    struct script s;
    (void)state;
    profile.nagle = true;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 10);
    script_expect(&s, TCP_ACK, 1, 1, 10);
    script_send(&s, 10);
    script_send(&s, 10);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 11, 0);
    script_expect(&s, TCP_ACK, 11, 1, 20);
    script_send(&s, 1470); /* a full segment goes at once, the rest waits */
    script_expect(&s, TCP_ACK, 31, 1, 1460);
    script_expect_nothing(&s);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_FIN | TCP_ACK, 1491, 1, 10);
    script_end(&s);
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 1470); /* nothing small is in flight: the rest goes too */
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    script_expect(&s, TCP_ACK, 1461, 1, 10);
    script_send(&s, 10);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 1461, 0);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 1471, 0);
    script_expect(&s, TCP_ACK, 1471, 1, 10);
    script_end(&s);
    profile.nagle = false;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (uint32_t i = 0; i < 5; i++) {
        script_send(&s, 10);
        script_expect(&s, TCP_ACK, 1 + 10 * i, 1, 10);
    }
    script_end(&s);
}

static void every_second_segment_is_acknowledged_at_once(void **state) /* RFC 5681 4.2, SHLD-19 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (uint32_t i = 0; i < 10; i++) {
        script_give(&s, TCP_ACK, 1 + 1000 * i, 1, 1000);
        if (i % 2)
            script_expect(&s, TCP_ACK, 1, 1001 + 1000 * i, 0);
        script_expect_nothing(&s);
    }
    script_end(&s);
}

static void an_ack_rides_on_data(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_expect_nothing(&s);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 1, 101, 50);
    script_give(&s, TCP_ACK, 101, 51, 0);
    script_pass(&s, NS_PER_S);
    script_expect_nothing(&s); /* the delayed ACK was not needed any more */
    assert_int_equal(script_counters(&s)->acks_sent, 0);
    script_end(&s);
}

static void quick_ack_and_ack_push_do_not_wait(void **state)
{
    struct script s;
    (void)state;
    profile.quick_ack_bytes = TCP_QUICK_ACK_ALWAYS;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_expect(&s, TCP_ACK, 1, 101, 0);
    script_end(&s);
    profile.quick_ack_bytes = 0;
    profile.ack_push = true;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    script_expect_nothing(&s);
    script_pass(&s, NS_PER_S);
    script_expect(&s, TCP_ACK, 1, 101, 0);
    script_give(&s, TCP_ACK | TCP_PSH, 101, 1, 100);
    script_expect(&s, TCP_ACK, 1, 201, 0);
    script_end(&s);
}

/* The user is given time to answer: with data the ACK is no frame of its own. */
static void the_ack_of_a_push_waits_for_an_answer(void **state)
{
    struct script s;
    (void)state;
    profile.ack_push = profile.ack_push_waits = true;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_false(tcp_acknowledge(s.end.layer));
    script_give(&s, TCP_ACK | TCP_PSH, 1, 1, 100); /* nobody has answered yet */
    script_expect(&s, TCP_ACK, 1, 101, 0);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 1, 101, 50);
    script_give(&s, TCP_ACK | TCP_PSH, 101, 51, 100);
    script_expect_nothing(&s);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 51, 201, 50);
    assert_false(tcp_acknowledge(s.end.layer)); /* it is there already */
    script_give(&s, TCP_ACK | TCP_PSH, 201, 101, 100);
    script_expect_nothing(&s);
    assert_true(tcp_acknowledge(s.end.layer)); /* there is no answer */
    script_expect(&s, TCP_ACK, 101, 301, 0);
    script_give(&s, TCP_ACK | TCP_PSH, 301, 101, 100); /* nor was there one to the last */
    script_expect(&s, TCP_ACK, 101, 401, 0);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 101, 401, 50);
    script_give(&s, TCP_ACK | TCP_PSH, 401, 151, 100);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK | TCP_PSH, 501, 151, 100);
    script_expect(&s, TCP_ACK, 151, 601, 0); /* RFC 5681 4.2: two */
    assert_false(tcp_acknowledge(s.end.layer));
    script_give(&s, TCP_ACK, 601, 151, 100); /* no PSH: for the delay alone */
    script_expect_nothing(&s);
    assert_false(tcp_acknowledge(s.end.layer));
    script_pass(&s, NS_PER_S);
    script_expect(&s, TCP_ACK, 151, 701, 0);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 151, 701, 50);
    script_give(&s, TCP_ACK | TCP_PSH, 701, 201, 100);
    script_expect_nothing(&s);
    script_pass(&s, NS_PER_S); /* and nobody says that there is none: the delay */
    script_expect(&s, TCP_ACK, 201, 801, 0);
    assert_int_equal(script_counters(&s)->delayed_acks, 2);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 201, 801, 50);
    script_give(&s, TCP_ACK | TCP_PSH, 801, 251, 100); /* one that is waited for when the connection ends */
    script_expect_nothing(&s);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    assert_false(tcp_acknowledge(s.end.layer));
    script_expect(&s, TCP_RST | TCP_ACK, 251, 901, 0);
    script_end(&s);
}

static void data_beyond_the_window_is_cut(void **state) /* TC-33 */
{
    struct script s;
    (void)state;
    profile.receive_buffer = 1500;
    script_begin(&s, &profile);
    s.consume = false;
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 1000);
    script_give(&s, TCP_ACK | TCP_FIN, 1001, 1, 1000);
    assert_int_equal(s.received, 1500);
    assert_false(s.fin); /* it lay beyond */
    script_expect(&s, TCP_ACK, 1, 1501, 0);
    script_give(&s, TCP_ACK, 1501, 1, 1); /* a probe of the shut window */
    const struct wire_segment *w = script_expect(&s, TCP_ACK, 1, 1501, 0);
    assert_int_equal(w->h.window, 0);
    assert_int_equal(s.received, 1500);
    script_give(&s, TCP_ACK, 4000, 1, 100); /* far outside */
    script_expect(&s, TCP_ACK, 1, 1501, 0);
    tcp_consumed(s.end.layer, script_connection(&s), 1500, s.now);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 1501, 0)->h.window, 1500);
    script_end(&s);
}

static void the_payload_of_a_syn_ack_stays_within_the_window(void **state) /* TC-42 */
{
    struct script s;
    (void)state;
    profile.receive_buffer = 100;
    script_begin(&s, &profile);
    s.consume = false;
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 1000);
    assert_int_equal(s.received, 100);
    script_drain(&s);
    script_end(&s);
}

static void the_right_edge_moves_in_worthwhile_steps_and_never_back(void **state) /* 3.8.6.2.2, SHLD-14 */
{
    struct script s;
    uint32_t at = 1, edge = 0, sent = 0;
    (void)state;
    profile.receive_buffer = 20000;
    profile.quick_ack_bytes = TCP_QUICK_ACK_ALWAYS;
    script_begin(&s, &profile);
    s.consume = false;
    script_to_established(&s);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t room = i ? edge - at : 20000;
        uint32_t n = min_u32(room, 1 + (i * 37) % 1460);
        if (n > 0) {
            script_give(&s, TCP_ACK, at, 1, n);
            at += n;
        }
        uint32_t held = (uint32_t)(s.received - sent), take = min_u32(held, (i * 91) % 1000);
        sent += take;
        tcp_consumed(s.end.layer, script_connection(&s), take, s.now);
        tcp_output(s.end.layer, 0, s.now);
        for (const struct wire_segment *w; (w = tcp_end_take(&s.end)) != NULL;) {
            uint32_t now = w->h.ack.v - PEER_ISN + w->h.window;
            assert_true((int32_t)(now - edge) >= 0);
            assert_true(now == edge || edge == 0 || now - edge >= 1460);
            edge = now;
            assert_true(w->h.window <= 20000);
        }
    }
    assert_true(s.received > 100000);
    script_end(&s);
}

/* What we sent: how many segments; the peer's right edge moves. */
static unsigned heard(struct script *s, uint32_t *edge)
{
    unsigned n = 0;
    tcp_output(s->end.layer, 0, s->now);
    for (const struct wire_segment *w; (w = tcp_end_take(&s->end)) != NULL; n++)
        *edge = w->h.ack.v - PEER_ISN + w->h.window;
    return n;
}

/* The peer fills at once whatever it hears of. With an update for each reading it would send as little at a time. */
static void small_readings_open_a_shut_window_by_a_sixteenth_of_the_buffer(void **state)
{
    struct script s;
    uint32_t at = 1, edge = 64001;
    unsigned updates = 0;
    (void)state;
    profile.receive_buffer = 64000;
    script_begin(&s, &profile);
    s.consume = false;
    script_to_established(&s);
    for (unsigned reading = 0; reading < 100; reading++) {
        for (; at < edge; at += min_u32(edge - at, 1000))
            script_give(&s, TCP_ACK, at, 1, min_u32(edge - at, 1000));
        (void)heard(&s, &edge);
        tcp_consumed(s.end.layer, script_connection(&s), 2000, s.now);
        updates += heard(&s, &edge);
    }
    assert_int_equal(updates, 50);
    assert_int_equal(s.received, 64000 + 49 * 4000);
    script_end(&s);
}

static void a_reader_that_catches_up_opens_a_small_buffer_at_once(
    void **state) /* else the peer waits for its override time */
{
    static const uint32_t buffers[] = {1460, 2000, 3000, 4000, 6000, 20000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
        struct script s;
        uint32_t at = 1, edge;
        profile.receive_buffer = buffers[i];
        script_begin(&s, &profile);
        s.consume = false;
        script_to_established(&s);
        edge = 1 + buffers[i];
        for (unsigned n = 0; n < 100; n++) {
            uint32_t room = edge - at;
            assert_true(room >= min_u32(1460, buffers[i] / 2)); /* what a sender may wait for: 3.8.6.2.1 */
            while (edge - at >= min_u32(1460, buffers[i] / 2)) {
                uint32_t length = min_u32(edge - at, 1460);
                script_give(&s, TCP_ACK, at, 1, length);
                at += length;
            }
            tcp_consumed(s.end.layer, script_connection(&s), script_connection(&s)->unconsumed, s.now);
            script_pass(&s, 45 * NS_PER_MS);
            for (const struct wire_segment *w; (w = tcp_end_take(&s.end)) != NULL;)
                edge = w->h.ack.v - PEER_ISN + w->h.window;
        }
        script_end(&s);
    }
}

/* Takes `n` segments: those with PSH, one bit each. */
static uint32_t pushed(struct script *s, unsigned n)
{
    uint32_t bits = 0;
    tcp_output(s->end.layer, 0, s->now);
    for (unsigned i = 0; i < n; i++) {
        const struct wire_segment *w = tcp_end_take(&s->end);
        assert_non_null(w);
        bits |= (w->h.flags & TCP_PSH ? 1u : 0u) << i;
    }
    assert_null(tcp_end_take(&s->end));
    return bits;
}

static void what_fills_a_small_window_is_pushed(void **state)
{
    struct script s;
    uint32_t mss = 1460;
    (void)state;
    profile.initial_window = 4;
    profile.congestion = TCP_NEWRENO;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 1000000);
    assert_int_equal(pushed(&s, 4), 0x8);
    script_give(&s, TCP_ACK, 1, 1 + 2 * mss, 0); /* slow start: two for two, and two more */
    assert_int_equal(pushed(&s, 4), 0x8);
    script_give(&s, TCP_ACK, 1, 1 + 8 * mss, 0);
    assert_int_equal(pushed(&s, 12), 0x800);
    script_end(&s);
    profile.initial_window = 20; /* whose ACKs come in any case */
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 1000000);
    assert_int_equal(pushed(&s, 20), 0);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_is_sent_beyond_the_peers_window),
        T(probes_of_one_byte_come_with_doubling_intervals),
        T(an_accepted_probe_counts_as_sent),
        T(a_peer_that_answers_may_keep_its_window_shut_for_days),
        T(a_window_taken_back_over_data_in_flight_does_not_end_the_connection),
        T(unanswered_probes_end_the_connection),
        T(the_user_timeout_runs_during_a_shut_window),
        T(a_lost_window_update_is_found_by_a_probe),
        T(an_old_segment_does_not_bring_back_an_old_window),
        T(a_window_in_a_syn_is_not_scaled),
        T(a_silly_window_is_not_filled_before_the_override_time),
        T(a_small_window_that_gets_smaller_does_not_stall_the_stream),
        T(nagle_holds_a_small_segment_while_data_is_in_flight),
        T(every_second_segment_is_acknowledged_at_once),
        T(what_fills_a_small_window_is_pushed),
        T(an_ack_rides_on_data),
        T(quick_ack_and_ack_push_do_not_wait),
        T(the_ack_of_a_push_waits_for_an_answer),
        T(data_beyond_the_window_is_cut),
        T(the_payload_of_a_syn_ack_stays_within_the_window),
        T(the_right_edge_moves_in_worthwhile_steps_and_never_back),
        T(small_readings_open_a_shut_window_by_a_sixteenth_of_the_buffer),
        T(a_reader_that_catches_up_opens_a_small_buffer_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
