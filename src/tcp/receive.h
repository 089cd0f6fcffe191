/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: in-order delivery, reassembly of what came out of order, when to acknowledge. RFC 9293 3.10.7.4 seventh and eighth step,
 * RFC 5681 section 4.2, RFC 2018, RFC 2883.
 *
 * Where segments overlap with different bytes, the bytes that arrived first are kept.
 */
#ifndef WEIR_TCP_RECEIVE_H
#define WEIR_TCP_RECEIVE_H

#include "tcp/layer.h"

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
