/* SPDX-License-Identifier: MIT */
/*
 * A line of text for each TCP segment that a box has seen: what it was, what it became, and why. Formats only; who wants
 * it calls it from a watch (watch.h).
 *
 *     1.000000000 c>s 198.18.0.1:1000 198.18.0.2:80 ACK seq 4294967041 ack 17 win 1000 len 5 -> ack 33: passed
 *
 * time; way, from the client or the server or of the box's own making; client and server; the segment as it came; behind
 * the arrow what changed ("len" and options too); its fate, and in brackets the counters that went up.
 */
#ifndef WEIR_ACCEL_TRACE_H
#define WEIR_ACCEL_TRACE_H

#include "accel/flow.h"
#include "accel/watch.h"

#define ACCEL_OPTIONS_TEXT 200u
#define ACCEL_TRACE_LINE 900u /* room for any line */

/* A segment as it was at one moment. */
struct accel_glance {
    struct accel_key key;
    struct wire_tcp tcp;
    uint32_t payload_length;
    char options[ACCEL_OPTIONS_TEXT];
};
/* False: it is no TCP segment (a fragment, another protocol). */
bool accel_glance_at(struct packet *p, enum accel_side by, struct accel_glance *out);
/*
 * The line, with its newline; `before` is NULL for a segment that was not seen to arrive. shift_ns is added to the time.
 * Returns its length.
 */
int accel_trace_print(char to[ACCEL_TRACE_LINE], const struct accel_sight *s, const struct accel_glance *before,
                      const struct accel_glance *after, int64_t shift_ns);
/* What is other than it was: " seq 5 <mss 536>", with a blank in front; "": nothing. Returns its length. */
int accel_trace_changes(char to[ACCEL_TRACE_LINE], const struct accel_glance *was, const struct accel_glance *is);

#endif
