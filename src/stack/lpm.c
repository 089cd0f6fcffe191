/* SPDX-License-Identifier: MIT */
/*
 * Adding and removing prefixes. An add first makes sure of all the memory that it can need (make_room); what comes
 * after cannot fail. rebuild() copies a trie breadth first into new arrays: the new nodes are the queue of what is
 * still to be copied, and an old node's `children` then says where its copy is.
 */
#include "stack/lpm.h"

#include "base/error.h"
#include "stack/lpm_node.h"

void lpm_init(struct lpm *t, const struct allocator *a)
{
    *t = (struct lpm){.v4 = {.bits = 32}, .v6 = {.bits = 128}, .allocator = a};
}

static void free_trie(struct lpm_trie *t, const struct allocator *a)
{
    lpm_blocks_free(&t->nodes, a);
    lpm_blocks_free(&t->values, a);
    alloc_free(a, t->direct, LPM_DIRECT_ENTRIES * sizeof *t->direct);
    alloc_free(a, t->direct_length, LPM_DIRECT_ENTRIES);
}

void lpm_free(struct lpm *t)
{
    free_trie(&t->v4, t->allocator);
    free_trie(&t->v6, t->allocator);
    lpm_init(t, t->allocator);
}

static size_t trie_memory(const struct lpm_trie *t)
{
    size_t bytes = (size_t)t->nodes.capacity * t->nodes.cell_bytes + (size_t)t->values.capacity * t->values.cell_bytes;
    return bytes + (t->direct ? LPM_DIRECT_ENTRIES * (sizeof *t->direct + 1) : 0);
}

size_t lpm_memory(const struct lpm *t) { return trie_memory(&t->v4) + trie_memory(&t->v6); }

/* The trie of a prefix's family and the prefix's key, or NULL when it is too long. */
static struct lpm_trie *trie_of(struct lpm *t, const struct ip_prefix *p, struct lpm_key *key)
{
    bool v4 = ip_addr_is_v4(&p->addr);
    struct lpm_trie *trie = v4 ? &t->v4 : &t->v6;
    if (p->length > trie->bits)
        return NULL;
    *key = lpm_key_cut(v4 ? lpm_key_v4(ip_addr_to_v4(&p->addr)) : lpm_key_v6(&p->addr), p->length);
    return trie;
}

/* ---- the direct array ---- */

/* What is of a prefix of `length` or shorter in the prefix's part gets the value of one of new_length. */
static void direct_set(struct lpm_trie *t, struct lpm_key key, unsigned length, uint32_t value, unsigned new_length)
{
    if (!t->direct || length > LPM_DIRECT_BITS)
        return;
    uint32_t first = (uint32_t)(key.high >> (64 - LPM_DIRECT_BITS));
    for (uint32_t i = first; i < first + (1u << (LPM_DIRECT_BITS - length)); i++) {
        if (t->direct_length[i] > length)
            continue;
        t->direct[i].value = value;
        t->direct_length[i] = (uint8_t)new_length;
    }
}

/* The children of this node, of the level before, may have moved. */
static void direct_nodes(struct lpm_trie *t, struct lpm_key key, const struct lpm_node *n)
{
    uint32_t first = (uint32_t)(key.high >> (64 - LPM_DIRECT_BITS)) & ~63u;
    for (unsigned chunk = 0; t->direct && chunk < 64; chunk++)
        t->direct[first + chunk].node = n->child & lpm_bit(chunk) ? lpm_child_of(n, chunk) : 0;
}

/* The value and the length of the longest prefix of the key that is shorter than *length. */
static uint32_t covering(const struct lpm_trie *t, struct lpm_key key, unsigned *length)
{
    while (--*length > 0) {
        const uint32_t *value = lpm_value_find(t, lpm_key_cut(key, *length), *length);
        if (value)
            return *value;
    }
    return t->default_value;
}

static int make_direct(struct lpm_trie *t, const struct allocator *a)
{
    struct lpm_direct *direct = alloc_array(a, LPM_DIRECT_ENTRIES, sizeof *direct, CACHE_LINE);
    uint8_t *lengths = alloc_zeroed(a, LPM_DIRECT_ENTRIES, CACHE_LINE);
    if (!direct || !lengths) {
        alloc_free(a, direct, LPM_DIRECT_ENTRIES * sizeof *direct);
        alloc_free(a, lengths, LPM_DIRECT_ENTRIES);
        return ERR_NO_MEMORY;
    }
    t->direct = direct;
    t->direct_length = lengths;
    for (uint32_t i = 0; i < LPM_DIRECT_ENTRIES; i++) {
        struct lpm_key key = {(uint64_t)i << (64 - LPM_DIRECT_BITS), 0};
        unsigned length = LPM_DIRECT_BITS + 1;
        direct[i].value = covering(t, key, &length);
        lengths[i] = (uint8_t)length;
        const struct lpm_node *n = i % 64 == 0 ? lpm_node_find(t, key, LPM_DIRECT_LEVEL - 1) : NULL;
        if (n)
            direct_nodes(t, key, n);
    }
    return 0;
}

