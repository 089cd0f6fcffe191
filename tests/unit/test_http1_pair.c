/* SPDX-License-Identifier: MIT */
/*
 * Client and server wired to each other, their bytes cut at random: whatever is asked is answered as expected, in
 * order, every body digested.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "l7/http1_request.h"
#include "unit/http1_rig.h"

#define ROUTES_MAX 48
#define REQUESTS_MAX 64

struct rig {
    struct bench client, server;
    struct http1_client_config client_config;
    struct http1_server_config *server_config;
    struct http1_request *requests[REQUESTS_MAX];
    unsigned n_requests;
    unsigned sent, errors;
    struct dice d;
};
static struct rig rig;

static void open_pair(const struct http1_route *routes, uint32_t n_routes, uint32_t max_requests, uint32_t spans,
                      uint32_t chunks)
{
    struct http1_server_spec spec = {
        .routes = routes, .n_routes = n_routes, .max_requests = max_requests, .server_name = "weir"};
    char message[256];
    http1_limits_default(&spec.limits);
    spec.limits.max_held_bytes = UINT32_MAX;
    http1_limits_default(&rig.client_config.limits);
    assert_int_equal(http1_server_config_new(&spec, &bench_allocator, &rig.server_config, message), ERR_OK);
    bench_open(&rig.client, &http1_client_engine, &rig.client_config, spans, chunks);
    bench_open(&rig.server, &http1_server_engine, rig.server_config, spans, chunks);
    rig.n_requests = rig.sent = 0;
}

static void close_pair(void)
{
    bench_close(&rig.client);
    bench_close(&rig.server);
    http1_server_config_delete(rig.server_config);
    while (rig.n_requests > 0)
        http1_request_delete(rig.requests[--rig.n_requests]);
}

static struct http1_request *prepare(const struct http1_request_spec *spec)
{
    char message[256];
    assert_true(rig.n_requests < REQUESTS_MAX);
    struct http1_request **r = &rig.requests[rig.n_requests++];
    assert_int_equal(http1_request_prepare(spec, &bench_allocator, r, message), ERR_OK);
    return *r;
}

static void send(const struct http1_request *r)
{
    for (;;) {
        int error = http1_client_send(rig.client.session, &rig.client.carrier, r, rig.client.now, rig.client.now);
        if (error == ERR_OK)
            break;
        assert_int_equal(error, ERR_AGAIN);
        pair_run(&rig.client, &rig.server, &rig.d, 0);
    }
    rig.sent++;
}

static void assert_all_completed(void)
{
    assert_int_equal(rig.client.n_events, rig.sent);
    for (unsigned i = 0; i < rig.sent; i++)
        if (rig.client.events[i].error)
            fail_msg("transaction %u of %u: %s, status %u, %llu bytes", i, rig.sent, rig.client.events[i].cause,
                     (unsigned)rig.client.events[i].status, (unsigned long long)rig.client.events[i].body_bytes);
    assert_int_equal(rig.server.n_events, rig.sent);
    assert_int_equal(http1_client_pending(rig.client.session), 0);
}

/* Bodies of these sizes by each kind of route and framing. */
static const uint64_t sizes[] = {0, 1, 2000, 4096, 5000, 150000};
#define SIZES ARRAY_SIZE(sizes)
static const uint32_t chunkings[] = {0, 1, 700, 70000};
#define CHUNKINGS ARRAY_SIZE(chunkings)

struct made_routes {
    struct http1_route routes[ROUTES_MAX];
    struct http1_size_choice choices[SIZES];
    char paths[ROUTES_MAX][24];
    uint32_t n;
};

static struct http1_route *add_route(struct made_routes *m, const char *format, unsigned a, unsigned b)
{
    struct http1_route *r = &m->routes[m->n];
    assert_true(m->n < ROUTES_MAX);
    snprintf(m->paths[m->n], sizeof m->paths[0], format, a, b);
    r->path = m->paths[m->n++];
    return r;
}

static void make_routes(struct made_routes *m, int64_t delay_ns)
{
    *m = (struct made_routes){0};
    for (unsigned i = 0; i < SIZES; i++) {
        m->choices[i] = (struct http1_size_choice){sizes[i], 1};
        for (unsigned j = 0; j < CHUNKINGS; j++) {
            struct http1_route *r = add_route(m, "/size/%u/%u", i, j);
            r->sizes = &m->choices[i];
            r->n_sizes = 1;
            r->chunk_bytes = chunkings[j];
            r->delay_ns = delay_ns;
        }
    }
    struct http1_route *echo = add_route(m, "/echo", 0, 0), *digest = add_route(m, "/digest*", 0, 0);
    echo->echo = true;
    echo->delay_ns = digest->delay_ns = delay_ns;
    digest->digest_response = true;
}

