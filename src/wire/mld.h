/* SPDX-License-Identifier: MIT */
/*
 * MLD messages: RFC 2710 section 3, RFC 3810 section 5. They are ICMPv6, whose checksum the caller tests and sets. The
 * version of a query is told by its length (RFC 3810 8.1). No state; see group_message.h, which counts MLDv1 as version
 * 2 and MLDv2 as version 3.
 */
#ifndef WEIR_WIRE_MLD_H
#define WEIR_WIRE_MLD_H

#include "wire/group_message.h"
#include "wire/icmpv6.h"

#define WIRE_MLD_LEN 24u          /* of everything of version 1 */
#define WIRE_MLD_V2_QUERY_LEN 28u /* sources follow */
#define WIRE_MLD_V2_REPORT_LEN 8u /* records follow */
#define WIRE_MLD_HOP_LIMIT 1u

static inline bool wire_mld_is_mld(uint8_t icmpv6_type)
{
    return (icmpv6_type >= WIRE_ICMPV6_MLD_QUERY && icmpv6_type <= WIRE_ICMPV6_MLD_DONE) ||
           icmpv6_type == WIRE_ICMPV6_MLDV2_REPORT;
}
/*
 * Reads an ICMPv6 message of one of these types. Returns `length`, or ERR_TRUNCATED (shorter than its kind, more
 * sources than bytes), ERR_UNSUPPORTED (another type), ERR_MALFORMED (a query of 25 to 27 bytes; a group that is no
 * multicast address, or in a general query's place another address).
 */
MUST_CHECK int wire_mld_parse(const uint8_t *message, size_t length, struct wire_group_message *out);
/* Writes a message but for its checksum: the 24, 28 or 8 bytes before sources or records. Returns how many. */
int wire_mld_build(uint8_t *to, const struct wire_group_message *m);
/* "mld v2 query ff05::1 sources 2"; always terminated; returns the length it would have had. */
int wire_mld_print(char *to, size_t size, const struct wire_group_message *m);

#endif
