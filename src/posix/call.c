/* SPDX-License-Identifier: MIT */
/*
 * Calls on their way: see private.h. A caller spins a little and then sleeps on a futex, which signals interrupt as they interrupt a system call: with
 * SA_RESTART it goes on, without it the call is cancelled and ends with EINTR (or what it has done so far).
 */
#define _GNU_SOURCE /* syscall */
#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/clock.h"
#include "posix/private.h"

#define SPINS 2000u

/* ---- the caller ---- */

static void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

/* False: a signal came. */
static bool futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0) == 0 || errno != EINTR;
}

static void submit(struct weir_stack *w, struct call *c)
{
    c->stack = w;
    c->next = atomic_load_explicit(&w->calls, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&w->calls, &c->next, c, memory_order_seq_cst, memory_order_relaxed))
        ;
    if (atomic_load_explicit(&w->sleeping, memory_order_seq_cst)) {
        uint64_t one = 1;
        (void)!write(w->wake_fd, &one, sizeof one);
    }
}

static bool is_done(const struct call *c) { return atomic_load_explicit(&c->state, memory_order_acquire) == CALL_DONE; }

/* False: a signal came before the end. */
static bool await(struct call *c)
{
    for (unsigned i = 0; i < SPINS && !is_done(c); i++)
        cpu_relax();
    uint32_t state = CALL_PENDING;
    if (!atomic_compare_exchange_strong_explicit(&c->state, &state, CALL_SLEEPING, memory_order_acquire,
                                                 memory_order_acquire) &&
        state == CALL_DONE)
        return true;
    while (!is_done(c))
        if (!futex_wait(&c->state, CALL_SLEEPING))
            return is_done(c);
    return true;
}

/* It ends at once, unless it has ended already. */
static void cancel_remotely(struct weir_stack *w, struct call *c)
{
    struct call cancel = {.attempt = attempt_cancel, .target = c};
    submit(w, &cancel);
    while (!await(&cancel)) /* it never waits long */
        ;
}

/* Another thread runs the loop. */
static void perform_remotely(struct weir_stack *w, struct call *c)
{
    submit(w, c);
    if (!await(c))
        cancel_remotely(w, c);
}

static ssize_t result_of(const struct call *c)
{
    if (c->result >= 0)
        return c->result;
    errno = (int)-c->result;
    return -1;
}

void call_begin(struct weir_stack *w, struct call *c)
{
    c->deadline = TIME_NEVER;
    submit(w, c);
}

ssize_t call_finish(struct call *c)
{
    if (!is_done(c))
        cancel_remotely(c->stack, c);
    return result_of(c);
}

void event_raise(int event_fd)
{
    uint64_t one = 1;
    (void)!write(event_fd - 1, &one, sizeof one);
}

/* Embedded: may it wait, or is it for moving the stack? Of all others many go with one turn. */
static bool needs_turn(const struct weir_stack *w, const struct call *c)
{
    const struct file *f = file_of(w, c->fd);
    if (c->attempt == attempt_poll || c->attempt == attempt_epoll_wait || c->attempt == attempt_attach)
        return true;
    return f && f->socket && !f->nonblocking;
}

static void try(struct weir_stack *w, struct call *c, int64_t now);

/* This thread is the loop. */
static void perform_embedded(struct weir_stack *w, struct call *c)
{
    c->stack = w;
    if (!needs_turn(w, c) && ++w->without_turn < POSIX_CALLS_PER_TURN) {
        try(w, c, clock_now());
        if (is_done(c))
            return;
    } else {
        submit(w, c);
    }
    while (!is_done(c)) {
        int64_t now = clock_now();
        if (!loop_turn(w, now))
            loop_rest(w, now, TIME_NEVER);
    }
}

ssize_t call_perform(struct weir_stack *w, struct call *c)
{
    c->deadline = TIME_NEVER;
    if (!w) {
        errno = EBADF;
        return -1;
    }
    if (w->embedded)
        perform_embedded(w, c);
    else
        perform_remotely(w, c);
    return result_of(c);
}

/* ---- the loop ---- */

