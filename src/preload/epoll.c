/* SPDX-License-Identifier: MIT */
/*
 * epoll over descriptors of both kinds. The program's epoll stays the kernel's. Members of the stack are in an epoll of the stack's, which is waited for with
 * the kernel's beside. For programs that wait for their epoll by another one, an eventfd that the stack's raises is a member of the kernel's: edge-triggered,
 * so that nobody has to read it, and named by the address of its file, which no program uses for its own.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "preload/preload.h"

#define NS_A_MS INT64_C(1000000)

/* ---- the interest list ---- */

/* Under the lock. */
static struct file *attach(int epoll, struct weir_stack *s)
{
    struct file *f = file_new(epoll, EPOLL);
    if (!f)
        return NULL;
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = f};
    f->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->weir = f->event < 0 ? -1 : weir_epoll_create1(s, EPOLL_CLOEXEC);
    if (f->weir >= 0 && weir_epoll_signal(s, f->weir, f->event) == 0 &&
        kernel()->epoll_ctl(epoll, EPOLL_CTL_ADD, f->event, &e) == 0) {
        file_show(epoll, f);
        return f;
    }
    int error = errno;
    if (f->weir >= 0)
        (void)weir_close(s, f->weir);
    if (f->event >= 0)
        kernel()->close(f->event);
    atomic_store(&f->references, 0);
    errno = error;
    return NULL;
}

static int control_locked(int epoll, int operation, const struct file *f, struct weir_stack *s, struct epoll_event *e)
{
    struct file *of = file_of(epoll);
    if (!of)
        of = attach(epoll, s);
    if (of && (file_kind(of) != EPOLL || of->weir < 0)) {
        errno = EINVAL;
        return -1;
    }
    return of ? weir_epoll_ctl(s, of->weir, operation, f->weir, e) : -1;
}

static int control_weir(int epoll, int operation, const struct file *f, struct epoll_event *e)
{
    struct weir_stack *s = stack_of(f);
    if (!s)
        return -1;
    pthread_mutex_lock(&undecided_lock);
    int result = control_locked(epoll, operation, f, s, e);
    pthread_mutex_unlock(&undecided_lock);
    return result;
}

/* ---- undecided members ---- */

void registrations_free(struct file *f)
{
    for (struct registration *r; (r = f->registrations) != NULL; free(r))
        f->registrations = r->next;
}

static void note(struct file *f, int epoll, int operation, const struct epoll_event *e)
{
    struct registration **at = &f->registrations, *r;
    while (*at && (*at)->epoll != epoll)
        at = &(*at)->next;
    if (operation == EPOLL_CTL_DEL && (r = *at) != NULL) {
        *at = r->next;
        free(r);
    } else if (operation != EPOLL_CTL_DEL) {
        r = *at ? *at : calloc(1, sizeof *r);
        if (!r)
            return;
        r->epoll = epoll;
        r->event = *e;
        *at = r;
    }
}

static int control_undecided(int epoll, int operation, int fd, struct file *f, struct epoll_event *e)
{
    pthread_mutex_lock(&undecided_lock);
    int result = kernel()->epoll_ctl(epoll, operation, fd, e);
    if (result == 0)
        note(f, epoll, operation, e);
    pthread_mutex_unlock(&undecided_lock);
    return result;
}

/* An epoll that has been closed meanwhile does not know the socket any more. */
void registrations_move(int fd, struct file *f)
{
    struct weir_stack *s = stack_now();
    for (struct registration *r = f->registrations; r; r = r->next)
        if (kernel()->epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL) == 0)
            (void)control_locked(r->epoll, EPOLL_CTL_ADD, f, s, &r->event);
    registrations_free(f);
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *e)
{
    struct file *f = file_of(fd);
    if (likely(!f))
        return kernel()->epoll_ctl(epoll, operation, fd, e);
    switch (file_kind(f)) {
    case UNDECIDED:
        return control_undecided(epoll, operation, fd, f, e);
    case WEIR:
    case LOST:
        return control_weir(epoll, operation, f, e);
    case EPOLL:
        break;
    }
    return kernel()->epoll_ctl(epoll, operation, fd, e);
}

