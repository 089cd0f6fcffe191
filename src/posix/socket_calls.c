/* SPDX-License-Identifier: MIT */
/*
 * What the socket calls do: the socket's own call, which never waits, and when it has to be tried again.
 */
#define _GNU_SOURCE /* accept4's flags, POLLRDHUP */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "posix/private.h"
#include "stack/control.h"
#include "wire/ip_choice.h"

static bool over(struct call *c, ssize_t result)
{
    c->result = result;
    return true;
}

/* The call's socket; NULL when it is over with EBADF or ENOTSOCK. The first attempt takes hold of the file. */
static struct socket *socket_of(struct weir_stack *w, struct call *c)
{
    if (!c->file) {
        struct file *f = file_of(w, c->fd);
        if (f && f->socket) {
            c->file = f;
            file_hold(f);
            return f->socket;
        }
        c->result = f ? -ENOTSOCK : -EBADF;
        return NULL;
    }
    return c->file->socket;
}

/* False: it waits until the socket has changed or the time is over. */
static bool wait_for(struct call *c, struct socket *s, int64_t timeout_ns, int64_t now)
{
    if (c->waits)
        return false;
    c->deadline = timeout_ns > 0 ? now + timeout_ns : TIME_NEVER;
    c->watch = (struct call_watch){.watch = {.notify = call_notify}, .call = c};
    socket_watch_add(s, &c->watch.watch);
    return false;
}

/* ---- opening ---- */

static ssize_t install(struct weir_stack *w, struct socket *s, bool nonblocking, int64_t now)
{
    struct file *f = file_new(w, s, NULL);
    if (!f) {
        socket_close(s, now);
        return -ENOMEM;
    }
    f->nonblocking = nonblocking;
    file_hold(f);
    int fd = file_install(w, f);
    file_drop(f, now); /* and the socket with it, when there was no descriptor */
    return fd;
}

bool attempt_open(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s;
    int flags = c->open.type & ~0xf; /* SOCK_TYPE_MASK */
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return over(c, -EINVAL);
    int e = socket_open(w->sockets, c->open.domain, c->open.type & ~flags, c->open.protocol, &s);
    return over(c, e < 0 ? e : install(w, s, flags & SOCK_NONBLOCK, now));
}

bool attempt_accept(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c), *got;
    struct socket_waiting how;
    if (!s)
        return true;
    int e = socket_accept(s, c->accept.address, c->accept.length, &got);
    if (e == 0)
        return over(c, install(w, got, c->accept.flags & SOCK_NONBLOCK, now));
    if (e != -EAGAIN || c->file->nonblocking || c->expired)
        return over(c, e);
    socket_waiting(s, &how);
    return wait_for(c, s, how.receive_timeout_ns, now);
}

bool attempt_dup(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = file_of(w, c->fd);
    (void)now;
    return over(c, f ? file_install(w, f) : -EBADF);
}

/* ---- names and connections ---- */

bool attempt_bind(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? over(c, socket_bind(s, c->name.address, c->name.length, now)) : true;
}

bool attempt_listen(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? over(c, socket_listen(s, c->control.value, now)) : true;
}

/* A connect that waits asks again: EALREADY until it is over. */
bool attempt_connect(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    struct socket_waiting how;
    if (!s)
        return true;
    int e = socket_connect(s, c->name.address, c->name.length, now);
    bool under_way = e == -EINPROGRESS || (e == -EALREADY && (c->waits || !c->file->nonblocking));
    if (!under_way || c->file->nonblocking)
        return over(c, e);
    if (c->expired)
        return over(c, c->result); /* SO_SNDTIMEO */
    if (!c->waits)
        c->result = e; /* EINPROGRESS, or EALREADY when somebody else began it */
    socket_waiting(s, &how);
    return wait_for(c, s, how.send_timeout_ns, now);
}

bool attempt_shutdown(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? over(c, socket_shutdown(s, c->control.value, now)) : true;
}

