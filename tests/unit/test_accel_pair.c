/* SPDX-License-Identifier: MIT */
/*
 * A near and a far box of one key, segment by segment: what the near box sends ahead is marked, and the far box lets nothing
 * that is marked reach a server that it has told of no connection. The rig is that of test_accel_near.c; the boxes
 * together are in sim/test_sim_accel.c.
 */
#include "accel/internal.h"
#include "unit/accel_rig.h"

static const struct hash_key key = {.k0 = 3, .k1 = 4};

static struct accel_pairing pairing_of(uint16_t port)
{
    const struct accel_key flow = {.client = ip_addr_from_v4(CLIENT),
                                   .server = ip_addr_from_v4(SERVER),
                                   .client_port = port,
                                   .server_port = SERVER_PORT};
    struct accel_pairing p;
    accel_pairing_of(&key, &flow, seq_of(CLIENT_ISN), (uint32_t)(r.now / ACCEL_EPOCH_NS), &p);
    return p;
}

static void make(enum accel_role role)
{
    struct accel_settings s;
    settings_default(&s);
    s.paired = true;
    s.role = role;
    s.pair_key = key;
    make_rig(&s);
}
static int set_up_near(void **state)
{
    (void)state;
    make(ACCEL_NEAR);
    return 0;
}
static int set_up_far(void **state)
{
    (void)state;
    make(ACCEL_FAR);
    return 0;
}

/* A segment between the boxes, whose first option is a mark. */
static void send_marked(enum accel_side from, uint16_t port, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t mark,
                        const char *text)
{
    uint8_t f[1514], tcp[WIRE_TCP_MAX];
    const struct wire_tcp h = {.src_port = from == ACCEL_CLIENTS ? port : SERVER_PORT,
                               .dst_port = from == ACCEL_CLIENTS ? SERVER_PORT : port,
                               .seq = seq_of(seq),
                               .ack = seq_of(ack),
                               .flags = flags,
                               .window = 1000};
    assert_int_equal(wire_tcp_build(tcp, &h, NULL), WIRE_TCP_MIN);
    tcp[12] = (WIRE_TCP_MIN + ACCEL_MARK_BYTES) / 4 << 4;
    accel_mark_write(tcp + WIRE_TCP_MIN, mark);
    const uint32_t header = WIRE_TCP_MIN + ACCEL_MARK_BYTES, payload = (uint32_t)strlen(text);
    const uint32_t at = put_headers(f, from, IP_PROTO_TCP, header + payload);
    memcpy(f + at, tcp, header);
    memcpy(f + at + header, text, payload);
    const uint16_t sum = wire_l4_checksum_v4(r.client, SERVER, IP_PROTO_TCP, f + at, header + payload);
    memcpy(f + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    give(from, f, at + header + payload);
}

static bool is_marked(const struct seen *s, uint32_t mark)
{
    uint8_t option[ACCEL_MARK_BYTES];
    accel_mark_write(option, mark);
    return s->payload >= 54 + ACCEL_MARK_BYTES && memcmp(s->frame + 54, option, sizeof option) == 0;
}
static bool has_options(const struct seen *s) { return s->payload > 54; }

static void far_box_answers(uint16_t port)
{
    send_marked(ACCEL_SERVERS, port, TCP_SYN | TCP_ACK, r.our_isn.v, CLIENT_ISN + 1, pairing_of(port).syn_ack_mark, "");
}

/* ---- the near box ---- */

static void early_data_is_marked_until_the_far_box_has_answered(void **state)
{
    (void)state;
    open_flow(1);
    assert_int_equal(COUNTED(far_box_found), 0);
    ask(2);
    assert_int_equal(r.our_isn.v, pairing_of(2).isn.v);
    far_box_answers(2);
    assert_int_equal(COUNTED(far_box_found), 1);
    client_sends(2, TCP_RST, 0, "");
    while (take_frame(ACCEL_SERVERS, &(struct seen){0}) || take_frame(ACCEL_CLIENTS, &(struct seen){0}))
        continue;
    client_sends(1, TCP_RST, 0, "");
    while (take_frame(ACCEL_SERVERS, &(struct seen){0}) || take_frame(ACCEL_CLIENTS, &(struct seen){0}))
        continue;

    wait_ms(11000); /* there is room again */
    ask(3);
    client_sends(3, TCP_ACK | TCP_PSH, 0, "early");
    struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_true(is_marked(&s, pairing_of(3).syn_mark));
    assert_int_equal(s.tcp.ack.v, r.our_isn.v + 1);
    expect_text(&s, "early");
    far_box_answers(3);
    while (take_frame(ACCEL_CLIENTS, &s))
        continue;
    client_sends(3, TCP_ACK | TCP_PSH, 5, "later");
    bool came = false;
    while (take_frame(ACCEL_SERVERS, &s)) {
        came |= s.length - (s.payload = 54) == 5 && memcmp(s.frame + 54, "later", 5) == 0;
        assert_false(is_marked(&s, pairing_of(3).syn_mark));
    }
    assert_true(came);
}

/* As much as the client may send before the server answers, in full segments: how many go ahead. */
static void a_client_that_fills_the_early_window_sends_no_more_ahead_than_may_wait(void **state)
{
    (void)state;
    enum { FULL = 536 }; /* the far box's answer has no MSS: RFC 9293 3.7.1 */
    char full[FULL + 1];
    ask(1);
    far_box_answers(1);
    client_sends(1, TCP_ACK, 0, "");
    while (take_frame(ACCEL_SERVERS, &(struct seen){0}) || take_frame(ACCEL_CLIENTS, &(struct seen){0}))
        continue;
    ask(2);
    memset(full, 'x', FULL);
    full[FULL] = 0;
    unsigned ahead = 0;
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < ACCEL_EARLY_SEGMENTS; i++) {
        client_sends(2, TCP_ACK, i * FULL, full);
        for (struct seen s; take_frame(ACCEL_SERVERS, &s); ahead++)
            bytes += s.length - 54 - ACCEL_MARK_BYTES;
    }
    assert_int_equal(bytes, ACCEL_EARLY_SEGMENTS * FULL);
    assert_in_range(ahead, ACCEL_EARLY_SEGMENTS, ACCEL_WAITING);
    assert_int_equal(COUNTED(sent_ahead), 1);
}

