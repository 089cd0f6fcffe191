/* SPDX-License-Identifier: MIT */
/*
 * Forwarding: what happens to the bytes and to those who wait. Fragments and options of IPv4 (RFC 791, RFC 1812),
 * hop-by-hop options (RFC 8200 4.3), segments that a link merged, next hops that are not known yet or do not answer, and
 * scans of a subnet (RFC 6583).
 */
#include "unit/forward_rig.h"

#include "base/error.h"
#include "base/random.h"
#include "wire/l4.h"

static uint8_t frame[FORWARD_FRAME_BYTES];

/* ---- fragments ---- */

/* An IPv4 datagram of protocol 253 from port 0 to port 1, with options behind the header; checksum right. */
static uint32_t make_datagram(uint32_t bytes, uint16_t fragment, const uint8_t *options, uint32_t options_len)
{
    uint32_t header = 20 + options_len;
    make_eth(frame, US_MAC, PEER_MAC, ETHERTYPE_IPV4);
    uint8_t *ip = frame + 14;
    memset(ip, 0, header);
    ip[0] = (uint8_t)(0x40u | header / 4);
    store_be16(ip + 2, (uint16_t)(header + bytes));
    store_be16(ip + 4, 0xbeef);
    store_be16(ip + 6, fragment);
    ip[8] = 64;
    ip[9] = 253;
    store_be32(ip + 12, 0x0a000002u);
    store_be32(ip + 16, 0x0a000102u);
    if (options_len)
        memcpy(ip + 20, options, options_len);
    uint16_t sum = checksum_finish(checksum_add(0, ip, header));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &sum, sizeof sum);
    for (uint32_t i = 0; i < bytes; i++)
        ip[header + i] = (uint8_t)(i * 31 + i / 251);
    return 14 + header + bytes;
}

/* Takes the pieces of what make_datagram made and checks that they are it. Returns how many there were. */
static unsigned expect_pieces(struct forward_rig *r, uint32_t bytes, uint16_t fragment, uint32_t mtu)
{
    uint8_t seen[FORWARD_FRAME_BYTES] = {0};
    const uint8_t *payload = frame + 14 + (frame[14] & 15u) * 4u;
    unsigned n = 0;
    const struct forward_frame *f;
    for (; (f = forward_next(r, 1)) != NULL; n++) {
        struct wire_ipv4 ip;
        int header = wire_ipv4_parse(f->bytes + 14, f->length - 14, &ip);
        assert_true(header >= 20 && wire_ipv4_checksum_ok(f->bytes + 14, (size_t)header));
        uint32_t at = ip.fragment_offset - (fragment & 0x1fffu) * 8u, length = wire_ipv4_payload_len(&ip);
        assert_true(ip.total_len <= mtu && at + length <= bytes);
        assert_int_equal(f->length, 14 + ip.total_len);
        assert_int_equal(ip.id, 0xbeef);
        assert_int_equal(ip.ttl, 63);
        assert_int_equal(ip.src, 0x0a000002u);
        bool more = at + length < bytes || (fragment & 0x2000u);
        assert_int_equal((ip.flags & WIRE_IPV4_MF) != 0, more);
        assert_true(!more || length % 8 == 0);
        assert_memory_equal(f->bytes + 14 + header, payload + at, length);
        for (uint32_t i = 0; i < length; i++)
            assert_int_equal(seen[at + i]++, 0);
    }
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(seen[i], 1);
    return n;
}

static void test_long_datagrams_leave_in_fragments(void **state)
{
    (void)state;
    unsigned cases = 0;
    for (uint32_t mtu = 68; mtu < 1500; mtu += 173)
        for (uint32_t bytes = 1; bytes <= 1480; bytes += 87, cases++) {
            struct forward_rig *r = forward_rig_new();
            r->ports[1].link.mtu = mtu;
            bool later = cases % 3 == 1; /* itself a fragment of a larger one */
            uint32_t payload = later ? bytes & ~7u : bytes;
            uint16_t fragment = later ? 0x2000u | 100u : cases % 3 == 2 ? 100u : 0;
            forward_input(r, 0, frame, make_datagram(payload, fragment, NULL, 0));
            unsigned n = expect_pieces(r, payload, fragment, mtu);
            const struct stack_counters *c = forward_counters(r);
            assert_int_equal(c->ipv4_forwarded, 1);
            assert_int_equal(c->ipv4_fragments_sent, n > 1 ? n : 0);
            assert_int_equal(c->ipv4_fragmented, n > 1);
            assert_int_equal(c->forward_bytes_copied, n > 1 ? payload : 0);
            forward_rig_free(r);
        }
    print_message("%u cases\n", cases);
}

