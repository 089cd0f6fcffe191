/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: HTTP/1.1. The first two bytes choose role, limits and cuts; the rest is what a peer sends. Whole heads
 * read at once, pieces cut at random and single bytes through the resumable machine give the same events; a client
 * reports every request once, whatever comes; what a server answers to anything is right HTTP, and both give back all
 * they borrowed.
 */
#include <stdlib.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "l7/http1_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct cuts {
    uint64_t state;
    unsigned mode; /* 0: none, 1: each byte, else at random */
};

/* A copy of the next piece in memory of its own, so that reading past it is found. */
static size_t next_piece(struct cuts *c, const uint8_t *bytes, size_t left, uint8_t **copy)
{
    size_t n = left;
    c->state = c->state * UINT64_C(6364136223846793005) + 1442695040888963407;
    if (c->mode == 1)
        n = 1;
    else if (c->mode > 1)
        n = (c->state >> 33) % (c->state >> 62 ? 24 : 600) + 1;
    n = n < left ? n : left;
    *copy = malloc(n);
    assert(*copy);
    memcpy(*copy, bytes, n);
    return n;
}

/* ---- the parser against itself ---- */

struct summary {
    uint64_t events; /* a digest of what happened, without the places of cuts */
    uint64_t target, body;
    unsigned ended;
};

static void mix(struct summary *s, uint64_t value)
{
    s->events = http1_digest(s->events, (const uint8_t *)&value, sizeof value);
}

static void take_event(struct summary *s, const struct http1_parser *p, enum http1_event event,
                       const struct http1_piece *piece)
{
    if (event == HTTP1_EVENT_TARGET || (event == HTTP1_EVENT_HEAD && p->role == HTTP1_REQUESTS))
        s->target = http1_digest(s->target, piece->bytes, piece->length);
    if (event == HTTP1_EVENT_BODY) {
        assert(piece->length > 0);
        s->body = http1_digest(s->body, piece->bytes, piece->length);
    }
    if (event == HTTP1_EVENT_HEAD) {
        mix(s, p->method | (unsigned)p->minor << 8 | (unsigned)p->status << 16 | (uint64_t)p->flags << 40);
        mix(s, p->length);
        mix(s, http1_parser_keeps_alive(p) | (unsigned)http1_parser_expects_body(p) << 1);
        mix(s, s->target);
        s->target = HTTP1_DIGEST_START;
    }
    if (event == HTTP1_EVENT_END) {
        mix(s, s->body);
        mix(s, p->body_bytes);
        s->body = HTTP1_DIGEST_START;
        s->ended++;
    }
    if (event == HTTP1_EVENT_FAILED)
        mix(s, p->cause);
}

/* Feeds one piece; false: the parser failed. */
static bool feed(struct summary *s, struct http1_parser *p, const struct http1_limits *limits, const uint8_t *at,
                 const uint8_t *end, bool resumable)
{
    struct http1_piece piece = {NULL, 0};
    for (;;) {
        const uint8_t *before = at;
        enum http1_event event = resumable ? http1_parser_next_resumable(p, limits, &at, end, &piece)
                                           : http1_parser_next(p, limits, &at, end, &piece);
        assert(at >= before && at <= end);
        if (event == HTTP1_EVENT_MORE) {
            assert(at == end);
            return true;
        }
        take_event(s, p, event, &piece);
        if (event == HTTP1_EVENT_FAILED)
            return false;
    }
}

static struct summary read_all(const struct http1_parser *fresh, const struct http1_limits *limits,
                               const uint8_t *bytes, size_t length, struct cuts cuts, bool resumable)
{
    struct summary s = {.events = HTTP1_DIGEST_START, .target = HTTP1_DIGEST_START, .body = HTTP1_DIGEST_START};
    struct http1_parser p = *fresh;
    bool well = true;
    for (size_t at = 0; well && at < length;) {
        uint8_t *copy;
        size_t n = next_piece(&cuts, bytes + at, length - at, &copy);
        well = feed(&s, &p, limits, copy, copy + n, resumable);
        free(copy);
        at += n;
    }
    if (well) {
        enum http1_event event = http1_parser_end_of_input(&p);
        if (event != HTTP1_EVENT_MORE)
            take_event(&s, &p, event, NULL);
    }
    return s;
}

