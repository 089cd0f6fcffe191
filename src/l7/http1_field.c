/* SPDX-License-Identifier: MIT */
/*
 * Known words and the values of known fields, read byte by byte: a set of words that still match and a position are
 * all the state there is. Lists (RFC 9110 5.6.1) are read element by element; a repeated field line continues the
 * list.
 */
#include "l7/http1_field.h"

#include <string.h>

#include "l7/http1_scan.h"

#define AT_MAX 255

struct words {
    const char *const *word;
    uint8_t count;
    bool any_case;
};

static const char *const method_words[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"};
/* In the order of enum http1_field, from 1. */
static const char *const name_words[] = {
    "content-length", "transfer-encoding", "connection",         "host", "expect", "range", "if-range", "if-match",
    "if-none-match",  "if-modified-since", "if-unmodified-since"};
static const char *const encoding_words[] = {"chunked"};
static const char *const connection_words[] = {"close", "keep-alive"};
static const char *const expect_words[] = {"100-continue"};

static const struct words methods = {method_words, ARRAY_SIZE(method_words), false};
static const struct words names = {name_words, ARRAY_SIZE(name_words), true};
static const struct words encodings = {encoding_words, ARRAY_SIZE(encoding_words), true};
static const struct words connections = {connection_words, ARRAY_SIZE(connection_words), true};
static const struct words expectations = {expect_words, ARRAY_SIZE(expect_words), true};

static void word_begin(struct http1_parser *p, const struct words *w)
{
    p->words = (uint16_t)((1u << w->count) - 1);
    p->at = 0;
}

/* No word is as long as AT_MAX, so a position that stands still there matches nothing. */
static void word_byte(struct http1_parser *p, const struct words *w, uint8_t c)
{
    if (w->any_case)
        c = scan_lower(c);
    for (unsigned left = p->words; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        if ((uint8_t)w->word[i][p->at] != c || c == 0)
            p->words &= (uint16_t) ~(1u << i);
    }
    if (p->at < AT_MAX)
        p->at++;
}

/* The word read, from 0, or -1. */
static int word_end(const struct http1_parser *p, const struct words *w)
{
    for (unsigned left = p->words; left; left &= left - 1) {
        int i = __builtin_ctz(left);
        if (w->word[i][p->at] == '\0')
            return i;
    }
    return -1;
}

void http1_method_begin(struct http1_parser *p) { word_begin(p, &methods); }
void http1_method_byte(struct http1_parser *p, uint8_t c) { word_byte(p, &methods, c); }

enum http1_method http1_method_end(const struct http1_parser *p)
{
    int i = word_end(p, &methods);
    return i < 0 ? HTTP1_METHOD_COUNT : (enum http1_method)i;
}

void http1_name_begin(struct http1_parser *p) { word_begin(p, &names); }
void http1_name_byte(struct http1_parser *p, uint8_t c) { word_byte(p, &names, c); }

enum http1_field http1_name_end(const struct http1_parser *p)
{
    if (p->flags & HTTP1_IN_TRAILERS)
        return HTTP1_FIELD_OTHER;
    enum http1_field field = (enum http1_field)(word_end(p, &names) + 1);
    bool requests_only = field == HTTP1_FIELD_HOST || field == HTTP1_FIELD_EXPECT;
    if (http1_field_is_noted(field))
        return p->takes_notes ? field : HTTP1_FIELD_OTHER;
    return requests_only && p->role != HTTP1_REQUESTS ? HTTP1_FIELD_OTHER : field;
}

/* Where a Content-Length value is, in p->at. */
enum { LENGTH_BEFORE, LENGTH_DIGITS, LENGTH_AFTER };

enum http1_cause http1_value_begin(struct http1_parser *p, enum http1_field field)
{
    p->field = (uint8_t)field;
    p->at = 0;
    switch (field) {
    case HTTP1_FIELD_CONTENT_LENGTH:
        p->body_bytes = 0;
        break;
    case HTTP1_FIELD_TRANSFER_ENCODING:
        p->flags |= HTTP1_HAS_ENCODING;
        word_begin(p, &encodings);
        break;
    case HTTP1_FIELD_CONNECTION:
        word_begin(p, &connections);
        break;
    case HTTP1_FIELD_EXPECT:
        word_begin(p, &expectations);
        break;
    case HTTP1_FIELD_HOST:
        return http1_host_found(p);
    default:
        break;
    }
    return HTTP1_CAUSE_NONE;
}

static enum http1_cause length_digit(struct http1_parser *p, uint8_t c)
{
    uint64_t digit = (uint64_t)(c - '0');
    if (p->at == LENGTH_AFTER)
        return HTTP1_CAUSE_BAD_CONTENT_LENGTH;
    if (p->body_bytes > (UINT64_MAX - digit) / 10)
        return HTTP1_CAUSE_CONTENT_LENGTH_OVERFLOW;
    p->body_bytes = p->body_bytes * 10 + digit;
    p->at = LENGTH_DIGITS;
    return HTTP1_CAUSE_NONE;
}

static enum http1_cause length_end(struct http1_parser *p)
{
    if (p->at == LENGTH_BEFORE)
        return HTTP1_CAUSE_BAD_CONTENT_LENGTH;
    uint64_t length = p->body_bytes;
    p->body_bytes = 0;
    p->at = LENGTH_BEFORE;
    return http1_length_found(p, length);
}

/* RFC 9110 8.6: a list of equal numbers counts as one of them. */
static enum http1_cause length_byte(struct http1_parser *p, uint8_t c)
{
    if (c >= '0' && c <= '9')
        return length_digit(p, c);
    if (c == ',')
        return length_end(p);
    if (c == ' ' || c == '\t') {
        if (p->at == LENGTH_DIGITS)
            p->at = LENGTH_AFTER;
        return HTTP1_CAUSE_NONE;
    }
    return c == '-' && p->at == LENGTH_BEFORE ? HTTP1_CAUSE_NEGATIVE_CONTENT_LENGTH : HTTP1_CAUSE_BAD_CONTENT_LENGTH;
}

/* RFC 9112 7: chunked comes once and last; other codings are not ours to undo. */
static enum http1_cause encoding_found(struct http1_parser *p, int word)
{
    if (word < 0)
        return HTTP1_CAUSE_UNSUPPORTED_ENCODING;
    if (p->flags & HTTP1_CHUNKED)
        return HTTP1_CAUSE_BAD_TRANSFER_ENCODING;
    p->flags |= HTTP1_CHUNKED;
    return HTTP1_CAUSE_NONE;
}

static enum http1_cause connection_found(struct http1_parser *p, int word)
{
    if (word == 0)
        p->flags |= HTTP1_CLOSE;
    if (word == 1)
        p->flags |= HTTP1_KEEP_ALIVE;
    return HTTP1_CAUSE_NONE;
}

static enum http1_cause expectation_found(struct http1_parser *p, int word)
{
    if (word < 0)
        return HTTP1_CAUSE_UNKNOWN_EXPECTATION;
    p->flags |= HTTP1_EXPECT_CONTINUE;
    return HTTP1_CAUSE_NONE;
}

static const struct words *value_words(const struct http1_parser *p)
{
    switch (p->field) {
    case HTTP1_FIELD_TRANSFER_ENCODING:
        return &encodings;
    case HTTP1_FIELD_CONNECTION:
        return &connections;
    default:
        return &expectations;
    }
}

/* An element of a list ends; an empty one counts for nothing. */
static enum http1_cause element_end(struct http1_parser *p)
{
    const struct words *w = value_words(p);
    if (p->at == 0)
        return HTTP1_CAUSE_NONE;
    int word = word_end(p, w);
    word_begin(p, w);
    if (p->field == HTTP1_FIELD_TRANSFER_ENCODING)
        return encoding_found(p, word);
    if (p->field == HTTP1_FIELD_CONNECTION)
        return connection_found(p, word);
    return expectation_found(p, word);
}

/* The bytes of the value are not looked at here. */
static bool means_nothing(enum http1_field field)
{
    return field == HTTP1_FIELD_OTHER || field == HTTP1_FIELD_HOST || http1_field_is_noted(field);
}

enum http1_cause http1_value_byte(struct http1_parser *p, uint8_t c)
{
    if (p->field == HTTP1_FIELD_CONTENT_LENGTH)
        return length_byte(p, c);
    if (means_nothing(p->field))
        return HTTP1_CAUSE_NONE;
    if (c == ',' || c == ' ' || c == '\t')
        return element_end(p);
    word_byte(p, value_words(p), c);
    return HTTP1_CAUSE_NONE;
}

enum http1_cause http1_value_end(struct http1_parser *p)
{
    if (p->field == HTTP1_FIELD_CONTENT_LENGTH)
        return length_end(p);
    if (means_nothing(p->field))
        return HTTP1_CAUSE_NONE;
    return element_end(p);
}

static enum http1_cause check_encoding(const struct http1_parser *p)
{
    if (p->minor == 0)
        return HTTP1_CAUSE_ENCODING_IN_HTTP_1_0;
    if (p->flags & HTTP1_HAS_LENGTH)
        return HTTP1_CAUSE_LENGTH_AND_ENCODING;
    return p->flags & HTTP1_CHUNKED ? HTTP1_CAUSE_NONE : HTTP1_CAUSE_BAD_TRANSFER_ENCODING;
}

/* RFC 9112 6.3, rule 1: answers to HEAD, 1xx, 204 and 304 end with their head, whatever its fields say. */
static bool without_body(const struct http1_parser *p)
{
    return p->role == HTTP1_RESPONSES && (p->no_body || p->status < 200 || p->status == 204 || p->status == 304);
}

/* RFC 9112 6.3, the other rules. */
static enum http1_state body_state(const struct http1_parser *p)
{
    if (without_body(p))
        return HTTP1_STATE_COMPLETE;
    if (p->flags & HTTP1_CHUNKED)
        return HTTP1_STATE_CHUNK_SIZE;
    if (p->flags & HTTP1_HAS_LENGTH)
        return p->length ? HTTP1_STATE_BODY_LENGTH : HTTP1_STATE_COMPLETE;
    return p->role == HTTP1_REQUESTS ? HTTP1_STATE_COMPLETE : HTTP1_STATE_BODY_CLOSE;
}

enum http1_cause http1_head_complete(struct http1_parser *p, const struct http1_limits *limits)
{
    if (unlikely(p->flags & HTTP1_HAS_ENCODING)) {
        enum http1_cause cause = check_encoding(p);
        if (cause)
            return cause;
    }
    /* RFC 9112 3.2 */
    if (p->role == HTTP1_REQUESTS && !(p->flags & HTTP1_HAS_HOST) && p->minor > 0)
        return HTTP1_CAUSE_MISSING_HOST;
    enum http1_state state = body_state(p);
    if (state == HTTP1_STATE_BODY_LENGTH && p->length > limits->max_body_bytes)
        return HTTP1_CAUSE_BODY_TOO_LARGE;
    p->state = (uint8_t)state;
    p->close_delimited = state == HTTP1_STATE_BODY_CLOSE;
    p->at = 0;
    p->body_bytes = 0;
    return HTTP1_CAUSE_NONE;
}
