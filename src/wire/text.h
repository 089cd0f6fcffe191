/* SPDX-License-Identifier: MIT */
/*
 * A bounded text builder for the print functions, without libc, and the reading of a hex digit.
 * The text is always terminated when the buffer has room for at least one byte; `length` goes on counting past the
 * end, so that the caller learns how long the whole text would have been.
 */
#ifndef WEIR_WIRE_TEXT_H
#define WEIR_WIRE_TEXT_H

#include "base/compiler.h"

struct text {
    char *to;
    size_t size;
    size_t length; /* of the whole text, without its terminator */
};

static inline struct text text_into(char *to, size_t size)
{
    if (size > 0)
        to[0] = '\0';
    return (struct text){.to = to, .size = size, .length = 0};
}
static inline void text_char(struct text *t, char c)
{
    if (t->length + 1 < t->size) {
        t->to[t->length] = c;
        t->to[t->length + 1] = '\0';
    }
    t->length++;
}
static inline void text_string(struct text *t, const char *s)
{
    while (*s != '\0')
        text_char(t, *s++);
}
static inline void text_u64(struct text *t, uint64_t v)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (n > 0)
        text_char(t, digits[--n]);
}
/* Lower case, at least min_digits of them. */
static inline void text_hex(struct text *t, uint64_t v, unsigned min_digits)
{
    unsigned n = 1;
    while (n < 16 && v >> (4 * n) != 0)
        n++;
    n = min_digits > n ? min_digits : n;
    while (n > 0) {
        n--;
        text_char(t, "0123456789abcdef"[n < 16 ? (v >> (4 * n)) & 15 : 0]);
    }
}
/* The value of a hex digit, or -1. */
static inline int text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/* "de:ad:be"; no separator when it is '\0'. */
static inline void text_bytes(struct text *t, const uint8_t *bytes, size_t n, char separator)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && separator != '\0')
            text_char(t, separator);
        text_hex(t, bytes[i], 2);
    }
}
/* The label as it stands, then the number: text_field(&t, " ttl ", 64). */
static inline void text_field(struct text *t, const char *label, uint64_t v)
{
    text_string(t, label);
    text_u64(t, v);
}
static inline int text_finish(const struct text *t) { return (int)t->length; }

#endif
