/* SPDX-License-Identifier: MIT */
/*
 * Socket options of SOL_SOCKET, and the way to those of the protocols: socket(7). Integers are given and taken as Linux does it: a shorter buffer gets the
 * first bytes, one byte is enough for IP options. What is not known is -ENOPROTOOPT.
 */
#include "socket/options.h"
#include "socket/filter.h"
#include "socket/netlink.h"
#include "socket/packet.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

int option_int(const void *value, socklen_t length, int *out)
{
    if (length < sizeof *out)
        return -EINVAL;
    if (!value)
        return -EFAULT;
    memcpy(out, value, sizeof *out);
    return 0;
}

int option_give(void *value, socklen_t *length, const void *from, size_t size)
{
    if ((int32_t)*length < 0)
        return -EINVAL;
    *length = (socklen_t)min_size(*length, size);
    memcpy(value, from, *length);
    return 0;
}

int option_give_int(void *value, socklen_t *length, int from) { return option_give(value, length, &from, sizeof from); }

/* ---- buffers ---- */

/* Linux doubles what is asked for and keeps it within the system's limits. */
static uint32_t doubled(const struct socket *s, int asked, uint32_t least)
{
    uint32_t n = asked < 0 ? s->layer->settings.max_buffer : min_u32((uint32_t)asked, s->layer->settings.max_buffer);
    return max_u32(2 * n, least);
}

static int set_receive_buffer(struct socket *s, int asked, int64_t now)
{
    s->receive_limit = doubled(s, asked, SOCKET_MIN_RECEIVE);
    if (s->type != SOCK_STREAM)
        return 0;
    s->stream.receive_fixed = true;
    struct tcp_profile p = *profile_of(s);
    p.receive_buffer = s->receive_limit;
    return profile_set(s, &p, now);
}

static int set_send_buffer(struct socket *s, int asked)
{
    s->send_limit = doubled(s, asked, SOCKET_MIN_SEND);
    if (s->type == SOCK_STREAM)
        s->stream.send_fixed = true;
    return 0;
}

/* ---- structures ---- */

static int set_time(int64_t *to, const void *value, socklen_t length)
{
    struct timeval t;
    if (length < sizeof t)
        return -EINVAL;
    memcpy(&t, value, sizeof t);
    if (t.tv_usec < 0 || t.tv_usec >= 1000000)
        return -EDOM;
    bool none = t.tv_sec < 0 || t.tv_sec >= INT64_MAX / NS_PER_S - 1;
    *to = none ? 0 : t.tv_sec * NS_PER_S + t.tv_usec * NS_PER_US;
    return 0;
}

static int give_time(int64_t ns, void *value, socklen_t *length)
{
    struct timeval t = {.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / NS_PER_US};
    return option_give(value, length, &t, sizeof t);
}

static int set_linger(struct socket *s, const void *value, socklen_t length)
{
    struct linger l;
    if (length < sizeof l)
        return -EINVAL;
    memcpy(&l, value, sizeof l);
    if (l.l_onoff)
        s->linger_s = l.l_linger & INT32_MAX;
    else if (s->linger_s >= 0)
        s->linger_s = -1 - s->linger_s; /* Linux keeps the time, too */
    return 0;
}

static int give_linger(const struct socket *s, void *value, socklen_t *length)
{
    struct linger l = {.l_onoff = s->linger_s >= 0, .l_linger = s->linger_s >= 0 ? s->linger_s : -1 - s->linger_s};
    return option_give(value, length, &l, sizeof l);
}

static int set_keepalive(struct socket *s, bool on, int64_t now)
{
    s->keepalive = on;
    return s->type == SOCK_STREAM ? option_tcp_keepalive(s, now) : 0;
}

/* In the order of linux/sock_diag.h: bytes that wait to be read, their limit, those to be sent, theirs; the rest is the kernel's own. */
static int give_memory(const struct socket *s, void *value, socklen_t *length)
{
    uint32_t m[9] = {0};
    int waiting = 0;
    bool listening = s->type == SOCK_STREAM && s->stream.listening;
    if (!listening && s->kind->ioctl && s->kind->ioctl(s, SIOCINQ, &waiting) == 0)
        m[0] = (uint32_t)waiting;
    m[1] = s->receive_limit;
    if (!listening && s->kind->ioctl && s->kind->ioctl(s, SIOCOUTQ, &waiting) == 0)
        m[2] = m[5] = (uint32_t)waiting;
    m[3] = s->send_limit;
    return option_give(value, length, m, sizeof m);
}

/* ---- SOL_SOCKET ---- */

