/* SPDX-License-Identifier: MIT */
/*
 * Local addresses and how they are found. Adding a host interns its segment {interface, tags}, its domain {segment,
 * VRF} and its subnet's broadcast address, and builds the header its datagrams begin with. RFC 1122 3.2.1.3
 * (addresses), RFC 3021 (/31 has no broadcast).
 */
#include "stack/host.h"

#include "base/checksum.h"
#include "base/error.h"
#include "wire/ipv4.h"
#include "wire/mpls.h"

#define VID_MASK 0xfffu
#define NEVER_DEFENDED INT64_MIN

int host_set_init(struct host_set *set, const struct allocator *a, uint32_t capacity)
{
    *set = (struct host_set){.capacity = capacity, .allocator = a};
    set->hosts = alloc_array(a, (size_t)capacity + 1, sizeof *set->hosts, CACHE_LINE);
    if (!set->hosts)
        return ERR_NO_MEMORY;
    set->hosts[0].segment = UINT32_MAX;
    set->last = set->hosts;
    int error = pool_init(&set->segments, a, capacity, sizeof(struct segment), alignof(struct segment));
    if (!error)
        error = pool_init(&set->domains, a, capacity, sizeof(struct domain), alignof(struct domain));
    if (!error)
        error = pool_init(&set->subnets, a, capacity, sizeof(struct subnet), alignof(struct subnet));
    if (!error)
        error = table_init(&set->by_address, a, capacity);
    if (!error)
        error = table_init(&set->by_ipv6, a, capacity);
    if (!error)
        error = table_init(&set->by_solicited, a, capacity);
    if (!error)
        error = table_init(&set->by_mac, a, capacity);
    if (!error)
        error = table_init(&set->by_subnet, a, capacity);
    if (!error)
        error = table_init(&set->by_tags, a, capacity);
    return error;
}

void host_set_free(struct host_set *set)
{
    if (set->hosts)
        alloc_free(set->allocator, set->hosts, ((size_t)set->capacity + 1) * sizeof *set->hosts);
    pool_free(&set->segments);
    pool_free(&set->domains);
    pool_free(&set->subnets);
    table_free(&set->by_address);
    table_free(&set->by_ipv6);
    table_free(&set->by_solicited);
    table_free(&set->by_mac);
    table_free(&set->by_subnet);
    table_free(&set->by_tags);
}

static uint32_t mac_tag(uint32_t segment, const uint8_t *mac)
{
    return host_tag(segment, load_be32(mac + 2)) ^ load_be16(mac);
}

static const struct table *table_of(const struct host_set *set, const struct ip_addr *ip)
{
    return ip_addr_is_v4(ip) ? &set->by_address : &set->by_ipv6;
}

struct host *host_find_address(const struct host_set *set, uint32_t segment, const struct ip_addr *ip)
{
    uint32_t tag = host_ip_tag(segment, ip);
    for (uint32_t at = tag, i; (i = table_next(table_of(set, ip), tag, &at)) != 0;)
        if (ip_addr_equal(&set->hosts[i].ip, ip) && set->hosts[i].segment == segment)
            return &set->hosts[i];
    return NULL;
}

struct host *host_find_in_domain(const struct host_set *set, uint32_t segment, uint32_t domain,
                                 const struct ip_addr *ip)
{
    uint32_t tag = host_ip_tag(segment, ip);
    for (uint32_t at = tag, i; (i = table_next(table_of(set, ip), tag, &at)) != 0;)
        if (ip_addr_equal(&set->hosts[i].ip, ip) && set->hosts[i].domain == domain)
            return set->hosts[i].state == HOST_USABLE ? &set->hosts[i] : NULL;
    return NULL;
}

/* Of an address or of its solicited-node group. */
static uint32_t solicited_tag(uint32_t segment, const struct ip_addr *ip)
{
    return host_tag(segment, load_be32(ip->bytes + 12) & 0xffffffu);
}

struct host *host_find_solicited(const struct host_set *set, uint32_t segment, const struct ip_addr *group)
{
    uint32_t tag = solicited_tag(segment, group);
    for (uint32_t at = tag, i; (i = table_next(&set->by_solicited, tag, &at)) != 0;) {
        struct host *h = &set->hosts[i];
        if (h->segment == segment && memcmp(h->ip.bytes + 13, group->bytes + 13, 3) == 0)
            return h;
    }
    return NULL;
}

