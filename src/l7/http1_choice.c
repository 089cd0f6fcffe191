/* SPDX-License-Identifier: MIT */
/*
 * Which answer a request gets. Most routes have it prepared; the others (http1_route_plan.special) look at the path,
 * at noted fields, or draw a fault.
 */
#include <string.h>

#include "base/error.h"
#include "l7/http1_session.h"

__extension__ typedef unsigned __int128 wide;

#define PPB 1000000000u
#define MAX_SIZE (UINT64_C(1) << 40)
#define MAX_DELAY_MS UINT64_C(3600000)

/* splitmix64 (Steele, Lea and Flood 2014): a counter and a mixing function. */
uint64_t http1_session_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Evenly 0 to below - 1. */
static uint64_t draw_below(struct http1_session *s, uint64_t below)
{
    return (uint64_t)(((wide)http1_session_draw(&s->random) * below) >> 64);
}

union http1_scratch *http1_session_borrow(struct http1_session *s, struct l7_carrier *carrier)
{
    if (s->scratch == POOL_NONE) {
        s->scratch = pool_get(&carrier->pool->chunks);
        if (s->scratch == POOL_NONE)
            return NULL;
        memset(http1_session_scratch(s, carrier), 0, offsetof(union http1_scratch, notes.text));
    }
    return http1_session_scratch(s, carrier);
}

NOINLINE void http1_session_return(struct http1_session *s, struct l7_carrier *carrier)
{
    if (s->scratch == POOL_NONE)
        return;
    pool_put(&carrier->pool->chunks, s->scratch);
    s->scratch = POOL_NONE;
    s->custom = false;
}

/* ---- notes ---- */

NOINLINE void http1_session_note(struct http1_session *s, struct l7_carrier *carrier, enum http1_field field,
                                 uint32_t line, const struct http1_piece *piece)
{
    union http1_scratch *scratch = http1_session_borrow(s, carrier);
    if (!scratch)
        return;
    bool fresh = scratch->notes.length == 0 || scratch->notes.line != line;
    uint8_t *to = scratch->notes.text + scratch->notes.length;
    if (scratch->notes.length + 2u * fresh + piece->length > sizeof scratch->notes.text) {
        scratch->notes.overflow = true;
        return;
    }
    if (fresh) {
        *to++ = 0;
        *to++ = (uint8_t)field;
    }
    memcpy(to, piece->bytes, piece->length);
    scratch->notes.line = line;
    scratch->notes.length += 2u * fresh + piece->length;
}

/* ---- parameters of the path ---- */

/* The target as it came: from the notes when it came in pieces, where it is the first entry. */
static struct http1_piece whole_target(const struct http1_session *s, const struct l7_carrier *carrier,
                                       const struct http1_piece *last)
{
    const union http1_scratch *scratch = http1_session_scratch(s, carrier);
    if (last->length > 0 || !scratch || scratch->notes.overflow || scratch->notes.length < 2)
        return *last;
    const uint8_t *text = scratch->notes.text + 2;
    uint32_t length = scratch->notes.length - 2;
    const uint8_t *end = memchr(text, 0, length);
    return (struct http1_piece){text, end ? (uint32_t)(end - text) : length};
}

/* Behind "http://host", up to '?' or '#'. */
static struct http1_piece path_of(struct http1_piece target)
{
    uint32_t from = 0, slashes = target.length > 0 && target.bytes[0] == '/' ? 3 : 0;
    while (slashes < 3 && from < target.length && (slashes += target.bytes[from] == '/') < 3)
        from++;
    uint32_t to = from;
    while (to < target.length && target.bytes[to] != '?' && target.bytes[to] != '#')
        to++;
    return (struct http1_piece){target.bytes + from, to - from};
}

/* Decimal digits, at least one, at the beginning. */
static bool take_number(struct http1_piece *p, uint64_t most, uint64_t *value)
{
    const uint8_t *from = p->bytes;
    for (*value = 0; p->length > 0 && *p->bytes >= '0' && *p->bytes <= '9'; p->bytes++, p->length--) {
        *value = *value * 10 + (uint64_t)(*p->bytes - '0');
        if (*value > most)
            return false;
    }
    return p->bytes > from;
}

static unsigned shift_of(uint8_t suffix)
{
    switch (suffix | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    default:
        return suffix == 't' || suffix == 'T' ? 40 : 64;
    }
}

