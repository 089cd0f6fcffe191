/* SPDX-License-Identifier: MIT */
/*
 * The near box, segment by segment: what it answers, keeps, passes on, and how it tells of failure. A client and a server
 * are scripts at the far ends of two memory links (accel_rig.h); simulated networks are in sim/test_sim_accel.c.
 */
#include "base/error.h"
#include "unit/accel_rig.h"
#include "wire/icmp.h"

/* ---- tests ---- */

static void a_stranger_is_promised_the_least_and_then_what_it_said(void **state)
{
    (void)state;
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.options.present, TCP_OPT_MSS);
    assert_int_equal(s.options.mss, 536);
    expect(ACCEL_SERVERS, TCP_SYN);
    const struct wire_tcp_options said = {
        .present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED, .mss = 1400, .wscale = 3};
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &said, "");
    expect_nothing(); /* the server's SYN-ACK is kept, and the client has not said that it is there */
    send_segment(ACCEL_CLIENTS, 1001, TCP_SYN, 7, 0, &offer, "");
    s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.options.present, said.present);
    assert_true(s.options.mss == 1400 && s.options.wscale == 3);
    assert_int_equal(COUNTED(servers_learnt), 1);
}

static void early_data_is_kept_acknowledged_and_sent(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "");
    expect_nothing();
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "GET ");
    expect_nothing();
    client_sends(1000, TCP_ACK, 8, "lost before");
    expect_acknowledged(0);
    client_sends(1000, TCP_ACK | TCP_FIN, 2, "T /x");
    expect_nothing();
    server_answers(1000);
    struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH | TCP_FIN);
    assert_true(s.tcp.seq.v == CLIENT_ISN + 1 && s.tcp.ack.v == SERVER_ISN + 1);
    expect_text(&s, "GET /x");
    expect_acknowledged(4);
    expect_acknowledged(7);
    r.now += NS_PER_S; /* it was lost */
    accel_turn(r.box, r.now);
    s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH | TCP_FIN);
    expect_text(&s, "GET /x");
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 8, NULL, "yes");
    s = expect(ACCEL_CLIENTS, TCP_ACK);
    assert_int_equal(s.tcp.seq.v, r.our_isn.v + 1);
    expect_text(&s, "yes");
    uint32_t flows, openings;
    accel_occupancy(r.box, &flows, &openings);
    assert_true(flows == 1 && openings == 0);
    assert_true(COUNTED(early_bytes) == 6 && COUNTED(early_undelivered) == 0);
}

/* A server that the box knows, 100 ms away; the flow of port 1001 is asked for. */
static void ask_a_known_server(void)
{
    static const struct wire_tcp_options said = {
        .present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED, .mss = 1400, .wscale = 0};
    ask(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &said, "");
    ask(1001);
    client_sends(1001, TCP_ACK, 0, "");
    expect_nothing();
}

static void early_data_is_acknowledged_when_the_server_might_have_done_so(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "one");
    wait_ms(40);
    client_sends(1000, TCP_ACK, 3, "two");
    wait_ms(60);
    expect_nothing();
    server_answers(1000);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    expect_text(&s, "onetwo");
    expect_acknowledged(3); /* its round trip was the server's */
    wait_ms(30);
    expect_nothing();
    wait_ms(10);
    expect_acknowledged(6);
    expect_nothing();
}

static void early_data_is_acknowledged_before_the_client_sends_it_again(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "one");
    client_sends(1000, TCP_ACK, 0, "one"); /* nor does that make it sooner */
    wait_ms(188);
    expect_nothing();
    wait_ms(11);
    expect_acknowledged(3);
    expect_acknowledged(3); /* what came twice */
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1000, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 1, NULL, "");
    expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    assert_true(COUNTED(early_undelivered) == 1);
}

static void early_data_is_acknowledged_before_a_loss_probe_repeats_it(void **state)
{
    (void)state;
    char full[1401] = {0};
    memset(full, 'x', sizeof full - 1);
    ask_a_known_server();
    client_sends(1001, TCP_ACK, 0, full);
    client_sends(1001, TCP_ACK, 1400, full);
    wait_ms(50);
    expect_nothing(); /* the probe would be what comes behind */
    client_sends(1001, TCP_ACK, 2800, "end");
    wait_ms(3);
    expect_acknowledged(1400);
    wait_ms(30);
    expect_acknowledged(2800);
    wait_ms(100);
    expect_nothing(); /* a single one is given 200 ms */
    wait_ms(60);
    expect_acknowledged(2803);
}

