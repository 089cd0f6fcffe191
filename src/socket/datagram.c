/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets over UDP: RFC 768, RFC 1122 4.1, and Linux's udp(7) and ip(7).
 *
 * Nothing waits here: a datagram is gathered from its message into its frame, and one for which the link has no room is lost and counted, as Linux's queue
 * would lose it. What is sent to one of our own addresses, or to a group or broadcast address that we hear, is delivered here without leaving.
 */
#define _GNU_SOURCE /* POLLRDHUP, struct in6_pktinfo */

#include "socket/filter.h"

#include "stack/control.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#include <linux/sockios.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>

#define MAX_SEGMENTS 128u /* UDP_MAX_SEGMENTS of Linux */

/* ---- ports ---- */

static bool others_have(const struct socket *s, uint16_t port)
{
    for (const struct socket *o = *port_chain(s->layer, PORTS_DATAGRAM, port); o; o = o->port_next)
        if (o != s && o->local.port == port)
            return true;
    return false;
}

static void leave_port(struct socket *s)
{
    struct socket_layer *l = s->layer;
    uint16_t port = s->local.port;
    port_leave(s);
    if (port != 0 && !others_have(s, port))
        (void)udp_unbind(l->stack, 0, port);
}

/* The stack knows a port once, whoever shares it. */
static int datagram_bind(struct socket *s, uint16_t port, int64_t now)
{
    struct socket_layer *l = s->layer;
    (void)now;
    int e = port_take(s, PORTS_DATAGRAM, port);
    if (e < 0 || others_have(s, s->local.port))
        return e;
    e = udp_bind(l->stack, 0, s->local.port, datagram_input, datagram_error, l);
    if (e < 0)
        port_leave(s);
    return socket_errno(e);
}

static int bind_if_not(struct socket *s, int64_t now) { return s->local.port ? 0 : datagram_bind(s, 0, now); }

/* ---- life ---- */

int datagram_open_any(struct socket *s)
{
    struct socket_layer *l = s->layer;
    uint32_t index = pool_get(&l->datagrams);
    if (index == POOL_NONE)
        return -ENOBUFS;
    s->datagram = pool_at(&l->datagrams, index);
    *s->datagram = (struct datagram_socket){.multicast_ttl = 1};
    return 0;
}

static int datagram_open(struct socket *s)
{
    s->protocol = IPPROTO_UDP;
    return datagram_open_any(s);
}

void datagram_close_any(struct socket *s, int64_t now)
{
    struct socket_layer *l = s->layer;
    struct datagram_socket *g = s->datagram;
    membership_leave_all(s, now);
    cork_drop(s);
    filter_remove(s);
    while (g->received.first)
        record_drop(s, &g->received);
    while (g->errors.first)
        record_drop(s, &g->errors);
    pool_put(&l->datagrams, pool_index(&l->datagrams, g));
    socket_free(s);
}

static void datagram_close(struct socket *s, int64_t now)
{
    leave_port(s);
    datagram_close_any(s, now);
}

/* ---- where to, and from where ---- */

static uint8_t discover_of(const struct socket *s)
{
    switch (s->discover) {
    case IP_PMTUDISC_WANT:
        return DISCOVER_WANT;
    case IP_PMTUDISC_DO:
        return DISCOVER_DO;
    case IP_PMTUDISC_PROBE:
        return DISCOVER_PROBE;
    default:
        return DISCOVER_DONT;
    }
}

uint32_t datagram_first_for(const struct stack *stack, const struct ip_addr *to)
{
    struct ip_addr ip;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (stack_local_address(stack, i, &ip) && ip_addr_is_v4(&ip) == ip_addr_is_v4(to))
            return i;
    return 0;
}

/* Linux wants a route for these too; where there is none we take our first address. */
static uint32_t local_for_many(const struct socket *s, const struct ip_addr *to)
{
    if (ip_addr_is_multicast(to) && s->datagram->multicast_local)
        return s->datagram->multicast_local;
    uint32_t local = stack_local_for(s->layer->stack, to);
    return local ? local : datagram_first_for(s->layer->stack, to);
}

/* Bound to what it hears, which is no address to send from. */
static bool hears_many(const struct socket *s)
{
    return ip_addr_is_multicast(&s->local.ip) || stack_is_broadcast(s->layer->stack, 0, &s->local.ip);
}

