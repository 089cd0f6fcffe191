/* SPDX-License-Identifier: MIT */
/*
 * Connections given up under memory pressure: see reclaim.h.
 */
#include "tcp/reclaim.h"

/* Does the connection wait for its peer to open its window, and since when? */
static bool is_stalled(const struct tcp_layer *t, const struct tcp *c, int64_t *since)
{
    const struct tcp_work *w = c->state == TCP_CLOSED ? NULL : tcp_work_of(t, c);
    if (!w || !w->persist || !(c->flags & TCPF_PASSIVE))
        return false;
    *since = w->stalled_since;
    return true;
}

/* The hand goes round over all records. */
static struct tcp *next_looked_at(struct tcp_layer *t)
{
    t->reclaim_at = t->reclaim_at < t->records.touched ? t->reclaim_at + 1 : 1;
    return tcp_at(t, t->reclaim_at);
}

static struct tcp *stalled_longest(struct tcp_layer *t, int64_t now)
{
    struct tcp *found = NULL;
    int64_t oldest = now - RECLAIM_STALLED_NS, since;
    for (uint32_t n = min_u32(t->records.touched, RECLAIM_LOOKED_AT); n > 0; n--) {
        struct tcp *c = next_looked_at(t);
        if (!is_stalled(t, c, &since) || since > oldest)
            continue;
        oldest = since;
        found = c;
    }
    return found;
}

void reclaim_stalled(struct tcp_layer *t, int64_t now)
{
    for (uint32_t wanted = t->pressure; wanted > 0; wanted--) {
        struct tcp *c = stalled_longest(t, now);
        if (!c)
            continue;
        t->counters.stalled_aborted++;
        tcp_finish_with_reset(t, c, TCP_CLOSE_NO_MEMORY, now);
    }
    t->pressure =
        0; /* also what users asked for in vain when they heard of these ends: nothing is free before the end of the burst */
}
