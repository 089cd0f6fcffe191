/* SPDX-License-Identifier: MIT */
/*
 * Where the headers of a TCP segment or UDP datagram lie in a packet: what cutting and merging need to know. Reads,
 * keeps nothing. Tags up to the codec's limit, MPLS labels up to eight; IPv4 with options, without fragments; IPv6 without extension headers.
 * Headers are linear.
 */
#ifndef WEIR_PACKET_HEADERS_H
#define WEIR_PACKET_HEADERS_H

#include "packet/packet.h"
#include "wire/ip_proto.h"

#define PACKET_MAX_LABELS 8u

struct packet_headers {
    uint32_t l3, l4, payload; /* offsets from data */
    uint32_t end;             /* of the IP packet: l3 and its length; what follows is padding */
    bool v6;
    uint8_t protocol; /* IP_PROTO_TCP or IP_PROTO_UDP */
};

/*
 * 0, or ERR_MALFORMED: not such a packet, a header cut off or not linear, an IP packet longer than the bytes present.
 */
MUST_CHECK int packet_headers_find(const struct packet *p, struct packet_headers *out);
/* The same of the Ethernet frame that begins at this offset of the packet. */
MUST_CHECK int packet_headers_find_at(const struct packet *p, uint32_t frame, struct packet_headers *out);
/* Whether MPLS labels lie between its link header and what it carries. */
bool packet_is_labelled(const struct packet *p);
/* The sum of the pseudo-header for `length` bytes of header and payload. */
uint64_t packet_headers_pseudo(const struct packet_headers *h, const uint8_t *data, uint32_t length);

#endif
