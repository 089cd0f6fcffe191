/* SPDX-License-Identifier: MIT */
/*
 * The socket calls of the interface. What is none of our descriptors goes to the system: pipes and files of scripts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "adapter.h"
#include "socket/linux_tcp.h"

static int fail(long error)
{
    errno = (int)-error;
    return -1;
}

static int result_of(long r) { return r < 0 ? fail(r) : (int)r; }

/* The socket of a descriptor: -EBADF, -ENOTSOCK. */
static int socket_at(struct adapter *a, int fd, struct socket **out)
{
    struct file *f = file_of(a, fd);
    *out = f ? f->socket : NULL;
    return *out ? 0 : f ? -ENOTSOCK : -EBADF;
}

/* Begins a call of a descriptor, whose file is looked up once. False: it is none of ours. */
static bool begin(struct adapter *a, struct call *c, int fd)
{
    adapter_lock(a);
    c->file = file_of(a, fd);
    c->may_wait = c->file && !c->file->nonblocking && !(c->flags & MSG_DONTWAIT);
    adapter_unlock(a);
    return c->file && c->file->socket;
}

/* ---- opening and names ---- */

static int call_socket(void *user, int domain, int type, int protocol)
{
    struct adapter *a = user;
    struct socket *s;
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    adapter_lock(a);
    int e = socket_open(a->sockets, domain, type & ~flags, protocol, &s);
    int fd = e < 0 ? e : file_install(a, s, NULL, (flags & SOCK_NONBLOCK) != 0);
    adapter_unlock(a);
    return result_of(fd);
}

static int call_bind(void *user, int fd, const struct sockaddr *address, socklen_t length)
{
    struct adapter *a = user;
    struct socket *s;
    adapter_lock(a);
    int e = socket_at(a, fd, &s);
    if (e == 0)
        e = socket_bind(s, address, length, a->now);
    adapter_unlock(a);
    return result_of(e);
}

static int call_listen(void *user, int fd, int backlog)
{
    struct adapter *a = user;
    struct socket *s;
    adapter_lock(a);
    int e = socket_at(a, fd, &s);
    if (e == 0)
        e = socket_listen(s, backlog, a->now);
    adapter_unlock(a);
    return result_of(e);
}

static long attempt_accept(struct adapter *a, struct call *c)
{
    struct socket *got;
    int e = socket_accept(c->file->socket, c->address, c->length, &got);
    return e < 0 ? e : file_install(a, got, NULL, false);
}

static int call_accept(void *user, int fd, struct sockaddr *address, socklen_t *length)
{
    struct call c = {.attempt = attempt_accept, .address = address, .length = length};
    struct socket_waiting how;
    if (!begin(user, &c, fd))
        return accept(fd, address, length);
    socket_waiting(c.file->socket, &how);
    c.timeout_ns = how.receive_timeout_ns;
    return (int)adapter_perform(user, &c);
}

/* One that waits asks again: EALREADY until it is over. */
static long attempt_connect(struct adapter *a, struct call *c)
{
    int e = socket_connect(c->file->socket, c->to, c->to_length, a->now);
    bool waits = c->done > 0;
    c->done = 1;
    if (e == -EINPROGRESS || (e == -EALREADY && (waits || c->may_wait)))
        return c->may_wait && !c->expired ? -EAGAIN : -EINPROGRESS;
    return e;
}

static int call_connect(void *user, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call c = {.attempt = attempt_connect, .to = address, .to_length = length};
    struct socket_waiting how;
    if (!begin(user, &c, fd))
        return connect(fd, address, length);
    socket_waiting(c.file->socket, &how);
    c.timeout_ns = how.send_timeout_ns;
    return (int)adapter_perform(user, &c);
}

/* ---- data ---- */

/* What is left of a message behind the bytes that are done. */
static struct msghdr rest_of(const struct call *c, struct iovec pieces[ADAPTER_MAX_PIECES])
{
    struct msghdr rest = *c->message;
    size_t skip = c->done, n = 0;
    for (size_t i = 0; i < rest.msg_iovlen && n < ADAPTER_MAX_PIECES; i++) {
        const struct iovec *v = &rest.msg_iov[i];
        size_t gone = min_size(skip, v->iov_len);
        skip -= gone;
        if (gone < v->iov_len)
            pieces[n++] = (struct iovec){.iov_base = (char *)v->iov_base + gone, .iov_len = v->iov_len - gone};
    }
    if (c->done > 0) {
        rest.msg_iov = pieces;
        rest.msg_iovlen = n;
    }
    return rest;
}

static long so_far(const struct call *c, long otherwise) { return c->done > 0 ? (long)c->done : otherwise; }

