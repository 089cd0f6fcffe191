/* SPDX-License-Identifier: MIT */
/*
 * TCP sequence numbers: RFC 9293 section 3.4. A one-member struct, so that a plain `<` does not compile.
 * Comparisons are modulo 2^32: `a` is before `b` when the way forward from a to b is shorter than 2^31.
 */
#ifndef WEIR_BASE_SEQ_H
#define WEIR_BASE_SEQ_H

#include "base/compiler.h"

struct seq {
    uint32_t v;
};

static ALWAYS_INLINE struct seq seq_of(uint32_t v) { return (struct seq){v}; }
static ALWAYS_INLINE struct seq seq_add(struct seq a, uint32_t n) { return (struct seq){a.v + n}; }
static ALWAYS_INLINE struct seq seq_sub(struct seq a, uint32_t n) { return (struct seq){a.v - n}; }
/* The signed distance from b to a: positive when a is after b. */
static ALWAYS_INLINE int32_t seq_diff(struct seq a, struct seq b) { return (int32_t)(a.v - b.v); }
/* The distance forward from `from` to `to`, for callers who know that from <= to. */
static ALWAYS_INLINE uint32_t seq_len(struct seq from, struct seq to) { return to.v - from.v; }
static ALWAYS_INLINE bool seq_eq(struct seq a, struct seq b) { return a.v == b.v; }
static ALWAYS_INLINE bool seq_lt(struct seq a, struct seq b) { return seq_diff(a, b) < 0; }
static ALWAYS_INLINE bool seq_le(struct seq a, struct seq b) { return seq_diff(a, b) <= 0; }
static ALWAYS_INLINE bool seq_gt(struct seq a, struct seq b) { return seq_diff(a, b) > 0; }
static ALWAYS_INLINE bool seq_ge(struct seq a, struct seq b) { return seq_diff(a, b) >= 0; }
static ALWAYS_INLINE struct seq seq_max(struct seq a, struct seq b) { return seq_gt(a, b) ? a : b; }
static ALWAYS_INLINE struct seq seq_min(struct seq a, struct seq b) { return seq_lt(a, b) ? a : b; }
/* first <= x < first + length, modulo 2^32. */
static ALWAYS_INLINE bool seq_in_window(struct seq x, struct seq first, uint32_t length)
{
    return x.v - first.v < length;
}

#endif
