/* SPDX-License-Identifier: MIT */
/*
 * IPv6 in, the long way: RFC 8200 and 4291, each check with its own counter, then extension headers, then delivery. A
 * host accepts any hop limit; what is for others is forward.h's. Routing headers with segments left are refused (RFC 5095), as is
 * whatever wire_ipv6_walk does not like; its verdict says whether the sender hears of it.
 */
#include "stack/ipv6_input.h"

#include "stack/icmpv6.h"
#include "wire/tcp.h"

#define SCOPE_OF(multicast) ((multicast)->bytes[1] & 15u)
#define SCOPE_LINK_LOCAL 2u

/* ---- header ---- */

bool ipv6_continues_in_frags(const struct packet *p, const uint8_t *l3, uint32_t total)
{
    uint32_t head = (uint32_t)(p->data + p->len - l3);
    if (p->nfrags == 0 || head < WIRE_IPV6_LEN + WIRE_TCP_MIN || l3[6] != IP_PROTO_TCP)
        return false;
    return total <= head - p->len + packet_total_length(p);
}

/* Bytes of the datagram that are there. */
static uint32_t present(const struct arrival *a)
{
    if (likely(a->packet->nfrags == 0) || a->l3_len < WIRE_IPV6_LEN)
        return a->l3_len;
    uint32_t total = WIRE_IPV6_LEN + load_be16(a->l3 + 4);
    return ipv6_continues_in_frags(a->packet, a->l3, total) ? max_u32(total, a->l3_len) : a->l3_len;
}

static bool header_ok(struct stack *s, const struct arrival *a, struct wire_ipv6 *ip)
{
    if (wire_ipv6_parse(a->l3, present(a), ip) >= 0)
        return true;
    if (a->l3_len < WIRE_IPV6_LEN)
        STACK_DROP(s, TRACE_IP, ip_short);
    else if (a->l3[0] >> 4 != 6)
        STACK_DROP(s, TRACE_IP, ip_bad_version);
    else
        STACK_DROP(s, TRACE_IP, ip_bad_total_length);
    return false;
}

/* ---- addresses ---- */

/* The host that hears a multicast destination, or NULL. RFC 4291 2.8 names those that need no joining. */
static struct host *group_host(struct stack *s, uint32_t segment, const struct ip_addr *group)
{
    if (ip_addr_is_all_nodes(group))
        return host_first(&s->hosts, segment, true);
    if (ip_addr_is_all_routers(group))
        return nd_router_find(s, segment);
    if (ip_addr_is_solicited_node(group))
        return host_find_solicited(&s->hosts, segment, group);
    return group_hearer(s, segment, group);
}

static void count_not_for_us(struct stack *s, const struct ip_addr *destination)
{
    if (ip_addr_is_v4(destination) || ip_addr_is_unspecified(destination) || ip_addr_is_loopback(destination))
        STACK_DROP(s, TRACE_IP, ip_bad_destination);
    else
        STACK_DROP(s, TRACE_IP, ip_not_for_us);
}

/* Finds d->host of a multicast datagram. RFC 4291 2.7: scopes below link-local are on no wire. */
static bool group_ok(struct stack *s, const struct arrival *a, struct datagram *d)
{
    d->broadcast = true;
    if (SCOPE_OF(&d->destination) < SCOPE_LINK_LOCAL) {
        STACK_DROP(s, TRACE_IP, ip_bad_destination);
        return false;
    }
    d->host = group_host(s, a->segment, &d->destination);
    if (!d->host)
        STACK_DROP(s, TRACE_IP, ip_not_for_us);
    return d->host != NULL;
}

/* Finds d->host. The strong host model, as with IPv4. */
static bool destination_ok(struct stack *s, const struct arrival *a, struct datagram *d)
{
    if (d->destination.bytes[0] == 0xff)
        return group_ok(s, a, d);
    d->host = host_find6(&s->hosts, a->segment, &d->destination, a->eth);
    if (d->host)
        return true;
    const struct host *other = host_find_address(&s->hosts, a->segment, &d->destination);
    if (other && other->state != HOST_USABLE)
        STACK_DROP(s, TRACE_IP, nd_tentative);
    else if (other)
        STACK_DROP(s, TRACE_IP, ip_l2_mismatch);
    else if (unlikely(s->forward.count != 0) && forward_offer(s, a, d))
        return d->host != NULL;
    else
        count_not_for_us(s, &d->destination);
    return false;
}

/* An advertisement to a group may come from our own address: somebody else has it too (RFC 4862 5.4.4). */
static bool is_rival(const struct datagram *d)
{
    return d->broadcast && ip_addr_equal(&d->source, &d->host->ip) && d->bytes[6] == IP_PROTO_ICMPV6 &&
           load_be16(d->bytes + 4) > WIRE_ICMPV6_LEN && d->bytes[WIRE_IPV6_LEN] == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT;
}

/* The unspecified address is one of ICMPv6 to a group only: icmpv6.c. */
static bool source_ok(struct stack *s, const struct datagram *d)
{
    if (ipv6_source_ok(d->host, &d->source) || (d->broadcast && ip_addr_is_unspecified(&d->source)) || is_rival(d))
        return true;
    STACK_DROP(s, TRACE_IP, ip_bad_source);
    return false;
}

