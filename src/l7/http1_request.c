/* SPDX-License-Identifier: MIT */
/*
 * Preparing requests: RFC 9112 section 3, RFC 9110 sections 7.2 and 8.6. The head is laid out once, with framing that
 * the body's length decides; nothing about it is computed while sending.
 */
#include "l7/http1_request.h"

#include <stdio.h>

#include "base/error.h"
#include "l7/http1_text.h"

static int refuse(char *message, const char *text)
{
    snprintf(message, HTTP1_MESSAGE_BYTES, "%s", text);
    return ERR_INVALID;
}

static int check_spec(const struct http1_request_spec *spec, char *message)
{
    static const char *const reserved[] = {"Host", "Connection", "Content-Length", "Transfer-Encoding", NULL};
    if ((unsigned)spec->method >= HTTP1_METHOD_COUNT)
        return refuse(message, "method: not one of GET, POST, PUT, DELETE, HEAD");
    if (spec->method == HTTP1_HEAD && spec->expect.check_digest)
        return refuse(message, "expect: a response to HEAD has no body whose digest could be checked");
    if (spec->expect.status != 0 && (spec->expect.status < 200 || spec->expect.status > 599))
        return refuse(message, "expect: the status of a final response is 200 to 599, or 0 for any success");
    int error = http1_check_target(spec->target, message);
    if (!error)
        error = http1_check_value("host", spec->host, message);
    if (!error)
        error = http1_check_headers(spec->headers, spec->n_headers, reserved, message);
    return error;
}

/* RFC 9110 8.6: POST and PUT say that their body is empty. */
static bool has_framing(const struct http1_request_spec *spec)
{
    return spec->body_length || spec->method == HTTP1_POST || spec->method == HTTP1_PUT;
}

static void add_framing(struct http1_text *t, const struct http1_request_spec *spec)
{
    if (!has_framing(spec))
        return;
    if (spec->chunk_bytes) {
        http1_text_add(t, "Transfer-Encoding: chunked\r\n");
        return;
    }
    http1_text_add(t, "Content-Length: ");
    http1_text_add_number(t, spec->body_length);
    http1_text_add(t, "\r\n");
}

static void add_head(struct http1_text *t, const struct http1_request_spec *spec)
{
    http1_text_add(t, http1_method_name(spec->method));
    http1_text_add(t, " ");
    http1_text_add(t, spec->target);
    http1_text_add(t, " HTTP/1.1\r\n");
    http1_text_add_header(t, "Host", spec->host);
    http1_text_add_headers(t, spec->headers, spec->n_headers);
    add_framing(t, spec);
    if (spec->close)
        http1_text_add_header(t, "Connection", "close");
    http1_text_add(t, "\r\n");
}

/* How the block is laid out: the record, a pattern block where the body is generated, the text. */
struct layout {
    size_t head_bytes;
    uint64_t body_bytes; /* on the wire */
    size_t pattern_bytes;
    bool streamed;
};

static size_t text_bytes(const struct layout *l) { return l->head_bytes + (l->streamed ? 0 : (size_t)l->body_bytes); }

static size_t block_bytes(const struct layout *l)
{
    return sizeof(struct http1_request) + l->pattern_bytes + text_bytes(l);
}

static struct layout lay_out(const struct http1_request_spec *spec, const struct http1_body *body)
{
    struct http1_text measured = {0};
    add_head(&measured, spec);
    uint64_t wire = http1_body_wire_bytes(body);
    return (struct layout){
        .head_bytes = measured.length,
        .body_bytes = wire,
        .pattern_bytes = spec->body_length && !spec->body ? HTTP1_PATTERN_BYTES : 0,
        .streamed = wire > HTTP1_INLINE_BYTES,
    };
}

static void fill(struct http1_request *r, const struct http1_request_spec *spec, const struct layout *l)
{
    uint8_t *pattern = (uint8_t *)(r + 1);
    uint8_t *text = pattern + l->pattern_bytes;
    http1_pattern_fill(pattern, 0, l->pattern_bytes);
    http1_body_init(&r->body, spec->body, pattern, spec->body_length, has_framing(spec) ? spec->chunk_bytes : 0);
    struct http1_text head = {.bytes = text, .room = l->head_bytes};
    add_head(&head, spec);
    if (!l->streamed)
        http1_body_encode(&r->body, text + l->head_bytes);
    r->bytes = text;
    r->bytes_length = (uint32_t)text_bytes(l);
    r->method = (uint8_t)spec->method;
    r->close = spec->close;
    r->streamed = l->streamed;
    r->expect = spec->expect;
    r->wire_bytes = l->head_bytes + l->body_bytes;
}

int http1_request_prepare(const struct http1_request_spec *spec, const struct allocator *a, struct http1_request **out,
                          char message[256])
{
    *out = NULL;
    int error = check_spec(spec, message);
    if (error)
        return error;
    struct http1_body body;
    http1_body_init(&body, spec->body, NULL, spec->body_length, has_framing(spec) ? spec->chunk_bytes : 0);
    struct layout layout = lay_out(spec, &body);
    if (layout.head_bytes > UINT32_MAX - HTTP1_INLINE_BYTES)
        return refuse(message, "headers: together larger than 4 GiB");
    size_t size = block_bytes(&layout);
    struct http1_request *r = alloc_zeroed(a, size, alignof(struct http1_request));
    if (!r) {
        snprintf(message, HTTP1_MESSAGE_BYTES, "request: no memory for %zu bytes", size);
        return ERR_NO_MEMORY;
    }
    fill(r, spec, &layout);
    r->allocator = a;
    r->size = size;
    *out = r;
    return ERR_OK;
}

void http1_request_delete(struct http1_request *r)
{
    if (r)
        alloc_free(r->allocator, r, r->size);
}

uint64_t http1_request_bytes(const struct http1_request *r) { return r->wire_bytes; }
