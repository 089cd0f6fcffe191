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

#define HOST_HEADER_BYTES 48u     /* Ethernet, two tags, IPv4 without options: 42, rounded up for copying */
#define HOST_HEADER6_BYTES 64u    /* the same with IPv6: 62 */
#define HOST_HEADER_MAX_BYTES 80u /* and with four labels: 78 */
#define HOST_MAX_TAGS 2u
#define HOST_MAX_VRFS 16u /* domains of one segment */

struct segment {
    uint32_t domains;  /* first of a list through domain.next */
    uint32_t first[2]; /* hosts, the first one of IPv4 and of IPv6; 0: none */
    uint8_t interface;
    uint8_t vlan_count;
    bool mpls;                            /* hosts with labels live there */
    struct wire_vlan vlan[HOST_MAX_TAGS]; /* tci: VID only */
    uint32_t vni;                         /* that its first host was given in place of tags; 0: none */
};

#define HOST_MAX_VNI 0xffffffu
/*
 * A network of a VTEP is named to its link, and by it, with tags that are not on the wire: an S-tag of the upper 12 bits
 * and a C-tag of the lower ones, each only if it is not 0. Returns how many.
 */
static inline unsigned host_vni_tags(uint32_t vni, struct host_vlan tags[HOST_MAX_TAGS])
{
    unsigned n = 0;
    if (vni >> 12)
        tags[n++] = (struct host_vlan){.tpid = ETHERTYPE_QINQ, .tci = (uint16_t)(vni >> 12)};
    if (vni & 0xfffu)
        tags[n++] = (struct host_vlan){.tpid = ETHERTYPE_VLAN, .tci = (uint16_t)(vni & 0xfffu)};
    return n;
}

struct ip_filter;

struct domain {
    uint32_t next; /* in the same segment */
    uint32_t segment;
    uint32_t vrf;
    struct ra_view *ra;       /* what its routers say; NULL: nobody listens */
    struct ip_filter *filter; /* of the VRF, see filter.h; NULL: none */
    uint32_t router;          /* that forwards for the VRF, see forward_internal.h; 0: none does */
    uint32_t face[2];         /* with a router: hosts in whose name it speaks, of IPv4 and of IPv6; 0: none */
};

/* A directed broadcast address and a host that gets what is sent there. */
struct subnet {
    uint32_t broadcast; /* host order */
    uint32_t segment;
    uint32_t host;
};

/* RFC 4862, RFC 5227: whether an address is ours yet; autoconf.h, acd.h. */
enum host_state {
    HOST_USABLE,
    HOST_TENTATIVE,
    HOST_DUPLICATE,
};

struct host {
    /* What an arriving datagram is compared with. */
    CACHE_ALIGNED uint32_t address; /* IPv4, host order; of an IPv6 host 0 */
    uint32_t segment;
    uint8_t mac[6];
    uint8_t bits; /* of ip that name its subnet: an IPv4 prefix begins at bit 96 */
    uint8_t interface;
    uint32_t broadcast; /* of its subnet, host order; 255.255.255.255 where there is none */
    uint32_t index;
    uint32_t domain;
    uint32_t source_sum; /* ip as checksum words */
    struct ip_addr ip;
    uint8_t l2_len; /* Ethernet, tags and labels */
    bool v6, removed;
    uint8_t state;       /* enum host_state */
    uint8_t conflict;    /* enum host_conflict */
    uint8_t label_bytes; /* of l2_len */
    uint8_t overhead;    /* of l2_len: what the MTU of the interface has to give */
    struct ra_view *ra;  /* the routers that it listens to, or NULL */
    /* What a departing datagram begins with: destination MAC and fields of the IP header that differ are zero. */
    CACHE_ALIGNED uint8_t header[HOST_HEADER_MAX_BYTES];
    struct ip_addr gateway; /* unspecified: none */
    uint32_t routes;        /* first of a list, longest prefix first */
    uint8_t default_routes; /* of length 0 */
    uint8_t gateway_at;     /* which default gateway is in use: gateway.h */
    bool spare_gateway;     /* there are several */
    int64_t gateway_ask_at; /* those before it are not asked for before */
    int64_t defend_at;      /* RFC 5227 2.4: no defence before */
    bool router;            /* its station is one: nd_router.h */
    bool redirects;         /* believed: redirect.h */
};

