/* SPDX-License-Identifier: MIT */
/*
 * Datagrams of either family going out: from a local address to a frame on a link. A frame is begun with its headers,
 * the caller writes what follows them, then it is completed and joins its interface's burst, or waits for its
 * neighbour. RFC 1122 3.2.1 and 3.3, RFC 8200, RFC 1112 and 2464 (group addresses), RFC 7739 (identification).
 */
#ifndef WEIR_STACK_IP_OUTPUT_H
#define WEIR_STACK_IP_OUTPUT_H

#include "stack/host.h"
#include "stack/interface.h"
#include "stack/neighbour.h"
#include "stack/ra.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define IP_DEFAULT_TTL 64
#define IP_ID_COUNTERS 1024u

/* RFC 7739 5.3: what a peer sees of one counter tells it nothing of others. */
struct ip_ids {
    struct ip_addr source, destination; /* the last ones, */
    uint64_t hash;                      /* and what they gave */
    uint32_t counters[IP_ID_COUNTERS];
};

/*
 * For a datagram that is or may be fragmented: unique for a while to one destination, not predictable for another one.
 * IPv4 has the low 16 bits.
 */
uint32_t ip_next_id(struct stack *s, const struct ip_addr *source, const struct ip_addr *destination);

/* The hop limit of a host's datagrams: RFC 4861 6.3.4. */
static ALWAYS_INLINE uint8_t ip_host_ttl(const struct host *h)
{
    return unlikely(h->ra != NULL) && h->ra->hop_limit ? h->ra->hop_limit : IP_DEFAULT_TTL;
}

/* Bytes of the header of a host's datagrams. */
static ALWAYS_INLINE uint32_t ip_header_bytes(const struct host *h) { return h->v6 ? WIRE_IPV6_LEN : WIRE_IPV4_MIN; }

/* A datagram under construction. */
struct ip_output {
    struct packet *packet;
    uint8_t *l4;
    struct host *host;
    struct interface *interface; /* by which it leaves */
    struct ip_addr destination;
    uint32_t neighbour;            /* it waits for this one; 0: it can go */
    uint32_t mtu;                  /* of its path; longer ones are fragmented */
    bool partial_checksum;         /* the link completes transport checksums */
    struct ip_departure departure; /* set by the caller before it opens: */
    uint32_t segment; /* 0, or UDP payload bytes of each of the datagrams that it is cut into by its link */
};

/*
 * Begins a datagram of l4_bytes from a local address, by route and neighbour. 0, ERR_INVALID (no such address; another
 * family), ERR_NO_ROUTE, ERR_UNREACHABLE (its neighbour did not answer a moment ago), ERR_NO_SPACE (longer than IP can
 * say, or than a path that allows no fragments), ERR_AGAIN (no room now).
 */
MUST_CHECK int ip_output_open(struct stack *s, uint32_t local, const struct ip_addr *remote, uint32_t l4_bytes,
                              struct ip_output *out);
/* A frame that was begun for a host and has no payload yet, without the host's labels; returns where the IP payload goes. */
uint8_t *ip_without_labels(struct packet *p, const struct host *h);
/* The sum of its pseudo-header: RFC 9293 3.1, RFC 8200 8.1. */
uint64_t ip_output_pseudo(const struct ip_output *out, uint8_t protocol, uint32_t l4_bytes);
/* Completes it, and sends it or lets it wait. */
void ip_output_send(struct stack *s, struct ip_output *out, uint32_t l4_bytes, uint8_t protocol);
/* The same for one that is complete but for that. */
void ip_output_dispatch(struct stack *s, struct ip_output *out);
/* A datagram that waited goes to its neighbour, which has been resolved. Takes the frame. */
void ip_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac);

struct datagram;
/*
 * Begins an answer of l4_bytes to a datagram, back to the station it came from: no route, no neighbour, nothing to wait
 * for. False (counted): no frame.
 */
bool ip_reply_open(struct stack *s, const struct datagram *to, uint32_t l4_bytes, struct ip_output *out);
/* The same for a datagram about the link itself to any station, given its MAC: without labels. */
bool ip_direct_open(struct stack *s, struct host *h, const uint8_t *mac, const struct ip_addr *destination,
                    uint32_t l4_bytes, struct ip_output *out);

/*
 * The next hop's neighbour for a destination, found or made: 0 and *neighbour, ERR_NO_ROUTE, ERR_NO_MEMORY (table
 * full, or of a datagram the queues; counted). For whom it is: NEIGHBOUR_OWN or NEIGHBOUR_PATH.
 */
MUST_CHECK int ip_next_hop(struct stack *s, const struct host *h, const struct ip_addr *destination,
                           enum neighbour_need need, uint32_t *neighbour);

/* ---- ip_fragment.c ---- */
/* Frames for whole datagrams longer than an MTU. */
MUST_CHECK int ip_large_init(struct packet_pool *pool, uint32_t frames, const struct allocator *a);
/* One, or NULL. */
struct packet *ip_large_take(struct stack *s);
/* Sends a complete datagram of a host in pieces of at most mtu bytes. Takes the frame. */
void ip_send_cut(struct stack *s, struct interface *itf, const struct host *h, struct packet *whole, uint32_t mtu);

#endif
