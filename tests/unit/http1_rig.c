/* SPDX-License-Identifier: MIT */
/*
 * Transcripts, benches and the pair.
 */
#include "unit/http1_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

/* ---- transcripts ---- */

struct writer {
    struct transcript *t;
    char target[1024];
    size_t target_length;
    uint8_t body[64];
    uint64_t body_length;
    uint64_t digest;
};

static void PRINTF_LIKE(2, 3) add(struct transcript *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->length, sizeof t->text - t->length, format, args);
    va_end(args);
    assert_true(n >= 0 && t->length + (size_t)n < sizeof t->text);
    t->length += (size_t)n;
}

static void begin_message(struct writer *w)
{
    w->target_length = 0;
    w->body_length = 0;
    w->digest = HTTP1_DIGEST_START;
}

static void add_target(struct writer *w, const struct http1_piece *piece)
{
    size_t n =
        piece->length < sizeof w->target - w->target_length ? piece->length : sizeof w->target - w->target_length;
    if (n)
        memcpy(w->target + w->target_length, piece->bytes, n);
    w->target_length += n;
}

static void add_head(struct writer *w, const struct http1_parser *p)
{
    const char *persistence = http1_parser_keeps_alive(p) ? "keep" : "close";
    const char *expect = p->flags & HTTP1_EXPECT_CONTINUE ? " expect" : "";
    if (p->role == HTTP1_REQUESTS)
        add(w->t, "%s %.*s 1.%u %s%s", http1_method_name((enum http1_method)p->method), (int)w->target_length,
            w->target, (unsigned)p->minor, persistence, expect);
    else
        add(w->t, "%u 1.%u %s", (unsigned)p->status, (unsigned)p->minor, persistence);
}

static void add_body(struct writer *w, const struct http1_piece *piece)
{
    assert_true(piece->length > 0);
    for (uint32_t i = 0; i < piece->length && w->body_length + i < sizeof w->body; i++)
        w->body[w->body_length + i] = piece->bytes[i];
    w->body_length += piece->length;
    w->digest = http1_digest(w->digest, piece->bytes, piece->length);
}

static void end_message(struct writer *w, const struct http1_parser *p)
{
    assert_true(p->body_bytes == w->body_length);
    add(w->t, " %llu ", (unsigned long long)w->body_length);
    if (w->body_length <= 60)
        add(w->t, "%.*s\n", (int)w->body_length, (const char *)w->body);
    else
        add(w->t, "#%016llx\n", (unsigned long long)w->digest);
    begin_message(w);
}

/* An event other than MORE. False: nothing can follow. */
static bool take_event(struct writer *w, const struct http1_parser *p, enum http1_event event,
                       const struct http1_piece *piece)
{
    switch (event) {
    case HTTP1_EVENT_TARGET:
        add_target(w, piece);
        return true;
    case HTTP1_EVENT_HEAD:
        if (p->role == HTTP1_REQUESTS)
            add_target(w, piece);
        add_head(w, p);
        return true;
    case HTTP1_EVENT_BODY:
        add_body(w, piece);
        return true;
    case HTTP1_EVENT_END:
        end_message(w, p);
        return true;
    default:
        add(w->t, "failed %s\n", http1_cause_name(p->cause));
        return false;
    }
}

/* Feeds one piece. False: the parser failed. */
static bool feed(struct writer *w, struct http1_parser *p, const struct reading *r, const uint8_t *bytes, size_t length)
{
    const uint8_t *at = at_end_of_memory(bytes, length), *end = at + length;
    struct http1_piece piece = {NULL, 0};
    for (;;) {
        const uint8_t *before = at;
        enum http1_event event = r->resumable_only ? http1_parser_next_resumable(p, &r->limits, &at, end, &piece)
                                                   : http1_parser_next(p, &r->limits, &at, end, &piece);
        assert_true(at >= before && at <= end);
        if (event == HTTP1_EVENT_MORE) {
            assert_ptr_equal(at, end);
            return true;
        }
        if (!take_event(w, p, event, &piece))
            return false;
    }
}

