/* SPDX-License-Identifier: MIT */
/*
 * The server engine: requests are answered one at a time, in their order (RFC 9112 section 9.3), from prepared
 * answers.
 *
 * A session is READING, or it is busy: DELAYED (think time) or ANSWERING (the output queue or its pool has no room);
 * input that arrives while it is busy is copied into `held`, at most limits.max_held_bytes, and read when it is
 * READING again. ENDED: what was queued is the last; input is dropped. An echo is queued while the request's body is
 * READ. Where memory could pile up (held input, an echo that is not taken), the engine sets carrier->hold_input, so
 * that at most a receive window more arrives.
 */
#include "base/error.h"
#include "l7/http1_parser.h"
#include "l7/http1_server_config.h"

__extension__ typedef unsigned __int128 wide;

#define RETRY_NS (NS_PER_MS)
/* hold_input is set at this much held input or unsent echo, and cleared at half of it. */
#define HOLD_HELD_BYTES (UINT64_C(16) << 10)
#define HOLD_ECHO_BYTES (UINT64_C(256) << 10)

enum phase { READING, DELAYED, ANSWERING, ENDED };

struct server {
    const struct http1_server_config *config;
    struct http1_parser parser;
    struct outq held;
    const struct http1_route_plan *route; /* NULL: the answer is an error's */
    const struct http1_answer *answer;
    struct http1_writer writer;
    uint64_t random;
    uint64_t digest;
    int64_t wait_until; /* resume is needed then */
    struct http1_match match;
    uint32_t requests;
    uint8_t phase;
    uint8_t persistence;
    bool head_queued; /* of the answer */
    bool echoing;     /* the answer's head is queued, the request's body follows as it comes */
    bool end_seen;    /* the peer sends no more */
};
static_assert(sizeof(struct server) <= 192, "sessions stay small");

