/* SPDX-License-Identifier: MIT */
/*
 * The digest of bodies. Let p = 2^61 - 1 (prime), B a fixed constant below p, and w[0..n-1] the body cut into 7-byte
 * little-endian words, the last filled up with zeros. Then, starting from h = 1:
 *
 *     h = h * B + w[i] mod p    for each word,      digest = h + 2^61 * (length mod 7)
 *
 * Two bodies of one length that differ in one word have different digests; for others the chance of a collision is
 * about n / 2^61 over the choice of B. It finds errors, it does not withstand an adversary who knows B. The state is
 * the digest itself: the top three bits say how many bytes of the current word are in it, so a body may be cut
 * anywhere. Eight words are taken at a time: their products are independent.
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

/* A number that is x modulo p, for x below 2^125: 2^61 is 1 modulo p, so the upper part counts like the lower. */
static ALWAYS_INLINE uint64_t fold(wide x) { return ((uint64_t)x & PRIME) + (uint64_t)(x >> 61); }

/* x mod p for x below 2^124. */
static ALWAYS_INLINE uint64_t reduce(wide x)
{
    uint64_t sum = fold(fold(x));
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

/* Bytes that lie within one word, at its place `phase`. */
static uint64_t add_part(uint64_t digest, const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return digest;
    uint64_t h = digest & PRIME;
    uint64_t phase = digest >> PHASE_SHIFT;
    uint64_t part = 0;
    for (size_t i = length; i-- > 0;)
        part = part << 8 | bytes[i];
    h = reduce((wide)h * (phase ? 1 : power[1]) + (part << (8 * phase)));
    phase += length;
    return h | (phase == WORD_BYTES ? 0 : phase) << PHASE_SHIFT;
}

/* Word i of the eight at p, times its power of B. */
static ALWAYS_INLINE wide weigh(const uint8_t *p, unsigned i)
{
    return (wide)load_word(p + i * WORD_BYTES) * power[WORDS_AT_ONCE - 1 - i];
}

/*
 * Eight words: 56 bytes, of 57 readable. Folded once only, so that the next step waits no longer than it must. B^8 is
 * below 2^59: from h below 2^62 the sum is below 2^121 + 8 * 2^56 * 2^61 = 3 * 2^120, and folded below 3 * 2^59 +
 * 2^61 < 2^62.
 */
static ALWAYS_INLINE uint64_t add_eight_words(uint64_t h, const uint8_t *p)
{
    wide first = weigh(p, 0) + weigh(p, 1) + weigh(p, 2) + weigh(p, 3);
    wide second = weigh(p, 4) + weigh(p, 5) + weigh(p, 6) + weigh(p, 7);
    return fold((wide)h * power[WORDS_AT_ONCE] + (first + second));
}

uint64_t http1_digest(uint64_t digest, const uint8_t *bytes, size_t length)
{
    if (length == 0) /* bytes may be NULL */
        return digest;
    const uint8_t *end = bytes + length;
    uint64_t phase = digest >> PHASE_SHIFT;
    if (phase) {
        size_t n = (size_t)min_u64(WORD_BYTES - phase, length);
        digest = add_part(digest, bytes, n);
        bytes += n;
    }
    if ((size_t)(end - bytes) > WORD_BYTES) {
        uint64_t h = digest;
        for (; (size_t)(end - bytes) > WORDS_AT_ONCE * WORD_BYTES; bytes += WORDS_AT_ONCE * WORD_BYTES)
            h = add_eight_words(h, bytes);
        h = reduce(h);
        for (; (size_t)(end - bytes) > WORD_BYTES; bytes += WORD_BYTES)
            h = reduce((wide)h * power[1] + load_word(bytes));
        digest = h;
    }
    return add_part(digest, bytes, (size_t)(end - bytes));
}