/* A blocking send returns when all is taken. */
static long attempt_send(struct adapter *a, struct call *c)
{
    struct iovec pieces[ADAPTER_MAX_PIECES];
    struct msghdr rest = rest_of(c, pieces);
    ssize_t n = socket_send(c->file->socket, &rest, c->flags, a->now);
    if (n < 0 && n != -EAGAIN)
        return so_far(c, n);
    c->done += n > 0 ? (size_t)n : 0;
    if (c->done >= c->total)
        return (long)c->done;
    return c->may_wait && !c->expired ? -EAGAIN : so_far(c, -EAGAIN);
}

static bool wants_more(const struct call *c, ssize_t n)
{
    bool all = (c->flags & MSG_WAITALL) && !(c->flags & (MSG_PEEK | MSG_OOB));
    return n == -EAGAIN || (n > 0 && all && socket_is_stream(c->file->socket) && c->done < c->total);
}

static long attempt_receive(struct adapter *a, struct call *c)
{
    struct iovec pieces[ADAPTER_MAX_PIECES];
    struct msghdr rest = rest_of(c, pieces);
    ssize_t n = socket_receive(c->file->socket, &rest, c->flags, a->now);
    c->message->msg_namelen = rest.msg_namelen;
    c->message->msg_controllen = rest.msg_controllen;
    c->message->msg_flags = rest.msg_flags;
    c->done += n > 0 ? (size_t)n : 0;
    if (wants_more(c, n) && c->may_wait && !c->expired)
        return -EAGAIN;
    return n == -EAGAIN ? so_far(c, n) : n < 0 ? so_far(c, n) : (long)c->done;
}

static size_t length_of(const struct msghdr *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++)
        n += m->msg_iov[i].iov_len;
    return n;
}

static ssize_t send_message(struct adapter *a, struct call *c, int fd, const struct msghdr *m)
{
    struct msghdr message = *m;
    struct socket_waiting how;
    if (!begin(a, c, fd))
        return sendmsg(fd, m, c->flags);
    socket_waiting(c->file->socket, &how);
    c->message = &message;
    c->total = length_of(m);
    c->attempt = attempt_send;
    c->timeout_ns = how.send_timeout_ns;
    return adapter_perform(a, c);
}

static ssize_t receive_message(struct adapter *a, struct call *c, int fd, struct msghdr *m)
{
    struct socket_waiting how;
    if (!begin(a, c, fd))
        return recvmsg(fd, m, c->flags);
    socket_waiting(c->file->socket, &how);
    c->message = m;
    c->total = length_of(m);
    c->attempt = attempt_receive;
    c->timeout_ns = how.receive_timeout_ns;
    return adapter_perform(a, c);
}

static bool is_ours(struct adapter *a, int fd)
{
    adapter_lock(a);
    bool ours = file_of(a, fd) != NULL;
    adapter_unlock(a);
    return ours;
}

static ssize_t call_sendmsg(void *user, int fd, const struct msghdr *m, int flags)
{
    struct call c = {.flags = flags};
    return send_message(user, &c, fd, m);
}

static ssize_t call_sendto(void *user, int fd, const void *bytes, size_t n, int flags, const struct sockaddr *address,
                           socklen_t length)
{
    struct call c = {.flags = flags};
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = (void *)(uintptr_t)address, .msg_namelen = length};
    return send_message(user, &c, fd, &m);
}

static ssize_t call_send(void *user, int fd, const void *bytes, size_t n, int flags)
{
    return call_sendto(user, fd, bytes, n, flags, NULL, 0);
}

static ssize_t call_writev(void *user, int fd, const struct iovec *pieces, int n)
{
    struct call c = {.flags = 0};
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)n};
    return is_ours(user, fd) ? send_message(user, &c, fd, &m) : writev(fd, pieces, n);
}

static ssize_t call_write(void *user, int fd, const void *bytes, size_t n)
{
    return is_ours(user, fd) ? call_send(user, fd, bytes, n, 0) : write(fd, bytes, n);
}

static ssize_t call_recvmsg(void *user, int fd, struct msghdr *m, int flags)
{
    struct call c = {.flags = flags};
    return receive_message(user, &c, fd, m);
}

static ssize_t call_recvfrom(void *user, int fd, void *bytes, size_t n, int flags, struct sockaddr *address,
                             socklen_t *length)
{
    struct call c = {.flags = flags};
    struct iovec v = {.iov_base = bytes, .iov_len = n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = address, .msg_namelen = length ? *length : 0};
    ssize_t got = receive_message(user, &c, fd, &m);
    if (got >= 0 && length)
        *length = m.msg_namelen;
    return got;
}

static ssize_t call_recv(void *user, int fd, void *bytes, size_t n, int flags)
{
    return call_recvfrom(user, fd, bytes, n, flags, NULL, NULL);
}

static ssize_t call_readv(void *user, int fd, const struct iovec *pieces, int n)
{
    struct call c = {.flags = 0};
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)n};
    return is_ours(user, fd) ? receive_message(user, &c, fd, &m) : readv(fd, pieces, n);
}

