/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a router between three links, with a filter that is switched on and off. Frames of both families come from
 * random stations; routes come and go, hosts too; MTUs change; time passes. A plain list of routes
 * says by which link a datagram leaves: what leaves by another one, with a hop limit that is not one less, or with other
 * bytes behind the header (where it is whole) is a failure; so is a frame that is not home at the end.
 *
 * Input: operations of one byte, modulo 8: 0 adds a route, 1 removes one, 2 switches the filter, 3 lets time pass, 4
 * sets an MTU, 5 has a host added or removed, else a frame: one byte for port, family and mending, one for its length in
 * units of 4 bytes, then what it begins with behind the Ethernet header.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/control.h"
#include "stack/filter.h"
#include "stack/forward.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

#define PORTS 3u
#define MOST_ROUTES 16u
#define FRAME 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct route {
    struct ip_prefix prefix;
    unsigned port;
};

struct world {
    const struct allocator *memory;
    struct link *outside[PORTS], *inside[PORTS];
    struct guard guards[PORTS];
    struct stack *stack;
    struct ip_filter *filter;
    uint32_t locals[PORTS][2], extra;
    struct route routes[MOST_ROUTES];
    unsigned n_routes;
    bool filtered;
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

static struct ip_addr address(unsigned port, bool v6, uint8_t last)
{
    struct ip_addr a = {{0x20, 1, [5] = (uint8_t)port, [15] = last}};
    return v6 ? a : ip_addr_from_v4(0x0a000000u + (port << 8) + last);
}

static void must(int result) { assert(result >= 0); }

/* ---- the world ---- */

static void open_port(struct world *w, unsigned port)
{
    struct memory_settings m;
    const struct guard_rules all = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct link *ends[2];
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 16;
    must(memory_link_new(&m, w->memory, "fuzz", ends));
    w->outside[port] = ends[0];
    w->inside[port] = ends[1];
    ends[1]->mac[5] = (uint8_t)(0x10 + port);
    must(guard_init(&w->guards[port], &all, NULL, w->now));
    must(stack_add_interface(w->stack, ends[1], &w->guards[port]));
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const struct host_settings h = {
            .interface = port, .address = address(port, v6, 1), .prefix_length = v6 ? 64 : 24};
        const uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)(0x20 + port)};
        const struct ip_addr station = address(port, v6, 2);
        int local = stack_add_host(w->stack, &h);
        must(local);
        w->locals[port][v6] = (uint32_t)local;
        must(stack_add_neighbour(w->stack, (uint32_t)local, &station, mac));
    }
}

static void make(struct world *w)
{
    struct stack_settings s;
    struct forward_settings f;
    struct ip_filter_settings t;
    *w = (struct world){.memory = arena_begin(), .now = NS_PER_S};
    stack_settings_default(&s);
    forward_settings_default(&f);
    ip_filter_settings_default(&t);
    s.max_addresses = 16;
    s.max_neighbours = 16;
    s.max_udp_bindings = s.max_routes = s.max_path_mtus = s.max_group_sources = 4;
    s.max_groups = 16;
    s.max_echo_bindings = s.max_ra_domains = s.max_redirects = 4;
    s.resolve_queue_total = 8;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    s.large_datagrams = 1;
    s.tcp.links = PORTS;
    s.tcp.max_connections = s.tcp.max_time_wait = s.tcp.max_out_of_order_frames = 8;
    s.tcp.max_listeners = s.tcp.max_users = 2;
    f.max_next_hops = 8;
    t.connections = 8;
    must(stack_new(&s, w->memory, w->now, &w->stack));
    must(forward_start(w->stack, 0, &f));
    must(ip_filter_new(&t, w->memory, &w->filter));
    for (unsigned i = 0; i < PORTS; i++)
        open_port(w, i);
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
    ip_filter_delete(w->filter);
    for (unsigned i = 0; i < PORTS; i++) {
        link_close(w->outside[i]);
        link_close(w->inside[i]); /* asserts that all frames are home */
    }
    arena_end();
}

