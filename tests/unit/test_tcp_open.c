/* SPDX-License-Identifier: MIT */
/*
 * Opening: RFC 9293 3.5, 3.10.7.2, 3.10.7.3; options of the handshake; SYN retransmission; resets in answer to
 * strangers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static void a_syn_is_answered_and_the_ack_establishes(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_int_equal(tcp_counters(s.end.layer)->passive_opens, 1);
    script_end(&s);
}

static void an_active_open_completes(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_expect(&s, TCP_ACK, 1, 1, 0);
    assert_true(s.connected);
    script_end(&s);
}

static void a_simultaneous_open_completes(void **state) /* MUST-10 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(script_state(&s), TCP_SYN_RCVD);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    script_end(&s);
}

static void options_are_negotiated(void **state)
{
    struct script s;
    struct tcp_info i;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options =
        (struct wire_tcp_options){.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_TIMESTAMPS | TCP_OPT_SACK_PERMITTED,
                                  .mss = 1000,
                                  .wscale = 200,
                                  .ts_val = 77};
    script_give(&s, TCP_SYN, 0, 0, 0);
    const struct wire_segment *w = script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(w->o.present, TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_TIMESTAMPS | TCP_OPT_SACK_PERMITTED);
    assert_int_equal(w->o.mss, 1460);
    assert_int_equal(w->o.ts_ecr, 77);
    script_give(&s, TCP_ACK, 1, 1, 0);
    tcp_get_info(s.end.layer, script_connection(&s), &i);
    assert_int_equal(i.mss, 1000 - 12);
    assert_int_equal(i.send_wscale, 14); /* RFC 7323 2.3 */
    assert_true(i.sack && i.timestamps);
    script_end(&s);
}

static void the_mss_of_the_profile_bounds_both_directions(void **state)
{
    struct script s;
    struct tcp_info i;
    (void)state;
    profile.mss = 1100;
    for (unsigned k = 0; k < 2; k++) {
        script_begin(&s, &profile);
        s.peer_options = (struct wire_tcp_options){.present = TCP_OPT_MSS, .mss = k ? 900 : 1300};
        script_give(&s, TCP_SYN, 0, 0, 0);
        assert_int_equal(script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0)->o.mss, 1100);
        script_give(&s, TCP_ACK, 1, 1, 0);
        tcp_get_info(s.end.layer, script_connection(&s), &i);
        assert_int_equal(i.mss, k ? 900 : 1100);
        assert_int_equal(i.advertised_mss, 1100);
        script_end(&s);
    }
}

static void what_the_peer_does_not_offer_is_not_used(void **state)
{
    struct script s;
    struct tcp_info i;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options.present = 0;
    script_give(&s, TCP_SYN, 0, 0, 0);
    const struct wire_segment *w = script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(w->o.present, TCP_OPT_MSS);
    script_give(&s, TCP_ACK, 1, 1, 0);
    tcp_get_info(s.end.layer, script_connection(&s), &i);
    assert_int_equal(i.mss, 536); /* MUST-15 */
    assert_int_equal(i.send_wscale, 0);
    assert_int_equal(i.receive_wscale, 0);
    assert_false(i.sack || i.timestamps);
    script_end(&s);
}

static void a_tiny_mss_is_clamped(void **state) /* TC-06 */
{
    static const uint16_t offers[] = {0, 1, 8, 47, 48};
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(offers); k++) {
        struct script s;
        struct tcp_info i;
        script_begin(&s, &profile);
        s.peer_options.mss = offers[k];
        script_to_established(&s);
        tcp_get_info(s.end.layer, script_connection(&s), &i);
        assert_int_equal(i.mss, 48);
        script_end(&s);
    }
}

static void a_syn_is_repeated_with_doubling_and_given_up(void **state)
{
    struct script s;
    (void)state;
    profile.syn_retries = 3;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    for (int64_t wait = NS_PER_S; wait <= 4 * NS_PER_S; wait *= 2) {
        script_pass(&s, wait - 5 * NS_PER_MS);
        script_expect_nothing(&s);
        script_pass(&s, 10 * NS_PER_MS);
        script_expect(&s, TCP_SYN, 0, 0, 0);
        s.now -= 5 * NS_PER_MS;
    }
    script_pass(&s, 9 * NS_PER_S);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_TIMEOUT);
    script_end(&s);
}

