/* SPDX-License-Identifier: MIT */
/*
 * Compiling a plan: the steps in order, the memory it owns, and the settings it gives to stacks. What a plan owns
 * lies in blocks that are freed with it; texts belong to the configuration tree.
 */
#include "traffic/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "traffic/plan_private.h"
#include "traffic/protocol.h"

struct plan_block {
    struct plan_block *next;
    size_t size; /* with this head */
    alignas(16) uint8_t bytes[];
};

void *plan_alloc(struct compiling *c, size_t count, size_t size)
{
    size_t total;
    struct plan_block *block = NULL;

    if (!__builtin_mul_overflow(count, size, &total) && !__builtin_add_overflow(total, sizeof *block, &total))
        block = alloc_zeroed(c->plan->allocator, total, alignof(struct plan_block));
    if (!block) {
        config_errors_add(c->errors, c->config->node, NULL, "out of memory for the plan");
        return NULL;
    }
    block->size = total;
    block->next = c->plan->blocks;
    c->plan->blocks = block;
    return block->bytes;
}

const char *plan_print(struct compiling *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = plan_alloc(c, (size_t)length + 1, 1);
    if (!text)
        return "";
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void plan_names_add(char text[PLAN_NAMES_TEXT], const char *name)
{
    static const char more[] = ", …";
    size_t used = strlen(text);
    size_t room = PLAN_NAMES_TEXT - used - sizeof more;

    if (used >= 4 && strcmp(text + used - 3, "…") == 0)
        return;
    if (strlen(name) + 2 <= room && used < PLAN_NAMES_TEXT - sizeof more)
        (void)snprintf(text + used, PLAN_NAMES_TEXT - used, "%s%s", used ? ", " : "", name);
    else
        (void)snprintf(text + used, PLAN_NAMES_TEXT - used, "%s", more);
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n_loads; i++)
        if (p->loads[i].protocol)
            p->loads[i].protocol->free_client(&p->loads[i]);
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (p->servers[i].protocol)
            p->servers[i].protocol->free_server(&p->servers[i]);
    while (p->blocks) {
        struct plan_block *block = p->blocks;
        p->blocks = block->next;
        alloc_free(p->allocator, block, block->size);
    }
    alloc_free(p->allocator, p, sizeof *p);
}

static void compile_stack(struct compiling *c)
{
    const struct stack_config *s = &c->config->stack;
    struct plan *p = c->plan;

    if (s->first_port > s->last_port)
        config_errors_add(c->errors, config_find(c->config->node, "stack"), "last_port",
                          "found %u, allowed %u (first_port) to 65535", s->last_port, s->first_port);
    p->max_time_wait = s->max_time_wait;
    p->port_first = s->first_port;
    p->port_last = s->last_port;
    p->fast_path = s->fast_path;
    p->answer_echo = s->answer_echo;
    p->flow_labels = s->flow_labels;
}

static void extend_schedule(struct schedule *s, int64_t missing)
{
    struct schedule_phase *last = &s->phases[s->n_phases - 1];

    if (last->from == last->to)
        last->duration_ns += missing;
    else if (s->n_phases < SCHEDULE_MAX_PHASES)
        s->phases[s->n_phases++] = (struct schedule_phase){.from = last->to, .to = last->to, .duration_ns = missing};
    (void)!schedule_compile(s);
}

/* Schedules that end before the configured duration hold their last level until then; longer ones are cut there. */
static void fit_schedule(struct schedule *s, int64_t duration_ns)
{
    if (s->n_phases == 0)
        return;
    if (s->duration_ns < duration_ns)
        extend_schedule(s, duration_ns - s->duration_ns);
    else
        schedule_cut(s, duration_ns);
}

static void compile_duration(struct compiling *c, const struct plan_options *options)
{
    struct plan *p = c->plan;
    int64_t wanted = options && options->duration_ns > 0 ? options->duration_ns
                     : c->config->duration_given         ? c->config->duration
                                                         : 0;

    p->drain_ns = c->config->drain;
    for (uint32_t i = 0; i < p->n_loads; i++) {
        if (wanted > 0 && p->loads[i].n_clients > 0)
            fit_schedule(&p->loads[i].schedule, wanted);
        p->duration_ns = max_i64(p->duration_ns, p->loads[i].schedule.duration_ns);
    }
    if (wanted > 0)
        p->duration_ns = wanted;
    p->ends_by_count = p->n_loads > 0;
    for (uint32_t i = 0; i < p->n_loads; i++)
        p->ends_by_count &= p->loads[i].n_clients > 0 && p->loads[i].max_transactions != UINT64_MAX;
}

