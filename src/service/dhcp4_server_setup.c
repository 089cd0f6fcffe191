/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv4 server out of its settings. See dhcp4_server.h.
 */
#include "base/error.h"
#include "service/dhcp4_server_private.h"
#include "wire/ip_addr.h"

void dhcp4_server_settings_default(struct dhcp4_server_settings *s)
{
    *s = (struct dhcp4_server_settings){
        .max_leases = 65536, .max_offers = 16384, .offer_ns = 30 * NS_PER_S, .decline_ns = 600 * NS_PER_S};
}

/* Identifiers and hardware addresses are different kinds: a byte of its own begins what is hashed. */
struct lease_client dhcp4_server_key_of_id(const struct dhcp4_server *s, const uint8_t *id, size_t length)
{
    return lease_client_of(&s->settings.key, id, length);
}

struct lease_client dhcp4_server_key_of_mac(const struct dhcp4_server *s, const uint8_t *mac)
{
    struct hash_key of_hardware = {.k0 = s->settings.key.k0, .k1 = ~s->settings.key.k1};
    return lease_client_of(&of_hardware, mac, 6);
}

static bool in_subnet(const struct dhcp4_pool_settings *p, uint32_t address)
{
    return ((address ^ p->network) & ipv4_addr_mask(p->prefix_length)) == 0;
}

uint16_t dhcp4_server_pool_of(const struct dhcp4_server *s, uint32_t address)
{
    for (unsigned i = 0; i < s->settings.n_pools; i++)
        if (in_subnet(&s->settings.pools[i], address))
            return (uint16_t)i;
    return DHCP4_NO_POOL;
}

/* ---- what cannot work ---- */

static bool pool_is_good(const struct dhcp4_pool_settings *p)
{
    uint32_t mask = p->prefix_length <= 32 ? ipv4_addr_mask(p->prefix_length) : 0;
    if (p->prefix_length < 8 || p->prefix_length > 30 || (p->network & ~mask) != 0)
        return false;
    if (p->first > p->last || !in_subnet(p, p->first) || !in_subnet(p, p->last))
        return false;
    if (p->first == p->network || p->last == (p->network | ~mask) || p->last - p->first >= LEASE_RANGE_MAX)
        return false;
    if (p->router && !in_subnet(p, p->router))
        return false;
    if (p->domain && (p->domain[0] == '\0' || strlen(p->domain) > 255))
        return false;
    return p->least_lease_s > 0 && p->least_lease_s <= p->lease_s && p->lease_s <= p->most_lease_s;
}

static bool pools_are_good(const struct dhcp4_server_settings *s)
{
    if (s->n_pools == 0 || s->n_pools > DHCP4_POOLS_MAX || s->address == 0)
        return false;
    for (unsigned i = 0; i < s->n_pools; i++) {
        const struct dhcp4_pool_settings *p = &s->pools[i];
        if (!pool_is_good(p))
            return false;
        for (unsigned j = 0; j < i; j++)
            if (in_subnet(&s->pools[j], p->network) || in_subnet(p, s->pools[j].network))
                return false;
    }
    return true;
}

static bool settings_are_good(const struct dhcp4_server_settings *s)
{
    return s->send && s->max_leases > 0 && s->max_offers > 0 && s->offer_ns > 0 && s->decline_ns >= 0 &&
           (s->n_reservations == 0 || s->reservations) && pools_are_good(s);
}

/* ---- reservations ---- */

static uint32_t reserved_tag(const struct lease_client *key) { return (uint32_t)key->a; }

/* The reservation of this key in the pool: its number + 1, or 0. */
static uint32_t find_reserved(const struct dhcp4_server *s, const struct lease_client *key, uint16_t pool)
{
    uint32_t tag = reserved_tag(key);
    for (uint32_t at = tag, i; (i = table_next(&s->reserved, tag, &at)) != 0;)
        if (lease_client_equal(&s->reserved_keys[i - 1], key) &&
            dhcp4_server_pool_of(s, s->settings.reservations[i - 1].address) == pool)
            return i;
    return 0;
}

