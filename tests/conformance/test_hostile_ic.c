/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows IC-01 to IC-14 for IPv4: ICMP that means harm. RFC 792, RFC 1122 3.2.2, RFC 1191, RFC 5927, RFC 6633.
 */
#include "support/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "stack/stack_internal.h"
#include "tcp/tcb.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DF 0x4000u
#define ECHO_MAX 65507u

static void expect_drop_of_icmp(struct hostile *h, const void *message, uint32_t length)
{
    uint8_t f[FRAME_MAKE_BYTES];
    hostile_inject(h, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, message, length));
    hostile_expect_silence(h);
}

static void test_ic_01_short_messages(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t m[64];
    for (unsigned type = 0; type < 256; type++)
        for (uint32_t length = 0; length < 8; length++) {
            memset(m, 0, sizeof m);
            m[0] = (uint8_t)type;
            hostile_case(h);
            expect_drop_of_icmp(h, m, length);
            HOSTILE_DROPS(h, icmp_short, 1);
        }
    static const uint8_t errors[] = {3, 11, 12};
    uint8_t quoted[64];
    make_udp(quoted, US, 9, PEER, 9, "x", 1);
    for (unsigned i = 0; i < COUNT(errors); i++)
        for (uint32_t length = 0; length < 28; length++) {
            memset(m, 0, 8);
            m[0] = errors[i];
            memcpy(m + 8, quoted + 14, length);
            wire_icmp_checksum_set(m, 8 + length);
            hostile_case(h);
            expect_drop_of_icmp(h, m, 8 + length);
            HOSTILE_DROPS(h, icmp_quote_short, 1);
        }
    for (unsigned ihl = 0; ihl < 16; ihl++) { /* a quoted header that says it is as long as the whole quotation */
        memset(m, 0, sizeof m);
        m[0] = WIRE_ICMP_UNREACHABLE;
        memcpy(m + 8, quoted + 14, 28);
        m[8] = (uint8_t)(0x40 | ihl);
        wire_icmp_checksum_set(m, 36);
        hostile_case(h);
        expect_drop_of_icmp(h, m, 36);
        if (ihl == 5)
            HOSTILE_DROPS(h, icmp_unmatched, 1);
        else
            HOSTILE_DROPS(h, icmp_quote_short, 1);
    }
    hostile_end(h, "IC-01");
}

/* ---- echo ---- */

/* The payload of the datagram whose fragments US sent, in order. */
static uint32_t reassemble(struct hostile *h, uint8_t *to)
{
    uint32_t at = 0;
    for (const struct hostile_frame *f; (f = hostile_next(h));) {
        struct wire_ipv4 ip;
        assert_int_equal(wire_ipv4_parse(f->bytes + 14, f->length - 14, &ip), 20);
        assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 20));
        assert_int_equal(ip.fragment_offset, at);
        assert_true(ip.total_len <= 1500);
        uint32_t n = wire_ipv4_payload_len(&ip);
        memcpy(to + at, f->bytes + 34, n);
        at += n;
        assert_int_equal((ip.flags & WIRE_IPV4_MF) != 0, h->count > 0);
    }
    return at;
}

static void give_in_pieces(struct hostile *h, uint16_t id, const uint8_t *message, uint32_t length)
{
    uint8_t f[FRAME_MAKE_BYTES];
    for (uint32_t at = 0; at < length; at += 1480) {
        uint32_t n = min_u32(length - at, 1480);
        if (length <= 1480)
            hostile_inject(h, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, message, length));
        else
            hostile_inject(h, f, make_fragment(f, PEER, id, IP_PROTO_ICMP, at, at + n < length, message + at, n));
    }
}

static void test_ic_02_echo_of_every_size(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    static uint8_t asked[65536], answered[65536];
    for (uint32_t size = 0; size <= ECHO_MAX; size += size < 3000 || size >= ECHO_MAX - 20 ? 1 : 223) {
        struct wire_icmp e = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(1, (uint16_t)size)};
        wire_icmp_build(asked, &e);
        for (uint32_t i = 0; i < size; i++)
            asked[8 + i] = (uint8_t)(i * 7 + size);
        wire_icmp_checksum_set(asked, 8 + size);
        hostile_case(h);
        give_in_pieces(h, (uint16_t)size, asked, 8 + size);
        HOSTILE_NO_DROPS(h);
        assert_int_equal(reassemble(h, answered), 8 + size);
        assert_int_equal(answered[0], WIRE_ICMP_ECHO_REPLY);
        assert_true(wire_icmp_checksum_ok(answered, 8 + size));
        assert_memory_equal(answered + 4, asked + 4, 4 + size);
    }
    hostile_end(h, "IC-02");
}

