/* SPDX-License-Identifier: MIT */
/*
 * `weir accel`: its options, and its two halves: a box that runs, and a look at the flows of one.
 */
#ifndef WEIR_CLI_ACCEL_H
#define WEIR_CLI_ACCEL_H

#include "cli/bridge.h"

struct accel_options {
    struct bridge_options run;
    const char *host, *sort;
    uint32_t port, limit; /* 0: not given */
    int64_t every_ns;
};

/* The connections of a running box. */
int accel_flows_run(const struct accel_options *o);
/* The words that --sort knows, NULL behind the last. */
const char *accel_flows_sort_word(unsigned number);

#endif
