/* SPDX-License-Identifier: MIT */
/*
 * The router of a configuration: its keys, its addresses on the ports, and its routes, each with the address by which it
 * leaves.
 */
#include <string.h>

#include "traffic/plan_private.h"
#include "wire/ipv6.h"

#define MAX_ADDRESSES 4096u
#define MAX_ROUTES 65536u
#define MAX_ADVERTISE 256u
#define V4_BITS 96u

/* ---- keys ---- */

static const struct config_field address_fields[] = {
    {CONFIG_MEMBER(struct router_address_config, port), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .doc = "Name of the port"},
    {CONFIG_MEMBER(struct router_address_config, address), .type = CONFIG_TYPE_PREFIX, .required = true,
     .doc = "Address with the prefix length of its subnet: 10.0.0.1/24, 2001:db8::1/64"},
    {CONFIG_MEMBER(struct router_address_config, mac), .type = CONFIG_TYPE_MAC,
     .given_offset = CONFIG_GIVEN(struct router_address_config, mac_given),
     .doc = "MAC address; otherwise the interface's"},
    {CONFIG_ITEMS(struct router_address_config, vlans), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &plan_vlan_schema, .items_max = 2, .doc = "VLAN tags, outermost first"},
    {CONFIG_MEMBER(struct router_address_config, vni), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "16777215",
     .doc =
         "At a tunnel:vxlan,... port with vnis=FIRST-LAST: the network, instead of tags; otherwise that of its vni="},
    {CONFIG_ITEMS(struct router_address_config, mpls), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &plan_label_schema, .items_max = HOST_MAX_LABELS,
     .doc = "MPLS labels of unicast datagrams that leave by this address, outermost first"},
    {CONFIG_MEMBER(struct router_address_config, vrf), .type = CONFIG_TYPE_U32, .fallback = "0",
     .doc =
         "The routing table that its subnet is in; tables know nothing of each other, and may have the same prefixes"},
};
static const struct config_schema address_schema = CONFIG_SCHEMA_SELF(
    "router_address", struct router_address_config, address_fields, node, "An address of the router, and its subnet");

static const struct config_field route_fields[] = {
    {CONFIG_MEMBER(struct router_route_config, prefix), .type = CONFIG_TYPE_PREFIX, .required = true,
     .doc = "Destinations: 0.0.0.0/0, 2001:db8:1::/48"},
    {CONFIG_MEMBER(struct router_route_config, gateway), .type = CONFIG_TYPE_ADDRESS,
     .given_offset = CONFIG_GIVEN(struct router_route_config, gateway_given),
     .doc = "Next router, on a subnet of the router; otherwise destinations are on the link of port"},
    {CONFIG_MEMBER(struct router_route_config, port), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "Port by which they leave; otherwise the gateway's"},
    {CONFIG_MEMBER(struct router_route_config, vrf), .type = CONFIG_TYPE_U32, .fallback = "0",
     .doc = "The routing table that it is in, one of an address"},
};
static const struct config_schema route_schema =
    CONFIG_SCHEMA_SELF("router_route", struct router_route_config, route_fields, node, "Where destinations are");

static const struct config_field vrf_fields[] = {
    {CONFIG_MEMBER(struct router_vrf_config, vrf), .type = CONFIG_TYPE_U32, .required = true, .min = "1",
     .doc = "The VRF of some address"},
    {CONFIG_MEMBER(struct router_vrf_config, filter), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_filter_schema,
     .doc = "What may pass within it; otherwise everything"},
};
static const struct config_schema vrf_schema =
    CONFIG_SCHEMA_SELF("router_vrf", struct router_vrf_config, vrf_fields, node, "Policy of a VRF other than 0");

