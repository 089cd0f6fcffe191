/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a stack with a tunnel of each kind, one of them through another, and a host in each. Outer datagrams come
 * with right IP headers and any bytes behind them; hosts send into the tunnels; routers say that paths are small; MTUs
 * change; time passes; addresses move from one interface to another. Each datagram that came for a tunnel is counted
 * once as received or dropped by name, nothing goes round, and every frame is home at the end.
 *
 * Input: operations of one byte, modulo 8: 0 lets time pass, 1 has a host send, 2 sets the outer MTU, 3 moves an
 * address, 4 sends an ICMP error with what follows as its quotation, else a datagram: one byte for protocol and source,
 * one for TOS and mending, one for its length in units of 4 bytes, then what it begins with.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/checksum.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/control.h"
#include "tunnel/tunnel.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip_proto.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#define US 0x0a000001u
#define PEER 0x0a000002u
#define FRAME 1200u
#define TUNNELS 5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    const struct allocator *memory;
    struct link *outside, *inside, *tunnels[TUNNELS];
    struct guard guard;
    struct stack *stack;
    struct tunnel_set *set;
    uint32_t us, hosts[TUNNELS];
    int interfaces[TUNNELS];
    uint64_t others; /* datagrams that came before */
    int64_t now;
};

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static void must(int result) { assert(result >= 0); }

static const uint8_t US_MAC[6] = {2, 0, 0, 0, 0, 1}, PEER_MAC[6] = {2, 0, 0, 0, 0, 2};

/* ---- the world ---- */

static uint32_t add_host(struct world *w, int interface, uint32_t address, uint32_t vni)
{
    const struct host_settings h = {
        .interface = (unsigned)interface, .address = ip_addr_from_v4(address), .prefix_length = 24, .vni = vni};
    const struct ip_addr peer = ip_addr_from_v4(address + 1);
    int local = stack_add_host(w->stack, &h);
    must(local);
    must(stack_add_neighbour(w->stack, (uint32_t)local, &peer, PEER_MAC));
    return (uint32_t)local;
}

static void add_tunnel(struct world *w, unsigned i, enum tunnel_kind kind, uint32_t local, uint32_t remote)
{
    struct tunnel_settings t;
    const struct ip_addr to = ip_addr_from_v4(remote);
    tunnel_settings_default(&t, kind);
    t.local = local;
    t.remote = to;
    t.queue_frames = 64;
    t.max_vnis = t.max_remotes = t.max_macs = 4;
    t.has_key = t.checksum = t.sequence = kind == TUNNEL_GRE;
    t.key = 1;
    t.trunk = kind == TUNNEL_VXLAN;
    must(tunnel_add(w->set, &t, w->now, &w->tunnels[i]));
    if (kind == TUNNEL_VXLAN) {
        must(tunnel_add_vni(w->tunnels[i], 0x1002));
        must(tunnel_add_remote(w->tunnels[i], 0x1002, &to, w->now));
        must(tunnel_add_remote(w->tunnels[i], 0, &to, w->now));
    }
    w->interfaces[i] = stack_add_interface(w->stack, w->tunnels[i], &w->guard);
    must(w->interfaces[i]);
    w->hosts[i] = add_host(w, w->interfaces[i], 0x0b000001u + (i << 16), t.trunk ? 0x1002 : 0);
}

