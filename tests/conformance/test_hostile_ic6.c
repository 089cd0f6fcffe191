/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows IC over IPv6: ICMPv6 that means harm. RFC 4443, RFC 8201, RFC 5927. There is no source quench (IC-08) in ICMPv6, redirects (IC-13) are ND-08 in
 * test_hostile_nd, lies about the path (IC-09) are IC-10, and the black hole (IC-12) is TCP's affair, which does not know the family. IPv4 is in test_hostile_ic.
 */
#include "support/hostile6.h"

#include "base/random.h"
#include "stack/stack_internal.h"
#include "tcp/tcb.h"

#define ECHO_MAX 65527u
#define PORT 5353

static uint8_t f[FRAME_MAKE_BYTES], q[FRAME_MAKE_BYTES];
static uint32_t us6;

static void no_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context;
    (void)d;
    (void)now;
}

/* Any message from PEER6, of `length` bytes with a right checksum where it has one. */
static void inject(struct hostile *h, const uint8_t *message, uint32_t length)
{
    uint8_t m[FRAME_MAKE_BYTES];
    memcpy(m, message, length);
    if (length >= 4)
        wire_icmpv6_checksum_set(&PEER6, &US6, m, length);
    hostile_inject(h, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_ICMPV6, m, length));
}

static void ic_01_short_messages_of_icmpv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint8_t m[256] = {0};
    for (unsigned type = 0; type < 256; type++)
        for (uint32_t length = 0; length < 8; length++) {
            m[0] = (uint8_t)type;
            hostile_case(h);
            inject(h, m, length);
            HOSTILE_DROPS(h, icmp_short, 1);
            hostile_expect_silence(h);
        }
    make_udp6(q, &US6, 9, &PEER6, 9, "x", 1);
    for (uint8_t type = 1; type <= 4; type++)
        for (uint32_t length = 0; length < 48; length++) {
            memset(m, 0, 8);
            m[0] = type;
            memcpy(m + 8, q + 14, length);
            hostile_case(h);
            inject(h, m, 8 + length);
            HOSTILE_DROPS(h, icmp_quote_short, 1);
            hostile_expect_silence(h);
        }
    for (unsigned units = 0; units < 256; units++) { /* a quoted extension header that goes past the quotation */
        memset(m, 0, sizeof m);
        m[0] = WIRE_ICMPV6_UNREACHABLE;
        memcpy(m + 8, q + 14, 40);
        m[8 + 6] = IP_PROTO_DESTINATION_OPTIONS;
        m[48] = IP_PROTO_UDP;
        m[49] = (uint8_t)units;
        hostile_case(h);
        inject(h, m, 60);
        HOSTILE_DROPS(h, icmp_quote_short, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IC-01 (IPv6)");
}

/* ---- echo ---- */

/* The payload of the datagram whose fragments US6 sent, in order. */
static uint32_t reassemble(struct hostile *h, uint8_t *to)
{
    uint32_t at = 0;
    for (const struct hostile_frame *a; (a = hostile_next(h));) {
        uint32_t n = load_be16(a->bytes + 18), head = 54;
        assert_true(n + 40 <= 1500);
        if (a->bytes[20] == IP_PROTO_FRAGMENT) {
            struct wire_ipv6_fragment header;
            assert_int_equal(wire_ipv6_fragment_parse(a->bytes + 54, 8, &header), 8);
            assert_int_equal(header.next_header, IP_PROTO_ICMPV6);
            assert_int_equal(header.offset, at);
            assert_int_equal(header.more, h->count > 0);
            head += 8;
            n -= 8;
        }
        memcpy(to + at, a->bytes + head, n);
        at += n;
    }
    return at;
}

static void give_in_pieces(struct hostile *h, uint32_t id, const uint8_t *message, uint32_t length)
{
    if (length <= 1460)
        hostile_inject(h, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_ICMPV6, message, length));
    for (uint32_t at = 0; length > 1460 && at < length; at += 1448) {
        uint32_t n = min_u32(length - at, 1448);
        hostile_inject(h, f, make_fragment6(f, &PEER6, id, IP_PROTO_ICMPV6, at, at + n < length, message + at, n));
    }
}

