/* SPDX-License-Identifier: MIT */
/*
 * CUBIC: RFC 9438, in integers. Windows in bytes, time in milliseconds; C = 0.4, beta = 0.7.
 */
#include "tcp/congestion.h"

#define MS_LIMIT 80000 /* keeps the cube within 64 bits */

/* floor(cbrt(x)), bit by bit. */
static uint32_t cube_root(uint64_t x)
{
    uint64_t y = 0;
    for (int s = 63; s >= 0; s -= 3) {
        y *= 2;
        uint64_t b = 3 * y * (y + 1) + 1;
        if ((x >> s) >= b) {
            x -= b << s;
            y++;
        }
    }
    return (uint32_t)y;
}

/* RFC 9438 4.2 (figure 2): K = cbrt((W_max - cwnd) / C) seconds; 0 from a window that is no less than W_max. */
static void begin_epoch(struct tcp *c, struct growth_state *q, int64_t now)
{
    q->epoch_ms = tcp_ms(now);
    q->w_est = c->cwnd;
    q->est_rest = 0;
    q->w_max = max_u32(q->w_max, c->cwnd);
    uint64_t segments_by_c = (uint64_t)(q->w_max - c->cwnd) * 10 / (4u * c->snd_mss);
    q->k_ms = min_u32(cube_root(min_u64(segments_by_c, UINT64_C(1) << 33) * 1000000000u), MS_LIMIT);
}

/* W_cubic(t) in bytes: C (t - K)^3 + W_max. */
static uint32_t window_at(const struct tcp *c, const struct growth_state *q, int64_t elapsed_ms)
{
    int64_t d = min_i64(elapsed_ms, 2 * (int64_t)MS_LIMIT) - q->k_ms;
    d = max_i64(min_i64(d, MS_LIMIT), -MS_LIMIT);
    int64_t bytes = d * d / 1000 * d / 1000 * 4 * c->snd_mss / 10000;
    int64_t w = (int64_t)q->w_max + bytes;
    return (uint32_t)max_i64(min_i64(w, INT32_MAX), c->snd_mss);
}

/*
 * RFC 9438 4.3: what Reno would have: alpha segments a window, 3 (1 - beta) / (1 + beta) = 9/17 up to where it was
 * before, and 1 beyond.
 */
static void grow_estimate(struct tcp *c, struct growth_state *q, uint32_t bytes)
{
    uint64_t window = max_u32(c->cwnd, 1);
    uint64_t grown = (uint64_t)bytes * c->snd_mss; /* in parts of a window */
    if (q->w_est < q->cwnd_prior)
        grown = grown * 9 / 17;
    grown += q->est_rest;
    q->est_rest = (uint32_t)(grown % window);
    q->w_est = (uint32_t)min_u64(q->w_est + grown / window, INT32_MAX);
}

static void cubic_acked(const struct tcp_profile *p, struct tcp *c, struct tcp_work *w, uint32_t bytes, int64_t now)
{
    struct growth_state *q = &w->growth;
    bytes = congestion_slow_start(p, c, w, bytes);
    if (bytes == 0)
        return;
    if (q->epoch_ms == 0)
        begin_epoch(c, q, now);
    grow_estimate(c, q, bytes);
    int64_t rtt_ms = c->srtt_us / 8000;
    uint32_t target = window_at(c, q, (int64_t)(tcp_ms(now) - q->epoch_ms) + rtt_ms);
    target = min_u32(target, c->cwnd + c->cwnd / 2); /* 4.2: at most 1.5 cwnd */
    if (q->cwnd_prior ==
        0) /* before the first loss, as Linux: 5 % a round trip at least, or leaving slow start early would cost much */
        target = max_u32(target, c->cwnd + c->cwnd / 20);
    if (target < q->w_est) {
        c->cwnd = max_u32(c->cwnd, q->w_est);
    } else if (target > c->cwnd) {
        uint64_t step = (uint64_t)(target - c->cwnd) * bytes / c->cwnd;
        c->cwnd += (uint32_t)min_u64(step, bytes);
    }
}

static uint32_t cubic_lost(struct tcp *c, struct tcp_work *w, uint32_t flight_size)
{
    struct growth_state *q = &w->growth;
    bool in_use = flight_size + c->snd_mss > c->cwnd; /* up to a segment that did not fit */
    uint32_t window = in_use ? c->cwnd : max_u32(flight_size, 2u * c->snd_mss);
    q->w_max = c->cwnd < q->w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20) : c->cwnd; /* 4.7 fast convergence */
    q->epoch_ms = 0;
    q->cwnd_prior = c->cwnd;
    return max_u32((uint32_t)((uint64_t)window * 7 / 10), 2u * c->snd_mss); /* 4.6 */
}

const struct congestion congestion_cubic = {
    .name = "cubic", .start = congestion_start, .acked = cubic_acked, .lost = cubic_lost, .adapts = true};
