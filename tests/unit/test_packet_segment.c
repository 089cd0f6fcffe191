/* SPDX-License-Identifier: MIT */
/*
 * packet/segment: cutting of GSO packets. A vector computed by hand outside this program, then laws over a grid of
 * families, tags, sizes and layouts: the payloads together are the packet's, every segment's lengths and checksums are
 * right by the wire codecs. That the kernel cuts alike is shown by test_link_af_packet.c.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "packet/segment.h"
#include "support/counting_alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define PAYLOAD_MAX 65000u
#define BIG_BYTES (PACKET_HEADROOM + 65536u + 64u)
#define SEQ 0xffffff00u
#define IDENTIFICATION 0xfffeu

enum family { V4, V4_OPTIONS, V6, FAMILIES };

static const struct ip_addr source6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct ip_addr destination6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}};

struct fixture {
    struct counting_alloc counting;
    struct packet_pool big, small;
    uint8_t payload[PAYLOAD_MAX];
    struct packet_frag frags[PACKET_MAX_FRAGS];
};

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    const struct allocator *a = counting_alloc_init(&f.counting);
    assert_int_equal(packet_pool_init(&f.big, a, 2, BIG_BYTES, 0), 0);
    assert_int_equal(packet_pool_init(&f.small, a, 2, 4096, 0), 0);
    for (uint32_t i = 0; i < PAYLOAD_MAX; i++)
        f.payload[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    packet_pool_free(&f.big);
    packet_pool_free(&f.small);
    assert_int_equal(f.counting.live_blocks, 0);
    return 0;
}

static struct packet *get(struct packet_pool *pool)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(pool, &p, 1), 1);
    return p;
}

/* ---- packets to cut ---- */

struct shape {
    enum family family;
    bool udp, tagged, labelled;
    uint16_t flags, urgent;
    uint32_t payload, gso_size;
    uint32_t head; /* payload bytes in the linear part */
    uint32_t frag; /* bytes of each frag; the last has the rest */
};

static uint32_t write_ip(uint8_t *ip, const struct shape *s, uint32_t l4_bytes)
{
    uint8_t protocol = s->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    if (s->family == V6) {
        struct wire_ipv6 h = {.src = source6,
                              .dst = destination6,
                              .flow_label = 0x12345,
                              .payload_len = (uint16_t)l4_bytes,
                              .next_header = protocol,
                              .hop_limit = 64};
        return (uint32_t)wire_ipv6_build(ip, &h);
    }
    static const uint8_t options[4] = {WIRE_IPV4_OPT_ROUTER_ALERT, 4, 0, 0};
    uint8_t options_len = s->family == V4_OPTIONS ? 4 : 0;
    struct wire_ipv4 h = {.src = 0xc0000201,
                          .dst = 0xc6336407,
                          .total_len = (uint16_t)(WIRE_IPV4_MIN + options_len + l4_bytes),
                          .id = IDENTIFICATION,
                          .flags = WIRE_IPV4_DF,
                          .ttl = 64,
                          .protocol = protocol,
                          .options_len = options_len,
                          .options = options};
    int n = wire_ipv4_build(ip, &h);
    assert_true(n > 0);
    return (uint32_t)n;
}

static uint32_t write_l4(uint8_t *l4, const struct shape *s)
{
    if (s->udp) {
        struct wire_udp h = {.src_port = 4000, .dst_port = 53, .length = (uint16_t)(WIRE_UDP_LEN + s->payload)};
        return (uint32_t)wire_udp_build(l4, &h);
    }
    struct wire_tcp_options o = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 5, .ts_ecr = 6};
    struct wire_tcp h = {.src_port = 4000,
                         .dst_port = 80,
                         .seq = seq_of(SEQ),
                         .ack = seq_of(77),
                         .flags = s->flags,
                         .window = 500,
                         .urgent = s->urgent};
    int n = wire_tcp_build(l4, &h, &o);
    assert_true(n > 0);
    return (uint32_t)n;
}

static void add_payload(struct packet *p, const struct shape *s)
{
    uint32_t head = min_u32(s->head, s->payload);
    memcpy(p->data + p->len, f.payload, head);
    p->len += head;
    p->frags = f.frags;
    for (uint32_t at = head, n; at < s->payload; at += n) {
        n = p->nfrags + 1u == PACKET_MAX_FRAGS ? s->payload - at : min_u32(s->frag, s->payload - at);
        f.frags[p->nfrags++] = (struct packet_frag){.bytes = f.payload + at, .length = n};
    }
}

