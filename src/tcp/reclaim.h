/* SPDX-License-Identifier: MIT */
/*
 * Memory pressure (THREATS TC-29, sockstress): a peer may keep its window shut for ever (RFC 9293 MUST-37), but not at
 * the expense of others. For each SYN that found no record, and each work that was not there, one connection that a
 * peer opened and whose window it keeps shut is reset: the one that has waited longest among the next RECLAIM_LOOKED_AT
 * records, and only if that was RECLAIM_STALLED_NS or more. So the work is bounded, and who comes again finds room.
 * Connections that we opened are left alone.
 */
#ifndef WEIR_TCP_RECLAIM_H
#define WEIR_TCP_RECLAIM_H

#include "tcp/layer.h"

#define RECLAIM_LOOKED_AT 64u
#define RECLAIM_STALLED_NS (5 * NS_PER_S)
#define RECLAIM_AT_ONCE 32u

/* A record for a peer, or a work, was not there. */
static inline void reclaim_wanted(struct tcp_layer *t) { t->pressure = min_u32(t->pressure + 1, RECLAIM_AT_ONCE); }
/* At the end of a burst or tick, with pressure. */
void reclaim_stalled(struct tcp_layer *t, int64_t now);

#endif