static void ic_02_echo_of_every_size_over_ipv6(void **state) /* CVE-2020-17443 */
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    static uint8_t asked[65536 + 8], answered[65536 + 8];
    for (uint32_t size = 0; size <= ECHO_MAX; size += size < 3000 || size >= ECHO_MAX - 20 ? 1 : 223) {
        uint32_t length = make_echo6(asked, &US6, size);
        hostile_case(h);
        give_in_pieces(h, size, asked, length);
        HOSTILE_NO_DROPS(h);
        assert_int_equal(reassemble(h, answered), length);
        assert_int_equal(answered[0], WIRE_ICMPV6_ECHO_REPLY);
        assert_true(wire_icmpv6_checksum_ok(&US6, &PEER6, answered, length));
        assert_memory_equal(answered + 4, asked + 4, length - 4);
    }
    for (uint32_t more = 1; more < 64; more++) { /* and one that would wrap */
        static uint8_t zeros[80];
        hostile_case(h);
        hostile_inject(h, f, make_fragment6(f, &PEER6, 70000 + more, IP_PROTO_UDP, 65528, false, zeros, 7 + more));
        HOSTILE_DROPS(h, frag_too_long, 1);
        hostile6_expect_icmp(h, WIRE_ICMPV6_PARAMETER_PROBLEM, WIRE_ICMPV6_PROBLEM_FIELD, 42);
        hostile_pass(h, NS_PER_MS); /* errors are limited */
    }
    hostile_end(h, "IC-02 (IPv6)");
}

static void ic_03_smurf_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    const struct ip_addr groups[] = {ALL_NODES, ip_addr_solicited_node(&US6)};
    const uint8_t body[100] = {0};
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        for (uint32_t length = 0; length < 100; length++) {
            const struct ip_addr source = length % 2 ? FAR6 : ip_addr_add(&US6, 2 + length);
            hostile_case(h);
            hostile_inject(h, f, make_icmp6(f, &source, &groups[i], WIRE_ICMPV6_ECHO_REQUEST, 0, 1, body, length));
            HOSTILE_DROPS(h, icmp_broadcast_echo, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IC-03 (IPv6)");
}

/* ---- errors of ours ---- */

/* RFC 4443 2.4 (e): errors and redirects, what went to many, what came from nobody. */
static void ic_04_nothing_answers_what_must_not_be_answered_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    const struct ip_addr nobody[] = {NONE6, v6("::1"), v6("ff02::1"), v6("::ffff:192.0.2.9"), US6};
    const struct ip_addr groups[] = {ALL_NODES, ip_addr_solicited_node(&US6)};
    uint8_t headers[64] = {0};
    for (unsigned type = 1; type < 128; type++) /* behind an option that is answered otherwise */
        for (unsigned redirect = 0; redirect < 2; redirect++) {
            uint8_t option[6] = {0x9e, 4};
            uint32_t n = make_options6(headers, IP_PROTO_ICMPV6, option, 6);
            headers[n] = redirect ? WIRE_ICMPV6_REDIRECT : (uint8_t)type;
            hostile_case(h);
            hostile_inject(h, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, headers, n + 40));
            HOSTILE_DROPS(h, ipv6_unknown_option, 1);
            hostile_expect_silence(h);
        }
    for (unsigned type = 1; type < 5; type++) /* errors about errors, about what nobody sent, about fragments */
        for (unsigned code = 0; code < 16; code++)
            for (unsigned kind = 0; kind < 3; kind++) {
                make_udp6(q, &US6, 9, &PEER6, 9, "0123456789abcdef", 16);
                if (kind == 1)
                    make_icmp6(q, &US6, &PEER6, WIRE_ICMPV6_UNREACHABLE, 4, 0, "0123456789", 10);
                if (kind == 2)
                    make_ipv6(q, &US6, &PEER6, 253, "0123456789abcdef", 16);
                hostile_case(h);
                hostile_inject(h, f, make_icmp6(f, &PEER6, &US6, (uint8_t)type, (uint8_t)code, 0, q + 14, 56));
                if (type == WIRE_ICMPV6_PACKET_TOO_BIG)
                    HOSTILE_DROPS(h, icmp_bad_mtu, 1);
                else
                    HOSTILE_DROPS(h, icmp_unmatched, 1);
                hostile_expect_silence(h);
            }
    for (unsigned protocol = 61; protocol < 256; protocol++) {
        for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
            hostile_case(h);
            hostile_inject(h, f, make_ipv6(f, &PEER6, &groups[i], (uint8_t)protocol, "0123456789abcdef", 16));
            HOSTILE_DROPS(h, ip_unknown_protocol, 1);
            hostile_expect_silence(h);
        }
        for (unsigned i = 0; i < ARRAY_SIZE(nobody); i++) {
            hostile_case(h);
            hostile_inject(h, f, make_ipv6(f, &nobody[i], &US6, (uint8_t)protocol, "0123456789abcdef", 16));
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    }
    hostile_end(h, "IC-04 (IPv6)");
}

