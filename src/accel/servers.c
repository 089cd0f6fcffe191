/* SPDX-License-Identifier: MIT */
/*
 * See servers.h.
 */
#include "accel/servers.h"

#include "base/error.h"

#define MOST_SERVERS (1u << 24)

int accel_servers_init(struct accel_servers *s, const struct allocator *a, uint32_t max, int64_t memory_ns,
                       const struct hash_key *secret)
{
    if (max == 0 || max > MOST_SERVERS)
        return ERR_INVALID;
    *s = (struct accel_servers){.n = 1, .memory_ns = memory_ns, .secret = *secret, .allocator = a};
    while (s->n < max)
        s->n *= 2;
    s->slots = alloc_array(a, s->n, sizeof *s->slots, _Alignof(struct accel_server));
    return s->slots ? 0 : ERR_NO_MEMORY;
}

void accel_servers_free(struct accel_servers *s)
{
    if (s->allocator)
        alloc_free(s->allocator, s->slots, s->n * sizeof *s->slots);
}

uint32_t accel_servers_place(const struct accel_servers *s, const struct accel_key *key)
{
    uint8_t bytes[20];
    memcpy(bytes, key->server.bytes, 16);
    store_be16(bytes + 16, key->server_port);
    store_be16(bytes + 18, key->vlan);
    return (uint32_t)hash_sip13(&s->secret, bytes, sizeof bytes) & (s->n - 1);
}

static struct accel_server *slot_of(const struct accel_servers *s, const struct accel_key *key)
{
    return &s->slots[accel_servers_place(s, key)];
}

static bool is_of(const struct accel_server *slot, const struct accel_key *key)
{
    return slot->said.mss != 0 && ip_addr_equal(&slot->address, &key->server) && slot->port == key->server_port &&
           slot->vlan == key->vlan;
}

static const struct accel_server *find(const struct accel_servers *s, const struct accel_key *key, int64_t now)
{
    const struct accel_server *slot = slot_of(s, key);
    return is_of(slot, key) && now - slot->at < s->memory_ns ? slot : NULL;
}

const struct accel_promise *accel_servers_find(const struct accel_servers *s, const struct accel_key *key, int64_t now)
{
    const struct accel_server *slot = find(s, key, now);
    return slot ? &slot->said : NULL;
}

bool accel_servers_far(const struct accel_servers *s, const struct accel_key *key, int64_t now)
{
    const struct accel_server *slot = find(s, key, now);
    return slot && slot->far;
}

void accel_servers_learn(struct accel_servers *s, const struct accel_key *key, const struct accel_promise *said,
                         bool far, int64_t now)
{
    struct accel_server *slot = slot_of(s, key);
    if (!is_of(slot, key))
        *slot = (struct accel_server){.address = key->server, .port = key->server_port, .vlan = key->vlan};
    slot->said = *said;
    slot->far = far;
    slot->at = now;
}

int64_t accel_servers_rtt(const struct accel_servers *s, const struct accel_key *key, int64_t now)
{
    const struct accel_server *slot = find(s, key, now);
    return slot && slot->far ? slot->rtt_ns : 0;
}

void accel_servers_measured(struct accel_servers *s, const struct accel_key *key, int64_t rtt_ns)
{
    struct accel_server *slot = slot_of(s, key);
    if (is_of(slot, key))
        slot->rtt_ns = min_i64(rtt_ns, slot->rtt_ns + (rtt_ns - slot->rtt_ns) / 8);
}

enum accel_server_fast_open accel_servers_fast_open(const struct accel_servers *s, const struct accel_key *key,
                                                    int64_t now)
{
    const struct accel_server *slot = find(s, key, now);
    return slot && now - slot->fast_open_at < s->memory_ns ? (enum accel_server_fast_open)slot->fast_open
                                                           : ACCEL_SERVER_UNKNOWN;
}

void accel_servers_set_fast_open(struct accel_servers *s, const struct accel_key *key, enum accel_server_fast_open is,
                                 int64_t now)
{
    struct accel_server *slot = slot_of(s, key);
    if (!is_of(slot, key))
        return;
    slot->fast_open = (uint8_t)is;
    slot->fast_open_at = now;
}
