/* SPDX-License-Identifier: MIT */
/*
 * ICMP: echo both ways, errors sent within their limit and only where allowed, errors received and believed only when
 * they quote something of ours. RFC 792, RFC 1122 3.2.2, RFC 5927; THREATS rows IC-01 to IC-09, IC-13, IC-14.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

static const uint8_t body[1500] = "0123456789abcdef";

/* ---- echo requests to us ---- */

static void test_echo_requests_of_every_size_are_answered_with_the_same_bytes(void **state) /* IC-02 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[RIG_FRAME_BYTES];
    for (uint32_t size = 0; size <= 1472; size++) {
        uint32_t n = make_echo_request(f, PEER, US, 0x1234, (uint16_t)size, body, size);
        rig_input(r, f, n);
        struct wire_ipv4 ip;
        const struct rig_frame *a = expect_ipv4(r, IP_PROTO_ICMP, &ip);
        expect_dst_mac(a, PEER_MAC);
        expect_src_mac(a, US_MAC);
        assert_int_equal(ip.src, US);
        assert_int_equal(ip.dst, PEER);
        const uint8_t *m = a->bytes + a->l4_offset;
        assert_int_equal(m[0], WIRE_ICMP_ECHO_REPLY);
        assert_true(wire_icmp_checksum_ok(m, 8 + size));
        assert_memory_equal(m + 4, f + 38, 4 + size);
        assert_int_equal(a->length, n);
    }
    assert_int_equal(rig_counters(r)->icmp_echo_replies_sent, 1473);
    rig_free(r);
}

static void test_an_answer_larger_than_the_mtu_leaves_in_fragments(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->link.mtu = 600;
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv4 ip;
    rig_input(r, f, make_echo_request(f, PEER, US, 1, 1, body, 573));
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.flags, WIRE_IPV4_MF);
    assert_int_equal(ip.total_len, 596);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.fragment_offset, 576);
    assert_int_equal(ip.total_len, 25);
    rig_input(r, f, make_echo_request(f, PEER, US, 1, 1, body, 572));
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.flags, 0);
    expect_nothing(r);
    rig_free(r);
}

static void test_broadcast_echo_is_answered_only_when_wanted(void **state) /* IC-03 */
{
    (void)state;
    static const uint32_t to[] = {0xffffffff, 0xc00002ff, 0xe0000001};
    for (int wanted = 0; wanted < 2; wanted++) {
        struct stack_settings t;
        stack_settings_default(&t);
        t.answer_broadcast_echo = wanted;
        struct rig *r = rig_new_with(&t);
        uint8_t f[256];
        for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
            uint32_t n = make_echo_request(f, PEER, to[i], 1, 1, body, 8);
            memcpy(f, BROADCAST_MAC, 6);
            rig_input(r, f, n);
            struct wire_ipv4 ip;
            if (wanted) {
                expect_dst_mac(expect_ipv4(r, IP_PROTO_ICMP, &ip), PEER_MAC);
                assert_int_equal(ip.src, US); /* RFC 1122 3.2.2.6: from a unicast address */
            } else {
                expect_nothing(r);
                assert_int_equal(rig_counters(r)->icmp_broadcast_echo, i + 1);
            }
        }
        rig_free(r);
    }
}

static void test_short_messages_are_dropped(void **state) /* IC-01 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    for (uint32_t n = 0; n < 8; n++) {
        rig_input(r, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, body, n));
        assert_int_equal(rig_counters(r)->icmp_short, n + 1);
    }
    expect_nothing(r);
    rig_free(r);
}

static void test_every_type_and_code_is_survived(void **state) /* IC-14 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256], m[64];
    uint32_t answered = 0, cases = 0;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned code = 0; code < 256; code++, cases++) {
            for (unsigned i = 4; i < sizeof m; i++)
                m[i] = (uint8_t)(i * 31 + type * 7 + code * 13);
            m[0] = (uint8_t)type;
            m[1] = (uint8_t)code;
            wire_icmp_checksum_set(m, sizeof m);
            rig_input(r, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, m, sizeof m));
            while (rig_next(r))
                answered++;
        }
    }
    assert_int_equal(answered, 256); /* echo requests, whatever their code */
    const struct stack_counters *c = rig_counters(r);
    assert_int_equal(c->icmp_unknown_type, (256 - 6) * 256);
    assert_int_equal(c->icmp_source_quench, 256);
    assert_int_equal(c->icmp_unmatched + c->icmp_quote_short, 4 * 256);
    print_message("%u messages\n", cases);
    rig_free(r);
}

/* ---- errors we send ---- */

