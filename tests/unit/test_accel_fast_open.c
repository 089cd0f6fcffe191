/* SPDX-License-Identifier: MIT */
/*
 * Fast Open of the near box, segment by segment: cookies asked for, learnt, spent, refused and lost. The rig is that of
 * test_accel_near.c.
 */
#include "accel/internal.h"
#include "base/error.h"
#include "unit/accel_rig.h"

static const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t other_cookie[4] = {9, 9, 9, 9};
#define WITHOUT (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED)
#define WITH (WITHOUT | TCP_OPT_FAST_OPEN)

static int set_up_with(bool paired)
{
    struct accel_settings s;
    settings_default(&s);
    s.max_flows = s.max_openings = s.early_buffers = 8;
    s.fast_open = true;
    s.fast_open_cookies = 64;
    s.paired = paired;
    make_rig(&s);
    return 0;
}
static int set_up_fast(void **state)
{
    (void)state;
    return set_up_with(false);
}
static int set_up_paired(void **state)
{
    (void)state;
    return set_up_with(true);
}

/* ---- what is said ---- */

static void syn(uint16_t port)
{
    send_segment(ACCEL_CLIENTS, port, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    const struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    r.our_isn = s.tcp.seq;
    assert_false(s.options.present & TCP_OPT_FAST_OPEN);
}
static void client_is_there(uint16_t port) { client_sends(port, TCP_ACK, 0, ""); }

/* The SYN to the server, with or without the option: with so much of a cookie, and this text. */
static void expect_syn(unsigned options, uint32_t cookie_length, const char *text)
{
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    struct wire_tcp_options o;
    wire_tcp_options_parse(s.frame + 54, s.payload - 54, &o);
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(o.present, options);
    assert_int_equal(o.fast_open_len, cookie_length);
    if (cookie_length)
        assert_memory_equal(o.fast_open, cookie_length == sizeof cookie ? cookie : other_cookie, cookie_length);
    expect_text(&s, text);
}

/* The server's SYN-ACK of the SYN and so many bytes. */
static void syn_ack(uint16_t port, uint32_t bytes, const uint8_t *with, uint8_t length)
{
    struct wire_tcp_options o = {.present = TCP_OPT_MSS, .mss = 1460};
    if (length) {
        o.present |= TCP_OPT_FAST_OPEN;
        o.fast_open = with;
        o.fast_open_len = length;
    }
    send_segment(ACCEL_SERVERS, port, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1 + bytes, &o, "");
}

static void expect_ack_to_server(uint32_t offset)
{
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK);
    assert_true(s.tcp.seq.v == CLIENT_ISN + 1 + offset && s.tcp.ack.v == SERVER_ISN + 1);
}

/* A first connection learns the cookie. */
static void learn(uint16_t port)
{
    syn(port);
    expect_syn(WITH, 0, "");
    client_is_there(port);
    syn_ack(port, 0, cookie, sizeof cookie);
    expect_ack_to_server(0);
    expect_acknowledged(0);
    expect_nothing();
}

/* A connection whose request goes with the SYN; it is not answered yet. */
static void hurry(uint16_t port)
{
    syn(port);
    expect_nothing();
    client_is_there(port);
    expect_nothing();
    client_sends(port, TCP_ACK | TCP_PSH, 0, "GET /");
    expect_syn(WITH, sizeof cookie, "GET /");
    expect_nothing();
}

/* What the server did not take goes behind the handshake. */
static void expect_data_again(void)
{
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN + 1);
    expect_text(&s, "GET /");
}

static void refuse(uint16_t port, const uint8_t *with, uint8_t length)
{
    syn_ack(port, 0, with, length);
    expect_data_again();
    expect_acknowledged(5);
    expect_nothing();
}

/* What follows a handshake of these bytes: the flow is gone, so that the table has room. */
static void end(uint16_t port)
{
    send_segment(ACCEL_SERVERS, port, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 6, NULL, "");
    (void)expect(ACCEL_CLIENTS, TCP_ACK);
    send_segment(ACCEL_SERVERS, port, TCP_RST, SERVER_ISN + 1, 0, NULL, "");
    (void)expect(ACCEL_CLIENTS, TCP_RST);
    expect_nothing();
}

/* ---- tests ---- */

