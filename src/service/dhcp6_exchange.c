/* SPDX-License-Identifier: MIT */
/*
 * Retransmission of a client's DHCPv6 messages. See dhcp6_exchange.h.
 */
#include "service/dhcp6_exchange.h"

/* RAND of section 15: uniform in [-0.1, 0.1] of ns, or in (0, 0.1]. */
static int64_t part(int64_t ns, uint64_t random, bool positive)
{
    int64_t tenth = ns / 10;
    if (positive)
        return 1 + (int64_t)(random % (uint64_t)tenth);
    return (int64_t)(random % (uint64_t)(2 * tenth + 1)) - tenth;
}

void dhcp6_exchange_begin(struct dhcp6_exchange *x, const struct dhcp6_exchange_times *times, int64_t first,
                          int64_t end, uint64_t random)
{
    *x = (struct dhcp6_exchange){
        .times = *times, .xid = (uint32_t)random & 0xffffffu, .first_ns = first, .next_ns = first, .end_ns = end};
}

bool dhcp6_exchange_failed(const struct dhcp6_exchange *x, int64_t now)
{
    return now >= x->end_ns || (x->times.mrc && x->count >= x->times.mrc);
}

void dhcp6_exchange_sent(struct dhcp6_exchange *x, int64_t now, uint64_t random, bool positive)
{
    int64_t irt = (int64_t)x->times.irt_s * NS_PER_S, mrt = (int64_t)x->times.mrt_s * NS_PER_S;
    if (x->count++ == 0) {
        x->first_ns = now;
        x->rt_ns = irt + part(irt, random, positive);
    } else {
        x->rt_ns = 2 * x->rt_ns + part(x->rt_ns, random, false);
    }
    if (mrt && x->rt_ns > mrt)
        x->rt_ns = mrt + part(mrt, random, false);
    if (!mrt && x->rt_ns > INT64_MAX / 8)
        x->rt_ns = INT64_MAX / 8;
    int64_t next;
    x->next_ns = __builtin_add_overflow(now, x->rt_ns, &next) ? x->end_ns : min_i64(next, x->end_ns);
}

uint16_t dhcp6_exchange_elapsed_cs(const struct dhcp6_exchange *x, int64_t now)
{
    if (x->count == 0)
        return 0;
    return (uint16_t)min_i64((now - x->first_ns) / (10 * NS_PER_MS), UINT16_MAX);
}
