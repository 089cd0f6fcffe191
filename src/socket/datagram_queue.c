/* SPDX-License-Identifier: MIT */
/*
 * Datagrams and errors that wait to be read, and reading them: recv(2), ip(7). Like Linux, a queue takes what comes while less than SO_RCVBUF is used, so
 * that one datagram of any size always fits.
 */
#define _GNU_SOURCE /* struct in6_pktinfo */
#include <time.h>

#include "socket/filter.h"
#include "socket/interfaces.h"
#include "socket/netlink.h"
#include "socket/packet.h"

#include <linux/errqueue.h>

#define MAX_RECORDS (UINT32_C(1) << 20)

int datagrams_init(struct socket_layer *l)
{
    uint32_t records = (uint32_t)min_u64(l->settings.buffer_bytes / (2 * SOCKET_SPAN_BYTES), MAX_RECORDS);
    int e = pool_init(&l->datagrams, l->allocator, l->settings.max_sockets, sizeof(struct datagram_socket), 8);
    if (!e)
        e = memberships_init(l);
    if (e)
        return e;
    l->gathered = alloc_zeroed(l->allocator, WIRE_UDP_MAX_PAYLOAD_V4, 1);
    return !l->gathered ? ERR_NO_MEMORY : pool_init(&l->records, l->allocator, records, sizeof(struct record), 8);
}

/* Of sockets that were never closed; UDP, raw and ping sockets have some. */
static void leave_groups(struct socket_layer *l)
{
    for (uint32_t i = 1; l->datagrams.objects && i <= l->sockets.touched; i++) {
        struct socket *s = pool_at(&l->sockets, i);
        if (s->kind == &datagram_kind || s->kind == &raw_kind || s->kind == &ping_kind)
            membership_leave_all(s, stack_time(l->stack));
    }
}

/* The same. */
static void free_filters(struct socket_layer *l)
{
    for (uint32_t i = 1; l->datagrams.objects && i <= l->sockets.touched; i++) {
        struct socket *s = pool_at(&l->sockets, i);
        if (s->kind && s->type != SOCK_STREAM)
            filter_remove(s);
    }
}

/* The same. */
static void unbind_all(struct socket_layer *l)
{
    for (uint32_t i = 1; l->datagrams.objects && i <= l->sockets.touched; i++) {
        const struct socket *s = pool_at(&l->sockets, i);
        if (s->kind == &datagram_kind && s->port_link)
            (void)udp_unbind(l->stack, 0, s->local.port);
    }
}

/* Nothing below knows of the layer any more. */
void datagrams_free(struct socket_layer *l)
{
    free_filters(l);
    leave_groups(l);
    unbind_all(l);
    raws_free(l);
    pings_free(l);
    packets_free(l);
    stack_on_change(l->stack, NULL, NULL);
    alloc_free(l->allocator, l->gathered, WIRE_UDP_MAX_PAYLOAD_V4);
    pool_free(&l->records);
    pool_free(&l->datagrams);
    memberships_free(l);
}

/* ---- queues ---- */

static uint32_t charge_of(const struct record *r) { return DATAGRAM_CHARGE + (uint32_t)outq_length(&r->bytes); }

static int copy_bytes(struct socket_layer *l, struct record *r, const struct ip_piece *pieces, uint32_t n)
{
    for (const struct ip_piece *p = pieces; p < pieces + n; p++)
        if (p->length && outq_copy(&r->bytes, &l->buffers, p->bytes, (uint32_t)p->length) != 0)
            return ERR_NO_MEMORY;
    return 0;
}

static struct record *record_new(struct socket_layer *l, const struct record *like, const struct ip_piece *pieces,
                                 uint32_t n)
{
    uint32_t index = pool_get(&l->records);
    if (index == POOL_NONE)
        return NULL;
    struct record *r = record_at(l, index);
    *r = *like;
    r->next = POOL_NONE;
    r->bytes = (struct outq){0};
    if (unlikely(like->arrival.options_length != 0))
        memcpy(r->options, like->arrival.options, like->arrival.options_length);
    if (copy_bytes(l, r, pieces, n) == 0)
        return r;
    outq_clear(&r->bytes, &l->buffers);
    pool_put(&l->records, index);
    return NULL;
}

bool record_add(struct socket *s, struct record_queue *queue, const struct record *like, const struct ip_piece *pieces,
                uint32_t n)
{
    struct socket_layer *l = s->layer;
    if (s->datagram->charged >= s->receive_limit) {
        l->counters.drop_receive_buffer++;
        return false;
    }
    struct record *r = record_new(l, like, pieces, n);
    if (!r) {
        l->counters.drop_no_memory++;
        return false;
    }
    uint32_t index = pool_index(&l->records, r);
    if (queue->last)
        record_at(l, queue->last)->next = index;
    else
        queue->first = index;
    queue->last = index;
    s->datagram->charged += charge_of(r);
    return true;
}

void record_drop(struct socket *s, struct record_queue *queue)
{
    struct socket_layer *l = s->layer;
    uint32_t index = queue->first;
    struct record *r = record_at(l, index);
    s->datagram->charged -= charge_of(r);
    queue->first = r->next;
    if (queue->first == POOL_NONE)
        queue->last = POOL_NONE;
    outq_clear(&r->bytes, &l->buffers);
    pool_put(&l->records, index);
}

