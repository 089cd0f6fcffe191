/* SPDX-License-Identifier: MIT */
/*
 * SYN floods at the near box of the accelerator (THREATS MB-01): cookies, and what they carry; limits of sources and of
 * all; a million SYNs a second beside connections that have to complete.
 */
#include <stdlib.h>

#include "base/checksum.h"
#include "base/random.h"
#include "support/accel_wire.h"
#include "support/cmocka_all.h"

static const struct wire_tcp_options server_says = {
    .present = WIRE_ALL_OPTIONS, .mss = 1460, .wscale = 9, .ts_val = 0xfffffff0};

static int open_rig(void **state)
{
    (void)state;
    accel_wire_open();
    accel_wire.settings.syn_rate = 1;
    accel_wire_box();
    return 0;
}

/* All SYNs so far were too many, or none. */
static void set_flood(bool on) { accel_wire.box->limits.due = on ? accel_wire.now + 2 * NS_PER_S : 0; }

/* The box learns what the server says. */
static void teach(void)
{
    const struct accel_key key = {.server = ip_addr_from_v4(WIRE_SERVER), .server_port = 80};
    const struct accel_promise says = accel_promise_in(&server_says, false);
    accel_servers_learn(&accel_wire.box->servers, &key, &says, false, accel_wire.now);
}

static struct accel_caught cookie(uint16_t port, const struct wire_tcp_options *offer)
{
    const uint64_t sent = accel_wire_count(cookies_sent);
    const uint32_t flows = accel_wire.box->flows.pool.used;
    accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = offer});
    const struct accel_caught c = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    accel_wire_expect_nothing(); /* at the server's side too */
    assert_int_equal(accel_wire_count(cookies_sent), sent + 1);
    assert_int_equal(accel_wire.box->flows.pool.used, flows);
    return c;
}

/* What a client's end of a connection says that was answered so. */
static struct wire_tcp_options echo_of(const struct accel_caught *syn_ack, const struct wire_tcp_options *offer)
{
    return (struct wire_tcp_options){.present = syn_ack->options.present & TCP_OPT_TIMESTAMPS,
                                     .ts_val = offer->ts_val + 50,
                                     .ts_ecr = syn_ack->options.ts_val};
}

/* From a cookie to data both ways, for each set of options that a client may offer to a server that is known or not. */
static void mb_01_cookies_become_connections(void **state)
{
    (void)state;
    unsigned cases = 0;
    uint16_t port = 1000;
    set_flood(true);
    for (unsigned known = 0; known < 2; known++) {
        for (uint16_t offered = 0; offered < 16; offered++, port++, cases++) {
            if (known)
                teach();
            const struct wire_tcp_options offer = {.present = offered, .mss = 1400, .wscale = 3, .ts_val = 77};
            const struct accel_caught a = cookie(port, &offer);
            const struct wire_tcp_options echo = echo_of(&a, &offer);
            const uint32_t isn = a.tcp.seq.v;
            /* its acknowledgement was lost: the first data brings the cookie back */
            accel_wire_send(&(struct accel_shot){.port = port,
                                                 .flags = TCP_ACK | TCP_PSH,
                                                 .seq = WIRE_CLIENT_ISN + 1,
                                                 .ack = isn + 1,
                                                 .options = &echo,
                                                 .payload = "early",
                                                 .length = 5});
            struct accel_caught c = accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
            assert_int_equal(c.tcp.seq.v, WIRE_CLIENT_ISN);
            assert_int_equal(c.options.present & ~TCP_OPT_MSS, a.options.present & ~TCP_OPT_MSS);
            assert_true(c.options.mss <= (offered & TCP_OPT_MSS ? 1400 : 536) && c.options.mss >= 536);
            if (c.options.present & TCP_OPT_WSCALE)
                assert_int_equal(c.options.wscale, 3);
            struct wire_tcp_options says = server_says;
            says.present &= c.options.present | TCP_OPT_MSS;
            accel_wire_answer(port, &says);
            c = accel_wire_expect(ACCEL_SERVERS, TCP_ACK | TCP_PSH);
            assert_int_equal(c.tcp.ack.v, WIRE_SERVER_ISN + 1);
            assert_int_equal(c.payload_length, 5);
            if (says.present & TCP_OPT_TIMESTAMPS)
                assert_true(c.options.ts_ecr == says.ts_val && c.options.ts_val == echo.ts_val);
            accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
            const struct wire_tcp_options later = {
                .present = says.present & TCP_OPT_TIMESTAMPS, .ts_val = says.ts_val + 9, .ts_ecr = echo.ts_val};
            accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                                 .port = port,
                                                 .flags = TCP_ACK,
                                                 .seq = WIRE_SERVER_ISN + 1,
                                                 .ack = WIRE_CLIENT_ISN + 6,
                                                 .options = &later,
                                                 .payload = "answer",
                                                 .length = 6});
            c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
            assert_int_equal(c.tcp.seq.v, isn + 1);
            if (says.present & TCP_OPT_TIMESTAMPS) /* the clock goes on from the SYN-ACK's */
                assert_true((int32_t)(c.options.ts_val - a.options.ts_val) > 0);
            accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 6});
            accel_wire_expect(ACCEL_SERVERS, TCP_RST);
            accel_wire_expect_nothing();
            accel_wire_wait(11000); /* the table forgets it */
            set_flood(true);
        }
    }
    assert_int_equal(accel_wire_count(cookies_returned), cases);
    assert_int_equal(accel_wire_drops(), 0);
    print_message("MB-01: %u cases\n", cases);
}

