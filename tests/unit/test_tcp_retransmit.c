/* SPDX-License-Identifier: MIT */
/*
 * The retransmission timer against RFC 6298: doubling, the limits of the profile, Karn's rule and what ends it, the
 * echo of timestamps, giving up, and the time after a lost SYN. A peer without timestamps unless a test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define SLACK (3 * NS_PER_MS)

static void assert_near(int64_t found, int64_t expected)
{
    assert_true(found >= expected - NS_PER_MS && found <= expected + SLACK);
}

/* Waits for a retransmission of the first byte and says how long it took since `since`. */
static int64_t next_retransmission(struct script *s, int64_t since, uint32_t payload)
{
    script_wait(s);
    script_expect(s, TCP_ACK, 1, 1, payload);
    return s->now - since;
}

static void the_timeout_doubles_up_to_its_maximum(void **state)
{
    struct script s;
    (void)state;
    profile.rto_min_ns = 300 * NS_PER_MS;
    profile.rto_max_ns = 5 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    int64_t expected = 300 * NS_PER_MS, sent = s.now;
    for (unsigned i = 0; i < 8; i++) {
        assert_near(next_retransmission(&s, sent, 100), expected);
        assert_true(script_info(&s).rto_ns <= profile.rto_max_ns);
        sent = s.now;
        expected = min_i64(2 * expected, profile.rto_max_ns);
    }
    assert_int_equal(script_counters(&s)->rto_fired, 8);
    script_end(&s);
}

static void the_timeout_is_never_below_its_minimum(void **state)
{
    struct script s;
    (void)state;
    profile.rto_min_ns = 50 * NS_PER_MS;
    script_begin(&s, &profile);
    script_to_established(&s); /* a round-trip time of 0 */
    for (uint32_t i = 0; i < 20; i++) {
        script_send(&s, 1);
        script_expect(&s, TCP_ACK, 1 + i, 1, 1);
        script_give(&s, TCP_ACK, 1, 2 + i, 0);
        assert_int_equal(script_info(&s).rto_ns, 50 * NS_PER_MS);
    }
    script_end(&s);
}

/* RFC 6298 (2.2), (2.3) in floating point. */
struct model {
    double srtt, rttvar;
};

static void model_sample(struct model *m, double r)
{
    if (m->srtt == 0) {
        m->srtt = r;
        m->rttvar = r / 2;
        return;
    }
    double error = m->srtt > r ? m->srtt - r : r - m->srtt;
    m->rttvar = 0.75 * m->rttvar + 0.25 * error;
    m->srtt = 0.875 * m->srtt + 0.125 * r;
}

static void estimates_follow_the_formulas_of_the_rfc(void **state)
{
    static const int64_t rtts_ms[] = {100, 100, 300, 20, 50, 1000, 999, 3, 60000, 70, 70, 70, 70};
    struct script s;
    struct model m = {0};
    (void)state;
    profile.rto_min_ns = NS_PER_MS;
    profile.rto_initial_ns = 200 * NS_PER_S; /* nothing is retransmitted */
    profile.rto_max_ns = 300 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    script_pass(&s, 30 * NS_PER_MS);
    model_sample(&m, 30e6);
    script_give(&s, TCP_ACK, 1, 1, 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(rtts_ms); i++) {
        script_send(&s, 1);
        script_drain(&s);
        s.now += rtts_ms[i] * NS_PER_MS; /* the clock jumps: no tick sees the timer run out */
        script_give(&s, TCP_ACK, 1, 2 + i, 0);
        model_sample(&m, (double)(rtts_ms[i] * NS_PER_MS));
        struct tcp_info info = script_info(&s);
        assert_true((double)info.srtt_ns > m.srtt * 0.999 - 1e4 && (double)info.srtt_ns < m.srtt * 1.001 + 1e4);
        assert_true((double)info.rttvar_ns > m.rttvar * 0.999 - 1e4 && (double)info.rttvar_ns < m.rttvar * 1.001 + 1e4);
    }
    script_end(&s);
}

static void lose_twice(struct script *s)
{
    script_send(s, 100);
    script_expect(s, TCP_ACK, 1, 1, 100);
    assert_near(next_retransmission(s, s->now, 100), 200 * NS_PER_MS);
    assert_near(next_retransmission(s, s->now, 100), 400 * NS_PER_MS);
}

static void an_ack_of_retransmitted_data_gives_no_sample_and_keeps_the_doublings(
    void **state) /* Karn; RFC 6298 section 5 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    lose_twice(&s);
    int64_t srtt = script_info(&s).srtt_ns;
    script_pass(&s, 150 * NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 101, 0);
    assert_int_equal(script_info(&s).srtt_ns, srtt);
    assert_true(script_info(&s).parked); /* and the doublings outlive parking */
    assert_int_equal(script_info(&s).rto_ns, 800 * NS_PER_MS);
    script_send(&s, 50);
    script_expect(&s, TCP_ACK, 101, 1, 50);
    script_pass(&s, 790 * NS_PER_MS);
    script_expect_nothing(&s);
    script_pass(&s, 20 * NS_PER_MS);
    script_expect(&s, TCP_ACK, 101, 1, 50);
    assert_int_equal(script_info(&s).rto_ns, 1600 * NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 151, 0);
    assert_int_equal(script_info(&s).rto_ns, 1600 * NS_PER_MS);
    script_send(&s, 50); /* sent once: a sample takes them back */
    script_expect(&s, TCP_ACK, 151, 1, 50);
    script_pass(&s, 10 * NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 201, 0);
    assert_int_equal(script_info(&s).rto_ns, 200 * NS_PER_MS);
    script_end(&s);
}

