/* SPDX-License-Identifier: MIT */
/*
 * Stands before src/base/alloc_heap.h when test programs are built for torture: the same allocator, which fails when
 * torture.c says so.
 */
#ifndef WEIR_TESTS_TORTURE_ALLOC_HEAP_H
#define WEIR_TESTS_TORTURE_ALLOC_HEAP_H

#define alloc_heap alloc_heap_that_never_fails
#include "../../../../src/base/alloc_heap.h"
#undef alloc_heap

#include "torture/torture.h"

static inline void *alloc_heap_torture(const struct allocator *self, size_t size, size_t align)
{
    return torture_fails("alloc") ? NULL : alloc_heap_alloc(self, size, align);
}

static inline const struct allocator *alloc_heap(void)
{
    static const struct allocator heap = {.alloc = alloc_heap_torture, .free = alloc_heap_free, .context = NULL};
    return &heap;
}

#endif
