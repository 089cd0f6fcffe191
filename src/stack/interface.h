/* SPDX-License-Identifier: MIT */
/*
 * An interface: a link with its guard, the empty frames taken from it for this turn, and the filled ones that wait for
 * the next burst.
 *
 * Owned by the stack; link and guard are borrowed. Frames come from link_tx_alloc in small bursts, as many as the last
 * turn used, large ones (LINK_ALLOC_LARGE) apart from the others; what a turn did not use goes back at its end, since a
 * link promises room for lent frames only until its next rx_burst.
 */
#ifndef WEIR_STACK_INTERFACE_H
#define WEIR_STACK_INTERFACE_H

#include "packet/gro.h"
#include "packet/guard.h"
#include "stack/frame.h"

#define STACK_MAX_INTERFACES 16u
#define INTERFACE_MAX_SPARES 32u
#define INTERFACE_MIN_REFILL 4u

struct stack;

/* Empty frames of one kind. */
struct interface_spares {
    unsigned count, refill, taken;
    struct packet *packet[INTERFACE_MAX_SPARES];
};

struct interface {
    struct link *link;
    struct guard *guard;
    uint32_t untagged; /* the segment of frames without tags; 0: no host lives there */
    uint8_t number;
    bool tx_checksum;   /* the link completes checksums */
    bool scatter;       /* and takes packets with frags */
    bool down;          /* by its administrator */
    uint32_t mtu_added; /* the link's MTU when it was added: a larger one later does not count */
    uint32_t mtu_max;   /* what its administrator wants, at most that */
    unsigned queued;
    struct interface_spares spares, large;
    struct packet *queue[LINK_BURST];
    bool merges;    /* received segments */
    struct gro gro; /* valid when it merges */
    struct frame_watchers watchers;
    struct packet_pool waiting; /* datagrams whose neighbour is being resolved */
};

/* Empty on the caller's memory. ERR_NO_MEMORY, ERR_INVALID. waiting_frames: how many datagrams may wait for neighbours.
 */
MUST_CHECK int interface_init(struct interface *itf, unsigned number, struct link *link, struct guard *guard,
                              uint32_t waiting_frames, const struct allocator *a);
/* Has it merge received segments from now on, unless its link does. ERR_NO_MEMORY. */
MUST_CHECK int interface_merge(struct interface *itf, const struct allocator *a);
/* Lets go of every frame. Waiting datagrams must have been released before. */
void interface_free(struct interface *itf);

/* Bytes of an IP packet. */
static inline uint32_t interface_mtu(const struct interface *itf) { return min_u32(itf->link->mtu, itf->mtu_max); }

static inline bool interface_has_one_peer(const struct interface *itf)
{
    return (itf->link->caps & LINK_CAP_POINT_TO_POINT) != 0;
}

/* Bytes of an IP packet that the link cuts into segments by itself; 0: it does not. */
static inline uint32_t interface_gso_max(const struct interface *itf)
{
    uint32_t needed = LINK_CAP_TSO | LINK_CAP_TX_CHECKSUM;
    return (itf->link->caps & needed) == needed ? min_u32(itf->link->gso_max, UINT16_MAX) : 0;
}

/* More empty frames of a kind; false when there are none. */
bool interface_refill(struct interface *itf, enum link_alloc kind);
/* An empty frame, or NULL. */
static ALWAYS_INLINE struct packet *interface_take(struct interface *itf, enum link_alloc kind)
{
    struct interface_spares *s = kind == LINK_ALLOC_LARGE ? &itf->large : &itf->spares;
    if (unlikely(s->count == 0) && !interface_refill(itf, kind))
        return NULL;
    return s->packet[--s->count];
}
/* Gives back a frame that interface_take gave; a large one says so by its `gso`. */
static inline void interface_put_back(struct interface *itf, struct packet *p)
{
    struct interface_spares *s = p->gso != PACKET_GSO_NONE ? &itf->large : &itf->spares;
    p->gso = PACKET_GSO_NONE;
    if (s->count < INTERFACE_MAX_SPARES)
        s->packet[s->count++] = p;
    else
        packet_release(p);
}

/* Hands the filled frames to the link, through the guard. */
void interface_flush(struct stack *s, struct interface *itf);
/* Adds a filled frame to the burst. */
static ALWAYS_INLINE void interface_send(struct stack *s, struct interface *itf, struct packet *p)
{
    itf->queue[itf->queued++] = p;
    if (unlikely(itf->queued == LINK_BURST))
        interface_flush(s, itf);
}
/* The end of a turn: sends what is queued, gives back what was not used. */
void interface_end_turn(struct stack *s, struct interface *itf);

#endif
