/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: operations on a longest-prefix table and on a list of the same routes; both give the same results, the
 * table's invariants hold, and a walk gives the list in order. An allocation that fails changes nothing.
 *
 * Input: operations of 4 bytes: bits 0-2 of the first are add (0, 1), remove, replace, look up (4, 5), walk and check,
 * the next allocation fails; bit 3 is the family, 4-6 by which of eight bytes addresses differ from a common one; the
 * prefix's length (modulo what the family has, and one more); two bytes of the address.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "stack/lpm.h"

#define OPERATION 4u
#define MOST 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
    struct lpm_route routes[MOST];
    unsigned n;
};

struct world {
    struct lpm table;
    struct model model;
    bool fail_next;
};

static struct ip_prefix read_prefix(const uint8_t *at)
{
    bool v6 = at[0] & 8;
    unsigned place = at[0] >> 4 & 7;
    struct ip_prefix p = {.length = (uint8_t)(at[1] % (v6 ? 130 : 34))};
    if (!v6) {
        p.addr = ip_addr_from_v4(0x0a000000u ^ (uint32_t)at[2] << 24 ^ (uint32_t)at[3] << 3 * place);
        return p;
    }
    p.addr.bytes[0] = 0x20;
    p.addr.bytes[2 * place] ^= at[2];
    p.addr.bytes[2 * place + 1] ^= at[3];
    return p;
}

static bool is_valid(const struct ip_prefix *p) { return p->length <= ip_addr_bits(&p->addr); }

static bool same(const struct ip_prefix *a, const struct ip_prefix *b)
{
    return a->length == b->length && ip_prefix_contains(a, &b->addr);
}

static struct lpm_route *model_find(struct model *m, const struct ip_prefix *p)
{
    for (unsigned i = 0; i < m->n; i++)
        if (same(&m->routes[i].prefix, p))
            return &m->routes[i];
    return NULL;
}

static uint32_t model_lookup(const struct model *m, const struct ip_addr *a)
{
    const struct lpm_route *best = NULL;
    for (unsigned i = 0; i < m->n; i++)
        if (ip_prefix_contains(&m->routes[i].prefix, a) && (!best || m->routes[i].prefix.length > best->prefix.length))
            best = &m->routes[i];
    return best ? best->value : 0;
}

static void add(struct world *w, const struct ip_prefix *p, uint32_t value)
{
    struct model *m = &w->model;
    if (m->n == MOST)
        return;
    int error = lpm_add(&w->table, p, value);
    if (error == ERR_NO_MEMORY) {
        assert(arena_failed());
        return;
    }
    assert(error == (!is_valid(p) ? ERR_INVALID : model_find(m, p) ? ERR_EXISTS : 0));
    if (error == 0)
        m->routes[m->n++] = (struct lpm_route){*p, value};
}

static void replace(struct world *w, const struct ip_prefix *p, uint32_t value)
{
    struct lpm_route *r = is_valid(p) ? model_find(&w->model, p) : NULL;
    assert(lpm_replace(&w->table, p, value) == (!is_valid(p) ? ERR_INVALID : r ? 0 : ERR_NOT_FOUND));
    if (r)
        r->value = value;
}

static void take_out(struct world *w, const struct ip_prefix *p)
{
    struct lpm_route *r = is_valid(p) ? model_find(&w->model, p) : NULL;
    assert(lpm_remove(&w->table, p) == (!is_valid(p) ? ERR_INVALID : r ? 0 : ERR_NOT_FOUND));
    if (r)
        *r = w->model.routes[--w->model.n];
}

static void look_up(struct world *w, const struct ip_prefix *p)
{
    struct ip_addr addresses[3] = {p->addr, ip_addr_add(&p->addr, 1), ip_addr_add(&p->addr, UINT64_MAX)};
    uint32_t v4[3], values[3];
    for (unsigned i = 0; i < 3; i++)
        v4[i] = ip_addr_to_v4(&addresses[i]);
    if (ip_addr_is_v4(&p->addr))
        lpm_lookup_burst_v4(&w->table, v4, 3, values);
    else
        lpm_lookup_burst_v6(&w->table, addresses, 3, values);
    for (unsigned i = 0; i < 3; i++) {
        assert(values[i] == model_lookup(&w->model, &addresses[i]));
        assert(lpm_lookup(&w->table, &addresses[i]) == values[i]);
    }
    const struct lpm_route *r = is_valid(p) ? model_find(&w->model, p) : NULL;
    assert(lpm_find(&w->table, p) == (r ? r->value : 0));
}

static bool in_order(const struct ip_prefix *a, const struct ip_prefix *b)
{
    bool v4 = ip_addr_is_v4(&a->addr);
    if (v4 != ip_addr_is_v4(&b->addr))
        return v4;
    int order = ip_addr_compare(&a->addr, &b->addr);
    return order < 0 || (order == 0 && a->length < b->length);
}

static void walk(struct world *w)
{
    unsigned n = 0;
    struct lpm_route last = {.value = 0}, at = last;
    assert(lpm_check(&w->table));
    for (; lpm_next(&w->table, &at); n++, last = at) {
        const struct lpm_route *r = model_find(&w->model, &at.prefix);
        assert(r && r->value == at.value && (n == 0 || in_order(&last.prefix, &at.prefix)));
    }
    assert(n == w->model.n && n == lpm_count(&w->table));
}

static void operation(struct world *w, const uint8_t *at, uint32_t value)
{
    struct ip_prefix p = read_prefix(at);
    switch (at[0] & 7) {
    case 2:
        take_out(w, &p);
        return;
    case 3:
        replace(w, &p, value);
        return;
    case 4:
    case 5:
        look_up(w, &p);
        return;
    case 6:
        walk(w);
        return;
    case 7:
        arena_fail_from(at[1] & 1);
        w->fail_next = true;
        return;
    default:
        add(w, &p, value);
        if (w->fail_next)
            arena_fail_from(UINT32_MAX);
        w->fail_next = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    w.model.n = 0;
    w.fail_next = false;
    lpm_init(&w.table, arena_begin());
    uint32_t value = 0;
    for (; size >= OPERATION; data += OPERATION, size -= OPERATION)
        operation(&w, data, ++value);
    walk(&w);
    while (w.model.n > 0)
        take_out(&w, &(struct ip_prefix){w.model.routes[0].prefix.addr, w.model.routes[0].prefix.length});
    walk(&w);
    lpm_free(&w.table);
    arena_end();
    return 0;
}
