/* SPDX-License-Identifier: MIT */
/*
 * ARP for IPv4 over Ethernet: RFC 826; probes and announcements RFC 5227. Nothing but that pair of address types.
 * Field names as in RFC 826 (ar$sha, …). No state; values are copied.
 */
#ifndef WEIR_WIRE_ARP_H
#define WEIR_WIRE_ARP_H

#include "base/bytes.h"

#define WIRE_ARP_LEN 28u

enum wire_arp_op { WIRE_ARP_REQUEST = 1, WIRE_ARP_REPLY = 2 };

struct wire_arp {
    uint16_t op; /* enum wire_arp_op, or what else was sent */
    uint8_t sha[6], tha[6];
    uint32_t spa, tpa; /* host order */
};

/*
 * Reads an ARP packet (what follows the Ethernet header; padding may follow). The op is not judged: callers act on
 * REQUEST and REPLY only. Returns 28, or ERR_TRUNCATED (fewer than 28 bytes), ERR_UNSUPPORTED (hardware type not 1 or
 * protocol not 0x0800), ERR_MALFORMED (address lengths other than 6 and 4).
 */
MUST_CHECK int wire_arp_parse(const uint8_t *packet, size_t length, struct wire_arp *out);
/* Writes 28 bytes; returns 28. */
int wire_arp_build(uint8_t *to, const struct wire_arp *h);
/* "request who has 10.0.0.2 tell 10.0.0.1 (02:…)"; always terminated; returns the length it would have had. */
int wire_arp_print(char *to, size_t size, const struct wire_arp *h);

#endif
