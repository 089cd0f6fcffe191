/* SPDX-License-Identifier: MIT */
/*
 * What the near box of the accelerator leaves alone (THREATS MB-08, MB-09), the numbers that it chooses (MB-10), and
 * connections of one four-tuple (MB-11).
 */
#include <stdlib.h>

#include "base/random.h"
#include "support/accel_wire.h"
#include "support/cmocka_all.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

/* ---- MB-08 ---- */

static void must_pass_as_it_is(enum accel_side from, const uint8_t *f, uint32_t bytes)
{
    struct packet *p;
    accel_wire_frame(from, f, bytes);
    assert_int_equal(link_rx_burst(accel_wire.ends[!from][1], &p, 1, accel_wire.now), 1);
    assert_int_equal(p->len, bytes);
    assert_memory_equal(p->data, f, bytes);
    packet_release(p);
    accel_wire_expect_nothing();
}

/* A frame of these bytes behind an IPv4 header with this protocol and these fragment bits. */
static uint32_t put_ip(uint8_t *f, struct random *r, uint8_t protocol, uint16_t fragment, uint32_t bytes)
{
    const struct accel_shot like = {.flags = TCP_ACK, .seq = 1, .ack = 1};
    accel_wire_build(&like, f);
    const struct wire_ipv4 h = {.src = WIRE_CLIENT,
                                .dst = WIRE_SERVER,
                                .total_len = (uint16_t)(20 + bytes),
                                .ttl = 64,
                                .protocol = protocol,
                                .id = (uint16_t)random_u32(r)};
    wire_ipv4_build20(f + 14, &h);
    store_be16(f + 14 + 6, fragment);
    store_be16(f + 14 + 10, 0);
    const uint16_t sum = checksum_finish(checksum_add_scalar(0, f + 14, 20));
    memcpy(f + 14 + 10, &sum, 2);
    for (uint32_t i = 0; i < bytes; i++)
        f[34 + i] = (uint8_t)random_u32(r);
    return 34 + bytes;
}

