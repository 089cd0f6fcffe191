/* SPDX-License-Identifier: MIT */
/*
 * The resumable machine: one function for each state. A step uses at least one byte, or changes the state, or gives
 * an event.
 *
 * Limits: a step that reads a line sees no more bytes than its limit leaves, so that a limit strikes at the same byte
 * however the message is cut. Of two things that are wrong the earlier one is named.
 */
#include "l7/http1_parser.h"

#include "l7/http1_field.h"
#include "l7/http1_scan.h"

struct input {
    const uint8_t *at;
    const uint8_t *end; /* for the step: shortened to what the limit allows */
    const struct http1_limits *limits;
    struct http1_piece *piece;
};

/* HTTP1_EVENT_MORE: nothing to report yet. */
typedef enum http1_event step_fn(struct http1_parser *p, struct input *in);

static enum http1_event fail(struct http1_parser *p, enum http1_cause cause)
{
    p->state = HTTP1_STATE_FAILED;
    p->cause = (uint8_t)cause;
    return HTTP1_EVENT_FAILED;
}

static enum http1_event enter(struct http1_parser *p, enum http1_state state)
{
    p->state = (uint8_t)state;
    p->at = 0;
    return HTTP1_EVENT_MORE;
}

/* What a byte that ends a line leads to: CR to `cr`, a bare LF where it is allowed to `lf`. Others are `cause`. */
static enum http1_event end_line(struct http1_parser *p, struct input *in, enum http1_state cr, enum http1_state lf,
                                 enum http1_cause cause)
{
    uint8_t c = *in->at++;
    if (c == '\r')
        return enter(p, cr);
    if (c != '\n')
        return fail(p, cause);
    return in->limits->lenient ? enter(p, lf) : fail(p, HTTP1_CAUSE_BARE_LF);
}

/* The LF after a CR. */
static bool take_lf(struct input *in) { return *in->at++ == '\n'; }

static enum http1_event step_idle(struct http1_parser *p, struct input *in)
{
    (void)in;
    http1_message_begin(p);
    return enter(p, p->role == HTTP1_REQUESTS ? HTTP1_STATE_START : HTTP1_STATE_VERSION);
}

/* RFC 9112 2.2: empty lines before a request line are ignored. */
static enum http1_event step_start(struct http1_parser *p, struct input *in)
{
    uint8_t c = *in->at;
    if (c == '\r' || c == '\n')
        return end_line(p, in, HTTP1_STATE_START_LF, HTTP1_STATE_START, HTTP1_CAUSE_BAD_METHOD);
    enter(p, HTTP1_STATE_METHOD);
    http1_method_begin(p);
    return HTTP1_EVENT_MORE;
}

static enum http1_event step_start_lf(struct http1_parser *p, struct input *in)
{
    return take_lf(in) ? enter(p, HTTP1_STATE_START) : fail(p, HTTP1_CAUSE_BARE_CR);
}

static enum http1_event step_method(struct http1_parser *p, struct input *in)
{
    while (in->at < in->end && scan_is_token(*in->at))
        http1_method_byte(p, *in->at++);
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    if (*in->at++ != ' ' || p->at == 0)
        return fail(p, HTTP1_CAUSE_BAD_METHOD);
    enum http1_method method = http1_method_end(p);
    if (method == HTTP1_METHOD_COUNT)
        return fail(p, HTTP1_CAUSE_UNKNOWN_METHOD);
    p->method = (uint8_t)method;
    return enter(p, HTTP1_STATE_TARGET);
}

/* p->at: 1 once the target has a byte. */
static enum http1_event step_target(struct http1_parser *p, struct input *in)
{
    const uint8_t *from = in->at;
    in->at = scan_while(from, in->end, SCAN_TARGET);
    if (in->at > from) {
        p->at = 1;
        *in->piece = (struct http1_piece){from, (uint32_t)(in->at - from)};
        return HTTP1_EVENT_TARGET;
    }
    if (*in->at++ != ' ' || p->at == 0)
        return fail(p, HTTP1_CAUSE_BAD_TARGET);
    return enter(p, HTTP1_STATE_VERSION);
}

/* "HTTP/" digit "." digit, p->at the position in it. */
#define VERSION_LENGTH 8