/* A packet of the shape with a partial checksum. */
static struct packet *build(const struct shape *s)
{
    struct packet *p = get(&f.big);
    struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1},
                           .src = {2, 0, 0, 0, 0, 2},
                           .ethertype = s->labelled       ? ETHERTYPE_MPLS
                                        : s->family == V6 ? ETHERTYPE_IPV6
                                                          : ETHERTYPE_IPV4,
                           .vlan_count = s->tagged,
                           .vlan = {{.tpid = ETHERTYPE_VLAN, .tci = 5}}};
    p->l3_offset = (uint16_t)wire_eth_build(p->data, &eth);
    for (unsigned i = 0; i < 2u * s->labelled; i++, p->l3_offset = (uint16_t)(p->l3_offset + 4))
        store_be32(p->data + p->l3_offset, 100u << 12 | i << 8 | 64u);
    uint32_t header = s->udp ? WIRE_UDP_LEN : WIRE_TCP_MIN + 12;
    p->l4_offset = (uint16_t)(p->l3_offset + write_ip(p->data + p->l3_offset, s, header + s->payload));
    p->len = p->l4_offset + write_l4(p->data + p->l4_offset, s);
    assert_int_equal(p->len, p->l4_offset + header);
    p->gso = s->udp ? PACKET_GSO_UDP : s->family == V6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
    p->gso_size = (uint16_t)s->gso_size;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = p->l4_offset;
    p->checksum_offset = s->udp ? WIRE_UDP_CHECKSUM_OFFSET : WIRE_TCP_CHECKSUM_OFFSET;
    add_payload(p, s);
    return p;
}

/* ---- what a segment must be ---- */

struct progress {
    uint32_t index, at; /* segments and payload bytes seen */
};

static void check_tcp(const struct shape *s, const uint8_t *l4, uint32_t length, struct progress *g)
{
    struct wire_tcp h;
    int header = wire_tcp_parse(l4, length, &h);
    uint32_t size = length - (uint32_t)header;
    bool first = g->at == 0, last = g->at + size == s->payload;
    assert_int_equal(header, WIRE_TCP_MIN + 12);
    assert_int_equal(h.seq.v, (uint32_t)(SEQ + g->at));
    assert_int_equal(h.ack.v, 77);
    assert_int_equal(h.window, 500);
    uint16_t flags = s->flags;
    flags &= (uint16_t) ~(last ? 0 : TCP_FIN | TCP_PSH);
    flags &= (uint16_t) ~(first ? 0 : TCP_CWR);
    if ((flags & TCP_URG) && s->urgent <= g->at && !first)
        flags &= (uint16_t)~TCP_URG;
    assert_int_equal(h.flags, flags);
    if (flags & TCP_URG)
        assert_int_equal(h.urgent, s->urgent - g->at);
    assert_int_equal(load_be32(l4 + 24), 5);
    assert_memory_equal(l4 + header, f.payload + g->at, size);
    g->at += size;
}

static void check_udp(const uint8_t *l4, uint32_t length, struct progress *g)
{
    struct wire_udp h;
    assert_int_equal(wire_udp_parse(l4, length, &h), WIRE_UDP_LEN);
    assert_int_equal(h.length, length);
    assert_int_not_equal(h.checksum, 0);
    assert_memory_equal(l4 + WIRE_UDP_LEN, f.payload + g->at, length - WIRE_UDP_LEN);
    g->at += length - WIRE_UDP_LEN;
}

/* The l4 bytes of a segment whose IP header is right; fills the pseudo-header sum. */
static uint32_t check_ip(const struct shape *s, const struct packet *p, uint32_t l3, const struct progress *g,
                         uint32_t *length, uint64_t *pseudo)
{
    uint8_t protocol = s->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    if (s->family == V6) {
        struct wire_ipv6 h;
        assert_int_equal(wire_ipv6_parse(p->data + l3, p->len - l3, &h), WIRE_IPV6_LEN);
        assert_int_equal(h.flow_label, 0x12345);
        *length = h.payload_len;
        *pseudo = wire_l4_pseudo_v6(&h.src, &h.dst, protocol, h.payload_len);
        assert_int_equal(l3 + WIRE_IPV6_LEN + h.payload_len, p->len);
        return l3 + WIRE_IPV6_LEN;
    }
    struct wire_ipv4 h;
    int header = wire_ipv4_parse(p->data + l3, p->len - l3, &h);
    assert_int_equal(header, s->family == V4_OPTIONS ? 24 : 20);
    assert_true(wire_ipv4_checksum_ok(p->data + l3, h.header_len));
    assert_int_equal(h.id, (uint16_t)(IDENTIFICATION + g->index));
    assert_int_equal(l3 + h.total_len, p->len);
    *length = wire_ipv4_payload_len(&h);
    *pseudo = wire_l4_pseudo_v4(h.src, h.dst, protocol, *length);
    return l3 + (uint32_t)header;
}

