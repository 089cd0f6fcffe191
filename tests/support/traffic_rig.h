/* SPDX-License-Identifier: MIT */
/*
 * Two ends of a plan on one thread in virtual time: a stack, a link end and a traffic for each of its two mem:
 * ports. For tests of traffic/.
 *
 * The rig owns everything it makes; rig_close() checks that nothing is left in pools and counts.
 */
#ifndef TESTS_SUPPORT_TRAFFIC_RIG_H
#define TESTS_SUPPORT_TRAFFIC_RIG_H

#include "traffic/results.h"

/* calloc and free. */
extern const struct allocator rig_allocator;

/* Parses and compiles; fails the test with the messages when that fails. */
struct plan *rig_compile(const char *yaml, struct config_tree **tree);

#define RIG_SIDES 2

struct rig {
    struct config_tree *tree;
    struct plan *plan;
    struct link *links[RIG_SIDES];
    struct guard guards[RIG_SIDES];
    struct stack *stacks[RIG_SIDES];
    struct traffic *traffics[RIG_SIDES]; /* NULL on a side that the test drives itself */
    int64_t start, now;
    bool check_each_turn; /* invariants, after every turn */
    uint64_t turns;
};

/* bare_side: its hosts are there, but no traffic; RIG_SIDES: both have one. */
void rig_open(struct rig *r, const char *yaml, unsigned bare_side);
/* One turn of both sides, then time goes on to the next deadline, at least step and at most until. */
void rig_turn(struct rig *r, int64_t until);
/* Turns until the time is reached. */
void rig_run_until(struct rig *r, int64_t until);
/* Loads begin now. */
void rig_start(struct rig *r);
/* Starts, runs for the plan's duration, drains, stops at the end of the drain if need be. */
void rig_run_plan(struct rig *r);
/* Drains; true when both sides finished within the plan's drain time. */
bool rig_drain(struct rig *r);
/* Merged copies of all counts; free with traffic_stats_delete. */
struct traffic_stats *rig_stats(const struct rig *r);
/* Lets TIME_WAIT pass, checks that all pools are empty, and frees everything. */
void rig_close(struct rig *r);

#endif
