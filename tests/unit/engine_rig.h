/* SPDX-License-Identifier: MIT */
/*
 * A run of an engine from YAML text, for tests of engine/: in real time, with its threads. Every look at its statistics
 * checks their invariants.
 *
 * The rig owns tree, plan and engine until engine_rig_close(). The test's thread is the controller.
 */
#ifndef TESTS_UNIT_ENGINE_RIG_H
#define TESTS_UNIT_ENGINE_RIG_H

#include "engine/engine.h"

struct engine_rig {
    struct config_tree *tree;
    struct plan *plan;
    struct engine *engine;
    struct results results; /* of the last look */
    uint64_t looks;
};

/*
 * Ports `a` and `b` wired to each other, devices `clients` on a (10.1.0.1 to 10.1.0.8) and `web` on b (10.1.1.1), both
 * in 10.1.0.0/16.
 */
#define ENGINE_RIG_WIRE                                                                                                \
    "ports:\n"                                                                                                         \
    "  - {name: a, location: 'mem:wire', frames: 2048}\n"                                                              \
    "  - {name: b, location: 'mem:wire', frames: 2048}\n" ENGINE_RIG_DEVICES
#define ENGINE_RIG_DEVICES                                                                                             \
    "devices:\n"                                                                                                       \
    "  - {name: clients, port: a, ipv4: {address: 10.1.0.1/16}, count: 8}\n"                                           \
    "  - {name: web, port: b, ipv4: {address: 10.1.1.1/16}}\n"

/*
 * Makes the engine, without starting it; fails the test with the messages when that fails. In two steps where a test
 * changes the plan in between, to have what the compiler would refuse.
 */
void engine_rig_compile(struct engine_rig *r, const char *yaml);
void engine_rig_make(struct engine_rig *r);
void engine_rig_open(struct engine_rig *r, const char *yaml);
/* Between the two: nothing but ARP may leave the port, to any address of a test. */
void engine_rig_deny(struct engine_rig *r, uint32_t port);
/* For a configuration that engine_new refuses: its error, and its message. */
int engine_rig_refused(const char *yaml, char message[256]);
void engine_rig_start(struct engine_rig *r);
/* Reads the results and checks the invariants of DESIGN section 5 for every load and server. */
void engine_rig_look(struct engine_rig *r);
/* Steps and looks until the phase is reached or passed, at most so many looks. Returns the phase. */
enum engine_phase engine_rig_follow(struct engine_rig *r, enum engine_phase until, uint64_t looks);
/* Steps and looks until the run is over, then checks that nothing is connecting, live or active any more. */
void engine_rig_finish(struct engine_rig *r);
/* Start to finish. */
void engine_rig_run(struct engine_rig *r);
void engine_rig_close(struct engine_rig *r);

const struct load_stats *engine_rig_load(const struct engine_rig *r, uint32_t load);
/* Connections that were never established. */
uint64_t engine_rig_failed(const struct load_stats *s);

#endif
