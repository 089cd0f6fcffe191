/* SPDX-License-Identifier: MIT */
/*
 * Where a datagram of a host goes next: its subnet, its own routes, its gateway, and what routers say (ra.h) where it listens to them. Longest prefix first (RFC 1122 3.3.1).
 * Routes belong to one host.
 */
#ifndef WEIR_STACK_ROUTE_H
#define WEIR_STACK_ROUTE_H

#include "stack/host.h"

#define ROUTE_MAX_DEFAULT 16u /* of a host: gateway.h */

struct route {
    uint32_t next; /* of the same host, not longer. While free, the pool's */
    uint32_t host; /* 0: free */
    struct ip_addr prefix, gateway;
    uint8_t bits; /* of prefix that count: an IPv4 prefix begins at bit 96 */
};

/* The next hop for a unicast destination of the host's family; false: there is none. */
bool route_find(const struct pool *routes, const struct host *h, const struct ip_addr *destination,
                struct ip_addr *next_hop);
/* The prefix bits of what route_find takes, 0 for the gateway; ERR_NO_ROUTE. */
int route_bits(const struct pool *routes, const struct host *h, const struct ip_addr *destination);
/* Its index; ERR_INVALID (another family, length, a gateway that the host cannot have), ERR_NO_SPACE. */
MUST_CHECK int route_add(struct pool *routes, struct host *h, const struct ip_addr *prefix, unsigned length,
                         const struct ip_addr *gateway);
/* The host's route of that prefix, or 0. */
uint32_t route_of(const struct pool *routes, const struct host *h, const struct ip_addr *prefix, unsigned length);
void route_remove(struct pool *routes, struct host *h, uint32_t index);

#endif
