/* SPDX-License-Identifier: MIT */
/*
 * ARP and the neighbour table: resolving, retrying, giving up, ageing, changes of MAC, conflicts, and what must not be
 * believed. RFC 826, RFC 1122 2.3.2, RFC 5227; THREATS rows ARP-01 to ARP-06.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

static int send_to(struct rig *r, uint32_t remote)
{
    struct udp_datagram d = {.local = r->us,
                             .remote = v4(remote),
                             .local_port = 1000,
                             .remote_port = 2000,
                             .bytes = (const uint8_t *)"datagram",
                             .length = 8};
    int error = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return error;
}

static void reply(struct rig *r, uint32_t sender, const uint8_t *mac)
{
    uint8_t f[64];
    uint32_t n = make_arp_reply(f, sender, mac);
    rig_input(r, f, n);
}

/* PEER says something about itself to everybody. */
static void gratuitous(struct rig *r, uint16_t op, uint32_t sender, const uint8_t *mac)
{
    uint8_t f[64];
    uint32_t n = make_arp(f, BROADCAST_MAC, mac, op, mac, sender, op == 2 ? mac : ZERO_MAC, sender);
    rig_input(r, f, n);
}

static void expect_datagram_to(struct rig *r, uint32_t destination, const uint8_t *mac)
{
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
    assert_int_equal(ip.dst, destination);
    assert_int_equal(ip.src, US);
    expect_dst_mac(f, mac);
    expect_src_mac(f, US_MAC);
}

/* ---- resolving ---- */

static void test_a_datagram_waits_for_its_neighbour_and_then_goes(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(send_to(r, PEER), 0);
    struct wire_arp arp;
    const struct rig_frame *f = expect_arp(r, WIRE_ARP_REQUEST, &arp);
    expect_dst_mac(f, BROADCAST_MAC);
    expect_src_mac(f, US_MAC);
    assert_memory_equal(arp.sha, US_MAC, 6);
    assert_memory_equal(arp.tha, ZERO_MAC, 6);
    assert_int_equal(arp.spa, US);
    assert_int_equal(arp.tpa, PEER);
    expect_nothing(r);

    reply(r, PEER, PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->neighbours_resolved, 1);

    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    assert_int_equal(rig_counters(r)->arp_requests_sent, 1);
    rig_free(r);
}

static void test_the_resolve_queue_keeps_the_newest_datagrams_in_order(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    for (uint16_t i = 0; i < 5; i++) {
        struct udp_datagram d = {
            .local = r->us, .remote = v4(PEER), .local_port = (uint16_t)(100 + i), .remote_port = 7};
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    }
    assert_int_equal(rig_counters(r)->resolve_queue_full, 2);
    rig_transmit(r);
    rig_forget_frames(r);
    reply(r, PEER, PEER_MAC);
    for (uint16_t i = 2; i < 5; i++) {
        struct wire_ipv4 ip;
        const struct rig_frame *f = expect_ipv4(r, IP_PROTO_UDP, &ip);
        assert_int_equal(load_be16(f->bytes + 34), 100 + i);
    }
    expect_nothing(r);
    rig_free(r);
}

static void test_all_resolve_queues_together_are_bounded(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.resolve_queue_total = 4;
    struct rig *r = rig_new_with(&t);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(send_to(r, PEER + i), 0);
    assert_int_equal(send_to(r, PEER + 4), ERR_AGAIN);
    assert_int_equal(rig_counters(r)->resolve_queue_full, 1);
    assert_int_equal(send_to(r, PEER), 0); /* the newest replaces the oldest */
    assert_int_equal(rig_counters(r)->resolve_queue_full, 2);
    rig_free(r);
}

