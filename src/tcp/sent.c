/* SPDX-License-Identifier: MIT */
/*
 * The list of send records: see sent.h.
 */
#include "tcp/sent.h"

/* No connection takes more than a quarter of the records (of few, all): a peer can have them split at will. */
#define ALWAYS_ALLOWED 4096u

static uint32_t take_record(struct tcp_layer *t, struct tcp_work *w)
{
    if (w->sent_count >= max_u32(t->sent.capacity / 4, ALWAYS_ALLOWED))
        return POOL_NONE;
    uint32_t index = pool_get(&t->sent);
    w->sent_count += index != POOL_NONE;
    return index;
}

static void put_record(struct tcp_layer *t, struct tcp_work *w, uint32_t index)
{
    pool_put(&t->sent, index);
    w->sent_count--;
}

void sent_init(struct tcp_work *w, struct seq at)
{
    w->first = (struct sent_record){.start = at, .end = at};
    w->sent_last = POOL_NONE;
    w->sacked = w->lost = w->retrans = 0;
    w->oldest = w->newest = w->lost_from = SENT_NONE;
    w->sack_from = w->sent_count = 0;
}

struct sent_record *sent_last(const struct tcp_layer *t, struct tcp_work *w)
{
    return w->sent_last ? pool_at(&t->sent, w->sent_last) : &w->first;
}

static uint32_t index_of(const struct tcp_layer *t, const struct tcp_work *w, const struct sent_record *r)
{
    return r == &w->first ? 0 : pool_index(&t->sent, r);
}

/* ---- order of sending ---- */

/*
 * When what is sent now counts as sent, so that the order of times is the order of sending although the clock stands
 * still for many segments: never before what was sent last, and, where the order of sequence numbers does not tell (it
 * is sent again), a nanosecond behind it. RACK takes what was sent before something delivered for lost.
 */
static int64_t time_of_sending(const struct tcp_layer *t, struct tcp_work *w, bool again, int64_t now)
{
    return w->newest == SENT_NONE ? now : max_i64(now, sent_at(t, w, w->newest)->sent_at + again);
}

static void link_newest(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, uint32_t index)
{
    r->older = w->newest;
    r->newer = SENT_NONE;
    if (w->newest == SENT_NONE)
        w->oldest = index;
    else
        sent_at(t, w, w->newest)->newer = index;
    w->newest = index;
}

/* The neighbours of r, and the ends, get these in its place. */
static void relink(struct tcp_layer *t, struct tcp_work *w, const struct sent_record *r, uint32_t for_older,
                   uint32_t for_newer)
{
    if (r->older == SENT_NONE)
        w->oldest = for_older;
    else
        sent_at(t, w, r->older)->newer = for_older;
    if (r->newer == SENT_NONE)
        w->newest = for_newer;
    else
        sent_at(t, w, r->newer)->older = for_newer;
}

static void unlink_record(struct tcp_layer *t, struct tcp_work *w, const struct sent_record *r)
{
    relink(t, w, r, r->newer, r->older);
}

/* Behind r, which is linked. */
static void link_behind(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, uint32_t r_index,
                        struct sent_record *added, uint32_t index)
{
    added->older = r_index;
    added->newer = r->newer;
    if (r->newer == SENT_NONE)
        w->newest = index;
    else
        sent_at(t, w, r->newer)->older = index;
    r->newer = index;
}

/* ---- what is sent ---- */

static void note_waiting(struct tcp_layer *t, struct tcp_work *w, const struct sent_record *r)
{
    if (w->lost_from == SENT_NONE || seq_lt(r->start, sent_at(t, w, w->lost_from)->start))
        w->lost_from = index_of(t, w, r);
}

/* No record is left: new bytes share the last one, with its flags; but they were not sacked, so it is not either. */
static void append_coarsely(struct tcp_layer *t, struct tcp_work *w, struct sent_record *last, struct seq end)
{
    uint32_t n = seq_len(last->end, end);
    last->pair = last->pushed = false;
    if (last->flags & SENT_SACKED) {
        w->sacked -= sent_bytes(last);
        last->flags = 0;
        link_newest(t, w, last, index_of(t, w, last));
        memset(w->sack_seen, 0, sizeof w->sack_seen);
    }
    if (last->flags & SENT_LOST)
        w->lost += n;
    if (last->flags & SENT_RETRANS)
        w->retrans += n;
    last->end = end;
}

bool sent_joins(const struct tcp_layer *t, struct tcp_work *w, int64_t now)
{
    const struct sent_record *last = sent_last(t, w);
    return last->sent_at == time_of_sending(t, w, false, now) && last->flags == 0 && last->transmissions == 1 &&
           !last->pair;
}

void sent_note_push(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w)
{
    struct sent_record *last = sent_last(t, w);
    last->pair = true;
    last->pushed = c->acked + seq_len(c->snd_una, last->end) >= w->promised && !w->more;
}

