/* SPDX-License-Identifier: MIT */
/*
 * The rest of the interface: poll, epoll, pipes and splice, packets and the clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "base/alloc_heap.h"

#define FOREVER (24 * 3600 * NS_PER_S)
#define SPLICE_BYTES 65536u

static int fail(long error)
{
    errno = (int)-error;
    return -1;
}

static int result_of(long r) { return r < 0 ? fail(r) : (int)r; }

/* -1: for ever; 0: not at all. */
static void set_timeout(struct call *c, int timeout_ms)
{
    c->may_wait = timeout_ms != 0;
    c->timeout_ns = timeout_ms > 0 ? timeout_ms * NS_PER_MS : 0;
}

/* ---- poll ---- */

static short ready_of(struct adapter *a, const struct pollfd *p)
{
    struct file *f = file_of(a, p->fd);
    struct pollfd other = {.fd = p->fd, .events = p->events};
    if (!f)
        return poll(&other, 1, 0) > 0 ? other.revents : 0;
    unsigned now = f->socket ? socket_ready(f->socket) : epoll_is_ready(f->epoll) ? POLLIN | POLLRDNORM : 0u;
    return (short)(now & ((unsigned)(unsigned short)p->events | POLLERR | POLLHUP));
}

static long attempt_poll(struct adapter *a, struct call *c)
{
    long n = 0;
    for (nfds_t i = 0; i < c->n_fds; i++) {
        c->fds[i].revents = c->fds[i].fd < 0 ? 0 : ready_of(a, &c->fds[i]);
        n += c->fds[i].revents != 0;
    }
    return n > 0 || !c->may_wait || c->expired ? n : -EAGAIN;
}

static int call_poll(void *user, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct call c = {.attempt = attempt_poll, .fds = fds, .n_fds = n};
    set_timeout(&c, timeout_ms);
    return (int)adapter_perform(user, &c);
}

/* ---- epoll ---- */

static int call_epoll_create(void *user, int size)
{
    struct adapter *a = user;
    struct epoll *e = NULL;
    if (size <= 0)
        return fail(-EINVAL);
    adapter_lock(a);
    int fd = epoll_new(alloc_heap(), ADAPTER_MAX_FILES, NULL, NULL, &e);
    if (fd == 0)
        fd = file_install(a, NULL, e, false);
    adapter_unlock(a);
    return result_of(fd);
}

static int control(struct adapter *a, int epoll, int operation, int fd, const struct epoll_event *event)
{
    struct file *e = file_of(a, epoll), *f = file_of(a, fd);
    if (!e || !f)
        return -EBADF;
    if (!e->epoll || !f->socket)
        return -EINVAL;
    return epoll_control(e->epoll, operation, f->socket, fd, event);
}

static int call_epoll_ctl(void *user, int epoll, int operation, int fd, struct epoll_event *event)
{
    struct adapter *a = user;
    adapter_lock(a);
    int e = control(a, epoll, operation, fd, event);
    adapter_turn(a);
    adapter_unlock(a);
    return result_of(e);
}

static long attempt_epoll_wait(struct adapter *a, struct call *c)
{
    (void)a;
    int n = epoll_collect(c->file->epoll, c->events, c->max_events);
    return n != 0 || !c->may_wait || c->expired ? n : -EAGAIN;
}

static int call_epoll_wait(void *user, int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    struct adapter *a = user;
    struct call c = {.attempt = attempt_epoll_wait, .events = events, .max_events = max};
    adapter_lock(a);
    c.file = file_of(a, epoll);
    adapter_unlock(a);
    if (!c.file || !c.file->epoll || max <= 0)
        return fail(c.file ? -EINVAL : -EBADF);
    set_timeout(&c, timeout_ms);
    return (int)adapter_perform(a, &c);
}

/* ---- pipes ---- */

static int call_pipe(void *user, int fds[2])
{
    (void)user;
    return pipe2(fds, O_CLOEXEC);
}

static bool is_ours(struct adapter *a, int fd)
{
    adapter_lock(a);
    bool ours = file_of(a, fd) != NULL;
    adapter_unlock(a);
    return ours;
}

/* By way of a copy; what the far end does not take is lost, which no script does. */
static ssize_t call_copy(struct adapter *a, int in, int out, size_t n, unsigned flags)
{
    char bytes[SPLICE_BYTES];
    struct packetdrill_interface calls;
    calls_fill(&calls);
    int how = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
    int more = flags & SPLICE_F_MORE ? MSG_MORE : 0;
    n = min_size(n, sizeof bytes);
    ssize_t got = is_ours(a, in) ? calls.recv(a, in, bytes, n, how) : read(in, bytes, n);
    if (got <= 0)
        return got;
    return is_ours(a, out) ? calls.send(a, out, bytes, (size_t)got, how | more) : write(out, bytes, (size_t)got);
}

static int call_splice(void *user, int in, loff_t *in_at, int out, loff_t *out_at, size_t n, unsigned flags)
{
    if (is_ours(user, in) || is_ours(user, out))
        return in_at || out_at ? fail(-ESPIPE) : (int)call_copy(user, in, out, n, flags);
    return (int)splice(in, in_at, out, out_at, n, flags);
}

/* ---- packets ---- */

static int call_netdev_send(void *user, const void *bytes, size_t n)
{
    struct adapter *a = user;
    adapter_lock(a);
    adapter_turn(a);
    struct packet *p = wire_frame(&a->wire, bytes, n);
    if (p)
        stack_input(a->stack, 0, &p, 1, a->now);
    adapter_turn(a);
    adapter_unlock(a);
    return p ? 0 : fail(-EMSGSIZE);
}

static int call_netdev_receive(void *user, void *bytes, size_t *n, long long *time_us)
{
    struct adapter *a = user;
    adapter_lock(a);
    int64_t limit = a->now + FOREVER;
    adapter_turn(a);
    while (!a->wire.first && adapter_step(a, limit))
        ;
    struct departure *d = wire_take(&a->wire);
    *time_us = (d ? d->at : a->now) / NS_PER_US;
    *n = d ? min_size(*n, d->length) : 0;
    if (d)
        memcpy(bytes, d->bytes, *n);
    free(d);
    adapter_unlock(a);
    return 0;
}

/* ---- time ---- */

static int call_usleep(void *user, useconds_t us)
{
    struct adapter *a = user;
    adapter_lock(a);
    adapter_pass(a, a->now + us * NS_PER_US);
    adapter_unlock(a);
    return 0;
}

static int call_gettimeofday(void *user, struct timeval *time, struct timezone *zone)
{
    int64_t now = adapter_look_at_clock(user);
    (void)zone;
    *time = (struct timeval){.tv_sec = now / NS_PER_S, .tv_usec = now % NS_PER_S / NS_PER_US};
    return 0;
}

void events_fill(struct packetdrill_interface *i)
{
    i->poll = call_poll;
    i->netdev_send = call_netdev_send;
    i->netdev_receive = call_netdev_receive;
    i->usleep = call_usleep;
    i->gettimeofday = call_gettimeofday;
    i->epoll_create = call_epoll_create;
    i->epoll_ctl = call_epoll_ctl;
    i->epoll_wait = call_epoll_wait;
    i->pipe = call_pipe;
    i->splice = call_splice;
}
