/* SPDX-License-Identifier: MIT */
/*
 * Round-trip time and retransmission timeout: RFC 6298. Samples come from send records that were transmitted once (Karn).
 */
#ifndef WEIR_TCP_RTT_H
#define WEIR_TCP_RTT_H

#include "tcp/layer.h"

void rtt_sample(struct tcp *c, int64_t rtt_ns);
/* The timeout with its doublings, within [rto_min, rto_max] of the profile. */
int64_t rtt_timeout(const struct tcp *c, const struct tcp_profile *p, unsigned doublings);

#endif
