/* SPDX-License-Identifier: MIT */
/*
 * An allocator for tests: counts what is live, checks that each free names the size of its alloc and that alignments
 * are powers of two, and fails on request. Header only; one `struct counting_alloc` belongs to one test, initialised by
 * counting_alloc_init().
 */
#ifndef TESTS_SUPPORT_COUNTING_ALLOC_H
#define TESTS_SUPPORT_COUNTING_ALLOC_H

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "torture/torture.h"

#define COUNTING_ALLOC_BLOCKS 64

struct counting_alloc {
    struct allocator allocator;
    unsigned allocs_left; /* after so many the next fails; UINT_MAX: never */
    size_t live_blocks;
    size_t live_bytes;
    struct {
        void *memory;
        size_t size;
    } blocks[COUNTING_ALLOC_BLOCKS];
};

static inline void *counting_alloc_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct counting_alloc *c = self->context;
    assert(size > 0 && align > 0 && (align & (align - 1)) == 0);
    if (c->allocs_left == 0 || torture_fails("alloc"))
        return NULL;
    if (c->allocs_left != (unsigned)-1)
        c->allocs_left--;
    if (align < sizeof(void *))
        align = sizeof(void *);
    void *memory = NULL;
    if (posix_memalign(&memory, align, size) != 0)
        return NULL;
    memset(memory, 0, size);
    for (size_t i = 0; i < COUNTING_ALLOC_BLOCKS; i++) {
        if (c->blocks[i].memory)
            continue;
        c->blocks[i].memory = memory;
        c->blocks[i].size = size;
        c->live_blocks++;
        c->live_bytes += size;
        return memory;
    }
    assert(false && "more blocks than a counting_alloc can follow");
    return NULL;
}

static inline void counting_alloc_free(const struct allocator *self, void *memory, size_t size)
{
    struct counting_alloc *c = self->context;
    for (size_t i = 0; i < COUNTING_ALLOC_BLOCKS; i++) {
        if (c->blocks[i].memory != memory)
            continue;
        assert(c->blocks[i].size == size);
        c->blocks[i].memory = NULL;
        c->live_blocks--;
        c->live_bytes -= size;
        free(memory);
        return;
    }
    assert(false && "freed what was not allocated here");
}

static inline const struct allocator *counting_alloc_init(struct counting_alloc *c)
{
    *c = (struct counting_alloc){.allocs_left = (unsigned)-1};
    c->allocator = (struct allocator){.alloc = counting_alloc_alloc, .free = counting_alloc_free, .context = c};
    return &c->allocator;
}

#endif
