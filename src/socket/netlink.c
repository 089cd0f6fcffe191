/* SPDX-License-Identifier: MIT */
/*
 * Netlink route sockets: netlink(7), rtnetlink(7). What programs ask of the kernel's network they ask here of the stack: `ip`, getifaddrs, if_nametoindex.
 *
 * A send is done at once; its answers wait in the socket's queue like datagrams. Of a dump one part waits, and the next is written when that has been read.
 * Netlink sockets stand in one list of the layer, which hears of the stack's changes while there is one. They talk to the stack only, not to each other.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "socket/netlink_private.h"
#include "socket/options.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* ---- addresses: port id and groups ---- */

enum { AT_PORT = 0, AT_GROUPS = 4 }; /* in endpoint.ip */

static uint32_t number_at(const struct endpoint *e, unsigned at)
{
    uint32_t n;
    memcpy(&n, e->ip.bytes + at, sizeof n);
    return n;
}
static void set_number(struct endpoint *e, unsigned at, uint32_t n) { memcpy(e->ip.bytes + at, &n, sizeof n); }

int netlink_address_parse(const struct sockaddr *address, socklen_t length, struct endpoint *out)
{
    struct sockaddr_nl nl;
    if (!address)
        return -EFAULT;
    if (length < sizeof nl)
        return -EINVAL;
    memcpy(&nl, address, sizeof nl);
    if (nl.nl_family != AF_NETLINK)
        return -EINVAL;
    *out = (struct endpoint){.port = 1};
    set_number(out, AT_PORT, nl.nl_pid);
    set_number(out, AT_GROUPS, nl.nl_groups);
    return 0;
}

socklen_t netlink_address_write(const struct endpoint *e, struct sockaddr_storage *to)
{
    struct sockaddr_nl nl = {
        .nl_family = AF_NETLINK, .nl_pid = number_at(e, AT_PORT), .nl_groups = number_at(e, AT_GROUPS)};
    memcpy(to, &nl, sizeof nl);
    return sizeof nl;
}

static struct netlink_socket *netlink_of(const struct socket *s) { return &s->datagram->netlink; }
static uint32_t port_of(const struct socket *s) { return number_at(&s->local, AT_PORT); }

static bool port_is_taken(const struct socket_layer *l, uint32_t port)
{
    for (const struct socket *s = l->netlinks; s; s = s->port_next)
        if (port_of(s) == port)
            return true;
    return false;
}

static int take_port(struct socket *s, uint32_t port)
{
    struct netlink_layer *n = &s->layer->netlink;
    if (port && port_is_taken(s->layer, port))
        return -EADDRINUSE;
    while (!port) {
        port = ++n->last_port;
        if (port && port_is_taken(s->layer, port))
            port = 0;
    }
    set_number(&s->local, AT_PORT, port);
    return 0;
}

static void set_groups(struct socket *s, uint64_t groups)
{
    netlink_of(s)->groups = groups;
    set_number(&s->local, AT_GROUPS, (uint32_t)groups);
}

int netlink_bind_address(struct socket *s, const struct sockaddr *address, socklen_t length)
{
    struct endpoint e;
    int error = netlink_address_parse(address, length, &e);
    if (error < 0)
        return error;
    uint32_t port = number_at(&e, AT_PORT), mine = port_of(s);
    if (mine && port != mine)
        return -EINVAL;
    if (!mine && (error = take_port(s, port)) < 0)
        return error;
    set_groups(s, (netlink_of(s)->groups & ~(uint64_t)UINT32_MAX) | number_at(&e, AT_GROUPS));
    return 0;
}

static int netlink_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    (void)now;
    if (number_at(to, AT_GROUPS))
        return -EPERM;
    int e = port_of(s) ? 0 : take_port(s, 0);
    s->remote = *to;
    return e;
}

static int netlink_disconnect(struct socket *s, int64_t now)
{
    (void)now;
    s->remote = (struct endpoint){.port = 1};
    return 0;
}

static int netlink_shutdown(struct socket *s, int how, int64_t now)
{
    (void)s, (void)how, (void)now;
    return -EOPNOTSUPP;
}

