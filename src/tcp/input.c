/* SPDX-License-Identifier: MIT */
/*
 * Segments that arrive: RFC 9293 3.10.7, one function per numbered step, with RFC 5961 (blind attacks) and RFC 7323
 * (timestamps, PAWS). Steps return false when the segment needs no further processing.
 */
#include "tcp/input.h"

#include "tcp/ack.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/fast.h"
#include "tcp/plpmtud.h"
#include "tcp/rack.h"
#include "tcp/receive.h"
#include "tcp/reclaim.h"
#include "tcp/rtt.h"
#include "tcp/segment.h"
#include "tcp/sent.h"
#include "tcp/timers.h"
#include "tcp/urgent.h"

#define PAWS_IDLE_MS (24u * 24 * 3600 * 1000) /* RFC 7323 section 5.5 */
#define DEFAULT_PEER_MSS 536u                 /* RFC 9293 3.7.1, MUST-15 */

static void negotiate(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct wire_tcp_options *o)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    uint32_t peer = o->present & TCP_OPT_MSS ? o->mss : DEFAULT_PEER_MSS;
    if (p->mss) /* what we announce bounds what we send, as Linux's TCP_MAXSEG does */
        peer = min_u32(peer, p->mss);
    uint32_t mss = min_u32(max_u32(peer, p->min_mss), c->snd_mss);
    if (p->timestamps && (o->present & TCP_OPT_TIMESTAMPS)) {
        c->flags |= TCPF_TIMESTAMPS;
        c->ts_recent = o->ts_val;
        mss -= 12; /* min_mss leaves room */
    }
    c->snd_mss = (uint16_t)mss;
    if (p->sack && (o->present & TCP_OPT_SACK_PERMITTED))
        c->flags |= TCPF_SACK;
    w->peer_wscale = p->window_scaling && (o->present & TCP_OPT_WSCALE);
    c->send_wscale = w->peer_wscale ? (uint8_t)min_u32(o->wscale, TCP_MAX_WINDOW_SCALE) & 15u : 0;
    if (!w->peer_wscale)
        c->receive_wscale = 0;
}

void input_take_syn(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                    const struct wire_tcp_options *o, int64_t now)
{
    c->rcv_nxt = seq_add(s->h.seq, 1);
    c->rcv_adv = seq_max(seq_add(c->rcv_nxt, min_u32(tcp_profile_of(t, c)->receive_buffer, 65535)), c->rcv_nxt);
    c->heard_ms = tcp_ms(now);
    w->last_ack_sent = c->rcv_nxt;
    negotiate(t, c, w, o);
    ecn_take_syn(t, c, w, s->h.flags);
    ack_update_window(t, c, w, s, now);
}

/* The handshake is complete on our side: our SYN is acknowledged. */
static void establish(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    bool repeated = w->retries > 0;
    if (repeated) {
        rtt_after_lost_syn(c);
    } else if (w->stalled_since != TIME_NEVER && w->dup_acks == 0) { /* since when; not known of a cookie. Karn */
        rtt_sample(c, now - w->stalled_since);
        rack_measured(w, now - w->stalled_since, now);
    }
    c->snd_una = c->snd_nxt;
    tcp_got_further(t, c, now);
    sent_init(w, c->snd_nxt);
    w->recover = seq_sub(c->snd_nxt, 1);
    w->retries = w->dup_acks = 0;
    w->retransmit_at = TIME_NEVER;
    w->want &= (uint8_t)~WANT_SYN;
    if (w->listener) {
        ((struct tcp_listener *)pool_at(&t->listeners, w->listener))->embryos--;
        w->listener = POOL_NONE;
    }
    congestion_of(&u->profile)->start(&u->profile, c);
    plpmtud_begin(t, c, w, now);
    if (repeated && congestion_of(&u->profile)->adapts)
        c->cwnd = c->snd_mss; /* RFC 5681 section 3.1: a SYN was lost */
    tcp_set_state(t, c, TCP_ESTABLISHED, now, "handshake complete");
    timers_established(t, c, now);
    t->counters.ecn_agreed += (c->ecn & ECN_ON) != 0;
    tcp_mark(t, c, w);
    if (u->calls->connected)
        u->calls->connected(u->context, c, now);
}

