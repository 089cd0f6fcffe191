/* SPDX-License-Identifier: MIT */
/*
 * Listeners and their embryos: RFC 9293 3.10.7.2. An embryo is a full record from the start; a listener has at most profile.syn_queue of them.
 */
#include "tcp/input.h"
#include "tcp/layer.h"
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

struct tcp_listener *tcp_find_listener(const struct tcp_layer *t, uint32_t local, uint16_t port)
{
    if (t->listeners.used == 0)
        return NULL;
    struct tcp_listener *l = find_exact(t, local, port);
    return l ? l : find_exact(t, TCP_ANY_LOCAL, port);
}

int tcp_listen(struct tcp_layer *t, unsigned user, uint32_t local, uint16_t port)
{
    if (port == 0 || user >= t->n_users)
        return ERR_INVALID;
    if (find_exact(t, local, port))
        return ERR_IN_USE;
    uint32_t index = pool_get(&t->listeners);
    if (index == POOL_NONE)
        return ERR_NO_SPACE;
    struct tcp_listener *l = pool_at(&t->listeners, index);
    *l = (struct tcp_listener){.local = local, .port = port, .user = (uint8_t)user};
    if (table_add(&t->listen_table, listen_hash(t, local, port), index) == 0)
        return 0;
    pool_put(&t->listeners, index);
    return ERR_NO_SPACE;
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

/* A record in SYN-RECEIVED that will answer with a SYN-ACK; none when a pool is empty or the user does not admit it. */
static void open_passively(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *s, int64_t now)
{
    const struct tcp_registered *u = &t->users[l->user];
    const struct tcp_listener asked = *l;
    int error;
    struct tcp *c = tcp_record_new(t, l->user, &s->key, s->hash, &error);
    if (!c)
        return;
    if (u->calls->admit && u->calls->admit(u->context, &s->key, &c->word) != 0) {
        t->counters.drop_not_admitted++;
        tcp_record_discard(t, c, s->hash);
        return;
    }
    struct tcp_work *w = tcp_work_of(t, c);
    struct wire_tcp_options o;
    wire_tcp_options_parse(s->options, s->h.header_len - WIRE_TCP_MIN, &o);
    c->flags = TCPF_PASSIVE;
    c->snd_una = c->snd_nxt = tcp_initial_sequence(t, &s->key, now);
    l = find_exact(t, asked.local, asked.port); /* admit may have closed it */
    if (l && l->user == c->user) {
        w->listener = pool_index(&t->listeners, l);
        l->embryos++;
    }
    t->counters.passive_opens++;
    input_take_syn(t, c, w, s, &o, now);
    tcp_set_state(t, c, TCP_SYN_RCVD, now, "SYN received");
    w->want |= WANT_SYN;
    tcp_mark(t, c, w);
    if (w->listener == POOL_NONE)
        tcp_finish_with_reset(t, c, TCP_CLOSE_ABORTED, now);
}

void tcp_listen_input(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *s, int64_t now)
{
    const struct tcp_registered *u = &t->users[l->user];
    uint16_t flags = s->h.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
    if (flags & TCP_RST) { /* first */
        t->counters.drop_no_connection++;
    } else if (flags & TCP_ACK) { /* second */
        t->counters.drop_no_connection++;
        segment_reply_reset(t, s);
    } else if (flags != TCP_SYN) { /* third, fourth; SYN with FIN is dropped as Linux does */
        t->counters.drop_bad_flags++;
    } else if (s->key.remote_port == 0) {
        t->counters.drop_port_zero++;
    } else if (l->embryos >= u->profile.syn_queue) {
        t->counters.drop_syn_queue_full++;
    } else {
        open_passively(t, l, s, now);
    }
}
