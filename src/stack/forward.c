/* SPDX-License-Identifier: MIT */
/*
 * Routers and their tables: see forward.h and forward_internal.h. Changes are linear in the hosts; removing a host is
 * linear in the routes too.
 */
#include "stack/forward_internal.h"

#include "stack/stack_internal.h"

void forward_settings_default(struct forward_settings *t)
{
    *t = (struct forward_settings){.max_next_hops = 1024, .fill_options = true};
}

/* ---- routers ---- */

static struct router *router_of(const struct stack *s, uint32_t vrf)
{
    for (unsigned i = 0; i < s->forward.count; i++)
        if (s->forward.routers[i]->vrf == vrf)
            return s->forward.routers[i];
    return NULL;
}

/* Its number in domains, or 0. */
static uint32_t router_number(const struct stack *s, uint32_t vrf)
{
    for (unsigned i = 0; i < s->forward.count; i++)
        if (s->forward.routers[i]->vrf == vrf)
            return i + 1;
    return 0;
}

static uint32_t vrf_of(const struct stack *s, const struct host *h) { return host_domain(&s->hosts, h->domain)->vrf; }

static void router_delete(struct stack *s, struct router *r)
{
    lpm_free(&r->table);
    pool_free(&r->hops);
    table_free(&r->by_hop);
    alloc_free(s->allocator, r, sizeof *r);
}

static int router_new(struct stack *s, uint32_t vrf, const struct forward_settings *t, struct router **out)
{
    struct router *r = alloc_zeroed(s->allocator, sizeof *r, alignof(struct router));
    if (!r)
        return ERR_NO_MEMORY;
    r->vrf = vrf;
    r->fill_options = t->fill_options;
    lpm_init(&r->table, s->allocator);
    int error = pool_init(&r->hops, s->allocator, t->max_next_hops, sizeof(struct next_hop), alignof(struct next_hop));
    if (!error)
        error = table_init(&r->by_hop, s->allocator, t->max_next_hops);
    if (error)
        router_delete(s, r);
    else
        *out = r;
    return error;
}

void forward_free(struct stack *s)
{
    for (unsigned i = 0; i < s->forward.count; i++)
        router_delete(s, s->forward.routers[i]);
    s->forward.count = 0;
}

/* Takes back the newest. */
static void router_withdraw(struct stack *s)
{
    uint32_t number = s->forward.count;
    for (uint32_t i = 1; i <= s->hosts.domains.touched; i++)
        if (host_domain(&s->hosts, i)->router == number)
            host_domain(&s->hosts, i)->router = 0;
    router_delete(s, s->forward.routers[--s->forward.count]);
}

int forward_start(struct stack *s, uint32_t vrf, const struct forward_settings *t)
{
    struct router *r;
    if (t->max_next_hops == 0 || t->max_next_hops > FORWARD_INDEX)
        return ERR_INVALID;
    if (router_of(s, vrf))
        return ERR_EXISTS;
    if (s->forward.count == FORWARD_MAX_ROUTERS)
        return ERR_NO_SPACE;
    int error = router_new(s, vrf, t, &r);
    if (error)
        return error;
    s->forward.routers[s->forward.count++] = r;
    for (uint32_t i = 1; i <= s->hosts.count && !error; i++)
        if (host_at(&s->hosts, i))
            error = forward_host_added(s, &s->hosts.hosts[i]);
    if (error)
        router_withdraw(s);
    return error;
}

/* ---- next hops ---- */

static uint32_t hop_tag(uint32_t local, const struct ip_addr *gateway) { return host_ip_tag(local, gateway); }

static struct next_hop *hop_at(const struct router *r, uint32_t index) { return pool_at(&r->hops, index); }

static bool hop_is(const struct next_hop *n, const struct forward_route *route)
{
    return n->local == route->local && ip_addr_equal(&n->gateway, &route->gateway);
}

/* Finds or makes it; 0: there are too many. */
static uint32_t hop_open(struct router *r, const struct forward_route *route)
{
    if (r->last && hop_is(hop_at(r, r->last), route))
        return r->last;
    uint32_t tag = hop_tag(route->local, &route->gateway);
    for (uint32_t at = tag, i; (i = table_next(&r->by_hop, tag, &at)) != 0;)
        if (hop_is(hop_at(r, i), route))
            return r->last = i;
    uint32_t index = pool_get(&r->hops);
    if (index == POOL_NONE)
        return 0;
    *hop_at(r, index) = (struct next_hop){.local = route->local, .gateway = route->gateway};
    int error = table_add(&r->by_hop, tag, index);
    assert(!error); /* as large as the pool */
    (void)error;
    return r->last = index;
}