static const uint8_t continue_head[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* splitmix64 (Steele, Lea and Flood 2014): a counter and a mixing function. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int server_open(void *session, const void *config, struct l7_carrier *carrier, int64_t now)
{
    struct server *s = session;
    s->config = config;
    s->wait_until = TIME_NEVER;
    s->random = s->config->seed ^ carrier->serial;
    s->random = draw(&s->random) ^ (uint64_t)now;
    http1_parser_init(&s->parser, HTTP1_REQUESTS);
    http1_match_begin(&s->match, &s->config->table);
    return ERR_OK;
}

static void report(const struct l7_carrier *carrier, const struct l7_transaction *t)
{
    if (carrier->events && carrier->events->transaction)
        carrier->events->transaction(carrier->context, t);
}

static void end_session(struct server *s, struct l7_carrier *carrier)
{
    s->phase = ENDED;
    s->wait_until = TIME_NEVER;
    carrier->hold_input = false;
    outq_clear(&s->held, carrier->pool);
}

/* Nothing useful can follow: a request whose answer is begun or owed is reported as failed. */
static int abort_session(struct server *s, struct l7_carrier *carrier, int error, enum http1_cause cause)
{
    bool owed = s->phase != READING || s->echoing;
    end_session(s, carrier);
    carrier->cause = http1_cause_name(cause);
    carrier->want_abort = true;
    if (owed) {
        struct l7_transaction t = {.error = error, .cause = carrier->cause, .close_after = true};
        report(carrier, &t);
    }
    return error;
}

static bool has_failed(const struct server *s) { return s->parser.cause != HTTP1_CAUSE_NONE; }

/* RFC 9110 9.3.2. Of a request that could not be read, the method is not relied on. */
static bool head_only(const struct server *s) { return s->parser.method == HTTP1_HEAD && !has_failed(s); }

static bool is_last(const struct server *s) { return s->persistence == HTTP1_LAST || s->persistence == HTTP1_LAST_1_0; }

static void set_last(struct server *s)
{
    s->persistence = s->parser.minor == 0 && !has_failed(s) ? HTTP1_LAST_1_0 : HTTP1_LAST;
}

static uint64_t answered_bytes(const struct server *s)
{
    if (head_only(s))
        return 0;
    return s->echoing ? s->parser.body_bytes : s->answer->body.length;
}

/* The answer is queued whole. */
static void finish_answer(struct server *s, struct l7_carrier *carrier)
{
    bool failed = has_failed(s);
    struct l7_transaction t = {
        .error = failed ? ERR_MALFORMED : ERR_OK,
        .cause = failed ? http1_cause_name(s->parser.cause) : NULL,
        .status = s->answer->status,
        .body_bytes = answered_bytes(s),
        .close_after = is_last(s),
    };
    s->requests++;
    s->head_queued = s->echoing = false;
    s->wait_until = TIME_NEVER;
    if (is_last(s)) {
        end_session(s, carrier);
        carrier->want_close = true;
    } else {
        s->phase = READING;
        http1_match_begin(&s->match, &s->config->table);
    }
    report(carrier, &t);
}

static int queue_digest(const struct server *s, struct l7_carrier *carrier)
{
    uint8_t digits[HTTP1_DIGEST_DIGITS];
    for (unsigned i = 0; i < HTTP1_DIGEST_DIGITS; i++)
        digits[i] = (uint8_t) "0123456789abcdef"[(s->digest >> (60 - 4 * i)) & 15];
    return outq_copy(&carrier->out, carrier->pool, digits, HTTP1_DIGEST_DIGITS);
}

/* A prepared answer: its head, with a small body, and a larger one by and by. */
static int queue_answer(struct server *s, struct l7_carrier *carrier)
{
    const struct http1_answer_form *form = &s->answer->form[s->persistence];
    if (!s->head_queued) {
        int error = outq_reference(&carrier->out, carrier->pool, form->bytes,
                                   head_only(s) ? form->head_bytes : form->bytes_length);
        if (error)
            return error;
        s->head_queued = true;
        s->writer = (struct http1_writer){0};
    }
    if (head_only(s))
        return ERR_OK;
    if (s->route && s->route->kind == HTTP1_ROUTE_DIGEST)
        return queue_digest(s, carrier);
    if (!http1_answer_streams(s->answer, s->persistence))
        return ERR_OK;
    return http1_body_write(http1_answer_body(s->answer, s->persistence), &s->writer, &carrier->out, carrier->pool);
}

static bool echo_chunked(const struct server *s) { return s->parser.flags & HTTP1_CHUNKED; }

/* The head of an echo, whose framing is that of the request. */
static int queue_echo_head(struct server *s, struct l7_carrier *carrier)
{
    const struct http1_answer_form *form = &s->answer->form[s->persistence];
    if (!s->head_queued) {
        int error = outq_reference(&carrier->out, carrier->pool, form->bytes, form->head_bytes);
        if (error)
            return error;
        s->head_queued = true;
    }
    uint8_t rest[HTTP1_END_HEAD_BYTES];
    uint32_t n = http1_answer_end_head(rest, (enum http1_persistence)s->persistence, echo_chunked(s), s->parser.length);
    return outq_copy(&carrier->out, carrier->pool, rest, n);
}

static int queue_echo_end(struct server *s, struct l7_carrier *carrier)
{
    static const uint8_t final_chunk[] = "0\r\n\r\n";
    if (!echo_chunked(s) || head_only(s))
        return ERR_OK;
    return outq_reference(&carrier->out, carrier->pool, final_chunk, sizeof final_chunk - 1);
}

static bool is_echo(const struct server *s) { return s->route && s->route->kind == HTTP1_ROUTE_ECHO; }

/* Queues what can be queued of the answer. After an echo's head the request is read on. */
static void go_on_answering(struct server *s, struct l7_carrier *carrier, int64_t now)
{
    int error;
    if (!is_echo(s))
        error = queue_answer(s, carrier);
    else
        error = s->echoing ? queue_echo_end(s, carrier) : queue_echo_head(s, carrier);
    s->wait_until = error == ERR_NO_MEMORY ? now + RETRY_NS : TIME_NEVER;
    if (error)
        return;
    if (is_echo(s) && !s->echoing) {
        s->echoing = true;
        s->phase = READING;
    } else {
        finish_answer(s, carrier);
    }
}

static void begin_answer(struct server *s, struct l7_carrier *carrier, int64_t now)
{
    if (s->route && s->route->delay_ns > 0 && !s->echoing) {
        s->phase = DELAYED;
        s->wait_until = now + s->route->delay_ns;
        return;
    }
    s->phase = ANSWERING;
    go_on_answering(s, carrier, now);
}

static const struct http1_answer *draw_answer(struct server *s, const struct http1_route_plan *route)
{
    if (!route->weight_until)
        return route->answers;
    uint64_t total = route->weight_until[route->n_answers - 1];
    uint64_t point = (uint64_t)(((wide)draw(&s->random) * total) >> 64);
    uint32_t i = 0;
    while (route->weight_until[i] <= point)
        i++;
    return &route->answers[i];
}

static void choose_answer(struct server *s)
{
    uint16_t number = http1_match_end(&s->match, &s->config->table);
    s->route = NULL;
    if (number == HTTP1_MATCH_NONE) {
        s->answer = http1_server_error(s->config, 404);
        return;
    }
    const struct http1_route_plan *route = &s->config->routes[number];
    if (!(route->methods & (1u << s->parser.method))) {
        s->answer = route->not_allowed;
        return;
    }
    s->route = route;
    s->answer = draw_answer(s, route);
}

static void choose_persistence(struct server *s)
{
    bool used_up = s->config->max_requests && s->requests + 1 >= s->config->max_requests;
    if (used_up || s->answer->framing == HTTP1_FRAMING_CLOSE || !http1_parser_keeps_alive(&s->parser))
        set_last(s);
    else
        s->persistence = s->parser.minor == 0 ? HTTP1_KEEP_1_0 : HTTP1_KEEP;
}

/*
 * RFC 9110 10.1.1: a request that waits for leave to send its body gets it, or its refusal and the end of the
 * connection.
 */
static int grant_body(struct server *s, struct l7_carrier *carrier, int64_t now)
{
    if (!s->route) {
        set_last(s);
        begin_answer(s, carrier, now);
        return ERR_OK;
    }
    if (outq_reference(&carrier->out, carrier->pool, continue_head, sizeof continue_head - 1)) {
        s->phase = ANSWERING;
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    }
    return ERR_OK;
}

static int on_head(struct server *s, struct l7_carrier *carrier, const struct http1_piece *target, int64_t now)
{
    http1_match_feed(&s->match, &s->config->table, target->bytes, target->length);
    choose_answer(s);
    choose_persistence(s);
    s->digest = HTTP1_DIGEST_START;
    bool asks = (s->parser.flags & HTTP1_EXPECT_CONTINUE) && s->parser.minor > 0;
    if (unlikely(asks && http1_parser_expects_body(&s->parser))) {
        int error = grant_body(s, carrier, now);
        if (error || s->phase != READING)
            return error;
    }
    if (is_echo(s))
        begin_answer(s, carrier, now);
    return ERR_OK;
}

/* One piece of an echo's body: as it is, or as a chunk. */
static int queue_echo(struct server *s, struct l7_carrier *carrier, const struct http1_piece *piece)
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

static int on_body(struct server *s, struct l7_carrier *carrier, const struct http1_piece *piece)
{
    if (s->echoing && queue_echo(s, carrier, piece))
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    if (s->route && s->route->kind == HTTP1_ROUTE_DIGEST)
        s->digest = http1_digest(s->digest, piece->bytes, piece->length);
    return ERR_OK;
}

/* The request cannot be read: its error is the last answer, unless another one is begun. */
static int on_failure(struct server *s, struct l7_carrier *carrier, int64_t now)
{
    if (s->echoing)
        return abort_session(s, carrier, ERR_MALFORMED, s->parser.cause);
    s->route = NULL;
    s->answer = http1_server_error(s->config, http1_cause_status(s->parser.cause));
    set_last(s);
    begin_answer(s, carrier, now);
    return ERR_OK;
}

/* Reads requests until the bytes are used or the session is busy. *at: behind what was read. */
static int read_input(struct server *s, struct l7_carrier *carrier, const uint8_t **at, const uint8_t *end, int64_t now)
{
    struct http1_piece piece;
    int error = ERR_OK;
    while (s->phase == READING && !error) {
        switch (http1_parser_next(&s->parser, &s->config->limits, at, end, &piece)) {
        case HTTP1_EVENT_TARGET:
            http1_match_feed(&s->match, &s->config->table, piece.bytes, piece.length);
            break;
        case HTTP1_EVENT_HEAD:
            error = on_head(s, carrier, &piece, now);
            break;
        case HTTP1_EVENT_BODY:
            error = on_body(s, carrier, &piece);
            break;
        case HTTP1_EVENT_END:
            begin_answer(s, carrier, now);
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

static void set_hold_input(const struct server *s, struct l7_carrier *carrier)
{
    unsigned shift = carrier->hold_input;
    bool held = outq_length(&s->held) > HOLD_HELD_BYTES >> shift;
    bool echo = s->echoing && outq_length(&carrier->out) > HOLD_ECHO_BYTES >> shift;
    carrier->hold_input = held || echo;
}

static int hold(struct server *s, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length)
{
    if (outq_length(&s->held) + length > s->config->limits.max_held_bytes)
        return abort_session(s, carrier, ERR_PROTOCOL, HTTP1_CAUSE_HELD_INPUT_OVERFLOW);
    if (outq_copy(&s->held, carrier->pool, bytes, length))
        return abort_session(s, carrier, ERR_NO_MEMORY, HTTP1_CAUSE_NO_MEMORY);
    return ERR_OK;
}

static int server_input(void *session, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct server *s = session;
    const uint8_t *at = bytes, *end = bytes + length;
    int error = read_input(s, carrier, &at, end, now);
    if (!error && s->phase != ENDED && at < end)
        error = hold(s, carrier, at, (uint32_t)(end - at));
    if (s->phase != ENDED && (s->echoing || s->phase != READING || carrier->hold_input))
        set_hold_input(s, carrier);
    return error;
}

/* The peer's last byte is read. */
static void end_reading(struct server *s, struct l7_carrier *carrier)
{
    if (http1_parser_end_of_input(&s->parser) != HTTP1_EVENT_FAILED) {
        end_session(s, carrier);
        carrier->want_close = true;
    } else {
        (void)abort_session(s, carrier, ERR_CLOSED, HTTP1_CAUSE_PEER_CLOSED);
    }
}

/* Reads held input until it is used up or the session is busy again. */
static void read_held(struct server *s, struct l7_carrier *carrier, int64_t now)
{
    uint8_t part[OUTQ_CHUNK_BYTES];
    int error = ERR_OK;
    while (!error && s->phase == READING && outq_length(&s->held) > 0) {
        size_t n = outq_read(&s->held, carrier->pool, s->held.base, part, sizeof part, NULL);
        const uint8_t *at = part;
        error = read_input(s, carrier, &at, part + n, now);
        if (s->phase != ENDED)
            outq_trim(&s->held, carrier->pool, s->held.base + (uint64_t)(at - part));
    }
    if (s->phase == READING && s->end_seen)
        end_reading(s, carrier);
    if (s->phase != ENDED)
        set_hold_input(s, carrier);
}

static void server_end_of_input(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct server *s = session;
    s->end_seen = true;
    read_held(s, carrier, now);
}

static void server_resume(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct server *s = session;
    if (s->phase == DELAYED && now >= s->wait_until)
        s->phase = ANSWERING;
    if (s->phase == ANSWERING)
        go_on_answering(s, carrier, now);
    if (s->phase == READING && (outq_length(&s->held) > 0 || s->end_seen || carrier->hold_input))
        read_held(s, carrier, now);
}

static int64_t server_next_deadline(const void *session)
{
    const struct server *s = session;
    return s->wait_until;
}

/* A session that counts its requests cannot be taken away. */
static bool server_idle(const void *session)
{
    const struct server *s = session;
    return s->phase == READING && !s->echoing && !s->end_seen && s->config->max_requests == 0 &&
           http1_parser_between_messages(&s->parser);
}

static void server_close(void *session, struct l7_carrier *carrier, int error, const char *cause, int64_t now)
{
    (void)now;
    struct server *s = session;
    bool owed = s->phase == DELAYED || s->phase == ANSWERING || s->echoing;
    end_session(s, carrier);
    if (error && owed) {
        struct l7_transaction t = {.error = error, .cause = cause, .close_after = true};
        report(carrier, &t);
    }
}

const struct l7_engine http1_server_engine = {
    .name = "http1_server",
    .session_bytes = sizeof(struct server),
    .open = server_open,
    .input = server_input,
    .end_of_input = server_end_of_input,
    .resume = server_resume,
    .next_deadline = server_next_deadline,
    .idle = server_idle,
    .close = server_close,
};
