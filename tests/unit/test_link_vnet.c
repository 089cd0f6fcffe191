/* SPDX-License-Identifier: MIT */
/*
 * link/vnet: virtio-net's header read and written, by the layout of Virtio 1.2 section 5.1.6. What comes is checked:
 * every hostile header is refused and touches nothing outside the frame.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "link/vnet.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"
#include "vxlan_frames.h"

#define ALL                                                                                                            \
    (LINK_CAP_RX_CHECKSUM | LINK_CAP_TX_CHECKSUM | LINK_CAP_GRO | LINK_CAP_TSO | LINK_CAP_USO | LINK_CAP_SCATTER)

static struct counting_alloc counting;
static struct packet_pool pool;

static int set_up(void **state)
{
    (void)state;
    return packet_pool_init(&pool, counting_alloc_init(&counting), 4, 8192, 0);
}

static int tear_down(void **state)
{
    (void)state;
    packet_pool_free(&pool);
    assert_int_equal(counting.live_blocks, 0);
    return 0;
}

static struct packet *get(uint32_t payload, uint16_t gso_size)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    offload_fill(p, payload, gso_size);
    return p;
}

/* As it is received, before its header is read. */
static struct packet *get_raw(uint32_t payload)
{
    struct packet *p = get(payload, 65535);
    p->checksum = PACKET_CHECKSUM_UNKNOWN;
    p->gso_size = 0;
    return p;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct packet *p = get(3000, 1000), *q = get_raw(3000);
    struct virtio_net_hdr h;
    assert_int_equal(vnet_write(p, ALL, &h), 0);
    assert_int_equal(h.flags, 1);    /* VIRTIO_NET_HDR_F_NEEDS_CSUM */
    assert_int_equal(h.gso_type, 1); /* VIRTIO_NET_HDR_GSO_TCPV4 */
    assert_int_equal(h.gso_size, 1000);
    assert_int_equal(h.hdr_len, OFFLOAD_HEADERS);
    assert_int_equal(h.csum_start, 34);
    assert_int_equal(h.csum_offset, 16);
    assert_int_equal(vnet_read(q, ALL, &h), 0);
    assert_int_equal(q->gso, PACKET_GSO_TCP4);
    assert_int_equal(q->gso_size, 1000);
    assert_int_equal(q->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(q->checksum_start, 34);
    assert_int_equal(q->checksum_offset, 16);
    packet_release(p);
    packet_release(q);
}

static void datagrams_of_one_packet_are_read_back(void **state)
{
    (void)state;
    struct packet *p = get(0, 1000), *q = get(0, 1000);
    struct virtio_net_hdr h;
    offload_fill_udp(p, 3000, 1000);
    offload_fill_udp(q, 3000, 65535);
    q->checksum = PACKET_CHECKSUM_UNKNOWN;
    q->gso_size = 0;
    assert_int_equal(vnet_write(p, ALL, &h), 0);
    assert_int_equal(h.flags, 1);
    assert_int_equal(h.gso_type, 5); /* VIRTIO_NET_HDR_GSO_UDP_L4 */
    assert_int_equal(h.gso_size, 1000);
    assert_int_equal(h.hdr_len, OFFLOAD_UDP_HEADERS);
    assert_int_equal(h.csum_start, 34);
    assert_int_equal(h.csum_offset, 6);
    assert_int_equal(vnet_read(q, ALL, &h), 0);
    assert_int_equal(q->gso, PACKET_GSO_UDP);
    assert_int_equal(q->gso_size, 1000);
    assert_int_equal(vnet_write(p, ALL & ~(uint32_t)LINK_CAP_USO, &h), ERR_MALFORMED);
    p->gso = PACKET_GSO_TCP4;
    assert_int_equal(vnet_write(p, ALL, &h), ERR_MALFORMED);
    packet_release(p);
    packet_release(q);
}

static void congestion_window_reduced_is_said(void **state)
{
    (void)state;
    struct packet *p = get(3000, 1000), *q = get_raw(3000);
    struct virtio_net_hdr h;
    p->data[47] |= 0x80;
    assert_int_equal(vnet_write(p, ALL, &h), 0);
    assert_int_equal(h.gso_type, 0x81);
    assert_int_equal(vnet_read(q, ALL, &h), 0);
    packet_release(p);
    packet_release(q);
}

static void a_link_that_completes_no_checksum_gets_it_completed(void **state)
{
    (void)state;
    struct packet *p = get(100, 1000), *q = get(100, 1000);
    struct virtio_net_hdr h;
    assert_int_equal(vnet_write(p, 0, &h), 0);
    assert_int_equal(h.flags, 0);
    assert_int_equal(packet_finish(q), 0);
    assert_memory_equal(p->data, q->data, p->len);
    packet_release(p);
    packet_release(q);
}

static void without_the_capability_states_are_resolved_on_the_way_in(void **state)
{
    (void)state;
    struct packet *p = get_raw(100), *q = get(100, 1000);
    struct virtio_net_hdr partial = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    struct virtio_net_hdr verified = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    assert_int_equal(vnet_read(p, 0, &partial), 0);
    assert_int_equal(p->checksum, PACKET_CHECKSUM_UNKNOWN);
    assert_int_equal(packet_finish(q), 0);
    assert_memory_equal(p->data, q->data, p->len);
    assert_int_equal(vnet_read(p, 0, &verified), 0);
    assert_int_equal(p->checksum, PACKET_CHECKSUM_UNKNOWN);
    assert_int_equal(vnet_read(p, ALL, &verified), 0);
    assert_int_equal(p->checksum, PACKET_CHECKSUM_VERIFIED);
    packet_release(p);
    packet_release(q);
}

static void a_tag_beside_a_GSO_packet_goes_into_it(void **state)
{
    (void)state;
    struct packet *p = get(3000, 1000);
    struct virtio_net_hdr h;
    p->vlan_present = true;
    p->vlan_tci = 5;
    assert_int_equal(vnet_write(p, ALL, &h), 0);
    assert_int_equal(h.csum_start, 38);
    assert_int_equal(h.hdr_len, OFFLOAD_HEADERS + 4);
    assert_int_equal(load_be16(p->data + 12), 0x8100);
    packet_release(p);
}

static void packets_that_a_link_cannot_send_are_refused(void **state)
{
    (void)state;
    struct virtio_net_hdr h;
    struct packet *p = get(3000, 1000);
    assert_int_equal(vnet_write(p, ALL & ~(uint32_t)LINK_CAP_TSO, &h), ERR_MALFORMED);
    p->gso_size = 0;
    assert_int_equal(vnet_write(p, ALL, &h), ERR_MALFORMED);
    p->gso_size = 1000;
    p->checksum = PACKET_CHECKSUM_VERIFIED;
    assert_int_equal(vnet_write(p, ALL, &h), ERR_MALFORMED);
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->data[23] = 17;
    assert_int_equal(vnet_write(p, ALL, &h), ERR_MALFORMED);
    packet_release(p);
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct virtio_net_hdr hostile[] = {
        {.flags = 1, .csum_start = 3066, .csum_offset = 0},
        {.flags = 1, .csum_start = 3049, .csum_offset = 16},
        {.flags = 1, .csum_start = 65535, .csum_offset = 65535},
        {.flags = 1, .csum_start = 34, .csum_offset = 65535},
        {.flags = 1, .csum_start = 13, .csum_offset = 16},
        {.flags = 1, .csum_start = 0, .csum_offset = 0},
        {.gso_type = 1, .gso_size = 0},
        {.gso_type = 2, .gso_size = 1000},
        {.gso_type = 3, .gso_size = 1000},
        {.gso_type = 4, .gso_size = 1000},
        {.gso_type = 5, .gso_size = 1000},
        {.gso_type = 0x7f, .gso_size = 1000},
        {.gso_type = 0x80, .gso_size = 1000},
        {.gso_type = 0x81, .gso_size = 0},
        {.flags = 1, .csum_start = 35, .csum_offset = 16, .gso_type = 1, .gso_size = 1000},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(hostile); i++) {
        struct packet *p = get_raw(3000);
        if (vnet_read(p, ALL, &hostile[i]) != ERR_MALFORMED)
            fail_msg("header %u was taken", i);
        packet_release(p);
    }
    print_message("%zu headers\n", ARRAY_SIZE(hostile));
}

static void large_packets_of_VXLAN_are_read_by_what_is_inside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        const struct vxlan_frame f = {.tunnels = 1, .v6_out = i & 1, .v6_in = i & 2, .udp = i & 4, .payload = 3000};
        const uint8_t kind = f.udp ? 5 : f.v6_in ? 4 : 1;
        static const uint8_t kinds[] = {1, 4, 5};
        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
            struct packet *p = get(0, 1);
            p->len = 0;
            const struct vxlan_frame_at at = vxlan_frame_fill(p, &f);
            const struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                             .gso_type = kinds[k],
                                             .gso_size = 1000,
                                             .hdr_len = (uint16_t)at.payload,
                                             .csum_start = p->checksum_start,
                                             .csum_offset = p->checksum_offset};
            p->checksum = PACKET_CHECKSUM_UNKNOWN;
            assert_int_equal(vnet_read(p, ALL, &h), kinds[k] == kind ? 0 : ERR_MALFORMED);
            if (kinds[k] == kind)
                assert_int_equal(p->gso, PACKET_GSO_TUNNEL);
            packet_release(p);
        }
    }
}