static void a_syn_ack_is_repeated_and_a_repeated_syn_is_answered(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    script_pass(&s, 1010 * NS_PER_MS);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    script_end(&s);
}

static void a_refusal_ends_the_attempt(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    script_give(&s, TCP_RST, 0, 0, 0); /* without ACK: not believed */
    assert_false(s.closed);
    script_give(&s, TCP_RST | TCP_ACK, 0, 2, 0); /* acknowledges what was not sent */
    assert_false(s.closed);
    script_give(&s, TCP_RST | TCP_ACK, 0, 1, 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_REFUSED);
    script_end(&s);
}

static void a_wrong_ack_in_syn_sent_is_reset(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 5, 0);
    script_expect(&s, TCP_RST, 5, 0, 0);
    assert_int_equal(script_state(&s), TCP_SYN_SENT);
    script_end(&s);
}

static void a_wrong_ack_in_syn_rcvd_is_reset(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    script_give(&s, TCP_ACK, 1, 7, 0);
    script_expect(&s, TCP_RST, 7, 0, 0);
    assert_int_equal(script_state(&s), TCP_SYN_RCVD);
    script_end(&s);
}

static void strangers_are_reset(void **state) /* RFC 9293 3.10.7.1 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.our_port = 81;
    script_give(&s, TCP_ACK, 10, 20, 0);
    script_expect(&s, TCP_RST, 20, 0, 0);
    script_give(&s, TCP_SYN, 10, 0, 0);
    const struct wire_segment *w = tcp_end_take(&s.end);
    assert_int_equal(w->h.flags, TCP_RST | TCP_ACK);
    assert_int_equal(w->h.seq.v, 0);
    assert_int_equal(w->h.ack.v, PEER_ISN + 11);
    script_give(&s, TCP_RST, 10, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(tcp_counters(s.end.layer)->drop_no_connection, 3);
    script_end(&s);
}

static void a_listener_takes_only_syns(void **state)
{
    static const uint16_t silent[] = {
        0, TCP_FIN, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST, TCP_FIN | TCP_PSH | TCP_URG, TCP_RST};
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
        script_give(&s, silent[i], 0, 0, 0);
        script_expect_nothing(&s);
    }
    script_give(&s, TCP_ACK, 0, 3, 0);
    script_expect(&s, TCP_RST, 3, 0, 0);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 3, 0);
    assert_int_equal(tcp_end_take(&s.end)->h.flags, TCP_RST);
    script_end(&s);
}

static void the_syn_queue_is_bounded(void **state)
{
    struct script s;
    (void)state;
    profile.syn_queue = 2;
    profile.syn_cookies = TCP_COOKIES_OFF;
    script_begin(&s, &profile);
    uint8_t bytes[40];
    for (uint16_t port = 1; port <= 5; port++) {
        struct wire_tcp h = {.src_port = (uint16_t)(5000 + port),
                             .dst_port = OUR_PORT,
                             .seq = seq_of(1),
                             .flags = TCP_SYN,
                             .window = 100};
        struct wire_tcp_options none = {0};
        int n = wire_tcp_build(bytes, &h, &none);
        tcp_end_give(&s.end, PEER_ADDRESS, bytes, (uint32_t)n, s.now);
    }
    assert_int_equal(tcp_counters(s.end.layer)->drop_syn_queue_full, 3);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    tcp_output(s.end.layer, 0, s.now);
    unsigned resets = 0;
    for (const struct wire_segment *w; (w = tcp_end_take(&s.end)) != NULL;)
        resets += (w->h.flags & TCP_RST) != 0;
    assert_int_equal(resets, 2); /* closing a listener resets every embryo */
    s.closed = false;
    script_end(&s);
}

