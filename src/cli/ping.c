/* SPDX-License-Identifier: MIT */
/*
 * `weir ping`: echo requests from our own stack to one host, each reply and error on a line in ping's words, and
 * statistics at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/host_tags.h"
#include "cli/interrupt.h"
#include "cli/ping_path.h"
#include "cli/ping_report.h"
#include "config/address.h"
#include "engine/clock.h"
#include "engine/pinger.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"

#define DEFAULT_BYTES 56u
#define MAX_COUNT 999999999u
#define MAX_TTL 255u
#define NOT_GIVEN UINT32_MAX

struct ping_options {
    const char *address, *gateway, *vlan, *mpls, *kernel_address, *json;
    int64_t interval_ns, timeout_ns;
    uint32_t count, bytes, ttl;
    bool dont_fragment, quiet, path_mtu;
};

static const struct option_row options[] = {
    {"address", 'a', "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct ping_options, address),
     "who asks: an address that nobody else has, with its subnet (needed)"},
    {"gateway", 'g', "ADDR", OPTION_TEXT, 0, offsetof(struct ping_options, gateway),
     "the way to destinations outside of the subnet"},
    {"count", 'c', "N", OPTION_COUNT, MAX_COUNT, offsetof(struct ping_options, count),
     "end after N requests; otherwise by Ctrl-C"},
    {"size", 's', "BYTES", OPTION_NUMBER, PINGER_MAX_BYTES, offsetof(struct ping_options, bytes),
     "bytes of data in each request (default: 56)"},
    {"interval", 'i', "T", OPTION_DURATION, 0, offsetof(struct ping_options, interval_ns),
     "from one request to the next: 10ms (default: 1s)"},
    {"timeout", 'W', "T", OPTION_DURATION, 0, offsetof(struct ping_options, timeout_ns),
     "how long to wait for replies after the last request (default: 1s)"},
    {"dont-fragment", 'D', NULL, OPTION_FLAG, 0, offsetof(struct ping_options, dont_fragment),
     "send no fragments; IPv4: set DF, so that who finds a request too big says so"},
    {"path-mtu", 0, NULL, OPTION_FLAG, 0, offsetof(struct ping_options, path_mtu),
     "find the longest packet that arrives in one piece; -W waits for each probe"},
    {"ttl", 't', "N", OPTION_COUNT, MAX_TTL, offsetof(struct ping_options, ttl),
     "time to live, hop limit (default: 64)"},
    HOST_TAGS_OPTIONS(struct ping_options, vlan, mpls),
    {"kernel-address", 0, "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct ping_options, kernel_address),
     "tap: only: the address of the kernel's side"},
    {"json", 0, "FILE", OPTION_TEXT, 0, offsetof(struct ping_options, json),
     "write the statistics as JSON (- is standard output)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct ping_options, quiet), "only the statistics"},
};

struct ping {
    struct ping_options options;
    struct pinger_settings settings;
    struct plan_port port;
    struct ping_totals totals;
    struct output json;
    bool silent; /* standard output is for JSON */
};

/* ---- one event ---- */

static enum ping_error error_class(const struct icmp_echo *e, int error)
{
    if (error == ERR_NO_SPACE)
        return PING_ERROR_TOO_BIG;
    if (error == ERR_REFUSED)
        return PING_ERROR_REFUSED;
    if (!e)
        return error == ERR_UNREACHABLE ? PING_ERROR_UNREACHABLE : PING_ERROR_NOT_SENT;
    bool v4 = ip_addr_is_v4(&e->remote);
    if (e->error_type == (v4 ? WIRE_ICMP_TIME_EXCEEDED : WIRE_ICMPV6_TIME_EXCEEDED))
        return PING_ERROR_TIME_EXCEEDED;
    return e->error_type == (v4 ? WIRE_ICMP_UNREACHABLE : WIRE_ICMPV6_UNREACHABLE) ? PING_ERROR_UNREACHABLE
                                                                                   : PING_ERROR_OTHER;
}

static void count(struct ping_totals *t, const struct pinger_event *event)
{
    switch (event->kind) {
    case PINGER_REPLY:
        t->answered++;
        ping_totals_add_rtt(t, event->rtt_ns);
        break;
    case PINGER_DUPLICATE:
        t->duplicates++;
        break;
    case PINGER_CORRUPTED:
        t->corrupted++;
        break;
    default:
        t->errors[error_class(event->echo, event->error)]++;
    }
}

