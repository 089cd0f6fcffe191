/* SPDX-License-Identifier: MIT */
/*
 * LLDPDUs: IEEE 802.1AB-2016 8 and 9.2.7.7, what is behind the Ethernet header of type 0x88cc. No state.
 *
 * A parsed LLDPDU refers to the caller's bytes. Chassis, port and time to live come first and once, each rejected with a
 * named reason where it is not so; of the optional TLVs those of the basic set are read, all others are counted and
 * skipped. An optional TLV of a length that it cannot have is left out (9.2.7.7.2); one that goes past the end makes the
 * whole LLDPDU rejected.
 */
#ifndef WEIR_WIRE_LLDP_H
#define WEIR_WIRE_LLDP_H

#include "base/bytes.h"

#define WIRE_LLDP_ID_MAX 255u
#define WIRE_LLDP_TEXT_MAX 255u
#define WIRE_LLDP_ADDRESS_MAX 31u
#define WIRE_LLDP_MOST 1500u

enum wire_lldp_tlv {
    WIRE_LLDP_END = 0,
    WIRE_LLDP_CHASSIS = 1,
    WIRE_LLDP_PORT = 2,
    WIRE_LLDP_TTL = 3,
    WIRE_LLDP_PORT_DESCRIPTION = 4,
    WIRE_LLDP_SYSTEM_NAME = 5,
    WIRE_LLDP_SYSTEM_DESCRIPTION = 6,
    WIRE_LLDP_CAPABILITIES = 7,
    WIRE_LLDP_MANAGEMENT = 8,
    WIRE_LLDP_ORGANIZATION = 127,
};

enum wire_lldp_chassis { WIRE_LLDP_CHASSIS_MAC = 4, WIRE_LLDP_CHASSIS_ADDRESS = 5, WIRE_LLDP_CHASSIS_LOCAL = 7 };
enum wire_lldp_port { WIRE_LLDP_PORT_MAC = 3, WIRE_LLDP_PORT_INTERFACE = 5, WIRE_LLDP_PORT_LOCAL = 7 };

enum wire_lldp_capability {
    WIRE_LLDP_CAP_OTHER = 1,
    WIRE_LLDP_CAP_REPEATER = 2,
    WIRE_LLDP_CAP_BRIDGE = 4,
    WIRE_LLDP_CAP_ACCESS_POINT = 8,
    WIRE_LLDP_CAP_ROUTER = 16,
    WIRE_LLDP_CAP_TELEPHONE = 32,
    WIRE_LLDP_CAP_DOCSIS = 64,
    WIRE_LLDP_CAP_STATION = 128,
};

/* Why an LLDPDU is rejected: name, text. */
// clang-format off
#define WIRE_LLDP_REJECT_LIST(X)                                                    \
    X(SHORT, "ends inside of a TLV's header")                                       \
    X(TLV_PAST_END, "a TLV goes past the end")                                      \
    X(ORDER, "does not begin with chassis, port and time to live")                  \
    X(REPEATED, "chassis, port or time to live twice")                              \
    X(CHASSIS, "a chassis identifier of no or more than 255 bytes, or subtype 0")   \
    X(PORT, "a port identifier of no or more than 255 bytes, or subtype 0")         \
    X(TTL, "a time to live of less than 2 bytes")                                   \
    X(END, "an end TLV that is not empty")
// clang-format on

enum wire_lldp_reject {
    WIRE_LLDP_ACCEPTED,
#define WIRE_LLDP_REJECT_ENUM(name, text) WIRE_LLDP_REJECT_##name,
    WIRE_LLDP_REJECT_LIST(WIRE_LLDP_REJECT_ENUM)
#undef WIRE_LLDP_REJECT_ENUM
        WIRE_LLDP_REJECTS
};
const char *wire_lldp_reject_text(enum wire_lldp_reject reason);

/* NULL: not there. */
struct wire_lldp_value {
    const uint8_t *bytes;
    uint16_t length;
};

struct wire_lldp {
    uint8_t chassis_subtype, port_subtype;
    uint16_t ttl_s; /* 0: the sender goes away (9.2.7.7.1) */
    struct wire_lldp_value chassis, port;
    struct wire_lldp_value port_description, system_name, system_description;
    bool has_capabilities;
    uint16_t capabilities, enabled;    /* enum wire_lldp_capability */
    uint8_t management_family;         /* IANA address family: 1 IPv4, 2 IPv6, 6 MAC */
    struct wire_lldp_value management; /* the first address, without its family */
    uint32_t management_interface;     /* its number */
    uint16_t others;                   /* TLVs that are not read */
    uint16_t ignored;                  /* of the basic set, but repeated or of a wrong length */
};

MUST_CHECK enum wire_lldp_reject wire_lldp_parse(const uint8_t *bytes, size_t length, struct wire_lldp *out);
/*
 * Writes the LLDPDU with its end; with ttl_s 0 the three mandatory TLVs alone (a shutdown LLDPDU). The length, or
 * ERR_NO_SPACE, ERR_INVALID (an identifier of no or over 255 bytes, a text over 255, an address over 31).
 */
MUST_CHECK int wire_lldp_build(uint8_t *to, size_t room, const struct wire_lldp *h);

#endif
