/* SPDX-License-Identifier: MIT */
/*
 * A flow whose shift is known: segments go on, translated and made to fit what their receiver negotiated. What each end
 * has sent is followed as far as RST, FIN and the table's ageing need it.
 */
#include "accel/internal.h"

/* ---- what ends were told differently ---- */

/* The payload that a receiver with this MSS takes in one segment with these headers: RFC 6691. */
static uint32_t payload_limit(const struct accel_segment *s, uint16_t mss)
{
    const uint32_t options = s->headers.payload - s->headers.l4 - WIRE_TCP_MIN;
    return mss > options + 8 ? mss - options : 8;
}

static bool fit(struct accel *a, struct accel_segment *s, uint16_t mss)
{
    if (accel_limit_payload(s, payload_limit(s, mss)) == 0)
        return true;
    ACCEL_COUNT(a, drop_cannot_rewrite);
    return false;
}

static bool insert(struct accel *a, struct accel_segment *s, const struct wire_tcp_options *o)
{
    if (accel_insert_timestamps(s, o->ts_val, o->ts_ecr) == 0)
        return true;
    ACCEL_COUNT(a, drop_cannot_rewrite);
    return false;
}

/* Options of the kinds that one end was told of and the other one does not have. */
static uint16_t foreign(uint8_t sender_has, uint8_t receiver_has)
{
    const unsigned only = sender_has & ~(unsigned)receiver_has;
    return (uint16_t)((only & TCP_OPT_TIMESTAMPS) | (only & TCP_OPT_SACK_PERMITTED ? TCP_OPT_SACK : 0));
}

static void translate(const struct accel_flow *f, const struct accel_segment *s, enum accel_way way)
{
    const bool partial = s->packet->checksum == PACKET_CHECKSUM_PARTIAL;
    accel_translate(accel_segment_tcp(s), s->headers.payload - s->headers.l4, way, &f->shift,
                    partial ? ACCEL_CHECKSUM_PARTIAL : ACCEL_CHECKSUM_WHOLE);
}

static bool to_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_segment *s = &v->segment;
    const uint16_t strip = foreign(f->told.present, f->said.present);
    if (strip)
        accel_strip_options(s, strip);
    if (accel_said(f, TCP_OPT_TIMESTAMPS) && !accel_told(f, TCP_OPT_TIMESTAMPS)) {
        struct wire_tcp_options o;
        accel_options_to_server(f, &o, v->now);
        if (!insert(a, s, &o))
            return false;
    }
    if (accel_told(f, TCP_OPT_WSCALE) != accel_said(f, TCP_OPT_WSCALE))
        accel_scale_window(s, accel_told(f, TCP_OPT_WSCALE) ? f->client_wscale : 0,
                           accel_said(f, TCP_OPT_WSCALE) ? f->client_wscale : 0);
    translate(f, s, ACCEL_TO_SERVER);
    return v->payload_length == 0 || fit(a, s, f->said.mss);
}

static bool to_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_segment *s = &v->segment;
    const uint16_t strip = foreign(f->said.present, f->told.present);
    if (strip)
        accel_strip_options(s, strip);
    if (f->told.wscale != f->said.wscale)
        accel_scale_window(s, f->said.wscale, f->told.wscale);
    translate(f, s, ACCEL_TO_CLIENT);
    if (accel_told(f, TCP_OPT_TIMESTAMPS) && !accel_said(f, TCP_OPT_TIMESTAMPS)) {
        struct wire_tcp_options o;
        accel_options_to_client(f, NULL, &o, v->now);
        if (!insert(a, s, &o))
            return false;
    }
    return v->payload_length == 0 || fit(a, s, f->client_mss);
}

/* ---- what ends have said ---- */

static bool timestamp_of(const struct accel_arrival *v, uint32_t *ts_val)
{
    struct wire_tcp_options o;
    wire_tcp_options_parse(accel_segment_tcp(&v->segment) + WIRE_TCP_MIN, v->tcp.header_len - WIRE_TCP_MIN, &o);
    *ts_val = o.ts_val;
    return o.present & TCP_OPT_TIMESTAMPS;
}

static void note_timestamp(uint32_t *latest, const struct accel_arrival *v)
{
    uint32_t ts_val;
    if (timestamp_of(v, &ts_val) && (int32_t)(ts_val - *latest) > 0)
        *latest = ts_val;
}

