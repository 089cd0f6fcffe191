/* SPDX-License-Identifier: MIT */
/*
 * IPv4 header and options: RFC 791, RFC 1122 3.2.1, DSCP/ECN byte RFC 2474 and 3168, router alert RFC 2113.
 * No state, no allocation. Parsing never reads past the given length; the options pointer of a parsed header points
 * into the caller's bytes. The checksum is not part of parsing, since a link may have verified it.
 */
#ifndef WEIR_WIRE_IPV4_H
#define WEIR_WIRE_IPV4_H

#include "base/checksum.h"
#include "base/error.h"
#include "wire/ip_proto.h"

#define WIRE_IPV4_MIN 20u
#define WIRE_IPV4_MAX 60u
#define WIRE_IPV4_MAX_OPTIONS 40u
#define WIRE_IPV4_MAX_TOTAL 65535u
#define WIRE_IPV4_MIN_MTU 68u
#define WIRE_IPV4_CHECKSUM_OFFSET 10u

enum wire_ipv4_flag {
    WIRE_IPV4_MF = 1,
    WIRE_IPV4_DF = 2,
    WIRE_IPV4_RESERVED = 4,
};

struct wire_ipv4 {
    uint32_t src, dst; /* host order */
    uint16_t total_len;
    uint16_t id;
    uint16_t fragment_offset; /* bytes, a multiple of 8 */
    uint16_t checksum;        /* as loaded natively */
    uint8_t tos;              /* DSCP 6 bits, ECN 2 bits */
    uint8_t flags;            /* enum wire_ipv4_flag */
    uint8_t ttl;
    uint8_t protocol;    /* enum ip_proto */
    uint8_t header_len;  /* bytes, 20 to 60 */
    uint8_t options_len; /* header_len - 20 */
    const uint8_t *options;
};

static ALWAYS_INLINE bool wire_ipv4_is_fragment(const struct wire_ipv4 *h)
{
    return ((h->flags & WIRE_IPV4_MF) | h->fragment_offset) != 0;
}
static ALWAYS_INLINE uint16_t wire_ipv4_payload_len(const struct wire_ipv4 *h)
{
    return (uint16_t)(h->total_len - h->header_len);
}

/* Reads fields without any check, for bytes known to hold 20. Does not set header_len and options. */
static ALWAYS_INLINE void wire_ipv4_load(const uint8_t *packet, struct wire_ipv4 *out)
{
    uint16_t fragment = load_be16(packet + 6);
    out->tos = packet[1];
    out->total_len = load_be16(packet + 2);
    out->id = load_be16(packet + 4);
    out->flags = (uint8_t)(fragment >> 13);
    out->fragment_offset = (uint16_t)(fragment << 3);
    out->ttl = packet[8];
    out->protocol = packet[9];
    memcpy(&out->checksum, packet + WIRE_IPV4_CHECKSUM_OFFSET, sizeof out->checksum);
    out->src = load_be32(packet + 12);
    out->dst = load_be32(packet + 16);
}
/*
 * Reads the header of a packet of which length bytes are present (a link's padding may follow total_len).
 * Returns the header length, or ERR_TRUNCATED (fewer than 20 bytes, IHL or total length past the bytes present),
 * ERR_UNSUPPORTED (version not 4), ERR_MALFORMED (IHL under 5, total length under the header's).
 */
MUST_CHECK static ALWAYS_INLINE int wire_ipv4_parse(const uint8_t *packet, size_t length, struct wire_ipv4 *out)
{
    if (unlikely(length < WIRE_IPV4_MIN))
        return ERR_TRUNCATED;
    unsigned header_len = (packet[0] & 15u) * 4u;
    if (unlikely(packet[0] >> 4 != 4))
        return ERR_UNSUPPORTED;
    if (unlikely(header_len < WIRE_IPV4_MIN))
        return ERR_MALFORMED;
    wire_ipv4_load(packet, out);
    if (unlikely(out->total_len < header_len))
        return ERR_MALFORMED;
    if (unlikely(out->total_len > length))
        return ERR_TRUNCATED;
    out->header_len = (uint8_t)header_len;
    out->options_len = (uint8_t)(header_len - WIRE_IPV4_MIN);
    out->options = packet + WIRE_IPV4_MIN;
    return (int)header_len;
}

