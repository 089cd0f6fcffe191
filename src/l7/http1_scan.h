/* SPDX-License-Identifier: MIT */
/*
 * Classes of bytes in HTTP/1.1 heads, one at a time (a table) and sixteen at a time (SSE2; elsewhere from the table):
 *
 *     token   a byte of a method or field name (RFC 9110 5.6.2)
 *     target  a byte of a request target: visible ASCII
 *     value   a byte of a field value or reason phrase: tab, space, visible ASCII, 0x80 and above (RFC 9110 5.5)
 */
#ifndef WEIR_L7_HTTP1_SCAN_H
#define WEIR_L7_HTTP1_SCAN_H

#include "base/compiler.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { SCAN_TOKEN = 1, SCAN_TARGET = 2, SCAN_VALUE = 4 };
extern const uint8_t http1_byte_class[256];

static ALWAYS_INLINE bool scan_is_token(uint8_t c) { return http1_byte_class[c] & SCAN_TOKEN; }
static ALWAYS_INLINE bool scan_is_target(uint8_t c) { return http1_byte_class[c] & SCAN_TARGET; }
static ALWAYS_INLINE bool scan_is_value(uint8_t c) { return http1_byte_class[c] & SCAN_VALUE; }
static ALWAYS_INLINE uint8_t scan_lower(uint8_t c) { return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

static ALWAYS_INLINE const uint8_t *scan_while(const uint8_t *p, const uint8_t *end, uint8_t class)
{
    while (p < end && (http1_byte_class[*p] & class))
        p++;
    return p;
}

/* Sixteen bytes. Questions about them are answered with bit i for byte i. */
#define SCAN_BLOCK 16
struct scan_block {
#if defined(__SSE2__)
    __m128i v;
#else
    const uint8_t *p;
#endif
};

#if defined(__SSE2__)
static ALWAYS_INLINE struct scan_block scan_load(const uint8_t *p)
{
    struct scan_block b;
    __builtin_memcpy(&b.v, p, sizeof b.v);
    return b;
}
static ALWAYS_INLINE __m128i scan_set(char c) { return _mm_set1_epi8(c); }
/* 0xff where low <= byte <= low + span, unsigned. */
static ALWAYS_INLINE __m128i scan_range(__m128i v, char low, char span)
{
    __m128i from_low = _mm_sub_epi8(v, scan_set(low));
    return _mm_cmpeq_epi8(_mm_min_epu8(from_low, scan_set(span)), from_low);
}
static ALWAYS_INLINE uint32_t scan_bits(__m128i v) { return (uint32_t)_mm_movemask_epi8(v); }

static ALWAYS_INLINE uint32_t scan_colons(struct scan_block b) { return scan_bits(_mm_cmpeq_epi8(b.v, scan_set(':'))); }
/* Which are control characters; tabs count. */
static ALWAYS_INLINE uint32_t scan_controls(struct scan_block b)
{
    return scan_bits(_mm_or_si128(scan_range(b.v, 0, 0x1f), _mm_cmpeq_epi8(b.v, scan_set(0x7f))));
}
/* Which are no target bytes. As signed bytes, 0x80 and above lie below '!'. */
static ALWAYS_INLINE uint32_t scan_not_target(struct scan_block b)
{
    __m128i low = _mm_cmpgt_epi8(scan_set('!'), b.v);
    return scan_bits(_mm_or_si128(low, _mm_cmpeq_epi8(b.v, scan_set(0x7f))));
}
/* Which are letters, digits or '-': the token bytes that names are commonly made of. */
static ALWAYS_INLINE uint32_t scan_common_name(struct scan_block b)
{
    __m128i letter = scan_range(_mm_or_si128(b.v, scan_set(0x20)), 'a', 'z' - 'a');
    __m128i digit = scan_range(b.v, '0', 9);
    __m128i dash = _mm_cmpeq_epi8(b.v, scan_set('-'));
    return scan_bits(_mm_or_si128(_mm_or_si128(letter, digit), dash));
}
#else
static ALWAYS_INLINE struct scan_block scan_load(const uint8_t *p) { return (struct scan_block){p}; }
/* Bit i: byte i is of the class. */
static inline uint32_t scan_class(struct scan_block b, uint8_t class)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < SCAN_BLOCK; i++)
        bits |= (uint32_t)((http1_byte_class[b.p[i]] & class) != 0) << i;
    return bits;
}
static inline uint32_t scan_colons(struct scan_block b)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < SCAN_BLOCK; i++)
        bits |= (uint32_t)(b.p[i] == ':') << i;
    return bits;
}
static inline uint32_t scan_controls(struct scan_block b) { return scan_class(b, SCAN_VALUE) ^ 0xffffu; }
static inline uint32_t scan_not_target(struct scan_block b) { return scan_class(b, SCAN_TARGET) ^ 0xffffu; }
static inline uint32_t scan_common_name(struct scan_block b) { return scan_class(b, SCAN_TOKEN); }
#endif

#endif
