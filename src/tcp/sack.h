/* SPDX-License-Identifier: MIT */
/*
 * Selective acknowledgement: the blocks we report of what arrived out of order (RFC 2018, RFC 2883), and reading the
 * peer's.
 */
#ifndef WEIR_TCP_SACK_H
#define WEIR_TCP_SACK_H

#include "tcp/sent.h"

/* How many blocks sack_blocks() would write, at most `max`. */
uint32_t sack_block_count(const struct tcp_work *w, uint32_t max);
/*
 * A pending D-SACK first, then the block that changed last, then others from the lowest. While further ACKs are owed,
 * which leave at once, each begins with a block that the one before had no room for: together they report as many as
 * they can (RFC 2018 section 4).
 */
uint32_t sack_blocks(struct tcp_work *w, struct wire_sack_block *blocks, uint32_t max);

/*
 * Applies the blocks of a segment that acknowledges `ack`. Bad blocks are ignored one by one. Returns whether the first
 * block reported a duplicate (o->sack[0]).
 */
bool sack_apply(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct wire_tcp_options *o,
                struct seq ack, struct sent_delivery *d);

#endif
