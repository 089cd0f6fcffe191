/* SPDX-License-Identifier: MIT */
/*
 * Devices whose addresses come by DHCP: which clients the engine makes of them, and how. Their addresses are not known
 * here, so that only loads' clients can have them; everything else about them is checked.
 */
#include <string.h>

#include "traffic/plan_private.h"

#define MOST_LEASES 8u     /* of a port: each watches its frames */
#define MAC_END (1u << 24) /* clients count up the last three bytes of their MAC address */

/* ---- keys ---- */

static const struct config_field lease_fields[] = {
    {CONFIG_MEMBER(struct lease_config, timeout), .type = CONFIG_TYPE_DURATION, .fallback = "30s", .min = "10ms",
     .max = "1h",
     .doc = "How long the run waits until all hosts of the device have an address; then it ends with an "
            "error that names the device"},
    {CONFIG_MEMBER(struct lease_config, rate), .type = CONFIG_TYPE_U32, .fallback = "1000", .min = "1",
     .max = "1000000", .doc = "Hosts that begin to ask, a second"},
    {CONFIG_MEMBER(struct lease_config, probe), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Ask whether somebody has the address before it is used (RFC 5227 2.1, some 6 s; RFC 4862 5.4, 1 s), and "
            "decline it then"},
    {CONFIG_MEMBER(struct lease_config, release), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Give the addresses back at the end of the run"},
    {CONFIG_MEMBER(struct lease_config, gateway6), .type = CONFIG_TYPE_IPV6, .fallback = "::",
     .doc = "IPv6: the default router, which DHCPv6 does not tell; a link-local address or one on the prefix; ::: "
            "none"},
    {CONFIG_MEMBER(struct lease_config, prefix_length6), .type = CONFIG_TYPE_U8, .fallback = "64", .min = "1",
     .max = "128", .doc = "IPv6: the length of the prefix that is on the link, which DHCPv6 does not tell either"},
};
const struct config_schema plan_lease_schema =
    CONFIG_SCHEMA_SELF("lease", struct lease_config, lease_fields, node, "How a device gets its addresses by DHCP");

/* ---- checks ---- */

#define MOST_VNI 4094u /* DHCP knows networks by one tag */

static uint32_t leases_of(const struct plan *p, uint32_t port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->n_leases; i++)
        n += p->devices[p->leases[i].device].port == port;
    return n;
}

static void check_place(struct compiling *c, const struct device_config *from, const struct plan_device *d)
{
    const struct plan_port *port = &c->plan->ports[d->port];
    uint32_t leases = leases_of(c->plan, d->port) + (d->dhcp == (PLAN_DHCP_IPV4 | PLAN_DHCP_IPV6) ? 2 : 1);
    bool tags = d->vlan_count > 1 || (d->vlan_count == 1 && (d->vlan[0].tci >> 13 || d->vlan[0].tpid != 0x8100));

    if (!plan_port_is_ethernet(port))
        config_errors_add(c->errors, from->node, "dhcp",
                          "found it on port \"%s\" (%s), allowed where a DHCP server can be: packet:, xdp:, tap: and "
                          "tunnels with Ethernet",
                          port->name, port->location);
    if (leases > MOST_LEASES)
        config_errors_add(c->errors, from->node, "dhcp",
                          "found it %u times on port \"%s\", each family counted, "
                          "allowed %u times; count makes many hosts of one",
                          leases, port->name, MOST_LEASES);
    if (tags || d->mpls_count || d->vni > MOST_VNI)
        config_errors_add(c->errors, from->node, "dhcp",
                          d->vni ? "found it with this vni, allowed with one up to 4094"
                                 : "found it with other tags or labels, allowed with one 802.1Q tag without priority");
}

static uint32_t low_of(const struct plan_device *d) { return load_be32(d->mac + 2) & (MAC_END - 1); }

/* Made of names, so that the same run asks for the same addresses; 16 million hosts may count up behind it. */
static void choose_mac(const struct compiling *c, struct plan_device *d)
{
    static const struct hash_key key; /* no secret */
    const char *location = c->plan->ports[d->port].location;
    uint64_t hash = hash_sip13(&key, d->name, strlen(d->name)) ^ hash_sip13(&key, location, strlen(location)) << 1;

    memcpy(d->mac, ((uint8_t[6]){0x02, (uint8_t)(hash >> 8), (uint8_t)hash}), sizeof d->mac);
}

static bool macs_meet(const struct plan_device *a, const struct plan_device *b)
{
    return memcmp(a->mac, b->mac, 3) == 0 && low_of(a) < low_of(b) + b->count && low_of(b) < low_of(a) + a->count;
}

