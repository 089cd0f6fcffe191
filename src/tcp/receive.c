/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: see receive.h.
 */
#include "tcp/receive.h"

#include "tcp/ack.h"
#include "tcp/segment.h"
#include "tcp/timers.h"

/* Hands in-order bytes up. False: the connection ended meanwhile. */
static bool deliver(struct tcp_layer *t, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    c->rcv_nxt = seq_add(c->rcv_nxt, length);
    c->received += length;
    c->unconsumed += length;
    t->counters.bytes_received += length;
    u->calls->received(u->context, c, bytes, length, now);
    return !(c->flags & TCPF_DEAD);
}

/* RFC 5681 4.2: at least every second segment is acknowledged at once. */
static void owe_ack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    bool now = ++w->segments_unacked >= 2 || p->quick_ack || (p->ack_push && (s->h.flags & TCP_PSH));
    w->want |= now ? WANT_ACK : WANT_DELAYED_ACK;
    tcp_mark(t, c, w);
}

static void owe_duplicate_ack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->acks_owed < UINT8_MAX)
        w->acks_owed++;
    tcp_mark(t, c, w);
}

/*
 * One old byte and no FIN: the keep-alive probe of old (RFC 9293 3.8.4). Its answers are limited as challenge ACKs are; all other duplicates are
 * answered one by one, because their sender may be waiting for a lost ACK or count them (RFC 2883).
 */
static bool is_garbage_probe(const struct tcp *c, const struct tcp_segment *s)
{
    return s->payload_len == 1 && !(s->h.flags & (TCP_SYN | TCP_FIN)) && seq_lt(s->h.seq, c->rcv_nxt);
}

void receive_duplicate(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    struct seq end = seq_add(s->h.seq, s->payload_len);
    t->counters.duplicate_segments++;
    if (is_garbage_probe(c, s)) {
        ack_challenge(t, c, now);
        return;
    }
    struct tcp_work *w = tcp_attach(t, c);
    if (!w)
        return;
    if (s->payload_len > 0 && (c->flags & TCPF_SACK) && seq_lt(s->h.seq, c->rcv_nxt)) {
        w->dsack_left = s->h.seq;
        w->dsack_right = seq_min(end, c->rcv_nxt);
    }
    owe_duplicate_ack(t, c, w);
}

static enum tcp_state state_after_fin(unsigned state)
{
    if (state == TCP_FIN_WAIT_2)
        return TCP_TIME_WAIT;
    return state == TCP_FIN_WAIT_1 ? TCP_CLOSING : TCP_CLOSE_WAIT;
}

/* RFC 9293 3.10.7.4 eighth step; rcv_nxt stands at the FIN. */
static void take_fin(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    struct tcp_work *w = tcp_attach(t, c);
    if (w) {
        w->ooo_fin = false;
        t->counters.drop_after_close += w->ooo_frames; /* data beyond the FIN */
        receive_release(t, w);
        w->want |= WANT_ACK;
        tcp_mark(t, c, w);
    }
    c->rcv_nxt = seq_add(c->rcv_nxt, 1);
    c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
    tcp_set_state(t, c, state_after_fin(c->state), now, "FIN received");
    if (c->state == TCP_TIME_WAIT && w)
        w->fin_wait_at = TIME_NEVER; /* ends when output has acknowledged the FIN */
    u->calls->received(u->context, c, NULL, 0, now);
    if (c->state == TCP_TIME_WAIT && !w && !(c->flags & TCPF_DEAD))
        tcp_timewait_finish(t, c, now);
}

/* A frame may be part of the burst that is being processed: it is released when that is over. */
static void release_later(struct tcp_layer *t, struct packet *p)
{
    p->next = t->to_release;
    t->to_release = p;
}

void receive_release_drained(struct tcp_layer *t)
{
    while (t->to_release) {
        struct packet *p = t->to_release;
        t->to_release = p->next;
        packet_release(p);
    }
}

/* Hands up what has become in order. False: the connection ended. */
static bool drain_out_of_order(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    struct packet *p;
    while ((p = w->ooo) && seq_le(ooo_start(p), c->rcv_nxt)) {
        uint32_t skip = seq_len(ooo_start(p), c->rcv_nxt);
        w->ooo = p->next;
        w->ooo_frames--;
        w->ooo_bytes -= p->len;
        t->ooo_frames--;
        bool alive = skip >= p->len || deliver(t, c, p->data + skip, p->len - skip, now);
        release_later(t, p);
        if (!alive)
            return false;
    }
    return true;
}

/*
 * The first part of [*start, *end) that is not held yet, and the link where it belongs. Bytes held already stay as they are. False: nothing is new.
 */
static bool find_gap(struct tcp_work *w, struct seq *start, struct seq *end, struct packet ***at)
{
    struct packet **link = &w->ooo;
    for (; *link && seq_le(ooo_start(*link), *start); link = &(*link)->next)
        *start = seq_max(*start, ooo_end(*link));
    if (*link)
        *end = seq_min(*end, ooo_start(*link));
    *at = link;
    return seq_lt(*start, *end);
}

