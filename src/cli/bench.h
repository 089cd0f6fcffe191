/* SPDX-License-Identifier: MIT */
/*
 * The framework of `weir bench`. A bench is one function; the framework calls it once for each run and keeps what it
 * records: median, smallest and largest value of each figure over the runs. Never a pass or fail on time.
 *
 *     int bench_example(const struct bench_options *o, struct bench_result *r)
 *     {
 *         ... work for about o->run_ns ...
 *         bench_record(r, "messages_per_second", "1/s", rate);
 *         bench_record_peer(r, "nginx", "requests_per_second", "1/s", theirs);      a peer measured in the same run
 *         return 0;                                                                 or bench_fail(r, ERR_…, "why")
 *     }
 *
 * A new one gets a declaration below and a row in the table of bench.c.
 */
#ifndef WEIR_CLI_BENCH_H
#define WEIR_CLI_BENCH_H

#include "base/compiler.h"
#include "base/time_ns.h"

#define BENCH_RUNS_MAX 101u
#define BENCH_FIGURES_MAX 48u
#define BENCH_MESSAGE_BYTES 256u

struct bench_options {
    int64_t run_ns; /* how long a run is to measure, about */
    uint32_t run;   /* number of this run, from 0 */
    /* sockets: where the other end serves, on whose sockets; this is that end */
    const char *peer, *api;
    bool serve;
};

struct bench_figure {
    const char *peer; /* NULL: ours */
    const char *name, *unit;
    uint32_t runs;
    double values[BENCH_RUNS_MAX]; /* sorted once the bench is over */
};

struct bench_result {
    uint32_t n_figures;
    struct bench_figure figures[BENCH_FIGURES_MAX];
    char message[BENCH_MESSAGE_BYTES]; /* of a failure */
};

/* 0, or negative enum err with r->message: then the bench ends with exit code 3. */
typedef int bench_fn(const struct bench_options *o, struct bench_result *r);

/* One value a run for each figure. name and unit are constant texts: "requests_per_second", "1/s". */
void bench_record(struct bench_result *r, const char *name, const char *unit, double value);
void bench_record_peer(struct bench_result *r, const char *peer, const char *name, const char *unit, double value);
/* Sets the message; returns error. */
int bench_fail(struct bench_result *r, int error, const char *format, ...) PRINTF_LIKE(3, 4);

/* Of a figure with runs > 0 and sorted values. */
double bench_median(const struct bench_figure *f);
void bench_sort(struct bench_result *r);

void bench_print(const char *name, const struct bench_result *r);
/* The schema of DESIGN section 5. Errors of writing. */
MUST_CHECK int bench_print_json(const char *name, const struct bench_result *r);

bench_fn bench_accel, bench_checksum, bench_host, bench_http_parse, bench_lpm, bench_memory_link, bench_sockets;
bench_fn bench_tcp_cps, bench_tcp_requests, bench_tcp_throughput, bench_tcp_latency, bench_tcp_memory;

#endif
