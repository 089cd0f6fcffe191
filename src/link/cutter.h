/* SPDX-License-Identifier: MIT */
/*
 * Received GSO packets that the link's user is not to see whole, cut into the frames they stand for. A packet socket
 * gets such packets from a sender of the same machine whether it wants them or not.
 *
 * Holds what was received from the first such packet of a burst on, so that order is kept; the driver receives again
 * when nothing waits. Where the pool runs short, cutting goes on at the next call.
 */
#ifndef WEIR_LINK_CUTTER_H
#define WEIR_LINK_CUTTER_H

#include "packet/link.h"
#include "packet/segment.h"

struct cutter {
    struct packet *waiting[LINK_BURST];
    unsigned first, end;         /* waiting[first, end) */
    struct packet_segmenter cut; /* of waiting[first], when cutting */
    bool cutting;
};

static inline bool cutter_is_empty(const struct cutter *c) { return c->first == c->end; }
/*
 * Whether a received packet is to be cut for a link with these caps: merged TCP where it does not deliver it, UDP
 * and what is in tunnels always.
 */
static inline bool cutter_wants(const struct packet *p, uint32_t caps)
{
    return p->gso >= PACKET_GSO_UDP || (p->gso != PACKET_GSO_NONE && !(caps & LINK_CAP_GRO));
}
/* At most LINK_BURST since it was empty. */
void cutter_push(struct cutter *c, struct packet *p);
/* Keeps a received packet that is to be cut, or that came behind one; false: it goes up at once. */
static inline bool cutter_keeps(struct cutter *c, struct packet *p, uint32_t caps)
{
    if (likely(!cutter_wants(p, caps) && cutter_is_empty(c)))
        return false;
    cutter_push(c, p);
    return true;
}
/*
 * Up to n frames in the order of arrival, cut into frames of `pool`; with LINK_CAP_RX_CHECKSUM in caps their checksums
 * are left partial. Segments that do not fit are counted in *too_long and left out.
 */
unsigned cutter_take(struct cutter *c, struct packet_pool *pool, uint32_t caps, struct packet **packets, unsigned n,
                     uint64_t *too_long);
/* Releases what waits. */
void cutter_clear(struct cutter *c);

#endif
