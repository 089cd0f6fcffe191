/* SPDX-License-Identifier: MIT */
/*
 * A host's routes are a list with the longest prefix first, so that the first match is the best. The subnet takes part
 * as one of them.
 */
#include "stack/route.h"

#include "base/error.h"

/* The host's route that goes before its subnet and its gateway, or NULL. */
static const struct route *better_route(const struct pool *routes, const struct host *h,
                                        const struct ip_addr *destination, bool on_link)
{
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (on_link && r->bits <= h->bits)
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
    bool on_link = host_on_link(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    if (r)
        *next_hop = r->gateway;
    else
        *next_hop = on_link ? *destination : h->gateway;
    return !ip_addr_is_unspecified(next_hop);
}

int route_bits(const struct pool *routes, const struct host *h, const struct ip_addr *destination)
{
    bool on_link = host_on_link(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    if (r || on_link)
        return r ? r->bits : h->bits;
    return ip_addr_is_unspecified(&h->gateway) ? ERR_NO_ROUTE : 0;
}

int route_add(struct pool *routes, struct host *h, const struct ip_addr *prefix, unsigned length,
              const struct ip_addr *gateway)
{
    if (ip_addr_is_v4(prefix) == h->v6 || length > ip_addr_bits(prefix) || !host_gateway_usable(h, gateway))
        return ERR_INVALID;
    uint32_t added = pool_get(routes);
    if (added == POOL_NONE)
        return ERR_NO_SPACE;
    unsigned bits = host_bits(h, length);
    uint32_t *link = &h->routes;
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
    r->host = 0;
    pool_put(routes, index);
}
