/* SPDX-License-Identifier: MIT */
/*
 * Prepared requests: their exact bytes, and what is refused with which words.
 */
#include <stdio.h>

#include "base/error.h"
#include "l7/http1_request.h"
#include "support/counting_alloc.h"
#include "unit/http1_rig.h"

static const struct http1_request_spec base = {.method = HTTP1_GET, .target = "/", .host = "a"};

/* What is referenced in the queue for it, as text. */
static void assert_prepared(const struct http1_request_spec *spec, const char *expected)
{
    char message[256] = "";
    struct http1_request *r;
    assert_int_equal(http1_request_prepare(spec, &bench_allocator, &r, message), ERR_OK);
    assert_int_equal(r->bytes_length, strlen(expected));
    assert_memory_equal(r->bytes, expected, r->bytes_length);
    assert_int_equal(http1_request_bytes(r), strlen(expected));
    http1_request_delete(r);
}

static void assert_refused(const struct http1_request_spec *spec, const char *expected)
{
    char message[256] = "";
    struct http1_request *r;
    assert_int_equal(http1_request_prepare(spec, &bench_allocator, &r, message), ERR_INVALID);
    assert_null(r);
    assert_string_equal(message, expected);
}

static void bytes_of_each_method(void **state)
{
    (void)state;
    struct http1_request_spec s = base;
    assert_prepared(&s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    s.method = HTTP1_HEAD;
    assert_prepared(&s, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    s.method = HTTP1_DELETE;
    assert_prepared(&s, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
    s.method = HTTP1_POST;
    assert_prepared(&s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    s.method = HTTP1_PUT;
    s.target = "/p?q=1";
    s.host = "h:8080";
    s.close = true;
    assert_prepared(&s, "PUT /p?q=1 HTTP/1.1\r\nHost: h:8080\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void bytes_of_headers_and_bodies(void **state)
{
    (void)state;
    static const struct http1_header headers[] = {{"Accept", "*/*"}, {"X-y", ""}};
    struct http1_request_spec s = base;
    s.method = HTTP1_POST;
    s.headers = headers;
    s.n_headers = 2;
    s.body = (const uint8_t *)"hello";
    s.body_length = 5;
    assert_prepared(&s, "POST / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-y: \r\nContent-Length: 5\r\n\r\nhello");
    s.chunk_bytes = 3;
    assert_prepared(&s, "POST / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-y: \r\nTransfer-Encoding: "
                        "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    s.body_length = 0;
    assert_prepared(
        &s, "POST / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-y: \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    s.chunk_bytes = 0;
    s.body = NULL;
    s.body_length = 3;
    s.n_headers = 0;
    assert_prepared(&s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n!(/");
}

static void large_bodies_are_not_copied(void **state)
{
    (void)state;
    struct http1_request_spec s = base;
    char message[256];
    struct http1_request *r;
    static uint8_t body[5000];
    s.method = HTTP1_PUT;
    s.body = body;
    s.body_length = sizeof body;
    assert_int_equal(http1_request_prepare(&s, &bench_allocator, &r, message), ERR_OK);
    assert_true(r->streamed);
    assert_ptr_equal(r->body.bytes, body);
    assert_int_equal(http1_request_bytes(r), r->bytes_length + 5000u);
    http1_request_delete(r);
    s.body = NULL;
    s.body_length = UINT64_C(1) << 40;
    s.chunk_bytes = 1024;
    assert_int_equal(http1_request_prepare(&s, &bench_allocator, &r, message), ERR_OK);
    assert_int_equal(http1_request_bytes(r), r->bytes_length + (UINT64_C(1) << 40) + (UINT64_C(1) << 30) * 7 + 5);
    http1_request_delete(r);
}

static void refused_with_the_reason(void **state)
{
    (void)state;
    struct http1_request_spec s = base;
    s.target = "x";
    assert_refused(&s, "target: found \"x\"; it begins with / or http://");
    s.target = NULL;
    assert_refused(&s, "target: found \"\"; it begins with / or http://");
    s.target = "/a b";
    assert_refused(&s, "target: byte 0x20 at position 2; allowed are visible ASCII characters other than #");
    s.target = "/a#b";
    assert_refused(&s, "target: byte 0x23 at position 2; allowed are visible ASCII characters other than #");
    s = base;
    s.host = NULL;
    assert_refused(&s, "host: no value given");
    s.host = "a\r\nX: y";
    assert_refused(&s, "host: byte 0x0d at position 1; allowed are visible characters, spaces and tabs");
    s = base;
    s.method = (enum http1_method)9;
    assert_refused(&s, "method: not one of GET, POST, PUT, DELETE, HEAD");
    s = base;
    s.method = HTTP1_HEAD;
    s.expect.check_digest = true;
    assert_refused(&s, "expect: a response to HEAD has no body whose digest could be checked");
    s = base;
    s.expect.status = 100;
    assert_refused(&s, "expect: the status of a final response is 200 to 599, or 0 for any success");
}

static void refused_headers(void **state)
{
    (void)state;
    static const struct {
        struct http1_header header;
        const char *message;
    } cases[] = {
        {{"", "x"}, "header: the name is empty; allowed are letters, digits and !#$%&'*+-.^_`|~"},
        {{"a b", "x"}, "header name: byte 0x20 at position 1; allowed are letters, digits and !#$%&'*+-.^_`|~"},
        {{"a:", "x"}, "header name: byte 0x3a at position 1; allowed are letters, digits and !#$%&'*+-.^_`|~"},
        {{"X", "a\nb"}, "header X: byte 0x0a at position 1; allowed are visible characters, spaces and tabs"},
        {{"X", NULL}, "header X: no value given"},
        {{"content-length", "1"}, "header Content-Length: the engine sets it itself; use the setting for it"},
        {{"HOST", "b"}, "header Host: the engine sets it itself; use the setting for it"},
        {{"Transfer-encoding", "chunked"},
         "header Transfer-Encoding: the engine sets it itself; use the setting for it"},
        {{"connection", "close"}, "header Connection: the engine sets it itself; use the setting for it"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http1_request_spec s = base;
        s.headers = &cases[i].header;
        s.n_headers = 1;
        assert_refused(&s, cases[i].message);
    }
}

static void memory_is_given_back_and_its_lack_said(void **state)
{
    (void)state;
    struct counting_alloc counting;
    const struct allocator *a = counting_alloc_init(&counting);
    struct http1_request *r;
    char message[256];
    assert_int_equal(http1_request_prepare(&base, a, &r, message), ERR_OK);
    assert_int_equal(counting.live_blocks, 1);
    http1_request_delete(r);
    assert_int_equal(counting.live_blocks, 0);
    counting.allocs_left = 0;
    assert_int_equal(http1_request_prepare(&base, a, &r, message), ERR_NO_MEMORY);
    assert_non_null(strstr(message, "no memory"));
    http1_request_delete(NULL);
}

/* What is prepared is what the parser of the other side reads. */
static void prepared_requests_are_read_back(void **state)
{
    (void)state;
    char message[256];
    struct dice d = {5};
    for (unsigned round = 0; round < 200; round++) {
        struct http1_request_spec s = base;
        static const uint8_t body[] = "a body of some bytes that is cut into chunks, or not";
        s.method = (enum http1_method)dice_below(&d, HTTP1_METHOD_COUNT);
        s.target = dice_one_in(&d, 2) ? "/some/path" : "/p?q";
        s.close = dice_one_in(&d, 2);
        s.body_length = dice_below(&d, sizeof body);
        s.body = body;
        s.chunk_bytes = dice_below(&d, 20);
        struct http1_request *r;
        assert_int_equal(http1_request_prepare(&s, &bench_allocator, &r, message), ERR_OK);
        struct reading reading = reading_default(HTTP1_REQUESTS);
        struct transcript t;
        char expected[200];
        snprintf(expected, sizeof expected, "%s %s 1.1 %s %u %.*s\n", http1_method_name(s.method), s.target,
                 s.close ? "close" : "keep", (unsigned)s.body_length, (int)s.body_length, (const char *)body);
        transcript_of(&t, &reading, r->bytes, r->bytes_length, NULL, 0);
        assert_string_equal(t.text, expected);
        http1_request_delete(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_each_method),
        cmocka_unit_test(bytes_of_headers_and_bodies),
        cmocka_unit_test(large_bodies_are_not_copied),
        cmocka_unit_test(refused_with_the_reason),
        cmocka_unit_test(refused_headers),
        cmocka_unit_test(memory_is_given_back_and_its_lack_said),
        cmocka_unit_test(prepared_requests_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