static struct seq end_of(const struct accel_arrival *v)
{
    return seq_add(v->tcp.seq, v->payload_length + (v->tcp.flags & TCP_FIN ? 1 : 0));
}

/* Both FINs are there and acknowledged: the flow stays for what is under way, and for TIME-WAIT. */
static void look_for_the_end(struct accel *a, struct accel_flow *f, int64_t now)
{
    const unsigned all = ACCEL_CLIENT_FIN_ACKED | ACCEL_SERVER_FIN_ACKED;
    if (f->state == ACCEL_OPEN && (f->flags & all) == all && f->opening == POOL_NONE) {
        ACCEL_COUNT(a, flows_closed);
        accel_flow_state_set(a, f, ACCEL_CLOSED, now);
    }
}

/* RST is judged by it: every segment counts, also one that is not noted otherwise. */
static void note_end(struct seq first, struct seq *end, uint16_t *wraps, const struct accel_arrival *v)
{
    const struct seq next = seq_max(*end, end_of(v));
    *wraps = (uint16_t)(*wraps + (seq_len(first, next) < seq_len(first, *end)));
    *end = next;
}
static void note_client_end(struct accel_flow *f, const struct accel_arrival *v)
{
    note_end(f->client_isn, &f->client_end, &f->client_wraps, v);
}
static void note_server_end(struct accel_flow *f, const struct accel_arrival *v)
{
    note_end(accel_server_isn(f), &f->server_end, &f->server_wraps, v);
}

static void note_from_client(struct accel_flow *f, const struct accel_arrival *v)
{
    if (accel_told(f, TCP_OPT_TIMESTAMPS))
        note_timestamp(&f->client_ts, v);
    note_client_end(f, v);
    if (v->tcp.flags & TCP_FIN) {
        f->flags |= ACCEL_CLIENT_FIN;
        f->client_fin = end_of(v);
    }
    const struct seq acked = seq_add(v->tcp.ack, f->shift.sequence);
    if (f->flags & ACCEL_SERVER_FIN && v->tcp.flags & TCP_ACK && seq_ge(acked, f->server_fin))
        f->flags |= ACCEL_SERVER_FIN_ACKED;
}

static void note_from_server(struct accel_flow *f, const struct accel_arrival *v)
{
    if (accel_said(f, TCP_OPT_TIMESTAMPS))
        note_timestamp(&f->server_ts, v);
    note_server_end(f, v);
    if (v->tcp.flags & TCP_FIN) {
        f->flags |= ACCEL_SERVER_FIN;
        f->server_fin = end_of(v);
    }
    f->flags |= ACCEL_SERVER_THERE;
    if (f->flags & ACCEL_CLIENT_FIN && v->tcp.flags & TCP_ACK && seq_ge(v->tcp.ack, f->client_fin))
        f->flags |= ACCEL_CLIENT_FIN_ACKED;
}

/* ---- segments ---- */

/*
 * Whether what the segment says is noted: while there is an opening, at the end, and where one end's timestamps are put
 * into the other's segments. Only then its checksum is looked at; all else passes as right or wrong as it came.
 */
static bool is_noted(const struct accel_flow *f, const struct accel_arrival *v)
{
    return f->opening != POOL_NONE || v->tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST) ||
           f->flags & (ACCEL_CLIENT_FIN | ACCEL_SERVER_FIN) || f->state != ACCEL_OPEN ||
           (f->told.present ^ f->said.present) & TCP_OPT_TIMESTAMPS;
}

/* Whoever was sent RST goes on: it did not believe it (RFC 5961 3), or had not got it yet. */
static void revive(struct accel *a, struct accel_flow *f, unsigned reset, int64_t now)
{
    if (f->state != ACCEL_RESET || !(f->flags & reset))
        return;
    f->flags &= (uint8_t) ~(ACCEL_RST_TO_CLIENT | ACCEL_RST_TO_SERVER);
    accel_flow_state_set(a, f, ACCEL_OPEN, now);
}

/*
 * RFC 5961 3: only a RST behind the last byte that its sender sent ends the flow here, with its early data. Any other one
 * is for the receiver to judge, who knows what is missing: it drops it, or challenges it, and the answer to that is right.
 */
