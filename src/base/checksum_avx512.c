/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum with AVX-512 (F, BW; VL and DQ where the compiler likes), called only where the processor has
 * them.
 *
 * The totals are those of checksum_avx2.c: whole words modulo 2^64 and their upper halves. The end is a masked load,
 * which neither reads nor faults beyond the length, so that no scalar loop follows.
 */
#include "base/checksum_simd.h"

#include <immintrin.h>

#include "base/checksum_scalar.h"

struct lanes {
    __m512i words;
    __m512i upper;
};

static ALWAYS_INLINE void lanes_add(struct lanes *l, __m512i v)
{
    KEEP_IN_VECTOR_REGISTER(v);
    l->words = _mm512_add_epi64(l->words, v);
    l->upper = _mm512_add_epi64(l->upper, _mm512_srli_epi64(v, 32));
}

static ALWAYS_INLINE uint64_t lanes_sum(const struct lanes *a, const struct lanes *b)
{
    __m512i words = _mm512_add_epi64(a->words, b->words);
    __m512i upper = _mm512_add_epi64(a->upper, b->upper);
    __m512i lower = _mm512_sub_epi64(words, _mm512_slli_epi64(upper, 32));
    __m512i mask = _mm512_set1_epi64(0xffffffff);
    /* Halve each lane's width before adding lanes up, so that no length overflows. */
    lower = _mm512_add_epi64(_mm512_and_si512(lower, mask), _mm512_srli_epi64(lower, 32));
    upper = _mm512_add_epi64(_mm512_and_si512(upper, mask), _mm512_srli_epi64(upper, 32));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(lower, upper));
}

/* sum + b for any sum: b is small. */
static ALWAYS_INLINE uint64_t sum_join(uint64_t sum, uint64_t b) { return checksum_narrow((checksum_total)sum + b); }

/* The first n of 64 bytes, n < 64. */
static ALWAYS_INLINE __mmask64 mask_of(size_t n) { return ((__mmask64)1 << n) - 1; }

uint64_t checksum_add_avx512(uint64_t sum, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    struct lanes a = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    struct lanes b = a;
    for (; length >= 128; length -= 128, p += 128) {
        lanes_add(&a, _mm512_loadu_si512(p));
        lanes_add(&b, _mm512_loadu_si512(p + 64));
    }
    if (length >= 64) {
        lanes_add(&a, _mm512_loadu_si512(p));
        length -= 64, p += 64;
    }
    lanes_add(&b, _mm512_maskz_loadu_epi8(mask_of(length), p));
    return sum_join(sum, lanes_sum(&a, &b));
}

uint64_t checksum_copy_avx512(uint64_t sum, void *to, const void *from, size_t length)
{
    const uint8_t *p = from;
    uint8_t *q = to;
    struct lanes a = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    struct lanes b = a;
    for (; length >= 128; length -= 128, p += 128, q += 128) {
        __m512i first = _mm512_loadu_si512(p), second = _mm512_loadu_si512(p + 64);
        _mm512_storeu_si512(q, first);
        _mm512_storeu_si512(q + 64, second);
        lanes_add(&a, first);
        lanes_add(&b, second);
    }
    if (length >= 64) {
        __m512i first = _mm512_loadu_si512(p);
        _mm512_storeu_si512(q, first);
        lanes_add(&a, first);
        length -= 64, p += 64, q += 64;
    }
    __m512i last = _mm512_maskz_loadu_epi8(mask_of(length), p);
    _mm512_mask_storeu_epi8(q, mask_of(length), last);
    lanes_add(&b, last);
    return sum_join(sum, lanes_sum(&a, &b));
}
