/* SPDX-License-Identifier: MIT */
/*
 * All routes of a longest-prefix table in order, and the check of its invariants.
 *
 * In a node the order of what begins at the same chunk is: prefixes of 1 to 6 bits, then the child. A position is
 * chunk * 8 + length, with 7 for the child, so that positions in order are prefixes in order.
 */
#include "stack/lpm.h"
#include "stack/lpm_node.h"

#define CHILD 7u
#define POSITIONS (64u * 8u)

struct trail {
    struct lpm_key key; /* the bits before the last level, then its chunk */
    unsigned level;
    const struct lpm_node *nodes[LPM_LEVELS];
    unsigned at[LPM_LEVELS]; /* the next position that counts, in each */
};

/* The prefixes of a length in a node as bits, the n-th that of chunk n << (6 - length); children for CHILD. */
static uint64_t bits_of(const struct lpm_node *n, unsigned length)
{
    if (length == CHILD)
        return n->child;
    if (length == LPM_STRIDE)
        return n->full;
    return n->part >> ((1u << length) - 2) & (lpm_bit(1u << length) - 1);
}

/* The first position from `from` on, or POSITIONS. */
static unsigned next_position(const struct lpm_node *n, unsigned from)
{
    unsigned best = POSITIONS;
    for (unsigned length = 1; length <= CHILD; length++) {
        unsigned shift = length < LPM_STRIDE ? LPM_STRIDE - length : 0;
        unsigned chunk = from / 8 + (length < from % 8);
        unsigned first = (chunk + (1u << shift) - 1) >> shift;
        uint64_t bits = first < 64 ? bits_of(n, length) >> first : 0;
        if (!bits)
            continue;
        unsigned position = ((first + (unsigned)__builtin_ctzll(bits)) << shift) * 8 + length;
        best = min_u32(best, position);
    }
    return best;
}

static struct lpm_key with_chunk(struct lpm_key key, unsigned level, unsigned chunk)
{
    unsigned shift = level * LPM_STRIDE;
    uint64_t bits = (uint64_t)chunk << (64 - LPM_STRIDE);
    key = lpm_key_cut(key, shift);
    if (shift < 64)
        key.high |= bits >> shift;
    if (shift > 64)
        key.low |= bits >> (shift - 64);
    else if (shift > 64 - LPM_STRIDE)
        key.low |= bits << (64 - shift);
    return key;
}

/* Goes on to the next prefix of the trie; returns its length, 0: there is none. */
static unsigned trail_next(const struct lpm_trie *t, struct trail *w)
{
    for (;;) {
        const struct lpm_node *n = w->nodes[w->level];
        unsigned position = next_position(n, w->at[w->level]);
        if (position == POSITIONS) {
            if (w->level == 0)
                return 0;
            w->level--;
            continue;
        }
        w->at[w->level] = position + 1;
        w->key = with_chunk(w->key, w->level, position / 8);
        if (position % 8 != CHILD)
            return w->level * LPM_STRIDE + position % 8;
        w->nodes[++w->level] = lpm_node_at(t, lpm_child_of(n, position / 8));
        w->at[w->level] = 0;
    }
}

/* Stands behind a prefix, 0 bits or more, whether it is there or not. */
static void trail_begin(const struct lpm_trie *t, struct lpm_key key, unsigned length, struct trail *w)
{
    w->key = key;
    w->level = 0;
    w->nodes[0] = lpm_node_at(t, 0);
    w->at[0] = 0;
    if (length == 0)
        return;
    struct lpm_place p = lpm_place_of(key, length);
    for (; w->level < p.level; w->level++) {
        unsigned chunk = lpm_chunk_of(key, w->level);
        const struct lpm_node *n = w->nodes[w->level];
        w->at[w->level] = chunk * 8 + CHILD + 1;
        if (!(n->child & lpm_bit(chunk)))
            return;
        w->nodes[w->level + 1] = lpm_node_at(t, lpm_child_of(n, chunk));
    }
    w->at[w->level] = p.chunk * 8 + p.length + 1;
}

static struct ip_addr address_of(const struct lpm_trie *t, struct lpm_key key)
{
    struct ip_addr a;
    if (t->bits == 32)
        return ip_addr_from_v4((uint32_t)(key.high >> 32));
    store_be64(a.bytes, key.high);
    store_be64(a.bytes + 8, key.low);
    return a;
}

