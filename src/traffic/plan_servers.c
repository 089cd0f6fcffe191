/* SPDX-License-Identifier: MIT */
/*
 * Embedded servers of a plan, and whether clients and servers can reach each other: wiring, VLANs, subnets,
 * gateways, the guard.
 */

#include "traffic/plan_private.h"
#include "traffic/protocol.h"

/* As many listeners as a stack's TCP takes, and users of one TCP. */
#define MAX_LISTENERS 65536u
#define MAX_TCP_USERS 16u
#define SERVER_ONLY_CONNECTIONS 65536u

static uint32_t find_server(const struct plan *p, uint32_t device, uint16_t port)
{
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (p->servers[i].device == device && p->servers[i].port == port)
            return i;
    return PLAN_NONE;
}

uint32_t plan_server_load(const struct compiling *c, uint32_t server)
{
    uint32_t load = 0;

    while (c->plan->loads[load].server != server || !plan_load_config(c, load)->server.http)
        load++;
    return load;
}

static void add_server(struct compiling *c, uint32_t number)
{
    struct plan *p = c->plan;
    struct plan_load *load = &p->loads[number];
    const struct load_config *from = plan_load_config(c, number);
    uint32_t other = find_server(p, load->server_device, load->server_port);

    if (other != PLAN_NONE) {
        config_errors_add(c->errors, from->server.node, "http",
                          "found a second description of port %u of device \"%s\", which load \"%s\" "
                          "describes, allowed one",
                          load->server_port, from->server.device, p->servers[other].name);
        return;
    }
    struct plan_server *s = &p->servers[p->n_servers];
    s->name = load->name;
    s->protocol = &traffic_http1;
    s->device = load->server_device;
    s->port = load->server_port;
    s->n_routes = from->server.http->routes_count;
    s->idle_timeout_ns = from->server.idle_timeout;
    plan_tcp_profile(from->server.tcp ? from->server.tcp : &from->tcp, &s->tcp);
    load->server = p->n_servers++;
}

static void link_to_server(struct compiling *c, uint32_t number)
{
    struct plan *p = c->plan;
    struct plan_load *load = &p->loads[number];
    const struct load_config *from = plan_load_config(c, number);

    if (load->server == PLAN_NONE)
        load->server = find_server(p, load->server_device, load->server_port);
    if (load->server == PLAN_NONE)
        config_errors_add(c->errors, from->server.node, NULL,
                          "found no load that says what port %u of device \"%s\" answers, allowed "
                          "server.http.routes here or in another load",
                          load->server_port, from->server.device);
    else if (load->n_clients > 0)
        p->servers[load->server].has_clients = true;
}

/* Room for the handshakes of all connections at once, spread over the addresses, unless it is configured. */
static void size_syn_queue(struct plan *p, struct plan_server *s, const struct load_config *from)
{
    const struct tcp_config *tcp = from->server.tcp ? from->server.tcp : &from->tcp;
    uint32_t hosts = p->devices[s->device].count;

    if (!tcp->syn_queue_given)
        s->tcp.syn_queue = max_u32(s->tcp.syn_queue, (s->max_connections + hosts - 1) / hosts);
}

/*
 * What its loads may open, and a quarter more: a client may open anew before the server has seen the old
 * connection end.
 */
static void size_server(struct compiling *c, uint32_t number)
{
    struct plan *p = c->plan;
    struct plan_server *s = &p->servers[number];
    uint64_t wanted = 0;

    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].server == number && p->loads[i].n_clients > 0)
            wanted += (uint64_t)plan_share_connections(&p->loads[i]) * p->loads[i].n_client_ports;
    uint32_t given = plan_load_config(c, plan_server_load(c, number))->server.max_connections;
    if (given > 0)
        s->max_connections = given;
    else if (wanted > 0)
        s->max_connections = (uint32_t)min_u64(wanted + wanted / 4 + 256, 25000000);
    else
        s->max_connections = SERVER_ONLY_CONNECTIONS;
    if (plan_load_config(c, plan_server_load(c, number))->server.overload == PLAN_OVERLOAD_ANSWER)
        s->spare_connections = s->max_connections / 8 + 64;
    size_syn_queue(p, s, plan_load_config(c, plan_server_load(c, number)));
    p->ports[p->devices[s->device].port].max_server_connections += s->max_connections + s->spare_connections;
}