struct host_set {
    struct host *hosts; /* [1, count] */
    uint32_t count, capacity;
    uint32_t n_removed; /* of the first count */
    struct host *last;  /* found last */
    struct pool segments, domains, subnets;
    struct table by_address;   /* {segment, IPv4 address} -> host */
    struct table by_ipv6;      /* {segment, IPv6 address} -> host */
    struct table by_solicited; /* {segment, last 24 bits of an IPv6 address} -> host */
    struct table by_mac;       /* {segment, MAC} -> first such host */
    struct table by_subnet;    /* {segment, broadcast address} -> subnet */
    struct table by_tags;      /* {interface, tags} -> segment */
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int host_set_init(struct host_set *set, const struct allocator *a, uint32_t capacity);
void host_set_free(struct host_set *set);

static ALWAYS_INLINE uint32_t host_tag(uint32_t segment, uint32_t address)
{
    return (uint32_t)((((uint64_t)segment << 32) | address) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The same tag for an IPv4 address as host_tag. */
static inline uint32_t host_ip_tag(uint32_t segment, const struct ip_addr *ip)
{
    if (ip_addr_is_v4(ip))
        return host_tag(segment, ip_addr_to_v4(ip));
    uint64_t high = load_be64(ip->bytes), low = load_be64(ip->bytes + 8);
    return host_tag(segment,
                    (uint32_t)((low ^ high * UINT64_C(0xff51afd7ed558ccd)) * UINT64_C(0xc4ceb9fe1a85ec53) >> 32));
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
            return likely(set->hosts[i].state == HOST_USABLE) ? set->last = &set->hosts[i] : NULL;
    return NULL;
}
/* The same for an IPv6 address that may be used. */
static ALWAYS_INLINE struct host *host_find6(struct host_set *set, uint32_t segment, const struct ip_addr *ip,
                                             const uint8_t *mac)
{
    uint32_t tag = host_ip_tag(segment, ip);
    for (uint32_t at = tag, i; (i = table_next(&set->by_ipv6, tag, &at)) != 0;) {
        struct host *h = &set->hosts[i];
        if (ip_addr_equal(&h->ip, ip) && h->segment == segment && wire_eth_addr_equal(h->mac, mac))
            return likely(h->state == HOST_USABLE) ? h : NULL;
    }
    return NULL;
}
/* The first host with this address, whatever its MAC, VRF and state, or NULL. */
struct host *host_find_address(const struct host_set *set, uint32_t segment, const struct ip_addr *ip);
/* The same of one domain of the segment, if it may be used. */
struct host *host_find_in_domain(const struct host_set *set, uint32_t segment, uint32_t domain,
                                 const struct ip_addr *ip);
/* A host that hears a solicited-node group, or NULL. */
struct host *host_find_solicited(const struct host_set *set, uint32_t segment, const struct ip_addr *group);
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
/* The host that gets what is sent to all of a segment by IPv4 or by IPv6, or NULL. */
static inline struct host *host_first(const struct host_set *set, uint32_t segment, bool v6)
{
    return host_at(set, host_segment(set, segment)->first[v6]);
}
/* Can a destination of its family be reached without a router? */
static ALWAYS_INLINE bool host_on_link(const struct host *h, const struct ip_addr *ip)
{
    return ip_addr_same_bits(ip, &h->ip, h->bits) || (h->v6 && ip_addr_is_link_local(ip));
}
/* Begins a frame with its header, of which `usual` bytes are enough unless it has labels. */
static ALWAYS_INLINE void host_write_header(const struct host *h, uint8_t *to, uint32_t usual)
{
    memcpy(to, h->header, usual);
    if (unlikely(h->label_bytes != 0))
        memcpy(to + usual, h->header + usual, HOST_HEADER_MAX_BYTES - usual);
}
/* Ethernet and tags. */
static inline uint32_t host_link_bytes(const struct host *h) { return (uint32_t)h->l2_len - h->label_bytes; }
/* The bits of 128 that a prefix length of its family means, and the prefix length of its subnet. */
static inline unsigned host_bits(const struct host *h, unsigned prefix_length)
{
    return h->v6 ? prefix_length : prefix_length + 96;
}
static inline unsigned host_prefix_length(const struct host *h) { return h->v6 ? h->bits : h->bits - 96u; }

/*
 * Its index: a new one, or with all of them given `again`, that of one removed (0: there is none to be used again).
 * Settings as in stack_add_host; link_mac for a host without its own. ERR_INVALID, ERR_UNSUPPORTED, ERR_EXISTS,
 * ERR_NO_SPACE.
 */
MUST_CHECK int host_add(struct host_set *set, const struct host_settings *settings, const uint8_t *link_mac,
                        uint32_t again);
/* It is found no more. Linear in all hosts. */
void host_remove(struct host_set *set, struct host *h);
/* Can it be this host's gateway: a plain address it reaches on its link, and another one? */
bool host_gateway_usable(const struct host *h, const struct ip_addr *gateway);
/* change.c: whether anything still refers to a host that was removed. */
bool host_is_referred_to(const struct stack *s, uint32_t local);

#endif
