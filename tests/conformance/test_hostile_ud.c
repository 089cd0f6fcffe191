/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows UD-01 to UD-05 for IPv4: UDP that means harm. RFC 768, RFC 1122 4.1, RFC 6335.
 */
#include "support/hostile.h"

#include <string.h>

#define PORT 7000
#define QUIET_PORT 7001 /* nobody reads what comes there */
#define CLOSED_PORT 9
#define UDP 34u /* where the UDP header begins in a frame */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct sink {
    uint64_t received;
    uint32_t length;
    uint16_t from;
    uint8_t last[1500];
};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct sink *k = context;
    k->received++;
    k->length = d->length;
    k->from = d->remote_port;
    memcpy(k->last, d->bytes, min_u32(d->length, sizeof k->last));
}

static void not_read(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context;
    (void)d;
    (void)now;
}

static struct hostile *begin(struct sink *k)
{
    struct hostile *h = hostile_new(NULL);
    *k = (struct sink){0};
    assert_int_equal(udp_bind(h->stack, h->us, PORT, on_datagram, NULL, k), 0);
    return h;
}

static void fix_udp_checksum(uint8_t *f, uint32_t length)
{
    store_be16(f + UDP + 6, 0);
    uint16_t sum = wire_l4_checksum_v4(load_be32(f + 26), load_be32(f + 30), IP_PROTO_UDP, f + UDP, length);
    memcpy(f + UDP + 6, &sum, sizeof sum);
}

static void test_ud_01_lengths(void **state)
{
    (void)state;
    struct sink k;
    struct hostile *h = begin(&k);
    uint8_t f[FRAME_MAKE_BYTES];
    for (uint32_t said = 0; said < 65536; said += said < 600 || said > 65400 ? 1 : 13) {
        uint32_t n = make_udp(f, PEER, 1, US, PORT, "0123456789abcdefghij", 20);
        uint64_t before = k.received;
        store_be16(f + UDP + 4, (uint16_t)said);
        if (said >= 8 && said <= 28)
            fix_udp_checksum(f, said);
        hostile_case(h);
        hostile_inject(h, f, n);
        hostile_expect_silence(h);
        if (said < 8 || said > 28) {
            HOSTILE_DROPS(h, udp_bad_length, 1);
            assert_int_equal(k.received, before);
        } else { /* what UDP says counts; the rest is padding */
            HOSTILE_NO_DROPS(h);
            assert_int_equal(k.received, before + 1);
            assert_int_equal(k.length, said - 8);
            assert_memory_equal(k.last, "0123456789abcdefghij", said - 8);
        }
    }
    for (uint32_t present = 0; present < 8; present++) { /* not even a header */
        hostile_case(h);
        hostile_inject(h, f, make_ipv4(f, PEER, US, IP_PROTO_UDP, "\0\1\x1b\x58\0\10\0", present));
        HOSTILE_DROPS(h, udp_bad_length, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "UD-01");
}

static void test_ud_02_every_checksum_field(void **state)
{
    (void)state;
    struct sink k;
    struct hostile *h = begin(&k);
    uint8_t f[FRAME_MAKE_BYTES];
    uint32_t n = make_udp(f, PEER, 1, US, PORT, "checksum", 8);
    uint16_t right = load_be16(f + UDP + 6);
    for (uint32_t sum = 0; sum < 65536; sum++) {
        uint64_t before = k.received;
        bool good = sum == 0 || sum == right; /* 0: the sender made none */
        store_be16(f + UDP + 6, (uint16_t)sum);
        hostile_case(h);
        hostile_inject(h, f, n);
        if (good)
            HOSTILE_NO_DROPS(h);
        else
            HOSTILE_DROPS(h, udp_bad_checksum, 1);
        assert_int_equal(k.received, before + good);
        hostile_expect_silence(h);
    }
    hostile_end(h, "UD-02");
}

/* A sum of zero goes out as 0xffff: zero would say that there is none. */
static void test_ud_02_no_checksum_of_ours_is_zero(void **state)
{
    (void)state;
    struct sink k;
    struct hostile *h = begin(&k);
    struct ip_addr peer = v4(PEER);
    unsigned ones = 0;
    assert_int_equal(stack_add_neighbour(h->stack, h->us, &peer, PEER_MAC), 0);
    for (uint32_t v = 0; v < 65536; v++) {
        uint8_t bytes[2];
        store_be16(bytes, (uint16_t)v);
        struct udp_datagram d = {
            .local = h->us, .remote = peer, .local_port = PORT, .remote_port = 1, .bytes = bytes, .length = 2};
        hostile_case(h);
        assert_int_equal(udp_send(h->stack, &d, h->now), 0);
        hostile_pass(h, 0);
        struct wire_ipv4 ip;
        const uint8_t *u = hostile_expect_ipv4(h, IP_PROTO_UDP, &ip);
        assert_int_not_equal(load_be16(u + 6), 0);
        assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_UDP, u, 10));
        ones += load_be16(u + 6) == 0xffff;
    }
    assert_int_equal(ones, 1);
    hostile_end(h, "UD-02 (sent)");
}