/* The address that bind or connect chose must still be ours. */
static uint32_t bound_local(const struct socket *s)
{
    if (hears_many(s))
        return s->local_index;
    struct ip_addr ip;
    bool ours = stack_local_address(s->layer->stack, s->local_index, &ip) && ip_addr_equal(&ip, &s->local.ip);
    return ours ? s->local_index : 0;
}

/* 0: there is none from which it is reached. */
static uint32_t local_for(const struct socket *s, const struct ip_addr *to)
{
    if (s->local_index)
        return bound_local(s);
    if (ip_addr_is_multicast(to) || ip_addr_is_broadcast(to))
        return local_for_many(s, to);
    return own_for(s->layer, to);
}

static int check_broadcast(const struct socket *s, uint32_t local, const struct ip_addr *to)
{
    return !s->broadcast && stack_is_broadcast(s->layer->stack, local, to) ? -EACCES : 0;
}

/* ---- connecting ---- */

int datagram_connect_any(struct socket *s, const struct endpoint *to)
{
    uint32_t index = s->local_index;
    if (!s->bound_address)
        s->local_index = 0;
    uint32_t local = socket_speaks(s, &to->ip) ? local_for(s, &to->ip) : 0;
    int e = local ? check_broadcast(s, local, &to->ip) : -ENETUNREACH;
    s->local_index = index;
    if (e < 0)
        return e;
    s->local_index = local;
    if (!hears_many(s))
        (void)stack_local_address(s->layer->stack, local, &s->local.ip);
    s->remote = *to;
    return 0;
}

static int datagram_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    bool was_bound = s->local.port != 0;
    int e = bind_if_not(s, now);
    if (e < 0)
        return e;
    e = datagram_connect_any(s, to);
    if (e < 0 && !was_bound)
        leave_port(s);
    return e;
}

void datagram_disconnect_any(struct socket *s)
{
    s->remote = (struct endpoint){.port = 0};
    if (!s->bound_address)
        s->local_index = 0;
    if (!s->bound_address && !hears_many(s))
        s->local.ip = ip_addr_from_v4(0);
}

static int datagram_disconnect(struct socket *s, int64_t now)
{
    (void)now;
    datagram_disconnect_any(s);
    if (!s->bound)
        leave_port(s);
    return 0;
}

/* ---- control messages ---- */

static int take_packet_info6(struct socket *s, const void *value, size_t length, struct sending *x)
{
    struct in6_pktinfo info;
    if (length < sizeof info)
        return -EINVAL;
    memcpy(&info, value, sizeof info);
    struct ip_addr ip = ip_addr_from_v6(&info.ipi6_addr);
    bool any = ip_addr_is_unspecified(&ip);
    if (any && info.ipi6_ifindex == 0)
        return 0;
    x->local = any ? datagram_host_on(s->layer->stack, (int)info.ipi6_ifindex, true) : own_find(s->layer, &ip);
    if (x->local)
        return 0;
    return any ? -ENODEV : -EINVAL;
}

static int take_packet_info(struct socket *s, const void *value, size_t length, struct sending *x)
{
    struct in_pktinfo info;
    if (length != sizeof info)
        return -EINVAL;
    memcpy(&info, value, sizeof info);
    uint32_t source = load_be32(&info.ipi_spec_dst);
    struct ip_addr ip = ip_addr_from_v4(source);
    if (source == 0 && info.ipi_ifindex == 0)
        return 0;
    x->local = source ? own_find(s->layer, &ip) : datagram_host_on(s->layer->stack, info.ipi_ifindex, false);
    if (x->local)
        return 0;
    return source ? -ENETUNREACH : -ENODEV;
}

/* An integer, or of the TOS one byte. */
static int take_number(const struct cmsghdr *h, const void *value, size_t length, struct sending *x)
{
    int n;
    if (length == sizeof n)
        memcpy(&n, value, sizeof n);
    else if (length == 1 && h->cmsg_type == IP_TOS && h->cmsg_level == IPPROTO_IP)
        n = *(const uint8_t *)value;
    else
        return -EINVAL;
    bool v6 = h->cmsg_level == IPPROTO_IPV6, ttl = h->cmsg_type == (v6 ? IPV6_HOPLIMIT : IP_TTL);
    if (v6 && n == -1) /* as usual */
        return 0;
    if (n < (ttl && !v6) || n > 255)
        return -EINVAL;
    if (ttl)
        x->how.ttl = (uint8_t)n;
    else
        x->how.tos = (uint8_t)n;
    return 0;
}

