/* SPDX-License-Identifier: MIT */
/*
 * IPv6 fixed header and the walk over its extension headers: RFC 8200; header chain of first fragments RFC 7112,
 * atomic fragments RFC 6946, deprecated routing type 0 RFC 5095, jumbo option (refused) RFC 2675, option limits RFC
 * 8504 5.3, router alert RFC 2711. No state, no allocation. Nothing reads past the given length; every walk is
 * bounded by WIRE_IPV6_MAX_HEADERS headers of at most WIRE_IPV6_MAX_OPTIONS options each.
 */
#ifndef WEIR_WIRE_IPV6_H
#define WEIR_WIRE_IPV6_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/ip_addr.h"
#include "wire/ip_proto.h"

#define WIRE_IPV6_LEN 40u
#define WIRE_IPV6_MIN_MTU 1280u
#define WIRE_IPV6_FRAGMENT_LEN 8u
#define WIRE_IPV6_MAX_HEADERS 8u /* extension headers of one packet */
#define WIRE_IPV6_MAX_OPTIONS 8u /* options of one header, padding not counted */
#define WIRE_IPV6_MAX_PADDING 7u /* consecutive bytes of padding */

struct wire_ipv6 {
    struct ip_addr src, dst;
    uint32_t flow_label; /* 20 bits */
    uint16_t payload_len;
    uint8_t traffic_class; /* DSCP 6 bits, ECN 2 bits */
    uint8_t next_header;   /* enum ip_proto */
    uint8_t hop_limit;
};

/*
 * Reads the fixed header of a packet of which length bytes are present (a link's padding may follow).
 * Returns 40, or ERR_TRUNCATED (fewer than 40 bytes or than 40 + payload length), ERR_UNSUPPORTED (version not 6).
 */
MUST_CHECK static ALWAYS_INLINE int wire_ipv6_parse(const uint8_t *packet, size_t length, struct wire_ipv6 *out)
{
    if (unlikely(length < WIRE_IPV6_LEN))
        return ERR_TRUNCATED;
    uint32_t first = load_be32(packet);
    if (unlikely(first >> 28 != 6))
        return ERR_UNSUPPORTED;
    out->traffic_class = (uint8_t)(first >> 20);
    out->flow_label = first & 0xfffffu;
    out->payload_len = load_be16(packet + 4);
    out->next_header = packet[6];
    out->hop_limit = packet[7];
    out->src = ip_addr_from_v6(packet + 8);
    out->dst = ip_addr_from_v6(packet + 24);
    return likely(length - WIRE_IPV6_LEN >= out->payload_len) ? (int)WIRE_IPV6_LEN : ERR_TRUNCATED;
}
/* Writes 40 bytes; flow_label is cut to 20 bits. Returns 40. */
static ALWAYS_INLINE int wire_ipv6_build(uint8_t *to, const struct wire_ipv6 *h)
{
    store_be32(to, 6u << 28 | (uint32_t)h->traffic_class << 20 | (h->flow_label & 0xfffffu));
    store_be16(to + 4, h->payload_len);
    to[6] = h->next_header;
    to[7] = h->hop_limit;
    memcpy(to + 8, h->src.bytes, 16);
    memcpy(to + 24, h->dst.bytes, 16);
    return WIRE_IPV6_LEN;
}
/* "2001:db8::1 > 2001:db8::2 next 6 hlim 64 len 20"; always terminated; returns the length it would have had. */
int wire_ipv6_print(char *to, size_t size, const struct wire_ipv6 *h);

struct wire_ipv6_fragment {
    uint32_t id;
    uint16_t offset; /* bytes, a multiple of 8 */
    uint8_t next_header;
    bool more;
};
/* Returns 8, or ERR_TRUNCATED. The reserved fields are ignored. */
MUST_CHECK int wire_ipv6_fragment_parse(const uint8_t *bytes, size_t length, struct wire_ipv6_fragment *out);
/* Writes 8 bytes; offset is cut to a multiple of 8. Returns 8. */
int wire_ipv6_fragment_build(uint8_t *to, const struct wire_ipv6_fragment *h);
/* "frag id 0x00000001 offset 1448 more next 6"; always terminated; returns the length it would have had. */
int wire_ipv6_fragment_print(char *to, size_t size, const struct wire_ipv6_fragment *h);

/* The extension headers that a walk passes; anything else ends it as upper protocol. */
static ALWAYS_INLINE bool wire_ipv6_is_extension(uint8_t next_header)
{
    return next_header == IP_PROTO_HOP_BY_HOP || next_header == IP_PROTO_ROUTING || next_header == IP_PROTO_FRAGMENT ||
           next_header == IP_PROTO_DESTINATION_OPTIONS;
}

enum wire_ipv6_option {
    WIRE_IPV6_OPT_PAD1 = 0x00,
    WIRE_IPV6_OPT_PADN = 0x01,
    WIRE_IPV6_OPT_ROUTER_ALERT = 0x05,
    WIRE_IPV6_OPT_JUMBO = 0xc2,
};

