/* SPDX-License-Identifier: MIT */
/*
 * Weir's sockets for programs: what the calls of <sys/socket.h>, <poll.h> and <sys/epoll.h> do, on a TCP/IP stack in user space.
 *
 * A stack is made with weir_stack_new over one or more interfaces. By default any number of threads may use its descriptors at once, and calls block as usual;
 * the stack moves in those calls, a thread at a time, and in a thread of its own when they do not look after it. What a call on a non-blocking socket left to
 * be sent goes when one of them waits, at the latest after about a millisecond. While a thread is inside, its signals wait. Embedded, there is no thread: one thread owns the stack, and it moves in those calls of that thread that may
 * wait, and in weir_turn. A call on a non-blocking socket does not move it: what it left to be sent goes with the next poll, select, epoll_wait (also with
 * a timeout of 0) or weir_turn, or with the 64th such call, so that many leave in one burst. Nor does a recv that finds what it asks for, up to about 64 KB
 * in a row.
 *
 * Each function is its namesake's (socket(2), ...) with the stack in front: same results, -1 with errno, same flags. Descriptors are small numbers of
 * the stack's own, unknown to the kernel. SIGPIPE is never raised. Differences from Linux are listed in ARCHITECTURE.md, "Sockets".
 */
#ifndef WEIR_SOCKET_H
#define WEIR_SOCKET_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_stack;
struct in6_addr; /* netinet/in.h */

/* RFC 5227 2.4: for ever, by one announcement in 10 s; unless it happens twice in 10 s; not at all. */
enum weir_conflict { WEIR_CONFLICT_DEFEND, WEIR_CONFLICT_DEFEND_ONCE, WEIR_CONFLICT_GIVE_UP };

/* One interface. Everything but size and link may be left 0. */
struct weir_interface {
    size_t size; /* sizeof(struct weir_interface) */
    const char *
        link; /* "tap:NAME" (made when it is not there), "packet:INTERFACE", "tunnel:KIND,...,over=" one of these two (docs/tunnels.md), "mem:NAME" (the other end is the next stack that asks for it) */
    const char *
        address; /* "192.0.2.1/24", or "dhcp": what a DHCP server gives, with its router, kept as long as the stack lives */
    const char *
        gateway; /* "192.0.2.254", or several: "192.0.2.254,192.0.2.253", each taken when those before it do not answer */
    const char *netns;          /* path of a network namespace in which the link is opened */
    uint8_t mac[6];             /* of the stack's side; all zero: the link's */
    uint32_t mtu;               /* 0: the link's */
    const char *kernel_address; /* tap: the address of the kernel's side, "192.0.2.254/24" */
    /*
     * NULL, or an IPv6 address beside that of IPv4 (which may then be NULL), "2001:db8::1/64", and its router, "fe80::1". A link-local address made of the
     * MAC comes with it: RFC 4291 2.5.6. Also "dhcp".
     */
    const char *address6, *gateway6;
    const char *kernel_address6; /* tap: the same as kernel_address, of IPv6 */
    /*
     * The interface finds IPv6 addresses and routers by itself (RFC 4862), beside what is given here: adding it takes until one address can be used, some
     * 3 s, and fails with ETIMEDOUT after 15 s.
     */
    bool autoconf;
    /*
     * How long a lease is waited for, 0: 30000. Then adding fails with ETIMEDOUT; an interface of a stack that was there before stays and goes on asking.
     */
    uint32_t dhcp_timeout_ms;
    bool temporary; /* with autoconf: temporary addresses beside (RFC 8981), from which is sent then */
    /*
     * The IPv4 address is asked for before it is used (RFC 5227 2.1): adding takes some 6 s, and fails with EADDRINUSE when somebody has it (of an interface of
     * a stack that was there before the address stays, unused). And what is done when somebody else uses it later.
     */
    bool probe;
    enum weir_conflict conflict;
    /*
     * NULL, or the VLAN tag that its frames have: "42", with its priority "42/3"; of QinQ the outer and the inner one, "100,42", which have 88a8 and 8100 as
     * tag protocols unless they are said, "100@8100,42". By DHCP one tag without priority is possible.
     */
    const char *vlan;
    /* NULL, or MPLS labels that its unicast datagrams have below the tags, outermost first: "100,200", with traffic class and TTL "100/5@64". Not by DHCP. */
    const char *mpls;
    /* NULL, or the offloads that the link goes without, of rx_checksum, tx_checksum, gro, tso, uso: "gro,uso". */
    const char *without;
    bool redirects; /* of IPv6 are believed (RFC 4861 8.3), from the router that a destination goes by */
};

