/* SPDX-License-Identifier: MIT */
/*
 * Devices of a plan: addresses within their subnets, no address twice where frames could meet, order by port as
 * the stacks number them.
 */
#include <string.h>

#include "traffic/plan_private.h"
#include "wire/ipv6.h"

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

/* ---- addresses ---- */

/* Addresses as written: those of the first host, and where messages point. */
struct written {
    const struct device_config *device;
    const struct config_node *node; /* the family's map */
    const char *key;
    struct ip_addr address;
    uint8_t length;
};

static unsigned significant_bits(const struct ip_addr *a, unsigned length)
{
    return ip_addr_is_v4(a) ? length + 96 : length;
}

/* The last address of a prefix. */
static struct ip_addr last_of(struct ip_addr a, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        a.bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
    return a;
}

/* From one address to a later one, or UINT64_MAX when that is more. */
static uint64_t distance(const struct ip_addr *from, const struct ip_addr *to)
{
    uint64_t low = load_be64(to->bytes + 8) - load_be64(from->bytes + 8);
    bool borrow = load_be64(to->bytes + 8) < load_be64(from->bytes + 8);
    return load_be64(to->bytes) - load_be64(from->bytes) == borrow ? low : UINT64_MAX;
}

static bool address_usable(const struct ip_addr *a)
{
    uint32_t v4 = ip_addr_to_v4(a);

    if (ip_addr_is_unspecified(a) || ip_addr_is_multicast(a) || ip_addr_is_loopback(a))
        return false;
    return !ip_addr_is_v4(a) || (!ipv4_addr_is_class_e(v4) && !ipv4_addr_is_this_network(v4));
}

static bool check_form(struct compiling *c, const struct written *w, bool v6)
{
    unsigned most = v6 ? 128 : 30;
    char found[IP_ADDR_TEXT];

    if (w->length < 1 || w->length > most) {
        config_errors_add(c->errors, w->node, w->key, "found prefix length %u, allowed 1 to %u", w->length, most);
        return false;
    }
    if (address_usable(&w->address) && ip_addr_is_v4(&w->address) != v6)
        return true;
    (void)ip_addr_print(found, sizeof found, &w->address);
    config_errors_add(c->errors, w->node, w->key, "found %s, allowed unicast %saddresses", found, v6 ? "IPv6 " : "");
    return false;
}

/* What hosts of a subnet may have: not its broadcast address, and neither the first, which is IPv6's routers'. */
static void host_addresses(const struct written *w, bool v6, struct ip_addr *low, struct ip_addr *high)
{
    unsigned bits = significant_bits(&w->address, w->length);

    *low = ip_addr_first_bits(&w->address, bits);
    *high = last_of(*low, bits);
    if (w->length < 127)
        *low = ip_addr_add(low, 1);
    if (!v6)
        *high = ip_addr_from_v4(ip_addr_to_v4(high) - 1);
}

/* All hosts must have addresses of their subnet that a host may have. */
static void check_addresses(struct compiling *c, const struct written *w, bool v6)
{
    uint32_t count = w->device->count;
    uint64_t offset = (uint64_t)(count - 1) * w->device->step;
    struct ip_addr low, high, wrong = w->address;
    char found[IP_ADDR_TEXT], low_text[IP_ADDR_TEXT], high_text[IP_ADDR_TEXT];

    if (!check_form(c, w, v6))
        return;
    host_addresses(w, v6, &low, &high);
    bool early = ip_addr_compare(&w->address, &low) < 0;
    if (!early && ip_addr_compare(&w->address, &high) <= 0 && offset <= distance(&w->address, &high))
        return;
    bool wraps = !v6 && offset > UINT32_MAX - ip_addr_to_v4(&w->address);
    if (!early)
        wrong = wraps ? ip_addr_from_v4(UINT32_MAX) : ip_addr_add(&w->address, offset);
    (void)ip_addr_print(found, sizeof found, &wrong);
    (void)ip_addr_print(low_text, sizeof low_text, &low);
    (void)ip_addr_print(high_text, sizeof high_text, &high);
    config_errors_add(c->errors, w->node, w->key, "found %s%s as the address of host %u of %u, allowed %s to %s",
                      wraps && !early ? "one beyond " : "", found, early ? 1 : count, count, low_text, high_text);
}