/* ---- memory ---- */

struct room {
    uint32_t nodes, values;
};

/* What adding at this place takes at most. */
static struct room room_for(const struct lpm_trie *t, struct lpm_key key, const struct lpm_place *p)
{
    unsigned level = 0;
    const struct lpm_node *n = t->nodes.cells ? lpm_node_at(t, 0) : NULL;
    if (!n)
        return (struct room){p->level, 1};
    for (; level < p->level; level++) {
        unsigned chunk = lpm_chunk_of(key, level);
        if (!(n->child & lpm_bit(chunk)))
            return (struct room){lpm_blocks_room(lpm_bits_set(n->child) + 1) + p->level - level - 1, 1};
        n = lpm_node_at(t, lpm_child_of(n, chunk));
    }
    return (struct room){0, lpm_blocks_room(lpm_values_of(n) + 1)};
}

/* Copies what a node, itself copied already, leads to. */
static void copy_blocks(const struct lpm_trie *old, struct lpm_trie *copy, struct lpm_node *n)
{
    unsigned children = lpm_bits_set(n->child), values = lpm_values_of(n);
    if (children) {
        struct lpm_node *from = lpm_node_at(old, n->children);
        n->children = lpm_blocks_take(&copy->nodes, children);
        memcpy(lpm_node_at(copy, n->children), from, children * sizeof *from);
        for (unsigned i = 0; i < children; i++)
            from[i].children = n->children + i;
    }
    if (values) {
        const uint32_t *from = lpm_value_at(old, n->values);
        n->values = lpm_blocks_take(&copy->values, values);
        memcpy(lpm_value_at(copy, n->values), from, values * sizeof *from);
    }
}

static void copy_trie(const struct lpm_trie *old, struct lpm_trie *copy)
{
    uint32_t root = lpm_blocks_take(&copy->nodes, 1);
    if (old->nodes.cells)
        *lpm_node_at(copy, root) = *lpm_node_at(old, root);
    for (uint32_t i = root; i < copy->nodes.used; i++) /* cells between blocks are empty nodes */
        copy_blocks(old, copy, lpm_node_at(copy, i));
    for (uint32_t i = 0; copy->direct && i < LPM_DIRECT_ENTRIES; i++)
        if (copy->direct[i].node)
            copy->direct[i].node = lpm_node_at(old, copy->direct[i].node)->children;
}

static int init_blocks(struct lpm_blocks *b, const struct allocator *a, size_t cell_bytes, uint32_t live, uint32_t room)
{
    uint64_t capacity = (uint64_t)live + live / 4 + room + 8;
    return capacity > UINT32_MAX ? ERR_NO_MEMORY : lpm_blocks_init(b, a, (uint32_t)cell_bytes, (uint32_t)capacity);
}

static int rebuild(struct lpm_trie *t, const struct allocator *a, const struct room *room)
{
    struct lpm_trie copy = *t;
    if (init_blocks(&copy.nodes, a, sizeof(struct lpm_node), t->nodes.live, room->nodes) < 0)
        return ERR_NO_MEMORY;
    if (init_blocks(&copy.values, a, sizeof(uint32_t), t->values.live, room->values) < 0) {
        lpm_blocks_free(&copy.nodes, a);
        return ERR_NO_MEMORY;
    }
    copy_trie(t, &copy);
    lpm_blocks_free(&t->nodes, a);
    lpm_blocks_free(&t->values, a);
    *t = copy;
    return 0;
}

/* Makes sure that a prefix can be added at this place. */
static int make_room(struct lpm_trie *t, const struct allocator *a, struct lpm_key key, const struct lpm_place *p)
{
    if (t->n_routes + 1 >= LPM_DIRECT_ROUTES && !t->direct && make_direct(t, a) < 0)
        return ERR_NO_MEMORY;
    struct room room = room_for(t, key, p);
    if (t->nodes.cells && lpm_blocks_fits(&t->nodes, room.nodes) && lpm_blocks_fits(&t->values, room.values))
        return 0;
    return rebuild(t, a, &room);
}

/* ---- adding ---- */

/* The node of a place, made with those before it where there is none. */
static struct lpm_node *node_for(struct lpm_trie *t, struct lpm_key key, const struct lpm_place *p)
{
    struct lpm_node *n = lpm_node_at(t, 0);
    for (unsigned level = 0; level < p->level; level++) {
        unsigned chunk = lpm_chunk_of(key, level);
        if (!(n->child & lpm_bit(chunk))) {
            unsigned at = lpm_rank(n->child, chunk);
            n->children = lpm_blocks_insert(&t->nodes, n->children, lpm_bits_set(n->child), at);
            n->child |= lpm_bit(chunk);
            *lpm_node_at(t, n->children + at) = (struct lpm_node){0};
            if (level + 1 == LPM_DIRECT_LEVEL)
                direct_nodes(t, key, n);
        }
        n = lpm_node_at(t, lpm_child_of(n, chunk));
    }
    return n;
}

