/* SPDX-License-Identifier: MIT */
/*
 * What the tests of autoconfiguration share: a station (US_MAC) whose link-local host AUTO_LL listens to routers, on the
 * rig's link, and router advertisements from GATEWAY6 and others.
 */
#ifndef WEIR_TESTS_UNIT_AUTOCONF_RIG_H
#define WEIR_TESTS_UNIT_AUTOCONF_RIG_H

#include "unit/stack_rig.h"

#include "stack/control.h"

#define AUTO_ON_LINK WIRE_ND_PREFIX_ON_LINK
#define AUTO_AUTONOMOUS WIRE_ND_PREFIX_AUTONOMOUS
#define AUTO_BOTH (AUTO_ON_LINK | AUTO_AUTONOMOUS)

extern const struct ip_addr AUTO_LL, AUTO_PREFIX, AUTO_PREFIX2;

/* The station, which asks for its own address `dad` times first; r->us is it. */
struct rig *auto_rig(uint8_t dad);
/* The same, and all that it does at its beginning is over: it asked for routers in vain. */
struct rig *auto_rig_quiet(void);
/* An advertisement of GATEWAY6 with a router lifetime of 60,000 s and one prefix. */
struct wire_nd auto_ra(const struct ip_addr *prefix, uint8_t flags, uint32_t valid_s, uint32_t preferred_s);
void auto_hear(struct rig *r, const struct wire_nd *m);
void auto_hear_from(struct rig *r, const struct ip_addr *router, const uint8_t *mac, const struct wire_nd *m);
/* Lets time pass in turns of at most 10 ms, and forgets what was sent. */
void auto_pass(struct rig *r, int64_t ns);
/* The n-th (from 0) address that the station made, in the order of indices; 0: there is none. */
uint32_t auto_made(const struct rig *r, unsigned n);
enum stack_address_state auto_state(const struct rig *r, uint32_t local);
struct ip_addr auto_address(const struct rig *r, uint32_t local);
/* Lets time pass until the next frame, or fails; it is a Neighbour Discovery message of that type. */
const struct rig_frame *auto_await(struct rig *r, uint8_t type, struct wire_ipv6 *ip, struct wire_nd *m);
/* The next hop from a local address; NONE6: there is none. */
struct ip_addr auto_hop(const struct rig *r, uint32_t local, const struct ip_addr *to);

#endif
