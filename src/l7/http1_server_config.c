/* SPDX-License-Identifier: MIT */
/*
 * From routes to prepared answers: every setting is checked, every head written, once.
 */
#include "l7/http1_server_config.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define PATH_MAX_BYTES 8000u
#define ROUTES_MAX 60000u
#define ALL_METHODS ((1u << HTTP1_METHOD_COUNT) - 1)
#define FILE_METHODS (1u << HTTP1_GET | 1u << HTTP1_HEAD)
#define MAX_PPB 1000000000u

static const uint16_t error_statuses[] = {400, 404, 408, 413, 414, 417, 431, 501, 503, 505};

const struct http1_answer *http1_server_error(const struct http1_server_config *c, uint16_t status)
{
    for (size_t i = 0; i < ARRAY_SIZE(error_statuses); i++)
        if (error_statuses[i] == status)
            return &c->errors[i];
    return NULL;
}

/* Where a message belongs. */
struct place {
    uint32_t route;
    char *message;
};

static int refuse(const struct place *at, const char *text)
{
    snprintf(at->message, HTTP1_MESSAGE_BYTES, "routes[%u]: %s", at->route, text);
    return ERR_INVALID;
}

/* Puts "routes[n]: " before a message of a check. */
static int refuse_after(const struct place *at)
{
    char inner[HTTP1_MESSAGE_BYTES];
    memcpy(inner, at->message, sizeof inner);
    snprintf(at->message, HTTP1_MESSAGE_BYTES, "routes[%u]: %.230s", at->route, inner);
    return ERR_INVALID;
}

static int check_path(const char *path, const struct place *at)
{
    if (!path || (path[0] != '/' && path[0] != '*'))
        return refuse(at, "path: begins with '/', or is \"*\"");
    size_t length = strlen(path);
    if (length > PATH_MAX_BYTES)
        return refuse(at, "path: longer than 8000 bytes");
    if (strcspn(path, "?#") < length)
        return refuse(at, "path: contains '?' or '#'; targets are compared up to these");
    const char *star = strchr(path, '*');
    if (star && star[1])
        return refuse(at, "path: '*' stands anywhere but at its end");
    return path[0] == '/' && http1_check_target(path, at->message) ? refuse_after(at) : ERR_OK;
}

static bool status_without_body(uint16_t status) { return status == 204 || status == 304; }

static bool has_body_bytes(const struct http1_route *r)
{
    uint64_t bytes = r->body_length;
    for (uint32_t i = 0; i < r->n_sizes; i++)
        bytes |= r->sizes[i].bytes;
    return bytes || r->echo || r->digest_response || r->hash || r->has_files;
}

/* The ways to say what the body is; at most one may be used. */
static int check_body(const struct http1_route *r, const struct place *at)
{
    int ways = (r->n_sizes > 0) + (r->body != NULL) + r->echo + r->digest_response + (r->hash != NULL) + r->has_files +
               (r->from_path == HTTP1_FROM_PATH_SIZE);
    bool made_of_request = r->echo || r->digest_response || r->hash;
    if (ways > 1)
        return refuse(at, "more than one of sizes, body, echo, digest_response, hash, files and from_path size");
    if (!r->body && r->body_length)
        return refuse(at, "body_length: given without a body; a generated body is given by sizes");
    if (status_without_body(r->status) && has_body_bytes(r))
        return refuse(at, "status: 204 and 304 have no body");
    if (r->close_delimited && (r->chunk_bytes || made_of_request || r->has_files || r->from_path))
        return refuse(at, "close_delimited: goes with sizes or body only, and not with chunk_bytes");
    if (r->chunk_bytes && made_of_request)
        return refuse(at, "chunk_bytes: an echo is framed as the request was, a digest has its length");
    if (made_of_request && r->rate)
        return refuse(at, "rate: goes with bodies that are known beforehand");
    uint64_t weight = 0;
    for (uint32_t i = 0; i < r->n_sizes; i++)
        weight += r->sizes[i].weight;
    if (r->n_sizes && weight == 0)
        return refuse(at, "sizes: the weights are all 0");
    return ERR_OK;
}

static bool is_directory_prefix(const char *path)
{
    size_t length = strlen(path);
    return length >= 2 && path[length - 2] == '/' && path[length - 1] == '*';
}