static void ic_05_a_flood_to_a_closed_port_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint64_t sent = 0, limited = 0;
    for (uint32_t i = 0; i < 100000; i++) { /* within a second, from everywhere */
        const struct ip_addr source = ip_addr_add(&PEER6, i % 5000);
        hostile_case(h);
        hostile_inject(h, f, make_udp6(f, &source, 9, &US6, (uint16_t)(1 + i % 60000), "x", 1));
        sent += HOSTILE_COUNT(h, icmp_errors_sent);
        limited += HOSTILE_COUNT(h, icmp_rate_limited);
        assert_int_equal(HOSTILE_COUNT(h, udp_no_port), 1);
        hostile_pass(h, 10 * NS_PER_US);
    }
    assert_in_range(sent, 900, 1050);
    assert_int_equal(sent + limited, 100000);
    hostile_end(h, "IC-05 (IPv6)");
}

/* ---- errors about our connections ---- */

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

static const struct tcp_user calls = {.received = on_received, .pull = no_bytes, .closed = on_closed};

static unsigned new_user(struct hostile *h, struct ending *e)
{
    struct tcp_profile profile;
    tcp_profile_default(&profile);
    int user = tcp_register_user(stack_tcp(h->stack), &calls, e, &profile);
    assert_true(user > 0);
    assert_int_equal(stack_add_neighbour(h->stack, us6, &PEER6, PEER_MAC), 0);
    return (unsigned)user;
}

static struct tcp *connect_to_peer(struct hostile *h, unsigned user, uint16_t port)
{
    struct tcp_ref ref;
    struct flow_key key = {.local = us6, .remote = PEER6, .remote_port = port};
    assert_int_equal(tcp_connect(stack_tcp(h->stack), user, &key, 0, h->now, &ref), 0);
    hostile_pass(h, 0);
    return tcp_get(stack_tcp(h->stack), ref);
}

/* PEER6 answers the SYN with its number 1. */
static void accept_from_peer(struct hostile *h, const struct tcp *c)
{
    uint32_t n = make_tcp6(f, &PEER6, c->key.remote_port, &US6, c->key.local_port, TCP_SYN | TCP_ACK, 1,
                           seq_add(c->snd_una, 1).v, NULL, 0);
    hostile_inject(h, f, n);
    assert_int_equal(tcp_state_of(c), TCP_ESTABLISHED);
}

/* An error from PEER6 about a segment of c with that sequence number, `total` bytes in all. */
static uint32_t about_segment(const struct tcp *c, struct seq seq, uint8_t type, uint8_t code, uint32_t rest,
                              uint16_t total)
{
    make_tcp6(q, &US6, c->key.local_port, &PEER6, c->key.remote_port, TCP_ACK, seq.v, 1, NULL, 0);
    store_be16(q + 18, (uint16_t)(total - 40));
    return make_icmp6(f, &PEER6, &US6, type, code, rest, q + 14, 60);
}

static void ic_06_blind_resets_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct random random;
    struct ending e = {0};
    struct tcp *c = connect_to_peer(h, new_user(h, &e), 80);
    accept_from_peer(h, c);
    random_seed(&random, 6);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t beyond = 1 + (uint32_t)random_below(&random, UINT32_MAX - 1);
        uint8_t type = i % 5 == 0 ? 3 : i % 7 == 0 ? 4 : 1;
        hostile_case(h);
        hostile_inject(h, f, about_segment(c, seq_add(c->snd_una, beyond), type, (uint8_t)(i % 5), 0, 1500));
        HOSTILE_DROPS(h, icmp_unmatched, 1);
        hostile_expect_silence(h);
    }
    assert_int_equal(e.closed, 0);
    tcp_abort(stack_tcp(h->stack), c, h->now);
    hostile_pass(h, 0);
    hostile_end(h, "IC-06 (IPv6)");
}

