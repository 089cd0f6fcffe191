/* SPDX-License-Identifier: MIT */
/*
 * The transmit wrapper: see guard.h. The usual frame, IPv4 untagged and unicast to the prefix that held last, costs a
 * handful of comparisons on lines that its writer has just touched; everything else goes the slow way.
 *
 * Caps: a rate is a virtual clock that runs ahead of `now` by at most RATE_AHEAD_NS (the burst that is tolerated),
 * exact by its remainder. Group addresses of bridges: IEEE 802.1Q table 8-1. Neighbour discovery: RFC 4861 section 4.
 */
#include "packet/guard.h"

#include "base/bytes.h"
#include "base/error.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_ARP 0x0806u
#define ETHERTYPE_IPV6 0x86ddu
#define ETHERTYPE_8021Q 0x8100u
#define ETHERTYPE_8021AD 0x88a8u
#define ETHERTYPE_MPLS 0x8847u
#define ETHERNET_HEADER 14u
#define VLAN_TAG 4u
#define MPLS_LABEL 4u
#define MPLS_BOTTOM 0x100u
#define IPV4_HEADER 20u
#define IPV4_DESTINATION 16u
#define IPV6_HEADER 40u
#define IPV6_DESTINATION 24u
#define V4_MAPPED_BITS 96u
#define FRAME_OVERHEAD 24u /* preamble 8, FCS 4, gap 12 */
#define RATE_AHEAD_NS (10 * NS_PER_MS)
#define RATE_MAX (UINT64_C(1) << 48)
#define NO_CAUSE GUARD_CAUSE_COUNT

const char *guard_cause_name(enum guard_cause cause)
{
    static const char *const names[] = {
#define GUARD_CAUSE_TEXT(name, text) [GUARD_##name] = #text,
        GUARD_CAUSE_LIST(GUARD_CAUSE_TEXT)
#undef GUARD_CAUSE_TEXT
    };
    return (unsigned)cause < ARRAY_SIZE(names) ? names[cause] : "unknown";
}

/* ---- rules */

static void allow_v4(struct guard_rules *r, uint32_t address, uint8_t length)
{
    struct guard_prefix *p = &r->allowed[r->n_allowed++];
    *p = (struct guard_prefix){.bytes = {[10] = 0xff, [11] = 0xff}, .length = (uint8_t)(V4_MAPPED_BITS + length)};
    store_be32(p->bytes + 12, address);
}

static void allow_v6(struct guard_rules *r, uint64_t network, uint8_t length)
{
    struct guard_prefix *p = &r->allowed[r->n_allowed++];
    *p = (struct guard_prefix){.length = length};
    store_be64(p->bytes, network);
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
    allow_v6(r, UINT64_C(0xfc00000000000000), 7);
    allow_v6(r, UINT64_C(0xfe80000000000000), 10);
    allow_v6(r, UINT64_C(0x2001000200000000), 48);
    allow_v6(r, UINT64_C(0x20010db800000000), 32);
}

static uint64_t mask64(unsigned bits) { return bits == 0 ? 0 : UINT64_MAX << (64 - bits); }

static void compile_v6(struct guard *g, const struct guard_prefix *p)
{
    struct guard_v6 *v6 = &g->v6[g->n_v6++];
    for (unsigned half = 0; half < 2; half++) {
        unsigned bits = half == 0 ? min_u32(p->length, 64) : max_u32(p->length, 64) - 64;
        v6->mask[half] = mask64(bits);
        v6->value[half] = load_be64(p->bytes + 8 * half) & v6->mask[half];
    }
}

static bool v6_holds(const struct guard_v6 *v6, const uint8_t *address)
{
    return (load_be64(address) & v6->mask[0]) == v6->value[0] && (load_be64(address + 8) & v6->mask[1]) == v6->value[1];
}

