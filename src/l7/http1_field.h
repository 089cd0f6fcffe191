/* SPDX-License-Identifier: MIT */
/*
 * The parts of a head that mean something to the engines, shared by the machine and the reader of whole heads: known
 * names, the values of known fields byte by byte, and what a complete head says about the body that follows (RFC 9112
 * section 6).
 */
#ifndef WEIR_L7_HTTP1_FIELD_H
#define WEIR_L7_HTTP1_FIELD_H

#include "l7/http1_parser.h"

enum http1_field {
    HTTP1_FIELD_OTHER,
    HTTP1_FIELD_CONTENT_LENGTH,
    HTTP1_FIELD_TRANSFER_ENCODING,
    HTTP1_FIELD_CONNECTION,
    HTTP1_FIELD_HOST,
    HTTP1_FIELD_EXPECT,
    HTTP1_FIELD_RANGE, /* from here on: values that only the notes of a server want */
    HTTP1_FIELD_IF_RANGE,
    HTTP1_FIELD_IF_MATCH,
    HTTP1_FIELD_IF_NONE_MATCH,
    HTTP1_FIELD_IF_MODIFIED_SINCE,
    HTTP1_FIELD_IF_UNMODIFIED_SINCE,
};

static inline bool http1_field_is_noted(enum http1_field field) { return field >= HTTP1_FIELD_RANGE; }

/* Clears what belongs to one message. */
static inline void http1_message_begin(struct http1_parser *p)
{
    p->length = 0;
    p->body_bytes = 0;
    p->line_bytes = 0;
    p->headers = 0;
    p->status = 0;
    p->flags = 0;
    p->at = 0;
    p->close_delimited = false;
}

/* A method: begin, each byte, end. End gives HTTP1_METHOD_COUNT for one that is not known. */
void http1_method_begin(struct http1_parser *p);
void http1_method_byte(struct http1_parser *p, uint8_t c);
enum http1_method http1_method_end(const struct http1_parser *p);

/* A field name: begin, each byte, end. End gives the field whose value the parser's role looks at. */
void http1_name_begin(struct http1_parser *p);
void http1_name_byte(struct http1_parser *p, uint8_t c);
enum http1_field http1_name_end(const struct http1_parser *p);

/* A field's value: begin, each byte (white space at its ends too), end. */
enum http1_cause http1_value_begin(struct http1_parser *p, enum http1_field field);
enum http1_cause http1_value_byte(struct http1_parser *p, uint8_t c);
enum http1_cause http1_value_end(struct http1_parser *p);
/* A complete Content-Length number. */
static inline enum http1_cause http1_length_found(struct http1_parser *p, uint64_t length)
{
    if ((p->flags & HTTP1_HAS_LENGTH) && p->length != length)
        return HTTP1_CAUSE_CONTENT_LENGTH_CONFLICT;
    p->flags |= HTTP1_HAS_LENGTH;
    p->length = length;
    return HTTP1_CAUSE_NONE;
}
static inline enum http1_cause http1_host_found(struct http1_parser *p)
{
    if (p->flags & HTTP1_HAS_HOST)
        return HTTP1_CAUSE_DUPLICATE_HOST;
    p->flags |= HTTP1_HAS_HOST;
    return HTTP1_CAUSE_NONE;
}

/* The head is complete: HTTP1_CAUSE_NONE and the state in which the body is read, or what is wrong. */
enum http1_cause http1_head_complete(struct http1_parser *p, const struct http1_limits *limits);

#endif
