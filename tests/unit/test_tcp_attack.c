/* SPDX-License-Identifier: MIT */
/*
 * Blind and hostile segments: RFC 5961 (RST, SYN, data, challenge ACKs), RFC 5927 (ICMP), SYN floods, random segments
 * next to a healthy stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tcp_script.h"

/* A segment with a window that keeps the peer's as it is. */
static void give_rst(struct script *s, uint32_t seq, uint32_t payload)
{
    struct script_segment g = {.flags = TCP_RST, .seq = seq, .payload = payload};
    script_give_segment(s, &g);
}

static void a_blind_rst_inside_the_window_is_challenged(void **state) /* TC-19, RFC 5961 3.2 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    give_rst(&s, 2, 0);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_counters(&s)->challenge_acks, 1);
    script_pass(&s, 600 * NS_PER_MS);
    give_rst(&s, 65535, 0); /* the last number of the window */
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_false(s.closed);
    script_end(&s);
}

static void a_blind_rst_outside_the_window_is_dropped(void **state)
{
    static const uint32_t outside[] = {0, 65536, 0x7fffffff, 0x80000001, 0xffff0000};
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
        give_rst(&s, outside[i], 0);
    script_expect_nothing(&s);
    assert_false(s.closed);
    assert_int_equal(script_counters(&s)->drop_old_rst, ARRAY_SIZE(outside));
    script_end(&s);
}

static void an_rst_with_payload_has_to_be_exact_too(void **state) /* else each guess covers 1460 numbers */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 1000);
    script_drain(&s);
    give_rst(&s, 900, 1400);
    assert_false(s.closed);
    give_rst(&s, 1000, 1);
    give_rst(&s, 1000, 2);
    assert_false(s.closed);
    give_rst(&s, 1001, 2);
    assert_true(s.closed);
    script_end(&s);
}

typedef void way(struct script *s);
static way *const synchronized[] = {script_to_established, script_to_fin_wait_1, script_to_fin_wait_2,
                                    script_to_close_wait,  script_to_closing,    script_to_last_ack};

static void a_syn_in_a_synchronized_state_is_only_challenged(void **state) /* TC-20, RFC 5961 4.2 */
{
    static const uint32_t numbers[] = {0, 1, 2, 3, 1000, 70000, 0x80000000};
    static const uint16_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(synchronized); i++) {
        struct script s;
        script_begin(&s, &profile);
        synchronized[i](&s);
        enum tcp_state before = script_state(&s);
        for (size_t n = 0; n < 2 * ARRAY_SIZE(numbers); n++) {
            script_pass(&s, 501 * NS_PER_MS);
            script_drain(&s); /* retransmissions */
            script_give(&s, flags[n % 2], numbers[n / 2], 1, 0);
            const struct wire_segment *w = tcp_end_take(&s.end);
            assert_non_null(w);
            assert_int_equal(w->h.flags & ~TCP_PSH, TCP_ACK);
            assert_int_equal(script_state(&s), before);
        }
        script_end(&s);
    }
}

static void data_with_an_impossible_ack_is_not_taken(void **state) /* TC-21, RFC 5961 5.2 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 3000);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 3001, 0);
    struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 3002, .payload = 10, .window = 65535};
    script_give_segment(&s, &g); /* beyond SND.NXT */
    script_expect(&s, TCP_ACK, 3001, 1, 0);
    script_pass(&s, 501 * NS_PER_MS);
    g.ack = 3001u - 65536;
    script_give_segment(&s, &g); /* before SND.UNA - MAX.SND.WND */
    script_expect(&s, TCP_ACK, 3001, 1, 0);
    assert_int_equal(s.received, 0);
    assert_int_equal(script_counters(&s)->drop_bad_ack, 2);
    g.ack = 3001u - 65535;
    script_give_segment(&s, &g); /* an old but possible one */
    assert_int_equal(s.received, 10);
    script_drain(&s);
    script_end(&s);
}

