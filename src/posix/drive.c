/* SPDX-License-Identifier: MIT */
/*
 * Driving: to wait for frames and deadlines on behalf of a stack. A thread whose call has to wait drives itself if no other call waits, so that a frame for it
 * wakes nobody else; with several waiting, the loop drives. When the thread has its result it leaves, and the loop, which ticks as long as such threads come
 * and go, finds within a tick when they do not. While a driver sleeps it holds nothing: its call may be ended by another owner, who then wakes it.
 *
 * A driver's signals wait in a signalfd, so that the stack is free, and a call that they interrupt over, before a handler runs.
 */
#define _GNU_SOURCE /* syscall, ppoll */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/clock.h"
#include "posix/private.h"

#define FEW 64u
#define OWN (POSIX_MAX_INTERFACES + 2u)

/* Of no cancellation point, and not the preloaded library's. */
static int wait_on(struct pollfd *fds, nfds_t n, int64_t left_ns, const sigset_t *mask)
{
    struct timespec t = {.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
    return (int)syscall(SYS_ppoll, fds, n, left_ns == INT64_MAX ? NULL : &t, mask, _NSIG / 8);
}

static void drain(const struct pollfd *event)
{
    eventfd_t count;
    if (event->revents)
        (void)eventfd_read(event->fd, &count);
}

/* ---- signals ---- */

/* As of the system call: of those that wait for descriptors none goes on after a handler. */
static bool goes_on(const struct call *c, const struct sigaction *a)
{
    if (a->sa_handler == SIG_DFL || a->sa_handler == SIG_IGN)
        return true;
    return (a->sa_flags & SA_RESTART) && c->attempt != attempt_poll && c->attempt != attempt_epoll_wait;
}

/* How many signals wait that the program lets in; whether the call is over by them. */
static unsigned look_for_signals(const struct call *c, const sigset_t *barred, bool *over)
{
    sigset_t pending;
    struct sigaction a;
    unsigned n = 0;
    sigpending(&pending);
    for (int i = 1; i < _NSIG; i++) {
        if (sigismember(&pending, i) != 1 || sigismember(barred, i) == 1)
            continue;
        n++;
        *over |= sigaction(i, NULL, &a) < 0 || !goes_on(c, &a);
    }
    return n;
}

static void interrupt(struct weir_stack *w, struct call *c)
{
    if (c->beside || c->attempt == attempt_poll || c->attempt == attempt_epoll_wait)
        call_expire(w, c);
    else
        call_cancel(c, clock_now());
    if (c->result == 0)
        c->result = -EINTR;
}

static const sigset_t *mask_of(const struct call *c, const struct outside *o)
{
    return c->beside && c->beside->mask ? c->beside->mask : &o->signals;
}

/* Handlers run while nobody owns the stack and this thread does not drive. */
static void take_signals(struct weir_stack *w, struct call *c, const struct outside *o)
{
    bool over = false;
    if (call_is_done(c) || look_for_signals(c, mask_of(c, o), &over) == 0)
        return;
    if (over)
        interrupt(w, c);
    w->driver = NULL;
    owner_release(w);
    pthread_sigmask(SIG_SETMASK, mask_of(c, o), NULL);
    pthread_sigmask(SIG_BLOCK, &w->asynchronous, NULL);
    owner_take(w);
}

/* The signals that may come while this call waits. */
static void admit_signals(struct weir_stack *w, const struct call *c, const struct outside *o)
{
    sigset_t now = w->asynchronous;
    for (int i = 1; i < _NSIG; i++)
        if (sigismember(mask_of(c, o), i) == 1)
            sigdelset(&now, i);
    if (memcmp(&now, &w->signals, sizeof now) == 0)
        return;
    w->signals = now;
    (void)signalfd(w->signal_fd, &now, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- sleeping ---- */

/* What the driver `self` sleeps on: its eventfd, signals, the links, what is beside. */
struct bed {
    struct pollfd own[OWN + FEW];
    struct pollfd *fds; /* of own, or on the heap */
    nfds_t n_links, n;
};

static bool make_bed(struct weir_stack *w, struct bed *b, const struct weir_kernel_poll *beside, int64_t *left)
{
    nfds_t more = beside ? beside->n : 0;
    b->fds = b->own;
    b->fds[0] = (struct pollfd){.fd = w->wake_fd, .events = POLLIN};
    b->fds[1] = (struct pollfd){.fd = -1};
    b->n = 2;
    if (!loop_arm_links(w, b->fds, &b->n, left))
        return false;
    b->n_links = b->n;
    if (b->n + more > OWN + FEW) {
        b->fds = malloc((b->n + more) * sizeof *b->fds);
        if (!b->fds)
            return false;
        memcpy(b->fds, b->own, b->n * sizeof *b->fds);
    }
    if (more)
        memcpy(b->fds + b->n, beside->fds, more * sizeof *b->fds);
    b->n += more;
    return true;
}

/* True: something beside is there. */
static bool tell_beside(const struct bed *b, struct weir_kernel_poll *beside)
{
    bool any = false;
    for (nfds_t i = b->n_links; i < b->n; i++) {
        beside->fds[i - b->n_links].revents = b->fds[i].revents;
        any |= b->fds[i].revents != 0;
    }
    return any;
}

static void driver_sleeps(struct weir_stack *w, struct bed *b, struct call *self, int64_t left, struct outside *o)
{
    if (o) {
        inside_bar(w, o);
        admit_signals(w, self, o);
        b->fds[0].fd = w->drive_fd;
        b->fds[1] = (struct pollfd){.fd = w->signal_fd, .events = POLLIN};
    } else {
        w->loop_sleep = LOOP_POLLS;
    }
    owner_release(w);
    int n = wait_on(b->fds, b->n, left, NULL), error = n < 0 ? errno : 0;
    owner_take(w);
    if (w->driver == self)
        w->sleeps_until = DRIVER_AWAKE;
    if (!o)
        w->loop_sleep = LOOP_AWAKE;
    if (n > 0)
        drain(&b->fds[0]);
    if (n > 0 && self->beside && tell_beside(b, self->beside) && !call_is_done(self))
        call_expire(w, self);
    if (n > 0 && b->fds[1].revents)
        take_signals(w, self, o);
    if (error == EINTR && self->beside && !call_is_done(self)) /* a signal that never waits */
        interrupt(w, self);
}

void drive_rest(struct weir_stack *w, struct call *self, int64_t now, struct outside *o)
{
    struct bed b;
    if (now - w->worked < w->poll_ns) {
        owner_release(w);
        cpu_relax();
        owner_take(w);
        return;
    }
    int64_t at = loop_next_deadline(w), left = at == TIME_NEVER ? INT64_MAX : at - now;
    if (left <= 0)
        return;
    if (!make_bed(w, &b, self->beside, &left)) {
        if (!b.fds)
            call_fail(self, -ENOMEM);
        return;
    }
    w->sleeps_until = at;
    driver_sleeps(w, &b, self, left, o);
    if (b.fds != b.own)
        free(b.fds);
}

/* ---- driving ---- */

static bool may_drive(const struct weir_stack *w) { return (!w->driver || w->driver == &w->loop) && w->n_waiting == 1; }

void drive(struct weir_stack *w, struct call *c, struct outside *o)
{
    while (!call_is_done(c)) {
        if (w->driver != c && !may_drive(w))
            return;
        if (w->driver != c)
            w->sleeps_until = DRIVER_AWAKE; /* the loop's, from whom it takes over */
        w->driver = c;
        w->looks++;
        int64_t now = clock_now();
        if (!loop_turn_waiting(w, now))
            drive_rest(w, c, now, o);
    }
    if (w->driver == c)
        w->driver = NULL;
    w->looks++;
}

/* ---- not the driver ---- */

static pthread_key_t event_key;
static pthread_once_t event_once = PTHREAD_ONCE_INIT;

static void close_event(void *plus_one) { (void)close((int)(intptr_t)plus_one - 1); }
static void make_key(void) { (void)pthread_key_create(&event_key, close_event); }

/* Programs close what they do not know. */
int drive_thread_event(void)
{
    pthread_once(&event_once, make_key);
    int fd = (int)(intptr_t)pthread_getspecific(event_key) - 1;
    if (fd >= 0 && fcntl(fd, F_GETFD) >= 0)
        return fd;
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    (void)pthread_setspecific(event_key, (void *)((intptr_t)fd + 1));
    return fd;
}

bool drive_sleep_beside(struct call *c)
{
    struct pollfd few[1 + FEW];
    nfds_t more = c->beside->n;
    struct pollfd *fds = more <= FEW ? few : malloc((1 + more) * sizeof *fds);
    if (!fds)
        return false;
    fds[0] = (struct pollfd){.fd = c->event_fd - 1, .events = POLLIN};
    memcpy(fds + 1, c->beside->fds, more * sizeof *fds);
    int n = wait_on(fds, 1 + more, INT64_MAX, c->beside->mask);
    for (nfds_t i = 0; i < more && n > 0; i++)
        c->beside->fds[i].revents = fds[1 + i].revents;
    if (fds != few)
        free(fds);
    return n >= 0;
}
