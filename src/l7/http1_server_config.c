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

static const uint16_t error_statuses[] = {400, 404, 413, 414, 417, 431, 501, 505};

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
    return bytes || r->echo || r->digest_response;
}

/* The ways to say what the body is; at most one may be used. */
static int check_body(const struct http1_route *r, const struct place *at)
{
    int ways = (r->n_sizes > 0) + (r->body != NULL) + r->echo + r->digest_response;
    if (ways > 1)
        return refuse(at, "more than one of sizes, body, echo and digest_response");
    if (!r->body && r->body_length)
        return refuse(at, "body_length: given without a body; a generated body is given by sizes");
    if (status_without_body(r->status) && has_body_bytes(r))
        return refuse(at, "status: 204 and 304 have no body");
    if (r->close_delimited && (r->chunk_bytes || r->echo || r->digest_response))
        return refuse(at, "close_delimited: goes with sizes or body only, and not with chunk_bytes");
    if (r->chunk_bytes && (r->echo || r->digest_response))
        return refuse(at, "chunk_bytes: an echo is framed as the request was, a digest has its length");
    uint64_t weight = 0;
    for (uint32_t i = 0; i < r->n_sizes; i++)
        weight += r->sizes[i].weight;
    if (r->n_sizes && weight == 0)
        return refuse(at, "sizes: the weights are all 0");
    return ERR_OK;
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
        .framing = HTTP1_FRAMING_LENGTH,
        .server_name = spec->server_name,
        .content_type = "text/plain",
        .allow = allow,
        .body = text,
        .body_length = (uint64_t)length,
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

static int prepare_not_allowed(struct http1_server_config *c, const struct http1_server_spec *spec,
                               struct http1_route_plan *plan)
{
    uint8_t allow[64] = {0};
    struct http1_text t = {.bytes = allow, .room = sizeof allow - 1};
    for (unsigned m = 0; m < HTTP1_METHOD_COUNT; m++) {
        if (!(plan->methods & (1u << m)))
            continue;
        if (t.length)
            http1_text_add(&t, ", ");
        http1_text_add(&t, http1_method_name((enum http1_method)m));
    }
    struct http1_answer *answer = http1_arena_alloc(&c->arena, sizeof *answer);
    plan->not_allowed = answer;
    return answer ? prepare_error(c, spec, 405, (const char *)allow, answer) : ERR_NO_MEMORY;
}

static enum http1_framing framing_of(const struct http1_route *r, uint16_t status)
{
    if (status_without_body(status))
        return HTTP1_FRAMING_NONE;
    if (r->echo)
        return HTTP1_FRAMING_LATER;
    if (r->close_delimited)
        return HTTP1_FRAMING_CLOSE;
    return r->chunk_bytes ? HTTP1_FRAMING_CHUNKED : HTTP1_FRAMING_LENGTH;
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
        .content_type = r->content_type ? r->content_type : "application/octet-stream",
        .headers = r->headers,
        .n_headers = r->n_headers,
        .body = r->body,
        .pattern = c->pattern,
        .body_length = length,
        .chunk_bytes = r->chunk_bytes,
    };
    return http1_answer_prepare(answer, &s, &c->arena);
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

static int prepare_route(struct http1_server_config *c, const struct http1_server_spec *spec,
                         const struct http1_route *r, struct http1_route_plan *plan)
{
    plan->n_answers = max_u32(r->n_sizes, 1);
    struct http1_answer *answers = http1_arena_alloc(&c->arena, sizeof *answers * plan->n_answers);
    if (!answers)
        return ERR_NO_MEMORY;
    plan->answers = answers;
    plan->methods = r->methods ? r->methods : ALL_METHODS;
    plan->delay_ns = r->delay_ns;
    plan->kind = r->echo ? HTTP1_ROUTE_ECHO : r->digest_response ? HTTP1_ROUTE_DIGEST : HTTP1_ROUTE_BODY;
    int error = prepare_not_allowed(c, spec, plan);
    if (error)
        return error;
    if (plan->kind == HTTP1_ROUTE_DIGEST)
        return prepare_digest_answer(c, spec, r, answers);
    return r->n_sizes ? prepare_sizes(c, spec, r, answers, plan) : prepare_answer(c, spec, r, r->body_length, answers);
}

static int fill_table(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    struct http1_match_entry *entries = http1_arena_alloc(&c->arena, sizeof *entries * spec->n_routes);
    if (!entries)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < spec->n_routes; i++) {
        size_t length = strlen(spec->routes[i].path);
        char *path = http1_arena_alloc(&c->arena, length + 1);
        if (!path)
            return ERR_NO_MEMORY;
        memcpy(path, spec->routes[i].path, length);
        bool prefix = length > 0 && path[length - 1] == '*';
        entries[i] = (struct http1_match_entry){path, (uint16_t)(length - prefix), (uint16_t)i, prefix};
    }
    c->table = (struct http1_match_table){.entries = entries, .count = (uint16_t)spec->n_routes};
    http1_match_sort(&c->table);
    return ERR_OK;
}

static int fill(struct http1_server_config *c, const struct http1_server_spec *spec)
{
    uint8_t *pattern = http1_arena_alloc(&c->arena, HTTP1_PATTERN_BYTES);
    struct http1_route_plan *plans = http1_arena_alloc(&c->arena, sizeof *plans * spec->n_routes);
    if (!pattern || !plans)
        return ERR_NO_MEMORY;
    http1_pattern_fill(pattern, 0, HTTP1_PATTERN_BYTES);
    c->pattern = pattern;
    c->routes = plans;
    c->limits = spec->limits;
    c->max_requests = spec->max_requests;
    c->seed = spec->seed;
    int error = fill_table(c, spec);
    if (!error)
        error = prepare_errors(c, spec);
    for (uint32_t i = 0; !error && i < spec->n_routes; i++)
        error = prepare_route(c, spec, &spec->routes[i], &plans[i]);
    return error;
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
