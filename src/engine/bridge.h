/* SPDX-License-Identifier: MIT */
/*
 * A bump in the wire: every frame that comes in at one of two ports leaves at the other as it was, after what the
 * impairments of the port it leaves by do to it. No addresses, no stack, no guard: frames are not of our own making and
 * go only where the other end of the cable would have sent them.
 *
 * With an accelerator the frames of the connections that it knows are changed on their way: accel/accel.h.
 *
 * One thread drives both directions. Ports are those of a plan; the bridge owns their links.
 */
#ifndef WEIR_ENGINE_BRIDGE_H
#define WEIR_ENGINE_BRIDGE_H

#include "accel/accel.h"
#include "engine/accel_file.h"
#include "engine/box.h"
#include "engine/shortcut.h"

#define BRIDGE_PORTS 2

struct bridge {
    const struct plan *plan;
    struct port_link links[PLAN_MAX_PORTS];
    struct accel *accel;     /* of a plan with an accelerator; else NULL */
    struct accel_file table; /* of it, where it has one */
    struct shortcut shortcut;
    char no_shortcut[256]; /* why there is none, though it was asked for; or "" */
    unsigned empty_turns;
    struct box box; /* beside the accelerator: what its operator sees */
    struct accel_bypass *bypass;
    const struct allocator *allocator;
};

/*
 * The plan is one for a bridge (plan_is_bridge) and outlives it, as do the options' texts; `b` does not move. Errors and
 * message as links_open().
 */
MUST_CHECK int bridge_open(struct bridge *b, const struct plan *p, const struct box_options *o,
                           const struct allocator *a, char message[256]);
/* Moves what is there, both ways; after a while without frames, sleeps until the next one, a deadline, or `until`. */
void bridge_turn(struct bridge *b, int64_t until);
/* What an operator was promised is written: 0, or ERR_SYSTEM with a message. Once, before bridge_close(). */
int bridge_end(struct bridge *b, char message[256]);
void bridge_close(struct bridge *b);

#endif
