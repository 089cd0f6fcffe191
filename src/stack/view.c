/* SPDX-License-Identifier: MIT */
/*
 * What there is, for those who administer it: walks over interfaces, hosts, routes and neighbours. Changes nothing.
 */
#include "stack/control.h"
#include "stack/stack_internal.h"
#include "wire/mpls.h"

unsigned stack_interface_count(const struct stack *s) { return s->n_interfaces; }

bool stack_view_interface(const struct stack *s, unsigned interface, struct stack_interface *out)
{
    if (interface >= s->n_interfaces)
        return false;
    const struct interface *itf = &s->interfaces[interface];
    *out = (struct stack_interface){.name = itf->link->name,
                                    .mtu = interface_mtu(itf),
                                    .mtu_max = min_u32(itf->link->mtu, itf->mtu_added),
                                    .up = !itf->down,
                                    .counters = &itf->link->counters};
    memcpy(out->mac, itf->link->mac, sizeof out->mac);
    return true;
}

uint32_t stack_next_host(const struct stack *s, uint32_t after)
{
    for (uint32_t i = after + 1; i != 0 && i <= s->hosts.count; i++)
        if (host_at(&s->hosts, i) && !ip_addr_is_loopback(&host_at(&s->hosts, i)->ip))
            return i;
    return 0;
}

static void view_labels(const struct host *h, struct host_settings *out)
{
    out->mpls_count = h->label_bytes / WIRE_MPLS_LEN;
    for (unsigned i = 0; i < out->mpls_count; i++) {
        struct wire_mpls entry;
        int bytes = wire_mpls_parse(h->header + host_link_bytes(h) + i * WIRE_MPLS_LEN, WIRE_MPLS_LEN, &entry);
        assert(bytes > 0);
        (void)bytes;
        out->mpls[i] = (struct host_label){.label = entry.label, .tc = entry.tc, .ttl = entry.ttl};
    }
}

bool stack_view_host(const struct stack *s, uint32_t local, struct host_settings *out)
{
    const struct host *h = host_at(&s->hosts, local);
    if (!h)
        return false;
    *out = (struct host_settings){.interface = h->interface,
                                  .vlan_count = (uint8_t)((host_link_bytes(h) - WIRE_ETH_LEN) / WIRE_ETH_TAG_LEN),
                                  .address = h->ip,
                                  .prefix_length = (uint8_t)host_prefix_length(h),
                                  .gateway = h->gateway,
                                  .vrf = host_domain(&s->hosts, h->domain)->vrf,
                                  .autoconf = h->ra && autoconf_at(&s->autoconf, h)->station == 0,
                                  .redirects = h->redirects,
                                  .eui64 = autoconf_at(&s->autoconf, h)->eui64,
                                  .temporary = h->ra && autoconf_at(&s->autoconf, h)->station == 0 &&
                                               autoconf_at(&s->autoconf, h)->temporary,
                                  .conflict = h->conflict,
                                  .dad_transmits = autoconf_at(&s->autoconf, h)->transmits};
    memcpy(out->mac, h->mac, sizeof out->mac);
    out->vni = host_segment(&s->hosts, h->segment)->vni;
    if (out->vni != 0)
        out->vlan_count = 0;
    for (unsigned i = 0; i < out->vlan_count; i++) {
        const uint8_t *tag = h->header + 12 + i * WIRE_ETH_TAG_LEN;
        out->vlan[i] = (struct host_vlan){.tpid = load_be16(tag), .tci = load_be16(tag + 2)};
    }
    view_labels(h, out);
    return true;
}

static enum stack_address_state address_state(const struct stack *s, const struct host *h)
{
    if (h->state != HOST_USABLE)
        return h->state == HOST_TENTATIVE ? STACK_ADDRESS_TENTATIVE : STACK_ADDRESS_DUPLICATE;
    return autoconf_address_deprecated(&s->autoconf, h) ? STACK_ADDRESS_DEPRECATED : STACK_ADDRESS_PREFERRED;
}

bool stack_view_address(const struct stack *s, uint32_t local, struct stack_address *out)
{
    const struct host *h = host_at(&s->hosts, local);
    if (!h)
        return false;
    const struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    *out = (struct stack_address){
        .state = address_state(s, h), .station = a->station, .preferred_until = TIME_NEVER, .valid_until = TIME_NEVER};
    out->temporary = a->station != 0 && a->temporary;
    if (out->temporary) {
        out->preferred_until = temporary_preferred_until(s, h);
        out->valid_until = temporary_valid_until(s, h);
    } else if (a->station != 0) {
        out->preferred_until = h->ra->prefixes[a->prefix].preferred_until;
        out->valid_until = h->ra->prefixes[a->prefix].valid_until;
    }
    return true;
}

unsigned stack_name_servers(const struct stack *s, uint32_t local, struct ip_addr *servers, unsigned n)
{
    const struct host *h = host_at(&s->hosts, local);
    unsigned count = h && h->ra ? min_u32(h->ra->n_dns, n) : 0;
    for (unsigned i = 0; i < count; i++)
        servers[i] = h->ra->dns[i].server;
    return count;
}

uint32_t stack_next_route(const struct stack *s, uint32_t after, struct stack_route *out)
{
    for (uint32_t i = after + 1; i != 0 && i <= s->routes.touched; i++) {
        const struct route *r = pool_at(&s->routes, i);
        if (r->host == 0)
            continue;
        *out = (struct stack_route){.local = r->host,
                                    .prefix = r->prefix,
                                    .gateway = r->gateway,
                                    .length = (uint8_t)(r->bits - (ip_addr_is_v4(&r->gateway) ? 96 : 0))};
        return i;
    }
    return 0;
}

bool stack_next_hop(const struct stack *s, uint32_t local, const struct ip_addr *destination, struct ip_addr *out)
{
    const struct host *h = host_at(&s->hosts, local);
    return h && ip_addr_is_v4(destination) != h->v6 && !s->interfaces[h->interface].down &&
           route_find(&s->routes, h, destination, out);
}

uint32_t stack_next_neighbour(const struct stack *s, uint32_t after, struct stack_neighbour *out)
{
    for (uint32_t i = after + 1; i != 0 && i <= s->neighbours.pool.touched; i++) {
        const struct neighbour *n = neighbour_at(&s->neighbours, i);
        if (n->domain == 0)
            continue;
        uint32_t segment = host_domain(&s->hosts, n->domain)->segment;
        *out = (struct stack_neighbour){.interface = host_segment(&s->hosts, segment)->interface,
                                        .segment = segment,
                                        .local = n->asker,
                                        .address = n->address,
                                        .state = (enum neighbour_state)n->state,
                                        .since = n->since};
        memcpy(out->mac, n->mac, sizeof out->mac);
        return i;
    }
    return 0;
}