static void require_list(struct compiling *c, const char *key, uint32_t count, uint32_t most)
{
    if (count == 0)
        config_errors_add(c->errors, c->config->node, key,
                          "found no such key, required: a list of 1 to %u items, each a map", most);
}

/* Neither is needed for a bridge, and hosts alone do nothing. */
static void check_parts(struct compiling *c, bool hosts_only)
{
    const struct plan_config *config = c->config;
    if (config->router) {
        if (hosts_only || config->devices_count > 0 || config->loads_count > 0)
            config_errors_add(c->errors, config->node, "router", "found a router and %s, allowed one of them",
                              hosts_only                ? "a program"
                              : config->loads_count > 0 ? "loads"
                                                        : "devices");
        return;
    }
    if (hosts_only) {
        require_list(c, "devices", config->devices_count, PLAN_MAX_DEVICES);
        if (config->loads_count > 0)
            config_errors_add(c->errors, config->node, "loads", "found %u, allowed none: the program is the load",
                              config->loads_count);
        for (uint32_t i = 0; i < config->devices_count; i++)
            if (config->devices[i].lease)
                config_errors_add(c->errors, config->devices[i].node, "lease",
                                  "found it for a program, allowed with loads");
        return;
    }
    if (config->ports_count == 2 && config->devices_count == 0 && config->loads_count == 0)
        return;
    require_list(c, "devices", config->devices_count, PLAN_MAX_DEVICES);
    require_list(c, "loads", config->loads_count, PLAN_MAX_LOADS);
}

static void compile_all(struct compiling *c, const struct plan_options *options)
{
    check_parts(c, options && options->hosts_only);
    c->plan->seed = c->config->seed;
    compile_stack(c);
    plan_compile_ports(c);
    plan_compile_devices(c);
    if (!options || !options->hosts_only)
        plan_compile_leases(c);
    plan_compile_impairments(c);
    plan_compile_loads(c);
    plan_compile_servers(c);
    if (c->config->router)
        plan_compile_router(c);
    if (c->config->accelerator)
        plan_compile_accelerator(c);
    if (c->errors->count > 0)
        return;
    compile_duration(c, options);
    plan_check_reach(c);
    plan_compile_protocols(c);
}

int plan_compile(const struct config_tree *tree, const struct plan_options *options, const struct allocator *a,
                 struct plan **out, struct config_errors *errors)
{
    struct plan_config config = {0};
    const struct config_node *root = config_tree_root(tree);
    int error = config_bind(root, &plan_schema, &config, errors);

    *out = NULL;
    if (error)
        return error;
    struct plan *p = alloc_zeroed(a, sizeof *p, alignof(struct plan));
    if (!p) {
        config_errors_add(errors, root, NULL, "out of memory for the plan");
        return ERR_NO_MEMORY;
    }
    p->allocator = a;
    struct compiling c = {
        .config = &config, .plan = p, .errors = errors, .services = options ? options->services : NULL};
    compile_all(&c, options);
    if (errors->count > 0) {
        plan_free(p);
        return ERR_INVALID;
    }
    *out = p;
    return 0;
}

bool plan_is_bridge(const struct plan *p) { return p->n_loads == 0 && !p->router; }

uint32_t plan_share_connections(const struct plan_load *load)
{
    uint32_t share = (load->max_connections + load->n_client_ports - 1) / load->n_client_ports;

    return load->schedule.target == SCHEDULE_CONCURRENT ? share + share / 4 + 64 : share;
}

struct ip_addr plan_range_address(const struct plan_device *d, const struct plan_range *r, uint32_t i)
{
    return ip_addr_add(&r->first, (uint64_t)i * d->step);
}

struct ip_addr plan_server_address(const struct plan_load *load, uint32_t i)
{
    return ip_addr_add(&load->server_address, (uint64_t)i * load->server_step);
}

const struct plan_range *plan_device_range(const struct plan_device *d, bool v6)
{
    for (uint32_t i = 0; i < d->n_ranges; i++)
        if (ip_addr_is_v4(&d->ranges[i].first) != v6)
            return &d->ranges[i];
    return NULL;
}

