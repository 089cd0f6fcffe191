/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing a ring; pushing and popping are inline in ring.h.
 * Both are done by one thread before and after the two sides run.
 */
#include "base/ring.h"

#include "base/error.h"

#define RING_MAX_CAPACITY (UINT32_C(1) << 24)

int ring_init(struct ring *r, const struct allocator *a, uint32_t capacity)
{
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    r->cached_head = 0;
    r->cached_tail = 0;
    r->slots = NULL;
    r->mask = 0;
    r->allocator = a;
    if (capacity == 0 || capacity > RING_MAX_CAPACITY)
        return ERR_INVALID;
    capacity = round_up_pow2(capacity);
    r->slots = alloc_array(a, capacity, sizeof *r->slots, CACHE_LINE);
    if (!r->slots)
        return ERR_NO_MEMORY;
    r->mask = capacity - 1;
    return ERR_OK;
}

void ring_free(struct ring *r)
{
    if (r->slots)
        alloc_free(r->allocator, r->slots, ((size_t)r->mask + 1) * sizeof *r->slots);
    r->slots = NULL;
}
