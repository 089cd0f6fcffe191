/* SPDX-License-Identifier: MIT */
/*
 * How many SYNs the box answers with a flow of their own, from one source (an IPv4 address, an IPv6 /64, in its VLAN) and
 * in all, and how many flows a source has. Beyond a rate a SYN is answered with a cookie (cookie.c), beyond the flows it
 * passes.
 *
 * Each source has a place in a table of fixed size, by keyed hash; those that fall on the same place share its limits.
 * Nothing is ever taken out, so that a flow that ends meets the place that it was counted at. A rate is the generic cell
 * rate algorithm (ITU-T I.371) with a burst of one second: `due` is when all SYNs so far would have come at that rate. It is
 * capped at two seconds ahead, so that under a steady flood every SYN is beyond, and one second after it none is.
 *
 * Invariant: the flows of all places together are those of the table (accel_check).
 */
#ifndef WEIR_ACCEL_LIMITS_H
#define WEIR_ACCEL_LIMITS_H

#include "accel/flow.h"

struct accel_source {
    int64_t due;
    uint32_t flows;
    uint32_t answered; /* SYNs that were answered nearer to the wire (answers.h), modulo 2^32 */
};

struct accel_limits {
    struct accel_source *sources;
    uint32_t n; /* a power of two */
    uint32_t source_flows;
    int64_t source_interval_ns, interval_ns; /* between SYNs at the rate; 0: there is none */
    int64_t due;                             /* of all */
    struct hash_key secret;
    const struct allocator *allocator;
};

enum accel_limit {
    ACCEL_WITHIN,
    ACCEL_BEYOND_SOURCE_FLOWS,
    ACCEL_BEYOND_SOURCE_RATE,
    ACCEL_BEYOND_RATE,
};

/* ERR_NO_MEMORY, ERR_INVALID (max_sources is 0 or more than 2^24). */
MUST_CHECK int accel_limits_init(struct accel_limits *l, const struct allocator *a, const struct accel_settings *s);
void accel_limits_free(struct accel_limits *l);
/* A SYN has come: it is counted, and the first limit that it is beyond. */
enum accel_limit accel_limits_syn(struct accel_limits *l, const struct accel_key *key, int64_t now);
/* How many more SYNs are within the limits, of that source and in all. */
uint32_t accel_limits_left(const struct accel_limits *l, const struct accel_key *key, int64_t now);
uint32_t accel_limits_left_in_all(const struct accel_limits *l, int64_t now);
/* Where the source is counted: `sources` of the place. */
uint32_t accel_limits_place(const struct accel_limits *l, const struct accel_key *key);
/* Whether the source may have no more flows. */
bool accel_limits_full(const struct accel_limits *l, const struct accel_key *key);
/* A flow begins, or ends. */
void accel_limits_begin(struct accel_limits *l, const struct accel_key *key);
void accel_limits_end(struct accel_limits *l, const struct accel_key *key);
/* The flows of all places, for accel_check. */
uint64_t accel_limits_flows(const struct accel_limits *l);

#endif
