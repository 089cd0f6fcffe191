/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 (RFC 3629): one character at a time. Overlong forms, surrogates and values above U+10FFFF are invalid.
 */
#ifndef WEIR_CONFIG_UTF8_H
#define WEIR_CONFIG_UTF8_H

#include "base/compiler.h"

struct config_utf8 {
    uint32_t code;   /* the character; U+FFFD when invalid */
    unsigned length; /* bytes it takes, at least 1: when invalid, those to be replaced by one U+FFFD */
    bool valid;
};

/* For characters that are not ASCII. */
struct config_utf8 config_utf8_decode_long(const uint8_t *p, size_t left);

/* Decodes the character at p; left >= 1 bytes are there. */
static inline struct config_utf8 config_utf8_decode(const uint8_t *p, size_t left)
{
    if (*p < 0x80)
        return (struct config_utf8){.code = *p, .length = 1, .valid = true};
    return config_utf8_decode_long(p, left);
}
/*
 * Characters that YAML 1.1 does not allow unescaped, or takes for line ends although JSON does not: controls but tab,
 * LF and CR; U+007F to U+009F; U+2028, U+2029; the byte order mark; non-characters.
 */
bool config_utf8_must_escape(uint32_t code);

#endif
