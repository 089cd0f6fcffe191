/* SPDX-License-Identifier: MIT */
/*
 * The handshake of the near box: the client's SYN is answered and passed on, the server's SYN-ACK is kept, and both ends
 * are told what the other one said. RFC 9293 3.10.7, 6528, 7323.
 */
#include "accel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define SYN_TRIES 6u
#define LEAST_MSS_V4 536u
#define LEAST_MSS_V6 1220u
#define RESERVED_OPTIONS (TCP_OPT_MD5 | TCP_OPT_AO | TCP_OPT_FAST_OPEN | TCP_OPT_MPTCP)
#define ECN_FLAGS (TCP_ECE | TCP_CWR | TCP_AE)

bool accel_checksum_ok(struct accel *a, const struct accel_arrival *v)
{
    if (accel_segment_checksum_ok(&v->segment))
        return true;
    ACCEL_COUNT(a, drop_bad_checksum);
    return false;
}

void accel_options_of(const struct accel_arrival *v, struct wire_tcp_options *o)
{
    wire_tcp_options_parse(accel_segment_tcp(&v->segment) + WIRE_TCP_MIN, v->tcp.header_len - WIRE_TCP_MIN, o);
}

/* ---- what is promised ---- */

uint16_t accel_least_mss(bool v6) { return v6 ? LEAST_MSS_V6 : LEAST_MSS_V4; }

struct accel_promise accel_promise_in(const struct wire_tcp_options *o, bool v6)
{
    const unsigned kept = TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS;
    const uint16_t least = accel_least_mss(v6); /* when it says nothing */
    return (struct accel_promise){.mss = o->present & TCP_OPT_MSS && o->mss ? o->mss : least,
                                  .wscale = o->present & TCP_OPT_WSCALE ? (uint8_t)min_u32(o->wscale, 14) : 0,
                                  .present = (uint8_t)(o->present & kept)};
}

struct accel_promise accel_promise_for(const struct accel *a, const struct accel_key *key,
                                       const struct accel_promise *offered, bool v6, int64_t now)
{
    const struct accel_promise *known = accel_servers_find(&a->servers, key, now);
    if (!known)
        return (struct accel_promise){.mss = accel_least_mss(v6)};
    struct accel_promise p = *known;
    p.present &= offered->present;
    if (!(p.present & TCP_OPT_WSCALE))
        p.wscale = 0;
    return p;
}

/* RFC 6528: a clock of 4 microseconds, and a keyed hash of the connection. */
static struct seq initial_sequence_number(const struct accel *a, const struct accel_key *key, int64_t now)
{
    const uint64_t h = hash_sip24(&a->settings.secret, key, sizeof *key);
    return seq_of((uint32_t)(now / (4 * NS_PER_US)) + (uint32_t)(h >> 32));
}

/* ---- SYN and SYN-ACK ---- */

void accel_send_syn(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    const struct accel_own syn = {.to = ACCEL_SERVERS,
                                  .seq = f->client_isn,
                                  .flags = TCP_SYN,
                                  .window = o->syn_window,
                                  .raw_options = o->syn_options,
                                  .raw_options_length = o->syn_options_length};
    accel_send_own(a, f, &syn, now);
    accel_fast_open_give_up(o);
    o->syn_at = now;
    if (o->syn_tries++)
        ACCEL_COUNT(a, syn_sent_again);
}

void accel_send_syn_ack(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct wire_tcp_options options;
    accel_options_to_client(f, o, &options, now);
    options.present = f->told.present;
    options.mss = f->told.mss;
    options.wscale = f->told.wscale;
    const struct accel_own syn_ack = {.to = ACCEL_CLIENTS,
                                      .seq = f->our_isn,
                                      .ack = seq_add(f->client_isn, 1),
                                      .flags = TCP_SYN | TCP_ACK,
                                      .window = accel_early_window(f),
                                      .options = &options};
    accel_send_own(a, f, &syn_ack, now);
    o->syn_ack_at = now;
    o->syn_ack_tries++;
}