static void test_requests_are_repeated_once_a_second_and_then_it_failed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_arp arp;
    assert_int_equal(send_to(r, PEER), 0);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    for (int i = 0; i < 2; i++) {
        rig_pass(r, NS_PER_S - 10 * NS_PER_MS);
        expect_nothing(r);
        rig_pass(r, 20 * NS_PER_MS);
        expect_arp(r, WIRE_ARP_REQUEST, &arp);
    }
    rig_pass(r, 1100 * NS_PER_MS);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->neighbours_failed, 1);
    assert_int_equal(rig_counters(r)->resolve_failed, 1);
    assert_int_equal(rig_counters(r)->arp_requests_sent, 3);

    assert_int_equal(send_to(r, PEER), ERR_UNREACHABLE);
    expect_nothing(r);
    rig_pass(r, 1100 * NS_PER_MS);
    assert_int_equal(send_to(r, PEER), 0);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    reply(r, PEER, PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_a_flood_to_one_silent_host_asks_once_a_second(void **state) /* ARP-05 */
{
    (void)state;
    struct rig *r = rig_new();
    uint64_t unreachable = 0, datagrams = 10000;
    for (uint64_t i = 0; i < datagrams; i++) {
        unreachable += send_to(r, PEER) == ERR_UNREACHABLE;
        rig_pass(r, NS_PER_MS);
    }
    assert_true(rig_counters(r)->arp_requests_sent <= 11); /* 10 s */
    assert_true(unreachable > 0);
    const struct stack_counters *c = rig_counters(r);
    assert_true(c->resolve_queue_full + c->resolve_failed >= datagrams - 3);
    rig_free(r);
}

static void test_asking_again_after_eviction_does_not_disturb_others(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 8;
    t.arp_reachable_ns = 100 * NS_PER_S;
    struct rig *r = rig_new_with(&t);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 100; i++) {
        int sent = send_to(r, US + 10 + i);
        refused += sent == ERR_AGAIN;
        for (unsigned n = 0; sent == ERR_AGAIN && n < 3; n++) /* seven are asked for: until nobody answered */
            rig_pass(r, 1010 * NS_PER_MS);
        assert_int_equal(sent == ERR_AGAIN ? send_to(r, US + 10 + i) : sent, 0);
    }
    rig_forget_frames(r);
    assert_int_equal(refused, 99 / 7);
    assert_int_equal(rig_counters(r)->arp_table_full, refused);
    assert_true(rig_counters(r)->neighbours_evicted >= 92);
    assert_int_equal(send_to(r, PEER), 0); /* confirmed: it outlived the scan */
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

/* ---- ageing ---- */

static void test_a_stale_neighbour_is_probed_by_unicast_while_it_is_used(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_pass(r, 31 * NS_PER_S);
    expect_nothing(r); /* nobody uses it: nobody asks */

    assert_int_equal(send_to(r, PEER), 0);
    struct wire_arp arp;
    const struct rig_frame *f = expect_arp(r, WIRE_ARP_REQUEST, &arp);
    expect_dst_mac(f, PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC); /* no stall */
    reply(r, PEER, PEER_MAC);
    rig_pass(r, 5 * NS_PER_S);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_probe_goes_on_by_broadcast_and_finds_the_new_mac(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_pass(r, 31 * NS_PER_S);
    assert_int_equal(send_to(r, PEER), 0);
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), PEER_MAC);
    rig_next(r);
    rig_pass(r, 1010 * NS_PER_MS);
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), BROADCAST_MAC);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    reply(r, PEER, OTHER_MAC);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, OTHER_MAC);
    rig_free(r);
}

static void test_a_probed_neighbour_that_is_gone_fails(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_pass(r, 31 * NS_PER_S);
    assert_int_equal(send_to(r, PEER), 0);
    for (int i = 0; i < 3; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(rig_counters(r)->neighbours_failed, 1);
    assert_int_equal(send_to(r, PEER), ERR_UNREACHABLE);
    rig_free(r);
}

/* ---- what others say ---- */

static void test_requests_for_our_addresses_are_answered_and_teach_us_the_asker(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[64];
    rig_input(r, f, make_arp_request(f, US));
    struct wire_arp arp;
    const struct rig_frame *a = expect_arp(r, WIRE_ARP_REPLY, &arp);
    expect_dst_mac(a, PEER_MAC);
    assert_memory_equal(arp.sha, US_MAC, 6);
    assert_memory_equal(arp.tha, PEER_MAC, 6);
    assert_int_equal(arp.spa, US);
    assert_int_equal(arp.tpa, PEER);
    expect_nothing(r);

    /* Heard of is good enough to send to, and is confirmed by a probe. */
    assert_int_equal(send_to(r, PEER), 0);
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_requests_for_other_addresses_are_not_answered_and_teach_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[64];
    rig_input(r, f, make_arp_request(f, OTHER));
    expect_nothing(r);
    assert_int_equal(send_to(r, PEER), 0);
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), BROADCAST_MAC);
    expect_nothing(r);
    rig_free(r);
}

