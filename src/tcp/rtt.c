/* SPDX-License-Identifier: MIT */
/*
 * Round-trip time estimation: RFC 6298 section 2, with its scaled integers (srtt by 8, rttvar by 4) in microseconds.
 */
#include "tcp/rtt.h"

/* 2^32 / 8 microseconds: about 9 minutes, far beyond the largest timeout. */
#define RTT_MAX_US 500000000u
#define RTO_AFTER_LOST_SYN_US 3000000u

void rtt_sample(struct tcp *c, int64_t rtt_ns)
{
    uint64_t us = (uint64_t)max_i64(rtt_ns, 0) / 1000u;
    uint32_t r = us < 1 ? 1 : (uint32_t)min_u64(us, RTT_MAX_US);
    c->backoff = 0;
    if (c->srtt_us == 0) { /* (2.2) */
        c->srtt_us = r * 8;
        c->rttvar_us = r * 2;
        return;
    }
    /* (2.3): RTTVAR <- 3/4 RTTVAR + 1/4 |SRTT - R'|, then SRTT <- 7/8 SRTT + 1/8 R' */
    uint32_t srtt = c->srtt_us / 8;
    uint32_t error = srtt > r ? srtt - r : r - srtt;
    c->rttvar_us = c->rttvar_us - c->rttvar_us / 4 + error;
    c->srtt_us = max_u32(c->srtt_us - srtt + r, 8);
}

void rtt_sample_echo(const struct tcp_layer *t, struct tcp *c, uint32_t echo, int64_t now)
{
    int32_t ms = (int32_t)(tcp_ts_now(t, now) - echo);
    if (echo != 0 && ms >= 0)
        rtt_sample(c, max_i64(ms, 1) * NS_PER_MS);
}

void rtt_after_lost_syn(struct tcp *c)
{
    c->backoff = 0;
    c->srtt_us = 0;
    c->rttvar_us = RTO_AFTER_LOST_SYN_US;
}

static int64_t without_sample(const struct tcp *c, const struct tcp_profile *p)
{
    return max_i64(p->rto_initial_ns, c->rttvar_us * NS_PER_US);
}

/* (2.3); G of it is 1 us. */
static int64_t with_sample(const struct tcp *c, const struct tcp_profile *p)
{
    int64_t variance = max_u32(c->rttvar_us, 1) * NS_PER_US;
    if (p->rto_min_of_variance)
        variance = max_i64(variance, p->rto_min_ns);
    return c->srtt_us / 8 * NS_PER_US + variance;
}

int64_t rtt_timeout(const struct tcp *c, const struct tcp_profile *p, unsigned doublings)
{
    int64_t rto = c->srtt_us == 0 ? without_sample(c, p) : with_sample(c, p);
    rto = max_i64(rto, p->rto_min_ns);
    for (; doublings > 0 && rto < p->rto_max_ns; doublings--) /* (5.5) */
        rto *= 2;
    return min_i64(rto, p->rto_max_ns);
}
