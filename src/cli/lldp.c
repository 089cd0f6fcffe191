/* SPDX-License-Identifier: MIT */
/*
 * `weir lldp`: who is at the other end of a link, by LLDP; with --send the others hear of us, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/address.h"
#include "config/json.h"
#include "engine/clock.h"
#include "engine/solo.h"
#include "service/lldp.h"
#include "wire/eth.h"

#define JSON_INDENT 2u
#define FAMILY_IPV4 1u
#define FAMILY_IPV6 2u

struct lldp_options {
    bool send, quiet, first;
    int64_t duration_ns, interval_ns;
    const char *name, *description, *port, *address, *mac, *json;
};

static const struct option_row options[] = {
    {"send", 's', NULL, OPTION_FLAG, 0, offsetof(struct lldp_options, send),
     "tell the others who we are, and at the end that we go"},
    {"name", 'n', "NAME", OPTION_TEXT, 0, offsetof(struct lldp_options, name),
     "with --send: our system name (default: weir)"},
    {"description", 0, "TEXT", OPTION_TEXT, 0, offsetof(struct lldp_options, description),
     "with --send: our system description (default: Weir network tester)"},
    {"port", 'p', "NAME", OPTION_TEXT, 0, offsetof(struct lldp_options, port),
     "with --send: name and description of our port (default: LOCATION)"},
    {"address", 'a', "ADDR", OPTION_TEXT, 0, offsetof(struct lldp_options, address),
     "with --send: the management address to tell, IPv4 or IPv6"},
    {"mac", 0, "MAC", OPTION_TEXT, 0, offsetof(struct lldp_options, mac),
     "with --send: our MAC and chassis address (default: the link's)"},
    {"interval", 'i', "T", OPTION_DURATION, 0, offsetof(struct lldp_options, interval_ns),
     "with --send: from one message to the next, from 1s to 3600s (default: 30s)"},
    {"duration", 't', "T", OPTION_DURATION, 0, offsetof(struct lldp_options, duration_ns),
     "end after T; otherwise by Ctrl-C"},
    {"first", '1', NULL, OPTION_FLAG, 0, offsetof(struct lldp_options, first), "end with the first neighbour"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct lldp_options, json),
     "write neighbours and counters as JSON (- is standard output)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct lldp_options, quiet), "only the table at the end"},
};

struct lldp {
    struct lldp_options options;
    const char *location;
    struct plan_port port;
    struct solo solo;
    struct lldp_agent *agent;
    struct output json;
    struct ip_addr management;
    uint8_t mac[6];
    int64_t began_ns;
    uint64_t heard;
    bool silent;
};

/* ---- as text ---- */

struct names {
    char chassis[WIRE_LLDP_ID_MAX + 1], port[WIRE_LLDP_ID_MAX + 1], management[WIRE_LLDP_ADDRESS_MAX + 20];
};

static struct names names_of(const struct lldp_neighbour *n)
{
    struct names s = {.management = "-"};
    uint8_t address[WIRE_LLDP_ADDRESS_MAX + 1] = {n->management_family};
    lldp_id_print(s.chassis, sizeof s.chassis, n->chassis_subtype == WIRE_LLDP_CHASSIS_MAC,
                  n->chassis_subtype == WIRE_LLDP_CHASSIS_ADDRESS, n->chassis, n->chassis_len);
    lldp_id_print(s.port, sizeof s.port, n->port_subtype == WIRE_LLDP_PORT_MAC, n->port_subtype == 4, n->port,
                  n->port_len);
    memcpy(address + 1, n->management, n->management_len);
    if (n->management_len > 0)
        lldp_id_print(s.management, sizeof s.management, false, true, address, (uint8_t)(n->management_len + 1));
    return s;
}

static const char *const capability_names[] = {"other",  "repeater",  "bridge", "access_point",
                                               "router", "telephone", "docsis", "station"};

/* What comes over the wire is shown without what could move the cursor. */
static void print_plain(const char *text)
{
    if (!*text)
        putchar('-');
    for (; *text; text++)
        putchar(*text >= ' ' && *text < 0x7f ? *text : '.');
}