static void test_ud_03_ports_and_sources(void **state)
{
    (void)state;
    static const uint32_t nobody[] = {0xffffffffu, US | 255u, 0xe0000001u, 0, 0x7f000001u, 0xf0000001u, US};
    struct sink k;
    struct hostile *h = begin(&k);
    uint8_t f[FRAME_MAKE_BYTES];
    for (uint32_t source = 0; source < 65536; source += 257) { /* nobody listens at port 0, and nobody says so */
        hostile_case(h);
        hostile_inject(h, f, make_udp(f, PEER, (uint16_t)source, US, 0, "x", 1));
        HOSTILE_DROPS(h, udp_port_zero, 1);
        hostile_expect_silence(h);
    }
    hostile_case(h); /* port 0 as source: no answer is wanted */
    hostile_inject(h, f, make_udp(f, PEER, 0, US, PORT, "x", 1));
    HOSTILE_NO_DROPS(h);
    assert_int_equal(k.received, 1);
    assert_int_equal(k.from, 0);
    for (unsigned i = 0; i < COUNT(nobody); i++)
        for (uint32_t port = 1; port < 65536; port += 997) {
            hostile_case(h);
            hostile_inject(h, f, make_udp(f, nobody[i], 9, US, (uint16_t)port, "x", 1));
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    assert_int_equal(k.received, 1);
    hostile_end(h, "UD-03");
}

/* Nothing is queued for whoever does not read: a flood costs its own handling and nothing else. */
static void test_ud_04_a_flood_nobody_reads(void **state)
{
    (void)state;
    struct sink k;
    struct hostile *h = begin(&k);
    assert_int_equal(udp_bind(h->stack, h->us, QUIET_PORT, not_read, NULL, NULL), 0);
    uint8_t flood[FRAME_MAKE_BYTES], other[FRAME_MAKE_BYTES];
    uint32_t n = make_udp(flood, PEER, 1, US, QUIET_PORT, other, 1400);
    uint32_t m = make_udp(other, PEER, 1, US, PORT, "for somebody else", 17);
    uint64_t sent = 0;
    for (uint32_t i = 0; i < 100000; i++) { /* 1 Mpps for a tenth of a second */
        hostile_case(h);
        hostile_inject(h, flood, n);
        HOSTILE_NO_DROPS(h);
        if (i % 100 == 0) {
            hostile_inject(h, other, m);
            sent++;
        }
        hostile_expect_silence(h);
        hostile_pass(h, NS_PER_US);
    }
    assert_int_equal(k.received, sent);
    hostile_end(h, "UD-04");
}

/* ---- UD-05 ---- */

/* A service that answers whatever comes, as echo does. */
struct echo_service {
    struct stack *stack;
    uint64_t answers;
};

static void answer(void *context, const struct udp_datagram *d, int64_t now)
{
    struct echo_service *e = context;
    e->answers += udp_send(e->stack, d, now) == 0;
}

/* Weir has no responder of its own below its users: closed ports answer with an error, once, and never an error. */
static void test_ud_05_no_loop_between_responders(void **state)
{
    (void)state;
    static const uint16_t services[] = {7, 13, 17, 19, 37, 53, 69, 123};
    struct hostile *h = hostile_new(NULL);
    struct echo_service echo = {.stack = h->stack};
    uint8_t f[FRAME_MAKE_BYTES];
    for (unsigned to = 0; to < COUNT(services); to++)
        for (unsigned from = 0; from < COUNT(services); from++) {
            hostile_case(h); /* closed ports: the answer is an error, and what that provokes is nothing */
            hostile_inject(h, f, make_udp(f, PEER, services[from], US, services[to], "0123456789", 10));
            HOSTILE_DROPS(h, udp_no_port, 1);
            const struct hostile_frame *e = hostile_next(h);
            assert_non_null(e);
            uint32_t n = make_ipv4(f, PEER, US, IP_PROTO_ICMP, e->bytes + 34, e->length - 34); /* sent back to us */
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, icmp_unmatched, 1);
            hostile_expect_silence(h);
            hostile_pass(h, 10 * NS_PER_MS);
        }
    assert_int_equal(udp_bind(h->stack, h->us, 7, answer, NULL, &echo), 0);
    assert_int_equal(udp_bind(h->stack, h->us, 19, answer, NULL, &echo), 0);
    for (unsigned i = 0; i < 1000; i++) { /* two services of ours, set upon each other from outside */
        hostile_case(h);
        hostile_inject(h, f, make_udp(f, US, i % 2 ? 7 : 19, US, i % 2 ? 19 : 7, "0123456789", 10));
        HOSTILE_DROPS(h, ip_bad_source, 1);
        hostile_expect_silence(h);
    }
    assert_int_equal(echo.answers, 0);
    hostile_end(h, "UD-05");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ud_01_lengths),
        cmocka_unit_test(test_ud_02_every_checksum_field),
        cmocka_unit_test(test_ud_02_no_checksum_of_ours_is_zero),
        cmocka_unit_test(test_ud_03_ports_and_sources),
        cmocka_unit_test(test_ud_04_a_flood_nobody_reads),
        cmocka_unit_test(test_ud_05_no_loop_between_responders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
