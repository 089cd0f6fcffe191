/* SPDX-License-Identifier: MIT */
/*
 * Listeners and their embryos: RFC 9293 3.10.7.2. An embryo is a full record from the start; a listener has at most
 * profile.syn_queue of them.
 */
#include "tcp/cookie.h"
#include "tcp/input.h"
#include "tcp/layer.h"
#include "tcp/reclaim.h"
#include "tcp/segment.h"

static uint32_t listen_hash(const struct tcp_layer *t, uint32_t local, uint16_t port)
{
    uint8_t key[8] = {0};
    memcpy(key, &local, 4);
    memcpy(key + 4, &port, 2);
    return (uint32_t)hash_sip13(&t->settings.secret, key, sizeof key);
}

static struct tcp_listener *find_exact(const struct tcp_layer *t, uint32_t local, uint16_t port)
{
    uint32_t hash = listen_hash(t, local, port);
    uint32_t index;
    for (uint32_t at = hash; (index = table_next(&t->listen_table, hash, &at)) != 0;) {
        struct tcp_listener *l = pool_at(&t->listeners, index);
        if (l->local == local && l->port == port)
            return l;
    }
    return NULL;
}

struct tcp_listener *tcp_find_listener(const struct tcp_layer *t, const struct flow_key *key)
{
    struct tcp_listener *l = NULL;
    for (unsigned i = 0; i < TCP_LISTEN_WAYS && !l && t->listeners.used != 0; i++)
        l = find_exact(t, tcp_listen_way(key, i), key->local_port);
    return l;
}

int tcp_listen(struct tcp_layer *t, unsigned user, uint32_t local, uint16_t port)
{
    if (port == 0 || !tcp_user_known(t, user))
        return ERR_INVALID;
    if (find_exact(t, local, port))
        return ERR_IN_USE;
    uint32_t index = pool_get(&t->listeners);
    if (index == POOL_NONE)
        return ERR_NO_SPACE;
    struct tcp_listener *l = pool_at(&t->listeners, index);
    *l = (struct tcp_listener){.local = local, .port = port, .user = (uint16_t)user};
    if (table_add(&t->listen_table, listen_hash(t, local, port), index) == 0)
        return 0;
    pool_put(&t->listeners, index);
    return ERR_NO_SPACE;
}

int tcp_listener_set_user(struct tcp_layer *t, uint32_t local, uint16_t port, unsigned user)
{
    struct tcp_listener *l = find_exact(t, local, port);
    if (!l)
        return ERR_NOT_FOUND;
    if (!tcp_user_known(t, user))
        return ERR_INVALID;
    l->user = (uint16_t)user;
    return 0;
}

int tcp_unlisten(struct tcp_layer *t, uint32_t local, uint16_t port, int64_t now)
{
    struct tcp_listener *l = find_exact(t, local, port);
    if (!l)
        return ERR_NOT_FOUND;
    uint32_t index = pool_index(&t->listeners, l);
    for (uint32_t i = 1; i <= t->records.touched && l->embryos > 0; i++) {
        struct tcp *c = tcp_at(t, i);
        const struct tcp_work *w = c->state == TCP_SYN_RCVD ? tcp_work_of(t, c) : NULL;
        if (w && w->listener == index)
            tcp_finish_with_reset(t, c, TCP_CLOSE_ABORTED, now);
    }
    table_remove(&t->listen_table, listen_hash(t, local, port), index);
    pool_put(&t->listeners, index);
    return 0;
}

bool tcp_accept_full(struct tcp_layer *t, unsigned user)
{
    const struct tcp_registered *u = &t->users[user];
    bool full = u->profile.accept_limit > 0 && u->accepted >= u->profile.accept_limit;
    t->counters.drop_accept_full += full;
    return full;
}

