/* SPDX-License-Identifier: MIT */
/*
 * See lpm_blocks.h. Free blocks are a list for each size; those of other sizes are not split or joined: copying the
 * table into a new array, which happens before the old one is full, leaves no free block.
 */
#include "stack/lpm_blocks.h"

#include <string.h>

#include "base/error.h"

/* The number of the smallest size that holds n (1 to 128): sizes 2k and 2k+1 are 1.5 * 2^k and 2 * 2^k. */
static unsigned size_for(unsigned n)
{
    assert(n > 0 && n <= LPM_BLOCK_CELLS);
    if (n <= 2)
        return n - 1;
    unsigned k = 31u - (unsigned)__builtin_clz(n - 1);
    return 2 * k + (n > (3u << k) / 2);
}

static uint32_t cells_of(unsigned size)
{
    if (size < 2)
        return size + 1;
    return size & 1 ? 2u << (size / 2) : 3u << (size / 2 - 1);
}

static uint8_t *cell_at(const struct lpm_blocks *b, uint32_t index) { return b->cells + (size_t)index * b->cell_bytes; }

int lpm_blocks_init(struct lpm_blocks *b, const struct allocator *a, uint32_t cell_bytes, uint32_t capacity)
{
    *b = (struct lpm_blocks){.cell_bytes = cell_bytes, .capacity = capacity};
    b->cells = alloc_array(a, capacity, cell_bytes, CACHE_LINE);
    return b->cells ? 0 : ERR_NO_MEMORY;
}

void lpm_blocks_free(struct lpm_blocks *b, const struct allocator *a)
{
    alloc_free(a, b->cells, (size_t)b->capacity * b->cell_bytes);
    *b = (struct lpm_blocks){0};
}

uint32_t lpm_blocks_room(unsigned n) { return n ? cells_of(size_for(n)) : 0; }

static uint32_t take_size(struct lpm_blocks *b, unsigned size)
{
    uint32_t cells = cells_of(size);
    b->live += cells;
    if (b->free[size]) {
        uint32_t block = b->free[size] - 1;
        memcpy(&b->free[size], cell_at(b, block), sizeof b->free[size]);
        return block;
    }
    assert(lpm_blocks_fits(b, cells));
    b->used += cells;
    return b->used - cells;
}

static void give_size(struct lpm_blocks *b, uint32_t block, unsigned size)
{
    memcpy(cell_at(b, block), &b->free[size], sizeof b->free[size]);
    b->free[size] = block + 1;
    b->live -= cells_of(size);
}

uint32_t lpm_blocks_take(struct lpm_blocks *b, unsigned n) { return take_size(b, size_for(n)); }

uint32_t lpm_blocks_insert(struct lpm_blocks *b, uint32_t block, unsigned n, unsigned at)
{
    assert(at <= n && n < LPM_BLOCK_CELLS);
    size_t before = (size_t)at * b->cell_bytes, after = (size_t)(n - at) * b->cell_bytes;
    unsigned size = size_for(n + 1);
    if (n > 0 && size == size_for(n)) {
        uint8_t *place = cell_at(b, block) + before;
        memmove(place + b->cell_bytes, place, after);
        return block;
    }
    uint32_t moved = take_size(b, size);
    if (n > 0) {
        const uint8_t *from = cell_at(b, block);
        memcpy(cell_at(b, moved), from, before);
        memcpy(cell_at(b, moved + at + 1), from + before, after);
        give_size(b, block, size_for(n));
    }
    return moved;
}

void lpm_blocks_remove(struct lpm_blocks *b, uint32_t block, unsigned n, unsigned at)
{
    assert(at < n && n <= LPM_BLOCK_CELLS);
    uint8_t *place = cell_at(b, block + at);
    memmove(place, place + b->cell_bytes, (size_t)(n - at - 1) * b->cell_bytes);
    uint32_t kept = lpm_blocks_room(n - 1), lost = lpm_blocks_room(n) - kept;
    if (lost)
        give_size(b, block + kept, size_for(lost));
}

bool lpm_blocks_check(const struct lpm_blocks *b)
{
    uint64_t free_cells = 0;
    for (unsigned size = 0; size < LPM_BLOCK_SIZES; size++) {
        for (uint32_t next = b->free[size]; next; memcpy(&next, cell_at(b, next - 1), sizeof next)) {
            if (next - 1 >= b->used || b->used - (next - 1) < cells_of(size) || free_cells > b->used)
                return false;
            free_cells += cells_of(size);
        }
    }
    return b->used <= b->capacity && free_cells + b->live == b->used;
}
