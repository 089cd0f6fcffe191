/* SPDX-License-Identifier: MIT */
/*
 * What comes and goes with a datagram beside its bytes: where it was sent to, TTL and TOS; DF, pieces, the path's MTU.
 * RFC 768, 791, 1122 4.1.4 and 4.1.3.5, RFC 1191, RFC 1071 section 2 (B).
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "base/random.h"

static uint8_t body[65536];

struct receiver {
    unsigned received;
    struct udp_datagram last;
};

static void on_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct receiver *x = context;
    x->received++;
    x->last = *d;
}

static struct udp_datagram to(const struct rig *r, uint32_t remote, uint32_t length)
{
    return (struct udp_datagram){
        .local = r->us, .remote = v4(remote), .local_port = 1000, .remote_port = 2000, .bytes = body, .length = length};
}

static struct rig *resolved(void)
{
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    return r;
}

static void test_a_datagram_says_how_it_came(void **state)
{
    (void)state;
    static const struct {
        uint32_t destination;
        uint8_t ttl, tos;
    } cases[] = {{US, 1, 0}, {US, 255, 0x03}, {US | 255u, 64, 0xb8}, {0xffffffff, 7, 1}, {0xe0000001, 1, 2}};
    struct rig *r = rig_new();
    struct receiver x = {0};
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &x), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t f[128];
        uint32_t n = make_udp(f, PEER, 1, cases[i].destination, 53, body, 8);
        if (cases[i].destination != US)
            memcpy(f, BROADCAST_MAC, 6);
        f[14 + 1] = cases[i].tos;
        f[14 + 8] = cases[i].ttl;
        fix_ip_checksum(f);
        rig_input(r, f, n);
        assert_int_equal(x.received, i + 1);
        const struct ip_arrival *a = &x.last.arrival;
        assert_int_equal(ip_addr_to_v4(&a->destination), cases[i].destination);
        assert_int_equal(a->ttl, cases[i].ttl);
        assert_int_equal(a->tos, cases[i].tos);
        assert_int_equal(a->interface, 0);
        assert_int_equal(x.last.local, r->us);
    }
    rig_free(r);
}

static void test_ttl_and_tos_are_the_senders(void **state)
{
    (void)state;
    static const struct {
        uint32_t remote;
        uint8_t ttl, tos, expected;
    } cases[] = {{PEER, 0, 0, 64},        {PEER, 1, 0x10, 1},     {PEER, 255, 0xff, 255},  {0xef010203, 0, 4, 1},
                 {0xef010203, 32, 8, 32}, {0xffffffff, 0, 0, 64}, {0xffffffff, 3, 0x2c, 3}};
    struct rig *r = resolved();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct udp_datagram d = to(r, cases[i].remote, 10);
        d.departure = (struct ip_departure){.ttl = cases[i].ttl, .tos = cases[i].tos};
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        struct wire_ipv4 ip;
        expect_ipv4(r, IP_PROTO_UDP, &ip);
        assert_int_equal(ip.ttl, cases[i].expected);
        assert_int_equal(ip.tos, cases[i].tos);
    }
    rig_free(r);
}

/* The frames that one datagram becomes: how many, with DF or without. */
static void expect_frames(struct rig *r, unsigned n, bool df)
{
    rig_transmit(r);
    struct wire_ipv4 ip;
    for (unsigned i = 0; i < n; i++) {
        expect_ipv4(r, IP_PROTO_UDP, &ip);
        assert_int_equal((ip.flags & WIRE_IPV4_DF) != 0, df);
        assert_int_equal(ip.tos, 0x20);
        assert_int_equal(ip.ttl, 9);
    }
    expect_nothing(r);
}

/* A router of the path says that 1400 bytes are the most. */
static void lower_path(struct rig *r)
{
    uint8_t f[128], sent[128];
    struct receiver x = {0};
    make_udp(sent, US, 1000, PEER, 2000, body, 20);
    store_be16(sent + 16, 1500);
    store_be16(sent + 20, 0x4000);
    assert_int_equal(udp_bind(r->stack, 0, 1000, on_received, NULL, &x), 0);
    rig_input(r, f, make_icmp_error(f, 3, 4, 1400, sent + 14, 48));
    assert_int_equal(udp_unbind(r->stack, 0, 1000), 0);
}

