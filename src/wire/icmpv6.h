/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6: RFC 4443. Errors, echo, quotations; Neighbour Discovery is in wire/nd.h.
 * Every message is 4 common bytes, 4 bytes whose meaning depends on the type (`rest`), and a body.
 * No state. Parsing never reads past the given length; pointers in a parsed quotation point into the caller's bytes.
 */
#ifndef WEIR_WIRE_ICMPV6_H
#define WEIR_WIRE_ICMPV6_H

#include "base/bytes.h"
#include "wire/ipv6.h"

#define WIRE_ICMPV6_LEN 8u
#define WIRE_ICMPV6_CHECKSUM_OFFSET 2u
#define WIRE_ICMPV6_QUOTE_MIN 8u
#define WIRE_ICMPV6_QUOTE_MAX (WIRE_IPV6_MIN_MTU - WIRE_IPV6_LEN - WIRE_ICMPV6_LEN) /* RFC 4443 2.4 (c) */

enum wire_icmpv6_type {
    WIRE_ICMPV6_UNREACHABLE = 1,
    WIRE_ICMPV6_PACKET_TOO_BIG = 2,
    WIRE_ICMPV6_TIME_EXCEEDED = 3,
    WIRE_ICMPV6_PARAMETER_PROBLEM = 4,
    WIRE_ICMPV6_ECHO_REQUEST = 128,
    WIRE_ICMPV6_ECHO_REPLY = 129,
    WIRE_ICMPV6_MLD_QUERY = 130,
    WIRE_ICMPV6_MLD_REPORT = 131,
    WIRE_ICMPV6_MLD_DONE = 132,
    WIRE_ICMPV6_ROUTER_SOLICITATION = 133,
    WIRE_ICMPV6_ROUTER_ADVERTISEMENT = 134,
    WIRE_ICMPV6_NEIGHBOR_SOLICITATION = 135,
    WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT = 136,
    WIRE_ICMPV6_REDIRECT = 137,
    WIRE_ICMPV6_MLDV2_REPORT = 143,
};

enum wire_icmpv6_unreachable_code {
    WIRE_ICMPV6_NO_ROUTE = 0,
    WIRE_ICMPV6_ADMIN_PROHIBITED = 1,
    WIRE_ICMPV6_BEYOND_SCOPE = 2,
    WIRE_ICMPV6_ADDRESS_UNREACHABLE = 3,
    WIRE_ICMPV6_PORT_UNREACHABLE = 4,
};

enum wire_icmpv6_time_exceeded_code {
    WIRE_ICMPV6_HOP_LIMIT_EXCEEDED = 0,
    WIRE_ICMPV6_REASSEMBLY_EXCEEDED = 1,
};

enum wire_icmpv6_problem_code {
    WIRE_ICMPV6_PROBLEM_FIELD = 0,
    WIRE_ICMPV6_PROBLEM_NEXT_HEADER = 1,
    WIRE_ICMPV6_PROBLEM_OPTION = 2,
    WIRE_ICMPV6_PROBLEM_CHAIN = 3, /* RFC 7112 */
};

struct wire_icmpv6 {
    uint8_t type, code;
    uint16_t checksum; /* as loaded natively */
    uint32_t rest;     /* host order: MTU of 2/0, pointer of type 4, id and sequence of echo */
};

static inline uint32_t wire_icmpv6_rest_echo(uint16_t id, uint16_t sequence) { return (uint32_t)id << 16 | sequence; }
static inline uint16_t wire_icmpv6_echo_id(const struct wire_icmpv6 *h) { return (uint16_t)(h->rest >> 16); }
static inline uint16_t wire_icmpv6_echo_sequence(const struct wire_icmpv6 *h) { return (uint16_t)h->rest; }
static inline uint32_t wire_icmpv6_mtu(const struct wire_icmpv6 *h) { return h->rest; }
static inline uint32_t wire_icmpv6_pointer(const struct wire_icmpv6 *h) { return h->rest; }
/* Errors have the high bit of the type clear (RFC 4443 2.1). */
static inline bool wire_icmpv6_is_error(uint8_t type) { return type < 128; }

/* Reads the first 8 bytes. Returns 8, or ERR_TRUNCATED. */
MUST_CHECK int wire_icmpv6_parse(const uint8_t *message, size_t length, struct wire_icmpv6 *out);
/* Writes 8 bytes, the checksum as given. Returns 8. */
int wire_icmpv6_build(uint8_t *to, const struct wire_icmpv6 *h);
/* Over pseudo-header and message (at least 8 bytes). */
bool wire_icmpv6_checksum_ok(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *message,
                             size_t length);
void wire_icmpv6_checksum_set(const struct ip_addr *src, const struct ip_addr *dst, uint8_t *message, size_t length);
/* "icmp6 echo request id 1 seq 2"; always terminated; returns the length it would have had. */
int wire_icmpv6_print(char *to, size_t size, const struct wire_icmpv6 *h);

/*
 * Writes a whole error message from src to dst: header, the packet that caused it (from its IPv6 header on, cut to
 * 1232 bytes and to the room), checksum. Returns the message's length, or ERR_NO_SPACE (room under 8 + 48 bytes, or
 * the packet when it is shorter), ERR_INVALID (the packet is shorter than an IPv6 header).
 */
MUST_CHECK int wire_icmpv6_error_build(uint8_t *to, size_t room, const struct ip_addr *src, const struct ip_addr *dst,
                                       uint8_t type, uint8_t code, uint32_t rest, const uint8_t *packet, size_t length);

/* The packet that an error quotes, usually cut off. */
struct wire_icmpv6_quote {
    struct wire_ipv6 ip;         /* payload_len may be past the bytes present */
    const uint8_t *l4;           /* the upper header, */
    size_t l4_len;               /* at least 8 bytes */
    uint8_t protocol;            /* behind the extension headers */
    uint16_t fragment_offset;    /* bytes; when not 0, l4 is data in the middle */
    uint16_t src_port, dst_port; /* TCP and UDP with fragment_offset 0 */
    uint32_t tcp_seq;            /* TCP */
};
/*
 * Reads the body of an error message. Returns the offset of l4, or ERR_TRUNCATED (no 8 bytes of upper header among
 * the bytes quoted), ERR_UNSUPPORTED (version not 6), ERR_MALFORMED (more than 8 extension headers, headers past the
 * quoted payload length).
 */
MUST_CHECK int wire_icmpv6_quote_parse(const uint8_t *body, size_t length, struct wire_icmpv6_quote *out);

#endif
