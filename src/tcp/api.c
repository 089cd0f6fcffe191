/* SPDX-License-Identifier: MIT */
/*
 * The verbs of users: RFC 9293 3.9.1 and 3.10.1 to 3.10.6. See tcp.h.
 */
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/plpmtud.h"
#include "tcp/rack.h"
#include "tcp/rtt.h"
#include "tcp/segment.h"
#include "tcp/timers.h"

struct tcp *tcp_get(struct tcp_layer *t, struct tcp_ref ref)
{
    if (ref.index == POOL_NONE || ref.index > t->records.touched)
        return NULL;
    struct tcp *c = tcp_at(t, ref.index);
    return c->generation == ref.generation && c->state != TCP_CLOSED ? c : NULL;
}

struct tcp_ref tcp_ref_of(const struct tcp_layer *t, const struct tcp *c)
{
    return (struct tcp_ref){tcp_index(t, c), c->generation};
}
uint64_t tcp_word(const struct tcp *c) { return c->word; }
void tcp_set_word(struct tcp *c, uint64_t word) { c->word = word; }
const struct flow_key *tcp_key(const struct tcp *c) { return &c->key; }
enum tcp_state tcp_state_of(const struct tcp *c) { return c->state; }
uint64_t tcp_acked_offset(const struct tcp *c) { return c->acked; }
uint64_t tcp_received_offset(const struct tcp *c) { return c->received; }

uint64_t tcp_promised_offset(const struct tcp_layer *t, const struct tcp *c)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    return w ? w->promised : c->acked;
}

/* The key with its local port settled, or an error. */
static int settle_port(struct tcp_layer *t, struct flow_key *key, uint32_t *hash, int64_t now)
{
    struct tcp_timewait *tw = NULL;
    if (key->local_port == 0 && (key->local_port = tcp_choose_port(t, key, now)) == 0)
        return ERR_NO_PORTS;
    *hash = tcp_flow_hash(t, key);
    if (tcp_lookup(t, key, *hash, &tw) || (tw && !tcp_timewait_expired(tw, now)))
        return ERR_IN_USE;
    if (tw)
        tcp_timewait_forget(t, tw); /* or the table would find the old connection before the new one */
    return 0;
}

int tcp_connect(struct tcp_layer *t, unsigned user, const struct flow_key *wanted, uint64_t word, int64_t now,
                struct tcp_ref *out)
{
    struct flow_key key = *wanted;
    uint32_t hash;
    *out = (struct tcp_ref){0, 0};
    if (!tcp_user_known(t, user) || key.local == TCP_ANY_LOCAL || key.remote_port == 0)
        return ERR_INVALID;
    int e = settle_port(t, &key, &hash, now);
    if (e < 0)
        return e;
    struct tcp *c = tcp_record_new(t, user, &key, hash, &e);
    if (!c)
        return e;
    struct tcp_work *w = tcp_work_of(t, c);
    c->word = word;
    c->snd_una = c->snd_nxt = tcp_initial_sequence(t, &key, now);
    t->counters.active_opens++;
    tcp_set_state(t, c, TCP_SYN_SENT, now, "connect");
    w->want |= WANT_SYN;
    tcp_mark(t, c, w);
    *out = tcp_ref_of(t, c);
    return 0;
}

int tcp_send(struct tcp_layer *t, struct tcp *c, uint64_t bytes, int64_t now)
{
    if (c->flags & (TCPF_CLOSE | TCPF_DEAD))
        return ERR_CLOSED;
    if (seq_eq(c->snd_una, c->snd_nxt) && tcp_promised_offset(t, c) == c->acked)
        congestion_restart_after_idle(t, c, now);
    struct tcp_work *w = tcp_attach(t, c);
    if (!w)
        return ERR_NO_MEMORY;
    w->promised += bytes;
    tcp_mark(t, c, w);
    return 0;
}

void tcp_more_follows(struct tcp_layer *t, struct tcp *c, bool more)
{
    struct tcp_work *w = tcp_work_of(t, c);
    if (w && !(c->flags & (TCPF_CLOSE | TCPF_DEAD)))
        w->more = more;
}

int tcp_close(struct tcp_layer *t, struct tcp *c, int64_t now)
{
    if (c->flags & (TCPF_CLOSE | TCPF_DEAD))
        return 0;
    if (c->state == TCP_SYN_SENT) { /* 3.10.4: the connection goes without a word */
        tcp_finish(t, c, TCP_CLOSE_ABORTED, now);
        return 0;
    }
    struct tcp_work *w = tcp_attach(t, c);
    if (!w) {
        tcp_finish(t, c, TCP_CLOSE_NO_MEMORY, now);
        return ERR_NO_MEMORY;
    }
    c->flags |= TCPF_CLOSE;
    w->more = false;
    tcp_mark(t, c, w);
    return 0;
}

unsigned tcp_user_of(const struct tcp *c) { return c->user; }

void tcp_set_user(struct tcp_layer *t, struct tcp *c, unsigned user, int64_t now)
{
    assert(tcp_user_known(t, user) && t->users[user].calls == t->users[c->user].calls);
    if ((c->flags & TCPF_DEAD) || user == c->user)
        return;
    if ((c->flags & TCPF_PASSIVE) && (c->flags & TCPF_CONNECTED)) {
        t->users[c->user].accepted--;
        t->users[user].accepted++;
    }
    bool other = t->users[user].profile.congestion != tcp_profile_of(t, c)->congestion;
    tcp_count_user(t, c, user);
    c->user = user & (TCP_MAX_USERS - 1);
    timers_profile_changed(t, c, now);
    struct tcp_work *w = tcp_work_of(t, c);
    if (!w)
        return;
    if (other) {
        w->growth = (struct growth_state){0};
        w->undo.possible = false;
    }
    tcp_mark(t, c, w); /* what Nagle or a window held back may go */
}

