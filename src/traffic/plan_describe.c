/* SPDX-License-Identifier: MIT */
/*
 * A compiled plan in words: what `weir check` prints. Numbers are those that will be executed.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "traffic/protocol.h"

#define LINE_BYTES 512
#define URLS_SHOWN 12u

struct out {
    json_sink_fn *sink;
    void *context;
    int error; /* the first one sticks */
};

static void say(struct out *o, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct out *o, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (o->error == 0 && length > 0)
        o->error = o->sink(o->context, line, (size_t)min_i64(length, LINE_BYTES - 1));
}

/* ---- values for people, exact ---- */

#define VALUE_BYTES 48

/* 90s, 1.5ms: the largest unit that leaves at most three decimals. */
static const char *duration(char text[VALUE_BYTES], int64_t ns)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "us"}, {1, "ns"}};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (ns != 0 && (ns < units[i].ns || (units[i].ns > 1 && ns % (units[i].ns / 1000) != 0)))
            continue;
        int64_t whole = ns / units[i].ns, rest = units[i].ns > 1 ? ns % units[i].ns / (units[i].ns / 1000) : 0;
        if (rest == 0)
            (void)snprintf(text, VALUE_BYTES, "%" PRId64 "%s", whole, units[i].name);
        else
            (void)snprintf(text, VALUE_BYTES, "%" PRId64 ".%03" PRId64 "%s", whole, rest, units[i].name);
        return text;
    }
    return text;
}

static const char *level(char text[VALUE_BYTES], enum schedule_target target, uint64_t value)
{
    bool milli = target == SCHEDULE_CONNECTIONS || target == SCHEDULE_TRANSACTIONS;

    if (milli && value % 1000 != 0)
        (void)snprintf(text, VALUE_BYTES, "%" PRIu64 ".%03" PRIu64, value / 1000, value % 1000);
    else
        (void)snprintf(text, VALUE_BYTES, "%" PRIu64, milli ? value / 1000 : value);
    return text;
}

static const char *bytes(char text[VALUE_BYTES], uint64_t value)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    uint64_t rest = 0;

    for (; value >= 10240 && unit < ARRAY_SIZE(units) - 1; unit++) {
        rest = value % 1024;
        value /= 1024;
    }
    (void)snprintf(text, VALUE_BYTES, "%" PRIu64 " %s", value + (rest >= 512), units[unit]);
    return text;
}

static const char *address(char text[IP_ADDR_TEXT], const struct ip_addr *a)
{
    (void)ip_addr_print(text, IP_ADDR_TEXT, a);
    return text;
}

/* ---- ports and devices ---- */

static void describe_guard(struct out *o, const struct plan_port *p)
{
    char value[VALUE_BYTES], prefix_text[IP_ADDR_PREFIX_TEXT];

    say(o, "    guard:");
    if (p->guard.n_allowed == 0)
        say(o, " every destination");
    for (uint32_t i = 0; i < p->guard.n_allowed; i++) {
        struct ip_prefix prefix = {.addr = ip_addr_from_v6(p->guard.allowed[i].bytes),
                                   .length = p->guard.allowed[i].length};
        if (ip_addr_is_v4(&prefix.addr) && prefix.length >= 96)
            prefix.length = (uint8_t)(prefix.length - 96);
        (void)ip_prefix_print(prefix_text, sizeof prefix_text, &prefix);
        say(o, "%s%s", i ? ", " : " ", prefix_text);
    }
    if (p->guard.max_bits_per_second > 0)
        say(o, "; at most %" PRIu64 " bit/s", p->guard.max_bits_per_second);
    if (p->guard.max_frames > 0)
        say(o, "; at most %" PRIu64 " frames", p->guard.max_frames);
    if (p->max_duration_ns != TIME_NEVER)
        say(o, "; for %s", duration(value, p->max_duration_ns));
    say(o, "\n");
}

