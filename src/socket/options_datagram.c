/* SPDX-License-Identifier: MIT */
/*
 * Options of IPPROTO_IP for datagrams: what is told of each, and the integers of multicast; groups are in options_group.c. A stream takes those that are yes or no as
 * well, to no effect. ip(7).
 */
#include "socket/datagram.h"
#include "socket/options.h"

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
    case IP_RECVOPTS:
        return IP_FLAG_OPTIONS;
    case IP_RETOPTS:
        return IP_FLAG_RETURNED;
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

/* ---- options of IPv4 ---- */

int option_ip_options(const void *value, size_t length, struct ip_options *out)
{
    int e = length && !value ? ERR_INVALID : ip_options_take(value, length, out);
    return e == ERR_UNSUPPORTED ? -EPERM : e < 0 ? -EINVAL : 0;
}

static uint32_t fill_up(uint8_t *bytes, uint32_t n)
{
    while (n % 4)
        bytes[n++] = WIRE_IPV4_OPT_END;
    return n;
}

/* As Linux, what a way back has of them: recorded routes and timestamps; source routes do not arrive. */
uint32_t option_returned(const uint8_t *options, uint32_t length, uint8_t out[WIRE_IPV4_MAX_OPTIONS])
{
    uint32_t n = 0;
    for (uint32_t at = 0, bytes; at < length && options[at] != WIRE_IPV4_OPT_END; at += bytes) {
        bytes = options[at] == WIRE_IPV4_OPT_NOP ? 1 : options[at + 1];
        if (options[at] != WIRE_IPV4_OPT_RECORD_ROUTE && options[at] != WIRE_IPV4_OPT_TIMESTAMP)
            continue;
        memcpy(out + n, options + at, bytes);
        n += bytes;
    }
    return fill_up(out, n);
}

static int set_ip_options(struct socket *s, const void *value, socklen_t length)
{
    struct ip_options new;
    if (s->type == SOCK_STREAM)
        return -ENOPROTOOPT;
    int e = option_ip_options(value, length, &new);
    if (e == 0)
        s->datagram->options = new;
    return e;
}

static int get_ip_options(const struct socket *s, void *value, socklen_t *length)
{
    if (s->type == SOCK_STREAM)
        return -ENOPROTOOPT;
    *length = min_u32(*length, s->datagram->options.length);
    memcpy(value, s->datagram->options.bytes, *length);
    return 0;
}

/* ---- all ---- */

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
    case IP_MULTICAST_TTL:
        if (length < 1)
            return -EINVAL;
        e = option_int_or_byte(value, length, &n);
        return e < 0 ? e : set_multicast_ttl(s->datagram, n);
    default:
        return option_group_set(s, name, value, length, now);
    }
}

int option_datagram_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    if (name == IP_OPTIONS)
        return set_ip_options(s, value, length);
    if (!flag_of(name))
        return s->type == SOCK_STREAM ? refuse_groups(name) : set_groups(s, name, value, length, now);
    int e = option_int_or_byte(value, length, &n);
    return e < 0 ? e : set_flag(s, name, n, length);
}

int option_datagram_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    bool stream = s->type == SOCK_STREAM;
    if (name == IP_OPTIONS)
        return get_ip_options(s, value, length);
    if (flag_of(name))
        return option_ip_give(value, length, (s->ip_flags & flag_of(name)) != 0);
    if (name == IP_MULTICAST_TTL)
        return option_ip_give(value, length, stream ? 1 : s->datagram->multicast_ttl);
    return stream ? -ENOPROTOOPT : option_group_get(s, name, value, length);
}
