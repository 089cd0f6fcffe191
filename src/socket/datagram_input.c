/* SPDX-License-Identifier: MIT */
/*
 * Which sockets a datagram is for, and which one an error concerns. As Linux does it: one sent to us alone goes to the socket that fits best (connected to
 * its sender before bound to its address before any; of equals the one bound last, or with SO_REUSEPORT one of them by the addresses); one to a broadcast
 * or multicast address goes to all that fit.
 */
#include "socket/filter.h"

#include "wire/icmpv6.h"
#include "wire/udp.h"

/* ---- who fits ---- */

/* 0: it is not for this socket; else the larger the better. */
static unsigned fit_of(const struct socket *s, const struct udp_datagram *d)
{
    const struct ip_addr *to = &d->arrival.destination;
    unsigned fit = 1;
    if (s->local.port != d->local_port || !socket_speaks(s, to))
        return 0;
    if (!ip_addr_is_unspecified(&s->local.ip)) {
        if (!ip_addr_equal(&s->local.ip, to))
            return 0;
        fit += 2;
    }
    if (s->remote.port != 0) {
        if (s->remote.port != d->remote_port || !ip_addr_equal(&s->remote.ip, &d->remote))
            return 0;
        fit += 4;
    }
    if (ip_addr_is_multicast(to) && !membership_allows(s, to, d->local, &d->remote))
        return 0;
    return fit;
}

/* ---- datagrams ---- */

/* To a filter a datagram begins with its UDP header. */
static void put_filtered(struct socket *s, const struct udp_datagram *d, const struct record *r,
                         const struct ip_piece *from, uint32_t n)
{
    const struct wire_udp h = {
        .src_port = d->remote_port, .dst_port = d->local_port, .length = (uint16_t)(WIRE_UDP_LEN + d->length)};
    uint8_t header[WIRE_UDP_LEN];
    struct ip_piece pieces[DATAGRAM_MAX_PIECES + 1] = {{.bytes = header, .length = sizeof header}};
    wire_udp_build(header, &h);
    memcpy(pieces + 1, from, n * sizeof *from);
    (void)filter_record(s, r, pieces, n + 1, 1, CBPF_NOWHERE);
}

static void put(struct socket *s, const struct udp_datagram *d)
{
    const struct record r = {
        .peer = {.ip = d->remote, .port = d->remote_port}, .arrival = d->arrival, .local = d->local};
    const struct ip_piece one = {.bytes = d->bytes, .length = d->length};
    const struct ip_piece *pieces = d->n_pieces ? d->pieces : &one;
    uint32_t n = max_u32(d->n_pieces, 1);
    if (s->datagram->filter)
        put_filtered(s, d, &r, pieces, n);
    else if (record_add(s, &s->datagram->received, &r, pieces, n))
        socket_notify(s, POLLIN | POLLRDNORM);
}

static unsigned deliver_to_all(struct socket_layer *l, const struct udp_datagram *d)
{
    unsigned n = 0;
    for (struct socket *s = *port_chain(l, PORTS_DATAGRAM, d->local_port); s; s = s->port_next)
        if (fit_of(s, d)) {
            put(s, d);
            n++;
        }
    return n;
}

/* Of several that share the port and fit equally well, always the same one for a sender. */
static struct socket *one_of(struct socket_layer *l, const struct udp_datagram *d, unsigned fit, uint32_t n)
{
    const struct endpoint sender = {.ip = d->remote, .port = d->remote_port};
    uint32_t k = (uint32_t)hash_sip13(&l->settings.secret, &sender, sizeof sender) % n;
    for (struct socket *s = *port_chain(l, PORTS_DATAGRAM, d->local_port); s; s = s->port_next)
        if (s->reuse_port && fit_of(s, d) == fit && k-- == 0)
            return s;
    return NULL;
}

static struct socket *best_for(struct socket_layer *l, const struct udp_datagram *d)
{
    struct socket *best = NULL;
    unsigned most = 0;
    uint32_t equals = 0;
    for (struct socket *s = *port_chain(l, PORTS_DATAGRAM, d->local_port); s; s = s->port_next) {
        unsigned fit = fit_of(s, d);
        if (fit > most) {
            most = fit;
            best = s;
            equals = 0;
        }
        equals += fit != 0 && fit == most && s->reuse_port;
    }
    return best && best->reuse_port && equals > 1 ? one_of(l, d, most, equals) : best;
}