/* ---- extension headers ---- */

static void count_refused(struct stack *s, enum wire_ipv6_reason reason)
{
    switch (reason) {
    case WIRE_IPV6_TOO_MANY_HEADERS:
        STACK_DROP(s, TRACE_IP, ipv6_too_many_headers);
        break;
    case WIRE_IPV6_TOO_MANY_OPTIONS:
        STACK_DROP(s, TRACE_IP, ipv6_too_many_options);
        break;
    case WIRE_IPV6_BAD_OPTION:
        STACK_DROP(s, TRACE_IP, ipv6_bad_option);
        break;
    case WIRE_IPV6_UNKNOWN_OPTION:
        STACK_DROP(s, TRACE_IP, ipv6_unknown_option);
        break;
    case WIRE_IPV6_HOP_BY_HOP_MISPLACED:
        STACK_DROP(s, TRACE_IP, ipv6_misplaced_header);
        break;
    case WIRE_IPV6_ROUTING:
        STACK_DROP(s, TRACE_IP, ipv6_routing_header);
        break;
    case WIRE_IPV6_JUMBO:
        STACK_DROP(s, TRACE_IP, ipv6_jumbo);
        break;
    case WIRE_IPV6_FRAGMENT_MISALIGNED:
        STACK_DROP(s, TRACE_IP, frag_bad_length);
        break;
    case WIRE_IPV6_FRAGMENT_TOO_FAR:
        STACK_DROP(s, TRACE_IP, frag_too_long);
        break;
    case WIRE_IPV6_FRAGMENT_EMPTY:
        STACK_DROP(s, TRACE_IP, frag_empty);
        break;
    case WIRE_IPV6_FRAGMENT_NESTED:
        STACK_DROP(s, TRACE_IP, frag_nested);
        break;
    case WIRE_IPV6_CHAIN_INCOMPLETE:
        STACK_DROP(s, TRACE_IP, frag_headers_missing);
        break;
    case WIRE_IPV6_GOOD:
    case WIRE_IPV6_TRUNCATED:
    case WIRE_IPV6_BAD_VERSION:
    case WIRE_IPV6_REASON_COUNT:
        STACK_DROP(s, TRACE_IP, ip_short);
        break;
    }
}

void ipv6_refuse(struct stack *s, const struct datagram *d, const struct wire_ipv6_walk *w)
{
    count_refused(s, w->reason);
    if (w->verdict == WIRE_IPV6_PARAMETER_PROBLEM)
        icmpv6_send_error(s, d, WIRE_ICMPV6_PARAMETER_PROBLEM, w->problem_code, w->problem_pointer);
}

uint32_t ipv6_walk_length(const struct datagram *d)
{
    bool jumbogram = load_be16(d->bytes + 4) == 0 && d->bytes[6] == IP_PROTO_HOP_BY_HOP;
    return jumbogram ? (uint32_t)(d->packet->data + d->packet->len - d->bytes) : datagram_length(d);
}

static void deliver_behind(struct stack *s, struct datagram *d)
{
    struct wire_ipv6_walk w;
    if (wire_ipv6_walk(d->bytes, ipv6_walk_length(d), &w) != WIRE_IPV6_ACCEPT) {
        ipv6_refuse(s, d, &w);
        return;
    }
    d->l4 = d->bytes + w.offset;
    d->l4_len = w.end - w.offset;
    d->protocol = w.protocol;
    d->protocol_at = (uint16_t)w.next_header_at;
    d->fragments |= w.fragment_header;
    d->packet->l4_offset = (uint16_t)(d->packet->l3_offset + w.offset);
    if (w.fragment)
        reassembly_input_v6(s, d, &w);
    else
        ip_deliver(s, d);
}

void ipv6_deliver(struct stack *s, const struct datagram *whole)
{
    struct datagram d = *whole;
    d.l4 = d.bytes + WIRE_IPV6_LEN;
    d.l4_len = load_be16(d.bytes + 4);
    d.protocol = d.bytes[6];
    d.protocol_at = 6;
    d.packet->l4_offset = (uint16_t)(d.packet->l3_offset + WIRE_IPV6_LEN);
    if (wire_ipv6_is_extension(d.protocol))
        deliver_behind(s, &d);
    else
        ip_deliver(s, &d);
}

void ipv6_input(struct stack *s, const struct arrival *a)
{
    struct wire_ipv6 ip;
    s->counters.ipv6_received++;
    if (!header_ok(s, a, &ip))
        return;
    struct datagram d = {.packet = a->packet,
                         .eth = a->eth,
                         .bytes = a->l3,
                         .source = ip.src,
                         .destination = ip.dst,
                         .tos = ip.traffic_class,
                         .ttl = ip.hop_limit,
                         .group = a->group,
                         .labelled = a->labelled};
    if (unlikely(a->sender != NULL) ? loop_deliverable(s, a, &d) : destination_ok(s, a, &d) && source_ok(s, &d))
        ipv6_deliver(s, &d);
}
