/* SPDX-License-Identifier: MIT */
/*
 * link/af_packet on a veth pair inside a network namespace of this process's own, which vanishes with it: two links
 * send to each other. Needs root; against the kernel's own stack it is tested by tests/interop/af_packet.sh.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/af_packet.h"
#include "link/frames.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"
#include "wire/l4.h"

#define TYPE_TEST 0x88b5 /* IEEE 802.1Q: local experimental */

struct fixture {
    struct counting_alloc counting;
    struct link *ends[2];
};

static char message[256];
static const char *skip_reason;

/* Once: a namespace with the pair wa-wb. Without the right to make one, or without veth, the tests are skipped. */
static int make_pair(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0)
        skip_reason = "no network namespace of our own: unshare(CLONE_NEWNET) needs root";
    else if (system("ip link add wa address 02:00:00:00:0a:01 type veth peer name wb address 02:00:00:00:0b:02 && "
                    "ip link set wa up && ip link set wb up && "
                    "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null; ip link show wb >/dev/null") != 0)
        skip_reason = "no veth pair: the kernel has no CONFIG_VETH, or iproute2 is missing";
    return 0;
}

static void need_pair(void)
{
    if (skip_reason) {
        print_message("%s\n", skip_reason);
        skip();
    }
}

static struct link *open_end_with(struct fixture *f, const char *interface, const struct vnet_offload *offload)
{
    struct af_packet_settings s;
    struct link *l = NULL;
    af_packet_settings_default(&s);
    s.interface = interface;
    s.frames = 256;
    if (offload)
        s.offload = *offload;
    int error = af_packet_link_new(&s, &f->counting.allocator, &l, message);
    if (error)
        fail_msg("%s: %s", err_name(error), message);
    return l;
}

static struct link *open_end(struct fixture *f, const char *interface) { return open_end_with(f, interface, NULL); }

/* NULL: every offload. */
static void open_ends_with(struct fixture *f, const struct vnet_offload *a, const struct vnet_offload *b)
{
    need_pair();
    counting_alloc_init(&f->counting);
    f->ends[0] = open_end_with(f, "wa", a);
    f->ends[1] = open_end_with(f, "wb", b);
}

static void open_ends(struct fixture *f) { open_ends_with(f, NULL, NULL); }

/* Closing asserts that every packet is home. */
static void close_ends(struct fixture *f)
{
    link_close(f->ends[0]);
    link_close(f->ends[1]);
    assert_int_equal(f->counting.live_blocks, 0);
}

static void fill(struct packet *p, uint32_t number, uint32_t length)
{
    memset(p->data, (int)number, length);
    memset(p->data, 0xff, 6);
    store_be16(p->data + 12, TYPE_TEST);
    store_be32(p->data + 14, number);
    p->len = length;
}

/* Frames of this test, in order; others (the kernel's own) are passed over. Waits until n came. */
static void receive(struct link *l, struct packet **packets, unsigned n)
{
    unsigned have = 0;
    for (unsigned tries = 0; have < n; tries++) {
        struct pollfd ready = {.fd = l->fd, .events = POLLIN};
        assert_true(l->ops->arm(l));
        if (poll(&ready, 1, 5000) == 0 || tries == 10000 * n)
            fail_msg("%u of %u frames came", have, n);
        struct packet *burst[LINK_BURST];
        unsigned got = link_rx_burst(l, burst, min_u32(LINK_BURST, n - have), 12345);
        for (unsigned i = 0; i < got; i++) {
            if (load_be16(burst[i]->data + 12) == TYPE_TEST)
                packets[have++] = burst[i];
            else
                packet_release(burst[i]);
        }
    }
}

static void frames_cross_in_order_both_ways(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    for (unsigned round = 0; round < 50; round++) {
        struct link *tx = f.ends[round & 1], *rx = f.ends[!(round & 1)];
        struct packet *p[150];
        assert_int_equal(link_tx_alloc(tx, p, 150, LINK_ALLOC_DATA), 150);
        for (unsigned i = 0; i < 150; i++)
            fill(p[i], i, 60 + i * 9);
        tx->ops->tx_burst(tx, p, 150, 0);
        receive(rx, p, 150);
        for (unsigned i = 0; i < 150; i++) {
            assert_int_equal(load_be32(p[i]->data + 14), i);
            assert_int_equal(p[i]->len, 60 + i * 9);
            assert_int_equal(p[i]->data[p[i]->len - 1], i);
            assert_int_equal(p[i]->rx_ns, 12345);
        }
        packet_release_burst(p, 150);
    }
    assert_int_equal(f.ends[0]->counters.frames_tx, 25 * 150);
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        assert_int_equal(f.ends[0]->counters.drops[i] + f.ends[1]->counters.drops[i], 0);
    close_ends(&f);
}

