/* SPDX-License-Identifier: MIT */
/*
 * Timers: see timers.h.
 */
#include "tcp/timers.h"

#include "tcp/plpmtud.h"
#include "tcp/rack.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"

#define MAX_DOUBLINGS 16u
#define MAX_DEADLINE_NS (24 * INT64_C(86400) * NS_PER_S) /* half the circle of 2^32 ms */
#define CHALLENGE_INTERVAL_NS (500 * NS_PER_MS)          /* RFC 5961 section 7, for each connection */

static void arm(struct tcp_layer *t, const struct tcp *c, int64_t at) { wheel_arm(&t->wheel, tcp_index(t, c), at); }

/* A time on the millisecond circle as nanoseconds. */
static int64_t from_ms(uint32_t ms, int64_t now) { return now + (int64_t)(int32_t)(ms - tcp_ms(now)) * NS_PER_MS; }

void timers_init(struct tcp_work *w)
{
    w->retransmit_at = w->ack_at = w->fin_wait_at = w->early_at = TIME_NEVER;
    w->stalled_since = 0;
}

/* What is sent now finds out by itself whether the peer is alive, with all its tries. */
static void end_keepalive(struct tcp_work *w)
{
    if (w->keepalive)
        w->retries = 0;
    w->keepalive = false;
}

/*
 * When unacknowledged data (or a shut window) has lasted as long as the user allows: RFC 9293 3.8.3. Not before something
 * was sent again: after a jump of the clock (a machine that slept) the peer gets the chance to answer.
 */
static int64_t user_limit(const struct tcp_profile *p, const struct tcp *c, const struct tcp_work *w)
{
    bool tried = w->persist ? w->probe_backoff > 0 : c->backoff > 0; /* a shut window takes retries back, not these */
    if (likely(p->user_timeout_ns == 0) || !tried || w->stalled_since == TIME_NEVER)
        return TIME_NEVER;
    return w->stalled_since + p->user_timeout_ns;
}

/* When it is tried again, or given up for the user; after a jump of the clock over that, not before the peer could answer. */
static int64_t next_try(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, unsigned backoff,
                        int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    int64_t at = now + rtt_timeout(c, p, backoff), limit = user_limit(p, c, w);
    return limit > now ? min_i64(at, limit) : at;
}

void timers_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (w->retransmit_at != TIME_NEVER)
        return;
    end_keepalive(w);
    if (w->retries == 0)
        w->stalled_since = now;
    w->retransmit_at = next_try(t, c, w, c->backoff, now);
    arm(t, c, w->retransmit_at);
}

void timers_acked(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->stalled_since = now;
    if (seq_eq(c->snd_una, c->snd_nxt)) { /* RFC 6298 (5.2) */
        w->retransmit_at = w->early_at = TIME_NEVER;
        return;
    }
    w->retransmit_at = next_try(t, c, w, c->backoff, now); /* (5.3) */
    arm(t, c, w->retransmit_at);
}

void timers_first_sent_again(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->retransmit_at = next_try(t, c, w, c->backoff, now);
    arm(t, c, w->retransmit_at);
}

void timers_probe(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (!rack_is_on(t, c) || (w->early_at != TIME_NEVER && !w->early_probes))
        return;
    int64_t at = rack_probe_due(t, c, w, now);
    bool sooner = at < w->early_at; /* a later time is found by the node when it is called */
    w->early_at = at;
    w->early_probes = true;
    if (sooner)
        arm(t, c, at);
}

void timers_probe_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->early_at = TIME_NEVER;
    timers_first_sent_again(t, c, w, now);
}

void timers_reordering(struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, int64_t at)
{
    if (at == TIME_NEVER) {
        w->early_at = w->early_probes ? w->early_at : TIME_NEVER;
        return;
    }
    w->early_at = at;
    w->early_probes = false;
    arm(t, c, at);
}

void timers_paced(struct tcp_layer *t, struct tcp *c, struct tcp_work *w) { arm(t, c, w->pace_at); }

void timers_ack_delayed(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (w->ack_at != TIME_NEVER)
        return;
    w->ack_at = now + tcp_profile_of(t, c)->delayed_ack_ns;
    arm(t, c, w->ack_at);
}

void timers_window_shut(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (w->retransmit_at != TIME_NEVER)
        return;
    end_keepalive(w);
    if (!w->persist)
        w->stalled_since = now;
    w->persist = true;
    w->retransmit_at = next_try(t, c, w, w->probe_backoff, now);
    arm(t, c, w->retransmit_at);
}

