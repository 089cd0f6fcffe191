/* SPDX-License-Identifier: MIT */
/*
 * IPv6 of a host, frame by frame: RFC 8200 (extension headers, fragments), RFC 4443 (echo, errors with their codes and
 * pointers), RFC 8201 and 8021 (path MTU), RFC 5722 (overlaps), RFC 6946 (atomic fragments), UDP's checksum.
 */
#include "unit/stack_rig.h"

#include <string.h>

#include "base/error.h"

#define PORT 7000

static const uint8_t eight[8] = {8, 7, 6, 5, 4, 3, 2, 1};

struct sink {
    unsigned received, errors;
    uint32_t length;
    struct ip_error last;
    uint8_t bytes[65536];
};
static struct sink sink;

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context, (void)now;
    sink.received++;
    sink.length = d->length;
    memcpy(sink.bytes, d->bytes, d->length);
}

static void on_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)context, (void)d, (void)now;
    sink.errors++;
    sink.last = *e;
}

static struct rig *listening(void)
{
    struct rig *r = rig_new6();
    memset(&sink, 0, sizeof sink);
    assert_int_equal(udp_bind(r->stack, 0, PORT, on_datagram, on_error, NULL), 0);
    return r;
}

/* A UDP datagram from PEER6 to our port, without its IPv6 header; its length. */
static uint32_t datagram(uint8_t *to, uint32_t payload)
{
    struct wire_udp h = {.src_port = 1234, .dst_port = PORT, .length = (uint16_t)(8 + payload)};
    wire_udp_build(to, &h);
    for (uint32_t i = 0; i < payload; i++)
        to[8 + i] = (uint8_t)(i * 7 + (i >> 8));
    uint16_t sum = wire_l4_checksum_v6(&PEER6, &US6, IP_PROTO_UDP, to, 8 + payload);
    memcpy(to + 6, &sum, sizeof sum);
    return 8 + payload;
}

/* ---- echo ---- */

static void echo_is_answered_in_kind(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    rig_input(r, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 0x12345678, eight, 8));
    const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip);
    assert_memory_equal(&ip.src, &US6, 16);
    assert_memory_equal(&ip.dst, &PEER6, 16);
    assert_int_equal(ip.hop_limit, 64);
    assert_int_equal(load_be32(m + 4), 0x12345678);
    assert_memory_equal(m + 8, eight, 8);
    expect_nothing(r); /* nobody was asked where PEER6 is */
    rig_free(r);
}

static void echo_to_all_nodes_is_answered_where_allowed(void **state)
{
    (void)state;
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        struct stack_settings t;
        stack_settings_default(&t);
        t.answer_broadcast_echo = allowed;
        struct rig *r = rig_new_empty(&t);
        uint8_t f[RIG_FRAME_BYTES];
        struct wire_ipv6 ip;
        rig_host6(r);
        rig_input(r, f, make_icmp6(f, &PEER6, &ALL_NODES, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, eight, 8));
        if (allowed) {
            expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip);
            assert_memory_equal(&ip.src, &US6, 16);
        }
        expect_nothing(r);
        assert_int_equal(rig_counters(r)->icmp_broadcast_echo, !allowed);
        rig_free(r);
    }
}

static void nobody_answers_the_unspecified_address(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, make_icmp6(f, &NONE6, &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, eight, 8));
    rig_input(r, f, make_icmp6(f, &NONE6, &ALL_NODES, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, eight, 8));
    rig_input(r, f, make_udp6(f, &NONE6, 1, &US6, 9, eight, 8));
    assert_int_equal(rig_counters(r)->ip_bad_source, 3);
    expect_nothing(r);
    rig_free(r);
}

/* ---- addresses ---- */

static void sources_that_no_station_has_are_dropped(void **state)
{
    (void)state;
    static const char *const bad[] = {"::1", "ff02::1", "ff05::2", "::ffff:192.0.2.1", "2001:db8::1"};
    struct rig *r = listening();
    uint8_t f[RIG_FRAME_BYTES];
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct ip_addr source = v6(bad[i]);
        rig_input(r, f, make_udp6(f, &source, 1, &US6, PORT, eight, 8));
        assert_int_equal(rig_counters(r)->ip_bad_source, i + 1);
    }
    assert_int_equal(sink.received, 0);
    expect_nothing(r);
    rig_free(r);
}

