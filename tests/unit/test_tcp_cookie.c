/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies (RFC 4987 section 3.6): connections made from nothing but the ACK, with the options of the SYN; what is
 * refused; what is kept meanwhile: nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static int always(void **state)
{
    script_defaults(state);
    profile.syn_cookies = TCP_COOKIES_ALWAYS;
    return 0;
}

static const struct wire_tcp_options all_options = {.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED |
                                                               TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE,
                                                    .mss = 1460,
                                                    .wscale = 7,
                                                    .ts_val = 1000};

/* The peer's SYN is answered by a cookie; its timestamp is echoed from then on. */
static const struct wire_segment *ask(struct script *s)
{
    script_give(s, TCP_SYN, 0, 0, 0);
    const struct wire_segment *w = script_expect(s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(script_occupancy(s).connections, 0);
    assert_int_equal(s->end.paths, 0);
    s->peer_options.ts_ecr = w->o.ts_val;
    s->peer_options.ts_val++;
    return w;
}

static void assert_refused(struct script *s, uint64_t failed)
{
    const struct wire_segment *w = tcp_end_take(&s->end);
    assert_non_null(w);
    assert_int_equal(w->h.flags, TCP_RST);
    assert_int_equal(script_counters(s)->syncookies_failed, failed);
    assert_int_equal(script_counters(s)->syncookies_received, 0);
    assert_int_equal(script_occupancy(s).connections, 0);
}

static void the_ack_of_a_cookie_makes_a_connection_with_the_options_of_the_syn(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    const struct wire_segment *w = ask(&s);
    assert_int_equal(w->o.present, all_options.present);
    assert_int_equal(w->o.mss, 1460);
    assert_int_equal(w->o.wscale, 3);
    assert_int_equal(w->o.ts_ecr, 1000);
    assert_int_equal(script_counters(&s)->syncookies_sent, 1);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 100);
    script_expect_nothing(&s);
    assert_true(s.connected);
    struct tcp_info i = script_info(&s);
    assert_int_equal(i.state, TCP_ESTABLISHED);
    assert_true(i.timestamps && i.sack);
    assert_int_equal(i.send_wscale, 7);
    assert_int_equal(i.receive_wscale, 3);
    assert_int_equal(i.mss, 1448);
    assert_int_equal(i.send_window, 12800);
    assert_int_equal(i.srtt_ns, 0); /* when the SYN-ACK left is not known */
    assert_int_equal(script_counters(&s)->syncookies_received, 1);
    assert_int_equal(script_counters(&s)->passive_opens, 1);
    assert_int_equal(script_counters(&s)->syncookies_failed, 0);
    script_send(&s, 2000);
    w = script_expect(&s, TCP_ACK, 1, 1, 1448);
    assert_true((int32_t)(w->o.ts_val - s.peer_options.ts_ecr) >= 0); /* our clock does not go back */
    script_end(&s);
}

static void window_scale_and_sack_come_back_in_all_combinations(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (unsigned wscale = 0; wscale <= 16; wscale++) {
        for (unsigned sack = 0; sack < 2; sack++) {
            struct script s;
            script_begin(&s, &profile);
            s.peer_options = all_options;
            s.peer_options.wscale = (uint8_t)wscale;
            s.peer_options.present = (uint16_t)(TCP_OPT_MSS | TCP_OPT_TIMESTAMPS | (wscale < 16 ? TCP_OPT_WSCALE : 0) |
                                                (sack ? TCP_OPT_SACK_PERMITTED : 0));
            script_pass(&s, wscale * 7 * NS_PER_MS); /* whatever the low bits of the clock are */
            assert_int_equal(ask(&s)->o.present, s.peer_options.present);
            script_give(&s, TCP_ACK, 1, 1, 0);
            struct tcp_info i = script_info(&s);
            assert_int_equal(i.send_wscale, wscale == 16 ? 0 : wscale == 15 ? 14 : wscale);
            assert_int_equal(i.receive_wscale, wscale == 16 ? 0 : 3);
            assert_int_equal(i.sack, sack);
            script_end(&s);
            cases++;
        }
    }
    print_message("%u combinations\n", cases);
}

static void without_timestamps_only_the_mss_survives(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    s.peer_options.present &= (uint16_t)~TCP_OPT_TIMESTAMPS;
    assert_int_equal(ask(&s)->o.present, TCP_OPT_MSS);
    script_give(&s, TCP_ACK, 1, 1, 0);
    struct tcp_info i = script_info(&s);
    assert_int_equal(i.mss, 1460);
    assert_false(i.timestamps || i.sack || i.send_wscale || i.receive_wscale);
    script_end(&s);
}

static void what_our_profile_does_not_offer_is_not_promised(void **state)
{
    struct script s;
    (void)state;
    profile.timestamps = false;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    assert_int_equal(ask(&s)->o.present, TCP_OPT_MSS);
    script_give(&s, TCP_ACK, 1, 1, 0); /* still with timestamps, which nobody asked for */
    assert_false(script_info(&s).timestamps);
    script_end(&s);
    profile.timestamps = true;
    profile.sack = profile.window_scaling = false;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    assert_int_equal(ask(&s)->o.present, TCP_OPT_MSS | TCP_OPT_TIMESTAMPS);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_false(script_info(&s).sack || script_info(&s).send_wscale);
    script_end(&s);
}

