/* SPDX-License-Identifier: MIT */
/*
 * Processing of SND.UNA, the send window and SACK of an incoming segment: RFC 9293 3.10.7.4 fifth step, RFC 5961
 * section 5, RFC 5681.
 */
#ifndef WEIR_TCP_ACK_H
#define WEIR_TCP_ACK_H

#include "tcp/layer.h"

/* False: the segment is dropped (an ACK may have been marked), or the connection ended. */
bool ack_process(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s, const struct wire_tcp_options *o,
                 int64_t now);
/* An ACK at once, limited to one in 500 ms a connection: RFC 5961. */
void ack_challenge(struct tcp_layer *t, struct tcp *c, int64_t now);
/* Takes the peer's window from a segment (scaled unless it is a SYN). */
void ack_update_window(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                       int64_t now);

#endif
