/* SPDX-License-Identifier: MIT */
/*
 * Devices of a plan: addresses within their subnets, no address twice where frames could meet, order by port as
 * the stacks number them.
 */
#include <string.h>

#include "traffic/plan_private.h"

uint32_t plan_find_device(const struct compiling *c, const char *name)
{
    for (uint32_t i = 0; i < c->plan->n_devices; i++)
        if (strcmp(c->plan->devices[i].name, name) == 0)
            return i;
    return PLAN_NONE;
}

void plan_list_devices(const struct compiling *c, char text[PLAN_NAMES_TEXT])
{
    text[0] = '\0';
    for (uint32_t i = 0; i < c->config->devices_count; i++)
        plan_names_add(text, c->config->devices[i].name);
}

static void check_port(struct compiling *c, const struct device_config *from)
{
    char names[PLAN_NAMES_TEXT] = "";

    if (plan_find_port(c, from->port) != PLAN_NONE)
        return;
    for (uint32_t i = 0; i < c->plan->n_ports; i++)
        plan_names_add(names, c->plan->ports[i].name);
    config_errors_add(c->errors, from->node, "port", "found \"%s\", which is no port, allowed %s", from->port, names);
}

/* All hosts must have addresses of their subnet that a host may have. */
static void check_addresses(struct compiling *c, const struct device_config *from)
{
    uint32_t mask = ipv4_addr_mask(from->ipv4.address.length);
    uint32_t first = from->ipv4.address.address;
    uint64_t last = first + (uint64_t)(from->count - 1) * from->step;
    uint32_t network = first & mask, broadcast = network | ~mask;
    char found[IP_ADDR_TEXT], low[IP_ADDR_TEXT], high[IP_ADDR_TEXT];

    (void)ipv4_addr_print(low, sizeof low, network + 1);
    (void)ipv4_addr_print(high, sizeof high, broadcast - 1);
    if (from->ipv4.address.length < 1 || from->ipv4.address.length > 30) {
        config_errors_add(c->errors, from->ipv4.node, "address", "found prefix length %u, allowed 1 to 30",
                          from->ipv4.address.length);
        return;
    }
    if (ipv4_addr_is_multicast(first) || ipv4_addr_is_class_e(first) || ipv4_addr_is_loopback(first) ||
        ipv4_addr_is_this_network(first)) {
        (void)ipv4_addr_print(found, sizeof found, first);
        config_errors_add(c->errors, from->ipv4.node, "address", "found %s, allowed unicast addresses", found);
        return;
    }
    if (first <= network || last >= broadcast) {
        (void)ipv4_addr_print(found, sizeof found, first <= network ? first : (uint32_t)min_u64(last, UINT32_MAX));
        config_errors_add(c->errors, from->ipv4.node, "address",
                          "found %s%s as the address of host %u of %u, allowed %s to %s",
                          last > UINT32_MAX && first > network ? "one beyond " : "", found,
                          first <= network ? 1 : from->count, from->count, low, high);
    }
}

static void check_gateway(struct compiling *c, const struct device_config *from)
{
    uint32_t mask = ipv4_addr_mask(from->ipv4.address.length), gateway = from->ipv4.gateway;
    uint32_t first = from->ipv4.address.address;
    char found[IP_ADDR_TEXT], network[IP_ADDR_TEXT];

    if (gateway == 0)
        return;
    (void)ipv4_addr_print(found, sizeof found, gateway);
    (void)ipv4_addr_print(network, sizeof network, first & mask);
    if (((gateway ^ first) & mask) != 0)
        config_errors_add(c->errors, from->ipv4.node, "gateway", "found %s, allowed addresses in %s/%u", found, network,
                          from->ipv4.address.length);
    else if (gateway >= first && (gateway - first) % from->step == 0 && (gateway - first) / from->step < from->count)
        config_errors_add(c->errors, from->ipv4.node, "gateway", "found %s, which is one of the device's own addresses",
                          found);
}

static void check_mac(struct compiling *c, const struct device_config *from)
{
    static const uint8_t none[6];

    if (!from->mac_given)
        return;
    if ((from->mac[0] & 1) || memcmp(from->mac, none, sizeof none) == 0)
        config_errors_add(c->errors, from->node, "mac",
                          "found %02x:%02x:%02x:%02x:%02x:%02x, allowed unicast addresses", from->mac[0], from->mac[1],
                          from->mac[2], from->mac[3], from->mac[4], from->mac[5]);
}

