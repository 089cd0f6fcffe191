/* SPDX-License-Identifier: MIT */
/*
 * Making and ending a program's stack: links by their locations, addresses, the socket layer, the loop.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "engine/location.h"
#include "engine/secret.h"
#include "link/af_packet.h"
#include "link/af_xdp.h"
#include "link/tap.h"
#include "posix/memory_pairs.h"
#include "posix/private.h"
#include "stack/control.h"
#include "stack/host_text.h"
#include "wire/eth.h"

#define MAX_PROFILES 1024u /* combinations of TCP options in use */
#define LOOP_FRAMES 64u    /* from the program to itself */
#define AUTOCONF_WAIT_NS (15 * NS_PER_S)
#define AUTOCONF_LOOK_NS (10 * NS_PER_MS)

/* ---- links ---- */

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 && text[n] ? text + n : NULL;
}

static int read_prefix(const char *what, const char *text, bool v6, struct ip_prefix *out, char message[256])
{
    if (strchr(text, '/') && ip_prefix_parse(text, strlen(text), out) == 0 && ip_addr_is_v4(&out->addr) != v6)
        return 0;
    snprintf(message, 256, "%s: found \"%.60s\", allowed is an %s with its prefix length, %s", what, text,
             v6 ? "IPv6 address" : "IPv4 address", v6 ? "2001:db8::1/64" : "a.b.c.d/n");
    return ERR_INVALID;
}

static int open_tap(const struct weir_interface *i, const char *name, struct link **out, char message[256])
{
    struct tap_settings s;
    struct ip_prefix kernel = {.length = 0}, kernel6 = {.length = 0};
    tap_settings_default(&s);
    s.name = name;
    s.netns = i->netns;
    if (i->mtu)
        s.mtu = i->mtu;
    if (i->kernel_address && read_prefix("kernel_address", i->kernel_address, false, &kernel, message) < 0)
        return ERR_INVALID;
    if (i->kernel_address6 && read_prefix("kernel_address6", i->kernel_address6, true, &kernel6, message) < 0)
        return ERR_INVALID;
    s.address6 = kernel6.addr;
    s.prefix6 = kernel6.length;
    if (vnet_offload_leave_out(&s.offload, i->without, message) < 0)
        return ERR_INVALID;
    if (i->kernel_address) {
        s.address = ip_addr_to_v4(&kernel.addr);
        s.prefix = kernel.length;
    }
    return tap_links_new(&s, alloc_heap(), out, message);
}

static int open_packet(const struct weir_interface *i, const char *name, struct link **out, char message[256])
{
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.interface = name;
    s.netns = i->netns;
    if (vnet_offload_leave_out(&s.offload, i->without, message) < 0)
        return ERR_INVALID;
    return af_packet_link_new(&s, alloc_heap(), out, message);
}

/* It has no offloads that could be left out. */
static int open_xdp(const struct weir_interface *i, const char *name, struct link **out, char message[256])
{
    struct af_xdp_settings s;
    struct vnet_offload none;
    af_xdp_settings_default(&s);
    vnet_offload_default(&none);
    s.interface = name;
    s.netns = i->netns;
    if (vnet_offload_leave_out(&none, i->without, message) < 0)
        return ERR_INVALID;
    return af_xdp_link_new(&s, alloc_heap(), out, message);
}

/* What belongs to the device at its end is not said here. */
static int open_tunnel(const struct weir_interface *i, struct link **out, char message[256])
{
    const char *wrong = i->kernel_address    ? "kernel_address"
                        : i->kernel_address6 ? "kernel_address6"
                        : i->without         ? "without"
                                             : NULL;
    if (!wrong)
        return location_open_tunnel(i->link, i->netns, alloc_heap(), out, message);
    snprintf(message, 256, "%s: found with \"%.60s\", allowed only with tap:NAME%s", wrong, i->link,
             strcmp(wrong, "without") == 0 ? " and packet:INTERFACE" : "");
    return ERR_INVALID;
}

