/* SPDX-License-Identifier: MIT */
/*
 * The result sheet of a run: see facts.h. The lines of a load are in facts_load.c.
 */
#include "cli/facts.h"

#include <stdio.h>
#include <string.h>

#include "cli/facts_private.h"
#include "cli/format.h"

void facts_write_causes(const struct cause_counts *causes, const struct sheet *s)
{
    for (uint32_t i = 0; i < causes->used; i++)
        if (causes->list[i].count > 0)
            sheet_trouble(s, causes->list[i].name, causes->list[i].count);
}

void facts_write_status(const uint64_t by_status[STATUS_COUNTS], const struct sheet *s)
{
    char name[8];
    s->ops->begin_line(s->to, "status");
    unsigned shown = 0;
    for (unsigned i = 0; i < STATUS_COUNTS; i++) {
        if (by_status[i] == 0)
            continue;
        snprintf(name, sizeof name, i ? "%u:" : "other:", i);
        sheet_count(s, name, by_status[i]);
        shown++;
    }
    if (shown == 0)
        sheet_say(s, "", "none");
    s->ops->end_line(s->to);
}

void facts_write_closed_by(const uint64_t closed_by[TCP_CLOSE_REASON_COUNT], const struct sheet *s)
{
    uint64_t total = 0;
    s->ops->begin_line(s->to, "closed by");
    for (unsigned i = 0; i < TCP_CLOSE_REASON_COUNT; i++)
        total += closed_by[i];
    for (unsigned i = 0; i < TCP_CLOSE_REASON_COUNT; i++)
        if (closed_by[i] > 0)
            sheet_count(s, tcp_close_reason_name((enum tcp_close_reason)i), closed_by[i]);
    if (total == 0)
        sheet_say(s, "", "nothing");
    s->ops->end_line(s->to);
}

void facts_write_server(const struct facts *f, uint32_t number, const struct sheet *s)
{
    const struct plan_server *server = &f->results->plan->servers[number];
    const struct server_stats *c = &f->results->stats->servers[number];
    uint64_t failed = cause_counts_total(&c->requests.failed);
    s->ops->heading(s->to, "server", server->name);
    s->ops->begin_line(s->to, "connections");
    sheet_count(s, "accepted", c->connections.accepted);
    sheet_count(s, "established", c->connections.established);
    sheet_trouble(s, "failed", c->connections.failed);
    sheet_trouble(s, "refused", c->connections.refused);
    sheet_trouble(s, "overloaded", c->connections.overloaded);
    sheet_trouble(s, "stuck", c->connections.stuck);
    if (c->connections.idle > 0)
        sheet_count(s, "idle", c->connections.idle);
    sheet_count(s, "closed", c->connections.closed);
    sheet_count(s, "live", c->connections.live);
    s->ops->end_line(s->to);
    facts_write_closed_by(c->connections.closed_by, s);
    s->ops->begin_line(s->to, "requests");
    sheet_count(s, "served", c->requests.served);
    sheet_trouble(s, "failed", failed);
    facts_write_causes(&c->requests.failed, s);
    s->ops->end_line(s->to);
    facts_write_status(c->requests.by_status, s);
    s->ops->begin_line(s->to, "bytes");
    sheet_count(s, "sent", c->bytes.sent);
    sheet_count(s, "received", c->bytes.received);
    s->ops->end_line(s->to);
}

static void write_times(const struct sheet *s, const char *label, const struct histogram *h)
{
    if (h->count == 0)
        return;
    s->ops->begin_line(s->to, label);
    sheet_say(s, "median", "%s", format_duration(histogram_quantile(h, 500000)).s);
    sheet_say(s, "p99", "%s", format_duration(histogram_quantile(h, 990000)).s);
    sheet_say(s, "max", "%s", format_duration(h->max).s);
    s->ops->end_line(s->to);
}

void facts_write_lease(const struct facts *f, uint32_t number, const struct sheet *s)
{
    const struct plan_lease *l = &f->results->plan->leases[number];
    const struct plan_device *d = &f->results->plan->devices[l->device];
    const struct lease_stats *c = &f->results->stats->leases[number];
    s->ops->heading(s->to, l->v6 ? "DHCPv6 of" : "DHCPv4 of", d->name);
    s->ops->begin_line(s->to, "leases");
    sheet_count(s, "hosts", d->count);
    sheet_count(s, "gained", c->gained);
    sheet_count(s, "renewed", c->renewed);
    sheet_count(s, "released", c->released);
    sheet_trouble(s, "lost", c->lost);
    sheet_trouble(s, "conflicts", c->conflicts);
    sheet_trouble(s, "refused", c->refused);
    s->ops->end_line(s->to);
    write_times(s, "to a lease", &c->took);
    write_times(s, "to renew", &c->renew);
}

static void write_drops(const struct results_port *p, const struct sheet *s)
{
    uint64_t total = 0;
    s->ops->begin_line(s->to, "drops");
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++) {
        total += p->link.drops[i];
        if (p->link.drops[i] > 0)
            sheet_trouble(s, link_drop_name((enum link_drop)i), p->link.drops[i]);
    }
    if (total == 0)
        sheet_say(s, "", "none");
    s->ops->end_line(s->to);
}

