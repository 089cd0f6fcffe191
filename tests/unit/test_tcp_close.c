/* SPDX-License-Identifier: MIT */
/*
 * Closing by hand: RFC 9293 3.6, 3.10.4 to 3.10.8. FINs in every state, in and out of order, with data, again;
 * half-close; abort and RST in every state. TIME-WAIT: test_tcp_timewait.c. Losses of each segment: test_tcp_pair.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

typedef void way(struct script *s);

static const struct {
    way *go;
    enum tcp_state state;
    uint32_t snd_nxt, rcv_nxt;
} states[] = {
    {script_to_syn_rcvd, TCP_SYN_RCVD, 1, 1},     {script_to_established, TCP_ESTABLISHED, 1, 1},
    {script_to_fin_wait_1, TCP_FIN_WAIT_1, 2, 1}, {script_to_fin_wait_2, TCP_FIN_WAIT_2, 2, 1},
    {script_to_close_wait, TCP_CLOSE_WAIT, 1, 2}, {script_to_closing, TCP_CLOSING, 2, 2},
    {script_to_last_ack, TCP_LAST_ACK, 2, 2},
};

static void an_active_close_runs_through_fin_wait_to_time_wait(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    assert_true(s.fin);
    assert_int_equal(s.closings, 1);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    assert_int_equal(script_occupancy(&s).connections, 0);
    script_end(&s);
}

static void a_passive_close_runs_through_close_wait_to_the_end(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_last_ack(&s);
    assert_false(s.closed);
    script_give(&s, TCP_ACK, 2, 2, 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_NORMAL);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    script_end(&s);
}

static void a_simultaneous_close_ends_in_time_wait(void **state) /* RFC 9293 figure 13 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_closing(&s);
    script_give(&s, TCP_ACK, 2, 2, 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_NORMAL);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_end(&s);
}

static void the_peers_fin_is_acknowledged_even_when_the_ack_of_ours_is_right_behind(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_fin_wait_1(&s);
    s.end.room = 0; /* as within one burst */
    script_give(&s, TCP_FIN | TCP_ACK, 1, 1, 0);
    script_give(&s, TCP_ACK, 2, 2, 0);
    assert_false(s.closed);
    s.end.room = UINT32_MAX;
    script_expect(&s, TCP_ACK, 2, 2, 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_NORMAL);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_end(&s);
}

static void a_fin_with_the_ack_of_ours_skips_fin_wait_2(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_fin_wait_1(&s);
    script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    assert_true(s.closed);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_end(&s);
}

static void the_fin_waits_for_promised_data(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 2000);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_ACK, 1, 1, 1460);
    script_expect(&s, TCP_FIN | TCP_ACK, 1461, 1, 540);
    assert_int_equal(tcp_send(s.end.layer, script_connection(&s), 1, s.now), ERR_CLOSED);
    assert_int_equal(tcp_close(s.end.layer, script_connection(&s), s.now), 0); /* idempotent */
    script_expect_nothing(&s);
    script_give(&s, TCP_ACK, 1, 2001, 0); /* the data without the FIN */
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_1);
    assert_int_equal(s.acked, 2000);
    script_give(&s, TCP_ACK, 1, 2002, 0);
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_2);
    assert_int_equal(s.acked, 2000); /* the FIN is no byte of the stream */
    script_end(&s);
}

static void a_fin_with_data_delivers_the_data_first(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_FIN | TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    assert_true(s.fin);
    script_expect(&s, TCP_ACK, 1, 12, 0);
    assert_int_equal(script_state(&s), TCP_CLOSE_WAIT);
    script_end(&s);
}

static void a_fin_ahead_of_missing_data_waits_for_it(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_FIN | TCP_ACK, 11, 1, 0);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_false(s.fin);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    script_give(&s, TCP_ACK, 1, 1, 10);
    script_expect(&s, TCP_ACK, 1, 12, 0);
    assert_true(s.fin);
    assert_int_equal(script_state(&s), TCP_CLOSE_WAIT);
    script_end(&s);
}

