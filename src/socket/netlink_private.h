/* SPDX-License-Identifier: MIT */
/*
 * Inside of netlink route sockets: rtnetlink(7), RFC 3549. A request is read with every length checked (netlink_message.c), done by the handler of its
 * object (link, address, route, neighbour), and answered by messages in the socket's queue. A dump is written piece by piece as its reader takes what is
 * there; its place is kept as numbers of the stack's walks (stack/control.h), so that it may go on whatever changed meanwhile.
 */
#ifndef WEIR_SOCKET_NETLINK_PRIVATE_H
#define WEIR_SOCKET_NETLINK_PRIVATE_H

#include "socket/datagram.h"
#include "socket/interfaces.h"
#include "socket/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define NETLINK_REQUEST_BYTES 8192u /* of one send */
#define NETLINK_PART_BYTES 3712u    /* of one part of a dump: fits into the page that glibc reads with */

/* ---- netlink_message.c: messages and attributes as bytes ---- */

#define NETLINK_HEADER ((uint32_t)sizeof(struct nlmsghdr))
#define NETLINK_ATTRIBUTE ((uint32_t)sizeof(struct nlattr))
static inline size_t netlink_align(size_t n) { return (n + 3) & ~(size_t)3; }

/* What stands at the head of each message. */
struct netlink_head {
    uint16_t type, flags;
    uint32_t sequence, port;
};

/* Writes messages one after the other; one that does not fit is taken back whole. */
struct netlink_writer {
    uint8_t *bytes;
    uint32_t room, length;
    uint32_t message; /* where the last one begins */
    bool full;
};
void netlink_begin(struct netlink_writer *w, const struct netlink_head *h, const void *fixed, size_t size);
void netlink_put(struct netlink_writer *w, uint16_t type, const void *value, size_t length);
void netlink_put_u32(struct netlink_writer *w, uint16_t type, uint32_t value);
void netlink_put_u8(struct netlink_writer *w, uint16_t type, uint8_t value);
void netlink_put_text(struct netlink_writer *w, uint16_t type, const char *text);
void netlink_put_ip(struct netlink_writer *w, uint16_t type, const struct ip_addr *ip);
/* An attribute of attributes, which are put between these two. */
uint32_t netlink_nest(struct netlink_writer *w, uint16_t type);
void netlink_unnest(struct netlink_writer *w, uint32_t opened);
/* False: it did not fit. */
bool netlink_end(struct netlink_writer *w);

struct netlink_attribute {
    const uint8_t *bytes; /* NULL: not there */
    uint32_t length;
};
/* Attributes by type, those from `count` on left out. -EINVAL: one is shorter than its head or longer than what is left. */
MUST_CHECK int netlink_attributes(const uint8_t *bytes, size_t length, struct netlink_attribute *out, unsigned count);
/* Each takes what is there; -EINVAL where its length is wrong; absent is 0 and leaves *out. */
MUST_CHECK int netlink_get_u32(const struct netlink_attribute *a, uint32_t *out);
/* An address of AF_INET or AF_INET6. */
MUST_CHECK int netlink_get_ip(const struct netlink_attribute *a, uint8_t family, struct ip_addr *out);
MUST_CHECK int netlink_get_name(const struct netlink_attribute *a, char out[IFNAMSIZ]);

static inline uint8_t netlink_family(const struct ip_addr *ip) { return ip_addr_is_v4(ip) ? AF_INET : AF_INET6; }
static inline bool netlink_is_family(uint8_t family) { return family == AF_INET || family == AF_INET6; }
/* Whether a dump shows what has to do with this address. */
static inline bool netlink_shows(const struct netlink_dump *d, const struct ip_addr *ip)
{
    return d->family == AF_UNSPEC || d->family == netlink_family(ip);
}

/* ---- requests ---- */

struct netlink_request {
    struct socket *socket;
    struct socket_layer *layer;
    uint32_t port; /* of the socket */
    struct nlmsghdr header;
    const uint8_t *body; /* behind the header */
    uint32_t length;
    int64_t now;
    const char *why; /* for NETLINK_EXT_ACK, or NULL */
};
/* Copies the fixed part and finds the attributes behind it: -EINVAL. */
MUST_CHECK int netlink_read(struct netlink_request *r, void *fixed, size_t size, struct netlink_attribute *a,
                            unsigned count);
/* An error with its text. */
static inline int netlink_refuse(struct netlink_request *r, int error, const char *why)
{
    r->why = why;
    return error;
}
static inline struct netlink_head netlink_answer(const struct netlink_request *r, uint16_t type)
{
    return (struct netlink_head){.type = type, .sequence = r->header.nlmsg_seq, .port = r->port};
}
/* Puts what was written into the asker's queue; 0. */
int netlink_reply(struct netlink_request *r, const struct netlink_writer *w);

typedef int netlink_handle_fn(struct netlink_request *r);
/* Reads the filters of a dump's request, if it has any and the socket is strict about them. */
typedef int netlink_filter_fn(struct netlink_request *r, struct netlink_dump *d);
/* Writes from d->at on what fits; true at the end. */
typedef bool netlink_dump_fn(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w);

struct netlink_object {
    netlink_handle_fn *make, *remove, *get, *set; /* NULL: -EOPNOTSUPP */
    netlink_filter_fn *filter;
    netlink_dump_fn *dump;
    bool any_family; /* else AF_UNSPEC, AF_INET and AF_INET6, and nothing of the others */
};
extern const struct netlink_object netlink_links, netlink_addresses, netlink_routes, netlink_neighbours;

/* One message of an object; false: it does not fit. */
bool netlink_write_link(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack, int index);
bool netlink_write_address(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                           uint32_t local, int64_t now);
struct netlink_route {
    uint8_t table, protocol, scope, type;
    uint8_t length;
    struct ip_addr destination, gateway; /* gateway unspecified: none */
    uint32_t local;
    bool cloned; /* answers RTM_GETROUTE of a destination */
    bool heard;  /* of a router: no source is shown, since the host's addresses of any prefix use it; with: */
    uint8_t preference;
    int32_t expires_ticks; /* of USER_HZ; 0: never */
};
bool netlink_write_route(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                         const struct netlink_route *r);
/* The routes that a host's address and gateway make; false: there is none of that number. */
bool netlink_host_route(const struct stack *stack, uint32_t local, unsigned number, struct netlink_route *out);
void netlink_own_route(const struct stack_route *from, struct netlink_route *out);
void netlink_heard_route(const struct stack_route *from, int64_t now, struct netlink_route *out);
bool netlink_write_neighbour(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                             const struct stack_neighbour *n, int64_t now);

/* netlink.c: into one queue; a full one is an overrun. */
void netlink_queue(struct socket *s, const void *bytes, size_t length, uint32_t group);

#endif
