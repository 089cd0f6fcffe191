/* SPDX-License-Identifier: MIT */
/*
 * Charts of a load, or of a server, over time: rates, throughput, open connections, latency, trouble; with what the
 * schedule asked for.
 */
#include <math.h>

#include "cli/chart.h"
#include "cli/report_charts.h"

struct columns {
    const struct results *results;
    const struct series *series;
    uint32_t row;                                                 /* of sample.h */
    const struct schedule *schedule;                              /* NULL: nobody asked for anything */
    double middle[REPORT_CHART_POINTS], end[REPORT_CHART_POINTS]; /* of the spans, seconds */
    double y[CHART_CURVES_MAX][REPORT_CHART_POINTS];
};

static struct format_text seconds(double s)
{
    struct format_text t;
    if (s < 120)
        snprintf(t.s, sizeof t.s, "%.3g s", s);
    else
        snprintf(t.s, sizeof t.s, "%.3g min", s / 60);
    return t;
}

static struct format_text duration(double ns) { return format_duration((uint64_t)ns); }

static void fill_times(struct columns *c)
{
    for (uint32_t i = 0; i < c->series->used; i++) {
        const struct series_span *span = &c->series->spans[i];
        c->middle[i] = (double)(span->start_ns + span->end_ns) / 2e9;
        c->end[i] = (double)span->end_ns / 1e9;
    }
}

static const double *rate(struct columns *c, unsigned k, enum sample_counter counter, double factor)
{
    for (uint32_t i = 0; i < c->series->used; i++)
        c->y[k][i] = factor * sample_rate(series_at(c->series, i, c->row), counter, series_span_ns(c->series, i));
    return c->y[k];
}

/* What the schedule asks for at the given times; a gap after its end. */
static const double *scheduled(struct columns *c, unsigned k, const double *at, double unit)
{
    const struct plan *p = c->results->plan;
    const struct schedule *s = c->schedule;
    int64_t end = min_i64(s->duration_ns, p->duration_ns);
    for (uint32_t i = 0; i < c->series->used; i++) {
        int64_t t = (int64_t)(at[i] * 1e9);
        c->y[k][i] = t < end ? (double)schedule_level(s, t) * unit : NAN;
    }
    return c->y[k];
}

static struct chart begin(const struct columns *c, const char *title, struct format_text (*label)(double))
{
    return (struct chart){
        .title = title,
        .x = c->middle,
        .n = c->series->used,
        .x_axis = {.scale = CHART_LINEAR, .min = 0, .max = (double)c->results->duration_ns / 1e9, .label = seconds},
        .y_axis = {.scale = CHART_LINEAR, .label = label},
    };
}

static void add(struct chart *chart, const char *name, const char *style, const double *y, bool filled)
{
    chart->curves[chart->n_curves++] = (struct chart_curve){.name = name, .style = style, .y = y, .filled = filled};
}

static bool asks_for(const struct columns *c, enum schedule_target target)
{
    return c->schedule && c->schedule->target == target;
}

static void write_connections(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Connections per second", format_si);
    add(&chart, "established", "c1", rate(c, 0, SAMPLE_connections_established, 1), true);
    if (asks_for(c, SCHEDULE_CONNECTIONS))
        add(&chart, "scheduled", "plan", scheduled(c, 1, c->middle, 1e-3), false);
    chart_write(f, &chart);
}

static void write_transactions(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Transactions per second", format_si);
    add(&chart, "completed", "c1", rate(c, 0, SAMPLE_transactions_completed, 1), true);
    if (asks_for(c, SCHEDULE_TRANSACTIONS))
        add(&chart, "scheduled", "plan", scheduled(c, 1, c->middle, 1e-3), false);
    chart_write(f, &chart);
}

static void write_throughput(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Throughput (TCP stream)", format_bits);
    add(&chart, "sent", "c2", rate(c, 0, SAMPLE_bytes_sent, 8), false);
    add(&chart, "received", "c1", rate(c, 1, SAMPLE_bytes_received, 8), true);
    if (asks_for(c, SCHEDULE_BITS))
        add(&chart, "scheduled, both", "plan", scheduled(c, 2, c->middle, 1), false);
    chart_write(f, &chart);
}

static void write_live(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Open connections", format_si);
    for (uint32_t i = 0; i < c->series->used; i++)
        c->y[0][i] = (double)series_at(c->series, i, c->row)->live;
    chart.x = c->end;
    add(&chart, "open", "c1", c->y[0], true);
    if (asks_for(c, SCHEDULE_CONCURRENT))
        add(&chart, "scheduled", "plan", scheduled(c, 1, c->end, 1), false);
    chart_write(f, &chart);
}

static void write_latency(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Transaction time", duration);
    chart.y_axis.scale = CHART_LOG;
    for (uint32_t i = 0; i < c->series->used; i++) {
        const struct sample *s = series_at(c->series, i, c->row);
        bool any = s->count[SAMPLE_transactions_completed] > 0;
        c->y[0][i] = any ? (double)s->p50_ns : NAN;
        c->y[1][i] = any ? (double)s->p99_ns : NAN;
        c->y[2][i] = any ? (double)s->max_ns : NAN;
    }
    add(&chart, "median", "c1", c->y[0], false);
    add(&chart, "99th percentile", "c2", c->y[1], false);
    add(&chart, "maximum", "c3", c->y[2], false);
    chart_write(f, &chart);
}

static void write_trouble(FILE *f, struct columns *c)
{
    struct chart chart = begin(c, "Trouble per second", format_si);
    const double *failed = rate(c, 0, SAMPLE_transactions_failed, 1);
    rate(c, 1, SAMPLE_connections_failed, 1);
    for (uint32_t i = 0; i < c->series->used; i++)
        c->y[0][i] += c->y[1][i];
    add(&chart, "failed", "bad", failed, true);
    add(&chart, "late", "c2", rate(c, 1, SAMPLE_late, 1), false);
    add(&chart, "dropped", "c3", rate(c, 2, SAMPLE_dropped, 1), false);
    add(&chart, "segments sent again", "c4", rate(c, 3, SAMPLE_retransmitted_segments, 1), false);
    chart_write(f, &chart);
}

void report_write_time_charts(FILE *file, const struct results *r, const struct series *series, uint32_t load)
{
    struct columns c = {.results = r, .series = series, .row = load, .schedule = &r->plan->loads[load].schedule};
    assert(series->used <= REPORT_CHART_POINTS);
    fill_times(&c);
    write_connections(file, &c);
    write_transactions(file, &c);
    write_throughput(file, &c);
    write_live(file, &c);
    write_latency(file, &c);
    write_trouble(file, &c);
}

void report_write_server_charts(FILE *file, const struct results *r, const struct series *series, uint32_t server)
{
    struct columns c = {.results = r, .series = series, .row = sample_server_row(r->plan, server)};
    assert(series->used <= REPORT_CHART_POINTS);
    fill_times(&c);
    write_connections(file, &c);
    write_transactions(file, &c);
    write_throughput(file, &c);
    write_live(file, &c);
    write_trouble(file, &c);
}
