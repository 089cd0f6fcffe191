/* SPDX-License-Identifier: MIT */
/*
 * weir bench host: what a host and router does on one core, in memory. A row is a function that records its figures (bench_host.h);
 * each gets its share of the run. Here forwarding: frames of 64 bytes (UDP) to random destinations, from one memory link to another by a
 * table with 1 and with 1,000,000 routes of a family, received, looked up, sent and received again.
 */
#include <stdlib.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/bench_host.h"
#include "cli/bench_routes.h"
#include "engine/clock.h"
#include "link/memory.h"
#include "stack/forward.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

#define ROUTES 1000000u
#define DESTINATIONS 65536u /* sent to over and over */
#define PAYLOAD 18u
#define TICK_NS 10000 /* of the stack's time, a turn */

/* ---- a router between two links ---- */

struct rig {
    struct link *outside[2], *inside[2]; /* ends of the two links */
    struct guard guards[2];
    struct stack *stack;
    uint32_t locals[2];
    int64_t now;
    bool v6;
    uint8_t frame[128];
    uint32_t length;
};

static struct ip_addr ours(const struct rig *r, unsigned side)
{
    struct ip_addr a = {{0xfd, 0, [7] = (uint8_t)side, [15] = 1}};
    return r->v6 ? a : ip_addr_from_v4(0x0a000001u + (side << 8)); /* 10.0.side.1 */
}
static struct ip_addr station(const struct rig *r, unsigned side)
{
    const struct ip_addr a = ours(r, side);
    return ip_addr_add(&a, 1);
}

static int open_links(struct rig *r)
{
    struct memory_settings m;
    memory_settings_default(&m);
    for (unsigned i = 0; i < 2; i++) {
        struct link *ends[2];
        int e = memory_link_new(&m, alloc_heap(), "host", ends);
        if (e < 0)
            return e;
        r->outside[i] = ends[0];
        r->inside[i] = ends[1];
    }
    return 0;
}

static int open_side(struct rig *r, unsigned side)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    const struct guard_rules all = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct host_settings h = {.interface = side, .address = ours(r, side), .prefix_length = r->v6 ? 64 : 24};
    const struct ip_addr peer = station(r, side);
    int e = guard_init(&r->guards[side], &all, NULL, r->now);
    if (e == 0 && (e = stack_add_interface(r->stack, r->inside[side], &r->guards[side])) >= 0)
        e = stack_add_host(r->stack, &h);
    if (e < 0)
        return e;
    r->locals[side] = (uint32_t)e;
    return stack_add_neighbour(r->stack, r->locals[side], &peer, mac);
}

static int open_stack(struct rig *r)
{
    struct stack_settings s;
    struct forward_settings f;
    stack_settings_default(&s);
    forward_settings_default(&f);
    s.max_addresses = 16;
    s.tcp.links = 2;
    s.tcp.max_connections = 64;
    int e = stack_new(&s, alloc_heap(), r->now, &r->stack);
    if (e == 0 && (e = forward_start(r->stack, 0, &f)) == 0 && (e = open_side(r, 0)) == 0)
        e = open_side(r, 1);
    return e;
}

/* What is sent, but for its destination. */
static void make_frame(struct rig *r)
{
    const struct ip_addr from = station(r, 0);
    uint8_t *ip = r->frame + 14;
    memset(r->frame, 0, sizeof r->frame);
    memcpy(r->frame, r->inside[0]->mac, 6);
    r->frame[6] = 2;
    r->frame[11] = 9;
    store_be16(r->frame + 12, r->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    r->length = 14 + (r->v6 ? 40u : 20u) + 8 + PAYLOAD;
    if (r->v6) {
        ip[0] = 0x60;
        store_be16(ip + 4, 8 + PAYLOAD);
        ip[6] = IP_PROTO_UDP;
        ip[7] = 64;
        memcpy(ip + 8, from.bytes, 16);
    } else {
        const struct wire_ipv4 h = {
            .total_len = 28 + PAYLOAD, .ttl = 64, .protocol = IP_PROTO_UDP, .src = ip_addr_to_v4(&from)};
        (void)wire_ipv4_build20(ip, &h);
    }
}

static void address_frame(const struct rig *r, struct packet *p, const struct ip_addr *to)
{
    uint8_t *ip = p->data + 14;
    memcpy(p->data, r->frame, r->length);
    p->len = r->length;
    if (r->v6) {
        memcpy(ip + 24, to->bytes, 16);
        return;
    }
    store_be32(ip + 16, ip_addr_to_v4(to));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t sum = checksum_finish(wire_ipv4_sum20(ip));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &sum, sizeof sum);
}

static void rig_close(struct rig *r)
{
    stack_delete(r->stack);
    for (unsigned i = 0; i < 2; i++) {
        link_close(r->outside[i]);
        link_close(r->inside[i]);
    }
}