static const char *unreachable_text(uint8_t code)
{
    static const char *const texts[] = {
        [WIRE_ICMP_NET_UNREACHABLE] = "Destination Net Unreachable",
        [WIRE_ICMP_HOST_UNREACHABLE] = "Destination Host Unreachable",
        [WIRE_ICMP_PROTOCOL_UNREACHABLE] = "Destination Protocol Unreachable",
        [WIRE_ICMP_PORT_UNREACHABLE] = "Destination Port Unreachable",
        [WIRE_ICMP_SOURCE_ROUTE_FAILED] = "Source Route Failed",
        [WIRE_ICMP_ADMIN_PROHIBITED] = "Packet filtered",
    };
    return code < ARRAY_SIZE(texts) && texts[code] ? texts[code] : "Destination Unreachable";
}

static void print_icmp_error(const struct icmp_echo *e)
{
    if (e->error_type == WIRE_ICMP_UNREACHABLE && e->error_code == WIRE_ICMP_FRAGMENTATION_NEEDED)
        printf("Frag needed and DF set (mtu = %u)\n", e->mtu);
    else if (e->error_type == WIRE_ICMP_UNREACHABLE)
        puts(unreachable_text(e->error_code));
    else if (e->error_type == WIRE_ICMP_TIME_EXCEEDED)
        puts(e->error_code == WIRE_ICMP_TTL_EXCEEDED ? "Time to live exceeded" : "Frag reassembly time exceeded");
    else
        printf("ICMP type %u code %u\n", e->error_type, e->error_code);
}

static const char *unreachable6_text(uint8_t code)
{
    static const char *const texts[] = {"No route",
                                        "Administratively prohibited",
                                        "Beyond scope of source address",
                                        "Address unreachable",
                                        "Port unreachable",
                                        "Source address failed ingress/egress policy",
                                        "Reject route to destination"};
    return code < ARRAY_SIZE(texts) ? texts[code] : "Unknown code";
}

static void print_icmp6_error(const struct icmp_echo *e)
{
    if (e->error_type == WIRE_ICMPV6_UNREACHABLE)
        printf("Destination unreachable: %s\n", unreachable6_text(e->error_code));
    else if (e->error_type == WIRE_ICMPV6_PACKET_TOO_BIG)
        printf("Packet too big: mtu=%u\n", e->mtu);
    else if (e->error_type == WIRE_ICMPV6_TIME_EXCEEDED)
        printf("Time exceeded: %s\n", e->error_code == 0 ? "Hop limit" : "Defragmentation failure");
    else
        printf("ICMPv6 type %u code %u\n", e->error_type, e->error_code);
}

static void print_error(const struct ping *p, const struct pinger_event *event)
{
    const struct icmp_echo *e = event->echo;
    char reporter[IP_ADDR_TEXT];
    if (!e) {
        printf("icmp_seq=%" PRIu64 " not sent: %s\n", event->sequence,
               event->error == ERR_UNREACHABLE ? "the next hop does not answer" : err_text(event->error));
        return;
    }
    ip_addr_print(reporter, sizeof reporter, &e->reporter);
    printf("From %s icmp_seq=%" PRIu64 " ", reporter, event->sequence);
    bool v4 = ip_addr_is_v4(&e->remote), own = ip_addr_equal(&e->reporter, &p->settings.address);
    if (own && v4)
        puts("Destination Host Unreachable (no answer to ARP)");
    else if (own)
        puts("Destination unreachable: Address unreachable (no answer to Neighbour Discovery)");
    else if (v4)
        print_icmp_error(e);
    else
        print_icmp6_error(e);
}

static void print_reply(const struct ping *p, const struct pinger_event *event)
{
    static const char *const marks[] = {"", " (DUP!)", " (other bytes than were sent!)"};
    printf("%u bytes from %s: icmp_seq=%" PRIu64 " ttl=%u time=%.6f ms%s\n", event->echo->length + WIRE_ICMP_LEN,
           p->totals.destination, event->sequence, event->echo->ttl, (double)event->rtt_ns / (double)NS_PER_MS,
           marks[event->kind]);
}