static void the_mss_is_kept_to_the_next_smaller_of_eight(void **state)
{
    static const uint16_t offered[] = {0, 1, 47, 48, 255, 256, 536, 1219, 1220, 1400, 1460, 8940, 65535};
    static const uint16_t kept[] = {48, 48, 48, 48, 48, 256, 536, 536, 1220, 1380, 1460, 1460, 1460};
    (void)state;
    for (size_t i = 0; i <= ARRAY_SIZE(offered); i++) {
        bool given = i < ARRAY_SIZE(offered);
        struct script s;
        script_begin(&s, &profile);
        s.peer_options = (struct wire_tcp_options){.present = given ? TCP_OPT_MSS : 0, .mss = given ? offered[i] : 0};
        ask(&s);
        script_give(&s, TCP_ACK, 1, 1, 0);
        assert_int_equal(script_info(&s).mss, given ? kept[i] : 536);
        script_end(&s);
    }
}

static void the_ack_may_carry_data_and_fin(void **state)
{
    static const uint16_t flags[] = {TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        for (uint32_t payload = 0; payload <= 100; payload += 100) {
            struct script s;
            script_begin(&s, &profile);
            s.peer_options = all_options;
            ask(&s);
            script_give(&s, flags[i], 1, 1, payload);
            bool fin = (flags[i] & TCP_FIN) != 0;
            assert_true(s.connected);
            assert_int_equal(s.received, payload);
            assert_int_equal(s.fin, fin);
            assert_int_equal(script_state(&s), fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
            if (fin)
                script_expect(&s, TCP_ACK, 1, 2 + payload, 0);
            script_end(&s);
        }
    }
}

static void the_data_alone_makes_the_connection_when_the_ack_was_lost(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    ask(&s);
    script_pass(&s, 300 * NS_PER_MS);
    script_give(&s, TCP_ACK | TCP_PSH, 1, 1, 10);
    assert_int_equal(s.received, 10);
    script_give(&s, TCP_ACK | TCP_PSH, 11, 1, 10); /* and what follows finds it */
    assert_int_equal(s.received, 20);
    assert_int_equal(script_counters(&s)->syncookies_received, 1);
    script_end(&s);
}

static void a_wrong_cookie_is_counted_and_reset(void **state)
{
    static const uint32_t wrong[] = {0x7fffffff, 0u - 6, 3, 9, 0x80000001}; /* 0u - 5 to 2 only mean another MSS */
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct script s;
        script_begin(&s, &profile);
        ask(&s);
        script_give(&s, TCP_ACK, 1, wrong[i], 0);
        assert_refused(&s, 1);
        script_give(&s, TCP_ACK, 2, 1, 0); /* the peer's number is part of it too */
        assert_refused(&s, 2);
        script_end(&s);
    }
}

static void a_cookie_belongs_to_its_four_tuple(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    ask(&s);
    s.our_port = 81;
    script_give(&s, TCP_SYN, 5, 0, 0);
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_refused(&s, 1);
    script_end(&s);
}

static void an_ack_without_the_timestamps_of_its_syn_ack_is_refused(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.peer_options = all_options;
    ask(&s);
    struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 1, .window = 1000, .without_timestamps = true};
    script_give_segment(&s, &g);
    assert_refused(&s, 1);
    s.peer_options.ts_ecr ^= 0x10; /* SACK although it was not offered */
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_refused(&s, 2);
    script_end(&s);
}

static void a_cookie_is_good_for_one_to_two_periods(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 64; at += 9) {
        for (int64_t age = 0; age < 200; age += 7) {
            struct script s;
            script_begin(&s, &profile);
            script_pass(&s, at * NS_PER_S);
            int64_t asked = s.now;
            ask(&s);
            struct seq first = s.our_isn;
            script_pass(&s, age * NS_PER_S);
            ask(&s); /* so that cookies are expected for sure */
            s.our_isn = first;
            script_give(&s, TCP_ACK, 1, 1, 0);
            bool good = s.now / (64 * NS_PER_S) - asked / (64 * NS_PER_S) < 2;
            assert_int_equal(s.connected, good);
            assert_int_equal(script_counters(&s)->syncookies_failed, !good);
            script_end(&s);
        }
    }
}

static void cookies_are_expected_only_while_they_go_out_and_shortly_after(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_refused(&s, 0);
    assert_int_equal(script_counters(&s)->drop_no_connection, 1);
    ask(&s);
    script_pass(&s, 127 * NS_PER_S);
    script_give(&s, TCP_ACK, 1, 9999, 0);
    assert_refused(&s, 1);
    script_pass(&s, 2 * NS_PER_S);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_refused(&s, 1);
    assert_int_equal(script_counters(&s)->drop_no_connection, 2);
    script_end(&s);
}

