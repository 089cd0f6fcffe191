/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification: RFC 3168 section 6.1, by packet scripts: who agrees to it (6.1.1), what is ECT
 * (6.1.4 to 6.1.6), CE and its echo (6.1.3), and what a sender makes of the echo (6.1.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/ecn.h"
#include "tcp_script.h"

#define MS NS_PER_MS
#define ECN_SETUP (TCP_SYN | TCP_ECE | TCP_CWR)
#define NOT_ECT 0
#define ECT0 2
#define CE 3

static bool agreed(struct script *s) { return script_info(s).ecn; }

/* An active open whose SYN must have these flags. */
static void connect_with(struct script *s, uint16_t expected)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    struct flow_key key = tcp_end_key(&s->end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s->end.layer, 0, &key, 0, s->now, &s->ref), 0);
    s->our_port = tcp_key(tcp_get(s->end.layer, s->ref))->local_port;
    const struct wire_segment *w = script_expect(s, expected, 0, 0, 0);
    assert_int_equal(w->tos, NOT_ECT);
}

/* Established with ECN, 40 ms away, passively. */
static void begin(struct script *s)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_SACK_PERMITTED;
    script_give(s, ECN_SETUP, 0, 0, 0);
    const struct wire_segment *w = script_expect(s, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0);
    assert_int_equal(w->tos & ECN_MASK, NOT_ECT);
    script_pass(s, 40 * MS);
    script_give(s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(s);
    assert_true(agreed(s));
}

static void expect(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload, uint8_t tos)
{
    const struct wire_segment *w = script_expect(s, flags, seq, ack, payload);
    assert_int_equal(w->tos, tos);
}

static void give_marked(struct script *s, uint16_t flags, uint32_t seq, uint32_t payload, uint8_t tos)
{
    struct script_segment g = {.flags = TCP_ACK | flags, .seq = seq, .ack = 1, .payload = payload, .window = 65535};
    g.as.tos = tos;
    script_give_segment(s, &g);
}

/* ---- 6.1.1 ---- */

static void it_is_asked_for_only_when_on_and_agreed_by_ece_alone(void **state)
{
    static const struct {
        uint16_t answer;
        bool agreed;
    } cases[] = {{TCP_ECE, true}, {0, false}, {TCP_ECE | TCP_CWR, false}, {TCP_CWR, false}};
    (void)state;
    for (unsigned use = 0; use < TCP_ECN_COUNT; use++)
        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
            struct script s;
            profile.ecn = use;
            connect_with(&s, use == TCP_ECN_ON ? ECN_SETUP : TCP_SYN);
            script_give(&s, TCP_SYN | TCP_ACK | cases[i].answer, 0, 1, 0);
            expect(&s, TCP_ACK, 1, 1, 0, NOT_ECT);
            assert_int_equal(agreed(&s), use == TCP_ECN_ON && cases[i].agreed);
            assert_int_equal(script_counters(&s)->ecn_agreed, agreed(&s));
            script_end(&s);
        }
}

static void a_repeated_syn_does_not_ask_and_nothing_is_agreed_then(void **state) /* 6.1.1.1 */
{
    struct script s;
    (void)state;
    profile.ecn = TCP_ECN_ON;
    connect_with(&s, ECN_SETUP);
    script_wait(&s);
    expect(&s, TCP_SYN, 0, 0, 0, NOT_ECT);
    script_give(&s, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0); /* for the first */
    expect(&s, TCP_ACK, 1, 1, 0, NOT_ECT);
    assert_false(agreed(&s));
    script_send(&s, MSS);
    expect(&s, TCP_ACK, 1, 1, MSS, NOT_ECT);
    script_end(&s);
}

static void a_listener_agrees_to_both_flags_unless_off(void **state)
{
    static const uint16_t asked[] = {0, TCP_ECE, TCP_CWR, TCP_ECE | TCP_CWR};
    (void)state;
    for (unsigned use = 0; use < TCP_ECN_COUNT; use++)
        for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
            struct script s;
            bool expected = use != TCP_ECN_OFF && asked[i] == (TCP_ECE | TCP_CWR);
            profile.ecn = use;
            script_begin(&s, &profile);
            script_give(&s, TCP_SYN | asked[i], 0, 0, 0);
            expect(&s, TCP_SYN | TCP_ACK | (expected ? TCP_ECE : 0), 0, 1, 0, NOT_ECT);
            script_give(&s, TCP_ACK, 1, 1, 0);
            assert_int_equal(agreed(&s), expected);
            script_end(&s);
        }
}

