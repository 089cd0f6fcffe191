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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
