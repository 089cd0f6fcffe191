/* SPDX-License-Identifier: MIT */
/*
 * Where an axis has its marks: round numbers.
 */
#include <math.h>

#include "cli/chart.h"

#define TINY 1e-9 /* relative, against rounding */

static const double steps[] = {1, 2, 5, 10};

double chart_round_up(double v)
{
    double power = pow(10, floor(log10(v)));
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++)
        if (steps[i] * power >= v * (1 - TINY))
            return steps[i] * power;
    return 10 * power;
}

double chart_round_down(double v)
{
    double power = pow(10, floor(log10(v)));
    for (unsigned i = ARRAY_SIZE(steps); i-- > 0;)
        if (steps[i] * power <= v * (1 + TINY))
            return steps[i] * power;
    return power;
}

unsigned chart_ticks_linear(double min, double max, unsigned wanted, double ticks[CHART_TICKS_MAX])
{
    if (!(max > min) || wanted == 0)
        return 0;
    double step = chart_round_up((max - min) / wanted);
    double first = ceil(min / step - TINY);
    unsigned n = 0;
    for (; n < CHART_TICKS_MAX && (first + n) * step <= max + step * TINY; n++)
        ticks[n] = (first + n) * step + 0.0; /* not -0 */
    return n;
}

static unsigned log_ticks(double min, double max, unsigned n_steps, double ticks[CHART_TICKS_MAX])
{
    unsigned n = 0;
    int last = (int)floor(log10(max) + TINY);
    for (int decade = (int)floor(log10(min)); decade <= last; decade++)
        for (unsigned i = 0; i < n_steps && n < CHART_TICKS_MAX; i++) {
            double v = steps[i] * pow(10, decade);
            if (v >= min * (1 - TINY) && v <= max * (1 + TINY))
                ticks[n++] = v;
        }
    return n;
}

unsigned chart_ticks_log(double min, double max, double ticks[CHART_TICKS_MAX])
{
    if (!(min > 0) || !(max > min))
        return 0;
    return log_ticks(min, max, max / min > 300 ? 1 : 3, ticks);
}
