/* SPDX-License-Identifier: MIT */
/*
 * Quantiles of the exponential distribution in integers, so that equal plans give equal think times on every machine.
 *
 * Quantile i is -mean * ln(1 - (i + 1/2) / n). The logarithm comes from repeated squaring in fixed point; what the
 * sum of the table lacks of n * mean (the tail beyond the last quantile) is added to the last entry.
 */
#include "traffic/plan_private.h"

__extension__ typedef unsigned __int128 u128;

#define FRACTION_BITS 40
/* ln 2 * 2^40, rounded. */
#define LN2 UINT64_C(762123384786)

/* -log2(numerator / denominator) in units of 2^-40; 0 < numerator <= denominator < 2^31. */
static uint64_t minus_log2(uint64_t numerator, uint64_t denominator)
{
    uint64_t result = 0;
    u128 x = ((u128)denominator << 62) / numerator; /* denominator / numerator in units of 2^-62, at least 1 */

    while (x >= (u128)1 << 63) {
        x >>= 1;
        result += UINT64_C(1) << FRACTION_BITS;
    }
    for (uint64_t bit = UINT64_C(1) << (FRACTION_BITS - 1); bit > 0; bit >>= 1) {
        x = x * x >> 62;
        if (x >= (u128)1 << 63) {
            x >>= 1;
            result += bit;
        }
    }
    return result;
}

void plan_think_table(int64_t mean, int64_t table[PLAN_THINK_STEPS])
{
    u128 total = (u128)(uint64_t)mean * PLAN_THINK_STEPS, sum = 0;

    for (uint32_t i = 0; i < PLAN_THINK_STEPS; i++) {
        uint64_t log2 = minus_log2(2 * PLAN_THINK_STEPS - (2 * (uint64_t)i + 1), 2 * PLAN_THINK_STEPS);
        u128 quantile = ((u128)log2 * LN2 >> FRACTION_BITS) * (uint64_t)mean >> FRACTION_BITS;
        table[i] = (int64_t)quantile;
        sum += quantile;
    }
    if (total > sum)
        table[PLAN_THINK_STEPS - 1] += (int64_t)(total - sum);
}