static void reset(struct accel *a, struct accel_flow *f, unsigned to, struct seq end, const struct accel_arrival *v)
{
    const int64_t now = v->now;
    if (!seq_eq(v->tcp.seq, end)) {
        ACCEL_COUNT(a, resets_doubted);
        return;
    }
    f->flags |= (uint8_t)to;
    if (f->state == ACCEL_RESET)
        return;
    accel_opening_end(a, f);
    ACCEL_COUNT(a, flows_reset);
    accel_flow_state_set(a, f, ACCEL_RESET, now);
}

/* Data that the box has taken already. */
static bool is_early(const struct accel_opening *o, const struct accel_arrival *v)
{
    return o && accel_early_pending(o) && seq_gt(end_of(v), v->tcp.seq) && seq_le(end_of(v), o->early_end);
}

static void note_opening(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    const struct seq ack = seq_add(v->tcp.ack, f->shift.sequence);
    const bool was_there = f->flags & ACCEL_CLIENT_THERE;
    f->flags |= ACCEL_CLIENT_THERE;
    if (!o)
        return;
    o->client_window = v->tcp.window;
    if (v->tcp.flags & TCP_ACK && seq_gt(ack, o->client_ack))
        o->client_ack = ack;
    if (!was_there)
        accel_hold_tell(a, f, v->now); /* the server's window, in the place of what was promised */
}

static bool client_syn_again(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    if (f->opening == POOL_NONE || f->flags & ACCEL_CLIENT_THERE || !seq_eq(v->tcp.seq, f->client_isn))
        return true; /* the server challenges it: RFC 5961 4 */
    accel_send_syn_ack(a, f, v->now);
    ACCEL_COUNT(a, syn_answered_again);
    return false;
}

static bool reset_by_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    const bool on = to_server(a, f, v);
    reset(a, f, ACCEL_RST_TO_SERVER, f->client_end, v);
    return on;
}

bool accel_open_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!is_noted(f, v)) {
        note_client_end(f, v);
        accel_shortcut_offer(a, f);
        return to_server(a, f, v);
    }
    if (!accel_checksum_ok(a, v))
        return false;
    accel_shortcut_take_back(a, f);
    if (v->tcp.flags & TCP_SYN)
        return client_syn_again(a, f, v);
    if (v->tcp.flags & TCP_RST)
        return reset_by_client(a, f, v);
    struct accel_opening *o = accel_opening_of(a, f);
    if (v->tcp.flags & TCP_ACK)
        (void)accel_cookie_adopt(a, f, v);
    revive(a, f, ACCEL_RST_TO_CLIENT, v->now);
    note_from_client(f, v);
    note_opening(a, f, v);
    if (is_early(o, v)) {
        accel_hold_repeated(a, f, v->now);
        return false;
    }
    const bool on = to_server(a, f, v);
    look_for_the_end(a, f, v->now);
    return on;
}

/*
 * The server's SYN-ACK again: what acknowledged it was lost. When the opening is long gone the client gets it, in its
 * own numbers, and answers with an acknowledgement (RFC 9293 3.10.7.4, RFC 5961 4).
 */
static bool again(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!seq_eq(v->tcp.seq, accel_server_isn(f))) {
        ACCEL_COUNT(a, drop_unexpected);
        return false;
    }
    if (f->opening == POOL_NONE) {
        accel_strip_options(&v->segment, TCP_OPT_FAST_OPEN); /* the box has asked, not the client */
        translate(f, &v->segment, ACCEL_TO_CLIENT);
        return true;
    }
    if (f->flags & ACCEL_CLIENT_THERE)
        accel_early_begin(a, f, v->now);
    return false;
}

static bool reset_by_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    const bool on = to_client(a, f, v);
    reset(a, f, ACCEL_RST_TO_CLIENT, f->server_end, v);
    return on;
}

bool accel_open_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!is_noted(f, v)) {
        note_server_end(f, v);
        accel_shortcut_offer(a, f);
        return to_client(a, f, v);
    }
    if (!accel_checksum_ok(a, v))
        return false;
    accel_shortcut_take_back(a, f);
    if (v->tcp.flags & TCP_SYN)
        return again(a, f, v);
    if (v->tcp.flags & TCP_RST)
        return reset_by_server(a, f, v);
    revive(a, f, ACCEL_RST_TO_SERVER, v->now);
    note_from_server(f, v);
    if (f->opening != POOL_NONE && v->tcp.flags & TCP_ACK)
        accel_early_from_server(a, f, v);
    accel_shortcut_offer(a, f);
    const bool on = to_client(a, f, v);
    look_for_the_end(a, f, v->now);
    return on;
}
