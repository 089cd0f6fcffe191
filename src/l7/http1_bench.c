/* SPDX-License-Identifier: MIT */
/*
 * The benchmarks of HTTP/1.1: the parser alone, the digest, and both engines with their output queues read and
 * trimmed as TCP would.
 */
#include "l7/http1_bench.h"

#include <string.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "l7/http1_parser.h"

static const char request_text[] = "GET /index.html HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nAccept: */*\r\n\r\n";
static const char response_text[] = "HTTP/1.1 200 OK\r\nServer: weir\r\nContent-Type: application/octet-stream\r\n"
                                    "Content-Length: 5\r\n\r\nhello";

/* Feeds [at, end) and counts the messages that end. */
static unsigned parse(struct http1_parser *p, const struct http1_limits *limits, const uint8_t *at, const uint8_t *end)
{
    struct http1_piece piece;
    unsigned ended = 0;
    for (;;) {
        enum http1_event event = http1_parser_next(p, limits, &at, end, &piece);
        ended += event == HTTP1_EVENT_END;
        if (event == HTTP1_EVENT_MORE || event == HTTP1_EVENT_FAILED)
            return ended;
    }
}

static void parse_whole(enum http1_role role, const char *text, size_t length, unsigned iterations, uint64_t *messages,
                        uint64_t *bytes)
{
    const uint8_t *at = (const uint8_t *)text;
    struct http1_limits limits;
    http1_limits_default(&limits);
    struct http1_parser p;
    http1_parser_init(&p, role);
    for (unsigned i = 0; i < iterations; i++)
        *messages += parse(&p, &limits, at, at + length);
    *bytes += (uint64_t)iterations * length;
}

void http1_bench_parse_requests(unsigned iterations, uint64_t *messages, uint64_t *bytes)
{
    parse_whole(HTTP1_REQUESTS, request_text, sizeof request_text - 1, iterations, messages, bytes);
}

void http1_bench_parse_responses(unsigned iterations, uint64_t *messages, uint64_t *bytes)
{
    parse_whole(HTTP1_RESPONSES, response_text, sizeof response_text - 1, iterations, messages, bytes);
}

void http1_bench_parse_split(unsigned iterations, uint64_t *messages, uint64_t *bytes)
{
    const uint8_t *text = (const uint8_t *)request_text;
    const size_t length = sizeof request_text - 1;
    struct http1_limits limits;
    http1_limits_default(&limits);
    struct http1_parser p;
    http1_parser_init(&p, HTTP1_REQUESTS);
    for (unsigned i = 0; i < iterations; i++)
        for (size_t at = 0; at < length; at++)
            *messages += parse(&p, &limits, text + at, text + at + 1);
    *bytes += (uint64_t)iterations * length;
}

void http1_bench_digest(unsigned iterations, uint64_t *bytes)
{
    uint8_t block[512];
    http1_pattern_fill(block, 0, sizeof block);
    uint64_t digest = HTTP1_DIGEST_START;
    for (unsigned i = 0; i < iterations; i++)
        for (unsigned part = 0; part < HTTP1_PATTERN_BYTES / sizeof block; part++)
            digest = http1_digest(digest, block, sizeof block);
    *bytes += digest ? (uint64_t)iterations * HTTP1_PATTERN_BYTES : 0;
}

#define SEGMENT_BYTES 1460

struct http1_bench {
    const struct allocator *allocator;
    struct outq_pool pool;
    struct http1_client_config client_config;
    struct http1_server_config *server_config;
    struct http1_request *request;
    struct l7_carrier client_carrier, server_carrier;
    void *client, *server;
    uint32_t pipeline;
    uint64_t completed, failed, body_bytes;
    int64_t now;
    uint8_t segment[SEGMENT_BYTES];
};

static void on_client_transaction(void *context, const struct l7_transaction *t)
{
    struct http1_bench *b = context;
    b->completed += t->error == 0;
    b->failed += t->error != 0;
    b->body_bytes += t->body_bytes;
}

static const struct l7_events client_events = {.transaction = on_client_transaction};