static void make(struct world *w)
{
    struct memory_settings m;
    struct stack_settings s;
    const struct guard_rules all = {.allow_multicast = true, .stop_at = TIME_NEVER};
    const struct hash_key secret = {1, 2};
    struct link *ends[2];
    *w = (struct world){.memory = arena_begin(), .now = NS_PER_S};
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 16;
    must(memory_link_new(&m, w->memory, "fuzz", ends));
    w->outside = ends[0];
    w->inside = ends[1];
    memcpy(w->inside->mac, US_MAC, 6);
    stack_settings_default(&s);
    s.max_addresses = 7; /* so that an index is used again */
    s.max_neighbours = 16;
    s.max_udp_bindings = s.max_routes = s.max_path_mtus = s.max_groups = s.max_group_sources = 4;
    s.max_echo_bindings = s.max_ra_domains = s.max_redirects = 4;
    s.resolve_queue_total = 8;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    s.large_datagrams = 1;
    s.tcp.links = 8;
    s.tcp.max_connections = s.tcp.max_time_wait = s.tcp.max_out_of_order_frames = 8;
    s.tcp.max_listeners = s.tcp.max_users = 2;
    must(stack_new(&s, w->memory, w->now, &w->stack));
    must(guard_init(&w->guard, &all, NULL, w->now));
    must(stack_add_interface(w->stack, w->inside, &w->guard));
    w->us = add_host(w, 0, US, 0);
    must(tunnel_set_new(w->stack, &secret, w->memory, &w->set));
    add_tunnel(w, 0, TUNNEL_IPIP, w->us, PEER);
    add_tunnel(w, 1, TUNNEL_GRE, w->us, PEER);
    add_tunnel(w, 2, TUNNEL_GRETAP, w->us, PEER);
    add_tunnel(w, 3, TUNNEL_VXLAN, w->us, PEER);
    add_tunnel(w, 4, TUNNEL_IPIP, w->hosts[3], 0x0b030002u);
}

static void begin(struct world *w)
{
    if (arena_again(0, w, sizeof *w))
        return;
    make(w);
    arena_keep(0, w, sizeof *w);
}

static void end(struct world *w)
{
    stack_delete(w->stack);
    tunnel_set_delete(w->set); /* asserts that all frames are home, as the links do */
    link_close(w->outside);
    link_close(w->inside);
    arena_end();
}

/* ---- turns ---- */

static uint64_t came(const struct world *w)
{
    const struct stack_counters *c = stack_counters(w->stack);
    return c->raw_received + c->udp_received;
}

static void check_counts(const struct world *w)
{
    const struct tunnel_counters *c = tunnel_set_counters(w->set);
    uint64_t told = c->tunnel_received + c->tunnel_short + c->tunnel_bad_header + c->tunnel_bad_checksum +
                    c->tunnel_unknown_protocol + c->tunnel_unknown_key + c->tunnel_unknown_peer +
                    c->tunnel_unknown_vni + c->tunnel_out_of_order + c->tunnel_inner_tag + c->tunnel_bad_inner +
                    c->tunnel_ecn;
    uint64_t lost = 0; /* no room, too long; answers that have no room too */
    for (unsigned i = 0; i < TUNNELS; i++)
        lost += w->tunnels[i]->counters.drops[LINK_DROP_RX_NO_BUFFER] +
                w->tunnels[i]->counters.drops[LINK_DROP_RX_TOO_LONG];
    assert(told <= came(w) && told + lost >= came(w));
}

/* What leaves must not be deeper than tunnels can be nested. */
static void drain(struct world *w)
{
    struct packet *burst[LINK_BURST];
    unsigned n;
    while ((n = link_rx_burst(w->outside, burst, LINK_BURST, w->now)) != 0)
        packet_release_burst(burst, n);
}

static void turn(struct world *w)
{
    unsigned moved = 1;
    for (unsigned i = 0; i < 3 && moved; i++) {
        moved = stack_receive(w->stack, w->now);
        moved += stack_transmit(w->stack, w->now);
        drain(w);
    }
    check_counts(w);
}

/* ---- operations ---- */

static void put_ip(uint8_t *frame, uint32_t from, uint8_t protocol, uint8_t tos, uint32_t length)
{
    const struct wire_ipv4 h = {
        .total_len = (uint16_t)(20 + length), .ttl = 64, .protocol = protocol, .tos = tos, .src = from, .dst = US};
    wire_eth_build14(frame, US_MAC, PEER_MAC, ETHERTYPE_IPV4);
    (void)wire_ipv4_build20(frame + 14, &h);
}

