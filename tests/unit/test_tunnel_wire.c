/* SPDX-License-Identifier: MIT */
/*
 * What tunnels write, byte for byte; every drop of TUNNEL_DROP_LIST by its cause, counted exactly once; congestion marks
 * by RFC 6040; sizes; what a VTEP learns, forgets and is bound to. Side 0 has the tunnels; side 1 is a plain stack whose
 * datagrams the test writes and reads.
 */
#include "unit/tunnel_rig.h"

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "stack/control.h"
#include "tunnel/internal.h"
#include "wire/icmp.h"
#include "wire/udp.h"

#define PORT 4789u

static const uint8_t HOST_MAC[6] = {2, 0, 0, 0, 7, 1}, STATION_MAC[6] = {2, 0, 0, 0, 7, 2};

/* What came to side 1. */
struct seen {
    unsigned count;
    uint8_t bytes[2048];
    uint32_t length;
    uint8_t tos, ttl, header[20];
};

struct bench {
    struct tunnel_rig *r;
    struct link *link;
    int interface;
    uint32_t inside; /* local index of 192.168.9.1 */
    struct seen seen;
    struct tunnel_counters before;
};

static void look(void *context, const struct raw_datagram *d, int64_t now)
{
    struct seen *x = context;
    (void)now;
    x->count++;
    x->length = d->length - d->header_length;
    x->tos = d->arrival.tos;
    x->ttl = d->arrival.ttl;
    memcpy(x->header, d->bytes, sizeof x->header);
    memcpy(x->bytes, d->bytes + d->header_length, min_u32(x->length, sizeof x->bytes));
}

static struct tunnel_settings settings_of(enum tunnel_kind kind)
{
    struct tunnel_settings t;
    tunnel_settings_default(&t, kind);
    memcpy(t.mac, HOST_MAC, 6);
    t.remote = tunnel_rig_ip("10.0.0.2");
    if (kind == TUNNEL_VXLAN)
        t.vni = 42;
    return t;
}

static void bench_open(struct bench *b, const struct tunnel_settings *settings)
{
    struct tunnel_settings t = *settings;
    *b = (struct bench){.r = tunnel_rig_new_with(&(struct tunnel_rig_options){.mtu = 1500, .addresses = 256})};
    t.local = t.local ? t.local : b->r->side[0].v4;
    b->interface = tunnel_rig_add(b->r, 0, &t, &b->link);
    const struct ip_addr vtep = tunnel_rig_ip("10.0.0.2"), inner = tunnel_rig_ip("192.168.9.2");
    if (t.kind == TUNNEL_VXLAN)
        assert_int_equal(tunnel_add_remote(b->link, t.vni, &vtep, b->r->now), 0);
    b->inside = tunnel_rig_host(b->r, 0, b->interface, "192.168.9.1", 24, 0);
    if (t.kind >= TUNNEL_GRETAP)
        assert_int_equal(stack_add_neighbour(b->r->side[0].stack, b->inside, &inner, STATION_MAC), 0);
    for (unsigned protocol = 1; protocol < 256; protocol++)
        if (protocol == IP_PROTO_GRE || protocol == IP_PROTO_IPV4 || protocol == IP_PROTO_UDP)
            assert_int_equal(raw_listen(b->r->side[1].stack, (uint8_t)protocol, look, NULL, &b->seen), 0);
    assert_true(tunnel_rig_ping(b->r, b->r->side[0].v4, "10.0.0.2", 8)); /* they know each other */
    b->before = *tunnel_set_counters(b->r->side[0].set);
}

static void bench_close(struct bench *b) { tunnel_rig_free(b->r); }

static const struct tunnel_counters *counters(const struct bench *b) { return tunnel_set_counters(b->r->side[0].set); }

/* An IPv4 datagram of UDP from the inside to 192.168.9.2. */
static int send_inside(struct bench *b, uint32_t bytes, uint8_t tos, uint8_t discover)
{
    static const uint8_t zeros[65536];
    const struct udp_datagram d = {.local = b->inside,
                                   .remote = tunnel_rig_ip("192.168.9.2"),
                                   .local_port = 1000,
                                   .remote_port = 2000,
                                   .bytes = zeros,
                                   .length = bytes,
                                   .departure = {.tos = tos, .discover = discover}};
    int error = udp_send(b->r->side[0].stack, &d, b->r->now);
    tunnel_rig_settle(b->r);
    return error;
}

