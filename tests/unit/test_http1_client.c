/* SPDX-License-Identifier: MIT */
/*
 * The client engine: what it sends, how it judges answers, and that every request taken is reported exactly once,
 * whatever the server does.
 */
#include <stdio.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "l7/http1_request.h"
#include "unit/http1_rig.h"

struct rig {
    struct bench b;
    struct http1_client_config config;
    struct http1_request *requests[8];
    unsigned n_requests;
};
static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    http1_limits_default(&rig.config.limits);
    rig.n_requests = 0;
    bench_open(&rig.b, &http1_client_engine, &rig.config, 200, 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close(&rig.b);
    while (rig.n_requests > 0)
        http1_request_delete(rig.requests[--rig.n_requests]);
    return 0;
}

static void reopen(uint32_t spans, uint32_t chunks)
{
    bench_close(&rig.b);
    bench_open(&rig.b, &http1_client_engine, &rig.config, spans, chunks);
}

static struct http1_request *prepare(const struct http1_request_spec *spec)
{
    char message[256];
    struct http1_request **r = &rig.requests[rig.n_requests++];
    assert_true(rig.n_requests <= ARRAY_SIZE(rig.requests));
    assert_int_equal(http1_request_prepare(spec, &bench_allocator, r, message), ERR_OK);
    return *r;
}

static struct http1_request *get(struct http1_expect expect)
{
    const struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/", .host = "a", .expect = expect};
    return prepare(&spec);
}

static struct http1_request *any(void) { return get((struct http1_expect){0}); }

static int send_at(const struct http1_request *r, int64_t due_at)
{
    return http1_client_send(rig.b.session, &rig.b.carrier, r, due_at, rig.b.now);
}

static int send(const struct http1_request *r) { return send_at(r, rig.b.now); }

static void end_input(void) { http1_client_engine.end_of_input(rig.b.session, &rig.b.carrier, rig.b.now); }

#define GET_BYTES "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

static void assert_event(unsigned i, int error, const char *cause, uint32_t status, uint64_t body_bytes)
{
    assert_true(i < rig.b.n_events);
    const struct l7_transaction *t = &rig.b.events[i];
    assert_int_equal(t->error, error);
    if (cause)
        assert_string_equal(t->cause, cause);
    else
        assert_null(t->cause);
    assert_int_equal(t->status, status);
    assert_int_equal(t->body_bytes, body_bytes);
}

static void assert_only_event(int error, const char *cause, uint32_t status, uint64_t body_bytes)
{
    assert_int_equal(rig.b.n_events, 1);
    assert_event(0, error, cause, status, body_bytes);
}

static void one_transaction_with_its_times(void **state)
{
    (void)state;
    rig.b.now = 5000;
    assert_int_equal(send_at(any(), 4000), 0);
    assert_string_equal(bench_output(&rig.b), GET_BYTES);
    assert_int_equal(http1_client_pending(rig.b.session), 1);
    assert_false(http1_client_engine.idle(rig.b.session));
    rig.b.now = 6000;
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 200 OK\r\nContent-"), 0);
    rig.b.now = 7000;
    assert_int_equal(bench_input_text(&rig.b, "Length: 5\r\n\r\nhello"), 0);
    assert_only_event(0, NULL, 200, 5);
    const struct l7_transaction *t = &rig.b.events[0];
    assert_int_equal(t->due_at, 4000);
    assert_int_equal(t->sent_at, 5000);
    assert_int_equal(t->first_byte_at, 6000);
    assert_int_equal(t->done_at, 7000);
    assert_false(t->close_after);
    assert_int_equal(http1_client_pending(rig.b.session), 0);
    assert_true(http1_client_engine.idle(rig.b.session));
}

/* ---- validation ---- */

static void assert_judged(struct http1_expect expect, const char *response, int error, const char *cause,
                          uint32_t status, uint64_t body_bytes)
{
    reopen(200, 20);
    assert_int_equal(send(get(expect)), 0);
    assert_int_equal(bench_input_text(&rig.b, response), 0);
    assert_only_event(error, cause, status, body_bytes);
    assert_false(rig.b.carrier.want_abort);
    http1_request_delete(rig.requests[--rig.n_requests]);
}

