/* SPDX-License-Identifier: MIT */
/*
 * packet/gro: merging of received segments. Laws: cutting a merged packet gives the segments back byte for byte, in
 * order; nothing is lost; a segment that differs in what a merged packet can show only once is not merged. Every packet
 * comes home.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "packet/gro.h"
#include "packet/link.h"
#include "packet/segment.h"
#include "support/counting_alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define FRAMES 256u
#define LISTS 40u
#define MSS 1000u
#define ETH 14u

/* A segment of a connection; ports tell connections apart. */
struct wanted {
    bool v6;
    uint16_t port;
    uint32_t seq;
    uint32_t payload;
    uint16_t flags; /* beside ACK */
    uint32_t tsval; /* 0: no timestamps */
    uint16_t id;
};

static struct counting_alloc counting;
static struct packet_pool pool;
static struct gro gro;

static int set_up(void **state)
{
    (void)state;
    const struct allocator *a = counting_alloc_init(&counting);
    assert_int_equal(packet_pool_init(&pool, a, FRAMES, 2048, 0), 0);
    assert_int_equal(gro_init(&gro, a, LISTS), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gro_free(&gro);
    packet_pool_free(&pool);
    assert_int_equal(counting.live_blocks, 0);
    return 0;
}

static const struct ip_addr source6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct ip_addr destination6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}};

static uint32_t write_ip(uint8_t *ip, const struct wanted *w, uint32_t l4_bytes)
{
    if (w->v6) {
        struct wire_ipv6 h = {.src = source6,
                              .dst = destination6,
                              .payload_len = (uint16_t)l4_bytes,
                              .next_header = IP_PROTO_TCP,
                              .hop_limit = 64};
        return (uint32_t)wire_ipv6_build(ip, &h);
    }
    struct wire_ipv4 h = {.src = 0xc0000201,
                          .dst = 0xc6336407,
                          .total_len = (uint16_t)(WIRE_IPV4_MIN + l4_bytes),
                          .id = w->id,
                          .flags = WIRE_IPV4_DF,
                          .ttl = 64,
                          .protocol = IP_PROTO_TCP};
    return (uint32_t)wire_ipv4_build20(ip, &h);
}

/* Fills the checksums of an IP packet of ours again, after a test changed it. */
static void seal(struct packet *p)
{
    uint8_t *ip = p->data + ETH;
    bool v6 = ip[0] >> 4 == 6;
    uint8_t *tcp = ip + (v6 ? 40 : (ip[0] & 15) * 4);
    uint32_t length = v6 ? load_be16(ip + 4) : load_be16(ip + 2) - (uint32_t)(tcp - ip);
    uint16_t sum;
    memset(tcp + 16, 0, 2);
    sum = v6 ? wire_l4_checksum_v6(&source6, &destination6, IP_PROTO_TCP, tcp, length)
             : wire_l4_checksum_v4(load_be32(ip + 12), load_be32(ip + 16), IP_PROTO_TCP, tcp, length);
    memcpy(tcp + 16, &sum, 2);
    if (v6)
        return;
    memset(ip + 10, 0, 2);
    sum = checksum_finish(checksum_add(0, ip, (size_t)(tcp - ip)));
    memcpy(ip + 10, &sum, 2);
}

