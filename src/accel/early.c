/* SPDX-License-Identifier: MIT */
/*
 * Data that a client sent before the server had answered: taken, acknowledged in the server's name (hold.c says when),
 * and sent to the server until it acknowledges. The client may send no more than goes out at once when the server is
 * there, so that nothing later overtakes it. A sender with what RFC 9293, 5681 and 6298 ask of one that has so little to
 * send: slow start, three duplicate acknowledgements, a timer that backs off.
 */
#include "accel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define LEAST_VARIANCE (300 * NS_PER_MS) /* a server may acknowledge 200 ms later: RFC 9293 3.8.6.3 */
#define MOST_RTO (60 * NS_PER_S)
#define EARLY_TRIES 8u
#define OPENING_KEPT (64 * NS_PER_S) /* a server sends its SYN-ACK again for about that long */

static struct seq first_byte(const struct accel_flow *f) { return seq_add(f->client_isn, 1); }
uint32_t accel_early_bytes(const struct accel_flow *f, const struct accel_opening *o)
{
    return seq_len(first_byte(f), o->early_end) - o->fin;
}

bool accel_early_pending(const struct accel_opening *o) { return seq_lt(o->una, o->early_end); }

void accel_opening_end(struct accel *a, struct accel_flow *f)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (!o)
        return;
    if (seq_lt(o->una, o->acked))
        ACCEL_COUNT(a, early_undelivered);
    if (a->settings.role == ACCEL_NEAR)
        f->early_bytes = (uint16_t)accel_early_bytes(f, o);
    if (o->buffer != POOL_NONE)
        pool_put(&a->buffers, o->buffer);
    accel_far_drop_waiting(o);
    const uint32_t i = f->opening;
    f->opening = POOL_NONE;
    atomic_signal_fence(memory_order_seq_cst); /* store.h */
    pool_put(&a->openings, i);
}

/* ---- from the client ---- */

uint16_t accel_early_window(const struct accel_flow *f)
{
    return (uint16_t)min_u32(ACCEL_EARLY_SEGMENTS * f->told.mss, ACCEL_EARLY_BYTES);
}

/* The bytes of a segment behind what is there already, as many as fit. False: there is no buffer. */
static bool take_bytes(struct accel *a, struct accel_flow *f, struct accel_opening *o, const struct accel_arrival *v)
{
    const uint32_t skip = seq_len(v->tcp.seq, o->early_end), held = accel_early_bytes(f, o);
    const uint32_t taken = min_u32(v->payload_length - skip, accel_early_window(f) - held);
    if (taken == 0)
        return true;
    if (o->buffer == POOL_NONE && (o->buffer = pool_get(&a->buffers)) == POOL_NONE) {
        ACCEL_COUNT(a, drop_no_buffer);
        return false;
    }
    memcpy((uint8_t *)pool_at(&a->buffers, o->buffer) + held, v->payload + skip, taken);
    o->early_end = seq_add(o->early_end, taken);
    a->counters.early_bytes += taken;
    return true;
}

static void take_fin(struct accel_flow *f, struct accel_opening *o, bool fin)
{
    if (!fin)
        return;
    o->fin = true;
    o->early_end = seq_add(o->early_end, 1);
    f->client_fin = o->early_end;
    f->flags |= ACCEL_CLIENT_FIN;
}

void accel_early_take(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    const bool fin = v->tcp.flags & TCP_FIN;
    const struct seq end = seq_add(v->tcp.seq, v->payload_length), was = o->early_end;
    if (v->payload_length == 0 && !fin) {
        if (seq_lt(v->tcp.seq, o->acked))
            accel_hold_tell(a, f, v->now); /* a window probe: RFC 9293 3.10.7.4 */
        return;
    }
    if (seq_le(seq_add(end, fin), o->early_end)) {
        accel_hold_repeated(a, f, v->now);
    } else if (o->fin || seq_gt(v->tcp.seq, o->early_end) || v->tcp.flags & TCP_URG || v->segment.packet->nfrags) {
        ACCEL_COUNT(a, drop_out_of_order);
        accel_hold_tell(a, f, v->now);
    } else if (take_bytes(a, f, o, v)) {
        take_fin(f, o, fin && seq_eq(end, o->early_end));
        f->client_end = seq_max(f->client_end, o->early_end);
        if (seq_eq(o->early_end, was))
            accel_hold_tell(a, f, v->now); /* nothing more fits */
        else
            accel_hold_segment(f, o, v->tcp.header_len - WIRE_TCP_MIN + v->payload_length < f->told.mss, v->now);
    }
}

