/* SPDX-License-Identifier: MIT */
/*
 * A bounded series of samples over time. When it is full, neighbours are merged in pairs and later samples are gathered
 * in as many: the whole run stays covered without gap, in steps twice as long.
 *
 * Merging adds counts, keeps the live count of the later span and the larger maximum. The merged median is the mean of
 * the two, weighted by their transactions, and the 99th percentile the larger of the two: bounds between which, and up
 * to which, the true ones lie.
 */
#ifndef WEIR_CLI_SERIES_H
#define WEIR_CLI_SERIES_H

#include "cli/sample.h"

struct series_span {
    int64_t start_ns, end_ns;
    uint32_t gathered; /* samples in it */
};

struct series {
    uint32_t width;    /* samples side by side: the rows of sample.h */
    uint32_t capacity; /* points; even */
    uint32_t used;
    uint32_t gather; /* samples that make a point: a power of two */
    struct series_span *spans;
    struct sample *points; /* capacity * width */
};

/* capacity: an even number of points. ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int series_init(struct series *s, uint32_t width, uint32_t capacity);
void series_free(struct series *s); /* of zeros: allowed */
/* Adds what happened until end_ns since the end before (0 at first). Shorter than half of the samples before it, it is
 * added to the last point. */
void series_append(struct series *s, int64_t end_ns, const struct sample *samples);
static inline const struct sample *series_at(const struct series *s, uint32_t point, uint32_t column)
{
    return &s->points[(size_t)point * s->width + column];
}
static inline int64_t series_span_ns(const struct series *s, uint32_t point)
{
    return s->spans[point].end_ns - s->spans[point].start_ns;
}
/* Merges neighbours until there are at most n points (n >= 1): for a chart. */
void series_shrink(struct series *s, uint32_t n);

#endif
