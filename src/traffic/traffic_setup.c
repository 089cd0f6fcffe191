/* SPDX-License-Identifier: MIT */
/*
 * Making and unmaking a port's traffic: hosts, pools sized from the plan, loads, servers that listen.
 */
#include "traffic/traffic_private.h"

#define MAX_SPANS (1u << 22)
#define PROBE_NUM 3u /* RFC 5227 1.1 */

/* ---- hosts ---- */

/* One after the other behind the host's own. */
static int add_spare_gateways(const struct plan_range *r, uint32_t local, struct stack *s)
{
    const struct ip_addr all = ip_addr_is_v4(&r->first) ? ip_addr_from_v4(0) : (struct ip_addr){{0}};
    int error = 0;

    for (uint32_t i = 1; i < r->n_gateways && !error; i++)
        error = stack_add_route(s, local, &all, 0, &r->gateways[i]);
    return error;
}

static int add_host(const struct plan_device *d, const struct plan_range *r, uint32_t i, unsigned interface,
                    struct stack *s)
{
    struct host_settings h = {
        .interface = interface,
        .vlan_count = d->vlan_count,
        .vlan = {d->vlan[0], d->vlan[1]},
        .vni = d->vni,
        .address = plan_range_address(d, r, i),
        .prefix_length = r->prefix_length,
        .gateway = r->n_gateways ? r->gateways[0] : (struct ip_addr){{0}},
        .mpls_count = d->mpls_count,
        .conflict = r->conflict,
        .dad_transmits = r->probe ? PROBE_NUM : 0,
    };

    memcpy(h.mpls, d->mpls, sizeof h.mpls);
    plan_device_mac(d, i, h.mac);
    int local = stack_add_host(s, &h);
    if (local >= 0 && (uint32_t)local != r->first_local + i)
        return ERR_INVALID;
    return local < 0 ? local : add_spare_gateways(r, (uint32_t)local, s);
}

static int add_device(const struct plan_device *d, unsigned interface, struct stack *s)
{
    for (uint32_t k = 0; k < d->n_ranges; k++) {
        for (uint32_t i = 0; i < d->count; i++) {
            int error = add_host(d, &d->ranges[k], i, interface, s);
            if (error)
                return error;
        }
    }
    return 0;
}

int traffic_setup_hosts(const struct plan *p, uint32_t port, unsigned interface, struct stack *s)
{
    const struct plan_port *at = &p->ports[port];
    int error = 0;

    for (uint32_t k = 0; k < at->n_devices && !error; k++)
        error = add_device(&p->devices[at->first_device + k], interface, s);
    return error;
}

/* ---- making ---- */

uint32_t traffic_find_share(const struct plan_load *load, uint32_t port)
{
    uint32_t share = 0;

    while (share < load->n_client_ports && load->client_ports[share] != port)
        share++;
    return share;
}

static void count_members(struct traffic *t)
{
    const struct plan *p = t->plan;

    for (uint32_t i = 0; i < p->n_loads; i++)
        t->n_loads += traffic_find_share(&p->loads[i], t->port) < p->loads[i].n_client_ports;
    for (uint32_t i = 0; i < p->n_servers; i++)
        t->n_servers += p->devices[p->servers[i].device].port == t->port;
}

static size_t leased_room(const struct traffic *t) { return t->plan->ports[t->port].n_leased + 1u; }

static int allocate_members(struct traffic *t)
{
    const struct allocator *a = t->allocator;
    size_t loads = t->n_loads + 1u, servers = t->n_servers + 1u; /* one too many, so that none is a size of 0 */

    t->loads = alloc_array(a, loads, sizeof *t->loads, alignof(struct load_run));
    t->load_numbers = alloc_array(a, loads, sizeof *t->load_numbers, alignof(uint32_t));
    t->load_stats = alloc_array(a, loads, sizeof *t->load_stats, CACHE_LINE);
    t->servers = alloc_array(a, servers, sizeof *t->servers, alignof(struct server_run));
    t->server_numbers = alloc_array(a, servers, sizeof *t->server_numbers, alignof(uint32_t));
    t->server_stats = alloc_array(a, servers, sizeof *t->server_stats, CACHE_LINE);
    t->leased = alloc_array(a, leased_room(t), sizeof *t->leased, alignof(uint32_t));
    return t->leased && t->loads && t->load_numbers && t->load_stats && t->servers && t->server_numbers &&
                   t->server_stats
               ? 0
               : ERR_NO_MEMORY;
}

