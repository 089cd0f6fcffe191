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

/* Decodes the character at p; left >= 1 bytes are there. */
struct config_utf8 config_utf8_decode(const uint8_t *p, size_t left);
/*
 * Characters that YAML 1.1 does not allow unescaped, or takes for line ends although JSON does not: controls but tab,
 * LF and CR; U+007F to U+009F; U+2028, U+2029; the byte order mark; non-characters.
 */
bool config_utf8_must_escape(uint32_t code);

#endif
