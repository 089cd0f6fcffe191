/* SPDX-License-Identifier: MIT */
/*
 * The transmit wrapper: see guard.h. The usual frame costs one look at its Ethernet type and one comparison with the destination allowed last.
 */
#include "packet/guard.h"

#include "base/bytes.h"
#include "base/error.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86dd
#define ETHERNET_LEN 14u
#define MAX_TAGS 8u
#define V4_MAPPED_BITS 96u
#define BUCKET_NS (10 * NS_PER_MS) /* the burst that a rate cap tolerates */

const char *guard_cause_name(enum guard_cause cause)
{
    static const char *const names[GUARD_CAUSE_COUNT] = {
#define GUARD_CAUSE_NAME(name, text) #text,
        GUARD_CAUSE_LIST(GUARD_CAUSE_NAME)
#undef GUARD_CAUSE_NAME
    };
    return (unsigned)cause < GUARD_CAUSE_COUNT ? names[cause] : "?";
}

static void allow_v4(struct guard_rules *r, uint32_t address, uint8_t length)
{
    struct guard_prefix *p = &r->allowed[r->n_allowed++];
    *p = (struct guard_prefix){.bytes = {[10] = 0xff, [11] = 0xff}, .length = (uint8_t)(V4_MAPPED_BITS + length)};
    store_be32(p->bytes + 12, address);
}

static void allow_v6(struct guard_rules *r, uint32_t first, uint32_t second, uint8_t length)
{
    struct guard_prefix *p = &r->allowed[r->n_allowed++];
    *p = (struct guard_prefix){.length = length};
    store_be32(p->bytes, first);
    store_be32(p->bytes + 4, second);
}

void guard_rules_default(struct guard_rules *r)
{
    *r = (struct guard_rules){.stop_at = TIME_NEVER};
    allow_v4(r, 0x0a000000, 8);
    allow_v4(r, 0xac100000, 12);
    allow_v4(r, 0xc0a80000, 16);
    allow_v4(r, 0xc6120000, 15);
    allow_v4(r, 0xc0000200, 24);
    allow_v4(r, 0xc6336400, 24);
    allow_v4(r, 0xcb007100, 24);
    allow_v4(r, 0x7f000000, 8);
    allow_v6(r, 0xfc000000, 0, 7);
    allow_v6(r, 0xfe800000, 0, 10);
    allow_v6(r, 0x20010002, 0, 48);
    allow_v6(r, 0x20010db8, 0, 32);
}

int guard_init(struct guard *g, const struct guard_rules *rules, atomic_bool *stop, int64_t now)
{
    if (rules->n_allowed > GUARD_MAX_PREFIXES || rules->heartbeat_ns < 0)
        return ERR_INVALID;
    for (uint32_t i = 0; i < rules->n_allowed; i++)
        if (rules->allowed[i].length > 128)
            return ERR_INVALID;
    *g = (struct guard){.rules = *rules, .stop = stop, .heartbeat_at = now, .bucket_at = now - BUCKET_NS};
    return 0;
}

