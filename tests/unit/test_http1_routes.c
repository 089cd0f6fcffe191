/* SPDX-License-Identifier: MIT */
/*
 * What the server's special routes answer: files with their preconditions and ranges, bodies, statuses and delays
 * from the path, a given hash, faults, rates, timeouts. Every request is also cut in two everywhere.
 */
#include <stdio.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "unit/http1_rig.h"

/* A "hash" whose digest is the number of bytes and their sum. */
static void sum_begin(void *state) { memset(state, 0, 8); }
static void sum_add(void *state, const uint8_t *bytes, size_t length)
{
    uint32_t *s = state;
    s[0] += (uint32_t)length;
    for (size_t i = 0; i < length; i++)
        s[1] += bytes[i];
}
static void sum_end(void *state, uint8_t *digest)
{
    const uint32_t *s = state;
    digest[0] = (uint8_t)s[0];
    digest[1] = (uint8_t)(s[1] & 0xff);
}
static const struct http1_hash sum = {"sum", 8, 2, sum_begin, sum_add, sum_end};

static uint8_t large[20000];
static const struct http1_file files[] = {
    {"a b.txt", (const uint8_t *)"0123456789", 10, 784111777},
    {"docs/index.html", (const uint8_t *)"<p>", 3, 784111777},
    {"empty", NULL, 0, 784111777},
    {"index.html", (const uint8_t *)"<h1>", 4, 784111777},
    {"large.bin", large, sizeof large, 784111777},
};
static const struct http1_fault status_fault = {HTTP1_FAULT_STATUS, 1000000000, 503};
static const struct http1_fault reset_fault = {HTTP1_FAULT_RESET, 1000000000, 0};
static const struct http1_fault close_fault = {HTTP1_FAULT_CLOSE, 1000000000, 0};
static const struct http1_fault stall_fault = {HTTP1_FAULT_STALL, 1000000000, 0};
static const struct http1_fault rare_fault = {HTTP1_FAULT_STATUS, 250000000, 500};
static const struct http1_size_choice ten = {10, 1};
static const int64_t quantiles[2] = {100, 300};
static const struct http1_route routes[] = {
    {.path = "/f/*", .has_files = true, .files = files, .n_files = ARRAY_SIZE(files), .index = "index.html"},
    {.path = "/bytes/*", .from_path = HTTP1_FROM_PATH_SIZE},
    {.path = "/chunked/*", .from_path = HTTP1_FROM_PATH_SIZE, .chunk_bytes = 600},
    {.path = "/status/*", .from_path = HTTP1_FROM_PATH_STATUS},
    {.path = "/delay/*", .from_path = HTTP1_FROM_PATH_DELAY},
    {.path = "/bye", .close = true},
    {.path = "/sum", .hash = &sum},
    {.path = "/sick", .sizes = &ten, .n_sizes = 1, .faults = &status_fault, .n_faults = 1},
    {.path = "/reset", .sizes = &ten, .n_sizes = 1, .faults = &reset_fault, .n_faults = 1},
    {.path = "/cut", .sizes = &ten, .n_sizes = 1, .faults = &close_fault, .n_faults = 1},
    {.path = "/cut-empty", .faults = &close_fault, .n_faults = 1},
    {.path = "/stall", .sizes = &ten, .n_sizes = 1, .faults = &stall_fault, .n_faults = 1},
    {.path = "/rare", .sizes = &ten, .n_sizes = 1, .faults = &rare_fault, .n_faults = 1},
    {.path = "/uniform", .delay_ns = 1000, .delay = HTTP1_DELAY_UNIFORM},
    {.path = "/exponential",
     .delay_ns = 200,
     .delay = HTTP1_DELAY_EXPONENTIAL,
     .delay_table = quantiles,
     .delay_steps = 2},
    {.path = "/trickle", .sizes = &ten, .n_sizes = 1, .rate = 2},
    {.path = "/sip", .read_rate = 1000},
};

struct rig {
    struct bench b;
    struct http1_server_config *config;
    struct http1_server_spec spec;
};
static struct rig rig;

static void open_rig(void)
{
    char message[256];
    assert_int_equal(http1_server_config_new(&rig.spec, &bench_allocator, &rig.config, message), ERR_OK);
    bench_open(&rig.b, &http1_server_engine, rig.config, 200, 200);
}