/* How well a range reaches a load's servers: on its subnet, by a gateway, not at all. */
static unsigned reach_of(const struct plan_range *r, const struct plan_load *load)
{
    struct ip_addr last = plan_server_address(load, load->server_hosts - 1);

    if (plan_range_is_near(r, &load->server_address) && plan_range_is_near(r, &last))
        return 3;
    return r->n_gateways == 0 ? 1 : 2;
}

const struct plan_range *plan_load_source(const struct plan_load *load, const struct plan_device *client)
{
    const struct plan_range *best = NULL;
    unsigned most = 0;

    for (uint32_t i = 0; i < client->n_ranges; i++) {
        const struct plan_range *r = &client->ranges[i];
        if (ip_addr_is_v4(&r->first) != ip_addr_is_v4(&load->server_address) || reach_of(r, load) <= most)
            continue;
        best = r;
        most = reach_of(r, load);
    }
    return best;
}

void plan_address_mac(const struct ip_addr *a, uint8_t mac[6])
{
    static const struct hash_key key; /* no secret: who has the address may know */
    uint64_t hash = ip_addr_is_v4(a) ? ip_addr_to_v4(a) : hash_sip13(&key, a, sizeof *a);

    store_be16(mac, (uint16_t)((ip_addr_is_v4(a) ? 0x0200 : 0x0600) | hash >> 56));
    store_be32(mac + 2, (uint32_t)hash);
}

/* The MAC address of a device's first host. */
static void first_mac(const struct plan_device *d, uint8_t mac[6])
{
    static const uint8_t none[6];

    if (memcmp(d->mac, none, sizeof none) != 0)
        memcpy(mac, d->mac, sizeof none);
    else
        plan_address_mac(&d->ranges[0].first, mac); /* IPv4's, where it has one */
}

void plan_device_mac(const struct plan_device *d, uint32_t i, uint8_t mac[6])
{
    static const uint8_t none[6];
    bool by_address = memcmp(d->mac, none, sizeof none) == 0 && plan_device_range(d, false);

    first_mac(d, mac);
    uint64_t low = load_be32(mac + 2) + (uint64_t)i * (by_address ? d->step : 1);
    store_be32(mac + 2, (uint32_t)low);
    if (low >> 32)
        store_be16(mac, (uint16_t)(load_be16(mac) + 1));
}

/* How many other hosts those of a port may talk to at once. */
static uint32_t count_peers(const struct plan *p, uint32_t port)
{
    uint64_t peers = 64;

    for (uint32_t i = 0; i < p->n_loads; i++) {
        const struct plan_load *load = &p->loads[i];
        for (uint32_t k = 0; k < load->n_clients; k++) {
            const struct plan_device *client = &p->devices[load->clients[k]];
            if (client->port == port)
                peers += load->server_hosts + 1;
            else if (load->server_device != PLAN_NONE && p->devices[load->server_device].port == port)
                peers += client->count;
        }
    }
    return (uint32_t)min_u64(peers, 1u << 22);
}

/* Of hosts with several gateways. */
static uint32_t count_routes(const struct plan *p, uint32_t port)
{
    const struct plan_port *at = &p->ports[port];
    uint32_t routes = 0;

    for (uint32_t i = at->first_device; i < at->first_device + at->n_devices; i++)
        for (uint32_t k = 0; k < p->devices[i].n_ranges; k++)
            routes += p->devices[i].count *
                      (p->devices[i].ranges[k].n_gateways ? p->devices[i].ranges[k].n_gateways - 1u : 0);
    return routes;
}

void plan_stack_settings(const struct plan *p, uint32_t port, struct stack_settings *out)
{
    const struct plan_port *at = &p->ports[port];
    uint64_t connections = (uint64_t)at->max_client_connections + at->max_server_connections + 1024;

    stack_settings_default(out);
    out->max_addresses = at->n_addresses + plan_leased_addresses(p, port) + 16;
    out->max_neighbours = max_u32(1024, count_peers(p, port));
    out->max_routes = max_u32(out->max_routes, count_routes(p, port));
    out->answer_echo = p->answer_echo;
    out->flow_labels = p->flow_labels;
    out->tcp.max_connections = (uint32_t)connections;
    out->tcp.max_active = 0;
    out->tcp.max_time_wait = p->max_time_wait;
    out->tcp.frame_bytes = max_u32(2048, at->mtu + 256);
    out->tcp.port_first = p->port_first;
    out->tcp.port_last = p->port_last;
    out->tcp.fast_path = p->fast_path;
}
