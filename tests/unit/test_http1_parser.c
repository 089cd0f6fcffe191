/* SPDX-License-Identifier: MIT */
/*
 * Messages that are right: what is read from them, however they are cut, with and without the reading of whole heads.
 * RFC 9112.
 */
#include "unit/http1_rig.h"

struct sample {
    const char *bytes, *expected;
};

static void check(enum http1_role role, const struct sample *samples, size_t n)
{
    struct reading r = reading_default(role);
    for (size_t i = 0; i < n; i++)
        assert_reads(&r, samples[i].bytes, strlen(samples[i].bytes), samples[i].expected);
}

static void requests_without_body(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"HEAD /x?y=z HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /x?y=z 1.1 keep 0 \n"},
        {"DELETE /a/b HTTP/1.1\r\nhost:a\r\nX: y\r\n\r\n", "DELETE /a/b 1.1 keep 0 \n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST / 1.1 keep 0 \n"},
        {"GET http://h:1/p?q HTTP/1.1\r\nHost:\r\n\r\n", "GET http://h:1/p?q 1.1 keep 0 \n"},
        {"GET /a-target-of-more-than-sixteen-bytes,-and-then-some/more~!$&'()*+,;=:@ HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /a-target-of-more-than-sixteen-bytes,-and-then-some/more~!$&'()*+,;=:@ 1.1 keep 0 \n"},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / 1.2 keep 0 \n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void requests_with_bodies(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "POST / 1.1 keep 5 hello\n"},
        {"PUT /p HTTP/1.1\r\nContent-Length:5\r\nHost: a\r\n\r\nhello", "PUT /p 1.1 keep 5 hello\n"},
        {"PUT /p HTTP/1.1\r\nContent-Length: \t 5 \t \r\nHost: a\r\n\r\nhello", "PUT /p 1.1 keep 5 hello\n"},
        {"PUT /p HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\nHost: a\r\n\r\nhello",
         "PUT /p 1.1 keep 5 hello\n"},
        {"PUT /p HTTP/1.1\r\nContent-Length: 5, 05\r\nHost: a\r\n\r\nhello", "PUT /p 1.1 keep 5 hello\n"},
        {"PUT /p HTTP/1.1\r\nContent-Length: 000000000000000000000000005\r\nHost: a\r\n\r\nhello",
         "PUT /p 1.1 keep 5 hello\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         "POST / 1.1 keep 5 hello\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING:ChunkeD\r\n\r\n3\r\nhel\r\n002\r\nlo\r\n000\r\n\r\n",
         "POST / 1.1 keep 5 hello\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked, \r\n\r\n0\r\n\r\n", "POST / 1.1 keep 0 \n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0 ;c=\"d\"\r\n"
         "T: 1\r\nContent-Length: 9\r\n\r\n",
         "POST / 1.1 keep 5 hello\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n1a\r\n"
         "abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
         "POST / 1.1 keep 36 0123456789abcdefghijklmnopqrstuvwxyz\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void persistence_is_read_from_version_and_connection(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / 1.1 close 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", "GET / 1.1 close 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, keep-aliv,closeclose\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", "GET / 1.1 close 0 \n"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close 0 \n"},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 keep 0 \n"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / 1.0 close 0 \n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
         "POST / 1.1 keep expect 1 x\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void names_like_known_ones_mean_nothing(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Lengt: 5\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Lengths: 5\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nXontent-Length: 5\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n", "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Lengtj: 5\r\nHos_: b\r\nConnectiom: close\r\nExpecT_: x\r\n"
         "Transfer-Encodinf: gzip\r\n\r\n",
         "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\n"
         "A-Very-Long-Name-That-Goes-On-And-On-Beyond-One-Block_And.More: \t\x80\xff tab\tinside \r\n\r\n",
         "GET / 1.1 keep 0 \n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\nBlank:   \r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", "GET / 1.1 keep 0 \n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void pipelined_and_empty_lines_before(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
         "abcGET /3 HTTP/1.0\r\n\r\n",
         "GET /1 1.1 keep 0 \nPOST /2 1.1 keep 3 abc\nGET /3 1.0 close 0 \n"},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
         "GET / 1.1 keep 0 \nGET / 1.1 keep 0 \n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void responses(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 1.1 keep 5 hello\n"},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 1.1 keep 0 \n"},
        {"HTTP/1.1 404 Not Found: \x80\xff\tno\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
         "404 1.1 close 1 x\n"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "200 1.0 keep 2 ok\n"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n"
         "X: y\r\nZ: z\r\n\r\n",
         "200 1.1 keep 3 abc\n"},
        {"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
         "204 1.1 keep 0 \n304 1.1 keep 0 \n200 1.1 keep 1 x\n"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\n"
         "Content-Length: 0\r\n\r\n",
         "100 1.1 keep 0 \n103 1.1 keep 0 \n201 1.1 keep 0 \n"},
        {"HTTP/1.1 200 OK\r\nHost: a\r\nHost: b\r\nExpect: nonsense\r\nContent-Length: 1\r\n\r\nx",
         "200 1.1 keep 1 x\n"},
    };
    check(HTTP1_RESPONSES, samples, ARRAY_SIZE(samples));
}

