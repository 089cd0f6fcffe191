/* SPDX-License-Identifier: MIT */
/*
 * Inside of the front: the stack as a program has it, its descriptors, and calls on their way.
 *
 * One thread at a time owns everything below struct calls: stack, sockets, descriptors. A thread that calls makes a struct call on its own stack, becomes the
 * owner if nobody else is, and tries its call itself; else it pushes the call onto a lock-free list, which the owner serves before it lets go (owner.c has the
 * protocol and its invariants). A call that has to wait is kept, tried again when something it watches has changed, and ends with its result, its deadline or a
 * cancellation, by whoever owns the stack then. Its memory belongs to the owner until `state` says CALL_DONE. Who waits for frames and timers is the driver:
 * a thread that waits for its call, or the stack's own thread, the loop (drive.c). Embedded, the calling thread is the owner all the time, and what cannot wait
 * is tried at once, without a turn of the stack.
 */
#ifndef WEIR_POSIX_PRIVATE_H
#define WEIR_POSIX_PRIVATE_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "dhcp/clients.h"
#include "engine/trace_file.h"
#include "packet/guard.h"
#include "socket/epoll.h"
#include "socket/socket.h"
#include "weir/socket.h"

#define POSIX_MAX_INTERFACES 15u /* the stack loop is one more */
#define POSIX_MAX_STACKS 64u
#define POSIX_MAX_DESCRIPTORS (1u << 20) /* of one stack: a process-wide number has the stack's above */
#define POSIX_MAX_PIECES 1024u           /* UIO_MAXIOV */
#define POSIX_CALLS_PER_TURN 64u         /* without a turn: at most so many that do not wait */

/* ---- descriptors ---- */

/* What a descriptor stands for; several may stand for the same (dup). */
struct file {
    struct socket *socket; /* or */
    struct epoll *epoll;
    struct weir_stack *stack;
    struct socket_watch *watches; /* of those who wait for an epoll */
    uint32_t references;          /* descriptors, and calls that use it */
    bool nonblocking;
    bool signals; /* an epoll: the next thing to tell is written to event_fd */
    int event_fd; /* plus one; 0: none */
};

struct file_table {
    struct file **files; /* by descriptor */
    uint32_t size, lowest_free;
};

/* ---- calls ---- */

/* What an interface shall get by DHCP. */
struct wanted_leases {
    bool v4, v6;
    uint8_t mac[6];
    uint16_t vlan;           /* 0: none */
    struct ip_addr gateway6; /* which DHCPv6 does not tell */
    int64_t patience_ns;
};

enum call_state { CALL_PENDING, CALL_SLEEPING, CALL_DONE }; /* sleeping: its thread waits on the futex */

struct call;
/* Tries once: true when it is over, with call->result. */
typedef bool attempt_fn(struct weir_stack *w, struct call *c, int64_t now);

/* One of what a call waits for. */
struct call_watch {
    struct socket_watch watch;
    struct call *call;
};

/* An address of an interface, with the gateways that are taken when its own does not answer. */
#define POSIX_SPARE_GATEWAYS 3u
struct wanted_host {
    struct host_settings settings;
    struct ip_addr spares[POSIX_SPARE_GATEWAYS];
    unsigned n_spares;
};

struct call {
    struct call *next; /* on the list of new ones, or of those to be tried again */
    struct call *waiting_next, **waiting_link;
    attempt_fn *attempt;
    struct weir_stack *stack;
    struct file *file; /* held from the first attempt on */
    int fd;
    ssize_t result;     /* or a negative errno number */
    int64_t timeout_ns; /* of poll and epoll_wait; -1: none */
    int64_t deadline;
    size_t done;             /* bytes, so far */
    struct call_watch watch; /* of the file */
    bool waits, woken, expired;
    int event_fd; /* plus one: its thread sleeps on it among others, and the end is written to it; 0: none */
    struct weir_kernel_poll *beside; /* what else ends the wait; of poll and epoll_wait */
    _Atomic uint32_t state;          /* enum call_state */
    struct {                         /* of recvmmsg and sendmmsg, whose `io` is the message that is next */
        struct mmsghdr *messages;
        unsigned n, count; /* count: done */
        bool bounded;      /* by a timeout, which is looked at after each message */
        int64_t begun, left_ns;
    } batch;
    union {
        struct {
            int domain, type, protocol;
        } open;
        struct {
            const struct sockaddr *address;
            socklen_t length;
        } name;
        struct {
            struct sockaddr *address;
            socklen_t *length;
            int flags;
        } accept;
        struct {
            struct msghdr *message;
            size_t length;
            int flags;
        } io;
        struct {
            int level, name;
            const void *set;
            void *get;
            socklen_t set_length;
            socklen_t *get_length;
        } option;
        struct {
            unsigned long request;
            void *argument;
        } ioctl;
        struct {
            int command, value;
        } control;
        struct {
            struct pollfd *fds;
            struct call_watch *watches;
            nfds_t n;
        } poll;
        struct {
            int operation, fd;
            struct epoll_event *events;
            int max;
        } epoll;
        struct {
            const struct sockaddr *address;
            socklen_t length;
        } reach;
        struct {
            struct link *link; /* taken when it succeeds */
            struct wanted_host *hosts;
            unsigned n_hosts;
            int number; /* the interface, once it is attached */
            struct wanted_leases wanted;
            int64_t until; /* how long leases are waited for; 0: it is not attached yet */
        } attach;
        struct {
            unsigned interface;
            int64_t until;
            const char *lack; /* why there is no address */
        } autoconf;
        struct {
            struct weir_piece *to;
            const struct weir_piece *from;
            int n;
            bool may_wait;
        } pieces;
        struct {
            const void *base;
            size_t offset, length;
            uint64_t token;
            struct weir_completion *to;
            int number, n;
            bool may_wait;
        } memory;
        struct {
            struct in6_addr *list;
            unsigned n;
        } destinations;
        struct {
            char *text;
            size_t bytes;
        } search;
        int64_t drain_until;
    };
};

