/* SPDX-License-Identifier: MIT */
/*
 * Rules of RFC 4443 that no other test shows: messages of unknown types (2.4 a, b), how much an error quotes (c), when
 * none is sent (e), how many are (f), and whom an echo reply reaches (4.2). The rest is in test_stack_ipv6.c.
 */
#include "unit/forward_rig.h"

#include <string.h>

#include "base/error.h"
#include "wire/mld.h"

#define PORT 7000

static const uint8_t body[1452] = {1, 2, 3, 4, 5, 6, 7, 8};

struct heard {
    unsigned errors;
    struct ip_error last;
};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now) { (void)context, (void)d, (void)now; }

static void on_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)d, (void)now;
    struct heard *h = context;
    h->errors++;
    h->last = *e;
}

static void an_error_of_any_type_reaches_whom_it_concerns(void **state) /* 2.1, 2.4 (a) */
{
    (void)state;
    struct rig *r = rig_new6();
    struct heard h = {0};
    unsigned cases = 0;
    uint8_t f[RIG_FRAME_BYTES], sent[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, 0, PORT, on_datagram, on_error, &h), 0);
    uint32_t n = make_udp6(sent, &US6, PORT, &PEER6, 6, body, 8) - 14;
    for (unsigned type = 0; type < 128; type++) {
        if (type == WIRE_ICMPV6_PACKET_TOO_BIG) /* which says how big */
            continue;
        for (unsigned code = 0; code < 256; code += 15) {
            rig_input(r, f, make_icmp6(f, &OTHER6, &US6, (uint8_t)type, (uint8_t)code, 0, sent + 14, n));
            assert_int_equal(h.errors, ++cases);
            assert_int_equal(h.last.type, type);
            assert_int_equal(h.last.code, code);
        }
    }
    expect_nothing(r);
    rig_free(r);
}

static void an_informational_message_of_unknown_type_is_dropped_silently(void **state) /* 2.1, 2.4 (b) */
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    unsigned cases = 0;
    for (unsigned type = WIRE_ICMPV6_ECHO_REPLY + 1u; type < 256; type++) {
        if (wire_nd_is_nd((uint8_t)type) || wire_mld_is_mld((uint8_t)type))
            continue;
        rig_input(r, f, make_icmp6(f, &PEER6, &US6, (uint8_t)type, 0, 0, body, 8));
        assert_int_equal(rig_counters(r)->icmp_unknown_type, ++cases);
    }
    assert_true(cases > 100);
    expect_nothing(r);
    rig_free(r);
}

static void an_error_quotes_what_fits_into_1280_bytes(void **state) /* 2.4 (c) */
{
    (void)state;
    static const uint32_t lengths[] = {0, 8, 1183, 1184, 1185, 1452};
    struct rig *r = rig_new6();
    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        uint8_t f[RIG_FRAME_BYTES];
        struct wire_ipv6 ip;
        uint32_t n = make_udp6(f, &PEER6, 1, &US6, 9, body, lengths[i]);
        rig_input(r, f, n);
        const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_UNREACHABLE, &ip);
        uint32_t whole = 48 + n - 14;
        assert_int_equal(40u + ip.payload_len, whole < 1280 ? whole : 1280);
        assert_memory_equal(m + 8, f + 14, ip.payload_len - 8u);
    }
    rig_free(r);
}

/* Behind an option that has to be answered with a Parameter Problem. */
static uint32_t with_bad_option(uint8_t *f, uint8_t icmp_type)
{
    uint8_t p[32] = {IP_PROTO_ICMPV6, 0, 0x9e, 4};
    make_icmp6(f, &PEER6, &US6, icmp_type, 0, 0, body, 8);
    memcpy(p + 8, f + 54, 16);
    return make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, 24);
}