static void describe_ports(struct out *o, const struct plan *p)
{
    struct plan_memory m;
    char total[VALUE_BYTES], idle[VALUE_BYTES];

    say(o, "ports:\n");
    for (uint32_t i = 0; i < p->n_ports; i++) {
        const struct plan_port *port = &p->ports[i];
        say(o, "  %s  %s, MTU %u, %u host%s", port->name, port->location, port->mtu, port->n_hosts,
            port->n_hosts == 1 ? "" : "s");
        if (port->peer != PLAN_NONE)
            say(o, ", wired to %s", p->ports[port->peer].name);
        if (port->impaired)
            say(o, ", impaired");
        say(o, "\n");
        describe_guard(o, port);
        plan_memory_estimate(p, i, &m);
        uint64_t connections = (uint64_t)port->max_client_connections + port->max_server_connections;
        say(o, "    memory: at most %s for %" PRIu64 " connections; an idle one takes %s\n",
            bytes(total, m.total_bytes), connections, bytes(idle, m.idle_connection_bytes));
    }
}

static void describe_range(struct out *o, const struct plan_device *d, const struct plan_range *r)
{
    struct ip_addr end = plan_range_address(d, r, d->count - 1);
    char first[IP_ADDR_TEXT], last[IP_ADDR_TEXT], gateway[IP_ADDR_TEXT];

    say(o, "%s", address(first, &r->first));
    if (d->count > 1)
        say(o, " to %s", address(last, &end));
    say(o, "/%u", r->prefix_length);
    if (d->step > 1 && d->count > 1)
        say(o, " in steps of %u", d->step);
    for (uint32_t i = 0; i < r->n_gateways; i++)
        say(o, "%s%s", i ? " then " : ", gateway ", address(gateway, &r->gateways[i]));
}

static void describe_leases(struct out *o, const struct plan *p, const struct plan_device *d)
{
    char text[VALUE_BYTES];

    for (unsigned v6 = 0; v6 < 2; v6++) {
        if (d->leases[v6] == PLAN_NONE)
            continue;
        const struct plan_lease *l = &p->leases[d->leases[v6]];
        say(o, "%saddresses by DHCPv%u%s, at most %s", d->n_ranges || (v6 && d->leases[0] != PLAN_NONE) ? "; " : "",
            v6 ? 6u : 4u, l->probe ? " and probed" : "", duration(text, l->timeout_ns));
    }
}

static void describe_devices(struct out *o, const struct plan *p)
{
    say(o, "devices:\n");
    for (uint32_t i = 0; i < p->n_devices; i++) {
        const struct plan_device *d = &p->devices[i];
        say(o, "  %s  on %s, %u host%s, ", d->name, p->ports[d->port].name, d->count, d->count == 1 ? "" : "s");
        for (uint32_t k = 0; k < d->n_ranges; k++) {
            say(o, "%s", k ? "; " : "");
            describe_range(o, d, &d->ranges[k]);
        }
        describe_leases(o, p, d);
        for (unsigned k = 0; k < d->vlan_count; k++)
            say(o, "%s%u", k ? " in " : ", VLAN ", d->vlan[k].tci & 0xfffu);
        if (d->vni)
            say(o, ", VNI %u", d->vni);
        for (unsigned k = 0; k < d->mpls_count; k++)
            say(o, "%s%u", k ? " over " : ", MPLS ", d->mpls[k].label);
        say(o, "\n");
    }
}

/* ---- servers ---- */

static void describe_servers(struct out *o, const struct plan *p)
{
    if (p->n_servers == 0)
        return;
    say(o, "servers:\n");
    for (uint32_t i = 0; i < p->n_servers; i++) {
        const struct plan_server *s = &p->servers[i];
        say(o, "  %s  %s on port %u of %s, %u route%s, at most %u connections\n", s->name, s->protocol->name, s->port,
            p->devices[s->device].name, s->n_routes, s->n_routes == 1 ? "" : "s", s->max_connections);
    }
}

/* ---- loads ---- */