struct host *host_find_mac(const struct host_set *set, uint32_t segment, const uint8_t *mac)
{
    uint32_t tag = mac_tag(segment, mac);
    for (uint32_t at = tag, i; (i = table_next(&set->by_mac, tag, &at)) != 0;)
        if (set->hosts[i].segment == segment && wire_eth_addr_equal(set->hosts[i].mac, mac))
            return &set->hosts[i];
    return NULL;
}

struct host *host_find_broadcast(const struct host_set *set, uint32_t segment, uint32_t address)
{
    uint32_t tag = host_tag(segment, address);
    for (uint32_t at = tag, i; (i = table_next(&set->by_subnet, tag, &at)) != 0;) {
        const struct subnet *n = pool_at(&set->subnets, i);
        if (n->broadcast == address && n->segment == segment)
            return &set->hosts[n->host];
    }
    return NULL;
}

/*
 * The tags that tell segments apart: a priority tag (VID 0) belongs to no VLAN (IEEE 802.1Q 6.9). More than two are in
 * no segment.
 */
static bool segment_key(struct segment *key, unsigned interface, const struct wire_vlan *vlan, unsigned count)
{
    *key = (struct segment){.interface = (uint8_t)interface};
    for (unsigned i = 0; i < count; i++) {
        uint16_t vid = vlan[i].tci & VID_MASK;
        if (vid == 0)
            continue;
        if (key->vlan_count == HOST_MAX_TAGS)
            return false;
        key->vlan[key->vlan_count++] = (struct wire_vlan){.tpid = vlan[i].tpid, .tci = vid};
    }
    return true;
}

static uint32_t segment_tag(const struct segment *key)
{
    uint32_t outer = (uint32_t)key->vlan[0].tpid << 16 | key->vlan[0].tci;
    uint32_t inner = (uint32_t)key->vlan[1].tpid << 16 | key->vlan[1].tci;
    return host_tag(key->interface + 1u, outer) ^ host_tag(2, inner);
}

static bool segment_equal(const struct segment *a, const struct segment *b)
{
    return a->interface == b->interface && a->vlan_count == b->vlan_count &&
           memcmp(a->vlan, b->vlan, sizeof a->vlan) == 0;
}

static uint32_t segment_find(const struct host_set *set, const struct segment *key)
{
    uint32_t tag = segment_tag(key);
    for (uint32_t at = tag, i; (i = table_next(&set->by_tags, tag, &at)) != 0;)
        if (segment_equal(host_segment(set, i), key))
            return i;
    return 0;
}

uint32_t host_find_segment(const struct host_set *set, unsigned interface, const struct wire_vlan *vlan, unsigned count)
{
    struct segment key;
    return segment_key(&key, interface, vlan, count) ? segment_find(set, &key) : 0;
}

static int segment_intern(struct host_set *set, const struct segment *key, uint32_t *out)
{
    *out = segment_find(set, key);
    if (*out)
        return 0;
    uint32_t i = pool_get(&set->segments);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    *host_segment(set, i) = *key;
    *out = i;
    return table_add(&set->by_tags, segment_tag(key), i);
}

static int domain_intern(struct host_set *set, uint32_t segment, uint32_t vrf, uint32_t *out)
{
    struct segment *g = host_segment(set, segment);
    unsigned count = 0;
    for (uint32_t i = g->domains; i; i = host_domain(set, i)->next, count++) {
        if (host_domain(set, i)->vrf == vrf) {
            *out = i;
            return 0;
        }
    }
    *out = count < HOST_MAX_VRFS ? pool_get(&set->domains) : POOL_NONE;
    if (*out == POOL_NONE)
        return ERR_NO_SPACE;
    *host_domain(set, *out) = (struct domain){.next = g->domains, .segment = segment, .vrf = vrf};
    g->domains = *out;
    return 0;
}

