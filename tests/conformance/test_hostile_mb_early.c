/* SPDX-License-Identifier: MIT */
/*
 * What the near box of the accelerator promised and took before the server answered, and what becomes of it (THREATS MB-02,
 * MB-03, MB-06). Floods, kills, what passes, and arithmetic are in the other test_hostile_mb_*.c.
 */
#include <stdlib.h>

#include "support/accel_wire.h"
#include "support/cmocka_all.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

/* ---- MB-02 ---- */

/* ICMP unreachable about the SYN that the box sent on, from the servers' side. */
static void unreachable(const struct accel_caught *syn, uint8_t code)
{
    uint8_t f[128] = {0};
    memcpy(f, syn->frame + 6, 6);
    memcpy(f + 6, syn->frame, 6);
    store_be16(f + 12, ETHERTYPE_IPV4);
    const struct wire_ipv4 h = {
        .src = 0xc6130101, .dst = WIRE_CLIENT, .total_len = 20 + 8 + 28, .ttl = 64, .protocol = IP_PROTO_ICMP};
    wire_ipv4_build20(f + 14, &h);
    f[34] = WIRE_ICMP_UNREACHABLE, f[35] = code;
    memcpy(f + 42, syn->frame + 14, 28);
    const uint16_t sum = checksum_finish(checksum_add_scalar(0, f + 34, 36));
    memcpy(f + 36, &sum, 2);
    accel_wire_frame(ACCEL_SERVERS, f, 70);
}

/* Refused, unreachable, silent; with nothing, a segment or a FIN written early: one reset in the client's window, in time. */
static void mb_02_a_server_that_is_not_there(void **state)
{
    (void)state;
    unsigned cases = 0;
    accel_wire_kill();
    accel_wire.settings.server_timeout_ns = 3 * NS_PER_S;
    accel_wire_box();
    for (uint16_t how = 0; how < 3; how++) {
        for (uint16_t early = 0; early < 4; early++, cases++) {
            const uint16_t port = (uint16_t)(1000 + cases);
            accel_wire_send(&(struct accel_shot){
                .port = port, .flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = &accel_wire_offer});
            const uint32_t isn = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK).tcp.seq.v;
            const struct accel_caught syn = accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
            if (early)
                accel_wire_client(port, isn, TCP_ACK | (early == 3 ? TCP_FIN : 0), 0, "early", early > 1 ? 5 : 0);
            if (how == 0)
                accel_wire_send(&(struct accel_shot){
                    .from = ACCEL_SERVERS, .port = port, .flags = TCP_RST | TCP_ACK, .ack = WIRE_CLIENT_ISN + 1});
            if (how == 1)
                unreachable(&syn, 1); /* reaches the client, who takes it for what it is: RFC 1122 4.2.3.9 */
            accel_wire_wait(how == 0 ? 1 : 3100);
            unsigned resets = 0, errors = 0;
            struct accel_caught c;
            while (accel_wire_catch(ACCEL_CLIENTS, &c)) {
                errors += c.frame[23] == IP_PROTO_ICMP;
                if (c.frame[23] == IP_PROTO_ICMP || !(c.tcp.flags & TCP_RST))
                    continue;
                assert_true(c.tcp.seq.v == isn + 1 && c.tcp.flags & TCP_ACK);
                assert_in_range(c.tcp.ack.v - WIRE_CLIENT_ISN - 1, 0, early == 3 ? 6 : early == 2 ? 5 : 0);
                resets++;
            }
            assert_int_equal(resets, 1);
            assert_int_equal(errors, how == 1);
            assert_true(accel_wire.box->buffers.used == 0 && accel_wire.box->openings.used == 0);
            accel_wire_wait(11000);
            accel_wire_take_all();
            assert_int_equal(accel_wire.box->flows.pool.used, 0);
        }
    }
    assert_true(accel_wire_count(server_refused) == 4 && accel_wire_count(server_silent) == 8);
    assert_int_equal(accel_wire_drops(), 0);
    print_message("MB-02: %u cases\n", cases);
}

/* ---- MB-03 ---- */

/*
 * Every set of options that a client may accel_wire_offer, a server may have said the last time, and says now; MSS of 536 and more:
 * each segment obeys its receiver.
 */
