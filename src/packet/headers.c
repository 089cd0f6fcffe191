/* SPDX-License-Identifier: MIT */
/*
 * See headers.h. Each step returns the offset of the next header, or 0 when the bytes are not what is looked for.
 */
#include "packet/headers.h"

#include "base/checksum.h"
#include "base/error.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static uint32_t find_ipv4(const struct packet *p, struct packet_headers *h)
{
    const uint8_t *ip = p->data + h->l3;
    if (p->len - h->l3 < WIRE_IPV4_MIN || ip[0] >> 4 != 4)
        return 0;
    uint32_t header = (ip[0] & 15u) * 4u, total = load_be16(ip + 2);
    if (header < WIRE_IPV4_MIN || header > total || (load_be16(ip + 6) & 0x3fffu) != 0)
        return 0;
    h->protocol = ip[9];
    h->end = h->l3 + total;
    return h->l3 + header;
}

static uint32_t find_ipv6(const struct packet *p, struct packet_headers *h)
{
    const uint8_t *ip = p->data + h->l3;
    if (p->len - h->l3 < WIRE_IPV6_LEN || ip[0] >> 4 != 6)
        return 0;
    h->v6 = true;
    h->protocol = ip[6];
    h->end = h->l3 + WIRE_IPV6_LEN + load_be16(ip + 4);
    return h->l3 + WIRE_IPV6_LEN;
}

static uint32_t find_payload(const struct packet *p, const struct packet_headers *h)
{
    if (h->l4 > p->len)
        return 0;
    uint32_t left = p->len - h->l4;
    if (h->protocol == IP_PROTO_UDP)
        return left >= WIRE_UDP_LEN ? h->l4 + WIRE_UDP_LEN : 0;
    if (h->protocol != IP_PROTO_TCP || left < WIRE_TCP_MIN)
        return 0;
    uint32_t header = (p->data[h->l4 + 12] >> 4) * 4u;
    return header >= WIRE_TCP_MIN && header <= left ? h->l4 + header : 0;
}

/* Behind the last label, whose datagram says its family itself: RFC 3032 2.2, RFC 4928 3. */
static uint16_t pass_labels(const struct packet *p, uint32_t *at)
{
    struct wire_mpls labels[PACKET_MAX_LABELS];
    unsigned count;
    int bytes = wire_mpls_parse_stack(p->data + *at, p->len - *at, PACKET_MAX_LABELS, labels, &count);
    if (bytes < 0 || *at + (uint32_t)bytes >= p->len)
        return 0;
    *at += (uint32_t)bytes;
    unsigned version = p->data[*at] >> 4;
    return version == 4 ? ETHERTYPE_IPV4 : version == 6 ? ETHERTYPE_IPV6 : 0;
}

bool packet_is_labelled(const struct packet *p)
{
    struct wire_eth eth;
    return wire_eth_parse(p->data, p->len, WIRE_ETH_MAX_TAGS, &eth) > 0 && eth.ethertype == ETHERTYPE_MPLS;
}

int packet_headers_find(const struct packet *p, struct packet_headers *out)
{
    return packet_headers_find_at(p, 0, out);
}

int packet_headers_find_at(const struct packet *p, uint32_t frame, struct packet_headers *out)
{
    struct wire_eth eth;
    int link = frame < p->len ? wire_eth_parse(p->data + frame, p->len - frame, WIRE_ETH_MAX_TAGS, &eth) : -1;
    if (link < 0)
        return ERR_MALFORMED;
    *out = (struct packet_headers){.l3 = frame + (uint32_t)link};
    if (eth.ethertype == ETHERTYPE_MPLS)
        eth.ethertype = pass_labels(p, &out->l3);
    if (eth.ethertype == ETHERTYPE_IPV4)
        out->l4 = find_ipv4(p, out);
    else if (eth.ethertype == ETHERTYPE_IPV6)
        out->l4 = find_ipv6(p, out);
    if (out->l4 == 0)
        return ERR_MALFORMED;
    out->payload = find_payload(p, out);
    return out->payload && out->payload <= out->end && out->end <= packet_total_length(p) ? 0 : ERR_MALFORMED;
}

uint64_t packet_headers_pseudo(const struct packet_headers *h, const uint8_t *data, uint32_t length)
{
    const uint8_t *ip = data + h->l3;
    return h->v6 ? checksum_pseudo_v6(ip + 8, ip + 24, h->protocol, length)
                 : checksum_pseudo_v4(ip + 12, ip + 16, h->protocol, length);
}
