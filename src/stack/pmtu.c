/* SPDX-License-Identifier: MIT */
/*
 * Path MTUs: see pmtu.h. All entries live equally long, so that the list by age is also the list by expiry.
 */
#include "stack/pmtu.h"

#include "stack/stack_internal.h"

int pmtu_init(struct pmtu_set *set, const struct stack_settings *t, const struct allocator *a)
{
    int error = pool_init(&set->pool, a, t->max_path_mtus, sizeof(struct pmtu_entry), alignof(struct pmtu_entry));
    return error ? error : table_init(&set->table, a, t->max_path_mtus);
}

void pmtu_free(struct pmtu_set *set)
{
    table_free(&set->table);
    pool_free(&set->pool);
}

static struct pmtu_entry *entry_at(const struct pmtu_set *set, uint32_t index) { return pool_at(&set->pool, index); }

static uint32_t tag_of(const struct stack *s, uint32_t domain, const struct ip_addr *destination)
{
    uint8_t key[sizeof domain + sizeof *destination];
    memcpy(key, &domain, sizeof domain);
    memcpy(key + sizeof domain, destination, sizeof *destination);
    return (uint32_t)hash_sip13(&s->settings.secret, key, sizeof key);
}

static uint32_t find(const struct pmtu_set *set, uint32_t tag, uint32_t domain, const struct ip_addr *destination)
{
    for (uint32_t at = tag, i; (i = table_next(&set->table, tag, &at)) != 0;) {
        const struct pmtu_entry *e = entry_at(set, i);
        if (e->domain == domain && ip_addr_equal(&e->destination, destination))
            return i;
    }
    return 0;
}

static void let_go(struct pmtu_set *set, uint32_t index)
{
    const struct pmtu_entry *e = entry_at(set, index);
    if (e->older)
        entry_at(set, e->older)->younger = e->younger;
    else
        set->oldest = e->younger;
    if (e->younger)
        entry_at(set, e->younger)->older = e->older;
    else
        set->youngest = e->older;
    table_remove(&set->table, e->tag, index);
    pool_put(&set->pool, index);
}

static void add(struct stack *s, const struct pmtu_entry *e)
{
    struct pmtu_set *set = &s->pmtus;
    if (set->pool.used == set->pool.capacity)
        let_go(set, set->oldest);
    uint32_t index = pool_get(&set->pool);
    *entry_at(set, index) = *e;
    entry_at(set, index)->older = set->youngest;
    if (set->youngest)
        entry_at(set, set->youngest)->younger = index;
    else
        set->oldest = index;
    set->youngest = index;
    int error = table_add(&set->table, e->tag, index);
    assert(!error); /* as large as the pool */
    (void)error;
}

uint32_t pmtu_get(struct stack *s, const struct host *h, const struct ip_addr *destination)
{
    struct pmtu_set *set = &s->pmtus;
    uint32_t mtu = interface_mtu(stack_interface_of(s, h));
    if (unlikely(h->ra != NULL) && h->ra->mtu)
        mtu = min_u32(mtu, h->ra->mtu);
    mtu -= h->overhead;
    if (likely(set->pool.used == 0))
        return mtu;
    uint32_t index = find(set, tag_of(s, h->domain, destination), h->domain, destination);
    if (!index)
        return mtu;
    if (s->now < entry_at(set, index)->expires)
        return min_u32(mtu, entry_at(set, index)->mtu);
    let_go(set, index);
    return mtu;
}

void pmtu_lower(struct stack *s, const struct host *h, const struct ip_addr *destination, uint32_t mtu)
{
    struct pmtu_set *set = &s->pmtus;
    if (mtu >= pmtu_get(s, h, destination))
        return;
    uint32_t tag = tag_of(s, h->domain, destination), index = find(set, tag, h->domain, destination);
    if (index)
        let_go(set, index);
    struct pmtu_entry e = {.tag = tag,
                           .domain = h->domain,
                           .destination = *destination,
                           .mtu = (uint16_t)mtu,
                           .expires = s->now + s->settings.path_mtu_ns};
    add(s, &e);
    s->counters.path_mtus_lowered++;
}

uint32_t pmtu_plateau_below(uint32_t length)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    for (unsigned i = 0; i < sizeof plateaus / sizeof plateaus[0]; i++)
        if (plateaus[i] < length)
            return plateaus[i];
    return WIRE_IPV4_MIN_MTU;
}
