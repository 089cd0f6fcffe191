/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows IP4-01 to IP4-14: IPv4 headers that mean harm. RFC 791, RFC 1122 3.2.1, RFC 6274.
 */
#include "support/hostile.h"

#include <string.h>

#define IP 14u /* where the IP header begins in a frame */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t echo(uint8_t *f) { return make_echo_request(f, PEER, US, 7, 1, "0123456789abcdef", 16); }

/* Puts options (padded with END to a multiple of four) behind the header of a frame. */
static uint32_t with_options(uint8_t *f, uint32_t n, const uint8_t *options, uint32_t length)
{
    uint32_t padded = (length + 3) & ~3u;
    memmove(f + IP + 20 + padded, f + IP + 20, n - IP - 20);
    memset(f + IP + 20, 0, padded);
    memcpy(f + IP + 20, options, length);
    f[IP] = (uint8_t)(0x45 + padded / 4);
    store_be16(f + IP + 2, (uint16_t)(n - IP + padded));
    fix_ip_checksum(f);
    return n + padded;
}

/* The echo reply to PEER, without options. */
static void expect_reply(struct hostile *h)
{
    struct wire_ipv4 ip;
    const uint8_t *m = hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip);
    assert_int_equal(m[0], WIRE_ICMP_ECHO_REPLY);
    assert_int_equal(ip.dst, PEER);
    assert_int_equal(ip.header_len, 20);
    assert_int_equal(wire_ipv4_payload_len(&ip), 24);
    assert_memory_equal(m + 8, "0123456789abcdef", 16);
}

static void test_ip4_01_header_lengths(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned ihl = 0; ihl < 16; ihl++)
        for (uint32_t total = 20; total < 72; total += 4) {
            memset(f, 1, sizeof f); /* options of NOPs */
            uint32_t n = make_ipv4(f, PEER, US, IP_PROTO_UDP, f + 100, 0);
            f[IP] = (uint8_t)(0x40 | ihl);
            store_be16(f + IP + 2, (uint16_t)total);
            if (ihl >= 5)
                fix_ip_checksum(f);
            if (ihl >= 5 && ihl * 4 <= total)
                continue;
            hostile_case(h);
            hostile_inject(h, f, max_u32(IP + total, n));
            HOSTILE_DROPS(h, ip_bad_header_length, 1);
            hostile_expect_silence(h);
        }
    for (unsigned ihl = 6; ihl < 16; ihl++) /* the header is longer than the frame */
        for (uint32_t present = 20; present < ihl * 4; present++) {
            memset(f, 1, sizeof f);
            make_ipv4(f, PEER, US, IP_PROTO_UDP, f + 100, 60);
            f[IP] = (uint8_t)(0x40 | ihl);
            fix_ip_checksum(f);
            hostile_case(h);
            hostile_inject(h, f, IP + present);
            HOSTILE_DROPS(h, ip_bad_header_length, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IP4-01");
}

static void test_ip4_02_total_lengths(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    uint32_t n = echo(f);
    for (uint32_t total = 0; total < 65536; total += total < 200 || total >= 65500 ? 1 : 101) {
        if (total >= 20 && total <= n - IP)
            continue;
        echo(f);
        store_be16(f + IP + 2, (uint16_t)total);
        fix_ip_checksum(f);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, ip_bad_total_length, 1);
        hostile_expect_silence(h);
    }
    for (uint32_t total = 20; total < n - IP; total++) { /* shorter than what it carries: the rest is padding */
        echo(f);
        store_be16(f + IP + 2, (uint16_t)total);
        fix_ip_checksum(f);
        hostile_case(h);
        hostile_inject(h, f, n);
        if (total < 28)
            HOSTILE_DROPS(h, icmp_short, 1);
        else
            HOSTILE_DROPS(h, icmp_bad_checksum, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IP4-02");
}

static void test_ip4_03_exactly_the_wrong_checksums(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    uint32_t n = echo(f);
    uint16_t right = load_be16(f + IP + 10);
    for (uint32_t sum = 0; sum < 65536; sum++) {
        store_be16(f + IP + 10, (uint16_t)sum);
        hostile_case(h);
        hostile_inject(h, f, n);
        if (sum != right) {
            HOSTILE_DROPS(h, ip_bad_checksum, 1);
        } else {
            HOSTILE_NO_DROPS(h);
            expect_reply(h);
        }
        hostile_expect_silence(h);
    }
    hostile_end(h, "IP4-03");
}

static void test_ip4_04_versions(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned version = 0; version < 16; version++)
        for (unsigned ihl = 0; ihl < 16; ihl++) {
            if (version == 4)
                continue;
            uint32_t n = echo(f);
            f[IP] = (uint8_t)(version << 4 | ihl);
            if (ihl >= 5)
                fix_ip_checksum(f);
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, ip_bad_version, 1);
            hostile_expect_silence(h);
        }
    uint32_t n = echo(f);
    store_be16(f + 12, ETHERTYPE_IPV6); /* IPv4 in IPv6's clothes */
    hostile_case(h);
    hostile_inject(h, f, n);
    HOSTILE_DROPS(h, ip_bad_version, 1);
    hostile_expect_silence(h);
    hostile_end(h, "IP4-04");
}

