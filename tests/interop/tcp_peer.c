/* SPDX-License-Identifier: MIT */
/*
 * Our TCP on an interface, told what to do a line at a time: the other end of tcp_linux.py. Each command is answered
 * with one line.
 *
 *     listen PORT | listen-keepalive PORT      connect LOCAL-PORT REMOTE-PORT      send BYTES | urgent BYTES     close | abort
 *     hold | go        received frames wait in the socket; what is to be sent goes out all the same, so that segments cross on the wire
 *     stop | read      the user consumes nothing, or everything
 *     status           state, bytes, marks, counters, as NAME=VALUE
 *     trace            the states that connections went through since the last time
 *
 * Usage: tcp_peer NETNS INTERFACE OUR-ADDRESS PEER-ADDRESS PEER-MAC
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "link/af_packet.h"
#include "stack/stack.h"

#define NORMAL 0
#define KEEPALIVE 1

struct peer {
    struct link *link;
    struct guard guard;
    struct stack *stack;
    struct ip_addr remote;
    struct tcp_ref ref; /* the connection made last */
    bool held, stopped, fin;
    int closed; /* enum tcp_close_reason, or -1 */
    uint64_t received, unconsumed, acked, mark;
    unsigned urgents, connections;
    uint32_t crc;
    uint64_t edge, edge_back; /* of the peer's window, as a stream offset; the most it moved back */
    char trace[8192];
    size_t trace_length;
    char line[256];
    size_t line_length;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- the user ---- */

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void connected(void *context, struct tcp *c, int64_t now)
{
    struct peer *p = context;
    (void)now;
    p->ref = tcp_ref_of(stack_tcp(p->stack), c);
    p->closed = -1;
    p->fin = false;
    p->received = p->unconsumed = p->acked = p->mark = p->edge = p->edge_back = 0;
    p->urgents = 0;
    p->crc = 0;
    p->connections++;
}

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct peer *p = context;
    p->fin = p->fin || length == 0;
    p->crc = crc32(p->crc, bytes, length);
    p->received += length;
    if (p->stopped)
        p->unconsumed += length;
    else
        tcp_consumed(stack_tcp(p->stack), c, length, now);
}

static void urgent(void *context, struct tcp *c, uint64_t mark, int64_t now)
{
    struct peer *p = context;
    (void)c, (void)now;
    p->urgents++;
    p->mark = mark;
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)((offset + i) % 251);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    struct peer *p = context;
    (void)c, (void)now;
    p->acked = offset;
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct peer *p = context;
    (void)c, (void)now;
    p->closed = (int)reason;
}

static const struct tcp_user user = {
    .connected = connected, .received = received, .urgent = urgent, .pull = pull, .acked = acked, .closed = closed};

static void note_trace(void *context, enum trace_layer layer, int64_t now, const char *format, ...)
{
    struct peer *p = context;
    size_t room = sizeof p->trace - p->trace_length;
    va_list args;
    (void)layer, (void)now;
    va_start(args, format);
    int n = vsnprintf(p->trace + p->trace_length, room, format, args);
    va_end(args);
    if (n > 0 && (size_t)n + 1 < room) {
        p->trace_length += (size_t)n;
        p->trace[p->trace_length++] = ';';
    }
}

/* ---- the stack ---- */

static int die(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, err_name(error));
    exit(3);
}

static void make_users(struct peer *p)
{
    struct tcp_profile profile;
    tcp_profile_default(&profile);
    int error = tcp_register_user(stack_tcp(p->stack), &user, p, &profile);
    profile.keepalive_idle_ns = profile.keepalive_interval_ns = 300 * NS_PER_MS;
    profile.keepalive_probes = 3;
    if (error >= 0)
        error = tcp_register_user(stack_tcp(p->stack), &user, p, &profile);
    if (error < 0)
        die("tcp_register_user", error);
}

static void make_stack(struct peer *p, const struct trace *trace, const struct ip_addr *address, const uint8_t mac[6])
{
    struct guard_rules rules;
    struct stack_settings s;
    struct host_settings host = {.address = *address, .prefix_length = ip_addr_is_v4(address) ? 24 : 80};
    guard_rules_default(&rules);
    stack_settings_default(&s);
    s.tcp.max_connections = 64;
    s.tcp.trace = trace;
    int error = guard_init(&p->guard, &rules, NULL, now_ns());
    if (error || (error = stack_new(&s, alloc_heap(), now_ns(), &p->stack)) < 0 ||
        (error = stack_add_interface(p->stack, p->link, &p->guard)) < 0 ||
        (error = stack_add_host(p->stack, &host)) < 0 ||
        (error = stack_add_neighbour(p->stack, 1, &p->remote, mac)) < 0)
        die("the stack", error);
    make_users(p);
}

/* ---- commands ---- */

static void print_status(struct peer *p)
{
    struct tcp_layer *t = stack_tcp(p->stack);
    const struct tcp_counters *n = tcp_counters(t);
    const struct tcp *c = tcp_get(t, p->ref);
    printf("state=%s closed=%s connections=%u received=%" PRIu64 " crc=%u acked=%" PRIu64 " fin=%d mark=%" PRIu64
           " urgents=%u edge_back=%" PRIu64,
           c ? tcp_state_name(tcp_state_of(c)) : "none",
           p->closed < 0 ? "no" : tcp_close_reason_name((enum tcp_close_reason)p->closed), p->connections, p->received,
           p->crc, p->acked, p->fin, p->mark, p->urgents, p->edge_back);
    printf(" keepalive_probes=%" PRIu64 " time_wait_entered=%" PRIu64 " time_wait_reused=%" PRIu64
           " zero_window_probes=%" PRIu64 "\n",
           n->keepalive_probes, n->time_wait_entered, n->time_wait_reused, n->zero_window_probes);
}

