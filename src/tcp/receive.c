/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: see receive.h.
 */
#include "tcp/receive.h"

#include "tcp/ack.h"
#include "tcp/ecn.h"
#include "tcp/reassembly.h"
#include "tcp/timers.h"

/* Hands in-order bytes up. False: the connection ended meanwhile. */
static bool deliver(struct tcp_layer *t, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    c->rcv_nxt = seq_add(c->rcv_nxt, length);
    c->received += length;
    c->unconsumed += length;
    t->counters.bytes_received += length;
    tcp_got_further(t, c, now);
    u->calls->received(u->context, c, bytes, length, now);
    return !(c->flags & TCPF_DEAD);
}

const uint8_t *receive_piece(const struct tcp_segment *s, uint32_t offset, uint32_t *length)
{
    const struct packet *p = s->packet;
    uint32_t head = (uint32_t)(p->data + p->len - s->payload);
    offset += s->skip;
    if (likely(offset < head)) {
        *length = head - offset;
        return s->payload + offset;
    }
    const struct packet_frag *f = p->frags;
    for (offset -= head; offset >= f->length; f++)
        offset -= f->length;
    assert(f < p->frags + p->nfrags);
    *length = f->length - offset;
    return f->bytes + offset;
}

/* Do the bytes end the frame, all of which lies in one piece, and has nobody kept it? */
static bool ends_frame(const struct packet *p, const uint8_t *end)
{
    return p->nfrags == 0 && !p->held && end == p->data + p->len;
}

/* Hands up n bytes of the payload, piece by piece. False: the connection ended meanwhile. */
static bool deliver_payload(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, uint32_t offset,
                            uint32_t n, int64_t now)
{
    for (uint32_t length; n > 0; offset += length, n -= length) {
        const uint8_t *bytes = receive_piece(s, offset, &length);
        length = min_u32(length, n);
        t->arriving = ends_frame(s->packet, bytes + length) ? s->packet : NULL;
        bool alive = deliver(t, c, bytes, length, now);
        t->arriving = NULL;
        if (!alive)
            return false;
    }
    return true;
}

struct packet *tcp_received_packet(const struct tcp_layer *t) { return t->arriving; }

/*
 * With ack_push_waits: while the user answers each PSH segment with data the next one's ACK waits for its answer. Elsewhere
 * it goes at once: a peer with Nagle's algorithm may wait for it.
 */
static bool ack_waits(struct tcp *c, const struct tcp_profile *p)
{
    c->answers = c->answers && !c->asked;
    c->asked = 1;
    return p->ack_push_waits && c->answers;
}

/* RFC 5681 4.2: at least every second segment is acknowledged at once. */
static void owe_ack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    w->segments_unacked = (uint8_t)min_u32(w->segments_unacked + receive_count(s), UINT8_MAX);
    bool pushed = p->ack_push && (s->h.flags & TCP_PSH);
    bool waits = pushed && ack_waits(c, p);
    if (w->segments_unacked >= 2 || c->received < p->quick_ack_bytes || (pushed && !waits))
        w->want |= WANT_ACK;
    else
        w->want |= waits ? WANT_DELAYED_ACK | WANT_PUSHED_ACK : WANT_DELAYED_ACK;
    tcp_mark(t, c, w);
}

/* One for each of n segments that came together; but only one when SACK tells the rest. */
static void owe_duplicate_acks(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t n)
{
    w->acks_owed = (uint8_t)min_u32(w->acks_owed + (c->flags & TCPF_SACK ? 1 : n), UINT8_MAX);
    tcp_mark(t, c, w);
}

/*
 * One old byte and no FIN: the keep-alive probe of old (RFC 9293 3.8.4). Its answers are limited as challenge ACKs are;
 * all other duplicates are answered one by one, because their sender may be waiting for a lost ACK or count them (RFC
 * 2883).
 */
static bool is_garbage_probe(const struct tcp *c, const struct tcp_segment *s)
{
    return s->payload_len == 1 && !(s->h.flags & (TCP_SYN | TCP_FIN)) && seq_lt(s->h.seq, c->rcv_nxt);
}

void receive_duplicate(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now)
{
    struct seq end = seq_add(s->h.seq, s->payload_len);
    t->counters.duplicate_segments += receive_count(s);
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
    owe_duplicate_acks(t, c, w, receive_count(s));
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

void tcp_release_packet(struct tcp_layer *t, struct packet *p) { release_later(t, p); }

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
    while (w->ooo && seq_le(reassembly_start(w->ooo), c->rcv_nxt)) {
        struct packet *p = reassembly_pop(t, w);
        uint32_t skip = seq_len(reassembly_start(p), c->rcv_nxt);
        bool alive = skip >= p->len || deliver(t, c, p->data + skip, p->len - skip, now);
        release_later(t, p);
        if (!alive)
            return false;
    }
    return true;
}

static void hold(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s)
{
    w->ooo_latest = s->h.seq;
    if (reassembly_hold(t, c, w, s))
        return;
    t->counters.duplicate_segments += receive_count(s);
    if (c->flags & TCPF_SACK) {
        w->dsack_left = s->h.seq;
        w->dsack_right = seq_add(s->h.seq, s->payload_len);
    }
}

static void receive_out_of_order(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s)
{
    struct tcp_work *w = tcp_attach(t, c);
    uint32_t segments = receive_count(s); /* a frame that is held says it no more */
    t->counters.out_of_order_segments += segments;
    if (!w)
        return;
    if (s->h.flags & TCP_FIN) {
        w->ooo_fin = true;
        w->fin_seq = seq_add(s->h.seq, s->payload_len);
    }
    if (s->payload_len > 0)
        hold(t, c, w, s);
    owe_duplicate_acks(t, c, w, segments);
}

/*
 * The segment, which begins at rcv_nxt, and what was held; held bytes go before those that the segment has in their
 * place. False: the connection ended.
 */
static bool deliver_in_order(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                             int64_t now)
{
    struct seq end = seq_add(s->h.seq, s->payload_len);
    while (seq_lt(c->rcv_nxt, end)) {
        struct seq until = w->ooo ? seq_min(end, reassembly_start(w->ooo)) : end;
        uint32_t offset = seq_len(s->h.seq, c->rcv_nxt);
        if (!deliver_payload(t, c, s, offset, seq_len(c->rcv_nxt, until), now) || !drain_out_of_order(t, c, w, now))
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
    bool news = ecn_data_arrived(t, c, s);
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
        if (w->ooo || unlikely(news))
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
    while (w->ooo)
        release_later(t, reassembly_pop(t, w));
}
