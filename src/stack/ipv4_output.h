/* SPDX-License-Identifier: MIT */
/*
 * IPv4 datagrams going out. A frame is begun from its host's header (Ethernet, tags, IPv4), then the caller writes what
 * follows the IP header, then lengths and checksum are filled in and the frame joins its interface's burst, or waits
 * for its neighbour. RFC 791, RFC 1122 3.2.1, RFC 6864 and 7739 (identification), RFC 1112 (group addresses).
 *
 * A frame under construction remembers its host's index in packet.hash.
 */
#ifndef WEIR_STACK_IPV4_OUTPUT_H
#define WEIR_STACK_IPV4_OUTPUT_H

#include "base/checksum.h"
#include "stack/host.h"
#include "stack/interface.h"
#include "wire/ipv4.h"

#define IPV4_DF 0x4000u
#define IPV4_DEFAULT_TTL 64
#define IPV4_ID_COUNTERS 1024u

/* RFC 7739 5.3: what a peer sees of one counter tells it nothing of others. */
struct ipv4_ids {
    uint64_t pair, hash; /* of the last source and destination, and what they gave */
    uint16_t counters[IPV4_ID_COUNTERS];
};

/* What differs from one datagram to the next. */
struct ipv4_fields {
    uint16_t id, fragment; /* fragment: flags and offset as on the wire */
    uint8_t ttl, protocol, tos;
};

/* Begins a frame to mac and destination (host order); returns where the IP payload goes. */
static ALWAYS_INLINE uint8_t *ipv4_begin(struct packet *p, const struct host *h, const uint8_t *mac,
                                         uint32_t destination)
{
    memcpy(p->data, h->header, HOST_HEADER_BYTES);
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
    uint8_t *ip = p->data + h->l2_len;
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
    p->len = h->l2_len + total;
    p->hash = 0;
}

/*
 * For a datagram that may be fragmented on its way: unique for a while to one destination, not predictable for another
 * one.
 */
uint16_t ipv4_next_id(struct stack *s, uint32_t source, uint32_t destination);

/* A datagram under construction. */
struct ipv4_output {
    struct packet *packet;
    uint8_t *l4;
    struct host *host;
    struct interface *interface;   /* by which it leaves */
    uint32_t destination;          /* host order */
    uint32_t neighbour;            /* it waits for this one; 0: it can go */
    uint32_t mtu;                  /* of its path; longer ones are fragmented */
    bool partial_checksum;         /* the link completes transport checksums */
    struct ip_departure departure; /* set by the caller before it opens */
};

/*
 * Begins a datagram of l4_bytes from a local address, by route and neighbour. 0, ERR_INVALID (no such address; not
 * IPv4), ERR_NO_ROUTE, ERR_UNREACHABLE (its neighbour did not answer a moment ago), ERR_NO_SPACE (longer than 65,515,
 * or than a path that allows no fragments), ERR_AGAIN (no room now).
 */
MUST_CHECK int ipv4_output_open(struct stack *s, uint32_t local, const struct ip_addr *remote, uint32_t l4_bytes,
                                struct ipv4_output *out);
/* Completes it, and sends it or lets it wait. */
void ipv4_output_send(struct stack *s, struct ipv4_output *out, uint32_t l4_bytes, uint8_t protocol);
/* The same for one that is complete but for that. */
void ipv4_output_dispatch(struct stack *s, struct ipv4_output *out);
/* A datagram that waited goes to its neighbour, which has been resolved. Takes the frame. */
void ipv4_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac);

/* ---- ipv4_fragment.c ---- */
/* Frames for whole datagrams longer than an MTU. */
MUST_CHECK int ipv4_large_init(struct packet_pool *pool, uint32_t frames, const struct allocator *a);
/* One, or NULL. */
struct packet *ipv4_large_take(struct stack *s);
/* Sends a complete datagram of a host in pieces of at most mtu bytes. Takes the frame. */
void ipv4_send_cut(struct stack *s, struct interface *itf, const struct host *h, struct packet *whole, uint32_t mtu);

struct datagram;
/*
 * Begins an answer of l4_bytes to a datagram, back to the station it came from: no route, no neighbour, nothing to wait
 * for. False (counted): no frame.
 */
bool ipv4_reply_open(struct stack *s, const struct datagram *to, uint32_t l4_bytes, struct ipv4_output *out);

/*
 * The next hop's neighbour for a destination, found or made: 0 and *neighbour, ERR_NO_ROUTE, ERR_NO_MEMORY (table
 * full).
 */
MUST_CHECK int ipv4_next_hop(struct stack *s, const struct host *h, uint32_t destination, uint32_t *neighbour);

#endif