/* The eventfd first: once the call is done, it may be gone. */
static void finish(struct call *c)
{
    if (c->event_fd)
        event_raise(c->event_fd);
    if (atomic_exchange_explicit(&c->state, CALL_DONE, memory_order_acq_rel) == CALL_SLEEPING)
        futex_wake(&c->state);
}

static void stop_watching(struct call *c)
{
    socket_watch_remove(&c->watch.watch);
    if (c->attempt == attempt_poll)
        for (nfds_t i = 0; i < c->poll.n; i++)
            socket_watch_remove(&c->poll.watches[i].watch);
}

static void forget_wakening(struct call *c)
{
    struct call **at = &c->stack->woken;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->woken = false;
}

static void end(struct call *c, int64_t now)
{
    if (c->woken)
        forget_wakening(c);
    if (c->waits) {
        stop_watching(c);
        *c->waiting_link = c->waiting_next;
        if (c->waiting_next)
            c->waiting_next->waiting_link = c->waiting_link;
    }
    if (c->file)
        file_drop(c->file, now);
    finish(c);
}

static void begin_waiting(struct weir_stack *w, struct call *c)
{
    c->waits = true;
    c->waiting_next = w->waiting;
    c->waiting_link = &w->waiting;
    if (c->waiting_next)
        c->waiting_next->waiting_link = &c->waiting_next;
    w->waiting = c;
    w->next_deadline = min_i64(w->next_deadline, c->deadline);
}

static void try(struct weir_stack *w, struct call *c, int64_t now)
{
    if (c->attempt(w, c, now))
        end(c, now);
    else if (!c->waits)
        begin_waiting(w, c);
}

void call_notify(struct socket_watch *watch, unsigned events)
{
    struct call *c = container_of(watch, struct call_watch, watch)->call;
    (void)events;
    if (c->woken)
        return;
    c->woken = true;
    c->next = c->stack->woken;
    c->stack->woken = c;
}

/* New calls in the order in which they were made. */
static unsigned take_new(struct weir_stack *w, int64_t now)
{
    struct call *newest = atomic_load_explicit(&w->calls, memory_order_relaxed);
    if (!newest)
        return 0;
    newest = atomic_exchange_explicit(&w->calls, NULL, memory_order_acquire);
    struct call *oldest = NULL;
    while (newest) {
        struct call *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    unsigned n = 0;
    for (struct call *next; oldest; oldest = next, n++) {
        next = oldest->next;
        try(w, oldest, now);
    }
    return n;
}

static unsigned take_woken(struct weir_stack *w, int64_t now)
{
    unsigned n = 0;
    for (struct call *c; (c = w->woken) != NULL; n++) {
        w->woken = c->next;
        c->woken = false;
        try(w, c, now);
    }
    return n;
}

/* Those whose time is over are tried a last time. */
static void take_late(struct weir_stack *w, int64_t now)
{
    if (now < w->next_deadline)
        return;
    w->next_deadline = TIME_NEVER;
    for (struct call *c = w->waiting, *next; c; c = next) {
        next = c->waiting_next;
        if (c->deadline > now) {
            w->next_deadline = min_i64(w->next_deadline, c->deadline);
            continue;
        }
        c->expired = true;
        if (!c->woken)
            try(w, c, now);
    }
}

unsigned call_run(struct weir_stack *w, int64_t now)
{
    unsigned n = take_new(w, now);
    take_late(w, now);
    return n + take_woken(w, now);
}

static void cancel(struct call *c, int64_t now)
{
    size_t done = c->batch.messages ? c->batch.count : c->done;
    c->result = done > 0 ? (ssize_t)done : -EINTR;
    c->event_fd = 0; /* whoever ends it knows */
    end(c, now);
}

bool attempt_cancel(struct weir_stack *w, struct call *c, int64_t now)
{
    for (struct call *x = w->waiting; x; x = x->waiting_next)
        if (x == c->target) {
            cancel(x, now);
            break;
        }
    c->result = 0;
    return true;
}

void call_cancel_all(struct weir_stack *w)
{
    while (w->waiting)
        cancel(w->waiting, 0);
}