static void only_own_addresses_and_groups_are_heard(void **state)
{
    (void)state;
    struct rig *r = listening();
    uint8_t f[RIG_FRAME_BYTES];
    const struct ip_addr group = v6("ff05::1234"), solicited = ip_addr_solicited_node(&US6);
    const struct ip_addr interface_local = v6("ff01::1");
    rig_input(r, f, make_udp6(f, &PEER6, 1, &OTHER6, PORT, eight, 8));
    rig_input(r, f, make_udp6(f, &PEER6, 1, &group, PORT, eight, 8));
    assert_int_equal(rig_counters(r)->ip_not_for_us, 2);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &interface_local, PORT, eight, 8));
    assert_int_equal(rig_counters(r)->ip_bad_destination, 1);
    assert_int_equal(sink.received, 0);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &ALL_NODES, PORT, eight, 8));
    rig_input(r, f, make_udp6(f, &PEER6, 1, &solicited, PORT, eight, 8));
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &group, PORT, eight, 8));
    assert_int_equal(sink.received, 3);
    assert_int_equal(stack_leave(r->stack, r->us, &group, r->now), 0);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &group, PORT, eight, 8));
    assert_int_equal(sink.received, 3);
    expect_nothing(r);
    rig_free(r);
}

/* ---- UDP ---- */

static void a_datagram_without_checksum_is_dropped(void **state) /* RFC 8200 8.1 */
{
    (void)state;
    struct rig *r = listening();
    uint8_t f[RIG_FRAME_BYTES];
    uint32_t n = make_udp6(f, &PEER6, 1, &US6, PORT, eight, 8);
    rig_input(r, f, n);
    assert_int_equal(sink.received, 1);
    store_be16(f + 54 + 6, 0);
    rig_input(r, f, n);
    assert_int_equal(sink.received, 1);
    assert_int_equal(rig_counters(r)->udp_bad_checksum, 1);
    rig_free(r);
}

static void what_is_sent_is_whole_and_goes_by_the_router_if_it_must(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct udp_datagram d = {
        .local = r->us, .remote = PEER6, .local_port = 5, .remote_port = 6, .bytes = eight, .length = 8};
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    rig_resolve6(r, r->us, &GATEWAY6, GATEWAY_MAC);
    d.departure.tos = 0x2e;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    const struct rig_frame *f = expect_ipv6(r, IP_PROTO_UDP, &ip);
    expect_dst_mac(f, PEER_MAC);
    assert_int_equal(ip.traffic_class, 0x2e);
    assert_true(wire_l4_checksum_ok_v6(&ip.src, &ip.dst, IP_PROTO_UDP, f->bytes + 54, ip.payload_len));
    d.remote = FAR6;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), GATEWAY_MAC);
    d.remote = v6("ff05::77");
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 0x77});
    assert_int_equal(ip.hop_limit, 1);
    d.remote = v4(PEER);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_INVALID);
    rig_free(r);
}

/* ---- extension headers ---- */

/* Sends `p` behind an IPv6 header; expects a Parameter Problem of that code and pointer, or with code -1 silence. */
static void expect_problem(struct rig *r, uint8_t next, const uint8_t *p, uint32_t length, int code, uint32_t pointer)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    uint32_t n = make_ipv6(f, &PEER6, &US6, next, p, length);
    rig_pass(r, NS_PER_S);
    rig_input(r, f, n);
    if (code >= 0) {
        const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_PARAMETER_PROBLEM, &ip);
        assert_int_equal(m[1], code);
        assert_int_equal(load_be32(m + 4), pointer);
        assert_memory_equal(&ip.src, &US6, 16);
        assert_memory_equal(m + 8, f + 14, n - 14); /* all of what caused it */
    }
    expect_nothing(r);
}

static void unknown_options_are_treated_as_they_say(void **state) /* RFC 8200 4.2 */
{
    (void)state;
    static const struct {
        uint8_t type;
        int code; /* -2: it is skipped */
    } cases[] = {{0x1e, -2}, {0x5e, -1}, {0x9e, 2}, {0xde, 2}};
    struct rig *r = listening();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t p[64] = {IP_PROTO_UDP, 0, cases[i].type, 4};
        uint32_t n = 8 + datagram(p + 8, 8);
        unsigned before = sink.received;
        expect_problem(r, IP_PROTO_DESTINATION_OPTIONS, p, n, cases[i].code, 42);
        expect_problem(r, IP_PROTO_HOP_BY_HOP, p, n, cases[i].code, 42);
        assert_int_equal(sink.received - before, cases[i].code == -2 ? 2 : 0);
    }
    rig_free(r);
}