/* From side 1 to side 0, from a local address of its. */
static void arrive_from(struct bench *b, uint32_t local, uint8_t protocol, const void *bytes, uint32_t length,
                        uint8_t tos)
{
    const struct raw_datagram d = {.local = local,
                                   .remote = tunnel_rig_ip("10.0.0.1"),
                                   .protocol = protocol,
                                   .bytes = bytes,
                                   .length = length,
                                   .departure = {.tos = tos}};
    assert_int_equal(raw_send(b->r->side[1].stack, &d, b->r->now), 0);
    tunnel_rig_settle(b->r);
}
static void arrive(struct bench *b, uint8_t protocol, const void *bytes, uint32_t length, uint8_t tos)
{
    arrive_from(b, b->r->side[1].v4, protocol, bytes, length, tos);
}

/* An IPv4 packet with an echo request to the inside. */
static uint32_t inner_ip(uint8_t *to, uint8_t tos)
{
    const struct wire_ipv4 h = {
        .total_len = 28, .ttl = 64, .protocol = IP_PROTO_ICMP, .tos = tos, .src = 0xc0a80902u, .dst = 0xc0a80901u};
    static const uint8_t echo[8] = {8, 0, 0xf7, 0xff};
    (void)wire_ipv4_build20(to, &h);
    memcpy(to + 20, echo, sizeof echo);
    return 28;
}

static uint32_t inner_frame(uint8_t *to, uint8_t tos)
{
    wire_eth_build14(to, HOST_MAC, STATION_MAC, 0x0800);
    return 14 + inner_ip(to + 14, tos);
}

/* UDP and VXLAN in front of what stands behind 16 bytes. */
static uint32_t vxlan(uint8_t *to, uint32_t vni, uint32_t length)
{
    const struct wire_udp h = {.src_port = 50000, .dst_port = PORT, .length = (uint16_t)(16 + length)};
    (void)wire_udp_build(to, &h);
    (void)wire_vxlan_build(to + 8, vni);
    return 16 + length;
}

/* ---- byte for byte ---- */

static void ipip_is_the_packet_alone(void **state)
{
    (void)state;
    struct bench b;
    const struct tunnel_settings t = settings_of(TUNNEL_IPIP);
    bench_open(&b, &t);
    assert_int_equal(b.link->mtu, 1480);
    assert_int_equal(send_inside(&b, 4, 0x2e << 2 | 2, 0), 0);
    assert_int_equal(b.seen.count, 1);
    assert_int_equal(b.seen.length, 32);
    assert_int_equal(b.seen.bytes[0], 0x45);
    assert_int_equal(load_be32(b.seen.bytes + 12), 0xc0a80901u);
    assert_int_equal(b.seen.ttl, 64);
    assert_int_equal(b.seen.tos, 2);                                 /* ECN alone */
    assert_int_equal(load_be16(b.seen.header + 6) & 0x4000, 0x4000); /* DF */
    bench_close(&b);
}

static void gre_has_checksum_key_and_sequence(void **state)
{
    (void)state;
    struct bench b;
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    t.has_key = t.checksum = t.sequence = true;
    t.key = 0x01020304;
    t.dscp = 10;
    t.ttl = 9;
    bench_open(&b, &t);
    assert_int_equal(b.link->mtu, 1500 - 20 - 16);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t head[] = {0xb0, 0, 0x08, 0};
        assert_int_equal(send_inside(&b, 5, 0, 0), 0);
        assert_int_equal(b.seen.length, 16 + 33);
        assert_memory_equal(b.seen.bytes, head, 4);
        assert_true(checksum_ok(checksum_add(0, b.seen.bytes, b.seen.length)));
        assert_int_equal(load_be32(b.seen.bytes + 8), 0x01020304u);
        assert_int_equal(load_be32(b.seen.bytes + 12), i);
        assert_int_equal(b.seen.bytes[16], 0x45);
        assert_int_equal(b.seen.tos, 10 << 2);
        assert_int_equal(b.seen.ttl, 9);
    }
    bench_close(&b);
}