/* Of each option set, and of a segment that needs none, the answer is not longer than the SYN. */
static void mb_01_no_answer_is_longer_than_its_syn(void **state)
{
    (void)state;
    unsigned cases = 0;
    uint8_t f[WIRE_FRAME];
    for (unsigned i = 0; i < 128; i++, cases++) {
        const bool with_cookie = i & 16, v6 = i & 32;
        const struct wire_tcp_options offer = {.present = i & 15, .mss = 1460, .wscale = 7, .ts_val = 1};
        struct accel_shot syn = {.port = (uint16_t)(2000 + i), .flags = TCP_SYN, .seq = 9, .options = &offer, .v6 = v6};
        set_flood(with_cookie);
        if (i & 64)
            teach();
        const uint64_t cookies = accel_wire_count(cookies_sent);
        const uint32_t in = accel_wire_build(&syn, f);
        accel_wire_send(&syn);
        struct accel_caught c = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
        assert_int_equal(accel_wire_count(cookies_sent) - cookies, with_cookie);
        if (c.bytes > in)
            fail_msg("options %x: %u bytes for %u", i & 15, c.bytes, in);
        unsigned again = 0, server = 0;
        for (unsigned s = 0; s < 35; s++) {
            accel_wire_wait(1000);
            while (accel_wire_catch(ACCEL_CLIENTS, &c))
                again += c.tcp.flags == (TCP_SYN | TCP_ACK);
            while (accel_wire_catch(ACCEL_SERVERS, &c))
                server++;
        }
        assert_true(again <= !with_cookie); /* one more, and with cookies none */
        assert_true(!with_cookie || server == 0);
    }
    print_message("MB-01: %u cases\n", cases);
}

/* Guesses, cookies of other connections, late ones: nothing is made of them, and they pass as what nobody knows does. */
static void mb_01_what_is_no_cookie_opens_nothing(void **state)
{
    (void)state;
    struct random r;
    unsigned cases = 0;
    random_seed(&r, 1);
    const struct wire_tcp_options offer = {.present = TCP_OPT_MSS, .mss = 1460};
    set_flood(true);
    const uint32_t isn = cookie(1000, &offer).tcp.seq.v;
    const uint32_t flows = accel_wire.box->flows.pool.used;
    for (unsigned i = 0; i < 20000; i++, cases++) {
        const bool guess = i % 2;
        accel_wire_send(&(struct accel_shot){.port = guess ? 1000 : (uint16_t)(1001 + i % 50000),
                                             .flags = TCP_ACK,
                                             .seq = WIRE_CLIENT_ISN + 1 + (i % 4 == 3),
                                             .ack = guess ? random_u32(&r) : isn + 1});
        accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
    }
    accel_wire_send(&(struct accel_shot){
        .flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = isn + 1, .spoilt = 0x100}); /* the right one, damaged */
    assert_int_equal(accel_wire_count(drop_bad_checksum), 1);
    accel_wire_wait(129000);
    accel_wire_take_all();
    accel_wire_send(&(struct accel_shot){.flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = isn + 1}); /* too late */
    accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
    cases += 2;
    assert_int_equal(accel_wire_count(cookies_returned), 0);
    assert_true(accel_wire.box->flows.pool.used <= flows);
    print_message("MB-01: %u cases\n", cases);
}

