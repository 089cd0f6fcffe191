/* SPDX-License-Identifier: MIT */
/*
 * Making and ending a program's stack: links by their locations, addresses, the socket layer, the loop.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "engine/secret.h"
#include "link/af_packet.h"
#include "link/tap.h"
#include "posix/memory_pairs.h"
#include "posix/private.h"

#define MAX_PROFILES 1024u /* combinations of TCP options in use */

/* ---- links ---- */

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 && text[n] ? text + n : NULL;
}

static int open_tap(const struct weir_interface *i, const char *name, struct link **out, char message[256])
{
    struct tap_settings s;
    tap_settings_default(&s);
    s.name = name;
    s.netns = i->netns;
    if (i->mtu)
        s.mtu = i->mtu;
    return tap_links_new(&s, alloc_heap(), out, message);
}

static int open_packet(const struct weir_interface *i, const char *name, struct link **out, char message[256])
{
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.interface = name;
    s.netns = i->netns;
    return af_packet_link_new(&s, alloc_heap(), out, message);
}

static int open_link(const struct weir_interface *i, struct link **out, char message[256])
{
    const char *name, *location = i->link ? i->link : "";
    if ((name = after(location, "tap:")) != NULL)
        return open_tap(i, name, out, message);
    if ((name = after(location, "packet:")) != NULL)
        return open_packet(i, name, out, message);
    if ((name = after(location, "mem:")) != NULL)
        return memory_pair_open(name, i->mtu, out);
    snprintf(message, 256, "link: found \"%.60s\", allowed are tap:NAME, packet:INTERFACE and mem:NAME", location);
    return ERR_INVALID;
}

/* ---- addresses ---- */

static int host_of(const struct weir_interface *i, unsigned number, struct host_settings *h, char message[256])
{
    struct ip_prefix p;
    *h = (struct host_settings){.interface = number};
    const char *address = i->address ? i->address : "";
    if (!strchr(address, '/') || ip_prefix_parse(address, strlen(address), &p) != 0 || !ip_addr_is_v4(&p.addr)) {
        snprintf(message, 256, "address: found \"%.60s\", allowed is an IPv4 address with its prefix length, a.b.c.d/n",
                 address);
        return ERR_INVALID;
    }
    h->address = p.addr;
    h->prefix_length = p.length;
    memcpy(h->mac, i->mac, sizeof h->mac);
    if (i->gateway && ip_addr_parse(i->gateway, strlen(i->gateway), &h->gateway) != 0) {
        snprintf(message, 256, "gateway: found \"%.60s\", allowed is an address", i->gateway);
        return ERR_INVALID;
    }
    return 0;
}

static int add_interface(struct weir_stack *w, const struct weir_interface *given, char message[256])
{
    struct interface_slot *slot = &w->interfaces[w->n_interfaces];
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    struct weir_interface i = {0};
    struct host_settings h;
    memcpy(&i, given, min_size(given->size, sizeof i));
    int e = open_link(&i, &slot->link, message);
    if (e < 0)
        return e;
    w->n_interfaces++;
    if (i.mtu)
        slot->link->mtu = min_u32(i.mtu, slot->link->mtu);
    if ((e = guard_init(&slot->guard, &rules, NULL, clock_now())) < 0)
        return e;
    int number = stack_add_interface(w->stack, slot->link, &slot->guard);
    if (number < 0)
        return number;
    if ((e = host_of(&i, (unsigned)number, &h, message)) < 0)
        return e;
    int local = stack_add_host(w->stack, &h);
    if (local < 0)
        return local;
    stack_announce(w->stack, (uint32_t)local, clock_now());
    return 0;
}

/* ---- the whole ---- */

static int make_stack(struct weir_stack *w, uint32_t max_sockets, uint64_t buffer_bytes)
{
    struct stack_settings t;
    struct socket_settings s;
    stack_settings_default(&t);
    socket_settings_default(&s);
    t.merge_received = true;
    t.tcp.max_connections = max_sockets;
    t.tcp.max_users = MAX_PROFILES;
    t.tcp.links = POSIX_MAX_INTERFACES;
    s.max_sockets = max_sockets;
    s.buffer_bytes = buffer_bytes;
    int e = secret_fill(&t);
    if (e < 0)
        return -EIO;
    s.secret = t.secret;
    e = stack_new(&t, alloc_heap(), clock_now(), &w->stack);
    return e < 0 ? -err_to_errno(e) : socket_layer_new(&s, w->stack, alloc_heap(), &w->sockets);
}

static int make(struct weir_stack *w, const struct weir_stack_options *o, char message[256])
{
    uint32_t max_sockets = o->max_sockets ? o->max_sockets : 16384;
    if (o->n_interfaces < 1 || o->n_interfaces > POSIX_MAX_INTERFACES || !o->interfaces) {
        snprintf(message, 256, "n_interfaces: found %u, allowed 1 to %u", o->n_interfaces, POSIX_MAX_INTERFACES);
        return -EINVAL;
    }
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int e = w->wake_fd < 0 ? -errno : files_init(&w->files, max_sockets);
    if (e == 0)
        e = make_stack(w, max_sockets, o->buffer_bytes ? o->buffer_bytes : UINT64_C(1) << 30);
    const char *at = (const char *)o->interfaces; /* their size is the caller's */
    for (unsigned i = 0; i < o->n_interfaces && e == 0; i++, at += o->interfaces->size) {
        int error = add_interface(w, (const struct weir_interface *)(const void *)at, message);
        e = error < 0 ? -err_to_errno(error) : 0;
    }
    return e == 0 && !w->embedded ? loop_start(w) : e;
}

struct weir_stack *weir_stack_new(const struct weir_stack_options *options, char *message, size_t message_bytes)
{
    struct weir_stack_options o = {0};
    char why[256] = "";
    struct weir_stack *w = alloc_zeroed(alloc_heap(), sizeof *w, CACHE_LINE);
    if (message_bytes > 0)
        message[0] = 0;
    if (!w) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(&o, options, min_size(options->size, sizeof o));
    w->embedded = o.embedded;
    w->cpu = o.cpu - 1;
    w->wake_fd = -1;
    w->next_deadline = TIME_NEVER;
    w->poll_ns = (o.poll_us ? o.poll_us : 50) * NS_PER_US;
    int e = make(w, &o, why);
    if (e == 0)
        return w;
    weir_stack_delete(w);
    errno = -e;
    if (message_bytes > 0)
        snprintf(message, message_bytes, "%s", why[0] ? why : strerror(-e));
    return NULL;
}

void weir_stack_delete(struct weir_stack *w)
{
    if (!w)
        return;
    loop_stop(w);
    call_cancel_all(w);
    if (w->stack)
        stack_transmit(w->stack, clock_now());
    files_free(&w->files, clock_now());
    socket_layer_delete(w->sockets);
    stack_delete(w->stack);
    for (unsigned i = 0; i < w->n_interfaces; i++)
        link_close(w->interfaces[i].link);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    alloc_free(alloc_heap(), w, sizeof *w);
}