static int subnet_intern(struct host_set *set, const struct host *h)
{
    if (h->v6 || host_prefix_length(h) > 30 || host_find_broadcast(set, h->segment, h->broadcast))
        return 0;
    uint32_t i = pool_get(&set->subnets);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    struct subnet *n = pool_at(&set->subnets, i);
    *n = (struct subnet){.broadcast = h->broadcast, .segment = h->segment, .host = h->index};
    return table_add(&set->by_subnet, host_tag(h->segment, h->broadcast), i);
}

static bool address_usable(const struct ip_addr *ip)
{
    if (!ip_addr_is_v4(ip))
        return !ip_addr_is_unspecified(ip) && !ip_addr_is_loopback(ip) && !ip_addr_is_multicast(ip);
    uint32_t a = ip_addr_to_v4(ip);
    return !ipv4_addr_is_this_network(a) && !ipv4_addr_is_loopback(a) && !ipv4_addr_is_multicast(a) &&
           !ipv4_addr_is_class_e(a);
}

/* Neither an IPv4 network itself nor its broadcast address. */
static bool host_part_plain(const struct ip_addr *ip, unsigned prefix_length)
{
    if (!ip_addr_is_v4(ip) || prefix_length > 30)
        return true;
    uint32_t address = ip_addr_to_v4(ip), mask = ipv4_addr_mask(prefix_length);
    return (address & ~mask) != 0 && (address | mask) != 0xffffffffu;
}

bool host_gateway_usable(const struct host *h, const struct ip_addr *gateway)
{
    return ip_addr_is_v4(gateway) != h->v6 && address_usable(gateway) && host_on_link(h, gateway) &&
           !ip_addr_equal(gateway, &h->ip) && host_part_plain(gateway, host_prefix_length(h));
}

static int check_tags(const struct host_settings *t)
{
    if (t->vni != 0)
        return t->vlan_count == 0 && t->vni <= HOST_MAX_VNI ? 0 : ERR_INVALID;
    if (t->vlan_count > HOST_MAX_TAGS)
        return ERR_INVALID;
    for (unsigned i = 0; i < t->vlan_count; i++)
        if (!wire_eth_is_tpid(t->vlan[i].tpid) || (t->vlan[i].tci & VID_MASK) == VID_MASK)
            return ERR_INVALID;
    return 0;
}

static int check_labels(const struct host_settings *t)
{
    if (t->mpls_count > HOST_MAX_LABELS)
        return ERR_INVALID;
    for (unsigned i = 0; i < t->mpls_count; i++)
        if (t->mpls[i].label < WIRE_MPLS_FIRST_LABEL || t->mpls[i].label > WIRE_MPLS_MAX_LABEL || t->mpls[i].tc > 7)
            return ERR_INVALID;
    return 0;
}

static int check_settings(const struct host_settings *t, const uint8_t *mac)
{
    const struct ip_addr *ip = &t->address;
    const bool loopback = ip_addr_is_loopback(ip); /* the stack's own: stack_add_loopback */
    if ((!address_usable(ip) && !loopback) || t->prefix_length == 0 || t->prefix_length > ip_addr_bits(ip) ||
        !host_part_plain(ip, t->prefix_length))
        return ERR_INVALID;
    const struct host h = {
        .ip = *ip, .v6 = !ip_addr_is_v4(ip), .bits = (uint8_t)(t->prefix_length + (ip_addr_is_v4(ip) ? 96 : 0))};
    if (!ip_addr_is_unspecified(&t->gateway) && !host_gateway_usable(&h, &t->gateway))
        return ERR_INVALID;
    if (wire_eth_is_multicast(mac) || wire_eth_is_zero(mac))
        return ERR_INVALID;
    if (t->temporary && !t->autoconf)
        return ERR_INVALID;
    if (ip_addr_is_v4(ip) ? t->autoconf || t->redirects : t->autoconf && !ip_addr_is_link_local(ip))
        return ERR_INVALID;
    if (t->conflict > HOST_CONFLICT_GIVE_UP || (t->conflict && !ip_addr_is_v4(ip)))
        return ERR_INVALID;
    return check_tags(t) ? ERR_INVALID : check_labels(t);
}

