/* SPDX-License-Identifier: MIT */
/*
 * A host's routes are a list with the longest prefix first, so that the first match is the best. The subnet takes part
 * as one of them.
 */
#include "stack/route.h"

#include "base/error.h"
#include "stack/gateway.h"
#include "stack/ra.h"

/* The bits of the prefix by which a destination is on link, or -1. */
static int on_link_bits(const struct host *h, const struct ip_addr *destination)
{
    if (host_on_link(h, destination))
        return h->bits;
    return unlikely(h->ra != NULL) ? ra_on_link_bits(h->ra, destination) : -1;
}

/* The host's route that goes before its subnet and its gateways, or NULL. */
static const struct route *better_route(const struct pool *routes, const struct host *h,
                                        const struct ip_addr *destination, int on_link)
{
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (r->bits <= on_link || r->bits == host_bits(h, 0))
            break;
        if (ip_addr_same_bits(destination, &r->prefix, r->bits))
            return r;
        i = r->next;
    }
    return NULL;
}

bool route_find(const struct pool *routes, const struct host *h, const struct ip_addr *destination,
                struct ip_addr *next_hop)
{
    int on_link = on_link_bits(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    const struct ip_addr *by = r ? &r->gateway : on_link >= 0 ? destination : gateway_in_use(routes, h);
    if (by)
        *next_hop = *by;
    return by != NULL;
}

int route_bits(const struct pool *routes, const struct host *h, const struct ip_addr *destination)
{
    int on_link = on_link_bits(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    if (r || on_link >= 0)
        return r ? r->bits : on_link;
    return gateway_in_use(routes, h) ? 0 : ERR_NO_ROUTE;
}

int route_add(struct pool *routes, struct host *h, const struct ip_addr *prefix, unsigned length,
              const struct ip_addr *gateway)
{
    if (ip_addr_is_v4(prefix) == h->v6 || length > ip_addr_bits(prefix) || !host_gateway_usable(h, gateway))
        return ERR_INVALID;
    if (length == 0 && h->default_routes == ROUTE_MAX_DEFAULT)
        return ERR_NO_SPACE;
    uint32_t added = pool_get(routes);
    if (added == POOL_NONE)
        return ERR_NO_SPACE;
    unsigned bits = host_bits(h, length);
    uint32_t *link = &h->routes;
    h->default_routes = (uint8_t)(h->default_routes + (length == 0));
    while (*link && ((struct route *)pool_at(routes, *link))->bits >= bits)
        link = &((struct route *)pool_at(routes, *link))->next;
    *(struct route *)pool_at(routes, added) = (struct route){.next = *link,
                                                             .host = h->index,
                                                             .prefix = ip_addr_first_bits(prefix, bits),
                                                             .gateway = *gateway,
                                                             .bits = (uint8_t)bits};
    *link = added;
    return (int)added;
}

uint32_t route_of(const struct pool *routes, const struct host *h, const struct ip_addr *prefix, unsigned length)
{
    unsigned bits = host_bits(h, length);
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (r->bits == bits && ip_addr_same_bits(&r->prefix, prefix, bits))
            return i;
        i = r->next;
    }
    return 0;
}

void route_remove(struct pool *routes, struct host *h, uint32_t index)
{
    struct route *r = pool_at(routes, index);
    uint32_t *link = &h->routes;
    while (*link != index)
        link = &((struct route *)pool_at(routes, *link))->next;
    *link = r->next;
    h->default_routes = (uint8_t)(h->default_routes - (r->bits == host_bits(h, 0)));
    r->host = 0;
    pool_put(routes, index);
}