static void test_ten_thousand_local_addresses_answer_each_for_itself(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 10000;
    struct rig *r = rig_new_empty(&t);
    const uint32_t first = 0x0a010001u;
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t mac[6] = {2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(rig_host(r, first + i, 16, 0, mac), i + 1);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t f[64], mac[6] = {2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        struct wire_arp arp;
        rig_input(r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, 0x0a01fff0, ZERO_MAC, first + i));
        const struct rig_frame *a = expect_arp(r, WIRE_ARP_REPLY, &arp);
        assert_memory_equal(arp.sha, mac, 6);
        expect_src_mac(a, mac);
        assert_int_equal(arp.spa, first + i);
    }
    rig_free(r);
}

static void test_a_probe_for_our_address_is_answered_without_learning(void **state) /* ARP-06, RFC 5227 2.1.1 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[64];
    rig_input(r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, 0, ZERO_MAC, US));
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REPLY, &arp), PEER_MAC);
    assert_int_equal(arp.tpa, 0);
    assert_int_equal(rig_counters(r)->arp_bad_sender, 0);
    assert_int_equal(send_to(r, PEER), 0);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    expect_nothing(r);
    rig_free(r);
}

static void test_malformed_packets_change_nothing(void **state) /* ARP-01 */
{
    (void)state;
    static const struct {
        unsigned offset;
        uint8_t value;
    } bad[] = {{1, 2}, {0, 1}, {2, 0x86}, {3, 1}, {4, 5}, {4, 7}, {4, 255}, {5, 3}, {5, 16}, {7, 0}, {7, 3}, {6, 0xff}};
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    uint8_t f[64];
    unsigned cases = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++, cases++) {
        uint32_t n = make_arp_reply(f, PEER, OTHER_MAC);
        f[14 + bad[i].offset] = bad[i].value;
        rig_input(r, f, n);
        assert_int_equal(rig_counters(r)->arp_malformed, cases + 1);
    }
    for (uint32_t length = 14; length < 42; length++, cases++) {
        make_arp_request(f, US);
        rig_input(r, f, length);
        assert_int_equal(rig_counters(r)->arp_malformed, cases + 1);
    }
    expect_nothing(r);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    print_message("%u malformed packets\n", cases);
    rig_free(r);
}

static void test_unsolicited_replies_make_no_entry(void **state) /* ARP-02 */
{
    (void)state;
    struct rig *r = rig_new();
    reply(r, PEER, PEER_MAC);
    gratuitous(r, WIRE_ARP_REPLY, PEER, PEER_MAC);
    assert_int_equal(rig_counters(r)->arp_unsolicited, 2);
    gratuitous(r, WIRE_ARP_REQUEST, PEER, PEER_MAC);
    assert_int_equal(rig_counters(r)->arp_unsolicited, 2);
    assert_int_equal(send_to(r, PEER), 0);
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), BROADCAST_MAC);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_sender_whose_frame_says_otherwise_is_not_believed(void **state) /* ARP-02 */
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    uint8_t f[64];
    rig_input(r, f, make_arp(f, US_MAC, OTHER_MAC, 2, PEER_MAC, PEER, US_MAC, US));
    rig_input(r, f, make_arp(f, US_MAC, PEER_MAC, 2, OTHER_MAC, PEER, US_MAC, US));
    rig_input(r, f, make_arp(f, US_MAC, PEER_MAC, 2, BROADCAST_MAC, PEER, US_MAC, US));
    rig_input(r, f, make_arp(f, US_MAC, PEER_MAC, 2, ZERO_MAC, PEER, US_MAC, US));
    assert_int_equal(rig_counters(r)->arp_bad_sender, 4);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_sender_addresses_that_no_station_has_are_refused(void **state) /* ARP-06 */
{
    (void)state;
    static const uint32_t bad[] = {0xffffffff, 0xe0000001, 0xf0000001, 0x7f000001, 0x00000001};
    struct rig *r = rig_new();
    uint8_t f[64];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        rig_input(r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, bad[i], ZERO_MAC, US));
        assert_int_equal(rig_counters(r)->arp_bad_sender, i + 1);
        expect_nothing(r);
    }
    /* A reply from 0.0.0.0, too. */
    rig_input(r, f, make_arp(f, US_MAC, PEER_MAC, 2, PEER_MAC, 0, US_MAC, US));
    assert_int_equal(rig_counters(r)->arp_bad_sender, ARRAY_SIZE(bad) + 1);
    rig_free(r);
}

