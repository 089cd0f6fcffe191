/* SPDX-License-Identifier: MIT */
/*
 * Drawing a chart: see chart.h. Coordinates are those of the SVG's view box.
 */
#include "cli/chart.h"

#include <math.h>
#include <string.h>

#include "cli/html.h"

#define WIDTH 560.0
#define HEIGHT 230.0
#define LEFT 76.0
#define RIGHT 14.0
#define TOP 10.0
#define BOTTOM 26.0
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
#define Y_TICKS 5u
#define X_TICKS 8u
#define POINTS_MARKED 3u

/* A range of values and the range of coordinates it is drawn in. */
struct span {
    enum chart_scale scale;
    double min, max, at_min, at_max;
};

static double place(const struct span *s, double v)
{
    double share = s->scale == CHART_LOG ? log(v / s->min) / log(s->max / s->min) : (v - s->min) / (s->max - s->min);
    return s->at_min + share * (s->at_max - s->at_min);
}

static bool is_shown(const struct span *s, double v) { return !isnan(v) && (s->scale == CHART_LINEAR || v > 0); }

/* The smallest and largest value of all curves; false without any. */
static bool value_range(const struct chart *c, double *min, double *max)
{
    bool found = false;
    for (unsigned k = 0; k < c->n_curves; k++)
        for (uint32_t i = 0; i < c->n; i++) {
            double v = c->curves[k].y[i];
            if (isnan(v) || (c->y_axis.scale == CHART_LOG && v <= 0))
                continue;
            *min = found ? fmin(*min, v) : v;
            *max = found ? fmax(*max, v) : v;
            found = true;
        }
    return found;
}

static bool y_span(const struct chart *c, struct span *s)
{
    double min = 0, max = 0;
    bool found = value_range(c, &min, &max);
    *s = (struct span){.scale = c->y_axis.scale, .at_min = TOP + PLOT_HEIGHT, .at_max = TOP};
    if (c->y_axis.max > c->y_axis.min) {
        s->min = c->y_axis.min;
        s->max = c->y_axis.max;
    } else if (s->scale == CHART_LOG) {
        s->min = found ? chart_round_down(min) : 1;
        s->max = found ? chart_round_up(max * 1.001) : 10;
    } else {
        double step = max > 0 ? chart_round_up(max / Y_TICKS) : 1;
        s->max = max > 0 ? step * ceil(max * 1.02 / step) : 1;
    }
    return found;
}

static struct span x_span(const struct chart *c)
{
    struct span s = {.scale = c->x_axis.scale, .at_min = LEFT, .at_max = LEFT + PLOT_WIDTH};
    bool given = c->x_axis.max > c->x_axis.min;
    s.min = given ? c->x_axis.min : c->n ? c->x[0] : 0;
    s.max = given ? c->x_axis.max : c->n ? c->x[c->n - 1] : 1;
    if (!(s.max > s.min))
        s.max = s.scale == CHART_LOG ? s.min * 10 : s.min + 1;
    return s;
}

static unsigned find_ticks(const struct chart_axis *a, const struct span *s, unsigned wanted,
                           double ticks[CHART_TICKS_MAX])
{
    unsigned n = 0;
    if (!a->ticks)
        return s->scale == CHART_LOG ? chart_ticks_log(s->min, s->max, ticks)
                                     : chart_ticks_linear(s->min, s->max, wanted, ticks);
    for (unsigned i = 0; i < a->n_ticks && n < CHART_TICKS_MAX; i++)
        if (a->ticks[i] >= s->min && a->ticks[i] <= s->max)
            ticks[n++] = a->ticks[i];
    return n;
}

/* "20.0k" as "20k": marks are round numbers. */
static struct format_text round_label(struct format_text t)
{
    char *point = strchr(t.s, '.');
    if (!point)
        return t;
    size_t digits = strspn(point + 1, "0123456789"), kept = digits;
    while (kept > 0 && point[kept] == '0')
        kept--;
    char *end = kept > 0 ? point + 1 + kept : point;
    memmove(end, point + 1 + digits, strlen(point + 1 + digits) + 1);
    return t;
}

static void draw_y_axis(FILE *f, const struct chart_axis *a, const struct span *s)
{
    double ticks[CHART_TICKS_MAX];
    unsigned n = find_ticks(a, s, Y_TICKS, ticks);
    for (unsigned i = 0; i < n; i++) {
        double y = place(s, ticks[i]);
        fprintf(f, "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>", LEFT, y, LEFT + PLOT_WIDTH);
        fprintf(f, "<text class=\"y\" x=\"%.0f\" y=\"%.1f\">", LEFT - 7, y + 4);
        html_text(f, round_label(a->label(ticks[i])).s);
        fputs("</text>\n", f);
    }
}

