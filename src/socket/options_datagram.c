/* SPDX-License-Identifier: MIT */
/*
 * Options of IPPROTO_IP that only datagram sockets have: what is told of each datagram, and multicast. ip(7).
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

uint32_t datagram_host_on(const struct stack *stack, int ifindex)
{
    struct host_settings h;
    unsigned interface = (unsigned)ifindex - 1;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (stack_view_host(stack, i, &h) && h.interface == interface)
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
        return datagram_host_on(stack, m->imr_ifindex);
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

static int join(struct socket *s, const struct ip_addr *group, uint32_t local)
{
    struct datagram_socket *g = s->datagram;
    if (local == 0)
        return -ENODEV;
    if (membership_of(g, group, local))
        return -EADDRINUSE;
    if (g->n_groups == DATAGRAM_MAX_GROUPS || stack_join(s->layer->stack, local, group) != 0)
        return -ENOBUFS;
    g->groups[g->n_groups++] = (struct membership){.group = *group, .local = local};
    return 0;
}

static int leave(struct socket *s, const struct ip_addr *group, uint32_t local)
{
    struct datagram_socket *g = s->datagram;
    struct membership *m = membership_of(g, group, local);
    if (!m)
        return -EADDRNOTAVAIL;
    (void)stack_leave(s->layer->stack, local, group);
    *m = g->groups[--g->n_groups];
    return 0;
}

void datagram_leave_groups(struct socket *s)
{
    struct datagram_socket *g = s->datagram;
    while (g->n_groups)
        (void)leave(s, &g->groups[0].group, g->groups[0].local);
}

static int set_membership(struct socket *s, int name, const void *value, socklen_t length)
{
    struct ip_mreqn m;
    int e = read_request(value, length, false, &m);
    if (e < 0)
        return e;
    struct ip_addr group = ip_addr_from_v4(load_be32(&m.imr_multiaddr));
    if (!ip_addr_is_multicast(&group))
        return -EINVAL;
    return name == IP_ADD_MEMBERSHIP ? join(s, &group, local_of(s, &m)) : leave(s, &group, local_of(s, &m));
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

/* ---- integers ---- */

static int set_multicast_ttl(struct datagram_socket *g, int ttl)
{
    if (ttl < -1 || ttl > 255)
        return -EINVAL;
    g->multicast_ttl = ttl == -1 ? 1 : (uint8_t)ttl;
    return 0;
}

/* Where a yes or no is kept; NULL: it is no such option. */
static bool *flag_of(struct datagram_socket *g, int name)
{
    switch (name) {
    case IP_PKTINFO:
        return &g->tell_packet;
    case IP_RECVTTL:
        return &g->tell_ttl;
    case IP_RECVTOS:
        return &g->tell_tos;
    case IP_MULTICAST_LOOP:
        return &g->multicast_loop;
    case IP_MULTICAST_ALL:
        return &g->multicast_all;
    case IP_HDRINCL:
        return &g->header_included;
    default:
        return NULL;
    }
}

int option_datagram_set(struct socket *s, int name, const void *value, socklen_t length)
{
    bool *flag = flag_of(s->datagram, name);
    int n;
    if (name == IP_HDRINCL && s->type != SOCK_RAW)
        return -ENOPROTOOPT;
    if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
        return set_membership(s, name, value, length);
    if (name == IP_MULTICAST_IF)
        return set_multicast_interface(s, value, length);
    if (!flag && name != IP_MULTICAST_TTL)
        return -ENOPROTOOPT;
    int e = option_int_or_byte(value, length, &n);
    if (e < 0)
        return e;
    if (!flag)
        return set_multicast_ttl(s->datagram, n);
    *flag = n != 0;
    return 0;
}

int option_datagram_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    const bool *flag = flag_of(s->datagram, name);
    if (flag)
        return option_ip_give(value, length, *flag);
    if (name == IP_MULTICAST_TTL)
        return option_ip_give(value, length, s->datagram->multicast_ttl);
    return name == IP_MULTICAST_IF ? give_multicast_interface(s, value, length) : -ENOPROTOOPT;
}
