/* SPDX-License-Identifier: MIT */
/*
 * TIME_WAIT: 48-byte records in a FIFO that is as old as long; the oldest is recycled when it is full. RFC 9293
 * 3.10.7.4, RFC 1337, RFC 6191.
 *
 * A record leaves the table when it expires or is reused; it leaves the FIFO only from the old end, so a reused one
 * stays there as a husk (tag and key zero) until its turn.
 *
 * A repeated FIN restarts 2MSL: the record keeps its place and gets a later end; when it has become the oldest before
 * that end, it goes to the young side once more. Recycling a full FIFO does not look at this, so that repeated FINs
 * cannot keep others out.
 */
#include "tcp/layer.h"
#include "tcp/segment.h"

#define EXPIRES_MASK 0xfffffu
#define NEXT_MASK 0x3fffffffu /* max_time_wait is smaller */

void tcp_timewait_forget(struct tcp_layer *t, struct tcp_timewait *tw)
{
    if (tw->key.local == 0)
        return;
    table_remove(&t->table, tw->tag, pool_index(&t->timewaits, tw) | TCP_TIME_WAIT_BIT);
    tw->key.local = 0;
}

/* The oldest leaves the FIFO. */
static uint32_t pop_oldest(struct tcp_layer *t)
{
    uint32_t index = t->timewait_oldest;
    t->timewait_oldest = ((struct tcp_timewait *)pool_at(&t->timewaits, index))->next;
    if (t->timewait_oldest == POOL_NONE)
        t->timewait_youngest = POOL_NONE;
    return index;
}

static void push_youngest(struct tcp_layer *t, uint32_t index)
{
    ((struct tcp_timewait *)pool_at(&t->timewaits, index))->next = POOL_NONE;
    if (t->timewait_youngest)
        ((struct tcp_timewait *)pool_at(&t->timewaits, t->timewait_youngest))->next = index & NEXT_MASK;
    else
        t->timewait_oldest = index;
    t->timewait_youngest = index;
}

static void drop_oldest(struct tcp_layer *t)
{
    uint32_t index = pop_oldest(t);
    tcp_timewait_forget(t, pool_at(&t->timewaits, index));
    pool_put(&t->timewaits, index);
}

/* 2MSL from now, in units of 16 ms, rounded up. */
static uint32_t end_of(const struct tcp_layer *t, unsigned user, int64_t now)
{
    return (tcp_ms(now + t->users[user].profile.time_wait_ns) + 15u) >> 4;
}

static void enter(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    uint32_t hash = tcp_hash_of(t, c);
    t->counters.time_wait_entered++;
    if (p->time_wait_ns == 0)
        return;
    if (t->timewaits.used == t->timewaits.capacity) {
        drop_oldest(t);
        t->counters.time_wait_recycled++;
    }
    uint32_t index = pool_get(&t->timewaits);
    struct tcp_timewait *tw = pool_at(&t->timewaits, index);
    *tw = (struct tcp_timewait){.key = c->key,
                                .rcv_nxt = c->rcv_nxt,
                                .snd_nxt = c->snd_nxt,
                                .timestamps = (c->flags & TCPF_TIMESTAMPS) != 0,
                                .ts_recent = c->ts_recent,
                                .expires_16ms = end_of(t, c->user, now) & EXPIRES_MASK,
                                .user = c->user,
                                .tag = hash};
    if (table_add(&t->table, hash, index | TCP_TIME_WAIT_BIT) != 0) {
        pool_put(&t->timewaits, index);
        return;
    }
    push_youngest(t, index);
}

void tcp_timewait_finish(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    enter(t, c, now);
    tcp_finish(t, c, TCP_CLOSE_NORMAL, now);
}

/* RFC 6191 and RFC 1122 4.2.2.13: a SYN that is certainly newer than the old connection may open a new one. */
static bool syn_is_newer(const struct tcp_timewait *tw, const struct tcp_segment *s)
{
    struct wire_tcp_options o;
    wire_tcp_options_parse(s->options, s->h.header_len - WIRE_TCP_MIN, &o);
    if (tw->timestamps && (o.present & TCP_OPT_TIMESTAMPS))
        return (int32_t)(o.ts_val - tw->ts_recent) > 0;
    return seq_gt(s->h.seq, tw->rcv_nxt);
}

/* A listener has to be there, and a SYN that it would take. */
static bool may_reopen(const struct tcp_layer *t, const struct tcp_timewait *tw, const struct tcp_segment *s)
{
    return (s->h.flags & (TCP_SYN | TCP_ACK | TCP_FIN)) == TCP_SYN && syn_is_newer(tw, s) &&
           tcp_find_listener(t, &s->key);
}

bool tcp_timewait_input(struct tcp_layer *t, struct tcp_timewait *tw, const struct tcp_segment *s, int64_t now)
{
    if (tcp_timewait_expired(tw, now)) {
        tcp_timewait_forget(t, tw);
        return false;
    }
    if (s->h.flags & TCP_RST) { /* RFC 1337: not killed by a reset */
        t->counters.drop_time_wait++;
        return true;
    }
    if (may_reopen(t, tw, s)) {
        t->counters.time_wait_reused++;
        tcp_timewait_forget(t, tw);
        return false;
    }
    if (s->h.flags & TCP_FIN) {
        tw->expires_16ms = end_of(t, tw->user, now) & EXPIRES_MASK;
        tw->restarted = true;
    }
    /* A bare old ACK needs no answer; anything else (a FIN again, old data) is acknowledged. */
    if ((s->h.flags & (TCP_SYN | TCP_FIN)) || s->payload_len > 0)
        segment_reply_ack(t, s, tw->snd_nxt, tw->rcv_nxt, tw->timestamps ? &tw->ts_recent : NULL, now);
    t->counters.drop_time_wait++;
    return true;
}

void tcp_timewait_expire(struct tcp_layer *t, int64_t now)
{
    while (t->timewait_oldest) {
        struct tcp_timewait *tw = pool_at(&t->timewaits, t->timewait_oldest);
        if (tw->key.local == 0 || tcp_timewait_expired(tw, now)) {
            drop_oldest(t);
        } else if (tw->restarted) {
            tw->restarted = false;
            push_youngest(t, pop_oldest(t));
        } else {
            break;
        }
    }
}