static void draw_x_axis(FILE *f, const struct chart_axis *a, const struct span *s)
{
    double ticks[CHART_TICKS_MAX];
    unsigned n = find_ticks(a, s, X_TICKS, ticks);
    fprintf(f, "<path class=\"axis\" d=\"M%.0f %.0fH%.0f\"/>", LEFT, TOP + PLOT_HEIGHT, LEFT + PLOT_WIDTH);
    for (unsigned i = 0; i < n; i++) {
        double x = place(s, ticks[i]);
        const char *anchor = x > LEFT + PLOT_WIDTH - 20 ? "end" : "middle";
        fprintf(f, "<path class=\"axis\" d=\"M%.1f %.0fv4\"/>", x, TOP + PLOT_HEIGHT);
        fprintf(f, "<text text-anchor=\"%s\" x=\"%.1f\" y=\"%.0f\">", anchor, fmin(x, LEFT + PLOT_WIDTH), HEIGHT - 7);
        html_text(f, round_label(a->label(ticks[i])).s);
        fputs("</text>\n", f);
    }
}

static uint32_t run_end(const struct chart_curve *v, uint32_t n, const struct span *ys, uint32_t i)
{
    while (i < n && is_shown(ys, v->y[i]))
        i++;
    return i;
}

static void draw_points(FILE *f, const struct chart *c, const struct chart_curve *v, uint32_t from, uint32_t to,
                        const struct span *xs, const struct span *ys)
{
    for (uint32_t i = from; i < to; i++)
        fprintf(f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", v->style, place(xs, c->x[i]),
                place(ys, v->y[i]));
}

/* One unbroken piece of a curve, [from, to). */
static void draw_run(FILE *f, const struct chart *c, const struct chart_curve *v, uint32_t from, uint32_t to,
                     const struct span *xs, const struct span *ys)
{
    fprintf(f, "<path class=\"line %s\" d=\"", v->style);
    for (uint32_t i = from; i < to; i++)
        fprintf(f, "%c%.1f %.1f", i == from ? 'M' : 'L', place(xs, c->x[i]), place(ys, v->y[i]));
    fputs("\"/>\n", f);
    if (to - from < POINTS_MARKED)
        draw_points(f, c, v, from, to, xs, ys);
    if (!v->filled || to - from < 2)
        return;
    fprintf(f, "<path class=\"area %s\" d=\"M%.1f %.1f", v->style, place(xs, c->x[from]), ys->at_min);
    for (uint32_t i = from; i < to; i++)
        fprintf(f, "L%.1f %.1f", place(xs, c->x[i]), place(ys, v->y[i]));
    fprintf(f, "L%.1f %.1fZ\"/>\n", place(xs, c->x[to - 1]), ys->at_min);
}

static void draw_curve(FILE *f, const struct chart *c, const struct chart_curve *v, const struct span *xs,
                       const struct span *ys)
{
    for (uint32_t i = 0; i < c->n;) {
        uint32_t end = run_end(v, c->n, ys, i);
        if (end > i)
            draw_run(f, c, v, i, end, xs, ys);
        i = end + 1;
    }
}

static void write_tooltip(FILE *f, const struct chart *c, uint32_t i)
{
    fputs("<title>", f);
    html_text(f, c->x_axis.label(c->x[i]).s);
    for (unsigned k = 0; k < c->n_curves; k++) {
        if (isnan(c->curves[k].y[i]))
            continue;
        fputc('\n', f);
        html_text(f, c->curves[k].name);
        fputs(": ", f);
        html_text(f, c->y_axis.label(c->curves[k].y[i]).s);
    }
    fputs("</title>", f);
}

/* An invisible strip around each point that shows its values. */
static void draw_tooltips(FILE *f, const struct chart *c, const struct span *xs)
{
    for (uint32_t i = 0; i < c->n; i++) {
        double x = place(xs, c->x[i]);
        double left = i > 0 ? (x + place(xs, c->x[i - 1])) / 2 : xs->at_min;
        double right = i + 1 < c->n ? (x + place(xs, c->x[i + 1])) / 2 : xs->at_max;
        fprintf(f, "<rect class=\"hit\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\">", left, TOP,
                fmax(right - left, 0), PLOT_HEIGHT);
        write_tooltip(f, c, i);
        fputs("</rect>\n", f);
    }
}

static void write_caption(FILE *f, const struct chart *c)
{
    fputs("<figcaption><b>", f);
    html_text(f, c->title);
    fputs("</b>", f);
    for (unsigned k = 0; k < c->n_curves; k++) {
        fprintf(f, "<span class=\"key %s\">", c->curves[k].style);
        html_text(f, c->curves[k].name);
        fputs("</span>", f);
    }
    fputs("</figcaption>\n", f);
}

void chart_write(FILE *f, const struct chart *c)
{
    struct span xs = x_span(c), ys;
    bool found = y_span(c, &ys);
    fputs("<figure>", f);
    write_caption(f, c);
    fprintf(f, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    html_text(f, c->title);
    fputs("\">\n", f);
    if (found) {
        draw_y_axis(f, &c->y_axis, &ys);
        for (unsigned k = 0; k < c->n_curves; k++)
            draw_curve(f, c, &c->curves[k], &xs, &ys);
    } else {
        fprintf(f, "<text text-anchor=\"middle\" x=\"%.0f\" y=\"%.0f\">no values</text>\n", LEFT + PLOT_WIDTH / 2,
                TOP + PLOT_HEIGHT / 2);
    }
    draw_x_axis(f, &c->x_axis, &xs);
    draw_tooltips(f, c, &xs);
    fputs("</svg></figure>\n", f);
}