static void no_error_is_sent_about_a_redirect(void **state) /* 2.4 (e.2) */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, with_bad_option(f, WIRE_ICMPV6_REDIRECT));
    assert_int_equal(rig_counters(r)->ipv6_unknown_option, 1);
    expect_nothing(r);
    rig_input(r, f, with_bad_option(f, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT)); /* but about its neighbours */
    expect_icmp6(r, WIRE_ICMPV6_PARAMETER_PROBLEM, &ip);
    rig_free(r);
}

static void no_error_is_sent_about_what_the_link_sent_to_many(void **state) /* 2.4 (e.4), (e.5) */
{
    (void)state;
    static const uint8_t macs[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x33, 0x33, 0xff, 0, 0, 1}};
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    uint8_t f[RIG_FRAME_BYTES];
    for (unsigned i = 0; i < ARRAY_SIZE(macs); i++) {
        uint32_t n = make_udp6(f, &PEER6, 1, &US6, 9, body, 8);
        memcpy(f, macs[i], 6);
        rig_input(r, f, n);
        n = make_ipv6(f, &PEER6, &US6, 253, body, 8);
        memcpy(f, macs[i], 6);
        rig_input(r, f, n);
        expect_nothing(r);
    }
    rig_input(r, f, make_udp6(f, &PEER6, 1, &US6, 9, body, 8)); /* for us alone */
    expect_icmp6(r, WIRE_ICMPV6_UNREACHABLE, &ip);
    rig_input(r, f, make_ipv6(f, &PEER6, &US6, 253, body, 8));
    expect_icmp6(r, WIRE_ICMPV6_PARAMETER_PROBLEM, &ip);
    rig_free(r);
}

static void errors_are_limited(void **state) /* 2.4 (f) */
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    uint32_t n = make_udp6(f, &PEER6, 1, &US6, 9, body, 8);
    for (unsigned i = 0; i < 1000; i++)
        rig_input(r, f, n);
    uint64_t burst = rig_counters(r)->icmp_errors_sent;
    assert_in_range(burst, 47, 50);
    assert_int_equal(rig_counters(r)->icmp_rate_limited, 1000 - burst);
    for (unsigned i = 0; i < 10000; i++) {
        r->now += NS_PER_S / 10000;
        rig_input(r, f, n);
    }
    assert_in_range(rig_counters(r)->icmp_errors_sent - burst, 990, 1001);
    rig_free(r);
}

static void expect_echo_from(struct forward_rig *r, unsigned port, const struct ip_addr *group)
{
    uint8_t f[RIG_FRAME_BYTES], mac[6];
    const struct ip_addr station = forward_station(port, true), ours = forward_ours(port, true);
    uint32_t n = make_icmp6(f, &station, group, WIRE_ICMPV6_ECHO_REQUEST, 0, 7, body, 8);
    forward_station_mac(port, mac);
    memcpy(f + 6, mac, 6); /* to the group's MAC */
    struct packet *p = forward_packet(r, port, f, n);
    forward_input_packet(r, port, p);
    const struct forward_frame *answer = forward_next(r, port);
    assert_non_null(answer);
    assert_memory_equal(answer->bytes + 14 + 8, &ours, 16);
    assert_memory_equal(answer->bytes + 14 + 24, &station, 16);
    assert_int_equal(answer->bytes[54], WIRE_ICMPV6_ECHO_REPLY);
    assert_true(wire_icmpv6_checksum_ok(&ours, &station, answer->bytes + 54, answer->length - 54));
    forward_expect_nothing(r);
}

static void an_echo_to_a_group_is_answered_from_the_interface_it_came_by(void **state) /* 4.2 */
{
    (void)state;
    const struct ip_addr joined = v6("ff05::1234");
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.stack.answer_broadcast_echo = true;
    struct forward_rig *r = forward_rig_new_with(&o);
    for (unsigned port = 0; port < FORWARD_PORTS; port++)
        assert_int_equal(stack_join(r->stack, r->local[port][1], &joined, r->now), 0);
    for (unsigned port = 0; port < FORWARD_PORTS; port++)
        while (forward_next(r, port))
            ; /* reports of the group */
    for (unsigned port = 0; port < FORWARD_PORTS; port++) {
        const struct ip_addr ours = forward_ours(port, true), solicited = ip_addr_solicited_node(&ours);
        expect_echo_from(r, port, &ALL_NODES);
        expect_echo_from(r, port, &solicited);
        expect_echo_from(r, port, &joined);
    }
    forward_rig_free(r);
}