static void a_cookie_is_asked_for_and_shown_to_no_client(void **state)
{
    (void)state;
    learn(1000);
    assert_true(COUNTED(fast_open_asked) == 1 && COUNTED(fast_open_learnt) == 1);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1, CLIENT_ISN + 1, NULL, "hello"); /* the opening ends */
    (void)expect(ACCEL_CLIENTS, TCP_ACK);
    syn_ack(1000, 0, cookie, sizeof cookie); /* again: the client answers it */
    const struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.options.present, TCP_OPT_MSS);
    expect_nothing();
}

static void the_first_data_goes_with_the_syn(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    client_sends(1001, TCP_ACK | TCP_PSH, 5, " more");
    expect_nothing();
    wait_ms(100);
    syn_ack(1001, 5, NULL, 0);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_true(s.tcp.seq.v == CLIENT_ISN + 6 && s.tcp.ack.v == SERVER_ISN + 1);
    expect_text(&s, " more");
    expect_acknowledged(10);
    expect_nothing();
    assert_true(COUNTED(fast_open_sent) == 1 && COUNTED(fast_open_accepted) == 1);
    assert_true(COUNTED(fast_open_refused) == 0 && COUNTED(early_bytes) == 10);
}

static void the_answer_may_follow_the_syn_ack(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    syn_ack(1001, 5, NULL, 0);
    expect_ack_to_server(5);
    expect_acknowledged(5);
    send_segment(ACCEL_SERVERS, 1001, TCP_ACK | TCP_PSH, SERVER_ISN + 1, CLIENT_ISN + 6, NULL, "200");
    const struct seen s = expect(ACCEL_CLIENTS, TCP_ACK | TCP_PSH);
    assert_true(s.tcp.seq.v == r.our_isn.v + 1 && s.tcp.ack.v == CLIENT_ISN + 6);
    expect_text(&s, "200");
    uint32_t flows, openings;
    accel_occupancy(r.box, &flows, &openings);
    assert_true(flows == 2 && openings == 1); /* the first one's */
}

static void no_more_goes_with_the_syn_than_the_server_takes(void **state)
{
    (void)state;
    char full[1461] = {0};
    memset(full, 'x', sizeof full - 1);
    learn(1000);
    syn(1001);
    client_sends(1001, TCP_ACK, 0, full);
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    const uint32_t options = s.payload - 54;
    assert_int_equal(options, 12 + 12); /* the offer's, and the cookie's */
    assert_int_equal(s.payload_length, 1460 - options);
    syn_ack(1001, 1460 - options, NULL, 0);
    const struct seen rest = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_true(rest.payload_length == options && rest.tcp.seq.v == CLIENT_ISN + 1 + 1460 - options);
}

static void a_server_may_take_a_part(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    syn_ack(1001, 2, NULL, 0);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN + 3);
    expect_text(&s, "T /");
    expect_acknowledged(5);
    hurry(1002);
    syn_ack(1002, 6, NULL, 0); /* more than there was */
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 7);
    assert_int_equal(expect(ACCEL_SERVERS, TCP_SYN).tcp.seq.v, CLIENT_ISN);
    expect_nothing();
    assert_int_equal(COUNTED(drop_bad_ack), 1);
}

static void a_fin_does_not_go_with_the_syn(void **state)
{
    (void)state;
    learn(1000);
    syn(1001);
    client_sends(1001, TCP_ACK | TCP_FIN, 0, "GET /");
    expect_syn(WITH, sizeof cookie, "GET /");
    syn_ack(1001, 5, NULL, 0);
    assert_int_equal(expect(ACCEL_SERVERS, TCP_ACK | TCP_FIN).tcp.seq.v, CLIENT_ISN + 6);
}

static void without_data_the_cookie_goes_alone(void **state)
{
    (void)state;
    learn(1000);
    syn(1001);
    client_is_there(1001);
    wait_ms(4);
    expect_nothing();
    wait_ms(3);
    expect_syn(WITH, sizeof cookie, "");
    client_sends(1001, TCP_ACK | TCP_PSH, 0, "GET /"); /* too late */
    expect_nothing();
    syn_ack(1001, 0, NULL, 0);
    expect_data_again();
    assert_true(COUNTED(fast_open_sent_empty) == 1 && COUNTED(fast_open_sent) == 0);
    assert_true(COUNTED(fast_open_refused) == 0 && COUNTED(fast_open_lost) == 0);
}