static void expect_error_quoting(struct rig *r, uint8_t type, uint8_t code, const uint8_t *datagram, uint32_t length)
{
    struct wire_ipv4 ip;
    const struct rig_frame *a = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    expect_dst_mac(a, PEER_MAC);
    assert_int_equal(ip.dst, load_be32(datagram + 12));
    const uint8_t *m = a->bytes + a->l4_offset;
    uint32_t quoted = min_u32(length, 548);
    assert_int_equal(a->length, a->l4_offset + 8 + quoted);
    assert_int_equal(m[0], type);
    assert_int_equal(m[1], code);
    assert_int_equal(load_be32(m + 4), 0);
    assert_true(wire_icmp_checksum_ok(m, 8 + quoted));
    assert_memory_equal(m + 8, datagram, quoted);
    expect_nothing(r);
}

static void test_errors_quote_the_datagram_up_to_576_bytes_in_all(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[RIG_FRAME_BYTES];
    static const uint32_t sizes[] = {0, 1, 8, 100, 520, 521, 1472};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint32_t n = make_udp(f, PEER, 1000, US, 2000, body, sizes[i]);
        rig_input(r, f, n);
        expect_error_quoting(r, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PORT_UNREACHABLE, f + 14, n - 14);
    }
    uint32_t n = make_ipv4(f, PEER, US, 253, body, 40); /* IP4-14 */
    rig_input(r, f, n);
    expect_error_quoting(r, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PROTOCOL_UNREACHABLE, f + 14, n - 14);
    n = make_ipv4(f, PEER, US, 255, NULL, 0);
    rig_input(r, f, n);
    expect_error_quoting(r, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PROTOCOL_UNREACHABLE, f + 14, n - 14);
    rig_free(r);
}

static void test_no_error_is_sent_where_rfc_1122_forbids_it(void **state) /* IC-04 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[512], sent[64];
    /* about an ICMP error */
    make_udp(sent, US, 9, PEER, 9, body, 8);
    rig_input(r, f, make_icmp_error(f, WIRE_ICMP_UNREACHABLE, 3, 0, sent + 14, 28));
    /* about a fragment */
    uint32_t n = make_udp(f, PEER, 1, US, 2, body, 16);
    store_be16(f + 20, 0x2000);
    fix_ip_checksum(f);
    rig_input(r, f, n);
    n = make_ipv4(f, PEER, US, 253, body, 16);
    store_be16(f + 20, 3);
    fix_ip_checksum(f);
    rig_input(r, f, n);
    /* about a broadcast */
    n = make_udp(f, PEER, 1, 0xc00002ff, 2, body, 16);
    memcpy(f, BROADCAST_MAC, 6);
    rig_input(r, f, n);
    n = make_ipv4(f, PEER, 0xe0000001, 253, body, 16);
    memcpy(f, BROADCAST_MAC, 6);
    rig_input(r, f, n);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->udp_no_port, 1);
    assert_int_equal(rig_counters(r)->ip_unknown_protocol, 1);
    assert_int_equal(rig_counters(r)->icmp_rate_limited, 0);
    rig_free(r);
}

/* Datagrams to a closed port, evenly over a time; how many errors came back. */
static uint64_t errors_for(struct rig *r, uint32_t datagrams, int64_t over_ns)
{
    uint8_t f[128];
    uint64_t before = rig_counters(r)->icmp_errors_sent;
    uint32_t n = make_udp(f, PEER, 1000, US, 2000, body, 8);
    for (uint32_t i = 0; i < datagrams; i++) {
        rig_input(r, f, n);
        r->now += over_ns / datagrams;
    }
    rig_forget_frames(r);
    return rig_counters(r)->icmp_errors_sent - before;
}

static void test_errors_are_limited(void **state) /* IC-05 */
{
    (void)state;
    struct rig *r = rig_new();
    uint64_t burst = errors_for(r, 1000, 0);
    assert_in_range(burst, 47, 50);
    assert_int_equal(rig_counters(r)->icmp_rate_limited, 1000 - burst);
    uint64_t second = errors_for(r, 100000, NS_PER_S); /* 100 kpps */
    assert_in_range(second, 990, 1001);
    uint64_t slow = errors_for(r, 500, NS_PER_S);
    assert_int_equal(slow, 500);
    rig_free(r);
}

