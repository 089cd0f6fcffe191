/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: in-order delivery, when to acknowledge. RFC 9293 3.10.7.4 seventh and eighth step, RFC 5681
 * section 4.2, RFC 2018, RFC 2883. What came out of order is held by reassembly.h.
 *
 * A packet of many segments (gso) counts as so many. Its payload may lie in several pieces, which are handed up one by
 * one.
 */
#ifndef WEIR_TCP_RECEIVE_H
#define WEIR_TCP_RECEIVE_H

#include "tcp/layer.h"
#include "tcp/segment.h"

/* Segments on the wire that the packet stands for. */
static ALWAYS_INLINE uint32_t receive_count(const struct tcp_segment *s)
{
    const struct packet *p = s->packet;
    return likely(p->gso == PACKET_GSO_NONE) || p->gso_size == 0 ? 1 : segment_count(s->payload_len, p->gso_size);
}

/* The payload from `offset` on (behind what was trimmed), as far as it lies in one piece: *length bytes. */
const uint8_t *receive_piece(const struct tcp_segment *s, uint32_t offset, uint32_t *length);
/* Takes the payload and FIN of an acceptable segment. */
void receive_payload(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now);
/* The segment brought nothing new: an ACK is owed, with a D-SACK. */
void receive_duplicate(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now);
/* Lets go of all frames a connection holds out of order ... */
void receive_release(struct tcp_layer *t, struct tcp_work *w);
/* ... and gives back those let go of. Not while a received burst is being processed. */
void receive_release_drained(struct tcp_layer *t);

#endif