void timers_window_opened(struct tcp_work *w)
{
    w->persist = false;
    w->probe_backoff = 0;
    w->retransmit_at = TIME_NEVER;
}

void timers_fin_wait_2(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    int64_t limit = tcp_profile_of(t, c)->fin_wait_2_ns;
    if (limit == 0)
        return;
    w->fin_wait_at = now + limit;
    arm(t, c, w->fin_wait_at);
}

void timers_challenged(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->challenge_until = now + CHALLENGE_INTERVAL_NS;
    arm(t, c, w->challenge_until);
}

void timers_mtu_search(struct tcp_layer *t, const struct tcp *c, int64_t at) { arm(t, c, at); }

void timers_established(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    int64_t idle = tcp_profile_of(t, c)->keepalive_idle_ns;
    c->heard_ms = tcp_ms(now);
    if (idle > 0)
        arm(t, c, now + idle);
}

void timers_profile_changed(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    if (p->keepalive_idle_ns > 0 && state_synchronized(c->state))
        arm(t, c, max_i64(from_ms(c->heard_ms, now) + p->keepalive_idle_ns, now));
    struct tcp_work *w = c->state == TCP_FIN_WAIT_2 && p->fin_wait_2_ns > 0 ? tcp_attach(t, c) : NULL;
    if (w && w->fin_wait_at == TIME_NEVER)
        timers_fin_wait_2(t, c, w, now);
}

void timers_user_deadline(struct tcp_layer *t, struct tcp *c, int64_t at, int64_t now)
{
    if (at == TIME_NEVER) {
        c->deadline_ms = 0;
        return;
    }
    at = min_i64(max_i64(at, now), now + MAX_DEADLINE_NS);
    c->deadline_ms = tcp_ms(at + NS_PER_MS);
    arm(t, c, at);
}

#define DOUBTFUL_RETRIES 3u /* RFC 1122 4.2.3.5: R1 */

/* Of the time to the next try. */
static unsigned doubled(unsigned backoff) { return backoff < MAX_DOUBLINGS ? backoff + 1 : MAX_DOUBLINGS; }

/* Counts one more try; false when there were enough and the connection is given up. */
static bool try_again(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t limit, int64_t now)
{
    if (w->retries >= limit || now >= user_limit(tcp_profile_of(t, c), c, w)) {
        t->counters.timeout_closed++;
        tcp_finish(t, c, TCP_CLOSE_TIMEOUT, now);
        return false;
    }
    w->retries++;
    if (w->retries >= DOUBTFUL_RETRIES && t->lower->path_doubt)
        t->lower->path_doubt(t->lower_context, c->path);
    return true;
}

static void handshake_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    t->counters.rto_fired++;
    if (!try_again(t, c, w, c->state == TCP_SYN_SENT ? p->syn_retries : p->syn_ack_retries, now))
        return;
    c->backoff = doubled(c->backoff) & 0x3fu;
    w->want |= WANT_SYN;
}

static void data_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    t->counters.rto_fired++;
    bool first = w->retries == 0;
    if (!try_again(t, c, w, tcp_profile_of(t, c)->data_retries, now))
        return;
    c->backoff = doubled(c->backoff) & 0x3fu;
    w->early_at = TIME_NEVER;
    bool in_flight =
        !seq_eq(c->snd_una, c->snd_nxt); /* otherwise something waited for a neighbour that did not answer */
    if (in_flight && !plpmtud_timeout(t, c, w, now))
        recovery_timeout(t, c, w, first, now);
}

static void retransmission_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->retransmit_at = TIME_NEVER; /* armed again when the segment leaves */
    if (state_embryonic(c->state)) {
        handshake_due(t, c, w, now);
    } else if (w->persist) {
        if (try_again(t, c, w, tcp_profile_of(t, c)->data_retries, now)) {
            w->probe_backoff = (uint8_t)doubled(w->probe_backoff);
            w->want |= WANT_PROBE;
        }
    } else {
        data_due(t, c, w, now);
    }
    if (!(c->flags & TCPF_DEAD))
        tcp_mark(t, c, w);
}

