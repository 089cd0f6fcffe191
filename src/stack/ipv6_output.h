/* SPDX-License-Identifier: MIT */
/*
 * The header of IPv6 datagrams going out: RFC 8200. As ipv4_output.h has it.
 */
#ifndef WEIR_STACK_IPV6_OUTPUT_H
#define WEIR_STACK_IPV6_OUTPUT_H

#include "packet/packet.h"
#include "stack/host.h"
#include "wire/ipv6.h"

/* What differs from one datagram to the next. */
struct ipv6_fields {
    uint8_t hop_limit, next_header, traffic_class;
    uint32_t flow_label; /* 20 bits */
};

/* Begins a frame to mac and destination; returns where the IP payload goes. */
static ALWAYS_INLINE uint8_t *ipv6_begin(struct packet *p, const struct host *h, const uint8_t *mac,
                                         const struct ip_addr *destination)
{
    host_write_header(h, p->data, HOST_HEADER6_BYTES);
    memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
    uint8_t *ip = p->data + h->l2_len;
    memcpy(ip + 24, destination->bytes, sizeof destination->bytes);
    p->hash = h->index;
    p->l3_offset = h->l2_len;
    p->l4_offset = (uint16_t)(h->l2_len + WIRE_IPV6_LEN);
    return ip + WIRE_IPV6_LEN;
}

/* Completes a frame that ipv6_begin began and that carries l4_bytes. */
static ALWAYS_INLINE void ipv6_complete(struct packet *p, uint32_t l4_bytes, const struct ipv6_fields *f)
{
    uint8_t *ip = p->data + p->l3_offset;
    store_be32(ip, UINT32_C(6) << 28 | (uint32_t)f->traffic_class << 20 | f->flow_label);
    store_be16(ip + 4, (uint16_t)l4_bytes);
    ip[6] = f->next_header;
    ip[7] = f->hop_limit;
    p->len = p->l3_offset + WIRE_IPV6_LEN + l4_bytes;
    p->hash = 0;
}

#endif
