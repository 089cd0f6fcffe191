/* SPDX-License-Identifier: MIT */
/*
 * Stream sockets: TCP connections with a send and a receive buffer. RFC 9293 3.9, and Linux's tcp(7).
 *
 * What is sent is copied into `out`, promised to TCP at once or (MSG_MORE, TCP_CORK) when there is a full segment or 200 ms have passed, and let go when it
 * is acknowledged. Of what arrives `in` keeps full frames themselves and copies the rest; the window opens as it is read. Of a socket whose user is gone
 * (orphan) only what TCP still has to send is left; data that arrives then is answered with an RST (RFC 9293 3.10.4, RFC 1122 4.2.2.13).
 */
#define _GNU_SOURCE /* POLLRDHUP */

#include "socket/private.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define HOLD_NS (200 * NS_PER_MS)  /* the most that TCP_CORK holds back: tcp(7) */
#define RETRY_NS (100 * NS_PER_MS) /* when TCP had no memory for more */
#define KEEP_IDLE_S 7200           /* RFC 9293 3.8.4 */
#define ORPHAN_NS (60 * NS_PER_S)  /* FIN-WAIT-2 without a user: Linux's tcp_fin_timeout */

static struct tcp *connection(const struct socket *s) { return tcp_get(s->layer->tcp, s->stream.ref); }

/* ---- making one ---- */

static int stream_open(struct socket *s)
{
    struct tcp_profile p = s->layer->settings.tcp;
    p.receive_buffer = s->receive_limit;
    p.fin_wait_2_ns = 0;
    int number = profile_take(s->layer, &p);
    if (number < 0)
        return number;
    s->stream.profile = (uint16_t)number;
    s->stream.push_at = TIME_NEVER;
    s->stream.keep_idle_s = KEEP_IDLE_S;
    return 0;
}

static void stream_free(struct socket *s)
{
    outq_clear(&s->stream.out, &s->layer->buffers);
    outq_clear(&s->stream.in, &s->layer->buffers);
    profile_drop(s->layer, s->stream.profile);
    socket_free(s);
}

struct socket *stream_from(struct socket *listener, struct tcp *c, int64_t now)
{
    struct socket_layer *l = listener->layer;
    int number = profile_take(l, &l->profiles[tcp_user_of(c)].profile);
    struct socket *s = number < 0 ? NULL : socket_new(l);
    if (!s) {
        if (number >= 0)
            profile_drop(l, (unsigned)number);
        return NULL;
    }
    s->kind = &stream_kind;
    s->domain = listener->domain;
    s->type = listener->type;
    s->protocol = listener->protocol;
    s->send_limit = listener->send_limit;
    s->receive_limit = listener->receive_limit;
    s->low_water = listener->low_water;
    s->linger_s = listener->linger_s;
    s->reuse_address = listener->reuse_address;
    s->reuse_port = listener->reuse_port;
    s->keepalive = listener->keepalive;
    s->send_timeout_ns = listener->send_timeout_ns;
    s->receive_timeout_ns = listener->receive_timeout_ns;
    s->ttl = listener->ttl;
    s->tos = listener->tos;
    s->discover = listener->discover;
    s->ip_flags = listener->ip_flags;
    s->oob_inline = listener->oob_inline;
    s->stream = (struct stream){.ref = tcp_ref_of(l->tcp, c),
                                .profile = (uint16_t)number,
                                .push_at = TIME_NEVER,
                                .receive_fixed = listener->stream.receive_fixed,
                                .send_fixed = listener->stream.send_fixed,
                                .keep_idle_s = listener->stream.keep_idle_s};
    s->stream.connected = s->stream.reported = true;
    tcp_set_user(l->tcp, c, (unsigned)number, now);
    tcp_set_word(c, socket_word(s));
    const struct flow_key *key = tcp_key(c);
    s->remote = (struct endpoint){.ip = key->remote, .port = key->remote_port};
    s->local_index = key->local;
    (void)stack_local_address(l->stack, key->local, &s->local.ip);
    port_share(s, PORTS_STREAM, key->local_port);
    return s;
}