/* A share's part of a load's connections. */
static void size_clients(struct plan *p)
{
    for (uint32_t i = 0; i < p->n_loads; i++)
        for (uint32_t k = 0; k < p->loads[i].n_client_ports; k++)
            p->ports[p->loads[i].client_ports[k]].max_client_connections += plan_share_connections(&p->loads[i]);
}

static void check_listeners(struct compiling *c)
{
    const struct plan *p = c->plan;

    for (uint32_t port = 0; port < p->n_ports; port++) {
        uint64_t listeners = 0;
        for (uint32_t i = 0; i < p->n_servers; i++)
            if (p->devices[p->servers[i].device].port == port)
                listeners +=
                    (uint64_t)p->devices[p->servers[i].device].count * p->devices[p->servers[i].device].n_ranges;
        if (listeners > MAX_LISTENERS)
            config_errors_add(c->errors, c->config->ports[port].node, NULL,
                              "found servers on %llu addresses and ports, allowed %u on one port",
                              (unsigned long long)listeners, MAX_LISTENERS);
    }
}

void plan_compile_servers(struct compiling *c)
{
    struct plan *p = c->plan;

    p->servers = plan_alloc(c, p->n_loads + 1u, sizeof *p->servers);
    if (!p->servers)
        return;
    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].server_device != PLAN_NONE && plan_load_config(c, i)->server.http)
            add_server(c, i);
    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].server_device != PLAN_NONE && p->loads[i].server_hosts > 0)
            link_to_server(c, i);
    for (uint32_t i = 0; i < p->n_servers; i++)
        size_server(c, i);
    size_clients(p);
    check_listeners(c);
}

/* ---- reach ---- */

/* Addresses, a step apart. */
struct addresses {
    struct ip_addr first;
    uint64_t step;
    uint32_t count;
};

static struct ip_addr address_at(const struct addresses *all, uint32_t i)
{
    return ip_addr_add(&all->first, i * all->step);
}

static struct addresses servers_of(const struct plan_load *load)
{
    return (struct addresses){load->server_address, load->server_step, load->server_hosts};
}

static void list_allowed(const struct guard_rules *rules, char allowed[PLAN_NAMES_TEXT])
{
    allowed[0] = '\0';
    for (uint32_t k = 0; k < rules->n_allowed; k++) {
        struct ip_prefix prefix = {.addr = ip_addr_from_v6(rules->allowed[k].bytes),
                                   .length = rules->allowed[k].length};
        char text[IP_ADDR_PREFIX_TEXT];
        if (ip_addr_is_v4(&prefix.addr) && prefix.length >= 96)
            prefix.length = (uint8_t)(prefix.length - 96);
        (void)ip_prefix_print(text, sizeof text, &prefix);
        plan_names_add(allowed, text);
    }
}

/* All that the guard of the port forbids: reports the first. */
static void check_guard(struct compiling *c, uint32_t port, const struct addresses *all, const struct config_node *node)
{
    struct guard guard;
    char found[IP_ADDR_TEXT], allowed[PLAN_NAMES_TEXT];
    const struct guard_rules *rules = &c->plan->ports[port].guard;

    if (guard_init(&guard, rules, NULL, 0))
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        struct ip_addr address = address_at(all, i);
        if (guard_allows_destination(&guard, address.bytes))
            continue;
        list_allowed(rules, allowed);
        (void)ip_addr_print(found, sizeof found, &address);
        config_errors_add(c->errors, node, NULL, "found %s as destination of port \"%s\", whose guard allows only %s",
                          found, c->plan->ports[port].name, allowed);
        return;
    }
}

