/* SPDX-License-Identifier: MIT */
/*
 * Looking addresses up: down the nodes, keeping where the longest match's value is, which is read once at the end. A
 * burst goes down level by level, and asks for each address's next node while it looks at the others.
 */
#include "stack/lpm.h"
#include "stack/lpm_node.h"

#define BURST 16u

/* The bits in `part` of the prefixes of 1 to 5 bits that contain a chunk, by its first 5 bits. */
#define MASK(c)                                                                                                        \
    (1ull << ((c) >> 4) | 4ull << ((c) >> 3) | 64ull << ((c) >> 2) | (1ull << 14) << ((c) >> 1) | (1ull << 30) << (c))
#define MASKS(c) MASK(c), MASK((c) + 1), MASK((c) + 2), MASK((c) + 3)
static const uint64_t part_masks[32] = {MASKS(0),  MASKS(4),  MASKS(8),  MASKS(12),
                                        MASKS(16), MASKS(20), MASKS(24), MASKS(28)};

/* An address on its way. */
struct walk {
    const struct lpm_node *node; /* where it is; NULL: there is nothing more */
    const uint32_t *value;       /* of the longest match so far, or at a 0 */
    struct lpm_key key;          /* from the node's bits on */
};

/* Everything below is compiled for both families: `v4` is a constant, and then key.low is 0. */

static ALWAYS_INLINE struct lpm_key key_rest(struct lpm_key k, unsigned bits, bool v4)
{
    return v4 ? (struct lpm_key){k.high << bits, 0} : lpm_key_shift(k, bits);
}

static ALWAYS_INLINE struct walk walk_begin(const struct lpm_trie *t, struct lpm_key key, bool v4)
{
    if (unlikely(!t->direct))
        return (struct walk){t->nodes.cells ? lpm_node_at(t, 0) : NULL, &t->default_value, key};
    const struct lpm_direct *d = &t->direct[key.high >> (64 - LPM_DIRECT_BITS)];
    return (struct walk){d->node ? lpm_node_at(t, d->node) : NULL, &d->value, key_rest(key, LPM_DIRECT_BITS, v4)};
}

/* One node down. */
static ALWAYS_INLINE void walk_step(const struct lpm_trie *t, struct walk *w, bool v4)
{
    const struct lpm_node *n = w->node;
    unsigned chunk = lpm_key_chunk(w->key);
    uint64_t bit = lpm_bit(chunk), part = n->part & part_masks[chunk >> 1];
    if (n->full & bit)
        w->value = lpm_value_at(t, n->values + lpm_rank(n->full, chunk));
    else if (part)
        w->value = lpm_value_at(t, n->values + lpm_bits_set(n->full) +
                                       lpm_rank(n->part, 63u - (unsigned)__builtin_clzll(part)));
    w->key = key_rest(w->key, LPM_STRIDE, v4);
    w->node = n->child & bit ? lpm_node_at(t, lpm_child_of(n, chunk)) : NULL;
}

static ALWAYS_INLINE uint32_t lookup(const struct lpm_trie *t, struct lpm_key key, bool v4)
{
    struct walk w = walk_begin(t, key, v4);
    while (w.node)
        walk_step(t, &w, v4);
    return *w.value;
}

uint32_t lpm_lookup_v4(const struct lpm *t, uint32_t address) { return lookup(&t->v4, lpm_key_v4(address), true); }

uint32_t lpm_lookup(const struct lpm *t, const struct ip_addr *address)
{
    if (ip_addr_is_v4(address))
        return lpm_lookup_v4(t, ip_addr_to_v4(address));
    return lookup(&t->v6, lpm_key_v6(address), false);
}

/* One step for each walk that is not at its end; false: all were. */
static ALWAYS_INLINE bool step_all(const struct lpm_trie *t, struct walk *walks, unsigned n, bool v4)
{
    bool stepped = false;
    for (unsigned i = 0; i < n; i++) {
        struct walk *w = &walks[i];
        if (!w->node)
            continue;
        walk_step(t, w, v4);
        prefetch(w->node ? (const void *)w->node : w->value);
        stepped = true;
    }
    return stepped;
}

/* n is at most BURST. */
static ALWAYS_INLINE void burst(const struct lpm_trie *t, const struct lpm_key *keys, unsigned n, uint32_t *values,
                                bool v4)
{
    struct walk walks[BURST];
    for (unsigned i = 0; i < n && t->direct; i++)
        prefetch(&t->direct[keys[i].high >> (64 - LPM_DIRECT_BITS)]);
    for (unsigned i = 0; i < n; i++) {
        walks[i] = walk_begin(t, keys[i], v4);
        prefetch(walks[i].node);
    }
    while (step_all(t, walks, n, v4))
        ;
    for (unsigned i = 0; i < n; i++)
        values[i] = *walks[i].value;
}

void lpm_lookup_burst_v4(const struct lpm *t, const uint32_t *addresses, unsigned n, uint32_t *values)
{
    for (unsigned done = 0; done < n;) {
        struct lpm_key keys[BURST];
        unsigned now = min_u32(n - done, BURST);
        for (unsigned i = 0; i < now; i++)
            keys[i] = lpm_key_v4(addresses[done + i]);
        burst(&t->v4, keys, now, values + done, true);
        done += now;
    }
}

void lpm_lookup_burst_v6(const struct lpm *t, const struct ip_addr *addresses, unsigned n, uint32_t *values)
{
    for (unsigned done = 0; done < n;) {
        struct lpm_key keys[BURST];
        unsigned now = min_u32(n - done, BURST);
        for (unsigned i = 0; i < now; i++)
            keys[i] = lpm_key_v6(&addresses[done + i]);
        burst(&t->v6, keys, now, values + done, false);
        done += now;
    }
}
