/* SPDX-License-Identifier: MIT */
/*
 * Results as JSON: the schema of DESIGN section 5 and what goes beyond it (phases of the schedule, servers, TCP
 * and stack counters, the guard, criteria). Maps of causes hold what occurred; everything else is always there.
 */
#include "traffic/results.h"

#include "traffic/protocol.h"

static void put_seconds(struct json_writer *w, const char *key, int64_t ns)
{
    json_key(w, key);
    json_put_fixed(w, (double)ns / 1e9, 6);
}

/* ---- pieces of a load ---- */

static void put_causes(struct json_writer *w, const struct cause_counts *causes)
{
    json_member_object(w, "failed");
    for (uint32_t i = 0; i < causes->used; i++)
        json_member_u64(w, causes->list[i].name, causes->list[i].count);
    json_end_object(w);
}

static void put_by_status(struct json_writer *w, const uint64_t by_status[STATUS_COUNTS])
{
    json_member_object(w, "by_status");
    for (unsigned status = 0; status < STATUS_COUNTS; status++) {
        char name[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10), '\0'};
        if (by_status[status] > 0)
            json_member_u64(w, status ? name : "other", by_status[status]);
    }
    json_end_object(w);
}

static void put_closed_by(struct json_writer *w, const uint64_t closed_by[TCP_CLOSE_REASON_COUNT])
{
    json_member_object(w, "closed_by");
    for (unsigned i = 0; i < TCP_CLOSE_REASON_COUNT; i++)
        if (closed_by[i] > 0)
            json_member_u64(w, tcp_close_reason_name((enum tcp_close_reason)i), closed_by[i]);
    json_end_object(w);
}

static void put_connections(struct json_writer *w, const struct load_stats *s)
{
    json_member_object(w, "connections");
    json_member_u64(w, "attempted", s->connections.attempted);
    json_member_u64(w, "connecting", s->connections.connecting);
    json_member_u64(w, "established", s->connections.established);
    json_member_object(w, "failed");
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        if (s->connections.failed[i] > 0)
            json_member_u64(w, connect_failure_name((enum connect_failure)i), s->connections.failed[i]);
    json_end_object(w);
    json_member_u64(w, "closed", s->connections.closed);
    json_member_u64(w, "live", s->connections.live);
    put_closed_by(w, s->connections.closed_by);
    json_end_object(w);
}

static void put_transactions(struct json_writer *w, const struct load_stats *s)
{
    json_member_object(w, "transactions");
    json_member_u64(w, "started", s->transactions.started);
    json_member_u64(w, "completed", s->transactions.completed);
    json_member_u64(w, "active", s->transactions.active);
    put_causes(w, &s->transactions.failed);
    put_by_status(w, s->transactions.by_status);
    json_member_u64(w, "body_bytes", s->transactions.body_bytes);
    json_end_object(w);
}

static void put_bytes(struct json_writer *w, uint64_t sent, uint64_t received)
{
    json_member_object(w, "bytes");
    json_member_u64(w, "sent", sent);
    json_member_u64(w, "received", received);
    json_end_object(w);
}

/* A rate or level in the unit people use. */
static void put_level(struct json_writer *w, const char *key, enum schedule_target target, uint64_t value)
{
    json_key(w, key);
    if (target == SCHEDULE_CONNECTIONS || target == SCHEDULE_TRANSACTIONS)
        json_put_fixed(w, (double)value / 1e3, 3);
    else
        json_put_u64(w, value);
}

