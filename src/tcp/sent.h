/* SPDX-License-Identifier: MIT */
/*
 * What was sent and is not acknowledged: an ordered list of records that cover [snd_una, snd_nxt). The first lies in
 * the work, the others in a pool. RTT sampling and loss recovery read only this. When the pool is empty, or a
 * connection has its share of it, records are merged: estimates get coarser, nothing is lost. What the blocks of one
 * ACK cost is bounded by SENT_STEPS and by what they report for the first time.
 *
 * Records on their way (neither sacked nor waiting to be sent again) are linked in order of sending too, so that RACK
 * looks only at those that can be lost. There 0 names the first record and SENT_NONE the end.
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
static inline struct sent_record *sent_at(const struct tcp_layer *t, struct tcp_work *w, uint32_t index)
{
    return index == 0 ? &w->first : (struct sent_record *)pool_at(&t->sent, index);
}
/* Is it linked in order of sending? */
static inline bool sent_on_its_way(const struct sent_record *r)
{
    return !(r->flags & SENT_SACKED) && (r->flags & (SENT_LOST | SENT_RETRANS)) != SENT_LOST;
}

void sent_init(struct tcp_work *w, struct seq at);
/*
 * New sequence space [start, end), sent now. Joins the last record when it continues it and was sent at the same time.
 */
void sent_append(struct tcp_layer *t, struct tcp_work *w, struct seq start, struct seq end, int64_t now);
/* Does what is sent now join the last record, of which there is one? */
bool sent_joins(const struct tcp_layer *t, struct tcp_work *w, int64_t now);
/* The last record went with PSH: it ends a pair, and when nothing more was promised, the user pushed it. */
void sent_note_push(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w);
/* The record that ends at snd_nxt. */
struct sent_record *sent_last(const struct tcp_layer *t, struct tcp_work *w);

#define SENT_NEVER INT64_MIN
#define SENT_STEPS 512 /* for all blocks of an ACK */
/* What one ACK delivered for the first time, in order of sending. */
struct sent_delivery {
    int64_t once_at; /* when the latest of what was sent once was sent (Karn), or SENT_NEVER */
    struct seq once_end;
    int64_t again_at; /* and of what was sent more than once, where this ACK can only be for the last time */
    struct seq again_end;
    int64_t again_before; /* in: what was sent again after that cannot have been acknowledged yet */
    struct seq fack;      /* in: the highest byte delivered before */
    uint32_t bytes;
    int steps;          /* in: how many records a search for blocks may pass over */
    uint32_t displaced; /* bytes: something sent once was delivered after what was sent so far behind it; or 0 */
    bool again;         /* something that was sent more than once was delivered */
    bool original;      /* something below w->recover that was sent once: RFC 5682 */
};
/* Takes off everything before ack. */
void sent_acknowledge(struct tcp_layer *t, struct tcp_work *w, struct seq ack, struct sent_delivery *d);
/* Cuts r at `at` (inside it). False when the pool is empty. */
bool sent_split(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, struct seq at);
/* Marks [left, right) as sacked. False when the pool was empty or d->steps were used up: not all of it is marked. */
bool sent_sack(struct tcp_layer *t, struct tcp_work *w, struct seq left, struct seq right, struct sent_delivery *d);
/* r is lost; what was sent of it again may still be on its way. */
void sent_mark_lost(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r);
/* r, which is on its way, will not arrive: it waits to be sent again. */
void sent_give_up(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r);
/* After an RTO: everything not sacked is lost and not on its way. */
void sent_mark_all_lost(struct tcp_layer *t, struct tcp_work *w);
/* Nothing was lost after all: what waits to be sent again is on its way as before. */
void sent_unmark_lost(struct tcp_layer *t, struct tcp_work *w);
/* After a reneging peer: what was sacked is lost. */
void sent_forget_sacks(struct tcp_layer *t, struct tcp_work *w);
/* r was sent again. */
void sent_again(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, int64_t now);
/* r, which is on its way, was sent once more as a probe. */
void sent_probed(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, int64_t now);
/* The first record that waits to be sent again, or NULL. */
struct sent_record *sent_first_lost(const struct tcp_layer *t, struct tcp_work *w);
void sent_release(struct tcp_layer *t, struct tcp_work *w);

/* Bytes that are thought to be in the network: RFC 6675's pipe. */
static inline uint32_t sent_in_flight(const struct tcp *c, const struct tcp_work *w)
{
    return seq_len(c->snd_una, c->snd_nxt) - w->sacked - w->lost + w->retrans;
}

#endif
