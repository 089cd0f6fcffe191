/* SPDX-License-Identifier: MIT */
/*
 * accel/rewrite: segments of both families, tagged or not, with a whole, a wrong and a partial checksum. After each
 * change the codecs read what is expected, and what was right before is right, what was wrong is not.
 */
#include "accel/pair.h"
#include "accel/rewrite.h"
#include "packet/segment.h"
#include "support/cmocka_all.h"
#include "support/counting_alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define BUFFER 4096u

enum family { V4, V4_TAGGED, V6, FAMILIES };
enum sum { RIGHT, WRONG, PARTIAL, SUMS };

static const struct ip_addr source6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct ip_addr destination6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}};
static struct counting_alloc counting;
static struct packet_pool pool;

static int set_up(void **state)
{
    (void)state;
    return packet_pool_init(&pool, counting_alloc_init(&counting), 4, BUFFER, 0);
}

static int tear_down(void **state)
{
    (void)state;
    packet_pool_free(&pool);
    return counting.live_blocks != 0;
}

/* ---- segments ---- */

static uint32_t put_link_header(uint8_t *to, enum family family)
{
    const uint16_t type = family == V6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    wire_eth_build14(to, mac[0], mac[1], type);
    if (family != V4_TAGGED)
        return 14;
    store_be32(to + 12, UINT32_C(0x81000007));
    store_be16(to + 16, type);
    return 18;
}

static uint32_t put_ip_header(uint8_t *to, enum family family, uint32_t bytes)
{
    if (family == V6) {
        const struct wire_ipv6 h = {.src = source6,
                                    .dst = destination6,
                                    .payload_len = (uint16_t)bytes,
                                    .next_header = IP_PROTO_TCP,
                                    .hop_limit = 64};
        return (uint32_t)wire_ipv6_build(to, &h);
    }
    const struct wire_ipv4 h = {.src = 0xc6120001,
                                .dst = 0xc6120002,
                                .total_len = (uint16_t)(20 + bytes),
                                .id = 7,
                                .flags = WIRE_IPV4_DF,
                                .ttl = 64,
                                .protocol = IP_PROTO_TCP};
    return (uint32_t)wire_ipv4_build20(to, &h);
}

static void put_checksum(struct accel_segment *s, enum sum sum)
{
    struct packet *p = s->packet;
    uint32_t length = s->headers.end - s->headers.l4;
    uint64_t pseudo = packet_headers_pseudo(&s->headers, p->data, length);
    uint16_t value = checksum_finish(checksum_add(pseudo, accel_segment_tcp(s), length));
    if (sum == WRONG)
        value ^= 0x100;
    if (sum == PARTIAL) {
        value = checksum_fold(pseudo);
        p->checksum = PACKET_CHECKSUM_PARTIAL;
        p->checksum_start = (uint16_t)s->headers.l4;
        p->checksum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    }
    memcpy(accel_segment_tcp(s) + WIRE_TCP_CHECKSUM_OFFSET, &value, sizeof value);
}

static struct accel_segment make(enum family family, enum sum sum, uint16_t flags, const struct wire_tcp_options *o,
                                 uint32_t payload)
{
    uint8_t tcp[WIRE_TCP_MAX];
    const struct wire_tcp h = {.src_port = 40000,
                               .dst_port = 80,
                               .seq = seq_of(0xffffff00),
                               .ack = seq_of(0xfffffff0),
                               .flags = flags,
                               .window = 0x1234};
    int header = wire_tcp_build(tcp, &h, o);
    assert_true(header > 0);
    struct packet *p;
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    uint32_t at = put_link_header(p->data, family);
    at += put_ip_header(p->data + at, family, (uint32_t)header + payload);
    memcpy(p->data + at, tcp, (size_t)header);
    for (uint32_t i = 0; i < payload; i++)
        p->data[at + (uint32_t)header + i] = (uint8_t)(i * 7);
    p->len = at + (uint32_t)header + payload;
    struct accel_segment s;
    assert_int_equal(accel_segment_find(p, &s), 0);
    put_checksum(&s, sum);
    return s;
}

