/* SPDX-License-Identifier: MIT */
/*
 * See own_interfaces.h.
 */
#include "cli/own_interfaces.h"

#include <stdio.h>
#include <string.h>

#include "link/vnet.h"

static int refuse_port(const struct command *c, const char *file, const struct plan_port *p, const char *found,
                       const char *allowed)
{
    complain("%s: port \"%s\": found %s, allowed for weir %s: %s", file, p->name, found, c->name, allowed);
    return EXIT_USAGE;
}

static bool has_guard(const struct plan_port *p)
{
    struct guard_rules unasked;
    guard_rules_default(&unasked);
    return p->guard.n_allowed != unasked.n_allowed || p->guard.max_bits_per_second || p->guard.max_frames ||
           memcmp(p->guard.allowed, unasked.allowed, sizeof unasked.allowed) != 0;
}

/* A program's stack has one address of each family an interface, and nothing between them. */
static int check_port(const struct command *c, const char *file, const struct plan *plan, const struct plan_port *p)
{
    char found[64];
    if (!plan_is_interface(p->kind) && p->kind != PLAN_TUNNEL)
        return refuse_port(c, file, p, p->location, "tap:NAME, packet:IFNAME, xdp:IFNAME and tunnel:KIND,...");
    snprintf(found, sizeof found, "%u hosts", p->n_hosts);
    if (p->n_hosts != 1)
        return refuse_port(c, file, p, found, "one");
    const struct plan_device *d = &plan->devices[p->first_device];
    snprintf(found, sizeof found, "%u addresses", d->n_ranges);
    if (d->n_ranges > (plan_device_range(d, false) != NULL) + (unsigned)(plan_device_range(d, true) != NULL))
        return refuse_port(c, file, p, found, "one of each family");
    bool tags = d->vlan_count > 1 || (d->vlan_count == 1 && d->vlan[0].tci >> 13) || d->mpls_count;
    if (d->dhcp && tags)
        return refuse_port(c, file, p, "dhcp with other tags or labels", "with dhcp, one VLAN tag without priority");
    if (plan_port_is_trunk(p))
        return refuse_port(c, file, p, "a trunk of networks", "one network, vni=N");
    if (p->impaired || p->capture)
        return refuse_port(c, file, p, p->impaired ? "an impairment" : "a capture", "none");
    return has_guard(p) ? refuse_port(c, file, p, "a guard", "none") : EXIT_MET;
}

static const char *print_gateways(char text[OWN_GATEWAYS_TEXT], const struct plan_range *from)
{
    char one[IP_ADDR_TEXT];
    size_t n = 0;
    for (unsigned i = 0; i < from->n_gateways; i++) {
        (void)ip_addr_print(one, sizeof one, &from->gateways[i]);
        n += (size_t)snprintf(text + n, OWN_GATEWAYS_TEXT - n, "%s%s", i ? "," : "", one);
    }
    return text;
}

static const char *print_prefix(char text[OWN_PREFIX_TEXT], const struct ip_addr *address, unsigned length)
{
    (void)ip_prefix_print(text, OWN_PREFIX_TEXT, &(struct ip_prefix){*address, (uint8_t)length});
    return text;
}

/* The texts live as long as the interface. */
static void put_address(const struct plan_range *from, struct own_texts *texts, const char **address,
                        const char **gateway)
{
    if (!from)
        return;
    *address = print_prefix(texts->address, &from->first, from->prefix_length);
    if (from->n_gateways)
        *gateway = print_gateways(texts->gateway, from);
}

/* The offloads that are off, with commas between; NULL: none. */
static const char *print_without(char text[OWN_OFFLOADS_TEXT], const struct plan_port *p)
{
    const struct {
        const char *name;
        bool on;
    } offloads[] = {
#define NAMED(member) {#member, p->member},
        VNET_OFFLOAD_LIST(NAMED)
#undef NAMED
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(offloads); i++)
        if (!offloads[i].on)
            n += (size_t)snprintf(text + n, OWN_OFFLOADS_TEXT - n, "%s%s", n ? "," : "", offloads[i].name);
    return n ? text : NULL;
}

static void add(struct own_interfaces *all, const struct plan_port *p, const struct plan_device *d)
{
    struct weir_interface *i = &all->list[all->count];
    struct own_texts *texts = all->texts[all->count];
    const struct ip_addr kernel = ip_addr_from_v4(p->address);
    *i = (struct weir_interface){.size = sizeof *i, .link = p->location, .netns = p->netns, .mtu = p->mtu};
    put_address(plan_device_range(d, false), &texts[0], &i->address, &i->gateway);
    put_address(plan_device_range(d, true), &texts[1], &i->address6, &i->gateway6);
    if (d->vlan_count) {
        host_vlans_print(texts->vlan, d->vlan, d->vlan_count);
        i->vlan = texts->vlan;
    }
    if (d->mpls_count) {
        host_labels_print(texts->mpls, d->mpls, d->mpls_count);
        i->mpls = texts->mpls;
    }
    const struct plan_range *v4 = plan_device_range(d, false);
    i->probe = v4 && v4->probe;
    i->conflict = v4 ? (enum weir_conflict)v4->conflict : WEIR_CONFLICT_DEFEND;
    if (d->dhcp & PLAN_DHCP_IPV4)
        i->address = "dhcp";
    if (d->dhcp & PLAN_DHCP_IPV6)
        i->address6 = "dhcp";
    if (p->address)
        i->kernel_address = print_prefix(texts[0].kernel, &kernel, p->prefix_length);
    if (!ip_addr_is_unspecified(&p->address6))
        i->kernel_address6 = print_prefix(texts[1].kernel, &p->address6, p->prefix_length6);
    if (p->kind != PLAN_TUNNEL)
        i->without = print_without(all->without[all->count], p);
    memcpy(i->mac, d->mac, sizeof i->mac);
    all->count++;
}

static int add_all(const struct command *c, const char *file, struct own_interfaces *all)
{
    const struct plan *plan = all->configuration.plan;
    if (plan->n_ports > OWN_INTERFACES) {
        complain("%s: found %u ports, allowed for weir %s: at most %u", file, plan->n_ports, c->name, OWN_INTERFACES);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; i < plan->n_ports; i++) {
        int result = check_port(c, file, plan, &plan->ports[i]);
        if (result != EXIT_MET)
            return result;
        add(all, &plan->ports[i], &plan->devices[plan->ports[i].first_device]);
    }
    return EXIT_MET;
}

int own_interfaces_load(const struct command *c, const char *file, const struct option_texts *sets,
                        struct own_interfaces *out)
{
    out->count = 0;
    int result = configuration_load_hosts(&out->configuration, file, sets);
    if (result != EXIT_MET)
        return result;
    result = add_all(c, file, out);
    if (result != EXIT_MET)
        own_interfaces_free(out);
    return result;
}

void own_interfaces_free(struct own_interfaces *all) { configuration_free(&all->configuration); }
