/* SPDX-License-Identifier: MIT */
/*
 * Access to bytes on the wire. Fixed headers: one length check, then fixed-offset loads and stores.
 * Variable parts: a cursor over the bytes present, whose error sticks, so that a parser checks once at the end.
 */
#ifndef WEIR_BASE_BYTES_H
#define WEIR_BASE_BYTES_H

#include <string.h>

#include "base/compiler.h"

static ALWAYS_INLINE uint16_t load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}
static ALWAYS_INLINE uint32_t load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static ALWAYS_INLINE uint64_t load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}
static ALWAYS_INLINE void store_be16(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}
static ALWAYS_INLINE void store_be32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}
static ALWAYS_INLINE void store_be64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

/* A reader of the bytes [at, end). After the first read past the end, `failed` stays true and reads give 0. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_over(const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    return (struct cursor){.at = p, .end = p + length, .failed = false};
}
static inline size_t cursor_left(const struct cursor *c) { return (size_t)(c->end - c->at); }
/* The next n bytes, or NULL (and failed) when fewer are there. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->failed || cursor_left(c) < n) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}
static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? *p : 0;
}
static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    return p ? load_be16(p) : 0;
}
static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? load_be32(p) : 0;
}

#endif
