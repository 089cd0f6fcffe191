/* SPDX-License-Identifier: MIT */
/*
 * Urgent data: see urgent.h.
 */
#include "tcp/urgent.h"

#define FARTHEST 65535

uint16_t urgent_pointer(const struct tcp *c, const struct tcp_work *w, struct seq seq)
{
    if (likely(w->urgent_sent <= c->acked))
        return 0;
    int64_t distance = (int64_t)(w->urgent_sent - c->acked) - (int32_t)(seq.v - c->snd_una.v);
    if (distance <= 0)
        return 0;
    if (distance <= FARTHEST)
        return (uint16_t)distance;
    return seq_gt(seq_add(seq, FARTHEST), c->snd_nxt) ? FARTHEST : 0;
}

int tcp_send_urgent(struct tcp_layer *t, struct tcp *c, uint64_t bytes, int64_t now)
{
    if (bytes == 0)
        return ERR_INVALID;
    int e = tcp_send(t, c, bytes, now);
    if (e < 0)
        return e;
    struct tcp_work *w = tcp_work_of(t, c);
    w->urgent_sent = w->promised;
    if (state_synchronized(c->state))
        w->want |= WANT_ACK; /* the mark goes out also where the window lets no data go */
    return 0;
}

uint64_t tcp_urgent_mark(const struct tcp_layer *t, const struct tcp *c)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    return w && w->urgent_received > c->received ? w->urgent_received : 0;
}

void urgent_arrived(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, struct seq seq, int64_t now)
{
    const struct tcp_registered *u = &t->users[c->user];
    struct seq mark = seq_add(seq, max_u32(s->h.urgent, 1));
    if (!state_receives(c->state) || seq_le(mark, c->rcv_nxt)) /* old: its bytes were handed up */
        return;
    uint64_t offset = c->received + seq_len(c->rcv_nxt, mark);
    struct tcp_work *w = tcp_attach(t, c);
    if (!w || offset <= w->urgent_received)
        return;
    w->urgent_received = offset;
    t->counters.urgent_marks++;
    if (u->calls->urgent)
        u->calls->urgent(u->context, c, offset, now);
}
