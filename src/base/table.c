/* SPDX-License-Identifier: MIT */
/*
 * Open addressing with linear probing. Invariant: between an entry's home slot and the slot it stands in, no slot is
 * empty; so a walk may stop at the first empty one. Removal keeps that true by moving later entries of the run back. At
 * least one eighth of the slots is always empty, so every walk ends.
 */
#include "base/table.h"

#include "base/error.h"

#define TABLE_MIN_SLOTS 8u
#define TABLE_MAX_ENTRIES (UINT32_C(1) << 30)

static uint32_t limit_of(uint32_t slots) { return slots - slots / 8; }

int table_init(struct table *t, const struct allocator *a, uint32_t entries)
{
    *t = (struct table){.allocator = a};
    if (entries == 0 || entries > TABLE_MAX_ENTRIES)
        return ERR_INVALID;
    uint32_t slots = max_u32(round_up_pow2(entries), TABLE_MIN_SLOTS);
    if (limit_of(slots) < entries)
        slots *= 2;
    t->slots = alloc_array(a, slots, sizeof *t->slots, CACHE_LINE);
    if (!t->slots)
        return ERR_NO_MEMORY;
    t->mask = slots - 1;
    t->limit = limit_of(slots);
    return ERR_OK;
}

void table_free(struct table *t)
{
    if (t->slots)
        alloc_free(t->allocator, t->slots, ((size_t)t->mask + 1) * sizeof *t->slots);
    *t = (struct table){0};
}

int table_add(struct table *t, uint32_t tag, uint32_t index)
{
    assert(index != 0);
    if (t->used >= t->limit)
        return ERR_NO_SPACE;
    uint32_t at = tag & t->mask;
    while (t->slots[at].index != 0)
        at = (at + 1) & t->mask;
    t->slots[at] = (struct table_slot){.tag = tag, .index = index};
    t->used++;
    return ERR_OK;
}

/* Fills the hole from the entries behind it that may stand there: those whose home is not between the hole and them. */
static void close_hole(struct table *t, uint32_t hole)
{
    struct table_slot *slots = t->slots;
    for (uint32_t at = (hole + 1) & t->mask; slots[at].index != 0; at = (at + 1) & t->mask) {
        uint32_t from_home = (at - slots[at].tag) & t->mask;
        uint32_t from_hole = (at - hole) & t->mask;
        if (from_home < from_hole)
            continue;
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole] = (struct table_slot){0};
}

bool table_remove(struct table *t, uint32_t tag, uint32_t index)
{
    for (uint32_t at = tag & t->mask; t->slots[at].index != 0; at = (at + 1) & t->mask) {
        if (t->slots[at].tag != tag || t->slots[at].index != index)
            continue;
        close_hole(t, at);
        t->used--;
        return true;
    }
    return false;
}
