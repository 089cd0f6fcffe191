/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer's order and layout. The state is two bits a level: whether it is an object, and whether it has a
 * member yet.
 */
#include "config/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/heap.h"
#include "config/json_number.h"
#include "config/utf8.h"

void json_writer_init(struct json_writer *w, json_sink_fn *sink, void *context, unsigned indent)
{
    *w = (struct json_writer){.sink = sink, .context = context, .indent = indent};
}

static void write_bytes(struct json_writer *w, const char *bytes, size_t length)
{
    if (!w->error && length)
        w->error = w->sink(w->context, bytes, length);
}

static void write_text(struct json_writer *w, const char *text) { write_bytes(w, text, strlen(text)); }

/* Whether a call comes in a right place; if not, an error sticks. */
static bool expect(struct json_writer *w, bool right)
{
    assert(right || w->error);
    if (!w->error && !right)
        w->error = ERR_INVALID;
    return !w->error;
}

static uint64_t level_bit(const struct json_writer *w) { return (uint64_t)1 << (w->depth - 1); }
static bool in_object(const struct json_writer *w) { return w->depth > 0 && (w->objects & level_bit(w)); }

static void write_line_start(struct json_writer *w)
{
    static const char spaces[] = "                                ";
    if (!w->indent)
        return;
    write_text(w, "\n");
    for (size_t left = (size_t)w->indent * w->depth; left > 0;) {
        size_t n = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        write_bytes(w, spaces, n);
        left -= n;
    }
}

/* What comes before a member of the open level: comma and line. */
static void member_begin(struct json_writer *w)
{
    if (w->nonempty & level_bit(w))
        write_text(w, ",");
    w->nonempty |= level_bit(w);
    write_line_start(w);
}

/* What comes before any value; false when none may come here. */
static bool value_begin(struct json_writer *w)
{
    if (!expect(w, in_object(w) ? w->after_key : !w->done))
        return false;
    if (!in_object(w) && w->depth > 0)
        member_begin(w);
    w->after_key = false;
    w->done = w->depth == 0;
    return true;
}

static void level_begin(struct json_writer *w, bool object)
{
    if (!value_begin(w) || !expect(w, w->depth < JSON_DEPTH_MAX))
        return;
    write_text(w, object ? "{" : "[");
    w->done = false;
    w->depth++;
    w->nonempty &= ~level_bit(w);
    w->objects = object ? w->objects | level_bit(w) : w->objects & ~level_bit(w);
}

static void level_end(struct json_writer *w, bool object)
{
    if (!expect(w, w->depth > 0 && in_object(w) == object && !w->after_key))
        return;
    bool had_members = w->nonempty & level_bit(w);
    w->depth--;
    if (had_members)
        write_line_start(w);
    write_text(w, object ? "}" : "]");
    w->done = w->depth == 0;
}

void json_begin_object(struct json_writer *w) { level_begin(w, true); }
void json_end_object(struct json_writer *w) { level_end(w, true); }
void json_begin_array(struct json_writer *w) { level_begin(w, false); }
void json_end_array(struct json_writer *w) { level_end(w, false); }

int json_finish(struct json_writer *w)
{
    if (!w->error && !w->done)
        w->error = ERR_INVALID;
    if (w->indent)
        write_text(w, "\n");
    return w->error;
}

static void write_escape(struct json_writer *w, uint32_t code)
{
    static const char named[] = "btn?fr"; /* U+0008 to U+000D */
    char escape[8];
    if (code == '"' || code == '\\')
        snprintf(escape, sizeof escape, "\\%c", (int)code);
    else if (code >= 8 && code <= 13 && code != 11)
        snprintf(escape, sizeof escape, "\\%c", named[code - 8]);
    else
        snprintf(escape, sizeof escape, "\\u%04x",
                 (unsigned)(code & 0xffff)); /* all that are escaped lie below U+10000 */
    write_text(w, escape);
}

static void write_string(struct json_writer *w, const char *bytes, size_t length)
{
    size_t run = 0; /* start of what is written as it is */
    write_text(w, "\"");
    for (size_t at = 0; at < length;) {
        struct config_utf8 character = config_utf8_decode((const uint8_t *)bytes + at, length - at);
        uint32_t code = character.code;
        bool escaped = character.valid && (code < 0x20 || code == '"' || code == '\\' || config_utf8_must_escape(code));
        if (escaped || !character.valid) {
            write_bytes(w, bytes + run, at - run);
            run = at + character.length;
        }
        if (escaped)
            write_escape(w, code);
        else if (!character.valid)
            write_text(w, "\xef\xbf\xbd");
        at += character.length;
    }
    write_bytes(w, bytes + run, length - run);
    write_text(w, "\"");
}

void json_key(struct json_writer *w, const char *key)
{
    if (!expect(w, in_object(w) && !w->after_key))
        return;
    member_begin(w);
    write_string(w, key, strlen(key));
    write_text(w, w->indent ? ": " : ":");
    w->after_key = true;
}

static void put_literal(struct json_writer *w, const char *text)
{
    if (value_begin(w))
        write_text(w, text);
}

void json_put_null(struct json_writer *w) { put_literal(w, "null"); }
void json_put_bool(struct json_writer *w, bool value) { put_literal(w, value ? "true" : "false"); }

void json_put_i64(struct json_writer *w, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_literal(w, text);
}

void json_put_u64(struct json_writer *w, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_literal(w, text);
}

void json_put_double(struct json_writer *w, double value)
{
    char text[JSON_DOUBLE_BYTES] = "null";
    if (isfinite(value))
        json_format_double(value, text);
    put_literal(w, text);
}

void json_put_fixed(struct json_writer *w, double value, unsigned decimals)
{
    char text[JSON_FIXED_BYTES] = "null";
    if (expect(w, decimals <= JSON_DECIMALS_MAX) && isfinite(value))
        json_format_fixed(value, decimals, text);
    put_literal(w, text);
}

void json_put_string(struct json_writer *w, const char *text)
{
    if (text)
        json_put_text(w, text, strlen(text));
    else
        json_put_null(w);
}

void json_put_text(struct json_writer *w, const char *bytes, size_t length)
{
    if (value_begin(w))
        write_string(w, bytes, length);
}

int json_buffer_sink(void *context, const char *bytes, size_t length)
{
    struct json_buffer *buffer = context;
    size_t needed;
    if (__builtin_add_overflow(buffer->length, length, &needed) || needed > SIZE_MAX / 2 - 1)
        return ERR_NO_MEMORY;
    if (needed >= buffer->capacity) {
        size_t capacity = needed < 512 ? 1024 : 2 * needed;
        char *grown = config_heap_resize(buffer->bytes, capacity);
        if (!grown)
            return ERR_NO_MEMORY;
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length = needed;
    buffer->bytes[needed] = '\0';
    return 0;
}

void json_buffer_free(struct json_buffer *buffer)
{
    config_heap_free(buffer->bytes);
    *buffer = (struct json_buffer){0};
}
