/* SPDX-License-Identifier: MIT */
/*
 * Differences of results: see sample.h.
 */
#include "cli/sample.h"

#include "base/alloc_heap.h"
#include "base/error.h"

struct past {
    struct sample totals;
    struct histogram transaction;
};

struct sampler {
    uint32_t n_loads, n_servers;
    bool has_clients;
    struct past *past;          /* n_loads */
    struct sample *servers;     /* n_servers: totals */
    uint64_t retransmitted;     /* of all ports */
    struct histogram span, all; /* work space: of one load, of all */
};

const char *sample_counter_name(enum sample_counter counter)
{
    static const char *const names[SAMPLE_COUNTER_COUNT] = {
#define SAMPLE_COUNTER_NAME(name) [SAMPLE_##name] = #name,
        SAMPLE_COUNTER_LIST(SAMPLE_COUNTER_NAME)
#undef SAMPLE_COUNTER_NAME
    };
    return names[counter];
}

static uint64_t failed_connections(const struct load_stats *s)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        total += s->connections.failed[i];
    return total;
}

static uint64_t retransmitted(const struct results *r,
                              bool (*wanted)(const struct plan *, uint32_t load, uint32_t port), uint32_t load)
{
    uint64_t total = 0;
    for (uint32_t port = 0; port < r->plan->n_ports; port++)
        if (!wanted || wanted(r->plan, load, port))
            total += r->stats->tcp[port].retransmitted_segments;
    return total;
}

static bool carries(const struct plan *p, uint32_t load, uint32_t port)
{
    const struct plan_load *l = &p->loads[load];
    if (l->server_device != PLAN_NONE && p->devices[l->server_device].port == port)
        return true;
    for (uint32_t i = 0; i < l->n_client_ports; i++)
        if (l->client_ports[i] == port)
            return true;
    return false;
}

static void read_latency(struct sample *out, const struct histogram *h)
{
    out->p50_ns = histogram_quantile(h, 500000);
    out->p99_ns = histogram_quantile(h, 990000);
    out->max_ns = histogram_quantile(h, 1000000);
}

static void read_counts(const struct load_stats *s, struct sample *out)
{
    uint64_t *c = out->count;
    c[SAMPLE_requested] = s->schedule.requested;
    c[SAMPLE_sent] = s->schedule.sent;
    c[SAMPLE_late] = s->schedule.late;
    c[SAMPLE_dropped] = s->schedule.dropped;
    c[SAMPLE_connections_attempted] = s->connections.attempted;
    c[SAMPLE_connections_established] = s->connections.established;
    c[SAMPLE_connections_failed] = failed_connections(s);
    c[SAMPLE_connections_closed] = s->connections.closed;
    c[SAMPLE_transactions_started] = s->transactions.started;
    c[SAMPLE_transactions_completed] = s->transactions.completed;
    c[SAMPLE_transactions_failed] = cause_counts_total(&s->transactions.failed);
    c[SAMPLE_bytes_sent] = s->bytes.sent;
    c[SAMPLE_bytes_received] = s->bytes.received;
    out->live = s->connections.live;
}

static void load_totals(const struct results *r, uint32_t load, struct sample *out)
{
    *out = (struct sample){0};
    read_counts(&r->stats->loads[load], out);
    out->count[SAMPLE_retransmitted_segments] = retransmitted(r, carries, load);
}

static void add_sample(struct sample *into, const struct sample *from)
{
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        into->count[i] += from->count[i];
    into->live += from->live;
}

uint32_t sample_rows(const struct plan *p) { return p->n_loads + 1 + p->n_servers; }

bool sample_has_clients(const struct plan *p)
{
    bool found = false;
    for (uint32_t i = 0; i < p->n_loads; i++)
        found |= p->loads[i].n_clients > 0;
    return found;
}

static void server_totals(const struct results *r, uint32_t server, struct sample *out)
{
    const struct server_stats *s = &r->stats->servers[server];
    uint64_t *c = out->count;
    uint64_t failed = cause_counts_total(&s->requests.failed);
    *out = (struct sample){.live = s->connections.live};
    c[SAMPLE_connections_attempted] = s->connections.accepted;
    c[SAMPLE_connections_established] = s->connections.established;
    c[SAMPLE_connections_failed] = s->connections.failed;
    c[SAMPLE_connections_closed] = s->connections.closed;
    c[SAMPLE_transactions_started] = s->requests.served + failed;
    c[SAMPLE_transactions_completed] = s->requests.served;
    c[SAMPLE_transactions_failed] = failed;
    c[SAMPLE_bytes_sent] = s->bytes.sent;
    c[SAMPLE_bytes_received] = s->bytes.received;
    c[SAMPLE_retransmitted_segments] =
        r->stats->tcp[r->plan->devices[r->plan->servers[server].device].port].retransmitted_segments;
}

