/* SPDX-License-Identifier: MIT */
/*
 * IGMP messages: RFC 1112 appendix I, RFC 2236 section 2, RFC 3376 section 4. The version of a query is told by its
 * length and code (RFC 3376 7.1). No state; see group_message.h.
 */
#ifndef WEIR_WIRE_IGMP_H
#define WEIR_WIRE_IGMP_H

#include "wire/group_message.h"
#include "wire/ipv4.h"

#define WIRE_IGMP_LEN 8u           /* of everything before version 3; in reports of version 3 records follow */
#define WIRE_IGMP_V3_QUERY_LEN 12u /* sources follow */
#define WIRE_IGMP_TTL 1u

enum wire_igmp_type {
    WIRE_IGMP_QUERY = 0x11,
    WIRE_IGMP_V1_REPORT = 0x12,
    WIRE_IGMP_V2_REPORT = 0x16,
    WIRE_IGMP_LEAVE = 0x17,
    WIRE_IGMP_V3_REPORT = 0x22,
};

/*
 * Reads a message and tests its checksum, which covers all of the IP payload. Returns `length`, or ERR_TRUNCATED
 * (shorter than its kind, more sources than bytes), ERR_CHECKSUM, ERR_UNSUPPORTED (another type), ERR_MALFORMED (a
 * query of 9 to 11 bytes; a group that is no multicast address, or in a general query's place another address).
 */
MUST_CHECK int wire_igmp_parse(const uint8_t *message, size_t length, struct wire_group_message *out);
/*
 * Writes a message but for its checksum: the 8 or 12 bytes before sources or records. Returns how many. The response
 * time of a query is rounded to tenths of a second.
 */
int wire_igmp_build(uint8_t *to, const struct wire_group_message *m);
/* When everything is written. */
void wire_igmp_checksum_set(uint8_t *message, size_t length);
/* "igmp v3 query 239.0.0.1 sources 2"; always terminated; returns the length it would have had. */
int wire_igmp_print(char *to, size_t size, const struct wire_group_message *m);

#endif
