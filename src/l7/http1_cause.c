/* SPDX-License-Identifier: MIT */
/*
 * Names and answers of the causes in http1_cause.h, and of the methods.
 */
#include "l7/http1_cause.h"

#include "l7/http1.h"

static const struct {
    const char *name;
    uint16_t status;
} causes[] = {
#define HTTP1_CAUSE_ROW(id, name, status) {name, status},
    HTTP1_CAUSE_LIST(HTTP1_CAUSE_ROW)
#undef HTTP1_CAUSE_ROW
};

const char *http1_cause_name(enum http1_cause cause)
{
    return (size_t)cause < ARRAY_SIZE(causes) ? causes[cause].name : "unknown";
}

uint16_t http1_cause_status(enum http1_cause cause)
{
    return (size_t)cause < ARRAY_SIZE(causes) ? causes[cause].status : 0;
}

const char *http1_method_name(enum http1_method method)
{
    static const char *const names[HTTP1_METHOD_COUNT] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"};
    return (size_t)method < ARRAY_SIZE(names) ? names[method] : NULL;
}

void http1_limits_default(struct http1_limits *l)
{
    *l = (struct http1_limits){
        .max_line_bytes = 8192,
        .max_headers = 100,
        .max_header_bytes = 65536,
        .max_body_bytes = UINT64_C(1) << 40,
        .max_pipeline = 64,
        .max_held_bytes = 1u << 20,
    };
}