static int take_control6(struct socket *s, const struct cmsghdr *h, const void *value, size_t length, struct sending *x)
{
    switch (h->cmsg_type) {
    case IPV6_PKTINFO:
        return take_packet_info6(s, value, length, x);
    case IPV6_HOPLIMIT:
    case IPV6_TCLASS:
        return take_number(h, value, length, x);
    default:
        return -EINVAL;
    }
}

static int take_segment(const struct cmsghdr *h, const void *value, size_t length, struct sending *x)
{
    if (h->cmsg_type != UDP_SEGMENT || length != sizeof x->segment)
        return -EINVAL;
    memcpy(&x->segment, value, sizeof x->segment);
    return 0;
}

static int take_control(struct socket *s, const struct cmsghdr *h, const void *value, size_t length, struct sending *x)
{
    if (h->cmsg_level == IPPROTO_UDP && s->kind == &datagram_kind)
        return take_segment(h, value, length, x);
    if (h->cmsg_level == IPPROTO_IPV6 && s->domain == AF_INET6)
        return take_control6(s, h, value, length, x);
    if (h->cmsg_level != IPPROTO_IP)
        return h->cmsg_level == SOL_SOCKET ? -EINVAL : 0;
    switch (h->cmsg_type) {
    case IP_PKTINFO:
        return take_packet_info(s, value, length, x);
    case IP_TTL:
    case IP_TOS:
        return take_number(h, value, length, x);
    case IP_RETOPTS:
        return option_ip_options(value, length, &x->options);
    default:
        return -EINVAL;
    }
}

static int take_controls(struct socket *s, const struct msghdr *m, struct sending *x)
{
    const uint8_t *at = m->msg_control;
    size_t left = at ? m->msg_controllen : 0;
    struct cmsghdr h;
    while (left >= sizeof h) {
        memcpy(&h, at, sizeof h);
        if (h.cmsg_len < CMSG_LEN(0) || h.cmsg_len > left)
            return -EINVAL;
        int e = take_control(s, &h, at + CMSG_LEN(0), h.cmsg_len - CMSG_LEN(0), x);
        if (e < 0)
            return e;
        size_t step = min_size(CMSG_ALIGN(h.cmsg_len), left);
        at += step;
        left -= step;
    }
    return 0;
}

/* ---- sending ---- */

static int destination_of(const struct socket *s, const struct msghdr *m, struct endpoint *to)
{
    *to = s->remote;
    if (!m->msg_name)
        return ip_addr_is_unspecified(&s->remote.ip) ? -EDESTADDRREQ : 0;
    int e = endpoint_parse(s, m->msg_name, m->msg_namelen, to);
    if (e == 0)
        endpoint_resolve(s, to);
    return e;
}

int datagram_prepare(struct socket *s, const struct msghdr *m, int flags, struct sending *x)
{
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (s->shut_write)
        return -EPIPE;
    if (s->error)
        return socket_take_error(s);
    *x = (struct sending){.how = {.ttl = s->ttl, .tos = s->tos, .discover = discover_of(s)},
                          .options = s->datagram->options,
                          .segment = s->datagram->segment};
    int e = destination_of(s, m, &x->to);
    if (e == 0 && !socket_speaks(s, &x->to.ip))
        e = -ENETUNREACH;
    if (e == 0 && ip_addr_is_multicast(&x->to.ip)) {
        x->how.ttl = s->datagram->multicast_ttl;
        x->loops_only = x->how.ttl == 0;
    }
    if (e == 0)
        e = take_controls(s, m, x);
    if (e < 0)
        return e;
    if (x->local == 0)
        x->local = local_for(s, &x->to.ip);
    return x->local == 0 ? -ENETUNREACH : check_broadcast(s, x->local, &x->to.ip);
}

uint32_t datagram_pieces(const struct msghdr *m, struct ip_piece *pieces)
{
    uint32_t n = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++)
        if (m->msg_iov[i].iov_len)
            pieces[n++] = (struct ip_piece){.bytes = m->msg_iov[i].iov_base, .length = m->msg_iov[i].iov_len};
    return n;
}

