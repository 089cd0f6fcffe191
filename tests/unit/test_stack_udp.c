/* SPDX-License-Identifier: MIT */
/*
 * UDP: bindings, lengths, checksums, broadcast, errors back to the sender, limits of what can be sent. RFC 768, RFC
 * 1122 4.1; THREATS rows UD-01 to UD-03, FR-16.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

static const uint8_t body[65536] = "a datagram's payload";

struct receiver {
    unsigned received, errors;
    struct udp_datagram last;
    uint8_t bytes[64];
    struct ip_error error;
    struct rig *rig;
};

static void remember(struct receiver *x, const struct udp_datagram *d)
{
    x->last = *d;
    memcpy(x->bytes, d->bytes, min_u32(d->length, sizeof x->bytes));
}
static void on_received(void *context, const struct udp_datagram *d, int64_t now)
{
    struct receiver *x = context;
    x->received++;
    remember(x, d);
    assert_int_equal(now, x->rig->now);
}
static void on_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)now;
    struct receiver *x = context;
    x->errors++;
    x->error = *e;
    remember(x, d);
}

static struct receiver bound(struct rig *r) { return (struct receiver){.rig = r}; }

static struct udp_datagram to(const struct rig *r, uint32_t remote, uint32_t length)
{
    return (struct udp_datagram){
        .local = r->us, .remote = v4(remote), .local_port = 1000, .remote_port = 2000, .bytes = body, .length = length};
}

/* ---- bindings ---- */

static void test_a_port_is_bound_once_for_each_address(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_udp_bindings = 3;
    struct rig *r = rig_new_with(&t);
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 0, on_received, NULL, &x), ERR_INVALID);
    assert_int_equal(udp_bind(r->stack, 99, 5, on_received, NULL, &x), ERR_INVALID);
    assert_int_equal(udp_bind(r->stack, r->us, 5, NULL, NULL, &x), ERR_INVALID);
    assert_int_equal(udp_bind(r->stack, r->us, 5, on_received, NULL, &x), 0);
    assert_int_equal(udp_bind(r->stack, r->us, 5, on_received, NULL, &x), ERR_IN_USE);
    assert_int_equal(udp_bind(r->stack, 0, 5, on_received, NULL, &x), 0);
    assert_int_equal(udp_bind(r->stack, 0, 6, on_received, NULL, &x), 0);
    assert_int_equal(udp_bind(r->stack, 0, 7, on_received, NULL, &x), ERR_NO_SPACE);
    assert_int_equal(udp_unbind(r->stack, r->us, 6), ERR_NOT_FOUND);
    assert_int_equal(udp_unbind(r->stack, 0, 6), 0);
    assert_int_equal(udp_bind(r->stack, 0, 7, on_received, NULL, &x), 0);
    rig_free(r);
}

static void test_the_exact_binding_goes_before_the_one_for_any_address(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, NULL);
    struct receiver exact = bound(r), any = bound(r);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &any), 0);
    assert_int_equal(udp_bind(r->stack, r->us, 53, on_received, NULL, &exact), 0);
    uint8_t f[256];
    rig_input(r, f, make_udp(f, PEER, 4000, US, 53, body, 20));
    rig_input(r, f, make_udp(f, PEER, 4000, OTHER, 53, body, 0));
    assert_int_equal(exact.received, 1);
    assert_int_equal(any.received, 1);
    assert_int_equal(exact.last.local, r->us);
    assert_int_equal(ip_addr_to_v4(&exact.last.remote), PEER);
    assert_int_equal(exact.last.local_port, 53);
    assert_int_equal(exact.last.remote_port, 4000);
    assert_int_equal(exact.last.length, 20);
    assert_memory_equal(exact.bytes, body, 20);
    assert_int_equal(any.last.length, 0);
    assert_int_equal(rig_counters(r)->udp_received, 2);
    rig_free(r);
}

