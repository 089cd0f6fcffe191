/* SPDX-License-Identifier: MIT */
/*
 * The scalar checksum loop, inline, for checksum.c and for the ends of the vector versions. Not for other modules.
 *
 * 64-bit words are added into a 128-bit total: one add and one add-with-carry a word. 2^16 is 1 modulo 2^16 - 1, so any
 * grouping of the words gives the same ones'-complement sum (RFC 1071 section 2(A)), and a total is 0 only when all
 * words are.
 */
#ifndef WEIR_BASE_CHECKSUM_SCALAR_H
#define WEIR_BASE_CHECKSUM_SCALAR_H

#include "base/bytes.h"

__extension__ typedef unsigned __int128 checksum_total;

static ALWAYS_INLINE uint64_t checksum_load(const void *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/*
 * Under 2^34, so that callers may add sums and small numbers without a thought for carries. The upper word counts
 * carries.
 */
static ALWAYS_INLINE uint64_t checksum_narrow(checksum_total total)
{
    uint64_t low = (uint64_t)total;
    return (low & 0xffffffffu) + (low >> 32) + (uint64_t)(total >> 64);
}

/* The last 0 to 7 bytes as a word filled up with zeros. Reads nothing outside them. */
static ALWAYS_INLINE uint64_t checksum_load_partial(const uint8_t *p, size_t length)
{
    uint64_t word = 0;
    unsigned shift = 0;
    if (length & 4) {
        uint32_t four;
        memcpy(&four, p, sizeof four);
        word = four;
        p += 4;
        shift = 32;
    }
    if (length & 2) {
        uint16_t two;
        memcpy(&two, p, sizeof two);
        word |= (uint64_t)two << shift;
        p += 2;
        shift += 16;
    }
    if (length & 1)
        word |= (uint64_t)*p << shift;
    return word;
}

static ALWAYS_INLINE uint64_t checksum_add_words(uint64_t sum, const uint8_t *p, size_t length)
{
    checksum_total a = sum, b = 0;
    for (; length >= 32; length -= 32, p += 32) {
        a += checksum_load(p);
        b += checksum_load(p + 8);
        a += checksum_load(p + 16);
        b += checksum_load(p + 24);
    }
    if (length & 16) {
        a += checksum_load(p);
        b += checksum_load(p + 8);
        p += 16;
    }
    if (length & 8) {
        a += checksum_load(p);
        p += 8;
    }
    b += checksum_load_partial(p, length);
    return checksum_narrow(a + b);
}

static ALWAYS_INLINE uint64_t checksum_copy_words(uint64_t sum, uint8_t *to, const uint8_t *p, size_t length)
{
    checksum_total a = sum, b = 0;
    for (; length >= 16; length -= 16, p += 16, to += 16) {
        uint64_t first = checksum_load(p), second = checksum_load(p + 8);
        memcpy(to, &first, 8);
        memcpy(to + 8, &second, 8);
        a += first;
        b += second;
    }
    if (length >= 8) {
        uint64_t word = checksum_load(p);
        memcpy(to, &word, 8);
        a += word;
        length -= 8, p += 8, to += 8;
    }
    if (length)
        a += checksum_load_partial(p, length);
    for (size_t i = 0; i < length; i++)
        to[i] = p[i];
    return checksum_narrow(a + b);
}

#endif