static int set_up(void **state)
{
    (void)state;
    http1_pattern_fill(large, 100, sizeof large);
    rig.spec = (struct http1_server_spec){.routes = routes, .n_routes = ARRAY_SIZE(routes), .seed = 7};
    http1_limits_default(&rig.spec.limits);
    open_rig();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close(&rig.b);
    http1_server_config_delete(rig.config);
    return 0;
}

static void reopen(void)
{
    tear_down(NULL);
    open_rig();
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WITH(path, fields) "GET " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n\r\n"
#define OCTETS "Content-Type: application/octet-stream\r\n"
#define TEXT "Content-Type: text/plain\r\n"
#define CHANGED "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void assert_answer(const char *request, const char *expected)
{
    size_t length = strlen(request);
    for (size_t cut = 0; cut <= length; cut++) {
        reopen();
        (void)bench_input(&rig.b, request, cut);
        (void)bench_input(&rig.b, request + cut, length - cut);
        assert_string_equal(bench_output(&rig.b), expected);
    }
}

static const char *etag_of(unsigned file)
{
    static char text[32];
    uint64_t digest = http1_digest(HTTP1_DIGEST_START, files[file].bytes, files[file].length);
    snprintf(text, sizeof text, "\"%016llx\"", (unsigned long long)digest);
    return text;
}

static const char *format(const char *pattern, const char *etag)
{
    static char text[512];
    const char *mark = strchr(pattern, '$');
    snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - pattern), pattern, etag, mark + 1);
    return text;
}

static void files_with_types_and_validators(void **state)
{
    (void)state;
    assert_answer(GET("/f/a%20b.txt"),
                  format("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nETag: $\r\n" CHANGED
                         "Accept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n0123456789",
                         etag_of(0)));
    assert_answer(GET("/f/docs/"),
                  format("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: $\r\n" CHANGED
                         "Accept-Ranges: bytes\r\nContent-Length: 3\r\n\r\n<p>",
                         etag_of(1)));
    assert_answer(GET("/f/?x=y"),
                  format("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: $\r\n" CHANGED
                         "Accept-Ranges: bytes\r\nContent-Length: 4\r\n\r\n<h1>",
                         etag_of(3)));
    assert_answer("HEAD /f/empty HTTP/1.1\r\nHost: a\r\n\r\n",
                  format("HTTP/1.1 200 OK\r\n" OCTETS "ETag: $\r\n" CHANGED
                         "Accept-Ranges: bytes\r\nContent-Length: 0\r\n\r\n",
                         etag_of(2)));
    assert_answer(GET("/f/docs"), "HTTP/1.1 301 Moved Permanently\r\nLocation: /f/docs/\r\nContent-Length: 0\r\n\r\n");
    assert_answer(GET("/f"), "HTTP/1.1 301 Moved Permanently\r\nLocation: /f/\r\nContent-Length: 0\r\n\r\n");
    assert_answer("OPTIONS /f/empty HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\n\r\n");
    assert_answer("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 204 No Content\r\nAllow: GET, POST, PUT, DELETE, HEAD, OPTIONS\r\n\r\n");
    assert_answer("PUT /f/empty HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 405 Method Not Allowed\r\n" TEXT
                  "Allow: GET, HEAD, OPTIONS\r\nContent-Length: 4\r\n\r\n405\n");
}

static void nothing_but_the_files_is_found(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/f/none",       "/f/../f/empty",     "/f/%2e%2e/f/empty", "/f/./empty", "/f//empty",
        "/f/empty/",     "/f/empty%00",       "/f/empty%00.js",    "/f/%",       "/f/%zz",
        "/f/..%2fempty", "/f/docs/../empty",  "/f/EMPTY",          "/f/empty.",  "/f/../../../etc/passwd",
        "/f/..\\empty",  "/f/%c0%ae%c0%ae/x", "/f/docs/index.htm",
    };
    char request[256];
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i]);
        assert_answer(request, "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n");
    }
}

