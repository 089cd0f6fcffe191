/* SPDX-License-Identifier: MIT */
/*
 * `weir exec`: runs a program whose sockets are Weir's. It checks what the program's stack is to be, writes that into the environment for
 * libweir-preload.so, and becomes the program; the stack is made in it, at its first socket.
 */
#define _GNU_SOURCE /* environ */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/time_ns.h"
#include "base/trace.h"
#include "cli/host_tags.h"
#include "cli/own_interfaces.h"
#include "config/address.h"

#define LIBRARY "libweir-preload.so"
#define MOST_BYTES 4096u

struct exec_options {
    const char *config, *link, *address, *gateway, *address6, *gateway6, *kernel_address, *kernel_address6;
    const char *vlan, *mpls;
    struct option_texts sets;
    bool autoconf, temporary, redirects, probe;
    const char *conflict, *resolv_conf, *trace, *trace_layers;
    int64_t dhcp_timeout_ns;
};

static const struct option_row options[] = {
    {"config", 'c', "FILE", OPTION_TEXT, 0, offsetof(struct exec_options, config),
     "the stack's interfaces: ports and devices of a configuration"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct exec_options, sets),
     "change the configuration: devices[0].ipv4.address=10.0.0.9/24 (repeatable)"},
    {"link", 'l', "LOCATION", OPTION_TEXT, 0, offsetof(struct exec_options, link),
     "instead of -c, the one interface: tap:, packet:, xdp: or tunnel:"},
    {"address", 'a', "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct exec_options, address),
     "with --link: the stack's IPv4 address and its subnet, or dhcp"},
    {"gateway", 'g', "ADDRS", OPTION_TEXT, 0, offsetof(struct exec_options, gateway),
     "with --link: the way out of the subnet, or several with commas between"},
    {"probe", 0, NULL, OPTION_FLAG, 0, offsetof(struct exec_options, probe),
     "with --address: ask whether somebody has it before it is used, some 6 s"},
    {"conflict", 0, "POLICY", OPTION_TEXT, 0, offsetof(struct exec_options, conflict),
     "with --address: when somebody else uses it: defend (default), defend_once, give_up"},
    {"address6", '6', "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct exec_options, address6),
     "with --link: its IPv6 address and subnet, or dhcp; beside or instead of --address"},
    {"gateway6", 0, "ADDRS", OPTION_TEXT, 0, offsetof(struct exec_options, gateway6),
     "with --address6: the router, such as fe80::1, or several as with --gateway"},
    {"autoconf", 0, NULL, OPTION_FLAG, 0, offsetof(struct exec_options, autoconf),
     "with --link: find IPv6 addresses and routers, beside or instead of --address"},
    {"temporary", 0, NULL, OPTION_FLAG, 0, offsetof(struct exec_options, temporary),
     "with --autoconf: temporary addresses beside, preferred for what is sent (RFC 8981)"},
    {"redirects", 0, NULL, OPTION_FLAG, 0, offsetof(struct exec_options, redirects),
     "of IPv6: believe routers that tell of a better first hop (RFC 4861)"},
    HOST_TAGS_OPTIONS(struct exec_options, vlan, mpls),
    {"kernel-address", 0, "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct exec_options, kernel_address),
     "with --link tap:NAME: the address of the kernel's side"},
    {"kernel-address6", 0, "ADDR/LEN", OPTION_TEXT, 0, offsetof(struct exec_options, kernel_address6),
     "with --link tap:NAME: the IPv6 address of the kernel's side"},
    {"resolv-conf", 0, "FILE", OPTION_TEXT, 0, offsetof(struct exec_options, resolv_conf),
     "write the name servers that DHCP and routers tell there, in the form of resolv.conf"},
    {"trace", 0, "FILE", OPTION_TEXT, 0, offsetof(struct exec_options, trace),
     "a line for each call of the program, and for what the stack does; -: standard output"},
    {"trace-layers", 0, "LIST", OPTION_TEXT, 0, offsetof(struct exec_options, trace_layers),
     "with --trace: these layers only, of link, arp, ip, icmp, udp, tcp, l7 and socket"},
    {"dhcp-timeout", 0, "T", OPTION_DURATION, 0, offsetof(struct exec_options, dhcp_timeout_ns),
     "with dhcp: how long to wait for a lease (default: 30s)"},
};

