/* SPDX-License-Identifier: MIT */
/*
 * `weir bench`: the table of built-in measurements, and running one of them several times.
 */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"

#define DEFAULT_RUNS 3
#define MAX_SECONDS 3600

static const struct bench {
    const char *name, *summary;
    bench_fn *run;
    uint32_t seconds; /* of a run, unless told otherwise */
} benches[] = {
    {"tcp-cps", "new HTTP connections a second, one request each; a client and a server core", bench_tcp_cps, 3},
    {"tcp-requests", "keep-alive HTTP requests a second; a client and a server core", bench_tcp_requests, 3},
    {"tcp-throughput", "HTTP downloads in 1,460-byte segments; a client and a server core", bench_tcp_throughput, 3},
    {"tcp-latency", "one keep-alive request at a time", bench_tcp_latency, 3},
    {"tcp-memory", "resident memory of a million idle connections", bench_tcp_memory, 3},
    {"checksum", "the Internet checksum over 64 and 1,460 bytes", bench_checksum, 1},
    {"http-parse", "parsing small HTTP/1.1 messages on one core", bench_http_parse, 1},
    {"lpm", "longest-prefix look-ups with 1 and 1,000,000 routes, and their memory", bench_lpm, 3},
    {"host", "forwarding with 1 and 1,000,000 routes, reassembly, neighbours, UDP; memory of tables", bench_host, 8},
    {"accel", "the accelerator: new connections and translated segments a second on one core; memory", bench_accel, 3},
    {"sockets", "the socket API: throughput, a byte to and fro, connections; beside the kernel's", bench_sockets, 1},
    {"memory-link", "frames from one thread to another through the memory link", bench_memory_link, 1},
};

struct bench_command_options {
    uint32_t runs, seconds;
    const char *peer, *api;
    bool json, serve;
};

static const struct option_row options[] = {
    {"json", 0, NULL, OPTION_FLAG, 0, offsetof(struct bench_command_options, json), "print JSON"},
    {"runs", 0, "N", OPTION_COUNT, BENCH_RUNS_MAX, offsetof(struct bench_command_options, runs),
     "measure N times (default: 3)"},
    {"seconds", 0, "S", OPTION_COUNT, MAX_SECONDS, offsetof(struct bench_command_options, seconds),
     "length of a run, about"},
    {"peer", 0, "ADDRESS", OPTION_TEXT, 0, offsetof(struct bench_command_options, peer),
     "sockets: measure against --serve at this address"},
    {"api", 0, "NAME", OPTION_TEXT, 0, offsetof(struct bench_command_options, api),
     "sockets: with --peer: kernel, embedded (default) or thread"},
    {"serve", 0, NULL, OPTION_FLAG, 0, offsetof(struct bench_command_options, serve),
     "sockets: be that peer, on the kernel's sockets"},
};

static int list_benches(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
        printf("%-16s %s\n", benches[i].name, benches[i].summary);
    return flush_standard_output();
}

static const char *bench_name(unsigned number) { return number < ARRAY_SIZE(benches) ? benches[number].name : NULL; }

static const struct bench *find_bench(const char *name)
{
    const char *names[ARRAY_SIZE(benches) + 1];
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
        if (strcmp(benches[i].name, name) == 0)
            return &benches[i];
    for (unsigned i = 0; i <= ARRAY_SIZE(benches); i++)
        names[i] = bench_name(i);
    complain("bench: there is no bench '%.60s'%s", name, command_suggest(name, names).text);
    fputs("'weir bench' lists them.\n", stderr);
    return NULL;
}

static int measure(const struct bench *b, const struct bench_command_options *o, struct bench_result *r)
{
    uint32_t runs = o->serve ? 1 : o->runs ? o->runs : DEFAULT_RUNS;
    struct bench_options run = {.run_ns = (int64_t)(o->seconds ? o->seconds : b->seconds) * NS_PER_S,
                                .peer = o->peer,
                                .api = o->api,
                                .serve = o->serve};
    for (; run.run < runs; run.run++) {
        int error = b->run(&run, r);
        if (error < 0) {
            complain("bench %s: %s", b->name, r->message[0] ? r->message : err_text(error));
            return EXIT_REFUSED;
        }
    }
    bench_sort(r);
    return EXIT_MET;
}

static int print(const struct bench *b, bool json, const struct bench_result *r)
{
    if (!json)
        bench_print(b->name, r);
    else if (bench_print_json(b->name, r) < 0)
        return flush_standard_output() == EXIT_MET ? EXIT_MET : EXIT_REFUSED;
    return flush_standard_output();
}

static int run(int argc, char **argv)
{
    struct bench_command_options o = {.json = false};
    struct operands operands;
    int result = options_parse(&bench_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    if (operands.count == 0)
        return list_benches();
    const struct bench *b = find_bench(operands.list[0]);
    if (!b)
        return EXIT_USAGE;
    if ((o.peer || o.api || o.serve) && b->run != bench_sockets)
        return command_refuse(&bench_command, "%s: --peer, --api and --serve are for sockets", b->name);
    struct bench_result *r = calloc(1, sizeof *r);
    if (!r) {
        complain("bench: %s", err_text(ERR_NO_MEMORY));
        return EXIT_REFUSED;
    }
    result = measure(b, &o, r);
    if (result == EXIT_MET && !o.serve)
        result = print(b, o.json, r);
    free(r);
    return result;
}

const struct command bench_command = {
    .name = "bench",
    .summary = "built-in measurements (without a name: list them)",
    .operands = "[NAME]",
    .operand_word = bench_name,
    .max_operands = 1,
    .description = "Measures a part of Weir several times on this machine and prints median, smallest and largest "
                   "value of each figure.\n"
                   "Without NAME: lists the measurements.",
    .examples = "  weir bench\n"
                "  weir bench checksum --runs 5\n"
                "  weir bench memory-link --json | jq '.figures[0].median'",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run,
};
