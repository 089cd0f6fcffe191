/* SPDX-License-Identifier: MIT */
/*
 * Inside longest-prefix tables (lpm*.c only): keys, nodes and where a prefix is in them.
 *
 * A key is an address with its first bit on top, an IPv4 address in the top 32 bits. A node of level i stands for 6 * i
 * bits of it; `chunk`, the next 6 bits, selects a child. Prefixes 1 to 6 bits longer than the node's own are bits in
 * it: of 6 bits the chunk-th bit of `full`, of fewer one of 62 in `part`, shorter ones first. Children and values lie
 * in blocks in the order of these bits, values of `full` before those of `part`.
 */
#ifndef WEIR_STACK_LPM_NODE_H
#define WEIR_STACK_LPM_NODE_H

#include "stack/lpm.h"

#define LPM_STRIDE 6u
#define LPM_LEVELS 22u      /* 128 / 6, rounded up */
#define LPM_DIRECT_LEVEL 3u /* of the nodes behind the direct array */
#define LPM_DIRECT_ENTRIES (1u << LPM_DIRECT_BITS)

struct lpm_key {
    uint64_t high, low;
};

struct lpm_node {
    uint64_t child, full, part;
    uint32_t children, values; /* the blocks */
};

/* Where a prefix of at least one bit is. */
struct lpm_place {
    unsigned level, length; /* of the node; 1 to 6 */
    unsigned chunk;         /* bits behind the length are 0 */
};

static ALWAYS_INLINE unsigned lpm_bits_set(uint64_t bits) { return (unsigned)__builtin_popcountll(bits); }
static ALWAYS_INLINE uint64_t lpm_bit(unsigned n) { return (uint64_t)1 << n; }
/* How many bits are set before the n-th. */
static ALWAYS_INLINE unsigned lpm_rank(uint64_t bits, unsigned n) { return lpm_bits_set(bits & (lpm_bit(n) - 1)); }

static ALWAYS_INLINE struct lpm_key lpm_key_v4(uint32_t address)
{
    return (struct lpm_key){(uint64_t)address << 32, 0};
}
static ALWAYS_INLINE struct lpm_key lpm_key_v6(const struct ip_addr *a)
{
    return (struct lpm_key){load_be64(a->bytes), load_be64(a->bytes + 8)};
}
/* Without its first n (0 to 127) bits. */
static ALWAYS_INLINE struct lpm_key lpm_key_shift(struct lpm_key k, unsigned n)
{
    if (n == 0)
        return k;
    if (n >= 64)
        return (struct lpm_key){k.low << (n - 64), 0};
    return (struct lpm_key){k.high << n | k.low >> (64 - n), k.low << n};
}
static ALWAYS_INLINE unsigned lpm_key_chunk(struct lpm_key k) { return (unsigned)(k.high >> (64 - LPM_STRIDE)); }
static inline unsigned lpm_chunk_of(struct lpm_key k, unsigned level)
{
    return lpm_key_chunk(lpm_key_shift(k, level * LPM_STRIDE));
}
/* Only the first n (0 to 128) bits. */
static inline struct lpm_key lpm_key_cut(struct lpm_key k, unsigned n)
{
    if (n < 64)
        return (struct lpm_key){n ? k.high & ~(uint64_t)0 << (64 - n) : 0, 0};
    return (struct lpm_key){k.high, n == 64 ? 0 : k.low & ~(uint64_t)0 << (128 - n)};
}

static inline struct lpm_node *lpm_node_at(const struct lpm_trie *t, uint32_t index)
{
    return (struct lpm_node *)(void *)t->nodes.cells + index;
}
static inline uint32_t *lpm_value_at(const struct lpm_trie *t, uint32_t index)
{
    return (uint32_t *)(void *)t->values.cells + index;
}
static ALWAYS_INLINE uint32_t lpm_child_of(const struct lpm_node *n, unsigned chunk)
{
    return n->children + lpm_rank(n->child, chunk);
}
static inline unsigned lpm_values_of(const struct lpm_node *n) { return lpm_bits_set(n->full) + lpm_bits_set(n->part); }
static inline bool lpm_node_empty(const struct lpm_node *n) { return (n->child | n->full | n->part) == 0; }

/* The bit in `part` of the prefix of 1 to 5 bits. */
static ALWAYS_INLINE unsigned lpm_part_bit(unsigned chunk, unsigned length)
{
    return (1u << length) - 2 + (chunk >> (LPM_STRIDE - length));
}
static inline struct lpm_place lpm_place_of(struct lpm_key key, unsigned length)
{
    unsigned level = (length - 1) / LPM_STRIDE;
    return (struct lpm_place){level, length - level * LPM_STRIDE, lpm_chunk_of(key, level)};
}
static inline bool lpm_node_has(const struct lpm_node *n, const struct lpm_place *p)
{
    if (p->length == LPM_STRIDE)
        return n->full & lpm_bit(p->chunk);
    return n->part & lpm_bit(lpm_part_bit(p->chunk, p->length));
}
/* How many values of the node come before that of the prefix. */
static inline unsigned lpm_node_rank(const struct lpm_node *n, const struct lpm_place *p)
{
    if (p->length == LPM_STRIDE)
        return lpm_rank(n->full, p->chunk);
    return lpm_bits_set(n->full) + lpm_rank(n->part, lpm_part_bit(p->chunk, p->length));
}

/* The node of that level on the key's way, or NULL. */
static inline struct lpm_node *lpm_node_find(const struct lpm_trie *t, struct lpm_key key, unsigned level)
{
    if (!t->nodes.cells)
        return NULL;
    struct lpm_node *n = lpm_node_at(t, 0);
    for (unsigned i = 0; i < level; i++, key = lpm_key_shift(key, LPM_STRIDE)) {
        if (!(n->child & lpm_bit(lpm_key_chunk(key))))
            return NULL;
        n = lpm_node_at(t, lpm_child_of(n, lpm_key_chunk(key)));
    }
    return n;
}

/* The value of exactly this prefix, or NULL. Its bits behind the length must be 0. */
static inline uint32_t *lpm_value_find(const struct lpm_trie *t, struct lpm_key key, unsigned length)
{
    struct lpm_place p = lpm_place_of(key, length);
    const struct lpm_node *n = lpm_node_find(t, key, p.level);
    return n && lpm_node_has(n, &p) ? lpm_value_at(t, n->values + lpm_node_rank(n, &p)) : NULL;
}

#endif