static int check_faults(const struct http1_route *r, const struct place *at)
{
    uint64_t ppb = 0;
    for (uint32_t i = 0; i < r->n_faults; i++) {
        const struct http1_fault *f = &r->faults[i];
        ppb += f->ppb;
        if (f->kind == HTTP1_FAULT_STATUS && (f->status < 400 || f->status > 599))
            return refuse(at, "faults: a status that is not 400 to 599");
        bool in_the_middle = f->kind == HTTP1_FAULT_CLOSE || f->kind == HTTP1_FAULT_STALL;
        if (in_the_middle && (r->echo || r->digest_response || r->hash))
            return refuse(at, "faults: closing or stalling goes with bodies that are known beforehand");
    }
    return ppb > MAX_PPB ? refuse(at, "faults: probabilities that add up to more than 1") : ERR_OK;
}

static int check_route(const struct http1_route *r, const struct place *at)
{
    static const char *const reserved[] = {"Connection",   "Content-Length", "Transfer-Encoding",
                                           "Content-Type", "Server",         NULL};
    int error = check_path(r->path, at);
    if (error)
        return error;
    if (r->status != 0 && (r->status < 200 || r->status > 599))
        return refuse(at, "status: not 200 to 599");
    if (r->methods & ~ALL_METHODS)
        return refuse(at, "methods: bits beyond the known methods");
    if (r->delay_ns < 0)
        return refuse(at, "delay_ns: negative");
    if (r->delay == HTTP1_DELAY_EXPONENTIAL && (!r->delay_table || r->delay_steps == 0))
        return refuse(at, "delay: exponential without a table");
    if ((r->from_path || r->has_files) && !is_directory_prefix(r->path))
        return refuse(at, "path: files and from_path need one that ends in \"/*\"");
    if (r->has_files && (r->status != 0 && r->status != 200))
        return refuse(at, "status: files have their own");
    if (r->has_files && http1_files_check(r, at->message))
        return refuse_after(at);
    if (r->hash && (r->hash->state_bytes > HTTP1_HASH_STATE_MAX || r->hash->digest_bytes > HTTP1_HASH_DIGEST_MAX))
        return refuse(at, "hash: its state or digest is too large");
    if (check_faults(r, at))
        return ERR_INVALID;
    if (r->content_type && http1_check_value("content_type", r->content_type, at->message))
        return refuse_after(at);
    if (http1_check_headers(r->headers, r->n_headers, reserved, at->message))
        return refuse_after(at);
    return check_body(r, at);
}

static int check_spec(const struct http1_server_spec *spec, char *message)
{
    if (spec->n_routes > ROUTES_MAX) {
        snprintf(message, HTTP1_MESSAGE_BYTES, "routes: found %u, at most %u are allowed", spec->n_routes, ROUTES_MAX);
        return ERR_INVALID;
    }
    uint64_t files = 0;
    for (uint32_t i = 0; i < spec->n_routes; i++)
        files += spec->routes[i].n_files;
    if (files > HTTP1_FILES_MAX) {
        snprintf(message, HTTP1_MESSAGE_BYTES, "files: found %llu in all routes, at most %u are allowed",
                 (unsigned long long)files, HTTP1_FILES_MAX);
        return ERR_INVALID;
    }
    if (spec->server_name && http1_check_value("server_name", spec->server_name, message))
        return ERR_INVALID;
    for (uint32_t i = 0; i < spec->n_routes; i++) {
        struct place at = {i, message};
        int error = check_route(&spec->routes[i], &at);
        if (error)
            return error;
    }
    return ERR_OK;
}

/* A short text of its own as the body. */
static int prepare_error(struct http1_server_config *c, const struct http1_server_spec *spec, uint16_t status,
                         const char *allow, struct http1_answer *answer)
{
    uint8_t *text = http1_arena_alloc(&c->arena, 8);
    if (!text)
        return ERR_NO_MEMORY;
    int length = snprintf((char *)text, 8, "%u\n", (unsigned)status);
    const struct http1_answer_spec s = {
        .status = status,
        .framing = status_without_body(status) ? HTTP1_FRAMING_NONE : HTTP1_FRAMING_LENGTH,
        .server_name = spec->server_name,
        .content_type = "text/plain",
        .allow = allow,
        .body = text,
        .body_length = status_without_body(status) ? 0 : (uint64_t)length,
    };
    return http1_answer_prepare(answer, &s, &c->arena);
}

