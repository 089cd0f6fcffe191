/* SPDX-License-Identifier: MIT */
/*
 * Taking a reduction back: see undo.h.
 */
#include "tcp/undo.h"

#include "tcp/congestion.h"
#include "tcp/ecn.h"

void undo_begin(const struct tcp *c, struct tcp_work *w)
{
    w->undo = (struct undo_state){
        .una = c->snd_una,
        .cwnd = c->cwnd,
        .ssthresh = c->ssthresh,
        .growth = w->growth,
        .possible = true,
        /* what the recovery before sent again and is not acknowledged yet: its echo is no older than that */
        .sent = w->retrans > 0,
        .first_ts = w->undo.first_ts,
        .again = w->retrans};
}

void undo_sent_again(const struct tcp_layer *t, struct tcp_work *w, uint32_t n, int64_t now)
{
    struct undo_state *u = &w->undo;
    if (!u->sent) {
        u->sent = true;
        u->first_ts = tcp_ts_now(t, now);
    }
    u->again += n;
}

void undo_duplicate_reported(struct tcp_work *w, struct seq left, struct seq right)
{
    struct undo_state *u = &w->undo;
    if (!u->possible || !u->sent || !seq_gt(right, u->una))
        return;
    u->again -= min_u32(u->again, seq_len(left, right));
}

bool undo_all_duplicates(const struct tcp_work *w) { return w->undo.possible && w->undo.sent && w->undo.again == 0; }

bool undo_echo_is_older(const struct tcp *c, const struct tcp_work *w, const struct wire_tcp_options *o)
{
    return w->undo.possible && w->undo.sent && (c->flags & TCPF_TIMESTAMPS) && (o->present & TCP_OPT_TIMESTAMPS) &&
           o->ts_ecr != 0 && (int32_t)(o->ts_ecr - w->undo.first_ts) < 0;
}

void undo_restore_windows(const struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    struct undo_state *u = &w->undo;
    if (congestion_of(tcp_profile_of(t, c))->adapts)
        c->cwnd = max_u32(c->cwnd, u->cwnd);
    c->ssthresh = max_u32(c->ssthresh, u->ssthresh);
    w->growth = u->growth;
    u->possible = false;
    ecn_reduction_undone(c);
    w->dup_acks = 0;
    w->frto = w->frto_new = false;
}

void undo_apply(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    undo_restore_windows(t, c, w);
    sent_unmark_lost(t, w);
}
