/* SPDX-License-Identifier: MIT */
/*
 * Protocol numbers shared by the IPv4 Protocol and the IPv6 Next Header fields (IANA, "Assigned Internet Protocol
 * Numbers").
 */
#ifndef WEIR_WIRE_IP_PROTO_H
#define WEIR_WIRE_IP_PROTO_H

enum ip_proto {
    IP_PROTO_HOP_BY_HOP = 0,
    IP_PROTO_ICMP = 1,
    IP_PROTO_IGMP = 2,
    IP_PROTO_IPV4 = 4,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17,
    IP_PROTO_IPV6 = 41,
    IP_PROTO_ROUTING = 43,
    IP_PROTO_FRAGMENT = 44,
    IP_PROTO_GRE = 47,
    IP_PROTO_ESP = 50,
    IP_PROTO_AH = 51,
    IP_PROTO_ICMPV6 = 58,
    IP_PROTO_NONE = 59,
    IP_PROTO_DESTINATION_OPTIONS = 60,
    IP_PROTO_OSPF = 89,
    IP_PROTO_VRRP = 112,
    IP_PROTO_SCTP = 132,
    IP_PROTO_MOBILITY = 135,
    IP_PROTO_UDPLITE = 136,
};

#endif