static struct packet *make(const struct wanted *w)
{
    struct packet *p;
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    wire_eth_build14(p->data, macs, macs + 6, w->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    struct wire_tcp_options o = {.present = w->tsval ? TCP_OPT_TIMESTAMPS : 0, .ts_val = w->tsval, .ts_ecr = 9};
    struct wire_tcp h = {.src_port = w->port,
                         .dst_port = 80,
                         .seq = seq_of(w->seq),
                         .ack = seq_of(77),
                         .flags = TCP_ACK | w->flags,
                         .window = 500};
    uint32_t header = w->tsval ? 32 : 20;
    uint32_t l4 = ETH + write_ip(p->data + ETH, w, header + w->payload);
    assert_int_equal(wire_tcp_build(p->data + l4, &h, &o), header);
    for (uint32_t i = 0; i < w->payload; i++)
        p->data[l4 + header + i] = (uint8_t)((w->seq + i) * 13 + w->port);
    p->len = l4 + header + w->payload;
    seal(p);
    p->rx_ns = 5;
    return p;
}

/* n segments of MSS bytes in a row. */
static void make_row(struct packet **packets, unsigned n, bool v6)
{
    for (unsigned i = 0; i < n; i++) {
        struct wanted w = {.v6 = v6, .port = 1, .seq = 0xffffff00u + i * MSS, .payload = MSS, .id = (uint16_t)i};
        packets[i] = make(&w);
    }
}

static void a_row_becomes_one_packet_and_cutting_gives_it_back(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct packet *p[18], *copy[18], *to;
        make_row(p, 18, v6);
        for (unsigned i = 0; i < 18; i++)
            assert_non_null(copy[i] = packet_copy(p[i], &pool));
        assert_int_equal(gro_burst(&gro, p, 18), 1);
        assert_int_equal(p[0]->nfrags, 17);
        assert_int_equal(p[0]->gso, v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4);
        assert_int_equal(p[0]->gso_size, MSS);
        assert_int_equal(p[0]->checksum, PACKET_CHECKSUM_PARTIAL);
        assert_int_equal(p[0]->rx_ns, 5);
        struct packet_segmenter cut;
        assert_int_equal(packet_segment_begin(&cut, p[0], false), 18);
        for (unsigned i = 0; i < 18; i++) {
            assert_int_equal(packet_pool_get(&pool, &to, 1), 1);
            assert_int_equal(packet_segment_next(&cut, to), 0);
            assert_int_equal(to->len, copy[i]->len);
            assert_memory_equal(to->data, copy[i]->data, to->len);
            packet_release(to);
            packet_release(copy[i]);
        }
        packet_release_burst(p, 1);
        assert_int_equal(pool.free_count, FRAMES);
    }
    assert_int_equal(gro.merged, 34);
    assert_int_equal(gro.packets, 2);
}

static void a_packet_ends_at_the_most_frags_and_the_next_begins(void **state)
{
    (void)state;
    struct packet *p[LINK_BURST];
    make_row(p, LINK_BURST, false);
    assert_int_equal(gro_burst(&gro, p, LINK_BURST), 4);
    static const unsigned frags[] = {17, 17, 17, 9};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(p[i]->nfrags, frags[i]);
    assert_int_equal(load_be16(p[3]->data + ETH + 2), 40 + 10 * MSS);
    packet_release_burst(p, 4);
    assert_int_equal(pool.free_count, FRAMES);
}

static void a_short_segment_PSH_and_FIN_end_a_packet(void **state)
{
    (void)state;
    static const struct {
        uint32_t payload;
        uint16_t flags;
    } ends[] = {{MSS - 1, 0}, {MSS, TCP_PSH}, {MSS, TCP_FIN}, {1, TCP_PSH | TCP_FIN}};
    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        struct packet *p[4];
        struct wanted w = {.port = 1, .seq = 100, .payload = MSS};
        p[0] = make(&w);
        w = (struct wanted){.port = 1, .seq = 100 + MSS, .payload = ends[i].payload, .flags = ends[i].flags};
        p[1] = make(&w);
        w = (struct wanted){.port = 1, .seq = 100 + MSS + ends[i].payload, .payload = MSS};
        p[2] = make(&w);
        w.seq += MSS;
        p[3] = make(&w);
        assert_int_equal(gro_burst(&gro, p, 4), 2);
        assert_int_equal(p[0]->nfrags, 1);
        assert_int_equal(p[0]->data[ETH + 33], TCP_ACK | ends[i].flags);
        assert_int_equal(p[1]->nfrags, 1);
        packet_release_burst(p, 2);
    }
}

static void a_later_timestamp_joins_and_an_earlier_does_not(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second;
        unsigned left;
    } stamps[] = {{5, 5, 1}, {5, 6, 1}, {5, 4, 2}, {0xffffffffu, 1, 1}, {1, 0xffffffffu, 2}, {0, 5, 2}, {5, 0, 2}};
    for (unsigned i = 0; i < ARRAY_SIZE(stamps); i++) {
        struct packet *p[2];
        struct wanted w = {.port = 1, .payload = MSS, .tsval = stamps[i].first};
        p[0] = make(&w);
        w = (struct wanted){.port = 1, .seq = MSS, .payload = MSS, .tsval = stamps[i].second};
        p[1] = make(&w);
        unsigned left = gro_burst(&gro, p, 2);
        assert_int_equal(left, stamps[i].left);
        if (left == 1) /* the first's stays */
            assert_int_equal(load_be32(p[0]->data + ETH + 20 + 24), stamps[i].first);
        packet_release_burst(p, left);
    }
}