static void frames_received_can_be_sent_on_and_kept(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    struct packet *p[100], *kept[100];
    unsigned n_kept = 0;
    for (unsigned round = 0; round < 20; round++) {
        assert_int_equal(link_tx_alloc(f.ends[0], p, 10, LINK_ALLOC_DATA), 10);
        for (unsigned i = 0; i < 10; i++)
            fill(p[i], i, 100);
        f.ends[0]->ops->tx_burst(f.ends[0], p, 10, 0);
        receive(f.ends[1], p, 10);
        if (round < 10)
            kept[n_kept++] = packet_keep(p[0], 0, 100, NULL);
        f.ends[1]->ops->tx_burst(f.ends[1], p + 1, 9, 0); /* round again */
        packet_release_burst(p, 1);
        receive(f.ends[0], p, 9);
        packet_release_burst(p, 9);
    }
    for (unsigned i = 0; i < n_kept; i++)
        packet_release(kept[i]);
    close_ends(&f);
}

static void all_frames_are_held(bool gro)
{
    static struct fixture f;
    static struct packet *p[256], *held[512], *q[4];
    unsigned all = 256 + LINK_FRAMES_LARGE; /* a large one is given where there is no other */
    struct vnet_offload offload = {.rx_checksum = true, .gro = gro};
    open_ends_with(&f, NULL, &offload);
    for (unsigned have = 0; have < all; have += 64) {
        assert_int_equal(link_tx_alloc(f.ends[0], p, 64, LINK_ALLOC_DATA), 64);
        for (unsigned i = 0; i < 64; i++)
            fill(p[i], have + i, 100);
        f.ends[0]->ops->tx_burst(f.ends[0], p, 64, 0);
        receive(f.ends[1], held + have, 64);
    }
    assert_int_equal(link_tx_alloc(f.ends[0], p, 4, LINK_ALLOC_DATA), 4);
    for (unsigned i = 0; i < 4; i++)
        fill(p[i], 1000 + i, 100);
    f.ends[0]->ops->tx_burst(f.ends[0], p, 4, 0);
    assert_int_equal(link_rx_burst(f.ends[1], q, 4, 0), 0);
    packet_release(held[all - 1]);
    receive(f.ends[1], q, 1);
    assert_int_equal(load_be32(q[0]->data + 14), 1000);
    packet_release_burst(held, all - 1);
    receive(f.ends[1], q + 1, 3);
    assert_int_equal(load_be32(q[3]->data + 14), 1003);
    packet_release_burst(q, 4);
    close_ends(&f);
}

static void when_all_frames_are_held_the_kernel_keeps_what_comes(void **state)
{
    (void)state;
    all_frames_are_held(false);
    all_frames_are_held(true);
}

static void tags_travel_beside_the_frame_and_come_out_on_the_wire(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    struct packet *p;
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_CONTROL), 1);
    fill(p, 77, 80);
    p->vlan_present = true;
    p->vlan_tci = 0x6005;
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
    assert_int_equal(f.ends[0]->counters.bytes_tx, 84);
    receive(f.ends[1], &p, 1);
    assert_true(p->vlan_present);
    assert_int_equal(p->vlan_tci, 0x6005);
    assert_int_equal(p->len, 80);
    assert_int_equal(load_be32(p->data + 14), 77);
    packet_release(p);
    close_ends(&f);
}

static void a_frame_over_the_mtu_is_refused_and_the_others_go_on(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    assert_int_equal(f.ends[0]->mtu, 1500);
    struct packet *p[3];
    assert_int_equal(link_tx_alloc(f.ends[0], p, 3, LINK_ALLOC_DATA), 3);
    fill(p[0], 1, 100);
    fill(p[1], 2, 1519);
    fill(p[2], 3, 100);
    f.ends[0]->ops->tx_burst(f.ends[0], p, 3, 0);
    assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_ERROR], 1);
    assert_int_equal(f.ends[0]->counters.frames_tx, 2);
    receive(f.ends[1], p, 2);
    assert_int_equal(load_be32(p[1]->data + 14), 3);
    packet_release_burst(p, 2);
    close_ends(&f);
}

