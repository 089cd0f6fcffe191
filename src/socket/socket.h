/* SPDX-License-Identifier: MIT */
/*
 * Sockets over a stack: what Linux's socket calls do, as plain objects that never wait. One thread owns a layer, its stack and all of its sockets; time is
 * an argument. Waiting, descriptors and threads are the front's (posix/).
 *
 * Results and errors are Linux's: 0 or more, or a negative errno number. A call that would have to wait returns -EAGAIN (connect: -EINPROGRESS), and
 * readiness says when it is worth another try. Addresses are struct sockaddr of AF_INET or AF_INET6 (IPv4 mapped); messages are struct msghdr. What differs
 * from Linux is listed in ARCHITECTURE.md.
 *
 * A socket is its user's from socket_open or socket_accept until socket_close; what it has to send is still sent after that.
 */
#ifndef WEIR_SOCKET_SOCKET_H
#define WEIR_SOCKET_SOCKET_H

#include "stack/stack.h"

#include <sys/socket.h>

struct socket_layer;
struct socket;

/* Everything that happens to sockets, and why something was not done. */
/* clang-format off */
#define SOCKET_COUNTER_LIST(X)                                                                                         \
    X(opened) X(closed) X(accepted) X(bytes_sent) X(bytes_received) X(datagrams_sent) X(datagrams_received)            \
    X(drop_backlog_full) X(drop_filter) X(drop_receive_buffer) X(drop_no_receiver) X(drop_no_room) X(drop_no_memory) X(drop_no_socket) X(reset_unread)
/* clang-format on */
struct socket_counters {
#define SOCKET_COUNTER_FIELD(name) uint64_t name;
    SOCKET_COUNTER_LIST(SOCKET_COUNTER_FIELD)
#undef SOCKET_COUNTER_FIELD
};

struct socket_settings {
    uint32_t max_sockets;  /* default 16384, with those whose data is still on its way after their close */
    uint64_t buffer_bytes; /* of all sockets together; default 1 GiB, touched only as far as it is used */
    uint32_t send_buffer, receive_buffer; /* of a new socket; default 256 KiB */
    /* How far they grow by themselves unless an option says otherwise; default 4 and 6 MiB, as Linux; 0: not at all */
    uint32_t send_buffer_max, receive_buffer_max;
    uint32_t max_buffer;            /* the most that SO_SNDBUF and SO_RCVBUF give, before doubling; default 4 MiB */
    uint32_t max_pieces;            /* that socket_take_piece has out, in all; default 1024 */
    uint32_t max_memories;          /* registered for sending; default 64, at most 65535 */
    uint32_t max_registered_sends;  /* of them, until their completions are taken; default 4096 */
    uint16_t port_first, port_last; /* for bind to port 0; default 32768, 60999 */
    uint32_t max_backlog;           /* default 4096 */
    bool loopback;                  /* 127.0.0.0/8 and ::1 are here (stack_add_loopback); default true */
    struct tcp_profile tcp;         /* of a new stream socket; default: Nagle on, 16 KiB .. as Linux */
    struct hash_key secret;
};
void socket_settings_default(struct socket_settings *s);

/*
 * Sockets over all hosts of a stack. The stack's tcp.max_users bounds how many combinations of TCP options may be in use at once. -ENOMEM, -EINVAL.
 * The stack outlives the layer.
 */
MUST_CHECK int socket_layer_new(const struct socket_settings *settings, struct stack *stack, const struct allocator *a,
                                struct socket_layer **out);
/* Every socket ends without a word. */
void socket_layer_delete(struct socket_layer *l);
/* Of sockets opened from now on. */
void socket_layer_set_defaults(struct socket_layer *l, const struct tcp_profile *tcp, uint32_t send_buffer,
                               uint32_t receive_buffer);
const struct socket_counters *socket_counters(const struct socket_layer *l);
/* Sockets that are there now, with those that linger. */
uint32_t socket_count(const struct socket_layer *l);

/* ---- calls: see their manual pages of section 2 ---- */

/* type without SOCK_NONBLOCK and SOCK_CLOEXEC. -EAFNOSUPPORT, -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -ENOBUFS. */
MUST_CHECK int socket_open(struct socket_layer *l, int domain, int type, int protocol, struct socket **out);
int socket_close(struct socket *s, int64_t now);
int socket_bind(struct socket *s, const struct sockaddr *address, socklen_t length, int64_t now);
int socket_listen(struct socket *s, int backlog, int64_t now);
/* The oldest connection that waits; `address` may be NULL. */
MUST_CHECK int socket_accept(struct socket *s, struct sockaddr *address, socklen_t *length, struct socket **out);
/* 0 or -EINPROGRESS; called again: -EALREADY until the handshake ended, then 0 once, then -EISCONN. */
int socket_connect(struct socket *s, const struct sockaddr *address, socklen_t length, int64_t now);
/*
 * The bytes that were taken or given; flags as in sendmsg and recvmsg, of which MSG_DONTWAIT says nothing new and MSG_WAITALL is the front's. -EPIPE comes
 * without a signal.
 */
