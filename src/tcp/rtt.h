/* SPDX-License-Identifier: MIT */
/*
 * Round-trip time and retransmission timeout: RFC 6298. Samples come from send records that were transmitted once
 * (Karn).
 */
#ifndef WEIR_TCP_RTT_H
#define WEIR_TCP_RTT_H

#include "tcp/layer.h"

void rtt_sample(struct tcp *c, int64_t rtt_ns); /* takes the doublings back */
/*
 * By the echo of a timestamp (RFC 7323 section 4.1), which tells transmissions apart. Ignored when it lies in the
 * future.
 */
void rtt_sample_echo(const struct tcp_layer *t, struct tcp *c, uint32_t echo, int64_t now);
/* The handshake was retransmitted: 3 s until there is a sample (RFC 6298 section 5.7). */
void rtt_after_lost_syn(struct tcp *c);
/* The timeout with its doublings, within [rto_min, rto_max] of the profile. */
int64_t rtt_timeout(const struct tcp *c, const struct tcp_profile *p, unsigned doublings);

#endif