/* ---- options ---- */

/* RFC 1122 3.2.2.5: the answer names an octet of the options, and it has no options itself. */
static void expect_problem(struct hostile *h, uint32_t length)
{
    struct wire_ipv4 ip;
    const uint8_t *m = hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip);
    assert_int_equal(m[0], WIRE_ICMP_PARAMETER_PROBLEM);
    assert_int_equal(m[1], 0);
    assert_in_range(m[4], WIRE_IPV4_MIN, WIRE_IPV4_MIN + length - 1);
    assert_int_equal(load_be32(m + 4) & 0xffffffu, 0);
    assert_int_equal(ip.options_len, 0);
    assert_int_equal(ip.dst, PEER);
}

static void expect_bad_options(struct hostile *h, const uint8_t *options, uint32_t length)
{
    uint8_t f[256];
    hostile_case(h);
    hostile_inject(h, f, with_options(f, echo(f), options, length));
    HOSTILE_DROPS(h, ip_bad_options, 1);
    expect_problem(h, length);
    hostile_expect_silence(h);
    hostile_pass(h, NS_PER_MS); /* errors are limited */
}

static void expect_good_options(struct hostile *h, const uint8_t *options, uint32_t length)
{
    uint8_t f[256];
    hostile_case(h);
    hostile_inject(h, f, with_options(f, echo(f), options, length));
    HOSTILE_NO_DROPS(h);
    expect_reply(h);
    hostile_expect_silence(h);
}

static void test_ip4_05_options_end(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t o[40];
    for (unsigned kind = 2; kind < 256; kind++)
        for (uint32_t at = 0; at < 40; at++) { /* length 0, 1, beyond the header, and none at all */
            memset(o, 1, sizeof o);
            o[at] = (uint8_t)kind;
            if (at < 39) {
                o[at + 1] = (uint8_t)(at % 2);
                expect_bad_options(h, o, 40);
                o[at + 1] = (uint8_t)(41 - at);
            }
            expect_bad_options(h, o, 40);
        }
    memset(o, 1, sizeof o);
    for (uint32_t length = 4; length <= 40; length += 4) /* NOPs only */
        expect_good_options(h, o, length);
    for (uint32_t at = 0; at < 40; at++) { /* nothing behind END is looked at */
        memset(o, 131, sizeof o);
        memset(o, 1, at);
        o[at] = 0;
        expect_good_options(h, o, 40);
    }
    hostile_end(h, "IP4-05");
}