/* What is said of the segment agrees with its bytes. Returns its options. */
static struct wire_tcp_options look(const struct accel_segment *s, enum sum sum, struct wire_tcp *h)
{
    const struct packet *p = s->packet;
    struct packet_headers found;
    assert_int_equal(packet_headers_find(p, &found), 0);
    assert_int_equal(found.l4, s->headers.l4);
    assert_int_equal(found.payload, s->headers.payload);
    assert_int_equal(found.end, s->headers.end);
    assert_int_equal(found.end, p->len);
    if (!found.v6)
        assert_true(wire_ipv4_checksum_ok(p->data + found.l3, 20));
    const uint8_t *tcp = p->data + found.l4;
    uint32_t length = found.end - found.l4;
    uint64_t pseudo = packet_headers_pseudo(&found, p->data, length);
    if (sum == PARTIAL) {
        uint16_t field;
        memcpy(&field, tcp + WIRE_TCP_CHECKSUM_OFFSET, sizeof field);
        assert_int_equal(field, checksum_fold(pseudo));
        assert_int_equal(p->checksum_start, found.l4);
    } else {
        assert_int_equal(checksum_ok(checksum_add(pseudo, tcp, length)), sum == RIGHT);
    }
    for (uint32_t i = 0; i < found.end - found.payload; i++)
        assert_int_equal(p->data[found.payload + i], (uint8_t)(i * 7));
    struct wire_tcp_options o;
    assert_true(wire_tcp_parse(tcp, length, h) > 0);
    wire_tcp_options_parse(tcp + WIRE_TCP_MIN, h->header_len - WIRE_TCP_MIN, &o);
    return o;
}

static const struct wire_tcp_options both = {.present = TCP_OPT_TIMESTAMPS | TCP_OPT_SACK,
                                             .ts_val = 1,
                                             .ts_ecr = 2,
                                             .sack_count = 2,
                                             .sack = {{{10}, {20}}, {{30}, {40}}}};
static const struct wire_tcp_options sack = {
    .present = TCP_OPT_SACK, .sack_count = 3, .sack = {{{10}, {20}}, {{30}, {40}}, {{50}, {60}}}};

#define FOR_EACH(family, sum)                                                                                          \
    for (enum family family = 0; family < FAMILIES; family++)                                                          \
        for (enum sum sum = 0; sum < SUMS; sum++)

/* ---- tests ---- */

static void what_was_not_promised_is_struck_out(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        struct wire_tcp h;
        struct accel_segment s = make(family, sum, TCP_ACK, &both, 100);
        assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK), 1);
        struct wire_tcp_options o = look(&s, sum, &h);
        assert_int_equal(o.present, TCP_OPT_TIMESTAMPS);
        assert_true(o.ts_val == 1 && o.ts_ecr == 2);
        assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK | TCP_OPT_TIMESTAMPS), 1);
        assert_int_equal(look(&s, sum, &h).present, 0);
        assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK | TCP_OPT_TIMESTAMPS), 0);
        packet_release(s.packet);
    }
}

static void a_syn_loses_what_shall_not_be_negotiated(void **state)
{
    (void)state;
    const struct wire_tcp_options of_syn = {.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED |
                                                       TCP_OPT_TIMESTAMPS,
                                            .mss = 1460,
                                            .wscale = 7,
                                            .ts_val = 9};
    struct wire_tcp h;
    struct accel_segment s = make(V6, RIGHT, TCP_SYN, &of_syn, 0);
    assert_int_equal(accel_strip_options(&s, TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED), 2);
    assert_int_equal(look(&s, RIGHT, &h).present, TCP_OPT_MSS | TCP_OPT_TIMESTAMPS);
    packet_release(s.packet);
}

static void an_option_of_a_wrong_length_is_nobodys(void **state)
{
    (void)state;
    struct wire_tcp h;
    struct accel_segment s = make(V4, RIGHT, TCP_ACK, &sack, 0);
    uint8_t *option = accel_segment_tcp(&s) + WIRE_TCP_MIN + 2;
    assert_int_equal(option[0], TCP_KIND_SACK);
    option[1] = 25;
    put_checksum(&s, WRONG);
    assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK), 0);
    option[1] = 60; /* past the header */
    assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK), 0);
    option[0] = TCP_KIND_END;
    assert_int_equal(accel_strip_options(&s, TCP_OPT_SACK), 0);
    look(&s, WRONG, &h);
    packet_release(s.packet);
}

