/* SPDX-License-Identifier: MIT */
/*
 * The client engine: requests go out by reference and are answered in their order (RFC 9112 section 9.3); each
 * response is read, counted and compared with what its request expects.
 *
 * A session is in one of these: open; closing (no request is taken any more, answers to come are still read: the
 * server announced close, or a request asked for it); dead (all pending requests are reported). Every request taken
 * is reported exactly once.
 */
#include "base/error.h"
#include "l7/http1_parser.h"
#include "l7/http1_pending.h"
#include "l7/http1_request.h"

/* Responses 1xx before a final one. */
#define INFORMATIONAL_MAX 16
#define RETRY_NS (NS_PER_MS)

struct client {
    const struct http1_client_config *config;
    struct http1_parser parser;
    struct http1_pending_queue pending;
    uint64_t digest;
    int64_t first_byte_at;
    const struct http1_request *writing; /* its body is not queued whole; NULL: none */
    struct http1_writer writer;
    int64_t retry_at; /* the pool was empty; TIME_NEVER: it was not */
    uint8_t informational;
    bool closing, dead;
};
static_assert(sizeof(struct client) <= 192, "sessions stay small");

static int client_open(void *session, const void *config, struct l7_carrier *carrier, int64_t now)
{
    (void)carrier;
    (void)now;
    struct client *s = session;
    s->config = config;
    s->retry_at = TIME_NEVER;
    http1_parser_init(&s->parser, HTTP1_RESPONSES);
    return ERR_OK;
}

static void report(const struct l7_carrier *carrier, const struct l7_transaction *t)
{
    if (carrier->events && carrier->events->transaction)
        carrier->events->transaction(carrier->context, t);
}

/* Reports the first pending request as failed. */
static void fail_first(struct client *s, struct l7_carrier *carrier, int error, const char *cause, int64_t now)
{
    bool begun = !http1_parser_between_messages(&s->parser);
    struct http1_pending p = http1_pending_pop(&s->pending, carrier->pool);
    struct l7_transaction t = {
        .error = error,
        .cause = cause,
        .status = begun ? s->parser.status : 0,
        .body_bytes = begun ? s->parser.body_bytes : 0,
        .due_at = p.due_at,
        .sent_at = p.sent_at,
        .first_byte_at = begun ? s->first_byte_at : 0,
        .done_at = now,
        .close_after = true,
    };
    report(carrier, &t);
}

/* The connection is of no more use: the first pending request failed for this reason, the others with it. */
static void give_up(struct client *s, struct l7_carrier *carrier, int error, const char *cause, int rest_error,
                    const char *rest_cause, int64_t now)
{
    s->closing = s->dead = true;
    s->writing = NULL;
    s->retry_at = TIME_NEVER;
    if (s->pending.count > 0)
        fail_first(s, carrier, error, cause, now);
    http1_parser_init(&s->parser, HTTP1_RESPONSES);
    while (s->pending.count > 0)
        fail_first(s, carrier, rest_error, rest_cause, now);
}

/* What the server sent is wrong. */
static int abort_connection(struct client *s, struct l7_carrier *carrier, int error, enum http1_cause cause,
                            int64_t now)
{
    carrier->cause = http1_cause_name(cause);
    carrier->want_abort = true;
    give_up(s, carrier, error, carrier->cause, ERR_ABORTED, http1_cause_name(HTTP1_CAUSE_CONNECTION_ABORTED), now);
    return error;
}

static bool status_fits(const struct http1_expect *e, uint16_t status)
{
    return e->status ? status == e->status : status >= 200 && status < 400;
}

/* RFC 9110 9.3.2: the Content-Length of an answer to HEAD is that of the body GET would have got. */
static bool length_fits(const struct client *s, const struct http1_request *r)
{
    if (r->method == HTTP1_HEAD)
        return (s->parser.flags & HTTP1_HAS_LENGTH) && s->parser.length == r->expect.length;
    return s->parser.body_bytes == r->expect.length;
}

static enum http1_cause validate(const struct client *s, const struct http1_request *r)
{
    if (!status_fits(&r->expect, s->parser.status))
        return HTTP1_CAUSE_STATUS_MISMATCH;
    if (r->expect.check_length && !length_fits(s, r))
        return HTTP1_CAUSE_LENGTH_MISMATCH;
    if (r->expect.check_digest && s->digest != r->expect.digest)
        return HTTP1_CAUSE_DIGEST_MISMATCH;
    return HTTP1_CAUSE_NONE;
}

/* The answers to requests behind the last one cannot come. */
static void end_connection(struct client *s, struct l7_carrier *carrier, int64_t now)
{
    s->closing = true;
    if (s->writing)
        carrier->want_abort = true;
    else
        carrier->want_close = true;
    const char *cause = http1_cause_name(HTTP1_CAUSE_PEER_CLOSED);
    give_up(s, carrier, ERR_CLOSED, cause, ERR_CLOSED, cause, now);
}

/*
 * The response is complete. `extra`: bytes follow it. The request is taken off before it is reported, so that the
 * next one can be sent from inside the event; where the connection ends, that is known before.
 */
static void finish_response(struct client *s, struct l7_carrier *carrier, bool extra, int64_t now)
{
    const struct http1_request *r = s->pending.first.request;
    bool last = !http1_parser_keeps_alive(&s->parser) || r->close;
    enum http1_cause cause = validate(s, r);
    struct http1_pending p = http1_pending_pop(&s->pending, carrier->pool);
    struct l7_transaction t = {
        .error = cause ? ERR_PROTOCOL : ERR_OK,
        .cause = cause ? http1_cause_name(cause) : NULL,
        .status = s->parser.status,
        .body_bytes = s->parser.body_bytes,
        .due_at = p.due_at,
        .sent_at = p.sent_at,
        .first_byte_at = s->first_byte_at,
        .done_at = now,
        .close_after = last,
    };
    s->informational = 0;
    if (last || (extra && s->pending.count == 0))
        s->closing = true;
    report(carrier, &t);
    if (last)
        end_connection(s, carrier, now);
}