/* ---- the stack ---- */

struct interface_slot {
    struct link *link;
    struct guard guard;
    struct dhcp_clients *leases[2]; /* of IPv4 and IPv6: where addresses come by DHCP */
};

/* How the loop sleeps: it is about to own the stack; on its links, as the driver, or one who was; for a moment; until it is called. */
enum loop_sleep { LOOP_AWAKE, LOOP_POLLS, LOOP_TICKS, LOOP_RESTS };

#define DRIVER_AWAKE INT64_MIN

struct weir_stack {
    /* shared with all threads */
    CACHE_ALIGNED _Atomic(struct call *) calls; /* newest first */
    _Atomic uint32_t owned;                     /* enum owned of owner.c: a lock */
    _Atomic uint32_t loop_calls;                /* the loop sleeps on it while it does not drive */
    _Atomic bool stop;
    int wake_fd, drive_fd; /* eventfds on which the loop, or another driver, sleeps beside the links */
    int signal_fd;         /* a driver other than the loop */
    sigset_t asynchronous; /* signals that wait while a thread is inside */
    int number;            /* in the registry; -1 */
    bool embedded, defer_signals;
    /* the owner's */
    CACHE_ALIGNED struct stack *stack;
    struct socket_layer *sockets;
    struct trace_file trace;
    struct file_table files;
    struct call *driver;  /* whose thread looks after links and timers; &loop: the loop; NULL: nobody */
    struct call loop;     /* stands for the loop as a driver */
    uint32_t looks;       /* how often a thread of the program looked after links and timers, and ceased to */
    int64_t sleeps_until; /* the driver; DRIVER_AWAKE */
    enum loop_sleep loop_sleep;
    sigset_t signals;     /* of signal_fd */
    struct call *waiting; /* all that wait */
    unsigned n_waiting;
    struct call *woken;    /* of them, those to be tried again */
    int64_t next_deadline; /* the earliest of those that wait, or earlier */
    int64_t poll_ns, worked;
    int64_t acknowledged; /* when ACKs last had to wait for answers no longer */
    int cpu;
    unsigned n_interfaces;
    unsigned without_turn; /* calls since the last turn */
    struct interface_slot interfaces[POSIX_MAX_INTERFACES];
    struct iovec pieces[POSIX_MAX_PIECES]; /* the rest of a message */
    pthread_t thread;
    bool thread_running;
};

/* leases.c */
int leases_start(struct weir_stack *w, unsigned interface, const struct wanted_leases *wanted, int64_t now);
bool leases_are_there(const struct weir_stack *w, unsigned interface);
/* Of the leases; returns how many. */
unsigned leases_name_servers(const struct weir_stack *w, struct ip_addr *out, unsigned n);
/* The first search list of a lease of IPv6. */
const char *leases_search(const struct weir_stack *w);
/* When who waits for leases looks again, and how long in all. */
int64_t leases_look_again(int64_t now);
int64_t leases_patience(uint32_t timeout_ms);
void leases_turn(struct weir_stack *w, int64_t now);
int64_t leases_next_deadline(const struct weir_stack *w);
/* Gives them back. The stack moves no more. */
void leases_end(struct weir_stack *w, int64_t now);

/* inside.c */
/* What a thread had before it went inside. */
struct outside {
    sigset_t signals; /* once it is */
    bool barred;      /* from signals; otherwise those that come are deferred */
    int cancel_state;
};
/* A thread of the program inside takes no signals and is not cancelled, so that it never leaves the stack owned. */
void inside_enter(const struct weir_stack *w, struct outside *o);
/* It is going to sleep. */
void inside_bar(const struct weir_stack *w, struct outside *o);
void inside_leave(struct outside *o);