/* ---- connecting ---- */

static int start_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    struct socket_layer *l = s->layer;
    uint32_t local = s->bound_address ? s->local_index : own_for(l, &to->ip);
    if (local == 0 || !socket_speaks(s, &to->ip) || ip_addr_is_multicast(&to->ip) || ip_addr_is_broadcast(&to->ip))
        return -ENETUNREACH;
    struct flow_key key = {.local = local, .remote = to->ip, .local_port = s->local.port, .remote_port = to->port};
    struct tcp_ref ref;
    int e = tcp_connect(l->tcp, s->stream.profile, &key, socket_word(s), now, &ref);
    if (e < 0)
        return e == ERR_IN_USE ? -EADDRNOTAVAIL : socket_errno(e);
    s->stream.ref = ref;
    s->local_index = local;
    (void)stack_local_address(l->stack, local, &s->local.ip);
    if (s->local.port == 0)
        port_share(s, PORTS_STREAM, tcp_key(connection(s))->local_port);
    s->error = 0;
    s->stream.connecting = true;
    s->stream.ended = s->stream.reported = false;
    return -EINPROGRESS;
}

static int stream_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    struct stream *st = &s->stream;
    if (st->connecting)
        return -EALREADY;
    if (st->connected && !st->reported) {
        st->reported = true;
        return 0;
    }
    if (st->connected || st->listening)
        return -EISCONN;
    if (st->failed) { /* says so once, then it may try again */
        st->failed = st->ended = false;
        return s->error ? socket_take_error(s) : -ECONNABORTED;
    }
    if (to->port == 0)
        return -ECONNREFUSED;
    return start_connect(s, to, now);
}

/* As it was before connect; a port that bind did not ask for is free again. */
static void forget_connection(struct socket *s)
{
    struct stream *st = &s->stream;
    st->ref = (struct tcp_ref){0, 0};
    st->connecting = st->connected = st->fin = false;
    s->remote = (struct endpoint){.port = 0};
    outq_clear(&st->out, &s->layer->buffers);
    st->out = (struct outq){0};
    st->promised = 0;
    if (!s->bound)
        port_leave(s);
    if (!s->bound_address) {
        s->local.ip = ip_addr_from_v4(0);
        s->local_index = 0;
    }
}

static int stream_disconnect(struct socket *s, int64_t now)
{
    struct tcp *c = connection(s);
    if (s->stream.listening)
        stream_unlisten(s, now);
    if (c) {
        tcp_set_word(c, 0);
        tcp_abort(s->layer->tcp, c, now);
    }
    forget_connection(s);
    outq_clear(&s->stream.in, &s->layer->buffers);
    s->stream.in = (struct outq){0};
    s->stream.edge = s->stream.read_base = 0;
    s->stream.least_trip_ns = 0;
    s->shut_read = s->shut_write = s->stream.failed = s->stream.ended = false;
    s->error = c ? ECONNRESET : 0; /* as Linux: SO_ERROR tells of what was thrown away */
    return 0;
}

/* ---- sending ---- */

static uint64_t room_of(const struct socket *s)
{
    uint64_t used = outq_length(&s->stream.out);
    return used < s->send_limit ? s->send_limit - used : 0;
}

/* Linux's rule: a third of what is used must be free (sk_stream_is_writeable). */
static bool writable(const struct socket *s) { return room_of(s) >= outq_length(&s->stream.out) / 2 && room_of(s) > 0; }

static void wake_at(struct socket *s, struct tcp *c, int64_t at, int64_t now)
{
    s->stream.push_at = at;
    tcp_set_deadline(s->layer->tcp, c, at, now);
}

