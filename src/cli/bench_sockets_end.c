/* SPDX-License-Identifier: MIT */
/*
 * The calls that `weir bench sockets` uses, on Weir's sockets or the kernel's: see bench_sockets.h.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bench_sockets.h"
#include "weir/socket.h"

#define BACKLOG 1024
#define PIECES 16
#define COMPLETIONS 256 /* fewer than a stack keeps */

int bench_end_epoll(const struct bench_end *e)
{
    return e->stack ? weir_epoll_create1(e->stack, 0) : epoll_create1(EPOLL_CLOEXEC);
}

int bench_end_control(const struct bench_end *e, int epoll, int operation, int fd, uint32_t events, uint64_t user)
{
    struct epoll_event event = {.events = events, .data.u64 = user};
    return e->stack ? weir_epoll_ctl(e->stack, epoll, operation, fd, &event) : epoll_ctl(epoll, operation, fd, &event);
}

int bench_end_wait(const struct bench_end *e, int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    return e->stack ? weir_epoll_wait(e->stack, epoll, events, max, timeout_ms)
                    : epoll_wait(epoll, events, max, timeout_ms);
}

static int set_option(const struct bench_end *e, int fd, int level, int name, const void *value, socklen_t length)
{
    return e->stack ? weir_setsockopt(e->stack, fd, level, name, value, length)
                    : setsockopt(fd, level, name, value, length);
}

int bench_end_socket(const struct bench_end *e, bool nonblocking)
{
    int type = SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), on = 1;
    int fd = e->stack ? weir_socket(e->stack, AF_INET, type, 0) : socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (set_option(e, fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) == 0 &&
        set_option(e, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        return fd;
    bench_end_close(e, fd);
    return -1;
}

static struct sockaddr_in address_of(const struct bench_end *e, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = e->address, .sin_port = htons(port)};
}

int bench_end_connect(const struct bench_end *e, int fd, uint16_t port)
{
    struct sockaddr_in to = address_of(e, port);
    const struct sockaddr *a = (const struct sockaddr *)&to;
    return e->stack ? weir_connect(e->stack, fd, a, sizeof to) : connect(fd, a, sizeof to);
}

int bench_end_listen(const struct bench_end *e, uint16_t port)
{
    struct sockaddr_in at = address_of(e, port);
    const struct sockaddr *a = (const struct sockaddr *)&at;
    int fd = bench_end_socket(e, true), on = 1;
    if (fd < 0)
        return -1;
    if (set_option(e, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (e->stack ? weir_bind(e->stack, fd, a, sizeof at) : bind(fd, a, sizeof at)) == 0 &&
        (e->stack ? weir_listen(e->stack, fd, BACKLOG) : listen(fd, BACKLOG)) == 0)
        return fd;
    bench_end_close(e, fd);
    return -1;
}

int bench_end_accept(const struct bench_end *e, int fd)
{
    return e->stack ? weir_accept4(e->stack, fd, NULL, NULL, SOCK_NONBLOCK)
                    : accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t bench_end_send(const struct bench_end *e, int fd, const void *bytes, size_t length)
{
    return e->stack ? weir_send(e->stack, fd, bytes, length, 0) : send(fd, bytes, length, MSG_NOSIGNAL);
}

int bench_end_register(const struct bench_end *e, const void *bytes, size_t length)
{
    return weir_memory_register(e->stack, bytes, length);
}

ssize_t bench_end_send_registered(const struct bench_end *e, int fd, int memory, size_t length, uint64_t number)
{
    struct weir_completion done[COMPLETIONS];
    if (number % COMPLETIONS == 0 && weir_completions(e->stack, memory, done, COMPLETIONS, 0) < 0)
        return -1;
    return weir_send_registered(e->stack, fd, memory, 0, length, number, 0);
}

int bench_end_unregister(const struct bench_end *e, int memory)
{
    struct weir_completion done[COMPLETIONS];
    int n;
    while ((n = weir_completions(e->stack, memory, done, COMPLETIONS, -1)) > 0)
        ;
    return n < 0 ? -1 : weir_memory_unregister(e->stack, memory);
}

ssize_t bench_end_receive(const struct bench_end *e, int fd, void *bytes, size_t length)
{
    return e->stack ? weir_recv(e->stack, fd, bytes, length, 0) : recv(fd, bytes, length, 0);
}

ssize_t bench_end_receive_pieces(const struct bench_end *e, int fd)
{
    struct weir_piece pieces[PIECES];
    int n = weir_recv_pieces(e->stack, fd, pieces, PIECES, 0);
    ssize_t bytes = 0;
    for (int i = 0; i < n; i++)
        bytes += (ssize_t)pieces[i].length;
    return n <= 0 || weir_release(e->stack, pieces, n) < 0 ? -1 : bytes;
}

int bench_end_finish(const struct bench_end *e, int fd)
{
    return e->stack ? weir_shutdown(e->stack, fd, SHUT_WR) : shutdown(fd, SHUT_WR);
}

void bench_end_close(const struct bench_end *e, int fd)
{
    if (e->stack)
        weir_close(e->stack, fd);
    else
        close(fd);
}
