/* SPDX-License-Identifier: MIT */
/*
 * Cutting a GSO packet (PACKET_GSO_TCP4, TCP6, UDP, TUNNEL; linear or with frags) into the segments or datagrams that it stands
 * for, one at a time, into empty packets that the caller has: where frames run short it goes on later. The packet
 * itself is only read and must stay until the last.
 *
 * Each segment has gso_size bytes of payload, the last what is left. IPv4: total length, identification counted up from
 * the packet's, header checksum; IPv6: payload length. TCP (RFC 9293): sequence number; FIN and PSH on the last only;
 * CWR on the first only (RFC 3168 6.1.2); an urgent pointer counts from each segment on. UDP: length. What else is
 * known of the packet (tag, hash, mark, times) is known of each segment.
 *
 * PACKET_GSO_TUNNEL: what is cut lies in VXLAN, as a kernel's VXLAN device gives it (packet/encapsulation.h). Each
 * segment has all the headers; IP and UDP around it change as above, and a UDP checksum that was not 0 is complete,
 * also where the inner one is left partial: it is right as soon as that is filled in.
 */
#ifndef WEIR_PACKET_SEGMENT_H
#define WEIR_PACKET_SEGMENT_H

#include "packet/encapsulation.h"

struct packet_segmenter {
    const struct packet *from;
    struct packet_headers headers;
    struct packet_encapsulation around; /* of PACKET_GSO_TUNNEL; otherwise none */
    uint32_t count, done;               /* segments */
    uint32_t at, length;                /* payload bytes cut so far, and all */
    bool partial;
    unsigned piece; /* the next payload byte lies in the head (0) or in frags[piece - 1] … */
    uint32_t piece_at;
};

/*
 * partial: segments get PACKET_CHECKSUM_PARTIAL, otherwise a complete transport checksum. Returns the number of
 * segments (at least 1), or ERR_MALFORMED: no GSO packet, gso_size 0, headers that are not what gso says or do not
 * reach to the end of the packet, a partial checksum elsewhere than in the transport header, none in a tunnel, a SYN.
 */
MUST_CHECK int packet_segment_begin(struct packet_segmenter *s, const struct packet *p, bool partial);
/*
 * Writes the next of the segments not yet done. ERR_NO_SPACE: it does not fit `to`, which stays empty; another packet
 * may be tried.
 */
MUST_CHECK int packet_segment_next(struct packet_segmenter *s, struct packet *to);
static inline uint32_t packet_segment_left(const struct packet_segmenter *s) { return s->count - s->done; }

#endif