/* Cuts the segment to the window: what was received already, and what lies beyond. */
static void trim(struct tcp *c, struct tcp_segment *s, uint32_t window)
{
    if (seq_lt(s->h.seq, c->rcv_nxt)) {
        uint32_t old = min_u32(seq_len(s->h.seq, c->rcv_nxt), s->payload_len);
        s->skip += old;
        s->payload_len -= old;
        s->h.seq = seq_add(s->h.seq, old);
    }
    uint32_t offset = seq_len(c->rcv_nxt, s->h.seq);
    if (offset + s->payload_len > window) {
        s->payload_len = window > offset ? window - offset : 0;
        s->h.flags &= (uint16_t)~TCP_FIN;
    }
}

/* ---- SYN-SENT: 3.10.7.3 ---- */

static bool syn_sent_ack(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    if (!(s->h.flags & TCP_ACK))
        return true;
    if (seq_gt(s->h.ack, c->snd_una) && seq_le(s->h.ack, c->snd_nxt))
        return true;
    t->counters.drop_bad_ack++;
    segment_reply_reset(t, s, now);
    return false;
}

static bool syn_sent_rst(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    if (!(s->h.flags & TCP_RST))
        return true;
    if (s->h.flags & TCP_ACK) {
        t->counters.resets_received++;
        t->counters.refused++;
        tcp_finish(t, c, TCP_CLOSE_REFUSED, now);
    } else {
        t->counters.drop_old_rst++;
    }
    return false;
}

static void syn_sent_syn(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, const struct wire_tcp_options *o,
                         int64_t now)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!(s->h.flags & TCP_SYN)) {
        t->counters.drop_bad_flags++;
        return;
    }
    input_take_syn(t, c, w, s, o, now);
    if (!(s->h.flags & TCP_ACK)) { /* simultaneous open */
        tcp_set_state(t, c, TCP_SYN_RCVD, now, "simultaneous SYN");
        w->want |= WANT_SYN;
        tcp_mark(t, c, w);
        return;
    }
    w->want |= WANT_ACK;
    establish(t, c, w, now);
    if (c->flags & TCPF_DEAD)
        return;
    s->h.seq = seq_add(s->h.seq, 1);
    trim(c, s, seq_len(c->rcv_nxt, c->rcv_adv));
    receive_payload(t, c, s, now);
}

static void segment_in_syn_sent(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s,
                                const struct wire_tcp_options *o, int64_t now)
{
    if (syn_sent_ack(t, c, s, now) && syn_sent_rst(t, c, s, now))
        syn_sent_syn(t, c, s, o, now);
}

/* ---- all other states: 3.10.7.4 ---- */

/* RFC 7323 section 5.3 R1: an old timestamp. */
static bool paws_rejects(const struct tcp *c, const struct wire_tcp_options *o, int64_t now)
{
    if ((int32_t)(o->ts_val - c->ts_recent) >= 0)
        return false;
    return tcp_ms(now) - c->heard_ms < PAWS_IDLE_MS;
}

static bool check_timestamp(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s,
                            const struct wire_tcp_options *o, int64_t now)
{
    if (!(c->flags & TCPF_TIMESTAMPS) || (s->h.flags & TCP_RST))
        return true;
    if (!(o->present & TCP_OPT_TIMESTAMPS)) { /* RFC 7323 section 3.2 */
        t->counters.drop_no_timestamp++;
        return false;
    }
    if (!paws_rejects(c, o, now))
        return true;
    t->counters.drop_paws++;
    if (s->payload_len > 0)
        receive_duplicate(t, c, s, now);
    else
        ack_challenge(t, c, now);
    return false;
}

/* RFC 7323 section 4.3 (2): is its timestamp that of the segment that the last ACK stands for? */
static bool brings_timestamp(const struct tcp_layer *t, const struct tcp *c, struct seq seq,
                             const struct wire_tcp_options *o)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    struct seq last_ack = w ? w->last_ack_sent : c->rcv_nxt;
    return (o->present & TCP_OPT_TIMESTAMPS) && (c->flags & TCPF_TIMESTAMPS) && seq_le(seq, last_ack);
}

