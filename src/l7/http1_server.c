/* SPDX-License-Identifier: MIT */
/*
 * The server engine: requests are answered one at a time, in their order (RFC 9112 section 9.3), from prepared
 * answers.
 *
 * A session is READING, or it is busy: DELAYED (think time), ANSWERING (the output queue or its pool has no room, or
 * the route's rate is used up) or STALLED (a fault that was asked for); input that arrives while it is busy is copied
 * into `held`, at most limits.max_held_bytes, and read when it is READING again. ENDED: what was queued is the last;
 * input is dropped. An echo is queued while the request's body is READ. Where memory could pile up (held input, an echo
 * that is not taken), the engine sets carrier->hold_input, so that at most a receive window more arrives.
 */
#include <string.h>

#include "base/error.h"
#include "l7/http1_session.h"

__extension__ typedef unsigned __int128 wide;

#define RETRY_NS (NS_PER_MS)
/* hold_input is set at this much held input or unsent echo, and cleared at half of it. */
#define HOLD_HELD_BYTES (UINT64_C(16) << 10)
#define HOLD_ECHO_BYTES (UINT64_C(256) << 10)

/* A slow reader opens the window this often; a slow writer queues what such a time brings, or a byte. */
#define READ_TICK_NS (100 * NS_PER_MS)
#define WRITE_TICKS_PER_S 50u

static const uint8_t continue_head[] = "HTTP/1.1 100 Continue\r\n\r\n";

static int server_open(void *session, const void *config, struct l7_carrier *carrier, int64_t now)
{
    struct http1_session *s = session;
    s->config = config;
    s->wait_until = TIME_NEVER;
    s->random = s->config->seed ^ carrier->serial;
    s->limit_at = TIME_NEVER;
    s->random = http1_session_draw(&s->random) ^ (uint64_t)now;
    http1_parser_init(&s->parser, HTTP1_REQUESTS);
    s->parser.takes_notes = s->config->takes_notes;
    http1_match_begin(&s->match, &s->config->table);
    return ERR_OK;
}

static void report(const struct l7_carrier *carrier, const struct l7_transaction *t)
{
    if (carrier->events && carrier->events->transaction)
        carrier->events->transaction(carrier->context, t);
}

static void end_session(struct http1_session *s, struct l7_carrier *carrier)
{
    s->phase = HTTP1_ENDED;
    s->wait_until = s->limit_at = TIME_NEVER;
    s->slow = false;
    carrier->hold_input = false;
    http1_session_return(s, carrier);
    outq_clear(&s->held, carrier->pool);
}

/* Nothing useful can follow: a request whose answer is begun or owed is reported as failed. */
static NOINLINE int abort_session(struct http1_session *s, struct l7_carrier *carrier, int error,
                                  enum http1_cause cause)
{
    bool owed = (s->phase != HTTP1_READING && s->phase != HTTP1_STALLED) || s->echoing;
    end_session(s, carrier);
    carrier->cause = http1_cause_name(cause);
    carrier->want_abort = true;
    if (owed) {
        struct l7_transaction t = {.error = error, .cause = carrier->cause, .close_after = true};
        report(carrier, &t);
    }
    return error;
}

static bool has_failed(const struct http1_session *s) { return s->parser.cause != HTTP1_CAUSE_NONE; }

/* RFC 9110 9.3.2. Of a request that could not be read, the method is not relied on. */
static bool head_only(const struct http1_session *s) { return s->parser.method == HTTP1_HEAD && !has_failed(s); }

static bool is_last(const struct http1_session *s)
{
    return s->persistence == HTTP1_LAST || s->persistence == HTTP1_LAST_1_0;
}

static void set_last(struct http1_session *s)
{
    s->persistence = s->parser.minor == 0 && !has_failed(s) ? HTTP1_LAST_1_0 : HTTP1_LAST;
}

static const struct http1_body *body_of(const struct http1_session *s, const struct l7_carrier *carrier)
{
    return s->custom ? &http1_session_scratch(s, carrier)->custom.body
                     : http1_answer_body(s->answer, (enum http1_persistence)s->persistence);
}

