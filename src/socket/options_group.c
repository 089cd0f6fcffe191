/* SPDX-License-Identifier: MIT */
/*
 * Options that join and leave groups, choose sources and the interface that multicast leaves by, of both families: ip(7), ipv6(7), RFC 3678. Structures are
 * read as Linux reads them: their length is looked at first, then what limits say, then addresses.
 */
#include "socket/datagram.h"
#include "socket/interfaces.h"
#include "socket/membership.h"
#include "socket/options.h"
#include "stack/control.h"

#include <stddef.h>

#define MAX_OPTION_BYTES 131072u /* net.core.optmem_max */

/* ---- which local address ---- */

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
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (interface_of(stack, i) == ifindex && stack_view_host(stack, i, &h) && ip_addr_is_v4(&h.address) != v6)
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

static uint32_t local_of6(const struct socket *s, const struct ip_addr *group, int ifindex)
{
    if (ifindex)
        return datagram_host_on(s->layer->stack, ifindex, true);
    return datagram_first_for(s->layer->stack, group);
}

/* Of requests that name an interface, or 0 for the route's. */
static uint32_t local_by_index(const struct socket *s, const struct ip_addr *group, uint32_t ifindex)
{
    struct ip_mreqn m = {.imr_ifindex = (int)ifindex};
    if (!ip_addr_is_v4(group))
        return local_of6(s, group, (int)ifindex);
    store_be32(&m.imr_multiaddr, ip_addr_to_v4(group));
    return local_of(s, &m);
}

static struct ip_addr v4_of(struct in_addr a) { return ip_addr_from_v4(load_be32(&a)); }

/* ---- whole groups ---- */

static int set_membership(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    struct ip_mreqn m;
    int e = read_request(value, length, false, &m);
    if (e < 0)
        return e;
    struct ip_addr group = v4_of(m.imr_multiaddr);
    if (!ip_addr_is_multicast(&group))
        return -EINVAL;
    uint32_t local = local_of(s, &m);
    return name == IP_ADD_MEMBERSHIP ? membership_join(s, &group, local, true, now)
                                     : membership_leave(s, &group, local, now);
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
    return name == IPV6_JOIN_GROUP ? membership_join(s, &group, local, true, now)
                                   : membership_leave(s, &group, local, now);
}

/* An address of the family, or not. */
static bool read_address(const struct sockaddr_storage *from, bool v6, struct ip_addr *out)
{
    if (from->ss_family != (v6 ? AF_INET6 : AF_INET))
        return false;
    *out = v6 ? ip_addr_from_v6(&((const struct sockaddr_in6 *)from)->sin6_addr)
              : v4_of(((const struct sockaddr_in *)from)->sin_addr);
    return true;
}

static int set_group(struct socket *s, bool v6, int name, const void *value, socklen_t length, int64_t now)
{
    struct group_req r;
    struct ip_addr group;
    if (length < sizeof r)
        return -EINVAL;
    memcpy(&r, value, sizeof r);
    if (!read_address(&r.gr_group, v6, &group) || !ip_addr_is_multicast(&group))
        return -EINVAL;
    uint32_t local = local_by_index(s, &group, r.gr_interface);
    return name == MCAST_JOIN_GROUP ? membership_join(s, &group, local, true, now)
                                    : membership_leave(s, &group, local, now);
}

/* ---- single sources ---- */

/* To include a source of a group that was not joined is to join it. */
static int change_source(struct socket *s, const struct membership_change *c, int64_t now)
{
    if (!ip_addr_is_multicast(&c->group))
        return -EINVAL;
    if (c->add && !c->exclude) {
        int e = membership_join(s, &c->group, c->local, false, now);
        if (e < 0 && e != -EADDRINUSE)
            return e;
    }
    return membership_change(s, c, now);
}

static int set_source(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    struct ip_mreq_source r;
    if (length != sizeof r)
        return -EINVAL;
    memcpy(&r, value, sizeof r);
    const struct ip_mreqn m = {.imr_multiaddr = r.imr_multiaddr, .imr_address = r.imr_interface};
    const struct membership_change c = {.group = v4_of(r.imr_multiaddr),
                                        .source = v4_of(r.imr_sourceaddr),
                                        .local = local_of(s, &m),
                                        .exclude = name == IP_BLOCK_SOURCE || name == IP_UNBLOCK_SOURCE,
                                        .add = name == IP_BLOCK_SOURCE || name == IP_ADD_SOURCE_MEMBERSHIP};
    return change_source(s, &c, now);
}