static bool read_size(struct http1_piece p, uint64_t *size)
{
    if (!take_number(&p, MAX_SIZE, size) || p.length > 1)
        return false;
    if (p.length == 0)
        return true;
    unsigned shift = shift_of(*p.bytes);
    if (shift > 40 || *size > MAX_SIZE >> shift)
        return false;
    *size <<= shift;
    return true;
}

static void choose_error(struct http1_session *s, uint16_t status)
{
    s->route = NULL;
    s->answer = http1_server_error(s->config, status);
}

/* A body of the generated pattern. */
static void choose_size(struct http1_session *s, struct l7_carrier *carrier, uint64_t size)
{
    union http1_scratch *scratch = http1_session_borrow(s, carrier);
    if (!scratch) {
        choose_error(s, 503);
        return;
    }
    scratch->custom = (struct http1_custom){.fields = NULL};
    http1_body_init_like(&scratch->custom.body, &s->answer->body, size);
    s->custom = true;
}

static void choose_by_path(struct http1_session *s, struct l7_carrier *carrier, struct http1_piece target)
{
    const struct http1_route_plan *route = s->route;
    struct http1_piece rest = path_of(target);
    uint64_t value = 0;
    bool good = rest.length >= route->prefix_bytes && memcmp(rest.bytes, route->prefix, route->prefix_bytes) == 0;
    if (good) {
        rest.bytes += route->prefix_bytes;
        rest.length -= route->prefix_bytes;
        good = route->from_path == HTTP1_FROM_PATH_SIZE ? read_size(rest, &value)
                                                        : take_number(&rest, MAX_DELAY_MS, &value) && rest.length == 0;
    }
    if (good && route->from_path == HTTP1_FROM_PATH_STATUS)
        good = value >= HTTP1_STATUS_FIRST && value < HTTP1_STATUS_FIRST + HTTP1_STATUS_COUNT;
    if (!good)
        choose_error(s, 404);
    else if (route->from_path == HTTP1_FROM_PATH_SIZE)
        choose_size(s, carrier, value);
    else if (route->from_path == HTTP1_FROM_PATH_STATUS)
        s->answer = &route->answers[value - HTTP1_STATUS_FIRST];
    else
        s->delay_ns = (int64_t)value * NS_PER_MS;
}

/* ---- files ---- */

static void add_content_range(struct http1_custom *c, const struct http1_range *range, uint64_t length)
{
    struct http1_text t = {.bytes = c->end, .room = sizeof c->end};
    http1_text_add(&t, "Content-Range: bytes ");
    if (range) {
        http1_text_add_number(&t, range->first);
        http1_text_add(&t, "-");
        http1_text_add_number(&t, range->last);
    } else {
        http1_text_add(&t, "*");
    }
    http1_text_add(&t, "/");
    http1_text_add_number(&t, length);
    http1_text_add(&t, "\r\n");
    c->end_bytes = (uint32_t)t.length;
}

/* An answer other than the whole file. The notes are used up: their place is taken. */
static void customize_file(struct http1_session *s, union http1_scratch *scratch, uint16_t status,
                           const struct http1_range *range)
{
    const struct http1_file_plan *file = s->route->file;
    const struct http1_file_heads *heads = s->route->heads;
    struct http1_custom *c = &scratch->custom;
    *c = (struct http1_custom){.fields = file->fields, .fields_bytes = file->fields_bytes};
    s->custom = true;
    if (status == 206) {
        s->answer = &heads->partial;
        http1_body_init(&c->body, file->bytes + range->first, NULL, range->last - range->first + 1, 0);
        add_content_range(c, range, file->validators.length);
        return;
    }
    s->answer = status == 304 ? &heads->not_modified : status == 412 ? &heads->failed : &heads->unsatisfiable;
    http1_body_init(&c->body, (const uint8_t *)"", NULL, 0, 0);
    if (status == 304)
        return;
    c->fields_bytes = 0; /* they speak of the file */
    if (status == 416)
        add_content_range(c, NULL, file->validators.length);
}

/* Without notes, or with more than there is room for: the whole file. */
static void choose_part(struct http1_session *s, struct l7_carrier *carrier)
{
    union http1_scratch *scratch = http1_session_scratch(s, carrier);
    struct http1_range range = {0};
    if (!scratch || scratch->notes.overflow)
        return;
    const struct http1_notes notes = {scratch->notes.text, scratch->notes.length};
    uint16_t status =
        http1_condition_evaluate(&notes, s->parser.method == HTTP1_GET, &s->route->file->validators, &range);
    if (status != 200)
        customize_file(s, scratch, status, &range);
}

/* ---- drawing ---- */

