/* SPDX-License-Identifier: MIT */
/*
 * The run loop: see worker.h. Polls while there is work; after a while without, sleeps until the next deadline or
 * frame.
 */
#define _GNU_SOURCE /* ppoll, pthread_setname_np */
#include "engine/worker.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>

#include "base/error.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/secret.h"

#define LAUNCH_BUDGET 128u
#define POLL_NS (100 * NS_PER_US) /* without work, before it sleeps: longer starves who shares the core, or has to */
#define LONGEST_SLEEP_NS (500 * NS_PER_US)
#define LATE_NS (60 * NS_PER_US) /* how late a sleep may end: the kernel's timer slack, and waking up */
#define SHORTEST_SLEEP_NS (20 * NS_PER_US)

static int make_parts(struct worker *w, atomic_bool *emergency_stop, const struct trace *trace,
                      const struct allocator *a, int64_t now)
{
    struct stack_settings settings;
    int e, interface;
    plan_stack_settings(w->plan, w->port, &settings);
    settings.trace = settings.tcp.trace = trace;
    if ((e = secret_fill(&settings)) < 0 ||
        (e = guard_init(&w->guard, &w->plan->ports[w->port].guard, emergency_stop, now)) < 0 ||
        (e = stack_new(&settings, a, now, &w->stack)) < 0)
        return e;
    if ((interface = stack_add_interface(w->stack, w->link.top, &w->guard)) < 0)
        return interface;
    if ((e = traffic_setup_hosts(w->plan, w->port, (unsigned)interface, w->stack)) < 0 ||
        (e = traffic_new(w->plan, w->port, w->stack, a, now, &w->traffic)) < 0)
        return e;
    if (plan_has_to_prepare(w->plan) &&
        (e = readiness_new(w->plan, w->port, (unsigned)interface, w->stack, w->traffic, a, now, &w->readiness)) < 0)
        return e;
    return traffic_stats_new(w->plan, a, &w->published);
}

int worker_init(struct worker *w, const struct plan *p, uint32_t port, struct port_link link,
                atomic_bool *emergency_stop, const struct trace *trace, const struct allocator *a, int64_t now,
                char message[256])
{
    *w = (struct worker){.plan = p, .port = port, .cpu = -1, .link = link};
    int e = make_parts(w, emergency_stop, trace, a, now);
    if (e < 0)
        snprintf(message, 256, "port %.60s: %s while making its stack (%u hosts, %u client and %u server connections)",
                 p->ports[port].name, err_text(e), p->ports[port].n_hosts, p->ports[port].max_client_connections,
                 p->ports[port].max_server_connections);
    return e;
}

void worker_free(struct worker *w)
{
    readiness_delete(w->readiness);
    if (w->traffic)
        traffic_delete(w->traffic);
    stack_delete(w->stack);
    traffic_stats_delete(w->published);
    w->readiness = NULL;
    w->traffic = NULL;
    w->stack = NULL;
    w->published = NULL;
}

static void publish(struct worker *w)
{
    traffic_stats_reset(w->published);
    traffic_read_stats(w->traffic, w->published);
    if (w->readiness)
        readiness_read_stats(w->readiness, w->published);
    links_read_counters(w->link.top, &w->published_port.link);
    snprintf(w->published_port.note, sizeof w->published_port.note, "%s", links_note(w->link.top));
    for (unsigned i = 0; i < GUARD_CAUSE_COUNT; i++)
        w->published_port.guard_denied[i] = w->guard.denied[i];
    if (w->link.impair)
        w->published_port.impair = *impair_link_counters(w->link.impair);
}

static void answer_statistics(struct worker *w)
{
    unsigned wanted = atomic_load_explicit(&w->stats_wanted, memory_order_acquire);
    if (wanted == atomic_load_explicit(&w->stats_done, memory_order_relaxed))
        return;
    publish(w);
    atomic_store_explicit(&w->stats_done, wanted, memory_order_release);
}

static void obey(struct worker *w, int64_t now)
{
    enum worker_command command = atomic_load_explicit(&w->command, memory_order_acquire);
    if (command >= WORKER_DRAIN && w->obeyed < WORKER_DRAIN)
        traffic_drain(w->traffic, now);
    if (command >= WORKER_STOP && w->obeyed < WORKER_STOP) {
        traffic_stop(w->traffic, now);
        atomic_store_explicit(&w->stopped, true, memory_order_release);
    }
    if (command == WORKER_EXIT)
        stack_transmit(w->stack, now);
    w->obeyed = command;
    if (command == WORKER_DRAIN)
        atomic_store_explicit(&w->finished, traffic_finished(w->traffic), memory_order_release);
}

