/* SPDX-License-Identifier: MIT */
/*
 * Routes heard of routers as their administrator sees them (control.h), and news of them. They belong to a domain, not to
 * a host: each is shown once, in the name of the domain's first station that listens, and as long as there is one.
 *
 * A route's number is its domain's and its slot in the domain's lists (ra.h): routers first, prefixes behind them.
 */
#include "stack/control.h"

#include "stack/stack_internal.h"

#define SLOTS (RA_MAX_ROUTERS + RA_MAX_PREFIXES)

static bool is_station_of(const struct stack *s, const struct host *h, const struct ra_view *v)
{
    return h && h->ra == v && autoconf_at(&s->autoconf, h)->station == 0;
}

/* The first station of a domain behind `after`, or 0. */
static uint32_t next_station(const struct stack *s, const struct ra_view *v, uint32_t after)
{
    for (uint32_t i = after + 1; i <= s->hosts.count; i++)
        if (is_station_of(s, host_at(&s->hosts, i), v))
            return i;
    return 0;
}

static uint32_t number_of(const struct ra_view *v, unsigned slot) { return (v->domain - 1) * SLOTS + slot + 1; }

static bool view_slot(const struct ra_view *v, unsigned slot, struct stack_route *out)
{
    if (slot < RA_MAX_ROUTERS) {
        const struct ra_router *r = &v->routers[slot];
        *out = (struct stack_route){.gateway = r->address, .until = r->until, .preference = r->preference};
        return slot < v->n_routers;
    }
    const struct ra_prefix *p = &v->prefixes[slot - RA_MAX_ROUTERS];
    *out = (struct stack_route){
        .prefix = p->prefix, .length = p->length, .until = p->on_link_until, .preference = RA_PREFERENCE_MEDIUM};
    return p->on_link;
}

uint32_t stack_next_heard_route(const struct stack *s, uint32_t after, struct stack_route *out)
{
    uint32_t slot = after % SLOTS;
    for (uint32_t i = after / SLOTS + 1; i <= s->hosts.domains.touched; i++, slot = 0) {
        const struct ra_view *v = host_domain(&s->hosts, i)->ra;
        uint32_t station = v ? next_station(s, v, 0) : 0;
        for (; station != 0 && slot < SLOTS; slot++)
            if (view_slot(v, slot, out)) {
                out->local = station;
                return number_of(v, slot);
            }
    }
    return 0;
}

static void tell_slot(struct stack *s, const struct ra_view *v, unsigned slot, bool added)
{
    stack_tell(s, added ? STACK_HEARD_ROUTE_ADDED : STACK_HEARD_ROUTE_REMOVED, number_of(v, slot));
}

void ra_tell_router(struct stack *s, const struct ra_view *v, unsigned router, bool added)
{
    tell_slot(s, v, router, added);
}

void ra_tell_prefix(struct stack *s, const struct ra_view *v, const struct ra_prefix *p, bool added)
{
    tell_slot(s, v, RA_MAX_ROUTERS + (unsigned)(p - v->prefixes), added);
}

void ra_tell_station(struct stack *s, const struct host *h, bool added)
{
    const struct ra_view *v = h->ra;
    struct stack_route route;
    if (!s->changed || !v || !is_station_of(s, h, v))
        return;
    uint32_t first = next_station(s, v, 0);
    if (first != h->index || next_station(s, v, first) != 0)
        return; /* others listen too: what is shown stays */
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (view_slot(v, slot, &route))
            tell_slot(s, v, slot, added);
}