struct weir_stack_options {
    size_t size;   /* sizeof(struct weir_stack_options) */
    bool embedded; /* no thread: see above */
    const struct weir_interface *interfaces;
    unsigned n_interfaces; /* at most 16; more come by weir_interface_add */
    uint32_t max_sockets;  /* 0: 16384 */
    uint64_t buffer_bytes; /* of all sockets together; 0: 1 GiB, of address space until it is used */
    uint32_t poll_us;      /* how long the thread looks for frames before it sleeps; 0: 50 */
    int cpu;               /* plus one: the core the thread is bound to; 0: any */
    bool defer_signals; /* the program's handlers call weir_defer_signal; false: signals are barred around each call */
    /*
     * NULL, or a file to whose end goes a line for each call with its result, and for what the stack does: changes of connections, neighbours, conflicts,
     * drops. "-" is standard output. And NULL (all), or the layers of which is told: "arp,tcp,socket", of link, arp, ip, icmp, udp, tcp, l7, socket.
     */
    const char *trace, *trace_layers;
    bool no_loopback; /* 127.0.0.0/8 and ::1 are not addresses of the stack's: nothing is reached there */
};

/*
 * NULL with errno and a text (of what was found, where, and what is allowed) in message when it cannot be made. EINVAL, ENOMEM, EPERM, ENODEV, EBUSY.
 */
struct weir_stack *weir_stack_new(const struct weir_stack_options *options, char *message, size_t message_bytes);
/* Nobody is inside a call any more. Connections end without a word. NULL is allowed. */
void weir_stack_delete(struct weir_stack *stack);
/* One more interface, while the stack runs. 0, or -1 with errno and a text in message. */
int weir_interface_add(struct weir_stack *stack, const struct weir_interface *i, char *message, size_t message_bytes);
/* The interface that the environment names: WEIR_LINK (as .link), WEIR_ADDRESS (as .address), and WEIR_GATEWAY where there is one; of IPv6
 * WEIR_ADDRESS6, which may be "auto" (as .autoconf), and WEIR_GATEWAY6; WEIR_VLAN and WEIR_MPLS are as .vlan and .mpls. */
int weir_interface_add_default(struct weir_stack *stack, char *message, size_t message_bytes);
unsigned weir_interface_count(struct weir_stack *stack);
/*
 * While a thread is inside a call its signals wait. To bar them takes two system calls each time. A program whose handlers, all that may run at any time in a
 * thread that calls a stack, are made with SA_SIGINFO, without SA_RESETHAND, and return at once where this returns true, may have defer_signals instead: then
 * that costs nothing until a signal comes, which comes again when the thread leaves the call, behind others of its number that were queued. Arguments are
 * the handler's; info is its siginfo_t. Async-signal-safe. Not for handlers of an embedded stack, which bars nothing.
 */
bool weir_defer_signal(int number, void *info, void *context);
/* Embedded: moves the stack once, and waits at most so long for something to happen (0: not at all; -1: without limit). */
int weir_turn(struct weir_stack *stack, int64_t timeout_ns);

/* A number that names a descriptor together with its stack, for programs that hand on nothing else; and back: NULL when there is none such. */
int weir_descriptor(const struct weir_stack *stack, int fd);
struct weir_stack *weir_stack_of(int descriptor, int *fd);

int weir_socket(struct weir_stack *s, int domain, int type, int protocol);
int weir_bind(struct weir_stack *s, int fd, const struct sockaddr *address, socklen_t length);
int weir_listen(struct weir_stack *s, int fd, int backlog);
int weir_accept(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length);
int weir_accept4(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length, int flags);
int weir_connect(struct weir_stack *s, int fd, const struct sockaddr *address, socklen_t length);
ssize_t weir_send(struct weir_stack *s, int fd, const void *bytes, size_t length, int flags);
ssize_t weir_sendto(struct weir_stack *s, int fd, const void *bytes, size_t length, int flags,
                    const struct sockaddr *to, socklen_t to_length);
ssize_t weir_sendmsg(struct weir_stack *s, int fd, const struct msghdr *message, int flags);
ssize_t weir_recv(struct weir_stack *s, int fd, void *bytes, size_t length, int flags);
ssize_t weir_recvfrom(struct weir_stack *s, int fd, void *bytes, size_t length, int flags, struct sockaddr *from,
                      socklen_t *from_length);
