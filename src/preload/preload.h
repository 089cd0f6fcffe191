/* SPDX-License-Identifier: MIT */
/*
 * Inside of libweir-preload.so: the C library's socket calls for a program that knows nothing of Weir. A call on a number that the table does not know goes
 * to the kernel after a bounds check and a load.
 *
 * Each socket of Weir has a kernel socket that is never bound: its number is the program's descriptor, so that numbers, limits, O_NONBLOCK, fork and what
 * fstat says are the kernel's. A socket of the internet families begins undecided, used as the kernel's; the first call that names an address decides whose
 * it is. The kernel's stay out of the table from then on.
 *
 * Objects of the table are never unmapped, so that a thread that comes late finds an object, if another one's. Look-ups, closing and duplicating take no
 * lock; undecided sockets and the members of epolls are changed under one.
 */
#ifndef WEIR_PRELOAD_PRELOAD_H
#define WEIR_PRELOAD_PRELOAD_H

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "weir/socket.h"

#define EXPORT __attribute__((visibility("default")))

/* ---- kernel.c: the functions that ours stand in front of ---- */

/* clang-format off */
#define KERNEL_CALL_LIST(X)                                                                                            \
    X(socket) X(bind) X(listen) X(accept) X(accept4) X(connect) X(shutdown) X(getsockname) X(getpeername)             \
    X(getsockopt) X(setsockopt) X(send) X(sendto) X(sendmsg) X(sendmmsg) X(recv) X(recvfrom) X(recvmsg) X(recvmmsg)   \
    X(read) X(write) X(readv) X(writev) X(sendfile) X(splice) X(ioctl) X(fcntl) X(close) X(close_range) X(dup)        \
    X(dup2) X(dup3) X(poll) X(ppoll) X(select) X(pselect) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) X(epoll_pwait2)   \
    X(getaddrinfo) X(getifaddrs) X(if_nameindex) X(if_nametoindex) X(if_indextoname) X(_exit)        \
    X(sigaction)
/* clang-format on */
struct kernel_calls {
#define KERNEL_CALL_MEMBER(name) __typeof__(name) *name;
    KERNEL_CALL_LIST(KERNEL_CALL_MEMBER)
#undef KERNEL_CALL_MEMBER
};
extern struct kernel_calls kernel_calls;
extern atomic_bool kernel_ready;
void kernel_resolve(void);
static inline const struct kernel_calls *kernel(void)
{
    if (unlikely(!atomic_load_explicit(&kernel_ready, memory_order_acquire)))
        kernel_resolve();
    return &kernel_calls;
}

/* ---- table.c: descriptors that are not the kernel's alone ---- */

enum kind {
    UNDECIDED, /* a socket on which no address was named yet */
    WEIR,      /* a socket of the stack */
    EPOLL,     /* the kernel's, with members of the stack */
    LOST,      /* a socket of the stack of the process that forked us */
};

struct option {
    struct option *next;
    int level, name;
    socklen_t length;
    char value[];
};

/* An undecided socket in an epoll of the kernel. */
struct registration {
    struct registration *next;
    int epoll;
    struct epoll_event event;
};

struct file {
    _Atomic uint32_t references; /* numbers that stand for it; 0: free */
    _Atomic uint32_t kind;
    int domain, type, protocol;
    int weir; /* the stack's descriptor of a socket or an epoll; -1: none */
    int event; /* of an epoll: the eventfd by which the stack tells an epoll of the kernel that has this one as its member */
    struct option *options;
    struct registration *registrations;
};

extern _Atomic(struct file *) *table;
extern uint32_t table_size; /* 0 until the first socket */

static inline struct file *file_of(int fd)
{
    return (unsigned)fd < table_size ? atomic_load_explicit(&table[fd], memory_order_acquire) : NULL;
}
static inline enum kind file_kind(const struct file *f)
{
    return (enum kind)atomic_load_explicit(&f->kind, memory_order_acquire);
}
/* The file of a socket that calls are for; NULL: the kernel's, for all that a call without an address has to know. */
static inline struct file *socket_of(int fd)
{
    struct file *f = file_of(fd);
    return unlikely(f != NULL) && (file_kind(f) == WEIR || file_kind(f) == LOST) ? f : NULL;
}
/* A file for a number that has none: with one reference, and not visible yet. NULL with errno. */
struct file *file_new(int fd, enum kind kind);
void file_show(int fd, struct file *f);
/* One more number for what `old` stands for, if it is ours. */
void file_share(int number, int old);
/* The number stands for nothing of ours any more; the last one closes. The kernel's descriptor is the caller's to close. */
void file_remove(int fd);
/* The file is the kernel's from now on, under this number and its duplicates. */
void file_forget(int number, struct file *f);
/* Every number from first to last that is ours, one after the other; false: no more. */
bool file_next(int *fd, int last);
/* Sockets of the parent's stack are lost. */
void table_forked(void);
/* We run in memory that a vfork shares with the process it belongs to: its table is not ours to change. */
bool memory_is_borrowed(void);

/* ---- start.c: the stack ---- */

/* The stack, made at the first call; NULL with errno, after a line on stderr. */
struct weir_stack *stack_get(void);
/* The stack, if it is there and this process's. */
struct weir_stack *stack_now(void);
/* The calls of this thread are the library's own and go to the kernel. */
bool is_inside(void);
/* A line on standard error, the first time that a topic comes up. */
enum topic { TOPIC_LOST, TOPIC_SPLICE, TOPIC_STACK, TOPIC_OPTION, TOPIC_RESOLV, TOPIC_COUNT };
void say_once(enum topic topic, const char *format, ...) PRINTF_LIKE(2, 3);
/* The stack of a socket; NULL with errno, after saying so, when it is the parent's. */
struct weir_stack *stack_of(const struct file *f);

/* ---- signals.c ---- */

/* This process's memory is its own from now on: at the beginning, and after a fork. */
void signals_begin(void);

/* ---- decide.c ---- */

extern pthread_mutex_t undecided_lock;
/* Notes what is to be repeated on a socket of the stack. */
void option_record(struct file *f, int level, int name, const void *value, socklen_t length);
void options_free(struct file *f);
/*
 * Whose an undecided socket is, now that an address is named, and makes it so: to bind to it, or to send to it. NULL address: to listen without one.
 * 0, or -1 with errno.
 */
int decide_bind(int fd, struct file *f, const struct sockaddr *address, socklen_t length);
int decide_destination(int fd, struct file *f, const struct sockaddr *address, socklen_t length);

/* ---- epoll.c ---- */

/* The members that an undecided socket is move to the stack's epolls. Under the lock. */
void registrations_move(int fd, struct file *f);
void registrations_free(struct file *f);

/* ---- poll.c ---- */

/* As ppoll, with the timeout in nanoseconds; -1: none. Some of fds are ours. */
int poll_any(struct pollfd *fds, nfds_t n, int64_t timeout_ns, const sigset_t *mask);
int64_t time_ns(void);

#endif
