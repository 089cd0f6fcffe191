/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server's memory. See lease_table.h.
 */
#include "service/lease_table.h"

#include "base/bytes.h"
#include "base/error.h"

#define TICK_SHIFT 26u /* 67 ms; the wheel reaches nine years */
#define TICK_BUDGET 1024u

int lease_table_init(struct lease_table *l, const struct allocator *a, uint32_t capacity, uint16_t ranges,
                     const struct hash_key *key, int64_t now)
{
    *l = (struct lease_table){.allocator = a, .key = *key};
    int e = pool_init(&l->records, a, capacity, sizeof(struct lease_binding), alignof(struct lease_binding));
    if (!e)
        e = table_init(&l->by_client, a, capacity);
    if (!e)
        e = table_init(&l->by_address, a, capacity);
    if (!e)
        e = wheel_init(&l->wheel, a, capacity, TICK_SHIFT, now);
    if (!e) {
        l->ranges = alloc_array(a, ranges, sizeof *l->ranges, alignof(struct lease_range));
        e = l->ranges ? 0 : ERR_NO_MEMORY;
    }
    if (e) {
        lease_table_free(l);
        return e;
    }
    l->n_ranges = ranges;
    for (unsigned i = 0; i < ranges; i++)
        l->ranges[i].size = 0;
    return 0;
}

static size_t words_of(const struct lease_range *r) { return (r->size + 63u) / 64u; }

void lease_table_free(struct lease_table *l)
{
    const struct allocator *a = l->allocator;
    for (unsigned i = 0; i < l->n_ranges; i++) {
        alloc_free(a, l->ranges[i].bits, words_of(&l->ranges[i]) * 8);
        alloc_free(a, l->ranges[i].kept, words_of(&l->ranges[i]) * 8);
    }
    alloc_free(a, l->ranges, l->n_ranges * sizeof *l->ranges);
    if (l->wheel.nodes)
        wheel_free(&l->wheel);
    if (l->by_address.slots)
        table_free(&l->by_address);
    if (l->by_client.slots)
        table_free(&l->by_client);
    if (l->records.objects)
        pool_free(&l->records);
    *l = (struct lease_table){.allocator = a};
}

int lease_table_add_range(struct lease_table *l, uint32_t first, uint32_t last)
{
    struct lease_range *r = l->ranges;
    while (r < l->ranges + l->n_ranges && r->size)
        r++;
    if (r == l->ranges + l->n_ranges || last < first || last - first >= LEASE_RANGE_MAX)
        return ERR_INVALID;
    *r = (struct lease_range){.first = first, .size = last - first + 1};
    r->bits = alloc_array(l->allocator, words_of(r), 8, 8);
    r->kept = alloc_array(l->allocator, words_of(r), 8, 8);
    return r->bits && r->kept ? 0 : ERR_NO_MEMORY;
}

/* ---- bits ---- */

static bool range_has(const struct lease_range *r, uint32_t address)
{
    return address >= r->first && address - r->first < r->size;
}

static bool bit_of(const uint64_t *bits, uint32_t at) { return bits[at / 64] >> (at % 64) & 1; }

static void set_taken(struct lease_table *l, uint32_t address, uint16_t pool, bool taken)
{
    struct lease_range *r = &l->ranges[pool];
    if (!range_has(r, address))
        return;
    uint32_t at = address - r->first;
    if (bit_of(r->kept, at) || bit_of(r->bits, at) == taken)
        return;
    r->bits[at / 64] ^= UINT64_C(1) << (at % 64);
    r->taken += taken ? 1u : ~0u;
}

void lease_table_keep(struct lease_table *l, uint32_t address)
{
    for (unsigned i = 0; i < l->n_ranges; i++) {
        struct lease_range *r = &l->ranges[i];
        if (!range_has(r, address))
            continue;
        uint32_t at = address - r->first;
        set_taken(l, address, (uint16_t)i, true);
        r->kept[at / 64] |= UINT64_C(1) << (at % 64);
    }
}

bool lease_table_is_free(const struct lease_table *l, uint16_t pool, uint32_t address)
{
    const struct lease_range *r = &l->ranges[pool];
    return range_has(r, address) && !bit_of(r->bits, address - r->first);
}

/* The first clear bit from `from` on, or r->size. */
static uint32_t clear_bit_from(const struct lease_range *r, uint32_t from)
{
    while (from < r->size) {
        uint64_t free = ~r->bits[from / 64] >> (from % 64);
        if (free)
            return min_u32(from + (uint32_t)__builtin_ctzll(free), r->size);
        from = (from / 64 + 1) * 64;
    }
    return r->size;
}

uint32_t lease_table_search(struct lease_table *l, uint16_t pool)
{
    struct lease_range *r = &l->ranges[pool];
    if (r->taken >= r->size)
        return 0;
    uint32_t at = clear_bit_from(r, r->cursor);
    if (at == r->size)
        at = clear_bit_from(r, 0);
    r->cursor = at + 1 == r->size ? 0 : at + 1;
    return r->first + at;
}

/* ---- finding ---- */

struct lease_client lease_client_of(const struct hash_key *key, const void *bytes, size_t length)
{
    struct hash_key second = {.k0 = ~key->k0, .k1 = key->k1};
    return (struct lease_client){.a = hash_sip24(key, bytes, length), .b = hash_sip24(&second, bytes, length)};
}

