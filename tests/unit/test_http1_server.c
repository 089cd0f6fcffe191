/* SPDX-License-Identifier: MIT */
/*
 * The server engine: exact answers to requests, in whatever pieces they come; errors; delays, slow readers, memory
 * that runs short.
 */
#include <stdio.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "support/counting_alloc.h"
#include "unit/http1_rig.h"

static const struct http1_size_choice five = {5, 1};
static const struct http1_header extra = {"X-y", "z"};
static const struct http1_route routes[] = {
    {.path = "/hello", .body = (const uint8_t *)"hello", .body_length = 5, .content_type = "text/plain"},
    {.path = "/five", .sizes = &five, .n_sizes = 1},
    {.path = "/empty"},
    {.path = "/none", .status = 204},
    {.path = "/chunked",
     .body = (const uint8_t *)"hello",
     .body_length = 5,
     .chunk_bytes = 2,
     .headers = &extra,
     .n_headers = 1},
    {.path = "/close", .body = (const uint8_t *)"hello", .body_length = 5, .close_delimited = true},
    {.path = "/echo", .echo = true},
    {.path = "/slow-echo", .echo = true, .delay_ns = 100},
    {.path = "/digest", .digest_response = true},
    {.path = "/slow", .delay_ns = 1000},
    {.path = "/post", .methods = 1u << HTTP1_POST | 1u << HTTP1_PUT},
    {.path = "/prefix/*", .status = 201},
};

struct rig {
    struct bench b;
    struct http1_server_config *config;
    struct http1_server_spec spec;
};
static struct rig rig;

static void open_sized(uint32_t spans, uint32_t chunks)
{
    char message[256];
    int error = http1_server_config_new(&rig.spec, &bench_allocator, &rig.config, message);
    assert_int_equal(error, ERR_OK);
    bench_open(&rig.b, &http1_server_engine, rig.config, spans, chunks);
}

static void spec_default(void)
{
    rig.spec = (struct http1_server_spec){.routes = routes, .n_routes = ARRAY_SIZE(routes)};
    http1_limits_default(&rig.spec.limits);
}

static int set_up(void **state)
{
    (void)state;
    spec_default();
    open_sized(200, 200);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close(&rig.b);
    http1_server_config_delete(rig.config);
    return 0;
}

static void reopen(uint32_t spans, uint32_t chunks)
{
    tear_down(NULL);
    open_sized(spans, chunks);
}

#define OCTETS "Content-Type: application/octet-stream\r\n"
#define ERROR_ANSWER(line, number) "HTTP/1.1 " line "\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

static void assert_answer(const char *request, const char *expected)
{
    (void)bench_input_text(&rig.b, request);
    assert_string_equal(bench_output(&rig.b), expected);
}

/* On fresh sessions: in one piece, each byte alone, and cut in two everywhere. */
static void assert_answer_however_cut(const char *request, const char *expected)
{
    size_t length = strlen(request);
    for (size_t cut = 0; cut <= length; cut++) {
        reopen(200, 200);
        (void)bench_input(&rig.b, request, cut);
        (void)bench_input(&rig.b, request + cut, length - cut);
        assert_string_equal(bench_output(&rig.b), expected);
    }
    reopen(200, 200);
    for (size_t i = 0; i < length; i++)
        (void)bench_input(&rig.b, request + i, 1);
    assert_string_equal(bench_output(&rig.b), expected);
}

static void assert_last_event(unsigned count, int error, const char *cause, uint32_t status, uint64_t body_bytes,
                              bool close_after)
{
    assert_int_equal(rig.b.n_events, count);
    const struct l7_transaction *t = &rig.b.events[count - 1];
    assert_int_equal(t->error, error);
    if (cause)
        assert_string_equal(t->cause, cause);
    else
        assert_null(t->cause);
    assert_int_equal(t->status, status);
    assert_int_equal(t->body_bytes, body_bytes);
    assert_int_equal(t->close_after, close_after);
}

/* ---- answers ---- */

