/* SPDX-License-Identifier: MIT */
/*
 * RFC 826 where no other test shows it: what a request's target hardware address means, whom the table follows
 * whatever the opcode is, and which way a reply goes. The rest is in test_stack_arp.c.
 */
#include "unit/forward_rig.h"

/* The next datagram to PEER goes to that MAC. */
static void expect_peer_at(struct rig *r, const uint8_t *mac)
{
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 9, .remote_port = 9};
    struct wire_ipv4 ip;
    rig_forget_frames(r);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    const struct rig_frame *f = rig_next(r);
    if (f && load_be16(f->bytes + 12) == ETHERTYPE_ARP) { /* asked there whether it is there, by the way */
        expect_dst_mac(f, mac);
        f = rig_next(r);
    }
    assert_non_null(f);
    expect_dst_mac(f, mac);
    assert_true(wire_ipv4_parse(f->bytes + 14, f->length - 14, &ip) >= 0);
    assert_int_equal(ip.dst, PEER);
}

static void a_requests_target_hardware_address_means_nothing(void **state)
{
    (void)state;
    const uint8_t *const targets[] = {ZERO_MAC, BROADCAST_MAC, US_MAC, PEER_MAC, OTHER_MAC};
    struct rig *r = rig_new();
    for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
        uint8_t f[64];
        struct wire_arp arp;
        rig_input(r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, PEER, targets[i], US));
        expect_dst_mac(expect_arp(r, WIRE_ARP_REPLY, &arp), PEER_MAC);
        assert_memory_equal(arp.tha, PEER_MAC, 6);
        expect_nothing(r);
    }
    rig_free(r);
}

static void a_known_sender_is_followed_whomever_it_asks_or_answers(void **state)
{
    (void)state;
    const uint32_t targets[] = {OTHER, US, PEER, FAR};
    for (uint16_t op = WIRE_ARP_REQUEST; op <= WIRE_ARP_REPLY; op++)
        for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
            uint8_t f[64];
            struct rig *r = rig_new();
            rig_resolve(r, r->us, PEER, PEER_MAC);
            expect_peer_at(r, PEER_MAC);
            rig_pass(r, 2 * NS_PER_S);
            rig_input(r, f, make_arp(f, BROADCAST_MAC, OTHER_MAC, op, OTHER_MAC, PEER, ZERO_MAC, targets[i]));
            expect_peer_at(r, OTHER_MAC);
            rig_free(r);
        }
}

static void a_reply_is_not_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[64];
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_input(r, f, make_arp_reply(f, PEER, PEER_MAC)); /* of somebody known */
    rig_input(r, f, make_arp_reply(f, OTHER, OTHER_MAC));
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->arp_replies_sent, 0);
    rig_free(r);
}

static void a_reply_leaves_where_the_request_came(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    for (unsigned port = 0; port < FORWARD_PORTS; port++) {
        const struct ip_addr station = forward_station(port, false), ours = forward_ours(port, false);
        uint8_t f[64], mac[6], own[6];
        struct wire_arp arp;
        forward_station_mac(port, mac);
        forward_our_mac(port, own);
        uint32_t n = make_arp(f, BROADCAST_MAC, mac, WIRE_ARP_REQUEST, mac, ip_addr_to_v4(&station), ZERO_MAC,
                              ip_addr_to_v4(&ours));
        forward_input_packet(r, port, forward_packet(r, port, f, n));
        const struct forward_frame *answer = forward_next(r, port);
        assert_non_null(answer);
        assert_memory_equal(answer->bytes, mac, 6); /* not to everybody */
        assert_memory_equal(answer->bytes + 6, own, 6);
        assert_true(wire_arp_parse(answer->bytes + 14, answer->length - 14, &arp) >= 0);
        assert_int_equal(arp.op, WIRE_ARP_REPLY);
        assert_memory_equal(arp.sha, own, 6);
        assert_int_equal(arp.spa, ip_addr_to_v4(&ours));
        forward_expect_nothing(r); /* nor elsewhere */
    }
    forward_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_requests_target_hardware_address_means_nothing),
        cmocka_unit_test(a_known_sender_is_followed_whomever_it_asks_or_answers),
        cmocka_unit_test(a_reply_is_not_answered),
        cmocka_unit_test(a_reply_leaves_where_the_request_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
