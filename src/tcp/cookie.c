/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies: see cookie.h. Scale, SACK and ECN lie in the timestamp where Linux has them.
 */
#include "tcp/cookie.h"

#include "base/hash.h"
#include "tcp/ecn.h"
#include "tcp/segment.h"

#define HASH_PURPOSE 3 /* ports.c uses 1 and 2 */

/* What the low bits of our timestamp say. */
#define BITS_WSCALE 0x0fu
#define BITS_NO_WSCALE 0x0fu /* 15 is not a scale that RFC 7323 allows */
#define BITS_SACK 0x10u
#define BITS_ECN 0x20u
#define BITS_MASK 0x3fu
#define BITS_NO_TIMESTAMPS 0xffu /* hashed where there is no timestamp to carry bits */

/*
 * What a cookie can say of the peer's MSS: the floor, small ones, and those of usual paths (tunnels, PPPoE, Ethernet,
 * jumbo frames).
 */
static const uint16_t mss_table[] = {48, 256, 536, 1220, 1380, 1440, 1460, 8940};

struct hashed {
    struct flow_key key;
    uint32_t peer_isn, bits;
    uint64_t period;
};
_Static_assert(sizeof(struct hashed) == 40, "hashed as it lies in memory: no padding");

static uint32_t hash(const struct tcp_layer *t, const struct flow_key *key, struct seq peer_isn, uint32_t bits,
                     uint64_t period)
{
    const struct hash_key *secret = &t->settings.secret;
    struct hash_key k = {secret->k0 ^ HASH_PURPOSE, secret->k1 + HASH_PURPOSE};
    struct hashed h = {.key = *key, .peer_isn = peer_isn.v, .bits = bits, .period = period};
    return (uint32_t)hash_sip24(&k, &h, sizeof h);
}

static uint64_t period_of(int64_t now) { return (uint64_t)now / (uint64_t)COOKIE_PERIOD_NS; }

/* The largest of the table that is not above the peer's. */
static uint32_t mss_index(const struct wire_tcp_options *o)
{
    uint32_t mss = o->present & TCP_OPT_MSS ? o->mss : 536u; /* RFC 9293 3.7.1, MUST-15 */
    uint32_t i = ARRAY_SIZE(mss_table) - 1;
    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

/* What both sides can do of what the SYN offers; without timestamps nothing can carry scale and SACK. */
static void agree(const struct tcp_profile *p, struct wire_tcp_options *o)
{
    uint16_t ours = TCP_OPT_MSS;
    if (p->timestamps && (o->present & TCP_OPT_TIMESTAMPS)) {
        ours |= TCP_OPT_TIMESTAMPS;
        ours = (uint16_t)(ours | (p->sack ? TCP_OPT_SACK_PERMITTED : 0) | (p->window_scaling ? TCP_OPT_WSCALE : 0));
    }
    o->present &= ours;
}

static uint32_t bits_of(const struct wire_tcp_options *o, bool ecn)
{
    uint32_t bits = BITS_NO_WSCALE;
    if (!(o->present & TCP_OPT_TIMESTAMPS))
        return BITS_NO_TIMESTAMPS;
    if (o->present & TCP_OPT_WSCALE)
        bits = min_u32(o->wscale, TCP_MAX_WINDOW_SCALE);
    if (o->present & TCP_OPT_SACK_PERMITTED)
        bits |= BITS_SACK;
    if (ecn)
        bits |= BITS_ECN;
    return bits;
}

/* The latest time on our timestamp clock that ends in these bits and has been. */
static uint32_t timestamp_with(uint32_t now_ms, uint32_t bits)
{
    uint32_t ts = (now_ms & ~BITS_MASK) | bits;
    return (int32_t)(ts - now_ms) > 0 ? ts - (BITS_MASK + 1) : ts;
}

void cookie_answer(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *syn,
                   const struct wire_tcp_options *offered, int64_t now)
{
    const struct tcp_profile *p = &t->users[l->user].profile;
    struct wire_tcp_options o = *offered;
    uint32_t index = mss_index(&o);
    agree(p, &o);
    bool ecn = p->ecn != TCP_ECN_OFF && ecn_setup_syn(syn->h.flags) && (o.present & TCP_OPT_TIMESTAMPS);
    uint32_t bits = bits_of(&o, ecn);
    uint32_t isn = hash(t, &syn->key, syn->h.seq, bits, period_of(now)) + index;
    o.ts_ecr = o.ts_val;
    o.ts_val = timestamp_with(tcp_ts_now(t, now), bits);
    o.wscale = tcp_receive_wscale(p);
    l->cookies_until = now + COOKIE_PERIODS * COOKIE_PERIOD_NS;
    if (segment_reply_syn_ack(t, syn, seq_of(isn), p, ecn, &o))
        t->counters.syncookies_sent++;
}

/* The number of an MSS, or -1: not a cookie of these option bits. */
static int find_index(const struct tcp_layer *t, const struct tcp_segment *ack, uint32_t bits, int64_t now)
{
    struct seq peer_isn = seq_sub(ack->h.seq, 1);
    uint32_t isn = ack->h.ack.v - 1;
    uint64_t period = period_of(now);
    for (uint64_t age = 0; age < COOKIE_PERIODS && age <= period; age++) {
        uint32_t index = isn - hash(t, &ack->key, peer_isn, bits, period - age);
        if (index < ARRAY_SIZE(mss_table))
            return (int)index;
    }
    return -1;
}

static void unpack(uint32_t bits, struct wire_tcp_options *o)
{
    o->present |= TCP_OPT_TIMESTAMPS;
    if ((bits & BITS_WSCALE) != BITS_NO_WSCALE) {
        o->present |= TCP_OPT_WSCALE;
        o->wscale = (uint8_t)(bits & BITS_WSCALE);
    }
    if (bits & BITS_SACK)
        o->present |= TCP_OPT_SACK_PERMITTED;
}

bool cookie_check(const struct tcp_layer *t, const struct tcp_listener *l, const struct tcp_segment *ack, int64_t now,
                  struct tcp_segment *syn, struct wire_tcp_options *o)
{
    struct wire_tcp_options given;
    wire_tcp_options_parse(ack->options, ack->h.header_len - WIRE_TCP_MIN, &given);
    bool timestamps = t->users[l->user].profile.timestamps && (given.present & TCP_OPT_TIMESTAMPS);
    uint32_t bits = timestamps ? given.ts_ecr & BITS_MASK : BITS_NO_TIMESTAMPS;
    int index = find_index(t, ack, bits, now);
    if (index < 0)
        return false;
    *syn = *ack;
    syn->h.seq = seq_sub(ack->h.seq, 1);
    syn->h.flags = timestamps && (bits & BITS_ECN) ? TCP_SYN | TCP_ECE | TCP_CWR : TCP_SYN;
    syn->payload_len = 0;
    *o = (struct wire_tcp_options){.present = TCP_OPT_MSS, .mss = mss_table[index], .ts_val = given.ts_val};
    if (timestamps)
        unpack(bits, o);
    return true;
}