static void test_ip4_06_source_routes(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (unsigned strict = 0; strict < 2; strict++)
        for (uint32_t length = 3; length <= 40; length++)
            for (uint32_t pointer = 0; pointer < 256; pointer++) {
                uint8_t f[256], o[40] = {strict ? 137 : 131, (uint8_t)length, (uint8_t)pointer};
                uint8_t protocol = pointer % 2 ? IP_PROTO_UDP : 253; /* what would be answered by an error */
                uint32_t n = make_ipv4(f, PEER, US, protocol, "\0\1\0\2\0\10\0", 8);
                n = with_options(f, n, o, length);
                bool well_formed = pointer >= 4 && (pointer > length || pointer + 3 <= length);
                hostile_case(h);
                hostile_inject(h, f, n);
                if (well_formed)
                    HOSTILE_DROPS(h, ip_source_route, 1);
                else
                    HOSTILE_DROPS(h, ip_bad_options, 1);
                if (!well_formed)
                    expect_problem(h, length);
                hostile_expect_silence(h);
                hostile_pass(h, well_formed ? 0 : NS_PER_MS);
            }
    hostile_end(h, "IP4-06");
}

static void test_ip4_07_record_route_and_timestamps(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (uint32_t length = 3; length <= 40; length++)
        for (uint32_t pointer = 0; pointer < 256; pointer++) {
            uint8_t o[40] = {7, (uint8_t)length, (uint8_t)pointer};
            if (pointer >= 4 && (pointer > length || pointer + 3 <= length))
                expect_good_options(h, o, length);
            else
                expect_bad_options(h, o, length);
        }
    for (uint32_t length = 4; length <= 40; length += 4)
        for (uint32_t pointer = 0; pointer < 48; pointer++)
            for (uint32_t flags = 0; flags < 256; flags += 5) {
                uint8_t o[40] = {68, (uint8_t)length, (uint8_t)pointer, (uint8_t)flags};
                uint32_t flag = flags & 15u, stamp = flag == 0 ? 4 : 8, full = pointer > length;
                bool known = flag == 0 || flag == 1 || flag == 3;
                bool fits = full ? flags >> 4 != 15 : pointer - 1 + stamp <= length; /* overflow nibble 15: no more */
                if (pointer >= 5 && known && fits)
                    expect_good_options(h, o, length);
                else
                    expect_bad_options(h, o, length);
            }
    hostile_end(h, "IP4-07");
}

/* Addresses inside of options lead nowhere. */
static void test_ip4_08_a_reply_goes_to_the_source(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (uint32_t full = 0; full < 2; full++)
        for (uint32_t i = 0; i < 256; i++) {
            uint8_t route[39] = {7, 39, (uint8_t)(full ? 40 : 8)}, stamps[36] = {68, 36, (uint8_t)(full ? 37 : 13), 1};
            for (uint32_t at = 3; at < 39; at += 4)
                store_be32(route + at, i % 2 ? OTHER : i << 24 | i);
            for (uint32_t at = 4; at < 36; at += 4)
                store_be32(stamps + at, i % 2 ? OTHER : i << 24 | i);
            expect_good_options(h, route, sizeof route);
            expect_good_options(h, stamps, sizeof stamps);
        }
    hostile_end(h, "IP4-08");
}

/* ---- addresses ---- */

/* A datagram of every kind that somebody could be tempted to answer. */
static uint32_t tempting(uint8_t *f, unsigned kind, uint32_t source, uint32_t destination)
{
    switch (kind) {
    case 0:
        return make_echo_request(f, source, destination, 1, 1, NULL, 0);
    case 1:
        return make_tcp(f, source, 9, destination, HOSTILE_PORT, TCP_SYN, 1, 0, NULL, 0);
    case 2:
        return make_tcp(f, source, 9, destination, 81, TCP_ACK, 1, 1, NULL, 0);
    case 3:
        return make_udp(f, source, 9, destination, 9, "x", 1);
    default:
        return make_ipv4(f, source, destination, 253, "x", 1);
    }
}

