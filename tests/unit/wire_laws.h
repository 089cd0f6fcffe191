/* SPDX-License-Identifier: MIT */
/*
 * What holds for every codec of src/wire on any bytes, shared by the fuzz targets and the test with random bytes:
 * parsing stays inside the bytes and says so (checked by who calls: sanitizer or guard page), lengths returned lie
 * inside, printing is bounded, and what was parsed can be built and parses to the same again. The laws assert; build
 * with assertions on.
 */
#ifndef WEIR_TESTS_UNIT_WIRE_LAWS_H
#define WEIR_TESTS_UNIT_WIRE_LAWS_H

#undef NDEBUG
#include <assert.h>

#include "unit/wire_equal.h"

/* Prints through `print(to, size, h)` into a large and a small buffer: the small text begins the large one. */
#define LAW_PRINT(print, h)                                                                                            \
    do {                                                                                                               \
        char large[2048], small[9];                                                                                    \
        int large_length = print(large, sizeof large, h);                                                              \
        assert(large_length > 0 && large_length < (int)sizeof large && large[large_length] == '\0');                   \
        assert(print(small, sizeof small, h) == large_length);                                                         \
        assert(memcmp(small, large, strlen(small)) == 0);                                                              \
    } while (0)

static inline void law_eth(const uint8_t *bytes, size_t length)
{
    for (unsigned max_tags = 0; max_tags <= WIRE_ETH_MAX_TAGS; max_tags += 4) {
        struct wire_eth h = {0};
        uint8_t again[WIRE_ETH_MAX_HEADER];
        int n = wire_eth_parse(bytes, length, max_tags, &h);
        if (n < 0)
            continue;
        assert(n >= 14 && (size_t)n <= length && n == h.header_len && h.vlan_count <= max_tags);
        LAW_PRINT(wire_eth_print, &h);
        assert(wire_eth_build(again, &h) == n);
        assert(memcmp(again, bytes, (size_t)n) == 0);
        struct wire_eth general;
        assert(wire_eth_parse_general(bytes, length, max_tags, &general) == n);
        assert(wire_eth_equal(&h, &general));
    }
}

static inline void law_arp(const uint8_t *bytes, size_t length)
{
    struct wire_arp h;
    uint8_t again[WIRE_ARP_LEN];
    if (wire_arp_parse(bytes, length, &h) < 0)
        return;
    LAW_PRINT(wire_arp_print, &h);
    wire_arp_build(again, &h);
    assert(memcmp(again, bytes, WIRE_ARP_LEN) == 0);
}

static inline void law_mpls(const uint8_t *bytes, size_t length)
{
    struct wire_mpls stack[4];
    unsigned count;
    int n = wire_mpls_parse_stack(bytes, length, 4, stack, &count);
    assert(count <= 4 && (n < 0 || ((size_t)n <= length && n == 4 * (int)count)));
    for (unsigned i = 0; i < count; i++) {
        uint8_t again[WIRE_MPLS_LEN];
        LAW_PRINT(wire_mpls_print, &stack[i]);
        wire_mpls_build(again, &stack[i]);
        assert(memcmp(again, bytes + (size_t)4 * i, WIRE_MPLS_LEN) == 0);
    }
}

static inline void law_ipv4(const uint8_t *bytes, size_t length)
{
    struct wire_ipv4 h = {0}, parsed = {0};
    struct wire_ipv4_options o;
    int n = wire_ipv4_parse(bytes, length, &h);
    if (n < 0)
        return;
    assert(n >= 20 && n <= 60 && h.total_len >= n && h.total_len <= length && h.options == bytes + 20);
    LAW_PRINT(wire_ipv4_print, &h);
    wire_ipv4_options_check(h.options, h.options_len, &o);
    assert(o.pointer == 0 || (o.pointer >= 20 && o.pointer < n));
    static uint8_t again[65535];
    assert(wire_ipv4_build(again, &h) == n);
    assert(wire_ipv4_checksum_ok(again, (size_t)n));
    assert(wire_ipv4_parse(again, h.total_len, &parsed) == n);
    assert(wire_ipv4_equal(&h, &parsed));
    if (wire_ipv4_checksum_ok(bytes, (size_t)n) && h.checksum != 0xffff)
        assert(memcmp(again, bytes, (size_t)n) == 0);
}