static enum http1_cause version_byte(struct http1_parser *p, uint8_t c)
{
    bool digit = c >= '0' && c <= '9';
    bool fits = p->at == 5 || p->at == 7 ? digit : c == (uint8_t) "HTTP/0.0"[p->at];
    if (!fits)
        return p->role == HTTP1_REQUESTS ? HTTP1_CAUSE_BAD_VERSION : HTTP1_CAUSE_BAD_STATUS_LINE;
    if (p->at == 5 && c != '1')
        return HTTP1_CAUSE_UNSUPPORTED_VERSION;
    if (p->at == 7)
        p->minor = (uint8_t)(c - '0');
    p->at++;
    return HTTP1_CAUSE_NONE;
}

static enum http1_event step_version(struct http1_parser *p, struct input *in)
{
    while (p->at < VERSION_LENGTH) {
        if (in->at == in->end)
            return HTTP1_EVENT_MORE;
        enum http1_cause cause = version_byte(p, *in->at++);
        if (cause)
            return fail(p, cause);
    }
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    if (p->role == HTTP1_REQUESTS)
        return end_line(p, in, HTTP1_STATE_LINE_LF, HTTP1_STATE_HEADER, HTTP1_CAUSE_BAD_VERSION);
    return *in->at++ == ' ' ? enter(p, HTTP1_STATE_STATUS) : fail(p, HTTP1_CAUSE_BAD_STATUS_LINE);
}

/*
 * Three digits, the first 1 to 5 (RFC 9110 15), p->at of them read; then a space, which an empty reason may lack when
 * lenient.
 */
static enum http1_event step_status(struct http1_parser *p, struct input *in)
{
    uint8_t c = *in->at;
    if (p->at == 3) {
        if (c != ' ' && in->limits->lenient)
            return end_line(p, in, HTTP1_STATE_LINE_LF, HTTP1_STATE_HEADER, HTTP1_CAUSE_BAD_STATUS_LINE);
        in->at++;
        return c == ' ' ? enter(p, HTTP1_STATE_REASON) : fail(p, HTTP1_CAUSE_BAD_STATUS_LINE);
    }
    in->at++;
    if (c < '0' || c > '9' || (p->at == 0 && (c < '1' || c > '5')))
        return fail(p, HTTP1_CAUSE_BAD_STATUS_LINE);
    p->status = (uint16_t)(p->status * 10 + (c - '0'));
    p->at++;
    return HTTP1_EVENT_MORE;
}

/* The first byte in [at, end) that is no value byte, or end. */
static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= SCAN_BLOCK && scan_controls(scan_load(at)) == 0)
        at += SCAN_BLOCK;
    return scan_while(at, end, SCAN_VALUE);
}

static enum http1_event step_reason(struct http1_parser *p, struct input *in)
{
    in->at = skip_value(in->at, in->end);
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    return end_line(p, in, HTTP1_STATE_LINE_LF, HTTP1_STATE_HEADER, HTTP1_CAUSE_BAD_STATUS_LINE);
}

static enum http1_event step_line_lf(struct http1_parser *p, struct input *in)
{
    return take_lf(in) ? enter(p, HTTP1_STATE_HEADER) : fail(p, HTTP1_CAUSE_BARE_CR);
}

/* The empty line: of the head, or of the trailers. */
static enum http1_event end_head(struct http1_parser *p, struct input *in)
{
    if (p->flags & HTTP1_IN_TRAILERS)
        return enter(p, HTTP1_STATE_COMPLETE);
    enum http1_cause cause = http1_head_complete(p, in->limits);
    *in->piece = (struct http1_piece){in->at, 0};
    return cause ? fail(p, cause) : HTTP1_EVENT_HEAD;
}

static enum http1_event step_header(struct http1_parser *p, struct input *in)
{
    uint8_t c = *in->at;
    if (c == '\n' && in->limits->lenient) {
        in->at++;
        return end_head(p, in);
    }
    if (c == '\r' || c == '\n')
        return end_line(p, in, HTTP1_STATE_HEAD_LF, HTTP1_STATE_HEAD_LF, HTTP1_CAUSE_BARE_LF);
    if (c == ' ' || c == '\t')
        return fail(p, HTTP1_CAUSE_OBS_FOLD);
    if (p->headers >= in->limits->max_headers)
        return fail(p, HTTP1_CAUSE_TOO_MANY_HEADERS);
    p->headers++;
    enter(p, HTTP1_STATE_NAME);
    http1_name_begin(p);
    return HTTP1_EVENT_MORE;
}

