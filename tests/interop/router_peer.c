/* SPDX-License-Identifier: MIT */
/*
 * A router of Weir for autoconf.sh: advertises 2001:db8:9::/64, an MTU of 1420 and a name server, answers for fe80::9 and 2001:db8:9::1, and says that it
 * is none any more when it ends at SIGTERM.
 *
 * Usage: router_peer INTERFACE
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/clock.h"
#include "link/af_packet.h"
#include "stack/nd_router.h"

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static struct ip_addr address(const char *text)
{
    struct ip_addr a = {{0}};
    if (ip_addr_parse(text, strlen(text), &a) != 0)
        fprintf(stderr, "no address: %s\n", text);
    return a;
}

static int open_stack(const char *interface, struct link **link, struct guard *guard, struct stack **s)
{
    char message[256] = "";
    struct af_packet_settings p;
    struct stack_settings t;
    const struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    af_packet_settings_default(&p);
    stack_settings_default(&t);
    p.interface = interface;
    int e = af_packet_link_new(&p, alloc_heap(), link, message);
    if (e == 0)
        e = guard_init(guard, &rules, NULL, clock_now());
    if (e == 0)
        e = stack_new(&t, alloc_heap(), clock_now(), s);
    if (e == 0)
        e = stack_add_interface(*s, *link, guard);
    if (e < 0)
        fprintf(stderr, "%s: %s %s\n", interface, err_text(e), message);
    return e;
}

static int advertise(struct stack *s)
{
    struct stack_router_settings t;
    const struct host_settings near = {.address = address("fe80::9"), .prefix_length = 64};
    const struct host_settings far = {.address = address("2001:db8:9::1"), .prefix_length = 64};
    stack_router_settings_default(&t);
    int local = stack_add_host(s, &near);
    if (local < 0 || stack_add_host(s, &far) < 0)
        return ERR_INVALID;
    t.local = (uint32_t)local;
    t.min_interval_ns = 3 * NS_PER_S;
    t.max_interval_ns = 4 * NS_PER_S;
    t.mtu = 1420;
    t.preference = 1;
    t.n_prefixes = 1;
    t.prefix[0] = (struct wire_nd_prefix){.prefix = address("2001:db8:9::"),
                                          .length = 64,
                                          .flags = WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS,
                                          .valid_s = 600,
                                          .preferred_s = 300};
    t.n_dns = 1;
    t.dns[0] = (struct wire_nd_dns){.server = address("2001:db8:9::53"), .lifetime_s = 600};
    int e = stack_router_start(s, &t, clock_now());
    return e < 0 ? e : local;
}

static void run(struct stack *s, const struct link *link)
{
    while (!ended) {
        struct pollfd p = {.fd = link->fd, .events = POLLIN};
        (void)poll(&p, 1, 50);
        stack_receive(s, clock_now());
        stack_transmit(s, clock_now());
    }
}

int main(int argc, char **argv)
{
    struct link *link = NULL;
    struct guard guard;
    struct stack *s = NULL;
    struct sigaction a = {.sa_handler = end};
    sigaction(SIGTERM, &a, NULL);
    if (argc != 2 || open_stack(argv[1], &link, &guard, &s) < 0)
        return 2;
    int local = advertise(s);
    if (local < 0)
        return 2;
    run(s, link);
    stack_receive(s, clock_now());
    (void)stack_router_stop(s, (uint32_t)local, clock_now());
    stack_transmit(s, clock_now());
    printf("advertisements %lu\n", (unsigned long)stack_counters(s)->ra_sent);
    stack_delete(s);
    link_close(link);
    return 0;
}