static void headers_that_cannot_be_are_answered_with_a_pointer(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    const uint8_t unknown[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t misplaced[16] = {IP_PROTO_HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0, IP_PROTO_NONE, 0, 1, 4};
    const uint8_t routing[8] = {IP_PROTO_NONE, 0, 0, 1}, none_left[8] = {IP_PROTO_NONE, 0, 0, 0};
    expect_problem(r, 253, unknown, 8, 1, 6);
    expect_problem(r, IP_PROTO_DESTINATION_OPTIONS, misplaced, 16, 1, 40);
    expect_problem(r, IP_PROTO_ROUTING, routing, 8, 0, 42);
    expect_problem(r, IP_PROTO_ROUTING, none_left, 8, -1, 0);
    expect_problem(r, IP_PROTO_NONE, unknown, 8, -1, 0);
    expect_problem(r, IP_PROTO_ICMP, unknown, 8, 1, 6); /* IPv4's own */
    rig_free(r);
}

/* ---- errors ---- */

static void a_closed_port_is_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    uint32_t n = make_udp6(f, &PEER6, 1, &US6, 9, eight, 8);
    rig_input(r, f, n);
    const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_UNREACHABLE, &ip);
    assert_int_equal(m[1], WIRE_ICMPV6_PORT_UNREACHABLE);
    assert_memory_equal(m + 8, f + 14, n - 14);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &ALL_NODES, 9, eight, 8)); /* (e.3): not when it went to many */
    expect_nothing(r);
    rig_free(r);
}

static void errors_are_not_answered_with_errors(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES], p[64] = {IP_PROTO_ICMPV6, 0, 0x9e, 4};
    make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_UNREACHABLE, 0, 0, eight, 8);
    memcpy(p + 8, f + 54, 16);
    rig_input(r, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, 24));
    assert_int_equal(rig_counters(r)->ipv6_unknown_option, 1);
    expect_nothing(r);
    p[8] = WIRE_ICMPV6_ECHO_REQUEST; /* but about a request */
    rig_input(r, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, 24));
    struct wire_ipv6 ip;
    expect_icmp6(r, WIRE_ICMPV6_PARAMETER_PROBLEM, &ip);
    rig_free(r);
}

static void errors_come_to_whom_they_concern(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, code;
        uint32_t rest;
        int error;
    } cases[] = {{WIRE_ICMPV6_UNREACHABLE, WIRE_ICMPV6_PORT_UNREACHABLE, 0, ERR_REFUSED},
                 {WIRE_ICMPV6_UNREACHABLE, WIRE_ICMPV6_NO_ROUTE, 0, ERR_UNREACHABLE},
                 {WIRE_ICMPV6_TIME_EXCEEDED, WIRE_ICMPV6_HOP_LIMIT_EXCEEDED, 0, ERR_UNREACHABLE},
                 {WIRE_ICMPV6_PARAMETER_PROBLEM, WIRE_ICMPV6_PROBLEM_NEXT_HEADER, 6, ERR_REFUSED}};
    struct rig *r = listening();
    uint8_t f[RIG_FRAME_BYTES], quoted[RIG_FRAME_BYTES];
    uint32_t n = make_udp6(quoted, &US6, PORT, &PEER6, 6, eight, 8) - 14;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        rig_input(r, f, make_icmp6(f, &OTHER6, &US6, cases[i].type, cases[i].code, cases[i].rest, quoted + 14, n));
        assert_int_equal(sink.errors, i + 1);
        assert_int_equal(sink.last.error, cases[i].error);
        assert_memory_equal(&sink.last.reporter, &OTHER6, 16);
    }
    memcpy(quoted + 14 + 8, &OTHER6, 16); /* not ours */
    rig_input(r, f, make_icmp6(f, &OTHER6, &US6, WIRE_ICMPV6_UNREACHABLE, 0, 0, quoted + 14, n));
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    expect_nothing(r);
    rig_free(r);
}

/* ---- path MTU ---- */

static void report_too_big(struct rig *r, uint32_t mtu)
{
    uint8_t f[RIG_FRAME_BYTES], quoted[RIG_FRAME_BYTES], body[1400] = {0};
    make_udp6(quoted, &US6, PORT, &PEER6, 6, body, sizeof body);
    rig_input(r, f, make_icmp6(f, &OTHER6, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, mtu, quoted + 14, 600));
}

