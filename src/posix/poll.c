/* SPDX-License-Identifier: MIT */
/*
 * poll(2) and select(2) over descriptors of a stack.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include <stdlib.h>
#include <string.h>

#include "posix/fd_sets.h"
#include "posix/private.h"

#define FEW 64u

/* How many have something to say. */
static int look(const struct weir_stack *w, const struct call *c)
{
    int n = 0;
    for (nfds_t i = 0; i < c->poll.n; i++) {
        struct pollfd *p = &c->poll.fds[i];
        const struct file *f = file_of(w, p->fd);
        p->revents = 0;
        if (p->fd >= 0)
            p->revents = f ? (short)(file_ready(f) & ((unsigned)p->events | POLLERR | POLLHUP)) : POLLNVAL;
        n += p->revents != 0;
    }
    return n;
}

static void watch_all(struct weir_stack *w, struct call *c)
{
    for (nfds_t i = 0; i < c->poll.n; i++) {
        struct file *f = file_of(w, c->poll.fds[i].fd);
        c->poll.watches[i] = (struct call_watch){.watch = {.notify = call_notify}, .call = c};
        if (f)
            file_watch(f, &c->poll.watches[i].watch);
    }
}

bool attempt_poll(struct weir_stack *w, struct call *c, int64_t now)
{
    int n = look(w, c);
    c->result = n;
    if (n > 0 || c->timeout_ns == 0 || c->expired)
        return true;
    if (!c->waits) {
        c->deadline = c->timeout_ns > 0 ? now + c->timeout_ns : TIME_NEVER;
        watch_all(w, c);
    }
    return false;
}

static int poll_ns(struct weir_stack *w, struct pollfd *fds, nfds_t n, int64_t timeout_ns,
                   struct weir_kernel_poll *beside)
{
    struct call_watch few[FEW];
    struct call_watch *watches = n <= FEW ? few : malloc(n * sizeof *watches);
    if (!watches) {
        errno = ENOMEM;
        return -1;
    }
    memset(watches, 0, n * sizeof *watches);
    struct call c = {.attempt = attempt_poll, .timeout_ns = timeout_ns, .beside = beside};
    c.poll.fds = fds;
    c.poll.n = n;
    c.poll.watches = watches;
    int result = (int)call_perform(w, &c);
    if (watches != few)
        free(watches);
    return result;
}

int weir_poll(struct weir_stack *w, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    if (n > w->files.size) {
        errno = EINVAL;
        return -1;
    }
    return poll_ns(w, fds, n, timeout_ms < 0 ? -1 : timeout_ms * NS_PER_MS, NULL);
}

/* ---- beside descriptors of the kernel ---- */

bool poll_beside_valid(const struct weir_stack *w, struct weir_kernel_poll *beside)
{
    for (nfds_t i = 0; i < beside->n; i++)
        beside->fds[i].revents = 0;
    if (w->embedded)
        errno = EINVAL;
    return !w->embedded;
}

int weir_poll_with(struct weir_stack *w, struct pollfd *fds, nfds_t n, int64_t timeout_ns,
                   struct weir_kernel_poll *beside)
{
    if (n > w->files.size) {
        errno = EINVAL;
        return -1;
    }
    return poll_beside_valid(w, beside) ? poll_ns(w, fds, n, timeout_ns, beside) : -1;
}

/* ---- select ---- */

int weir_select(struct weir_stack *s, int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
    struct pollfd fds[FD_SETSIZE];
    if (n < 0 || n > FD_SETSIZE || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))) {
        errno = EINVAL;
        return -1;
    }
    nfds_t count = fd_sets_to_poll(n, r, w, e, fds);
    int64_t ns = timeout ? timeout->tv_sec * NS_PER_S + timeout->tv_usec * NS_PER_US : -1;
    return poll_ns(s, fds, count, ns, NULL) < 0 ? -1 : fd_sets_from_poll(fds, count, r, w, e);
}
