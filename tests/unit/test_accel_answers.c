/* SPDX-License-Identifier: MIT */
/*
 * accel/answers with a model in the kernel's place: who is answered there, what the box makes of it, and that neither a
 * connection that it knows nor more than its limits allow is. bpf/accel_answer.h itself is tests/interop/accel_answers.sh.
 */
#include "unit/accel_rig.h"

#include "accel/answers.h"
#include "accel/store.h"
#include "base/error.h"

#define PLACES 64u
#define WAITING 4u

static struct model {
    struct accel_answers hook;
    struct hash_key secret;
    struct {
        uint32_t flows, pending;
    } claims[PLACES];
    struct accel_server server; /* the last one that was told */
    int64_t until;
    uint32_t source_most, source_answered, most, answered;
    struct {
        uint8_t frame[ACCEL_ANSWERED_BYTES];
        struct accel_answered event;
        bool being_written;
    } ring[WAITING];
    uint32_t written, read;
} model;

/* ---- what the box asks ---- */

static void begin_model(void *context, const struct hash_key *secret)
{
    assert_ptr_equal(context, &model);
    model.secret = *secret;
}

static void server(void *context, uint32_t place, const struct accel_server *s, int64_t until)
{
    assert_ptr_equal(context, &model);
    assert_true(place < 4);
    model.server = s ? *s : (struct accel_server){.port = 0};
    model.until = s ? until : 0;
}

static void source(void *context, uint32_t place, uint32_t most)
{
    assert_ptr_equal(context, &model);
    assert_true(place < 4);
    model.source_most = most;
}

static void grant(void *context, uint32_t most)
{
    assert_ptr_equal(context, &model);
    model.most = most;
}

static bool claim(void *context, uint32_t hash)
{
    assert_ptr_equal(context, &model);
    model.claims[hash % PLACES].flows++;
    return model.claims[hash % PLACES].pending > 0;
}

static void release(void *context, uint32_t hash)
{
    assert_ptr_equal(context, &model);
    assert_true(model.claims[hash % PLACES].flows > 0);
    model.claims[hash % PLACES].flows--;
}

static bool next(void *context, struct accel_answered *out)
{
    assert_ptr_equal(context, &model);
    if (model.read == model.written || model.ring[model.read % WAITING].being_written)
        return false;
    *out = model.ring[model.read % WAITING].event;
    out->frame = model.ring[model.read++ % WAITING].frame;
    return true;
}

static void settle(void *context, uint32_t hash)
{
    release(context, hash);
    assert_true(model.claims[hash % PLACES].pending > 0);
    model.claims[hash % PLACES].pending--;
}

static uint32_t claimed(void)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        n += model.claims[i].flows;
        assert_int_equal(model.claims[i].pending, 0);
    }
    return n;
}

/* ---- a client before the hook ---- */

static uint32_t hash_of(uint16_t port)
{
    const struct accel_key key = {.client = ip_addr_from_v4(r.client),
                                  .server = ip_addr_from_v4(SERVER),
                                  .client_port = port,
                                  .server_port = SERVER_PORT};
    return (uint32_t)hash_sip24(&model.secret, &key, sizeof key);
}

