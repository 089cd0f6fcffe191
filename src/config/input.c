/* SPDX-License-Identifier: MIT */
/*
 * Checking the characters of the input, and translating surrogate escapes of JSON (RFC 8259 section 7) to YAML's.
 */
#include "config/input.h"

#include <stdio.h>
#include <string.h>

#include "config/heap.h"
#include "config/utf8.h"

#define ESCAPE_BYTES 6 /* \uXXXX */
#define PAIR_BYTES (2 * ESCAPE_BYTES)
#define PAIR_REWRITTEN 10 /* \UXXXXXXXX */

/* Moves a position over a character; CR LF counts once. */
static void position_step(struct config_position *at, uint32_t code, uint32_t before)
{
    if (code == '\n' && before == '\r')
        return;
    if (code == '\n' || code == '\r') {
        at->line++;
        at->column = 0;
    } else {
        at->column++;
    }
}

/*
 * A %TAG directive, refused here because libyaml would take a time that grows with the square of their number before it
 * tells.
 */
static bool is_tag_directive(const struct config_input *input, size_t i, struct config_position at)
{
    return at.column == 0 && input->length - i >= 4 && memcmp(input->bytes + i, "%TAG", 4) == 0;
}

/* What is wrong with the character at i, as a format for its code or byte; NULL when nothing is. */
static const char *character_fault(const struct config_input *input, size_t i, struct config_utf8 character,
                                   struct config_position at)
{
    if (!character.valid)
        return "found the byte 0x%02x, which is not UTF-8, allowed UTF-8 text";
    if (character.code == 0)
        return "found a NUL character (U+%04x), allowed printable characters";
    if (config_utf8_must_escape(character.code))
        return "found the character U+%04X, allowed printable characters; it can be written escaped in double quotes";
    return is_tag_directive(input, i, at) ? "found a %%TAG directive, allowed values without tags" : NULL;
}

static int characters_check(const struct config_input *input, struct config_input_fault *fault)
{
    uint32_t before = 0;
    fault->at = (struct config_position){0};
    for (size_t i = 0; i < input->length;) {
        struct config_utf8 character = config_utf8_decode(input->bytes + i, input->length - i);
        const char *format = character_fault(input, i, character, fault->at);
        if (format) {
            snprintf(fault->what, sizeof fault->what, format, character.valid ? character.code : input->bytes[i]);
            return ERR_MALFORMED;
        }
        position_step(&fault->at, character.code, before);
        before = character.code;
        i += character.length;
    }
    return 0;
}