static void test_askers_outside_the_subnet_get_an_answer_and_no_entry(void **state) /* ARP-06 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[64];
    const uint32_t outside[] = {FAR, 0xc00002ff /* our subnet's broadcast */};
    struct wire_arp arp;
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        rig_input(r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, outside[i], ZERO_MAC, US));
        expect_arp(r, WIRE_ARP_REPLY, &arp);
        assert_int_equal(rig_counters(r)->arp_bad_sender, i + 1);
    }
    assert_int_equal(rig_counters(r)->neighbours_resolved, 0);
    rig_free(r);
}

/* ---- changes of MAC ---- */

static void test_a_gateway_that_moved_is_followed_by_its_announcement(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, GATEWAY, GATEWAY_MAC);
    rig_pass(r, 2 * NS_PER_S);
    gratuitous(r, WIRE_ARP_REPLY, GATEWAY, OTHER_MAC);
    assert_int_equal(send_to(r, FAR), 0);
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), OTHER_MAC); /* confirmed before it is trusted for long */
    assert_int_equal(arp.tpa, GATEWAY);
    expect_datagram_to(r, FAR, OTHER_MAC);
    rig_free(r);
}

static void test_the_first_of_two_answers_counts_for_a_second(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(send_to(r, PEER), 0);
    rig_forget_frames(r);
    reply(r, PEER, PEER_MAC);
    rig_forget_frames(r);
    reply(r, PEER, OTHER_MAC);
    assert_int_equal(rig_counters(r)->arp_unsolicited, 1);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_what_contradicts_a_fresh_answer_is_found_out_by_probes(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_arp arp;
    assert_int_equal(send_to(r, PEER), 0);
    rig_forget_frames(r);
    reply(r, PEER, PEER_MAC);
    rig_forget_frames(r);
    gratuitous(r, WIRE_ARP_REQUEST, PEER, OTHER_MAC); /* it has moved within the second, and says so once */
    assert_int_equal(rig_counters(r)->arp_unsolicited, 1);
    rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(send_to(r, PEER), 0); /* goes where it went, but the station is asked */
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_pass(r, 1010 * NS_PER_MS);
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), BROADCAST_MAC);
    reply(r, PEER, OTHER_MAC);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, OTHER_MAC);
    rig_free(r);
}

static void test_a_permanent_neighbour_is_never_asked_about_nor_changed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct ip_addr peer = v4(PEER), us = v4(US), any = v4(0);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, BROADCAST_MAC), ERR_INVALID);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &us, PEER_MAC), ERR_INVALID);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &any, PEER_MAC), ERR_INVALID);
    assert_int_equal(stack_add_neighbour(r->stack, 99, &peer, PEER_MAC), ERR_INVALID);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0);
    rig_pass(r, 100 * NS_PER_S);
    gratuitous(r, WIRE_ARP_REPLY, PEER, OTHER_MAC);
    reply(r, PEER, OTHER_MAC);
    assert_int_equal(rig_counters(r)->arp_unsolicited, 2);
    assert_int_equal(send_to(r, PEER), 0);
    expect_datagram_to(r, PEER, PEER_MAC);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_neighbour_made_permanent_while_asked_for_frees_what_waits(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(send_to(r, PEER), 0);
    rig_forget_frames(r);
    struct ip_addr peer = v4(PEER);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0);
    rig_transmit(r);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_a_request_from_whom_we_ask_for_resolves_it(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(send_to(r, PEER), 0);
    rig_forget_frames(r);
    uint8_t f[64];
    rig_input(r, f, make_arp_request(f, US));
    expect_datagram_to(r, PEER, PEER_MAC);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REPLY, &arp);
    rig_free(r);
}

/* ---- conflicts ---- */

static void test_a_conflict_is_counted_and_defended_once_in_ten_seconds(void **state) /* ARP-03 */
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_arp arp;
    for (unsigned i = 0; i < 100; i++) {
        gratuitous(r, i & 1 ? WIRE_ARP_REPLY : WIRE_ARP_REQUEST, US, PEER_MAC);
        rig_pass(r, 210 * NS_PER_MS); /* 21 s in all */
    }
    assert_int_equal(rig_counters(r)->arp_conflicts, 100);
    assert_int_equal(rig_counters(r)->arp_own_address, 100);
    unsigned defences = 0;
    while (r->count) {
        const struct rig_frame *f = expect_arp(r, WIRE_ARP_REQUEST, &arp);
        expect_dst_mac(f, BROADCAST_MAC);
        assert_int_equal(arp.spa, US);
        assert_int_equal(arp.tpa, US);
        assert_memory_equal(arp.sha, US_MAC, 6);
        defences++;
    }
    assert_int_equal(defences, 3); /* at 0, 10 and 20 s */
    rig_free(r);
}

