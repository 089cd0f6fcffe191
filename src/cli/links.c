/* SPDX-License-Identifier: MIT */
/*
 * `weir links`: what a port's location can name here. First the kernel's interfaces with the facts that matter to a
 * tester, then the kinds of link with whether this build and this system have them, and what is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/command.h"
#include "config/json.h"
#include "link/interfaces.h"
#include "traffic/plan.h"

#define JSON_INDENT 2u
#define LINKS_SCHEMA 1

struct links_options {
    bool json;
};

static const struct option_row options[] = {
    {"json", 0, NULL, OPTION_FLAG, 0, offsetof(struct links_options, json), "print JSON"},
};

/* ---- kinds of link ---- */

static int needs_nothing(void) { return 0; }

static const struct kind {
    const char *prefix, *operand, *what, *needs;
    int (*test)(void); /* 0, or the errno that is in the way */
} kinds[] = {
    {"mem:", "NAME", "two ports with one NAME, wired to each other in memory", "nothing", needs_nothing},
    {"packet:", "IFNAME", "an interface of the kernel through AF_PACKET", "root or CAP_NET_RAW",
     interface_try_packet_socket},
    {"xdp:", "IFNAME", "an interface, all to itself, through AF_XDP", "root or CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF",
     interface_try_xdp_socket},
    {"tap:", "NAME", "a TAP interface; the kernel has its other end", "/dev/net/tun and root or CAP_NET_ADMIN",
     interface_try_tun_device},
    {"dpdk:", "DEVICE", "a device through DPDK", "root and hugepages", needs_nothing},
    {"pcap:", "FILE", "a capture file", "nothing", needs_nothing},
};

static bool is_built_in(const struct kind *k)
{
    const char *prefix;
    for (unsigned i = 0; (prefix = plan_location_prefix(i)) != NULL; i++)
        if (strcmp(prefix, k->prefix) == 0)
            return k->test() != EOPNOTSUPP; /* of a build without it */
    return false;
}

/* "yes", or what is in the way. */
static void describe_kind(const struct kind *k, bool *usable, char why[128])
{
    int missing = is_built_in(k) ? k->test() : 0;
    *usable = is_built_in(k) && missing == 0;
    if (!is_built_in(k))
        snprintf(why, 128, "no: not in this version");
    else if (missing)
        snprintf(why, 128, "no: %s; needs %s", strerror(missing), k->needs);
    else
        snprintf(why, 128, "yes");
}

/* ---- interfaces ---- */

static const char *state_of(const struct interface_facts *f)
{
    return !f->up ? "down" : f->running ? "up" : "no carrier";
}

static bool is_usable(const struct interface_facts *f) { return f->up && f->ethernet; }

static void offload_text(const struct interface_facts *f, char text[64])
{
    text[0] = '\0';
    for (unsigned i = 0; i < INTERFACE_OFFLOAD_COUNT; i++) {
        if (!f->offload[i])
            continue;
        size_t used = strlen(text);
        snprintf(text + used, 64 - used, "%s%s", used ? "," : "", interface_offload_name((enum interface_offload)i));
    }
    if (!text[0])
        snprintf(text, 64, "none");
}

static void speed_text(const struct interface_facts *f, char text[24])
{
    if (f->speed_mbps == 0)
        snprintf(text, 24, "-");
    else if (f->speed_mbps % 1000 == 0)
        snprintf(text, 24, "%u Gbit/s", f->speed_mbps / 1000);
    else
        snprintf(text, 24, "%u Mbit/s", f->speed_mbps);
}

static void mac_text(const struct interface_facts *f, char text[18])
{
    const uint8_t *m = f->mac;
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void print_row(const struct interface_facts *f)
{
    char location[40], mac[18], speed[24], queues[24], offload[64];
    snprintf(location, sizeof location, is_usable(f) ? "packet:%s" : "-", f->name);
    mac_text(f, mac);
    speed_text(f, speed);
    offload_text(f, offload);
    snprintf(queues, sizeof queues, "%u/%u", f->rx_queues, f->tx_queues);
    printf("%-15s %-12s %-10s %5u  %-17s  %-10s %-6s  %-22s %-18s %s\n", f->name, f->driver[0] ? f->driver : "-",
           state_of(f), f->mtu, mac, speed, queues, location, interface_xdp_name(f->xdp), offload);
}

static int print_table(const struct interface_list *list)
{
    printf("%-15s %-12s %-10s %5s  %-17s  %-10s %-6s  %-22s %-18s %s\n", "interface", "driver", "state", "MTU", "MAC",
           "speed", "rx/tx", "location", "XDP", "offload");
    for (uint32_t i = 0; i < list->count; i++)
        print_row(&list->facts[i]);
    printf("\n%-15s %-58s %s\n", "location", "what it is", "usable here");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        bool usable;
        char why[128], location[24];
        describe_kind(&kinds[i], &usable, why);
        snprintf(location, sizeof location, "%s%s", kinds[i].prefix, kinds[i].operand);
        printf("%-15s %-58s %s\n", location, kinds[i].what, why);
    }
    return flush_standard_output();
}

