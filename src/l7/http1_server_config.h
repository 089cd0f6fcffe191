/* SPDX-License-Identifier: MIT */
/*
 * What http1_server_config_new makes of routes: a table of paths and, for each route, its prepared answers. Constant,
 * shared by every connection; all of it lies in one arena. Each file of a route has a plan of its own, before that of
 * the rest of its prefix, which is not found.
 */
#ifndef WEIR_L7_HTTP1_SERVER_CONFIG_H
#define WEIR_L7_HTTP1_SERVER_CONFIG_H

#include "l7/http1_answer.h"
#include "l7/http1_condition.h"
#include "l7/http1_match.h"

enum http1_route_kind {
    HTTP1_ROUTE_BODY,      /* answers[] as they are */
    HTTP1_ROUTE_DIGEST,    /* a head, then 16 hex digits */
    HTTP1_ROUTE_HASH,      /* a head with framing to follow, then a JSON text */
    HTTP1_ROUTE_ECHO,      /* a head with framing to follow, then the request's body */
    HTTP1_ROUTE_FILE,      /* answers[0], or one of heads */
    HTTP1_ROUTE_NOT_FOUND, /* 404 */
};
#define HTTP1_DIGEST_DIGITS 16

/* Heads up to their framing, for all files of a route. */
struct http1_file_heads {
    struct http1_answer partial, not_modified, failed, unsatisfiable; /* 206, 304, 412, 416 */
};

struct http1_file_plan {
    struct http1_validators validators;
    const uint8_t *bytes;
    const uint8_t *fields; /* Content-Type, ETag, Last-Modified, for the heads above */
    uint32_t fields_bytes;
};

struct http1_fault_plan {
    enum http1_fault_kind kind;
    uint32_t until_ppb;                /* of this and those before together */
    const struct http1_answer *answer; /* of a status */
};

struct http1_route_plan {
    enum http1_route_kind kind;
    uint32_t methods; /* bits */
    int64_t delay_ns;
    const struct http1_answer *answers;
    const uint64_t *weight_until; /* of answers 0 to i together; NULL where there is one */
    uint32_t n_answers;
    bool special; /* any of what follows is used */
    bool close;
    const struct http1_answer *not_allowed; /* 405 with Allow */
    const struct http1_answer *options;     /* 204 with Allow */
    enum http1_from_path from_path;
    const char *prefix; /* of the path, for from_path */
    uint32_t prefix_bytes;
    enum http1_delay delay;
    const int64_t *delay_table;
    uint32_t delay_steps;
    const struct http1_fault_plan *faults;
    uint32_t n_faults;
    uint64_t rate, read_rate;
    const struct http1_hash *hash;
    const struct http1_file_plan *file;
    const struct http1_file_heads *heads;
};

struct http1_server_config {
    struct http1_limits limits;
    struct http1_match_table table;
    const struct http1_route_plan *routes;
    const struct http1_answer *errors;  /* in the order of error_statuses */
    const struct http1_answer *options; /* of the server as a whole */
    uint32_t max_requests;
    bool takes_notes;  /* there are files */
    bool keeps_target; /* there is a from_path */
    bool timed;        /* there is a timeout */
    int64_t header_timeout_ns, body_timeout_ns;
    uint64_t body_min_rate;
    uint64_t seed;
    const uint8_t *pattern;
    struct http1_arena arena;
};

/* The prepared answer for a status of http1_cause_status, 404 or 503; never NULL for these. */
const struct http1_answer *http1_server_error(const struct http1_server_config *c, uint16_t status);

/* Statuses that from_path may say. */
#define HTTP1_STATUS_FIRST 200u
#define HTTP1_STATUS_COUNT 400u

/* ---- between the files that make it ---- */

/* The route as the configuration's maker gave it, and where its plans go. */
struct http1_route_maker {
    struct http1_server_config *config;
    const struct http1_server_spec *spec;
    const struct http1_route *route;
    struct http1_route_plan *plan;   /* the route's own, all of it filled in but what files need */
    struct http1_match_entry *entry; /* the next free one */
    uint16_t number;                 /* of the next free plan in config->routes */
};
/* How many plans, and entries, a route's files take. */
uint32_t http1_files_count(const struct http1_route *r);
/* ERR_INVALID with message; what is wrong with the files. */
MUST_CHECK int http1_files_check(const struct http1_route *r, char message[HTTP1_MESSAGE_BYTES]);
/* Fills plans[0 to http1_files_count) and as many entries. ERR_NO_MEMORY. */
MUST_CHECK int http1_files_prepare(struct http1_route_maker *m, struct http1_route_plan *plans);

#endif