static uint32_t client_tag(const struct lease_client *client, uint16_t pool) { return (uint32_t)client->a + pool; }

static uint32_t address_tag(const struct lease_table *l, uint32_t address)
{
    return (uint32_t)hash_sip13(&l->key, &address, sizeof address);
}

struct lease_binding *lease_table_of_client(struct lease_table *l, const struct lease_client *client, uint16_t pool)
{
    uint32_t tag = client_tag(client, pool);
    for (uint32_t at = tag, i; (i = table_next(&l->by_client, tag, &at)) != 0;) {
        struct lease_binding *b = pool_at(&l->records, i);
        if (b->pool == pool && lease_client_equal(&b->client, client))
            return b;
    }
    return NULL;
}

struct lease_binding *lease_table_of_address(struct lease_table *l, uint32_t address)
{
    uint32_t tag = address_tag(l, address);
    for (uint32_t at = tag, i; (i = table_next(&l->by_address, tag, &at)) != 0;) {
        struct lease_binding *b = pool_at(&l->records, i);
        if (b->address == address)
            return b;
    }
    return NULL;
}

/* ---- the list of those remembered ---- */

static struct lease_binding *at(struct lease_table *l, uint32_t index) { return pool_at(&l->records, index); }

static void remember(struct lease_table *l, struct lease_binding *b, uint32_t index)
{
    b->next = POOL_NONE;
    b->prev = l->newest;
    if (l->newest)
        at(l, l->newest)->next = index;
    else
        l->oldest = index;
    l->newest = index;
}

static void recall(struct lease_table *l, struct lease_binding *b)
{
    if (b->prev)
        at(l, b->prev)->next = b->next;
    else
        l->oldest = b->next;
    if (b->next)
        at(l, b->next)->prev = b->prev;
    else
        l->newest = b->prev;
}

/* ---- changes ---- */

static void leave_state(struct lease_table *l, struct lease_binding *b)
{
    if (b->state == LEASE_REMEMBERED)
        recall(l, b);
    l->offered -= b->state == LEASE_OFFERED;
}

void lease_table_set(struct lease_table *l, struct lease_binding *b, enum lease_state state, int64_t expires)
{
    uint32_t index = pool_index(&l->records, b);
    leave_state(l, b);
    b->state = (uint8_t)state;
    b->expires_ns = expires;
    l->offered += state == LEASE_OFFERED;
    set_taken(l, b->address, b->pool, state != LEASE_REMEMBERED);
    if (state == LEASE_REMEMBERED)
        remember(l, b, index);
    else
        wheel_arm(&l->wheel, index, expires);
}

void lease_table_remove(struct lease_table *l, struct lease_binding *b)
{
    uint32_t index = pool_index(&l->records, b);
    leave_state(l, b);
    set_taken(l, b->address, b->pool, false);
    table_remove(&l->by_client, client_tag(&b->client, b->pool), index);
    table_remove(&l->by_address, address_tag(l, b->address), index);
    wheel_disarm(&l->wheel, index);
    b->state = LEASE_FREE;
    pool_put(&l->records, index);
}

static uint32_t take_record(struct lease_table *l)
{
    if (l->records.used == l->records.capacity && l->oldest) {
        l->evicted++;
        lease_table_remove(l, at(l, l->oldest));
    }
    return pool_get(&l->records);
}

struct lease_binding *lease_table_add(struct lease_table *l, const struct lease_client *client, uint16_t pool,
                                      uint32_t address)
{
    struct lease_binding *before = lease_table_of_address(l, address);
    if (before) {
        assert(before->state == LEASE_REMEMBERED);
        lease_table_remove(l, before);
    }
    uint32_t index = take_record(l);
    if (index == POOL_NONE)
        return NULL;
    struct lease_binding *b = at(l, index);
    *b = (struct lease_binding){.address = address, .client = *client, .pool = pool, .state = LEASE_FREE};
    if (table_add(&l->by_client, client_tag(client, pool), index) < 0)
        goto no_client;
    if (table_add(&l->by_address, address_tag(l, address), index) < 0)
        goto no_address;
    lease_table_set(l, b, LEASE_OFFERED, TIME_NEVER);
    return b;
no_address:
    table_remove(&l->by_client, client_tag(client, pool), index);
no_client:
    pool_put(&l->records, index);
    return NULL;
}

/* ---- time ---- */

static void binding_due(void *context, uint32_t index, int64_t now)
{
    struct lease_table *l = context;
    struct lease_binding *b = at(l, index);
    if (b->state == LEASE_FREE || b->state == LEASE_REMEMBERED)
        return;
    if (b->expires_ns > now) {
        wheel_arm(&l->wheel, index, b->expires_ns);
        return;
    }
    l->offers_expired += b->state == LEASE_OFFERED;
    l->leases_expired += b->state == LEASE_BOUND;
    if (b->state == LEASE_BOUND)
        lease_table_set(l, b, LEASE_REMEMBERED, TIME_NEVER);
    else
        lease_table_remove(l, b);
}

void lease_table_tick(struct lease_table *l, int64_t now)
{
    (void)wheel_advance(&l->wheel, now, TICK_BUDGET, binding_due, l);
}

const struct lease_binding *lease_table_next(const struct lease_table *l, uint32_t *at)
{
    while (*at < l->records.touched) {
        const struct lease_binding *b = pool_at(&l->records, ++*at);
        if (b->state != LEASE_FREE)
            return b;
    }
    return NULL;
}
