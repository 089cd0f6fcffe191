/* SPDX-License-Identifier: MIT */
/*
 * Calls on their way: see private.h. A caller whose call somebody else will end spins a little and then sleeps on a futex, which signals interrupt as they
 * interrupt a system call: with SA_RESTART it goes on, without it the call is cancelled and ends with EINTR (or what it has done so far).
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/clock.h"
#include "posix/private.h"

#define SPINS 2000u
#define KIB_PER_CALL 10 /* so many bytes, as a power of two, count as one more call without a turn */

/* ---- the caller ---- */

static void submit(struct weir_stack *w, struct call *c)
{
    c->next = atomic_load_explicit(&w->calls, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&w->calls, &c->next, c, memory_order_seq_cst, memory_order_relaxed))
        ;
}

bool call_is_done(const struct call *c) { return atomic_load_explicit(&c->state, memory_order_acquire) == CALL_DONE; }

/* False: a signal came before the end. */
static bool await(struct call *c)
{
    for (unsigned i = 0; i < SPINS && !call_is_done(c); i++)
        cpu_relax();
    uint32_t state = CALL_PENDING;
    if (!atomic_compare_exchange_strong_explicit(&c->state, &state, CALL_SLEEPING, memory_order_acquire,
                                                 memory_order_acquire) &&
        state == CALL_DONE)
        return true;
    while (!call_is_done(c))
        if (!futex_wait(&c->state, CALL_SLEEPING, -1))
            return call_is_done(c);
    return true;
}

static ssize_t result_of(const struct call *c)
{
    if (c->result >= 0)
        return c->result;
    errno = (int)-c->result;
    return -1;
}

void event_raise(int event_fd) { (void)eventfd_write(event_fd - 1, 1); /* fails only when it is raised already */ }

static bool blocks(const struct weir_stack *w, const struct call *c)
{
    const struct file *f = file_of(w, c->fd);
    return f && f->socket && !f->nonblocking;
}

/* What it asks for is there. */
static bool receives(const struct weir_stack *w, const struct call *c)
{
    return (c->attempt == attempt_receive || c->attempt == attempt_take_pieces) &&
           (file_ready(file_of(w, c->fd)) & POLLIN);
}

/* Will it wait, or is it for moving the stack? Of all others many go with one turn. */
static bool needs_turn(const struct weir_stack *w, const struct call *c)
{
    if (c->attempt == attempt_poll || c->attempt == attempt_epoll_wait || c->attempt == attempt_attach ||
        c->attempt == attempt_completions)
        return true;
    return blocks(w, c) && !receives(w, c);
}

/* Counts a call as one, and as one more for each KiB; one that leaves nothing to be sent not at all. */
static void count_without_turn(struct weir_stack *w, const struct call *c)
{
    if (c->attempt == attempt_epoll_control)
        return;
    w->without_turn += 1 + (c->result > 0 ? (unsigned)min_u64((uint64_t)c->result >> KIB_PER_CALL, UINT16_MAX) : 0);
}

static void try(struct weir_stack *w, struct call *c, int64_t now);

/* ---- the caller is the owner ---- */

static void perform_embedded(struct weir_stack *w, struct call *c)
{
    if (!needs_turn(w, c) && ++w->without_turn < POSIX_CALLS_PER_TURN) {
        int64_t now = clock_now();
        bool blocking = blocks(w, c);
        try(w, c, now);
        if (blocking) { /* the peer hears of the room that it made now: nobody knows when the program calls again */
            count_without_turn(w, c);
            stack_transmit(w->stack, now);
        }
        if (call_is_done(c))
            return;
    } else {
        submit(w, c);
    }
    while (!call_is_done(c)) {
        int64_t now = clock_now();
        if (!loop_turn_waiting(w, now))
            loop_rest(w, now, TIME_NEVER);
    }
}

/*
 * What a call that does not wait left to be sent may wait for the next turn, as long as nobody sleeps until something comes: the program's next call that
 * may wait makes it, or the loop within its tick.
 */
static bool may_owe_turn(struct weir_stack *w, const struct call *c)
{
    count_without_turn(w, c);
    return !w->driver && w->without_turn < POSIX_CALLS_PER_TURN;
}

static unsigned take_woken(struct weir_stack *w, int64_t now);

