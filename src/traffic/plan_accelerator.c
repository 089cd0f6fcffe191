/* SPDX-License-Identifier: MIT */
/*
 * The accelerator of a configuration: its keys, and the two ports between which it stands.
 */
#include "traffic/plan_private.h"

#define MAX_BYPASS 256u

static const struct config_choice roles[] = {
    {"near", 0, "before the clients: answers them"},
    {"far", 1,
     "before the servers: what a near box of the same key sends ahead waits here until the server has answered; "
     "without a key a "
     "bridge"},
    {0},
};

static const struct config_choice shortcuts[] = {
    {"off", PLAN_SHORTCUT_OFF, "all in user space"},
    {"auto", PLAN_SHORTCUT_AUTO, "where it can be; otherwise a line at the start says why not"},
    {"required", PLAN_SHORTCUT_REQUIRED, "or an error"},
    {0},
};

static const struct config_field bypass_fields[] = {
    {CONFIG_MEMBER(struct bypass_config, client), .type = CONFIG_TYPE_PREFIX,
     .given_offset = CONFIG_GIVEN(struct bypass_config, client_given), .doc = "Addresses of clients"},
    {CONFIG_MEMBER(struct bypass_config, server), .type = CONFIG_TYPE_PREFIX,
     .given_offset = CONFIG_GIVEN(struct bypass_config, server_given), .doc = "Addresses of servers"},
    {CONFIG_ITEMS(struct bypass_config, client_ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16,
     .items_min = 1, .items_max = 2, .doc = "Port of the client, or the first and the last of several"},
    {CONFIG_ITEMS(struct bypass_config, server_ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16,
     .items_min = 1, .items_max = 2, .doc = "Port of the server, or the first and the last of several"},
};
static const struct config_schema bypass_schema = CONFIG_SCHEMA_SELF(
    "bypass", struct bypass_config, bypass_fields, node, "Connections for which all of this holds pass untouched");

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
    {CONFIG_MEMBER(struct accelerator_config, syn_twice_from), .type = CONFIG_TYPE_DURATION, .fallback = "10ms",
     .min = "0", .max = "1m",
     .doc = "At the near box of a pair: from this round trip on a server gets SYNs twice, lest it take its own "
            "handshake for the path's; 0: never"},
    {CONFIG_MEMBER(struct accelerator_config, fast_open), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc =
         "At the near box: SYNs to servers that speak TCP Fast Open take the first data along, which a server may then "
         "get twice"},
    {CONFIG_MEMBER(struct accelerator_config, fast_open_wait), .type = CONFIG_TYPE_DURATION, .fallback = "5ms",
     .min = "1ms", .max = "1s", .doc = "What such a SYN waits for the first data"},
    {CONFIG_MEMBER(struct accelerator_config, fast_open_cookies), .type = CONFIG_TYPE_U32, .fallback = "65536",
     .min = "1", .max = "16777216", .doc = "Pairs of client and server whose Fast Open cookie is remembered"},
    {CONFIG_MEMBER(struct accelerator_config, table), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "A file for the connections, by which a box that is started again goes on; best on a tmpfs such as /run"},
    {CONFIG_ITEMS(struct accelerator_config, bypass), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &bypass_schema, .items_max = MAX_BYPASS, .doc = "Connections that pass untouched"},
    {CONFIG_MEMBER(struct accelerator_config, log), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "A file with a line for each packet of both ports"},
    {CONFIG_MEMBER(struct accelerator_config, prometheus), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "A file with the counters for Prometheus, written each second"},
    {CONFIG_MEMBER(struct accelerator_config, shortcut), .type = CONFIG_TYPE_ENUM, .choices = shortcuts,
     .fallback = "off",
     .doc = "Whether SYNs are answered and established connections translated in the kernel, on the XDP hook of both "
            "interfaces"},
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
    for (unsigned i = 0; to->paired && i < PLAN_PAIR_KEY_BYTES; i++) {
        const int high = digit_of(from->key[2 * i]), low = digit_of(from->key[2 * i + 1]);
        if (high < 0 || low < 0) {
            config_errors_add(c->errors, from->node, "key", "found \"%s\", allowed 32 hexadecimal digits", from->key);
            return;
        }
        to->key[i] = (uint8_t)(high << 4 | low);
    }
}

static void compile_ports(struct compiling *c, const struct bypass_config *from, const char *key, const uint16_t *list,
                          uint32_t count, uint16_t to[2])
{
    to[0] = count ? list[0] : 0;
    to[1] = count ? list[count - 1] : UINT16_MAX;
    if (to[0] > to[1])
        config_errors_add(c->errors, from->node, key, "found %u and then %u, allowed the first and then the last",
                          to[0], to[1]);
}

static void compile_bypass(struct compiling *c, const struct bypass_config *from, struct plan_bypass *to)
{
    to->by_client = from->client_given;
    to->by_server = from->server_given;
    if (to->by_client)
        to->client = plan_prefix_of(&from->client);
    if (to->by_server)
        to->server = plan_prefix_of(&from->server);
    compile_ports(c, from, "client_ports", from->client_ports, from->client_ports_count, to->client_ports);
    compile_ports(c, from, "server_ports", from->server_ports, from->server_ports_count, to->server_ports);
    if (!to->by_client && !to->by_server && !from->client_ports_count && !from->server_ports_count)
        config_errors_add(c->errors, from->node, NULL,
                          "found nothing, allowed at least one of client, server, client_ports, server_ports");
    if (to->by_client && to->by_server && ip_addr_is_v4(&to->client.addr) != ip_addr_is_v4(&to->server.addr))
        config_errors_add(c->errors, from->node, "server", "found the other family than client's, allowed the same");
}

static void compile_bypasses(struct compiling *c, const struct accelerator_config *from, struct plan_accelerator *to)
{
    struct plan_bypass *list = plan_alloc(c, from->bypass_count, sizeof *list);
    if (!list)
        return;
    to->bypass = list;
    for (; to->n_bypass < from->bypass_count; to->n_bypass++)
        compile_bypass(c, &from->bypass[to->n_bypass], &list[to->n_bypass]);
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
                                    .syn_twice_from_ns = from->syn_twice_from,
                                    .fast_open = from->fast_open,
                                    .fast_open_cookies = from->fast_open_cookies,
                                    .fast_open_wait_ns = from->fast_open_wait,
                                    .table = from->table,
                                    .log = from->log,
                                    .prometheus = from->prometheus,
                                    .shortcut = (enum plan_shortcut)from->shortcut};
    compile_key(c, from, to);
    if (to->fast_open && to->far)
        config_errors_add(c->errors, from->node, "fast_open", "found true at role far, allowed at role near");
    compile_bypasses(c, from, to);
    if (to->clients != PLAN_NONE && to->clients == to->servers)
        config_errors_add(c->errors, from->node, "servers", "found the port of the clients, allowed the other one");
    if (c->plan->n_ports != 2 || c->config->devices_count || c->config->loads_count || c->config->router)
        config_errors_add(c->errors, from->node, NULL,
                          "found it beside %u ports, %u devices, %u loads%s, allowed two ports and nothing else",
                          c->plan->n_ports, c->config->devices_count, c->config->loads_count,
                          c->config->router ? " and a router" : "");
}