/* ---- gateways ---- */

bool plan_range_is_near(const struct plan_range *r, const struct ip_addr *address)
{
    return ip_addr_same_bits(&r->first, address, significant_bits(&r->first, r->prefix_length)) &&
           ip_addr_is_v4(&r->first) == ip_addr_is_v4(address);
}

/* The addresses on whose subnet a gateway is have it; one with a link-local address is on all. */
static void add_gateway(struct compiling *c, const struct config_node *node, const struct ip_addr *gateway,
                        struct plan_device *d, uint32_t first_range)
{
    const struct plan_range *main = &d->ranges[first_range];
    bool everywhere = !ip_addr_is_v4(gateway) && ip_addr_is_link_local(gateway), used = false, own = false;
    char found[IP_ADDR_TEXT], network[IP_ADDR_TEXT];

    if (ip_addr_is_unspecified(gateway))
        return;
    for (uint32_t i = first_range; i < d->n_ranges; i++) {
        own |= plan_range_has(d, &d->ranges[i], gateway);
        if (!everywhere && !plan_range_is_near(&d->ranges[i], gateway))
            continue;
        d->ranges[i].gateways[d->ranges[i].n_gateways++] = *gateway;
        used = true;
    }
    struct ip_addr prefix = ip_addr_first_bits(&main->first, significant_bits(&main->first, main->prefix_length));
    (void)ip_addr_print(found, sizeof found, gateway);
    (void)ip_addr_print(network, sizeof network, &prefix);
    if (!used)
        config_errors_add(c->errors, node, "gateway", "found %s, allowed addresses in %s/%u%s", found, network,
                          main->prefix_length, ip_addr_is_v4(&main->first) ? "" : " and link-local ones");
    else if (own)
        config_errors_add(c->errors, node, "gateway", "found %s, which is one of the device's own addresses", found);
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

uint8_t plan_compile_labels(const struct label_config *from, uint32_t n, struct host_label *to)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (struct host_label){.label = from[i].label, .tc = from[i].tc, .ttl = from[i].ttl};
    return (uint8_t)n;
}

#define VLAN_KEY_VNI 0x80000000u /* no key of tags has this bit */

bool plan_same_labels(const struct plan_device *a, const struct plan_device *b)
{
    for (unsigned i = 0; i < a->mpls_count && i < b->mpls_count; i++)
        if (a->mpls[i].label != b->mpls[i].label)
            return false;
    return a->mpls_count == b->mpls_count;
}

uint8_t plan_compile_vlans(const struct vlan_config *from, uint32_t n, struct host_vlan to[2])
{
    for (uint32_t i = 0; i < n; i++)
        to[i] =
            (struct host_vlan){.tpid = (uint16_t)from[i].tpid, .tci = (uint16_t)(from[i].priority << 13 | from[i].id)};
    return (uint8_t)n;
}

uint32_t plan_compile_vni(struct compiling *c, const struct config_node *node, const struct plan_port *on, uint32_t vni,
                          uint32_t n_vlans)
{
    const struct plan_tunnel *t = &on->tunnel;
    const bool trunk = plan_port_is_trunk(on);
    if (trunk && n_vlans != 0)
        config_errors_add(c->errors, node, "vlans", "found on port \"%s\", which has vnis, allowed there: vni",
                          on->name);
    if (vni == 0 || (trunk && t->has_vni && vni == t->vni))
        return 0;
    if (!trunk)
        config_errors_add(c->errors, node, "vni",
                          "found on port \"%s\" (%.100s), allowed only on tunnel:vxlan,... with vnis=FIRST-LAST",
                          on->name, on->location);
    else if (vni < t->first_vni || vni > t->last_vni)
        config_errors_add(c->errors, node, "vni", "found %u, allowed %u to %u as port \"%s\" has", vni, t->first_vni,
                          t->last_vni, on->name);
    return vni;
}