static void parts_of_files(void **state)
{
    (void)state;
    const char *fields = format("Content-Type: text/plain; charset=utf-8\r\nETag: $\r\n" CHANGED, etag_of(0));
    char head[512], expected[1024];
    snprintf(head, sizeof head, "%s", fields);
    snprintf(expected, sizeof expected,
             "HTTP/1.1 206 Partial Content\r\n%sContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\n234", head);
    assert_answer(GET_WITH("/f/a%20b.txt", "Range: bytes=2-4"), expected);
    assert_answer(GET_WITH("/f/a%20b.txt", "range:bytes=2-4  \r\nX: y"), expected);
    snprintf(expected, sizeof expected, "HTTP/1.1 304 Not Modified\r\n%s\r\n", head);
    assert_answer(GET_WITH("/f/a%20b.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"), expected);
    assert_answer(GET_WITH("/f/a%20b.txt", "If-None-Match: *"), expected);
    snprintf(expected, sizeof expected, "HTTP/1.1 304 Not Modified\r\n%sConnection: close\r\n\r\n", head);
    assert_answer(GET_WITH("/f/a%20b.txt", "If-None-Match: *\r\nConnection: close"), expected);
    assert_answer(GET_WITH("/f/a%20b.txt", "Range: bytes=10-"),
                  "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n");
    assert_answer(GET_WITH("/f/a%20b.txt", "If-Match: \"x\""),
                  "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n");
    assert_answer(GET_WITH("/f/none", "Range: bytes=0-"),
                  "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n");
}