static void test_ic_03_smurf(void **state)
{
    (void)state;
    static const uint32_t many[] = {0xffffffffu, US | 255u, 0xe0000001u};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES], body[100] = {0};
    for (unsigned i = 0; i < COUNT(many); i++)
        for (uint32_t source = 2; source < 100; source++) {
            uint32_t n = make_echo_request(f, source % 2 ? FAR : (US & ~255u) + source, many[i], 1, 1, body, source);
            memcpy(f, BROADCAST_MAC, 6);
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, icmp_broadcast_echo, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IC-03");
}

/* ---- errors of ours ---- */

static void test_ic_04_nothing_answers_what_must_not_be_answered(void **state)
{
    (void)state;
    static const uint8_t errors[] = {3, 4, 5, 11, 12};
    static const uint32_t nobody[] = {0, 0x7f000001u, 0xe0000001u, 0xf0000001u, 0xffffffffu, US | 255u, US};
    static const uint32_t many[] = {0xffffffffu, US | 255u, 0xe0000001u};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES], quoted[FRAME_MAKE_BYTES];
    for (unsigned i = 0; i < COUNT(errors); i++) /* errors, about errors too */
        for (unsigned code = 0; code < 16; code++)
            for (unsigned kind = 0; kind < 3; kind++) {
                make_udp(quoted, US, 9, PEER, 9, "0123456789abcdef", 16);
                if (kind == 1)
                    make_icmp_error(quoted, 3, 3, 0, f, 40);
                if (kind == 2)
                    make_ipv4(quoted, US, PEER, 253, "0123456789abcdef", 16);
                hostile_case(h);
                hostile_inject(h, f, make_icmp_error(f, errors[i], (uint8_t)code, 0, quoted + 14, 36));
                hostile_expect_silence(h);
                if (errors[i] == 4)
                    HOSTILE_DROPS(h, icmp_source_quench, 1);
                else if (errors[i] == 5)
                    HOSTILE_DROPS(h, icmp_unknown_type, 1);
                else if (kind != 1 && errors[i] == 3 && code == 4)
                    HOSTILE_DROPS(h, icmp_bad_mtu, 1);
                else
                    HOSTILE_DROPS(h, icmp_unmatched, 1);
            }
    for (unsigned protocol = 0; protocol < 256;
         protocol++) /* fragments that are not the first, and are never completed */
        for (uint32_t offset = 8; offset < 32; offset += 8) {
            hostile_case(h);
            hostile_inject(
                h, f,
                make_fragment(f, PEER, (uint16_t)protocol, (uint8_t)protocol, offset, false, "0123456789abcdef", 16));
            hostile_pass(h, 31 * NS_PER_S);
            hostile_expect_silence(h);
        }
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        for (unsigned i = 0; i < COUNT(many); i++) { /* to many */
            uint32_t n = make_ipv4(f, PEER, many[i], (uint8_t)protocol, "\0\1\0\2\0\20\0\0abcdefgh", 16);
            memcpy(f, BROADCAST_MAC, 6);
            hostile_case(h);
            hostile_inject(h, f, n);
            hostile_expect_silence(h);
        }
        for (unsigned i = 0; i < COUNT(nobody); i++) { /* from nobody */
            hostile_case(h);
            hostile_inject(h, f, make_ipv4(f, nobody[i], US, (uint8_t)protocol, "\0\1\0\2\0\20\0\0abcdefgh", 16));
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    }
    hostile_end(h, "IC-04");
}

