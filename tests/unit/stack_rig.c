/* SPDX-License-Identifier: MIT */
/*
 * The rig of stack_rig.h: a link over a packet pool whose transmit copies frames into an array.
 */
#include "unit/stack_rig.h"

#include "base/alloc_heap.h"

#define POOL_FRAMES 256u

/* ---- the link ---- */

static struct rig *rig_of(struct link *link) { return container_of(link, struct rig, link); }

static unsigned rig_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    (void)link;
    (void)packets;
    (void)n;
    (void)now;
    return 0;
}

static unsigned rig_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct rig *r = rig_of(link);
    if (kind == LINK_ALLOC_LARGE) {
        n = packet_pool_get(&r->large_pool, packets, n);
        r->large_given += n;
        return n;
    }
    if (kind != LINK_ALLOC_CONTROL) {
        n = min_u32(n, r->room);
        r->room -= n;
    }
    return packet_pool_get(&r->pool, packets, n);
}

static void capture(struct rig *r, const struct packet *p)
{
    assert_true(p->len <= RIG_FRAME_BYTES || p->gso != PACKET_GSO_NONE);
    if (r->count == RIG_FRAMES) {
        r->head = (r->head + 1) % RIG_FRAMES;
        r->count--;
    }
    struct rig_frame *f = &r->frames[(r->head + r->count++) % RIG_FRAMES];
    *f = (struct rig_frame){.length = p->len,
                            .checksum = p->checksum,
                            .checksum_start = p->checksum_start,
                            .checksum_offset = p->checksum_offset,
                            .l3_offset = p->l3_offset,
                            .l4_offset = p->l4_offset,
                            .gso = p->gso,
                            .gso_size = p->gso_size};
    memcpy(f->bytes, p->data, min_u32(p->len, RIG_FRAME_BYTES));
    r->sent++;
}

static void rig_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    (void)now;
    for (unsigned i = 0; i < n; i++)
        capture(rig_of(link), packets[i]);
    packet_release_burst(packets, n);
}

static const struct link_ops rig_ops = {.rx_burst = rig_rx_burst, .tx_alloc = rig_tx_alloc, .tx_burst = rig_tx_burst};

/* ---- life ---- */

static void open_guard(struct guard *g, int64_t now)
{
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    assert_int_equal(guard_init(g, &rules, NULL, now), 0);
}

static void small_tcp(struct tcp_settings *t)
{
    t->max_connections = 64;
    t->max_time_wait = 64;
    t->max_out_of_order_frames = 64;
}

struct rig *rig_new_empty(const struct stack_settings *settings) { return rig_new_on(settings, 0); }

struct rig *rig_new_on(const struct stack_settings *settings, uint32_t caps)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->now = 1000 * NS_PER_S;
    r->room = (unsigned)-1;
    r->link = (struct link){.ops = &rig_ops, .name = "rig", .mtu = 1500, .caps = caps, .fd = -1};
    memcpy(r->link.mac, US_MAC, 6);
    r->link.gso_max = caps & (LINK_CAP_TSO | LINK_CAP_USO) ? UINT16_MAX : 0;
    assert_int_equal(packet_pool_init(&r->large_pool, alloc_heap(), 4, PACKET_HEADROOM + 22 + UINT16_MAX, 0), 0);
    assert_int_equal(packet_pool_init(&r->pool, alloc_heap(), POOL_FRAMES, RIG_FRAME_BYTES + PACKET_HEADROOM, 0), 0);
    open_guard(&r->guard, r->now);
    struct stack_settings t;
    if (settings) {
        t = *settings;
    } else {
        stack_settings_default(&t);
        t.secret = (struct hash_key){1, 2};
    }
    small_tcp(&t.tcp);
    assert_int_equal(stack_new(&t, alloc_heap(), r->now, &r->stack), 0);
    assert_int_equal(stack_add_interface(r->stack, &r->link, &r->guard), 0);
    return r;
}

struct rig *rig_new_with(const struct stack_settings *settings)
{
    struct rig *r = rig_new_empty(settings);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    return r;
}

struct rig *rig_new(void) { return rig_new_with(NULL); }

void rig_free(struct rig *r)
{
    stack_delete(r->stack);
    assert_int_equal(r->pool.free_count, r->pool.capacity);
    assert_int_equal(r->pool.home.held, 0);
    assert_int_equal(r->large_pool.free_count, r->large_pool.capacity);
    packet_pool_free(&r->large_pool);
    packet_pool_free(&r->pool);
    free(r);
}

uint32_t rig_host(struct rig *r, uint32_t address, uint8_t prefix, uint32_t gateway, const uint8_t *mac)
{
    struct host_settings h = {.address = v4(address), .prefix_length = prefix};
    if (gateway)
        h.gateway = v4(gateway);
    if (mac)
        memcpy(h.mac, mac, 6);
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

uint32_t rig_host6(struct rig *r)
{
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

struct rig *rig_new6(void)
{
    struct rig *r = rig_new_empty(NULL);
    r->us = rig_host6(r);
    return r;
}

/* ---- frames in and out ---- */

void rig_input(struct rig *r, const uint8_t *frame, uint32_t length)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&r->pool, &p, 1), 1);
    /* At the buffer's end, so that AddressSanitizer's neighbour of the last frame is not another frame's bytes by luck.
     */
    p->data = p->start + PACKET_HEADROOM;
    memcpy(p->data, frame, length);
    memset(p->data + length, 0xa5, packet_tailroom(p) - length);
    p->len = length;
    p->checksum = r->rx_checksum;
    p->checksum_start = r->rx_checksum_start;
    p->checksum_offset = r->rx_checksum_offset;
    p->vlan_present = r->stripped;
    p->vlan_tci = r->stripped_tci;
    stack_input(r->stack, 0, &p, 1, r->now);
    rig_transmit(r);
}

