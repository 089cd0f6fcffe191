/* SPDX-License-Identifier: MIT */
/*
 * Redirects: see redirect.h. RFC 4861 8.1 (what is discarded) and 8.3 (what a host does).
 */
#include "stack/redirect.h"

#include "stack/datagram.h"

int redirect_init(struct redirect_set *set, const struct allocator *a, uint32_t capacity)
{
    *set = (struct redirect_set){.capacity = round_up_pow2(max_u32(capacity, REDIRECT_WAYS)), .allocator = a};
    set->entries = alloc_zeroed(a, set->capacity * sizeof *set->entries, alignof(struct redirect));
    return set->entries ? 0 : ERR_NO_MEMORY;
}

void redirect_free(struct redirect_set *set)
{
    if (set->entries)
        alloc_free(set->allocator, set->entries, set->capacity * sizeof *set->entries);
}

/* The four entries where a destination may be. */
static struct redirect *set_of(const struct stack *s, uint32_t domain, const struct ip_addr *destination)
{
    uint8_t key[24] = {0};
    store_be32(key, domain);
    memcpy(key + 8, destination->bytes, sizeof destination->bytes);
    uint32_t hash = (uint32_t)hash_sip13_24bytes(&s->settings.secret, key);
    return &s->redirects.entries[hash & (s->redirects.capacity - REDIRECT_WAYS)];
}

static struct redirect *find(const struct stack *s, uint32_t domain, const struct ip_addr *destination)
{
    struct redirect *set = set_of(s, domain, destination);
    for (unsigned i = 0; i < REDIRECT_WAYS; i++)
        if (set[i].until > s->now && set[i].domain == domain && ip_addr_equal(&set[i].destination, destination))
            return &set[i];
    return NULL;
}

static struct redirect *make(const struct stack *s, uint32_t domain, const struct ip_addr *destination)
{
    struct redirect *set = set_of(s, domain, destination), *first = set;
    for (unsigned i = 1; i < REDIRECT_WAYS; i++)
        if (set[i].until < first->until)
            first = &set[i];
    return first;
}

static bool is_by_router(const struct redirect *r) { return !ip_addr_equal(&r->target, &r->destination); }

/* RFC 4861 7.3.3: its target does not answer; 7.2.5: or says that it is no router, after it was said to be one. */
static bool is_over(struct stack *s, const struct redirect *r)
{
    uint32_t index = neighbour_find(s, r->domain, &r->target);
    if (!index)
        return false;
    const struct neighbour *n = neighbour_at(&s->neighbours, index);
    return n->state == NEIGHBOUR_FAILED || (n->not_router && is_by_router(r));
}

void redirect_apply(struct stack *s, const struct host *h, const struct ip_addr *destination, struct ip_addr *next_hop)
{
    struct redirect *r = h->redirects ? find(s, h->domain, destination) : NULL;
    if (!r)
        return;
    if (is_over(s, r))
        r->until = 0;
    else
        *next_hop = r->target;
}

/* ---- received ---- */

static bool target_ok(const struct wire_nd *m)
{
    return ip_addr_equal(&m->target, &m->destination) ||
           (!ip_addr_is_v4(&m->target) && ip_addr_is_link_local(&m->target));
}

/* The datagrams that caused it went by its sender. */
static bool is_first_hop(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    struct ip_addr hop;
    if (!route_find(&s->routes, d->host, &m->destination, &hop))
        return false;
    redirect_apply(s, d->host, &m->destination, &hop);
    return ip_addr_equal(&hop, &d->source);
}

/* 8.3: a target that is not the destination is a router, whatever it said before. */
static void believe_in_router(struct stack *s, const struct redirect *r)
{
    uint32_t index = neighbour_find(s, r->domain, &r->target);
    if (index && is_by_router(r))
        neighbour_at(&s->neighbours, index)->not_router = false;
}

static void learn_target(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    if (!(m->has & WIRE_ND_HAS_TARGET_LL))
        return;
    uint32_t index = neighbour_open(s, d->host->domain, &m->target, d->host->index, NEIGHBOUR_HEARD);
    if (index)
        neighbour_hear(s, index, m->target_ll);
}

void redirect_input(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    if (!d->host->redirects || d->broadcast) {
        STACK_DROP(s, TRACE_ARP, nd_ignored);
    } else if (!target_ok(m)) {
        STACK_DROP(s, TRACE_ARP, redirect_bad_target);
    } else if (!is_first_hop(s, d, m)) {
        STACK_DROP(s, TRACE_ARP, redirect_not_first_hop);
    } else {
        struct redirect *r = find(s, d->host->domain, &m->destination);
        r = r ? r : make(s, d->host->domain, &m->destination);
        *r = (struct redirect){.destination = m->destination,
                               .target = m->target,
                               .until = s->now + s->settings.redirect_ns,
                               .domain = d->host->domain};
        s->redirects.used = true;
        s->counters.redirects_received++;
        believe_in_router(s, r);
        learn_target(s, d, m);
    }
}
