/* SPDX-License-Identifier: MIT */
/*
 * Inside of the socket layer: the socket, its kinds, and how its parts find each other.
 *
 * A socket lies in a pool and is named from below (as the word of a TCP connection) by index and generation. Invariants:
 *   K1  a socket is in the port table exactly while local.port is not 0; raw, packet and netlink sockets are in their lists instead.
 *   K2  a stream has a connection (stream.ref) from connect or accept until TCP says closed(); an orphan (closed by its user) goes then.
 *   K3  the profile number of a stream is counted once for each socket that has it.
 *   K4  a socket that waits to be accepted is on exactly one listener's queue, and its user does not know it yet.
 */
#ifndef WEIR_SOCKET_PRIVATE_H
#define WEIR_SOCKET_PRIVATE_H

#include "base/error.h"
#include "base/hash.h"
#include "base/outq.h"
#include "base/random.h"
#include "socket/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

#define SOCKET_PORT_CHAINS 4096u
#define SOCKET_CHUNK_BYTES 16384u /* with 4 KB, a stream's send costs a tenth more */
#define SOCKET_SPAN_BYTES 2048u   /* of buffer_bytes: a span for so many; records of datagrams half as often */
#define SOCKET_PROFILE_CHAINS 256u

struct endpoint {
    struct ip_addr ip; /* unspecified: any */
    uint16_t port;     /* 0: none */
};

/* What a stream has beside what every socket has. */
struct stream {
    struct tcp_ref ref;
    uint16_t profile;    /* the number at TCP */
    struct outq out, in; /* in.base counts what was read */
    uint64_t promised;   /* of out, told to TCP: what MSG_MORE and TCP_CORK hold back lies behind it */
    uint64_t urgent_at;  /* SIOCATMARK, SO_OOBINLINE: stream offset of the urgent byte */
    uint8_t urgent_byte;
    bool urgent : 1, urgent_valid : 1, urgent_read : 1;
    bool connecting : 1, connected : 1, fin : 1; /* fin: of the peer */
    bool ended : 1;                              /* TCP said closed */
    bool reported : 1;                           /* connect said 0 */
    bool failed : 1;                             /* to connect, and connect has not said so */
    bool cork : 1, hold : 1, more_told : 1;      /* hold: the last send said MSG_MORE; TCP was told so */
    bool receive_fixed : 1, send_fixed : 1;      /* SO_RCVBUF, SO_SNDBUF were set */
    bool deferred : 1;                           /* not on its listener's queue before data comes */
    /* of a listener */
    bool listening : 1;
    uint32_t backlog, waiting; /* limit and length of the accept queue */
    struct socket *first, *last;
    /* of one that waits on such a queue */
    struct socket *next, *listener;
    uint32_t defer_s; /* TCP_DEFER_ACCEPT */
    int keep_idle_s;  /* TCP_KEEPIDLE; for SO_KEEPALIVE */
    int64_t push_at;  /* what is held back goes then; TIME_NEVER */
    /* of tuning.c: since when how much was read; the end of the window of edge_since, 0: none, and whether it came since the buffer grew last; the least round
     * trip, 0: not known */
    int64_t read_since, edge_since, least_trip_ns;
    uint64_t read_base, edge;
    bool window_came;
};

/* Kinds of sockets: what differs between them. Every function but open may assume what the call checked for all kinds. */
struct socket_kind {
    int (*open)(struct socket *s);
    void (*close)(struct socket *s,
                  int64_t now); /* the user lets go; gives the socket back now or later (socket_free) */
    int (*bind)(struct socket *s, uint16_t port, int64_t now); /* local.ip is set; takes the port */
    int (*listen)(struct socket *s, int backlog, int64_t now);
    int (*accept)(struct socket *s, struct socket **out);
    int (*connect)(struct socket *s, const struct endpoint *to, int64_t now);
    int (*disconnect)(struct socket *s, int64_t now); /* connect to AF_UNSPEC */
    ssize_t (*send)(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now);
    ssize_t (*receive)(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now);
    int (*shutdown)(struct socket *s, int how, int64_t now);
    unsigned (*ready)(const struct socket *s);
    int (*ioctl)(const struct socket *s, unsigned long request, int *value);
};

