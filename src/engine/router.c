/* SPDX-License-Identifier: MIT */
/*
 * A router between ports: see router.h.
 */
#define _GNU_SOURCE /* ppoll */
#include "engine/router.h"

#include <poll.h>
#include <stdio.h>

#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/secret.h"
#include "stack/control.h"

#define EMPTY_TURNS_BEFORE_SLEEP 200u
#define SHORTEST_SLEEP_NS (20 * NS_PER_US)
#define NEIGHBOURS 16384u
#define FEW_CONNECTIONS 64u
#define LARGE_DATAGRAMS 16u

/* ---- making it ---- */

static uint32_t largest_mtu(const struct plan *p)
{
    uint32_t mtu = 0;
    for (uint32_t i = 0; i < p->n_ports; i++)
        mtu = max_u32(mtu, p->ports[i].mtu);
    return mtu;
}

static int make_stack(struct router_run *r, int64_t now)
{
    const struct plan *p = r->plan;
    struct stack_settings s;
    stack_settings_default(&s);
    s.max_addresses = p->router->n_addresses + p->router->n_advertise;
    s.max_routers = max_u32(s.max_routers, p->router->n_advertise);
    s.max_neighbours = NEIGHBOURS;
    s.large_datagrams = LARGE_DATAGRAMS;
    s.answer_echo = p->answer_echo;
    s.tcp.links = (uint8_t)p->n_ports;
    s.tcp.max_connections = FEW_CONNECTIONS;
    s.tcp.frame_bytes = max_u32(2048, largest_mtu(p) + 256);
    int e = secret_fill(&s);
    return e < 0 ? e : stack_new(&s, r->allocator, now, &r->stack);
}

static int add_ports(struct router_run *r, int64_t now)
{
    int e = 0;
    for (uint32_t i = 0; i < r->plan->n_ports && e >= 0; i++) {
        const struct plan_port *q = &r->plan->ports[i];
        e = guard_init(&r->guards[i], &q->guard, NULL, now);
        if (e == 0 && q->max_duration_ns < TIME_NEVER - now)
            r->guards[i].rules.stop_at = now + q->max_duration_ns;
        if (e == 0)
            e = stack_add_interface(r->stack, r->links[i].top, &r->guards[i]);
    }
    return e < 0 ? e : 0;
}

static int add_addresses(struct router_run *r, char message[256])
{
    const struct plan_router *from = r->plan->router;
    for (uint32_t i = 0; i < from->n_addresses; i++) {
        const struct plan_router_address *a = &from->addresses[i];
        struct host_settings h = {.interface = a->port,
                                  .vlan_count = a->vlan_count,
                                  .vlan = {a->vlan[0], a->vlan[1]},
                                  .vni = a->vni,
                                  .vrf = a->vrf,
                                  .address = a->address,
                                  .prefix_length = a->prefix_length,
                                  .mpls_count = a->mpls_count};
        char text[IP_ADDR_TEXT];
        memcpy(h.mac, a->mac, sizeof h.mac);
        memcpy(h.mpls, a->mpls, sizeof h.mpls);
        int local = stack_add_host(r->stack, &h);
        (void)ip_addr_print(text, sizeof text, &a->address);
        if (local < 0) {
            snprintf(message, 256, "router.addresses[%u]: found %s: %s", i, text, err_text(local));
            return local;
        }
        r->locals[i] = (uint32_t)local;
    }
    return 0;
}

static int add_routes(struct router_run *r, char message[256])
{
    const struct plan_router *from = r->plan->router;
    for (uint32_t i = 0; i < from->n_routes; i++) {
        const struct plan_router_route *a = &from->routes[i];
        const struct forward_route route = {.prefix = a->prefix, .local = r->locals[a->address], .gateway = a->gateway};
        char text[IP_ADDR_PREFIX_TEXT];
        int e = forward_add_route(r->stack, from->addresses[a->address].vrf, &route);
        (void)ip_prefix_print(text, sizeof text, &a->prefix);
        if (e < 0) {
            snprintf(message, 256, "router.routes[%u]: found %s: %s", i, text,
                     e == ERR_EXISTS ? "there is a route or an address of that prefix already" : err_text(e));
            return e;
        }
    }
    return 0;
}

static int start_forwarding(struct router_run *r)
{
    struct forward_settings t;
    forward_settings_default(&t);
    t.fill_options = r->plan->router->fill_options;
    t.max_next_hops = r->plan->router->n_routes + 1;
    int e = 0;
    for (uint32_t i = 0; i < r->plan->router->n_vrfs && e == 0; i++)
        e = forward_start(r->stack, r->plan->router->vrfs[i].number, &t);
    return e;
}

