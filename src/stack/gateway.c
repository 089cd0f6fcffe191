/* SPDX-License-Identifier: MIT */
/*
 * Default gateways: see gateway.h. Nothing here is done for a packet as long as the first gateway is in use.
 */
#include "stack/gateway.h"

#include "stack/ra.h"
#include "stack/stack_internal.h"

static bool is_default(const struct host *h, const struct route *r) { return r->bits == host_bits(h, 0); }

/* The host's default gateway of that number, or NULL. */
static const struct ip_addr *nth(const struct pool *routes, const struct host *h, unsigned number)
{
    if (!ip_addr_is_unspecified(&h->gateway) && number-- == 0)
        return &h->gateway;
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (is_default(h, r) && number-- == 0)
            return &r->gateway;
        i = r->next;
    }
    return NULL;
}

const struct ip_addr *gateway_in_use(const struct pool *routes, const struct host *h)
{
    if (unlikely(h->default_routes))
        return nth(routes, h, h->gateway_at);
    if (!ip_addr_is_unspecified(&h->gateway))
        return &h->gateway;
    return h->ra ? ra_default_router(h->ra) : NULL;
}

static unsigned count(const struct host *h) { return h->default_routes + !ip_addr_is_unspecified(&h->gateway); }
static bool has_spare(const struct host *h) { return h->default_routes != 0 && count(h) > 1; }

void gateway_changed(struct stack *s, struct host *h)
{
    bool spare = !h->removed && has_spare(h);
    s->spare_gateways += spare - h->spare_gateway;
    h->spare_gateway = spare;
    h->gateway_at = 0;
    h->gateway_ask_at = INT64_MIN;
}

/* ---- one fails, one comes back ---- */

static bool has_failed(struct stack *s, const struct host *h, unsigned number)
{
    uint32_t i = neighbour_find(s, h->domain, nth(&s->routes, h, number));
    return i && neighbour_at(&s->neighbours, i)->state == NEIGHBOUR_FAILED;
}

/* The next one that has not failed, else simply the next. */
static bool move_on(struct stack *s, struct host *h)
{
    unsigned n = count(h), at = (h->gateway_at + 1u) % n;
    for (unsigned tried = 1; tried < n && has_failed(s, h, at); tried++)
        at = (at + 1) % n;
    bool other = at != h->gateway_at;
    h->gateway_at = (uint8_t)at;
    h->gateway_ask_at = s->now + s->settings.arp_reachable_ns;
    s->counters.gateways_changed += other;
    return other;
}

/* The number of a gateway among those of the host, or count(). */
static unsigned number_of(const struct stack *s, const struct host *h, const struct ip_addr *address)
{
    unsigned i = 0, n = count(h);
    while (i < n && !ip_addr_equal(nth(&s->routes, h, i), address))
        i++;
    return i;
}

static struct host *spare_host(struct stack *s, uint32_t local, const struct neighbour *n)
{
    struct host *h = &s->hosts.hosts[local];
    return h->spare_gateway && h->domain == n->domain && h->v6 != ip_addr_is_v4(&n->address) ? h : NULL;
}

bool gateway_failed(struct stack *s, uint32_t neighbour)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    bool other = false;
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        struct host *h = spare_host(s, i, n);
        if (h && number_of(s, h, &n->address) == h->gateway_at)
            other |= move_on(s, h);
    }
    return other;
}

/* Connections that wait for a neighbour which does not answer, and may go by another one. */
static void wake_waiting(struct stack *s, const struct neighbour *by)
{
    for (uint32_t i = 1; i <= s->neighbours.pool.touched; i++) {
        struct neighbour *n = neighbour_at(&s->neighbours, i);
        if (n != by && n->domain == by->domain && n->waiters.head)
            tcp_path_ready(s->tcp, &n->waiters, true, s->now);
    }
}

void gateway_known(struct stack *s, uint32_t neighbour)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    bool used = false;
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        struct host *h = spare_host(s, i, n);
        unsigned number = h ? number_of(s, h, &n->address) : 0;
        if (!h || number == count(h))
            continue;
        used |= number == h->gateway_at;
        if (number >= h->gateway_at)
            continue;
        h->gateway_at = (uint8_t)number;
        s->counters.gateways_changed++;
    }
    if (used)
        wake_waiting(s, n);
}

/* ---- while another one is in use ---- */

void gateway_ask_again(struct stack *s, const struct host *from)
{
    struct host *h = &s->hosts.hosts[from->index];
    if (s->now < h->gateway_ask_at)
        return;
    h->gateway_ask_at = s->now + s->settings.arp_reachable_ns;
    for (unsigned i = 0; i < h->gateway_at; i++) {
        uint32_t index = neighbour_open(s, h->domain, nth(&s->routes, h, i), h->index, NEIGHBOUR_HEARD);
        if (index)
            (void)neighbour_use(s, neighbour_at(&s->neighbours, index), index, h->index);
    }
}

uint32_t gateway_stand_in(struct stack *s, const struct host *h, uint32_t neighbour)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    unsigned number = h->spare_gateway ? number_of(s, h, &n->address) : 0;
    if (!h->spare_gateway || number == count(h) || number == h->gateway_at)
        return 0;
    uint32_t index = neighbour_open(s, h->domain, nth(&s->routes, h, h->gateway_at), h->index, NEIGHBOUR_OWN);
    return index && neighbour_use(s, neighbour_at(&s->neighbours, index), index, h->index) ? index : 0;
}
