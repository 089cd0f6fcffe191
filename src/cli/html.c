/* SPDX-License-Identifier: MIT */
/*
 * Escaping: see html.h.
 */
#include "cli/html.h"

#include <string.h>

#include "config/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Control characters, and U+FFFE and U+FFFF, which XML 1.0 section 2.2 leaves out. */
static bool is_unfit(uint32_t code)
{
    bool control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
    return control || code == 0xfffe || code == 0xffff;
}

void html_bytes(FILE *file, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        struct config_utf8 u = config_utf8_decode((const uint8_t *)bytes + i, length - i);
        const char *entity = entity_of(bytes[i]);
        if (entity)
            fputs(entity, file);
        else if (bytes[i] == '\r' && i + 1 < length && bytes[i + 1] == '\n')
            ; /* the line feed follows */
        else if (!u.valid || is_unfit(u.code))
            fputs(REPLACEMENT, file);
        else
            fwrite(bytes + i, 1, u.length, file);
        i += u.length;
    }
}

void html_text(FILE *file, const char *text) { html_bytes(file, text, strlen(text)); }
