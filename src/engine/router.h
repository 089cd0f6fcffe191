/* SPDX-License-Identifier: MIT */
/*
 * A router between the ports of a plan: one stack with all of them, whose VRFs forward. One thread; turns as bridge.h.
 *
 * Owns links, guards and the stack; the plan is borrowed.
 */
#ifndef WEIR_ENGINE_ROUTER_H
#define WEIR_ENGINE_ROUTER_H

#include "engine/links.h"
#include "engine/router_filter.h"
#include "stack/forward.h"

struct router_run {
    const struct plan *plan;
    struct port_link links[PLAN_MAX_PORTS];
    struct guard guards[PLAN_MAX_PORTS];
    struct stack *stack;
    struct router_filter filters[PLAN_MAX_VRFS]; /* of the plan's VRFs */
    uint32_t *locals;                            /* of the plan's addresses */
    unsigned empty_turns;
    const struct allocator *allocator;
};

/* As links_open; message says which address or route cannot be. */
MUST_CHECK int router_open(struct router_run *r, const struct plan *p, const struct allocator *a, char message[256]);
void router_close(struct router_run *r);
/* One turn; sleeps, at most until then, when nothing came for a while. */
void router_turn(struct router_run *r, int64_t until);

#endif