/* The first prefix of the trie behind the given one. */
static bool next_behind(const struct lpm_trie *t, struct lpm_key key, unsigned length, struct lpm_route *at)
{
    struct trail w;
    if (!t->nodes.cells)
        return false;
    trail_begin(t, key, length, &w);
    length = trail_next(t, &w);
    if (length == 0)
        return false;
    at->prefix = (struct ip_prefix){address_of(t, w.key), (uint8_t)length};
    at->value = *lpm_value_find(t, w.key, length);
    return true;
}

static bool first_of(const struct lpm_trie *t, struct lpm_route *at)
{
    struct lpm_key none = {0, 0};
    if (t->default_value == 0)
        return next_behind(t, none, 0, at);
    *at = (struct lpm_route){{address_of(t, none), 0}, t->default_value};
    return true;
}

bool lpm_next(const struct lpm *t, struct lpm_route *at)
{
    if (at->value == 0)
        return first_of(&t->v4, at) || first_of(&t->v6, at);
    unsigned length = at->prefix.length;
    if (!ip_addr_is_v4(&at->prefix.addr))
        return next_behind(&t->v6, lpm_key_cut(lpm_key_v6(&at->prefix.addr), length), length, at);
    struct lpm_key key = lpm_key_cut(lpm_key_v4(ip_addr_to_v4(&at->prefix.addr)), length);
    return next_behind(&t->v4, key, length, at) || first_of(&t->v6, at);
}

/* ---- checking ---- */

/* What a walk over all nodes finds. */
struct census {
    uint32_t nodes, values; /* cells of blocks */
    uint32_t routes;
};

static bool count_node(const struct lpm_trie *t, const struct lpm_node *n, struct census *c)
{
    unsigned values = lpm_values_of(n), children = lpm_bits_set(n->child);
    c->routes += values;
    c->nodes += lpm_blocks_room(children);
    c->values += lpm_blocks_room(values);
    if (children && n->children + lpm_blocks_room(children) > t->nodes.used)
        return false;
    if (n->part >> 62 || (values && n->values + lpm_blocks_room(values) > t->values.used))
        return false;
    for (unsigned i = 0; i < values; i++)
        if (*lpm_value_at(t, n->values + i) == 0)
            return false;
    return true;
}

/* Depth first over the nodes. */
static bool count_nodes(const struct lpm_trie *t, struct census *c)
{
    const struct lpm_node *nodes[LPM_LEVELS] = {lpm_node_at(t, 0)};
    uint64_t left[LPM_LEVELS] = {nodes[0]->child};
    unsigned level = 0;
    if (!count_node(t, nodes[0], c))
        return false;
    for (;;) {
        if (!left[level]) {
            if (level == 0)
                return true;
            level--;
            continue;
        }
        unsigned chunk = (unsigned)__builtin_ctzll(left[level]);
        left[level] &= left[level] - 1;
        const struct lpm_node *n = lpm_node_at(t, lpm_child_of(nodes[level], chunk));
        if (++level == LPM_LEVELS || lpm_node_empty(n) || !count_node(t, n, c))
            return false;
        nodes[level] = n;
        left[level] = n->child;
    }
}

/* The array says what the nodes say. */
static bool check_direct(const struct lpm_trie *t)
{
    for (uint32_t i = 0; t->direct && i < LPM_DIRECT_ENTRIES; i++) {
        struct lpm_key key = {(uint64_t)i << (64 - LPM_DIRECT_BITS), 0};
        const struct lpm_node *n = lpm_node_find(t, key, LPM_DIRECT_LEVEL);
        unsigned length = LPM_DIRECT_BITS;
        const uint32_t *value = NULL;
        for (; length > 0 && !value; length--)
            value = lpm_value_find(t, lpm_key_cut(key, length), length);
        if (t->direct[i].value != (value ? *value : t->default_value) ||
            t->direct_length[i] != (value ? length + 1 : 0))
            return false;
        if (n != (t->direct[i].node ? lpm_node_at(t, t->direct[i].node) : NULL))
            return false;
    }
    return true;
}

static bool check_trie(const struct lpm_trie *t)
{
    struct census c = {.nodes = 1, .routes = t->default_value != 0};
    if (!t->nodes.cells)
        return c.routes == t->n_routes;
    return lpm_blocks_check(&t->nodes) && lpm_blocks_check(&t->values) && count_nodes(t, &c) &&
           c.nodes == t->nodes.live && c.values == t->values.live && c.routes == t->n_routes && check_direct(t);
}

bool lpm_check(const struct lpm *t) { return check_trie(&t->v4) && check_trie(&t->v6); }
