/* SPDX-License-Identifier: MIT */
/*
 * The list of send records: see sent.h.
 */
#include "tcp/sent.h"

void sent_init(struct tcp_work *w, struct seq at)
{
    w->first = (struct sent_record){.start = at, .end = at};
    w->sent_last = POOL_NONE;
    w->sacked = w->lost = w->retrans = 0;
}

static struct sent_record *last_record(const struct tcp_layer *t, struct tcp_work *w)
{
    return w->sent_last ? pool_at(&t->sent, w->sent_last) : &w->first;
}

void sent_append(struct tcp_layer *t, struct tcp_work *w, struct seq start, struct seq end, int64_t now)
{
    struct sent_record *last = last_record(t, w);
    if (sent_empty(w)) {
        w->first = (struct sent_record){.start = start, .end = end, .transmissions = 1, .sent_at = now};
        return;
    }
    assert(seq_eq(last->end, start));
    if (last->sent_at == now && last->flags == 0 && last->transmissions == 1) {
        last->end = end;
        return;
    }
    uint32_t index = pool_get(&t->sent);
    if (index == POOL_NONE) {
        /* Coarser: the new bytes share the last record, with its flags; but they were not sacked, so it is not either. */
        if (last->flags & SENT_SACKED) {
            w->sacked -= sent_bytes(last);
            last->flags = 0;
        }
        if (last->flags & SENT_LOST)
            w->lost += seq_len(start, end);
        if (last->flags & SENT_RETRANS)
            w->retrans += seq_len(start, end);
        last->end = end;
        return;
    }
    struct sent_record *r = pool_at(&t->sent, index);
    *r = (struct sent_record){.start = start, .end = end, .transmissions = 1, .sent_at = now};
    last->next = index;
    w->sent_last = index;
}

/* Subtracts n bytes at the front of r from the sums. */
static void uncount(struct tcp_work *w, const struct sent_record *r, uint32_t n)
{
    if (r->flags & SENT_SACKED)
        w->sacked -= n;
    if (r->flags & SENT_LOST)
        w->lost -= n;
    if (r->flags & SENT_RETRANS)
        w->retrans -= n;
}

/* The first record is used up: the second takes its place. */
static void drop_first(struct tcp_layer *t, struct tcp_work *w)
{
    uint32_t next = w->first.next;
    if (next == POOL_NONE) {
        w->first.start = w->first.end;
        w->first.flags = 0;
        return;
    }
    w->first = *(struct sent_record *)pool_at(&t->sent, next);
    if (w->sent_last == next)
        w->sent_last = POOL_NONE;
    pool_put(&t->sent, next);
}

static void note_rtt(const struct sent_record *r, int64_t *rtt_from)
{
    if (r->transmissions == 1 && (*rtt_from == TIME_NEVER || r->sent_at > *rtt_from))
        *rtt_from = r->sent_at;
}

/* The rest of a record that was sent again as far as a segment reaches: it could not be split, and is next. */
static void not_on_its_way(struct tcp_work *w, struct sent_record *r)
{
    if ((r->flags & (SENT_LOST | SENT_RETRANS)) != (SENT_LOST | SENT_RETRANS))
        return;
    r->flags = SENT_LOST;
    w->retrans -= sent_bytes(r);
}

void sent_acknowledge(struct tcp_layer *t, struct tcp_work *w, struct seq ack, struct sent_acked *result)
{
    result->rtt_from = TIME_NEVER;
    result->delivered = 0;
    while (!sent_empty(w) && seq_lt(w->first.start, ack)) {
        struct sent_record *r = &w->first;
        struct seq upto = seq_min(ack, r->end);
        uint32_t n = seq_len(r->start, upto);
        if (!(r->flags & SENT_SACKED)) {
            result->delivered += n;
            note_rtt(r, &result->rtt_from);
        }
        uncount(w, r, n);
        r->start = upto;
        if (sent_bytes(r) == 0)
            drop_first(t, w);
        else
            not_on_its_way(w, r);
    }
}

bool sent_split(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, struct seq at)
{
    assert(seq_gt(at, r->start) && seq_lt(at, r->end));
    uint32_t index = pool_get(&t->sent);
    if (index == POOL_NONE)
        return false;
    struct sent_record *rest = pool_at(&t->sent, index);
    *rest = *r;
    rest->start = at;
    r->end = at;
    r->next = index;
    if (rest->next == POOL_NONE)
        w->sent_last = index;
    return true;
}

/* Joins r with its successor while both are sacked: keeps the list short under hostile SACKs. */
static void join_sacked(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r)
{
    for (struct sent_record *n; (n = sent_next(t, r)) && (r->flags & n->flags & SENT_SACKED);) {
        uint32_t index = r->next;
        r->end = n->end;
        r->next = n->next;
        if (w->sent_last == index)
            w->sent_last = r == &w->first ? POOL_NONE : pool_index(&t->sent, r);
        pool_put(&t->sent, index);
    }
}

static uint32_t mark_sacked(struct tcp_work *w, struct sent_record *r, int64_t *rtt_from)
{
    uint32_t n = sent_bytes(r);
    note_rtt(r, rtt_from);
    uncount(w, r, n);
    r->flags = SENT_SACKED;
    w->sacked += n;
    return n;
}

uint32_t sent_sack(struct tcp_layer *t, struct tcp_work *w, struct seq left, struct seq right, int64_t *rtt_from)
{
    uint32_t newly = 0;
    struct sent_record *previous = NULL;
    for (struct sent_record *r = &w->first; r && seq_lt(r->start, right); previous = r, r = sent_next(t, r)) {
        if (seq_le(r->end, left) || (r->flags & SENT_SACKED))
            continue;
        if (seq_lt(r->start, left)) {
            if (!sent_split(t, w, r, left))
                break;
            continue; /* the second part is next */
        }
        if (seq_gt(r->end, right) && !sent_split(t, w, r, right))
            break;
        newly += mark_sacked(w, r, rtt_from);
        if (previous && (previous->flags & SENT_SACKED))
            r = previous;
        join_sacked(t, w, r);
    }
    return newly;
}

void sent_mark_lost(struct tcp_work *w, struct sent_record *r)
{
    if (!(r->flags & (SENT_LOST | SENT_SACKED))) {
        r->flags |= SENT_LOST;
        w->lost += sent_bytes(r);
    }
}

void sent_mark_all_lost(struct tcp_layer *t, struct tcp_work *w)
{
    w->retrans = 0;
    for (struct sent_record *r = &w->first; r; r = sent_next(t, r)) {
        r->flags &= (uint8_t)~SENT_RETRANS;
        sent_mark_lost(w, r);
    }
}

void sent_forget_sacks(struct tcp_layer *t, struct tcp_work *w)
{
    for (struct sent_record *r = &w->first; r; r = sent_next(t, r))
        r->flags &= (uint8_t)~SENT_SACKED;
    w->sacked = 0;
}

void sent_again(struct tcp_work *w, struct sent_record *r, int64_t now)
{
    if (!(r->flags & SENT_RETRANS)) {
        r->flags |= SENT_RETRANS;
        w->retrans += sent_bytes(r);
    }
    if (r->transmissions < UINT8_MAX)
        r->transmissions++;
    r->sent_at = now;
}

void sent_release(struct tcp_layer *t, struct tcp_work *w)
{
    for (uint32_t i = w->first.next, next; i != POOL_NONE; i = next) {
        next = ((struct sent_record *)pool_at(&t->sent, i))->next;
        pool_put(&t->sent, i);
    }
    w->first.next = POOL_NONE;
    w->sent_last = POOL_NONE;
}
