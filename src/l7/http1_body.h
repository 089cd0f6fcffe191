/* SPDX-License-Identifier: MIT */
/*
 * Bodies to send: where the bytes come from (constant memory, or the generated pattern), how they are framed (fixed
 * length, chunked: RFC 9112 section 7.1), and a writer that queues them a bounded amount at a time, so that a body of
 * any size costs few spans.
 *
 * A struct http1_body is prepared once and constant. The bytes stay the caller's; of the pattern, one block of
 * HTTP1_PATTERN_BYTES that http1_pattern_fill filled is shared by all bodies of its owner and repeats.
 */
#ifndef WEIR_L7_HTTP1_BODY_H
#define WEIR_L7_HTTP1_BODY_H

#include "base/outq.h"

#define HTTP1_PATTERN_BYTES 65536u
/* A body that takes no more than this on the wire is laid behind its head, to be sent with one reference. */
#define HTTP1_INLINE_BYTES 4096u
/* "\r\n" ffffffff "\r\n" */
#define HTTP1_CHUNK_HEAD_BYTES 12u

struct http1_chunk_head {
    uint8_t text[HTTP1_CHUNK_HEAD_BYTES]; /* "\r\n" size "\r\n": the end of the chunk before, too */
    uint8_t length;
};

struct http1_body {
    const uint8_t *bytes;
    uint64_t length;
    uint32_t period;                    /* bytes repeat after so many; 0: they do not */
    uint32_t chunk_bytes;               /* 0: sent as it is */
    uint64_t window;                    /* the writer waits while so much is queued */
    struct http1_chunk_head full, last; /* of whole chunks; of the shorter last one, length 0: there is none */
    const struct http1_body *lasting;   /* NULL, or where `full` is that outlives the sending; `last` does not */
};

/* Where a writer is. All zero: at the beginning. */
struct http1_writer {
    uint64_t at;    /* body bytes queued */
    uint64_t limit; /* so many are queued for now, or a short chunk more; 0: all */
    bool in_chunk;  /* the head of the chunk at `at` is queued */
    bool done;
};

struct http1_chunk_head http1_chunk_head_make(uint64_t size);

/* bytes NULL: the pattern, of which `pattern` is one filled block. */
void http1_body_init(struct http1_body *b, const uint8_t *bytes, const uint8_t *pattern, uint64_t length,
                     uint32_t chunk_bytes);
/*
 * A body of another length, in the chunks and from the source of `like`, which is constant. May go when it is queued.
 */
void http1_body_init_like(struct http1_body *b, const struct http1_body *like, uint64_t length);
/* Bytes on the wire. */
uint64_t http1_body_wire_bytes(const struct http1_body *b);
/* Writes all http1_body_wire_bytes of a small body to `to`. */
void http1_body_encode(const struct http1_body *b, uint8_t *to);
/*
 * Queues what fits. 0: all is queued (w->done); ERR_AGAIN: go on when `q` was trimmed or the limit raised;
 * ERR_NO_MEMORY: the pool is empty, go on later.
 */
MUST_CHECK int http1_body_write(const struct http1_body *b, struct http1_writer *w, struct outq *q,
                                struct outq_pool *p);

/* The bytes [offset, offset + length) of the endless pattern. */
void http1_pattern_fill(uint8_t *to, uint64_t offset, size_t length);

#endif
