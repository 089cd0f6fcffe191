/* SPDX-License-Identifier: MIT */
/*
 * The header of VXLAN: RFC 7348 section 5. No state.
 */
#ifndef WEIR_WIRE_VXLAN_H
#define WEIR_WIRE_VXLAN_H

#include "base/bytes.h"
#include "base/error.h"

#define WIRE_VXLAN_LEN 8u
#define WIRE_VXLAN_PORT 4789u
#define WIRE_VXLAN_MAX_VNI 0xffffffu

/* The header's length and its VNI, or ERR_TRUNCATED, ERR_MALFORMED (no I flag). What is reserved is ignored. */
MUST_CHECK static inline int wire_vxlan_parse(const uint8_t *bytes, size_t length, uint32_t *vni)
{
    if (length < WIRE_VXLAN_LEN)
        return ERR_TRUNCATED;
    *vni = load_be32(bytes + 4) >> 8;
    return bytes[0] & 0x08u ? (int)WIRE_VXLAN_LEN : ERR_MALFORMED;
}
static inline unsigned wire_vxlan_build(uint8_t *to, uint32_t vni)
{
    store_be32(to, 0x08000000u);
    store_be32(to + 4, vni << 8);
    return WIRE_VXLAN_LEN;
}

#endif
