/* SPDX-License-Identifier: MIT */
/*
 * Ethernet II and IEEE 802.3 with LLC (802.2) and SNAP (RFC 1042), with up to 8 VLAN tags (802.1Q, 802.1ad and the
 * older TPIDs 0x9100 and 0x9200). No state, no allocation; parsing never reads past the given length and copies what
 * it keeps. The names ETHERTYPE_… are also macros of <net/ethernet.h>: do not include both (<linux/if_ether.h> is
 * fine).
 */
#ifndef WEIR_WIRE_ETH_H
#define WEIR_WIRE_ETH_H

#include "base/bytes.h"
#include "base/error.h"

#define WIRE_ETH_LEN 14u
#define WIRE_ETH_ADDR_LEN 6u
#define WIRE_ETH_MIN_FRAME 60u /* without the frame check sequence; shorter ones are padded with zeros */
#define WIRE_ETH_FCS_LEN 4u
#define WIRE_ETH_MAX_TAGS 8u
#define WIRE_ETH_TAG_LEN 4u
#define WIRE_ETH_LLC_LEN 3u
#define WIRE_ETH_SNAP_LEN 5u
#define WIRE_ETH_MAX_HEADER (WIRE_ETH_LEN + WIRE_ETH_MAX_TAGS * WIRE_ETH_TAG_LEN + WIRE_ETH_LLC_LEN + WIRE_ETH_SNAP_LEN)
#define WIRE_ETH_MAX_802_3 1500u      /* type/length values up to this are lengths … */
#define WIRE_ETH_MIN_ETHERTYPE 0x600u /* … from this on EtherTypes; between: undefined (IEEE 802.3 3.2.6) */
#define WIRE_ETH_ADDR_TEXT 18u        /* "02:00:00:00:00:01" with its terminator */

enum wire_ethertype {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_SLOW = 0x8809,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_MULTICAST = 0x8848,
    ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
    ETHERTYPE_PPPOE_SESSION = 0x8864,
    ETHERTYPE_QINQ = 0x88a8,
    ETHERTYPE_LLDP = 0x88cc,
    ETHERTYPE_PTP = 0x88f7,
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_QINQ_OLD2 = 0x9200,
};

struct wire_vlan {
    uint16_t tpid;
    uint16_t tci; /* priority 3 bits, DEI, VID 12 bits */
};

struct wire_eth {
    uint8_t dst[WIRE_ETH_ADDR_LEN];
    uint8_t src[WIRE_ETH_ADDR_LEN];
    uint16_t ethertype; /* host order, behind the tags; SNAP with OUI 0: its protocol; 0 for other LLC */
    uint8_t vlan_count; /* vlan[0] is the outermost */
    uint8_t header_len; /* tags, LLC and SNAP included */
    bool llc;           /* an 802.3 frame: the fields below are set */
    bool snap;          /* with DSAP and SSAP 0xaa, control 3: oui and snap_protocol are set */
    uint8_t dsap, ssap;
    uint8_t control; /* its first byte; the second one of I and S formats is left to the payload */
    uint8_t oui[3];
    uint16_t snap_protocol;
    uint16_t llc_length;                      /* the 802.3 length field: bytes from DSAP on; what follows is padding */
    struct wire_vlan vlan[WIRE_ETH_MAX_TAGS]; /* only the first vlan_count are set */
};

static ALWAYS_INLINE bool wire_eth_is_tpid(uint16_t ethertype)
{
    return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ || ethertype == ETHERTYPE_QINQ_OLD ||
           ethertype == ETHERTYPE_QINQ_OLD2;
}
#define WIRE_VLAN_ID_MASK 0xfffu
static inline uint16_t wire_vlan_id(const struct wire_vlan *v) { return v->tci & WIRE_VLAN_ID_MASK; }
static inline uint8_t wire_vlan_priority(const struct wire_vlan *v) { return (uint8_t)(v->tci >> 13); }