/* Options of IPPROTO_IP that are yes or no. Every socket keeps them, though only datagrams have a use for most. */
enum ip_flag {
    IP_FLAG_PACKET = 1,     /* IP_PKTINFO */
    IP_FLAG_TTL = 2,        /* IP_RECVTTL */
    IP_FLAG_TOS = 4,        /* IP_RECVTOS */
    IP_FLAG_LOOP = 8,       /* IP_MULTICAST_LOOP */
    IP_FLAG_ALL = 16,       /* IP_MULTICAST_ALL */
    IP_FLAG_HEADER = 32,    /* IP_HDRINCL */
    IP_FLAG_OPTIONS = 64,   /* IP_RECVOPTS */
    IP_FLAG_RETURNED = 128, /* IP_RETOPTS */
};

struct socket {
    uint32_t next_free; /* the pool's; must be first */
    uint32_t generation;
    struct socket_layer *layer;
    const struct socket_kind *kind;
    struct socket_watch *watches;
    struct socket *port_next, **port_link; /* of its chain in the port table */
    int domain, type, protocol;
    struct endpoint local, remote; /* remote.port 0: not connected */
    uint32_t local_index;          /* the stack's number of local.ip; 0: any */
    int error;                     /* SO_ERROR, positive; 0: none */
    uint32_t send_limit, receive_limit, low_water;
    int64_t send_timeout_ns, receive_timeout_ns;
    int32_t linger_s; /* SO_LINGER; off: -1 less what l_linger was */
    uint8_t ttl, tos; /* ttl 0: the default */
    uint8_t discover; /* IP_MTU_DISCOVER */
    uint8_t priority;
    uint8_t ip_flags;                  /* enum ip_flag */
    bool bound : 1, bound_address : 1; /* by bind; it named an address, which connect keeps */
    bool orphan : 1;                   /* its user has closed it */
    bool shut_read : 1, shut_write : 1;
    bool reuse_address : 1, reuse_port : 1, broadcast : 1, keepalive : 1, oob_inline : 1, v6_only : 1,
        receive_error : 1;
    union {
        struct stream stream;
        struct datagram_socket *datagram; /* datagram.c's, of its own pool */
    };
};

/* What the layer knows for its netlink sockets. */
enum netlink_class { NETLINK_LINKS, NETLINK_ADDRESSES, NETLINK_ROUTES, NETLINK_NEIGHBOURS, NETLINK_CLASSES };
struct netlink_layer {
    uint32_t last_port;                /* given by itself */
    uint32_t changes[NETLINK_CLASSES]; /* that were heard of: a dump during which one came says so */
    /* of the request that is being done; 0: none, and changes come by themselves */
    uint32_t port, sequence;
    struct socket *echo; /* hears of its own changes as well */
};

/* One profile in use. */
struct profile_use {
    struct tcp_profile profile;
    uint32_t users; /* 0: free */
    uint16_t next;  /* on its chain: number + 1; 0: the last */
};

struct socket_layer {
    struct socket_settings settings;
    struct stack *stack;
    struct tcp_layer *tcp;
    const struct allocator *allocator;
    struct pool sockets;
    struct outq_pool buffers;
    struct pool datagrams, records; /* datagram.h */
    struct pool source_lists;       /* membership.c */
    uint8_t *gathered;              /* a datagram of several calls, as it leaves: WIRE_UDP_MAX_PAYLOAD_V4 bytes */
    struct profile_use *profiles;
    uint32_t max_profiles;
    uint16_t profile_chains[SOCKET_PROFILE_CHAINS]; /* number + 1 of the first; 0: none */
    struct socket *ports[3][SOCKET_PORT_CHAINS];    /* enum port_space; by local port */
    struct socket *raws, *packets, *netlinks;       /* through port_next */
    struct netlink_layer netlink;
    struct random random;
    uint32_t pieces_out;
    struct pool memories, registered; /* registered.c */
    bool acknowledging;               /* what a queue lets go of now is acknowledged */
    struct socket_counters counters;
};

