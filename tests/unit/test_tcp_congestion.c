/* SPDX-License-Identifier: MIT */
/*
 * How cwnd moves: slow start (RFC 5681 3.1, RFC 9406), congestion avoidance, after a loss, after a timeout, after idle
 * time (4.1), when the application and not the window is the limit; ACK splitting and optimistic ACKs (THREATS TC-34);
 * CUBIC against RFC 9438 in floating point; the fixed window.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/congestion.h"
#include "tcp_script.h"

#define ENDLESS (1u << 30)

/* An established connection with no end of data to send and a peer window of 4 MB. */
static void begin(struct script *s, uint64_t bytes)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_WSCALE;
    s->peer_options.wscale = 6;
    script_to_established(s);
    script_give(s, TCP_ACK, 1, 1, 0);
    if (bytes > 0)
        script_send(s, bytes);
    script_drain(s);
}

static uint32_t cwnd(struct script *s) { return script_info(s).cwnd_bytes; }
static uint32_t sent_up_to(struct script *s) { return seq_len(s->our_isn, script_connection(s)->snd_nxt); }
static uint32_t acked_up_to(struct script *s) { return seq_len(s->our_isn, script_connection(s)->snd_una); }

static void ack_more(struct script *s, uint32_t bytes)
{
    script_give(s, TCP_ACK, 1, acked_up_to(s) + bytes, 0);
    script_drain(s);
}

static void duplicate_acks(struct script *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        script_give(s, TCP_ACK, 1, acked_up_to(s), 0);
    script_drain(s);
}

static void slow_start_grows_by_what_is_acknowledged_at_most_eight_segments(void **state) /* RFC 9406: L = 8 */
{
    struct script s;
    (void)state;
    begin(&s, ENDLESS);
    assert_int_equal(cwnd(&s), 10 * MSS);
    assert_int_equal(sent_up_to(&s), 1 + 10 * MSS);
    ack_more(&s, MSS);
    assert_int_equal(cwnd(&s), 11 * MSS);
    ack_more(&s, 100);
    assert_int_equal(cwnd(&s), 11 * MSS + 100);
    ack_more(&s, 2 * MSS);
    assert_int_equal(cwnd(&s), 13 * MSS + 100);
    ack_more(&s, 9 * MSS); /* a stretch ACK */
    assert_int_equal(cwnd(&s), 21 * MSS + 100);
    script_end(&s);
}

static void split_acks_gain_nothing(void **state) /* TC-34 */
{
    struct script split, whole;
    (void)state;
    begin(&split, ENDLESS);
    for (uint32_t i = 0; i < 4 * MSS; i++)
        ack_more(&split, 1);
    begin(&whole, ENDLESS);
    for (uint32_t i = 0; i < 4; i++)
        ack_more(&whole, MSS);
    assert_int_equal(cwnd(&split), cwnd(&whole));
    script_end(&split);
    script_end(&whole);
}

static void acks_of_what_was_never_sent_gain_nothing(void **state) /* TC-34: optimistic ACKs */
{
    struct script s;
    (void)state;
    begin(&s, ENDLESS);
    uint32_t before = cwnd(&s), sent = sent_up_to(&s);
    for (uint32_t i = 1; i < 100; i++)
        script_give(&s, TCP_ACK, 1, sent + i * MSS, 0);
    assert_int_equal(cwnd(&s), before);
    assert_int_equal(acked_up_to(&s), 1);
    assert_int_equal(script_counters(&s)->drop_bad_ack, 99);
    assert_int_equal(script_drain(&s), 1); /* one challenge */
    script_end(&s);
}

