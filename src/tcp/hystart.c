/* SPDX-License-Identifier: MIT */
/*
 * HyStart++: see hystart.h.
 */
#include "tcp/hystart.h"

#define MIN_RTT_THRESH_US 4000u
#define MAX_RTT_THRESH_US 16000u
#define MIN_RTT_DIVISOR 8u
#define N_RTT_SAMPLE 8u
#define CSS_ROUNDS 5u

static void begin_round(const struct tcp *c, struct growth_state *g)
{
    g->round_open = true;
    g->round_end = c->snd_nxt;
    g->last_us = g->now_us;
    g->now_us = 0;
    g->samples = 0;
}

/* CSS has seen all its rounds: the window is right as it is. */
static void enter_congestion_avoidance(struct tcp *c, struct tcp_work *w)
{
    c->ssthresh = c->cwnd;
    w->growth = (struct growth_state){0};
}

static void end_round(struct tcp *c, struct tcp_work *w)
{
    struct growth_state *g = &w->growth;
    if (g->baseline_us && ++g->css_rounds >= CSS_ROUNDS)
        enter_congestion_avoidance(c, w);
    else
        begin_round(c, g);
}

static void judge(struct growth_state *g)
{
    if (g->samples < N_RTT_SAMPLE)
        return;
    if (g->baseline_us) { /* it was jitter: slow start goes on */
        if (g->now_us < g->baseline_us)
            g->baseline_us = 0;
        return;
    }
    uint32_t threshold = min_u32(max_u32(g->last_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US), MAX_RTT_THRESH_US);
    if (g->last_us == 0 || g->now_us < g->last_us + threshold)
        return;
    g->baseline_us = g->now_us;
    g->css_rounds = 0;
}

void hystart_measured(struct tcp *c, struct tcp_work *w, uint32_t rtt_us)
{
    struct growth_state *g = &w->growth;
    if (!g->round_open)
        begin_round(c, g);
    g->now_us = g->now_us ? min_u32(g->now_us, rtt_us) : rtt_us;
    if (g->samples < UINT8_MAX)
        g->samples++;
    judge(g);
    if (seq_ge(c->snd_una, g->round_end))
        end_round(c, w);
}
