/* SPDX-License-Identifier: MIT */
/*
 * weir bench host, rows about tables: 10,000 neighbours of either family, each asked for, answered and used, and then
 * sent to in an order that no cache foresees; and what an entry of each of the stack's tables takes, by what its
 * allocator is asked for with tables of two sizes.
 */
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/bench_host.h"
#include "engine/clock.h"
#include "stack/control.h"
#include "stack/ip_filter.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/nd.h"

#define NEIGHBOURS 10000u
#define STRIDE 7919u /* a prime */

/* ---- resolving ---- */

static int send_to(struct bench_host *b, uint32_t number)
{
    const struct udp_datagram d = {
        .local = b->local, .remote = bench_host_station(b, number), .local_port = 9, .remote_port = 9};
    return udp_send(b->stack, &d, b->now);
}

static uint32_t answer_arp(const struct bench_host *b, const uint8_t *request, uint8_t *reply)
{
    struct wire_arp a;
    if (wire_arp_parse(request + 14, 28, &a) < 0)
        return 0;
    struct wire_arp r = {.op = WIRE_ARP_REPLY, .spa = a.tpa, .tpa = a.spa};
    memcpy(r.sha, b->outside->mac, 6);
    memcpy(r.tha, a.sha, 6);
    wire_eth_build14(reply, a.sha, b->outside->mac, ETHERTYPE_ARP);
    return 14 + (uint32_t)wire_arp_build(reply + 14, &r);
}

static uint32_t answer_nd(const struct bench_host *b, const uint8_t *request, uint8_t *reply)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                        .flags = WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE,
                        .has = WIRE_ND_HAS_TARGET_LL,
                        .target = ip_addr_from_v6(request + 54 + 8)};
    const struct ip_addr us = bench_host_address(b);
    memcpy(m.target_ll, b->outside->mac, 6);
    uint8_t message[64];
    int length = wire_nd_build(message, sizeof message, &m);
    if (length < 0)
        return 0;
    wire_icmpv6_checksum_set(&m.target, &us, message, (size_t)length);
    uint32_t at = bench_host_frame(b, reply, IP_PROTO_ICMPV6, (uint16_t)length);
    memcpy(reply + 14 + 8, m.target.bytes, 16);
    memcpy(reply + at, message, (size_t)length);
    return at + (uint32_t)length;
}

/* What was asked on the link is answered. */
static void answer(struct bench_host *b)
{
    struct packet *asked[LINK_BURST], *replies[LINK_BURST];
    unsigned n = link_rx_burst(b->outside, asked, LINK_BURST, b->now);
    unsigned m = link_tx_alloc(b->outside, replies, n, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < m; i++)
        replies[i]->len =
            b->v6 ? answer_nd(b, asked[i]->data, replies[i]->data) : answer_arp(b, asked[i]->data, replies[i]->data);
    packet_release_burst(asked, n);
    link_tx_burst(b->outside, replies, m, b->now);
}

/* Asks for n of them, is answered, and what waited leaves; how many did. */
static unsigned resolve_burst(struct bench_host *b, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        (void)send_to(b, first + i);
    bench_host_turn(b);
    answer(b);
    bench_host_turn(b);
    return bench_host_drain(b);
}

static int forget_all(struct bench_host *b)
{
    int e = 0;
    for (uint32_t i = 1; i <= NEIGHBOURS && e == 0; i++) {
        const struct ip_addr a = bench_host_station(b, i);
        e = stack_remove_neighbour(b->stack, b->local, &a, b->now);
    }
    return e;
}

/* Millions a second; all of them are known afterwards. */
static int resolve_all(struct bench_host *b, int64_t run_ns, double *rate)
{
    uint64_t done = 0, rounds = 0;
    int64_t took = 0;
    for (int e; took < run_ns; rounds++) {
        if (rounds > 0 && (e = forget_all(b)) < 0)
            return e;
        int64_t begin = clock_now();
        for (uint32_t i = 0; i < NEIGHBOURS; i += LINK_BURST)
            done += resolve_burst(b, 1 + i, min_u32(LINK_BURST, NEIGHBOURS - i));
        took += clock_now() - begin;
    }
    *rate = (double)done * 1e3 / (double)took;
    return done == rounds * NEIGHBOURS ? 0 : ERR_UNREACHABLE;
}