static void test_broadcasts_reach_the_binding_for_any_address(void **state)
{
    (void)state;
    static const uint32_t addresses[] = {0xffffffff, 0xc00002ff, 0xe0000001};
    struct rig *r = rig_new();
    struct receiver exact = bound(r), any = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 67, on_received, NULL, &exact), 0);
    assert_int_equal(udp_bind(r->stack, 0, 67, on_received, NULL, &any), 0);
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        uint32_t n = make_udp(f, PEER, 68, addresses[i], 67, body, 4);
        memcpy(f, BROADCAST_MAC, 6);
        rig_input(r, f, n);
    }
    assert_int_equal(any.received, 3);
    assert_int_equal(exact.received, 0);
    rig_free(r);
}

static void on_received_unbind(void *context, const struct udp_datagram *d, int64_t now)
{
    struct receiver *x = context;
    on_received(context, d, now);
    assert_int_equal(udp_unbind(x->rig->stack, d->local, d->local_port), 0);
}

static void test_a_callback_may_unbind_itself(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 53, on_received_unbind, NULL, &x), 0);
    uint8_t f[256];
    for (int i = 0; i < 2; i++)
        rig_input(r, f, make_udp(f, PEER, 1, US, 53, body, 4));
    assert_int_equal(x.received, 1);
    assert_int_equal(rig_counters(r)->udp_no_port, 1);
    rig_free(r);
}

/* ---- lengths, checksums, ports ---- */

static void test_the_udp_length_counts(void **state) /* UD-01 */
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &x), 0);
    uint8_t f[256];
    for (uint16_t length = 0; length <= 40; length++) { /* the IP payload has 28 bytes */
        uint32_t n = make_udp(f, PEER, 1, US, 53, body, 20);
        store_be16(f + 38, length);
        store_be16(f + 40, 0); /* without a checksum */
        uint64_t dropped = rig_counters(r)->udp_bad_length;
        x.received = 0;
        rig_input(r, f, n);
        bool right = length >= 8 && length <= 28;
        assert_int_equal(x.received, right);
        assert_int_equal(rig_counters(r)->udp_bad_length - dropped, !right);
        if (right)
            assert_int_equal(x.last.length, length - 8);
    }
    for (uint32_t n = 0; n < 8; n++)
        rig_input(r, f, make_ipv4(f, PEER, US, IP_PROTO_UDP, body, n));
    assert_int_equal(rig_counters(r)->udp_bad_length, 8 + 12 + 8);
    rig_free(r);
}

static void test_checksums_are_tested_unless_absent_or_vouched_for(void **state) /* UD-02 */
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &x), 0);
    uint8_t f[256];
    uint32_t n = make_udp(f, PEER, 1, US, 53, body, 20);
    uint16_t right = load_be16(f + 40);
    for (uint32_t sum = 0; sum < 65536; sum++) {
        store_be16(f + 40, (uint16_t)sum);
        unsigned before = x.received;
        rig_input(r, f, n);
        assert_int_equal(x.received - before, sum == right || sum == 0);
    }
    store_be16(f + 40, (uint16_t)(right + 1));
    r->rx_checksum = PACKET_CHECKSUM_VERIFIED;
    rig_input(r, f, n);
    r->rx_checksum = PACKET_CHECKSUM_PARTIAL;
    rig_input(r, f, n);
    assert_int_equal(x.received, 4);
    rig_free(r);
}

/* A kernel's tunnel device leaves that of the inner segment to be filled in. */
static void test_a_partial_checksum_within_the_payload_is_completed(void **state) /* UD-02 */
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &x), 0);
    uint8_t f[256];
    uint32_t n = make_udp(f, PEER, 1, US, 53, body, 20);
    const uint16_t want = checksum_finish(checksum_add(0, f + 50, n - 50));
    store_be16(f + 40, (uint16_t)(load_be16(f + 40) + 1)); /* right with what is filled in, says the link */
    r->rx_checksum = PACKET_CHECKSUM_PARTIAL;
    r->rx_checksum_start = 50;
    r->rx_checksum_offset = 6;
    rig_input(r, f, n);
    assert_int_equal(x.received, 1);
    assert_memory_equal(x.bytes, body, 14);
    assert_memory_equal(x.bytes + 14, &want, 2);
    assert_memory_equal(x.bytes + 16, body + 16, 4);
    r->rx_checksum_start = (uint16_t)(n - 7); /* outside of the frame: nothing is vouched for */
    rig_input(r, f, n);
    assert_int_equal(x.received, 1);
    assert_int_equal(rig_counters(r)->udp_bad_checksum, 1);
    rig_free(r);
}