static const struct http1_answer *draw_answer(struct http1_session *s, const struct http1_route_plan *route)
{
    if (!route->weight_until)
        return route->answers;
    uint64_t point = draw_below(s, route->weight_until[route->n_answers - 1]);
    uint32_t i = 0;
    while (route->weight_until[i] <= point)
        i++;
    return &route->answers[i];
}

static void draw_delay(struct http1_session *s, const struct http1_route_plan *route)
{
    if (route->delay == HTTP1_DELAY_UNIFORM)
        s->delay_ns = (int64_t)draw_below(s, 2 * (uint64_t)route->delay_ns + 1);
    else if (route->delay == HTTP1_DELAY_EXPONENTIAL)
        s->delay_ns = route->delay_table[draw_below(s, route->delay_steps)];
}

static void draw_fault(struct http1_session *s, const struct http1_route_plan *route)
{
    uint64_t point = draw_below(s, PPB);
    uint32_t i = 0;
    while (i < route->n_faults && route->faults[i].until_ppb <= point)
        i++;
    if (i == route->n_faults)
        return;
    s->fault = (uint8_t)route->faults[i].kind;
    if (s->fault == HTTP1_FAULT_STATUS) {
        s->route = NULL;
        s->answer = route->faults[i].answer;
        s->custom = false;
    }
}

static void begin_hash(struct http1_session *s, struct l7_carrier *carrier)
{
    union http1_scratch *scratch = http1_session_borrow(s, carrier);
    if (scratch)
        s->route->hash->begin(scratch->hash);
    else
        choose_error(s, 503);
}

static NOINLINE void choose_specially(struct http1_session *s, struct l7_carrier *carrier,
                                      const struct http1_piece *target)
{
    const struct http1_route_plan *route = s->route;
    draw_delay(s, route);
    if (route->from_path)
        choose_by_path(s, carrier, whole_target(s, carrier, target));
    else if (route->file)
        choose_part(s, carrier);
    else if (route->hash)
        begin_hash(s, carrier);
    if (route->n_faults && s->route)
        draw_fault(s, route);
    s->rare = s->custom || s->fault || route->kind == HTTP1_ROUTE_HASH || route->kind == HTTP1_ROUTE_DIGEST;
}

static NOINLINE void choose_without_route(struct http1_session *s, const struct l7_carrier *carrier)
{
    bool whole_server = s->parser.method == HTTP1_OPTIONS && http1_match_is_asterisk(&s->match);
    choose_error(s, carrier->overloaded ? 503 : 404);
    if (whole_server && !carrier->overloaded)
        s->answer = s->config->options;
}

void http1_session_choose(struct http1_session *s, struct l7_carrier *carrier, const struct http1_piece *target)
{
    uint16_t number = http1_match_end(&s->match, &s->config->table);
    s->delay_ns = 0;
    s->fault = HTTP1_FAULT_NONE;
    s->rare = false;
    if (unlikely(number == HTTP1_MATCH_NONE || carrier->overloaded)) {
        choose_without_route(s, carrier);
        return;
    }
    const struct http1_route_plan *route = &s->config->routes[number];
    s->route = NULL;
    if (!(route->methods & (1u << s->parser.method))) {
        s->answer = s->parser.method == HTTP1_OPTIONS ? route->options : route->not_allowed;
        return;
    }
    if (unlikely(route->kind == HTTP1_ROUTE_NOT_FOUND)) {
        choose_error(s, 404);
        return;
    }
    s->route = route;
    s->delay_ns = route->delay_ns;
    s->answer = draw_answer(s, route);
    if (unlikely(route->special))
        choose_specially(s, carrier, target);
}

NOINLINE void http1_session_finish_head(struct http1_session *s, struct l7_carrier *carrier)
{
    struct http1_custom *c = &http1_session_scratch(s, carrier)->custom;
    enum http1_persistence p = (enum http1_persistence)s->persistence;
    enum http1_framing framing = c->body.chunk_bytes ? HTTP1_FRAMING_CHUNKED : HTTP1_FRAMING_LENGTH;
    uint8_t rest[HTTP1_END_HEAD_BYTES];
    if (s->answer->status == 304)
        framing = HTTP1_FRAMING_NONE;
    if (http1_answer_is_1_0(p) && c->body.chunk_bytes) {
        framing = HTTP1_FRAMING_LENGTH;
        http1_body_init_like(&c->body, &s->answer->plain_body, c->body.length);
    }
    uint32_t n = http1_answer_end_head(rest, p, framing, c->body.length);
    memcpy(c->end + c->end_bytes, rest, n);
    c->end_bytes += n;
}
