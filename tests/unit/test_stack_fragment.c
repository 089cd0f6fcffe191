/* SPDX-License-Identifier: MIT */
/*
 * Fragmentation on output: datagrams of every size class over every kind of MTU are put together again by the test,
 * byte for byte (RFC 791 3.2); identifications (RFC 6864); waiting for a neighbour; no room; DF (RFC 1191).
 */
#include "unit/stack_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stack/stack_internal.h"

#define MOST 65507u

static uint8_t payload[65536];

static void fill(void)
{
    for (uint32_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 9));
}

static struct udp_datagram to_peer(const struct rig *r, uint32_t length)
{
    return (struct udp_datagram){.local = r->us,
                                 .remote = v4(PEER),
                                 .local_port = 1000,
                                 .remote_port = 2000,
                                 .bytes = payload,
                                 .length = length};
}

/* Puts the next frames together until one says that it is the last; each has to follow the one before. */
static uint32_t collect(struct rig *r, uint8_t protocol, uint8_t *whole, uint16_t *id, unsigned *pieces)
{
    uint32_t length = 0;
    for (*pieces = 0;;) {
        struct wire_ipv4 ip;
        const struct rig_frame *f = expect_ipv4(r, protocol, &ip);
        assert_true(ip.total_len <= r->link.mtu);
        assert_int_equal(ip.fragment_offset, length);
        assert_true(*pieces == 0 || ip.id == *id);
        assert_int_equal(f->checksum, PACKET_CHECKSUM_UNKNOWN);
        *id = ip.id;
        memcpy(whole + length, f->bytes + f->l4_offset, wire_ipv4_payload_len(&ip));
        length += wire_ipv4_payload_len(&ip);
        ++*pieces;
        if (!(ip.flags & WIRE_IPV4_MF)) {
            assert_int_equal(ip.flags & WIRE_IPV4_DF, *pieces == 1 && protocol == IP_PROTO_UDP ? WIRE_IPV4_DF : 0);
            return length;
        }
        assert_int_equal(ip.flags, WIRE_IPV4_MF);
    }
}

static void expect_udp(struct rig *r, uint32_t length, unsigned *pieces, uint16_t *id)
{
    static uint8_t whole[65536];
    assert_int_equal(collect(r, IP_PROTO_UDP, whole, id, pieces), 8 + length);
    assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_UDP, whole, 8 + length));
    assert_memory_equal(whole + 8, payload, length);
    expect_nothing(r);
}

static void test_datagrams_of_every_size_over_every_mtu(void **state)
{
    (void)state;
    static const uint32_t mtus[] = {576, 1006, 1280, 1499, 1500};
    unsigned cases = 0;
    for (unsigned m = 0; m < sizeof mtus / sizeof mtus[0]; m++) {
        struct rig *r = rig_new();
        rig_resolve(r, r->us, PEER, PEER_MAC);
        r->link.mtu = mtus[m];
        uint32_t step = (mtus[m] - 20) & ~7u, fits = mtus[m] - 28;
        const uint32_t sizes[] = {fits,         fits + 1,     step - 8,     step - 7, step - 9, 2 * step - 8,
                                  2 * step - 7, 3 * step - 9, 3 * step + 1, 20000,    MOST - 1, MOST};
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++, cases++) {
            struct udp_datagram d = to_peer(r, sizes[i]);
            unsigned pieces;
            uint16_t id;
            assert_int_equal(udp_send(r->stack, &d, r->now), 0);
            rig_transmit(r);
            expect_udp(r, sizes[i], &pieces, &id);
            assert_int_equal(pieces, sizes[i] <= fits ? 1 : (8 + sizes[i] + step - 1) / step);
        }
        rig_free(r);
    }
    print_message("%u datagrams\n", cases);
}

static void test_the_smallest_mtu_cuts_into_48_bytes(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    r->link.mtu = 68;
    struct udp_datagram d = to_peer(r, 4000);
    unsigned pieces;
    uint16_t id;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_udp(r, 4000, &pieces, &id);
    assert_int_equal(pieces, 84); /* 4008 / 48, rounded up */
    assert_int_equal(rig_counters(r)->ipv4_fragmented, 1);
    assert_int_equal(rig_counters(r)->ipv4_fragments_sent, 84);
    rig_free(r);
}

static void test_identifications_of_fragmented_datagrams_differ(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    uint16_t last = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct udp_datagram d = to_peer(r, 2000);
        unsigned pieces;
        uint16_t id;
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        expect_udp(r, 2000, &pieces, &id);
        assert_true(i == 0 || id != last);
        last = id;
    }
    rig_free(r);
}

