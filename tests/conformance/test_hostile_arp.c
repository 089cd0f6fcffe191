/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows ARP-01 to ARP-06: what stations say about addresses, and what must not be believed. RFC 826, RFC 1122
 * 2.3.2, RFC 5227.
 */
#include "support/hostile.h"

#include "stack/stack_internal.h"

#define WIDE 0x0a000001u /* 10.0.0.1/8: a second address of ours, with room for many neighbours */

static uint32_t entries(const struct hostile *h) { return h->stack->neighbours.pool.used; }

static const struct neighbour *known(struct hostile *h, uint32_t address)
{
    struct ip_addr a = v4(address);
    uint32_t index = neighbour_find(h->stack, host_at(&h->stack->hosts, h->us)->domain, &a);
    return index ? neighbour_at(&h->stack->neighbours, index) : NULL;
}

static void expect_arp(struct hostile *h, uint16_t op, const uint8_t *to, uint32_t spa, uint32_t tpa)
{
    const struct hostile_frame *f = hostile_next(h);
    struct wire_arp arp;
    assert_non_null(f);
    assert_memory_equal(f->bytes, to, 6);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_ARP);
    assert_true(wire_arp_parse(f->bytes + 14, f->length - 14, &arp) > 0);
    assert_int_equal(arp.op, op);
    assert_memory_equal(arp.sha, US_MAC, 6);
    assert_int_equal(arp.spa, spa);
    assert_int_equal(arp.tpa, tpa);
}

static int datagram_to(struct hostile *h, uint32_t remote)
{
    struct udp_datagram d = {.local = h->us,
                             .remote = v4(remote),
                             .local_port = 9,
                             .remote_port = 9,
                             .bytes = (const uint8_t *)"x",
                             .length = 1};
    return udp_send(h->stack, &d, h->now);
}

/* We asked for it, and it answered: a live entry. */
static void resolve(struct hostile *h, uint32_t address, const uint8_t *mac)
{
    uint8_t f[64];
    assert_int_equal(datagram_to(h, address), 0);
    hostile_pass(h, 0);
    hostile_inject(h, f, make_arp_reply(f, address, mac));
    assert_memory_equal(known(h, address)->mac, mac, 6);
}

/* ---- ARP-01 ---- */

static void expect_malformed(struct hostile *h, const uint8_t *f, uint32_t length)
{
    uint32_t before = entries(h);
    hostile_case(h);
    hostile_inject(h, f, length);
    HOSTILE_DROPS(h, arp_malformed, 1);
    hostile_expect_silence(h);
    assert_int_equal(entries(h), before);
}

static void test_arp_01_fields_that_are_not_ethernet_and_ipv4(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    for (unsigned v = 0; v < 256; v++) {
        make_arp_request(f, US);
        f[18] = (uint8_t)v; /* hlen */
        if (v != 6)
            expect_malformed(h, f, 60);
        make_arp_request(f, US);
        f[19] = (uint8_t)v; /* plen */
        if (v != 4)
            expect_malformed(h, f, 60);
    }
    for (uint32_t v = 0; v < 65536; v += v < 300 || v > 65000 ? 1 : 97) {
        make_arp_request(f, US);
        store_be16(f + 14, (uint16_t)v); /* htype */
        if (v != 1)
            expect_malformed(h, f, 60);
        make_arp_request(f, US);
        store_be16(f + 16, (uint16_t)v); /* ptype */
        if (v != ETHERTYPE_IPV4)
            expect_malformed(h, f, 60);
        make_arp_request(f, US);
        store_be16(f + 20, (uint16_t)v); /* op */
        if (v != 1 && v != 2)
            expect_malformed(h, f, 60);
    }
    for (uint32_t present = 0; present < 28; present++) {
        make_arp_request(f, US);
        expect_malformed(h, f, 14 + present);
    }
    hostile_end(h, "ARP-01");
}

/* ---- ARP-02 ---- */

static void test_arp_02_nobody_asked(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    for (uint32_t i = 2; i < 70; i++) /* replies for addresses that nobody asked about, to us and to everybody */
        for (unsigned everybody = 0; everybody < 2; everybody++) {
            uint32_t n = make_arp_reply(f, (US & ~255u) + i, PEER_MAC), before = entries(h);
            if (everybody) {
                memcpy(f, BROADCAST_MAC, 6);
                store_be32(f + 38, (US & ~255u) + i); /* about itself */
            }
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, arp_unsolicited, 1);
            hostile_expect_silence(h);
            assert_int_equal(entries(h), before);
        }
    hostile_end(h, "ARP-02 (unsolicited)");
}

