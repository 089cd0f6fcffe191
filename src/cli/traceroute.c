/* SPDX-License-Identifier: MIT */
/*
 * `weir traceroute`: the routers between a host of our own stack and a destination.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/host_tags.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/address.h"
#include "config/json.h"
#include "engine/clock.h"
#include "engine/solo.h"
#include "engine/tracer.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"

#define JSON_INDENT 2u
#define UDP_PORT 33434u
#define TCP_PORT 80u
#define DEFAULT_BYTES 32u

struct traceroute_options {
    const char *address, *gateway, *method, *vlan, *mpls, *kernel_address, *json;
    uint32_t first, last, queries, parallel, port, bytes;
    int64_t wait_ns;
    bool dont_fragment;
};

static const struct option_row options[] = {
    {"address", 'a', "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct traceroute_options, address),
     "who asks: an IPv4 or IPv6 address that nobody else has, with its subnet (needed)"},
    {"gateway", 'g', "ADDR", OPTION_TEXT, 0, offsetof(struct traceroute_options, gateway),
     "the way to destinations outside of the subnet"},
    {"method", 'M', "NAME", OPTION_TEXT, 0, offsetof(struct traceroute_options, method),
     "what is sent: udp, icmp or tcp (default: udp)"},
    {"first", 'f', "N", OPTION_COUNT, TRACER_MAX_HOPS, offsetof(struct traceroute_options, first),
     "the first hop (default: 1)"},
    {"max-hops", 'm', "N", OPTION_COUNT, TRACER_MAX_HOPS, offsetof(struct traceroute_options, last),
     "the last hop (default: 30)"},
    {"queries", 'q', "N", OPTION_COUNT, TRACER_MAX_QUERIES, offsetof(struct traceroute_options, queries),
     "probes for each hop (default: 3)"},
    {"parallel", 'N', "N", OPTION_COUNT, TRACER_MAX_PARALLEL, offsetof(struct traceroute_options, parallel),
     "probes under way at once (default: 16)"},
    {"port", 'p', "N", OPTION_COUNT, 60000, offsetof(struct traceroute_options, port),
     "UDP: port of the first probe (default: 33434); TCP: of all (default: 80)"},
    {"size", 's', "BYTES", OPTION_NUMBER, 1400, offsetof(struct traceroute_options, bytes),
     "bytes of data in a UDP or ICMP probe (default: 32)"},
    {"wait", 'w', "T", OPTION_DURATION, 0, offsetof(struct traceroute_options, wait_ns),
     "how long to wait for an answer (default: 3s)"},
    {"dont-fragment", 'D', NULL, OPTION_FLAG, 0, offsetof(struct traceroute_options, dont_fragment),
     "set DF: who finds a probe too big says so"},
    HOST_TAGS_OPTIONS(struct traceroute_options, vlan, mpls),
    {"kernel-address", 0, "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct traceroute_options, kernel_address),
     "tap: only: the IPv4 address of the kernel's side"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct traceroute_options, json),
     "write the path as JSON (- is standard output)"},
};

struct trace_run {
    struct traceroute_options options;
    const char *location, *destination;
    struct plan_port port;
    struct ip_prefix address;
    struct ip_addr gateway;
    struct host_settings tags; /* of which tags and labels are used */
    struct tracer_settings settings;
    struct solo solo;
    struct tracer *tracer;
    struct output json;
    unsigned printed; /* the hop that is printed next */
    bool silent;
};

/* ---- as text ---- */