/* ---- what the routes say ---- */

static bool is_subnet_of(unsigned port, const struct ip_addr *a)
{
    const struct ip_addr own = address(port, !ip_addr_is_v4(a), 0);
    return ip_addr_same_bits(a, &own, ip_addr_is_v4(a) ? 120 : 64);
}

/* The port by which it leaves, or PORTS. */
static unsigned port_of(const struct world *w, const struct ip_addr *to)
{
    unsigned best = PORTS, longest = 0;
    for (unsigned i = 0; i < PORTS; i++)
        if (is_subnet_of(i, to)) {
            best = i;
            longest = ip_addr_is_v4(to) ? 24 : 64;
        }
    for (unsigned i = 0; i < w->n_routes; i++) {
        const struct route *r = &w->routes[i];
        if (ip_prefix_contains(&r->prefix, to) && (best == PORTS || r->prefix.length > longest)) {
            best = r->port;
            longest = r->prefix.length;
        }
    }
    return best;
}

/* ---- operations ---- */

static struct ip_prefix read_prefix(struct input *in)
{
    uint8_t b = next(in);
    bool v6 = b & 1;
    struct ip_prefix p = {.addr = address(b >> 1 & 7, v6, next(in))};
    p.length = next(in) % (v6 ? 129 : 33);
    p.addr = ip_addr_first_bits(&p.addr, v6 ? p.length : p.length + 96u);
    return p;
}

static void add_route(struct world *w, struct input *in)
{
    struct route r = {.port = next(in) % PORTS};
    r.prefix = read_prefix(in);
    bool v6 = !ip_addr_is_v4(&r.prefix.addr);
    const struct forward_route f = {
        .prefix = r.prefix, .local = w->locals[r.port][v6], .gateway = address(r.port, v6, 2)};
    if (w->n_routes < MOST_ROUTES && forward_add_route(w->stack, 0, &f) == 0)
        w->routes[w->n_routes++] = r;
}

static void remove_route(struct world *w, struct input *in)
{
    unsigned i = next(in);
    if (w->n_routes == 0)
        return;
    i %= w->n_routes;
    must(forward_remove_route(w->stack, 0, &w->routes[i].prefix));
    assert(forward_remove_route(w->stack, 0, &w->routes[i].prefix) == ERR_NOT_FOUND);
    w->routes[i] = w->routes[--w->n_routes];
}

static void change_host(struct world *w, struct input *in)
{
    struct host_settings h = {.interface = next(in) % PORTS, .prefix_length = 24};
    h.address = address(h.interface, false, 7); /* of a subnet that is there in any case */
    if (w->extra) {
        must(stack_remove_host(w->stack, w->extra, w->now));
        w->extra = 0;
        return;
    }
    int local = stack_add_host(w->stack, &h);
    must(local);
    w->extra = (uint32_t)local;
    for (unsigned i = w->n_routes; i-- > 0;) /* it takes the place of a route to just its address */
        if (w->routes[i].prefix.length == 32 && ip_addr_equal(&w->routes[i].prefix.addr, &h.address))
            w->routes[i] = w->routes[--w->n_routes];
}

/* Addresses and lengths that make sense, and right sums. */
static void mend(uint8_t *f, uint32_t length, unsigned port, bool v6)
{
    uint8_t *ip = f + 14, what = ip[v6 ? 24 : 16];
    const struct ip_addr from = address(port, v6, 2), to = address(what & 7, v6, (uint8_t)(2 + (what >> 6)));
    store_be16(f + 12, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (v6) {
        ip[0] = 0x60;
        store_be16(ip + 4, (uint16_t)(length - 54));
        memcpy(ip + 8, from.bytes, 16);
        memcpy(ip + 24, to.bytes, 16);
        return;
    }
    ip[0] = (uint8_t)(0x45 + (ip[0] & 1));
    store_be16(ip + 2, (uint16_t)(length - 14));
    store_be32(ip + 12, ip_addr_to_v4(&from));
    store_be32(ip + 16, ip_addr_to_v4(&to));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t sum = checksum_finish(checksum_add(0, ip, (ip[0] & 15u) * 4u));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &sum, sizeof sum);
}