void accel_remember_frame(struct accel_opening *o, const struct accel_arrival *v)
{
    const struct packet *p = v->segment.packet;
    const uint8_t *ip = p->data + v->segment.headers.l3;
    o->link_header_length = (uint8_t)v->segment.headers.l3;
    memcpy(o->link_header, p->data, o->link_header_length);
    o->vlan_stripped = p->vlan_present;
    o->vlan_tci = p->vlan_tci;
    o->traffic_class = v->segment.headers.v6 ? (uint8_t)(load_be16(ip) >> 4) : ip[1];
    o->traffic_class &= 0xfc; /* SYNs are not ECN-capable transport */
    o->syn_options_length = (uint8_t)(v->tcp.header_len - WIRE_TCP_MIN);
    memcpy(o->syn_options, accel_segment_tcp(&v->segment) + WIRE_TCP_MIN, o->syn_options_length);
    o->syn_window = v->tcp.window;
}

static void begin_opening(struct accel *a, struct accel_flow *f, uint32_t opening, const struct accel_arrival *v)
{
    struct accel_opening *o = pool_at(&a->openings, opening);
    const struct seq first = seq_add(f->client_isn, 1);
    *o = (struct accel_opening){.flow = pool_index(&a->flows.pool, f),
                                .early_end = first,
                                .una = first,
                                .next = first,
                                .acked = first,
                                .client_window = v->tcp.window,
                                .syn_at = v->now,
                                .syn_tries = 1,
                                .began = v->now};
    accel_remember_frame(o, v);
    f->opening = opening;
}

static void describe_client(struct accel *a, struct accel_flow *f, const struct accel_arrival *v,
                            const struct wire_tcp_options *o)
{
    const struct accel_promise offered = accel_promise_in(o, v->segment.headers.v6);
    f->client_mss = offered.mss;
    f->client_wscale = offered.wscale;
    f->client_ts = o->present & TCP_OPT_TIMESTAMPS ? o->ts_val : 0;
    f->client_clock = f->client_ts - (uint32_t)(v->now / NS_PER_MS);
    f->told = accel_promise_for(a, &v->key, &offered, v->segment.headers.v6, v->now);
    if (o->present & TCP_OPT_MSS)
        f->told.present |= TCP_OPT_MSS;
    else
        f->told.mss = accel_least_mss(v->segment.headers.v6); /* no answer is longer than what it answers */
}

/*
 * Of a pair: the numbers that the far box expects, and a mark by which it knows. Where the SYN has no room for one, the
 * connection is as without a far box.
 */
static void ask_for_far_box(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct accel_pairing pairing;
    o->epoch = accel_epoch(a, v->now);
    accel_pairing_of(&a->settings.pair_key, &f->key, f->client_isn, o->epoch, &pairing);
    const int64_t rtt = accel_servers_rtt(&a->servers, &f->key, v->now), twice_from = a->settings.syn_twice_from_ns;
    const uint32_t mark = twice_from && rtt >= twice_from ? pairing.syn_twice_mark : pairing.syn_mark;
    if (accel_mark_insert(&v->segment, mark) < 0)
        return;
    v->tcp.header_len = (uint8_t)(v->tcp.header_len + ACCEL_MARK_BYTES);
    f->our_isn = pairing.isn;
    accel_remember_frame(o, v); /* with the mark */
    if (accel_servers_far(&a->servers, &f->key, v->now))
        accel_early_ahead(a, f);
}

static bool is_for_us(struct accel *a, const struct accel_arrival *v, const struct wire_tcp_options *o)
{
    if (v->payload_length) {
        ACCEL_COUNT(a, bypass_data);
        return false;
    }
    if (o->present & RESERVED_OPTIONS) {
        ACCEL_COUNT(a, bypass_options);
        return false;
    }
    return v->segment.headers.l3 <= ACCEL_LINK_HEADER_MAX;
}

struct accel_flow *accel_flow_begin(struct accel *a, const struct accel_arrival *v, struct seq client_isn)
{
    const uint32_t kept = accel_answers_to_come(a);
    if (accel_flows_left(a) <= kept || a->openings.capacity - a->openings.used <= kept)
        return NULL;
    const uint32_t opening = pool_get(&a->openings), i = accel_flow_add(&a->flows, &v->key);
    assert(opening != POOL_NONE && i != POOL_NONE);
    struct accel_flow *f = accel_flow_at(&a->flows, i);
    accel_limits_begin(&a->limits, &f->key);
    accel_answers_claim(a, f);
    f->client_isn = client_isn;
    f->client_end = seq_add(client_isn, 1);
    begin_opening(a, f, opening, v);
    return f;
}

