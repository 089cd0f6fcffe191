/* SPDX-License-Identifier: MIT */
/*
 * Ports and impairments of a plan: locations, wiring of memory ports, the guard's rules.
 */
#include <stdio.h>
#include <string.h>

#include "traffic/plan_private.h"

#define LOCATIONS "mem:NAME, packet:IFNAME, xdp:IFNAME, tap:NAME, pcap:FILE, tunnel:KIND,..."
#define DEFAULT_FRAMES 2048u

static const struct {
    const char *prefix;
    enum plan_location kind;
} kinds[] = {{"mem:", PLAN_MEM}, {"packet:", PLAN_PACKET}, {"xdp:", PLAN_XDP},
             {"tap:", PLAN_TAP}, {"pcap:", PLAN_PCAP},     {"tunnel:", PLAN_TUNNEL}};

const char *plan_location_prefix(unsigned number) { return number < ARRAY_SIZE(kinds) ? kinds[number].prefix : NULL; }

static const char *const later_kinds[] = {"dpdk:"};

uint32_t plan_find_port(const struct compiling *c, const char *name)
{
    for (uint32_t i = 0; i < c->plan->n_ports; i++)
        if (strcmp(c->plan->ports[i].name, name) == 0)
            return i;
    return PLAN_NONE;
}

static bool begins_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static bool is_later_kind(const char *location)
{
    for (size_t i = 0; i < ARRAY_SIZE(later_kinds); i++)
        if (begins_with(location, later_kinds[i]))
            return true;
    return false;
}

/* NULL, or what is wrong with a location. */
static const char *read_location(const char *location, struct plan_port *to)
{
    to->location = location;
    to->target = "";
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!begins_with(location, kinds[i].prefix))
            continue;
        to->kind = kinds[i].kind;
        to->target = location + strlen(kinds[i].prefix);
        return to->target[0] == '\0' ? " without anything behind the colon" : NULL;
    }
    return is_later_kind(location) ? ", which is not in this version" : "";
}

/* All of a location that is a tunnel: those below it too. Its bytes per frame, or ERR_INVALID with a message. */
static int read_tunnel(struct plan_port *to, char message[256])
{
    struct plan_tunnel t;
    struct plan_port below = {.kind = to->kind, .target = to->target};
    uint32_t overhead = 0;
    for (unsigned depth = 0; below.kind == PLAN_TUNNEL; depth++) {
        if (depth == PLAN_TUNNEL_NESTING) {
            snprintf(message, 256, "tunnel: found more than %u in each other, allowed at most that", depth);
            return ERR_INVALID;
        }
        if (!plan_tunnel_read(below.target, &t, message))
            return ERR_INVALID;
        if (depth == 0)
            to->tunnel = t;
        overhead += plan_tunnel_overhead(&t);
        const char *wrong = read_location(t.over, &below);
        if (wrong || below.kind == PLAN_MEM || below.kind == PLAN_PCAP) {
            snprintf(message, 256,
                     "tunnel: over: found \"%.100s\"%s, allowed packet:IFNAME, xdp:IFNAME, tap:NAME, "
                     "tunnel:KIND,...",
                     t.over, wrong ? wrong : "");
            return ERR_INVALID;
        }
    }
    return (int)overhead;
}

/* Its MTU is what is left of the usual one, unless it was given. */
static void compile_tunnel(struct compiling *c, const struct port_config *from, struct plan_port *to)
{
    char message[256];
    int overhead = read_tunnel(to, message);
    if (overhead < 0)
        config_errors_add(c->errors, from->node, "location", "%s", message);
    else if (!from->mtu_given)
        to->mtu -= (uint32_t)overhead;
}

static void compile_location(struct compiling *c, const struct port_config *from, struct plan_port *to)
{
    const char *wrong = read_location(from->location, to);
    if (wrong)
        config_errors_add(c->errors, from->node, "location", "found \"%s\"%s, allowed %s", from->location, wrong,
                          LOCATIONS);
    else if (to->kind == PLAN_TUNNEL)
        compile_tunnel(c, from, to);
}

int plan_port_default(const char *location, struct plan_port *to, char message[256])
{
    *to = (struct plan_port){.name = location,
                             .peer = PLAN_NONE,
                             .frames = DEFAULT_FRAMES,
                             .mtu = 1500,
                             .promiscuous = true,
                             .max_duration_ns = TIME_NEVER};
    guard_rules_default(&to->guard);
    const char *wrong = read_location(location, to);
    if (!wrong && to->kind == PLAN_TUNNEL)
        return read_tunnel(to, message) < 0 ? ERR_INVALID : 0;
    if (!wrong)
        return 0;
    snprintf(message, 256, "location: found \"%.100s\"%s, allowed %s", location, wrong, LOCATIONS);
    return ERR_INVALID;
}