static void arrive(struct world *w, const uint8_t *frame, uint32_t length)
{
    struct packet *p;
    if (link_tx_alloc(w->outside, &p, 1, LINK_ALLOC_DATA) == 0)
        return;
    memcpy(p->data, frame, length);
    p->len = length;
    link_tx_burst(w->outside, &p, 1, w->now);
}

static uint32_t fill(struct input *in, uint8_t *to, uint32_t units)
{
    for (uint32_t i = 0; i < units * 4; i++)
        to[i] = next(in);
    return units * 4;
}

static void datagram(struct world *w, struct input *in)
{
    static const uint8_t protocols[] = {IP_PROTO_IPV4, IP_PROTO_IPV6, IP_PROTO_GRE, IP_PROTO_UDP};
    uint8_t what = next(in), how = next(in), frame[FRAME] = {0};
    uint8_t protocol = protocols[what & 3], *payload = frame + 34;
    uint32_t length = fill(in, payload, next(in));
    if (protocol == IP_PROTO_UDP && length >= 8) {
        const struct wire_udp h = {.src_port = 50000, .dst_port = WIRE_VXLAN_PORT, .length = (uint16_t)length};
        (void)wire_udp_build(payload, &h);
    }
    if (protocol == IP_PROTO_GRE && (how & 4) && length >= 8 && (payload[0] & 0x80)) {
        memset(payload + 4, 0, 2);
        uint16_t sum = checksum_finish(checksum_add(0, payload, length));
        memcpy(payload + 4, &sum, sizeof sum);
    }
    put_ip(frame, what & 4 ? PEER + 1 : PEER, protocol, how & 3, length);
    arrive(w, frame, 34 + length);
}

static void router_error(struct world *w, struct input *in)
{
    uint8_t frame[FRAME] = {0}, *icmp = frame + 34;
    uint32_t mtu = 68 + 8u * next(in), length = 8 + fill(in, icmp + 8, next(in) % 32);
    icmp[0] = 3;
    icmp[1] = 4;
    store_be16(icmp + 6, (uint16_t)mtu);
    wire_icmp_checksum_set(icmp, length);
    put_ip(frame, PEER, IP_PROTO_ICMP, 0, length);
    arrive(w, frame, 34 + length);
}

static void send(struct world *w, struct input *in)
{
    static const uint8_t zeros[4096];
    uint8_t who = next(in) % TUNNELS, how = next(in);
    const struct udp_datagram d = {.local = w->hosts[who],
                                   .remote = ip_addr_from_v4(0x0b000002u + ((uint32_t)who << 16)),
                                   .local_port = 9,
                                   .remote_port = 9,
                                   .bytes = zeros,
                                   .length = next(in) * 8u,
                                   .departure = {.tos = how & 3, .discover = how >> 2 & 3}};
    (void)udp_send(w->stack, &d, w->now);
}

/* The address below moves to a tunnel, or back. */
static void move(struct world *w, struct input *in)
{
    struct host_settings h;
    unsigned to = next(in) % (TUNNELS + 1);
    if (!stack_view_host(w->stack, w->us, &h))
        return;
    must(stack_remove_host(w->stack, w->us, w->now));
    h.interface = to == TUNNELS ? 0 : (unsigned)w->interfaces[to];
    h.vni = to == 3 ? 0x1002 : 0;
    int local = stack_add_host(w->stack, &h);
    if (local > 0)
        w->us = (uint32_t)local;
}

static void operate(struct world *w, struct input *in)
{
    switch (next(in) % 8) {
    case 0:
        w->now += (int64_t)next(in) * 100 * NS_PER_MS;
        break;
    case 1:
        send(w, in);
        break;
    case 2:
        w->inside->mtu = 68 + 8u * next(in);
        break;
    case 3:
        move(w, in);
        break;
    case 4:
        router_error(w, in);
        break;
    default:
        datagram(w, in);
    }
    turn(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct input in = {.at = data, .left = size};
    begin(&w);
    while (in.left)
        operate(&w, &in);
    end(&w);
    return 0;
}
