/* SPDX-License-Identifier: MIT */
/*
 * Timestamps: RFC 7323. PAWS (THREATS TC-12), segments without the option (TC-13), which value is echoed, and that ours
 * never goes back. Every rule on the fast and on the long way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static bool fast_path;

static int fast(void **state)
{
    script_defaults(state);
    fast_path = true;
    return 0;
}

static int slow(void **state)
{
    (void)fast(state);
    fast_path = false;
    return 0;
}

static void begin(struct script *s, uint32_t ts_val)
{
    struct tcp_settings settings;
    script_settings(&settings);
    settings.fast_path = fast_path;
    script_begin_with(s, &profile, &settings);
    s->peer_options.present |= TCP_OPT_TIMESTAMPS | TCP_OPT_SACK_PERMITTED;
    s->peer_options.ts_val = ts_val;
    script_to_established(s);
    assert_true(script_info(s).timestamps);
}

/* The peer's data with this timestamp; then lets the delayed ACK out and returns its echo. */
static uint32_t echo_after(struct script *s, uint32_t seq, uint32_t payload, uint32_t ts_val)
{
    s->peer_options.ts_val = ts_val;
    script_give(s, TCP_ACK, seq, 1, payload);
    script_wait(s);
    const struct wire_segment *w = tcp_end_take(&s->end), *next;
    while ((next = tcp_end_take(&s->end)) != NULL)
        w = next;
    assert_true(w->o.present & TCP_OPT_TIMESTAMPS);
    return w->o.ts_ecr;
}

static void an_old_timestamp_is_rejected_and_acknowledged(void **state) /* R1 */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    assert_int_equal(echo_after(&s, 1, 10, 1010), 1010);
    s.peer_options.ts_val = 1009;
    script_give(&s, TCP_ACK, 11, 1, 10);
    assert_int_equal(s.received, 10);
    assert_int_equal(script_counters(&s)->drop_paws, 1);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 11, 0)->o.ts_ecr, 1010);
    s.peer_options.ts_val = 1010; /* equal is not old */
    script_give(&s, TCP_ACK, 11, 1, 10);
    assert_int_equal(s.received, 20);
    script_end(&s);
}

static void old_means_within_half_the_circle(void **state)
{
    static const uint32_t starts[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(starts); i++) {
        struct script s;
        begin(&s, starts[i]);
        s.peer_options.ts_val = starts[i] - 1;
        script_give(&s, TCP_ACK, 1, 1, 10);
        assert_int_equal(s.received, 0);
        s.peer_options.ts_val = starts[i] + 0x80000000u; /* half a circle ahead counts as behind */
        script_give(&s, TCP_ACK, 1, 1, 10);
        assert_int_equal(s.received, 0);
        assert_int_equal(script_counters(&s)->drop_paws, 2);
        s.peer_options.ts_val = starts[i] + 0x7fffffffu;
        script_give(&s, TCP_ACK, 1, 1, 10);
        assert_int_equal(s.received, 10);
        script_end(&s);
    }
}

static void after_24_idle_days_any_timestamp_is_good(void **state) /* section 5.5 */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    assert_int_equal(echo_after(&s, 1, 10, 1000), 1000);
    script_pass(&s, 23 * INT64_C(86400) * NS_PER_S);
    s.peer_options.ts_val = 900;
    script_give(&s, TCP_ACK, 11, 1, 10);
    assert_int_equal(s.received, 10);
    script_drain(&s);
    script_pass(&s, 26 * INT64_C(3600) * NS_PER_S); /* what was rejected does not count as heard */
    assert_int_equal(echo_after(&s, 11, 10, 900), 900);
    assert_int_equal(s.received, 20);
    script_end(&s);
}

static void a_reset_is_not_tested_for_its_timestamp(void **state) /* section 5.2 */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    s.peer_options.ts_val = 1;
    script_give(&s, TCP_RST, 1, 0, 0);
    assert_true(s.closed);
    script_end(&s);
    begin(&s, 1000);
    struct script_segment g = {.flags = TCP_RST, .seq = 1, .without_timestamps = true};
    script_give_segment(&s, &g);
    assert_true(s.closed);
    script_end(&s);
}

static void a_segment_without_timestamps_is_dropped(void **state) /* section 3.2, TC-13 */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    struct script_segment g = {
        .flags = TCP_ACK, .seq = 1, .ack = 1, .payload = 10, .window = 65535, .without_timestamps = true};
    script_give_segment(&s, &g);
    g.flags = TCP_ACK | TCP_FIN;
    script_give_segment(&s, &g);
    assert_int_equal(s.received, 0);
    assert_int_equal(script_counters(&s)->drop_no_timestamp, 2);
    script_expect_nothing(&s);
    script_end(&s);
}

static void timestamps_that_were_not_negotiated_are_ignored(void **state)
{
    struct script s;
    (void)state;
    profile.timestamps = false;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_TIMESTAMPS;
    s.peer_options.ts_val = 1000;
    script_to_established(&s);
    s.peer_options.ts_val = 1;
    script_give(&s, TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    script_wait(&s);
    assert_false(script_expect(&s, TCP_ACK, 1, 11, 0)->o.present & TCP_OPT_TIMESTAMPS);
    script_end(&s);
}

static void the_first_of_two_segments_of_one_ack_is_echoed(void **state) /* section 4.3: SEG.SEQ <= Last.ACK.sent */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    s.peer_options.ts_val = 1001;
    script_give(&s, TCP_ACK, 1, 1, 10);
    s.peer_options.ts_val = 1002;
    script_give(&s, TCP_ACK, 11, 1, 10);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 21, 0)->o.ts_ecr, 1001);
    script_end(&s);
}