uint32_t dhcp4_server_reserved(const struct dhcp4_server *s, const struct dhcp4_request *r)
{
    if (s->settings.n_reservations == 0)
        return 0;
    struct lease_client of_mac = dhcp4_server_key_of_mac(s, r->message.header.chaddr);
    uint32_t i = find_reserved(s, &r->client, r->pool);
    if (i == 0)
        i = find_reserved(s, &of_mac, r->pool);
    return i ? s->settings.reservations[i - 1].address : 0;
}

/* Addresses are compared by sight of all: reservations are few, and this is done once. */
static int add_reservation(struct dhcp4_server *s, uint32_t number)
{
    const struct dhcp4_reservation *r = &s->settings.reservations[number];
    uint16_t pool = dhcp4_server_pool_of(s, r->address);
    struct lease_client key =
        r->client_id ? dhcp4_server_key_of_id(s, r->client_id, r->client_id_len) : dhcp4_server_key_of_mac(s, r->mac);
    if (pool == DHCP4_NO_POOL || r->address == s->settings.address)
        return ERR_INVALID;
    if (find_reserved(s, &key, pool))
        return ERR_EXISTS;
    for (uint32_t i = 0; i < number; i++)
        if (s->settings.reservations[i].address == r->address)
            return ERR_EXISTS;
    s->reserved_keys[number] = key;
    lease_table_keep(&s->leases, r->address);
    return table_add(&s->reserved, reserved_tag(&key), number + 1);
}

static int add_reservations(struct dhcp4_server *s)
{
    uint32_t n = s->settings.n_reservations;
    if (n == 0)
        return 0;
    s->reserved_keys = alloc_array(s->allocator, n, sizeof *s->reserved_keys, alignof(struct lease_client));
    int e = s->reserved_keys ? table_init(&s->reserved, s->allocator, n) : ERR_NO_MEMORY;
    for (uint32_t i = 0; i < n && !e; i++)
        e = add_reservation(s, i);
    return e;
}

static int add_pools(struct dhcp4_server *s)
{
    int e = 0;
    for (unsigned i = 0; i < s->settings.n_pools && !e; i++)
        e = lease_table_add_range(&s->leases, s->settings.pools[i].first, s->settings.pools[i].last);
    for (unsigned i = 0; i < s->settings.n_pools && !e; i++)
        lease_table_keep(&s->leases, s->settings.pools[i].router);
    if (!e)
        lease_table_keep(&s->leases, s->settings.address);
    return e;
}

/* ---- the server ---- */

int dhcp4_server_new(const struct dhcp4_server_settings *settings, const struct allocator *a, int64_t now,
                     struct dhcp4_server **out)
{
    if (!settings_are_good(settings))
        return ERR_INVALID;
    struct dhcp4_server *s = alloc_zeroed(a, sizeof *s, alignof(struct dhcp4_server));
    if (!s)
        return ERR_NO_MEMORY;
    s->settings = *settings;
    s->allocator = a;
    s->leases.allocator = a;
    int e = lease_table_init(&s->leases, a, settings->max_leases, (uint16_t)settings->n_pools, &settings->key, now);
    if (!e)
        e = add_pools(s);
    if (!e)
        e = add_reservations(s);
    if (e) {
        dhcp4_server_delete(s);
        return e;
    }
    *out = s;
    return 0;
}

void dhcp4_server_delete(struct dhcp4_server *s)
{
    if (!s)
        return;
    const struct allocator *a = s->allocator;
    if (s->reserved.slots)
        table_free(&s->reserved);
    alloc_free(a, s->reserved_keys, s->settings.n_reservations * sizeof *s->reserved_keys);
    lease_table_free(&s->leases);
    alloc_free(a, s, sizeof *s);
}