enum port_space { PORTS_STREAM, PORTS_DATAGRAM, PORTS_PING };

/* Can it have to do with an address? Those of IPv4 speak IPv4, those of IPv6 both, or with IPV6_V6ONLY IPv6 alone. */
static inline bool socket_speaks(const struct socket *s, const struct ip_addr *ip)
{
    return ip_addr_is_v4(ip) ? !s->v6_only : s->domain == AF_INET6;
}

/* layer.c */
struct socket *socket_new(struct socket_layer *l); /* zeroed; NULL: counted drop_no_socket */
void socket_free(struct socket *s);
static inline uint64_t socket_word(const struct socket *s)
{
    return (uint64_t)s->generation << 32 | pool_index(&s->layer->sockets, s);
}
/* The socket of a word, or NULL when it is gone. */
struct socket *socket_of_word(const struct socket_layer *l, uint64_t word);
/* Something happened: those who watch hear of it. */
void socket_notify(struct socket *s, unsigned events);
/* The same of any list of watches. */
void watches_add(struct socket_watch **list, struct socket_watch *watch);
void watches_notify(struct socket_watch **list, unsigned events);
/* Sets SO_ERROR and says so. */
void socket_fail(struct socket *s, int error);
/* Linux's errno, negative, for a negative enum err. */
int socket_errno(int error);

/* address.c */
/* The index of a local address, where loopback ones begin when they are asked for; 0: it is not ours. */
uint32_t own_find(struct socket_layer *l, const struct ip_addr *ip);
/* Of the one from which an address is reached best; 0: it is not reached. */
uint32_t own_for(struct socket_layer *l, const struct ip_addr *to);
/* 0.0.0.0 and :: as a destination are the address that the socket is bound to, or else the host itself. */
void endpoint_resolve(const struct socket *s, struct endpoint *to);
/* -EINVAL (too short), -EAFNOSUPPORT; IPv4-mapped IPv6 becomes IPv4. */
MUST_CHECK int endpoint_parse(const struct socket *s, const struct sockaddr *address, socklen_t length,
                              struct endpoint *out);
/* Writes as much as fits and says how long it is, as getsockname does. */
void endpoint_write(const struct socket *s, const struct endpoint *e, struct sockaddr *address, socklen_t *length);

/* ports.c */
/* Puts a socket on its local port (0: a free one), by Linux's rules for SO_REUSEADDR and SO_REUSEPORT. -EADDRINUSE. */
MUST_CHECK int port_take(struct socket *s, enum port_space space, uint16_t port);
/* The same for one that TCP has given a port, or whose listener has it. */
void port_share(struct socket *s, enum port_space space, uint16_t port);
void port_leave(struct socket *s);
/* May it listen: is no other listener there that does not share? */
bool port_may_listen(const struct socket *s);
static inline struct socket **port_chain(struct socket_layer *l, enum port_space space, uint16_t port)
{
    return &l->ports[space][port % SOCKET_PORT_CHAINS];
}

/* profiles.c */
MUST_CHECK int profiles_init(struct socket_layer *l);
void profiles_free(struct socket_layer *l);
/* Another profile for a stream socket, its listener or connection. -ENOBUFS: too many different ones. */
MUST_CHECK int profile_set(struct socket *s, const struct tcp_profile *p, int64_t now);
/* The number of a profile, counted once more: -ENOBUFS, -EINVAL (out of range); and lets one go. */
MUST_CHECK int profile_take(struct socket_layer *l, const struct tcp_profile *p);
void profile_drop(struct socket_layer *l, unsigned number);
static inline const struct tcp_profile *profile_of(const struct socket *s)
{
    return &s->layer->profiles[s->stream.profile].profile;
}

