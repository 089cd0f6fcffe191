/* SPDX-License-Identifier: MIT */
/*
 * TCP headers from the numbers of one side of the accelerator to those of the other.
 *
 * The box answers a client's SYN itself, with an initial sequence number of its own and perhaps a timestamp clock of
 * its own. The server, asked at the same time, chooses others. From then on the two sides differ by constants:
 *
 *     to the server: acknowledgement, SACK blocks (RFC 2018, D-SACK RFC 2883) and TSecr grow by the shift
 *     to the client: sequence number and TSval shrink by it
 *
 * What the client numbers (its sequence numbers, its TSval, the server's acknowledgements of both) passes as it is. The
 * urgent pointer is an offset from the sequence number and needs nothing. Acknowledgement, SACK and TSecr mean nothing
 * without the ACK flag (RFC 9293 3.1, RFC 7323 3.2) and are left alone then.
 *
 * Pure functions over the header's bytes, which are changed in place, and of the same length afterwards. Checksums are
 * updated incrementally (RFC 1624 equation 3): a right one stays right, a wrong one stays wrong by as much. Translating
 * to one side and back with accel_translate_back gives the same bytes.
 */
#ifndef WEIR_ACCEL_TRANSLATE_H
#define WEIR_ACCEL_TRANSLATE_H

#include "wire/tcp.h"

enum accel_way {
    ACCEL_TO_SERVER,
    ACCEL_TO_CLIENT,
};

/* What the server's numbers are larger by than those that the client was told, modulo 2^32. */
struct accel_shift {
    uint32_t sequence;
    uint32_t timestamp; /* 0 too where nobody sends timestamps */
};

/* Whether the checksum field is over the whole segment, or over the pseudo-header alone (a link completes it). */
enum accel_checksum {
    ACCEL_CHECKSUM_WHOLE,
    ACCEL_CHECKSUM_PARTIAL,
};

/*
 * A header of header_length bytes (20 to 60, as wire_tcp_parse returned it) on its way. Options that are malformed are
 * passed as they are, from the first such one on.
 */
void accel_translate(uint8_t *tcp, uint32_t header_length, enum accel_way way, const struct accel_shift *shift,
                     enum accel_checksum checksum);
/* The inverse: a header that has been on that way gets back what it had. */
void accel_translate_back(uint8_t *tcp, uint32_t header_length, enum accel_way way, const struct accel_shift *shift,
                          enum accel_checksum checksum);

/*
 * The segment that an ICMP error quotes had been on its way `way` when it met the error, and the error goes back: its
 * first `present` bytes (8 at least, RFC 792; else ERR_TRUNCATED and nothing is changed) are translated back.
 * *icmp_checksum, a field as loaded natively, is that of the ICMP message around it, in which the quoted segment stands
 * at an even offset.
 */
MUST_CHECK int accel_translate_quote(uint8_t *tcp, size_t present, enum accel_way way, const struct accel_shift *shift,
                                     uint16_t *icmp_checksum);

#endif
