/* SPDX-License-Identifier: MIT */
/*
 * Heads that lie whole in one buffer, the usual case: read line by line with wide scans, no state kept between bytes.
 * Only a head that is right in every respect is taken; at the first doubt the parser is put back and the resumable
 * machine reads the same bytes. Values of known fields other than a plain Content-Length go through the machine's own
 * functions, so that both agree.
 */
#include "l7/http1_field.h"

#include "base/bytes.h"
#include "l7/http1_scan.h"

/* The shortest head: "GET / HTTP/1.0" and two line ends. Scans rely on SCAN_BLOCK bytes before the end. */
#define HEAD_MIN 18
static_assert(HEAD_MIN >= SCAN_BLOCK, "scans read whole blocks");

static ALWAYS_INLINE uint64_t load8(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static ALWAYS_INLINE uint32_t load4(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static ALWAYS_INLINE uint16_t load2(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static ALWAYS_INLINE bool is_crlf(const uint8_t *p) { return load2(p) == load2("\r\n"); }

/*
 * The name's letters are compared in lower case; it is known to consist of token bytes, of which only letters fall
 * together.
 */
static ALWAYS_INLINE bool same8(const uint8_t *p, const char *lower)
{
    return (load8(p) | UINT64_C(0x2020202020202020)) == load8(lower);
}
static ALWAYS_INLINE bool same4(const uint8_t *p, const char *lower)
{
    return (load4(p) | 0x20202020u) == load4(lower);
}

/* The lengths of the known names. */
#define KNOWN_LENGTHS (1u << 4 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 10 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 19)
#define LONGEST_NAME 19

/* The names whose values are noted: the machine hands them out, if anybody wants them. */
static NOINLINE enum http1_field find_noted(const uint8_t *name, size_t length)
{
    if (length == 5)
        return same4(name, "rang") && same4(name + 1, "ange") ? HTTP1_FIELD_RANGE : HTTP1_FIELD_OTHER;
    if (length == 8)
        return same8(name, "if-range")   ? HTTP1_FIELD_IF_RANGE
               : same8(name, "if-match") ? HTTP1_FIELD_IF_MATCH
                                         : HTTP1_FIELD_OTHER;
    if (length == 13)
        return same8(name, "if-none-") && same8(name + 5, "ne-match") ? HTTP1_FIELD_IF_NONE_MATCH : HTTP1_FIELD_OTHER;
    if (length == 17)
        return same8(name, "if-modif") && same8(name + 8, "ied-sinc") && same4(name + 13, "ince")
                   ? HTTP1_FIELD_IF_MODIFIED_SINCE
                   : HTTP1_FIELD_OTHER;
    return same8(name, "if-unmod") && same8(name + 8, "ified-si") && same4(name + 15, "ince")
               ? HTTP1_FIELD_IF_UNMODIFIED_SINCE
               : HTTP1_FIELD_OTHER;
}

/* The length decides which name it can be; overlapping words compare the rest. */
static ALWAYS_INLINE enum http1_field find_field(const uint8_t *name, size_t length)
{
    if (length > LONGEST_NAME || !(KNOWN_LENGTHS >> length & 1))
        return HTTP1_FIELD_OTHER;
    switch (length) {
    case 14:
        return same8(name, "content-") && same8(name + 6, "t-length") ? HTTP1_FIELD_CONTENT_LENGTH : HTTP1_FIELD_OTHER;
    case 4:
        return same4(name, "host") ? HTTP1_FIELD_HOST : HTTP1_FIELD_OTHER;
    case 10:
        return same8(name, "connecti") && same8(name + 2, "nnection") ? HTTP1_FIELD_CONNECTION : HTTP1_FIELD_OTHER;
    case 6:
        return same4(name, "expe") && same4(name + 2, "pect") ? HTTP1_FIELD_EXPECT : HTTP1_FIELD_OTHER;
    case 17:
        if (same8(name, "transfer") && same8(name + 8, "-encodin") && same8(name + 9, "encoding"))
            return HTTP1_FIELD_TRANSFER_ENCODING;
        return find_noted(name, length);
    default:
        return find_noted(name, length);
    }
}

static NOINLINE enum http1_cause read_value(struct http1_parser *p, enum http1_field field, const uint8_t *at,
                                            const uint8_t *end)
{
    enum http1_cause cause = http1_value_begin(p, field);
    while (!cause && at < end)
        cause = http1_value_byte(p, *at++);
    return cause ? cause : http1_value_end(p);
}

/* A Content-Length of one to 18 digits and nothing else; otherwise as any value. */
static ALWAYS_INLINE enum http1_cause read_length(struct http1_parser *p, const uint8_t *value, const uint8_t *end)
{
    uint64_t length = 0;
    const uint8_t *at = value;
    for (; at < end && (uint8_t)(*at - '0') <= 9; at++)
        length = length * 10 + (uint8_t)(*at - '0');
    if (unlikely(at < end || at == value || end - value > 18))
        return read_value(p, HTTP1_FIELD_CONTENT_LENGTH, value, end);
    return http1_length_found(p, length);
}

/* A known field of the head with its value [value, end). Not HTTP1_CAUSE_NONE: the machine shall read the head. */
static ALWAYS_INLINE enum http1_cause take_field(struct http1_parser *p, enum http1_field field, const uint8_t *value,
                                                 const uint8_t *end)
{
    if (field == HTTP1_FIELD_CONTENT_LENGTH)
        return read_length(p, value < end && *value == ' ' ? value + 1 : value, end);
    if (field == HTTP1_FIELD_HOST || field == HTTP1_FIELD_EXPECT) {
        if (p->role != HTTP1_REQUESTS)
            return HTTP1_CAUSE_NONE;
        if (field == HTTP1_FIELD_HOST)
            return http1_host_found(p);
    }
    if (http1_field_is_noted(field))
        return p->takes_notes ? HTTP1_CAUSE_BAD_HEADER_NAME : HTTP1_CAUSE_NONE;
    return read_value(p, field, value, end);
}

/*
 * The block at `at`, of which only the bytes before `end` count: near the end the last whole block is read and the
 * answers are shifted by *skip.
 */
static ALWAYS_INLINE struct scan_block block_at(const uint8_t *at, const uint8_t *end, unsigned *skip)
{
    const uint8_t *from = end - at < SCAN_BLOCK ? end - SCAN_BLOCK : at;
    *skip = (unsigned)(at - from);
    return scan_load(from);
}

/* The first control character that is no tab in [at, end), or end. */
static ALWAYS_INLINE const uint8_t *value_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        unsigned skip;
        struct scan_block block = block_at(at, end, &skip);
        uint32_t controls = scan_controls(block) >> skip;
        if (likely(controls)) {
            at += __builtin_ctz(controls);
            if (likely(*at != '\t'))
                return at;
            at++;
        } else {
            at += SCAN_BLOCK - skip;
        }
    }
    return end;
}

/* The ':' of a name that is longer than a block or has rarer bytes in it, or NULL. */
static NOINLINE const uint8_t *find_colon(const uint8_t *name, const uint8_t *end)
{
    const uint8_t *at = scan_while(name, end, SCAN_TOKEN);
    return at < end && at > name && *at == ':' ? at : NULL;
}

/*
 * One header line, whose first block shows the name and often the end: the byte behind it, or NULL. `near_end` is
 * constant: only near the end of the buffer have the block's answers to be shifted.
 */
static ALWAYS_INLINE const uint8_t *take_line(struct http1_parser *p, const uint8_t *name, const uint8_t *end,
                                              bool near_end)
{
    unsigned skip = 0;
    struct scan_block block = near_end ? block_at(name, end, &skip) : scan_load(name);
    uint32_t colons = scan_colons(block) >> skip;
    uint32_t before = (colons - 1) & ~colons; /* the bytes before the first; all 32 when there is none */
    uint32_t common = scan_common_name(block) >> skip;
    uint32_t controls = scan_controls(block) >> skip;
    const uint8_t *colon, *stop;
    if (likely(!((before & ~common) | (colons & 1))))
        colon = name + __builtin_ctz(colons);
    else if (!(colon = find_colon(name, end)))
        return NULL;
    if (controls)
        stop = name + __builtin_ctz(controls);
    else
        stop = value_end(name + SCAN_BLOCK - skip, end);
    if (stop >= end - 1 || unlikely(!is_crlf(stop))) {
        stop = value_end(colon + 1, end); /* past tabs */
        if (stop >= end - 1 || !is_crlf(stop))
            return NULL;
    }
    enum http1_field field = find_field(name, (size_t)(colon - name));
    if (field != HTTP1_FIELD_OTHER && take_field(p, field, colon + 1, stop))
        return NULL;
    return stop + 2;
}

/* The header lines from `at` on, with the empty line: the byte behind, or NULL. */
static ALWAYS_INLINE const uint8_t *take_headers(struct http1_parser *p, const struct http1_limits *limits,
                                                 const uint8_t *at, const uint8_t *end)
{
    const uint8_t *first = at, *last_block = end - SCAN_BLOCK;
    uint32_t lines = 0;
    for (;; lines++) {
        bool near_end = at > last_block;
        if (unlikely(at > end - 2))
            return NULL;
        if (is_crlf(at))
            break;
        at = likely(!near_end) ? take_line(p, at, end, false) : take_line(p, at, end, true);
        if (!at)
            return NULL;
    }
    at += 2;
    p->headers = lines;
    return lines <= limits->max_headers && (uint64_t)(at - first) <= limits->max_header_bytes ? at : NULL;
}

/* The method and its space: how long they are, or 0. */
static ALWAYS_INLINE size_t take_method(struct http1_parser *p, const uint8_t *at)
{
    uint32_t word = load4(at);
    if (word == load4("GET ")) {
        p->method = HTTP1_GET;
        return 4;
    }
    if (word == load4("PUT ")) {
        p->method = HTTP1_PUT;
        return 4;
    }
    if (at[4] == ' ' && (word == load4("POST") || word == load4("HEAD"))) {
        p->method = word == load4("POST") ? HTTP1_POST : HTTP1_HEAD;
        return 5;
    }
    if (word == load4("DELE") && load2(at + 4) == load2("TE") && at[6] == ' ') {
        p->method = HTTP1_DELETE;
        return 7;
    }
    if (load8(at) == load8("OPTIONS ")) {
        p->method = HTTP1_OPTIONS;
        return 8;
    }
    return 0;
}

/* "HTTP/1.0" or "HTTP/1.1". */
static ALWAYS_INLINE bool take_version(struct http1_parser *p, const uint8_t *at)
{
    uint64_t word = load8(at);
    p->minor = word == load8("HTTP/1.1");
    return p->minor || word == load8("HTTP/1.0");
}

static ALWAYS_INLINE const uint8_t *target_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        unsigned skip;
        struct scan_block block = block_at(at, end, &skip);
        uint32_t bits = scan_not_target(block) >> skip;
        if (likely(bits))
            return at + __builtin_ctz(bits);
        at += SCAN_BLOCK - skip;
    }
    return end;
}

