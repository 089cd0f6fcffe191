/* SPDX-License-Identifier: MIT */
/*
 * packet/encapsulation and packet/segment: what a kernel's VXLAN device gives whole is cut, over a grid of families,
 * tags, sizes and tunnels in each other, each layer of each segment checked by the wire codecs; what lies is refused.
 * That the kernel gives such frames is shown by tests/interop/tunnels.sh.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "packet/segment.h"
#include "support/counting_alloc.h"
#include "vxlan_frames.h"
#include "wire/tcp.h"

#define BIG_BYTES (PACKET_HEADROOM + 65536u + 64u)

static struct counting_alloc counting;
static struct packet_pool pool;

static int set_up(void **state)
{
    (void)state;
    return packet_pool_init(&pool, counting_alloc_init(&counting), 3, BIG_BYTES, 0);
}

static int tear_down(void **state)
{
    (void)state;
    packet_pool_free(&pool);
    assert_int_equal(counting.live_blocks, 0);
    return 0;
}

static struct packet *get(void)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    return p;
}

static void cut_and_check(const struct vxlan_frame *f, bool partial)
{
    struct packet *p = get(), *to;
    struct packet_segmenter cut;
    uint32_t at = 0, index = 0;
    const struct vxlan_frame_at offsets = vxlan_frame_fill(p, f);
    const int count = packet_segment_begin(&cut, p, partial);
    assert_int_equal(count, f->payload ? (f->payload + f->gso_size - 1) / f->gso_size : 1);
    for (; packet_segment_left(&cut); index++) {
        to = get();
        assert_int_equal(packet_segment_next(&cut, to), 0);
        assert_int_equal(to->gso, PACKET_GSO_NONE);
        assert_int_equal(to->l3_offset, offsets.l3[0]);
        assert_int_equal(to->l4_offset, offsets.l4[0]);
        assert_int_equal(to->checksum, partial ? PACKET_CHECKSUM_PARTIAL : PACKET_CHECKSUM_UNKNOWN);
        assert_int_equal(to->checksum_start, offsets.l4[f->tunnels]);
        assert_int_equal(packet_finish(to), 0);
        const uint32_t payload = vxlan_frame_check(to, f, index, at);
        at += payload;
        assert_true(payload == f->gso_size || at == f->payload);
        packet_release(to);
    }
    assert_int_equal(at, f->payload);
    packet_release(p);
}

static void every_layer_of_every_segment_is_right(void **state)
{
    (void)state;
    static const uint32_t payloads[] = {0, 1, 999, 1000, 1001, 4345, 60001}, sizes[] = {1000, 1398, 333};
    unsigned cases = 0;
    for (unsigned i = 0; i < 128; i++)
        for (unsigned j = 0; j < ARRAY_SIZE(payloads) * ARRAY_SIZE(sizes); j++) {
            const struct vxlan_frame f = {.tunnels = 1,
                                          .v6_out = i & 1,
                                          .v6_in = i & 2,
                                          .udp = i & 4,
                                          .outer_checksum = i & 8,
                                          .tagged_out = i & 16,
                                          .tagged_in = i & 32,
                                          .payload = payloads[j % ARRAY_SIZE(payloads)],
                                          .gso_size = sizes[j / ARRAY_SIZE(payloads)]};
            cut_and_check(&f, i & 64);
            cases++;
        }
    print_message("%u packets cut\n", cases);
}

static void tunnels_in_tunnels_are_cut_up_to_four(void **state)
{
    (void)state;
    struct packet_segmenter cut;
    struct vxlan_frame f = {.outer_checksum = true, .payload = 5001, .gso_size = 1000};
    for (f.tunnels = 1; f.tunnels <= PACKET_MAX_ENCAPSULATIONS; f.tunnels++)
        for (unsigned i = 0; i < 8; i++) {
            f.v6_out = i & 1;
            f.v6_in = i & 2;
            cut_and_check(&f, i & 4);
        }
    struct packet *p = get();
    vxlan_frame_fill(p, &f);
    assert_int_equal(packet_segment_begin(&cut, p, false), ERR_MALFORMED);
    packet_release(p);
}

static void a_frame_that_needs_no_cutting_is_right_once_its_inner_checksum_is(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        const struct vxlan_frame f = {
            .tunnels = 2, .v6_out = i & 1, .v6_in = i & 2, .udp = i & 4, .outer_checksum = i & 8, .payload = 777};
        struct packet *p = get();
        vxlan_frame_fill(p, &f);
        assert_int_equal(packet_complete_checksum(p), 0);
        assert_int_equal(vxlan_frame_check(p, &f, 0, 0), 777);
        packet_release(p);
    }
}

static void payload_in_pieces_is_cut_like_any(void **state)
{
    (void)state;
    const struct vxlan_frame f = {.tunnels = 1, .outer_checksum = true, .payload = 3000, .gso_size = 1000};
    struct packet *p = get(), *to = get();
    struct packet_frag frags[2];
    struct packet_segmenter cut;
    const struct vxlan_frame_at at = vxlan_frame_fill(p, &f);
    frags[0] = (struct packet_frag){.bytes = p->data + at.payload, .length = 1501};
    frags[1] = (struct packet_frag){.bytes = p->data + at.payload + 1501, .length = 1499};
    p->len = at.payload;
    p->frags = frags;
    p->nfrags = 2;
    assert_int_equal(packet_segment_begin(&cut, p, false), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(packet_segment_next(&cut, to), 0);
        assert_int_equal(vxlan_frame_check(to, &f, i, 1000 * i), 1000);
    }
    p->nfrags = 0;
    packet_release(p);
    packet_release(to);
}

/* ---- what lies ---- */

