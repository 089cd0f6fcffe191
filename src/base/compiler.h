/* SPDX-License-Identifier: MIT */
/*
 * The GNU extensions Weir uses, each behind one macro, and nothing else.
 * Every other file is plain C17.
 */
#ifndef WEIR_BASE_COMPILER_H
#define WEIR_BASE_COMPILER_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The result says whether the call failed and must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define UNUSED __attribute__((unused))
#define CACHE_LINE 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Ask for a cache line that will be read (or written) soon. */
static ALWAYS_INLINE void prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
/*
 * For x86-64 without -mprfchw the builtin asks for a readable line only; the instruction does no harm where the CPU
 * lacks it.
 */
#if defined(__x86_64__)
static ALWAYS_INLINE void prefetch_write(const void *p) { __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p)); }
#else
static ALWAYS_INLINE void prefetch_write(const void *p) { __builtin_prefetch(p, 1, 3); }
#endif

/* In a loop that waits for another core: leaves a shared core's resources to its sibling thread. */
static ALWAYS_INLINE void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

static ALWAYS_INLINE uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }
static ALWAYS_INLINE uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }
static ALWAYS_INLINE uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static ALWAYS_INLINE uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }
static ALWAYS_INLINE size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static ALWAYS_INLINE int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static ALWAYS_INLINE int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Smallest power of two not below x; x in [1, 2^31]. */
static inline uint32_t round_up_pow2(uint32_t x) { return x <= 1 ? 1 : 1u << (32 - __builtin_clz(x - 1)); }

#endif
