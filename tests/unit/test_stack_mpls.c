/* SPDX-License-Identifier: MIT */
/*
 * MPLS on hosts: what leaves labelled and what does not, what is taken in (each drop is in test_stack_counters), and what
 * labels cost of the MTU. RFC 3032, RFC 3443, RFC 4182.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/control.h"
#include "wire/mpls.h"

static const uint8_t eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};
/* Of a host with two labels, one VLAN tag in front of them. */
static const struct host_settings labelled = {
    .prefix_length = PREFIX,
    .mpls_count = 2,
    .mpls = {{.label = 100, .tc = 5, .ttl = 9}, {.label = WIRE_MPLS_MAX_LABEL}}};

static struct rig *rig_labelled(unsigned vlans)
{
    struct host_settings h = labelled;
    h.address = v4(US);
    h.gateway = v4(GATEWAY);
    h.vlan_count = (uint8_t)vlans;
    h.vlan[0] = (struct host_vlan){.tpid = vlans == 2 ? ETHERTYPE_QINQ : ETHERTYPE_VLAN, .tci = 0x6005};
    h.vlan[1] = (struct host_vlan){.tpid = ETHERTYPE_VLAN, .tci = 6};
    memcpy(h.mac, US_MAC, sizeof h.mac);
    struct rig *r = rig_new_empty(NULL);
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    assert_int_equal(r->us, 1);
    return r;
}

static void send_udp(struct rig *r, const struct ip_addr *remote, uint32_t length)
{
    static const uint8_t body[4096];
    struct udp_datagram d = {
        .local = r->us, .remote = *remote, .local_port = 7, .remote_port = 7, .bytes = body, .length = length};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
}

static void expect_labels(const uint8_t *at)
{
    struct wire_mpls l[2];
    unsigned n;
    assert_int_equal(wire_mpls_parse_stack(at, 8, 2, l, &n), 8);
    assert_int_equal(n, 2);
    assert_int_equal(l[0].label, 100);
    assert_int_equal(l[0].tc, 5);
    assert_int_equal(l[0].ttl, 9);
    assert_false(l[0].bottom);
    assert_int_equal(l[1].label, WIRE_MPLS_MAX_LABEL);
    assert_int_equal(l[1].ttl, 255);
    assert_true(l[1].bottom);
}

/* With 0, 1 and 2 tags in front: the request asks below the tags alone, the datagram lies below tags and labels. */
static void test_datagrams_leave_labelled_and_arp_does_not(void **state)
{
    (void)state;
    for (unsigned vlans = 0; vlans <= 2; vlans++) {
        struct rig *r = rig_labelled(vlans);
        const struct ip_addr peer = v4(PEER);
        const struct rig_frame *f;
        struct wire_eth eth;
        uint8_t answer[RIG_FRAME_BYTES];
        send_udp(r, &peer, 10);
        assert_non_null(f = rig_next(r));
        uint32_t link = 14 + vlans * 4;
        assert_int_equal(wire_eth_parse(f->bytes, f->length, 2, &eth), link);
        assert_int_equal(eth.ethertype, ETHERTYPE_ARP);
        assert_int_equal(eth.vlan_count, vlans);
        if (vlans)
            assert_int_equal(eth.vlan[0].tci, 0x6005);
        uint32_t n = make_arp_reply(answer, PEER, PEER_MAC);
        for (unsigned i = vlans; i > 0; i--)
            n = insert_tag(answer, n, eth.vlan[i - 1].tpid, eth.vlan[i - 1].tci);
        rig_input(r, answer, n);
        assert_non_null(f = rig_next(r));
        assert_int_equal(wire_eth_parse(f->bytes, f->length, 2, &eth), link);
        assert_int_equal(eth.ethertype, ETHERTYPE_MPLS);
        assert_int_equal(eth.vlan_count, vlans);
        expect_dst_mac(f, PEER_MAC);
        expect_labels(f->bytes + link);
        assert_int_equal(f->bytes[link + 8], 0x45);
        assert_true(wire_ipv4_checksum_ok(f->bytes + link + 8, 20));
        assert_int_equal(f->length, link + 8 + 20 + 8 + 10);
        expect_nothing(r);
        rig_free(r);
    }
}

