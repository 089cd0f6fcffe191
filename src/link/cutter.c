/* SPDX-License-Identifier: MIT */
/*
 * See cutter.h.
 */
#include "link/cutter.h"

#include "base/error.h"

void cutter_push(struct cutter *c, struct packet *p)
{
    if (cutter_is_empty(c))
        c->first = c->end = 0;
    c->waiting[c->end++] = p;
}

static void finish_first(struct cutter *c)
{
    packet_release(c->waiting[c->first++]);
    c->cutting = false;
}

/* The next segment of the packet being cut, or NULL when the pool is empty or it did not fit. */
static struct packet *next_segment(struct cutter *c, struct packet_pool *pool, uint64_t *too_long)
{
    struct packet *p;
    if (packet_pool_get(pool, &p, 1) == 0)
        return NULL;
    if (packet_segment_next(&c->cut, p) == 0)
        return p;
    packet_release(p);
    *too_long += packet_segment_left(&c->cut);
    c->cut.done = c->cut.count;
    return NULL;
}

/* Segments of the first packet that waits, until it is done, n are there or the pool is empty. */
static unsigned take_segments(struct cutter *c, struct packet_pool *pool, struct packet **packets, unsigned n,
                              uint64_t *too_long)
{
    unsigned got = 0;
    while (got < n && packet_segment_left(&c->cut)) {
        struct packet *p = next_segment(c, pool, too_long);
        if (!p)
            break;
        packets[got++] = p;
    }
    if (packet_segment_left(&c->cut) == 0)
        finish_first(c);
    return got;
}

unsigned cutter_take(struct cutter *c, struct packet_pool *pool, uint32_t caps, struct packet **packets, unsigned n,
                     uint64_t *too_long)
{
    unsigned got = 0;
    while (got < n && !cutter_is_empty(c)) {
        struct packet *p = c->waiting[c->first];
        if (!cutter_wants(p, caps)) {
            packets[got++] = p;
            c->first++;
            continue;
        }
        if (!c->cutting && packet_segment_begin(&c->cut, p, caps & LINK_CAP_RX_CHECKSUM) < 0) {
            finish_first(c); /* the driver has looked: it can be cut */
            continue;
        }
        c->cutting = true;
        got += take_segments(c, pool, packets + got, n - got, too_long);
        if (c->cutting)
            break;
    }
    return got;
}

void cutter_clear(struct cutter *c)
{
    while (!cutter_is_empty(c))
        finish_first(c);
}