static enum http1_event step_head_lf(struct http1_parser *p, struct input *in)
{
    return take_lf(in) ? end_head(p, in) : fail(p, HTTP1_CAUSE_BARE_CR);
}

static enum http1_event step_name(struct http1_parser *p, struct input *in)
{
    while (in->at < in->end && scan_is_token(*in->at))
        http1_name_byte(p, *in->at++);
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    uint8_t c = *in->at++;
    if (c == '\0')
        return fail(p, HTTP1_CAUSE_NUL_IN_HEADER);
    if (c != ':' || p->at == 0)
        return fail(p, HTTP1_CAUSE_BAD_HEADER_NAME);
    enum http1_field field = http1_name_end(p);
    p->state = HTTP1_STATE_VALUE;
    enum http1_cause cause = http1_value_begin(p, field);
    return cause ? fail(p, cause) : HTTP1_EVENT_MORE;
}

static enum http1_cause read_value(struct http1_parser *p, struct input *in)
{
    if (p->field == HTTP1_FIELD_OTHER) {
        in->at = skip_value(in->at, in->end);
        return HTTP1_CAUSE_NONE;
    }
    enum http1_cause cause = HTTP1_CAUSE_NONE;
    while (!cause && in->at < in->end && scan_is_value(*in->at))
        cause = http1_value_byte(p, *in->at++);
    return cause;
}

/* A noted value: its bytes are handed out, white space too. */
static bool take_note(struct http1_parser *p, struct input *in)
{
    if (!http1_field_is_noted(p->field))
        return false;
    const uint8_t *from = in->at;
    in->at = skip_value(from, in->end);
    *in->piece = (struct http1_piece){from, (uint32_t)(in->at - from)};
    return in->at > from;
}

static enum http1_event step_value(struct http1_parser *p, struct input *in)
{
    if (take_note(p, in))
        return HTTP1_EVENT_NOTE;
    enum http1_cause cause = read_value(p, in);
    if (cause)
        return fail(p, cause);
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    uint8_t c = *in->at;
    if (c == '\r' || c == '\n') {
        cause = http1_value_end(p);
        if (cause)
            return fail(p, cause);
    }
    return end_line(p, in, HTTP1_STATE_VALUE_LF, HTTP1_STATE_HEADER,
                    c == '\0' ? HTTP1_CAUSE_NUL_IN_HEADER : HTTP1_CAUSE_CONTROL_IN_HEADER);
}