static void test_ic_05_a_flood_to_a_closed_port(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES];
    uint64_t sent = 0, limited = 0;
    unsigned levels = 0, seen[64] = {0};
    for (uint32_t i = 0; i < 100000; i++) { /* within a second, from everywhere */
        hostile_case(h);
        hostile_inject(h, f, make_udp(f, (US & ~255u) + 2 + i % 70, 9, US, (uint16_t)(1 + i % 60000), "x", 1));
        sent += HOSTILE_COUNT(h, icmp_errors_sent);
        limited += HOSTILE_COUNT(h, icmp_rate_limited);
        assert_int_equal(HOSTILE_COUNT(h, udp_no_port), 1);
        hostile_pass(h, 10 * NS_PER_US);
    }
    assert_in_range(sent, 900, 1050);
    assert_int_equal(sent + limited, 100000);
    for (unsigned round = 0; round < 64; round++) { /* how full the bucket is when it is full cannot be told */
        hostile_pass(h, NS_PER_S);
        uint64_t before = stack_counters(h->stack)->icmp_errors_sent;
        for (uint32_t i = 0; i < 60; i++)
            hostile_inject(h, f, make_udp(f, PEER, 9, US, 1, "x", 1));
        seen[stack_counters(h->stack)->icmp_errors_sent - before]++;
    }
    for (unsigned i = 0; i < COUNT(seen); i++)
        levels += seen[i] > 0;
    assert_true(levels >= 3);
    print_message("%llu errors for 100000 datagrams; the full bucket had %u levels\n", (unsigned long long)sent,
                  levels);
    hostile_end(h, "IC-05");
}

/* ---- errors about our connections ---- */

/* An error from PEER about a segment of c: what US sent with that sequence number, `total` bytes in all. */
static uint32_t about_segment(uint8_t *f, const struct tcp *c, struct seq seq, uint8_t type, uint8_t code,
                              uint32_t rest, uint16_t total, uint16_t fragment)
{
    uint8_t q[FRAME_MAKE_BYTES];
    make_tcp(q, US, c->key.local_port, ip_addr_to_v4(&c->key.remote), c->key.remote_port, TCP_ACK, seq.v, 1, NULL, 0);
    store_be16(q + 16, total);
    store_be16(q + 20, fragment);
    fix_ip_checksum(q);
    return make_icmp_error(f, type, code, rest, q + 14, 28);
}

static uint32_t mss_of(struct hostile *h) { return tcp_get(stack_tcp(h->stack), h->us_side.ref)->snd_mss; }

static void test_ic_06_blind_resets(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct random random;
    random_seed(&random, 6);
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t f[FRAME_MAKE_BYTES], type = i % 5 == 0 ? 11 : i % 7 == 0 ? 12 : 3;
        struct tcp *c = hostile_in_flight(h, 3000);
        uint32_t flight = seq_len(c->snd_una, c->snd_nxt);
        assert_int_equal(flight, 3000);
        uint32_t beyond = i < 500 ? i % 2 ? flight + i / 2 : UINT32_MAX - i / 2
                                  : flight + (uint32_t)random_below(&random, UINT32_MAX - flight);
        uint32_t n = about_segment(f, c, seq_add(c->snd_una, beyond), type, (uint8_t)(i % 4), 0, 1500, DF);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, icmp_unmatched, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IC-06");
}

static void test_ic_07_hard_errors_are_soft_once_connected(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t f[FRAME_MAKE_BYTES];
        struct tcp *c = hostile_in_flight(h, 3000);
        uint32_t n = about_segment(f, c, seq_add(c->snd_una, i * 3), 3, i % 2 ? 2 : 3, 0, 1500, DF);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_NO_DROPS(h);
        assert_int_equal(HOSTILE_TCP_COUNT(h, closed), 0);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IC-07");
}

struct ending {
    unsigned closed;
    enum tcp_close_reason reason;
};

static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)c;
    (void)now;
    struct ending *e = context;
    e->closed++;
    e->reason = reason;
}

static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context;
    (void)c;
    (void)bytes;
    (void)length;
    (void)now;
}

static size_t no_bytes(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context;
    (void)c;
    (void)offset;
    (void)to;
    (void)length;
    (void)sum;
    return 0;
}

