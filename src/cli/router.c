/* SPDX-License-Identifier: MIT */
/*
 * `weir router`: a router between the ports of a configuration, until Ctrl-C.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/configuration.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/port_counts.h"
#include "engine/clock.h"
#include "engine/router.h"
#include "engine/tunnel_port.h"

#define LOOK_EVERY_NS (100 * NS_PER_MS)
#define JSON_INDENT 2u
#define FOR_EVER_NS (INT64_C(366) * 24 * 3600 * NS_PER_S)

struct router_options {
    const char *json;
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet;
};

static const struct option_row options[] = {
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct router_options, duration_ns),
     "end after this time: 10s, 2m; otherwise by Ctrl-C"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct router_options, json), "write the counts as JSON"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct router_options, sets),
     "change the configuration: ports[0].mtu=1400 (repeatable)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct router_options, quiet), "print nothing but errors"},
};

/* A router that runs, and the configuration of its filters: the one that it began with, or the last that was read again. */
struct routing {
    struct router_run *run;
    const char *path;
    const struct router_options *options;
    struct configuration latest;
    bool has_latest;
    unsigned hangups; /* that were attended to */
    uint64_t reloaded, refused;
};

/* ---- SIGHUP ---- */

static int take_filters(struct routing *g)
{
    struct configuration fresh;
    char message[256];
    int result = configuration_load(&fresh, g->path, &g->options->sets, g->options->duration_ns);
    if (result != EXIT_MET)
        return result;
    if (router_filters_reload(g->run, fresh.plan, message) < 0) {
        complain("router: %s: %s", g->path, message);
        configuration_free(&fresh);
        return EXIT_USAGE;
    }
    if (g->has_latest)
        configuration_free(&g->latest);
    g->latest = fresh;
    g->has_latest = true;
    return EXIT_MET;
}

static void reload(struct routing *g)
{
    bool taken = take_filters(g) == EXIT_MET;
    g->reloaded += taken;
    g->refused += !taken;
    if (!taken)
        complain("router: the rules stay as they were");
    else if (!g->options->quiet)
        fprintf(stderr, "rules read again from %s\n", g->path);
    fflush(stderr);
}

static void attend_hangups(struct routing *g)
{
    unsigned hangups = interrupt_hangups();
    if (hangups == g->hangups)
        return;
    g->hangups = hangups; /* several at once are one */
    reload(g);
}

static void follow(struct routing *g, int64_t duration_ns)
{
    int64_t end = clock_now() + duration_ns, now;
    while ((now = clock_now()) < end && interrupt_count() == 0) {
        attend_hangups(g);
        for (int64_t until = min_i64(now + LOOK_EVERY_NS, end); clock_now() < until;)
            router_turn(g->run, until);
    }
}

/* ---- counts ---- */

struct router_count {
    const char *name;
    uint64_t count;
};

#define STACK_COUNT(name) {#name, c->name},

static void print_counts(const struct stack_counters *c)
{
    const struct router_count passed[] = {STACK_EVENT_LIST(STACK_COUNT)};
    const struct router_count dropped[] = {STACK_DROP_LIST(STACK_COUNT)};
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
        if (passed[i].count > 0)
            printf("%-28s %" PRIu64 "\n", passed[i].name, passed[i].count);
    for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
        if (dropped[i].count > 0)
            printf("dropped %-20s %" PRIu64 "\n", dropped[i].name, dropped[i].count);
}

static void put_counts(struct json_writer *w, const struct stack_counters *c)
{
    const struct router_count all[] = {STACK_COUNTER_LIST(STACK_COUNT)};
    json_member_object(w, "stack");
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        json_member_u64(w, all[i].name, all[i].count);
    json_end_object(w);
}

static void print_tunnel(const struct plan_port *port, const struct tunnel_counters *c)
{
    const struct router_count all[] = {TUNNEL_COUNTER_LIST(STACK_COUNT)};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].count > 0)
            printf("%-28s %" PRIu64 " (port %s)\n", all[i].name, all[i].count, port->name);
}