/* Options that only some kinds of port have. */
static void check_options(struct compiling *c, const struct port_config *from, const struct plan_port *to)
{
    const unsigned mem = 1u << PLAN_MEM, packet = 1u << PLAN_PACKET, tap = 1u << PLAN_TAP, pcap = 1u << PLAN_PCAP,
                   xdp = 1u << PLAN_XDP, tunnel = 1u << PLAN_TUNNEL;
    const struct {
        const char *key;
        bool given;
        unsigned kinds;
        const char *kinds_name;
    } options[] = {
        {"trust_checksums", from->trust_checksums_given, mem, "mem:"},
        {"netns", from->netns != NULL, packet | xdp | tap | tunnel, "packet:, xdp:, tap: and tunnel:"},
        {"promiscuous", from->promiscuous_given, packet | xdp, "packet: and xdp:"},
        {"address", from->address_given, tap, "tap:"},
        {"address6", from->address6_given, tap, "tap:"},
        {"offload", from->offload != NULL, packet | tap, "packet: and tap:"},
        {"read_file", from->read_file != NULL, pcap, "pcap:"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].given && !(options[i].kinds & 1u << to->kind))
            config_errors_add(c->errors, from->node, options[i].key,
                              "found on a port at \"%s\", allowed only on %s ports", from->location,
                              options[i].kinds_name);
}

/* One offload works only with another. */
static void check_needs(struct compiling *c, const struct offload_config *from, const char *key, bool on,
                        const char *needed, bool needed_on)
{
    if (on && !needed_on)
        config_errors_add(c->errors, from->node, key, "found true with %s: false, allowed with %s: true", needed,
                          needed);
}

static void compile_offload(struct compiling *c, const struct offload_config *from, struct plan_port *to)
{
    to->rx_checksum = !from || from->rx_checksum;
    to->tx_checksum = !from || from->tx_checksum;
    to->gro = !from || from->gro;
    to->tso = !from || from->tso;
    to->uso = !from || (from->uso && (from->uso_given || from->tx_checksum));
    if (from) {
        check_needs(c, from, "gro", to->gro, "rx_checksum", to->rx_checksum);
        check_needs(c, from, "tso", to->tso, "tx_checksum", to->tx_checksum);
        check_needs(c, from, "uso", to->uso, "tx_checksum", to->tx_checksum);
    }
}

/* The kernel's side of a TAP device needs an address that a host can have. */
static void compile_address(struct compiling *c, const struct port_config *from, struct plan_port *to)
{
    if (!from->address_given)
        return;
    to->address = from->address.address;
    to->prefix_length = from->address.length;
    if (to->address >> 24 == 0 || to->address >> 28 >= 0xe)
        config_errors_add(c->errors, from->node, "address", "found %u.%u.%u.%u, allowed unicast addresses",
                          to->address >> 24, to->address >> 16 & 255, to->address >> 8 & 255, to->address & 255);
}

static void compile_address6(struct compiling *c, const struct port_config *from, struct plan_port *to)
{
    char found[IP_ADDR_TEXT];

    if (!from->address6_given)
        return;
    to->address6 = ip_addr_from_v6(from->address6.address);
    to->prefix_length6 = from->address6.length;
    if (!ip_addr_is_v4(&to->address6) && !ip_addr_is_unspecified(&to->address6) &&
        !ip_addr_is_multicast(&to->address6) && !ip_addr_is_loopback(&to->address6))
        return;
    (void)ip_addr_print(found, sizeof found, &to->address6);
    config_errors_add(c->errors, from->node, "address6", "found %s, allowed unicast IPv6 addresses", found);
}

static void compile_guard(const struct guard_config *from, struct plan_port *to)
{
    struct guard_rules *rules = &to->guard;

    guard_rules_default(rules);
    if (from->allowed_count > 0 || to->kind == PLAN_MEM)
        rules->n_allowed = from->allowed_count;
    for (uint32_t i = 0; i < from->allowed_count; i++) {
        memcpy(rules->allowed[i].bytes, from->allowed[i].address, sizeof rules->allowed[i].bytes);
        rules->allowed[i].length = from->allowed[i].length;
    }
    rules->allow_multicast = from->allow_multicast;
    rules->allow_ethertypes = from->allow_ethertypes;
    rules->max_bits_per_second = from->max_bits_per_second;
    rules->max_frames = from->max_frames;
    rules->stop_at = TIME_NEVER;
    to->max_duration_ns = from->max_duration > 0 ? from->max_duration : TIME_NEVER;
}

static void compile_port(struct compiling *c, const struct port_config *from, struct plan_port *to)
{
    to->name = from->name;
    to->peer = PLAN_NONE;
    to->mtu = from->mtu;
    to->frames = from->frames;
    to->trust_checksums = from->trust_checksums;
    to->promiscuous = from->promiscuous;
    to->netns = from->netns;
    to->read_file = from->read_file;
    to->capture = from->capture;
    compile_location(c, from, to);
    check_options(c, from, to);
    compile_offload(c, from->offload, to);
    compile_address(c, from, to);
    compile_address6(c, from, to);
    compile_guard(&from->guard, to);
}

