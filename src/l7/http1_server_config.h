/* SPDX-License-Identifier: MIT */
/*
 * What http1_server_config_new makes of routes: a table of paths and, for each route, its prepared answers. Constant,
 * shared by every connection; all of it lies in one arena.
 */
#ifndef WEIR_L7_HTTP1_SERVER_CONFIG_H
#define WEIR_L7_HTTP1_SERVER_CONFIG_H

#include "l7/http1_answer.h"
#include "l7/http1_match.h"

enum http1_route_kind {
    HTTP1_ROUTE_BODY,   /* answers[] as they are */
    HTTP1_ROUTE_DIGEST, /* a head, then 16 hex digits */
    HTTP1_ROUTE_ECHO,   /* a head with framing to follow, then the request's body */
};
#define HTTP1_DIGEST_DIGITS 16

struct http1_route_plan {
    enum http1_route_kind kind;
    uint32_t methods; /* bits */
    int64_t delay_ns;
    const struct http1_answer *answers;
    const uint64_t *weight_until; /* of answers 0 to i together; NULL where there is one */
    uint32_t n_answers;
    const struct http1_answer *not_allowed; /* 405 with Allow */
};

struct http1_server_config {
    struct http1_limits limits;
    struct http1_match_table table;
    const struct http1_route_plan *routes;
    const struct http1_answer *errors; /* in the order of http1_error_statuses */
    uint32_t max_requests;
    uint64_t seed;
    const uint8_t *pattern;
    struct http1_arena arena;
};

/* The prepared answer for a status of http1_cause_status or 404; never NULL for these. */
const struct http1_answer *http1_server_error(const struct http1_server_config *c, uint16_t status);

#endif