static void test_arp_02_the_frame_says_somebody_else_sent_it(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    for (unsigned bit = 0; bit < 48; bit++)
        for (uint16_t op = 1; op <= 2; op++) {
            uint32_t n = op == 1 ? make_arp_request(f, US) : make_arp_reply(f, PEER, PEER_MAC), before = entries(h);
            f[22 + bit / 8] ^= (uint8_t)(1u << bit % 8); /* the sender inside the ARP packet */
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, arp_bad_sender, 1);
            hostile_expect_silence(h);
            assert_int_equal(entries(h), before);
        }
    hostile_end(h, "ARP-02 (sender)");
}

static void test_arp_02_a_live_entry_stays(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    resolve(h, PEER, PEER_MAC);
    for (unsigned i = 0; i < 100; i++) {
        uint32_t n = i % 2 ? make_arp_reply(f, PEER, OTHER_MAC)
                           : make_arp(f, BROADCAST_MAC, OTHER_MAC, 1, OTHER_MAC, PEER, ZERO_MAC, US);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, arp_unsolicited, 1);
        if (i % 2 == 0)
            expect_arp(h, WIRE_ARP_REPLY, OTHER_MAC, US, PEER);
        hostile_expect_silence(h);
        assert_memory_equal(known(h, PEER)->mac, PEER_MAC, 6);
    }
    hostile_case(h); /* what was set by hand is never changed, nor by a reply, nor by a request */
    uint32_t n = make_arp_reply(f, HEALTHY, OTHER_MAC);
    for (unsigned i = 0; i < 10; i++) {
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, arp_unsolicited, 1);
    }
    hostile_end(h, "ARP-02 (live)");
}

/* ---- ARP-03 ---- */

static void test_arp_03_somebody_uses_our_address(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    for (unsigned i = 0; i < 400; i++) { /* ten a second */
        uint16_t op = i % 2 ? 2 : 1;
        uint32_t n = make_arp(f, BROADCAST_MAC, OTHER_MAC, op, OTHER_MAC, US, ZERO_MAC, i % 3 ? US : PEER);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, arp_own_address, 1);
        assert_int_equal(HOSTILE_COUNT(h, arp_conflicts), 1);
        if (i % 100 == 0)
            expect_arp(h, WIRE_ARP_REQUEST, BROADCAST_MAC, US, US); /* an announcement */
        hostile_expect_silence(h);
        hostile_pass(h, 100 * NS_PER_MS);
    }
    hostile_case(h);
    hostile_inject(h, f, make_arp_request(f, US)); /* still ours */
    expect_arp(h, WIRE_ARP_REPLY, PEER_MAC, US, PEER);
    hostile_end(h, "ARP-03");
}

/* ---- ARP-04 ---- */

static void test_arp_04_a_hundred_thousand_strangers(void **state)
{
    (void)state;
    struct stack_settings t;
    hostile_settings(&t);
    struct hostile *h = hostile_new(&t);
    struct host_settings wide = {.address = v4(WIDE), .prefix_length = 8};
    memcpy(wide.mac, US_MAC, 6);
    assert_true(stack_add_host(h->stack, &wide) > 0);
    resolve(h, PEER, PEER_MAC);
    uint64_t calls = h->memory.calls;
    uint8_t f[64];
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t mac[6] = {2, 9};
        store_be32(mac + 2, i);
        hostile_case(h);
        hostile_inject(h, f, make_arp(f, BROADCAST_MAC, mac, 1, mac, WIDE + 1 + i * 61, ZERO_MAC, WIDE));
        expect_arp(h, WIRE_ARP_REPLY, mac, WIDE, WIDE + 1 + i * 61);
        HOSTILE_NO_DROPS(h);
        assert_true(entries(h) <= t.max_neighbours);
    }
    assert_int_equal(h->memory.calls, calls);
    assert_memory_equal(known(h, PEER)->mac, PEER_MAC, 6);
    assert_true(stack_counters(h->stack)->neighbours_evicted >= 100000 - t.max_neighbours);
    hostile_case(h); /* nobody has to be asked */
    assert_int_equal(datagram_to(h, PEER), 0);
    hostile_pass(h, 0);
    struct wire_ipv4 ip;
    hostile_expect_ipv4(h, IP_PROTO_UDP, &ip);
    assert_int_equal(HOSTILE_COUNT(h, arp_requests_sent), 0);
    hostile_end(h, "ARP-04");
}

