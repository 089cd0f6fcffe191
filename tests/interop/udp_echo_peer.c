/* SPDX-License-Identifier: MIT */
/*
 * Our end of large.sh: one host of our stack on an interface, which answers ping, and UDP to port 7 with the same bytes
 * (RFC 862). Ends at SIGTERM and prints the stack's counters and how often UDP could not be sent, one "name value" a
 * line.
 *
 * Usage: udp_echo_peer NETNS INTERFACE ADDRESS/LENGTH GATEWAY
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/clock.h"
#include "engine/secret.h"
#include "link/af_packet.h"
#include "stack/stack.h"

#define ECHO_PORT 7
#define LONGEST_SLEEP_NS (50 * NS_PER_MS)

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

struct peer {
    struct link *link;
    struct guard guard;
    struct stack *stack;
    uint64_t unsent;
};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    struct peer *p = context;
    p->unsent += udp_send(p->stack, d, now) != 0;
}

static int open_link(struct peer *p, const char *netns, const char *interface)
{
    char message[256];
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.netns = netns;
    s.interface = interface;
    int error = af_packet_link_new(&s, alloc_heap(), &p->link, message);
    if (error)
        fprintf(stderr, "%s: %s\n", err_name(error), message);
    return error;
}

static int open_stack(struct peer *p, char *address, const char *gateway)
{
    struct guard_rules rules = {.stop_at = TIME_NEVER};
    struct stack_settings t;
    char *slash = strchr(address, '/');
    if (!slash)
        return ERR_INVALID;
    *slash = '\0';
    struct host_settings host = {.prefix_length = (uint8_t)atoi(slash + 1)};
    if (ip_addr_parse(address, strlen(address), &host.address) ||
        ip_addr_parse(gateway, strlen(gateway), &host.gateway))
        return ERR_INVALID;
    stack_settings_default(&t);
    t.tcp.max_connections = 16;
    int e;
    if ((e = secret_fill(&t)) || (e = guard_init(&p->guard, &rules, NULL, clock_now())) ||
        (e = stack_new(&t, alloc_heap(), clock_now(), &p->stack)) ||
        (e = stack_add_interface(p->stack, p->link, &p->guard)))
        return e;
    int local = stack_add_host(p->stack, &host);
    return local < 0 ? local : udp_bind(p->stack, (uint32_t)local, ECHO_PORT, on_datagram, NULL, p);
}

/* Until the next deadline, or frames. */
static void rest(struct peer *p)
{
    int64_t ns = stack_next_deadline(p->stack) - clock_now();
    ns = ns < 0 ? 0 : ns > LONGEST_SLEEP_NS ? LONGEST_SLEEP_NS : ns;
    struct pollfd readable = {.fd = p->link->fd, .events = POLLIN};
    poll(&readable, 1, (int)((ns + NS_PER_MS - 1) / NS_PER_MS));
}

static void print_counters(const struct peer *p)
{
    const struct stack_counters *c = stack_counters(p->stack);
#define PRINT(name) printf(#name " %" PRIu64 "\n", c->name);
    STACK_COUNTER_LIST(PRINT)
#undef PRINT
    printf("unsent %" PRIu64 "\n", p->unsent);
}

int main(int argc, char **argv)
{
    static struct peer p;
    if (argc != 5) {
        fprintf(stderr, "usage: udp_echo_peer NETNS INTERFACE ADDRESS/LENGTH GATEWAY\n");
        return 2;
    }
    int error;
    if ((error = open_link(&p, argv[1], argv[2])) || (error = open_stack(&p, argv[3], argv[4]))) {
        fprintf(stderr, "%s\n", err_name(error));
        return 3;
    }
    struct sigaction on_end = {.sa_handler = end};
    sigaction(SIGTERM, &on_end, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!ended) {
        unsigned n = stack_receive(p.stack, clock_now());
        n += stack_transmit(p.stack, clock_now());
        if (n == 0)
            rest(&p);
    }
    print_counters(&p);
    stack_delete(p.stack);
    link_close(p.link);
    return 0;
}
