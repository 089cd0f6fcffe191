/* SPDX-License-Identifier: MIT */
/*
 * The inside of the DHCPv4 server: dhcp4_server.c decides, dhcp4_server_setup.c makes it from its settings,
 * dhcp4_server_reply.c writes what it says.
 */
#ifndef WEIR_SERVICE_DHCP4_SERVER_PRIVATE_H
#define WEIR_SERVICE_DHCP4_SERVER_PRIVATE_H

#include "service/dhcp4_server.h"

#define DHCP4_NO_POOL UINT16_MAX

struct dhcp4_server {
    struct dhcp4_server_settings settings;
    struct dhcp4_server_counters counters;
    struct lease_table leases;
    struct table reserved;              /* index + 1 of settings.reservations by client */
    struct lease_client *reserved_keys; /* of each reservation */
    const struct allocator *allocator;
    uint8_t reply[DHCP4_MOST_ROOM];
};

/* A message with what was found out about it. */
struct dhcp4_request {
    struct dhcp4_message message;
    struct lease_client client;
    uint16_t pool; /* DHCP4_NO_POOL: none */
};

/* What of a client identifies it: its identifier, else its hardware address. */
struct lease_client dhcp4_server_key_of_id(const struct dhcp4_server *s, const uint8_t *id, size_t length);
struct lease_client dhcp4_server_key_of_mac(const struct dhcp4_server *s, const uint8_t *mac);
/* The address kept for this client in the pool, or 0. */
uint32_t dhcp4_server_reserved(const struct dhcp4_server *s, const struct dhcp4_request *r);
/* The pool to whose subnet the address belongs. */
uint16_t dhcp4_server_pool_of(const struct dhcp4_server *s, uint32_t address);

void dhcp4_server_reply_lease(struct dhcp4_server *s, const struct dhcp4_request *r, enum dhcp4_type type,
                              uint32_t address, uint32_t lease_s);
void dhcp4_server_reply_nak(struct dhcp4_server *s, const struct dhcp4_request *r);
void dhcp4_server_reply_inform(struct dhcp4_server *s, const struct dhcp4_request *r);

#endif