static void test_options_are_copied_as_they_say(void **state)
{
    (void)state;
    static const uint8_t options[12] = {0x99, 5, 1, 2, 3, 0x22, 4, 5, 6, WIRE_IPV4_OPT_NOP}; /* the first is copied */
    struct forward_rig *r = forward_rig_new();
    r->ports[1].link.mtu = 576;
    forward_input(r, 0, frame, make_datagram(1000, 0, options, sizeof options));
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_int_equal(f->bytes[14], 0x48);
    assert_memory_equal(f->bytes + 34, options, sizeof options);
    f = forward_next(r, 1);
    assert_non_null(f);
    assert_int_equal(f->bytes[14], 0x47);
    assert_memory_equal(f->bytes + 34, ((const uint8_t[8]){0x99, 5, 1, 2, 3}), 8);
    assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 28));
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_fragments_that_find_no_room_are_counted_once(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    struct packet *all[512];
    r->ports[1].link.mtu = 576;
    unsigned n = packet_pool_get(&r->ports[1].pool, all, 511);
    forward_input(r, 0, frame, make_datagram(1400, 0, NULL, 0));
    assert_int_equal(forward_counters(r)->tx_no_room, 1);
    assert_int_equal(forward_counters(r)->ipv4_fragments_sent, 1);
    assert_int_equal(forward_counters(r)->ipv4_fragmented, 0);
    packet_release_burst(all, n);
    forward_rig_free(r);
}

/* ---- options ---- */

static void test_record_route_names_the_way_out(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    static const uint8_t room[12] = {WIRE_IPV4_OPT_RECORD_ROUTE, 11, 4};
    static const uint8_t full[8] = {WIRE_IPV4_OPT_RECORD_ROUTE, 7, 8, 1, 2, 3, 4};
    forward_input(r, 0, frame, make_datagram(64, 0, room, sizeof room));
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_memory_equal(f->bytes + 34, ((const uint8_t[12]){WIRE_IPV4_OPT_RECORD_ROUTE, 11, 8, 10, 0, 1, 1}), 12);
    assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 32));
    forward_input(r, 0, frame, make_datagram(64, 0, full, sizeof full));
    f = forward_next(r, 1);
    assert_non_null(f);
    assert_memory_equal(f->bytes + 34, full, sizeof full);
    assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 28));
    forward_rig_free(r);
}

static void test_timestamps_are_filled_in(void **state)
{
    (void)state;
    static const struct {
        uint8_t before[12], after[12]; /* the stamp itself as zeros */
        unsigned stamp_at;             /* 0: none */
    } cases[] = {
        {{68, 12, 5, 0}, {68, 12, 9, 0}, 4},
        {{68, 12, 5, 1}, {68, 12, 13, 1, 10, 0, 1, 1}, 8},
        {{68, 12, 5, 3, 10, 0, 1, 1}, {68, 12, 13, 3, 10, 0, 1, 1}, 8},
        {{68, 12, 5, 3, 10, 0, 0, 1}, {68, 12, 13, 3, 10, 0, 0, 1}, 8},
        {{68, 12, 5, 3, 10, 9, 9, 9}, {68, 12, 5, 3, 10, 9, 9, 9}, 0},
        {{68, 12, 13, 0x20}, {68, 12, 13, 0x30}, 0}, /* full: overflow */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct forward_rig *r = forward_rig_new();
        forward_input(r, 0, frame, make_datagram(64, 0, cases[i].before, 12));
        const struct forward_frame *f = forward_next(r, 1);
        assert_non_null(f);
        assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 32));
        uint8_t got[12];
        memcpy(got, f->bytes + 34, 12);
        if (cases[i].stamp_at) {
            assert_int_equal(load_be32(got + cases[i].stamp_at), 0x80000000u | 1000000u);
            store_be32(got + cases[i].stamp_at, 0);
        }
        assert_memory_equal(got, cases[i].after, 12);
        forward_rig_free(r);
    }
}