static void congestion_avoidance_adds_one_segment_a_window(void **state) /* RFC 5681 (3) */
{
    struct script s;
    (void)state;
    begin(&s, ENDLESS);
    duplicate_acks(&s, 3); /* ssthresh 5 segments */
    ack_more(&s, sent_up_to(&s) - acked_up_to(&s));
    while (cwnd(&s) < 5 * MSS)
        ack_more(&s, min_u32(MSS, sent_up_to(&s) - acked_up_to(&s)));
    for (unsigned round = 0; round < 30; round++) {
        uint32_t window = cwnd(&s), end = acked_up_to(&s) + window;
        while (acked_up_to(&s) < end)
            ack_more(&s, min_u32(MSS, sent_up_to(&s) - acked_up_to(&s)));
        assert_true(cwnd(&s) >= window + MSS - 1 && cwnd(&s) <= window + 2 * MSS);
    }
    assert_true(cwnd(&s) >= 34 * MSS && cwnd(&s) <= 37 * MSS);
    script_end(&s);
}

static void a_fast_retransmit_halves_the_window(void **state) /* RFC 5681 3.2 */
{
    struct script s;
    (void)state;
    begin(&s, ENDLESS);
    duplicate_acks(&s, 3);
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    assert_int_equal(cwnd(&s), 8 * MSS); /* (3): and three for those that left */
    duplicate_acks(&s, 2);
    assert_int_equal(cwnd(&s), 10 * MSS); /* (4) */
    script_end(&s);
}

static void a_timeout_restarts_from_one_segment_and_grows_by_one_an_ack(
    void **state) /* RFC 5681 3.1; RFC 3465: L = 1 */
{
    struct script s;
    (void)state;
    profile.mtu_probing = TCP_MTU_PROBING_OFF; /* segments keep their size */
    begin(&s, ENDLESS);
    script_wait(&s);
    script_drain(&s);
    assert_int_equal(cwnd(&s), MSS);
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    script_wait(&s); /* the same segment again: ssthresh stays (RFC 5681 (4)) */
    script_drain(&s);
    assert_int_equal(cwnd(&s), MSS);
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    ack_more(&s, 4 * MSS);
    assert_int_equal(cwnd(&s), 2 * MSS);
    ack_more(&s, MSS);
    assert_int_equal(cwnd(&s), 3 * MSS);
    script_end(&s);
}

static void the_window_does_not_grow_while_the_application_is_the_limit(void **state)
{
    for (unsigned kind = 0; kind < TCP_FIXED; kind++) {
        struct script s;
        (void)state;
        profile.congestion = kind;
        begin(&s, 0);
        for (unsigned i = 0; i < 50; i++) {
            script_send(&s, 3 * MSS);
            script_drain(&s);
            ack_more(&s, 3 * MSS);
            script_pass(&s, NS_PER_MS);
        }
        assert_int_equal(cwnd(&s), 10 * MSS);
        script_end(&s);
    }
}

/* In full use of its window until that is larger than n segments. */
static void grow_beyond(struct script *s, uint32_t n)
{
    while (cwnd(s) <= n * MSS) {
        script_send(s, 2 * cwnd(s));
        script_drain(s);
        while (acked_up_to(s) < sent_up_to(s))
            ack_more(s, min_u32(MSS, sent_up_to(s) - acked_up_to(s)));
    }
}

/*
 * RFC 5681 section 4.1, RFC 2861: half for each RTO, but not below the initial window; ssthresh stays at three quarters
 * at least.
 */
static void idle_time_halves_the_window_each_timeout_down_to_the_initial_one(void **state)
{
    for (unsigned i = 0; i < 6; i++) {
        bool by_request = i % 2; /* the peer's segment must not make it look busy */
        unsigned timeouts = 1 + i / 2;
        struct script s;
        (void)state;
        begin(&s, 0);
        grow_beyond(&s, 50);
        script_connection(&s)->ssthresh = 20 * MSS;
        uint32_t grown = cwnd(&s);
        script_pass(&s, 150 * NS_PER_MS);
        script_send(&s, MSS); /* within the timeout: nothing changes */
        script_drain(&s);
        ack_more(&s, MSS);
        assert_int_equal(cwnd(&s), grown);
        script_pass(&s, (200 * timeouts + 50) * NS_PER_MS);
        if (by_request)
            script_give(&s, TCP_ACK, 1, acked_up_to(&s), 10);
        script_send(&s, 100 * MSS);
        uint32_t expected = max_u32(grown >> timeouts, 10 * MSS);
        assert_int_equal(cwnd(&s), expected);
        assert_int_equal(script_info(&s).ssthresh_bytes, grown / 4 * 3);
        script_drain(&s);
        assert_int_equal((sent_up_to(&s) - acked_up_to(&s)) / MSS, expected / MSS);
        script_end(&s);
    }
}

