/* SPDX-License-Identifier: MIT */
/*
 * Where a datagram of a host goes next: its subnet, its own routes, its gateway. Longest prefix first (RFC 1122 3.3.1).
 * Routes belong to one host.
 */
#ifndef WEIR_STACK_ROUTE_H
#define WEIR_STACK_ROUTE_H

#include "stack/host.h"

struct route {
    uint32_t next; /* of the same host, not longer. While free, the pool's */
    uint32_t host; /* 0: free */
    uint32_t prefix, mask;
    uint32_t gateway;
    uint8_t length;
};

/* The next hop (host order) for a unicast destination; false: there is none. */
bool route_find(const struct pool *routes, const struct host *h, uint32_t destination, uint32_t *next_hop);
/* The prefix length of what route_find takes, 0 for the gateway; ERR_NO_ROUTE. */
int route_length(const struct pool *routes, const struct host *h, uint32_t destination);
/* Its index; ERR_INVALID (length, gateway not on the host's subnet or the host itself), ERR_NO_SPACE. */
MUST_CHECK int route_add(struct pool *routes, struct host *h, uint32_t prefix, unsigned length, uint32_t gateway);
/* The host's route of that prefix, or 0. */
uint32_t route_of(const struct pool *routes, const struct host *h, uint32_t prefix, unsigned length);
void route_remove(struct pool *routes, struct host *h, uint32_t index);

#endif