static void test_source_routes_are_refused(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    static const uint8_t route[8] = {WIRE_IPV4_OPT_LSRR, 7, 4, 10, 0, 2, 2};
    forward_input(r, 0, frame, make_datagram(64, 0, route, sizeof route));
    assert_int_equal(forward_counters(r)->ip_source_route, 1);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_hop_by_hop_options_are_looked_at_once(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, option[8];
        bool passes;
        int error; /* code of a Parameter Problem; -1: none */
    } cases[] = {
        {IP_PROTO_HOP_BY_HOP, {IP_PROTO_NONE, 0, 5, 2, 0, 0, 1, 0}, true, -1},       /* router alert */
        {IP_PROTO_HOP_BY_HOP, {IP_PROTO_NONE, 0, 0x1e, 4}, true, -1},                /* unknown, may be skipped */
        {IP_PROTO_HOP_BY_HOP, {IP_PROTO_NONE, 0, 0x5e, 4}, false, -1},               /* drop */
        {IP_PROTO_HOP_BY_HOP, {IP_PROTO_NONE, 0, 0x9e, 4}, false, 2},                /* drop and say so */
        {IP_PROTO_DESTINATION_OPTIONS, {IP_PROTO_NONE, 0, 0x9e, 4}, true, -1},       /* not a router's */
        {IP_PROTO_ROUTING, {IP_PROTO_NONE, 0, 4, 3, 0, 0, 0, 0}, true, -1},          /* nor this */
        {IP_PROTO_FRAGMENT, {IP_PROTO_NONE, 0, 0, 1, 0, 0, 0, 9}, true, -1},         /* passes as it is */
        {IP_PROTO_HOP_BY_HOP, {IP_PROTO_HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0}, true, -1}, /* the second is the receiver's */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct forward_rig *r = forward_rig_new();
        const struct ip_addr a = forward_station(0, true), b = forward_station(1, true);
        uint8_t payload[24] = {0};
        memcpy(payload, cases[i].option, 8);
        uint32_t n = make_ipv6(frame, &a, &b, cases[i].type, payload, sizeof payload);
        forward_input(r, 0, frame, n);
        const struct forward_frame *f = forward_next(r, 1);
        assert_int_equal(f != NULL, cases[i].passes);
        if (f)
            assert_memory_equal(f->bytes + 54, payload, sizeof payload);
        f = forward_next(r, 0);
        assert_int_equal(f ? f->bytes[55] : -1, cases[i].error);
        assert_int_equal(forward_counters(r)->ipv6_unknown_option, !cases[i].passes);
        forward_rig_free(r);
    }
}

/* ---- segments that a link merged ---- */

#define SEGMENT 1000u

/* A TCP segment of `bytes` from port 0 to port 1 as a link with GRO gives it: partial checksum, segments of 1,000. */
static struct packet *large_segment(struct forward_rig *r, bool six, uint32_t bytes)
{
    static uint8_t payload[65000];
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 13 + i / 255);
    const struct ip_addr a = forward_station(0, six), b = forward_station(1, six);
    const struct wire_tcp h = {
        .src_port = 1, .dst_port = 2, .seq = seq_of(0xffffff00u), .ack = seq_of(9), .flags = TCP_ACK, .window = 100};
    uint32_t header = six ? 40 : 20;
    if (six)
        make_ipv6(frame, &a, &b, IP_PROTO_TCP, payload, 20);
    else
        make_ipv4(frame, ip_addr_to_v4(&a), ip_addr_to_v4(&b), IP_PROTO_TCP, payload, 20);
    uint8_t *ip = frame + 14, *tcp = ip + header;
    if (six) {
        store_be16(ip + 4, (uint16_t)(20 + bytes));
    } else {
        store_be16(ip + 2, (uint16_t)(40 + bytes));
        store_be16(ip + 6, 0x4000);
        fix_ip_checksum(frame);
    }
    assert_int_equal(wire_tcp_build(tcp, &h, NULL), 20);
    memcpy(tcp + 20, payload, bytes);
    uint16_t sum = checksum_fold(wire_l4_pseudo(&a, &b, IP_PROTO_TCP, 20 + bytes));
    memcpy(tcp + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
    forward_address(frame, 0);
    struct packet *p = forward_packet(r, 0, frame, 14 + header + 20 + bytes);
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = (uint16_t)(14 + header);
    p->checksum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    p->gso = six ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
    p->gso_size = SEGMENT;
    return p;
}

