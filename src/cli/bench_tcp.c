/* SPDX-License-Identifier: MIT */
/*
 * Benches of the whole path: HTTP over our TCP, one client and one server worker on a core each, over the memory link.
 * Every checksum is computed and verified. A bench is a configuration, compiled and run like any other; rates are taken
 * between two looks at the statistics, so that start and drain do not count.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/bench.h"
#include "engine/clock.h"
#include "engine/engine.h"

#define WARM_UP_NS (300 * NS_PER_MS)
#define LOOK_NS (20 * NS_PER_MS)
#define IDLE_PAIRS 1000000u

#define WIRE                                                                                                           \
    "ports:\n"                                                                                                         \
    "  - {name: a, location: 'mem:bench', frames: 8192}\n"                                                             \
    "  - {name: b, location: 'mem:bench', frames: 8192}\n"                                                             \
    "devices:\n"                                                                                                       \
    "  - {name: clients, port: a, ipv4: {address: 10.1.0.1/12}, count: 250}\n"                                         \
    "  - {name: web, port: b, ipv4: {address: 10.0.0.1/12}, count: 4}\n"

/* New connection, one request of some 50 bytes, one small response, close: as many as possible. */
static const char cps_config[] = WIRE "loads:\n"
                                      "  - name: bench\n"
                                      "    client: clients\n"
                                      "    server: {device: web, http: {routes: [{path: /, body: 'Hello, world!'}]}}\n"
                                      "    http: {urls: [{path: /}], host: web, verify: length}\n"
                                      "    schedule: [{hold: 1h, concurrent: 128}]\n"
                                      "    requests_per_connection: 1\n"
                                      "    tcp: {time_wait: 0}\n";

static const char requests_config[] =
    WIRE "loads:\n"
         "  - name: bench\n"
         "    client: clients\n"
         "    server: {device: web, http: {routes: [{path: /, body: 'Hello, world!'}]}}\n"
         "    http: {urls: [{path: /}], host: web, verify: length}\n"
         "    schedule: [{hold: 1h, concurrent: 256}]\n";

/* 1,460-byte segments: no timestamps. */
static const char throughput_config[] = WIRE "loads:\n"
                                             "  - name: bench\n"
                                             "    client: clients\n"
                                             "    server: {device: web, http: {routes: [{path: /, size: 100MB}]}}\n"
                                             "    http: {urls: [{path: /}], host: web, verify: length}\n"
                                             "    schedule: [{hold: 1h, concurrent: 8}]\n"
                                             "    tcp: {timestamps: false, receive_buffer: 512KiB}\n";

static const char latency_config[] =
    WIRE "loads:\n"
         "  - name: bench\n"
         "    client: clients\n"
         "    server: {device: web, http: {routes: [{path: /, body: 'Hello, world!'}]}}\n"
         "    http: {urls: [{path: /}], host: web, verify: length}\n"
         "    schedule: [{hold: 1h, concurrent: 1}]\n";

/* One request on each connection, then it idles. */
static const char memory_config[] =
    WIRE "loads:\n"
         "  - name: bench\n"
         "    client: clients\n"
         "    server: {device: web, http: {routes: [{path: /, body: 'Hello, world!'}]}}\n"
         "    http: {urls: [{path: /}], host: web, verify: length}\n"
         "    schedule: [{ramp: 20s, concurrent: 1000000}, {hold: 1h}]\n"
         "    think_time: 24h\n"
         "    tcp: {syn_queue: 65536}\n";

struct bench_run {
    struct config_tree *tree;
    struct plan *plan;
    struct engine *engine;
};

static void end_run(struct bench_run *b)
{
    engine_delete(b->engine);
    plan_free(b->plan);
    config_tree_free(b->tree);
}

static int begin_run(struct bench_run *b, const char *config, struct bench_result *r)
{
    struct config_error error;
    struct config_errors errors = {.count = 0};
    struct engine_options options;
    char message[256];
    *b = (struct bench_run){NULL, NULL, NULL};
    int e = config_tree_parse("bench", config, strlen(config), &b->tree, &error);
    if (e < 0)
        return bench_fail(r, e, "%s", error.text);
    e = plan_compile(b->tree, NULL, alloc_heap(), &b->plan, &errors);
    if (e < 0)
        return bench_fail(r, e, "%s", errors.list[0].text);
    engine_options_default(&options);
    e = engine_new(b->plan, &options, &b->engine, message);
    if (e < 0)
        return bench_fail(r, e, "%s", message);
    e = engine_start(b->engine);
    return e < 0 ? bench_fail(r, e, "%s", err_text(e)) : 0;
}

/* Lets it run for a while. */
static void run_for(struct bench_run *b, int64_t ns)
{
    int64_t until = clock_now() + ns;
    while (clock_now() < until && engine_step(b->engine) != ENGINE_DONE)
        clock_sleep(LOOK_NS);
}

