/* SPDX-License-Identifier: MIT */
/*
 * Loads of a plan, apart from their protocol: clients, target, schedule, connection limits, TCP settings, criteria.
 */
#include <string.h>

#include "traffic/plan_private.h"
#include "traffic/protocol.h"

/* ---- clients ---- */

static void add_client(struct compiling *c, struct plan_load *load, const struct config_node *node)
{
    char names[PLAN_NAMES_TEXT], found[80];

    plan_list_devices(c, names);
    if (node->kind != CONFIG_STRING) {
        (void)config_node_describe(node, found, sizeof found);
        config_errors_add(c->errors, node, NULL, "found %s, allowed a device or a list of devices: %s", found, names);
        return;
    }
    uint32_t device = plan_find_device(c, node->text);
    if (device == PLAN_NONE) {
        config_errors_add(c->errors, node, NULL, "found \"%s\", which is no device, allowed %s", node->text, names);
        return;
    }
    for (uint32_t i = 0; i < load->n_clients; i++) {
        if (load->clients[i] == device) {
            config_errors_add(c->errors, node, NULL, "found \"%s\" a second time, allowed once", node->text);
            return;
        }
    }
    load->clients[load->n_clients++] = device;
}

static void list_client_ports(struct compiling *c, struct plan_load *load)
{
    for (uint32_t port = 0; port < c->plan->n_ports; port++) {
        bool used = false;
        for (uint32_t i = 0; i < load->n_clients; i++)
            used |= c->plan->devices[load->clients[i]].port == port;
        if (used)
            load->client_ports[load->n_client_ports++] = port;
    }
}

static void compile_clients(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    const struct config_node *node = from->client;

    if (!node)
        return;
    uint32_t room = node->kind == CONFIG_LIST ? node->count : 1;
    load->clients = plan_alloc(c, (size_t)room + 1, sizeof *load->clients);
    if (!load->clients)
        return;
    if (node->kind == CONFIG_LIST) {
        if (node->count == 0)
            config_errors_add(c->errors, from->node, "client", "found an empty list, allowed at least one device");
        for (const struct config_node *item = node->first; item; item = item->next)
            add_client(c, load, item);
    } else {
        add_client(c, load, node);
    }
    list_client_ports(c, load);
}

/* ---- target ---- */

static bool have_family(const struct compiling *c, const struct plan_load *load, const struct plan_device *server,
                        bool v6)
{
    bool all = plan_device_range(server, v6) != NULL;

    for (uint32_t i = 0; i < load->n_clients; i++)
        all &= plan_device_gives(&c->plan->devices[load->clients[i]], v6);
    return all;
}

/* The server's addresses that the load uses, or NULL and a message. */
static const struct plan_range *choose_target(struct compiling *c, const struct server_config *from,
                                              const struct plan_load *load, const struct plan_device *server)
{
    enum plan_family family = (enum plan_family)from->family;

    if (family != PLAN_FAMILY_IPV6 && have_family(c, load, server, false))
        return plan_device_range(server, false);
    if (family != PLAN_FAMILY_IPV4 && have_family(c, load, server, true))
        return plan_device_range(server, true);
    if (family == PLAN_FAMILY_AUTO)
        config_errors_add(c->errors, from->node, "device",
                          "found \"%s\", which has no address of a family that all clients have", from->device);
    else
        config_errors_add(c->errors, from->node, "family",
                          "found %s, of which device \"%s\" or a client has no address",
                          family == PLAN_FAMILY_IPV6 ? "ipv6" : "ipv4", from->device);
    return NULL;
}