ssize_t weir_recvmsg(struct weir_stack *s, int fd, struct msghdr *message, int flags);
/* Of <sys/socket.h> with _GNU_SOURCE; one hand-over to the stack for all messages. As Linux, the timeout is looked at after each message. */
struct mmsghdr;
int weir_sendmmsg(struct weir_stack *s, int fd, struct mmsghdr *messages, unsigned n, int flags);
int weir_recvmmsg(struct weir_stack *s, int fd, struct mmsghdr *messages, unsigned n, int flags,
                  struct timespec *timeout);
ssize_t weir_read(struct weir_stack *s, int fd, void *bytes, size_t length);
ssize_t weir_write(struct weir_stack *s, int fd, const void *bytes, size_t length);
ssize_t weir_readv(struct weir_stack *s, int fd, const struct iovec *pieces, int n);
ssize_t weir_writev(struct weir_stack *s, int fd, const struct iovec *pieces, int n);
int weir_shutdown(struct weir_stack *s, int fd, int how);
int weir_getsockname(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length);
int weir_getpeername(struct weir_stack *s, int fd, struct sockaddr *address, socklen_t *length);
int weir_setsockopt(struct weir_stack *s, int fd, int level, int name, const void *value, socklen_t length);
int weir_getsockopt(struct weir_stack *s, int fd, int level, int name, void *value, socklen_t *length);
/* FIONREAD, SIOCOUTQ, SIOCATMARK, FIONBIO (an int); SIOCGIFCONF (struct ifconf); SIOCGIFADDR and the like, SIOCSIFMTU, SIOCSIFFLAGS (struct ifreq). */
int weir_ioctl(struct weir_stack *s, int fd, unsigned long request, void *argument);
/* F_GETFL and F_SETFL with O_NONBLOCK. */
int weir_fcntl(struct weir_stack *s, int fd, int command, int value);
int weir_dup(struct weir_stack *s, int fd);
int weir_close(struct weir_stack *s, int fd);

int weir_poll(struct weir_stack *s, struct pollfd *fds, nfds_t n, int timeout_ms);
int weir_select(struct weir_stack *s, int n, fd_set *readable, fd_set *writable, fd_set *exceptional,
                struct timeval *timeout);
int weir_epoll_create1(struct weir_stack *s, int flags);
int weir_epoll_ctl(struct weir_stack *s, int epoll, int operation, int fd, struct epoll_event *event);
int weir_epoll_wait(struct weir_stack *s, int epoll, struct epoll_event *events, int max, int timeout_ms);

/* ---- without a copy ---- */

/* Bytes that a stream received, where they lie: in a frame, or in memory of the stack. Read only. */
struct weir_piece {
    const void *bytes;
    size_t length;
    uint64_t number; /* the stack's own */
};

/*
 * recv without the copy: up to n pieces of what a stream received, in order. They are the caller's, from whatever thread, until weir_release, also after the
 * socket is closed; not after weir_stack_delete. flags: MSG_DONTWAIT or 0. Returns how many; 0 is the end; -1 with errno as recv, and ENOBUFS (1024 pieces of
 * the stack are out: release some), EOPNOTSUPP (no stream), EINVAL (n or flags; or urgent data is pending, which recv reads). However many are out, the stack
 * goes on receiving.
 */
int weir_recv_pieces(struct weir_stack *s, int fd, struct weir_piece *pieces, int n, int flags);
/* Gives pieces back. EINVAL: one is not out; those before it are given back. */
int weir_release(struct weir_stack *s, const struct weir_piece *pieces, int n);

/*
 * send without the copy: a program registers memory of its own once, and sends parts of it where they lie. Each send has a token of the program's choice,
 * which comes back when the bytes may be changed: when the peer has acknowledged all of them, or the connection is over. Until then they must stay as they
 * are, since they may be sent again. Retransmission, checksums and cutting into segments are as for any other bytes; a link that cannot take pieces of
 * memory gathers them into its frames.
 *
 * weir_memory_register: its number, or -1 with EINVAL (no memory) or ENOBUFS (64 are registered). It stays the program's, which frees it only after
 * weir_memory_unregister or weir_stack_delete. weir_memory_unregister: EINVAL (no such number), EBUSY (some of it is still being sent); completions that
 * were not read are forgotten.
 */
int weir_memory_register(struct weir_stack *s, const void *base, size_t size);
int weir_memory_unregister(struct weir_stack *s, int memory);
/*
 * As weir_send of the bytes [offset, offset + length) of a memory, all of them at once as soon as the send buffer has any room: `length`, or -1 with errno as
 * send; EAGAIN with MSG_DONTWAIT or a non-blocking descriptor when it has none, EOPNOTSUPP (no stream), EINVAL (flags; no such memory; no bytes, over 1 GiB
 * or not within it), ENOBUFS (4096 sends are under way or not yet told of). flags: MSG_DONTWAIT, MSG_NOSIGNAL.
 */