static void a_frame_longer_than_a_buffer_is_dropped_and_counted(void **state)
{
    (void)state;
    static struct fixture f;
    need_pair();
    counting_alloc_init(&f.counting);
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.interface = "wb";
    s.buffer_bytes = PACKET_HEADROOM + 1000;
    s.frames = 16;
    s.offload.gro = false;
    f.ends[0] = open_end(&f, "wa");
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &f.ends[1], message), 0);
    struct packet *p[2];
    assert_int_equal(link_tx_alloc(f.ends[0], p, 2, LINK_ALLOC_DATA), 2);
    fill(p[0], 1, 1001);
    fill(p[1], 2, 1000);
    f.ends[0]->ops->tx_burst(f.ends[0], p, 2, 0);
    receive(f.ends[1], p, 1);
    assert_int_equal(load_be32(p[0]->data + 14), 2);
    assert_int_equal(f.ends[1]->counters.drops[LINK_DROP_RX_TOO_LONG], 1);
    packet_release(p[0]);
    close_ends(&f);
}

static void an_interface_that_goes_down_costs_its_frames_only(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    assert_int_equal(system("ip link set wa down"), 0);
    struct packet *p[64];
    assert_int_equal(link_tx_alloc(f.ends[0], p, 64, LINK_ALLOC_DATA), 64);
    for (unsigned i = 0; i < 64; i++)
        fill(p[i], i, 100);
    f.ends[0]->ops->tx_burst(f.ends[0], p, 64, 0);
    assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_ERROR], 64);
    assert_int_equal(link_rx_burst(f.ends[0], p, 64, 0), 0);
    assert_int_equal(system("ip link set wa up"), 0);
    assert_int_equal(link_tx_alloc(f.ends[0], p, 1, LINK_ALLOC_DATA), 1);
    fill(p[0], 9, 100);
    f.ends[0]->ops->tx_burst(f.ends[0], p, 1, 0);
    receive(f.ends[1], p, 1);
    packet_release(p[0]);
    close_ends(&f);
}

static void drops_of_the_kernel_are_counted(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    struct packet *p[64];
    uint64_t sent = 0;
    for (unsigned round = 0; round < 1000; round++) {
        unsigned n = link_tx_alloc(f.ends[0], p, 64, LINK_ALLOC_DATA);
        for (unsigned i = 0; i < n; i++)
            fill(p[i], i, 1500);
        f.ends[0]->ops->tx_burst(f.ends[0], p, n, 0);
        sent += n;
    }
    uint64_t received = 0;
    unsigned n;
    while ((n = link_rx_burst(f.ends[1], p, 64, NS_PER_S)) != 0) {
        for (unsigned i = 0; i < n; i++)
            received += load_be16(p[i]->data + 12) == TYPE_TEST;
        packet_release_burst(p, n);
    }
    uint64_t refused = f.ends[0]->counters.drops[LINK_DROP_TX_NO_ROOM];
    uint64_t dropped = f.ends[1]->counters.drops[LINK_DROP_RX_NO_BUFFER];
    assert_true(dropped > 0);                                       /* 96 MB do not fit a buffer of 8 MiB */
    assert_in_range(received + dropped + refused, sent, sent + 10); /* the kernel may add a frame of its own */
    close_ends(&f);
}

/* ---- offload ---- */

/* The next frame of offload_fill's. */
static struct packet *receive_ours(struct link *l)
{
    for (unsigned tries = 0;; tries++) {
        struct packet *p;
        struct pollfd ready = {.fd = l->fd, .events = POLLIN};
        if ((l->ops->arm(l) && poll(&ready, 1, 5000) == 0) || tries == 10000)
            fail_msg("no frame came on %s", l->name);
        if (link_rx_burst(l, &p, 1, 1) == 0)
            continue;
        if (offload_is_ours(p))
            return p;
        packet_release(p);
    }
}

static void send_filled(struct link *l, enum link_alloc kind, uint32_t payload, uint16_t gso_size)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(l, &p, 1, kind), 1);
    offload_fill(p, payload, gso_size);
    l->ops->tx_burst(l, &p, 1, 0);
}