void rig_transmit(struct rig *r) { stack_transmit(r->stack, r->now); }

void rig_pass(struct rig *r, int64_t ns)
{
    r->now += ns;
    stack_receive(r->stack, r->now);
    rig_transmit(r);
}

const struct rig_frame *rig_next(struct rig *r)
{
    if (r->count == 0)
        return NULL;
    const struct rig_frame *f = &r->frames[r->head];
    r->head = (r->head + 1) % RIG_FRAMES;
    r->count--;
    return f;
}

void rig_forget_frames(struct rig *r) { r->count = 0; }

const struct stack_counters *rig_counters(const struct rig *r) { return stack_counters(r->stack); }

/* ---- expecting ---- */

const struct rig_frame *expect_arp(struct rig *r, uint16_t op, struct wire_arp *arp)
{
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    struct wire_eth eth;
    int at = wire_eth_parse(f->bytes, f->length, WIRE_ETH_MAX_TAGS, &eth);
    assert_true(at > 0);
    assert_int_equal(eth.ethertype, ETHERTYPE_ARP);
    assert_int_equal(f->length, (uint32_t)at + WIRE_ARP_LEN);
    assert_int_equal(wire_arp_parse(f->bytes + at, f->length - (uint32_t)at, arp), WIRE_ARP_LEN);
    assert_int_equal(arp->op, op);
    return f;
}

const struct rig_frame *expect_ipv4(struct rig *r, uint8_t protocol, struct wire_ipv4 *ip)
{
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    struct wire_eth eth;
    int at = wire_eth_parse(f->bytes, f->length, WIRE_ETH_MAX_TAGS, &eth);
    assert_true(at > 0);
    assert_int_equal(eth.ethertype, ETHERTYPE_IPV4);
    assert_int_equal(wire_ipv4_parse(f->bytes + at, f->length - (uint32_t)at, ip), 20);
    assert_true(wire_ipv4_checksum_ok(f->bytes + at, 20));
    assert_int_equal(ip->protocol, protocol);
    assert_int_equal(f->length, (uint32_t)at + ip->total_len);
    assert_int_equal(f->l3_offset, at);
    assert_int_equal(f->l4_offset, at + 20);
    assert_int_not_equal(ip->ttl, 0);
    return f;
}

void expect_nothing(struct rig *r) { assert_null(rig_next(r)); }
void expect_dst_mac(const struct rig_frame *f, const uint8_t *mac) { assert_memory_equal(f->bytes, mac, 6); }
void expect_src_mac(const struct rig_frame *f, const uint8_t *mac) { assert_memory_equal(f->bytes + 6, mac, 6); }

void rig_resolve(struct rig *r, uint32_t local, uint32_t address, const uint8_t *mac)
{
    struct udp_datagram d = {.local = local, .remote = v4(address), .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_arp arp;
    const struct rig_frame *request = expect_arp(r, WIRE_ARP_REQUEST, &arp);
    uint8_t f[64];
    uint32_t n = make_arp(f, request->bytes + 6, mac, WIRE_ARP_REPLY, mac, address, arp.sha, arp.spa);
    rig_input(r, f, n);
    assert_non_null(rig_next(r)); /* the datagram that waited */
    expect_nothing(r);
}

const struct rig_frame *expect_ipv6(struct rig *r, uint8_t next_header, struct wire_ipv6 *ip)
{
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_IPV6);
    assert_int_equal(wire_ipv6_parse(f->bytes + 14, f->length - 14, ip), WIRE_IPV6_LEN);
    assert_int_equal(f->length, 54 + ip->payload_len);
    assert_int_equal(ip->next_header, next_header);
    return f;
}

static const struct rig_frame *expect_message(struct rig *r, uint8_t type, struct wire_ipv6 *ip)
{
    const struct rig_frame *f = expect_ipv6(r, IP_PROTO_ICMPV6, ip);
    assert_int_equal(f->bytes[54], type);
    assert_true(wire_icmpv6_checksum_ok(&ip->src, &ip->dst, f->bytes + 54, ip->payload_len));
    return f;
}

const struct rig_frame *expect_nd(struct rig *r, uint8_t type, struct wire_ipv6 *ip, struct wire_nd *message)
{
    const struct rig_frame *f = expect_message(r, type, ip);
    assert_int_equal(ip->hop_limit, WIRE_ND_HOP_LIMIT);
    assert_true(wire_nd_parse(f->bytes + 54, ip->payload_len, message) > 0);
    return f;
}

const uint8_t *expect_icmp6(struct rig *r, uint8_t type, struct wire_ipv6 *ip)
{
    return expect_message(r, type, ip)->bytes + 54;
}

void rig_resolve6(struct rig *r, uint32_t local, const struct ip_addr *address, const uint8_t *mac)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m;
    struct udp_datagram d = {.local = local, .remote = *address, .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    rig_input(r, f, make_advertisement(f, address, mac, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE));
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    expect_nothing(r);
}
