/* SPDX-License-Identifier: MIT */
/*
 * Limits that keep strangers from costing us much: RSTs a second, established connections of a listener's user.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/limit.h"
#include "tcp_script.h"

static struct tcp_settings settings;

static int defaults(void **state)
{
    script_defaults(state);
    script_settings(&settings);
    return 0;
}

static void each_second_has_an_allowance_just_below_the_rate(void **state)
{
    struct hash_key secret = {1, 2};
    struct limit l = {0};
    unsigned different = 0, last = 0;
    (void)state;
    for (int64_t second = 1; second <= 100; second++) {
        unsigned n = 0;
        while (limit_take(&l, 800, &secret, second * NS_PER_S + n))
            n++;
        assert_in_range(n, 700, 800);
        assert_false(limit_take(&l, 800, &secret, (second + 1) * NS_PER_S - 1));
        different += n != last;
        last = n;
    }
    assert_true(different > 90); /* it cannot be known beforehand */
}

static void a_rate_of_zero_is_no_limit_and_one_is_one(void **state)
{
    struct hash_key secret = {1, 2};
    struct limit l = {0};
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_true(limit_take(&l, 0, &secret, NS_PER_S));
    assert_true(limit_take(&l, 1, &secret, NS_PER_S));
    assert_false(limit_take(&l, 1, &secret, NS_PER_S));
    assert_true(limit_take(&l, 1, &secret, 2 * NS_PER_S));
}

static void resets_beyond_the_limit_are_counted_one_by_one(void **state) /* TC-27 */
{
    struct script s;
    (void)state;
    settings.resets_per_second = 3;
    script_begin_with(&s, &profile, &settings);
    s.our_port = 81;
    for (unsigned i = 0; i < 3; i++)
        script_give(&s, TCP_SYN, i, 0, 0);
    assert_int_equal(script_drain(&s), 3);
    assert_int_equal(script_counters(&s)->reset_limited, 0);
    script_give(&s, TCP_SYN, 9, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->reset_limited, 1);
    assert_int_equal(script_counters(&s)->resets_sent, 3);
    script_pass(&s, NS_PER_S);
    script_give(&s, TCP_SYN, 9, 0, 0);
    assert_int_equal(script_drain(&s), 1);
    script_give(&s, TCP_RST, 9, 0, 0); /* is never answered, and costs nothing */
    assert_int_equal(script_counters(&s)->reset_limited, 1);
    script_end(&s);
}

static void our_own_resets_are_not_limited(void **state)
{
    struct script s;
    (void)state;
    settings.resets_per_second = 1;
    script_begin_with(&s, &profile, &settings);
    s.our_port = 81;
    script_give(&s, TCP_SYN, 0, 0, 0);
    assert_int_equal(script_drain(&s), 1);
    s.our_port = OUR_PORT;
    script_to_established(&s);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_expect(&s, TCP_RST | TCP_ACK, 1, 1, 0);
    script_end(&s);
}

static void a_listeners_user_has_no_more_connections_than_its_limit(void **state)
{
    struct script s;
    (void)state;
    profile.accept_limit = 1;
    script_begin_with(&s, &profile, &settings);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_to_established(&s);
    struct tcp_ref first = s.ref;
    s.our_port = 81; /* of the same user */
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_accept_full, 1);
    tcp_abort(s.end.layer, tcp_get(s.end.layer, first), s.now);
    script_drain(&s);
    script_to_established(&s); /* there is room again */
    assert_int_equal(script_counters(&s)->drop_accept_full, 1);
    script_end(&s);
}

static void a_handshake_waits_until_there_is_room(void **state)
{
    struct script s;
    (void)state;
    profile.accept_limit = 1;
    script_begin_with(&s, &profile, &settings);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_to_syn_rcvd(&s);
    struct tcp_ref waiting = s.ref;
    struct seq isn = s.our_isn;
    s.our_port = 81;
    script_to_established(&s);
    struct tcp_ref first = s.ref;
    s.our_port = OUR_PORT;
    s.our_isn = isn;
    script_give(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_accept_full, 1);
    assert_int_equal(tcp_state_of(tcp_get(s.end.layer, waiting)), TCP_SYN_RCVD);
    tcp_abort(s.end.layer, tcp_get(s.end.layer, first), s.now);
    script_drain(&s);
    script_wait(&s); /* the SYN-ACK again */
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(tcp_state_of(tcp_get(s.end.layer, waiting)), TCP_ESTABLISHED);
    s.ref = waiting;
    script_end(&s);
}

static void connections_that_we_open_do_not_count(void **state)
{
    struct script s;
    (void)state;
    profile.accept_limit = 1;
    script_begin_with(&s, &profile, &settings);
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_drain(&s);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    struct tcp_ref active = s.ref;
    s.our_port = OUR_PORT;
    script_to_established(&s);
    tcp_abort(s.end.layer, tcp_get(s.end.layer, active), s.now);
    script_end(&s);
}

static void a_cookie_finds_no_room_either(void **state)
{
    struct script s;
    (void)state;
    profile.accept_limit = 1;
    profile.syn_cookies = TCP_COOKIES_ALWAYS;
    script_begin_with(&s, &profile, &settings);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&s, TCP_ACK, 1, 1, 0);
    struct tcp_ref first = s.ref;
    s.our_port = 81;
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_accept_full, 1);
    tcp_abort(s.end.layer, tcp_get(s.end.layer, first), s.now);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 1, 5); /* its data asks once more */
    assert_int_equal(s.received, 5);
    script_end(&s);
}

#define CASE(f) cmocka_unit_test_setup(f, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_second_has_an_allowance_just_below_the_rate),
        CASE(a_rate_of_zero_is_no_limit_and_one_is_one),
        CASE(resets_beyond_the_limit_are_counted_one_by_one),
        CASE(our_own_resets_are_not_limited),
        CASE(a_listeners_user_has_no_more_connections_than_its_limit),
        CASE(a_handshake_waits_until_there_is_room),
        CASE(connections_that_we_open_do_not_count),
        CASE(a_cookie_finds_no_room_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