static void check_segment(const struct shape *s, struct packet *p, bool partial, struct progress *g)
{
    struct wire_eth eth;
    uint64_t pseudo = 0;
    uint32_t length = 0, before = g->at;
    int l3 = wire_eth_parse(p->data, p->len, 1, &eth);
    assert_int_equal(l3, s->tagged ? 18 : 14);
    l3 += s->labelled ? 8 : 0;
    uint32_t l4 = check_ip(s, p, (uint32_t)l3, g, &length, &pseudo);
    assert_int_equal(p->l3_offset, l3);
    assert_int_equal(p->l4_offset, l4);
    assert_int_equal(p->gso, PACKET_GSO_NONE);
    assert_int_equal(p->nfrags, 0);
    assert_int_equal(p->checksum, partial ? PACKET_CHECKSUM_PARTIAL : PACKET_CHECKSUM_UNKNOWN);
    if (partial)
        assert_int_equal(packet_finish(p), 0);
    assert_true(checksum_ok(checksum_add(pseudo, p->data + l4, length)));
    if (s->udp)
        check_udp(p->data + l4, length, g);
    else
        check_tcp(s, p->data + l4, length, g);
    uint32_t size = g->at - before;
    assert_true(size == s->gso_size || g->at == s->payload);
    g->index++;
}

static void cut_and_check(const struct shape *s, bool partial)
{
    struct packet *p = build(s), *to;
    struct packet_segmenter cut;
    struct progress g = {0};
    int count = packet_segment_begin(&cut, p, partial);
    assert_int_equal(count, s->payload ? (s->payload + s->gso_size - 1) / s->gso_size : 1);
    while (packet_segment_left(&cut)) {
        to = get(&f.small);
        assert_int_equal(packet_segment_next(&cut, to), 0);
        check_segment(s, to, partial, &g);
        packet_release(to);
    }
    assert_int_equal(g.at, s->payload);
    assert_int_equal(g.index, count);
    packet_release(p);
}

/* ---- tests ---- */

static void three_segments_are_those_of_the_vector(void **state)
{
    (void)state;
    static const uint8_t want[3][43] = {
        {0x45, 0x02, 0x00, 0x2b, 0xff, 0xff, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x8f, 0xc0, 0x00, 0x02,
         0x01, 0xc6, 0x33, 0x64, 0x07, 0x9c, 0x40, 0x00, 0x50, 0xff, 0xff, 0xff, 0xfe, 0x01, 0x02,
         0x03, 0x04, 0x50, 0x90, 0x10, 0x00, 0x4e, 0x1d, 0x00, 0x00, 0x61, 0x62, 0x63},
        {0x45, 0x02, 0x00, 0x2b, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x8f, 0xc0, 0x00, 0x02,
         0x01, 0xc6, 0x33, 0x64, 0x07, 0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x01, 0x02,
         0x03, 0x04, 0x50, 0x10, 0x10, 0x00, 0x48, 0x98, 0x00, 0x00, 0x64, 0x65, 0x66},
        {0x45, 0x02, 0x00, 0x29, 0x00, 0x01, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x90, 0xc0, 0x00,
         0x02, 0x01, 0xc6, 0x33, 0x64, 0x07, 0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x04,
         0x01, 0x02, 0x03, 0x04, 0x50, 0x19, 0x10, 0x00, 0xab, 0xf3, 0x00, 0x00, 0x67},
    };
    struct packet *p = get(&f.small), *to;
    memset(p->data, 2, 12);
    store_be16(p->data + 12, ETHERTYPE_IPV4);
    memcpy(p->data + 14, want[0], 40);
    store_be16(p->data + 14 + 2, 47);
    p->data[14 + 33] = 0x99; /* CWR, ACK, PSH, FIN */
    memcpy(p->data + 54, "abcdefg", 7);
    p->len = 61;
    p->gso = PACKET_GSO_TCP4;
    p->gso_size = 3;
    p->vlan_present = true;
    p->vlan_tci = 9;
    struct packet_segmenter cut;
    assert_int_equal(packet_segment_begin(&cut, p, false), 3);
    for (unsigned i = 0; i < 3; i++) {
        to = get(&f.small);
        assert_int_equal(packet_segment_next(&cut, to), 0);
        assert_int_equal(to->len, i < 2 ? 57 : 55);
        assert_memory_equal(to->data + 14, want[i], to->len - 14);
        assert_true(to->vlan_present);
        assert_int_equal(to->vlan_tci, 9);
        packet_release(to);
    }
    packet_release(p);
}