static struct http1_expect expect_generated(uint64_t length)
{
    return (struct http1_expect){.status = 200,
                                 .check_length = true,
                                 .length = length,
                                 .check_digest = true,
                                 .digest = http1_generated_digest(length)};
}

/* A download of a random size and framing. */
static void send_download(void)
{
    char path[24];
    unsigned i = dice_below(&rig.d, SIZES), j = dice_below(&rig.d, CHUNKINGS);
    snprintf(path, sizeof path, "/size/%u/%u", i, j);
    struct http1_request_spec spec = {
        .method = (enum http1_method)dice_below(&rig.d, HTTP1_OPTIONS), .target = path, .host = "h"};
    spec.expect = expect_generated(sizes[i]);
    if (spec.method == HTTP1_HEAD)
        spec.expect = (struct http1_expect){.status = 200, .check_length = chunkings[j] == 0, .length = sizes[i]};
    send(prepare(&spec));
}

/* An upload that comes back, or its digest. */
static void send_upload(bool echo)
{
    char digits[17];
    uint64_t length = sizes[dice_below(&rig.d, SIZES)];
    struct http1_request_spec spec = {.method = dice_one_in(&rig.d, 2) ? HTTP1_POST : HTTP1_PUT, .host = "h"};
    spec.target = echo ? "/echo" : "/digest?of=this";
    spec.body_length = length;
    spec.chunk_bytes = chunkings[dice_below(&rig.d, CHUNKINGS)];
    spec.expect = expect_generated(length);
    if (!echo) {
        snprintf(digits, sizeof digits, "%016llx", (unsigned long long)http1_generated_digest(length));
        spec.expect.length = 16;
        spec.expect.digest = http1_digest(HTTP1_DIGEST_START, (const uint8_t *)digits, 16);
    }
    send(prepare(&spec));
}

static void send_random(void)
{
    if (dice_one_in(&rig.d, 2))
        send_download();
    else
        send_upload(dice_one_in(&rig.d, 2));
}

static void run_rounds(unsigned rounds, uint64_t seed, int64_t delay_ns, size_t piece_bytes, uint32_t spans,
                       uint32_t chunks)
{
    struct made_routes m;
    rig.d = (struct dice){seed};
    make_routes(&m, delay_ns);
    for (unsigned round = 0; round < rounds; round++) {
        open_pair(m.routes, m.n, 0, spans, chunks);
        for (unsigned n = 1 + dice_below(&rig.d, 30); n > 0; n--) {
            send_random();
            if (dice_one_in(&rig.d, 3))
                pair_run(&rig.client, &rig.server, &rig.d, piece_bytes);
        }
        pair_run(&rig.client, &rig.server, &rig.d, piece_bytes);
        assert_all_completed();
        close_pair();
    }
}

static void everything_in_random_pieces(void **state)
{
    (void)state;
    run_rounds(30, 11, 0, 0, 4000, 4000);
}

static void everything_in_segments(void **state)
{
    (void)state;
    run_rounds(30, 12, 0, 1460, 4000, 4000);
}

static void everything_in_large_pieces_after_delays(void **state)
{
    (void)state;
    run_rounds(20, 13, 50000, 65536, 4000, 4000);
    run_rounds(10, 14, 50000, 0, 4000, 4000);
}

/* A few requests byte by byte. */
static void one_byte_at_a_time(void **state)
{
    (void)state;
    struct made_routes m;
    rig.d = (struct dice){15};
    make_routes(&m, 0);
    open_pair(m.routes, m.n, 0, 2000, 2000);
    for (unsigned i = 0; i < 5; i++)
        send_random();
    pair_run(&rig.client, &rig.server, &rig.d, 1);
    assert_all_completed();
    close_pair();
}

