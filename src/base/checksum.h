/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum: RFC 1071, incremental update RFC 1624.
 *
 * A running sum is a uint64_t of native-endian 16-bit ones'-complement words (RFC 1071 section 2(B): byte order does
 * not matter until the end). A sum covers an even number of bytes unless it is the last part; parts that begin at an
 * odd offset are combined with checksum_shift(). The functions take any sum and return one under 2^33, so that sums may
 * be added to each other without a carry. A sum folds to 0 only when every word was 0.
 */
#ifndef WEIR_BASE_CHECKSUM_H
#define WEIR_BASE_CHECKSUM_H

#include "base/bytes.h"

/*
 * sum + the words of `bytes`; an odd last byte counts as if followed by zero. Chooses scalar, AVX2 or AVX-512 at run
 * time.
 */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t length);
/* The same, and copies the bytes to `to` (not overlapping) on the way. */
uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t length);
/* The scalar references, which tests compare with. */
uint64_t checksum_add_scalar(uint64_t sum, const void *bytes, size_t length);
uint64_t checksum_copy_scalar(uint64_t sum, void *to, const void *from, size_t length);

/* Folds to 16 bits without complement. */
static ALWAYS_INLINE uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    uint32_t s = (uint32_t)sum;
    s = (s & 0xffffu) + (s >> 16);
    s = (s & 0xffffu) + (s >> 16);
    return (uint16_t)s;
}
/* The value for a checksum field, in the order of the wire when stored by memcpy (native words). */
static ALWAYS_INLINE uint16_t checksum_finish(uint64_t sum) { return (uint16_t)~checksum_fold(sum); }
/* True when a sum over data with its checksum field included is right. */
static ALWAYS_INLINE bool checksum_ok(uint64_t sum) { return checksum_fold(sum) == 0xffff; }
/* The sum of a part that stands at an odd offset of the whole. */
static ALWAYS_INLINE uint64_t checksum_shift(uint64_t sum) { return __builtin_bswap16(checksum_fold(sum)); }

static ALWAYS_INLINE uint64_t checksum_add_u16(uint64_t sum, uint16_t host_value)
{
    return sum + __builtin_bswap16(host_value);
}
static ALWAYS_INLINE uint64_t checksum_add_u32(uint64_t sum, uint32_t host_value)
{
    return sum + __builtin_bswap32(host_value);
}

/* Pseudo-header sums: RFC 9293 section 3.1, RFC 8200 section 8.1. Addresses are pointers to 4 or 16 wire bytes. */
static ALWAYS_INLINE uint64_t checksum_pseudo_v4(const void *src, const void *dst, uint8_t protocol, uint32_t length)
{
    uint32_t a, b;
    memcpy(&a, src, 4);
    memcpy(&b, dst, 4);
    return (uint64_t)a + b + __builtin_bswap32(length) + __builtin_bswap16(protocol);
}
static inline uint64_t checksum_pseudo_v6(const void *src, const void *dst, uint8_t protocol, uint32_t length)
{
    uint32_t a[4], b[4];
    memcpy(a, src, sizeof a);
    memcpy(b, dst, sizeof b);
    uint64_t addresses = (uint64_t)a[0] + a[1] + a[2] + a[3] + b[0] + b[1] + b[2] + b[3];
    return addresses + __builtin_bswap32(length) + __builtin_bswap32(protocol);
}

/*
 * RFC 1624 equation 3: the checksum field after a 16-bit (32-bit) word changed. All values as loaded natively from the
 * wire by memcpy.
 */
static ALWAYS_INLINE uint16_t checksum_update16(uint16_t field, uint16_t old_word, uint16_t new_word)
{
    return checksum_finish((uint64_t)(uint16_t)~field + (uint16_t)~old_word + new_word);
}
static ALWAYS_INLINE uint16_t checksum_update32(uint16_t field, uint32_t old_word, uint32_t new_word)
{
    return checksum_finish((uint64_t)(uint16_t)~field + (uint32_t)~old_word + new_word);
}

#endif