static void all_servers(const struct results *r, struct sample *out)
{
    struct sample one;
    for (uint32_t i = 0; i < r->plan->n_servers; i++) {
        server_totals(r, i, &one);
        add_sample(out, &one);
    }
}

void sample_totals(const struct results *r, uint32_t row, struct sample *out)
{
    struct sample one;
    if (row > r->plan->n_loads) {
        server_totals(r, row - r->plan->n_loads - 1, out);
        return;
    }
    if (row < r->plan->n_loads) {
        load_totals(r, row, out);
        read_latency(out, &r->stats->loads[row].transaction);
        return;
    }
    *out = (struct sample){0};
    if (!sample_has_clients(r->plan))
        all_servers(r, out);
    for (uint32_t i = 0; i < r->plan->n_loads; i++) {
        load_totals(r, i, &one);
        add_sample(out, &one);
    }
    out->count[SAMPLE_retransmitted_segments] = retransmitted(r, NULL, 0);
}

double sample_rate(const struct sample *s, enum sample_counter counter, int64_t span_ns)
{
    return span_ns > 0 ? (double)s->count[counter] * 1e9 / (double)span_ns : 0;
}

int sampler_new(const struct plan *p, struct sampler **out)
{
    const struct allocator *a = alloc_heap();
    struct sampler *s = alloc_zeroed(a, sizeof *s, alignof(struct sampler));
    *out = NULL;
    if (!s)
        return ERR_NO_MEMORY;
    s->n_loads = p->n_loads;
    s->n_servers = p->n_servers;
    s->has_clients = sample_has_clients(p);
    s->past = alloc_array(a, p->n_loads, sizeof *s->past, alignof(struct past));
    s->servers = alloc_array(a, p->n_servers + 1u, sizeof *s->servers, alignof(struct sample));
    if (!s->past || !s->servers) {
        sampler_delete(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return 0;
}

void sampler_delete(struct sampler *s)
{
    if (!s)
        return;
    alloc_free(alloc_heap(), s->past, s->n_loads * sizeof *s->past);
    alloc_free(alloc_heap(), s->servers, (s->n_servers + 1u) * sizeof *s->servers);
    alloc_free(alloc_heap(), s, sizeof *s);
}

/* span = now - before; the bounds are those of the whole. */
static void subtract_histogram(struct histogram *span, const struct histogram *now, const struct histogram *before)
{
    span->count = now->count - before->count;
    span->sum = now->sum - before->sum;
    span->min = now->min;
    span->max = now->max;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        span->buckets[i] = now->buckets[i] - before->buckets[i];
}

static void take_load(struct sampler *s, const struct results *r, uint32_t load, struct sample *out)
{
    struct past *past = &s->past[load];
    struct sample totals;
    load_totals(r, load, &totals);
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        out->count[i] = totals.count[i] - past->totals.count[i];
    out->live = totals.live;
    subtract_histogram(&s->span, &r->stats->loads[load].transaction, &past->transaction);
    read_latency(out, &s->span);
    histogram_merge(&s->all, &s->span);
    past->totals = totals;
    past->transaction = r->stats->loads[load].transaction;
}

static void take_server(struct sampler *s, const struct results *r, uint32_t server, struct sample *out)
{
    struct sample totals;
    server_totals(r, server, &totals);
    *out = totals;
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        out->count[i] -= s->servers[server].count[i];
    s->servers[server] = totals;
}

void sampler_take(struct sampler *s, const struct results *r, struct sample *out)
{
    struct sample *all = &out[s->n_loads];
    uint64_t resent = retransmitted(r, NULL, 0);
    *all = (struct sample){0};
    histogram_reset(&s->all);
    for (uint32_t i = 0; i < s->n_loads; i++) {
        take_load(s, r, i, &out[i]);
        add_sample(all, &out[i]);
    }
    for (uint32_t i = 0; i < s->n_servers; i++) {
        struct sample *server = &out[s->n_loads + 1 + i];
        take_server(s, r, i, server);
        if (!s->has_clients)
            add_sample(all, server);
    }
    read_latency(all, &s->all);
    all->count[SAMPLE_retransmitted_segments] = resent - s->retransmitted;
    s->retransmitted = resent;
}
