/* SPDX-License-Identifier: MIT */
/*
 * Raw sockets: raw(7), RFC 3542. One receives whole IP datagrams of its protocol, header first (of IPv6, what follows the headers), besides the protocol
 * itself; protocol 0 receives those of all protocols (which Linux has only for packet sockets). It sends payloads, or with IP_HDRINCL (always with
 * IPPROTO_RAW) whole datagrams.
 *
 * Raw sockets stand in one list of the layer. The stack has one listener to each protocol that some of them has.
 */
#include "socket/filter.h"
#include "socket/options.h"

#include "wire/ip_proto.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>

/* ---- the list ---- */

static bool others_have(const struct socket *s)
{
    for (const struct socket *o = s->layer->raws; o; o = o->port_next)
        if (o != s && o->protocol == s->protocol)
            return true;
    return false;
}

static void enter(struct socket *s)
{
    struct socket_layer *l = s->layer;
    s->port_next = l->raws;
    s->port_link = &l->raws;
    if (s->port_next)
        s->port_next->port_link = &s->port_next;
    l->raws = s;
}

/* ---- receiving ---- */

static bool filtered(const struct socket *s, const struct raw_datagram *d)
{
    if (d->length <= d->header_length)
        return false;
    uint8_t type = d->bytes[d->header_length];
    if (s->protocol == IPPROTO_ICMPV6)
        return s->datagram->icmp6_filter[type / 32] >> type % 32 & 1;
    return s->protocol == IPPROTO_ICMP && type < 32 && (s->datagram->icmp_filter >> type & 1);
}

static bool fits(const struct socket *s, const struct raw_datagram *d)
{
    const struct ip_addr *to = &d->arrival.destination;
    if (!socket_speaks(s, to) || (!ip_addr_is_unspecified(&s->local.ip) && !ip_addr_equal(&s->local.ip, to)))
        return false;
    if (!ip_addr_is_unspecified(&s->remote.ip) && !ip_addr_equal(&s->remote.ip, &d->remote))
        return false;
    if (ip_addr_is_multicast(to) && !membership_allows(s, to, d->local, &d->remote))
        return false;
    return !filtered(s, d);
}

/* Programs see no header of IPv6: what it says comes as control messages (RFC 3542). */
static uint32_t hidden(const struct socket *s, const struct raw_datagram *d)
{
    return s->domain == AF_INET6 ? d->header_length : 0;
}

static void put(struct socket *s, const struct raw_datagram *d)
{
    const struct record r = {.peer.ip = d->remote, .arrival = d->arrival, .local = d->local};
    uint32_t skip = hidden(s, d);
    struct ip_piece one = {.bytes = d->bytes + skip, .length = d->length - skip};
    (void)filter_record(s, &r, &one, 1, 0, 0);
}

static void deliver(struct socket_layer *l, int protocol, const struct raw_datagram *d, int64_t now)
{
    (void)now;
    for (struct socket *s = l->raws; s; s = s->port_next)
        if (s->protocol == protocol && fits(s, d))
            put(s, d);
}

static void on_received(void *context, const struct raw_datagram *d, int64_t now)
{
    deliver(context, d->protocol, d, now);
}
static void on_any_received(void *context, const struct raw_datagram *d, int64_t now) { deliver(context, 0, d, now); }

/* To those that could have sent it. */
static void on_error(void *context, const struct raw_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    const struct endpoint peer = {.ip = d->remote};
    for (struct socket *s = l->raws; s; s = s->port_next) {
        uint32_t skip = s->ip_flags & IP_FLAG_HEADER ? 0 : d->header_length; /* as it was given to send */
        const struct ip_piece bytes = {.bytes = d->bytes + skip, .length = d->length - skip};
        bool his = ip_addr_is_unspecified(&s->remote.ip) || ip_addr_equal(&s->remote.ip, &d->remote);
        if (s->protocol == d->protocol && his && (s->local_index == 0 || s->local_index == d->local))
            datagram_fail(s, &peer, &bytes, 1, e, false);
    }
}

/* ---- life ---- */

