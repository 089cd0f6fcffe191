/* SPDX-License-Identifier: MIT */
/*
 * HyStart++, RFC 9406: the first slow start ends before it fills the bottleneck's queue, when the round-trip time of a
 * round is larger than that of the round before. Conservative slow start (CSS) comes first, in case it was only jitter.
 * With its names; its state lies in tcp_work.growth.
 */
#ifndef WEIR_TCP_HYSTART_H
#define WEIR_TCP_HYSTART_H

#include "tcp/layer.h"

/* Is it the first slow start? No ssthresh was set yet. */
static inline bool hystart_is_on(const struct tcp *c) { return c->ssthresh == TCP_SSTHRESH_NONE; }
/* A round-trip time was measured; snd_una is that of the ACK. May end slow start, or bring it back. */
void hystart_measured(struct tcp *c, struct tcp_work *w, uint32_t rtt_us);
/* What of the growth by `bytes` slow start may take. */
static inline uint32_t hystart_growth(const struct tcp_work *w, uint32_t bytes)
{
    return w->growth.baseline_us ? bytes / 4 : bytes; /* CSS_GROWTH_DIVISOR */
}

#endif