static uint32_t put_syn(uint8_t *f, uint16_t port, const struct wire_tcp_options *o)
{
    const struct wire_tcp h = {.src_port = port,
                               .dst_port = SERVER_PORT,
                               .seq = seq_of(CLIENT_ISN),
                               .flags = TCP_SYN | TCP_ECE | TCP_CWR,
                               .window = 1000};
    uint8_t tcp[WIRE_TCP_MAX];
    const uint32_t header = (uint32_t)wire_tcp_build(tcp, &h, o),
                   at = put_headers(f, ACCEL_CLIENTS, IP_PROTO_TCP, header);
    memcpy(f + at, tcp, header);
    const uint16_t sum = wire_l4_checksum_v4(r.client, SERVER, IP_PROTO_TCP, f + at, header);
    memcpy(f + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    return at + header;
}

/* What the program does with a SYN; false: it passes. */
static bool hook_takes(uint16_t port, uint32_t isn)
{
    const uint32_t place = hash_of(port) % PLACES;
    if (r.now >= model.until || model.server.port != SERVER_PORT || model.claims[place].flows ||
        (int32_t)(model.most - model.answered) <= 0 || (int32_t)(model.source_most - model.source_answered) <= 0 ||
        model.written - model.read == WAITING)
        return false;
    model.claims[place].flows++;
    model.claims[place].pending++;
    model.answered++;
    model.source_answered++;
    const unsigned slot = model.written++ % WAITING;
    model.ring[slot].event = (struct accel_answered){.length = put_syn(model.ring[slot].frame, port, &offer),
                                                     .isn = seq_of(isn),
                                                     .at = r.now,
                                                     .told = model.server.said};
    model.ring[slot].event.told.present = (uint8_t)(model.server.said.present | TCP_OPT_MSS);
    return true;
}

static int begin_with(struct accel_settings *s)
{
    model = (struct model){.hook = {.begin = begin_model,
                                    .server = server,
                                    .source = source,
                                    .grant = grant,
                                    .claim = claim,
                                    .release = release,
                                    .next = next,
                                    .settle = settle,
                                    .context = &model}};
    s->answers = &model.hook;
    make_rig(s);
    return 0;
}

static void default_settings(struct accel_settings *s)
{
    settings_default(s);
    s->max_flows = 8;
    s->max_openings = 8;
}

static int begin(void **state)
{
    struct accel_settings s;
    (void)state;
    default_settings(&s);
    return begin_with(&s);
}

/* Each flow has claimed its place, and nobody else. */
static int end(void **state)
{
    uint32_t flows, openings;
    accel_occupancy(r.box, &flows, &openings);
    const bool right = claimed() == flows;
    return tear_down(state) || !right;
}

/* The server is known. */
static void know(void)
{
    open_flow(999);
    assert_int_equal(COUNTED(shortcut_answered), 0);
}

/* The SYN that the box sends on. */
static void expect_syn(void)
{
    const struct seen s = expect(ACCEL_SERVERS, TCP_SYN); /* without ECN */
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(s.options.present, offer.present);
}

static void turn(void)
{
    accel_turn(r.box, r.now);
    assert_null(accel_check(r.box));
}

static void answer_there(uint16_t port, uint32_t isn)
{
    assert_true(hook_takes(port, isn));
    r.our_isn = seq_of(isn);
}

/* ---- tests ---- */

static void a_server_is_told_when_it_has_answered(void **state)
{
    (void)state;
    assert_int_equal(model.until, 0);
    know();
    assert_int_equal(model.server.port, SERVER_PORT);
    assert_int_equal(model.server.said.mss, plain.mss);
    assert_int_equal(model.until, r.now + 600 * NS_PER_S);
}

static void a_syn_that_was_answered_goes_on_and_opens_a_flow(void **state)
{
    (void)state;
    know();
    answer_there(1000, 7000);
    turn();
    expect_syn();
    expect_nothing(); /* the client has its answer */
    assert_int_equal(COUNTED(flows_opened), 2);
    assert_int_equal(COUNTED(syn_answered), 2);
    assert_int_equal(COUNTED(shortcut_answered), 1);
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "hello");
    expect_nothing();
    server_answers(1000);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
    assert_int_equal(s.tcp.ack.v, SERVER_ISN + 1);
    expect_text(&s, "hello");
    assert_int_equal(claimed(), 2);
}

static void a_lost_answer_is_sent_again_by_the_box(void **state)
{
    (void)state;
    know();
    answer_there(1000, 7000);
    turn();
    expect_syn();
    assert_false(hook_takes(1000, 8000)); /* the same SYN again */
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, 7000);
    assert_int_equal(s.options.present, TCP_OPT_MSS);
    assert_int_equal(s.options.mss, plain.mss);
    assert_int_equal(COUNTED(syn_answered_again), 1);
    answer_there(1001, 9000);
    turn();
    expect_syn();
    wait_ms(1100); /* by itself */
    s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(s.tcp.seq.v, 9000);
    assert_int_equal(COUNTED(syn_answered_again), 2);
}

static void nothing_of_the_client_comes_before_its_syn(void **state)
{
    (void)state;
    know();
    answer_there(1000, 7000);
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "hello"); /* in the same turn */
    expect_syn();
    expect_nothing();
    assert_int_equal(COUNTED(early_bytes), 5);
    assert_int_equal(COUNTED(drop_pending), 0);
}

static void nor_before_one_that_is_being_handed_over(void **state)
{
    (void)state;
    know();
    answer_there(1000, 7000);
    model.ring[0].being_written = true;
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "hello");
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    expect_nothing();
    assert_int_equal(COUNTED(drop_pending), 2);
    model.ring[0].being_written = false;
    turn();
    expect_syn();
    client_sends(1000, TCP_ACK | TCP_PSH, 0, "hello");
    assert_int_equal(COUNTED(early_bytes), 5);
    assert_int_equal(COUNTED(drop_pending), 2);
}

/* As many ports as flows, each in a state of its own. */
static void a_connection_that_the_box_knows_is_never_answered_there(void **state)
{
    (void)state;
    assert_false(hook_takes(999, 1)); /* no server is known */
    know();
    assert_false(hook_takes(999, 1)); /* open */
    ask(1000);
    assert_false(hook_takes(1000, 1)); /* opening */
    send_segment(ACCEL_CLIENTS, 1000, TCP_RST, CLIENT_ISN + 1, 0, NULL, "");
    (void)expect(ACCEL_SERVERS, TCP_RST);
    assert_int_equal(claimed(), 2);
    assert_false(hook_takes(1000, 1)); /* reset */
    for (unsigned i = 0; i < 11; i++) {
        r.now += NS_PER_S;
        wait_ms(2);
    }
    assert_int_equal(claimed(), 1);
    assert_true(hook_takes(1000, 1)); /* forgotten */
    turn();
}