static void same_events_however_cut(const struct http1_parser *fresh, const struct http1_limits *limits,
                                    const uint8_t *bytes, size_t length, uint64_t seed)
{
    struct summary whole = read_all(fresh, limits, bytes, length, (struct cuts){seed, 0}, false);
    struct summary pieces = read_all(fresh, limits, bytes, length, (struct cuts){seed, 2}, false);
    struct summary alone = read_all(fresh, limits, bytes, length, (struct cuts){seed, 1}, true);
    assert(whole.events == pieces.events && whole.events == alone.events);
    assert(whole.ended == pieces.ended && whole.ended == alone.ended);
}

/* ---- the engines ---- */

struct end {
    const struct l7_engine *engine;
    void *session;
    struct outq_pool pool;
    struct l7_carrier carrier;
    unsigned events;
    int64_t now;
};

static void on_transaction(void *context, const struct l7_transaction *t)
{
    struct end *e = context;
    assert((t->error != 0) == (t->cause != NULL));
    e->events++;
}

static const struct l7_events events = {.transaction = on_transaction};

static void end_open(struct end *e, const struct l7_engine *engine, const void *config)
{
    *e = (struct end){.engine = engine, .session = calloc(1, engine->session_bytes), .now = 1};
    int error = outq_pool_init(&e->pool, alloc_heap(), 64, 64);
    assert(!error && e->session);
    e->carrier = (struct l7_carrier){.pool = &e->pool, .events = &events, .context = e};
    error = engine->open(e->session, config, &e->carrier, e->now);
    assert(!error);
}

static void end_close(struct end *e, int error)
{
    e->engine->close(e->session, &e->carrier, error, error ? "reset" : NULL, e->now);
    outq_clear(&e->carrier.out, &e->pool);
    assert(e->pool.spans.used == 0 && e->pool.chunks.used == 0);
    outq_pool_free(&e->pool);
    free(e->session);
}

/* Takes bytes off the output; feeds them to `answers` where there is a parser. A millisecond passes. */
static void drain(struct end *e, struct summary *s, struct http1_parser *answers, const struct http1_limits *limits)
{
    uint8_t part[300];
    size_t n = outq_read(&e->carrier.out, &e->pool, e->carrier.out.base, part, sizeof part, NULL);
    outq_trim(&e->carrier.out, &e->pool, e->carrier.out.base + n);
    bool well = !answers || feed(s, answers, limits, part, part + n, false);
    assert(well);
    e->now += NS_PER_MS;
    e->engine->resume(e->session, &e->carrier, e->now);
}

static void client_reports_every_request_once(const struct http1_limits *limits, const uint8_t *bytes, size_t length,
                                              uint64_t seed)
{
    const struct http1_request_spec specs[2] = {
        {.method = HTTP1_GET, .target = "/", .host = "a", .expect = {.check_digest = true}},
        {.method = HTTP1_HEAD, .target = "/", .host = "a"}};
    const struct http1_client_config config = {.limits = *limits};
    struct http1_request *requests[2];
    char message[256];
    struct end e;
    unsigned sent = 0;
    end_open(&e, &http1_client_engine, &config);
    for (unsigned i = 0; i < 2; i++)
        if (http1_request_prepare(&specs[i], alloc_heap(), &requests[i], message))
            abort();
    while (sent < 30 && http1_client_send(e.session, &e.carrier, requests[(seed >> (sent % 8)) & 1], e.now, e.now) == 0)
        sent++;
    struct cuts cuts = {seed, 2};
    int error = 0;
    for (size_t at = 0; !error && at < length;) {
        uint8_t *copy;
        size_t n = next_piece(&cuts, bytes + at, length - at, &copy);
        error = e.engine->input(e.session, &e.carrier, copy, (uint32_t)n, e.now);
        free(copy);
        at += n;
    }
    assert(!error || (e.carrier.want_abort && e.carrier.cause && e.events == sent));
    if (!error)
        e.engine->end_of_input(e.session, &e.carrier, e.now);
    assert(e.events == sent && http1_client_pending(e.session) == 0);
    end_close(&e, ERR_RESET);
    assert(e.events == sent);
    http1_request_delete(requests[0]);
    http1_request_delete(requests[1]);
}

