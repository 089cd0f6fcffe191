/* SPDX-License-Identifier: MIT */
/*
 * SND.UNA and the send window: see ack.h.
 */
#include "tcp/ack.h"

#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/hystart.h"
#include "tcp/plpmtud.h"
#include "tcp/rack.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/sack.h"
#include "tcp/timers.h"
#include "tcp/undo.h"

void ack_challenge(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    struct tcp_work *w = tcp_attach(t, c);
    if (!w || w->challenge_until > now)
        return;
    w->want |= WANT_ACK;
    t->counters.challenge_acks++;
    timers_challenged(t, c, w, now);
    tcp_mark(t, c, w);
}

void ack_update_window(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s, int64_t now)
{
    uint32_t window = s->h.window;
    (void)now;
    if (!(s->h.flags & TCP_SYN))
        window <<= c->send_wscale;
    bool opened = window > c->snd_wnd;
    c->snd_wnd = window;
    c->max_snd_wnd = max_u32(c->max_snd_wnd, window);
    if (!w)
        return;
    w->snd_wl1 = s->h.seq;
    w->snd_wl2 = s->h.ack;
    if (w->persist || window == 0)
        w->retries =
            0; /* the peer is alive: it may keep its window shut for ever, even over data in flight (MUST-37) */
    if (w->persist && window > 0) {
        timers_window_opened(w);
        opened = true; /* also one that is still too small: the override timer begins anew */
    }
    if (opened)
        tcp_mark(t, c, w);
}

/*
 * RFC 9293: SND.WL1 < SEG.SEQ, or equal and SND.WL2 =< SEG.ACK. Besides, as in Linux, what acknowledges something new:
 * somebody's segment with a later sequence number than the peer ever sends would keep its window shut for ever.
 */
static bool window_is_newer(const struct tcp *c, const struct tcp_work *w, const struct tcp_segment *s)
{
    if (!w || seq_gt(s->h.ack, c->snd_una))
        return true;
    return seq_lt(w->snd_wl1, s->h.seq) || (seq_eq(w->snd_wl1, s->h.seq) && seq_le(w->snd_wl2, s->h.ack));
}

/* Our FIN was acknowledged. False: the connection ended. */
static bool fin_acknowledged(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    switch (c->state) {
    case TCP_FIN_WAIT_1:
        tcp_set_state(t, c, TCP_FIN_WAIT_2, now, "FIN acknowledged");
        timers_fin_wait_2(t, c, w, now);
        return true;
    case TCP_CLOSING:
        tcp_set_state(t, c, TCP_TIME_WAIT, now, "FIN acknowledged");
        if (w->want & WANT_ACK) /* of the peer's FIN, which came just before: output ends it */
            return true;
        tcp_timewait_finish(t, c, now);
        return false;
    case TCP_LAST_ACK:
        tcp_finish(t, c, TCP_CLOSE_NORMAL, now);
        return false;
    default:
        return true;
    }
}

/* The byte of a zero-window probe was accepted: it counts as sent. */
static void adopt_probe(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq ack, int64_t now)
{
    sent_append(t, w, c->snd_nxt, ack, now);
    w->first.transmissions = 2; /* no RTT sample: which probe arrived is unknown */
    c->snd_nxt = ack;
    w->probed = false;
    w->probe_backoff = 0;
}

/* A round-trip time, by what was delivered just now; by the echo only where nothing was that was sent once. */
static void measure(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct wire_tcp_options *o,
                    const struct sent_delivery *d, int64_t now)
{
    if (d->once_at != SENT_NEVER) {
        rtt_sample(c, now - d->once_at);
        rack_measured(w, now - d->once_at, now);
        if (hystart_is_on(c))
            hystart_measured(c, w, (uint32_t)min_i64((now - d->once_at) / NS_PER_US + 1, INT32_MAX));
    } else if ((o->present & TCP_OPT_TIMESTAMPS) && (c->flags & TCPF_TIMESTAMPS)) {
        rtt_sample_echo(t, c, o->ts_ecr, now);
    }
}

/* snd_una moves. False: the connection ended. */
static bool advance(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq ack,
                    const struct wire_tcp_options *o, struct sent_delivery *d, int64_t now)
{
    sent_acknowledge(t, w, ack, d);
    uint32_t n = seq_len(c->snd_una, ack);
    bool fin = (c->flags & TCPF_FIN_SENT) && seq_eq(ack, c->snd_nxt);
    uint32_t bytes = fin ? n - 1 : n;
    c->snd_una = ack;
    c->acked += bytes;
    tcp_got_further(t, c, now);
    measure(t, c, w, o, d, now);
    w->retries = 0;
    plpmtud_acked(t, c, w, n, now);
    timers_acked(t, c, w, now);
    if (bytes > 0) {
        const struct tcp_registered *u = &t->users[c->user];
        if (u->calls->acked)
            u->calls->acked(u->context, c, c->acked, now);
        if (c->flags & TCPF_DEAD)
            return false;
    }
    return !fin || fin_acknowledged(t, c, w, now);
}

