/* SPDX-License-Identifier: MIT */
/*
 * Routers that advertise themselves: RFC 4861 6.2, RFC 4191, RFC 8106. A router is a station with a link-local host, from
 * which it speaks; all hosts with its MAC in that domain say in advertisements that they are a router's. Whether
 * anything is forwarded is not decided here.
 *
 * Owned by the stack; a bounded set (stack_settings.max_routers), looked through each turn. Advertisements go to all
 * nodes: the first three at most 16 s apart, then at random within the interval; solicitations bring the next one
 * nearer, never closer than 3 s to the one before, so that a flood of them costs nothing.
 */
#ifndef WEIR_STACK_ND_ROUTER_H
#define WEIR_STACK_ND_ROUTER_H

#include "base/pool.h"
#include "stack/stack.h"
#include "wire/nd.h"

struct stack_router_settings {
    uint32_t local;                           /* a link-local IPv6 address */
    int64_t min_interval_ns, max_interval_ns; /* default 198 and 600 s; from 3 s to 3/4 of it, from 4 to 1800 s */
    uint16_t lifetime_s;                      /* as a default router; default 1800; 0, or from max_interval to 9000 */
    uint8_t hop_limit;                        /* default 64; 0: not told, as the next ones */
    uint8_t preference;                       /* RFC 4191 2.1 as on the wire: 0 medium, 1 high, 3 low */
    bool managed, other;                      /* addresses, and other things, by DHCPv6 */
    uint32_t mtu, reachable_ms;               /* from 1280 to the link's; to 3,600,000 */
    uint32_t retrans_ms;
    unsigned n_prefixes, n_dns;
    struct wire_nd_prefix prefix[WIRE_ND_MAX_PREFIXES];
    struct wire_nd_dns dns[WIRE_ND_MAX_DNS];
};
void stack_router_settings_default(struct stack_router_settings *t);

/* ERR_INVALID (a value out of its bounds, no such address, the link-local prefix), ERR_EXISTS, ERR_NO_SPACE. */
MUST_CHECK int stack_router_start(struct stack *s, const struct stack_router_settings *t, int64_t now);
/* It says that it is none any more: 6.2.5. ERR_NOT_FOUND. */
int stack_router_stop(struct stack *s, uint32_t local, int64_t now);

/* ---- for the stack ---- */

struct nd_router {
    uint32_t free;  /* the pool's */
    uint32_t local; /* 0: free */
    uint8_t initial;
    int64_t min_ns, max_ns;
    int64_t next, last; /* advertisements */
    struct wire_nd message;
};

struct datagram;
struct host;
void nd_router_tick(struct stack *s, int64_t now);
int64_t nd_router_deadline(const struct stack *s);
/* A solicitation whose form is in order. */
void nd_router_solicited(struct stack *s, const struct datagram *d, const struct wire_nd *m);
/* A host of the segment that is a router, or NULL. */
struct host *nd_router_find(const struct stack *s, uint32_t segment);
/* Whether a host is of a station that is a router. */
bool nd_router_has_station(const struct stack *s, const struct host *h);

#endif
