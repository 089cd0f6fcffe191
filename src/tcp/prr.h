/* SPDX-License-Identifier: MIT */
/*
 * Proportional rate reduction, RFC 9937: during a recovery (and a reduction for ECN) cwnd follows what is delivered, so
 * that it reaches ssthresh at the end without a pause and without a burst.
 */
#ifndef WEIR_TCP_PRR_H
#define WEIR_TCP_PRR_H

#include "tcp/sent.h"

/* ssthresh was set; delivered: by the ACK at hand. */
void prr_begin(const struct tcp *c, struct tcp_work *w, uint32_t delivered);
/* cwnd after an ACK; safe: snd_una moved and nothing more was found lost. */
void prr_acked(struct tcp *c, struct tcp_work *w, uint32_t delivered, bool safe);

#endif
