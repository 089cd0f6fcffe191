/* SPDX-License-Identifier: MIT */
/*
 * The calls of both ends: tables of functions with the signatures of POSIX. A kernel socket belongs to the namespace of the thread that makes it.
 */
#include "semantics.h"

#include <sched.h>
#include <time.h>
#include <weir/socket.h>

const struct api *test_end;

/* ---- the kernel's ---- */

static int t_netns = -1, p_netns = -1;

void kernel_use(char end, const char *netns)
{
    int fd = (int)must(open(netns, O_RDONLY | O_CLOEXEC), netns);
    *(end == 'T' ? &t_netns : &p_netns) = fd;
}

static int socket_in(int netns, int domain, int type, int protocol)
{
    must(setns(netns, CLONE_NEWNET), "setns");
    return socket(domain, type, protocol);
}

static int t_socket(int domain, int type, int protocol) { return socket_in(t_netns, domain, type, protocol); }
static int p_socket(int domain, int type, int protocol) { return socket_in(p_netns, domain, type, protocol); }
static int k_ioctl(int fd, unsigned long request, int *value) { return ioctl(fd, request, value); }
static int k_fcntl(int fd, int command, int value) { return fcntl(fd, command, value); }

#define KERNEL_CALLS                                                                                                   \
    .bind = bind, .listen = listen, .accept = accept, .accept4 = accept4, .connect = connect, .send = send,            \
    .sendto = sendto, .sendmsg = sendmsg, .recv = recv, .recvfrom = recvfrom, .recvmsg = recvmsg, .read = read,        \
    .write = write, .readv = readv, .writev = writev, .sendmmsg = sendmmsg, .recvmmsg = recvmmsg,                      \
    .shutdown = shutdown, .getsockname = getsockname, .getpeername = getpeername, .setsockopt = setsockopt,            \
    .getsockopt = getsockopt, .ioctl = k_ioctl, .fcntl = k_fcntl, .dup = dup, .close = close, .poll = poll,            \
    .select = select, .epoll_create1 = epoll_create1, .epoll_ctl = epoll_ctl, .epoll_wait = epoll_wait

const struct api kernel_peer = {.socket = p_socket, KERNEL_CALLS};
static const struct api kernel_test = {.socket = t_socket, KERNEL_CALLS};

/* ---- Weir's ---- */

static struct weir_stack *stack;