static void test_the_limit_begins_and_refills_at_a_random_level(void **state) /* IC-05, CVE-2020-25705 */
{
    (void)state;
    unsigned seen[64] = {0}, kinds = 0;
    for (uint64_t i = 0; i < 64; i++) {
        struct stack_settings t;
        stack_settings_default(&t);
        t.secret = (struct hash_key){i, ~i};
        struct rig *r = rig_new_with(&t);
        seen[errors_for(r, 60, 0)]++;
        r->now += NS_PER_S;
        seen[errors_for(r, 60, 0)]++;
        rig_free(r);
    }
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        kinds += seen[i] != 0;
    assert_int_equal(kinds, 4);
    assert_int_equal(seen[50] + seen[49] + seen[48] + seen[47], 128);
}

static void test_an_error_needs_a_frame(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = make_udp(f, PEER, 1000, US, 2000, body, 100);
    struct packet *p, *taken[512];
    assert_int_equal(packet_pool_get(&r->pool, &p, 1), 1);
    memcpy(p->data, f, n);
    p->len = n;
    unsigned all = packet_pool_get(&r->pool, taken, 512);
    stack_input(r->stack, 0, &p, 1, r->now);
    rig_transmit(r);
    packet_release_burst(taken, all);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    assert_int_equal(rig_counters(r)->icmp_errors_sent, 0);
    rig_free(r);
}

static void test_no_errors_at_all_when_the_limit_is_zero(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.icmp_errors_per_second = 0;
    struct rig *r = rig_new_with(&t);
    assert_int_equal(errors_for(r, 100, NS_PER_S), 0);
    assert_int_equal(rig_counters(r)->icmp_rate_limited, 100);
    rig_free(r);
}

/* ---- echo requests of ours ---- */

struct echoes {
    unsigned replies, errors;
    int error;
    struct icmp_echo last;
    uint8_t bytes[64];
};

static void echoed(void *context, const struct icmp_echo *e, int error, int64_t now)
{
    (void)now;
    struct echoes *x = context;
    if (error)
        x->errors++;
    else
        x->replies++;
    x->error = error;
    x->last = *e;
    memcpy(x->bytes, e->bytes, min_u32(e->length, sizeof x->bytes));
}

static struct icmp_echo request(const struct rig *r, uint16_t id, uint16_t sequence)
{
    return (struct icmp_echo){
        .local = r->us, .remote = v4(PEER), .id = id, .sequence = sequence, .bytes = body, .length = 16};
}

static void test_a_reply_comes_to_whoever_has_the_identifier(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct echoes x = {0};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &x), 0);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct icmp_echo e = request(r, 5, 6);
    e.tos = 0x30;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *q = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.tos, 0x30);
    uint8_t f[256], m[24];
    memcpy(m, q->bytes + q->l4_offset, 24);
    assert_int_equal(m[0], WIRE_ICMP_ECHO_REQUEST);
    assert_true(wire_icmp_checksum_ok(m, 24));
    m[0] = WIRE_ICMP_ECHO_REPLY;
    wire_icmp_checksum_set(m, 24);
    uint32_t n = make_ipv4(f, PEER, US, IP_PROTO_ICMP, m, 24);
    f[22] = 17;
    f[15] = 0x28;
    fix_ip_checksum(f);
    rig_input(r, f, n);
    assert_int_equal(x.replies, 1);
    assert_int_equal(x.last.local, r->us);
    assert_int_equal(ip_addr_to_v4(&x.last.remote), PEER);
    assert_int_equal(x.last.id, 5);
    assert_int_equal(x.last.sequence, 6);
    assert_int_equal(x.last.ttl, 17);
    assert_int_equal(x.last.arrival.tos, 0x28);
    assert_int_equal(ip_addr_to_v4(&x.last.arrival.destination), US);
    assert_int_equal(x.last.length, 16);
    assert_memory_equal(x.bytes, body, 16);
    m[5] = 99; /* somebody else's */
    wire_icmp_checksum_set(m, 24);
    rig_input(r, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, m, 24));
    assert_int_equal(x.replies, 1);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    assert_int_equal(rig_counters(r)->icmp_echo_replies_received, 1);
    rig_free(r);
}

