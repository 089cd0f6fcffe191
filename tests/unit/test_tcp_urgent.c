/* SPDX-License-Identifier: MIT */
/*
 * Urgent data (RFC 9293 3.8.5, RFC 6093): marks both ways, data in line, pointers as Linux writes and reads them,
 * THREATS TC-14 to TC-16.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static void send_urgent(struct script *s, uint64_t bytes)
{
    assert_int_equal(tcp_send_urgent(s->end.layer, script_connection(s), bytes, s->now), 0);
}

static void give_urgent(struct script *s, uint32_t seq, uint32_t payload, uint16_t pointer)
{
    struct script_segment g = {
        .flags = TCP_ACK | TCP_URG, .seq = seq, .ack = 1, .payload = payload, .window = 65535, .urgent = pointer};
    script_give_segment(s, &g);
}

/* The next segment; the pointer 0: without URG. */
static void expect_pointer(struct script *s, uint32_t seq, uint32_t payload, uint16_t pointer)
{
    const struct wire_segment *w = script_expect(s, pointer ? TCP_ACK | TCP_URG : TCP_ACK, seq, 1, payload);
    assert_int_equal(w->h.urgent, pointer);
}

static void the_pointer_is_behind_the_last_urgent_byte(void **state) /* RFC 6093 section 2.1 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 10);
    expect_pointer(&s, 1, 10, 0);
    send_urgent(&s, 5);
    expect_pointer(&s, 11, 5, 5);
    script_send(&s, 3);
    expect_pointer(&s, 16, 3, 0); /* begins behind the mark */
    script_give(&s, TCP_ACK, 1, 19, 0);
    script_send(&s, 1);
    expect_pointer(&s, 19, 1, 0);
    script_end(&s);
}

static void every_segment_before_the_mark_announces_it(void **state) /* MUST-31: of any length */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    send_urgent(&s, 4000);
    expect_pointer(&s, 1, 1460, 4000);
    expect_pointer(&s, 1461, 1460, 2540);
    expect_pointer(&s, 2921, 1080, 1080);
    script_end(&s);
}

static void a_retransmission_announces_it_again_and_an_acknowledged_mark_is_gone(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    send_urgent(&s, 5);
    expect_pointer(&s, 1, 5, 5);
    script_wait(&s);
    expect_pointer(&s, 1, 5, 5);
    script_give(&s, TCP_ACK, 1, 6, 0);
    script_give(&s, TCP_ACK, 1, 6, 3);
    script_pass(&s, NS_PER_S);
    const struct wire_segment *w = script_expect(&s, TCP_ACK, 6, 4, 0);
    assert_int_equal(w->h.urgent, 0);
    script_pass(&s, NS_PER_S);
    assert_true(script_info(&s).parked);
    script_end(&s);
}

static void a_mark_out_of_reach_is_announced_by_the_newest_segments_only(void **state) /* as Linux */
{
    struct script s;
    (void)state;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = 1 << 20;
    script_begin(&s, &profile);
    s.peer_options = (struct wire_tcp_options){.present = TCP_OPT_MSS | TCP_OPT_WSCALE, .mss = 1460, .wscale = 7};
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 0);
    send_urgent(&s, 100000);
    for (uint32_t at = 1; at < 100001; at += 1460) {
        uint32_t left = 100001 - at;
        expect_pointer(&s, at, min_u32(1460, left), (uint16_t)min_u32(left, 65535));
    }
    script_wait(&s); /* the first again: 65535 beyond it is less than what was sent */
    expect_pointer(&s, 1, 1460, 0);
    script_end(&s);
}

static void a_shut_window_does_not_hold_back_the_mark(void **state) /* RFC 9293 3.8.5 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give_window(&s, TCP_ACK, 1, 1, 0, 0);
    send_urgent(&s, 5);
    expect_pointer(&s, 1, 0, 5);
    script_wait(&s);
    expect_pointer(&s, 1, 1, 5); /* the probe, too */
    script_end(&s);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    assert_int_equal(tcp_send_urgent(s.end.layer, script_connection(&s), 0, s.now), ERR_INVALID);
    tcp_close(s.end.layer, script_connection(&s), s.now);
    assert_int_equal(tcp_send_urgent(s.end.layer, script_connection(&s), 1, s.now), ERR_CLOSED);
    script_drain(&s);
    script_end(&s);
}

static void urgent_data_before_the_handshake_is_announced_after_it(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_sent(&s);
    send_urgent(&s, 5);
    script_give(&s, TCP_SYN | TCP_ACK, 0, 1, 0);
    expect_pointer(&s, 1, 5, 5);
    script_end(&s);
}

