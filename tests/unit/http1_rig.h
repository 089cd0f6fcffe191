/* SPDX-License-Identifier: MIT */
/*
 * What the tests of HTTP/1.1 share: transcripts of what a parser makes of bytes, however they are cut; a client or
 * server engine on a bench with its carrier, whose output is read as text; and the two wired to each other.
 */
#ifndef WEIR_TESTS_UNIT_HTTP1_RIG_H
#define WEIR_TESTS_UNIT_HTTP1_RIG_H

#include "l7/http1_parser.h"
#include "unit/wire_support.h"

/* ---- the parser ---- */

/*
 * One line for each message: "GET /x 1.1 keep 5 hello" (method, target, version, persistence, bytes and body), "200
 * 1.1 close 0 ", or "failed CAUSE" as the last line; then, where a message is begun and not ended, "unfinished".
 * Bodies beyond 60 bytes show their digest instead.
 */
struct transcript {
    char text[8192];
    size_t length;
};

struct reading {
    enum http1_role role;
    struct http1_limits limits;
    bool resumable_only; /* without the reading of whole heads */
    bool head_requests;  /* responses answer HEAD */
    bool end_of_input;   /* behind the last byte */
};
struct reading reading_default(enum http1_role role);

/*
 * Feeds [bytes, bytes + length) cut at the n_cuts places (ascending), each piece right in front of a page that may
 * not be touched.
 */
void transcript_of(struct transcript *t, const struct reading *r, const uint8_t *bytes, size_t length,
                   const size_t *cuts, unsigned n_cuts);
/*
 * The transcript of the whole is `expected`, and so is that of every cut in two, of every byte alone, and of random
 * cuts.
 */
void assert_reads(const struct reading *r, const void *bytes, size_t length, const char *expected);

/* ---- one engine ---- */

#define BENCH_EVENTS 4096
struct bench {
    const struct l7_engine *engine;
    void *session;
    struct outq_pool pool;
    struct l7_carrier carrier;
    struct l7_transaction events[BENCH_EVENTS]; /* the first so many */
    unsigned n_events;
    void (*on_event)(struct bench *b, const struct l7_transaction *t); /* may be NULL */
    void *user;
    int64_t now;
};
extern const struct allocator bench_allocator;
/* spans, chunks: of the pool. */
void bench_open(struct bench *b, const struct l7_engine *engine, const void *config, uint32_t spans, uint32_t chunks);
/* Checks that the session holds nothing of the pool any more, and frees everything. */
void bench_close(struct bench *b);
/* Gives the bytes to the engine, in memory that ends where they end. */
int bench_input(struct bench *b, const void *bytes, size_t length);
int bench_input_text(struct bench *b, const char *text);
/* Takes at most `most` bytes off the output queue and tells the engine. Returns their number. */
size_t bench_take(struct bench *b, uint8_t *to, size_t most);
/* Everything queued, as text; valid until the next call. */
const char *bench_output(struct bench *b);
/* The spans in the output queue. */
unsigned bench_queued_spans(const struct bench *b);

/* ---- both ---- */

/*
 * Carries everything between the two, in pieces of up to piece_bytes (0: of random sizes) and none to an end that
 * holds its input, until nothing moves and no deadline is to come; time goes on to deadlines. Stops at want_close or
 * want_abort; want_close is handed on as the end of input.
 */
void pair_run(struct bench *client, struct bench *server, struct dice *d, size_t piece_bytes);

#endif