static const struct config_field router_fields[] = {
    {CONFIG_ITEMS(struct router_config, addresses), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &address_schema, .required = true, .items_min = 1, .items_max = MAX_ADDRESSES,
     .doc = "Addresses on the ports; their subnets are routed"},
    {CONFIG_ITEMS(struct router_config, routes), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &route_schema, .items_max = MAX_ROUTES, .doc = "Routes beside the subnets; the longest prefix counts"},
    {CONFIG_ITEMS(struct router_config, advertise), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &plan_advertise_schema, .items_max = MAX_ADVERTISE,
     .doc = "Router advertisements, by which hosts of IPv6 configure themselves (RFC 4861 6.2)"},
    {CONFIG_MEMBER(struct router_config, filter), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_filter_schema,
     .doc = "What may pass within VRF 0; otherwise everything"},
    {CONFIG_ITEMS(struct router_config, vrfs), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP, .schema = &vrf_schema,
     .items_max = PLAN_MAX_VRFS, .doc = "Policies of other VRFs"},
    {CONFIG_MEMBER(struct router_config, fill_options), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Record Route and Timestamp of IPv4 are filled in; otherwise such datagrams are dropped"},
};
const struct config_schema plan_router_schema =
    CONFIG_SCHEMA_SELF("router", struct router_config, router_fields, node, "A router between the ports");

/* ---- addresses ---- */

uint32_t plan_need_port(struct compiling *c, const struct config_node *node, const char *name)
{
    uint32_t port = plan_find_port(c, name);
    char names[PLAN_NAMES_TEXT] = "";
    if (port != PLAN_NONE)
        return port;
    for (uint32_t i = 0; i < c->plan->n_ports; i++)
        plan_names_add(names, c->plan->ports[i].name);
    config_errors_add(c->errors, node, "port", "found \"%s\", which is no port, allowed %s", name, names);
    return PLAN_NONE;
}

/* One that a host can have: neither the network itself nor its broadcast address. */
static bool is_unicast(const struct ip_prefix *p)
{
    uint32_t a = ip_addr_to_v4(&p->addr), mask = ipv4_addr_mask(min_u32(p->length, 32));
    if (p->length == 0 || ip_addr_is_unspecified(&p->addr) || ip_addr_is_loopback(&p->addr) ||
        ip_addr_is_multicast(&p->addr))
        return false;
    if (!ip_addr_is_v4(&p->addr))
        return true;
    bool plain = p->length > 30 || ((a & ~mask) != 0 && (a | mask) != UINT32_MAX);
    return plain && !ipv4_addr_is_this_network(a) && !ipv4_addr_is_class_e(a);
}

static void compile_address(struct compiling *c, const struct router_address_config *from,
                            struct plan_router_address *to)
{
    static const uint8_t none[6];
    const struct ip_prefix p = plan_prefix_of(&from->address);
    char text[IP_ADDR_PREFIX_TEXT];
    to->port = plan_need_port(c, from->node, from->port);
    to->address = p.addr;
    to->prefix_length = p.length;
    to->vrf = from->vrf;
    memcpy(to->mac, from->mac, sizeof to->mac);
    to->vlan_count = plan_compile_vlans(from->vlans, from->vlans_count, to->vlan);
    if (to->port != PLAN_NONE)
        to->vni = plan_compile_vni(c, from->node, &c->plan->ports[to->port], from->vni, from->vlans_count);
    to->mpls_count = plan_compile_labels(from->mpls, from->mpls_count, to->mpls);
    (void)ip_prefix_print(text, sizeof text, &p);
    if (!is_unicast(&p))
        config_errors_add(c->errors, from->node, "address", "found %s, allowed an address that a host can have", text);
    if (from->mac_given && ((from->mac[0] & 1) || memcmp(from->mac, none, sizeof none) == 0))
        config_errors_add(c->errors, from->node, "mac", "found a group's, allowed unicast addresses");
    if (!ip_addr_is_v4(&p.addr) && to->port != PLAN_NONE && c->plan->ports[to->port].mtu < WIRE_IPV6_MIN_MTU)
        config_errors_add(c->errors, from->node, "address", "found IPv6 on a port with mtu %u, allowed from %u on",
                          c->plan->ports[to->port].mtu, WIRE_IPV6_MIN_MTU);
}

/* ---- VRFs ---- */

static struct plan_vrf *find_vrf(struct plan_router *r, uint32_t number)
{
    for (uint32_t i = 0; i < r->n_vrfs; i++)
        if (r->vrfs[i].number == number)
            return &r->vrfs[i];
    return NULL;
}

static void add_vrfs(struct compiling *c, const struct router_config *from, struct plan_router *r)
{
    for (uint32_t i = 0; i < r->n_addresses; i++) {
        if (find_vrf(r, r->addresses[i].vrf))
            continue;
        if (r->n_vrfs == PLAN_MAX_VRFS) {
            config_errors_add(c->errors, from->addresses[i].node, "vrf", "found %u, the %uth VRF, allowed at most %u",
                              r->addresses[i].vrf, PLAN_MAX_VRFS + 1, PLAN_MAX_VRFS);
            return;
        }
        r->vrfs[r->n_vrfs++] = (struct plan_vrf){.number = r->addresses[i].vrf};
    }
}

static void set_filter(struct compiling *c, const struct config_node *node, const char *key, struct plan_router *r,
                       uint32_t vrf, const struct filter_config *filter)
{
    struct plan_vrf *of = find_vrf(r, vrf);
    if (!of)
        config_errors_add(c->errors, node, key, "found one of VRF %u, allowed those that an address has", vrf);
    else if (of->filter)
        config_errors_add(c->errors, node, key, "found VRF %u again, allowed each once", vrf);
    else if (filter)
        of->filter = plan_compile_filter(c, filter);
}

static void compile_vrfs(struct compiling *c, const struct router_config *from, struct plan_router *r)
{
    if (from->filter)
        set_filter(c, from->node, "filter", r, 0, from->filter);
    for (uint32_t i = 0; i < from->vrfs_count; i++)
        set_filter(c, from->vrfs[i].node, "vrf", r, from->vrfs[i].vrf, from->vrfs[i].filter);
}

/* ---- routes ---- */

static bool is_on_link(const struct plan_router_address *a, const struct ip_addr *ip)
{
    unsigned bits = a->prefix_length + (ip_addr_is_v4(&a->address) ? V4_BITS : 0);
    return ip_addr_same_bits(ip, &a->address, bits) || (!ip_addr_is_v4(ip) && ip_addr_is_link_local(ip));
}

/* The first of the router's addresses that can send there, or PLAN_NONE. */
static uint32_t find_way(const struct plan_router *r, const struct plan_router_route *route, uint32_t vrf,
                         uint32_t port)
{
    for (uint32_t i = 0; i < r->n_addresses; i++) {
        const struct plan_router_address *a = &r->addresses[i];
        if (a->vrf != vrf || ip_addr_is_v4(&a->address) != ip_addr_is_v4(&route->prefix.addr) ||
            (port != PLAN_NONE && port != a->port))
            continue;
        if (ip_addr_is_unspecified(&route->gateway) || is_on_link(a, &route->gateway))
            return i;
    }
    return PLAN_NONE;
}

static void compile_route(struct compiling *c, const struct router_route_config *from, struct plan_router_route *to)
{
    const struct plan_router *r = c->plan->router;
    char text[IP_ADDR_TEXT];
    to->prefix = plan_prefix_of(&from->prefix);
    to->gateway = from->gateway_given ? ip_addr_from_v6(from->gateway) : (struct ip_addr){{0}};
    uint32_t port = from->port ? plan_need_port(c, from->node, from->port) : PLAN_NONE;
    if (!from->gateway_given && !from->port) {
        config_errors_add(c->errors, from->node, "gateway", "found neither gateway nor port, required: one of them");
        return;
    }
    if (from->gateway_given && ip_addr_is_v4(&to->gateway) != ip_addr_is_v4(&to->prefix.addr)) {
        config_errors_add(c->errors, from->node, "gateway", "found another family than prefix has, allowed the same");
        return;
    }
    to->address = find_way(r, to, from->vrf, port);
    (void)ip_addr_print(text, sizeof text, &to->gateway);
    if (to->address == PLAN_NONE)
        config_errors_add(c->errors, from->node, from->gateway_given ? "gateway" : "port",
                          "found %s, allowed a subnet of the router's addresses%s%s",
                          from->gateway_given ? text : "a port without an address of that family",
                          from->port ? " on that port" : "", from->vrf ? " in that VRF" : "");
    for (uint32_t i = 0; i < r->n_addresses && from->gateway_given; i++)
        if (r->addresses[i].vrf == from->vrf && ip_addr_equal(&r->addresses[i].address, &to->gateway))
            config_errors_add(c->errors, from->node, "gateway", "found %s, which is the router's own", text);
}

/* One on a link: the router has one link-local address there. */
static void compile_advertise(struct compiling *c, const struct router_config *from, struct plan_router *r)
{
    r->advertise = plan_alloc(c, from->advertise_count + 1, sizeof *r->advertise);
    if (!r->advertise)
        return;
    for (uint32_t i = 0; i < from->advertise_count; i++) {
        struct plan_advertise *to = &r->advertise[r->n_advertise++];
        plan_compile_advertise(c, &from->advertise[i], to);
        for (uint32_t k = 0; k < i; k++)
            if (r->advertise[k].address == to->address && to->address < r->n_addresses)
                config_errors_add(c->errors, from->advertise[i].node, "address",
                                  "found the address of router.advertise[%u], allowed each once", k);
    }
}

void plan_compile_router(struct compiling *c)
{
    const struct router_config *from = c->config->router;
    struct plan_router *r = plan_alloc(c, 1, sizeof *r);
    if (!r)
        return;
    c->plan->router = r;
    r->fill_options = from->fill_options;
    r->addresses = plan_alloc(c, from->addresses_count, sizeof *r->addresses);
    r->routes = plan_alloc(c, from->routes_count, sizeof *r->routes);
    r->vrfs = plan_alloc(c, PLAN_MAX_VRFS, sizeof *r->vrfs);
    if (!r->addresses || !r->routes || !r->vrfs)
        return;
    for (; r->n_addresses < from->addresses_count; r->n_addresses++)
        compile_address(c, &from->addresses[r->n_addresses], &r->addresses[r->n_addresses]);
    add_vrfs(c, from, r);
    for (; r->n_routes < from->routes_count; r->n_routes++)
        compile_route(c, &from->routes[r->n_routes], &r->routes[r->n_routes]);
    compile_advertise(c, from, r);
    compile_vrfs(c, from, r);
}
