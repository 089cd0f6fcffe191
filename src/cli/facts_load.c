/* SPDX-License-Identifier: MIT */
/*
 * What is told of a load: see facts.h.
 */
#include <stdio.h>

#include "cli/facts_private.h"
#include "cli/format.h"
#include "cli/sample.h"
#include "traffic/protocol.h"

static bool in_thousandths(enum schedule_target target)
{
    return target == SCHEDULE_CONNECTIONS || target == SCHEDULE_TRANSACTIONS;
}

static void write_target(const struct plan *p, const struct plan_load *l, const struct sheet *s)
{
    const struct schedule *c = &l->schedule;
    struct format_text peak = in_thousandths(c->target) ? format_thousandths(c->peak) : format_count(c->peak);
    s->ops->begin_line(s->to, "target");
    sheet_say(s, "", "%s, %s", l->protocol->name, l->closed_loop ? "closed loop" : "open loop");
    sheet_say(s, schedule_target_name(c->target), "up to %s", peak.s);
    sheet_say(s, "", "%u phase%s in %s", c->n_phases, c->n_phases == 1 ? "" : "s",
              format_seconds(min_i64(c->duration_ns, p->duration_ns)).s);
    s->ops->end_line(s->to);
}

static void write_schedule(const struct load_stats *c, const struct sheet *s)
{
    s->ops->begin_line(s->to, "schedule");
    sheet_count(s, "requested", c->schedule.requested);
    sheet_count(s, "sent", c->schedule.sent);
    sheet_trouble(s, "late", c->schedule.late);
    sheet_trouble(s, "dropped", c->schedule.dropped);
    s->ops->end_line(s->to);
}

static void write_connect_causes(const struct load_stats *c, const struct sheet *s)
{
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        if (c->connections.failed[i] > 0)
            sheet_trouble(s, connect_failure_name((enum connect_failure)i), c->connections.failed[i]);
}

static void write_connections(const struct load_stats *c, const struct sample *totals, const struct sheet *s)
{
    s->ops->begin_line(s->to, "connections");
    sheet_count(s, "attempted", c->connections.attempted);
    sheet_count(s, "established", c->connections.established);
    sheet_trouble(s, "failed", totals->count[SAMPLE_connections_failed]);
    sheet_count(s, "closed", c->connections.closed);
    sheet_count(s, "live", c->connections.live);
    s->ops->end_line(s->to);
    if (totals->count[SAMPLE_connections_failed] == 0)
        return;
    s->ops->begin_line(s->to, "  failed by");
    write_connect_causes(c, s);
    s->ops->end_line(s->to);
}

static void write_transactions(const struct load_stats *c, const struct sample *totals, const struct sheet *s)
{
    s->ops->begin_line(s->to, "transactions");
    sheet_count(s, "started", c->transactions.started);
    sheet_count(s, "completed", c->transactions.completed);
    sheet_trouble(s, "failed", totals->count[SAMPLE_transactions_failed]);
    s->ops->end_line(s->to);
    if (totals->count[SAMPLE_transactions_failed] > 0) {
        s->ops->begin_line(s->to, "  failed by");
        facts_write_causes(&c->transactions.failed, s);
        s->ops->end_line(s->to);
    }
    facts_write_status(c->transactions.by_status, s);
}

static void write_bytes(const struct load_stats *c, const struct sheet *s)
{
    s->ops->begin_line(s->to, "bytes");
    sheet_count(s, "sent", c->bytes.sent);
    sheet_count(s, "received", c->bytes.received);
    sheet_count(s, "in bodies", c->transactions.body_bytes);
    s->ops->end_line(s->to);
}

/* Over the time of the load, without the drain. */
static void write_rates(const struct results *r, const struct sample *totals, const struct sheet *s)
{
    double bits_sent = 8 * sample_rate(totals, SAMPLE_bytes_sent, r->load_ns);
    double bits_received = 8 * sample_rate(totals, SAMPLE_bytes_received, r->load_ns);
    s->ops->begin_line(s->to, "mean rates");
    sheet_say(s, "", "%s connections/s", format_si(sample_rate(totals, SAMPLE_connections_established, r->load_ns)).s);
    sheet_say(s, "", "%s transactions/s", format_si(sample_rate(totals, SAMPLE_transactions_completed, r->load_ns)).s);
    sheet_say(s, "", "%s sent", format_bits(bits_sent).s);
    sheet_say(s, "", "%s received", format_bits(bits_received).s);
    s->ops->end_line(s->to);
}