static void print_neighbour(const struct lldp_neighbour *n, int64_t now)
{
    struct names s = names_of(n);
    printf("%-20s  %-20s  %-18s  %6.0f  ", s.chassis, s.port, s.management,
           (double)max_i64(n->ends_ns - now, 0) / (double)NS_PER_S);
    print_plain(n->system_name);
    fputs("  ", stdout);
    const char *comma = "";
    for (unsigned i = 0; i < ARRAY_SIZE(capability_names); i++)
        if (n->enabled >> i & 1) {
            printf("%s%s", comma, capability_names[i]);
            comma = ",";
        }
    puts(*comma ? "" : "-");
}

static void print_all(const struct lldp *l)
{
    const struct lldp_neighbour *n;
    const struct lldp_counters *c = lldp_agent_counters(l->agent);
    printf("%-20s  %-20s  %-18s  %6s  %s\n", "chassis", "port", "management", "s left", "system, enabled capabilities");
    for (uint32_t at = 0; (n = lldp_agent_next(l->agent, &at)) != NULL;)
        print_neighbour(n, clock_now());
    printf("sent %" PRIu64 ", received %" PRIu64 ", malformed %" PRIu64 ", no room %" PRIu64 "\n", c->sent, c->received,
           c->drop_malformed, c->drop_full);
}

static void changed(void *context, enum lldp_change what, const struct lldp_neighbour *n)
{
    static const char *const words[] = {
        [LLDP_ADDED] = "new", [LLDP_CHANGED] = "changed", [LLDP_LEFT] = "left", [LLDP_AGED] = "silent"};
    struct lldp *l = context;
    struct names s = names_of(n);
    l->heard += what == LLDP_ADDED;
    if (l->silent || l->options.quiet)
        return;
    printf("%8.3f s  %-7s  %s port %s ", (double)(clock_now() - l->began_ns) / (double)NS_PER_S, words[what], s.chassis,
           s.port);
    print_plain(n->system_name);
    putchar('\n');
    fflush(stdout);
}

/* ---- as JSON ---- */

static void put_capabilities(struct json_writer *w, const char *name, uint16_t bits)
{
    json_key(w, name);
    json_begin_array(w);
    for (unsigned i = 0; i < ARRAY_SIZE(capability_names); i++)
        if (bits >> i & 1)
            json_put_string(w, capability_names[i]);
    json_end_array(w);
}

static void put_neighbour(struct json_writer *w, const struct lldp_neighbour *n, int64_t now)
{
    struct names s = names_of(n);
    char mac[WIRE_ETH_ADDR_TEXT];
    wire_eth_addr_print(mac, sizeof mac, n->mac);
    json_begin_object(w);
    json_member_string(w, "mac", mac);
    json_member_u64(w, "chassis_subtype", n->chassis_subtype);
    json_member_string(w, "chassis", s.chassis);
    json_member_u64(w, "port_subtype", n->port_subtype);
    json_member_string(w, "port", s.port);
    json_member_u64(w, "ttl_s", n->ttl_s);
    json_member_double(w, "left_s", (double)max_i64(n->ends_ns - now, 0) / (double)NS_PER_S);
    json_member_string(w, "port_description", n->port_description);
    json_member_string(w, "system_name", n->system_name);
    json_member_string(w, "system_description", n->system_description);
    if (n->has_capabilities) {
        put_capabilities(w, "capabilities", n->capabilities);
        put_capabilities(w, "enabled", n->enabled);
    }
    if (n->management_len > 0)
        json_member_string(w, "management", s.management);
    json_end_object(w);
}