size_t record_read(const struct socket *s, const struct record *r, const struct msghdr *m)
{
    struct outq bytes = r->bytes; /* reading moves a cursor */
    size_t done = 0;
    for (size_t i = 0; i < m->msg_iovlen && done < outq_length(&bytes); i++)
        done += outq_read(&bytes, &s->layer->buffers, bytes.base + done, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len,
                          NULL);
    return done;
}

/* ---- reading ---- */

int record_interface(const struct socket_layer *l, const struct record *r)
{
    int index = interface_of(l->stack, r->local);
    return index ? index : r->arrival.interface + 1; /* of a host that was removed */
}

static void tell_packet(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    struct in_pktinfo info = {.ipi_ifindex = record_interface(s->layer, r)};
    struct ip_addr local;
    store_be32(&info.ipi_addr, ip_addr_to_v4(&r->arrival.destination));
    if (stack_local_address(s->layer->stack, r->local, &local))
        store_be32(&info.ipi_spec_dst, ip_addr_to_v4(&local));
    message_control(m, room, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
}

/* As they came, and as somebody who answers may send them. */
static void tell_options(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    uint8_t back[WIRE_IPV4_MAX_OPTIONS];
    uint32_t n = option_returned(r->options, r->arrival.options_length, back);
    if (s->ip_flags & IP_FLAG_OPTIONS)
        message_control(m, room, IPPROTO_IP, IP_RECVOPTS, r->options, r->arrival.options_length);
    if ((s->ip_flags & IP_FLAG_RETURNED) && n)
        message_control(m, room, IPPROTO_IP, IP_RETOPTS, back, n);
}

static void tell_arrival4(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    int ttl = r->arrival.ttl;
    if (s->ip_flags & IP_FLAG_PACKET)
        tell_packet(s, r, m, room);
    if (s->ip_flags & IP_FLAG_TTL)
        message_control(m, room, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    if (s->ip_flags & IP_FLAG_TOS)
        message_control(m, room, IPPROTO_IP, IP_TOS, &r->arrival.tos, 1);
    if (unlikely(r->arrival.options_length != 0))
        tell_options(s, r, m, room);
}

static void tell_arrival6(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)record_interface(s->layer, r)};
    int hops = r->arrival.ttl, class = r->arrival.tos;
    memcpy(&info.ipi6_addr, &r->arrival.destination, sizeof info.ipi6_addr);
    if (s->ip_flags & IP_FLAG_PACKET)
        message_control(m, room, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    if (s->ip_flags & IP_FLAG_TTL)
        message_control(m, room, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
    if (s->ip_flags & IP_FLAG_TOS)
        message_control(m, room, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
}

static void tell_arrival(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    if (s->domain == AF_INET6)
        tell_arrival6(s, r, m, room);
    else
        tell_arrival4(s, r, m, room);
}

/* Name and bytes; how many of these fitted. */
static size_t give(const struct socket *s, const struct record *r, struct msghdr *m)
{
    size_t n = record_read(s, r, m);
    endpoint_write(s, &r->peer, m->msg_name, &m->msg_namelen);
    if (n < outq_length(&r->bytes))
        m->msg_flags |= MSG_TRUNC;
    return n;
}

/* An error, followed by who said so. */
static void tell_error(const struct socket *s, const struct record *r, struct msghdr *m, size_t room)
{
    uint8_t value[sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)] = {0};
    bool v6 = s->domain == AF_INET6, from_v6 = !ip_addr_is_v4(&r->icmp.reporter);
    struct sock_extended_err ee = {.ee_errno = (uint32_t)r->error,
                                   .ee_type = r->icmp.type,
                                   .ee_code = r->icmp.code,
                                   .ee_info = r->icmp.mtu,
                                   .ee_origin = from_v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP};
    const struct endpoint reporter = {.ip = r->icmp.reporter};
    struct sockaddr offender[2];
    socklen_t length = sizeof offender;
    if (r->own)
        ee.ee_origin = SO_EE_ORIGIN_LOCAL;
    memcpy(value, &ee, sizeof ee);
    if (!r->own) {
        endpoint_write(s, &reporter, offender, &length);
        memcpy(value + sizeof ee, offender, length);
    }
    size_t size = sizeof ee + (v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    message_control(m, room, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, value, size);
}

/* MSG_ERRQUEUE: ip(7), IP_RECVERR. */
static ssize_t receive_error(struct socket *s, struct msghdr *m, size_t room)
{
    struct datagram_socket *g = s->datagram;
    if (!g->errors.first)
        return -EAGAIN;
    const struct record *r = record_at(s->layer, g->errors.first);
    size_t n = give(s, r, m);
    tell_error(s, r, m, room);
    m->msg_flags |= MSG_ERRQUEUE;
    record_drop(s, &g->errors);
    s->error = g->errors.first ? record_at(s->layer, g->errors.first)->error : 0;
    return (ssize_t)n;
}

ssize_t datagram_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    size_t room = m->msg_controllen;
    (void)now, (void)length;
    m->msg_controllen = 0;
    m->msg_flags = 0;
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (flags & MSG_ERRQUEUE)
        return receive_error(s, m, room);
    if (s->error)
        return socket_take_error(s);
    if (!g->received.first)
        return s->shut_read ? 0 : -EAGAIN;
    const struct record *r = record_at(s->layer, g->received.first);
    size_t whole = outq_length(&r->bytes), n = give(s, r, m);
    tell_arrival(s, r, m, room);
    if (!(flags & MSG_PEEK)) {
        s->layer->counters.datagrams_received++;
        s->layer->counters.bytes_received += n;
        record_drop(s, &g->received);
    }
    return (ssize_t)(flags & MSG_TRUNC ? whole : n);
}