static void no_more_is_taken_than_goes_out_at_once(void **state)
{
    (void)state;
    char full[537] = {0};
    memset(full, 'x', sizeof full - 1);
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    r.our_isn = s.tcp.seq;
    assert_int_equal(s.tcp.window, 11 * 536);
    expect(ACCEL_SERVERS, TCP_SYN);
    for (uint32_t i = 0; i < 11; i++)
        client_sends(1000, TCP_ACK, i * 536, full);
    expect_nothing();
    client_sends(1000, TCP_ACK, 11 * 536, "x"); /* a window probe: RFC 9293 3.8.6.1 */
    expect_acknowledged(0);
    assert_int_equal(COUNTED(early_bytes), 11 * 536);
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &plain, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_ACK).payload_length, 1000); /* the server's window */
    for (uint32_t i = 1; i <= 11; i++) {
        s = expect(ACCEL_CLIENTS, TCP_ACK);
        assert_true(s.tcp.ack.v == CLIENT_ISN + 1 + i * 536);
        assert_int_equal(s.tcp.window, i == 1 ? 1000 - 536 : 0); /* nothing overtakes what waits */
    }
    expect_nothing();
}

static void numbers_are_shifted_both_ways(void **state)
{
    (void)state;
    open_flow(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 1, NULL, "hello");
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_ACK).tcp.seq.v, r.our_isn.v + 1);
    send_segment(ACCEL_CLIENTS, 1000, TCP_ACK, CLIENT_ISN + 1, r.our_isn.v + 6, NULL, "there");
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK);
    assert_true(s.tcp.ack.v == SERVER_ISN + 6 && s.tcp.seq.v == CLIENT_ISN + 1);
    expect_text(&s, "there");
}

static void a_refusal_reaches_the_client_in_its_numbers(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "x");
    send_segment(ACCEL_SERVERS, 1000, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 1, NULL, "");
    const struct seen s = expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    assert_true(s.tcp.seq.v == r.our_isn.v + 1 && s.tcp.ack.v == CLIENT_ISN + 2);
    expect_nothing();
    assert_true(COUNTED(server_refused) == 1 && COUNTED(early_undelivered) == 0); /* none was acknowledged */
}

static void a_silent_server_is_asked_again_and_then_given_up(void **state)
{
    (void)state;
    unsigned syns = 0;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "");
    for (int64_t end = r.now + 21 * NS_PER_S; r.now < end; r.now += 100 * NS_PER_MS) {
        struct seen s;
        accel_turn(r.box, r.now);
        syns += take_frame(ACCEL_SERVERS, &s);
        if (COUNTED(server_silent))
            break;
    }
    assert_int_equal(syns, 4); /* after 1, 3, 7 and 15 s */
    expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    expect_nothing();
}

static void one_retry_of_our_own_for_a_client_that_is_not_there(void **state)
{
    (void)state;
    unsigned answers = 0;
    ask(1000);
    for (int64_t end = r.now + 15 * NS_PER_S; r.now < end; r.now += 100 * NS_PER_MS) {
        struct seen s;
        accel_turn(r.box, r.now);
        answers += take_frame(ACCEL_CLIENTS, &s);
        (void)take_frame(ACCEL_SERVERS, &s);
    }
    assert_int_equal(answers, 1);
}

static void a_client_that_gives_up_early_resets_the_server(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_RST, 0, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 1);
    expect_nothing();
}

static void what_is_not_for_the_box_passes_as_it_is(void **state)
{
    (void)state;
    static const struct wire_tcp_options fast_open = {.present = TCP_OPT_FAST_OPEN};
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &fast_open, "");
    expect(ACCEL_SERVERS, TCP_SYN);
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &plain, "data");
    expect(ACCEL_SERVERS, TCP_SYN);
    send_segment(ACCEL_CLIENTS, 1000, TCP_ACK, CLIENT_ISN, 5, NULL, "of before");
    expect(ACCEL_SERVERS, TCP_ACK);
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, 1, CLIENT_ISN + 1, &plain, "");
    expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    expect_nothing();
    assert_true(COUNTED(bypass_options) == 1 && COUNTED(bypass_data) == 1);
}