/* A prefix that has mapped addresses in it (::ffff:0:0/96 and inside, or one around it) also allows IPv4. */
static void compile_v4(struct guard *g, const struct guard_prefix *p, const struct guard_v6 *compiled)
{
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(mapped + 12, p->bytes + 12, 4);
    if (!v6_holds(compiled, mapped))
        return;
    struct guard_v4 *v4 = &g->v4[g->n_v4++];
    unsigned bits = p->length > V4_MAPPED_BITS ? p->length - V4_MAPPED_BITS : 0;
    v4->mask = (uint32_t)(mask64(bits) >> 32);
    v4->value = load_be32(p->bytes + 12) & v4->mask;
}

/* No prefixes at all mean that all are allowed: one of length 0. */
static void compile_prefixes(struct guard *g)
{
    static const struct guard_prefix all = {.length = 0};
    uint32_t n = g->rules.n_allowed;
    for (uint32_t i = 0; i < max_u32(n, 1); i++) {
        const struct guard_prefix *p = n ? &g->rules.allowed[i] : &all;
        compile_v6(g, p);
        compile_v4(g, p, &g->v6[g->n_v6 - 1]);
    }
}

int guard_init(struct guard *g, const struct guard_rules *rules, atomic_bool *stop, int64_t now)
{
    if (rules->n_allowed > GUARD_MAX_PREFIXES || rules->max_bits_per_second > RATE_MAX ||
        rules->max_frames_per_second > RATE_MAX || rules->heartbeat_ns < 0)
        return ERR_INVALID;
    for (uint32_t i = 0; i < rules->n_allowed; i++)
        if (rules->allowed[i].length > 128)
            return ERR_INVALID;
    *g = (struct guard){.rules = *rules,
                        .stop = stop,
                        .heartbeat_at = now,
                        .bits = {.per_second = rules->max_bits_per_second, .at = now},
                        .pps = {.per_second = rules->max_frames_per_second, .at = now}};
    g->capped = rules->max_bits_per_second || rules->max_frames_per_second || rules->max_frames || rules->max_bytes;
    compile_prefixes(g);
    return 0;
}

bool guard_allows_destination(const struct guard *g, const uint8_t addr[16])
{
    for (uint32_t i = 0; i < g->n_v6; i++)
        if (v6_holds(&g->v6[i], addr))
            return true;
    return false;
}

/* ---- destinations */

static ALWAYS_INLINE bool v4_holds(const struct guard_v4 *v4, uint32_t address)
{
    return (address & v4->mask) == v4->value;
}

static bool allows_v4(struct guard *g, uint32_t address)
{
    for (uint32_t i = 0; i < g->n_v4; i++) {
        if (!v4_holds(&g->v4[i], address))
            continue;
        struct guard_v4 hit = g->v4[i];
        g->v4[i] = g->v4[0];
        g->v4[0] = hit;
        return true;
    }
    return false;
}

static bool allows_v6(struct guard *g, const uint8_t *address)
{
    for (uint32_t i = 0; i < g->n_v6; i++) {
        if (!v6_holds(&g->v6[i], address))
            continue;
        struct guard_v6 hit = g->v6[i];
        g->v6[i] = g->v6[0];
        g->v6[0] = hit;
        return true;
    }
    return false;
}

static bool is_group(const uint8_t *frame) { return frame[0] & 1; }

static bool is_bridge_group(const uint8_t *frame)
{
    static const uint8_t group[] = {0x01, 0x80, 0xc2, 0, 0};
    return memcmp(frame, group, sizeof group) == 0 && frame[5] < 0x10;
}

/* Router and neighbour solicitations and advertisements, redirects; hop limit 255 shows that they stay on the link. */
static bool is_neighbour_discovery(const uint8_t *ip, uint32_t length)
{
    return length > IPV6_HEADER && ip[6] == 58 && ip[7] == 255 && ip[IPV6_HEADER] >= 133 && ip[IPV6_HEADER] <= 137;
}

