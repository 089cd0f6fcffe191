/* SPDX-License-Identifier: MIT */
/*
 * Buffers that grow by themselves, where SO_RCVBUF and SO_SNDBUF were not set, as Linux's do. The receive buffer is twice what was read in a round trip
 * (dynamic right-sizing: the peer's congestion window may double in the next), the send buffer twice the congestion window. Neither shrinks.
 *
 * How long a round trip is, TCP knows from what it sent: of a stream that only receives, from the handshake, which may have been slow for other reasons.
 * So the least time counts in which the peer has come beyond the window that it had: it cannot before it hears of more. A buffer larger than needed fills
 * as soon as the reader is the slower end, and all its bytes have left the processor's cache when they are read.
 *
 * Invariant: a buffer grows only while less than half of the layer's chunks are in use, up to the settings and what the window scale can say. Receive buffers
 * are powers of two apart, since each size is a TCP profile.
 */
#include "socket/private.h"

static bool may_grow(const struct socket_layer *l) { return l->buffers.chunks.used < l->buffers.chunks.capacity / 2; }

static uint32_t power_of_two_from(uint64_t n)
{
    uint32_t power = 1u << 16;
    while (power < n && power < (1u << 30))
        power <<= 1;
    return power;
}

static void grow_receive(struct socket *s, uint64_t wanted, unsigned window_scale, int64_t now)
{
    struct tcp_profile p = *profile_of(s);
    uint32_t limit = min_u32(s->layer->settings.receive_buffer_max, UINT32_C(65535) << window_scale);
    p.receive_buffer = min_u32(power_of_two_from(wanted), limit);
    if (p.receive_buffer > s->receive_limit && profile_set(s, &p, now) == 0)
        s->receive_limit = p.receive_buffer;
    s->stream.window_came = false;
}

static void note_trip(struct stream *st, int64_t ns)
{
    if (ns > 0 && (st->least_trip_ns == 0 || ns < st->least_trip_ns))
        st->least_trip_ns = max_i64(ns, NS_PER_US);
}

/* The last bytes of the window that this reading opens will come because of what the peer hears from now on. */
static void watch_edge(struct socket *s, int64_t now)
{
    struct stream *st = &s->stream;
    if (st->edge && st->in.end < st->edge)
        return;
    if (st->edge) {
        note_trip(st, now - st->edge_since);
        st->window_came = true;
    }
    st->edge = st->in.base + s->receive_limit;
    st->edge_since = now;
}

void tuning_read(struct socket *s, struct tcp *c, int64_t now)
{
    struct stream *st = &s->stream;
    struct tcp_info info;
    if (st->receive_fixed || s->receive_limit >= s->layer->settings.receive_buffer_max)
        return;
    watch_edge(s, now);
    int64_t passed = now - st->read_since;
    if (passed < st->least_trip_ns)
        return;
    tcp_get_info(s->layer->tcp, c, &info);
    note_trip(st, info.srtt_ns);
    uint64_t read = st->in.base - st->read_base;
    if (st->least_trip_ns && passed > st->least_trip_ns) /* more than one round trip */
        read = read * (uint64_t)(st->least_trip_ns / NS_PER_US) / (uint64_t)(passed / NS_PER_US);
    if (st->window_came && 2 * read > s->receive_limit && may_grow(s->layer))
        grow_receive(s, 2 * min_u64(read, s->receive_limit), info.receive_wscale, now);
    st->read_since = now;
    st->read_base = st->in.base;
}

void tuning_acked(struct socket *s, struct tcp *c)
{
    uint32_t most = s->layer->settings.send_buffer_max;
    struct tcp_info info;
    if (s->stream.send_fixed || s->send_limit >= most || outq_length(&s->stream.out) < s->send_limit / 2)
        return;
    tcp_get_info(s->layer->tcp, c, &info);
    uint64_t wanted = min_u64(2 * (uint64_t)info.cwnd_bytes, most);
    if (wanted > s->send_limit && may_grow(s->layer))
        s->send_limit = (uint32_t)wanted;
}
