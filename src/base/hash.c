/* SPDX-License-Identifier: MIT */
/*
 * SipHash-c-d of Aumasson and Bernstein: c rounds for each 8-byte word of the message, d rounds at the end.
 * The last word holds the remaining 0 to 7 bytes and, in its top byte, the length modulo 256. Words are little-endian.
 */
#include "base/hash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static ALWAYS_INLINE uint64_t rotate_left(uint64_t x, unsigned n) { return (x << n) | (x >> (64 - n)); }

static ALWAYS_INLINE uint64_t load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static ALWAYS_INLINE void sip_rounds(struct sip *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static ALWAYS_INLINE struct sip sip_start(const struct hash_key *key)
{
    /* "somepseudorandomlygeneratedbytes" */
    return (struct sip){
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static ALWAYS_INLINE void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    sip_rounds(s, rounds);
    s->v0 ^= word;
}

static ALWAYS_INLINE uint64_t sip_end(struct sip *s, unsigned rounds)
{
    s->v2 ^= 0xff;
    sip_rounds(s, rounds);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static ALWAYS_INLINE uint64_t sip_last_word(const uint8_t *p, size_t length)
{
    uint64_t word = (uint64_t)(length & 0xff) << 56;
    for (unsigned i = 0; i < (length & 7); i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

static ALWAYS_INLINE uint64_t sip(const struct hash_key *key, const uint8_t *p, size_t length, unsigned c, unsigned d)
{
    struct sip s = sip_start(key);
    for (size_t left = length; left >= 8; left -= 8, p += 8)
        sip_word(&s, load_word(p), c);
    sip_word(&s, sip_last_word(p, length), c);
    return sip_end(&s, d);
}

uint64_t hash_sip13(const struct hash_key *key, const void *bytes, size_t length)
{
    return sip(key, bytes, length, 1, 3);
}

uint64_t hash_sip24(const struct hash_key *key, const void *bytes, size_t length)
{
    return sip(key, bytes, length, 2, 4);
}

uint64_t hash_sip13_24bytes(const struct hash_key *key, const void *bytes)
{
    const uint8_t *p = bytes;
    struct sip s = sip_start(key);
    sip_word(&s, load_word(p), 1);
    sip_word(&s, load_word(p + 8), 1);
    sip_word(&s, load_word(p + 16), 1);
    sip_word(&s, UINT64_C(24) << 56, 1);
    return sip_end(&s, 3);
}
