/* SPDX-License-Identifier: MIT */
/*
 * The live view: see live.h. A whole picture is composed in memory and written at once over the one before, each line
 * cleared to its end: nothing flickers. The cursor is hidden while the table stands.
 */
#include "cli/live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/format.h"
#include "cli/live_private.h"

#define DEFAULT_WIDTH 80
#define DEFAULT_HEIGHT 24
#define MIN_WIDTH 20

void live_begin(struct live *l, FILE *file)
{
    const char *kind = getenv("TERM");
    *l = (struct live){.file = file};
    l->terminal = file && isatty(fileno(file)) && kind && strcmp(kind, "dumb") != 0;
    if (l->terminal)
        fputs("\033[?25l", file);
}

static void screen_size(const struct live *l, unsigned *width, unsigned *height)
{
    struct winsize w;
    bool known = ioctl(fileno(l->file), TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;
    *width = known ? w.ws_col : DEFAULT_WIDTH;
    *height = known ? w.ws_row : DEFAULT_HEIGHT;
    if (*width < MIN_WIDTH)
        *width = MIN_WIDTH;
}

static void go_up(const struct live *l)
{
    if (l->lines > 0)
        fprintf(l->file, "\033[%uA", l->lines);
    fputc('\r', l->file);
}

/* Writes the picture's lines over those on the screen. */
static void show(struct live *l, const char *picture, unsigned width)
{
    unsigned lines = 0;
    go_up(l);
    for (const char *line = picture; *line; lines++) {
        size_t length = strcspn(line, "\n");
        fprintf(l->file, "%.*s\033[K\n", (int)min_u64(length, width - 1), line);
        line += length + (line[length] == '\n');
    }
    fputs("\033[J", l->file);
    fflush(l->file);
    l->lines = lines;
}

static const char *phase_word(enum engine_phase phase) { return phase == ENGINE_RUNNING ? "" : "  draining"; }

static void write_line(struct live *l, const struct live_state *s)
{
    const struct plan *p = s->results->plan;
    const struct sample *now = &s->samples[p->n_loads];
    struct sample total;
    sample_totals(s->results, p->n_loads, &total);
    bool latencies = sample_has_clients(p);
    fprintf(l->file, "%s", format_seconds(s->elapsed_ns).s);
    if (p->duration_ns > 0)
        fprintf(l->file, "/%s", format_seconds(p->duration_ns).s);
    fputs(phase_word(s->phase), l->file);
    fprintf(l->file, "  conn/s %s", format_si(sample_rate(now, SAMPLE_connections_established, s->span_ns)).s);
    fprintf(l->file, "  live %s", format_count(now->live).s);
    fprintf(l->file, "  trans/s %s", format_si(sample_rate(now, SAMPLE_transactions_completed, s->span_ns)).s);
    fprintf(l->file, "  tx %s", format_bits(8 * sample_rate(now, SAMPLE_bytes_sent, s->span_ns)).s);
    fprintf(l->file, "  rx %s", format_bits(8 * sample_rate(now, SAMPLE_bytes_received, s->span_ns)).s);
    if (latencies)
        fprintf(l->file, "  p50 %s  p99 %s", format_duration(now->p50_ns).s, format_duration(now->p99_ns).s);
    fprintf(l->file, "  failed %s",
            format_count(total.count[SAMPLE_connections_failed] + total.count[SAMPLE_transactions_failed]).s);
    if (latencies)
        fprintf(l->file, "  late %s", format_count(total.count[SAMPLE_late]).s);
    fprintf(l->file, "  resent %s\n", format_count(total.count[SAMPLE_retransmitted_segments]).s);
    fflush(l->file);
}

void live_update(struct live *l, const struct live_state *s)
{
    char *picture = NULL;
    size_t length = 0;
    unsigned width, height;
    if (!l->file)
        return;
    if (!l->terminal) {
        write_line(l, s);
        return;
    }
    screen_size(l, &width, &height);
    FILE *to = open_memstream(&picture, &length);
    if (!to)
        return;
    live_compose(to, s, width - 1, height - 1);
    fclose(to);
    show(l, picture, width);
    free(picture);
}

void live_end(struct live *l)
{
    if (!l->terminal)
        return;
    go_up(l);
    fputs("\033[J\033[?25h", l->file);
    fflush(l->file);
    l->lines = 0;
}
