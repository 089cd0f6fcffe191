/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6 inside the stack: messages received, errors sent. RFC 4443. Echo and what errors mean is icmp.h's for both
 * families, Neighbour Discovery nd.h's.
 */
#ifndef WEIR_STACK_ICMPV6_H
#define WEIR_STACK_ICMPV6_H

#include "stack/icmp.h"
#include "wire/icmpv6.h"

struct datagram;

void icmpv6_input(struct stack *s, const struct datagram *d);
/*
 * Sends an error about a datagram, unless RFC 4443 2.4 (e) forbids it or the limit is reached (counted). `rest` is the
 * pointer of a Parameter Problem or the MTU of a Packet Too Big.
 */
void icmpv6_send_error(struct stack *s, const struct datagram *about, enum wire_icmpv6_type type, uint8_t code,
                       uint32_t rest);

#endif