unsigned datagram_deliver(struct socket_layer *l, const struct udp_datagram *d)
{
    if (d->arrival.broadcast)
        return deliver_to_all(l, d);
    struct socket *s = best_for(l, d);
    if (s)
        put(s, d);
    return s != NULL;
}

void datagram_input(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    if (datagram_deliver(l, d) > 0)
        return;
    l->counters.drop_no_receiver++;
    udp_refuse(l->stack);
}

/* ---- errors ---- */

/* icmp_err_convert of Linux: which error, and whether a connected socket hears of it without IP_RECVERR. */
static int error_of_unreachable(uint8_t code, bool *hard)
{
    static const struct {
        int error;
        bool hard;
    } errors[] = {{ENETUNREACH, false}, {EHOSTUNREACH, false}, {ENOPROTOOPT, true},  {ECONNREFUSED, true},
                  {EMSGSIZE, false},    {EOPNOTSUPP, false},   {ENETUNREACH, true},  {EHOSTDOWN, true},
                  {ENONET, true},       {ENETUNREACH, true},   {EHOSTUNREACH, true}, {ENETUNREACH, false},
                  {EHOSTUNREACH, false}};
    if (code >= sizeof errors / sizeof errors[0]) {
        *hard = true;
        return EHOSTUNREACH;
    }
    *hard = errors[code].hard;
    return errors[code].error;
}

/* icmpv6_err_convert of Linux. */
static int error_of_v6(const struct ip_error *e, bool *hard)
{
    static const struct {
        int error;
        bool hard;
    } errors[] = {{ENETUNREACH, false}, {EACCES, true}, {EHOSTUNREACH, false}, {EHOSTUNREACH, false},
                  {ECONNREFUSED, true}, {EACCES, true}, {EACCES, true}};
    *hard = e->type == WIRE_ICMPV6_PARAMETER_PROBLEM;
    if (e->type != WIRE_ICMPV6_UNREACHABLE || e->code >= sizeof errors / sizeof errors[0])
        return *hard || e->type == WIRE_ICMPV6_UNREACHABLE ? EPROTO : EHOSTUNREACH;
    *hard = errors[e->code].hard;
    return errors[e->code].error;
}

static int error_of(const struct ip_error *e, bool *hard)
{
    *hard = false;
    if (e->error == ERR_NO_SPACE) {
        *hard = true;
        return EMSGSIZE;
    }
    if (!ip_addr_is_v4(&e->reporter))
        return error_of_v6(e, hard);
    if (e->type == 3)
        return error_of_unreachable(e->code, hard);
    *hard = e->type == 12; /* parameter problem */
    return *hard ? EPROTO : EHOSTUNREACH;
}

void datagram_fail(struct socket *s, const struct endpoint *peer, const struct ip_piece *pieces, uint32_t n,
                   const struct ip_error *e, bool own)
{
    bool hard, connected = !ip_addr_is_unspecified(&s->remote.ip);
    int error = error_of(e, &hard);
    if (error == EMSGSIZE && s->discover == IP_PMTUDISC_DONT)
        return;
    if (!s->receive_error && (!hard || !connected))
        return;
    if (s->receive_error) {
        const struct record r = {.peer = *peer, .error = error, .icmp = *e, .own = own};
        (void)record_add(s, &s->datagram->errors, &r, pieces, n);
    }
    socket_fail(s, error);
}

/* The socket that sent it: one that fits the way back. */
void datagram_error(void *context, const struct udp_datagram *quoted, const struct ip_error *e, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    struct udp_datagram back = *quoted;
    if (!stack_local_address(l->stack, quoted->local, &back.arrival.destination))
        return;
    struct socket *s = best_for(l, &back);
    const struct endpoint peer = {.ip = quoted->remote, .port = quoted->remote_port};
    const struct ip_piece bytes = {.bytes = quoted->bytes, .length = quoted->length};
    if (s)
        datagram_fail(s, &peer, &bytes, 1, e, false);
}
