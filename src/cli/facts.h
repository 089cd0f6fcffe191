/* SPDX-License-Identifier: MIT */
/*
 * What a finished run has to tell, as a result sheet: for each load what was asked for, sent and late, connections,
 * transactions, bytes, latencies, how connections end, retransmissions, criteria; then servers and ports with their
 * drops. The same counts as the JSON results.
 */
#ifndef WEIR_CLI_FACTS_H
#define WEIR_CLI_FACTS_H

#include "cli/sheet.h"
#include "traffic/results.h"

struct facts {
    const struct results *results;
    uint32_t busy_ppm[PLAN_MAX_PORTS]; /* of each port's worker */
};

void facts_write_load(const struct facts *f, uint32_t load, const struct sheet *s);
void facts_write_lease(const struct facts *f, uint32_t number, const struct sheet *s);
void facts_write_server(const struct facts *f, uint32_t number, const struct sheet *s);
void facts_write_port(const struct facts *f, uint32_t number, const struct sheet *s);
/* All of them. */
void facts_write(const struct facts *f, const struct sheet *s);

#endif
