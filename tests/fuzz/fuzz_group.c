/* SPDX-License-Identifier: MIT */
/*
 * Multicast, IGMP and MLD: listeners whose filters change, queries and reports of every version, messages made up, datagrams to groups, and time.
 *
 * Input: operations of one byte (the upper three bits what, the lowest the family) and what they take from the bytes behind. A datagram is handed up exactly when some
 * listener of ours wants its source; every frame that leaves is a report or leave that can be read, from our address, its checksums right; and when nobody listens any
 * more nothing is kept, once all is said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/stack_internal.h"
#include "wire/igmp.h"
#include "wire/l4.h"
#include "wire/mld.h"
#include "wire/udp.h"

#define MOST_OPERATIONS 200u
#define LISTENERS 4u
#define GROUPS 3u
#define SOURCES 4u
#define PORT 5353
#define MOST_BYTES 200u

struct wants {
    bool any; /* is there a filter? */
    bool exclude;
    uint8_t sources; /* a bit for each */
};

struct world {
    const struct allocator *memory;
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    int64_t now;
    const uint8_t *at, *end;
    uint32_t local[2]; /* of each family */
    struct wants wants[2][LISTENERS][GROUPS];
    unsigned received;
};

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t take(struct world *w) { return w->at < w->end ? *w->at++ : 0; }

/* ---- addresses ---- */

static struct ip_addr v4(uint32_t address) { return ip_addr_from_v4(address); }
static struct ip_addr us(bool v6) { return v6 ? ip_addr_link_local(our_mac) : v4(0xc0000201u); }
static struct ip_addr router(bool v6) { return v6 ? ip_addr_link_local(peer_mac) : v4(0xc00002feu); }

static struct ip_addr group_of(bool v6, unsigned n)
{
    return v6 ? (struct ip_addr){{0xff, 5, [15] = (uint8_t)(0x20 + n)}} : v4(0xef010220u + n);
}

static struct ip_addr source_of(bool v6, unsigned n)
{
    return v6 ? (struct ip_addr){{0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)(0x40 + n)}} : v4(0xc6336440u + n);
}

static struct ip_addr all_nodes(bool v6) { return v6 ? (struct ip_addr){{0xff, 2, [15] = 1}} : v4(0xe0000001u); }

/* ---- what leaves ---- */

static void check_records(const struct wire_group_message *m, bool v6)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        struct wire_group_record r;
        int length = wire_group_record_parse(m->bytes + at, m->bytes_length - at, v6, &r);
        must(length > 0 && r.type >= WIRE_GROUP_IS_INCLUDE && r.type <= WIRE_GROUP_BLOCK_OLD);
        at += (uint32_t)length;
    }
    must(at == m->bytes_length);
}

static void check_message(const struct wire_group_message *m, bool v6)
{
    must(m->kind != WIRE_GROUP_QUERY);
    if (m->kind == WIRE_GROUP_RECORDS)
        check_records(m, v6);
    else
        must(ip_addr_is_multicast(&m->group));
}

static void check_v4(const uint8_t *ip, uint32_t length)
{
    struct wire_ipv4 h;
    struct wire_group_message m;
    must(wire_ipv4_parse(ip, length, &h) > 0 && wire_ipv4_checksum_ok(ip, h.header_len));
    if (h.protocol != IP_PROTO_IGMP)
        return;
    must(h.src == ip_addr_to_v4(&(struct ip_addr){0}) || h.src == 0xc0000201u);
    must(h.ttl == 1 && wire_igmp_parse(ip + h.header_len, wire_ipv4_payload_len(&h), &m) > 0);
    check_message(&m, false);
}

static void check_v6(const uint8_t *ip, uint32_t length)
{
    struct wire_ipv6 h;
    struct wire_ipv6_walk walk;
    struct wire_group_message m;
    must(wire_ipv6_parse(ip, length, &h) > 0 && wire_ipv6_walk(ip, length, &walk) == WIRE_IPV6_ACCEPT);
    if (walk.protocol != IP_PROTO_ICMPV6)
        return;
    must(wire_icmpv6_checksum_ok(&h.src, &h.dst, ip + walk.offset, walk.end - walk.offset));
    if (!wire_mld_is_mld(ip[walk.offset]))
        return;
    must(h.hop_limit == 1 && walk.router_alert);
    must(wire_mld_parse(ip + walk.offset, walk.end - walk.offset, &m) > 0);
    check_message(&m, true);
}