static void test_a_sum_of_zero_is_sent_as_ffff(void **state) /* UD-02 */
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    uint32_t found = 0;
    for (uint32_t word = 0; word < 65536; word++) {
        uint8_t two[2] = {(uint8_t)(word >> 8), (uint8_t)word};
        struct udp_datagram d = to(r, PEER, 2);
        d.bytes = two;
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        const struct rig_frame *f = rig_next(r);
        const uint8_t *u = f->bytes + f->l4_offset;
        assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_UDP, u, 10));
        assert_int_not_equal(load_be16(u + 6), 0);
        found += load_be16(u + 6) == 0xffff;
    }
    assert_int_equal(found, 1);
    rig_free(r);
}

static void test_port_zero_and_closed_ports(void **state) /* UD-03 */
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_received, NULL, &x), 0);
    uint8_t f[256];
    rig_input(r, f, make_udp(f, PEER, 1, US, 0, body, 4));
    assert_int_equal(rig_counters(r)->udp_port_zero, 1);
    expect_nothing(r);
    rig_input(r, f, make_udp(f, PEER, 0, US, 53, body, 4)); /* RFC 768: a source that wants no answer */
    assert_int_equal(x.received, 1);
    rig_input(r, f, make_udp(f, PEER, 1, US, 54, body, 4));
    assert_int_equal(rig_counters(r)->udp_no_port, 1);
    assert_int_equal(rig_counters(r)->icmp_errors_sent, 1);
    rig_free(r);
}

/* ---- errors ---- */

static void test_an_icmp_error_reaches_the_binding_that_sent(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 1000, on_received, on_error, &x), 0);
    uint8_t f[256], sent[128];
    make_udp(sent, US, 1000, FAR, 2000, body, 20);
    store_be16(sent + 16, 1500); /* what is quoted of a full datagram with DF */
    store_be16(sent + 20, 0x4000);
    static const struct {
        uint8_t code;
        uint32_t rest;
        int error;
        uint32_t mtu;
    } cases[] = {{0, 0, ERR_UNREACHABLE, 0},
                 {1, 0, ERR_UNREACHABLE, 0},
                 {2, 0, ERR_REFUSED, 0},
                 {3, 0, ERR_REFUSED, 0},
                 {4, 1400, ERR_NO_SPACE, 1400}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rig_input(r, f, make_icmp_error(f, 3, cases[i].code, cases[i].rest, sent + 14, 48));
        assert_int_equal(x.errors, i + 1);
        assert_int_equal(x.error.error, cases[i].error);
        assert_int_equal(x.error.mtu, cases[i].mtu);
        assert_int_equal(x.error.type, 3);
        assert_int_equal(x.error.code, cases[i].code);
        assert_int_equal(ip_addr_to_v4(&x.error.reporter), PEER);
        assert_int_equal(x.last.local, r->us);
        assert_int_equal(x.last.local_port, 1000);
        assert_int_equal(x.last.remote_port, 2000);
        assert_int_equal(ip_addr_to_v4(&x.last.remote), FAR);
        assert_int_equal(x.last.length, 20);
        assert_memory_equal(x.bytes, body, 20);
    }
    rig_input(r, f, make_icmp_error(f, 3, 3, 0, sent + 14, 28)); /* the least a router quotes */
    assert_int_equal(x.last.length, 0);
    make_udp(sent, US, 1001, FAR, 2000, body, 20);
    rig_input(r, f, make_icmp_error(f, 3, 3, 0, sent + 14, 48));
    assert_int_equal(x.errors, ARRAY_SIZE(cases) + 1);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    assert_int_equal(x.received, 0);
    rig_free(r);
}

