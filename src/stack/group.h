/* SPDX-License-Identifier: MIT */
/*
 * Multicast groups that local addresses have joined: RFC 1112 section 7. A bounded set of {local address, group} with a
 * count of those who want it. 224.0.0.1 is heard without joining. Telling routers (IGMP) is not done here.
 *
 * Owned by the stack; only its users add to it, so the table is not keyed.
 */
#ifndef WEIR_STACK_GROUP_H
#define WEIR_STACK_GROUP_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/host.h"

#define GROUP_ALL_HOSTS 0xe0000001u /* 224.0.0.1 */

struct group {
    uint32_t local; /* while free, the pool's */
    uint32_t segment;
    struct ip_addr address;
    uint32_t members; /* 0: free */
};

struct group_set {
    struct pool pool; /* struct group */
    struct table table;
};

MUST_CHECK int group_set_init(struct group_set *set, const struct allocator *a, uint32_t capacity);
void group_set_free(struct group_set *set);

/* One more member, and one less. ERR_NO_SPACE; ERR_NOT_FOUND. */
MUST_CHECK int group_join(struct group_set *set, const struct host *h, const struct ip_addr *address);
int group_leave(struct group_set *set, const struct host *h, const struct ip_addr *address);
void group_leave_all(struct group_set *set, uint32_t local);
/* A local address of the segment that has joined, or 0. */
uint32_t group_find(const struct group_set *set, uint32_t segment, const struct ip_addr *address);

#endif
