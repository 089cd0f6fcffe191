/* SPDX-License-Identifier: MIT */
/*
 * The box: bursts from both links, each segment to its flow, and time. See accel.h.
 */
#include "accel/internal.h"

#include "base/error.h"

#define TICK_SHIFT 20 /* about a millisecond */
#define TIMERS_A_TURN 256u
#define RESET_KEPT (10 * NS_PER_S)
#define SYN_ACK_AFTER NS_PER_S /* THREATS MB-01: one retry of our own */
#define SYN_ACK_TRIES 2u

void accel_settings_default(struct accel_settings *s)
{
    *s = (struct accel_settings){.max_flows = 65536,
                                 .max_openings = 4096,
                                 .max_servers = 4096,
                                 .early_buffers = 1024,
                                 .max_sources = 65536,
                                 .source_flows = 32768,
                                 .source_syn_rate = 1000,
                                 .syn_rate = 10000,
                                 .server_timeout_ns = 20 * NS_PER_S,
                                 .server_memory_ns = 600 * NS_PER_S,
                                 .idle_timeout_ns = 7440 * NS_PER_S,
                                 .closed_timeout_ns = 120 * NS_PER_S,
                                 .syn_twice_from_ns = 10 * NS_PER_MS,
                                 .fast_open_cookies = 65536,
                                 .fast_open_wait_ns = 5 * NS_PER_MS};
}

static bool settings_ok(const struct accel_settings *s)
{
    if ((s->shortcut || s->answers) && s->role == ACCEL_FAR)
        return false;
    if (s->answers && (s->paired || s->fast_open || s->watch))
        return false;
    if (s->fast_open && (s->role == ACCEL_FAR || s->fast_open_cookies == 0 || s->fast_open_wait_ns <= 0))
        return false;
    return s->max_flows && s->max_openings && s->max_servers && s->early_buffers && s->server_timeout_ns > 0 &&
           s->server_memory_ns > 0 && s->idle_timeout_ns > 0 && s->closed_timeout_ns > 0;
}

static int init(struct accel *a, int64_t now)
{
    const struct accel_settings *s = &a->settings;
    const struct allocator *m = a->allocator, *records = s->store ? &a->region.allocator : m;
    int error = s->store ? accel_store_begin(a) : 0;
    if (error == 0)
        error = accel_flows_init(&a->flows, records, m, s->max_flows, &s->secret);
    if (error == 0)
        error = accel_limits_init(&a->limits, m, s);
    if (error == 0)
        error = accel_servers_init(&a->servers, m, s->max_servers, s->server_memory_ns, &s->secret);
    if (error == 0 && s->fast_open)
        error = accel_fast_open_cookies_init(&a->cookies, m, s->fast_open_cookies, s->server_memory_ns, &s->secret);
    if (error == 0)
        error = pool_init(&a->openings, records, s->max_openings, sizeof(struct accel_opening),
                          _Alignof(struct accel_opening));
    if (error == 0)
        error = pool_init(&a->buffers, m, s->early_buffers, ACCEL_EARLY_BYTES + 1, 16);
    if (error == 0)
        error = wheel_init(&a->wheel, m, s->max_flows, TICK_SHIFT, now);
    if (error == 0 && s->store)
        accel_store_take_over(a, now);
    if (error == 0 && s->answers)
        accel_answers_begin(a);
    return error;
}

int accel_new(const struct accel_settings *s, const struct allocator *a, struct link *clients, struct link *servers,
              int64_t now, struct accel **out)
{
    if (!settings_ok(s))
        return ERR_INVALID;
    struct accel *box = alloc_zeroed(a, sizeof *box, _Alignof(struct accel));
    if (!box)
        return ERR_NO_MEMORY;
    *box = (struct accel){.settings = *s, .links = {clients, servers}, .allocator = a};
    int error = init(box, now);
    if (error < 0) {
        accel_delete(box);
        return error;
    }
    *out = box;
    return 0;
}

/* Packets that wait go home, and what the shortcut knows is in the records: they may outlive the box. */
static void let_go(struct accel *a)
{
    for (uint32_t i = 1; i <= a->flows.pool.touched; i++) {
        struct accel_flow *f = accel_flow_at(&a->flows, i);
        if (f->state == ACCEL_FREE)
            continue;
        if (f->opening != POOL_NONE)
            accel_far_drop_waiting(accel_opening_of(a, f));
        accel_shortcut_take_back(a, f);
    }
}

