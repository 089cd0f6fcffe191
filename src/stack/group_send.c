/* SPDX-License-Identifier: MIT */
/*
 * Writing and sending IGMP and MLD messages: TTL and hop limit 1, Router Alert (RFC 2113, RFC 2711), DSCP CS6 for IGMPv3
 * (RFC 3376 section 4), an MLD source that is link-local, or unspecified while there is none (RFC 3590).
 */
#include "stack/group_report.h"

#include "stack/datagram.h"
#include "stack/ipv6_output.h"
#include "wire/igmp.h"
#include "wire/mld.h"

#define HEADER_V4 24u /* with Router Alert */
#define HOP_BY_HOP 8u
#define TOS_CONTROL 0xc0u

static const struct ip_addr mld_routers = {{0xff, 0x02, [15] = 2}}, mld_v2_routers = {{0xff, 0x02, [15] = 0x16}};
#define IGMP_ROUTERS 0xe0000002u    /* 224.0.0.2 */
#define IGMP_V3_ROUTERS 0xe0000016u /* 224.0.0.22 */

/* ---- frames ---- */

/* A frame from a station; its message begins at r->message. */
static bool open_frame(struct stack *s, struct group_report *r, uint32_t station, const struct ip_addr *to)
{
    struct ip_output out = {.departure.ttl = WIRE_MLD_HOP_LIMIT};
    struct host *h = group_speaker(s, station);
    uint8_t mac[WIRE_ETH_ADDR_LEN];
    if (!h || stack_interface_of(s, h)->down)
        return false;
    if (h->v6)
        wire_eth_addr_from_ipv6_multicast(mac, to->bytes);
    else
        wire_eth_addr_from_ipv4_multicast(mac, ip_addr_to_v4(to));
    if (!ip_direct_open(s, h, mac, to, WIRE_MLD_LEN, &out))
        return false;
    uint8_t *ip = out.packet->data + out.packet->l3_offset;
    *r = (struct group_report){.station = station, .packet = out.packet, .host = h};
    r->message = ip + (h->v6 ? WIRE_IPV6_LEN + HOP_BY_HOP : HEADER_V4);
    r->at = r->message;
    r->end = ip + min_u32(interface_mtu(out.interface), UINT16_MAX);
    return true;
}

static void finish_v4(struct group_report *r, uint32_t length)
{
    static const uint8_t router_alert[4] = {WIRE_IPV4_OPT_ROUTER_ALERT, 4, 0, 0};
    uint8_t *ip = r->packet->data + r->packet->l3_offset;
    struct wire_ipv4 h = {.src = r->host->address,
                          .dst = load_be32(ip + 16),
                          .total_len = (uint16_t)(HEADER_V4 + length),
                          .tos = TOS_CONTROL,
                          .flags = WIRE_IPV4_DF,
                          .ttl = WIRE_IGMP_TTL,
                          .protocol = IP_PROTO_IGMP,
                          .options = router_alert,
                          .options_len = sizeof router_alert};
    wire_igmp_checksum_set(r->message, length);
    int written = wire_ipv4_build(ip, &h);
    assert(written == HEADER_V4);
    (void)written;
    r->packet->l4_offset = (uint16_t)(r->packet->l3_offset + HEADER_V4);
    r->packet->len = r->packet->l3_offset + HEADER_V4 + length;
}

static void finish_v6(struct stack *s, struct group_report *r, uint32_t length)
{
    static const uint8_t router_alert[HOP_BY_HOP] = {IP_PROTO_ICMPV6,    0, WIRE_IPV6_OPT_ROUTER_ALERT, 2, 0, 0,
                                                     WIRE_IPV6_OPT_PADN, 0};
    uint8_t *ip = r->packet->data + r->packet->l3_offset;
    const struct ipv6_fields f = {.hop_limit = WIRE_MLD_HOP_LIMIT, .next_header = IP_PROTO_HOP_BY_HOP};
    memcpy(r->message - HOP_BY_HOP, router_alert, HOP_BY_HOP);
    if (!group_speaks_as(r->host)) {
        memset(ip + 8, 0, 16);
        group_station_at(&s->groups, r->station)->unnamed = true;
        group_querier_of(&s->groups, r->host->segment, true)->unnamed = true;
    }
    const struct ip_addr source = ip_addr_from_v6(ip + 8), destination = ip_addr_from_v6(ip + 24);
    wire_icmpv6_checksum_set(&source, &destination, r->message, length);
    ipv6_complete(r->packet, HOP_BY_HOP + length, &f);
}

static void send_frame(struct stack *s, struct group_report *r)
{
    uint32_t length = (uint32_t)(r->at - r->message);
    struct ip_output out = {
        .packet = r->packet, .host = r->host, .interface = stack_interface_of(s, r->host), .mtu = UINT16_MAX};
    if (r->host->v6)
        finish_v6(s, r, length);
    else
        finish_v4(r, length);
    r->packet->hash = 0;
    r->station = 0;
    ip_output_dispatch(s, &out);
    s->counters.group_reports_sent++;
}

/* ---- versions 1 and 2 ---- */

static struct ip_addr destination_of(const struct ip_addr *group, enum wire_group_kind kind)
{
    if (kind == WIRE_GROUP_REPORT)
        return *group;
    return ip_addr_is_v4(group) ? ip_addr_from_v4(IGMP_ROUTERS) : mld_routers;
}

void group_send_older(struct stack *s, uint32_t station, const struct ip_addr *group, enum wire_group_kind kind,
                      enum wire_group_version version)
{
    struct group_report r;
    const struct wire_group_message m = {.kind = (uint8_t)kind, .version = (uint8_t)version, .group = *group};
    const struct ip_addr to = destination_of(group, kind);
    if (!open_frame(s, &r, station, &to))
        return;
    r.at += r.host->v6 ? wire_mld_build(r.at, &m) : wire_igmp_build(r.at, &m);
    send_frame(s, &r);
}

/* ---- version 3 ---- */

static bool begin_report(struct stack *s, struct group_report *r, uint32_t station, bool v6)
{
    const struct ip_addr to = v6 ? mld_v2_routers : ip_addr_from_v4(IGMP_V3_ROUTERS);
    if (!open_frame(s, r, station, &to))
        return false;
    r->at += WIRE_MLD_V2_REPORT_LEN;
    return true;
}

void group_report_send(struct stack *s, struct group_report *r)
{
    const struct wire_group_message m = {.kind = WIRE_GROUP_RECORDS, .version = WIRE_GROUP_V3, .count = r->records};
    if (r->station == 0)
        return;
    if (r->host->v6)
        wire_mld_build(r->message, &m);
    else
        wire_igmp_build(r->message, &m);
    send_frame(s, r);
}

bool group_report_record(struct stack *s, struct group_report *r, uint32_t station,
                         const struct wire_group_record *head, uint32_t sources)
{
    bool v6 = !ip_addr_is_v4(&head->group);
    if (r->station && (size_t)(r->end - r->at) < wire_group_record_bytes(v6, sources))
        group_report_send(s, r);
    if (!r->station && !begin_report(s, r, station, v6))
        return false;
    r->record = r->at;
    r->at += wire_group_record_build(r->at, v6, head);
    r->records++;
    return true;
}

bool group_report_source(struct group_report *r, const struct ip_addr *source)
{
    uint32_t bytes = wire_group_address_bytes(r->host->v6);
    if ((size_t)(r->end - r->at) < bytes)
        return false;
    wire_group_address_put(r->at, r->host->v6, 0, source);
    r->at += bytes;
    store_be16(r->record + 2, (uint16_t)(load_be16(r->record + 2) + 1u));
    return true;
}
