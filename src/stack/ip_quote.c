/* SPDX-License-Identifier: MIT */
/*
 * Quoted datagrams: see ip_quote.h.
 */
#include "stack/ip_quote.h"

int ip_quote_v4(const uint8_t *bytes, size_t length, struct ip_quote *out)
{
    struct wire_icmp_quote q;
    int l4 = wire_icmp_quote_parse(bytes, length, &q);
    if (l4 < 0)
        return l4;
    *out = (struct ip_quote){.source = ip_addr_from_v4(q.ip.src),
                             .destination = ip_addr_from_v4(q.ip.dst),
                             .bytes = bytes,
                             .l4 = q.l4,
                             .header_len = q.ip.header_len,
                             .l4_len = (uint32_t)q.l4_len,
                             .total = q.ip.total_len,
                             .protocol = q.ip.protocol,
                             .dont_fragment = (q.ip.flags & WIRE_IPV4_DF) != 0,
                             .middle = q.ip.fragment_offset != 0,
                             .source_port = q.src_port,
                             .destination_port = q.dst_port,
                             .tcp_seq = q.tcp_seq};
    return 0;
}

int ip_quote_v6(const uint8_t *bytes, size_t length, struct ip_quote *out)
{
    struct wire_icmpv6_quote q;
    int l4 = wire_icmpv6_quote_parse(bytes, length, &q);
    if (l4 < 0)
        return l4;
    *out = (struct ip_quote){.source = q.ip.src,
                             .destination = q.ip.dst,
                             .bytes = bytes,
                             .l4 = q.l4,
                             .header_len = (uint32_t)l4,
                             .l4_len = (uint32_t)q.l4_len,
                             .total = WIRE_IPV6_LEN + q.ip.payload_len,
                             .protocol = q.protocol,
                             .dont_fragment = true,
                             .middle = q.fragment_offset != 0,
                             .source_port = q.src_port,
                             .destination_port = q.dst_port,
                             .tcp_seq = q.tcp_seq};
    return 0;
}
