/* SPDX-License-Identifier: MIT */
/*
 * What the rows of `weir bench host` share: see bench_host.h.
 */
#include <string.h>

#include "base/alloc_heap.h"
#include "cli/bench_host.h"
#include "engine/clock.h"
#include "link/memory.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/udp.h"

#define TICK_NS 10000 /* of the stack's time, a turn */
#define BURSTS 256u   /* between two looks at the clock */

struct ip_addr bench_host_address(const struct bench_host *b)
{
    const struct ip_addr a = {{0xfd, [15] = 1}};
    return b->v6 ? a : ip_addr_from_v4(0x0a000001u);
}

struct ip_addr bench_host_station(const struct bench_host *b, uint32_t number)
{
    const struct ip_addr a = bench_host_address(b);
    return ip_addr_add(&a, 1 + (uint64_t)number);
}

static int add_host(struct bench_host *b)
{
    const struct guard_rules all = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct host_settings h = {.address = bench_host_address(b), .prefix_length = b->v6 ? 64 : 8};
    const struct ip_addr first = bench_host_station(b, 0);
    int e = guard_init(&b->guard, &all, NULL, b->now);
    if (e == 0 && (e = stack_add_interface(b->stack, b->inside, &b->guard)) >= 0)
        e = stack_add_host(b->stack, &h);
    if (e < 0)
        return e;
    b->local = (uint32_t)e;
    return stack_add_neighbour(b->stack, b->local, &first, b->outside->mac);
}

int bench_host_open(struct bench_host *b, bool v6, const struct stack_settings *settings)
{
    struct memory_settings m;
    struct stack_settings s;
    struct link *ends[2];
    *b = (struct bench_host){.now = NS_PER_S, .v6 = v6};
    memory_settings_default(&m);
    int e = memory_link_new(&m, alloc_heap(), "host", ends);
    if (e < 0)
        return e;
    b->outside = ends[0];
    b->inside = ends[1];
    if (settings)
        s = *settings;
    else
        stack_settings_default(&s);
    s.tcp.max_connections = 64;
    e = stack_new(&s, alloc_heap(), b->now, &b->stack);
    return e < 0 ? e : add_host(b);
}

void bench_host_close(struct bench_host *b)
{
    stack_delete(b->stack);
    link_close(b->outside);
    link_close(b->inside);
}

static void count_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    struct bench_host *b = context;
    (void)d, (void)now;
    b->received++;
}

int bench_host_bind(struct bench_host *b, uint16_t port)
{
    return udp_bind(b->stack, b->local, port, count_datagram, NULL, b);
}

uint32_t bench_host_frame(const struct bench_host *b, uint8_t *frame, uint8_t protocol, uint16_t length)
{
    const struct ip_addr from = bench_host_station(b, 0), to = bench_host_address(b);
    wire_eth_build14(frame, b->inside->mac, b->outside->mac, b->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (b->v6) {
        const struct wire_ipv6 h = {
            .src = from, .dst = to, .payload_len = length, .next_header = protocol, .hop_limit = 255};
        return 14 + (uint32_t)wire_ipv6_build(frame + 14, &h);
    }
    const struct wire_ipv4 h = {.src = ip_addr_to_v4(&from),
                                .dst = ip_addr_to_v4(&to),
                                .total_len = (uint16_t)(WIRE_IPV4_MIN + length),
                                .ttl = 64,
                                .protocol = protocol};
    return 14 + (uint32_t)wire_ipv4_build20(frame + 14, &h);
}

void bench_host_udp_header(const struct bench_host *b, uint8_t *at, uint16_t length)
{
    const struct ip_addr from = bench_host_station(b, 0), to = bench_host_address(b);
    const struct wire_udp h = {.src_port = 9, .dst_port = BENCH_HOST_PORT, .length = length};
    wire_udp_build(at, &h);
    uint16_t sum = wire_l4_checksum(&from, &to, IP_PROTO_UDP, at, length);
    memcpy(at + WIRE_UDP_CHECKSUM_OFFSET, &sum, sizeof sum);
}

void bench_host_turn(struct bench_host *b)
{
    b->now += TICK_NS;
    (void)stack_receive(b->stack, b->now);
    (void)stack_transmit(b->stack, b->now);
}

unsigned bench_host_drain(struct bench_host *b)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_rx_burst(b->outside, burst, LINK_BURST, b->now);
    packet_release_burst(burst, n);
    return n;
}

double bench_host_rate(struct bench_host *b, bench_host_burst *burst, void *context, int64_t run_ns)
{
    uint64_t done = 0;
    int64_t begin = clock_now(), now;
    do {
        for (unsigned i = 0; i < BURSTS; i++)
            done += burst(b, context);
        now = clock_now();
    } while (now - begin < run_ns);
    return (double)done * 1e3 / (double)(now - begin);
}
