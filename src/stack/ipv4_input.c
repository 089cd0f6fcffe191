/* SPDX-License-Identifier: MIT */
/*
 * IPv4 in, the long way: every check of RFC 791 and RFC 1122 3.2.1 with its own counter, then delivery. A host accepts
 * a TTL of 0 or 1 addressed to it (RFC 1122 3.2.1.7); what is for others is forward.h's. Source-routed datagrams are dropped (RFC
 * 1122 3.2.1.8 default). Anything wrong is discarded silently; only an unknown protocol or port and options that cannot be read are answered by an ICMP
 * error.
 */
#include "stack/ipv4_input.h"

#include "wire/tcp.h"

/* ---- header ---- */

bool ipv4_continues_in_frags(const struct packet *p, const uint8_t *l3, uint32_t total)
{
    uint32_t header = (l3[0] & 15u) * 4u, head = (uint32_t)(p->data + p->len - l3);
    if (p->nfrags == 0 || head < header + WIRE_TCP_MIN || l3[9] != IP_PROTO_TCP ||
        (load_be16(l3 + 6) & IPV4_FRAGMENT_BITS))
        return false;
    return total <= head - p->len + packet_total_length(p);
}

/* Says which of the header's fields wire_ipv4_parse did not like. */
static void count_unreadable(struct stack *s, const struct arrival *a)
{
    if (a->l3_len < WIRE_IPV4_MIN) {
        STACK_DROP(s, TRACE_IP, ip_short);
        return;
    }
    uint32_t header = (a->l3[0] & 15u) * 4u, total = load_be16(a->l3 + 2);
    if (a->l3[0] >> 4 != 4)
        STACK_DROP(s, TRACE_IP, ip_bad_version);
    else if (header < WIRE_IPV4_MIN || header > a->l3_len)
        STACK_DROP(s, TRACE_IP, ip_bad_header_length);
    else if (total < WIRE_IPV4_MIN || total > a->l3_len)
        STACK_DROP(s, TRACE_IP, ip_bad_total_length);
    else
        STACK_DROP(s, TRACE_IP, ip_bad_header_length);
}

/* Bytes of the datagram that are there. */
static uint32_t present(const struct arrival *a)
{
    if (likely(a->packet->nfrags == 0) || a->l3_len < WIRE_IPV4_MIN)
        return a->l3_len;
    uint32_t total = load_be16(a->l3 + 2);
    return ipv4_continues_in_frags(a->packet, a->l3, total) ? max_u32(total, a->l3_len) : a->l3_len;
}

static bool header_ok(struct stack *s, const struct arrival *a, struct wire_ipv4 *ip)
{
    if (wire_ipv4_parse(a->l3, present(a), ip) < 0) {
        count_unreadable(s, a);
        return false;
    }
    if (!wire_ipv4_checksum_ok(a->l3, ip->header_len)) {
        STACK_DROP(s, TRACE_IP, ip_bad_checksum);
        return false;
    }
    return true;
}

/* ---- addresses ---- */

/* The host that hears a broadcast or multicast destination, or NULL. */
static struct host *broadcast_host(struct stack *s, uint32_t segment, uint32_t destination)
{
    if (ipv4_addr_is_broadcast(destination) || destination == GROUP_ALL_HOSTS)
        return host_first(&s->hosts, segment, false);
    const struct ip_addr group = ip_addr_from_v4(destination);
    if (ipv4_addr_is_multicast(destination))
        return group_hearer(s, segment, &group);
    return host_find_broadcast(&s->hosts, segment, destination);
}

static void count_not_for_us(struct stack *s, uint32_t destination)
{
    if (ipv4_addr_is_this_network(destination) || ipv4_addr_is_loopback(destination) ||
        ipv4_addr_is_class_e(destination))
        STACK_DROP(s, TRACE_IP, ip_bad_destination);
    else
        STACK_DROP(s, TRACE_IP, ip_not_for_us);
}

