/* SPDX-License-Identifier: MIT */
/*
 * IPv6 frames byte by byte: see frame_make6.h.
 */
#include "support/frame_make6.h"

const struct ip_addr US6 = {{0x20, 1, 0x0d, 0xb8, [15] = 1}}, PEER6 = {{0x20, 1, 0x0d, 0xb8, [15] = 2}};
const struct ip_addr OTHER6 = {{0x20, 1, 0x0d, 0xb8, [15] = 3}}, FAR6 = {{0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 1}};
const struct ip_addr GATEWAY6 = {{0xfe, 0x80, [15] = 0xfe}}, ALL_NODES = {{0xff, 2, [15] = 1}}, NONE6;

struct ip_addr v6(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

uint32_t make_ipv6(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, uint8_t next, const void *payload,
                   uint32_t length)
{
    uint8_t mac[6];
    memcpy(mac, US_MAC, 6);
    if (dst->bytes[0] == 0xff)
        wire_eth_addr_from_ipv6_multicast(mac, dst->bytes);
    uint8_t *ip = to + make_eth(to, mac, PEER_MAC, ETHERTYPE_IPV6);
    memset(ip, 0, 8);
    ip[0] = 0x60;
    store_be16(ip + 4, (uint16_t)length);
    ip[6] = next;
    ip[7] = 64;
    memcpy(ip + 8, src->bytes, 16);
    memcpy(ip + 24, dst->bytes, 16);
    if (length)
        memcpy(ip + 40, payload, length);
    return 54 + length;
}

uint32_t make_udp6(uint8_t *to, const struct ip_addr *src, uint16_t src_port, const struct ip_addr *dst,
                   uint16_t dst_port, const void *payload, uint32_t length)
{
    uint8_t d[FRAME_MAKE_BYTES];
    struct wire_udp h = {.src_port = src_port, .dst_port = dst_port, .length = (uint16_t)(8 + length)};
    wire_udp_build(d, &h);
    if (length)
        memcpy(d + 8, payload, length);
    uint16_t sum = wire_l4_checksum_v6(src, dst, IP_PROTO_UDP, d, 8 + length);
    memcpy(d + 6, &sum, 2);
    return make_ipv6(to, src, dst, IP_PROTO_UDP, d, 8 + length);
}

uint32_t make_tcp6(uint8_t *to, const struct ip_addr *src, uint16_t src_port, const struct ip_addr *dst,
                   uint16_t dst_port, uint16_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t length)
{
    uint8_t g[FRAME_MAKE_BYTES];
    struct wire_tcp h = {.src_port = src_port,
                         .dst_port = dst_port,
                         .seq = seq_of(seq),
                         .ack = seq_of(ack),
                         .flags = flags,
                         .window = 65535};
    struct wire_tcp_options none = {0};
    assert_int_equal(wire_tcp_build(g, &h, &none), 20);
    if (length)
        memcpy(g + 20, payload, length);
    uint16_t sum = wire_l4_checksum_v6(src, dst, IP_PROTO_TCP, g, 20 + length);
    memcpy(g + 16, &sum, 2);
    return make_ipv6(to, src, dst, IP_PROTO_TCP, g, 20 + length);
}

uint32_t make_icmp6(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, uint8_t type, uint8_t code,
                    uint32_t rest, const void *body, uint32_t length)
{
    uint8_t m[FRAME_MAKE_BYTES];
    struct wire_icmpv6 h = {.type = type, .code = code, .rest = rest};
    wire_icmpv6_build(m, &h);
    if (length)
        memcpy(m + 8, body, length);
    wire_icmpv6_checksum_set(src, dst, m, 8 + length);
    return make_ipv6(to, src, dst, IP_PROTO_ICMPV6, m, 8 + length);
}

uint32_t make_nd(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, const struct wire_nd *message)
{
    uint8_t m[512];
    int length = wire_nd_build(m, sizeof m, message);
    assert_true(length > 0);
    wire_icmpv6_checksum_set(src, dst, m, (size_t)length);
    uint32_t n = make_ipv6(to, src, dst, IP_PROTO_ICMPV6, m, (uint32_t)length);
    to[14 + 7] = WIRE_ND_HOP_LIMIT;
    return n;
}

uint32_t make_solicitation(uint8_t *to, const struct ip_addr *target)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL, .target = *target};
    const struct ip_addr group = ip_addr_solicited_node(target);
    memcpy(m.source_ll, PEER_MAC, 6);
    return make_nd(to, &PEER6, &group, &m);
}

uint32_t make_advertisement(uint8_t *to, const struct ip_addr *sender, const uint8_t *mac, uint8_t flags)
{
    struct wire_nd m = {
        .type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .flags = flags, .has = WIRE_ND_HAS_TARGET_LL, .target = *sender};
    memcpy(m.target_ll, mac, 6);
    uint32_t n = make_nd(to, sender, &US6, &m);
    memcpy(to + 6, mac, 6);
    return n;
}

uint32_t make_fragment6(uint8_t *to, const struct ip_addr *src, uint32_t id, uint8_t next, uint32_t offset, bool more,
                        const void *payload, uint32_t length)
{
    uint8_t p[FRAME_MAKE_BYTES];
    struct wire_ipv6_fragment h = {.id = id, .offset = (uint16_t)offset, .next_header = next, .more = more};
    wire_ipv6_fragment_build(p, &h);
    memcpy(p + 8, payload, length);
    return make_ipv6(to, src, &US6, IP_PROTO_FRAGMENT, p, 8 + length);
}