static void a_path_gets_smaller_but_never_below_1280(void **state) /* RFC 8201, RFC 8021 */
{
    (void)state;
    struct rig *r = listening();
    assert_int_equal(stack_path_mtu(r->stack, r->us, &PEER6, r->now), 1500);
    report_too_big(r, 1279);
    report_too_big(r, 0);
    report_too_big(r, 1500); /* no smaller than what it quotes */
    assert_int_equal(rig_counters(r)->icmp_bad_mtu, 3);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &PEER6, r->now), 1500);
    report_too_big(r, 1300);
    assert_int_equal(sink.last.mtu, 1300);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &PEER6, r->now), 1300);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &OTHER6, r->now), 1500);
    rig_pass(r, 600 * NS_PER_S + 1);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &PEER6, r->now), 1500);
    rig_free(r);
}

/* ---- fragments out ---- */

static void a_long_datagram_leaves_in_fragments(void **state)
{
    (void)state;
    static uint8_t bytes[60000], whole[65536];
    struct rig *r = rig_new6();
    struct udp_datagram d = {
        .local = r->us, .remote = PEER6, .local_port = PORT, .remote_port = 6, .bytes = bytes, .length = sizeof bytes};
    struct wire_ipv6 ip;
    struct wire_ipv6_fragment h = {.more = true};
    uint32_t at = 0, id = 0;
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 13 + (i >> 9));
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    for (; h.more; at += ip.payload_len - 8u) {
        const struct rig_frame *f = expect_ipv6(r, IP_PROTO_FRAGMENT, &ip);
        assert_int_equal(wire_ipv6_fragment_parse(f->bytes + 54, 8, &h), 8);
        assert_int_equal(h.next_header, IP_PROTO_UDP);
        assert_int_equal(h.offset, at);
        assert_true(f->length <= 1514);
        if (at == 0)
            id = h.id;
        assert_int_equal(h.id, id);
        memcpy(whole + at, f->bytes + 62, ip.payload_len - 8u);
    }
    assert_int_equal(at, 8 + sizeof bytes);
    assert_memory_equal(whole + 8, bytes, sizeof bytes);
    assert_true(wire_l4_checksum_ok_v6(&US6, &PEER6, IP_PROTO_UDP, whole, at));
    assert_int_equal(rig_counters(r)->ipv6_fragmented, 1);
    expect_nothing(r);
    d.departure.discover = DISCOVER_DO;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    rig_free(r);
}

/* ---- fragments in ---- */

static void piece(struct rig *r, uint32_t id, const uint8_t *whole, uint32_t from, uint32_t to, bool more)
{
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, make_fragment6(f, &PEER6, id, IP_PROTO_UDP, from, more, whole + from, to - from));
}

static void fragments_in_any_order_make_the_datagram(void **state)
{
    (void)state;
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const uint32_t ends[4] = {0, 800, 1600, 2008};
    struct rig *r = listening();
    uint8_t whole[2048];
    uint32_t n = datagram(whole, 2000);
    assert_int_equal(n, ends[3]);
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned k = 0; k < 3; k++)
            piece(r, 100 + i, whole, ends[orders[i][k]], ends[orders[i][k] + 1], orders[i][k] < 2);
        assert_int_equal(sink.received, i + 1);
        assert_int_equal(sink.length, 2000);
        assert_memory_equal(sink.bytes, whole + 8, 2000);
    }
    assert_int_equal(rig_counters(r)->ipv6_reassembled, 6);
    rig_free(r);
}

static void an_overlap_kills_a_duplicate_does_not(void **state)
{
    (void)state;
    struct rig *r = listening();
    uint8_t whole[2048];
    uint32_t n = datagram(whole, 1000);
    piece(r, 1, whole, 0, 504, true);
    piece(r, 1, whole, 0, 504, true);
    assert_int_equal(rig_counters(r)->frag_duplicate, 1);
    piece(r, 1, whole, 504, n, false);
    assert_int_equal(sink.received, 1);
    piece(r, 2, whole, 0, 504, true);
    piece(r, 2, whole, 496, 800, true);
    assert_int_equal(rig_counters(r)->frag_overlap, 1);
    piece(r, 2, whole, 504, n, false);
    assert_int_equal(sink.received, 1);
    rig_free(r);
}

