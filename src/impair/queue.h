/* SPDX-License-Identifier: MIT */
/*
 * The frames an impaired link holds back, by departure time: a binary heap of bounded size. Frames of equal times leave
 * in the order in which they came. The queue owns its array, not the packets.
 */
#ifndef WEIR_IMPAIR_QUEUE_H
#define WEIR_IMPAIR_QUEUE_H

#include "base/alloc.h"
#include "base/time_ns.h"
#include "packet/packet.h"

struct impair_entry {
    int64_t departure_ns;
    uint64_t order;
    struct packet *packet;
};

struct impair_queue {
    struct impair_entry *heap; /* heap[i] leaves before heap[2i + 1] and heap[2i + 2] */
    uint32_t count;
    uint32_t capacity;
    uint64_t order;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY. */
MUST_CHECK int impair_queue_init(struct impair_queue *q, const struct allocator *a, uint32_t capacity);
void impair_queue_free(struct impair_queue *q);
/* count < capacity. */
void impair_queue_push(struct impair_queue *q, struct packet *p, int64_t departure_ns);
/* The packet that leaves first, also taken out; count > 0. */
static inline struct packet *impair_queue_first(const struct impair_queue *q) { return q->heap[0].packet; }
struct packet *impair_queue_pop(struct impair_queue *q);
static inline int64_t impair_queue_next(const struct impair_queue *q)
{
    return q->count ? q->heap[0].departure_ns : TIME_NEVER;
}

#endif