/* The frame itself, or a copy of n bytes of it when more of it is wanted. NULL when there is no room. */
static struct packet *keep_part(struct tcp_layer *t, struct packet *frame, uint32_t from, uint32_t n, bool more)
{
    struct packet *p;
    if (t->ooo_frames >= t->settings.max_out_of_order_frames)
        return NULL;
    if (!more)
        return packet_keep(frame, from, n, &t->ooo_pool);
    if (n > t->ooo_pool.buffer_bytes - PACKET_HEADROOM || packet_pool_get(&t->ooo_pool, &p, 1) == 0)
        return NULL;
    memcpy(p->data, frame->data + from, n);
    p->len = n;
    return p;
}

/* Puts [start, end) of the segment into the queue at *link. False: no room. */
static bool hold_part(struct tcp_layer *t, struct tcp_work *w, const struct tcp_segment *s, struct seq start,
                      struct seq end, struct packet **link)
{
    uint32_t from = (uint32_t)(s->payload - s->packet->data) + seq_len(s->h.seq, start);
    bool more = seq_lt(end, seq_add(s->h.seq, s->payload_len));
    struct packet *p = keep_part(t, s->packet, from, seq_len(start, end), more);
    if (!p) {
        t->counters.drop_ooo_full++;
        return false;
    }
    p->holder_word = start.v;
    p->next = *link;
    *link = p;
    w->ooo_frames++;
    w->ooo_bytes += p->len;
    t->ooo_frames++;
    w->ooo_latest = start;
    return true;
}

static void hold(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s)
{
    struct seq start = s->h.seq, stop = seq_add(s->h.seq, s->payload_len), end = stop;
    struct packet **link;
    bool found = false;
    w->ooo_latest = start;
    for (; find_gap(w, &start, &end, &link); start = end, end = stop) {
        found = true;
        if (!hold_part(t, w, s, start, end, link))
            return;
    }
    if (found)
        return;
    t->counters.duplicate_segments++;
    if (c->flags & TCPF_SACK) {
        w->dsack_left = s->h.seq;
        w->dsack_right = stop;
    }
}

static void receive_out_of_order(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s)
{
    struct tcp_work *w = tcp_attach(t, c);
    t->counters.out_of_order_segments++;
    if (!w)
        return;
    if (s->h.flags & TCP_FIN) {
        w->ooo_fin = true;
        w->fin_seq = seq_add(s->h.seq, s->payload_len);
    }
    if (s->payload_len > 0)
        hold(t, c, w, s);
    owe_duplicate_ack(t, c, w);
}

/* The segment, which begins at rcv_nxt, and what was held; held bytes go before those that the segment has in their place. False: the connection ended. */
static bool deliver_in_order(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                             int64_t now)
{
    struct seq end = seq_add(s->h.seq, s->payload_len);
    while (seq_lt(c->rcv_nxt, end)) {
        const uint8_t *bytes = s->payload + seq_len(s->h.seq, c->rcv_nxt);
        struct seq until = w->ooo ? seq_min(end, ooo_start(w->ooo)) : end;
        if (!deliver(t, c, bytes, seq_len(c->rcv_nxt, until), now) || !drain_out_of_order(t, c, w, now))
            return false;
    }
    return true;
}

void receive_payload(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now)
{
    bool fin = (s->h.flags & TCP_FIN) != 0;
    if (s->payload_len == 0 && !fin)
        return;
    if (!state_receives(c->state)) {
        t->counters.drop_after_close += s->payload_len > 0;
        return;
    }
    if (!seq_eq(s->h.seq, c->rcv_nxt)) {
        receive_out_of_order(t, c, s);
        return;
    }
    struct tcp_work *w = tcp_attach(t, c);
    if (!w)
        return; /* no memory to owe an ACK with: the peer sends it again */
    if (c->state == TCP_FIN_WAIT_2)
        timers_fin_wait_2(t, c, w, now);
    if (s->payload_len > 0) {
        owe_ack(t, c, w, s);
        if (w->ooo)
            w->want |= WANT_ACK; /* RFC 5681 4.2: a segment that fills a gap is acknowledged at once */
        if (!deliver_in_order(t, c, w, s, now))
            return;
    }
    if (fin || (w->ooo_fin && seq_eq(w->fin_seq, c->rcv_nxt)))
        take_fin(t, c, now);
    else if (w->ooo_fin && seq_lt(w->fin_seq, c->rcv_nxt))
        w->ooo_fin = false; /* the peer sent more in its place */
}

void receive_release(struct tcp_layer *t, struct tcp_work *w)
{
    for (struct packet *p = w->ooo, *next; p; p = next) {
        next = p->next;
        release_later(t, p);
        t->ooo_frames--;
    }
    w->ooo = NULL;
    w->ooo_frames = w->ooo_bytes = 0;
}