static void connections_beyond_the_table_pass(void **state)
{
    (void)state;
    ask(1000);
    ask(1001);
    send_segment(ACCEL_CLIENTS, 1002, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    expect(ACCEL_SERVERS, TCP_SYN);
    expect_nothing();
    assert_int_equal(COUNTED(bypass_full), 1);
}

static void wrong_checksums_and_acknowledgements_open_nothing(void **state)
{
    (void)state;
    ask(1000);
    send_segment(ACCEL_CLIENTS, 1000, TCP_ACK, CLIENT_ISN + 1, r.our_isn.v + 2, NULL, "");
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 2, &plain, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 2);
    assert_int_equal(expect(ACCEL_SERVERS, TCP_SYN).tcp.seq.v, CLIENT_ISN);
    expect_nothing();
    assert_int_equal(COUNTED(drop_bad_ack), 2);
    spoilt = 0x100;
    send_segment(ACCEL_CLIENTS, 1001, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    client_sends(1000, TCP_ACK, 0, "x");
    server_answers(1000);
    spoilt = 0;
    expect_nothing();
    assert_int_equal(COUNTED(drop_bad_checksum), 3);
    assert_true(COUNTED(flows_opened) == 1 && COUNTED(flows_translated) == 0);
}

/* RFC 9293 3.5.1, figure 10; what the client sent meanwhile is delivered. */
static void a_server_that_holds_an_older_connection_open_is_reset_and_asked_again(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "early");
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 7, CLIENT_ISN - 70000, NULL, "");
    struct seen s = expect(ACCEL_SERVERS, TCP_RST);
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN - 70000);
    s = expect(ACCEL_SERVERS, TCP_SYN);
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(s.options.present, offer.present);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 7, CLIENT_ISN - 70000, NULL,
                 ""); /* to a SYN that overtook it */
    (void)expect(ACCEL_SERVERS, TCP_RST);
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1000, TCP_RST | TCP_ACK, SERVER_ISN + 7, CLIENT_ISN - 70000, NULL,
                 ""); /* no answer to RST */
    expect_nothing();
    assert_true(COUNTED(half_open_reset) == 2 && COUNTED(drop_bad_ack) == 3);
    server_answers(1000);
    s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    expect_text(&s, "early");
    assert_int_equal(COUNTED(early_undelivered), 0);
}

static void a_reset_that_is_not_believed_ends_no_flow(void **state)
{
    (void)state;
    open_flow(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_RST, SERVER_ISN + 99, 0, NULL, "");
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_RST).tcp.seq.v, r.our_isn.v + 99);
    send_segment(ACCEL_CLIENTS, 1000, TCP_RST, CLIENT_ISN + 99, 0, NULL, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 99);
    assert_true(COUNTED(resets_doubted) == 2 && COUNTED(flows_reset) == 0);
    client_sends(1000, TCP_ACK, 0, ""); /* the challenge: RFC 5961 3 */
    expect(ACCEL_SERVERS, TCP_ACK);
    r.now += 60 * NS_PER_S;
    accel_turn(r.box, r.now);
    client_sends(1000, TCP_ACK, 0, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_ACK).tcp.ack.v, SERVER_ISN + 1);
}

static void a_reset_where_its_sender_stands_ends_the_flow(void **state)
{
    (void)state;
    open_flow(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 1, NULL, "hello"); /* with the opening */
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 6, CLIENT_ISN + 1, NULL, "there"); /* without */
    expect(ACCEL_CLIENTS, TCP_ACK);
    expect(ACCEL_CLIENTS, TCP_ACK);
    send_segment(ACCEL_SERVERS, 1000, TCP_RST, SERVER_ISN + 6, 0, NULL, "");
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_RST).tcp.seq.v, r.our_isn.v + 6);
    assert_true(COUNTED(resets_doubted) == 1 && COUNTED(flows_reset) == 0);
    send_segment(ACCEL_SERVERS, 1000, TCP_RST, SERVER_ISN + 11, 0, NULL, "");
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_RST).tcp.seq.v, r.our_isn.v + 11);
    assert_true(COUNTED(resets_doubted) == 1 && COUNTED(flows_reset) == 1);
}

