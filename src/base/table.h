/* SPDX-License-Identifier: MIT */
/*
 * A hash table of {tag, index} pairs, 8 bytes each: open addressing with linear probing and backward-shift deletion (no
 * tombstones). The tag is 32 bits of the caller's hash and also gives the home slot; the key itself lies only in the
 * caller's record, and the caller compares it. A slot with index 0 is empty. One owner, no locks. Fixed size: at most
 * 7/8 full, then ERR_NO_SPACE.
 */
#ifndef WEIR_BASE_TABLE_H
#define WEIR_BASE_TABLE_H

#include "base/alloc.h"

struct table_slot {
    uint32_t tag;
    uint32_t index;
};

struct table {
    struct table_slot *slots;
    uint32_t mask;
    uint32_t used;
    uint32_t limit; /* entries it takes at most */
    const struct allocator *allocator;
};

/* Room for `entries` at a load of at most 7/8. ERR_NO_MEMORY, ERR_INVALID (0 or more than 2^30). */
MUST_CHECK int table_init(struct table *t, const struct allocator *a, uint32_t entries);
void table_free(struct table *t);

/* Adds index (not 0) under tag. Does not look for duplicates. ERR_NO_SPACE when full. */
MUST_CHECK int table_add(struct table *t, uint32_t tag, uint32_t index);
/* Removes the pair {tag, index}; false when it was not there. */
bool table_remove(struct table *t, uint32_t tag, uint32_t index);

static ALWAYS_INLINE void table_prefetch(const struct table *t, uint32_t tag) { prefetch(&t->slots[tag & t->mask]); }

/*
 * Walks the candidates for a tag: start with *at = tag; each call gives the next index stored under the tag, or 0.
 *     for (uint32_t at = tag, i; (i = table_next(t, tag, &at)) != 0;) if (same key) return i;
 */
static inline uint32_t table_next(const struct table *t, uint32_t tag, uint32_t *at)
{
    for (;;) {
        const struct table_slot *s = &t->slots[*at & t->mask];
        if (s->index == 0)
            return 0;
        (*at)++;
        if (s->tag == tag)
            return s->index;
    }
}

#endif