static int prepare_errors(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    struct http1_answer *errors = http1_arena_alloc(&c->arena, sizeof *errors * ARRAY_SIZE(error_statuses));
    if (!errors)
        return ERR_NO_MEMORY;
    c->errors = errors;
    for (size_t i = 0; i < ARRAY_SIZE(error_statuses); i++) {
        int error = prepare_error(c, spec, error_statuses[i], NULL, &errors[i]);
        if (error)
            return error;
    }
    return ERR_OK;
}

/* 405 and the answer to OPTIONS, which name the methods. */
static int prepare_allow(struct http1_server_config *c, const struct http1_server_spec *spec,
                         struct http1_route_plan *plan)
{
    uint8_t allow[64] = {0};
    struct http1_text t = {.bytes = allow, .room = sizeof allow - 1};
    for (unsigned m = 0; m < HTTP1_METHOD_COUNT; m++) {
        if (!((plan->methods | 1u << HTTP1_OPTIONS) & (1u << m)))
            continue;
        if (t.length)
            http1_text_add(&t, ", ");
        http1_text_add(&t, http1_method_name((enum http1_method)m));
    }
    struct http1_answer *answers = http1_arena_alloc(&c->arena, 2 * sizeof *answers);
    if (!answers)
        return ERR_NO_MEMORY;
    plan->not_allowed = &answers[0];
    plan->options = &answers[1];
    int error = prepare_error(c, spec, 405, (const char *)allow, &answers[0]);
    return error ? error : prepare_error(c, spec, 204, (const char *)allow, &answers[1]);
}

static enum http1_framing framing_of(const struct http1_route *r, uint16_t status)
{
    if (status_without_body(status))
        return HTTP1_FRAMING_NONE;
    if (r->echo || r->hash || r->from_path == HTTP1_FROM_PATH_SIZE)
        return HTTP1_FRAMING_LATER;
    if (r->close_delimited)
        return HTTP1_FRAMING_CLOSE;
    return r->chunk_bytes ? HTTP1_FRAMING_CHUNKED : HTTP1_FRAMING_LENGTH;
}

static const char *default_type(const struct http1_route *r)
{
    return r->hash ? "application/json" : "application/octet-stream";
}

/* The answer with a body of `length` bytes. */
static int prepare_answer(struct http1_server_config *c, const struct http1_server_spec *spec,
                          const struct http1_route *r, uint64_t length, struct http1_answer *answer)
{
    uint16_t status = r->status ? r->status : 200;
    const struct http1_answer_spec s = {
        .status = status,
        .framing = framing_of(r, status),
        .server_name = spec->server_name,
        .content_type = r->content_type ? r->content_type : default_type(r),
        .headers = r->headers,
        .n_headers = r->n_headers,
        .body = r->body,
        .pattern = c->pattern,
        .body_length = length,
        .chunk_bytes = r->chunk_bytes,
        .apart = r->rate || r->n_faults,
    };
    int error = http1_answer_prepare(answer, &s, &c->arena);
    if (!error && r->from_path == HTTP1_FROM_PATH_SIZE)
        http1_body_init(&answer->body, NULL, c->pattern, 0, r->chunk_bytes);
    return error;
}

/* The digits of a digest are not known yet: the head only, with their length. */
static int prepare_digest_answer(struct http1_server_config *c, const struct http1_server_spec *spec,
                                 const struct http1_route *r, struct http1_answer *answer)
{
    int error = prepare_answer(c, spec, r, HTTP1_DIGEST_DIGITS, answer);
    for (int p = 0; p < HTTP1_PERSISTENCE_COUNT; p++)
        answer->form[p].bytes_length = answer->form[p].head_bytes;
    return error;
}

static int prepare_sizes(struct http1_server_config *c, const struct http1_server_spec *spec,
                         const struct http1_route *r, struct http1_answer *answers, struct http1_route_plan *plan)
{
    uint64_t *until = http1_arena_alloc(&c->arena, sizeof *until * r->n_sizes);
    if (!until)
        return ERR_NO_MEMORY;
    plan->weight_until = until;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->n_sizes; i++) {
        until[i] = sum += r->sizes[i].weight;
        int error = prepare_answer(c, spec, r, r->sizes[i].bytes, &answers[i]);
        if (error)
            return error;
    }
    return ERR_OK;
}

