/* SPDX-License-Identifier: MIT */
/*
 * A single-producer single-consumer ring of pointers, C11 atomics, in bursts. Each side keeps a cached copy of the
 * other's index, so that a burst costs at most one cache miss. Capacity is a power of two. The producer calls only
 * ring_push and ring_room, the consumer only ring_pop and ring_count.
 */
#ifndef WEIR_BASE_RING_H
#define WEIR_BASE_RING_H

#include <stdatomic.h>

#include "base/alloc.h"

struct ring {
    CACHE_ALIGNED atomic_uint tail; /* written by the producer */
    unsigned cached_head;           /* producer's copy */
    CACHE_ALIGNED atomic_uint head; /* written by the consumer */
    unsigned cached_tail;           /* consumer's copy */
    CACHE_ALIGNED void **slots;
    unsigned mask;
    const struct allocator *allocator;
};

/* capacity is rounded up to a power of two, at most 2^24. ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int ring_init(struct ring *r, const struct allocator *a, uint32_t capacity);
void ring_free(struct ring *r);

/* Pushes as many of the n pointers as fit, in order; returns how many. */
static inline unsigned ring_push(struct ring *r, void *const *items, unsigned n)
{
    unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    unsigned room = r->mask + 1 - (tail - r->cached_head);
    if (room < n) {
        r->cached_head = atomic_load_explicit(&r->head, memory_order_acquire);
        room = r->mask + 1 - (tail - r->cached_head);
        if (n > room)
            n = room;
    }
    for (unsigned i = 0; i < n; i++)
        r->slots[(tail + i) & r->mask] = items[i];
    atomic_store_explicit(&r->tail, tail + n, memory_order_release);
    return n;
}

/* Pops at most n pointers, in order; returns how many. */
static inline unsigned ring_pop(struct ring *r, void **items, unsigned n)
{
    unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
    unsigned count = r->cached_tail - head;
    if (count < n) {
        r->cached_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
        count = r->cached_tail - head;
        if (n > count)
            n = count;
    }
    if (n == 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        items[i] = r->slots[(head + i) & r->mask];
    atomic_store_explicit(&r->head, head + n, memory_order_release);
    return n;
}

/* Free places, as the producer sees them: never more than there are. */
static inline unsigned ring_room(struct ring *r)
{
    unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    r->cached_head = atomic_load_explicit(&r->head, memory_order_acquire);
    return r->mask + 1 - (tail - r->cached_head);
}

/* Waiting items, as the consumer sees them: never more than there are. */
static inline unsigned ring_count(struct ring *r)
{
    r->cached_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    return r->cached_tail - atomic_load_explicit(&r->head, memory_order_relaxed);
}

#endif