static void gretap_is_the_frame(void **state)
{
    (void)state;
    struct bench b;
    const struct tunnel_settings t = settings_of(TUNNEL_GRETAP);
    const uint8_t head[] = {0, 0, 0x65, 0x58};
    bench_open(&b, &t);
    assert_int_equal(b.link->mtu, 1500 - 20 - 4 - 14);
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    assert_int_equal(b.seen.length, 4 + 14 + 32);
    assert_memory_equal(b.seen.bytes, head, 4);
    assert_memory_equal(b.seen.bytes + 4, STATION_MAC, 6);
    assert_memory_equal(b.seen.bytes + 10, HOST_MAC, 6);
    bench_close(&b);
}

static void vxlan_has_its_vni_and_a_port_of_the_flow(void **state)
{
    (void)state;
    struct bench b;
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    t.vni = 0xabcdef;
    const uint8_t head[] = {8, 0, 0, 0, 0xab, 0xcd, 0xef, 0};
    bench_open(&b, &t);
    assert_int_equal(b.link->mtu, 1450);
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    uint16_t port = load_be16(b.seen.bytes);
    assert_true(port >= 49152);
    assert_int_equal(load_be16(b.seen.bytes + 2), PORT);
    assert_int_equal(load_be16(b.seen.bytes + 4), 16 + 46);
    assert_int_equal(load_be16(b.seen.bytes + 6), 0); /* no checksum over IPv4 */
    assert_memory_equal(b.seen.bytes + 8, head, 8);
    assert_memory_equal(b.seen.bytes + 16, STATION_MAC, 6);
    assert_int_equal(send_inside(&b, 40, 0, 0), 0);
    assert_int_equal(load_be16(b.seen.bytes), port);
    bench_close(&b);
}

static void a_trunk_takes_its_tags_off_and_puts_them_on(void **state)
{
    (void)state;
    static const uint32_t vnis[] = {1, 0xfff, 0x1000, 0x1001, 0xfff000, 0xfffffe, 0xffffff};
    struct bench b;
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    t.vni = 0;
    t.trunk = true;
    t.max_vnis = 16;
    bench_open(&b, &t);
    struct stack *s = b.r->side[0].stack;
    for (unsigned i = 0; i < ARRAY_SIZE(vnis); i++) {
        const struct ip_addr vtep = tunnel_rig_ip("10.0.0.2"), inner = tunnel_rig_ip("192.168.9.2");
        uint8_t f[128];
        struct host_settings view;
        assert_int_equal(tunnel_add_vni(b.link, vnis[i]), 0);
        assert_int_equal(tunnel_add_remote(b.link, vnis[i], &vtep, b.r->now), 0);
        b.inside = tunnel_rig_host(b.r, 0, b.interface, "192.168.9.1", 24, vnis[i]);
        assert_true(stack_view_host(s, b.inside, &view));
        assert_int_equal(view.vni, vnis[i]);
        assert_int_equal(view.vlan_count, 0);
        assert_int_equal(stack_add_neighbour(s, b.inside, &inner, STATION_MAC), 0);
        assert_int_equal(send_inside(&b, 4, 0, 0), 0);
        assert_int_equal(load_be32(b.seen.bytes + 12) >> 8, vnis[i]);
        assert_int_equal(b.seen.length, 16 + 46);
        assert_int_equal(load_be16(b.seen.bytes + 16 + 12), 0x0800);
        arrive(&b, IP_PROTO_UDP, f, vxlan(f, vnis[i], inner_frame(f + 16, 0)), 0);
        assert_int_equal(stack_counters(s)->icmp_echo_replies_sent, i + 1);
        assert_int_equal(load_be32(b.seen.bytes + 12) >> 8, vnis[i]);
    }
    bench_close(&b);
}

/* ---- drops ---- */

static uint64_t drops_of(const struct tunnel_counters *c)
{
    uint64_t sum = 0;
#define ADD(name) sum += c->name;
    TUNNEL_DROP_LIST(ADD)
#undef ADD
    return sum;
}

static void open_kind(struct bench *b, enum tunnel_kind kind)
{
    const struct tunnel_settings t = settings_of(kind);
    bench_open(b, &t);
}

static void open_keyed(struct bench *b)
{
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    t.has_key = t.checksum = t.sequence = true;
    t.key = 5;
    bench_open(b, &t);
}

