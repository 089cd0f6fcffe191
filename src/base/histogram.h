/* SPDX-License-Identifier: MIT */
/*
 * A histogram of durations in nanoseconds with bounded relative error: 128 buckets to each power of two (error under
 * 0.8 %), 1 ns to 2^42 ns (73 minutes; larger values count in the last bucket, the maximum is kept exactly). Recording
 * is a few instructions, merging is addition. No floating point: quantiles are asked for in parts per million.
 */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include "base/compiler.h"

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_TOP_BIT 42
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP_BIT - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* valid when count > 0 */
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline uint32_t histogram_bucket(uint64_t value)
{
    if (value < (1u << HISTOGRAM_SUB_BITS))
        return (uint32_t)value;
    uint32_t top = 63u - (uint32_t)__builtin_clzll(value);
    if (top >= HISTOGRAM_TOP_BIT)
        return HISTOGRAM_BUCKETS - 1;
    uint32_t shift = top - HISTOGRAM_SUB_BITS;
    return ((shift + 1) << HISTOGRAM_SUB_BITS) + (uint32_t)((value >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1));
}

static inline void histogram_record(struct histogram *h, uint64_t value)
{
    h->buckets[histogram_bucket(value)]++;
    if (h->count++ == 0 || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->sum += value;
}

void histogram_reset(struct histogram *h);
void histogram_merge(struct histogram *into, const struct histogram *from);
/*
 * The smallest recorded bucket's upper bound that at least ppm/1e6 of the values do not exceed, clamped to [min, max];
 * 0 when empty.
 */
uint64_t histogram_quantile(const struct histogram *h, uint32_t ppm);
uint64_t histogram_mean(const struct histogram *h);
/* The largest value that falls into a bucket. */
uint64_t histogram_bucket_top(uint32_t bucket);

#endif
