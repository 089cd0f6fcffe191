/* SPDX-License-Identifier: MIT */
/*
 * ICMP for IPv4: RFC 792, RFC 1122 3.2.2, next-hop MTU RFC 1191, size of errors RFC 1812 4.3.2.3.
 * Every message is 4 common bytes, 4 bytes whose meaning depends on the type (`rest`, read and made by the helpers
 * below), and a body. No state. Parsing never reads past the given length; pointers in a parsed quotation point into
 * the caller's bytes.
 */
#ifndef WEIR_WIRE_ICMP_H
#define WEIR_WIRE_ICMP_H

#include "base/bytes.h"
#include "wire/ipv4.h"

#define WIRE_ICMP_LEN 8u
#define WIRE_ICMP_CHECKSUM_OFFSET 2u
#define WIRE_ICMP_QUOTE_MIN 8u   /* bytes of the quoted datagram's payload that must be there */
#define WIRE_ICMP_QUOTE_MAX 548u /* so that an error fits in 576 bytes */

enum wire_icmp_type {
    WIRE_ICMP_ECHO_REPLY = 0,
    WIRE_ICMP_UNREACHABLE = 3,
    WIRE_ICMP_SOURCE_QUENCH = 4,
    WIRE_ICMP_REDIRECT = 5,
    WIRE_ICMP_ECHO_REQUEST = 8,
    WIRE_ICMP_ROUTER_ADVERTISEMENT = 9,
    WIRE_ICMP_ROUTER_SOLICITATION = 10,
    WIRE_ICMP_TIME_EXCEEDED = 11,
    WIRE_ICMP_PARAMETER_PROBLEM = 12,
    WIRE_ICMP_TIMESTAMP_REQUEST = 13,
    WIRE_ICMP_TIMESTAMP_REPLY = 14,
};

enum wire_icmp_unreachable_code {
    WIRE_ICMP_NET_UNREACHABLE = 0,
    WIRE_ICMP_HOST_UNREACHABLE = 1,
    WIRE_ICMP_PROTOCOL_UNREACHABLE = 2,
    WIRE_ICMP_PORT_UNREACHABLE = 3,
    WIRE_ICMP_FRAGMENTATION_NEEDED = 4,
    WIRE_ICMP_SOURCE_ROUTE_FAILED = 5,
    WIRE_ICMP_ADMIN_PROHIBITED = 13,
};

enum wire_icmp_time_exceeded_code {
    WIRE_ICMP_TTL_EXCEEDED = 0,
    WIRE_ICMP_REASSEMBLY_EXCEEDED = 1,
};

struct wire_icmp {
    uint8_t type, code;
    uint16_t checksum; /* as loaded natively */
    uint32_t rest;     /* host order */
};

static inline uint32_t wire_icmp_rest_echo(uint16_t id, uint16_t sequence) { return (uint32_t)id << 16 | sequence; }
static inline uint16_t wire_icmp_echo_id(const struct wire_icmp *h) { return (uint16_t)(h->rest >> 16); }
static inline uint16_t wire_icmp_echo_sequence(const struct wire_icmp *h) { return (uint16_t)h->rest; }
static inline uint32_t wire_icmp_rest_mtu(uint16_t mtu) { return mtu; }
/* Of 3/4; 0 when the router is older than RFC 1191. */
static inline uint16_t wire_icmp_mtu(const struct wire_icmp *h) { return (uint16_t)h->rest; }
static inline uint32_t wire_icmp_rest_pointer(uint8_t pointer) { return (uint32_t)pointer << 24; }
static inline uint8_t wire_icmp_pointer(const struct wire_icmp *h) { return (uint8_t)(h->rest >> 24); }
static inline uint32_t wire_icmp_gateway(const struct wire_icmp *h) { return h->rest; }
/* Errors quote a datagram and are never answered. */
static inline bool wire_icmp_is_error(uint8_t type)
{
    return type == WIRE_ICMP_UNREACHABLE || type == WIRE_ICMP_SOURCE_QUENCH || type == WIRE_ICMP_REDIRECT ||
           type == WIRE_ICMP_TIME_EXCEEDED || type == WIRE_ICMP_PARAMETER_PROBLEM;
}

/* Reads the first 8 bytes; the body is what follows. Returns 8, or ERR_TRUNCATED. */
MUST_CHECK int wire_icmp_parse(const uint8_t *message, size_t length, struct wire_icmp *out);
/* Writes 8 bytes, the checksum as given. Returns 8. */
int wire_icmp_build(uint8_t *to, const struct wire_icmp *h);
/* Over the whole message, at least 8 bytes. */
bool wire_icmp_checksum_ok(const uint8_t *message, size_t length);
/* Computes and stores the checksum of a message of at least 8 bytes. */
void wire_icmp_checksum_set(uint8_t *message, size_t length);
/* "icmp echo request id 1 seq 2"; always terminated; returns the length it would have had. */
int wire_icmp_print(char *to, size_t size, const struct wire_icmp *h);

/*
 * Writes a whole error message: header, the datagram that caused it (from its IP header on, cut to 548 bytes and to
 * the room), checksum. Returns the message's length, or ERR_NO_SPACE (room under 8 + what is to be quoted at least:
 * the header and 8 bytes, or the datagram when it is shorter), ERR_INVALID (the datagram does not parse as IPv4).
 */
MUST_CHECK int wire_icmp_error_build(uint8_t *to, size_t room, uint8_t type, uint8_t code, uint32_t rest,
                                     const uint8_t *datagram, size_t length);

/* The datagram that an error quotes, usually cut off. */
struct wire_icmp_quote {
    struct wire_ipv4 ip;         /* as the quoted header says; total_len may be past the bytes present */
    const uint8_t *l4;           /* behind its header, */
    size_t l4_len;               /* at least 8 bytes */
    uint16_t src_port, dst_port; /* TCP and UDP with ip.fragment_offset 0 */
    uint32_t tcp_seq;            /* TCP */
};
/*
 * Reads the body of an error message. Returns the quoted header's length, or ERR_TRUNCATED (no 8 bytes behind the
 * quoted header), ERR_UNSUPPORTED (version not 4), ERR_MALFORMED (IHL under 5, total length without 8 bytes of
 * payload).
 */
MUST_CHECK int wire_icmp_quote_parse(const uint8_t *body, size_t length, struct wire_icmp_quote *out);

#endif
