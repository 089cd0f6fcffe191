/* SPDX-License-Identifier: MIT */
/*
 * One address type for both families: 16 bytes in wire order, IPv4 held as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
 * IPv4 addresses alone are uint32_t in host order. Text: RFC 4291 2.2 read strictly, RFC 5952 written.
 * Values, no ownership.
 */
#ifndef WEIR_WIRE_IP_ADDR_H
#define WEIR_WIRE_IP_ADDR_H

#include "base/bytes.h"

#define IP_ADDR_TEXT 46u        /* room for any printed address with its terminator */
#define IP_ADDR_PREFIX_TEXT 50u /* the same with "/128" */

struct ip_addr {
    uint8_t bytes[16];
};

/* An address and how many of its leading bits count: 0 to 32 when the address is IPv4, 0 to 128 otherwise. */
struct ip_prefix {
    struct ip_addr addr;
    uint8_t length;
};

/* IPv4 addresses in host order. */
static inline bool ipv4_addr_is_unspecified(uint32_t a) { return a == 0; }
static inline bool ipv4_addr_is_this_network(uint32_t a) { return a >> 24 == 0; }
static inline bool ipv4_addr_is_loopback(uint32_t a) { return a >> 24 == 127; }
static inline bool ipv4_addr_is_multicast(uint32_t a) { return a >> 28 == 0xe; }
static inline bool ipv4_addr_is_class_e(uint32_t a) { return a >> 28 == 0xf; } /* 255.255.255.255 included */
static inline bool ipv4_addr_is_broadcast(uint32_t a) { return a == 0xffffffffu; }
static inline bool ipv4_addr_is_link_local(uint32_t a) { return a >> 16 == 0xa9fe; }
/* The mask of a prefix length, 0 to 32. */
static inline uint32_t ipv4_addr_mask(unsigned prefix_len) { return prefix_len == 0 ? 0 : ~0u << (32 - prefix_len); }

static ALWAYS_INLINE struct ip_addr ip_addr_from_v4(uint32_t host_order)
{
    struct ip_addr a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    store_be32(a.bytes + 12, host_order);
    return a;
}
/* From 16 bytes in wire order. */
static ALWAYS_INLINE struct ip_addr ip_addr_from_v6(const void *bytes)
{
    struct ip_addr a;
    memcpy(a.bytes, bytes, sizeof a.bytes);
    return a;
}
static ALWAYS_INLINE bool ip_addr_is_v4(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0 && load_be32(a->bytes + 8) == 0xffff;
}
/* The IPv4 address in host order; only meaningful when ip_addr_is_v4(). */
static ALWAYS_INLINE uint32_t ip_addr_to_v4(const struct ip_addr *a) { return load_be32(a->bytes + 12); }
static ALWAYS_INLINE bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return load_be64(a->bytes) == load_be64(b->bytes) && load_be64(a->bytes + 8) == load_be64(b->bytes + 8);
}
/* Are the first n of the 128 bits the same? The bits of an IPv4 prefix begin at bit 96. */
static ALWAYS_INLINE bool ip_addr_same_bits(const struct ip_addr *a, const struct ip_addr *b, unsigned n)
{
    uint64_t high = load_be64(a->bytes) ^ load_be64(b->bytes), low = load_be64(a->bytes + 8) ^ load_be64(b->bytes + 8);
    if (n <= 64)
        return n == 0 || high >> (64 - n) == 0;
    return high == 0 && low >> (128 - n) == 0;
}
/* Its first n of 128 bits, followed by zeros. */
static inline struct ip_addr ip_addr_first_bits(const struct ip_addr *a, unsigned n)
{
    uint64_t high = load_be64(a->bytes), low = load_be64(a->bytes + 8);
    struct ip_addr out;
    store_be64(out.bytes, n == 0 ? 0 : n >= 64 ? high : high & ~UINT64_C(0) << (64 - n));
    store_be64(out.bytes + 8, n <= 64 ? 0 : low & ~UINT64_C(0) << (128 - n));
    return out;
}
/* Negative, 0 or positive: the order of the 16 bytes as one big number. */
static inline int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* These hold for both families. */
static inline bool ip_addr_is_unspecified(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0 && (load_be64(a->bytes + 8) == 0 || load_be64(a->bytes + 8) == 0xffff00000000u);
}
static inline bool ip_addr_is_loopback(const struct ip_addr *a)
{
    return ip_addr_is_v4(a) ? ipv4_addr_is_loopback(ip_addr_to_v4(a))
                            : load_be64(a->bytes) == 0 && load_be64(a->bytes + 8) == 1;
}
static inline bool ip_addr_is_multicast(const struct ip_addr *a)
{
    return a->bytes[0] == 0xff || (ip_addr_is_v4(a) && ipv4_addr_is_multicast(ip_addr_to_v4(a)));
}
static inline bool ip_addr_is_link_local(const struct ip_addr *a)
{
    return (load_be16(a->bytes) & 0xffc0u) == 0xfe80u ||
           (ip_addr_is_v4(a) && ipv4_addr_is_link_local(ip_addr_to_v4(a)));
}
/* 255.255.255.255; a subnet's directed broadcast is the interface's knowledge. */
static inline bool ip_addr_is_broadcast(const struct ip_addr *a)
{
    return ip_addr_is_v4(a) && ipv4_addr_is_broadcast(ip_addr_to_v4(a));
}
/* 32 or 128. */
static inline unsigned ip_addr_bits(const struct ip_addr *a) { return ip_addr_is_v4(a) ? 32 : 128; }

