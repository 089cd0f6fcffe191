/* SPDX-License-Identifier: MIT */
/*
 * Bodies to send, and the generated pattern: printable lines of 64 characters that differ within a block of 64 KiB.
 *
 * What bounds the queue: small chunks are copied, whole, into chunks of the output queue; larger pieces are
 * referenced; and the writer stops at `window` bytes, which is so chosen that about a hundred spans are queued at
 * once.
 */
#include "l7/http1_body.h"

#include <string.h>

#include "base/error.h"
#include "l7/http1_digest.h"

/* Chunks below this are copied with their head; a span costs about as much as copying these bytes. */
#define COPY_BELOW 512u
#define WINDOW_PIECES 64u
#define WINDOW_MIN (UINT64_C(64) << 10)
#define WINDOW_MAX (UINT64_C(4) << 20)
/* A piece of a body that does not repeat. */
#define PIECE_MAX (UINT32_C(1) << 20)

static const uint8_t final_chunk[] = "\r\n0\r\n\r\n";
#define FINAL_CHUNK_BYTES ((uint32_t)sizeof final_chunk - 1)
#define CRLF_BYTES 2u

struct http1_chunk_head http1_chunk_head_make(uint64_t size)
{
    struct http1_chunk_head h = {.text = "\r\n", .length = CRLF_BYTES};
    unsigned digits = 1;
    while (size >> (4 * digits))
        digits++;
    while (digits-- > 0)
        h.text[h.length++] = (uint8_t) "0123456789abcdef"[(size >> (4 * digits)) & 15];
    h.text[h.length++] = '\r';
    h.text[h.length++] = '\n';
    return h;
}

void http1_body_init(struct http1_body *b, const uint8_t *bytes, const uint8_t *pattern, uint64_t length,
                     uint32_t chunk_bytes)
{
    *b = (struct http1_body){.bytes = bytes ? bytes : pattern, .length = length, .chunk_bytes = chunk_bytes};
    b->period = bytes ? 0 : HTTP1_PATTERN_BYTES;
    uint64_t piece = chunk_bytes ? chunk_bytes : HTTP1_PATTERN_BYTES;
    b->window = max_u64(WINDOW_MIN, min_u64(WINDOW_MAX, WINDOW_PIECES * piece));
    if (chunk_bytes) {
        b->full = http1_chunk_head_make(chunk_bytes);
        if (length % chunk_bytes)
            b->last = http1_chunk_head_make(length % chunk_bytes);
    }
}

void http1_body_init_like(struct http1_body *b, const struct http1_body *like, uint64_t length)
{
    *b = *like;
    b->length = length;
    b->lasting = like;
    b->last = (struct http1_chunk_head){.length = 0};
    if (b->chunk_bytes && length % b->chunk_bytes)
        b->last = http1_chunk_head_make(length % b->chunk_bytes);
}

/* The first chunk has none before it to end. */
static uint32_t head_skip(uint64_t at) { return at == 0 ? CRLF_BYTES : 0; }

uint64_t http1_body_wire_bytes(const struct http1_body *b)
{
    if (!b->chunk_bytes)
        return b->length;
    uint64_t whole = b->length / b->chunk_bytes;
    return whole * b->full.length + b->last.length + b->length + FINAL_CHUNK_BYTES - CRLF_BYTES;
}

static const struct http1_chunk_head *chunk_head_at(const struct http1_body *b, uint64_t at)
{
    return b->length - at >= b->chunk_bytes ? &b->full : &b->last;
}

/* How many body bytes the chunk at `at` has left. */
static uint64_t chunk_left(const struct http1_body *b, uint64_t at)
{
    return min_u64(b->length - at, b->chunk_bytes - at % b->chunk_bytes);
}

/* The body's bytes at `at` that lie together, at most `most` of them. */
static const uint8_t *piece_at(const struct http1_body *b, uint64_t at, uint64_t most, uint32_t *length)
{
    uint64_t skip = b->period ? at % b->period : at;
    *length = (uint32_t)min_u64(most, b->period ? b->period - skip : PIECE_MAX);
    return b->bytes + skip;
}

/* Copies length body bytes from `at` on. */
static uint8_t *copy_body(const struct http1_body *b, uint64_t at, uint64_t length, uint8_t *to)
{
    while (length) {
        uint32_t n;
        const uint8_t *from = piece_at(b, at, length, &n);
        memcpy(to, from, n);
        to += n;
        at += n;
        length -= n;
    }
    return to;
}

/* The chunk at `at`, head and body. */
static uint8_t *copy_chunk(const struct http1_body *b, uint64_t at, uint8_t *to)
{
    const struct http1_chunk_head *head = chunk_head_at(b, at);
    uint32_t skip = head_skip(at);
    memcpy(to, head->text + skip, head->length - skip);
    return copy_body(b, at, chunk_left(b, at), to + head->length - skip);
}

void http1_body_encode(const struct http1_body *b, uint8_t *to)
{
    if (!b->chunk_bytes) {
        copy_body(b, 0, b->length, to);
        return;
    }
    for (uint64_t at = 0; at < b->length; at += chunk_left(b, at))
        to = copy_chunk(b, at, to);
    uint32_t skip = head_skip(b->length);
    memcpy(to, final_chunk + skip, FINAL_CHUNK_BYTES - skip);
}