static void a_repeated_fin_is_acknowledged_in_every_state_that_had_it(void **state)
{
    static way *const ways[] = {script_to_close_wait, script_to_closing, script_to_last_ack, script_to_time_wait};
    static const uint32_t snd_nxt[] = {1, 2, 2, 2};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct script s;
        script_begin(&s, &profile);
        ways[i](&s);
        uint32_t acks = i == 3 ? 2 : 1;
        for (unsigned n = 0; n < 3; n++) {
            script_give(&s, TCP_FIN | TCP_ACK, 1, acks, 0);
            script_expect(&s, TCP_ACK, snd_nxt[i], 2, 0);
            script_expect_nothing(&s);
        }
        script_end(&s);
    }
}

static void our_fin_is_repeated_until_acknowledged_in_every_state_that_sent_it(void **state)
{
    static way *const ways[] = {script_to_fin_wait_1, script_to_closing, script_to_last_ack};
    (void)state;
    profile.rto_min_ns = NS_PER_S;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct script s;
        script_begin(&s, &profile);
        ways[i](&s);
        for (unsigned n = 0; n < 4; n++) {
            script_pass(&s, (NS_PER_S << n) + 20 * NS_PER_MS);
            script_expect(&s, TCP_FIN | TCP_ACK, 1, i == 0 ? 1 : 2, 0);
            script_expect_nothing(&s);
        }
        script_end(&s);
    }
}

static void data_after_a_fin_is_not_delivered(void **state) /* RFC 9293 3.10.7.4, seventh: should not occur */
{
    static way *const ways[] = {script_to_close_wait, script_to_closing, script_to_last_ack};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct script s;
        script_begin(&s, &profile);
        ways[i](&s);
        enum tcp_state before = script_state(&s);
        uint64_t received = s.received;
        script_give(&s, TCP_ACK, 2, 1, 100);
        script_give(&s, TCP_FIN | TCP_ACK, 2, 1, 100);
        assert_int_equal(s.received, received);
        assert_int_equal(script_state(&s), before);
        script_drain(&s);
        script_end(&s);
    }
}

static void half_closed_data_flows_for_an_hour_in_fin_wait_2(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_fin_wait_2(&s);
    for (uint32_t i = 0; i < 120; i++) {
        script_pass(&s, 30 * NS_PER_S);
        script_give(&s, TCP_ACK, 1 + 100 * i, 2, 100);
        script_drain(&s);
        assert_int_equal(s.received, 100 * (i + 1));
    }
    script_give(&s, TCP_FIN | TCP_ACK, 12001, 2, 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_NORMAL);
    script_end(&s);
}

static void half_closed_data_flows_in_close_wait(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_close_wait(&s);
    for (uint32_t i = 0; i < 50; i++) {
        script_send(&s, 1000);
        script_expect(&s, TCP_ACK, 1 + 1000 * i, 2, 1000);
        script_give(&s, TCP_ACK, 2, 1001 + 1000 * i, 0);
        script_pass(&s, 600 * NS_PER_S);
    }
    assert_int_equal(s.acked, 50000);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_FIN | TCP_ACK, 50001, 2, 0);
    script_give(&s, TCP_ACK, 2, 50002, 0);
    assert_int_equal(s.reason, TCP_CLOSE_NORMAL);
    script_end(&s);
}

static void close_before_establishment(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile); /* SYN-SENT: without a word (3.10.4) */
    script_to_syn_sent(&s);
    assert_int_equal(tcp_close(s.end.layer, script_connection(&s), s.now), 0);
    assert_true(s.closed);
    script_expect_nothing(&s);
    script_end(&s);
    script_begin(&s, &profile); /* SYN-RECEIVED: the FIN comes with the handshake's end */
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(tcp_close(s.end.layer, script_connection(&s), s.now), 0);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 1, 0);
    script_expect(&s, TCP_FIN | TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_1);
    script_end(&s);
}

static void abort_sends_one_rst_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct script s;
        script_begin(&s, &profile);
        states[i].go(&s);
        tcp_abort(s.end.layer, script_connection(&s), s.now);
        assert_int_equal(s.closings, 1);
        assert_int_equal(s.reason, TCP_CLOSE_ABORTED);
        assert_null(script_connection(&s));
        script_expect(&s, TCP_RST | TCP_ACK, states[i].snd_nxt, states[i].rcv_nxt, 0);
        script_expect_nothing(&s);
        assert_int_equal(script_occupancy(&s).connections, 0);
        script_end(&s);
    }
}