uint32_t accel_flows_left(const struct accel *a) { return a->flows.pool.capacity - a->flows.pool.used; }

/* The rest is for those whose cookies come back. */
uint32_t accel_openings_left(const struct accel *a)
{
    const uint32_t most = a->openings.capacity - a->openings.capacity / 4;
    return a->openings.used < most ? most - a->openings.used : 0;
}

/*
 * True: the SYN gets no flow of its own now; it passes, or was answered with a cookie. A table that is full lets it pass:
 * there would be no place for what a cookie brings back.
 */
static bool is_beyond(struct accel *a, const struct accel_arrival *v, const struct wire_tcp_options *o,
                      enum accel_verdict *verdict)
{
    const enum accel_limit limit = accel_limits_syn(&a->limits, &v->key, v->now);
    accel_answers_count(a, &v->key, v->now);
    *verdict = ACCEL_PASS;
    if (limit == ACCEL_BEYOND_SOURCE_FLOWS) {
        ACCEL_COUNT(a, bypass_source);
        return true;
    }
    if (accel_flows_left(a) <= accel_answers_to_come(a)) {
        ACCEL_COUNT(a, bypass_full);
        return true;
    }
    if (limit == ACCEL_WITHIN && accel_openings_left(a) > accel_answers_to_come(a))
        return false;
    a->counters.cookies_by_source += limit == ACCEL_BEYOND_SOURCE_RATE;
    a->counters.cookies_by_rate += limit == ACCEL_BEYOND_RATE;
    a->counters.cookies_by_openings += limit == ACCEL_WITHIN;
    accel_cookie_answer(a, v, o);
    *verdict = ACCEL_DROP;
    return true;
}

bool accel_client_syn(struct accel *a, struct accel_arrival *v)
{
    struct wire_tcp_options o;
    accel_options_of(v, &o);
    if (!is_for_us(a, v, &o))
        return true;
    if (!accel_checksum_ok(a, v))
        return false;
    enum accel_verdict verdict;
    if (is_beyond(a, v, &o, &verdict))
        return verdict == ACCEL_PASS;
    struct accel_flow *f = accel_flow_begin(a, v, v->tcp.seq);
    if (!f) {
        ACCEL_COUNT(a, bypass_full);
        return true;
    }
    f->our_isn = initial_sequence_number(a, &v->key, v->now);
    describe_client(a, f, v, &o);
    accel_flow_state_set(a, f, ACCEL_OPENING, v->now);
    accel_fast_open_begin(a, f, v);
    const uint8_t fast_open = accel_opening_of(a, f)->fast_open;
    if (a->settings.paired && fast_open == ACCEL_FAST_OPEN_OFF)
        ask_for_far_box(a, f, v);
    accel_opening_of(a, f)->told_ts = accel_server_clock(f, v->now);
    accel_send_syn_ack(a, f, v->now);
    accel_clear_flags(&v->segment, ECN_FLAGS);
    ACCEL_COUNT(a, flows_opened);
    ACCEL_COUNT(a, syn_answered);
    return fast_open != ACCEL_FAST_OPEN_HELD;
}

/* There is no room for it: the client, who was answered, is told. */
static void withdraw(struct accel *a, const struct accel_arrival *v, struct seq our_isn)
{
    const struct accel_flow f = {.key = v->key};
    struct accel_opening frame = {.flow = POOL_NONE};
    const struct accel_own rst = {
        .to = ACCEL_CLIENTS, .seq = seq_add(our_isn, 1), .ack = seq_add(v->tcp.seq, 1), .flags = TCP_RST | TCP_ACK};
    accel_remember_frame(&frame, v);
    accel_send_framed(a, &f, &frame, &rst, v->now);
    ACCEL_COUNT(a, shortcut_withdrawn);
}