static uint64_t answered_bytes(const struct http1_session *s, const struct l7_carrier *carrier)
{
    if (head_only(s))
        return 0;
    return s->echoing ? s->parser.body_bytes : body_of(s, carrier)->length;
}

/* The answer is queued whole. */
static void finish_answer(struct http1_session *s, struct l7_carrier *carrier)
{
    bool failed = has_failed(s);
    struct l7_transaction t = {
        .error = failed ? ERR_MALFORMED : ERR_OK,
        .cause = failed ? http1_cause_name(s->parser.cause) : NULL,
        .status = s->answer->status,
        .body_bytes = answered_bytes(s, carrier),
        .close_after = is_last(s),
    };
    s->requests++;
    s->parts = 0;
    s->echoing = false;
    s->timed = HTTP1_UNTIMED;
    s->wait_until = TIME_NEVER;
    if (unlikely(s->scratch != POOL_NONE))
        http1_session_return(s, carrier);
    if (is_last(s)) {
        end_session(s, carrier);
        carrier->want_close = true;
    } else {
        s->phase = HTTP1_READING;
        http1_match_begin(&s->match, &s->config->table);
    }
    report(carrier, &t);
}

static void add_hash_text(struct http1_text *t, uint64_t length, const char *name, const char *digits)
{
    http1_text_add(t, "{\"length\": ");
    http1_text_add_number(t, length);
    http1_text_add(t, ", \"");
    http1_text_add(t, name);
    http1_text_add(t, "\": \"");
    http1_text_add(t, digits);
    http1_text_add(t, "\"}\n");
}

static int queue_digest(const struct http1_session *s, struct l7_carrier *carrier)
{
    uint8_t digits[HTTP1_DIGEST_DIGITS];
    for (unsigned i = 0; i < HTTP1_DIGEST_DIGITS; i++)
        digits[i] = (uint8_t) "0123456789abcdef"[(s->digest >> (60 - 4 * i)) & 15];
    return outq_copy(&carrier->out, carrier->pool, digits, HTTP1_DIGEST_DIGITS);
}

/* The digest, which takes the place of the state that it came from. */
static const uint8_t *hash_digest(struct http1_session *s, struct l7_carrier *carrier)
{
    union http1_scratch *scratch = http1_session_scratch(s, carrier);
    uint8_t digest[HTTP1_HASH_DIGEST_MAX];
    if (s->parts == 1) {
        s->route->hash->end(scratch->hash, digest);
        memcpy(scratch->hash, digest, s->route->hash->digest_bytes);
        s->parts = 2;
    }
    return (const uint8_t *)scratch->hash;
}