/* ---- life ---- */

static int netlink_open(struct socket *s)
{
    struct socket_layer *l = s->layer;
    if (s->protocol != NETLINK_ROUTE)
        return -EPROTONOSUPPORT;
    int e = datagram_open_any(s);
    if (e < 0)
        return e;
    s->datagram->netlink = (struct netlink_socket){.groups = 0};
    s->remote.port = 1;
    news_listen(l);
    s->port_next = l->netlinks;
    s->port_link = &l->netlinks;
    if (s->port_next)
        s->port_next->port_link = &s->port_next;
    l->netlinks = s;
    return 0;
}

static void netlink_close(struct socket *s, int64_t now)
{
    struct socket_layer *l = s->layer;
    datagram_close_any(s, now);
    news_unlisten(l);
}

/* ---- the queue ---- */

static void overrun(struct socket *s)
{
    struct netlink_socket *n = netlink_of(s);
    if (n->no_overruns || n->overrun)
        return;
    n->overrun = true;
    socket_fail(s, ENOBUFS);
}

void netlink_queue(struct socket *s, const void *bytes, size_t length, uint32_t group)
{
    const struct ip_piece piece = {.bytes = bytes, .length = length};
    struct record r = {.peer.port = 1};
    set_number(&r.peer, AT_GROUPS, group && group <= 32 ? UINT32_C(1) << (group - 1) : 0);
    r.local = group;
    if (record_add(s, &s->datagram->received, &r, &piece, 1))
        socket_notify(s, POLLIN | POLLRDNORM);
    else
        overrun(s);
}

int netlink_reply(struct netlink_request *r, const struct netlink_writer *w)
{
    netlink_queue(r->socket, w->bytes, w->length, 0);
    return 0;
}

/* ---- objects ---- */

static const struct netlink_object *const objects[NETLINK_CLASSES] = {
    [NETLINK_LINKS] = &netlink_links,
    [NETLINK_ADDRESSES] = &netlink_addresses,
    [NETLINK_ROUTES] = &netlink_routes,
    [NETLINK_NEIGHBOURS] = &netlink_neighbours,
};

enum { KIND_NEW, KIND_DEL, KIND_GET, KIND_SET }; /* the last two bits of a type */

static unsigned class_of(uint16_t type) { return (unsigned)(type - RTM_BASE) >> 2; }

/* ---- dumps ---- */

static bool write_part(struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_object *o = objects[class_of(d->type)];
    bool ours = o->any_family || d->family == AF_UNSPEC || netlink_is_family(d->family);
    if (l->netlink.changes[class_of(d->type)] != d->changes)
        d->flags |= NLM_F_DUMP_INTR;
    return !ours || o->dump(l, d, w);
}

