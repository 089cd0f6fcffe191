/* SPDX-License-Identifier: MIT */
/*
 * The listening side of stream sockets. A listener has connections that are established and wait to be accepted on a queue, oldest first; a
 * SYN is not admitted while it is full. Listeners that share a port (SO_REUSEPORT) share TCP's one listener, and connections are spread over them by their
 * four-tuple.
 */
#include "socket/private.h"

/* ---- which listener ---- */

uint32_t listen_local(const struct socket *s)
{
    if (s->local_index)
        return s->local_index;
    if (s->domain == AF_INET6)
        return s->v6_only ? TCP_ANY_LOCAL_V6 : TCP_ANY_LOCAL;
    return TCP_ANY_LOCAL_V4;
}

static bool listens_for(const struct socket *s, uint32_t local, uint16_t port)
{
    return s->local.port == port && s->type == SOCK_STREAM && s->stream.listening && listen_local(s) == local;
}

/* Those with exactly this local address, or one of any: how many, and the n-th. */
static uint32_t count_listeners(struct socket_layer *l, uint32_t local, uint16_t port)
{
    uint32_t n = 0;
    for (const struct socket *s = *port_chain(l, PORTS_STREAM, port); s; s = s->port_next)
        n += listens_for(s, local, port);
    return n;
}

static struct socket *nth_listener(struct socket_layer *l, uint32_t local, uint16_t port, uint32_t n)
{
    for (struct socket *s = *port_chain(l, PORTS_STREAM, port); s; s = s->port_next)
        if (listens_for(s, local, port) && n-- == 0)
            return s;
    return NULL;
}

static struct socket *listener_for(struct socket_layer *l, const struct flow_key *key)
{
    for (unsigned i = 0; i < TCP_LISTEN_WAYS; i++) {
        uint32_t local = tcp_listen_way(key, i), n = count_listeners(l, local, key->local_port);
        if (n > 0)
            return nth_listener(l, local, key->local_port, n == 1 ? 0 : tcp_flow_hash(l->tcp, key) % n);
    }
    return NULL;
}

/* ---- listening ---- */

/* TCP's queue of embryos is as long as ours. */
static int set_backlog(struct socket *s, int backlog, int64_t now)
{
    struct tcp_profile p = *profile_of(s);
    uint32_t most = s->layer->settings.max_backlog;
    s->stream.backlog = backlog < 0 || (uint32_t)backlog > most ? most : (uint32_t)backlog;
    p.syn_queue = max_u32(s->stream.backlog, 8);
    return profile_set(s, &p, now);
}

int stream_listen(struct socket *s, int backlog, int64_t now)
{
    struct stream *st = &s->stream;
    if (st->connected || st->connecting)
        return -EINVAL;
    int e = s->local.port == 0 ? port_take(s, PORTS_STREAM, 0) : 0;
    if (e == 0 && !st->listening && !port_may_listen(s))
        e = -EADDRINUSE;
    if (e == 0)
        e = set_backlog(s, backlog, now);
    if (e < 0 || st->listening)
        return e;
    e = tcp_listen(s->layer->tcp, st->profile, listen_local(s), s->local.port);
    if (e < 0 && e != ERR_IN_USE) /* a listener that shares the port has asked already */
        return socket_errno(e);
    st->listening = true;
    return 0;
}

/* Those on the queue, and those that were to come when they had data: all of them have the listener's port. */
static void drop_waiting(struct socket *s, uint16_t port, int64_t now)
{
    for (struct socket *at = *port_chain(s->layer, PORTS_STREAM, port), *next; at; at = next) {
        next = at->port_next;
        if (at != s && at->stream.listener == s) {
            at->stream.listener = NULL;
            stream_drop(at, now);
        }
    }
    s->stream.first = s->stream.last = NULL;
    s->stream.waiting = 0;
}

void stream_unlisten(struct socket *s, int64_t now)
{
    struct socket_layer *l = s->layer;
    s->stream.listening = false;
    struct socket *other = nth_listener(l, listen_local(s), s->local.port, 0);
    if (other)
        (void)tcp_listener_set_user(l->tcp, listen_local(s), s->local.port, other->stream.profile);
    else
        (void)tcp_unlisten(l->tcp, listen_local(s), s->local.port, now);
    drop_waiting(s, s->local.port, now);
}

/* ---- the queue ---- */

static void append(struct socket *listener, struct socket *s)
{
    struct stream *st = &listener->stream;
    if (st->last)
        st->last->stream.next = s;
    else
        st->first = s;
    st->last = s;
    st->waiting++;
    socket_notify(listener, POLLIN | POLLRDNORM);
}

void listen_leave(struct socket *s)
{
    struct socket *listener = s->stream.listener;
    struct stream *st = &listener->stream;
    struct socket *before = NULL;
    s->stream.listener = NULL;
    for (struct socket *q = st->first; q; before = q, q = q->stream.next) {
        if (q != s)
            continue;
        if (before)
            before->stream.next = s->stream.next;
        else
            st->first = s->stream.next;
        if (st->last == s)
            st->last = before;
        st->waiting--;
        return;
    }
}

int stream_accept(struct socket *s, struct socket **out)
{
    if (!s->stream.listening)
        return -EINVAL;
    struct socket *first = s->stream.first;
    if (!first)
        return -EAGAIN;
    listen_leave(first);
    s->layer->counters.accepted++;
    *out = first;
    return 0;
}

/* ---- callbacks ---- */

int listen_admit(void *context, const struct flow_key *key, uint64_t *word)
{
    struct socket_layer *l = context;
    const struct socket *s = listener_for(l, key);
    if (!s)
        return -1;
    if (s->stream.waiting > s->stream.backlog) {
        l->counters.drop_backlog_full++;
        return -1;
    }
    *word = socket_word(s);
    return 0;
}

void listen_connected(struct socket_layer *l, struct tcp *c, int64_t now)
{
    struct socket *listener = socket_of_word(l, tcp_word(c));
    if (!listener || !listener->stream.listening) /* gone since, and another shares its port */
        listener = listener_for(l, tcp_key(c));
    struct socket *s = listener ? stream_from(listener, c, now) : NULL;
    if (!s) {
        tcp_abort(l->tcp, c, now);
        return;
    }
    s->stream.listener = listener;
    if (listener->stream.defer_s == 0) {
        append(listener, s);
        return;
    }
    s->stream.deferred = true;
    tcp_set_deadline(l->tcp, c, now + listener->stream.defer_s * NS_PER_S, now);
}

void listen_ready(struct socket *s)
{
    if (!s->stream.deferred)
        return;
    s->stream.deferred = false;
    append(s->stream.listener, s);
}
