/* SPDX-License-Identifier: MIT */
/*
 * The interface between packetdrill and a stack under test in a shared object (--so_filename), as we know it from its behaviour: packetdrill_interface_init
 * fills this table, and packetdrill calls it instead of the system. Members and their order are the binary interface. Socket calls return what the system
 * calls do, with errno; netdev_send and netdev_receive pass whole IP packets and return 0, or -1.
 */
#ifndef WEIR_TESTS_PACKETDRILL_INTERFACE_H
#define WEIR_TESTS_PACKETDRILL_INTERFACE_H

#ifndef _GNU_SOURCE
#error "loff_t wants _GNU_SOURCE"
#endif
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
    void *userdata; /* the first argument of all */
    void (*free)(void *user);
    int (*socket)(void *user, int domain, int type, int protocol);
    int (*bind)(void *user, int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(void *user, int fd, int backlog);
    int (*accept)(void *user, int fd, struct sockaddr *address, socklen_t *length);
    int (*connect)(void *user, int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*read)(void *user, int fd, void *bytes, size_t n);
    ssize_t (*readv)(void *user, int fd, const struct iovec *pieces, int n);
    ssize_t (*recv)(void *user, int fd, void *bytes, size_t n, int flags);
    ssize_t (*recvfrom)(void *user, int fd, void *bytes, size_t n, int flags, struct sockaddr *address,
                        socklen_t *length);
    ssize_t (*recvmsg)(void *user, int fd, struct msghdr *message, int flags);
    ssize_t (*write)(void *user, int fd, const void *bytes, size_t n);
    ssize_t (*writev)(void *user, int fd, const struct iovec *pieces, int n);
    ssize_t (*send)(void *user, int fd, const void *bytes, size_t n, int flags);
    ssize_t (*sendto)(void *user, int fd, const void *bytes, size_t n, int flags, const struct sockaddr *address,
                      socklen_t length);
    ssize_t (*sendmsg)(void *user, int fd, const struct msghdr *message, int flags);
    int (*fcntl)(void *user, int fd, int command, ...);
    int (*ioctl)(void *user, int fd, unsigned long request, ...);
    int (*close)(void *user, int fd);
    int (*shutdown)(void *user, int fd, int how);
    int (*getsockopt)(void *user, int fd, int level, int name, void *value, socklen_t *length);
    int (*setsockopt)(void *user, int fd, int level, int name, const void *value, socklen_t length);
    int (*poll)(void *user, struct pollfd *fds, nfds_t n, int timeout_ms);
    int (*netdev_send)(void *user, const void *packet, size_t bytes);
    /* *bytes: room, then length, 0: nothing will ever leave; *time_us: when it left. */
    int (*netdev_receive)(void *user, void *packet, size_t *bytes, long long *time_us);
    int (*usleep)(void *user, useconds_t us);
    int (*gettimeofday)(void *user, struct timeval *time, struct timezone *zone);
    int (*epoll_create)(void *user, int size);
    int (*epoll_ctl)(void *user, int epoll, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *user, int epoll, struct epoll_event *events, int max, int timeout_ms);
    int (*pipe)(void *user, int fds[2]);
    int (*splice)(void *user, int in, loff_t *in_at, int out, loff_t *out_at, size_t n, unsigned flags);
};

#endif
