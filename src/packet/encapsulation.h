/* SPDX-License-Identifier: MIT */
/*
 * What lies around the TCP segment or UDP datagram of a packet that a kernel's VXLAN device gives whole: Ethernet, IP,
 * UDP and VXLAN (RFC 7348 section 5, any port), as often as tunnels lie in each other. Reads, keeps nothing; all
 * headers are linear.
 */
#ifndef WEIR_PACKET_ENCAPSULATION_H
#define WEIR_PACKET_ENCAPSULATION_H

#include "packet/headers.h"

#define PACKET_MAX_ENCAPSULATIONS 4u

struct packet_encapsulation {
    unsigned count;
    struct packet_headers headers[PACKET_MAX_ENCAPSULATIONS]; /* from the outside to the inside; all are of UDP */
};

/*
 * From the outside to what begins at checksum_start. 0, or ERR_MALFORMED: headers on the way there that are not those
 * of VXLAN, that are not linear or whose lengths disagree; too many of them.
 */
MUST_CHECK int packet_encapsulation_find(const struct packet *p, struct packet_encapsulation *around,
                                         struct packet_headers *inner);
/*
 * The checksum of one of the UDP headers around `inner`, where it has one, of a packet whose lengths are all set. It
 * needs no look at the payload: the inner segment sums up to the complement of its pseudo-header, once its own checksum
 * is complete.
 */
void packet_encapsulation_set_checksum(struct packet *p, const struct packet_headers *udp,
                                       const struct packet_headers *inner);

#endif