static int open_link(const struct weir_interface *i, struct link **out, char message[256])
{
    const char *name, *location = i->link ? i->link : "";
    if ((name = after(location, "tap:")) != NULL)
        return open_tap(i, name, out, message);
    if ((name = after(location, "packet:")) != NULL)
        return open_packet(i, name, out, message);
    if ((name = after(location, "xdp:")) != NULL)
        return open_xdp(i, name, out, message);
    if ((name = after(location, "mem:")) != NULL)
        return memory_pair_open(name, i->mtu, out);
    if (after(location, "tunnel:"))
        return open_tunnel(i, out, message);
    snprintf(
        message, 256,
        "link: found \"%.60s\", allowed are tap:NAME, packet:INTERFACE, xdp:INTERFACE, tunnel:KIND,... and mem:NAME",
        location);
    return ERR_INVALID;
}

/* ---- addresses ---- */

/* An interface has at most these: of IPv4, of IPv6, and a link-local one. */
#define MAX_HOSTS 3u
#define PROBE_NUM 3u /* RFC 5227 1.1 */

/* One gateway, or several between commas. */
static int read_gateways(const char *text, bool v6, struct wanted_host *out, char message[256])
{
    for (unsigned n = 0; text; n++) {
        size_t length = strcspn(text, ",");
        struct ip_addr *to = n == 0 ? &out->settings.gateway : &out->spares[n - 1];
        if (n > POSIX_SPARE_GATEWAYS || ip_addr_parse(text, length, to) != 0) {
            snprintf(message, 256, "%s: found \"%.60s\", allowed are one to %u addresses with commas between",
                     v6 ? "gateway6" : "gateway", text, POSIX_SPARE_GATEWAYS + 1);
            return ERR_INVALID;
        }
        out->n_spares = n;
        text = text[length] ? text + length + 1 : NULL;
    }
    return 0;
}

static int read_host(const struct weir_interface *i, bool v6, struct wanted_host *out, char message[256])
{
    const char *address = v6 ? i->address6 : i->address, *gateway = v6 ? i->gateway6 : i->gateway;
    struct host_settings *h = &out->settings;
    struct ip_prefix p;
    *out = (struct wanted_host){.n_spares = 0};
    if (read_prefix(v6 ? "address6" : "address", address ? address : "", v6, &p, message) < 0)
        return ERR_INVALID;
    h->address = p.addr;
    h->prefix_length = p.length;
    memcpy(h->mac, i->mac, sizeof h->mac);
    if (!v6 && (unsigned)i->conflict > WEIR_CONFLICT_GIVE_UP) {
        snprintf(message, 256, "conflict: found %d, allowed are 0 to %d", (int)i->conflict, WEIR_CONFLICT_GIVE_UP);
        return ERR_INVALID;
    }
    if (!v6) {
        h->conflict = (uint8_t)i->conflict; /* the same numbers */
        h->dad_transmits = i->probe ? PROBE_NUM : 0;
    }
    h->redirects = v6 && i->redirects;
    return read_gateways(gateway, v6, out, message);
}

/* Tags and labels, the same for each host of an interface. */
static int read_tags(const struct weir_interface *i, bool dhcp, struct host_settings *out, char message[256])
{
    *out = (struct host_settings){.interface = 0};
    if (i->vlan && host_vlans_parse(i->vlan, out) < 0) {
        snprintf(message, 256, "vlan: found \"%.60s\", allowed is " HOST_VLANS_ALLOWED, i->vlan);
        return ERR_INVALID;
    }
    if (i->mpls && host_labels_parse(i->mpls, out) < 0) {
        snprintf(message, 256, "mpls: found \"%.60s\", allowed is " HOST_LABELS_ALLOWED, i->mpls);
        return ERR_INVALID;
    }
    bool plain_tag = out->vlan_count == 0 || (out->vlan_count == 1 && out->vlan[0].tpid == ETHERTYPE_VLAN &&
                                              !(out->vlan[0].tci & ~WIRE_VLAN_ID_MASK));
    if (!dhcp || (plain_tag && out->mpls_count == 0))
        return 0;
    snprintf(message, 256, "%s: found \"%.60s\" and an address by DHCP, for which one tag without priority is allowed",
             plain_tag ? "mpls" : "vlan", plain_tag ? i->mpls : i->vlan);
    return ERR_INVALID;
}

static void put_tags(struct host_settings *h, const struct host_settings *tags)
{
    h->vlan_count = tags->vlan_count;
    memcpy(h->vlan, tags->vlan, sizeof h->vlan);
    h->mpls_count = tags->mpls_count;
    memcpy(h->mpls, tags->mpls, sizeof h->mpls);
}

