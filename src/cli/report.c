/* SPDX-License-Identifier: MIT */
/*
 * The page of the report: see report.h. Charts and tables are made elsewhere.
 */
#include "cli/report.h"

#include <string.h>
#include <sys/utsname.h>

#include "cli/format.h"
#include "cli/html.h"
#include "cli/report_charts.h"
#include "cli/report_style.h"
#include "cli/summary.h"

#define ECHO_BYTES_MAX ((size_t)256 << 10)

static const char *title_of(const struct report *r)
{
    const struct config_node *d = config_find(config_tree_root(r->configuration->tree), "description");
    return d && d->text && d->length > 0 ? d->text : r->configuration->input.name;
}

static void write_head(FILE *f, const struct report *r)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"generator\" content=\"weir " WEIR_VERSION "\">\n<title>",
          f);
    html_text(f, title_of(r));
    fputs(" - Weir</title>\n<style>\n", f);
    fputs(report_style, f);
    fputs("</style></head>\n<body><main>\n", f);
}

static void write_header(FILE *f, const struct report *r)
{
    const struct results *results = r->facts->results;
    struct utsname machine;
    struct tm tm;
    char when[64] = "";
    if (localtime_r(&r->started, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &tm);
    fputs("<header><h1>", f);
    html_text(f, title_of(r));
    fprintf(f, "</h1><span class=\"badge %s\">", results_passed(results) ? "met" : "unmet");
    html_text(f, summary_verdict(results));
    fputs("</span><p>", f);
    html_text(f, r->configuration->input.name);
    fputs(" &middot; ", f);
    html_text(f, when);
    if (uname(&machine) == 0) {
        fputs(" &middot; ", f);
        html_text(f, machine.nodename);
    }
    fputs("</p></header>\n", f);
}

static void card(FILE *f, const char *value, const char *name, const char *detail)
{
    fputs("<div><b>", f);
    html_text(f, value);
    fputs("</b><span>", f);
    html_text(f, name);
    if (detail) {
        fputs("<br>", f);
        html_text(f, detail);
    }
    fputs("</span></div>\n", f);
}

static void rate_card(FILE *f, const struct sample *s, enum sample_counter counter, int64_t ns, const char *name)
{
    char detail[64];
    snprintf(detail, sizeof detail, "%s in all", format_count(s->count[counter]).s);
    card(f, format_si(sample_rate(s, counter, ns)).s, name, detail);
}

static void throughput_card(FILE *f, const struct sample *s, int64_t ns)
{
    char detail[64];
    snprintf(detail, sizeof detail, "%s sent", format_bits(8 * sample_rate(s, SAMPLE_bytes_sent, ns)).s);
    card(f, format_bits(8 * sample_rate(s, SAMPLE_bytes_received, ns)).s, "received", detail);
}

/* The transaction times of all loads together. */
static void latency_card(FILE *f, const struct results *r)
{
    struct histogram h;
    char detail[64];
    histogram_reset(&h);
    for (uint32_t i = 0; i < r->plan->n_loads; i++)
        histogram_merge(&h, &r->stats->loads[i].transaction);
    snprintf(detail, sizeof detail, "median %s", format_duration(histogram_quantile(&h, 500000)).s);
    card(f, h.count ? format_duration(histogram_quantile(&h, 990000)).s : "-", "99th percentile",
         h.count ? detail : NULL);
}

static void write_cards(FILE *f, const struct results *r)
{
    struct sample all;
    char detail[128];
    sample_totals(r, r->plan->n_loads, &all);
    fputs("<section class=\"cards\">\n", f);
    snprintf(detail, sizeof detail, "drained in %s", format_duration((uint64_t)(r->duration_ns - r->load_ns)).s);
    card(f, format_seconds(r->load_ns).s, "of load", detail);
    rate_card(f, &all, SAMPLE_connections_established, r->load_ns, "connections/s");
    rate_card(f, &all, SAMPLE_transactions_completed, r->load_ns, "transactions/s");
    throughput_card(f, &all, r->load_ns);
    latency_card(f, r);
    snprintf(detail, sizeof detail, "%s late, %s dropped", format_count(all.count[SAMPLE_late]).s,
             format_count(all.count[SAMPLE_dropped]).s);
    card(f, format_count(all.count[SAMPLE_connections_failed] + all.count[SAMPLE_transactions_failed]).s, "failed",
         detail);
    fputs("</section>\n", f);
}

static void write_load(FILE *f, const struct report *r, uint32_t load)
{
    const struct results *results = r->facts->results;
    struct sheet_html html;
    struct sheet sheet = sheet_html_begin(&html, f);
    fputs("<h2>Load ", f);
    html_text(f, results->plan->loads[load].name);
    fputs("</h2>\n<div class=\"charts\">\n", f);
    report_write_time_charts(f, results, r->series, load);
    report_write_latency_charts(f, &results->stats->loads[load]);
    fputs("</div>\n", f);
    facts_write_load(r->facts, load, &sheet);
    sheet_html_end(&html);
}

/* A server that only others use. */
static void write_server(FILE *f, const struct report *r, uint32_t server)
{
    const struct results *results = r->facts->results;
    struct sheet_html html;
    struct sheet sheet = sheet_html_begin(&html, f);
    fputs("<h2>Server ", f);
    html_text(f, results->plan->servers[server].name);
    fputs("</h2>\n<div class=\"charts\">\n", f);
    report_write_server_charts(f, results, r->series, server);
    fputs("</div>\n", f);
    facts_write_server(r->facts, server, &sheet);
    sheet_html_end(&html);
}

static void write_rest(FILE *f, const struct report *r)
{
    const struct plan *p = r->facts->results->plan;
    struct sheet_html html;
    struct sheet sheet = sheet_html_begin(&html, f);
    fputs("<h2>Servers and ports</h2>\n", f);
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (p->servers[i].has_clients)
            facts_write_server(r->facts, i, &sheet);
    for (uint32_t i = 0; i < p->n_leases; i++)
        facts_write_lease(r->facts, i, &sheet);
    for (uint32_t i = 0; i < p->n_ports; i++)
        facts_write_port(r->facts, i, &sheet);
    sheet_html_end(&html);
}

static void write_configuration(FILE *f, const struct configuration *c)
{
    size_t shown = min_u64(c->input.length, ECHO_BYTES_MAX);
    fputs("<h2>Configuration</h2>\n<details open><summary>", f);
    html_text(f, c->input.name);
    fputs("</summary><pre>", f);
    html_bytes(f, c->input.bytes, shown);
    if (shown < c->input.length)
        fprintf(f, "\n... (%zu of %zu bytes shown)", shown, c->input.length);
    fputs("</pre></details>\n", f);
    if (c->sets->count == 0)
        return;
    fputs("<p>Changed by the command line:</p>\n<pre>", f);
    for (uint32_t i = 0; i < c->sets->count; i++) {
        fputs("--set ", f);
        html_text(f, c->sets->list[i]);
        fputc('\n', f);
    }
    fputs("</pre>\n", f);
}

void report_write(FILE *file, const struct report *r)
{
    const struct plan *p = r->facts->results->plan;
    series_shrink(r->series, REPORT_CHART_POINTS);
    write_head(file, r);
    write_header(file, r);
    write_cards(file, r->facts->results);
    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].n_clients > 0)
            write_load(file, r, i);
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (!p->servers[i].has_clients)
            write_server(file, r, i);
    write_rest(file, r);
    write_configuration(file, r->configuration);
    fputs("<footer>Made by weir " WEIR_VERSION
          ". Latencies of open-loop loads count from the moment a request was due.</footer>\n"
          "</main></body></html>\n",
          file);
}