static void the_user_hears_of_a_mark_before_its_data(void **state) /* MUST-32, MUST-33 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    give_urgent(&s, 1, 10, 30);
    assert_int_equal(s.urgents, 1);
    assert_int_equal(s.urgent_mark, 30);
    assert_int_equal(s.urgent_received, 0); /* what had been handed up then */
    assert_int_equal(s.received, 10);
    assert_int_equal(tcp_urgent_mark(s.end.layer, script_connection(&s)), 30);
    give_urgent(&s, 11, 10, 20); /* the same mark */
    assert_int_equal(s.urgents, 1);
    give_urgent(&s, 21, 10, 11); /* moved ahead by one */
    assert_int_equal(s.urgents, 2);
    assert_int_equal(s.urgent_mark, 31);
    script_give(&s, TCP_ACK, 31, 1, 1);
    assert_int_equal(tcp_urgent_mark(s.end.layer, script_connection(&s)), 0);
    assert_int_equal(script_counters(&s)->urgent_marks, 2);
    for (unsigned i = 0; i < 31; i++)
        assert_int_equal(s.stream[i], 'a' + i % 26);
    script_drain(&s);
    script_end(&s);
}

static void a_mark_without_data_is_kept_until_its_data_came(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    give_urgent(&s, 1, 0, 5);
    assert_int_equal(s.urgents, 1);
    script_pass(&s, 10 * NS_PER_S);
    assert_false(script_info(&s).parked);
    give_urgent(&s, 1, 0, 5);
    assert_int_equal(s.urgents, 1);
    script_give(&s, TCP_ACK, 1, 1, 5);
    script_pass(&s, 10 * NS_PER_S);
    assert_true(script_info(&s).parked);
    script_drain(&s);
    script_end(&s);
}

static void an_old_mark_is_no_news(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_give(&s, TCP_ACK, 1, 1, 100);
    for (uint16_t pointer = 0; pointer <= 100; pointer++)
        give_urgent(&s, 1, 101, pointer); /* begins with bytes handed up before; one is new each time at most */
    assert_int_equal(s.urgents, 0);
    assert_int_equal(s.received, 101);
    script_drain(&s);
    script_end(&s);
}

static void a_hostile_pointer_only_sets_a_mark(void **state) /* TC-14, TC-15 */
{
    static const uint16_t pointers[] = {0, 1, 10, 11, 32767, 32768, 65534, 65535};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
        for (uint32_t payload = 0; payload <= 1460; payload += payload < 2 ? 1 : 1458) {
            struct script s;
            script_begin(&s, &profile);
            script_to_established(&s);
            give_urgent(&s, 1, payload, pointers[i]);
            assert_int_equal(s.urgents, 1);
            assert_int_equal(s.urgent_mark, max_u32(pointers[i], 1));
            assert_int_equal(s.received, payload);
            give_urgent(&s, 1 + payload + 65535, 10, pointers[i]); /* beyond the window: neither data nor mark */
            assert_int_equal(s.urgents, 1);
            script_give(&s, TCP_ACK, 1 + payload, 1, 1000);
            assert_int_equal(s.received, payload + 1000);
            script_drain(&s);
            script_end(&s);
            cases++;
        }
    }
    print_message("%u cases\n", cases);
}

static void urgent_means_nothing_before_and_after_the_data_states(void **state) /* TC-16 */
{
    static void (*const ways[])(struct script *) = {script_to_syn_sent, script_to_syn_rcvd, script_to_close_wait,
                                                    script_to_closing,  script_to_last_ack, script_to_time_wait};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct script s;
        script_begin(&s, &profile);
        ways[i](&s);
        struct script_segment g = {.flags = TCP_URG | (i < 2 ? TCP_SYN : TCP_ACK),
                                   .seq = i < 2 ? 0 : 2,
                                   .ack = 1,
                                   .window = 65535,
                                   .urgent = 9};
        script_give_segment(&s, &g);
        assert_int_equal(s.urgents, 0);
        script_drain(&s);
        script_end(&s);
    }
}

static unsigned marks_between(uint64_t bytes)
{
    static struct script s;
    script_begin(&s, &profile);
    script_to_established(&s);
    for (uint64_t at = 0; at < bytes; at += 500) {
        give_urgent(&s, (uint32_t)(1 + at), 500, 500);
        script_drain(&s);
    }
    unsigned marks = s.urgents;
    assert_int_equal(s.received, bytes);
    script_end(&s);
    return marks;
}

static void each_urgent_message_is_announced_once_and_in_line(void **state)
{
    (void)state;
    assert_int_equal(marks_between(50000), 100);
}

#define CASE(f) cmocka_unit_test_setup(f, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_pointer_is_behind_the_last_urgent_byte),
        CASE(every_segment_before_the_mark_announces_it),
        CASE(a_retransmission_announces_it_again_and_an_acknowledged_mark_is_gone),
        CASE(a_mark_out_of_reach_is_announced_by_the_newest_segments_only),
        CASE(a_shut_window_does_not_hold_back_the_mark),
        CASE(what_cannot_be_sent_is_refused),
        CASE(urgent_data_before_the_handshake_is_announced_after_it),
        CASE(the_user_hears_of_a_mark_before_its_data),
        CASE(a_mark_without_data_is_kept_until_its_data_came),
        CASE(an_old_mark_is_no_news),
        CASE(a_hostile_pointer_only_sets_a_mark),
        CASE(urgent_means_nothing_before_and_after_the_data_states),
        CASE(each_urgent_message_is_announced_once_and_in_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