/* ---- to the server ---- */

/* The client's latest window, as the server reads it. */
static uint16_t window_to_server(const struct accel_flow *f, const struct accel_opening *o)
{
    const unsigned from = accel_told(f, TCP_OPT_WSCALE) ? f->client_wscale : 0;
    const unsigned to = accel_said(f, TCP_OPT_WSCALE) ? f->client_wscale : 0;
    const uint64_t window = (uint64_t)o->client_window << from >> to;
    return (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
}

static uint32_t segment_bytes(const struct accel *a, const struct accel_flow *f)
{
    const uint32_t mark = accel_opening_of(a, f)->ahead ? ACCEL_MARK_BYTES : 0;
    const uint32_t options = mark + (accel_said(f, TCP_OPT_TIMESTAMPS) ? 12 : 0);
    const uint32_t ip = ip_addr_is_v4(&f->key.server) ? WIRE_IPV4_MIN : WIRE_IPV6_LEN;
    const uint32_t most = a->links[ACCEL_SERVERS]->mtu - ip - WIRE_TCP_MIN;
    return max_u32(min_u32(f->said.mss, most), options + 8) - options;
}

/* Up to n bytes from `from` on, and the FIN behind the last; returns where that ends. */
static struct seq send_piece(struct accel *a, struct accel_flow *f, struct accel_opening *o, struct seq from,
                             uint32_t n, int64_t now)
{
    struct wire_tcp_options options;
    struct accel_pairing pairing;
    accel_options_to_server(f, &options, now);
    if (o->ahead)
        accel_pairing_of(&a->settings.pair_key, &f->key, f->client_isn, o->epoch, &pairing);
    const uint32_t at = seq_len(first_byte(f), from),
                   left = accel_early_bytes(f, o) - min_u32(at, accel_early_bytes(f, o));
    const uint32_t bytes = min_u32(n, left);
    const bool last = bytes == left, fin = last && o->fin;
    const struct accel_own piece = {.to = ACCEL_SERVERS,
                                    .seq = from,
                                    .ack = o->client_ack,
                                    .flags = (uint16_t)(TCP_ACK | (bytes && last ? TCP_PSH : 0) | (fin ? TCP_FIN : 0)),
                                    .window = window_to_server(f, o),
                                    .options = &options,
                                    .mark = o->ahead ? &pairing.syn_mark : NULL,
                                    .payload = bytes ? (const uint8_t *)pool_at(&a->buffers, o->buffer) + at : NULL,
                                    .payload_length = bytes};
    return accel_send_own(a, f, &piece, now) ? seq_add(from, bytes + fin) : from;
}

static uint32_t window_of_server(const struct accel_flow *f, const struct accel_opening *o)
{
    const bool scaled = accel_said(f, TCP_OPT_WSCALE) && f->flags & ACCEL_SERVER_THERE;
    return (uint32_t)o->server_window << (scaled ? f->said.wscale : 0);
}

struct seq accel_early_edge(const struct accel_flow *f, const struct accel_opening *o)
{
    return f->state == ACCEL_OPENING ? seq_add(first_byte(f), accel_early_window(f))
                                     : seq_add(o->una, window_of_server(f, o));
}

void accel_early_send_on(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    const uint32_t piece = segment_bytes(a, f);
    while (seq_lt(o->next, o->early_end)) {
        const uint32_t flight = seq_len(o->una, o->next), window = min_u32(o->cwnd, window_of_server(f, o));
        if (flight >= window)
            return;
        const struct seq sent = send_piece(a, f, o, o->next, min_u32(piece, window - flight), now);
        if (seq_eq(sent, o->next))
            return;
        o->next = sent;
        o->early_at = now;
    }
}

/* By what the server said the last time, until it says it again. */
void accel_early_ahead(struct accel *a, struct accel_flow *f)
{
    struct accel_opening *o = accel_opening_of(a, f);
    f->said = *accel_servers_find(&a->servers, &f->key, o->began);
    o->ahead = true;
    o->server_window = accel_early_window(f);
    o->cwnd = o->server_window; /* all of it, though the marks take room */
    ACCEL_COUNT(a, sent_ahead);
}

void accel_early_begin(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    o->cwnd = max_u32(ACCEL_EARLY_SEGMENTS * segment_bytes(a, f), accel_early_bytes(f, o) + o->fin);
    o->early_at = now;
    if (accel_early_pending(o))
        accel_early_send_on(a, f, now);
    else
        send_piece(a, f, o, o->next, 0, now); /* the acknowledgement alone */
    if (now < accel_hold_deadline(f, o))
        accel_hold_tell(a, f, now); /* the server's window */
    else
        accel_hold_timer(a, f, now);
}

static void send_again(struct accel *a, struct accel_flow *f, struct accel_opening *o, int64_t now)
{
    const struct seq sent = send_piece(a, f, o, o->una, segment_bytes(a, f), now);
    a->counters.early_bytes_sent_again += seq_len(o->una, sent);
    o->next = seq_max(o->next, sent);
    o->early_at = now;
}

/* ---- what the server says of it ---- */

static void advance(const struct accel *a, const struct accel_flow *f, struct accel_opening *o, struct seq ack,
                    int64_t now)
{
    const uint32_t acked = seq_len(o->una, ack);
    o->una = ack;
    o->next = seq_max(o->next, ack);
    accel_hold_acknowledged(o, ack);
    o->cwnd += min_u32(acked, segment_bytes(a, f)); /* RFC 5681 3.1 */
    o->duplicate_acks = 0;
    o->early_tries = 0;
    o->early_at = now;
}

void accel_early_from_server(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    const struct seq ack = seq_min(v->tcp.ack, o->early_end);
    const bool same_window = v->tcp.window == o->server_window;
    o->server_window = v->tcp.window;
    if (seq_gt(ack, o->una) && seq_le(v->tcp.ack, f->client_end))
        advance(a, f, o, ack, v->now);
    else if (seq_eq(ack, o->una) && seq_lt(o->una, o->next) && v->payload_length == 0 && same_window &&
             ++o->duplicate_acks == 3)
        send_again(a, f, o, v->now);
    if (accel_early_pending(o))
        accel_early_send_on(a, f, v->now);
    else
        accel_opening_end(a, f);
}

/* ---- time ---- */

static int64_t timeout(const struct accel_opening *o)
{
    const int64_t rto = o->rtt_ns + max_i64(o->rtt_ns * 2, LEAST_VARIANCE); /* RFC 6298 2.2 */
    return rto << o->early_tries < MOST_RTO ? rto << o->early_tries : MOST_RTO;
}

int64_t accel_early_deadline(const struct accel_flow *f, const struct accel_opening *o)
{
    if (!(f->flags & ACCEL_CLIENT_THERE) || !accel_early_pending(o))
        return o->began + OPENING_KEPT;
    return o->early_at + timeout(o);
}

void accel_early_timer(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (now < accel_early_deadline(f, o))
        return;
    if (!(f->flags & ACCEL_CLIENT_THERE)) {
        ACCEL_COUNT(a, client_silent);
        accel_reset_server(a, f, now);
        accel_flow_end(a, f);
    } else if (!accel_early_pending(o)) {
        accel_opening_end(a, f); /* nobody needs it any more */
    } else if (o->early_tries == EARLY_TRIES) {
        accel_reset_client(a, f, now);
    } else {
        send_again(a, f, o, now);
        o->early_tries++;
        o->cwnd = segment_bytes(a, f); /* RFC 5681 3.1: the loss window */
        o->next = seq_max(seq_add(o->una, min_u32(seq_len(o->una, o->early_end), o->cwnd)), o->una);
    }
}