/* What goes while the user says MSG_MORE is not pushed. */
static void tell_more(struct socket *s, struct tcp *c)
{
    struct stream *st = &s->stream;
    if (unlikely(st->hold || st->more_told))
        tcp_more_follows(s->layer->tcp, c, st->hold);
    st->more_told = st->hold;
}

/* Tells TCP of what may go; without memory there, again a little later. */
static void promise(struct socket *s, struct tcp *c, bool all, int64_t now)
{
    struct stream *st = &s->stream;
    uint64_t bytes = st->out.end - st->promised;
    struct tcp_info info;
    if (!all && bytes > 0) {
        tcp_get_info(s->layer->tcp, c, &info);
        bytes -= bytes % max_u32(info.mss, 1);
    }
    if (bytes > 0) {
        if (tcp_send(s->layer->tcp, c, bytes, now) != 0) {
            wake_at(s, c, now + RETRY_NS, now);
            return;
        }
        st->promised += bytes;
        tell_more(s, c);
    }
    bool held = st->promised < st->out.end;
    if (held && st->push_at == TIME_NEVER)
        wake_at(s, c, now + HOLD_NS, now);
    else if (!held && st->push_at != TIME_NEVER)
        wake_at(s, c, TIME_NEVER, now);
}

/* Copies as much of the message as there is room for. */
static size_t enqueue(struct socket *s, const struct msghdr *m)
{
    struct stream *st = &s->stream;
    size_t done = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        size_t n = min_size(m->msg_iov[i].iov_len, room_of(s));
        if (n > 0 && outq_copy(&st->out, &s->layer->buffers, m->msg_iov[i].iov_base, (uint32_t)n) != 0)
            break;
        done += n;
        if (n < m->msg_iov[i].iov_len)
            break;
    }
    return done;
}

static int may_send(struct socket *s)
{
    if (s->error)
        return socket_take_error(s);
    if (s->shut_write || s->stream.ended)
        return -EPIPE;
    if (s->stream.connecting)
        return -EAGAIN;
    return s->stream.connected ? 0 : -EPIPE;
}

/* The last byte of what was taken is urgent. */
static void promise_urgent(struct socket *s, struct tcp *c, int64_t now)
{
    uint64_t bytes = s->stream.out.end - s->stream.promised;
    if (bytes > 0 && tcp_send_urgent(s->layer->tcp, c, bytes, now) == 0)
        s->stream.promised += bytes;
}

int stream_has_room(struct socket *s)
{
    int e = may_send(s);
    return e == 0 && room_of(s) == 0 ? -EAGAIN : e;
}

void stream_added(struct socket *s, uint64_t n, bool more, int64_t now)
{
    s->layer->counters.bytes_sent += n;
    s->stream.hold = more;
    promise(s, connection(s), !s->stream.cork && !more, now);
}

static ssize_t stream_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct tcp *c = connection(s);
    int e = may_send(s);
    if (e < 0)
        return e;
    if (length == 0)
        return 0;
    size_t done = enqueue(s, m);
    if (done == 0)
        return -EAGAIN;
    if ((flags & MSG_OOB) && done == length)
        promise_urgent(s, c, now);
    stream_added(s, done, (flags & MSG_MORE) != 0, now);
    return (ssize_t)done;
}

void stream_push(struct socket *s, int64_t now)
{
    struct tcp *c = connection(s);
    if (c && s->stream.connected)
        promise(s, c, true, now);
}

void stream_uncork(struct socket *s, int64_t now)
{
    struct tcp *c = connection(s);
    s->stream.hold = false;
    if (c)
        tell_more(s, c);
    stream_push(s, now);
}

/* ---- receiving ---- */

static bool mark_here(const struct stream *st) { return st->urgent && st->urgent_at == st->in.base; }

/* Bytes that one read may take: up to the urgent one, which comes by MSG_OOB. */
static uint64_t readable(const struct socket *s)
{
    const struct stream *st = &s->stream;
    uint64_t n = outq_length(&st->in);
    if (st->urgent && st->urgent_at > st->in.base)
        n = min_u64(n, st->urgent_at - st->in.base);
    return n;
}

