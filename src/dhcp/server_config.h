/* SPDX-License-Identifier: MIT */
/*
 * The configuration of `weir dhcp server`: where it serves, pools, reservations, options, delegated prefixes. Read by
 * the schema below, then turned into the settings of the machines, which point into the tree.
 */
#ifndef WEIR_DHCP_SERVER_CONFIG_H
#define WEIR_DHCP_SERVER_CONFIG_H

#include "base/alloc.h"
#include "config/schema.h"
#include "service/dhcp4_server.h"
#include "service/dhcp6_server.h"

struct dhcp_option_config {
    uint8_t code;
    const char *text, *hex;
    const struct config_node *node;
};

struct dhcp4_pool_config {
    struct config_ipv4_prefix subnet;
    uint32_t first, last, router;
    const uint32_t *dns;
    uint32_t dns_count;
    const char *domain;
    int64_t lease, least_lease, most_lease;
    const struct dhcp_option_config *options;
    uint32_t options_count;
    const struct config_node *node;
};

struct dhcp4_reservation_config {
    uint32_t address;
    uint8_t mac[6];
    bool mac_given;
    const char *client_id;
    const struct config_node *node;
};

struct dhcp4_server_config {
    const struct dhcp4_pool_config *pools;
    uint32_t pools_count;
    const struct dhcp4_reservation_config *reservations;
    uint32_t reservations_count;
    bool authoritative;
    uint32_t max_leases;
    int64_t offer_time, decline_time;
    const struct config_node *node;
};

struct dhcp6_link_config {
    struct config_prefix subnet;
    uint8_t first[16];
    uint32_t addresses;
    struct config_prefix delegate;
    bool first_given, delegate_given;
    uint8_t delegated_length;
    uint32_t delegations;
    const uint8_t (*dns)[16];
    uint32_t dns_count;
    const char *domain;
    int64_t preferred, valid;
    const struct config_node *node;
};

struct dhcp6_server_config {
    const struct dhcp6_link_config *links;
    uint32_t links_count;
    bool rapid_commit;
    uint8_t preference;
    uint32_t max_leases;
    int64_t decline_time;
    const struct config_node *node;
};

struct dhcp_server_config {
    const char *location, *netns;
    uint8_t mac[6];
    bool mac_given;
    uint16_t vlan;
    struct config_ipv4_prefix address, kernel_address;
    bool address_given, kernel_address_given;
    struct config_prefix address6;
    bool address6_given;
    const struct dhcp4_server_config *ipv4;
    const struct dhcp6_server_config *ipv6;
    const struct config_node *node;
};

extern const struct config_schema dhcp_server_schema;

/* Made of a configuration: the machines keep pointers to these. */
struct dhcp_server_plan {
    struct dhcp4_server_settings v4; /* without key, send */
    struct dhcp6_server_settings v6; /* without key, duid, send */
    struct dhcp4_pool_settings *pools;
    struct dhcp4_reservation *reservations;
    struct dhcp6_link_settings *links;
    uint8_t *bytes; /* of options, identifiers and names */
    size_t bytes_room, bytes_used, options_used, n_options;
    struct dhcp4_server_option *options;
    const struct dhcp_server_config *config;
    const struct allocator *allocator;
};

/* ERR_INVALID: problems were added to *errors; ERR_NO_MEMORY. The tree must outlive the plan. */
MUST_CHECK int dhcp_server_plan_make(const struct dhcp_server_config *c, const struct allocator *a,
                                     struct dhcp_server_plan *out, struct config_errors *errors);
void dhcp_server_plan_free(struct dhcp_server_plan *p);

#endif
