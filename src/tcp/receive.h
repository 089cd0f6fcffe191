/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: in-order delivery, reassembly of what came out of order, when to acknowledge. RFC 9293 3.10.7.4 seventh and eighth step,
 * RFC 5681 section 4.2, RFC 2018, RFC 2883.
 *
 * Where segments overlap with different bytes, the bytes that arrived first are kept.
 *
 * A packet of many segments (gso) counts as so many. Its payload may lie in several pieces, which are handed up one by one. Out of order, the frame
 * itself is held when all it has to give is linear and wanted and its home allows that (packet_keep); otherwise the bytes are copied into as
 * many frames of the layer's own pool as they need, so that a frame with frags never keeps its pieces from their pools.
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

/* Takes the payload and FIN of an acceptable segment. */
void receive_payload(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now);
/* The segment brought nothing new: an ACK is owed, with a D-SACK. */
void receive_duplicate(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, int64_t now);
/* Lets go of all frames a connection holds out of order ... */
void receive_release(struct tcp_layer *t, struct tcp_work *w);
/* ... and gives back those let go of. Not while a received burst is being processed. */
void receive_release_drained(struct tcp_layer *t);

static inline struct seq ooo_start(const struct packet *p) { return seq_of((uint32_t)p->holder_word); }
static inline struct seq ooo_end(const struct packet *p) { return seq_of((uint32_t)p->holder_word + p->len); }

#endif