static void the_fixed_window_stays(void **state)
{
    struct script s;
    (void)state;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = 20 * MSS;
    begin(&s, ENDLESS);
    assert_int_equal(sent_up_to(&s), 1 + 20 * MSS);
    ack_more(&s, 10 * MSS);
    assert_int_equal(cwnd(&s), 20 * MSS);
    duplicate_acks(&s, 5);
    assert_int_equal(cwnd(&s), 20 * MSS);
    ack_more(&s, 7 * MSS); /* partial */
    assert_int_equal(cwnd(&s), 20 * MSS);
    ack_more(&s, sent_up_to(&s) - acked_up_to(&s));
    assert_int_equal(cwnd(&s), 20 * MSS);
    script_wait(&s);
    script_drain(&s);
    assert_int_equal(cwnd(&s), 20 * MSS);
    script_end(&s);
}

/* ---- CUBIC by itself ---- */

#define RTT_MS 50

/* One round trip: an ACK for every second segment of a window. */
static void cubic_round(struct tcp *c, struct tcp_work *w, int64_t *now)
{
    uint32_t window = c->cwnd;
    for (uint32_t done = 0; done < window; done += 2 * c->snd_mss) {
        *now += RTT_MS * NS_PER_MS * 2 * c->snd_mss / window;
        congestion_cubic.acked(&profile, c, w, min_u32(2u * c->snd_mss, window - done), *now);
    }
}

static void assert_within(double found, double expected, double part)
{
    if (fabs(found - expected) > part * expected)
        print_error("found %.0f, expected %.0f\n", found, expected);
    assert_true(fabs(found - expected) <= part * expected);
}

static void cubic_follows_its_curve(
    void **state) /* RFC 9438 4.2: W(t) = C (t - K)^3 + W_max, K = cbrt(W_max (1 - beta) / C) */
{
    static const uint32_t windows[] = {300, 1000, 4000};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
        struct tcp c = {
            .snd_mss = MSS, .cwnd = windows[i] * MSS, .ssthresh = windows[i] * MSS, .srtt_us = RTT_MS * 8000};
        struct tcp_work w = {0};
        int64_t now = 100 * NS_PER_S, start = now;
        c.ssthresh = c.cwnd = congestion_cubic.lost(&c, &w, c.cwnd);
        assert_within(c.cwnd, 0.7 * windows[i] * MSS, 0.001); /* 4.6: beta */
        double w_max = windows[i], k = cbrt(w_max * 0.3 / 0.4);
        while ((double)(now - start) < 1.5 * k * 1e9) {
            cubic_round(&c, &w, &now);
            double t = (double)(now - start) / 1e9;
            double curve = 0.4 * pow(t - k, 3) + w_max;
            assert_within(c.cwnd / (double)MSS, curve, 0.02);
        }
    }
}

static void cubic_is_never_slower_than_reno_would_be(void **state) /* RFC 9438 4.3 */
{
    struct tcp c = {.snd_mss = MSS, .cwnd = 20 * MSS, .ssthresh = 20 * MSS, .srtt_us = RTT_MS * 8000};
    struct tcp_work w = {0};
    int64_t now = 100 * NS_PER_S;
    (void)state;
    c.ssthresh = c.cwnd = congestion_cubic.lost(&c, &w, c.cwnd);
    double estimate = 14;
    for (unsigned round = 0; round < 40; round++) { /* alpha = 9/17 a window up to the window before the loss, then 1 */
        cubic_round(&c, &w, &now);
        estimate += estimate < 20 ? 9.0 / 17 : 1;
        assert_within(c.cwnd / (double)MSS, estimate, 0.1);
    }
}