static void hop_close_unused(struct router *r, uint32_t index)
{
    struct next_hop *n = hop_at(r, index);
    if (n->routes != 0)
        return;
    if (r->last == index)
        r->last = 0;
    table_remove(&r->by_hop, hop_tag(n->local, &n->gateway), index);
    n->local = 0;
    pool_put(&r->hops, index);
}

static bool is_hop(uint32_t value) { return value != 0 && (value & (FORWARD_OWN | FORWARD_SUBNET)) == 0; }

static void hop_release(struct router *r, uint32_t value)
{
    if (!is_hop(value))
        return;
    hop_at(r, value)->routes--;
    hop_close_unused(r, value);
}

/* ---- routes ---- */

static bool route_ok(const struct stack *s, uint32_t vrf, const struct forward_route *route)
{
    const struct host *h = host_at(&s->hosts, route->local);
    const struct ip_prefix *p = &route->prefix;
    if (!h || vrf_of(s, h) != vrf || ip_addr_is_v4(&p->addr) == h->v6 || p->length > ip_addr_bits(&p->addr))
        return false;
    bool multicast = p->length >= (h->v6 ? 8 : 4) && ip_addr_is_multicast(&p->addr);
    return !multicast && (ip_addr_is_unspecified(&route->gateway) || host_gateway_usable(h, &route->gateway));
}

/* An unspecified gateway has one form. */
static void plain_gateway(struct forward_route *route)
{
    if (ip_addr_is_unspecified(&route->gateway))
        route->gateway = (struct ip_addr){{0}};
}

int forward_add_route(struct stack *s, uint32_t vrf, const struct forward_route *route)
{
    struct router *r = router_of(s, vrf);
    struct forward_route plain = *route;
    if (!r)
        return ERR_NOT_FOUND;
    if (!route_ok(s, vrf, route))
        return ERR_INVALID;
    plain_gateway(&plain);
    uint32_t hop = hop_open(r, &plain);
    if (!hop)
        return ERR_NO_SPACE;
    int error = lpm_add(&r->table, &route->prefix, hop);
    if (error)
        hop_close_unused(r, hop);
    else
        hop_at(r, hop)->routes++;
    return error;
}

static void remove_found(struct router *r, const struct ip_prefix *prefix, uint32_t value)
{
    int error = lpm_remove(&r->table, prefix);
    assert(!error);
    (void)error;
    hop_release(r, value);
}

int forward_remove_route(struct stack *s, uint32_t vrf, const struct ip_prefix *prefix)
{
    struct router *r = router_of(s, vrf);
    uint32_t value = r && prefix->length <= ip_addr_bits(&prefix->addr) ? lpm_find(&r->table, prefix) : 0;
    if (!is_hop(value))
        return ERR_NOT_FOUND;
    remove_found(r, prefix, value);
    return 0;
}

bool forward_find(const struct stack *s, uint32_t vrf, const struct ip_addr *destination, struct forward_route *out)
{
    const struct router *r = router_of(s, vrf);
    uint32_t value = r ? lpm_lookup(&r->table, destination) : 0;
    if (!value)
        return false;
    *out = (struct forward_route){.prefix = {.addr = *destination, .length = (uint8_t)ip_addr_bits(destination)}};
    out->local = value & FORWARD_INDEX;
    if (is_hop(value)) {
        out->local = hop_at(r, value)->local;
        out->gateway = hop_at(r, value)->gateway;
    }
    return true;
}

uint32_t forward_route_count(const struct stack *s, uint32_t vrf)
{
    const struct router *r = router_of(s, vrf);
    return r ? lpm_count(&r->table) : 0;
}

size_t forward_memory(const struct stack *s, uint32_t vrf)
{
    const struct router *r = router_of(s, vrf);
    return r ? lpm_memory(&r->table) : 0;
}

/* ---- hosts ---- */