static void an_atomic_fragment_stands_alone(void **state) /* RFC 6946 */
{
    (void)state;
    struct rig *r = listening();
    uint8_t whole[2048];
    uint32_t n = datagram(whole, 1000);
    piece(r, 1, whole, 0, 504, true);
    piece(r, 1, whole, 0, n, false); /* the same identification, and yet another datagram */
    assert_int_equal(sink.received, 1);
    piece(r, 1, whole, 504, n, false);
    assert_int_equal(sink.received, 2);
    rig_free(r);
}

static void headers_around_fragments_are_minded(void **state)
{
    (void)state;
    struct rig *r = listening();
    uint8_t whole[2048] = {IP_PROTO_UDP, 0, 1, 4}, p[2048], f[RIG_FRAME_BYTES];
    uint32_t n = 8 + datagram(whole + 8, 1000);
    for (unsigned i = 0; i < 2; i++) { /* destination options before the fragment header and behind it */
        uint32_t from = i ? 504 : 0, to = i ? n : 504;
        memcpy(p, (const uint8_t[8]){IP_PROTO_FRAGMENT, 0, 1, 4}, 8);
        wire_ipv6_fragment_build(
            p + 8, &(struct wire_ipv6_fragment){
                       .id = 9, .offset = (uint16_t)from, .next_header = IP_PROTO_DESTINATION_OPTIONS, .more = !i});
        memcpy(p + 16, whole + from, to - from);
        rig_input(r, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, 16 + to - from));
    }
    assert_int_equal(sink.received, 1);
    assert_memory_equal(sink.bytes, whole + 16, 1000);
    rig_free(r);
}

static void what_does_not_come_together_is_reported(void **state) /* RFC 8200 4.5 */
{
    (void)state;
    struct rig *r = listening();
    uint8_t whole[2048];
    struct wire_ipv6 ip;
    datagram(whole, 1000);
    piece(r, 1, whole, 0, 504, true);
    piece(r, 2, whole, 504, 800, true);
    rig_pass(r, 61 * NS_PER_S);
    const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_TIME_EXCEEDED, &ip);
    assert_int_equal(m[1], WIRE_ICMPV6_REASSEMBLY_EXCEEDED);
    assert_int_equal(m[8 + 6], IP_PROTO_FRAGMENT); /* as it came */
    assert_memory_equal(m + 8 + 48, whole, 504);
    expect_nothing(r); /* of the other one the first fragment is missing */
    assert_int_equal(rig_counters(r)->frag_timeout, 2);
    rig_free(r);
}

static void fragments_that_cannot_be_are_answered_with_a_pointer(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t p[64] = {0};
    wire_ipv6_fragment_build(p, &(struct wire_ipv6_fragment){.id = 1, .next_header = IP_PROTO_UDP, .more = true});
    expect_problem(r, IP_PROTO_FRAGMENT, p, 8 + 9, 0, 4); /* not a multiple of 8: the payload length */
    wire_ipv6_fragment_build(p, &(struct wire_ipv6_fragment){.id = 1, .offset = 65528, .next_header = IP_PROTO_UDP});
    expect_problem(r, IP_PROTO_FRAGMENT, p, 8 + 16, 0, 42); /* past 65,535: the offset */
    wire_ipv6_fragment_build(p, &(struct wire_ipv6_fragment){.id = 1, .next_header = IP_PROTO_TCP, .more = true});
    expect_problem(r, IP_PROTO_FRAGMENT, p, 8 + 16, 3, 0); /* RFC 7112 */
    rig_free(r);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(echo_is_answered_in_kind),
        T(echo_to_all_nodes_is_answered_where_allowed),
        T(nobody_answers_the_unspecified_address),
        T(sources_that_no_station_has_are_dropped),
        T(only_own_addresses_and_groups_are_heard),
        T(a_datagram_without_checksum_is_dropped),
        T(what_is_sent_is_whole_and_goes_by_the_router_if_it_must),
        T(unknown_options_are_treated_as_they_say),
        T(headers_that_cannot_be_are_answered_with_a_pointer),
        T(a_closed_port_is_answered),
        T(errors_are_not_answered_with_errors),
        T(errors_come_to_whom_they_concern),
        T(a_path_gets_smaller_but_never_below_1280),
        T(a_long_datagram_leaves_in_fragments),
        T(fragments_in_any_order_make_the_datagram),
        T(an_overlap_kills_a_duplicate_does_not),
        T(an_atomic_fragment_stands_alone),
        T(headers_around_fragments_are_minded),
        T(what_does_not_come_together_is_reported),
        T(fragments_that_cannot_be_are_answered_with_a_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
