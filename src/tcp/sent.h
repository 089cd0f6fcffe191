/* SPDX-License-Identifier: MIT */
/*
 * What was sent and is not acknowledged: an ordered list of records that cover [snd_una, snd_nxt). The first lies in the work, the others in a pool.
 * RTT sampling and loss recovery read only this. When the pool is empty, records are merged: estimates get coarser, nothing is lost.
 */
#ifndef WEIR_TCP_SENT_H
#define WEIR_TCP_SENT_H

#include "tcp/layer.h"

static inline bool sent_empty(const struct tcp_work *w) { return seq_eq(w->first.start, w->first.end); }
static inline struct sent_record *sent_next(const struct tcp_layer *t, const struct sent_record *r)
{
    return r->next ? (struct sent_record *)pool_at(&t->sent, r->next) : NULL;
}
static inline uint32_t sent_bytes(const struct sent_record *r) { return seq_len(r->start, r->end); }

void sent_init(struct tcp_work *w, struct seq at);
/* New sequence space [start, end), sent now. Joins the last record when it continues it and was sent at the same time. */
void sent_append(struct tcp_layer *t, struct tcp_work *w, struct seq start, struct seq end, int64_t now);

struct sent_acked {
    int64_t rtt_from;   /* sending time of the newest record acknowledged that was sent once (Karn), or TIME_NEVER */
    uint32_t delivered; /* bytes not already sacked */
};
/* Takes off everything before ack. */
void sent_acknowledge(struct tcp_layer *t, struct tcp_work *w, struct seq ack, struct sent_acked *result);
/* Cuts r at `at` (inside it). False when the pool is empty. */
bool sent_split(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, struct seq at);
/* Marks [left, right) as sacked. Returns the bytes newly sacked; *rtt_from as above. */
uint32_t sent_sack(struct tcp_layer *t, struct tcp_work *w, struct seq left, struct seq right, int64_t *rtt_from);
void sent_mark_lost(struct tcp_work *w, struct sent_record *r);
/* After an RTO: everything not sacked is lost and not on its way. */
void sent_mark_all_lost(struct tcp_layer *t, struct tcp_work *w);
/* After a reneging peer: forget what was sacked. */
void sent_forget_sacks(struct tcp_layer *t, struct tcp_work *w);
/* r was sent again. */
void sent_again(struct tcp_work *w, struct sent_record *r, int64_t now);
void sent_release(struct tcp_layer *t, struct tcp_work *w);

/* Bytes that are thought to be in the network: RFC 6675's pipe. */
static inline uint32_t sent_in_flight(const struct tcp *c, const struct tcp_work *w)
{
    return seq_len(c->snd_una, c->snd_nxt) - w->sacked - w->lost + w->retrans;
}

#endif
