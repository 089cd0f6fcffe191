/* SPDX-License-Identifier: MIT */
/*
 * Writing JUnit XML: see junit.h. There is no standard; this keeps to what Jenkins' schema allows: attributes name,
 * tests, failures, errors, skipped, time, timestamp, hostname of a suite; properties first, cases, then output; name,
 * classname, time of a case, with at most one failure or skipped.
 */
#include "cli/junit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "cli/html.h"

#define SHEET_WIDTH 100u

struct totals {
    uint32_t tests, failures, skipped;
};

static void attribute(FILE *f, const char *name, const char *text)
{
    fprintf(f, " %s=\"", name);
    html_text(f, text);
    fputc('"', f);
}

static void attribute_seconds(FILE *f, int64_t ns) { fprintf(f, " time=\"%.3f\"", (double)ns / 1e9); }

static void attribute_totals(FILE *f, const struct totals *t)
{
    fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"0\"", t->tests, t->failures);
}

static void attribute_start(FILE *f, time_t started)
{
    struct utsname machine;
    struct tm tm;
    char when[32] = "";
    if (gmtime_r(&started, &tm) && strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm) > 0)
        attribute(f, "timestamp", when);
    if (uname(&machine) == 0)
        attribute(f, "hostname", machine.nodename);
}

static struct totals count(const struct results_verdict *v)
{
    struct totals t = {.tests = v->count};
    for (uint32_t i = 0; i < v->count; i++)
        t.failures += !v->list[i].met;
    if (v->count == 0)
        t = (struct totals){.tests = 1, .skipped = 1};
    return t;
}

static struct totals count_all(const struct results *r)
{
    struct totals sum = {0};
    for (uint32_t i = 0; i < r->plan->n_loads; i++) {
        struct results_verdict v;
        results_judge_load(r, i, &v);
        struct totals t = count(&v);
        sum.tests += t.tests;
        sum.failures += t.failures;
    }
    return sum;
}

/* ---- properties ---- */

static void property(FILE *f, const char *name, uint64_t value)
{
    fprintf(f, "      <property name=\"%s\" value=\"%" PRIu64 "\"/>\n", name, value);
}

static void write_latency(FILE *f, const struct histogram *h)
{
    if (h->count == 0)
        return;
    property(f, "transaction_p50_ns", histogram_quantile(h, 500000));
    property(f, "transaction_p99_ns", histogram_quantile(h, 990000));
    property(f, "transaction_p999_ns", histogram_quantile(h, 999000));
}

static void write_properties(FILE *f, const struct results *r, uint32_t row)
{
    struct sample totals;
    sample_totals(r, row, &totals);
    fputs("    <properties>\n", f);
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        property(f, sample_counter_name(i), totals.count[i]);
    if (row < r->plan->n_loads)
        write_latency(f, &r->stats->loads[row].transaction);
    property(f, "interrupted", r->interrupted);
    fputs("    </properties>\n", f);
}

/* ---- cases ---- */

/* Dots would be read as packages. */
static void attribute_class(FILE *f, const char *load)
{
    fputs(" classname=\"weir.", f);
    for (;;) {
        size_t part = strcspn(load, ".");
        html_bytes(f, load, part);
        load += part;
        if (*load == '\0')
            break;
        fputc('_', f);
        load++;
    }
    fputc('"', f);
}

static void begin_case(FILE *f, const char *load, const char *name)
{
    fputs("    <testcase", f);
    attribute_class(f, load);
    attribute(f, "name", name);
    fputs(" time=\"0\"", f);
}

static void write_criterion(FILE *f, const char *load, const struct results_criterion *c)
{
    begin_case(f, load, c->name);
    if (c->met) {
        fputs("/>\n", f);
        return;
    }
    fputs(">\n      <failure", f);
    attribute(f, "message", c->text);
    fputs(" type=\"criterion\">", f);
    html_text(f, c->text);
    fputs("</failure>\n    </testcase>\n", f);
}

static void write_cases(FILE *f, const char *load, const struct results_verdict *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        write_criterion(f, load, &v->list[i]);
    if (v->count > 0)
        return;
    begin_case(f, load, "criteria");
    fputs(">\n      <skipped message=\"there are none\"/>\n    </testcase>\n", f);
}

/* ---- suites ---- */

/* What people read, from the sheet's own writer. */
static int write_output(FILE *f, const struct facts *facts, uint32_t load)
{
    const struct plan *p = facts->results->plan;
    struct sheet_text text;
    char *bytes = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&bytes, &length);
    if (!memory)
        return ERR_NO_MEMORY;
    struct sheet sheet = sheet_text_begin(&text, memory, SHEET_WIDTH);
    if (p->loads[load].n_clients > 0)
        facts_write_load(facts, load, &sheet);
    if (p->loads[load].server != PLAN_NONE)
        facts_write_server(facts, p->loads[load].server, &sheet);
    if (fclose(memory) != 0) {
        free(bytes);
        return ERR_NO_MEMORY;
    }
    fputs("    <system-out>", f);
    html_bytes(f, bytes, length);
    fputs("</system-out>\n", f);
    free(bytes);
    return ERR_OK;
}

/* A load without clients tells of its server. */
static uint32_t row_of(const struct plan *p, uint32_t load)
{
    const struct plan_load *l = &p->loads[load];
    return l->n_clients == 0 && l->server != PLAN_NONE ? sample_server_row(p, l->server) : load;
}

static int write_suite(FILE *f, const struct report *r, uint32_t load)
{
    const struct results *results = r->facts->results;
    const char *name = results->plan->loads[load].name;
    struct results_verdict v;
    results_judge_load(results, load, &v);
    struct totals t = count(&v);
    fputs("  <testsuite", f);
    attribute(f, "name", name);
    attribute_totals(f, &t);
    fprintf(f, " skipped=\"%u\"", t.skipped);
    attribute_seconds(f, results->duration_ns);
    attribute_start(f, r->started);
    fputs(">\n", f);
    write_properties(f, results, row_of(results->plan, load));
    write_cases(f, name, &v);
    int error = write_output(f, r->facts, load);
    fputs("  </testsuite>\n", f);
    return error;
}

int junit_write(FILE *file, const struct report *r)
{
    const struct results *results = r->facts->results;
    struct totals all = count_all(results);
    int error = ERR_OK;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", file);
    attribute(file, "name", r->configuration->input.name);
    attribute_totals(file, &all);
    attribute_seconds(file, results->duration_ns);
    fputs(">\n", file);
    for (uint32_t i = 0; i < results->plan->n_loads && !error; i++)
        error = write_suite(file, r, i);
    fputs("</testsuites>\n", file);
    return error;
}