/* Every byte of the stream in order, in segments that a wire carries, whole and right. */
static void expect_segments(struct forward_rig *r, bool six, uint32_t bytes)
{
    uint32_t header = 14 + (six ? 40u : 20u) + 20u, at = 0;
    const struct forward_frame *f;
    while ((f = forward_next(r, 1)) != NULL) {
        uint32_t n = f->length - header;
        const uint8_t *ip = f->bytes + 14, *tcp = f->bytes + header - 20;
        const struct ip_addr a = forward_station(0, six), b = forward_station(1, six);
        assert_true(n <= SEGMENT);
        assert_int_equal(ip[six ? 7 : 8], 63);
        assert_true(six || wire_ipv4_checksum_ok(ip, 20));
        assert_int_equal(load_be32(tcp + 4), 0xffffff00u + at);
        assert_true(wire_l4_checksum_ok(&a, &b, IP_PROTO_TCP, tcp, 20 + n));
        assert_memory_equal(f->bytes + header, frame + header + at, n);
        at += n;
    }
    assert_int_equal(at, bytes);
}

static void test_large_segments_pass_whole_where_the_link_takes_them(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig_options o;
        forward_rig_options_default(&o);
        o.caps[1] = LINK_CAP_TSO | LINK_CAP_TX_CHECKSUM;
        struct forward_rig *r = forward_rig_new_with(&o);
        forward_input_packet(r, 0, large_segment(r, six, 60000));
        const struct forward_frame *f = forward_next(r, 1);
        uint32_t header = 14 + (six ? 40u : 20u);
        assert_non_null(f);
        assert_true(f->same);
        assert_int_equal(f->length, header + 20 + 60000);
        assert_int_equal(f->gso_size, SEGMENT);
        assert_int_equal(f->checksum, PACKET_CHECKSUM_PARTIAL);
        assert_int_equal(f->checksum_start, header);
        assert_memory_equal(f->bytes + header, frame + header, 20 + 60000);
        assert_int_equal(forward_counters(r)->forward_bytes_copied, 0);
        forward_rig_free(r);
    }
}

static void test_large_segments_are_cut_for_other_links(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig *r = forward_rig_new();
        forward_input_packet(r, 0, large_segment(r, six, 20500));
        expect_segments(r, six, 20500);
        assert_int_equal(forward_counters(r)->forward_bytes_copied, 14 + (six ? 60 : 40) + 20500);
        forward_rig_free(r);
    }
}

static void test_segments_too_long_for_the_next_link_are_told(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig_options o;
        forward_rig_options_default(&o);
        o.caps[1] = LINK_CAP_TSO | LINK_CAP_TX_CHECKSUM;
        struct forward_rig *r = forward_rig_new_with(&o);
        struct packet *p = large_segment(r, six, 20500);
        p->gso_size = 1440;
        r->ports[1].link.mtu = 1300;
        forward_input_packet(r, 0, p);
        assert_int_equal(forward_counters(r)->forward_too_big, 1);
        assert_int_equal(forward_counters(r)->icmp_errors_sent, 1);
        forward_rig_free(r);
    }
}

static void test_segments_that_may_be_cut_are_cut_twice(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    struct packet *p = large_segment(r, false, 3000);
    store_be16(p->data + 20, 0); /* no DF */
    store_be16(p->data + 24, 0);
    uint16_t sum = checksum_finish(checksum_add(0, p->data + 14, 20));
    memcpy(p->data + 24, &sum, sizeof sum);
    r->ports[1].link.mtu = 576;
    forward_input_packet(r, 0, p);
    uint32_t payload = 0;
    const struct forward_frame *f;
    while ((f = forward_next(r, 1)) != NULL) {
        assert_true(f->length <= 14 + 576 && wire_ipv4_checksum_ok(f->bytes + 14, 20));
        payload += f->length - 34;
    }
    assert_int_equal(payload, 3 * 20 + 3000);
    assert_int_equal(forward_counters(r)->ipv4_fragmented, 3);
    forward_rig_free(r);
}

/* ---- next hops ---- */

static struct forward_rig *unresolved(void)
{
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.no_stations = true;
    return forward_rig_new_with(&o);
}

