/* SPDX-License-Identifier: MIT */
/*
 * Pacing: see pacing.h.
 */
#include "tcp/pacing.h"

#define UNPACED_SEGMENTS 10u         /* at the beginning */
#define LATE_NS (2 * PACING_TICK_NS) /* what a late timer kept back goes as well, up to that */
#define LONGEST_NS NS_PER_S          /* round-trip times that span retransmissions keep nothing back for minutes */
#define SLOW_START_PERCENT 200u
#define AVOIDANCE_PERCENT 120u

static bool is_paced(const struct tcp_layer *t, const struct tcp *c)
{
    return tcp_profile_of(t, c)->pacing && c->srtt_us != 0;
}

static uint32_t percent(const struct tcp *c)
{
    return c->cwnd < c->ssthresh / 2 ? SLOW_START_PERCENT : AVOIDANCE_PERCENT;
}

void pacing_sent(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, uint64_t offset, uint32_t n,
                 int64_t now)
{
    if (!is_paced(t, c) || offset < UNPACED_SEGMENTS * c->snd_mss)
        return;
    uint64_t whole = (uint64_t)n * c->srtt_us * (1000 / 8) / max_u32(c->cwnd, 1); /* ns at cwnd / SRTT */
    int64_t at = max_i64(w->pace_at, now - LATE_NS) + (int64_t)(whole * 100 / percent(c));
    w->pace_at = min_i64(at, now + LONGEST_NS);
}

uint32_t pacing_quantum(const struct tcp_layer *t, const struct tcp *c)
{
    if (!is_paced(t, c))
        return UINT32_MAX;
    uint64_t ns = (uint64_t)c->srtt_us * (1000 / 8) * 100 / percent(c); /* for a window */
    return (uint32_t)min_u64((uint64_t)c->cwnd * PACING_TICK_NS / max_u64(ns, 1), UINT32_MAX);
}
