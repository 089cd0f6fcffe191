/* SPDX-License-Identifier: MIT */
/*
 * The stack as its administrator sees it (netlink, `ip`): what there is, changed while it runs, and news of changes.
 *
 * Things are named by numbers: an interface by its own, a host by its local address index, a route and a neighbour by a
 * number of theirs. A stack_next_... walks through what there is in the order of these numbers, beginning with after =
 * 0; it returns 0 at the end, and may be gone on with whatever changed in between. Nothing here is for the data path:
 * most of it is linear in what there is.
 */
#ifndef WEIR_STACK_CONTROL_H
#define WEIR_STACK_CONTROL_H

#include "stack/stack.h"

/* ---- news ---- */

enum stack_change {
    STACK_INTERFACE_CHANGED, /* up, down, MTU */
    STACK_LINK_ADDED,        /* a VLAN, with its first host */
    STACK_HOST_ADDED,
    STACK_HOST_REMOVED,       /* it can still be viewed during the call, as all that is removed */
    STACK_HOST_CHANGED,       /* its gateway */
    STACK_HOST_STATE_CHANGED, /* stack_address.state, or its lifetimes */
    STACK_ROUTE_ADDED,
    STACK_ROUTE_REMOVED,
    STACK_HEARD_ROUTE_ADDED, /* of a router; its lifetime alone is no news */
    STACK_HEARD_ROUTE_REMOVED,
    STACK_NEIGHBOUR_CHANGED, /* state or MAC */
    STACK_NEIGHBOUR_REMOVED,
};
/* Something changed. The callback takes note: it calls nothing that changes the stack. */
typedef void stack_changed_fn(void *context, enum stack_change what, uint32_t number, int64_t now);
/* Who hears of changes; NULL: nobody. */
void stack_on_change(struct stack *s, stack_changed_fn *changed, void *context);

/* ---- interfaces ---- */

struct stack_interface {
    const char *name; /* the link's */
    uint8_t mac[6];
    uint32_t mtu, mtu_max; /* now, and the most that stack_set_mtu takes */
    bool up;
    const struct link_counters *counters; /* the link's, as long as it lives */
};
unsigned stack_interface_count(const struct stack *s);
bool stack_view_interface(const struct stack *s, unsigned interface, struct stack_interface *out);
/*
 * Down: nothing comes in (l2_interface_down) and nothing goes out (tx_interface_down), its neighbours are forgotten and
 * nothing is routed over it; connections notice as they notice a cut cable. ERR_NOT_FOUND.
 */
int stack_set_up(struct stack *s, unsigned interface, bool up, int64_t now);
/* 68, or 1280 with an IPv6 host on it, to mtu_max. Connections that exist find a smaller one out by themselves. ERR_NOT_FOUND, ERR_INVALID. */
int stack_set_mtu(struct stack *s, unsigned interface, uint32_t mtu, int64_t now);

/* ---- links: the interfaces and the VLANs on them ---- */

/* A VLAN stays when its last host is removed. */
struct stack_link {
    unsigned interface;
    uint32_t below;           /* the link that it is a VLAN of; 0: it is the interface itself */
    unsigned vlan_count;      /* tags, outermost first; the last one is its own */
    struct host_vlan vlan[2]; /* without priorities */
    uint32_t overhead;        /* of the interface's MTU */
};
uint32_t stack_next_link(const struct stack *s, uint32_t after, struct stack_link *out);
bool stack_view_link(const struct stack *s, uint32_t link, struct stack_link *out);
/* The link that a host lives on: an interface's number + 1, or a VLAN's. 0: no such host. At no cost. */
uint32_t stack_link_number(const struct stack *s, uint32_t local);

/* ---- hosts ---- */

uint32_t stack_next_host(const struct stack *s, uint32_t after);
/* As it was added, with the MAC it has. */
bool stack_view_host(const struct stack *s, uint32_t local, struct host_settings *out);
/*
 * The address is ours no more: connections of it are reset, UDP bindings to it hear of ERR_CLOSED (with no datagram
 * quoted), its routes and groups go, its fragments too. The index is not given again while a binding, listener or
 * connection has it. ERR_NOT_FOUND.
 */
int stack_remove_host(struct stack *s, uint32_t local, int64_t now);
/* Its gateway; unspecified: none. ERR_NOT_FOUND, ERR_INVALID (as in stack_add_host). */
int stack_set_gateway(struct stack *s, uint32_t local, const struct ip_addr *gateway, int64_t now);

enum stack_address_state {
    STACK_ADDRESS_PREFERRED,
    STACK_ADDRESS_DEPRECATED, /* not for new flows */
    STACK_ADDRESS_TENTATIVE,  /* not used yet */
    STACK_ADDRESS_DUPLICATE,  /* never used */
};
struct stack_address {
    enum stack_address_state state;
    uint32_t station;                     /* the link-local host that made it; 0: it was added */
    bool temporary;                       /* RFC 8981 */
    int64_t preferred_until, valid_until; /* TIME_NEVER for those added */
};
bool stack_view_address(const struct stack *s, uint32_t local, struct stack_address *out);
/* The name servers that routers told a host of, at most n; returns how many. */
unsigned stack_name_servers(const struct stack *s, uint32_t local, struct ip_addr *servers, unsigned n);

/* ---- routes, beside subnets and gateways ---- */

struct stack_route {
    uint32_t local;
    struct ip_addr prefix, gateway;
    uint8_t length;
    /* Of those heard of routers: */
    uint8_t preference; /* RA_PREFERENCE_... */
    int64_t until;
};
uint32_t stack_next_route(const struct stack *s, uint32_t after, struct stack_route *out);
/*
 * What those who listen to routers have of them: default routers (gateway, length 0) and prefixes on link (no gateway),
 * once for all hosts of a domain, of which `local` is one. A walk with numbers of its own.
 */
uint32_t stack_next_heard_route(const struct stack *s, uint32_t after, struct stack_route *out);
/* Where a host sends what goes to a unicast destination: to itself, or to a gateway. False: nowhere. */
bool stack_next_hop(const struct stack *s, uint32_t local, const struct ip_addr *destination, struct ip_addr *out);
/* The route of that prefix. Connections keep the next hop they began with. ERR_NOT_FOUND. */
int stack_remove_route(struct stack *s, uint32_t local, const struct ip_addr *prefix, uint8_t length, int64_t now);

/* ---- neighbours ---- */

/* In this order: from PROBE on it is used without further ado; see neighbour.h. */
enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_INCOMPLETE,
    NEIGHBOUR_FAILED,
    NEIGHBOUR_STALE,
    NEIGHBOUR_PROBE,
    NEIGHBOUR_DELAY,
    NEIGHBOUR_REACHABLE,
    NEIGHBOUR_PERMANENT,
};
struct stack_neighbour {
    unsigned interface;
    uint32_t segment; /* for stack_neighbour_link */
    uint32_t local;   /* a local address that may ask for it */
    struct ip_addr address;
    uint8_t mac[6]; /* from STALE on */
    enum neighbour_state state;
    int64_t since; /* when it came to this state */
};
/* The link that it is on. */
uint32_t stack_neighbour_link(const struct stack *s, const struct stack_neighbour *n);
uint32_t stack_next_neighbour(const struct stack *s, uint32_t after, struct stack_neighbour *out);
/*
 * What is known of it, be it permanent; connections ask again. ERR_NOT_FOUND. (stack_add_neighbour adds and changes.)
 */
int stack_remove_neighbour(struct stack *s, uint32_t local, const struct ip_addr *address, int64_t now);

#endif