static ALWAYS_INLINE uint64_t wire_ipv4_sum20(const uint8_t *header)
{
    uint32_t w[5];
    memcpy(w, header, sizeof w);
    return (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
}
/* The checksum test of a header of 20 bytes, and of any header (header_len: 20 to 60, a multiple of 4, as parsed). */
static ALWAYS_INLINE bool wire_ipv4_checksum_ok20(const uint8_t *header)
{
    return checksum_ok(wire_ipv4_sum20(header));
}
static inline bool wire_ipv4_checksum_ok(const uint8_t *header, size_t header_len)
{
    uint64_t sum = wire_ipv4_sum20(header);
    for (size_t i = WIRE_IPV4_MIN; i + 4 <= header_len; i += 4) {
        uint32_t w;
        memcpy(&w, header + i, sizeof w);
        sum += w;
    }
    return checksum_ok(sum);
}
/*
 * Writes a header of 20 bytes with its checksum; options, header_len and h->checksum are ignored, fragment_offset is
 * cut to a multiple of 8. Returns 20.
 */
static ALWAYS_INLINE int wire_ipv4_build20(uint8_t *to, const struct wire_ipv4 *h)
{
    to[0] = 0x45;
    to[1] = h->tos;
    store_be16(to + 2, h->total_len);
    store_be16(to + 4, h->id);
    store_be16(to + 6, (uint16_t)((unsigned)h->flags << 13 | h->fragment_offset >> 3));
    to[8] = h->ttl;
    to[9] = h->protocol;
    store_be16(to + 10, 0);
    store_be32(to + 12, h->src);
    store_be32(to + 16, h->dst);
    uint16_t checksum = checksum_finish(wire_ipv4_sum20(to));
    memcpy(to + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    return WIRE_IPV4_MIN;
}
/*
 * The same with h->options (options_len bytes, a multiple of 4; not overlapping `to`); WIRE_IPV4_MAX bytes of room.
 * Returns the header length, or ERR_INVALID (options_len over 40 or not a multiple of 4, total_len shorter than the
 * header, fragment_offset not a multiple of 8, flags over 7).
 */
MUST_CHECK int wire_ipv4_build(uint8_t *to, const struct wire_ipv4 *h);
/* "10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 60 id 1 DF"; always terminated; returns the length it would have had. */
int wire_ipv4_print(char *to, size_t size, const struct wire_ipv4 *h);

enum wire_ipv4_option {
    WIRE_IPV4_OPT_END = 0,
    WIRE_IPV4_OPT_NOP = 1,
    WIRE_IPV4_OPT_RECORD_ROUTE = 7,
    WIRE_IPV4_OPT_TIMESTAMP = 68,
    WIRE_IPV4_OPT_SECURITY = 130,
    WIRE_IPV4_OPT_LSRR = 131,
    WIRE_IPV4_OPT_SSRR = 137,
    WIRE_IPV4_OPT_ROUTER_ALERT = 148,
};

enum wire_ipv4_options_verdict {
    WIRE_IPV4_OPTIONS_OK,
    WIRE_IPV4_OPTIONS_SOURCE_ROUTE, /* well formed, with LSRR or SSRR: discard silently (RFC 1122 3.2.1.8) */
    WIRE_IPV4_OPTIONS_BAD_LENGTH,   /* discard; parameter problem (12/0) at `pointer` may be sent */
    WIRE_IPV4_OPTIONS_BAD_POINTER,  /* the same: pointer or overflow field of RR, TS, LSRR, SSRR */
    WIRE_IPV4_OPTIONS_DUPLICATE,    /* the same: a second RR, TS or source route */
};

struct wire_ipv4_options {
    uint8_t pointer; /* octet of the IP header that was wrong, for the ICMP message; 0 when nothing was */
    bool source_route, record_route, timestamp, router_alert;
};
/*
 * Walks options (the bytes behind the first 20; length 0 to 40) without changing them; a bounded walk, unknown
 * options skipped by their length. END ends the walk. `out` says what was met up to the end or the first fault.
 */
enum wire_ipv4_options_verdict wire_ipv4_options_check(const uint8_t *options, size_t length,
                                                       struct wire_ipv4_options *out);
/*
 * Of well-formed options those that each fragment has (RFC 791 3.1, the copied flag), filled up with END; `out` has
 * room for length bytes. Returns how many bytes, a multiple of 4.
 */
uint32_t wire_ipv4_options_copied(const uint8_t *options, size_t length, uint8_t *out);

#endif
