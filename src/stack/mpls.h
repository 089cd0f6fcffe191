/* SPDX-License-Identifier: MIT */
/*
 * Labelled frames coming in: RFC 3032, RFC 3443 (pipe model), RFC 4182. What a host's labels mean is in stack.h. No state.
 */
#ifndef WEIR_STACK_MPLS_H
#define WEIR_STACK_MPLS_H

#include "stack/stack_internal.h"

/* A frame whose link header says MPLS: the datagram below its labels goes on to IP, or the frame is dropped and counted. */
void mpls_input(struct stack *s, struct arrival *a);

#endif
