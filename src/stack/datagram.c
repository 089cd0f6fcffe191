/* SPDX-License-Identifier: MIT */
/*
 * From IP of either family to the protocol above: raw listeners first, then TCP, UDP or ICMP. A protocol that nobody
 * knows is answered (RFC 1122 3.2.2.1, RFC 8200 section 4).
 */
#include "stack/datagram.h"

#include "stack/group_report.h"
#include "stack/icmpv6.h"

static void protocol_unknown(struct stack *s, const struct datagram *d)
{
    STACK_DROP(s, TRACE_IP, ip_unknown_protocol);
    if (d->host->v6)
        icmpv6_send_error(s, d, WIRE_ICMPV6_PARAMETER_PROBLEM, WIRE_ICMPV6_PROBLEM_NEXT_HEADER, d->protocol_at);
    else
        icmp_send_error(s, d, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PROTOCOL_UNREACHABLE, 0);
}

/* ICMP and ICMPv6 belong to one family each. */
static bool is_icmp(const struct datagram *d) { return d->protocol == (d->host->v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP); }

static bool is_igmp(const struct datagram *d) { return d->protocol == IP_PROTO_IGMP && !d->host->v6; }

/* RFC 3376 3.2: does a listener want this source? What is said about groups is heard whoever says it. */
static bool is_wanted(const struct stack *s, const struct datagram *d)
{
    return !ip_addr_is_multicast(&d->destination) || is_igmp(d) || is_icmp(d) ||
           group_allows(s, d->host->segment, &d->destination, &d->source);
}

static void icmp_of_either(struct stack *s, const struct datagram *d)
{
    if (d->host->v6)
        icmpv6_input(s, d);
    else
        icmp_input(s, d);
}

/* raw: somebody else has got it already. RFC 8200 4.7: behind "no next header" nothing is meant for anybody. */
static void deliver_other(struct stack *s, const struct datagram *d, bool raw)
{
    tcp_flush(s);
    if (d->protocol == IP_PROTO_UDP)
        udp_input(s, d);
    else if (is_icmp(d))
        icmp_of_either(s, d);
    else if (is_igmp(d))
        igmp_input(s, d);
    else if (!raw && !(d->host->v6 && d->protocol == IP_PROTO_NONE))
        protocol_unknown(s, d);
}

/*
 * A partial checksum that belongs to what a tunnel carries: it is completed. Those of the headers around it count on
 * that and are vouched for like any (Linux does the same); one that lies outside the frame vouches for nothing.
 */
static void complete_inner_checksum(const struct datagram *d)
{
    struct packet *p = d->packet;
    if (p->data + p->checksum_start > d->l4)
        p->checksum = packet_complete_checksum(p) < 0 ? PACKET_CHECKSUM_UNKNOWN : PACKET_CHECKSUM_VERIFIED;
}

void ip_deliver(struct stack *s, const struct datagram *d)
{
    if (d->packet->checksum == PACKET_CHECKSUM_PARTIAL)
        complete_inner_checksum(d);
    if (unlikely(d->broadcast) && !is_wanted(s, d)) {
        STACK_DROP(s, TRACE_IP, group_filtered);
        return;
    }
    if (unlikely(s->filters.count != 0) && !filter_allows_input(s, d))
        return;
    bool raw = unlikely(s->raw.count != 0) && raw_input(s, d);
    if (unlikely(d->protocol != IP_PROTO_TCP))
        deliver_other(s, d, raw);
    else if (unlikely(d->broadcast))
        STACK_DROP(s, TRACE_TCP, ip_bad_destination); /* RFC 9293 MUST-57 */
    else
        tcp_collect(s, d);
}