/* A record that its user admitted, or NULL: there are enough, a pool is empty or the user refused. */
static struct tcp *admit(struct tcp_layer *t, const struct tcp_listener *l, const struct tcp_segment *s)
{
    const struct tcp_registered *u = &t->users[l->user];
    int error;
    if (tcp_accept_full(t, l->user))
        return NULL;
    struct tcp *c = tcp_record_new(t, l->user, &s->key, s->hash, &error);
    if (!c && t->records.used == t->records.capacity)
        reclaim_wanted(t);
    if (!c)
        return NULL;
    if (u->calls->admit && u->calls->admit(u->context, &s->key, &c->word) != 0) {
        t->counters.drop_not_admitted++;
        tcp_record_discard(t, c, s->hash);
        return NULL;
    }
    c->flags = TCPF_PASSIVE;
    t->counters.passive_opens++;
    return c;
}

/* A record in SYN-RECEIVED that will answer with a SYN-ACK. */
static void open_passively(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *s,
                           const struct wire_tcp_options *o, int64_t now)
{
    const struct tcp_listener asked = *l;
    struct tcp *c = admit(t, l, s);
    if (!c)
        return;
    struct tcp_work *w = tcp_work_of(t, c);
    c->snd_una = c->snd_nxt = tcp_initial_sequence(t, &s->key, now);
    l = find_exact(t, asked.local, asked.port); /* admit may have closed it */
    if (l) {
        w->listener = pool_index(&t->listeners, l);
        l->embryos++;
    }
    input_take_syn(t, c, w, s, o, now);
    tcp_set_state(t, c, TCP_SYN_RCVD, now, "SYN received");
    w->want |= WANT_SYN;
    tcp_mark(t, c, w);
    if (w->listener == POOL_NONE)
        tcp_finish_with_reset(t, c, TCP_CLOSE_ABORTED, now);
}

/*
 * The ACK of a cookie: the connection is made as if its SYN had just been answered, and the ACK goes the usual way,
 * with its data and FIN.
 */
static void open_by_cookie(struct tcp_layer *t, const struct tcp_listener *l, struct tcp_segment *s, int64_t now)
{
    struct tcp_segment syn;
    struct wire_tcp_options o;
    if (!cookie_check(t, l, s, now, &syn, &o)) {
        t->counters.syncookies_failed++;
        segment_reply_reset(t, s, now);
        return;
    }
    t->counters.syncookies_received++;
    struct tcp *c = admit(t, l, s); /* without it, the peer's next segment asks again */
    if (!c)
        return;
    struct tcp_work *w = tcp_work_of(t, c);
    c->snd_una = seq_sub(s->h.ack, 1);
    c->snd_nxt = s->h.ack;
    w->stalled_since = TIME_NEVER;
    input_take_syn(t, c, w, &syn, &o, now);
    tcp_set_state(t, c, TCP_SYN_RCVD, now, "SYN cookie");
    tcp_segment_arrives(t, c, s, now);
}

static void listen_syn(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *s, int64_t now)
{
    const struct tcp_profile *p = &t->users[l->user].profile;
    bool full = l->embryos >= p->syn_queue;
    struct wire_tcp_options o;
    if (!input_parse_options(t, s, &o))
        return;
    if (s->key.remote_port == 0)
        t->counters.drop_port_zero++;
    else if (p->syn_cookies == TCP_COOKIES_ALWAYS || (full && p->syn_cookies == TCP_COOKIES_WHEN_FULL))
        cookie_answer(t, l, s, &o, now);
    else if (full)
        t->counters.drop_syn_queue_full++;
    else
        open_passively(t, l, s, &o, now);
}

static void listen_ack(struct tcp_layer *t, const struct tcp_listener *l, struct tcp_segment *s, int64_t now)
{
    if (!(s->h.flags & TCP_SYN) && cookie_expected(l, now)) {
        open_by_cookie(t, l, s, now);
        return;
    }
    t->counters.drop_no_connection++;
    segment_reply_reset(t, s, now);
}

void tcp_listen_input(struct tcp_layer *t, struct tcp_listener *l, struct tcp_segment *s, int64_t now)
{
    uint16_t flags = s->h.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
    if (flags & TCP_RST) /* first */
        t->counters.drop_no_connection++;
    else if (flags & TCP_ACK) /* second */
        listen_ack(t, l, s, now);
    else if (flags == TCP_SYN) /* third */
        listen_syn(t, l, s, now);
    else /* fourth; SYN with FIN is dropped as Linux does */
        t->counters.drop_bad_flags++;
}