static void large_packets_of_VXLAN_are_not_sent_whole(void **state)
{
    (void)state;
    const struct vxlan_frame f = {.tunnels = 1, .payload = 3000, .gso_size = 1000};
    struct virtio_net_hdr h;
    struct packet *p = get(0, 1);
    p->len = 0;
    vxlan_frame_fill(p, &f);
    assert_int_equal(vnet_write(p, ALL, &h), ERR_MALFORMED);
    assert_int_equal(link_cap_to_cut(p), 0);
    packet_release(p);
}

static void random_headers_leave_a_packet_that_can_be_finished_or_cut(void **state)
{
    (void)state;
    struct random r;
    unsigned taken = 0, cut = 0;
    random_seed(&r, 1);
    for (unsigned i = 0; i < 200000; i++) {
        struct virtio_net_hdr h = {.flags = (uint8_t)random_below(&r, 4),
                                   .gso_type = (uint8_t)random_below(&r, 3),
                                   .gso_size = (uint16_t)random_below(&r, i & 1 ? 65536 : 8),
                                   .csum_start = (uint16_t)random_below(&r, i & 2 ? 65536 : 64),
                                   .csum_offset = (uint16_t)random_below(&r, i & 4 ? 65536 : 64)};
        struct packet *p = get_raw((uint32_t)random_below(&r, 2000));
        if (vnet_read(p, ALL, &h) == 0) {
            struct packet_segmenter s;
            taken++;
            cut += p->gso != PACKET_GSO_NONE;
            assert_true(p->gso == PACKET_GSO_NONE ? packet_finish(p) == 0 : packet_segment_begin(&s, p, false) > 0);
        }
        packet_release(p);
    }
    print_message("200000 headers, %u taken, %u of them GSO\n", taken, cut);
    assert_true(taken > 1000 && cut > 100);
}