/* Each limit alone, and each counter by one. */
static void mb_01_each_limit_is_counted(void **state)
{
    (void)state;
    struct accel_wire *w = &accel_wire;
    const struct wire_tcp_options offer = {.present = TCP_OPT_MSS, .mss = 1460};
    accel_wire_kill();
    w->settings.source_syn_rate = 2, w->settings.syn_rate = 4, w->settings.source_flows = 4;
    w->settings.max_sources = 65536;
    accel_wire_box();
    for (uint16_t i = 0; i < 2; i++)
        accel_wire_ask((uint16_t)(1000 + i), &offer);
    struct accel_shot syn = {.port = 1002, .flags = TCP_SYN, .seq = 1, .options = &offer};
    accel_wire_send(&syn);
    accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    accel_wire_expect_nothing();
    assert_true(accel_wire_count(cookies_by_source) == 1 && accel_wire_count(cookies_sent) == 1);
    for (uint32_t i = 0; i < 2; i++) {
        syn.client = WIRE_CLIENT + 1 + i;
        accel_wire_send(&syn);
        accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    }
    assert_true(accel_wire_count(cookies_by_rate) == 1 && accel_wire_count(cookies_sent) == 2);
    accel_wire_wait(2000);
    accel_wire_take_all();
    accel_wire_ask(1003, &offer);
    accel_wire_wait(2000);
    accel_wire_take_all();
    accel_wire_ask(1004, &offer); /* the fourth of one source */
    accel_wire_wait(2000);
    accel_wire_take_all();
    syn.client = 0, syn.port = 1005;
    accel_wire_send(&syn);
    accel_wire_expect(ACCEL_SERVERS, TCP_SYN); /* as it came */
    accel_wire_expect_nothing();
    assert_int_equal(accel_wire_count(bypass_source), 1);
    accel_wire_wait(2000);
    accel_wire_take_all();
    syn.client = WIRE_CLIENT + 9;
    accel_wire_send(&syn); /* the sixth of eight openings */
    accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(w->box->openings.used, 6);
    accel_wire_wait(2000);
    accel_wire_take_all();
    syn.client++;
    accel_wire_send(&syn);
    accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    accel_wire_expect_nothing();
    assert_true(accel_wire_count(cookies_by_openings) == 1 && accel_wire_count(cookies_sent) == 3);
    assert_int_equal(accel_wire_drops(), 0);
    print_message("MB-01: %u cases\n", 4);
}

/* Of a pair, the number that the far box knows. */
static void mb_01_a_pairs_cookie_is_its_number(void **state)
{
    (void)state;
    struct accel_wire *w = &accel_wire;
    const struct wire_tcp_options offer = {.present = WIRE_ALL_OPTIONS, .mss = 1400, .wscale = 3, .ts_val = 77};
    unsigned cases = 0;
    accel_wire_kill();
    w->settings.paired = true;
    w->settings.pair_key = (struct hash_key){3, 4};
    accel_wire_box();
    set_flood(true);
    for (uint16_t port = 1000; port < 1002; port++, cases++) {
        if (port == 1001)
            teach();
        const struct accel_caught a = cookie(port, &offer);
        const struct wire_tcp_options echo = echo_of(&a, &offer);
        const struct accel_key key = {.client = ip_addr_from_v4(WIRE_CLIENT),
                                      .server = ip_addr_from_v4(WIRE_SERVER),
                                      .client_port = port,
                                      .server_port = 80};
        struct accel_pairing pairing;
        accel_pairing_of(&w->settings.pair_key, &key, seq_of(WIRE_CLIENT_ISN), accel_epoch(w->box, w->now), &pairing);
        assert_int_equal(a.tcp.seq.v, pairing.isn.v);
        accel_wire_send(&(struct accel_shot){
            .port = port, .flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = pairing.isn.v + 1, .options = &echo});
        const struct accel_caught c = accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
        assert_int_equal(load_be32(c.frame + 34 + WIRE_TCP_MIN + 4), pairing.syn_mark);
        assert_int_equal(c.options.present, port == 1001 ? WIRE_ALL_OPTIONS : TCP_OPT_MSS);
        assert_int_equal(c.options.mss, port == 1001 ? 1380 : 536);
    }
    assert_int_equal(accel_wire_count(cookies_returned), cases);
    print_message("MB-01: %u cases\n", cases);
}

