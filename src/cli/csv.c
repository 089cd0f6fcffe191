/* SPDX-License-Identifier: MIT */
/*
 * Writing CSV: see csv.h.
 */
#include "cli/csv.h"

#include <inttypes.h>
#include <string.h>

static void write_header(FILE *file)
{
    fputs("load,start_s,end_s", file);
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        fprintf(file, ",%s", sample_counter_name(i));
    fputs(",connections_live,connections_per_second,transactions_per_second,sent_bits_per_second,received_bits_per_"
          "second,"
          "transaction_p50_ns,transaction_p99_ns,transaction_max_ns\n",
          file);
}

/* Quoted where commas, quotes or line ends stand in it. */
static void write_text(FILE *file, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++)
        fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
}

static void write_row(FILE *file, const char *load, const struct series_span *span, const struct sample *s)
{
    int64_t ns = span->end_ns - span->start_ns;
    write_text(file, load);
    fprintf(file, ",%.6f,%.6f", (double)span->start_ns / 1e9, (double)span->end_ns / 1e9);
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        fprintf(file, ",%" PRIu64, s->count[i]);
    fprintf(file, ",%" PRIu64 ",%.3f,%.3f,%.0f,%.0f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", s->live,
            sample_rate(s, SAMPLE_connections_established, ns), sample_rate(s, SAMPLE_transactions_completed, ns),
            8 * sample_rate(s, SAMPLE_bytes_sent, ns), 8 * sample_rate(s, SAMPLE_bytes_received, ns), s->p50_ns,
            s->p99_ns, s->max_ns);
}

static void write_loads(FILE *file, const struct plan *p, const struct series *s, uint32_t point)
{
    for (uint32_t load = 0; load < p->n_loads; load++)
        if (p->loads[load].n_clients > 0)
            write_row(file, p->loads[load].name, &s->spans[point], series_at(s, point, load));
}

static void write_servers(FILE *file, const struct plan *p, const struct series *s, uint32_t point)
{
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (!p->servers[i].has_clients)
            write_row(file, p->servers[i].name, &s->spans[point], series_at(s, point, sample_server_row(p, i)));
}

void csv_write(FILE *file, const struct plan *p, const struct series *s)
{
    write_header(file);
    for (uint32_t point = 0; point < s->used; point++) {
        write_loads(file, p, s, point);
        write_servers(file, p, s, point);
    }
}
