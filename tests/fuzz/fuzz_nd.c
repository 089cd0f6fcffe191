/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery and autoconfiguration, the whole stack: messages of routers and neighbours mixed with time, hosts that come and go, routers of our own,
 * datagrams, and our own frames that a loop brings back.
 *
 * Input: operations of one byte (the upper three bits what, the lower five how) and what they take from the bytes behind. After each one the invariants of
 * autoconf.h and ra.h hold, and no frame has left from an address that is not usable; afterwards everything must be released.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/stack_internal.h"

#define MOST_OPERATIONS 400u
#define MOST_OPTION_BYTES 248u

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};

struct world {
    const struct allocator *memory;
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    int64_t now;
    const uint8_t *at, *end;
    uint8_t last[1514]; /* the frame that was sent last */
    uint32_t last_length;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t take(struct world *w) { return w->at < w->end ? *w->at++ : 0; }

/* ---- addresses: few, so that they meet ---- */

static struct ip_addr address(uint8_t n)
{
    static const struct ip_addr of[8] = {
        {{0}},                                      /* nobody */
        {{0xfe, 0x80, [15] = 1}},                   /* stations */
        {{0xfe, 0x80, [15] = 2}},                   /* routers */
        {{0x20, 1, 0x0d, 0xb8, [15] = 1}},          /* configured */
        {{0x20, 1, 0x0d, 0xb8, 0, 7, [15] = 0x33}}, /* in a prefix */
        {{0x20, 1, 0x0d, 0xb8, 0, 9, [15] = 0x44}}, /* far away */
        {{0xff, 2, [15] = 1}},                      /* all nodes */
        {{0xff, 2, [15] = 2}},                      /* all routers */
    };
    struct ip_addr a = of[n & 7];
    if ((n & 7) >= 1 && (n & 7) <= 5)
        a.bytes[14] = n >> 5;
    return a;
}

/* One of ours, or one of the above. */
static struct ip_addr address_of_host(struct world *w)
{
    uint8_t n = take(w);
    const struct host_set *set = &w->stack->hosts;
    const struct host *h = n >= 128 && set->count ? &set->hosts[1 + n % set->count] : NULL;
    return h && h->v6 ? h->ip : address(n);
}

/* ---- what must hold ---- */

static void check_view(const struct stack *s, const struct ra_view *v)
{
    uint32_t made[RA_MAX_PREFIXES] = {0};
    must(v->n_routers <= RA_MAX_ROUTERS && v->n_dns <= RA_MAX_DNS);
    must(v->n_routers == 0 ? v->chosen == RA_MAX_ROUTERS : v->chosen < v->n_routers);
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct autoconf_host *a = &s->autoconf.hosts[i];
        if (!s->hosts.hosts[i].removed && s->hosts.hosts[i].ra == v && a->station != 0)
            made[a->prefix]++;
    }
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++)
        must(v->prefixes[i].addresses == made[i]);
}

static void check(const struct world *w)
{
    const struct stack *s = w->stack;
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = &s->hosts.hosts[i];
        if (!h->removed)
            must((h->state == HOST_TENTATIVE) == (s->autoconf.hosts[i].phase == AUTOCONF_DAD));
    }
    for (uint32_t i = 1; i <= s->autoconf.views.touched; i++)
        check_view(s, pool_at(&s->autoconf.views, i));
}

static void check_frame(struct world *w, const struct packet *p)
{
    if (p->len < 54 || load_be16(p->data + 12) != ETHERTYPE_IPV6)
        return;
    const struct ip_addr source = ip_addr_from_v6(p->data + 22);
    const struct host *h = host_find_address(&w->stack->hosts, 1, &source);
    must(!h || h->state == HOST_USABLE);
    w->last_length = p->len <= sizeof w->last ? p->len : 0;
    memcpy(w->last, p->data, w->last_length);
}

static void turn(struct world *w)
{
    struct packet *p[LINK_BURST];
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    for (unsigned n; (n = link_rx_burst(w->ends[1], p, LINK_BURST, w->now)) > 0;) {
        for (unsigned i = 0; i < n; i++)
            check_frame(w, p[i]);
        packet_release_burst(p, n);
    }
}

/* ---- operations ---- */

static void feed(struct world *w, const uint8_t *bytes, uint32_t length)
{
    struct packet *p;
    if (link_tx_alloc(w->ends[1], &p, 1, LINK_ALLOC_DATA) == 0)
        return;
    memcpy(p->data, bytes, length);
    p->len = length;
    w->ends[1]->ops->tx_burst(w->ends[1], &p, 1, w->now);
}

static uint32_t fixed_bytes(uint8_t type)
{
    static const uint8_t of[5] = {8, 16, 24, 24, 40};
    return of[type - WIRE_ICMPV6_ROUTER_SOLICITATION];
}

