/* SPDX-License-Identifier: MIT */
/*
 * `weir dhcp client`: gets leases on a link, keeps them as long as asked, gives them back, and says what each step took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "base/histogram.h"
#include "cli/dhcp.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/address.h"
#include "engine/clock.h"
#include "engine/solo.h"
#include "wire/eth.h"

#define RELEASE_NS (10 * NS_PER_S)
#define SPARE_ADDRESSES 64u

struct run {
    const struct dhcp_options *options;
    struct plan_port port;
    struct dhcp_clients_settings settings;
    struct solo solo;
    struct dhcp_clients *clients;
    struct dhcp_steps *steps;
    struct dhcp_totals totals;
    struct output json;
    int64_t began_ns;
    bool silent;
    struct histogram latencies[DHCP_LATENCIES];
};

/* ---- news ---- */

static void print_line(const struct run *r, const struct dhcp_event *e, const char *what)
{
    struct dhcp_view v;
    char address[IP_ADDR_TEXT], mac[WIRE_ETH_ADDR_TEXT];
    dhcp_clients_view(r->clients, e->client, &v);
    wire_eth_addr_print(mac, sizeof mac, v.mac);
    ip_addr_print(address, sizeof address, &v.address);
    if (ip_addr_is_unspecified(&v.address))
        ip_prefix_print(address, sizeof address, &v.delegated);
    if (v.bound)
        printf("%s %s %s for %u s in %.3f ms\n", mac, what, address, v.lease_s,
               (double)e->latency_ns / (double)NS_PER_MS);
    else
        printf("%s %s\n", mac, what);
}

static void say(const struct run *r, const struct dhcp_event *e)
{
    static const char *const words[] = {[DHCP_EVENT_BOUND] = "got",
                                        [DHCP_EVENT_RENEWED] = "renewed",
                                        [DHCP_EVENT_LOST] = "has no lease any more",
                                        [DHCP_EVENT_CONFLICT] = "declined: somebody has the address",
                                        [DHCP_EVENT_REFUSED] = "was refused by the stack: the address is in use here"};
    if (!words[e->kind])
        return;
    print_line(r, e, words[e->kind]);
    fflush(stdout);
}

static void bound(struct run *r, const struct dhcp_event *e, int64_t at)
{
    histogram_record(&r->latencies[DHCP_LATENCY_BOUND], (uint64_t)e->latency_ns);
    r->steps[e->client].bound_ns = at;
    if (r->totals.first_bound_ns < 0)
        r->totals.first_bound_ns = at;
    r->totals.last_bound_ns = at;
}

static void count(struct run *r, const struct dhcp_event *e)
{
    int64_t at = e->now - r->began_ns;
    switch (e->kind) {
    case DHCP_EVENT_OFFER:
        histogram_record(&r->latencies[DHCP_LATENCY_OFFER], (uint64_t)e->latency_ns);
        r->steps[e->client].offer_ns = at;
        break;
    case DHCP_EVENT_ACK:
        histogram_record(&r->latencies[DHCP_LATENCY_ACK], (uint64_t)e->latency_ns);
        r->steps[e->client].ack_ns = at;
        break;
    case DHCP_EVENT_BOUND:
        bound(r, e, at);
        break;
    case DHCP_EVENT_RENEWED:
        histogram_record(&r->latencies[DHCP_LATENCY_RENEW], (uint64_t)e->latency_ns);
        r->totals.renewed++;
        break;
    case DHCP_EVENT_LOST:
        r->totals.lost++;
        break;
    case DHCP_EVENT_CONFLICT:
        r->totals.conflicts++;
        break;
    case DHCP_EVENT_REFUSED:
        r->totals.refused++;
        break;
    }
}

static void told(void *context, const struct dhcp_event *e)
{
    struct run *r = context;
    count(r, e);
    if (!r->silent && !r->options->quiet)
        say(r, e);
}

/* ---- settings ---- */

static int wrong(const char *name, const char *found, const char *allowed)
{
    return command_refuse(&dhcp_command, "%s: found '%.60s', allowed: %s", name, found, allowed);
}

static int read_port(struct run *r, const char *location)
{
    char message[256];
    const char *text = r->options->kernel_address;
    size_t length;
    if (plan_port_default(location, &r->port, message) < 0)
        return command_refuse(&dhcp_command, "%s", message);
    if (!plan_port_is_ethernet(&r->port))
        return wrong("location", location, DHCP_LOCATIONS);
    if (!text)
        return EXIT_MET;
    if (r->port.kind == PLAN_TAP && config_address_split(text, 32, &length, &r->port.prefix_length) &&
        config_address_ipv4(text, length, &r->port.address))
        return EXIT_MET;
    return wrong("--kernel-address", text, "with tap: an IPv4 address with the length of its subnet");
}

/* 02:de: and two random bytes, then 00:00. */
static int choose_mac(struct run *r)
{
    uint8_t *mac = r->settings.mac;
    const char *text = r->options->mac;
    mac[0] = 2;
    mac[1] = 0xde;
    if (!text)
        return getrandom(mac + 2, 2, 0) == 2 ? EXIT_MET : EXIT_REFUSED;
    if (!config_address_mac(text, strlen(text), mac) || wire_eth_is_multicast(mac))
        return wrong("--mac", text, "the MAC address of a station: 02:00:00:00:01:00");
    return EXIT_MET;
}