/* What traceroute says behind a time. */
static const char *error_mark(bool v6, const struct tracer_probe *p)
{
    static const char *const marks4[] = {"!N", "!H", "!P", "", "!F", "!S"};
    static const char *const marks6[] = {"!N", "!X", "!S", "!H", ""};
    if (p->result != TRACER_ERROR)
        return "";
    if (v6 && p->type == WIRE_ICMPV6_PACKET_TOO_BIG)
        return "!F";
    if (v6)
        return p->type == WIRE_ICMPV6_UNREACHABLE && p->code < ARRAY_SIZE(marks6) ? marks6[p->code] : "!";
    if (p->type == WIRE_ICMP_UNREACHABLE && p->code == WIRE_ICMP_ADMIN_PROHIBITED)
        return "!X";
    return p->type == WIRE_ICMP_UNREACHABLE && p->code < ARRAY_SIZE(marks4) ? marks4[p->code] : "!";
}

static void print_probe(const struct trace_run *r, const struct tracer_probe *p, const struct ip_addr **before)
{
    char text[IP_ADDR_TEXT];
    if (p->result == TRACER_SILENT || p->result == TRACER_WAITING || ip_addr_is_unspecified(&p->from)) {
        fputs(p->result == TRACER_ERROR ? "  not sent" : "  *", stdout);
        return;
    }
    ip_addr_print(text, sizeof text, &p->from);
    if (!*before || !ip_addr_equal(*before, &p->from))
        printf("  %s", text);
    *before = &p->from;
    printf("  %.3f ms", (double)p->rtt_ns / (double)NS_PER_MS);
    const char *mark = error_mark(!ip_addr_is_v4(&r->settings.destination), p);
    if (*mark)
        printf(" %s", mark);
    if (p->mtu)
        printf(" (mtu %u)", p->mtu);
}

static void print_hop(const struct trace_run *r, unsigned hop)
{
    const struct ip_addr *before = NULL;
    printf("%2u", hop);
    for (unsigned q = 0; q < r->settings.queries; q++)
        print_probe(r, tracer_probe_at(r->tracer, hop, q), &before);
    putchar('\n');
    fflush(stdout);
}

static void print_done(struct trace_run *r)
{
    for (; r->printed <= tracer_last_hop(r->tracer) && tracer_hop_done(r->tracer, r->printed); r->printed++)
        if (!r->silent)
            print_hop(r, r->printed);
}

/* ---- as JSON ---- */

static void put_probe(struct json_writer *w, const struct tracer_probe *p)
{
    static const char *const names[] = {"silent", "silent", "hop", "arrived", "error"};
    char text[IP_ADDR_TEXT];
    json_begin_object(w);
    json_member_string(w, "result", names[p->result]);
    if (!ip_addr_is_unspecified(&p->from)) {
        ip_addr_print(text, sizeof text, &p->from);
        json_member_string(w, "from", text);
        json_member_i64(w, "rtt_ns", p->rtt_ns);
    }
    if (p->type != 0 || p->code != 0) {
        json_member_u64(w, "icmp_type", p->type);
        json_member_u64(w, "icmp_code", p->code);
    }
    if (p->mtu)
        json_member_u64(w, "mtu", p->mtu);
    json_end_object(w);
}

static bool has_arrived(const struct trace_run *r)
{
    unsigned last = tracer_last_hop(r->tracer);
    for (unsigned q = 0; q < r->settings.queries && last >= r->settings.first_hop; q++)
        if (tracer_probe_at(r->tracer, last, q)->result == TRACER_ARRIVED)
            return true;
    return false;
}

