/* SPDX-License-Identifier: MIT */
/*
 * The calls: what is the same for all kinds of sockets, before the kind's own part.
 */
#include "socket/interfaces.h"
#include "socket/netlink.h"
#include "socket/packet.h"

static int check_protocol(int protocol, int only) { return protocol == 0 || protocol == only ? 0 : -EPROTONOSUPPORT; }

static int kind_of(int domain, int type, int protocol, const struct socket_kind **out)
{
    int echo = domain == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    switch (type) {
    case SOCK_STREAM:
        *out = &stream_kind;
        return check_protocol(protocol, IPPROTO_TCP);
    case SOCK_RAW:
        *out = &raw_kind;
        return 0;
    case SOCK_DGRAM:
        *out = protocol == echo ? &ping_kind : &datagram_kind;
        return protocol == echo ? 0 : check_protocol(protocol, IPPROTO_UDP);
    default:
        return -ESOCKTNOSUPPORT;
    }
}

static int kind_of_domain(int domain, int type, int protocol, const struct socket_kind **out)
{
    switch (domain) {
    case AF_INET:
    case AF_INET6:
        return kind_of(domain, type, protocol, out);
    case AF_PACKET:
    case AF_NETLINK:
        *out = domain == AF_PACKET ? &packet_kind : &netlink_kind;
        return type == SOCK_RAW || type == SOCK_DGRAM ? 0 : -ESOCKTNOSUPPORT;
    default:
        return -EAFNOSUPPORT;
    }
}

int socket_open(struct socket_layer *l, int domain, int type, int protocol, struct socket **out)
{
    const struct socket_kind *kind;
    *out = NULL;
    if ((domain == AF_INET || domain == AF_INET6) && (protocol < 0 || protocol >= IPPROTO_MAX))
        return -EINVAL;
    int e = kind_of_domain(domain, type, protocol, &kind);
    if (e < 0)
        return e;
    struct socket *s = socket_new(l);
    if (!s)
        return -ENOBUFS;
    s->kind = kind;
    s->domain = domain;
    s->type = type;
    s->protocol = protocol;
    s->v6_only = domain == AF_INET6 && (kind == &raw_kind || kind == &ping_kind); /* as Linux's */
    e = kind->open(s);
    if (e < 0) {
        socket_free(s);
        return e;
    }
    l->counters.opened++;
    *out = s;
    return 0;
}

int socket_close(struct socket *s, int64_t now)
{
    s->layer->counters.closed++;
    while (s->watches)
        socket_watch_remove(s->watches);
    s->orphan = true;
    s->kind->close(s, now);
    return 0;
}

/* Streams have an address of ours; datagrams may also be bound to what they hear. */
static bool may_hear(const struct socket *s, const struct ip_addr *ip)
{
    return s->type != SOCK_STREAM && (ip_addr_is_multicast(ip) || stack_is_broadcast(s->layer->stack, 0, ip));
}

/* The address must be any or one of ours. */
static int set_local(struct socket *s, const struct ip_addr *ip)
{
    uint32_t index = 0;
    if (!ip_addr_is_unspecified(ip) && !socket_speaks(s, ip))
        return -EINVAL;
    if (!ip_addr_is_unspecified(ip) && (index = own_find(s->layer, ip)) == 0 && !may_hear(s, ip))
        return -EADDRNOTAVAIL;
    s->local.ip = *ip;
    s->local_index = index;
    return 0;
}

int socket_bind(struct socket *s, const struct sockaddr *address, socklen_t length, int64_t now)
{
    struct endpoint e;
    if (s->domain == AF_PACKET)
        return packet_bind_address(s, address, length);
    if (s->domain == AF_NETLINK)
        return netlink_bind_address(s, address, length);
    int error = endpoint_parse(s, address, length, &e);
    if (error < 0)
        return error;
    sa_family_t family;
    memcpy(&family, address, sizeof family);
    if (family == AF_UNSPEC && !ip_addr_is_unspecified(&e.ip))
        return -EAFNOSUPPORT;
    if (s->local.port != 0)
        return -EINVAL;
    struct endpoint before = s->local;
    if ((error = set_local(s, &e.ip)) == 0 && (error = s->kind->bind(s, e.port, now)) == 0) {
        s->bound = true;
        s->bound_address = s->local_index != 0;
        return 0;
    }
    s->local = before;
    s->local_index = 0;
    return error;
}

