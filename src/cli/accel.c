/* SPDX-License-Identifier: MIT */
/*
 * `weir accel`: its options, and which of its halves is meant.
 */
#include "cli/accel.h"

#include <string.h>

#define MAX_PORT 65535u
#define MAX_FLOWS 16777216u

static const struct option_row options[] = {
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct accel_options, run.duration_ns),
     "end after this time: 10s, 2m; otherwise by Ctrl-C"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct accel_options, run.json),
     "write the counts as JSON; flows: the connections"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct accel_options, run.sets),
     "change the configuration: accelerator.server_timeout=5s (repeatable)"},
    {"log", 0, "FILE", OPTION_TEXT, 0, offsetof(struct accel_options, run.box.log),
     "write a line for each packet of both ports"},
    {"trace", 0, "FILE", OPTION_TEXT, 0, offsetof(struct accel_options, run.box.trace),
     "write a line for each TCP segment: what it was, what it became, why"},
    {"pcap", 0, "FILE", OPTION_TEXT, 0, offsetof(struct accel_options, run.box.pcap),
     "write both sides as pcapng, with comments on what the box did"},
    {"host", 0, "ADDR", OPTION_TEXT, 0, offsetof(struct accel_options, host),
     "of log, trace, pcap and flows: only connections with this address or prefix at an end"},
    {"port", 0, "N", OPTION_COUNT, MAX_PORT, offsetof(struct accel_options, port),
     "the same: only with this TCP port at an end"},
    {"prometheus", 0, "FILE", OPTION_TEXT, 0, offsetof(struct accel_options, run.box.prometheus),
     "write the counters for Prometheus each second"},
    {"control", 0, "PATH", OPTION_TEXT, 0, offsetof(struct accel_options, run.box.control),
     "the socket by which flows asks (default: by process id, in /run/weir or $TMPDIR)"},
    {"limit", 'n', "N", OPTION_COUNT, MAX_FLOWS, offsetof(struct accel_options, limit),
     "flows: show at most so many (default: 20)"},
    {"sort", 0, "KEY", OPTION_TEXT, 0, offsetof(struct accel_options, sort),
     "flows: the largest first of bytes (default), early, saved, age or idle"},
    {"every", 0, "T", OPTION_DURATION, 0, offsetof(struct accel_options, every_ns),
     "flows: again each T, until Ctrl-C"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct accel_options, run.quiet), "print nothing but errors"},
};

static int read_filter(struct accel_options *o)
{
    struct box_options *box = &o->run.box;
    box->by_host = o->host != NULL;
    box->port = (uint16_t)o->port;
    if (o->host && ip_prefix_parse(o->host, strlen(o->host), &box->host) < 0)
        return command_refuse(&accel_command, "--host: found '%.80s', allowed: an address or a prefix", o->host);
    return EXIT_MET;
}

/* EXIT_MET: no two of them are one file. */
static int check_files(const struct accel_options *o)
{
    const struct box_options *box = &o->run.box;
    const char *const files[] = {o->run.json, box->log, box->trace, box->pcap, box->prometheus};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        for (size_t k = i + 1; k < ARRAY_SIZE(files); k++)
            if (files[i] && files[k] && strcmp(files[i], files[k]) == 0)
                return command_refuse(&accel_command,
                                      "--json, --log, --trace, --pcap and --prometheus need different "
                                      "files, found '%.80s' twice",
                                      files[i]);
    return box->prometheus && strcmp(box->prometheus, "-") == 0
               ? command_refuse(&accel_command,
                                "--prometheus: found '-', allowed: a file, which is replaced each second")
               : EXIT_MET;
}

/* Options of the other half are not passed over in silence. */
static int check_run(const struct accel_options *o)
{
    const struct box_options *box = &o->run.box;
    if (o->limit || o->sort || o->every_ns)
        return command_refuse(&accel_command, "found --%s, allowed with flows only",
                              o->limit  ? "limit"
                              : o->sort ? "sort"
                                        : "every");
    if ((o->host || o->port) && !box->log && !box->trace && !box->pcap)
        return command_refuse(&accel_command, "found --%s, allowed with --log, --trace, --pcap or flows",
                              o->host ? "host" : "port");
    return check_files(o);
}

static int check_flows(const struct accel_options *o)
{
    const struct bridge_options *r = &o->run;
    const char *found = r->duration_ns      ? "duration"
                        : r->sets.count     ? "set"
                        : r->quiet          ? "quiet"
                        : r->box.log        ? "log"
                        : r->box.trace      ? "trace"
                        : r->box.pcap       ? "pcap"
                        : r->box.prometheus ? "prometheus"
                                            : NULL;
    if (found)
        return command_refuse(&accel_command, "found --%s, allowed with a configuration, not with flows", found);
    if (o->every_ns && r->json)
        return command_refuse(&accel_command, "found --every beside --json, allowed one of them");
    const char *word;
    for (unsigned i = 0; o->sort && (word = accel_flows_sort_word(i)) != NULL; i++)
        if (strcmp(word, o->sort) == 0)
            return EXIT_MET;
    return o->sort ? command_refuse(&accel_command, "--sort: found '%.40s', allowed: bytes, early, saved, age, idle",
                                    o->sort)
                   : EXIT_MET;
}

static int accel(int argc, char **argv)
{
    struct accel_options o = {.limit = 0};
    struct operands operands;
    int result = options_parse(&accel_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    const bool flows = strcmp(operands.list[0], "flows") == 0;
    result = flows ? check_flows(&o) : check_run(&o);
    if (result == EXIT_MET)
        result = read_filter(&o);
    if (result != EXIT_MET)
        return result;
    return flows ? accel_flows_run(&o) : bridge_run_file(operands.list[0], &o.run, true);
}

const struct command accel_command = {
    .name = "accel",
    .summary = "answer TCP connections at once on the way to their servers",
    .operands = "FILE|flows",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Joins two ports as weir bridge does, and answers the SYNs of clients itself while they go on to their\n"
        "servers: a client may write one round trip earlier. What it writes is kept until the server has it, sequence\n"
        "numbers are translated from then on, and everything else passes as it is. Which port is which, and how much\n"
        "is remembered, says the accelerator of the configuration in FILE. `weir accel flows` shows the connections of "
        "a\n"
        "box that runs.",
    .examples = "  weir accel examples/accel.yaml\n"
                "  weir accel examples/accel.yaml --set accelerator.server_timeout=5s --json counts.json\n"
                "  weir accel examples/accel.yaml --set accelerator.table=/run/weir.accel\n"
                "  weir accel examples/accel.yaml --set accelerator.shortcut=auto\n"
                "  weir accel examples/accel.yaml --trace - --port 443\n"
                "  weir accel flows --limit 10 --sort saved",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = accel,
};