static void describe_target(struct out *o, const struct plan *p, const struct plan_load *load)
{
    char text[IP_ADDR_TEXT];

    say(o, "  %s  %s from", load->name, load->protocol->name);
    for (uint32_t i = 0; i < load->n_clients; i++)
        say(o, "%s%s", i ? ", " : " ", p->devices[load->clients[i]].name);
    if (load->server_device == PLAN_NONE)
        say(o, " to %s port %u", address(text, &load->server_address), load->server_port);
    else
        say(o, " to %s port %u%s", p->devices[load->server_device].name, load->server_port,
            ip_addr_is_v4(&load->server_address) ? "" : " by IPv6");
    if (load->n_client_ports > 1)
        say(o, ", in %u equal shares", load->n_client_ports);
    say(o, "\n");
}

static void describe_phase(struct out *o, const struct schedule *s, const struct schedule_phase *phase)
{
    char time[VALUE_BYTES], from[VALUE_BYTES], to[VALUE_BYTES];

    if (phase->from == phase->to)
        say(o, "    hold %s at %s %s", duration(time, phase->duration_ns), level(to, s->target, phase->to),
            schedule_target_name(s->target));
    else
        say(o, "    ramp %s from %s to %s %s", duration(time, phase->duration_ns), level(from, s->target, phase->from),
            level(to, s->target, phase->to), schedule_target_name(s->target));
    if (s->target != SCHEDULE_CONCURRENT)
        say(o, ": %" PRIu64 " %s", phase->count, schedule_target_unit(s->target));
    say(o, "\n");
}

static void describe_schedule(struct out *o, const struct plan_load *load)
{
    char time[VALUE_BYTES];
    bool rate = load->schedule.target == SCHEDULE_CONNECTIONS || load->schedule.target == SCHEDULE_TRANSACTIONS;

    for (uint32_t i = 0; i < load->schedule.n_phases; i++)
        describe_phase(o, &load->schedule, &load->schedule.phases[i]);
    if (load->max_transactions != UINT64_MAX)
        say(o, "    ends after %" PRIu64 " transactions\n", load->max_transactions);
    if (rate && load->closed_loop)
        say(o, "    closed loop: what cannot be launched when due is dropped\n");
    else if (rate)
        say(o, "    open loop: latency counts from due time, up to %" PRIu64 " launches wait, late after %s\n",
            load->backlog, duration(time, load->late_after_ns));
}

static void describe_think(struct out *o, const struct plan_load *load)
{
    char low[VALUE_BYTES], high[VALUE_BYTES];

    if (load->think == PLAN_THINK_FIXED)
        say(o, ", think time %s", duration(high, load->think_max_ns));
    else if (load->think == PLAN_THINK_UNIFORM)
        say(o, ", think time %s to %s", duration(low, load->think_min_ns), duration(high, load->think_max_ns));
    else if (load->think == PLAN_THINK_EXPONENTIAL)
        say(o, ", think time exponential, mean %s", duration(high, load->think_max_ns));
}

static void describe_connections(struct out *o, const struct plan_load *load)
{
    static const char *const closers[] = {"the client closes first", "the server closes first", "the client resets"};
    char connect[VALUE_BYTES], transaction[VALUE_BYTES];

    say(o, "    at most %u connections, ", load->max_connections);
    if (load->requests_per_connection == 0)
        say(o, "any number of requests on each");
    else
        say(o, "%u request%s on each", load->requests_per_connection, load->requests_per_connection == 1 ? "" : "s");
    if (load->pipeline > 1)
        say(o, ", %u in the pipeline", load->pipeline);
    describe_think(o, load);
    say(o, "; %s\n", closers[load->close]);
    say(o, "    timeouts: connect %s, transaction %s\n",
        load->connect_timeout_ns ? duration(connect, load->connect_timeout_ns) : "none",
        load->transaction_timeout_ns ? duration(transaction, load->transaction_timeout_ns) : "none");
}

