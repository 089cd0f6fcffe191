/* SPDX-License-Identifier: MIT */
/*
 * Ping sockets: icmp(7), socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), and the same of IPv6. One sends echo requests and receives the replies to them; its port is the identifier,
 * which is put into what it sends. Messages begin with the ICMP header.
 */
#include "socket/filter.h"

#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/l4.h"

/* Whoever has the identifier. */
static struct socket *owner_of(struct socket_layer *l, uint16_t id)
{
    for (struct socket *s = *port_chain(l, PORTS_PING, id); s; s = s->port_next)
        if (s->local.port == id)
            return s;
    return NULL;
}

/* ---- in ---- */

static uint8_t request_of(const struct socket *s)
{
    return s->domain == AF_INET6 ? WIRE_ICMPV6_ECHO_REQUEST : WIRE_ICMP_ECHO_REQUEST;
}
static uint8_t reply_of(const struct socket *s)
{
    return s->domain == AF_INET6 ? WIRE_ICMPV6_ECHO_REPLY : WIRE_ICMP_ECHO_REPLY;
}

/* The same in both directions. */
static uint64_t pseudo_sum(const struct socket *s, const struct icmp_echo *e)
{
    struct ip_addr local;
    if (!stack_local_address(s->layer->stack, e->local, &local))
        return 0;
    return wire_l4_pseudo_v6(&e->remote, &local, IP_PROTO_ICMPV6, WIRE_ICMP_LEN + e->length);
}

/* Header and payload of a message, as pieces. */
static void pieces_of(const struct socket *s, const struct icmp_echo *e, uint8_t type, uint8_t *header,
                      struct ip_piece *pieces)
{
    struct wire_icmp h = {.type = type, .rest = wire_icmp_rest_echo(e->id, e->sequence)};
    uint64_t sum = s->domain == AF_INET6 ? pseudo_sum(s, e) : 0;
    wire_icmp_build(header, &h);
    sum = checksum_add(checksum_add(sum, header, WIRE_ICMP_LEN), e->bytes, e->length);
    uint16_t checksum = checksum_finish(sum);
    memcpy(header + WIRE_ICMP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    pieces[0] = (struct ip_piece){.bytes = header, .length = WIRE_ICMP_LEN};
    pieces[1] = (struct ip_piece){.bytes = e->bytes, .length = e->length};
}

static bool fits(const struct socket *s, const struct icmp_echo *e)
{
    bool here = s->local_index == 0 || s->local_index == e->local;
    return here && socket_speaks(s, &e->remote) &&
           (ip_addr_is_unspecified(&s->remote.ip) || ip_addr_equal(&s->remote.ip, &e->remote));
}

static void on_reply(struct socket *s, const struct icmp_echo *e)
{
    uint8_t header[WIRE_ICMP_LEN];
    struct ip_piece pieces[2];
    const struct record r = {.peer.ip = e->remote, .arrival = e->arrival, .local = e->local};
    pieces_of(s, e, reply_of(s), header, pieces);
    (void)filter_record(s, &r, pieces, 2, 0, CBPF_NOWHERE);
}

static void on_failure(struct socket *s, const struct icmp_echo *e, int error)
{
    uint8_t header[WIRE_ICMP_LEN];
    struct ip_piece pieces[2];
    const struct endpoint peer = {.ip = e->remote};
    const struct ip_error said = {
        .error = error, .mtu = e->mtu, .reporter = e->reporter, .type = e->error_type, .code = e->error_code};
    pieces_of(s, e, request_of(s), header, pieces);
    datagram_fail(s, &peer, pieces, 2, &said, false);
}

static void on_echo(void *context, const struct icmp_echo *e, int error, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    struct socket *s = owner_of(l, e->id);
    if (!s || !fits(s, e))
        l->counters.drop_no_receiver++;
    else if (error)
        on_failure(s, e, error);
    else
        on_reply(s, e);
}

/* ---- life ---- */

static void leave_port(struct socket *s)
{
    if (s->local.port)
        (void)!icmp_echo_bind(s->layer->stack, s->local.port, NULL, NULL);
    port_leave(s);
}

/* An identifier has one owner, whatever SO_REUSEADDR says. */
static int ping_bind(struct socket *s, uint16_t port, int64_t now)
{
    (void)now;
    if (port && owner_of(s->layer, port))
        return -EADDRINUSE;
    int e = port_take(s, PORTS_PING, port);
    if (e < 0)
        return e;
    e = icmp_echo_bind(s->layer->stack, s->local.port, on_echo, s->layer);
    if (e < 0)
        port_leave(s);
    return socket_errno(e);
}

static void ping_close(struct socket *s, int64_t now)
{
    leave_port(s);
    datagram_close_any(s, now);
}

void pings_free(struct socket_layer *l)
{
    for (uint32_t i = 1; i <= l->sockets.touched; i++) {
        const struct socket *s = pool_at(&l->sockets, i);
        if (s->kind == &ping_kind && s->port_link)
            (void)!icmp_echo_bind(l->stack, s->local.port, NULL, NULL);
    }
}

static int bind_if_not(struct socket *s, int64_t now) { return s->local.port ? 0 : ping_bind(s, 0, now); }

static int ping_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    int e = bind_if_not(s, now);
    return e < 0 ? e : datagram_connect_any(s, to);
}