static void check_payload(const struct packet *p, uint32_t length)
{
    assert_int_equal(p->len, OFFLOAD_HEADERS + length);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(p->data[OFFLOAD_HEADERS + i], offload_byte(i));
}

static void packets_of_64_KB_cross_whole_linear_or_in_pieces(void **state)
{
    (void)state;
    static struct fixture f;
    static uint8_t memory[60000];
    struct packet_frag frags[PACKET_MAX_FRAGS];
    open_ends(&f);
    for (unsigned pieces = 0; pieces <= PACKET_MAX_FRAGS; pieces++) {
        struct packet *p;
        assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_LARGE), 1);
        offload_fill(p, 60000, 1448);
        if (pieces)
            offload_scatter(p, pieces, pieces, memory, frags);
        f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
        p = receive_ours(f.ends[1]);
        check_payload(p, 60000);
        assert_int_equal(p->gso, PACKET_GSO_TCP4);
        assert_int_equal(p->gso_size, 1448);
        assert_int_equal(p->checksum, PACKET_CHECKSUM_PARTIAL);
        packet_release(p);
    }
    assert_int_equal(f.ends[0]->counters.bytes_tx, 18 * (60000 + OFFLOAD_HEADERS));
    close_ends(&f);
}

/* Shorter and longer than a frame and a slot of the ring, each with a lone frame behind it. */
static void large_packets_of_all_sizes_cross_in_order(void **state)
{
    (void)state;
    static struct fixture f;
    open_ends(&f);
    for (uint32_t payload = 1400; payload < 2600; payload += 10) {
        send_filled(f.ends[0], LINK_ALLOC_LARGE, payload, 700);
        send_filled(f.ends[0], LINK_ALLOC_DATA, 10, 700);
        struct packet *p = receive_ours(f.ends[1]);
        check_payload(p, payload);
        assert_int_equal(p->gso, PACKET_GSO_TCP4);
        packet_release(p);
        p = receive_ours(f.ends[1]);
        check_payload(p, 10);
        packet_release(p);
    }
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        assert_int_equal(f.ends[0]->counters.drops[i] + f.ends[1]->counters.drops[i], 0);
    close_ends(&f);
}

static void a_partial_checksum_arrives_as_it_left_or_completed(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 4; off++) {
        static struct fixture f;
        struct vnet_offload tx = {.tx_checksum = off & 1}, rx = {.rx_checksum = off & 2};
        open_ends_with(&f, &tx, &rx);
        send_filled(f.ends[0], LINK_ALLOC_DATA, 999, 1448);
        struct packet *p = receive_ours(f.ends[1]), *q;
        bool partial = off == 3;
        assert_int_equal(p->checksum == PACKET_CHECKSUM_PARTIAL, partial);
        check_payload(p, 999);
        assert_int_equal(link_tx_alloc(f.ends[0], &q, 1, LINK_ALLOC_DATA), 1);
        offload_fill(q, 999, 1448);
        assert_int_equal(packet_finish(q), 0);
        if (partial)
            assert_int_equal(packet_finish(p), 0);
        assert_memory_equal(p->data, q->data, q->len);
        packet_release(q);
        packet_release(p);
        close_ends(&f);
    }
}

/*
 * The segments of a packet of offload_fill's, in order and each as it would be on a wire, whatever of its checksum is
 * left to us; with its tag, if any.
 */
static void check_segments(struct link *l, uint32_t payload, uint32_t gso_size, bool tag)
{
    for (uint32_t at = 0; at < payload; at += gso_size) {
        struct packet *p = receive_ours(l);
        uint32_t length = min_u32(gso_size, payload - at);
        assert_int_equal(p->len, OFFLOAD_HEADERS + length);
        assert_int_equal(p->gso, PACKET_GSO_NONE);
        assert_int_equal(load_be32(p->data + 38), 0xffffff00u + at);
        assert_int_equal(p->checksum == PACKET_CHECKSUM_PARTIAL, (l->caps & LINK_CAP_RX_CHECKSUM) != 0);
        assert_int_equal(p->vlan_present, tag);
        p->vlan_present = false; /* packet_finish would put it in */
        assert_int_equal(packet_finish(p), 0);
        uint64_t sum = wire_l4_pseudo_v4(load_be32(p->data + 26), load_be32(p->data + 30), IP_PROTO_TCP, p->len - 34);
        assert_int_equal(checksum_finish(checksum_add(sum, p->data + 34, p->len - 34)), 0);
        for (uint32_t i = 0; i < length; i++)
            assert_int_equal(p->data[OFFLOAD_HEADERS + i], offload_byte(at + i));
        packet_release(p);
    }
}

