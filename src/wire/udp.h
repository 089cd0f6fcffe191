/* SPDX-License-Identifier: MIT */
/*
 * UDP header: RFC 768, with the length rules of RFC 1122 4.1. Checksums are in wire/l4.h.
 * No state; values are copied.
 */
#ifndef WEIR_WIRE_UDP_H
#define WEIR_WIRE_UDP_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/l4.h"

#define WIRE_UDP_LEN 8u
#define WIRE_UDP_CHECKSUM_OFFSET 6u
#define WIRE_UDP_MAX_PAYLOAD_V4 65507u

struct wire_udp {
    uint16_t src_port, dst_port;
    uint16_t length;   /* header and payload: what counts, bytes behind it are ignored */
    uint16_t checksum; /* as loaded natively */
};

/*
 * Reads the header of an IP payload of length bytes. Returns 8, or ERR_TRUNCATED (fewer than 8 bytes or than the UDP
 * length), ERR_MALFORMED (UDP length under 8).
 */
MUST_CHECK static ALWAYS_INLINE int wire_udp_parse(const uint8_t *datagram, size_t length, struct wire_udp *out)
{
    if (unlikely(length < WIRE_UDP_LEN))
        return ERR_TRUNCATED;
    out->src_port = load_be16(datagram);
    out->dst_port = load_be16(datagram + 2);
    out->length = load_be16(datagram + 4);
    memcpy(&out->checksum, datagram + WIRE_UDP_CHECKSUM_OFFSET, sizeof out->checksum);
    if (unlikely(out->length < WIRE_UDP_LEN))
        return ERR_MALFORMED;
    return likely(out->length <= length) ? (int)WIRE_UDP_LEN : ERR_TRUNCATED;
}
/* Writes 8 bytes, the checksum as given. Returns 8. */
static ALWAYS_INLINE int wire_udp_build(uint8_t *to, const struct wire_udp *h)
{
    store_be16(to, h->src_port);
    store_be16(to + 2, h->dst_port);
    store_be16(to + 4, h->length);
    memcpy(to + WIRE_UDP_CHECKSUM_OFFSET, &h->checksum, sizeof h->checksum);
    return WIRE_UDP_LEN;
}
/* "1000 > 53 udp len 40"; always terminated; returns the length it would have had. */
int wire_udp_print(char *to, size_t size, const struct wire_udp *h);

#endif
