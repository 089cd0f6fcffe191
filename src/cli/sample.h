/* SPDX-License-Identifier: MIT */
/*
 * What happened to each load and server between two looks at the results: the difference of two cumulative copies.
 *
 * A sampler remembers the copy before; several samplers with different rhythms may look at the same results. Counts are
 * exact: the samples of a run add up to its final results. Latencies are those of the transactions completed within the
 * span, to the histogram's precision.
 */
#ifndef WEIR_CLI_SAMPLE_H
#define WEIR_CLI_SAMPLE_H

#include "traffic/results.h"

/* Counts of a span, that add up; the last one of the ports that carry the load. */
/* clang-format off */
#define SAMPLE_COUNTER_LIST(X)                                                                                         \
    X(requested) X(sent) X(late) X(dropped)                                                                            \
    X(connections_attempted) X(connections_established) X(connections_failed) X(connections_closed)                    \
    X(transactions_started) X(transactions_completed) X(transactions_failed)                                           \
    X(bytes_sent) X(bytes_received) X(retransmitted_segments)
/* clang-format on */

enum sample_counter {
#define SAMPLE_COUNTER_ENUM(name) SAMPLE_##name,
    SAMPLE_COUNTER_LIST(SAMPLE_COUNTER_ENUM)
#undef SAMPLE_COUNTER_ENUM
        SAMPLE_COUNTER_COUNT
};

struct sample {
    uint64_t count[SAMPLE_COUNTER_COUNT];
    uint64_t live;                   /* connections at the end of the span */
    uint64_t p50_ns, p99_ns, max_ns; /* transaction times; 0 without any */
};

const char *sample_counter_name(enum sample_counter counter);
/*
 * A row: a load by its number; n_loads: all loads together, or all servers where no load has a client; behind that
 * the servers. A server's transactions are the requests it answered; it knows no latencies.
 */
uint32_t sample_rows(const struct plan *p);
static inline uint32_t sample_server_row(const struct plan *p, uint32_t server) { return p->n_loads + 1 + server; }
/* Some load has a client. */
bool sample_has_clients(const struct plan *p);
/* Cumulative counts of a row so far; latencies since the start. */
void sample_totals(const struct results *r, uint32_t row, struct sample *out);
/* A counter as a rate: a second has span_ns nanoseconds of it. */
double sample_rate(const struct sample *s, enum sample_counter counter, int64_t span_ns);

struct sampler;
/* ERR_NO_MEMORY. Remembers a state of zero. */
MUST_CHECK int sampler_new(const struct plan *p, struct sampler **out);
void sampler_delete(struct sampler *s); /* NULL is allowed */
/* What came since the call before; out has sample_rows() samples. */
void sampler_take(struct sampler *s, const struct results *r, struct sample *out);

#endif