static void timestamps_are_put_in(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        for (unsigned with = 0; with < 2; with++) {
            struct wire_tcp h;
            struct accel_segment s = make(family, sum, TCP_ACK | TCP_PSH, with ? &sack : NULL, 333);
            uint32_t length = s.packet->len;
            assert_int_equal(accel_insert_timestamps(&s, 0xdeadbeef, 77), 0);
            assert_int_equal(s.packet->len, length + 12);
            struct wire_tcp_options o = look(&s, sum, &h);
            assert_int_equal(o.present, TCP_OPT_TIMESTAMPS | (with ? TCP_OPT_SACK : 0));
            assert_true(o.ts_val == 0xdeadbeef && o.ts_ecr == 77);
            if (with)
                assert_true(o.sack_count == 3 && o.sack[2].right.v == 60);
            assert_true(h.window == 0x1234 && h.flags == (TCP_ACK | TCP_PSH) && h.seq.v == 0xffffff00);
            packet_release(s.packet);
        }
    }
}

static void timestamps_that_do_not_fit_change_nothing(void **state)
{
    (void)state;
    const struct wire_tcp_options four = {.present = TCP_OPT_SACK, .sack_count = 4};
    struct wire_tcp h;
    struct accel_segment s = make(V4, RIGHT, TCP_ACK, &four, 9);
    assert_int_equal(accel_insert_timestamps(&s, 1, 2), ERR_NO_SPACE); /* 36 bytes of options */
    look(&s, RIGHT, &h);
    packet_release(s.packet);
    s = make(V4, RIGHT, TCP_ACK, NULL, 9);
    s.packet->start = s.packet->data - 11;
    assert_int_equal(accel_insert_timestamps(&s, 1, 2), ERR_NO_SPACE); /* no headroom */
    look(&s, RIGHT, &h);
    packet_release(s.packet);
}

static const struct wire_tcp_options of_a_syn = {.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED |
                                                            TCP_OPT_TIMESTAMPS,
                                                 .mss = 1460,
                                                 .wscale = 7,
                                                 .ts_val = 9};

static void a_mark_goes_in_and_comes_out_again(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        struct wire_tcp h;
        struct accel_segment s = make(family, sum, TCP_SYN, &of_a_syn, 0);
        uint8_t before[128];
        uint32_t mark = 0, length = s.packet->len;
        memcpy(before, s.packet->data, length);
        assert_false(accel_mark_find(&s, &mark));
        accel_mark_remove(&s); /* of none: nothing */
        assert_int_equal(accel_mark_insert(&s, 0xfedcba98), 0);
        assert_int_equal(s.packet->len, length + ACCEL_MARK_BYTES);
        struct wire_tcp_options o = look(&s, sum, &h);
        assert_true(o.mss == 1460 && o.wscale == 7 && o.ts_val == 9);
        assert_true(accel_mark_find(&s, &mark));
        assert_int_equal(mark, 0xfedcba98);
        accel_mark_remove(&s);
        assert_int_equal(s.packet->len, length);
        assert_memory_equal(s.packet->data, before, length);
        packet_release(s.packet);
    }
}

static void a_mark_that_is_not_in_front_becomes_nops(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        struct wire_tcp h;
        uint32_t mark;
        static const uint8_t nops[4] = {TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_NOP};
        struct accel_segment s = make(family, sum, TCP_SYN, &of_a_syn, 0);
        assert_int_equal(accel_mark_insert(&s, 5), 0);
        assert_int_equal(accel_insert_option(&s, nops, sizeof nops), 0);
        accel_mark_remove(&s);
        assert_false(accel_mark_find(&s, &mark));
        assert_true(look(&s, sum, &h).ts_val == 9);
        assert_int_equal(h.header_len, 20 + 20 + 4 + ACCEL_MARK_BYTES);
        packet_release(s.packet);
    }
}

static void what_is_echoed_is_replaced(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        struct wire_tcp h;
        struct accel_segment s = make(family, sum, TCP_ACK, &both, 100);
        accel_set_echo(&s, 0xabcdef01);
        struct wire_tcp_options o = look(&s, sum, &h);
        assert_true(o.ts_val == 1 && o.ts_ecr == 0xabcdef01 && o.sack_count == 2);
        packet_release(s.packet);
        s = make(family, sum, TCP_ACK, &sack, 100);
        accel_set_echo(&s, 3);
        assert_int_equal(look(&s, sum, &h).present, TCP_OPT_SACK);
        packet_release(s.packet);
    }
}