/* Addresses: 6 bytes each. Broadcast is multicast too. */
static ALWAYS_INLINE bool wire_eth_is_multicast(const uint8_t *addr) { return (addr[0] & 1) != 0; }
static ALWAYS_INLINE bool wire_eth_is_broadcast(const uint8_t *addr)
{
    return load_be32(addr) == 0xffffffffu && load_be16(addr + 4) == 0xffffu;
}
static ALWAYS_INLINE bool wire_eth_is_zero(const uint8_t *addr)
{
    return load_be32(addr) == 0 && load_be16(addr + 4) == 0;
}
static ALWAYS_INLINE bool wire_eth_addr_equal(const uint8_t *a, const uint8_t *b)
{
    return load_be32(a) == load_be32(b) && load_be16(a + 4) == load_be16(b + 4);
}
/* The group addresses of IP multicast: RFC 1112 6.4 and RFC 2464 7. */
void wire_eth_addr_from_ipv4_multicast(uint8_t *addr, uint32_t group);
void wire_eth_addr_from_ipv6_multicast(uint8_t *addr, const uint8_t *group);
/* "02:00:00:00:00:01" or with '-': six pairs of hex digits, one separator throughout. Returns 0 or ERR_MALFORMED. */
MUST_CHECK int wire_eth_addr_parse(const char *text, size_t length, uint8_t *addr);
int wire_eth_addr_print(char *to, size_t size, const uint8_t *addr);

/* wire_eth_parse for frames that are tagged or 802.3. */
MUST_CHECK int wire_eth_parse_general(const uint8_t *frame, size_t length, unsigned max_tags, struct wire_eth *out);
/*
 * Reads the link header of a frame (without frame check sequence). max_tags: 0 to 8.
 * Returns the header length, or ERR_TRUNCATED (under 14 bytes; a tag, LLC or SNAP header cut off; an 802.3 length
 * past the frame), ERR_UNSUPPORTED (more tags than max_tags), ERR_MALFORMED (type/length 1501 to 1535; an 802.3
 * length without room for LLC).
 */
MUST_CHECK static ALWAYS_INLINE int wire_eth_parse(const uint8_t *frame, size_t length, unsigned max_tags,
                                                   struct wire_eth *out)
{
    if (unlikely(length < WIRE_ETH_LEN))
        return ERR_TRUNCATED;
    uint16_t type = load_be16(frame + 12);
    if (unlikely(type < WIRE_ETH_MIN_ETHERTYPE || wire_eth_is_tpid(type)))
        return wire_eth_parse_general(frame, length, max_tags, out);
    memcpy(out->dst, frame, WIRE_ETH_ADDR_LEN);
    memcpy(out->src, frame + 6, WIRE_ETH_ADDR_LEN);
    out->ethertype = type;
    out->vlan_count = 0;
    out->header_len = WIRE_ETH_LEN;
    out->llc = false;
    out->snap = false;
    return WIRE_ETH_LEN;
}
/*
 * Writes addresses, tags, type, and for h->llc the length, LLC and (h->snap) SNAP headers; WIRE_ETH_MAX_HEADER bytes
 * of room. header_len is ignored; with SNAP, snap_protocol is written, not ethertype. Returns the header length, or
 * ERR_INVALID (vlan_count over 8; llc_length over 1500 or under the LLC headers; a tag's TPID that is none; an
 * ethertype that reads as a length or tag; snap without the SNAP SAPs).
 */
MUST_CHECK int wire_eth_build(uint8_t *to, const struct wire_eth *h);
/* The untagged Ethernet II header of 14 bytes. */
static ALWAYS_INLINE void wire_eth_build14(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t ethertype)
{
    memcpy(to, dst, WIRE_ETH_ADDR_LEN);
    memcpy(to + 6, src, WIRE_ETH_ADDR_LEN);
    store_be16(to + 12, ethertype);
}
/* "02:…:01 > 02:…:02 type 0x0800 vlan 5"; always terminated; returns the length it would have had. */
int wire_eth_print(char *to, size_t size, const struct wire_eth *h);

#endif