static void a_peer_that_asks_no_more_does_not_get_it(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_give(&s, ECN_SETUP, 0, 0, 0);
    expect(&s, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0, NOT_ECT);
    script_give(&s, TCP_SYN, 0, 0, 0);
    expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0, NOT_ECT);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_false(agreed(&s));
    script_end(&s);
}

static void a_simultaneous_open_needs_both_to_ask(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct script s;
        bool ours = i & 1, theirs = i & 2;
        profile.ecn = ours ? TCP_ECN_ON : TCP_ECN_PASSIVE;
        connect_with(&s, ours ? ECN_SETUP : TCP_SYN);
        script_give(&s, theirs ? ECN_SETUP : TCP_SYN, 0, 0, 0);
        uint16_t ece = ours && theirs ? TCP_ECE : 0;
        expect(&s, TCP_SYN | TCP_ACK | ece, 0, 1, 0, NOT_ECT);
        script_give(&s, TCP_SYN | TCP_ACK | ece, 0, 1, 0);
        script_drain(&s);
        assert_int_equal(agreed(&s), ours && theirs);
        script_end(&s);
    }
}

static void a_syn_cookie_keeps_it(void **state)
{
    (void)state;
    for (unsigned timestamps = 0; timestamps < 2; timestamps++) {
        struct script s;
        profile.syn_cookies = TCP_COOKIES_ALWAYS;
        script_begin(&s, &profile);
        s.peer_options.present |= timestamps ? TCP_OPT_TIMESTAMPS : 0;
        s.peer_options.ts_val = 1000;
        script_give(&s, ECN_SETUP, 0, 0, 0);
        const struct wire_segment *w = script_expect(&s, TCP_SYN | TCP_ACK | (timestamps ? TCP_ECE : 0), 0, 1, 0);
        s.peer_options.ts_ecr = w->o.ts_val;
        script_give(&s, TCP_ACK, 1, 1, 0);
        assert_true(s.connected);
        assert_int_equal(agreed(&s), timestamps);
        script_end(&s);
    }
}

/* ---- 6.1.4 to 6.1.6 ---- */

static void only_data_that_goes_for_the_first_time_is_ect(void **state)
{
    struct script s;
    (void)state;
    profile.tos = 0x2d; /* DSCP 11, and what ECN takes for itself */
    begin(&s);
    give_marked(&s, 0, 1, 10, NOT_ECT);
    give_marked(&s, 0, 11, 10, NOT_ECT);
    expect(&s, TCP_ACK, 1, 21, 0, 0x2c);
    script_send(&s, MSS);
    expect(&s, TCP_ACK, 1, 21, MSS, 0x2e);
    script_wait(&s); /* the probe */
    expect(&s, TCP_ACK, 1, 21, MSS, 0x2c);
    script_wait(&s); /* the timeout */
    expect(&s, TCP_ACK, 1, 21, MSS, 0x2c);
    script_give(&s, TCP_ACK, 21, S(1), 0);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    expect(&s, TCP_ACK | TCP_FIN, S(1), 21, 0, 0x2c);
    script_end(&s);
}

static void a_window_probe_is_not_ect(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    script_send(&s, MSS);
    script_wait(&s);
    expect(&s, TCP_ACK, 1, 1, 1, NOT_ECT);
    script_end(&s);
}

/* ---- 6.1.3 ---- */