static int ping_disconnect(struct socket *s, int64_t now)
{
    (void)now;
    datagram_disconnect_any(s);
    if (!s->bound)
        leave_port(s);
    return 0;
}

/* ---- out ---- */

/* The header at the front of a message, wherever its pieces are cut; what is left of the pieces is the payload. */
static void take_header(struct ip_piece *pieces, uint32_t n, uint8_t *header)
{
    size_t got = 0;
    for (uint32_t i = 0; i < n && got < WIRE_ICMP_LEN; i++) {
        size_t part = min_size(pieces[i].length, WIRE_ICMP_LEN - got);
        memcpy(header + got, pieces[i].bytes, part);
        pieces[i].bytes = (const uint8_t *)pieces[i].bytes + part;
        pieces[i].length -= part;
        got += part;
    }
}

static ssize_t ping_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct ip_piece pieces[DATAGRAM_MAX_PIECES];
    uint8_t header[WIRE_ICMP_LEN];
    struct wire_icmp h;
    struct sending x;
    if (length > UINT16_MAX)
        return -EMSGSIZE;
    if (length < WIRE_ICMP_LEN)
        return -EINVAL;
    uint32_t n = datagram_pieces(m, pieces);
    take_header(pieces, n, header);
    if (wire_icmp_parse(header, sizeof header, &h) < 0 || h.type != request_of(s) || h.code != 0)
        return -EINVAL;
    int e = datagram_prepare(s, m, flags, &x);
    if (e == 0)
        e = bind_if_not(s, now);
    if (e < 0)
        return e;
    const struct ip_departure how = sending_how(&x);
    const struct icmp_echo echo = {.local = x.local,
                                   .remote = x.to.ip,
                                   .id = s->local.port,
                                   .sequence = wire_icmp_echo_sequence(&h),
                                   .length = (uint32_t)(length - WIRE_ICMP_LEN),
                                   .n_pieces = n,
                                   .pieces = pieces,
                                   .ttl = how.ttl,
                                   .tos = how.tos,
                                   .options = how.options,
                                   .dont_fragment = how.discover == DISCOVER_DO,
                                   .probe = how.discover == DISCOVER_PROBE};
    e = x.loops_only ? 0 : icmp_echo_send(s->layer->stack, &echo, now);
    return datagram_result(s, &x, pieces, n, length, e, now);
}

const struct socket_kind ping_kind = {.open = datagram_open_any,
                                      .close = ping_close,
                                      .bind = ping_bind,
                                      .connect = ping_connect,
                                      .disconnect = ping_disconnect,
                                      .send = ping_send,
                                      .receive = datagram_receive,
                                      .shutdown = datagram_shutdown,
                                      .ready = datagram_ready,
                                      .ioctl = datagram_ioctl};