static void station_answers(struct forward_rig *r, unsigned port, bool six)
{
    uint8_t mac[6], ours[6];
    const struct ip_addr station = forward_station(port, six), us = forward_ours(port, six);
    forward_station_mac(port, mac);
    forward_our_mac(port, ours);
    uint32_t n =
        six ? make_advertisement(frame, &station, mac, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE)
            : make_arp(frame, ours, mac, WIRE_ARP_REPLY, mac, ip_addr_to_v4(&station), ours, ip_addr_to_v4(&us));
    if (six) {
        memcpy(frame + 14 + 24, us.bytes, 16);
        wire_icmpv6_checksum_set(&station, &us, frame + 54, n - 54);
    }
    forward_input(r, port, frame, n);
}

static uint32_t across(bool six)
{
    const struct ip_addr a = forward_station(0, six), b = forward_station(1, six);
    return forward_udp(frame, &a, &b);
}

static void test_datagrams_wait_for_their_next_hop_without_a_copy(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig *r = unresolved();
        for (unsigned i = 0; i < 4; i++) { /* resolve_queue_frames is 3: the first is lost */
            uint32_t n = across(six);
            frame[n - 1] = (uint8_t)i; /* nobody looks at its checksum */
            forward_input(r, 0, frame, n);
        }
        assert_int_equal(forward_counters(r)->resolve_queue_full, 1);
        assert_non_null(forward_next(r, 1)); /* the question */
        forward_expect_nothing(r);
        station_answers(r, 1, six);
        for (unsigned i = 1; i < 4; i++) {
            const struct forward_frame *f = forward_next(r, 1);
            uint8_t mac[6];
            assert_non_null(f);
            forward_station_mac(1, mac);
            assert_memory_equal(f->bytes, mac, 6);
            assert_int_equal(f->bytes[f->length - 1], i);
            assert_int_equal(f->bytes[14 + (six ? 7 : 8)], 63);
        }
        assert_int_equal(forward_counters(r)->forward_bytes_copied, 0);
        forward_expect_nothing(r);
        forward_rig_free(r);
    }
}

static void test_what_waits_is_copied_when_its_home_runs_short(void **state)
{
    (void)state;
    struct forward_rig *r = unresolved();
    r->ports[0].pool.home.held_max = 0;
    uint32_t n = across(false);
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_bytes_copied, n);
    assert_non_null(forward_next(r, 1));
    station_answers(r, 1, false);
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_int_equal(f->length, n);
    forward_rig_free(r);
}

static void test_waiting_datagrams_are_cut_when_they_leave(void **state)
{
    (void)state;
    struct forward_rig *r = unresolved();
    r->ports[1].link.mtu = 576;
    uint8_t sent[2048];
    uint32_t n = make_datagram(1400, 0, NULL, 0);
    memcpy(sent, frame, n);
    forward_input(r, 0, frame, n);
    assert_non_null(forward_next(r, 1));
    station_answers(r, 1, false);
    memcpy(frame, sent, n);
    assert_int_equal(expect_pieces(r, 1400, 0, 576), 3);
    forward_rig_free(r);
}

static void test_a_silent_next_hop_is_reported(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig *r = unresolved();
        station_answers(r, 0, six); /* unasked: not known by that */
        const struct ip_addr station = forward_station(0, six);
        uint8_t mac[6];
        forward_station_mac(0, mac);
        assert_int_equal(stack_add_neighbour(r->stack, r->local[0][six], &station, mac), 0);
        forward_input(r, 0, frame, across(six));
        for (unsigned i = 0; i < 3; i++)
            forward_pass(r, 1010 * NS_PER_MS);
        uint64_t failed = forward_counters(r)->resolve_failed;
        assert_int_equal(failed, 1);
        for (unsigned i = 0; i < 2; i++) { /* the one that waited, and one that comes then */
            const struct forward_frame *f = forward_next(r, 0);
            assert_non_null(f);
            const uint8_t *message = f->bytes + 14 + (six ? 40 : 20);
            assert_int_equal(message[0], six ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE);
            assert_int_equal(message[1], six ? WIRE_ICMPV6_ADDRESS_UNREACHABLE : WIRE_ICMP_HOST_UNREACHABLE);
            if (i == 0)
                forward_input(r, 0, frame, across(six));
        }
        assert_int_equal(forward_counters(r)->resolve_failed, 2);
        assert_null(forward_next(r, 0));
        forward_rig_free(r);
    }
}

