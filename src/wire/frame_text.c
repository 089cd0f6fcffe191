/* SPDX-License-Identifier: MIT */
/*
 * Frames as text: see frame_text.h. Each layer gets the bytes present and writes behind what is there, with ": "
 * between layers. Lengths come from the headers; where those go past the bytes present, the bytes present count.
 */
#include "wire/frame_text.h"

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ip_text.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"
#include "wire/nd.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* Where a print function goes on writing, and how much room it has there. */
static char *text_rest(const struct text *t) { return t->length < t->size ? t->to + t->length : t->to; }
static size_t text_room(const struct text *t) { return t->length < t->size ? t->size - t->length : 0; }

static void between(struct text *t)
{
    if (t->length > 0)
        text_string(t, ": ");
}

static void print_cut(struct text *t, const char *what, size_t present)
{
    text_string(t, what);
    text_field(t, " cut to ", present);
    text_string(t, present == 1 ? " byte" : " bytes");
}

/* ---- transport ---- */

static void print_tcp(struct text *t, const uint8_t *bytes, size_t present, size_t length)
{
    struct wire_tcp h;
    struct wire_tcp_options options;
    int header = wire_tcp_parse(bytes, present, &h);
    if (header < 0 && present < WIRE_TCP_MIN) {
        print_cut(t, "tcp", present);
        return;
    }
    if (header > 0)
        (void)wire_tcp_options_parse(bytes + WIRE_TCP_MIN, (size_t)header - WIRE_TCP_MIN, &options);
    t->length += (size_t)wire_tcp_print(text_rest(t), text_room(t), &h, header > 0 ? &options : NULL);
    if (header > 0 && length > (size_t)header)
        text_field(t, " data ", length - (size_t)header);
}

static void print_udp(struct text *t, const uint8_t *bytes, size_t present)
{
    struct wire_udp h;
    if (wire_udp_parse(bytes, present, &h) < 0 && present < WIRE_UDP_LEN)
        print_cut(t, "udp", present);
    else
        t->length += (size_t)wire_udp_print(text_rest(t), text_room(t), &h);
}

static void print_icmp(struct text *t, const uint8_t *bytes, size_t present, size_t length)
{
    struct wire_icmp h;
    if (wire_icmp_parse(bytes, present, &h) < 0) {
        print_cut(t, "icmp", present);
        return;
    }
    t->length += (size_t)wire_icmp_print(text_rest(t), text_room(t), &h);
    if (length > WIRE_ICMP_LEN)
        text_field(t, " data ", length - WIRE_ICMP_LEN);
}

static void print_icmpv6(struct text *t, const uint8_t *bytes, size_t present)
{
    struct wire_icmpv6 h;
    struct wire_nd nd;
    if (wire_icmpv6_parse(bytes, present, &h) < 0)
        print_cut(t, "icmp6", present);
    else if (wire_nd_is_nd(h.type) && wire_nd_parse(bytes, present, &nd) > 0)
        t->length += (size_t)wire_nd_print(text_rest(t), text_room(t), &nd);
    else
        t->length += (size_t)wire_icmpv6_print(text_rest(t), text_room(t), &h);
}

/* `present` of `length` bytes behind an IP header. */
static void print_l4(struct text *t, unsigned protocol, const uint8_t *bytes, size_t present, size_t length)
{
    switch (protocol) {
    case IP_PROTO_TCP:
        between(t);
        print_tcp(t, bytes, present, length);
        break;
    case IP_PROTO_UDP:
        between(t);
        print_udp(t, bytes, present);
        break;
    case IP_PROTO_ICMP:
        between(t);
        print_icmp(t, bytes, present, length);
        break;
    case IP_PROTO_ICMPV6:
        between(t);
        print_icmpv6(t, bytes, present);
        break;
    default:
        break; /* the IP header has named its number */
    }
}

/* ---- network ---- */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void print_ipv4(struct text *t, const uint8_t *packet, size_t present)
{
    struct wire_ipv4 h;
    size_t header = present > 0 ? (packet[0] & 15u) * 4u : 0;
    if (present < WIRE_IPV4_MIN || packet[0] >> 4 != 4 || header < WIRE_IPV4_MIN || header > present) {
        print_cut(t, "ip header malformed or", present);
        return;
    }
    wire_ipv4_load(packet, &h);
    h.options_len = (uint8_t)(header - WIRE_IPV4_MIN);
    t->length += (size_t)wire_ipv4_print(text_rest(t), text_room(t), &h);
    if (h.total_len >= header && h.fragment_offset == 0)
        print_l4(t, h.protocol, packet + header, smaller(present, h.total_len) - header, h.total_len - header);
}

