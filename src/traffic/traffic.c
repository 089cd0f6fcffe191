/* SPDX-License-Identifier: MIT */
/*
 * A port's traffic as a whole: starting, running its loads, draining, stopping.
 */
#include "traffic/traffic_private.h"

static void abort_all(struct traffic *t, const struct pool *pool, int64_t now)
{
    for (uint32_t i = 1; i <= pool->touched; i++) {
        const struct connection *connection = pool_at(pool, i);
        struct tcp *c = connection->state == CONNECTION_FREE ? NULL : tcp_get(t->tcp, connection->ref);
        if (c)
            tcp_abort(t->tcp, c, now);
    }
}

void traffic_abort_everything(struct traffic *t, int64_t now)
{
    for (uint32_t i = 0; i < t->n_servers; i++)
        server_unlisten(t, &t->servers[i], now); /* ends the embryos */
    abort_all(t, &t->client_connections, now);
    abort_all(t, &t->server_connections, now);
}

void traffic_start(struct traffic *t, int64_t at)
{
    t->start_at = at;
    t->started = true;
}

/*
 * What is left of a budget when the launches and closes that could not leave yet count towards it: a link without
 * room gets no more of them, which then are late but not lost, and the answers on established connections do not
 * stand behind a crowd. TCP's output is first in, first out: as many segments as left since then have gone before
 * the newest of them, or were they; with nothing pending all are gone, or wait for a neighbour.
 */
static unsigned budget_left(struct traffic *t, unsigned budget)
{
    uint64_t sent = tcp_counters(t->tcp)->segments_sent;

    t->unsent = stack_output_pending(t->stack) ? t->unsent - (unsigned)min_u64(t->unsent, sent - t->segments_sent) : 0;
    t->silent = sent == t->segments_sent && (t->silent || t->acted);
    t->segments_sent = sent;
    return budget - min_u32(budget, t->unsent);
}

static unsigned close_some(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    unsigned n = 0;

    while (n < budget && client_close_listed(t, run, now))
        n++;
    return n;
}

static unsigned drain_some(struct traffic *t, int64_t now, unsigned budget)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < t->n_loads; i++)
        n += close_some(t, &t->loads[i], now, budget - n);
    return n + server_drain(t, now, budget - n);
}

static unsigned run_load(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    return run->draining ? close_some(t, run, now, min_u32(budget, CLOSE_BUDGET)) : launch_run(t, run, now, budget);
}

unsigned traffic_run(struct traffic *t, int64_t now, unsigned budget)
{
    unsigned n = 0;

    t->now = now;
    if (t->draining) {
        t->unsent += drain_some(t, now, budget_left(t, CLOSE_BUDGET));
        return 0;
    }
    if (!t->started || now < t->start_at)
        return 0;
    budget = budget_left(t, budget);
    for (uint32_t i = 0; i < t->n_loads; i++)
        n += run_load(t, &t->loads[i], now, budget);
    t->unsent += n;
    t->acted = n > 0;
    return n;
}

int64_t traffic_next_deadline(const struct traffic *t)
{
    int64_t at = TIME_NEVER;

    if (t->draining) {
        bool left = t->drain_scan < t->server_connections.touched;
        for (uint32_t i = 0; i < t->n_loads; i++)
            left |= t->loads[i].list_head != POOL_NONE;
        return left ? t->now : TIME_NEVER;
    }
    if (!t->started)
        return TIME_NEVER;
    if (t->now < t->start_at)
        return t->n_loads > 0 ? t->start_at : TIME_NEVER;
    for (uint32_t i = 0; i < t->n_loads; i++)
        at = min_i64(at, launch_next_deadline(t, &t->loads[i]));
    return at;
}

bool traffic_is_spent(const struct traffic *t)
{
    for (uint32_t i = 0; i < t->n_loads; i++)
        if (!launch_is_spent(&t->loads[i]) || t->loads[i].stats->transactions.active > 0)
            return false;
    return true;
}

void traffic_drain(struct traffic *t, int64_t now)
{
    if (t->draining)
        return;
    t->now = now;
    t->draining = true;
    for (uint32_t i = 0; i < t->n_loads; i++)
        launch_stop(t, &t->loads[i], now);
    for (uint32_t i = 0; i < t->n_servers; i++)
        if (!t->servers[i].server->has_clients)
            server_unlisten(t, &t->servers[i], now);
}

bool traffic_finished(const struct traffic *t)
{
    return t->draining && t->client_connections.used == 0 && t->server_connections.used == 0;
}

void traffic_stop(struct traffic *t, int64_t now)
{
    traffic_drain(t, now);
    traffic_abort_everything(t, now);
}
