/* SPDX-License-Identifier: MIT */
/*
 * MLD in: what RFC 2710 section 3 and RFC 3810 5.1.14, 6.2 ask of a message before group_report.c believes it: hop limit
 * 1, Router Alert with its value 0 in the hop-by-hop header, a link-local source (of reports also the unspecified one,
 * RFC 3590), no fragments.
 */
#include "stack/group_report.h"

#include "stack/datagram.h"
#include "wire/mld.h"

static bool has_router_alert(const struct datagram *d)
{
    struct wire_ipv6_walk w;
    return wire_ipv6_walk(d->bytes, datagram_length(d), &w) == WIRE_IPV6_ACCEPT && w.router_alert &&
           w.router_alert_value == 0;
}

static bool source_ok(const struct datagram *d, const struct wire_group_message *m)
{
    return ip_addr_is_link_local(&d->source) || (m->kind != WIRE_GROUP_QUERY && ip_addr_is_unspecified(&d->source));
}

/* As with IGMP: RFC 3810 5.1.15. */
static bool destination_ok(const struct datagram *d, const struct wire_group_message *m)
{
    if (m->kind == WIRE_GROUP_QUERY && (!d->broadcast || ip_addr_is_all_nodes(&d->destination)))
        return !d->broadcast || m->version == WIRE_GROUP_V3 || ip_addr_is_unspecified(&m->group);
    return m->kind > WIRE_GROUP_REPORT || ip_addr_equal(&d->destination, &m->group);
}

static bool message_ok(const struct datagram *d, const struct wire_group_message *m)
{
    return d->ttl == WIRE_MLD_HOP_LIMIT && !d->fragments && source_ok(d, m) && destination_ok(d, m) &&
           has_router_alert(d);
}

void mld_input(struct stack *s, const struct datagram *d)
{
    struct wire_group_message m;
    if (wire_mld_parse(d->l4, d->l4_len, &m) < 0)
        STACK_DROP(s, TRACE_IP, mld_malformed);
    else if (!message_ok(d, &m))
        STACK_DROP(s, TRACE_IP, mld_bad_message);
    else
        group_hear(s, d, &m);
}
