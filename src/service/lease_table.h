/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server's memory: which client has which address until when. Addresses are numbers here: for DHCPv4 they are
 * the addresses themselves, for DHCPv6 places in its pools.
 *
 * A lease is a record in a bounded pool, found by client and by address; a wheel knows when its state ends. An address
 * of a range is taken when its bit is set. A lease that ended is remembered, its bit clear, so that its client gets the
 * same address again (RFC 2131 4.3.1); the one remembered longest goes when a record or its address is needed.
 * Invariants: an address has one record at most; a client one a range; the bit of an address in a range is set when its
 * record is OFFERED, BOUND or DECLINED, or when it is kept for somebody (reservation, router, server).
 */
#ifndef WEIR_SERVICE_LEASE_TABLE_H
#define WEIR_SERVICE_LEASE_TABLE_H

#include "base/hash.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/time_ns.h"
#include "base/wheel.h"

#define LEASE_RANGE_MAX (1u << 20) /* addresses of one pool */

enum lease_state {
    LEASE_FREE,
    LEASE_OFFERED,
    LEASE_BOUND,
    LEASE_DECLINED, /* somebody else uses the address: nobody gets it for a while */
    LEASE_REMEMBERED,
};

/* Who a client is: keyed hashes of its identifier, or of its hardware address (RFC 2131 4.2). */
struct lease_client {
    uint64_t a, b;
};

struct lease_binding {
    uint32_t next, prev; /* of those remembered, oldest first */
    uint32_t address;
    uint32_t lease_s;
    struct lease_client client;
    int64_t expires_ns;
    uint16_t pool;
    uint8_t state; /* enum lease_state */
    uint8_t mac[6];
};

struct lease_range {
    uint32_t first, size, cursor; /* the search goes on where the last one ended */
    uint32_t taken;
    uint64_t *bits;
    uint64_t *kept; /* bits that stay set */
};

struct lease_table {
    struct pool records;
    struct table by_client, by_address;
    struct wheel wheel;
    struct lease_range *ranges;
    uint16_t n_ranges;
    uint32_t oldest, newest; /* remembered */
    uint32_t offered;        /* now */
    uint64_t evicted, offers_expired, leases_expired;
    struct hash_key key;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID. Ranges are added after. */
MUST_CHECK int lease_table_init(struct lease_table *l, const struct allocator *a, uint32_t capacity, uint16_t ranges,
                                const struct hash_key *key, int64_t now);
void lease_table_free(struct lease_table *l);
MUST_CHECK int lease_table_add_range(struct lease_table *l, uint32_t first, uint32_t last);
/* The address is not given out by search, only by name. */
void lease_table_keep(struct lease_table *l, uint32_t address);

struct lease_client lease_client_of(const struct hash_key *key, const void *bytes, size_t length);
static inline bool lease_client_equal(const struct lease_client *a, const struct lease_client *b)
{
    return a->a == b->a && a->b == b->b;
}

/* NULL: there is none. Valid until something is added or removed. */
struct lease_binding *lease_table_of_client(struct lease_table *l, const struct lease_client *client, uint16_t pool);
struct lease_binding *lease_table_of_address(struct lease_table *l, uint32_t address);
/* Whether nobody has the address and it is of the pool's range; kept ones are not free. */
bool lease_table_is_free(const struct lease_table *l, uint16_t pool, uint32_t address);
/* A free address of the pool, or 0. */
uint32_t lease_table_search(struct lease_table *l, uint16_t pool);
/* A new OFFERED record without a deadline; NULL: all records are in use. The address is free or a kept one that
 * nobody has. */
struct lease_binding *lease_table_add(struct lease_table *l, const struct lease_client *client, uint16_t pool,
                                      uint32_t address);
/* From any state into another one but FREE, until `expires`. */
void lease_table_set(struct lease_table *l, struct lease_binding *b, enum lease_state state, int64_t expires);
void lease_table_remove(struct lease_table *l, struct lease_binding *b);
void lease_table_tick(struct lease_table *l, int64_t now);
/* The records one after the other: *at begins with 0. NULL at the end. */
const struct lease_binding *lease_table_next(const struct lease_table *l, uint32_t *at);

#endif