/* Port unreachable and unknown next header are the hard ones, and end nothing but an attempt to connect. */
static void ic_07_hard_errors_end_attempts_alone_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct ending e = {0};
    unsigned user = new_user(h, &e);
    for (unsigned connected = 0; connected < 2; connected++)
        for (uint8_t type = 1; type <= 4; type++)
            for (unsigned code = 0; code < 8; code++) {
                if (type == WIRE_ICMPV6_PACKET_TOO_BIG)
                    continue;
                struct tcp *c = connect_to_peer(h, user, (uint16_t)(1000u + 10u * type + code));
                unsigned before = e.closed;
                bool hard = (type == 1 && code == 4) || (type == 4 && code == 1);
                if (connected) {
                    accept_from_peer(h, c);
                    assert_int_equal(tcp_send(stack_tcp(h->stack), c, 0, h->now), 0);
                }
                hostile_case(h); /* not a number in flight */
                hostile_inject(h, f, about_segment(c, seq_add(c->snd_una, 1), type, (uint8_t)code, 0, 1500));
                HOSTILE_DROPS(h, icmp_unmatched, 1);
                assert_int_equal(e.closed, before);
                hostile_case(h);
                hostile_inject(h, f, about_segment(c, c->snd_una, type, (uint8_t)code, 0, 1500));
                if (connected) /* nothing is in flight */
                    HOSTILE_DROPS(h, icmp_unmatched, 1);
                else
                    HOSTILE_NO_DROPS(h);
                assert_int_equal(e.closed, before + (unsigned)(hard && !connected));
                if (!hard || connected)
                    tcp_abort(stack_tcp(h->stack), c, h->now);
                else
                    assert_int_equal(e.reason, TCP_CLOSE_REFUSED);
                hostile_pass(h, 0);
            }
    hostile_end(h, "IC-07 (IPv6)");
}

/* ---- path MTU ---- */

/* A datagram of ours to PEER6 that filled the link was too big, they say. */
static void too_big(struct hostile *h, const struct ip_addr *from, uint32_t mtu)
{
    static const uint8_t nothing[1452];
    make_udp6(q, &US6, PORT, &PEER6, 9, nothing, sizeof nothing);
    hostile_inject(h, f, make_icmp6(f, from, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, mtu, q + 14, 100));
}

static uint32_t mtu_to(struct hostile *h, const struct ip_addr *to)
{
    return pmtu_get(h->stack, host_at(&h->stack->hosts, us6), to);
}

static void ic_10_lies_about_the_path_of_ipv6(void **state) /* RFC 8201 section 4 */
{
    (void)state;
    static const uint32_t too_large[] = {1500, 1501, 9000, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff};
    struct hostile *h = hostile6_new(&us6);
    assert_int_equal(udp_bind(h->stack, us6, PORT, no_datagram, NULL, NULL), 0);
    for (uint32_t mtu = 0; mtu < WIRE_IPV6_MIN_MTU; mtu++) {
        hostile_case(h);
        too_big(h, &PEER6, mtu);
        HOSTILE_DROPS(h, icmp_bad_mtu, 1);
        hostile_expect_silence(h);
        assert_int_equal(mtu_to(h, &PEER6), 1500);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(too_large); i++) {
        hostile_case(h);
        too_big(h, &PEER6, too_large[i]);
        HOSTILE_DROPS(h, icmp_bad_mtu, 1);
        assert_int_equal(mtu_to(h, &PEER6), 1500);
    }
    assert_int_equal(h->stack->pmtus.pool.used, 0);
    for (uint32_t mtu = 1499; mtu >= WIRE_IPV6_MIN_MTU; mtu--) { /* smaller and smaller, by whoever is on the way */
        hostile_case(h);
        too_big(h, mtu % 2 ? &FAR6 : &PEER6, mtu);
        HOSTILE_NO_DROPS(h);
        assert_int_equal(mtu_to(h, &PEER6), mtu);
        assert_int_equal(mtu_to(h, &OTHER6), 1500);
    }
    for (uint32_t mtu = WIRE_IPV6_MIN_MTU; mtu < 1500; mtu++) { /* never larger */
        hostile_case(h);
        too_big(h, &PEER6, mtu);
        HOSTILE_NO_DROPS(h);
        assert_int_equal(mtu_to(h, &PEER6), WIRE_IPV6_MIN_MTU);
    }
    assert_int_equal(h->stack->pmtus.pool.used, 1);
    hostile_pass(h, 11 * 60 * NS_PER_S);
    assert_int_equal(mtu_to(h, &PEER6), 1500);
    hostile_end(h, "IC-10");
}