struct reading reading_default(enum http1_role role)
{
    struct reading r = {.role = role};
    http1_limits_default(&r.limits);
    return r;
}

void transcript_of(struct transcript *t, const struct reading *r, const uint8_t *bytes, size_t length,
                   const size_t *cuts, unsigned n_cuts)
{
    struct writer w = {.t = t};
    struct http1_parser p;
    t->length = 0;
    t->text[0] = '\0';
    begin_message(&w);
    http1_parser_init(&p, r->role);
    p.no_body = r->head_requests;
    size_t from = 0;
    for (unsigned i = 0; i <= n_cuts; i++) {
        size_t to = i < n_cuts ? cuts[i] : length;
        if (!feed(&w, &p, r, bytes + from, to - from))
            return;
        from = to;
    }
    if (r->end_of_input) {
        enum http1_event event = http1_parser_end_of_input(&p);
        if (event != HTTP1_EVENT_MORE)
            (void)take_event(&w, &p, event, NULL);
    } else if (!http1_parser_between_messages(&p)) {
        add(t, " unfinished\n");
    }
}

static void compare(const struct reading *r, const uint8_t *bytes, size_t length, const size_t *cuts, unsigned n_cuts,
                    const char *expected)
{
    static struct transcript t;
    transcript_of(&t, r, bytes, length, cuts, n_cuts);
    if (strcmp(t.text, expected) == 0)
        return;
    print_message("cut at:");
    for (unsigned i = 0; i < n_cuts && i < 20; i++)
        print_message(" %zu", cuts[i]);
    print_message(" of %zu%s\n", length, r->resumable_only ? ", resumable only" : "");
    assert_string_equal(t.text, expected);
}

#define CUTS_MAX 4096

static void compare_each_byte(const struct reading *r, const uint8_t *bytes, size_t length, const char *expected)
{
    static size_t cuts[CUTS_MAX];
    unsigned n = 0;
    for (size_t i = 1; i < length && n < CUTS_MAX; i++)
        cuts[n++] = i;
    compare(r, bytes, length, cuts, n, expected);
}

static void compare_random_cuts(const struct reading *r, const uint8_t *bytes, size_t length, const char *expected)
{
    struct dice d = {length};
    size_t cuts[8];
    for (unsigned round = 0; round < 100; round++) {
        size_t at = 0;
        unsigned n = 0;
        while (n < ARRAY_SIZE(cuts) && at < length) {
            at += dice_below(&d, (uint32_t)(length - at) + 1);
            cuts[n++] = at;
        }
        compare(r, bytes, length, cuts, n, expected);
    }
}

void assert_reads(const struct reading *r, const void *bytes, size_t length, const char *expected)
{
    struct reading both[2] = {*r, *r};
    both[1].resumable_only = true;
    for (unsigned i = 0; i < 2; i++) {
        compare(&both[i], bytes, length, NULL, 0, expected);
        for (size_t cut = 0; cut <= length && length <= CUTS_MAX; cut++)
            compare(&both[i], bytes, length, &cut, 1, expected);
        compare_each_byte(&both[i], bytes, length, expected);
        compare_random_cuts(&both[i], bytes, length, expected);
    }
}

/* ---- one engine ---- */

static void *bench_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    void *memory = NULL;
    if (posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size ? size : 1) != 0)
        return NULL;
    return memset(memory, 0, size);
}

static void bench_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    (void)size;
    free(memory);
}

const struct allocator bench_allocator = {.alloc = bench_alloc, .free = bench_free};

static void on_transaction(void *context, const struct l7_transaction *t)
{
    struct bench *b = context;
    if (b->n_events < BENCH_EVENTS)
        b->events[b->n_events] = *t;
    b->n_events++;
    if (b->on_event)
        b->on_event(b, t);
}

static const struct l7_events bench_events = {.transaction = on_transaction};