/* Of two segments that would merge, the second is changed in one place; its checksums are right. */
static void a_segment_that_differs_is_not_merged(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, value;
        const char *what;
    } changes[] = {{0, 4, "destination MAC"},
                   {6, 4, "source MAC"},
                   {15, 3, "TOS"},
                   {20, 0, "DF"},
                   {22, 63, "TTL"},
                   {29, 9, "source"},
                   {33, 9, "destination"},
                   {35, 9, "source port"},
                   {37, 9, "destination port"},
                   {41, 1, "sequence"},
                   {45, 1, "acknowledgment"},
                   {48, 2, "window"},
                   {53, 1, "urgent pointer"},
                   {47, 0x90, "CWR"},
                   {47, 0x50, "ECE"},
                   {47, 0x30, "URG"},
                   {47, 0x12, "SYN"},
                   {47, 0x14, "RST"},
                   {47, 0, "no ACK"},
                   {46, 0x51, "AE"}};
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        struct packet *p[2];
        make_row(p, 2, false);
        p[1]->data[changes[i].at] = changes[i].value;
        seal(p[1]);
        if (gro_burst(&gro, p, 2) != 2)
            fail_msg("merged in spite of another %s", changes[i].what);
        assert_int_equal(p[0]->nfrags + p[0]->gso + p[0]->checksum, 0);
        packet_release_burst(p, 2);
    }
}

static void a_wrong_checksum_is_left_to_whoever_counts_it(void **state)
{
    (void)state;
    for (unsigned at = ETH + 10; at <= ETH + 37; at += 27) /* the IP checksum's byte, TCP's */
        for (unsigned verified = 0; verified < 2; verified++) {
            struct packet *p[3];
            make_row(p, 3, false);
            p[1]->data[at] ^= 0x20;
            p[1]->checksum = verified ? PACKET_CHECKSUM_VERIFIED : PACKET_CHECKSUM_UNKNOWN;
            unsigned left = gro_burst(&gro, p, 3);
            assert_int_equal(left, verified && at > ETH + 20 ? 1 : 3);
            packet_release_burst(p, left);
        }
}

static void without_DF_identifications_must_follow(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 3; step++) {
        struct packet *p[2];
        make_row(p, 2, false);
        for (unsigned i = 0; i < 2; i++) {
            p[i]->data[ETH + 6] = 0;
            store_be16(p[i]->data + ETH + 4, (uint16_t)(0xffff + i * step));
            seal(p[i]);
        }
        unsigned left = gro_burst(&gro, p, 2);
        assert_int_equal(left, step == 1 ? 1 : 2);
        packet_release_burst(p, left);
    }
}

static void tags_and_padding(void **state)
{
    (void)state;
    struct packet *p[2];
    for (unsigned tag = 0; tag < 3; tag++) {
        make_row(p, 2, false);
        p[0]->vlan_present = tag > 0;
        p[0]->vlan_tci = 1;
        p[1]->vlan_present = tag > 1;
        p[1]->vlan_tci = 1;
        unsigned left = gro_burst(&gro, p, 2);
        assert_int_equal(left, tag == 1 ? 2 : 1);
        packet_release_burst(p, left);
    }
    struct wanted w = {.port = 1, .payload = 2};
    p[0] = make(&w);
    w.seq = 2;
    p[1] = make(&w);
    p[0]->len += 4; /* to 60 bytes */
    p[1]->len += 4;
    assert_int_equal(gro_burst(&gro, p, 2), 1);
    assert_int_equal(p[0]->len, 56);
    assert_int_equal(p[0]->frags[0].length, 2);
    packet_release_burst(p, 1);
}

/* A pure acknowledgment between two segments stays between them. */
static void another_segment_of_the_connection_closes_its_packet(void **state)
{
    (void)state;
    struct packet *p[3], *ack;
    make_row(p, 2, false);
    struct wanted w = {.port = 1, .seq = 0xffffff00u + MSS};
    ack = make(&w);
    p[2] = p[1];
    p[1] = ack;
    assert_int_equal(gro_burst(&gro, p, 3), 3);
    assert_ptr_equal(p[1], ack);
    packet_release_burst(p, 3);
}