static void a_new_connection_in_the_place_of_an_old_one_stays_with_the_box(void **state)
{
    (void)state;
    know();
    ask(1000);
    send_segment(ACCEL_CLIENTS, 1000, TCP_RST, CLIENT_ISN + 1, 0, NULL, "");
    (void)expect(ACCEL_SERVERS, TCP_RST);
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, 5, 0, &offer, "");
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(claimed(), 2);
    assert_int_equal(COUNTED(flows_opened), 3);
}

static void a_box_that_does_not_turn_answers_what_it_granted(void **state)
{
    struct accel_settings s;
    unsigned n = 0;
    (void)state;
    tear_down(state);
    default_settings(&s);
    s.max_openings = 4; /* of which SYNs may have three */
    begin_with(&s);
    know();
    while (hook_takes((uint16_t)(1000 + n), n))
        n++;
    assert_int_equal(n, 1); /* one is the first connection's, and of the two that are left it has half */
    turn();
    assert_int_equal(COUNTED(shortcut_answered), 1);
    assert_int_equal(COUNTED(shortcut_withdrawn), 0);
    expect_syn();
    assert_false(hook_takes(2000, 1)); /* the last one is the box's own, and then it is cookies */
    ask(2000);
    send_segment(ACCEL_CLIENTS, 2001, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(COUNTED(cookies_by_openings), 1);
}

static void limits_of_a_source_hold(void **state)
{
    struct accel_settings s;
    (void)state;
    tear_down(state);
    default_settings(&s);
    s.source_syn_rate = 2;
    begin_with(&s);
    know();
    answer_there(1000, 1);
    assert_false(hook_takes(1001, 1)); /* two SYNs were its burst */
    turn();
    expect_syn();
    assert_false(hook_takes(1001, 1));
    send_segment(ACCEL_CLIENTS, 1001, TCP_SYN, CLIENT_ISN, 0, &offer, "");
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(COUNTED(cookies_by_source), 1);
    r.now += 5 * NS_PER_S;
    send_segment(ACCEL_CLIENTS, 1002, TCP_SYN, CLIENT_ISN, 0, &offer, ""); /* by which the box sees it */
    (void)expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    expect_syn();
    assert_true(hook_takes(1003, 1));
    turn();
}

static void limits_of_all_hold(void **state)
{
    struct accel_settings s;
    (void)state;
    tear_down(state);
    default_settings(&s);
    s.syn_rate = 2;
    begin_with(&s);
    know();
    answer_there(1000, 1);
    assert_false(hook_takes(1001, 1));
    turn();
    expect_syn();
    assert_false(hook_takes(1001, 1));
    r.now += NS_PER_S;
    turn();
    assert_true(hook_takes(1001, 1));
    turn();
}

static void one_without_room_is_reset(void **state)
{
    struct accel_settings s;
    (void)state;
    tear_down(state);
    default_settings(&s);
    s.max_flows = 2;
    begin_with(&s);
    know();
    model.most += 2; /* more than there is */
    model.source_most += 2;
    answer_there(1000, 6000);
    answer_there(1001, 7000);
    turn();
    expect_syn();
    const struct seen reset = expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    assert_int_equal(reset.tcp.seq.v, 7001);
    assert_int_equal(reset.tcp.ack.v, CLIENT_ISN + 1);
    assert_int_equal(reset.tcp.dst_port, 1001);
    assert_int_equal(COUNTED(shortcut_withdrawn), 1);
    assert_int_equal(COUNTED(flows_opened), 2);
    assert_int_equal(claimed(), 2);
}

/*
 * As many SYNs are answered there as may be, and are still being handed over while clients of other ports come to the box
 * itself and take what room they get: there is room left for each that was answered.
 */
static void answers_and_syns_share(uint32_t max_flows, uint32_t max_openings, unsigned syns)
{
    struct accel_settings s;
    unsigned n = 0;
    default_settings(&s);
    s.max_flows = max_flows;
    s.max_openings = max_openings;
    begin_with(&s);
    know();
    while (hook_takes((uint16_t)(1000 + n), 7000 + n))
        n++;
    assert_in_range(n, 1, WAITING);
    model.ring[0].being_written = true;
    for (unsigned i = 0; i < syns; i++) {
        send_segment(ACCEL_CLIENTS, (uint16_t)(2000 + i), TCP_SYN, CLIENT_ISN, 0, &offer, "");
        while (hook_takes((uint16_t)(1000 + n), 7000 + n))
            n++;
    }
    assert_true(COUNTED(flows_opened) > 1);
    model.ring[0].being_written = false;
    turn();
    assert_int_equal(COUNTED(shortcut_answered), n);
    assert_int_equal(COUNTED(shortcut_withdrawn), 0);
}

static void who_was_answered_has_room_beside_syns_that_the_box_takes(void **state)
{
    for (uint32_t flows = 3; flows <= 9; flows++) {
        tear_down(state);
        answers_and_syns_share(flows, 16, flows);
    }
}

static void nor_do_these_take_the_openings(void **state)
{
    for (uint32_t openings = 4; openings <= 9; openings++) {
        tear_down(state);
        answers_and_syns_share(64, openings, openings);
    }
}

static void a_syn_without_room_on_the_way_is_sent_again(void **state)
{
    struct packet *all[512];
    (void)state;
    know();
    answer_there(1000, 7000);
    unsigned n = 0, got;
    while ((got = link_tx_alloc(r.ends[ACCEL_SERVERS][0], all + n, 64, LINK_ALLOC_DATA)) != 0)
        n += got;
    turn();
    assert_int_equal(COUNTED(drop_no_room), 1);
    for (unsigned i = 0; i < n; i++)
        packet_release(all[i]);
    expect_nothing();
    wait_ms(1100);
    expect_syn();
    assert_int_equal(COUNTED(syn_sent_again), 1);
}

static void a_box_that_ends_has_all_that_was_answered(void **state)
{
    (void)state;
    know();
    answer_there(1000, 7000);
    accel_answers_end(r.box, r.now);
    expect_syn();
    assert_int_equal(COUNTED(shortcut_answered), 1);
    assert_false(hook_takes(1001, 1));
}

static void a_server_of_the_bypass_is_not_told(void **state)
{
    struct accel_settings s;
    static const struct accel_bypass bypass = {.match = ACCEL_BYPASS_CLIENT_PORTS | ACCEL_BYPASS_SERVER_PORTS,
                                               .client_ports = {5000, 5000},
                                               .server_ports = {SERVER_PORT, SERVER_PORT}};
    (void)state;
    tear_down(state);
    default_settings(&s);
    s.bypass = &bypass;
    s.bypass_count = 1;
    begin_with(&s);
    know();
    assert_int_equal(model.until, 0);
    assert_false(hook_takes(1000, 1));
}

/* A box that is started again on the table that another one left. */
static void flows_that_are_taken_over_have_claimed_their_places(void **state)
{
    struct accel_settings s;
    (void)state;
    end(state);
    default_settings(&s);
    s.store_bytes = accel_store_bytes(&s);
    s.store = aligned_alloc(64, round_up_pow2((uint32_t)s.store_bytes));
    assert_non_null(s.store);
    memset(s.store, 0, s.store_bytes);
    begin_with(&s);
    know();
    ask(1000);
    accel_delete(r.box);
    memset(model.claims, 0, sizeof model.claims); /* the maps of a process are gone with it */
    model.until = 0;
    make_box(&s);
    assert_int_equal(claimed(), 2);
    end(state);
    free(s.store);
    begin(state);
}

static void who_may_not_have_it_is_refused(void **state)
{
    struct accel_settings s;
    struct accel *box = NULL;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        default_settings(&s);
        s.answers = &model.hook;
        s.role = i == 0 ? ACCEL_FAR : ACCEL_NEAR;
        s.paired = i == 1;
        s.fast_open = i == 2;
        assert_int_equal(accel_new(&s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &box), ERR_INVALID);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_server_is_told_when_it_has_answered),
        TEST(a_syn_that_was_answered_goes_on_and_opens_a_flow),
        TEST(a_lost_answer_is_sent_again_by_the_box),
        TEST(nothing_of_the_client_comes_before_its_syn),
        TEST(nor_before_one_that_is_being_handed_over),
        TEST(a_connection_that_the_box_knows_is_never_answered_there),
        TEST(a_new_connection_in_the_place_of_an_old_one_stays_with_the_box),
        TEST(a_box_that_does_not_turn_answers_what_it_granted),
        TEST(limits_of_a_source_hold),
        TEST(limits_of_all_hold),
        TEST(one_without_room_is_reset),
        TEST(who_was_answered_has_room_beside_syns_that_the_box_takes),
        TEST(nor_do_these_take_the_openings),
        TEST(a_syn_without_room_on_the_way_is_sent_again),
        TEST(a_box_that_ends_has_all_that_was_answered),
        TEST(a_server_of_the_bypass_is_not_told),
        TEST(flows_that_are_taken_over_have_claimed_their_places),
        TEST(who_may_not_have_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
