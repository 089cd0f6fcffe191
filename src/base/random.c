/* SPDX-License-Identifier: MIT */
/*
 * xoshiro256** by Blackman and Vigna, its state filled by splitmix64 (Steele, Lea and Flood), which never gives four
 * zeros in a row. Bounded numbers by Lemire's multiplication ("Fast random integer generation in an interval"): the
 * upper half of a 128-bit product, and a rejection so rare that it seldom needs its division.
 */
#include "base/random.h"

__extension__ typedef unsigned __int128 wide;

static uint64_t splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static ALWAYS_INLINE uint64_t rotate_left(uint64_t x, unsigned n) { return (x << n) | (x >> (64 - n)); }

void random_seed(struct random *r, uint64_t seed)
{
    for (unsigned i = 0; i < ARRAY_SIZE(r->s); i++)
        r->s[i] = splitmix64(&seed);
}

static ALWAYS_INLINE uint64_t next(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_u64(struct random *r) { return next(r); }

uint64_t random_below(struct random *r, uint64_t bound)
{
    wide product = (wide)next(r) * bound;
    if (unlikely((uint64_t)product < bound)) {
        /* 2^64 mod bound: the numbers that would come once too often. */
        uint64_t surplus = bound ? (0 - bound) % bound : 0;
        while ((uint64_t)product < surplus)
            product = (wide)next(r) * bound;
    }
    return (uint64_t)(product >> 64);
}
