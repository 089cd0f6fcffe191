/* SPDX-License-Identifier: MIT */
/*
 * IPv6 datagrams coming in: what the checks of RFC 8200 leave of a frame, and the short way for the common one.
 */
#ifndef WEIR_STACK_IPV6_INPUT_H
#define WEIR_STACK_IPV6_INPUT_H

#include "stack/datagram.h"
#include "wire/ipv6.h"

/* The long way: checks, counts and delivers. */
void ipv6_input(struct stack *s, const struct arrival *a);
/* A datagram whose fixed header is in order, or that was put together from fragments: the rest of the way. */
void ipv6_deliver(struct stack *s, const struct datagram *whole);

/* Bytes in which to look for its headers: RFC 2675, what says that it has no payload, but hop-by-hop options, may say there how much it has. */
uint32_t ipv6_walk_length(const struct datagram *d);
/* Counts what a walk over its headers did not like, and tells its sender where that is due. */
void ipv6_refuse(struct stack *s, const struct datagram *d, const struct wire_ipv6_walk *w);

/* A source must be a unicast address of IPv6 that can be on a wire, and not the destination's own (LAND). */
static ALWAYS_INLINE bool ipv6_source_ok(const struct host *h, const struct ip_addr *source)
{
    uint64_t high = load_be64(source->bytes), low = load_be64(source->bytes + 8);
    bool mapped_or_special = high == 0 && (low >> 32 == 0xffff || low <= 1); /* ::ffff:0:0/96, :: and ::1 */
    return !mapped_or_special && source->bytes[0] != 0xff && !ip_addr_equal(source, &h->ip);
}

/* As ipv4_continues_in_frags. */
bool ipv6_continues_in_frags(const struct packet *p, const uint8_t *l3, uint32_t total);

/*
 * An untagged frame with a TCP segment or UDP datagram without extension headers, all in order, for the unicast address
 * it is framed for. False: the long way decides.
 */
static ALWAYS_INLINE bool ipv6_decode_common(struct stack *s, uint32_t segment, struct packet *p, struct datagram *d)
{
    const uint8_t *eth = p->data, *ip = eth + WIRE_ETH_LEN;
    if (unlikely(p->len < WIRE_ETH_LEN + WIRE_IPV6_LEN || p->vlan_present || load_be16(eth + 12) != ETHERTYPE_IPV6 ||
                 ip[0] >> 4 != 6 || (ip[6] != IP_PROTO_TCP && ip[6] != IP_PROTO_UDP)))
        return false;
    uint32_t total = WIRE_IPV6_LEN + load_be16(ip + 4);
    if (unlikely(total == WIRE_IPV6_LEN || (total > p->len - WIRE_ETH_LEN && !ipv6_continues_in_frags(p, ip, total))))
        return false;
    const struct ip_addr source = ip_addr_from_v6(ip + 8), destination = ip_addr_from_v6(ip + 24);
    struct host *h = host_find6(&s->hosts, segment, &destination, eth);
    if (unlikely(!h || !ipv6_source_ok(h, &source) || wire_eth_is_multicast(eth + 6) || wire_eth_is_zero(eth + 6) ||
                 host_is_own_mac(&s->hosts, h, eth + 6)))
        return false;
    p->l3_offset = WIRE_ETH_LEN;
    p->l4_offset = WIRE_ETH_LEN + WIRE_IPV6_LEN;
    *d = (struct datagram){.packet = p,
                           .eth = eth,
                           .bytes = ip,
                           .l4 = ip + WIRE_IPV6_LEN,
                           .l4_len = total - WIRE_IPV6_LEN,
                           .host = h,
                           .source = source,
                           .destination = destination,
                           .protocol_at = 6,
                           .protocol = ip[6],
                           .tos = (uint8_t)(load_be16(ip) >> 4),
                           .ttl = ip[7]};
    return true;
}

#endif
