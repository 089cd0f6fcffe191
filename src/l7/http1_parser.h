/* SPDX-License-Identifier: MIT */
/*
 * A parser of HTTP/1.1 messages, requests or responses: RFC 9112. It may be stopped and resumed at every byte and
 * keeps no bytes of the message, only values: a cut anywhere gives the same events (pieces of target and body apart,
 * whose concatenation is the same).
 *
 * A head that lies whole in one buffer is read by http1_fast.c; whatever that does not take as plainly right is read
 * again by the resumable machine of http1_parser.c, which alone decides what is wrong and names it.
 *
 * Strict where leniency lets two readers of one message disagree: line folding, spaces before ':', a bare CR,
 * Content-Length beside Transfer-Encoding, differing Content-Lengths, Transfer-Encoding in HTTP/1.0 and codings other
 * than chunked are errors. A bare LF is one unless limits->lenient.
 */
#ifndef WEIR_L7_HTTP1_PARSER_H
#define WEIR_L7_HTTP1_PARSER_H

#include "l7/http1.h"
#include "l7/http1_cause.h"

enum http1_role { HTTP1_REQUESTS, HTTP1_RESPONSES };

enum http1_event {
    HTTP1_EVENT_MORE,   /* all bytes are used */
    HTTP1_EVENT_TARGET, /* requests: a piece of the target, in *piece */
    HTTP1_EVENT_NOTE,   /* a piece of the value of p->field, a noted one, in line p->headers of the head, in *piece */
    HTTP1_EVENT_HEAD,   /* the head is complete; requests: *piece is the last piece of the target, or empty */
    HTTP1_EVENT_BODY,   /* a piece of the body, in *piece; never empty */
    HTTP1_EVENT_END,    /* the message is complete; values stay readable until the next call */
    HTTP1_EVENT_FAILED, /* see cause; nothing can follow */
};

struct http1_piece {
    const uint8_t *bytes;
    uint32_t length;
};

/* States of the parser; those of one kind of line follow one another (http1_parser.c counts their bytes). */
enum http1_state {
    HTTP1_STATE_IDLE,  /* values of the message before are still there */
    HTTP1_STATE_START, /* requests: empty lines before the request line */
    HTTP1_STATE_START_LF,
    HTTP1_STATE_METHOD,
    HTTP1_STATE_TARGET,
    HTTP1_STATE_VERSION,
    HTTP1_STATE_STATUS,
    HTTP1_STATE_REASON,
    HTTP1_STATE_LINE_LF,
    HTTP1_STATE_HEADER, /* at the start of a header line */
    HTTP1_STATE_NAME,
    HTTP1_STATE_VALUE,
    HTTP1_STATE_VALUE_LF,
    HTTP1_STATE_HEAD_LF,
    HTTP1_STATE_CHUNK_SIZE,
    HTTP1_STATE_CHUNK_SPACE,
    HTTP1_STATE_CHUNK_EXTENSION,
    HTTP1_STATE_CHUNK_LF,
    HTTP1_STATE_CHUNK_END,
    HTTP1_STATE_CHUNK_END_LF,
    HTTP1_STATE_BODY_LENGTH,
    HTTP1_STATE_BODY_CLOSE,
    HTTP1_STATE_BODY_CHUNK,
    HTTP1_STATE_COMPLETE, /* HTTP1_EVENT_END is due */
    HTTP1_STATE_FAILED,
    HTTP1_STATE_COUNT
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
    uint16_t words;  /* the words that what is being read may still become, one bit each */
    uint8_t flags;
    uint8_t state;
    uint8_t role;
    uint8_t method;       /* requests: enum http1_method */
    uint8_t minor;        /* 1.minor */
    uint8_t cause;        /* enum http1_cause, after HTTP1_EVENT_FAILED */
    uint8_t at;           /* its position, up to 255; or a position in the value */
    uint8_t field;        /* the field whose value is being read */
    bool close_delimited; /* the body is what comes until the connection is closed */
    bool no_body;         /* set by the client: the response being read answers HEAD */
    bool takes_notes;     /* set by the server: it wants HTTP1_EVENT_NOTE */
};
static_assert(sizeof(struct http1_parser) <= 40, "each session holds one");

void http1_parser_init(struct http1_parser *p, enum http1_role role);
/*
 * No bytes follow. HTTP1_EVENT_MORE: none was missing; HTTP1_EVENT_END: that ended a close-delimited body;
 * HTTP1_EVENT_FAILED: peer_closed.
 */
enum http1_event http1_parser_end_of_input(struct http1_parser *p);
/* Reads on, without the shortcuts of http1_parser_next: for that function, and for comparison with it. */
enum http1_event http1_parser_next_resumable(struct http1_parser *p, const struct http1_limits *limits,
                                             const uint8_t **at, const uint8_t *end, struct http1_piece *piece);
/*
 * Reads a head that lies whole in [*at, end): true, *at behind it, *target set for requests. False: nothing was
 * changed.
 */
bool http1_fast_head(struct http1_parser *p, const struct http1_limits *limits, const uint8_t **at, const uint8_t *end,
                     struct http1_piece *target);

/* A piece of a body with p->length bytes left, after which the state is `then`; *at < end. */
static ALWAYS_INLINE enum http1_event http1_parser_take_body(struct http1_parser *p, const uint8_t **at,
                                                             const uint8_t *end, struct http1_piece *piece,
                                                             enum http1_state then)
{
    uint32_t n = (uint32_t)min_u64(min_u64(p->length, UINT32_MAX), (uint64_t)(end - *at));
    *piece = (struct http1_piece){*at, n};
    *at += n;
    p->length -= n;
    p->body_bytes += n;
    if (p->length == 0) {
        p->state = (uint8_t)then;
        p->at = 0;
    }
    return HTTP1_EVENT_BODY;
}

/* Reads on from *at, to the next event. To be called until HTTP1_EVENT_MORE or HTTP1_EVENT_FAILED. */
static inline enum http1_event http1_parser_next(struct http1_parser *p, const struct http1_limits *limits,
                                                 const uint8_t **at, const uint8_t *end, struct http1_piece *piece)
{
    if (p->state == HTTP1_STATE_COMPLETE) {
        p->state = HTTP1_STATE_IDLE;
        return HTTP1_EVENT_END;
    }
    if (*at == end)
        return p->state == HTTP1_STATE_FAILED ? HTTP1_EVENT_FAILED : HTTP1_EVENT_MORE;
    if (p->state == HTTP1_STATE_IDLE && http1_fast_head(p, limits, at, end, piece))
        return HTTP1_EVENT_HEAD;
    if (p->state == HTTP1_STATE_BODY_LENGTH)
        return http1_parser_take_body(p, at, end, piece, HTTP1_STATE_COMPLETE);
    return http1_parser_next_resumable(p, limits, at, end, piece);
}

/* Nothing of a message is read yet. */
static inline bool http1_parser_between_messages(const struct http1_parser *p) { return p->state <= HTTP1_STATE_START; }
/* After HTTP1_EVENT_HEAD: the message has a body to come (it may turn out empty when chunked). */
static inline bool http1_parser_expects_body(const struct http1_parser *p)
{
    return p->state != HTTP1_STATE_COMPLETE && p->state != HTTP1_STATE_IDLE;
}
/* After HTTP1_EVENT_HEAD: the connection may carry another message. RFC 9112 9.3. */
static inline bool http1_parser_keeps_alive(const struct http1_parser *p)
{
    if ((p->flags & HTTP1_CLOSE) || p->close_delimited)
        return false;
    return p->minor > 0 || (p->flags & HTTP1_KEEP_ALIVE);
}

#endif