static void compile_target_device(struct compiling *c, const struct server_config *from, struct plan_load *load)
{
    uint32_t device = plan_find_device(c, from->device);

    if (device == PLAN_NONE) {
        char names[PLAN_NAMES_TEXT];
        plan_list_devices(c, names);
        config_errors_add(c->errors, from->node, "device", "found \"%s\", which is no device, allowed %s", from->device,
                          names);
        return;
    }
    if (c->plan->devices[device].n_ranges == 0) {
        config_errors_add(c->errors, from->node, "device",
                          "found \"%s\", whose addresses come by DHCP, allowed devices with addresses of their own",
                          from->device);
        return;
    }
    const struct plan_range *range = choose_target(c, from, load, &c->plan->devices[device]);
    load->server_device = device;
    load->server_hosts = c->plan->devices[device].count;
    load->server_step = c->plan->devices[device].step;
    if (range)
        load->server_address = range->first;
}

static void compile_outside(struct compiling *c, const struct server_config *from, struct plan_load *load)
{
    load->server_address = ip_addr_from_v6(from->address);
    load->server_hosts = 1;
    if (from->http)
        config_errors_add(c->errors, from->node, "http",
                          "found settings of an embedded server for an outside address, allowed with device");
    if (from->family_given)
        config_errors_add(c->errors, from->node, "family", "found with address, allowed with device");
}

static void compile_target(struct compiling *c, const struct server_config *from, struct plan_load *load)
{
    load->server_device = PLAN_NONE;
    load->server = PLAN_NONE;
    load->server_port = from->port;
    if (from->device && from->address_given) {
        config_errors_add(c->errors, from->node, "address", "found both device and address, allowed one of them");
    } else if (from->device) {
        compile_target_device(c, from, load);
    } else if (from->address_given) {
        compile_outside(c, from, load);
    } else {
        config_errors_add(c->errors, from->node, NULL, "found neither device nor address, allowed one of them");
    }
}

/* ---- schedule ---- */

/* Which target the phase names; SCHEDULE_TARGET_COUNT: none. */
static enum schedule_target phase_target(struct compiling *c, const struct phase_config *from)
{
    enum schedule_target target = SCHEDULE_TARGET_COUNT;
    unsigned n = 0;

    for (unsigned i = 0; i < SCHEDULE_TARGET_COUNT; i++) {
        if (!from->given[i])
            continue;
        target = (enum schedule_target)i;
        n++;
    }
    if (n > 1)
        config_errors_add(c->errors, from->node, NULL, "found %u targets, allowed one", n);
    return target;
}

/* All phases must be about one thing. */
static bool agree_on_target(struct compiling *c, const struct phase_config *from, enum schedule_target target,
                            struct schedule *s)
{
    if (target == SCHEDULE_TARGET_COUNT || s->target == target)
        return true;
    if (s->target == SCHEDULE_TARGET_COUNT) {
        s->target = target;
        return true;
    }
    config_errors_add(c->errors, from->node, schedule_target_name(target),
                      "found %s, allowed %s as in the phases before", schedule_target_name(target),
                      schedule_target_name(s->target));
    return false;
}

static void compile_phase(struct compiling *c, const struct phase_config *from, struct schedule *s)
{
    enum schedule_target target = phase_target(c, from);
    uint64_t before = s->n_phases ? s->phases[s->n_phases - 1].to : 0;
    struct schedule_phase phase = {.from = before, .to = before};

    if (from->ramp_given == from->hold_given) {
        config_errors_add(c->errors, from->node, NULL, "found %s ramp %s hold, allowed one of them",
                          from->ramp_given ? "both" : "neither", from->ramp_given ? "and" : "nor");
        return;
    }
    if (target == SCHEDULE_TARGET_COUNT && (from->ramp_given || s->n_phases == 0)) {
        config_errors_add(
            c->errors, from->node, NULL,
            "found no target, allowed connections_per_second, transactions_per_second, concurrent, bits_per_second");
        return;
    }
    if (!agree_on_target(c, from, target, s))
        return;
    if (target != SCHEDULE_TARGET_COUNT) {
        uint64_t most = target == SCHEDULE_CONCURRENT ? 20000000 : SCHEDULE_MAX_RATE;
        if (from->value[target] > most)
            config_errors_add(c->errors, from->node, schedule_target_name(target),
                              "found a value that is too large, allowed up to %s",
                              target == SCHEDULE_CONCURRENT ? "20M"
                              : target == SCHEDULE_BITS     ? "400G"
                                                            : "400M");
        phase.to = min_u64(from->value[target], most);
    }
    if (from->hold_given)
        phase.from = phase.to;
    phase.duration_ns = from->ramp_given ? from->ramp : from->hold;
    /* A ramp between equal levels is a hold, and a hold may be longer than a ramp. */
    s->phases[s->n_phases++] = phase;
}