static void no_cookie_is_spent_for_a_client_that_is_not_there(void **state)
{
    (void)state;
    learn(1000);
    syn(1001);
    wait_ms(7);
    expect_syn(WITHOUT, 0, "");
    expect_nothing();
    client_sends(1001, TCP_ACK | TCP_PSH, 0, "GET /");
    expect_nothing();
    syn_ack(1001, 0, NULL, 0);
    expect_data_again();
    expect_acknowledged(5);
    assert_true(COUNTED(fast_open_sent) == 0 && COUNTED(syn_sent_again) == 0);
    syn(1002); /* and nothing was learnt from it */
    expect_nothing();
}

static void a_cookie_is_of_one_client_and_one_server(void **state)
{
    (void)state;
    learn(1000);
    r.client = CLIENT + 0x100;
    syn(1001);
    expect_syn(WITH, 0, "");
    r.client = CLIENT;
    syn(1001);
    expect_nothing();
}

static void a_refusal_costs_nothing_and_two_the_cookie(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    refuse(1001, NULL, 0);
    hurry(1002);
    refuse(1002, NULL, 0);
    assert_true(COUNTED(fast_open_refused) == 2 && COUNTED(fast_open_forgotten) == 1);
    syn(1003);
    expect_syn(WITH, 0, "");
    client_is_there(1003);
    syn_ack(1003, 0, NULL, 0); /* it does not speak any more */
    expect_ack_to_server(0);
    expect_acknowledged(0);
    syn(1004);
    expect_syn(WITHOUT, 0, "");
    r.client = CLIENT + 0x100; /* whoever asks */
    syn(1004);
    expect_syn(WITHOUT, 0, "");
    assert_int_equal(COUNTED(fast_open_asked), 2);
}

static void refusals_count_in_a_row(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    refuse(1001, NULL, 0);
    hurry(1002);
    syn_ack(1002, 5, NULL, 0);
    expect_ack_to_server(5);
    expect_acknowledged(5);
    hurry(1003);
    refuse(1003, NULL, 0);
    assert_true(COUNTED(fast_open_refused) == 2 && COUNTED(fast_open_forgotten) == 0);
}

static void a_new_cookie_takes_the_place_of_the_old_one(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    refuse(1001, other_cookie, sizeof other_cookie);
    assert_int_equal(COUNTED(fast_open_learnt), 2);
    syn(1002);
    client_sends(1002, TCP_ACK | TCP_PSH, 0, "GET /");
    expect_syn(WITH, sizeof other_cookie, "GET /");
}

/* Of a SYN that was asked or sent: the next goes without, and is answered. */
static void lose(uint16_t port)
{
    expect_nothing();
    wait_ms(1002);
    expect_syn(WITHOUT, 0, "");
    syn_ack(port, 0, NULL, 0);
}

static void a_question_that_is_lost_is_not_asked_again(void **state)
{
    (void)state;
    syn(1000);
    expect_syn(WITH, 0, "");
    client_is_there(1000);
    lose(1000);
    expect_ack_to_server(0);
    expect_acknowledged(0);
    syn(1001);
    expect_syn(WITHOUT, 0, "");
    assert_true(COUNTED(fast_open_lost) == 1 && COUNTED(fast_open_asked) == 1);
    wait_ms(600 * 1000); /* believed for so long */
    while (take_frame(ACCEL_CLIENTS, &(struct seen){0}) || take_frame(ACCEL_SERVERS, &(struct seen){0}))
        ;
    syn(1002);
    expect_syn(WITH, 0, "");
}

static void an_answer_that_is_late_is_an_answer(void **state)
{
    (void)state;
    syn(1000);
    expect_syn(WITH, 0, "");
    client_is_there(1000);
    wait_ms(1002);
    expect_syn(WITHOUT, 0, "");
    syn_ack(1000, 0, cookie, sizeof cookie);
    assert_true(COUNTED(fast_open_lost) == 0 && COUNTED(fast_open_learnt) == 1);
}

static void one_loss_is_a_loss_and_two_are_a_middlebox(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    syn_ack(1001, 5, NULL, 0); /* it speaks */
    expect_ack_to_server(5);
    expect_acknowledged(5);
    end(1001);
    for (uint16_t port = 1002; port < 1004; port++) {
        hurry(port);
        wait_ms(900);
        expect_acknowledged(5); /* before the client sends it again */
        wait_ms(102);
        expect_syn(WITHOUT, 0, "");
        syn_ack(port, 0, NULL, 0);
        expect_data_again();
        expect_acknowledged(5);
        end(port);
    }
    assert_true(COUNTED(fast_open_lost) == 2 && COUNTED(fast_open_refused) == 0);
    syn(1004);
    expect_syn(WITHOUT, 0, "");
}