ssize_t socket_send(struct socket *s, const struct msghdr *message, int flags, int64_t now);
ssize_t socket_receive(struct socket *s, struct msghdr *message, int flags, int64_t now);
/* Bytes that a stream received, where they lie. */
struct socket_piece {
    const uint8_t *bytes;
    uint32_t length, number;
};
/*
 * The oldest of them, whole: the caller's until it is given back to the layer. 1; 0 (the end), -EAGAIN and errors as of socket_receive; -EOPNOTSUPP (no
 * stream), -EINVAL (urgent data comes next, which socket_receive reads), -ENOBUFS (settings.max_pieces are out).
 */
int socket_take_piece(struct socket *s, struct socket_piece *out, int64_t now);
/* -EINVAL: that piece is not out. */
int socket_give_back(struct socket_layer *l, const struct socket_piece *piece);
/*
 * Memory of the user from which streams send without a copy. Its number; -EINVAL (nothing, or beyond the end of the address space), -ENOBUFS
 * (settings.max_memories).
 */
int socket_memory_register(struct socket_layer *l, const void *base, size_t size);
/* Completions that nobody took are forgotten. -EINVAL (no such memory), -EBUSY (a stream still needs some of it). */
int socket_memory_unregister(struct socket_layer *l, int memory);
#define SOCKET_REGISTERED_MAX (UINT32_C(1) << 30)
/*
 * As socket_send of a part of it, which goes whole as soon as there is any room: `length`, or -EAGAIN and errors as of socket_send; -EOPNOTSUPP (no stream),
 * -EINVAL (no such memory, no bytes, more than SOCKET_REGISTERED_MAX, or not all within it), -ENOBUFS (settings.max_registered_sends). The bytes must stay as
 * they are until their completion; each send that succeeded has one.
 */
ssize_t socket_send_registered(struct socket *s, int memory, size_t offset, size_t length, uint64_t token, int64_t now);
struct socket_completion {
    uint64_t token;
    bool acknowledged; /* all of it, by the peer; or the connection ended before */
};
/* The oldest completion of a memory. 1; 0: none is to come, -EAGAIN: not yet, -EINVAL (no such memory). */
int socket_take_completion(struct socket_layer *l, int memory, struct socket_completion *out);
int socket_shutdown(struct socket *s, int how, int64_t now);
int socket_name(const struct socket *s, struct sockaddr *address, socklen_t *length);
int socket_peer(const struct socket *s, struct sockaddr *address, socklen_t *length);
int socket_set_option(struct socket *s, int level, int name, const void *value, socklen_t length, int64_t now);
int socket_get_option(struct socket *s, int level, int name, void *value, socklen_t *length, int64_t now);
/* FIONREAD (SIOCINQ), SIOCOUTQ, SIOCATMARK (an int), and of interfaces SIOCGIFCONF (struct ifconf), SIOCGIF..., SIOCSIFMTU, SIOCSIFFLAGS (struct ifreq). */
int socket_ioctl(struct socket *s, unsigned long request, void *argument, int64_t now);

/* What a front needs of a socket to wait for it. */
struct socket_waiting {
    int64_t send_timeout_ns, receive_timeout_ns; /* SO_SNDTIMEO, SO_RCVTIMEO; 0: none */
    uint32_t low_water;                          /* SO_RCVLOWAT */
    bool linger;                                 /* close waits up to linger_ns for the acknowledgement of everything */
    int64_t linger_ns;
};
void socket_waiting(const struct socket *s, struct socket_waiting *out);
/* Bytes without boundaries: MSG_WAITALL makes sense. */
bool socket_is_stream(const struct socket *s);
/* The next call fails with it: a batch of messages had done something before it failed. */
void socket_put_error(struct socket *s, int error);
/* Connected or failed, so that a connect that waits is over; 0 or the error, which is taken. */
int socket_take_error(struct socket *s);

/* What an address is to the stack; one that is no address is unreachable. */
enum socket_reach { SOCKET_UNREACHABLE, SOCKET_ROUTED, SOCKET_OWN };
enum socket_reach socket_reach(const struct socket_layer *l, const struct sockaddr *address, socklen_t length);
/* Some closed stream has not got everything acknowledged yet, its FIN included. */
bool socket_layer_is_sending(const struct socket_layer *l);

/* ---- readiness ---- */

/* POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLRDHUP, POLLRDNORM, POLLWRNORM (equal to EPOLL's): what is true now. */
unsigned socket_ready(const struct socket *s);

/* One who wants to hear of a socket; in its owner's memory, on one socket at a time. */
struct socket_watch {
    struct socket_watch *next, **link;
    /* Something happened that may have made these true, also when they were: an edge. It takes note, and calls nothing here but socket_watch_remove. */
    void (*notify)(struct socket_watch *watch, unsigned events);
};
void socket_watch_add(struct socket *s, struct socket_watch *watch);
/* The same for the completions of a memory that is registered. */
void socket_memory_watch(struct socket_layer *l, int memory, struct socket_watch *watch);
void socket_watch_remove(struct socket_watch *watch);

#endif
