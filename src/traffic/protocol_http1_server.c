/* SPDX-License-Identifier: MIT */
/*
 * The embedded server's part of a configuration: routes as written become those of the engine. What lies outside of
 * the configuration (files, hashes) comes from the services given to plan_compile.
 */
#include <string.h>

#include "traffic/protocol_http1.h"

static void check_body(struct compiling *c, const struct route_config *from)
{
    bool size_in_path = from->from_path == HTTP1_FROM_PATH_SIZE;
    int bodies = from->size_given + (from->sizes_count > 0) + (from->body != NULL) + from->echo + from->digest +
                 (from->root != NULL) + (from->hash != 0) + size_in_path;
    bool none_is_needed = from->from_path == HTTP1_FROM_PATH_STATUS && bodies == 0;

    if (bodies != 1 && !none_is_needed)
        config_errors_add(
            c->errors, from->node, NULL,
            "found %d of size, sizes, body, echo, digest, root, hash, from_path: size, allowed exactly one", bodies);
    if (from->close_delimited && from->chunk_size > 0)
        config_errors_add(c->errors, from->node, "chunk_size", "found with close_delimited, allowed one of them");
}

static void check_route(struct compiling *c, const struct route_config *from)
{
    size_t length = strlen(from->path);
    bool directory = length >= 2 && strcmp(from->path + length - 2, "/*") == 0;

    check_body(c, from);
    if (from->path[0] != '/' && strcmp(from->path, "*") != 0)
        config_errors_add(c->errors, from->node, "path", "found \"%s\", allowed paths that begin with /, or *",
                          from->path);
    else if ((from->root || from->from_path) && !directory)
        config_errors_add(c->errors, from->node, "path", "found \"%s\" with %s, allowed paths that end in /*",
                          from->path, from->root ? "root" : "from_path");
    if (from->delay_distribution != HTTP1_DELAY_FIXED && from->delay == 0)
        config_errors_add(c->errors, from->node, "delay_distribution", "found without delay, allowed with it");
}

/* The files below the route's root; none where there is an error. */
static void open_root(struct compiling *c, const struct route_config *from, struct http1_route *to)
{
    char message[512] = "";

    to->has_files = true;
    to->index = from->index;
    if (!c->services || !c->services->open_root) {
        config_errors_add(c->errors, from->node, "root", "found \"%s\", allowed only where files can be read",
                          from->root);
        return;
    }
    int error = c->services->open_root(c->services->context, from->root, &to->files, &to->n_files, message);
    if (error)
        config_errors_add(c->errors, from->node, "root", "%s", message[0] ? message : err_text(error));
}

static void compile_faults(struct compiling *c, const struct route_config *from, struct http1_route *to)
{
    struct http1_fault *faults = plan_alloc(c, from->faults_count + 1u, sizeof *faults);
    uint64_t sum = 0;

    if (!faults)
        return;
    for (uint32_t i = 0; i < from->faults_count; i++) {
        const struct fault_config *f = &from->faults[i];
        faults[i] = (struct http1_fault){(enum http1_fault_kind)f->kind, f->probability, f->status};
        sum += f->probability;
    }
    if (sum > 1000000000)
        config_errors_add(c->errors, from->node, "faults",
                          "found probabilities that add up to %llu %%, allowed 100 %% at most",
                          (unsigned long long)(sum / 10000000));
    to->faults = faults;
    to->n_faults = from->faults_count;
}

static void compile_delay(struct compiling *c, const struct route_config *from, struct http1_route *to)
{
    to->delay_ns = from->delay;
    to->delay = (enum http1_delay)from->delay_distribution;
    if (to->delay != HTTP1_DELAY_EXPONENTIAL)
        return;
    int64_t *table = plan_alloc(c, PLAN_THINK_STEPS, sizeof *table);
    if (!table)
        return;
    plan_think_table(from->delay, table);
    to->delay_table = table;
    to->delay_steps = PLAN_THINK_STEPS;
}

static void choose_hash(struct compiling *c, const struct route_config *from, struct http1_route *to)
{
    to->hash = c->services ? c->services->sha256 : NULL;
    if (!to->hash)
        config_errors_add(c->errors, from->node, "hash", "found sha256, which this program was built without");
}

static void compile_route(struct compiling *c, const struct route_config *from, struct http1_route *to)
{
    uint32_t n_sizes = from->size_given ? 1 : from->sizes_count;
    struct http1_size_choice *sizes = plan_alloc(c, n_sizes + 1u, sizeof *sizes);
    struct http1_header *headers = plan_alloc(c, protocol_http1_count_headers(from->headers) + 1u, sizeof *headers);

    uint32_t methods = 0;

    check_route(c, from);
    if (!sizes || !headers)
        return;
    for (uint32_t i = 0; i < from->sizes_count; i++)
        sizes[i] = (struct http1_size_choice){from->sizes[i].size, from->sizes[i].weight};
    if (from->size_given)
        sizes[0] = (struct http1_size_choice){from->size, 1};
    for (uint32_t i = 0; i < from->methods_count; i++)
        methods |= 1u << from->methods[i];
    *to = (struct http1_route){
        .path = from->path,
        .methods = methods,
        .status = from->status,
        .sizes = sizes,
        .n_sizes = n_sizes,
        .body = (const uint8_t *)from->body,
        .body_length = from->body ? strlen(from->body) : 0,
        .echo = from->echo,
        .digest_response = from->digest,
        .chunk_bytes = (uint32_t)from->chunk_size,
        .close_delimited = from->close_delimited,
        .from_path = (enum http1_from_path)from->from_path,
        .close = from->close,
        .rate = from->rate,
        .read_rate = from->read_rate,
        .content_type = from->content_type,
        .headers = headers,
        .n_headers = protocol_http1_read_headers(c, from->headers, headers, 0),
    };
    compile_delay(c, from, to);
    compile_faults(c, from, to);
    if (from->root)
        open_root(c, from, to);
    if (from->hash)
        choose_hash(c, from, to);
}

void protocol_http1_compile_server(struct compiling *c, uint32_t number)
{
    const struct http_server_config *from = plan_load_config(c, plan_server_load(c, number))->server.http;
    struct http1_route *routes = plan_alloc(c, from->routes_count, sizeof *routes);
    struct http1_server_config *config = NULL;
    uint32_t errors = c->errors->count;
    char message[256] = "";

    if (!routes)
        return;
    for (uint32_t i = 0; i < from->routes_count; i++)
        compile_route(c, &from->routes[i], &routes[i]);
    if (c->errors->count > errors)
        return;
    struct http1_server_spec spec = {.routes = routes,
                                     .n_routes = from->routes_count,
                                     .max_requests = from->max_requests,
                                     .header_timeout_ns = from->header_timeout,
                                     .body_timeout_ns = from->body_timeout,
                                     .body_min_rate = from->body_min_rate,
                                     .server_name = from->server_name,
                                     .seed = c->plan->seed + number};
    http1_limits_default(&spec.limits);
    spec.limits.max_held_bytes = max_u32(spec.limits.max_held_bytes, c->plan->servers[number].tcp.receive_buffer);
    int error = http1_server_config_new(&spec, c->plan->allocator, &config, message);
    c->plan->servers[number].config = config;
    if (error)
        config_errors_add(c->errors, from->node, "routes", "%s", message[0] ? message : err_text(error));
}

void protocol_http1_free_server(struct plan_server *server) { http1_server_config_delete(server->config); }
