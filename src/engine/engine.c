/* SPDX-License-Identifier: MIT */
/*
 * The controller of a run: see engine.h.
 */
#include "engine/engine.h"

#include <stdio.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/worker.h"

#define START_DELAY_NS (2 * NS_PER_MS)
#define PPM INT64_C(1000000)
#define WORKER_POLL_NS (50 * NS_PER_US)

struct engine {
    const struct plan *plan;
    struct engine_options options;
    enum engine_phase phase;
    int64_t prepared_from, started_at, drain_at, ended_at; /* 0 until then */
    const char *failure;                                   /* a worker's */
    bool interrupted;
    atomic_bool drain_requested;
    atomic_bool emergency_stop; /* all guards look at it */
    struct port_link links[PLAN_MAX_PORTS];
    struct worker *workers; /* plan->n_ports */
    struct traffic_stats *merged;
};

void engine_options_default(struct engine_options *o) { *o = (struct engine_options){.pin = true}; }

static int make_workers(struct engine *e, char message[256])
{
    const struct plan *p = e->plan;
    int error = links_open(p, alloc_heap(), e->links, message);
    if (error < 0)
        return error;
    int64_t now = clock_now();
    bool pin = e->options.pin && (int)p->n_ports <= cpu_count();
    for (uint32_t i = 0; i < p->n_ports; i++) {
        struct worker *w = &e->workers[i];
        error = worker_init(w, p, i, e->links[i], &e->emergency_stop, e->options.trace, alloc_heap(), now, message);
        if (error < 0)
            return error;
        w->cpu = pin ? cpu_nth((int)i) : -1;
    }
    error = traffic_stats_new(p, alloc_heap(), &e->merged);
    if (error < 0)
        snprintf(message, 256, "%s for the statistics of %u loads", err_text(error), p->n_loads);
    return error;
}

int engine_new(const struct plan *p, const struct engine_options *o, struct engine **out, char message[256])
{
    const struct allocator *a = alloc_heap();
    struct engine *e = alloc_zeroed(a, sizeof *e, CACHE_LINE);
    *out = NULL;
    message[0] = 0;
    if (!e || !(e->workers = alloc_array(a, p->n_ports, sizeof *e->workers, CACHE_LINE))) {
        alloc_free(a, e, sizeof *e);
        snprintf(message, 256, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    e->plan = p;
    e->options = *o;
    int error = make_workers(e, message);
    if (error < 0) {
        engine_delete(e);
        return error;
    }
    *out = e;
    return 0;
}

/* Loads begin a moment later, so that all workers run then. */
static void begin_loads(struct engine *e)
{
    e->started_at = clock_now() + START_DELAY_NS;
    e->phase = ENGINE_RUNNING;
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        atomic_store_explicit(&e->workers[i].start_at, e->started_at, memory_order_release);
}

int engine_start(struct engine *e)
{
    e->prepared_from = clock_now();
    e->phase = ENGINE_PREPARING;
    if (!plan_has_to_prepare(e->plan))
        begin_loads(e);
    for (uint32_t i = 0; i < e->plan->n_ports; i++) {
        int error = worker_start(&e->workers[i]);
        if (error < 0)
            return error;
    }
    return 0;
}

static void command_all(struct engine *e, enum worker_command command)
{
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        atomic_store_explicit(&e->workers[i].command, command, memory_order_release);
}

/*
 * Looks twice: a server asked before its last client could have got a connection since. Clients that have finished
 * begin no more, so that the second look at the servers holds.
 */
static bool all_finished(struct engine *e)
{
    for (uint32_t i = 0; i < 2 * e->plan->n_ports; i++)
        if (!atomic_load_explicit(&e->workers[i % e->plan->n_ports].finished, memory_order_acquire))
            return false;
    return true;
}

static void begin_drain(struct engine *e, int64_t now, bool interrupted)
{
    e->phase = ENGINE_DRAINING;
    e->drain_at = now;
    e->interrupted = interrupted;
    command_all(e, WORKER_DRAIN);
}

/* In two steps: see worker.h. */
static void stop_workers(struct engine *e)
{
    command_all(e, WORKER_STOP);
    for (uint32_t i = 0; i < e->plan->n_ports; i++) {
        const struct worker *w = &e->workers[i];
        while (w->thread_running && !atomic_load_explicit(&w->stopped, memory_order_acquire))
            clock_sleep(WORKER_POLL_NS);
    }
}

static void end_workers(struct engine *e)
{
    command_all(e, WORKER_EXIT);
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        worker_join(&e->workers[i]);
}

/* Threads may still give back addresses: a wait that an emergency stop ends. */
static void step_end(struct engine *e)
{
    for (uint32_t i = 0; i < e->plan->n_ports && plan_has_to_prepare(e->plan); i++)
        if (!atomic_load_explicit(&e->workers[i].gone, memory_order_acquire))
            return;
    end_workers(e);
    e->phase = ENGINE_DONE;
}

static void end_run(struct engine *e)
{
    stop_workers(e);
    e->ended_at = clock_now();
    e->phase = ENGINE_DRAINING;
    command_all(e, WORKER_EXIT);
    if (e->drain_at == 0)
        e->drain_at = e->ended_at;
    step_end(e);
}

/* Every load has had as many transactions as it may. */
static bool is_spent(const struct engine *e)
{
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        if (!atomic_load_explicit(&e->workers[i].spent, memory_order_acquire))
            return false;
    return e->plan->ends_by_count;
}

static bool is_over(const struct engine *e, int64_t now)
{
    if (is_spent(e))
        return true;
    return e->plan->duration_ns > 0 && now - e->started_at >= e->plan->duration_ns;
}

/* Hosts get or test their addresses; when all have, loads begin. */
static void step_preparation(struct engine *e, bool asked)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < e->plan->n_ports; i++) {
        struct worker *w = &e->workers[i];
        enum readiness_state state = atomic_load_explicit(&w->state, memory_order_acquire);
        ready += state == READINESS_READY;
        if (state == READINESS_FAILED && !e->failure)
            e->failure = w->failure;
    }
    if (ready == e->plan->n_ports && !asked) {
        begin_loads(e);
    } else if (e->failure || asked) {
        e->interrupted = asked;
        end_run(e);
    }
}