void accel_delete(struct accel *a)
{
    if (!a)
        return;
    let_go(a);
    wheel_free(&a->wheel);
    pool_free(&a->buffers);
    pool_free(&a->openings);
    accel_fast_open_cookies_free(&a->cookies);
    accel_servers_free(&a->servers);
    accel_limits_free(&a->limits);
    accel_flows_free(&a->flows);
    alloc_free(a->allocator, a, sizeof *a);
}

uint32_t accel_epoch(const struct accel *a, int64_t now)
{
    return (uint32_t)((now + a->settings.wall_ns) / ACCEL_EPOCH_NS);
}

/* ---- flows in time ---- */

/* When a flow wants to be looked at. */
static int64_t deadline_of(const struct accel *a, const struct accel_flow *f)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    int64_t at;
    if (o && o->left)
        return f->seen_at; /* now */
    switch ((enum accel_flow_state)f->state) {
    case ACCEL_OPENING:
        if (a->settings.role == ACCEL_FAR)
            return o->began + a->settings.server_timeout_ns;
        at = accel_syn_deadline(a, o);
        if (!(f->flags & ACCEL_CLIENT_THERE) && o->syn_ack_tries < SYN_ACK_TRIES)
            at = min_i64(at, o->syn_ack_at + SYN_ACK_AFTER);
        at = min_i64(at, accel_hold_deadline(f, o));
        return min_i64(at, o->began + a->settings.server_timeout_ns);
    case ACCEL_OPEN:
        at = f->seen_at + a->settings.idle_timeout_ns;
        if (o)
            at = min_i64(at, min_i64(accel_early_deadline(f, o), accel_hold_deadline(f, o)));
        return at;
    case ACCEL_CLOSED:
        return f->seen_at + a->settings.closed_timeout_ns;
    case ACCEL_RESET:
        return f->seen_at + RESET_KEPT;
    case ACCEL_FREE:
        break;
    }
    return TIME_NEVER;
}

void accel_flow_arm(struct accel *a, const struct accel_flow *f)
{
    wheel_arm(&a->wheel, pool_index(&a->flows.pool, f), deadline_of(a, f));
}

void accel_flow_touch(struct accel *a, struct accel_flow *f, int64_t now)
{
    f->seen_at = now;
    accel_flow_arm(a, f);
}

void accel_flow_state_set(struct accel *a, struct accel_flow *f, enum accel_flow_state state, int64_t now)
{
    if (f->state == ACCEL_FREE)
        f->began_ms = (uint32_t)(now / NS_PER_MS);
    accel_store_touched(a);
    accel_flow_publish(f, state);
    accel_flow_touch(a, f, now);
}

void accel_flow_end(struct accel *a, struct accel_flow *f)
{
    const uint32_t i = pool_index(&a->flows.pool, f);
    accel_shortcut_take_back(a, f);
    accel_answers_release(a, f);
    accel_opening_end(a, f);
    wheel_disarm(&a->wheel, i);
    if (a->settings.role == ACCEL_NEAR)
        accel_limits_end(&a->limits, &f->key);
    accel_flow_remove(&a->flows, i);
}

static void opening_due(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (now >= o->began + a->settings.server_timeout_ns) {
        ACCEL_COUNT(a, server_silent);
        accel_reset_client(a, f, now);
        return;
    }
    if (!(f->flags & ACCEL_CLIENT_THERE) && o->syn_ack_tries < SYN_ACK_TRIES && now >= o->syn_ack_at + SYN_ACK_AFTER) {
        accel_send_syn_ack(a, f, now);
        ACCEL_COUNT(a, syn_answered_again);
    }
    if (now >= accel_syn_deadline(a, o))
        accel_syn_due(a, f, now);
    accel_hold_timer(a, f, now);
}

static void open_due(struct accel *a, struct accel_flow *f, int64_t now)
{
    accel_hold_timer(a, f, now);
    accel_early_timer(a, f, now);
}

static void due(void *context, uint32_t node, int64_t now)
{
    struct accel *a = context;
    struct accel_flow *f = accel_flow_at(&a->flows, node);
    if (f->state == ACCEL_FREE)
        return;
    accel_shortcut_sync(a, f);
    if (now >= deadline_of(a, f)) {
        if (accel_is_left(a, f)) {
            accel_store_reset(a, f, now);
        } else if (f->state == ACCEL_OPENING && a->settings.role == ACCEL_NEAR) {
            opening_due(a, f, now);
        } else if (f->state == ACCEL_OPEN && now < f->seen_at + a->settings.idle_timeout_ns) {
            open_due(a, f, now);
        } else {
            a->counters.flows_idle += f->state == ACCEL_OPEN;
            accel_flow_end(a, f);
            return;
        }
    }
    wheel_arm(&a->wheel, node, deadline_of(a, f));
}