static int rig_open(struct rig *r, bool v6)
{
    *r = (struct rig){.now = NS_PER_S, .v6 = v6};
    int e = open_links(r);
    if (e == 0)
        e = open_stack(r);
    if (e == 0)
        make_frame(r);
    return e;
}

/* ---- forwarding ---- */

struct family {
    struct ip_prefix (*draw)(struct random *r);
    struct ip_prefix only;
    bool v6;
    const char *one, *many, *memory, *copied;
};

static const struct family families[] = {
    {bench_route_v4,
     {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 0},
     false,
     "forward_ipv4_1_route",
     "forward_ipv4_1000000_routes",
     "table_ipv4_1000000_routes",
     "forward_ipv4_bytes_copied"},
    {bench_route_v6,
     {{{0x20}}, 3},
     true,
     "forward_ipv6_1_route",
     "forward_ipv6_1000000_routes",
     "table_ipv6_1000000_routes",
     "forward_ipv6_bytes_copied"},
};

static void draw_destinations(struct ip_addr *list, const struct family *f)
{
    struct random r;
    random_seed(&r, 1); /* the routes' own sequence */
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        const struct ip_prefix p = f->draw(&r);
        struct random rest = r;
        list[i] = bench_route_address(&rest, &p);
    }
}

/* One burst from the outside of the first link to that of the second; the frames that arrived. */
static unsigned pass_burst(struct rig *r, const struct ip_addr *to)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_tx_alloc(r->outside[0], burst, LINK_BURST, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < n; i++)
        address_frame(r, burst[i], &to[i]);
    link_tx_burst(r->outside[0], burst, n, r->now);
    r->now += TICK_NS;
    (void)stack_receive(r->stack, r->now);
    (void)stack_transmit(r->stack, r->now);
    n = link_rx_burst(r->outside[1], burst, LINK_BURST, r->now);
    packet_release_burst(burst, n);
    return n;
}

/* Frames a second, in millions. */
static double forward_rate(struct rig *r, const struct ip_addr *to, int64_t run_ns)
{
    uint64_t frames = 0;
    int64_t begin = clock_now(), now;
    do {
        for (unsigned i = 0; i < DESTINATIONS; i += LINK_BURST)
            frames += pass_burst(r, to + i);
        now = clock_now();
    } while (now - begin < run_ns);
    return (double)frames * 1e3 / (double)(now - begin);
}

static int add_routes(struct rig *r, const struct family *f)
{
    struct forward_route route = {.local = r->locals[1], .gateway = station(r, 1)};
    struct random rest;
    random_seed(&rest, 1);
    while (forward_route_count(r->stack, 0) < ROUTES) {
        route.prefix = f->draw(&rest);
        int e = forward_add_route(r->stack, 0, &route);
        if (e < 0 && e != ERR_EXISTS)
            return e;
    }
    return 0;
}

static int measure_family(struct rig *r, const struct family *f, const struct ip_addr *to, int64_t run_ns,
                          struct bench_result *result)
{
    const struct forward_route only = {.prefix = f->only, .local = r->locals[1], .gateway = station(r, 1)};
    int e = forward_add_route(r->stack, 0, &only);
    if (e < 0)
        return e;
    bench_record(result, f->one, "Mframes/s", forward_rate(r, to, run_ns));
    if ((e = add_routes(r, f)) < 0)
        return e;
    bench_record(result, f->memory, "MB", (double)forward_memory(r->stack, 0) / 1e6);
    bench_record(result, f->many, "Mframes/s", forward_rate(r, to, run_ns));
    bench_record(result, f->copied, "B", (double)stack_counters(r->stack)->forward_bytes_copied);
    return 0;
}

static int bench_forwarding(int64_t run_ns, struct bench_result *result)
{
    struct ip_addr *to = malloc(DESTINATIONS * sizeof *to);
    if (!to)
        return ERR_NO_MEMORY;
    int e = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(families) && e == 0; i++) {
        struct rig r;
        draw_destinations(to, &families[i]);
        e = rig_open(&r, families[i].v6);
        if (e == 0)
            e = measure_family(&r, &families[i], to, run_ns / 4, result);
        rig_close(&r);
    }
    free(to);
    return e;
}

/* ---- all ---- */

static const struct {
    const char *name;
    bench_host_row *run;
} rows[] = {
    {"forwarding", bench_forwarding}, {"reassembly", bench_host_reassembly},   {"neighbours", bench_host_neighbours},
    {"UDP", bench_host_udp},          {"memory of tables", bench_host_tables},
};

int bench_host(const struct bench_options *o, struct bench_result *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int e = rows[i].run(o->run_ns / (int64_t)ARRAY_SIZE(rows), r);
        if (e < 0)
            return bench_fail(r, e, "%s: %s", rows[i].name, err_text(e));
    }
    return 0;
}