static void test_identifiers_are_bound_once_and_as_many_as_the_settings_say(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_echo_bindings = 16;
    struct rig *r = rig_new_with(&t);
    struct echoes x = {0};
    for (uint16_t i = 0; i < 16; i++)
        assert_int_equal(icmp_echo_bind(r->stack, i, echoed, &x), 0);
    assert_int_equal(icmp_echo_bind(r->stack, 3, echoed, &x), ERR_IN_USE);
    assert_int_equal(icmp_echo_bind(r->stack, 16, echoed, &x), ERR_NO_SPACE);
    assert_int_equal(icmp_echo_bind(r->stack, 3, NULL, NULL), 0);
    assert_int_equal(icmp_echo_bind(r->stack, 3, NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(icmp_echo_bind(r->stack, 16, echoed, &x), 0);
    rig_free(r);
}

static void test_an_echo_nobody_resolves_is_reported(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct echoes x = {0};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &x), 0);
    struct icmp_echo e = request(r, 5, 77);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    for (int i = 0; i < 3; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(x.errors, 1);
    assert_int_equal(x.error, ERR_UNREACHABLE);
    assert_int_equal(x.last.sequence, 77);
    assert_int_equal(ip_addr_to_v4(&x.last.reporter), US);
    assert_int_equal(x.last.error_type, WIRE_ICMP_UNREACHABLE);
    assert_int_equal(x.last.error_code, WIRE_ICMP_HOST_UNREACHABLE);
    rig_free(r);
}

static void test_an_echo_request_has_the_ttl_and_df_it_was_given(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_ipv4 ip;
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct icmp_echo e = request(r, 5, 1);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.ttl, 64);
    assert_int_equal(ip.flags, 0);
    e.ttl = 3;
    e.dont_fragment = true;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.ttl, 3);
    assert_int_equal(ip.flags, WIRE_IPV4_DF);
    e.length = 1472;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.total_len, 1500);
    e.length = 1473;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

static void nothing_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context;
    (void)d;
    (void)now;
    fail();
}

static void test_a_probe_may_be_longer_than_what_a_router_said(void **state) /* RFC 8899 3, 4.5 */
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_ipv4 ip;
    uint8_t f[RIG_FRAME_BYTES], sent[RIG_FRAME_BYTES];
    assert_int_equal(udp_bind(r->stack, 0, 1000, nothing_received, NULL, NULL), 0);
    make_udp(sent, US, 1000, PEER, 2000, body, 1472);
    store_be16(sent + 20, 0x4000);
    rig_input(r, f, make_icmp_error(f, 3, 4, 1400, sent + 14, 36));
    rig_resolve(r, r->us, PEER, PEER_MAC);
    const struct ip_addr peer = v4(PEER);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now), 1400);
    struct icmp_echo e = request(r, 5, 9);
    e.length = 1472;
    e.dont_fragment = true;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    e.probe = true;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), 0);
    rig_transmit(r);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(ip.total_len, 1500);
    assert_int_equal(ip.flags, WIRE_IPV4_DF);
    e.length = 1473;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

static void test_echo_requests_that_cannot_be_sent(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct icmp_echo e = request(r, 1, 1);
    e.length = 65508;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    e.length = UINT32_MAX - 4;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_SPACE);
    e.length = 0;
    e.local = 9;
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_INVALID);
    e.local = r->us;
    e.remote = v4(0x7f000001);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_ROUTE);
    memset(&e.remote, 0x20, sizeof e.remote); /* IPv6 */
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_INVALID);
    rig_free(r);
}

/* ---- errors we receive ---- */

static void test_an_error_quoting_our_echo_is_reported(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct echoes x = {0};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &x), 0);
    uint8_t f[256], sent[128];
    make_echo_request(sent, US, FAR, 5, 8, body, 8);
    static const struct {
        uint8_t type, code;
        int error;
    } cases[] = {{3, 0, ERR_UNREACHABLE},  {3, 1, ERR_UNREACHABLE},  {3, 2, ERR_REFUSED},     {3, 3, ERR_REFUSED},
                 {3, 13, ERR_UNREACHABLE}, {11, 0, ERR_UNREACHABLE}, {12, 0, ERR_UNREACHABLE}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rig_input(r, f, make_icmp_error(f, cases[i].type, cases[i].code, 0, sent + 14, 36));
        assert_int_equal(x.errors, i + 1);
        assert_int_equal(x.error, cases[i].error);
        assert_int_equal(ip_addr_to_v4(&x.last.remote), FAR);
        assert_int_equal(x.last.sequence, 8);
        assert_int_equal(ip_addr_to_v4(&x.last.reporter), PEER);
        assert_int_equal(x.last.error_type, cases[i].type);
        assert_int_equal(x.last.error_code, cases[i].code);
    }
    store_be16(sent + 16, 1500); /* too big: only about a longer one with DF */
    store_be16(sent + 20, 0x4000);
    rig_input(r, f, make_icmp_error(f, 3, 4, 1400, sent + 14, 36));
    assert_int_equal(x.error, ERR_NO_SPACE);
    assert_int_equal(x.last.mtu, 1400);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 0);
    assert_int_equal(rig_counters(r)->icmp_errors_received, ARRAY_SIZE(cases) + 1);
    rig_free(r);
}