/* A small chunk: all of it or nothing. */
static int queue_copied_chunk(const struct http1_body *b, struct http1_writer *w, struct outq *q, struct outq_pool *p)
{
    uint8_t chunk[HTTP1_CHUNK_HEAD_BYTES + COPY_BELOW];
    const uint8_t *end = copy_chunk(b, w->at, chunk);
    int error = outq_copy(q, p, chunk, (uint32_t)(end - chunk));
    if (!error)
        w->at += chunk_left(b, w->at);
    return error;
}

static int queue_chunk_head(const struct http1_body *b, struct http1_writer *w, struct outq *q, struct outq_pool *p)
{
    const struct http1_chunk_head *head = chunk_head_at(b, w->at);
    uint32_t skip = head_skip(w->at);
    bool fleeting = b->lasting && head == &b->last;
    if (b->lasting && !fleeting)
        head = &b->lasting->full;
    int error = fleeting ? outq_copy(q, p, head->text + skip, head->length - skip)
                         : outq_reference(q, p, head->text + skip, head->length - skip);
    w->in_chunk = !error;
    return error;
}

/* A piece of at most `most` body bytes. */
static int queue_piece(const struct http1_body *b, struct http1_writer *w, uint64_t most, struct outq *q,
                       struct outq_pool *p)
{
    uint32_t n;
    const uint8_t *from = piece_at(b, w->at, most, &n);
    int error = outq_reference(q, p, from, n);
    if (!error)
        w->at += n;
    return error;
}

/* Body bytes that may be queued now. */
static uint64_t left_to_limit(const struct http1_body *b, const struct http1_writer *w)
{
    return (w->limit ? min_u64(w->limit, b->length) : b->length) - w->at;
}

/* The next piece of a chunked body with body bytes left. */
static int queue_chunked(const struct http1_body *b, struct http1_writer *w, struct outq *q, struct outq_pool *p)
{
    if (b->chunk_bytes < COPY_BELOW)
        return queue_copied_chunk(b, w, q, p);
    if (!w->in_chunk)
        return queue_chunk_head(b, w, q, p);
    int error = queue_piece(b, w, min_u64(chunk_left(b, w->at), left_to_limit(b, w)), q, p);
    if (!error && w->at % b->chunk_bytes == 0)
        w->in_chunk = false;
    return error;
}

static int queue_end(const struct http1_body *b, struct outq *q, struct outq_pool *p)
{
    if (!b->chunk_bytes)
        return ERR_OK;
    uint32_t skip = head_skip(b->length);
    return outq_reference(q, p, final_chunk + skip, FINAL_CHUNK_BYTES - skip);
}

int http1_body_write(const struct http1_body *b, struct http1_writer *w, struct outq *q, struct outq_pool *p)
{
    while (!w->done) {
        if (outq_length(q) >= b->window || (w->limit && w->at >= w->limit))
            return ERR_AGAIN;
        int error;
        if (w->at == b->length) {
            error = queue_end(b, q, p);
            w->done = !error;
        } else {
            error = b->chunk_bytes ? queue_chunked(b, w, q, p) : queue_piece(b, w, left_to_limit(b, w), q, p);
        }
        if (error)
            return error;
    }
    return ERR_OK;
}

/* Each line of 64 has its own step and start, so that a block has no shorter period. */
static uint8_t pattern_byte(uint32_t i)
{
    uint32_t column = i % 64, line = i / 64;
    if (column == 63)
        return '\n';
    return (uint8_t)('!' + (column * (7 + line / 94) + line * 11) % 94);
}

void http1_pattern_fill(uint8_t *to, uint64_t offset, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = pattern_byte((uint32_t)((offset + i) % HTTP1_PATTERN_BYTES));
}

static uint64_t digest_pattern(uint64_t digest, uint64_t length)
{
    uint8_t part[448];
    for (uint64_t at = 0; at < length;) {
        size_t n = (size_t)min_u64(sizeof part, length - at);
        http1_pattern_fill(part, at, n);
        digest = http1_digest(digest, part, n);
        at += n;
    }
    return digest;
}

/*
 * Seven blocks are a whole number of words: appending them maps a digest h to h * a + c. That map, n times, is found
 * by squaring, so that a body of a terabyte costs no more than one of a megabyte.
 */
uint64_t http1_generated_digest(uint64_t bytes)
{
    const uint64_t round = (uint64_t)HTTP1_PATTERN_BYTES * HTTP1_DIGEST_WORD_BYTES;
    uint64_t h = HTTP1_DIGEST_START;
    uint64_t rounds = bytes / round;
    if (rounds) {
        uint64_t a = http1_digest_power(HTTP1_PATTERN_BYTES);
        uint64_t c = digest_pattern(0, round);
        for (; rounds; rounds >>= 1) {
            if (rounds & 1)
                h = http1_digest_multiply_add(h, a, c);
            c = http1_digest_multiply_add(c, a, c);
            a = http1_digest_multiply_add(a, a, 0);
        }
    }
    return digest_pattern(h, bytes % round);
}
