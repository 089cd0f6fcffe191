/* SPDX-License-Identifier: MIT */
/*
 * A turn of a stack: frames, calls, timers. The loop, its own thread, which drives (drive.c) when threads of the program do not; and the wait of an embedded one.
 */
#define _GNU_SOURCE /* ppoll, pthread_setname_np */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/cpu.h"
#include "posix/private.h"

#define TICK_NS NS_PER_MS
#define ACK_WAITS_NS NS_PER_MS           /* for an answer to go with, while the program is busy */
#define MEMORY_SLEEP_NS (40 * NS_PER_US) /* a memory link has nothing to wait on */

bool loop_turn(struct weir_stack *w, int64_t now)
{
    w->without_turn = 0;
    leases_turn(w, now);
    unsigned n = stack_receive(w->stack, now);
    n += call_run(w, now);
    if (now - w->acknowledged >= ACK_WAITS_NS) {
        w->acknowledged = now;
        (void)tcp_acknowledge(stack_tcp(w->stack));
    }
    n += stack_transmit(w->stack, now);
    if (n > 0)
        w->worked = now;
    return n > 0;
}

bool loop_turn_waiting(struct weir_stack *w, int64_t now)
{
    if (loop_turn(w, now))
        return true;
    w->acknowledged = now;
    return tcp_acknowledge(stack_tcp(w->stack)) && stack_transmit(w->stack, now) > 0;
}

int64_t loop_next_deadline(struct weir_stack *w)
{
    return min_i64(min_i64(stack_next_deadline(w->stack), w->next_deadline), leases_next_deadline(w));
}

bool loop_arm_links(struct weir_stack *w, struct pollfd *fds, nfds_t *n, int64_t *left)
{
    for (unsigned i = 0; i < w->n_interfaces; i++) {
        struct link *l = w->interfaces[i].link;
        if (l->fd < 0 || !l->ops->arm) {
            *left = min_i64(*left, MEMORY_SLEEP_NS);
            continue;
        }
        if (!l->ops->arm(l))
            return false;
        fds[(*n)++] = (struct pollfd){.fd = l->fd, .events = POLLIN};
    }
    return true;
}

void loop_rest(struct weir_stack *w, int64_t now, int64_t at_most_ns)
{
    struct pollfd fds[POSIX_MAX_INTERFACES];
    nfds_t n = 0;
    cpu_relax();
    if (now - w->worked < w->poll_ns && at_most_ns > 0)
        return;
    int64_t at = loop_next_deadline(w);
    int64_t left = at == TIME_NEVER ? at_most_ns : min_i64(at - now, at_most_ns);
    if (left <= 0 || !loop_arm_links(w, fds, &n, &left))
        return;
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    (void)ppoll(fds, n, left == INT64_MAX ? NULL : &t, NULL);
}

/* ---- the thread ---- */

static void turn_or_rest(struct weir_stack *w)
{
    int64_t now = clock_now();
    if (!loop_turn_waiting(w, now)) {
        drive_rest(w, &w->loop, now, NULL);
        return;
    }
    owner_release(w); /* others want it, too */
    owner_take(w);
}

/*
 * Threads of the program come and go as drivers: it looks from time to time whether they still do, and does what they left. When one drives all the time, it
 * rests until that one leaves. How often they had looked.
 */
static uint32_t stand_by(struct weir_stack *w, uint32_t seen)
{
    uint32_t looks = w->looks, calls = atomic_load_explicit(&w->loop_calls, memory_order_relaxed);
    bool rests = w->driver && looks == seen;
    if (!w->driver)
        (void)loop_turn(w, clock_now());
    w->loop_sleep = rests ? LOOP_RESTS : LOOP_TICKS;
    owner_release(w);
    (void)futex_wait(&w->loop_calls, calls, rests ? -1 : TICK_NS);
    owner_take(w);
    w->loop_sleep = LOOP_AWAKE;
    return looks;
}

static bool should_drive(const struct weir_stack *w, uint32_t seen)
{
    return w->driver == &w->loop || (!w->driver && (w->n_waiting > 0 || w->looks == seen));
}

static void *run(void *argument)
{
    struct weir_stack *w = argument;
    uint32_t seen = 0;
    if (w->cpu >= 0)
        cpu_pin(w->cpu);
    (void)pthread_setname_np(pthread_self(), "weir:sockets");
    owner_take(w);
    while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        if (should_drive(w, seen)) {
            w->driver = &w->loop;
            turn_or_rest(w);
        } else {
            seen = stand_by(w, seen);
        }
    }
    owner_release(w);
    return NULL;
}

/* Signals are for the program's own threads. */
int loop_start(struct weir_stack *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e != 0)
        return -EAGAIN;
    w->thread_running = true;
    return 0;
}

void loop_stop(struct weir_stack *w)
{
    if (!w->thread_running)
        return;
    owner_take(w);
    atomic_store_explicit(&w->stop, true, memory_order_relaxed);
    loop_wake(w);
    owner_release(w);
    pthread_join(w->thread, NULL);
    w->thread_running = false;
    w->driver = NULL;
}
