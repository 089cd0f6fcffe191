/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies (RFC 4987 3.6): while too many SYNs come, a SYN is answered without any state, and goes to the server only
 * when the client's acknowledgement has shown that it is where it says it is. The flow is then made of what comes back:
 *
 *     client          near box            server
 *        |--- SYN -------->|                    |      forgotten
 *        |<-- SYN-ACK -----|                    |      a keyed hash for an initial sequence number; never sent again
 *        |--- ACK, data -->|------ SYN -------->|      from here on as any other opening: the data is early data
 *
 * What is said to the client, and what it said, has to come back in its acknowledgement. Where both sides have timestamps
 * the low nine bits of ours, which the client echoes, say the client's window scale, SACK and MSS, and whether we
 * promised a full MSS; they are hashed too. Where they have not, MSS and promise are added to the hash, and there is no
 * window scale and no SACK for either side.
 *
 * The hash is SipHash-2-4 of addresses, ports, VLAN, client's number, those bits and a period of 64 s; a cookie is good
 * in its period and the next. One guess in 2^27 is accepted, and makes what a SYN makes at other times.
 *
 * Of a pair the initial sequence number is that of the pair (pair.h), or the far box would not know it: a keyed hash as
 * well, so that it is a cookie as it is, good for an hour or two. It has no room for more: without timestamps the
 * client's MSS is taken for the least.
 *
 * A SYN without an MSS is answered without one, so that an answer is never longer than what it answers.
 */
#include "accel/internal.h"

#define PERIOD_NS (64 * NS_PER_S)
#define PERIODS 2
#define FULL_MSS 1380u /* through tunnels, and over IPv6, on an Ethernet */
#define OUR_WSCALE 7u  /* where it differs from the server's, windows are rewritten */

/* What has to come back. */
#define CARRY_NO_WSCALE 15u
#define CARRY_SACK 0x10u
#define CARRY_MSS_SHIFT 5u
#define CARRY_FULL 0x100u
#define CARRY_MASK 0x1ffu
#define CARRY_IN_NUMBER (CARRY_MASK >> CARRY_MSS_SHIFT)

/* Of the client's MSS, the largest that is not above it. */
static const uint16_t mss_table[] = {48, 256, 536, 1220, 1380, 1440, 1460, 8940};

static_assert(PERIODS * PERIOD_NS == ACCEL_COOKIE_LIFE, "how long a cookie is good");

struct hashed {
    struct accel_key key;
    uint32_t client_isn, carried;
    uint64_t period;
};
static_assert(sizeof(struct hashed) == sizeof(struct accel_key) + 16, "hashed as it lies in memory: no padding");

static uint32_t cookie_of(const struct accel *a, const struct accel_key *key, struct seq client_isn, uint32_t carried,
                          uint64_t period)
{
    const struct hashed h = {.key = *key, .client_isn = client_isn.v, .carried = carried, .period = period};
    return (uint32_t)hash_sip24(&a->settings.secret, &h, sizeof h);
}

static uint64_t period_of(int64_t now) { return (uint64_t)now / (uint64_t)PERIOD_NS; }