static enum http1_route_kind kind_of(const struct http1_route *r)
{
    if (r->has_files)
        return HTTP1_ROUTE_NOT_FOUND;
    if (r->hash)
        return HTTP1_ROUTE_HASH;
    return r->echo ? HTTP1_ROUTE_ECHO : r->digest_response ? HTTP1_ROUTE_DIGEST : HTTP1_ROUTE_BODY;
}

/* What the plan takes over as it is. */
static void settle_plan(const struct http1_route *r, struct http1_route_plan *plan)
{
    uint32_t usual = r->has_files ? FILE_METHODS : ALL_METHODS & ~(1u << HTTP1_OPTIONS);
    plan->methods = r->methods ? r->methods : usual;
    plan->delay_ns = r->delay_ns;
    plan->delay = r->delay;
    plan->delay_table = r->delay_table;
    plan->delay_steps = r->delay_steps;
    plan->from_path = r->from_path;
    plan->close = r->close;
    plan->rate = r->rate;
    plan->read_rate = r->read_rate;
    plan->hash = r->hash;
    plan->special = r->from_path || r->delay || r->n_faults || r->read_rate || r->hash || r->digest_response;
}

static int prepare_faults(struct http1_server_config *c, const struct http1_server_spec *spec,
                          const struct http1_route *r, struct http1_route_plan *plan)
{
    struct http1_fault_plan *faults = http1_arena_alloc(&c->arena, sizeof *faults * r->n_faults);
    struct http1_answer *answers = http1_arena_alloc(&c->arena, sizeof *answers * r->n_faults);
    uint32_t until = 0;
    if (!faults || !answers)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < r->n_faults; i++) {
        until += r->faults[i].ppb;
        faults[i] = (struct http1_fault_plan){r->faults[i].kind, until, &answers[i]};
        int error = r->faults[i].kind == HTTP1_FAULT_STATUS
                        ? prepare_error(c, spec, r->faults[i].status, NULL, &answers[i])
                        : ERR_OK;
        if (error)
            return error;
    }
    plan->faults = faults;
    plan->n_faults = r->n_faults;
    return ERR_OK;
}

/* One answer for each status, whose text is the route's body or, without one, the status. */
static int prepare_statuses(struct http1_server_config *c, const struct http1_server_spec *spec,
                            const struct http1_route *r, struct http1_answer *answers)
{
    int error = ERR_OK;
    for (uint16_t i = 0; !error && i < HTTP1_STATUS_COUNT; i++) {
        uint16_t status = (uint16_t)(HTTP1_STATUS_FIRST + i);
        struct http1_route one = *r;
        one.status = status;
        bool plain = !r->body || status_without_body(status);
        error = plain ? prepare_error(c, spec, status, NULL, &answers[i])
                      : prepare_answer(c, spec, &one, r->body_length, &answers[i]);
    }
    return error;
}

static int prepare_route(struct http1_server_config *c, const struct http1_server_spec *spec,
                         const struct http1_route *r, struct http1_route_plan *plan)
{
    plan->n_answers = r->from_path == HTTP1_FROM_PATH_STATUS ? HTTP1_STATUS_COUNT : max_u32(r->n_sizes, 1);
    struct http1_answer *answers = http1_arena_alloc(&c->arena, sizeof *answers * plan->n_answers);
    if (!answers)
        return ERR_NO_MEMORY;
    plan->answers = answers;
    plan->kind = kind_of(r);
    settle_plan(r, plan);
    int error = prepare_allow(c, spec, plan);
    if (!error)
        error = prepare_faults(c, spec, r, plan);
    if (error || plan->kind == HTTP1_ROUTE_NOT_FOUND)
        return error;
    if (plan->kind == HTTP1_ROUTE_DIGEST)
        return prepare_digest_answer(c, spec, r, answers);
    if (r->from_path == HTTP1_FROM_PATH_STATUS)
        return prepare_statuses(c, spec, r, answers);
    return r->n_sizes ? prepare_sizes(c, spec, r, answers, plan) : prepare_answer(c, spec, r, r->body_length, answers);
}

/* The path without escapes, in the arena; NULL: no memory. A broken escape stays as it is. */
static char *decoded_path(struct http1_server_config *c, const char *path)
{
    size_t length = strlen(path);
    char *decoded = http1_arena_alloc(&c->arena, length + 1);
    if (decoded && !http1_match_decode(decoded, path))
        memcpy(decoded, path, length + 1);
    return decoded;
}

