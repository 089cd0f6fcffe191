/* SPDX-License-Identifier: MIT */
/*
 * Writing TCP segments: RFC 9293 section 3.1, RFC 7323 (timestamps), RFC 2018 (SACK). See segment.h.
 */
#include "tcp/segment.h"

#include "base/checksum.h"
#include "tcp/ecn.h"
#include "tcp/sack.h"
#include "tcp/urgent.h"

#define TIMESTAMP_BYTES 12u /* NOP NOP kind length value echo */

static void write_fixed(uint8_t *h, const struct flow_key *key, struct seq seq, struct seq ack, uint32_t header_len,
                        uint16_t flags, uint16_t window)
{
    store_be16(h, key->local_port);
    store_be16(h + 2, key->remote_port);
    store_be32(h + 4, seq.v);
    store_be32(h + 8, ack.v);
    store_be16(h + 12, (uint16_t)((header_len << 10) | flags));
    store_be16(h + 14, window);
    store_be32(h + 16, 0); /* checksum and urgent pointer */
}

static void write_urgent(uint8_t *h, uint16_t pointer)
{
    store_be16(h + 12, load_be16(h + 12) | TCP_URG);
    store_be16(h + 18, pointer);
}

static void write_timestamps(uint8_t *o, uint32_t value, uint32_t echo)
{
    store_be32(o, 0x0101080a);
    store_be32(o + 4, value);
    store_be32(o + 8, echo);
}

/* header_len is a multiple of 4. */
static uint64_t sum_header(uint64_t sum, const uint8_t *h, uint32_t header_len)
{
    for (uint32_t i = 0; i < header_len; i += 4) {
        uint32_t word;
        memcpy(&word, h + i, sizeof word);
        sum += word;
    }
    return sum;
}

/* Completes the checksum (or leaves it to the link) and sends. payload_sum: over the bytes behind the header. */
static void finish(struct tcp_layer *t, struct tcp_frame *frame, uint32_t header_len, uint32_t payload,
                   uint64_t payload_sum, uint8_t ttl, uint8_t tos)
{
    uint32_t l4_bytes = header_len + payload;
    uint64_t sum = frame->pseudo_sum + __builtin_bswap16((uint16_t)l4_bytes);
    uint16_t field = frame->partial_checksum ? checksum_fold(sum)
                                             : checksum_finish(sum_header(sum, frame->l4, header_len) + payload_sum);
    memcpy(frame->l4 + WIRE_TCP_CHECKSUM_OFFSET, &field, sizeof field);
    t->counters.segments_sent += frame->gso_size ? segment_count(payload, frame->gso_size) : 1;
    t->lower->frame_send(t->lower_context, frame, l4_bytes, ttl, tos);
}

uint32_t segment_window(const struct tcp_layer *t, const struct tcp *c)
{
    uint32_t buffer = tcp_profile_of(t, c)->receive_buffer;
    uint32_t space = buffer > c->unconsumed ? buffer - c->unconsumed : 0;
    uint32_t limit = 65535u << c->receive_wscale;
    uint32_t advertised = seq_gt(c->rcv_adv, c->rcv_nxt) ? seq_len(c->rcv_nxt, c->rcv_adv) : 0;
    space = min_u32(space, limit);
    if (space <= advertised) /* never shrink the window */
        return advertised;
    uint32_t step = min_u32(buffer / 2, c->rcv_mss);
    return space - advertised >= step ? space : advertised;
}

/* The window field for a segment of a synchronised connection; moves rcv_adv. */
static uint16_t advertise(const struct tcp_layer *t, struct tcp *c)
{
    uint32_t window = segment_window(t, c);
    uint32_t scaled = window >> c->receive_wscale;
    uint32_t kept = seq_gt(c->rcv_adv, c->rcv_nxt) ? seq_len(c->rcv_nxt, c->rcv_adv) : 0;
    if ((scaled << c->receive_wscale) < kept) /* rounding down would take back what was promised */
        scaled++;
    c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, scaled << c->receive_wscale));
    return (uint16_t)min_u32(scaled, 65535);
}

static bool reports_sack(const struct tcp *c, const struct tcp_work *w)
{
    return (c->flags & TCPF_SACK) && (w->ooo || !seq_eq(w->dsack_left, w->dsack_right));
}

uint32_t segment_payload_limit(const struct tcp *c, const struct tcp_work *w)
{
    if (likely(!reports_sack(c, w)))
        return c->snd_mss;
    uint32_t room = 40 - (c->flags & TCPF_TIMESTAMPS ? TIMESTAMP_BYTES : 0);
    uint32_t bytes = 4 + 8 * sack_block_count(w, (room - 4) / 8);
    return c->snd_mss > bytes ? c->snd_mss - bytes : 1;
}