/* From a device's addresses to others: on its subnet, or by its gateway. */
static void check_route(struct compiling *c, const struct plan_device *device, const struct plan_range *from,
                        const struct addresses *to, bool gateways, const struct config_node *node)
{
    struct ip_addr last = address_at(to, to->count - 1);
    bool first_near = plan_range_is_near(from, &to->first), near = first_near && plan_range_is_near(from, &last);
    char found[IP_ADDR_TEXT], subnet[IP_ADDR_TEXT];

    if (near || (gateways && from->n_gateways != 0))
        return;
    unsigned bits = from->prefix_length + (ip_addr_is_v4(&from->first) ? 96u : 0);
    struct ip_addr prefix = ip_addr_first_bits(&from->first, bits);
    (void)ip_addr_print(found, sizeof found, first_near ? &last : &to->first);
    (void)ip_addr_print(subnet, sizeof subnet, &prefix);
    config_errors_add(c->errors, node, NULL, "found %s, which device \"%s\" cannot reach: it is not in %s/%u%s", found,
                      device->name, subnet, from->prefix_length,
                      gateways ? ", and the device has no gateway" : ", and a memory link has no routers");
}

/* The server's addresses to which its load goes. */
static const struct plan_range *target_of(const struct plan_load *load, const struct plan_device *server)
{
    return plan_device_range(server, !ip_addr_is_v4(&load->server_address));
}

static void check_embedded(struct compiling *c, const struct plan_load *load, const struct plan_device *client,
                           const struct config_node *node)
{
    const struct plan *p = c->plan;
    const struct plan_device *server = &p->devices[load->server_device];
    const struct plan_port *port = &p->ports[client->port];
    bool wired = port->peer == server->port;

    if (client->port == server->port) {
        config_errors_add(
            c->errors, node, "device",
            "found \"%s\", which is on port \"%s\" as the client \"%s\" is, allowed devices on another port",
            server->name, port->name, client->name);
        return;
    }
    if ((port->kind == PLAN_MEM || p->ports[server->port].kind == PLAN_MEM) && !wired) {
        config_errors_add(
            c->errors, node, "device",
            "found \"%s\" on port \"%s\" (%s), which is not wired to port \"%s\" (%s) of the client \"%s\"",
            server->name, p->ports[server->port].name, p->ports[server->port].location, port->name, port->location,
            client->name);
        return;
    }
    if (wired && client->vlan_key != server->vlan_key) {
        config_errors_add(c->errors, node, "device",
                          "found \"%s\", whose VLAN tags differ from those of the client \"%s\"", server->name,
                          client->name);
        return;
    }
    if (wired && !plan_same_labels(client, server)) {
        config_errors_add(c->errors, node, "device",
                          "found \"%s\", whose MPLS labels differ from those of the client \"%s\"", server->name,
                          client->name);
        return;
    }
    if (plan_load_lease(p, load, client))
        return; /* where its addresses reach is the DHCP server's affair */
    const struct plan_range *from = plan_load_source(load, client);
    const struct addresses clients = {from->first, client->step, client->count}, servers = servers_of(load);
    check_route(c, client, from, &servers, !wired, node);
    check_route(c, server, target_of(load, server), &clients, !wired, node);
    check_guard(c, server->port, &clients, node);
}

/* The device of a kernel port that has the address: it is none of somebody else's. */
static const struct plan_device *find_owner(const struct plan *p, const struct ip_addr *address)
{
    for (uint32_t i = 0; i < p->n_devices; i++)
        if (p->ports[p->devices[i].port].kind != PLAN_MEM && plan_device_has(&p->devices[i], address))
            return &p->devices[i];
    return NULL;
}

/* Somebody else's address to which connections can go. */
static bool is_target(const struct ip_addr *a)
{
    uint32_t v4 = ip_addr_to_v4(a);

    if (ip_addr_is_unspecified(a) || ip_addr_is_multicast(a) || ip_addr_is_loopback(a))
        return false;
    return !ip_addr_is_v4(a) || (!ipv4_addr_is_class_e(v4) && !ipv4_addr_is_this_network(v4));
}