static void challenge_acks_are_500_ms_apart_on_each_connection(void **state) /* TC-22, TC-23 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    unsigned sent = 0;
    for (unsigned ms = 0; ms < 2400; ms++) {
        give_rst(&s, 5, 0);
        sent += script_drain(&s);
        script_pass(&s, NS_PER_MS);
    }
    assert_int_equal(sent, 5);
    assert_int_equal(script_counters(&s)->challenge_acks, 5);
    script_end(&s);
}

static void the_limit_of_one_connection_is_not_seen_on_another(void **state) /* CVE-2016-5696 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_to_established(&s);
    struct tcp_ref first = s.ref;
    give_rst(&s, 5, 0);
    assert_int_equal(script_drain(&s), 1);
    s.our_port = 81;
    s.connected = false;
    script_to_established(&s);
    give_rst(&s, 5, 0);
    assert_int_equal(script_drain(&s), 1);
    tcp_abort(s.end.layer, tcp_get(s.end.layer, first), s.now);
    script_end(&s);
}

static void a_challenge_does_not_keep_an_idle_connection_from_parking(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    give_rst(&s, 5, 0);
    script_drain(&s);
    script_pass(&s, 2 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).active, 0);
    script_end(&s);
}

static void give_syn_from(struct script *s, uint16_t port)
{
    uint8_t bytes[40];
    struct wire_tcp h = {
        .src_port = port, .dst_port = OUR_PORT, .seq = seq_of(PEER_ISN), .flags = TCP_SYN, .window = 1000};
    struct wire_tcp_options none = {0};
    int n = wire_tcp_build(bytes, &h, &none);
    tcp_end_give(&s->end, PEER_ADDRESS, bytes, (uint32_t)n, s->now);
    script_drain(s);
}

static void a_syn_flood_is_bounded_and_passes(void **state) /* TC-24, TC-25 */
{
    struct script s;
    struct tcp_settings settings;
    (void)state;
    script_settings(&settings);
    settings.max_connections = 256;
    profile.syn_queue = 128;
    profile.syn_cookies = TCP_COOKIES_OFF;
    profile.syn_ack_retries = 5;
    script_begin_with(&s, &profile, &settings);
    for (uint16_t port = 1; port < 20001; port++) {
        if (port != PEER_PORT)
            give_syn_from(&s, port);
        assert_true(script_occupancy(&s).connections <= 128);
    }
    assert_int_equal(script_counters(&s)->passive_opens, 128);
    assert_int_equal(script_counters(&s)->drop_syn_queue_full, 19999 - 128);
    uint64_t before = script_counters(&s)->segments_sent;
    for (unsigned i = 0; i < 100; i++) {
        script_pass(&s, NS_PER_S);
        script_drain(&s);
    }
    assert_int_equal(script_counters(&s)->segments_sent - before, 5 * 128);
    assert_int_equal(script_occupancy(&s).connections, 0);
    script_to_established(&s);
    script_end(&s);
}

static bool icmp(struct script *s, uint32_t seq, enum tcp_icmp_kind kind, uint32_t mtu)
{
    struct flow_key key = tcp_end_key(&s->end, s->our_port, PEER_ADDRESS, PEER_PORT);
    return tcp_icmp_error(s->end.layer, &key, seq_add(s->our_isn, seq), kind, mtu, s->now);
}

static void a_hard_icmp_error_refuses_only_a_connection_being_opened(void **state) /* RFC 5927 section 5 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    assert_false(icmp(&s, 1, TCP_ICMP_HARD, 0)); /* not sent */
    assert_false(icmp(&s, 0xffffffff, TCP_ICMP_HARD, 0));
    assert_true(icmp(&s, 0, TCP_ICMP_SOFT, 0));
    assert_false(s.closed);
    assert_true(icmp(&s, 0, TCP_ICMP_HARD, 0));
    assert_int_equal(s.reason, TCP_CLOSE_REFUSED);
    script_end(&s);
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 100);
    script_drain(&s);
    icmp(&s, 1, TCP_ICMP_HARD, 0);
    assert_false(s.closed);
    script_end(&s);
}