static void compile_schedule(struct compiling *c, const struct load_config *from, struct schedule *s)
{
    s->target = SCHEDULE_TARGET_COUNT;
    if (from->schedule_count == 0) {
        config_errors_add(c->errors, from->node, NULL,
                          "found no schedule, allowed a list of phases such as {hold: 10s, "
                          "transactions_per_second: 1000}");
        s->target = SCHEDULE_TRANSACTIONS;
        return;
    }
    for (uint32_t i = 0; i < from->schedule_count; i++)
        compile_phase(c, &from->schedule[i], s);
    if (s->target == SCHEDULE_TARGET_COUNT)
        s->target = SCHEDULE_TRANSACTIONS;
    if (s->n_phases > 0 && schedule_compile(s))
        config_errors_add(c->errors, from->node, "schedule", "found durations or levels out of range");
}

/* ---- connections ---- */

static bool is_rate_of_transactions(const struct schedule *s)
{
    return s->target == SCHEDULE_TRANSACTIONS || s->target == SCHEDULE_BITS;
}

static uint64_t default_connections(const struct schedule *s)
{
    uint64_t per_second = (s->peak + 999) / 1000;

    switch (s->target) {
    case SCHEDULE_CONNECTIONS:
        return max_u64(16, min_u64(2 * per_second, 4000000));
    case SCHEDULE_TRANSACTIONS:
        return max_u64(16, min_u64(per_second, 1000000));
    case SCHEDULE_CONCURRENT:
        return max_u64(1, s->peak);
    default:
        return 256;
    }
}

static void compile_connections(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    uint64_t wanted = default_connections(&load->schedule);

    load->max_connections = from->max_connections_given ? from->max_connections : (uint32_t)wanted;
    if (load->schedule.target == SCHEDULE_CONCURRENT && load->max_connections < wanted)
        config_errors_add(c->errors, from->node, "max_connections",
                          "found %u, allowed at least %llu, the peak of concurrent", load->max_connections,
                          (unsigned long long)wanted);
    if (from->requests_per_connection_given)
        load->requests_per_connection = from->requests_per_connection;
    else
        load->requests_per_connection = load->schedule.target == SCHEDULE_CONNECTIONS ? 1 : 0;
    if (load->schedule.target == SCHEDULE_CONNECTIONS && load->requests_per_connection == 0)
        config_errors_add(c->errors, from->node, "requests_per_connection",
                          "found 0 with connections_per_second, allowed at least 1: connections must end");
    load->close = (enum plan_close)from->close;
}

static void compile_think(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    if (from->think_time == 0)
        return;
    if (is_rate_of_transactions(&load->schedule)) {
        config_errors_add(
            c->errors, from->node, "think_time",
            "found with %s, allowed with connections_per_second and concurrent: a rate decides itself when to send",
            schedule_target_name(load->schedule.target));
        return;
    }
    if (from->think_time < NS_PER_MS)
        config_errors_add(c->errors, from->node, "think_time", "found less than 1ms, allowed 0 or 1ms and more");
    load->think = (enum plan_think)from->think_distribution;
    load->think_min_ns = load->think == PLAN_THINK_UNIFORM ? 0 : from->think_time;
    load->think_max_ns = load->think == PLAN_THINK_UNIFORM ? 2 * from->think_time : from->think_time;
    if (load->think != PLAN_THINK_EXPONENTIAL)
        return;
    load->think_table = plan_alloc(c, PLAN_THINK_STEPS, sizeof *load->think_table);
    if (load->think_table)
        plan_think_table(from->think_time, load->think_table);
}