static bool prefix_holds(const struct guard_prefix *p, const uint8_t addr[16])
{
    unsigned whole = p->length / 8u, rest = p->length % 8u;
    if (memcmp(p->bytes, addr, whole) != 0)
        return false;
    return rest == 0 || ((p->bytes[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

bool guard_allows_destination(const struct guard *g, const uint8_t addr[16])
{
    for (uint32_t i = 0; i < g->rules.n_allowed; i++)
        if (prefix_holds(&g->rules.allowed[i], addr))
            return true;
    return g->rules.n_allowed == 0;
}

static bool allows_v4(struct guard *g, const uint8_t *wire)
{
    uint32_t address = load_be32(wire);
    if (g->rules.n_allowed == 0 || (address == g->last_v4 && address != 0))
        return true;
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(mapped + 12, wire, 4);
    if (!guard_allows_destination(g, mapped))
        return false;
    g->last_v4 = address;
    return true;
}

/* Neighbour discovery goes to multicast addresses and stays on the link. */
static bool is_neighbour_discovery(const uint8_t *l3, uint32_t left)
{
    return left >= 41 && l3[6] == 58 && l3[40] >= 133 && l3[40] <= 137;
}

/* What forbids the frame by its contents; GUARD_CAUSE_COUNT: nothing. */
static enum guard_cause forbids_contents(struct guard *g, const struct packet *p)
{
    const uint8_t *f = p->data;
    uint32_t at = 12;
    if (p->len < ETHERNET_LEN)
        return GUARD_ETHERTYPE;
    uint16_t type = load_be16(f + at);
    for (unsigned tags = 0; (type == 0x8100 || type == 0x88a8) && tags < MAX_TAGS && at + 6 <= p->len; tags++) {
        at += 4;
        type = load_be16(f + at);
    }
    const uint8_t *l3 = f + at + 2;
    uint32_t left = p->len - at - 2;
    if (type == ETHERTYPE_ARP)
        return GUARD_CAUSE_COUNT;
    bool v6 = type == ETHERTYPE_IPV6;
    if ((type != ETHERTYPE_IPV4 && !v6) || left < (v6 ? 40u : 20u))
        return g->rules.allow_ethertypes ? GUARD_CAUSE_COUNT : GUARD_ETHERTYPE;
    if (v6 && is_neighbour_discovery(l3, left))
        return GUARD_CAUSE_COUNT;
    if ((f[0] & 1) && !g->rules.allow_multicast)
        return GUARD_MULTICAST;
    if (!(v6 ? guard_allows_destination(g, l3 + 24) : allows_v4(g, l3 + 16)))
        return GUARD_DESTINATION;
    return GUARD_CAUSE_COUNT;
}

/* Whether the bucket holds enough for the frame. It fills by time: bytes are counted with the 24 that each frame adds on a wire. */
static bool rate_allows(struct guard *g, uint32_t length, int64_t now)
{
    uint64_t rate = g->rules.max_bits_per_second / 8;
    uint64_t most = max_u64(rate / (uint64_t)(NS_PER_S / BUCKET_NS), 2048);
    int64_t elapsed = min_i64(max_i64(now - g->bucket_at, 0), BUCKET_NS);
    uint64_t grown = rate * (uint64_t)elapsed / (uint64_t)NS_PER_S;
    if (grown > 0) {
        g->bucket_bytes = min_u64(g->bucket_bytes + grown, most);
        g->bucket_at = now;
    }
    if (g->bucket_bytes < length + 24u)
        return false;
    g->bucket_bytes -= length + 24u;
    return true;
}

static enum guard_cause forbids(struct guard *g, const struct packet *p, int64_t now)
{
    enum guard_cause cause = forbids_contents(g, p);
    if (cause != GUARD_CAUSE_COUNT)
        return cause;
    if (g->rules.max_frames != 0 && g->frames >= g->rules.max_frames)
        return GUARD_VOLUME;
    if (g->rules.max_bits_per_second != 0 && !rate_allows(g, p->len, now))
        return GUARD_RATE;
    return GUARD_CAUSE_COUNT;
}

static bool stopped(const struct guard *g, int64_t now)
{
    return (g->stop && atomic_load_explicit(g->stop, memory_order_relaxed)) || now >= g->rules.stop_at ||
           (g->rules.heartbeat_ns != 0 && now - g->heartbeat_at > g->rules.heartbeat_ns);
}

static void deny(struct guard *g, struct link *link, struct packet *p, enum guard_cause cause)
{
    g->denied[cause]++;
    link->counters.drops[LINK_DROP_TX_GUARD]++;
    packet_release(p);
}

void guard_tx_burst(struct guard *g, struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    unsigned allowed = 0;
    bool stop = stopped(g, now);
    for (unsigned i = 0; i < n; i++) {
        enum guard_cause cause = stop ? GUARD_STOPPED : forbids(g, packets[i], now);
        if (likely(cause == GUARD_CAUSE_COUNT)) {
            packets[allowed++] = packets[i];
            g->frames++;
        } else {
            deny(g, link, packets[i], cause);
        }
    }
    if (allowed > 0)
        link->ops->tx_burst(link, packets, allowed, now);
}
