/* SPDX-License-Identifier: MIT */
/*
 * The sets of select(2) as the array of poll(2) and back, for the stack's select and for the one in front of the C library's.
 */
#ifndef WEIR_POSIX_FD_SETS_H
#define WEIR_POSIX_FD_SETS_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/select.h>

static inline bool fd_set_has(int fd, const fd_set *set) { return set && FD_ISSET(fd, set); }

/* How many of the descriptors below `n` (at most FD_SETSIZE) are in one of the sets; `fds` has room for all `n`. */
static inline nfds_t fd_sets_to_poll(int n, const fd_set *r, const fd_set *w, const fd_set *e, struct pollfd *fds)
{
    nfds_t count = 0;
    for (int fd = 0; fd < n; fd++) {
        int events =
            (fd_set_has(fd, r) ? POLLIN : 0) | (fd_set_has(fd, w) ? POLLOUT : 0) | (fd_set_has(fd, e) ? POLLPRI : 0);
        if (events)
            fds[count++] = (struct pollfd){.fd = fd, .events = (short)events};
    }
    return count;
}

static inline int fd_set_tell(int fd, bool is, bool was_asked, fd_set *set)
{
    if (is && was_asked)
        FD_SET(fd, set);
    return is && was_asked;
}

/* What select returns: how many bits the sets have afterwards, or -1 with EBADF. As Linux, an error makes readable and writable, the end readable. */
static inline int fd_sets_from_poll(const struct pollfd *fds, nfds_t n, fd_set *r, fd_set *w, fd_set *e)
{
    fd_set *sets[3] = {r, w, e};
    int count = 0;
    for (nfds_t i = 0; i < n; i++)
        if (fds[i].revents & POLLNVAL) {
            errno = EBADF;
            return -1;
        }
    for (unsigned i = 0; i < 3; i++)
        if (sets[i])
            FD_ZERO(sets[i]);
    for (nfds_t i = 0; i < n; i++) {
        const struct pollfd *p = &fds[i];
        count += fd_set_tell(p->fd, p->revents & (POLLIN | POLLHUP | POLLERR), p->events & POLLIN, r);
        count += fd_set_tell(p->fd, p->revents & (POLLOUT | POLLERR), p->events & POLLOUT, w);
        count += fd_set_tell(p->fd, p->revents & POLLPRI, p->events & POLLPRI, e);
    }
    return count;
}

#endif
