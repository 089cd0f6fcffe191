/* SPDX-License-Identifier: MIT */
/*
 * Memory of a longest-prefix table: blocks of 1 to 128 cells of one size, found by their index, in one array that the
 * table owns. A block has room for its count rounded up to one of 14 sizes (1, 2, 3, 4, 6, 8, 12 … 96, 128), so that
 * most insertions stay in place, and what a block loses when it shrinks is itself of one of these sizes.
 *
 * Nothing here grows: lpm.c makes room beforehand, by copying all that lives into a new array, and so taking never
 * fails. Cells never handed out are zero. Invariants: live cells + free cells = used <= capacity.
 */
#ifndef WEIR_STACK_LPM_BLOCKS_H
#define WEIR_STACK_LPM_BLOCKS_H

#include "base/alloc.h"

#define LPM_BLOCK_SIZES 14u
#define LPM_BLOCK_CELLS 128u

struct lpm_blocks {
    uint8_t *cells;
    uint32_t cell_bytes;
    uint32_t capacity, used, live;  /* in cells; live: in blocks handed out */
    uint32_t free[LPM_BLOCK_SIZES]; /* index + 1 of the first free block of each size; the next's is in it */
};

/* ERR_NO_MEMORY. */
MUST_CHECK int lpm_blocks_init(struct lpm_blocks *b, const struct allocator *a, uint32_t cell_bytes, uint32_t capacity);
void lpm_blocks_free(struct lpm_blocks *b, const struct allocator *a);

/* Cells that a block of n (0 to 128) takes up. */
uint32_t lpm_blocks_room(unsigned n);
/* Whether blocks of that many cells together can be taken for certain. */
static inline bool lpm_blocks_fits(const struct lpm_blocks *b, uint32_t cells)
{
    return b->capacity - b->used >= cells;
}
/* A block of n (1 to 128) cells, whose contents are not defined. The caller knows that it fits. */
uint32_t lpm_blocks_take(struct lpm_blocks *b, unsigned n);
/* Makes place for a cell at position `at` of a block of n (0: none yet); returns where the block is now. */
uint32_t lpm_blocks_insert(struct lpm_blocks *b, uint32_t block, unsigned n, unsigned at);
/* Takes the cell at position `at` out of a block of n, which stays where it is; with n = 1 it is free then. */
void lpm_blocks_remove(struct lpm_blocks *b, uint32_t block, unsigned n, unsigned at);
/* Walks the free lists; false: an invariant does not hold. */
bool lpm_blocks_check(const struct lpm_blocks *b);

#endif