void stream_consumed(struct socket *s, uint64_t n, int64_t now)
{
    struct tcp *c = connection(s);
    if (!c)
        return;
    tuning_read(s, c, now);
    tcp_consumed(s->layer->tcp, c, (uint32_t)n, now);
}

static void trim_in(struct socket *s, uint64_t n, int64_t now)
{
    outq_trim(&s->stream.in, &s->layer->buffers, s->stream.in.base + n);
    stream_consumed(s, n, now);
}

/* The reader is at the mark: the urgent byte is skipped unless it is to come in line, and the mark is behind. */
static void pass_mark(struct socket *s, int64_t now)
{
    struct stream *st = &s->stream;
    if (!mark_here(st) || outq_length(&st->in) == 0)
        return;
    st->urgent = st->urgent_valid = false;
    if (!s->oob_inline)
        trim_in(s, 1, now);
}

/* As tcp_recv_urg() of Linux. */
static ssize_t receive_urgent(struct socket *s, const struct msghdr *m, size_t length, int flags)
{
    struct stream *st = &s->stream;
    if (s->oob_inline || !st->urgent || st->urgent_read)
        return -EINVAL;
    if (!st->urgent_valid)
        return st->fin || s->shut_read || st->ended ? 0 : -EAGAIN;
    if (length > 0)
        message_put(m, 0, &st->urgent_byte, 1);
    if (!(flags & MSG_PEEK)) {
        st->urgent_valid = false;
        st->urgent_read = true;
    }
    return length > 0;
}

ssize_t stream_no_data(struct socket *s)
{
    const struct stream *st = &s->stream;
    if (st->fin)
        return 0;
    if (s->error)
        return socket_take_error(s);
    if (s->shut_read || (st->connected && st->ended))
        return 0;
    return st->connected || st->connecting ? -EAGAIN : -ENOTCONN;
}

static size_t copy_out(struct socket *s, const struct msghdr *m, size_t n)
{
    size_t done = 0;
    for (size_t i = 0; i < m->msg_iovlen && done < n; i++) {
        size_t part = min_size(m->msg_iov[i].iov_len, n - done);
        (void)outq_read(&s->stream.in, &s->layer->buffers, s->stream.in.base + done, m->msg_iov[i].iov_base, part,
                        NULL);
        done += part;
    }
    return done;
}

static ssize_t stream_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now)
{
    m->msg_flags = 0;
    m->msg_controllen = 0;
    m->msg_namelen = 0;
    if (s->stream.listening)
        return -ENOTCONN;
    if (flags & MSG_OOB)
        return receive_urgent(s, m, length, flags);
    if (!(flags & MSG_PEEK))
        pass_mark(s, now);
    size_t n = min_size(readable(s), length);
    if (n == 0)
        return length == 0 && outq_length(&s->stream.in) > 0 ? 0 : stream_no_data(s);
    if (!(flags & MSG_TRUNC)) /* tcp(7): the bytes are discarded */
        n = copy_out(s, m, n);
    if (!(flags & MSG_PEEK)) {
        trim_in(s, n, now);
        s->layer->counters.bytes_received += n;
    }
    return (ssize_t)n;
}

/* ---- ending ---- */

/* Data that nobody read, or SO_LINGER of 0: the peer gets an RST. */
static bool ends_hard(const struct socket *s)
{
    return s->linger_s == 0 || (outq_length(&s->stream.in) > 0 && !s->stream.ended);
}

/* From now on FIN-WAIT-2 has a limit, as nobody waits for the peer's data. */
static void limit_orphan(struct socket *s, int64_t now)
{
    struct tcp_profile p = *profile_of(s);
    p.fin_wait_2_ns = ORPHAN_NS;
    if (profile_set(s, &p, now) < 0)
        s->layer->counters.drop_no_memory++; /* it keeps the profile that it has, without limit */
}