static struct ip_prefix own_prefix(const struct host *h)
{
    return (struct ip_prefix){.addr = h->ip, .length = h->v6 ? 128 : 32};
}
static struct ip_prefix subnet_prefix(const struct host *h)
{
    return (struct ip_prefix){.addr = ip_addr_first_bits(&h->ip, h->bits), .length = (uint8_t)host_prefix_length(h)};
}

/* A host's own prefix takes the place of a route, but not of another host's. */
static int claim(struct router *r, const struct ip_prefix *prefix, uint32_t value)
{
    uint32_t before = lpm_find(&r->table, prefix);
    if (!before)
        return lpm_add(&r->table, prefix, value);
    bool weaker = is_hop(before) || ((value & FORWARD_OWN) && !(before & FORWARD_OWN));
    if (!weaker)
        return 0;
    int error = lpm_replace(&r->table, prefix, value);
    assert(!error);
    hop_release(r, before);
    return error;
}

static bool is_routed(const struct host *h) { return !ip_addr_is_link_local(&h->ip); }

static void choose_face(struct stack *s, uint32_t domain, bool v6)
{
    uint32_t face = 0;
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = host_at(&s->hosts, i);
        if (!h || h->domain != domain || h->v6 != v6)
            continue;
        if (!face || (is_routed(h) && !is_routed(&s->hosts.hosts[face])))
            face = i;
    }
    host_domain(&s->hosts, domain)->face[v6] = face;
}

static int claim_prefixes(struct router *r, const struct host *h)
{
    const struct ip_prefix own = own_prefix(h), subnet = subnet_prefix(h);
    int error = claim(r, &own, FORWARD_OWN | h->index);
    if (!error && subnet.length < own.length)
        error = claim(r, &subnet, FORWARD_SUBNET | h->index);
    return error;
}

int forward_host_added(struct stack *s, const struct host *h)
{
    uint32_t number = s->forward.count ? router_number(s, vrf_of(s, h)) : 0;
    if (!number)
        return 0;
    struct domain *d = host_domain(&s->hosts, h->domain);
    d->router = number;
    uint32_t *face = &d->face[h->v6];
    if (!*face || (is_routed(h) && !is_routed(&s->hosts.hosts[*face])))
        *face = h->index;
    return is_routed(h) ? claim_prefixes(s->forward.routers[number - 1], h) : 0;
}

/* A host that can have a prefix after another one. */
static uint32_t heir_of(const struct stack *s, const struct router *r, const struct host *gone, bool own)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = host_at(&s->hosts, i);
        if (!h || h == gone || vrf_of(s, h) != r->vrf || h->v6 != gone->v6)
            continue;
        if (own ? ip_addr_equal(&h->ip, &gone->ip)
                : h->bits == gone->bits && ip_addr_same_bits(&h->ip, &gone->ip, h->bits))
            return i;
    }
    return 0;
}

static void give_up(struct stack *s, struct router *r, const struct host *gone, bool own)
{
    const struct ip_prefix prefix = own ? own_prefix(gone) : subnet_prefix(gone);
    uint32_t kind = own ? FORWARD_OWN : FORWARD_SUBNET, heir = heir_of(s, r, gone, own);
    if (lpm_find(&r->table, &prefix) != (kind | gone->index))
        return;
    int error = heir ? lpm_replace(&r->table, &prefix, kind | heir) : lpm_remove(&r->table, &prefix);
    assert(!error);
    (void)error;
}

static void remove_routes_by(struct router *r, uint32_t local)
{
    for (struct lpm_route at = {.value = 0}; lpm_next(&r->table, &at);)
        if (is_hop(at.value) && hop_at(r, at.value)->local == local)
            remove_found(r, &at.prefix, at.value);
}

static bool has_routes_by(const struct router *r, uint32_t local)
{
    for (uint32_t i = 1; i <= r->hops.touched; i++)
        if (hop_at(r, i)->local == local && hop_at(r, i)->routes)
            return true;
    return false;
}

void forward_host_removed(struct stack *s, const struct host *h)
{
    struct domain *d = host_domain(&s->hosts, h->domain);
    if (!d->router)
        return;
    struct router *r = s->forward.routers[d->router - 1];
    give_up(s, r, h, true);
    give_up(s, r, h, false);
    if (has_routes_by(r, h->index))
        remove_routes_by(r, h->index);
    choose_face(s, h->domain, h->v6);
}