static void other_segments_without_connection_are_never_cookies(void **state)
{
    static const uint16_t flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_SYN | TCP_ACK, TCP_FIN, 0};
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    ask(&s);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        script_give(&s, flags[i], flags[i] & TCP_SYN ? 0 : 1, 1, 0);
    script_drain(&s);
    assert_int_equal(script_occupancy(&s).connections, 0);
    assert_int_equal(script_counters(&s)->syncookies_received + script_counters(&s)->syncookies_failed, 0);
    script_end(&s);
}

static void fill_queue(struct script *s)
{
    for (uint16_t port = 1; port <= profile.syn_queue; port++) {
        uint8_t bytes[WIRE_TCP_MIN];
        struct wire_tcp h = {.src_port = port, .dst_port = OUR_PORT, .flags = TCP_SYN, .window = 1000};
        assert_int_equal(wire_tcp_build(bytes, &h, NULL), sizeof bytes);
        tcp_end_give(&s->end, PEER_ADDRESS, bytes, sizeof bytes, s->now);
    }
    assert_int_equal(script_drain(s), profile.syn_queue);
}

static void cookies_begin_when_the_queue_is_full(void **state)
{
    struct script s;
    (void)state;
    profile.syn_cookies = TCP_COOKIES_WHEN_FULL;
    profile.syn_queue = 4;
    script_begin(&s, &profile);
    fill_queue(&s);
    assert_int_equal(script_counters(&s)->syncookies_sent, 0);
    assert_int_equal(script_occupancy(&s).connections, 4);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(script_counters(&s)->syncookies_sent, 1);
    assert_int_equal(script_occupancy(&s).connections, 4);
    script_give(&s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(&s), TCP_ESTABLISHED);
    assert_int_equal(script_counters(&s)->drop_syn_queue_full, 0);
    script_end(&s);
}

static void without_cookies_a_full_queue_drops(void **state)
{
    struct script s;
    (void)state;
    profile.syn_cookies = TCP_COOKIES_OFF;
    profile.syn_queue = 4;
    script_begin(&s, &profile);
    fill_queue(&s);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_syn_queue_full, 1);
    script_end(&s);
}

static void the_user_is_asked_when_the_ack_comes(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.refuse = 1;
    ask(&s);
    assert_int_equal(script_counters(&s)->drop_not_admitted, 0);
    script_give(&s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_not_admitted, 1);
    assert_int_equal(script_occupancy(&s).connections, 0);
    s.refuse = 0; /* there is room again: the peer's data asks once more */
    script_give(&s, TCP_ACK, 1, 1, 10);
    assert_int_equal(s.received, 10);
    script_end(&s);
}

static void no_room_for_the_answer_is_counted(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    s.end.room = 0;
    script_give(&s, TCP_SYN, 0, 0, 0);
    assert_int_equal(script_counters(&s)->syncookies_sent, 0);
    assert_int_equal(script_counters(&s)->reply_no_room, 1);
    s.end.room = UINT32_MAX;
    script_end(&s);
}

static void sequence_numbers_of_cookies_do_not_follow_each_other(void **state)
{
    enum { N = 4096 };
    static uint32_t isn[N];
    struct script s;
    unsigned bits = 0;
    (void)state;
    script_begin(&s, &profile);
    for (uint32_t i = 0; i < N; i++) {
        script_give(&s, TCP_SYN, i, 0, 0);
        isn[i] = script_expect(&s, TCP_SYN | TCP_ACK, 0, i + 1, 0)->h.seq.v;
        bits += i > 0 ? (unsigned)__builtin_popcount(isn[i] ^ isn[i - 1]) : 0;
    }
    assert_in_range(bits, (N - 1) * 16 - 1500, (N - 1) * 16 + 1500); /* half of 32, within eight deviations */
    script_end(&s);
}

#define CASE(f) cmocka_unit_test_setup(f, always)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_ack_of_a_cookie_makes_a_connection_with_the_options_of_the_syn),
        CASE(window_scale_and_sack_come_back_in_all_combinations),
        CASE(without_timestamps_only_the_mss_survives),
        CASE(what_our_profile_does_not_offer_is_not_promised),
        CASE(the_mss_is_kept_to_the_next_smaller_of_eight),
        CASE(the_ack_may_carry_data_and_fin),
        CASE(the_data_alone_makes_the_connection_when_the_ack_was_lost),
        CASE(a_wrong_cookie_is_counted_and_reset),
        CASE(a_cookie_belongs_to_its_four_tuple),
        CASE(an_ack_without_the_timestamps_of_its_syn_ack_is_refused),
        CASE(a_cookie_is_good_for_one_to_two_periods),
        CASE(cookies_are_expected_only_while_they_go_out_and_shortly_after),
        CASE(other_segments_without_connection_are_never_cookies),
        CASE(cookies_begin_when_the_queue_is_full),
        CASE(without_cookies_a_full_queue_drops),
        CASE(the_user_is_asked_when_the_ack_comes),
        CASE(no_room_for_the_answer_is_counted),
        CASE(sequence_numbers_of_cookies_do_not_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
