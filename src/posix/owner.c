/* SPDX-License-Identifier: MIT */
/*
 * Who owns a stack that several threads use: a lock that callers try and, when somebody else has it, leave their call to him.
 *
 * The protocol. A caller that finds `owned` free takes it and does its call. One that does not pushes its call onto `calls`, tries once more, and then waits for
 * the call's end. An owner, before it lets go, sees to the driver; lets go; and looks at `calls` again: if there is one, it tries to become the owner
 * again and serves it. Invariants, true whenever the stack is free:
 *
 *  1. A call on the list is served. Pushing, trying, letting go and looking are sequentially consistent: a push comes either before the owner's last look, and
 *     is seen, or after he let go, and then the second try succeeds, or fails because of a later owner, who looks later.
 *  2. Whoever waits is woken when its call ends: `woken` is empty, and who waits is in `waiting` with its watches.
 *  3. Somebody looks after links and timers. Either there is a driver, and it is awake or sleeps no longer than until `sleeps_until`, which is not after the
 *     next deadline; or nobody waits, and the loop is awake or ticks, so that it looks within TICK_NS.
 *  4. The loop rests, or still sleeps on its links though another took over, only while that other driver is there.
 *
 * The loop's state, `driver` and `sleeps_until` change only in an owner's hands. An owner serves others only so many times before it has the loop do
 * it. No signal handler runs in an owner (inside.c).
 */
#define _GNU_SOURCE /* syscall */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/clock.h"
#include "posix/private.h"

#define SPINS 200u
#define ROUNDS 8u /* of serving others */

enum owned { FREE, OWNED, WANTED }; /* wanted: somebody sleeps for it */

void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

bool futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec t = {.tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S};
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? NULL : &t, NULL, 0) == 0 ||
           errno != EINTR;
}

/* ---- the lock ---- */

bool owner_try(struct weir_stack *w)
{
    uint32_t is = FREE;
    return atomic_compare_exchange_strong_explicit(&w->owned, &is, OWNED, memory_order_seq_cst, memory_order_seq_cst);
}

void owner_take(struct weir_stack *w)
{
    for (unsigned i = 0; i < SPINS; i++, cpu_relax())
        if (owner_try(w))
            return;
    while (atomic_exchange_explicit(&w->owned, WANTED, memory_order_seq_cst) != FREE)
        (void)futex_wait(&w->owned, WANTED, -1);
}

static void let_go(struct weir_stack *w)
{
    if (atomic_exchange_explicit(&w->owned, FREE, memory_order_seq_cst) == WANTED)
        futex_wake(&w->owned);
}

/* ---- who looks after links and timers ---- */

void loop_wake(struct weir_stack *w)
{
    enum loop_sleep was = w->loop_sleep;
    w->loop_sleep = LOOP_AWAKE;
    if (w->driver == &w->loop)
        w->sleeps_until = DRIVER_AWAKE;
    if (was == LOOP_POLLS)
        event_raise(w->wake_fd + 1);
    if (was != LOOP_TICKS && was != LOOP_RESTS)
        return;
    atomic_fetch_add_explicit(&w->loop_calls, 1, memory_order_seq_cst);
    futex_wake(&w->loop_calls);
}

void driver_wake(struct weir_stack *w)
{
    if (w->sleeps_until == DRIVER_AWAKE)
        return;
    w->sleeps_until = DRIVER_AWAKE;
    if (w->driver == &w->loop)
        loop_wake(w);
    else
        event_raise(w->drive_fd + 1);
}

/* Invariants 3 and 4. */
static void see_to_driver(struct weir_stack *w)
{
    if (!w->driver && w->loop_sleep != LOOP_AWAKE && (w->n_waiting > 0 || w->loop_sleep != LOOP_TICKS))
        loop_wake(w);
    if (w->sleeps_until != DRIVER_AWAKE && loop_next_deadline(w) < w->sleeps_until)
        driver_wake(w);
}

void owner_release(struct weir_stack *w)
{
    for (unsigned i = 0;; i++) {
        see_to_driver(w);
        if (i == ROUNDS)
            loop_wake(w);
        let_go(w);
        if (i == ROUNDS || !atomic_load_explicit(&w->calls, memory_order_seq_cst) || !owner_try(w))
            return;
        (void)loop_turn(w, clock_now());
    }
}