static void a_gap_keeps_the_echo_and_its_filling_moves_it(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    assert_int_equal(echo_after(&s, 1, 10, 1001), 1001);
    assert_int_equal(echo_after(&s, 21, 10, 1003), 1001); /* 11 to 20 are missing */
    assert_int_equal(echo_after(&s, 31, 10, 1004), 1001);
    assert_int_equal(echo_after(&s, 11, 10, 1005), 1005);
    script_end(&s);
}

static void the_sequence_number_before_trimming_decides(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    s.peer_options.ts_val = 1001;
    script_give(&s, TCP_ACK, 1, 1, 10); /* its ACK is delayed: Last.ACK.sent stays 1 */
    s.peer_options.ts_val = 1005;
    script_give(&s, TCP_ACK, 1, 1, 20); /* again, with more behind */
    assert_int_equal(s.received, 20);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 21, 0)->o.ts_ecr, 1005);
    script_end(&s);
}

static void a_segment_with_a_bad_ack_leaves_the_timestamp(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    s.peer_options.ts_val = 1001;
    script_give(&s, TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    s.peer_options.ts_val = 200000;
    script_give(&s, TCP_ACK, 11, 9999, 0); /* acknowledges what was never sent */
    assert_int_equal(script_counters(&s)->drop_bad_ack, 1);
    assert_int_equal(script_expect(&s, TCP_ACK, 1, 11, 0)->o.ts_ecr, 1001);
    s.peer_options.ts_val = 1002; /* not old */
    script_give(&s, TCP_ACK, 11, 1, 10);
    assert_int_equal(s.received, 20);
    assert_int_equal(script_counters(&s)->drop_paws, 0);
    script_end(&s);
}

static void our_clock_counts_milliseconds_and_never_goes_back(void **state) /* section 4.1 */
{
    struct script s;
    (void)state;
    begin(&s, 1000);
    uint32_t last = 0;
    int64_t at = 0;
    for (uint32_t i = 0; i < 500; i++) {
        script_pass(&s, (int64_t)(i * i) * NS_PER_MS / 7);
        script_send(&s, 1);
        const struct wire_segment *w = script_expect(&s, TCP_ACK, 1 + i, 1, 1);
        assert_true(w->o.present & TCP_OPT_TIMESTAMPS);
        if (i > 0) {
            int64_t elapsed_ms = (s.now - at) / NS_PER_MS;
            int64_t step = (int64_t)(w->o.ts_val - last);
            assert_true(step >= elapsed_ms && step <= elapsed_ms + 1);
        }
        last = w->o.ts_val;
        at = s.now;
        script_give(&s, TCP_ACK, 1, 2 + i, 0);
    }
    script_end(&s);
}

static void the_echo_of_the_syn_is_in_the_syn_ack(void **state)
{
    struct script s;
    (void)state;
    for (uint32_t ts = 0; ts < 2; ts++) { /* 0 is a value like any other */
        script_begin(&s, &profile);
        s.peer_options.present |= TCP_OPT_TIMESTAMPS;
        s.peer_options.ts_val = ts;
        script_give(&s, TCP_SYN, 0, 0, 0);
        const struct wire_segment *w = script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
        assert_true(w->o.present & TCP_OPT_TIMESTAMPS);
        assert_int_equal(w->o.ts_ecr, ts);
        script_end(&s);
    }
}

static void time_wait_answers_with_timestamps_even_when_the_last_was_zero(void **state)
{
    struct script s;
    (void)state;
    begin(&s, 0);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 2, 0);
    script_give(&s, TCP_ACK | TCP_FIN, 1, 2, 0);
    assert_true(script_expect(&s, TCP_ACK, 2, 2, 0)->o.present & TCP_OPT_TIMESTAMPS);
    script_give(&s, TCP_ACK | TCP_FIN, 1, 2, 0);
    assert_true(script_expect(&s, TCP_ACK, 2, 2, 0)->o.present & TCP_OPT_TIMESTAMPS);
    script_give(&s, TCP_SYN, 5000, 0, 0); /* a higher number, but no later timestamp: RFC 6191 */
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, fast), cmocka_unit_test_setup(name, slow)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_old_timestamp_is_rejected_and_acknowledged),
        T(old_means_within_half_the_circle),
        T(after_24_idle_days_any_timestamp_is_good),
        T(a_reset_is_not_tested_for_its_timestamp),
        T(a_segment_without_timestamps_is_dropped),
        T(timestamps_that_were_not_negotiated_are_ignored),
        T(the_first_of_two_segments_of_one_ack_is_echoed),
        T(a_gap_keeps_the_echo_and_its_filling_moves_it),
        T(the_sequence_number_before_trimming_decides),
        T(a_segment_with_a_bad_ack_leaves_the_timestamp),
        T(our_clock_counts_milliseconds_and_never_goes_back),
        T(the_echo_of_the_syn_is_in_the_syn_ack),
        T(time_wait_answers_with_timestamps_even_when_the_last_was_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
