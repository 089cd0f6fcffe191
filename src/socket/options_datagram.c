/* SPDX-License-Identifier: MIT */
/*
 * Options of IPPROTO_IP for datagrams: what is told of each, and multicast. A stream takes those that are yes or no as well, to no effect. ip(7).
 */
#include "socket/datagram.h"
#include "socket/options.h"
#include "stack/control.h"

/* ---- groups ---- */

/* struct ip_mreq or ip_mreqn; of IP_MULTICAST_IF also a bare address. */
static int read_request(const void *value, socklen_t length, bool bare, struct ip_mreqn *out)
{
    *out = (struct ip_mreqn){.imr_ifindex = 0};
    if (length >= sizeof *out)
        memcpy(out, value, sizeof *out);
    else if (length >= sizeof(struct ip_mreq))
        memcpy(out, value, sizeof(struct ip_mreq));
    else if (bare && length >= sizeof out->imr_address)
        memcpy(&out->imr_address, value, sizeof out->imr_address);
    else
        return -EINVAL;
    return 0;
}

uint32_t datagram_host_on(const struct stack *stack, int ifindex, bool v6)
{
    struct host_settings h;
    unsigned interface = (unsigned)ifindex - 1;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (stack_view_host(stack, i, &h) && h.interface == interface && ip_addr_is_v4(&h.address) != v6)
            return i;
    return 0;
}

/* The local address that a request names: by interface, by itself, or by route to the group. */
static uint32_t local_of(const struct socket *s, const struct ip_mreqn *m)
{
    const struct stack *stack = s->layer->stack;
    struct ip_addr group = ip_addr_from_v4(load_be32(&m->imr_multiaddr));
    struct ip_addr named = ip_addr_from_v4(load_be32(&m->imr_address));
    if (m->imr_ifindex)
        return datagram_host_on(stack, m->imr_ifindex, false);
    if (!ip_addr_is_unspecified(&named))
        return stack_find_local(stack, &named);
    uint32_t local = stack_local_for(stack, &group);
    return local ? local : stack_next_host(stack, 0);
}

static struct membership *membership_of(struct datagram_socket *g, const struct ip_addr *group, uint32_t local)
{
    for (uint32_t i = 0; i < g->n_groups; i++)
        if (ip_addr_equal(&g->groups[i].group, group) && g->groups[i].local == local)
            return &g->groups[i];
    return NULL;
}

static int join(struct socket *s, const struct ip_addr *group, uint32_t local, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    if (local == 0)
        return -ENODEV;
    if (membership_of(g, group, local))
        return -EADDRINUSE;
    if (g->n_groups == DATAGRAM_MAX_GROUPS || stack_join(s->layer->stack, local, group, now) != 0)
        return -ENOBUFS;
    g->groups[g->n_groups++] = (struct membership){.group = *group, .local = local};
    return 0;
}

static int leave(struct socket *s, const struct ip_addr *group, uint32_t local, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    struct membership *m = membership_of(g, group, local);
    if (!m)
        return -EADDRNOTAVAIL;
    (void)stack_leave(s->layer->stack, local, group, now);
    *m = g->groups[--g->n_groups];
    return 0;
}

void datagram_leave_groups(struct socket *s, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    while (g->n_groups)
        (void)leave(s, &g->groups[0].group, g->groups[0].local, now);
}

static int set_membership(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    struct ip_mreqn m;
    int e = read_request(value, length, false, &m);
    if (e < 0)
        return e;
    struct ip_addr group = ip_addr_from_v4(load_be32(&m.imr_multiaddr));
    if (!ip_addr_is_multicast(&group))
        return -EINVAL;
    uint32_t local = local_of(s, &m);
    return name == IP_ADD_MEMBERSHIP ? join(s, &group, local, now) : leave(s, &group, local, now);
}

static int set_multicast_interface(struct socket *s, const void *value, socklen_t length)
{
    struct ip_mreqn m;
    int e = read_request(value, length, true, &m);
    if (e < 0)
        return e;
    bool none = m.imr_ifindex == 0 && load_be32(&m.imr_address) == 0;
    uint32_t local = none ? 0 : local_of(s, &m);
    if (!none && local == 0)
        return -EADDRNOTAVAIL;
    s->datagram->multicast_local = local;
    return 0;
}

static int give_multicast_interface(const struct socket *s, void *value, socklen_t *length)
{
    struct in_addr address = {0};
    struct ip_addr ip;
    if (stack_local_address(s->layer->stack, s->datagram->multicast_local, &ip))
        store_be32(&address, ip_addr_to_v4(&ip));
    return option_give(value, length, &address, sizeof address);
}

/* ---- groups of IPv6 ---- */