static uint32_t write_sack(uint8_t *o, struct tcp_work *w, uint32_t room)
{
    struct wire_sack_block blocks[WIRE_TCP_MAX_SACK];
    uint32_t n = sack_blocks(w, blocks, (room - 4) / 8);
    store_be32(o, 0x01010500u | (2 + 8 * n));
    for (uint32_t i = 0; i < n; i++) {
        store_be32(o + 4 + 8 * i, blocks[i].left.v);
        store_be32(o + 8 + 8 * i, blocks[i].right.v);
    }
    w->dsack_left = w->dsack_right;
    return 4 + 8 * n;
}

static void note_acknowledged(struct tcp *c, struct tcp_work *w)
{
    w->last_ack_sent = c->rcv_nxt;
    w->want &= (uint8_t) ~(WANT_ACK | WANT_DELAYED_ACK | WANT_PUSHED_ACK);
    w->segments_unacked = 0;
    w->ack_at = TIME_NEVER;
}

/*
 * The payload of a large frame in place, where user and link can: nobody copies it, and the link computes its checksum.
 */
static bool lend_payload(const struct tcp_registered *u, struct tcp *c, struct tcp_frame *frame,
                         const struct segment_spec *spec)
{
    if (likely(spec->gso_size == 0) || !frame->frags || !u->calls->lend)
        return false;
    unsigned n = u->calls->lend(u->context, c, spec->offset, spec->payload, frame->frags, PACKET_MAX_FRAGS);
    frame->packet->frags = frame->frags;
    frame->packet->nfrags = (uint8_t)n;
    return n > 0;
}

/* The payload behind the header; returns its sum. */
static uint64_t write_payload(const struct tcp_registered *u, struct tcp *c, struct tcp_frame *frame,
                              uint32_t header_len, const struct segment_spec *spec)
{
    uint64_t sum = 0;
    if (lend_payload(u, c, frame, spec))
        return sum;
    size_t got = u->calls->pull(u->context, c, spec->offset, frame->l4 + header_len, spec->payload, &sum);
    assert(got == spec->payload);
    (void)got;
    return sum;
}

void segment_send(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *frame,
                  const struct segment_spec *spec, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    uint32_t header_len = WIRE_TCP_MIN;
    uint8_t *h = frame->l4;
    if (c->flags & TCPF_TIMESTAMPS) {
        write_timestamps(h + header_len, tcp_ts_now(t, now), c->ts_recent);
        header_len += TIMESTAMP_BYTES;
    }
    if (unlikely(reports_sack(c, w)))
        header_len += write_sack(h + header_len, w, WIRE_TCP_MAX - header_len);
    bool fresh = spec->fresh && spec->payload > 0;
    uint8_t tos = ecn_tos(c, p->tos, fresh);
    uint16_t flags = spec->flags | TCP_ACK | (likely(!c->ecn) || (spec->flags & TCP_RST) ? 0 : ecn_flags(c, fresh));
    write_fixed(h, &c->key, spec->seq, c->rcv_nxt, header_len, flags, advertise(t, c));
    uint16_t urgent = urgent_pointer(c, w, spec->seq);
    if (unlikely(urgent))
        write_urgent(h, urgent);
    uint64_t sum = 0;
    if (spec->payload > 0) {
        sum = write_payload(&t->users[c->user], c, frame, header_len, spec);
        t->counters.bytes_sent += spec->payload;
        c->answers |= c->asked;
        c->asked = 0;
    } else if (!(spec->flags & (TCP_FIN | TCP_RST))) {
        t->counters.acks_sent++;
    }
    note_acknowledged(c, w);
    frame->gso_size = spec->gso_size;
    finish(t, frame, header_len, spec->payload, sum, p->ttl, tos);
}