static void told(void *context, const struct pinger_event *event)
{
    struct ping *p = context;
    count(&p->totals, event);
    if (p->options.quiet || p->silent)
        return;
    if (event->kind == PINGER_ERROR || event->kind == PINGER_UNSENT)
        print_error(p, event);
    else
        print_reply(p, event);
    fflush(stdout);
}

/* ---- options ---- */

static int wrong(const char *name, const char *found, const char *allowed)
{
    return command_refuse(&ping_command, "%s: found '%.60s', allowed: %s", name, found, allowed);
}

static int read_address(const char *name, const char *text, struct ip_addr *address)
{
    if (config_address_any(text, strlen(text), address->bytes))
        return EXIT_MET;
    return wrong(name, text, "an address such as 198.18.0.1 or 2001:db8::1");
}

static int read_subnet(const char *name, const char *text, struct ip_addr *address, uint8_t *prefix_length)
{
    size_t length;
    if (config_address_split(text, 128, &length, prefix_length) && *prefix_length > 0 &&
        config_address_any(text, length, address->bytes) && *prefix_length <= ip_addr_bits(address))
        return EXIT_MET;
    return wrong(name, text, "an address with the length of its subnet, such as 198.18.0.10/24 or 2001:db8::a/64");
}

static int read_kernel_address(struct ping *p)
{
    const char *text = p->options.kernel_address;
    struct ip_addr address;
    uint8_t length;
    if (!text)
        return EXIT_MET;
    if (p->port.kind != PLAN_TAP)
        return wrong("--kernel-address", text, "only with a location tap:NAME");
    if (read_subnet("--kernel-address", text, &address, &length) != EXIT_MET)
        return EXIT_USAGE;
    if (ip_addr_is_v4(&address)) {
        p->port.address = ip_addr_to_v4(&address);
        p->port.prefix_length = length;
    } else {
        p->port.address6 = address;
        p->port.prefix_length6 = length;
    }
    return EXIT_MET;
}

/* A search decides by itself what it sends, and when. */
static int check_search(const struct ping_options *o)
{
    const char *other = o->count                   ? "--count"
                        : o->bytes != NOT_GIVEN    ? "--size"
                        : o->interval_ns           ? "--interval"
                        : o->dont_fragment         ? "--dont-fragment"
                        : o->timeout_ns < NS_PER_S ? "--timeout of less than 1s"
                                                   : NULL;
    if (!o->path_mtu || !other)
        return EXIT_MET;
    return command_refuse(&ping_command,
                          "--path-mtu: found together with %s, allowed: --timeout of 1s or more, and options that say "
                          "who asks and how",
                          other);
}

static void fill_in(struct ping_options *o)
{
    if (o->bytes == NOT_GIVEN)
        o->bytes = DEFAULT_BYTES;
    if (o->interval_ns == 0)
        o->interval_ns = NS_PER_S;
}

static int read_settings(struct ping *p, const struct operands *words)
{
    const struct ping_options *o = &p->options;
    struct pinger_settings *s = &p->settings;
    char message[256];
    *s = (struct pinger_settings){.port = &p->port,
                                  .bytes = o->bytes,
                                  .ttl = (uint8_t)o->ttl,
                                  .dont_fragment = o->dont_fragment,
                                  .count = o->count,
                                  .interval_ns = o->interval_ns,
                                  .timeout_ns = o->timeout_ns};
    if (plan_port_default(words->list[0], &p->port, message) < 0)
        return command_refuse(&ping_command, "%s", message);
    if (!o->address)
        return command_refuse(&ping_command, "--address is missing: who asks, such as --address 198.18.0.10/24");
    int result = read_address("destination", words->list[1], &s->destination);
    if (result == EXIT_MET)
        result = read_subnet("--address", o->address, &s->address, &s->prefix_length);
    if (result == EXIT_MET && o->gateway)
        result = read_address("--gateway", o->gateway, &s->gateway);
    if (result == EXIT_MET)
        result = host_tags_read(&ping_command, o->vlan, o->mpls, &s->tags);
    return result == EXIT_MET ? read_kernel_address(p) : result;
}

/* ---- the command ---- */

