/* SPDX-License-Identifier: MIT */
/*
 * Pacing: data leaves spread over the round-trip time instead of in bursts, as Linux's TCP does it by itself: at twice
 * cwnd / SRTT in slow start (below half of ssthresh), at 1.2 times it afterwards. The first segments of a connection
 * are not paced, and nothing is before a round-trip time was measured.
 *
 * tcp_work.pace_at is when the rate would let the next byte go. What is ahead of it by less than a tick of the wheel
 * goes at once, so that the wheel is asked at most once a tick for a connection, and not at all for one whose window
 * lasts no longer than that.
 */
#ifndef WEIR_TCP_PACING_H
#define WEIR_TCP_PACING_H

#include "tcp/layer.h"

#define PACING_TICK_NS (INT64_C(1) << TCP_TIMER_SHIFT)

/* Does the rate keep data back now? */
static inline bool pacing_holds(const struct tcp_work *w, int64_t now)
{
    return unlikely(w->pace_at > now + PACING_TICK_NS);
}
/* n bytes from stream offset `offset` left now. */
void pacing_sent(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, uint64_t offset, uint32_t n,
                 int64_t now);
/* Bytes that the rate lets go in a tick; UINT32_MAX: pacing does not limit it. */
uint32_t pacing_quantum(const struct tcp_layer *t, const struct tcp *c);

#endif
