/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes through every codec of src/wire, then as a frame layer by layer. What parses must print within
 * its buffer, rebuild, and parse to the same (tests/unit/wire_laws.h).
 */
#include "unit/wire_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void decode_l4(uint8_t protocol, const uint8_t *bytes, size_t length)
{
    if (protocol == IP_PROTO_TCP)
        law_tcp(bytes, length);
    if (protocol == IP_PROTO_UDP)
        law_udp(bytes, length);
    if (protocol == IP_PROTO_ICMP)
        law_icmp(bytes, length);
    if (protocol == IP_PROTO_ICMPV6) {
        law_icmpv6(bytes, length);
        law_nd(bytes, length);
    }
}

static void decode_ip(uint16_t ethertype, const uint8_t *packet, size_t length)
{
    struct wire_ipv4 v4;
    struct wire_ipv6_walk v6;
    if (ethertype == ETHERTYPE_IPV4 && wire_ipv4_parse(packet, length, &v4) > 0)
        decode_l4(v4.protocol, packet + v4.header_len, wire_ipv4_payload_len(&v4));
    if (ethertype == ETHERTYPE_IPV6 && wire_ipv6_walk(packet, length, &v6) == WIRE_IPV6_ACCEPT)
        decode_l4(v6.protocol, packet + v6.offset, v6.end - v6.offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct wire_eth eth;
    law_all(bytes, length);
    int n = wire_eth_parse(bytes, length, WIRE_ETH_MAX_TAGS, &eth);
    if (n > 0) {
        law_all(bytes + n, length - (size_t)n);
        decode_ip(eth.ethertype, bytes + n, length - (size_t)n);
    }
    return 0;
}