static ssize_t call_read(void *user, int fd, void *bytes, size_t n)
{
    return is_ours(user, fd) ? call_recv(user, fd, bytes, n, 0) : read(fd, bytes, n);
}

/* ---- options and ends ---- */

static int call_fcntl(void *user, int fd, int command, ...)
{
    struct adapter *a = user;
    va_list list;
    va_start(list, command);
    long value = va_arg(list, long);
    va_end(list);
    adapter_lock(a);
    struct file *f = file_of(a, fd);
    int result = 0;
    if (f && command == F_GETFL)
        result = O_RDWR | (f->nonblocking ? O_NONBLOCK : 0);
    else if (f && command == F_SETFL)
        f->nonblocking = (value & O_NONBLOCK) != 0;
    adapter_unlock(a);
    return f ? result : fcntl(fd, command, value);
}

static int ioctl_of(struct adapter *a, struct file *f, unsigned long request, int *value)
{
    if (request == FIONBIO) {
        f->nonblocking = *value != 0;
        return 0;
    }
    return f->socket ? socket_ioctl(f->socket, request, value, a->now) : -ENOTTY;
}

static int call_ioctl(void *user, int fd, unsigned long request, ...)
{
    struct adapter *a = user;
    va_list list;
    va_start(list, request);
    void *value = va_arg(list, void *);
    va_end(list);
    adapter_lock(a);
    struct file *f = file_of(a, fd);
    int e = f ? ioctl_of(a, f, request, value) : 0;
    adapter_unlock(a);
    return f ? result_of(e) : ioctl(fd, request, value);
}

/* SO_LINGER: waits until all is acknowledged. */
static long attempt_linger(struct adapter *a, struct call *c)
{
    int left = 0;
    bool waits = socket_ioctl(c->file->socket, TIOCOUTQ, &left, a->now) == 0 && left > 0;
    return waits && !c->expired ? -EAGAIN : 0;
}

static int call_close(void *user, int fd)
{
    struct adapter *a = user;
    struct call c = {.attempt = attempt_linger};
    struct socket_waiting how = {.linger = false};
    if (begin(a, &c, fd))
        socket_waiting(c.file->socket, &how);
    if (!c.file)
        return close(fd);
    c.timeout_ns = how.linger_ns;
    if (how.linger && how.linger_ns > 0 && c.may_wait && !pthread_equal(pthread_self(), a->main)) {
        adapter_lock(a);
        (void)socket_shutdown(c.file->socket, SHUT_WR, a->now);
        adapter_unlock(a);
        (void)adapter_perform(a, &c);
    }
    adapter_lock(a);
    file_close(a, fd);
    adapter_turn(a);
    adapter_unlock(a);
    return 0;
}

static int call_shutdown(void *user, int fd, int how)
{
    struct adapter *a = user;
    struct socket *s;
    adapter_lock(a);
    int e = socket_at(a, fd, &s);
    if (e == 0)
        e = socket_shutdown(s, how, a->now);
    adapter_turn(a);
    adapter_unlock(a);
    return result_of(e);
}

static int call_setsockopt(void *user, int fd, int level, int name, const void *value, socklen_t length)
{
    struct adapter *a = user;
    struct socket *s;
    adapter_lock(a);
    int e = socket_at(a, fd, &s);
    if (e == 0)
        e = socket_set_option(s, level, name, value, length, a->now);
    adapter_turn(a);
    adapter_unlock(a);
    return result_of(e);
}

int adapter_get_option(struct adapter *a, int fd, int level, int name, void *value, socklen_t *length)
{
    struct socket *s;
    socklen_t asked = length ? *length : 0;
    adapter_lock(a);
    int e = socket_at(a, fd, &s);
    if (e == 0)
        e = socket_get_option(s, level, name, value, length, a->now);
    if (e == 0 && level == IPPROTO_TCP && name == TCP_INFO && *length < asked) {
        memset((char *)value + *length, 0, asked - *length); /* of a later kernel's layout, which has more at its end */
        *length = asked;
    }
    adapter_unlock(a);
    return result_of(e);
}

static int call_getsockopt(void *user, int fd, int level, int name, void *value, socklen_t *length)
{
    return adapter_get_option(user, fd, level, name, value, length);
}

void calls_fill(struct packetdrill_interface *i)
{
    i->socket = call_socket;
    i->bind = call_bind;
    i->listen = call_listen;
    i->accept = call_accept;
    i->connect = call_connect;
    i->read = call_read;
    i->readv = call_readv;
    i->recv = call_recv;
    i->recvfrom = call_recvfrom;
    i->recvmsg = call_recvmsg;
    i->write = call_write;
    i->writev = call_writev;
    i->send = call_send;
    i->sendto = call_sendto;
    i->sendmsg = call_sendmsg;
    i->fcntl = call_fcntl;
    i->ioctl = call_ioctl;
    i->close = call_close;
    i->shutdown = call_shutdown;
    i->getsockopt = call_getsockopt;
    i->setsockopt = call_setsockopt;
}