/* A frame that left by a port: not one of ours, then it is what came. */
static void check_left(const struct world *w, const uint8_t *came, uint32_t length, unsigned port,
                       const struct packet *p)
{
    const uint8_t *ip = p->data + 14, *sent = came + 14;
    uint16_t type = load_be16(p->data + 12);
    if (type != load_be16(came + 12) || (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6))
        return;
    bool v6 = type == ETHERTYPE_IPV6;
    const struct ip_addr from = v6 ? ip_addr_from_v6(ip + 8) : ip_addr_from_v4(load_be32(ip + 12));
    const struct ip_addr to = v6 ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
    for (unsigned i = 0; i < PORTS; i++) { /* answers and questions of ours */
        const struct ip_addr own = address(i, v6, 1), other = address(i, v6, 7);
        if (ip_addr_equal(&from, &own) || ip_addr_equal(&from, &other))
            return;
    }
    if (memcmp(ip + (v6 ? 8 : 12), sent + (v6 ? 8 : 12), v6 ? 32 : 8) != 0)
        return; /* of ours too, for a datagram that waited */
    assert(port_of(w, &to) == port);
    assert(ip[v6 ? 7 : 8] != 0);
    assert(v6 || wire_ipv4_checksum_ok(ip, (ip[0] & 15u) * 4u));
    uint32_t total = v6 ? 40u + load_be16(ip + 4) : load_be16(ip + 2);
    assert(p->len == 14 + total && total <= w->inside[port]->mtu);
    if (v6 && p->len == length && ip[7] == sent[7] - 1)
        assert(memcmp(ip + 8, sent + 8, total - 8) == 0);
}

static void drain(struct world *w, const uint8_t *came, uint32_t length)
{
    for (unsigned port = 0; port < PORTS; port++) {
        struct packet *p[LINK_BURST];
        for (unsigned n; (n = link_rx_burst(w->outside[port], p, LINK_BURST, w->now)) > 0;) {
            for (unsigned i = 0; i < n; i++)
                check_left(w, came, length, port, p[i]);
            packet_release_burst(p, n);
        }
    }
}

static void feed(struct world *w, struct input *in)
{
    uint8_t f[FRAME] = {0}, control = next(in);
    unsigned port = control % PORTS;
    uint32_t length = min_u32(60u + next(in) * 4u, FRAME);
    struct packet *p;
    f[0] = 2;
    memcpy(f, w->inside[port]->mac, 6);
    memcpy(f + 6, (const uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(0x20 + port)}, 6);
    f[12] = 8;
    for (uint32_t i = 14; i < length && in->left; i++)
        f[i] = next(in);
    if (control & 64)
        mend(f, length, port, (control & 128) != 0);
    if (link_tx_alloc(w->outside[port], &p, 1, LINK_ALLOC_DATA) == 0)
        return;
    memcpy(p->data, f, length);
    p->len = length;
    link_tx_burst(w->outside[port], &p, 1, w->now);
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    drain(w, f, length);
}

static void pass(struct world *w, struct input *in)
{
    static const uint8_t none[FRAME];
    w->now += (1 + next(in)) * (NS_PER_S / 16);
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    drain(w, none, 0);
}

static void operate(struct world *w, struct input *in)
{
    switch (next(in) % 8) {
    case 0:
        add_route(w, in);
        break;
    case 1:
        remove_route(w, in);
        break;
    case 2:
        w->filtered = !w->filtered;
        must(stack_set_filter(w->stack, 0, w->filtered ? w->filter : NULL));
        break;
    case 3:
        pass(w, in);
        break;
    case 4: { /* IPv6 hosts hold it at 1280: the link's own is another one */
        unsigned port = next(in) % PORTS;
        w->inside[port]->mtu = 68 + 4u * next(in);
        break;
    }
    case 5:
        change_host(w, in);
        break;
    default:
        feed(w, in);
    }
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