bool attempt_name(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    (void)now;
    return s ? over(c, socket_name(s, c->accept.address, c->accept.length)) : true;
}

bool attempt_peer(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    (void)now;
    return s ? over(c, socket_peer(s, c->accept.address, c->accept.length)) : true;
}

/* ---- data ---- */

/* What is left of the message behind the bytes that are done. */
static struct msghdr rest_of(struct weir_stack *w, const struct call *c)
{
    struct msghdr rest = *c->io.message;
    size_t skip = c->done, n = 0;
    if (skip == 0)
        return rest;
    for (size_t i = 0; i < rest.msg_iovlen && n < POSIX_MAX_PIECES; i++) {
        const struct iovec *v = &rest.msg_iov[i];
        size_t gone = min_size(skip, v->iov_len);
        skip -= gone;
        if (gone < v->iov_len)
            w->pieces[n++] = (struct iovec){.iov_base = (char *)v->iov_base + gone, .iov_len = v->iov_len - gone};
    }
    rest.msg_iov = w->pieces;
    rest.msg_iovlen = n;
    return rest;
}

static bool may_wait(const struct call *c)
{
    return !(c->io.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) && !c->file->nonblocking && !c->expired;
}

static ssize_t so_far(const struct call *c, ssize_t otherwise) { return c->done > 0 ? (ssize_t)c->done : otherwise; }

/* One message: true when it is over, with the result. Everything goes before a blocking send returns. */
static bool send_one(struct weir_stack *w, struct call *c, struct socket *s, int64_t now)
{
    struct socket_waiting how;
    struct msghdr rest = rest_of(w, c);
    ssize_t n = socket_send(s, &rest, c->io.flags, now);
    if (n < 0 && n != -EAGAIN)
        return over(c, so_far(c, n));
    c->done += n > 0 ? (size_t)n : 0;
    if (c->done >= c->io.length || !may_wait(c))
        return over(c, n < 0 ? so_far(c, n) : (ssize_t)c->done);
    socket_waiting(s, &how);
    return wait_for(c, s, how.send_timeout_ns, now);
}

/* More has to come: nothing was there, or MSG_WAITALL or SO_RCVLOWAT is not satisfied. */
static bool wants_more(const struct call *c, const struct socket *s, const struct socket_waiting *how, ssize_t n)
{
    if (n == -EAGAIN)
        return true;
    if (n <= 0 || (c->io.flags & (MSG_PEEK | MSG_OOB)) || !socket_is_stream(s))
        return false;
    return c->done < (c->io.flags & MSG_WAITALL ? c->io.length : min_size(c->io.length, how->low_water));
}

/* Nothing will come any more; an error stays for the next call to tell. */
static bool is_at_end(struct socket *s, int64_t now)
{
    int left = 0;
    return socket_ioctl(s, FIONREAD, &left, now) == 0 && left == 0 && (socket_ready(s) & (POLLERR | POLLRDHUP));
}

static ssize_t receive_once(struct weir_stack *w, struct call *c, struct socket *s, int64_t now)
{
    struct msghdr rest = rest_of(w, c);
    ssize_t n = socket_receive(s, &rest, c->io.flags, now);
    if (n >= 0) { /* else it may be tried again, with the room it has */
        c->io.message->msg_namelen = rest.msg_namelen;
        c->io.message->msg_controllen = rest.msg_controllen;
        c->io.message->msg_flags = rest.msg_flags;
    }
    c->done += n > 0 ? (size_t)n : 0;
    return n;
}

static bool receive_one(struct weir_stack *w, struct call *c, struct socket *s, int64_t now)
{
    struct socket_waiting how;
    socket_waiting(s, &how);
    do {
        if (c->done > 0 && is_at_end(s, now))
            return over(c, (ssize_t)c->done);
        ssize_t n = receive_once(w, c, s, now);
        if (!wants_more(c, s, &how, n) || !may_wait(c) || (c->io.flags & MSG_OOB))
            return over(c, so_far(c, n));
        if (n == -EAGAIN)
            return wait_for(c, s, how.receive_timeout_ns, now);
    } while (true);
}

