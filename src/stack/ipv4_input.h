/* SPDX-License-Identifier: MIT */
/*
 * IPv4 datagrams coming in: what the checks of RFC 791 and RFC 1122 3.2.1 leave of a frame, and the short way for the
 * common one.
 */
#ifndef WEIR_STACK_IPV4_INPUT_H
#define WEIR_STACK_IPV4_INPUT_H

#include "stack/datagram.h"
#include "wire/ipv4.h"

/* The long way: checks, counts and delivers. */
void ipv4_input(struct stack *s, const struct arrival *a);

/* RFC 1122 3.2.1.3: a source must be a unicast address, and not the destination's own (RFC 6274 3.1, LAND). */
static ALWAYS_INLINE bool ipv4_source_ok(const struct host *h, uint32_t source)
{
    bool class_a_to_c = source - 0x01000000u < 0xdf000000u; /* 1.0.0.0 to 223.255.255.255 */
    return class_a_to_c && !ipv4_addr_is_loopback(source) && source != h->address && source != h->broadcast;
}

#define IPV4_FRAGMENT_BITS 0x3fffu /* MF and the offset */

/*
 * Whether a datagram of `total` bytes that begins at l3 in the packet goes on in its frags: only TCP's whole ones may,
 * and the head has all headers (packet.h).
 */
bool ipv4_continues_in_frags(const struct packet *p, const uint8_t *l3, uint32_t total);

/*
 * An untagged frame with a whole IPv4 datagram without options, all in order, for the unicast address it is framed for.
 * False: the long way decides, and counts what is wrong.
 */
static ALWAYS_INLINE bool ipv4_decode_common(struct stack *s, uint32_t segment, struct packet *p, struct datagram *d)
{
    const uint8_t *eth = p->data, *ip = eth + WIRE_ETH_LEN;
    if (unlikely(p->len < WIRE_ETH_LEN + WIRE_IPV4_MIN || p->vlan_present || load_be16(eth + 12) != ETHERTYPE_IPV4 ||
                 ip[0] != 0x45))
        return false;
    uint32_t total = load_be16(ip + 2), source = load_be32(ip + 12);
    if (unlikely(total < WIRE_IPV4_MIN || (load_be16(ip + 6) & IPV4_FRAGMENT_BITS) || !wire_ipv4_checksum_ok20(ip)))
        return false;
    if (unlikely(total > p->len - WIRE_ETH_LEN) && !ipv4_continues_in_frags(p, ip, total))
        return false;
    struct host *h = host_find(&s->hosts, segment, load_be32(ip + 16), eth);
    if (unlikely(!h || !ipv4_source_ok(h, source) || wire_eth_is_multicast(eth + 6) || wire_eth_is_zero(eth + 6) ||
                 host_is_own_mac(&s->hosts, h, eth + 6)))
        return false;
    p->l3_offset = WIRE_ETH_LEN;
    p->l4_offset = WIRE_ETH_LEN + WIRE_IPV4_MIN;
    *d = (struct datagram){.packet = p,
                           .eth = eth,
                           .bytes = ip,
                           .l4 = ip + WIRE_IPV4_MIN,
                           .l4_len = total - WIRE_IPV4_MIN,
                           .host = h,
                           .source = ip_addr_from_v4(source),
                           .destination = h->ip,
                           .protocol = ip[9],
                           .tos = ip[1],
                           .ttl = ip[8]};
    return true;
}

#endif
