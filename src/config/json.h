/* SPDX-License-Identifier: MIT */
/*
 * A streaming JSON writer (RFC 8259): what is put goes to a sink at once. The writer lies in the caller's memory and
 * owns nothing.
 *
 * The first error sticks (later calls do nothing) and is returned by json_finish, so that callers check once. Wrong
 * order (a value without key in an object, a key outside one, an end without begin, a second top-level value) and
 * nesting beyond JSON_DEPTH_MAX are such errors, and fail an assertion in debug builds. Output is valid UTF-8: control
 * characters and those which YAML forbids are escaped, bytes that are not UTF-8 become U+FFFD. What is written is read
 * back by config_tree_parse as the same tree, given keys that differ and are below 1000 bytes.
 */
#ifndef WEIR_CONFIG_JSON_H
#define WEIR_CONFIG_JSON_H

#include "base/compiler.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 64

/* Takes bytes, not closed by a NUL. Returns 0, or a negative error that then sticks. */
typedef int json_sink_fn(void *context, const char *bytes, size_t length);

struct json_writer {
    json_sink_fn *sink;
    void *context;
    unsigned indent; /* spaces a level; 0: all on one line */
    unsigned depth;
    uint64_t objects;  /* bit n: level n is an object */
    uint64_t nonempty; /* bit n: level n has a member */
    bool after_key, done;
    int error;
};

void json_writer_init(struct json_writer *w, json_sink_fn *sink, void *context, unsigned indent);
/* The error that stuck; ERR_INVALID when something is open or nothing was written. With indent, ends the last line. */
MUST_CHECK int json_finish(struct json_writer *w);

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);

void json_put_null(struct json_writer *w);
void json_put_bool(struct json_writer *w, bool value);
void json_put_i64(struct json_writer *w, int64_t value);
void json_put_u64(struct json_writer *w, uint64_t value);
/* The shortest decimal that reads back as the same double, always with a point or exponent. NaN and infinity: null. */
void json_put_double(struct json_writer *w, double value);
/* With a fixed number of decimals, 0 to 17. NaN and infinity: null. */
void json_put_fixed(struct json_writer *w, double value, unsigned decimals);
/* NULL: null. */
void json_put_string(struct json_writer *w, const char *text);
void json_put_text(struct json_writer *w, const char *bytes, size_t length);

/* A key with its value. */
static inline void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_put_bool(w, value);
}
static inline void json_member_i64(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_put_i64(w, value);
}
static inline void json_member_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}
static inline void json_member_double(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, value);
}
static inline void json_member_string(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_put_string(w, text);
}
static inline void json_member_object(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_object(w);
}
static inline void json_member_array(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_array(w);
}

/* A growable buffer: zero it, give json_buffer_sink and its address to the writer, free it with json_buffer_free. */
struct json_buffer {
    char *bytes; /* closed by a NUL; NULL while nothing was written */
    size_t length, capacity;
};

/* ERR_NO_MEMORY; the bytes so far stay. */
int json_buffer_sink(void *context, const char *bytes, size_t length);
void json_buffer_free(struct json_buffer *buffer);

#endif
