/* SPDX-License-Identifier: MIT */
/*
 * IGMP and MLD frames: see frame_group.h.
 */
#include "support/frame_group.h"

struct group_envelope group_envelope_for(bool v6, const struct wire_group_message *m)
{
    struct group_envelope e = {.source = v6 ? GATEWAY6 : v4(GATEWAY), .ttl = 1, .router_alert = true};
    bool general = m->kind == WIRE_GROUP_QUERY && ip_addr_is_unspecified(&m->group);
    e.destination = !general ? m->group : v6 ? ALL_NODES : v4(0xe0000001);
    if (m->version == WIRE_GROUP_V1)
        e.router_alert = false;
    return e;
}

static uint32_t make_v4(uint8_t *to, const struct group_envelope *e, uint8_t *message, uint32_t length)
{
    uint8_t payload[FRAME_MAKE_BYTES] = {0x94, 4, 0, 0};
    uint32_t options = e->router_alert ? 4 : 0;
    wire_igmp_checksum_set(message, length);
    memcpy(payload + options, message, length);
    uint32_t n = make_ipv4(to, ip_addr_to_v4(&e->source), ip_addr_to_v4(&e->destination), IP_PROTO_IGMP, payload,
                           options + length);
    to[14] = (uint8_t)(0x45 + options / 4);
    to[22] = e->ttl;
    if (ip_addr_is_multicast(&e->destination))
        wire_eth_addr_from_ipv4_multicast(to, ip_addr_to_v4(&e->destination));
    store_be16(to + 24, 0);
    uint16_t sum = checksum_finish(checksum_add(0, to + 14, 20 + options));
    memcpy(to + 24, &sum, sizeof sum);
    return n;
}

static uint32_t make_v6(uint8_t *to, const struct group_envelope *e, uint8_t *message, uint32_t length)
{
    uint8_t payload[FRAME_MAKE_BYTES] = {IP_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
    uint32_t options = e->router_alert ? 8 : 0;
    wire_icmpv6_checksum_set(&e->source, &e->destination, message, length);
    memcpy(payload + options, message, length);
    uint32_t n = make_ipv6(to, &e->source, &e->destination, options ? IP_PROTO_HOP_BY_HOP : IP_PROTO_ICMPV6, payload,
                           options + length);
    to[21] = e->ttl;
    return n;
}

uint32_t make_group_bytes(uint8_t *to, const struct group_envelope *e, uint8_t *message, uint32_t length)
{
    return ip_addr_is_v4(&e->destination) ? make_v4(to, e, message, length) : make_v6(to, e, message, length);
}

uint32_t make_group(uint8_t *to, const struct group_envelope *e, const struct wire_group_message *m)
{
    uint8_t message[FRAME_MAKE_BYTES];
    int head = ip_addr_is_v4(&e->destination) ? wire_igmp_build(message, m) : wire_mld_build(message, m);
    if (m->bytes_length)
        memcpy(message + head, m->bytes, m->bytes_length);
    return make_group_bytes(to, e, message, (uint32_t)head + m->bytes_length);
}
