/* SPDX-License-Identifier: MIT */
/*
 * See limits.h.
 */
#include "accel/limits.h"

#include "base/error.h"

#define MOST_SOURCES (1u << 24)
#define BURST_NS NS_PER_S

static int64_t interval_of(uint32_t rate) { return rate ? max_i64(NS_PER_S / rate, 1) : 0; }

int accel_limits_init(struct accel_limits *l, const struct allocator *a, const struct accel_settings *s)
{
    if (s->max_sources == 0 || s->max_sources > MOST_SOURCES)
        return ERR_INVALID;
    *l = (struct accel_limits){.n = round_up_pow2(s->max_sources),
                               .source_flows = s->source_flows,
                               .source_interval_ns = interval_of(s->source_syn_rate),
                               .interval_ns = interval_of(s->syn_rate),
                               .secret = s->secret,
                               .allocator = a};
    l->sources = alloc_array(a, l->n, sizeof *l->sources, _Alignof(struct accel_source));
    return l->sources ? 0 : ERR_NO_MEMORY;
}

void accel_limits_free(struct accel_limits *l)
{
    if (l->allocator)
        alloc_free(l->allocator, l->sources, l->n * sizeof *l->sources);
}

uint32_t accel_limits_place(const struct accel_limits *l, const struct accel_key *key)
{
    uint8_t bytes[18] = {0};
    memcpy(bytes, key->client.bytes, ip_addr_is_v4(&key->client) ? 16 : 8);
    store_be16(bytes + 16, key->vlan);
    return (uint32_t)hash_sip13(&l->secret, bytes, sizeof bytes) & (l->n - 1);
}

static struct accel_source *source_of(const struct accel_limits *l, const struct accel_key *key)
{
    return &l->sources[accel_limits_place(l, key)];
}

/* True: this one is beyond the rate. */
static bool count(int64_t *due, int64_t interval, int64_t now)
{
    if (interval == 0)
        return false;
    *due = min_i64(max_i64(*due, now) + interval, now + 2 * BURST_NS);
    return *due > now + BURST_NS;
}

enum accel_limit accel_limits_syn(struct accel_limits *l, const struct accel_key *key, int64_t now)
{
    struct accel_source *s = source_of(l, key);
    const bool by_source = count(&s->due, l->source_interval_ns, now), by_all = count(&l->due, l->interval_ns, now);
    if (l->source_flows && s->flows >= l->source_flows)
        return ACCEL_BEYOND_SOURCE_FLOWS;
    return by_source ? ACCEL_BEYOND_SOURCE_RATE : by_all ? ACCEL_BEYOND_RATE : ACCEL_WITHIN;
}

static uint32_t left(int64_t due, int64_t interval, int64_t now)
{
    if (interval == 0)
        return UINT32_MAX;
    return (uint32_t)(max_i64(now + BURST_NS - max_i64(due, now), 0) / interval);
}

uint32_t accel_limits_left(const struct accel_limits *l, const struct accel_key *key, int64_t now)
{
    const struct accel_source *s = source_of(l, key);
    const uint32_t by_rate = left(s->due, l->source_interval_ns, now);
    if (l->source_flows == 0)
        return by_rate;
    return s->flows >= l->source_flows ? 0 : min_u32(by_rate, l->source_flows - s->flows);
}

uint32_t accel_limits_left_in_all(const struct accel_limits *l, int64_t now)
{
    return left(l->due, l->interval_ns, now);
}

bool accel_limits_full(const struct accel_limits *l, const struct accel_key *key)
{
    return l->source_flows && source_of(l, key)->flows >= l->source_flows;
}

void accel_limits_begin(struct accel_limits *l, const struct accel_key *key) { source_of(l, key)->flows++; }

void accel_limits_end(struct accel_limits *l, const struct accel_key *key)
{
    struct accel_source *s = source_of(l, key);
    assert(s->flows > 0);
    s->flows--;
}

uint64_t accel_limits_flows(const struct accel_limits *l)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < l->n; i++)
        all += l->sources[i].flows;
    return all;
}