/* The owner does its call; if that has to wait, the owner drives, or prepares to sleep. */
static void perform_as_owner(struct weir_stack *w, struct call *c, struct outside *o)
{
    int64_t now = clock_now();
    if (needs_turn(w, c)) {
        w->looks++;
        submit(w, c);
        (void)loop_turn(w, now);
    } else {
        try(w, c, now);
        (void)take_woken(w, now);
        if (!may_owe_turn(w, c))
            (void)loop_turn(w, now);
    }
    if (!call_is_done(c))
        drive(w, c, o);
    if (c->beside && !call_is_done(c)) {
        int event = drive_thread_event();
        if (event < 0)
            call_fail(c, event);
        else
            c->event_fd = event + 1;
    }
}

/* Another thread owns the stack: it does the call, or whoever is the owner later. */
static void hand_over(struct weir_stack *w, struct call *c)
{
    int event = c->beside ? drive_thread_event() : 0;
    if (event < 0) {
        c->result = event;
        atomic_store_explicit(&c->state, CALL_DONE, memory_order_relaxed);
        return;
    }
    c->event_fd = c->beside ? event + 1 : 0;
    submit(w, c);
    if (owner_try(w))
        owner_release(w);
}

/* The wait is over before the call is, by a signal or by what is beside. */
static void cut_short(struct weir_stack *w, struct call *c, bool by_signal)
{
    struct outside o;
    inside_enter(w, &o);
    owner_take(w);
    (void)call_run(w, clock_now()); /* if it was on the list still, it is not now */
    if (!call_is_done(c) && c->beside)
        call_expire(w, c);
    else if (!call_is_done(c))
        call_cancel(c, clock_now());
    owner_release(w);
    inside_leave(&o);
    if (by_signal && c->result == 0)
        c->result = -EINTR;
}

static void sleep_beside(struct weir_stack *w, struct call *c)
{
    eventfd_t count;
    bool signal = !drive_sleep_beside(c);
    if (!call_is_done(c))
        cut_short(w, c, signal);
    (void)eventfd_read(c->event_fd - 1, &count);
}

static void perform_shared(struct weir_stack *w, struct call *c)
{
    struct outside o;
    inside_enter(w, &o);
    if (owner_try(w)) {
        perform_as_owner(w, c, &o);
        owner_release(w);
    } else {
        hand_over(w, c);
    }
    inside_leave(&o);
    if (c->event_fd)
        sleep_beside(w, c);
    else if (!call_is_done(c) && !await(c))
        cut_short(w, c, true);
}

ssize_t call_perform(struct weir_stack *w, struct call *c)
{
    c->deadline = TIME_NEVER;
    c->stack = w;
    if (!w) {
        errno = EBADF;
        return -1;
    }
    if (w->embedded)
        perform_embedded(w, c);
    else
        perform_shared(w, c);
    return result_of(c);
}

/* ---- the owner ---- */

/* The eventfd first: once the call is done, it may be gone. */
static void finish(struct call *c)
{
    if (c->event_fd)
        event_raise(c->event_fd);
    if (c->stack->driver == c)
        driver_wake(c->stack);
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
        c->stack->n_waiting--;
        *c->waiting_link = c->waiting_next;
        if (c->waiting_next)
            c->waiting_next->waiting_link = c->waiting_link;
    }
    if (unlikely(c->stack->trace.trace.layers & TRACE_SOCKET))
        call_trace(&c->stack->trace.trace, c, now);
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
    w->n_waiting++;
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
static unsigned take_late(struct weir_stack *w, int64_t now)
{
    unsigned n = 0;
    if (now < w->next_deadline)
        return 0;
    w->next_deadline = TIME_NEVER;
    for (struct call *c = w->waiting, *next; c; c = next) {
        next = c->waiting_next;
        if (c->deadline > now) {
            w->next_deadline = min_i64(w->next_deadline, c->deadline);
            continue;
        }
        n++;
        c->expired = true;
        if (!c->woken)
            try(w, c, now);
    }
    return n;
}

unsigned call_run(struct weir_stack *w, int64_t now)
{
    unsigned n = take_new(w, now);
    n += take_late(w, now);
    return n + take_woken(w, now);
}

void call_expire(struct weir_stack *w, struct call *c)
{
    c->expired = true;
    try(w, c, clock_now());
}

void call_fail(struct call *c, int error)
{
    c->result = error;
    end(c, clock_now());
}

void call_cancel(struct call *c, int64_t now)
{
    size_t done = c->batch.messages ? c->batch.count : c->done;
    c->result = done > 0 ? (ssize_t)done : -EINTR;
    end(c, now);
}

void call_cancel_all(struct weir_stack *w)
{
    while (w->waiting)
        call_cancel(w->waiting, clock_now());
}
