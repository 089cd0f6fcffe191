/* SPDX-License-Identifier: MIT */
/*
 * A hierarchical timer wheel whose nodes are the numbers 1..capacity (a connection's record index): one node each, 12
 * bytes.
 *
 * Arming is lazy: a node that already stands at or before the deadline stays where it is, and its owner, called too
 * early, arms again. So moving a deadline later and cancelling cost nothing. The owner keeps the true deadline; the
 * wheel only promises to call no later than one tick after it, never before the armed tick. Ticks are 2^shift
 * nanoseconds. Four levels of 256 slots cover 2^32 ticks; deadlines beyond are clamped to the horizon. Advancing over
 * empty time costs O(1) a slot with a bitmap to skip empty ones. One owner, no locks.
 */
#ifndef WEIR_BASE_WHEEL_H
#define WEIR_BASE_WHEEL_H

#include "base/alloc.h"
#include "base/time_ns.h"

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256

struct wheel_node {
    uint32_t next, prev; /* ring through the slot's head; next 0: not armed */
    uint32_t tick;
};

struct wheel {
    struct wheel_node *nodes; /* capacity + 1 + heads */
    uint32_t capacity;
    uint32_t armed;
    uint32_t tick; /* everything before it has been called */
    uint32_t shift;
    int64_t origin; /* time of tick 0 */
    uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
    const struct allocator *allocator;
};

/* Called for a node that fell due; it is no longer armed and may be armed again from inside. */
typedef void wheel_due_fn(void *context, uint32_t node, int64_t now);

/* ERR_NO_MEMORY, ERR_INVALID. shift in [10, 30]. */
MUST_CHECK int wheel_init(struct wheel *w, const struct allocator *a, uint32_t capacity, uint32_t shift, int64_t now);
void wheel_free(struct wheel *w);

/*
 * Sees to it that the node is called at the first tick not before deadline, or earlier where it is armed already.
 * TIME_NEVER: does nothing.
 */
void wheel_arm(struct wheel *w, uint32_t node, int64_t deadline);
/* Takes the node off. Not needed for correctness where the owner checks deadlines itself. */
void wheel_disarm(struct wheel *w, uint32_t node);
/*
 * Calls `due` for nodes whose tick has passed, at most `budget`; returns how many. What is left is called the next
 * time. Moving nodes from level to level is bounded by the budget too, so fewer calls than it do not mean that nothing
 * is left: wheel_next() says. A `now` before that of an earlier call is harmless. Not to be called from inside `due`.
 */
unsigned wheel_advance(struct wheel *w, int64_t now, unsigned budget, wheel_due_fn *due, void *context);
/*
 * A time not after the first armed node's tick (so calling then is never late); TIME_NEVER when none is armed.
 * Advancing to that time calls a node or brings some nearer, so that the loop of the two makes progress.
 */
int64_t wheel_next(const struct wheel *w);

#endif
