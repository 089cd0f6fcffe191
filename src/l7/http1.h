/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 client and server engines: RFC 9110, RFC 9112. Keep-alive, pipelining, fixed-length, chunked and close-delimited
 * bodies. Responses are validated, not merely counted.
 *
 * Requests and routes are prepared once (http1_request_prepare, http1_server_config_new) and shared by every connection: a request costs one
 * reference in the output queue.
 */
#ifndef WEIR_L7_HTTP1_H
#define WEIR_L7_HTTP1_H

#include "base/random.h"
#include "l7/l7.h"

enum http1_method { HTTP1_GET, HTTP1_POST, HTTP1_PUT, HTTP1_DELETE, HTTP1_HEAD, HTTP1_METHOD_COUNT };

struct http1_limits {
    uint32_t max_line_bytes;    /* request or status line; default 8192 */
    uint32_t max_headers;       /* default 100 */
    uint32_t max_header_bytes;  /* all together; default 65536 */
    uint64_t max_body_bytes;    /* default 2^40 */
    uint32_t max_pipeline;      /* requests begun and not answered; default 64 */
};
void http1_limits_default(struct http1_limits *l);

/* What a response must be for its transaction to count as completed. */
struct http1_expect {
    uint16_t status;         /* 0: any 2xx or 3xx */
    bool check_length;
    uint64_t length;         /* body bytes */
    bool check_digest;
    uint64_t digest;         /* http1_digest of the body */
};

struct http1_header {
    const char *name, *value;
};

struct http1_request_spec {
    enum http1_method method;
    const char *target; /* "/path?query" */
    const char *host;
    const struct http1_header *headers; /* extra ones */
    uint32_t n_headers;
    const uint8_t *body; /* constant, must outlive the request; NULL: none */
    uint64_t body_length;
    uint32_t chunk_bytes; /* 0: Content-Length, else chunked with chunks of this size */
    bool close;           /* adds Connection: close */
    struct http1_expect expect;
};

/* A request ready to be referenced: constant after preparation. */
struct http1_request;
/* ERR_INVALID with message (256 bytes): forbidden characters in target or header, a body with GET without length, … ERR_NO_MEMORY. */
MUST_CHECK int http1_request_prepare(const struct http1_request_spec *spec, const struct allocator *a, struct http1_request **out,
                                     char message[256]);
void http1_request_delete(struct http1_request *r);
uint64_t http1_request_bytes(const struct http1_request *r);

/* 64-bit digest of a body, incremental (FNV-1a-like quality is not enough: use a documented one); start with HTTP1_DIGEST_START. */
#define HTTP1_DIGEST_START UINT64_C(0)
uint64_t http1_digest(uint64_t digest, const uint8_t *bytes, size_t length);

/* ---- client ---- */
struct http1_client_config {
    struct http1_limits limits;
};
extern const struct l7_engine http1_client_engine;
/*
 * Queues a request on a session of http1_client_engine. due_at: when it should have been sent (open loop) or now.
 * 0; ERR_AGAIN (pipeline full); ERR_CLOSED (the server announced close); ERR_NO_MEMORY (output queue pool is empty: nothing queued).
 */
MUST_CHECK int http1_client_send(void *session, struct l7_carrier *carrier, const struct http1_request *request, int64_t due_at,
                                 int64_t now);
/* Requests sent and not yet answered. */
uint32_t http1_client_pending(const void *session);

/* ---- server ---- */
struct http1_size_choice {
    uint64_t bytes;
    uint32_t weight;
};
struct http1_route {
    const char *path;   /* exact, or a prefix when it ends in '*' */
    uint16_t status;    /* default 200 */
    const struct http1_size_choice *sizes; /* generated bodies: one is drawn by weight */
    uint32_t n_sizes;
    const uint8_t *body; /* a fixed body instead; outlives the config */
    uint64_t body_length;
    bool echo;            /* the request's body comes back as the response's */
    bool digest_response; /* responds with the 16 hex digits of the request body's digest */
    uint32_t chunk_bytes; /* 0: Content-Length */
    int64_t delay_ns;     /* before the response */
    const char *content_type; /* default application/octet-stream */
    const struct http1_header *headers;
    uint32_t n_headers;
};
struct http1_server_spec {
    struct http1_limits limits;
    const struct http1_route *routes; /* first match; none: 404 */
    uint32_t n_routes;
    uint32_t max_requests; /* a connection is closed by the server after so many; 0: never */
    const char *server_name; /* Server header; NULL: none */
    uint64_t seed;         /* for the drawn sizes */
};
/* Prepared responses; constant apart from a random state per session. ERR_INVALID with message, ERR_NO_MEMORY. */
struct http1_server_config;
MUST_CHECK int http1_server_config_new(const struct http1_server_spec *spec, const struct allocator *a, struct http1_server_config **out,
                                       char message[256]);
void http1_server_config_delete(struct http1_server_config *c);
extern const struct l7_engine http1_server_engine;
/* The digest a client shall expect for a generated body of that size (bodies are a fixed repeating pattern). */
uint64_t http1_generated_digest(uint64_t bytes);

#endif