static void put_hops(struct json_writer *w, const struct trace_run *r)
{
    json_key(w, "hops");
    json_begin_array(w);
    for (unsigned hop = r->settings.first_hop; hop <= tracer_last_hop(r->tracer); hop++) {
        json_begin_object(w);
        json_member_u64(w, "hop", hop);
        json_key(w, "probes");
        json_begin_array(w);
        for (unsigned q = 0; q < r->settings.queries; q++)
            put_probe(w, tracer_probe_at(r->tracer, hop, q));
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
}

static int write_json(struct trace_run *r)
{
    static const char *const methods[] = {"udp", "icmp", "tcp"};
    struct json_writer w;
    output_begin(&r->json);
    json_writer_init(&w, output_sink, &r->json, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_string(&w, "location", r->location);
    json_member_string(&w, "source", r->options.address);
    json_member_string(&w, "destination", r->destination);
    json_member_string(&w, "method", methods[r->settings.method]);
    json_member_bool(&w, "arrived", has_arrived(r));
    put_hops(&w, r);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        r->json.failed = true;
    return output_finish(&r->json);
}

/* ---- options ---- */

static int wrong(const char *name, const char *found, const char *allowed)
{
    return command_refuse(&traceroute_command, "%s: found '%.60s', allowed: %s", name, found, allowed);
}

static int read_method(struct trace_run *r)
{
    const char *name = r->options.method ? r->options.method : "udp";
    struct tracer_settings *s = &r->settings;
    if (strcmp(name, "udp") == 0)
        s->method = TRACER_UDP;
    else if (strcmp(name, "icmp") == 0)
        s->method = TRACER_ICMP;
    else if (strcmp(name, "tcp") == 0)
        s->method = TRACER_TCP;
    else
        return wrong("--method", name, "udp, icmp, tcp");
    s->port = (uint16_t)(r->options.port ? r->options.port : s->method == TRACER_TCP ? TCP_PORT : UDP_PORT);
    return EXIT_MET;
}

static int read_addresses(struct trace_run *r)
{
    const struct traceroute_options *o = &r->options;
    if (!o->address)
        return command_refuse(&traceroute_command, "--address is missing: who asks, such as --address 198.18.0.10/24");
    if (!strchr(o->address, '/') || ip_prefix_parse(o->address, strlen(o->address), &r->address) < 0)
        return wrong("--address", o->address, "an address with the length of its subnet: 198.18.0.10/24");
    if (ip_addr_parse(r->destination, strlen(r->destination), &r->settings.destination) < 0 ||
        ip_addr_is_v4(&r->settings.destination) != ip_addr_is_v4(&r->address.addr))
        return wrong("destination", r->destination, "an address of the family of --address");
    if (o->gateway && ip_addr_parse(o->gateway, strlen(o->gateway), &r->gateway) < 0)
        return wrong("--gateway", o->gateway, "an address");
    return EXIT_MET;
}

static int read_port(struct trace_run *r)
{
    char message[256];
    const char *text = r->options.kernel_address;
    size_t length;
    if (plan_port_default(r->location, &r->port, message) < 0)
        return command_refuse(&traceroute_command, "%s", message);
    if (!plan_is_interface(r->port.kind) && r->port.kind != PLAN_TUNNEL)
        return wrong("location", r->location, "packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:KIND,...");
    if (!text || (r->port.kind == PLAN_TAP && config_address_split(text, 32, &length, &r->port.prefix_length) &&
                  config_address_ipv4(text, length, &r->port.address)))
        return EXIT_MET;
    return wrong("--kernel-address", text, "with tap: an IPv4 address with the length of its subnet");
}

static int read_settings(struct trace_run *r)
{
    const struct traceroute_options *o = &r->options;
    struct tracer_settings *s = &r->settings;
    s->first_hop = (uint8_t)o->first;
    s->last_hop = (uint8_t)o->last;
    s->queries = (uint8_t)o->queries;
    s->parallel = o->parallel;
    s->bytes = o->bytes;
    s->timeout_ns = o->wait_ns;
    s->dont_fragment = o->dont_fragment;
    if (o->first > o->last)
        return command_refuse(&traceroute_command, "--first: found %u, allowed: at most --max-hops, %u", o->first,
                              o->last);
    int result = read_port(r);
    if (result == EXIT_MET)
        result = read_addresses(r);
    if (result == EXIT_MET)
        result = host_tags_read(&traceroute_command, o->vlan, o->mpls, &r->tags);
    return result == EXIT_MET ? read_method(r) : result;
}

/* ---- the command ---- */

/* A MAC of its own, made of the address: the kernel's side of the link keeps its own. */
static int add_host(struct trace_run *r)
{
    struct host_settings h = r->tags;
    h.mac[0] = 2;
    h.address = r->address.addr;
    h.prefix_length = r->address.length;
    h.gateway = r->gateway;
    memcpy(h.mac + 2, r->address.addr.bytes + 12, 4);
    return stack_add_host(r->solo.stack, &h);
}

static int start(struct trace_run *r)
{
    char message[256];
    const struct solo_needs needs = {.waiting = TRACER_MAX_PARALLEL};
    int e = solo_open(&r->solo, &r->port, &needs, message);
    if (e < 0) {
        complain("traceroute: %s", message);
        return exit_code_of(e);
    }
    int local = add_host(r);
    if (local < 0)
        return command_refuse(&traceroute_command, "found an address or gateway that no host can have: %s%s%s",
                              r->options.address, r->options.gateway ? ", " : "",
                              r->options.gateway ? r->options.gateway : "");
    r->settings.local = (uint32_t)local;
    e = tracer_new(&r->settings, r->solo.stack, alloc_heap(), &r->tracer);
    if (e == 0)
        return EXIT_MET;
    complain("traceroute: %s", err_text(e));
    return exit_code_of(e);
}

static int follow(struct trace_run *r)
{
    interrupt_install(-1);
    r->printed = r->settings.first_hop;
    if (!r->silent)
        printf("traceroute to %s from %s over %s, %u hops at most\n", r->destination, r->options.address, r->location,
               r->options.last);
    while (interrupt_count() == 0 && tracer_turn(r->tracer, clock_now())) {
        unsigned moved = solo_turn(&r->solo, clock_now());
        print_done(r);
        solo_rest(&r->solo, moved, tracer_deadline(r->tracer));
    }
    print_done(r);
    if (r->json.file && write_json(r) != EXIT_MET)
        return EXIT_REFUSED;
    int result = flush_standard_output();
    return result != EXIT_MET ? result : has_arrived(r) ? EXIT_MET : EXIT_NOT_MET;
}

static int run_traceroute(int argc, char **argv)
{
    struct trace_run r = {
        .options = {
            .first = 1, .last = 30, .queries = 3, .parallel = 16, .bytes = DEFAULT_BYTES, .wait_ns = 3 * NS_PER_S}};
    struct operands words;
    int result = options_parse(&traceroute_command, argc, argv, &r.options, &words);
    if (result != OPTIONS_READY)
        return result;
    r.location = words.list[0];
    r.destination = words.list[1];
    result = read_settings(&r);
    if (result == EXIT_MET)
        result = output_open(&r.json, r.options.json);
    r.silent = r.json.file == stdout;
    if (result == EXIT_MET)
        result = start(&r);
    if (result == EXIT_MET)
        result = follow(&r);
    tracer_delete(r.tracer);
    solo_close(&r.solo);
    output_abandon(&r.json);
    return result;
}

const struct command traceroute_command = {
    .name = "traceroute",
    .summary = "show the routers on the way to a destination",
    .operands = "LOCATION DESTINATION",
    .min_operands = 2,
    .max_operands = 2,
    .description =
        "Sends probes with growing time to live (hop limit in IPv6) to DESTINATION from a host of Weir's own stack at\n"
        "LOCATION (packet:, xdp:, tap:), several at once, and prints who says of each hop's that it went no\n"
        "further: UDP datagrams, ICMP echo requests, or TCP SYNs. Exit code 0: the destination answered; 1: not.",
    .examples = "  weir traceroute packet:eth1 10.0.0.1 -a 198.18.0.10/24 -g 198.18.0.1\n"
                "  weir traceroute packet:eth1 2001:db8:2::1 -a 2001:db8:1::10/64 -g 2001:db8:1::1 -M icmp\n"
                "  weir traceroute packet:eth1 10.0.0.1 -a 198.18.0.10/24 -g 198.18.0.1 -M tcp -p 443 --json path.json",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_traceroute,
};
