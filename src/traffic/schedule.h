/* SPDX-License-Identifier: MIT */
/*
 * When a load launches what: a list of phases (ramps and holds) of one target, in integers only.
 *
 * The k-th launch of a phase (k from 0) is due when the area under the rate since the phase began reaches k,
 * rounded down to a nanosecond. A phase of area A therefore holds exactly ceil(A) launches, the first of them at
 * its start, and nothing drifts: every due time follows from k, not from the one before. Workers share a schedule
 * without talking: share i of n takes the launches whose number in their phase is i modulo n.
 *
 * Rates are in thousandths of a launch a second, or in whole bits a second; a level (concurrent) is a number of
 * connections. Times are relative to the start of the schedule. Pure: no memory, no clock.
 */
#ifndef WEIR_TRAFFIC_SCHEDULE_H
#define WEIR_TRAFFIC_SCHEDULE_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/time_ns.h"

enum schedule_target {
    SCHEDULE_CONNECTIONS,  /* new connections a second, in thousandths */
    SCHEDULE_TRANSACTIONS, /* transactions a second, in thousandths */
    SCHEDULE_CONCURRENT,   /* connections open at once */
    SCHEDULE_BITS,         /* application bits a second, both directions */
    SCHEDULE_TARGET_COUNT
};

/* "connections_per_second", … as in the configuration and the results. */
const char *schedule_target_name(enum schedule_target target);
/* What is counted: "connections", "transactions", "connections", "bits". */
const char *schedule_target_unit(enum schedule_target target);

#define SCHEDULE_MAX_PHASES 32
/* So that all products fit 128 bits. */
#define SCHEDULE_MAX_RATE UINT64_C(400000000000)
#define SCHEDULE_MAX_RAMP_NS (4 * 3600 * NS_PER_S)
#define SCHEDULE_MAX_HOLD_NS (366 * 24 * 3600 * NS_PER_S)

struct schedule_phase {
    uint64_t from, to; /* rate or level at its beginning and end; equal: a hold */
    int64_t duration_ns;
    /* Set by schedule_compile. */
    int64_t start_ns;
    uint64_t count; /* rates: launches (or bits) of the phase */
    /* The phase as it was written: schedule_cut leaves these, so that what is left of a ramp keeps its slope. */
    uint64_t written_to;
    int64_t written_ns;
};

struct schedule {
    enum schedule_target target;
    uint32_t n_phases;
    struct schedule_phase phases[SCHEDULE_MAX_PHASES];
    /* Set by schedule_compile and schedule_cut. */
    int64_t duration_ns;
    uint64_t count; /* of all phases */
    uint64_t peak;  /* the highest rate or level */
};

/*
 * Fills in what follows from the phases. ERR_INVALID: no phase, too many, or a rate or duration beyond the limits
 * above or not above 0.
 */
MUST_CHECK int schedule_compile(struct schedule *s);
/*
 * Ends a compiled schedule at `at` > 0: what was due before is due as it was, later phases are gone, and the last
 * one goes to the level it had reached. Nothing happens when it ends before.
 */
void schedule_cut(struct schedule *s, int64_t at);
/* The rate or level at a time; 0 before the start and after the end. */
uint64_t schedule_level(const struct schedule *s, int64_t at);
/* The number of the phase in which `at` lies; n_phases after the end. */
uint32_t schedule_phase_at(const struct schedule *s, int64_t at);
/* Due time, relative to its phase, of launch k < count of a phase. Not for SCHEDULE_CONCURRENT. */
int64_t schedule_due_in_phase(const struct schedule *s, uint32_t phase, uint64_t k);
/* Launches (or bits) due in [0, at). Not for SCHEDULE_CONCURRENT. */
uint64_t schedule_due_until(const struct schedule *s, int64_t at);

/* Walks the launches of one share in order of time. For SCHEDULE_CONNECTIONS and SCHEDULE_TRANSACTIONS. */
struct schedule_cursor {
    const struct schedule *schedule;
    uint32_t share, shares;
    uint32_t phase; /* of the next launch; n_phases: none is left */
    uint64_t k;     /* its number in the phase */
    int64_t due;    /* its due time relative to the schedule's start; TIME_NEVER at the end */
    /* In a hold the next due time is found by addition: k * 10^12 = quotient * rate + remainder. */
    uint64_t quotient, remainder, quotient_step, remainder_step;
};

/* share < shares. The schedule must outlive the cursor. */
void schedule_cursor_init(struct schedule_cursor *c, const struct schedule *s, uint32_t share, uint32_t shares);
void schedule_cursor_next(struct schedule_cursor *c);

#endif