/* ---- the interfaces, as the library reads them ---- */

struct text {
    char bytes[MOST_BYTES];
    size_t length;
    bool full;
};

static void PRINTF_LIKE(2, 3) append(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->bytes + t->length, sizeof t->bytes - t->length, format, arguments);
    va_end(arguments);
    t->full |= n < 0 || (size_t)n >= sizeof t->bytes - t->length;
    t->length += t->full ? 0 : (size_t)n;
}

/* What divides words there. */
static bool is_plain(const char *word) { return !strpbrk(word, " ;"); }

static void append_interface(struct text *t, const struct weir_interface *i)
{
    static const uint8_t none[6];
    append(t, "%slink=%s", t->length ? ";" : "", i->link);
    if (i->address)
        append(t, " address=%s", i->address);
    if (i->address6)
        append(t, " address6=%s", i->address6);
    if (i->gateway6)
        append(t, " gateway6=%s", i->gateway6);
    if (i->autoconf)
        append(t, " autoconf=1");
    if (i->vlan)
        append(t, " vlan=%s", i->vlan);
    if (i->mpls)
        append(t, " mpls=%s", i->mpls);
    if (i->without)
        append(t, " without=%s", i->without);
    if (i->temporary)
        append(t, " temporary=1");
    if (i->redirects)
        append(t, " redirects=1");
    if (i->probe)
        append(t, " probe=1");
    if (i->conflict)
        append(t, " conflict=%d", (int)i->conflict);
    if (i->mtu)
        append(t, " mtu=%u", i->mtu);
    if (i->gateway)
        append(t, " gateway=%s", i->gateway);
    if (i->netns)
        append(t, " netns=%s", i->netns);
    if (i->kernel_address)
        append(t, " kernel_address=%s", i->kernel_address);
    if (i->dhcp_timeout_ms)
        append(t, " dhcp_timeout_ms=%u", i->dhcp_timeout_ms);
    if (i->kernel_address6)
        append(t, " kernel_address6=%s", i->kernel_address6);
    if (memcmp(i->mac, none, sizeof none) != 0)
        append(t, " mac=%02x:%02x:%02x:%02x:%02x:%02x", i->mac[0], i->mac[1], i->mac[2], i->mac[3], i->mac[4],
               i->mac[5]);
}

static int describe_interfaces(const char *file, const struct own_interfaces *all, struct text *t)
{
    for (unsigned i = 0; i < all->count; i++) {
        const struct weir_interface *one = &all->list[i];
        if (!is_plain(one->link) || (one->netns && !is_plain(one->netns)))
            return command_refuse(&exec_command,
                                  "%s: found a blank or semicolon in location or netns, allowed: names "
                                  "without",
                                  file);
        append_interface(t, one);
    }
    return EXIT_MET;
}

static int describe_file(const struct exec_options *o, struct text *t)
{
    struct own_interfaces all;
    if (o->link || o->address || o->gateway || o->address6 || o->gateway6 || o->autoconf || o->temporary ||
        o->redirects || o->probe || o->conflict || o->kernel_address || o->kernel_address6 || o->dhcp_timeout_ns ||
        o->vlan || o->mpls)
        return command_refuse(&exec_command, "found --config and an option of --link, allowed one of them");
    int result = own_interfaces_load(&exec_command, o->config, &o->sets, &all);
    if (result != EXIT_MET)
        return result;
    result = describe_interfaces(o->config, &all, t);
    own_interfaces_free(&all);
    return result;
}

static int check_address(const char *name, const char *text, bool v6, bool with_length)
{
    struct ip_prefix p;
    struct ip_addr a;
    if (!text || (with_length && !strchr(name, '-') && strcmp(text, "dhcp") == 0))
        return EXIT_MET;
    bool fine = with_length
                    ? strchr(text, '/') && ip_prefix_parse(text, strlen(text), &p) == 0 && ip_addr_is_v4(&p.addr) != v6
                    : ip_addr_parse(text, strlen(text), &a) == 0 && ip_addr_is_v4(&a) != v6;
    if (fine)
        return EXIT_MET;
    return command_refuse(&exec_command, "--%s: found '%.60s', allowed: an %s address%s%s", name, text,
                          v6 ? "IPv6" : "IPv4", with_length ? " with its prefix length, " : "",
                          !with_length ? ""
                          : v6         ? "2001:db8::1/64"
                                       : "a.b.c.d/n");
}

