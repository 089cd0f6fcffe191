/* SPDX-License-Identifier: MIT */
/*
 * A worker: one thread that owns one port: its link, guard, stack and share of the traffic. Run to completion, nothing
 * shared with other workers.
 *
 * What crosses threads, all C11 atomics: `command` and `start_at` in, `finished`, `spent`, `stopped`, `gone` and `state` out, and the request/answer
 * pair of statistics: the controller raises `stats_wanted`, the worker copies its counts into `published` between two
 * turns and sets `stats_done` to the same number. `published` belongs to the worker while they differ and to the
 * controller while they are equal.
 */
#ifndef WEIR_ENGINE_WORKER_H
#define WEIR_ENGINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/links.h"
#include "engine/readiness.h"
#include "traffic/results.h"

/*
 * Stop and exit are two steps, so that no worker hears of a peer's resets before it has counted its own connections as
 * stopped: stop ends what is left and handles no frame any more; exit, given when all have stopped, sends the resets
 * and ends the thread.
 */
enum worker_command { WORKER_RUN, WORKER_DRAIN, WORKER_STOP, WORKER_EXIT };

struct worker {
    /* set before the thread starts */
    const struct plan *plan;
    uint32_t port;
    int cpu; /* -1: not pinned */
    struct port_link link;
    struct guard guard;
    struct stack *stack;
    struct traffic *traffic;
    struct readiness *readiness; /* NULL: hosts need nothing before loads begin */
    pthread_t thread;
    bool thread_running;
    /* shared */
    CACHE_ALIGNED atomic_uint command; /* enum worker_command */
    atomic_uint stats_wanted;
    atomic_uint stats_done;
    atomic_bool finished;     /* in a drain: nothing is left here; a server may get a late connection once more */
    atomic_bool spent;        /* its loads have ended by their count: see traffic_is_spent() */
    atomic_bool stopped;      /* has obeyed WORKER_STOP */
    atomic_bool gone;         /* its thread ends now */
    _Atomic int64_t start_at; /* when loads begin; 0: not known yet, some hosts of the plan are not ready */
    atomic_uint state;        /* enum readiness_state */
    char failure[256];        /* why: the worker's until it says READINESS_FAILED, then the controller's */
    struct traffic_stats *published;
    struct results_port published_port;
    /* the worker's own */
    CACHE_ALIGNED enum worker_command obeyed;
    bool begun;               /* loads know when they begin */
    int64_t busy_ns, idle_ns; /* turns that did something, and sleeping or empty ones */
    uint64_t turns;
};

/*
 * Makes guard, stack, hosts and traffic over an open link. message (256 bytes) on failure; worker_free() then frees
 * what there is.
 */
MUST_CHECK int worker_init(struct worker *w, const struct plan *p, uint32_t port, struct port_link link,
                           atomic_bool *emergency_stop, const struct trace *trace, const struct allocator *a,
                           int64_t now, char message[256]);
MUST_CHECK int worker_start(struct worker *w);
/* Waits for the end of a thread that got WORKER_EXIT. */
void worker_join(struct worker *w);
/* Not the link: that is closed by links_close() afterwards. */
void worker_free(struct worker *w);

#endif