/* Each of what both boxes see changes the numbers and the marks; the VLAN does not. */
static void a_pair_agrees_on_what_only_it_knows(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2}, other = {1, 3};
    struct accel_key flow = {.client = source6, .server = destination6, .client_port = 1, .server_port = 2, .vlan = 5};
    struct accel_pairing first, again;
    accel_pairing_of(&key, &flow, seq_of(7), 9, &first);
    for (unsigned i = 0; i < 8; i++) {
        struct accel_key changed = flow;
        changed.client.bytes[15] ^= i == 1;
        changed.server.bytes[0] ^= i == 2;
        changed.client_port ^= i == 3;
        changed.server_port ^= i == 4;
        changed.vlan = (uint16_t)i;
        accel_pairing_of(i == 5 ? &other : &key, &changed, seq_of(7 + (i == 6)), 9 + (i == 7), &again);
        assert_int_equal(seq_eq(first.isn, again.isn), i == 0);
        assert_int_equal(first.syn_mark == again.syn_mark, i == 0);
        assert_int_equal(first.syn_ack_mark == again.syn_ack_mark, i == 0);
    }
}

static void windows_are_scaled_and_never_offer_more(void **state)
{
    (void)state;
    static const struct {
        unsigned from, to;
        uint16_t is;
    } of[] = {{0, 0, 0x1234}, {7, 7, 0x1234},  {7, 0, 0xffff}, {0, 7, 0x24}, {3, 0, 0x91a0},
              {4, 0, 0xffff}, {14, 0, 0xffff}, {0, 14, 0},     {2, 4, 0x48d}};
    FOR_EACH(family, sum)
    {
        for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
            struct wire_tcp h;
            struct accel_segment s = make(family, sum, TCP_ACK, &both, 10);
            accel_scale_window(&s, of[i].from, of[i].to);
            look(&s, sum, &h);
            assert_int_equal(h.window, of[i].is);
            packet_release(s.packet);
        }
    }
}

static void a_payload_for_a_smaller_mss_leaves_in_pieces(void **state)
{
    (void)state;
    FOR_EACH(family, sum)
    {
        struct wire_tcp h;
        struct accel_segment s = make(family, sum, TCP_ACK, &both, 1000);
        assert_int_equal(accel_limit_payload(&s, 1000), 0);
        assert_int_equal(s.packet->gso, PACKET_GSO_NONE);
        assert_int_equal(accel_limit_payload(&s, 300), sum == WRONG ? ERR_MALFORMED : 0);
        look(&s, sum, &h);
        struct packet_segmenter cut;
        if (sum != WRONG) {
            assert_int_equal(packet_segment_begin(&cut, s.packet, false), 4);
            assert_int_equal(accel_limit_payload(&s, 500), 0); /* it is cut smaller already */
            assert_int_equal(s.packet->gso_size, 300);
        }
        packet_release(s.packet);
    }
}

static void a_syn_and_a_padded_frame_are_not_cut(void **state)
{
    (void)state;
    struct accel_segment s = make(V4, RIGHT, TCP_SYN, NULL, 1000);
    assert_int_equal(accel_limit_payload(&s, 536), ERR_MALFORMED);
    packet_release(s.packet);
    s = make(V4, RIGHT, TCP_ACK, NULL, 1000);
    s.packet->len += 4;
    assert_int_equal(accel_limit_payload(&s, 536), ERR_MALFORMED);
    assert_int_equal(s.packet->gso, PACKET_GSO_NONE);
    packet_release(s.packet);
}

static void only_tcp_is_a_segment(void **state)
{
    (void)state;
    struct accel_segment s = make(V4, RIGHT, TCP_ACK, NULL, 20);
    s.packet->data[s.headers.l3 + 9] = IP_PROTO_UDP;
    assert_int_equal(accel_segment_find(s.packet, &s), ERR_UNSUPPORTED);
    s.packet->data[s.headers.l3 + 9] = IP_PROTO_ICMP;
    assert_int_equal(accel_segment_find(s.packet, &s), ERR_MALFORMED);
    packet_release(s.packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_promised_is_struck_out),
        cmocka_unit_test(a_syn_loses_what_shall_not_be_negotiated),
        cmocka_unit_test(an_option_of_a_wrong_length_is_nobodys),
        cmocka_unit_test(timestamps_are_put_in),
        cmocka_unit_test(timestamps_that_do_not_fit_change_nothing),
        cmocka_unit_test(a_mark_goes_in_and_comes_out_again),
        cmocka_unit_test(a_mark_that_is_not_in_front_becomes_nops),
        cmocka_unit_test(what_is_echoed_is_replaced),
        cmocka_unit_test(a_pair_agrees_on_what_only_it_knows),
        cmocka_unit_test(windows_are_scaled_and_never_offer_more),
        cmocka_unit_test(a_payload_for_a_smaller_mss_leaves_in_pieces),
        cmocka_unit_test(a_syn_and_a_padded_frame_are_not_cut),
        cmocka_unit_test(only_tcp_is_a_segment),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