static void a_blind_reset_loses_no_early_data(void **state)
{
    (void)state;
    ask(1000);
    client_sends(1000, TCP_ACK, 0, "one");
    client_sends(1000, TCP_RST, 1, ""); /* in the window: challenged */
    expect_acknowledged(0);
    client_sends(1000, TCP_RST, 100000, "");
    expect_nothing();
    assert_int_equal(COUNTED(drop_bad_reset), 2);
    wait_ms(100);
    server_answers(1000);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    expect_text(&s, "one");
    expect_acknowledged(3);
    send_segment(ACCEL_SERVERS, 1000, TCP_RST, SERVER_ISN + 5, 0, NULL, "");
    expect(ACCEL_CLIENTS, TCP_RST);
    assert_int_equal(COUNTED(early_undelivered), 0);
    wait_ms(600);
    const struct seen again = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    expect_text(&again, "one");
}

static void an_icmp_error_quotes_what_its_reader_sent(void **state)
{
    (void)state;
    open_flow(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 1, NULL, "too long for the client's link");
    const struct seen s = expect(ACCEL_CLIENTS, TCP_ACK);
    uint8_t f[128] = {0};
    const uint32_t at = put_headers(f, ACCEL_CLIENTS, IP_PROTO_ICMP, 8 + 28);
    f[at] = WIRE_ICMP_UNREACHABLE;
    f[at + 1] = WIRE_ICMP_FRAGMENTATION_NEEDED;
    store_be16(f + at + 6, 1400);
    memcpy(f + at + 8, s.frame + 14, 28);
    const uint16_t sum = checksum_finish(checksum_add(0, f + at, 36));
    memcpy(f + at + 2, &sum, 2);
    give(ACCEL_CLIENTS, f, at + 36);
    struct seen e;
    assert_true(take_frame(ACCEL_SERVERS, &e));
    assert_int_equal(load_be32(e.frame + at + 8 + 20 + 4), SERVER_ISN + 1);
    assert_true(checksum_ok(checksum_add(0, e.frame + at, 36)));
    assert_int_equal(COUNTED(icmp_translated), 1);
}

static void settings_of_zero_are_refused(void **state)
{
    (void)state;
    struct accel_settings s;
    struct accel *box;
    accel_settings_default(&s);
    s.early_buffers = 0;
    assert_int_equal(accel_new(&s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &box), ERR_INVALID);
    for (unsigned i = 0; i < 10; i++) {
        accel_settings_default(&s);
        s.early_buffers = s.max_servers = s.max_flows = s.max_openings = s.max_sources = 1;
        r.counting.allocs_left = i;
        if (accel_new(&s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &box) == 0) {
            accel_delete(box);
            break;
        }
    }
    r.counting.allocs_left = UINT32_MAX;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_stranger_is_promised_the_least_and_then_what_it_said),
        TEST(early_data_is_kept_acknowledged_and_sent),
        TEST(early_data_is_acknowledged_when_the_server_might_have_done_so),
        TEST(early_data_is_acknowledged_before_the_client_sends_it_again),
        TEST(early_data_is_acknowledged_before_a_loss_probe_repeats_it),
        TEST(no_more_is_taken_than_goes_out_at_once),
        TEST(numbers_are_shifted_both_ways),
        TEST(a_refusal_reaches_the_client_in_its_numbers),
        TEST(a_silent_server_is_asked_again_and_then_given_up),
        TEST(one_retry_of_our_own_for_a_client_that_is_not_there),
        TEST(a_client_that_gives_up_early_resets_the_server),
        TEST(what_is_not_for_the_box_passes_as_it_is),
        TEST(connections_beyond_the_table_pass),
        TEST(wrong_checksums_and_acknowledgements_open_nothing),
        TEST(a_server_that_holds_an_older_connection_open_is_reset_and_asked_again),
        TEST(a_reset_that_is_not_believed_ends_no_flow),
        TEST(a_reset_where_its_sender_stands_ends_the_flow),
        TEST(a_blind_reset_loses_no_early_data),
        TEST(an_icmp_error_quotes_what_its_reader_sent),
        TEST(settings_of_zero_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