/* From DHCP's client port to its servers' at the broadcast address: RFC 2131 4.1; at ff02::1:2: RFC 8415 7.1. */
static bool is_dhcp_v4(const uint8_t *ip, uint32_t length)
{
    uint32_t header = (ip[0] & 0xfu) * 4u;
    return ip[9] == 17 && load_be32(ip + IPV4_DESTINATION) == UINT32_MAX && (load_be16(ip + 6) & 0x3fffu) == 0 &&
           header >= IPV4_HEADER && length >= header + 4 && load_be32(ip + header) == (68u << 16 | 67u);
}

static bool is_dhcp_v6(const uint8_t *ip, uint32_t length)
{
    static const uint8_t servers[16] = {0xff, 2, [13] = 1, [15] = 2};
    return ip[6] == 17 && memcmp(ip + IPV6_DESTINATION, servers, sizeof servers) == 0 && length >= IPV6_HEADER + 4 &&
           load_be32(ip + IPV6_HEADER) == (546u << 16 | 547u);
}

static enum guard_cause forbids_v4(struct guard *g, const uint8_t *frame, const uint8_t *ip, uint32_t length)
{
    if (length < IPV4_HEADER)
        return GUARD_DESTINATION;
    uint32_t address = load_be32(ip + IPV4_DESTINATION);
    bool multicast = address >> 28 == 0xe || address == UINT32_MAX;
    if ((is_group(frame) || multicast) && !g->rules.allow_multicast)
        return g->rules.allow_dhcp && is_dhcp_v4(ip, length) ? NO_CAUSE : GUARD_MULTICAST;
    return multicast || allows_v4(g, address) ? NO_CAUSE : GUARD_DESTINATION;
}

static enum guard_cause forbids_v6(struct guard *g, const uint8_t *frame, const uint8_t *ip, uint32_t length)
{
    if (length < IPV6_HEADER)
        return GUARD_DESTINATION;
    if (is_neighbour_discovery(ip, length))
        return NO_CAUSE;
    const uint8_t *address = ip + IPV6_DESTINATION;
    bool multicast = address[0] == 0xff;
    if ((is_group(frame) || multicast) && !g->rules.allow_multicast)
        return g->rules.allow_dhcp && is_dhcp_v6(ip, length) ? NO_CAUSE : GUARD_MULTICAST;
    return multicast || allows_v6(g, address) ? NO_CAUSE : GUARD_DESTINATION;
}

static enum guard_cause forbids_other(const struct guard *g, const uint8_t *frame)
{
    if (!g->rules.allow_ethertypes)
        return GUARD_ETHERTYPE;
    return is_group(frame) && !is_bridge_group(frame) && !g->rules.allow_multicast ? GUARD_MULTICAST : NO_CAUSE;
}

/* The datagram behind labels, which says what it is. Without bottom or datagram it is as any other EtherType. */
static NOINLINE enum guard_cause forbids_labelled(struct guard *g, const struct packet *p, uint32_t at)
{
    bool bottom = false;
    for (; !bottom && p->len - at >= MPLS_LABEL; at += MPLS_LABEL)
        bottom = (load_be32(p->data + at) & MPLS_BOTTOM) != 0;
    unsigned version = bottom && at < p->len ? p->data[at] >> 4 : 0;
    if (version == 4)
        return forbids_v4(g, p->data, p->data + at, p->len - at);
    if (version == 6)
        return forbids_v6(g, p->data, p->data + at, p->len - at);
    return forbids_other(g, p->data);
}