static int w_socket(int domain, int type, int protocol) { return weir_socket(stack, domain, type, protocol); }
static int w_bind(int fd, const struct sockaddr *a, socklen_t n) { return weir_bind(stack, fd, a, n); }
static int w_listen(int fd, int backlog) { return weir_listen(stack, fd, backlog); }
static int w_accept(int fd, struct sockaddr *a, socklen_t *n) { return weir_accept(stack, fd, a, n); }
static int w_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
    return weir_accept4(stack, fd, a, n, flags);
}
static int w_connect(int fd, const struct sockaddr *a, socklen_t n) { return weir_connect(stack, fd, a, n); }
static ssize_t w_send(int fd, const void *bytes, size_t n, int flags) { return weir_send(stack, fd, bytes, n, flags); }
static ssize_t w_sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t to_n)
{
    return weir_sendto(stack, fd, bytes, n, flags, to, to_n);
}
static ssize_t w_sendmsg(int fd, const struct msghdr *m, int flags) { return weir_sendmsg(stack, fd, m, flags); }
static ssize_t w_recv(int fd, void *bytes, size_t n, int flags) { return weir_recv(stack, fd, bytes, n, flags); }
static ssize_t w_recvfrom(int fd, void *bytes, size_t n, int flags, struct sockaddr *from, socklen_t *from_n)
{
    return weir_recvfrom(stack, fd, bytes, n, flags, from, from_n);
}
static ssize_t w_recvmsg(int fd, struct msghdr *m, int flags) { return weir_recvmsg(stack, fd, m, flags); }
static ssize_t w_read(int fd, void *bytes, size_t n) { return weir_read(stack, fd, bytes, n); }
static ssize_t w_write(int fd, const void *bytes, size_t n) { return weir_write(stack, fd, bytes, n); }
static ssize_t w_readv(int fd, const struct iovec *v, int n) { return weir_readv(stack, fd, v, n); }
static ssize_t w_writev(int fd, const struct iovec *v, int n) { return weir_writev(stack, fd, v, n); }
static int w_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    return weir_sendmmsg(stack, fd, m, n, flags);
}
static int w_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t)
{
    return weir_recvmmsg(stack, fd, m, n, flags, t);
}
static int w_shutdown(int fd, int how) { return weir_shutdown(stack, fd, how); }
static int w_getsockname(int fd, struct sockaddr *a, socklen_t *n) { return weir_getsockname(stack, fd, a, n); }
static int w_getpeername(int fd, struct sockaddr *a, socklen_t *n) { return weir_getpeername(stack, fd, a, n); }
static int w_setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
    return weir_setsockopt(stack, fd, level, name, value, n);
}
static int w_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
    return weir_getsockopt(stack, fd, level, name, value, n);
}
static int w_ioctl(int fd, unsigned long request, int *value) { return weir_ioctl(stack, fd, request, value); }
static int w_fcntl(int fd, int command, int value) { return weir_fcntl(stack, fd, command, value); }
static int w_dup(int fd) { return weir_dup(stack, fd); }
static int w_close(int fd) { return weir_close(stack, fd); }
static int w_poll(struct pollfd *fds, nfds_t n, int timeout_ms) { return weir_poll(stack, fds, n, timeout_ms); }
static int w_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t)
{
    return weir_select(stack, n, r, w, e, t);
}
static int w_epoll_create1(int flags) { return weir_epoll_create1(stack, flags); }
static int w_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return weir_epoll_ctl(stack, epoll, operation, fd, event);
}
static int w_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    return weir_epoll_wait(stack, epoll, events, max, timeout_ms);
}

static const struct api weir_test = {.socket = w_socket,
                                     .bind = w_bind,
                                     .listen = w_listen,
                                     .accept = w_accept,
                                     .accept4 = w_accept4,
                                     .connect = w_connect,
                                     .send = w_send,
                                     .sendto = w_sendto,
                                     .sendmsg = w_sendmsg,
                                     .recv = w_recv,
                                     .recvfrom = w_recvfrom,
                                     .recvmsg = w_recvmsg,
                                     .read = w_read,
                                     .write = w_write,
                                     .readv = w_readv,
                                     .writev = w_writev,
                                     .sendmmsg = w_sendmmsg,
                                     .recvmmsg = w_recvmmsg,
                                     .shutdown = w_shutdown,
                                     .getsockname = w_getsockname,
                                     .getpeername = w_getpeername,
                                     .setsockopt = w_setsockopt,
                                     .getsockopt = w_getsockopt,
                                     .ioctl = w_ioctl,
                                     .fcntl = w_fcntl,
                                     .dup = w_dup,
                                     .close = w_close,
                                     .poll = w_poll,
                                     .select = w_select,
                                     .epoll_create1 = w_epoll_create1,
                                     .epoll_ctl = w_epoll_ctl,
                                     .epoll_wait = w_epoll_wait};

void weir_use(const char *peer_netns, const char *tap)
{
    char message[256], link[64];
    snprintf(link, sizeof link, "tap:%s", tap);
    struct weir_interface i = {.size = sizeof i, .link = link, .address = T_ADDRESS "/24", .netns = peer_netns};
    struct weir_stack_options o = {.size = sizeof o, .interfaces = &i, .n_interfaces = 1};
    stack = weir_stack_new(&o, message, sizeof message);
    if (!stack) {
        fprintf(stderr, "%s\n", message);
        exit(2);
    }
    test_end = &weir_test;
}

void weir_end(void) { weir_stack_delete(stack); }

__attribute__((constructor)) static void choose(void) { test_end = &kernel_test; }