static void add_value(struct lpm_trie *t, struct lpm_node *n, const struct lpm_place *p, uint32_t value)
{
    unsigned at = lpm_node_rank(n, p);
    n->values = lpm_blocks_insert(&t->values, n->values, lpm_values_of(n), at);
    *lpm_value_at(t, n->values + at) = value;
    if (p->length == LPM_STRIDE)
        n->full |= lpm_bit(p->chunk);
    else
        n->part |= lpm_bit(lpm_part_bit(p->chunk, p->length));
}

static uint32_t *find(struct lpm_trie *t, struct lpm_key key, unsigned length)
{
    if (length > 0)
        return lpm_value_find(t, key, length);
    return t->default_value ? &t->default_value : NULL;
}

int lpm_add(struct lpm *t, const struct ip_prefix *prefix, uint32_t value)
{
    struct lpm_key key;
    struct lpm_trie *trie = trie_of(t, prefix, &key);
    if (!trie || value == 0)
        return ERR_INVALID;
    if (find(trie, key, prefix->length))
        return ERR_EXISTS;
    if (prefix->length == 0) {
        trie->default_value = value;
    } else {
        struct lpm_place p = lpm_place_of(key, prefix->length);
        if (make_room(trie, t->allocator, key, &p) < 0)
            return ERR_NO_MEMORY;
        add_value(trie, node_for(trie, key, &p), &p, value);
    }
    trie->n_routes++;
    direct_set(trie, key, prefix->length, value, prefix->length);
    return 0;
}

int lpm_replace(struct lpm *t, const struct ip_prefix *prefix, uint32_t value)
{
    struct lpm_key key;
    struct lpm_trie *trie = trie_of(t, prefix, &key);
    if (!trie || value == 0)
        return ERR_INVALID;
    uint32_t *found = find(trie, key, prefix->length);
    if (!found)
        return ERR_NOT_FOUND;
    *found = value;
    direct_set(trie, key, prefix->length, value, prefix->length);
    return 0;
}

uint32_t lpm_find(const struct lpm *t, const struct ip_prefix *prefix)
{
    struct lpm_key key;
    const struct lpm_trie *trie = ip_addr_is_v4(&prefix->addr) ? &t->v4 : &t->v6;
    if (prefix->length > trie->bits)
        return 0;
    if (prefix->length == 0)
        return trie->default_value;
    key = trie == &t->v4 ? lpm_key_v4(ip_addr_to_v4(&prefix->addr)) : lpm_key_v6(&prefix->addr);
    const uint32_t *value = lpm_value_find(trie, lpm_key_cut(key, prefix->length), prefix->length);
    return value ? *value : 0;
}

/* ---- removing ---- */

static void remove_value(struct lpm_trie *t, struct lpm_node *n, const struct lpm_place *p)
{
    lpm_blocks_remove(&t->values, n->values, lpm_values_of(n), lpm_node_rank(n, p));
    if (p->length == LPM_STRIDE)
        n->full &= ~lpm_bit(p->chunk);
    else
        n->part &= ~lpm_bit(lpm_part_bit(p->chunk, p->length));
}

/* The empty node of this level goes, and those before it that are empty then. */
static void remove_empty(struct lpm_trie *t, struct lpm_key key, unsigned level)
{
    while (level > 0) {
        struct lpm_node *parent = lpm_node_find(t, key, level - 1);
        unsigned chunk = lpm_chunk_of(key, level - 1);
        if (!lpm_node_empty(lpm_node_at(t, lpm_child_of(parent, chunk))))
            return;
        lpm_blocks_remove(&t->nodes, parent->children, lpm_bits_set(parent->child), lpm_rank(parent->child, chunk));
        parent->child &= ~lpm_bit(chunk);
        if (level == LPM_DIRECT_LEVEL)
            direct_nodes(t, key, parent);
        level--;
    }
}

int lpm_remove(struct lpm *t, const struct ip_prefix *prefix)
{
    struct lpm_key key;
    struct lpm_trie *trie = trie_of(t, prefix, &key);
    if (!trie)
        return ERR_INVALID;
    if (!find(trie, key, prefix->length))
        return ERR_NOT_FOUND;
    trie->n_routes--;
    if (prefix->length == 0) {
        trie->default_value = 0;
        direct_set(trie, key, 0, 0, 0);
        return 0;
    }
    struct lpm_place p = lpm_place_of(key, prefix->length);
    remove_value(trie, lpm_node_find(trie, key, p.level), &p);
    remove_empty(trie, key, p.level);
    unsigned length = prefix->length;
    if (trie->direct && length <= LPM_DIRECT_BITS) {
        uint32_t value = covering(trie, key, &length);
        direct_set(trie, key, prefix->length, value, length);
    }
    return 0;
}
