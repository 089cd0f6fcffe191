/* SPDX-License-Identifier: MIT */
/*
 * A packet that is longer than the path of its tunnel takes: its sender is told as a router would tell it, in the name
 * of its destination, whose MAC is known to be there. RFC 1191, RFC 8201, RFC 4459 3.2. No answer to what must have none
 * (RFC 1122 3.2.2, RFC 4443 2.4 (e)). The rate is that of the frames that this stack itself sends.
 */
#include "tunnel/internal.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"

#define TTL 64

static bool is_unicast(const struct ip_addr *ip)
{
    return !ip_addr_is_unspecified(ip) && !ip_addr_is_multicast(ip) && !ip_addr_is_broadcast(ip);
}

static uint32_t answer_v4(uint8_t *to, uint32_t room, const uint8_t *ip, uint32_t length, uint32_t mtu)
{
    struct wire_ipv4 h;
    if (wire_ipv4_parse(ip, length, &h) < 0 || h.fragment_offset != 0)
        return 0;
    const struct ip_addr from = ip_addr_from_v4(h.src), was_to = ip_addr_from_v4(h.dst);
    if (!is_unicast(&from) || !is_unicast(&was_to) ||
        (h.protocol == IP_PROTO_ICMP && (length <= h.header_len || wire_icmp_is_error(ip[h.header_len]))))
        return 0;
    int icmp = wire_icmp_error_build(to + WIRE_IPV4_MIN, room - WIRE_IPV4_MIN, WIRE_ICMP_UNREACHABLE,
                                     WIRE_ICMP_FRAGMENTATION_NEEDED, wire_icmp_rest_mtu((uint16_t)mtu), ip, length);
    if (icmp < 0)
        return 0;
    const struct wire_ipv4 out = {.total_len = (uint16_t)(WIRE_IPV4_MIN + (uint32_t)icmp),
                                  .ttl = TTL,
                                  .protocol = IP_PROTO_ICMP,
                                  .src = h.dst,
                                  .dst = h.src};
    (void)wire_ipv4_build20(to, &out);
    return WIRE_IPV4_MIN + (uint32_t)icmp;
}

static uint32_t answer_v6(uint8_t *to, uint32_t room, const uint8_t *ip, uint32_t length, uint32_t mtu)
{
    struct wire_ipv6 h;
    if (wire_ipv6_parse(ip, length, &h) < 0 || !is_unicast(&h.src) || !is_unicast(&h.dst) ||
        (h.next_header == IP_PROTO_ICMPV6 && (h.payload_len == 0 || wire_icmpv6_is_error(ip[WIRE_IPV6_LEN]))))
        return 0;
    int icmp = wire_icmpv6_error_build(to + WIRE_IPV6_LEN, room - WIRE_IPV6_LEN, &h.dst, &h.src,
                                       WIRE_ICMPV6_PACKET_TOO_BIG, 0, mtu, ip, length);
    if (icmp < 0)
        return 0;
    const struct wire_ipv6 out = {
        .payload_len = (uint16_t)icmp, .next_header = IP_PROTO_ICMPV6, .hop_limit = TTL, .src = h.dst, .dst = h.src};
    (void)wire_ipv6_build(to, &out);
    return WIRE_IPV6_LEN + (uint32_t)icmp;
}

void tunnel_answer_too_big(struct tunnel *t, const struct packet *p, uint32_t l3, uint32_t mtu)
{
    const uint8_t *ip = p->data + l3;
    if (wire_eth_is_multicast(p->data))
        return;
    struct packet *answer = tunnel_rx_frame(t, l3 + WIRE_IPV6_MIN_MTU);
    if (!answer)
        return;
    memcpy(answer->data, p->data, l3);
    memcpy(answer->data, p->data + WIRE_ETH_ADDR_LEN, WIRE_ETH_ADDR_LEN);
    memcpy(answer->data + WIRE_ETH_ADDR_LEN, p->data, WIRE_ETH_ADDR_LEN);
    uint32_t length = ip[0] >> 4 == 4 ? answer_v4(answer->data + l3, WIRE_IPV6_MIN_MTU, ip, p->len - l3, mtu)
                                      : answer_v6(answer->data + l3, WIRE_IPV6_MIN_MTU, ip, p->len - l3, mtu);
    if (length == 0) {
        packet_release(answer);
        return;
    }
    answer->len = l3 + length;
    TUNNEL_COUNT(t, tunnel_too_big_sent);
    tunnel_queue_put(&t->rx, answer);
}