struct echoes {
    unsigned replies;
    struct icmp_echo last;
    uint8_t bytes[16];
};

static void echoed(void *context, const struct icmp_echo *reply, int error, int64_t now)
{
    (void)now;
    struct echoes *x = context;
    assert_int_equal(error, 0);
    assert_int_equal(reply->length, sizeof x->bytes);
    x->replies++;
    x->last = *reply;
    memcpy(x->bytes, reply->bytes, sizeof x->bytes);
}

static void an_echo_reply_reaches_whoever_asked(void **state) /* 4.2 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct echoes mine = {0}, others = {0};
    struct wire_ipv6 ip;
    uint8_t f[RIG_FRAME_BYTES];
    const struct icmp_echo e = {
        .local = r->us, .remote = PEER6, .id = 5, .sequence = 6, .bytes = body, .length = sizeof mine.bytes};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &mine), 0);
    assert_int_equal(icmp_echo_bind(r->stack, 6, echoed, &others), 0);
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    const uint8_t *m = expect_icmp6(r, WIRE_ICMPV6_ECHO_REQUEST, &ip);
    uint32_t rest = load_be32(m + 4);
    rig_input(r, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REPLY, 0, rest, m + 8, sizeof mine.bytes));
    assert_int_equal(mine.replies, 1);
    assert_int_equal(others.replies, 0);
    assert_int_equal(mine.last.sequence, 6);
    assert_memory_equal(&mine.last.remote, &PEER6, 16);
    assert_memory_equal(mine.bytes, body, sizeof mine.bytes);
    rig_input(r, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REPLY, 0, 0x00630006, body, 16));
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    rig_free(r);
}

static void nothing_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context;
    (void)d;
    (void)now;
    fail();
}

static void a_probe_may_be_longer_than_what_a_router_said(void **state) /* RFC 8899 3, 4.5 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    static uint8_t long_body[1453];
    uint8_t f[RIG_FRAME_BYTES], sent[RIG_FRAME_BYTES];
    struct icmp_echo e = {
        .local = r->us, .remote = PEER6, .id = 5, .bytes = long_body, .length = 1452, .dont_fragment = true};
    assert_int_equal(udp_bind(r->stack, 0, 1000, nothing_received, NULL, NULL), 0);
    make_udp6(sent, &US6, 1000, &PEER6, 6, long_body, 1452);
    rig_input(r, f, make_icmp6(f, &OTHER6, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, 1300, sent + 14, 600));
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &PEER6, r->now), 1300);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    e.probe = true;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    (void)expect_icmp6(r, WIRE_ICMPV6_ECHO_REQUEST, &ip);
    assert_int_equal(ip.payload_len, 1460); /* not in fragments */
    e.length = 1453;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_of_any_type_reaches_whom_it_concerns),
        cmocka_unit_test(an_informational_message_of_unknown_type_is_dropped_silently),
        cmocka_unit_test(an_error_quotes_what_fits_into_1280_bytes),
        cmocka_unit_test(no_error_is_sent_about_a_redirect),
        cmocka_unit_test(no_error_is_sent_about_what_the_link_sent_to_many),
        cmocka_unit_test(errors_are_limited),
        cmocka_unit_test(an_echo_to_a_group_is_answered_from_the_interface_it_came_by),
        cmocka_unit_test(a_probe_may_be_longer_than_what_a_router_said),
        cmocka_unit_test(an_echo_reply_reaches_whoever_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