static bool by_dhcp(const char *address) { return address && strcmp(address, "dhcp") == 0; }

/* The hosts of an interface but for the link-local one, whose MAC is not known yet: how many. */
static int hosts_of(const struct weir_interface *i, struct wanted_host *hosts, char message[256])
{
    unsigned n = 0;
    if ((i->address || (!i->address6 && !i->autoconf)) && !by_dhcp(i->address) &&
        read_host(i, false, &hosts[n++], message) < 0)
        return ERR_INVALID;
    if (i->address6 && !by_dhcp(i->address6) && read_host(i, true, &hosts[n++], message) < 0)
        return ERR_INVALID;
    return (int)n;
}

static struct wanted_host link_local(const struct weir_interface *i, const struct link *link)
{
    static const uint8_t none[6];
    struct host_settings h = {.prefix_length = 64,
                              .autoconf = i->autoconf,
                              .temporary = i->autoconf && i->temporary,
                              .redirects = i->redirects,
                              .dad_transmits = i->autoconf};
    memcpy(h.mac, i->mac, sizeof h.mac);
    h.address = ip_addr_link_local(memcmp(i->mac, none, sizeof none) == 0 ? link->mac : i->mac);
    return (struct wanted_host){.settings = h};
}

static int add_host(struct weir_stack *w, struct wanted_host *wanted, unsigned interface)
{
    struct host_settings *h = &wanted->settings;
    const struct ip_addr all = ip_addr_is_v4(&h->address) ? ip_addr_from_v4(0) : (struct ip_addr){{0}};
    h->interface = interface;
    int local = stack_add_host(w->stack, h), e = 0;
    for (unsigned i = 0; i < wanted->n_spares && local > 0 && e == 0; i++)
        e = stack_add_route(w->stack, (uint32_t)local, &all, 0, &wanted->spares[i]);
    if (local > 0 && h->dad_transmits == 0)
        stack_announce(w->stack, (uint32_t)local, clock_now());
    return e < 0 ? e : local;
}

/* The interface becomes the stack's, with its addresses. */
static int attach(struct weir_stack *w, struct call *c)
{
    struct interface_slot *slot = &w->interfaces[w->n_interfaces];
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    int e = guard_init(&slot->guard, &rules, NULL, clock_now());
    int number = e < 0 ? e : stack_add_interface(w->stack, c->attach.link, &slot->guard);
    if (number < 0)
        return number;
    slot->link = c->attach.link; /* from here on it is closed with the stack */
    w->n_interfaces++;
    c->attach.link = NULL;
    int local = 0;
    for (unsigned k = 0; k < c->attach.n_hosts && local >= 0; k++)
        local = add_host(w, &c->attach.hosts[k], (unsigned)number);
    c->attach.number = number;
    if (local >= 0)
        local = leases_start(w, (unsigned)number, &c->attach.wanted, clock_now());
    driver_wake(w); /* it knows nothing of the link yet */
    return local < 0 ? local : 0;
}

/* True: leases are there, or will not come. */
static bool await_leases(struct weir_stack *w, struct call *c, int64_t now)
{
    c->result = leases_are_there(w, (unsigned)c->attach.number) ? 0 : -ETIMEDOUT;
    if (c->result == 0 || now >= c->attach.until)
        return true;
    c->expired = false;
    c->deadline = leases_look_again(now);
    w->next_deadline = min_i64(w->next_deadline, c->deadline);
    return false;
}

bool attempt_attach(struct weir_stack *w, struct call *c, int64_t now)
{
    if (c->attach.until != 0)
        return await_leases(w, c, now);
    int e = w->n_interfaces < POSIX_MAX_INTERFACES ? attach(w, c) : ERR_NO_SPACE;
    c->result = e < 0 ? -err_to_errno(e) : 0;
    c->attach.until = now + c->attach.wanted.patience_ns;
    return e < 0 || await_leases(w, c, now);
}

/* ---- addresses that an interface finds by itself ---- */

static bool has_found_address(const struct weir_stack *w, unsigned interface)
{
    struct stack_address a;
    struct host_settings h;
    for (uint32_t i = 0; (i = stack_next_host(w->stack, i)) != 0;)
        if (stack_view_host(w->stack, i, &h) && h.interface == interface && stack_view_address(w->stack, i, &a) &&
            a.station != 0 && a.state == STACK_ADDRESS_PREFERRED)
            return true;
    return false;
}

