/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 client and server engines: RFC 9110, RFC 9112. Keep-alive, pipelining, fixed-length, chunked and close-
 * delimited bodies. Responses are validated, not merely counted.
 *
 * Requests and routes are prepared once (http1_request_prepare, http1_server_config_new) and shared by every
 * connection: a request costs one reference in the output queue. Large bodies are queued a bounded number of spans at
 * a time; the rest follows in resume().
 */
#ifndef WEIR_L7_HTTP1_H
#define WEIR_L7_HTTP1_H

#include "l7/l7.h"

enum http1_method { HTTP1_GET, HTTP1_POST, HTTP1_PUT, HTTP1_DELETE, HTTP1_HEAD, HTTP1_OPTIONS, HTTP1_METHOD_COUNT };
/* "GET", …; NULL for values not in the list. */
const char *http1_method_name(enum http1_method method);

struct http1_limits {
    uint32_t max_line_bytes;   /* request or status line, chunk size line; with its end; default 8192 */
    uint32_t max_headers;      /* default 100; trailers are counted anew */
    uint32_t max_header_bytes; /* all together; default 65536; trailers are counted anew */
    uint64_t max_body_bytes;   /* default 2^40 */
    uint32_t max_pipeline;     /* client: requests sent and not answered; default 64 */
    /* Server: input that waits while a response is delayed or slow; default 1 MiB; at least the receive window. */
    uint32_t max_held_bytes;
    /*
     * Takes a bare LF for a line's end, a status line without the space before its empty reason, and spaces behind a
     * chunk size; default: all three are errors.
     */
    bool lenient;
};
void http1_limits_default(struct http1_limits *l);

/* What a response must be for its transaction to count as completed. */
struct http1_expect {
    uint16_t status; /* 0: any 2xx or 3xx */
    bool check_length;
    uint64_t length;   /* body bytes; for HEAD: the Content-Length announced */
    bool check_digest; /* not for HEAD */
    uint64_t digest;   /* http1_digest of the body */
};

struct http1_header {
    const char *name, *value;
};

struct http1_request_spec {
    enum http1_method method;
    const char *target; /* "/path?query" */
    const char *host;
    const struct http1_header *headers; /* extra ones; not Host, Connection, Content-Length, Transfer-Encoding */
    uint32_t n_headers;
    /* Constant, must outlive the request; NULL: none, or with a body_length the generated body of that size. */
    const uint8_t *body;
    uint64_t body_length;
    uint32_t chunk_bytes; /* 0: Content-Length, else chunked with chunks of this size */
    bool close;           /* adds Connection: close */
    struct http1_expect expect;
};

/* A request ready to be referenced: constant after preparation. */
struct http1_request;
/*
 * ERR_INVALID with message (256 bytes): forbidden characters in target or header, a header that the engine sets
 * itself, … ERR_NO_MEMORY.
 */
MUST_CHECK int http1_request_prepare(const struct http1_request_spec *spec, const struct allocator *a,
                                     struct http1_request **out, char message[256]);
void http1_request_delete(struct http1_request *r);
/* Bytes on the wire: head, body and chunk framing. */
uint64_t http1_request_bytes(const struct http1_request *r);

/*
 * 64-bit digest of a body, incremental: however a body is cut into pieces, the digest is the same. A polynomial over
 * 7-byte words modulo 2^61 - 1 with the phase within a word in the top three bits (http1_digest.c); any change of one
 * word changes it. Start with HTTP1_DIGEST_START.
 */
#define HTTP1_DIGEST_START UINT64_C(1)
uint64_t http1_digest(uint64_t digest, const uint8_t *bytes, size_t length);

/* ---- client ---- */
struct http1_client_config {
    struct http1_limits limits;
};
extern const struct l7_engine http1_client_engine;
/*
 * Queues a request on a session of http1_client_engine. due_at: when it should have been sent (open loop) or now. 0;
 * ERR_AGAIN (pipeline full, or the body of the request before is still being queued); ERR_CLOSED (the connection is
 * ending: the server announced close, or the request before said so); ERR_NO_MEMORY (output queue pool is empty:
 * nothing queued).
 */
MUST_CHECK int http1_client_send(void *session, struct l7_carrier *carrier, const struct http1_request *request,
                                 int64_t due_at, int64_t now);
/* Requests sent and not yet answered. */
uint32_t http1_client_pending(const void *session);

