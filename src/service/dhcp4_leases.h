/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 server's memory: which client has which address until when. Inside of dhcp4_server.
 *
 * A lease is a record in a bounded pool, found by client and by address; a wheel knows when its state ends. An address
 * of a range is taken when its bit is set. A lease that ended is remembered, its bit clear, so that its client gets the
 * same address again (RFC 2131 4.3.1); the one remembered longest goes when a record or its address is needed.
 * Invariants: an address has one record at most; a client one a pool; the bit of an address in a range is set when its
 * record is OFFERED, BOUND or DECLINED, or when it is kept for somebody (reservation, router, server).
 */
#ifndef WEIR_SERVICE_DHCP4_LEASES_H
#define WEIR_SERVICE_DHCP4_LEASES_H

#include "base/hash.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/time_ns.h"
#include "base/wheel.h"

#define DHCP4_RANGE_MAX (1u << 20) /* addresses of one pool */

enum dhcp4_lease_state {
    DHCP4_LEASE_FREE,
    DHCP4_LEASE_OFFERED,
    DHCP4_LEASE_BOUND,
    DHCP4_LEASE_DECLINED, /* somebody else uses the address: nobody gets it for a while */
    DHCP4_LEASE_REMEMBERED,
};

/* Who a client is: keyed hashes of its identifier, or of its hardware address (RFC 2131 4.2). */
struct dhcp4_client_key {
    uint64_t a, b;
};

struct dhcp4_binding {
    uint32_t next, prev; /* of those remembered, oldest first */
    uint32_t address;
    uint32_t lease_s;
    struct dhcp4_client_key client;
    int64_t expires_ns;
    uint16_t pool;
    uint8_t state; /* enum dhcp4_lease_state */
    uint8_t mac[6];
};

struct dhcp4_range {
    uint32_t first, size, cursor; /* the search goes on where the last one ended */
    uint32_t taken;
    uint64_t *bits;
    uint64_t *kept; /* bits that stay set */
};

struct dhcp4_leases {
    struct pool records;
    struct table by_client, by_address;
    struct wheel wheel;
    struct dhcp4_range *ranges;
    uint16_t n_ranges;
    uint32_t oldest, newest; /* remembered */
    uint32_t offered;        /* now */
    uint64_t evicted, offers_expired, leases_expired;
    struct hash_key key;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID. Ranges are added after. */
MUST_CHECK int dhcp4_leases_init(struct dhcp4_leases *l, const struct allocator *a, uint32_t capacity, uint16_t ranges,
                                 const struct hash_key *key, int64_t now);
void dhcp4_leases_free(struct dhcp4_leases *l);
MUST_CHECK int dhcp4_leases_add_range(struct dhcp4_leases *l, uint32_t first, uint32_t last);
/* The address is not given out by search, only by name. */
void dhcp4_leases_keep(struct dhcp4_leases *l, uint32_t address);

struct dhcp4_client_key dhcp4_client_key_of(const struct hash_key *key, const void *bytes, size_t length);
static inline bool dhcp4_client_key_equal(const struct dhcp4_client_key *a, const struct dhcp4_client_key *b)
{
    return a->a == b->a && a->b == b->b;
}

/* NULL: there is none. Valid until something is added or removed. */
struct dhcp4_binding *dhcp4_leases_of_client(struct dhcp4_leases *l, const struct dhcp4_client_key *client,
                                             uint16_t pool);
struct dhcp4_binding *dhcp4_leases_of_address(struct dhcp4_leases *l, uint32_t address);
/* Whether nobody has the address and it is of the pool's range; kept ones are not free. */
bool dhcp4_leases_is_free(const struct dhcp4_leases *l, uint16_t pool, uint32_t address);
/* A free address of the pool, or 0. */
uint32_t dhcp4_leases_search(struct dhcp4_leases *l, uint16_t pool);
/* A new OFFERED record without a deadline; NULL: all records are in use. The address is free or a kept one that
 * nobody has. */
struct dhcp4_binding *dhcp4_leases_add(struct dhcp4_leases *l, const struct dhcp4_client_key *client, uint16_t pool,
                                       uint32_t address);
/* From any state into another one but FREE, until `expires`. */
void dhcp4_leases_set(struct dhcp4_leases *l, struct dhcp4_binding *b, enum dhcp4_lease_state state, int64_t expires);
void dhcp4_leases_remove(struct dhcp4_leases *l, struct dhcp4_binding *b);
void dhcp4_leases_tick(struct dhcp4_leases *l, int64_t now);

#endif
