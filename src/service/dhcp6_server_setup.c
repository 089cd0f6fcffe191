/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv6 server out of its settings. See dhcp6_server.h and dhcp6_server_private.h.
 */
#include "base/error.h"
#include "service/dhcp6_server_private.h"

#define FIRST 1u /* numbers of every range begin here, moved by the range's own million */

void dhcp6_server_settings_default(struct dhcp6_server_settings *s)
{
    *s = (struct dhcp6_server_settings){
        .max_leases = 65536, .max_offers = 16384, .offer_ns = 60 * NS_PER_S, .decline_ns = 600 * NS_PER_S};
}

/* ---- numbers ---- */

static uint32_t first_number(uint16_t pool) { return pool * LEASE_RANGE_MAX + FIRST; }

/* How many addresses or prefixes lie between base and addr; UINT64_MAX: too many, or addr lies before. */
static uint64_t distance(const struct ip_addr *base, const struct ip_addr *addr, unsigned prefix_length)
{
    uint64_t high = load_be64(addr->bytes) - load_be64(base->bytes);
    uint64_t low = load_be64(addr->bytes + 8) - load_be64(base->bytes + 8);
    if (prefix_length <= 64)
        return low != 0 || prefix_length == 0 || (high & ((UINT64_C(1) << (64 - prefix_length) % 64) - 1)) != 0
                   ? UINT64_MAX
                   : high >> (64 - prefix_length);
    return high != 0 || load_be64(addr->bytes + 8) < load_be64(base->bytes + 8) ? UINT64_MAX : low;
}

uint32_t dhcp6_server_number(const struct dhcp6_server *s, uint16_t pool, const struct ip_addr *addr)
{
    const struct dhcp6_link_settings *l = &s->settings.links[pool / 2];
    bool prefix = pool & 1;
    uint32_t count = prefix ? l->prefixes : l->addresses;
    uint64_t at = prefix ? distance(&l->prefix_base, addr, l->prefix_length) : distance(&l->base, addr, 128);
    return at < count ? first_number(pool) + (uint32_t)at : 0;
}

struct ip_addr dhcp6_server_addr(const struct dhcp6_server *s, uint16_t pool, uint32_t number)
{
    const struct dhcp6_link_settings *l = &s->settings.links[pool / 2];
    uint64_t at = number - first_number(pool);
    if ((pool & 1) == 0)
        return ip_addr_add(&l->base, at);
    struct ip_addr a = l->prefix_base;
    store_be64(a.bytes, load_be64(a.bytes) + (at << (64 - l->prefix_length)));
    return a;
}

/* ---- what cannot work ---- */

static bool addresses_are_good(const struct dhcp6_link_settings *l)
{
    if (l->addresses == 0)
        return true;
    struct ip_addr last = ip_addr_add(&l->base, l->addresses - 1);
    return l->addresses < LEASE_RANGE_MAX && ip_prefix_contains(&l->on_link, &l->base) &&
           ip_prefix_contains(&l->on_link, &last) && load_be64(last.bytes) == load_be64(l->base.bytes);
}

static bool prefixes_are_good(const struct dhcp6_link_settings *l)
{
    if (l->prefixes == 0)
        return true;
    if (l->prefixes >= LEASE_RANGE_MAX || l->prefix_length < 1 || l->prefix_length > 64)
        return false;
    uint64_t step = UINT64_C(1) << (64 - l->prefix_length), high = load_be64(l->prefix_base.bytes), last;
    return load_be64(l->prefix_base.bytes + 8) == 0 && (high & (step - 1)) == 0 &&
           !__builtin_mul_overflow((uint64_t)l->prefixes - 1, step, &last) &&
           !__builtin_add_overflow(high, last, &last);
}

static bool settings_are_good(const struct dhcp6_server_settings *s)
{
    if (!s->send || !s->duid || s->duid_len < 3 || s->duid_len > DHCP6_DUID_MAX || s->max_leases == 0 ||
        s->max_offers == 0 || s->offer_ns <= 0 || s->decline_ns < 0)
        return false;
    if (s->n_links == 0 || s->n_links > DHCP6_LINKS_MAX)
        return false;
    for (unsigned i = 0; i < s->n_links; i++) {
        const struct dhcp6_link_settings *l = &s->links[i];
        if (l->valid_s == 0 || l->preferred_s == 0 || l->preferred_s > l->valid_s)
            return false;
        if (!addresses_are_good(l) || !prefixes_are_good(l) || (l->domains_len && !l->domains))
            return false;
    }
    return true;
}

/* ---- the server ---- */

/* A range of nothing is one number that is kept. */
static int add_range(struct dhcp6_server *s, uint16_t pool, uint32_t count)
{
    uint32_t first = first_number(pool);
    int e = lease_table_add_range(&s->leases, first, first + max_u32(count, 1) - 1);
    if (!e && count == 0)
        lease_table_keep(&s->leases, first);
    return e;
}

int dhcp6_server_new(const struct dhcp6_server_settings *settings, const struct allocator *a, int64_t now,
                     struct dhcp6_server **out)
{
    if (!settings_are_good(settings))
        return ERR_INVALID;
    struct dhcp6_server *s = alloc_zeroed(a, sizeof *s, alignof(struct dhcp6_server));
    if (!s)
        return ERR_NO_MEMORY;
    s->settings = *settings;
    s->allocator = a;
    s->leases.allocator = a;
    uint16_t ranges = (uint16_t)(2 * settings->n_links);
    int e = lease_table_init(&s->leases, a, settings->max_leases, ranges, &settings->key, now);
    for (uint16_t pool = 0; pool < ranges && !e; pool++)
        e = add_range(s, pool, pool & 1 ? settings->links[pool / 2].prefixes : settings->links[pool / 2].addresses);
    if (e) {
        dhcp6_server_delete(s);
        return e;
    }
    *out = s;
    return 0;
}

void dhcp6_server_delete(struct dhcp6_server *s)
{
    if (!s)
        return;
    const struct allocator *a = s->allocator;
    lease_table_free(&s->leases);
    alloc_free(a, s, sizeof *s);
}

struct ip_prefix dhcp6_server_leased(const struct dhcp6_server *s, const struct lease_binding *b)
{
    bool prefix = b->pool % 2 != 0;
    return (struct ip_prefix){.addr = dhcp6_server_addr(s, b->pool, b->address),
                              .length = prefix ? s->settings.links[b->pool / 2].prefix_length : 128};
}