static void compile_device(const struct device_config *from, uint32_t port, struct plan_device *to)
{
    to->name = from->name;
    to->port = port;
    to->count = from->count;
    to->address = from->ipv4.address.address;
    to->step = from->step;
    to->prefix_length = from->ipv4.address.length;
    to->gateway = from->ipv4.gateway;
    if (from->mac_given)
        memcpy(to->mac, from->mac, sizeof to->mac);
    to->vlan_count = (uint8_t)from->vlans_count;
    for (uint32_t i = 0; i < from->vlans_count; i++) {
        to->vlan[i].tpid = (uint16_t)from->vlans[i].tpid;
        to->vlan[i].tci = (uint16_t)(from->vlans[i].priority << 13 | from->vlans[i].id);
        to->vlan_key = to->vlan_key << 13 | (uint32_t)(from->vlans[i].tpid == 0x88a8) << 12 | from->vlans[i].id;
    }
}

/* Whether frames of the two could meet: one wire (or wires we do not know) and the same VLAN. */
static bool same_segment(const struct compiling *c, const struct plan_device *a, const struct plan_device *b)
{
    const struct plan_port *port = &c->plan->ports[a->port];
    bool wired = a->port == b->port || port->peer == b->port;
    bool unknown = port->kind != PLAN_MEM && c->plan->ports[b->port].kind != PLAN_MEM;

    return (wired || unknown) && a->vlan_key == b->vlan_key;
}

bool plan_device_has(const struct plan_device *d, uint32_t address)
{
    uint32_t offset = address - d->address;

    return address >= d->address && offset % d->step == 0 && offset / d->step < d->count;
}

/* An address that both have, or 0. */
static uint32_t shared_address(const struct plan_device *a, const struct plan_device *b)
{
    uint32_t last_a = plan_device_address(a, a->count - 1), last_b = plan_device_address(b, b->count - 1);

    if (last_a < b->address || last_b < a->address)
        return 0;
    const struct plan_device *few = a->count < b->count ? a : b, *many = few == a ? b : a;
    for (uint32_t i = 0; i < few->count; i++)
        if (plan_device_has(many, plan_device_address(few, i)))
            return plan_device_address(few, i);
    return 0;
}

static void check_overlaps(struct compiling *c, const struct device_config *from, const struct plan_device *made)
{
    for (const struct plan_device *other = c->plan->devices; other < made; other++) {
        uint32_t shared = same_segment(c, made, other) ? shared_address(made, other) : 0;
        char address[IP_ADDR_TEXT];
        if (!shared)
            continue;
        (void)ipv4_addr_print(address, sizeof address, shared);
        config_errors_add(c->errors, from->ipv4.node, "address",
                          "found %s, which device \"%s\" has too, allowed only once", address, other->name);
    }
}

static void add_device(struct compiling *c, const struct device_config *from, uint32_t port)
{
    struct plan_port *on = &c->plan->ports[port];

    check_addresses(c, from);
    check_gateway(c, from);
    check_mac(c, from);
    if (on->n_devices == 0)
        on->first_device = c->plan->n_devices;
    struct plan_device *to = &c->plan->devices[c->plan->n_devices];
    compile_device(from, port, to);
    to->first_local = on->n_hosts + 1;
    check_overlaps(c, from, to);
    c->plan->n_devices++;
    on->n_devices++;
    on->n_hosts += from->count;
}

static void check_name(struct compiling *c, uint32_t number)
{
    const struct device_config *devices = c->config->devices;

    for (uint32_t i = 0; i < number; i++)
        if (strcmp(devices[i].name, devices[number].name) == 0)
            config_errors_add(c->errors, devices[number].node, "name", "found \"%s\" a second time, allowed once",
                              devices[number].name);
}

void plan_compile_devices(struct compiling *c)
{
    const struct plan_config *config = c->config;

    c->plan->devices = plan_alloc(c, config->devices_count, sizeof *c->plan->devices);
    if (!c->plan->devices)
        return;
    for (uint32_t i = 0; i < config->devices_count; i++) {
        check_name(c, i);
        check_port(c, &config->devices[i]);
    }
    for (uint32_t port = 0; port < c->plan->n_ports; port++)
        for (uint32_t i = 0; i < config->devices_count; i++)
            if (strcmp(config->devices[i].port, c->plan->ports[port].name) == 0)
                add_device(c, &config->devices[i], port);
}
