/* SPDX-License-Identifier: MIT */
/*
 * Emulated hosts and where they live. A segment is what one broadcast reaches: {interface, VLAN tags}. A domain is
 * {segment, VRF}: the scope of addresses and neighbours. A host is one local address with its MAC, tags, subnet and
 * gateway; its index is the one that flow keys begin with.
 *
 * Owned by the stack. Lookup tables are not keyed: only the configuration adds to them. Invariants: hosts[0] matches
 * nothing; segment and domain numbers begin with 1; a host that was removed is in no table, and its record stays as it
 * was until it is used again for another one. Segments and domains stay.
 */
#ifndef WEIR_STACK_HOST_H
#define WEIR_STACK_HOST_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/stack.h"
#include "wire/eth.h"

#define HOST_HEADER_BYTES 48u /* Ethernet, two tags, IPv4 without options: 42, rounded up for copying */
#define HOST_MAX_TAGS 2u
#define HOST_MAX_VRFS 16u /* domains of one segment */

struct segment {
    uint32_t domains; /* first of a list through domain.next */
    uint32_t host;    /* the first one; 0: none */
    uint8_t interface;
    uint8_t vlan_count;
    struct wire_vlan vlan[HOST_MAX_TAGS]; /* tci: VID only */
};

struct domain {
    uint32_t next; /* in the same segment */
    uint32_t segment;
    uint32_t vrf;
};

/* A directed broadcast address and a host that gets what is sent there. */
struct subnet {
    uint32_t broadcast; /* host order */
    uint32_t segment;
    uint32_t host;
};

struct host {
    /* What an arriving datagram is compared with. Addresses in host order. */
    CACHE_ALIGNED uint32_t address;
    uint32_t segment;
    uint8_t mac[6];
    uint8_t prefix_length;
    uint8_t interface;
    uint32_t mask;
    uint32_t broadcast; /* of its subnet; 255.255.255.255 where there is none */
    uint32_t index;
    uint32_t domain;
    uint32_t gateway;  /* 0: none */
    uint32_t routes;   /* first of a list, longest prefix first */
    int64_t defend_at; /* RFC 5227 2.4: no defence before */
    /* What a departing datagram begins with: destination MAC and IPv4 fields that differ are zero. */
    CACHE_ALIGNED uint8_t header[HOST_HEADER_BYTES];
    uint32_t source_sum; /* the source address as a checksum word pair */
    uint8_t l2_len;      /* Ethernet and tags */
    bool removed;
};

struct host_set {
    struct host *hosts; /* [1, count] */
    uint32_t count, capacity;
    uint32_t n_removed; /* of the first count */
    struct host *last;  /* found last */
    struct pool segments, domains, subnets;
    struct table by_address; /* {segment, address} -> host */
    struct table by_mac;     /* {segment, MAC} -> first such host */
    struct table by_subnet;  /* {segment, broadcast address} -> subnet */
    struct table by_tags;    /* {interface, tags} -> segment */
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int host_set_init(struct host_set *set, const struct allocator *a, uint32_t capacity);
void host_set_free(struct host_set *set);

static ALWAYS_INLINE uint32_t host_tag(uint32_t segment, uint32_t address)
{
    return (uint32_t)((((uint64_t)segment << 32) | address) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static ALWAYS_INLINE bool host_is(const struct host *h, uint32_t segment, uint32_t address, const uint8_t *mac)
{
    return h->address == address && h->segment == segment && wire_eth_addr_equal(h->mac, mac);
}
/* The host with this address and MAC, or NULL. */
static ALWAYS_INLINE struct host *host_find(struct host_set *set, uint32_t segment, uint32_t address,
                                            const uint8_t *mac)
{
    if (likely(host_is(set->last, segment, address, mac)))
        return set->last;
    uint32_t tag = host_tag(segment, address);
    for (uint32_t at = tag, i; (i = table_next(&set->by_address, tag, &at)) != 0;)
        if (host_is(&set->hosts[i], segment, address, mac))
            return set->last = &set->hosts[i];
    return NULL;
}
/* The first host with this address, whatever its MAC and VRF, or NULL. */
struct host *host_find_address(const struct host_set *set, uint32_t segment, uint32_t address);
/* Any host with this MAC. */
struct host *host_find_mac(const struct host_set *set, uint32_t segment, const uint8_t *mac);
/*
 * True when a frame's source is a MAC of ours: it was sent by us, or by somebody who says so. `to` is the host it is
 * for.
 */
static ALWAYS_INLINE bool host_is_own_mac(const struct host_set *set, const struct host *to, const uint8_t *mac)
{
    if (wire_eth_addr_equal(to->mac, mac))
        return true;
    return set->by_mac.used > 1 && host_find_mac(set, to->segment, mac);
}
/* A host of the subnet whose directed broadcast address this is, or NULL. */
struct host *host_find_broadcast(const struct host_set *set, uint32_t segment, uint32_t address);
/* The segment of frames with these tags, outermost first (their priorities do not matter), or 0. */
uint32_t host_find_segment(const struct host_set *set, unsigned interface, const struct wire_vlan *vlan,
                           unsigned count);

static inline struct domain *host_domain(const struct host_set *set, uint32_t domain)
{
    return pool_at(&set->domains, domain);
}
static inline struct segment *host_segment(const struct host_set *set, uint32_t segment)
{
    return pool_at(&set->segments, segment);
}
static inline struct host *host_at(const struct host_set *set, uint32_t local)
{
    return local != 0 && local <= set->count && likely(!set->hosts[local].removed) ? &set->hosts[local] : NULL;
}
/* The host that gets what is sent to all of a segment, or NULL. */
static inline struct host *host_first(const struct host_set *set, uint32_t segment)
{
    return host_at(set, host_segment(set, segment)->host);
}
static ALWAYS_INLINE bool host_on_link(const struct host *h, uint32_t address)
{
    return ((address ^ h->address) & h->mask) == 0;
}

/*
 * Its index: a new one, or with all of them given `again`, that of one removed (0: there is none to be used again).
 * Settings as in stack_add_host; link_mac for a host without its own. ERR_INVALID, ERR_UNSUPPORTED, ERR_EXISTS,
 * ERR_NO_SPACE.
 */
MUST_CHECK int host_add(struct host_set *set, const struct host_settings *settings, const uint8_t *link_mac,
                        uint32_t again);
/* It is found no more. Linear in all hosts. */
void host_remove(struct host_set *set, struct host *h);
/* Can it be this host's gateway: a plain address of its subnet, and another one? */
bool host_gateway_usable(const struct host *h, uint32_t gateway);
/* change.c: whether anything still refers to a host that was removed. */
bool host_is_referred_to(const struct stack *s, uint32_t local);

#endif