/* Finds d->host. RFC 1122 3.3.4.2: the strong host model; 3.3.6: a unicast datagram in a broadcast frame is dropped. */
static bool destination_ok(struct stack *s, const struct arrival *a, struct datagram *d)
{
    uint32_t destination = ip_addr_to_v4(&d->destination);
    d->host = host_find(&s->hosts, a->segment, destination, a->eth);
    if (d->host)
        return true;
    const struct host *other = host_find_address(&s->hosts, a->segment, &d->destination);
    if (other) {
        if (other->state != HOST_USABLE)
            STACK_DROP(s, TRACE_IP, arp_tentative);
        else
            STACK_DROP(s, TRACE_IP, ip_l2_mismatch);
        return false;
    }
    d->host = broadcast_host(s, a->segment, destination);
    d->broadcast = true;
    if (d->host || (unlikely(s->forward.count != 0) && forward_offer(s, a, d)))
        return d->host != NULL;
    count_not_for_us(s, destination);
    return false;
}

/* RFC 3376 4.2.13: IGMP may come from 0.0.0.0; a switch that snoops asks from there (RFC 4541 2.1.1). */
static bool source_ok(struct stack *s, const struct datagram *d)
{
    bool unset = d->protocol == IP_PROTO_IGMP && d->broadcast && ip_addr_is_unspecified(&d->source);
    if (unset || ipv4_source_ok(d->host, ip_addr_to_v4(&d->source)))
        return true;
    STACK_DROP(s, TRACE_IP, ip_bad_source);
    return false;
}

/* ---- options ---- */

/* RFC 1122 3.2.2.5: who sent it to us hears which octet is wrong. */
static void tell_problem(struct stack *s, const struct arrival *a, struct datagram *d, uint8_t octet)
{
    if (a->sender)
        return;
    d->host = host_find(&s->hosts, a->segment, ip_addr_to_v4(&d->destination), a->eth);
    if (d->host && ipv4_source_ok(d->host, ip_addr_to_v4(&d->source)))
        icmp_send_error(s, d, WIRE_ICMP_PARAMETER_PROBLEM, 0, (uint32_t)octet << 24);
}

/* Before all else that is done with a datagram: a router does not pass on what it cannot read either. */
static bool options_ok(struct stack *s, const struct arrival *a, const struct wire_ipv4 *ip, struct datagram *d)
{
    struct wire_ipv4_options met;
    if (likely(ip->options_len == 0))
        return true;
    switch (wire_ipv4_options_check(ip->options, ip->options_len, &met)) {
    case WIRE_IPV4_OPTIONS_OK:
        return true;
    case WIRE_IPV4_OPTIONS_SOURCE_ROUTE:
        STACK_DROP(s, TRACE_IP, ip_source_route);
        return false;
    case WIRE_IPV4_OPTIONS_BAD_LENGTH:
    case WIRE_IPV4_OPTIONS_BAD_POINTER:
    case WIRE_IPV4_OPTIONS_DUPLICATE:
        break;
    }
    STACK_DROP(s, TRACE_IP, ip_bad_options);
    tell_problem(s, a, d, met.pointer);
    return false;
}

/* ---- all ---- */

void ipv4_input(struct stack *s, const struct arrival *a)
{
    struct wire_ipv4 ip;
    s->counters.ipv4_received++;
    if (!header_ok(s, a, &ip))
        return;
    struct datagram d = {.packet = a->packet,
                         .eth = a->eth,
                         .bytes = a->l3,
                         .l4 = a->l3 + ip.header_len,
                         .l4_len = wire_ipv4_payload_len(&ip),
                         .source = ip_addr_from_v4(ip.src),
                         .destination = ip_addr_from_v4(ip.dst),
                         .protocol = ip.protocol,
                         .tos = a->l3[1],
                         .ttl = ip.ttl,
                         .group = a->group};
    if (!options_ok(s, a, &ip, &d))
        return;
    if (unlikely(a->sender != NULL) ? !loop_deliverable(s, a, &d) : !destination_ok(s, a, &d) || !source_ok(s, &d))
        return;
    a->packet->l4_offset = (uint16_t)(a->packet->l3_offset + ip.header_len);
    if (wire_ipv4_is_fragment(&ip))
        reassembly_input_v4(s, &d, &ip);
    else
        ip_deliver(s, &d);
}
