/* SPDX-License-Identifier: MIT */
/*
 * An interface: a link with its guard, the empty frames taken from it for this turn, and the filled ones that wait for
 * the next burst.
 *
 * Owned by the stack; link and guard are borrowed. Frames come from link_tx_alloc in small bursts, as many as the last
 * turn used; what a turn did not use goes back at its end, since a link promises room for lent frames only until its
 * next rx_burst.
 */
#ifndef WEIR_STACK_INTERFACE_H
#define WEIR_STACK_INTERFACE_H

#include "packet/guard.h"

#define STACK_MAX_INTERFACES 16u
#define INTERFACE_MAX_SPARES 32u
#define INTERFACE_MIN_REFILL 4u

struct stack;

struct interface {
    struct link *link;
    struct guard *guard;
    uint32_t untagged; /* the segment of frames without tags; 0: no host lives there */
    uint8_t number;
    bool tx_checksum; /* the link completes checksums */
    uint32_t mtu_max; /* the link's MTU when it was added: a larger one later does not count */
    unsigned spares, refill, taken;
    unsigned queued;
    struct packet *spare[INTERFACE_MAX_SPARES];
    struct packet *queue[LINK_BURST];
    struct packet_pool waiting; /* datagrams whose neighbour is being resolved */
};

/* Empty on the caller's memory. ERR_NO_MEMORY, ERR_INVALID. waiting_frames: how many datagrams may wait for neighbours.
 */
MUST_CHECK int interface_init(struct interface *itf, unsigned number, struct link *link, struct guard *guard,
                              uint32_t waiting_frames, const struct allocator *a);
/* Lets go of every frame. Waiting datagrams must have been released before. */
void interface_free(struct interface *itf);

/* Bytes of an IP packet. */
static inline uint32_t interface_mtu(const struct interface *itf) { return min_u32(itf->link->mtu, itf->mtu_max); }

/* More empty frames into spare[]; false when there are none. */
bool interface_refill(struct interface *itf, enum link_alloc kind);
/* An empty frame, or NULL. */
static ALWAYS_INLINE struct packet *interface_take(struct interface *itf, enum link_alloc kind)
{
    if (unlikely(itf->spares == 0) && !interface_refill(itf, kind))
        return NULL;
    return itf->spare[--itf->spares];
}
/* Gives back a frame that interface_take gave. */
static inline void interface_put_back(struct interface *itf, struct packet *p)
{
    if (itf->spares < INTERFACE_MAX_SPARES)
        itf->spare[itf->spares++] = p;
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
