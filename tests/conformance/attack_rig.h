/* SPDX-License-Identifier: MIT */
/*
 * What the tests of THREATS rows TC share: the scripted peer attacks one connection (or a listener) of a layer, while a
 * healthy neighbour on the same layer exchanges bytes with a peer of its own, every one of which is verified.
 * attack_end() checks that nothing was left in any pool and that the neighbour still lives, and that no segment
 * measured cost more than ATTACK_MAX_STEPS instructions (support/steps.c): of some layers those whose number is a power
 * of two, and those that a test asks for by s.end.measure_next.
 */
#ifndef WEIR_TESTS_CONFORMANCE_ATTACK_RIG_H
#define WEIR_TESTS_CONFORMANCE_ATTACK_RIG_H

#include "support/cmocka_all.h"

#include "tcp_script.h"

#define HEALTHY_ADDRESS 7
#define HEALTHY_PORT 8080
#define ATTACK_MAX_STEPS 20000u

/* The neighbour: our side of its connection is user 1 of the layer. */
struct healthy {
    struct tcp_layer *layer;
    struct tcp_ref ref;
    struct seq our_isn;
    uint64_t received; /* by us */
    uint32_t rounds;
    bool closed;
};

struct attack {
    struct script s;
    struct healthy healthy;
    struct tcp_counters before;
};

/* script_begin with these settings (NULL: script_settings) and the neighbour, connected. */
void attack_begin(struct attack *h, const struct tcp_profile *p, const struct tcp_settings *settings);
void attack_end(struct attack *h);
/*
 * One round: 100 bytes each way, in order, acknowledged. Whatever the layer sends to the attacker meanwhile is lost:
 * script_drain before.
 */
void attack_exchange(struct attack *h);

/* Counters from here on. */
void attack_note(struct attack *h);
#define ATTACK_COUNTER(name) offsetof(struct tcp_counters, name)
uint64_t attack_risen(const struct attack *h, size_t counter);
/* By how much all counters named drop_* and syncookies_failed rose together. */
uint64_t attack_drops(const struct attack *h);
/* Exactly this drop, n times, and no other. */
void attack_expect_drops(const struct attack *h, size_t counter, uint64_t n);

/* At the end of a test: how many cases there were, and the most instructions that one of their segments took. */
void attack_print(const char *id, uint64_t cases);

#endif
