/* SPDX-License-Identifier: MIT */
/*
 * The loop of a stack: frames, calls, timers; and waiting for any of them.
 */
#define _GNU_SOURCE /* ppoll, pthread_setname_np */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/cpu.h"
#include "posix/private.h"

#define MEMORY_SLEEP_NS (40 * NS_PER_US) /* a memory link has nothing to wait on */

bool loop_turn(struct weir_stack *w, int64_t now)
{
    w->without_turn = 0;
    unsigned n = stack_receive(w->stack, now);
    n += call_run(w, now);
    n += stack_transmit(w->stack, now);
    if (n > 0)
        w->worked = now;
    return n > 0;
}

/* Fills what there is to wait on; false: frames are there already. */
static bool arm_links(struct weir_stack *w, struct pollfd *fds, nfds_t *n, int64_t *left)
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

static void sleep_on(struct weir_stack *w, int64_t left)
{
    struct pollfd fds[POSIX_MAX_INTERFACES + 1] = {{.fd = w->wake_fd, .events = POLLIN}};
    nfds_t n = 1;
    if (!arm_links(w, fds, &n, &left))
        return;
    left = max_i64(left, 0);
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    uint64_t count;
    if (ppoll(fds, n, left == INT64_MAX ? NULL : &t, NULL) > 0 && fds[0].revents)
        (void)!read(w->wake_fd, &count, sizeof count);
}

void loop_rest(struct weir_stack *w, int64_t now, int64_t at_most_ns)
{
    cpu_relax();
    if (now - w->worked < w->poll_ns && at_most_ns > 0)
        return;
    int64_t at = min_i64(stack_next_deadline(w->stack), w->next_deadline);
    for (unsigned i = 0; i < w->n_interfaces; i++)
        at = min_i64(at, link_next_deadline(w->interfaces[i].link));
    int64_t left = at == TIME_NEVER ? at_most_ns : min_i64(at - now, at_most_ns);
    if (left <= 0)
        return;
    atomic_store_explicit(&w->sleeping, 1, memory_order_seq_cst);
    if (!atomic_load_explicit(&w->calls, memory_order_seq_cst) && !atomic_load_explicit(&w->stop, memory_order_seq_cst))
        sleep_on(w, left);
    atomic_store_explicit(&w->sleeping, 0, memory_order_relaxed);
}

static void *run(void *argument)
{
    struct weir_stack *w = argument;
    if (w->cpu >= 0)
        cpu_pin(w->cpu);
    (void)pthread_setname_np(pthread_self(), "weir:sockets");
    while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        int64_t now = clock_now();
        if (!loop_turn(w, now))
            loop_rest(w, now, TIME_NEVER);
    }
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
    uint64_t one = 1;
    if (!w->thread_running)
        return;
    atomic_store_explicit(&w->stop, true, memory_order_seq_cst);
    (void)!write(w->wake_fd, &one, sizeof one);
    pthread_join(w->thread, NULL);
    w->thread_running = false;
}
