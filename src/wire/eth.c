/* SPDX-License-Identifier: MIT */
/*
 * Ethernet headers off the short path: VLAN tags, 802.3 with LLC and SNAP, building, text.
 * IEEE 802.3 3.2.6, 802.1Q 9.3 to 9.6, 802.2 3.2, RFC 1042. Tags are read in a loop of at most 8 turns, never by
 * recursion.
 */
#include "wire/eth.h"

#include "wire/text.h"

#define SAP_SNAP 0xaau
#define CONTROL_UI 0x03u

static int parse_snap(const uint8_t *snap, size_t left, struct wire_eth *out)
{
    if (left < WIRE_ETH_SNAP_LEN)
        return ERR_MALFORMED;
    out->snap = true;
    memcpy(out->oui, snap, sizeof out->oui);
    out->snap_protocol = load_be16(snap + 3);
    if (out->oui[0] == 0 && out->oui[1] == 0 && out->oui[2] == 0)
        out->ethertype = out->snap_protocol;
    out->header_len = (uint8_t)(out->header_len + WIRE_ETH_SNAP_LEN);
    return out->header_len;
}

static bool has_snap_saps(const struct wire_eth *h)
{
    return h->dsap == SAP_SNAP && h->ssap == SAP_SNAP && h->control == CONTROL_UI;
}

/* The part from DSAP on; llc_length is set, header_len is the offset of DSAP. */
static int parse_llc(const uint8_t *llc, size_t length, struct wire_eth *out)
{
    if (out->llc_length > WIRE_ETH_MAX_802_3 || out->llc_length < WIRE_ETH_LLC_LEN)
        return ERR_MALFORMED;
    if (out->llc_length > length)
        return ERR_TRUNCATED;
    out->llc = true;
    out->dsap = llc[0];
    out->ssap = llc[1];
    out->control = llc[2];
    out->header_len = (uint8_t)(out->header_len + WIRE_ETH_LLC_LEN);
    if (has_snap_saps(out))
        return parse_snap(llc + WIRE_ETH_LLC_LEN, out->llc_length - WIRE_ETH_LLC_LEN, out);
    return out->header_len;
}

int wire_eth_parse_general(const uint8_t *frame, size_t length, unsigned max_tags, struct wire_eth *out)
{
    if (length < WIRE_ETH_LEN)
        return ERR_TRUNCATED;
    memset(out, 0, sizeof *out);
    memcpy(out->dst, frame, WIRE_ETH_ADDR_LEN);
    memcpy(out->src, frame + 6, WIRE_ETH_ADDR_LEN);
    uint16_t type = load_be16(frame + 12);
    size_t at = WIRE_ETH_LEN;
    while (wire_eth_is_tpid(type)) {
        if (out->vlan_count >= max_tags || out->vlan_count >= WIRE_ETH_MAX_TAGS)
            return ERR_UNSUPPORTED;
        if (length - at < WIRE_ETH_TAG_LEN)
            return ERR_TRUNCATED;
        out->vlan[out->vlan_count++] = (struct wire_vlan){.tpid = type, .tci = load_be16(frame + at)};
        type = load_be16(frame + at + 2);
        at += WIRE_ETH_TAG_LEN;
    }
    out->header_len = (uint8_t)at;
    if (type >= WIRE_ETH_MIN_ETHERTYPE) {
        out->ethertype = type;
        return out->header_len;
    }
    out->llc_length = type;
    return parse_llc(frame + at, length - at, out);
}

static bool can_build(const struct wire_eth *h)
{
    if (h->vlan_count > WIRE_ETH_MAX_TAGS)
        return false;
    for (unsigned i = 0; i < h->vlan_count; i++)
        if (!wire_eth_is_tpid(h->vlan[i].tpid))
            return false;
    if (!h->llc)
        return !h->snap && h->ethertype >= WIRE_ETH_MIN_ETHERTYPE && !wire_eth_is_tpid(h->ethertype);
    size_t least = WIRE_ETH_LLC_LEN + (h->snap ? WIRE_ETH_SNAP_LEN : 0);
    return h->snap == has_snap_saps(h) && h->llc_length >= least && h->llc_length <= WIRE_ETH_MAX_802_3;
}

