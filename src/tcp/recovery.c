/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: see recovery.h.
 */
#include "tcp/recovery.h"

#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/hystart.h"
#include "tcp/prr.h"
#include "tcp/rack.h"
#include "tcp/segment.h"
#include "tcp/undo.h"

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
            sent_mark_lost(t, w, r);
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
    sent_mark_lost(t, w, r);
}

/* ssthresh goes down, once a window of data. flight: RFC 5681's FlightSize. */
static void reduce(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t flight)
{
    undo_begin(c, w);
    ecn_reduced(c);
    if (hystart_is_on(c))
        w->growth = (struct growth_state){0};
    c->ssthresh = congestion_of(tcp_profile_of(t, c))->lost(c, w, flight);
}

static void enter_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    bool adapts = congestion_of(tcp_profile_of(t, c))->adapts;
    t->counters.fast_retransmits++;
    if (w->recovery == RECOVERY_OPEN) /* what limited transmit added is not counted: RFC 5681 3.2 (2) */
        reduce(t, c, w, min_u32(a->flight_size, c->cwnd));
    w->recovery = RECOVERY_FAST;
    w->recover = c->snd_nxt;
    w->rescued = false;
    w->retransmit_first = true;
    if (!(c->flags & TCPF_SACK)) {
        if (adapts)
            c->cwnd = c->ssthresh + DUP_THRESHOLD * c->snd_mss;
        mark_first_lost(t, c, w);
        return;
    }
    if (!rack_is_on(t, c))
        mark_first_lost(t, c, w);
    prr_begin(c, w, a->delivered);
    if (adapts)
        prr_acked(c, w, a->delivered, false);
}

/* A recovery or reduction is over. */
static void become_open(struct tcp_work *w)
{
    w->recovery = RECOVERY_OPEN;
    w->dup_acks = 0;
    w->frto = w->frto_new = false;
    rack_recovery_ended(w);
}

/* RFC 3168 6.1.2: as for a loss, but nothing is sent again, and nothing taken back. */
static void enter_reduction(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    t->counters.ecn_reductions++;
    reduce(t, c, w, min_u32(a->flight_size, c->cwnd));
    w->undo.possible = false;
    w->recovery = RECOVERY_CWR;
    w->recover = c->snd_nxt;
    prr_begin(c, w, a->delivered);
    if (congestion_of(tcp_profile_of(t, c))->adapts)
        prr_acked(c, w, a->delivered, a->acked > 0);
}

static void leave_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    become_open(w);
    if (congestion_of(tcp_profile_of(t, c))->adapts) {
        bool sack = (c->flags & TCPF_SACK) != 0; /* RFC 9937; without, RFC 6582 3.2 (3): without a burst */
        c->cwnd = sack ? c->ssthresh : min_u32(c->ssthresh, max_u32(sent_in_flight(c, w), c->snd_mss) + c->snd_mss);
    }
    c->cwnd = max_u32(c->cwnd, c->snd_mss);
}

static void take_back(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->undo.by_timeout)
        t->counters.spurious_rto++;
    else
        t->counters.spurious_recoveries++;
    undo_apply(t, c, w);
    become_open(w);
}

/*
 * RFC 6582 3.2 (1): without SACK, duplicates of what a recovery sent look like a new loss; they are not believed before
 * more than `recover` is acknowledged.
 */
static bool may_enter_fast(const struct tcp *c, const struct tcp_work *w)
{
    return (c->flags & TCPF_SACK) || seq_gt(c->snd_una, w->recover);
}

/* Looks for losses; true: there are some that call for a recovery. */
static bool find_losses(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (rack_is_on(t, c))
        return unlikely(rack_has_candidates(t, w)) && rack_detect_loss(t, c, w, now);
    if (w->sacked > 0)
        mark_lost_by_sack(t, c, w);
    return w->lost > 0 || (w->dup_acks >= DUP_THRESHOLD && may_enter_fast(c, w));
}

/* Of what was acknowledged, the bytes that this ACK is the first to tell of. */
static uint32_t news_of(const struct tcp *c, const struct recovery_ack *a, unsigned dup_acks)
{
    uint32_t told = dup_acks * c->snd_mss;
    if (c->flags & TCPF_SACK)
        return a->delivered;
    return a->acked > told ? a->acked - told : 0;
}