static void statuses_are_judged(void **state)
{
    (void)state;
    struct http1_expect any_success = {0}, exactly = {.status = 404};
    assert_judged(any_success, OK("0"), 0, NULL, 200, 0);
    assert_judged(any_success, "HTTP/1.1 302 Found\r\nContent-Length: 1\r\n\r\nx", 0, NULL, 302, 1);
    assert_judged(any_success, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, "status_mismatch", 404, 0);
    assert_judged(any_success, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, "status_mismatch", 503, 0);
    assert_judged(exactly, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 0, NULL, 404, 0);
    assert_judged(exactly, OK("0"), ERR_PROTOCOL, "status_mismatch", 200, 0);
}

static void lengths_and_digests_are_judged(void **state)
{
    (void)state;
    struct http1_expect e = {.check_length = true, .length = 5, .check_digest = true};
    e.digest = http1_digest(HTTP1_DIGEST_START, (const uint8_t *)"hello", 5);
    assert_judged(e, OK("5") "hello", 0, NULL, 200, 5);
    assert_judged(e, OK("5") "hellO", ERR_PROTOCOL, "digest_mismatch", 200, 5);
    assert_judged(e, OK("4") "hell", ERR_PROTOCOL, "length_mismatch", 200, 4);
    assert_judged(e, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 0, NULL,
                  200, 5);
    assert_judged(e, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n2\r\nll\r\n0\r\n\r\n",
                  ERR_PROTOCOL, "length_mismatch", 200, 4);
    assert_judged(e, "HTTP/1.1 204 No\r\n\r\n", ERR_PROTOCOL, "length_mismatch", 204, 0);
}

