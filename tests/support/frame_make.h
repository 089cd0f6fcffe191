/* SPDX-License-Identifier: MIT */
/*
 * Frames made byte by byte for tests of the stack, and the addresses they use: our host is US (192.0.2.1/24, MAC
 * US_MAC, gateway GATEWAY), the station on the wire is PEER (192.0.2.2, PEER_MAC). Every maker returns the frame's
 * length and has FRAME_MAKE_BYTES of room.
 */
#ifndef WEIR_TESTS_SUPPORT_FRAME_MAKE_H
#define WEIR_TESTS_SUPPORT_FRAME_MAKE_H

#include "support/cmocka_all.h"

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip_addr.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define US 0xc0000201u
#define PEER 0xc0000202u
#define OTHER 0xc0000203u
#define GATEWAY 0xc00002feu
#define FAR 0xc6336401u /* 198.51.100.1 */
#define PREFIX 24

extern const uint8_t US_MAC[6], PEER_MAC[6], OTHER_MAC[6], GATEWAY_MAC[6], BROADCAST_MAC[6], ZERO_MAC[6];

#define FRAME_MAKE_BYTES 2048u

struct ip_addr v4(uint32_t host_order);

uint32_t make_eth(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t ethertype);
uint32_t make_arp(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t op, const uint8_t *sha, uint32_t spa,
                  const uint8_t *tha, uint32_t tpa);
/* From PEER: who has target? */
uint32_t make_arp_request(uint8_t *to, uint32_t target);
/* To US: sender is at mac. */
uint32_t make_arp_reply(uint8_t *to, uint32_t sender, const uint8_t *mac);
/* payload behind an IPv4 header, framed for US from PEER's MAC. */
uint32_t make_ipv4(uint8_t *to, uint32_t src, uint32_t dst, uint8_t protocol, const void *payload, uint32_t length);
/* A fragment of a datagram from src to US: payload bytes [offset, offset + length) of it. */
uint32_t make_fragment(uint8_t *to, uint32_t src, uint16_t id, uint8_t protocol, uint32_t offset, bool more,
                       const void *payload, uint32_t length);
uint32_t make_udp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, const void *payload,
                  uint32_t length);
uint32_t make_echo_request(uint8_t *to, uint32_t src, uint32_t dst, uint16_t id, uint16_t sequence, const void *payload,
                           uint32_t length);
uint32_t make_tcp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, uint16_t flags,
                  uint32_t seq, uint32_t ack, const void *payload, uint32_t length);
/* An ICMP error from PEER to US quoting `quoted` (an IPv4 packet). */
uint32_t make_icmp_error(uint8_t *to, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *quoted,
                         uint32_t length);
/* Inserts a tag behind the MAC addresses. */
uint32_t insert_tag(uint8_t *frame, uint32_t length, uint16_t tpid, uint16_t tci);
/* Puts n label stack entries behind the untagged Ethernet header, which says MPLS then. */
uint32_t insert_labels(uint8_t *frame, uint32_t length, const uint32_t *entries, uint32_t n);
/* An entry: RFC 3032 2.1. */
static inline uint32_t mpls_entry(uint32_t label, bool bottom, uint8_t ttl)
{
    return label << 12 | (bottom ? 1u << 8 : 0) | ttl;
}
/* Makes the IP header's checksum right again; header at offset 14. */
void fix_ip_checksum(uint8_t *frame);

#endif