/* message.c */
/* Bytes of all pieces, or -EMSGSIZE (beyond SSIZE_MAX), -EFAULT (a NULL piece with a length). */
MUST_CHECK ssize_t message_length(const struct msghdr *m, bool nowhere);
/* Writes bytes into the message from offset on. */
void message_put(const struct msghdr *m, size_t offset, const void *bytes, size_t length);
/* Adds a control message; without room, MSG_CTRUNC. `used` counts what is in it. */
void message_control(struct msghdr *m, size_t room, int level, int type, const void *value, size_t length);

/* stream.c */
extern const struct socket_kind stream_kind;
/* A socket for a connection that came, with its listener's options; NULL: none was left. */
struct socket *stream_from(struct socket *listener, struct tcp *c, int64_t now);
/* It has bytes or a FIN that are not acknowledged. */
bool stream_is_sending(const struct socket *s);
/* What MSG_MORE or TCP_CORK held back goes; with the first, they go on to hold back what comes. */
void stream_push(struct socket *s, int64_t now);
void stream_uncork(struct socket *s, int64_t now);
/* 0: bytes may be appended to `out`; -EAGAIN: not now; or why not. Tells TCP that n bytes were. */
int stream_has_room(struct socket *s);
void stream_added(struct socket *s, uint64_t n, bool more, int64_t now);
/* Nothing to read: why; 0: the end. */
ssize_t stream_no_data(struct socket *s);
/* The user has n bytes more, which are out of `in`. */
void stream_consumed(struct socket *s, uint64_t n, int64_t now);
/* It ends with an RST and is given back. */
void stream_drop(struct socket *s, int64_t now);

/* registered.c */
struct registered_send;
MUST_CHECK int registered_init(struct socket_layer *l);
void registered_free(struct socket_layer *l);
/* As owner of a span: an odd address, which no frame has. */
static inline void *registered_owner(struct registered_send *r) { return (char *)r + 1; }
static inline struct registered_send *registered_of(void *owner)
{
    return (uintptr_t)owner & 1 ? (struct registered_send *)(void *)((char *)owner - 1) : NULL;
}
/* No queue needs its bytes any more. */
void registered_release(struct socket_layer *l, struct registered_send *r);

/* tuning.c: the user has read, and something is about to be let go of as acknowledged */
void tuning_read(struct socket *s, struct tcp *c, int64_t now);
void tuning_acked(struct socket *s, struct tcp *c);

/* listen.c: the listening side of a stream */
/* The local address that TCP listens at for it: its own, or one of TCP_ANY_LOCAL... */
uint32_t listen_local(const struct socket *s);
int stream_listen(struct socket *s, int backlog, int64_t now);
int stream_accept(struct socket *s, struct socket **out);
/* Stops listening: those who wait to be accepted are reset. */
void stream_unlisten(struct socket *s, int64_t now);
/* Callbacks of TCP: a SYN for a listener; its connection is established; and it got data (TCP_DEFER_ACCEPT). */
int listen_admit(void *context, const struct flow_key *key, uint64_t *word);
void listen_connected(struct socket_layer *l, struct tcp *c, int64_t now);
void listen_ready(struct socket *s);
/* Off the queue it is on: it ended before it was accepted. */
void listen_leave(struct socket *s);

extern const struct tcp_user stream_user; /* context: the layer */

/* datagram.c, raw.c, ping.c */
extern const struct socket_kind datagram_kind, raw_kind, ping_kind;

/* ---- news.c ---- */
/* The stack tells the layer of its changes; no more, when no socket is left that hears of them. */
void news_listen(struct socket_layer *l);
void news_unlisten(struct socket_layer *l);

#endif