static int prepare(struct http1_bench *b, uint64_t body_bytes)
{
    char message[256];
    const struct http1_size_choice size = {.bytes = body_bytes, .weight = 1};
    const struct http1_route route = {.path = "/", .sizes = &size, .n_sizes = 1};
    struct http1_server_spec server = {.routes = &route, .n_routes = 1, .server_name = "weir"};
    http1_limits_default(&server.limits);
    http1_limits_default(&b->client_config.limits);
    b->client_config.limits.max_pipeline = max_u32(b->pipeline, 1);
    struct http1_request_spec request = {.method = HTTP1_GET, .target = "/", .host = "server"};
    request.expect = (struct http1_expect){.status = 200, .check_length = true, .length = body_bytes};
    int error = http1_server_config_new(&server, b->allocator, &b->server_config, message);
    if (!error)
        error = http1_request_prepare(&request, b->allocator, &b->request, message);
    return error ? error : outq_pool_init(&b->pool, b->allocator, 4096, 1024);
}

static int open_sessions(struct http1_bench *b)
{
    b->client_carrier = (struct l7_carrier){.pool = &b->pool, .events = &client_events, .context = b};
    b->server_carrier = (struct l7_carrier){.pool = &b->pool};
    b->client = alloc_zeroed(b->allocator, http1_client_engine.session_bytes, CACHE_LINE);
    b->server = alloc_zeroed(b->allocator, http1_server_engine.session_bytes, CACHE_LINE);
    if (!b->client || !b->server)
        return ERR_NO_MEMORY;
    int error = http1_client_engine.open(b->client, &b->client_config, &b->client_carrier, b->now);
    return error ? error : http1_server_engine.open(b->server, b->server_config, &b->server_carrier, b->now);
}

int http1_bench_new(const struct allocator *a, uint64_t body_bytes, uint32_t pipeline, struct http1_bench **out)
{
    *out = NULL;
    struct http1_bench *b = alloc_zeroed(a, sizeof *b, CACHE_LINE);
    if (!b)
        return ERR_NO_MEMORY;
    b->allocator = a;
    b->pipeline = max_u32(pipeline, 1);
    int error = prepare(b, body_bytes);
    if (!error)
        error = open_sessions(b);
    if (error) {
        http1_bench_delete(b);
        return error;
    }
    *out = b;
    return ERR_OK;
}

void http1_bench_delete(struct http1_bench *b)
{
    if (!b)
        return;
    outq_pool_free(&b->pool);
    alloc_free(b->allocator, b->client, http1_client_engine.session_bytes);
    alloc_free(b->allocator, b->server, http1_server_engine.session_bytes);
    http1_request_delete(b->request);
    http1_server_config_delete(b->server_config);
    alloc_free(b->allocator, b, sizeof *b);
}

/* Hands everything queued at `from` to the engine at `to`, in segments, each acknowledged at once. */
static int carry(struct http1_bench *b, struct l7_carrier *from, const struct l7_engine *engine, void *session,
                 struct l7_carrier *to)
{
    int error = 0;
    while (!error && outq_length(&from->out) > 0) {
        size_t n = outq_read(&from->out, &b->pool, from->out.base, b->segment, sizeof b->segment, NULL);
        outq_trim(&from->out, &b->pool, from->out.base + n);
        error = engine->input(session, to, b->segment, (uint32_t)n, b->now);
    }
    return error;
}

static void run_batch(struct http1_bench *b)
{
    b->now += 1000;
    for (uint32_t i = 0; i < b->pipeline; i++)
        if (http1_client_send(b->client, &b->client_carrier, b->request, b->now, b->now))
            b->failed++;
    do {
        if (carry(b, &b->client_carrier, &http1_server_engine, b->server, &b->server_carrier) ||
            carry(b, &b->server_carrier, &http1_client_engine, b->client, &b->client_carrier))
            return;
        http1_server_engine.resume(b->server, &b->server_carrier, b->now);
    } while (outq_length(&b->server_carrier.out) > 0);
}

void http1_bench_transactions(struct http1_bench *b, unsigned iterations, uint64_t *transactions, uint64_t *bytes,
                              uint64_t *errors)
{
    uint64_t completed = b->completed, failed = b->failed, body_bytes = b->body_bytes;
    for (unsigned i = 0; i < iterations; i++)
        run_batch(b);
    *transactions += b->completed - completed;
    *bytes += b->body_bytes - body_bytes;
    *errors += b->failed - failed;
}
