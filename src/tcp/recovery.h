/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery over send records: which phase a connection is in, and what ends it. Losses are found by RACK (rack.h),
 * or where that is switched off by RFC 6675, and without SACK by duplicate ACKs (RFC 5681, RFC 6582). cwnd meanwhile:
 * RFC 9937 (prr.h), without SACK RFC 6582. After a timeout: RFC 6298 section 5, RFC 5682 (F-RTO). Nothing is sent here:
 * segments are marked lost, and output asks recovery_next_...() what to send again.
 */
#ifndef WEIR_TCP_RECOVERY_H
#define WEIR_TCP_RECOVERY_H

#include "tcp/layer.h"
#include "tcp/sent.h"

struct recovery_ack {
    uint32_t acked;       /* bytes snd_una moved */
    uint32_t sacked;      /* bytes newly sacked */
    uint32_t delivered;   /* bytes delivered for the first time, both ways */
    uint32_t flight_size; /* RFC 5681: bytes not cumulatively acknowledged before this ACK */
    bool duplicate;       /* RFC 5681 section 2 */
    bool original;        /* RFC 5682: of what was in flight at the timeout, something sent once was delivered */
    bool dsack;           /* it reported a duplicate of something sent again */
    bool widens;          /* ... that was no tail loss probe */
    bool congestion;      /* ECE: RFC 3168 */
    bool echo_older;      /* RFC 3522: its timestamp is older than the first retransmission */
};
/* After snd_una and the records were updated. */
void recovery_ack_arrived(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a,
                          int64_t now);
/* The retransmission timer fired, for the first time since snd_una moved or again. */
void recovery_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool first, int64_t now);
/* The reordering timer fired. */
void recovery_reordering_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* What is in flight was too large for its path: it goes again in segments of today's size, which is no congestion. */
void recovery_resize(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/*
 * An MTU probe that ends at `end` did not arrive because of its size: it goes again in smaller segments. began: so far
 * it is all that was lost in a recovery that began for it, which ends (RFC 4821 7.6.2).
 */
void recovery_probe_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq end, bool began);
/* What shall be sent again, at most one segment long, or NULL: first what is lost (RFC 6675 NextSeg() rule 1) ... */
struct sent_record *recovery_next_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/* ... and when no new data may go, without RACK, holes below the highest sacked byte (rule 3) ... */
struct sent_record *recovery_next_hole(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/* ... then once a recovery the last segment (rule 4), so that an ACK comes for what follows the highest hole. */
struct sent_record *recovery_rescue(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);

#endif
