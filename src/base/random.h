/* SPDX-License-Identifier: MIT */
/*
 * Seeded pseudo-random numbers (xoshiro256**, seeded by splitmix64) for simulation, impairment and load. Equal seeds
 * give equal sequences on every machine. Not for secrets: those come from hash.h with a key from the system.
 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include "base/compiler.h"

struct random {
    uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
static inline uint32_t random_u32(struct random *r) { return (uint32_t)(random_u64(r) >> 32); }
/* Uniform in [0, bound), without bias; 0 when bound is 0. */
uint64_t random_below(struct random *r, uint64_t bound);
/* True with probability parts_per_billion / 1e9. */
static inline bool random_chance(struct random *r, uint32_t parts_per_billion)
{
    return parts_per_billion != 0 && random_below(r, 1000000000u) < parts_per_billion;
}

#endif
