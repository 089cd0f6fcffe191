/* SPDX-License-Identifier: MIT */
/*
 * Taking a reduction back that was made for no loss: RFC 3522 (Eifel, by timestamps), RFC 3708 (by D-SACK), RFC 4015
 * (the response), RFC 9438 4.9. What is needed is saved when the reduction is made.
 */
#ifndef WEIR_TCP_UNDO_H
#define WEIR_TCP_UNDO_H

#include "tcp/sent.h"

/* Before ssthresh and cwnd are reduced. */
void undo_begin(const struct tcp *c, struct tcp_work *w);
/* n bytes were sent again. */
void undo_sent_again(const struct tcp_layer *t, struct tcp_work *w, uint32_t n, int64_t now);
/* The peer got [left, right) twice. */
void undo_duplicate_reported(struct tcp_work *w, struct seq left, struct seq right);
/* Everything that was sent again arrived twice. */
bool undo_all_duplicates(const struct tcp_work *w);
/* RFC 3522: the ACK with this echo is for what was sent before the first retransmission. */
bool undo_echo_is_older(const struct tcp *c, const struct tcp_work *w, const struct wire_tcp_options *o);
/* The windows are again what they were before. */
void undo_restore_windows(const struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/* That, and what counts as lost is on its way again. */
void undo_apply(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);

#endif