/* The encodings with a mark of their own. */
static int encoding_check(struct config_input *input, struct config_input_fault *fault)
{
    const uint8_t *b = input->bytes;
    if (input->length >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf) {
        input->bytes += 3;
        input->length -= 3;
    }
    if (input->length < 2 || !((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
        return 0;
    *fault = (struct config_input_fault){.what = "found UTF-16, allowed UTF-8 text"};
    return ERR_MALFORMED;
}

static bool byte_is_json(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte && strchr(" \t\r\n{}[]:,+-.", byte));
}

/* Where the string that starts at `at` ends: behind its closing quote, or 0 when it has none. */
static size_t string_end(const struct config_input *input, size_t at)
{
    for (at++; at < input->length; at++) {
        if (input->bytes[at] == '"')
            return at + 1;
        if (input->bytes[at] == '\\')
            at++;
    }
    return 0;
}

/* Whether double quotes are the only thing in which a backslash can stand. */
static bool input_is_json(const struct config_input *input)
{
    size_t at = 0;
    while (at < input->length && strchr(" \t\r\n", input->bytes[at]))
        at++;
    if (at == input->length || (input->bytes[at] != '{' && input->bytes[at] != '['))
        return false;
    while (at < input->length) {
        if (input->bytes[at] == '"') {
            at = string_end(input, at);
            if (at == 0)
                return false;
        } else if (!byte_is_json(input->bytes[at++])) {
            return false;
        }
    }
    return true;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The value of the escape \uXXXX at p, of which `left` bytes are there; -1 when it is none. */
static int32_t escape_value(const uint8_t *p, size_t left)
{
    if (left < ESCAPE_BYTES || p[0] != '\\' || p[1] != 'u')
        return -1;
    int32_t value = 0;
    for (unsigned i = 2; i < ESCAPE_BYTES; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The character of the pair of escapes at p; 0 when it is none. */
static uint32_t pair_value(const uint8_t *p, size_t left)
{
    int32_t high = escape_value(p, left);
    if (high < 0xd800 || high > 0xdbff)
        return 0;
    int32_t low = escape_value(p + ESCAPE_BYTES, left - ESCAPE_BYTES);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    return 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

/* How many bytes at p are copied as they are: a character, or an escaped backslash, which begins no other escape. */
static size_t plain_length(const uint8_t *p, size_t left)
{
    return left >= 2 && p[0] == '\\' && p[1] == '\\' ? 2 : config_utf8_decode(p, left).length;
}

static size_t pairs_count(const struct config_input *input)
{
    size_t count = 0;
    for (size_t i = 0; i < input->length;) {
        bool pair = pair_value(input->bytes + i, input->length - i) != 0;
        count += pair;
        i += pair ? PAIR_BYTES : plain_length(input->bytes + i, input->length - i);
    }
    return count;
}

/* Counts positions over `length` bytes of whole characters. */
static void position_over(struct config_position *at, uint32_t *before, const uint8_t *p, size_t length)
{
    for (size_t i = 0; i < length;) {
        struct config_utf8 character = config_utf8_decode(p + i, length - i);
        position_step(at, character.code, *before);
        *before = character.code;
        i += character.length;
    }
}

static size_t pair_rewrite(uint8_t *to, uint32_t code)
{
    char escape[PAIR_REWRITTEN + 1];
    snprintf(escape, sizeof escape, "\\U%08x", code);
    memcpy(to, escape, PAIR_REWRITTEN);
    return PAIR_REWRITTEN;
}

static void pairs_rewrite(struct config_input *input)
{
    struct config_position at = {0};
    uint32_t before = 0;
    size_t length = 0;
    for (size_t i = 0; i < input->length;) {
        const uint8_t *p = input->bytes + i;
        uint32_t code = pair_value(p, input->length - i);
        size_t taken = code ? PAIR_BYTES : plain_length(p, input->length - i), written = taken;
        if (code) {
            input->pairs[input->pairs_count++] = at;
            written = pair_rewrite(input->rewritten + length, code);
        } else {
            memcpy(input->rewritten + length, p, taken);
        }
        position_over(&at, &before, input->rewritten + length, written);
        length += written;
        i += taken;
    }
    input->bytes = input->rewritten;
    input->length = length;
}

static int pairs_translate(struct config_input *input)
{
    size_t count = pairs_count(input);
    if (count == 0)
        return 0;
    input->rewritten = config_heap_alloc(input->length);
    input->pairs = config_heap_alloc(count * sizeof *input->pairs);
    if (!input->rewritten || !input->pairs)
        return ERR_NO_MEMORY;
    pairs_rewrite(input);
    return 0;
}

int config_input_open(struct config_input *input, const void *bytes, size_t length, struct config_input_fault *fault)
{
    *input = (struct config_input){.bytes = bytes, .length = length};
    int error = encoding_check(input, fault);
    if (!error)
        error = characters_check(input, fault);
    if (!error && input_is_json(input))
        error = pairs_translate(input);
    return error;
}

void config_input_close(struct config_input *input)
{
    config_heap_free(input->rewritten);
    config_heap_free(input->pairs);
    *input = (struct config_input){0};
}

/* How many pairs stand before a position of the rewritten text. */
static size_t pairs_before(const struct config_input *input, size_t line, size_t column)
{
    size_t low = 0, high = input->pairs_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct config_position *pair = &input->pairs[middle];
        if (pair->line < line || (pair->line == line && pair->column < column))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct config_position config_input_position(const struct config_input *input, size_t line, size_t column)
{
    size_t pairs = pairs_before(input, line, column) - pairs_before(input, line, 0);
    size_t shift = pairs * (PAIR_BYTES - PAIR_REWRITTEN);
    return (struct config_position){.line = (uint32_t)(line + 1), .column = (uint32_t)(column + shift + 1)};
}
