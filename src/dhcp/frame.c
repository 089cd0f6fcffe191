/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 in whole frames: see frame.h.
 */
#include "dhcp/frame.h"

#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/udp.h"

#define TTL 64u

/* The VLAN of a frame; 0: none. Negative: more tags than one. */
static int vlan_of(const struct packet *p, const struct wire_eth *eth)
{
    if (p->vlan_present + eth->vlan_count > 1)
        return ERR_UNSUPPORTED;
    if (p->vlan_present)
        return p->vlan_tci & 0xfff;
    return eth->vlan_count ? wire_vlan_id(&eth->vlan[0]) : 0;
}

int dhcp_frame_payload(const struct packet *p, uint16_t vlan, uint16_t ethertype, const uint8_t **payload)
{
    struct wire_eth eth;
    int header = wire_eth_parse(p->data, p->len, 1, &eth);
    if (header < 0)
        return header;
    if (eth.ethertype != ethertype || vlan_of(p, &eth) != vlan || p->gso != PACKET_GSO_NONE)
        return ERR_UNSUPPORTED;
    *payload = p->data + header;
    return (int)p->len - header;
}

static bool udp_ok(const struct packet *p, const struct wire_ipv4 *ip, const uint8_t *datagram,
                   const struct wire_udp *udp)
{
    if (udp->checksum == 0 || p->checksum != PACKET_CHECKSUM_UNKNOWN)
        return true;
    return wire_l4_checksum_ok_v4(ip->src, ip->dst, IP_PROTO_UDP, datagram, udp->length);
}

bool dhcp_frame_read(const struct packet *p, uint16_t vlan, uint16_t port, struct dhcp_frame *out)
{
    const uint8_t *l3;
    struct wire_ipv4 ip;
    struct wire_udp udp;
    int length = dhcp_frame_payload(p, vlan, ETHERTYPE_IPV4, &l3);
    if (length < 0 || wire_ipv4_parse(l3, (size_t)length, &ip) < 0 || ip.protocol != IP_PROTO_UDP ||
        wire_ipv4_is_fragment(&ip))
        return false;
    const uint8_t *datagram = l3 + ip.header_len;
    if (wire_udp_parse(datagram, wire_ipv4_payload_len(&ip), &udp) < 0 || udp.dst_port != port)
        return false;
    if (!wire_ipv4_checksum_ok(l3, ip.header_len) || !udp_ok(p, &ip, datagram, &udp))
        return false;
    *out = (struct dhcp_frame){.eth_dst = p->data,
                               .eth_src = p->data + WIRE_ETH_ADDR_LEN,
                               .from = ip.src,
                               .to = ip.dst,
                               .from_port = udp.src_port,
                               .to_port = udp.dst_port,
                               .bytes = datagram + WIRE_UDP_LEN,
                               .length = udp.length - WIRE_UDP_LEN};
    return true;
}

unsigned dhcp_frame_begin(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t vlan, uint16_t ethertype)
{
    if (vlan == 0) {
        wire_eth_build14(to, dst, src, ethertype);
        return WIRE_ETH_LEN;
    }
    wire_eth_build14(to, dst, src, ETHERTYPE_VLAN);
    store_be16(to + WIRE_ETH_LEN, vlan);
    store_be16(to + WIRE_ETH_LEN + 2, ethertype);
    return WIRE_ETH_LEN + WIRE_ETH_TAG_LEN;
}

int dhcp_frame_send(struct stack *s, unsigned interface, uint16_t vlan, const struct dhcp_frame *f, int64_t now)
{
    uint8_t header[WIRE_ETH_LEN + WIRE_ETH_TAG_LEN + WIRE_IPV4_MIN + WIRE_UDP_LEN];
    struct wire_udp udp = {
        .src_port = f->from_port, .dst_port = f->to_port, .length = (uint16_t)(WIRE_UDP_LEN + f->length)};
    struct wire_ipv4 ip = {.src = f->from,
                           .dst = f->to,
                           .total_len = (uint16_t)(WIRE_IPV4_MIN + udp.length),
                           .ttl = TTL,
                           .protocol = IP_PROTO_UDP};
    unsigned at = dhcp_frame_begin(header, f->eth_dst, f->eth_src, vlan, ETHERTYPE_IPV4);
    at += (unsigned)wire_ipv4_build20(header + at, &ip);
    wire_udp_build(header + at, &udp);
    uint64_t sum = wire_l4_pseudo_v4(ip.src, ip.dst, IP_PROTO_UDP, udp.length);
    sum = checksum_add(checksum_add(sum, header + at, WIRE_UDP_LEN), f->bytes, f->length);
    udp.checksum = wire_l4_finish(sum, IP_PROTO_UDP);
    at += (unsigned)wire_udp_build(header + at, &udp);
    const struct ip_piece pieces[] = {{header, at}, {f->bytes, f->length}};
    return stack_frame_send(s, interface, pieces, ARRAY_SIZE(pieces), now);
}
