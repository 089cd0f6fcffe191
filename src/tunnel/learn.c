/* SPDX-License-Identifier: MIT */
/*
 * Which MAC of which network is behind which VTEP: RFC 7348 4.1. Learnt from frames that come, bounded, keyed (whoever is
 * heard chooses MACs), forgotten when it was not seen for age_ns; when it is full, the one not seen for longest goes.
 */
#include "tunnel/internal.h"

int tunnel_macs_init(struct tunnel *t)
{
    struct tunnel_vtep *v = &t->vtep;
    uint32_t n = t->settings.max_macs;
    int error = pool_init(&v->macs, t->set->allocator, n, sizeof(struct tunnel_mac), alignof(struct tunnel_mac));
    return error ? error : table_init(&v->by_mac, t->set->allocator, n);
}

void tunnel_macs_free(struct tunnel *t)
{
    pool_free(&t->vtep.macs);
    table_free(&t->vtep.by_mac);
}

static struct tunnel_mac *mac_at(const struct tunnel_vtep *v, uint32_t i) { return pool_at(&v->macs, i); }

static uint32_t tag_of(const struct tunnel *t, uint32_t vni, const uint8_t *mac)
{
    uint8_t key[10];
    store_be32(key, vni);
    memcpy(key + 4, mac, 6);
    return (uint32_t)hash_sip13(&t->set->secret, key, sizeof key);
}

static uint32_t find(const struct tunnel *t, uint32_t tag, uint32_t vni, const uint8_t *mac)
{
    for (uint32_t at = tag, i; (i = table_next(&t->vtep.by_mac, tag, &at)) != 0;) {
        const struct tunnel_mac *m = mac_at(&t->vtep, i);
        if (m->vni == vni && wire_eth_addr_equal(m->mac, mac))
            return i;
    }
    return 0;
}

static void list_remove(struct tunnel_vtep *v, const struct tunnel_mac *m)
{
    *(m->older ? &mac_at(v, m->older)->younger : &v->oldest) = m->younger;
    *(m->younger ? &mac_at(v, m->younger)->older : &v->youngest) = m->older;
}

static void list_append(struct tunnel_vtep *v, uint32_t i)
{
    struct tunnel_mac *m = mac_at(v, i);
    m->older = v->youngest;
    m->younger = 0;
    *(v->youngest ? &mac_at(v, v->youngest)->younger : &v->oldest) = i;
    v->youngest = i;
}

static void forget(struct tunnel_vtep *v, uint32_t i)
{
    list_remove(v, mac_at(v, i));
    table_remove(&v->by_mac, mac_at(v, i)->tag, i);
    pool_put(&v->macs, i);
}

/* A new entry, in place of the oldest one if need be. */
static void add(struct tunnel *t, const struct tunnel_mac *m)
{
    struct tunnel_vtep *v = &t->vtep;
    if (v->macs.used == v->macs.capacity) {
        TUNNEL_COUNT(t, tunnel_evicted);
        forget(v, v->oldest);
    }
    uint32_t i = pool_get(&v->macs);
    *mac_at(v, i) = *m;
    list_append(v, i);
    int error = table_add(&v->by_mac, m->tag, i);
    assert(!error); /* as large as the pool */
    (void)error;
    TUNNEL_COUNT(t, tunnel_learned);
}

void tunnel_learn(struct tunnel *t, uint32_t vni, const uint8_t *mac, const struct ip_addr *vtep, int64_t now)
{
    struct tunnel_vtep *v = &t->vtep;
    uint32_t tag = tag_of(t, vni, mac), i = find(t, tag, vni, mac);
    if (!i) {
        struct tunnel_mac m = {.vni = vni, .tag = tag, .vtep = *vtep, .seen = now};
        memcpy(m.mac, mac, sizeof m.mac);
        add(t, &m);
        return;
    }
    struct tunnel_mac *m = mac_at(v, i);
    if (!ip_addr_equal(&m->vtep, vtep)) {
        m->vtep = *vtep;
        TUNNEL_COUNT(t, tunnel_moved);
    }
    m->seen = now;
    list_remove(v, m);
    list_append(v, i);
}

const struct ip_addr *tunnel_find_mac(struct tunnel *t, uint32_t vni, const uint8_t *mac, int64_t now)
{
    uint32_t i = find(t, tag_of(t, vni, mac), vni, mac);
    if (!i)
        return NULL;
    if (now - mac_at(&t->vtep, i)->seen < t->settings.age_ns)
        return &mac_at(&t->vtep, i)->vtep;
    TUNNEL_COUNT(t, tunnel_aged);
    forget(&t->vtep, i);
    return NULL;
}
