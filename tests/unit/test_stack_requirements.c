/* SPDX-License-Identifier: MIT */
/*
 * Single requirements of the RFCs that no other test of the stack shows: tests/conformance/requirements names these by
 * section. One exchange of frames each; RFC 8200 here with RFC 1122 and RFC 4861.
 */
#include "unit/stack_rig.h"

#include <string.h>

#include "base/error.h"
#include "tcp/tcp.h"
#include "wire/tcp.h"

#define PORT 7000

static const uint8_t body[2000];

struct heard {
    unsigned count;
    uint32_t length;
};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct heard *h = context;
    h->count++;
    h->length = d->length;
}

static int send_udp6(struct rig *r, const struct ip_addr *to, uint16_t port, const uint8_t *bytes, uint32_t length)
{
    const struct udp_datagram d = {
        .local = r->us, .remote = *to, .local_port = PORT, .remote_port = port, .bytes = bytes, .length = length};
    int result = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return result;
}

/* ---- RFC 8200 ---- */

/* The fragments of one datagram leave the rig; their common identification. */
static uint32_t expect_fragments(struct rig *r, uint32_t mtu, unsigned at_least)
{
    struct wire_ipv6 ip;
    struct wire_ipv6_fragment h = {.more = true};
    uint32_t id = 0;
    unsigned count = 0;
    for (; h.more; count++) {
        const struct rig_frame *f = expect_ipv6(r, IP_PROTO_FRAGMENT, &ip);
        assert_true(f->length <= 14 + mtu);
        assert_int_equal(wire_ipv6_fragment_parse(f->bytes + 54, 8, &h), 8);
        if (count > 0)
            assert_int_equal(h.id, id);
        id = h.id;
    }
    assert_true(count >= at_least);
    return id;
}

static void fragmented_ipv6_datagrams_to_one_host_differ_in_their_identification(void **state) /* RFC 8200 4.5 */
{
    (void)state;
    struct rig *r = rig_new6();
    uint32_t seen[200];
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(send_udp6(r, &PEER6, 6, body, sizeof body), 0);
        seen[i] = expect_fragments(r, 1500, 2);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(seen[k], seen[i]);
    }
    rig_free(r);
}

static void ipv6_fragments_keep_to_the_path_mtu(void **state) /* RFC 8200 4.5 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct heard h = {0};
    uint8_t f[RIG_FRAME_BYTES], quoted[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, 0, PORT, on_datagram, NULL, &h), 0);
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    make_udp6(quoted, &US6, PORT, &PEER6, 6, body, 1400);
    rig_input(r, f, make_icmp6(f, &OTHER6, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, 1280, quoted + 14, 600));
    assert_int_equal(send_udp6(r, &PEER6, 6, body, 1400), 0);
    expect_fragments(r, 1280, 2);
    expect_nothing(r);
    rig_free(r);
}

static void an_ipv6_packet_as_long_as_the_mtu_is_taken(void **state) /* RFC 8200 5 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct heard h = {0};
    uint8_t f[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, 0, PORT, on_datagram, NULL, &h), 0);
    uint32_t n = make_udp6(f, &PEER6, 6, &US6, PORT, body, 1500 - 48);
    assert_int_equal(n, 14 + 1500);
    rig_input(r, f, n);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.length, 1452);
    rig_free(r);
}

static void an_ipv6_checksum_of_zero_is_sent_as_ffff(void **state) /* RFC 8200 8.1 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    unsigned zeros = 0;
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    for (uint32_t word = 0; word < 65536; word++) {
        uint8_t two[2];
        store_be16(two, (uint16_t)word);
        assert_int_equal(send_udp6(r, &PEER6, 6, two, 2), 0);
        const struct rig_frame *f = expect_ipv6(r, IP_PROTO_UDP, &ip);
        assert_int_not_equal(load_be16(f->bytes + 60), 0);
        zeros += load_be16(f->bytes + 60) == 0xffff;
    }
    assert_int_equal(zeros, 1);
    rig_free(r);
}

static void the_largest_ipv6_datagram_that_is_not_cut_is_48_bytes_below_the_mtu(void **state) /* RFC 8200 8.3 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    assert_int_equal(send_udp6(r, &PEER6, 6, body, 1452), 0);
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    expect_nothing(r);
    assert_int_equal(send_udp6(r, &PEER6, 6, body, 1453), 0);
    expect_fragments(r, 1500, 2);
    rig_free(r);
}

static void no_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context, (void)c, (void)bytes, (void)length, (void)now;
}
static size_t no_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c, (void)offset, (void)to, (void)length, (void)sum;
    return 0;
}
static void no_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)reason, (void)now;
}

static void the_mss_over_ipv6_is_60_below_the_mtu(void **state) /* RFC 8200 8.3 */
{
    (void)state;
    static const struct tcp_user calls = {.received = no_received, .pull = no_pull, .closed = no_closed};
    struct rig *r = rig_new6();
    struct tcp_profile p;
    struct tcp_ref ref;
    struct wire_ipv6 ip;
    struct wire_tcp tcp;
    struct wire_tcp_options o;
    tcp_profile_default(&p);
    int user = tcp_register_user(stack_tcp(r->stack), &calls, NULL, &p);
    assert_true(user >= 0);
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    const struct flow_key key = {.local = r->us, .remote = PEER6, .local_port = 5000, .remote_port = 80};
    assert_int_equal(tcp_connect(stack_tcp(r->stack), (unsigned)user, &key, 0, r->now, &ref), 0);
    rig_transmit(r);
    const struct rig_frame *f = expect_ipv6(r, IP_PROTO_TCP, &ip);
    int header = wire_tcp_parse(f->bytes + 54, f->length - 54, &tcp);
    assert_true(header > 20);
    wire_tcp_options_parse(f->bytes + 74, (size_t)header - 20, &o);
    assert_true(o.present & TCP_OPT_MSS);
    assert_int_equal(o.mss, 1440);
    rig_free(r);
}

