/* SPDX-License-Identifier: MIT */
/*
 * Changes while the stack runs: interfaces up and down, addresses, routes and neighbours that go.
 *
 * A host that is removed leaves the look-up tables at once, so that nothing comes to it and nobody finds it. Its record
 * stays as it is, since frames and connections that are just ending still refer to it, and is used again only when
 * nothing does (host_is_referred_to).
 */
#include "stack/control.h"
#include "stack/stack_internal.h"

void stack_on_change(struct stack *s, stack_changed_fn *changed, void *context)
{
    s->changed = changed;
    s->changed_context = context;
}

/* ---- interfaces ---- */

static struct interface *interface_at(struct stack *s, unsigned interface)
{
    return interface < s->n_interfaces ? &s->interfaces[interface] : NULL;
}

static bool neighbour_is_on(const struct stack *s, const struct neighbour *n, unsigned interface)
{
    uint32_t segment = host_domain(&s->hosts, n->domain)->segment;
    return host_segment(&s->hosts, segment)->interface == interface;
}

static void forget_neighbours_on(struct stack *s, unsigned interface)
{
    for (uint32_t i = 1; i <= s->neighbours.pool.touched; i++) {
        const struct neighbour *n = neighbour_at(&s->neighbours, i);
        if (n->domain && n->state != NEIGHBOUR_PERMANENT && neighbour_is_on(s, n, interface))
            neighbour_forget(s, i);
    }
}

int stack_set_up(struct stack *s, unsigned interface, bool up, int64_t now)
{
    struct interface *itf = interface_at(s, interface);
    s->now = now;
    if (!itf)
        return ERR_NOT_FOUND;
    if (itf->down == !up)
        return 0;
    itf->down = !up;
    if (up)
        autoconf_interface_up(s, interface);
    else
        forget_neighbours_on(s, interface);
    stack_tell(s, STACK_INTERFACE_CHANGED, interface);
    return 0;
}

static bool has_ipv6(const struct stack *s, unsigned interface)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = host_at(&s->hosts, i);
        if (h && h->v6 && h->interface == interface)
            return true;
    }
    return false;
}

int stack_set_mtu(struct stack *s, unsigned interface, uint32_t mtu, int64_t now)
{
    struct interface *itf = interface_at(s, interface);
    s->now = now;
    if (!itf)
        return ERR_NOT_FOUND;
    uint32_t least = has_ipv6(s, interface) ? WIRE_IPV6_MIN_MTU : WIRE_IPV4_MIN_MTU;
    if (mtu < least || mtu > min_u32(itf->link->mtu, itf->mtu_added))
        return ERR_INVALID;
    itf->mtu_max = mtu;
    stack_tell(s, STACK_INTERFACE_CHANGED, interface);
    return 0;
}

/* ---- routes and gateways ---- */

int stack_remove_route(struct stack *s, uint32_t local, const struct ip_addr *prefix, uint8_t length, int64_t now)
{
    struct host *h = host_at(&s->hosts, local);
    s->now = now;
    uint32_t index = h && ip_addr_is_v4(prefix) != h->v6 ? route_of(&s->routes, h, prefix, length) : 0;
    if (!index)
        return ERR_NOT_FOUND;
    stack_tell(s, STACK_ROUTE_REMOVED, index);
    route_remove(&s->routes, h, index);
    gateway_changed(s, h);
    return 0;
}

int stack_set_gateway(struct stack *s, uint32_t local, const struct ip_addr *gateway, int64_t now)
{
    struct host *h = host_at(&s->hosts, local);
    s->now = now;
    if (!h)
        return ERR_NOT_FOUND;
    if (!ip_addr_is_unspecified(gateway) && !host_gateway_usable(h, gateway))
        return ERR_INVALID;
    h->gateway = *gateway;
    gateway_changed(s, h);
    stack_tell(s, STACK_HOST_CHANGED, local);
    return 0;
}

/* ---- neighbours ---- */

int stack_remove_neighbour(struct stack *s, uint32_t local, const struct ip_addr *address, int64_t now)
{
    const struct host *h = host_at(&s->hosts, local);
    s->now = now;
    uint32_t index = h ? neighbour_find(s, h->domain, address) : 0;
    if (!index)
        return ERR_NOT_FOUND;
    neighbour_forget(s, index);
    return 0;
}

/* ---- hosts ---- */

static bool can_ask_for(const struct host *gone, const struct host *h)
{
    return !h->removed && h->state == HOST_USABLE && h->domain == gone->domain && h->v6 == gone->v6;
}

/* A host of the same domain and family that can ask in its place, or 0. */
static uint32_t other_asker(const struct stack *s, const struct host *gone)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++)
        if (can_ask_for(gone, &s->hosts.hosts[i]))
            return i;
    return 0;
}

/* Nobody asks in the name of an address that is not ours. */
static void hand_over_neighbours(struct stack *s, const struct host *gone)
{
    uint32_t heir = other_asker(s, gone);
    for (uint32_t i = 1; i <= s->neighbours.pool.touched; i++) {
        struct neighbour *n = neighbour_at(&s->neighbours, i);
        if (n->domain != gone->domain || ip_addr_is_v4(&n->address) == gone->v6)
            continue;
        if (!heir && n->pins == 0)
            neighbour_forget(s, i); /* one with pins goes with the last of them: neighbour_unpin */
        else if (n->asker == gone->index)
            n->asker = heir;
    }
}

static void remove_routes(struct stack *s, struct host *h)
{
    while (h->routes) {
        stack_tell(s, STACK_ROUTE_REMOVED, h->routes);
        route_remove(&s->routes, h, h->routes);
    }
    gateway_changed(s, h);
}

int stack_remove_host(struct stack *s, uint32_t local, int64_t now)
{
    struct host *h = host_at(&s->hosts, local);
    s->now = now;
    if (!h)
        return ERR_NOT_FOUND;
    stack_tell(s, STACK_HOST_REMOVED, local);
    (void)stack_router_stop(s, local, now);
    autoconf_host_removed(s, h);
    host_remove(&s->hosts, h);
    forward_host_removed(s, h);
    remove_routes(s, h);
    group_host_removed(s, h);
    reassembly_forget_host(s, local);
    hand_over_neighbours(s, h);
    tcp_abort_local(s->tcp, local, now);
    udp_report_removed(s, local);
    return 0;
}

/* ---- who still refers to a host that was removed ---- */

static bool datagrams_wait(const struct stack *s, uint32_t local)
{
    for (uint32_t i = 1; i <= s->neighbours.pool.touched; i++) {
        const struct neighbour *n = neighbour_at(&s->neighbours, i);
        for (const struct packet *p = n->domain ? n->queue : NULL; p; p = p->next)
            if ((uint32_t)p->holder_word == local)
                return true;
        if (n->domain && n->asker == local)
            return true;
    }
    return false;
}

bool host_is_referred_to(const struct stack *s, uint32_t local)
{
    return udp_uses_local(&s->udp, local) || tcp_uses_local(s->tcp, local) || datagrams_wait(s, local);
}
