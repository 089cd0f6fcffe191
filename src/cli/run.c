/* SPDX-License-Identifier: MIT */
/*
 * `weir run`: a configuration from file to results. The controller's thread: it steps the engine, samples the
 * statistics, shows them, and writes what was asked for when the run has ended.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/configuration.h"
#include "cli/csv.h"
#include "cli/interrupt.h"
#include "cli/junit.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/series.h"
#include "cli/summary.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/trace_file.h"

#define STEP_NS (20 * NS_PER_MS)
#define SHOW_EVERY_NS NS_PER_S
#define SERIES_POINTS 3600u
#define JSON_INDENT 2u
/*
 * Short runs are sampled more often, so that their charts have some points; each look costs the workers a copy of their
 * counts.
 */
#define SHORT_RUN_NS (60 * NS_PER_S)
#define SHORT_RUN_LOADS 8u
#define SHORT_RUN_SAMPLE_NS (250 * NS_PER_MS)

struct run_options {
    const char *json, *csv, *report, *junit, *trace, *trace_layers;
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet;
};

enum { OUTPUT_JSON, OUTPUT_CSV, OUTPUT_REPORT, OUTPUT_JUNIT, OUTPUTS };

struct run {
    struct run_options options;
    struct configuration configuration;
    struct output outputs[OUTPUTS];
    FILE *people; /* where people read; NULL: quiet */
    struct engine *engine;
    struct trace_file trace;
    struct results results; /* as last read */
    struct sampler *for_series, *for_live;
    struct series series;
    struct sample *samples; /* sample_rows() */
    struct live live;
    int64_t sample_every_ns, sampled_at, shown_at; /* elapsed */
    unsigned interrupts;
    time_t started;
};

static const struct option_row options[] = {
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct run_options, duration_ns),
     "length of the load instead of the configured one: 10s, 2m"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct run_options, json), "write the results as JSON"},
    {"csv", 0, "FILE", OPTION_TEXT, 0, offsetof(struct run_options, csv), "write the samples over time as CSV"},
    {"report", 0, "FILE", OPTION_TEXT, 0, offsetof(struct run_options, report), "write an HTML report with charts"},
    {"junit", 0, "FILE", OPTION_TEXT, 0, offsetof(struct run_options, junit),
     "write the criteria as JUnit XML, for Jenkins, GitLab and others"},
    {"trace", 0, "FILE", OPTION_TEXT, 0, offsetof(struct run_options, trace),
     "a line for what the stacks do: states of connections, neighbours, drops; -: standard output"},
    {"trace-layers", 0, "LIST", OPTION_TEXT, 0, offsetof(struct run_options, trace_layers),
     "with --trace: these layers only, of link, arp, ip, icmp, udp, tcp, l7 and socket"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct run_options, sets),
     "change the configuration: loads[0].loop=closed (repeatable)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct run_options, quiet), "print nothing but errors"},
};

/* ---- outputs ---- */

static int check_outputs(const struct run_options *o)
{
    const char *const paths[OUTPUTS] = {o->json, o->csv, o->report, o->junit};
    for (unsigned i = 0; i < OUTPUTS; i++)
        for (unsigned j = i + 1; j < OUTPUTS; j++)
            if (paths[i] && paths[j] && strcmp(paths[i], paths[j]) == 0)
                return command_refuse(&run_command,
                                      "--json, --csv, --report and --junit need different files, found '%s' twice",
                                      paths[i]);
    return EXIT_MET;
}

static int open_trace(struct run *r)
{
    const struct run_options *o = &r->options;
    unsigned layers;
    char message[256];
    if (o->trace_layers && !o->trace)
        return command_refuse(&run_command, "found --trace-layers, allowed with --trace");
    if (o->trace_layers && !trace_layers_read(o->trace_layers, &layers))
        return command_refuse(&run_command, "--trace-layers: found '%.60s', allowed: " TRACE_LAYERS_ALLOWED,
                              o->trace_layers);
    if (o->trace && strcmp(o->trace, "-") != 0)
        (void)!truncate(o->trace, 0); /* what there is of an earlier run */
    if (trace_file_open(&r->trace, o->trace, o->trace_layers, clock_now(), message) == 0)
        return EXIT_MET;
    complain("run: %s", message);
    return EXIT_REFUSED;
}