static void mb_08_what_is_not_for_the_box_passes_byte_for_byte(void **state)
{
    (void)state;
    static const uint8_t md5[] = {19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1};
    static const uint8_t ao[] = {29, 16, 1, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    static const uint8_t mptcp[] = {30, 12, 1, 0x81, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t cookie_request[] = {34, 2, 1, 1};
    static const uint8_t cookie[] = {34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    static const struct {
        const uint8_t *bytes;
        uint32_t length;
    } sets[] = {{md5, sizeof md5},
                {ao, sizeof ao},
                {mptcp, sizeof mptcp},
                {cookie_request, sizeof cookie_request},
                {cookie, sizeof cookie}};
    static const uint8_t protocols[] = {IP_PROTO_UDP, 50, 51, 132, 47, 4, 89, 253};
    uint8_t f[WIRE_FRAME];
    unsigned cases = 0, frames = 0;
    struct random r;
    random_seed(&r, 8);
    for (uint16_t i = 0; i < ARRAY_SIZE(sets) * 4; i++, cases++) { /* connections, from their SYNs on */
        const uint16_t port = (uint16_t)(1000 + i);
        const bool data = i / 5 % 2, v6 = i / 10;
        const uint64_t options = accel_wire_count(bypass_options), with_data = accel_wire_count(bypass_data);
        struct accel_shot s = {.port = port,
                               .flags = TCP_SYN,
                               .seq = 5,
                               .raw_options = sets[i % 5].bytes,
                               .v6 = v6,
                               .raw_length = sets[i % 5].length,
                               .payload = "data",
                               .length = data ? 4 : 0};
        must_pass_as_it_is(ACCEL_CLIENTS, f, accel_wire_build(&s, f));
        s.from = ACCEL_SERVERS, s.flags = TCP_SYN | TCP_ACK, s.length = 0;
        must_pass_as_it_is(ACCEL_SERVERS, f, accel_wire_build(&s, f));
        for (unsigned k = 0; k < 20; k++, frames++) {
            s.from = k % 2 ? ACCEL_SERVERS : ACCEL_CLIENTS;
            s.flags = (uint16_t)(TCP_ACK | (random_below(&r, 4) ? 0 : TCP_FIN) | (random_below(&r, 8) ? 0 : TCP_RST));
            s.seq = random_u32(&r), s.ack = random_u32(&r);
            s.length = (uint32_t)random_below(&r, 5), s.spoilt = k % 5 ? 0 : 77;
            must_pass_as_it_is(s.from, f, accel_wire_build(&s, f));
        }
        assert_int_equal(accel_wire_count(bypass_options) - options, !data);
        assert_int_equal(accel_wire_count(bypass_data) - with_data, data);
    }
    for (unsigned i = 0; i < 4000; i++, cases++) { /* fragments, other protocols */
        const bool fragment = i % 2;
        const uint16_t bits = fragment ? (uint16_t)(i % 4 == 1 ? 0x2000 : 1 + random_below(&r, 0x3ffe)) : 0;
        const uint8_t protocol = fragment ? IP_PROTO_TCP : protocols[random_below(&r, ARRAY_SIZE(protocols))];
        must_pass_as_it_is(i % 3 ? ACCEL_CLIENTS : ACCEL_SERVERS, f,
                           put_ip(f, &r, protocol, bits, 8 * (1 + (uint32_t)random_below(&r, 100))));
    }
    for (unsigned i = 0; i < 2000; i++, cases++) { /* what is no IP */
        const uint32_t bytes = 60 + (uint32_t)random_below(&r, 1000);
        for (uint32_t k = 0; k < bytes; k++)
            f[k] = (uint8_t)random_u32(&r);
        store_be16(f + 12, (uint16_t[]){0x0806, 0x88cc, 0x8847, 100, 0x88a8, 0x0800, 0x86dd}[i % 7]);
        must_pass_as_it_is(i % 2, f, bytes);
    }
    assert_true(accel_wire.box->flows.pool.used == 0 && accel_wire_drops() == 0);
    print_message("MB-08: %u frames of connections that passed\nMB-08: %u cases\n", frames, cases);
}

/* ---- MB-09 ---- */

/* A table that is full, and paths on which the box sees one way only: whole connections pass, none is half translated. */
static void mb_09_what_nobody_knows_passes(void **state)
{
    (void)state;
    uint8_t f[WIRE_FRAME];
    unsigned cases = 0;
    struct random r;
    random_seed(&r, 9);
    accel_wire_kill();
    accel_wire.settings.max_openings = 16;
    accel_wire_box();
    for (uint16_t i = 0; i < 8; i++)
        (void)accel_wire_ask((uint16_t)(i + 1), &accel_wire_plain);
    for (uint16_t i = 0; i < 200; i++, cases++) { /* the table is full */
        struct accel_shot s = {
            .port = (uint16_t)(1000 + i), .flags = TCP_SYN, .seq = random_u32(&r), .options = &accel_wire_offer};
        must_pass_as_it_is(ACCEL_CLIENTS, f, accel_wire_build(&s, f));
        s.from = ACCEL_SERVERS, s.flags = TCP_SYN | TCP_ACK, s.ack = s.seq + 1, s.seq = random_u32(&r);
        must_pass_as_it_is(ACCEL_SERVERS, f, accel_wire_build(&s, f));
        s.from = ACCEL_CLIENTS, s.flags = TCP_ACK, s.options = NULL;
        must_pass_as_it_is(ACCEL_CLIENTS, f, accel_wire_build(&s, f));
    }
    assert_int_equal(accel_wire_count(bypass_full), 200);
    for (unsigned i = 0; i < 5000; i++, cases++) { /* segments from the middle of connections */
        const struct accel_shot s = {.from = (enum accel_side)(i % 2),
                                     .port = (uint16_t)(2000 + i % 1000),
                                     .flags = (uint16_t)(random_below(&r, 64) & (i % 2 ? 63u : 61u)),
                                     .seq = random_u32(&r),
                                     .ack = random_u32(&r),
                                     .payload = "middle",
                                     .length = i % 7,
                                     .spoilt = i % 11 ? 0 : 5};
        must_pass_as_it_is(s.from, f, accel_wire_build(&s, f));
    }
    /* only the server's way is seen: its SYN-ACK and all after it */
    struct accel_shot s = {.from = ACCEL_SERVERS, .port = 4000, .flags = TCP_SYN | TCP_ACK, .seq = 1, .ack = 2};
    must_pass_as_it_is(ACCEL_SERVERS, f, accel_wire_build(&s, f));
    s.flags = TCP_ACK, s.payload = "data", s.length = 4;
    must_pass_as_it_is(ACCEL_SERVERS, f, accel_wire_build(&s, f));
    cases += 2;
    print_message("MB-09: %u cases\n", cases);
}

/* Only the client's way is seen: the server's SYN-ACK goes by; the box gives up, and says so. */
static void mb_09_a_server_whose_answers_go_another_way(void **state)
{
    (void)state;
    struct accel_caught c;
    const uint32_t isn = accel_wire_ask(1000, &accel_wire_plain);
    accel_wire_client(1000, isn, TCP_ACK, 0, "", 0);
    accel_wire_client(1000, isn, TCP_ACK, 0, "early", 5);
    unsigned resets = 0;
    for (unsigned i = 0; i < 21; i++) {
        accel_wire_wait(1000);
        while (accel_wire_catch(ACCEL_SERVERS, &c))
            assert_int_equal(c.tcp.flags, TCP_SYN); /* no early data, whose numbers nobody could acknowledge */
        while (accel_wire_catch(ACCEL_CLIENTS, &c))
            resets += (c.tcp.flags & TCP_RST) && c.tcp.seq.v == isn + 1;
    }
    assert_true(resets == 1 && accel_wire_count(server_silent) == 1 && accel_wire_count(early_undelivered) == 1);
    print_message("MB-09: %u cases\n", 1);
}

/* ---- MB-10 ---- */

/* The initial sequence numbers of a million connections, of equal and of changing clients: each bit and byte as chance has it. */
static void mb_10_numbers_that_nobody_guesses(void **state)
{
    (void)state;
    const unsigned n = getenv("WEIR_SIM_CELLS") ? 20000 : 1000000;
    const unsigned five_sigma = n > 100000 ? 2500 : 354;
    unsigned ones[32] = {0}, bytes[256] = {0}, equal = 0, beside_client = 0;
    uint32_t last = 0;
    struct accel_wire *w = &accel_wire;
    accel_wire_kill();
    w->settings.syn_rate = w->settings.source_syn_rate = 0;
    w->settings.secret = (struct hash_key){UINT64_C(0x1234567887654321), 99};
    accel_wire_box();
    uint8_t f[WIRE_FRAME];
    struct accel_caught c;
    for (unsigned i = 0; i < n; i++) {
        const bool cookie = i & 1;
        const struct accel_shot s = {.client = WIRE_CLIENT + i / 50000,
                                     .port = (uint16_t)(1 + i % 50000),
                                     .flags = TCP_SYN,
                                     .seq = i * 64000,
                                     .options = &accel_wire_plain};
        w->now += 1000;
        w->settings.syn_rate = 1;
        w->box->limits.interval_ns = cookie;
        w->box->limits.due = cookie ? w->now + 2 * NS_PER_S : 0;
        accel_wire_frame(ACCEL_CLIENTS, f, accel_wire_build(&s, f));
        assert_true(accel_wire_catch(ACCEL_CLIENTS, &c));
        const uint32_t isn = c.tcp.seq.v, step = isn - last;
        for (unsigned bit = 0; bit < 32; bit++)
            ones[bit] += step >> bit & 1;
        bytes[step >> 24]++;
        equal += isn == last;
        beside_client += isn - s.seq < 1 << 16;
        last = isn;
        const uint32_t flow =
            w->box->flows.pool.used
                ? accel_flow_find(&w->box->flows, &(struct accel_key){.client = ip_addr_from_v4(s.client),
                                                                      .server = ip_addr_from_v4(WIRE_SERVER),
                                                                      .client_port = s.port,
                                                                      .server_port = 80})
                : POOL_NONE;
        if (flow != POOL_NONE)
            accel_flow_end(w->box, accel_flow_at(&w->box->flows, flow));
        while (accel_wire_catch(ACCEL_SERVERS, &c))
            ;
    }
    double chi = 0;
    for (unsigned i = 0; i < 256; i++)
        chi += ((double)bytes[i] - n / 256.0) * ((double)bytes[i] - n / 256.0) / (n / 256.0);
    for (unsigned bit = 0; bit < 32; bit++)
        assert_in_range(ones[bit], n / 2 - five_sigma, n / 2 + five_sigma);
    assert_true(chi < 255 + 5 * 22.6);
    assert_true(equal <= 3 && beside_client <= n / 65536 * 2 + 10);
    print_message("MB-10: chi-square of the steps' first byte %.0f of 255\nMB-10: %u cases\n", chi, n);
}

/* The same connection again moves on by the clock alone (RFC 6528); another key gives other numbers. */
static void mb_10_the_same_connection_moves_on(void **state)
{
    (void)state;
    const uint32_t first = accel_wire_ask(1000, &accel_wire_plain);
    accel_wire_send(&(struct accel_shot){.port = 1000, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 1});
    accel_wire_wait(20000);
    accel_wire_take_all();
    const uint32_t second = accel_wire_ask(1000, &accel_wire_plain);
    assert_in_range(second - first, 20 * 250000, 20 * 250000 + 1000);
    accel_wire_kill();
    accel_wire.settings.secret.k1++;
    accel_wire_box();
    const uint32_t other = accel_wire_ask(1000, &accel_wire_plain);
    assert_true(other - second > 1000);
    print_message("MB-10: %u cases\n", 3);
}

/* ---- MB-11 ---- */

/* Connections of one four-tuple, one after the other and over what is left of the last: each with its own bytes. */
static void mb_11_a_four_tuple_used_again(void **state)
{
    (void)state;
    struct random r;
    unsigned cases = 0;
    uint32_t seq = 1000, server_isn = 5;
    uint32_t old_seq = 0, old_ack = 0;
    random_seed(&r, 11);
    for (unsigned i = 0; i < 2000; i++, cases++) {
        uint8_t text[300], back[300];
        struct accel_caught c;
        for (unsigned k = 0; k < sizeof text; k++)
            text[k] = (uint8_t)random_u32(&r), back[k] = (uint8_t)random_u32(&r);
        accel_wire_send(&(struct accel_shot){.flags = TCP_SYN, .seq = seq, .options = &accel_wire_plain});
        const uint32_t isn = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK).tcp.seq.v;
        accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
        if (i && i % 3 == 0) { /* a straggler of the connection before: answered as in SYN-SENT, RFC 9293 3.10.7.3 */
            accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                                 .flags = TCP_ACK,
                                                 .seq = old_seq,
                                                 .ack = old_ack,
                                                 .payload = "old",
                                                 .length = 3});
            assert_int_equal(accel_wire_expect(ACCEL_SERVERS, TCP_RST).tcp.seq.v, old_ack);
            assert_int_equal(accel_wire_expect(ACCEL_SERVERS, TCP_SYN).tcp.seq.v, seq);
            accel_wire_expect_nothing();
        }
        accel_wire_send(&(struct accel_shot){
            .flags = TCP_ACK, .seq = seq + 1, .ack = isn + 1, .payload = text, .length = i % 2 ? 300 : 0});
        accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                             .flags = TCP_SYN | TCP_ACK,
                                             .seq = server_isn,
                                             .ack = seq + 1,
                                             .options = &accel_wire_plain});
        c = accel_wire_expect(ACCEL_SERVERS, i % 2 ? TCP_ACK | TCP_PSH : TCP_ACK);
        if (i % 2 == 0) {
            accel_wire_send(
                &(struct accel_shot){.flags = TCP_ACK, .seq = seq + 1, .ack = isn + 1, .payload = text, .length = 300});
            c = accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
        }
        assert_true(c.payload_length == 300 && c.tcp.ack.v == server_isn + 1);
        assert_memory_equal(c.frame + c.payload, text, 300);
        while (accel_wire_catch(ACCEL_CLIENTS, &c))
            assert_int_equal(c.payload_length, 0);
        accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                             .flags = TCP_ACK | TCP_FIN,
                                             .seq = server_isn + 1,
                                             .ack = seq + 301,
                                             .payload = back,
                                             .length = 300});
        c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK | TCP_FIN);
        assert_true(c.tcp.seq.v == isn + 1 && c.payload_length == 300);
        assert_memory_equal(c.frame + c.payload, back, 300);
        accel_wire_send(&(struct accel_shot){.flags = TCP_ACK | TCP_FIN, .seq = seq + 301, .ack = isn + 302});
        accel_wire_expect(ACCEL_SERVERS, TCP_ACK | TCP_FIN);
        accel_wire_send(
            &(struct accel_shot){.from = ACCEL_SERVERS, .flags = TCP_ACK, .seq = server_isn + 302, .ack = seq + 302});
        accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
        assert_int_equal(accel_wire_count(flows_closed), i + 1); /* TIME-WAIT: the mapping lives */
        old_seq = server_isn + 1, old_ack = seq + 301;
        seq += 70000 + random_u32(&r) % 1000000;
        server_isn = random_u32(&r);
        accel_wire_wait(i % 5 ? 0 : 500);
    }
    print_message("MB-11: %u cases\n", cases);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, accel_wire_set_up, accel_wire_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(mb_08_what_is_not_for_the_box_passes_byte_for_byte),
        CASE(mb_09_what_nobody_knows_passes),
        CASE(mb_09_a_server_whose_answers_go_another_way),
        CASE(mb_10_numbers_that_nobody_guesses),
        CASE(mb_10_the_same_connection_moves_on),
        CASE(mb_11_a_four_tuple_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
