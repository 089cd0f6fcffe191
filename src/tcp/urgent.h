/* SPDX-License-Identifier: MIT */
/*
 * Urgent data: RFC 9293 section 3.8.5 with RFC 6093. Urgent bytes stay in line; what is special is a mark, the stream
 * offset behind the last of them. It travels as the URG flag with a distance from the sequence number of the segment,
 * as far as 16 bits reach; meaning and reach are Linux's: a distance of 0 counts as 1, and a mark not within reach is
 * announced as 65535 only by segments that are the newest.
 *
 * Marks live in the work: our own until it is acknowledged, the peer's until its bytes have been handed up.
 */
#ifndef WEIR_TCP_URGENT_H
#define WEIR_TCP_URGENT_H

#include "tcp/layer.h"

/* The urgent pointer of a segment that begins at seq; 0: the segment has no URG flag. */
uint16_t urgent_pointer(const struct tcp *c, const struct tcp_work *w, struct seq seq);
/* Sixth step of RFC 9293 3.10.7.4: a segment with URG whose first byte was seq, before its data is handed up. */
void urgent_arrived(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, struct seq seq, int64_t now);
/* Is something of this kind pending? Then the work stays. */
static inline bool urgent_pending(const struct tcp *c, const struct tcp_work *w)
{
    return w->urgent_sent > c->acked || (w->urgent_received > c->received && state_receives(c->state));
}

#endif