bool attempt_send(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? send_one(w, c, s, now) : true;
}

bool attempt_receive(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? receive_one(w, c, s, now) : true;
}

/* ---- batches ---- */

static void begin_message(struct call *c)
{
    struct msghdr *m = &c->batch.messages[c->batch.count].msg_hdr;
    c->io.message = m;
    c->io.length = 0;
    c->done = 0;
    for (size_t i = 0; i < m->msg_iovlen && i < POSIX_MAX_PIECES; i++)
        c->io.length += m->msg_iov[i].iov_len;
}

/* One that fails behind others leaves its error for the next call. */
static bool end_batch(struct call *c, struct socket *s, ssize_t error)
{
    if (c->batch.count > 0 && error < 0 && error != -EAGAIN)
        socket_put_error(s, (int)-error);
    return over(c, c->batch.count > 0 || error == 0 ? (ssize_t)c->batch.count : error);
}

/* Each message waits as long as the first. */
static void wait_anew(struct weir_stack *w, struct call *c, int64_t timeout_ns, int64_t now)
{
    if (!c->waits)
        return;
    c->deadline = timeout_ns > 0 ? now + timeout_ns : TIME_NEVER;
    w->next_deadline = min_i64(w->next_deadline, c->deadline);
}

bool attempt_send_batch(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    struct socket_waiting how;
    if (!s)
        return true;
    while (c->batch.count < c->batch.n) {
        if (!c->io.message)
            begin_message(c);
        if (!send_one(w, c, s, now))
            return false;
        if (c->result < 0)
            return over(c, c->batch.count > 0 ? (ssize_t)c->batch.count : c->result);
        c->batch.messages[c->batch.count++].msg_len = (unsigned)c->result;
        if ((size_t)c->result < c->io.length)
            break;
        c->io.message = NULL;
        socket_waiting(s, &how);
        wait_anew(w, c, how.send_timeout_ns, now);
    }
    return over(c, c->batch.count);
}

/* After a message: is it the last? */
static bool received_enough(struct call *c, int64_t now)
{
    if (c->io.flags & MSG_WAITFORONE)
        c->io.flags |= MSG_DONTWAIT;
    if (c->batch.bounded && now - c->batch.begun >= c->batch.left_ns)
        return true;
    const struct msghdr *last = &c->batch.messages[c->batch.count - 1].msg_hdr;
    return c->batch.count == c->batch.n || (last->msg_flags & MSG_OOB);
}

/* As do_recvmmsg() of Linux. */
bool attempt_receive_batch(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    struct socket_waiting how;
    if (!s)
        return true;
    if (c->batch.begun == 0)
        c->batch.begun = now;
    for (bool enough = c->batch.n == 0; !enough; enough = received_enough(c, now)) {
        if (!c->io.message)
            begin_message(c);
        if (!receive_one(w, c, s, now))
            return false;
        if (c->result < 0)
            return end_batch(c, s, c->result);
        c->batch.messages[c->batch.count++].msg_len = (unsigned)c->result;
        c->io.message = NULL;
        socket_waiting(s, &how);
        wait_anew(w, c, how.receive_timeout_ns, now);
    }
    return end_batch(c, s, 0);
}

/* ---- without a copy ---- */

bool attempt_take_pieces(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    struct socket_waiting how;
    struct socket_piece piece;
    int found = 0, result = 1;
    if (!s)
        return true;
    while (found < c->pieces.n && (result = socket_take_piece(s, &piece, now)) == 1)
        c->pieces.to[found++] = (struct weir_piece){piece.bytes, piece.length, piece.number};
    if (found > 0 || result != -EAGAIN || !c->pieces.may_wait || c->file->nonblocking || c->expired)
        return over(c, found > 0 ? found : result);
    socket_waiting(s, &how);
    return wait_for(c, s, how.receive_timeout_ns, now);
}

