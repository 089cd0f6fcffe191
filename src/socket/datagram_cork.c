/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that several calls make: UDP_CORK and MSG_MORE, udp(7). The first call says where it goes; it leaves with the first that does not hold it back,
 * and is thrown away when one makes it too long, or when the socket is closed.
 */
#include "socket/datagram.h"
#include "socket/options.h"

#include <netinet/udp.h>

bool cork_holds(const struct socket *s, int flags) { return s->datagram->corked || (flags & MSG_MORE); }

void cork_begin(struct socket *s, const struct sending *x)
{
    s->datagram->next = *x;
    s->datagram->gathering = true;
}

void cork_drop(struct socket *s)
{
    outq_clear(&s->datagram->pending, &s->layer->buffers);
    s->datagram->pending = (struct outq){0};
    s->datagram->gathering = false;
}

static int append(struct socket *s, const struct msghdr *m, size_t length)
{
    struct outq *q = &s->datagram->pending;
    if (outq_length(q) + length > WIRE_UDP_MAX_PAYLOAD_V4)
        return -EMSGSIZE;
    for (size_t i = 0; i < m->msg_iovlen; i++)
        if (m->msg_iov[i].iov_len &&
            outq_copy(q, &s->layer->buffers, m->msg_iov[i].iov_base, (uint32_t)m->msg_iov[i].iov_len) != 0)
            return -ENOBUFS;
    return 0;
}

/* It leaves in one piece, from a place that the layer keeps for this. */
static ssize_t push(struct socket *s, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    const struct sending x = g->next;
    struct ip_piece piece = {.bytes = s->layer->gathered, .length = outq_length(&g->pending)};
    (void)outq_read(&g->pending, &s->layer->buffers, g->pending.base, s->layer->gathered, piece.length, NULL);
    cork_drop(s);
    return datagram_leave(s, &x, &piece, piece.length > 0, piece.length, now);
}

ssize_t cork_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    int e = append(s, m, length);
    if (e < 0) {
        cork_drop(s);
        return e;
    }
    ssize_t n = cork_holds(s, flags) ? 0 : push(s, now);
    return n < 0 ? n : (ssize_t)length;
}

static int set_segment(struct socket *s, int bytes)
{
    if (bytes < 0 || bytes > UINT16_MAX)
        return -EINVAL;
    s->datagram->segment = (uint16_t)bytes;
    return 0;
}

int option_udp_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    int e = option_int(value, length, &n);
    if (e < 0)
        return e;
    if (name == UDP_SEGMENT)
        return set_segment(s, n);
    if (name != UDP_CORK)
        return -ENOPROTOOPT;
    s->datagram->corked = n != 0;
    if (n == 0 && s->datagram->gathering)
        (void)push(s, now);
    return 0;
}

int option_udp_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    if (name == UDP_SEGMENT)
        return option_give_int(value, length, s->datagram->segment);
    return name == UDP_CORK ? option_give_int(value, length, s->datagram->corked) : -ENOPROTOOPT;
}
