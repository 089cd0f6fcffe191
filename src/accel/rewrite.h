/* SPDX-License-Identifier: MIT */
/*
 * Segments made to obey what their receiver negotiated, where the box promised the sender something else: options
 * struck out or put in, windows in another scale, payloads cut smaller. RFC 9293, 7323, 2018, 9293 3.7.1 (MSS).
 *
 * A segment is a packet and where its headers lie. It may be a GSO packet and its checksum partial; checksums are
 * updated incrementally (RFC 1624), never recomputed, so that what was wrong stays wrong. Borrows the packet.
 */
#ifndef WEIR_ACCEL_REWRITE_H
#define WEIR_ACCEL_REWRITE_H

#include "packet/headers.h"
#include "wire/tcp.h"

struct accel_segment {
    struct packet *packet;
    struct packet_headers headers;
};

/* Where a TCP segment lies in a packet; *out refers to it. ERR_MALFORMED, ERR_UNSUPPORTED (not TCP). */
MUST_CHECK int accel_segment_find(struct packet *p, struct accel_segment *out);
static inline uint8_t *accel_segment_tcp(const struct accel_segment *s) { return s->packet->data + s->headers.l4; }

/* False: the TCP checksum is wrong. What a link vouches for, or will complete, is right. */
bool accel_segment_checksum_ok(const struct accel_segment *s);
/* Flags of enum wire_tcp_flag that are set no longer. */
void accel_clear_flags(struct accel_segment *s, unsigned flags);
/* The next whole option from *at on, which goes behind it; NULL: there is none. NOPs are passed over. */
uint8_t *accel_next_option(uint8_t *options, uint32_t length, uint32_t *at);
/*
 * Options of these kinds (enum wire_tcp_option_bit: TCP_OPT_SACK, TCP_OPT_TIMESTAMPS, TCP_OPT_SACK_PERMITTED,
 * TCP_OPT_WSCALE, TCP_OPT_FAST_OPEN) become NOPs; those of a wrong length are nobody's options and stay, but Fast Open's.
 * Returns how many.
 */
unsigned accel_strip_options(struct accel_segment *s, uint16_t kinds);
/*
 * Puts NOP NOP TIMESTAMPS in front of the options; the IP packet grows by 12 bytes, into the headroom. ERR_NO_SPACE (more
 * than 28 bytes of options, no headroom, an IP packet of more than 65,535 bytes): nothing is changed.
 */
MUST_CHECK int accel_insert_timestamps(struct accel_segment *s, uint32_t ts_val, uint32_t ts_ecr);
/* The same for any option, whose bytes, a multiple of 4, come in front of the others. */
MUST_CHECK int accel_insert_option(struct accel_segment *s, const uint8_t *option, uint32_t bytes);
/* Takes as many bytes off the front of the options, a multiple of 4 that is there. The inverse. */
void accel_remove_option(struct accel_segment *s, uint32_t bytes);
/* An option of the segment becomes NOPs. */
void accel_blank_option(struct accel_segment *s, uint8_t *option, uint32_t bytes);
/* What its timestamps echo, where it has some. */
void accel_set_echo(struct accel_segment *s, uint32_t ts_ecr);
/*
 * The window field, of a sender that shifts by `from` bits, for a receiver that expects `to`. What does not fit in 16
 * bits is cut to 65,535, what lies below one unit of the receiver's is left out: it is never more than was offered.
 */
void accel_scale_window(struct accel_segment *s, unsigned from, unsigned to);
/*
 * A payload of more than `most` bytes (not 0) is marked for being cut on the way out (packet/segment, link_tx_burst). ERR_MALFORMED: it
 * cannot be cut (a SYN, bytes behind the IP packet) or its checksum is wrong, which cutting would mend: nothing is changed.
 */
MUST_CHECK int accel_limit_payload(struct accel_segment *s, uint32_t most);

#endif
