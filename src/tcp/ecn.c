/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification: see ecn.h.
 */
#include "tcp/ecn.h"

void ecn_take_syn(struct tcp_layer *t, struct tcp *c, const struct tcp_work *w, uint16_t flags)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    bool asks = flags & TCP_ACK ? (flags & (TCP_ECE | TCP_CWR)) == TCP_ECE : ecn_setup_syn(flags);
    bool wanted = c->state == TCP_SYN_SENT ? ecn_syn_flags(p, c, w) != 0 : p->ecn != TCP_ECN_OFF;
    c->ecn = asks && wanted ? ECN_ON : 0;
}

bool ecn_take_mark(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s)
{
    uint8_t before = c->ecn;
    if (s->h.flags & TCP_CWR)
        c->ecn &= ECN_ON | ECN_CWR;
    if ((s->tos & ECN_MASK) == ECN_CE) { /* a new one, also in the segment that ends the last */
        t->counters.ce_received++;
        c->ecn |= ECN_ECHO;
    }
    return c->ecn != before;
}