/* RFC 5681 section 2: what counts as a duplicate acknowledgement. */
static bool is_duplicate(const struct tcp *c, const struct tcp_segment *s, bool same_window)
{
    return s->payload_len == 0 && !(s->h.flags & (TCP_SYN | TCP_FIN)) && same_window && seq_eq(s->h.ack, c->snd_una) &&
           !seq_eq(c->snd_una, c->snd_nxt);
}

/* RFC 5961 section 5: is the acknowledgement within [SND.UNA - MAX.SND.WND, SND.NXT]? */
static bool acceptable(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s, int64_t now)
{
    struct seq ack = s->h.ack;
    if (unlikely(seq_gt(ack, c->snd_nxt))) {
        if (w && w->probed && seq_eq(ack, seq_add(c->snd_nxt, 1))) {
            adopt_probe(t, c, w, ack, now);
            return true;
        }
        t->counters.drop_bad_ack++;
        ack_challenge(t, c, now);
        return false;
    }
    if (unlikely(seq_lt(ack, seq_sub(c->snd_una, c->max_snd_wnd)))) {
        t->counters.drop_bad_ack++;
        ack_challenge(t, c, now);
        return false;
    }
    return true;
}

/*
 * RFC 8985 6.2 step 2: an ACK for what was sent again may be for an earlier transmission, which it then is too early
 * for.
 */
static int64_t unambiguous_before(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w,
                                  const struct wire_tcp_options *o, int64_t now)
{
    int64_t before = now - rack_min_us(c, w) * NS_PER_US;
    if (!(c->flags & TCPF_TIMESTAMPS) || !(o->present & TCP_OPT_TIMESTAMPS) || o->ts_ecr == 0)
        return before;
    int64_t echo_ms = now / NS_PER_MS - (int32_t)(tcp_ts_now(t, now) - o->ts_ecr);
    return min_i64(before, (echo_ms + 1) * NS_PER_MS - 1);
}

static bool probe_was_duplicate(const struct tcp_work *w, const struct wire_tcp_options *o)
{
    return w->rack.probe_out && seq_eq(o->sack[0].right, w->rack.probe_end);
}

/* The peer reported that [left, right) came twice. */
static void take_dsack(struct tcp *c, struct tcp_work *w, const struct wire_tcp_options *o, struct recovery_ack *r)
{
    r->dsack = c->retransmits > 0;
    r->widens = r->dsack && !probe_was_duplicate(w, o);
    undo_duplicate_reported(w, o->sack[0].left, o->sack[0].right);
}

/* What the ACK of a connection with something in flight means for it. False: the connection ended. */
static bool take_ack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                     const struct wire_tcp_options *o, bool same_window, int64_t now)
{
    struct seq una = c->snd_una;
    struct recovery_ack r = {.flight_size = seq_len(una, c->snd_nxt), .congestion = ecn_echoed(c, s->h.flags)};
    struct sent_delivery d = {.once_at = SENT_NEVER,
                              .again_at = SENT_NEVER,
                              .again_before = unlikely(c->retransmits > 0) ? unambiguous_before(t, c, w, o, now) : now,
                              .fack = w->sacked > 0 ? seq_max(w->high_sacked, una) : una,
                              .steps = SENT_STEPS};
    if ((o->present & TCP_OPT_SACK) && (c->flags & TCPF_SACK) && sack_apply(t, c, w, o, seq_max(s->h.ack, una), &d))
        take_dsack(c, w, o, &r);
    r.sacked = d.bytes;
    r.echo_older = undo_echo_is_older(c, w, o);
    if (seq_gt(s->h.ack, una)) {
        r.acked = seq_len(una, s->h.ack);
        if (!advance(t, c, w, s->h.ack, o, &d, now))
            return false;
    } else if (is_duplicate(c, s, same_window)) {
        t->counters.dup_acks_received++;
        if (d.once_at != SENT_NEVER)
            measure(t, c, w, o, &d, now);
        r.duplicate = !(c->flags & TCPF_SACK) || r.sacked > 0; /* RFC 6675 section 2 */
    }
    r.delivered = d.bytes;
    r.original =
        d.original && ((c->flags & TCPF_SACK) || !d.again); /* RFC 5682: without SACK, who filled it is unknown */
    if (r.acked == 0 && !r.duplicate && r.sacked == 0 && !r.dsack)
        return true;
    if (rack_is_on(t, c))
        rack_delivered(c, w, &d, r.widens, now);
    recovery_ack_arrived(t, c, w, &r, now);
    if (r.acked > 0)
        timers_probe(t, c, w, now);
    return true;
}

bool ack_process(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, const struct wire_tcp_options *o,
                 int64_t now)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!acceptable(t, c, w, s, now))
        return false;
    uint32_t old_window = c->snd_wnd;
    bool newer = seq_ge(s->h.ack, c->snd_una) && window_is_newer(c, w, s);
    if (newer)
        ack_update_window(t, c, w, s, now);
    if (!w || seq_eq(c->snd_una, c->snd_nxt))
        return true;
    if (!take_ack(t, c, w, s, o, old_window == c->snd_wnd, now))
        return false;
    if (unlikely(w->mtu_search))
        plpmtud_after_recovery(t, c, w, now);
    if (w->lost > 0 || tcp_promised_offset(t, c) != c->acked || (c->flags & TCPF_CLOSE))
        tcp_mark(t, c, w);
    return true;
}
