/* SPDX-License-Identifier: MIT */
/*
 * Prepared responses: the head in each form a connection can need, with a small body laid behind it, so that an
 * answer is one reference in the output queue. All memory comes from an arena that the server's configuration owns
 * and frees at once.
 */
#ifndef WEIR_L7_HTTP1_ANSWER_H
#define WEIR_L7_HTTP1_ANSWER_H

#include "l7/http1_body.h"
#include "l7/http1_text.h"

/* Allocations that are freed together. */
struct http1_arena {
    const struct allocator *allocator;
    struct http1_arena_block *blocks;
    uint8_t *at; /* what is left of the last one */
    size_t room;
};
/* Zeroed, aligned for any type; NULL: no memory. */
MUST_CHECK void *http1_arena_alloc(struct http1_arena *a, size_t size);
void http1_arena_free(struct http1_arena *a);

enum http1_framing {
    HTTP1_FRAMING_NONE,    /* the status has no body: RFC 9110 15.3.5, 15.4.5 */
    HTTP1_FRAMING_LENGTH,  /* Content-Length */
    HTTP1_FRAMING_CHUNKED, /* for HTTP/1.0: Content-Length */
    HTTP1_FRAMING_CLOSE,   /* until the connection is closed */
    HTTP1_FRAMING_LATER,   /* the head is prepared up to its framing, which http1_answer_end_head writes */
};

/* What is said about the connection: nothing more (HTTP/1.1), keep-alive (HTTP/1.0), close. */
enum http1_persistence { HTTP1_KEEP, HTTP1_KEEP_1_0, HTTP1_LAST, HTTP1_LAST_1_0, HTTP1_PERSISTENCE_COUNT };

struct http1_answer_spec {
    uint16_t status;
    enum http1_framing framing;
    const char *server_name;  /* NULL: none */
    const char *content_type; /* NULL: none */
    const char *allow;        /* NULL: none */
    const struct http1_header *headers;
    uint32_t n_headers;
    const uint8_t *body; /* NULL: the pattern */
    const uint8_t *pattern;
    uint64_t body_length;
    uint32_t chunk_bytes;
    bool apart; /* the body is not laid behind the head, however small */
};

struct http1_answer_form {
    const uint8_t *bytes;
    uint32_t head_bytes;
    uint32_t bytes_length; /* the head, and the body where it is small */
};

struct http1_answer {
    struct http1_answer_form form[HTTP1_PERSISTENCE_COUNT];
    struct http1_body body;       /* as HTTP/1.1 gets it */
    struct http1_body plain_body; /* with Content-Length, as HTTP/1.0 gets it */
    uint16_t status;
    uint8_t framing;
};

static inline bool http1_answer_is_1_0(enum http1_persistence p) { return p == HTTP1_KEEP_1_0 || p == HTTP1_LAST_1_0; }
static inline const struct http1_body *http1_answer_body(const struct http1_answer *a, enum http1_persistence p)
{
    return http1_answer_is_1_0(p) ? &a->plain_body : &a->body;
}
/* The body does not lie behind the head: http1_body_write queues it. */
static inline bool http1_answer_streams(const struct http1_answer *a, enum http1_persistence p)
{
    return a->body.length > 0 && a->form[p].bytes_length == a->form[p].head_bytes;
}

/* ERR_NO_MEMORY. What spec points to may go away, but the body and the pattern. */
MUST_CHECK int http1_answer_prepare(struct http1_answer *answer, const struct http1_answer_spec *spec,
                                    struct http1_arena *arena);
/* The rest of a head prepared with HTTP1_FRAMING_LATER: HTTP1_FRAMING_NONE, _LENGTH or _CHUNKED; returns its length. */
#define HTTP1_END_HEAD_BYTES 96
uint32_t http1_answer_end_head(uint8_t to[HTTP1_END_HEAD_BYTES], enum http1_persistence p, enum http1_framing framing,
                               uint64_t length);

#endif
