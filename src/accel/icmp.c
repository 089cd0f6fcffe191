/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors about segments that the box translated: RFC 792, 4443. What they quote is given the numbers that its sender
 * knows, or that would not believe them (RFC 5927), and path MTU discovery (RFC 1191, 8201) would fail behind the box.
 */
#include "wire/icmp.h"
#include "accel/internal.h"
#include "wire/eth.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define ICMP_HEADER 8u
#define ICMP_CHECKSUM_AT 2u

/* An IP packet within bytes: where its payload lies, and what it is. */
struct ip_part {
    struct ip_addr source, destination;
    uint8_t protocol;
    uint32_t payload; /* offset; 0: not one that is looked at */
};

static struct ip_part part_of_v4(const uint8_t *ip, uint32_t length)
{
    const uint32_t header = (ip[0] & 15u) * 4u;
    if (length < WIRE_IPV4_MIN || header < WIRE_IPV4_MIN || header > length || load_be16(ip + 6) & 0x1fffu)
        return (struct ip_part){.payload = 0};
    return (struct ip_part){.source = ip_addr_from_v4(load_be32(ip + 12)),
                            .destination = ip_addr_from_v4(load_be32(ip + 16)),
                            .protocol = ip[9],
                            .payload = header};
}

static struct ip_part part_of(const uint8_t *ip, uint32_t length, bool v6)
{
    if (length == 0 || ip[0] >> 4 != (v6 ? 6 : 4))
        return (struct ip_part){.payload = 0};
    if (!v6)
        return part_of_v4(ip, length);
    if (length < WIRE_IPV6_LEN)
        return (struct ip_part){.payload = 0};
    return (struct ip_part){.source = ip_addr_from_v6(ip + 8),
                            .destination = ip_addr_from_v6(ip + 24),
                            .protocol = ip[6],
                            .payload = WIRE_IPV6_LEN};
}

static bool is_error(const uint8_t *icmp, bool v6)
{
    if (v6)
        return icmp[0] >= WIRE_ICMPV6_UNREACHABLE && icmp[0] <= WIRE_ICMPV6_PARAMETER_PROBLEM;
    return icmp[0] == WIRE_ICMP_UNREACHABLE || icmp[0] == WIRE_ICMP_TIME_EXCEEDED ||
           icmp[0] == WIRE_ICMP_PARAMETER_PROBLEM;
}

/* The flow whose segment left the box on this side and is quoted; NULL: none, or its shift is not known. */
static const struct accel_flow *quoted_flow(const struct accel *a, enum accel_side from, const struct packet *p,
                                            const struct ip_part *ip, const uint8_t *tcp)
{
    const bool by_client = from == ACCEL_SERVERS;
    const struct accel_key key = {.client = by_client ? ip->source : ip->destination,
                                  .server = by_client ? ip->destination : ip->source,
                                  .client_port = load_be16(tcp + (by_client ? 0 : 2)),
                                  .server_port = load_be16(tcp + (by_client ? 2 : 0)),
                                  .vlan = accel_outer_vid(p)};
    const uint32_t i = accel_flow_find(&a->flows, &key);
    const struct accel_flow *f = i == POOL_NONE ? NULL : accel_flow_at(&a->flows, i);
    return f && f->state != ACCEL_OPENING ? f : NULL;
}

static void translate_message(struct accel *a, enum accel_side from, struct packet *p, uint8_t *icmp, uint32_t length,
                              bool v6)
{
    const struct ip_part ip = part_of(icmp + ICMP_HEADER, length - ICMP_HEADER, v6);
    uint8_t *tcp = icmp + ICMP_HEADER + ip.payload;
    const uint32_t present = length - ICMP_HEADER - ip.payload;
    if (ip.payload == 0 || ip.protocol != IP_PROTO_TCP || present < 8)
        return;
    const struct accel_flow *f = quoted_flow(a, from, p, &ip, tcp);
    if (!f)
        return;
    uint16_t checksum;
    memcpy(&checksum, icmp + ICMP_CHECKSUM_AT, sizeof checksum);
    const enum accel_way way = from == ACCEL_SERVERS ? ACCEL_TO_SERVER : ACCEL_TO_CLIENT;
    if (accel_translate_quote(tcp, present, way, &f->shift, &checksum) < 0)
        return;
    if (p->checksum != PACKET_CHECKSUM_PARTIAL)
        memcpy(icmp + ICMP_CHECKSUM_AT, &checksum, sizeof checksum);
    ACCEL_COUNT(a, icmp_translated);
}

void accel_icmp(struct accel *a, enum accel_side from, struct packet *p)
{
    struct wire_eth eth;
    const int link = wire_eth_parse(p->data, p->len, WIRE_ETH_MAX_TAGS, &eth);
    if (link < 0 || (eth.ethertype != ETHERTYPE_IPV4 && eth.ethertype != ETHERTYPE_IPV6))
        return;
    const bool v6 = eth.ethertype == ETHERTYPE_IPV6;
    uint8_t *bytes = p->data + link;
    const uint32_t length = p->len - (uint32_t)link;
    const struct ip_part ip = part_of(bytes, length, v6);
    if (ip.payload == 0 || ip.protocol != (v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP) || length - ip.payload < ICMP_HEADER)
        return;
    if (is_error(bytes + ip.payload, v6))
        translate_message(a, from, p, bytes + ip.payload, length - ip.payload, v6);
}