static int on_connection(struct peer *p, const char *verb, uint64_t n)
{
    struct tcp_layer *t = stack_tcp(p->stack);
    struct tcp *c = tcp_get(t, p->ref);
    if (!c)
        return ERR_CLOSED;
    if (strcmp(verb, "send") == 0)
        return tcp_send(t, c, n, now_ns());
    if (strcmp(verb, "urgent") == 0)
        return tcp_send_urgent(t, c, n, now_ns());
    if (strcmp(verb, "close") == 0)
        return tcp_close(t, c, now_ns());
    if (strcmp(verb, "abort") == 0) {
        tcp_abort(t, c, now_ns());
        return 0;
    }
    return ERR_INVALID;
}

static int connect_from(struct peer *p, uint16_t local, uint16_t remote)
{
    struct flow_key key = {.local = 1, .remote = p->remote, .local_port = local, .remote_port = remote};
    p->closed = -1;
    return tcp_connect(stack_tcp(p->stack), NORMAL, &key, 0, now_ns(), &p->ref);
}

static int read_on(struct peer *p)
{
    struct tcp *c = tcp_get(stack_tcp(p->stack), p->ref);
    p->stopped = false;
    if (c)
        tcp_consumed(stack_tcp(p->stack), c, (uint32_t)p->unconsumed, now_ns());
    p->unconsumed = 0;
    return 0;
}

static int carry_out(struct peer *p, const char *verb, unsigned a, unsigned b)
{
    if (strcmp(verb, "listen") == 0 || strcmp(verb, "listen-keepalive") == 0)
        return tcp_listen(stack_tcp(p->stack), verb[6] ? KEEPALIVE : NORMAL, TCP_ANY_LOCAL, (uint16_t)a);
    if (strcmp(verb, "connect") == 0)
        return connect_from(p, (uint16_t)a, (uint16_t)b);
    if (strcmp(verb, "read") == 0)
        return read_on(p);
    if (strcmp(verb, "hold") == 0 || strcmp(verb, "go") == 0) {
        p->held = verb[0] == 'h';
        return 0;
    }
    if (strcmp(verb, "stop") == 0) {
        p->stopped = true;
        return 0;
    }
    return on_connection(p, verb, a);
}

static void take_line(struct peer *p)
{
    char verb[32] = "";
    unsigned a = 0, b = 0;
    sscanf(p->line, "%31s %u %u", verb, &a, &b);
    if (strcmp(verb, "status") == 0) {
        print_status(p);
    } else if (strcmp(verb, "trace") == 0) {
        printf("%.*s\n", (int)p->trace_length, p->trace);
        p->trace_length = 0;
    } else {
        int error = carry_out(p, verb, a, b);
        printf("%s\n", error ? err_name(error) : "ok");
    }
    fflush(stdout);
}

/* False at the end of the input. */
static bool take_input(struct peer *p)
{
    char bytes[256];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            p->line[p->line_length] = bytes[i];
            p->line_length += p->line_length + 1 < sizeof p->line;
            continue;
        }
        p->line[p->line_length] = '\0';
        p->line_length = 0;
        take_line(p);
    }
    return n > 0;
}

/* ---- turns ---- */

static void watch_window(struct peer *p)
{
    struct tcp_info i;
    const struct tcp *c = tcp_get(stack_tcp(p->stack), p->ref);
    if (!c)
        return;
    tcp_get_info(stack_tcp(p->stack), c, &i);
    uint64_t edge = tcp_acked_offset(c) + i.send_window;
    if (edge < p->edge)
        p->edge_back = max_u64(p->edge_back, p->edge - edge);
    p->edge = max_u64(p->edge, edge);
}

static bool turn(struct peer *p)
{
    struct pollfd ready[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = p->link->fd, .events = POLLIN}};
    if (poll(ready, p->held ? 1 : 2, stack_output_pending(p->stack) ? 0 : 1) < 0)
        return false;
    if (!p->held)
        stack_receive(p->stack, now_ns());
    watch_window(p);
    stack_transmit(p->stack, now_ns());
    return !(ready[0].revents & (POLLIN | POLLHUP)) || take_input(p);
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    unsigned v[6];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)v[i];
    return true;
}

int main(int argc, char **argv)
{
    static struct peer p = {.closed = -1};
    const struct trace trace = {.layers = TRACE_TCP, .write = note_trace, .context = &p};
    struct ip_addr ours;
    uint8_t mac[6];
    char message[256];
    struct af_packet_settings s;
    if (argc != 6 || ip_addr_parse(argv[3], strlen(argv[3]), &ours) != 0 ||
        ip_addr_parse(argv[4], strlen(argv[4]), &p.remote) != 0 || !parse_mac(argv[5], mac)) {
        fprintf(stderr, "usage: tcp_peer NETNS INTERFACE OUR-ADDRESS PEER-ADDRESS PEER-MAC\n");
        return 2;
    }
    af_packet_settings_default(&s);
    s.netns = argv[1];
    s.interface = argv[2];
    int error = af_packet_link_new(&s, alloc_heap(), &p.link, message);
    if (error) {
        fprintf(stderr, "%s: %s\n", err_name(error), message);
        return 3;
    }
    make_stack(&p, &trace, &ours, mac);
    printf("ready\n");
    fflush(stdout);
    while (turn(&p))
        ;
    stack_delete(p.stack);
    link_close(p.link);
    return 0;
}
