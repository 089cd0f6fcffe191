/* SPDX-License-Identifier: MIT */
/*
 * A TCP layer on a bare wire, for tests of tcp/ alone: the lower layer is a list of segments without IP headers. Two
 * ends can be joined, or a test plays the peer by hand. Everything is deterministic; initial sequence numbers of the
 * scripted peer start at 0xFFFFFF00. A large frame is cut into its segments before it comes on the list, unless the
 * wire carries it.
 */
#ifndef WEIR_TESTS_TCP_WIRE_H
#define WEIR_TESTS_TCP_WIRE_H

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "tcp/layer.h"

#define WIRE_SEGMENTS 4096
#define WIRE_MTU 1500
#define WIRE_LARGE 9216 /* bytes of a large frame that is carried whole */

/* A segment on its way. */
struct wire_segment {
    uint8_t bytes[WIRE_LARGE];
    uint32_t length;
    uint16_t gso_size; /* of a large frame that is carried whole */
    uint8_t tos;
    struct wire_tcp h;
    struct wire_tcp_options o;
    uint32_t payload_len;
    const uint8_t *payload;
};

struct tcp_end {
    struct tcp_layer *layer;
    struct packet_pool pool, large_pool;
    struct wire_segment *sent; /* ring of what this end transmitted and nobody took */
    uint32_t first, count;
    uint32_t room; /* frames the link takes now */
    /* The link cuts large frames of up to so many bytes of IP packet; 0: it does not. Set before there are paths */
    uint32_t gso_max;
    bool carries;          /* large frames stay whole; gso_max is at most WIRE_LARGE then */
    uint32_t large_room;   /* large frames it takes now */
    uint64_t large_frames; /* that it took */
    uint8_t tos;           /* of what is being sent */
    bool resolved;         /* neighbour known */
    struct tcp_list waiters;
    uint16_t mtu;
    uint32_t paths; /* pinned */
    /* The work of given segments is measured in instructions: of those whose number is a power of two, */
    bool measured;
    bool measure_next; /* and of the next */
    uint64_t gives, steps_max;
    uint8_t address; /* last byte of the own address, which is also the local index */
};

int tcp_end_init(struct tcp_end *e, uint8_t address, const struct tcp_settings *s, int64_t now);
void tcp_end_free(struct tcp_end *e);
/* The oldest segment sent, valid until the next is taken; NULL when there is none. */
const struct wire_segment *tcp_end_take(struct tcp_end *e);
/* Gives bytes of a segment (with TCP header, checksum ignored) to an end as if from `from`. */
void tcp_end_give(struct tcp_end *e, uint8_t from, const uint8_t *bytes, uint32_t length, int64_t now);
/* How a segment reaches an end. */
struct wire_delivery {
    uint16_t gso_size; /* of a packet of many segments; else 0 */
    /*
     * Payload bytes in the packet itself, the others in frags of `piece` bytes (at most PACKET_MAX_FRAGS); piece 0: all
     * in the head
     */
    uint32_t head;
    uint32_t piece;
    uint8_t tos;
};
/* The same, in pieces; they are gone when it returns. */
void tcp_end_give_as(struct tcp_end *e, uint8_t from, const uint8_t *bytes, uint32_t length,
                     const struct wire_delivery *d, int64_t now);
/* The key of a connection between an end and a peer address. */
struct flow_key tcp_end_key(const struct tcp_end *e, uint16_t local_port, uint8_t peer, uint16_t peer_port);
/* Moves all segments between two ends until both are silent; returns how many. drop may be NULL. */
unsigned tcp_ends_exchange(struct tcp_end *a, struct tcp_end *b,
                           bool (*drop)(void *context, const struct wire_segment *s), void *context, int64_t now);
/* tcp_check() for every connection of an end. */
void tcp_end_check(const struct tcp_end *e);

#endif