static void an_offload_without_what_it_needs_is_refused(void **state)
{
    (void)state;
    char message[256];
    struct vnet_offload o;
    vnet_offload_default(&o);
    assert_int_equal(vnet_offload_check(&o, "tap:x", message), 0);
    o.rx_checksum = false;
    assert_int_equal(vnet_offload_check(&o, "tap:x", message), ERR_INVALID);
    assert_string_equal(message, "tap:x: found gro on and rx_checksum off, allowed both or only rx_checksum");
    o = (struct vnet_offload){.tso = true};
    assert_int_equal(vnet_offload_check(&o, "tap:x", message), ERR_INVALID);
    assert_string_equal(message, "tap:x: found tso on and tx_checksum off, allowed both or only tx_checksum");
    o = (struct vnet_offload){.uso = true};
    assert_int_equal(vnet_offload_check(&o, "tap:x", message), ERR_INVALID);
    assert_string_equal(message, "tap:x: found uso on and tx_checksum off, allowed both or only tx_checksum");
}

static void offloads_are_left_out_by_name(void **state)
{
    (void)state;
    char message[256] = "";
    struct vnet_offload o;
    vnet_offload_default(&o);
    assert_int_equal(vnet_offload_leave_out(&o, NULL, message), 0);
    assert_true(o.rx_checksum && o.tx_checksum && o.gro && o.tso && o.uso);
    assert_int_equal(vnet_offload_leave_out(&o, "gro,uso", message), 0);
    assert_true(o.rx_checksum && o.tx_checksum && !o.gro && o.tso && !o.uso);
    assert_int_equal(vnet_offload_leave_out(&o, "tso,gr", message), ERR_INVALID);
    assert_string_equal(message,
                        "without: found \"gr\", allowed, with commas between: rx_checksum tx_checksum gro tso uso");
    assert_int_equal(vnet_offload_leave_out(&o, "", message), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(datagrams_of_one_packet_are_read_back),
        cmocka_unit_test(congestion_window_reduced_is_said),
        cmocka_unit_test(a_link_that_completes_no_checksum_gets_it_completed),
        cmocka_unit_test(without_the_capability_states_are_resolved_on_the_way_in),
        cmocka_unit_test(a_tag_beside_a_GSO_packet_goes_into_it),
        cmocka_unit_test(packets_that_a_link_cannot_send_are_refused),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(large_packets_of_VXLAN_are_read_by_what_is_inside),
        cmocka_unit_test(large_packets_of_VXLAN_are_not_sent_whole),
        cmocka_unit_test(random_headers_leave_a_packet_that_can_be_finished_or_cut),
        cmocka_unit_test(an_offload_without_what_it_needs_is_refused),
        cmocka_unit_test(offloads_are_left_out_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