/* Routers advertise from a link-local address: RFC 4861 4.2. It is made of the MAC of the address on that link. */
static int add_link_local(struct router_run *r, const struct plan_router_address *on)
{
    static const uint8_t none[6];
    struct host_settings h = {.interface = on->port,
                              .vlan_count = on->vlan_count,
                              .vlan = {on->vlan[0], on->vlan[1]},
                              .vni = on->vni,
                              .vrf = on->vrf,
                              .prefix_length = 64};
    memcpy(h.mac, on->mac, sizeof h.mac);
    h.address = ip_addr_link_local(memcmp(on->mac, none, sizeof none) ? on->mac : r->links[on->port].top->mac);
    return stack_add_host(r->stack, &h);
}

static int advertise(struct router_run *r, int64_t now, char message[256])
{
    const struct plan_router *from = r->plan->router;
    int e = 0;
    for (uint32_t i = 0; i < from->n_advertise && e >= 0; i++) {
        struct stack_router_settings t = from->advertise[i].settings;
        e = add_link_local(r, &from->addresses[from->advertise[i].address]);
        t.local = e < 0 ? 0 : (uint32_t)e;
        if (e >= 0)
            e = stack_router_start(r->stack, &t, now);
        if (e < 0)
            snprintf(message, 256, "router.advertise[%u]: %s", i,
                     e == ERR_EXISTS ? "another entry is for the same link" : err_text(e));
    }
    return e;
}

/* RFC 4861 6.2.5: those who hear it take another router. */
static void stop_advertising(struct router_run *r, int64_t now)
{
    struct stack_address a;
    for (uint32_t i = stack_next_host(r->stack, 0); i; i = stack_next_host(r->stack, i))
        if (stack_view_address(r->stack, i, &a))
            (void)stack_router_stop(r->stack, i, now);
    (void)stack_transmit(r->stack, now);
}

static int make(struct router_run *r, char message[256])
{
    int64_t now = clock_now();
    uint32_t n = r->plan->router->n_addresses;
    int e = links_open(r->plan, r->allocator, r->links, message);
    if (e < 0)
        return e;
    r->locals = alloc_array(r->allocator, n, sizeof *r->locals, alignof(uint32_t));
    if (!r->locals)
        return ERR_NO_MEMORY;
    if ((e = make_stack(r, now)) < 0 || (e = add_ports(r, now)) < 0 || (e = start_forwarding(r)) < 0 ||
        (e = router_filters_start(r)) < 0 || (e = add_addresses(r, message)) < 0)
        return e;
    for (uint32_t i = 0; i < n; i++)
        stack_announce(r->stack, r->locals[i], now);
    e = add_routes(r, message);
    return e < 0 ? e : advertise(r, now, message);
}

int router_open(struct router_run *r, const struct plan *p, const struct allocator *a, char message[256])
{
    *r = (struct router_run){.plan = p, .allocator = a};
    message[0] = 0;
    int e = make(r, message);
    if (e < 0 && !message[0])
        snprintf(message, 256, "%s", err_text(e));
    if (e < 0)
        router_close(r);
    return e;
}

void router_close(struct router_run *r)
{
    if (r->stack)
        stop_advertising(r, clock_now());
    stack_delete(r->stack);
    router_filters_stop(r);
    links_close(r->plan, r->links);
    if (r->locals)
        alloc_free(r->allocator, r->locals, r->plan->router->n_addresses * sizeof *r->locals);
    r->stack = NULL;
    r->locals = NULL;
}

/* ---- turns ---- */

static void rest(struct router_run *r, int64_t until)
{
    struct pollfd polled[PLAN_MAX_PORTS];
    int64_t left = min_i64(until, stack_next_deadline(r->stack)) - clock_now();
    bool armed = true;
    if (left < SHORTEST_SLEEP_NS)
        return;
    for (uint32_t i = 0; i < r->plan->n_ports; i++) {
        struct link *l = r->links[i].top;
        polled[i] = (struct pollfd){.fd = l->fd, .events = POLLIN};
        armed = armed && l->fd >= 0 && l->ops->arm && l->ops->arm(l);
    }
    if (!armed) { /* a frame waits, or a link cannot tell */
        clock_sleep(SHORTEST_SLEEP_NS);
        return;
    }
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    (void)ppoll(polled, r->plan->n_ports, &t, NULL);
}

void router_turn(struct router_run *r, int64_t until)
{
    int64_t now = clock_now();
    unsigned n = stack_receive(r->stack, now);
    n += stack_transmit(r->stack, now);
    r->empty_turns = n > 0 ? 0 : r->empty_turns + 1;
    if (r->empty_turns > 0)
        cpu_relax();
    if (r->empty_turns > EMPTY_TURNS_BEFORE_SLEEP)
        rest(r, until);
}
