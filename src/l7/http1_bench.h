/* SPDX-License-Identifier: MIT */
/*
 * Work to be timed by `weir bench`: pure functions without clocks. Each repeats its work `iterations` times and adds
 * what it did to the counters.
 */
#ifndef WEIR_L7_HTTP1_BENCH_H
#define WEIR_L7_HTTP1_BENCH_H

#include "l7/http1.h"

/*
 * Small messages, whole in their buffer. A request of 62 bytes (3 lines); a response of 97 bytes (4 lines and a body
 * of 5 bytes).
 */
void http1_bench_parse_requests(unsigned iterations, uint64_t *messages, uint64_t *bytes);
void http1_bench_parse_responses(unsigned iterations, uint64_t *messages, uint64_t *bytes);
/* The same messages one byte at a time, by the resumable machine. */
void http1_bench_parse_split(unsigned iterations, uint64_t *messages, uint64_t *bytes);
/* Bodies of 64 KiB digested. */
void http1_bench_digest(unsigned iterations, uint64_t *bytes);

/* A client and a server wired to each other in memory. */
struct http1_bench;
/* ERR_NO_MEMORY or ERR_INVALID. body_bytes of each response; pipeline: requests sent at once. */
MUST_CHECK int http1_bench_new(const struct allocator *a, uint64_t body_bytes, uint32_t pipeline,
                               struct http1_bench **out);
void http1_bench_delete(struct http1_bench *b);
/* Transactions completed and validated; body bytes received; transactions that failed. */
void http1_bench_transactions(struct http1_bench *b, unsigned iterations, uint64_t *transactions, uint64_t *bytes,
                              uint64_t *errors);

#endif