static void segments_together_are_the_packet(void **state)
{
    (void)state;
    static const uint32_t payloads[] = {0, 1, 2, 999, 1000, 1001, 4345, 65000}, sizes[] = {1000, 1448, 333};
    static const uint32_t heads[] = {0, 1, 700, PAYLOAD_MAX}, frags[] = {1, 999, 4096};
    unsigned cases = 0;
    for (unsigned i = 0; i < FAMILIES * 2 * 2 * 2 * 2; i++)
        for (unsigned j = 0; j < ARRAY_SIZE(payloads) * ARRAY_SIZE(sizes); j++)
            for (unsigned k = 0; k < ARRAY_SIZE(heads) * ARRAY_SIZE(frags); k++) {
                struct shape s = {.family = (enum family)(i / 16),
                                  .labelled = i >> 3 & 1,
                                  .udp = i & 1,
                                  .tagged = i >> 1 & 1,
                                  .flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR,
                                  .payload = payloads[j / ARRAY_SIZE(sizes)],
                                  .gso_size = sizes[j % ARRAY_SIZE(sizes)],
                                  .head = heads[k / ARRAY_SIZE(frags)],
                                  .frag = frags[k % ARRAY_SIZE(frags)]};
                cut_and_check(&s, i >> 2 & 1);
                cases++;
            }
    print_message("%u packets cut\n", cases);
}

static void an_urgent_pointer_counts_from_each_segment(void **state)
{
    (void)state;
    for (uint16_t urgent = 0; urgent < 3500; urgent = (uint16_t)(urgent + 499)) {
        struct shape s = {.flags = TCP_ACK | TCP_URG, .urgent = urgent, .payload = 3000, .gso_size = 1000, .frag = 1};
        s.head = s.payload;
        cut_and_check(&s, false);
    }
}

static void a_frame_too_short_leaves_the_segment_for_another(void **state)
{
    (void)state;
    struct shape s = {.flags = TCP_ACK, .payload = 2000, .gso_size = 1000, .head = 2000};
    struct packet *p = build(&s), *to = get(&f.small);
    struct packet_segmenter cut;
    struct progress g = {0};
    assert_int_equal(packet_segment_begin(&cut, p, false), 2);
    uint32_t size = to->size;
    to->size = PACKET_HEADROOM + 66 + 999;
    assert_int_equal(packet_segment_next(&cut, to), ERR_NO_SPACE);
    assert_int_equal(to->len, 0);
    assert_int_equal(packet_segment_left(&cut), 2);
    to->size = size;
    assert_int_equal(packet_segment_next(&cut, to), 0);
    check_segment(&s, to, false, &g);
    packet_release(to);
    packet_release(p);
}

static void refuse(struct packet *p)
{
    struct packet_segmenter cut;
    assert_int_equal(packet_segment_begin(&cut, p, false), ERR_MALFORMED);
}

/* Each byte and field of a good packet, made wrong by itself. */
static void malformed_packets_are_refused(void **state)
{
    (void)state;
    struct shape s = {.flags = TCP_ACK, .payload = 3000, .gso_size = 1000, .head = 3000};
    struct packet *p = build(&s), good = *p;
    struct packet_segmenter cut;
    static const struct {
        uint8_t at, value;
    } bytes[] = {{12, 0x09}, {14, 0x55}, {14, 0x44}, {14, 0x4f}, {16, 0}, {17, 0},   {20, 0x60},
                 {21, 1},    {23, 17},   {23, 1},    {46, 0x40}, {46, 0}, {47, 0x12}};
    for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
        uint8_t was = p->data[bytes[i].at];
        p->data[bytes[i].at] = bytes[i].value;
        refuse(p);
        p->data[bytes[i].at] = was;
    }
    p->gso_size = 0;
    refuse(p);
    *p = good;
    p->gso = PACKET_GSO_NONE;
    refuse(p);
    p->gso = PACKET_GSO_TCP6;
    refuse(p);
    p->gso = PACKET_GSO_UDP;
    refuse(p);
    *p = good;
    p->checksum_start++;
    refuse(p);
    *p = good;
    p->checksum_offset = 6;
    refuse(p);
    *p = good;
    p->len--;
    refuse(p);
    p->len += 2;
    refuse(p);
    *p = good;
    assert_int_equal(packet_segment_begin(&cut, p, false), 3);
    for (p->len = 0; p->len < good.len; p->len++) /* cut off anywhere */
        refuse(p);
    *p = good;
    packet_release(p);
}

static void headers_that_are_not_linear_are_refused(void **state)
{
    (void)state;
    struct shape s = {.family = V6, .flags = TCP_ACK, .payload = 3000, .gso_size = 1000, .head = 0, .frag = 3000};
    struct packet *p = build(&s);
    p->len--;
    f.frags[0].length++;
    refuse(p);
    p->nfrags = 0;
    packet_release(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_segments_are_those_of_the_vector),
        cmocka_unit_test(segments_together_are_the_packet),
        cmocka_unit_test(an_urgent_pointer_counts_from_each_segment),
        cmocka_unit_test(a_frame_too_short_leaves_the_segment_for_another),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(headers_that_are_not_linear_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