static void test_ic_07_while_connecting_a_hard_error_ends_it(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    static const struct tcp_user calls = {.received = on_received, .pull = no_bytes, .closed = on_closed};
    struct ending e = {0};
    struct tcp_profile profile;
    struct ip_addr peer = v4(PEER);
    tcp_profile_default(&profile);
    int user = tcp_register_user(stack_tcp(h->stack), &calls, &e, &profile);
    assert_true(user > 0);
    assert_int_equal(stack_add_neighbour(h->stack, h->us, &peer, PEER_MAC), 0);
    for (unsigned code = 0; code < 16; code++) {
        uint8_t f[FRAME_MAKE_BYTES];
        struct tcp_ref ref;
        struct flow_key key = {.local = h->us, .remote = peer, .remote_port = (uint16_t)(1000 + code)};
        assert_int_equal(tcp_connect(stack_tcp(h->stack), (unsigned)user, &key, 0, h->now, &ref), 0);
        hostile_pass(h, 0);
        struct tcp *c = tcp_get(stack_tcp(h->stack), ref);
        unsigned before = e.closed;
        hostile_case(h); /* not the SYN's number */
        hostile_inject(h, f, about_segment(f, c, seq_add(c->snd_una, 1), 3, (uint8_t)code, 1000, 1500, DF));
        HOSTILE_DROPS(h, icmp_unmatched, 1);
        assert_int_equal(e.closed, before);
        hostile_case(h);
        hostile_inject(h, f, about_segment(f, c, c->snd_una, 3, (uint8_t)code, 1000, 1500, DF));
        bool hard = code == 2 || code == 3;
        if (code == 4) /* about a SYN */
            HOSTILE_DROPS(h, icmp_unmatched, 1);
        else
            HOSTILE_NO_DROPS(h);
        assert_int_equal(e.closed, before + hard);
        if (hard)
            assert_int_equal(e.reason, TCP_CLOSE_REFUSED);
        else
            tcp_abort(stack_tcp(h->stack), c, h->now);
        hostile_pass(h, 0);
    }
    hostile_end(h, "IC-07 (connecting)");
}

static void test_ic_08_source_quench(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (unsigned code = 0; code < 256; code++) {
        uint8_t f[FRAME_MAKE_BYTES];
        struct tcp *c = hostile_in_flight(h, 3000);
        uint32_t cwnd = c->cwnd;
        uint32_t n = about_segment(f, c, c->snd_una, 4, (uint8_t)code, 0, 1500, DF);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, icmp_source_quench, 1);
        assert_true(c->cwnd >= cwnd);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IC-08");
}

/* ---- path MTU ---- */

struct lie {
    uint16_t mtu, total, fragment;
    uint32_t beyond; /* how far the sequence number lies behind SND.UNA */
    const char *drop;
};

static void test_ic_09_lies_about_the_path(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {0, 1500, DF, 0, NULL},
        {0, 552, DF, 0, "icmp_bad_mtu"},
        {0, 68, DF, 0, "icmp_bad_mtu"},
        {68, 1500, DF, 0, "icmp_bad_mtu"},
        {296, 1500, DF, 0, "icmp_bad_mtu"},
        {551, 1500, DF, 0, "icmp_bad_mtu"},
        {552, 1500, DF, 0, NULL},
        {1280, 1500, DF, 0, NULL},
        {1499, 1500, DF, 0, NULL},
        {1500, 1500, DF, 0, "icmp_bad_mtu"},
        {1501, 1500, DF, 0, "icmp_bad_mtu"},
        {9000, 1500, DF, 0, "icmp_bad_mtu"},
        {65535, 1500, DF, 0, "icmp_bad_mtu"},
        {1500, 9000, DF, 0, "icmp_unmatched"},
        {1000, 1500, 0, 0, "icmp_bad_mtu"},
        {1000, 1500, DF, 3000, "icmp_unmatched"},
        {1000, 1500, DF, 0xffffffffu, "icmp_unmatched"},
        {1000, 1500, DF, 0x80000000u, "icmp_unmatched"},
        {1000, 1500, DF, 1u << 20, "icmp_unmatched"},
        {1000, 1500, DF | 1, 0, "icmp_unmatched"},
    };
    struct hostile *h = hostile_new(NULL);
    uint32_t mss = mss_of(h);
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < COUNT(lies); i++) {
            uint8_t f[FRAME_MAKE_BYTES];
            const struct lie *l = &lies[i];
            struct tcp *c = hostile_in_flight(h, 3000);
            uint32_t n = about_segment(f, c, seq_add(c->snd_una, l->beyond), 3, 4, l->mtu, l->total, l->fragment);
            hostile_case(h);
            hostile_inject(h, f, n);
            hostile_drops(h, l->drop, l->drop != NULL, __FILE__, __LINE__);
            hostile_expect_silence(h);
            assert_int_equal(mss_of(h), mss); /* what arrived contradicts it: only a timeout would confirm it */
            assert_int_equal(HOSTILE_TCP_COUNT(h, mss_lowered), 0);
            assert_int_equal(h->stack->pmtus.pool.used, 0);
        }
    hostile_end(h, "IC-09");
}

static void no_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context;
    (void)d;
    (void)now;
}