/* It is too long for its path: as Linux, the error queue hears of it as well. */
static ssize_t too_long(struct socket *s, const struct sending *x, const struct ip_piece *pieces, uint32_t n,
                        int64_t now)
{
    const struct ip_error e = {.error = ERR_NO_SPACE, .mtu = stack_path_mtu(s->layer->stack, x->local, &x->to.ip, now)};
    if (s->receive_error)
        datagram_fail(s, &x->to, pieces, n, &e, true);
    s->error = 0; /* the call says so itself */
    return -EMSGSIZE;
}

ssize_t datagram_result(struct socket *s, const struct sending *x, const struct ip_piece *pieces, uint32_t n,
                        size_t length, int error, int64_t now)
{
    if (error == 0 || error == ERR_AGAIN) {
        s->layer->counters.datagrams_sent++;
        s->layer->counters.bytes_sent += length;
    }
    switch (error) {
    case 0:
        return (ssize_t)length;
    case ERR_NO_SPACE:
        return too_long(s, x, pieces, n, now);
    case ERR_AGAIN:
        s->layer->counters.drop_no_room++;
        return s->receive_error ? -ENOBUFS : (ssize_t)length;
    case ERR_UNREACHABLE:
        return -EHOSTUNREACH;
    default:
        return socket_errno(error);
    }
}

/* Its payload in one piece. */
static const uint8_t *gather(struct socket_layer *l, const struct udp_datagram *d)
{
    if (d->n_pieces == 1)
        return d->pieces[0].bytes;
    uint8_t *at = l->gathered;
    for (uint32_t i = 0; i < d->n_pieces; at += d->pieces[i++].length)
        memcpy(at, d->pieces[i].bytes, d->pieces[i].length);
    return l->gathered;
}

/* Each of the datagrams that it is. */
static unsigned deliver_segments(struct socket_layer *l, struct udp_datagram *came)
{
    const uint8_t *bytes = gather(l, came);
    uint32_t length = came->length;
    unsigned got = 0;
    for (uint32_t at = 0; at < length; at += came->segment) {
        const uint32_t n = min_u32(came->segment, length - at);
        const struct ip_piece piece = {.bytes = bytes + at, .length = n};
        came->pieces = &piece;
        came->n_pieces = 1;
        came->length = n;
        got += datagram_deliver(l, came);
    }
    return got;
}

/* The same datagram as it comes to us. */
static unsigned deliver_here(struct socket *s, const struct udp_datagram *d, uint32_t local, bool broadcast)
{
    struct udp_datagram came = *d;
    came.local = local;
    came.local_port = d->remote_port;
    came.remote_port = d->local_port;
    came.arrival = (struct ip_arrival){.destination = d->remote,
                                       .broadcast = broadcast,
                                       .ttl = d->departure.ttl ? d->departure.ttl : s->layer->settings.tcp.ttl,
                                       .tos = d->departure.tos};
    if (d->departure.options && ip_addr_is_v4(&d->remote)) {
        came.arrival.options = d->departure.options->bytes;
        came.arrival.options_length = d->departure.options->length;
    }
    if (!stack_local_address(s->layer->stack, d->local, &came.remote))
        return 0;
    return came.segment ? deliver_segments(s->layer, &came) : datagram_deliver(s->layer, &came);
}

/* To one of our own addresses: nobody there is an ICMP error without ICMP. */
static ssize_t send_to_ourselves(struct socket *s, const struct udp_datagram *d, uint32_t local)
{
    struct ip_error refused = {.error = ERR_REFUSED, .reporter = d->remote, .type = 3, .code = 3};
    const struct endpoint peer = {.ip = d->remote, .port = d->remote_port};
    if (deliver_here(s, d, local, false) == 0)
        datagram_fail(s, &peer, d->pieces, d->n_pieces, &refused, false);
    return (ssize_t)d->length;
}

static void loop_back(struct socket *s, const struct udp_datagram *d)
{
    struct stack *stack = s->layer->stack;
    bool group = ip_addr_is_multicast(&d->remote);
    bool wanted = group ? (s->ip_flags & IP_FLAG_LOOP) && stack_has_joined(stack, d->local, &d->remote)
                        : stack_is_broadcast(stack, d->local, &d->remote);
    if (wanted)
        (void)deliver_here(s, d, d->local, true);
}