static void put_tunnel(struct json_writer *w, const struct plan_port *port, const struct tunnel_counters *c)
{
    const struct router_count all[] = {TUNNEL_COUNTER_LIST(STACK_COUNT)};
    json_begin_object(w);
    json_member_string(w, "port", port->name);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        json_member_u64(w, all[i].name, all[i].count);
    json_end_object(w);
}

#undef STACK_COUNT

static void put_tunnels(struct json_writer *w, const struct router_run *r)
{
    json_member_array(w, "tunnels");
    for (unsigned i = 0; i < r->plan->n_ports; i++) {
        const struct tunnel_counters *c = tunnel_port_counters(r->links[i].top);
        if (c)
            put_tunnel(w, &r->plan->ports[i], c);
    }
    json_end_array(w);
}

/* ---- the filter ---- */

static const char *const direction_names[IP_FILTER_DIRECTIONS] = {"input", "output", "forward"};

static void print_filter(uint32_t vrf, const struct router_filter *filter)
{
    const struct plan_filter *f = filter->plan;
    const struct ip_filter_rules *rules = filter->rules;
    if (f && vrf)
        printf("VRF %" PRIu32 "\n", vrf);
    for (uint32_t i = 0; f && i < f->n_rules; i++) {
        const struct ip_filter_count c = ip_filter_rules_count(rules, i);
        printf("rule %-23s %" PRIu64 " datagrams, %" PRIu64 " bytes\n", f->names[i], c.packets, c.bytes);
    }
    for (unsigned i = 0; f && i < IP_FILTER_DIRECTIONS; i++) {
        const struct ip_filter_count c = ip_filter_rules_default_count(rules, (enum ip_filter_direction)i);
        printf("no rule, %-19s %" PRIu64 " datagrams, %" PRIu64 " bytes\n", direction_names[i], c.packets, c.bytes);
    }
}

static void put_filter_count(struct json_writer *w, const char *name, struct ip_filter_count c)
{
    json_begin_object(w);
    json_member_string(w, "name", name);
    json_member_u64(w, "packets", c.packets);
    json_member_u64(w, "bytes", c.bytes);
    json_end_object(w);
}

static void put_filter(struct json_writer *w, const struct router_filter *r)
{
    const struct plan_filter *f = r->plan;
    if (!f)
        return;
    const struct ip_filter_counters *c = ip_filter_counters(r->filter);
    json_member_object(w, "filter");
    json_member_array(w, "rules");
    for (uint32_t i = 0; i < f->n_rules; i++)
        put_filter_count(w, f->names[i], ip_filter_rules_count(r->rules, i));
    json_end_array(w);
    json_member_array(w, "policy");
    for (unsigned i = 0; i < IP_FILTER_DIRECTIONS; i++)
        put_filter_count(w, direction_names[i], ip_filter_rules_default_count(r->rules, (enum ip_filter_direction)i));
    json_end_array(w);
    json_member_u64(w, "connections", ip_filter_connections(r->filter));
#define PUT_FILTER_COUNTER(name, text) json_member_u64(w, #name, c->name);
    IP_FILTER_COUNTER_LIST(PUT_FILTER_COUNTER)
#undef PUT_FILTER_COUNTER
    json_end_object(w);
}

/* Of VRF 0 without its number: a router has no other unless it says so. */
static void put_vrf(struct json_writer *w, const struct router_run *r, uint32_t i)
{
    const struct plan_vrf *vrf = &r->plan->router->vrfs[i];
    json_member_u64(w, "routes", forward_route_count(r->stack, vrf->number));
    put_filter(w, &r->filters[i]);
}