/*
 * RFC 9110 15.2: any number of informational responses may come first; 101 answers an Upgrade that is never asked
 * for.
 */
static enum http1_cause check_informational(struct client *s)
{
    if (s->parser.status == 101)
        return HTTP1_CAUSE_UNEXPECTED_UPGRADE;
    return ++s->informational > INFORMATIONAL_MAX ? HTTP1_CAUSE_TOO_MANY_INFORMATIONAL : HTTP1_CAUSE_NONE;
}

static void begin_response(struct client *s, int64_t now)
{
    s->first_byte_at = now;
    s->digest = HTTP1_DIGEST_START;
    s->parser.no_body = s->pending.first.request->method == HTTP1_HEAD;
}

static int client_input(void *session, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct client *s = session;
    const uint8_t *at = bytes, *end = bytes + length;
    struct http1_piece piece;
    while (!s->dead) {
        if (http1_parser_between_messages(&s->parser) && at < end) {
            if (s->pending.count == 0)
                return abort_connection(s, carrier, ERR_PROTOCOL, HTTP1_CAUSE_UNSOLICITED_RESPONSE, now);
            begin_response(s, now);
        }
        switch (http1_parser_next(&s->parser, &s->config->limits, &at, end, &piece)) {
        case HTTP1_EVENT_HEAD:
            if (unlikely(s->parser.status < 200)) {
                enum http1_cause cause = check_informational(s);
                if (cause)
                    return abort_connection(s, carrier, ERR_PROTOCOL, cause, now);
            }
            break;
        case HTTP1_EVENT_BODY:
            if (s->pending.first.request->expect.check_digest)
                s->digest = http1_digest(s->digest, piece.bytes, piece.length);
            break;
        case HTTP1_EVENT_END:
            if (s->parser.status >= 200)
                finish_response(s, carrier, at < end, now);
            break;
        case HTTP1_EVENT_FAILED:
            return abort_connection(s, carrier, ERR_MALFORMED, s->parser.cause, now);
        default:
            return ERR_OK;
        }
    }
    return ERR_OK;
}

static void client_end_of_input(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct client *s = session;
    if (s->dead)
        return;
    if (http1_parser_end_of_input(&s->parser) == HTTP1_EVENT_END)
        finish_response(s, carrier, false, now);
    if (!s->dead)
        end_connection(s, carrier, now);
}

/* Queues more of the body being sent. */
static void write_body(struct client *s, struct l7_carrier *carrier, int64_t now)
{
    int error = http1_body_write(&s->writing->body, &s->writer, &carrier->out, carrier->pool);
    if (!error)
        s->writing = NULL;
    s->retry_at = error == ERR_NO_MEMORY ? now + RETRY_NS : TIME_NEVER;
}

static void client_resume(void *session, struct l7_carrier *carrier, int64_t now)
{
    struct client *s = session;
    if (s->writing)
        write_body(s, carrier, now);
}

static int64_t client_next_deadline(const void *session)
{
    const struct client *s = session;
    return s->retry_at;
}

static bool client_idle(const void *session)
{
    const struct client *s = session;
    return s->pending.count == 0 && !s->writing && !s->closing;
}

static void client_close(void *session, struct l7_carrier *carrier, int error, const char *cause, int64_t now)
{
    struct client *s = session;
    if (error) {
        give_up(s, carrier, error, cause, error, cause, now);
        return;
    }
    s->closing = s->dead = true;
    s->writing = NULL;
    s->retry_at = TIME_NEVER;
    while (s->pending.count > 0)
        (void)http1_pending_pop(&s->pending, carrier->pool);
}

const struct l7_engine http1_client_engine = {
    .name = "http1_client",
    .session_bytes = sizeof(struct client),
    .open = client_open,
    .input = client_input,
    .end_of_input = client_end_of_input,
    .resume = client_resume,
    .next_deadline = client_next_deadline,
    .idle = client_idle,
    .close = client_close,
};

/* A reference can be queued; a pool that falls short counts it. */
static bool has_span(struct outq_pool *pool)
{
    if (pool->spans.used < pool->spans.capacity)
        return true;
    pool->spans.exhausted++;
    return false;
}

int http1_client_send(void *session, struct l7_carrier *carrier, const struct http1_request *request, int64_t due_at,
                      int64_t now)
{
    struct client *s = session;
    if (s->closing)
        return ERR_CLOSED;
    if (s->writing || s->pending.count >= s->config->limits.max_pipeline)
        return ERR_AGAIN;
    struct http1_pending entry = {.request = request, .due_at = due_at, .sent_at = now};
    if (!has_span(carrier->pool) || http1_pending_push(&s->pending, carrier->pool, &entry))
        return ERR_NO_MEMORY;
    int error = outq_reference(&carrier->out, carrier->pool, request->bytes, request->bytes_length);
    assert(!error);
    (void)error;
    s->closing = request->close;
    if (request->streamed) {
        s->writing = request;
        s->writer = (struct http1_writer){0};
        write_body(s, carrier, now);
    }
    return ERR_OK;
}

uint32_t http1_client_pending(const void *session)
{
    const struct client *s = session;
    return s->pending.count;
}
