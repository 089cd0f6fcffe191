/* SPDX-License-Identifier: MIT */
/*
 * The report of a run: one HTML file with everything in it. No script, no outside resource (its Content-Security-Policy
 * forbids them), readable in light and dark and on paper. Every text that comes from a configuration is escaped.
 */
#ifndef WEIR_CLI_REPORT_H
#define WEIR_CLI_REPORT_H

#include <stdio.h>
#include <time.h>

#include "cli/configuration.h"
#include "cli/facts.h"
#include "cli/series.h"

struct report {
    const struct configuration *configuration;
    const struct facts *facts;
    struct series *series; /* shrunk to what a chart can show */
    time_t started;
};

void report_write(FILE *file, const struct report *r);

#endif
