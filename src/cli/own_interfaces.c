/* SPDX-License-Identifier: MIT */
/*
 * See own_interfaces.h.
 */
#include "cli/own_interfaces.h"

#include <stdio.h>
#include <string.h>

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

/* A program's stack has one address an interface, and nothing between them. */
static int check_port(const struct command *c, const char *file, const struct plan *plan, const struct plan_port *p)
{
    char found[64];
    if (p->kind != PLAN_TAP && p->kind != PLAN_PACKET)
        return refuse_port(c, file, p, p->location, "tap:NAME and packet:IFNAME");
    snprintf(found, sizeof found, "%u hosts", p->n_hosts);
    if (p->n_hosts != 1)
        return refuse_port(c, file, p, found, "one");
    if (plan->devices[p->first_device].vlan_count > 0)
        return refuse_port(c, file, p, "VLAN tags", "none");
    if (p->impaired || p->capture)
        return refuse_port(c, file, p, p->impaired ? "an impairment" : "a capture", "none");
    return has_guard(p) ? refuse_port(c, file, p, "a guard", "none") : EXIT_MET;
}

static const char *print_address(char text[OWN_PREFIX_TEXT], uint32_t address)
{
    (void)ipv4_addr_print(text, OWN_PREFIX_TEXT, address);
    return text;
}

static const char *print_prefix(char text[OWN_PREFIX_TEXT], uint32_t address, unsigned length)
{
    size_t n = strlen(print_address(text, address));
    snprintf(text + n, OWN_PREFIX_TEXT - n, "/%u", length);
    return text;
}

static void add(struct own_interfaces *all, const struct plan_port *p, const struct plan_device *d)
{
    struct weir_interface *i = &all->list[all->count];
    *i = (struct weir_interface){.size = sizeof *i, .link = p->location, .netns = p->netns, .mtu = p->mtu};
    i->address = print_prefix(all->texts[all->count].address, d->address, d->prefix_length);
    if (d->gateway)
        i->gateway = print_address(all->texts[all->count].gateway, d->gateway);
    if (p->address)
        i->kernel_address = print_prefix(all->texts[all->count].kernel, p->address, p->prefix_length);
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
