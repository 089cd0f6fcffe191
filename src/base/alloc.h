/* SPDX-License-Identifier: MIT */
/*
 * Memory comes from an injected allocator, at start-up only: nothing allocates per packet.
 * A kernel build, a torture test or an arena gives another table. Memory handed out is zeroed.
 */
#ifndef WEIR_BASE_ALLOC_H
#define WEIR_BASE_ALLOC_H

#include "base/compiler.h"

struct allocator {
    /* Zeroed memory of `size` bytes aligned to `align` (a power of two), or NULL. */
    void *(*alloc)(const struct allocator *self, size_t size, size_t align);
    /* Gives back what alloc returned with the same size; NULL is allowed. */
    void (*free)(const struct allocator *self, void *memory, size_t size);
    void *context;
};

static inline MUST_CHECK void *alloc_zeroed(const struct allocator *a, size_t size, size_t align)
{
    return a->alloc(a, size, align);
}

/* count objects of size bytes, or NULL, also when the product overflows. */
static inline MUST_CHECK void *alloc_array(const struct allocator *a, size_t count, size_t size, size_t align)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return a->alloc(a, total, align);
}

static inline void alloc_free(const struct allocator *a, void *memory, size_t size)
{
    if (memory)
        a->free(a, memory, size);
}

#endif