/* Noted fields without room for them: the whole file, as if they were not there. */
static void a_note_that_is_too_long_does_not_count(void **state)
{
    (void)state;
    char request[2048];
    snprintf(request, sizeof request, "GET /f/docs/ HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"%0900d\", *\r\n\r\n", 1);
    (void)bench_input_text(&rig.b, request);
    assert_int_equal(strncmp(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n", 17), 0);
}

static void a_large_range_is_exact(void **state)
{
    (void)state;
    static const char end_of_head[] = "\r\n\r\n";
    (void)bench_input_text(&rig.b, GET_WITH("/f/large.bin", "Range: bytes=5000-17999"));
    const char *output = bench_output(&rig.b);
    const char *body = strstr(output, end_of_head);
    assert_non_null(body);
    assert_non_null(strstr(output, "Content-Length: 13000\r\n"));
    assert_memory_equal(body + 4, large + 5000, 13000);
    assert_int_equal(strlen(body + 4), 13000);
}

static void sizes_in_the_path(void **state)
{
    (void)state;
    static const char not_found[] = "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n";
    static const char *const bad[] = {GET("/bytes/"),   GET("/bytes/x"),   GET("/bytes/1kb"),
                                      GET("/bytes/-1"), GET("/bytes/1/2"), GET("/bytes/99999999999999"),
                                      GET("/bytes/2T"), GET("/bytes/1%30")};
    assert_answer(GET("/bytes/5"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\n!(/6=");
    assert_answer(GET("http://a/bytes/5?z=/9"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\n\r\n!(/6=");
    assert_answer(GET("/bytes/0"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    assert_answer(GET("/chunked/5"),
                  "HTTP/1.1 200 OK\r\n" OCTETS "Transfer-Encoding: chunked\r\n\r\n5\r\n!(/6=\r\n0\r\n\r\n");
    assert_answer(GET("/chunked/0"), "HTTP/1.1 200 OK\r\n" OCTETS "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_answer("GET /chunked/5 HTTP/1.0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 5\r\nConnection: close\r\n\r\n!(/6=");
    assert_answer("HEAD /bytes/1T HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 1099511627776\r\n\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_answer(bad[i], not_found);
}

/* Chunks larger than what is copied, and a last one that is shorter: read back by the client engine. */
static void large_sizes_arrive_whole(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        uint64_t bytes;
    } cases[] = {
        {"/chunked/1500", 1500}, {"/chunked/100000", 100000}, {"/chunked/1M", 1 << 20}, {"/bytes/3M", 3 << 20}};
    static struct bench client;
    struct http1_client_config config;
    struct dice d = {11};
    http1_limits_default(&config.limits);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http1_request_spec spec = {.method = HTTP1_GET, .target = cases[i].target, .host = "h"};
        struct http1_request *request;
        char message[256];
        spec.expect = (struct http1_expect){200, true, cases[i].bytes, true, http1_generated_digest(cases[i].bytes)};
        assert_int_equal(http1_request_prepare(&spec, &bench_allocator, &request, message), 0);
        reopen();
        bench_open(&client, &http1_client_engine, &config, 200, 200);
        assert_int_equal(http1_client_send(client.session, &client.carrier, request, 0, 0), 0);
        pair_run(&client, &rig.b, &d, 1460);
        assert_int_equal(client.n_events, 1);
        assert_int_equal(client.events[0].error, 0);
        bench_close(&client);
        http1_request_delete(request);
    }
}

static void statuses_and_delays_in_the_path(void **state)
{
    (void)state;
    assert_answer(GET("/status/404"), "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n");
    assert_answer(GET("/status/299"), "HTTP/1.1 299 \r\n" TEXT "Content-Length: 4\r\n\r\n299\n");
    assert_answer(GET("/status/204"), "HTTP/1.1 204 No Content\r\n\r\n");
    assert_answer(GET("/status/600"), "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n");
    assert_answer(GET("/status/100"), "HTTP/1.1 404 Not Found\r\n" TEXT "Content-Length: 4\r\n\r\n404\n");
    assert_answer(GET("/delay/20"), "");
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), rig.b.now + 20 * NS_PER_MS);
    assert_answer(GET("/bye"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(rig.b.carrier.want_close);
}

static void the_hash_of_what_was_posted(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                                 "29\r\n\r\n{\"length\": 5, \"sum\": \"0514\"}\n";
    assert_answer("POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", answer);
    assert_answer("PUT /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                  answer);
    assert_answer("GET /sum HTTP/1.1\r\nHost: a\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
                  "{\"length\": 0, \"sum\": \"0000\"}\n");
}

static void assert_failure(const char *cause)
{
    assert_int_equal(rig.b.n_events, 1);
    assert_int_not_equal(rig.b.events[0].error, 0);
    assert_string_equal(rig.b.events[0].cause, cause);
}

static void faults_that_were_asked_for(void **state)
{
    (void)state;
    assert_answer(GET("/sick"), "HTTP/1.1 503 Service Unavailable\r\n" TEXT "Content-Length: 4\r\n\r\n503\n");
    assert_answer(GET("/reset"), "");
    assert_true(rig.b.carrier.want_abort);
    assert_failure("injected_reset");
    assert_answer(GET("/cut"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 10\r\n\r\n!(/6=D");
    assert_true(rig.b.carrier.want_close);
    assert_failure("injected_close");
    assert_answer(GET("/cut-empty"), "HTTP/1.1 200 OK\r\nContent-Type: applicat");
    assert_true(rig.b.carrier.want_close);
    assert_answer(GET("/stall"), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 10\r\n\r\n!(/6=D");
    assert_false(rig.b.carrier.want_close);
    assert_failure("injected_stall");
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), TIME_NEVER);
    assert_false(http1_server_engine.idle(rig.b.session));
    http1_server_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now);
    assert_true(rig.b.carrier.want_close);
}

static unsigned count_faults(void)
{
    unsigned faults = 0;
    reopen();
    for (unsigned i = 0; i < 2000; i++) {
        (void)bench_input_text(&rig.b, GET("/rare"));
        faults += strncmp(bench_output(&rig.b), "HTTP/1.1 500", 12) == 0;
    }
    return faults;
}

static void a_quarter_of_the_answers_is_a_fault_by_seed(void **state)
{
    (void)state;
    unsigned faults = count_faults();
    assert_in_range(faults, 420, 580);
    assert_int_equal(count_faults(), faults);
    rig.spec.seed++;
    assert_int_not_equal(count_faults(), faults);
}

static void delays_are_drawn(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (unsigned i = 0; i < 200; i++) {
        (void)bench_input_text(&rig.b, GET("/uniform"));
        int64_t delay = http1_server_engine.next_deadline(rig.b.session) - rig.b.now;
        if (delay == TIME_NEVER - rig.b.now)
            delay = 0;
        least = min_i64(least, delay);
        most = max_i64(most, delay);
        rig.b.now += 2000;
        (void)bench_output(&rig.b);
        http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
        (void)bench_output(&rig.b);
    }
    assert_in_range(least, 0, 200);
    assert_in_range(most, 1800, 2000);
    (void)bench_input_text(&rig.b, GET("/exponential"));
    int64_t delay = http1_server_engine.next_deadline(rig.b.session) - rig.b.now;
    assert_true(delay == 100 || delay == 300);
}

static void go_on(int64_t ns)
{
    rig.b.now += ns;
    if (http1_server_engine.next_deadline(rig.b.session) <= rig.b.now)
        http1_server_engine.resume(rig.b.session, &rig.b.carrier, rig.b.now);
}

static void a_slow_writer_keeps_its_rate(void **state)
{
    (void)state;
    (void)bench_input_text(&rig.b, GET("/trickle"));
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 10\r\n\r\n!");
    go_on(NS_PER_S / 2);
    assert_string_equal(bench_output(&rig.b), "(");
    go_on(NS_PER_S);
    assert_string_equal(bench_output(&rig.b), "/6");
    go_on(10 * NS_PER_S);
    assert_string_equal(bench_output(&rig.b), "=DKRY`");
    assert_int_equal(rig.b.n_events, 1);
    assert_int_equal(rig.b.events[0].error, 0);
}

/* 1000 bytes a second: of 3000 that came at once, 2000 stay closed after a second, and the answer comes after three. */
static void a_slow_reader_keeps_its_rate(void **state)
{
    (void)state;
    static char body[3000];
    memset(body, 'x', sizeof body);
    (void)bench_input_text(&rig.b, "POST /sip HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
    (void)bench_input(&rig.b, body, 3000);
    assert_true(rig.b.carrier.hold_input);
    assert_int_equal(rig.b.carrier.keep_bytes, 3000);
    go_on(NS_PER_S);
    assert_int_equal(rig.b.carrier.keep_bytes, 2000);
    go_on(3 * NS_PER_S);
    assert_false(rig.b.carrier.hold_input);
    (void)bench_input(&rig.b, body, 1000);
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
    (void)bench_input_text(&rig.b, "POST /sip HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    (void)bench_input(&rig.b, body, 1000);
    assert_string_equal(bench_output(&rig.b), "");
    go_on(NS_PER_S);
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
}

#define TOO_LATE "HTTP/1.1 408 Request Timeout\r\n" TEXT "Content-Length: 4\r\nConnection: close\r\n\r\n408\n"

static void open_timed(void)
{
    rig.spec.header_timeout_ns = 10 * NS_PER_S;
    rig.spec.body_timeout_ns = 5 * NS_PER_S;
    rig.spec.body_min_rate = 100;
    reopen();
}

static void a_head_that_trickles_in_times_out(void **state)
{
    (void)state;
    open_timed();
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), TIME_NEVER);
    for (unsigned i = 0; i < 10; i++) {
        (void)bench_input_text(&rig.b, i ? "X: y\r\n" : "GET /bytes/1 HTTP/1.1\r\n");
        assert_string_equal(bench_output(&rig.b), "");
        go_on(NS_PER_S);
    }
    assert_string_equal(bench_output(&rig.b), TOO_LATE);
    assert_true(rig.b.carrier.want_close);
    assert_failure("header_timeout");
}

static void each_head_has_its_own_time(void **state)
{
    (void)state;
    open_timed();
    (void)bench_input_text(&rig.b, "GET /bytes/0 HTTP/1.1\r\n");
    go_on(9 * NS_PER_S);
    (void)bench_input_text(&rig.b, "Host: a\r\n\r\nGET ");
    (void)bench_output(&rig.b);
    go_on(9 * NS_PER_S);
    assert_string_equal(bench_output(&rig.b), "");
    (void)bench_input_text(&rig.b, "/bytes/0 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(rig.b.n_events, 2);
    assert_int_equal(http1_server_engine.next_deadline(rig.b.session), TIME_NEVER);
}

static void a_body_slower_than_the_least_rate_times_out(void **state)
{
    (void)state;
    open_timed();
    (void)bench_input_text(&rig.b, "POST /bytes/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    for (unsigned second = 0; second < 4; second++) {
        (void)bench_input_text(&rig.b, "0123456789"); /* 10 bytes a second: 0.1 s more each */
        go_on(NS_PER_S);
    }
    assert_string_equal(bench_output(&rig.b), "");
    go_on(NS_PER_S + NS_PER_S / 2);
    assert_string_equal(bench_output(&rig.b), TOO_LATE);
    assert_failure("body_timeout");
}

static void a_body_that_is_fast_enough_may_take_long(void **state)
{
    (void)state;
    char part[201];
    memset(part, 'x', 200);
    part[200] = '\0';
    open_timed();
    (void)bench_input_text(&rig.b, "POST /bytes/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    for (unsigned second = 0; second < 25; second++) {
        (void)bench_input_text(&rig.b, part);
        go_on(NS_PER_S);
    }
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 200 OK\r\n" OCTETS "Content-Length: 0\r\n\r\n");
}

static void without_room_the_first_request_is_refused(void **state)
{
    (void)state;
    rig.b.carrier.overloaded = true;
    (void)bench_input_text(&rig.b, GET("/bytes/1"));
    assert_string_equal(bench_output(&rig.b), "HTTP/1.1 503 Service Unavailable\r\n" TEXT
                                              "Content-Length: 4\r\nConnection: close\r\n\r\n503\n");
    assert_true(rig.b.carrier.want_close);
}

static void assert_refused(const struct http1_route *route, const char *expected)
{
    char message[256];
    struct http1_server_config *c;
    struct http1_server_spec spec = {.routes = route, .n_routes = 1};
    http1_limits_default(&spec.limits);
    assert_int_equal(http1_server_config_new(&spec, &bench_allocator, &c, message), ERR_INVALID);
    assert_string_equal(message, expected);
}

static void special_routes_are_checked(void **state)
{
    (void)state;
    static const struct http1_fault many[] = {{HTTP1_FAULT_RESET, 600000000, 0}, {HTTP1_FAULT_CLOSE, 600000000, 0}};
    static const struct http1_fault mild = {HTTP1_FAULT_STATUS, 1, 200};
    static const struct http1_file unsorted[] = {{"b", NULL, 0, 0}, {"a", NULL, 0, 0}};
    assert_refused(&(struct http1_route){.path = "/x*", .from_path = HTTP1_FROM_PATH_SIZE},
                   "routes[0]: path: files and from_path need one that ends in \"/*\"");
    assert_refused(&(struct http1_route){.path = "/x", .faults = many, .n_faults = 2},
                   "routes[0]: faults: probabilities that add up to more than 1");
    assert_refused(&(struct http1_route){.path = "/x", .faults = &mild, .n_faults = 1},
                   "routes[0]: faults: a status that is not 400 to 599");
    assert_refused(&(struct http1_route){.path = "/x", .echo = true, .faults = &close_fault, .n_faults = 1},
                   "routes[0]: faults: closing or stalling goes with bodies that are known beforehand");
    assert_refused(&(struct http1_route){.path = "/x", .echo = true, .rate = 1},
                   "routes[0]: rate: goes with bodies that are known beforehand");
    assert_refused(&(struct http1_route){.path = "/*", .has_files = true, .files = unsorted, .n_files = 2},
                   "routes[0]: files: \"a\" is longer than 8000 bytes, or out of order");
    assert_refused(&(struct http1_route){.path = "/*", .has_files = true, .echo = true},
                   "routes[0]: more than one of sizes, body, echo, digest_response, hash, files and from_path size");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_with_types_and_validators),
        TEST(nothing_but_the_files_is_found),
        TEST(parts_of_files),
        TEST(a_note_that_is_too_long_does_not_count),
        TEST(a_large_range_is_exact),
        TEST(sizes_in_the_path),
        TEST(large_sizes_arrive_whole),
        TEST(statuses_and_delays_in_the_path),
        TEST(the_hash_of_what_was_posted),
        TEST(faults_that_were_asked_for),
        TEST(a_quarter_of_the_answers_is_a_fault_by_seed),
        TEST(delays_are_drawn),
        TEST(a_slow_writer_keeps_its_rate),
        TEST(a_slow_reader_keeps_its_rate),
        TEST(a_head_that_trickles_in_times_out),
        TEST(each_head_has_its_own_time),
        TEST(a_body_slower_than_the_least_rate_times_out),
        TEST(a_body_that_is_fast_enough_may_take_long),
        TEST(without_room_the_first_request_is_refused),
        TEST(special_routes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