static void compile_device(struct compiling *c, const struct device_config *from, uint32_t port, struct plan_device *to)
{
    to->name = from->name;
    to->port = port;
    to->count = from->count;
    to->step = from->step;
    to->dhcp = (uint8_t)from->dhcp;
    to->leases[0] = to->leases[1] = PLAN_NONE;
    if (from->mac_given)
        memcpy(to->mac, from->mac, sizeof to->mac);
    to->vlan_count = plan_compile_vlans(from->vlans, from->vlans_count, to->vlan);
    for (uint32_t i = 0; i < from->vlans_count; i++)
        to->vlan_key = to->vlan_key << 13 | (uint32_t)(from->vlans[i].tpid == 0x88a8) << 12 | from->vlans[i].id;
    to->vni = plan_compile_vni(c, from->node, &c->plan->ports[port], from->vni, from->vlans_count);
    if (to->vni)
        to->vlan_key = VLAN_KEY_VNI | to->vni;
    to->mpls_count = plan_compile_labels(from->mpls, from->mpls_count, to->mpls);
}

/* ---- addresses that two have ---- */

/* Whether frames of the two could meet: one wire (or wires we do not know) and the same VLAN. */
static bool same_segment(const struct compiling *c, const struct plan_device *a, const struct plan_device *b)
{
    const struct plan_port *port = &c->plan->ports[a->port];
    bool wired = a->port == b->port || port->peer == b->port;
    bool unknown = port->kind != PLAN_MEM && c->plan->ports[b->port].kind != PLAN_MEM;

    return (wired || unknown) && a->vlan_key == b->vlan_key;
}

bool plan_range_has(const struct plan_device *d, const struct plan_range *r, const struct ip_addr *address)
{
    if (ip_addr_compare(address, &r->first) < 0)
        return false;
    uint64_t offset = distance(&r->first, address);
    return offset % d->step == 0 && offset / d->step < d->count;
}

bool plan_device_has(const struct plan_device *d, const struct ip_addr *address)
{
    bool has = false;

    for (uint32_t i = 0; i < d->n_ranges; i++)
        has |= plan_range_has(d, &d->ranges[i], address);
    return has;
}

/* A device's addresses of one range. */
struct device_range {
    const struct plan_device *device;
    const struct plan_range *range;
};

/* Whether both have an address, and which. */
static bool find_shared(const struct device_range *a, const struct device_range *b, struct ip_addr *shared)
{
    struct ip_addr last_a = plan_range_address(a->device, a->range, a->device->count - 1);
    struct ip_addr last_b = plan_range_address(b->device, b->range, b->device->count - 1);

    if (ip_addr_compare(&last_a, &b->range->first) < 0 || ip_addr_compare(&last_b, &a->range->first) < 0)
        return false;
    const struct device_range *few = a->device->count < b->device->count ? a : b, *many = few == a ? b : a;
    for (uint32_t i = 0; i < few->device->count; i++) {
        *shared = plan_range_address(few->device, few->range, i);
        if (plan_range_has(many->device, many->range, shared))
            return true;
    }
    return false;
}

static void check_overlap(struct compiling *c, const struct written *w, const struct device_range *made,
                          const struct plan_device *other)
{
    for (uint32_t i = 0; i < other->n_ranges && &other->ranges[i] != made->range; i++) {
        struct ip_addr shared;
        char address[IP_ADDR_TEXT];
        if (!find_shared(made, &(struct device_range){other, &other->ranges[i]}, &shared))
            continue;
        (void)ip_addr_print(address, sizeof address, &shared);
        config_errors_add(c->errors, w->node, w->key, "found %s, which device \"%s\" has too, allowed only once",
                          address, other->name);
    }
}

static void check_overlaps(struct compiling *c, const struct written *w, const struct plan_device *made)
{
    const struct device_range last = {made, &made->ranges[made->n_ranges - 1]};

    for (const struct plan_device *other = c->plan->devices; other <= made; other++)
        if (same_segment(c, made, other))
            check_overlap(c, w, &last, other);
}

/* ---- devices ---- */

