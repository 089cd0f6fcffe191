/* SPDX-License-Identifier: MIT */
/*
 * The datagram that an ICMP error is about, of either family, usually cut off: RFC 792, RFC 4443. It points into the
 * bytes it was read from.
 */
#ifndef WEIR_STACK_IP_QUOTE_H
#define WEIR_STACK_IP_QUOTE_H

#include "wire/icmp.h"
#include "wire/icmpv6.h"

struct ip_quote {
    struct ip_addr source, destination;
    const uint8_t *bytes, *l4;   /* its IP header, and what follows that and extension headers */
    uint32_t header_len, l4_len; /* at least 8 bytes of l4 */
    uint32_t total;              /* bytes of the datagram, as its header says */
    uint8_t protocol;
    bool dont_fragment; /* always, with IPv6 */
    bool middle;        /* a fragment other than the first: l4 is data */
    uint16_t source_port, destination_port;
    uint32_t tcp_seq;
};

/* 0, or a negative error: too short, or nothing that anybody sent. */
MUST_CHECK int ip_quote_v4(const uint8_t *bytes, size_t length, struct ip_quote *out);
MUST_CHECK int ip_quote_v6(const uint8_t *bytes, size_t length, struct ip_quote *out);

#endif
