/* SPDX-License-Identifier: MIT */
/*
 * What `weir ping` has counted, as text in ping's words and as JSON.
 */
#ifndef WEIR_CLI_PING_REPORT_H
#define WEIR_CLI_PING_REPORT_H

#include "base/histogram.h"
#include "cli/output.h"

/* Why a request got no reply, as far as somebody said so; names as in the JSON. */
#define PING_ERROR_LIST(X)                                                                                             \
    X(UNREACHABLE, unreachable) /* no such host, network or way there; nobody answers to ARP */                        \
    X(REFUSED, refused)         /* no such protocol or port */                                                         \
    X(TOO_BIG, too_big)         /* and it may not be fragmented */                                                     \
    X(TIME_EXCEEDED, time_exceeded)                                                                                    \
    X(OTHER, other)                                                                                                    \
    X(NOT_SENT, not_sent) /* no room on the link, or too many wait for the neighbour */
enum ping_error {
#define PING_ERROR_ENUM(name, text) PING_ERROR_##name,
    PING_ERROR_LIST(PING_ERROR_ENUM) PING_ERRORS
#undef PING_ERROR_ENUM
};

struct ping_totals {
    const char *location, *source, *destination;
    uint32_t bytes;
    uint64_t sent, answered, duplicates, corrupted;
    uint64_t errors[PING_ERRORS];
    int64_t duration_ns;
    double rtt_squares; /* sum, of nanoseconds */
    struct histogram rtt;
};

void ping_totals_add_rtt(struct ping_totals *t, int64_t rtt_ns);
/* The statistics as ping prints them, and percentiles. */
void ping_report_print(const struct ping_totals *t);
/* EXIT_MET, or EXIT_REFUSED after a message. */
MUST_CHECK int ping_report_json(const struct ping_totals *t, struct output *to);

#endif