static void turn(struct world *w)
{
    struct packet *p[LINK_BURST];
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    for (unsigned n; (n = link_rx_burst(w->ends[1], p, LINK_BURST, w->now)) > 0;) {
        for (unsigned i = 0; i < n; i++) {
            uint16_t type = load_be16(p[i]->data + 12);
            if (type == ETHERTYPE_IPV4)
                check_v4(p[i]->data + 14, p[i]->len - 14);
            else if (type == ETHERTYPE_IPV6)
                check_v6(p[i]->data + 14, p[i]->len - 14);
        }
        packet_release_burst(p, n);
    }
}

static void pass(struct world *w, int64_t ns, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        w->now += ns;
        turn(w);
    }
}

/* ---- what arrives ---- */

/* `length` bytes behind f's 14 + 20 + 4 or 14 + 40 + 8 bytes of headers, with Router Alert. */
static uint8_t *payload_of(uint8_t *f, bool v6) { return f + (v6 ? 62 : 38); }

static void send_v4(uint8_t *f, const struct ip_addr *from, const struct ip_addr *to, uint8_t protocol, uint32_t length)
{
    static const uint8_t alert[4] = {0x94, 4, 0, 0};
    uint8_t *ip = f + 14;
    memset(ip, 0, 20);
    ip[0] = 0x46;
    store_be16(ip + 2, (uint16_t)(24 + length));
    ip[8] = 1;
    ip[9] = protocol;
    store_be32(ip + 12, ip_addr_to_v4(from));
    store_be32(ip + 16, ip_addr_to_v4(to));
    memcpy(ip + 20, alert, 4);
    uint16_t sum = checksum_finish(checksum_add(0, ip, 24));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &sum, sizeof sum);
    wire_eth_addr_from_ipv4_multicast(f, ip_addr_to_v4(to));
}

static void send_v6(uint8_t *f, const struct ip_addr *from, const struct ip_addr *to, uint8_t protocol, uint32_t length)
{
    const uint8_t alert[8] = {protocol, 0, 5, 2, 0, 0, 1, 0};
    struct wire_ipv6 h = {.src = *from,
                          .dst = *to,
                          .payload_len = (uint16_t)(8 + length),
                          .next_header = IP_PROTO_HOP_BY_HOP,
                          .hop_limit = 1};
    wire_ipv6_build(f + 14, &h);
    memcpy(f + 54, alert, 8);
    wire_eth_addr_from_ipv6_multicast(f, to->bytes);
}