static void put_vrfs(struct json_writer *w, const struct router_run *r)
{
    const struct plan_router *p = r->plan->router;
    json_member_array(w, "vrfs");
    for (uint32_t i = 0; i < p->n_vrfs; i++) {
        if (p->vrfs[i].number == 0)
            continue;
        json_begin_object(w);
        json_member_u64(w, "vrf", p->vrfs[i].number);
        put_vrf(w, r, i);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_reloads(struct json_writer *w, const struct routing *g)
{
    json_member_object(w, "reloads");
    json_member_u64(w, "done", g->reloaded);
    json_member_u64(w, "refused", g->refused);
    json_end_object(w);
}

static int write_json(struct output *o, const struct routing *g)
{
    const struct router_run *r = g->run;
    struct json_writer w;
    output_begin(o);
    json_writer_init(&w, output_sink, o, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_array(&w, "ports");
    for (unsigned i = 0; i < r->plan->n_ports; i++)
        port_counts_put(&w, &r->plan->ports[i], &r->links[i]);
    json_end_array(&w);
    put_counts(&w, stack_counters(r->stack));
    for (uint32_t i = 0; i < r->plan->router->n_vrfs; i++)
        if (r->plan->router->vrfs[i].number == 0)
            put_vrf(&w, r, i);
    put_vrfs(&w, r);
    put_tunnels(&w, r);
    put_reloads(&w, g);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        o->failed = true;
    return output_finish(o);
}

static int conclude(const struct routing *g, struct output *json)
{
    const struct router_run *r = g->run;
    const struct router_options *o = g->options;
    if (json->file && write_json(json, g) != EXIT_MET)
        return EXIT_REFUSED;
    if (o->quiet || json->file == stdout)
        return flush_standard_output();
    for (unsigned i = 0; i < r->plan->n_ports; i++)
        port_counts_print(&r->plan->ports[i], &r->links[i]);
    print_counts(stack_counters(r->stack));
    for (uint32_t i = 0; i < r->plan->router->n_vrfs; i++)
        print_filter(r->plan->router->vrfs[i].number, &r->filters[i]);
    for (unsigned i = 0; i < r->plan->n_ports; i++) {
        const struct tunnel_counters *c = tunnel_port_counters(r->links[i].top);
        if (c)
            print_tunnel(&r->plan->ports[i], c);
    }
    return flush_standard_output();
}

/* ---- all ---- */

static uint32_t routes_of(const struct router_run *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->plan->router->n_vrfs; i++)
        n += forward_route_count(r->stack, r->plan->router->vrfs[i].number);
    return n;
}

static int carry_out(const struct plan *p, const char *path, const struct router_options *o)
{
    struct router_run r;
    struct routing g = {.run = &r, .path = path, .options = o};
    struct output json;
    char message[256];
    int result = output_open(&json, o->json);
    if (result != EXIT_MET)
        return result;
    int error = router_open(&r, p, alloc_heap(), message);
    if (error < 0) {
        complain("router: %s", message);
        output_abandon(&json);
        return exit_code_of(error);
    }
    interrupt_install(-1);
    interrupt_take_hangups();
    if (!o->quiet) {
        fprintf(stderr, "routing between %u ports, %u routes; Ctrl-C ends it\n", p->n_ports, routes_of(&r));
        fflush(stderr);
    }
    follow(&g, p->duration_ns > 0 ? p->duration_ns : FOR_EVER_NS);
    result = conclude(&g, &json);
    output_abandon(&json);
    router_close(&r);
    if (g.has_latest)
        configuration_free(&g.latest);
    return result;
}

static int check_is_router(const struct configuration *c)
{
    if (c->plan->router)
        return EXIT_MET;
    complain("router: %s: found no router, required: its addresses on the ports", c->input.name);
    return EXIT_USAGE;
}

static int router(int argc, char **argv)
{
    struct router_options o = {.quiet = false};
    struct operands operands;
    struct configuration c;
    int result = options_parse(&router_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    result = configuration_load(&c, operands.list[0], &o.sets, o.duration_ns);
    if (result != EXIT_MET)
        return result;
    result = check_is_router(&c);
    if (result == EXIT_MET)
        result = carry_out(c.plan, operands.list[0], &o);
    configuration_free(&c);
    return result;
}

const struct command router_command = {
    .name = "router",
    .summary = "forward IPv4 and IPv6 between ports",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Forwards IPv4 and IPv6 between the ports of the configuration in FILE as its router says: addresses on the\n"
        "ports, whose subnets it joins, and routes. It answers for its addresses (ARP, Neighbour Discovery, ping), "
        "and\n"
        "says with ICMP what it cannot forward. A filter may say what passes, by rules and connections; on SIGHUP\n"
        "its rules are read from FILE again. Ends by Ctrl-C, and then prints what passed, and what did not and why.",
    .examples = "  weir router examples/router.yaml\n"
                "  weir router examples/router.yaml --set ports[1].mtu=1400 --duration 1m --json counts.json",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = router,
};
