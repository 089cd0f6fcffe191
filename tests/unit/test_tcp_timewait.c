/* SPDX-License-Identifier: MIT */
/*
 * TIME-WAIT: RFC 9293 3.10.7.4, RFC 1337 (not killed by a reset), RFC 6191 and RFC 1122 4.2.2.13 (opened again by a
 * newer SYN), the cap, and four-tuples used again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static void time_wait_ignores_resets(void **state) /* RFC 1337 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    script_give(&s, TCP_RST, 2, 0, 0);
    script_give(&s, TCP_RST | TCP_ACK, 2, 2, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    assert_int_equal(script_counters(&s)->drop_time_wait, 2);
    script_end(&s);
}

static void time_wait_acknowledges_old_data_and_old_syns(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    script_give(&s, TCP_ACK, 1, 1, 1);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_give(&s, TCP_SYN, 0, 0, 0); /* not newer than what was received */
    script_expect(&s, TCP_ACK, 2, 2, 0);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_end(&s);
}

static void a_newer_syn_reopens_a_connection_in_time_wait(void **state) /* RFC 1122 4.2.2.13 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    s.closed = s.connected = false;
    script_give(&s, TCP_SYN, 1000, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1001, 0);
    script_give(&s, TCP_ACK, 1001, 1, 0);
    assert_true(s.connected);
    assert_int_equal(script_counters(&s)->time_wait_reused, 1);
    script_end(&s);
}

static void a_newer_timestamp_reopens_a_connection_in_time_wait(void **state) /* RFC 6191 section 2 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present |= TCP_OPT_TIMESTAMPS;
    s.peer_options.ts_val = 500;
    script_to_time_wait(&s);
    script_give(&s, TCP_SYN, 0xffff0000u, 0, 0); /* same timestamp, lower number: refused */
    script_expect(&s, TCP_ACK, 2, 2, 0);
    s.peer_options.ts_val = 501;
    script_give(&s, TCP_SYN, 0xffff0000u, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 0xffff0001u, 0);
    assert_int_equal(script_counters(&s)->time_wait_reused, 1);
    script_end(&s);
}

static void a_syn_that_no_listener_would_take_leaves_time_wait_alone(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    script_give(&s, TCP_SYN | TCP_FIN, 1000, 0, 0);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    script_give(&s, TCP_SYN, 1000, 0, 0);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    assert_int_equal(script_counters(&s)->time_wait_reused, 0);
    script_end(&s);
}

static void time_wait_expires(void **state)
{
    struct script s;
    (void)state;
    profile.time_wait_ns = 10 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    script_pass(&s, 9990 * NS_PER_MS);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_pass(&s, 20 * NS_PER_MS);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0); /* a stranger now */
    script_expect(&s, TCP_RST, 2, 0, 0);
    script_end(&s);
}

static void time_wait_of_zero_keeps_nothing(void **state)
{
    struct script s;
    (void)state;
    profile.time_wait_ns = 0;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    s.connected = false;
    script_give(&s, TCP_SYN, 0, 0, 0); /* the four-tuple is free at once */
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_end(&s);
}

static void the_oldest_time_wait_gives_way_when_all_are_taken(void **state)
{
    struct script s;
    struct tcp_settings settings;
    (void)state;
    script_settings(&settings);
    settings.max_time_wait = 3;
    script_begin_with(&s, &profile, &settings);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    for (uint16_t port = 82; port < 87; port++)
        assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, port), 0);
    for (uint16_t port = 81; port < 86; port++) {
        s.our_port = port;
        s.closed = s.connected = s.fin = false;
        script_to_time_wait(&s);
        script_pass(&s, NS_PER_MS);
    }
    assert_int_equal(script_occupancy(&s).time_wait, 3);
    assert_int_equal(script_counters(&s)->time_wait_recycled, 2);
    s.our_port = 81; /* recycled: its port refuses strangers */
    script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0);
    script_expect(&s, TCP_RST, 2, 0, 0);
    s.our_port = 85; /* still there */
    script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_end(&s);
}

static void a_repeated_fin_starts_the_time_anew(void **state) /* RFC 9293 3.10.7.4 */
{
    struct script s;
    (void)state;
    profile.time_wait_ns = 20 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    for (unsigned i = 0; i < 5; i++) {
        script_pass(&s, 15 * NS_PER_S);
        assert_int_equal(script_occupancy(&s).time_wait, 1);
        script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0);
        script_expect(&s, TCP_ACK, 2, 2, 0);
    }
    script_pass(&s, 19 * NS_PER_S);
    script_give(&s, TCP_ACK, 1, 1, 1); /* old data is acknowledged, and starts nothing */
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_pass(&s, 2 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    script_end(&s);
}

static void a_time_that_started_anew_does_not_hold_up_the_others(void **state)
{
    struct script s;
    (void)state;
    profile.time_wait_ns = 20 * NS_PER_S;
    script_begin(&s, &profile);
    for (uint16_t port = 81; port <= 85; port++) {
        assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, port), 0);
        s.our_port = port;
        s.closed = s.connected = s.fin = false;
        script_to_time_wait(&s);
    }
    script_pass(&s, 15 * NS_PER_S);
    s.our_port = 81; /* the oldest */
    script_give(&s, TCP_FIN | TCP_ACK, 1, 2, 0);
    script_drain(&s);
    script_pass(&s, 6 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_pass(&s, 15 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    script_end(&s);
}

static void a_four_tuple_is_reused_a_thousand_times(void **state)
{
    struct script s;
    (void)state;
    profile.time_wait_ns = NS_PER_S;
    script_begin(&s, &profile);
    for (unsigned i = 0; i < 1000; i++) {
        s.closed = s.connected = s.fin = false;
        if (i % 2)
            script_to_time_wait(&s);
        else
            script_to_last_ack(&s);
        if (i % 2 == 0)
            script_give(&s, TCP_ACK, 2, 2, 0);
        assert_true(s.closed);
        script_pass(&s, 1020 * NS_PER_MS); /* its end is rounded up to 16 ms */
        assert_int_equal(script_occupancy(&s).connections, 0);
        assert_int_equal(script_occupancy(&s).time_wait, 0);
    }
    script_end(&s);
}

static void a_port_in_time_wait_is_free_for_connect_once_it_expired(void **state)
{
    struct script s;
    struct tcp_ref ref;
    (void)state;
    script_begin(&s, &profile);
    script_to_time_wait(&s);
    struct flow_key key = tcp_end_key(&s.end, OUR_PORT, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), ERR_IN_USE);
    s.now += 61 * NS_PER_S; /* no tick in between */
    s.connected = false;
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &s.ref), 0);
    script_expect(&s, TCP_SYN, 0, 0, 0);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_true(s.connected);
    script_end(&s);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(time_wait_ignores_resets),
        T(time_wait_acknowledges_old_data_and_old_syns),
        T(a_newer_syn_reopens_a_connection_in_time_wait),
        T(a_newer_timestamp_reopens_a_connection_in_time_wait),
        T(a_syn_that_no_listener_would_take_leaves_time_wait_alone),
        T(time_wait_expires),
        T(time_wait_of_zero_keeps_nothing),
        T(the_oldest_time_wait_gives_way_when_all_are_taken),
        T(a_repeated_fin_starts_the_time_anew),
        T(a_time_that_started_anew_does_not_hold_up_the_others),
        T(a_four_tuple_is_reused_a_thousand_times),
        T(a_port_in_time_wait_is_free_for_connect_once_it_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