/* The request line: the byte behind, or NULL. */
static ALWAYS_INLINE const uint8_t *take_request_line(struct http1_parser *p, const uint8_t *at, const uint8_t *end,
                                                      struct http1_piece *target)
{
    size_t method = take_method(p, at);
    if (!method)
        return NULL;
    at += method;
    const uint8_t *stop = target_end(at, end);
    if (stop == at || end - stop < 11 || *stop != ' ' || !take_version(p, stop + 1) || !is_crlf(stop + 9))
        return NULL;
    *target = (struct http1_piece){at, (uint32_t)(stop - at)};
    return stop + 11;
}

/* The status line: the byte behind, or NULL. */
static ALWAYS_INLINE const uint8_t *take_status_line(struct http1_parser *p, const uint8_t *at, const uint8_t *end)
{
    if (!take_version(p, at) || at[8] != ' ' || at[12] != ' ')
        return NULL;
    unsigned a = (unsigned)at[9] - '0', b = (unsigned)at[10] - '0', c = (unsigned)at[11] - '0';
    if (a < 1 || a > 5 || b > 9 || c > 9)
        return NULL;
    p->status = (uint16_t)(a * 100 + b * 10 + c);
    const uint8_t *stop = value_end(at + 13, end);
    return end - stop >= 2 && is_crlf(stop) ? stop + 2 : NULL;
}

bool http1_fast_head(struct http1_parser *p, const struct http1_limits *limits, const uint8_t **at, const uint8_t *end,
                     struct http1_piece *target)
{
    const uint8_t *start = *at;
    if (end - start < HEAD_MIN)
        return false;
    http1_message_begin(p);
    const uint8_t *headers =
        p->role == HTTP1_REQUESTS ? take_request_line(p, start, end, target) : take_status_line(p, start, end);
    if (!headers || (uint64_t)(headers - start) > limits->max_line_bytes)
        return false;
    const uint8_t *behind = take_headers(p, limits, headers, end);
    if (!behind || http1_head_complete(p, limits)) {
        p->state = HTTP1_STATE_IDLE;
        return false;
    }
    *at = behind;
    return true;
}
