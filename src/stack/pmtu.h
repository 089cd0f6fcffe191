/* SPDX-License-Identifier: MIT */
/*
 * Path MTUs that are smaller than the link's: by {domain, destination}, as routers said (RFC 1191, RFC 8201), for ten minutes.
 *
 * Bounded and keyed: what others make us write here pushes out the oldest. An entry only ever lowers a path's MTU; it
 * goes by age, and the next large packet finds out anew. Where nothing is known the link's MTU counts.
 */
#ifndef WEIR_STACK_PMTU_H
#define WEIR_STACK_PMTU_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/host.h"
#include "stack/stack.h"

struct pmtu_entry {
    uint32_t older, younger; /* by when it was made; while free, the pool's */
    uint32_t tag;
    uint32_t domain;
    struct ip_addr destination;
    uint16_t mtu;
    int64_t expires;
};

struct pmtu_set {
    struct pool pool; /* struct pmtu_entry */
    struct table table;
    uint32_t oldest, youngest;
};

MUST_CHECK int pmtu_init(struct pmtu_set *set, const struct stack_settings *t, const struct allocator *a);
void pmtu_free(struct pmtu_set *set);

/* Bytes of IP packet that may go from a host to a destination in one piece. */
uint32_t pmtu_get(struct stack *s, const struct host *h, const struct ip_addr *destination);
/* A router said so; ignored when nothing gets smaller by it. */
void pmtu_lower(struct stack *s, const struct host *h, const struct ip_addr *destination, uint32_t mtu);
/* RFC 1191 section 7: the next smaller MTU in use, for routers that do not say theirs. */
uint32_t pmtu_plateau_below(uint32_t length);

#endif