/* ARP-04, ND-06: a scan of what is behind a router. */
static void test_a_scan_leaves_room_and_known_neighbours_alone(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct forward_rig_options o;
        forward_rig_options_default(&o);
        o.no_stations = true;
        o.stack.max_neighbours = 64;
        o.stack.resolve_queue_total = 32;
        struct forward_rig *r = forward_rig_new_with(&o);
        forward_input(r, 0, frame, across(six));
        assert_non_null(forward_next(r, 1));
        station_answers(r, 1, six);
        assert_non_null(forward_next(r, 1));
        uint64_t before = six ? forward_counters(r)->nd_solicitations_sent : forward_counters(r)->arp_requests_sent;
        const struct ip_addr a = forward_station(0, six), first = forward_ours(1, six);
        for (unsigned i = 0; i < 10000; i++) {
            const struct ip_addr to = ip_addr_add(&first, 2 + i % (six ? 10000 : 250));
            forward_input(r, 0, frame, forward_udp(frame, &a, &to));
            r->ports[1].count = 0;
            if (i % 50 == 0) {
                forward_input(r, 0, frame, across(six));
                const struct forward_frame *f = forward_next(r, 1);
                assert_non_null(f);
                assert_int_equal(f->bytes[14 + (six ? 7 : 8)], 63);
            }
        }
        uint64_t asked = (six ? forward_counters(r)->nd_solicitations_sent : forward_counters(r)->arp_requests_sent);
        assert_true(asked - before <= 16);
        assert_true(forward_counters(r)->resolve_queue_full >= 9000);
        struct udp_datagram own = {.local = r->local[2][six], .local_port = 1, .remote_port = 2};
        own.remote = forward_station(2, six); /* and what is our own still finds room to wait */
        assert_int_equal(udp_send(r->stack, &own, r->now), 0);
        print_message("10000 cases, %llu asked about\n", (unsigned long long)(asked - before));
        forward_rig_free(r);
    }
}

/* ---- bursts ---- */

static void test_a_burst_of_all_kinds_comes_apart(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    struct packet *burst[LINK_BURST];
    const struct ip_addr station = forward_station(0, false), ours = forward_ours(0, false);
    for (unsigned i = 0; i < LINK_BURST; i++) {
        uint32_t n = i % 3 == 0 ? across(i % 2) : forward_udp(frame, &station, &ours);
        if (i % 3 == 2)
            n = make_tcp(frame, ip_addr_to_v4(&station), 9, ip_addr_to_v4(&ours), 9, TCP_SYN, i, 0, NULL, 0);
        forward_address(frame, 0);
        burst[i] = forward_packet(r, 0, frame, n);
    }
    stack_input(r->stack, 0, burst, LINK_BURST, r->now);
    stack_transmit(r->stack, r->now);
    const struct stack_counters *c = forward_counters(r);
    assert_int_equal(c->ipv4_forwarded + c->ipv6_forwarded, 22);
    assert_int_equal(c->udp_no_port, 21);
    for (unsigned i = 0; i < 22; i++)
        assert_non_null(forward_next(r, 1));
    assert_null(forward_next(r, 1));
    forward_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_datagrams_leave_in_fragments),
        cmocka_unit_test(test_options_are_copied_as_they_say),
        cmocka_unit_test(test_fragments_that_find_no_room_are_counted_once),
        cmocka_unit_test(test_record_route_names_the_way_out),
        cmocka_unit_test(test_timestamps_are_filled_in),
        cmocka_unit_test(test_source_routes_are_refused),
        cmocka_unit_test(test_hop_by_hop_options_are_looked_at_once),
        cmocka_unit_test(test_large_segments_pass_whole_where_the_link_takes_them),
        cmocka_unit_test(test_large_segments_are_cut_for_other_links),
        cmocka_unit_test(test_segments_too_long_for_the_next_link_are_told),
        cmocka_unit_test(test_segments_that_may_be_cut_are_cut_twice),
        cmocka_unit_test(test_datagrams_wait_for_their_next_hop_without_a_copy),
        cmocka_unit_test(test_what_waits_is_copied_when_its_home_runs_short),
        cmocka_unit_test(test_waiting_datagrams_are_cut_when_they_leave),
        cmocka_unit_test(test_a_silent_next_hop_is_reported),
        cmocka_unit_test(test_a_scan_leaves_room_and_known_neighbours_alone),
        cmocka_unit_test(test_a_burst_of_all_kinds_comes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