/* ---- segments ---- */

/* A new connection takes the place of one that has ended: RFC 9293 3.6.1, RFC 6191. */
static bool replaces(const struct accel_flow *f, const struct accel_arrival *v)
{
    return (f->state == ACCEL_CLOSED || f->state == ACCEL_RESET) && !seq_eq(v->tcp.seq, f->client_isn);
}

static bool from_unknown(struct accel *a, bool syn, struct accel_arrival *v)
{
    return syn ? accel_client_syn(a, v) : !accel_cookie_returns(a, v);
}

static bool of_flow(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    return f->state == ACCEL_OPENING ? accel_opening_from_client(a, f, v) : accel_open_from_client(a, f, v);
}

/* The same where SYNs are answered nearer to the wire: perhaps this client's was, at this moment. */
static bool from_unknown_beside(struct accel *a, bool syn, struct accel_arrival *v)
{
    struct accel_flow *f;
    bool on = false;
    if (!accel_answers_enter(a, v, &f)) {
        ACCEL_COUNT(a, drop_pending);
    } else if (f) {
        on = of_flow(a, f, v);
        if (f->state != ACCEL_FREE)
            accel_flow_touch(a, f, v->now);
    } else {
        on = from_unknown(a, syn, v);
    }
    accel_answers_leave(a, v);
    return on;
}

static bool from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    const bool syn = (v->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
    if (f && syn && replaces(f, v)) {
        accel_flow_end(a, f);
        f = NULL;
    }
    if (!f)
        return unlikely(a->settings.answers) ? from_unknown_beside(a, syn, v) : from_unknown(a, syn, v);
    return of_flow(a, f, v);
}

static bool from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!f)
        return true;
    return f->state == ACCEL_OPENING ? accel_opening_from_server(a, f, v) : accel_open_from_server(a, f, v);
}

bool accel_arrival_of(struct packet *p, enum accel_side side, int64_t now, struct accel_arrival *out)
{
    *out = (struct accel_arrival){.now = now};
    const struct packet_headers *h = &out->segment.headers;
    if (accel_segment_find(p, &out->segment) < 0 || wire_tcp_parse(p->data + h->l4, h->end - h->l4, &out->tcp) < 0)
        return false;
    out->payload = p->data + h->payload;
    out->payload_length = h->end - h->payload;
    accel_key_of(&out->segment, side, &out->key);
    return true;
}

/* A far box without a key has nobody to work with. */
static bool is_bridge(const struct accel *a) { return a->settings.role == ACCEL_FAR && !a->settings.paired; }

