/* SPDX-License-Identifier: MIT */
/*
 * Header prediction: the short way for the next in-order segment of an established connection. Switchable at run time
 * (settings.fast_path), and equal in effect to the long way in input.c.
 */
#ifndef WEIR_TCP_FAST_H
#define WEIR_TCP_FAST_H

#include "tcp/layer.h"

/* True when the segment was dealt with; false: nothing was changed, it takes the long way. */
bool fast_segment(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now);

#endif
