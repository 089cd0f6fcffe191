/* SPDX-License-Identifier: MIT */
/*
 * The series of samples: see series.h.
 */
#include "cli/series.h"

#include "base/alloc_heap.h"
#include "base/error.h"

int series_init(struct series *s, uint32_t width, uint32_t capacity)
{
    const struct allocator *a = alloc_heap();
    *s = (struct series){.width = width, .capacity = capacity, .gather = 1};
    if (width == 0 || capacity < 2 || capacity % 2)
        return ERR_INVALID;
    s->spans = alloc_array(a, capacity, sizeof *s->spans, alignof(struct series_span));
    s->points = alloc_array(a, (size_t)capacity * width, sizeof *s->points, alignof(struct sample));
    if (s->spans && s->points)
        return 0;
    series_free(s);
    return ERR_NO_MEMORY;
}

void series_free(struct series *s)
{
    const struct allocator *a = alloc_heap();
    alloc_free(a, s->spans, s->capacity * sizeof *s->spans);
    alloc_free(a, s->points, (size_t)s->capacity * s->width * sizeof *s->points);
    *s = (struct series){0};
}

static uint64_t weighted_mean(uint64_t a, uint64_t a_weight, uint64_t b, uint64_t b_weight)
{
    double total = (double)a_weight + (double)b_weight;
    return total > 0 ? (uint64_t)(((double)a * (double)a_weight + (double)b * (double)b_weight) / total) : 0;
}

static void merge_sample(struct sample *into, const struct sample *later)
{
    uint64_t n = into->count[SAMPLE_transactions_completed], m = later->count[SAMPLE_transactions_completed];
    into->p50_ns = weighted_mean(into->p50_ns, n, later->p50_ns, m);
    into->p99_ns = max_u64(into->p99_ns, later->p99_ns);
    into->max_ns = max_u64(into->max_ns, later->max_ns);
    into->live = later->live;
    for (unsigned i = 0; i < SAMPLE_COUNTER_COUNT; i++)
        into->count[i] += later->count[i];
}

static struct sample *row(struct series *s, uint32_t point) { return &s->points[(size_t)point * s->width]; }

static void merge_row(struct series *s, uint32_t point, const struct sample *later, int64_t end_ns, uint32_t gathered)
{
    for (uint32_t i = 0; i < s->width; i++)
        merge_sample(&row(s, point)[i], &later[i]);
    s->spans[point].end_ns = end_ns;
    s->spans[point].gathered += gathered;
}

static void move_row(struct series *s, uint32_t to, uint32_t from)
{
    s->spans[to] = s->spans[from];
    for (uint32_t i = 0; i < s->width; i++)
        row(s, to)[i] = row(s, from)[i];
}

static void halve(struct series *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->used; i += 2, n++) {
        if (n != i)
            move_row(s, n, i);
        if (i + 1 < s->used)
            merge_row(s, n, row(s, i + 1), s->spans[i + 1].end_ns, s->spans[i + 1].gathered);
    }
    s->used = n;
    s->gather *= 2;
}

static bool belongs_to_last(const struct series *s, int64_t span_ns)
{
    if (s->used == 0)
        return false;
    uint32_t gathered = s->spans[s->used - 1].gathered;
    return gathered < s->gather || 2 * span_ns < series_span_ns(s, s->used - 1) / gathered;
}

void series_append(struct series *s, int64_t end_ns, const struct sample *samples)
{
    int64_t start = s->used ? s->spans[s->used - 1].end_ns : 0;
    if (belongs_to_last(s, end_ns - start)) {
        merge_row(s, s->used - 1, samples, end_ns, 1);
        return;
    }
    if (s->used == s->capacity) {
        halve(s);
        start = s->spans[s->used - 1].end_ns;
    }
    s->spans[s->used] = (struct series_span){.start_ns = start, .end_ns = end_ns, .gathered = 1};
    for (uint32_t i = 0; i < s->width; i++)
        row(s, s->used)[i] = samples[i];
    s->used++;
}

void series_shrink(struct series *s, uint32_t n)
{
    while (s->used > n)
        halve(s);
}