void stream_drop(struct socket *s, int64_t now)
{
    struct tcp *c = connection(s);
    s->orphan = true;
    if (!c)
        stream_free(s);
    else
        tcp_abort(s->layer->tcp, c, now); /* its closed() gives the socket back */
}

bool stream_is_sending(const struct socket *s)
{
    struct tcp *c = s->kind == &stream_kind ? connection(s) : NULL;
    return c && outq_length(&s->stream.out) + (tcp_state_of(c) != TCP_FIN_WAIT_2) > 0;
}

static void stream_close(struct socket *s, int64_t now)
{
    struct tcp *c = connection(s);
    if (s->stream.listening)
        stream_unlisten(s, now);
    if (!c || ends_hard(s)) {
        s->layer->counters.reset_unread += c != NULL && s->linger_s != 0;
        stream_drop(s, now);
        return;
    }
    outq_clear(&s->stream.in, &s->layer->buffers);
    s->shut_write = true;
    stream_uncork(s, now);
    limit_orphan(s, now);
    if (connection(s)) /* closed() has freed the socket when that was the end */
        (void)tcp_close(s->layer->tcp, c, now);
}

static int stream_shutdown(struct socket *s, int how, int64_t now)
{
    struct stream *st = &s->stream;
    struct tcp *c = connection(s);
    if (st->listening) {
        if (how == SHUT_WR)
            return 0;
        stream_unlisten(s, now);
        socket_notify(s, POLLIN | POLLRDNORM | POLLHUP);
        return 0;
    }
    if ((!st->connected && !st->connecting) || st->ended)
        return -ENOTCONN;
    if (st->connecting)
        return stream_disconnect(s, now);
    s->shut_read |= how != SHUT_WR;
    if (how != SHUT_RD && !s->shut_write) {
        s->shut_write = true;
        stream_uncork(s, now);
        if (c)
            (void)tcp_close(s->layer->tcp, c, now);
    }
    socket_notify(s, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLWRNORM);
    return 0;
}

/* ---- readiness ---- */

static unsigned read_events(const struct socket *s)
{
    const struct stream *st = &s->stream;
    unsigned events = 0;
    if (st->fin || s->shut_read || st->ended)
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (readable(s) >= s->low_water || (mark_here(st) && outq_length(&st->in) > 1))
        events |= POLLIN | POLLRDNORM;
    if (st->urgent_valid || (st->urgent && s->oob_inline))
        events |= POLLPRI;
    return events;
}

/* As tcp_poll() of Linux. */
static unsigned stream_ready(const struct socket *s)
{
    const struct stream *st = &s->stream;
    unsigned events = s->error ? POLLERR : 0;
    if (st->listening)
        return st->first ? POLLIN | POLLRDNORM : 0;
    if (st->connecting)
        return events;
    if (st->failed)
        return events | POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLWRNORM | POLLHUP;
    if (!st->connected || st->ended || ((st->fin || s->shut_read) && s->shut_write))
        events |= POLLHUP;
    if (!st->connected && !s->error)
        return events | POLLOUT | POLLWRNORM;
    events |= read_events(s);
    if (s->shut_write || st->ended || writable(s))
        events |= POLLOUT | POLLWRNORM;
    return events;
}

static int stream_ioctl(const struct socket *s, unsigned long request, int *value)
{
    const struct stream *st = &s->stream;
    if (st->listening && request != SIOCATMARK)
        return -EINVAL;
    switch (request) {
    case SIOCINQ: /* FIONREAD */
        *value = (int)readable(s);
        return 0;
    case SIOCOUTQ:
        *value = (int)outq_length(&st->out);
        return 0;
    case SIOCOUTQNSD:
        *value = (int)(st->out.end - st->promised);
        return 0;
    case SIOCATMARK:
        *value = mark_here(st);
        return 0;
    default:
        return -ENOTTY;
    }
}

