/* SPDX-License-Identifier: MIT */
/*
 * The live table as text: a progress bar, the columns that fit (the least important go first when the terminal is
 * narrow), a row for each load and for each server that no load uses, and one for all. Rates are of the last span,
 * failures and the like of the whole run.
 */
#include <string.h>

#include "cli/format.h"
#include "cli/live_private.h"

#define NAME_WIDTH 14
#define BAR_MAX 50

struct row {
    const struct sample *now;
    const struct sample *total;
    int64_t span_ns;
};

typedef struct format_text cell_fn(const struct row *r);

static struct format_text connections_rate(const struct row *r)
{
    return format_si(sample_rate(r->now, SAMPLE_connections_established, r->span_ns));
}
static struct format_text live_count(const struct row *r) { return format_count(r->now->live); }
static struct format_text transactions_rate(const struct row *r)
{
    return format_si(sample_rate(r->now, SAMPLE_transactions_completed, r->span_ns));
}
static struct format_text sent_rate(const struct row *r)
{
    return format_si(8 * sample_rate(r->now, SAMPLE_bytes_sent, r->span_ns));
}
static struct format_text received_rate(const struct row *r)
{
    return format_si(8 * sample_rate(r->now, SAMPLE_bytes_received, r->span_ns));
}
static struct format_text median(const struct row *r) { return format_duration(r->now->p50_ns); }
static struct format_text p99(const struct row *r) { return format_duration(r->now->p99_ns); }
static struct format_text failed(const struct row *r)
{
    return format_count(r->total->count[SAMPLE_connections_failed] + r->total->count[SAMPLE_transactions_failed]);
}
static struct format_text late(const struct row *r) { return format_count(r->total->count[SAMPLE_late]); }
static struct format_text resent(const struct row *r)
{
    return format_count(r->total->count[SAMPLE_retransmitted_segments]);
}

/* In the order of the table; rank 0 stays longest. */
static const struct {
    const char *title;
    unsigned width, rank;
    cell_fn *cell;
} columns[] = {
    {"conn/s", 9, 2, connections_rate},
    {"live", 11, 3, live_count},
    {"trans/s", 9, 0, transactions_rate},
    {"tx bit/s", 10, 5, sent_rate},
    {"rx bit/s", 10, 4, received_rate},
    {"p50", 9, 7, median},
    {"p99", 9, 6, p99},
    {"failed", 9, 1, failed},
    {"late", 9, 8, late},
    {"resent", 9, 9, resent},
};

/* Columns with a rank below the result fit. */
static unsigned ranks_that_fit(unsigned width)
{
    unsigned used = NAME_WIDTH, rank = 0;
    for (; rank < ARRAY_SIZE(columns); rank++) {
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
            if (columns[i].rank == rank)
                used += columns[i].width;
        if (used > width)
            return rank;
    }
    return rank;
}

static void write_header(FILE *to, unsigned ranks)
{
    fprintf(to, "%-*s", NAME_WIDTH, "load");
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (columns[i].rank < ranks)
            fprintf(to, "%*s", (int)columns[i].width, columns[i].title);
    fputc('\n', to);
}

static void write_row(FILE *to, const char *name, const struct row *r, unsigned ranks)
{
    fprintf(to, "%-*.*s", NAME_WIDTH, NAME_WIDTH - 1, name);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (columns[i].rank < ranks)
            fprintf(to, "%*s", (int)columns[i].width, columns[i].cell(r).s);
    fputc('\n', to);
}

static void write_load(FILE *to, const struct live_state *s, uint32_t load, const char *name, unsigned ranks)
{
    struct sample total;
    sample_totals(s->results, load, &total);
    struct row r = {.now = &s->samples[load], .total = &total, .span_ns = s->span_ns};
    write_row(to, name, &r, ranks);
}

/* "[#####.....]  50 %  5.0 s of 10.0 s" */
static void write_bar(FILE *to, const struct live_state *s, unsigned width)
{
    if (s->results->plan->duration_ns == 0) {
        fprintf(to, "%s, until Ctrl-C%s\n", format_seconds(s->elapsed_ns).s,
                s->phase == ENGINE_RUNNING ? "" : ", draining");
        return;
    }
    int64_t whole = max_i64(s->results->plan->duration_ns, 1);
    int64_t elapsed = min_i64(s->elapsed_ns, whole);
    const char *word = s->phase == ENGINE_RUNNING ? "" : ", draining";
    char text[128];
    int length = snprintf(text, sizeof text, " %3d %%  %s of %s%s", (int)((double)elapsed * 100 / (double)whole),
                          format_seconds(s->elapsed_ns).s, format_seconds(whole).s, word);
    int room = (int)width - length - 2;
    int bar = room > BAR_MAX ? BAR_MAX : room;
    int full = bar > 0 ? (int)((double)elapsed * bar / (double)whole) : 0;
    if (bar > 3) {
        fputc('[', to);
        for (int i = 0; i < bar; i++)
            fputc(i < full ? '#' : '.', to);
        fputc(']', to);
    }
    fprintf(to, "%s\n", text);
}

void live_compose(FILE *to, const struct live_state *s, unsigned width, unsigned height)
{
    const struct plan *p = s->results->plan;
    unsigned ranks = ranks_that_fit(width);
    unsigned room = height > 4 ? height - 4 : 1, shown = 0, loads = 0;
    write_bar(to, s, width);
    write_header(to, ranks);
    for (uint32_t i = 0; i < p->n_loads; i++) {
        if (p->loads[i].n_clients == 0)
            continue;
        if (++loads <= room) {
            write_load(to, s, i, p->loads[i].name, ranks);
            shown++;
        }
    }
    for (uint32_t i = 0; i < p->n_servers; i++) {
        if (p->servers[i].has_clients)
            continue;
        if (++loads <= room) {
            write_load(to, s, sample_server_row(p, i), p->servers[i].name, ranks);
            shown++;
        }
    }
    if (loads > shown)
        fprintf(to, "... and %u more\n", loads - shown);
    if (loads > 1)
        write_load(to, s, p->n_loads, "all", ranks);
}