/* Pairs the memory ports by name. */
static void wire_port(struct compiling *c, uint32_t port)
{
    struct plan_port *ports = c->plan->ports;
    uint32_t ends = 0;

    for (uint32_t i = 0; i < c->plan->n_ports; i++) {
        if (ports[i].kind != PLAN_MEM || strcmp(ports[i].target, ports[port].target) != 0)
            continue;
        ends++;
        if (i != port)
            ports[port].peer = i;
    }
    const struct port_config *from = &c->config->ports[port];
    if (ends != 2) {
        ports[port].peer = PLAN_NONE;
        config_errors_add(c->errors, from->node, "location", "found %u port%s at \"%s\", allowed exactly two", ends,
                          ends == 1 ? "" : "s", ports[port].location);
        return;
    }
    const struct plan_port *peer = &ports[ports[port].peer];
    if (ports[port].peer < port && ports[port].mtu != peer->mtu)
        config_errors_add(c->errors, from->node, "mtu", "found %u, allowed %u as at the other end, port \"%s\"",
                          ports[port].mtu, peer->mtu, peer->name);
    if (ports[port].peer < port && ports[port].trust_checksums != peer->trust_checksums)
        config_errors_add(
            c->errors, from->node, "trust_checksums", "found %s, allowed %s as at the other end, port \"%s\"",
            ports[port].trust_checksums ? "true" : "false", peer->trust_checksums ? "true" : "false", peer->name);
}

void plan_compile_ports(struct compiling *c)
{
    for (uint32_t i = 0; i < c->config->ports_count; i++) {
        const struct port_config *from = &c->config->ports[i];
        if (plan_find_port(c, from->name) != PLAN_NONE)
            config_errors_add(c->errors, from->node, "name", "found \"%s\" a second time, allowed once", from->name);
        compile_port(c, from, &c->plan->ports[i]);
        c->plan->n_ports++;
    }
    for (uint32_t i = 0; i < c->plan->n_ports; i++)
        if (c->plan->ports[i].kind == PLAN_MEM && c->plan->ports[i].target[0] != '\0')
            wire_port(c, i);
}

/* ---- impairments ---- */

static void convert_impairment(const struct impairment_config *from, struct impair_settings *to)
{
    impair_settings_default(to);
    to->loss_ppb = from->loss;
    to->burst_enter_ppb = from->burst_enter;
    to->burst_leave_ppb = from->burst_leave;
    to->burst_loss_ppb = from->burst_loss;
    to->duplicate_ppb = from->duplicate;
    to->corrupt_ppb = from->corrupt;
    to->reorder_ppb = from->reorder;
    to->reorder_gap = from->reorder_gap;
    to->delay_ns = from->delay;
    to->jitter_ns = from->jitter;
    to->distribution = (enum impair_distribution)from->distribution;
    to->jitter_keeps_order = from->jitter_keeps_order;
    to->bits_per_second = from->bits_per_second;
    to->queue_frames = from->queue_frames;
}

static void impair_port(struct compiling *c, const struct impairment_config *from, uint32_t port)
{
    struct plan_port *to = &c->plan->ports[port];

    if (to->impaired) {
        config_errors_add(c->errors, from->node, NULL,
                          "found a second impairment of what port \"%s\" sends, allowed one", to->name);
        return;
    }
    to->impaired = true;
    convert_impairment(from, &to->impair);
    to->impair.seed = c->plan->seed + 0x9e3779b97f4a7c15u * (port + 1);
}

static void compile_impairment(struct compiling *c, const struct impairment_config *from)
{
    uint32_t port = plan_find_port(c, from->port);

    if (port == PLAN_NONE) {
        char names[PLAN_NAMES_TEXT] = "";
        for (uint32_t i = 0; i < c->plan->n_ports; i++)
            plan_names_add(names, c->plan->ports[i].name);
        config_errors_add(c->errors, from->node, "port", "found \"%s\", which is no port, allowed %s", from->port,
                          names);
        return;
    }
    if ((from->direction & IMPAIRMENT_RX) && c->plan->ports[port].kind != PLAN_MEM) {
        config_errors_add(c->errors, from->node, "direction",
                          "found %s on a port at \"%s\", allowed tx (rx and both: on mem: ports)",
                          from->direction == IMPAIRMENT_RX ? "rx" : "both", c->plan->ports[port].location);
        return;
    }
    if (from->direction & IMPAIRMENT_TX)
        impair_port(c, from, port);
    if ((from->direction & IMPAIRMENT_RX) && c->plan->ports[port].peer != PLAN_NONE)
        impair_port(c, from, c->plan->ports[port].peer);
}

void plan_compile_impairments(struct compiling *c)
{
    for (uint32_t i = 0; i < c->config->impairments_count; i++)
        compile_impairment(c, &c->config->impairments[i]);
}
