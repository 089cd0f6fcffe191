/* SPDX-License-Identifier: MIT */
/*
 * Timers as event verbs: the protocol says what happened, this file alone decides what is armed or cancelled, and is
 * the only user of the wheel. RFC 6298 (retransmission), RFC 9293 3.8.3, 3.8.4 (user timeout, keep-alive), 3.8.6.1
 * (zero-window probes), 4.2.3.2 of RFC 1122 (delayed ACK).
 *
 * The deadlines lie in the record and the work; the wheel node of a record stands at or before the earliest of them.
 */
#ifndef WEIR_TCP_TIMERS_H
#define WEIR_TCP_TIMERS_H

#include "tcp/layer.h"

void timers_init(struct tcp_work *w);
/* A SYN, SYN-ACK, data or FIN left; starts the retransmission timer where it is not running. */
void timers_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* snd_una moved; something may still be in flight. */
void timers_acked(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* Data may need a tail loss probe: after new data left, and after snd_una moved. */
void timers_probe(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* A tail loss probe left: the retransmission timer starts anew. */
void timers_probe_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* What may be lost is decided at that time; TIME_NEVER: nothing is open. */
void timers_reordering(struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, int64_t at);
/* The first segment in flight was sent again: the timer is for that transmission. */
void timers_first_sent_again(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* Pacing keeps data back until w->pace_at. */
void timers_paced(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
/* An ACK is owed and output found nothing to carry it. */
void timers_ack_delayed(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* There is something to send, nothing in flight, and the window does not let it out. */
void timers_window_shut(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* The peer opened its window. */
void timers_window_opened(struct tcp_work *w);
void timers_fin_wait_2(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* A challenge ACK goes out: no other one for a while. */
void timers_challenged(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* The handshake is complete: keep-alive begins. */
/* The connection has another profile: keep-alive and the end of FIN-WAIT-2 may begin. */
void timers_profile_changed(struct tcp_layer *t, struct tcp *c, int64_t now);
void timers_established(struct tcp_layer *t, struct tcp *c, int64_t now);
void timers_user_deadline(struct tcp_layer *t, struct tcp *c, int64_t at, int64_t now);
/* The MTU search wants to be called then. */
void timers_mtu_search(struct tcp_layer *t, const struct tcp *c, int64_t at);
/* Called by the wheel. */
void timers_due(void *layer, uint32_t index, int64_t now);

#endif