/* A SYN that was answered, acknowledged by nobody: the server is let go, and the table. */
static void mb_01_a_client_that_never_comes_is_forgotten(void **state)
{
    (void)state;
    struct accel_caught c;
    unsigned resets = 0;
    accel_wire_ask(1000, &server_says);
    accel_wire_answer(1000, &server_says);
    for (unsigned s = 0; s < 65; s++) {
        accel_wire_wait(1000);
        while (accel_wire_catch(ACCEL_SERVERS, &c)) {
            assert_true(c.tcp.flags == TCP_RST && c.tcp.seq.v == WIRE_CLIENT_ISN + 1);
            resets++;
        }
    }
    assert_true(resets == 1 && accel_wire_count(client_silent) == 1 && accel_wire.box->flows.pool.used == 0);
    print_message("MB-01: %u cases\n", 1);
}

/* ---- a million a second ---- */

#define A_TURN_NS (64 * NS_PER_US) /* 64 SYNs */

struct flood {
    struct random random;
    uint64_t syns, bytes_in, answers, bytes_out, server_syns;
    unsigned healthy, completed;
    uint32_t isn; /* of the healthy one that is under way; 0: none was answered yet */
};

static void flood_burst(struct flood *fl, const struct accel_shot *syn, const uint8_t *frame, uint32_t bytes)
{
    struct packet *p[LINK_BURST];
    struct link *l = accel_wire.ends[ACCEL_CLIENTS][1];
    (void)syn;
    assert_int_equal(link_tx_alloc(l, p, LINK_BURST, LINK_ALLOC_DATA), LINK_BURST);
    for (unsigned i = 0; i < LINK_BURST; i++) { /* any source: the checksum is made right again by the port */
        uint8_t *f = p[i]->data;
        memcpy(f, frame, bytes);
        const uint32_t source = random_u32(&fl->random) | 1u << 31, was = load_be32(f + 26);
        uint16_t sum;
        store_be32(f + 26, source);
        memcpy(&sum, f + 24, 2);
        sum = checksum_update32(sum, htobe32(was), htobe32(source));
        memcpy(f + 24, &sum, 2);
        memcpy(&sum, f + 34 + WIRE_TCP_CHECKSUM_OFFSET, 2);
        sum = checksum_update32(sum, htobe32(was), htobe32(source));
        memcpy(f + 34 + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
        p[i]->len = bytes;
    }
    link_tx_burst(l, p, LINK_BURST, accel_wire.now);
    fl->syns += LINK_BURST;
    fl->bytes_in += LINK_BURST * (uint64_t)bytes;
}

/* Answers to clients: those of the healthy one are remembered. */
static void take_answers(struct flood *fl, uint16_t port)
{
    struct packet *p[LINK_BURST];
    for (unsigned n; (n = link_rx_burst(accel_wire.ends[ACCEL_CLIENTS][1], p, LINK_BURST, accel_wire.now)) > 0;) {
        for (unsigned i = 0; i < n; i++) {
            if (load_be32(p[i]->data + 30) == WIRE_CLIENT && load_be16(p[i]->data + 36) == port) {
                fl->isn = load_be32(p[i]->data + 38);
            } else if (load_be32(p[i]->data + 30) != WIRE_CLIENT) {
                fl->answers++;
                fl->bytes_out += p[i]->len;
            }
        }
        packet_release_burst(p, n);
    }
}

/* A connection that nobody spoofs: one step a turn. */
static void step_healthy(struct flood *fl, unsigned step, uint16_t port)
{
    uint8_t f[WIRE_FRAME];
    const struct wire_tcp_options offer = {.present = TCP_OPT_MSS, .mss = 1460};
    const struct accel_shot steps[] = {
        {.port = port, .flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = &offer},
        {.port = port, .flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = fl->isn + 1},
        {.from = ACCEL_SERVERS,
         .port = port,
         .flags = TCP_SYN | TCP_ACK,
         .seq = WIRE_SERVER_ISN,
         .ack = WIRE_CLIENT_ISN + 1,
         .options = &offer},
        {.port = port, .flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = fl->isn + 1, .payload = "ask", .length = 3},
        {.from = ACCEL_SERVERS,
         .port = port,
         .flags = TCP_ACK,
         .seq = WIRE_SERVER_ISN + 1,
         .ack = WIRE_CLIENT_ISN + 4,
         .payload = "yes",
         .length = 3},
        {.port = port, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 4},
    };
    if (step == 0)
        fl->isn = 0, fl->healthy++;
    struct packet *p;
    struct link *l = accel_wire.ends[steps[step].from][1];
    assert_int_equal(link_tx_alloc(l, &p, 1, LINK_ALLOC_CONTROL), 1);
    p->len = accel_wire_build(&steps[step], f);
    memcpy(p->data, f, p->len);
    link_tx_burst(l, &p, 1, accel_wire.now);
    fl->completed += step == ARRAY_SIZE(steps) - 1 && fl->isn != 0;
}

static void take_at_server(struct flood *fl, unsigned *data)
{
    struct accel_caught c;
    while (accel_wire_catch(ACCEL_SERVERS, &c)) {
        fl->server_syns += c.tcp.flags == TCP_SYN && load_be32(c.frame + 26) != WIRE_CLIENT;
        *data += load_be32(c.frame + 26) == WIRE_CLIENT && c.payload_length == 3;
    }
}

static void mb_01_a_million_syns_a_second(void **state)
{
    (void)state;
    struct accel_wire *w = &accel_wire;
    const char *shortened = getenv("WEIR_SIM_CELLS");
    const unsigned turns = (unsigned)(3 * NS_PER_S / A_TURN_NS / (shortened ? 100 : 1)) & ~7u;
    struct flood fl = {0};
    const struct wire_tcp_options offer = {.present = WIRE_ALL_OPTIONS, .mss = 1460, .wscale = 7, .ts_val = 1};
    const struct accel_shot syn = {.port = 4000, .flags = TCP_SYN, .seq = 12345, .options = &offer};
    uint8_t frame[WIRE_FRAME];
    unsigned data = 0, used_most = 0;
    random_seed(&fl.random, 1);
    accel_wire_kill();
    accel_settings_default(&w->settings);
    w->settings.secret = (struct hash_key){5, 6};
    accel_wire_box();
    const size_t memory = w->counting.live_bytes;
    const uint32_t bytes = accel_wire_build(&syn, frame);
    for (unsigned i = 0; i < turns; i++) {
        const uint16_t port = (uint16_t)(1000 + i / 8);
        w->now += A_TURN_NS;
        flood_burst(&fl, &syn, frame, bytes);
        if (i % 8 < 6)
            step_healthy(&fl, i % 8, port);
        accel_turn(w->box, w->now);
        accel_turn(w->box, w->now);
        take_answers(&fl, port);
        take_at_server(&fl, &data);
        used_most = max_u32(used_most, w->box->openings.used);
    }
    assert_null(accel_check(w->box));
    for (unsigned s = 0; s < 130; s++) { /* it is over: the table empties, and SYNs go on at once again */
        accel_wire_wait(1000);
        take_answers(&fl, 0);
        take_at_server(&fl, &data);
    }
    assert_int_equal(w->box->openings.used, 0);
    accel_wire_ask(999, &offer);
    assert_int_equal(w->counting.live_bytes, memory);
    assert_int_equal(fl.completed, fl.healthy);
    assert_int_equal(data, fl.healthy);
    assert_in_range(fl.answers, fl.syns, fl.syns + fl.server_syns); /* once more, where there was a flow */
    assert_true(fl.bytes_out <= fl.bytes_in);
    assert_true(fl.server_syns <= 2 * w->settings.syn_rate); /* before the rate was passed */
    assert_true(accel_wire_count(cookies_sent) >= fl.syns - fl.server_syns);
    print_message(
        "MB-01: %u SYNs of spoofed sources in %.2f s: %u answered, %.3f bytes out for each in, %u reached the "
        "server; %u of %u connections beside them completed; %u openings at most, %zu bytes of memory as "
        "before\n",
        (unsigned)fl.syns, turns * (double)A_TURN_NS / 1e9, (unsigned)fl.answers,
        (double)fl.bytes_out / (double)fl.bytes_in, (unsigned)fl.server_syns, fl.completed, fl.healthy, used_most,
        memory);
    print_message("MB-01: %u cases\n", (unsigned)fl.syns);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_rig, accel_wire_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(mb_01_cookies_become_connections),      CASE(mb_01_no_answer_is_longer_than_its_syn),
        CASE(mb_01_what_is_no_cookie_opens_nothing), CASE(mb_01_each_limit_is_counted),
        CASE(mb_01_a_pairs_cookie_is_its_number),    CASE(mb_01_a_client_that_never_comes_is_forgotten),
        CASE(mb_01_a_million_syns_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
