/* SPDX-License-Identifier: MIT */
/*
 * Probing an address by frames: see address_probe.h.
 */
#include "dhcp/address_probe.h"

#include "dhcp/frame.h"
#include "wire/arp.h"
#include "wire/ipv6.h"
#include "wire/nd.h"

#define MOST_SOLICITATION 64u
#define NO_ROOM_NS (10 * NS_PER_MS)

const struct address_probe_times address_probe_ipv4 = {
    .probes = 3, .wait_ns = NS_PER_S, .least_ns = NS_PER_S, .most_ns = 2 * NS_PER_S, .answer_ns = 2 * NS_PER_S};
const struct address_probe_times address_probe_ipv6 = {
    .probes = 1, .wait_ns = NS_PER_S, .least_ns = NS_PER_S, .most_ns = NS_PER_S, .answer_ns = NS_PER_S};

static int64_t random_between(struct random *r, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(r, (uint64_t)(most - least) + 1);
}

void address_probe_start(struct address_probe *p, const struct ip_addr *address, const struct address_probe_times *t,
                         struct random *r, int64_t now)
{
    *p = (struct address_probe){.address = *address, .left = t->probes, .at = now};
    if (t->probes > 0)
        p->at += random_between(r, 0, t->wait_ns);
}

/* ---- sending ---- */

static int send_arp(const struct address_probe *p, struct stack *s, unsigned interface, uint16_t vlan,
                    const uint8_t mac[6], int64_t now)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t frame[WIRE_ETH_LEN + WIRE_ETH_TAG_LEN + WIRE_ARP_LEN];
    struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .tpa = ip_addr_to_v4(&p->address)};
    memcpy(arp.sha, mac, sizeof arp.sha);
    unsigned at = dhcp_frame_begin(frame, everybody, mac, vlan, ETHERTYPE_ARP);
    at += (unsigned)wire_arp_build(frame + at, &arp);
    return stack_frame_send(s, interface, &(struct ip_piece){frame, at}, 1, now);
}

static int send_solicitation(const struct address_probe *p, struct stack *s, unsigned interface, uint16_t vlan,
                             const uint8_t mac[6], int64_t now)
{
    uint8_t frame[WIRE_ETH_LEN + WIRE_ETH_TAG_LEN + WIRE_IPV6_LEN + MOST_SOLICITATION], group_mac[6];
    struct wire_nd nd = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = p->address};
    struct wire_ipv6 ip = {
        .dst = ip_addr_solicited_node(&p->address), .next_header = IP_PROTO_ICMPV6, .hop_limit = WIRE_ND_HOP_LIMIT};
    wire_eth_addr_from_ipv6_multicast(group_mac, ip.dst.bytes);
    unsigned at = dhcp_frame_begin(frame, group_mac, mac, vlan, ETHERTYPE_IPV6);
    int length = wire_nd_build(frame + at + WIRE_IPV6_LEN, MOST_SOLICITATION, &nd);
    if (length < 0)
        return length;
    ip.payload_len = (uint16_t)length;
    wire_icmpv6_checksum_set(&ip.src, &ip.dst, frame + at + WIRE_IPV6_LEN, (size_t)length);
    wire_ipv6_build(frame + at, &ip);
    at += WIRE_IPV6_LEN + (unsigned)length;
    return stack_frame_send(s, interface, &(struct ip_piece){frame, at}, 1, now);
}

bool address_probe_due(struct address_probe *p, const struct address_probe_times *t, struct stack *s,
                       unsigned interface, uint16_t vlan, const uint8_t mac[6], struct random *r, int64_t now)
{
    if (p->left == 0) {
        address_probe_stop(p);
        return true;
    }
    if ((ip_addr_is_v4(&p->address) ? send_arp : send_solicitation)(p, s, interface, vlan, mac, now) < 0) {
        p->at = now + NO_ROOM_NS;
        return false;
    }
    p->left--;
    p->at = now + (p->left > 0 ? random_between(r, t->least_ns, t->most_ns) : t->answer_ns);
    return false;
}

/* ---- what others say ---- */

static bool read_arp(const struct packet *p, uint16_t vlan, struct address_claim *out)
{
    const uint8_t *l3;
    struct wire_arp arp;
    int length = dhcp_frame_payload(p, vlan, ETHERTYPE_ARP, &l3);
    if (length < 0 || wire_arp_parse(l3, (size_t)length, &arp) < 0)
        return false;
    out->probes = arp.spa == 0;
    if (out->probes && arp.op != WIRE_ARP_REQUEST)
        return false;
    out->address = ip_addr_from_v4(out->probes ? arp.tpa : arp.spa);
    memcpy(out->mac, arp.sha, sizeof out->mac);
    return true;
}

static bool nd_fine(const struct packet *p, const struct wire_ipv6 *ip, const uint8_t *message)
{
    return p->checksum != PACKET_CHECKSUM_UNKNOWN ||
           wire_icmpv6_checksum_ok(&ip->src, &ip->dst, message, ip->payload_len);
}

static bool read_nd(const struct packet *p, uint16_t vlan, struct address_claim *out)
{
    const uint8_t *l3;
    struct wire_ipv6 ip;
    struct wire_nd nd;
    int length = dhcp_frame_payload(p, vlan, ETHERTYPE_IPV6, &l3);
    if (length < 0 || wire_ipv6_parse(l3, (size_t)length, &ip) < 0 || ip.next_header != IP_PROTO_ICMPV6 ||
        ip.payload_len < WIRE_ICMPV6_LEN || !wire_nd_is_nd(l3[WIRE_IPV6_LEN]))
        return false;
    const uint8_t *message = l3 + WIRE_IPV6_LEN;
    if (wire_nd_parse(message, ip.payload_len, &nd) < 0 || wire_nd_check(&nd, &ip.src, &ip.dst, ip.hop_limit) < 0 ||
        !nd_fine(p, &ip, message))
        return false;
    out->probes = nd.type == WIRE_ICMPV6_NEIGHBOR_SOLICITATION && ip_addr_is_unspecified(&ip.src);
    out->address = nd.target;
    memcpy(out->mac, p->data + WIRE_ETH_ADDR_LEN, sizeof out->mac);
    return out->probes || nd.type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT;
}

bool address_claim_read(const struct packet *p, uint16_t vlan, struct address_claim *out)
{
    return read_arp(p, vlan, out) || read_nd(p, vlan, out);
}