#define LATENCY_COLUMNS 7
static const char *const latency_columns[LATENCY_COLUMNS] = {"min", "mean", "p50", "p90", "p99", "p99.9", "max"};

static void write_latency_row(const char *name, const struct histogram *h, const struct sheet *s)
{
    struct format_text texts[LATENCY_COLUMNS];
    const char *cells[LATENCY_COLUMNS];
    const uint64_t values[LATENCY_COLUMNS] = {
        h->count ? h->min : 0,
        histogram_mean(h),
        histogram_quantile(h, 500000),
        histogram_quantile(h, 900000),
        histogram_quantile(h, 990000),
        histogram_quantile(h, 999000),
        h->max,
    };
    for (unsigned i = 0; i < LATENCY_COLUMNS; i++) {
        texts[i] = format_duration(values[i]);
        cells[i] = h->count ? texts[i].s : "-";
    }
    s->ops->row(s->to, name, cells, LATENCY_COLUMNS);
}

static void write_latency(const struct load_stats *c, const struct sheet *s)
{
    s->ops->begin_table(s->to, "latency", latency_columns, LATENCY_COLUMNS);
    write_latency_row("connect", &c->connect, s);
    write_latency_row("first byte", &c->first_byte, s);
    write_latency_row("transaction", &c->transaction, s);
    s->ops->end_table(s->to);
}

static const char *who_closes(enum plan_close close)
{
    switch (close) {
    case PLAN_CLOSE_CLIENT:
        return "client closes first";
    case PLAN_CLOSE_SERVER:
        return "server closes first";
    default:
        return "client resets";
    }
}

static void write_closing(const struct results *r, const struct plan_load *l, const struct load_stats *c,
                          const struct sheet *s)
{
    s->ops->begin_line(s->to, "closing");
    sheet_say(s, "", "%s", who_closes(l->close));
    sheet_say(s, "2MSL", "%s", format_seconds(l->tcp.time_wait_ns).s);
    sheet_say(s, "TIME_WAIT cap", "%s a port", format_count(r->plan->max_time_wait).s);
    s->ops->end_line(s->to);
    facts_write_closed_by(c->connections.closed_by, s);
}

static void write_tcp(const struct results *r, const struct plan_load *l, const struct sheet *s)
{
    struct tcp_counters client = {0};
    for (uint32_t i = 0; i < l->n_client_ports; i++)
        tcp_counters_merge(&client, &r->stats->tcp[l->client_ports[i]]);
    s->ops->begin_line(s->to, "TCP");
    sheet_count(s, "retransmitted", client.retransmitted_segments);
    sheet_count(s, "RTOs", client.rto_fired);
    if (l->server_device != PLAN_NONE) {
        const struct tcp_counters *server = &r->stats->tcp[r->plan->devices[l->server_device].port];
        sheet_count(s, "server retransmitted", server->retransmitted_segments);
        sheet_count(s, "server RTOs", server->rto_fired);
    }
    s->ops->end_line(s->to);
}

static void write_criteria(const struct results *r, uint32_t load, const struct sheet *s)
{
    struct results_verdict verdict;
    results_judge_load(r, load, &verdict);
    for (uint32_t i = 0; i < verdict.count; i++)
        s->ops->judgement(s->to, verdict.list[i].met, verdict.list[i].text);
}

void facts_write_load(const struct facts *f, uint32_t load, const struct sheet *s)
{
    const struct results *r = f->results;
    const struct plan_load *l = &r->plan->loads[load];
    const struct load_stats *c = &r->stats->loads[load];
    struct sample totals;
    sample_totals(r, load, &totals);
    s->ops->heading(s->to, "load", l->name);
    write_target(r->plan, l, s);
    write_schedule(c, s);
    write_connections(c, &totals, s);
    write_transactions(c, &totals, s);
    write_bytes(c, s);
    write_rates(r, &totals, s);
    write_latency(c, s);
    write_closing(r, l, c, s);
    write_tcp(r, l, s);
    write_criteria(r, load, s);
}
