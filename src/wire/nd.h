/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery messages: RFC 4861; nonce RFC 3971/7527, recursive DNS servers RFC 8106, router preference RFC
 * 4191. One struct for the five messages, `type` saying which fields count. An option of length 0 or running past the
 * message makes the whole message malformed (RFC 4861 4.6); an option of known type and wrong length is ignored and
 * counted, unknown ones are skipped. No state; values are copied, the redirected packet and the nonce are pointers
 * into the caller's bytes.
 */
#ifndef WEIR_WIRE_ND_H
#define WEIR_WIRE_ND_H

#include "base/bytes.h"
#include "wire/icmpv6.h"

#define WIRE_ND_MAX_PREFIXES 8u /* more are counted in `ignored` */
#define WIRE_ND_MAX_DNS 8u
#define WIRE_ND_HOP_LIMIT 255u /* what ND packets must arrive with */
#define WIRE_ND_INFINITE 0xffffffffu

enum wire_nd_option_type {
    WIRE_ND_OPT_SOURCE_LL = 1,
    WIRE_ND_OPT_TARGET_LL = 2,
    WIRE_ND_OPT_PREFIX = 3,
    WIRE_ND_OPT_REDIRECTED = 4,
    WIRE_ND_OPT_MTU = 5,
    WIRE_ND_OPT_NONCE = 14,
    WIRE_ND_OPT_RDNSS = 25,
};

/* What single options were there or shall be written. */
enum wire_nd_has {
    WIRE_ND_HAS_SOURCE_LL = 0x01,
    WIRE_ND_HAS_TARGET_LL = 0x02,
    WIRE_ND_HAS_MTU = 0x04,
    WIRE_ND_HAS_NONCE = 0x08,
    WIRE_ND_HAS_REDIRECTED = 0x10,
};

enum wire_nd_flag {
    WIRE_ND_NA_ROUTER = 0x80,
    WIRE_ND_NA_SOLICITED = 0x40,
    WIRE_ND_NA_OVERRIDE = 0x20,
    WIRE_ND_RA_MANAGED = 0x80,
    WIRE_ND_RA_OTHER = 0x40,
    WIRE_ND_PREFIX_ON_LINK = 0x80,
    WIRE_ND_PREFIX_AUTONOMOUS = 0x40,
};

struct wire_nd_prefix {
    struct ip_addr prefix;
    uint32_t valid_s, preferred_s;
    uint8_t length; /* 0 to 128 */
    uint8_t flags;  /* WIRE_ND_PREFIX_… */
};

struct wire_nd_dns {
    struct ip_addr server;
    uint32_t lifetime_s;
};

struct wire_nd {
    uint8_t type;    /* WIRE_ICMPV6_ROUTER_SOLICITATION to _REDIRECT */
    uint8_t flags;   /* NA and RA: the byte as sent, enum wire_nd_flag */
    uint8_t has;     /* enum wire_nd_has */
    uint8_t ignored; /* known options that were malformed, repeated or beyond the caps; stops at 255 */
    /* RA */
    uint8_t hop_limit;
    uint16_t router_lifetime_s;
    uint32_t reachable_ms, retrans_ms;
    uint32_t mtu;
    /* NS, NA, Redirect */
    struct ip_addr target;
    struct ip_addr destination; /* Redirect */
    /* options */
    uint8_t source_ll[6], target_ll[6];
    uint8_t prefix_count, dns_count;
    uint16_t nonce_len;      /* 6, 14, … */
    uint16_t redirected_len; /* a multiple of 8 */
    const uint8_t *nonce;
    const uint8_t *redirected;                          /* the packet that caused a Redirect, from its IPv6 header on */
    struct wire_nd_prefix prefix[WIRE_ND_MAX_PREFIXES]; /* RA */
    struct wire_nd_dns dns[WIRE_ND_MAX_DNS];            /* RA */
};

/* True for types 133 to 137. */
static inline bool wire_nd_is_nd(uint8_t icmpv6_type)
{
    return icmpv6_type >= WIRE_ICMPV6_ROUTER_SOLICITATION && icmpv6_type <= WIRE_ICMPV6_REDIRECT;
}
/*
 * Reads an ICMPv6 message of type 133 to 137, whose checksum the caller has tested.
 * Returns the message's length, or ERR_TRUNCATED (shorter than the type's fixed part), ERR_UNSUPPORTED (another
 * type), ERR_MALFORMED (code not 0, option length 0 or past the end, multicast target or redirected destination).
 */
MUST_CHECK int wire_nd_parse(const uint8_t *message, size_t length, struct wire_nd *out);
/*
 * The rules of RFC 4861 6.1 and 7.1 that need the IPv6 header: hop limit 255, link-local source of RA and Redirect,
 * unspecified source of RS and NS without source link-layer option (NS: to a solicited-node address), solicited NA
 * not to multicast. Returns 0 or ERR_PROTOCOL.
 */
MUST_CHECK int wire_nd_check(const struct wire_nd *h, const struct ip_addr *src, const struct ip_addr *dst,
                             uint8_t hop_limit);
/*
 * Writes the message with checksum 0 (see wire_icmpv6_checksum_set) and the options that `has` and the counts name,
 * in the order source, target, MTU, prefixes, DNS, nonce, redirected; reserved fields 0. Returns the length, or
 * ERR_NO_SPACE, ERR_INVALID (type; counts over the caps; nonce_len not 6 + 8n; redirected_len not a multiple of 8; an
 * option that is too long).
 */
MUST_CHECK int wire_nd_build(uint8_t *to, size_t room, const struct wire_nd *h);
/* "neighbor solicitation who has fe80::1 source 02:…"; always terminated; returns the length it would have had. */
int wire_nd_print(char *to, size_t size, const struct wire_nd *h);

#endif