/* Loads begin at the time that the controller gives when all hosts of the plan are ready. */
static void await_start(struct worker *w)
{
    int64_t longest = w->plan->ports[w->port].max_duration_ns;
    int64_t at = atomic_load_explicit(&w->start_at, memory_order_acquire);
    if (at == 0)
        return;
    w->guard.rules.stop_at = longest < TIME_NEVER - at ? at + longest : TIME_NEVER;
    traffic_start(w->traffic, at);
    w->begun = true;
}

static void attend_hosts(struct worker *w, int64_t now)
{
    enum readiness_state state = readiness_turn(w->readiness, now);
    if (state == atomic_load_explicit(&w->state, memory_order_relaxed))
        return;
    if (state == READINESS_FAILED)
        readiness_explain(w->readiness, w->failure);
    atomic_store_explicit(&w->state, state, memory_order_release);
}

static unsigned turn(struct worker *w, int64_t now)
{
    unsigned n = stack_receive(w->stack, now);
    if (unlikely(w->readiness != NULL))
        attend_hosts(w, now);
    if (unlikely(!w->begun))
        await_start(w);
    n += traffic_run(w->traffic, now, LAUNCH_BUDGET);
    n += stack_transmit(w->stack, now);
    w->turns++;
    return n;
}

static int64_t next_deadline(struct worker *w)
{
    int64_t at = min_i64(stack_next_deadline(w->stack), traffic_next_deadline(w->traffic));
    if (w->readiness)
        at = min_i64(at, readiness_deadline(w->readiness));
    return min_i64(at, link_next_deadline(w->link.top));
}

/* Nothing happened for a while: waits for a frame or a deadline, shortly, so that commands are seen. */
static void rest(struct worker *w, int64_t now)
{
    struct link *l = w->link.top;
    int64_t left = min_i64(next_deadline(w) - now - LATE_NS, LONGEST_SLEEP_NS);
    if (left < SHORTEST_SLEEP_NS)
        return;
    if (l->fd >= 0 && l->ops->arm) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        struct timespec t = {.tv_nsec = left};
        if (l->ops->arm(l))
            (void)ppoll(&p, 1, &t, NULL);
        return;
    }
    clock_sleep(min_i64(left, 2 * SHORTEST_SLEEP_NS));
}

/* As `top -H` and profilers show it: at most 15 characters. */
static void name_thread(const struct worker *w)
{
    char name[16];
    snprintf(name, sizeof name, "weir:%.10s", w->plan->ports[w->port].name);
    (void)pthread_setname_np(pthread_self(), name);
}

static void work(struct worker *w)
{
    int64_t last = clock_now(), worked = last;
    while (w->obeyed < WORKER_STOP) {
        int64_t now = clock_now();
        unsigned n = turn(w, now);
        *(n > 0 ? &w->busy_ns : &w->idle_ns) += now - last;
        last = now;
        if (unlikely(atomic_load_explicit(&w->command, memory_order_relaxed) != (unsigned)w->obeyed ||
                     w->obeyed == WORKER_DRAIN))
            obey(w, now);
        if (w->plan->ends_by_count && traffic_is_spent(w->traffic))
            atomic_store_explicit(&w->spent, true, memory_order_release);
        answer_statistics(w);
        if (n > 0) {
            worked = now;
            continue;
        }
        cpu_relax();
        if (now - worked > POLL_NS)
            rest(w, now);
    }
}

/* Addresses that DHCP gave, after everybody's connections have ended. Those that no server hears of run out. */
static void give_back(struct worker *w)
{
    int64_t now = clock_now();
    while (now < w->guard.rules.stop_at && !atomic_load(w->guard.stop) && readiness_release(w->readiness, now)) {
        (void)stack_transmit(w->stack, now);
        clock_sleep(SHORTEST_SLEEP_NS);
        now = clock_now();
        (void)stack_receive(w->stack, now);
        answer_statistics(w);
    }
    (void)stack_transmit(w->stack, now);
}

static void *run(void *argument)
{
    struct worker *w = argument;
    if (w->cpu >= 0)
        cpu_pin(w->cpu);
    name_thread(w);
    await_start(w);
    if (w->readiness)
        readiness_start(w->readiness, clock_now());
    work(w);
    while (w->obeyed != WORKER_EXIT) {
        clock_sleep(SHORTEST_SLEEP_NS);
        obey(w, clock_now());
    }
    if (w->readiness)
        give_back(w);
    publish(w);
    atomic_store_explicit(&w->gone, true, memory_order_release);
    return NULL;
}

int worker_start(struct worker *w)
{
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        return ERR_SYSTEM;
    w->thread_running = true;
    return 0;
}

void worker_join(struct worker *w)
{
    if (w->thread_running)
        pthread_join(w->thread, NULL);
    w->thread_running = false;
}