static void mb_03_each_end_gets_what_it_agreed_to(void **state)
{
    (void)state;
    static const uint16_t sets[] = {0, TCP_OPT_WSCALE, TCP_OPT_SACK_PERMITTED, TCP_OPT_TIMESTAMPS,
                                    WIRE_ALL_OPTIONS & ~TCP_OPT_MSS};
    uint8_t text[1400];
    unsigned cases = 0;
    memset(text, 'm', sizeof text);
    for (unsigned i = 0; i < 5 * 5 * 5 * 2; i++, cases++) {
        const uint16_t offered = sets[i % 5], known = sets[i / 5 % 5];
        const uint16_t said = sets[i / 25 % 5] & offered, mss = i / 125 ? 536 : 1460, port = (uint16_t)(1000 + i);
        const struct accel_key key = {.server = ip_addr_from_v4(WIRE_SERVER), .server_port = 80};
        const struct accel_promise memory = {.mss = 1460, .wscale = 5, .present = (uint8_t)known};
        accel_servers_learn(&accel_wire.box->servers, &key, &memory, false, accel_wire.now);
        const struct wire_tcp_options asks = {
            .present = offered | TCP_OPT_MSS, .mss = 1460, .wscale = 7, .ts_val = 1000};
        const struct wire_tcp_options says = {
            .present = said | TCP_OPT_MSS, .mss = mss, .wscale = 2, .ts_val = 9000, .ts_ecr = 1000};
        accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = &asks});
        struct accel_caught c = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
        accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
        const uint32_t isn = c.tcp.seq.v;
        const uint16_t told = c.options.present;
        assert_int_equal(told & ~TCP_OPT_MSS & ~(offered & known), 0);
        const struct wire_tcp_options of_client = {
            .present = told & TCP_OPT_TIMESTAMPS, .ts_val = 1010, .ts_ecr = c.options.ts_val};
        struct accel_shot s = {.port = port,
                               .flags = TCP_ACK,
                               .seq = WIRE_CLIENT_ISN + 1,
                               .ack = isn + 1,
                               .options = &of_client,
                               .window = 5000};
        accel_wire_send(&s);
        accel_wire_answer(port, &says);
        c = accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
        assert_int_equal(c.options.present, said & TCP_OPT_TIMESTAMPS);
        accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
        const struct wire_tcp_options of_server = {
            .present = said & TCP_OPT_TIMESTAMPS, .ts_val = 9010, .ts_ecr = 1010};
        accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                             .port = port,
                                             .flags = TCP_ACK,
                                             .window = 8000,
                                             .seq = WIRE_SERVER_ISN + 1,
                                             .ack = WIRE_CLIENT_ISN + 1,
                                             .options = &of_server,
                                             .payload = "x",
                                             .length = 1});
        c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
        assert_int_equal(c.options.present, told & TCP_OPT_TIMESTAMPS);
        assert_int_equal((uint32_t)c.tcp.window << (told & TCP_OPT_WSCALE ? 5 : 0),
                         min_u32((8000u << (said & TCP_OPT_WSCALE ? 2 : 0)) & ~(told & TCP_OPT_WSCALE ? 31u : 0u),
                                 told & TCP_OPT_WSCALE ? UINT32_MAX : 65535));
        /* a full segment, and one with SACK */
        struct wire_tcp_options sack = of_client;
        sack.ts_ecr = c.options.ts_val;
        if (told & TCP_OPT_SACK_PERMITTED) {
            sack.present |= TCP_OPT_SACK;
            sack.sack_count = 1;
            sack.sack[0] = (struct wire_sack_block){seq_of(isn + 10), seq_of(isn + 20)};
        }
        s.options = &sack, s.payload = text, s.length = sizeof text, s.ack = isn + 2;
        accel_wire_send(&s);
        uint32_t bytes = 0;
        while (bytes < sizeof text) {
            assert_true(accel_wire_catch(ACCEL_SERVERS, &c));
            assert_true(c.payload_length + (c.payload - 54) <= mss);
            assert_int_equal(c.tcp.seq.v, WIRE_CLIENT_ISN + 1 + bytes);
            assert_memory_equal(c.frame + c.payload, text, c.payload_length);
            assert_int_equal(c.options.present & TCP_OPT_TIMESTAMPS, said & TCP_OPT_TIMESTAMPS);
            assert_int_equal((c.options.present & TCP_OPT_SACK) != 0,
                             told & TCP_OPT_SACK_PERMITTED && said & TCP_OPT_SACK_PERMITTED);
            if (c.options.present & TCP_OPT_SACK)
                assert_int_equal(c.options.sack[0].left.v, WIRE_SERVER_ISN + 10);
            bytes += c.payload_length;
        }
        accel_wire_expect_nothing();
        accel_wire_send(
            &(struct accel_shot){.port = port, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 1 + (uint32_t)sizeof text});
        accel_wire_wait(11000);
        accel_wire_take_all();
    }
    assert_int_equal(accel_wire_drops(), 0);
    print_message("MB-03: %u cases\n", cases);
}

/* ---- MB-06 ---- */

/*
 * Clients that write 64 KB to 1 GB before the server answers, in segments of several sizes, and that do not mind the
 * window: what is kept is bounded, what was acknowledged arrives, and what is not taken is not acknowledged.
 */