static int write_json(struct lldp *l)
{
    struct json_writer w;
    const struct lldp_neighbour *n;
    const struct lldp_counters *c = lldp_agent_counters(l->agent);
    output_begin(&l->json);
    json_writer_init(&w, output_sink, &l->json, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_string(&w, "location", l->location);
    json_member_object(&w, "counters");
#define PUT(name, text) json_member_u64(&w, #name, c->name);
    LLDP_COUNTER_LIST(PUT)
#undef PUT
    json_end_object(&w);
    json_key(&w, "neighbours");
    json_begin_array(&w);
    for (uint32_t at = 0; (n = lldp_agent_next(l->agent, &at)) != NULL;)
        put_neighbour(&w, n, clock_now());
    json_end_array(&w);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        l->json.failed = true;
    return output_finish(&l->json);
}

/* ---- frames ---- */

static void frame_seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct lldp *l = context;
    struct wire_eth eth;
    (void)interface;
    if (sent)
        return;
    int header = wire_eth_parse(p->data, p->len, WIRE_ETH_MAX_TAGS, &eth);
    if (header > 0 && eth.ethertype == ETHERTYPE_LLDP)
        lldp_agent_input(l->agent, eth.src, p->data + header, p->len - (uint32_t)header, now);
}

static void agent_sends(void *context, const uint8_t *bytes, size_t length)
{
    static const uint8_t nearest_bridge[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
    struct lldp *l = context;
    uint8_t header[WIRE_ETH_LEN];
    wire_eth_build14(header, nearest_bridge, l->mac, ETHERTYPE_LLDP);
    const struct ip_piece pieces[] = {{header, sizeof header}, {bytes, length}};
    if (stack_frame_send(l->solo.stack, 0, pieces, ARRAY_SIZE(pieces), clock_now()) < 0)
        complain("lldp: a message was not sent: no room on the link");
}

/* ---- settings ---- */

static int wrong(const char *name, const char *found, const char *allowed)
{
    return command_refuse(&lldp_command, "%s: found '%.60s', allowed: %s", name, found, allowed);
}

static int check_text(const char *name, const char *text)
{
    return !text || (*text && strlen(text) <= WIRE_LLDP_TEXT_MAX) ? EXIT_MET : wrong(name, text, "1 to 255 bytes");
}

static int check(struct lldp *l)
{
    const struct lldp_options *o = &l->options;
    char message[256];
    if (plan_port_default(l->location, &l->port, message) < 0)
        return command_refuse(&lldp_command, "%s", message);
    if (!plan_port_is_ethernet(&l->port))
        return wrong("location", l->location,
                     "packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:vxlan,..., tunnel:gretap,...");
    if (!o->send && (o->name || o->description || o->port || o->address || o->mac))
        return command_refuse(&lldp_command, "found an option of --send without it");
    if (o->address && ip_addr_parse(o->address, strlen(o->address), &l->management) < 0)
        return wrong("--address", o->address, "an IPv4 or IPv6 address");
    if (o->mac && (!config_address_mac(o->mac, strlen(o->mac), l->mac) || wire_eth_is_multicast(l->mac)))
        return wrong("--mac", o->mac, "the MAC address of a station: 02:00:00:00:01:00");
    if (o->interval_ns < NS_PER_S || o->interval_ns > 3600 * NS_PER_S)
        return command_refuse(&lldp_command, "--interval: found %.3g s, allowed: 1s to 3600s",
                              (double)o->interval_ns / (double)NS_PER_S);
    int result = check_text("--name", o->name);
    if (result == EXIT_MET)
        result = check_text("--description", o->description);
    return result == EXIT_MET ? check_text("--port", o->port) : result;
}

static struct wire_lldp_value text_value(const char *text)
{
    return (struct wire_lldp_value){(const uint8_t *)text, (uint16_t)strlen(text)};
}

static void set_management(const struct lldp *l, struct wire_lldp *h)
{
    bool v4 = ip_addr_is_v4(&l->management);
    h->management_family = v4 ? FAMILY_IPV4 : FAMILY_IPV6;
    h->management = (struct wire_lldp_value){l->management.bytes + (v4 ? 12 : 0), v4 ? 4 : 16};
    h->management_interface = 1;
}

static struct lldp_settings settings_of(struct lldp *l)
{
    const struct lldp_options *o = &l->options;
    const char *port = o->port ? o->port : l->location;
    struct lldp_settings s;
    lldp_settings_default(&s);
    s.sends = o->send;
    s.interval_ns = o->interval_ns;
    s.send = agent_sends;
    s.changed = changed;
    s.context = l;
    s.sent =
        (struct wire_lldp){.chassis_subtype = WIRE_LLDP_CHASSIS_MAC,
                           .port_subtype = WIRE_LLDP_PORT_INTERFACE,
                           .chassis = {l->mac, sizeof l->mac},
                           .port = text_value(port),
                           .port_description = text_value(port),
                           .system_name = text_value(o->name ? o->name : "weir"),
                           .system_description = text_value(o->description ? o->description : "Weir network tester"),
                           .has_capabilities = true,
                           .capabilities = WIRE_LLDP_CAP_STATION | WIRE_LLDP_CAP_ROUTER,
                           .enabled = WIRE_LLDP_CAP_STATION};
    if (o->address)
        set_management(l, &s.sent);
    return s;
}

/* ---- the command ---- */

static int start(struct lldp *l)
{
    char message[256];
    const struct solo_needs needs = {.addresses = 0};
    int e = solo_open(&l->solo, &l->port, &needs, message);
    if (e < 0) {
        complain("lldp: %s", message);
        return exit_code_of(e);
    }
    if (!l->options.mac)
        memcpy(l->mac, l->solo.link->mac, sizeof l->mac);
    struct lldp_settings s = settings_of(l);
    l->began_ns = clock_now();
    e = lldp_agent_new(&s, alloc_heap(), l->began_ns, &l->agent);
    if (e == 0)
        e = stack_frame_listen(l->solo.stack, 0, frame_seen, l);
    if (e == 0)
        return EXIT_MET;
    complain("lldp: %s", err_text(e));
    return exit_code_of(e);
}

static void turn(struct lldp *l)
{
    int64_t now = clock_now();
    lldp_agent_tick(l->agent, now);
    unsigned moved = solo_turn(&l->solo, now);
    solo_rest(&l->solo, moved, lldp_agent_deadline(l->agent));
}

static int follow(struct lldp *l)
{
    int64_t end = l->options.duration_ns ? l->began_ns + l->options.duration_ns : TIME_NEVER;
    interrupt_install(-1);
    while (interrupt_count() == 0 && clock_now() < end && !(l->options.first && l->heard > 0))
        turn(l);
    lldp_agent_stop(l->agent);
    (void)solo_turn(&l->solo, clock_now());
    if (!l->silent)
        print_all(l);
    if (l->json.file && write_json(l) != EXIT_MET)
        return EXIT_REFUSED;
    int result = flush_standard_output();
    return result != EXIT_MET ? result : l->heard > 0 ? EXIT_MET : EXIT_NOT_MET;
}

static int run_lldp(int argc, char **argv)
{
    struct lldp l = {.options = {.interval_ns = 30 * NS_PER_S}};
    struct operands words;
    int result = options_parse(&lldp_command, argc, argv, &l.options, &words);
    if (result != OPTIONS_READY)
        return result;
    l.location = words.list[0];
    result = check(&l);
    if (result == EXIT_MET)
        result = output_open(&l.json, l.options.json);
    l.silent = l.json.file == stdout;
    if (result == EXIT_MET)
        result = start(&l);
    if (result == EXIT_MET)
        result = follow(&l);
    lldp_agent_delete(l.agent);
    solo_close(&l.solo);
    output_abandon(&l.json);
    return result;
}

const struct command lldp_command = {
    .name = "lldp",
    .summary = "show the neighbours of a link by LLDP, and tell them who we are",
    .operands = "LOCATION",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Listens for LLDP (IEEE 802.1AB) at LOCATION, packet:IFNAME, xdp:IFNAME, tap:NAME or the end of a tunnel of\n"
        "Ethernet frames (tunnel:vxlan,... and tunnel:gretap,...), tells of each neighbour that comes, changes, "
        "leaves\n"
        "or falls silent, and prints all of them at the end. With --send it sends its own messages,\n"
        "and at the end one that says that it goes. Exit code 0: somebody was heard; 1: nobody.",
    .examples = "  weir lldp packet:eth1 --first\n"
                "  weir lldp packet:eth1 --send -n tester -a 198.18.0.10 -t 60s\n"
                "  weir lldp packet:eth1 -t 35s --json neighbours.json",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_lldp,
};
