/* SPDX-License-Identifier: MIT */
/*
 * What came out of order: the frames themselves, linked by next in the order of the stream. Frames that adjoin form a
 * run; the first of a run knows the last one (holder_link), so that a search steps from run to run. holder_word is the
 * sequence number of data[0].
 *
 * Where segments overlap with different bytes, the bytes that arrived first are kept. The frame itself is held when all
 * it has to give is linear and wanted and its home allows that (packet_keep); otherwise the bytes are copied into as
 * many frames of the layer's own pool as they need, so that a frame with frags never keeps its pieces from their pools.
 *
 * Work and memory are bounded: a connection has at most REASSEMBLY_RUNS runs, one segment fills at most
 * REASSEMBLY_PARTS gaps, and a connection holds no more frames than its receive buffer would at REASSEMBLY_FRAME_BYTES
 * each. What goes beyond is dropped (drop_ooo_full, drop_ooo_runs): nothing of it was acknowledged, so it comes again.
 */
#ifndef WEIR_TCP_REASSEMBLY_H
#define WEIR_TCP_REASSEMBLY_H

#include "tcp/layer.h"

#define REASSEMBLY_RUNS 256u
#define REASSEMBLY_PARTS 32u
#define REASSEMBLY_FRAME_BYTES 512u
#define REASSEMBLY_FRAMES 64u /* at least */

static inline struct seq reassembly_start(const struct packet *p) { return seq_of((uint32_t)p->holder_word); }
static inline struct seq reassembly_end(const struct packet *p) { return seq_of((uint32_t)p->holder_word + p->len); }
/* Of the first frame of a run: where the run ends, and the first of the next one. */
static inline struct seq reassembly_run_end(const struct packet *p) { return reassembly_end(p->holder_link); }
static inline struct packet *reassembly_next_run(const struct packet *p) { return p->holder_link->next; }

/* Holds what is new of a segment beyond rcv_nxt, as far as there is room. False: nothing is new. */
bool reassembly_hold(struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, const struct tcp_segment *s);
/* Takes the first frame off; its holder lets go of it. */
struct packet *reassembly_pop(struct tcp_layer *t, struct tcp_work *w);
/* Asserts invariant I5. */
void reassembly_check(const struct tcp *c, const struct tcp_work *w);

#endif
