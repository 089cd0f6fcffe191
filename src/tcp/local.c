/* SPDX-License-Identifier: MIT */
/*
 * A local address that goes away: what of it there is. Walks over everything; not for the data path.
 */
#include "tcp/layer.h"

/* Lives for its user, or has its RST still to send. */
static bool is_alive(const struct tcp *c) { return c->state != TCP_CLOSED || c->work != POOL_NONE; }

void tcp_abort_local(struct tcp_layer *t, uint32_t local, int64_t now)
{
    for (uint32_t i = 1; i <= t->records.touched; i++) {
        struct tcp *c = tcp_at(t, i);
        if (c->state != TCP_CLOSED && c->key.local == local)
            tcp_abort(t, c, now);
    }
    for (uint32_t i = 1; i <= t->timewaits.touched; i++) {
        struct tcp_timewait *tw = pool_at(&t->timewaits, i);
        if (tw->key.local == local)
            tcp_timewait_forget(t, tw);
    }
}

bool tcp_uses_local(const struct tcp_layer *t, uint32_t local)
{
    for (uint32_t i = 1; i <= t->records.touched; i++)
        if (is_alive(tcp_at(t, i)) && tcp_at(t, i)->key.local == local)
            return true;
    for (uint32_t slot = 0; slot <= t->listen_table.mask; slot++) {
        uint32_t index = t->listen_table.slots[slot].index;
        if (index && ((const struct tcp_listener *)pool_at(&t->listeners, index))->local == local)
            return true;
    }
    return false;
}
