/* SPDX-License-Identifier: MIT */
/*
 * MPLS label stack entries: RFC 3032, TC field RFC 5462. No state; values are copied.
 */
#ifndef WEIR_WIRE_MPLS_H
#define WEIR_WIRE_MPLS_H

#include "base/bytes.h"
#include "base/error.h"

#define WIRE_MPLS_LEN 4u
#define WIRE_MPLS_FIRST_LABEL                                                                                          \
    16u /* those before have a meaning by themselves, or are reserved: RFC 3032 2.1, RFC 7274 */
#define WIRE_MPLS_MAX_LABEL 0xfffffu

enum wire_mpls_label {
    WIRE_MPLS_IPV4_NULL = 0,
    WIRE_MPLS_ROUTER_ALERT = 1,
    WIRE_MPLS_IPV6_NULL = 2,
    WIRE_MPLS_IMPLICIT_NULL = 3,
};

struct wire_mpls {
    uint32_t label; /* 20 bits */
    uint8_t tc;     /* 3 bits */
    uint8_t ttl;
    bool bottom;
};

/* One entry. Returns 4, or ERR_TRUNCATED. */
MUST_CHECK int wire_mpls_parse(const uint8_t *bytes, size_t length, struct wire_mpls *out);
/*
 * A whole stack, to the entry with the bottom bit, into stack[0 … max-1]; *count says how many.
 * Returns its bytes, or ERR_TRUNCATED (no bottom before the end), ERR_UNSUPPORTED (deeper than max).
 */
MUST_CHECK int wire_mpls_parse_stack(const uint8_t *bytes, size_t length, unsigned max, struct wire_mpls *stack,
                                     unsigned *count);
/* Writes one entry; label and tc are cut to their bits. Returns 4. */
int wire_mpls_build(uint8_t *to, const struct wire_mpls *h);
/* "mpls label 16 tc 0 ttl 64 bottom"; always terminated; returns the length it would have had. */
int wire_mpls_print(char *to, size_t size, const struct wire_mpls *h);

#endif