static uint32_t local_of6(const struct socket *s, const struct ip_addr *group, int ifindex)
{
    if (ifindex)
        return datagram_host_on(s->layer->stack, ifindex, true);
    return datagram_first_for(s->layer->stack, group);
}

static int set_membership6(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    struct ipv6_mreq m;
    if (length < sizeof m)
        return -EINVAL;
    memcpy(&m, value, sizeof m);
    const struct ip_addr group = ip_addr_from_v6(&m.ipv6mr_multiaddr);
    if (s->type == SOCK_STREAM)
        return -EPROTO;
    if (group.bytes[0] != 0xff)
        return -EINVAL;
    uint32_t local = local_of6(s, &group, (int)m.ipv6mr_interface);
    return name == IPV6_JOIN_GROUP ? join(s, &group, local, now) : leave(s, &group, local, now);
}

static int set_multicast_interface6(struct socket *s, const void *value, socklen_t length)
{
    int ifindex;
    int e = option_int(value, length, &ifindex);
    if (e < 0 || s->type == SOCK_STREAM)
        return e < 0 ? e : -ENOPROTOOPT;
    uint32_t local = ifindex ? datagram_host_on(s->layer->stack, ifindex, true) : 0;
    if (ifindex && local == 0)
        return -ENODEV;
    s->datagram->multicast_local = local;
    return 0;
}

int option_group6_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    if (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)
        return set_membership6(s, name, value, length, now);
    return name == IPV6_MULTICAST_IF ? set_multicast_interface6(s, value, length) : -ENOPROTOOPT;
}

int option_group6_get(const struct socket *s, void *value, socklen_t *length)
{
    struct host_settings h;
    if (s->type == SOCK_STREAM)
        return -ENOPROTOOPT;
    bool chosen = stack_view_host(s->layer->stack, s->datagram->multicast_local, &h);
    return option_give_int(value, length, chosen ? (int)h.interface + 1 : 0);
}

/* ---- integers ---- */

static int set_multicast_ttl(struct datagram_socket *g, int ttl)
{
    if (ttl < -1 || ttl > 255)
        return -EINVAL;
    g->multicast_ttl = ttl == -1 ? 1 : (uint8_t)ttl;
    return 0;
}

/* 0: it is no such option. */
static uint8_t flag_of(int name)
{
    switch (name) {
    case IP_PKTINFO:
        return IP_FLAG_PACKET;
    case IP_RECVTTL:
        return IP_FLAG_TTL;
    case IP_RECVTOS:
        return IP_FLAG_TOS;
    case IP_MULTICAST_LOOP:
        return IP_FLAG_LOOP;
    case IP_MULTICAST_ALL:
        return IP_FLAG_ALL;
    case IP_HDRINCL:
        return IP_FLAG_HEADER;
    default:
        return 0;
    }
}

static int set_flag(struct socket *s, int name, int value, socklen_t length)
{
    uint8_t flag = flag_of(name);
    if (name == IP_HDRINCL && s->type != SOCK_RAW)
        return -ENOPROTOOPT;
    if (length < 1 && (flag & (IP_FLAG_LOOP | IP_FLAG_ALL)))
        return -EINVAL;
    if (name == IP_MULTICAST_ALL && value != 0 && value != 1)
        return -EINVAL;
    s->ip_flags = value ? s->ip_flags | flag : s->ip_flags & (uint8_t)~flag;
    return 0;
}

/* Of a stream, which has no use for groups. */
static int refuse_groups(int name)
{
    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        return -EPROTO;
    case IP_MULTICAST_TTL:
        return -EINVAL;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_groups(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n, e;
    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        return set_membership(s, name, value, length, now);
    case IP_MULTICAST_IF:
        return set_multicast_interface(s, value, length);
    case IP_MULTICAST_TTL:
        if (length < 1)
            return -EINVAL;
        e = option_int_or_byte(value, length, &n);
        return e < 0 ? e : set_multicast_ttl(s->datagram, n);
    default:
        return -ENOPROTOOPT;
    }
}

int option_datagram_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    if (!flag_of(name))
        return s->type == SOCK_STREAM ? refuse_groups(name) : set_groups(s, name, value, length, now);
    int e = option_int_or_byte(value, length, &n);
    return e < 0 ? e : set_flag(s, name, n, length);
}

int option_datagram_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    bool stream = s->type == SOCK_STREAM;
    if (flag_of(name))
        return option_ip_give(value, length, (s->ip_flags & flag_of(name)) != 0);
    if (name == IP_MULTICAST_TTL)
        return option_ip_give(value, length, stream ? 1 : s->datagram->multicast_ttl);
    return name == IP_MULTICAST_IF && !stream ? give_multicast_interface(s, value, length) : -ENOPROTOOPT;
}