bool accel_client_answered(struct accel *a, struct accel_arrival *v, const struct accel_answered *answered)
{
    struct wire_tcp_options options;
    accel_options_of(v, &options);
    (void)accel_limits_syn(&a->limits, &v->key, v->now);
    ACCEL_COUNT(a, shortcut_answered);
    struct accel_flow *f = accel_flow_begin(a, v, v->tcp.seq);
    if (!f) {
        withdraw(a, v, answered->isn);
        return false;
    }
    describe_client(a, f, v, &options);
    f->our_isn = answered->isn;
    f->told = answered->told;
    accel_flow_state_set(a, f, ACCEL_OPENING, v->now);
    struct accel_opening *o = accel_opening_of(a, f);
    o->told_ts = accel_server_clock(f, answered->at);
    o->syn_ack_at = v->now;
    o->syn_ack_tries = 1;
    accel_flow_arm(a, f);
    accel_clear_flags(&v->segment, ECN_FLAGS);
    ACCEL_COUNT(a, flows_opened);
    ACCEL_COUNT(a, syn_answered);
    return true;
}

/* ---- the client before the server's answer ---- */

/* RFC 5961 3: where the client stands, or where it was last told to; elsewhere in the window it is challenged. */
static void client_resets(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (!seq_eq(v->tcp.seq, o->early_end) && !seq_eq(v->tcp.seq, o->acked)) {
        ACCEL_COUNT(a, drop_bad_reset);
        if (seq_gt(v->tcp.seq, o->acked) && seq_lt(v->tcp.seq, accel_early_edge(f, o)))
            accel_hold_tell(a, f, v->now);
        return;
    }
    o->next = o->una; /* the server stands behind the SYN: what went ahead waits at the far box, and the RST does not */
    (void)accel_reset_server(a, f, v->now);
    accel_opening_end(a, f);
    accel_flow_state_set(a, f, ACCEL_RESET, v->now);
}

/* The same SYN again: our answer was lost. */
static void client_asks_again(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    if (!seq_eq(v->tcp.seq, f->client_isn) || f->flags & ACCEL_CLIENT_THERE) {
        ACCEL_COUNT(a, drop_unexpected);
        return;
    }
    accel_send_syn_ack(a, f, v->now);
    ACCEL_COUNT(a, syn_answered_again);
}

static void note_client(struct accel_flow *f, struct accel_opening *o, const struct accel_arrival *v)
{
    struct wire_tcp_options options;
    accel_options_of(v, &options);
    if (options.present & TCP_OPT_TIMESTAMPS && accel_told(f, TCP_OPT_TIMESTAMPS))
        f->client_ts = options.ts_val;
    if (!(f->flags & ACCEL_CLIENT_THERE))
        o->client_srtt_ns = v->now - o->syn_ack_at;
    f->flags |= ACCEL_CLIENT_THERE;
    o->client_window = v->tcp.window;
    o->client_ack = seq_add(f->our_isn, 1);
}

bool accel_opening_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!accel_checksum_ok(a, v))
        return false;
    if (v->tcp.flags & TCP_RST) {
        client_resets(a, f, v);
    } else if (v->tcp.flags & TCP_SYN) {
        client_asks_again(a, f, v);
    } else if (!(v->tcp.flags & TCP_ACK) ||
               (!seq_eq(v->tcp.ack, seq_add(f->our_isn, 1)) && !accel_cookie_adopt(a, f, v))) {
        ACCEL_COUNT(a, drop_bad_ack);
    } else {
        note_client(f, accel_opening_of(a, f), v);
        accel_early_take(a, f, v);
        accel_fast_open_data(a, f, v->now);
        if (accel_opening_of(a, f)->ahead)
            accel_early_send_on(a, f, v->now);
    }
    return false;
}

/* ---- the server's answer ---- */

/* A far box has answered for the server, in the numbers of both. */
static bool is_from_far_box(const struct accel *a, const struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_pairing pairing;
    uint32_t mark;
    if (!a->settings.paired || !accel_mark_find(&v->segment, &mark) || !seq_eq(v->tcp.seq, f->our_isn))
        return false;
    accel_pairing_of(&a->settings.pair_key, &f->key, f->client_isn, accel_opening_of(a, f)->epoch, &pairing);
    return mark == pairing.syn_ack_mark;
}

/* What went ahead to a far box that is not there did not arrive in any numbers. */
static void look_for_far_box(struct accel *a, struct accel_opening *o, bool far)
{
    if (far) {
        ACCEL_COUNT(a, far_box_found);
    } else if (o->ahead) {
        ACCEL_COUNT(a, far_box_lost);
        o->next = o->una;
    }
    o->ahead = false;
}

