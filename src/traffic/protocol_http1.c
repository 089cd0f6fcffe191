/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 as a load's protocol: URLs become prepared requests, routes become a server configuration. What the
 * embedded server will answer is known here, so requests to it are given the status, length and digest to expect
 * without the user writing them down.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "l7/http1_match.h"
#include "traffic/protocol_http1.h"

#define DIGEST_TEXT 16
/* First guesses for pacing by bits; measured values replace them. */
#define HEAD_BYTES 250u
#define UNKNOWN_BYTES 16384u

/* ---- headers ---- */

uint32_t protocol_http1_read_headers(struct compiling *c, const struct config_node *node, struct http1_header *list,
                                     uint32_t used)
{
    char found[80];

    if (!node)
        return used;
    (void)config_node_describe(node, found, sizeof found);
    if (node->kind != CONFIG_MAP) {
        config_errors_add(c->errors, node, NULL, "found %s, allowed a map such as {Accept: text/html}", found);
        return used;
    }
    for (const struct config_node *item = node->first; item; item = item->next) {
        if (!item->text) {
            (void)config_node_describe(item, found, sizeof found);
            config_errors_add(c->errors, item, NULL, "found %s, allowed a text", found);
            continue;
        }
        list[used++] = (struct http1_header){.name = item->key, .value = item->text};
    }
    return used;
}

uint32_t protocol_http1_count_headers(const struct config_node *node)
{
    return node && node->kind == CONFIG_MAP ? node->count : 0;
}

/* ---- what the embedded server answers ---- */

#define PATH_ROOM 4097 /* what the schema allows */

/* The path of a route or target as the server compares it: without escapes. What cannot be read matches nothing. */
static size_t decode(char to[PATH_ROOM], const char *text)
{
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof path, "%.*s", (int)min_u64(strcspn(text, "?"), sizeof path - 1), text);
    return http1_match_decode(to, path) ? strlen(to) : 0;
}

static bool route_matches(const char *route_text, const char *target)
{
    char route[PATH_ROOM], path[PATH_ROOM];
    size_t length = decode(route, route_text), path_length = decode(path, target);

    if (length > 0 && route[length - 1] == '*')
        return path_length >= length - 1 && memcmp(route, path, length - 1) == 0;
    return length == path_length && length > 0 && memcmp(route, path, length) == 0;
}

static const struct route_config *find_route(const struct http_server_config *server, const char *path)
{
    for (uint32_t i = 0; i < server->routes_count; i++)
        if (route_matches(server->routes[i].path, path))
            return &server->routes[i];
    return NULL;
}

/* A request's body: bytes, or the generated body of that length when bytes is NULL. */
struct body {
    const uint8_t *bytes;
    uint64_t length;
};

static uint64_t body_digest(const struct body *body)
{
    return body->bytes ? http1_digest(HTTP1_DIGEST_START, body->bytes, body->length)
                       : http1_generated_digest(body->length);
}

static void expect_body(struct http1_expect *expect, uint64_t length, uint64_t digest)
{
    expect->check_length = expect->check_digest = true;
    expect->length = length;
    expect->digest = digest;
}

/* Length and digest, where the route leaves no choice. */
static void expect_route(const struct route_config *route, const struct body *request, struct http1_expect *expect)
{
    uint64_t digest = body_digest(request);
    char text[DIGEST_TEXT + 1];

    if (route->size_given) {
        expect_body(expect, route->size, http1_generated_digest(route->size));
    } else if (route->sizes_count == 1) {
        expect_body(expect, route->sizes[0].size, http1_generated_digest(route->sizes[0].size));
    } else if (route->body) {
        size_t length = strlen(route->body);
        expect_body(expect, length, http1_digest(HTTP1_DIGEST_START, (const uint8_t *)route->body, length));
    } else if (route->echo) {
        expect_body(expect, request->length, digest);
    } else if (route->digest) {
        (void)snprintf(text, sizeof text, "%016" PRIx64, digest);
        expect_body(expect, DIGEST_TEXT, http1_digest(HTTP1_DIGEST_START, (const uint8_t *)text, DIGEST_TEXT));
    }
}

static bool lists_method(const struct route_config *route, int method)
{
    for (uint32_t i = 0; i < route->methods_count; i++)
        if (route->methods[i] == method)
            return true;
    return false;
}