enum engine_phase engine_step(struct engine *e)
{
    int64_t now = clock_now();
    bool asked = atomic_load(&e->drain_requested);
    if (e->phase == ENGINE_DONE)
        return ENGINE_DONE;
    if (e->phase == ENGINE_PREPARING)
        step_preparation(e, asked || atomic_load(&e->emergency_stop));
    if (e->phase != ENGINE_RUNNING && e->phase != ENGINE_DRAINING)
        return e->phase;
    if (e->phase == ENGINE_RUNNING && (asked || is_over(e, now)))
        begin_drain(e, now, asked);
    if (e->ended_at) {
        step_end(e);
        return e->phase;
    }
    bool over = e->phase == ENGINE_DRAINING && (all_finished(e) || now - e->drain_at >= e->plan->drain_ns);
    if (over || atomic_load(&e->emergency_stop)) {
        e->interrupted = e->interrupted || atomic_load(&e->emergency_stop);
        end_run(e);
    }
    return e->phase;
}

const char *engine_failure(const struct engine *e) { return e->failure; }

void engine_request_drain(struct engine *e) { atomic_store(&e->drain_requested, true); }
void engine_request_stop(struct engine *e) { atomic_store(&e->emergency_stop, true); }

/* Asks every running worker for a copy, and waits until all have made one. */
static void refresh(struct engine *e)
{
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        atomic_fetch_add_explicit(&e->workers[i].stats_wanted, 1, memory_order_release);
    for (uint32_t i = 0; i < e->plan->n_ports; i++) {
        struct worker *w = &e->workers[i];
        while (w->thread_running && !atomic_load_explicit(&w->gone, memory_order_acquire) &&
               atomic_load_explicit(&w->stats_done, memory_order_acquire) !=
                   atomic_load_explicit(&w->stats_wanted, memory_order_relaxed))
            clock_sleep(WORKER_POLL_NS);
    }
}

void engine_read_results(struct engine *e, struct results *out)
{
    if (e->phase != ENGINE_DONE)
        refresh(e);
    traffic_stats_reset(e->merged);
    *out = (struct results){.plan = e->plan, .stats = e->merged, .interrupted = e->interrupted};
    for (uint32_t i = 0; i < e->plan->n_ports; i++) {
        traffic_stats_merge(e->merged, e->workers[i].published);
        out->ports[i] = e->workers[i].published_port;
    }
    out->duration_ns = engine_elapsed(e);
    out->prepare_ns = e->started_at && plan_has_to_prepare(e->plan) ? e->started_at - e->prepared_from : 0;
    out->load_ns = !e->started_at ? 0 : e->drain_at ? max_i64(e->drain_at - e->started_at, 0) : out->duration_ns;
}

uint32_t engine_busy_ppm(const struct engine *e, uint32_t port)
{
    const struct worker *w = &e->workers[port];
    int64_t total = w->busy_ns + w->idle_ns;
    return (uint32_t)min_i64(w->busy_ns / max_i64(total / PPM, 1), PPM);
}

int64_t engine_elapsed(const struct engine *e)
{
    int64_t end = e->ended_at ? e->ended_at : clock_now();
    return e->started_at ? max_i64(end - e->started_at, 0) : 0;
}

void engine_delete(struct engine *e)
{
    if (!e)
        return;
    const struct allocator *a = alloc_heap();
    stop_workers(e);
    end_workers(e);
    for (uint32_t i = 0; i < e->plan->n_ports; i++)
        worker_free(&e->workers[i]);
    links_close(e->plan, e->links);
    traffic_stats_delete(e->merged);
    alloc_free(a, e->workers, e->plan->n_ports * sizeof *e->workers);
    alloc_free(a, e, sizeof *e);
}
