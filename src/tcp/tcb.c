/* SPDX-License-Identifier: MIT */
/*
 * Life of a connection record and its work: see tcb.h.
 */
#include "tcp/tcb.h"

#include "tcp/plpmtud.h"
#include "tcp/reassembly.h"
#include "tcp/receive.h"
#include "tcp/reclaim.h"
#include "tcp/sent.h"
#include "tcp/timers.h"
#include "tcp/urgent.h"

const char *tcp_state_name(enum tcp_state state)
{
    static const char *const names[TCP_STATE_COUNT] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                                       "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                                       "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
    return (unsigned)state < TCP_STATE_COUNT ? names[state] : "?";
}

const char *tcp_close_reason_name(enum tcp_close_reason reason)
{
    static const char *const names[TCP_CLOSE_REASON_COUNT] = {"normal",      "reset",   "refused",  "timeout",
                                                              "unreachable", "aborted", "no_memory"};
    return (unsigned)reason < TCP_CLOSE_REASON_COUNT ? names[reason] : "?";
}

void tcp_set_state(struct tcp_layer *t, struct tcp *c, enum tcp_state state, int64_t now, const char *cause)
{
    TRACE(t->settings.trace, TRACE_TCP, now, "connection %u: %s -> %s: %s", tcp_index(t, c), tcp_state_name(c->state),
          tcp_state_name(state), cause);
    if (state == TCP_ESTABLISHED) {
        c->flags |= TCPF_CONNECTED;
        t->counters.established++;
        t->users[c->user].accepted += (c->flags & TCPF_PASSIVE) != 0;
    }
    c->state = state & 15u;
}

struct tcp_work *tcp_attach(struct tcp_layer *t, struct tcp *c)
{
    if (c->work)
        return pool_at(&t->works, c->work);
    uint32_t index = pool_get(&t->works);
    if (index == POOL_NONE) {
        t->counters.drop_no_work++;
        reclaim_wanted(t);
        return NULL;
    }
    struct tcp_work *w = pool_at(&t->works, index);
    memset(w, 0, sizeof *w);
    w->owner = tcp_index(t, c);
    w->promised = c->acked;
    w->snd_wl1 = c->rcv_nxt;
    w->snd_wl2 = c->snd_una;
    w->last_ack_sent = c->rcv_nxt;
    w->recover = seq_sub(c->snd_una, 1);
    sent_init(w, c->snd_nxt);
    timers_init(w);
    c->work = index;
    return w;
}

void tcp_detach(struct tcp_layer *t, struct tcp *c)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!w)
        return;
    tcp_list_remove(t, w);
    sent_release(t, w);
    plpmtud_release(t, w);
    receive_release(t, w);
    pool_put(&t->works, c->work);
    c->work = POOL_NONE;
}

/* I2: nothing in flight, promised, owed, buffered or timed. */
static bool work_is_idle(const struct tcp *c, const struct tcp_work *w)
{
    bool quiet_state = c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT || c->state == TCP_FIN_WAIT_2;
    bool fin_waits = (c->flags & (TCPF_CLOSE | TCPF_FIN_SENT)) == TCPF_CLOSE;
    return quiet_state && !fin_waits && seq_eq(c->snd_una, c->snd_nxt) && w->promised == c->acked && w->want == 0 &&
           w->acks_owed == 0 && !w->ooo && !w->ooo_fin && !w->on && w->retransmit_at == TIME_NEVER &&
           w->ack_at == TIME_NEVER && w->fin_wait_at == TIME_NEVER && !w->keepalive && w->challenge_until == 0 &&
           w->mtu_search == POOL_NONE && !urgent_pending(c, w) && seq_eq(w->dsack_left, w->dsack_right);
}

void tcp_park_if_idle(struct tcp_layer *t, struct tcp *c)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    if (w && !(c->flags & TCPF_DEAD) && work_is_idle(c, w))
        tcp_detach(t, c);
}

static void init_record(struct tcp *c, const struct tcp_profile *p, unsigned user, const struct flow_key *key,
                        const struct tcp_path *path)
{
    uint32_t generation = c->generation;
    memset(c, 0, sizeof *c);
    c->key = *key;
    c->generation = generation;
    c->user = user & (TCP_MAX_USERS - 1);
    c->path = path->id;
    c->link = path->link & 15u;
    uint32_t limit = p->mss ? max_u32(p->mss, p->min_mss) : UINT16_MAX;
    c->snd_mss = (uint16_t)min_u32(max_u32(path->mtu - tcp_fixed_headers(&key->remote), p->min_mss), limit);
    c->rcv_mss = (uint16_t)min_u32(max_u32(path->link_mtu - tcp_fixed_headers(&key->remote), p->min_mss), limit);
    c->receive_wscale = tcp_receive_wscale(p) & 15u;
}

void tcp_count_user(struct tcp_layer *t, const struct tcp *c, unsigned user)
{
    struct tcp_registered *u = &t->users[c->user];
    if (user < TCP_MAX_USERS)
        t->users[user].connections++;
    if (--u->connections == 0 && u->retired)
        u->calls = NULL; /* the profile stays for those in TIME_WAIT */
}

struct tcp *tcp_record_new(struct tcp_layer *t, unsigned user, const struct flow_key *key, uint32_t hash, int *error)
{
    struct tcp_path path;
    *error = t->lower->path_open(t->lower_context, key->local, &key->remote, &path);
    if (*error < 0) {
        t->counters.drop_no_path++;
        return NULL;
    }
    *error = ERR_NO_MEMORY;
    uint32_t index = pool_get(&t->records);
    if (index == POOL_NONE) {
        t->counters.drop_no_record++;
        t->lower->path_close(t->lower_context, path.id);
        return NULL;
    }
    struct tcp *c = tcp_at(t, index);
    t->gso_max[path.link] = path.gso_max;
    init_record(c, &t->users[user].profile, user, key, &path);
    t->users[user].connections++;
    struct tcp_work *w = tcp_attach(t, c);
    if (!w || table_add(&t->table, hash, index) != 0) {
        tcp_record_discard(t, c, hash);
        return NULL;
    }
    w->hash = hash;
    *error = 0;
    return c;
}