void tcp_abort(struct tcp_layer *t, struct tcp *c, int64_t now) { tcp_finish_with_reset(t, c, TCP_CLOSE_ABORTED, now); }

void tcp_consumed(struct tcp_layer *t, struct tcp *c, uint32_t n, int64_t now)
{
    (void)now;
    assert(n <= c->unconsumed);
    c->unconsumed -= n;
    uint32_t advertised = seq_gt(c->rcv_adv, c->rcv_nxt) ? seq_len(c->rcv_nxt, c->rcv_adv) : 0;
    uint32_t buffer = tcp_profile_of(t, c)->receive_buffer;
    uint32_t low =
        max_u32(buffer / 4, min_u32(buffer / 2, c->rcv_mss)); /* below it, the peer may wait: RFC 9293 3.8.6.2.1 */
    /* The peer hears of new room with the next ACK, unless it may be waiting for it: then of a 16th of the buffer at least, or a program that reads less at a
     * time gets as small segments, each with an ACK of its own. */
    if (advertised >= low || !state_receives(c->state) || segment_window(t, c) < advertised + max_u32(buffer / 16, 1))
        return;
    struct tcp_work *w = tcp_attach(t, c);
    if (w) {
        w->want |= WANT_ACK;
        tcp_mark(t, c, w);
    }
}

void tcp_set_deadline(struct tcp_layer *t, struct tcp *c, int64_t at, int64_t now)
{
    timers_user_deadline(t, c, at, now);
}

void tcp_get_info(const struct tcp_layer *t, const struct tcp *c, struct tcp_info *out)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    *out = (struct tcp_info){.state = c->state,
                             .mss = c->snd_mss,
                             .cwnd_bytes = c->cwnd,
                             .ssthresh_bytes = c->ssthresh,
                             .in_flight_bytes = w ? sent_in_flight(c, w) : 0,
                             .send_window = c->snd_wnd,
                             .advertised_mss = c->rcv_mss,
                             .unacked_bytes = seq_len(c->snd_una, c->snd_nxt),
                             .sacked_bytes = w ? w->sacked : 0,
                             .lost_bytes = w ? w->lost : 0,
                             .again_bytes = w ? w->retrans : 0,
                             .retries = w && !w->persist ? w->retries : 0,
                             .probes = w && w->persist ? w->retries : 0,
                             .backoff = w && w->persist ? w->probe_backoff : c->backoff,
                             .receive_window = segment_window(t, c),
                             .srtt_ns = (int64_t)(c->srtt_us / 8) * NS_PER_US,
                             .rttvar_ns = c->srtt_us ? (int64_t)(c->rttvar_us / 4) * NS_PER_US : 0,
                             .rto_ns =
                                 rtt_timeout(c, tcp_profile_of(t, c), w && w->persist ? w->probe_backoff : c->backoff),
                             .min_rtt_ns = w ? rack_min_us(c, w) * NS_PER_US : 0,
                             .bytes_acked = c->acked,
                             .bytes_received = c->received,
                             .retransmits = c->retransmits,
                             .parked = tcp_parked(c),
                             .timestamps = (c->flags & TCPF_TIMESTAMPS) != 0,
                             .sack = (c->flags & TCPF_SACK) != 0,
                             .ecn = (c->ecn & ECN_ON) != 0,
                             .recovering = w && w->recovery != RECOVERY_OPEN,
                             .after_timeout = w && w->recovery == RECOVERY_LOSS,
                             .after_mark = w && w->recovery == RECOVERY_CWR,
                             .reordering = w && w->rack.reordered,
                             .displaced_segments = w ? w->rack.displaced : 0,
                             .send_wscale = c->send_wscale,
                             .receive_wscale = c->receive_wscale};
}

enum tcp_icmp_verdict tcp_icmp_error(struct tcp_layer *t, const struct flow_key *key, struct seq quoted,
                                     enum tcp_icmp_kind kind, uint32_t mtu, int64_t now)
{
    struct tcp_timewait *tw = NULL;
    struct tcp *c = tcp_lookup(t, key, tcp_flow_hash(t, key), &tw);
    if (!c || !seq_in_window(quoted, c->snd_una, seq_len(c->snd_una, c->snd_nxt))) /* RFC 5927 section 4.1 */
        return TCP_ICMP_IGNORED;
    struct tcp_work *w = tcp_work_of(t, c);
    if (kind == TCP_ICMP_TOO_BIG)
        return w && !state_embryonic(c->state) ? plpmtud_too_big(t, c, w, quoted, mtu, now) : TCP_ICMP_IGNORED;
    if (kind == TCP_ICMP_HARD && state_embryonic(c->state)) { /* RFC 5927 section 5: hard only while connecting */
        t->counters.refused++;
        tcp_finish(t, c, TCP_CLOSE_REFUSED, now);
        tcp_bury_dead(t);
        return TCP_ICMP_BELIEVED;
    }
    return TCP_ICMP_NOTED;
}