/* RFC 9293 3.8.4. Only while nothing is in flight: otherwise the retransmission timer finds a dead peer. */
static void keepalive_due(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    if (p->keepalive_idle_ns == 0 || !state_synchronized(c->state) || !seq_eq(c->snd_una, c->snd_nxt))
        return;
    struct tcp_work *w = tcp_work_of(t, c);
    if (w && w->persist) /* which probes too */
        return;
    uint32_t probes = w && w->keepalive ? w->retries : 0;
    int64_t due = from_ms(c->heard_ms, now) + p->keepalive_idle_ns + probes * p->keepalive_interval_ns;
    if (due > now) {
        arm(t, c, due);
        return;
    }
    bool late = now - due >= p->keepalive_interval_ns;
    if (late) { /* the clock jumped (a machine that slept): the peer gets one more probe, and times count from now */
        c->heard_ms += (uint32_t)((now - due) / NS_PER_MS);
        due = now;
    }
    if (probes >= p->keepalive_probes && !late) {
        t->counters.timeout_closed++;
        tcp_finish(t, c, TCP_CLOSE_TIMEOUT, now);
        return;
    }
    if ((w = tcp_attach(t, c)) != NULL) {
        w->keepalive = true;
        w->retries = (uint8_t)(probes + 1);
        w->want |= WANT_KEEPALIVE;
        tcp_mark(t, c, w);
    }
    arm(t, c, due + p->keepalive_interval_ns);
}

/* The retransmission timer gives way to a tail loss probe, which starts it anew when it leaves: RFC 8985 7.3. */
static void early_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    w->early_at = TIME_NEVER;
    if (seq_eq(c->snd_una, c->snd_nxt))
        return;
    if (!w->early_probes) {
        recovery_reordering_due(t, c, w, now);
        if (unlikely(w->mtu_search))
            plpmtud_after_recovery(t, c, w, now);
    } else if (rack_probe_due(t, c, w, now) != TIME_NEVER && w->retries == 0) {
        w->want |= WANT_LOSS_PROBE;
        timers_first_sent_again(t, c, w, now);
        tcp_mark(t, c, w);
    }
}

static void work_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (w->ack_at <= now) {
        w->ack_at = TIME_NEVER;
        w->want |= WANT_ACK;
        t->counters.delayed_acks++;
        tcp_mark(t, c, w);
    }
    if (w->fin_wait_at <= now) {
        t->counters.timeout_closed++;
        tcp_finish(t, c, TCP_CLOSE_TIMEOUT, now);
        return;
    }
    if (w->challenge_until <= now)
        w->challenge_until = 0;
    if (w->paced && w->pace_at <= now) {
        w->paced = false;
        tcp_mark(t, c, w);
    }
    if (w->early_at <= now)
        early_due(t, c, w, now);
    if (unlikely(w->mtu_search))
        plpmtud_due(t, c, w, now);
    if (w->retransmit_at <= now)
        retransmission_due(t, c, w, now);
}

static void user_deadline_due(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    if (c->deadline_ms == 0 || from_ms(c->deadline_ms, now) > now)
        return;
    c->deadline_ms = 0;
    if (u->calls->deadline)
        u->calls->deadline(u->context, c, now);
}

static void arm_next(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    int64_t at = c->deadline_ms ? max_i64(from_ms(c->deadline_ms, now), now) : TIME_NEVER;
    if (w)
        at = min_i64(min_i64(at, w->early_at), min_i64(w->retransmit_at, min_i64(w->ack_at, w->fin_wait_at)));
    if (w && w->mtu_search)
        at = min_i64(at, plpmtud_deadline(t, w));
    if (w && w->challenge_until != 0)
        at = min_i64(at, w->challenge_until);
    if (w && w->paced)
        at = min_i64(at, w->pace_at);
    if (at != TIME_NEVER)
        arm(t, c, at);
}

void timers_due(void *layer, uint32_t index, int64_t now)
{
    struct tcp_layer *t = layer;
    struct tcp *c = tcp_at(t, index);
    if (c->state == TCP_CLOSED) /* free, or dead until the end of the burst */
        return;
    user_deadline_due(t, c, now);
    struct tcp_work *w = tcp_work_of(t, c);
    if (w && !(c->flags & TCPF_DEAD))
        work_due(t, c, w, now);
    if (!(c->flags & TCPF_DEAD))
        keepalive_due(t, c, now);
    tcp_park_if_idle(t, c);
    if (!(c->flags & TCPF_DEAD))
        arm_next(t, c, now);
}
