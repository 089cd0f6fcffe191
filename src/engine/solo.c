/* SPDX-License-Identifier: MIT */
/*
 * One link with one stack: see solo.h.
 */
#define _GNU_SOURCE /* ppoll */
#include "engine/solo.h"

#include <poll.h>
#include <stdio.h>

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/secret.h"

#define LONGEST_SLEEP_NS (100 * NS_PER_MS)
#define SHORTEST_SLEEP_NS (20 * NS_PER_US)
#define EMPTY_TURNS_BEFORE_SLEEP 100u
#define FEW_CONNECTIONS 16u
#define MOST_WAITING 255u

static int open_link(struct solo *o, const struct plan_port *port, char message[256])
{
    struct link *ends[2];
    if (!plan_is_interface(port->kind) && port->kind != PLAN_TUNNEL) {
        snprintf(message, 256, "location: found %.60s, allowed: packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:KIND,...",
                 port->location);
        return ERR_INVALID;
    }
    int e = links_open_alone(port, alloc_heap(), ends, message);
    if (e == 0)
        o->link = ends[0];
    return e;
}

static int make_stack(struct solo *o, const struct solo_needs *needs)
{
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    stack_settings_default(&t);
    t.tcp.max_connections = max_u32(needs->connections, FEW_CONNECTIONS);
    t.max_addresses = needs->addresses ? needs->addresses : t.max_addresses;
    t.max_udp_bindings = needs->udp_ports ? needs->udp_ports : t.max_udp_bindings;
    if (needs->waiting > t.resolve_queue_frames) {
        t.resolve_queue_frames = min_u32(needs->waiting, MOST_WAITING);
        t.resolve_queue_total = max_u32(t.resolve_queue_total, t.resolve_queue_frames);
    }
    int e = secret_fill(&t);
    if (e == 0)
        e = guard_init(&o->guard, &rules, NULL, clock_now());
    if (e == 0)
        e = stack_new(&t, alloc_heap(), clock_now(), &o->stack);
    return e < 0 ? e : stack_add_interface(o->stack, o->link, &o->guard);
}

int solo_open(struct solo *o, const struct plan_port *port, const struct solo_needs *needs, char message[256])
{
    *o = (struct solo){.link = NULL};
    message[0] = 0;
    int e = open_link(o, port, message);
    if (e == 0)
        e = make_stack(o, needs);
    if (e >= 0)
        return 0;
    if (!message[0])
        snprintf(message, 256, "%.100s: %s", port->location, err_text(e));
    solo_close(o);
    return e;
}

void solo_close(struct solo *o)
{
    stack_delete(o->stack);
    link_close(o->link);
    *o = (struct solo){.link = NULL};
}

unsigned solo_turn(struct solo *o, int64_t now)
{
    unsigned n = stack_receive(o->stack, now);
    return n + stack_transmit(o->stack, now);
}

void solo_rest(struct solo *o, unsigned moved, int64_t until)
{
    o->empty_turns = moved > 0 ? 0 : o->empty_turns + 1;
    int64_t at = min_i64(until, min_i64(stack_next_deadline(o->stack), link_next_deadline(o->link)));
    int64_t left = min_i64(at - clock_now(), LONGEST_SLEEP_NS);
    if (o->empty_turns < EMPTY_TURNS_BEFORE_SLEEP || left < SHORTEST_SLEEP_NS) {
        cpu_relax();
        return;
    }
    struct pollfd polled = {.fd = o->link->fd, .events = POLLIN};
    struct timespec t = {.tv_nsec = left};
    if (o->link->fd < 0 || !o->link->ops->arm)
        clock_sleep(SHORTEST_SLEEP_NS);
    else if (o->link->ops->arm(o->link))
        (void)ppoll(&polled, 1, &t, NULL);
}