static void in_open(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a, int64_t now)
{
    unsigned dup_acks = w->dup_acks;
    if (a->acked > 0) {
        w->dup_acks = 0;
        if (seq_gt(c->snd_una, w->recover)) /* stays close behind, or it would be ahead after 2^31 bytes */
            w->recover = seq_sub(c->snd_una, 1);
    }
    if (unlikely(a->dsack) && undo_all_duplicates(w)) /* the last recovery was for nothing */
        take_back(t, c, w);
    if (a->duplicate && w->dup_acks < UINT8_MAX)
        w->dup_acks++;
    if (find_losses(t, c, w, now)) {
        enter_fast(t, c, w, a);
        return;
    }
    if (unlikely(a->congestion)) {
        enter_reduction(t, c, w, a);
        return;
    }
    const struct tcp_profile *p = tcp_profile_of(t, c);
    if (a->acked > 0 && w->cwnd_limited && c->cwnd < p->max_in_flight)
        congestion_of(p)->acked(p, c, w, unlikely(p->grow_by_delivered) ? news_of(c, a, dup_acks) : a->acked, now);
}

/* RFC 6582 3.2 (3), RFC 5681 3.2 (4) */
static void in_fast_without_sack(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    bool adapts = congestion_of(tcp_profile_of(t, c))->adapts;
    if (a->acked > 0) { /* a partial acknowledgement */
        mark_first_lost(t, c, w);
        w->retransmit_first = true;
        if (!adapts)
            return;
        uint32_t deflate = a->acked > c->snd_mss ? a->acked - c->snd_mss : 0;
        c->cwnd = max_u32(c->cwnd > deflate ? c->cwnd - deflate : 0, c->snd_mss);
    } else if (a->duplicate && adapts && c->cwnd < c->ssthresh + seq_len(c->snd_una, w->recover)) {
        /* a segment has left the network; no more of them than were in it, however many ACKs are forged */
        c->cwnd += c->snd_mss;
    }
}

static void in_fast(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a, int64_t now)
{
    if (undo_all_duplicates(w) || (a->acked > 0 && a->echo_older)) {
        take_back(t, c, w);
        return;
    }
    if (seq_ge(c->snd_una, w->recover)) {
        leave_fast(t, c, w);
        return;
    }
    if (!(c->flags & TCPF_SACK)) {
        in_fast_without_sack(t, c, w, a);
        return;
    }
    uint32_t lost = w->lost;
    if (!find_losses(t, c, w, now) && !rack_is_on(t, c) && a->acked > 0 && w->sacked == 0)
        mark_first_lost(t, c, w);
    if (congestion_of(tcp_profile_of(t, c))->adapts)
        prr_acked(c, w, a->delivered, a->acked > 0 && w->lost <= lost);
}

/* Step 2 and 3 of RFC 5682, with SACK (section 3.1) and without. True: the timeout was spurious. */
static bool frto_acked(struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    w->frto_new = false;
    if (a->original) /* 3 (b) */
        return true;
    if (seq_gt(c->snd_nxt, w->recover)) {
        if (a->sacked > 0 || a->duplicate)
            w->frto = false; /* 3 (a) */
    } else if (a->acked > 0 && seq_lt(c->snd_una, w->recover)) {
        w->frto_new = true; /* 2 (b): new data, as far as there is some */
    } else if (a->acked > 0 || a->duplicate) {
        w->frto = false;
    }
    return false;
}

static void in_loss(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    bool spurious = w->frto && frto_acked(c, w, a);
    if (spurious || undo_all_duplicates(w) || (a->acked > 0 && a->echo_older)) {
        take_back(t, c, w);
        return;
    }
    if (rack_is_on(t, c))
        (void)rack_detect_loss(t, c, w, now);
    if (a->acked > 0)
        congestion_of(p)->acked(p, c, w, a->acked, now);
    if (seq_ge(c->snd_una, w->recover))
        become_open(w);
}

static void in_reduction(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a,
                         int64_t now)
{
    bool adapts = congestion_of(tcp_profile_of(t, c))->adapts;
    if (find_losses(t, c, w, now)) {
        enter_fast(t, c, w, a);
    } else if (seq_ge(c->snd_una, w->recover)) {
        become_open(w);
        c->cwnd = adapts ? c->ssthresh : c->cwnd;
    } else if (adapts) {
        prr_acked(c, w, a->delivered, a->acked > 0);
    }
}

/* A tail loss probe repaired the only loss: RFC 8985 7.4.2. */
static void probe_repaired(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a)
{
    t->counters.tlp_repairs++;
    if (w->recovery != RECOVERY_OPEN)
        return;
    reduce(t, c, w, min_u32(a->flight_size, c->cwnd));
    w->undo.possible = false;
    if (congestion_of(tcp_profile_of(t, c))->adapts)
        c->cwnd = min_u32(c->cwnd, c->ssthresh);
}

