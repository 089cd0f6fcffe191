/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 in whole frames, for ends that have no address yet: UDP over IPv4 (RFC 768, 791) in an Ethernet frame with at
 * most one VLAN tag. RFC 2131 4.1: clients without an address send from 0.0.0.0 to 255.255.255.255, and what servers
 * send to an address that is not yet in use must be taken.
 *
 * Reads frames as a watcher of stack_frame_listen() sees them; what is read refers to the frame. Keeps nothing.
 */
#ifndef WEIR_DHCP_FRAME_H
#define WEIR_DHCP_FRAME_H

#include "stack/stack.h"
#include "wire/eth.h"

struct dhcp_frame {
    const uint8_t *eth_src, *eth_dst;
    uint32_t from, to; /* IPv4, host order */
    uint16_t from_port, to_port;
    const uint8_t *bytes;
    size_t length;
};

/*
 * The bytes behind the Ethernet header of a frame of this VLAN (0: untagged or with a tag of priority only). Returns
 * how many, or a negative error: of another VLAN or type, or cut off.
 */
MUST_CHECK int dhcp_frame_payload(const struct packet *p, uint16_t vlan, uint16_t ethertype, const uint8_t **payload);
/* A whole UDP datagram to the port, its checksums right. False: it is something else, or wrong. */
MUST_CHECK bool dhcp_frame_read(const struct packet *p, uint16_t vlan, uint16_t port, struct dhcp_frame *out);
/* Errors of stack_frame_send(). */
MUST_CHECK int dhcp_frame_send(struct stack *s, unsigned interface, uint16_t vlan, const struct dhcp_frame *f,
                               int64_t now);
/* The Ethernet header of a frame that leaves, with its tag. Its length. */
unsigned dhcp_frame_begin(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t vlan, uint16_t ethertype);

#endif