static void mb_06_early_data_without_end(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {65536, 1 << 20, 16 << 20, UINT64_C(1) << 30};
    static const uint32_t pieces[] = {1, 536, 1000, 1460};
    uint8_t text[1460];
    unsigned cases = 0;
    uint64_t segments = 0;
    accel_wire_kill();
    accel_wire.settings.server_memory_ns = 1; /* every server is a stranger */
    accel_wire_box();
    for (unsigned i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(pieces); i++, cases++) {
        const uint32_t piece = pieces[i % 4];
        const uint64_t most = getenv("WEIR_SIM_CELLS") ? 1 << 20 : (uint64_t)piece << 20;
        const uint64_t whole = sizes[i / 4] < most ? sizes[i / 4] : most;
        const uint16_t port = (uint16_t)(1000 + i);
        const uint32_t isn = accel_wire_ask(port, &accel_wire_plain);
        uint32_t acked = 0, edge = 11 * 536;
        struct accel_caught c;
        for (uint64_t at = 0; at < whole; at += piece, segments++) {
            for (uint32_t k = 0; k < piece; k++)
                text[k] = (uint8_t)((at + k) * 7 % 251);
            uint8_t f[WIRE_FRAME];
            const struct accel_shot s = {.port = port,
                                         .flags = TCP_ACK,
                                         .seq = WIRE_CLIENT_ISN + 1 + (uint32_t)at,
                                         .ack = isn + 1,
                                         .payload = text,
                                         .length = piece};
            accel_wire_frame(ACCEL_CLIENTS, f, accel_wire_build(&s, f));
            while (accel_wire_catch(ACCEL_CLIENTS, &c)) {
                acked = max_u32(acked, c.tcp.ack.v - WIRE_CLIENT_ISN - 1);
                edge = max_u32(edge, c.tcp.ack.v - WIRE_CLIENT_ISN - 1 + c.tcp.window);
            }
            if (!(acked <= edge && edge <= 11 * 536)) /* it closes */
                fail_msg("at %llu of %u: acknowledged %u, edge %u", (unsigned long long)at, piece, acked, edge);
        }
        assert_true(accel_wire.box->buffers.used == 1);
        accel_wire_answer(port, &accel_wire_plain);
        uint32_t delivered = 0;
        for (unsigned ms = 0; ms < 400; ms++) {
            while (accel_wire_catch(ACCEL_CLIENTS, &c))
                acked = max_u32(acked, c.tcp.ack.v - WIRE_CLIENT_ISN - 1);
            while (accel_wire_catch(ACCEL_SERVERS, &c)) {
                const uint32_t at = c.tcp.seq.v - WIRE_CLIENT_ISN - 1;
                assert_true(at <= delivered);
                for (uint32_t k = 0; k < c.payload_length; k++)
                    assert_int_equal(c.frame[c.payload + k], (at + k) * 7 % 251);
                delivered = max_u32(delivered, at + c.payload_length);
                accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                                     .port = port,
                                                     .flags = TCP_ACK,
                                                     .seq = WIRE_SERVER_ISN + 1,
                                                     .ack = WIRE_CLIENT_ISN + 1 + delivered});
            }
            accel_wire_wait(1);
        }
        assert_int_equal(delivered, min_u32(11 * 536, (uint32_t)(whole < 11 * 536 ? whole : 11 * 536)));
        assert_true(acked <= delivered && accel_wire.box->buffers.used == 0);
        accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 1 + delivered});
        accel_wire_wait(11000);
        accel_wire_take_all();
    }
    assert_int_equal(accel_wire_count(early_undelivered), 0);
    print_message("MB-06: %llu segments\nMB-06: %u cases\n", (unsigned long long)segments, cases);
}

/* More flows with early data than there are buffers: nothing of theirs is acknowledged, and it comes again. */
static void mb_06_buffers_that_run_out(void **state)
{
    (void)state;
    accel_wire_kill();
    accel_wire.settings.early_buffers = 2;
    accel_wire_box();
    uint32_t isn[4];
    for (uint16_t i = 0; i < 4; i++) {
        isn[i] = accel_wire_ask((uint16_t)(1000 + i), &accel_wire_plain);
        accel_wire_client((uint16_t)(1000 + i), isn[i], TCP_ACK, 0, "early", 5);
    }
    assert_int_equal(accel_wire_count(drop_no_buffer), 2);
    accel_wire_wait(195);
    struct accel_caught c;
    for (uint16_t i = 0; i < 2; i++) {
        c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
        assert_true(c.tcp.ack.v == WIRE_CLIENT_ISN + 6 && load_be16(c.frame + 36) == 1000 + i);
    }
    accel_wire_expect_nothing();
    for (uint16_t i = 0; i < 4; i++) {
        accel_wire_answer((uint16_t)(1000 + i), &accel_wire_plain);
        accel_wire_take_all();
        accel_wire_client((uint16_t)(1000 + i), isn[i], TCP_ACK, 0, "early", 5); /* again */
        if (i >= 2)
            assert_int_equal(accel_wire_expect(ACCEL_SERVERS, TCP_ACK).payload_length, 5);
        accel_wire_take_all();
    }
    assert_int_equal(accel_wire_drops(), 2);
    print_message("MB-06: %u cases\n", 4);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, accel_wire_set_up, accel_wire_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(mb_02_a_server_that_is_not_there),
        CASE(mb_03_each_end_gets_what_it_agreed_to),
        CASE(mb_06_early_data_without_end),
        CASE(mb_06_buffers_that_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