static void an_answer_carries_no_routing_header(void **state) /* RFC 8200 8.4 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    uint8_t f[RIG_FRAME_BYTES], p[64] = {IP_PROTO_ICMPV6, 2, 0, 0};
    make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 7, body, 8);
    memcpy(p + 8, &OTHER6, 16); /* a route of one stop, passed */
    memcpy(p + 24, f + 54, 16);
    rig_input(r, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_ROUTING, p, 40));
    expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip); /* right behind the IPv6 header */
    assert_memory_equal(&ip.dst, &PEER6, 16);
    expect_nothing(r);
    rig_free(r);
}

/* ---- RFC 1122 ---- */

static int send_udp(struct rig *r, uint32_t to)
{
    const struct udp_datagram d = {
        .local = r->us, .remote = v4(to), .local_port = PORT, .remote_port = 9, .bytes = body, .length = 8};
    int result = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return result;
}

static void expect_request_for(struct rig *r, uint32_t target)
{
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, target);
    expect_nothing(r);
}

static void the_mask_says_who_is_a_neighbour(void **state) /* RFC 1122 3.3.1.1 */
{
    (void)state;
    for (uint8_t prefix = 20; prefix <= 29; prefix++) {
        struct rig *r = rig_new_empty(NULL);
        const uint32_t size = 1u << (32 - prefix), net = 0x0a010000;
        r->us = rig_host(r, net + 1, prefix, net + 2, NULL);
        assert_int_equal(send_udp(r, net + size - 2), 0);
        expect_request_for(r, net + size - 2);
        assert_int_equal(send_udp(r, net + size), 0);
        expect_request_for(r, net + 2);
        rig_free(r);
    }
}

static void a_host_without_gateway_reaches_its_link(void **state) /* RFC 1122 3.3.1.1 */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct wire_ipv4 ip;
    r->us = rig_host(r, US, PREFIX, 0, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    assert_int_equal(send_udp(r, PEER), 0);
    expect_dst_mac(expect_ipv4(r, IP_PROTO_UDP, &ip), PEER_MAC);
    assert_int_equal(send_udp(r, FAR), ERR_NO_ROUTE);
    expect_nothing(r);
    rig_free(r);
}

static void what_is_for_others_is_dropped(void **state) /* RFC 1122 3.2.1.3 */
{
    (void)state;
    static const uint32_t others[] = {OTHER, FAR, 0xe0000005};
    struct rig *r = rig_new();
    uint8_t f[RIG_FRAME_BYTES];
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        rig_input(r, f, make_udp(f, PEER, 1, others[i], 9, body, 8));
        assert_int_equal(rig_counters(r)->ip_not_for_us, i + 1);
    }
    expect_nothing(r);
    rig_free(r);
}

static void stream_identifiers_are_ignored(void **state) /* RFC 1122 3.2.1.8 (b) */
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_ipv4 ip;
    uint8_t f[RIG_FRAME_BYTES];
    uint32_t n = make_echo_request(f, PEER, US, 1, 1, body, 8);
    memmove(f + 38, f + 34, n - 34);
    memcpy(f + 34, (const uint8_t[4]){136, 4, 0x12, 0x34}, 4);
    f[14] = 0x46;
    store_be16(f + 16, (uint16_t)(n - 14 + 4));
    fix_ip_checksum(f);
    rig_input(r, f, n + 4);
    expect_ipv4(r, IP_PROTO_ICMP, &ip); /* without options */
    expect_nothing(r);
    rig_free(r);
}