static void data_whose_answer_was_lost_is_not_sent_again(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    wait_ms(1002);
    expect_acknowledged(5);
    expect_syn(WITHOUT, 0, "");
    syn_ack(1001, 5, NULL, 0); /* again */
    expect_ack_to_server(5);
    assert_true(COUNTED(fast_open_accepted) == 1 && COUNTED(fast_open_lost) == 0);
}

static void a_reset_is_believed_when_the_syn_without_gets_one_too(void **state)
{
    (void)state;
    learn(1000);
    hurry(1001);
    send_segment(ACCEL_SERVERS, 1001, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 6, NULL, "");
    expect_syn(WITHOUT, 0, "");
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1001, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 6, NULL, ""); /* the first one twice */
    expect_nothing();
    send_segment(ACCEL_SERVERS, 1001, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 1, NULL, "");
    (void)expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    expect_nothing();
    assert_int_equal(COUNTED(server_refused), 1);
}

static void who_resets_the_option_gets_none(void **state)
{
    (void)state;
    syn(1000);
    expect_syn(WITH, 0, "");
    client_is_there(1000);
    send_segment(ACCEL_SERVERS, 1000, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 1, NULL, "");
    expect_syn(WITHOUT, 0, "");
    syn_ack(1000, 0, NULL, 0);
    expect_ack_to_server(0);
    expect_acknowledged(0);
    syn(1001);
    expect_syn(WITHOUT, 0, "");
    assert_true(COUNTED(fast_open_lost) == 1 && COUNTED(server_refused) == 0);
}

static void a_client_that_gives_up_resets_the_server_where_it_stands(void **state)
{
    (void)state;
    learn(1000);
    syn(1001);
    client_is_there(1001);
    client_sends(1001, TCP_RST, 0, "");
    wait_ms(10);
    expect_nothing(); /* the server has heard of nobody */
    hurry(1002);
    client_sends(1002, TCP_RST, 5, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 1);
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN + 6);
    expect_nothing();
}

static void nothing_answers_a_syn_that_is_held(void **state)
{
    (void)state;
    learn(1000);
    syn(1001);
    syn_ack(1001, 0, NULL, 0);
    send_segment(ACCEL_SERVERS, 1001, TCP_RST | TCP_ACK, 0, CLIENT_ISN + 1, NULL, "");
    expect_nothing();
    assert_int_equal(COUNTED(drop_bad_ack), 2);
    send_segment(ACCEL_CLIENTS, 1001, TCP_SYN, CLIENT_ISN, 0, &offer, ""); /* again */
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    expect_nothing();
}

static void a_syn_without_room_goes_as_it_is(void **state)
{
    (void)state;
    struct wire_tcp_options long_offer = {
        .present = WITHOUT | TCP_OPT_TIMESTAMPS | TCP_OPT_SACK, .mss = 1460, .wscale = 7, .sack_count = 1, .ts_val = 1};
    learn(1000);
    send_segment(ACCEL_CLIENTS, 1001, TCP_SYN, CLIENT_ISN, 0, &long_offer, "");
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    assert_int_equal(s.options.present, long_offer.present);
    assert_int_equal(s.payload - 54, 32); /* 44 with the cookie */
    assert_int_equal(COUNTED(fast_open_asked), 1);
}

/* The SYN to the server: its bytes of options, and whether Fast Open's is among them. */
static void expect_paired_syn(uint32_t bytes, bool fast_open)
{
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    assert_int_equal(s.payload - 54, bytes);
    assert_int_equal(s.options.present, fast_open ? WITH : WITHOUT);
}

static void a_pair_comes_first(void **state)
{
    (void)state;
    syn(1000);
    expect_paired_syn(12 + ACCEL_MARK_BYTES, false); /* whether there is a far box nobody knows */
    client_is_there(1000);
    syn_ack(1000, 0, NULL, 0); /* there is none */
    expect_ack_to_server(0);
    expect_acknowledged(0);
    syn(1001);
    expect_paired_syn(12 + 4, true);
    client_is_there(1001);
    syn_ack(1001, 0, cookie, sizeof cookie);
    expect_ack_to_server(0);
    expect_acknowledged(0);
    wait_ms(599 * 1000);
    hurry(1002);
    syn_ack(1002, 5, NULL, 0);
    expect_ack_to_server(5);
    expect_acknowledged(5);
    assert_true(COUNTED(fast_open_accepted) == 1 && COUNTED(sent_ahead) == 0);
    wait_ms(2 * 1000); /* there may be one by now */
    syn(1003);
    expect_paired_syn(12 + ACCEL_MARK_BYTES, false);
}

