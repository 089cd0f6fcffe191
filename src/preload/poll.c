/* SPDX-License-Identifier: MIT */
/*
 * poll and select over descriptors of both kinds. Those of the kernel alone go to the kernel; when there are some of the stack, the stack waits for both. An
 * epoll with members of the stack counts as both.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "posix/fd_sets.h"
#include "preload/preload.h"

#define FEW 64u
#define NS_A_SECOND INT64_C(1000000000)

int64_t time_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_A_SECOND + t.tv_nsec;
}

/* ---- the two halves ---- */

/* The same places in both arrays; -1 where the other looks. */
struct halves {
    struct pollfd *kernel, *weir;
    nfds_t n;
    unsigned of_kernel, of_weir, lost;
};

static void divide(struct halves *h, const struct pollfd *fds)
{
    for (nfds_t i = 0; i < h->n; i++) {
        const struct file *f = file_of(fds[i].fd);
        enum kind kind = f ? file_kind(f) : UNDECIDED;
        bool ours = (kind == WEIR || kind == EPOLL) && f->weir >= 0;
        h->weir[i] = h->kernel[i] = (struct pollfd){.fd = -1, .events = fds[i].events};
        if (ours)
            h->weir[i].fd = f->weir;
        if (kind == UNDECIDED || kind == EPOLL)
            h->kernel[i].fd = fds[i].fd;
        h->of_weir += ours;
        h->of_kernel += (kind == UNDECIDED || kind == EPOLL) && fds[i].fd >= 0;
        h->lost += kind == LOST;
    }
}

/* How many have something to say; what both halves said is in fds. */
static int unite(const struct halves *h, struct pollfd *fds)
{
    int n = 0;
    for (nfds_t i = 0; i < h->n; i++) {
        const struct file *f = file_of(fds[i].fd);
        fds[i].revents =
            (short)((h->kernel[i].fd >= 0 ? h->kernel[i].revents : 0) | (h->weir[i].fd >= 0 ? h->weir[i].revents : 0));
        if (f && file_kind(f) == LOST)
            fds[i].revents = POLLERR | POLLHUP;
        n += fds[i].revents != 0;
    }
    return n;
}

static const struct timespec *timespec_of(int64_t ns, struct timespec *out)
{
    *out = (struct timespec){.tv_sec = ns / NS_A_SECOND, .tv_nsec = ns % NS_A_SECOND};
    return ns < 0 ? NULL : out;
}

/* When the stack has something at once, or nobody may wait, the kernel's half was not looked at. */
static int poll_both(struct weir_stack *s, struct halves *h, struct pollfd *fds, int64_t timeout_ns,
                     const sigset_t *mask)
{
    struct weir_kernel_poll beside = {.fds = h->kernel, .n = h->of_kernel ? h->n : 0, .mask = mask};
    int n = weir_poll_with(s, h->weir, h->n, timeout_ns, &beside);
    if (n < 0)
        return -1;
    if (h->of_kernel && (n > 0 || timeout_ns == 0) && kernel()->poll(h->kernel, h->n, 0) < 0)
        return -1;
    return unite(h, fds);
}

static int poll_halves(struct halves *h, struct pollfd *fds, int64_t timeout_ns, const sigset_t *mask)
{
    struct weir_stack *s = stack_now();
    struct timespec t;
    if (h->lost)
        timeout_ns = 0;
    if (!s || h->of_weir == 0) {
        int result = kernel()->ppoll(h->kernel, h->n, timespec_of(timeout_ns, &t), mask);
        return result < 0 ? -1 : unite(h, fds);
    }
    return poll_both(s, h, fds, timeout_ns, mask);
}

int poll_any(struct pollfd *fds, nfds_t n, int64_t timeout_ns, const sigset_t *mask)
{
    struct pollfd few[2 * FEW];
    struct pollfd *both = n <= FEW ? few : calloc(2 * n, sizeof *both);
    if (!both) {
        errno = ENOMEM;
        return -1;
    }
    struct halves h = {.kernel = both, .weir = both + n, .n = n};
    divide(&h, fds);
    int result = poll_halves(&h, fds, timeout_ns, mask);
    if (both != few)
        free(both);
    return result;
}

/* ---- poll ---- */

static bool some_are_ours(const struct pollfd *fds, nfds_t n)
{
    for (nfds_t i = 0; i < n; i++) {
        const struct file *f = file_of(fds[i].fd);
        if (unlikely(f != NULL) && file_kind(f) != UNDECIDED)
            return true;
    }
    return false;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    if (likely(!some_are_ours(fds, n)))
        return kernel()->poll(fds, n, timeout_ms);
    return poll_any(fds, n, timeout_ms < 0 ? -1 : timeout_ms * INT64_C(1000000), NULL);
}

static int64_t ns_of(const struct timespec *t) { return t ? t->tv_sec * NS_A_SECOND + t->tv_nsec : -1; }

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    if (likely(!some_are_ours(fds, n)))
        return kernel()->ppoll(fds, n, timeout, mask);
    return poll_any(fds, n, ns_of(timeout), mask);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room);

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room)
{
    if (n > room / sizeof *fds)
        abort();
    return poll(fds, n, timeout_ms);
}

int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room)
{
    if (n > room / sizeof *fds)
        abort();
    return ppoll(fds, n, timeout, mask);
}

/* ---- select ---- */

static bool sets_have_ours(int n, const fd_set *r, const fd_set *w, const fd_set *e)
{
    if (n > FD_SETSIZE || table_size == 0)
        return false;
    for (int fd = 0; fd < n; fd++) {
        const struct file *f = file_of(fd);
        if (unlikely(f != NULL) && file_kind(f) != UNDECIDED &&
            (fd_set_has(fd, r) || fd_set_has(fd, w) || fd_set_has(fd, e)))
            return true;
    }
    return false;
}

static int select_any(int n, fd_set *r, fd_set *w, fd_set *e, int64_t timeout_ns, const sigset_t *mask)
{
    struct pollfd fds[FD_SETSIZE];
    nfds_t count = fd_sets_to_poll(n, r, w, e, fds);
    return poll_any(fds, count, timeout_ns, mask) < 0 ? -1 : fd_sets_from_poll(fds, count, r, w, e);
}

/* As Linux, what is left of the time is told. */
EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
    if (likely(!sets_have_ours(n, r, w, e)))
        return kernel()->select(n, r, w, e, timeout);
    if (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)) {
        errno = EINVAL;
        return -1;
    }
    int64_t ns = timeout ? timeout->tv_sec * NS_A_SECOND + timeout->tv_usec * 1000 : -1, start = time_ns();
    int result = select_any(n, r, w, e, ns, NULL);
    if (timeout) {
        int64_t left = ns - (time_ns() - start);
        left = left > 0 ? left : 0;
        *timeout = (struct timeval){.tv_sec = left / NS_A_SECOND, .tv_usec = left % NS_A_SECOND / 1000};
    }
    return result;
}

EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout, const sigset_t *mask)
{
    if (likely(!sets_have_ours(n, r, w, e)))
        return kernel()->pselect(n, r, w, e, timeout, mask);
    return select_any(n, r, w, e, ns_of(timeout), mask);
}
