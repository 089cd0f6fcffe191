/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery over send records: fast retransmit and recovery with SACK (RFC 6675) and without (RFC 6582), and after a timeout (RFC 6298 section 5).
 * Nothing is sent here: segments are marked lost, and output asks recovery_next() what to send again.
 */
#ifndef WEIR_TCP_RECOVERY_H
#define WEIR_TCP_RECOVERY_H

#include "tcp/layer.h"
#include "tcp/sent.h"

struct recovery_ack {
    uint32_t acked;       /* bytes snd_una moved */
    uint32_t sacked;      /* bytes newly sacked */
    bool duplicate;       /* RFC 5681 section 2 */
    uint32_t flight_size; /* RFC 5681: bytes not cumulatively acknowledged before this ACK */
};
/* After snd_una and the records were updated. */
void recovery_ack_arrived(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct recovery_ack *a,
                          int64_t now);
/* The retransmission timer fired, for the first time since snd_una moved or again. */
void recovery_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool first);
/* What shall be sent again, at most one segment long, or NULL: first what is lost (RFC 6675 NextSeg() rule 1) ... */
struct sent_record *recovery_next_lost(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/* ... and when no new data may go, holes below the highest sacked byte (rule 3). */
struct sent_record *recovery_next_hole(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);

#endif
