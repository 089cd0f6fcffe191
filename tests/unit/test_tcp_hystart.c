/* SPDX-License-Identifier: MIT */
/*
 * HyStart++: RFC 9406 section 4.2 and 4.3, by packet scripts with round-trip times of the test's choice. A round is a
 * window that is acknowledged segment by segment; the threshold at 40 ms is 5 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define MS NS_PER_MS
#define ENDLESS (1u << 30)
#define NO_SSTHRESH TCP_SSTHRESH_NONE

static void begin(struct script *s, unsigned initial_window)
{
    profile.initial_window = initial_window;
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_WSCALE;
    s->peer_options.wscale = 8;
    script_to_established_after(s, 40 * MS);
    script_give(s, TCP_ACK, 1, 1, 0); /* its window is scaled */
    script_send(s, ENDLESS);
    script_drain(s);
}

static uint32_t cwnd(struct script *s) { return script_info(s).cwnd_bytes; }
static uint32_t ssthresh(struct script *s) { return script_info(s).ssthresh_bytes; }
static uint32_t sent_up_to(struct script *s) { return seq_len(s->our_isn, script_connection(s)->snd_nxt); }
static uint32_t acked_up_to(struct script *s) { return seq_len(s->our_isn, script_connection(s)->snd_una); }

/*
 * What is in flight is acknowledged after rtt, `step` segments with each ACK. Returns how much cwnd grew, in segments.
 */
static uint32_t round_trip_by(struct script *s, int64_t rtt, uint32_t step)
{
    uint32_t before = cwnd(s);
    script_pass(s, rtt);
    for (uint32_t end = sent_up_to(s); acked_up_to(s) < end;) {
        script_give(s, TCP_ACK, 1, acked_up_to(s) + min_u32(step * MSS, end - acked_up_to(s)), 0);
        script_drain(s);
    }
    return (cwnd(s) - before) / MSS;
}

static uint32_t round_trip(struct script *s, int64_t rtt) { return round_trip_by(s, rtt, 1); }

static void slow_start_doubles_while_the_round_trip_time_stays(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 10);
    assert_int_equal(round_trip(&s, 40 * MS), 10);
    assert_int_equal(round_trip(&s, 44 * MS), 20); /* less than 5 ms more */
    assert_int_equal(round_trip(&s, 48 * MS), 40);
    assert_int_equal(round_trip(&s, 52 * MS), 80);
    assert_int_equal(ssthresh(&s), NO_SSTHRESH);
    script_end(&s);
}

static void a_longer_round_trip_makes_growth_a_quarter_and_ends_it_after_five_rounds(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 16);
    assert_int_equal(round_trip(&s, 40 * MS), 16);
    uint32_t window = cwnd(&s) / MSS; /* 32; the eighth sample of this round decides: 8 + 24 / 4 */
    uint32_t grown = round_trip(&s, 45 * MS);
    assert_in_range(grown, 7 + (window - 7) / 4 - 1, 8 + (window - 8) / 4 + 1);
    for (unsigned i = 0; i < 3; i++) {
        window = cwnd(&s) / MSS;
        assert_in_range(round_trip(&s, 45 * MS), window / 4 - 1, window / 4 + 1);
        assert_int_equal(ssthresh(&s), NO_SSTHRESH);
    }
    window = cwnd(&s) / MSS; /* a round of RFC 9406 ends a little before one of the script */
    assert_in_range(round_trip(&s, 45 * MS), window / 8, window / 4);
    assert_in_range(ssthresh(&s), cwnd(&s) - 2 * MSS, cwnd(&s));
    window = cwnd(&s) / MSS;
    assert_in_range(round_trip(&s, 45 * MS), window / 20 - 1,
                    window / 20 + 1); /* congestion avoidance before a loss: 5 % */
    script_end(&s);
}

static void a_round_trip_shorter_than_the_first_of_css_brings_slow_start_back(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 16);
    round_trip(&s, 40 * MS);
    round_trip(&s, 50 * MS);
    uint32_t window = cwnd(&s) / MSS;
    assert_true(round_trip(&s, 49 * MS) > window / 2); /* from the eighth sample on */
    window = cwnd(&s) / MSS;
    assert_int_equal(round_trip(&s, 49 * MS), window);
    assert_int_equal(ssthresh(&s), NO_SSTHRESH);
    script_end(&s);
}

static void the_threshold_is_an_eighth_between_4_and_16_ms(void **state)
{
    static const struct {
        int64_t rtt_ms, threshold_ms;
    } cases[] = {{8, 4}, {40, 5}, {80, 10}, {180, 16}};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        for (int64_t more = 0; more < 2; more++) {
            struct script s;
            begin(&s, 32);
            round_trip(&s, cases[i].rtt_ms * MS);
            uint32_t grown = round_trip(&s, (cases[i].rtt_ms + cases[i].threshold_ms + more) * MS - MS / 2);
            assert_int_equal(grown < 63, more);
            script_end(&s);
        }
}

static void fewer_than_eight_samples_decide_nothing(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 14);
    round_trip_by(&s, 40 * MS, 2);
    for (unsigned i = 0; i < 4; i++) { /* seven ACKs a round */
        uint32_t window = cwnd(&s) / MSS;
        assert_true(round_trip_by(&s, (60 + 20 * i) * MS, (window + 6) / 7) > 0);
    }
    assert_int_equal(ssthresh(&s), NO_SSTHRESH);
    assert_int_equal(tcp_work_of(s.end.layer, script_connection(&s))->growth.baseline_us, 0);
    script_end(&s);
}

static void a_loss_ends_it_for_good(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 16);
    round_trip(&s, 40 * MS);
    round_trip(&s, 50 * MS);
    for (unsigned i = 0; i < 3; i++)
        script_give(&s, TCP_ACK, 1, acked_up_to(&s), 0);
    script_drain(&s);
    uint32_t threshold = ssthresh(&s);
    assert_in_range(threshold, 20 * MSS, 0.71 * 50 * MSS);
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
    script_drain(&s);
    for (unsigned i = 0; i < 10; i++)
        round_trip(&s, 50 * MS);
    assert_int_equal(ssthresh(&s), threshold);
    script_end(&s);
}

static void what_congestion_avoidance_remembers_begins_at_zero(void **state) /* it shares its place with HyStart++ */
{
    for (unsigned kind = 0; kind < TCP_FIXED; kind++) {
        struct script s;
        (void)state;
        profile.congestion = kind;
        begin(&s, 16);
        round_trip(&s, 40 * MS);
        for (unsigned i = 0; i < 6; i++)
            round_trip(&s, 50 * MS);
        const struct growth_state *g = &tcp_work_of(s.end.layer, script_connection(&s))->growth;
        assert_true(ssthresh(&s) != NO_SSTHRESH);
        if (kind == TCP_CUBIC)
            assert_in_range(g->w_max, ssthresh(&s), cwnd(&s));
        else
            assert_in_range(g->reno_acked, 0, cwnd(&s));
        script_end(&s);
    }
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(slow_start_doubles_while_the_round_trip_time_stays),
        T(a_longer_round_trip_makes_growth_a_quarter_and_ends_it_after_five_rounds),
        T(a_round_trip_shorter_than_the_first_of_css_brings_slow_start_back),
        T(the_threshold_is_an_eighth_between_4_and_16_ms),
        T(fewer_than_eight_samples_decide_nothing),
        T(a_loss_ends_it_for_good),
        T(what_congestion_avoidance_remembers_begins_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