static bool write_done(struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_head h = {.type = NLMSG_DONE, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    const int32_t nothing = 0;
    netlink_begin(w, &h, &nothing, sizeof nothing);
    return netlink_end(w);
}

/* The next part, when there is room for it. */
static void dump_more(struct socket *s)
{
    struct netlink_dump *d = &netlink_of(s)->dump;
    uint8_t bytes[NETLINK_PART_BYTES];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    if (!d->type || s->datagram->charged > s->receive_limit / 2)
        return;
    bool over = write_part(s->layer, d, &w) && write_done(d, &w);
    netlink_queue(s, bytes, w.length, 0);
    if (over)
        d->type = 0;
}

static int begin_dump(struct netlink_request *r, const struct netlink_object *o)
{
    struct netlink_socket *n = netlink_of(r->socket);
    if (!o->dump)
        return -EOPNOTSUPP;
    if (n->dump.type)
        return netlink_refuse(r, -EBUSY, "a dump is under way on this socket");
    struct netlink_dump d = {.type = r->header.nlmsg_type,
                             .flags = NLM_F_MULTI,
                             .sequence = r->header.nlmsg_seq,
                             .port = r->port,
                             .family = r->body[0],
                             .now = r->now,
                             .changes = r->layer->netlink.changes[class_of(r->header.nlmsg_type)]};
    int e = n->strict && o->filter ? o->filter(r, &d) : 0;
    if (e < 0)
        return e;
    n->dump = d;
    dump_more(r->socket);
    return -EINTR; /* its NLMSG_DONE is the acknowledgement */
}

/* ---- requests ---- */

static netlink_handle_fn *handler_of(const struct netlink_object *o, unsigned kind)
{
    switch (kind) {
    case KIND_NEW:
        return o->make;
    case KIND_DEL:
        return o->remove;
    case KIND_GET:
        return o->get;
    default:
        return o->set;
    }
}

static int dispatch(struct netlink_request *r)
{
    uint16_t type = r->header.nlmsg_type;
    if (!(r->header.nlmsg_flags & NLM_F_REQUEST) || type < NLMSG_MIN_TYPE)
        return 0;
    if (type < RTM_BASE || class_of(type) >= NETLINK_CLASSES)
        return -EOPNOTSUPP;
    if (r->length < sizeof(struct rtgenmsg))
        return 0; /* as Linux does */
    const struct netlink_object *o = objects[class_of(type)];
    unsigned kind = type & 3;
    if (kind == KIND_GET && (r->header.nlmsg_flags & NLM_F_DUMP))
        return begin_dump(r, o);
    netlink_handle_fn *handle = handler_of(o, kind);
    return handle ? handle(r) : netlink_refuse(r, -EOPNOTSUPP, "Weir cannot do this to objects of this type");
}

static void write_error(struct netlink_request *r, int error, struct netlink_writer *w)
{
    const struct netlink_socket *n = netlink_of(r->socket);
    struct netlink_head h = netlink_answer(r, NLMSG_ERROR);
    struct nlmsgerr m = {.error = error, .msg = r->header};
    const char *why = n->extended ? r->why : NULL;
    bool capped = !error || n->capped;
    h.flags = (uint16_t)((capped ? NLM_F_CAPPED : 0) | (why ? NLM_F_ACK_TLVS : 0));
    uint8_t fixed[sizeof m + NETLINK_REQUEST_BYTES];
    size_t quoted = capped ? 0 : r->length;
    memcpy(fixed, &m, sizeof m);
    if (quoted)
        memcpy(fixed + sizeof m, r->body, quoted);
    netlink_begin(w, &h, fixed, sizeof m + quoted);
    if (why)
        netlink_put_text(w, NLMSGERR_ATTR_MSG, why);
    (void)netlink_end(w);
}

static void acknowledge(struct netlink_request *r, int error)
{
    uint8_t bytes[NETLINK_REQUEST_BYTES + 512];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    write_error(r, error, &w);
    (void)netlink_reply(r, &w);
}

static void do_request(struct netlink_request *r)
{
    struct netlink_layer *n = &r->layer->netlink;
    n->port = r->port;
    n->sequence = r->header.nlmsg_seq;
    n->echo = r->header.nlmsg_flags & NLM_F_ECHO ? r->socket : NULL;
    int e = dispatch(r);
    n->port = n->sequence = 0;
    n->echo = NULL;
    if (e != -EINTR && (e < 0 || (r->header.nlmsg_flags & NLM_F_ACK)))
        acknowledge(r, e);
}

/* As netlink_rcv_skb() of Linux: what is behind a message with a bad length is not looked at. */
static void do_requests(struct socket *s, const uint8_t *bytes, size_t length, int64_t now)
{
    struct netlink_request r = {.socket = s, .layer = s->layer, .port = port_of(s), .now = now};
    while (length >= NETLINK_HEADER) {
        memcpy(&r.header, bytes, sizeof r.header);
        if (r.header.nlmsg_len < NETLINK_HEADER || r.header.nlmsg_len > length)
            return;
        r.body = bytes + NETLINK_HEADER;
        r.length = r.header.nlmsg_len - NETLINK_HEADER;
        r.why = NULL;
        do_request(&r);
        size_t step = min_size(netlink_align(r.header.nlmsg_len), length);
        bytes += step;
        length -= step;
    }
}

/* ---- sending and receiving ---- */

static int check_destination(const struct socket *s, const struct msghdr *m)
{
    struct endpoint to = s->remote;
    int e = m->msg_name ? netlink_address_parse(m->msg_name, m->msg_namelen, &to) : 0;
    if (e < 0)
        return e;
    if (number_at(&to, AT_GROUPS))
        return -EPERM;
    return number_at(&to, AT_PORT) ? -ECONNREFUSED : 0;
}

static ssize_t netlink_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    uint8_t bytes[NETLINK_REQUEST_BYTES];
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (length == 0)
        return -ENODATA;
    int e = check_destination(s, m);
    if (e == 0 && !port_of(s))
        e = take_port(s, 0);
    if (e == 0 && length > sizeof bytes)
        e = -EMSGSIZE;
    if (e < 0)
        return e;
    size_t done = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        if (m->msg_iov[i].iov_len)
            memcpy(bytes + done, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
        done += m->msg_iov[i].iov_len;
    }
    do_requests(s, bytes, length, now);
    return (ssize_t)length;
}