static uint32_t gre(uint8_t *to, uint32_t key, uint32_t sequence)
{
    const struct wire_gre h = {.protocol = 0x0800,
                               .has_checksum = true,
                               .has_key = true,
                               .has_sequence = true,
                               .key = key,
                               .sequence = sequence};
    uint32_t length = wire_gre_build(to, &h);
    length += inner_ip(to + length, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, to, length));
    memcpy(to + 4, &checksum, 2);
    return length;
}

static void cause_tunnel_short(struct bench *b)
{
    open_kind(b, TUNNEL_GRE);
    arrive(b, IP_PROTO_GRE, "\0\0\x08", 3, 0);
}
static void cause_tunnel_bad_header(struct bench *b)
{
    open_kind(b, TUNNEL_VXLAN);
    uint8_t f[128];
    uint32_t n = vxlan(f, 42, inner_frame(f + 16, 0));
    f[8] = 0;
    arrive(b, IP_PROTO_UDP, f, n, 0);
}
static void cause_tunnel_bad_checksum(struct bench *b)
{
    uint8_t f[128];
    open_keyed(b);
    uint32_t n = gre(f, 5, 1);
    f[n - 1] ^= 1;
    arrive(b, IP_PROTO_GRE, f, n, 0);
}
static void cause_tunnel_unknown_protocol(struct bench *b)
{
    uint8_t f[64] = {0, 0, 0x65, 0x58};
    open_kind(b, TUNNEL_GRE);
    arrive(b, IP_PROTO_GRE, f, sizeof f, 0);
}
static void cause_tunnel_unknown_key(struct bench *b)
{
    uint8_t f[128];
    open_keyed(b);
    arrive(b, IP_PROTO_GRE, f, gre(f, 6, 1), 0);
}
static void cause_tunnel_unknown_peer(struct bench *b)
{
    uint8_t f[128];
    open_kind(b, TUNNEL_VXLAN);
    uint32_t stranger = tunnel_rig_host(b->r, 1, 0, "10.0.0.3", 24, 0);
    arrive_from(b, stranger, IP_PROTO_UDP, f, vxlan(f, 42, inner_frame(f + 16, 0)), 0);
}
static void cause_tunnel_unknown_vni(struct bench *b)
{
    uint8_t f[128];
    open_kind(b, TUNNEL_VXLAN);
    arrive(b, IP_PROTO_UDP, f, vxlan(f, 43, inner_frame(f + 16, 0)), 0);
}
static void cause_tunnel_out_of_order(struct bench *b)
{
    uint8_t f[128];
    open_keyed(b);
    arrive(b, IP_PROTO_GRE, f, gre(f, 5, 0xffffffff), 0);
    arrive(b, IP_PROTO_GRE, f, gre(f, 5, 1), 0); /* newer, round 2^32 */
    assert_int_equal(drops_of(counters(b)), 0);
    arrive(b, IP_PROTO_GRE, f, gre(f, 5, 1), 0);
}
static void cause_tunnel_inner_tag(struct bench *b)
{
    uint8_t f[128];
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    t.trunk = true;
    bench_open(b, &t);
    uint32_t n = vxlan(f, 42, inner_frame(f + 16, 0));
    store_be16(f + 16 + 12, 0x8100);
    arrive(b, IP_PROTO_UDP, f, n, 0);
}
static void cause_tunnel_bad_inner(struct bench *b)
{
    uint8_t f[64];
    open_kind(b, TUNNEL_IPIP);
    uint32_t n = inner_ip(f, 0);
    f[3] = (uint8_t)(n + 1);
    arrive(b, IP_PROTO_IPV4, f, n, 0);
}
static void cause_tunnel_ecn(struct bench *b)
{
    uint8_t f[64];
    open_kind(b, TUNNEL_IPIP);
    arrive(b, IP_PROTO_IPV4, f, inner_ip(f, 0), 3);
}
static void cause_tunnel_not_ip(struct bench *b)
{
    static const uint8_t frame[60] = {2, 0, 0, 0, 7, 2, 2, 0, 0, 0, 7, 1, 0x08, 0x06};
    const struct ip_piece all = {.bytes = frame, .length = sizeof frame};
    open_kind(b, TUNNEL_IPIP);
    assert_int_equal(stack_frame_send(b->r->side[0].stack, (unsigned)b->interface, &all, 1, b->r->now), 0);
    tunnel_rig_settle(b->r);
}
static void cause_tunnel_no_remote(struct bench *b)
{
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    t.trunk = true;
    t.max_vnis = 2;
    bench_open(b, &t);
    const struct ip_addr inner = tunnel_rig_ip("192.168.9.2");
    assert_int_equal(tunnel_add_vni(b->link, 7), 0);
    b->inside = tunnel_rig_host(b->r, 0, b->interface, "192.168.9.1", 24, 7);
    assert_int_equal(stack_add_neighbour(b->r->side[0].stack, b->inside, &inner, STATION_MAC), 0);
    assert_int_equal(send_inside(b, 4, 0, 0), 0);
}
static void cause_tunnel_too_big(struct bench *b)
{
    open_kind(b, TUNNEL_VXLAN);
    assert_int_equal(stack_set_mtu(b->r->side[0].stack, 0, 1400, b->r->now), 0);
    assert_int_equal(send_inside(b, 1400, 0, DISCOVER_DO), 0);
}
static void cause_tunnel_no_route(struct bench *b)
{
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    t.remote = tunnel_rig_ip("10.9.9.9");
    bench_open(b, &t);
    assert_int_equal(send_inside(b, 4, 0, 0), 0);
}
/* All room for datagrams that wait for their neighbours is taken. */
static void cause_tunnel_no_room(struct bench *b)
{
    open_kind(b, TUNNEL_GRE);
    struct stack *s = b->r->side[0].stack;
    const struct ip_addr peer = tunnel_rig_ip("10.0.0.2");
    assert_int_equal(stack_remove_neighbour(s, b->r->side[0].v4, &peer, b->r->now), 0);
    static const uint8_t one[1];
    int error = 0;
    for (uint32_t i = 0; error == 0; i++) {
        const struct raw_datagram d = {.local = b->r->side[0].v4,
                                       .remote = ip_addr_from_v4(0x0a00000au + i / 3), /* nobody is there */
                                       .protocol = 99,
                                       .bytes = one,
                                       .length = sizeof one};
        error = raw_send(s, &d, b->r->now);
    }
    assert_int_equal(send_inside(b, 4, 0, 0), 0);
}
/* The address from which it sends moves to the tunnel itself. */
static void cause_tunnel_recursion(struct bench *b)
{
    struct tunnel_rig_options o = {.mtu = 1500, .addresses = 3};
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    *b = (struct bench){.r = tunnel_rig_new_with(&o)};
    struct stack *s = b->r->side[0].stack;
    t.local = b->r->side[0].v4;
    b->interface = tunnel_rig_add(b->r, 0, &t, &b->link);
    b->inside = tunnel_rig_host(b->r, 0, b->interface, "192.168.9.1", 24, 0);
    assert_int_equal(stack_remove_host(s, t.local, b->r->now), 0);
    assert_int_equal(tunnel_rig_host(b->r, 0, b->interface, "10.0.0.1", 24, 0), t.local);
    b->before = *counters(b);
    assert_int_equal(send_inside(b, 4, 0, 0), 0);
}

