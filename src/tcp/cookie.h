/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies: RFC 4987 section 3.6, with options that survive. A SYN is answered without any state; what is needed to
 * make the connection when the ACK comes is in our sequence number (MSS, keyed hash) and in the low bits of our
 * timestamp (window scale, SACK, ECN), which the peer echoes.
 *
 * Sequence number: SipHash-2-4 of four-tuple, peer's ISN, option bits and period, plus the number of an MSS in a table
 * of eight. Periods last 64 s and take the place of a secret that changes: a hash of one period says nothing of the
 * next. A cookie is good in its period and the one after. One guess in 2^28 is accepted. Option bits are hashed, so
 * that an ACK without the timestamps that its SYN-ACK had is refused.
 */
#ifndef WEIR_TCP_COOKIE_H
#define WEIR_TCP_COOKIE_H

#include "tcp/layer.h"

#define COOKIE_PERIOD_NS (64 * NS_PER_S)
#define COOKIE_PERIODS 2 /* for which one is good: its own and the next */

/* Answers a SYN with a cookie; no state is kept but the listener's time until which it expects cookies back. */
void cookie_answer(struct tcp_layer *t, struct tcp_listener *l, const struct tcp_segment *syn,
                   const struct wire_tcp_options *offered, int64_t now);
/* Did cookies go out so lately that one may come back? */
static inline bool cookie_expected(const struct tcp_listener *l, int64_t now) { return now < l->cookies_until; }
/*
 * Is this ACK the answer to a cookie? Then *syn becomes the SYN that it stands for, as far as the cookie kept it, and
 * *o its options. Their ts_val is the ACK's.
 */
bool cookie_check(const struct tcp_layer *t, const struct tcp_listener *l, const struct tcp_segment *ack, int64_t now,
                  struct tcp_segment *syn, struct wire_tcp_options *o);

#endif