static void print_ipv6(struct text *t, const uint8_t *packet, size_t present)
{
    struct wire_ipv6 h;
    struct wire_ipv6_walk walk;
    int header = wire_ipv6_parse(packet, present, &h);
    if (present < WIRE_IPV6_LEN || header == ERR_UNSUPPORTED) {
        print_cut(t, "ip6 header malformed or", present);
        return;
    }
    t->length += (size_t)wire_ipv6_print(text_rest(t), text_room(t), &h);
    if (header < 0) { /* cut: of the extension headers nothing is known */
        print_l4(t, h.next_header, packet + WIRE_IPV6_LEN, present - WIRE_IPV6_LEN, h.payload_len);
        return;
    }
    enum wire_ipv6_verdict verdict = wire_ipv6_walk(packet, present, &walk);
    if (walk.fragment_header) {
        between(t);
        t->length += (size_t)wire_ipv6_fragment_print(text_rest(t), text_room(t), &walk.frag);
    }
    if (verdict == WIRE_IPV6_ACCEPT && (!walk.fragment_header || walk.frag.offset == 0))
        print_l4(t, walk.protocol, packet + walk.offset, walk.end - walk.offset, walk.end - walk.offset);
}

static void print_arp(struct text *t, const uint8_t *packet, size_t present)
{
    struct wire_arp h;
    if (wire_arp_parse(packet, present, &h) < 0)
        print_cut(t, "arp of another kind, or", present);
    else
        t->length += (size_t)wire_arp_print(text_rest(t), text_room(t), &h);
}

static void print_mpls(struct text *t, const uint8_t *packet, size_t present)
{
    struct wire_mpls stack[WIRE_FRAME_MAX_LABELS];
    unsigned count = 0;
    int length = wire_mpls_parse_stack(packet, present, WIRE_FRAME_MAX_LABELS, stack, &count);
    if (length < 0) {
        print_cut(t, "mpls stack too deep, or", present);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            text_char(t, ' ');
        t->length += (size_t)wire_mpls_print(text_rest(t), text_room(t), &stack[i]);
    }
    size_t left = present - (size_t)length;
    if (left == 0)
        return;
    between(t);
    if (packet[length] >> 4 == 4)
        print_ipv4(t, packet + length, left);
    else if (packet[length] >> 4 == 6)
        print_ipv6(t, packet + length, left);
    else
        text_field(t, "data ", left);
}

/* ---- link ---- */

static void print_tags(struct text *t, const struct wire_eth *h)
{
    for (unsigned i = 0; i < h->vlan_count; i++) {
        text_string(t, i > 0 ? " " : "");
        text_field(t, "vlan ", wire_vlan_id(&h->vlan[i]));
    }
}

static void print_network(struct text *t, const struct wire_eth *h, const uint8_t *packet, size_t present)
{
    switch (h->ethertype) {
    case ETHERTYPE_IPV4:
        print_ipv4(t, packet, present);
        break;
    case ETHERTYPE_IPV6:
        print_ipv6(t, packet, present);
        break;
    case ETHERTYPE_ARP:
        print_arp(t, packet, present);
        break;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        print_mpls(t, packet, present);
        break;
    default:
        text_field(t, "data ", present);
        break;
    }
}

static bool is_known(uint16_t ethertype)
{
    return ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6 || ethertype == ETHERTYPE_ARP ||
           ethertype == ETHERTYPE_MPLS || ethertype == ETHERTYPE_MPLS_MULTICAST;
}

int wire_frame_print(char *to, size_t size, const uint8_t *frame, size_t captured, bool link)
{
    struct text t = text_into(to, size);
    struct wire_eth h;
    int header = wire_eth_parse(frame, captured, WIRE_ETH_MAX_TAGS, &h);
    if (header < 0) {
        print_cut(&t, "ethernet header malformed or", captured);
        return text_finish(&t);
    }
    if (link || !is_known(h.ethertype))
        t.length += (size_t)wire_eth_print(text_rest(&t), text_room(&t), &h);
    else
        print_tags(&t, &h);
    between(&t);
    print_network(&t, &h, frame + header, captured - (size_t)header);
    return text_finish(&t);
}
