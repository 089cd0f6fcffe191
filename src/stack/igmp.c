/* SPDX-License-Identifier: MIT */
/*
 * IGMP in: what RFC 2236, RFC 3376 sections 4 and 9.1 ask of a message before group_report.c believes it. A TTL of 1 and
 * Router Alert show that it was sent on this link; version 1 has no Router Alert, nor have reports of old.
 */
#include "stack/group_report.h"

#include "stack/datagram.h"
#include "wire/igmp.h"

static bool has_router_alert(const struct datagram *d)
{
    uint32_t header = (d->bytes[0] & 15u) * 4u;
    struct wire_ipv4_options met;
    return header > WIRE_IPV4_MIN &&
           wire_ipv4_options_check(d->bytes + WIRE_IPV4_MIN, header - WIRE_IPV4_MIN, &met) == WIRE_IPV4_OPTIONS_OK &&
           met.router_alert;
}

/* A general query is for all hosts, one about a group and a report for the group; or for us alone (RFC 3376 4.1.12). */
static bool destination_ok(const struct datagram *d, const struct wire_group_message *m)
{
    if (!d->broadcast || m->kind > WIRE_GROUP_REPORT)
        return m->kind == WIRE_GROUP_QUERY || d->broadcast;
    bool general = ip_addr_is_unspecified(&m->group) || m->version == WIRE_GROUP_V1;
    bool to_all = ip_addr_to_v4(&d->destination) == GROUP_ALL_HOSTS;
    return (general && m->kind == WIRE_GROUP_QUERY ? to_all : ip_addr_equal(&d->destination, &m->group)) ||
           (to_all && m->version == WIRE_GROUP_V3);
}

static bool message_ok(const struct datagram *d, const struct wire_group_message *m)
{
    bool alert = m->kind != WIRE_GROUP_QUERY || m->version == WIRE_GROUP_V1 || has_router_alert(d);
    return d->ttl == WIRE_IGMP_TTL && alert && destination_ok(d, m);
}

static void count_unreadable(struct stack *s, int error)
{
    if (error == ERR_CHECKSUM)
        STACK_DROP(s, TRACE_IP, igmp_bad_checksum);
    else if (error == ERR_UNSUPPORTED)
        STACK_DROP(s, TRACE_IP, group_ignored);
    else
        STACK_DROP(s, TRACE_IP, igmp_malformed);
}

void igmp_input(struct stack *s, const struct datagram *d)
{
    struct wire_group_message m;
    int length = wire_igmp_parse(d->l4, d->l4_len, &m);
    if (length < 0)
        count_unreadable(s, length);
    else if (!message_ok(d, &m))
        STACK_DROP(s, TRACE_IP, igmp_bad_message);
    else
        group_hear(s, d, &m);
}
