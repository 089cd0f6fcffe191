/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum with AVX2; compiled with -mavx2, called only where the processor has it.
 *
 * Each 64-bit lane keeps two totals: of whole 64-bit words, modulo 2^64, and of their upper halves, which cannot
 * overflow below 2^32 words. The total of the lower halves is their difference, exact again because it too fits. That
 * is three instructions a vector.
 */
#include "base/checksum_simd.h"

#include <immintrin.h>

#include "base/checksum_scalar.h"

struct lanes {
    __m256i words;
    __m256i upper;
};

static ALWAYS_INLINE void lanes_add(struct lanes *l, __m256i v)
{
    KEEP_IN_VECTOR_REGISTER(v);
    l->words = _mm256_add_epi64(l->words, v);
    l->upper = _mm256_add_epi64(l->upper, _mm256_srli_epi64(v, 32));
}

static ALWAYS_INLINE uint64_t lanes_sum(const struct lanes *a, const struct lanes *b)
{
    __m256i words = _mm256_add_epi64(a->words, b->words);
    __m256i upper = _mm256_add_epi64(a->upper, b->upper);
    __m256i lower = _mm256_sub_epi64(words, _mm256_slli_epi64(upper, 32));
    __m256i mask = _mm256_set1_epi64x(0xffffffff);
    /* Halve each lane's width before adding lanes up, so that no length overflows. */
    lower = _mm256_add_epi64(_mm256_and_si256(lower, mask), _mm256_srli_epi64(lower, 32));
    upper = _mm256_add_epi64(_mm256_and_si256(upper, mask), _mm256_srli_epi64(upper, 32));
    __m256i all = _mm256_add_epi64(lower, upper);
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

/* sum + b for any sum: b is small. */
static ALWAYS_INLINE uint64_t sum_join(uint64_t sum, uint64_t b) { return checksum_narrow((checksum_total)sum + b); }

static ALWAYS_INLINE __m256i load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

static ALWAYS_INLINE void store(uint8_t *p, __m256i v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }

uint64_t checksum_add_avx2(uint64_t sum, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    struct lanes a = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    struct lanes b = a;
    for (; length >= 128; length -= 128, p += 128) {
        lanes_add(&a, load(p));
        lanes_add(&b, load(p + 32));
        lanes_add(&a, load(p + 64));
        lanes_add(&b, load(p + 96));
    }
    for (; length >= 32; length -= 32, p += 32)
        lanes_add(&a, load(p));
    sum = sum_join(sum, lanes_sum(&a, &b));
    return checksum_add_words(sum, p, length);
}

uint64_t checksum_copy_avx2(uint64_t sum, void *to, const void *from, size_t length)
{
    const uint8_t *p = from;
    uint8_t *q = to;
    struct lanes a = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    struct lanes b = a;
    for (; length >= 64; length -= 64, p += 64, q += 64) {
        __m256i first = load(p), second = load(p + 32);
        store(q, first);
        store(q + 32, second);
        lanes_add(&a, first);
        lanes_add(&b, second);
    }
    if (length >= 32) {
        __m256i first = load(p);
        store(q, first);
        lanes_add(&a, first);
        length -= 32, p += 32, q += 32;
    }
    sum = sum_join(sum, lanes_sum(&a, &b));
    return checksum_copy_words(sum, q, p, length);
}