static inline void law_ipv6(const uint8_t *bytes, size_t length)
{
    struct wire_ipv6 h = {0};
    uint8_t again[WIRE_IPV6_LEN];
    struct wire_ipv6_walk w;
    bool parsed = wire_ipv6_parse(bytes, length, &h) > 0;
    if (parsed) {
        LAW_PRINT(wire_ipv6_print, &h);
        wire_ipv6_build(again, &h);
        assert(memcmp(again, bytes, WIRE_IPV6_LEN) == 0);
    }
    enum wire_ipv6_verdict verdict = wire_ipv6_walk(bytes, length, &w);
    assert(verdict == w.verdict && (verdict == WIRE_IPV6_ACCEPT) == (w.reason == WIRE_IPV6_GOOD));
    assert(w.header_count <= WIRE_IPV6_MAX_HEADERS && (parsed || verdict == WIRE_IPV6_DROP));
    if (verdict == WIRE_IPV6_PARAMETER_PROBLEM)
        assert(w.problem_pointer < length && w.problem_code <= 3);
    if (verdict != WIRE_IPV6_ACCEPT)
        return;
    assert(w.offset >= 40 && w.offset <= w.end && w.end == 40u + h.payload_len &&
           bytes[w.next_header_at] == w.protocol);
    if (w.fragment_header) {
        assert(w.fragment_at + 8 <= w.offset && bytes[w.fragment_next_at] == IP_PROTO_FRAGMENT);
        LAW_PRINT(wire_ipv6_fragment_print, &w.frag);
    }
}

static inline void law_udp(const uint8_t *bytes, size_t length)
{
    struct wire_udp h = {0};
    uint8_t again[WIRE_UDP_LEN];
    if (wire_udp_parse(bytes, length, &h) < 0)
        return;
    assert(h.length >= 8 && h.length <= length);
    LAW_PRINT(wire_udp_print, &h);
    wire_udp_build(again, &h);
    assert(memcmp(again, bytes, WIRE_UDP_LEN) == 0);
}

static inline void law_icmp(const uint8_t *bytes, size_t length)
{
    struct wire_icmp h;
    struct wire_icmp_quote q;
    uint8_t again[WIRE_ICMP_LEN];
    if (wire_icmp_parse(bytes, length, &h) > 0) {
        LAW_PRINT(wire_icmp_print, &h);
        wire_icmp_build(again, &h);
        assert(memcmp(again, bytes, WIRE_ICMP_LEN) == 0);
    }
    int n = wire_icmp_quote_parse(bytes, length, &q);
    if (n < 0)
        return;
    assert(q.l4 == bytes + n && q.l4_len >= 8 && (size_t)n + q.l4_len <= length);
    uint8_t message[600];
    int made = wire_icmp_error_build(message, sizeof message, 3, 3, 0, bytes, length);
    if (made < 0)
        return;
    assert(wire_icmp_checksum_ok(message, (size_t)made));
    assert(wire_icmp_quote_parse(message + 8, (size_t)made - 8, &q) == n);
}

static inline void law_icmpv6(const uint8_t *bytes, size_t length)
{
    static const struct ip_addr here = {{0x20, 1, 0x0d, 0xb8}};
    struct wire_icmpv6 h;
    struct wire_icmpv6_quote q;
    uint8_t again[WIRE_ICMPV6_LEN];
    if (wire_icmpv6_parse(bytes, length, &h) > 0) {
        LAW_PRINT(wire_icmpv6_print, &h);
        wire_icmpv6_build(again, &h);
        assert(memcmp(again, bytes, WIRE_ICMPV6_LEN) == 0);
    }
    int n = wire_icmpv6_quote_parse(bytes, length, &q);
    if (n < 0)
        return;
    assert(q.l4 == bytes + n && q.l4_len >= 8 && (size_t)n + q.l4_len <= length);
    uint8_t message[1280];
    int made = wire_icmpv6_error_build(message, sizeof message, &here, &here, 1, 4, 0, bytes, length);
    assert(made > 0 && wire_icmpv6_checksum_ok(&here, &here, message, (size_t)made));
}