void sent_append(struct tcp_layer *t, struct tcp_work *w, struct seq start, struct seq end, int64_t now)
{
    if (sent_empty(w)) {
        w->first = (struct sent_record){
            .start = start, .end = end, .transmissions = 1, .sent_at = now, .older = SENT_NONE, .newer = SENT_NONE};
        w->oldest = w->newest = 0;
        return;
    }
    struct sent_record *last = sent_last(t, w);
    assert(seq_eq(last->end, start));
    if (sent_joins(t, w, now)) {
        last->end = end;
        return;
    }
    now = time_of_sending(t, w, false, now);
    uint32_t index = take_record(t, w);
    if (index == POOL_NONE) {
        append_coarsely(t, w, last, end);
        return;
    }
    struct sent_record *r = pool_at(&t->sent, index);
    *r = (struct sent_record){.start = start, .end = end, .transmissions = 1, .sent_at = now};
    link_newest(t, w, r, index);
    last->next = index;
    w->sent_last = index;
}

/* ---- what is delivered ---- */

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
    if (sent_on_its_way(&w->first))
        unlink_record(t, w, &w->first);
    if (next == POOL_NONE) {
        w->first.start = w->first.end;
        w->first.flags = 0;
        w->lost_from = SENT_NONE;
        return;
    }
    w->first = *(struct sent_record *)pool_at(&t->sent, next);
    if (sent_on_its_way(&w->first))
        relink(t, w, &w->first, 0, 0);
    if (w->sent_last == next)
        w->sent_last = POOL_NONE;
    if (w->lost_from == next)
        w->lost_from = 0;
    if (w->sack_from == next)
        w->sack_from = 0;
    put_record(t, w, next);
}

/* The bytes of r up to `end`, not sacked before, have arrived. */
static void note_delivered(const struct tcp_work *w, const struct sent_record *r, struct seq end,
                           struct sent_delivery *d)
{
    d->bytes += seq_len(r->start, end);
    if (likely(r->transmissions == 1)) {
        if (r->sent_at >= d->once_at) {
            d->once_end = d->once_at == r->sent_at ? seq_max(d->once_end, end) : end;
            d->once_at = r->sent_at;
        }
        if (unlikely(seq_lt(end, d->fack)))
            d->displaced = max_u32(d->displaced, seq_len(r->start, d->fack));
        d->original |= seq_le(end, w->recover);
        return;
    }
    d->again = true;
    if (r->sent_at <= d->again_before && r->sent_at >= d->again_at) {
        d->again_end = end;
        d->again_at = r->sent_at;
    }
}

/* The rest of a record that was sent again as far as a segment reaches: it could not be split, and is next. */
static void rest_waits(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r)
{
    if ((r->flags & (SENT_LOST | SENT_RETRANS)) == (SENT_LOST | SENT_RETRANS))
        sent_give_up(t, w, r);
}

void sent_acknowledge(struct tcp_layer *t, struct tcp_work *w, struct seq ack, struct sent_delivery *d)
{
    while (!sent_empty(w) && seq_lt(w->first.start, ack)) {
        struct sent_record *r = &w->first;
        struct seq upto = seq_min(ack, r->end);
        if (!(r->flags & SENT_SACKED))
            note_delivered(w, r, upto, d);
        uncount(w, r, seq_len(r->start, upto));
        r->start = upto;
        if (sent_bytes(r) == 0)
            drop_first(t, w);
        else
            rest_waits(t, w, r);
    }
}

bool sent_split(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, struct seq at)
{
    assert(seq_gt(at, r->start) && seq_lt(at, r->end));
    uint32_t index = take_record(t, w);
    if (index == POOL_NONE)
        return false;
    struct sent_record *rest = pool_at(&t->sent, index);
    *rest = *r;
    rest->start = at;
    r->end = at;
    r->pair = r->pushed = false;
    r->next = index;
    if (rest->next == POOL_NONE)
        w->sent_last = index;
    if (sent_on_its_way(r))
        link_behind(t, w, r, index_of(t, w, r), rest, index);
    return true;
}

/* Joins r with its successor while both are sacked: keeps the list short under hostile SACKs. */
static void join_sacked(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r)
{
    uint32_t own = index_of(t, w, r);
    for (struct sent_record *n; (n = sent_next(t, r)) && (r->flags & n->flags & SENT_SACKED);) {
        uint32_t index = r->next;
        r->end = n->end;
        r->next = n->next;
        if (w->sent_last == index)
            w->sent_last = own;
        if (w->lost_from == index)
            w->lost_from = own;
        if (w->sack_from == index)
            w->sack_from = own;
        put_record(t, w, index);
    }
    w->sack_from = own;
}

static void mark_sacked(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, struct sent_delivery *d)
{
    uint32_t n = sent_bytes(r);
    note_delivered(w, r, r->end, d);
    if (sent_on_its_way(r))
        unlink_record(t, w, r);
    uncount(w, r, n);
    r->flags = SENT_SACKED;
    w->sacked += n;
}

