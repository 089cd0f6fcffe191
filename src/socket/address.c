/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses and ours. An IPv6 socket says IPv4-mapped addresses for IPv4 ones (RFC 3493 3.7). That an endpoint has no address is the same for both
 * families.
 */
#include "socket/netlink.h"
#include "socket/packet.h"

static int parse_v4(const struct sockaddr *address, socklen_t length, struct endpoint *out)
{
    struct sockaddr_in in;
    if (length < sizeof in)
        return -EINVAL;
    memcpy(&in, address, sizeof in);
    *out = (struct endpoint){.ip = ip_addr_from_v4(load_be32(&in.sin_addr)), .port = load_be16(&in.sin_port)};
    return 0;
}

static int parse_v6(const struct sockaddr *address, socklen_t length, struct endpoint *out)
{
    struct sockaddr_in6 in6;
    if (length < offsetof(struct sockaddr_in6, sin6_scope_id)) /* RFC 2133 had no scope */
        return -EINVAL;
    memset(&in6, 0, sizeof in6);
    memcpy(&in6, address, length < sizeof in6 ? length : sizeof in6);
    *out = (struct endpoint){.ip = ip_addr_from_v6(&in6.sin6_addr), .port = load_be16(&in6.sin6_port)};
    if (ip_addr_is_unspecified(&out->ip))
        out->ip = ip_addr_from_v4(0);
    return 0;
}

int endpoint_parse(const struct socket *s, const struct sockaddr *address, socklen_t length, struct endpoint *out)
{
    sa_family_t family;
    if (s->domain == AF_NETLINK)
        return netlink_address_parse(address, length, out);
    if (!address)
        return -EFAULT;
    if (length < sizeof family)
        return -EINVAL;
    memcpy(&family, address, sizeof family);
    if (family == AF_UNSPEC && s->domain == AF_INET) /* as ever */
        return parse_v4(address, length, out);
    if (family != s->domain)
        return length < sizeof(struct sockaddr_in) ? -EINVAL : -EAFNOSUPPORT;
    return family == AF_INET6 ? parse_v6(address, length, out) : parse_v4(address, length, out);
}

uint32_t own_find(struct socket_layer *l, const struct ip_addr *ip)
{
    const int loopback = ip_addr_is_loopback(ip) && l->settings.loopback ? stack_add_loopback(l->stack, ip) : 0;
    return loopback > 0 ? (uint32_t)loopback : stack_find_local(l->stack, ip);
}

/* What stands for the host itself. */
static struct ip_addr loopback_of(bool v4)
{
    const struct ip_addr v6 = {{[15] = 1}};
    return v4 ? ip_addr_from_v4(INADDR_LOOPBACK) : v6;
}

uint32_t own_for(struct socket_layer *l, const struct ip_addr *to)
{
    if (!ip_addr_is_loopback(to))
        return stack_local_for(l->stack, to);
    const struct ip_addr from = loopback_of(ip_addr_is_v4(to));
    return own_find(l, to) ? own_find(l, &from) : 0;
}

void endpoint_resolve(const struct socket *s, struct endpoint *to)
{
    if (s->layer->settings.loopback && ip_addr_is_unspecified(&to->ip) &&
        (s->domain == AF_INET || s->domain == AF_INET6))
        to->ip = ip_addr_is_unspecified(&s->local.ip) ? loopback_of(s->domain == AF_INET) : s->local.ip;
}

enum socket_reach socket_reach(const struct socket_layer *l, const struct sockaddr *address, socklen_t length)
{
    struct socket any = {.domain = address ? address->sa_family : AF_UNSPEC};
    struct endpoint e;
    if ((any.domain != AF_INET && any.domain != AF_INET6) || endpoint_parse(&any, address, length, &e) < 0)
        return SOCKET_UNREACHABLE;
    if (stack_find_local(l->stack, &e.ip) != 0 || (l->settings.loopback && ip_addr_is_loopback(&e.ip)))
        return SOCKET_OWN;
    bool many = ip_addr_is_multicast(&e.ip) || stack_is_broadcast(l->stack, 0, &e.ip);
    return (many && ip_addr_is_v4(&e.ip)) || stack_local_for(l->stack, &e.ip) != 0 ? SOCKET_ROUTED : SOCKET_UNREACHABLE;
}

static socklen_t write_v4(const struct endpoint *e, struct sockaddr_storage *to)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    store_be16(&in.sin_port, e->port);
    store_be32(&in.sin_addr, ip_addr_to_v4(&e->ip));
    memcpy(to, &in, sizeof in);
    return sizeof in;
}

static socklen_t write_v6(const struct endpoint *e, struct sockaddr_storage *to)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    store_be16(&in6.sin6_port, e->port);
    if (!ip_addr_is_unspecified(&e->ip))
        memcpy(&in6.sin6_addr, e->ip.bytes, sizeof e->ip.bytes);
    memcpy(to, &in6, sizeof in6);
    return sizeof in6;
}

static socklen_t write_any(const struct socket *s, const struct endpoint *e, struct sockaddr_storage *to)
{
    if (s->domain == AF_PACKET)
        return packet_address_write(e, to);
    if (s->domain == AF_NETLINK)
        return netlink_address_write(e, to);
    return s->domain == AF_INET6 ? write_v6(e, to) : write_v4(e, to);
}

void endpoint_write(const struct socket *s, const struct endpoint *e, struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_storage full;
    if (!address || !length)
        return;
    socklen_t size = write_any(s, e, &full);
    memcpy(address, &full, *length < size ? *length : size);
    *length = size;
}