enum wire_ipv6_verdict {
    WIRE_IPV6_ACCEPT,            /* the upper header, or the data of a fragment, is at `offset` */
    WIRE_IPV6_DROP,              /* discard without a word */
    WIRE_IPV6_PARAMETER_PROBLEM, /* discard and send ICMPv6 4/problem_code with problem_pointer */
};

/* Causes, one counter each: name, text. */
#define WIRE_IPV6_REASONS(X)                                                                                           \
    X(WIRE_IPV6_GOOD, "good")                                                                                          \
    X(WIRE_IPV6_TRUNCATED, "header past the end of the packet")                                                        \
    X(WIRE_IPV6_BAD_VERSION, "version is not 6")                                                                       \
    X(WIRE_IPV6_TOO_MANY_HEADERS, "more than 8 extension headers")                                                     \
    X(WIRE_IPV6_TOO_MANY_OPTIONS, "more than 8 options in a header")                                                   \
    X(WIRE_IPV6_BAD_OPTION, "option length or padding wrong")                                                          \
    X(WIRE_IPV6_UNKNOWN_OPTION, "unknown option that must not be skipped")                                             \
    X(WIRE_IPV6_HOP_BY_HOP_MISPLACED, "hop-by-hop header not first")                                                   \
    X(WIRE_IPV6_ROUTING, "routing header with segments left")                                                          \
    X(WIRE_IPV6_JUMBO, "jumbo payload option or zero payload length")                                                  \
    X(WIRE_IPV6_FRAGMENT_MISALIGNED, "fragment length not a multiple of 8")                                            \
    X(WIRE_IPV6_FRAGMENT_TOO_FAR, "fragment reaches past 65535")                                                       \
    X(WIRE_IPV6_FRAGMENT_EMPTY, "fragment without data")                                                               \
    X(WIRE_IPV6_FRAGMENT_NESTED, "second fragment header")                                                             \
    X(WIRE_IPV6_CHAIN_INCOMPLETE, "first fragment without the whole header chain")

enum wire_ipv6_reason {
#define WIRE_IPV6_REASON_ENUM(name, text) name,
    WIRE_IPV6_REASONS(WIRE_IPV6_REASON_ENUM)
#undef WIRE_IPV6_REASON_ENUM
        WIRE_IPV6_REASON_COUNT
};
const char *wire_ipv6_reason_text(enum wire_ipv6_reason reason);

struct wire_ipv6_walk {
    enum wire_ipv6_verdict verdict;
    enum wire_ipv6_reason reason;
    uint32_t problem_pointer; /* offset in the packet */
    uint8_t problem_code;     /* 0 field, 1 next header, 2 option, 3 incomplete chain (RFC 7112) */
    uint8_t header_count;     /* extension headers met */
    uint8_t protocol;         /* the upper protocol; of a fragment: the next header its Fragment header names */
    bool router_alert;
    bool fragment_header; /* a Fragment header was met, atomic or not (RFC 6980 wants to know) */
    bool fragment;        /* to be reassembled: fragment_header and not atomic */
    uint16_t router_alert_value;
    uint32_t offset;           /* of the upper header; of a fragment: of its data */
    uint32_t end;              /* 40 + payload length */
    uint32_t next_header_at;   /* offset of the byte that names `protocol`: problem pointer of 4/1 for unknown ones */
    uint32_t fragment_at;      /* offset of the Fragment header (then the unfragmentable part ends there) */
    uint32_t fragment_next_at; /* offset of the byte that holds 44: reassembly puts the fragment's next header there */
    struct wire_ipv6_fragment frag; /* when fragment_header */
};

/*
 * Walks a packet from its fixed header: hop-by-hop (first only), destination options, routing, fragment. Anything
 * else ends the walk as upper protocol: TCP, UDP, ICMPv6, but also AH, ESP, mobility, 59 (no next header: ignore the
 * rest) and unknown numbers, which the caller answers with 4/1 at next_header_at if it does not know them. A first
 * fragment is checked for its whole header chain (with 20 bytes of TCP, 8 of UDP or ICMPv6, 1 of others); headers
 * behind a Fragment header that is not atomic are not acted upon. PARAMETER_PROBLEM for a multicast destination is
 * only given where RFC 4443 2.4 (e.3) allows to answer; whether the source may be answered is the caller's to judge.
 * Returns out->verdict.
 */
enum wire_ipv6_verdict wire_ipv6_walk(const uint8_t *packet, size_t length, struct wire_ipv6_walk *out);
/* As a router does: a hop-by-hop header, where one comes first, and no other. */
enum wire_ipv6_verdict wire_ipv6_walk_hop_by_hop(const uint8_t *packet, size_t length, struct wire_ipv6_walk *out);

#endif