static inline void law_nd(const uint8_t *bytes, size_t length)
{
    struct wire_nd h, parsed;
    static uint8_t again[16384];
    if (wire_nd_parse(bytes, length, &h) < 0)
        return;
    LAW_PRINT(wire_nd_print, &h);
    int n = wire_nd_build(again, sizeof again, &h);
    assert(n > 0 && wire_nd_parse(again, (size_t)n, &parsed) == n);
    assert(wire_nd_equal(&h, &parsed) && parsed.ignored == 0);
}

struct law_segment {
    struct wire_tcp header;
    struct wire_tcp_options options;
};
static inline int law_print_segment(char *to, size_t size, const struct law_segment *s)
{
    return wire_tcp_print(to, size, &s->header, &s->options);
}

/* Any options, both paths; then the same behind NOPs. What was parsed is built and parses to the same. */
static inline void law_tcp_options(const uint8_t *bytes, size_t length)
{
    static const struct wire_tcp header = {.flags = TCP_ACK};
    struct wire_tcp_options o, general, parsed;
    uint8_t again[WIRE_TCP_MAX], shifted[WIRE_TCP_MAX_OPTIONS + 3];
    unsigned bad = wire_tcp_options_parse(bytes, length, &o);
    if (length > WIRE_TCP_MAX_OPTIONS)
        return;
    assert(bad <= length && wire_tcp_options_parse_general(bytes, length, &general) == bad);
    assert(wire_tcp_options_equal(&o, &general));
    for (size_t nops = 1; nops <= 3; nops++) {
        memset(shifted, TCP_KIND_NOP, nops);
        if (length > 0)
            memcpy(shifted + nops, bytes, length);
        assert(wire_tcp_options_parse(shifted, length + nops, &parsed) == bad);
        assert(wire_tcp_options_equal(&o, &parsed));
    }
    o.present &= (uint16_t)~TCP_OPT_MPTCP;
    const struct law_segment segment = {header, o};
    LAW_PRINT(law_print_segment, &segment);
    int n = wire_tcp_build(again, &header, &o);
    assert(n >= 20 && n <= 60 && n % 4 == 0);
    assert(wire_tcp_options_parse(again + 20, (size_t)n - 20, &parsed) == 0);
    assert(wire_tcp_options_equal(&o, &parsed));
}

static inline void law_tcp(const uint8_t *bytes, size_t length)
{
    struct wire_tcp h = {0}, parsed = {0};
    uint8_t again[WIRE_TCP_MAX];
    int n = wire_tcp_parse(bytes, length, &h);
    if (n < 0)
        return;
    assert(n >= 20 && n <= 60 && (size_t)n <= length && n == h.header_len);
    law_tcp_options(bytes + 20, (size_t)n - 20);
    assert(wire_tcp_build(again, &h, NULL) == 20 && wire_tcp_parse(again, 20, &parsed) == 20);
    assert(wire_tcp_equal(&h, &parsed));
}

static inline void law_text(const uint8_t *bytes, size_t length)
{
    struct ip_prefix p, parsed;
    char text[IP_ADDR_PREFIX_TEXT];
    uint8_t mac[6], again[6];
    if (ip_prefix_parse((const char *)bytes, length, &p) == 0) {
        int n = ip_prefix_print(text, sizeof text, &p);
        assert(n > 0 && n < (int)sizeof text && ip_prefix_parse(text, (size_t)n, &parsed) == 0);
        assert(ip_addr_equal(&p.addr, &parsed.addr) && p.length == parsed.length && ip_prefix_contains(&p, &p.addr));
    }
    if (wire_eth_addr_parse((const char *)bytes, length, mac) == 0) {
        assert(wire_eth_addr_print(text, sizeof text, mac) == 17 && wire_eth_addr_parse(text, 17, again) == 0);
        assert(wire_eth_addr_equal(mac, again));
    }
}

static inline void law_all(const uint8_t *bytes, size_t length)
{
    law_eth(bytes, length);
    law_arp(bytes, length);
    law_mpls(bytes, length);
    law_ipv4(bytes, length);
    law_ipv6(bytes, length);
    law_udp(bytes, length);
    law_icmp(bytes, length);
    law_icmpv6(bytes, length);
    law_nd(bytes, length);
    law_tcp(bytes, length);
    law_tcp_options(bytes, length);
    law_text(bytes, length);
}

#endif