/* A message of a type whose fields and options are the input's, in a good header. */
static void message(struct world *w, uint8_t how)
{
    uint8_t f[54 + 40 + MOST_OPTION_BYTES] = {0}, *m = f + 54;
    m[0] = (uint8_t)(WIRE_ICMPV6_ROUTER_SOLICITATION + how % 5);
    const struct ip_addr from = address_of_host(w);
    uint8_t to_group = take(w);
    uint32_t fixed = fixed_bytes(m[0]), n = fixed + take(w) % (MOST_OPTION_BYTES + 1) / 8 * 8;
    for (uint32_t i = 4; i < fixed && i < 8; i++)
        m[i] = take(w);
    const struct ip_addr target = address_of_host(w), destination = address_of_host(w);
    if (fixed == 16) {
        for (uint32_t i = 8; i < 16; i++)
            m[i] = take(w);
    } else if (fixed > 16) {
        memcpy(m + 8, target.bytes, 16);
        memcpy(m + 24, destination.bytes, fixed == 40 ? 16 : 0);
    }
    for (uint32_t i = fixed; i < n; i++)
        m[i] = take(w);
    const struct ip_addr to = to_group & 1   ? address((uint8_t)(6 + (to_group >> 1 & 1)))
                              : to_group & 2 ? ip_addr_solicited_node(&target)
                                             : target;
    memcpy(f, our_mac, 6);
    if (to.bytes[0] == 0xff)
        wire_eth_addr_from_ipv6_multicast(f, to.bytes);
    memcpy(f + 6, peer_mac, 6);
    store_be16(f + 12, ETHERTYPE_IPV6);
    f[14] = 0x60;
    store_be16(f + 18, (uint16_t)n);
    f[20] = IP_PROTO_ICMPV6;
    f[21] = how & 16 && to_group & 4 ? 254 : 255;
    memcpy(f + 22, from.bytes, 16);
    memcpy(f + 38, to.bytes, 16);
    wire_icmpv6_checksum_set(&from, &to, m, n);
    feed(w, f, 54 + n);
}

static void add_host(struct world *w, uint8_t how)
{
    struct host_settings t = {.address = address(take(w)),
                              .prefix_length = 64,
                              .autoconf = how & 1,
                              .eui64 = how & 2,
                              .redirects = how & 4,
                              .dad_transmits = how >> 3 & 3};
    if (take(w) & 1)
        t.gateway = address(2);
    memcpy(t.mac, our_mac, 6);
    (void)!stack_add_host(w->stack, &t);
}

static void send_datagram(struct world *w, uint8_t how)
{
    struct udp_datagram d = {.local = how, .remote = address_of_host(w), .local_port = 9, .remote_port = 9};
    (void)!udp_send(w->stack, &d, w->now);
}

static void router(struct world *w, uint8_t how)
{
    struct stack_router_settings t;
    stack_router_settings_default(&t);
    t.local = how & 15;
    t.max_interval_ns = (4 + (int64_t)(take(w) & 7)) * NS_PER_S;
    t.min_interval_ns = 3 * NS_PER_S;
    t.n_prefixes = take(w) % 3;
    for (unsigned i = 0; i < t.n_prefixes; i++)
        t.prefix[i] = (struct wire_nd_prefix){.prefix = address(take(w)), .length = 64, .flags = 0xc0, .valid_s = 9};
    if (how & 16)
        (void)stack_router_stop(w->stack, t.local, w->now);
    else
        (void)!stack_router_start(w->stack, &t, w->now);
}

static void pass(struct world *w, uint8_t how)
{
    static const int64_t of[8] = {1, 50, 500, 1100, 4000, 30000, 600000, 7300000};
    for (unsigned i = 0; i <= how >> 3; i++) {
        w->now += of[how & 7] * NS_PER_MS;
        turn(w);
    }
}

static void loop_back(struct world *w, uint8_t how)
{
    if (how & 1)
        (void)stack_set_up(w->stack, 0, how & 2, w->now);
    else if (w->last_length)
        feed(w, w->last, w->last_length);
}

static void operate(struct world *w)
{
    uint8_t what = take(w), how = what & 31;
    switch (what >> 5) {
    case 0:
        pass(w, how);
        check(w);
        return;
    case 1:
        add_host(w, how);
        break;
    case 2:
        (void)stack_remove_host(w->stack, how, w->now);
        break;
    case 3:
        send_datagram(w, how);
        break;
    case 4:
        router(w, how);
        break;
    case 5:
        loop_back(w, how);
        break;
    default:
        message(w, how);
        break;
    }
    turn(w);
    check(w);
}

/* ---- the world ---- */

static void make(struct world *w)
{
    struct memory_settings m;
    struct stack_settings s;
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    w->memory = arena_begin();
    w->now = NS_PER_S;
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 16;
    must(memory_link_new(&m, w->memory, "fuzz", w->ends) == 0);
    must(guard_init(&w->guard, &rules, NULL, w->now) == 0);
    stack_settings_default(&s);
    s.max_addresses = 16;
    s.max_neighbours = 8;
    s.max_routers = 2;
    s.max_redirects = 8;
    s.max_udp_bindings = 4;
    s.max_routes = s.max_path_mtus = s.max_group_sources = 8;
    s.max_groups = 32;
    s.max_echo_bindings = 4;
    s.resolve_queue_total = 8;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    s.large_datagrams = 1;
    s.tcp.max_connections = s.tcp.max_time_wait = 8;
    s.tcp.max_listeners = s.tcp.max_users = 2;
    s.tcp.max_out_of_order_frames = 32;
    must(stack_new(&s, w->memory, w->now, &w->stack) == 0);
    must(stack_add_interface(w->stack, w->ends[0], &w->guard) == 0);
    struct host_settings station = {.address = address(1), .prefix_length = 64, .autoconf = true};
    memcpy(station.mac, our_mac, 6);
    must(stack_add_host(w->stack, &station) == 1);
}

static void begin(struct world *w)
{
    if (arena_again(0, w, sizeof *w))
        return;
    make(w);
    arena_keep(0, w, sizeof *w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct world w;
    begin(&w);
    w.at = bytes;
    w.end = bytes + length;
    for (unsigned i = 0; w.at < w.end && i < MOST_OPERATIONS; i++)
        operate(&w);
    stack_delete(w.stack);
    link_close(w.ends[0]);
    link_close(w.ends[1]);
    arena_end();
    return 0;
}
