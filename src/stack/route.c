/* SPDX-License-Identifier: MIT */
/*
 * A host's routes are a list with the longest prefix first, so that the first match is the best. The subnet takes part
 * as one of them.
 */
#include "stack/route.h"

#include "base/error.h"

/* The host's route that goes before its subnet and its gateway, or NULL. */
static const struct route *better_route(const struct pool *routes, const struct host *h, uint32_t destination,
                                        bool on_link)
{
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (on_link && r->length <= h->prefix_length)
            break;
        if (((destination ^ r->prefix) & r->mask) == 0)
            return r;
        i = r->next;
    }
    return NULL;
}

bool route_find(const struct pool *routes, const struct host *h, uint32_t destination, uint32_t *next_hop)
{
    bool on_link = host_on_link(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    if (r)
        *next_hop = r->gateway;
    else
        *next_hop = on_link ? destination : h->gateway;
    return *next_hop != 0;
}

int route_length(const struct pool *routes, const struct host *h, uint32_t destination)
{
    bool on_link = host_on_link(h, destination);
    const struct route *r = better_route(routes, h, destination, on_link);
    if (r || on_link)
        return r ? r->length : h->prefix_length;
    return h->gateway ? 0 : ERR_NO_ROUTE;
}

int route_add(struct pool *routes, struct host *h, uint32_t prefix, unsigned length, uint32_t gateway)
{
    if (length > 32 || !host_on_link(h, gateway) || gateway == h->address || gateway == h->broadcast)
        return ERR_INVALID;
    uint32_t added = pool_get(routes);
    if (added == POOL_NONE)
        return ERR_NO_SPACE;
    uint32_t *link = &h->routes;
    while (*link && ((struct route *)pool_at(routes, *link))->length >= length)
        link = &((struct route *)pool_at(routes, *link))->next;
    uint32_t mask = ipv4_addr_mask(length);
    *(struct route *)pool_at(routes, added) = (struct route){.next = *link,
                                                             .host = h->index,
                                                             .prefix = prefix & mask,
                                                             .mask = mask,
                                                             .gateway = gateway,
                                                             .length = (uint8_t)length};
    *link = added;
    return (int)added;
}

uint32_t route_of(const struct pool *routes, const struct host *h, uint32_t prefix, unsigned length)
{
    for (uint32_t i = h->routes; i;) {
        const struct route *r = pool_at(routes, i);
        if (r->length == length && r->prefix == (prefix & r->mask))
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
