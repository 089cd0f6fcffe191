/* SPDX-License-Identifier: MIT */
/*
 * `weir dhcp`: DHCP clients as a tester has them, and a server.
 */
#include "cli/dhcp.h"

#include <string.h>

#include "base/time_ns.h"

#define MAX_VLAN 4094u
#define DEFAULT_TIMEOUT_NS (30 * NS_PER_S)

static const struct option_row options[] = {
    {"ipv6", '6', NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, v6), "client: by DHCPv6"},
    {"count", 'c', "N", OPTION_COUNT, DHCP_CLIENTS_MAX, offsetof(struct dhcp_options, count),
     "client: so many clients, each with a MAC address of its own (default: 1)"},
    {"mac", 0, "MAC", OPTION_TEXT, 0, offsetof(struct dhcp_options, mac),
     "client: MAC address of the first, the others count up (default: 02:de:..., at random)"},
    {"rate", 'r', "N", OPTION_COUNT, 1000000, offsetof(struct dhcp_options, rate),
     "client: begin N clients a second (default: all at once)"},
    {"prefix", 'P', NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, prefix),
     "client: with -6, ask for a delegated prefix too"},
    {"no-address", 0, NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, no_address),
     "client: with -P, ask for the prefix alone"},
    {"rapid-commit", 0, NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, rapid_commit),
     "client: with -6, two messages instead of four"},
    {"no-probe", 0, NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, no_probe),
     "client: take addresses without asking whether somebody has them"},
    {"lease", 0, "SECONDS", OPTION_COUNT, 31536000, offsetof(struct dhcp_options, lease_s),
     "client: the length of lease to ask for"},
    {"host-name", 0, "NAME", OPTION_TEXT, 0, offsetof(struct dhcp_options, host_name),
     "client: the name to tell the server"},
    {"vlan", 0, "ID", OPTION_COUNT, MAX_VLAN, offsetof(struct dhcp_options, vlan), "client: with an 802.1Q tag"},
    {"timeout", 'W', "T", OPTION_DURATION, 0, offsetof(struct dhcp_options, timeout_ns),
     "client: how long to wait for all leases (default: 30s)"},
    {"hold", 't', "T", OPTION_DURATION, 0, offsetof(struct dhcp_options, hold_ns),
     "client: keep and renew the leases so long; server: serve so long (else until Ctrl-C)"},
    {"release", 'R', NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, release),
     "client: give the leases back at the end"},
    {"kernel-address", 0, "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct dhcp_options, kernel_address),
     "client: tap: only: the address of the kernel's side"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct dhcp_options, sets),
     "server: change the configuration: ipv4.pools[0].lease=60s (repeatable)"},
    {"check", 0, NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, check),
     "server: only say whether the configuration is a good one"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct dhcp_options, json),
     "write leases and statistics as JSON (- is standard output)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct dhcp_options, quiet), "no lines while it runs"},
};

static const char *action_name(unsigned number)
{
    static const char *const names[] = {"client", "server"};
    return number < ARRAY_SIZE(names) ? names[number] : NULL;
}

static int check(const struct dhcp_options *o)
{
    if ((o->prefix || o->rapid_commit) && !o->v6)
        return command_refuse(&dhcp_command, "found --%s without -6, which it is part of",
                              o->prefix ? "prefix" : "rapid-commit");
    if (o->no_address && !o->prefix)
        return command_refuse(&dhcp_command, "found --no-address without --prefix: nothing would be asked for");
    return EXIT_MET;
}

static int run_dhcp(int argc, char **argv)
{
    struct dhcp_options o = {.count = 1, .timeout_ns = DEFAULT_TIMEOUT_NS};
    struct operands words;
    int result = options_parse(&dhcp_command, argc, argv, &o, &words);
    if (result != OPTIONS_READY)
        return result;
    if ((result = check(&o)) != EXIT_MET)
        return result;
    if (strcmp(words.list[0], "client") == 0)
        return dhcp_client_run(&o, words.list[1]);
    if (strcmp(words.list[0], "server") == 0)
        return dhcp_server_run(&o, words.list[1]);
    return command_refuse(&dhcp_command, "found '%.60s', allowed: client LOCATION, server FILE", words.list[0]);
}

const struct command dhcp_command = {
    .name = "dhcp",
    .summary = "get leases as one or many DHCP clients, or serve them",
    .operands = "ACTION LOCATION|FILE",
    .min_operands = 2,
    .max_operands = 2,
    .operand_word = action_name,
    .description =
        "client LOCATION gets leases on packet:IFNAME, xdp:IFNAME, tap:NAME or at the end of a tunnel of Ethernet\n"
        "frames (tunnel:vxlan,... and tunnel:gretap,...) by DHCPv4, with -6 by DHCPv6, each client as a host of Weir's "
        "stack:\n"
        "addresses are probed before use, declined when somebody has them, and renewed while --hold\n"
        "lasts. It prints each lease, how long the steps took, and the rate. Exit code 0: all clients got a lease;\n"
        "1: not all. server FILE serves what a configuration says: pools, reservations, options, delegated prefixes.",
    .examples = "  weir dhcp client packet:eth1\n"
                "  weir dhcp client packet:eth1 -6 -P --release\n"
                "  weir dhcp client packet:eth1 -c 1000 -r 200 --json leases.json\n"
                "  weir dhcp server examples/dhcp-server.yaml",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_dhcp,
};