static void compile_pacing(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    load->closed_loop = from->loop != 0;
    if (load->closed_loop && from->backlog_given)
        config_errors_add(c->errors, from->node, "backlog", "found with loop: closed, allowed with loop: open");
    if (load->closed_loop)
        load->backlog = 0;
    else
        load->backlog = from->backlog_given ? from->backlog : max_u64(16, (load->schedule.peak + 999) / 1000);
    load->max_transactions = from->max_transactions > 0 ? from->max_transactions : UINT64_MAX;
    load->connect_timeout_ns = from->connect_timeout;
    load->transaction_timeout_ns = from->transaction_timeout;
    load->retry_pause_ns = from->retry_pause;
    load->late_after_ns = from->late_after;
}

/* ---- criteria ---- */

void plan_compile_criteria(const struct pass_config *from, struct plan_criteria *to)
{
    *to = (struct plan_criteria){
        .max_failed_connections = from->max_failed_connections,
        .max_failed_transactions = from->max_failed_transactions,
        .max_late = from->max_late_given ? from->max_late : UINT64_MAX,
        .max_dropped = from->max_dropped_given ? from->max_dropped : UINT64_MAX,
        .min_completed_transactions = from->min_completed_transactions,
        .min_connections_per_second = from->min_connections_per_second,
        .min_transactions_per_second = from->min_transactions_per_second,
        .min_bits_per_second = from->min_bits_per_second,
        .max_connect_p99_ns = from->max_connect_p99,
        .max_first_byte_p99_ns = from->max_first_byte_p99,
        .max_transaction_p50_ns = from->max_transaction_p50,
        .max_transaction_p99_ns = from->max_transaction_p99,
    };
}

static void compile_pass(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    struct pass_config standard = {0};
    const struct pass_config *pass = from->pass ? from->pass : c->config->report.pass;

    config_defaults(&plan_pass_schema, &standard);
    plan_compile_criteria(pass ? pass : &standard, &load->pass);
}

/* ---- a load ---- */

/* A load without clients describes a server for others. */
static void check_server_only(struct compiling *c, const struct load_config *from)
{
    if (from->http)
        config_errors_add(c->errors, from->node, "http",
                          "found requests without a client, allowed together with client");
    if (from->schedule_count > 0)
        config_errors_add(c->errors, from->node, "schedule", "found without a client, allowed together with client");
    if (!from->server.http)
        config_errors_add(c->errors, from->node, NULL,
                          "found neither client nor server.http, allowed at least one of them");
}

static void compile_load(struct compiling *c, const struct load_config *from, struct plan_load *load)
{
    load->name = from->name;
    load->node = from->node;
    compile_clients(c, from, load);
    compile_target(c, &from->server, load);
    plan_tcp_profile(&from->tcp, &load->tcp);
    compile_pass(c, from, load);
    if (!from->client) {
        check_server_only(c, from);
        return;
    }
    if (!from->http)
        config_errors_add(c->errors, from->node, NULL, "found no requests, allowed http");
    load->protocol = &traffic_http1;
    load->pipeline = from->http ? from->http->pipeline : 1;
    load->order = from->http ? (enum plan_order)from->http->order : PLAN_ORDER_WEIGHTED;
    compile_schedule(c, from, &load->schedule);
    compile_connections(c, from, load);
    compile_think(c, from, load);
    compile_pacing(c, from, load);
}

void plan_compile_loads(struct compiling *c)
{
    const struct plan_config *config = c->config;

    c->plan->loads = plan_alloc(c, config->loads_count, sizeof *c->plan->loads);
    if (!c->plan->loads)
        return;
    for (uint32_t i = 0; i < config->loads_count; i++) {
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(config->loads[k].name, config->loads[i].name) == 0)
                config_errors_add(c->errors, config->loads[i].node, "name", "found \"%s\" a second time, allowed once",
                                  config->loads[i].name);
        compile_load(c, &config->loads[i], &c->plan->loads[i]);
        c->plan->n_loads++;
    }
}
