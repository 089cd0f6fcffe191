/* SPDX-License-Identifier: MIT */
/*
 * The functions of weir/socket.h: each is a call for the owner.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "engine/clock.h"
#include "posix/private.h"

int weir_turn(struct weir_stack *w, int64_t timeout_ns)
{
    int64_t now = clock_now();
    int64_t end = timeout_ns < 0 ? TIME_NEVER : now + timeout_ns;
    if (!w->embedded) {
        errno = EINVAL;
        return -1;
    }
    for (;; now = clock_now()) {
        if (loop_turn_waiting(w, now))
            return 1;
        if (now >= end)
            return 0;
        loop_rest(w, now, end == TIME_NEVER ? TIME_NEVER : end - now);
    }
}

/* ---- making, naming ---- */

int weir_socket(struct weir_stack *s, int domain, int type, int protocol)
{
    struct call c = {.attempt = attempt_open, .fd = -1, .open = {domain, type, protocol}};
    return (int)call_perform(s, &c);
}

int weir_bind(struct weir_stack *s, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call c = {.attempt = attempt_bind, .fd = fd, .name = {address, length}};
    return (int)call_perform(s, &c);
}

int weir_listen(struct weir_stack *s, int fd, int backlog)
{
    struct call c = {.attempt = attempt_listen, .fd = fd, .control = {0, backlog}};
    return (int)call_perform(s, &c);
}

int weir_accept4(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct call c = {.attempt = attempt_accept, .fd = fd, .accept = {address, length, flags}};
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) {
        errno = EINVAL;
        return -1;
    }
    return (int)call_perform(s, &c);
}

int weir_accept(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length)
{
    return weir_accept4(s, fd, address, length, 0);
}

int weir_connect(struct weir_stack *s, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call c = {.attempt = attempt_connect, .fd = fd, .name = {address, length}};
    return (int)call_perform(s, &c);
}

int weir_getsockname(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length)
{
    struct call c = {.attempt = attempt_name, .fd = fd, .accept = {address, length, 0}};
    return (int)call_perform(s, &c);
}

int weir_getpeername(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length)
{
    struct call c = {.attempt = attempt_peer, .fd = fd, .accept = {address, length, 0}};
    return (int)call_perform(s, &c);
}

/* ---- data ---- */

static ssize_t perform_io(struct weir_stack *s, attempt_fn *attempt, int fd, struct msghdr *m, int flags)
{
    struct call c = {.attempt = attempt, .fd = fd, .io = {.message = m, .flags = flags}};
    for (size_t i = 0; i < m->msg_iovlen && m->msg_iovlen <= POSIX_MAX_PIECES; i++) /* more: EMSGSIZE */
        c.io.length += m->msg_iov[i].iov_len;
    return call_perform(s, &c);
}

ssize_t weir_sendmsg(struct weir_stack *s, int fd, const struct msghdr *message, int flags)
{
    struct msghdr m = *message;
    return perform_io(s, attempt_send, fd, &m, flags);
}

ssize_t weir_recvmsg(struct weir_stack *s, int fd, struct msghdr *message, int flags)
{
    return perform_io(s, attempt_receive, fd, message, flags);
}

ssize_t weir_sendto(struct weir_stack *s, int fd, const void *bytes, size_t length, int flags,
                    const struct sockaddr *to, socklen_t to_length)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = to_length, .msg_iov = &v, .msg_iovlen = 1};
    return perform_io(s, attempt_send, fd, &m, flags);
}

ssize_t weir_recvfrom(struct weir_stack *s, int fd, void *bytes, size_t length, int flags, struct sockaddr *from,
                      socklen_t *from_length)
{
    struct iovec v = {.iov_base = bytes, .iov_len = length};
    struct msghdr m = {.msg_name = from, .msg_namelen = from_length ? *from_length : 0, .msg_iov = &v, .msg_iovlen = 1};
    ssize_t n = perform_io(s, attempt_receive, fd, &m, flags);
    if (n >= 0 && from_length)
        *from_length = m.msg_namelen;
    return n;
}

ssize_t weir_send(struct weir_stack *s, int fd, const void *bytes, size_t length, int flags)
{
    return weir_sendto(s, fd, bytes, length, flags, NULL, 0);
}

ssize_t weir_recv(struct weir_stack *s, int fd, void *bytes, size_t length, int flags)
{
    return weir_recvfrom(s, fd, bytes, length, flags, NULL, NULL);
}

ssize_t weir_write(struct weir_stack *s, int fd, const void *bytes, size_t length)
{
    return weir_send(s, fd, bytes, length, 0);
}