static const char *what_lacks(const struct weir_stack *w)
{
    const struct stack_counters *c = stack_counters(w->stack);
    if (c->dad_duplicate != 0)
        return "somebody else has the address";
    if (c->ra_received == 0)
        return "no router advertised itself";
    return "no router advertised a prefix to make addresses of";
}

bool attempt_autoconf(struct weir_stack *w, struct call *c, int64_t now)
{
    if (!c->waits)
        c->autoconf.until = now + AUTOCONF_WAIT_NS;
    bool found = has_found_address(w, c->autoconf.interface), over = found || now >= c->autoconf.until;
    c->result = found ? 0 : -ETIMEDOUT;
    c->autoconf.lack = what_lacks(w);
    c->deadline = now + AUTOCONF_LOOK_NS;
    if (!over)
        w->next_deadline = min_i64(w->next_deadline, c->deadline);
    return over;
}

static int wait_for_address(struct weir_stack *w, const struct weir_interface *i, int interface, char message[256])
{
    struct call c = {.attempt = attempt_autoconf, .fd = -1, .autoconf = {.interface = (unsigned)interface}};
    int result = (int)call_perform(w, &c);
    if (result < 0)
        snprintf(message, 256, "autoconf: found no IPv6 address on %.60s within %d s: %s", i->link,
                 (int)(AUTOCONF_WAIT_NS / NS_PER_S), c.autoconf.lack);
    return result;
}

/* ---- addresses that somebody may have ---- */

static enum stack_address_state probed_state(const struct weir_stack *w, unsigned interface)
{
    struct stack_address a = {.state = STACK_ADDRESS_DUPLICATE};
    struct host_settings h;
    for (uint32_t i = 0; (i = stack_next_host(w->stack, i)) != 0;)
        if (stack_view_host(w->stack, i, &h) && h.interface == interface && ip_addr_is_v4(&h.address) &&
            stack_view_address(w->stack, i, &a))
            break;
    return a.state;
}

bool attempt_probe(struct weir_stack *w, struct call *c, int64_t now)
{
    enum stack_address_state state = probed_state(w, c->autoconf.interface);
    c->result = state == STACK_ADDRESS_DUPLICATE ? -EADDRINUSE : 0;
    c->deadline = now + AUTOCONF_LOOK_NS;
    if (state == STACK_ADDRESS_TENTATIVE)
        w->next_deadline = min_i64(w->next_deadline, c->deadline);
    return state != STACK_ADDRESS_TENTATIVE;
}

static int wait_for_probe(struct weir_stack *w, const struct weir_interface *i, int interface, char message[256])
{
    struct call c = {.attempt = attempt_probe, .fd = -1, .autoconf = {.interface = (unsigned)interface}};
    int result = (int)call_perform(w, &c);
    if (result < 0)
        snprintf(message, 256, "address: found %.40s, which another station on %.60s has", i->address, i->link);
    return result;
}

