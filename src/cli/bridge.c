/* SPDX-License-Identifier: MIT */
/*
 * `weir bridge`: a bump in the wire between two ports with the impairments of a configuration, until Ctrl-C; `weir accel FILE` is the same with an
 * accelerator in it.
 */
#include "cli/bridge.h"

#include <inttypes.h>
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

/* ---- what an accelerator counted ---- */

struct named_count {
    const char *name;
    uint64_t count;
};
#define ACCEL_COUNT_OF(counter) {#counter, c->counter},

static void print_accelerator(const struct accel *a)
{
    const struct accel_counters *c = accel_counters(a);
    const struct named_count counts[] = {ACCEL_COUNTER_LIST(ACCEL_COUNT_OF)};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        if (counts[i].count > 0)
            printf("%-28s %" PRIu64 "\n", counts[i].name, counts[i].count);
}

static void put_accelerator(struct json_writer *w, const struct accel *a)
{
    const struct accel_counters *c = accel_counters(a);
    const struct named_count counts[] = {ACCEL_COUNTER_LIST(ACCEL_COUNT_OF)};
    json_member_object(w, "accelerator");
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        json_member_u64(w, counts[i].name, counts[i].count);
    json_end_object(w);
}

#undef ACCEL_COUNT_OF

/* ---- the end ---- */

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
    if (b->accel)
        put_accelerator(&w, b->accel);
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
    if (b->accel && !o->quiet && json->file != stdout)
        print_accelerator(b->accel);
    return flush_standard_output();
}

/* Where a box can be asked, and what it lacks. */
static void announce_control(const struct bridge *b)
{
    if (b->accel && b->box.warning[0])
        complain("accel: %s", b->box.warning);
    else if (b->accel)
        fprintf(stderr, "weir accel flows --control %s\n", b->box.control.path);
}

static void tell_lost(const char *what, uint64_t lost)
{
    if (lost)
        complain("accel: %" PRIu64 " %s found no room in memory and are missing in the file", lost, what);
}

/* Where established connections are translated, when that was asked. */
static void announce_shortcut(const struct bridge *b)
{
    if (b->accel && shortcut_is_open(&b->shortcut))
        fprintf(stderr, "shortcut: XDP, %s at both ports%s\n", xdp_mode_name(b->shortcut.attached[0].mode),
                shortcut_answerer(&b->shortcut, b->plan->accelerator)
                    ? ""
                    : "; SYNs are answered in user space, since there is a key or fast_open");
    else if (b->accel && b->no_shortcut[0])
        fprintf(stderr, "no shortcut: %s\n", b->no_shortcut);
}

/* The files of a box have all that there was. */
static int end(struct bridge *b)
{
    char message[256];
    if (!b->accel)
        return EXIT_MET;
    box_watch_turn(&b->box.watch);
    const struct box_watch_lost lost = box_watch_lost(&b->box.watch);
    const int error = bridge_end(b, message);
    tell_lost("lines of the log", lost.log);
    tell_lost("lines of the trace", lost.trace);
    tell_lost("frames of the capture", lost.pcap);
    if (error < 0)
        complain("accel: %s", message);
    return error < 0 ? EXIT_REFUSED : EXIT_MET;
}

static int carry_out(const struct plan *p, const struct bridge_options *o)
{
    struct bridge b;
    struct output json;
    char message[256] = "";
    int result = output_open(&json, o->json);
    if (result != EXIT_MET)
        return result;
    int error = bridge_open(&b, p, &o->box, alloc_heap_resident(), message);
    if (error < 0) {
        complain("%s: %s", p->accelerator ? "accel" : "bridge", message[0] ? message : err_text(error));
        output_abandon(&json);
        return exit_code_of(error);
    }
    interrupt_install(-1);
    if (!o->quiet) {
        announce_control(&b);
        announce_shortcut(&b);
        fprintf(stderr, "%s %s and %s; Ctrl-C ends it\n", p->accelerator ? "accelerating between" : "bridging",
                p->ports[0].name, p->ports[1].name);
        fflush(stderr);
    }
    follow(&b, p->duration_ns > 0 ? p->duration_ns : FOR_EVER_NS);
    result = end(&b);
    const int shown = conclude(&b, o, &json);
    result = shown == EXIT_MET ? result : shown;
    output_abandon(&json);
    bridge_close(&b);
    return result;
}

static int check_is_bridge(const struct configuration *c, bool accelerated)
{
    if (plan_is_bridge(c->plan) && accelerated == (c->plan->accelerator != NULL))
        return EXIT_MET;
    if (accelerated)
        complain("accel: %s: found no accelerator, required: its ports, clients and servers", c->input.name);
    else if (c->plan->accelerator)
        complain("bridge: %s: found an accelerator; for that: weir accel %s", c->input.name, c->input.name);
    else
        complain("bridge: %s: found %s, allowed two ports and their impairments; for loads: weir run %s", c->input.name,
                 c->plan->router ? "a router" : "devices and loads", c->input.name);
    return EXIT_USAGE;
}

int bridge_run_file(const char *file, const struct bridge_options *o, bool accelerated)
{
    struct configuration c;
    int result = configuration_load(&c, file, &o->sets, o->duration_ns);
    if (result != EXIT_MET)
        return result;
    result = check_is_bridge(&c, accelerated);
    if (result == EXIT_MET)
        result = carry_out(c.plan, o);
    configuration_free(&c);
    return result;
}

static int bridge(int argc, char **argv)
{
    struct bridge_options o = {.quiet = false};
    struct operands operands;
    int result = options_parse(&bridge_command, argc, argv, &o, &operands);
    return result == OPTIONS_READY ? bridge_run_file(operands.list[0], &o, false) : result;
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