ssize_t weir_read(struct weir_stack *s, int fd, void *bytes, size_t length)
{
    return weir_recv(s, fd, bytes, length, 0);
}

#define MAX_BATCH 1024u /* UIO_MAXIOV */

int weir_sendmmsg(struct weir_stack *s, int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    struct call c = {.attempt = attempt_send_batch, .fd = fd, .io = {.flags = flags}};
    c.batch.messages = messages;
    c.batch.n = min_u32(n, MAX_BATCH);
    return (int)call_perform(s, &c);
}

static bool time_valid(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < NS_PER_S && t->tv_sec < INT64_MAX / NS_PER_S;
}

int weir_recvmmsg(struct weir_stack *s, int fd, struct mmsghdr *messages, unsigned n, int flags,
                  struct timespec *timeout)
{
    struct call c = {.attempt = attempt_receive_batch, .fd = fd, .io = {.flags = flags}};
    c.batch.messages = messages;
    c.batch.n = min_u32(n, MAX_BATCH);
    if (timeout && !time_valid(timeout)) {
        errno = EINVAL;
        return -1;
    }
    c.batch.bounded = timeout != NULL;
    c.batch.left_ns = timeout ? timeout->tv_sec * NS_PER_S + timeout->tv_nsec : 0;
    int result = (int)call_perform(s, &c);
    if (timeout && result > 0) {
        int64_t left = max_i64(c.batch.left_ns - (clock_now() - c.batch.begun), 0);
        *timeout = (struct timespec){.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    }
    return result;
}

static bool pieces_valid(int n)
{
    if (n < 0 || (unsigned)n > POSIX_MAX_PIECES)
        errno = EINVAL;
    return n >= 0 && (unsigned)n <= POSIX_MAX_PIECES;
}

ssize_t weir_readv(struct weir_stack *s, int fd, const struct iovec *pieces, int n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)n};
    return pieces_valid(n) ? perform_io(s, attempt_receive, fd, &m, 0) : -1;
}

ssize_t weir_writev(struct weir_stack *s, int fd, const struct iovec *pieces, int n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)n};
    return pieces_valid(n) ? perform_io(s, attempt_send, fd, &m, 0) : -1;
}

int weir_recv_pieces(struct weir_stack *s, int fd, struct weir_piece *pieces, int n, int flags)
{
    struct call c = {.attempt = attempt_take_pieces, .fd = fd};
    c.pieces.to = pieces;
    c.pieces.n = n;
    c.pieces.may_wait = flags == 0;
    if (n < 1 || (flags & ~MSG_DONTWAIT)) {
        errno = EINVAL;
        return -1;
    }
    return (int)call_perform(s, &c);
}

int weir_release(struct weir_stack *s, const struct weir_piece *pieces, int n)
{
    struct call c = {.attempt = attempt_give_back, .fd = -1};
    c.pieces.from = pieces;
    c.pieces.n = n;
    return (int)call_perform(s, &c);
}

int weir_memory_register(struct weir_stack *s, const void *base, size_t size)
{
    struct call c = {.attempt = attempt_register, .fd = -1, .memory = {.base = base, .length = size}};
    return (int)call_perform(s, &c);
}

int weir_memory_unregister(struct weir_stack *s, int memory)
{
    struct call c = {.attempt = attempt_unregister, .fd = -1, .memory = {.number = memory}};
    return (int)call_perform(s, &c);
}

ssize_t weir_send_registered(struct weir_stack *s, int fd, int memory, size_t offset, size_t length, uint64_t token,
                             int flags)
{
    struct call c = {
        .attempt = attempt_send_registered,
        .fd = fd,
        .memory = {
            .number = memory, .offset = offset, .length = length, .token = token, .may_wait = !(flags & MSG_DONTWAIT)}};
    if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL)) {
        errno = EINVAL;
        return -1;
    }
    return call_perform(s, &c);
}

int weir_completions(struct weir_stack *s, int memory, struct weir_completion *completions, int n, int timeout_ms)
{
    struct call c = {.attempt = attempt_completions,
                     .fd = -1,
                     .timeout_ns = timeout_ms < 0 ? -1 : timeout_ms * NS_PER_MS,
                     .memory = {.number = memory, .to = completions, .n = n}};
    if (n < 1) {
        errno = EINVAL;
        return -1;
    }
    return (int)call_perform(s, &c);
}

/* ---- the rest ---- */

int weir_shutdown(struct weir_stack *s, int fd, int how)
{
    struct call c = {.attempt = attempt_shutdown, .fd = fd, .control = {0, how}};
    return (int)call_perform(s, &c);
}

