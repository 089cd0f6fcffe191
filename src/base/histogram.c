/* SPDX-License-Identifier: MIT */
/*
 * Merging and asking a histogram; recording is inline in histogram.h. Integers only.
 */
#include "base/histogram.h"

#include <string.h>

#define PPM UINT64_C(1000000)

void histogram_reset(struct histogram *h) { memset(h, 0, sizeof *h); }

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    into->min = into->count == 0 ? from->min : min_u64(into->min, from->min);
    into->max = max_u64(into->max, from->max);
    into->count += from->count;
    into->sum += from->sum;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t histogram_bucket_top(uint32_t bucket)
{
    if (bucket >= HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    if (bucket < (2u << HISTOGRAM_SUB_BITS))
        return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t first = (1u << HISTOGRAM_SUB_BITS) + (bucket & ((1u << HISTOGRAM_SUB_BITS) - 1));
    return ((first + 1) << shift) - 1;
}

/* How many of count values make at least ppm/1e6 of them: ceil(count * ppm / 1e6), at least 1, without overflow. */
static uint64_t rank_of(uint64_t count, uint64_t ppm)
{
    uint64_t rank = count / PPM * ppm + (count % PPM * ppm + PPM - 1) / PPM;
    return max_u64(rank, 1);
}

uint64_t histogram_quantile(const struct histogram *h, uint32_t ppm)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = rank_of(h->count, min_u64(ppm, PPM));
    uint64_t seen = 0;
    uint32_t bucket = 0;
    for (; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
        seen += h->buckets[bucket];
        if (seen >= rank)
            break;
    }
    return max_u64(h->min, min_u64(h->max, histogram_bucket_top(bucket)));
}

uint64_t histogram_mean(const struct histogram *h) { return h->count ? h->sum / h->count : 0; }
