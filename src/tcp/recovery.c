/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: see recovery.h.
 */
#include "tcp/recovery.h"

#include "tcp/congestion.h"
#include "tcp/segment.h"

#define DUP_THRESHOLD 3u /* RFC 5681 */

/* RFC 6675 IsLost(): enough was sacked above a record that it will not come any more. Marks all such records. */
static void mark_lost_by_sack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    uint32_t above = w->sacked, runs = 0;
    for (const struct sent_record *r = &w->first; r; r = sent_next(t, r))
        runs += (r->flags & SENT_SACKED) != 0;
    for (struct sent_record *r = &w->first; r && above > 0; r = sent_next(t, r)) {
        if (r->flags & SENT_SACKED) {
            above -= sent_bytes(r);
            runs--;
        } else if (runs >= DUP_THRESHOLD || above > (DUP_THRESHOLD - 1) * c->snd_mss) {
            sent_mark_lost(w, r);
        }
    }
}

/* The first segment in flight counts as lost. */
static void mark_first_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    struct sent_record *r = &w->first;
    while (r && (r->flags & SENT_SACKED))
        r = sent_next(t, r);
    if (!r || (r->flags & SENT_LOST))
        return;
    if (sent_bytes(r) > c->snd_mss)
        (void)!sent_split(t, w, r, seq_add(r->start, c->snd_mss));
    sent_mark_lost(w, r);
}

static void enter_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t flight_size)
{
    const struct congestion *cc = congestion_of(tcp_profile_of(t, c));
    t->counters.fast_retransmits++;
    w->recovery = RECOVERY_FAST;
    w->recover = c->snd_nxt;
    c->ssthresh = cc->lost(
        c, w, min_u32(flight_size, c->cwnd)); /* what limited transmit added is not counted: RFC 5681 3.2 (2) */
    if (cc->adapts)
        c->cwnd = c->flags & TCPF_SACK ? c->ssthresh : c->ssthresh + DUP_THRESHOLD * c->snd_mss;
    mark_first_lost(t, c, w);
    w->retransmit_first = true;
}

static void leave_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    w->recovery = RECOVERY_OPEN;
    w->dup_acks = 0;
    if (congestion_of(tcp_profile_of(t, c))->adapts) /* RFC 6582 3.2 (3): full acknowledgement, without a burst */
        c->cwnd = min_u32(c->ssthresh, max_u32(sent_in_flight(c, w), c->snd_mss) + c->snd_mss);
    c->cwnd = max_u32(c->cwnd, c->snd_mss);
}

/*
 * RFC 6582 3.2 (1): without SACK, duplicates of what a recovery sent look like a new loss; they are not believed before more than `recover` is
 * acknowledged.
 */
static bool may_enter_fast(const struct tcp *c, const struct tcp_work *w)
{
    return (c->flags & TCPF_SACK) || seq_gt(c->snd_una, w->recover);
}

static void in_open(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a, int64_t now)
{
    if (a->acked > 0) {
        w->dup_acks = 0;
        if (seq_gt(c->snd_una, w->recover)) /* stays close behind, or it would be ahead after 2^31 bytes */
            w->recover = seq_sub(c->snd_una, 1);
    }
    if (a->duplicate && w->dup_acks < UINT8_MAX)
        w->dup_acks++;
    if (w->sacked > 0)
        mark_lost_by_sack(t, c, w);
    if (w->lost > 0 || (w->dup_acks >= DUP_THRESHOLD && may_enter_fast(c, w))) {
        enter_fast(t, c, w, a->flight_size);
        return;
    }
    if (a->acked > 0 && w->cwnd_limited)
        congestion_of(tcp_profile_of(t, c))->acked(c, w, a->acked, now);
}

static void in_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    if (seq_ge(c->snd_una, w->recover)) {
        leave_fast(t, c, w);
        return;
    }
    if (c->flags & TCPF_SACK) {
        mark_lost_by_sack(t, c, w);
        if (a->acked > 0 && w->sacked == 0)
            mark_first_lost(t, c, w);
        return;
    }
    bool adapts = congestion_of(tcp_profile_of(t, c))->adapts;
    if (a->acked > 0) { /* RFC 6582 3.2 (3): a partial acknowledgement */
        mark_first_lost(t, c, w);
        w->retransmit_first = true;
        if (!adapts)
            return;
        uint32_t deflate = a->acked > c->snd_mss ? a->acked - c->snd_mss : 0;
        c->cwnd = max_u32(c->cwnd > deflate ? c->cwnd - deflate : 0, c->snd_mss);
    } else if (a->duplicate && adapts && c->cwnd < c->ssthresh + seq_len(c->snd_una, w->recover)) {
        /* RFC 5681 3.2 (4): a segment has left the network; no more of them than were in it, however many ACKs are forged */
        c->cwnd += c->snd_mss;
    }
}

static void in_loss(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a, int64_t now)
{
    if (a->acked > 0)
        congestion_of(tcp_profile_of(t, c))->acked(c, w, a->acked, now);
    if (seq_ge(c->snd_una, w->recover)) {
        w->recovery = RECOVERY_OPEN;
        w->dup_acks = 0;
    }
}

void recovery_ack_arrived(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a,
                          int64_t now)
{
    switch (w->recovery) {
    case RECOVERY_OPEN:
        in_open(t, c, w, a, now);
        break;
    case RECOVERY_FAST:
        in_fast(t, c, w, a);
        break;
    default:
        in_loss(t, c, w, a, now);
        break;
    }
}

void recovery_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool first)
{
    const struct congestion *cc = congestion_of(tcp_profile_of(t, c));
    if (first)
        c->ssthresh =
            cc->lost(c, w, seq_len(c->snd_una, c->snd_nxt)); /* RFC 5681 (4): not again for the same segment */
    if (cc->adapts)
        c->cwnd = c->snd_mss;
    if (w->first.flags & SENT_SACKED) /* the peer discarded what it had sacked: RFC 2018 section 8 */
        sent_forget_sacks(t, w);
    sent_mark_all_lost(t, w);
    w->recovery = RECOVERY_LOSS;
    w->recover = c->snd_nxt;
    w->dup_acks = 0;
}

/* At most one segment of it. */
static struct sent_record *one_segment(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct sent_record *r)
{
    uint32_t limit = segment_payload_limit(c, w);
    if (sent_bytes(r) > limit)
        (void)!sent_split(t, w, r, seq_add(r->start, limit));
    return r;
}

struct sent_record *recovery_next_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->lost == 0)
        return NULL;
    for (struct sent_record *r = &w->first; r; r = sent_next(t, r))
        if ((r->flags & (SENT_LOST | SENT_RETRANS)) == SENT_LOST)
            return one_segment(t, c, w, r);
    return NULL;
}

struct sent_record *recovery_next_hole(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->recovery != RECOVERY_FAST || w->sacked == 0)
        return NULL;
    for (struct sent_record *r = &w->first; r && seq_lt(r->start, w->high_sacked); r = sent_next(t, r))
        if (!(r->flags & (SENT_SACKED | SENT_RETRANS | SENT_LOST)))
            return one_segment(t, c, w, r);
    return NULL;
}