bool attempt_give_back(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    int e = c->pieces.n < 0 ? -EINVAL : 0;
    for (int i = 0; i < c->pieces.n && e == 0; i++) {
        const struct weir_piece *from = &c->pieces.from[i];
        struct socket_piece piece = {from->bytes, (uint32_t)from->length, (uint32_t)from->number};
        e = socket_give_back(w->sockets, &piece);
    }
    return over(c, e);
}

bool attempt_register(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    return over(c, socket_memory_register(w->sockets, c->memory.base, c->memory.length));
}

bool attempt_unregister(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    return over(c, socket_memory_unregister(w->sockets, c->memory.number));
}

bool attempt_send_registered(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    struct socket_waiting how;
    if (!s)
        return true;
    ssize_t n = socket_send_registered(s, c->memory.number, c->memory.offset, c->memory.length, c->memory.token, now);
    if (n != -EAGAIN || !c->memory.may_wait || c->file->nonblocking || c->expired)
        return over(c, n);
    socket_waiting(s, &how);
    return wait_for(c, s, how.send_timeout_ns, now);
}

bool attempt_completions(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket_completion one;
    int found = 0, result = 1;
    while (found < c->memory.n && (result = socket_take_completion(w->sockets, c->memory.number, &one)) == 1)
        c->memory.to[found++] = (struct weir_completion){one.token, one.acknowledged};
    if (found > 0 || result != -EAGAIN)
        return over(c, found > 0 ? found : result);
    if (c->expired || c->timeout_ns == 0)
        return over(c, 0);
    if (c->waits)
        return false;
    c->deadline = c->timeout_ns > 0 ? now + c->timeout_ns : TIME_NEVER;
    c->watch = (struct call_watch){.watch = {.notify = call_notify}, .call = c};
    socket_memory_watch(w->sockets, c->memory.number, &c->watch.watch);
    return false;
}

/* ---- options ---- */

bool attempt_set_option(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? over(c, socket_set_option(s, c->option.level, c->option.name, c->option.set, c->option.set_length, now))
             : true;
}

bool attempt_get_option(struct weir_stack *w, struct call *c, int64_t now)
{
    struct socket *s = socket_of(w, c);
    return s ? over(c, socket_get_option(s, c->option.level, c->option.name, c->option.get, c->option.get_length, now))
             : true;
}

bool attempt_ioctl(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = file_of(w, c->fd);
    if (!f)
        return over(c, -EBADF);
    if (c->ioctl.request == FIONBIO) {
        f->nonblocking = *(const int *)c->ioctl.argument != 0;
        return over(c, 0);
    }
    return over(c, f->socket ? socket_ioctl(f->socket, c->ioctl.request, c->ioctl.argument, now) : -ENOTTY);
}

bool attempt_fcntl(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = file_of(w, c->fd);
    (void)now;
    if (!f)
        return over(c, -EBADF);
    switch (c->control.command) {
    case F_GETFL:
        return over(c, O_RDWR | (f->nonblocking ? O_NONBLOCK : 0));
    case F_SETFL:
        f->nonblocking = c->control.value & O_NONBLOCK;
        return over(c, 0);
    case F_GETFD:
    case F_SETFD: /* nothing of ours survives exec anyway */
        return over(c, 0);
    default:
        return over(c, -EINVAL);
    }
}

/* ---- closing ---- */

/* SO_LINGER: the descriptor is gone at once, the call waits until everything is acknowledged or the time is over. */
static bool lingers(struct call *c, struct socket *s, int64_t now)
{
    struct socket_waiting how;
    int left = 0;
    if (!c->waits)
        (void)socket_shutdown(s, SHUT_WR, now);
    if (socket_ioctl(s, TIOCOUTQ, &left, now) < 0 || left == 0 || c->expired)
        return false;
    socket_waiting(s, &how);
    wait_for(c, s, how.linger_ns, now);
    return true;
}

