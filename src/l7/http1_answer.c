/* SPDX-License-Identifier: MIT */
/*
 * Preparing responses: RFC 9112 sections 4 and 9.3, RFC 9110 section 8.6. No Date is sent: equal runs send equal bytes.
 */
#include "l7/http1_answer.h"

#include "base/error.h"

struct http1_arena_block {
    struct http1_arena_block *next;
    size_t size;
    max_align_t memory[];
};

/* Small things share blocks of this size. */
#define ARENA_BLOCK_BYTES 512u

void *http1_arena_alloc(struct http1_arena *a, size_t size)
{
    size_t total, rounded;
    if (__builtin_add_overflow(size, alignof(max_align_t) - 1, &rounded))
        return NULL;
    rounded &= ~(alignof(max_align_t) - 1);
    if (rounded > a->room) {
        size_t room = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
        if (__builtin_add_overflow(room, sizeof(struct http1_arena_block), &total))
            return NULL;
        struct http1_arena_block *b = alloc_zeroed(a->allocator, total, alignof(struct http1_arena_block));
        if (!b)
            return NULL;
        b->next = a->blocks;
        b->size = total;
        a->blocks = b;
        a->at = (uint8_t *)b->memory;
        a->room = room;
    }
    void *memory = a->at;
    a->at += rounded;
    a->room -= rounded;
    return memory;
}

void http1_arena_free(struct http1_arena *a)
{
    while (a->blocks) {
        struct http1_arena_block *b = a->blocks;
        a->blocks = b->next;
        alloc_free(a->allocator, b, b->size);
    }
}

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

/* RFC 9112 4: a reason may be empty. */
static const char *reason_of(uint16_t status)
{
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static bool is_last(enum http1_persistence p) { return p == HTTP1_LAST || p == HTTP1_LAST_1_0; }

static void add_length(struct http1_text *t, uint64_t length)
{
    http1_text_add(t, "Content-Length: ");
    http1_text_add_number(t, length);
    http1_text_add(t, "\r\n");
}

static void add_persistence(struct http1_text *t, enum http1_persistence p)
{
    if (is_last(p))
        http1_text_add_header(t, "Connection", "close");
    else if (p == HTTP1_KEEP_1_0)
        http1_text_add_header(t, "Connection", "keep-alive");
    http1_text_add(t, "\r\n");
}

static void add_status_line(struct http1_text *t, uint16_t status)
{
    http1_text_add(t, "HTTP/1.1 ");
    http1_text_add_number(t, status);
    http1_text_add(t, " ");
    http1_text_add(t, reason_of(status));
    http1_text_add(t, "\r\n");
}

static void add_head(struct http1_text *t, const struct http1_answer_spec *spec, enum http1_persistence p)
{
    add_status_line(t, spec->status);
    if (spec->server_name)
        http1_text_add_header(t, "Server", spec->server_name);
    if (spec->content_type && spec->framing != HTTP1_FRAMING_NONE)
        http1_text_add_header(t, "Content-Type", spec->content_type);
    if (spec->allow)
        http1_text_add_header(t, "Allow", spec->allow);
    http1_text_add_headers(t, spec->headers, spec->n_headers);
    if (spec->framing == HTTP1_FRAMING_LATER)
        return;
    if (spec->framing == HTTP1_FRAMING_CHUNKED && !http1_answer_is_1_0(p))
        http1_text_add_header(t, "Transfer-Encoding", "chunked");
    else if (spec->framing == HTTP1_FRAMING_LENGTH || spec->framing == HTTP1_FRAMING_CHUNKED)
        add_length(t, spec->body_length);
    add_persistence(t, p);
}

/* One form of the head, and the body behind it where it is small. */
static int prepare_form(struct http1_answer *answer, const struct http1_answer_spec *spec, enum http1_persistence p,
                        struct http1_arena *arena)
{
    struct http1_text measured = {0};
    add_head(&measured, spec, p);
    const struct http1_body *body = http1_answer_body(answer, p);
    uint64_t wire = spec->framing == HTTP1_FRAMING_LATER ? 0 : http1_body_wire_bytes(body);
    bool laid_behind = wire <= HTTP1_INLINE_BYTES && !(spec->apart && spec->body_length > 0);
    size_t behind = laid_behind ? (size_t)wire : 0;
    if (measured.length > UINT32_MAX - HTTP1_INLINE_BYTES)
        return ERR_NO_MEMORY;
    struct http1_text t = {.bytes = http1_arena_alloc(arena, measured.length + behind), .room = measured.length};
    if (!t.bytes)
        return ERR_NO_MEMORY;
    add_head(&t, spec, p);
    if (behind)
        http1_body_encode(body, t.bytes + t.length);
    answer->form[p] = (struct http1_answer_form){t.bytes, (uint32_t)t.length, (uint32_t)(t.length + behind)};
    return ERR_OK;
}

int http1_answer_prepare(struct http1_answer *answer, const struct http1_answer_spec *spec, struct http1_arena *arena)
{
    uint32_t chunk_bytes = spec->framing == HTTP1_FRAMING_CHUNKED ? spec->chunk_bytes : 0;
    answer->status = spec->status;
    answer->framing = (uint8_t)spec->framing;
    http1_body_init(&answer->body, spec->body, spec->pattern, spec->body_length, chunk_bytes);
    http1_body_init(&answer->plain_body, spec->body, spec->pattern, spec->body_length, 0);
    for (int p = 0; p < HTTP1_PERSISTENCE_COUNT; p++) {
        int error = prepare_form(answer, spec, (enum http1_persistence)p, arena);
        if (error)
            return error;
    }
    return ERR_OK;
}

uint32_t http1_answer_end_head(uint8_t to[HTTP1_END_HEAD_BYTES], enum http1_persistence p, enum http1_framing framing,
                               uint64_t length)
{
    struct http1_text t = {.bytes = to, .room = HTTP1_END_HEAD_BYTES};
    if (framing == HTTP1_FRAMING_CHUNKED)
        http1_text_add_header(&t, "Transfer-Encoding", "chunked");
    else if (framing == HTTP1_FRAMING_LENGTH)
        add_length(&t, length);
    add_persistence(&t, p);
    assert(t.length <= t.room);
    return (uint32_t)t.length;
}