static void every_drop_is_counted_once_by_its_name(void **state)
{
    (void)state;
#define TRY(name)                                                                                                      \
    {                                                                                                                  \
        struct bench b;                                                                                                \
        cause_##name(&b);                                                                                              \
        if (counters(&b)->name != 1 || drops_of(counters(&b)) != 1)                                                    \
            fail_msg("%s: %u, all %u", #name, (unsigned)counters(&b)->name, (unsigned)drops_of(counters(&b)));         \
        bench_close(&b);                                                                                               \
    }
    TUNNEL_DROP_LIST(TRY)
#undef TRY
}

/* ---- congestion marks ---- */

/* RFC 6040 figure 4: by inner and outer field, in the order Not-ECT, ECT(1), ECT(0), CE; 9: dropped. */
static const int MARKS[4][4] = {{0, 0, 0, 9}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};

static void seen_inside(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    (void)now;
    int *ecn = context;
    if (!sent && interface == 1)
        *ecn = p->data[15] & 3;
}

static void congestion_marks_come_through(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct bench b;
        int ecn;
        open_kind(&b, (enum tunnel_kind)kind);
        assert_int_equal(stack_frame_listen(b.r->side[0].stack, 1, seen_inside, &ecn), 0);
        for (uint8_t inner = 0; inner < 4; inner++)
            for (uint8_t outer = 0; outer < 4; outer++) {
                uint8_t f[128] = {0, 0, kind == TUNNEL_GRE ? 0x08 : 0x65, kind == TUNNEL_GRE ? 0 : 0x58};
                ecn = 9;
                if (kind == TUNNEL_IPIP)
                    arrive(&b, IP_PROTO_IPV4, f, inner_ip(f, inner), outer);
                else if (kind == TUNNEL_GRE)
                    arrive(&b, IP_PROTO_GRE, f, 4 + inner_ip(f + 4, inner), outer);
                else if (kind == TUNNEL_GRETAP)
                    arrive(&b, IP_PROTO_GRE, f, 4 + inner_frame(f + 4, inner), outer);
                else
                    arrive(&b, IP_PROTO_UDP, f, vxlan(f, 42, inner_frame(f + 16, inner)), outer);
                assert_int_equal(ecn, MARKS[inner][outer]);
            }
        assert_int_equal(stack_counters(b.r->side[0].stack)->ip_bad_checksum, 0);
        assert_int_equal(counters(&b)->tunnel_ecn, 1);
        bench_close(&b);
    }
}