bool attempt_close(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = c->file ? c->file : file_of(w, c->fd);
    struct socket_waiting how = {.linger = false};
    if (!f)
        return over(c, -EBADF);
    if (f->socket)
        socket_waiting(f->socket, &how);
    if (!c->file && (!how.linger || f->nonblocking || f->references > 1)) {
        file_remove(w, c->fd, now);
        return over(c, 0);
    }
    if (!c->file) {
        c->file = f;
        file_hold(f);
        file_remove(w, c->fd, now);
    }
    return lingers(c, f->socket, now) ? false : over(c, 0);
}

/* ---- what the stack can reach, and whether it is done ---- */

bool attempt_reach(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    return over(c, (ssize_t)socket_reach(w->sockets, c->reach.address, c->reach.length));
}

bool attempt_families(struct weir_stack *w, struct call *c, int64_t now)
{
    struct stack_address a;
    struct ip_addr ip;
    unsigned has = 0;
    (void)now;
    for (uint32_t i = 0; (i = stack_next_host(w->stack, i)) != 0;)
        if (stack_view_address(w->stack, i, &a) && a.state <= STACK_ADDRESS_DEPRECATED &&
            stack_local_address(w->stack, i, &ip))
            has |= ip_addr_is_v4(&ip) ? WEIR_HAS_IPV4 : WEIR_HAS_IPV6;
    return over(c, (ssize_t)has);
}

/* Those of leases, then those that routers named to stations. */
static unsigned name_servers(const struct weir_stack *w, struct ip_addr *out, unsigned n)
{
    unsigned count = leases_name_servers(w, out, n);
    struct host_settings h;
    for (uint32_t i = 0; (i = stack_next_host(w->stack, i)) != 0;)
        if (stack_view_host(w->stack, i, &h) && h.autoconf)
            count += stack_name_servers(w->stack, i, out + count, n - count);
    return count;
}

bool attempt_name_servers(struct weir_stack *w, struct call *c, int64_t now)
{
    struct ip_addr found[WEIR_MAX_DESTINATIONS];
    unsigned n = name_servers(w, found, min_u32(c->destinations.n, WEIR_MAX_DESTINATIONS));
    (void)now;
    for (unsigned i = 0; i < n; i++)
        memcpy(&c->destinations.list[i], found[i].bytes, sizeof c->destinations.list[i]);
    return over(c, (ssize_t)n);
}

bool attempt_search(struct weir_stack *w, struct call *c, int64_t now)
{
    const char *text = leases_search(w);
    size_t length = strlen(text);
    (void)now;
    if (length < c->search.bytes)
        memcpy(c->search.text, text, length + 1);
    return over(c, length < c->search.bytes ? (ssize_t)length : -ENOSPC);
}

bool attempt_sort(struct weir_stack *w, struct call *c, int64_t now)
{
    struct ip_destination list[WEIR_MAX_DESTINATIONS] = {0};
    unsigned n = c->destinations.n;
    (void)now;
    if (n > WEIR_MAX_DESTINATIONS)
        return over(c, -EINVAL);
    for (unsigned i = 0; i < n; i++)
        list[i].address = ip_addr_from_v6(c->destinations.list[i].s6_addr);
    stack_sort_destinations(w->stack, list, n);
    for (unsigned i = 0; i < n; i++)
        memcpy(&c->destinations.list[i], list[i].address.bytes, sizeof c->destinations.list[i]);
    return over(c, 0);
}

/* Nothing tells of the last acknowledgement: it looks again every millisecond. */
bool attempt_drain(struct weir_stack *w, struct call *c, int64_t now)
{
    if (!c->waits)
        c->drain_until = now + c->timeout_ns;
    if (!socket_layer_is_sending(w->sockets) && !stack_output_pending(w->stack) && !stack_datagrams_waiting(w->stack))
        return over(c, 0);
    if (now >= c->drain_until)
        return over(c, -EAGAIN);
    c->deadline = now + NS_PER_MS;
    w->next_deadline = min_i64(w->next_deadline, c->deadline);
    return false;
}
