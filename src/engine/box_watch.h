/* SPDX-License-Identifier: MIT */
/*
 * What a box writes of what it sees (accel/watch.h): a log with a line for each packet that comes in or leaves, a trace
 * with a line for each TCP segment, a pcapng file. None of them makes the data path wait; what found no room in memory
 * is counted.
 *
 *     1795334400.000000000 inside < 74 02:00:... IPv4 ...     the log: time, port, < in or > out, bytes, headers
 */
#ifndef WEIR_ENGINE_BOX_WATCH_H
#define WEIR_ENGINE_BOX_WATCH_H

#include "accel/trace.h"
#include "engine/box_lines.h"
#include "engine/box_pcap.h"

#define BOX_HELD_LINES 8192u

struct box_watch_settings {
    const char *log, *trace, *pcap; /* files, or NULL; "-": standard output */
    const char *names[2];           /* of the ports, by side */
    /* Only TCP connections with this address at either end, and with this port: all when they are not given. */
    bool by_host;
    struct ip_prefix host;
    uint16_t port; /* 0: any */
    int64_t epoch_ns;
};

struct box_watch {
    struct box_watch_settings settings;
    struct accel_watch hook; /* for the box */
    struct box_lines log, trace;
    struct box_pcap pcap;
    struct accel_glance before; /* the frame that came in and is not settled */
    bool is_segment, is_shown;  /* of that */
    bool is_open;               /* there is such a frame */
    uint32_t held;              /* of the trace: lines that go behind that of the frame */
    char lines[BOX_HELD_LINES];
};

/* Whether there is anything to write. */
bool box_watch_wanted(const struct box_watch_settings *s);
/* It does not move until it is closed. Errors and message as spool_open(). */
MUST_CHECK int box_watch_open(struct box_watch *w, const struct box_watch_settings *s, const struct allocator *a,
                              char message[256]);
/* At the end of a turn. */
void box_watch_turn(struct box_watch *w);
struct box_watch_lost {
    uint64_t log, trace, pcap;
};
struct box_watch_lost box_watch_lost(const struct box_watch *w);
/* All of it is in the files: 0; else ERR_SYSTEM, and message says which is not. */
int box_watch_close(struct box_watch *w, char message[256]);

#endif