static void test_ip4_09_addresses_that_no_host_has(void **state)
{
    (void)state;
    static const uint32_t sources[] = {0,           1,           0x00ffffffu, 0x7f000000u, 0x7f000001u,
                                       0x7fffffffu, 0xe0000000u, 0xe0000001u, 0xefffffffu, 0xf0000000u,
                                       0xfffffffeu, 0xffffffffu, US | 255u,   US};
    static const uint32_t destinations[] = {1, 0x00ffffffu, 0x7f000001u, 0x7fffffffu, 0xf0000000u, 0xfffffffeu};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned i = 0; i < COUNT(sources); i++)
        for (unsigned kind = 0; kind < 5; kind++) {
            hostile_case(h);
            hostile_inject(h, f, tempting(f, kind, sources[i], US));
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    for (unsigned i = 0; i < COUNT(destinations); i++)
        for (unsigned kind = 0; kind < 5; kind++) {
            hostile_case(h);
            hostile_inject(h, f, tempting(f, kind, PEER, destinations[i]));
            HOSTILE_DROPS(h, ip_bad_destination, 1);
            hostile_expect_silence(h);
        }
    for (unsigned kind = 0; kind < 5; kind++) { /* to the broadcast address of our subnet */
        uint32_t n = tempting(f, kind, PEER, US | 255u);
        memcpy(f, BROADCAST_MAC, 6);
        hostile_case(h);
        hostile_inject(h, f, n);
        hostile_expect_silence(h);
        if (kind == 0)
            HOSTILE_DROPS(h, icmp_broadcast_echo, 1);
        else if (kind < 3)
            HOSTILE_DROPS(h, ip_bad_destination, 1);
        else if (kind == 3)
            HOSTILE_DROPS(h, udp_no_port, 1);
        else
            HOSTILE_DROPS(h, ip_unknown_protocol, 1);
    }
    hostile_end(h, "IP4-09");
}

static void test_ip4_10_land(void **state)
{
    (void)state;
    static const uint16_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (uint32_t port = 1; port < 65536; port += port == HOSTILE_PORT - 1 ? 1 : 311)
        for (unsigned i = 0; i < COUNT(flags); i++) {
            hostile_case(h);
            hostile_inject(h, f, make_tcp(f, US, (uint16_t)port, US, (uint16_t)port, flags[i], 1, 0, NULL, 0));
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    hostile_case(h);
    hostile_inject(h, f, make_tcp(f, US, HOSTILE_PORT, US, HOSTILE_PORT, TCP_SYN, 1, 0, NULL, 0));
    HOSTILE_DROPS(h, ip_bad_source, 1);
    hostile_end(h, "IP4-10");
}

static void test_ip4_11_unicast_in_a_frame_for_many(void **state)
{
    (void)state;
    static const uint8_t groups[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 0, 0x5e, 0, 0, 1}};
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned i = 0; i < COUNT(groups); i++)
        for (unsigned kind = 0; kind < 5; kind++) {
            uint32_t n = tempting(f, kind, PEER, US);
            memcpy(f, groups[i], 6);
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, ip_l2_mismatch, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IP4-11");
}

static void test_ip4_12_any_ttl_is_accepted_and_none_of_zero_is_sent(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned ttl = 0; ttl < 256; ttl++)
        for (unsigned kind = 0; kind < 5; kind++) {
            uint32_t n = tempting(f, kind, PEER, US);
            f[IP + 8] = (uint8_t)ttl;
            fix_ip_checksum(f);
            hostile_case(h);
            hostile_inject(h, f, n);
            hostile_pass(h, 10 * NS_PER_MS);
            for (const struct hostile_frame *a; kind != 1 && (a = hostile_next(h));) {
                assert_int_equal(load_be16(a->bytes + 12), ETHERTYPE_IPV4);
                assert_true(a->bytes[IP + 8] > 0);
                n = 0;
            }
            assert_true(kind == 1 || n == 0); /* all but the SYN, which the listener refuses, get an answer */
        }
    hostile_end(h, "IP4-12");
}

/* ---- what it carries ---- */