/* Made once for each choice of limits. */
static const struct http1_server_config *server_config(const struct http1_limits *limits)
{
    static struct http1_server_config *made[2][2];
    struct http1_server_config **c = &made[limits->max_headers == 3][limits->lenient];
    static const struct http1_size_choice sizes[] = {{0, 1}, {10, 1}, {6000, 1}, {100000, 1}};
    static const struct http1_file files[] = {
        {.path = "a.txt", .bytes = (const uint8_t *)"0123456789", .length = 10, .modified_s = 784111777},
        {.path = "d/index.html", .bytes = (const uint8_t *)"<p>", .length = 3, .modified_s = 1},
        {.path = "e", .bytes = (const uint8_t *)"", .length = 0, .modified_s = 2000000000},
    };
    static const struct http1_route routes[] = {
        {.path = "/", .sizes = sizes, .n_sizes = ARRAY_SIZE(sizes)},
        {.path = "/c*", .sizes = sizes, .n_sizes = ARRAY_SIZE(sizes), .chunk_bytes = 700},
        {.path = "/e", .echo = true},
        {.path = "/d", .digest_response = true, .delay_ns = 1},
        {.path = "/s", .echo = true, .delay_ns = 10, .methods = 1u << HTTP1_POST | 1u << HTTP1_HEAD},
        {.path = "/n", .status = 204},
        {.path = "/u", .body = (const uint8_t *)"x", .body_length = 1, .close_delimited = true},
        {.path = "/f/*", .has_files = true, .files = files, .n_files = ARRAY_SIZE(files), .index = "index.html"},
        {.path = "/q/*", .from_path = HTTP1_FROM_PATH_STATUS},
        {.path = "/w/*", .from_path = HTTP1_FROM_PATH_DELAY},
    };
    const struct http1_server_spec spec = {.limits = *limits, .routes = routes, .n_routes = ARRAY_SIZE(routes)};
    char message[256];
    if (!*c && http1_server_config_new(&spec, alloc_heap(), c, message))
        abort();
    return *c;
}

/* One with faults, rates and short patience. */
static const struct http1_server_config *bad_server_config(void)
{
    static struct http1_server_config *made;
    static const struct http1_size_choice sizes[] = {{0, 1}, {6000, 1}};
    static const struct http1_fault faults[] = {{HTTP1_FAULT_STATUS, 200000000, 503},
                                                {HTTP1_FAULT_RESET, 50000000, 0},
                                                {HTTP1_FAULT_CLOSE, 200000000, 0},
                                                {HTTP1_FAULT_STALL, 200000000, 0}};
    static const struct http1_route routes[] = {
        {.path = "/", .sizes = sizes, .n_sizes = 2, .faults = faults, .n_faults = ARRAY_SIZE(faults)},
        {.path = "/c*", .sizes = sizes, .n_sizes = 2, .chunk_bytes = 700, .rate = 20000, .delay_ns = NS_PER_MS},
        {.path = "/e", .echo = true, .read_rate = 10000, .faults = faults, .n_faults = 1},
        {.path = "/d", .digest_response = true, .read_rate = 1000, .close = true},
        {.path = "/p/*", .from_path = HTTP1_FROM_PATH_SIZE, .rate = 100000},
    };
    const struct http1_server_spec spec = {.routes = routes,
                                           .n_routes = ARRAY_SIZE(routes),
                                           .max_requests = 5,
                                           .header_timeout_ns = 20 * NS_PER_MS,
                                           .body_timeout_ns = 50 * NS_PER_MS,
                                           .body_min_rate = 1000};
    char message[256];
    struct http1_server_spec limited = spec;
    http1_limits_default(&limited.limits);
    if (!made && http1_server_config_new(&limited, alloc_heap(), &made, message))
        abort();
    return made;
}

