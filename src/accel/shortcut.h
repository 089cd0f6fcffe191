/* SPDX-License-Identifier: MIT */
/*
 * Established flows that somebody else translates on the box's behalf, nearer to the wire: the program on the kernel's
 * XDP hook (engine/shortcut.h). The box publishes a flow there, and has back what was seen of it. It knows three
 * functions and no kernel, and is complete without them: whatever the shortcut does not take comes to the box.
 *
 * A flow is fit for it while nothing is left of it but arithmetic: ACCEL_OPEN, no opening, no FIN seen, and both ends
 * were told the same options, so that sequence numbers, acknowledgements, SACK blocks and timestamps change by constants.
 * One that is fit is published when its opening ends or the box has had to handle a segment of it, at the end of the turn.
 * What waits for the box then, or comes to it later on, must not be overtaken: the shortcut begins, each way by itself,
 * with the first segment that continues what the box has handled and sent on, which it is told at the end of each turn.
 * A flow is taken back before a SYN, FIN or RST of it is judged, and when it ends.
 *
 * Invariants:
 *   1. a flow that is published is fit (accel_check)
 *   2. what translates a segment is constant while the flow is published, and the same at both places: either may have it
 *   3. ends only grow, and the flow's are the larger ones of both places: accel_shortcut_sync() makes them so. A segment that
 *      is under way there when the flow is taken back is translated and sent on, and may be missing in what comes back: a RST
 *      behind it is then doubted (pass.c), which its receiver judges anyway
 */
#ifndef WEIR_ACCEL_SHORTCUT_H
#define WEIR_ACCEL_SHORTCUT_H

#include "accel/flow.h"

#define ACCEL_SHORTCUT_TURN 128u /* flows of which there was a segment in this turn */

/* What was seen of a flow, by the side that it came in by. An extent is the numbers from the ISN on, beyond 2^32. */
struct accel_shortcut_numbers {
    uint64_t extent[2], segments[2], bytes[2];
    int64_t seen_at; /* the last segment; 0: none */
};

struct accel_shortcut_flow {
    struct accel_shift shift;
    struct seq isn[2];  /* by the side that it is sent by, in the sender's numbers */
    uint16_t most[2];   /* bytes of TCP options and payload that may come in by a side: the receiver's MSS */
    uint64_t extent[2]; /* so far, handled and sent on */
};

/* Of all flows, also those that were taken back. */
struct accel_shortcut_totals {
    uint64_t segments[2], bytes[2];
};

struct accel_shortcut {
    /* False: it stays with the box, for good. *number is for handled(). */
    bool (*publish)(void *context, const struct accel_key *key, const struct accel_shortcut_flow *flow,
                    uint32_t *number);
    /* The box had segments of it, and they have left: its extents now. */
    void (*handled)(void *context, uint32_t number, const uint64_t extent[2]);
    /* False: it is not there, *out is untouched. */
    bool (*look)(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out);
    bool (*take_back)(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out);
    void (*count)(void *context, struct accel_shortcut_totals *out);
    void *context;
};

/* accel_flow.shortcut */
enum accel_shortcut_state {
    ACCEL_SHORTCUT_NONE,
    ACCEL_SHORTCUT_WAITS, /* until the end of a turn */
    ACCEL_SHORTCUT_REFUSED,
    ACCEL_SHORTCUT_PUBLISHED, /* and from here on */
    ACCEL_SHORTCUT_HANDLED,   /* in this turn there was a segment of it */
};

#endif
