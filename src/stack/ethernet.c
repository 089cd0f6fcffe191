/* SPDX-License-Identifier: MIT */
/*
 * Frames in: a burst from one interface, each frame decoded once. The common IPv4 datagram is decoded in one go; every
 * other frame takes the long way of named checks. TCP segments are collected and go to TCP together; whatever else
 * comes between is handled in its place. RFC 894, IEEE 802.1Q. A frame's bytes are used where they lie until the burst
 * is released at its end.
 */
#include "stack/ipv4_input.h"
#include "stack/ipv6_input.h"
#include "stack/mpls.h"

int ethernet_parse(const struct stack *s, const struct interface *itf, const struct packet *p, struct wire_eth *eth,
                   uint32_t *segment)
{
    unsigned stripped = p->vlan_present, max_tags = s->settings.max_vlan_tags;
    if (stripped > max_tags)
        return ERR_UNSUPPORTED;
    int header = wire_eth_parse(p->data, p->len, max_tags - stripped, eth);
    if (header < 0)
        return header;
    struct wire_vlan tags[WIRE_ETH_MAX_TAGS];
    tags[0] = (struct wire_vlan){.tpid = ETHERTYPE_VLAN, .tci = p->vlan_tci};
    for (unsigned i = 0; i < eth->vlan_count; i++)
        tags[stripped + i] = eth->vlan[i];
    *segment = host_find_segment(&s->hosts, itf->number, tags, stripped + eth->vlan_count);
    return header;
}

static void count_unreadable(struct stack *s, int error)
{
    if (error == ERR_TRUNCATED)
        STACK_DROP(s, TRACE_LINK, l2_runt);
    else if (error == ERR_UNSUPPORTED)
        STACK_DROP(s, TRACE_LINK, l2_too_many_tags);
    else
        STACK_DROP(s, TRACE_LINK, l2_unknown_ethertype);
}

/* The solicitation of RFC 4862 5.4.2: one of ours that comes back has to be seen (RFC 7527). */
static bool is_own_dad(const struct packet *p, uint32_t header)
{
    const uint8_t *ip = p->data + header;
    return p->len > header + WIRE_IPV6_LEN && load_be16(ip - 2) == ETHERTYPE_IPV6 && ip[6] == IP_PROTO_ICMPV6 &&
           load_be64(ip + 8) == 0 && load_be64(ip + 16) == 0 && ip[WIRE_IPV6_LEN] == WIRE_ICMPV6_NEIGHBOR_SOLICITATION;
}

/* Whether the frame comes from where frames can come from, and goes to us. */
static bool addresses_ok(struct stack *s, const struct packet *p, uint32_t header, const struct wire_eth *eth,
                         uint32_t segment)
{
    if (wire_eth_is_multicast(eth->src) || wire_eth_is_zero(eth->src)) {
        STACK_DROP(s, TRACE_LINK, l2_bad_source);
        return false;
    }
    if (segment == 0) {
        STACK_DROP(s, TRACE_LINK, l2_unknown_vlan);
        return false;
    }
    if (host_find_mac(&s->hosts, segment, eth->src) && !is_own_dad(p, header)) {
        STACK_DROP(s, TRACE_LINK, l2_bad_source);
        return false;
    }
    if (!wire_eth_is_multicast(eth->dst) && !host_find_mac(&s->hosts, segment, eth->dst)) {
        STACK_DROP(s, TRACE_LINK, l2_not_for_us);
        return false;
    }
    return true;
}

static void ethernet_input(struct stack *s, const struct interface *itf, struct packet *p)
{
    struct wire_eth eth;
    uint32_t segment;
    int header = ethernet_parse(s, itf, p, &eth, &segment);
    if (header < 0) {
        count_unreadable(s, header);
        return;
    }
    if (!addresses_ok(s, p, (uint32_t)header, &eth, segment))
        return;
    p->l3_offset = (uint16_t)header;
    struct arrival a = {.packet = p,
                        .eth = p->data,
                        .l3 = p->data + header,
                        .l3_len = p->len - (uint32_t)header,
                        .segment = segment,
                        .group = wire_eth_is_multicast(eth.dst)};
    switch (eth.ethertype) {
    case ETHERTYPE_IPV4:
        ipv4_input(s, &a);
        break;
    case ETHERTYPE_ARP:
        tcp_flush(s);
        arp_input(s, &a);
        break;
    case ETHERTYPE_IPV6:
        ipv6_input(s, &a);
        break;
    case ETHERTYPE_MPLS:
        mpls_input(s, &a);
        break;
    default:
        STACK_DROP(s, TRACE_LINK, l2_unknown_ethertype);
    }
}

static void frame_input(struct stack *s, const struct interface *itf, struct packet *p)
{
    struct datagram d;
    if (likely(ipv4_decode_common(s, itf->untagged, p, &d))) {
        s->counters.ipv4_received++;
        ip_deliver(s, &d);
    } else if (ipv6_decode_common(s, itf->untagged, p, &d)) {
        s->counters.ipv6_received++;
        ip_deliver(s, &d);
    } else {
        ethernet_input(s, itf, p);
    }
}

/* Of an interface that is down. */
static void lose_all(struct stack *s, struct packet **packets, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        STACK_DROP(s, TRACE_LINK, l2_interface_down);
    packet_release_burst(packets, n);
}

void stack_input(struct stack *s, unsigned interface, struct packet **packets, unsigned n, int64_t now)
{
    assert(interface < s->n_interfaces && n <= LINK_BURST && !s->input);
    struct interface *itf = &s->interfaces[interface];
    s->now = now;
    s->counters.frames_received += n;
    if (unlikely(itf->down)) {
        lose_all(s, packets, n);
        return;
    }
    s->input = itf;
    if (unlikely(itf->watchers.count != 0))
        frame_show(s, itf, packets, n, false);
    unsigned kept = 0; /* those that were not forwarded */
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        if (i + 1 < n)
            prefetch(packets[i + 1]->data);
        frame_input(s, itf, p);
        packets[kept] = p;
        kept += !s->taken;
        s->taken = false;
    }
    tcp_flush(s);
    s->input = NULL;
    packet_release_burst(packets, kept);
}
