/* SPDX-License-Identifier: MIT */
/*
 * The text of a box's counters for Prometheus: see box_metrics.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/box_metrics.h"

static const int64_t bounds_us[BOX_ANSWER_BUCKETS - 1] = BOX_ANSWER_BOUNDS;

void box_answers_add(struct box_answers *h, uint64_t answers, int64_t took_ns)
{
    unsigned i = 0;
    while (i < BOX_ANSWER_BUCKETS - 1 && took_ns > bounds_us[i] * NS_PER_US)
        i++;
    h->count[i] += answers;
    h->sum_ns += answers * (uint64_t)took_ns;
}

/* What a counter counts, where its name does not say it. */
static const char *const helps[][2] = {
    {"flows_opened", "Connections whose SYN was answered"},
    {"flows_translated", "Connections whose server has answered"},
    {"flows_closed", "Connections closed by both ends"},
    {"flows_reset", "Connections reset by one end"},
    {"flows_idle", "Connections forgotten since nothing came"},
    {"syn_answered", "SYNs answered in the server's name"},
    {"syn_answered_again", "SYN-ACKs sent again"},
    {"syn_sent_again", "SYNs sent again to servers"},
    {"early_bytes", "Bytes of clients taken before the server's answer"},
    {"early_undelivered", "Connections that ended with acknowledged bytes undelivered"},
    {"server_refused", "Servers that refused a connection"},
    {"server_silent", "Servers that did not answer in time"},
    {"bypass_configured", "SYNs passed untouched as the configuration says"},
    {"bypass_full", "SYNs passed untouched since a table was full"},
    {"bypass_options", "SYNs passed untouched for their options"},
    {"bypass_data", "SYNs passed untouched for their data"},
};

static const char *help_of(const char *name, char text[64])
{
    for (size_t i = 0; i < ARRAY_SIZE(helps); i++)
        if (strcmp(helps[i][0], name) == 0)
            return helps[i][1];
    (void)snprintf(text, 64, "%s", name);
    for (char *at = text; *at; at++)
        *at = *at == '_' ? ' ' : *at;
    return text;
}

struct page {
    char *to;
    size_t size, length;
};

static void say(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct page *p, const char *format, ...)
{
    const size_t room = p->length < p->size ? p->size - p->length : 0;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(room ? p->to + p->length : NULL, room, format, arguments);
    va_end(arguments);
    p->length += n > 0 ? (size_t)n : 0;
}

static void say_head(struct page *p, const char *name, const char *type, const char *help)
{
    say(p, "# HELP weir_accel_%s %s.\n# TYPE weir_accel_%s %s\n", name, help, name, type);
}

static void say_counter(struct page *p, const char *name, uint64_t value)
{
    char help[64], total[64];
    (void)snprintf(total, sizeof total, "%s_total", name);
    say_head(p, total, "counter", help_of(name, help));
    say(p, "weir_accel_%s %" PRIu64 "\n", total, value);
}

static void say_gauge(struct page *p, const char *name, const char *help, uint64_t value)
{
    say_head(p, name, "gauge", help);
    say(p, "weir_accel_%s %" PRIu64 "\n", name, value);
}

static void say_answers(struct page *p, const struct box_answers *h)
{
    uint64_t sum = 0;
    say_head(p, "answer_seconds", "histogram",
             "From taking a SYN off the link to the end of the turn that answered it");
    for (unsigned i = 0; i < BOX_ANSWER_BUCKETS - 1; i++) {
        sum += h->count[i];
        say(p, "weir_accel_answer_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", (double)bounds_us[i] / 1e6, sum);
    }
    sum += h->count[BOX_ANSWER_BUCKETS - 1];
    say(p, "weir_accel_answer_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", sum);
    say(p, "weir_accel_answer_seconds_sum %" PRIu64 ".%09" PRIu64 "\n", h->sum_ns / NS_PER_S, h->sum_ns % NS_PER_S);
    say(p, "weir_accel_answer_seconds_count %" PRIu64 "\n", sum);
}

/* Backslash, quotation mark and newline have one in front: of a label's value. */
static void say_label(struct page *p, const char *text)
{
    for (; *text; text++)
        say(p, *text == '\n' ? "\\n" : *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void say_ports(struct page *p, const struct box_facts *f, const char *name, const char *help,
                      uint64_t (*of)(const struct link_counters *c, bool received))
{
    say_head(p, name, "counter", help);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned received = 0; received < 2; received++) {
            say(p, "weir_accel_%s{port=\"", name);
            say_label(p, f->names[i]);
            say(p, "\",way=\"%s\"} %" PRIu64 "\n", received ? "received" : "sent", of(&f->ports[i], received));
        }
}

static uint64_t frames_of(const struct link_counters *c, bool received)
{
    return received ? c->frames_rx : c->frames_tx;
}
static uint64_t bytes_of(const struct link_counters *c, bool received) { return received ? c->bytes_rx : c->bytes_tx; }

static void say_drops(struct page *p, const struct box_facts *f)
{
    say_head(p, "port_drops_total", "counter", "Frames dropped at a port");
    for (unsigned i = 0; i < 2; i++)
        for (unsigned cause = 0; cause < LINK_DROP_COUNT; cause++) {
            say(p, "weir_accel_port_drops_total{port=\"");
            say_label(p, f->names[i]);
            say(p, "\",cause=\"%s\"} %" PRIu64 "\n", link_drop_name((enum link_drop)cause), f->ports[i].drops[cause]);
        }
}

size_t box_metrics_print(char *to, size_t size, const struct box_facts *f)
{
    struct page p = {.to = to, .size = size};
#define SAY_COUNTER(name) say_counter(&p, #name, f->counters->name);
    ACCEL_COUNTER_LIST(SAY_COUNTER)
#undef SAY_COUNTER
    say_gauge(&p, "flows", "Connections in the table", f->flows);
    say_gauge(&p, "flows_max", "Connections that the table has room for", f->max_flows);
    say_gauge(&p, "openings", "Connections in their handshake or with early data", f->openings);
    say_gauge(&p, "openings_max", "Room for connections in their handshake or with early data", f->max_openings);
    say_counter(&p, "lost_lines", f->lost_lines);
    say_counter(&p, "lost_frames", f->lost_frames);
    say_answers(&p, f->answers);
    say_ports(&p, f, "port_frames_total", "Frames of a port", frames_of);
    say_ports(&p, f, "port_bytes_total", "Bytes of a port, without FCS", bytes_of);
    say_drops(&p, f);
    return p.length;
}
