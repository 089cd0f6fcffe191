/* SPDX-License-Identifier: MIT */
/*
 * Who has which local port. Streams and datagrams have each their ports; a chain holds the sockets of some ports.
 *
 * Linux's rules (inet_csk_bind_conflict): two sockets with one port conflict when their addresses overlap (equal, or one of them any), unless both have
 * SO_REUSEADDR and, of streams, neither listens; or both have SO_REUSEPORT.
 */
#include "socket/private.h"

/* Bit 0: it has to do with IPv4, bit 1: with IPv6. */
static unsigned families(const struct socket *s)
{
    if (s->kind == &ping_kind) /* an identifier has one owner */
        return 3;
    if (!ip_addr_is_unspecified(&s->local.ip))
        return ip_addr_is_v4(&s->local.ip) ? 1 : 2;
    if (s->domain != AF_INET6)
        return 1;
    return s->v6_only ? 2 : 3;
}

static bool overlap(const struct socket *s, const struct socket *other)
{
    const struct ip_addr *a = &s->local.ip, *b = &other->local.ip;
    bool both = ip_addr_is_unspecified(a) || ip_addr_is_unspecified(b) || ip_addr_equal(a, b);
    return both && (families(s) & families(other)) != 0;
}

static bool listens(const struct socket *s) { return s->type == SOCK_STREAM && s->stream.listening; }

static bool conflicts(const struct socket *s, const struct socket *other)
{
    if (s == other || !overlap(s, other))
        return false;
    if (s->reuse_port && other->reuse_port)
        return false;
    return !(s->reuse_address && other->reuse_address && !listens(s) && !listens(other));
}

static bool is_free(const struct socket *s, enum port_space space, uint16_t port)
{
    for (const struct socket *o = *port_chain(s->layer, space, port); o; o = o->port_next)
        if (o->local.port == port && conflicts(s, o))
            return false;
    return true;
}

void port_share(struct socket *s, enum port_space space, uint16_t port)
{
    struct socket **chain = port_chain(s->layer, space, port);
    assert(s->local.port == 0 && port != 0);
    s->local.port = port;
    s->port_next = *chain;
    s->port_link = chain;
    if (s->port_next)
        s->port_next->port_link = &s->port_next;
    *chain = s;
}

/* From a random place on, so that ports cannot be guessed: RFC 6056 algorithm 1. */
static uint16_t free_port(const struct socket *s, enum port_space space)
{
    const struct socket_settings *settings = &s->layer->settings;
    uint32_t count = settings->port_last - settings->port_first + 1u;
    uint32_t begin = (uint32_t)random_below(&s->layer->random, count);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(settings->port_first + (begin + i) % count);
        if (is_free(s, space, port))
            return port;
    }
    return 0;
}

int port_take(struct socket *s, enum port_space space, uint16_t port)
{
    if (port == 0)
        port = free_port(s, space);
    else if (!is_free(s, space, port))
        return -EADDRINUSE;
    if (port == 0)
        return -EADDRINUSE;
    port_share(s, space, port);
    return 0;
}

void port_leave(struct socket *s)
{
    if (!s->port_link)
        return;
    *s->port_link = s->port_next;
    if (s->port_next)
        s->port_next->port_link = s->port_link;
    s->port_next = NULL;
    s->port_link = NULL;
    s->local.port = 0;
}

bool port_may_listen(const struct socket *s)
{
    for (const struct socket *o = *port_chain(s->layer, PORTS_STREAM, s->local.port); o; o = o->port_next)
        if (o != s && o->local.port == s->local.port && listens(o) && overlap(s, o) &&
            !(s->reuse_port && o->reuse_port))
            return false;
    return true;
}
