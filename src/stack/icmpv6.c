/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6: RFC 4443. Messages in, errors out. Everything but Neighbour Discovery needs a source that can be answered.
 */
#include "stack/icmpv6.h"

#include "stack/datagram.h"
#include "stack/group_report.h"
#include "stack/nd.h"
#include "wire/mld.h"

/* ---- errors sent ---- */

/* RFC 4443 2.4 (e.1), (e.2): never about an error or a redirect. */
static bool is_about_error(const struct datagram *about)
{
    struct ip_quote q;
    if (ip_quote_v6(about->bytes, datagram_length(about), &q) < 0)
        return false;
    return q.protocol == IP_PROTO_ICMPV6 && !q.middle &&
           (wire_icmpv6_is_error(q.l4[0]) || q.l4[0] == WIRE_ICMPV6_REDIRECT);
}

/* (e.3) to (e.6). */
static bool may_answer(const struct datagram *about, enum wire_icmpv6_type type, uint8_t code)
{
    bool to_many = about->broadcast || about->group;
    bool even_then = type == WIRE_ICMPV6_PACKET_TOO_BIG ||
                     (type == WIRE_ICMPV6_PARAMETER_PROBLEM && code == WIRE_ICMPV6_PROBLEM_OPTION);
    return (!to_many || even_then) && !ip_addr_is_unspecified(&about->source);
}

void icmpv6_send_error(struct stack *s, const struct datagram *about, enum wire_icmpv6_type type, uint8_t code,
                       uint32_t rest)
{
    if (!may_answer(about, type, code) || is_about_error(about) || !icmp_limit_allows(s))
        return;
    uint32_t quoted = datagram_length(about);
    uint32_t length = WIRE_ICMPV6_LEN + min_u32(quoted, WIRE_ICMPV6_QUOTE_MAX);
    struct ip_output out;
    if (!ip_reply_open(s, about, length, &out))
        return;
    int built = wire_icmpv6_error_build(out.l4, length, &out.host->ip, &out.destination, (uint8_t)type, code, rest,
                                        about->bytes, quoted);
    assert(built > 0); /* its header was checked when it came */
    ip_output_send(s, &out, (uint32_t)built, IP_PROTO_ICMPV6);
    s->counters.icmp_errors_sent++;
}

/* ---- errors received ---- */

static struct icmp_verdict verdict_of(const struct wire_icmpv6 *h, const struct ip_addr *reporter)
{
    struct icmp_verdict v = {.e = {.error = ERR_UNREACHABLE, .type = h->type, .code = h->code, .reporter = *reporter},
                             .kind = TCP_ICMP_SOFT};
    bool no_port = h->type == WIRE_ICMPV6_UNREACHABLE && h->code == WIRE_ICMPV6_PORT_UNREACHABLE;
    bool no_protocol = h->type == WIRE_ICMPV6_PARAMETER_PROBLEM && h->code == WIRE_ICMPV6_PROBLEM_NEXT_HEADER;
    if (no_port || no_protocol) {
        v.e.error = ERR_REFUSED;
        v.kind = TCP_ICMP_HARD;
    } else if (h->type == WIRE_ICMPV6_PACKET_TOO_BIG) {
        v.e.error = ERR_NO_SPACE;
        v.kind = TCP_ICMP_TOO_BIG;
        v.e.mtu = wire_icmpv6_mtu(h);
    }
    return v;
}

static void error_input(struct stack *s, const struct datagram *d, const struct wire_icmpv6 *h)
{
    struct ip_quote quote;
    struct icmp_verdict v = verdict_of(h, &d->source);
    s->counters.icmp_errors_received++;
    if (ip_quote_v6(d->l4 + WIRE_ICMPV6_LEN, d->l4_len - WIRE_ICMPV6_LEN, &quote) < 0)
        STACK_DROP(s, TRACE_ICMP, icmp_quote_short);
    else
        icmp_error_dispatch(s, d, &quote, &v);
}

/* ---- all messages ---- */

static bool checksum_right(const struct datagram *d)
{
    return d->packet->checksum != PACKET_CHECKSUM_UNKNOWN ||
           wire_icmpv6_checksum_ok(&d->source, &d->destination, d->l4, d->l4_len);
}

static void message_input(struct stack *s, const struct datagram *d, const struct wire_icmpv6 *h)
{
    if (ip_addr_is_unspecified(&d->source))
        STACK_DROP(s, TRACE_ICMP, ip_bad_source);
    else if (h->type == WIRE_ICMPV6_ECHO_REQUEST)
        icmp_echo_request_input(s, d);
    else if (h->type == WIRE_ICMPV6_ECHO_REPLY)
        icmp_echo_reply_input(s, d);
    else if (wire_icmpv6_is_error(h->type))
        error_input(s, d, h);
    else
        STACK_DROP(s, TRACE_ICMP, icmp_unknown_type); /* RFC 4443 2.4 (b) */
}

void icmpv6_input(struct stack *s, const struct datagram *d)
{
    struct wire_icmpv6 h;
    if (wire_icmpv6_parse(d->l4, d->l4_len, &h) < 0) {
        STACK_DROP(s, TRACE_ICMP, icmp_short);
        return;
    }
    if (!checksum_right(d)) {
        STACK_DROP(s, TRACE_ICMP, icmp_bad_checksum);
        return;
    }
    if (wire_nd_is_nd(h.type))
        nd_input(s, d);
    else if (wire_mld_is_mld(h.type))
        mld_input(s, d);
    else
        message_input(s, d, &h);
}