static void test_datagrams_nobody_resolves_are_reported(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 1000, on_received, on_error, &x), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct udp_datagram d = to(r, FAR, 10 + i);
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    }
    for (int i = 0; i < 3; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(x.errors, 3);
    assert_int_equal(x.error.error, ERR_UNREACHABLE);
    assert_int_equal(x.error.code, 1);
    assert_int_equal(ip_addr_to_v4(&x.error.reporter), US); /* we say so ourselves */
    assert_int_equal(ip_addr_to_v4(&x.last.remote), FAR);
    assert_int_equal(x.last.length, 12);
    assert_memory_equal(x.bytes, body, 12);
    assert_int_equal(rig_counters(r)->resolve_failed, 3);
    rig_free(r);
}

static void on_error_send_elsewhere(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    struct receiver *x = context;
    on_error(context, d, e, now);
    for (uint32_t i = 0; i < 8; i++) { /* takes the place of whatever may be evicted */
        struct udp_datagram again = to(x->rig, US + 20 + i, 5);
        int sent = udp_send(x->rig->stack, &again, now);
        assert_true(sent == 0 || sent == ERR_UNREACHABLE || sent == ERR_AGAIN);
    }
}

static void test_an_error_callback_may_send(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 2;
    struct rig *r = rig_new_with(&t);
    struct receiver x = bound(r);
    assert_int_equal(udp_bind(r->stack, r->us, 1000, on_received, on_error_send_elsewhere, &x), 0);
    struct udp_datagram d = to(r, PEER, 10);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    for (int i = 0; i < 10; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_true(x.errors >= 1);
    rig_free(r);
}

/* ---- sending ---- */

static void test_what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct udp_datagram d = to(r, PEER, 10);
    d.local = 0;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    d.local = 7;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    d = to(r, PEER, 10);
    d.local_port = 0;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    d = to(r, PEER, 10);
    d.remote_port = 0;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    d = to(r, PEER, 10);
    memset(&d.remote, 0x20, sizeof d.remote);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    d = to(r, PEER, 1472);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    d = to(r, PEER, 65507);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    d = to(r, PEER, 65508);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    d.length = UINT32_MAX;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    static const uint32_t nowhere[] = {0, 1, 0x7f000001, 0xf0000000};
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        d = to(r, nowhere[i], 10);
        assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_ROUTE);
    }
    rig_free(r);
}

/* UDP_SEGMENT of Linux: one packet on the way down, which a link that does not cut it gets as datagrams. */
static void test_segments_leave_as_datagrams_of_their_own(void **state)
{
    (void)state;
    static const struct {
        uint32_t length, segment, datagrams, last;
    } cases[] = {
        {1, 1000, 1, 1}, {1000, 1000, 1, 1000}, {1001, 1000, 2, 1}, {40000, 1472, 28, 256}, {65507, 1472, 45, 739}};
    struct rig *r = rig_new();
    uint64_t all = 1; /* resolving takes one */
    rig_resolve(r, r->us, PEER, PEER_MAC);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct udp_datagram d = to(r, PEER, cases[i].length);
        d.segment = cases[i].segment;
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        for (uint32_t n = 1; n <= cases[i].datagrams; n++) {
            struct wire_ipv4 ip;
            struct wire_udp udp;
            const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
            uint32_t payload = n == cases[i].datagrams ? cases[i].last : cases[i].segment;
            assert_int_equal(f->length, 14 + 28 + payload);
            assert_true(wire_udp_parse(f->bytes + 34, f->length - 34, &udp) > 0);
            assert_int_equal(udp.length, 8 + payload);
            assert_memory_equal(f->bytes + 42, body + (size_t)(n - 1) * cases[i].segment, payload);
            struct ip_addr from = v4(US), peer = v4(PEER);
            assert_true(wire_l4_checksum_ok(&from, &peer, IP_PROTO_UDP, f->bytes + 34, udp.length));
        }
        expect_nothing(r);
        all += cases[i].datagrams;
    }
    assert_int_equal(rig_counters(r)->udp_sent, all);
    struct udp_datagram d = to(r, PEER, 3000);
    d.segment = 1473; /* segments are never fragmented */
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    rig_free(r);
}