static void marks_of_ipv6_too(void **state)
{
    (void)state;
    uint8_t ip[40] = {0x60, 0x20};
    bool marked;
    for (unsigned inner = 0; inner < 4; inner++)
        for (uint8_t outer = 0; outer < 4; outer++) {
            store_be16(ip, (uint16_t)(0x6000u | (0x2e << 2 | inner) << 4 | 5));
            bool kept = tunnel_ecn_apply(ip, outer, &marked);
            assert_int_equal(kept ? tunnel_ip_tos(ip) & 3 : 9, MARKS[inner][outer]);
            assert_int_equal(tunnel_ip_tos(ip) >> 2, 0x2e);
            assert_int_equal(ip[0] >> 4, 6);
            assert_int_equal(ip[1] & 15, 5);
        }
}

/* ---- sizes ---- */

static void ignore(void *context, const struct udp_datagram *d, int64_t now) { (void)context, (void)d, (void)now; }

/* A router outside says that the path takes 1400 bytes: the link's MTU follows, and the sender inside hears of it. */
static void a_smaller_path_is_told_to_the_inside(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct bench b;
        open_kind(&b, (enum tunnel_kind)kind);
        uint32_t mtu = b.link->mtu, overhead = 1500 - mtu;
        assert_int_equal(udp_bind(b.r->side[0].stack, b.inside, 1000, ignore, NULL, NULL), 0);
        assert_int_equal(send_inside(&b, mtu - 28, 0, 0), 0);
        assert_int_equal(b.seen.count, 1);
        uint8_t icmp[8 + 28] = {3, 4, 0, 0, 0, 0, 1400 >> 8, 1400 & 255};
        memcpy(icmp + 8, b.seen.header, 20);
        memcpy(icmp + 28, b.seen.bytes, 8);
        wire_icmp_checksum_set(icmp, sizeof icmp);
        uint64_t errors = counters(&b)->tunnel_errors_received; /* nobody has the port of VXLAN there */
        arrive(&b, IP_PROTO_ICMP, icmp, sizeof icmp, 0);
        assert_int_equal(counters(&b)->tunnel_errors_received, errors + 1);
        assert_int_equal(send_inside(&b, mtu - 28, 0, 0),
                         0); /* what was its size goes in fragments now, or is refused */
        (void)send_inside(&b, mtu - 28, 0, 0);
        assert_true(b.seen.count >= 2);
        assert_int_equal(b.link->mtu, kind == TUNNEL_VXLAN ? mtu : 1400 - overhead);
        const struct ip_addr peer = tunnel_rig_ip("192.168.9.2");
        assert_int_equal(stack_path_mtu(b.r->side[0].stack, b.inside, &peer, b.r->now), 1400 - overhead);
        assert_int_equal(counters(&b)->tunnel_too_big_sent, counters(&b)->tunnel_too_big);
        bench_close(&b);
    }
}

/* ---- what a VTEP learns ---- */

static void learn_from(struct bench *b, uint32_t local, uint8_t last)
{
    uint8_t f[128];
    uint32_t n = vxlan(f, 42, inner_frame(f + 16, 0));
    f[16 + 11] = last;
    arrive_from(b, local, IP_PROTO_UDP, f, n, 0);
}

