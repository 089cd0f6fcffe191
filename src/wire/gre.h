/* SPDX-License-Identifier: MIT */
/*
 * The header of GRE, version 0: RFC 2784 (checksum) and RFC 2890 (key, sequence number).
 * No state; values are copied. The checksum covers header and payload: whoever has both sums it, with 0 in its field.
 */
#ifndef WEIR_WIRE_GRE_H
#define WEIR_WIRE_GRE_H

#include "base/bytes.h"
#include "base/error.h"

#define WIRE_GRE_MIN 4u
#define WIRE_GRE_MAX 16u
#define WIRE_GRE_CHECKSUM_OFFSET 4u
#define WIRE_GRE_ETHERNET 0x6558u /* its EtherType for whole Ethernet frames */

struct wire_gre {
    uint16_t protocol; /* an EtherType */
    bool has_checksum, has_key, has_sequence;
    uint32_t key, sequence;
};

static inline unsigned wire_gre_length(const struct wire_gre *h)
{
    return WIRE_GRE_MIN + 4u * ((unsigned)h->has_checksum + (unsigned)h->has_key + (unsigned)h->has_sequence);
}
/*
 * The header's length, or ERR_TRUNCATED, ERR_UNSUPPORTED (another version), ERR_MALFORMED (RFC 2784 2.3: one of the
 * first five reserved bits, which meant routing and strict source routes once).
 */
MUST_CHECK static inline int wire_gre_parse(const uint8_t *packet, size_t length, struct wire_gre *out)
{
    if (length < WIRE_GRE_MIN)
        return ERR_TRUNCATED;
    uint16_t flags = load_be16(packet);
    if (flags & 7u)
        return ERR_UNSUPPORTED;
    if (flags & 0x4c00u)
        return ERR_MALFORMED;
    *out = (struct wire_gre){.protocol = load_be16(packet + 2),
                             .has_checksum = (flags & 0x8000u) != 0,
                             .has_key = (flags & 0x2000u) != 0,
                             .has_sequence = (flags & 0x1000u) != 0};
    unsigned header = wire_gre_length(out);
    if (length < header)
        return ERR_TRUNCATED;
    const uint8_t *at = packet + WIRE_GRE_MIN + 4u * out->has_checksum;
    if (out->has_key)
        out->key = load_be32(at);
    if (out->has_sequence)
        out->sequence = load_be32(at + 4u * out->has_key);
    return (int)header;
}
/* Writes at most 16 bytes, with 0 for a checksum. Returns the length. */
static inline unsigned wire_gre_build(uint8_t *to, const struct wire_gre *h)
{
    uint8_t *at = to + WIRE_GRE_MIN;
    store_be16(
        to, (uint16_t)((h->has_checksum ? 0x8000u : 0) | (h->has_key ? 0x2000u : 0) | (h->has_sequence ? 0x1000u : 0)));
    store_be16(to + 2, h->protocol);
    if (h->has_checksum) {
        store_be32(at, 0);
        at += 4;
    }
    if (h->has_key) {
        store_be32(at, h->key);
        at += 4;
    }
    if (h->has_sequence) {
        store_be32(at, h->sequence);
        at += 4;
    }
    return (unsigned)(at - to);
}

#endif
