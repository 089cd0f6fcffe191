/* SPDX-License-Identifier: MIT */
/*
 * Several default gateways of a host: RFC 1122 3.3.1.2 to 3.3.1.5. The first is the host's `gateway`, the others are its
 * routes of length 0 in the order in which they were added. host.gateway_at is the one that is used: the first, until
 * its address resolution fails (whoever wanted it: ARP, Neighbour Discovery, or TCP that got no further,
 * neighbour_doubt); then the next one that has not failed. One that stands before it and is heard of again takes its
 * place back; meanwhile it is asked for now and then, but only while something is sent.
 *
 * A connection keeps the path it began with, and is carried by the gateway in use as long as its own does not answer.
 */
#ifndef WEIR_STACK_GATEWAY_H
#define WEIR_STACK_GATEWAY_H

#include "stack/host.h"

/* The default gateway in use, or NULL. Its own ones before what routers say. */
const struct ip_addr *gateway_in_use(const struct pool *routes, const struct host *h);
/* Gateway or routes of a host changed, or it goes: the first gateway is tried again. */
void gateway_changed(struct stack *s, struct host *h);

/* The neighbour failed, or is known again. gateway_failed: true when some host has taken another gateway in its place. */
bool gateway_failed(struct stack *s, uint32_t neighbour);
void gateway_known(struct stack *s, uint32_t neighbour);
/* Something leaves by a gateway that is not the first one: those before it are asked for when it is time. */
void gateway_ask_again(struct stack *s, const struct host *h);
/* A usable neighbour in place of one that is a gateway of the host but does not answer; 0: there is none (yet). */
uint32_t gateway_stand_in(struct stack *s, const struct host *h, uint32_t neighbour);

#endif
