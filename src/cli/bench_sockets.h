/* SPDX-License-Identifier: MIT */
/*
 * Inside of `weir bench sockets`: one program over two kinds of sockets, those of weir/socket.h and the kernel's. A server with an epoll offers four services,
 * each on a port; a client measures with them. Both ends are this program, whatever their sockets are.
 */
#ifndef WEIR_CLI_BENCH_SOCKETS_H
#define WEIR_CLI_BENCH_SOCKETS_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/compiler.h"
#include "base/time_ns.h"

struct weir_stack;

/* Sockets of a stack, or of the kernel where it is NULL. The calls below are their namesakes', -1 with errno. */
struct bench_end {
    struct weir_stack *stack;
    struct in_addr address; /* a server's own; where a client connects to */
};

int bench_end_epoll(const struct bench_end *e);
int bench_end_control(const struct bench_end *e, int epoll, int operation, int fd, uint32_t events, uint64_t user);
int bench_end_wait(const struct bench_end *e, int epoll, struct epoll_event *events, int max, int timeout_ms);
/* A stream socket with CUBIC and without Nagle's delay. */
int bench_end_socket(const struct bench_end *e, bool nonblocking);
int bench_end_connect(const struct bench_end *e, int fd, uint16_t port);
/* Bound to the address and port, listening. */
int bench_end_listen(const struct bench_end *e, uint16_t port);
int bench_end_accept(const struct bench_end *e, int fd);
ssize_t bench_end_send(const struct bench_end *e, int fd, const void *bytes, size_t length);
/*
 * Sending without a copy, Weir's only: memory whose bytes never change, all of which is sent with each call (weir_send_registered); what was acknowledged is
 * taken note of with every some calls. The end waits for the rest and lets go of the memory.
 */
int bench_end_register(const struct bench_end *e, const void *bytes, size_t length);
ssize_t bench_end_send_registered(const struct bench_end *e, int fd, int memory, size_t length, uint64_t number);
int bench_end_unregister(const struct bench_end *e, int memory);
/* Receives, reads and gives back without a copy (weir_recv_pieces); Weir's only. The bytes. */
ssize_t bench_end_receive_pieces(const struct bench_end *e, int fd);
ssize_t bench_end_receive(const struct bench_end *e, int fd, void *bytes, size_t length);
int bench_end_finish(const struct bench_end *e, int fd); /* shutdown(SHUT_WR) */
void bench_end_close(const struct bench_end *e, int fd);

/* Ports of the services, from this one on. */
#define BENCH_SOCKETS_PORT 7001u
enum bench_service {
    BENCH_DISCARD, /* reads until the end, then closes */
    BENCH_SOURCE,  /* writes without end */
    BENCH_ECHO,    /* each byte comes back */
    BENCH_ONE,     /* the same with one byte, then it closes: TIME_WAIT is the server's */
    BENCH_SERVICES
};

/* Serves until *stop. 0, or -1 with errno. With `ready`, it is set once the services listen. */
int bench_sockets_serve(const struct bench_end *e, const atomic_bool *stop, atomic_bool *ready);

struct bench_sockets_figures {
    double to_bps, from_bps; /* bits of payload a second, to and from the server */
    double pieces_bps;       /* from it, without a copy; 0: the kernel's sockets */
    double registered_bps;   /* to it, without a copy; the same */
    double p50_ns, p99_ns;   /* of a byte there and back */
    double connections_per_second;
};

/* Measures each figure for about run_ns. 0, or -1 with errno and *what it was doing. */
int bench_sockets_measure(const struct bench_end *e, int64_t run_ns, struct bench_sockets_figures *f,
                          const char **what);

#endif