void bench_open(struct bench *b, const struct l7_engine *engine, const void *config, uint32_t spans, uint32_t chunks)
{
    memset(b, 0, sizeof *b);
    b->engine = engine;
    b->now = 1000;
    assert_int_equal(outq_pool_init(&b->pool, &bench_allocator, spans, chunks), ERR_OK);
    b->session = calloc(1, engine->session_bytes);
    assert_non_null(b->session);
    b->carrier = (struct l7_carrier){.pool = &b->pool, .events = &bench_events, .context = b, .serial = 1};
    assert_int_equal(engine->open(b->session, config, &b->carrier, b->now), ERR_OK);
}

void bench_close(struct bench *b)
{
    b->engine->close(b->session, &b->carrier, 0, NULL, b->now);
    outq_clear(&b->carrier.out, &b->pool);
    assert_int_equal(b->pool.spans.used, 0);
    assert_int_equal(b->pool.chunks.used, 0);
    outq_pool_free(&b->pool);
    free(b->session);
    b->session = NULL;
}

int bench_input(struct bench *b, const void *bytes, size_t length)
{
    return b->engine->input(b->session, &b->carrier, at_end_of_memory(bytes, length), (uint32_t)length, b->now);
}

int bench_input_text(struct bench *b, const char *text) { return bench_input(b, text, strlen(text)); }

size_t bench_take(struct bench *b, uint8_t *to, size_t most)
{
    struct outq *q = &b->carrier.out;
    size_t n = outq_read(q, &b->pool, q->base, to, most, NULL);
    outq_trim(q, &b->pool, q->base + n);
    if (n && b->engine->resume)
        b->engine->resume(b->session, &b->carrier, b->now);
    return n;
}

const char *bench_output(struct bench *b)
{
    static char text[1 << 20];
    size_t length = 0;
    for (size_t n; (n = bench_take(b, (uint8_t *)text + length, sizeof text - 1 - length)) > 0;)
        length += n;
    text[length] = '\0';
    return text;
}

unsigned bench_queued_spans(const struct bench *b)
{
    unsigned n = 0;
    for (uint32_t i = b->carrier.out.head; i != POOL_NONE; n++)
        i = ((const struct outq_span *)pool_at(&b->pool.spans, i))->next;
    return n;
}

/* ---- both ---- */

/* Hands one piece on. False: there was none, or the receiver takes none now. */
static bool carry(struct bench *from, struct bench *to, struct dice *d, size_t piece_bytes)
{
    if (to->carrier.hold_input)
        return false;
    static uint8_t piece[65536];
    size_t most = piece_bytes ? piece_bytes : 1 + dice_below(d, dice_one_in(d, 3) ? 16 : 3000);
    size_t n = bench_take(from, piece, most);
    if (n == 0 || to->carrier.want_abort)
        return n > 0;
    (void)bench_input(to, piece, n);
    return true;
}

static int64_t next_deadline(const struct bench *b)
{
    return b->engine->next_deadline ? b->engine->next_deadline(b->session) : TIME_NEVER;
}

/* Nothing is queued: time goes on to the next deadline. False: there is none. */
static bool wait(struct bench *a, struct bench *b)
{
    int64_t at = min_i64(next_deadline(a), next_deadline(b));
    if (at == TIME_NEVER)
        return false;
    a->now = b->now = max_i64(at, a->now);
    a->engine->resume(a->session, &a->carrier, a->now);
    b->engine->resume(b->session, &b->carrier, b->now);
    return true;
}

static bool ends(const struct bench *b)
{
    return b->carrier.want_abort || (b->carrier.want_close && outq_length(&b->carrier.out) == 0);
}

void pair_run(struct bench *client, struct bench *server, struct dice *d, size_t piece_bytes)
{
    while (!client->carrier.want_abort && !server->carrier.want_abort) {
        client->now = server->now = client->now + 1000;
        bool moved = carry(client, server, d, piece_bytes);
        moved |= carry(server, client, d, piece_bytes);
        if (!moved && (ends(client) || ends(server) || !wait(client, server)))
            break;
    }
    if (ends(server))
        client->engine->end_of_input(client->session, &client->carrier, client->now);
    if (ends(client))
        server->engine->end_of_input(server->session, &server->carrier, server->now);
}
