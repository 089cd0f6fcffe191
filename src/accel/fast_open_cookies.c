/* SPDX-License-Identifier: MIT */
/*
 * The cookies of fast_open.h: a table without chains.
 */
#include "accel/fast_open.h"

#include "base/error.h"

#define MOST_COOKIES (1u << 24)
#define MOST_REFUSALS 2u

int accel_fast_open_cookies_init(struct accel_fast_open_cookies *c, const struct allocator *a, uint32_t max,
                                 int64_t memory_ns, const struct hash_key *secret)
{
    if (max == 0 || max > MOST_COOKIES)
        return ERR_INVALID;
    *c = (struct accel_fast_open_cookies){.n = 1, .memory_ns = memory_ns, .secret = *secret, .allocator = a};
    while (c->n < max)
        c->n *= 2;
    c->slots = alloc_array(a, c->n, sizeof *c->slots, _Alignof(struct accel_fast_open_cookie));
    return c->slots ? 0 : ERR_NO_MEMORY;
}

void accel_fast_open_cookies_free(struct accel_fast_open_cookies *c)
{
    if (c->allocator)
        alloc_free(c->allocator, c->slots, c->n * sizeof *c->slots);
}

static uint64_t tag_of(const struct accel_fast_open_cookies *c, const struct accel_key *key)
{
    uint8_t bytes[36];
    memcpy(bytes, key->server.bytes, 16);
    memcpy(bytes + 16, key->client.bytes, 16);
    store_be16(bytes + 32, key->server_port);
    store_be16(bytes + 34, key->vlan);
    return hash_sip24(&c->secret, bytes, sizeof bytes);
}

/* The slot where the cookie lies, if it is known and still believed. */
static struct accel_fast_open_cookie *find(const struct accel_fast_open_cookies *c, const struct accel_key *key,
                                           int64_t now)
{
    if (c->n == 0)
        return NULL;
    const uint64_t tag = tag_of(c, key);
    struct accel_fast_open_cookie *slot = &c->slots[tag & (c->n - 1)];
    return slot->length && slot->tag == tag && now - slot->at < c->memory_ns ? slot : NULL;
}

const struct accel_fast_open_cookie *accel_fast_open_cookie_find(const struct accel_fast_open_cookies *c,
                                                                 const struct accel_key *key, int64_t now)
{
    return find(c, key, now);
}

bool accel_fast_open_cookie_learn(struct accel_fast_open_cookies *c, const struct accel_key *key, const uint8_t *bytes,
                                  uint8_t length, int64_t now)
{
    assert(c->n && length >= 1 && length <= ACCEL_FAST_OPEN_COOKIE_MAX);
    const struct accel_fast_open_cookie *known = find(c, key, now);
    const bool same = known && known->length == length && memcmp(known->bytes, bytes, length) == 0;
    const uint64_t tag = tag_of(c, key);
    struct accel_fast_open_cookie *slot = &c->slots[tag & (c->n - 1)];
    *slot = (struct accel_fast_open_cookie){.tag = tag, .at = now, .length = length};
    memcpy(slot->bytes, bytes, length);
    return !same;
}

void accel_fast_open_cookie_accepted(struct accel_fast_open_cookies *c, const struct accel_key *key, int64_t now)
{
    struct accel_fast_open_cookie *slot = find(c, key, now);
    if (!slot)
        return;
    slot->at = now;
    slot->refusals = 0;
}

bool accel_fast_open_cookie_refused(struct accel_fast_open_cookies *c, const struct accel_key *key, int64_t now)
{
    struct accel_fast_open_cookie *slot = find(c, key, now);
    if (!slot || ++slot->refusals < MOST_REFUSALS)
        return false;
    slot->length = 0;
    return true;
}
