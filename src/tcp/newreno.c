/* SPDX-License-Identifier: MIT */
/*
 * NewReno: RFC 5681 sections 3.1 and 3.2, RFC 6582; what all algorithms share; and the fixed window, which a tester
 * uses to take congestion control out of the picture.
 */
#include "tcp/congestion.h"

#include "tcp/hystart.h"
#include "tcp/rtt.h"

const struct congestion *congestion_of(const struct tcp_profile *p)
{
    static const struct congestion *const by_kind[TCP_CONGESTION_COUNT] = {
        [TCP_NEWRENO] = &congestion_newreno,
        [TCP_CUBIC] = &congestion_cubic,
        [TCP_FIXED] = &congestion_fixed,
    };
    return by_kind[p->congestion];
}

void congestion_start(const struct tcp_profile *p, struct tcp *c)
{
    c->cwnd = p->initial_window * c->snd_mss; /* RFC 6928 */
    c->ssthresh = TCP_SSTHRESH_NONE;
}

uint32_t congestion_slow_start(const struct tcp_profile *p, struct tcp *c, const struct tcp_work *w, uint32_t bytes)
{
    if (c->cwnd >= c->ssthresh)
        return bytes;
    uint32_t room = c->ssthresh - c->cwnd;
    uint32_t limit = (w->recovery == RECOVERY_LOSS ? 1u : p->slow_start_segments) * c->snd_mss;
    uint32_t growth = min_u32(bytes, limit);
    if (hystart_is_on(c))
        growth = hystart_growth(w, growth);
    c->cwnd += min_u32(growth, room);
    return bytes > room ? bytes - room : 0;
}

void congestion_restart_after_idle(const struct tcp_layer *t, struct tcp *c, int64_t now)
{
    const struct tcp_profile *p = tcp_profile_of(t, c);
    uint32_t restart_window = p->initial_window * c->snd_mss;
    if (c->cwnd <= restart_window || !congestion_of(p)->adapts || !p->restart_after_idle)
        return;
    int64_t idle = (int64_t)(tcp_ms(now) - c->heard_ms) * NS_PER_MS, rto = rtt_timeout(c, p, 0);
    if (idle <= rto)
        return;
    c->ssthresh = max_u32(c->ssthresh, c->cwnd / 4 * 3);
    for (; idle > rto && c->cwnd > restart_window; idle -= rto)
        c->cwnd = max_u32(c->cwnd / 2, restart_window);
}

static void newreno_acked(const struct tcp_profile *p, struct tcp *c, struct tcp_work *w, uint32_t bytes, int64_t now)
{
    (void)now;
    bytes = congestion_slow_start(p, c, w, bytes);
    if (bytes == 0)
        return;
    w->growth.reno_acked += bytes;
    while (w->growth.reno_acked >= c->cwnd) { /* one segment a window: RFC 5681 (3), byte counting */
        w->growth.reno_acked -= c->cwnd;
        c->cwnd += c->snd_mss;
    }
}

/* RFC 5681 (4) */
static uint32_t newreno_lost(struct tcp *c, struct tcp_work *w, uint32_t flight_size)
{
    w->growth.reno_acked = 0;
    return max_u32(flight_size / 2, 2u * c->snd_mss);
}

const struct congestion congestion_newreno = {
    .name = "newreno", .start = congestion_start, .acked = newreno_acked, .lost = newreno_lost, .adapts = true};

static void fixed_start(const struct tcp_profile *p, struct tcp *c)
{
    c->cwnd = max_u32(p->fixed_window, c->snd_mss);
    c->ssthresh = TCP_SSTHRESH_NONE;
}

static void fixed_acked(const struct tcp_profile *p, struct tcp *c, struct tcp_work *w, uint32_t bytes, int64_t now)
{
    (void)p, (void)c, (void)w, (void)bytes, (void)now;
}

static uint32_t fixed_lost(struct tcp *c, struct tcp_work *w, uint32_t flight_size)
{
    (void)w, (void)flight_size;
    return c->ssthresh;
}

const struct congestion congestion_fixed = {
    .name = "fixed", .start = fixed_start, .acked = fixed_acked, .lost = fixed_lost, .adapts = false};