int socket_listen(struct socket *s, int backlog, int64_t now)
{
    return s->kind->listen ? s->kind->listen(s, backlog, now) : -EOPNOTSUPP;
}

int socket_accept(struct socket *s, struct sockaddr *address, socklen_t *length, struct socket **out)
{
    *out = NULL;
    int error = s->kind->accept ? s->kind->accept(s, out) : -EOPNOTSUPP;
    if (error == 0)
        endpoint_write(*out, &(*out)->remote, address, length);
    return error;
}

int socket_connect(struct socket *s, const struct sockaddr *address, socklen_t length, int64_t now)
{
    struct endpoint to;
    sa_family_t family;
    if (!address)
        return -EFAULT;
    if (length < sizeof family)
        return -EINVAL;
    memcpy(&family, address, sizeof family);
    if (s->domain == AF_PACKET)
        return -EOPNOTSUPP;
    if (family == AF_UNSPEC)
        return s->kind->disconnect(s, now);
    int error = endpoint_parse(s, address, length, &to);
    if (error < 0)
        return error;
    endpoint_resolve(s, &to);
    return s->kind->connect(s, &to, now);
}

ssize_t socket_send(struct socket *s, const struct msghdr *message, int flags, int64_t now)
{
    ssize_t length = message_length(message, false);
    return length < 0 ? length : s->kind->send(s, message, (size_t)length, flags, now);
}

ssize_t socket_receive(struct socket *s, struct msghdr *message, int flags, int64_t now)
{
    ssize_t length = message_length(message, (flags & MSG_TRUNC) && s->type == SOCK_STREAM);
    return length < 0 ? length : s->kind->receive(s, message, (size_t)length, flags, now);
}

int socket_shutdown(struct socket *s, int how, int64_t now)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    return s->kind->shutdown(s, how, now);
}

int socket_name(const struct socket *s, struct sockaddr *address, socklen_t *length)
{
    struct endpoint e = s->local;
    if (!address || !length)
        return -EFAULT;
    if ((int32_t)*length < 0)
        return -EINVAL;
    if (s->kind == &raw_kind)
        e.port = (uint16_t)s->protocol;
    endpoint_write(s, &e, address, length);
    if (s->domain == AF_PACKET) /* packet(7) ends the name with the MAC address here, and only here */
        *length = min_u32(*length, PACKET_NAME_BYTES);
    return 0;
}

int socket_peer(const struct socket *s, struct sockaddr *address, socklen_t *length)
{
    if (!address || !length)
        return -EFAULT;
    if (s->domain == AF_PACKET)
        return -EOPNOTSUPP;
    if (s->remote.port == 0 || (s->type == SOCK_STREAM && s->stream.ended))
        return -ENOTCONN;
    if ((int32_t)*length < 0)
        return -EINVAL;
    endpoint_write(s, &s->remote, address, length);
    return 0;
}

int socket_ioctl(struct socket *s, unsigned long request, void *argument, int64_t now)
{
    int e = interface_ioctl(s->layer, request, argument, now);
    if (e != -ENOTTY)
        return e;
    return argument ? s->kind->ioctl(s, request, argument) : -EFAULT;
}

bool socket_is_stream(const struct socket *s) { return s->type == SOCK_STREAM; }

void socket_waiting(const struct socket *s, struct socket_waiting *out)
{
    *out = (struct socket_waiting){.send_timeout_ns = s->send_timeout_ns,
                                   .receive_timeout_ns = s->receive_timeout_ns,
                                   .low_water = s->low_water,
                                   .linger = s->linger_s > 0,
                                   .linger_ns = s->linger_s > 0 ? s->linger_s * NS_PER_S : 0};
}