/* A connection whose SYN the far box answers after so long; whether its server was to get that twice. */
static bool asks_twice(uint16_t port, int64_t answered_after_ns)
{
    send_segment(ACCEL_CLIENTS, port, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    r.our_isn = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK).tcp.seq;
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    const bool twice = is_marked(&s, pairing_of(port).syn_twice_mark);
    assert_true(twice || is_marked(&s, pairing_of(port).syn_mark));
    r.now += answered_after_ns;
    far_box_answers(port);
    client_sends(port, TCP_RST, 0, "");
    while (take_frame(ACCEL_SERVERS, &(struct seen){0}) || take_frame(ACCEL_CLIENTS, &(struct seen){0}))
        continue;
    wait_ms(11000); /* there is room again */
    return twice;
}

static void a_server_far_away_is_to_get_the_syn_twice(void **state)
{
    (void)state;
    assert_false(asks_twice(1, 79 * NS_PER_MS)); /* nothing is known */
    assert_false(asks_twice(2, 20 * NS_PER_MS)); /* once is no proof */
    assert_true(asks_twice(3, 10 * NS_PER_MS));
    assert_true(asks_twice(4, 10 * NS_PER_MS - 1));
    assert_false(asks_twice(5, 80 * NS_PER_MS));
    assert_true(asks_twice(6, 0));
    assert_false(asks_twice(7, 0));
}

/* ---- the far box ---- */

static void what_goes_ahead_of_one_client_waits_without_loss(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    for (uint32_t i = 0; i < ACCEL_WAITING; i++)
        send_marked(ACCEL_CLIENTS, 1, TCP_ACK, CLIENT_ISN + 1 + i, p.isn.v + 1, p.syn_mark, "x");
    assert_int_equal(COUNTED(far_held), ACCEL_WAITING);
    assert_int_equal(COUNTED(drop_no_buffer), 0);
    send_marked(ACCEL_CLIENTS, 1, TCP_ACK, CLIENT_ISN + 1 + ACCEL_WAITING, p.isn.v + 1, p.syn_mark, "x");
    assert_int_equal(COUNTED(drop_no_buffer), 1);
    expect_nothing();
    server_answers(1);
    for (uint32_t i = 0; i < ACCEL_WAITING; i++)
        assert_int_equal(expect(ACCEL_SERVERS, TCP_ACK).tcp.seq.v, CLIENT_ISN + 1 + i);
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    expect_nothing();
}

static void early_data_that_overtook_its_syn_does_not_reach_the_server(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, p.isn.v + 1, p.syn_mark, "early");
    expect_nothing();
    assert_int_equal(COUNTED(far_early), 1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    struct seen s = expect(ACCEL_SERVERS, TCP_SYN);
    assert_false(is_marked(&s, p.syn_mark));
    send_marked(ACCEL_CLIENTS, 1, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, p.isn.v + 1, p.syn_mark, "early");
    expect_nothing();
    assert_int_equal(COUNTED(far_held), 1);
    server_answers(1);
    s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, p.isn.v);
    assert_true(is_marked(&s, p.syn_ack_mark));
    s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.tcp.ack.v, SERVER_ISN + 1);
    assert_false(has_options(&s));
    expect_text(&s, "early");
}