/* The same address in one domain, or in two that nothing tells apart. */
static bool address_taken(const struct host_set *set, uint32_t segment, uint32_t domain, const struct ip_addr *ip,
                          const uint8_t *mac)
{
    uint32_t tag = host_ip_tag(segment, ip);
    for (uint32_t at = tag, i; (i = table_next(table_of(set, ip), tag, &at)) != 0;) {
        const struct host *h = &set->hosts[i];
        if (!ip_addr_equal(&h->ip, ip))
            continue;
        if (h->domain == domain || (h->segment == segment && wire_eth_addr_equal(h->mac, mac)))
            return true;
    }
    return false;
}

static void put_ipv4(struct host *h, uint8_t *at)
{
    at[0] = 0x45;
    store_be32(at + 12, h->address);
    memcpy(&h->source_sum, at + 12, sizeof h->source_sum);
}

static void put_ipv6(struct host *h, uint8_t *at)
{
    at[0] = 0x60;
    memcpy(at + 8, h->ip.bytes, sizeof h->ip.bytes);
    h->source_sum = checksum_fold(checksum_add(0, h->ip.bytes, sizeof h->ip.bytes));
}

/* RFC 3032 2.1: the EtherType says that labels follow, the bottom bit that it is the last. */
static uint8_t *put_labels(struct host *h, const struct host_settings *t, uint8_t *at)
{
    store_be16(at, t->mpls_count ? ETHERTYPE_MPLS : h->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    at += 2;
    for (unsigned i = 0; i < t->mpls_count; i++) {
        const struct host_label *l = &t->mpls[i];
        const struct wire_mpls entry = {
            .label = l->label, .tc = l->tc, .ttl = l->ttl ? l->ttl : UINT8_MAX, .bottom = i + 1u == t->mpls_count};
        at += wire_mpls_build(at, &entry);
    }
    return at;
}

static void build_header(struct host *h, const struct host_settings *t)
{
    uint8_t *at = h->header + WIRE_ETH_ADDR_LEN;
    memcpy(at, h->mac, WIRE_ETH_ADDR_LEN);
    at += WIRE_ETH_ADDR_LEN;
    for (unsigned i = 0; i < t->vlan_count; i++, at += WIRE_ETH_TAG_LEN) {
        store_be16(at, t->vlan[i].tpid);
        store_be16(at + 2, t->vlan[i].tci);
    }
    at = put_labels(h, t, at);
    h->label_bytes = (uint8_t)(t->mpls_count * WIRE_MPLS_LEN);
    h->l2_len = (uint8_t)(at - h->header);
    if (h->v6)
        put_ipv6(h, at);
    else
        put_ipv4(h, at);
}

static int index_ip(struct host_set *set, const struct host *h)
{
    uint32_t tag = host_ip_tag(h->segment, &h->ip);
    if (!h->v6)
        return table_add(&set->by_address, tag, h->index);
    int error = table_add(&set->by_ipv6, tag, h->index);
    return error ? error : table_add(&set->by_solicited, solicited_tag(h->segment, &h->ip), h->index);
}

static void unindex_ip(struct host_set *set, const struct host *h)
{
    uint32_t tag = host_ip_tag(h->segment, &h->ip);
    if (!h->v6) {
        table_remove(&set->by_address, tag, h->index);
        return;
    }
    table_remove(&set->by_ipv6, tag, h->index);
    table_remove(&set->by_solicited, solicited_tag(h->segment, &h->ip), h->index);
}

static int index_host(struct host_set *set, const struct host *h)
{
    int error = index_ip(set, h);
    if (!error && !host_find_mac(set, h->segment, h->mac))
        error = table_add(&set->by_mac, mac_tag(h->segment, h->mac), h->index);
    return error ? error : subnet_intern(set, h);
}

/* The directed broadcast address of its subnet. */
static uint32_t broadcast_of(const struct host_settings *t)
{
    if (!ip_addr_is_v4(&t->address) || t->prefix_length > 30)
        return 0xffffffffu;
    return ip_addr_to_v4(&t->address) | ~ipv4_addr_mask(t->prefix_length);
}

static struct host *host_fill(struct host_set *set, const struct host_settings *t, const uint8_t *mac, uint32_t segment,
                              uint32_t domain, uint32_t index)
{
    struct host *h = &set->hosts[index];
    bool v6 = !ip_addr_is_v4(&t->address);
    *h = (struct host){.address = v6 ? 0 : ip_addr_to_v4(&t->address),
                       .segment = segment,
                       .bits = (uint8_t)(t->prefix_length + (v6 ? 0 : 96)),
                       .interface = (uint8_t)t->interface,
                       .broadcast = broadcast_of(t),
                       .index = index,
                       .domain = domain,
                       .ip = t->address,
                       .v6 = v6,
                       .gateway = t->gateway,
                       .redirects = t->redirects,
                       .conflict = t->conflict,
                       .defend_at = NEVER_DEFENDED};
    memcpy(h->mac, mac, sizeof h->mac);
    build_header(h, t);
    host_segment(set, segment)->mpls |= t->mpls_count != 0;
    uint32_t *first = &host_segment(set, segment)->first[v6];
    if (*first == 0)
        *first = h->index;
    return h;
}

int host_add(struct host_set *set, const struct host_settings *given, const uint8_t *link_mac, uint32_t again)
{
    const uint8_t *mac = wire_eth_is_zero(given->mac) ? link_mac : given->mac;
    int error = check_settings(given, mac);
    struct host_settings tagged = *given, *t = &tagged;
    if (t->vni != 0)
        t->vlan_count = (uint8_t)host_vni_tags(t->vni, t->vlan);
    if (error)
        return error;
    bool fresh = set->count < set->capacity;
    if (!fresh && again == 0)
        return ERR_NO_SPACE;
    struct wire_vlan vlan[HOST_MAX_TAGS];
    for (unsigned i = 0; i < t->vlan_count; i++)
        vlan[i] = (struct wire_vlan){.tpid = t->vlan[i].tpid, .tci = t->vlan[i].tci};
    struct segment key;
    uint32_t segment, domain;
    if (!segment_key(&key, t->interface, vlan, t->vlan_count))
        return ERR_INVALID;
    error = segment_intern(set, &key, &segment);
    if (!error)
        error = domain_intern(set, segment, t->vrf, &domain);
    if (error)
        return error;
    if (address_taken(set, segment, domain, &t->address, mac))
        return ERR_EXISTS;
    if (!fresh)
        set->n_removed--;
    host_segment(set, segment)->vni = t->vni;
    struct host *h = host_fill(set, t, mac, segment, domain, fresh ? ++set->count : again);
    error = index_host(set, h);
    return error ? error : (int)h->index;
}

/* ---- and gone ---- */

/* Another host of the segment takes its place in what names only one. */
static void hand_over(struct host_set *set, const struct host *gone, struct host *heir)
{
    struct segment *g = host_segment(set, gone->segment);
    if (g->first[heir->v6] == 0)
        g->first[heir->v6] = heir->index;
    if (!host_find_mac(set, heir->segment, heir->mac)) {
        int error = table_add(&set->by_mac, mac_tag(heir->segment, heir->mac), heir->index);
        assert(!error); /* the one that went made room */
        (void)error;
    }
    int error = subnet_intern(set, heir);
    assert(!error);
    (void)error;
}

static void forget_subnet(struct host_set *set, const struct host *h)
{
    uint32_t tag = host_tag(h->segment, h->broadcast);
    for (uint32_t at = tag, i; (i = table_next(&set->by_subnet, tag, &at)) != 0;) {
        const struct subnet *n = pool_at(&set->subnets, i);
        if (n->host != h->index)
            continue;
        table_remove(&set->by_subnet, tag, i);
        pool_put(&set->subnets, i);
        return;
    }
}

void host_remove(struct host_set *set, struct host *h)
{
    h->removed = true;
    set->n_removed++;
    set->last = set->hosts;
    unindex_ip(set, h);
    table_remove(&set->by_mac, mac_tag(h->segment, h->mac), h->index);
    forget_subnet(set, h);
    struct segment *g = host_segment(set, h->segment);
    if (g->first[h->v6] == h->index)
        g->first[h->v6] = 0;
    for (uint32_t i = 1; i <= set->count; i++)
        if (!set->hosts[i].removed && set->hosts[i].segment == h->segment)
            hand_over(set, h, &set->hosts[i]);
}