static int set_group_source(struct socket *s, bool v6, int name, const void *value, socklen_t length, int64_t now)
{
    struct group_source_req r;
    struct membership_change c = {.exclude = name == MCAST_BLOCK_SOURCE || name == MCAST_UNBLOCK_SOURCE,
                                  .add = name == MCAST_BLOCK_SOURCE || name == MCAST_JOIN_SOURCE_GROUP};
    if (length < sizeof r)
        return -EINVAL;
    memcpy(&r, value, sizeof r);
    if (!read_address(&r.gsr_group, v6, &c.group) || !read_address(&r.gsr_source, v6, &c.source))
        return -EADDRNOTAVAIL;
    c.local = local_by_index(s, &c.group, r.gsr_interface);
    return change_source(s, &c, now);
}

/* ---- whole filters ---- */

static int set_filter(struct socket *s, struct membership_change *c, uint32_t mode, const struct ip_addr *sources,
                      uint32_t n, int64_t now)
{
    if (!ip_addr_is_multicast(&c->group) || (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE))
        return -EINVAL;
    c->exclude = mode == MCAST_EXCLUDE;
    return membership_set(s, c, sources, n, now);
}

/* What lengths and limits say of a filter of n sources. */
static int check_filter(socklen_t length, size_t head, uint32_t n, uint32_t most, size_t source)
{
    if (length > MAX_OPTION_BYTES || n > most)
        return -ENOBUFS;
    return head + n * source > length ? -EINVAL : 0;
}

#define IP_FILTER_HEAD offsetof(struct ip_msfilter, imsf_slist)
#define GROUP_FILTER_HEAD offsetof(struct group_filter, gf_slist)

static int set_ip_filter(struct socket *s, const void *value, socklen_t length, int64_t now)
{
    struct ip_msfilter f;
    struct ip_addr sources[MEMBERSHIP_MAX_SOURCES_V4];
    if (length < IP_FILTER_HEAD)
        return -EINVAL;
    memcpy(&f, value, IP_FILTER_HEAD);
    int e = check_filter(length, IP_FILTER_HEAD, f.imsf_numsrc, MEMBERSHIP_MAX_SOURCES_V4, sizeof(struct in_addr));
    if (e < 0)
        return e;
    for (uint32_t i = 0; i < f.imsf_numsrc; i++)
        sources[i] = ip_addr_from_v4(load_be32((const uint8_t *)value + IP_FILTER_HEAD + 4u * i));
    const struct ip_mreqn m = {.imr_multiaddr = f.imsf_multiaddr, .imr_address = f.imsf_interface};
    struct membership_change c = {.group = v4_of(f.imsf_multiaddr), .local = local_of(s, &m)};
    return set_filter(s, &c, f.imsf_fmode, sources, f.imsf_numsrc, now);
}

static int set_group_filter(struct socket *s, bool v6, const void *value, socklen_t length, int64_t now)
{
    struct group_filter f;
    struct sockaddr_storage source;
    struct ip_addr sources[MEMBERSHIP_MAX_SOURCES];
    struct membership_change c = {.add = false};
    if (length < GROUP_FILTER_HEAD)
        return -EINVAL;
    memcpy(&f, value, GROUP_FILTER_HEAD);
    int e = check_filter(length, GROUP_FILTER_HEAD, f.gf_numsrc,
                         v6 ? MEMBERSHIP_MAX_SOURCES : MEMBERSHIP_MAX_SOURCES_V4, sizeof source);
    if (e < 0)
        return e;
    if (!read_address(&f.gf_group, v6, &c.group))
        return v6 ? -EINVAL : -EADDRNOTAVAIL;
    for (uint32_t i = 0; i < f.gf_numsrc; i++) {
        memcpy(&source, (const uint8_t *)value + GROUP_FILTER_HEAD + i * sizeof source, sizeof source);
        if (!read_address(&source, v6, &sources[i]))
            return v6 ? -EINVAL : -EADDRNOTAVAIL;
    }
    c.local = local_by_index(s, &c.group, f.gf_interface);
    return set_filter(s, &c, f.gf_fmode, sources, f.gf_numsrc, now);
}

