/* SPDX-License-Identifier: MIT */
/*
 * What the tests of THREATS rows TC share: the scripted peer attacks one connection (or a listener) of a layer, while a healthy neighbour on the same layer
 * exchanges bytes with a peer of its own, every one of which is verified. hostile_end() checks that nothing was left in any pool and that the
 * neighbour still lives, and adds to the number of cases that the test prints.
 */
#ifndef WEIR_TESTS_CONFORMANCE_HOSTILE_RIG_H
#define WEIR_TESTS_CONFORMANCE_HOSTILE_RIG_H

#include "support/cmocka_all.h"

#include "tcp_script.h"

#define HEALTHY_ADDRESS 7
#define HEALTHY_PORT 8080

/* The neighbour: our side of its connection is user 1 of the layer. */
struct healthy {
    struct tcp_layer *layer;
    struct tcp_ref ref;
    struct seq our_isn;
    uint64_t received; /* by us */
    uint32_t rounds;
    bool closed;
};

struct hostile {
    struct script s;
    struct healthy healthy;
    struct tcp_counters before;
};

/* script_begin with these settings (NULL: script_settings) and the neighbour, connected. */
void hostile_begin(struct hostile *h, const struct tcp_profile *p, const struct tcp_settings *settings);
void hostile_end(struct hostile *h);
/* One round: 100 bytes each way, in order, acknowledged. Whatever the layer sends to the attacker meanwhile is lost: script_drain before. */
void hostile_exchange(struct hostile *h);

/* Counters from here on. */
void hostile_note(struct hostile *h);
#define HOSTILE_COUNTER(name) offsetof(struct tcp_counters, name)
uint64_t hostile_risen(const struct hostile *h, size_t counter);
/* By how much all counters named drop_* and syncookies_failed rose together. */
uint64_t hostile_drops(const struct hostile *h);
/* Exactly this drop, n times, and no other. */
void hostile_expect_drops(const struct hostile *h, size_t counter, uint64_t n);

/* Counts a case; print them at the end of a test. */
void hostile_print(const char *id, uint64_t cases);

#endif