/* ---- waiting ---- */

/* The eventfd's own event is taken out. */
static int without_own(const struct file *f, struct epoll_event *events, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr != f)
            events[kept++] = events[i];
    return kept;
}

/* The kernel's members, without waiting. */
static int collect_kernel(int epoll, const struct file *f, struct epoll_event *events, int max)
{
    int n = max > 0 ? kernel()->epoll_wait(epoll, events, max, 0) : 0;
    return n > 0 ? without_own(f, events, n) : n;
}

/* Both once; waits up to timeout_ns. One place is kept for the kernel's members, so that busy ones of the stack do not keep them out. */
static int wait_once(struct weir_stack *s, int epoll, struct file *f, struct epoll_event *events, int max,
                     int64_t timeout_ns, const sigset_t *mask)
{
    struct pollfd kernels = {.fd = epoll, .events = POLLIN};
    struct weir_kernel_poll beside = {.fds = &kernels, .n = 1, .mask = mask};
    int n = weir_epoll_wait_with(s, f->weir, events, max > 1 ? max - 1 : 1, timeout_ns, &beside);
    if (n < 0 || (n == 0 && timeout_ns != 0 && !kernels.revents))
        return n;
    int more = collect_kernel(epoll, f, events + n, max - n);
    return n > 0 && more < 0 ? n : n + more;
}

/* Something in the kernel's that was only the stack's own is no end. */
static int wait_both(struct weir_stack *s, int epoll, struct file *f, struct epoll_event *events, int max,
                     int64_t timeout_ns, const sigset_t *mask)
{
    int64_t end = timeout_ns > 0 ? time_ns() + timeout_ns : timeout_ns;
    for (;;) {
        int n = wait_once(s, epoll, f, events, max, timeout_ns, mask);
        if (n != 0 || timeout_ns == 0)
            return n;
        if (timeout_ns > 0) {
            timeout_ns = end - time_ns();
            if (timeout_ns <= 0)
                return 0;
        }
    }
}

static int wait_any(int epoll, struct file *f, struct epoll_event *events, int max, int64_t timeout_ns,
                    const sigset_t *mask)
{
    struct weir_stack *s = stack_now();
    if (s && f->weir >= 0 && max > 0)
        return wait_both(s, epoll, f, events, max, timeout_ns, mask);
    int64_t ms = timeout_ns < 0 ? -1 : (timeout_ns + NS_A_MS - 1) / NS_A_MS;
    int n = kernel()->epoll_pwait(epoll, events, max, ms > INT_MAX ? INT_MAX : (int)ms, mask);
    return n < 0 ? n : without_own(f, events, n);
}

static struct file *epoll_of(int fd)
{
    struct file *f = file_of(fd);
    return unlikely(f != NULL) && file_kind(f) == EPOLL ? f : NULL;
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
    struct file *f = epoll_of(epoll);
    if (!f)
        return kernel()->epoll_pwait(epoll, events, max, timeout_ms, mask);
    return wait_any(epoll, f, events, max, timeout_ms < 0 ? -1 : timeout_ms * NS_A_MS, mask);
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    struct file *f = epoll_of(epoll);
    if (!f)
        return kernel()->epoll_wait(epoll, events, max, timeout_ms);
    return wait_any(epoll, f, events, max, timeout_ms < 0 ? -1 : timeout_ms * NS_A_MS, NULL);
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *mask)
{
    struct file *f = epoll_of(epoll);
    if (!f)
        return kernel()->epoll_pwait2(epoll, events, max, timeout, mask);
    return wait_any(epoll, f, events, max, timeout ? timeout->tv_sec * 1000 * NS_A_MS + timeout->tv_nsec : -1, mask);
}