/* UDP has no sequence number to check: what can be written is bounded and nobody else's. */
static void ic_11_a_million_paths_of_ipv6(void **state)
{
    (void)state;
    static const uint8_t nothing[1452];
    struct hostile *h = hostile6_new(&us6);
    const uint32_t most = h->stack->settings.max_path_mtus;
    assert_int_equal(udp_bind(h->stack, us6, PORT, no_datagram, NULL, NULL), 0);
    make_udp6(q, &US6, PORT, &PEER6, 9, nothing, sizeof nothing);
    uint32_t n = make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, 1300, q + 14, 100);
    struct ip_addr last = PEER6;
    for (uint32_t i = 0; i < 1000000; i++) {
        last = ip_addr_add(&FAR6, i);
        memcpy(f + 62 + 24, last.bytes, 16); /* the destination within the quotation */
        wire_icmpv6_checksum_set(&PEER6, &US6, f + 54, n - 54);
        hostile_case(h);
        hostile_inject(h, f, n);
        assert_true(h->stack->pmtus.pool.used <= most);
        if (i % 1024 == 0)
            HOSTILE_NO_DROPS(h);
    }
    assert_int_equal(h->stack->pmtus.pool.used, most);
    assert_int_equal(mtu_to(h, &last), 1300);
    assert_int_equal(mtu_to(h, &FAR6), 1500); /* pushed out */
    assert_int_equal(mtu_to(h, &PEER6), 1500);
    hostile_end(h, "IC-11 (IPv6)");
}

/* ---- other messages ---- */

/* Neighbour Discovery and MLD are judged by themselves: rows ND, unit/test_stack_group_hostile. */
static bool is_of_the_link(unsigned type) { return (type >= 130 && type <= 137) || type == 143; }

static void ic_14_every_type_and_code_of_icmpv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct random random;
    random_seed(&random, 14);
    for (unsigned type = 0; type < 256; type++)
        for (unsigned code = 0; code < 256; code++) {
            uint8_t m[256] = {0};
            uint32_t length = 8 + (uint32_t)random_below(&random, sizeof m - 8);
            for (uint32_t i = 2; i < length; i++)
                m[i] = (uint8_t)random_below(&random, 256);
            m[0] = (uint8_t)type;
            m[1] = (uint8_t)code;
            m[8] &= 0x0f; /* no quotation that could be parsed */
            hostile_case(h);
            inject(h, m, length);
            if (type == WIRE_ICMPV6_ECHO_REQUEST) {
                struct wire_ipv6 ip;
                HOSTILE_NO_DROPS(h);
                assert_int_equal(hostile6_expect(h, IP_PROTO_ICMPV6, &ip)[0], WIRE_ICMPV6_ECHO_REPLY);
            } else if (type == WIRE_ICMPV6_ECHO_REPLY) {
                HOSTILE_DROPS(h, icmp_unmatched, 1);
            } else if (type < 128) {
                HOSTILE_DROPS(h, icmp_quote_short, 1);
            } else if (!is_of_the_link(type)) {
                HOSTILE_DROPS(h, icmp_unknown_type, 1);
            }
            hostile_expect_silence(h);
        }
    hostile_end(h, "IC-14 (IPv6)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ic_01_short_messages_of_icmpv6),
        cmocka_unit_test(ic_02_echo_of_every_size_over_ipv6),
        cmocka_unit_test(ic_03_smurf_over_ipv6),
        cmocka_unit_test(ic_04_nothing_answers_what_must_not_be_answered_over_ipv6),
        cmocka_unit_test(ic_05_a_flood_to_a_closed_port_over_ipv6),
        cmocka_unit_test(ic_06_blind_resets_over_ipv6),
        cmocka_unit_test(ic_07_hard_errors_end_attempts_alone_over_ipv6),
        cmocka_unit_test(ic_10_lies_about_the_path_of_ipv6),
        cmocka_unit_test(ic_11_a_million_paths_of_ipv6),
        cmocka_unit_test(ic_14_every_type_and_code_of_icmpv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