static void feed(struct world *w, uint8_t *f, const struct ip_addr *from, const struct ip_addr *to, uint8_t protocol,
                 uint32_t length)
{
    bool v6 = !ip_addr_is_v4(to);
    struct packet *p;
    if (v6)
        send_v6(f, from, to, protocol, length);
    else
        send_v4(f, from, to, protocol, length);
    memcpy(f + 6, peer_mac, 6);
    store_be16(f + 12, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (link_tx_alloc(w->ends[1], &p, 1, LINK_ALLOC_DATA) == 0)
        return;
    p->len = (v6 ? 62 : 38) + length;
    memcpy(p->data, f, p->len);
    w->ends[1]->ops->tx_burst(w->ends[1], &p, 1, w->now);
    turn(w);
}

static void feed_message(struct world *w, uint8_t *f, const struct ip_addr *to, uint32_t length)
{
    bool v6 = !ip_addr_is_v4(to);
    const struct ip_addr from = router(v6);
    if (v6)
        wire_icmpv6_checksum_set(&from, to, payload_of(f, true), length);
    else
        wire_igmp_checksum_set(payload_of(f, false), length);
    feed(w, f, &from, to, v6 ? IP_PROTO_ICMPV6 : IP_PROTO_IGMP, length);
}

static void query(struct world *w, bool v6)
{
    uint8_t f[MOST_BYTES + 62] = {0}, sources[16 * SOURCES], version = take(w), group = take(w), which = take(w);
    struct wire_group_message m = {.kind = WIRE_GROUP_QUERY, .version = (uint8_t)(1 + version % 3)};
    m.max_response_ms = take(w) * 100u;
    if (v6 && m.version == WIRE_GROUP_V1)
        m.version = WIRE_GROUP_V2;
    if (m.version == WIRE_GROUP_V3) {
        m.robustness = version >> 2 & 7;
        m.interval_s = take(w);
    }
    if (!v6)
        m.group = v4(0);
    if (group & 4 && m.version != WIRE_GROUP_V1)
        m.group = group_of(v6, group % GROUPS);
    for (unsigned i = 0; i < SOURCES && m.version == WIRE_GROUP_V3 && (group & 4); i++) {
        const struct ip_addr source = source_of(v6, i);
        if (which >> i & 1)
            wire_group_address_put(sources, v6, m.count++, &source);
    }
    m.bytes_length = m.count * wire_group_address_bytes(v6);
    uint8_t *to = payload_of(f, v6);
    int head = v6 ? wire_mld_build(to, &m) : wire_igmp_build(to, &m);
    memcpy(to + head, sources, m.bytes_length);
    const struct ip_addr destination = ip_addr_is_unspecified(&m.group) ? all_nodes(v6) : m.group;
    feed_message(w, f, &destination, (uint32_t)head + m.bytes_length);
}

/* Bytes of the input, in an envelope that is in order. */
static void message(struct world *w, bool v6)
{
    uint8_t f[MOST_BYTES + 62] = {0}, *m = payload_of(f, v6);
    uint8_t where = take(w);
    uint32_t length = take(w) % 100;
    for (uint32_t i = 0; i < length; i++)
        m[i] = take(w);
    if (v6 && length)
        m[0] = where & 64 ? 143 : (uint8_t)(130 + where % 3);
    if (length < 4)
        return;
    const struct ip_addr to = where & 4 ? group_of(v6, where % GROUPS) : all_nodes(v6);
    feed_message(w, f, &to, length);
}

/* ---- who listens ---- */

static const struct ip_source_filter *filter_of(const struct wants *wants, bool v6, struct ip_addr *sources,
                                                struct ip_source_filter *f)
{
    if (!wants->any)
        return NULL;
    *f = (struct ip_source_filter){.exclude = wants->exclude, .sources = sources};
    for (unsigned i = 0; i < SOURCES; i++)
        if (wants->sources >> i & 1)
            sources[f->n++] = source_of(v6, i);
    return f;
}

static void listen_to(struct world *w, bool v6, unsigned listener, unsigned group, const struct wants *is)
{
    struct ip_addr old[SOURCES], new[SOURCES];
    struct ip_source_filter from, to;
    struct wants *was = &w->wants[v6][listener][group];
    const struct ip_addr address = group_of(v6, group);
    int e = stack_listen(w->stack, w->local[v6], &address, filter_of(was, v6, old, &from), filter_of(is, v6, new, &to),
                         w->now);
    must(e == 0 || e == ERR_NO_SPACE);
    if (e == 0)
        *was = *is;
}

static void change(struct world *w, bool v6)
{
    uint8_t who = take(w), what = take(w);
    struct wants is = {.any = what & 128, .exclude = what & 64, .sources = what & 15};
    is.any = is.any && (is.exclude || is.sources); /* to want nothing is not to listen */
    listen_to(w, v6, who % LISTENERS, (who >> 2) % GROUPS, is.any ? &is : &(struct wants){.any = false});
}

static bool is_wanted(const struct world *w, bool v6, unsigned group, unsigned source)
{
    for (unsigned i = 0; i < LISTENERS; i++) {
        const struct wants *wants = &w->wants[v6][i][group];
        if (wants->any && wants->exclude != (wants->sources >> source & 1))
            return true;
    }
    return false;
}

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)d, (void)now;
    ((struct world *)context)->received++;
}