static uint32_t mss_index(uint32_t mss)
{
    uint32_t i = ARRAY_SIZE(mss_table) - 1;
    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

/* ---- what is carried ---- */

/* Nothing is known but the least. */
static uint32_t carry_least(bool v6) { return mss_index(accel_least_mss(v6)) << CARRY_MSS_SHIFT | CARRY_NO_WSCALE; }

static uint32_t carry_of(const struct accel_promise *offered, const struct accel_promise *told, bool is_full)
{
    uint32_t carry = mss_index(offered->mss) << CARRY_MSS_SHIFT | (is_full ? CARRY_FULL : 0);
    carry |= told->present & TCP_OPT_WSCALE ? offered->wscale : CARRY_NO_WSCALE;
    return carry | (told->present & TCP_OPT_SACK_PERMITTED ? CARRY_SACK : 0);
}

/* What was promised with that. */
static struct accel_promise promise_of(uint32_t carry, bool timestamps, bool v6)
{
    struct accel_promise told = {.mss = carry & CARRY_FULL ? FULL_MSS : accel_least_mss(v6)};
    if (!timestamps)
        return told;
    told.present = TCP_OPT_TIMESTAMPS;
    if (carry & CARRY_SACK)
        told.present |= TCP_OPT_SACK_PERMITTED;
    if ((carry & CARRY_NO_WSCALE) != CARRY_NO_WSCALE) {
        told.present |= TCP_OPT_WSCALE;
        told.wscale = OUR_WSCALE;
    }
    return told;
}

/* The latest time on a clock that ends in these bits and has been. */
static uint32_t timestamp_with(uint32_t clock, uint32_t bits)
{
    const uint32_t ts = (clock & ~CARRY_MASK) | bits;
    return (int32_t)(ts - clock) > 0 ? ts - (CARRY_MASK + 1) : ts;
}

/* ---- the SYN ---- */

static struct seq number_of(const struct accel *a, const struct accel_arrival *v, uint32_t carry, bool timestamps)
{
    if (a->settings.paired) {
        struct accel_pairing pairing;
        accel_pairing_of(&a->settings.pair_key, &v->key, v->tcp.seq, accel_epoch(a, v->now), &pairing);
        return pairing.isn;
    }
    const uint32_t in_number = timestamps ? 0 : carry >> CARRY_MSS_SHIFT;
    return seq_of(cookie_of(a, &v->key, v->tcp.seq, timestamps ? carry : 0, period_of(v->now)) + in_number);
}

void accel_cookie_answer(struct accel *a, const struct accel_arrival *v, const struct wire_tcp_options *offered)
{
    const bool v6 = v->segment.headers.v6, has_mss = offered->present & TCP_OPT_MSS;
    const struct accel_promise client = accel_promise_in(offered, v6);
    const struct accel_promise known = accel_promise_for(a, &v->key, &client, v6, v->now);
    const bool timestamps = known.present & TCP_OPT_TIMESTAMPS;
    const bool is_full = has_mss && known.mss >= FULL_MSS;
    const uint32_t carry = a->settings.paired && !timestamps ? carry_least(v6) : carry_of(&client, &known, is_full);
    const struct accel_promise told = promise_of(carry, timestamps, v6);
    const struct seq isn = number_of(a, v, carry, timestamps);
    const uint32_t clock = (uint32_t)(v->now / NS_PER_MS) + isn.v;
    const struct wire_tcp_options options = {.present = (uint16_t)(told.present | (has_mss ? TCP_OPT_MSS : 0)),
                                             .mss = told.mss,
                                             .wscale = told.wscale,
                                             .ts_val = timestamp_with(clock, carry),
                                             .ts_ecr = offered->ts_val};
    const struct accel_flow f = {.key = v->key, .told = told};
    struct accel_opening frame; /* how it begins, and nothing else */
    accel_remember_frame(&frame, v);
    const struct accel_own syn_ack = {.to = ACCEL_CLIENTS,
                                      .seq = isn,
                                      .ack = seq_add(v->tcp.seq, 1),
                                      .flags = TCP_SYN | TCP_ACK,
                                      .window = accel_early_window(&f),
                                      .options = &options};
    a->cookies_until = v->now + ACCEL_COOKIE_LIFE;
    if (accel_send_framed(a, &f, &frame, &syn_ack, v->now))
        ACCEL_COUNT(a, cookies_sent);
}

/* ---- what comes back ---- */

struct returned {
    struct seq client_isn, isn;
    uint32_t carry, epoch;
    bool timestamps;
    struct wire_tcp_options options; /* of the acknowledgement */
};

static bool is_of_pair(const struct accel *a, const struct accel_arrival *v, struct returned *r)
{
    const uint32_t ours = accel_epoch(a, v->now);
    for (r->epoch = ours; ours - r->epoch < 2; r->epoch--) {
        struct accel_pairing pairing;
        accel_pairing_of(&a->settings.pair_key, &v->key, r->client_isn, r->epoch, &pairing);
        if (seq_eq(pairing.isn, r->isn))
            return true;
    }
    return false;
}

static bool is_cookie(const struct accel *a, const struct accel_arrival *v, struct returned *r)
{
    const uint64_t period = period_of(v->now);
    for (uint64_t age = 0; age < PERIODS && age <= period; age++) {
        const uint32_t in_number =
            r->isn.v - cookie_of(a, &v->key, r->client_isn, r->timestamps ? r->carry : 0, period - age);
        if (r->timestamps ? in_number == 0 : in_number <= CARRY_IN_NUMBER) {
            if (!r->timestamps)
                r->carry = in_number << CARRY_MSS_SHIFT | CARRY_NO_WSCALE;
            return true;
        }
    }
    return false;
}

static bool comes_back(const struct accel *a, const struct accel_arrival *v, struct returned *r)
{
    *r = (struct returned){.client_isn = seq_sub(v->tcp.seq, 1), .isn = seq_sub(v->tcp.ack, 1)};
    accel_options_of(v, &r->options);
    r->timestamps = r->options.present & TCP_OPT_TIMESTAMPS;
    r->carry = r->timestamps ? r->options.ts_ecr & CARRY_MASK : carry_least(v->segment.headers.v6);
    return a->settings.paired ? is_of_pair(a, v, r) : is_cookie(a, v, r);
}

/* The SYN that the server gets: what the client said, as far as it came back. */
static void remember_syn(const struct accel *a, const struct accel_flow *f, struct accel_opening *o,
                         const struct accel_arrival *v)
{
    const struct wire_tcp none = {.flags = TCP_SYN};
    const struct wire_tcp_options options = {.present = (uint16_t)(f->told.present | TCP_OPT_MSS),
                                             .mss = f->client_mss,
                                             .wscale = f->client_wscale,
                                             .ts_val = f->client_ts};
    uint8_t header[WIRE_TCP_MAX];
    uint32_t at = 0;
    accel_remember_frame(o, v);
    if (a->settings.paired) {
        struct accel_pairing pairing;
        accel_pairing_of(&a->settings.pair_key, &f->key, f->client_isn, o->epoch, &pairing);
        accel_mark_write(o->syn_options, pairing.syn_mark);
        at = ACCEL_MARK_BYTES;
    }
    const int length = wire_tcp_build(header, &none, &options);
    assert(length > 0 && at + (uint32_t)length - WIRE_TCP_MIN <= WIRE_TCP_MAX_OPTIONS);
    memcpy(o->syn_options + at, header + WIRE_TCP_MIN, (uint32_t)length - WIRE_TCP_MIN);
    o->syn_options_length = (uint8_t)(at + (uint32_t)length - WIRE_TCP_MIN);
    o->syn_window = (uint16_t)min_u32((uint32_t)v->tcp.window << f->client_wscale, UINT16_MAX);
}

/* As describe_client() in near.c, from what came back. */
static void describe(struct accel_flow *f, struct accel_opening *o, const struct returned *r,
                     const struct accel_arrival *v)
{
    f->our_isn = r->isn;
    f->told = promise_of(r->carry, r->timestamps, v->segment.headers.v6);
    f->client_mss = mss_table[r->carry >> CARRY_MSS_SHIFT & (ARRAY_SIZE(mss_table) - 1)];
    f->client_wscale = accel_told(f, TCP_OPT_WSCALE) ? r->carry & CARRY_NO_WSCALE : 0;
    f->client_ts = r->timestamps ? r->options.ts_val : 0;
    f->client_clock = f->client_ts - (uint32_t)(v->now / NS_PER_MS);
    o->told_ts = r->options.ts_ecr;
    o->from_cookie = true;
    o->epoch = r->epoch;
    o->syn_ack_at = v->now;
    o->syn_tries = 0;
}

/*
 * A SYN was answered with a cookie, came again, and got a flow: the client is where the first answer that it had put it.
 * What it was told follows from the cookie, and all else is as its SYN said.
 */
bool accel_cookie_adopt(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct returned r;
    if (!o || f->flags & ACCEL_CLIENT_THERE || a->settings.paired || v->now >= a->cookies_until ||
        seq_eq(v->tcp.ack, seq_add(f->our_isn, 1)) || !comes_back(a, v, &r) || !seq_eq(r.client_isn, f->client_isn))
        return false;
    const struct seq server_isn = accel_server_isn(f);
    f->our_isn = r.isn;
    f->told = promise_of(r.carry, r.timestamps, v->segment.headers.v6);
    o->told_ts = r.options.ts_ecr;
    if (f->state != ACCEL_OPENING) {
        f->shift.sequence = server_isn.v - r.isn.v;
        f->shift.timestamp = r.timestamps && accel_said(f, TCP_OPT_TIMESTAMPS) ? f->server_ts - o->told_ts : 0;
    }
    ACCEL_COUNT(a, cookies_returned);
    return true;
}

bool accel_cookie_returns(struct accel *a, struct accel_arrival *v)
{
    struct returned r;
    if (v->now >= a->cookies_until || (v->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_ACK ||
        v->segment.headers.l3 > ACCEL_LINK_HEADER_MAX || !comes_back(a, v, &r))
        return false;
    if (!accel_checksum_ok(a, v))
        return true;
    struct accel_flow *f = accel_limits_full(&a->limits, &v->key) ? NULL : accel_flow_begin(a, v, r.client_isn);
    if (!f) {
        ACCEL_COUNT(a, cookies_no_room); /* what the client sends comes again */
        return true;
    }
    struct accel_opening *o = accel_opening_of(a, f);
    describe(f, o, &r, v);
    remember_syn(a, f, o, v);
    accel_send_syn(a, f, v->now);
    accel_flow_state_set(a, f, ACCEL_OPENING, v->now);
    ACCEL_COUNT(a, flows_opened);
    ACCEL_COUNT(a, cookies_returned);
    if (a->settings.paired && accel_servers_far(&a->servers, &f->key, v->now))
        accel_early_ahead(a, f);
    (void)accel_opening_from_client(a, f, v);
    accel_flow_touch(a, f, v->now);
    return true;
}
