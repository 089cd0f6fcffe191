/* SPDX-License-Identifier: MIT */
/*
 * What the stack says of its changes, as messages to the groups (RTNLGRP_...) that sockets have joined. One that a request brought about bears its port and
 * sequence number, and with NLM_F_ECHO comes to its asker in any case.
 */
#include "socket/netlink_private.h"

static struct netlink_head head_of(const struct socket_layer *l, uint16_t type)
{
    return (struct netlink_head){.type = type, .sequence = l->netlink.sequence, .port = l->netlink.port};
}

/* Nothing was written about what programs are not shown. */
static void tell(struct socket_layer *l, unsigned group, const struct netlink_writer *w)
{
    uint64_t bit = UINT64_C(1) << (group - 1);
    for (struct socket *s = w->length ? l->netlinks : NULL; s; s = s->port_next)
        if ((s->datagram->netlink.groups & bit) || s == l->netlink.echo)
            netlink_queue(s, w->bytes, w->length, group);
}

static void tell_link(struct socket_layer *l, uint32_t index)
{
    uint8_t bytes[NETLINK_PART_BYTES];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    const struct netlink_head h = head_of(l, RTM_NEWLINK);
    l->netlink.changes[NETLINK_LINKS]++;
    if (netlink_write_link(&w, &h, l->stack, (int)index))
        tell(l, RTNLGRP_LINK, &w);
}

/* With the VLANs that are on it. */
static void tell_interface(struct socket_layer *l, unsigned interface)
{
    struct stack_link link;
    for (uint32_t i = 0; (i = stack_next_link(l->stack, i, &link)) != 0;)
        if (link.interface == interface)
            tell_link(l, i);
}

static bool is_v6(const struct socket_layer *l, uint32_t local)
{
    struct host_settings h;
    return stack_view_host(l->stack, local, &h) && !ip_addr_is_v4(&h.address);
}

static void tell_route(struct socket_layer *l, uint16_t type, const struct netlink_route *route)
{
    uint8_t bytes[256];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    const struct netlink_head h = head_of(l, type);
    l->netlink.changes[NETLINK_ROUTES]++;
    if (netlink_write_route(&w, &h, l->stack, route))
        tell(l, is_v6(l, route->local) ? RTNLGRP_IPV6_ROUTE : RTNLGRP_IPV4_ROUTE, &w);
}

static void tell_address(struct socket_layer *l, bool there, uint32_t local, int64_t now)
{
    uint8_t bytes[256];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    const struct netlink_head h = head_of(l, there ? RTM_NEWADDR : RTM_DELADDR);
    l->netlink.changes[NETLINK_ADDRESSES]++;
    if (netlink_write_address(&w, &h, l->stack, local, now))
        tell(l, is_v6(l, local) ? RTNLGRP_IPV6_IFADDR : RTNLGRP_IPV4_IFADDR, &w);
}

/* An address with the routes it makes. */
static void tell_host(struct socket_layer *l, bool added, uint32_t local, int64_t now)
{
    struct netlink_route route;
    tell_address(l, added, local, now);
    for (unsigned i = 0; netlink_host_route(l->stack, local, i, &route); i++)
        tell_route(l, added ? RTM_NEWROUTE : RTM_DELROUTE, &route);
}

static void tell_gateway(struct socket_layer *l, uint32_t local)
{
    struct host_settings h;
    struct netlink_route route = {.table = RT_TABLE_MAIN,
                                  .protocol = RTPROT_BOOT,
                                  .scope = RT_SCOPE_UNIVERSE,
                                  .type = RTN_UNICAST,
                                  .local = local};
    if (!stack_view_host(l->stack, local, &h))
        return;
    route.gateway = h.gateway;
    tell_route(l, ip_addr_is_unspecified(&h.gateway) ? RTM_DELROUTE : RTM_NEWROUTE, &route);
}

static void tell_own_route(struct socket_layer *l, bool added, uint32_t number)
{
    struct stack_route from;
    struct netlink_route route;
    if (stack_next_route(l->stack, number - 1, &from) != number)
        return;
    netlink_own_route(&from, &route);
    tell_route(l, added ? RTM_NEWROUTE : RTM_DELROUTE, &route);
}

static void tell_heard_route(struct socket_layer *l, bool added, uint32_t number, int64_t now)
{
    struct stack_route from;
    struct netlink_route route;
    if (stack_next_heard_route(l->stack, number - 1, &from) != number)
        return;
    netlink_heard_route(&from, now, &route);
    tell_route(l, added ? RTM_NEWROUTE : RTM_DELROUTE, &route);
}

static void tell_neighbour(struct socket_layer *l, bool there, uint32_t number, int64_t now)
{
    uint8_t bytes[256];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    const struct netlink_head h = head_of(l, there ? RTM_NEWNEIGH : RTM_DELNEIGH);
    struct stack_neighbour n;
    if (stack_next_neighbour(l->stack, number - 1, &n) == number && netlink_write_neighbour(&w, &h, l->stack, &n, now))
        tell(l, RTNLGRP_NEIGH, &w);
}

void netlinks_hear(struct socket_layer *l, enum stack_change what, uint32_t number, int64_t now)
{
    switch (what) {
    case STACK_INTERFACE_CHANGED:
        tell_interface(l, number);
        break;
    case STACK_LINK_ADDED:
        tell_link(l, number);
        break;
    case STACK_HOST_ADDED:
    case STACK_HOST_REMOVED:
        tell_host(l, what == STACK_HOST_ADDED, number, now);
        break;
    case STACK_HOST_CHANGED:
        tell_gateway(l, number);
        break;
    case STACK_HOST_STATE_CHANGED:
        tell_address(l, true, number, now);
        break;
    case STACK_ROUTE_ADDED:
    case STACK_ROUTE_REMOVED:
        tell_own_route(l, what == STACK_ROUTE_ADDED, number);
        break;
    case STACK_HEARD_ROUTE_ADDED:
    case STACK_HEARD_ROUTE_REMOVED:
        tell_heard_route(l, what == STACK_HEARD_ROUTE_ADDED, number, now);
        break;
    case STACK_NEIGHBOUR_CHANGED:
    case STACK_NEIGHBOUR_REMOVED:
        tell_neighbour(l, what == STACK_NEIGHBOUR_CHANGED, number, now);
        break;
    }
}
