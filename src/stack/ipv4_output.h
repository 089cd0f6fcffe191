/* SPDX-License-Identifier: MIT */
/*
 * The header of IPv4 datagrams going out: RFC 791, RFC 6864 and 7739 (identification). A frame is begun from its host's
 * header (Ethernet, tags, labels, IPv4), then the caller writes what follows the IP header, then lengths and checksum are
 * filled in. A frame under construction remembers its host's index in packet.hash.
 */
#ifndef WEIR_STACK_IPV4_OUTPUT_H
#define WEIR_STACK_IPV4_OUTPUT_H

#include "base/checksum.h"
#include "packet/packet.h"
#include "stack/host.h"
#include "wire/ipv4.h"

#define IPV4_DF 0x4000u

/* What differs from one datagram to the next. */
struct ipv4_fields {
    uint16_t id, fragment; /* fragment: flags and offset as on the wire */
    uint8_t ttl, protocol, tos;
};

/* Begins a frame to mac and destination (host order); returns where the IP payload goes. */
static ALWAYS_INLINE uint8_t *ipv4_begin(struct packet *p, const struct host *h, const uint8_t *mac,
                                         uint32_t destination)
{
    host_write_header(h, p->data, HOST_HEADER_BYTES);
    memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
    uint8_t *ip = p->data + h->l2_len;
    store_be32(ip + 16, destination);
    p->hash = h->index;
    p->l3_offset = h->l2_len;
    p->l4_offset = (uint16_t)(h->l2_len + WIRE_IPV4_MIN);
    return ip + WIRE_IPV4_MIN;
}

/*
 * Completes a frame that ipv4_begin began and that carries l4_bytes. The checksum is summed from the values, not read
 * back from the header just written.
 */
static ALWAYS_INLINE void ipv4_complete(struct packet *p, const struct host *h, uint32_t l4_bytes,
                                        const struct ipv4_fields *f)
{
    uint8_t *ip = p->data + p->l3_offset;
    uint32_t destination, total = WIRE_IPV4_MIN + l4_bytes;
    memcpy(&destination, ip + 16, sizeof destination);
    uint64_t sum = (uint64_t)h->source_sum + destination;
    sum = checksum_add_u16(sum, (uint16_t)(0x4500u | f->tos));
    sum = checksum_add_u16(sum, (uint16_t)total);
    sum = checksum_add_u32(sum, (uint32_t)f->id << 16 | f->fragment);
    sum = checksum_add_u16(sum, (uint16_t)((uint32_t)f->ttl << 8 | f->protocol));
    uint16_t checksum = checksum_finish(sum);
    store_be32(ip, 0x45000000u | (uint32_t)f->tos << 16 | total);
    store_be32(ip + 4, (uint32_t)f->id << 16 | f->fragment);
    ip[8] = f->ttl;
    ip[9] = f->protocol;
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    p->len = p->l3_offset + total;
    p->hash = 0;
}

/* Options behind the header of a frame that ipv4_begin began: n bytes, a multiple of 4. Returns where the payload goes. */
static inline uint8_t *ipv4_options_begin(struct packet *p, const uint8_t *options, uint32_t n)
{
    uint8_t *at = p->data + p->l4_offset;
    memcpy(at, options, n);
    p->l4_offset = (uint16_t)(p->l4_offset + n);
    return at + n;
}

/* After ipv4_complete with these n bytes counted as payload: the header says how long it is. */
static inline void ipv4_options_complete(struct packet *p, uint32_t n)
{
    uint8_t *ip = p->data + p->l3_offset;
    ip[0] = (uint8_t)(0x45u + n / 4);
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, WIRE_IPV4_MIN + n));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

#endif