/* Where the peer stands is what it acknowledged: SND.NXT would be in its window, and only be challenged (RFC 5961 3.2). */
static void abort_after_a_timeout_resets_where_the_peer_stands(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 300);
    script_expect(&s, TCP_ACK, 1, 1, 300);
    script_give(&s, TCP_ACK, 1, 101, 0);
    while (script_counters(&s)->rto_fired == 0)
        (void)script_wait(&s);
    script_drain(&s);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_RST | TCP_ACK, 101, 1, 0);
    script_expect_nothing(&s);
    script_end(&s);
}

static void an_embryos_rst_comes_after_its_syn(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    while (script_counters(&s)->rto_fired == 0)
        (void)script_wait(&s);
    script_drain(&s);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    script_expect(&s, TCP_RST | TCP_ACK, 1, 1, 0);
    script_end(&s);
}

static void abort_in_syn_sent_is_silent(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    assert_int_equal(s.reason, TCP_CLOSE_ABORTED);
    script_expect_nothing(&s);
    script_end(&s);
}

static void an_exact_rst_ends_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct script s;
        script_begin(&s, &profile);
        states[i].go(&s);
        script_give(&s, TCP_RST, states[i].rcv_nxt, 0, 0);
        assert_int_equal(s.closings, 1);
        assert_int_equal(s.reason, TCP_CLOSE_RESET);
        assert_int_equal(script_counters(&s)->resets_received, 1);
        script_expect_nothing(&s);
        assert_int_equal(script_occupancy(&s).connections, 0);
        script_end(&s);
    }
}

static void closing_a_listener_leaves_established_connections_alone(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), ERR_NOT_FOUND);
    script_give(&s, TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    script_drain(&s);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

static void data_behind_the_fin_is_dropped_and_counted(void **state) /* TC-43 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_close_wait(&s);
    script_give(&s, TCP_ACK, 2, 1, 10);
    assert_int_equal(s.received, 0);
    assert_int_equal(script_counters(&s)->drop_after_close, 1);
    script_end(&s);
}

static void frames_held_behind_the_fin_are_given_back_with_it(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 50, 1, 10);
    script_give(&s, TCP_ACK, 70, 1, 10);
    script_give(&s, TCP_ACK | TCP_FIN, 1, 1, 10); /* ends at 11 */
    script_drain(&s);
    assert_true(s.fin);
    assert_int_equal(s.received, 10);
    assert_int_equal(script_occupancy(&s).out_of_order_frames, 0);
    assert_int_equal(script_counters(&s)->drop_after_close, 2);
    assert_true(script_info(&s).parked);
    script_end(&s);
}

static void a_fin_that_was_overtaken_by_data_is_forgotten(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK | TCP_FIN, 11, 1, 0); /* ends at 11, so it says */
    script_give(&s, TCP_ACK, 1, 1, 30);
    script_pass(&s, NS_PER_S);
    script_drain(&s);
    assert_false(s.fin);
    assert_int_equal(s.received, 30);
    assert_true(script_info(&s).parked);
    script_give(&s, TCP_ACK | TCP_FIN, 31, 1, 0);
    assert_true(s.fin);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_active_close_runs_through_fin_wait_to_time_wait),
        T(a_passive_close_runs_through_close_wait_to_the_end),
        T(a_simultaneous_close_ends_in_time_wait),
        T(the_peers_fin_is_acknowledged_even_when_the_ack_of_ours_is_right_behind),
        T(a_fin_with_the_ack_of_ours_skips_fin_wait_2),
        T(the_fin_waits_for_promised_data),
        T(a_fin_with_data_delivers_the_data_first),
        T(a_fin_ahead_of_missing_data_waits_for_it),
        T(a_repeated_fin_is_acknowledged_in_every_state_that_had_it),
        T(our_fin_is_repeated_until_acknowledged_in_every_state_that_sent_it),
        T(data_after_a_fin_is_not_delivered),
        T(half_closed_data_flows_for_an_hour_in_fin_wait_2),
        T(half_closed_data_flows_in_close_wait),
        T(close_before_establishment),
        T(abort_sends_one_rst_in_every_state),
        T(abort_after_a_timeout_resets_where_the_peer_stands),
        T(an_embryos_rst_comes_after_its_syn),
        T(abort_in_syn_sent_is_silent),
        T(an_exact_rst_ends_every_state),
        T(closing_a_listener_leaves_established_connections_alone),
        T(data_behind_the_fin_is_dropped_and_counted),
        T(frames_held_behind_the_fin_are_given_back_with_it),
        T(a_fin_that_was_overtaken_by_data_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