/* TIME_WAIT occupies ports: who closes first, for how long, and what rate that allows. */
static void describe_time_wait(struct out *o, const struct plan *p, const struct plan_load *load)
{
    char time[VALUE_BYTES];
    uint64_t hosts = 0;

    for (uint32_t i = 0; i < load->n_clients; i++)
        hosts += p->devices[load->clients[i]].count;
    uint64_t tuples = hosts * load->server_hosts * (uint64_t)(p->port_last - p->port_first + 1);
    say(o, "    2MSL %s, at most %u in TIME_WAIT; %" PRIu64 " address and port pairs",
        duration(time, load->tcp.time_wait_ns), p->max_time_wait, tuples);
    if (load->close == PLAN_CLOSE_CLIENT && load->tcp.time_wait_ns > 0)
        say(o, " allow %" PRIu64 " connections a second",
            (uint64_t)((double)tuples * 1e9 / (double)load->tcp.time_wait_ns));
    say(o, "\n");
}

static void describe_urls(struct out *o, const struct plan_load *load)
{
    static const char *const orders[] = {"drawn by weight", "one after the other", "drawn at random"};

    say(o, "    %u URL%s, %s:\n", load->n_requests, load->n_requests == 1 ? "" : "s", orders[load->order]);
    for (uint32_t i = 0; i < load->n_requests && i < URLS_SHOWN; i++) {
        const struct plan_request *r = &load->requests[i];
        say(o, "      %s", r->label);
        if (load->order == PLAN_ORDER_WEIGHTED && load->n_requests > 1)
            say(o, " (%u of %" PRIu64 ")", r->weight, load->total_weight);
        say(o, ": %s\n", r->checks);
    }
    if (load->n_requests > URLS_SHOWN)
        say(o, "      and %u more\n", load->n_requests - URLS_SHOWN);
}

static void describe_loads(struct out *o, const struct plan *p)
{
    say(o, "loads:\n");
    for (uint32_t i = 0; i < p->n_loads; i++) {
        const struct plan_load *load = &p->loads[i];
        if (load->n_clients == 0)
            continue;
        describe_target(o, p, load);
        describe_schedule(o, load);
        describe_connections(o, load);
        describe_time_wait(o, p, load);
        describe_urls(o, load);
    }
}

static void describe_accelerator(struct out *o, const struct plan *p)
{
    const struct plan_accelerator *a = p->accelerator;
    say(o, "accelerator: clients at %s, servers at %s, ", p->ports[a->clients].name, p->ports[a->servers].name);
    if (a->far && !a->paired)
        say(o, "a far box without a key: a bridge\n");
    else
        say(o, "up to %u connections, %u bypassed\n", a->max_flows, a->n_bypass);
}

static uint32_t rules_of(const struct plan_router *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_vrfs; i++)
        n += r->vrfs[i].filter ? r->vrfs[i].filter->n_rules : 0;
    return n;
}

int plan_describe(const struct plan *p, json_sink_fn *sink, void *context)
{
    struct out o = {.sink = sink, .context = context};
    char time[VALUE_BYTES], drain[VALUE_BYTES];

    if (p->router) {
        say(&o, "router: %u addresses, %u routes beside their subnets, %u filter rules\n", p->router->n_addresses,
            p->router->n_routes, rules_of(p->router));
        describe_ports(&o, p);
        return o.error;
    }
    if (p->accelerator) {
        describe_accelerator(&o, p);
        describe_ports(&o, p);
        return o.error;
    }
    if (plan_is_bridge(p)) {
        say(&o, "bridge: every frame that comes in at one port leaves at the other; seed %" PRIu64 "\n", p->seed);
        describe_ports(&o, p);
        return o.error;
    }
    if (p->duration_ns == 0)
        say(&o, "until it is interrupted, then up to %s to drain; seed %" PRIu64 "\n", duration(drain, p->drain_ns),
            p->seed);
    else
        say(&o, "duration %s, then up to %s to drain; seed %" PRIu64 "\n", duration(time, p->duration_ns),
            duration(drain, p->drain_ns), p->seed);
    describe_ports(&o, p);
    describe_devices(&o, p);
    describe_servers(&o, p);
    describe_loads(&o, p);
    return o.error;
}
