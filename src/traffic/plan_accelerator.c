/* SPDX-License-Identifier: MIT */
/*
 * The accelerator of a configuration: its keys, and the two ports between which it stands.
 */
#include "traffic/plan_private.h"

static const struct config_choice roles[] = {
    {"near", 0, "before the clients: answers them"},
    {"far", 1, "before the servers, of a pair: what a near box sends ahead waits here until the server has answered"},
    {0},
};

static const struct config_field fields[] = {
    {CONFIG_MEMBER(struct accelerator_config, clients), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .doc = "Name of the port where connections come from"},
    {CONFIG_MEMBER(struct accelerator_config, servers), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .doc = "Name of the other port"},
    {CONFIG_MEMBER(struct accelerator_config, max_flows), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216", .doc = "Connections; those beyond pass untouched"},
    {CONFIG_MEMBER(struct accelerator_config, max_openings), .type = CONFIG_TYPE_U32, .fallback = "4096", .min = "1",
     .max = "16777216", .doc = "Connections in their handshake or with early data; those beyond pass untouched"},
    {CONFIG_MEMBER(struct accelerator_config, max_servers), .type = CONFIG_TYPE_U32, .fallback = "4096", .min = "1",
     .max = "16777216", .doc = "Servers whose options are remembered"},
    {CONFIG_MEMBER(struct accelerator_config, early_buffers), .type = CONFIG_TYPE_U32, .fallback = "1024", .min = "1",
     .max = "1048576", .doc = "Connections with early data, of up to 64 KiB each"},
    {CONFIG_MEMBER(struct accelerator_config, max_sources), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216",
     .doc = "Places for sources of SYNs (an IPv4 address, an IPv6 /64); sources that share one share its limits"},
    {CONFIG_MEMBER(struct accelerator_config, source_flows), .type = CONFIG_TYPE_U32, .fallback = "32768",
     .max = "16777216", .doc = "Connections of one source; those beyond pass untouched; 0: no limit"},
    {CONFIG_MEMBER(struct accelerator_config, source_syns_per_second), .type = CONFIG_TYPE_U32, .fallback = "1000",
     .max = "1000000000",
     .doc = "SYNs of one source beyond that are answered with cookies, without state; 0: no limit"},
    {CONFIG_MEMBER(struct accelerator_config, syns_per_second), .type = CONFIG_TYPE_U32, .fallback = "10000",
     .max = "1000000000", .doc = "The same for those of all sources together; 0: no limit"},
    {CONFIG_MEMBER(struct accelerator_config, server_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "20s",
     .min = "1ms", .max = "10m", .doc = "A server that does not answer so long has refused"},
    {CONFIG_MEMBER(struct accelerator_config, server_memory), .type = CONFIG_TYPE_DURATION, .fallback = "10m",
     .min = "1ms", .max = "8784h", .doc = "What a server said is believed that long"},
    {CONFIG_MEMBER(struct accelerator_config, idle_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "124m",
     .min = "1s", .max = "8784h", .doc = "A connection without a segment is forgotten after that"},
    {CONFIG_MEMBER(struct accelerator_config, closed_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "2m",
     .min = "1s", .max = "1h", .doc = "A connection that both ends have closed is forgotten after that"},
    {CONFIG_MEMBER(struct accelerator_config, role), .type = CONFIG_TYPE_ENUM, .choices = roles, .fallback = "near",
     .doc = "Which box of a pair this is"},
    {CONFIG_MEMBER(struct accelerator_config, key), .type = CONFIG_TYPE_STRING, .min = "32", .max = "32",
     .doc = "The key of a near and a far box that save a round trip together: 32 hexadecimal digits, the same at both"},
    {CONFIG_MEMBER(struct accelerator_config, table), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "A file for the connections, by which a box that is started again goes on; best on a tmpfs such as /run"},
};
const struct config_schema plan_accelerator_schema =
    CONFIG_SCHEMA_SELF("accelerator", struct accelerator_config, fields, node, "A box of the accelerator");

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void compile_key(struct compiling *c, const struct accelerator_config *from, struct plan_accelerator *to)
{
    to->far = from->role == 1;
    to->paired = from->key != NULL;
    if (to->far && !to->paired)
        config_errors_add(c->errors, from->node, "role", "found far without a key, allowed with the near box's key");
    for (unsigned i = 0; to->paired && i < PLAN_PAIR_KEY_BYTES; i++) {
        const int high = digit_of(from->key[2 * i]), low = digit_of(from->key[2 * i + 1]);
        if (high < 0 || low < 0) {
            config_errors_add(c->errors, from->node, "key", "found \"%s\", allowed 32 hexadecimal digits", from->key);
            return;
        }
        to->key[i] = (uint8_t)(high << 4 | low);
    }
}

void plan_compile_accelerator(struct compiling *c)
{
    const struct accelerator_config *from = c->config->accelerator;
    struct plan_accelerator *to = plan_alloc(c, 1, sizeof *to);
    if (!to)
        return;
    c->plan->accelerator = to;
    *to = (struct plan_accelerator){.clients = plan_need_port(c, from->node, from->clients),
                                    .servers = plan_need_port(c, from->node, from->servers),
                                    .max_flows = from->max_flows,
                                    .max_openings = from->max_openings,
                                    .max_servers = from->max_servers,
                                    .early_buffers = from->early_buffers,
                                    .max_sources = from->max_sources,
                                    .source_flows = from->source_flows,
                                    .source_syn_rate = from->source_syns_per_second,
                                    .syn_rate = from->syns_per_second,
                                    .server_timeout_ns = from->server_timeout,
                                    .server_memory_ns = from->server_memory,
                                    .idle_timeout_ns = from->idle_timeout,
                                    .closed_timeout_ns = from->closed_timeout,
                                    .table = from->table};
    compile_key(c, from, to);
    if (to->clients != PLAN_NONE && to->clients == to->servers)
        config_errors_add(c->errors, from->node, "servers", "found the port of the clients, allowed the other one");
    if (c->plan->n_ports != 2 || c->config->devices_count || c->config->loads_count || c->config->router)
        config_errors_add(c->errors, from->node, NULL,
                          "found it beside %u ports, %u devices, %u loads%s, allowed two ports and nothing else",
                          c->plan->n_ports, c->config->devices_count, c->config->loads_count,
                          c->config->router ? " and a router" : "");
}