static void head_is_judged_by_the_announced_length(void **state)
{
    (void)state;
    struct http1_request_spec spec = {.method = HTTP1_HEAD, .target = "/", .host = "a"};
    spec.expect = (struct http1_expect){.check_length = true, .length = 5};
    struct http1_request *head = prepare(&spec), *plain = any();
    assert_int_equal(send(head), 0);
    assert_int_equal(send(plain), 0);
    assert_int_equal(send(head), 0);
    assert_int_equal(send(head), 0);
    assert_int_equal(
        bench_input_text(&rig.b, OK("5") OK("2") "ok" OK("6") "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        0);
    assert_int_equal(rig.b.n_events, 4);
    assert_event(0, 0, NULL, 200, 0);
    assert_event(1, 0, NULL, 200, 2);
    assert_event(2, ERR_PROTOCOL, "length_mismatch", 200, 0);
    assert_event(3, ERR_PROTOCOL, "length_mismatch", 200, 0);
}

static void informational_responses_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(send(any()), 0);
    assert_int_equal(
        bench_input_text(&rig.b, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" OK("1") "x"),
        0);
    assert_only_event(0, NULL, 200, 1);
}

static void too_many_informational_responses(void **state)
{
    (void)state;
    int error = 0;
    assert_int_equal(send(any()), 0);
    for (unsigned i = 0; i < 17; i++) {
        assert_int_equal(error, 0);
        error = bench_input_text(&rig.b, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    assert_int_equal(error, ERR_PROTOCOL);
    assert_only_event(ERR_PROTOCOL, "too_many_informational", 100, 0);
}

static void an_upgrade_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(send(any()), 0);
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), ERR_PROTOCOL);
    assert_only_event(ERR_PROTOCOL, "unexpected_upgrade", 101, 0);
    assert_true(rig.b.carrier.want_abort);
}

/* ---- pipelining ---- */

static void answers_go_to_requests_in_order(void **state)
{
    (void)state;
    struct http1_request *r[3];
    for (unsigned i = 0; i < 3; i++)
        r[i] = get((struct http1_expect){.check_length = true, .length = i});
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(send_at(r[i % 3], i), 0);
    assert_int_equal(http1_client_pending(rig.b.session), 60);
    for (unsigned i = 0; i < 60; i++) {
        static const char *const answers[] = {OK("0"), OK("1") "x", OK("2") "xy"};
        assert_int_equal(bench_input_text(&rig.b, answers[i % 3]), 0);
        assert_int_equal(rig.b.n_events, i + 1);
        assert_event(i, 0, NULL, 200, i % 3);
        assert_int_equal(rig.b.events[i].due_at, i);
    }
    assert_int_equal(rig.b.pool.chunks.used, 0);
}

static void the_pipeline_is_bounded(void **state)
{
    (void)state;
    struct http1_request *r = any();
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(send(r), 0);
    assert_int_equal(send(r), ERR_AGAIN);
    assert_int_equal(bench_input_text(&rig.b, OK("0")), 0);
    assert_int_equal(send(r), 0);
    assert_int_equal(send(r), ERR_AGAIN);
}

static void a_pool_without_room_queues_nothing(void **state)
{
    (void)state;
    struct http1_request *r = any();
    reopen(2, 1);
    assert_int_equal(send(r), 0);
    assert_int_equal(send(r), 0);
    assert_int_equal(send(r), ERR_NO_MEMORY);
    assert_int_equal(http1_client_pending(rig.b.session), 2);
    assert_string_equal(bench_output(&rig.b), GET_BYTES GET_BYTES);
    reopen(100, 1);
    for (unsigned i = 0; i < 21; i++) /* the first lies in the session, 20 in the one chunk */
        assert_int_equal(send(r), 0);
    assert_int_equal(send(r), ERR_NO_MEMORY);
    assert_int_equal(http1_client_pending(rig.b.session), 21);
    assert_int_equal(outq_length(&rig.b.carrier.out), 21 * strlen(GET_BYTES));
}

static void random_pushes_and_answers_keep_the_order(void **state)
{
    (void)state;
    struct dice d = {9};
    struct http1_request *r = any();
    int64_t sent = 0;
    for (unsigned round = 0; round < 3000; round++) {
        if (dice_one_in(&d, 2) && http1_client_pending(rig.b.session) < 64)
            assert_int_equal(send_at(r, sent++), 0);
        else if (http1_client_pending(rig.b.session) > 0)
            assert_int_equal(bench_input_text(&rig.b, OK("0")), 0);
        (void)bench_output(&rig.b);
    }
    for (unsigned i = 0; i < rig.b.n_events; i++)
        assert_int_equal(rig.b.events[i].due_at, i);
    assert_int_equal(rig.b.n_events + http1_client_pending(rig.b.session), sent);
}

static struct http1_request *next_request;
static int next_error;

static void send_next(struct bench *b, const struct l7_transaction *t)
{
    (void)t;
    if (next_request)
        next_error = http1_client_send(b->session, &b->carrier, next_request, b->now, b->now);
}

static void the_next_request_may_be_sent_from_the_event(void **state)
{
    (void)state;
    next_request = any();
    next_error = ERR_AGAIN;
    rig.b.on_event = send_next;
    assert_int_equal(send(next_request), 0);
    for (unsigned i = 1; i <= 50; i++) {
        assert_int_equal(bench_input_text(&rig.b, OK("2") "ok"), 0);
        assert_int_equal(next_error, 0);
        assert_int_equal(rig.b.n_events, i);
        assert_int_equal(http1_client_pending(rig.b.session), 1);
    }
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_int_equal(next_error, ERR_CLOSED);
    assert_int_equal(http1_client_pending(rig.b.session), 0);
    next_request = NULL;
}

/* ---- what a server must not do ---- */

static void bytes_without_a_request_are_an_error(void **state)
{
    (void)state;
    assert_int_equal(bench_input_text(&rig.b, OK("0")), ERR_PROTOCOL);
    assert_true(rig.b.carrier.want_abort);
    assert_string_equal(rig.b.carrier.cause, "unsolicited_response");
    assert_int_equal(rig.b.n_events, 0);
    assert_int_equal(send(any()), ERR_CLOSED);
}

static void bytes_behind_the_last_answer_are_no_answer_to_the_next_request(void **state)
{
    (void)state;
    next_request = any();
    rig.b.on_event = send_next;
    assert_int_equal(send(next_request), 0);
    assert_int_equal(bench_input_text(&rig.b, OK("0") OK("0")), ERR_PROTOCOL);
    assert_only_event(0, NULL, 200, 0);
    assert_int_equal(next_error, ERR_CLOSED);
    assert_string_equal(rig.b.carrier.cause, "unsolicited_response");
    next_request = NULL;
}

static void a_malformed_answer_fails_all_that_is_pending(void **state)
{
    (void)state;
    struct http1_request *r = any();
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(send(r), 0);
    assert_int_equal(
        bench_input_text(&rig.b, OK("1") "xHTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        ERR_MALFORMED);
    assert_int_equal(rig.b.n_events, 30);
    assert_event(0, 0, NULL, 200, 1);
    assert_event(1, ERR_MALFORMED, "content_length_conflict", 200, 0);
    for (unsigned i = 2; i < 30; i++)
        assert_event(i, ERR_ABORTED, "connection_aborted", 0, 0);
    assert_true(rig.b.carrier.want_abort);
    assert_string_equal(rig.b.carrier.cause, "content_length_conflict");
    assert_int_equal(bench_input_text(&rig.b, OK("0")), 0); /* whatever follows is ignored */
    assert_int_equal(rig.b.n_events, 30);
}

static void garbage_instead_of_http(void **state)
{
    (void)state;
    assert_int_equal(send(any()), 0);
    assert_int_equal(bench_input_text(&rig.b, "SSH-2.0-OpenSSH_9.2p1\r\n"), ERR_MALFORMED);
    assert_only_event(ERR_MALFORMED, "bad_status_line", 0, 0);
}

/* ---- ends ---- */

static void the_server_announces_close(void **state)
{
    (void)state;
    struct http1_request *r = any();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send(r), 0);
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_int_equal(rig.b.n_events, 3);
    assert_event(0, 0, NULL, 200, 0);
    assert_true(rig.b.events[0].close_after);
    assert_event(1, ERR_CLOSED, "peer_closed", 0, 0);
    assert_event(2, ERR_CLOSED, "peer_closed", 0, 0);
    assert_true(rig.b.carrier.want_close);
    assert_false(rig.b.carrier.want_abort);
    assert_int_equal(send(r), ERR_CLOSED);
}

static void a_request_with_close_is_the_last(void **state)
{
    (void)state;
    const struct http1_request_spec spec = {.method = HTTP1_GET, .target = "/", .host = "a", .close = true};
    struct http1_request *last = prepare(&spec);
    assert_int_equal(send(any()), 0);
    assert_int_equal(send(last), 0);
    assert_int_equal(send(last), ERR_CLOSED);
    assert_int_equal(bench_input_text(&rig.b, OK("0")), 0);
    assert_false(rig.b.carrier.want_close);
    assert_int_equal(bench_input_text(&rig.b, OK("0")), 0);
    assert_true(rig.b.carrier.want_close);
    assert_int_equal(rig.b.n_events, 2);
    assert_true(rig.b.events[1].close_after);
}

static void a_body_until_close_is_complete_at_the_end(void **state)
{
    (void)state;
    struct http1_expect e = {.check_length = true, .length = 7};
    assert_int_equal(send(get(e)), 0);
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 200 OK\r\n\r\nall "), 0);
    assert_int_equal(bench_input_text(&rig.b, "of"), 0);
    assert_int_equal(bench_input_text(&rig.b, "!"), 0);
    assert_int_equal(rig.b.n_events, 0);
    end_input();
    assert_only_event(0, NULL, 200, 7);
    assert_true(rig.b.events[0].close_after);
    assert_true(rig.b.carrier.want_close);
}

static void the_server_closes_in_the_middle_of_anything(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    struct http1_request *r = any();
    for (size_t length = 0; length < sizeof answer - 1; length++) {
        reopen(200, 20);
        assert_int_equal(send(r), 0);
        assert_int_equal(send(r), 0);
        assert_int_equal(bench_input(&rig.b, answer, length), 0);
        end_input();
        assert_int_equal(rig.b.n_events, 2);
        assert_int_equal(rig.b.events[0].error, ERR_CLOSED);
        assert_string_equal(rig.b.events[0].cause, "peer_closed");
        assert_event(1, ERR_CLOSED, "peer_closed", 0, 0);
        assert_true(rig.b.carrier.want_close);
    }
}

static void the_server_closes_an_idle_connection(void **state)
{
    (void)state;
    end_input();
    assert_int_equal(rig.b.n_events, 0);
    assert_true(rig.b.carrier.want_close);
    assert_int_equal(send(any()), ERR_CLOSED);
}

static void close_reports_with_the_carriers_cause(void **state)
{
    (void)state;
    struct http1_request *r = any();
    assert_int_equal(send(r), 0);
    assert_int_equal(send(r), 0);
    assert_int_equal(bench_input_text(&rig.b, OK("5") "he"), 0);
    http1_client_engine.close(rig.b.session, &rig.b.carrier, ERR_TIMED_OUT, "timed_out", rig.b.now);
    assert_int_equal(rig.b.n_events, 2);
    assert_event(0, ERR_TIMED_OUT, "timed_out", 200, 2);
    assert_event(1, ERR_TIMED_OUT, "timed_out", 0, 0);
    http1_client_engine.close(rig.b.session, &rig.b.carrier, ERR_TIMED_OUT, "timed_out", rig.b.now);
    assert_int_equal(rig.b.n_events, 2);
}

/* ---- large request bodies ---- */

static struct http1_request *put(uint64_t length, uint32_t chunk_bytes)
{
    const struct http1_request_spec spec = {
        .method = HTTP1_PUT, .target = "/", .host = "a", .body_length = length, .chunk_bytes = chunk_bytes};
    return prepare(&spec);
}

static void a_large_body_is_queued_by_and_by(void **state)
{
    (void)state;
    static uint8_t part[100000];
    struct http1_request *large = put(100000000, 0), *small = any();
    reopen(100, 20);
    assert_int_equal(send(large), 0);
    assert_int_equal(send(small), ERR_AGAIN);
    uint64_t total = 0;
    for (size_t n; assert_true(bench_queued_spans(&rig.b) <= 70), (n = bench_take(&rig.b, part, sizeof part)) > 0;)
        total += n;
    assert_int_equal(total, http1_request_bytes(large));
    assert_int_equal(send(small), 0);
    assert_int_equal(bench_input_text(&rig.b, OK("0") OK("0")), 0);
    assert_int_equal(rig.b.n_events, 2);
}

static void a_body_waits_for_an_empty_pool(void **state)
{
    (void)state;
    struct http1_request *r = put(1000000, 0);
    reopen(2, 1);
    assert_int_equal(send(r), 0);
    assert_int_equal(http1_client_engine.next_deadline(rig.b.session), rig.b.now + NS_PER_MS);
    uint64_t total = 0;
    static uint8_t part[100000];
    for (size_t n; (n = bench_take(&rig.b, part, sizeof part)) > 0;)
        total += n;
    assert_int_equal(total, http1_request_bytes(r));
    assert_int_equal(http1_client_engine.next_deadline(rig.b.session), TIME_NEVER);
}

static void an_answer_before_the_body_is_sent(void **state)
{
    (void)state;
    struct http1_request *r = put(100000000, 1000);
    reopen(1000, 20);
    assert_int_equal(send(r), 0);
    assert_int_equal(bench_input_text(&rig.b, "HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_only_event(ERR_PROTOCOL, "status_mismatch", 413, 0);
    assert_true(rig.b.carrier.want_abort);
    reopen(1000, 20);
    assert_int_equal(send(r), 0);
    assert_int_equal(bench_input_text(&rig.b, OK("0")), 0);
    assert_only_event(0, NULL, 200, 0);
    assert_false(rig.b.carrier.want_abort);
    assert_false(http1_client_engine.idle(rig.b.session)); /* the rest of the body is still owed */
    assert_int_equal(send(any()), ERR_AGAIN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_transaction_with_its_times),
        TEST(statuses_are_judged),
        TEST(lengths_and_digests_are_judged),
        TEST(head_is_judged_by_the_announced_length),
        TEST(informational_responses_are_passed_over),
        TEST(too_many_informational_responses),
        TEST(an_upgrade_is_an_error),
        TEST(answers_go_to_requests_in_order),
        TEST(the_pipeline_is_bounded),
        TEST(a_pool_without_room_queues_nothing),
        TEST(random_pushes_and_answers_keep_the_order),
        TEST(the_next_request_may_be_sent_from_the_event),
        TEST(bytes_without_a_request_are_an_error),
        TEST(bytes_behind_the_last_answer_are_no_answer_to_the_next_request),
        TEST(a_malformed_answer_fails_all_that_is_pending),
        TEST(garbage_instead_of_http),
        TEST(the_server_announces_close),
        TEST(a_request_with_close_is_the_last),
        TEST(a_body_until_close_is_complete_at_the_end),
        TEST(the_server_closes_in_the_middle_of_anything),
        TEST(the_server_closes_an_idle_connection),
        TEST(close_reports_with_the_carriers_cause),
        TEST(a_large_body_is_queued_by_and_by),
        TEST(a_body_waits_for_an_empty_pool),
        TEST(an_answer_before_the_body_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
