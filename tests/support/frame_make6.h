/* SPDX-License-Identifier: MIT */
/*
 * IPv6 frames made byte by byte, as frame_make.h has it for IPv4: our host is US6 (2001:db8::1/64, MAC US_MAC), the
 * station on the wire is PEER6 (2001:db8::2, PEER_MAC). Frames are from PEER_MAC to US_MAC, or to the group's MAC.
 */
#ifndef WEIR_TESTS_SUPPORT_FRAME_MAKE6_H
#define WEIR_TESTS_SUPPORT_FRAME_MAKE6_H

#include "support/frame_make.h"
#include "wire/icmpv6.h"
#include "wire/nd.h"

#define PREFIX6 64

extern const struct ip_addr US6, PEER6, OTHER6, FAR6, GATEWAY6, ALL_NODES, NONE6;

struct ip_addr v6(const char *text);

/* payload behind an IPv6 header with that next header and a hop limit of 64. */
uint32_t make_ipv6(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, uint8_t next, const void *payload,
                   uint32_t length);
uint32_t make_udp6(uint8_t *to, const struct ip_addr *src, uint16_t src_port, const struct ip_addr *dst,
                   uint16_t dst_port, const void *payload, uint32_t length);
uint32_t make_tcp6(uint8_t *to, const struct ip_addr *src, uint16_t src_port, const struct ip_addr *dst,
                   uint16_t dst_port, uint16_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t length);
/* Any ICMPv6 message: type, code, 4 bytes and a body. */
uint32_t make_icmp6(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, uint8_t type, uint8_t code,
                    uint32_t rest, const void *body, uint32_t length);
/* A Neighbour Discovery message, with a hop limit of 255. */
uint32_t make_nd(uint8_t *to, const struct ip_addr *src, const struct ip_addr *dst, const struct wire_nd *message);
/* From PEER6: who has target? */
uint32_t make_solicitation(uint8_t *to, const struct ip_addr *target);
/* To US6: sender is at mac; flags as WIRE_ND_NA_... */
uint32_t make_advertisement(uint8_t *to, const struct ip_addr *sender, const uint8_t *mac, uint8_t flags);
/* A fragment of a datagram from src to US6: bytes [offset, offset + length) of what its fragment header begins. */
uint32_t make_fragment6(uint8_t *to, const struct ip_addr *src, uint32_t id, uint8_t next, uint32_t offset, bool more,
                        const void *payload, uint32_t length);

#endif
