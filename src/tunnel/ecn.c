/* SPDX-License-Identifier: MIT */
/*
 * Congestion marks through tunnels: RFC 6040. The sender copies the field (4.1, normal mode); what the receiver makes of
 * both is figure 4.
 */
#include "base/checksum.h"
#include "tunnel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define NOT_ECT 0
#define ECT_1 1
#define ECT_0 2
#define CE 3
#define DROP ERR_MALFORMED

int tunnel_ecn_combine(unsigned inner, unsigned outer)
{
    static const int8_t combined[4][4] = {
        [NOT_ECT] = {[NOT_ECT] = NOT_ECT, [ECT_0] = NOT_ECT, [ECT_1] = NOT_ECT, [CE] = DROP},
        [ECT_0] = {[NOT_ECT] = ECT_0, [ECT_0] = ECT_0, [ECT_1] = ECT_1, [CE] = CE},
        [ECT_1] = {[NOT_ECT] = ECT_1, [ECT_0] = ECT_1, [ECT_1] = ECT_1, [CE] = CE},
        [CE] = {[NOT_ECT] = CE, [ECT_0] = CE, [ECT_1] = CE, [CE] = CE},
    };
    return combined[inner & 3u][outer & 3u];
}

uint8_t tunnel_ip_tos(const uint8_t *ip) { return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(load_be16(ip) >> 4); }

static void set_v4(uint8_t *ip, uint8_t tos)
{
    uint16_t checksum, before, after;
    memcpy(&before, ip, sizeof before);
    memcpy(&checksum, ip + WIRE_IPV4_CHECKSUM_OFFSET, sizeof checksum);
    ip[1] = tos;
    memcpy(&after, ip, sizeof after);
    checksum = checksum_update16(checksum, before, after);
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static void set_v6(uint8_t *ip, uint8_t traffic_class)
{
    store_be16(ip, (uint16_t)((load_be16(ip) & 0xf00fu) | (uint32_t)traffic_class << 4));
}

bool tunnel_ecn_apply(uint8_t *ip, uint8_t outer_tos, bool *marked)
{
    uint8_t tos = tunnel_ip_tos(ip);
    int ecn = tunnel_ecn_combine(tos, outer_tos);
    *marked = ecn >= 0 && ecn != (tos & 3);
    if (ecn < 0)
        return false;
    if (!*marked)
        return true;
    tos = (uint8_t)((tos & 0xfcu) | (unsigned)ecn);
    if (ip[0] >> 4 == 4)
        set_v4(ip, tos);
    else
        set_v6(ip, tos);
    return true;
}

uint32_t tunnel_ip_offset(const uint8_t *frame, uint32_t length)
{
    uint32_t at = WIRE_ETH_LEN;
    for (unsigned tags = 0; tags < 2 && length >= at + WIRE_ETH_TAG_LEN && wire_eth_is_tpid(load_be16(frame + at - 2));
         tags++)
        at += WIRE_ETH_TAG_LEN;
    if (length < at)
        return 0;
    uint16_t type = load_be16(frame + at - 2);
    bool v4 = type == ETHERTYPE_IPV4 && length >= at + WIRE_IPV4_MIN && frame[at] >> 4 == 4;
    bool v6 = type == ETHERTYPE_IPV6 && length >= at + WIRE_IPV6_LEN && frame[at] >> 4 == 6;
    return v4 || v6 ? at : 0;
}