static enum http1_event step_value_lf(struct http1_parser *p, struct input *in)
{
    return take_lf(in) ? enter(p, HTTP1_STATE_HEADER) : fail(p, HTTP1_CAUSE_BARE_CR);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = scan_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The size line is complete: a chunk's bytes follow, or the trailers. */
static enum http1_event begin_chunk(struct http1_parser *p, const struct http1_limits *limits)
{
    p->line_bytes = 0;
    if (p->length == 0) {
        p->flags |= HTTP1_IN_TRAILERS;
        p->headers = 0;
        return enter(p, HTTP1_STATE_HEADER);
    }
    if (p->body_bytes > limits->max_body_bytes || p->length > limits->max_body_bytes - p->body_bytes)
        return fail(p, HTTP1_CAUSE_BODY_TOO_LARGE);
    return enter(p, HTTP1_STATE_BODY_CHUNK);
}

/* A CR or LF after the size or extensions. */
static enum http1_event end_chunk_line(struct http1_parser *p, struct input *in, enum http1_cause cause)
{
    if (*in->at == '\n' && in->limits->lenient) {
        in->at++;
        return begin_chunk(p, in->limits);
    }
    return end_line(p, in, HTTP1_STATE_CHUNK_LF, HTTP1_STATE_CHUNK_LF, cause);
}

/* p->at: 1 once there is a digit. */
static enum http1_event step_chunk_size(struct http1_parser *p, struct input *in)
{
    for (int digit; in->at < in->end && (digit = hex_digit(*in->at)) >= 0; in->at++) {
        if (p->length >> 60)
            return fail(p, HTTP1_CAUSE_CHUNK_SIZE_OVERFLOW);
        p->length = p->length << 4 | (unsigned)digit;
        p->at = 1;
    }
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    if (p->at == 0)
        return fail(p, HTTP1_CAUSE_BAD_CHUNK_SIZE);
    uint8_t c = *in->at;
    if (c == ' ' || c == '\t')
        return enter(p, HTTP1_STATE_CHUNK_SPACE);
    if (c == ';')
        return enter(p, HTTP1_STATE_CHUNK_EXTENSION);
    return end_chunk_line(p, in, HTTP1_CAUSE_BAD_CHUNK_SIZE);
}

/*
 * RFC 9112 7.1.1: white space comes only before an extension; some old servers filled the size up with it, which
 * lenient takes.
 */
static enum http1_event step_chunk_space(struct http1_parser *p, struct input *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
    if (in->at == in->end)
        return HTTP1_EVENT_MORE;
    if (*in->at == ';')
        return enter(p, HTTP1_STATE_CHUNK_EXTENSION);
    return in->limits->lenient ? end_chunk_line(p, in, HTTP1_CAUSE_BAD_CHUNK_SIZE)
                               : fail(p, HTTP1_CAUSE_BAD_CHUNK_SIZE);
}

static enum http1_event step_chunk_extension(struct http1_parser *p, struct input *in)
{
    in->at = skip_value(in->at, in->end);
    return in->at == in->end ? HTTP1_EVENT_MORE : end_chunk_line(p, in, HTTP1_CAUSE_BAD_CHUNK_SIZE);
}

static enum http1_event step_chunk_lf(struct http1_parser *p, struct input *in)
{
    return take_lf(in) ? begin_chunk(p, in->limits) : fail(p, HTTP1_CAUSE_BARE_CR);
}

static enum http1_event step_chunk_end(struct http1_parser *p, struct input *in)
{
    p->length = 0;
    return end_line(p, in, HTTP1_STATE_CHUNK_END_LF, HTTP1_STATE_CHUNK_SIZE, HTTP1_CAUSE_BAD_CHUNK_END);
}

static enum http1_event step_chunk_end_lf(struct http1_parser *p, struct input *in)
{
    p->line_bytes = 0;
    return take_lf(in) ? enter(p, HTTP1_STATE_CHUNK_SIZE) : fail(p, HTTP1_CAUSE_BAD_CHUNK_END);
}

static enum http1_event step_body_length(struct http1_parser *p, struct input *in)
{
    return http1_parser_take_body(p, &in->at, in->end, in->piece, HTTP1_STATE_COMPLETE);
}

static enum http1_event step_body_chunk(struct http1_parser *p, struct input *in)
{
    return http1_parser_take_body(p, &in->at, in->end, in->piece, HTTP1_STATE_CHUNK_END);
}

/* RFC 9112 6.3, rule 8: until the connection is closed. */
static enum http1_event step_body_close(struct http1_parser *p, struct input *in)
{
    uint64_t left = in->limits->max_body_bytes - p->body_bytes;
    if (left == 0)
        return fail(p, HTTP1_CAUSE_BODY_TOO_LARGE);
    p->length = left;
    enum http1_event event = http1_parser_take_body(p, &in->at, in->end, in->piece, HTTP1_STATE_BODY_CLOSE);
    p->length = 0;
    return event;
}

static step_fn *const steps[HTTP1_STATE_COUNT] = {
    [HTTP1_STATE_IDLE] = step_idle,
    [HTTP1_STATE_START] = step_start,
    [HTTP1_STATE_START_LF] = step_start_lf,
    [HTTP1_STATE_METHOD] = step_method,
    [HTTP1_STATE_TARGET] = step_target,
    [HTTP1_STATE_VERSION] = step_version,
    [HTTP1_STATE_STATUS] = step_status,
    [HTTP1_STATE_REASON] = step_reason,
    [HTTP1_STATE_LINE_LF] = step_line_lf,
    [HTTP1_STATE_HEADER] = step_header,
    [HTTP1_STATE_NAME] = step_name,
    [HTTP1_STATE_VALUE] = step_value,
    [HTTP1_STATE_VALUE_LF] = step_value_lf,
    [HTTP1_STATE_HEAD_LF] = step_head_lf,
    [HTTP1_STATE_CHUNK_SIZE] = step_chunk_size,
    [HTTP1_STATE_CHUNK_SPACE] = step_chunk_space,
    [HTTP1_STATE_CHUNK_EXTENSION] = step_chunk_extension,
    [HTTP1_STATE_CHUNK_LF] = step_chunk_lf,
    [HTTP1_STATE_CHUNK_END] = step_chunk_end,
    [HTTP1_STATE_CHUNK_END_LF] = step_chunk_end_lf,
    [HTTP1_STATE_BODY_LENGTH] = step_body_length,
    [HTTP1_STATE_BODY_CLOSE] = step_body_close,
    [HTTP1_STATE_BODY_CHUNK] = step_body_chunk,
};

/* The kinds of lines whose bytes are counted, each against a limit. */
enum line { LINE_NONE, LINE_START, LINE_HEADERS, LINE_CHUNK };

static enum line line_of(enum http1_state state)
{
    if (state >= HTTP1_STATE_START && state <= HTTP1_STATE_LINE_LF)
        return LINE_START;
    if (state >= HTTP1_STATE_HEADER && state <= HTTP1_STATE_HEAD_LF)
        return LINE_HEADERS;
    return state >= HTTP1_STATE_CHUNK_SIZE && state <= HTTP1_STATE_CHUNK_LF ? LINE_CHUNK : LINE_NONE;
}

static enum http1_cause too_long(enum line line)
{
    if (line == LINE_START)
        return HTTP1_CAUSE_LINE_TOO_LONG;
    return line == LINE_HEADERS ? HTTP1_CAUSE_HEADERS_TOO_LARGE : HTTP1_CAUSE_CHUNK_LINE_TOO_LONG;
}

/* One step, which sees no more of its line than the limit allows. */
static enum http1_event take_step(struct http1_parser *p, struct input *in, const uint8_t *end)
{
    enum http1_state state = p->state;
    enum line line = line_of(state);
    in->end = end;
    if (line != LINE_NONE) {
        uint32_t limit = line == LINE_HEADERS ? in->limits->max_header_bytes : in->limits->max_line_bytes;
        if (p->line_bytes >= limit)
            return fail(p, too_long(line));
        if ((uint64_t)(end - in->at) > limit - p->line_bytes)
            in->end = in->at + (limit - p->line_bytes);
    }
    const uint8_t *from = in->at;
    enum http1_event event = steps[state](p, in);
    p->line_bytes = line_of(p->state) == line ? p->line_bytes + (uint32_t)(in->at - from) : 0;
    return event;
}

static ALWAYS_INLINE enum http1_event end_message(struct http1_parser *p)
{
    p->state = HTTP1_STATE_IDLE;
    return HTTP1_EVENT_END;
}

enum http1_event http1_parser_next_resumable(struct http1_parser *p, const struct http1_limits *limits,
                                             const uint8_t **at, const uint8_t *end, struct http1_piece *piece)
{
    if (p->state == HTTP1_STATE_COMPLETE)
        return end_message(p);
    if (p->state == HTTP1_STATE_FAILED)
        return HTTP1_EVENT_FAILED;
    struct input in = {.at = *at, .limits = limits, .piece = piece};
    enum http1_event event = HTTP1_EVENT_MORE;
    while (event == HTTP1_EVENT_MORE && in.at < end && p->state != HTTP1_STATE_COMPLETE)
        event = take_step(p, &in, end);
    *at = in.at;
    return event == HTTP1_EVENT_MORE && p->state == HTTP1_STATE_COMPLETE ? end_message(p) : event;
}

enum http1_event http1_parser_end_of_input(struct http1_parser *p)
{
    if (p->state == HTTP1_STATE_BODY_CLOSE) {
        p->state = HTTP1_STATE_IDLE;
        return HTTP1_EVENT_END;
    }
    if (http1_parser_between_messages(p))
        return HTTP1_EVENT_MORE;
    return p->state == HTTP1_STATE_FAILED ? HTTP1_EVENT_FAILED : fail(p, HTTP1_CAUSE_PEER_CLOSED);
}

void http1_parser_init(struct http1_parser *p, enum http1_role role)
{
    *p = (struct http1_parser){.role = (uint8_t)role, .state = HTTP1_STATE_IDLE};
}
