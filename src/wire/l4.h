/* SPDX-License-Identifier: MIT */
/*
 * Checksums over the pseudo-headers of IPv4 (RFC 793/9293 3.1, RFC 768) and IPv6 (RFC 8200 8.1) for TCP, UDP and
 * ICMPv6. A checksum is a value as loaded or stored natively by memcpy. `bytes` is header and payload, whose checksum
 * field is zero when a checksum is made and as received when it is tested. UDP's zero is made 0xffff (RFC 768); that
 * a received UDP zero means "none" over IPv4 and is forbidden over IPv6 (RFC 8200 8.1) is for the caller, before the
 * test.
 */
#ifndef WEIR_WIRE_L4_H
#define WEIR_WIRE_L4_H

#include "base/checksum.h"
#include "wire/ip_addr.h"
#include "wire/ip_proto.h"

/* Pseudo-header sums; IPv4 addresses in host order. */
static ALWAYS_INLINE uint64_t wire_l4_pseudo_v4(uint32_t src, uint32_t dst, uint8_t protocol, size_t length)
{
    uint64_t sum = checksum_add_u32(0, src);
    sum = checksum_add_u32(sum, dst);
    sum = checksum_add_u16(sum, protocol);
    return checksum_add_u32(sum, (uint32_t)length);
}
static inline uint64_t wire_l4_pseudo_v6(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                         size_t length)
{
    uint32_t w[8];
    memcpy(w, src->bytes, 16);
    memcpy(w + 4, dst->bytes, 16);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 8; i++)
        sum += w[i];
    sum = checksum_add_u32(sum, protocol);
    return checksum_add_u32(sum, (uint32_t)length);
}
/* By the family of dst. */
static inline uint64_t wire_l4_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                      size_t length)
{
    return ip_addr_is_v4(dst) ? wire_l4_pseudo_v4(ip_addr_to_v4(src), ip_addr_to_v4(dst), protocol, length)
                              : wire_l4_pseudo_v6(src, dst, protocol, length);
}

/* The value for the checksum field of a sum over pseudo-header and bytes. */
static ALWAYS_INLINE uint16_t wire_l4_finish(uint64_t sum, uint8_t protocol)
{
    uint16_t checksum = checksum_finish(sum);
    return unlikely(checksum == 0 && protocol == IP_PROTO_UDP) ? 0xffff : checksum;
}
static inline uint16_t wire_l4_checksum_v4(uint32_t src, uint32_t dst, uint8_t protocol, const void *bytes,
                                           size_t length)
{
    return wire_l4_finish(checksum_add(wire_l4_pseudo_v4(src, dst, protocol, length), bytes, length), protocol);
}
static inline uint16_t wire_l4_checksum_v6(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                           const void *bytes, size_t length)
{
    return wire_l4_finish(checksum_add(wire_l4_pseudo_v6(src, dst, protocol, length), bytes, length), protocol);
}
static inline uint16_t wire_l4_checksum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                        const void *bytes, size_t length)
{
    return wire_l4_finish(checksum_add(wire_l4_pseudo(src, dst, protocol, length), bytes, length), protocol);
}

static inline bool wire_l4_checksum_ok_v4(uint32_t src, uint32_t dst, uint8_t protocol, const void *bytes,
                                          size_t length)
{
    return checksum_ok(checksum_add(wire_l4_pseudo_v4(src, dst, protocol, length), bytes, length));
}
static inline bool wire_l4_checksum_ok_v6(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                          const void *bytes, size_t length)
{
    return checksum_ok(checksum_add(wire_l4_pseudo_v6(src, dst, protocol, length), bytes, length));
}
static inline bool wire_l4_checksum_ok(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                                       const void *bytes, size_t length)
{
    return checksum_ok(checksum_add(wire_l4_pseudo(src, dst, protocol, length), bytes, length));
}

#endif
