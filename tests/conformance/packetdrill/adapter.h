/* SPDX-License-Identifier: MIT */
/*
 * Inside of the packetdrill adapter: one stack with its sockets, one link that packetdrill is the other end of, and virtual time.
 *
 * Two threads of packetdrill come in, its own (main) and one for calls that a script lets block; and one of ours that serves the commands of the stand-ins
 * (control.c). `lock` is held by whoever is in here. Invariants:
 *   P1  only the main thread moves time on (apart from the microsecond that looking at the clock takes).
 *   P2  time stands still while a blocking call is over and its thread has not looked at the clock (`unread`): that is when the call returned.
 *   P3  a file is named by the number of a real descriptor, which packetdrill may close behind our back: a new file with that number takes its place.
 */
#ifndef WEIR_TESTS_PACKETDRILL_ADAPTER_H
#define WEIR_TESTS_PACKETDRILL_ADAPTER_H

#include <pthread.h>

#include "interface.h"
#include "socket/epoll.h"
#include "socket/socket.h"

#define ADAPTER_MAX_FILES 1024
#define ADAPTER_MAX_PIECES 64

/* ---- settings.c ---- */

struct adapter_settings {
    struct ip_addr local; /* ours */
    uint32_t mtu;
    struct tcp_profile tcp;                        /* of new sockets */
    uint32_t receive_buffer, send_buffer, backlog; /* and: net.core.somaxconn */
};
/* Reads "key=value key=value ..." . False: *message says what was found and what is allowed. */
bool settings_parse(struct adapter_settings *s, const char *flags, char message[256]);
/* One sysctl, "net.ipv4.tcp_sack=0": 0; ERR_NOT_FOUND: we have no such; ERR_INVALID. */
int settings_sysctl(struct adapter_settings *s, const char *name, const char *value);
/* Its value as text; ERR_NOT_FOUND. */
int settings_sysctl_get(const struct adapter_settings *s, const char *name, char *value, size_t bytes);

/* ---- wire.c: the link ---- */

struct departure {
    struct departure *next;
    int64_t at;
    size_t length;
    uint8_t bytes[];
};

struct wire {
    struct link link;
    struct packet_pool in, out;
    struct departure *first, *last;
    bool shut; /* what is sent is dropped, as by a driver whose queue is full */
    uint8_t gateway[6];
};
MUST_CHECK int wire_init(struct wire *w, uint32_t mtu);
void wire_free(struct wire *w);
/* An IP packet as a frame from the gateway; NULL: too long, or none is free. */
struct packet *wire_frame(struct wire *w, const void *bytes, size_t length);
/* The oldest that left; NULL: none. The caller frees it. */
struct departure *wire_take(struct wire *w);

/* ---- the whole ---- */

struct file {
    struct socket *socket; /* or */
    struct epoll *epoll;
    bool nonblocking;
};

struct adapter;
struct call;
/* Tries once: a result or a negative errno number; -EAGAIN: it would have to wait. */
typedef long attempt_fn(struct adapter *a, struct call *c);

struct call {
    struct call *next;
    attempt_fn *attempt;
    struct file *file;
    int64_t timeout_ns, deadline; /* timeout_ns 0: none */
    long result;
    bool may_wait, over, expired;
    /* of those that need it */
    struct sockaddr *address;
    const struct sockaddr *to;
    socklen_t *length;
    socklen_t to_length;
    struct msghdr *message;
    size_t done, total;
    int flags;
    struct pollfd *fds;
    nfds_t n_fds;
    struct epoll_event *events;
    int max_events;
};

struct adapter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t main, control_thread;
    int64_t now;
    struct adapter_settings settings;
    struct wire wire;
    struct guard guard;
    struct stack *stack;
    struct socket_layer *sockets;
    struct call *waiting;
    unsigned unread; /* calls that are over whose threads have not looked at the clock */
    struct file files[ADAPTER_MAX_FILES];
    int control; /* listening descriptor */
};

/* world.c */
struct adapter *adapter_new(const struct adapter_settings *s);
void adapter_delete(struct adapter *a);
void adapter_lock(struct adapter *a);
void adapter_unlock(struct adapter *a);
/* Everything that can happen without time passing. */
void adapter_turn(struct adapter *a);
/* Time passes up to `until`, with all that is due on the way. */
void adapter_pass(struct adapter *a, int64_t until);
/* Time passes to the next thing that is due, at most to `limit`. False: nothing is due until then. */
bool adapter_step(struct adapter *a, int64_t limit);
/* Does the call: the result, or -1 with errno. Locks. */
long adapter_perform(struct adapter *a, struct call *c);
/* Its thread has seen what time it is; and the microsecond that took. */
int64_t adapter_look_at_clock(struct adapter *a);

/* files.c */
/* A new descriptor for a socket or an epoll, which it takes: the number, or a negative errno number. */
int file_install(struct adapter *a, struct socket *s, struct epoll *e, bool nonblocking);
struct file *file_of(struct adapter *a, int fd); /* NULL: none of ours */
void file_close(struct adapter *a, int fd);

/* calls.c and events.c */
void calls_fill(struct packetdrill_interface *i);
void events_fill(struct packetdrill_interface *i);
int adapter_get_option(struct adapter *a, int fd, int level, int name, void *value, socklen_t *length);

/* control.c: commands of the stand-ins, which find us by an environment variable. -errno. */
MUST_CHECK int control_start(struct adapter *a);
void control_stop(struct adapter *a);

#endif
