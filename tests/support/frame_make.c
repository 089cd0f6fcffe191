/* SPDX-License-Identifier: MIT */
/*
 * Frames byte by byte: see frame_make.h.
 */
#include "support/frame_make.h"

const uint8_t US_MAC[6] = {2, 0, 0, 0, 0, 1}, PEER_MAC[6] = {2, 0, 0, 0, 0, 2}, OTHER_MAC[6] = {2, 0, 0, 0, 0, 3};
const uint8_t GATEWAY_MAC[6] = {2, 0, 0, 0, 0, 0xfe}, BROADCAST_MAC[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
              ZERO_MAC[6];

struct ip_addr v4(uint32_t host_order) { return ip_addr_from_v4(host_order); }

uint32_t make_eth(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t ethertype)
{
    memcpy(to, dst, 6);
    memcpy(to + 6, src, 6);
    store_be16(to + 12, ethertype);
    return 14;
}

uint32_t make_arp(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t op, const uint8_t *sha, uint32_t spa,
                  const uint8_t *tha, uint32_t tpa)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};
    uint8_t *a = to + make_eth(to, dst, src, ETHERTYPE_ARP);
    memcpy(a, fixed, 6);
    store_be16(a + 6, op);
    memcpy(a + 8, sha, 6);
    store_be32(a + 14, spa);
    memcpy(a + 18, tha, 6);
    store_be32(a + 24, tpa);
    return 42;
}

uint32_t make_arp_request(uint8_t *to, uint32_t target)
{
    return make_arp(to, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, PEER, ZERO_MAC, target);
}

uint32_t make_arp_reply(uint8_t *to, uint32_t sender, const uint8_t *mac)
{
    return make_arp(to, US_MAC, mac, 2, mac, sender, US_MAC, US);
}

void fix_ip_checksum(uint8_t *frame)
{
    uint8_t *ip = frame + 14;
    uint32_t sum = 0, words = (ip[0] & 15u) * 2u;
    store_be16(ip + 10, 0);
    for (uint32_t i = 0; i < words; i++)
        sum += load_be16(ip + 2 * i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    store_be16(ip + 10, (uint16_t)~sum);
}

uint32_t make_ipv4(uint8_t *to, uint32_t src, uint32_t dst, uint8_t protocol, const void *payload, uint32_t length)
{
    uint8_t *ip = to + make_eth(to, US_MAC, PEER_MAC, ETHERTYPE_IPV4);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)(20 + length));
    store_be16(ip + 4, 0x1234);
    ip[8] = 64;
    ip[9] = protocol;
    store_be32(ip + 12, src);
    store_be32(ip + 16, dst);
    if (length)
        memcpy(ip + 20, payload, length);
    fix_ip_checksum(to);
    return 34 + length;
}

uint32_t make_fragment(uint8_t *to, uint32_t src, uint16_t id, uint8_t protocol, uint32_t offset, bool more,
                       const void *payload, uint32_t length)
{
    uint32_t n = make_ipv4(to, src, US, protocol, payload, length);
    store_be16(to + 18, id);
    store_be16(to + 20, (uint16_t)((more ? 0x2000u : 0) | offset / 8));
    fix_ip_checksum(to);
    return n;
}

uint32_t make_udp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, const void *payload,
                  uint32_t length)
{
    uint8_t d[FRAME_MAKE_BYTES];
    struct wire_udp h = {.src_port = src_port, .dst_port = dst_port, .length = (uint16_t)(8 + length)};
    wire_udp_build(d, &h);
    if (length)
        memcpy(d + 8, payload, length);
    uint16_t sum = wire_l4_checksum_v4(src, dst, IP_PROTO_UDP, d, 8 + length);
    memcpy(d + 6, &sum, 2);
    return make_ipv4(to, src, dst, IP_PROTO_UDP, d, 8 + length);
}

uint32_t make_echo_request(uint8_t *to, uint32_t src, uint32_t dst, uint16_t id, uint16_t sequence, const void *payload,
                           uint32_t length)
{
    uint8_t m[FRAME_MAKE_BYTES];
    struct wire_icmp h = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(id, sequence)};
    wire_icmp_build(m, &h);
    if (length)
        memcpy(m + 8, payload, length);
    wire_icmp_checksum_set(m, 8 + length);
    return make_ipv4(to, src, dst, IP_PROTO_ICMP, m, 8 + length);
}

uint32_t make_tcp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, uint16_t flags,
                  uint32_t seq, uint32_t ack, const void *payload, uint32_t length)
{
    uint8_t g[FRAME_MAKE_BYTES];
    struct wire_tcp h = {.src_port = src_port,
                         .dst_port = dst_port,
                         .seq = seq_of(seq),
                         .ack = seq_of(ack),
                         .flags = flags,
                         .window = 65535};
    struct wire_tcp_options none = {0};
    int header = wire_tcp_build(g, &h, &none);
    assert_int_equal(header, 20);
    if (length)
        memcpy(g + 20, payload, length);
    uint16_t sum = wire_l4_checksum_v4(src, dst, IP_PROTO_TCP, g, 20 + length);
    memcpy(g + 16, &sum, 2);
    return make_ipv4(to, src, dst, IP_PROTO_TCP, g, 20 + length);
}

uint32_t make_icmp_error(uint8_t *to, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *quoted, uint32_t length)
{
    uint8_t m[FRAME_MAKE_BYTES];
    struct wire_icmp h = {.type = type, .code = code, .rest = rest};
    wire_icmp_build(m, &h);
    memcpy(m + 8, quoted, length);
    wire_icmp_checksum_set(m, 8 + length);
    return make_ipv4(to, PEER, US, IP_PROTO_ICMP, m, 8 + length);
}

uint32_t insert_tag(uint8_t *frame, uint32_t length, uint16_t tpid, uint16_t tci)
{
    memmove(frame + 16, frame + 12, length - 12);
    store_be16(frame + 12, tpid);
    store_be16(frame + 14, tci);
    return length + 4;
}

uint32_t insert_labels(uint8_t *frame, uint32_t length, const uint32_t *entries, uint32_t n)
{
    memmove(frame + 14 + n * 4, frame + 14, length - 14);
    store_be16(frame + 12, ETHERTYPE_MPLS);
    for (uint32_t i = 0; i < n; i++)
        store_be32(frame + 14 + i * 4, entries[i]);
    return length + n * 4;
}