bool sent_sack(struct tcp_layer *t, struct tcp_work *w, struct seq left, struct seq right, struct sent_delivery *d)
{
    struct sent_record *previous = NULL, *r = sent_at(t, w, w->sack_from);
    if (seq_gt(r->start, left))
        r = &w->first;
    for (; r && seq_lt(r->start, right); previous = r, r = sent_next(t, r)) {
        if (seq_le(r->end, left) || (r->flags & SENT_SACKED)) {
            if (d->steps-- > 0)
                continue;
            d->steps = 0;
            w->sack_from = index_of(t, w, r); /* the block will come again, and the search goes on from here */
            return false;
        }
        if (seq_lt(r->start, left)) {
            if (!sent_split(t, w, r, left))
                return false;
            continue; /* the second part is next */
        }
        if (seq_gt(r->end, right) && !sent_split(t, w, r, right))
            return false;
        mark_sacked(t, w, r, d);
        if (previous && (previous->flags & SENT_SACKED))
            r = previous;
        join_sacked(t, w, r);
    }
    return true;
}

/* ---- what is lost ---- */

void sent_give_up(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r)
{
    uint32_t n = sent_bytes(r);
    unlink_record(t, w, r);
    if (r->flags & SENT_RETRANS)
        w->retrans -= n;
    if (!(r->flags & SENT_LOST))
        w->lost += n;
    r->flags = SENT_LOST;
    note_waiting(t, w, r);
}

void sent_mark_lost(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r)
{
    if (r->flags & (SENT_LOST | SENT_SACKED))
        return;
    if (r->flags == 0) {
        sent_give_up(t, w, r);
        return;
    }
    r->flags |= SENT_LOST;
    w->lost += sent_bytes(r);
}

void sent_mark_all_lost(struct tcp_layer *t, struct tcp_work *w)
{
    for (struct sent_record *r = &w->first; r && !sent_empty(w); r = sent_next(t, r))
        if (sent_on_its_way(r))
            sent_give_up(t, w, r);
}

void sent_forget_sacks(struct tcp_layer *t, struct tcp_work *w)
{
    for (struct sent_record *r = &w->first; r; r = sent_next(t, r)) {
        if (!(r->flags & SENT_SACKED))
            continue;
        r->flags = SENT_LOST;
        w->lost += sent_bytes(r);
        note_waiting(t, w, r);
    }
    w->sacked = 0;
    memset(w->sack_seen, 0, sizeof w->sack_seen);
}

/* Both lists are nearly in order of time: one pass merges them. */
void sent_unmark_lost(struct tcp_layer *t, struct tcp_work *w)
{
    uint32_t at = w->oldest, before = SENT_NONE;
    for (uint32_t i = 0, next; !sent_empty(w); i = next) {
        struct sent_record *r = sent_at(t, w, i);
        next = r->next;
        if (r->flags & SENT_LOST) {
            bool waits = !(r->flags & SENT_RETRANS);
            w->lost -= sent_bytes(r);
            r->flags &= (uint8_t)~SENT_LOST;
            while (waits && at != SENT_NONE && sent_at(t, w, at)->sent_at <= r->sent_at) {
                before = at;
                at = sent_at(t, w, at)->newer;
            }
            if (waits) {
                r->older = before;
                r->newer = at;
                relink(t, w, r, i, i);
                before = i;
            }
        }
        if (next == POOL_NONE)
            break;
    }
    w->lost_from = SENT_NONE;
}

void sent_probed(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, int64_t now)
{
    if (sent_on_its_way(r))
        unlink_record(t, w, r);
    if (r->transmissions < UINT8_MAX)
        r->transmissions++;
    r->sent_at = time_of_sending(t, w, true, now);
    link_newest(t, w, r, index_of(t, w, r));
}

void sent_again(struct tcp_layer *t, struct tcp_work *w, struct sent_record *r, int64_t now)
{
    sent_probed(t, w, r, now);
    if (!(r->flags & SENT_RETRANS)) {
        r->flags |= SENT_RETRANS;
        w->retrans += sent_bytes(r);
    }
}

struct sent_record *sent_first_lost(const struct tcp_layer *t, struct tcp_work *w)
{
    if (w->lost_from == SENT_NONE)
        return NULL;
    for (uint32_t i = w->lost_from;;) {
        struct sent_record *r = sent_at(t, w, i);
        if ((r->flags & (SENT_LOST | SENT_RETRANS)) == SENT_LOST) {
            w->lost_from = i;
            return r;
        }
        i = r->next;
        if (i == POOL_NONE)
            break;
    }
    w->lost_from = SENT_NONE;
    return NULL;
}

void sent_release(struct tcp_layer *t, struct tcp_work *w)
{
    for (uint32_t i = w->first.next, next; i != POOL_NONE; i = next) {
        next = ((struct sent_record *)pool_at(&t->sent, i))->next;
        put_record(t, w, i);
    }
    w->first.next = POOL_NONE;
    w->sent_last = POOL_NONE;
}