static void every_answer_of_a_connection_until_the_server_ends_it(void **state)
{
    (void)state;
    static const struct http1_route route = {.path = "/"};
    const struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/", .host = "h"};
    rig.d = (struct dice){16};
    open_pair(&route, 1, 5, 100, 100);
    struct http1_request *r = prepare(&spec);
    for (unsigned i = 0; i < 8; i++)
        send(r);
    pair_run(&rig.client, &rig.server, &rig.d, 0);
    assert_int_equal(rig.client.n_events, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(rig.client.events[i].error, i < 5 ? 0 : ERR_CLOSED);
    assert_true(rig.client.events[4].close_after);
    assert_true(rig.client.carrier.want_close && rig.server.carrier.want_close);
    close_pair();
}

static void bodies_until_close(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        const struct http1_size_choice size = {sizes[i], 1};
        const struct http1_route route = {.path = "/", .sizes = &size, .n_sizes = 1, .close_delimited = true};
        struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/", .host = "h"};
        spec.expect = expect_generated(sizes[i]);
        rig.d = (struct dice){17};
        open_pair(&route, 1, 0, 100, 100);
        send(prepare(&spec));
        pair_run(&rig.client, &rig.server, &rig.d, 0);
        assert_all_completed();
        assert_true(rig.client.events[0].close_after);
        assert_true(rig.client.carrier.want_close);
        close_pair();
    }
}

/* 100 MB each way, pipelined, through pools of 400 spans and 200 chunks. */
static void large_bodies_both_ways(void **state)
{
    (void)state;
    static const struct http1_size_choice size = {100000000, 1};
    static const struct http1_route routes[] = {
        {.path = "/down", .sizes = &size, .n_sizes = 1},
        {.path = "/down-chunked", .sizes = &size, .n_sizes = 1, .chunk_bytes = 16384},
        {.path = "/up"}};
    struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/down", .host = "h"};
    spec.expect = expect_generated(size.bytes);
    rig.d = (struct dice){18};
    open_pair(routes, ARRAY_SIZE(routes), 0, 400, 200);
    send(prepare(&spec));
    spec.target = "/down-chunked";
    send(prepare(&spec));
    spec = (struct http1_request_spec){.method = HTTP1_PUT, .target = "/up", .host = "h", .body_length = size.bytes};
    send(prepare(&spec));
    spec.chunk_bytes = 10000;
    send(prepare(&spec));
    pair_run(&rig.client, &rig.server, &rig.d, 65536);
    assert_all_completed();
    close_pair();
}

/* An echo of 20 MB through a pool of half a megabyte: the carrier stops at hold_input. */
static void a_large_echo_in_little_memory(void **state)
{
    (void)state;
    static const struct http1_route route = {.path = "/", .echo = true};
    static uint8_t piece[16384];
    struct http1_request_spec spec = {.method = HTTP1_POST, .target = "/", .host = "h", .body_length = 20000000};
    spec.expect = expect_generated(spec.body_length);
    rig.d = (struct dice){19};
    open_pair(&route, 1, 0, 1200, 1200);
    send(prepare(&spec));
    while (rig.client.n_events == 0) {
        if (!rig.server.carrier.hold_input) {
            size_t n = bench_take(&rig.client, piece, 1 + dice_below(&rig.d, sizeof piece));
            assert_int_equal(bench_input(&rig.server, piece, n), 0);
        }
        if (dice_one_in(&rig.d, 2)) {
            size_t n = bench_take(&rig.server, piece, 1 + dice_below(&rig.d, sizeof piece));
            assert_int_equal(bench_input(&rig.client, piece, n), 0);
        }
    }
    assert_all_completed();
    close_pair();
}

/* A byte of an answer changed on its way is noticed. */
static void a_changed_body_is_noticed(void **state)
{
    (void)state;
    const struct http1_size_choice size = {5000, 1};
    const struct http1_route route = {.path = "/", .sizes = &size, .n_sizes = 1};
    struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/", .host = "h"};
    spec.expect = expect_generated(5000);
    rig.d = (struct dice){20};
    for (unsigned round = 0; round < 50; round++) {
        static uint8_t bytes[8192];
        open_pair(&route, 1, 0, 100, 100);
        send(prepare(&spec));
        size_t n = bench_take(&rig.client, bytes, sizeof bytes);
        assert_int_equal(bench_input(&rig.server, bytes, n), 0);
        n = bench_take(&rig.server, bytes, sizeof bytes);
        bytes[n - 1 - dice_below(&rig.d, 5000)] ^= (uint8_t)(1u << dice_below(&rig.d, 8));
        assert_int_equal(bench_input(&rig.client, bytes, n), 0);
        assert_int_equal(rig.client.n_events, 1);
        assert_string_equal(rig.client.events[0].cause, "digest_mismatch");
        close_pair();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_in_random_pieces),
        cmocka_unit_test(everything_in_segments),
        cmocka_unit_test(everything_in_large_pieces_after_delays),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(every_answer_of_a_connection_until_the_server_ends_it),
        cmocka_unit_test(bodies_until_close),
        cmocka_unit_test(large_bodies_both_ways),
        cmocka_unit_test(a_large_echo_in_little_memory),
        cmocka_unit_test(a_changed_body_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
