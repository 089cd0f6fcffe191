/* SPDX-License-Identifier: MIT */
/*
 * The configuration as written: the structs that config_bind fills from plan_schema. Only plan compilation sees
 * them; all of it lies in the configuration tree. Each `node` is the place for messages.
 */
#ifndef WEIR_TRAFFIC_PLAN_CONFIG_H
#define WEIR_TRAFFIC_PLAN_CONFIG_H

#include "config/schema.h"

struct guard_config {
    const struct config_prefix *allowed;
    uint32_t allowed_count;
    uint64_t max_bits_per_second, max_frames;
    int64_t max_duration;
    bool allow_multicast, allow_ethertypes;
};

struct offload_config {
    const struct config_node *node;
    bool rx_checksum, tx_checksum, gro, tso, uso, uso_given;
};

struct port_config {
    const struct config_node *node;
    const char *name, *location;
    uint32_t mtu, frames;
    bool trust_checksums, promiscuous;
    bool mtu_given, trust_checksums_given, promiscuous_given, address_given;
    const char *netns, *read_file, *capture;
    struct config_ipv4_prefix address;
    struct config_prefix address6;
    bool address6_given;
    const struct offload_config *offload; /* NULL: all */
    struct guard_config guard;
};

struct ipv4_config {
    const struct config_node *node;
    struct config_ipv4_prefix address;
    const uint32_t *gateway; /* the first one first; 0: none */
    uint32_t gateway_count;
    bool probe;
    int conflict; /* enum host_conflict */
    const struct config_ipv4_prefix *more;
    uint32_t more_count;
};

struct ipv6_config {
    const struct config_node *node;
    struct config_prefix address;
    const uint8_t (*gateway)[16]; /* the first one first; ::: none */
    uint32_t gateway_count;
    const struct config_prefix *more;
    uint32_t more_count;
};

struct vlan_config {
    uint16_t id;
    uint8_t priority;
    int tpid;
};

struct label_config {
    uint32_t label;
    uint8_t tc, ttl;
};

struct lease_config {
    const struct config_node *node;
    int64_t timeout;
    uint32_t rate;
    bool probe, release;
    uint8_t gateway6[16], prefix_length6;
};

struct device_config {
    const struct config_node *node;
    const char *name, *port;
    uint8_t mac[6];
    bool mac_given;
    const struct ipv4_config *ipv4; /* either may be NULL */
    const struct ipv6_config *ipv6;
    int dhcp;                         /* bits of enum plan_dhcp */
    const struct lease_config *lease; /* NULL: the defaults */
    const struct vlan_config *vlans;
    uint32_t vlans_count;
    uint32_t vni;
    const struct label_config *mpls;
    uint32_t mpls_count;
    uint32_t count, step;
};

struct tcp_config {
    uint16_t mss, min_mss;
    uint64_t receive_buffer, max_in_flight, fixed_window;
    bool window_scaling, timestamps, sack, rack, tlp, f_rto, pacing, nagle, quick_ack, ack_push;
    int congestion, ecn, mtu_probing;
    uint32_t initial_window;
    int64_t delayed_ack, rto_min, rto_initial, rto_max;
    uint32_t syn_retries, syn_ack_retries, data_retries;
    int64_t user_timeout, keepalive_idle, keepalive_interval;
    uint32_t keepalive_probes;
    int64_t time_wait, fin_wait_2;
    uint32_t syn_queue;
    bool syn_queue_given;
    int syn_cookies;
    uint32_t accept_limit;
    uint8_t ttl, tos;
};

struct size_config {
    uint64_t size;
    uint32_t weight;
};

struct fault_config {
    const struct config_node *node;
    int kind;
    uint32_t probability; /* parts per billion */
    uint16_t status;
};

struct route_config {
    const struct config_node *node;
    const char *path;
    uint16_t status;
    uint64_t size;
    bool size_given;
    const struct size_config *sizes;
    uint32_t sizes_count;
    const char *body;
    const int *methods;
    uint32_t methods_count;
    bool echo, digest, close_delimited, close;
    const char *root, *index;
    int hash, from_path, delay_distribution;
    const struct fault_config *faults;
    uint32_t faults_count;
    uint64_t rate, read_rate;
    uint64_t chunk_size;
    int64_t delay;
    const char *content_type;
    const struct config_node *headers;
};

struct http_server_config {
    const struct config_node *node;
    const struct route_config *routes;
    uint32_t routes_count;
    uint32_t max_requests;
    int64_t header_timeout, body_timeout;
    uint64_t body_min_rate;
    const char *server_name;
};

struct url_config {
    const struct config_node *node;
    const char *path;
    int method;
    uint32_t weight;
    const char *body;
    uint64_t body_size;
    bool body_size_given;
    uint64_t chunk_size;
    const struct config_node *headers;
    uint16_t status;
    uint64_t length;
    bool length_given;
    uint64_t digest;
    bool digest_given;
};

struct http_client_config {
    const struct config_node *node;
    const struct url_config *urls;
    uint32_t urls_count;
    int order, verify;
    uint32_t pipeline;
    const char *host;
    const struct config_node *headers;
};

struct server_config {
    const struct config_node *node;
    const char *device;
    uint8_t address[16];
    bool address_given;
    int family; /* enum plan_family */
    bool family_given;
    uint16_t port;
    uint32_t max_connections; /* 0: from the loads that use it */
    int overload;             /* enum plan_overload */
    int64_t idle_timeout;
    const struct http_server_config *http;
    const struct tcp_config *tcp;
};

