/* SPDX-License-Identifier: MIT */
/*
 * Carries out a plan: opens its ports, runs a worker for each, leads them from start through drain to stop, and
 * collects their statistics.
 *
 * The controller is whoever calls: engine_step() every 10 to 100 ms from one thread. Only engine_request_drain() and
 * engine_request_stop() may be called from elsewhere, also from a signal handler.
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "traffic/results.h"

struct engine;

struct engine_options {
    bool pin;                  /* workers to processors, one each, when there are enough; default true */
    const struct trace *trace; /* or NULL */
};
void engine_options_default(struct engine_options *o);

enum engine_phase { ENGINE_PREPARING, ENGINE_RUNNING, ENGINE_DRAINING, ENGINE_DONE };

/* The plan outlives the engine. Errors as links_open() and worker_init(); message (256 bytes) says what happened. */
MUST_CHECK int engine_new(const struct plan *p, const struct engine_options *o, struct engine **out, char message[256]);
/*
 * Starts the workers; loads begin a moment later, or when all hosts have their addresses (ENGINE_PREPARING). ERR_SYSTEM
 * (no thread).
 */
MUST_CHECK int engine_start(struct engine *e);
/* Looks at the clock and the workers and moves the run along. After ENGINE_DONE all threads have ended. */
enum engine_phase engine_step(struct engine *e);
/* Why the run is over before loads began: a device whose hosts did not get their addresses. NULL: it is not. */
const char *engine_failure(const struct engine *e);
void engine_request_drain(struct engine *e);
/* Emergency stop: every guard closes at once; what is left counts as stopped. */
void engine_request_stop(struct engine *e);
/*
 * Fills *out with a merged copy of all statistics, of now or, after ENGINE_DONE, of the end. Valid until the next call
 * or engine_delete().
 */
void engine_read_results(struct engine *e, struct results *out);
/* Share of time the worker of a port was busy, in parts per million. After ENGINE_DONE. */
uint32_t engine_busy_ppm(const struct engine *e, uint32_t port);
/* From start, ns. */
int64_t engine_elapsed(const struct engine *e);
/* Stops the workers if they still run. */
void engine_delete(struct engine *e);

#endif