static int read_settings(struct run *r)
{
    const struct dhcp_options *o = r->options;
    struct dhcp_clients_settings *s = &r->settings;
    dhcp_clients_settings_default(s, o->v6);
    s->count = o->count;
    s->vlan = (uint16_t)o->vlan;
    s->interval_ns = o->rate ? NS_PER_S / o->rate : 0;
    s->v4.host_name = o->host_name;
    s->v4.request_lease_s = o->lease_s;
    s->v6_settings.want_address = !o->no_address;
    s->v6_settings.want_prefix = o->prefix;
    s->v6_settings.rapid_commit = o->rapid_commit;
    s->told = told;
    s->context = r;
    if (o->no_probe)
        s->probe.probes = 0;
    if (o->no_probe)
        s->probe.answer_ns = 0;
    if (getrandom(&s->key, sizeof s->key, 0) != sizeof s->key)
        return EXIT_REFUSED;
    return choose_mac(r);
}

/* ---- running ---- */

static void turn(struct run *r)
{
    int64_t now = clock_now();
    dhcp_clients_turn(r->clients, now);
    unsigned moved = solo_turn(&r->solo, now);
    solo_rest(&r->solo, moved, dhcp_clients_deadline(r->clients));
}

static bool all_bound(const struct run *r)
{
    uint64_t n = r->latencies[DHCP_LATENCY_BOUND].count;
    return n >= r->settings.count && dhcp_clients_bound(r->clients) == r->settings.count;
}

static void get_leases(struct run *r)
{
    int64_t last_start = (int64_t)r->settings.count * r->settings.interval_ns;
    int64_t end = r->began_ns + last_start + r->options->timeout_ns;
    dhcp_clients_start(r->clients, r->began_ns);
    while (interrupt_count() == 0 && !all_bound(r) && clock_now() < end)
        turn(r);
}

static void keep_leases(struct run *r)
{
    int64_t end = clock_now() + r->options->hold_ns;
    while (interrupt_count() == 0 && clock_now() < end)
        turn(r);
}

/* What the table shows is what was there before. */
static void give_back(struct run *r)
{
    int64_t end = clock_now() + RELEASE_NS;
    dhcp_clients_release(r->clients, clock_now());
    turn(r);
    while (dhcp_clients_busy(r->clients) > 0 && clock_now() < end)
        turn(r);
}

static int report(struct run *r)
{
    struct dhcp_totals *t = &r->totals;
    t->clients = r->clients;
    t->steps = r->steps;
    t->count = r->settings.count;
    t->bound = dhcp_clients_bound(r->clients);
    t->v6 = r->options->v6;
    t->now = clock_now();
    t->latencies = r->latencies;
    if (!r->silent)
        dhcp_report_print(t);
    if (r->json.file && dhcp_report_json(t, &r->json) != EXIT_MET)
        return EXIT_REFUSED;
    int result = flush_standard_output();
    return result != EXIT_MET ? result : t->bound == t->count ? EXIT_MET : EXIT_NOT_MET;
}

static int run_clients(struct run *r)
{
    interrupt_install(-1);
    r->began_ns = clock_now();
    r->totals.first_bound_ns = r->totals.last_bound_ns = -1;
    for (uint32_t i = 0; i < r->settings.count; i++)
        r->steps[i] = (struct dhcp_steps){
            .began_ns = (int64_t)i * r->settings.interval_ns, .offer_ns = -1, .ack_ns = -1, .bound_ns = -1};
    get_leases(r);
    if (r->options->hold_ns)
        keep_leases(r);
    int result = report(r);
    if (r->options->release)
        give_back(r);
    return result;
}

static int open_all(struct run *r)
{
    char message[256];
    const struct solo_needs needs = {.addresses = 2 * r->settings.count + SPARE_ADDRESSES,
                                     .waiting = r->settings.count}; /* all may renew at once, to one server */
    int e = solo_open(&r->solo, &r->port, &needs, message);
    if (e < 0) {
        complain("dhcp: %s", message);
        return exit_code_of(e);
    }
    r->steps = calloc(r->settings.count, sizeof *r->steps);
    e = r->steps ? dhcp_clients_new(&r->settings, r->solo.stack, alloc_heap(), clock_now(), &r->clients)
                 : ERR_NO_MEMORY;
    if (e == ERR_INVALID)
        return command_refuse(&dhcp_command, "found settings that no client can have: --mac and --count go past the "
                                             "end of a vendor's addresses, or --host-name has no or over 63 bytes");
    if (e < 0) {
        complain("dhcp: %s", err_text(e));
        return exit_code_of(e);
    }
    return EXIT_MET;
}

static void close_all(struct run *r)
{
    dhcp_clients_delete(r->clients);
    free(r->steps);
    solo_close(&r->solo);
    output_abandon(&r->json);
}

int dhcp_client_run(const struct dhcp_options *o, const char *location)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return EXIT_REFUSED;
    r->options = o;
    r->totals.location = location;
    int result = o->sets.count || o->check ? command_refuse(&dhcp_command, "found --set or --check, allowed for server")
                                           : read_port(r, location);
    if (result == EXIT_MET)
        result = read_settings(r);
    if (result == EXIT_MET)
        result = output_open(&r->json, o->json);
    r->silent = r->json.file == stdout;
    if (result == EXIT_MET)
        result = open_all(r);
    if (result == EXIT_MET)
        result = run_clients(r);
    close_all(r);
    free(r);
    return result;
}