static int give_ip_filter(const struct socket *s, void *value, socklen_t *length)
{
    struct ip_msfilter f;
    if (*length < IP_FILTER_HEAD)
        return -EINVAL;
    memcpy(&f, value, IP_FILTER_HEAD);
    const struct ip_mreqn m = {.imr_multiaddr = f.imsf_multiaddr, .imr_address = f.imsf_interface};
    const struct ip_addr group = v4_of(f.imsf_multiaddr);
    uint32_t local = local_of(s, &m), room = f.imsf_numsrc;
    if (!ip_addr_is_multicast(&group) || local == 0)
        return local ? -EINVAL : -ENODEV;
    const struct membership *found = membership_find(s, &group, local);
    if (!found)
        return -EADDRNOTAVAIL;
    const struct ip_addr *sources = membership_sources(s->layer, found);
    f.imsf_fmode = found->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
    f.imsf_numsrc = found->n;
    uint32_t n = min_u32(min_u32(room, found->n), (uint32_t)((*length - IP_FILTER_HEAD) / 4));
    memcpy(value, &f, IP_FILTER_HEAD);
    for (uint32_t i = 0; i < n; i++)
        store_be32((uint8_t *)value + IP_FILTER_HEAD + 4u * i, ip_addr_to_v4(&sources[i]));
    *length = (socklen_t)(IP_FILTER_HEAD + 4u * n);
    return 0;
}

static void write_source(const struct ip_addr *ip, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof *to);
    to->ss_family = ip_addr_is_v4(ip) ? AF_INET : AF_INET6;
    if (ip_addr_is_v4(ip))
        store_be32(&((struct sockaddr_in *)to)->sin_addr, ip_addr_to_v4(ip));
    else
        memcpy(&((struct sockaddr_in6 *)to)->sin6_addr, ip->bytes, sizeof ip->bytes);
}

static int give_group_filter(const struct socket *s, bool v6, void *value, socklen_t *length)
{
    struct group_filter f;
    struct ip_addr group;
    if (*length < GROUP_FILTER_HEAD)
        return -EINVAL;
    memcpy(&f, value, GROUP_FILTER_HEAD);
    if (!read_address(&f.gf_group, v6, &group) || !ip_addr_is_multicast(&group))
        return -EINVAL;
    const struct membership *found = membership_find(s, &group, local_by_index(s, &group, f.gf_interface));
    if (!found)
        return -EADDRNOTAVAIL;
    const struct ip_addr *sources = membership_sources(s->layer, found);
    struct sockaddr_storage source;
    uint32_t n = min_u32(f.gf_numsrc, found->n);
    n = min_u32(n, (uint32_t)((*length - GROUP_FILTER_HEAD) / sizeof source));
    f.gf_fmode = found->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
    f.gf_numsrc = found->n;
    memcpy(value, &f, GROUP_FILTER_HEAD);
    for (uint32_t i = 0; i < n; i++) {
        write_source(&sources[i], &source);
        memcpy((uint8_t *)value + GROUP_FILTER_HEAD + i * sizeof source, &source, sizeof source);
    }
    *length = (socklen_t)(GROUP_FILTER_HEAD + n * sizeof source);
    return 0;
}

/* ---- by which interface multicast leaves ---- */

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

/* ---- all ---- */

/* What both families have: RFC 3678 section 5.1. */
static int set_of_both(struct socket *s, bool v6, int name, const void *value, socklen_t length, int64_t now)
{
    switch (name) {
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP:
        return set_group(s, v6, name, value, length, now);
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE:
        return set_group_source(s, v6, name, value, length, now);
    case MCAST_MSFILTER:
        return set_group_filter(s, v6, value, length, now);
    default:
        return -ENOPROTOOPT;
    }
}

int option_group_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        return set_membership(s, name, value, length, now);
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
        return set_source(s, name, value, length, now);
    case IP_MSFILTER:
        return set_ip_filter(s, value, length, now);
    case IP_MULTICAST_IF:
        return set_multicast_interface(s, value, length);
    default:
        return set_of_both(s, false, name, value, length, now);
    }
}

int option_group_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    switch (name) {
    case IP_MSFILTER:
        return give_ip_filter(s, value, length);
    case MCAST_MSFILTER:
        return give_group_filter(s, false, value, length);
    case IP_MULTICAST_IF:
        return give_multicast_interface(s, value, length);
    default:
        return -ENOPROTOOPT;
    }
}

int option_group6_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    if (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)
        return set_membership6(s, name, value, length, now);
    if (name == IPV6_MULTICAST_IF)
        return set_multicast_interface6(s, value, length);
    return s->type == SOCK_STREAM ? -ENOPROTOOPT : set_of_both(s, true, name, value, length, now);
}

static int give_multicast_interface6(const struct socket *s, void *value, socklen_t *length)
{
    return option_give_int(value, length, interface_of(s->layer->stack, s->datagram->multicast_local));
}

int option_group6_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    if (s->type == SOCK_STREAM)
        return -ENOPROTOOPT;
    return name == MCAST_MSFILTER ? give_group_filter(s, true, value, length)
                                  : give_multicast_interface6(s, value, length);
}