static size_t build_llc(uint8_t *to, const struct wire_eth *h)
{
    to[0] = h->dsap;
    to[1] = h->ssap;
    to[2] = h->control;
    if (!h->snap)
        return WIRE_ETH_LLC_LEN;
    memcpy(to + 3, h->oui, sizeof h->oui);
    store_be16(to + 6, h->snap_protocol);
    return WIRE_ETH_LLC_LEN + WIRE_ETH_SNAP_LEN;
}

int wire_eth_build(uint8_t *to, const struct wire_eth *h)
{
    if (!can_build(h))
        return ERR_INVALID;
    memcpy(to, h->dst, WIRE_ETH_ADDR_LEN);
    memcpy(to + 6, h->src, WIRE_ETH_ADDR_LEN);
    size_t at = 12;
    for (unsigned i = 0; i < h->vlan_count; i++) {
        store_be16(to + at, h->vlan[i].tpid);
        store_be16(to + at + 2, h->vlan[i].tci);
        at += WIRE_ETH_TAG_LEN;
    }
    store_be16(to + at, h->llc ? h->llc_length : h->ethertype);
    at += 2;
    if (h->llc)
        at += build_llc(to + at, h);
    return (int)at;
}

void wire_eth_addr_from_ipv4_multicast(uint8_t *addr, uint32_t group)
{
    store_be16(addr, 0x0100);
    store_be32(addr + 2, 0x5e000000u | (group & 0x7fffffu));
}

void wire_eth_addr_from_ipv6_multicast(uint8_t *addr, const uint8_t *group)
{
    store_be16(addr, 0x3333);
    memcpy(addr + 2, group + 12, 4);
}

int wire_eth_addr_parse(const char *text, size_t length, uint8_t *addr)
{
    if (length != WIRE_ETH_ADDR_TEXT - 1 || (text[2] != ':' && text[2] != '-'))
        return ERR_MALFORMED;
    uint8_t parsed[WIRE_ETH_ADDR_LEN];
    for (size_t i = 0; i < WIRE_ETH_ADDR_LEN; i++) {
        int high = text_hex_value(text[3 * i]);
        int low = text_hex_value(text[3 * i + 1]);
        if (high < 0 || low < 0 || (i > 0 && text[3 * i - 1] != text[2]))
            return ERR_MALFORMED;
        parsed[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(addr, parsed, sizeof parsed);
    return 0;
}

int wire_eth_addr_print(char *to, size_t size, const uint8_t *addr)
{
    struct text t = text_into(to, size);
    text_bytes(&t, addr, WIRE_ETH_ADDR_LEN, ':');
    return text_finish(&t);
}

static void print_llc(struct text *t, const struct wire_eth *h)
{
    text_string(t, " llc ");
    text_hex(t, h->dsap, 2);
    text_char(t, '>');
    text_hex(t, h->ssap, 2);
    text_string(t, " control 0x");
    text_hex(t, h->control, 2);
    text_field(t, " len ", h->llc_length);
    if (h->snap) {
        text_string(t, " snap ");
        text_bytes(t, h->oui, sizeof h->oui, '-');
        text_string(t, " 0x");
        text_hex(t, h->snap_protocol, 4);
    }
}

int wire_eth_print(char *to, size_t size, const struct wire_eth *h)
{
    struct text t = text_into(to, size);
    text_bytes(&t, h->src, WIRE_ETH_ADDR_LEN, ':');
    text_string(&t, " > ");
    text_bytes(&t, h->dst, WIRE_ETH_ADDR_LEN, ':');
    for (unsigned i = 0; i < h->vlan_count; i++) {
        text_field(&t, " vlan ", wire_vlan_id(&h->vlan[i]));
        if (wire_vlan_priority(&h->vlan[i]) != 0)
            text_field(&t, " priority ", wire_vlan_priority(&h->vlan[i]));
    }
    if (h->llc) {
        print_llc(&t, h);
    } else {
        text_string(&t, " type 0x");
        text_hex(&t, h->ethertype, 4);
    }
    return text_finish(&t);
}
