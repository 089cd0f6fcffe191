/* SPDX-License-Identifier: MIT */
/*
 * The digest of bodies. Let p = 2^61 - 1 (prime), B a fixed constant below p, and w[0..n-1] the body cut into 7-byte little-endian words, the last
 * filled up with zeros. Then, starting from h = 1:
 *
 *     h = h * B + w[i] mod p    for each word,      digest = h + 2^61 * (length mod 7)
 *
 * Two bodies of one length that differ in one word have different digests; for others the chance of a collision is about n / 2^61 over
 * the choice of B. It finds errors, it does not withstand an adversary who knows B. The state is the digest itself: the top three bits say
 * how many bytes of the current word are in it, so a body may be cut anywhere. Eight words are taken at a time: their products are independent.
 */
#include "l7/http1_digest.h"

#include "base/bytes.h"

__extension__ typedef unsigned __int128 wide;

#define PRIME HTTP1_DIGEST_PRIME
#define PHASE_SHIFT 61
#define WORD_BYTES HTTP1_DIGEST_WORD_BYTES
#define WORDS_AT_ONCE 8

/* B^1 to B^8 mod p; B is the fraction of pi in base 16 from its second digit. */
static const uint64_t power[WORDS_AT_ONCE + 1] = {
    1,
    UINT64_C(0x043f6a8885a308d3),
    UINT64_C(0x16b5437e78a18dda),
    UINT64_C(0x1dee9b480e3d45a8),
    UINT64_C(0x0680d91a15bc3141),
    UINT64_C(0x081d70952905b089),
    UINT64_C(0x05facd640029881f),
    UINT64_C(0x03bd71685d5bb2b3),
    UINT64_C(0x05e4f5d964b0428f),
};

/* x mod p for x below 2^122: 2^61 is 1 modulo p, so the upper half counts like the lower. */
static ALWAYS_INLINE uint64_t reduce(wide x)
{
    uint64_t sum = ((uint64_t)x & PRIME) + (uint64_t)(x >> 61);
    sum = (sum & PRIME) + (sum >> 61);
    return sum >= PRIME ? sum - PRIME : sum;
}

/* The 7 bytes at p; reads 8. */
static ALWAYS_INLINE uint64_t load_word(const uint8_t *p)
{
    return __builtin_bswap64(load_be64(p)) & ((UINT64_C(1) << (8 * WORD_BYTES)) - 1);
}

uint64_t http1_digest_power(uint64_t exponent)
{
    uint64_t result = 1;
    for (uint64_t square = power[1]; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = reduce((wide)result * square);
        square = reduce((wide)square * square);
    }
    return result;
}

uint64_t http1_digest_multiply_add(uint64_t a, uint64_t b, uint64_t c) { return reduce((wide)a * b + c); }

/* Byte by byte, until a word is full or the bytes are used up. */
static uint64_t add_bytes(uint64_t digest, const uint8_t *bytes, size_t length)
{
    uint64_t h = digest & PRIME;
    uint64_t phase = digest >> PHASE_SHIFT;
    for (size_t i = 0; i < length; i++) {
        if (phase == 0)
            h = reduce((wide)h * power[1]);
        h = reduce((wide)h + ((uint64_t)bytes[i] << (8 * phase)));
        phase = phase + 1 == WORD_BYTES ? 0 : phase + 1;
    }
    return h | phase << PHASE_SHIFT;
}

/* Eight words: 56 bytes, of 57 readable. The sum is below 2^61 * 2^61 + 8 * 2^56 * 2^61 < 2^122. */
static ALWAYS_INLINE uint64_t add_eight_words(uint64_t h, const uint8_t *p)
{
    wide sum = (wide)h * power[WORDS_AT_ONCE];
    for (unsigned i = 0; i < WORDS_AT_ONCE; i++)
        sum += (wide)load_word(p + i * WORD_BYTES) * power[WORDS_AT_ONCE - 1 - i];
    return reduce(sum);
}

uint64_t http1_digest(uint64_t digest, const uint8_t *bytes, size_t length)
{
    const uint8_t *end = bytes + length;
    uint64_t phase = digest >> PHASE_SHIFT;
    if (phase) {
        size_t n = (size_t)min_u64(WORD_BYTES - phase, length);
        digest = add_bytes(digest, bytes, n);
        bytes += n;
    }
    if ((size_t)(end - bytes) > WORD_BYTES) {
        uint64_t h = digest;
        for (; (size_t)(end - bytes) > WORDS_AT_ONCE * WORD_BYTES; bytes += WORDS_AT_ONCE * WORD_BYTES)
            h = add_eight_words(h, bytes);
        for (; (size_t)(end - bytes) > WORD_BYTES; bytes += WORD_BYTES)
            h = reduce((wide)h * power[1] + load_word(bytes));
        digest = h;
    }
    return add_bytes(digest, bytes, (size_t)(end - bytes));
}