static void ce_is_echoed_until_cwr(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    give_marked(&s, 0, 1, 100, ECT0);
    script_expect_nothing(&s);
    give_marked(&s, 0, 101, 100, CE); /* at once */
    expect(&s, TCP_ACK | TCP_ECE, 1, 201, 0, NOT_ECT);
    assert_int_equal(script_counters(&s)->ce_received, 1);
    script_send(&s, 100); /* data too */
    expect(&s, TCP_ACK | TCP_ECE, 1, 201, 100, ECT0);
    for (unsigned i = 0; i < 4; i++)
        give_marked(&s, 0, 201 + 100 * i, 100, ECT0);
    expect(&s, TCP_ACK | TCP_ECE, 101, 401, 0, NOT_ECT);
    expect(&s, TCP_ACK | TCP_ECE, 101, 601, 0, NOT_ECT);
    give_marked(&s, TCP_CWR, 601, 100, ECT0);
    expect(&s, TCP_ACK, 101, 701, 0, NOT_ECT);
    give_marked(&s, 0, 701, 100, CE);
    expect(&s, TCP_ACK | TCP_ECE, 101, 801, 0, NOT_ECT);
    give_marked(&s, TCP_CWR, 801, 100, CE); /* which is a new one */
    give_marked(&s, 0, 901, 100, ECT0);
    expect(&s, TCP_ACK | TCP_ECE, 101, 1001, 0, NOT_ECT);
    assert_int_equal(script_counters(&s)->ce_received, 3);
    script_end(&s);
}

static void ce_out_of_order_counts_outside_the_window_not(
    void **state) /* 6.1.5: or an attacker could slow down others */
{
    struct script s;
    (void)state;
    begin(&s);
    give_marked(&s, 0, 1 + 400000, 100, CE);
    expect(&s, TCP_ACK, 1, 1, 0, NOT_ECT);
    give_marked(&s, 0, 1, 100, ECT0);
    give_marked(&s, 0, 1, 100, CE); /* a duplicate */
    expect(&s, TCP_ACK, 1, 101, 0, NOT_ECT);
    assert_int_equal(script_counters(&s)->ce_received, 0);
    give_marked(&s, 0, 201, 100, CE);
    expect(&s, TCP_ACK | TCP_ECE, 1, 101, 0, NOT_ECT);
    assert_int_equal(script_counters(&s)->ce_received, 1);
    script_end(&s);
}

static void what_was_to_be_echoed_survives_rest(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    give_marked(&s, 0, 1, 100, CE);
    expect(&s, TCP_ACK | TCP_ECE, 1, 101, 0, NOT_ECT);
    script_pass(&s, NS_PER_S);
    assert_true(script_info(&s).parked);
    script_send(&s, 100);
    expect(&s, TCP_ACK | TCP_ECE, 1, 101, 100, ECT0);
    script_end(&s);
}

