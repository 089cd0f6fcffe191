/* SPDX-License-Identifier: MIT */
/*
 * What somebody who looks on is told of each frame: that it came, and what became of it. Without a watch the box pays one
 * predictable branch a frame. Whoever watches changes nothing, keeps no packet, and does no I/O here.
 *
 * Of each frame that comes in: arrives(), before anything is done to it; then settles(), as it leaves, or when it is
 * clear that it does not. Between the two, settles() of segments that the box sends itself on its account. A packet that
 * is held at a far box settles twice.
 */
#ifndef WEIR_ACCEL_WATCH_H
#define WEIR_ACCEL_WATCH_H

#include "accel/accel.h"

enum accel_fate {
    ACCEL_FATE_PASSED,   /* leaves by the other side, perhaps changed */
    ACCEL_FATE_TAKEN,    /* the box answers for it: early data, what it acknowledges */
    ACCEL_FATE_HELD,     /* waits for the server's answer */
    ACCEL_FATE_RELEASED, /* was held, and leaves by the other side */
    ACCEL_FATE_DROPPED,
    ACCEL_FATE_OWN, /* of the box's making */
    ACCEL_FATES,
};
const char *accel_fate_name(enum accel_fate fate);

/* Room for the counters that went up on account of one frame. */
#define ACCEL_WHY_TEXT 160u

struct accel_sight {
    enum accel_fate fate;
    enum accel_side to;    /* where it goes, or would have gone */
    struct packet *packet; /* as it leaves; bytes of one that goes nowhere may be changed in part */
    const char *why;       /* names of accel_counters: "flows_opened syn_answered"; "": none */
    int64_t now;
};

struct accel_watch {
    void (*arrives)(void *context, enum accel_side by, struct packet *p, int64_t now);
    void (*settles)(void *context, const struct accel_sight *sight);
    void *context;
    struct accel_counters before; /* the box's own: what was counted before this frame */
};

#endif