/* A route's plans and entries: those of its files, then its own. */
static int add_route(struct http1_route_maker *m, struct http1_route_plan *plans)
{
    struct http1_server_config *c = m->config;
    const struct http1_route *r = m->route;
    uint32_t files = r->has_files ? http1_files_count(r) : 0;
    char *path = decoded_path(c, r->path);
    if (!path)
        return ERR_NO_MEMORY;
    size_t length = strlen(path);
    bool prefix = length > 0 && path[length - 1] == '*';
    m->plan = plans + files;
    m->plan->prefix = path;
    m->plan->prefix_bytes = (uint32_t)(length - prefix);
    int error = prepare_route(c, m->spec, r, m->plan);
    if (!error && r->has_files)
        error = http1_files_prepare(m, plans);
    if (error)
        return error;
    *m->entry++ = (struct http1_match_entry){path, (uint16_t)(length - prefix), m->number++, prefix};
    c->takes_notes |= r->has_files;
    c->keeps_target |= r->from_path != HTTP1_FROM_PATH_NOTHING;
    return ERR_OK;
}

static uint32_t count_plans(const struct http1_server_spec *spec)
{
    uint32_t n = spec->n_routes;
    for (uint32_t i = 0; i < spec->n_routes; i++)
        n += spec->routes[i].has_files ? http1_files_count(&spec->routes[i]) : 0;
    return n;
}

static int add_routes(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    uint32_t n = count_plans(spec);
    struct http1_route_plan *plans = http1_arena_alloc(&c->arena, sizeof *plans * n);
    struct http1_match_entry *entries = http1_arena_alloc(&c->arena, sizeof *entries * n);
    if (!plans || !entries || n >= HTTP1_MATCH_NONE)
        return ERR_NO_MEMORY;
    c->routes = plans;
    struct http1_route_maker m = {.config = c, .spec = spec, .entry = entries};
    for (uint32_t i = 0; i < spec->n_routes; i++) {
        m.route = &spec->routes[i];
        int error = add_route(&m, plans + m.number);
        if (error)
            return error;
    }
    c->table = (struct http1_match_table){.entries = entries, .count = m.number};
    http1_match_sort(&c->table);
    return ERR_OK;
}

static int prepare_options(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    struct http1_answer *answer = http1_arena_alloc(&c->arena, sizeof *answer);
    c->options = answer;
    return answer ? prepare_error(c, spec, 204, "GET, POST, PUT, DELETE, HEAD, OPTIONS", answer) : ERR_NO_MEMORY;
}

static int fill(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    uint8_t *pattern = http1_arena_alloc(&c->arena, HTTP1_PATTERN_BYTES);
    if (!pattern)
        return ERR_NO_MEMORY;
    http1_pattern_fill(pattern, 0, HTTP1_PATTERN_BYTES);
    c->pattern = pattern;
    c->limits = spec->limits;
    c->max_requests = spec->max_requests;
    c->header_timeout_ns = spec->header_timeout_ns;
    c->body_timeout_ns = spec->body_timeout_ns;
    c->body_min_rate = spec->body_min_rate;
    c->timed = spec->header_timeout_ns > 0 || spec->body_timeout_ns > 0;
    c->seed = spec->seed;
    int error = prepare_errors(c, spec);
    if (!error)
        error = prepare_options(c, spec);
    return error ? error : add_routes(c, spec);
}

int http1_server_config_new(const struct http1_server_spec *spec, const struct allocator *a,
                            struct http1_server_config **out, char message[256])
{
    *out = NULL;
    int error = check_spec(spec, message);
    if (error)
        return error;
    struct http1_arena arena = {.allocator = a};
    struct http1_server_config *c = http1_arena_alloc(&arena, sizeof *c);
    if (!c)
        goto no_memory;
    c->arena = arena;
    error = fill(c, spec);
    arena = c->arena;
    if (error)
        goto no_memory;
    *out = c;
    return ERR_OK;
no_memory:
    http1_arena_free(&arena);
    snprintf(message, HTTP1_MESSAGE_BYTES, "server: no memory for %u routes", spec->n_routes);
    return ERR_NO_MEMORY;
}

void http1_server_config_delete(struct http1_server_config *c)
{
    if (!c)
        return;
    struct http1_arena arena = c->arena;
    http1_arena_free(&arena);
}
