/* SPDX-License-Identifier: MIT */
/*
 * Bounded texts for messages. Values and names come from outside, and messages go to terminals: nothing but printable
 * characters is let through. Cuts fall between characters.
 */
#include "config/text.h"

#include <stdio.h>
#include <string.h>

#include "config/utf8.h"

#define QUOTED_CHARACTERS 48

struct config_text config_text_into(char *bytes, size_t size)
{
    assert(size > 0);
    bytes[0] = '\0';
    return (struct config_text){.bytes = bytes, .size = size, .length = 0};
}

/* Continues a text that was closed before. */
static struct config_text text_reopen(char *bytes, size_t size)
{
    return (struct config_text){.bytes = bytes, .size = size, .length = strlen(bytes)};
}

/* Removes the part of a character that a cut has left at the end. */
static void text_trim_cut(struct config_text *t)
{
    size_t end = t->size - 1, start = end;
    while (start > 0 && end - start < 3 && ((uint8_t)t->bytes[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (uint8_t)t->bytes[start - 1] >= 0xc0)
        start--;
    if (start < end && !config_utf8_decode((const uint8_t *)t->bytes + start, end - start).valid)
        t->bytes[start] = '\0';
}

static void text_add_list(struct config_text *t, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
static void text_add_list(struct config_text *t, const char *format, va_list arguments)
{
    size_t at = t->length < t->size ? t->length : t->size - 1;
    char spare[1];
    bool full = at + 1 >= t->size;
    int n = vsnprintf(full ? spare : t->bytes + at, full ? sizeof spare : t->size - at, format, arguments);
    if (n < 0)
        return;
    bool cut = !full && (size_t)n >= t->size - at;
    t->length += (size_t)n;
    if (cut)
        text_trim_cut(t);
}

void config_text_add(struct config_text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add_list(t, format, arguments);
    va_end(arguments);
}

static void text_add_character(struct config_text *t, const char *bytes, struct config_utf8 character)
{
    static const char named[] = "abtnvfr"; /* U+0007 to U+000D */
    uint32_t code = character.code;
    if (!character.valid)
        config_text_add(t, "\\x%02x", (unsigned)(uint8_t)bytes[0]);
    else if (code >= 7 && code <= 13)
        config_text_add(t, "\\%c", named[code - 7]);
    else if (code < 0x20 || code == 0x7f)
        config_text_add(t, "\\x%02x", code);
    else if (config_utf8_must_escape(code) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
        config_text_add(t, "\\u%04x", code); /* the two ranges turn the writing direction round */
    else
        config_text_add(t, "%.*s", (int)character.length, bytes);
}

static void text_add_characters(struct config_text *t, const char *bytes, size_t length, bool quoted)
{
    size_t at = 0;
    for (unsigned shown = 0; at < length; shown++) {
        if (quoted && shown == QUOTED_CHARACTERS) {
            config_text_add(t, "…");
            return;
        }
        struct config_utf8 character = config_utf8_decode((const uint8_t *)bytes + at, length - at);
        if (!character.valid)
            character.length = 1;
        if (quoted && (bytes[at] == '"' || bytes[at] == '\\'))
            config_text_add(t, "\\");
        text_add_character(t, bytes + at, character);
        at += character.length;
    }
}

void config_text_add_escaped(struct config_text *t, const char *bytes, size_t length)
{
    text_add_characters(t, bytes, length, false);
}

void config_text_add_quoted(struct config_text *t, const char *bytes, size_t length)
{
    config_text_add(t, "\"");
    text_add_characters(t, bytes, length, true);
    config_text_add(t, "\"");
}

void config_error_set(struct config_error *error, const char *name, uint32_t line, uint32_t column, const char *format,
                      ...)
{
    *error = (struct config_error){.line = line, .column = column};
    struct config_text t = config_text_into(error->text, sizeof error->text);
    config_text_add_escaped(&t, name, strlen(name));
    if (line)
        config_text_add(&t, ":%u:%u", line, column);
    config_text_add(&t, ": ");
    va_list arguments;
    va_start(arguments, format);
    text_add_list(&t, format, arguments);
    va_end(arguments);
}

void config_error_add_list(struct config_error *error, const char *format, va_list arguments)
{
    struct config_text t = text_reopen(error->text, sizeof error->text);
    text_add_list(&t, format, arguments);
}

void config_error_add(struct config_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    config_error_add_list(error, format, arguments);
    va_end(arguments);
}
