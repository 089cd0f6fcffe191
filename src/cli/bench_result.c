/* SPDX-License-Identifier: MIT */
/*
 * Collecting and printing the figures of a bench: see bench.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/format.h"
#include "config/json.h"

#define JSON_INDENT 2

static bool same_peer(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static struct bench_figure *figure_of(struct bench_result *r, const char *peer, const char *name, const char *unit)
{
    for (uint32_t i = 0; i < r->n_figures; i++)
        if (same_peer(r->figures[i].peer, peer) && strcmp(r->figures[i].name, name) == 0)
            return &r->figures[i];
    assert(r->n_figures < BENCH_FIGURES_MAX);
    struct bench_figure *f = &r->figures[r->n_figures++];
    f->peer = peer;
    f->name = name;
    f->unit = unit;
    f->runs = 0;
    return f;
}

void bench_record_peer(struct bench_result *r, const char *peer, const char *name, const char *unit, double value)
{
    struct bench_figure *f = figure_of(r, peer, name, unit);
    assert(f->runs < BENCH_RUNS_MAX);
    f->values[f->runs++] = value;
}

void bench_record(struct bench_result *r, const char *name, const char *unit, double value)
{
    bench_record_peer(r, NULL, name, unit, value);
}

int bench_fail(struct bench_result *r, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->message, sizeof r->message, format, arguments);
    va_end(arguments);
    return error;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void bench_sort(struct bench_result *r)
{
    for (uint32_t i = 0; i < r->n_figures; i++)
        qsort(r->figures[i].values, r->figures[i].runs, sizeof(double), compare);
}

double bench_median(const struct bench_figure *f)
{
    uint32_t half = f->runs / 2;
    return f->runs % 2 ? f->values[half] : (f->values[half - 1] + f->values[half]) / 2;
}

static void print_figure(const struct bench_figure *f)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", f->peer ? f->peer : "", f->peer ? ": " : "", f->name);
    printf("  %-38s %10s %10s %10s  %s\n", name, format_si(bench_median(f)).s, format_si(f->values[0]).s,
           format_si(f->values[f->runs - 1]).s, f->unit);
}

void bench_print(const char *name, const struct bench_result *r)
{
    uint32_t runs = r->n_figures ? r->figures[0].runs : 0;
    char title[96];
    snprintf(title, sizeof title, "%s, %u run%s", name, runs, runs == 1 ? "" : "s");
    printf("%-40s %10s %10s %10s  unit\n", title, "median", "min", "max");
    for (uint32_t i = 0; i < r->n_figures; i++)
        print_figure(&r->figures[i]);
}

static void put_figure(struct json_writer *w, const struct bench_figure *f)
{
    json_begin_object(w);
    json_member_string(w, "name", f->name);
    json_member_string(w, "unit", f->unit);
    json_member_double(w, "median", bench_median(f));
    json_member_double(w, "min", f->values[0]);
    json_member_double(w, "max", f->values[f->runs - 1]);
    json_member_u64(w, "runs", f->runs);
    json_end_object(w);
}

static void put_figures_of(struct json_writer *w, const struct bench_result *r, const char *peer)
{
    json_member_array(w, "figures");
    for (uint32_t i = 0; i < r->n_figures; i++)
        if (same_peer(r->figures[i].peer, peer))
            put_figure(w, &r->figures[i]);
    json_end_array(w);
}

static bool is_first_of_peer(const struct bench_result *r, uint32_t number)
{
    for (uint32_t i = 0; i < number; i++)
        if (same_peer(r->figures[i].peer, r->figures[number].peer))
            return false;
    return r->figures[number].peer != NULL;
}

static void put_peers(struct json_writer *w, const struct bench_result *r)
{
    json_member_array(w, "peers");
    for (uint32_t i = 0; i < r->n_figures; i++) {
        if (!is_first_of_peer(r, i))
            continue;
        json_begin_object(w);
        json_member_string(w, "name", r->figures[i].peer);
        put_figures_of(w, r, r->figures[i].peer);
        json_end_object(w);
    }
    json_end_array(w);
}

int bench_print_json(const char *name, const struct bench_result *r)
{
    struct json_writer w;
    json_writer_init(&w, standard_output_sink, NULL, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_string(&w, "bench", name);
    put_figures_of(&w, r, NULL);
    put_peers(&w, r);
    json_end_object(&w);
    return json_finish(&w);
}