static void test_each_address_is_defended_by_itself(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, OTHER_MAC);
    gratuitous(r, WIRE_ARP_REPLY, US, PEER_MAC);
    gratuitous(r, WIRE_ARP_REPLY, OTHER, PEER_MAC);
    struct wire_arp arp;
    expect_src_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), US_MAC);
    expect_src_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), OTHER_MAC);
    rig_free(r);
}

static void test_announcements_tell_everybody(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    stack_announce(r->stack, r->us, r->now);
    stack_announce(r->stack, 77, r->now);
    rig_transmit(r);
    struct wire_arp arp;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), BROADCAST_MAC);
    assert_int_equal(arp.spa, US);
    assert_int_equal(arp.tpa, US);
    expect_nothing(r);
    rig_free(r);
}

/* ---- exhaustion ---- */

static void test_a_hundred_thousand_askers_do_not_displace_live_entries(void **state) /* ARP-04 */
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 64;
    struct rig *r = rig_new_empty(&t);
    const uint32_t us = 0x0a000001, live = 0x0a000002;
    r->us = rig_host(r, us, 8, 0, NULL);
    rig_resolve(r, r->us, live, PEER_MAC);
    uint64_t before = rig_counters(r)->arp_requests_sent;
    uint8_t f[64];
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t mac[6] = {2, 9, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        rig_input(r, f, make_arp(f, BROADCAST_MAC, mac, 1, mac, 0x0a100000 + i, ZERO_MAC, us));
    }
    assert_int_equal(rig_counters(r)->arp_replies_sent, 100000);
    assert_int_equal(rig_counters(r)->neighbours_evicted, 100000 - 63);
    rig_forget_frames(r);
    struct udp_datagram d = {.local = r->us, .remote = v4(live), .local_port = 1, .remote_port = 1};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    expect_dst_mac(expect_ipv4(r, IP_PROTO_UDP, &ip), PEER_MAC);
    assert_int_equal(rig_counters(r)->arp_requests_sent, before);
    rig_free(r);
}

static void test_a_table_full_of_confirmed_entries_takes_no_strangers(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 4;
    struct rig *r = rig_new_with(&t);
    for (uint32_t i = 0; i < 4; i++)
        rig_resolve(r, r->us, US + 10 + i, OTHER_MAC);
    uint8_t f[64];
    rig_input(r, f, make_arp_request(f, US));
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REPLY, &arp); /* answered all the same */
    assert_int_equal(rig_counters(r)->arp_table_full, 1);
    assert_int_equal(rig_counters(r)->neighbours_evicted, 0);
    /* Our own need may take the place of the one confirmed longest ago. */
    rig_resolve(r, r->us, PEER, PEER_MAC);
    assert_int_equal(rig_counters(r)->neighbours_evicted, 1);
    assert_int_equal(send_to(r, US + 11), 0);
    expect_datagram_to(r, US + 11, OTHER_MAC);
    rig_free(r);
}

/* ---- domains ---- */