void recovery_ack_arrived(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a,
                          int64_t now)
{
    if (unlikely(w->rack.probe_out) && rack_probe_acked(c, w, a->dsack, a->acked == 0 && a->sacked == 0))
        probe_repaired(t, c, w, a);
    switch (w->recovery) {
    case RECOVERY_OPEN:
        in_open(t, c, w, a, now);
        break;
    case RECOVERY_CWR:
        in_reduction(t, c, w, a, now);
        break;
    case RECOVERY_FAST:
        in_fast(t, c, w, a, now);
        break;
    default:
        in_loss(t, c, w, a, now);
        break;
    }
}

void recovery_reordering_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    const struct recovery_ack none = {.flight_size = seq_len(c->snd_una, c->snd_nxt)};
    bool entered = w->recovery == RECOVERY_FAST || w->recovery == RECOVERY_LOSS;
    if (rack_detect_loss(t, c, w, now) && !entered)
        enter_fast(t, c, w, &none);
    tcp_mark(t, c, w);
}

/* What is lost now that the timer fired. */
static void mark_on_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    bool reneged = (w->first.flags & SENT_SACKED) != 0; /* the peer discarded what it had sacked: RFC 2018 section 8 */
    if (reneged)
        sent_forget_sacks(t, w);
    if (rack_is_on(t, c) && !reneged)
        rack_mark_on_timeout(t, c, w, now);
    else
        sent_mark_all_lost(t, w);
}

void recovery_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool first, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    const struct congestion *cc = congestion_of(p);
    if (first && w->recovery != RECOVERY_FAST && w->recovery != RECOVERY_CWR)
        reduce(t, c, w, seq_len(c->snd_una, c->snd_nxt)); /* RFC 5681 (4): once a window of data */
    w->growth = (struct growth_state){0};                 /* RFC 9438 4.8: nothing is known of the window any more */
    w->undo.by_timeout = true;
    w->frto = first && p->f_rto && w->recovery == RECOVERY_OPEN;
    w->frto_new = false;
    w->want &= (uint8_t)~WANT_LOSS_PROBE;
    w->rack.probe_out = false;
    mark_on_timeout(t, c, w, now);
    if (cc->adapts)
        c->cwnd = sent_in_flight(c, w) + c->snd_mss;
    w->recovery = RECOVERY_LOSS;
    w->recover = c->snd_nxt;
    w->retransmit_first = true;
    w->dup_acks = 0;
}

/* Loss without congestion: cwnd goes on growing while what is lost goes again. */
static void loss_for_size(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    w->recovery = RECOVERY_LOSS;
    w->recover = c->snd_nxt;
    w->dup_acks = 0;
    w->retransmit_first = true;
    tcp_mark(t, c, w);
}

void recovery_resize(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    sent_mark_all_lost(t, w);
    w->undo.possible = false;
    w->frto = w->frto_new = false;
    w->want &= (uint8_t)~WANT_LOSS_PROBE;
    w->rack.probe_out = false;
    loss_for_size(t, c, w);
}

static void mark_lost_up_to(struct tcp_layer *t, struct tcp_work *w, struct seq end)
{
    for (struct sent_record *r = &w->first; r && seq_lt(r->start, end); r = sent_next(t, r)) {
        if (seq_gt(r->end, end))
            (void)!sent_split(t, w, r, end);
        sent_mark_lost(t, w, r);
    }
}

void recovery_probe_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq end, bool began)
{
    if (began && w->undo.possible)
        undo_restore_windows(t, c, w);
    mark_lost_up_to(t, w, end);
    loss_for_size(t, c, w);
    if (rack_is_on(t, c)) /* further losses, which it tells from this one, do call for a recovery */
        w->recovery = RECOVERY_OPEN;
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
    struct sent_record *r = sent_first_lost(t, w);
    return r ? one_segment(t, c, w, r) : NULL;
}

struct sent_record *recovery_next_hole(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->recovery != RECOVERY_FAST || w->sacked == 0 || rack_is_on(t, c))
        return NULL;
    for (struct sent_record *r = &w->first; r && seq_lt(r->start, w->high_sacked); r = sent_next(t, r))
        if (!(r->flags & (SENT_SACKED | SENT_RETRANS | SENT_LOST)))
            return one_segment(t, c, w, r);
    return NULL;
}

struct sent_record *recovery_rescue(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->recovery != RECOVERY_FAST || w->sacked == 0 || w->rescued || rack_is_on(t, c))
        return NULL;
    struct sent_record *r = rack_probe_record(t, c, w);
    return r && !(r->flags & SENT_RETRANS) ? r : NULL;
}
