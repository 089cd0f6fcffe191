/* SPDX-License-Identifier: MIT */
/*
 * Pacing: at what rate a window leaves, by scripts with a round-trip time of 100 ms and a clock that goes on by a
 * millisecond: twice cwnd / SRTT in slow start, 1.2 times it afterwards, in one burst when it is off; what is not
 * paced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define MS NS_PER_MS
#define RTT (100 * MS)
#define ENDLESS (1u << 30)

static int defaults(void **state)
{
    script_newreno(state);
    profile.pacing = true;
    profile.tlp = false;
    return 0;
}

/* A peer 100 ms away with a window of 16 MB. */
static void begin(struct script *s)
{
    script_begin(s, &profile);
    s->peer_options.present |= TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED;
    s->peer_options.wscale = 8;
    script_to_established_after(s, RTT);
    script_give(s, TCP_ACK, 1, 1, 0);
}

static uint32_t in_flight(struct script *s)
{
    const struct tcp *c = script_connection(s);
    return seq_len(c->snd_una, c->snd_nxt);
}

static uint32_t sent_up_to(struct script *s) { return seq_len(s->our_isn, script_connection(s)->snd_nxt); }

struct leaving {
    unsigned segments, largest_burst, took_ms;
};

/* Lets time pass by milliseconds until nothing leaves for ten of them. */
static struct leaving watch(struct script *s)
{
    struct leaving l = {0, 0, 0};
    unsigned last = 0;
    for (unsigned ms = 0; ms < last + 10; ms++) {
        unsigned n = script_drain(s);
        l.segments += n;
        l.largest_burst = max_u32(l.largest_burst, n);
        if (n > 0)
            last = ms;
        script_pass(s, MS);
    }
    l.took_ms = last;
    return l;
}

/* A window of n segments in use, all of it acknowledged at once after a round trip. */
static void open_window(struct script *s, uint32_t n)
{
    struct tcp *c = script_connection(s);
    c->cwnd = n * MSS;
    script_send(s, ENDLESS);
    watch(s);
    assert_int_equal(in_flight(s), n * MSS);
    script_pass(s, RTT);
    script_connection(s)->srtt_us = 8 * RTT / NS_PER_US;
    script_give(s, TCP_ACK, 1, sent_up_to(s), 0);
    script_connection(s)->srtt_us = 8 * RTT / NS_PER_US;
}

static void off_a_window_leaves_at_once(void **state)
{
    struct script s;
    (void)state;
    profile.pacing = false;
    begin(&s);
    open_window(&s, 100);
    unsigned n = script_drain(&s);
    assert_in_range(n, 100, 108);
    assert_true(tcp_next_deadline(s.end.layer) > s.now + 10 * MS); /* and no timer runs for it */
    script_end(&s);
}

static void in_slow_start_a_window_takes_half_a_round_trip(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 100);
    struct leaving l = watch(&s);
    assert_in_range(l.segments, 100, 108);
    assert_in_range(l.took_ms, 47, 52);
    assert_in_range(l.largest_burst, 2, 7);
    script_end(&s);
}

static void in_congestion_avoidance_a_window_takes_five_sixths_of_a_round_trip(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    script_connection(&s)->ssthresh = 120 * MSS; /* cwnd is no less than half of it */
    open_window(&s, 110);
    struct leaving l = watch(&s);
    assert_in_range(l.segments, 110, 118);
    assert_in_range(l.took_ms, 80, 86);
    assert_in_range(l.largest_burst, 1, 5);
    script_end(&s);
}

static void the_first_ten_segments_are_not_paced(void **state)
{
    struct script s;
    (void)state;
    profile.initial_window = 20;
    begin(&s);
    script_send(&s, ENDLESS);
    assert_in_range(script_drain(&s), 10, 12);
    struct leaving l = watch(&s);
    assert_in_range(l.segments, 8, 10);
    assert_in_range(l.took_ms, 20, 27);
    script_end(&s);
}

static void a_window_shorter_than_a_tick_is_not_held(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 50);
    watch(&s);
    script_connection(&s)->srtt_us = 8 * 500; /* 0.5 ms */
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
    script_connection(&s)->srtt_us = 8 * 500;
    assert_true(script_drain(&s) >= 1);
    script_pass(&s, MS);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
    script_connection(&s)->srtt_us = 8 * 500;
    script_drain(&s);
    assert_in_range(in_flight(&s), script_info(&s).cwnd_bytes - MSS, script_info(&s).cwnd_bytes);
    script_end(&s);
}

static void nothing_is_held_longer_than_a_second(
    void **state) /* or a long round-trip time of a bad network would be a stall */
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 20);
    script_drain(&s);
    struct tcp *c = script_connection(&s);
    c->srtt_us = 8 * 400000000u;
    c->cwnd = 4 * MSS;
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
    c->srtt_us = 8 * 400000000u;
    script_drain(&s);
    for (unsigned i = 0; i < 5; i++) {
        script_pass(&s, NS_PER_S + 3 * MS);
        assert_true(script_drain(&s) >= 1);
        script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
        c->srtt_us = 8 * 400000000u;
        script_drain(&s);
    }
    script_end(&s);
}

static void acknowledgements_go_while_data_is_held(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 100);
    script_drain(&s);
    struct script_segment g = {
        .flags = TCP_ACK, .seq = 101, .ack = sent_up_to(&s) - 100 * MSS, .payload = 10, .window = 65535};
    g.ack = seq_len(s.our_isn, script_connection(&s)->snd_una);
    script_give_segment(&s, &g); /* out of order */
    const struct wire_segment *w = tcp_end_take(&s.end);
    assert_non_null(w);
    assert_int_equal(w->payload_len, 0);
    script_end(&s);
}

static void what_is_held_is_no_shut_window(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 100);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0); /* the first burst already: nothing is in flight */
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, sent_up_to(&s), 0);
    script_drain(&s);
    assert_false(tcp_work_of(s.end.layer, script_connection(&s))->persist);
    assert_true(watch(&s).segments > 90);
    script_end(&s);
}

static void the_first_retransmission_of_a_recovery_is_not_held(void **state)
{
    struct script s;
    (void)state;
    begin(&s);
    open_window(&s, 100);
    script_drain(&s);
    uint32_t una = seq_len(s.our_isn, script_connection(&s)->snd_una), nxt = sent_up_to(&s);
    assert_true(nxt - una >= 4 * MSS);
    script_pass(&s, RTT / 20);
    script_drain(&s);
    script_pass(&s, RTT);
    const uint32_t blocks[] = {una + MSS, sent_up_to(&s)};
    script_drain(&s);
    script_give_sack(&s, 1, una, 1, blocks);
    const struct wire_segment *w = tcp_end_take(&s.end);
    assert_non_null(w);
    assert_int_equal(w->h.seq.v - s.our_isn.v, una);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(off_a_window_leaves_at_once),
        T(in_slow_start_a_window_takes_half_a_round_trip),
        T(in_congestion_avoidance_a_window_takes_five_sixths_of_a_round_trip),
        T(the_first_ten_segments_are_not_paced),
        T(a_window_shorter_than_a_tick_is_not_held),
        T(nothing_is_held_longer_than_a_second),
        T(acknowledgements_go_while_data_is_held),
        T(what_is_held_is_no_shut_window),
        T(the_first_retransmission_of_a_recovery_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