static void test_segments_wait_for_their_neighbour(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct udp_datagram d = to(r, PEER, 2500);
    struct wire_ipv4 ip;
    struct wire_arp arp;
    uint8_t f[64];
    d.segment = 1000;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    const struct rig_frame *request = expect_arp(r, WIRE_ARP_REQUEST, &arp);
    uint32_t n_bytes = make_arp(f, request->bytes + 6, PEER_MAC, WIRE_ARP_REPLY, PEER_MAC, PEER, arp.sha, arp.spa);
    rig_input(r, f, n_bytes);
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(expect_ipv4(r, IP_PROTO_UDP, &ip)->length, n < 2 ? 1042 : 542);
    expect_nothing(r);
    rig_free(r);
}

/* More of them in a turn than the stack has room for: they leave meanwhile. */
static void test_segments_of_many_calls_are_not_lost(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct udp_datagram d = to(r, PEER, 2500);
    d.segment = 1000;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    for (unsigned i = 0; i < 60; i++)
        expect_ipv4(r, IP_PROTO_UDP, &ip);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_link_that_cuts_datagrams_gets_them_in_one_packet(void **state)
{
    (void)state;
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM | LINK_CAP_USO);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct udp_datagram d = to(r, PEER, 60000);
    d.segment = 1200;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
    assert_int_equal(f->length, 14 + 28 + 60000);
    assert_int_equal(f->gso, PACKET_GSO_UDP);
    assert_int_equal(f->gso_size, 1200);
    assert_int_equal(f->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(f->checksum_start, 34);
    assert_int_equal(f->checksum_offset, 6);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_smaller_mtu_counts_at_once_and_a_larger_one_never(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    static const struct {
        uint32_t mtu, fits;
    } links[] = {{9000, 1472}, {1000, 972}};
    rig_resolve(r, r->us, PEER, PEER_MAC);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        r->link.mtu = links[i].mtu;
        for (uint32_t more = 0; more < 2; more++) {
            struct udp_datagram d = to(r, PEER, links[i].fits + more);
            assert_int_equal(udp_send(r->stack, &d, r->now), 0);
            rig_transmit(r);
            struct wire_ipv4 ip;
            for (uint32_t fragment = 0; fragment <= more; fragment++)
                assert_true(expect_ipv4(r, IP_PROTO_UDP, &ip)->length <= 14 + links[i].fits + 28);
            assert_int_equal(wire_ipv4_is_fragment(&ip), more);
            expect_nothing(r);
        }
    }
    rig_free(r);
}

static void test_broadcast_and_multicast_need_no_neighbour(void **state)
{
    (void)state;
    static const struct {
        uint32_t address;
        uint8_t mac[6], ttl;
    } groups[] = {{0xffffffff, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 64},
                  {0xc00002ff, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 64},
                  {0xefffff01, {0x01, 0x00, 0x5e, 0x7f, 0xff, 0x01}, 1}};
    struct rig *r = rig_new();
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        struct udp_datagram d = to(r, groups[i].address, 10);
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        struct wire_ipv4 ip;
        expect_dst_mac(expect_ipv4(r, IP_PROTO_UDP, &ip), groups[i].mac);
        assert_int_equal(ip.ttl, groups[i].ttl);
        assert_int_equal(ip.dst, groups[i].address);
        expect_nothing(r);
    }
    rig_free(r);
}

