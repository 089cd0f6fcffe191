/* SPDX-License-Identifier: MIT */
/*
 * `weir bridge`: a bump in the wire between two ports with the impairments of a configuration, until Ctrl-C.
 */
#include <stdio.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/configuration.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/port_counts.h"
#include "engine/bridge.h"
#include "engine/clock.h"

#define LOOK_EVERY_NS (100 * NS_PER_MS)
#define JSON_INDENT 2u
#define FOR_EVER_NS (INT64_C(366) * 24 * 3600 * NS_PER_S)

struct bridge_options {
    const char *json;
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet;
};

static const struct option_row options[] = {
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct bridge_options, duration_ns),
     "end after this time: 10s, 2m; otherwise by Ctrl-C"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct bridge_options, json), "write the counts as JSON"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct bridge_options, sets),
     "change the configuration: impairments[0].loss=1% (repeatable)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct bridge_options, quiet), "print nothing but errors"},
};

static void follow(struct bridge *b, int64_t duration_ns)
{
    int64_t end = clock_now() + duration_ns, now;
    while ((now = clock_now()) < end && interrupt_count() == 0)
        for (int64_t until = min_i64(now + LOOK_EVERY_NS, end); clock_now() < until;)
            bridge_turn(b, until);
}

static int write_json(struct output *o, const struct bridge *b)
{
    struct json_writer w;
    output_begin(o);
    json_writer_init(&w, output_sink, o, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_array(&w, "ports");
    for (unsigned i = 0; i < BRIDGE_PORTS; i++)
        port_counts_put(&w, &b->plan->ports[i], &b->links[i]);
    json_end_array(&w);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        o->failed = true;
    return output_finish(o);
}

static int conclude(const struct bridge *b, const struct bridge_options *o, struct output *json)
{
    if (json->file && write_json(json, b) != EXIT_MET)
        return EXIT_REFUSED;
    for (unsigned i = 0; !o->quiet && json->file != stdout && i < BRIDGE_PORTS; i++)
        port_counts_print(&b->plan->ports[i], &b->links[i]);
    return flush_standard_output();
}

static int carry_out(const struct plan *p, const struct bridge_options *o)
{
    struct bridge b;
    struct output json;
    char message[256] = "";
    int result = output_open(&json, o->json);
    if (result != EXIT_MET)
        return result;
    int error = bridge_open(&b, p, alloc_heap(), message);
    if (error < 0) {
        complain("bridge: %s", message[0] ? message : err_text(error));
        output_abandon(&json);
        return exit_code_of(error);
    }
    interrupt_install(-1);
    if (!o->quiet) {
        fprintf(stderr, "bridging %s and %s; Ctrl-C ends it\n", p->ports[0].name, p->ports[1].name);
        fflush(stderr);
    }
    follow(&b, p->duration_ns > 0 ? p->duration_ns : FOR_EVER_NS);
    result = conclude(&b, o, &json);
    output_abandon(&json);
    bridge_close(&b);
    return result;
}

static int check_is_bridge(const struct configuration *c)
{
    if (plan_is_bridge(c->plan))
        return EXIT_MET;
    complain("bridge: %s: found %s, allowed two ports and their impairments; for loads: weir run %s", c->input.name,
             c->plan->router ? "a router" : "devices and loads", c->input.name);
    return EXIT_USAGE;
}

static int bridge(int argc, char **argv)
{
    struct bridge_options o = {.quiet = false};
    struct operands operands;
    struct configuration c;
    int result = options_parse(&bridge_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    result = configuration_load(&c, operands.list[0], &o.sets, o.duration_ns);
    if (result != EXIT_MET)
        return result;
    result = check_is_bridge(&c);
    if (result == EXIT_MET)
        result = carry_out(c.plan, &o);
    configuration_free(&c);
    return result;
}

const struct command bridge_command = {
    .name = "bridge",
    .summary = "join two ports, with loss, delay and rate between them",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Passes every frame between the two ports of the configuration in FILE, byte for byte, with what its\n"
        "impairments say: loss, delay, jitter, duplication, reordering, corruption, rate. An impairment of a port is "
        "done\n"
        "to what leaves by that port. Between two machines, two namespaces, or a machine and its network: a network "
        "in\n"
        "between that is as bad as you want it.",
    .examples = "  weir bridge examples/wan.yaml\n"
                "  weir bridge examples/wan.yaml --set impairments[0].loss=1% --duration 1m",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = bridge,
};