static void macs_are_learnt_move_age_and_are_bounded(void **state)
{
    (void)state;
    struct bench b;
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    t.max_macs = 4;
    t.age_ns = 10 * NS_PER_S;
    bench_open(&b, &t);
    struct tunnel_rig *r = b.r;
    uint32_t other = tunnel_rig_host(r, 1, 0, "10.0.0.3", 24, 0);
    const struct ip_addr first = tunnel_rig_ip("10.0.0.2"), second = tunnel_rig_ip("10.0.0.3");
    uint8_t mac[6];
    struct ip_addr where;
    memcpy(mac, STATION_MAC, 6);
    assert_int_equal(tunnel_add_remote(b.link, 42, &second, r->now), 0);
    assert_int_equal(tunnel_add_remote(b.link, 42, &second, r->now), ERR_EXISTS);
    assert_false(tunnel_where(b.link, 42, mac, r->now, &where));
    learn_from(&b, r->side[1].v4, 2);
    assert_true(tunnel_where(b.link, 42, mac, r->now, &where) && ip_addr_equal(&where, &first));
    assert_false(tunnel_where(b.link, 43, mac, r->now, &where));
    learn_from(&b, other, 2);
    assert_true(tunnel_where(b.link, 42, mac, r->now, &where) && ip_addr_equal(&where, &second));
    assert_int_equal(counters(&b)->tunnel_moved, 1);
    for (uint8_t i = 10; i < 13; i++)
        learn_from(&b, other, i);
    learn_from(&b, other, 2); /* seen again: the youngest */
    learn_from(&b, other, 13);
    assert_int_equal(counters(&b)->tunnel_evicted, 1);
    assert_true(tunnel_where(b.link, 42, mac, r->now, &where));
    mac[5] = 10;
    assert_false(tunnel_where(b.link, 42, mac, r->now, &where)); /* the oldest went */
    r->now += 10 * NS_PER_S - 1;
    mac[5] = 13;
    assert_true(tunnel_where(b.link, 42, mac, r->now, &where));
    r->now++;
    assert_false(tunnel_where(b.link, 42, mac, r->now, &where));
    assert_int_equal(counters(&b)->tunnel_aged, 1);
    assert_int_equal(counters(&b)->tunnel_learned, 5);
    bench_close(&b);
}

static void what_nobody_has_is_flooded_to_all_remotes(void **state)
{
    (void)state;
    struct bench b;
    open_kind(&b, TUNNEL_VXLAN);
    struct tunnel_rig *r = b.r;
    const struct ip_addr second = tunnel_rig_ip("10.0.0.3");
    uint32_t other = tunnel_rig_host(r, 1, 0, "10.0.0.3", 24, 0);
    assert_int_equal(tunnel_add_remote(b.link, 42, &second, r->now), 0);
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    assert_int_equal(b.seen.count, 2);
    assert_int_equal(counters(&b)->tunnel_flooded, 1);
    learn_from(&b, other, 2);
    b.seen.count = 0;
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    assert_int_equal(b.seen.count, 1);
    bench_close(&b);
}

/* A network with a group hears everybody, and floods to the group. */
static void a_group_is_joined_and_hears_all(void **state)
{
    (void)state;
    struct bench b;
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    bench_open(&b, &t);
    struct tunnel_rig *r = b.r;
    const struct ip_addr group = tunnel_rig_ip("239.1.2.3"), six = tunnel_rig_ip("ff05::1");
    assert_int_equal(tunnel_add_remote(b.link, 42, &six, r->now), ERR_INVALID);
    assert_int_equal(tunnel_add_remote(b.link, 41, &group, r->now), ERR_NOT_FOUND);
    assert_int_equal(tunnel_add_remote(b.link, 42, &group, r->now), 0);
    assert_true(stack_has_joined(r->side[0].stack, r->side[0].v4, &group));
    assert_int_equal(stack_join(r->side[1].stack, r->side[1].v4, &group, r->now), 0);
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    assert_int_equal(b.seen.count, 2); /* the group, and the VTEP in the list */
    learn_from(&b, tunnel_rig_host(r, 1, 0, "10.0.0.77", 24, 0), 2);
    assert_int_equal(counters(&b)->tunnel_learned, 1);
    bench_close(&b);
}

/* ---- UDP over IPv6 ---- */