static void write_guard(const struct results_port *p, const struct sheet *s)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < GUARD_CAUSE_COUNT; i++)
        total += p->guard_denied[i];
    if (total == 0)
        return;
    s->ops->begin_line(s->to, "guard denied");
    for (unsigned i = 0; i < GUARD_CAUSE_COUNT; i++)
        if (p->guard_denied[i] > 0)
            sheet_trouble(s, guard_cause_name((enum guard_cause)i), p->guard_denied[i]);
    s->ops->end_line(s->to);
}

static void write_impairment(const struct impair_counters *c, const struct sheet *s)
{
    s->ops->begin_line(s->to, "impairment");
    sheet_count(s, "lost", c->lost);
    sheet_count(s, "duplicated", c->duplicated);
    sheet_count(s, "corrupted", c->corrupted);
    sheet_count(s, "reordered", c->reordered);
    sheet_count(s, "delayed", c->delayed);
    sheet_count(s, "queue full", c->queue_full);
    s->ops->end_line(s->to);
}

static void write_port_tcp(const struct tcp_counters *c, uint32_t cap, const struct sheet *s)
{
    s->ops->begin_line(s->to, "TCP");
    sheet_count(s, "segments sent", c->segments_sent);
    sheet_count(s, "received", c->segments_received);
    sheet_count(s, "retransmitted", c->retransmitted_segments);
    sheet_count(s, "RTOs", c->rto_fired);
    sheet_count(s, "fast retransmits", c->fast_retransmits);
    sheet_count(s, "resets sent", c->resets_sent);
    sheet_count(s, "resets received", c->resets_received);
    s->ops->end_line(s->to);
    s->ops->begin_line(s->to, "TIME_WAIT");
    sheet_count(s, "entered", c->time_wait_entered);
    sheet_count(s, "recycled", c->time_wait_recycled);
    sheet_count(s, "reused", c->time_wait_reused);
    sheet_count(s, "cap", cap);
    s->ops->end_line(s->to);
}

/* "drop_bad_ack" as "bad_ack": the line says that these are drops. */
static const char *drop_name(const char *counter) { return strncmp(counter, "drop_", 5) == 0 ? counter + 5 : counter; }

/* Segments and frames that TCP and the stack did not accept, by cause. */
static void write_rejected(const struct tcp_counters *tcp, const struct stack_counters *stack, const struct sheet *s)
{
    const struct {
        const char *name;
        uint64_t count;
    } list[] = {
#define REJECTED_TCP(name) {#name, tcp->name},
        TCP_COUNTER_LIST(REJECTED_TCP)
#undef REJECTED_TCP
#define REJECTED_STACK(name) {"drop_" #name, stack->name},
            STACK_DROP_LIST(REJECTED_STACK)
#undef REJECTED_STACK
    };
    bool begun = false;
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        if (list[i].count == 0 || strncmp(list[i].name, "drop_", 5) != 0)
            continue;
        if (!begun)
            s->ops->begin_line(s->to, "not accepted");
        begun = true;
        sheet_count(s, drop_name(list[i].name), list[i].count);
    }
    if (begun)
        s->ops->end_line(s->to);
}

void facts_write_port(const struct facts *f, uint32_t number, const struct sheet *s)
{
    const struct plan_port *port = &f->results->plan->ports[number];
    const struct results_port *p = &f->results->ports[number];
    const struct traffic_stats *stats = f->results->stats;
    s->ops->heading(s->to, "port", port->name);
    s->ops->begin_line(s->to, "frames");
    sheet_say(s, "location", "%s", port->location);
    if (p->note[0])
        sheet_say(s, "opened as", "%s", p->note);
    sheet_count(s, "sent", p->link.frames_tx);
    sheet_count(s, "received", p->link.frames_rx);
    sheet_count(s, "bytes sent", p->link.bytes_tx);
    sheet_count(s, "bytes received", p->link.bytes_rx);
    sheet_say(s, "worker busy", "%s", format_share(f->busy_ppm[number] / 1e6).s);
    s->ops->end_line(s->to);
    write_port_tcp(&stats->tcp[number], f->results->plan->max_time_wait, s);
    write_drops(p, s);
    write_guard(p, s);
    write_rejected(&stats->tcp[number], &stats->stack[number], s);
    if (port->impaired)
        write_impairment(&p->impair, s);
}

void facts_write(const struct facts *f, const struct sheet *s)
{
    const struct plan *p = f->results->plan;
    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].n_clients > 0)
            facts_write_load(f, i, s);
    for (uint32_t i = 0; i < p->n_leases; i++)
        facts_write_lease(f, i, s);
    for (uint32_t i = 0; i < p->n_servers; i++)
        facts_write_server(f, i, s);
    for (uint32_t i = 0; i < p->n_ports; i++)
        facts_write_port(f, i, s);
}