static void prepared_bodies(void **state)
{
    (void)state;
    assert_answer(GET("/hello"), HELLO);
    assert_last_event(1, 0, NULL, 200, 5, false);
    assert_answer(GET("/five"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\n!(/6=");
    assert_answer(GET("/empty"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    assert_answer(GET("/none"), "HTTP/1.1 204 No Content\r\n\r\n");
    assert_answer(GET("/prefix/x"), "HTTP/1.1 201 Created\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    assert_answer(GET("/chunked"),
                  "HTTP/1.1 200 OK\r\n" OCTETS
                  "X-y: z\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n");
    assert_false(rig.b.carrier.want_close);
    assert_true(http1_server_engine.idle(rig.b.session));
}

static void any_cut_gives_the_same_answers(void **state)
{
    (void)state;
    assert_answer_however_cut(GET("/hello?x=y") GET("/nothing"), HELLO ERROR_ANSWER("404 Not Found", 404) "\r\n404\n");
    assert_answer_however_cut("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld" GET("/hello"),
                              "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\nworld" HELLO);
    assert_answer_however_cut(
        "PUT /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 16\r\n\r\na43f6af7f20f6e3b");
}

static void echo_of_chunks_is_chunked(void **state)
{
    (void)state;
    assert_answer("PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_int_equal(rig.b.n_events, 0);
    assert_false(http1_server_engine.idle(rig.b.session));
    assert_answer("2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", "2\r\nde\r\n0\r\n\r\n");
    assert_last_event(1, 0, NULL, 200, 5, false);
    assert_answer(GET("/echo"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
}

static void head_gets_the_head_only(void **state)
{
    (void)state;
    assert_answer("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    assert_last_event(1, 0, NULL, 200, 0, false);
    assert_answer("HEAD /chunked HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "X-y: z\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_answer("HEAD /digest HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 16\r\n\r\n");
    assert_answer("HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 2\r\n\r\n");
    assert_answer("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", ERROR_ANSWER("404 Not Found", 404) "\r\n");
}

static void methods_of_a_route(void **state)
{
    (void)state;
    assert_answer(GET("/post"), "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nAllow: POST, "
                                "PUT, OPTIONS\r\nContent-Length: 4\r\n\r\n405\n");
    assert_last_event(1, 0, NULL, 405, 4, false);
    assert_answer("PUT /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    assert_answer("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", HELLO);
}

static void unread_bodies_are_skipped(void **state)
{
    (void)state;
    assert_answer("POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" GET("/hello"),
                  ERROR_ANSWER("404 Not Found", 404) "\r\n404\n" HELLO);
    assert_answer(
        "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" GET("/hello"),
        HELLO HELLO);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    assert_answer(GET("/hello")
                      GET("/empty") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n!" GET("/five"),
                  HELLO "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n"
                        "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 1\r\n\r\n!"
                        "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\n!(/6=");
    assert_int_equal(rig.b.n_events, 4);
}

/* ---- the connection's end ---- */

static void close_is_announced_and_what_follows_ignored(void **state)
{
    (void)state;
    static const char last[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    assert_answer("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/hello"), last);
    assert_true(rig.b.carrier.want_close);
    assert_last_event(1, 0, NULL, 200, 5, true);
    assert_answer(GET("/hello"), "");
    reopen(200, 200);
    assert_answer("GET /hello HTTP/1.0\r\n\r\n", last);
    assert_true(rig.b.carrier.want_close);
    reopen(200, 200);
    assert_answer(GET("/close"), "HTTP/1.1 200 OK\r\n" OCTETS "Connection: close\r\n\r\nhello");
    assert_true(rig.b.carrier.want_close);
}

static void http_1_0_keeps_alive_when_asked(void **state)
{
    (void)state;
    assert_answer(
        "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
    assert_answer("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "X-y: z\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
    assert_answer("POST /echo HTTP/1.0\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi");
    assert_false(rig.b.carrier.want_close);
}

static void closed_by_the_server_after_max_requests(void **state)
{
    (void)state;
    rig.spec.max_requests = 2;
    reopen(200, 200);
    assert_answer(GET("/hello"), HELLO);
    assert_false(rig.b.carrier.want_close);
    assert_false(http1_server_engine.idle(rig.b.session));
    assert_answer(GET("/empty"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(rig.b.carrier.want_close);
}

static void end_of_input(void **state)
{
    (void)state;
    http1_server_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_true(rig.b.carrier.want_close);
    reopen(200, 200);
    (void)bench_input_text(&rig.b, GET("/slow"));
    http1_server_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_false(rig.b.carrier.want_close);
    rig.b.now += 1000;
    http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    assert_true(rig.b.carrier.want_close);
    reopen(200, 200);
    (void)bench_input_text(&rig.b, "GET /hello HTT");
    http1_server_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_true(rig.b.carrier.want_abort);
    assert_string_equal(rig.b.carrier.cause, "peer_closed");
    assert_int_equal(rig.b.n_events, 0);
    reopen(200, 200);
    (void)bench_input_text(&rig.b, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    http1_server_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_true(rig.b.carrier.want_abort);
    assert_last_event(1, ERR_CLOSED, "peer_closed", 0, 0, true);
}

static void close_reports_what_was_owed(void **state)
{
    (void)state;
    (void)bench_input_text(&rig.b, GET("/slow") GET("/hello"));
    http1_server_engine.close(rig.b.session, &rig.b.carrier, ERR_RESET, "reset", rig.b.now);
    assert_last_event(1, ERR_RESET, "reset", 0, 0, true);
    reopen(200, 200);
    http1_server_engine.close(rig.b.session, &rig.b.carrier, ERR_RESET, "reset", rig.b.now);
    assert_int_equal(rig.b.n_events, 0);
}

/* ---- errors ---- */

static void errors_have_their_answers(void **state)
{
    (void)state;
    static const struct {
        const char *request, *line, *cause;
    } cases[] = {
        {"GE(T / HTTP/1.1\r\n\r\n", "400 Bad Request", "bad_method"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "missing_host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "400 Bad Request", "bad_header_name"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request",
         "content_length_with_transfer_encoding"},
        {"PUT /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "400 Bad Request",
         "bad_chunk_size"},
        {"PUT /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1099511627777\r\n\r\n", "413 Content Too Large",
         "body_too_large"},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", "417 Expectation Failed", "unknown_expectation"},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented", "unknown_method"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented",
         "unsupported_transfer_encoding"},
        {"GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported", "unsupported_version"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char expected[200];
        reopen(200, 200);
        snprintf(expected, sizeof expected,
                 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\n%.3s\n",
                 cases[i].line, cases[i].line);
        assert_answer(cases[i].request, expected);
        assert_true(rig.b.carrier.want_close);
        assert_false(rig.b.carrier.want_abort);
        assert_last_event(1, ERR_MALFORMED, cases[i].cause, (uint32_t)strtoul(cases[i].line, NULL, 10), 4, true);
    }
}

static void long_lines_and_many_headers(void **state)
{
    (void)state;
    char request[9000] = "GET /";
    memset(request + 5, 'a', 8300);
    (void)bench_input_text(&rig.b, request);
    assert_non_null(strstr(bench_output(&rig.b), "HTTP/1.1 414 URI Too Long\r\n"));
    rig.spec.limits.max_headers = 1;
    reopen(200, 200);
    (void)bench_input_text(&rig.b, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
    assert_non_null(strstr(bench_output(&rig.b), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

/* The answer to a request after a HEAD has its body, though the method of the new one was not read. */
static void an_error_after_head_has_a_body(void **state)
{
    (void)state;
    assert_answer(
        "HEAD /empty HTTP/1.1\r\nHost: a\r\n\r\n(",
        "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n"
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\n400\n");
}

static void a_broken_echo_is_aborted(void **state)
{
    (void)state;
    assert_int_equal(
        bench_input_text(&rig.b, "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n?"),
        ERR_MALFORMED);
    assert_true(rig.b.carrier.want_abort);
    assert_string_equal(rig.b.carrier.cause, "bad_chunk_size");
    assert_last_event(1, ERR_MALFORMED, "bad_chunk_size", 0, 0, true);
}

static void leave_to_send_a_body(void **state)
{
    (void)state;
    assert_answer("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 2\r\n\r\n");
    assert_answer("hi", "hi");
    assert_answer("POST /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                  "HTTP/1.1 100 Continue\r\n\r\n");
    assert_answer("hi", HELLO);
    assert_answer("GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", HELLO);
    assert_answer("POST /hello HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                  "");
    assert_answer(
        "hi",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
    assert_answer("POST /missing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                  ERROR_ANSWER("404 Not Found", 404) "Connection: close\r\n\r\n404\n");
    assert_true(rig.b.carrier.want_close);
}

/* ---- delays, slow readers, little memory ---- */

static void a_delayed_answer_comes_when_due(void **state)
{
    (void)state;
    assert_answer(GET("/slow") GET("/hello"), "");
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), rig.b.now + 1000);
    assert_false(http1_server_engine.idle(rig.b.session));
    assert_answer(GET("/five"), "");
    rig.b.now += 999;
    http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_string_equal(bench_output(&rig.b), "");
    rig.b.now += 1;
    http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n" HELLO
                                              "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\n!(/6=");
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), TIME_NEVER);
    assert_true(http1_server_engine.idle(rig.b.session));
}

static void a_delayed_echo_keeps_the_body(void **state)
{
    (void)state;
    assert_answer("PUT /slow-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", "");
    assert_answer("lo" GET("/hello"), "");
    rig.b.now += 100;
    http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\nhello" HELLO);
}

static void held_input_is_bounded_and_stops_the_peer(void **state)
{
    (void)state;
    static uint8_t bytes[20000];
    memset(bytes, 'x', sizeof bytes);
    rig.spec.limits.max_held_bytes = 50000;
    reopen(200, 200);
    (void)bench_input_text(&rig.b, GET("/slow"));
    assert_int_equal(bench_input(&rig.b, bytes, 16384), 0);
    assert_false(rig.b.carrier.hold_input);
    assert_int_equal(bench_input(&rig.b, bytes, 1), 0);
    assert_true(rig.b.carrier.hold_input);
    assert_int_equal(bench_input(&rig.b, bytes, 20000), 0);
    assert_int_equal(bench_input(&rig.b, bytes, 20000), ERR_PROTOCOL);
    assert_true(rig.b.carrier.want_abort);
    assert_false(rig.b.carrier.hold_input);
    assert_string_equal(rig.b.carrier.cause, "held_input_overflow");
    assert_last_event(1, ERR_PROTOCOL, "held_input_overflow", 0, 0, true);
}

static void an_echo_that_is_not_taken_stops_the_peer(void **state)
{
    (void)state;
    static uint8_t bytes[65536], taken[65536];
    reopen(1000, 1000);
    (void)bench_input_text(&rig.b, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    while (!rig.b.carrier.hold_input)
        assert_int_equal(bench_input(&rig.b, bytes, sizeof bytes), 0);
    assert_true(outq_length(&rig.b.carrier.out) > 256u << 10);
    assert_true(outq_length(&rig.b.carrier.out) < 384u << 10);
    while (rig.b.carrier.hold_input)
        assert_true(bench_take(&rig.b, taken, sizeof taken) > 0);
    assert_true(outq_length(&rig.b.carrier.out) <= 128u << 10);
}

static void an_empty_pool_delays_the_answer(void **state)
{
    (void)state;
    uint32_t held[201];
    unsigned n = 0;
    while ((held[n] = pool_get(&rig.b.pool.spans)) != POOL_NONE)
        n++;
    assert_answer(GET("/hello"), "");
    assert_int_equal(rig.b.n_events, 0);
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), rig.b.now + NS_PER_MS);
    while (n > 0)
        pool_put(&rig.b.pool.spans, held[--n]);
    rig.b.now += NS_PER_MS;
    http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_string_equal(bench_output(&rig.b), HELLO);
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), TIME_NEVER);
}

static void an_empty_pool_ends_an_echo(void **state)
{
    (void)state;
    static uint8_t bytes[20000];
    reopen(20, 20);
    (void)bench_input_text(&rig.b, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    assert_int_equal(bench_input(&rig.b, bytes, sizeof bytes), ERR_NO_MEMORY);
    assert_true(rig.b.carrier.want_abort);
    assert_last_event(1, ERR_NO_MEMORY, "no_memory", 0, 0, true);
}

/* 200 MB from a pool of 100 spans. */
static void a_large_body_needs_few_spans(void **state)
{
    (void)state;
    const struct http1_size_choice size = {200000000, 1};
    const struct http1_route large = {.path = "/", .sizes = &size, .n_sizes = 1};
    static const char head[] = "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 200000000\r\n\r\n";
    rig.spec.routes = &large;
    rig.spec.n_routes = 1;
    reopen(100, 10);
    (void)bench_input_text(&rig.b, GET("/") GET("/"));
    for (unsigned round = 1; round <= 2; round++) {
        uint8_t found[sizeof head];
        uint64_t digest = HTTP1_DIGEST_START;
        unsigned most_spans = 0;
        assert_int_equal(bench_take(&rig.b, found, sizeof head - 1), sizeof head - 1);
        assert_memory_equal(found, head, sizeof head - 1);
        uint64_t total = 0;
        static uint8_t part[100000];
        while (total < 200000000) {
            most_spans = max_u32(most_spans, bench_queued_spans(&rig.b));
            size_t want = (size_t)min_u64(sizeof part, 200000000 - total);
            size_t n = bench_take(&rig.b, part, want);
            assert_true(n > 0);
            digest = http1_digest(digest, part, n);
            total += n;
        }
        assert_int_equal(digest, http1_generated_digest(200000000));
        assert_true(most_spans <= 70);
        assert_int_equal(rig.b.n_events, round);
    }
    assert_string_equal(bench_output(&rig.b), "");
}

/* ---- drawn sizes ---- */

static void count_sizes(uint64_t serial, unsigned *counts, unsigned n)
{
    rig.b.carrier.serial = serial;
    memset(rig.b.session, 0, http1_server_engine.session_bytes);
    assert_int_equal(http1_server_engine.open(rig.b.session, rig.config, &rig.b.carrier, rig.b.now), 0);
    for (unsigned i = 0; i < n; i++) {
        rig.b.n_events = 0;
        (void)bench_input_text(&rig.b, GET("/"));
        counts[rig.b.events[0].body_bytes]++;
        (void)bench_output(&rig.b);
    }
}

static void sizes_are_drawn_by_weight(void **state)
{
    (void)state;
    static const struct http1_size_choice sizes[] = {{0, 1}, {1, 0}, {2, 3}, {3, 0}, {4, 6}};
    const struct http1_route drawn = {.path = "/", .sizes = sizes, .n_sizes = ARRAY_SIZE(sizes)};
    rig.spec.routes = &drawn;
    rig.spec.n_routes = 1;
    reopen(200, 200);
    unsigned counts[5] = {0};
    count_sizes(1, counts, 10000);
    assert_in_range(counts[0], 900, 1100);
    assert_int_equal(counts[1], 0);
    assert_in_range(counts[2], 2850, 3150);
    assert_int_equal(counts[3], 0);
    assert_in_range(counts[4], 5850, 6150);
    /* Connections draw differently, equal runs equally. */
    unsigned first[5] = {0}, different = 0;
    for (uint64_t serial = 0; serial < 1000; serial++) {
        unsigned once[5] = {0}, again[5] = {0};
        count_sizes(serial, once, 1);
        count_sizes(serial, again, 1);
        assert_memory_equal(once, again, sizeof once);
        for (unsigned i = 0; i < 5; i++)
            first[i] += once[i];
        different += once[4] == 0;
    }
    assert_in_range(different, 340, 460);
    assert_in_range(first[2], 240, 360);
}

/* ---- the configuration ---- */

static void assert_refused(const struct http1_route *route, const char *expected)
{
    char message[256];
    struct http1_server_config *c;
    struct http1_server_spec spec = {.routes = route, .n_routes = 1};
    http1_limits_default(&spec.limits);
    assert_int_equal(http1_server_config_new(&spec, &bench_allocator, &c, message), ERR_INVALID);
    assert_null(c);
    assert_string_equal(message, expected);
}

static void routes_are_checked(void **state)
{
    (void)state;
    static const struct http1_size_choice nothing = {1, 0}, one = {1, 1};
    static const struct http1_header length = {"Content-Length", "1"};
    assert_refused(&(struct http1_route){.path = NULL}, "routes[0]: path: begins with '/', or is \"*\"");
    assert_refused(&(struct http1_route){.path = "x"}, "routes[0]: path: begins with '/', or is \"*\"");
    assert_refused(&(struct http1_route){.path = "/a*b"}, "routes[0]: path: '*' stands anywhere but at its end");
    assert_refused(&(struct http1_route){.path = "/a?b"},
                   "routes[0]: path: contains '?' or '#'; targets are compared up to these");
    assert_refused(&(struct http1_route){.path = "/a b"},
                   "routes[0]: target: byte 0x20 at position 2; allowed are visible ASCII characters other than #");
    assert_refused(&(struct http1_route){.path = "/", .status = 100}, "routes[0]: status: not 200 to 599");
    assert_refused(&(struct http1_route){.path = "/", .methods = 64},
                   "routes[0]: methods: bits beyond the known methods");
    assert_refused(&(struct http1_route){.path = "/", .delay_ns = -1}, "routes[0]: delay_ns: negative");
    assert_refused(&(struct http1_route){.path = "/", .echo = true, .digest_response = true},
                   "routes[0]: more than one of sizes, body, echo, digest_response, hash, files and from_path size");
    assert_refused(&(struct http1_route){.path = "/", .status = 204, .echo = true},
                   "routes[0]: status: 204 and 304 have no body");
    assert_refused(&(struct http1_route){.path = "/", .status = 304, .sizes = &one, .n_sizes = 1},
                   "routes[0]: status: 204 and 304 have no body");
    assert_refused(&(struct http1_route){.path = "/", .body_length = 5},
                   "routes[0]: body_length: given without a body; a generated body is given by sizes");
    assert_refused(&(struct http1_route){.path = "/", .close_delimited = true, .chunk_bytes = 5},
                   "routes[0]: close_delimited: goes with sizes or body only, and not with chunk_bytes");
    assert_refused(&(struct http1_route){.path = "/", .echo = true, .chunk_bytes = 5},
                   "routes[0]: chunk_bytes: an echo is framed as the request was, a digest has its length");
    assert_refused(&(struct http1_route){.path = "/", .sizes = &nothing, .n_sizes = 1},
                   "routes[0]: sizes: the weights are all 0");
    assert_refused(&(struct http1_route){.path = "/", .headers = &length, .n_headers = 1},
                   "routes[0]: header Content-Length: the engine sets it itself; use the setting for it");
    assert_refused(&(struct http1_route){.path = "/", .content_type = "a\rb"},
                   "routes[0]: content_type: byte 0x0d at position 1; allowed are visible characters, spaces and tabs");
}

/* Each allocation refused once. */
static void lack_of_memory_at_any_point_leaves_nothing(void **state)
{
    (void)state;
    struct counting_alloc counting;
    const struct allocator *a = counting_alloc_init(&counting);
    const struct http1_server_spec spec = {.routes = routes, .n_routes = 1, .server_name = "weir"};
    struct http1_server_config *c = NULL;
    char message[256];
    unsigned allowed = 0;
    for (int error = ERR_NO_MEMORY; error; allowed++) {
        counting.allocs_left = allowed;
        error = http1_server_config_new(&spec, a, &c, message);
        assert_true(error == ERR_OK || error == ERR_NO_MEMORY);
        assert_true(error == ERR_OK || counting.live_blocks == 0);
    }
    assert_true(allowed > 10);
    http1_server_config_delete(c);
    assert_int_equal(counting.live_blocks, 0);
    http1_server_config_delete(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(prepared_bodies),
        TEST(any_cut_gives_the_same_answers),
        TEST(echo_of_chunks_is_chunked),
        TEST(head_gets_the_head_only),
        TEST(methods_of_a_route),
        TEST(unread_bodies_are_skipped),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(close_is_announced_and_what_follows_ignored),
        TEST(http_1_0_keeps_alive_when_asked),
        TEST(closed_by_the_server_after_max_requests),
        TEST(end_of_input),
        TEST(close_reports_what_was_owed),
        TEST(errors_have_their_answers),
        TEST(long_lines_and_many_headers),
        TEST(an_error_after_head_has_a_body),
        TEST(a_broken_echo_is_aborted),
        TEST(leave_to_send_a_body),
        TEST(a_delayed_answer_comes_when_due),
        TEST(a_delayed_echo_keeps_the_body),
        TEST(held_input_is_bounded_and_stops_the_peer),
        TEST(an_echo_that_is_not_taken_stops_the_peer),
        TEST(an_empty_pool_delays_the_answer),
        TEST(an_empty_pool_ends_an_echo),
        TEST(a_large_body_needs_few_spans),
        TEST(sizes_are_drawn_by_weight),
        TEST(routes_are_checked),
        TEST(lack_of_memory_at_any_point_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