static void zero_checksums_over_ipv6_are_taken_only_when_asked_for(void **state)
{
    (void)state;
    for (unsigned asked = 0; asked < 2; asked++) {
        struct tunnel_rig *r = tunnel_rig_new();
        struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
        struct link *link;
        uint8_t f[128];
        t.local = r->side[0].v6;
        t.zero_checksum6 = asked != 0;
        t.accept_unknown = true;
        (void)tunnel_rig_add(r, 0, &t, &link);
        const struct raw_datagram d = {.local = r->side[1].v6,
                                       .remote = tunnel_rig_ip("2001:db8::1"),
                                       .protocol = IP_PROTO_UDP,
                                       .bytes = f,
                                       .length = vxlan(f, 42, inner_frame(f + 16, 0))};
        assert_int_equal(raw_send(r->side[1].stack, &d, r->now), 0);
        tunnel_rig_settle(r);
        assert_int_equal(tunnel_set_counters(r->side[0].set)->tunnel_received, asked);
        assert_int_equal(stack_counters(r->side[0].stack)->udp_bad_checksum, 1 - asked);
        tunnel_rig_free(r);
    }
}

/* ---- what cannot be ---- */

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    struct bench b;
    struct link *link;
    open_kind(&b, TUNNEL_GRE);
    struct tunnel_set *set = b.r->side[0].set;
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    t.local = b.r->side[0].v4;
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_EXISTS);
    t.has_key = true;
    t.remote = tunnel_rig_ip("2001:db8::2");
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_INVALID);
    t.remote = tunnel_rig_ip("224.0.0.9");
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_INVALID);
    t = settings_of(TUNNEL_IPIP);
    t.local = 99;
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_INVALID);
    t = settings_of(TUNNEL_VXLAN);
    t.local = b.r->side[0].v4;
    t.vni = 1u << 24;
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_INVALID);
    t.vni = 1;
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), 0);
    assert_int_equal(tunnel_add_vni(link, 2), ERR_INVALID); /* no trunk */
    assert_int_equal(tunnel_add_vni(b.link, 1), ERR_INVALID);
    t.vni = 2;
    assert_int_equal(tunnel_add(set, &t, b.r->now, &link), ERR_IN_USE);
    bench_close(&b);
}

/* Nobody asks for MACs on a link with one peer, nor for addresses. */
static void one_peer_is_never_asked_for(void **state)
{
    (void)state;
    struct bench b;
    open_kind(&b, TUNNEL_GRE);
    struct stack *s = b.r->side[0].stack;
    struct stack_counters before = *stack_counters(s);
    const struct host_settings h = {.interface = 1,
                                    .address = tunnel_rig_ip("192.168.9.77"),
                                    .prefix_length = 24,
                                    .mac = {2, 1, 1, 1, 1, 1},
                                    .dad_transmits = 3};
    int local = stack_add_host(s, &h);
    assert_true(local > 0);
    stack_announce(s, (uint32_t)local, b.r->now);
    b.inside = (uint32_t)local;
    assert_int_equal(send_inside(&b, 4, 0, 0), 0);
    assert_int_equal(b.seen.count, 1);
    assert_int_equal(stack_counters(s)->arp_requests_sent, before.arp_requests_sent);
    assert_int_equal(counters(&b)->tunnel_not_ip, 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipip_is_the_packet_alone),
        cmocka_unit_test(gre_has_checksum_key_and_sequence),
        cmocka_unit_test(gretap_is_the_frame),
        cmocka_unit_test(vxlan_has_its_vni_and_a_port_of_the_flow),
        cmocka_unit_test(a_trunk_takes_its_tags_off_and_puts_them_on),
        cmocka_unit_test(every_drop_is_counted_once_by_its_name),
        cmocka_unit_test(congestion_marks_come_through),
        cmocka_unit_test(marks_of_ipv6_too),
        cmocka_unit_test(a_smaller_path_is_told_to_the_inside),
        cmocka_unit_test(macs_are_learnt_move_age_and_are_bounded),
        cmocka_unit_test(what_nobody_has_is_flooded_to_all_remotes),
        cmocka_unit_test(a_group_is_joined_and_hears_all),
        cmocka_unit_test(zero_checksums_over_ipv6_are_taken_only_when_asked_for),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(one_peer_is_never_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