static void check_outside(struct compiling *c, const struct plan_load *load, const struct plan_device *client,
                          const struct config_node *node)
{
    const struct plan_port *port = &c->plan->ports[client->port];
    const struct plan_device *owner = find_owner(c->plan, &load->server_address);
    const struct plan_range *from = plan_load_source(load, client);
    const struct addresses servers = servers_of(load);
    char found[IP_ADDR_TEXT];

    (void)ip_addr_print(found, sizeof found, &load->server_address);
    if (port->kind == PLAN_MEM)
        config_errors_add(c->errors, node, "address",
                          "found %s behind port \"%s\" (%s), allowed a device: nobody else is on a memory link", found,
                          port->name, port->location);
    else if (owner)
        config_errors_add(c->errors, node, "address",
                          "found %s, an address of device \"%s\", allowed others' addresses (or device: %s)", found,
                          owner->name, owner->name);
    else if (!is_target(&load->server_address))
        config_errors_add(c->errors, node, "address", "found %s, allowed unicast addresses", found);
    else if (plan_load_lease(c->plan, load, client))
        return;
    else if (!from)
        config_errors_add(c->errors, node, "address",
                          "found %s, allowed addresses of a family that the client \"%s\" has", found, client->name);
    else
        check_route(c, client, from, &servers, true, node);
}

static void check_client_reach(struct compiling *c, const struct plan_load *load, const struct plan_device *client)
{
    const struct load_config *from = plan_load_config(c, (uint32_t)(load - c->plan->loads));
    const struct config_node *node = from->server.node;
    const struct addresses servers = servers_of(load);

    if (load->server_device != PLAN_NONE)
        check_embedded(c, load, client, node);
    else
        check_outside(c, load, client, node);
    check_guard(c, client->port, &servers, node);
    plan_check_tcp(c, &from->tcp, config_find(from->node, "tcp"), c->plan->ports[client->port].mtu);
}

static bool load_is_on(const struct plan_load *load, uint32_t port)
{
    bool here = false;

    for (uint32_t i = 0; i < load->n_client_ports; i++)
        here |= load->client_ports[i] == port;
    return here;
}

/* Connections of loads with the same profile share a TCP user; each server has its own. */
static uint32_t count_tcp_users(const struct plan *p, uint32_t port)
{
    uint32_t users = 0;

    for (uint32_t i = 0; i < p->n_servers; i++)
        users += p->devices[p->servers[i].device].port == port;
    for (uint32_t i = 0; i < p->n_loads; i++) {
        bool fresh = load_is_on(&p->loads[i], port);
        for (uint32_t k = 0; k < i && fresh; k++)
            fresh = !load_is_on(&p->loads[k], port) || !plan_tcp_equal(&p->loads[k].tcp, &p->loads[i].tcp);
        users += fresh;
    }
    return users;
}

static void check_tcp_users(struct compiling *c)
{
    for (uint32_t port = 0; port < c->plan->n_ports; port++) {
        uint32_t users = count_tcp_users(c->plan, port);
        if (users > MAX_TCP_USERS)
            config_errors_add(c->errors, c->config->ports[port].node, NULL,
                              "found %u servers and different tcp settings on one port, allowed %u", users,
                              MAX_TCP_USERS);
    }
}

void plan_check_reach(struct compiling *c)
{
    const struct plan *p = c->plan;

    for (uint32_t i = 0; i < p->n_loads; i++)
        for (uint32_t k = 0; k < p->loads[i].n_clients; k++)
            check_client_reach(c, &p->loads[i], &p->devices[p->loads[i].clients[k]]);
    for (uint32_t i = 0; i < p->n_servers; i++) {
        const struct server_config *from = &plan_load_config(c, plan_server_load(c, i))->server;
        if (from->tcp)
            plan_check_tcp(c, from->tcp, config_find(from->node, "tcp"),
                           p->ports[p->devices[p->servers[i].device].port].mtu);
    }
    check_tcp_users(c);
}

void plan_compile_protocols(struct compiling *c)
{
    for (uint32_t i = 0; i < c->plan->n_servers; i++)
        c->plan->servers[i].protocol->compile_server(c, i);
    for (uint32_t i = 0; i < c->plan->n_loads; i++)
        if (c->plan->loads[i].n_clients > 0)
            c->plan->loads[i].protocol->compile_client(c, i);
}