static void check_macs(struct compiling *c, const struct device_config *from, const struct plan_device *d)
{
    if (low_of(d) + d->count > MAC_END)
        config_errors_add(c->errors, from->node, "mac",
                          "found one behind which %u hosts have no room, allowed at "
                          "most %u behind the last three bytes",
                          d->count, MAC_END - low_of(d));
    for (const struct plan_device *other = c->plan->devices; other < d; other++)
        if (other->dhcp && other->port == d->port && macs_meet(other, d))
            config_errors_add(c->errors, from->node, "mac",
                              "found MAC addresses that device \"%s\" has too, allowed only once on a port with dhcp",
                              other->name);
}

static void fix_mac(struct compiling *c, const struct device_config *from, struct plan_device *d)
{
    uint8_t mac[6];

    if (!from->mac_given && d->n_ranges == 0)
        choose_mac(c, d);
    else if (!from->mac_given && d->step > 1)
        config_errors_add(c->errors, from->node, "step",
                          "found %u with dhcp and MAC addresses made of the others, "
                          "allowed 1, or with mac",
                          d->step);
    plan_device_mac(d, 0, mac);
    memcpy(d->mac, mac, sizeof d->mac);
    check_macs(c, from, d);
}

static void check_values(struct compiling *c, const struct device_config *from)
{
    const struct ip_addr gateway = ip_addr_from_v6(from->lease->gateway6);

    if (!ip_addr_is_unspecified(&gateway) && !(from->dhcp & PLAN_DHCP_IPV6))
        config_errors_add(c->errors, from->lease->node, "gateway6",
                          "found without DHCPv6, allowed with dhcp: ipv6 "
                          "or both");
    if (ip_addr_is_multicast(&gateway) || ip_addr_is_loopback(&gateway) ||
        (ip_addr_is_v4(&gateway) && !ip_addr_is_unspecified(&gateway)))
        config_errors_add(c->errors, from->lease->node, "gateway6",
                          "found no address of a router, allowed unicast "
                          "IPv6 addresses");
}

/* ---- leases ---- */

static void add_lease(struct compiling *c, const struct lease_config *from, uint32_t device, bool v6)
{
    struct plan_device *d = &c->plan->devices[device];
    struct plan_port *port = &c->plan->ports[d->port];

    d->leases[v6] = c->plan->n_leases;
    c->plan->leases[c->plan->n_leases++] = (struct plan_lease){
        .device = device,
        .v6 = v6,
        .first = port->n_leased,
        .timeout_ns = from->timeout,
        .rate = from->rate,
        .probe = from->probe,
        .release = from->release,
        .gateway6 = ip_addr_from_v6(from->gateway6),
        .prefix_length6 = from->prefix_length6,
    };
    port->n_leased += d->count;
    port->guard.allow_dhcp = true;
}

/* Devices of a plan are in another order than those that were written; their names are the same texts. */
static const struct device_config *config_of(const struct compiling *c, const struct plan_device *d)
{
    const struct device_config *from = c->config->devices;

    while (from->name != d->name)
        from++;
    return from;
}

static void compile_device_leases(struct compiling *c, uint32_t device)
{
    struct plan_device *d = &c->plan->devices[device];
    const struct device_config *from = config_of(c, d);
    struct lease_config standard;

    config_defaults(&plan_lease_schema, &standard);
    check_place(c, from, d);
    fix_mac(c, from, d);
    if (from->lease)
        check_values(c, from);
    for (unsigned v6 = 0; v6 < 2; v6++)
        if (from->dhcp & (v6 ? PLAN_DHCP_IPV6 : PLAN_DHCP_IPV4))
            add_lease(c, from->lease ? from->lease : &standard, device, v6);
}

void plan_compile_leases(struct compiling *c)
{
    c->plan->leases = plan_alloc(c, 2 * (size_t)c->plan->n_devices + 1, sizeof *c->plan->leases);
    for (uint32_t i = 0; c->plan->leases && i < c->plan->n_devices; i++)
        if (c->plan->devices[i].dhcp != 0)
            compile_device_leases(c, i);
}

bool plan_device_gives(const struct plan_device *d, bool v6)
{
    return plan_device_range(d, v6) || (d->dhcp & (v6 ? PLAN_DHCP_IPV6 : PLAN_DHCP_IPV4));
}

const struct plan_lease *plan_load_lease(const struct plan *p, const struct plan_load *load,
                                         const struct plan_device *client)
{
    uint32_t number = client->leases[!ip_addr_is_v4(&load->server_address)];

    return number == PLAN_NONE ? NULL : &p->leases[number];
}

/* Addresses that DHCP adds to a port's stack: IPv6 hosts have a link-local one beside. */
uint32_t plan_leased_addresses(const struct plan *p, uint32_t port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->n_leases; i++)
        if (p->devices[p->leases[i].device].port == port)
            n += p->devices[p->leases[i].device].count * (p->leases[i].v6 ? 2u : 1u);
    return n;
}

bool plan_has_to_prepare(const struct plan *p)
{
    bool probes = false;

    for (uint32_t i = 0; i < p->n_devices; i++)
        for (uint32_t k = 0; k < p->devices[i].n_ranges; k++)
            probes |= p->devices[i].ranges[k].probe;
    return probes || p->n_leases > 0;
}