/* ---- ARP-05 ---- */

static void test_arp_05_ten_thousand_datagrams_to_nobody(void **state)
{
    (void)state;
    struct stack_settings t;
    hostile_settings(&t);
    struct hostile *h = hostile_new(&t);
    uint64_t requests = stack_counters(h->stack)->arp_requests_sent;
    unsigned waiting = 0, unreachable = 0;
    int64_t start = h->now;
    for (unsigned i = 0; i < 10000; i++) { /* in ten seconds */
        hostile_case(h);
        int e = datagram_to(h, OTHER);
        if (e == ERR_UNREACHABLE) {
            HOSTILE_DROPS(h, resolve_failed, 1);
            unreachable++;
        } else {
            assert_int_equal(e, 0);
            if (++waiting <= t.resolve_queue_frames)
                HOSTILE_NO_DROPS(h);
        }
        assert_true(known(h, OTHER)->queued <= t.resolve_queue_frames);
        hostile_pass(h, NS_PER_MS);
    }
    requests = stack_counters(h->stack)->arp_requests_sent - requests;
    assert_true(requests >= 3);
    assert_true((int64_t)requests <= (h->now - start) / NS_PER_S + 1);
    assert_true(waiting > 0);
    assert_true(unreachable > 0);
    print_message("%llu requests; %u datagrams waited or pushed one out, %u were refused\n",
                  (unsigned long long)requests, waiting, unreachable);
    hostile_pass(h, 10 * NS_PER_S);
    hostile_end(h, "ARP-05");
}

/* ---- ARP-06 ---- */

static void test_arp_06_senders_that_no_station_has(void **state)
{
    (void)state;
    static const uint32_t nobody[] = {0xffffffffu, 0xe0000001u, 0xe0000016u, 0xefffffffu, 0xf0000001u,
                                      0x00000001u, 0x00ffffffu, 0x7f000001u, 0x7fffffffu};
    static const uint32_t elsewhere[] = {US | 255u, FAR, 0xc0000101u, 0xc0000301u, 0x08080808u};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64];
    uint32_t before = entries(h);
    for (unsigned i = 0; i < sizeof nobody / sizeof nobody[0]; i++)
        for (uint16_t op = 1; op <= 2; op++) {
            hostile_case(h);
            hostile_inject(h, f, make_arp(f, BROADCAST_MAC, PEER_MAC, op, PEER_MAC, nobody[i], ZERO_MAC, US));
            HOSTILE_DROPS(h, arp_bad_sender, 1);
            hostile_expect_silence(h);
        }
    for (unsigned i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) { /* answered, and not remembered */
        hostile_case(h);
        hostile_inject(h, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, elsewhere[i], ZERO_MAC, US));
        HOSTILE_DROPS(h, arp_bad_sender, 1);
        expect_arp(h, WIRE_ARP_REPLY, PEER_MAC, US, elsewhere[i]);
    }
    for (unsigned i = 0; i < 16; i++) { /* probes, RFC 5227 2.1.1 */
        hostile_case(h);
        hostile_inject(h, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, 0, ZERO_MAC, US));
        HOSTILE_NO_DROPS(h);
        expect_arp(h, WIRE_ARP_REPLY, PEER_MAC, US, 0);
    }
    hostile_case(h); /* an answer from nowhere */
    hostile_inject(h, f, make_arp(f, US_MAC, PEER_MAC, 2, PEER_MAC, 0, US_MAC, US));
    HOSTILE_DROPS(h, arp_bad_sender, 1);
    assert_int_equal(entries(h), before);
    hostile_end(h, "ARP-06");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arp_01_fields_that_are_not_ethernet_and_ipv4),
        cmocka_unit_test(test_arp_02_nobody_asked),
        cmocka_unit_test(test_arp_02_the_frame_says_somebody_else_sent_it),
        cmocka_unit_test(test_arp_02_a_live_entry_stays),
        cmocka_unit_test(test_arp_03_somebody_uses_our_address),
        cmocka_unit_test(test_arp_04_a_hundred_thousand_strangers),
        cmocka_unit_test(test_arp_05_ten_thousand_datagrams_to_nobody),
        cmocka_unit_test(test_arp_06_senders_that_no_station_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