static int add_interface(struct weir_stack *w, const struct weir_interface *given, char message[256])
{
    struct weir_interface i = {0};
    struct wanted_host hosts[MAX_HOSTS];
    struct host_settings tags;
    struct call c = {.attempt = attempt_attach, .attach = {.hosts = hosts}};
    memcpy(&i, given, min_size(given->size, sizeof i));
    int n = hosts_of(&i, hosts, message);
    int e = n < 0 ? n : read_tags(&i, by_dhcp(i.address) || by_dhcp(i.address6), &tags, message);
    if (e == 0)
        e = open_link(&i, &c.attach.link, message);
    if (e < 0) {
        errno = err_to_errno(e);
        return -1;
    }
    c.attach.wanted = (struct wanted_leases){
        .v4 = by_dhcp(i.address), .v6 = by_dhcp(i.address6), .patience_ns = leases_patience(i.dhcp_timeout_ms)};
    memcpy(c.attach.wanted.mac, i.mac, sizeof i.mac);
    if (tags.vlan_count)
        c.attach.wanted.vlan = tags.vlan[0].tci & WIRE_VLAN_ID_MASK;
    if (by_dhcp(i.address6) && i.gateway6 &&
        ip_addr_parse(i.gateway6, strlen(i.gateway6), &c.attach.wanted.gateway6) != 0) {
        snprintf(message, 256, "gateway6: found \"%.60s\", allowed is an address", i.gateway6);
        link_close(c.attach.link);
        errno = EINVAL;
        return -1;
    }
    if ((i.address6 && !by_dhcp(i.address6)) || i.autoconf)
        hosts[n++] = link_local(&i, c.attach.link);
    for (int k = 0; k < n; k++)
        put_tags(&hosts[k].settings, &tags);
    c.attach.n_hosts = (unsigned)n;
    if (i.mtu)
        c.attach.link->mtu = min_u32(i.mtu, c.attach.link->mtu);
    int result = (int)call_perform(w, &c);
    link_close(c.attach.link);
    if (result < 0 && errno == ETIMEDOUT)
        snprintf(message, 256, "%s: found \"dhcp\", but no server gave a lease on %.60s within %.3g s",
                 by_dhcp(i.address) ? "address" : "address6", i.link, (double)c.attach.wanted.patience_ns / NS_PER_S);
    if (result == 0 && i.probe && i.address && !by_dhcp(i.address))
        result = wait_for_probe(w, &i, c.attach.number, message);
    return result == 0 && i.autoconf ? wait_for_address(w, &i, c.attach.number, message) : result;
}

static void say(char *message, size_t bytes, const char *why)
{
    int error = errno;
    if (bytes > 0)
        snprintf(message, bytes, "%s", why[0] ? why : strerror(error));
    errno = error;
}

int weir_interface_add(struct weir_stack *w, const struct weir_interface *i, char *message, size_t message_bytes)
{
    char why[256] = "";
    int result = add_interface(w, i, why);
    if (result < 0)
        say(message, message_bytes, why);
    return result;
}

int weir_interface_add_default(struct weir_stack *w, char *message, size_t message_bytes)
{
    struct weir_interface i = {.size = sizeof i,
                               .link = getenv("WEIR_LINK"),
                               .address = getenv("WEIR_ADDRESS"),
                               .gateway = getenv("WEIR_GATEWAY"),
                               .address6 = getenv("WEIR_ADDRESS6"),
                               .gateway6 = getenv("WEIR_GATEWAY6"),
                               .vlan = getenv("WEIR_VLAN"),
                               .mpls = getenv("WEIR_MPLS")};
    i.autoconf = i.address6 && strcmp(i.address6, "auto") == 0;
    if (i.autoconf)
        i.address6 = NULL;
    if (i.link && (i.address || i.address6 || i.autoconf))
        return weir_interface_add(w, &i, message, message_bytes);
    errno = ENODEV;
    say(message, message_bytes,
        "no interface: the program added none, and WEIR_LINK (tap:NAME, packet:INTERFACE, xdp:INTERFACE, "
        "tunnel:KIND,..., "
        "mem:NAME) and WEIR_ADDRESS (a.b.c.d/n) are not both set");
    return -1;
}

unsigned weir_interface_count(struct weir_stack *w)
{
    struct call c = {.attempt = attempt_count_interfaces, .fd = -1};
    return (unsigned)call_perform(w, &c);
}

bool attempt_count_interfaces(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    c->result = w->n_interfaces;
    return true;
}

/* ---- the whole ---- */

static int make_stack(struct weir_stack *w, uint32_t max_sockets, uint64_t buffer_bytes, bool loopback)
{
    struct stack_settings t;
    struct socket_settings s;
    stack_settings_default(&t);
    socket_settings_default(&s);
    t.merge_received = true;
    t.loop_frames = LOOP_FRAMES;
    t.group_reports = GROUP_REPORTS_ALL; /* a host among others: RFC 4861 7.2.1 */
    t.tcp.max_connections = max_sockets;
    t.max_udp_bindings = max_sockets; /* a port each */
    t.tcp.max_users = MAX_PROFILES;
    t.tcp.links = POSIX_MAX_INTERFACES;
    s.max_sockets = max_sockets;
    s.buffer_bytes = buffer_bytes;
    s.loopback = loopback;
    int e = secret_fill(&t);
    if (e < 0)
        return -EIO;
    if (w->trace.fd)
        t.trace = t.tcp.trace = &w->trace.trace;
    s.secret = t.secret;
    s.tcp.ack_push_waits = true;
    e = stack_new(&t, alloc_heap(), clock_now(), &w->stack);
    return e < 0 ? -err_to_errno(e) : socket_layer_new(&s, w->stack, alloc_heap(), &w->sockets);
}

