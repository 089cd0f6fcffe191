/* SPDX-License-Identifier: MIT */
/*
 * Messages that are wrong, each with the exact cause that is named, the same however the message is cut; limits; and
 * the hostile input of an attacker: overflowing sizes, contradicting lengths, endless heads. The parser decides on
 * values alone, so none of it costs memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "unit/http1_rig.h"

/* expected: the whole transcript. */
struct sample {
    const char *bytes;
    size_t length;
    const char *expected;
};
#define BYTES(literal) literal, sizeof(literal) - 1
#define REQUEST(lines) BYTES("GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n\r\n")
#define CHUNKS(chunks) BYTES("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" chunks)
#define RESPONSE(lines) BYTES("HTTP/1.1 200 OK\r\n" lines "\r\n\r\n")

static void check(enum http1_role role, const struct sample *samples, size_t n)
{
    struct reading r = reading_default(role);
    for (size_t i = 0; i < n; i++)
        assert_reads(&r, samples[i].bytes, samples[i].length, samples[i].expected);
}

static void request_lines(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {BYTES(" GET / HTTP/1.1\r\n"), "failed bad_method\n"},
        {BYTES("GE(T / HTTP/1.1\r\n"), "failed bad_method\n"},
        {BYTES("GET\r\n"), "failed bad_method\n"},
        {BYTES("G\0T / HTTP/1.1\r\n"), "failed bad_method\n"},
        {BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello"), "failed bad_method\n"},
        {BYTES("get / HTTP/1.1\r\nHost: a\r\n\r\n"), "failed unknown_method\n"},
        {BYTES("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), "failed unknown_method\n"},
        {BYTES("GETX / HTTP/1.1\r\nHost: a\r\n\r\n"), "failed unknown_method\n"},
        {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "failed unknown_method\n"},
        {BYTES("GET  / HTTP/1.1\r\n"), "failed bad_target\n"},
        {BYTES("GET /a\tb HTTP/1.1\r\n"), "failed bad_target\n"},
        {BYTES("GET /a\0b HTTP/1.1\r\n"), "failed bad_target\n"},
        {BYTES("GET /\x7f HTTP/1.1\r\n"), "failed bad_target\n"},
        {BYTES("GET /caf\xc3\xa9 HTTP/1.1\r\n"), "failed bad_target\n"},
        {BYTES("GET /\r\n"), "failed bad_target\n"},
        {BYTES("GET / http/1.1\r\n"), "failed bad_version\n"},
        {BYTES("GET / HTTP/1.1 \r\n"), "failed bad_version\n"},
        {BYTES("GET / HTTP/11\r\n"), "failed bad_version\n"},
        {BYTES("GET / HTTP/1.x\r\n"), "failed bad_version\n"},
        {BYTES("GET / HTTP/1.10\r\n"), "failed bad_version\n"},
        {BYTES("GET / / HTTP/1.1\r\n"), "failed bad_version\n"},
        {BYTES("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), "failed unsupported_version\n"},
        {BYTES("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), "failed unsupported_version\n"},
        {BYTES("GET / HTTP/1.1\nHost: a\n\n"), "failed bare_lf\n"},
        {BYTES("GET / HTTP/1.1\rHost: a\r\n\r\n"), "failed bare_cr\n"},
        {BYTES("\nGET / HTTP/1.1\r\n"), "failed bare_lf\n"},
        {BYTES("\rGET / HTTP/1.1\r\n"), "failed bare_cr\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void status_lines(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {BYTES("SSH-2.0-OpenSSH_9.2\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1  200 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 20 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 2000 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 099 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 600 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 2x0 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 200\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 200 O\0K\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1 200 O\x07K\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/1.1\t200 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/x.1 200 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("http/1.1 200 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("\r\nHTTP/1.1 200 OK\r\n"), "failed bad_status_line\n"},
        {BYTES("HTTP/2.0 200 OK\r\n\r\n"), "failed unsupported_version\n"},
        {BYTES("HTTP/1.1 200 OK\nX: y\n\n"), "failed bare_lf\n"},
        {BYTES("HTTP/1.1 200 OK\rX: y\r\n\r\n"), "failed bare_cr\n"},
    };
    check(HTTP1_RESPONSES, samples, ARRAY_SIZE(samples));
}

static void header_lines(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {REQUEST("X: y\r\n folded"), "failed obs_fold\n"},
        {REQUEST("X: y\r\n\tfolded"), "failed obs_fold\n"},
        {BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "failed obs_fold\n"},
        {REQUEST("X : y"), "failed bad_header_name\n"},
        {REQUEST("X\t: y"), "failed bad_header_name\n"},
        {REQUEST(": y"), "failed bad_header_name\n"},
        {REQUEST("X"), "failed bad_header_name\n"},
        {REQUEST("X(y): z"), "failed bad_header_name\n"},
        {REQUEST("X\x80: z"), "failed bad_header_name\n"},
        {REQUEST("X@y: z"), "failed bad_header_name\n"},
        {REQUEST("X[y]: z"), "failed bad_header_name\n"},
        {REQUEST("X\x01: z"), "failed bad_header_name\n"},
        {REQUEST("A-Name-Longer-Than-One-Block/: z"), "failed bad_header_name\n"},
        {REQUEST("X\0: y"), "failed nul_in_header\n"},
        {REQUEST("X: a\0b"), "failed nul_in_header\n"},
        {REQUEST("X: a value that is longer than a block \0"), "failed nul_in_header\n"},
        {REQUEST("Content-Length: 1\0"), "failed nul_in_header\n"},
        {REQUEST("X: a\x01-b"), "failed control_in_header\n"},
        {REQUEST("X: a\x1f-b"), "failed control_in_header\n"},
        {REQUEST("X: a\x7f"), "failed control_in_header\n"},
        {REQUEST("Connection: close\x0b"), "failed control_in_header\n"},
        {REQUEST("X: a\rb"), "failed bare_cr\n"},
        {REQUEST("X: a\r\r"), "failed bare_cr\n"},
        {REQUEST("X: a\nY: b"), "failed bare_lf\n"},
        {BYTES("GET / HTTP/1.1\r\nHost: a\r\n\n"), "failed bare_lf\n"},
        {BYTES("GET / HTTP/1.1\r\nHost: a\r\n\rX"), "failed bare_cr\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void hosts_and_expectations(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {BYTES("GET / HTTP/1.1\r\nX: y\r\n\r\n"), "failed missing_host\n"},
        {BYTES("GET / HTTP/1.1\r\n\r\n"), "failed missing_host\n"},
        {REQUEST("Host: b"), "failed duplicate_host\n"},
        {REQUEST("HOST: a"), "failed duplicate_host\n"},
        {REQUEST("Expect: 200-ok"), "failed unknown_expectation\n"},
        {REQUEST("Expect: 100-continue, x"), "failed unknown_expectation\n"},
        {REQUEST("Expect: 100-continued"), "failed unknown_expectation\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void content_lengths(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {REQUEST("Content-Length: "), "failed bad_content_length\n"},
        {REQUEST("Content-Length: x"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 5x"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 5 5"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 0x5"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: +5"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 5.0"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 5,"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: ,5"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: 5-"), "failed bad_content_length\n"},
        {REQUEST("Content-Length: -5"), "failed negative_content_length\n"},
        {REQUEST("Content-Length: -0"), "failed negative_content_length\n"},
        {REQUEST("Content-Length: 18446744073709551616"), "failed content_length_overflow\n"},
        {REQUEST("Content-Length: 99999999999999999999999999"), "failed content_length_overflow\n"},
        {REQUEST("Content-Length: 18446744073709551615"), "failed body_too_large\n"},
        {REQUEST("Content-Length: 1099511627777"), "failed body_too_large\n"},
        {REQUEST("Content-Length: 5\r\nContent-Length: 6"), "failed content_length_conflict\n"},
        {REQUEST("Content-Length: 5, 6"), "failed content_length_conflict\n"},
        {REQUEST("Content-Length: 0\r\nX: y\r\ncontent-length: 1"), "failed content_length_conflict\n"},
        {REQUEST("Content-Length: 5\r\nTransfer-Encoding: chunked"), "failed content_length_with_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunked\r\nContent-Length: 5"), "failed content_length_with_transfer_encoding\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
    static const struct sample responses[] = {
        {RESPONSE("Content-Length: 5\r\nContent-Length: 6"), "failed content_length_conflict\n"},
        {RESPONSE("Content-Length: 5\r\nTransfer-Encoding: chunked"), "failed content_length_with_transfer_encoding\n"},
        {RESPONSE("Content-Length: -1"), "failed negative_content_length\n"},
        {RESPONSE("Content-Length: 18446744073709551615"), "failed body_too_large\n"},
    };
    check(HTTP1_RESPONSES, responses, ARRAY_SIZE(responses));
}

static void transfer_encodings(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {REQUEST("Transfer-Encoding: gzip"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: gzip, chunked"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunked, gzip"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: identity"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunked;q=1"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: xchunked"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunke"), "failed unsupported_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunked, chunked"), "failed bad_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "failed bad_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: "), "failed bad_transfer_encoding\n"},
        {REQUEST("Transfer-Encoding: , ,"), "failed bad_transfer_encoding\n"},
        {BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "failed transfer_encoding_in_http_1_0\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

static void chunks(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {CHUNKS("\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("g\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("-1\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("0x1\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS(" 1\r\nx\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("1 \r\nx\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("1 2\r\nx\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("1;a\0\r\nx\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS(";a=b\r\n"), "PUT / 1.1 keepfailed bad_chunk_size\n"},
        {CHUNKS("10000000000000000\r\n"), "PUT / 1.1 keepfailed chunk_size_overflow\n"},
        {CHUNKS("fffffffffffffffff\r\n"), "PUT / 1.1 keepfailed chunk_size_overflow\n"},
        {CHUNKS("ffffffffffffffff\r\n"), "PUT / 1.1 keepfailed body_too_large\n"},
        {CHUNKS("1\r\nx\r\nffffffffffffffff\r\n"), "PUT / 1.1 keepfailed body_too_large\n"},
        {CHUNKS("1\r\nxy\r\n"), "PUT / 1.1 keepfailed bad_chunk_end\n"},
        {CHUNKS("1\r\nx\rx"), "PUT / 1.1 keepfailed bad_chunk_end\n"},
        {CHUNKS("3\r\nx\r\n0\r\n\r\n"), "PUT / 1.1 keepfailed bad_chunk_end\n"},
        {CHUNKS("1\nx\r\n"), "PUT / 1.1 keepfailed bare_lf\n"},
        {CHUNKS("1\r\nx\n0\r\n\r\n"), "PUT / 1.1 keepfailed bare_lf\n"},
        {CHUNKS("1\rx\r\n"), "PUT / 1.1 keepfailed bare_cr\n"},
        {CHUNKS("0\r\n folded\r\n\r\n"), "PUT / 1.1 keepfailed obs_fold\n"},
        {CHUNKS("0\r\nbad name: x\r\n\r\n"), "PUT / 1.1 keepfailed bad_header_name\n"},
        {CHUNKS("0\r\nT: \0\r\n\r\n"), "PUT / 1.1 keepfailed nul_in_header\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

/* What was right before the error stays reported. */
static void messages_before_the_wrong_one_are_whole(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {BYTES("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"),
         "GET /1 1.1 keep 0 \nfailed bad_header_name\n"},
        {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nabc\r\n"),
         "POST / 1.1 keep 1 a\nfailed bad_method\n"},
    };
    check(HTTP1_REQUESTS, samples, ARRAY_SIZE(samples));
}

/* ---- limits: exactly at the limit it passes, one byte or line beyond it fails ---- */

static void limit_of_the_request_line(void **state)
{
    (void)state;
    static const char bytes[] = "GET /0123456789 HTTP/1.1\r\nHost: a\r\n\r\n";
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.max_line_bytes = 26;
    assert_reads(&r, BYTES(bytes), "GET /0123456789 1.1 keep 0 \n");
    for (uint32_t limit = 0; limit < 26; limit++) {
        r.limits.max_line_bytes = limit;
        assert_reads(&r, BYTES(bytes), "failed line_too_long\n");
    }
}

static void limit_of_the_status_line(void **state)
{
    (void)state;
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct reading r = reading_default(HTTP1_RESPONSES);
    r.limits.max_line_bytes = 17;
    assert_reads(&r, BYTES(bytes), "200 1.1 keep 0 \n");
    r.limits.max_line_bytes = 16;
    assert_reads(&r, BYTES(bytes), "failed line_too_long\n");
}

static void limits_of_headers(void **state)
{
    (void)state;
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"; /* 17 bytes of headers */
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.max_headers = 2;
    r.limits.max_header_bytes = 17;
    assert_reads(&r, BYTES(bytes), "GET / 1.1 keep 0 \n");
    r.limits.max_headers = 1;
    assert_reads(&r, BYTES(bytes), "failed too_many_headers\n");
    r.limits.max_headers = 2;
    r.limits.max_header_bytes = 16;
    assert_reads(&r, BYTES(bytes), "failed headers_too_large\n");
    r.limits.max_header_bytes = 1;
    assert_reads(&r, BYTES(bytes), "failed headers_too_large\n");
}

static void limits_of_trailers_are_counted_anew(void **state)
{
    (void)state;
    static const char bytes[] =
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n";
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.max_headers = 2;
    assert_reads(&r, BYTES(bytes), "PUT / 1.1 keep 1 x\n");
    r.limits.max_header_bytes = 39;
    assert_reads(&r, BYTES(bytes), "PUT / 1.1 keep 1 x\n");
    r.limits.max_header_bytes = 38;
    assert_reads(&r, BYTES(bytes), "failed headers_too_large\n");
}

static void limit_of_the_chunk_line(void **state)
{
    (void)state;
    static const char head[] = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    char bytes[200];
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.max_line_bytes = 30;
    int n = snprintf(bytes, sizeof bytes, "%s%s", head, "1;0123456789012345678901234567\r\nx\r\n0\r\n\r\n");
    assert_reads(&r, bytes, (size_t)n, "PUT / 1.1 keepfailed chunk_line_too_long\n");
    n = snprintf(bytes, sizeof bytes, "%s%s", head, "1;01234567890123456789012345\r\nx\r\n0\r\n\r\n");
    assert_reads(&r, bytes, (size_t)n, "PUT / 1.1 keep 1 x\n");
    n = snprintf(bytes, sizeof bytes, "%s%s", head,
                 "000000000000000000000000000000000000000000000000000000001\r\nx\r\n");
    assert_reads(&r, bytes, (size_t)n, "PUT / 1.1 keepfailed chunk_line_too_long\n");
}

static void limit_of_the_body(void **state)
{
    (void)state;
    struct reading r = reading_default(HTTP1_REQUESTS);
    r.limits.max_body_bytes = 4;
    assert_reads(&r, BYTES("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"), "PUT / 1.1 keep 4 abcd\n");
    assert_reads(&r, BYTES("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"), "failed body_too_large\n");
    assert_reads(&r, CHUNKS("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), "PUT / 1.1 keep 4 abcd\n");
    assert_reads(&r, CHUNKS("3\r\nabc\r\n2\r\n"), "PUT / 1.1 keepfailed body_too_large\n");
    r.role = HTTP1_RESPONSES;
    r.end_of_input = true;
    assert_reads(&r, BYTES("HTTP/1.1 200 OK\r\n\r\nabcd"), "200 1.1 close 4 abcd\n");
    assert_reads(&r, BYTES("HTTP/1.1 200 OK\r\n\r\nabcde"), "200 1.1 closefailed body_too_large\n");
    r.head_requests = true;
    assert_reads(&r, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "200 1.1 keep 0 \n");
}

/* ---- what is sent to hurt ---- */

/* Feeds `unit` again and again until the parser fails; how many bytes it took. */
static size_t bytes_until_failure(const char *begin, const char *unit, size_t most, enum http1_cause expected)
{
    struct http1_limits limits;
    http1_limits_default(&limits);
    struct http1_parser p;
    struct http1_piece piece;
    http1_parser_init(&p, HTTP1_REQUESTS);
    size_t fed = 0;
    enum http1_event event = HTTP1_EVENT_MORE;
    for (const char *text = begin; event != HTTP1_EVENT_FAILED && fed < most; text = unit) {
        const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
        do {
            event = http1_parser_next(&p, &limits, &at, end, &piece);
        } while (event != HTTP1_EVENT_MORE && event != HTTP1_EVENT_FAILED);
        fed += (size_t)(at - (const uint8_t *)text);
    }
    assert_int_equal(event, HTTP1_EVENT_FAILED);
    assert_int_equal(p.cause, expected);
    return fed;
}

static void endless_heads_are_cut_off(void **state)
{
    (void)state;
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    assert_true(bytes_until_failure("GET /", "aaaaaaaaaaaaaaaa", 1 << 20, HTTP1_CAUSE_LINE_TOO_LONG) <= 8192 + 5);
    assert_true(bytes_until_failure("GET", "GETGETGET", 1 << 20, HTTP1_CAUSE_LINE_TOO_LONG) <= 8192 + 3);
    assert_true(bytes_until_failure("\r\n", "\r\n", 1 << 20, HTTP1_CAUSE_LINE_TOO_LONG) <= 8192);
    assert_true(bytes_until_failure("GET / HTTP/1.1\r\nHost: a\r\nX: ", "a value of a megabyte", 1 << 20,
                                    HTTP1_CAUSE_HEADERS_TOO_LARGE) < 65600);
    assert_true(bytes_until_failure("GET / HTTP/1.1\r\nHost: a\r\n", "a-name-of-a-megabyte", 1 << 20,
                                    HTTP1_CAUSE_HEADERS_TOO_LARGE) < 65600);
    assert_true(bytes_until_failure(head, "X: y\r\n", 1 << 23, HTTP1_CAUSE_TOO_MANY_HEADERS) <= sizeof head + 6 * 100);
    assert_true(bytes_until_failure("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "0000000000",
                                    1 << 20, HTTP1_CAUSE_CHUNK_LINE_TOO_LONG) < 8300);
    assert_true(bytes_until_failure("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n",
                                    1 << 23, HTTP1_CAUSE_TOO_MANY_HEADERS) < 1000);
}

/* A head of a megabyte, or of a million lines, in one buffer. */
static void huge_heads_in_one_buffer(void **state)
{
    (void)state;
    size_t length = 6 * 1000000 + 64;
    char *bytes = malloc(length);
    assert_non_null(bytes);
    size_t at = (size_t)snprintf(bytes, 64, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 0; i < 1000000; i++, at += 6)
        memcpy(bytes + at, "X: y\r\n", 6);
    struct reading r = reading_default(HTTP1_REQUESTS);
    for (unsigned variant = 0; variant < 2; variant++) {
        struct http1_parser p;
        struct http1_piece piece;
        enum http1_event event;
        const uint8_t *from = (const uint8_t *)bytes;
        http1_parser_init(&p, HTTP1_REQUESTS);
        while ((event = http1_parser_next(&p, &r.limits, &from, (const uint8_t *)bytes + at, &piece)) !=
               HTTP1_EVENT_FAILED)
            assert_int_equal(event, HTTP1_EVENT_TARGET);
        assert_int_equal(p.cause, variant ? HTTP1_CAUSE_HEADERS_TOO_LARGE : HTTP1_CAUSE_TOO_MANY_HEADERS);
        memset(bytes + 28, 'y', at - 28);
    }
    free(bytes);
}

/* Every single byte of a message replaced by every value: the same result however it is cut. */
static void one_byte_changed_anywhere(void **state)
{
    (void)state;
    static const char sample[] =
        "PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\n"
        "abc\r\n0\r\nT: u\r\n\r\n";
    struct reading whole = reading_default(HTTP1_REQUESTS), alone = whole;
    alone.resumable_only = true;
    uint8_t bytes[sizeof sample - 1];
    size_t cuts[sizeof bytes];
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        cuts[i] = i + 1;
    for (size_t at = 0; at < sizeof bytes; at++)
        for (unsigned value = 0; value < 256; value++) {
            static struct transcript a, b;
            memcpy(bytes, sample, sizeof bytes);
            bytes[at] = (uint8_t)value;
            transcript_of(&a, &whole, bytes, sizeof bytes, NULL, 0);
            transcript_of(&b, &alone, bytes, sizeof bytes, cuts, sizeof bytes - 1);
            assert_string_equal(a.text, b.text);
        }
}

/* Pieces of messages put together at random. */
static void random_messages_read_the_same_however_cut(void **state)
{
    (void)state;
    static const char *const words[] = {"GET ",
                                        "PUT ",
                                        "/",
                                        "/x ",
                                        "HTTP/1.1",
                                        "HTTP/1.0",
                                        "\r\n",
                                        "\r\n\r\n",
                                        "Host: a\r\n",
                                        "Content-Length: ",
                                        "5",
                                        "hello",
                                        "Transfer-Encoding: chunked\r\n",
                                        "0\r\n\r\n",
                                        "3\r\nabc\r\n",
                                        ";x=y",
                                        "Connection: ",
                                        "close",
                                        "keep-alive",
                                        ", ",
                                        ":",
                                        " ",
                                        "\n",
                                        "\r",
                                        "X: y\r\n",
                                        "a-longer-name-than-one-block_: with a longer value\r\n",
                                        "HTTP/1.1 200 OK\r\n",
                                        "HTTP/1.1 204 \r\n",
                                        "Expect: 100-continue\r\n",
                                        "GET / HTTP/1.1\r\nHost: a\r\n"};
    struct dice d = {2024};
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[1024];
        size_t length = 0;
        for (unsigned n = dice_below(&d, 14); n > 0; n--) {
            const char *word = words[dice_below(&d, ARRAY_SIZE(words))];
            memcpy(bytes + length, word, strlen(word));
            length += strlen(word);
        }
        struct reading r = reading_default(dice_one_in(&d, 3) ? HTTP1_RESPONSES : HTTP1_REQUESTS);
        r.limits.lenient = dice_one_in(&d, 3);
        r.end_of_input = dice_one_in(&d, 2);
        static struct transcript a, b;
        size_t cuts[3] = {0};
        cuts[0] = dice_below(&d, (uint32_t)length + 1);
        cuts[1] = cuts[0] + dice_below(&d, (uint32_t)(length - cuts[0]) + 1);
        transcript_of(&a, &r, (const uint8_t *)bytes, length, NULL, 0);
        r.resumable_only = dice_one_in(&d, 2);
        transcript_of(&b, &r, (const uint8_t *)bytes, length, cuts, 2);
        assert_string_equal(a.text, b.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines),
        cmocka_unit_test(status_lines),
        cmocka_unit_test(header_lines),
        cmocka_unit_test(hosts_and_expectations),
        cmocka_unit_test(content_lengths),
        cmocka_unit_test(transfer_encodings),
        cmocka_unit_test(chunks),
        cmocka_unit_test(messages_before_the_wrong_one_are_whole),
        cmocka_unit_test(limit_of_the_request_line),
        cmocka_unit_test(limit_of_the_status_line),
        cmocka_unit_test(limits_of_headers),
        cmocka_unit_test(limits_of_trailers_are_counted_anew),
        cmocka_unit_test(limit_of_the_chunk_line),
        cmocka_unit_test(limit_of_the_body),
        cmocka_unit_test(endless_heads_are_cut_off),
        cmocka_unit_test(huge_heads_in_one_buffer),
        cmocka_unit_test(one_byte_changed_anywhere),
        cmocka_unit_test(random_messages_read_the_same_however_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
