/* SPDX-License-Identifier: MIT */
/*
 * The size of segments that the path takes: RFC 1191 with the checks of RFC 5927, and RFC 4821 where no router speaks.
 *
 * Down: what a router says counts at once while nothing of the present size was acknowledged; afterwards only when the
 * retransmission timer says so too. Two timeouts in a row of full segments are taken for a black hole, three where such
 * segments arrived before (of 10 % random loss every fifth timeout is followed by one): the MSS goes to a base, then by
 * halves. Up: a probe of larger size now and then, whose loss is no sign of congestion; ten minutes after the last
 * answer it is asked for again.
 *
 * A connection has a search only while it sends less than it could, or while an ICMP message waits to be believed; it
 * comes from a bounded pool, and without one the MSS stays low. Invariant: ceiling is 0 or above snd_mss.
 */
#ifndef WEIR_TCP_PLPMTUD_H
#define WEIR_TCP_PLPMTUD_H

#include "tcp/layer.h"

struct mtu_search {
    uint32_t next;    /* while free, the pool's */
    uint16_t ceiling; /* the MSS that the handshake allowed; 0: the present one */
    uint16_t high;    /* nothing larger is tried before raise_at */
    uint16_t probe;   /* payload of the probe in flight; 0: none */
    uint16_t lost;    /* payload of a probe that goes again in several segments */
    uint16_t pending; /* what a router said and retransmission has to confirm; 0: nothing */
    struct seq probe_start, pending_seq;
    bool wanted;      /* a probe goes out as soon as there is enough to send */
    bool told;        /* `high` is what a router said: tried before anything between */
    bool other_loss;  /* since the probe left there was a loss or a reduction that is not its own */
    int64_t raise_at; /* when to ask for more again */
};

static inline struct mtu_search *plpmtud_search(const struct tcp_layer *t, const struct tcp_work *w)
{
    return w->mtu_search ? (struct mtu_search *)pool_at(&t->mtu_searches, w->mtu_search) : NULL;
}

/* The handshake is complete: with TCP_MTU_PROBING_ALWAYS the search begins at the base. */
void plpmtud_begin(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* An ICMP message about `quoted`, which is in flight. */
enum tcp_icmp_verdict plpmtud_too_big(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq quoted,
                                      uint32_t mtu, int64_t now);
/* The retransmission timer fired. True: because of the size; everything goes again, and it was no congestion. */
bool plpmtud_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);

void plpmtud_search_acked(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* snd_una moved by `bytes`. */
static ALWAYS_INLINE void plpmtud_acked(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t bytes,
                                        int64_t now)
{
    if (bytes >= c->snd_mss)
        c->full_arrived = true;
    if (unlikely(w->mtu_search))
        plpmtud_search_acked(t, c, w, now);
}
/* Loss recovery has looked at an ACK: was the probe lost? */
void plpmtud_after_recovery(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);

/* Payload of a probe that may go now, or 0. */
uint32_t plpmtud_probe_size(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w);
/* It left. */
void plpmtud_probe_sent(struct tcp_layer *t, const struct tcp_work *w, struct seq start, uint32_t payload);

/* When plpmtud_due wants to be called, or TIME_NEVER. */
int64_t plpmtud_deadline(const struct tcp_layer *t, const struct tcp_work *w);
void plpmtud_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
void plpmtud_release(struct tcp_layer *t, struct tcp_work *w);

#endif