static void nothing_of_it_when_it_is_off(void **state)
{
    (void)state;
    ask(1000);
    syn_ack(1000, 0, cookie, sizeof cookie);
    ask(1001);
    assert_int_equal(COUNTED(fast_open_learnt), 0);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct accel_settings s;
        struct accel *box;
        settings_default(&s);
        s.fast_open = true;
        if (i == 0)
            s.fast_open_cookies = 0;
        else if (i == 1)
            s.fast_open_wait_ns = 0;
        else if (i == 2)
            s.role = ACCEL_FAR;
        else
            s.fast_open_cookies = UINT32_MAX;
        assert_int_equal(accel_new(&s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &box), ERR_INVALID);
    }
}

static void cookies_take_each_other_s_place_in_a_table_of_fixed_size(void **state)
{
    (void)state;
    struct accel_fast_open_cookies c;
    const struct hash_key secret = {3, 4};
    struct accel_key key = {.server = ip_addr_from_v4(SERVER), .server_port = 80};
    unsigned known = 0;
    assert_int_equal(accel_fast_open_cookies_init(&c, &r.counting.allocator, 100, NS_PER_S, &secret), 0);
    assert_int_equal(c.n, 128);
    for (uint32_t i = 0; i < 10000; i++) {
        key.client = ip_addr_from_v4(CLIENT + i);
        assert_null(accel_fast_open_cookie_find(&c, &key, 0));
        assert_true(accel_fast_open_cookie_learn(&c, &key, (const uint8_t *)&i, sizeof i, 0));
        assert_false(accel_fast_open_cookie_learn(&c, &key, (const uint8_t *)&i, sizeof i, 0));
        assert_memory_equal(accel_fast_open_cookie_find(&c, &key, 0)->bytes, &i, sizeof i);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        key.client = ip_addr_from_v4(CLIENT + i);
        const struct accel_fast_open_cookie *found = accel_fast_open_cookie_find(&c, &key, NS_PER_S - 1);
        known += found != NULL;
        if (found)
            assert_memory_equal(found->bytes, &i, sizeof i);
        assert_null(accel_fast_open_cookie_find(&c, &key, NS_PER_S));
    }
    assert_int_equal(known, 128);
    accel_fast_open_cookies_free(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_fast, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_cookie_is_asked_for_and_shown_to_no_client),
        TEST(the_first_data_goes_with_the_syn),
        TEST(the_answer_may_follow_the_syn_ack),
        TEST(no_more_goes_with_the_syn_than_the_server_takes),
        TEST(a_server_may_take_a_part),
        TEST(a_fin_does_not_go_with_the_syn),
        TEST(without_data_the_cookie_goes_alone),
        TEST(no_cookie_is_spent_for_a_client_that_is_not_there),
        TEST(a_cookie_is_of_one_client_and_one_server),
        TEST(a_refusal_costs_nothing_and_two_the_cookie),
        TEST(refusals_count_in_a_row),
        TEST(a_new_cookie_takes_the_place_of_the_old_one),
        TEST(a_question_that_is_lost_is_not_asked_again),
        TEST(an_answer_that_is_late_is_an_answer),
        TEST(one_loss_is_a_loss_and_two_are_a_middlebox),
        TEST(data_whose_answer_was_lost_is_not_sent_again),
        TEST(a_reset_is_believed_when_the_syn_without_gets_one_too),
        TEST(who_resets_the_option_gets_none),
        TEST(a_client_that_gives_up_resets_the_server_where_it_stands),
        TEST(nothing_answers_a_syn_that_is_held),
        TEST(a_syn_without_room_goes_as_it_is),
        cmocka_unit_test_setup_teardown(a_pair_comes_first, set_up_paired, tear_down),
        cmocka_unit_test_setup_teardown(nothing_of_it_when_it_is_off, set_up, tear_down),
        TEST(settings_that_cannot_be_are_refused),
        TEST(cookies_take_each_other_s_place_in_a_table_of_fixed_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