static raw_received_fn *listener_of(const struct socket *s) { return s->protocol ? on_received : on_any_received; }

static int raw_open(struct socket *s)
{
    if (s->protocol < 0 || s->protocol > UINT8_MAX)
        return -EINVAL;
    int e = datagram_open_any(s);
    if (e < 0)
        return e;
    if (!others_have(s))
        e = raw_listen(s->layer->stack, (uint8_t)s->protocol, listener_of(s), on_error, s->layer);
    if (e < 0) {
        pool_put(&s->layer->datagrams, pool_index(&s->layer->datagrams, s->datagram));
        return socket_errno(e);
    }
    if (s->protocol == IPPROTO_RAW)
        s->ip_flags |= IP_FLAG_HEADER;
    enter(s);
    return 0;
}

static void stop_listening(const struct socket *s)
{
    (void)raw_unlisten(s->layer->stack, (uint8_t)s->protocol, listener_of(s), s->layer);
}

static void raw_close(struct socket *s, int64_t now)
{
    if (!others_have(s))
        stop_listening(s);
    datagram_close_any(s, now);
}

void raws_free(struct socket_layer *l)
{
    for (const struct socket *s = l->raws; s; s = s->port_next)
        stop_listening(s);
}

/* Nothing but the address counts. */
static int raw_bind(struct socket *s, uint16_t port, int64_t now)
{
    (void)s, (void)port, (void)now;
    return 0;
}

static int raw_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    (void)now;
    return datagram_connect_any(s, to);
}

static int raw_disconnect(struct socket *s, int64_t now)
{
    (void)now;
    datagram_disconnect_any(s);
    return 0;
}

/* ---- sending ---- */

static ssize_t raw_send_message(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct ip_piece pieces[DATAGRAM_MAX_PIECES];
    struct sending x;
    if (length > UINT16_MAX)
        return -EMSGSIZE;
    int e = datagram_prepare(s, m, flags, &x);
    if (e < 0)
        return e;
    const struct raw_datagram d = {.local = x.local,
                                   .remote = x.to.ip,
                                   .protocol = (uint8_t)s->protocol,
                                   .length = (uint32_t)length,
                                   .n_pieces = datagram_pieces(m, pieces),
                                   .pieces = pieces,
                                   .header_included = (s->ip_flags & IP_FLAG_HEADER) != 0,
                                   .departure = sending_how(&x)};
    e = x.loops_only ? 0 : raw_send(s->layer->stack, &d, now);
    return datagram_result(s, &x, pieces, d.n_pieces, length, e, now);
}

/* The filter of a level, when the socket's protocol has it: its length, or an error. */
static int filter_of(const struct socket *s, int level, int name, uint32_t **out)
{
    bool v6 = level == IPPROTO_ICMPV6;
    if (name != (v6 ? ICMPV6_FILTER : ICMP_FILTER))
        return -ENOPROTOOPT;
    if (s->protocol != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return -EOPNOTSUPP;
    *out = v6 ? s->datagram->icmp6_filter : &s->datagram->icmp_filter;
    return v6 ? (int)sizeof s->datagram->icmp6_filter : (int)sizeof s->datagram->icmp_filter;
}

int option_raw_set(struct socket *s, int level, int name, const void *value, socklen_t length)
{
    uint32_t *filter;
    int size = filter_of(s, level, name, &filter);
    if (size < 0)
        return size;
    memcpy(filter, value, min_size(length, (size_t)size));
    return 0;
}

int option_raw_get(const struct socket *s, int level, int name, void *value, socklen_t *length)
{
    uint32_t *filter;
    int size = filter_of(s, level, name, &filter);
    return size < 0 ? size : option_give(value, length, filter, (size_t)size);
}

const struct socket_kind raw_kind = {.open = raw_open,
                                     .close = raw_close,
                                     .bind = raw_bind,
                                     .connect = raw_connect,
                                     .disconnect = raw_disconnect,
                                     .send = raw_send_message,
                                     .receive = datagram_receive,
                                     .shutdown = datagram_shutdown,
                                     .ready = datagram_ready,
                                     .ioctl = datagram_ioctl};