static void unreachable_is_no_proof_of_a_dead_gateway(void **state) /* RFC 1122 3.2.2.1 */
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_ipv4 ip;
    uint8_t f[RIG_FRAME_BYTES], sent[RIG_FRAME_BYTES];
    rig_resolve(r, r->us, GATEWAY, GATEWAY_MAC);
    for (uint8_t code = 0; code < 16; code++) {
        make_udp(sent, US, PORT, FAR, 9, body, 8);
        rig_input(r, f, make_icmp_error(f, 3, code, 0, sent + 14, 36));
        assert_int_equal(send_udp(r, FAR), 0);
        expect_dst_mac(expect_ipv4(r, IP_PROTO_UDP, &ip), GATEWAY_MAC);
        expect_nothing(r);
    }
    rig_free(r);
}

static void on_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)d, (void)now;
    *(struct ip_error *)context = *e;
}

static void time_exceeded_and_parameter_problem_reach_the_transport(void **state) /* RFC 1122 3.2.2.4, 3.2.2.5 */
{
    (void)state;
    static const struct {
        uint8_t type, code;
    } cases[] = {{11, 0}, {11, 1}, {12, 0}, {12, 1}};
    struct rig *r = rig_new();
    struct ip_error e;
    uint8_t f[RIG_FRAME_BYTES], sent[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, r->us, PORT, on_datagram, on_error, &e), 0);
    make_udp(sent, US, PORT, FAR, 9, body, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        memset(&e, 0, sizeof e);
        rig_input(r, f, make_icmp_error(f, cases[i].type, cases[i].code, 0, sent + 14, 36));
        assert_int_equal(e.type, cases[i].type);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(ip_addr_to_v4(&e.reporter), PEER);
    }
    rig_free(r);
}

static void an_echo_reply_comes_from_the_address_that_was_asked(void **state) /* RFC 1122 3.2.2.6 */
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_ipv4 ip;
    uint8_t f[RIG_FRAME_BYTES];
    for (uint32_t i = 0; i < 20; i++)
        rig_host(r, 0xc0000250 + i, PREFIX, GATEWAY, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        rig_input(r, f, make_echo_request(f, PEER, 0xc0000250 + i, 1, 1, body, 8));
        expect_ipv4(r, IP_PROTO_ICMP, &ip);
        assert_int_equal(ip.src, 0xc0000250 + i);
        assert_int_equal(ip.dst, PEER);
    }
    rig_free(r);
}

static void gateways_are_not_pinged(void **state) /* RFC 1122 3.3.1.4 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[RIG_FRAME_BYTES];
    rig_resolve(r, r->us, GATEWAY, GATEWAY_MAC);
    for (unsigned minute = 0; minute < 120; minute++) {
        if (minute < 60)
            assert_int_equal(send_udp(r, FAR), 0);
        for (unsigned second = 0; second < 60; second++) {
            rig_pass(r, NS_PER_S);
            for (const struct rig_frame *sent; (sent = rig_next(r));) {
                bool arp = load_be16(sent->bytes + 12) == ETHERTYPE_ARP;
                assert_true(arp || sent->bytes[14 + 9] == IP_PROTO_UDP);
                assert_true(minute < 60); /* and nothing once nobody uses it */
                if (arp)
                    rig_input(r, f, make_arp_reply(f, GATEWAY, GATEWAY_MAC));
            }
        }
    }
    rig_free(r);
}

static void broadcast_addresses_are_recognized(void **state) /* RFC 1122 3.3.6 */
{
    (void)state;
    static const uint32_t forms[] = {0xffffffff, 0xc00002ff};
    struct rig *r = rig_new();
    struct heard h = {0};
    uint8_t f[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, 0, PORT, on_datagram, NULL, &h), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        uint32_t n = make_udp(f, PEER, 6, forms[i], PORT, body, 8);
        memcpy(f, BROADCAST_MAC, 6);
        rig_input(r, f, n);
        assert_int_equal(h.count, i + 1);
    }
    rig_free(r);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fragmented_ipv6_datagrams_to_one_host_differ_in_their_identification),
        T(ipv6_fragments_keep_to_the_path_mtu),
        T(an_ipv6_packet_as_long_as_the_mtu_is_taken),
        T(an_ipv6_checksum_of_zero_is_sent_as_ffff),
        T(the_largest_ipv6_datagram_that_is_not_cut_is_48_bytes_below_the_mtu),
        T(the_mss_over_ipv6_is_60_below_the_mtu),
        T(an_answer_carries_no_routing_header),
        T(the_mask_says_who_is_a_neighbour),
        T(a_host_without_gateway_reaches_its_link),
        T(what_is_for_others_is_dropped),
        T(stream_identifiers_are_ignored),
        T(unreachable_is_no_proof_of_a_dead_gateway),
        T(time_exceeded_and_parameter_problem_reach_the_transport),
        T(an_echo_reply_comes_from_the_address_that_was_asked),
        T(gateways_are_not_pinged),
        T(broadcast_addresses_are_recognized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