/* In SYN-RECEIVED the peer's SYN again: ours was lost. Its SYN-ACK in a simultaneous open: goes on as a bare ACK. */
static bool repeated_syn(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s)
{
    if (c->state != TCP_SYN_RCVD || !(s->h.flags & TCP_SYN) || !seq_eq(seq_add(s->h.seq, 1), c->rcv_nxt))
        return true;
    if (s->h.flags & TCP_ACK) {
        s->h.flags &= (uint16_t)~TCP_SYN;
        s->h.seq = c->rcv_nxt;
        s->h.window = (uint16_t)(s->h.window >> c->send_wscale); /* not scaled in a SYN: RFC 7323 section 2.2 */
        if (!(s->h.flags & TCP_ECE))
            c->ecn = 0;
        return true;
    }
    struct tcp_work *w = tcp_work_of(t, c);
    w->want |= WANT_SYN;
    w->dup_acks = (uint8_t)min_u32(w->dup_acks + 1u, UINT8_MAX);
    tcp_mark(t, c, w);
    t->counters.duplicate_segments++;
    if (!ecn_setup_syn(s->h.flags)) /* the peer gave up asking for it */
        c->ecn = 0;
    return false;
}

/* First step: is it in the window? Trims what is outside. */
static bool check_sequence(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now)
{
    uint32_t window = seq_gt(c->rcv_adv, c->rcv_nxt) ? seq_len(c->rcv_nxt, c->rcv_adv) : 0;
    uint32_t length = s->payload_len + !!(s->h.flags & TCP_SYN) + !!(s->h.flags & TCP_FIN);
    struct seq end = seq_add(s->h.seq, length);
    bool starts_inside = seq_in_window(s->h.seq, c->rcv_nxt, window) || (window == 0 && seq_eq(s->h.seq, c->rcv_nxt));
    bool ends_inside = length > 0 && seq_gt(end, c->rcv_nxt) && seq_le(s->h.seq, c->rcv_nxt);
    if (unlikely(s->h.flags & TCP_RST)) { /* RFC 5961 section 3.2: SEG.SEQ itself decides, whatever payload follows */
        t->counters.drop_old_rst += !starts_inside;
        return starts_inside;
    }
    /* With a shut window, data is not acceptable, but its ACK is worth having; the data falls to trim(). */
    if (likely(starts_inside || ends_inside)) {
        bool cut = window == 0 && s->payload_len > 0;
        trim(c, s, window);
        if (cut)
            receive_duplicate(t, c, s, now);
        return true;
    }
    if (length > 0 && seq_le(end, c->rcv_nxt)) {
        receive_duplicate(t, c, s, now);
    } else {
        t->counters.drop_out_of_window++;
        ack_challenge(t, c, now);
    }
    return false;
}

/* Second step: RST, by RFC 5961 section 3.2. */
static bool check_reset(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    if (!(s->h.flags & TCP_RST))
        return true;
    if (c->state == TCP_TIME_WAIT) { /* RFC 1337 */
        t->counters.drop_time_wait++;
        return false;
    }
    if (!seq_eq(s->h.seq, c->rcv_nxt)) {
        ack_challenge(t, c, now);
        return false;
    }
    t->counters.resets_received++;
    bool refused = c->state == TCP_SYN_RCVD && !(c->flags & TCPF_PASSIVE);
    t->counters.refused += refused;
    tcp_finish(t, c, refused ? TCP_CLOSE_REFUSED : TCP_CLOSE_RESET, now);
    return false;
}

/* Fourth step: a SYN in the window, by RFC 5961 section 4.2. */
static bool check_syn(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    if (!(s->h.flags & TCP_SYN))
        return true;
    t->counters.drop_bad_flags++;
    ack_challenge(t, c, now);
    return false;
}

/* Fifth step. */
static bool check_ack(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, const struct wire_tcp_options *o,
                      int64_t now)
{
    if (!(s->h.flags & TCP_ACK)) {
        t->counters.drop_no_ack_flag++;
        return false;
    }
    if (c->state == TCP_SYN_RCVD) {
        if (!seq_eq(s->h.ack, c->snd_nxt) || !seq_gt(s->h.ack, c->snd_una)) {
            t->counters.drop_bad_ack++;
            segment_reply_reset(t, s, now);
            return false;
        }
        if ((c->flags & TCPF_PASSIVE) && tcp_accept_full(t, c->user))
            return false; /* its SYN-ACK goes again, and so the ACK */
        struct tcp_work *w = tcp_work_of(t, c);
        ack_update_window(t, c, w, s, now);
        establish(t, c, w, now);
        return !(c->flags & TCPF_DEAD);
    }
    return ack_process(t, c, s, o, now);
}