/* A connection that is to be left alone. Both boxes of a pair may be told so; either is enough. */
static bool is_bypassed(struct accel *a, enum accel_side side, const struct accel_arrival *v)
{
    const struct accel_settings *s = &a->settings;
    const bool syn = side == ACCEL_CLIENTS && (v->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
    if (!syn || !accel_is_bypassed(s->bypass, s->bypass_count, &v->key))
        return false;
    ACCEL_COUNT(a, bypass_configured);
    return true;
}

static enum accel_verdict judge(struct accel *a, enum accel_side side, struct accel_flow *f, struct accel_arrival *v)
{
    if (is_bypassed(a, side, v))
        return ACCEL_PASS;
    if (a->settings.role == ACCEL_FAR)
        return side == ACCEL_CLIENTS ? accel_far_from_client(a, f, v) : accel_far_from_server(a, f, v);
    const bool on = side == ACCEL_CLIENTS ? from_client(a, f, v) : from_server(a, f, v);
    return on ? ACCEL_PASS : ACCEL_DROP;
}

enum accel_verdict accel_arrive(struct accel *a, enum accel_side side, struct packet *p, int64_t now)
{
    struct accel_arrival v;
    if (unlikely(is_bridge(a)))
        return ACCEL_PASS;
    if (!accel_arrival_of(p, side, now, &v)) {
        accel_icmp(a, side, p);
        return ACCEL_PASS;
    }
    const uint32_t i = accel_flow_find(&a->flows, &v.key);
    struct accel_flow *f = i == POOL_NONE ? NULL : accel_flow_at(&a->flows, i);
    if (f && accel_is_left(a, f)) {
        accel_store_reset(a, f, now);
        return ACCEL_DROP;
    }
    const enum accel_verdict on = judge(a, side, f, &v);
    if (f && f->state != ACCEL_FREE && memcmp(&f->key, &v.key, sizeof v.key) == 0)
        accel_flow_touch(a, f, now);
    return on;
}

static unsigned turn_of(struct accel *a, enum accel_side side, int64_t now)
{
    struct packet *in[LINK_BURST], *out[LINK_BURST];
    const unsigned n = link_rx_burst(a->links[side], in, LINK_BURST, now);
    unsigned on = 0, answered = side == ACCEL_CLIENTS ? accel_answers_take(a, now) : 0;
    for (unsigned i = 0; i < n; i++) {
        const enum accel_verdict verdict =
            likely(!a->settings.watch) ? accel_arrive(a, side, in[i], now) : accel_watched(a, side, in[i], now);
        if (verdict == ACCEL_PASS)
            out[on++] = in[i];
        else if (verdict == ACCEL_DROP)
            packet_release(in[i]);
    }
    if (on)
        link_tx_burst(a->links[side == ACCEL_CLIENTS ? ACCEL_SERVERS : ACCEL_CLIENTS], out, on, now);
    return n + answered;
}

unsigned accel_turn(struct accel *a, int64_t now)
{
    const unsigned from_clients = turn_of(a, ACCEL_CLIENTS, now), from_servers = turn_of(a, ACCEL_SERVERS, now);
    wheel_advance(&a->wheel, now, TIMERS_A_TURN, due, a);
    if (unlikely(a->shortcut_listed))
        accel_shortcut_turn(a);
    accel_answers_grant(a, now);
    return from_clients + from_servers;
}

int64_t accel_next_deadline(const struct accel *a)
{
    int64_t at = wheel_next(&a->wheel);
    for (unsigned i = 0; i < 2; i++) {
        const int64_t of_link = link_next_deadline(a->links[i]);
        at = of_link < at ? of_link : at;
    }
    return at;
}

const struct accel_counters *accel_counters(const struct accel *a) { return &a->counters; }

void accel_occupancy(const struct accel *a, uint32_t *flows, uint32_t *openings)
{
    *flows = a->flows.pool.used;
    *openings = a->openings.used;
}

/* ---- invariants ---- */

static const char *check_opening(const struct accel *a, const struct accel_flow *f)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    const struct seq first = seq_add(f->client_isn, 1);
    if (!o)
        return f->state == ACCEL_OPENING ? "an opening flow without its opening" : NULL;
    if (accel_flow_at(&a->flows, o->flow) != f)
        return "an opening that is another flow's";
    if (o->left)
        return NULL; /* as it was when its box ended */
    if (a->settings.role == ACCEL_FAR)
        return f->state == ACCEL_OPENING ? NULL : "an opening at a far box that is over";
    if (seq_lt(o->una, first) || seq_gt(o->una, o->next) || seq_gt(o->next, o->early_end))
        return "early data out of order";
    if (seq_lt(o->acked, o->una) || seq_gt(o->acked, o->early_end) || o->held_acked > o->held_count)
        return "early data acknowledged out of order";
    if (f->state == ACCEL_OPENING && !o->ahead && !seq_eq(o->next, first))
        return "early data sent before the server's answer";
    if (o->fast_open == ACCEL_FAST_OPEN_HELD && (f->state != ACCEL_OPENING || o->syn_tries))
        return "a SYN that is held and was sent";
    if (o->in_syn && (o->fast_open < ACCEL_FAST_OPEN_SENT || o->in_syn > accel_early_bytes(f, o)))
        return "early data in a SYN that is not there";
    return NULL;
}

const char *accel_check(const struct accel *a)
{
    uint32_t flows = 0, openings = 0;
    for (uint32_t i = 1; i <= a->flows.pool.touched; i++) {
        const struct accel_flow *f = accel_flow_at(&a->flows, i);
        if (f->state == ACCEL_FREE)
            continue;
        flows++;
        openings += f->opening != POOL_NONE;
        const char *wrong = check_opening(a, f);
        if (!wrong && f->shortcut >= ACCEL_SHORTCUT_PUBLISHED && !accel_shortcut_fits(f))
            wrong = "a flow that is published and not fit for it";
        if (wrong)
            return wrong;
        if (accel_flow_find(&a->flows, &f->key) != i)
            return "a flow that its key does not find";
    }
    if (flows != a->flows.pool.used)
        return "flows that are counted and not there";
    if (a->settings.role == ACCEL_NEAR && accel_limits_flows(&a->limits) != flows)
        return "flows that no source is counted for";
    if (openings != a->openings.used)
        return "openings without a flow";
    if (min_u32(accel_flows_left(a), a->openings.capacity - openings) < accel_answers_to_come(a))
        return "SYNs that may be answered elsewhere, and no room for them";
    return NULL;
}