/* ---- JSON ---- */

static void put_interface(struct json_writer *w, const struct interface_facts *f)
{
    char mac[18], location[40];
    mac_text(f, mac);
    snprintf(location, sizeof location, "packet:%s", f->name);
    json_begin_object(w);
    json_member_string(w, "name", f->name);
    json_member_u64(w, "index", f->index);
    json_member_string(w, "driver", f->driver[0] ? f->driver : NULL);
    json_member_string(w, "bus", f->bus[0] ? f->bus : NULL);
    json_member_string(w, "state", state_of(f));
    json_member_u64(w, "mtu", f->mtu);
    json_member_string(w, "mac", mac);
    json_key(w, "speed_mbps");
    if (f->speed_mbps)
        json_put_u64(w, f->speed_mbps);
    else
        json_put_null(w);
    json_member_u64(w, "rx_queues", f->rx_queues);
    json_member_u64(w, "tx_queues", f->tx_queues);
    json_member_object(w, "offload");
    for (unsigned i = 0; i < INTERFACE_OFFLOAD_COUNT; i++)
        json_member_bool(w, interface_offload_name((enum interface_offload)i), f->offload[i]);
    json_end_object(w);
    json_member_string(w, "xdp", f->xdp == INTERFACE_XDP_UNKNOWN ? NULL : interface_xdp_name(f->xdp));
    json_member_string(w, "location", is_usable(f) ? location : NULL);
    json_end_object(w);
}

static void put_kind(struct json_writer *w, const struct kind *k)
{
    bool usable;
    char why[128];
    describe_kind(k, &usable, why);
    json_begin_object(w);
    json_member_string(w, "prefix", k->prefix);
    json_member_string(w, "what", k->what);
    json_member_string(w, "needs", k->needs);
    json_member_bool(w, "built_in", is_built_in(k));
    json_member_bool(w, "usable", usable);
    json_member_string(w, "why", why);
    json_end_object(w);
}

static int print_json(const struct interface_list *list)
{
    struct json_writer w;
    json_writer_init(&w, standard_output_sink, NULL, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", LINKS_SCHEMA);
    json_member_array(&w, "interfaces");
    for (uint32_t i = 0; i < list->count; i++)
        put_interface(&w, &list->facts[i]);
    json_end_array(&w);
    json_member_array(&w, "locations");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        put_kind(&w, &kinds[i]);
    json_end_array(&w);
    json_end_object(&w);
    int error = json_finish(&w);
    if (error == 0 || ferror(stdout))
        return flush_standard_output();
    complain("cannot write the list: %s", err_text(error));
    return EXIT_REFUSED;
}

static int links(int argc, char **argv)
{
    struct links_options o = {.json = false};
    struct operands operands;
    struct interface_list list;
    int result = options_parse(&links_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    int error = interface_list_read(alloc_heap(), &list);
    if (error < 0) {
        complain("cannot list the kernel's interfaces: %s", err_text(error));
        return exit_code_of(error);
    }
    result = o.json ? print_json(&list) : print_table(&list);
    interface_list_free(&list);
    return result;
}

const struct command links_command = {
    .name = "links",
    .summary = "list the interfaces and kinds of link that ports can use",
    .operands = "",
    .description =
        "Lists the kernel's interfaces in this network namespace with driver, state, MTU, MAC address, speed, queues "
        "and\n"
        "offloads, and the location that names each in a configuration; then the kinds of location, and which of them\n"
        "can be used here. Changes nothing and needs no privilege.",
    .examples = "  weir links\n"
                "  weir links --json | jq -r '.interfaces[].location'",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = links,
};