static void test_a_link_that_completes_checksums_gets_partial_ones(void **state)
{
    (void)state;
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct udp_datagram d = to(r, PEER, 21);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
    assert_int_equal(f->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(f->checksum_start, 34);
    assert_int_equal(f->checksum_offset, 6);
    uint8_t u[64];
    memcpy(u, f->bytes + 34, 29);
    uint16_t sum = checksum_finish(checksum_add(0, u, 29)); /* what the link does */
    memcpy(u + 6, &sum, 2);
    assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_UDP, u, 29));
    /* One that had to wait is complete. */
    d = to(r, OTHER, 21);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    rig_forget_frames(r);
    uint8_t a[64];
    rig_input(r, a, make_arp_reply(a, OTHER, OTHER_MAC));
    f = expect_ipv4(r, IP_PROTO_UDP, &ip);
    assert_int_equal(f->checksum, PACKET_CHECKSUM_UNKNOWN);
    assert_true(wire_l4_checksum_ok_v4(US, OTHER, IP_PROTO_UDP, f->bytes + 34, 29));
    rig_free(r);
}

static void test_identifications_do_not_tell_of_other_destinations(void **state) /* FR-16, RFC 7739 */
{
    (void)state;
    enum { DESTINATIONS = 64, ROUNDS = 50 };
    struct rig *r = rig_new();
    uint16_t last[DESTINATIONS] = {0};
    unsigned steps[8] = {0}, equal = 0;
    for (uint32_t i = 0; i < DESTINATIONS; i++) {
        struct ip_addr a = v4(US + 10 + i);
        assert_int_equal(stack_add_neighbour(r->stack, r->us, &a, PEER_MAC), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < DESTINATIONS; i++) {
            struct udp_datagram d = to(r, US + 10 + i, 1500); /* of those that fit, DF says all: RFC 6864 */
            assert_int_equal(udp_send(r->stack, &d, r->now), 0);
            rig_transmit(r);
            struct wire_ipv4 ip;
            expect_ipv4(r, IP_PROTO_UDP, &ip);
            assert_int_equal(ip.flags, WIRE_IPV4_MF);
            assert_non_null(rig_next(r));
            uint16_t step = (uint16_t)(ip.id - last[i]);
            if (round)
                steps[min_u32(step, 7)]++;
            else if (i)
                equal += (uint16_t)(ip.id - last[i - 1]) <= 4;
            last[i] = ip.id;
        }
    }
    assert_int_equal(steps[0], 0);                               /* unique in a row */
    assert_true(steps[1] >= (ROUNDS - 1) * (DESTINATIONS - 12)); /* few share a counter */
    assert_true(equal <= 2);                                     /* one destination's says nothing of the next one's */
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_is_bound_once_for_each_address),
        cmocka_unit_test(test_the_exact_binding_goes_before_the_one_for_any_address),
        cmocka_unit_test(test_broadcasts_reach_the_binding_for_any_address),
        cmocka_unit_test(test_a_callback_may_unbind_itself),
        cmocka_unit_test(test_the_udp_length_counts),
        cmocka_unit_test(test_checksums_are_tested_unless_absent_or_vouched_for),
        cmocka_unit_test(test_a_partial_checksum_within_the_payload_is_completed),
        cmocka_unit_test(test_a_sum_of_zero_is_sent_as_ffff),
        cmocka_unit_test(test_port_zero_and_closed_ports),
        cmocka_unit_test(test_an_icmp_error_reaches_the_binding_that_sent),
        cmocka_unit_test(test_datagrams_nobody_resolves_are_reported),
        cmocka_unit_test(test_an_error_callback_may_send),
        cmocka_unit_test(test_what_cannot_be_sent_is_refused),
        cmocka_unit_test(test_segments_leave_as_datagrams_of_their_own),
        cmocka_unit_test(test_segments_wait_for_their_neighbour),
        cmocka_unit_test(test_segments_of_many_calls_are_not_lost),
        cmocka_unit_test(test_a_link_that_cuts_datagrams_gets_them_in_one_packet),
        cmocka_unit_test(test_a_smaller_mtu_counts_at_once_and_a_larger_one_never),
        cmocka_unit_test(test_broadcast_and_multicast_need_no_neighbour),
        cmocka_unit_test(test_a_link_that_completes_checksums_gets_partial_ones),
        cmocka_unit_test(test_identifications_do_not_tell_of_other_destinations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