static void a_refused_admission_is_silent(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.refuse = 1;
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(tcp_counters(s.end.layer)->drop_not_admitted, 1);
    script_end(&s);
}

static void an_unresolved_neighbour_delays_the_syn(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.end.resolved = false;
    struct flow_key key = tcp_end_key(&s.end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &s.ref), 0);
    script_expect_nothing(&s);
    s.end.resolved = true;
    tcp_path_ready(s.end.layer, &s.end.waiters, true, s.now);
    tcp_output(s.end.layer, 0, s.now);
    assert_int_equal(tcp_end_take(&s.end)->h.flags, TCP_SYN);
    script_end(&s);
}

static void an_unreachable_neighbour_ends_the_attempt(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.end.resolved = false;
    struct flow_key key = tcp_end_key(&s.end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &s.ref), 0);
    script_expect_nothing(&s);
    tcp_path_ready(s.end.layer, &s.end.waiters, false, s.now);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_UNREACHABLE);
    script_end(&s);
}

static void ports_do_not_repeat_and_run_out_cleanly(void **state) /* RFC 6056 */
{
    struct script s;
    struct tcp_settings settings;
    (void)state;
    script_begin(&s, &profile);
    tcp_end_free(&s.end);
    tcp_settings_default(&settings);
    settings.max_connections = 400;
    settings.port_first = 50000;
    settings.port_last = 50199;
    assert_int_equal(tcp_end_init(&s.end, 1, &settings, s.now), 0);
    assert_int_equal(tcp_register_user(s.end.layer, &script_user, &s, &profile), 0);
    struct flow_key key = tcp_end_key(&s.end, 0, PEER_ADDRESS, PEER_PORT);
    uint8_t seen[200] = {0};
    for (unsigned i = 0; i < 200; i++) {
        struct tcp_ref ref;
        assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), 0);
        uint16_t port = tcp_key(tcp_get(s.end.layer, ref))->local_port;
        assert_in_range(port, 50000, 50199);
        assert_int_equal(seen[port - 50000]++, 0);
    }
    struct tcp_ref ref;
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), ERR_NO_PORTS);
    key.remote_port++; /* another destination has its own */
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), 0);
    tcp_end_free(&s.end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_syn_is_answered_and_the_ack_establishes, script_defaults),
        cmocka_unit_test_setup(an_active_open_completes, script_defaults),
        cmocka_unit_test_setup(a_simultaneous_open_completes, script_defaults),
        cmocka_unit_test_setup(options_are_negotiated, script_defaults),
        cmocka_unit_test_setup(the_mss_of_the_profile_bounds_both_directions, script_defaults),
        cmocka_unit_test_setup(what_the_peer_does_not_offer_is_not_used, script_defaults),
        cmocka_unit_test_setup(a_tiny_mss_is_clamped, script_defaults),
        cmocka_unit_test_setup(a_syn_is_repeated_with_doubling_and_given_up, script_defaults),
        cmocka_unit_test_setup(a_syn_ack_is_repeated_and_a_repeated_syn_is_answered, script_defaults),
        cmocka_unit_test_setup(a_refusal_ends_the_attempt, script_defaults),
        cmocka_unit_test_setup(a_wrong_ack_in_syn_sent_is_reset, script_defaults),
        cmocka_unit_test_setup(a_wrong_ack_in_syn_rcvd_is_reset, script_defaults),
        cmocka_unit_test_setup(strangers_are_reset, script_defaults),
        cmocka_unit_test_setup(a_listener_takes_only_syns, script_defaults),
        cmocka_unit_test_setup(the_syn_queue_is_bounded, script_defaults),
        cmocka_unit_test_setup(a_refused_admission_is_silent, script_defaults),
        cmocka_unit_test_setup(an_unresolved_neighbour_delays_the_syn, script_defaults),
        cmocka_unit_test_setup(an_unreachable_neighbour_ends_the_attempt, script_defaults),
        cmocka_unit_test_setup(ports_do_not_repeat_and_run_out_cleanly, script_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