static int stream_bind(struct socket *s, uint16_t port, int64_t now)
{
    (void)now;
    return port_take(s, PORTS_STREAM, port);
}

const struct socket_kind stream_kind = {.open = stream_open,
                                        .close = stream_close,
                                        .bind = stream_bind,
                                        .listen = stream_listen,
                                        .accept = stream_accept,
                                        .connect = stream_connect,
                                        .disconnect = stream_disconnect,
                                        .send = stream_send,
                                        .receive = stream_receive,
                                        .shutdown = stream_shutdown,
                                        .ready = stream_ready,
                                        .ioctl = stream_ioctl};

/* ---- callbacks of TCP ---- */

/* Whose connection it is; NULL: of nobody any more, or an embryo, whose word is its listener's. */
static struct socket *socket_of(const struct socket_layer *l, const struct tcp *c)
{
    struct socket *s = socket_of_word(l, tcp_word(c));
    struct tcp_ref ref = tcp_ref_of(l->tcp, c);
    return s && s->stream.ref.index == ref.index && s->stream.ref.generation == ref.generation ? s : NULL;
}

static void on_connected(void *context, struct tcp *c, int64_t now)
{
    struct socket_layer *l = context;
    struct socket *s = socket_of(l, c);
    if (!s) {
        listen_connected(l, c, now);
        return;
    }
    const struct flow_key *key = tcp_key(c);
    s->remote = (struct endpoint){.ip = key->remote, .port = key->remote_port};
    s->stream.connecting = false;
    s->stream.connected = true;
    socket_notify(s, POLLOUT | POLLWRNORM);
}

static void on_fin(struct socket *s)
{
    s->stream.fin = true;
    listen_ready(s);
    socket_notify(s, POLLIN | POLLRDNORM | POLLRDHUP);
}

/* The urgent byte, once it is there, can be had out of band. */
static void take_urgent(struct socket *s)
{
    struct stream *st = &s->stream;
    bool here = st->urgent && !st->urgent_read && st->in.end > st->urgent_at && st->in.base <= st->urgent_at;
    if (here && !st->urgent_valid && !s->oob_inline)
        st->urgent_valid = outq_read(&st->in, &s->layer->buffers, st->urgent_at, &st->urgent_byte, 1, NULL) == 1;
}

/* A frame that is mostly payload is kept itself as long as its home allows; anything else is copied. */
static int take_received(struct socket_layer *l, struct outq *in, const uint8_t *bytes, uint32_t length)
{
    struct packet *p = tcp_received_packet(l->tcp);
    if (!p || length < p->size / 2 || p->home->held >= p->home->held_max)
        return outq_copy(in, &l->buffers, bytes, length);
    int e = outq_attach(in, &l->buffers, bytes, length, p);
    if (e == 0)
        (void)packet_keep(p, (uint32_t)(bytes - p->data), length, NULL);
    return e;
}

static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct socket_layer *l = context;
    struct socket *s = socket_of(l, c);
    if (length == 0) {
        if (s)
            on_fin(s);
        return;
    }
    if (!s || s->orphan) {
        tcp_abort(l->tcp, c, now);
        return;
    }
    struct stream *st = &s->stream;
    if (take_received(l, &st->in, bytes, length) != 0) {
        l->counters.drop_no_memory++;
        s->error = ENOBUFS;
        tcp_abort(l->tcp, c, now);
        return;
    }
    take_urgent(s);
    listen_ready(s);
    socket_notify(s, POLLIN | POLLRDNORM | (st->urgent_valid ? POLLPRI : 0u));
}

/* Linux's reading of the pointer (tcp_urg): the urgent byte is the one before the mark. */
static void on_urgent(void *context, struct tcp *c, uint64_t mark, int64_t now)
{
    (void)now;
    struct socket *s = socket_of(context, c);
    if (!s || mark == 0)
        return;
    s->stream.urgent = true;
    s->stream.urgent_valid = s->stream.urgent_read = false;
    s->stream.urgent_at = mark - 1;
    take_urgent(s);
    socket_notify(s, POLLPRI);
}

