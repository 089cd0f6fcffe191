/* SPDX-License-Identifier: MIT */
/*
 * The charts of a load: what happened over time, and how latencies are distributed. For report.c.
 */
#ifndef WEIR_CLI_REPORT_CHARTS_H
#define WEIR_CLI_REPORT_CHARTS_H

#include <stdio.h>

#include "cli/series.h"

#define REPORT_CHART_POINTS 300u

/* series has at most REPORT_CHART_POINTS points. */
void report_write_time_charts(FILE *file, const struct results *r, const struct series *series, uint32_t load);
/* A server, whose requests are the transactions: the same but for latencies. */
void report_write_server_charts(FILE *file, const struct results *r, const struct series *series, uint32_t server);
void report_write_latency_charts(FILE *file, const struct load_stats *s);

#endif
