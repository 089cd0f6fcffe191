/* SPDX-License-Identifier: MIT */
/*
 * Statistics of `weir ping`: see ping_report.h. The two lines that begin with a number and with "rtt" are those of
 * iputils' ping, so that what reads them reads these, with six decimals of a millisecond instead of three.
 */
#include "cli/ping_report.h"

#include <inttypes.h>
#include <math.h>

#include "base/time_ns.h"
#include "config/json.h"

#define JSON_INDENT 2u

static const struct {
    const char *name;
    uint32_t ppm;
} quantiles[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000}};

static const char *const error_names[] = {
#define PING_ERROR_NAME(name, text) #text,
    PING_ERROR_LIST(PING_ERROR_NAME)
#undef PING_ERROR_NAME
};

static double ms(double ns) { return ns / (double)NS_PER_MS; }

void ping_totals_add_rtt(struct ping_totals *t, int64_t rtt_ns)
{
    uint64_t value = rtt_ns > 0 ? (uint64_t)rtt_ns : 0;
    histogram_record(&t->rtt, value);
    t->rtt_squares += (double)value * (double)value;
}

/* As iputils: the root of the mean of squares less the square of the mean. */
static double deviation(const struct ping_totals *t)
{
    double n = (double)t->rtt.count, mean = n > 0 ? (double)t->rtt.sum / n : 0;
    double variance = n > 0 ? t->rtt_squares / n - mean * mean : 0;
    return variance > 0 ? sqrt(variance) : 0;
}

static uint64_t error_count(const struct ping_totals *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < PING_ERRORS; i++)
        n += t->errors[i];
    return n;
}

static double lost_share(const struct ping_totals *t)
{
    return t->sent ? (double)(t->sent - t->answered) / (double)t->sent : 0;
}

static void print_rtt(const struct ping_totals *t)
{
    const struct histogram *h = &t->rtt;
    printf("rtt min/avg/max/mdev = %.6f/%.6f/%.6f/%.6f ms\n", ms((double)h->min), ms((double)h->sum / (double)h->count),
           ms((double)h->max), ms(deviation(t)));
    fputs("rtt p50/p90/p99/p99.9 = ", stdout);
    for (unsigned i = 0; i < ARRAY_SIZE(quantiles); i++)
        printf("%s%.6f", i ? "/" : "", ms((double)histogram_quantile(h, quantiles[i].ppm)));
    puts(" ms");
}

void ping_report_print(const struct ping_totals *t)
{
    printf("\n--- %s ping statistics ---\n%" PRIu64 " packets transmitted, %" PRIu64 " received", t->destination,
           t->sent, t->answered);
    if (t->duplicates)
        printf(", +%" PRIu64 " duplicates", t->duplicates);
    if (t->corrupted)
        printf(", +%" PRIu64 " corrupted", t->corrupted);
    if (error_count(t))
        printf(", +%" PRIu64 " errors", error_count(t));
    printf(", %.6g%% packet loss, time %" PRId64 "ms\n", 100 * lost_share(t), t->duration_ns / NS_PER_MS);
    if (t->rtt.count > 0)
        print_rtt(t);
}

static void put_rtt(struct json_writer *w, const struct ping_totals *t)
{
    const struct histogram *h = &t->rtt;
    json_member_object(w, "rtt_ns");
    json_member_u64(w, "min", h->count ? h->min : 0);
    json_member_u64(w, "mean", histogram_mean(h));
    for (unsigned i = 0; i < ARRAY_SIZE(quantiles); i++)
        json_member_u64(w, quantiles[i].name, histogram_quantile(h, quantiles[i].ppm));
    json_member_u64(w, "max", h->max);
    json_member_u64(w, "deviation", (uint64_t)deviation(t));
    json_end_object(w);
}

static void put_totals(struct json_writer *w, const struct ping_totals *t)
{
    json_begin_object(w);
    json_member_u64(w, "schema", 1);
    json_member_string(w, "location", t->location);
    json_member_string(w, "source", t->source);
    json_member_string(w, "destination", t->destination);
    json_member_u64(w, "bytes", t->bytes);
    json_member_u64(w, "sent", t->sent);
    json_member_u64(w, "received", t->answered);
    json_member_u64(w, "duplicates", t->duplicates);
    json_member_u64(w, "corrupted", t->corrupted);
    json_member_object(w, "errors");
    for (unsigned i = 0; i < PING_ERRORS; i++)
        if (t->errors[i] > 0)
            json_member_u64(w, error_names[i], t->errors[i]);
    json_end_object(w);
    json_member_double(w, "lost", lost_share(t));
    json_member_double(w, "duration_s", (double)t->duration_ns / (double)NS_PER_S);
    put_rtt(w, t);
    json_end_object(w);
}

int ping_report_json(const struct ping_totals *t, struct output *to)
{
    struct json_writer w;
    output_begin(to);
    json_writer_init(&w, output_sink, to, JSON_INDENT);
    put_totals(&w, t);
    if (json_finish(&w) < 0)
        to->failed = true;
    return output_finish(to);
}