static int open_outputs(struct run *r)
{
    const char *const paths[OUTPUTS] = {r->options.json, r->options.csv, r->options.report, r->options.junit};
    bool standard_taken = false;
    for (unsigned i = 0; i < OUTPUTS; i++) {
        int result = output_open(&r->outputs[i], paths[i]);
        if (result != EXIT_MET)
            return result;
        standard_taken = standard_taken || r->outputs[i].file == stdout;
    }
    standard_taken = standard_taken || (r->options.trace && strcmp(r->options.trace, "-") == 0);
    if (!r->options.quiet)
        r->people = standard_taken ? stderr : stdout;
    return EXIT_MET;
}

static int write_json(struct run *r)
{
    struct output *o = &r->outputs[OUTPUT_JSON];
    struct json_writer w;
    output_begin(o);
    json_writer_init(&w, output_sink, o, JSON_INDENT);
    results_write_json(&w, &r->results);
    if (json_finish(&w) < 0)
        o->failed = true;
    return output_finish(o);
}

static int write_csv(struct run *r)
{
    struct output *o = &r->outputs[OUTPUT_CSV];
    output_begin(o);
    csv_write(o->file, r->configuration.plan, &r->series);
    return output_finish(o);
}

static int write_report(struct run *r, const struct facts *facts)
{
    struct output *o = &r->outputs[OUTPUT_REPORT];
    struct report report = {
        .configuration = &r->configuration, .facts = facts, .series = &r->series, .started = r->started};
    output_begin(o);
    report_write(o->file, &report);
    return output_finish(o);
}

static int write_junit(struct run *r, const struct facts *facts)
{
    struct output *o = &r->outputs[OUTPUT_JUNIT];
    const struct report report = {.configuration = &r->configuration, .facts = facts, .started = r->started};
    output_begin(o);
    int error = junit_write(o->file, &report);
    if (error < 0) {
        complain("cannot write %s: %s", o->path, err_text(error));
        o->failed = true;
    }
    return output_finish(o);
}

/* All that are wanted, even when one fails. */
static int write_outputs(struct run *r, const struct facts *facts)
{
    int result = EXIT_MET;
    if (r->outputs[OUTPUT_JSON].file && write_json(r) != EXIT_MET)
        result = EXIT_REFUSED;
    if (r->outputs[OUTPUT_CSV].file && write_csv(r) != EXIT_MET)
        result = EXIT_REFUSED;
    if (r->outputs[OUTPUT_JUNIT].file && write_junit(r, facts) != EXIT_MET)
        result = EXIT_REFUSED;
    if (r->outputs[OUTPUT_REPORT].file && write_report(r, facts) != EXIT_MET)
        result = EXIT_REFUSED;
    return result;
}

/* ---- the run ---- */

static int make_measurements(struct run *r)
{
    const struct plan *p = r->configuration.plan;
    bool is_short = p->duration_ns > 0 && p->duration_ns <= SHORT_RUN_NS && p->n_loads <= SHORT_RUN_LOADS;
    r->sample_every_ns = is_short ? SHORT_RUN_SAMPLE_NS : NS_PER_S;
    r->samples = alloc_array(alloc_heap(), sample_rows(p), sizeof *r->samples, alignof(struct sample));
    if (r->samples && sampler_new(p, &r->for_series) == 0 && sampler_new(p, &r->for_live) == 0 &&
        series_init(&r->series, sample_rows(p), SERIES_POINTS) == 0)
        return EXIT_MET;
    complain("%s for the series of samples", err_text(ERR_NO_MEMORY));
    return EXIT_REFUSED;
}

static int make_engine(struct run *r)
{
    struct engine_options o;
    char message[256];
    engine_options_default(&o);
    o.trace = r->trace.fd ? &r->trace.trace : NULL;
    int error = engine_new(r->configuration.plan, &o, &r->engine, message);
    if (error < 0) {
        complain("%s", message[0] ? message : err_text(error));
        return exit_code_of(error);
    }
    error = engine_start(r->engine);
    if (error < 0) {
        complain("cannot start the workers: %s", err_text(error));
        return EXIT_REFUSED;
    }
    return EXIT_MET;
}

static void obey_interrupts(struct run *r)
{
    unsigned count = interrupt_count();
    if (count == r->interrupts)
        return;
    r->interrupts = count;
    if (count == 1)
        engine_request_drain(r->engine);
    else
        engine_request_stop(r->engine);
}

static void take_sample(struct run *r)
{
    engine_read_results(r->engine, &r->results);
    int64_t now = r->results.duration_ns;
    if (now <= r->sampled_at)
        return;
    sampler_take(r->for_series, &r->results, r->samples);
    series_append(&r->series, now, r->samples);
    r->sampled_at = now;
}

