/* SPDX-License-Identifier: MIT */
/*
 * Reading what a traffic counted, merging the copies of several, and checking counts against connection objects.
 */
#include <string.h>

#include "traffic/traffic_private.h"

int traffic_stats_new(const struct plan *p, const struct allocator *a, struct traffic_stats **out)
{
    struct traffic_stats *s = alloc_zeroed(a, sizeof *s, alignof(struct traffic_stats));

    *out = s;
    if (!s)
        return ERR_NO_MEMORY;
    s->allocator = a;
    s->n_loads = p->n_loads;
    s->n_servers = p->n_servers;
    s->n_leases = p->n_leases;
    s->loads = alloc_array(a, s->n_loads + 1u, sizeof *s->loads, CACHE_LINE);
    s->servers = alloc_array(a, s->n_servers + 1u, sizeof *s->servers, CACHE_LINE);
    s->leases = alloc_array(a, s->n_leases + 1u, sizeof *s->leases, CACHE_LINE);
    if (s->loads && s->servers && s->leases)
        return 0;
    traffic_stats_delete(s);
    *out = NULL;
    return ERR_NO_MEMORY;
}

void traffic_stats_delete(struct traffic_stats *s)
{
    if (!s)
        return;
    alloc_free(s->allocator, s->loads, (s->n_loads + 1u) * sizeof *s->loads);
    alloc_free(s->allocator, s->servers, (s->n_servers + 1u) * sizeof *s->servers);
    alloc_free(s->allocator, s->leases, (s->n_leases + 1u) * sizeof *s->leases);
    alloc_free(s->allocator, s, sizeof *s);
}

void traffic_stats_reset(struct traffic_stats *s)
{
    memset(s->loads, 0, s->n_loads * sizeof *s->loads);
    memset(s->servers, 0, s->n_servers * sizeof *s->servers);
    memset(s->leases, 0, s->n_leases * sizeof *s->leases);
    memset(s->tcp, 0, sizeof s->tcp);
    memset(s->stack, 0, sizeof s->stack);
}

void traffic_stats_merge(struct traffic_stats *into, const struct traffic_stats *from)
{
    for (uint32_t i = 0; i < into->n_loads; i++)
        load_stats_merge(&into->loads[i], &from->loads[i]);
    for (uint32_t i = 0; i < into->n_servers; i++)
        server_stats_merge(&into->servers[i], &from->servers[i]);
    for (uint32_t i = 0; i < into->n_leases; i++)
        lease_stats_merge(&into->leases[i], &from->leases[i]);
    for (uint32_t i = 0; i < PLAN_MAX_PORTS; i++) {
        tcp_counters_merge(&into->tcp[i], &from->tcp[i]);
        stack_counters_merge(&into->stack[i], &from->stack[i]);
    }
}

void traffic_read_stats(const struct traffic *t, struct traffic_stats *into)
{
    for (uint32_t i = 0; i < t->n_loads; i++) {
        const struct load_run *run = &t->loads[i];
        struct load_stats *to = &into->loads[t->load_numbers[i]];
        load_stats_merge(to, run->stats);
        to->phases[run->phase].bits += 8 * (run_bytes(run) - run->phase_bytes);
    }
    for (uint32_t i = 0; i < t->n_servers; i++)
        server_stats_merge(&into->servers[t->server_numbers[i]], t->servers[i].stats);
    tcp_counters_merge(&into->tcp[t->port], tcp_counters(t->tcp));
    stack_counters_merge(&into->stack[t->port], stack_counters(t->stack));
}

const struct load_stats *traffic_load_stats(const struct traffic *t, uint32_t load)
{
    for (uint32_t i = 0; i < t->n_loads; i++)
        if (t->load_numbers[i] == load)
            return t->loads[i].stats;
    return NULL;
}

void traffic_get_occupancy(const struct traffic *t, struct traffic_occupancy *out)
{
    *out = (struct traffic_occupancy){
        .client_connections = t->client_connections.used,
        .server_connections = t->server_connections.used,
        .activities = t->activities.used,
        .spans = t->outq.spans.used,
        .chunks = t->outq.chunks.used,
    };
}

/* ---- checking ---- */

static const char *check_load(const struct traffic *t, const struct load_run *run)
{
    uint32_t connecting = 0, live = 0, closing = 0, listed = 0;
    uint64_t pending = 0;

    for (uint32_t i = 1; i <= t->client_connections.touched; i++) {
        const struct connection *connection = pool_at(&t->client_connections, i);
        const struct activity *a;
        if (connection->state == CONNECTION_FREE || &t->loads[connection->owner] != run)
            continue;
        connecting += connection->state == CONNECTION_CONNECTING;
        live += connection->state != CONNECTION_CONNECTING;
        closing += connection->state == CONNECTION_WAITING || connection->state == CONNECTION_CLOSING;
        listed += (connection->flags & CONNECTION_LISTED) != 0;
        a = activity_of(t, connection);
        pending += (a ? a->pending : 0) + ((connection->flags & CONNECTION_DUE) != 0);
    }
    if (connecting != run->stats->connections.connecting || live != run->stats->connections.live)
        return "connection objects agree with connecting and live";
    if (connecting + live != run->open || closing != run->closing || listed != run->listed)
        return "connection objects agree with open, closing and listed";
    if (pending != run->stats->transactions.active)
        return "activities agree with active transactions";
    return NULL;
}

const char *traffic_check(const struct traffic *t)
{
    const char *wrong = NULL;

    for (uint32_t i = 0; !wrong && i < t->n_loads; i++) {
        wrong = load_stats_check(t->loads[i].stats);
        if (!wrong)
            wrong = check_load(t, &t->loads[i]);
    }
    for (uint32_t i = 0; !wrong && i < t->n_servers; i++)
        wrong = server_stats_check(t->servers[i].stats);
    return wrong;
}