static void the_echo_of_a_timestamp_is_a_sample_of_a_retransmission(void **state) /* RFC 7323 section 4.1 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_TIMESTAMPS;
    s.peer_options.ts_val = 1;
    script_to_established(&s);
    script_send(&s, 100);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    script_wait(&s);
    const struct wire_segment *w = script_expect(&s, TCP_ACK, 1, 1, 100);
    s.peer_options.ts_ecr = w->o.ts_val;
    int64_t before = script_info(&s).srtt_ns;
    script_pass(&s, 80 * NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 101, 0);
    assert_near(script_info(&s).srtt_ns, before + (80 * NS_PER_MS - before) / 8);
    assert_true(script_info(&s).rto_ns < 400 * NS_PER_MS);
    script_end(&s);
}

static void an_echo_from_the_future_is_no_sample(void **state) /* TC-13 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_TIMESTAMPS;
    script_to_established(&s);
    script_send(&s, 100);
    script_drain(&s);
    script_wait(&s);
    const struct wire_segment *w = script_expect(&s, TCP_ACK, 1, 1, 100);
    struct tcp_info before = script_info(&s);
    s.peer_options.ts_ecr = w->o.ts_val + 1000;
    script_give(&s, TCP_ACK, 1, 101, 0);
    assert_int_equal(script_info(&s).srtt_ns, before.srtt_ns);
    assert_int_equal(script_info(&s).rto_ns, before.rto_ns);
    script_end(&s);
}

static void data_is_given_up_after_its_retries(void **state)
{
    struct script s;
    (void)state;
    profile.data_retries = 4;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_expect(&s, TCP_ACK, 1, 1, 100);
    for (unsigned i = 0; i < 4; i++)
        next_retransmission(&s, s.now, 100);
    script_pass(&s, 3200 * NS_PER_MS - SLACK);
    assert_false(s.closed);
    script_pass(&s, 2 * SLACK);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    assert_int_equal(s.closings, 1);
    script_end(&s);
}

static void progress_renews_the_retries(void **state)
{
    struct script s;
    (void)state;
    profile.data_retries = 3;
    profile.rto_max_ns = 400 * NS_PER_MS;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 10);
    script_expect(&s, TCP_ACK, 1, 1, 10);
    for (uint32_t n = 0; n < 10; n++) {
        for (unsigned i = 0; i < 3; i++) {
            script_wait(&s);
            script_expect(&s, TCP_ACK, 1 + n, 1, 10 - n);
        }
        script_give(&s, TCP_ACK, 1, 2 + n, 0); /* one byte */
        script_drain(&s);
    }
    assert_false(s.closed);
    assert_int_equal(s.acked, 10);
    script_end(&s);
}

static void after_a_lost_syn_the_timeout_is_three_seconds_and_the_window_one_segment(
    void **state) /* RFC 6298 5.7, RFC 5681 3.1 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    assert_near(script_wait(&s), NS_PER_S);
    script_expect(&s, TCP_SYN, 0, 0, 0);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_info(&s).rto_ns, 3 * NS_PER_S);
    assert_int_equal(script_info(&s).cwnd_bytes, 1460);
    assert_int_equal(script_info(&s).srtt_ns + script_info(&s).rttvar_ns, 0);
    script_send(&s, 3000);
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    script_expect_nothing(&s);
    assert_near(next_retransmission(&s, s.now, 1460), 3 * NS_PER_S);
    script_give(&s, TCP_ACK, 1, 1461, 0);
    script_drain(&s);
    script_pass(&s, 20 * NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 3001, 0);
    assert_int_equal(script_info(&s).rto_ns, 200 * NS_PER_MS);
    script_end(&s);
}

static void a_syn_ack_that_was_asked_for_twice_gives_no_sample(void **state) /* Karn: RFC 6298 3 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(tcp_counters(s.end.layer)->retransmitted_segments, 1);
    script_pass(&s, NS_PER_MS);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    assert_int_equal(script_info(&s).srtt_ns, 0);
    assert_int_equal(script_info(&s).rto_ns, NS_PER_S);
    script_end(&s);
}

static void syns_are_given_up_after_their_retries(void **state)
{
    for (unsigned passive = 0; passive < 2; passive++) {
        struct script s;
        (void)state;
        profile.syn_retries = 3;
        profile.syn_ack_retries = 2;
        script_begin(&s, &profile);
        if (passive)
            script_to_syn_rcvd(&s);
        else
            script_to_syn_sent(&s);
        unsigned n = 0;
        for (int64_t expected = NS_PER_S; n < (passive ? 2u : 3u); n++, expected *= 2) {
            assert_near(script_wait(&s), expected);
            script_drain(&s);
        }
        script_pass(&s, 8 * NS_PER_S + SLACK);
        assert_true(s.closed);
        assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
        assert_int_equal(script_occupancy(&s).connections, 0);
        script_end(&s);
    }
}

#define T(name) cmocka_unit_test_setup(name, script_newreno)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_timeout_doubles_up_to_its_maximum),
        T(the_timeout_is_never_below_its_minimum),
        T(estimates_follow_the_formulas_of_the_rfc),
        T(an_ack_of_retransmitted_data_gives_no_sample_and_keeps_the_doublings),
        T(the_echo_of_a_timestamp_is_a_sample_of_a_retransmission),
        T(an_echo_from_the_future_is_no_sample),
        T(data_is_given_up_after_its_retries),
        T(progress_renews_the_retries),
        T(after_a_lost_syn_the_timeout_is_three_seconds_and_the_window_one_segment),
        T(a_syn_ack_that_was_asked_for_twice_gives_no_sample),
        T(syns_are_given_up_after_their_retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
