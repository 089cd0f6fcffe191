/* SPDX-License-Identifier: MIT */
/*
 * What the tests of links with offload share: a GSO packet to send, and what must come of it.
 */
#ifndef WEIR_TESTS_UNIT_OFFLOAD_RIG_H
#define WEIR_TESTS_UNIT_OFFLOAD_RIG_H

#include "packet/segment.h"

#define OFFLOAD_HEADERS 66u     /* Ethernet, IPv4, TCP with timestamps */
#define OFFLOAD_UDP_HEADERS 42u /* Ethernet, IPv4, UDP */

/* Byte `at` of the payload. */
static inline uint8_t offload_byte(uint32_t at) { return (uint8_t)(at * 7 + at / 251); }
/*
 * A TCP segment of `payload` bytes to everybody in the packet, its checksum partial; of several segments when payload >
 * gso_size.
 */
void offload_fill(struct packet *p, uint32_t payload, uint16_t gso_size);
/* The same of UDP: datagrams of gso_size bytes, the last with what is left. */
void offload_fill_udp(struct packet *p, uint32_t payload, uint16_t gso_size);
/* Moves the payload from `keep` on into n frags that lie in `memory` (payload bytes). */
void offload_scatter(struct packet *p, uint32_t keep, unsigned n, uint8_t *memory, struct packet_frag *frags);
/* Whether the frame, of 24 bytes of payload or more, is one of offload_fill's or offload_fill_udp's. */
bool offload_is_ours(const struct packet *p);

#endif
