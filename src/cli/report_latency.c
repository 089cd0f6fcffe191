/* SPDX-License-Identifier: MIT */
/*
 * Charts of how latencies are distributed: the time below which a share of all lies, the last percents drawn apart; and
 * how many lie where, in steps of a twentieth of a decade.
 */
#include <math.h>
#include <string.h>

#include "cli/chart.h"
#include "cli/report_charts.h"

#define KINDS 3u
#define NINES_MAX 6u /* 99.9999 %: the quantiles' resolution */
#define STEPS_A_NINE 24u
#define QUANTILE_POINTS (NINES_MAX * STEPS_A_NINE + 1)
#define BINS_A_DECADE 20.0
#define BINS 260u /* 1 ns to 10^13 ns */

static const char *const kind_names[KINDS] = {"connect", "first byte", "transaction"};
static const char *const kind_styles[KINDS] = {"c3", "c2", "c1"};

static const struct histogram *kind(const struct load_stats *s, unsigned k)
{
    const struct histogram *const all[KINDS] = {&s->connect, &s->first_byte, &s->transaction};
    return all[k];
}

static struct format_text duration(double ns) { return format_duration((uint64_t)ns); }

/* x nines as a percentage: 0 is 0 %, 1 is 90 %, 2 is 99 %. */
static struct format_text percentile(double nines)
{
    struct format_text t;
    double percent = 100 - 100 * pow(10, -nines);
    int decimals = nines > 2 ? (int)ceil(nines - 2) : 0;
    snprintf(t.s, sizeof t.s, "%.*f %%", decimals, percent);
    return t;
}

/* How many nines have at least one value beyond them. */
static double nines_of(const struct load_stats *s)
{
    uint64_t most = 0;
    for (unsigned k = 0; k < KINDS; k++)
        most = max_u64(most, kind(s, k)->count);
    return most > 10 ? fmin(floor(log10((double)most)), NINES_MAX) : 1;
}

static void write_percentiles(FILE *f, const struct load_stats *s)
{
    static const double ticks[] = {0, 1, 2, 3, 4, 5, 6}; /* 0, 90, 99 % ... */
    double x[QUANTILE_POINTS], y[KINDS][QUANTILE_POINTS], last = nines_of(s);
    uint32_t n = (uint32_t)last * STEPS_A_NINE + 1;
    struct chart chart = {
        .title = "Latency by percentile",
        .x = x,
        .n = n,
        .x_axis = {.scale = CHART_LINEAR,
                   .min = 0,
                   .max = last,
                   .label = percentile,
                   .ticks = ticks,
                   .n_ticks = ARRAY_SIZE(ticks)},
        .y_axis = {.scale = CHART_LOG, .label = duration},
        .n_curves = KINDS,
    };
    for (uint32_t i = 0; i < n; i++) {
        x[i] = (double)i / STEPS_A_NINE;
        uint32_t ppm = (uint32_t)lround(1e6 * (1 - pow(10, -x[i])));
        for (unsigned k = 0; k < KINDS; k++)
            y[k][i] = kind(s, k)->count ? (double)histogram_quantile(kind(s, k), ppm) : NAN;
    }
    for (unsigned k = 0; k < KINDS; k++)
        chart.curves[k] = (struct chart_curve){.name = kind_names[k], .style = kind_styles[k], .y = y[k]};
    chart_write(f, &chart);
}

static void fill_bins(const struct histogram *h, double bins[BINS])
{
    memset(bins, 0, BINS * sizeof bins[0]);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->buckets[i] == 0)
            continue;
        double value = fmax((double)min_u64(histogram_bucket_top(i), h->max), 1);
        unsigned bin = (unsigned)fmin(log10(value) * BINS_A_DECADE, BINS - 1);
        bins[bin] += (double)h->buckets[i] / (double)h->count;
    }
}

/* The bins that hold something, with an empty one on either side. */
static void bin_range(double bins[KINDS][BINS], uint32_t *first, uint32_t *last)
{
    *first = BINS;
    *last = 0;
    for (unsigned k = 0; k < KINDS; k++)
        for (uint32_t i = 0; i < BINS; i++)
            if (bins[k][i] > 0) {
                *first = min_u32(*first, i);
                *last = max_u32(*last, i);
            }
    if (*first > *last)
        *first = *last = BINS / 2;
    *first -= *first > 0;
    *last += *last < BINS - 1;
}

static void write_distribution(FILE *f, const struct load_stats *s)
{
    double bins[KINDS][BINS], x[BINS];
    uint32_t first, last;
    for (unsigned k = 0; k < KINDS; k++)
        fill_bins(kind(s, k), bins[k]);
    for (uint32_t i = 0; i < BINS; i++)
        x[i] = pow(10, (i + 0.5) / BINS_A_DECADE);
    bin_range(bins, &first, &last);
    struct chart chart = {
        .title = "Latency distribution",
        .x = x + first,
        .n = last - first + 1,
        .x_axis = {.scale = CHART_LOG, .label = duration},
        .y_axis = {.scale = CHART_LINEAR, .label = format_share},
        .n_curves = KINDS,
    };
    for (unsigned k = 0; k < KINDS; k++)
        chart.curves[k] =
            (struct chart_curve){.name = kind_names[k], .style = kind_styles[k], .y = bins[k] + first, .filled = true};
    chart_write(f, &chart);
}

void report_write_latency_charts(FILE *file, const struct load_stats *s)
{
    write_percentiles(file, s);
    write_distribution(file, s);
}