int weir_setsockopt(struct weir_stack *s, int fd, int level, int name, const void *value, socklen_t length)
{
    struct call c = {.attempt = attempt_set_option, .fd = fd};
    c.option.level = level;
    c.option.name = name;
    c.option.set = value;
    c.option.set_length = length;
    return (int)call_perform(s, &c);
}

int weir_getsockopt(struct weir_stack *s, int fd, int level, int name, void *value, socklen_t *length)
{
    struct call c = {.attempt = attempt_get_option, .fd = fd};
    c.option.level = level;
    c.option.name = name;
    c.option.get = value;
    c.option.get_length = length;
    return (int)call_perform(s, &c);
}

int weir_ioctl(struct weir_stack *s, int fd, unsigned long request, void *argument)
{
    struct call c = {.attempt = attempt_ioctl, .fd = fd, .ioctl = {request, argument}};
    return (int)call_perform(s, &c);
}

int weir_fcntl(struct weir_stack *s, int fd, int command, int value)
{
    struct call c = {.attempt = attempt_fcntl, .fd = fd, .control = {command, value}};
    return (int)call_perform(s, &c);
}

int weir_dup(struct weir_stack *s, int fd)
{
    struct call c = {.attempt = attempt_dup, .fd = fd};
    return (int)call_perform(s, &c);
}

int weir_close(struct weir_stack *s, int fd)
{
    struct call c = {.attempt = attempt_close, .fd = fd};
    return (int)call_perform(s, &c);
}

/* ---- epoll ---- */

int weir_epoll_create1(struct weir_stack *s, int flags)
{
    struct call c = {.attempt = attempt_epoll_create, .fd = -1};
    if (flags & ~EPOLL_CLOEXEC) {
        errno = EINVAL;
        return -1;
    }
    return (int)call_perform(s, &c);
}

int weir_epoll_ctl(struct weir_stack *s, int epoll, int operation, int fd, struct epoll_event *event)
{
    struct call c = {.attempt = attempt_epoll_control, .fd = epoll};
    c.epoll.operation = operation;
    c.epoll.fd = fd;
    c.epoll.events = event;
    return (int)call_perform(s, &c);
}

int weir_epoll_wait(struct weir_stack *s, int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    struct call c = {.attempt = attempt_epoll_wait, .fd = epoll};
    c.timeout_ns = timeout_ms < 0 ? -1 : timeout_ms * NS_PER_MS;
    c.epoll.events = events;
    c.epoll.max = max;
    return (int)call_perform(s, &c);
}

int weir_epoll_wait_with(struct weir_stack *s, int epoll, struct epoll_event *events, int max, int64_t timeout_ns,
                         struct weir_kernel_poll *beside)
{
    struct call c = {.attempt = attempt_epoll_wait, .fd = epoll, .timeout_ns = timeout_ns, .beside = beside};
    c.epoll.events = events;
    c.epoll.max = max;
    return poll_beside_valid(s, beside) ? (int)call_perform(s, &c) : -1;
}

int weir_epoll_signal(struct weir_stack *s, int epoll, int event_fd)
{
    struct call c = {.attempt = attempt_epoll_signal, .fd = epoll, .control = {0, event_fd + 1}};
    return (int)call_perform(s, &c);
}

/* ---- what the stack can reach, and whether it is done ---- */

enum weir_reach weir_reach(struct weir_stack *s, const struct sockaddr *address, socklen_t length)
{
    struct call c = {.attempt = attempt_reach, .reach = {address, length}};
    return (enum weir_reach)call_perform(s, &c);
}

unsigned weir_families(struct weir_stack *s)
{
    struct call c = {.attempt = attempt_families};
    return (unsigned)call_perform(s, &c);
}

unsigned weir_name_servers(struct weir_stack *s, struct in6_addr *list, unsigned n)
{
    struct call c = {.attempt = attempt_name_servers, .destinations = {list, n}};
    return (unsigned)call_perform(s, &c);
}

int weir_search_domains(struct weir_stack *s, char *text, size_t bytes)
{
    struct call c = {.attempt = attempt_search, .search = {text, bytes}};
    return (int)call_perform(s, &c);
}

int weir_sort_destinations(struct weir_stack *s, struct in6_addr *list, unsigned n)
{
    struct call c = {.attempt = attempt_sort, .destinations = {list, n}};
    return (int)call_perform(s, &c);
}

int weir_drain(struct weir_stack *s, int timeout_ms)
{
    struct call c = {.attempt = attempt_drain, .timeout_ns = timeout_ms * NS_PER_MS};
    return (int)call_perform(s, &c);
}