void tcp_record_discard(struct tcp_layer *t, struct tcp *c, uint32_t hash)
{
    uint32_t index = tcp_index(t, c);
    table_remove(&t->table, hash, index);
    tcp_detach(t, c);
    tcp_count_user(t, c, TCP_MAX_USERS);
    t->lower->path_close(t->lower_context, c->path);
    pool_put(&t->records, index);
}

static void leave_listener(struct tcp_layer *t, struct tcp *c)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (!w || w->listener == POOL_NONE)
        return;
    ((struct tcp_listener *)pool_at(&t->listeners, w->listener))->embryos--;
    w->listener = POOL_NONE;
}

static void end_for_user(struct tcp_layer *t, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct tcp_registered *u = &t->users[c->user];
    leave_listener(t, c);
    table_remove(&t->table, tcp_hash_of(t, c), tcp_index(t, c));
    if (c->flags & TCPF_CONNECTED) {
        t->counters.closed++;
        u->accepted -= (c->flags & TCPF_PASSIVE) != 0;
    }
    c->flags |= TCPF_DEAD;
    tcp_set_state(t, c, TCP_CLOSED, now, tcp_close_reason_name(reason));
    u->calls->closed(u->context, c, reason, now);
    c->generation++;
}

void tcp_bury(struct tcp_layer *t, struct tcp *c)
{
    c->word = t->dead;
    t->dead = tcp_index(t, c);
}

void tcp_finish(struct tcp_layer *t, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    if (c->flags & TCPF_DEAD)
        return;
    end_for_user(t, c, reason, now);
    tcp_bury(t, c);
}

void tcp_finish_with_reset(struct tcp_layer *t, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    if (c->flags & TCPF_DEAD)
        return;
    struct tcp_work *w = c->state == TCP_SYN_SENT ? NULL : tcp_attach(t, c);
    end_for_user(t, c, reason, now);
    if (!w) {
        tcp_bury(t, c);
        return;
    }
    c->flags |= TCPF_LINGERS;
    w->want = WANT_RST;
    tcp_mark(t, c, w);
}

void tcp_bury_dead(struct tcp_layer *t)
{
    while (t->dead != POOL_NONE) {
        struct tcp *c = tcp_at(t, t->dead);
        uint32_t index = t->dead;
        t->dead = (uint32_t)c->word;
        tcp_detach(t, c);
        tcp_count_user(t, c, TCP_MAX_USERS);
        t->lower->path_close(t->lower_context, c->path);
        pool_put(&t->records, index);
    }
}

static void check_sent(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w)
{
    uint32_t sacked = 0, lost = 0, retrans = 0;
    struct seq at = c->snd_una;
    if (state_embryonic(c->state))
        return;
    for (const struct sent_record *r = &w->first; r; r = sent_next(t, r)) {
        assert(seq_eq(r->start, at));
        at = r->end;
        assert(!(r->flags & SENT_SACKED) || r->flags == SENT_SACKED);
        sacked += r->flags & SENT_SACKED ? sent_bytes(r) : 0;
        lost += r->flags & SENT_LOST ? sent_bytes(r) : 0;
        retrans += r->flags & SENT_RETRANS ? sent_bytes(r) : 0;
    }
    assert(seq_eq(at, c->snd_nxt));                                          /* I3 */
    assert(sacked == w->sacked && lost == w->lost && retrans == w->retrans); /* I4 */
    (void)sacked, (void)lost, (void)retrans, (void)at;
}

/* I4: those on their way, and no others, are linked in order of sending. */
static void check_order(const struct tcp_layer *t, struct tcp_work *w)
{
    uint32_t linked = 0, flying = 0, older = SENT_NONE;
    for (const struct sent_record *r = &w->first; r && !sent_empty(w); r = sent_next(t, r))
        flying += sent_on_its_way(r);
    for (uint32_t i = w->oldest; i != SENT_NONE; i = sent_at(t, w, i)->newer, linked++) {
        assert(sent_on_its_way(sent_at(t, w, i)) && sent_at(t, w, i)->older == older && linked < flying);
        older = i;
    }
    assert(linked == flying && w->newest == older);
    (void)linked, (void)flying, (void)older;
}

void tcp_check(const struct tcp_layer *t, const struct tcp *c)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    if (c->state == TCP_CLOSED)
        return;
    assert(seq_le(c->snd_una, c->snd_nxt));                                  /* I1 */
    assert(!state_synchronized(c->state) || seq_le(c->rcv_nxt, c->rcv_adv)); /* I8 */
    assert(!(c->flags & TCPF_FIN_SENT) || (c->flags & TCPF_CLOSE));          /* I6 */
    if (!w) {
        assert(seq_eq(c->snd_una, c->snd_nxt) && !state_embryonic(c->state)); /* I2 */
        return;
    }
    assert(w->owner == tcp_index(t, c));
    assert(!(c->flags & TCPF_FIN_SENT) || seq_eq(c->snd_una, c->snd_nxt) ||
           w->promised - c->acked + 1 == seq_len(c->snd_una, c->snd_nxt)); /* I6 */
    check_sent(t, c, w);
    check_order(t, tcp_work_of(t, c));
    reassembly_check(c, w);
}
