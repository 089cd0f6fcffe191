/* SPDX-License-Identifier: MIT */
/*
 * Segments that arrive: RFC 9293 3.10.7. The other parts of the input side that this file's steps share.
 */
#ifndef WEIR_TCP_INPUT_H
#define WEIR_TCP_INPUT_H

#include "tcp/layer.h"

/* False: the segment is signed (RFC 2385, RFC 5925), and we have no keys: dropped and counted, as Linux does. */
bool input_parse_options(struct tcp_layer *t, const struct tcp_segment *s, struct wire_tcp_options *o);
/* Takes sequence number, window and options from the peer's SYN or SYN-ACK. */
void input_take_syn(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                    const struct wire_tcp_options *o, int64_t now);

#endif
