/* SPDX-License-Identifier: MIT */
/*
 * A tunnel as the location of a port: "tunnel:KIND,key=value,...,over=LOCATION". The outer datagrams go from a host of a
 * stack of their own at LOCATION, which may be a tunnel again. What a key means is in tunnel/tunnel.h.
 */
#ifndef WEIR_TRAFFIC_PLAN_TUNNEL_H
#define WEIR_TRAFFIC_PLAN_TUNNEL_H

#include "wire/ip_addr.h"

#define PLAN_TUNNEL_REMOTES 16u
#define PLAN_TUNNEL_VNIS 65536u
#define PLAN_TUNNEL_NESTING 4u

enum plan_tunnel_kind { PLAN_TUNNEL_IPIP, PLAN_TUNNEL_GRE, PLAN_TUNNEL_GRETAP, PLAN_TUNNEL_VXLAN };

struct plan_tunnel {
    enum plan_tunnel_kind kind;
    const char *over; /* the location below: the end of the text */
    struct ip_addr local, gateway;
    uint8_t prefix_length; /* of local, of its family */
    struct ip_addr remotes[PLAN_TUNNEL_REMOTES];
    uint32_t n_remotes;
    uint32_t key, vni, first_vni, last_vni; /* the last two: a trunk's, 0: none */
    uint32_t ttl, dscp, udp_port, age_s;    /* 0: the default */
    bool has_key, has_vni, has_local;
    bool checksum, sequence, fragment, accept_unknown, no_learn, udp_checksum, zero_checksum6;
};

/*
 * Reads what stands behind "tunnel:"; the text is borrowed. False: message (256 bytes) says what was found and what is
 * allowed.
 */
MUST_CHECK bool plan_tunnel_read(const char *text, struct plan_tunnel *to, char message[256]);
/* Bytes of a datagram of the location below that are not the IP packet inside. */
uint32_t plan_tunnel_overhead(const struct plan_tunnel *t);

#endif