static void announce(const struct ping *p)
{
    if (!p->silent)
        printf("PING %s from %s over %s: %u bytes of data\n", p->totals.destination, p->totals.source,
               p->totals.location, p->totals.bytes);
}

static int follow(struct ping *p)
{
    struct pinger *pinger;
    char message[256];
    int error = pinger_new(&p->settings, alloc_heap(), told, p, &pinger, message);
    if (error < 0) {
        complain("ping: %s", message);
        return error == ERR_NO_ROUTE ? EXIT_USAGE : exit_code_of(error);
    }
    interrupt_install(-1);
    announce(p);
    int64_t begin = clock_now();
    while (interrupt_count() == 0 && pinger_turn(pinger))
        ;
    p->totals.duration_ns = clock_now() - begin;
    p->totals.sent = pinger_sent(pinger);
    pinger_delete(pinger);
    return EXIT_MET;
}

static int conclude(struct ping *p)
{
    if (!p->silent)
        ping_report_print(&p->totals);
    if (p->json.file && ping_report_json(&p->totals, &p->json) != EXIT_MET)
        return EXIT_REFUSED;
    int result = flush_standard_output();
    return result != EXIT_MET ? result : p->totals.answered > 0 ? EXIT_MET : EXIT_NOT_MET;
}

static int find_path_mtu(struct ping *p)
{
    const struct ping_path path = {.location = p->totals.location,
                                   .source = p->totals.source,
                                   .destination = p->totals.destination,
                                   .quiet = p->options.quiet,
                                   .json = &p->json};
    return ping_path_find(&path, &p->settings);
}

static int ask_and_conclude(struct ping *p)
{
    int result = follow(p);
    return result == EXIT_MET ? conclude(p) : result;
}

static int ping_to(struct ping *p, const struct operands *words)
{
    int result = check_search(&p->options);
    fill_in(&p->options);
    if (result != EXIT_MET || (result = read_settings(p, words)) != EXIT_MET)
        return result;
    p->totals.location = words->list[0];
    p->totals.source = p->options.address;
    p->totals.destination = words->list[1];
    p->totals.bytes = p->options.bytes;
    if ((result = output_open(&p->json, p->options.json)) != EXIT_MET)
        return result;
    p->silent = p->json.file == stdout;
    result = p->options.path_mtu ? find_path_mtu(p) : ask_and_conclude(p);
    output_abandon(&p->json);
    return result;
}

static int ping(int argc, char **argv)
{
    struct ping p = {.options = {.bytes = NOT_GIVEN, .timeout_ns = NS_PER_S}};
    struct operands words;
    int result = options_parse(&ping_command, argc, argv, &p.options, &words);
    return result == OPTIONS_READY ? ping_to(&p, &words) : result;
}

const struct command ping_command = {
    .name = "ping",
    .summary = "send ICMP echo requests from our own stack",
    .operands = "LOCATION DESTINATION",
    .min_operands = 2,
    .max_operands = 2,
    .description =
        "Sends ICMP echo requests to DESTINATION, IPv4 or IPv6, from a host of Weir's own stack at LOCATION:\n"
        "packet:, xdp:, tap:, or mem:NAME, where the other end is a second stack of ours. Requests and replies that\n"
        "are too long for the link go in fragments; the bytes of each reply are compared with the request's. Nothing "
        "is\n"
        "sent to anybody else, ARP and Neighbour Discovery apart. Exit code 0: at least one reply came; 1: none.\n"
        "With --path-mtu the longest IP packet is searched that arrives in one piece (RFC 8899), by requests with DF;\n"
        "routers that do not say what is too big for them are found out by what gets lost.",
    .examples = "  weir ping packet:eth1 198.18.0.1 --address 198.18.0.10/24 -c 3\n"
                "  weir ping packet:eth1 10.0.0.1 -a 198.18.0.10/24 -g 198.18.0.1 -s 1472 -D\n"
                "  weir ping tap:weir0 198.18.0.1 -a 198.18.0.10/24 --kernel-address 198.18.0.1/24\n"
                "  weir ping packet:eth1 2001:db8::1 -a 2001:db8::a/64 -s 60000\n"
                "  weir ping packet:eth1 10.0.0.1 -a 198.18.0.10/24 -g 198.18.0.1 --path-mtu\n"
                "  weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 -c 10000 -i 100us -q --json -",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = ping,
};
