/* SPDX-License-Identifier: MIT */
/*
 * Benches of pure functions on one core: checksum, http-parse.
 */
#include <string.h>

#include "base/checksum.h"
#include "cli/bench.h"
#include "engine/clock.h"
#include "l7/http1_bench.h"

#define BATCH 4096u
#define BUFFER_BYTES ((size_t)64 << 10) /* stays in the second-level cache */

/* Keeps a result from being optimized away. */
static void consume(uint64_t value) { __asm__ volatile("" : : "r"(value)); }

/* Walks a buffer in pieces of `length`; returns bytes a second. */
static double checksum_rate(const uint8_t *buffer, size_t length, int64_t run_ns)
{
    size_t at = 0;
    uint64_t bytes = 0;
    int64_t begin = clock_now(), now;
    do {
        for (unsigned i = 0; i < BATCH; i++) {
            consume(checksum_add(0, buffer + at, length));
            at = at + 2 * length <= BUFFER_BYTES ? at + length : 0;
        }
        bytes += (uint64_t)BATCH * length;
        now = clock_now();
    } while (now - begin < run_ns);
    return (double)bytes * 1e9 / (double)(now - begin);
}

int bench_checksum(const struct bench_options *o, struct bench_result *r)
{
    static uint8_t buffer[BUFFER_BYTES];
    for (size_t i = 0; i < BUFFER_BYTES; i++)
        buffer[i] = (uint8_t)(i * 2654435761u >> 24);
    bench_record(r, "checksum_1460", "GB/s", checksum_rate(buffer, 1460, o->run_ns / 2) / 1e9);
    bench_record(r, "checksum_64", "GB/s", checksum_rate(buffer, 64, o->run_ns / 2) / 1e9);
    return 0;
}

typedef void parse_fn(unsigned iterations, uint64_t *messages, uint64_t *bytes);

static double parse_rate(parse_fn *parse, int64_t run_ns)
{
    uint64_t messages = 0, bytes = 0;
    int64_t begin = clock_now(), now;
    do {
        parse(BATCH, &messages, &bytes);
        now = clock_now();
    } while (now - begin < run_ns);
    return (double)messages * 1e9 / (double)(now - begin);
}

int bench_http_parse(const struct bench_options *o, struct bench_result *r)
{
    bench_record(r, "requests_per_second", "1/s", parse_rate(http1_bench_parse_requests, o->run_ns / 3));
    bench_record(r, "responses_per_second", "1/s", parse_rate(http1_bench_parse_responses, o->run_ns / 3));
    bench_record(r, "messages_per_second_bytewise", "1/s", parse_rate(http1_bench_parse_split, o->run_ns / 3));
    return 0;
}