/* What a look at a running load tells. */
struct look {
    int64_t at;
    uint64_t established, completed, received_bytes, errors, retransmitted;
};

static uint64_t failed_connections(const struct load_stats *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        n += s->connections.failed[i];
    return n;
}

static void look_at(struct bench_run *b, struct look *l)
{
    struct results results;
    engine_read_results(b->engine, &results);
    const struct load_stats *s = &results.stats->loads[0];
    *l = (struct look){.at = clock_now(),
                       .established = s->connections.established,
                       .completed = s->transactions.completed,
                       .received_bytes = s->bytes.received,
                       .errors = failed_connections(s) + cause_counts_total(&s->transactions.failed),
                       .retransmitted =
                           results.stats->tcp[0].retransmitted_segments + results.stats->tcp[1].retransmitted_segments};
}

/* Runs a configuration for o->run_ns between two looks. */
static int measure(const char *config, const struct bench_options *o, struct bench_result *r, struct look *from,
                   struct look *to, struct bench_run *b)
{
    int e = begin_run(b, config, r);
    if (e < 0)
        return e;
    run_for(b, WARM_UP_NS);
    look_at(b, from);
    run_for(b, o->run_ns);
    look_at(b, to);
    return 0;
}

static double rate(uint64_t from, uint64_t to, const struct look *a, const struct look *b)
{
    return (double)(to - from) * 1e9 / (double)(b->at - a->at);
}

static void record_errors(struct bench_result *r, const struct look *from, const struct look *to)
{
    bench_record(r, "errors", "1", (double)(to->errors - from->errors));
    bench_record(r, "retransmitted_segments", "1", (double)(to->retransmitted - from->retransmitted));
}

int bench_tcp_cps(const struct bench_options *o, struct bench_result *r)
{
    struct look from, to;
    struct bench_run b;
    int e = measure(cps_config, o, r, &from, &to, &b);
    if (e == 0) {
        bench_record(r, "connections_per_second", "1/s", rate(from.established, to.established, &from, &to));
        record_errors(r, &from, &to);
    }
    end_run(&b);
    return e;
}

int bench_tcp_requests(const struct bench_options *o, struct bench_result *r)
{
    struct look from, to;
    struct bench_run b;
    int e = measure(requests_config, o, r, &from, &to, &b);
    if (e == 0) {
        bench_record(r, "requests_per_second", "1/s", rate(from.completed, to.completed, &from, &to));
        record_errors(r, &from, &to);
    }
    end_run(&b);
    return e;
}

int bench_tcp_throughput(const struct bench_options *o, struct bench_result *r)
{
    struct look from, to;
    struct bench_run b;
    int e = measure(throughput_config, o, r, &from, &to, &b);
    if (e == 0) {
        bench_record(r, "bits_per_second", "bit/s", 8 * rate(from.received_bytes, to.received_bytes, &from, &to));
        record_errors(r, &from, &to);
    }
    end_run(&b);
    return e;
}

int bench_tcp_latency(const struct bench_options *o, struct bench_result *r)
{
    struct look from, to;
    struct bench_run b;
    int e = measure(latency_config, o, r, &from, &to, &b);
    if (e == 0) {
        struct results results;
        engine_read_results(b.engine, &results);
        const struct histogram *h = &results.stats->loads[0].transaction;
        bench_record(r, "transaction_p50", "ns", (double)histogram_quantile(h, 500000));
        bench_record(r, "transaction_p99", "ns", (double)histogram_quantile(h, 990000));
        bench_record(r, "transaction_p999", "ns", (double)histogram_quantile(h, 999000));
        bench_record(r, "requests_per_second", "1/s", rate(from.completed, to.completed, &from, &to));
        record_errors(r, &from, &to);
    }
    end_run(&b);
    return e;
}

/* Resident set of this process in bytes. */
static double resident_bytes(void)
{
    unsigned long long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%llu %llu", &total, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

int bench_tcp_memory(const struct bench_options *o, struct bench_result *r)
{
    struct bench_run b;
    struct look l = {0};
    double before = 0;
    int64_t give_up = clock_now() + 300 * NS_PER_S;
    int e = begin_run(&b, memory_config, r);
    (void)o;
    if (e == 0) {
        look_at(&b, &l); /* the statistics' own pages are there now */
        before = resident_bytes();
        while (l.completed < IDLE_PAIRS && l.errors == 0 && clock_now() < give_up) {
            run_for(&b, NS_PER_S);
            look_at(&b, &l);
        }
        run_for(&b, NS_PER_S); /* the last delayed ACKs: all are parked */
        look_at(&b, &l);
        bench_record(r, "idle_pairs", "1", (double)l.established);
        bench_record(r, "bytes_per_connection_end", "B",
                     (resident_bytes() - before) / (2.0 * (double)max_u64(l.established, 1)));
        bench_record(r, "errors", "1", (double)l.errors);
    }
    end_run(&b);
    return e;
}