static ssize_t netlink_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct netlink_socket *n = netlink_of(s);
    uint32_t first = s->datagram->received.first;
    size_t room = m->msg_controllen;
    struct nl_pktinfo info = {.group = first ? record_at(s->layer, first)->local : 0};
    ssize_t got = datagram_receive(s, m, length, flags & ~MSG_ERRQUEUE, now);
    if (got >= 0 && n->tell_group)
        message_control(m, room, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof info);
    if (got < 0 || (flags & MSG_PEEK))
        return got;
    n->dump.now = now;
    dump_more(s);
    if (!s->datagram->received.first)
        n->overrun = false;
    return got;
}

static int netlink_ioctl(const struct socket *s, unsigned long request, int *value)
{
    (void)s, (void)request, (void)value;
    return -ENOTTY;
}

/* ---- options ---- */

static bool *flag_of(struct netlink_socket *n, int name)
{
    switch (name) {
    case NETLINK_PKTINFO:
        return &n->tell_group;
    case NETLINK_BROADCAST_ERROR:
        return &n->broadcast_errors;
    case NETLINK_NO_ENOBUFS:
        return &n->no_overruns;
    case NETLINK_CAP_ACK:
        return &n->capped;
    case NETLINK_EXT_ACK:
        return &n->extended;
    case NETLINK_GET_STRICT_CHK:
        return &n->strict;
    default:
        return NULL;
    }
}

static int change_membership(struct socket *s, int name, int group)
{
    if (group < 1 || group > RTNLGRP_MAX)
        return -EINVAL;
    uint64_t bit = UINT64_C(1) << (group - 1), groups = netlink_of(s)->groups;
    set_groups(s, name == NETLINK_ADD_MEMBERSHIP ? groups | bit : groups & ~bit);
    return port_of(s) ? 0 : take_port(s, 0);
}

int option_netlink_set(struct socket *s, int name, const void *value, socklen_t length)
{
    bool *flag = flag_of(netlink_of(s), name);
    int n = 0;
    if (length >= sizeof n)
        memcpy(&n, value, sizeof n);
    if (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP)
        return change_membership(s, name, n);
    if (!flag)
        return -ENOPROTOOPT;
    *flag = n != 0;
    if (name == NETLINK_NO_ENOBUFS && n)
        netlink_of(s)->overrun = false;
    return 0;
}

int option_netlink_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    const bool *flag = flag_of(netlink_of(s), name);
    if (name == NETLINK_LIST_MEMBERSHIPS)
        return option_give(value, length, &netlink_of(s)->groups, sizeof(uint64_t));
    if (!flag)
        return -ENOPROTOOPT;
    if (*length < sizeof(int))
        return -EINVAL;
    return option_give_int(value, length, *flag);
}

const struct socket_kind netlink_kind = {.open = netlink_open,
                                         .close = netlink_close,
                                         .connect = netlink_connect,
                                         .disconnect = netlink_disconnect,
                                         .send = netlink_send,
                                         .receive = netlink_receive,
                                         .shutdown = netlink_shutdown,
                                         .ready = datagram_ready,
                                         .ioctl = netlink_ioctl};
