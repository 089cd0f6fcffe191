/* SPDX-License-Identifier: MIT */
/*
 * Inside of datagram sockets: what they have beside what every socket has, and the records in which datagrams and errors wait to be read.
 *
 * The stack has one binding for any address to each port that some socket has; who gets a datagram is decided here. Records and their bytes are the
 * layer's, taken from bounded pools; a socket holds as many as SO_RCVBUF allows.
 */
#ifndef WEIR_SOCKET_DATAGRAM_H
#define WEIR_SOCKET_DATAGRAM_H

#include "socket/membership.h"
#include "socket/private.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

#include <linux/if_packet.h>

#define DATAGRAM_CHARGE 512u    /* what a record counts for beside its bytes */
#define DATAGRAM_MAX_GROUPS 20u /* igmp_max_memberships of Linux */

/* What waits to be read. */
struct record {
    uint32_t next;        /* in its queue. While free, the pool's */
    struct endpoint peer; /* who sent it; of an error, where that was sent to which it is about */
    struct outq bytes;
    struct ip_arrival arrival; /* its options lie below */
    uint32_t local;            /* the address it came to, or that hears it */
    /* of an error */
    int error;
    struct ip_error icmp;
    bool own; /* found out here, not told by ICMP */
    union {
        struct {
            uint32_t length; /* as it was on the line */
            uint16_t vlan_tci;
            bool vlan_present;
            uint8_t checksum; /* enum packet_checksum */
        } frame;              /* of a packet socket */
        uint8_t options[WIRE_IPV4_MAX_OPTIONS];
    };
};

struct record_queue {
    uint32_t first, last;
};

/* A dump that is being read: what it shows, and how far it is. */
struct netlink_dump {
    uint16_t type; /* of its request; 0: there is none */
    uint16_t flags;
    uint32_t sequence, port;
    uint32_t changes; /* of its objects, when it began */
    uint8_t family;
    uint32_t table; /* only of these; 0: all */
    int ifindex;
    uint32_t at, item; /* the last object that was written whole, and how many parts of the next */
    uint8_t kind;      /* of several kinds of objects */
    int64_t now;
};

/* What a netlink socket has besides its queue. */
struct netlink_socket {
    uint64_t groups; /* a bit for each, from RTNLGRP_LINK on */
    bool extended, capped, strict, tell_group, no_overruns, broadcast_errors;
    bool overrun; /* until the queue is empty */
    struct netlink_dump dump;
};

/* What one datagram says of itself, by the socket's options and its control messages. */
struct sending {
    struct endpoint to;
    uint32_t local;
    struct ip_departure how;   /* but for its options: */
    struct ip_options options; /* IP_OPTIONS or IP_RETOPTS; length 0: none */
    bool loops_only;           /* a multicast TTL of 0: not beyond this host */
    uint16_t segment;          /* UDP_SEGMENT; 0: it is one datagram */
};

/* All of how it leaves, as long as x is there. */
static inline struct ip_departure sending_how(const struct sending *x)
{
    struct ip_departure how = x->how;
    how.options = x->options.length ? &x->options : NULL;
    return how;
}

/* What a packet socket has besides its queue. */
#define PACKET_MAX_MEMBERSHIPS 8u
struct packet_membership {
    struct packet_mreq request;
    uint32_t count;
};
struct packet_state {
    uint32_t received, dropped; /* since PACKET_STATISTICS was read */
    bool tell_facts, ignore_sent;
    unsigned n_memberships;
    struct packet_membership memberships[PACKET_MAX_MEMBERSHIPS];
};

struct filter_program;

struct datagram_socket {
    uint32_t next_free; /* the pool's */
    struct record_queue received, errors;
    uint32_t charged; /* for both */
    uint32_t n_groups;
    union {
        struct membership groups[DATAGRAM_MAX_GROUPS];
        struct netlink_socket netlink;
        struct packet_state packet;
    };
    struct filter_program *filter; /* SO_ATTACH_FILTER, or NULL */
    bool filter_locked;
    uint32_t multicast_local; /* IP_MULTICAST_IF; 0: by route */
    uint8_t multicast_ttl;
    struct ip_options options; /* IP_OPTIONS */
    uint32_t icmp_filter;      /* a bit for each type that a raw ICMP socket does not want */
    uint32_t icmp6_filter[8];  /* ICMP6_FILTER of a raw socket: the same, of ICMPv6 */
    uint16_t segment;          /* UDP_SEGMENT */
    bool corked;               /* UDP_CORK */
    bool gathering;            /* a datagram that UDP_CORK or MSG_MORE holds back: */
    struct sending next;       /* where it goes, */
    struct outq pending;       /* and what there is of it */
};

