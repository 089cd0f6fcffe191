/* SPDX-License-Identifier: MIT */
/*
 * Whole frames for users below IP: those who watch an interface see each frame that comes or leaves, and may send
 * frames of their own. The API is in stack.h.
 *
 * A few slots an interface, owned by the stack; contexts are their users'. Without watchers a burst costs one test.
 */
#ifndef WEIR_STACK_FRAME_H
#define WEIR_STACK_FRAME_H

#include "stack/stack.h"

#define FRAME_MAX_WATCHERS 8u

struct frame_watcher {
    frame_seen_fn *seen; /* NULL: free */
    void *context;
};

struct frame_watchers {
    unsigned count;
    struct frame_watcher slots[FRAME_MAX_WATCHERS];
};

struct interface;
/* Shows a burst to those who watch. They may send, but not release. */
void frame_show(struct stack *s, const struct interface *itf, struct packet *const *packets, unsigned n, bool sent);

#endif