ssize_t weir_send_registered(struct weir_stack *s, int fd, int memory, size_t offset, size_t length, uint64_t token,
                             int flags);
struct weir_completion {
    uint64_t token;
    int acknowledged; /* 1: all of it, by the peer; 0: the connection ended before */
};
/*
 * Up to n completions of a memory's sends, oldest first, each once. Waits at most timeout_ms (-1: as long as it takes) for the first. Returns how many; 0: none
 * came, or nothing is being sent; -1 with EINVAL (n, or no such memory).
 */
int weir_completions(struct weir_stack *s, int memory, struct weir_completion *completions, int n, int timeout_ms);

/* ---- beside the kernel's descriptors: what libweir-preload.so is made of; not of an embedded stack (EINVAL) ---- */

/* What else may end a wait, as ppoll has it: the kernel's descriptors, whose revents are filled, and the signals that are barred meanwhile (NULL: as they are). */
struct weir_kernel_poll {
    struct pollfd *fds;
    nfds_t n;
    const sigset_t *mask;
};
/*
 * weir_poll and weir_epoll_wait that also end, perhaps with 0, when something beside is there; that is looked at only by waiting: not when the stack has
 * something at once, nor with a timeout of 0. timeout_ns -1: none. EINTR after any signal, as poll and epoll_wait.
 */
int weir_poll_with(struct weir_stack *s, struct pollfd *fds, nfds_t n, int64_t timeout_ns,
                   struct weir_kernel_poll *beside);
int weir_epoll_wait_with(struct weir_stack *s, int epoll, struct epoll_event *events, int max, int64_t timeout_ns,
                         struct weir_kernel_poll *beside);
/*
 * From now on, after a weir_epoll_wait that found nothing, the next thing to tell while nobody waits for it adds 1 to the eventfd, once. It may be closed when
 * the epoll is.
 */
int weir_epoll_signal(struct weir_stack *s, int epoll, int event_fd);

enum weir_reach { WEIR_UNREACHABLE, WEIR_ROUTED, WEIR_OWN };
/* What an address is to the stack: its own, one (or a group, or a broadcast) to which it can send, or neither. */
enum weir_reach weir_reach(struct weir_stack *s, const struct sockaddr *address, socklen_t length);
enum { WEIR_HAS_IPV4 = 1, WEIR_HAS_IPV6 = 2 };
/* Of which families the stack has addresses that it can use: bits of these. */
unsigned weir_families(struct weir_stack *s);
/*
 * The name servers that DHCP and routers (RFC 8106) told, those of IPv4 mapped: at most n of them, 64 in all. Returns how many; nothing here asks them.
 */
unsigned weir_name_servers(struct weir_stack *s, struct in6_addr *list, unsigned n);
/* The search list that DHCPv6 told (RFC 3646), names with spaces between: its length, 0 without one, or -1 with ENOSPC. 256 bytes hold any. */
int weir_search_domains(struct weir_stack *s, char *text, size_t bytes);
#define WEIR_MAX_DESTINATIONS 64u
/*
 * The addresses of a name, those of IPv4 mapped, in the order in which to try them: RFC 6724 section 6, by the addresses and routes that the stack has. 0, or
 * -1 with EINVAL: more than WEIR_MAX_DESTINATIONS.
 */
int weir_sort_destinations(struct weir_stack *s, struct in6_addr *list, unsigned n);
/*
 * Waits, at most so long, until everything that closed sockets had to send is acknowledged: before a program ends, as its stack ends with it. 0, or -1 with
 * EAGAIN.
 */
int weir_drain(struct weir_stack *s, int timeout_ms);

/* ---- what tcp_ip_stack.h is made of ---- */

/* 0, or -1 with errno and a line on stderr: EINVAL (netmask with holes, no address), ENODEV (no link for the name), EPERM, EBUSY. */
int weir_classic_add_interface(struct weir_stack *stack, const char *name, const uint8_t mac[6], uint32_t address,
                               uint32_t netmask, uint32_t gateway);
/* A socket of a stack that has an interface, or now gets that of the environment; a process-wide descriptor. */
int weir_classic_socket(struct weir_stack *stack, int domain, int type, int protocol);

#ifdef __cplusplus
}
#endif

#endif
