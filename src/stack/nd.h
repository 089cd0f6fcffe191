/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery: RFC 4861, what ARP is to IPv4. Solicitations and advertisements, sent and received; the states
 * they drive are neighbour.h's.
 */
#ifndef WEIR_STACK_ND_H
#define WEIR_STACK_ND_H

#include "stack/stack.h"
#include "wire/nd.h"

struct datagram;
struct host;

enum nd_from {
    ND_FROM_HOST,
    ND_FROM_NOBODY, /* the unspecified address */
};
/* Sends a message to a group; false: it could not. */
bool nd_send(struct stack *s, struct host *h, const struct ip_addr *group, const struct wire_nd *m, enum nd_from from);

/* A message of type 133 to 137 whose checksum is right. */
void nd_input(struct stack *s, const struct datagram *d);
/* Asks for an address on behalf of a local one: its solicited-node group, or (mac) straight the station that had it. */
void nd_send_solicitation(struct stack *s, struct host *asker, const struct ip_addr *target, const uint8_t *mac);
/* RFC 4861 7.2.6: tells all nodes of a host's address. */
void nd_announce(struct stack *s, struct host *h);

#endif
