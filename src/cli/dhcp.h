/* SPDX-License-Identifier: MIT */
/*
 * `weir dhcp`: what its two halves, client and server, share: the options.
 */
#ifndef WEIR_CLI_DHCP_H
#define WEIR_CLI_DHCP_H

#include "cli/command.h"
#include "dhcp/clients.h"

#define DHCP_LOCATIONS "packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:vxlan,..., tunnel:gretap,..."

struct dhcp_options {
    bool v6, prefix, no_address, rapid_commit, no_probe, release, quiet, check;
    uint32_t count, rate, vlan, lease_s;
    int64_t hold_ns, timeout_ns;
    const char *mac, *host_name, *kernel_address, *json;
    struct option_texts sets;
};

int dhcp_client_run(const struct dhcp_options *o, const char *location);
int dhcp_server_run(const struct dhcp_options *o, const char *file);

/* When each step of a client came, since the first client began; -1: it did not. */
struct dhcp_steps {
    int64_t began_ns, offer_ns, ack_ns, bound_ns;
};

enum dhcp_latency { DHCP_LATENCY_OFFER, DHCP_LATENCY_ACK, DHCP_LATENCY_BOUND, DHCP_LATENCY_RENEW, DHCP_LATENCIES };

/* What `weir dhcp client` found out. */
struct dhcp_totals {
    const char *location;
    const struct dhcp_clients *clients;
    const struct dhcp_steps *steps;
    uint32_t count, bound;
    bool v6;
    uint64_t renewed, lost, conflicts, refused;
    int64_t now, first_bound_ns, last_bound_ns; /* since the first client began */
    struct histogram *latencies;                /* DHCP_LATENCIES of them */
};

struct output;
void dhcp_report_print(const struct dhcp_totals *t);
MUST_CHECK int dhcp_report_json(const struct dhcp_totals *t, struct output *to);

#endif