static void heard(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!w)
        congestion_restart_after_idle(t, c, now);
    c->heard_ms = tcp_ms(now);
    if (w && w->keepalive) {
        w->keepalive = false;
        w->retries = 0;
    }
}

static void segment_in_other_states(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s,
                                    const struct wire_tcp_options *o, int64_t now)
{
    struct seq seq = s->h.seq; /* before it is trimmed */
    if (!check_timestamp(t, c, s, o, now) || !repeated_syn(t, c, s) || !check_sequence(t, c, s, now) ||
        !check_reset(t, c, s, now) || !check_syn(t, c, s, now))
        return;
    bool remember = brings_timestamp(t, c, seq, o);
    heard(t, c, now);
    if (!check_ack(t, c, s, o, now))
        return;
    if (remember) /* only now: a blind segment with a bad ACK shall not make all others look old */
        c->ts_recent = o->ts_val;
    if (s->h.flags & TCP_URG) /* sixth */
        urgent_arrived(t, c, s, seq, now);
    if (!(c->flags & TCPF_DEAD))
        receive_payload(t, c, s, now); /* seventh and eighth */
}

bool input_parse_options(struct tcp_layer *t, const struct tcp_segment *s, struct wire_tcp_options *o)
{
    wire_tcp_options_parse(s->options, s->h.header_len - WIRE_TCP_MIN, o);
    if (likely(!(o->present & (TCP_OPT_MD5 | TCP_OPT_AO))))
        return true;
    t->counters.drop_signature++;
    return false;
}

static void the_long_way(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now)
{
    struct wire_tcp_options o;
    if (!input_parse_options(t, s, &o))
        return;
    if (c->state == TCP_SYN_SENT)
        segment_in_syn_sent(t, c, s, &o, now);
    else
        segment_in_other_states(t, c, s, &o, now);
}

void tcp_segment_arrives(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now)
{
    bool done = t->settings.fast_path && fast_segment(t, c, s, now);
    if (!done && !(c->flags & TCPF_DEAD))
        the_long_way(t, c, s, now);
    if (s->payload_len == 0) /* which leaves nothing to be marked when all was acknowledged */
        tcp_park_if_idle(t, c);
}

/* ---- bursts ---- */

static void without_connection(struct tcp_layer *t, struct tcp_segment *s, int64_t now)
{
    struct tcp_listener *l = tcp_find_listener(t, &s->key);
    if (l) {
        tcp_listen_input(t, l, s, now);
        return;
    }
    t->counters.drop_no_connection++; /* 3.10.7.1 */
    segment_reply_reset(t, s, now);
}

static void dispatch(struct tcp_layer *t, struct tcp_segment *s, int64_t now)
{
    struct tcp_timewait *tw = NULL;
    t->counters.segments_received += receive_count(s);
    struct tcp *c = tcp_lookup(t, &s->key, s->hash, &tw);
    if (c)
        tcp_segment_arrives(t, c, s, now);
    else if (!tw || !tcp_timewait_input(t, tw, s, now))
        without_connection(t, s, now);
}

void tcp_input(struct tcp_layer *t, struct tcp_segment *segments, unsigned n, int64_t now)
{
    for (unsigned i = 0; i < n; i++)
        table_prefetch(&t->table, segments[i].hash);
    for (unsigned i = 0; i < n; i++) {
        uint32_t at = segments[i].hash;
        uint32_t index = table_next(&t->table, segments[i].hash, &at);
        if (index != 0 && !(index & TCP_TIME_WAIT_BIT)) {
            prefetch_write(tcp_at(t, index));
            prefetch_write((const uint8_t *)tcp_at(t, index) + CACHE_LINE);
        }
    }
    for (unsigned i = 0; i < n; i++)
        dispatch(t, &segments[i], now);
    if (unlikely(t->pressure > 0))
        reclaim_stalled(t, now);
    tcp_bury_dead(t);
}
