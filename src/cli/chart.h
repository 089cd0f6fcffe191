/* SPDX-License-Identifier: MIT */
/*
 * A line chart as an HTML figure with inline SVG: up to four curves over a common x axis, linear or logarithmic.
 * Colours come from the page's style sheet; pointing at a place shows the values there by the browser's own tooltips.
 */
#ifndef WEIR_CLI_CHART_H
#define WEIR_CLI_CHART_H

#include <stdio.h>

#include "cli/format.h"

#define CHART_CURVES_MAX 4
#define CHART_TICKS_MAX 16

enum chart_scale { CHART_LINEAR, CHART_LOG };

struct chart_axis {
    enum chart_scale scale;
    double min, max; /* equal: found from the values; a linear y axis then begins at 0 */
    struct format_text (*label)(double value);
    const double *ticks; /* NULL: found from the range */
    unsigned n_ticks;
};

struct chart_curve {
    const char *name;
    const char *style; /* class of the style sheet: "c1" to "c4", "plan", "bad" */
    const double *y;   /* NAN: a gap */
    bool filled;
};

struct chart {
    const char *title;
    const double *x; /* ascending */
    uint32_t n;
    struct chart_axis x_axis, y_axis;
    struct chart_curve curves[CHART_CURVES_MAX];
    unsigned n_curves;
};

/* Values that a logarithmic axis cannot show (0 and less) are gaps. */
void chart_write(FILE *file, const struct chart *c);

/* Round numbers within [min, max], about `wanted` of them; fills ticks, returns how many. */
unsigned chart_ticks_linear(double min, double max, unsigned wanted, double ticks[CHART_TICKS_MAX]);
/* 1, 2 and 5 times powers of ten, or only the powers where those would be too many. */
unsigned chart_ticks_log(double min, double max, double ticks[CHART_TICKS_MAX]);
/* The next of 1, 2, 5, 10 times a power of ten that is not below v > 0 (up), or not above (down). */
double chart_round_up(double v);
double chart_round_down(double v);

#endif