static void test_neighbours_of_one_vlan_are_not_those_of_another(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    uint32_t local[2];
    for (unsigned i = 0; i < 2; i++) {
        struct host_settings h = {.address = v4(US), .prefix_length = PREFIX, .vlan_count = 1};
        h.vlan[0] = (struct host_vlan){.tpid = 0x8100, .tci = (uint16_t)(100 + i)};
        int n = stack_add_host(r->stack, &h);
        assert_true(n > 0);
        local[i] = (uint32_t)n;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct udp_datagram d = {.local = local[i], .remote = v4(PEER), .local_port = 5, .remote_port = 5};
        assert_int_equal(udp_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        struct wire_arp arp;
        const struct rig_frame *q = expect_arp(r, WIRE_ARP_REQUEST, &arp);
        assert_int_equal(load_be16(q->bytes + 12), 0x8100);
        assert_int_equal(load_be16(q->bytes + 14), 100 + i);
        uint8_t f[64], mac[6] = {2, 7, 0, 0, 0, (uint8_t)i};
        uint32_t n = insert_tag(f, make_arp_reply(f, PEER, mac), 0x8100, (uint16_t)(100 + i));
        rig_input(r, f, n);
        struct wire_ipv4 ip;
        const struct rig_frame *sent = expect_ipv4(r, IP_PROTO_UDP, &ip);
        expect_dst_mac(sent, mac);
        assert_int_equal(load_be16(sent->bytes + 14), 100 + i);
    }
    rig_free(r);
}

static void test_without_a_frame_nothing_is_lost_but_the_request(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct packet *all[512];
    unsigned n = packet_pool_get(&r->pool, all, 512);
    assert_int_equal(send_to(r, PEER), 0);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    packet_release_burst(all, n);
    rig_pass(r, 1010 * NS_PER_MS);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    reply(r, PEER, PEER_MAC);
    expect_datagram_to(r, PEER, PEER_MAC);
    rig_free(r);
}

static void test_what_waited_is_lost_when_no_frame_is_free(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(send_to(r, PEER), 0);
    rig_forget_frames(r);
    uint8_t f[64];
    uint32_t n = make_arp_reply(f, PEER, PEER_MAC);
    struct packet *all[512], *arrived;
    assert_int_equal(packet_pool_get(&r->pool, &arrived, 1), 1);
    memcpy(arrived->data, f, n);
    arrived->len = n;
    unsigned taken = packet_pool_get(&r->pool, all, 512);
    stack_input(r->stack, 0, &arrived, 1, r->now);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    packet_release_burst(all, taken);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_datagram_waits_for_its_neighbour_and_then_goes),
        cmocka_unit_test(test_the_resolve_queue_keeps_the_newest_datagrams_in_order),
        cmocka_unit_test(test_all_resolve_queues_together_are_bounded),
        cmocka_unit_test(test_requests_are_repeated_once_a_second_and_then_it_failed),
        cmocka_unit_test(test_a_flood_to_one_silent_host_asks_once_a_second),
        cmocka_unit_test(test_asking_again_after_eviction_does_not_disturb_others),
        cmocka_unit_test(test_a_stale_neighbour_is_probed_by_unicast_while_it_is_used),
        cmocka_unit_test(test_a_probe_goes_on_by_broadcast_and_finds_the_new_mac),
        cmocka_unit_test(test_a_probed_neighbour_that_is_gone_fails),
        cmocka_unit_test(test_requests_for_our_addresses_are_answered_and_teach_us_the_asker),
        cmocka_unit_test(test_requests_for_other_addresses_are_not_answered_and_teach_nothing),
        cmocka_unit_test(test_ten_thousand_local_addresses_answer_each_for_itself),
        cmocka_unit_test(test_a_probe_for_our_address_is_answered_without_learning),
        cmocka_unit_test(test_malformed_packets_change_nothing),
        cmocka_unit_test(test_unsolicited_replies_make_no_entry),
        cmocka_unit_test(test_a_sender_whose_frame_says_otherwise_is_not_believed),
        cmocka_unit_test(test_sender_addresses_that_no_station_has_are_refused),
        cmocka_unit_test(test_askers_outside_the_subnet_get_an_answer_and_no_entry),
        cmocka_unit_test(test_a_gateway_that_moved_is_followed_by_its_announcement),
        cmocka_unit_test(test_the_first_of_two_answers_counts_for_a_second),
        cmocka_unit_test(test_what_contradicts_a_fresh_answer_is_found_out_by_probes),
        cmocka_unit_test(test_a_permanent_neighbour_is_never_asked_about_nor_changed),
        cmocka_unit_test(test_a_neighbour_made_permanent_while_asked_for_frees_what_waits),
        cmocka_unit_test(test_a_request_from_whom_we_ask_for_resolves_it),
        cmocka_unit_test(test_a_conflict_is_counted_and_defended_once_in_ten_seconds),
        cmocka_unit_test(test_each_address_is_defended_by_itself),
        cmocka_unit_test(test_announcements_tell_everybody),
        cmocka_unit_test(test_a_hundred_thousand_askers_do_not_displace_live_entries),
        cmocka_unit_test(test_a_table_full_of_confirmed_entries_takes_no_strangers),
        cmocka_unit_test(test_neighbours_of_one_vlan_are_not_those_of_another),
        cmocka_unit_test(test_without_a_frame_nothing_is_lost_but_the_request),
        cmocka_unit_test(test_what_waited_is_lost_when_no_frame_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
