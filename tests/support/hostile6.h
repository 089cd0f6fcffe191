/* SPDX-License-Identifier: MIT */
/*
 * hostile.h for IPv6: US6 is an address of the stack under attack, beside US, whose connection stays the healthy neighbour's. PEER6 is the station at PEER_MAC.
 */
#ifndef WEIR_TESTS_SUPPORT_HOSTILE6_H
#define WEIR_TESTS_SUPPORT_HOSTILE6_H

#include "support/frame_make6.h"
#include "support/hostile.h"

/* hostile_new with US6; *us6 is its local index. What a new address says is over. */
struct hostile *hostile6_new(uint32_t *us6);
/* The next frame is IPv6 without extension headers from US6 to PEER6 at PEER_MAC; its payload, or fails the test. */
const uint8_t *hostile6_expect(struct hostile *h, uint8_t protocol, struct wire_ipv6 *ip);
/* It is an ICMPv6 message of that type and code, whose next 32 bits are `rest` (of an error: pointer or MTU). */
void hostile6_expect_icmp(struct hostile *h, uint8_t type, uint8_t code, uint32_t rest);
/* It is the reply to the request of make_echo6, with the same bytes. */
void hostile6_expect_reply(struct hostile *h, uint32_t length);

/* What follows an IPv6 header: an echo request from PEER6 to `to` with that many bytes of body. Returns its length. */
uint32_t make_echo6(uint8_t *message, const struct ip_addr *to, uint32_t length);
/*
 * An options header (hop-by-hop or destination) with these options, filled to a multiple of 8 bytes by an unknown option that is to be skipped.
 * Returns its length.
 */
uint32_t make_options6(uint8_t *header, uint8_t next, const uint8_t *options, uint32_t length);

#endif