void segment_send_syn(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *frame, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    bool answer = c->state == TCP_SYN_RCVD;
    struct wire_tcp_options o = {.present = TCP_OPT_MSS, .mss = c->rcv_mss, .wscale_first = p->wscale_first};
    if (answer ? (c->flags & TCPF_SACK) != 0 : p->sack)
        o.present |= TCP_OPT_SACK_PERMITTED;
    if (answer ? (c->flags & TCPF_TIMESTAMPS) != 0 : p->timestamps) {
        o.present |= TCP_OPT_TIMESTAMPS;
        o.ts_val = tcp_ts_now(t, now);
        o.ts_ecr = answer ? c->ts_recent : 0;
    }
    if (answer ? w->peer_wscale : p->window_scaling) {
        o.present |= TCP_OPT_WSCALE;
        o.wscale = c->receive_wscale;
    }
    uint32_t window = min_u32(p->receive_buffer, 65535);
    uint16_t ecn = ecn_syn_flags(p, c, w);
    struct wire_tcp h = {.src_port = c->key.local_port,
                         .dst_port = c->key.remote_port,
                         .seq = c->snd_una,
                         .ack = answer ? c->rcv_nxt : seq_of(0),
                         .flags = (answer ? TCP_SYN | TCP_ACK : TCP_SYN) | ecn,
                         .window = (uint16_t)window};
    int header_len = wire_tcp_build(frame->l4, &h, &o);
    assert(header_len > 0);
    if (answer) {
        c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, window));
        note_acknowledged(c, w);
    }
    frame->gso_size = 0;
    finish(t, frame, (uint32_t)header_len, 0, 0, p->ttl, ecn ? (uint8_t)(p->tos & ~ECN_MASK) : p->tos);
}

/* Opens a frame back to the sender of `to`; false when there is no room. */
static bool open_reply(struct tcp_layer *t, const struct tcp_segment *to, struct tcp_frame *frame)
{
    frame->gso_size = 0;
    if (t->lower->reply_open(t->lower_context, to->packet, frame) == TCP_FRAME_OK)
        return true;
    t->counters.reply_no_room++;
    return false;
}

void segment_reply_reset(struct tcp_layer *t, const struct tcp_segment *to, int64_t now)
{
    struct tcp_frame frame;
    if (to->h.flags & TCP_RST)
        return;
    if (!limit_take(&t->reset_limit, t->settings.resets_per_second, &t->settings.secret, now)) {
        t->counters.reset_limited++;
        return;
    }
    if (!open_reply(t, to, &frame))
        return;
    bool has_ack = (to->h.flags & TCP_ACK) != 0;
    uint32_t length = to->payload_len + !!(to->h.flags & TCP_SYN) + !!(to->h.flags & TCP_FIN);
    struct seq seq = has_ack ? to->h.ack : seq_of(0);
    struct seq ack = has_ack ? seq_of(0) : seq_add(to->h.seq, length);
    write_fixed(frame.l4, &to->key, seq, ack, WIRE_TCP_MIN, (uint16_t)(has_ack ? TCP_RST : TCP_RST | TCP_ACK), 0);
    t->counters.resets_sent++;
    finish(t, &frame, WIRE_TCP_MIN, 0, 0, 64, 0);
}

bool segment_reply_syn_ack(struct tcp_layer *t, const struct tcp_segment *to, struct seq isn,
                           const struct tcp_profile *p, bool ecn, struct wire_tcp_options *o)
{
    struct tcp_frame frame;
    if (!open_reply(t, to, &frame))
        return false;
    uint16_t largest = (uint16_t)(frame.mtu - tcp_fixed_headers(&to->key.remote));
    o->mss = p->mss ? (uint16_t)min_u32(p->mss, largest) : largest;
    o->wscale_first = p->wscale_first;
    struct wire_tcp h = {.src_port = to->key.local_port,
                         .dst_port = to->key.remote_port,
                         .seq = isn,
                         .ack = seq_add(to->h.seq, 1),
                         .flags = ecn ? TCP_SYN | TCP_ACK | TCP_ECE : TCP_SYN | TCP_ACK,
                         .window = (uint16_t)min_u32(p->receive_buffer, 65535)};
    int header_len = wire_tcp_build(frame.l4, &h, o);
    assert(header_len > 0);
    finish(t, &frame, (uint32_t)header_len, 0, 0, p->ttl, ecn ? (uint8_t)(p->tos & ~ECN_MASK) : p->tos);
    return true;
}

void segment_reply_ack(struct tcp_layer *t, const struct tcp_segment *to, struct seq seq, struct seq ack,
                       const uint32_t *ts_recent, int64_t now)
{
    struct tcp_frame frame;
    if (!open_reply(t, to, &frame))
        return;
    uint32_t header_len = WIRE_TCP_MIN;
    if (ts_recent) {
        write_timestamps(frame.l4 + header_len, tcp_ts_now(t, now), *ts_recent);
        header_len += TIMESTAMP_BYTES;
    }
    write_fixed(frame.l4, &to->key, seq, ack, header_len, TCP_ACK, 0);
    t->counters.acks_sent++;
    finish(t, &frame, header_len, 0, 0, 64, 0);
}