static void refuse(const struct packet *p, const char *what, unsigned i)
{
    struct packet_segmenter cut;
    if (packet_segment_begin(&cut, p, false) != ERR_MALFORMED)
        fail_msg("%s %u was taken", what, i);
}

static void lying_headers_are_refused(void **state)
{
    (void)state;
    const struct vxlan_frame f = {.tunnels = 1, .outer_checksum = true, .payload = 3000, .gso_size = 1000};
    struct packet *p = get();
    const struct vxlan_frame_at at = vxlan_frame_fill(p, &f);
    const struct {
        uint32_t at;
        uint8_t value;
    } bytes[] = {
        {at.l3[0], 0x55},      /* version */
        {at.l3[0], 0x44},      /* header length */
        {at.l3[0] + 3, 0},     /* total length */
        {at.l3[0] + 6, 0x60},  /* a fragment */
        {at.l3[0] + 9, 6},     /* TCP outside */
        {at.l3[0] + 9, 47},    /* GRE outside */
        {at.l4[0] + 5, 0},     /* UDP length */
        {at.l4[0] + 8, 0},     /* VXLAN without a VNI */
        {at.l3[1] - 2, 9},     /* no EtherType that we know */
        {at.l3[1] - 1, 6},     /* ARP */
        {at.l3[1], 0x55},      /* the same inside */
        {at.l3[1], 0x4f},      /* a header that ends elsewhere */
        {at.l3[1] + 3, 0},     /* a length that ends elsewhere */
        {at.l3[1] + 7, 1},     /* a fragment */
        {at.l3[1] + 9, 17},    /* UDP, of which the checksum is elsewhere */
        {at.l3[1] + 9, 1},     /* ICMP */
        {at.l4[1] + 12, 0x40}, /* TCP header length */
        {at.l4[1] + 13, TCP_SYN},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
        const uint8_t was = p->data[bytes[i].at];
        p->data[bytes[i].at] = bytes[i].value;
        refuse(p, "byte", i);
        p->data[bytes[i].at] = was;
    }
    print_message("%zu bytes\n", ARRAY_SIZE(bytes));
    packet_release(p);
}

static void lying_state_is_refused(void **state)
{
    (void)state;
    const struct vxlan_frame f = {.tunnels = 1, .payload = 3000, .gso_size = 1000};
    struct packet *p = get();
    const struct vxlan_frame_at at = vxlan_frame_fill(p, &f);
    const struct packet good = *p;
    for (uint32_t start = 0; start < 200; start++) {
        p->checksum_start = (uint16_t)start;
        if (start != at.l4[1])
            refuse(p, "checksum_start", start);
    }
    *p = good;
    p->checksum_offset = 6;
    refuse(p, "checksum_offset", 6);
    *p = good;
    p->checksum = PACKET_CHECKSUM_VERIFIED;
    refuse(p, "checksum", PACKET_CHECKSUM_VERIFIED);
    *p = good;
    p->gso_size = 0;
    refuse(p, "gso_size", 0);
    *p = good;
    p->gso = PACKET_GSO_TCP4;
    refuse(p, "gso", PACKET_GSO_TCP4);
    *p = good;
    for (p->len = 0; p->len < good.len; p->len++) /* cut off anywhere */
        refuse(p, "length", p->len);
    p->len = good.len + 1; /* padding */
    refuse(p, "length", p->len);
    *p = good;
    packet_release(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_of_every_segment_is_right),
        cmocka_unit_test(tunnels_in_tunnels_are_cut_up_to_four),
        cmocka_unit_test(a_frame_that_needs_no_cutting_is_right_once_its_inner_checksum_is),
        cmocka_unit_test(payload_in_pieces_is_cut_like_any),
        cmocka_unit_test(lying_headers_are_refused),
        cmocka_unit_test(lying_state_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