static void without_gro_a_large_packet_arrives_as_its_segments_in_order(void **state)
{
    (void)state;
    for (unsigned on = 0; on < 2; on++) {
        static struct fixture f;
        struct vnet_offload rx = {.rx_checksum = on};
        open_ends_with(&f, NULL, &rx);
        send_filled(f.ends[0], LINK_ALLOC_DATA, 11, 1448);
        send_filled(f.ends[0], LINK_ALLOC_LARGE, 60000, 1448);
        send_filled(f.ends[0], LINK_ALLOC_DATA, 10, 1448);
        packet_release(receive_ours(f.ends[1]));
        check_segments(f.ends[1], 60000, 1448, false);
        struct packet *p = receive_ours(f.ends[1]);
        check_payload(p, 10);
        packet_release(p);
        assert_int_equal(f.ends[1]->counters.drops[LINK_DROP_RX_TOO_LONG], 0);
        send_filled(f.ends[0], LINK_ALLOC_LARGE, 60000, 1448);
        packet_release(receive_ours(f.ends[1]));
        assert_false(
            f.ends[1]->ops->arm(f.ends[1])); /* the rest waits in the link, of which the descriptor does not know */
        close_ends(&f);
    }
}

/* Without and with a tag; its device computes no checksums either. */
static void what_an_interface_does_not_cut_the_kernel_cuts(void **state)
{
    (void)state;
    static struct fixture f;
    struct vnet_offload rx = {.rx_checksum = false};
    need_pair();
    if (system("ethtool -K wa tx off tso off gso off >/dev/null 2>&1") != 0) {
        print_message("ethtool is missing\n");
        skip();
    }
    open_ends_with(&f, NULL, &rx);
    for (unsigned tag = 0; tag < 2; tag++) {
        struct packet *p;
        assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_LARGE), 1);
        offload_fill(p, 60000, 1448);
        p->vlan_present = tag;
        p->vlan_tci = 5;
        f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
        check_segments(f.ends[1], 60000, 1448, tag);
    }
    assert_int_equal(f.ends[0]->counters.frames_tx, 2);
    assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_ERROR], 0);
    close_ends(&f);
    assert_int_equal(system("ethtool -K wa tx on tso on gso on"), 0);
}

static void a_tag_crosses_with_a_large_packet(void **state)
{
    (void)state;
    static struct fixture f;
    struct packet *p;
    open_ends(&f);
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_LARGE), 1);
    offload_fill(p, 60000, 1448);
    p->vlan_present = true;
    p->vlan_tci = 5;
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
    p = receive_ours(f.ends[1]);
    assert_true(p->vlan_present);
    assert_int_equal(p->vlan_tci, 5);
    assert_int_equal(p->checksum_start, 34);
    check_payload(p, 60000);
    packet_release(p);
    close_ends(&f);
}