static void test_a_large_datagram_waits_for_its_neighbour(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct udp_datagram d = to_peer(r, MOST);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    expect_nothing(r);
    uint8_t f[64];
    rig_input(r, f, make_arp_reply(f, PEER, PEER_MAC));
    unsigned pieces;
    uint16_t id;
    expect_udp(r, MOST, &pieces, &id);
    assert_int_equal(pieces, 45);
    rig_free(r);
}

static void test_large_datagrams_that_nobody_resolves_go_home(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct udp_datagram d = to_peer(r, 3000);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    assert_int_equal(rig_counters(r)->resolve_queue_full, 1); /* the oldest made room */
    for (unsigned i = 0; i < 3; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(rig_counters(r)->resolve_failed, 3);
    assert_int_equal(r->stack->large.free_count, 4);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_UNREACHABLE);
    assert_int_equal(udp_send(r->stack, &d, r->now + NS_PER_S), 0); /* waits when the stack ends */
    rig_free(r);
}

static void test_without_room_for_all_of_it_the_rest_is_dropped_and_counted_once(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    r->room = 5;
    struct udp_datagram d = to_peer(r, MOST);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    assert_int_equal(rig_counters(r)->ipv4_fragmented, 0);
    for (unsigned i = 0; i < rig_counters(r)->ipv4_fragments_sent; i++)
        assert_non_null(rig_next(r));
    expect_nothing(r);
    rig_free(r);
}

static void test_without_large_frames_the_sender_is_told(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct packet *taken[4];
    for (unsigned i = 0; i < 4; i++)
        assert_non_null(taken[i] = ip_large_take(r->stack));
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct udp_datagram d = to_peer(r, 3000);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_AGAIN);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    packet_release_burst(taken, 4);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_free(r);
}

/* IC-02: what came in fragments is answered in fragments, with the same bytes. */
static void test_echo_of_every_size_class_is_answered_with_the_same_bytes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 56, 1472, 1473, 1480, 2952, 2953, 8192, 30001, 60000, MOST - 1, MOST};
    struct rig *r = rig_new();
    static uint8_t message[65536], whole[65536];
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t length = 8 + sizes[i];
        struct wire_icmp h = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(7, (uint16_t)i)};
        wire_icmp_build(message, &h);
        memcpy(message + 8, payload, sizes[i]);
        wire_icmp_checksum_set(message, length);
        for (uint32_t from = 0; from < length; from += 1480) {
            uint8_t f[FRAME_MAKE_BYTES];
            uint32_t n = min_u32(1480, length - from);
            rig_input(
                r, f,
                make_fragment(f, PEER, (uint16_t)(i + 1), IP_PROTO_ICMP, from, from + n < length, message + from, n));
        }
        unsigned pieces;
        uint16_t id;
        assert_int_equal(collect(r, IP_PROTO_ICMP, whole, &id, &pieces), length);
        assert_true(wire_icmp_checksum_ok(whole, length));
        assert_int_equal(whole[0], WIRE_ICMP_ECHO_REPLY);
        assert_memory_equal(whole + 4, message + 4, length - 4);
        expect_nothing(r);
    }
    assert_int_equal(rig_counters(r)->icmp_echo_replies_sent, sizeof sizes / sizeof sizes[0]);
    rig_free(r);
}

static void test_a_large_echo_request_goes_out_in_fragments(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct icmp_echo e = {
        .local = r->us, .remote = v4(PEER), .id = 3, .sequence = 4, .bytes = payload, .length = 60000};
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    static uint8_t whole[65536];
    unsigned pieces;
    uint16_t id;
    assert_int_equal(collect(r, IP_PROTO_ICMP, whole, &id, &pieces), 60008);
    assert_true(wire_icmp_checksum_ok(whole, 60008));
    assert_memory_equal(whole + 8, payload, 60000);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_of_every_size_over_every_mtu),
        cmocka_unit_test(test_the_smallest_mtu_cuts_into_48_bytes),
        cmocka_unit_test(test_identifications_of_fragmented_datagrams_differ),
        cmocka_unit_test(test_a_large_datagram_waits_for_its_neighbour),
        cmocka_unit_test(test_large_datagrams_that_nobody_resolves_go_home),
        cmocka_unit_test(test_without_room_for_all_of_it_the_rest_is_dropped_and_counted_once),
        cmocka_unit_test(test_without_large_frames_the_sender_is_told),
        cmocka_unit_test(test_echo_of_every_size_class_is_answered_with_the_same_bytes),
        cmocka_unit_test(test_a_large_echo_request_goes_out_in_fragments),
    };
    fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