static void test_what_goes_to_many_has_no_labels(void **state)
{
    (void)state;
    struct rig *r = rig_labelled(0);
    const uint32_t many[] = {0xffffffff, 0xc00002ff, 0xe0000123};
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
        for (unsigned large = 0; large < 2; large++) {
            const struct ip_addr to = v4(many[i]);
            struct wire_ipv4 ip;
            send_udp(r, &to, large ? 3000 : 10);
            for (unsigned pieces = large ? 3 : 1; pieces; pieces--)
                (void)expect_ipv4(r, IP_PROTO_UDP, &ip);
            expect_nothing(r);
        }
    rig_free(r);
}

static void test_neighbour_discovery_has_no_labels(void **state)
{
    (void)state;
    struct host_settings h = labelled;
    h.address = US6;
    h.prefix_length = 64;
    memcpy(h.mac, US_MAC, sizeof h.mac);
    struct rig *r = rig_new_empty(NULL);
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    assert_int_equal(r->us, 1);
    send_udp(r, &PEER6, 10);
    struct wire_ipv6 ip;
    struct wire_nd message;
    uint8_t bytes[RIG_FRAME_BYTES];
    (void)expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &message);
    rig_input(r, bytes, make_advertisement(bytes, &PEER6, PEER_MAC, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE));
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_MPLS);
    expect_labels(f->bytes + 14);
    assert_int_equal(f->bytes[22] >> 4, 6);
    assert_int_equal(f->length, 14 + 8 + 40 + 8 + 10);
    /* Nor is it believed below labels, where a hop limit of 255 says nothing. */
    const uint32_t own[2] = {mpls_entry(100, false, 64), mpls_entry(WIRE_MPLS_MAX_LABEL, true, 64)};
    struct wire_nd asks = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = US6};
    uint32_t n = make_nd(bytes, &PEER6, &US6, &asks);
    memcpy(bytes, US_MAC, 6);
    rig_input(r, bytes, n);
    (void)expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &message);
    n = make_nd(bytes, &PEER6, &US6, &asks);
    memcpy(bytes, US_MAC, 6);
    rig_input(r, bytes, insert_labels(bytes, n, own, 2));
    assert_int_equal(rig_counters(r)->nd_bad_message, 1);
    expect_nothing(r);
    rig_free(r);
}

static bool is_answered(struct rig *r, const uint32_t *entries, uint32_t n)
{
    uint8_t bytes[RIG_FRAME_BYTES];
    uint32_t length = make_echo_request(bytes, PEER, US, 1, 1, eight, 8);
    rig_forget_frames(r);
    rig_input(r, bytes, n ? insert_labels(bytes, length, entries, n) : length);
    const struct rig_frame *f = rig_next(r);
    if (!f)
        return false;
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_MPLS); /* whatever it came below */
    expect_labels(f->bytes + 14);
    assert_int_equal(f->bytes[22 + 20], WIRE_ICMP_ECHO_REPLY);
    assert_int_equal(f->bytes[22 + 8], 64); /* the pipe model: the IP header has its own TTL */
    return true;
}

