/* SPDX-License-Identifier: MIT */
/*
 * Buffers that grow by themselves, where SO_RCVBUF and SO_SNDBUF were not set, as Linux's do. The receive buffer is twice what was read in a round trip
 * (dynamic right-sizing: the peer's congestion window may double in the next), the send buffer twice the congestion window. Neither shrinks.
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
}

void tuning_read(struct socket *s, struct tcp *c, int64_t now)
{
    struct stream *st = &s->stream;
    struct tcp_info info;
    if (st->receive_fixed || s->receive_limit >= s->layer->settings.receive_buffer_max ||
        now - st->read_since < st->rtt_ns)
        return;
    tcp_get_info(s->layer->tcp, c, &info);
    uint64_t read = st->in.base - st->read_base;
    if (st->read_since && 2 * read > s->receive_limit && may_grow(s->layer))
        grow_receive(s, 2 * read, info.receive_wscale, now);
    st->read_since = now;
    st->read_base = st->in.base;
    st->rtt_ns = info.srtt_ns;
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