static void a_server_with_bad_manners_gives_back_what_it_borrowed(const uint8_t *bytes, size_t length, uint64_t seed)
{
    struct end e;
    end_open(&e, &http1_server_engine, bad_server_config());
    e.carrier.serial = seed;
    struct cuts cuts = {seed, 2};
    int error = 0;
    for (size_t at = 0; !error && !e.carrier.want_abort && !e.carrier.want_close && at < length;) {
        uint8_t *copy;
        size_t n = next_piece(&cuts, bytes + at, length - at, &copy);
        error = e.engine->input(e.session, &e.carrier, copy, (uint32_t)n, e.now);
        free(copy);
        at += n;
        drain(&e, NULL, NULL, NULL);
    }
    for (unsigned i = 0; !error && !e.carrier.want_abort && !e.carrier.want_close && i < 100; i++)
        drain(&e, NULL, NULL, NULL);
    end_close(&e, error);
}

/*
 * The answers are read as if none were to a HEAD when the input holds none of these letters; otherwise their bodies
 * cannot be told apart without knowing the requests, and only the engine's own checks count.
 */
static bool may_ask_heads(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 4 <= length; i++)
        if (memcmp(bytes + i, "HEAD", 4) == 0)
            return true;
    return false;
}

static void server_answers_with_right_http(const struct http1_limits *limits, const uint8_t *bytes, size_t length,
                                           uint64_t seed)
{
    struct http1_limits answer_limits;
    http1_limits_default(&answer_limits);
    struct http1_parser answers;
    struct summary s = {.events = HTTP1_DIGEST_START};
    struct end e;
    http1_parser_init(&answers, HTTP1_RESPONSES);
    end_open(&e, &http1_server_engine, server_config(limits));
    struct cuts cuts = {seed, 2};
    bool readable = !may_ask_heads(bytes, length);
    int error = 0;
    for (size_t at = 0; !error && !e.carrier.want_abort && at < length;) {
        uint8_t *copy;
        size_t n = next_piece(&cuts, bytes + at, length - at, &copy);
        error = e.engine->input(e.session, &e.carrier, copy, (uint32_t)n, e.now);
        free(copy);
        at += n;
        if (readable && cuts.state & 1)
            drain(&e, &s, &answers, &answer_limits);
    }
    assert((error != 0) <= e.carrier.want_abort);
    if (!error && !e.carrier.want_abort)
        e.engine->end_of_input(e.session, &e.carrier, e.now);
    for (unsigned i = 0; readable && i < 100000 && outq_length(&e.carrier.out); i++)
        drain(&e, &s, &answers, &answer_limits);
    if (readable && e.carrier.want_close)
        assert(http1_parser_end_of_input(&answers) != HTTP1_EVENT_FAILED);
    end_close(&e, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2)
        return 0;
    struct http1_limits limits;
    struct http1_parser fresh;
    uint64_t seed = bytes[1];
    http1_limits_default(&limits);
    limits.lenient = bytes[0] & 2;
    if (bytes[0] & 4)
        limits = (struct http1_limits){.max_line_bytes = 40,
                                       .max_headers = 3,
                                       .max_header_bytes = 80,
                                       .max_body_bytes = 30,
                                       .max_pipeline = 5,
                                       .max_held_bytes = 200,
                                       .lenient = limits.lenient};
    http1_parser_init(&fresh, bytes[0] & 1 ? HTTP1_RESPONSES : HTTP1_REQUESTS);
    fresh.no_body = bytes[0] & 8;
    bool bad_manners = bytes[0] & 16;
    bytes += 2;
    length -= 2;
    same_events_however_cut(&fresh, &limits, bytes, length, seed);
    if (fresh.role == HTTP1_RESPONSES)
        client_reports_every_request_once(&limits, bytes, length, seed);
    else if (bad_manners)
        a_server_with_bad_manners_gives_back_what_it_borrowed(bytes, length, seed);
    else
        server_answers_with_right_http(&limits, bytes, length, seed);
    return 0;
}