static bool method_allowed(const struct route_config *route, int method)
{
    if (route->root && route->methods_count == 0)
        return method == HTTP1_GET || method == HTTP1_HEAD;
    return route->methods_count == 0 || lists_method(route, method);
}

/* From the route that will answer, unless the URL says otherwise. */
static void expect_embedded(struct compiling *c, const struct url_config *url, const struct http_server_config *server,
                            const struct body *request, struct http1_expect *expect)
{
    const struct route_config *route = find_route(server, url->path);

    if (!route) {
        char names[PLAN_NAMES_TEXT] = "";
        for (uint32_t i = 0; i < server->routes_count; i++)
            plan_names_add(names, server->routes[i].path);
        if (url->status != 404)
            config_errors_add(c->errors, url->node, "path",
                              "found \"%s\", which no route of the server answers, allowed %s (or status: 404)",
                              url->path, names);
        return;
    }
    if (url->method == HTTP1_OPTIONS && !lists_method(route, url->method)) {
        if (expect->status == 0)
            expect->status = 204;
        return;
    }
    if (!method_allowed(route, url->method)) {
        if (url->status != 405)
            config_errors_add(c->errors, url->node, "method",
                              "found %s, which route \"%s\" of the server does not allow (or status: 405)",
                              http1_method_name((enum http1_method)url->method), route->path);
        return;
    }
    if (expect->status == 0 && route->from_path != HTTP1_FROM_PATH_STATUS)
        expect->status = route->status;
    expect_route(route, request, expect);
    if (url->method == HTTP1_HEAD)
        expect->check_digest = false;
}

static void compile_expectation(struct compiling *c, const struct url_config *url,
                                const struct http_server_config *server, const struct body *request, int verify,
                                struct http1_expect *expect)
{
    *expect = (struct http1_expect){.status = url->status};
    if (server)
        expect_embedded(c, url, server, request, expect);
    if (url->length_given) {
        expect->check_length = true;
        expect->length = url->length;
    }
    if (url->digest_given) {
        expect->check_digest = true;
        expect->digest = url->digest;
    }
    if (verify < PLAN_VERIFY_LENGTH)
        expect->check_length = false;
    if (verify < PLAN_VERIFY_DIGEST)
        expect->check_digest = false;
    if (url->digest_given && url->method == HTTP1_HEAD)
        config_errors_add(c->errors, url->node, "digest", "found with method: head, whose responses have no body");
    else if (url->digest_given && !expect->check_digest)
        config_errors_add(c->errors, url->node, "digest", "found with verify: %s, allowed with verify: digest",
                          verify == PLAN_VERIFY_LENGTH ? "length" : "status");
    if (url->length_given && !expect->check_length)
        config_errors_add(c->errors, url->node, "length",
                          "found with verify: status, allowed with verify: length or digest");
}

static const char *describe_checks(struct compiling *c, const struct http1_expect *expect)
{
    char status[32], length[48] = "";

    if (expect->status)
        (void)snprintf(status, sizeof status, "status %u", expect->status);
    else
        (void)snprintf(status, sizeof status, "status 200 to 399");
    if (expect->check_length)
        (void)snprintf(length, sizeof length, ", %" PRIu64 " bytes", expect->length);
    return plan_print(c, "%s%s%s", status, length, expect->check_digest ? ", digest" : "");
}

/* ---- client ---- */

/* The request's body: written down, generated, or none. */
static struct body compile_body(struct compiling *c, const struct url_config *url)
{
    if (url->body && url->body_size_given)
        config_errors_add(c->errors, url->node, "body_size", "found both body and body_size, allowed one of them");
    if (url->body)
        return (struct body){(const uint8_t *)url->body, strlen(url->body)};
    return (struct body){NULL, url->body_size_given ? url->body_size : 0};
}

static void prepare(struct compiling *c, const struct url_config *url, struct http1_request_spec *spec, bool close,
                    void **out)
{
    char message[256] = "";
    struct http1_request *request = NULL;

    spec->close = close;
    int error = http1_request_prepare(spec, c->plan->allocator, &request, message);
    *out = request;
    if (error && !close)
        config_errors_add(c->errors, url->node, NULL, "%s", message[0] ? message : err_text(error));
}