static void too_big_cuts_segments_only_when_it_quotes_what_is_in_flight(void **state) /* RFC 1191, RFC 5927 section 7 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_false(icmp(&s, 1, TCP_ICMP_TOO_BIG, 1000)); /* nothing in flight */
    script_send(&s, 2920);
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    script_expect(&s, TCP_ACK, 1461, 1, 1460);
    assert_false(icmp(&s, 2921, TCP_ICMP_TOO_BIG, 1000));
    assert_false(icmp(&s, 0, TCP_ICMP_TOO_BIG, 1000));
    assert_false(icmp(&s, 1, TCP_ICMP_TOO_BIG, 1500)); /* no change */
    assert_false(icmp(&s, 1, TCP_ICMP_TOO_BIG, 68));   /* below the floor */
    assert_false(icmp(&s, 1, TCP_ICMP_TOO_BIG, 0));
    script_expect_nothing(&s);
    assert_true(icmp(&s, 1, TCP_ICMP_TOO_BIG, 1000));
    script_expect(&s, TCP_ACK, 1, 1, 960);
    script_expect(&s, TCP_ACK, 961, 1, 960);
    script_expect(&s, TCP_ACK, 1921, 1, 960);
    script_expect(&s, TCP_ACK, 2881, 1, 40);
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 2921, 0);
    assert_int_equal(s.acked, 2920);
    script_end(&s);
}

static void garbage_probes_are_answered_twice_a_second_and_no_more(void **state) /* TC-44 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 10);
    script_pass(&s, NS_PER_S);
    script_drain(&s);
    unsigned answers = 0;
    for (unsigned i = 0; i < 10000; i++) { /* for one second */
        script_give(&s, TCP_ACK, 10, 1, i & 1);
        script_pass(&s, 100 * NS_PER_US);
        answers += script_drain(&s);
    }
    assert_true(answers >= 2 && answers <= 3);
    script_give(&s, TCP_ACK, 1, 1, 10); /* a retransmission whose ACK was lost is answered each time */
    script_expect(&s, TCP_ACK, 1, 11, 0);
    script_give(&s, TCP_ACK, 1, 1, 10);
    script_expect(&s, TCP_ACK, 1, 11, 0);
    script_pass(&s, NS_PER_S);
    script_give(&s, TCP_ACK, 10, 1, 1); /* a keep-alive of every minute too */
    script_expect(&s, TCP_ACK, 1, 11, 0);
    script_end(&s);
}

/* A segment near the connection's numbers, nearly everything random. Never the one RST that is right. */
static void random_segment(struct script *s, struct random *r, const struct tcp *c, struct script_segment *g)
{
    static const uint16_t flags[] = {
        0,       TCP_ACK,           TCP_ACK,           TCP_ACK | TCP_PSH, TCP_SYN,           TCP_SYN | TCP_ACK,
        TCP_RST, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN,           TCP_ACK | TCP_URG, 0x1ff};
    uint32_t rcv = c ? c->rcv_nxt.v - PEER_ISN : 1, una = c ? seq_len(s->our_isn, c->snd_una) : 1;
    memset(g, 0, sizeof *g);
    g->flags = flags[random_below(r, ARRAY_SIZE(flags))];
    g->seq = rcv + (uint32_t)random_below(r, 8000) - 4000;
    g->ack = una + (uint32_t)random_below(r, 8000) - 4000;
    g->payload = (uint32_t)random_below(r, 4) ? 0 : (uint32_t)random_below(r, 1400);
    g->window = (uint16_t)random_u32(r);
    g->urgent = (uint16_t)random_u32(r);
    if (random_below(r, 4) == 0) {
        g->raw_len = 4 * (uint32_t)random_below(r, 11);
        if (g->payload + g->raw_len > 1400)
            g->payload = 0;
        for (uint32_t i = 0; i < g->raw_len; i++)
            g->raw_options[i] = (uint8_t)random_below(r, 40);
    }
}