/* What is known of the way to somebody says nothing about the way from there: RFC 6691. */
static void expect_full_mss_in_syn(struct hostile *h, uint32_t destination)
{
    struct ip_addr gateway = v4(GATEWAY);
    struct flow_key key = {.local = h->us, .remote = v4(destination), .remote_port = 80};
    struct tcp_ref ref;
    struct wire_tcp t;
    struct wire_tcp_options o;
    assert_int_equal(stack_add_neighbour(h->stack, h->us, &gateway, GATEWAY_MAC), 0);
    assert_int_equal(tcp_connect(stack_tcp(h->stack), 0, &key, 0, h->now, &ref), 0);
    hostile_pass(h, 0);
    const struct hostile_frame *f = hostile_next(h);
    assert_non_null(f);
    assert_true(wire_tcp_parse(f->bytes + 34, f->length - 34, &t) > 20);
    wire_tcp_options_parse(f->bytes + 54, t.header_len - 20u, &o);
    assert_int_equal(o.mss, 1460);
    struct tcp *c = tcp_get(stack_tcp(h->stack), ref);
    assert_int_equal(c->snd_mss, 960);
    tcp_abort(stack_tcp(h->stack), c, h->now);
    hostile_pass(h, 0);
}

/* UDP has no sequence number to check: what can be written is bounded and nobody else's. */
static void test_ic_11_a_million_paths(void **state)
{
    (void)state;
    struct stack_settings t;
    hostile_settings(&t);
    struct hostile *h = hostile_new(&t);
    assert_int_equal(udp_bind(h->stack, h->us, 5353, no_datagram, NULL, NULL), 0);
    uint8_t f[FRAME_MAKE_BYTES], q[FRAME_MAKE_BYTES];
    make_udp(q, US, 5353, PEER, 53, q + 500, 1472);
    store_be16(q + 20, DF);
    uint32_t n = make_icmp_error(f, 3, 4, 1000, q + 14, 28);
    for (uint32_t i = 0; i < 1000000; i++) {
        store_be32(f + 58, 0x0b000000u + i); /* the destination within the quotation */
        wire_icmp_checksum_set(f + 34, n - 34);
        hostile_case(h);
        hostile_inject(h, f, n);
        assert_true(h->stack->pmtus.pool.used <= t.max_path_mtus);
        if (i % 1024 == 0)
            HOSTILE_NO_DROPS(h);
    }
    assert_int_equal(h->stack->pmtus.pool.used, t.max_path_mtus);
    const struct host *us = host_at(&h->stack->hosts, h->us);
    const struct ip_addr last = v4(0x0b000000u + 999999), first = v4(0x0b000000u), healthy = v4(HEALTHY);
    assert_int_equal(pmtu_get(h->stack, us, &last), 1000);
    assert_int_equal(pmtu_get(h->stack, us, &first), 1500); /* pushed out */
    assert_int_equal(pmtu_get(h->stack, us, &healthy), 1500);
    expect_full_mss_in_syn(h, 0x0b000000u + 999999);
    hostile_end(h, "IC-11");
}

/* Nothing above 1200 bytes arrives, and nobody says so. */
static void test_ic_12_a_black_hole(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (uint32_t takes = 600; takes <= 1200; takes += 100) {
        hostile_case(h);
        h->path_takes = 14 + takes;
        uint64_t received = h->healthy.received;
        struct tcp *c = hostile_in_flight(h, 200000);
        for (unsigned i = 0; i < 60000 && h->healthy.received == received; i++)
            hostile_pass(h, NS_PER_MS);
        uint64_t timeouts = HOSTILE_TCP_COUNT(h, rto_fired);
        for (unsigned i = 0; i < 60000 && h->healthy.received != h->us_side.sent; i++)
            hostile_pass(h, NS_PER_MS);
        assert_int_equal(h->healthy.received, h->us_side.sent);
        print_message("%u bytes: %llu timeouts, then %u bytes of payload, %llu probes\n", takes,
                      (unsigned long long)timeouts, (unsigned)c->snd_mss,
                      (unsigned long long)HOSTILE_TCP_COUNT(h, mtu_probes));
        /* one more where full segments had arrived before: later they are too long ago; and one for half of the base */
        assert_int_equal(timeouts, 2 + (takes == 600) + (takes < 1024 + 52));
        assert_true(c->snd_mss + 52u <= takes);
        h->path_takes = 0;
        hostile_pass(h, 11 * 60 * NS_PER_S); /* what was known is too old */
        assert_int_equal(mss_of(h), 1448);
    }
    hostile_end(h, "IC-12");
}