static void put_phases(struct json_writer *w, const struct schedule *schedule, const struct load_stats *s)
{
    json_member_array(w, "phases");
    for (uint32_t i = 0; i < schedule->n_phases; i++) {
        const struct schedule_phase *p = &schedule->phases[i];
        json_begin_object(w);
        put_seconds(w, "start_s", p->start_ns);
        put_seconds(w, "duration_s", p->duration_ns);
        put_level(w, "from", schedule->target, p->from);
        put_level(w, "to", schedule->target, p->to);
        json_member_u64(w, "planned", p->count);
        json_member_u64(w, "sent", s->phases[i].sent);
        json_member_u64(w, "established", s->phases[i].established);
        json_member_u64(w, "completed_transactions", s->phases[i].completed_transactions);
        json_member_u64(w, "bits", s->phases[i].bits);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_schedule(struct json_writer *w, const struct plan_load *load, const struct load_stats *s)
{
    json_member_object(w, "schedule");
    json_member_string(w, "target", schedule_target_name(load->schedule.target));
    json_member_string(w, "unit", schedule_target_unit(load->schedule.target));
    json_member_u64(w, "requested", s->schedule.requested);
    json_member_u64(w, "sent", s->schedule.sent);
    json_member_u64(w, "late", s->schedule.late);
    json_member_u64(w, "dropped", s->schedule.dropped);
    put_phases(w, &load->schedule, s);
    json_end_object(w);
}

static void put_histogram(struct json_writer *w, const char *key, const struct histogram *h)
{
    static const struct {
        const char *name;
        uint32_t ppm;
    } quantiles[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000}};

    json_member_object(w, key);
    json_member_u64(w, "count", h->count);
    json_member_u64(w, "min", h->count ? h->min : 0);
    json_member_u64(w, "mean", histogram_mean(h));
    for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
        json_member_u64(w, quantiles[i].name, histogram_quantile(h, quantiles[i].ppm));
    json_member_u64(w, "max", h->max);
    json_end_object(w);
}

static void put_latency(struct json_writer *w, const struct load_stats *s)
{
    json_member_object(w, "latency_ns");
    put_histogram(w, "connect", &s->connect);
    put_histogram(w, "first_byte", &s->first_byte);
    put_histogram(w, "transaction", &s->transaction);
    json_end_object(w);
}

static void put_tcp(struct json_writer *w, const char *key, const struct tcp_counters *c)
{
    json_member_object(w, key);
#define PUT_TCP_COUNTER(name) json_member_u64(w, #name, c->name);
    TCP_COUNTER_LIST(PUT_TCP_COUNTER)
#undef PUT_TCP_COUNTER
    json_end_object(w);
}

/* TCP's counts of the ports at each side of a load. Loads that share a port share these. */
static void put_tcp_sides(struct json_writer *w, const struct results *r, const struct plan_load *load)
{
    struct tcp_counters client = {0};

    for (uint32_t i = 0; i < load->n_client_ports; i++)
        tcp_counters_merge(&client, &r->stats->tcp[load->client_ports[i]]);
    json_member_object(w, "tcp");
    put_tcp(w, "client", &client);
    if (load->server_device != PLAN_NONE)
        put_tcp(w, "server", &r->stats->tcp[r->plan->devices[load->server_device].port]);
    json_end_object(w);
}

static void put_criteria(struct json_writer *w, const struct results *r, uint32_t load)
{
    struct results_verdict verdict;

    results_judge_load(r, load, &verdict);
    json_member_bool(w, "passed", verdict.met);
    json_member_array(w, "criteria");
    for (uint32_t i = 0; i < verdict.count; i++) {
        json_begin_object(w);
        json_member_string(w, "name", verdict.list[i].name);
        json_member_u64(w, "limit", verdict.list[i].limit);
        json_member_u64(w, "found", verdict.list[i].found);
        json_member_bool(w, "met", verdict.list[i].met);
        json_member_string(w, "text", verdict.list[i].text);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_load(struct json_writer *w, const struct results *r, uint32_t i)
{
    const struct plan_load *load = &r->plan->loads[i];
    const struct load_stats *s = &r->stats->loads[i];

    json_begin_object(w);
    json_member_string(w, "name", load->name);
    json_member_string(w, "protocol", load->protocol->name);
    put_connections(w, s);
    put_transactions(w, s);
    put_bytes(w, s->bytes.sent, s->bytes.received);
    put_schedule(w, load, s);
    put_latency(w, s);
    put_tcp_sides(w, r, load);
    put_criteria(w, r, i);
    json_end_object(w);
}

/* ---- leases, servers and ports ---- */

static void put_lease(struct json_writer *w, const struct results *r, uint32_t i)
{
    const struct plan_lease *l = &r->plan->leases[i];
    const struct plan_device *d = &r->plan->devices[l->device];
    const struct lease_stats *s = &r->stats->leases[i];

    json_begin_object(w);
    json_member_string(w, "device", d->name);
    json_member_string(w, "family", l->v6 ? "ipv6" : "ipv4");
    json_member_u64(w, "hosts", d->count);
    json_member_u64(w, "held", s->held);
    json_member_u64(w, "gained", s->gained);
    json_member_u64(w, "renewed", s->renewed);
    json_member_u64(w, "lost", s->lost);
    json_member_u64(w, "conflicts", s->conflicts);
    json_member_u64(w, "refused", s->refused);
    json_member_u64(w, "released", s->released);
    json_member_object(w, "latency_ns");
    put_histogram(w, "lease", &s->took);
    put_histogram(w, "renew", &s->renew);
    json_end_object(w);
    json_end_object(w);
}

static void put_server(struct json_writer *w, const struct results *r, uint32_t i)
{
    const struct plan_server *server = &r->plan->servers[i];
    const struct server_stats *s = &r->stats->servers[i];

    json_begin_object(w);
    json_member_string(w, "name", server->name);
    json_member_string(w, "device", r->plan->devices[server->device].name);
    json_member_u64(w, "port", server->port);
    json_member_object(w, "connections");
    json_member_u64(w, "accepted", s->connections.accepted);
    json_member_u64(w, "connecting", s->connections.connecting);
    json_member_u64(w, "established", s->connections.established);
    json_member_u64(w, "failed", s->connections.failed);
    json_member_u64(w, "refused", s->connections.refused);
    json_member_u64(w, "overloaded", s->connections.overloaded);
    json_member_u64(w, "idle", s->connections.idle);
    json_member_u64(w, "stuck", s->connections.stuck);
    json_member_u64(w, "closed", s->connections.closed);
    json_member_u64(w, "live", s->connections.live);
    put_closed_by(w, s->connections.closed_by);
    json_end_object(w);
    json_member_object(w, "requests");
    json_member_u64(w, "served", s->requests.served);
    put_causes(w, &s->requests.failed);
    put_by_status(w, s->requests.by_status);
    json_member_u64(w, "body_bytes", s->requests.body_bytes);
    json_end_object(w);
    put_bytes(w, s->bytes.sent, s->bytes.received);
    json_end_object(w);
}

static void put_stack(struct json_writer *w, const struct stack_counters *c)
{
    json_member_object(w, "stack");
#define PUT_STACK_COUNTER(name) json_member_u64(w, #name, c->name);
    STACK_COUNTER_LIST(PUT_STACK_COUNTER)
#undef PUT_STACK_COUNTER
    json_end_object(w);
}

static void put_drops(struct json_writer *w, const struct results_port *p)
{
    json_member_object(w, "drops");
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        if (p->link.drops[i] > 0)
            json_member_u64(w, link_drop_name((enum link_drop)i), p->link.drops[i]);
    json_end_object(w);
    json_member_object(w, "guard_denied");
    for (unsigned i = 0; i < GUARD_CAUSE_COUNT; i++)
        if (p->guard_denied[i] > 0)
            json_member_u64(w, guard_cause_name((enum guard_cause)i), p->guard_denied[i]);
    json_end_object(w);
}

static void put_impairment(struct json_writer *w, const struct impair_counters *c)
{
    json_member_object(w, "impairment");
    json_member_u64(w, "lost", c->lost);
    json_member_u64(w, "duplicated", c->duplicated);
    json_member_u64(w, "corrupted", c->corrupted);
    json_member_u64(w, "reordered", c->reordered);
    json_member_u64(w, "delayed", c->delayed);
    json_member_u64(w, "queue_full", c->queue_full);
    json_end_object(w);
}

static void put_port(struct json_writer *w, const struct results *r, uint32_t i)
{
    const struct plan_port *port = &r->plan->ports[i];
    const struct results_port *p = &r->ports[i];

    json_begin_object(w);
    json_member_string(w, "name", port->name);
    json_member_string(w, "location", port->location);
    if (p->note[0])
        json_member_string(w, "opened_as", p->note);
    json_member_u64(w, "frames_tx", p->link.frames_tx);
    json_member_u64(w, "frames_rx", p->link.frames_rx);
    json_member_u64(w, "bytes_tx", p->link.bytes_tx);
    json_member_u64(w, "bytes_rx", p->link.bytes_rx);
    put_drops(w, p);
    if (port->impaired)
        put_impairment(w, &p->impair);
    put_tcp(w, "tcp", &r->stats->tcp[i]);
    put_stack(w, &r->stats->stack[i]);
    json_end_object(w);
}

void results_write_json(struct json_writer *w, const struct results *r)
{
    json_begin_object(w);
    json_member_u64(w, "schema", RESULTS_SCHEMA);
    put_seconds(w, "duration_s", r->duration_ns);
    put_seconds(w, "load_s", r->load_ns);
    put_seconds(w, "prepare_s", r->prepare_ns);
    json_member_u64(w, "seed", r->plan->seed);
    json_member_bool(w, "interrupted", r->interrupted);
    json_member_bool(w, "passed", results_passed(r));
    json_member_array(w, "loads");
    for (uint32_t i = 0; i < r->plan->n_loads; i++)
        if (r->plan->loads[i].n_clients > 0)
            put_load(w, r, i);
    json_end_array(w);
    json_member_array(w, "leases");
    for (uint32_t i = 0; i < r->plan->n_leases; i++)
        put_lease(w, r, i);
    json_end_array(w);
    json_member_array(w, "servers");
    for (uint32_t i = 0; i < r->plan->n_servers; i++)
        put_server(w, r, i);
    json_end_array(w);
    json_member_array(w, "flows");
    json_end_array(w);
    json_member_array(w, "ports");
    for (uint32_t i = 0; i < r->plan->n_ports; i++)
        put_port(w, r, i);
    json_end_array(w);
    json_end_object(w);
}