/* The TCP user for a role and profile, one for all that share it. */
static int find_or_register(struct traffic *t, const struct tcp_user *calls, const struct tcp_profile *profile)
{
    for (uint32_t i = 0; calls == &client_user && i < t->n_loads; i++)
        if (t->loads[i].load && plan_tcp_equal(&t->loads[i].load->tcp, profile))
            return (int)t->loads[i].user;
    return tcp_register_user(t->tcp, calls, t, profile);
}

static struct host_range hosts_of(const struct traffic *t, const struct plan_load *load, const struct plan_device *d)
{
    const struct plan_lease *lease = plan_load_lease(t->plan, load, d);

    if (lease)
        return (struct host_range){.leased = &t->leased[lease->first], .count = d->count};
    return (struct host_range){.first_local = plan_load_source(load, d)->first_local, .count = d->count};
}

uint32_t traffic_set_leased(struct traffic *t, uint32_t number, uint32_t local)
{
    assert(number < t->plan->ports[t->port].n_leased);
    uint32_t before = t->leased[number];
    t->leased[number] = local;
    return before;
}

static int init_hosts(struct traffic *t, struct load_run *run)
{
    const struct plan_load *load = run->load;

    run->hosts = alloc_array(t->allocator, load->n_clients, sizeof *run->hosts, alignof(struct host_range));
    if (!run->hosts)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < load->n_clients; i++) {
        const struct plan_device *d = &t->plan->devices[load->clients[i]];
        if (d->port == t->port)
            run->hosts[run->n_hosts++] = hosts_of(t, load, d);
    }
    return 0;
}

static int init_load(struct traffic *t, uint32_t number, struct load_run *run, struct load_stats *stats)
{
    const struct plan_load *load = &t->plan->loads[number];
    int user = find_or_register(t, &client_user, &load->tcp);

    if (user < 0)
        return user;
    *run = (struct load_run){
        .load = load,
        .stats = stats,
        .endpoint = {.engine = load->protocol->client,
                     .config = load->client_config,
                     .events = &client_events,
                     .bytes_sent = &stats->bytes.sent,
                     .bytes_received = &stats->bytes.received},
        .user = (unsigned)user,
        .share = traffic_find_share(load, t->port),
        .shares = load->n_client_ports,
        .limit = plan_share_connections(load),
    };
    random_seed(&run->random, t->plan->seed + (uint64_t)number * 64 + run->share);
    launch_init(run);
    return init_hosts(t, run);
}

static int init_loads(struct traffic *t)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->plan->n_loads; i++) {
        if (traffic_find_share(&t->plan->loads[i], t->port) == t->plan->loads[i].n_client_ports)
            continue;
        t->load_numbers[n] = i;
        int error = init_load(t, i, &t->loads[n], &t->load_stats[n]);
        if (error)
            return error;
        n++;
    }
    return 0;
}

static int init_server(struct traffic *t, const struct plan_server *server, struct server_run *run,
                       struct server_stats *stats)
{
    const struct plan_device *d = &t->plan->devices[server->device];
    int user = find_or_register(t, &server_user, &server->tcp);

    if (user < 0)
        return user;
    *run = (struct server_run){
        .server = server,
        .stats = stats,
        .endpoint = {.engine = server->protocol->server,
                     .config = server->config,
                     .events = &server_events,
                     .bytes_sent = &stats->bytes.sent,
                     .bytes_received = &stats->bytes.received},
        .user = (unsigned)user,
        .first_local = d->ranges[0].first_local,
        .n_hosts = d->count * d->n_ranges,
    };
    return server_listen(t, run);
}

static int init_servers(struct traffic *t)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->plan->n_servers; i++) {
        if (t->plan->devices[t->plan->servers[i].device].port != t->port)
            continue;
        t->server_numbers[n] = i;
        int error = init_server(t, &t->plan->servers[i], &t->servers[n], &t->server_stats[n]);
        if (error)
            return error;
        n++;
    }
    return 0;
}

