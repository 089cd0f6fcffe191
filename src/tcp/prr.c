/* SPDX-License-Identifier: MIT */
/*
 * Proportional rate reduction: see prr.h. The names of RFC 9937: prr_flight is RecoverFS.
 */
#include "tcp/prr.h"

void prr_begin(const struct tcp *c, struct tcp_work *w, uint32_t delivered)
{
    w->prr_delivered = w->prr_out = 0;
    w->prr_flight = max_u32(seq_len(c->snd_una, c->snd_nxt) - w->sacked + delivered, c->snd_mss);
}

static uint32_t less(uint32_t a, uint32_t b) { return a > b ? a - b : 0; }

void prr_acked(struct tcp *c, struct tcp_work *w, uint32_t delivered, bool safe)
{
    uint32_t in_flight = sent_in_flight(c, w), send;
    w->prr_delivered += delivered;
    if (in_flight > c->ssthresh) {
        uint64_t due = ((uint64_t)w->prr_delivered * c->ssthresh + w->prr_flight - 1) / w->prr_flight;
        send = less((uint32_t)min_u64(due, INT32_MAX), w->prr_out);
    } else {
        send = max_u32(less(w->prr_delivered, w->prr_out), delivered);
        if (safe)
            send += c->snd_mss;
        send = min_u32(send, c->ssthresh - in_flight);
    }
    if (w->prr_out == 0)
        send = max_u32(send, c->snd_mss); /* the fast retransmit goes at once */
    c->cwnd = max_u32(in_flight + send, c->snd_mss);
}