static void show(struct run *r, enum engine_phase phase)
{
    int64_t now = r->results.duration_ns;
    sampler_take(r->for_live, &r->results, r->samples);
    struct live_state s = {
        .results = &r->results, .phase = phase, .elapsed_ns = now, .span_ns = now - r->shown_at, .samples = r->samples};
    live_update(&r->live, &s);
    r->shown_at = now;
}

static void follow(struct run *r)
{
    enum engine_phase phase;
    int64_t next_sample = r->sample_every_ns, next_show = SHOW_EVERY_NS;
    while ((phase = engine_step(r->engine)) != ENGINE_DONE) {
        int64_t elapsed = engine_elapsed(r->engine);
        if (elapsed >= next_sample) {
            take_sample(r);
            next_sample += r->sample_every_ns;
        }
        if (elapsed >= next_show) {
            show(r, phase);
            next_show += SHOW_EVERY_NS;
        }
        clock_sleep(STEP_NS);
        obey_interrupts(r);
    }
    take_sample(r);
}

static int conclude(struct run *r)
{
    struct facts facts = {.results = &r->results};
    for (uint32_t i = 0; i < r->configuration.plan->n_ports; i++)
        facts.busy_ppm[i] = engine_busy_ppm(r->engine, i);
    int result = write_outputs(r, &facts);
    if (r->people)
        summary_write(r->people, r->configuration.input.name, &facts);
    if (result == EXIT_MET)
        result = flush_standard_output();
    if (result != EXIT_MET)
        return result;
    return results_passed(&r->results) ? EXIT_MET : EXIT_NOT_MET;
}

static int carry_out(struct run *r)
{
    int result = make_measurements(r);
    if (result == EXIT_MET)
        result = make_engine(r);
    if (result != EXIT_MET)
        return result;
    r->started = time(NULL);
    live_begin(&r->live, r->people);
    interrupt_install(r->live.terminal ? fileno(r->live.file) : -1);
    follow(r);
    live_end(&r->live);
    if (engine_failure(r->engine)) {
        complain("%s", engine_failure(r->engine));
        return EXIT_REFUSED;
    }
    return conclude(r);
}

static void clean_up(struct run *r)
{
    if (r->engine)
        engine_delete(r->engine);
    trace_file_close(&r->trace);
    for (unsigned i = 0; i < OUTPUTS; i++)
        output_abandon(&r->outputs[i]);
    sampler_delete(r->for_series);
    sampler_delete(r->for_live);
    series_free(&r->series);
    if (r->configuration.plan)
        alloc_free(alloc_heap(), r->samples, sample_rows(r->configuration.plan) * sizeof *r->samples);
    configuration_free(&r->configuration);
}

static int check_has_loads(const struct configuration *c)
{
    if (c->plan->router) {
        complain("run: %s: found a router, required: devices and loads; for it: weir router %s", c->input.name,
                 c->input.name);
        return EXIT_USAGE;
    }
    if (!plan_is_bridge(c->plan))
        return EXIT_MET;
    complain("run: %s: found neither devices nor loads, required: both; to pass frames between its two ports: weir "
             "bridge %s",
             c->input.name, c->input.name);
    return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct run r = {.people = NULL};
    struct operands operands;
    int result = options_parse(&run_command, argc, argv, &r.options, &operands);
    if (result != OPTIONS_READY)
        return result;
    result = check_outputs(&r.options);
    if (result == EXIT_MET)
        result = configuration_load(&r.configuration, operands.list[0], &r.options.sets, r.options.duration_ns);
    if (result == EXIT_MET)
        result = check_has_loads(&r.configuration);
    if (result == EXIT_MET)
        result = open_outputs(&r);
    if (result == EXIT_MET)
        result = open_trace(&r);
    if (result == EXIT_MET)
        result = carry_out(&r);
    clean_up(&r);
    return result;
}

const struct command run_command = {
    .name = "run",
    .summary = "carry out a configuration and report",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Carries out the configuration in FILE (YAML or JSON; - is standard input), shows it live, and reports.\n"
        "For an output FILE, - is standard output; what people read then goes to standard error.\n"
        "Ctrl-C ends the load early: what is begun finishes, and the report is written. A second one stops at once.",
    .examples = "  weir run examples/web.yaml\n"
                "  weir run examples/web.yaml --duration 5s --json results.json --report report.html\n"
                "  weir run examples/web.yaml --set loads[0].close=server --quiet --json - | jq .passed",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run,
};