#define LAST WIRE_MPLS_MAX_LABEL
static void test_the_end_of_the_own_stack_is_taken(void **state)
{
    (void)state;
    struct rig *r = rig_labelled(0);
    const struct {
        bool taken;
        uint32_t n;
        uint32_t labels[4];
    } cases[] = {
        {true, 2, {100, LAST}},
        {true, 1, {LAST}},
        {true, 0, {0}},
        {true, 1, {0}},
        {true, 2, {0, LAST}},
        {true, 3, {0, 100, LAST}},
        {true, 2, {100, LAST}},
        {true, 3, {100, 2, LAST}},
        {true, 3, {1, 100, LAST}},
        {true, 3, {100, LAST, 0}},
        {false, 1, {100}},
        {false, 2, {LAST, 100}},
        {false, 2, {101, LAST}},
        {false, 1, {2}},
        {false, 1, {1}},
        {false, 1, {3}},
        {false, 2, {7, LAST}},
        {false, 2, {15, LAST}},
        {false, 1, {LAST - 1}},
        {false, 3, {100, LAST, 1}},
        {false, 3, {16, 100, LAST}},
        {false, 3, {100, LAST, 2}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t entries[4];
        for (uint32_t k = 0; k < cases[i].n; k++)
            entries[k] = mpls_entry(cases[i].labels[k], k + 1 == cases[i].n, 64);
        if (is_answered(r, entries, cases[i].n) != cases[i].taken)
            fail_msg("case %zu", i);
    }
    rig_free(r);
}

static void test_without_labelled_hosts_it_is_an_unknown_ethertype(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t bytes[RIG_FRAME_BYTES];
    const uint32_t null = mpls_entry(0, true, 64);
    rig_input(r, bytes, insert_labels(bytes, make_echo_request(bytes, PEER, US, 1, 1, eight, 8), &null, 1));
    assert_int_equal(rig_counters(r)->l2_unknown_ethertype, 1);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_ttl_of_one_anywhere_ends_it(void **state)
{
    (void)state;
    for (uint8_t ttl = 0; ttl < 2; ttl++)
        for (unsigned at = 0; at < 2; at++) {
            struct rig *r = rig_labelled(0);
            const uint32_t entries[2] = {mpls_entry(100, false, at == 0 ? ttl : 2),
                                         mpls_entry(LAST, true, at ? ttl : 2)};
            assert_false(is_answered(r, entries, 2));
            assert_int_equal(rig_counters(r)->mpls_ttl_exceeded, 1);
            rig_free(r);
        }
}

/* Every place where the frame can end inside of the labels or behind them. */
static void test_cut_off_frames_are_dropped_with_a_name(void **state)
{
    (void)state;
    struct rig *r = rig_labelled(0);
    uint8_t bytes[RIG_FRAME_BYTES];
    const uint32_t own[2] = {mpls_entry(100, false, 64), mpls_entry(LAST, true, 64)};
    uint32_t n = insert_labels(bytes, make_echo_request(bytes, PEER, US, 1, 1, eight, 8), own, 2);
    for (uint32_t length = 14; length < n; length++)
        rig_input(r, bytes, length);
    const struct stack_counters *c = rig_counters(r);
    assert_int_equal(c->mpls_no_bottom, 8);
    assert_int_equal(c->mpls_bad_payload, 1);
    assert_int_equal(c->mpls_unknown_label + c->ip_short + c->ip_bad_total_length, n - 22 - 1);
    expect_nothing(r);
    rig_free(r);
}

static void test_labels_take_their_bytes_from_the_mtu(void **state)
{
    (void)state;
    struct rig *r = rig_labelled(2);
    const struct ip_addr peer = v4(PEER);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now), 1492);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0);
    const struct {
        uint32_t length, frames;
    } cases[] = {{1464, 1}, {1465, 2}, {3000, 3}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        send_udp(r, &peer, cases[i].length);
        for (uint32_t k = 0; k < cases[i].frames; k++) {
            const struct rig_frame *f = rig_next(r);
            assert_non_null(f);
            assert_true(f->length <= 1500 + 22);
            assert_int_equal(load_be16(f->bytes + 20), ETHERTYPE_MPLS);
            expect_labels(f->bytes + 22);
            assert_true(wire_ipv4_checksum_ok(f->bytes + 30, 20));
            assert_int_equal(f->length, 30 + load_be16(f->bytes + 32));
        }
        expect_nothing(r);
    }
    rig_free(r);
}

