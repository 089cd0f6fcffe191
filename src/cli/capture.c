/* SPDX-License-Identifier: MIT */
/*
 * `weir capture`: frames of a location into a file, or as text. It ends at its count or duration, at the end of a file,
 * or at Ctrl-C; the file then is whole and tells in its statistics what was dropped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/capture_output.h"
#include "cli/capture_source.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/json.h"
#include "engine/clock.h"
#include "wire/frame_text.h"

#define JSON_INDENT 2u
#define WAIT_MS 100
#define LINE_BYTES 2048
#define MAX_COUNT 999999999u

struct capture_options {
    const char *write, *filter, *format, *comment, *json;
    int64_t duration_ns, file_ns;
    uint64_t file_bytes;
    uint32_t count, snap_length, files;
    bool ethernet, no_promiscuous, quiet;
};

static const struct option_row options[] = {
    {"write", 'w', "FILE", OPTION_TEXT, 0, offsetof(struct capture_options, write),
     "write frames to FILE (- is standard output) instead of showing them"},
    {"format", 0, "FORMAT", OPTION_TEXT, 0, offsetof(struct capture_options, format),
     "pcapng or pcap; otherwise by FILE's ending .pcap, else pcapng"},
    {"filter", 'f', "FILTER", OPTION_TEXT, 0, offsetof(struct capture_options, filter),
     "only frames that match: \"tcp port 80\" (see pcap-filter(7))"},
    {"count", 'c', "N", OPTION_COUNT, MAX_COUNT, offsetof(struct capture_options, count), "end after N frames"},
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct capture_options, duration_ns),
     "end after this time: 10s, 2m"},
    {"snaplen", 's', "BYTES", OPTION_COUNT, PCAP_RECORD_MAX, offsetof(struct capture_options, snap_length),
     "keep so much of each frame (default: all)"},
    {"file-size", 0, "SIZE", OPTION_SIZE, 0, offsetof(struct capture_options, file_bytes),
     "number the files, none longer than this: 100MB, 1GiB"},
    {"file-time", 0, "T", OPTION_DURATION, 0, offsetof(struct capture_options, file_ns),
     "number the files, none with frames of a longer time: 1m, 1h"},
    {"files", 0, "N", OPTION_COUNT, MAX_COUNT, offsetof(struct capture_options, files),
     "keep the last N of the numbered files (a ring)"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct capture_options, json), "write the counts as JSON at the end"},
    {"ethernet", 'e', NULL, OPTION_FLAG, 0, offsetof(struct capture_options, ethernet),
     "show the Ethernet header of each frame too"},
    {"no-promiscuous", 'p', NULL, OPTION_FLAG, 0, offsetof(struct capture_options, no_promiscuous),
     "leave the interface's promiscuous mode as it is"},
    {"comment", 0, "TEXT", OPTION_TEXT, 0, offsetof(struct capture_options, comment), "put TEXT into a pcapng file"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct capture_options, quiet), "do not tell of begin and end"},
};

struct capture {
    struct capture_options options;
    const char *location;
    struct filter *filter;
    struct capture_source *source;
    struct capture_output *output; /* NULL: frames are shown */
    struct output json;
    uint64_t taken;
    int64_t started_ns; /* of the wall clock */
    int result;
};

/* ---- frames ---- */

static void show(const struct capture *c, const struct pcap_record *r)
{
    static const char *const arrows[] = {" ", "<", ">"};
    char line[LINE_BYTES], clock[16] = "";
    time_t seconds = (time_t)(r->time_ns / NS_PER_S);
    struct tm tm;
    if (localtime_r(&seconds, &tm))
        strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    wire_frame_print(line, sizeof line, r->bytes, r->captured, c->options.ethernet);
    printf("%s.%09" PRId64 " %s %s\n", clock, r->time_ns % NS_PER_S, arrows[r->direction], line);
}

/* False when nothing more can be written. */
static bool take(struct capture *c, const struct pcap_record *r)
{
    c->taken++;
    if (c->output)
        return capture_output_put(c->output, r) == 0;
    show(c, r);
    return !ferror(stdout);
}

static bool flush(const struct capture *c)
{
    return c->output ? capture_output_flush(c->output) == 0 : fflush(stdout) == 0;
}

static bool is_enough(const struct capture *c) { return c->options.count > 0 && c->taken >= c->options.count; }

/* True to go on. */
static bool turn(struct capture *c, int wait_ms)
{
    struct pcap_record records[CAPTURE_BURST];
    int n = capture_source_read(c->source, records, &c->result);
    for (int i = 0; i < n && !is_enough(c); i++)
        if (!take(c, &records[i]))
            return false;
    if (n < 0 || is_enough(c) || (n == 0 && !flush(c)))
        return false;
    if (n == 0)
        capture_source_wait(c->source, wait_ms);
    return true;
}

static void follow(struct capture *c)
{
    int64_t end = c->options.duration_ns > 0 ? clock_now() + c->options.duration_ns : TIME_NEVER;
    int64_t now;
    while (interrupt_count() == 0 && (now = clock_now()) < end)
        if (!turn(c, (int)min_i64(WAIT_MS, (end - now) / NS_PER_MS + 1)))
            return;
}

/* ---- begin and end ---- */

static int64_t wall_clock(void) { return clock_now() + clock_epoch(); }

static struct pcap_statistics statistics(const struct capture *c, const struct capture_counts *counts)
{
    return (struct pcap_statistics){.start_ns = c->started_ns,
                                    .end_ns = wall_clock(),
                                    .received = UINT64_MAX,
                                    .dropped = UINT64_MAX,
                                    .accepted = counts->received,
                                    .os_dropped = counts->dropped,
                                    .delivered = c->taken};
}