static void datagram(struct world *w, bool v6)
{
    uint8_t f[MOST_BYTES + 62] = {0}, which = take(w), *udp = payload_of(f, v6);
    unsigned group = which % GROUPS, source = (which >> 4) % SOURCES, before = w->received;
    const struct ip_addr from = source_of(v6, source), to = group_of(v6, group);
    struct wire_udp h = {.src_port = 9, .dst_port = PORT, .length = 8};
    wire_udp_build(udp, &h);
    uint16_t sum = v6 ? wire_l4_checksum_v6(&from, &to, IP_PROTO_UDP, udp, 8)
                      : wire_l4_checksum_v4(ip_addr_to_v4(&from), ip_addr_to_v4(&to), IP_PROTO_UDP, udp, 8);
    memcpy(udp + 6, &sum, sizeof sum);
    feed(w, f, &from, &to, IP_PROTO_UDP, 8);
    must((w->received != before) == is_wanted(w, v6, group, source));
}

/* ---- the world ---- */

static void operate(struct world *w)
{
    static const int64_t steps[8] = {1, 10, 100, 400, 1000, 10000, 130000, 300000};
    uint8_t what = take(w);
    bool v6 = what & 1;
    switch (what >> 5) {
    case 0:
    case 1:
        pass(w, steps[what >> 1 & 7] * NS_PER_MS, 1u + (what >> 4 & 3));
        break;
    case 2:
        query(w, v6);
        break;
    case 3:
        message(w, v6);
        break;
    case 4:
        datagram(w, v6);
        break;
    case 5:
        (void)stack_set_up(w->stack, 0, what & 2, w->now);
        turn(w);
        (void)stack_set_up(w->stack, 0, true, w->now);
        turn(w);
        break;
    default:
        change(w, v6);
        break;
    }
}

static uint32_t add_host(struct world *w, bool v6)
{
    struct host_settings h = {.address = us(v6), .prefix_length = v6 ? 64 : 24};
    memcpy(h.mac, our_mac, 6);
    int local = stack_add_host(w->stack, &h);
    must(local > 0);
    return (uint32_t)local;
}

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
    s.max_addresses = 4;
    s.max_neighbours = 8;
    s.max_udp_bindings = 4;
    s.max_groups = 4;
    s.max_group_sources = 24;
    s.max_redirects = s.max_echo_bindings = s.max_ra_domains = 4;
    s.max_routes = s.max_path_mtus = 8;
    s.resolve_queue_total = 8;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    s.large_datagrams = 1;
    s.tcp.max_connections = s.tcp.max_time_wait = 8;
    s.tcp.max_listeners = s.tcp.max_users = 2;
    s.tcp.max_out_of_order_frames = 32;
    must(stack_new(&s, w->memory, w->now, &w->stack) == 0);
    must(stack_add_interface(w->stack, w->ends[0], &w->guard) == 0);
    w->local[0] = add_host(w, false);
    w->local[1] = add_host(w, true);
    must(udp_bind(w->stack, 0, PORT, on_datagram, NULL, w) == 0);
}

static void begin(struct world *w)
{
    if (arena_again(0, w, sizeof *w))
        return;
    make(w);
    arena_keep(0, w, sizeof *w);
}

static bool is_kept(const struct group_set *set) { return set->groups.used || set->members.used || set->sources.used; }

static void end(struct world *w)
{
    const struct group_set *set = &w->stack->groups;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned i = 0; i < LISTENERS; i++)
            for (unsigned g = 0; g < GROUPS; g++)
                listen_to(w, v6, i, g, &(struct wants){.any = false});
    for (unsigned i = 0; i < 20 && is_kept(set); i++)
        pass(w, 10 * NS_PER_S, 1); /* until all is said: robustness of at most 7, seconds apart */
    must(!is_kept(set));
    stack_delete(w->stack);
    link_close(w->ends[0]);
    link_close(w->ends[1]);
    arena_end();
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
    end(&w);
    return 0;
}