static unsigned use_burst(struct bench_host *b, void *context)
{
    uint32_t *at = context;
    for (unsigned i = 0; i < LINK_BURST; i++, *at = (*at + STRIDE) % NEIGHBOURS)
        if (send_to(b, 1 + *at) < 0)
            break;
    bench_host_turn(b);
    return bench_host_drain(b);
}

static int measure_neighbours(struct bench_host *b, int64_t run_ns, struct bench_result *result)
{
    double rate;
    uint32_t at = 0;
    int e = resolve_all(b, run_ns / 2, &rate);
    if (e < 0)
        return e;
    bench_record(result, b->v6 ? "neighbours_ipv6_10000_resolved" : "neighbours_ipv4_10000_resolved", "M/s", rate);
    bench_record(result, b->v6 ? "neighbours_ipv6_10000_used" : "neighbours_ipv4_10000_used", "Mframes/s",
                 bench_host_rate(b, use_burst, &at, run_ns / 2));
    return 0;
}

int bench_host_neighbours(int64_t run_ns, struct bench_result *result)
{
    struct stack_settings s;
    int e = 0;
    stack_settings_default(&s);
    s.max_neighbours = 2 * NEIGHBOURS;
    for (unsigned v6 = 0; v6 < 2 && e == 0; v6++) {
        struct bench_host b;
        e = bench_host_open(&b, v6, &s);
        if (e == 0)
            e = measure_neighbours(&b, run_ns / 2, result);
        bench_host_close(&b);
    }
    return e;
}

/* ---- memory ---- */

struct counted {
    struct allocator allocator;
    size_t bytes; /* asked for and not given back */
};

static void *counted_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct counted *c = self->context;
    c->bytes += size;
    return alloc_zeroed(alloc_heap(), size, align);
}

static void counted_free(const struct allocator *self, void *memory, size_t size)
{
    struct counted *c = self->context;
    c->bytes -= size;
    alloc_free(alloc_heap(), memory, size);
}

static void counted_init(struct counted *c)
{
    *c = (struct counted){.allocator = {.alloc = counted_alloc, .free = counted_free, .context = c}};
}

static int stack_bytes(const struct stack_settings *s, double *bytes)
{
    struct counted c;
    struct stack *stack;
    counted_init(&c);
    int e = stack_new(s, &c.allocator, 0, &stack);
    if (e < 0)
        return e;
    *bytes = (double)c.bytes;
    stack_delete(stack);
    return 0;
}

#define FEWER 32768u

/* What the field's entries cost, of which there are so many or twice as many. */
static int entry_bytes(size_t field, uint32_t fewer, double *bytes)
{
    struct stack_settings s;
    double less, more;
    const uint32_t twice = 2 * fewer;
    stack_settings_default(&s);
    s.tcp.max_connections = 64;
    memcpy((uint8_t *)&s + field, &fewer, sizeof fewer);
    int e = stack_bytes(&s, &less);
    memcpy((uint8_t *)&s + field, &twice, sizeof twice);
    if (e == 0)
        e = stack_bytes(&s, &more);
    if (e == 0)
        *bytes = (more - less) / fewer;
    return e;
}

static int measure_filter(struct bench_result *result)
{
    struct ip_filter_settings s;
    struct ip_filter *filter;
    struct counted c;
    counted_init(&c);
    ip_filter_settings_default(&s);
    int e = ip_filter_new(&s, &c.allocator, &filter);
    if (e < 0)
        return e;
    bench_record(result, "table_filter_connection", "B", (double)c.bytes / s.connections);
    ip_filter_delete(filter);
    return 0;
}

static const struct {
    const char *name;
    size_t field;
    uint32_t fewer;
} tables[] = {
    {"table_host", offsetof(struct stack_settings, max_addresses), FEWER},
    {"table_neighbour", offsetof(struct stack_settings, max_neighbours), FEWER},
    {"table_path_mtu", offsetof(struct stack_settings, max_path_mtus), FEWER},
    {"table_group", offsetof(struct stack_settings, max_groups), FEWER},
    {"table_fragment_byte", offsetof(struct stack_settings, fragment_bytes_high), 4u << 20},
};

int bench_host_tables(int64_t run_ns, struct bench_result *result)
{
    (void)run_ns;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        double bytes;
        int e = entry_bytes(tables[i].field, tables[i].fewer, &bytes);
        if (e < 0)
            return e;
        bench_record(result, tables[i].name, "B", bytes);
    }
    return measure_filter(result);
}
