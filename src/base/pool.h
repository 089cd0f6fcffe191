/* SPDX-License-Identifier: MIT */
/*
 * A pool of equal objects addressed by 32-bit index; last freed is first used again, so that the caches stay warm.
 * Objects never move. One owner, no locks. Index POOL_NONE (0) is never handed out, so that zeroed memory holds no
 * reference. Objects are zeroed when the pool is made, not when they are handed out: a user may keep a generation in
 * them. While free, the first 4 bytes of an object hold the free list. The array is reserved whole and touched only as
 * far as it is used: a large capacity costs address space, not memory.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include "base/alloc.h"

#define POOL_NONE 0u

struct pool {
    uint8_t *objects; /* (capacity + 1) * size bytes; object 0 is unused */
    uint32_t size;    /* bytes each, a multiple of align */
    uint32_t capacity;
    uint32_t used;      /* handed out now */
    uint32_t free_head; /* POOL_NONE: take the next untouched one */
    uint32_t touched;   /* indices 1..touched have been handed out at least once */
    uint32_t exhausted; /* how often pool_get found nothing */
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY or ERR_INVALID (size < 4, align not a power of two, capacity 0 or 2^32-1). */
MUST_CHECK int pool_init(struct pool *p, const struct allocator *a, uint32_t capacity, uint32_t size, uint32_t align);
void pool_free(struct pool *p);

static ALWAYS_INLINE void *pool_at(const struct pool *p, uint32_t index)
{
    return p->objects + (size_t)index * p->size;
}
static ALWAYS_INLINE uint32_t pool_index(const struct pool *p, const void *object)
{
    return (uint32_t)((size_t)((const uint8_t *)object - p->objects) / p->size);
}

/* The index of an object, or POOL_NONE when all are in use (counted). */
static inline uint32_t pool_get(struct pool *p)
{
    uint32_t index = p->free_head;
    if (likely(index != POOL_NONE)) {
        __builtin_memcpy(&p->free_head, pool_at(p, index), sizeof p->free_head);
    } else if (p->touched < p->capacity) {
        index = ++p->touched;
    } else {
        p->exhausted++;
        return POOL_NONE;
    }
    p->used++;
    return index;
}
static inline void pool_put(struct pool *p, uint32_t index)
{
    assert(index != POOL_NONE && index <= p->touched && p->used > 0);
    __builtin_memcpy(pool_at(p, index), &p->free_head, sizeof p->free_head);
    p->free_head = index;
    p->used--;
}

#endif
