/* SPDX-License-Identifier: MIT */
/*
 * What IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810) have in common: one struct for their messages and the group
 * records of the newest version of both. wire/igmp.h and wire/mld.h read and write them; only the width of an address
 * and the codes differ. MLDv1 is a translation of IGMPv2 and MLDv2 of IGMPv3, so versions are counted as IGMP does.
 *
 * No state. Values are copied; sources and records are pointers into the caller's bytes, and the cursor over records
 * never passes their end.
 */
#ifndef WEIR_WIRE_GROUP_MESSAGE_H
#define WEIR_WIRE_GROUP_MESSAGE_H

#include "base/bytes.h"
#include "wire/ip_addr.h"

enum wire_group_version {
    WIRE_GROUP_V1 = 1, /* IGMPv1 */
    WIRE_GROUP_V2,     /* IGMPv2, MLDv1 */
    WIRE_GROUP_V3,     /* IGMPv3, MLDv2 */
};

enum wire_group_kind {
    WIRE_GROUP_QUERY,   /* who listens? group unspecified: to any */
    WIRE_GROUP_REPORT,  /* of one group: IGMPv1, IGMPv2, MLDv1 */
    WIRE_GROUP_LEAVE,   /* of one group: IGMPv2, MLDv1 (Done) */
    WIRE_GROUP_RECORDS, /* a report of version 3 */
};

struct wire_group_message {
    uint8_t kind;    /* enum wire_group_kind */
    uint8_t version; /* enum wire_group_version */
    struct ip_addr group;
    /* of a query; of versions before 3 the second and third line are 0 */
    uint32_t max_response_ms;
    bool suppress;       /* routers shall not act upon it */
    uint8_t robustness;  /* QRV: 0 to 7; 0: more than that */
    uint32_t interval_s; /* QQIC */
    /* sources of a query, records of a report */
    uint16_t count;
    uint32_t bytes_length;
    const uint8_t *bytes;
};

/* Codes of an exponent and a mantissa: RFC 3376 4.1.1 and 4.1.7, RFC 3810 5.1.3 and 5.1.9. Encoding rounds down. */
uint32_t wire_group_code8(uint8_t code);
uint8_t wire_group_code8_of(uint32_t value);
uint32_t wire_group_code16(uint16_t code);
uint16_t wire_group_code16_of(uint32_t value);

enum wire_group_record_type {
    WIRE_GROUP_IS_INCLUDE = 1,
    WIRE_GROUP_IS_EXCLUDE,
    WIRE_GROUP_TO_INCLUDE,
    WIRE_GROUP_TO_EXCLUDE,
    WIRE_GROUP_ALLOW_NEW,
    WIRE_GROUP_BLOCK_OLD,
};
struct wire_group_record {
    uint8_t type;
    uint16_t count;
    struct ip_addr group;
    const uint8_t *sources;
};

static inline uint32_t wire_group_address_bytes(bool v6) { return v6 ? 16 : 4; }
/* Bytes of a record without auxiliary data. */
static inline uint32_t wire_group_record_bytes(bool v6, uint32_t sources)
{
    return 4 + wire_group_address_bytes(v6) * (1 + sources);
}
/* The address at a place of sources, and back. */
struct ip_addr wire_group_address(const uint8_t *sources, bool v6, uint32_t at);
void wire_group_address_put(uint8_t *sources, bool v6, uint32_t at, const struct ip_addr *address);
/*
 * Reads the record at the beginning of `bytes`: its length with auxiliary data, which is skipped, or ERR_TRUNCATED,
 * ERR_MALFORMED (its group is not a multicast address).
 */
MUST_CHECK int wire_group_record_parse(const uint8_t *bytes, size_t length, bool v6, struct wire_group_record *out);
/* Writes a record's head; its sources follow. Returns the bytes written. */
int wire_group_record_build(uint8_t *to, bool v6, const struct wire_group_record *r);

#endif