/* owner.c */
/* True: the caller owns the stack. */
MUST_CHECK bool owner_try(struct weir_stack *w);
/* Waits for it. */
void owner_take(struct weir_stack *w);
/* Serves what was handed over meanwhile, sees to it that somebody drives, lets go. */
void owner_release(struct weir_stack *w);
/* Gets a sleeping driver, or the loop, out of its sleep. */
void driver_wake(struct weir_stack *w);
void loop_wake(struct weir_stack *w);
void futex_wake(_Atomic uint32_t *word);
/* timeout_ns -1: none. False: a signal came. */
bool futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);

/* drive.c */
/* The owner waits for its call, if it may: drives until that is done, or somebody else has to drive. */
void drive(struct weir_stack *w, struct call *c, struct outside *o);
/* Nothing to do: the owner lets go and waits for frames, deadlines, and being woken. */
void drive_rest(struct weir_stack *w, struct call *self, int64_t now, struct outside *o);
/* Not the driver: sleeps on c->event_fd and what is beside. False: a signal came. */
bool drive_sleep_beside(struct call *c);
/* This thread's eventfd; -errno. */
int drive_thread_event(void);

/* loop.c */
/* One turn: frames in, calls, frames out. True when something moved. */
bool loop_turn(struct weir_stack *w, int64_t now);
/* By one who waits: when nothing moved, the program has answered what it had to, and ACKs that waited for answers go. */
bool loop_turn_waiting(struct weir_stack *w, int64_t now);
/* The earliest moment at which there is something to do. */
int64_t loop_next_deadline(struct weir_stack *w);
/* Fills what there is to wait on, and shortens the wait; false: frames are there already. */
bool loop_arm_links(struct weir_stack *w, struct pollfd *fds, nfds_t *n, int64_t *left);
/* Embedded: waits for frames and deadlines. */
void loop_rest(struct weir_stack *w, int64_t now, int64_t at_most_ns);
MUST_CHECK int loop_start(struct weir_stack *w);
void loop_stop(struct weir_stack *w);

/* registry.c: the stacks of a process by number. -EMFILE. */
MUST_CHECK int registry_add(struct weir_stack *w);
void registry_remove(struct weir_stack *w);

/* call.c */
/* Does the call, from any thread: returns the result, or -1 with errno. */
ssize_t call_perform(struct weir_stack *w, struct call *c);
/* call_trace.c: it is over. */
void call_trace(const struct trace *t, const struct call *c, int64_t now);
/* Adds 1 to an eventfd, given plus one. */
void event_raise(int event_fd);
bool call_is_done(const struct call *c);
/* The owner's: a waiting call is tried a last time; ends with EINTR, or what it has done so far; ends with an error. */
void call_expire(struct weir_stack *w, struct call *c);
void call_cancel(struct call *c, int64_t now);
void call_fail(struct call *c, int error);
/* The owner's: new calls are tried, those that were woken or are late tried again. How many were there. */
unsigned call_run(struct weir_stack *w, int64_t now);
/* Those that still wait end with an error. */
void call_cancel_all(struct weir_stack *w);
/* Wakes its call, once. */
void call_notify(struct socket_watch *watch, unsigned events);

/* poll.c: nothing is there yet; false with errno: embedded, that has nobody to wait. */
bool poll_beside_valid(const struct weir_stack *w, struct weir_kernel_poll *beside);

/* files.c */
MUST_CHECK int files_init(struct file_table *t, uint32_t size);
/* Closes what is left. */
void files_free(struct file_table *t, int64_t now);
/* NULL: EBADF. */
struct file *file_of(const struct weir_stack *w, int fd);
/* The lowest free descriptor for a file, which it counts; -EMFILE. */
MUST_CHECK int file_install(struct weir_stack *w, struct file *f);
/* A new file of one socket or epoll, or NULL; nobody counts it yet. */
struct file *file_new(struct weir_stack *w, struct socket *s, struct epoll *e);
void file_hold(struct file *f);
/* The last who lets go closes it. */
void file_drop(struct file *f, int64_t now);
/* Takes a descriptor out of the table. */
void file_remove(struct weir_stack *w, int fd, int64_t now);
/* What is true of it now, as poll says it. */
unsigned file_ready(const struct file *f);
void file_watch(struct file *f, struct socket_watch *watch);
/* An epoll has something to tell: its context is the file. */
void file_epoll_woke(void *context);

/* attempts of socket_calls.c, poll.c and epoll_calls.c are named after their calls */
attempt_fn attempt_open, attempt_bind, attempt_listen, attempt_accept, attempt_connect, attempt_send, attempt_receive,
    attempt_send_batch, attempt_receive_batch, attempt_take_pieces, attempt_give_back, attempt_register,
    attempt_unregister, attempt_send_registered, attempt_completions, attempt_shutdown, attempt_name, attempt_peer,
    attempt_set_option, attempt_get_option, attempt_ioctl, attempt_fcntl, attempt_dup, attempt_close, attempt_poll,
    attempt_epoll_create, attempt_epoll_control, attempt_epoll_wait, attempt_epoll_signal, attempt_attach,
    attempt_count_interfaces, attempt_autoconf, attempt_probe, attempt_reach, attempt_families, attempt_sort,
    attempt_name_servers, attempt_search, attempt_drain;

#endif