/* ---- datagram_queue.c ---- */
MUST_CHECK int datagrams_init(struct socket_layer *l);
void datagrams_free(struct socket_layer *l);
static inline struct record *record_at(const struct socket_layer *l, uint32_t index)
{
    return pool_at(&l->records, index);
}
/*
 * Puts a datagram, or an error about one (with what is quoted of it), at the end of a queue; its bytes lie in pieces. False: there is no room for it
 * (counted).
 */
bool record_add(struct socket *s, struct record_queue *queue, const struct record *r, const struct ip_piece *pieces,
                uint32_t n);
/* Takes the first one off. */
void record_drop(struct socket *s, struct record_queue *queue);
/* Copies its bytes into a message; how many fitted. */
/* The number that programs know the link by which it came. */
int record_interface(const struct socket_layer *l, const struct record *r);
size_t record_read(const struct socket *s, const struct record *r, const struct msghdr *m);
ssize_t datagram_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now);

/* raw.c, ping.c: the stack forgets them */
void raws_free(struct socket_layer *l);
void pings_free(struct socket_layer *l);

/* ---- datagram_input.c ---- */
udp_received_fn datagram_input; /* context: the layer */
udp_error_fn datagram_error;
/* Gives a datagram to whoever it is for; how many got it. */
unsigned datagram_deliver(struct socket_layer *l, const struct udp_datagram *d);
/* An error about a datagram of the socket, sent to a peer, of which these bytes are known; `own`: we found it out ourselves. */
void datagram_fail(struct socket *s, const struct endpoint *peer, const struct ip_piece *pieces, uint32_t n,
                   const struct ip_error *e, bool own);

/* ---- datagram.c: what UDP, raw and ping sockets have in common ---- */

#define DATAGRAM_MAX_PIECES 1024u /* as message_length allows */

/* With a socket of its own options, before the kind's part of open; -ENOBUFS. And everything it holds. */
MUST_CHECK int datagram_open_any(struct socket *s);
void datagram_close_any(struct socket *s, int64_t now);
/* connect but for the port; and back. */
int datagram_connect_any(struct socket *s, const struct endpoint *to);
void datagram_disconnect_any(struct socket *s);
/* All that is to be known before it is sent; ports do not matter. A negative errno. */
MUST_CHECK int datagram_prepare(struct socket *s, const struct msghdr *m, int flags, struct sending *x);
uint32_t datagram_pieces(const struct msghdr *m, struct ip_piece *pieces);
/* What send returns for what the stack said of `length` bytes to x. */
ssize_t datagram_result(struct socket *s, const struct sending *x, const struct ip_piece *pieces, uint32_t n,
                        size_t length, int error, int64_t now);
int datagram_shutdown(struct socket *s, int how, int64_t now);
unsigned datagram_ready(const struct socket *s);
int datagram_ioctl(const struct socket *s, unsigned long request, int *value);

/* datagram.c: sends this much to x, from a socket that has a port. */
ssize_t datagram_leave(struct socket *s, const struct sending *x, const struct ip_piece *pieces, uint32_t n,
                       size_t length, int64_t now);

/* ---- datagram_cork.c ---- */
/* Is what is sent with these flags held back? */
bool cork_holds(const struct socket *s, int flags);
/* A datagram to x begins. */
void cork_begin(struct socket *s, const struct sending *x);
/* More of the one that was begun; it leaves unless it is held back. */
ssize_t cork_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now);
void cork_drop(struct socket *s);

/* ---- options_datagram.c, options_group.c ---- */
int option_datagram_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_datagram_get(const struct socket *s, int name, void *value, socklen_t *length);
/* -ENOPROTOOPT: another option. */
int option_group_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_group_get(const struct socket *s, int name, void *value, socklen_t *length);
/* IP_OPTIONS, and IP_RETOPTS of a message: checked. -EINVAL: malformed; -EPERM: a source route or a timestamp. */
MUST_CHECK int option_ip_options(const void *value, size_t length, struct ip_options *out);
/* What a datagram's options are to who answers with them: IP_RETOPTS. Returns how many bytes. */
uint32_t option_returned(const uint8_t *options, uint32_t length, uint8_t out[WIRE_IPV4_MAX_OPTIONS]);
/* raw.c: of levels SOL_RAW and SOL_ICMPV6 */
int option_raw_set(struct socket *s, int level, int name, const void *value, socklen_t length);
int option_raw_get(const struct socket *s, int level, int name, void *value, socklen_t *length);
/* The first local address of a destination's family, or 0. */
uint32_t datagram_first_for(const struct stack *stack, const struct ip_addr *to);
/* A local address of a family on an interface, whose ifindex is one more than the stack's number; 0: there is none. */
uint32_t datagram_host_on(const struct stack *stack, int ifindex, bool v6);

#endif