static void compile_url(struct compiling *c, const struct http_client_config *client, const struct url_config *url,
                        const struct http_server_config *server, const char *host, struct plan_request *to,
                        uint64_t *expected)
{
    struct http1_request_spec spec = {.method = (enum http1_method)url->method, .target = url->path, .host = host};
    struct http1_header *headers = plan_alloc(
        c, protocol_http1_count_headers(client->headers) + protocol_http1_count_headers(url->headers) + (size_t)1,
        sizeof *headers);
    struct body body = compile_body(c, url);

    if (!headers)
        return;
    if (url->chunk_size > 0 && body.length == 0)
        config_errors_add(c->errors, url->node, "chunk_size", "found without a body, allowed with body or body_size");
    spec.n_headers = protocol_http1_read_headers(c, client->headers, headers, 0);
    spec.n_headers = protocol_http1_read_headers(c, url->headers, headers, spec.n_headers);
    spec.headers = headers;
    spec.body = body.bytes;
    spec.body_length = body.length;
    spec.chunk_bytes = (uint32_t)url->chunk_size;
    compile_expectation(c, url, server, &body, client->verify, &spec.expect);
    *expected +=
        (HEAD_BYTES + body.length + (spec.expect.check_length ? spec.expect.length : UNKNOWN_BYTES)) * to->weight;
    prepare(c, url, &spec, false, &to->keep);
    prepare(c, url, &spec, true, &to->close);
    to->label = plan_print(c, "%s %s", http1_method_name((enum http1_method)url->method), url->path);
    to->checks = describe_checks(c, &spec.expect);
}

/* RFC 3986 3.2.2: an IPv6 address stands in brackets. */
static const char *default_host(struct compiling *c, const struct plan_load *load)
{
    const struct ip_addr *a = &load->server_address;
    const char *open = ip_addr_is_v4(a) ? "" : "[", *close = ip_addr_is_v4(a) ? "" : "]";
    char address[IP_ADDR_TEXT];

    (void)ip_addr_print(address, sizeof address, a);
    if (load->server_port == 80)
        return plan_print(c, "%s%s%s", open, address, close);
    return plan_print(c, "%s%s%s:%u", open, address, close, load->server_port);
}

static void compile_client(struct compiling *c, uint32_t number)
{
    struct plan_load *load = &c->plan->loads[number];
    const struct http_client_config *from = plan_load_config(c, number)->http;
    const struct http_server_config *server = NULL;
    struct http1_client_config *config = plan_alloc(c, 1, sizeof *config);
    uint64_t expected = 0;
    const char *host = from->host ? from->host : default_host(c, load);

    load->requests = plan_alloc(c, from->urls_count, sizeof *load->requests);
    if (!load->requests || !config)
        return;
    http1_limits_default(&config->limits);
    config->limits.max_pipeline = max_u32(config->limits.max_pipeline, load->pipeline);
    load->client_config = config;
    if (load->server != PLAN_NONE)
        server = plan_load_config(c, plan_server_load(c, load->server))->server.http;
    for (uint32_t i = 0; i < from->urls_count; i++) {
        struct plan_request *to = &load->requests[i];
        load->n_requests++;
        to->weight = load->order == PLAN_ORDER_WEIGHTED ? from->urls[i].weight : 1;
        load->total_weight += to->weight;
        to->cumulative = load->total_weight;
        compile_url(c, from, &from->urls[i], server, host, to, &expected);
    }
    load->expected_bytes = load->total_weight ? max_u64(1, expected / load->total_weight) : UNKNOWN_BYTES;
}

static void free_client(struct plan_load *load)
{
    for (uint32_t i = 0; i < load->n_requests; i++) {
        http1_request_delete(load->requests[i].keep);
        http1_request_delete(load->requests[i].close);
    }
}

static int send_request(void *session, struct l7_carrier *carrier, const void *request, int64_t due_at, int64_t now)
{
    return http1_client_send(session, carrier, request, due_at, now);
}

const struct traffic_protocol traffic_http1 = {
    .name = "http",
    .client = &http1_client_engine,
    .server = &http1_server_engine,
    .send = send_request,
    .compile_client = compile_client,
    .compile_server = protocol_http1_compile_server,
    .free_client = free_client,
    .free_server = protocol_http1_free_server,
};
