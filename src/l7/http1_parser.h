/* SPDX-License-Identifier: MIT */
/*
 * A parser of HTTP/1.1 messages, requests or responses: RFC 9112. It may be stopped and resumed at every byte and keeps no bytes of
 * the message, only values: a cut anywhere gives the same events (pieces of target and body apart, whose concatenation is the same).
 *
 * A head that lies whole in one buffer is read by http1_fast.c; whatever that does not take as plainly right is read again by the
 * resumable machine of http1_parser.c, which alone decides what is wrong and names it.
 *
 * Strict where leniency lets two readers of one message disagree: line folding, spaces before ':', a bare CR, Content-Length beside Transfer-Encoding,
 * differing Content-Lengths, Transfer-Encoding in HTTP/1.0 and codings other than chunked are errors. A bare LF is one unless limits->lenient.
 */
#ifndef WEIR_L7_HTTP1_PARSER_H
#define WEIR_L7_HTTP1_PARSER_H

#include "l7/http1.h"
#include "l7/http1_cause.h"

enum http1_role { HTTP1_REQUESTS, HTTP1_RESPONSES };

enum http1_event {
    HTTP1_EVENT_MORE,   /* all bytes are used */
    HTTP1_EVENT_TARGET, /* requests: a piece of the target, in *piece */
    HTTP1_EVENT_HEAD,   /* the head is complete; requests: *piece is the last piece of the target, or empty */
    HTTP1_EVENT_BODY,   /* a piece of the body, in *piece; never empty */
    HTTP1_EVENT_END,    /* the message is complete; values stay readable until the next call */
    HTTP1_EVENT_FAILED, /* see cause; nothing can follow */
};

struct http1_piece {
    const uint8_t *bytes;
    uint32_t length;
};

/* What the head said. */
enum {
    HTTP1_HAS_LENGTH = 1,
    HTTP1_HAS_ENCODING = 2,
    HTTP1_CHUNKED = 4,
    HTTP1_CLOSE = 8,
    HTTP1_KEEP_ALIVE = 16,
    HTTP1_EXPECT_CONTINUE = 32,
    HTTP1_HAS_HOST = 64,
    HTTP1_IN_TRAILERS = 128,
};

struct http1_parser {
    uint64_t length;     /* Content-Length, then what is left of it or of the chunk */
    uint64_t body_bytes; /* seen; in the head: the number being read */
    uint32_t line_bytes; /* of the start line, chunk line or all header lines */
    uint32_t headers;
    uint16_t status; /* responses */
    uint8_t flags;
    uint8_t state;
    uint8_t role;
    uint8_t method; /* requests: enum http1_method */
    uint8_t minor;  /* 1.minor */
    uint8_t cause;  /* enum http1_cause, after HTTP1_EVENT_FAILED */
    uint8_t words;  /* the words that what is being read may still become, one bit each */
    uint8_t at;     /* its position, up to 255; or a position in the value */
    uint8_t field;  /* the field whose value is being read */
    bool no_body;   /* set by the client: the response being read answers HEAD */
};
static_assert(sizeof(struct http1_parser) <= 40, "sessions hold one each");

void http1_parser_init(struct http1_parser *p, enum http1_role role);
/* Reads on from *at, to the next event. To be called until HTTP1_EVENT_MORE or HTTP1_EVENT_FAILED. */
enum http1_event http1_parser_next(struct http1_parser *p, const struct http1_limits *limits, const uint8_t **at, const uint8_t *end,
                                   struct http1_piece *piece);
/* No bytes follow. HTTP1_EVENT_MORE: none was missing; HTTP1_EVENT_END: that ended a close-delimited body; HTTP1_EVENT_FAILED: peer_closed. */
enum http1_event http1_parser_end_of_input(struct http1_parser *p);
/* Nothing of a message is read yet. */
bool http1_parser_between_messages(const struct http1_parser *p);
/* After HTTP1_EVENT_HEAD: the message has a body to come (it may turn out empty when chunked). */
bool http1_parser_expects_body(const struct http1_parser *p);
/* After HTTP1_EVENT_HEAD: the connection may carry another message. */
bool http1_parser_keeps_alive(const struct http1_parser *p);
/* Switches the reading of whole heads off: what the machine alone does, for comparison. */
enum http1_event http1_parser_next_resumable(struct http1_parser *p, const struct http1_limits *limits, const uint8_t **at,
                                             const uint8_t *end, struct http1_piece *piece);

#endif
