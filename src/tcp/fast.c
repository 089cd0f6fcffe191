/* SPDX-License-Identifier: MIT */
/*
 * Header prediction: see fast.h. A segment qualifies when it is exactly the next one expected, carries nothing but ACK
 * (and PSH) with at most the usual timestamps, and acknowledges something between SND.UNA and SND.NXT.
 */
#include "tcp/fast.h"

#include "tcp/ack.h"
#include "tcp/congestion.h"
#include "tcp/receive.h"

/* The timestamps of the layout NOP NOP TS, or none when the connection has none. False: any other options. */
static bool predicted_options(const struct tcp *c, const struct tcp_segment *s, struct wire_tcp_options *o)
{
    uint32_t length = s->h.header_len - WIRE_TCP_MIN;
    if (!(c->flags & TCPF_TIMESTAMPS))
        return length == 0;
    if (length != 12 || load_be32(s->options) != 0x0101080a)
        return false;
    o->present = TCP_OPT_TIMESTAMPS;
    o->ts_val = load_be32(s->options + 4);
    o->ts_ecr = load_be32(s->options + 8);
    return (int32_t)(o->ts_val - c->ts_recent) >= 0;
}

bool fast_segment(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now)
{
    struct wire_tcp_options o;
    if (c->state != TCP_ESTABLISHED || (s->h.flags & ~(unsigned)TCP_PSH) != TCP_ACK || !seq_eq(s->h.seq, c->rcv_nxt) ||
        seq_len(c->rcv_nxt, c->rcv_adv) < s->payload_len ||
        seq_len(c->snd_una, s->h.ack) > seq_len(c->snd_una, c->snd_nxt))
        return false;
    o.present = 0;
    if (!predicted_options(c, s, &o))
        return false;
    struct tcp_work *w = tcp_work_of(t, c);
    if (w && w->keepalive)
        return false;
    if (o.present && (!w || seq_le(s->h.seq, w->last_ack_sent)))
        c->ts_recent = o.ts_val;
    if (!w)
        congestion_restart_after_idle(t, c, now);
    c->heard_ms = tcp_ms(now);
    t->counters.fast_path++;
    if (ack_process(t, c, s, &o, now) && s->payload_len > 0)
        receive_payload(t, c, s, now);
    return true;
}