/* One step of the healthy stream: the peer sends 100 bytes and acknowledges ours. */
static void healthy_step(struct script *s, uint32_t *n)
{
    script_send(s, 50);
    const struct wire_segment *w;
    uint32_t highest = 0;
    tcp_output(s->end.layer, 0, s->now);
    while ((w = tcp_end_take(&s->end)) != NULL)
        highest = max_u32(highest, seq_len(s->our_isn, w->h.seq) + w->payload_len);
    script_give(s, TCP_ACK, 1 + 100 * *n, highest, 100);
    ++*n;
    script_drain(s);
}

static void random_segments_leave_a_healthy_stream_intact(void **state)
{
    struct script s;
    struct random r;
    struct script_segment g;
    uint32_t steps = 0;
    (void)state;
    random_seed(&r, 20);
    profile.time_wait_ns = NS_PER_S;
    script_begin(&s, &profile);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_to_established(&s);
    struct tcp_ref healthy = s.ref, attacked = {0};
    struct seq healthy_isn = s.our_isn, attacked_isn = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        struct tcp *c = tcp_get(s.end.layer, attacked);
        s.our_port = 81;
        s.our_isn = attacked_isn;
        if (!c) {
            script_pass(&s, 2 * NS_PER_S);
            script_drain(&s);
            s.ref = (struct tcp_ref){0};
            script_give(&s, TCP_SYN, 0, 0, 0);
            const struct wire_segment *w = tcp_end_take(&s.end);
            if (!w || w->h.flags != (TCP_SYN | TCP_ACK))
                continue;
            attacked_isn = s.our_isn = w->h.seq;
            script_give(&s, TCP_ACK, 1, 1, 0);
            attacked = s.ref;
            c = tcp_get(s.end.layer, attacked);
        }
        if (c && random_below(&r, 50) == 0)
            (void)!tcp_send(s.end.layer, c, random_below(&r, 5000), s.now);
        if (c && random_below(&r, 200) == 0)
            tcp_close(s.end.layer, c, s.now);
        random_segment(&s, &r, c, &g);
        script_give_segment(&s, &g);
        script_drain(&s);
        if (i % 100 == 0) {
            s.our_port = OUR_PORT;
            s.our_isn = healthy_isn;
            s.ref = healthy;
            uint64_t before = s.received;
            healthy_step(&s, &steps);
            assert_int_equal(s.received - before, 100);
            script_pass(&s, (int64_t)random_below(&r, 100) * NS_PER_MS);
            script_drain(&s);
        }
    }
    assert_int_equal(tcp_received_offset(tcp_get(s.end.layer, healthy)), 100 * steps);
    assert_int_equal(tcp_acked_offset(tcp_get(s.end.layer, healthy)), 50 * steps);
    if (tcp_get(s.end.layer, attacked))
        tcp_abort(s.end.layer, tcp_get(s.end.layer, attacked), s.now);
    s.ref = healthy;
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_blind_rst_inside_the_window_is_challenged),
        T(a_blind_rst_outside_the_window_is_dropped),
        T(an_rst_with_payload_has_to_be_exact_too),
        T(a_syn_in_a_synchronized_state_is_only_challenged),
        T(data_with_an_impossible_ack_is_not_taken),
        T(challenge_acks_are_500_ms_apart_on_each_connection),
        T(the_limit_of_one_connection_is_not_seen_on_another),
        T(a_challenge_does_not_keep_an_idle_connection_from_parking),
        T(a_syn_flood_is_bounded_and_passes),
        T(a_hard_icmp_error_refuses_only_a_connection_being_opened),
        T(too_big_cuts_segments_only_when_it_quotes_what_is_in_flight),
        T(garbage_probes_are_answered_twice_a_second_and_no_more),
        T(random_segments_leave_a_healthy_stream_intact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