static void when_the_lists_are_used_up_segments_stay_alone(void **state)
{
    (void)state;
    struct packet *held[LISTS], *p[2];
    for (unsigned i = 0; i < LISTS; i++) {
        make_row(p, 2, false);
        assert_int_equal(gro_burst(&gro, p, 2), 1);
        held[i] = p[0];
    }
    uint64_t before = gro.exhausted;
    make_row(p, 2, false);
    assert_int_equal(gro_burst(&gro, p, 2), 2);
    assert_int_equal(gro.exhausted, before + 1);
    packet_release_burst(p, 2);
    packet_release(held[0]);
    make_row(p, 2, false);
    assert_int_equal(gro_burst(&gro, p, 2), 1);
    packet_release(p[0]);
    for (unsigned i = 1; i < LISTS; i++)
        packet_release(held[i]);
}

static void a_merged_packet_may_be_kept(void **state)
{
    (void)state;
    struct packet *p[3];
    make_row(p, 3, false);
    assert_int_equal(gro_burst(&gro, p, 3), 1);
    struct packet *kept = packet_keep(p[0], 0, p[0]->len, NULL);
    packet_release_burst(p, 1);
    assert_int_equal(pool.free_count, FRAMES - 3);
    assert_int_equal(packet_total_length(kept), 54 + 3 * MSS);
    packet_release(kept);
    assert_int_equal(pool.free_count, FRAMES);
}

/* ---- random bursts ---- */

#define CONNECTIONS 11u

struct stream {
    uint32_t sent, received; /* sequence numbers from 0 */
};

static struct packet *next_segment(struct random *r, struct stream *streams)
{
    uint16_t port = (uint16_t)random_below(r, CONNECTIONS);
    uint32_t payload = random_below(r, 4) ? MSS : (uint32_t)random_below(r, MSS + 1);
    struct wanted w = {.v6 = port & 1,
                       .port = port,
                       .seq = streams[port].sent,
                       .payload = payload,
                       .flags = random_below(r, 8) ? 0 : TCP_PSH,
                       .tsval = port & 2 ? 7 : 0};
    streams[port].sent += payload;
    return make(&w);
}

static void check_bytes(const uint8_t *bytes, uint32_t n, uint16_t port, struct stream *s)
{
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], (uint8_t)((s->received + i) * 13 + port));
    s->received += n;
}

static void receive(const struct packet *p, struct stream *streams)
{
    struct packet_headers h;
    assert_int_equal(packet_headers_find(p, &h), 0);
    uint16_t port = load_be16(p->data + h.l4);
    struct stream *s = &streams[port];
    assert_int_equal(load_be32(p->data + h.l4 + 4), s->received);
    assert_int_equal(h.end, packet_total_length(p));
    check_bytes(p->data + h.payload, p->len - h.payload, port, s);
    for (unsigned i = 0; i < p->nfrags; i++)
        check_bytes(p->frags[i].bytes, p->frags[i].length, port, s);
}

static void random_bursts_keep_every_byte_in_order(void **state)
{
    (void)state;
    struct stream streams[CONNECTIONS] = {{0}};
    struct random r;
    uint64_t before = gro.merged;
    random_seed(&r, 1);
    for (unsigned round = 0; round < 2000; round++) {
        struct packet *p[LINK_BURST];
        unsigned n = 1 + (unsigned)random_below(&r, LINK_BURST);
        for (unsigned i = 0; i < n; i++)
            p[i] = next_segment(&r, streams);
        unsigned left = gro_burst(&gro, p, n);
        for (unsigned i = 0; i < left; i++)
            receive(p[i], streams);
        packet_release_burst(p, left);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_int_equal(streams[i].received, streams[i].sent);
    print_message("%u of 2000 bursts' segments merged\n", (unsigned)(gro.merged - before));
    assert_true(gro.merged - before > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_becomes_one_packet_and_cutting_gives_it_back),
        cmocka_unit_test(a_packet_ends_at_the_most_frags_and_the_next_begins),
        cmocka_unit_test(a_short_segment_PSH_and_FIN_end_a_packet),
        cmocka_unit_test(a_later_timestamp_joins_and_an_earlier_does_not),
        cmocka_unit_test(a_segment_that_differs_is_not_merged),
        cmocka_unit_test(a_wrong_checksum_is_left_to_whoever_counts_it),
        cmocka_unit_test(without_DF_identifications_must_follow),
        cmocka_unit_test(tags_and_padding),
        cmocka_unit_test(another_segment_of_the_connection_closes_its_packet),
        cmocka_unit_test(when_the_lists_are_used_up_segments_stay_alone),
        cmocka_unit_test(a_merged_packet_may_be_kept),
        cmocka_unit_test(random_bursts_keep_every_byte_in_order),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