static void without_agreement_marks_and_echoes_mean_nothing(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    give_marked(&s, TCP_CWR, 1, 100, CE);
    give_marked(&s, 0, 101, 100, CE);
    expect(&s, TCP_ACK, 1, 201, 0, NOT_ECT);
    script_send(&s, 10 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_give(&s, TCP_ACK | TCP_ECE, 201, S(2), 0);
    assert_int_equal(script_info(&s).ssthresh_bytes, TCP_SSTHRESH_NONE);
    assert_int_equal(script_counters(&s)->ce_received + script_counters(&s)->ecn_reductions, 0);
    script_end(&s);
}

/* ---- 6.1.2 ---- */

static unsigned drain_counting_cwr(struct script *s, unsigned *first)
{
    unsigned marked = 0, n = 0;
    const struct wire_segment *w;
    tcp_output(s->end.layer, 0, s->now);
    for (; (w = tcp_end_take(&s->end)) != NULL; n++)
        if (w->h.flags & TCP_CWR) {
            marked++;
            *first = n;
            assert_int_equal(w->tos, ECT0);
        }
    return marked;
}

static void an_echo_reduces_the_window_once_a_window_and_cwr_says_so_once(void **state)
{
    struct script s;
    unsigned at = 99;
    (void)state;
    begin(&s);
    script_send(&s, 100 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_pass(&s, 40 * MS);
    unsigned marked = 0;
    for (uint32_t i = 1; i <= 10; i++) { /* the echo comes until CWR arrives */
        script_give(&s, TCP_ACK | TCP_ECE, 1, S(i), 0);
        marked += drain_counting_cwr(&s, &at);
    }
    assert_int_equal(marked, 1);
    assert_int_equal(at, 0);
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS); /* half of what was in flight, as for a loss */
    assert_int_equal(script_info(&s).cwnd_bytes, 5 * MSS);
    assert_int_equal(script_counters(&s)->ecn_reductions, 1);
    assert_int_equal(script_counters(&s)->retransmitted_segments, 0);
    uint32_t sent = seq_len(s.our_isn, script_connection(&s)->snd_nxt);
    script_pass(&s, 40 * MS);
    script_give(&s, TCP_ACK | TCP_ECE, 1, sent, 0); /* of the next window */
    assert_int_equal(drain_counting_cwr(&s, &at), 1);
    assert_int_equal(script_counters(&s)->ecn_reductions, 2);
    script_end(&s);
}

static void the_window_goes_down_in_proportion(void **state) /* RFC 9937 section 6.2: also for ECN */
{
    struct script s;
    (void)state;
    begin(&s);
    script_send(&s, 100 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_pass(&s, 40 * MS);
    unsigned sent = 0;
    for (uint32_t i = 1; i <= 10; i++) {
        script_give(&s, TCP_ACK | (i == 1 ? TCP_ECE : 0), 1, S(i), 0);
        unsigned now = script_drain(&s);
        assert_in_range(now, 0, 1);
        sent += now;
    }
    assert_int_equal(sent, 5);
    script_end(&s);
}

static void a_loss_sets_cwr_on_new_data_and_an_echo_then_reduces_no_more(void **state)
{
    struct script s;
    unsigned at = 99;
    (void)state;
    begin(&s);
    script_send(&s, 100 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_pass(&s, 40 * MS);
    const uint32_t blocks[] = {S(1), S(5)};
    script_give_sack(&s, 1, 1, 1, blocks);
    const struct wire_segment *w = script_expect(&s, TCP_ACK, S(0), 1, MSS);
    assert_int_equal(w->tos, NOT_ECT);
    uint32_t threshold = script_info(&s).ssthresh_bytes;
    script_drain(&s);
    script_pass(&s, 40 * MS);
    script_give(&s, TCP_ACK | TCP_ECE, 1, S(8), 0);
    assert_int_equal(drain_counting_cwr(&s, &at), 1);
    assert_int_equal(at, 2); /* after what was lost too */
    assert_int_equal(script_info(&s).ssthresh_bytes, threshold);
    assert_int_equal(script_counters(&s)->ecn_reductions, 0);
    script_end(&s);
}

static void the_echo_on_a_syn_ack_reduces_nothing(void **state)
{
    struct script s;
    (void)state;
    profile.ecn = TCP_ECN_ON;
    connect_with(&s, ECN_SETUP);
    script_give(&s, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0);
    script_drain(&s);
    script_send(&s, MSS);
    script_drain(&s);
    script_give(&s, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0); /* again */
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, S(1), 0);
    assert_int_equal(script_counters(&s)->ecn_reductions, 0);
    assert_true(agreed(&s));
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_newreno)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_asked_for_only_when_on_and_agreed_by_ece_alone),
        T(a_repeated_syn_does_not_ask_and_nothing_is_agreed_then),
        T(a_listener_agrees_to_both_flags_unless_off),
        T(a_peer_that_asks_no_more_does_not_get_it),
        T(a_simultaneous_open_needs_both_to_ask),
        T(a_syn_cookie_keeps_it),
        T(only_data_that_goes_for_the_first_time_is_ect),
        T(a_window_probe_is_not_ect),
        T(ce_is_echoed_until_cwr),
        T(ce_out_of_order_counts_outside_the_window_not),
        T(what_was_to_be_echoed_survives_rest),
        T(without_agreement_marks_and_echoes_mean_nothing),
        T(an_echo_reduces_the_window_once_a_window_and_cwr_says_so_once),
        T(the_window_goes_down_in_proportion),
        T(a_loss_sets_cwr_on_new_data_and_an_echo_then_reduces_no_more),
        T(the_echo_on_a_syn_ack_reduces_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