static void expect_protocol_unreachable(struct hostile *h)
{
    HOSTILE_DROPS(h, ip_unknown_protocol, 1);
    hostile_expect_icmp(h, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PROTOCOL_UNREACHABLE);
    hostile_expect_silence(h);
    hostile_pass(h, 10 * NS_PER_MS); /* within what may be sent */
}

static void test_ip4_13_tunnels_nobody_made(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES], inner[FRAME_MAKE_BYTES];
    for (unsigned depth = 1; depth <= 64; depth++)
        for (unsigned lie = 0; lie < 2; lie++) {
            uint32_t n = echo(inner);
            for (unsigned i = 0; i < depth; i++) {
                if (lie && i == depth - 1) { /* the outermost but one says that it is longer than it is */
                    store_be16(inner + IP + 2, 65535);
                    fix_ip_checksum(inner);
                }
                n = make_ipv4(f, PEER, US, IP_PROTO_IPV4, inner + IP, n - IP);
                memcpy(inner, f, n);
            }
            hostile_case(h);
            hostile_inject(h, f, n);
            expect_protocol_unreachable(h);
        }
    uint32_t n = echo(inner) - IP; /* the tunnel in two fragments */
    for (uint32_t cut = 8; cut < n; cut += 8) {
        hostile_case(h);
        hostile_inject(h, f, make_fragment(f, PEER, (uint16_t)cut, IP_PROTO_IPV4, 0, true, inner + IP, cut));
        hostile_expect_silence(h);
        hostile_inject(h, f,
                       make_fragment(f, PEER, (uint16_t)cut, IP_PROTO_IPV4, cut, false, inner + IP + cut, n - cut));
        expect_protocol_unreachable(h);
    }
    hostile_end(h, "IP4-13");
}

static void test_ip4_14_protocols_nobody_speaks(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256];
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        if (protocol == IP_PROTO_ICMP || protocol == IP_PROTO_IGMP || protocol == IP_PROTO_TCP ||
            protocol == IP_PROTO_UDP)
            continue;
        hostile_case(h);
        hostile_inject(h, f, make_ipv4(f, PEER, US, (uint8_t)protocol, "0123456789", 10));
        expect_protocol_unreachable(h);
    }
    hostile_pass(h, NS_PER_S);
    uint64_t sent = 0, limited = 0;
    for (unsigned i = 0; i < 1000; i++) { /* at once */
        hostile_case(h);
        hostile_inject(h, f, make_ipv4(f, PEER, US, i % 2 ? 253 : 255, "0123456789", 10));
        assert_int_equal(HOSTILE_COUNT(h, ip_unknown_protocol), 1);
        sent += HOSTILE_COUNT(h, icmp_errors_sent);
        limited += HOSTILE_COUNT(h, icmp_rate_limited);
    }
    assert_true(sent >= 40 && sent <= 50);
    assert_int_equal(sent + limited, 1000);
    hostile_end(h, "IP4-14");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip4_01_header_lengths),
        cmocka_unit_test(test_ip4_02_total_lengths),
        cmocka_unit_test(test_ip4_03_exactly_the_wrong_checksums),
        cmocka_unit_test(test_ip4_04_versions),
        cmocka_unit_test(test_ip4_05_options_end),
        cmocka_unit_test(test_ip4_06_source_routes),
        cmocka_unit_test(test_ip4_07_record_route_and_timestamps),
        cmocka_unit_test(test_ip4_08_a_reply_goes_to_the_source),
        cmocka_unit_test(test_ip4_09_addresses_that_no_host_has),
        cmocka_unit_test(test_ip4_10_land),
        cmocka_unit_test(test_ip4_11_unicast_in_a_frame_for_many),
        cmocka_unit_test(test_ip4_12_any_ttl_is_accepted_and_none_of_zero_is_sent),
        cmocka_unit_test(test_ip4_13_tunnels_nobody_made),
        cmocka_unit_test(test_ip4_14_protocols_nobody_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
