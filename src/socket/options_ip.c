/* SPDX-License-Identifier: MIT */
/*
 * Options of IPPROTO_IP and IPPROTO_IPV6: ip(7), ipv6(7). An integer option may be given as one byte.
 */
#include "socket/datagram.h"
#include "socket/options.h"

#include <string.h>

int option_int_or_byte(const void *value, socklen_t length, int *out)
{
    if (length >= sizeof *out)
        return option_int(value, length, out);
    *out = length ? *(const uint8_t *)value : 0;
    return 0;
}

/* As Linux: one byte for whoever has room for less than an integer. */
int option_ip_give(void *value, socklen_t *length, int from)
{
    if (*length<sizeof from && * length> 0 && from >= 0 && from <= 255) {
        *(uint8_t *)value = (uint8_t)from;
        *length = 1;
        return 0;
    }
    return option_give_int(value, length, from);
}

static uint8_t default_ttl(const struct socket *s) { return s->layer->settings.tcp.ttl; }

static int tell_stream(struct socket *s, int64_t now)
{
    if (s->type != SOCK_STREAM)
        return 0;
    struct tcp_profile p = *profile_of(s);
    p.ttl = s->ttl ? s->ttl : default_ttl(s);
    p.tos = s->tos;
    return profile_set(s, &p, now);
}

static int set_ttl(struct socket *s, int value, int64_t now)
{
    if (value != -1 && (value < 1 || value > 255))
        return -EINVAL;
    s->ttl = value == -1 ? 0 : (uint8_t)value;
    return tell_stream(s, now);
}

/* The two ECN bits of a stream are TCP's. */
static int set_tos(struct socket *s, int value, int64_t now)
{
    s->tos = (uint8_t)(s->type == SOCK_STREAM ? value & ~3 : value);
    return tell_stream(s, now);
}

static int set_of_all(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    int e = option_int_or_byte(value, length, &n);
    if (e < 0)
        return e;
    switch (name) {
    case IP_TTL:
        return length < 1 ? -EINVAL : set_ttl(s, n, now);
    case IP_TOS:
        return set_tos(s, n, now);
    case IP_MTU_DISCOVER:
        if (n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT)
            return -EINVAL;
        s->discover = (uint8_t)n;
        return 0;
    case IP_RECVERR:
        s->receive_error = n != 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int option_ip_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int e = option_datagram_set(s, name, value, length, now);
    return e == -ENOPROTOOPT ? set_of_all(s, name, value, length, now) : e;
}

static int get_mtu(const struct socket *s, void *value, socklen_t *length, int64_t now)
{
    if (s->remote.port == 0)
        return -ENOTCONN;
    uint32_t mtu = stack_path_mtu(s->layer->stack, s->local_index, &s->remote.ip, now);
    return option_ip_give(value, length, (int)mtu);
}

static int get_of_all(const struct socket *s, int name, void *value, socklen_t *length, int64_t now)
{
    switch (name) {
    case IP_TTL:
        return option_ip_give(value, length, s->ttl ? s->ttl : default_ttl(s));
    case IP_TOS:
        return option_ip_give(value, length, s->tos);
    case IP_MTU_DISCOVER:
        return option_ip_give(value, length, s->discover);
    case IP_RECVERR:
        return option_ip_give(value, length, s->receive_error);
    case IP_MTU:
        return get_mtu(s, value, length, now);
    default:
        return -ENOPROTOOPT;
    }
}

int option_ip_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now)
{
    int e = option_datagram_get(s, name, value, length);
    return e == -ENOPROTOOPT ? get_of_all(s, name, value, length, now) : e;
}

/* ---- IPPROTO_IPV6: what IPPROTO_IP has under other names, and IPV6_V6ONLY ---- */

/* The option of IPPROTO_IP that does the same, or 0. */
static int ip_name_of(int name)
{
    switch (name) {
    case IPV6_UNICAST_HOPS:
        return IP_TTL;
    case IPV6_TCLASS:
        return IP_TOS;
    case IPV6_MTU_DISCOVER:
        return IP_MTU_DISCOVER;
    case IPV6_MTU:
        return IP_MTU;
    case IPV6_RECVERR:
        return IP_RECVERR;
    case IPV6_RECVPKTINFO:
        return IP_PKTINFO;
    case IPV6_RECVHOPLIMIT:
        return IP_RECVTTL;
    case IPV6_RECVTCLASS:
        return IP_RECVTOS;
    case IPV6_MULTICAST_HOPS:
        return IP_MULTICAST_TTL;
    case IPV6_MULTICAST_LOOP:
        return IP_MULTICAST_LOOP;
    case IPV6_MULTICAST_ALL:
        return IP_MULTICAST_ALL;
    case IPV6_HDRINCL:
        return IP_HDRINCL;
    default:
        return 0;
    }
}

static int set_v6_only(struct socket *s, int value)
{
    if (s->local.port != 0 || s->type == SOCK_RAW)
        return -EINVAL;
    s->v6_only = value != 0;
    return 0;
}

static int set_int6(struct socket *s, int name, int value, int64_t now)
{
    if (name == IPV6_V6ONLY)
        return set_v6_only(s, value);
    if (name == IPV6_TCLASS && (value < -1 || value > 255))
        return -EINVAL;
    if (name == IPV6_TCLASS && value == -1)
        value = 0;
    int of_ip = ip_name_of(name);
    return of_ip && name != IPV6_MTU ? option_ip_set(s, of_ip, &value, sizeof value, now) : -ENOPROTOOPT;
}

int option_ip6_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    int e = option_group6_set(s, name, value, length, now);
    if (e != -ENOPROTOOPT)
        return e;
    e = option_int(value, length, &n);
    return e < 0 ? e : set_int6(s, name, n, now);
}

int option_ip6_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now)
{
    int n = 0, of_ip = ip_name_of(name);
    socklen_t size = sizeof n;
    if (name == IPV6_V6ONLY)
        return option_give_int(value, length, s->v6_only);
    if (name == IPV6_MULTICAST_IF || name == MCAST_MSFILTER)
        return option_group6_get(s, name, value, length);
    int e = of_ip ? option_ip_get(s, of_ip, &n, &size, now) : -ENOPROTOOPT;
    return e < 0 ? e : option_give_int(value, length, n);
}
