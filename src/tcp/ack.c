/* SPDX-License-Identifier: MIT */
/*
 * SND.UNA and the send window: see ack.h.
 */
#include "tcp/ack.h"

#include "tcp/congestion.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/sack.h"
#include "tcp/timers.h"

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

/* RFC 9293: SND.WL1 < SEG.SEQ, or equal and SND.WL2 =< SEG.ACK. */
static bool window_is_newer(const struct tcp_work *w, const struct tcp_segment *s)
{
    if (!w)
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

/* snd_una moves. False: the connection ended. */
static bool advance(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq ack,
                    const struct wire_tcp_options *o, struct recovery_ack *r, int64_t now)
{
    struct sent_acked a;
    sent_acknowledge(t, w, ack, &a);
    uint32_t n = seq_len(c->snd_una, ack);
    bool fin = (c->flags & TCPF_FIN_SENT) && seq_eq(ack, c->snd_nxt);
    uint32_t bytes = fin ? n - 1 : n;
    c->snd_una = ack;
    c->acked += bytes;
    if (a.rtt_from != TIME_NEVER)
        rtt_sample(c, now - a.rtt_from);
    else if ((o->present & TCP_OPT_TIMESTAMPS) && (c->flags & TCPF_TIMESTAMPS))
        rtt_sample_echo(t, c, o->ts_ecr, now);
    w->retries = 0;
    r->acked = n;
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

bool ack_process(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, const struct wire_tcp_options *o,
                 int64_t now)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!acceptable(t, c, w, s, now))
        return false;
    uint32_t old_window = c->snd_wnd;
    bool newer = seq_ge(s->h.ack, c->snd_una) && window_is_newer(w, s);
    if (newer)
        ack_update_window(t, c, w, s, now);
    if (!w || seq_eq(c->snd_una, c->snd_nxt))
        return true;
    struct recovery_ack r = {.flight_size = seq_len(c->snd_una, c->snd_nxt)};
    struct sack_result sacked = {.rtt_from = TIME_NEVER};
    if ((o->present & TCP_OPT_SACK) && (c->flags & TCPF_SACK))
        sack_apply(t, c, w, o, seq_max(s->h.ack, c->snd_una), &sacked);
    r.sacked = sacked.newly;
    if (seq_gt(s->h.ack, c->snd_una)) {
        if (!advance(t, c, w, s->h.ack, o, &r, now))
            return false;
    } else if (is_duplicate(c, s, old_window == c->snd_wnd)) {
        t->counters.dup_acks_received++;
        if (sacked.rtt_from != TIME_NEVER)
            rtt_sample(c, now - sacked.rtt_from);
        r.duplicate = !(c->flags & TCPF_SACK) || sacked.newly > 0; /* RFC 6675 section 2 */
    }
    if (r.acked > 0 || r.duplicate || r.sacked > 0)
        recovery_ack_arrived(t, c, w, &r, now);
    if (w->lost > 0 || tcp_promised_offset(t, c) != c->acked || (c->flags & TCPF_CLOSE))
        tcp_mark(t, c, w);
    return true;
}