/* A fault of memory, or of the program's own making, is not to wait. */
static void choose_signals(struct weir_stack *w)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(&w->asynchronous);
    for (unsigned i = 0; i < ARRAY_SIZE(synchronous); i++)
        sigdelset(&w->asynchronous, synchronous[i]);
    w->signals = w->asynchronous;
}

static int open_wakers(struct weir_stack *w)
{
    choose_signals(w);
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->drive_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->signal_fd = signalfd(-1, &w->signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return w->wake_fd < 0 || w->drive_fd < 0 || w->signal_fd < 0 ? -errno : 0;
}

static int make(struct weir_stack *w, const struct weir_stack_options *o, char message[256])
{
    uint32_t max_sockets = o->max_sockets ? o->max_sockets : 16384;
    if (max_sockets > POSIX_MAX_DESCRIPTORS) {
        snprintf(message, 256, "max_sockets: found %u, allowed at most %u", max_sockets, POSIX_MAX_DESCRIPTORS);
        return -EINVAL;
    }
    if (o->n_interfaces > POSIX_MAX_INTERFACES || (o->n_interfaces && !o->interfaces)) {
        snprintf(message, 256, "n_interfaces: found %u, allowed at most %u", o->n_interfaces, POSIX_MAX_INTERFACES);
        return -EINVAL;
    }
    int e = trace_file_open(&w->trace, o->trace, o->trace_layers, clock_now(), message);
    if (e == 0 && !w->embedded)
        e = open_wakers(w);
    if (e == 0)
        e = files_init(&w->files, max_sockets);
    if (e == 0)
        e = make_stack(w, max_sockets, o->buffer_bytes ? o->buffer_bytes : UINT64_C(1) << 30, !o->no_loopback);
    if (e == 0 && !w->embedded)
        e = loop_start(w);
    if (e == 0)
        e = registry_add(w);
    const char *at = (const char *)o->interfaces; /* their size is the caller's */
    for (unsigned i = 0; i < o->n_interfaces && e == 0; i++, at += o->interfaces->size)
        if (add_interface(w, (const struct weir_interface *)(const void *)at, message) < 0)
            e = -errno;
    return e;
}

static struct weir_stack *allocate(const struct weir_stack_options *o)
{
    struct weir_stack *w = alloc_zeroed(alloc_heap(), sizeof *w, CACHE_LINE);
    if (!w)
        return NULL;
    w->embedded = o->embedded;
    w->defer_signals = o->defer_signals;
    w->cpu = o->cpu - 1;
    w->wake_fd = w->drive_fd = w->signal_fd = -1;
    w->sleeps_until = DRIVER_AWAKE;
    w->number = -1;
    w->next_deadline = TIME_NEVER;
    w->poll_ns = (o->poll_us ? o->poll_us : 50) * NS_PER_US;
    return w;
}

struct weir_stack *weir_stack_new(const struct weir_stack_options *options, char *message, size_t message_bytes)
{
    struct weir_stack_options o = {0};
    char why[256] = "";
    memcpy(&o, options, min_size(options->size, sizeof o));
    struct weir_stack *w = allocate(&o);
    int e = w ? make(w, &o, why) : -ENOMEM;
    if (e == 0)
        return w;
    weir_stack_delete(w);
    errno = -e;
    say(message, message_bytes, why);
    return NULL;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void weir_stack_delete(struct weir_stack *w)
{
    if (!w)
        return;
    registry_remove(w);
    loop_stop(w);
    call_cancel_all(w);
    if (w->stack)
        stack_transmit(w->stack, clock_now());
    leases_end(w, clock_now());
    files_free(&w->files, clock_now());
    socket_layer_delete(w->sockets);
    stack_delete(w->stack);
    for (unsigned i = 0; i < w->n_interfaces; i++)
        link_close(w->interfaces[i].link);
    close_if_open(w->wake_fd);
    close_if_open(w->drive_fd);
    close_if_open(w->signal_fd);
    trace_file_close(&w->trace);
    alloc_free(alloc_heap(), w, sizeof *w);
}