/* ff02::1 */
static inline bool ip_addr_is_all_nodes(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0xff02000000000000u && load_be64(a->bytes + 8) == 1;
}
/* ff02::2 */
static inline bool ip_addr_is_all_routers(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0xff02000000000000u && load_be64(a->bytes + 8) == 2;
}
/* fe80::/64 with the modified EUI-64 identifier of a MAC: RFC 4291 2.5.6, RFC 2464 section 5. */
struct ip_addr ip_addr_link_local(const uint8_t mac[6]);
/* ff02::1:ffXX:XXXX, RFC 4291 2.7.1. */
struct ip_addr ip_addr_solicited_node(const struct ip_addr *a);
static inline bool ip_addr_is_solicited_node(const struct ip_addr *a)
{
    return load_be64(a->bytes) == 0xff02000000000000u && load_be32(a->bytes + 8) == 1 && a->bytes[12] == 0xff;
}

/* True when the address is of the prefix's family and its first prefix->length bits are the prefix's. */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *a);
/* The address moved by n places (modulo 2^32 in IPv4, modulo 2^128 in IPv6); an IPv4 address stays one. */
struct ip_addr ip_addr_add(const struct ip_addr *a, uint64_t n);

/*
 * Text of exactly `length` characters to an address. IPv4: four decimal numbers 0 to 255 without leading zeros; IPv6:
 * RFC 4291 2.2, all three forms, "::" standing for one group or more; no zone, no brackets, no blanks. Returns 0 or
 * ERR_MALFORMED.
 */
MUST_CHECK int ip_addr_parse(const char *text, size_t length, struct ip_addr *out);
/*
 * "address/length"; without "/length" the whole address counts. Bits behind the length stay as written. Returns 0 or
 * ERR_MALFORMED.
 */
MUST_CHECK int ip_prefix_parse(const char *text, size_t length, struct ip_prefix *out);
/*
 * RFC 5952; IPv4-mapped addresses print as a.b.c.d. Always terminated (size > 0); returns the length it would have
 * had.
 */
int ip_addr_print(char *to, size_t size, const struct ip_addr *a);
int ip_prefix_print(char *to, size_t size, const struct ip_prefix *prefix);
/* Dotted quad of an address in host order. */
int ipv4_addr_print(char *to, size_t size, uint32_t a);

#endif
