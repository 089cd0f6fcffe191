/* SPDX-License-Identifier: MIT */
/*
 * The inside of the DHCPv6 server: dhcp6_server.c decides, dhcp6_server_setup.c makes it from its settings and knows
 * which number of the lease table stands for which address.
 */
#ifndef WEIR_SERVICE_DHCP6_SERVER_PRIVATE_H
#define WEIR_SERVICE_DHCP6_SERVER_PRIVATE_H

#include "service/dhcp6_server.h"

struct dhcp6_server {
    struct dhcp6_server_settings settings;
    struct dhcp6_server_counters counters;
    struct lease_table leases; /* range 2n: addresses of link n, 2n + 1: its prefixes */
    const struct allocator *allocator;
    uint8_t reply[DHCP6_MOST_ROOM];
};

/* The number of range `pool` in the lease table that stands for an address or prefix; 0: it is not of the range. */
uint32_t dhcp6_server_number(const struct dhcp6_server *s, uint16_t pool, const struct ip_addr *addr);
struct ip_addr dhcp6_server_addr(const struct dhcp6_server *s, uint16_t pool, uint32_t number);

#endif