/* ---- server ---- */
struct http1_size_choice {
    uint64_t bytes;
    uint32_t weight;
};
/* What the path behind a route's prefix says. */
enum http1_from_path {
    HTTP1_FROM_PATH_NOTHING,
    HTTP1_FROM_PATH_SIZE,   /* "1500", "64k": bytes of the generated body; k, M, G, T are powers of 1024 */
    HTTP1_FROM_PATH_STATUS, /* "404": the answer's status */
    HTTP1_FROM_PATH_DELAY,  /* "250": milliseconds before the answer */
};
enum http1_delay { HTTP1_DELAY_FIXED, HTTP1_DELAY_UNIFORM, HTTP1_DELAY_EXPONENTIAL };
enum http1_fault_kind {
    HTTP1_FAULT_NONE,
    HTTP1_FAULT_STATUS, /* an error's status instead of the answer */
    HTTP1_FAULT_RESET,  /* RST instead of the answer */
    HTTP1_FAULT_CLOSE,  /* FIN in the middle of the body, or of the head when there is none */
    HTTP1_FAULT_STALL,  /* nothing more from there on */
};
struct http1_fault {
    enum http1_fault_kind kind;
    uint32_t ppb;    /* probability, parts per billion; those of one route together at most 1e9 */
    uint16_t status; /* 400 to 599 */
};
/* A file to be served. path: relative, its bytes as they are, without "." and ".."; ascending by strcmp. */
struct http1_file {
    const char *path;
    const uint8_t *bytes; /* outlive the config */
    uint64_t length;
    int64_t modified_s; /* since 1970 */
};
#define HTTP1_FILES_MAX 10000u
/* By the name's extension; application/octet-stream where it is not known. */
const char *http1_content_type(const char *path);
/* Somebody's hash, given from outside: there is no cryptography here. The state needs no end other than `end`. */
struct http1_hash {
    const char *name;                   /* "sha256" */
    uint32_t state_bytes, digest_bytes; /* at most HTTP1_HASH_STATE_MAX, HTTP1_HASH_DIGEST_MAX */
    void (*begin)(void *state);
    void (*add)(void *state, const uint8_t *bytes, size_t length);
    void (*end)(void *state, uint8_t *digest);
};
#define HTTP1_HASH_STATE_MAX 256u
#define HTTP1_HASH_DIGEST_MAX 64u

struct http1_route {
    const char *path; /* exact, or a prefix when it ends in '*'; compared with the target up to its '?' */
    /*
     * Bits 1 << enum http1_method, others are answered 405; 0: all but OPTIONS, with files GET and HEAD. OPTIONS is
     * answered 204 with Allow, unless its bit is set.
     */
    uint32_t methods;
    uint16_t status;                       /* default 200 */
    const struct http1_size_choice *sizes; /* generated bodies: one is drawn by weight */
    uint32_t n_sizes;
    const uint8_t *body; /* a fixed body instead; outlives the config */
    uint64_t body_length;
    bool echo;            /* the request's body comes back as the response's, with its framing, while it arrives */
    bool digest_response; /* responds with the 16 hex digits of the request body's digest */
    const struct http1_hash *hash; /* responds with {"length": n, "NAME": "hexadecimal digits"} of the request's body */
    bool has_files;                /* answers from files; the path is a prefix that ends in "/" and '*' */
    const struct http1_file *files;
    uint32_t n_files;               /* at most HTTP1_FILES_MAX in all routes */
    const char *index;              /* of a directory; NULL: none */
    enum http1_from_path from_path; /* the path is a prefix that ends in "/" and '*' */
    bool close;                     /* the connection ends behind the response */
    uint32_t chunk_bytes;           /* 0: Content-Length; HTTP/1.0 clients always get that */
    bool close_delimited;           /* no length: the body ends with the connection */
    int64_t delay_ns;               /* before the response, on average */
    enum http1_delay delay;
    const int64_t *delay_table; /* exponential: quantiles, which outlive the config */
    uint32_t delay_steps;
    const struct http1_fault *faults;
    uint32_t n_faults;
    uint64_t rate;                      /* bytes of body a second that are written at most; 0: as many as possible */
    uint64_t read_rate;                 /* the same of the request's body, read */
    const char *content_type;           /* default application/octet-stream */
    const struct http1_header *headers; /* not Connection, Content-Length, Transfer-Encoding, Content-Type, Server */
    uint32_t n_headers;
};
struct http1_server_spec {
    struct http1_limits limits;
    const struct http1_route *routes; /* first match; none: 404 */
    uint32_t n_routes;
    uint32_t max_requests; /* a connection is closed by the server after so many; 0: never */
    /* From a request's first byte to the end of its head, else 408; 0: any time. */
    int64_t header_timeout_ns;
    /* From the head to the body's end, and a second more for each body_min_rate bytes, else 408; 0: any time. */
    int64_t body_timeout_ns;
    uint64_t body_min_rate;
    const char *server_name; /* Server header; NULL: none */
    uint64_t seed;           /* for the drawn sizes, together with carrier->serial */
};
/* Prepared responses; constant. ERR_INVALID with message, ERR_NO_MEMORY. */
struct http1_server_config;
MUST_CHECK int http1_server_config_new(const struct http1_server_spec *spec, const struct allocator *a,
                                       struct http1_server_config **out, char message[256]);
void http1_server_config_delete(struct http1_server_config *c);
extern const struct l7_engine http1_server_engine;
/* The digest a client shall expect for a generated body of that size (bodies are a fixed repeating pattern). */
uint64_t http1_generated_digest(uint64_t bytes);

#endif