static void test_df_is_the_senders_choice(void **state)
{
    (void)state;
    static const struct {
        enum ip_discover discover;
        uint32_t length;           /* of the datagram with its headers */
        unsigned on_link, on_path; /* frames where the path takes all of 1500, and 1400; 0: refused */
        bool df_link, df_path;
    } cases[] = {
        {DISCOVER_WANT, 1400, 1, 1, true, true},   {DISCOVER_WANT, 1401, 1, 2, true, false},
        {DISCOVER_WANT, 1501, 2, 2, false, false}, {DISCOVER_DONT, 100, 1, 1, false, false},
        {DISCOVER_DONT, 1401, 1, 2, false, false}, {DISCOVER_DO, 1400, 1, 1, true, true},
        {DISCOVER_DO, 1401, 1, 0, true, true},     {DISCOVER_DO, 1501, 0, 0, true, true},
        {DISCOVER_PROBE, 1500, 1, 1, true, true},  {DISCOVER_PROBE, 1501, 0, 0, true, true},
    };
    for (unsigned path = 0; path < 2; path++) {
        struct rig *r = resolved();
        if (path)
            lower_path(r);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            unsigned frames = path ? cases[i].on_path : cases[i].on_link;
            uint64_t refused = rig_counters(r)->udp_too_long;
            struct udp_datagram d = to(r, PEER, cases[i].length - 28);
            d.departure = (struct ip_departure){.discover = (uint8_t)cases[i].discover, .tos = 0x20, .ttl = 9};
            assert_int_equal(udp_send(r->stack, &d, r->now), frames ? 0 : ERR_NO_SPACE);
            expect_frames(r, frames, path ? cases[i].df_path : cases[i].df_link);
            assert_int_equal(rig_counters(r)->udp_too_long - refused, frames == 0);
        }
        rig_free(r);
    }
}

static void test_the_paths_mtu_can_be_asked_for(void **state)
{
    (void)state;
    struct rig *r = resolved();
    struct ip_addr peer = v4(PEER), other = v4(OTHER);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now), 1500);
    lower_path(r);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now), 1400);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &other, r->now), 1500);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now + 601 * NS_PER_S), 1500);
    assert_int_equal(stack_path_mtu(r->stack, 9, &peer, r->now), 0);
    rig_free(r);
}

/* One payload cut at random places, odd ones too, leaves with the bytes and the checksum of the whole. */
static void pieces_equal_the_whole(struct rig *r, struct random *random, uint32_t length)
{
    struct ip_piece pieces[8];
    uint32_t at = 0, n = 1 + (uint32_t)random_below(random, ARRAY_SIZE(pieces));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bytes = i + 1 == n ? length - at : (uint32_t)random_below(random, length - at + 1);
        pieces[i] = (struct ip_piece){.bytes = bytes ? body + at : NULL, .length = bytes};
        at += bytes;
    }
    struct udp_datagram d = to(r, PEER, length);
    d.bytes = NULL;
    d.pieces = pieces;
    d.n_pieces = n;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
    const uint8_t *u = f->bytes + f->l4_offset;
    assert_int_equal(ip.total_len, 28 + length);
    assert_memory_equal(u + 8, body, length);
    if (f->checksum != PACKET_CHECKSUM_PARTIAL)
        assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_UDP, u, 8 + length));
}

static void test_a_payload_is_gathered_from_its_pieces(void **state)
{
    (void)state;
    static const uint32_t caps[] = {0, LINK_CAP_TX_CHECKSUM};
    struct random random;
    random_seed(&random, 20261121);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)random_u64(&random);
    for (size_t c = 0; c < ARRAY_SIZE(caps); c++) {
        struct rig *r = rig_new_on(NULL, caps[c]);
        r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
        rig_resolve(r, r->us, PEER, PEER_MAC);
        for (uint32_t i = 0; i < 3000; i++)
            pieces_equal_the_whole(r, &random, i % 1473);
        rig_free(r);
    }
}

static void test_a_gathered_datagram_may_be_fragmented(void **state)
{
    (void)state;
    struct rig *r = resolved();
    struct ip_piece pieces[3] = {{body, 1001}, {body + 1001, 2999}, {body + 4000, 1}};
    struct udp_datagram d = to(r, PEER, 4001);
    d.bytes = NULL;
    d.pieces = pieces;
    d.n_pieces = 3;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    uint32_t got = 0;
    for (const struct rig_frame *f; (f = rig_next(r)) != NULL; got += f->length - 34)
        assert_memory_equal(f->bytes + 34 + (got ? 0 : 8), body + (got ? got - 8 : 0), f->length - 34 - (got ? 0 : 8));
    assert_int_equal(got, 4009);
    rig_free(r);
}

static void test_pieces_that_are_not_the_length_are_refused(void **state)
{
    (void)state;
    struct rig *r = resolved();
    struct ip_piece pieces[2] = {{body, 10}, {body, 10}};
    static const uint32_t lengths[] = {0, 10, 19, 21};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct udp_datagram d = to(r, PEER, lengths[i]);
        d.pieces = pieces;
        d.n_pieces = 2;
        assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    }
    pieces[1].length = SIZE_MAX;
    struct udp_datagram d = to(r, PEER, 9); /* 10 + SIZE_MAX, were it not for the overflow */
    d.pieces = pieces;
    d.n_pieces = 2;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_datagram_says_how_it_came),
        cmocka_unit_test(test_ttl_and_tos_are_the_senders),
        cmocka_unit_test(test_df_is_the_senders_choice),
        cmocka_unit_test(test_the_paths_mtu_can_be_asked_for),
        cmocka_unit_test(test_a_payload_is_gathered_from_its_pieces),
        cmocka_unit_test(test_a_gathered_datagram_may_be_fragmented),
        cmocka_unit_test(test_pieces_that_are_not_the_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