static void learn(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct wire_tcp_options options;
    accel_options_of(v, &options);
    const struct accel_promise *known = accel_servers_find(&a->servers, &f->key, v->now);
    f->said = accel_promise_in(&options, v->segment.headers.v6);
    const bool is_all = !o->from_cookie || !known; /* to a cookie's SYN it says no more than that asks */
    const struct accel_promise said = is_all ? f->said : *known;
    if (!known)
        ACCEL_COUNT(a, servers_learnt);
    else if (memcmp(known, &said, sizeof said) != 0)
        ACCEL_COUNT(a, servers_changed);
    const bool far = is_from_far_box(a, f, v);
    o->rtt_ns = v->now - o->syn_at;
    if (!a->settings.paired || o->fast_open == ACCEL_FAST_OPEN_OFF)
        accel_servers_learn(&a->servers, &f->key, &said, far, v->now); /* it was asked for a far box too */
    if (far && o->syn_tries == 1)
        accel_servers_measured(&a->servers, &f->key, o->rtt_ns);
    accel_answers_learn(a, &f->key);
    accel_fast_open_answered(a, f, v);
    look_for_far_box(a, o, far);
    f->shift.sequence = v->tcp.seq.v - f->our_isn.v;
    if (accel_said(f, TCP_OPT_TIMESTAMPS)) {
        struct wire_tcp_options ours;
        f->server_ts = options.ts_val;
        accel_options_to_client(f, o, &ours, v->now);
        f->shift.timestamp = accel_told(f, TCP_OPT_TIMESTAMPS) ? options.ts_val - ours.ts_val : 0;
    }
    f->server_end = seq_add(v->tcp.seq, 1);
    o->client_ack = f->server_end;
    o->server_window = v->tcp.window;
    f->waited_100us = (uint16_t)min_i64(max_i64((v->now - o->began) / (100 * NS_PER_US), 1), UINT16_MAX);
}

/*
 * The server has what went ahead, and its SYN-ACK was lost. It does not send that again, but the far box does when it
 * is asked.
 */
static void ask_again(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    const int64_t waited = v->now - o->syn_at;
    if (o->ahead && !(v->tcp.flags & TCP_RST) && waited > (o->syn_at - o->began) + NS_PER_MS)
        accel_send_syn(a, f, v->now);
}

/* Whether the client has sent, or the box in its name, what this acknowledges. */
static bool is_sent(const struct accel_flow *f, const struct accel_opening *o, struct seq ack)
{
    const struct seq first = seq_add(f->client_isn, 1);
    return seq_ge(ack, first) && seq_le(ack, seq_max(o->next, seq_add(first, o->in_syn)));
}

/*
 * The server has not heard of the end of an older connection with these ports: RFC 9293 3.5.1. It is told of it, as the
 * client would, and asked anew, the first time at once.
 */
static void reset_older(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    const struct accel_own rst = {.to = ACCEL_SERVERS, .seq = v->tcp.ack, .flags = TCP_RST};
    accel_send_own(a, f, &rst, v->now);
    ACCEL_COUNT(a, half_open_reset);
    if (accel_opening_of(a, f)->syn_tries == 1)
        accel_send_syn(a, f, v->now);
}

static void server_refuses(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    ACCEL_COUNT(a, server_refused);
    accel_reset_client(a, f, v->now);
}

bool accel_opening_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!accel_checksum_ok(a, v))
        return false;
    const struct accel_opening *o = accel_opening_of(a, f);
    const bool ours = v->tcp.flags & TCP_ACK && accel_fast_open_acknowledges(f, o, v->tcp.ack);
    if (!ours) {
        ACCEL_COUNT(a, drop_bad_ack);
        if ((v->tcp.flags & (TCP_ACK | TCP_RST)) == TCP_ACK && !is_sent(f, o, v->tcp.ack))
            reset_older(a, f, v);
        else
            ask_again(a, f, v);
    } else if (v->tcp.flags & TCP_RST) {
        if (!accel_fast_open_reset(a, f, v))
            server_refuses(a, f, v);
    } else if (v->tcp.flags & TCP_SYN) {
        learn(a, f, v);
        ACCEL_COUNT(a, flows_translated);
        accel_flow_state_set(a, f, ACCEL_OPEN, v->now);
        if (f->flags & ACCEL_CLIENT_THERE)
            accel_early_begin(a, f, v->now);
    } else {
        ACCEL_COUNT(a, drop_unexpected);
    }
    return false;
}
