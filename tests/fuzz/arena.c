/* SPDX-License-Identifier: MIT */
/*
 * See arena.h.
 */
#include "fuzz/arena.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define RED_ZONE ((size_t)64)

static _Alignas(4096) uint8_t area[ARENA_BYTES];
static size_t used, live;
static unsigned left;
static bool failed;

static void *arena_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    size_t at = (used + RED_ZONE + align - 1) & ~(align - 1);
    if (left == 0 || size > ARENA_BYTES || at > ARENA_BYTES - size) {
        failed = true;
        return NULL;
    }
    if (left != UINT32_MAX)
        left--;
    used = at + size;
    live += size;
    __asan_unpoison_memory_region(area + at, size);
    return memset(area + at, 0, size);
}

static void arena_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    if (!memory)
        return;
    if (live < size)
        abort();
    live -= size;
    memset(memory, 0xdd, size < 64 ? size : 64); /* reports what was freed with too large a size */
    __asan_poison_memory_region(memory, size);
}

const struct allocator *arena_begin(void)
{
    static const struct allocator allocator = {.alloc = arena_alloc, .free = arena_free};
    static bool begun;
    __asan_poison_memory_region(area, begun ? used : ARENA_BYTES);
    begun = true;
    used = live = 0;
    left = UINT32_MAX;
    failed = false;
    return &allocator;
}

void arena_fail_from(unsigned n) { left = n; }

bool arena_failed(void) { return failed; }

void arena_end(void)
{
    if (live != 0)
        abort();
}