static int write_json(const struct capture *c, const struct capture_counts *counts, uint32_t files, struct output *to)
{
    struct json_writer w;
    output_begin(to);
    json_writer_init(&w, output_sink, to, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_string(&w, "location", c->location);
    json_member_string(&w, "filter", c->options.filter);
    json_member_u64(&w, "captured", c->taken);
    json_member_u64(&w, "received", counts->received);
    json_member_u64(&w, "dropped", counts->dropped);
    json_member_u64(&w, "files", files);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        to->failed = true;
    return output_finish(to);
}

static int conclude(struct capture *c)
{
    struct capture_counts counts = capture_source_counts(c->source);
    struct pcap_statistics s = statistics(c, &counts);
    uint32_t files = c->output ? capture_output_files(c->output) : 0;
    int result = c->output ? capture_output_close(c->output, &s) : flush_standard_output();
    c->output = NULL;
    if (c->json.file && write_json(c, &counts, files, &c->json) != EXIT_MET)
        result = EXIT_REFUSED;
    if (!c->options.quiet)
        fprintf(stderr, "%s frames captured, %s received, %s dropped\n", format_count(c->taken).s,
                format_count(counts.received).s, format_count(counts.dropped).s);
    return c->result != EXIT_MET ? c->result : result;
}

static void announce(const struct capture *c)
{
    if (c->options.quiet)
        return;
    fprintf(stderr, "capturing on %s", c->location);
    if (c->options.filter)
        fprintf(stderr, ", filter \"%s\"", c->options.filter);
    if (c->options.write)
        fprintf(stderr, ", to %s", strcmp(c->options.write, "-") == 0 ? "standard output" : c->options.write);
    fputs("; Ctrl-C ends it\n", stderr);
}

static int open_file(struct capture *c)
{
    const struct capture_options *o = &c->options;
    struct capture_output_settings s = {.path = o->write,
                                        .format = o->format,
                                        .location = c->location,
                                        .filter = o->filter,
                                        .comment = o->comment,
                                        .snap_length = o->snap_length,
                                        .file_bytes = o->file_bytes,
                                        .file_ns = o->file_ns,
                                        .files = o->files};
    return o->write ? capture_output_open(&s, &c->output) : EXIT_MET;
}

/* What makes sense only together. */
static int check_options(const struct capture_options *o)
{
    const struct {
        const char *name;
        bool given;
    } of_files[] = {{"format", o->format != NULL},
                    {"comment", o->comment != NULL},
                    {"file-size", o->file_bytes > 0},
                    {"file-time", o->file_ns > 0},
                    {"files", o->files > 0}};
    for (size_t i = 0; i < ARRAY_SIZE(of_files) && !o->write; i++)
        if (of_files[i].given)
            return command_refuse(&capture_command, "--%s is given without --write FILE", of_files[i].name);
    if (o->json && strcmp(o->json, "-") == 0 && (!o->write || strcmp(o->write, "-") == 0))
        return command_refuse(&capture_command,
                              "--json -: standard output has the frames; allowed a file, or --write FILE");
    return EXIT_MET;
}

static int prepare(struct capture *c)
{
    struct capture_options *o = &c->options;
    char message[256];
    if (o->snap_length == 0)
        o->snap_length = PCAP_RECORD_MAX;
    int result = check_options(o);
    if (result != EXIT_MET)
        return result;
    int error = filter_new(o->filter ? o->filter : "", o->snap_length, &c->filter, message);
    if (error < 0) {
        complain("capture: %s", message);
        return exit_code_of(error);
    }
    result = capture_source_open(c->location, c->filter, o->snap_length, !o->no_promiscuous, &c->source);
    if (result == EXIT_MET)
        result = output_open(&c->json, o->json);
    return result == EXIT_MET ? open_file(c) : result;
}

static int capture(int argc, char **argv)
{
    struct capture c = {.result = EXIT_MET};
    struct operands operands;
    int result = options_parse(&capture_command, argc, argv, &c.options, &operands);
    if (result != OPTIONS_READY)
        return result;
    c.location = operands.list[0];
    result = prepare(&c);
    if (result == EXIT_MET) {
        interrupt_install(-1);
        c.started_ns = wall_clock();
        announce(&c);
        follow(&c);
        result = conclude(&c);
    }
    (void)!capture_output_close(c.output, NULL);
    output_abandon(&c.json);
    capture_source_close(c.source);
    filter_delete(c.filter);
    return result;
}

const struct command capture_command = {
    .name = "capture",
    .summary = "capture frames into a file, or show them",
    .operands = "LOCATION",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Captures what passes LOCATION, both ways: packet:IFNAME an interface of the kernel, pcap:FILE the frames of\n"
        "a capture file. Without --write each frame is shown as one line: time, < received or > sent, and its "
        "headers.\n"
        "Frames of senders on this machine appear as they made them: with checksums not yet filled in, and up to 64 "
        "KB\n"
        "long where offloads are on. At the end it says how many frames were captured, and how many were dropped\n"
        "because they came too fast.",
    .examples = "  weir capture packet:eth0 -f \"tcp port 80\" -c 100 -w web.pcapng\n"
                "  weir capture packet:eth0 -f icmp\n"
                "  weir capture pcap:all.pcapng -f \"host 10.0.0.1\" -w some.pcap\n"
                "  weir capture packet:eth0 -w ring.pcapng --file-size 100MB --files 10\n"
                "  weir capture packet:eth0 -w - | tshark -r -",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = capture,
};