static void answers_to_head_have_no_body(void **state)
{
    (void)state;
    struct reading r = reading_default(HTTP1_RESPONSES);
    static const char bytes[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "HTTP/1.1 200 OK\r\n\r\n";
    r.head_requests = true;
    assert_reads(&r, bytes, sizeof bytes - 1, "200 1.1 keep 0 \n200 1.1 keep 0 \n200 1.1 keep 0 \n");
}

static void close_delimited_bodies_end_with_the_connection(void **state)
{
    (void)state;
    struct reading r = reading_default(HTTP1_RESPONSES);
    static const char bytes[] = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello, HTTP/1.1 200 OK\r\n\r\n";
    assert_reads(&r, bytes, sizeof bytes - 1, "200 1.1 close unfinished\n");
    r.end_of_input = true;
    assert_reads(&r, bytes, sizeof bytes - 1, "200 1.1 close 26 hello, HTTP/1.1 200 OK\r\n\r\n\n");
    assert_reads(&r, "HTTP/1.0 200 OK\r\n\r\n", 19, "200 1.0 close 0 \n");
}

static void an_end_between_messages_is_none_within_is_peer_closed(void **state)
{
    (void)state;
    static const char message[] =
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n";
    struct reading r = reading_default(HTTP1_REQUESTS);
    struct transcript t;
    r.end_of_input = true;
    for (size_t length = 0; length < sizeof message; length++) {
        bool whole = length == 0 || length == sizeof message - 1;
        transcript_of(&t, &r, (const uint8_t *)message, length, NULL, 0);
        assert_true(whole == (strstr(t.text, "failed peer_closed") == NULL));
    }
}

static void lenient_takes_bare_line_feeds_and_a_missing_reason(void **state)
{
    (void)state;
    static const struct sample requests[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", "GET / 1.1 keep 0 \n"},
        {"\nPOST / HTTP/1.1\nHost: a\r\nContent-Length: 2\n\nhi\nGET / HTTP/1.0\r\n\n",
         "POST / 1.1 keep 2 hi\nGET / 1.0 close 0 \n"},
        {"POST / HTTP/1.1\r\nHost: a\nTransfer-Encoding: chunked\n\n2\nhi\n1 \r\n!\r\n0;x\nT: u\n\n",
         "POST / 1.1 keep 3 hi!\n"},
    };
    static const struct sample responses[] = {
        {"HTTP/1.1 200\nContent-Length: 1\n\nx", "200 1.1 keep 1 x\n"},
        {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "200 1.1 keep 1 x\n"},
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "200 1.1 keep 1 x\n"},
    };
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.lenient = true;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        assert_reads(&r, requests[i].bytes, strlen(requests[i].bytes), requests[i].expected);
    r.role = HTTP1_RESPONSES;
    for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
        assert_reads(&r, responses[i].bytes, strlen(responses[i].bytes), responses[i].expected);
}

/* A message of n bytes, cut into three everywhere. */
static void every_cut_in_three(void **state)
{
    (void)state;
    static const char bytes[] =
        "PUT /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"
        "0123456789\r\n0\r\nT: u\r\n\r\n";
    struct reading r = reading_default(HTTP1_REQUESTS);
    struct transcript t;
    for (size_t i = 0; i < sizeof bytes; i++)
        for (size_t j = i; j < sizeof bytes; j++) {
            const size_t cuts[2] = {i, j};
            transcript_of(&t, &r, (const uint8_t *)bytes, sizeof bytes - 1, cuts, 2);
            assert_string_equal(t.text, "PUT /a?b 1.1 close 10 0123456789\n");
        }
}

/* The reading of whole heads is a shortcut: it must be taken where it is meant to be. */
static void usual_heads_are_read_whole(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "DELETE /x HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nConnection: keep-alive\r\nX_y: \tz\r\n\r\n",
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\nETag: \"a-c\"\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct reading r = reading_default(heads[i][0] == 'H' ? HTTP1_RESPONSES : HTTP1_REQUESTS);
        struct http1_parser p;
        struct http1_piece piece;
        http1_parser_init(&p, r.role);
        const uint8_t *at = (const uint8_t *)heads[i], *end = at + strlen(heads[i]);
        assert_true(http1_fast_head(&p, &r.limits, &at, end, &piece));
        assert_ptr_equal(at, end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_without_body),
        cmocka_unit_test(requests_with_bodies),
        cmocka_unit_test(persistence_is_read_from_version_and_connection),
        cmocka_unit_test(names_like_known_ones_mean_nothing),
        cmocka_unit_test(pipelined_and_empty_lines_before),
        cmocka_unit_test(responses),
        cmocka_unit_test(answers_to_head_have_no_body),
        cmocka_unit_test(close_delimited_bodies_end_with_the_connection),
        cmocka_unit_test(an_end_between_messages_is_none_within_is_peer_closed),
        cmocka_unit_test(lenient_takes_bare_line_feeds_and_a_missing_reason),
        cmocka_unit_test(every_cut_in_three),
        cmocka_unit_test(usual_heads_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
