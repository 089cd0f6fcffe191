/* SPDX-License-Identifier: MIT */
/*
 * The words in which cases are written. A case is a function that makes socket calls at two ends of a wire: T, the sockets under test (the kernel's, or
 * Weir's), and P, the peer, always the kernel's. Every call with its result goes into a transcript, and the transcripts of both runs are compared.
 *
 * A case never sleeps to bring about an order: it waits until a socket is ready (T_WAIT, P_WAIT), or for a datagram that follows what was sent before
 * (arrived, departed). Numbers that differ from run to run (descriptors, ephemeral ports) are not written. Ports 0 to 9 belong to one case alone.
 */
#ifndef WEIR_TESTS_SEMANTICS_H
#define WEIR_TESTS_SEMANTICS_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/tcp.h>

#define T_ADDRESS "192.0.2.1"
#define P_ADDRESS "192.0.2.2"
#define NOBODY "192.0.2.99" /* of the wire's network, and there is no such host */
#define NOBODY_ELSE "192.0.2.98"
#define NOWHERE "198.51.100.1" /* of no network that has a route */
#define GROUP "239.1.2.3"
#define NET_BROADCAST "192.0.2.255"

/* ---- calls ---- */

struct api {
    int (*socket)(int domain, int type, int protocol);
    int (*bind)(int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(int fd, int backlog);
    int (*accept)(int fd, struct sockaddr *address, socklen_t *length);
    int (*accept4)(int fd, struct sockaddr *address, socklen_t *length, int flags);
    int (*connect)(int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*send)(int fd, const void *bytes, size_t length, int flags);
    ssize_t (*sendto)(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t n);
    ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
    ssize_t (*recv)(int fd, void *bytes, size_t length, int flags);
    ssize_t (*recvfrom)(int fd, void *bytes, size_t length, int flags, struct sockaddr *from, socklen_t *n);
    ssize_t (*recvmsg)(int fd, struct msghdr *message, int flags);
    ssize_t (*read)(int fd, void *bytes, size_t length);
    ssize_t (*write)(int fd, const void *bytes, size_t length);
    ssize_t (*readv)(int fd, const struct iovec *pieces, int n);
    ssize_t (*writev)(int fd, const struct iovec *pieces, int n);
    int (*sendmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags);
    int (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout);
    int (*shutdown)(int fd, int how);
    int (*getsockname)(int fd, struct sockaddr *address, socklen_t *length);
    int (*getpeername)(int fd, struct sockaddr *address, socklen_t *length);
    int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t length);
    int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *length);
    int (*ioctl)(int fd, unsigned long request, int *value);
    int (*fcntl)(int fd, int command, int value);
    int (*dup)(int fd);
    int (*close)(int fd);
    int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
    int (*select)(int n, fd_set *readable, fd_set *writable, fd_set *exceptional, struct timeval *timeout);
    int (*epoll_create1)(int flags);
    int (*epoll_ctl)(int epoll, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(int epoll, struct epoll_event *events, int max, int timeout_ms);
};
extern const struct api *test_end; /* what is tested */
extern const struct api kernel_peer;

/* One call, written down with what it returned. */
#define T(...) note_call('T', #__VA_ARGS__, (errno = 0, (long)test_end->__VA_ARGS__))
#define P(...) note_call('P', #__VA_ARGS__, (errno = 0, (long)kernel_peer.__VA_ARGS__))
/* The same for one that makes a descriptor, which the case's end closes. */
#define T_FD(...) note_descriptor('T', #__VA_ARGS__, (errno = 0, (long)test_end->__VA_ARGS__))
#define P_FD(...) note_descriptor('P', #__VA_ARGS__, (errno = 0, (long)kernel_peer.__VA_ARGS__))
long note_call(char end, const char *text, long result);
int note_descriptor(char end, const char *text, long result);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note_bytes(const void *bytes, long length);
/* For what brings a case about but is not its subject: it has to succeed. */
#define MUST(x) must((long)(x), #x)
long must(long result, const char *text);

#define LEN ((socklen_t)sizeof(struct sockaddr_in))
/* Addresses with a port of the case (0 to 9); valid for the next sixteen calls. */
const struct sockaddr *address_of(const char *ip, int port);
#define AT_T(n) address_of(T_ADDRESS, n)
#define AT_P(n) address_of(P_ADDRESS, n)
#define ANY(n) address_of("0.0.0.0", n)
#define PORT0 (-1) /* port number 0 */
uint16_t port_of(int n);
void note_address(const void *address, socklen_t length);
void note_name(int fd); /* getsockname and getpeername of T */
void note_peer(int fd);

/* Sets an integer option at T; reads one and writes it down with its length. */
#define T_SET(fd, level, name, value)                                                                                  \
    note_call('T', "setsockopt(" #fd ", " #name ", " #value ")",                                                       \
              (errno = 0, (long)test_end->setsockopt(fd, level, name, &(int){value}, sizeof(int))))
#define T_GET(fd, level, name) note_option(fd, level, name, "getsockopt(" #fd ", " #name ")")
int note_option(int fd, int level, int name, const char *text);

/* ---- waiting ---- */

#define ALL_EVENTS (POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM)
/* Until all of these are true at once; what is true then is written down. */
#define T_WAIT(fd, events) note_wait('T', #fd, fd, events)
#define P_WAIT(fd, events) note_wait('P', #fd, fd, events)
void note_wait(char end, const char *text, int fd, unsigned events);
/* What is true now. */
#define T_READY(fd) note_ready(#fd, fd)
void note_ready(const char *text, int fd);
void note_events(unsigned events);
void arrived(void);  /* what the peer sent before has been processed at T */
void departed(void); /* what T sent before has left, and the peer has processed it */
/* A call of the peer's that is made while T is blocked in one of its own; joined at the end of the case. */
void soon(void (*what)(int fd), int fd);

/* ---- settings ---- */

/* A connection of T and P; which of them connects is the subject of other cases. */
void stream_pair(int *t, int *p);
void stream_pair_from(char end, int *t, int *p);
int t_stream(void), p_stream(void), t_datagram(void),
    p_datagram(void); /* bound: to no address and port; the fence's is taken */
int p_listener(int port);
int t_listener(int port, int backlog);
void datagram_pair(int *t, int *p); /* on ports 0 and 1, connected to each other */
void reset_by_peer(int p);          /* the peer's socket goes with an RST */
void settle(int t, int p);          /* everything that was sent is acknowledged */

/* ---- cases ---- */

struct semantics_case {
    const char *name;
    void (*run)(void);
    struct semantics_case *next;
};
void case_register(struct semantics_case *c);
const struct semantics_case *case_running(void);
#define CASE(case_name)                                                                                                \
    static void case_name(void);                                                                                       \
    __attribute__((constructor)) static void register_##case_name(void)                                                \
    {                                                                                                                  \
        static struct semantics_case c = {.name = #case_name, .run = case_name};                                       \
        case_register(&c);                                                                                             \
    }                                                                                                                  \
    static void case_name(void)

/* api.c */
/* The kernel's sockets in one network namespace; T and P are of different ones. */
void kernel_use(char end, const char *netns);
/* Weir's, on a TAP device whose other side is in the peer's namespace. Exits with a message. */
void weir_use(const char *peer_netns, const char *tap);
void weir_end(void);

#endif