static void cubic_gives_way_when_its_maximum_shrinks(void **state) /* RFC 9438 4.7: fast convergence */
{
    struct tcp c = {.snd_mss = MSS, .cwnd = 1000 * MSS, .ssthresh = 1000 * MSS, .srtt_us = RTT_MS * 8000};
    struct tcp_work w = {0};
    (void)state;
    c.cwnd = congestion_cubic.lost(&c, &w, c.cwnd);
    assert_int_equal(w.growth.w_max, 1000 * MSS);
    c.cwnd = 800 * MSS;
    c.cwnd = congestion_cubic.lost(&c, &w, c.cwnd);
    assert_int_equal(w.growth.w_max, 680 * MSS); /* 800 (1 + beta) / 2 */
}

static void after_a_timeout_cubic_knows_no_maximum(void **state) /* RFC 9438 4.8: K = 0, W_max = cwnd */
{
    struct script s;
    (void)state;
    profile.congestion = TCP_CUBIC;
    profile.f_rto = false;
    begin(&s, ENDLESS);
    duplicate_acks(&s, 3);
    ack_more(&s, sent_up_to(&s) - acked_up_to(&s));
    struct tcp_work *w = tcp_work_of(s.end.layer, script_connection(&s));
    assert_int_equal(w->growth.w_max, 10 * MSS);
    script_wait(&s);
    script_drain(&s);
    assert_int_equal(script_counters(&s)->rto_fired, 1);
    assert_int_equal(w->growth.w_max, 0);
    while (w->growth.epoch_ms == 0)
        ack_more(&s, min_u32(MSS, sent_up_to(&s) - acked_up_to(&s)));
    assert_int_equal(w->growth.k_ms, 0);
    assert_in_range(w->growth.w_max, script_info(&s).ssthresh_bytes, cwnd(&s));
    script_end(&s);
}

static void no_window_and_no_time_break_cubic(void **state) /* TC-48 */
{
    static const uint32_t windows[] = {1, 2, 1000, 1u << 19};
    static const int64_t steps[] = {0, 1, NS_PER_MS, NS_PER_S, 3600 * NS_PER_S, 86400 * NS_PER_S * 30};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(windows); i++)
        for (unsigned j = 0; j < ARRAY_SIZE(steps); j++) {
            struct tcp c = {.snd_mss = MSS, .cwnd = windows[i] * MSS, .ssthresh = MSS};
            struct tcp_work w = {0};
            int64_t now = NS_PER_S;
            for (unsigned n = 0; n < 50; n++) {
                uint32_t before = c.cwnd;
                congestion_cubic.acked(&profile, &c, &w, 2 * MSS, now += steps[j]);
                assert_true(c.cwnd >= before && c.cwnd - before <= 2 * MSS);
            }
            assert_true(congestion_cubic.lost(&c, &w, 0) >= 2 * MSS);
        }
}

#define T(name) cmocka_unit_test_setup(name, script_newreno)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(slow_start_grows_by_what_is_acknowledged_at_most_eight_segments),
        T(split_acks_gain_nothing),
        T(acks_of_what_was_never_sent_gain_nothing),
        T(congestion_avoidance_adds_one_segment_a_window),
        T(a_fast_retransmit_halves_the_window),
        T(a_timeout_restarts_from_one_segment_and_grows_by_one_an_ack),
        T(the_window_does_not_grow_while_the_application_is_the_limit),
        T(idle_time_halves_the_window_each_timeout_down_to_the_initial_one),
        T(the_fixed_window_stays),
        T(cubic_follows_its_curve),
        T(cubic_is_never_slower_than_reno_would_be),
        T(cubic_gives_way_when_its_maximum_shrinks),
        T(after_a_timeout_cubic_knows_no_maximum),
        T(no_window_and_no_time_break_cubic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