static int check_gateways(const char *name, const char *list, bool v6)
{
    char one[IP_ADDR_TEXT + 1];
    int result = EXIT_MET;
    for (const char *at = list; at && result == EXIT_MET;) {
        size_t length = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)min_size(length, sizeof one - 1), at);
        result = check_address(name, one, v6, false);
        at = at[length] ? at + length + 1 : NULL;
    }
    return result;
}

static int check_addresses(const struct exec_options *o)
{
    if (check_address("address", o->address, false, true) != EXIT_MET ||
        check_gateways("gateway", o->gateway, false) != EXIT_MET ||
        check_address("address6", o->address6, true, true) != EXIT_MET ||
        check_gateways("gateway6", o->gateway6, true) != EXIT_MET ||
        check_address("kernel-address", o->kernel_address, false, true) != EXIT_MET ||
        check_address("kernel-address6", o->kernel_address6, true, true) != EXIT_MET)
        return EXIT_USAGE;
    return EXIT_MET;
}

static uint32_t dhcp_timeout_ms(const struct exec_options *o)
{
    int64_t ms = (o->dhcp_timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* Negative: it was refused. */
static int read_conflict(const char *text)
{
    static const char *const policies[] = {"defend", "defend_once", "give_up"};
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
        if (!text || strcmp(text, policies[i]) == 0)
            return (int)i;
    (void)command_refuse(&exec_command, "--conflict: found '%.60s', allowed: defend, defend_once and give_up", text);
    return -1;
}

static int describe_link(const struct exec_options *o, struct text *t)
{
    struct plan_port port;
    struct host_settings tags;
    char message[256];
    if (!o->link || (!o->address && !o->address6 && !o->autoconf))
        return command_refuse(&exec_command, "--config FILE, or --link LOCATION and --address ADDR/LEN (or --address6, "
                                             "--autoconf), must be given");
    if (plan_port_default(o->link, &port, message) < 0)
        return command_refuse(&exec_command, "--link: %s", message);
    if ((!plan_is_interface(port.kind) && port.kind != PLAN_TUNNEL) || !is_plain(o->link))
        return command_refuse(&exec_command,
                              "--link: found '%.60s', allowed: tap:NAME, packet:IFNAME, xdp:IFNAME and tunnel:KIND,...",
                              o->link);
    int conflict = read_conflict(o->conflict);
    if (check_addresses(o) != EXIT_MET || conflict < 0 ||
        host_tags_read(&exec_command, o->vlan, o->mpls, &tags) != EXIT_MET)
        return EXIT_USAGE;
    append_interface(t, &(struct weir_interface){.link = o->link,
                                                 .address = o->address,
                                                 .gateway = o->gateway,
                                                 .address6 = o->address6,
                                                 .gateway6 = o->gateway6,
                                                 .autoconf = o->autoconf,
                                                 .vlan = o->vlan,
                                                 .mpls = o->mpls,
                                                 .temporary = o->temporary,
                                                 .redirects = o->redirects,
                                                 .probe = o->probe,
                                                 .conflict = (enum weir_conflict)conflict,
                                                 .kernel_address = o->kernel_address,
                                                 .kernel_address6 = o->kernel_address6,
                                                 .dhcp_timeout_ms = dhcp_timeout_ms(o)});
    return EXIT_MET;
}

/* ---- the library ---- */

/* Beside the program, as in a build directory, or where both were installed. NULL: nowhere. */
static const char *find_library(char path[PATH_MAX])
{
    static const char *const places[] = {"", "../" WEIR_LIBDIR "/", "../lib/"};
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
    if (!slash)
        return NULL;
    slash[1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int length = snprintf(path, PATH_MAX, "%s%s" LIBRARY, program, places[i]);
        if (length < PATH_MAX && access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

/* An empty file, whose name is the same wherever the program goes. */
static int begin_trace(const char *path)
{
    char whole[PATH_MAX];
    const char *name = path;
    if (strcmp(path, "-") != 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        name = fd < 0 ? NULL : realpath(path, whole);
        if (fd >= 0)
            close(fd);
    }
    return name ? setenv("WEIR_TRACE", name, 1) : -1;
}

static int set_trace(const struct exec_options *o)
{
    unsigned layers;
    if (o->trace_layers && !o->trace)
        return command_refuse(&exec_command, "found --trace-layers, allowed with --trace");
    if (o->trace_layers && !trace_layers_read(o->trace_layers, &layers))
        return command_refuse(&exec_command, "--trace-layers: found '%.60s', allowed: " TRACE_LAYERS_ALLOWED,
                              o->trace_layers);
    if (o->trace && begin_trace(o->trace) < 0) {
        complain("exec: --trace: %s: %s", o->trace, strerror(errno));
        return EXIT_REFUSED;
    }
    if (o->trace_layers && setenv("WEIR_TRACE_LAYERS", o->trace_layers, 1) < 0) {
        complain("exec: the environment: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    return EXIT_MET;
}

/* In front of what is preloaded already. */
static int set_preload(const char *library)
{
    char all[PATH_MAX * 2];
    const char *others = getenv("LD_PRELOAD");
    int n = snprintf(all, sizeof all, "%s%s%s", library, others && *others ? ":" : "", others ? others : "");
    return n < 0 || (size_t)n >= sizeof all ? -1 : setenv("LD_PRELOAD", all, 1);
}

static int become(char **program, const struct text *interfaces)
{
    char path[PATH_MAX];
    const char *library = find_library(path);
    if (!library) {
        complain("exec: " LIBRARY " is neither beside this program nor in its library directory");
        return EXIT_REFUSED;
    }
    if (set_preload(library) < 0 || setenv("WEIR_INTERFACES", interfaces->bytes, 1) < 0) {
        complain("exec: the environment: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    signal(SIGPIPE, SIG_DFL); /* main() ignores it */
    execvp(program[0], program);
    complain("exec: %s: %s", program[0], strerror(errno));
    return EXIT_REFUSED;
}

static int run_exec(int argc, char **argv)
{
    struct exec_options o = {.config = NULL};
    struct text interfaces = {.length = 0};
    struct operands words;
    int own = 1;
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    int result = options_parse(&exec_command, own, argv, &o, &words);
    if (result != OPTIONS_READY)
        return result;
    if (own + 1 >= argc)
        return command_refuse(&exec_command, "the program is missing; use: weir exec -c FILE -- PROGRAM [ARGUMENT]...");
    result = o.config ? describe_file(&o, &interfaces) : describe_link(&o, &interfaces);
    if (result != EXIT_MET)
        return result;
    if (interfaces.full)
        return command_refuse(&exec_command, "the interfaces need more than %u bytes of text", MOST_BYTES);
    if (o.resolv_conf && setenv("WEIR_RESOLV_CONF", o.resolv_conf, 1) < 0) {
        complain("exec: the environment: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    result = set_trace(&o);
    return result == EXIT_MET ? become(argv + own + 1, &interfaces) : result;
}

const struct command exec_command = {
    .name = "exec",
    .summary = "run a program on Weir's stack",
    .operands = "-- PROGRAM [ARGUMENT]...",
    .description =
        "Runs a dynamically linked program whose sockets are Weir's: connections to addresses that the stack has a "
        "route\n"
        "to, listeners on any address or one of the stack's, and raw, packet and netlink route sockets. Loopback and\n"
        "everything else stay with the kernel. FILE names the interfaces: ports (tap:NAME, packet:IFNAME, xdp:IFNAME,\n"
        "tunnel:KIND,...), each with one device of one host. Everything behind -- is the program's.",
    .examples = "  weir exec -c host.yaml -- curl http://198.18.0.1/\n"
                "  weir exec -l packet:eth1 -a 198.18.0.10/24 -- redis-server --save '' --protected-mode no\n"
                "  weir exec -l tap:weir0 -a 198.18.0.10/24 --kernel-address 198.18.0.1/24 -- nginx -g 'daemon off; "
                "master_process off;'",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_exec,
};