/* What forbids the frame by its contents. */
static NOINLINE enum guard_cause forbids_contents(struct guard *g, const struct packet *p)
{
    const uint8_t *frame = p->data;
    if (p->len < ETHERNET_HEADER)
        return GUARD_ETHERTYPE;
    uint32_t l3 = ETHERNET_HEADER;
    uint16_t type = load_be16(frame + l3 - 2);
    while ((type == ETHERTYPE_8021Q || type == ETHERTYPE_8021AD) && p->len - l3 >= VLAN_TAG) {
        l3 += VLAN_TAG;
        type = load_be16(frame + l3 - 2);
    }
    switch (type) {
    case ETHERTYPE_ARP:
        return NO_CAUSE;
    case ETHERTYPE_IPV4:
        return forbids_v4(g, frame, frame + l3, p->len - l3);
    case ETHERTYPE_IPV6:
        return forbids_v6(g, frame, frame + l3, p->len - l3);
    case ETHERTYPE_MPLS:
        return forbids_labelled(g, p, l3);
    default:
        return forbids_other(g, frame);
    }
}

static ALWAYS_INLINE bool is_usual(const struct guard *g, const struct packet *p)
{
    const uint8_t *frame = p->data;
    if (p->len < ETHERNET_HEADER + IPV4_HEADER || load_be16(frame + 12) != ETHERTYPE_IPV4 || is_group(frame))
        return false;
    uint32_t address = load_be32(frame + ETHERNET_HEADER + IPV4_DESTINATION);
    return g->n_v4 && v4_holds(&g->v4[0], address) && address < 0xe0000000u;
}

/* ---- caps */

static bool rate_allows(const struct guard_rate *r, int64_t now)
{
    return r->per_second == 0 || r->at - now <= RATE_AHEAD_NS;
}

static void rate_spend(struct guard_rate *r, uint64_t amount, int64_t now)
{
    if (r->per_second == 0)
        return;
    if (r->at < now) {
        r->at = now;
        r->remainder = 0;
    }
    uint64_t time = amount * (uint64_t)NS_PER_S + r->remainder;
    r->at += (int64_t)(time / r->per_second);
    r->remainder = time % r->per_second;
}

/* A GSO packet becomes as many frames; the headers that they repeat are left out of account. */
static uint64_t frames_of(const struct packet *p, uint64_t bytes)
{
    return p->gso == PACKET_GSO_NONE || p->gso_size == 0 ? 1 : (bytes + p->gso_size - 1) / p->gso_size;
}

static bool over(uint64_t total, uint64_t more, uint64_t cap) { return cap != 0 && total + more > cap; }

/* What forbids a packet because of those before it; counts it when nothing does. */
static enum guard_cause forbids_amount(struct guard *g, const struct packet *p, int64_t now)
{
    uint64_t bytes = packet_total_length(p), frames = frames_of(p, bytes);
    if (over(g->frames, frames, g->rules.max_frames) || over(g->bytes, bytes, g->rules.max_bytes))
        return GUARD_VOLUME;
    if (!rate_allows(&g->bits, now) || !rate_allows(&g->pps, now))
        return GUARD_RATE;
    rate_spend(&g->bits, (bytes + frames * FRAME_OVERHEAD) * 8, now);
    rate_spend(&g->pps, frames, now);
    g->frames += frames;
    g->bytes += bytes;
    return NO_CAUSE;
}

/* ---- the wrapper */

static bool is_stopped(const struct guard *g, int64_t now)
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

static void deny_all(struct guard *g, struct link *link, struct packet **packets, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        deny(g, link, packets[i], GUARD_STOPPED);
}

/* Drops what is forbidden and closes the gaps; returns how many are left. */
static unsigned sift(struct guard *g, struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        enum guard_cause cause = likely(is_usual(g, p)) ? NO_CAUSE : forbids_contents(g, p);
        if (unlikely(g->capped) && cause == NO_CAUSE)
            cause = forbids_amount(g, p, now);
        if (likely(cause == NO_CAUSE))
            packets[kept++] = p;
        else
            deny(g, link, p, cause);
    }
    return kept;
}

void guard_tx_burst(struct guard *g, struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    if (unlikely(is_stopped(g, now))) {
        deny_all(g, link, packets, n);
        return;
    }
    unsigned kept = sift(g, link, packets, n, now);
    if (kept)
        link_tx_burst(link, packets, kept, now);
}