struct phase_config {
    const struct config_node *node;
    int64_t ramp, hold;
    bool ramp_given, hold_given;
    uint64_t value[4]; /* by enum schedule_target */
    bool given[4];
};

struct pass_config {
    uint64_t max_failed_connections, max_failed_transactions, max_late, max_dropped;
    bool max_late_given, max_dropped_given;
    uint64_t min_completed_transactions, min_connections_per_second, min_transactions_per_second, min_bits_per_second;
    int64_t max_connect_p99, max_first_byte_p99, max_transaction_p50, max_transaction_p99;
};

struct load_config {
    const struct config_node *node;
    const char *name;
    const struct config_node *client;
    struct server_config server;
    const struct http_client_config *http;
    const struct phase_config *schedule;
    uint32_t schedule_count;
    struct tcp_config tcp;
    int loop, close, think_distribution;
    uint64_t backlog;
    uint32_t max_connections, requests_per_connection; /* valid when given */
    bool max_connections_given, requests_per_connection_given, backlog_given;
    uint64_t max_transactions; /* 0: no limit */
    int64_t think_time, connect_timeout, transaction_timeout, retry_pause, late_after;
    const struct pass_config *pass;
};

struct impairment_config {
    const struct config_node *node;
    const char *port;
    int direction;
    uint32_t loss, burst_enter, burst_leave, burst_loss, duplicate, corrupt, reorder, reorder_gap;
    int64_t delay, jitter;
    int distribution;
    bool jitter_keeps_order;
    uint64_t bits_per_second;
    uint32_t queue_frames;
};

enum impairment_direction { IMPAIRMENT_TX = 1, IMPAIRMENT_RX = 2, IMPAIRMENT_BOTH = 3 };

struct stack_config {
    uint32_t max_time_wait;
    uint16_t first_port, last_port;
    bool fast_path, answer_echo, flow_labels;
};

struct report_config {
    const struct pass_config *pass;
};

struct router_address_config {
    const struct config_node *node;
    const char *port;
    struct config_prefix address;
    uint8_t mac[6];
    bool mac_given;
    const struct vlan_config *vlans;
    uint32_t vlans_count;
    uint32_t vni;
    uint32_t vrf;
    const struct label_config *mpls;
    uint32_t mpls_count;
};

struct router_route_config {
    const struct config_node *node;
    struct config_prefix prefix;
    uint8_t gateway[16];
    bool gateway_given;
    const char *port; /* or NULL */
    uint32_t vrf;
};

struct filter_policy_config {
    int input, output, forward;
};

struct filter_rule_config {
    const struct config_node *node;
    const char *name, *port; /* or NULL */
    int verdict, protocol;
    const int *directions, *states;
    uint32_t directions_count, states_count;
    struct config_prefix source, destination;
    const uint16_t *source_ports, *destination_ports;
    uint32_t source_ports_count, destination_ports_count;
    uint8_t icmp_type;
    bool source_given, destination_given, protocol_given, icmp_type_given;
};

struct filter_config {
    const struct config_node *node;
    struct filter_policy_config policy;
    const struct filter_rule_config *rules;
    uint32_t rules_count;
    uint32_t connections;
};

struct advertise_prefix_config {
    const struct config_node *node;
    struct config_prefix prefix;
    int64_t valid, preferred;
    bool on_link, autonomous;
};

struct advertise_config {
    const struct config_node *node;
    uint8_t address[16];
    int64_t interval, lifetime;
    int preference;
    uint8_t hop_limit;
    uint32_t mtu;
    bool managed, other;
    const struct advertise_prefix_config *prefixes;
    uint32_t prefixes_count;
    const uint8_t (*dns)[16];
    uint32_t dns_count;
};

struct router_vrf_config {
    const struct config_node *node;
    uint32_t vrf;
    const struct filter_config *filter;
};

struct router_config {
    const struct config_node *node;
    const struct router_address_config *addresses;
    uint32_t addresses_count;
    const struct router_route_config *routes;
    uint32_t routes_count;
    const struct advertise_config *advertise;
    uint32_t advertise_count;
    const struct filter_config *filter; /* of VRF 0; NULL: none */
    const struct router_vrf_config *vrfs;
    uint32_t vrfs_count;
    bool fill_options;
};

struct bypass_config {
    const struct config_node *node;
    struct config_prefix client, server;
    const uint16_t *client_ports, *server_ports;
    uint32_t client_ports_count, server_ports_count;
    bool client_given, server_given;
};

struct accelerator_config {
    const struct config_node *node;
    const char *clients, *servers;
    uint32_t max_flows, max_openings, max_servers, early_buffers;
    uint32_t max_sources, source_flows, source_syns_per_second, syns_per_second;
    int64_t server_timeout, server_memory, idle_timeout, closed_timeout;
    int role;                                   /* 0 near, 1 far */
    int shortcut;                               /* enum plan_shortcut */
    const char *key, *table, *log, *prometheus; /* or NULL */
    bool fast_open;
    int64_t fast_open_wait, syn_twice_from;
    uint32_t fast_open_cookies;
    const struct bypass_config *bypass;
    uint32_t bypass_count;
};

struct plan_config {
    const struct config_node *node;
    const char *description;
    const struct port_config *ports;
    uint32_t ports_count;
    const struct device_config *devices;
    uint32_t devices_count;
    const struct load_config *loads;
    uint32_t loads_count;
    const struct impairment_config *impairments;
    uint32_t impairments_count;
    const struct router_config *router; /* NULL: none */
    const struct accelerator_config *accelerator;
    struct stack_config stack;
    struct report_config report;
    uint64_t seed;
    int64_t duration, drain;
    bool duration_given;
};

#endif