static void add_range(struct compiling *c, const struct written *w, bool v6, struct plan_device *to)
{
    struct plan_port *on = &c->plan->ports[to->port];

    check_addresses(c, w, v6);
    to->ranges[to->n_ranges++] =
        (struct plan_range){.first = w->address, .prefix_length = w->length, .first_local = on->n_addresses + 1};
    on->n_addresses += to->count;
    check_overlaps(c, w, to);
}

static void add_ipv4(struct compiling *c, const struct device_config *from, struct plan_device *to)
{
    const struct ipv4_config *ipv4 = from->ipv4;
    uint32_t first = to->n_ranges;

    for (uint32_t i = 0; i <= ipv4->more_count; i++) {
        const struct config_ipv4_prefix *p = i == 0 ? &ipv4->address : &ipv4->more[i - 1];
        add_range(
            c, &(struct written){from, ipv4->node, i == 0 ? "address" : "more", ip_addr_from_v4(p->address), p->length},
            false, to);
    }
    for (uint32_t i = first; i < to->n_ranges; i++) {
        to->ranges[i].probe = ipv4->probe;
        to->ranges[i].conflict = (uint8_t)ipv4->conflict;
    }
    for (uint32_t i = 0; i < ipv4->gateway_count; i++) {
        const struct ip_addr gateway = ip_addr_from_v4(ipv4->gateway[i]);
        add_gateway(c, ipv4->node, &gateway, to, first);
    }
}

static void add_ipv6(struct compiling *c, const struct device_config *from, struct plan_device *to)
{
    const struct ipv6_config *ipv6 = from->ipv6;
    uint32_t first = to->n_ranges, mtu = c->plan->ports[to->port].mtu;

    if (mtu < WIRE_IPV6_MIN_MTU)
        config_errors_add(c->errors, ipv6->node, NULL, "found on port \"%s\" with mtu %u, allowed with at least %u",
                          c->plan->ports[to->port].name, mtu, WIRE_IPV6_MIN_MTU);
    for (uint32_t i = 0; i <= ipv6->more_count; i++) {
        const struct config_prefix *p = i == 0 ? &ipv6->address : &ipv6->more[i - 1];
        add_range(
            c, &(struct written){from, ipv6->node, i == 0 ? "address" : "more", ip_addr_from_v6(p->address), p->length},
            true, to);
    }
    for (uint32_t i = 0; i < ipv6->gateway_count; i++) {
        const struct ip_addr gateway = ip_addr_from_v6(ipv6->gateway[i]);
        add_gateway(c, ipv6->node, &gateway, to, first);
    }
}

static void check_dhcp(struct compiling *c, const struct device_config *from)
{
    bool twice = (from->ipv4 && (from->dhcp & PLAN_DHCP_IPV4)) || (from->ipv6 && (from->dhcp & PLAN_DHCP_IPV6));

    if (twice)
        config_errors_add(c->errors, from->node, "dhcp", "found addresses of the same family beside it, allowed one");
    if (from->dhcp == 0 && from->lease)
        config_errors_add(c->errors, from->node, "lease", "found without dhcp, allowed with dhcp: ipv4, ipv6 or both");
}

static void add_device(struct compiling *c, const struct device_config *from, uint32_t port)
{
    struct plan_port *on = &c->plan->ports[port];
    struct plan_device *to = &c->plan->devices[c->plan->n_devices];
    uint32_t ranges = (from->ipv4 ? 1 + from->ipv4->more_count : 0) + (from->ipv6 ? 1 + from->ipv6->more_count : 0);

    check_mac(c, from);
    check_dhcp(c, from);
    if (ranges == 0 && from->dhcp == 0)
        config_errors_add(c->errors, from->node, NULL, "found neither ipv4 nor ipv6, allowed one of them or both");
    to->ranges = plan_alloc(c, ranges + 1, sizeof *to->ranges);
    if (!to->ranges)
        return;
    if (on->n_devices == 0)
        on->first_device = c->plan->n_devices;
    compile_device(c, from, port, to);
    if (from->ipv4)
        add_ipv4(c, from, to);
    if (from->ipv6)
        add_ipv6(c, from, to);
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