/* ---- other messages ---- */

static void test_ic_13_redirects(void **state)
{
    (void)state;
    static const uint32_t from[] = {PEER, GATEWAY, FAR}, to[] = {PEER, GATEWAY, OTHER, FAR, 0x7f000001u, US};
    struct hostile *h = hostile_new(NULL);
    struct ip_addr gateway = v4(GATEWAY);
    assert_int_equal(stack_add_neighbour(h->stack, h->us, &gateway, GATEWAY_MAC), 0);
    for (unsigned code = 0; code < 4; code++)
        for (unsigned i = 0; i < COUNT(from); i++)
            for (unsigned j = 0; j < COUNT(to); j++) {
                uint8_t f[FRAME_MAKE_BYTES], q[FRAME_MAKE_BYTES];
                make_udp(q, US, 9, FAR, 9, "0123456789", 10);
                uint32_t n = make_icmp_error(f, 5, (uint8_t)code, to[j], q + 14, 28);
                store_be32(f + 26, from[i]);
                fix_ip_checksum(f);
                hostile_case(h);
                hostile_inject(h, f, n);
                HOSTILE_DROPS(h, icmp_unknown_type, 1);
                hostile_expect_silence(h);
                struct udp_datagram d = {
                    .local = h->us, .remote = v4(FAR), .local_port = 9, .remote_port = 9, .bytes = q, .length = 10};
                assert_int_equal(udp_send(h->stack, &d, h->now), 0);
                hostile_pass(h, 0);
                const struct hostile_frame *sent = hostile_next(h);
                assert_non_null(sent);
                assert_memory_equal(sent->bytes, GATEWAY_MAC, 6);
            }
    hostile_end(h, "IC-13");
}

static void test_ic_14_every_type_and_code(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct random random;
    random_seed(&random, 14);
    for (unsigned type = 0; type < 256; type++)
        for (unsigned code = 0; code < 256; code++) {
            uint8_t f[FRAME_MAKE_BYTES], m[256] = {0};
            uint32_t length = 8 + (uint32_t)random_below(&random, sizeof m - 8);
            for (uint32_t i = 2; i < length; i++)
                m[i] = (uint8_t)random_below(&random, 256);
            m[0] = (uint8_t)type;
            m[1] = (uint8_t)code;
            m[8] &= 0xf0; /* no quotation that could be parsed */
            wire_icmp_checksum_set(m, length);
            hostile_case(h);
            hostile_inject(h, f, make_ipv4(f, PEER, US, IP_PROTO_ICMP, m, length));
            if (type == WIRE_ICMP_ECHO_REQUEST) {
                struct wire_ipv4 ip;
                HOSTILE_NO_DROPS(h);
                assert_int_equal(hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip)[0], WIRE_ICMP_ECHO_REPLY);
            } else if (type == WIRE_ICMP_ECHO_REPLY) {
                HOSTILE_DROPS(h, icmp_unmatched, 1);
            } else if (type == 3 || type == 11 || type == 12) {
                HOSTILE_DROPS(h, icmp_quote_short, 1);
            } else if (type == 4) {
                HOSTILE_DROPS(h, icmp_source_quench, 1);
            } else {
                HOSTILE_DROPS(h, icmp_unknown_type, 1);
            }
            hostile_expect_silence(h);
        }
    hostile_end(h, "IC-14");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ic_01_short_messages),
        cmocka_unit_test(test_ic_02_echo_of_every_size),
        cmocka_unit_test(test_ic_03_smurf),
        cmocka_unit_test(test_ic_04_nothing_answers_what_must_not_be_answered),
        cmocka_unit_test(test_ic_05_a_flood_to_a_closed_port),
        cmocka_unit_test(test_ic_06_blind_resets),
        cmocka_unit_test(test_ic_07_hard_errors_are_soft_once_connected),
        cmocka_unit_test(test_ic_07_while_connecting_a_hard_error_ends_it),
        cmocka_unit_test(test_ic_08_source_quench),
        cmocka_unit_test(test_ic_09_lies_about_the_path),
        cmocka_unit_test(test_ic_11_a_million_paths),
        cmocka_unit_test(test_ic_12_a_black_hole),
        cmocka_unit_test(test_ic_13_redirects),
        cmocka_unit_test(test_ic_14_every_type_and_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