/* Two links in one group: each frame comes to one of them. */
static void a_fanout_group_shares_what_comes(void **state)
{
    (void)state;
    static struct fixture f;
    struct link *second = NULL;
    struct af_packet_settings s;
    struct packet *p[LINK_BURST];
    need_pair();
    counting_alloc_init(&f.counting);
    f.ends[0] = open_end(&f, "wa");
    af_packet_settings_default(&s);
    s.interface = "wb";
    s.frames = 256;
    s.fanout = 77;
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &f.ends[1], message), 0);
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &second, message), 0);
    assert_int_equal(link_tx_alloc(f.ends[0], p, 64, LINK_ALLOC_DATA), 64);
    for (unsigned i = 0; i < 64; i++) {
        offload_fill(p[i], 10, 1448);
        store_be16(p[i]->data + 34, (uint16_t)(4711 + i)); /* other flows; only the first is offload_is_ours */
    }
    f.ends[0]->ops->tx_burst(f.ends[0], p, 64, 0);
    unsigned came[2] = {0, 0};
    struct link *const links[2] = {f.ends[1], second};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned n; (n = link_rx_burst(links[i], p, LINK_BURST, 1)) != 0; packet_release_burst(p, n))
            for (unsigned j = 0; j < n; j++)
                came[i] += p[j]->len == OFFLOAD_HEADERS + 10 && p[j]->data[23] == 6;
    assert_int_equal(came[0] + came[1], 64);
    assert_true(came[0] > 0 && came[1] > 0);
    link_close(second);
    close_ends(&f);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    static struct fixture f;
    need_pair();
    counting_alloc_init(&f.counting);
    static const struct {
        const char *interface, *netns;
        uint32_t frames;
        int error;
        const char *says;
    } wrong[] = {{"nosuch0", NULL, 16, ERR_NOT_FOUND, "interface nosuch0: No such device"},
                 {"a-very-long-interface-name", NULL, 16, ERR_NOT_FOUND, "26 characters, at most 15"},
                 {"wa", "/run/netns/nosuch", 16, ERR_NOT_FOUND, "/run/netns/nosuch: No such file"},
                 {"wa", "/dev/null", 16, ERR_SYSTEM, "network namespace /dev/null"},
                 {"lo", NULL, 16, ERR_SYSTEM, "ip link set lo up"},
                 {"wa", NULL, 0, ERR_INVALID, "0 frames"}};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct af_packet_settings s;
        struct link *none = NULL;
        af_packet_settings_default(&s);
        s.interface = wrong[i].interface;
        s.netns = wrong[i].netns;
        s.frames = wrong[i].frames;
        assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &none, message), wrong[i].error);
        if (!strstr(message, wrong[i].says))
            fail_msg("the message \"%s\" does not say \"%s\"", message, wrong[i].says);
        assert_null(none);
        assert_int_equal(f.counting.live_blocks, 0);
    }
}

static void an_interface_of_another_namespace_is_opened_and_this_thread_stays(void **state)
{
    (void)state;
    static struct fixture f;
    need_pair();
    counting_alloc_init(&f.counting);
    char path[32];
    int pair_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(pair_namespace >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pair_namespace);
    assert_int_equal(unshare(CLONE_NEWNET), 0); /* an empty one */
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.interface = "wa";
    s.frames = 16;
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &f.ends[0], message), ERR_NOT_FOUND);
    s.netns = path;
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &f.ends[0], message), 0);
    s.interface = "wb";
    assert_int_equal(af_packet_link_new(&s, &f.counting.allocator, &f.ends[1], message), 0);
    assert_int_not_equal(system("ip link show wa >/dev/null 2>&1"), 0); /* a child is where its parent is */
    struct packet *p;
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    fill(p, 5, 100);
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
    receive(f.ends[1], &p, 1);
    packet_release(p);
    close_ends(&f);
    assert_int_equal(setns(pair_namespace, CLONE_NEWNET), 0);
    close(pair_namespace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_cross_in_order_both_ways),
        cmocka_unit_test(frames_received_can_be_sent_on_and_kept),
        cmocka_unit_test(when_all_frames_are_held_the_kernel_keeps_what_comes),
        cmocka_unit_test(tags_travel_beside_the_frame_and_come_out_on_the_wire),
        cmocka_unit_test(a_frame_over_the_mtu_is_refused_and_the_others_go_on),
        cmocka_unit_test(a_frame_longer_than_a_buffer_is_dropped_and_counted),
        cmocka_unit_test(an_interface_that_goes_down_costs_its_frames_only),
        cmocka_unit_test(drops_of_the_kernel_are_counted),
        cmocka_unit_test(packets_of_64_KB_cross_whole_linear_or_in_pieces),
        cmocka_unit_test(large_packets_of_all_sizes_cross_in_order),
        cmocka_unit_test(a_partial_checksum_arrives_as_it_left_or_completed),
        cmocka_unit_test(without_gro_a_large_packet_arrives_as_its_segments_in_order),
        cmocka_unit_test(what_an_interface_does_not_cut_the_kernel_cuts),
        cmocka_unit_test(a_tag_crosses_with_a_large_packet),
        cmocka_unit_test(a_fanout_group_shares_what_comes),
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(an_interface_of_another_namespace_is_opened_and_this_thread_stays),
    };
    return cmocka_run_group_tests(tests, make_pair, NULL);
}