/* UDP_SEGMENT: none of the datagrams may need fragments, a lone one neither. */
static bool segment_fits(const struct socket *s, const struct sending *x, size_t length, int64_t now)
{
    const uint32_t mtu = stack_path_mtu(s->layer->stack, x->local, &x->to.ip, now);
    const uint32_t header = ip_addr_is_v4(&x->to.ip) ? WIRE_IPV4_MIN + x->options.length : WIRE_IPV6_LEN;
    return x->segment == 0 || header + WIRE_UDP_LEN + min_size(length, x->segment) <= mtu;
}

ssize_t datagram_leave(struct socket *s, const struct sending *x, const struct ip_piece *pieces, uint32_t n,
                       size_t length, int64_t now)
{
    const struct udp_datagram d = {.local = x->local,
                                   .remote = x->to.ip,
                                   .local_port = s->local.port,
                                   .remote_port = x->to.port,
                                   .length = (uint32_t)length,
                                   .n_pieces = n,
                                   .pieces = pieces,
                                   .segment = x->segment < length ? x->segment : 0,
                                   .departure = sending_how(x)};
    if (length > (size_t)d.segment * MAX_SEGMENTS && d.segment)
        return -EINVAL;
    uint32_t own = own_find(s->layer, &d.remote);
    if (own)
        return send_to_ourselves(s, &d, own);
    if (!segment_fits(s, x, length, now))
        return too_long(s, x, pieces, n, now);
    loop_back(s, &d);
    int e = x->loops_only ? 0 : udp_send(s->layer->stack, &d, now);
    return datagram_result(s, x, pieces, n, length, e, now);
}

static ssize_t datagram_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct ip_piece pieces[DATAGRAM_MAX_PIECES];
    struct sending x;
    if (length > UINT16_MAX)
        return -EMSGSIZE;
    if (s->datagram->gathering)
        return cork_send(s, m, length, flags, now);
    if (length > WIRE_UDP_MAX_PAYLOAD_V4)
        return -EMSGSIZE;
    int e = datagram_prepare(s, m, flags, &x);
    if (e == 0)
        e = x.to.port ? bind_if_not(s, now) : -EINVAL;
    if (e < 0)
        return e;
    if (cork_holds(s, flags)) {
        cork_begin(s, &x);
        return cork_send(s, m, length, flags, now);
    }
    return datagram_leave(s, &x, pieces, datagram_pieces(m, pieces), length, now);
}

/* ---- the rest ---- */

/* Without a peer Linux shuts down all the same, but says that there is none. */
int datagram_shutdown(struct socket *s, int how, int64_t now)
{
    (void)now;
    s->shut_read |= how != SHUT_WR;
    s->shut_write |= how != SHUT_RD;
    socket_notify(s, POLLIN | POLLRDNORM | POLLHUP | POLLOUT | POLLWRNORM);
    return ip_addr_is_unspecified(&s->remote.ip) ? -ENOTCONN : 0;
}

/* As datagram_poll() of Linux. */
unsigned datagram_ready(const struct socket *s)
{
    const struct datagram_socket *g = s->datagram;
    unsigned events = POLLOUT | POLLWRNORM | POLLWRBAND;
    if (s->error || g->errors.first)
        events |= POLLERR;
    if (s->shut_read)
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (s->shut_read && s->shut_write)
        events |= POLLHUP;
    if (g->received.first)
        events |= POLLIN | POLLRDNORM;
    return events;
}

int datagram_ioctl(const struct socket *s, unsigned long request, int *value)
{
    uint32_t first = s->datagram->received.first;
    switch (request) {
    case SIOCINQ: /* FIONREAD: of the next datagram */
        *value = first ? (int)outq_length(&record_at(s->layer, first)->bytes) : 0;
        return 0;
    case SIOCOUTQ:
        *value = 0;
        return 0;
    default:
        return -ENOTTY;
    }
}

const struct socket_kind datagram_kind = {.open = datagram_open,
                                          .close = datagram_close,
                                          .bind = datagram_bind,
                                          .connect = datagram_connect,
                                          .disconnect = datagram_disconnect,
                                          .send = datagram_send,
                                          .receive = datagram_receive,
                                          .shutdown = datagram_shutdown,
                                          .ready = datagram_ready,
                                          .ioctl = datagram_ioctl};