static size_t pulled(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c, (void)offset, (void)to, (void)length, (void)sum;
    return 0;
}
static void got(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context, (void)c, (void)bytes, (void)length, (void)now;
}
static void ended(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)reason, (void)now;
}

static void test_the_mss_of_a_labelled_host_leaves_room(void **state)
{
    (void)state;
    struct rig *r = rig_labelled(0);
    const struct ip_addr peer = v4(PEER);
    struct tcp_profile t;
    struct tcp_ref ref;
    static const struct tcp_user nobody = {.received = got, .pull = pulled, .closed = ended};
    struct flow_key key = {.local = r->us, .remote = peer, .remote_port = 80};
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0);
    tcp_profile_default(&t);
    assert_int_equal(tcp_register_user(stack_tcp(r->stack), &nobody, NULL, &t), 0);
    assert_int_equal(tcp_connect(stack_tcp(r->stack), 0, &key, 0, r->now, &ref), 0);
    rig_transmit(r);
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    expect_labels(f->bytes + 14);
    assert_int_equal(load_be16(f->bytes + 22 + 20 + 20), 0x0204);
    assert_int_equal(load_be16(f->bytes + 22 + 20 + 22), 1500 - 8 - 40);
    rig_free(r);
}

static void test_settings_are_checked_and_seen_again(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = labelled, seen;
    h.address = v4(US);
    memcpy(h.mac, US_MAC, sizeof h.mac);
    h.mpls_count = 5;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h.mpls_count = 2;
    for (uint32_t label = 0; label < 16; label++) {
        h.mpls[1].label = label;
        assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    }
    h.mpls[1].label = LAST + 1;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h.mpls[1] = (struct host_label){.label = 16, .tc = 8};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h.mpls[1] = (struct host_label){.label = 16, .tc = 7, .ttl = 2};
    h.vlan_count = 1;
    h.vlan[0] = (struct host_vlan){.tpid = ETHERTYPE_QINQ, .tci = 0xe007};
    assert_int_equal(stack_add_host(r->stack, &h), 1);
    assert_true(stack_view_host(r->stack, 1, &seen));
    assert_int_equal(seen.vlan_count, 1);
    assert_int_equal(seen.vlan[0].tpid, ETHERTYPE_QINQ);
    assert_int_equal(seen.vlan[0].tci, 0xe007);
    assert_int_equal(seen.mpls_count, 2);
    assert_int_equal(seen.mpls[0].label, 100);
    assert_int_equal(seen.mpls[0].tc, 5);
    assert_int_equal(seen.mpls[0].ttl, 9);
    assert_int_equal(seen.mpls[1].label, 16);
    assert_int_equal(seen.mpls[1].tc, 7);
    assert_int_equal(seen.mpls[1].ttl, 2);
    /* IPv6 needs 1280 bytes below its labels: RFC 8200 5. */
    r->link.mtu = 1287;
    h.address = US6;
    h.prefix_length = 64;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    r->link.mtu = 1288;
    assert_int_equal(stack_add_host(r->stack, &h), 2);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_leave_labelled_and_arp_does_not),
        cmocka_unit_test(test_what_goes_to_many_has_no_labels),
        cmocka_unit_test(test_neighbour_discovery_has_no_labels),
        cmocka_unit_test(test_the_end_of_the_own_stack_is_taken),
        cmocka_unit_test(test_without_labelled_hosts_it_is_an_unknown_ethertype),
        cmocka_unit_test(test_a_ttl_of_one_anywhere_ends_it),
        cmocka_unit_test(test_cut_off_frames_are_dropped_with_a_name),
        cmocka_unit_test(test_labels_take_their_bytes_from_the_mtu),
        cmocka_unit_test(test_the_mss_of_a_labelled_host_leaves_room),
        cmocka_unit_test(test_settings_are_checked_and_seen_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