static void a_reset_of_an_older_connection_passes_beside_the_new_one(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    send_segment(ACCEL_SERVERS, 1, TCP_ACK, SERVER_ISN + 7, CLIENT_ISN - 70000, NULL, "");
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_ACK).tcp.ack.v, CLIENT_ISN - 70000);
    send_segment(ACCEL_CLIENTS, 1, TCP_RST, CLIENT_ISN - 70000, 0, NULL, "");
    assert_int_equal(expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, CLIENT_ISN - 70000);
    server_answers(1);
    const struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, p.isn.v);
    assert_true(is_marked(&s, p.syn_ack_mark));
}

static void early_data_behind_the_answer_loses_its_mark(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    server_answers(1);
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    send_marked(ACCEL_CLIENTS, 1, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, p.isn.v + 1, p.syn_mark, "early");
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.tcp.ack.v, SERVER_ISN + 1);
    assert_false(has_options(&s));
    expect_text(&s, "early");
    assert_int_equal(COUNTED(far_early), 0);
}

static void a_lost_answer_is_given_again_with_its_mark(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    server_answers(1);
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_mark, "");
    const struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, p.isn.v);
    assert_int_equal(s.tcp.ack.v, CLIENT_ISN + 1);
    assert_true(is_marked(&s, p.syn_ack_mark));
    assert_int_equal(s.options.present & TCP_OPT_MSS, TCP_OPT_MSS);
    assert_int_equal(s.options.mss, plain.mss);
    expect_nothing();
    assert_int_equal(COUNTED(syn_answered_again), 1);
}

static void a_server_that_gets_the_syn_twice_is_heard_once(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_twice_mark, "");
    const struct seen first = expect(ACCEL_SERVERS, TCP_SYN), second = expect(ACCEL_SERVERS, TCP_SYN);
    assert_int_equal(first.length, second.length);
    assert_int_equal(first.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(second.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(first.tcp.window, second.tcp.window);
    assert_false(is_marked(&first, p.syn_twice_mark) || is_marked(&second, p.syn_twice_mark));
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_twice_mark, ""); /* the near box asks again: once */
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    expect_nothing();
    server_answers(1);
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    server_answers(1);
    expect_nothing();
    wait_ms(1000); /* it has no acknowledgement and says it again by itself: RFC 6298 2.1 */
    server_answers(1);
    const struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, p.isn.v);
    assert_int_equal(COUNTED(far_syn_twice), 1);
    assert_int_equal(COUNTED(far_answered_twice), 1);
}

/* RFC 6298 3: what was sent twice is measured by its timestamp's echo alone. */
static void early_data_behind_two_syns_echoes_no_timestamp(void **state)
{
    (void)state;
    const struct accel_pairing p = pairing_of(1);
    const struct wire_tcp_options early = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 6, .ts_ecr = 999};
    const struct wire_tcp_options answer = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 7, .ts_ecr = 5};
    send_marked(ACCEL_CLIENTS, 1, TCP_SYN, CLIENT_ISN, 0, p.syn_twice_mark, "");
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    (void)expect(ACCEL_SERVERS, TCP_SYN);
    send_segment(ACCEL_CLIENTS, 1, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, p.isn.v + 1, &early, "early");
    send_segment(ACCEL_SERVERS, 1, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &answer, "");
    struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.options.ts_val, 6);
    assert_int_equal(s.options.ts_ecr, 0);
    send_segment(ACCEL_CLIENTS, 1, TCP_ACK | TCP_PSH, CLIENT_ISN + 6, p.isn.v + 1, &early, "later");
    s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.options.ts_ecr, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(early_data_is_marked_until_the_far_box_has_answered, set_up_near, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_fills_the_early_window_sends_no_more_ahead_than_may_wait,
                                        set_up_near, tear_down),
        cmocka_unit_test_setup_teardown(a_server_far_away_is_to_get_the_syn_twice, set_up_near, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_ahead_of_one_client_waits_without_loss, set_up_far, tear_down),
        cmocka_unit_test_setup_teardown(early_data_that_overtook_its_syn_does_not_reach_the_server, set_up_far,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reset_of_an_older_connection_passes_beside_the_new_one, set_up_far,
                                        tear_down),
        cmocka_unit_test_setup_teardown(early_data_behind_the_answer_loses_its_mark, set_up_far, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_answer_is_given_again_with_its_mark, set_up_far, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_gets_the_syn_twice_is_heard_once, set_up_far, tear_down),
        cmocka_unit_test_setup_teardown(early_data_behind_two_syns_echoes_no_timestamp, set_up_far, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