uint32_t traffic_activity_bytes(const struct plan *p, uint32_t port)
{
    uint32_t session = 0;

    for (uint32_t i = 0; i < p->n_loads; i++)
        if (traffic_find_share(&p->loads[i], port) < p->loads[i].n_client_ports)
            session = max_u32(session, p->loads[i].protocol->client->session_bytes);
    for (uint32_t i = 0; i < p->n_servers; i++)
        if (p->devices[p->servers[i].device].port == port)
            session = max_u32(session, p->servers[i].protocol->server->session_bytes);
    return (uint32_t)sizeof(struct activity) + session;
}

static uint32_t deepest_pipeline(const struct plan *p)
{
    uint32_t depth = 1;

    for (uint32_t i = 0; i < p->n_loads; i++)
        depth = max_u32(depth, p->loads[i].pipeline);
    return depth;
}

static int init_pools(struct traffic *t)
{
    const struct plan_port *at = &t->plan->ports[t->port];
    uint32_t clients = max_u32(1, at->max_client_connections), servers = max_u32(1, at->max_server_connections);
    uint64_t activities = (uint64_t)at->max_client_connections + at->max_server_connections + 1;
    uint64_t spans = activities * (2 * deepest_pipeline(t->plan) + 8);
    int error =
        pool_init(&t->client_connections, t->allocator, clients, sizeof(struct connection), alignof(struct connection));

    if (!error)
        error = pool_init(&t->server_connections, t->allocator, servers, sizeof(struct connection),
                          alignof(struct connection));
    if (!error)
        error =
            pool_init(&t->activities, t->allocator, (uint32_t)activities, traffic_activity_bytes(t->plan, t->port), 16);
    if (!error)
        error = outq_pool_init(&t->outq, t->allocator, (uint32_t)min_u64(spans + 1024, MAX_SPANS),
                               (uint32_t)min_u64(2 * activities + 1024, MAX_SPANS));
    return error;
}

static int init_traffic(struct traffic *t)
{
    count_members(t);
    int error = allocate_members(t);
    if (!error)
        error = init_pools(t);
    if (!error)
        error = init_loads(t);
    return error ? error : init_servers(t);
}

int traffic_new(const struct plan *p, uint32_t port, struct stack *s, const struct allocator *a, int64_t now,
                struct traffic **out)
{
    struct traffic *t = alloc_zeroed(a, sizeof *t, alignof(struct traffic));

    *out = NULL;
    if (!t)
        return ERR_NO_MEMORY;
    t->plan = p;
    t->port = port;
    t->stack = s;
    t->tcp = stack_tcp(s);
    t->allocator = a;
    t->now = t->start_at = now;
    t->abort_failure = CONNECT_FAILED_STOPPED;
    t->abort_error = ERR_ABORTED;
    t->abort_cause = "stopped";
    int error = init_traffic(t);
    if (error) {
        traffic_delete(t);
        return error;
    }
    *out = t;
    return 0;
}

void traffic_delete(struct traffic *t)
{
    if (!t)
        return;
    const struct allocator *a = t->allocator;
    size_t loads = t->n_loads + 1u, servers = t->n_servers + 1u;

    if (t->servers && t->loads)
        traffic_abort_everything(t, t->now);
    for (uint32_t i = 0; t->loads && i < t->n_loads; i++)
        if (t->loads[i].load)
            alloc_free(a, t->loads[i].hosts, t->loads[i].load->n_clients * sizeof *t->loads[i].hosts);
    pool_free(&t->client_connections);
    pool_free(&t->server_connections);
    pool_free(&t->activities);
    outq_pool_free(&t->outq);
    alloc_free(a, t->loads, loads * sizeof *t->loads);
    alloc_free(a, t->load_numbers, loads * sizeof *t->load_numbers);
    alloc_free(a, t->load_stats, loads * sizeof *t->load_stats);
    alloc_free(a, t->servers, servers * sizeof *t->servers);
    alloc_free(a, t->server_numbers, servers * sizeof *t->server_numbers);
    alloc_free(a, t->server_stats, servers * sizeof *t->server_stats);
    alloc_free(a, t->leased, leased_room(t) * sizeof *t->leased);
    alloc_free(a, t, sizeof *t);
}