static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct socket_layer *l = context;
    struct socket *s = socket_of_word(l, tcp_word(c));
    return s ? outq_read(&s->stream.out, &l->buffers, offset, to, length, sum) : 0;
}

/*
 * Large frames carry the queue's own bytes. That is safe because frames with pieces go only to drivers that are done with them when the turn is over
 * (LINK_CAP_SCATTER: af_packet and tap), and nothing is acknowledged, closed or copied between filling a frame and sending it.
 */
static unsigned on_lend(void *context, struct tcp *c, uint64_t offset, size_t length, struct packet_frag *pieces,
                        unsigned max)
{
    struct socket_layer *l = context;
    struct socket *s = socket_of_word(l, tcp_word(c));
    struct outq_piece found[PACKET_MAX_FRAGS];
    unsigned n =
        s ? outq_pieces(&s->stream.out, &l->buffers, offset, length, found, min_u32(max, PACKET_MAX_FRAGS)) : 0;
    for (unsigned i = 0; i < n; i++)
        pieces[i] = (struct packet_frag){.bytes = found[i].bytes, .length = found[i].length};
    return n;
}

static void on_acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    struct socket *s = socket_of(l, c);
    if (!s)
        return;
    bool before = writable(s);
    tuning_acked(s, c);
    l->acknowledging = true;
    outq_trim(&s->stream.out, &l->buffers, offset);
    l->acknowledging = false;
    if (!before && writable(s) && !s->orphan)
        socket_notify(s, POLLOUT | POLLWRNORM);
}

static void on_deadline(void *context, struct tcp *c, int64_t now)
{
    struct socket *s = socket_of(context, c);
    if (!s)
        return;
    s->stream.push_at = TIME_NEVER;
    s->stream.hold = false;
    listen_ready(s);
    promise(s, c, true, now);
}

static int error_of(const struct socket *s, enum tcp_close_reason reason)
{
    switch (reason) {
    case TCP_CLOSE_RESET: /* tcp_reset() */
        return s->stream.fin ? EPIPE : ECONNRESET;
    case TCP_CLOSE_REFUSED:
        return ECONNREFUSED;
    case TCP_CLOSE_TIMEOUT:
        return ETIMEDOUT;
    case TCP_CLOSE_UNREACHABLE:
        return EHOSTUNREACH;
    case TCP_CLOSE_NO_MEMORY:
        return ENOBUFS;
    case TCP_CLOSE_ABORTED: /* not by its user: its address is ours no more */
        return ECONNABORTED;
    case TCP_CLOSE_NORMAL:
    case TCP_CLOSE_REASON_COUNT:
        break;
    }
    return 0;
}

static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)now;
    struct socket *s = socket_of(context, c);
    if (!s)
        return;
    struct stream *st = &s->stream;
    bool connecting = st->connecting;
    if (!s->error)
        s->error = error_of(s, reason);
    st->ref = (struct tcp_ref){0, 0};
    st->ended = true;
    if (s->orphan) {
        stream_free(s);
        return;
    }
    outq_clear(&st->out, &s->layer->buffers); /* nobody gets it any more */
    listen_ready(s);                          /* nobody knows it yet; Linux lets accept have it, and so do we */
    if (connecting) {
        forget_connection(s);
        st->failed = true;
    }
    socket_notify(s, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLWRNORM | POLLHUP | (s->error ? POLLERR : 0));
}

const struct tcp_user stream_user = {.admit = listen_admit,
                                     .connected = on_connected,
                                     .received = on_received,
                                     .urgent = on_urgent,
                                     .pull = on_pull,
                                     .lend = on_lend,
                                     .acked = on_acked,
                                     .deadline = on_deadline,
                                     .closed = on_closed};