static int set_of_ints(struct socket *s, int name, int value, int64_t now)
{
    switch (name) {
    case SO_REUSEADDR:
        s->reuse_address = value != 0;
        return 0;
    case SO_REUSEPORT:
        s->reuse_port = value != 0;
        return 0;
    case SO_BROADCAST:
        s->broadcast = value != 0;
        return 0;
    case SO_OOBINLINE:
        s->oob_inline = value != 0;
        return 0;
    case SO_KEEPALIVE:
        return set_keepalive(s, value != 0, now);
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        return set_receive_buffer(s, value, now);
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        return set_send_buffer(s, value);
    case SO_RCVLOWAT:
        s->low_water = value < 0 ? INT32_MAX : max_u32((uint32_t)value, 1);
        if (s->type == SOCK_STREAM)
            s->low_water = min_u32(s->low_water, s->receive_limit);
        return 0;
    case SO_PRIORITY:
        if (value < 0 || value > 6)
            return -EPERM;
        s->priority = (uint8_t)value;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_socket_option(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    if (name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER || name == SO_LOCK_FILTER)
        return option_filter_set(s, name, value, length);
    int e = option_int(value, length, &n);
    if (e < 0)
        return e;
    switch (name) {
    case SO_LINGER:
        return set_linger(s, value, length);
    case SO_RCVTIMEO:
        return set_time(&s->receive_timeout_ns, value, length);
    case SO_SNDTIMEO:
        return set_time(&s->send_timeout_ns, value, length);
    default:
        return set_of_ints(s, name, n, now);
    }
}

/* 0 and *out, or -ENOPROTOOPT. */
static int get_of_ints(struct socket *s, int name, int *out)
{
    switch (name) {
    case SO_REUSEADDR:
        *out = s->reuse_address;
        return 0;
    case SO_REUSEPORT:
        *out = s->reuse_port;
        return 0;
    case SO_BROADCAST:
        *out = s->broadcast;
        return 0;
    case SO_OOBINLINE:
        *out = s->oob_inline;
        return 0;
    case SO_KEEPALIVE:
        *out = s->keepalive;
        return 0;
    case SO_RCVBUF:
        *out = (int)s->receive_limit;
        return 0;
    case SO_SNDBUF:
        *out = (int)s->send_limit;
        return 0;
    case SO_RCVLOWAT:
        *out = (int)s->low_water;
        return 0;
    case SO_SNDLOWAT:
        *out = 1;
        return 0;
    case SO_PRIORITY:
        *out = s->priority;
        return 0;
    case SO_ERROR:
        *out = -socket_take_error(s);
        return 0;
    case SO_TYPE:
        *out = s->type;
        return 0;
    case SO_DOMAIN:
        *out = s->domain;
        return 0;
    case SO_PROTOCOL:
        *out = s->type == SOCK_STREAM ? IPPROTO_TCP : s->protocol;
        return 0;
    case SO_ACCEPTCONN:
        *out = s->type == SOCK_STREAM && s->stream.listening;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_socket_option(struct socket *s, int name, void *value, socklen_t *length)
{
    int n = 0;
    switch (name) {
    case SO_MEMINFO:
        return give_memory(s, value, length);
    case SO_LINGER:
        return give_linger(s, value, length);
    case SO_RCVTIMEO:
        return give_time(s->receive_timeout_ns, value, length);
    case SO_SNDTIMEO:
        return give_time(s->send_timeout_ns, value, length);
    case SO_GET_FILTER:
    case SO_LOCK_FILTER:
        return option_filter_get(s, name, value, length);
    default:
        break;
    }
    int e = get_of_ints(s, name, &n);
    return e < 0 ? e : option_give_int(value, length, n);
}

/* ---- levels ---- */

static bool has_ip(const struct socket *s) { return s->domain == AF_INET || s->domain == AF_INET6; }

int socket_set_option(struct socket *s, int level, int name, const void *value, socklen_t length, int64_t now)
{
    if (!value && length > 0)
        return -EFAULT;
    switch (level) {
    case SOL_SOCKET:
        return set_socket_option(s, name, value, length, now);
    case IPPROTO_TCP:
        return s->type == SOCK_STREAM ? option_tcp_set(s, name, value, length, now) : -ENOPROTOOPT;
    case IPPROTO_IP:
        return !has_ip(s) ? -ENOPROTOOPT : option_ip_set(s, name, value, length, now);
    case IPPROTO_RAW:
    case IPPROTO_ICMPV6:
        return s->type == SOCK_RAW ? option_raw_set(s, level, name, value, length) : -ENOPROTOOPT;
    case IPPROTO_UDP:
        return s->protocol == IPPROTO_UDP ? option_udp_set(s, name, value, length, now) : -ENOPROTOOPT;
    case IPPROTO_IPV6:
        return s->domain == AF_INET6 ? option_ip6_set(s, name, value, length, now) : -ENOPROTOOPT;
    case SOL_PACKET:
        return s->domain == AF_PACKET ? option_packet_set(s, name, value, length) : -ENOPROTOOPT;
    case SOL_NETLINK:
        return s->domain == AF_NETLINK ? option_netlink_set(s, name, value, length) : -ENOPROTOOPT;
    default:
        return -ENOPROTOOPT;
    }
}

int socket_get_option(struct socket *s, int level, int name, void *value, socklen_t *length, int64_t now)
{
    if (!value || !length)
        return -EFAULT;
    if ((int32_t)*length < 0)
        return -EINVAL;
    switch (level) {
    case SOL_SOCKET:
        return get_socket_option(s, name, value, length);
    case IPPROTO_TCP:
        return s->type == SOCK_STREAM ? option_tcp_get(s, name, value, length, now) : -EOPNOTSUPP;
    case IPPROTO_IP:
        return !has_ip(s) ? -ENOPROTOOPT : option_ip_get(s, name, value, length, now);
    case IPPROTO_RAW:
    case IPPROTO_ICMPV6:
        return s->type == SOCK_RAW ? option_raw_get(s, level, name, value, length) : -EOPNOTSUPP;
    case IPPROTO_UDP:
        return s->protocol == IPPROTO_UDP ? option_udp_get(s, name, value, length) : -EOPNOTSUPP;
    case IPPROTO_IPV6:
        return s->domain == AF_INET6 ? option_ip6_get(s, name, value, length, now) : -ENOPROTOOPT;
    case SOL_PACKET:
        return s->domain == AF_PACKET ? option_packet_get(s, name, value, length) : -ENOPROTOOPT;
    case SOL_NETLINK:
        return s->domain == AF_NETLINK ? option_netlink_get(s, name, value, length) : -ENOPROTOOPT;
    default:
        return -EOPNOTSUPP;
    }
}