/* {"length": n, "sha256": "..."} of the request's body, behind the rest of the head. */
static int queue_hash(struct http1_session *s, struct l7_carrier *carrier)
{
    const struct http1_hash *hash = s->route->hash;
    uint8_t text[HTTP1_END_HEAD_BYTES + 2 * HTTP1_HASH_DIGEST_MAX + 96];
    const uint8_t *digest = hash_digest(s, carrier);
    char digits[2 * HTTP1_HASH_DIGEST_MAX + 1] = "";
    struct http1_text measured = {0};
    for (uint32_t i = 0; i < hash->digest_bytes; i++) {
        digits[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    add_hash_text(&measured, s->parser.body_bytes, hash->name, digits);
    uint32_t n =
        http1_answer_end_head(text, (enum http1_persistence)s->persistence, HTTP1_FRAMING_LENGTH, measured.length);
    struct http1_text t = {.bytes = text + n, .room = sizeof text - n};
    if (!head_only(s))
        add_hash_text(&t, s->parser.body_bytes, hash->name, digits);
    assert(t.length <= t.room);
    return outq_copy(&carrier->out, carrier->pool, text, n + (uint32_t)t.length);
}

/* The parts of a head that is put together, each at most once. */
static int queue_custom_head(struct http1_session *s, struct l7_carrier *carrier)
{
    const struct http1_custom *c = &http1_session_scratch(s, carrier)->custom;
    if (s->parts == 1) {
        int error = c->fields_bytes ? outq_reference(&carrier->out, carrier->pool, c->fields, c->fields_bytes) : ERR_OK;
        if (error)
            return error;
        s->parts = 2;
    }
    if (s->parts == 2) {
        int error = outq_copy(&carrier->out, carrier->pool, c->end, c->end_bytes);
        if (error)
            return error;
        s->parts = 3;
    }
    return ERR_OK;
}

static bool breaks_off(const struct http1_session *s)
{
    return s->fault == HTTP1_FAULT_CLOSE || s->fault == HTTP1_FAULT_STALL;
}

/* Of an answer that breaks off and has no body: half of its head. */
static bool breaks_off_in_head(const struct http1_session *s, const struct l7_carrier *carrier)
{
    return breaks_off(s) && (head_only(s) || body_of(s, carrier)->length == 0);
}

/* The first part of the head, with a small body where it is prepared so. */
static int queue_head(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    const struct http1_answer_form *form = &s->answer->form[s->persistence];
    uint32_t length = head_only(s) ? form->head_bytes : form->bytes_length;
    if (unlikely(s->rare && breaks_off_in_head(s, carrier)))
        length = form->head_bytes / 2;
    int error = outq_reference(&carrier->out, carrier->pool, form->bytes, length);
    if (error)
        return error;
    s->parts = 1;
    s->writer = (struct http1_writer){0};
    s->since = now;
    return ERR_OK;
}

/* How many bytes of body may be queued: up to a break, and to what the rate has brought so far. */
static uint64_t body_limit(const struct http1_session *s, const struct http1_body *body, int64_t now)
{
    uint64_t limit = breaks_off(s) ? body->length / 2 + 1 : 0;
    if (!s->route || s->route->rate == 0)
        return limit;
    uint64_t rate = s->route->rate;
    wide allowed = (wide)rate * (uint64_t)(now - s->since) / (uint64_t)NS_PER_S + max_u64(rate / WRITE_TICKS_PER_S, 1);
    uint64_t paced = allowed > body->length ? body->length + 1 : (uint64_t)allowed;
    return limit ? min_u64(limit, paced) : paced;
}

/* When the rate will have brought so many bytes. */
static int64_t rate_brings(const struct http1_session *s, uint64_t rate, uint64_t bytes)
{
    return s->since + (int64_t)(((wide)bytes * (uint64_t)NS_PER_S + rate - 1) / rate);
}

/* ERR_AGAIN with wait_until set: the rate has to bring more. */
static NOINLINE int queue_body(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    const struct http1_body *body = body_of(s, carrier);
    s->writer.limit = body_limit(s, body, now);
    int error = http1_body_write(body, &s->writer, &carrier->out, carrier->pool);
    bool limited = error == ERR_AGAIN && s->writer.limit && s->writer.at >= s->writer.limit;
    if (limited && s->route && s->route->rate)
        s->wait_until = rate_brings(s, s->route->rate, s->writer.at);
    return error;
}

/* What follows the first part of the head where that is not all. */
static NOINLINE int queue_rare(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    if (s->route && s->route->kind == HTTP1_ROUTE_HASH)
        return queue_hash(s, carrier);
    if (s->route && s->route->kind == HTTP1_ROUTE_DIGEST)
        return head_only(s) ? ERR_OK : queue_digest(s, carrier);
    int error = s->custom && !breaks_off_in_head(s, carrier) ? queue_custom_head(s, carrier) : ERR_OK;
    if (error || head_only(s) || !(s->custom || http1_answer_streams(s->answer, s->persistence)))
        return error;
    return queue_body(s, carrier, now);
}

/* A prepared answer: its head, with a small body, and a larger one by and by. */
static int queue_answer(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    int error = s->parts ? ERR_OK : queue_head(s, carrier, now);
    if (error)
        return error;
    if (unlikely(s->rare))
        return queue_rare(s, carrier, now);
    if (head_only(s) || !http1_answer_streams(s->answer, s->persistence))
        return ERR_OK;
    return queue_body(s, carrier, now);
}

static bool echo_chunked(const struct http1_session *s) { return s->parser.flags & HTTP1_CHUNKED; }

/* The head of an echo, whose framing is that of the request. */
static int queue_echo_head(struct http1_session *s, struct l7_carrier *carrier)
{
    const struct http1_answer_form *form = &s->answer->form[s->persistence];
    if (!s->parts) {
        int error = outq_reference(&carrier->out, carrier->pool, form->bytes, form->head_bytes);
        if (error)
            return error;
        s->parts = 1;
    }
    uint8_t rest[HTTP1_END_HEAD_BYTES];
    uint32_t n =
        http1_answer_end_head(rest, (enum http1_persistence)s->persistence,
                              echo_chunked(s) ? HTTP1_FRAMING_CHUNKED : HTTP1_FRAMING_LENGTH, s->parser.length);
    return outq_copy(&carrier->out, carrier->pool, rest, n);
}

static int queue_echo_end(struct http1_session *s, struct l7_carrier *carrier)
{
    static const uint8_t final_chunk[] = "0\r\n\r\n";
    if (!echo_chunked(s) || head_only(s))
        return ERR_OK;
    return outq_reference(&carrier->out, carrier->pool, final_chunk, sizeof final_chunk - 1);
}

static bool is_echo(const struct http1_session *s) { return s->route && s->route->kind == HTTP1_ROUTE_ECHO; }

/* The answer ends here, on purpose: what a client does about it is what is to be seen. */
static NOINLINE void break_off(struct http1_session *s, struct l7_carrier *carrier)
{
    bool stalls = s->fault == HTTP1_FAULT_STALL;
    struct l7_transaction t = {
        .error = ERR_ABORTED,
        .cause = http1_cause_name(stalls ? HTTP1_CAUSE_INJECTED_STALL : HTTP1_CAUSE_INJECTED_CLOSE),
        .status = s->answer->status,
        .close_after = true,
    };
    if (stalls) {
        s->phase = HTTP1_STALLED;
        s->wait_until = s->limit_at = TIME_NEVER;
    } else {
        end_session(s, carrier);
        carrier->want_close = true;
    }
    report(carrier, &t);
}

/* The break is reached: behind half of the body, or of the head. */
static bool is_at_break(const struct http1_session *s, const struct l7_carrier *carrier)
{
    if (s->parts == 0)
        return false;
    return breaks_off_in_head(s, carrier) || s->writer.at > body_of(s, carrier)->length / 2;
}

/* Queues what can be queued of the answer. After an echo's head the request is read on. */
static void go_on_answering(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    int error;
    s->wait_until = TIME_NEVER;
    if (!is_echo(s))
        error = queue_answer(s, carrier, now);
    else
        error = s->echoing ? queue_echo_end(s, carrier) : queue_echo_head(s, carrier);
    if (error == ERR_NO_MEMORY)
        s->wait_until = now + RETRY_NS;
    if (unlikely(s->rare) && breaks_off(s) && is_at_break(s, carrier)) {
        break_off(s, carrier);
        return;
    }
    if (error)
        return;
    if (is_echo(s) && !s->echoing) {
        s->echoing = true;
        s->phase = HTTP1_READING;
    } else {
        finish_answer(s, carrier);
    }
}

/* The delay is over. */
static void start_answer(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    s->phase = HTTP1_ANSWERING;
    if (unlikely(s->fault == HTTP1_FAULT_RESET))
        (void)abort_session(s, carrier, ERR_ABORTED, HTTP1_CAUSE_INJECTED_RESET);
    else
        go_on_answering(s, carrier, now);
}

static void begin_answer(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    if (s->delay_ns > 0 && !s->echoing) {
        s->phase = HTTP1_DELAYED;
        s->wait_until = now + s->delay_ns;
        return;
    }
    start_answer(s, carrier, now);
}

/* The request is complete. One that is read slowly has not been read before its time. */
static void end_request(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    if (unlikely(s->route && s->route->read_rate && !s->echoing)) {
        int64_t read_at = rate_brings(s, s->route->read_rate, s->parser.body_bytes);
        s->delay_ns += max_i64(read_at - now, 0);
        s->slow = false;
    }
    begin_answer(s, carrier, now);
}

static void choose_persistence(struct http1_session *s, const struct l7_carrier *carrier)
{
    bool used_up = s->config->max_requests && s->requests + 1 >= s->config->max_requests;
    bool ends = carrier->overloaded || (s->route && s->route->close);
    if (used_up || ends || s->answer->framing == HTTP1_FRAMING_CLOSE || !http1_parser_keeps_alive(&s->parser))
        set_last(s);
    else
        s->persistence = s->parser.minor == 0 ? HTTP1_KEEP_1_0 : HTTP1_KEEP;
}

/*
 * RFC 9110 10.1.1: a request that waits for leave to send its body gets it, or its refusal and the end of the
 * connection.
 */
static NOINLINE int grant_body(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    if (!s->route) {
        set_last(s);
        begin_answer(s, carrier, now);
        return ERR_OK;
    }
    if (outq_reference(&carrier->out, carrier->pool, continue_head, sizeof continue_head - 1)) {
        s->phase = HTTP1_ANSWERING;
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    }
    return ERR_OK;
}

static int on_head(struct http1_session *s, struct l7_carrier *carrier, const struct http1_piece *target, int64_t now)
{
    http1_match_feed(&s->match, &s->config->table, target->bytes, target->length);
    http1_session_choose(s, carrier, target);
    choose_persistence(s, carrier);
    if (unlikely(s->rare && s->custom))
        http1_session_finish_head(s, carrier);
    s->digest = HTTP1_DIGEST_START;
    s->since = now;
    bool asks = (s->parser.flags & HTTP1_EXPECT_CONTINUE) && s->parser.minor > 0;
    if (unlikely(asks && http1_parser_expects_body(&s->parser))) {
        int error = grant_body(s, carrier, now);
        if (error || s->phase != HTTP1_READING)
            return error;
    }
    if (is_echo(s))
        begin_answer(s, carrier, now);
    return ERR_OK;
}

/* One piece of an echo's body: as it is, or as a chunk. */
static NOINLINE int queue_echo(struct http1_session *s, struct l7_carrier *carrier, const struct http1_piece *piece)
{
    if (head_only(s))
        return ERR_OK;
    if (!echo_chunked(s))
        return outq_copy(&carrier->out, carrier->pool, piece->bytes, piece->length);
    struct http1_chunk_head head = http1_chunk_head_make(piece->length);
    int error = outq_copy(&carrier->out, carrier->pool, head.text + 2, head.length - 2u);
    if (!error)
        error = outq_copy(&carrier->out, carrier->pool, piece->bytes, piece->length);
    return error ? error : outq_copy(&carrier->out, carrier->pool, "\r\n", 2);
}

/* A route that reads slowly: what came too early keeps the window shut. */
static NOINLINE void slow_down(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    uint64_t rate = s->route->read_rate;
    wide allowed = (wide)rate * (uint64_t)(now - s->since) / (uint64_t)NS_PER_S;
    uint64_t early = s->parser.body_bytes > allowed ? s->parser.body_bytes - (uint64_t)allowed : 0;
    s->slow = early > 0;
    carrier->keep_bytes = (uint32_t)min_u64(early, UINT32_MAX);
    s->wait_until = s->slow ? now + READ_TICK_NS : TIME_NEVER;
}

static int on_body(struct http1_session *s, struct l7_carrier *carrier, const struct http1_piece *piece, int64_t now)
{
    if (s->echoing && queue_echo(s, carrier, piece))
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    if (s->route && s->route->kind == HTTP1_ROUTE_DIGEST)
        s->digest = http1_digest(s->digest, piece->bytes, piece->length);
    else if (s->route && s->route->kind == HTTP1_ROUTE_HASH)
        s->route->hash->add(http1_session_scratch(s, carrier)->hash, piece->bytes, piece->length);
    if (unlikely(s->route && s->route->read_rate))
        slow_down(s, carrier, now);
    return ERR_OK;
}

/* The request cannot be read: its error is the last answer, unless another one is begun. */
static NOINLINE int on_failure(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    if (s->echoing)
        return abort_session(s, carrier, ERR_MALFORMED, s->parser.cause);
    s->route = NULL;
    s->rare = s->custom = s->slow = false;
    s->delay_ns = 0;
    s->fault = HTTP1_FAULT_NONE;
    s->answer = http1_server_error(s->config, http1_cause_status(s->parser.cause));
    set_last(s);
    begin_answer(s, carrier, now);
    return ERR_OK;
}

/* Reads requests until the bytes are used or the session is busy. *at: behind what was read. */
static int read_input(struct http1_session *s, struct l7_carrier *carrier, const uint8_t **at, const uint8_t *end,
                      int64_t now)
{
    struct http1_piece piece;
    int error = ERR_OK;
    while (s->phase == HTTP1_READING && !error) {
        switch (http1_parser_next(&s->parser, &s->config->limits, at, end, &piece)) {
        case HTTP1_EVENT_TARGET:
            http1_match_feed(&s->match, &s->config->table, piece.bytes, piece.length);
            if (s->config->keeps_target)
                http1_session_note(s, carrier, HTTP1_FIELD_OTHER, 0, &piece);
            break;
        case HTTP1_EVENT_NOTE:
            http1_session_note(s, carrier, (enum http1_field)s->parser.field, s->parser.headers, &piece);
            break;
        case HTTP1_EVENT_HEAD:
            error = on_head(s, carrier, &piece, now);
            break;
        case HTTP1_EVENT_BODY:
            error = on_body(s, carrier, &piece, now);
            break;
        case HTTP1_EVENT_END:
            end_request(s, carrier, now);
            break;
        case HTTP1_EVENT_FAILED:
            error = on_failure(s, carrier, now);
            break;
        default:
            return ERR_OK;
        }
    }
    return error;
}

static void set_hold_input(const struct http1_session *s, struct l7_carrier *carrier)
{
    unsigned shift = carrier->hold_input;
    bool held = outq_length(&s->held) > HOLD_HELD_BYTES >> shift;
    bool echo = s->echoing && outq_length(&carrier->out) > HOLD_ECHO_BYTES >> shift;
    carrier->hold_input = held || echo || s->slow;
    if (held || echo)
        carrier->keep_bytes = UINT32_MAX;
}

/* ---- timeouts ---- */

static bool in_head(const struct http1_parser *p)
{
    return p->state <= HTTP1_STATE_HEAD_LF && !(p->flags & HTTP1_IN_TRAILERS);
}

/* What has to come within a time now. A body that we read slowly has all the time. */
static enum http1_timed timed_part(const struct http1_session *s)
{
    if (s->phase != HTTP1_READING || http1_parser_between_messages(&s->parser))
        return HTTP1_UNTIMED;
    if (in_head(&s->parser))
        return s->config->header_timeout_ns > 0 ? HTTP1_TIMED_HEAD : HTTP1_UNTIMED;
    bool slow_reader = s->route && s->route->read_rate;
    return s->config->body_timeout_ns > 0 && !slow_reader ? HTTP1_TIMED_BODY : HTTP1_UNTIMED;
}

static NOINLINE void update_limit(struct http1_session *s, int64_t now)
{
    enum http1_timed part = timed_part(s);
    bool same = part == s->timed;
    s->timed = (uint8_t)part;
    if (part == HTTP1_UNTIMED)
        s->limit_at = TIME_NEVER;
    else if (part == HTTP1_TIMED_HEAD && !same)
        s->limit_at = now + s->config->header_timeout_ns;
    else if (part == HTTP1_TIMED_BODY)
        s->limit_at = s->since + s->config->body_timeout_ns;
    if (part == HTTP1_TIMED_BODY && s->config->body_min_rate > 0)
        s->limit_at += rate_brings(s, s->config->body_min_rate, s->parser.body_bytes) - s->since;
}

/* The timed part is not there. */
static NOINLINE void time_out(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    s->parser.cause = s->timed == HTTP1_TIMED_HEAD ? HTTP1_CAUSE_HEADER_TIMEOUT : HTTP1_CAUSE_BODY_TIMEOUT;
    s->parser.state = HTTP1_STATE_FAILED;
    s->timed = HTTP1_UNTIMED;
    s->limit_at = TIME_NEVER;
    (void)on_failure(s, carrier, now);
}

static NOINLINE int hold(struct http1_session *s, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length)
{
    if (outq_length(&s->held) + length > s->config->limits.max_held_bytes)
        return abort_session(s, carrier, ERR_PROTOCOL, HTTP1_CAUSE_HELD_INPUT_OVERFLOW);
    if (outq_copy(&s->held, carrier->pool, bytes, length))
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    return ERR_OK;
}

static int server_input(void *session, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct http1_session *s = session;
    const uint8_t *at = bytes, *end = bytes + length;
    int error = read_input(s, carrier, &at, end, now);
    if (!error && s->phase != HTTP1_ENDED && at < end)
        error = hold(s, carrier, at, (uint32_t)(end - at));
    if (unlikely(s->phase != HTTP1_READING || s->echoing || s->slow || carrier->hold_input) && s->phase != HTTP1_ENDED)
        set_hold_input(s, carrier);
    if (unlikely(s->config->timed))
        update_limit(s, now);
    return error;
}

/* The peer's last byte is read. */
static void end_reading(struct http1_session *s, struct l7_carrier *carrier)
{
    if (http1_parser_end_of_input(&s->parser) != HTTP1_EVENT_FAILED) {
        end_session(s, carrier);
        carrier->want_close = true;
    } else {
        (void)abort_session(s, carrier, ERR_CLOSED, HTTP1_CAUSE_PEER_CLOSED);
    }
}

/* Reads held input until it is used up or the session is busy again. */
static void read_held(struct http1_session *s, struct l7_carrier *carrier, int64_t now)
{
    uint8_t part[OUTQ_CHUNK_BYTES];
    int error = ERR_OK;
    while (!error && s->phase == HTTP1_READING && outq_length(&s->held) > 0) {
        size_t n = outq_read(&s->held, carrier->pool, s->held.base, part, sizeof part, NULL);
        const uint8_t *at = part;
        error = read_input(s, carrier, &at, part + n, now);
        if (s->phase != HTTP1_ENDED)
            outq_trim(&s->held, carrier->pool, s->held.base + (uint64_t)(at - part));
    }
    if (s->end_seen && (s->phase == HTTP1_READING || s->phase == HTTP1_STALLED))
        end_reading(s, carrier);
    if (s->phase != HTTP1_ENDED)
        set_hold_input(s, carrier);
}

static void server_end_of_input(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct http1_session *s = session;
    s->end_seen = true;
    read_held(s, carrier, now);
}

static void server_resume(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct http1_session *s = session;
    bool waits = outq_length(&s->held) > 0 || s->end_seen || carrier->hold_input;
    if (likely(s->phase == HTTP1_READING && !waits && now < s->limit_at))
        return;
    if (s->phase == HTTP1_DELAYED && now >= s->wait_until)
        start_answer(s, carrier, now);
    else if (s->phase == HTTP1_ANSWERING)
        go_on_answering(s, carrier, now);
    if (now >= s->limit_at)
        time_out(s, carrier, now);
    if (s->slow && s->phase == HTTP1_READING)
        slow_down(s, carrier, now);
    if (s->phase == HTTP1_READING && (outq_length(&s->held) > 0 || s->end_seen || carrier->hold_input))
        read_held(s, carrier, now);
    if (unlikely(s->config->timed))
        update_limit(s, now);
}

static int64_t server_next_deadline(const void *session)
{
    const struct http1_session *s = session;
    return min_i64(s->wait_until, s->limit_at);
}

/* A session that counts its requests cannot be taken away. */
static bool server_idle(const void *session)
{
    const struct http1_session *s = session;
    return s->phase == HTTP1_READING && !s->echoing && !s->end_seen && s->config->max_requests == 0 &&
           http1_parser_between_messages(&s->parser);
}

static void server_close(void *session, struct l7_carrier *carrier, int error, const char *cause, int64_t now)
{
    (void)now;
    struct http1_session *s = session;
    bool owed = s->phase == HTTP1_DELAYED || s->phase == HTTP1_ANSWERING || s->echoing;
    end_session(s, carrier);
    if (error && owed) {
        struct l7_transaction t = {.error = error, .cause = cause, .close_after = true};
        report(carrier, &t);
    }
}

const struct l7_engine http1_server_engine = {
    .name = "http1_server",
    .session_bytes = sizeof(struct http1_session),
    .open = server_open,
    .input = server_input,
    .end_of_input = server_end_of_input,
    .resume = server_resume,
    .next_deadline = server_next_deadline,
    .idle = server_idle,
    .close = server_close,
};