static void test_errors_that_quote_too_little_are_dropped(void **state) /* IC-01 */
{
    (void)state;
    struct rig *r = rig_new();
    struct echoes x = {0};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &x), 0);
    uint8_t f[256], sent[128];
    make_echo_request(sent, US, PEER, 5, 8, body, 8);
    for (uint32_t quoted = 0; quoted < 28; quoted++) {
        rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, quoted));
        assert_int_equal(rig_counters(r)->icmp_quote_short, quoted + 1);
    }
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 28));
    assert_int_equal(x.errors, 1);
    rig_free(r);
}

static void test_errors_quoting_what_we_did_not_send_are_ignored(void **state) /* IC-04 */
{
    (void)state;
    struct rig *r = rig_new();
    struct echoes x = {0};
    assert_int_equal(icmp_echo_bind(r->stack, 5, echoed, &x), 0);
    uint8_t f[256], sent[128];
    uint64_t expected = 0;
    make_echo_request(sent, OTHER, PEER, 5, 8, body, 8); /* another's */
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 36));
    assert_int_equal(rig_counters(r)->icmp_unmatched, ++expected);
    make_echo_request(sent, US, PEER, 6, 8, body, 8); /* no such identifier */
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 36));
    assert_int_equal(rig_counters(r)->icmp_unmatched, ++expected);
    make_echo_request(sent, US, PEER, 5, 8, body, 8); /* a later fragment */
    store_be16(sent + 20, 1);
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 36));
    assert_int_equal(rig_counters(r)->icmp_unmatched, ++expected);
    make_echo_request(sent, US, PEER, 5, 8, body, 8);
    sent[34] = WIRE_ICMP_ECHO_REPLY; /* not a request */
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 36));
    assert_int_equal(rig_counters(r)->icmp_unmatched, ++expected);
    sent[23] = 253; /* no protocol of ours */
    rig_input(r, f, make_icmp_error(f, 3, 1, 0, sent + 14, 36));
    assert_int_equal(rig_counters(r)->icmp_unmatched, ++expected);
    assert_int_equal(x.errors, 0);
    expect_nothing(r);
    rig_free(r);
}

static void test_redirects_are_not_followed(void **state) /* IC-13 */
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, GATEWAY, GATEWAY_MAC);
    uint8_t f[256], sent[128];
    make_udp(sent, US, 9, FAR, 9, body, 8);
    rig_input(r, f, make_icmp_error(f, WIRE_ICMP_REDIRECT, 1, PEER, sent + 14, 28));
    assert_int_equal(rig_counters(r)->icmp_unknown_type, 1);
    struct udp_datagram d = {.local = r->us, .remote = v4(FAR), .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    expect_dst_mac(expect_ipv4(r, IP_PROTO_UDP, &ip), GATEWAY_MAC);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_requests_of_every_size_are_answered_with_the_same_bytes),
        cmocka_unit_test(test_an_answer_larger_than_the_mtu_leaves_in_fragments),
        cmocka_unit_test(test_broadcast_echo_is_answered_only_when_wanted),
        cmocka_unit_test(test_short_messages_are_dropped),
        cmocka_unit_test(test_every_type_and_code_is_survived),
        cmocka_unit_test(test_errors_quote_the_datagram_up_to_576_bytes_in_all),
        cmocka_unit_test(test_no_error_is_sent_where_rfc_1122_forbids_it),
        cmocka_unit_test(test_errors_are_limited),
        cmocka_unit_test(test_the_limit_begins_and_refills_at_a_random_level),
        cmocka_unit_test(test_an_error_needs_a_frame),
        cmocka_unit_test(test_no_errors_at_all_when_the_limit_is_zero),
        cmocka_unit_test(test_a_reply_comes_to_whoever_has_the_identifier),
        cmocka_unit_test(test_identifiers_are_bound_once_and_as_many_as_the_settings_say),
        cmocka_unit_test(test_an_echo_nobody_resolves_is_reported),
        cmocka_unit_test(test_an_echo_request_has_the_ttl_and_df_it_was_given),
        cmocka_unit_test(test_a_probe_may_be_longer_than_what_a_router_said),
        cmocka_unit_test(test_echo_requests_that_cannot_be_sent),
        cmocka_unit_test(test_an_error_quoting_our_echo_is_reported),
        cmocka_unit_test(test_errors_that_quote_too_little_are_dropped),
        cmocka_unit_test(test_errors_quoting_what_we_did_not_send_are_ignored),
        cmocka_unit_test(test_redirects_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
