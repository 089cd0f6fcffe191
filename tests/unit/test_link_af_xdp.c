/* SPDX-License-Identifier: MIT */
/*
 * link/af_xdp on a veth pair inside a network namespace of this process's own, which vanishes with it: two links send
 * to each other, in the driver and generic; a packet socket's link sends what AF_XDP would not. Needs root; against the
 * kernel's own stack it is tested by tests/interop/xdp.sh.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/af_packet.h"
#include "link/af_xdp.h"
#include "link/interfaces.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"

#define TYPE_TEST 0x88b5 /* IEEE 802.1Q: local experimental */
#define FRAMES 512u

struct fixture {
    struct counting_alloc counting;
    struct link *ends[2];
};

static struct fixture f;
static char message[256];
static const char *skip_reason;

static int run(const char *command) { return system(command); }

/* Two queues each way, of which one is in use. */
static int make_namespace(void **state)
{
    (void)state;
    if (!WEIR_XDP)
        skip_reason = "built without XDP (ENABLE_XDP=OFF)";
    else if (interface_try_xdp_socket() == EAFNOSUPPORT)
        skip_reason = "no AF_XDP: the kernel has no CONFIG_XDP_SOCKETS";
    else if (unshare(CLONE_NEWNET) != 0)
        skip_reason = "no network namespace of our own: unshare(CLONE_NEWNET) needs root";
    else if (run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 && "
                 "ip link add wa numrxqueues 2 numtxqueues 2 type veth peer name wb numrxqueues 2 numtxqueues 2 && ip "
                 "link del wa") != 0)
        skip_reason = "no veth pair: the kernel has no CONFIG_VETH, or iproute2 is missing";
    return 0;
}

/* Each test has a pair of its own, wa-wb. */
static int make_pair(void **state)
{
    (void)state;
    counting_alloc_init(&f.counting);
    f.ends[0] = f.ends[1] = NULL;
    if (skip_reason)
        return 0;
    return run("ip link add wa numrxqueues 2 numtxqueues 2 address 02:00:00:00:0a:01 type veth"
               " peer name wb numrxqueues 2 numtxqueues 2 address 02:00:00:00:0b:02 && "
               "ethtool -L wa rx 1 tx 1 2>/dev/null; ethtool -L wb rx 1 tx 1 2>/dev/null; "
               "ip link set wa up && ip link set wb up");
}

static int remove_pair(void **state)
{
    (void)state;
    if (!skip_reason)
        (void)run("ip link del wa 2>/dev/null");
    return 0;
}

static void need_pair(void)
{
    if (skip_reason) {
        print_message("%s\n", skip_reason);
        skip();
    }
}

static int try_open(const char *interface, const char *netns, uint32_t frames, struct link **out)
{
    struct af_xdp_settings s;
    af_xdp_settings_default(&s);
    s.interface = interface;
    s.netns = netns;
    s.frames = frames;
    return af_xdp_link_new(&s, &f.counting.allocator, out, message);
}

static struct link *open_xdp(const char *interface)
{
    struct link *l = NULL;
    int error = try_open(interface, NULL, FRAMES, &l);
    if (error)
        fail_msg("%s: %s", err_name(error), message);
    return l;
}

static struct link *open_packet(const char *interface)
{
    struct af_packet_settings s;
    struct link *l = NULL;
    af_packet_settings_default(&s);
    s.interface = interface;
    s.frames = FRAMES;
    int error = af_packet_link_new(&s, &f.counting.allocator, &l, message);
    if (error)
        fail_msg("%s: %s", err_name(error), message);
    return l;
}

/* A driver refuses a program when its peer's frames may be longer than a page: then it is generic. */
static void open_ends(bool native)
{
    need_pair();
    if (!native)
        assert_int_equal(run("ip link set wa mtu 9000 && ip link set wb mtu 9000"), 0);
    if (!native) /* the frames of both are 1500 bytes again, what each is the peer of is not when it is opened */
        assert_int_equal(run("ip link set wa mtu 1500"), 0);
    f.ends[0] = open_xdp("wa");
    if (!native)
        assert_int_equal(run("ip link set wa mtu 9000 && ip link set wb mtu 1500"), 0);
    f.ends[1] = open_xdp("wb");
    if (!native)
        assert_int_equal(run("ip link set wa mtu 1500"), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(f.ends[i]->note, native ? "native, copied" : "generic, copied");
}

/* Closing asserts that every packet is home or the kernel's. */
static void close_ends(void)
{
    link_close(f.ends[0]);
    link_close(f.ends[1]);
    assert_int_equal(f.counting.live_blocks, 0);
}

static void fill(struct packet *p, uint32_t number, uint32_t length)
{
    memset(p->data, (int)number, length);
    memset(p->data, 0xff, 6);
    store_be16(p->data + 12, TYPE_TEST);
    store_be32(p->data + 14, number);
    p->len = length;
}

static void send_test(struct link *l, uint32_t number, uint32_t length)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(l, &p, 1, LINK_ALLOC_DATA), 1);
    fill(p, number, length);
    l->ops->tx_burst(l, &p, 1, 0);
}

/* Frames of this test, in order; others (the kernel's own) are passed over. Waits until n came. */
static void receive(struct link *l, struct packet **packets, unsigned n)
{
    unsigned have = 0;
    for (unsigned tries = 0; have < n; tries++) {
        struct pollfd ready = {.fd = l->fd, .events = POLLIN};
        struct packet *burst[LINK_BURST];
        assert_true(l->ops->arm(l));
        if (poll(&ready, 1, 5000) == 0 || tries == 10000 * n)
            fail_msg("%u of %u frames came", have, n);
        unsigned got = link_rx_burst(l, burst, min_u32(LINK_BURST, n - have), 12345);
        for (unsigned i = 0; i < got; i++) {
            if (load_be16(burst[i]->data + 12) == TYPE_TEST)
                packets[have++] = burst[i];
            else
                packet_release(burst[i]);
        }
    }
}

static struct packet *receive_one(struct link *l)
{
    struct packet *p;
    receive(l, &p, 1);
    return p;
}

static void nothing_was_dropped(void)
{
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        if (f.ends[0]->counters.drops[i] + f.ends[1]->counters.drops[i] != 0)
            fail_msg("dropped: %s", link_drop_name((enum link_drop)i));
}

/* What the kernel counts is read at a burst some time later. */
static uint64_t drops(struct link *l, enum link_drop cause)
{
    static int64_t later = NS_PER_S;
    struct packet *p;
    later += NS_PER_S;
    while (link_rx_burst(l, &p, 1, later) == 1)
        packet_release(p);
    return l->counters.drops[cause];
}

static void cross(bool native)
{
    open_ends(native);
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
    nothing_was_dropped();
    close_ends();
}

static void frames_cross_in_order_both_ways_in_the_driver(void **state)
{
    (void)state;
    cross(true);
}

static void frames_cross_in_order_both_ways_generic(void **state)
{
    (void)state;
    cross(false);
}

static void frames_received_can_be_sent_on_and_kept(void **state)
{
    (void)state;
    open_ends(true);
    struct packet *p[100], *kept[100];
    unsigned n_kept = 0;
    for (unsigned round = 0; round < 200; round++) {
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
    nothing_was_dropped();
    close_ends();
}

/* As in a bridge: what one link received leaves by the other, which copies it into its own memory. */
static void frames_of_another_link_are_copied_and_go_home(void **state)
{
    (void)state;
    struct packet *p[LINK_BURST];
    open_ends(true);
    for (unsigned round = 0; round < 50; round++) {
        assert_int_equal(link_tx_alloc(f.ends[0], p, LINK_BURST, LINK_ALLOC_DATA), LINK_BURST);
        for (unsigned i = 0; i < LINK_BURST; i++)
            fill(p[i], i, 1000);
        f.ends[1]->ops->tx_burst(f.ends[1], p, LINK_BURST, 0);
        receive(f.ends[0], p, LINK_BURST);
        for (unsigned i = 0; i < LINK_BURST; i++)
            assert_int_equal(load_be32(p[i]->data + 14), i);
        packet_release_burst(p, LINK_BURST);
    }
    nothing_was_dropped();
    close_ends();
}

static void without_a_frame_for_a_copy_it_is_counted(void **state)
{
    (void)state;
    struct packet *all[FRAMES], *p;
    open_ends(true);
    unsigned n = link_tx_alloc(f.ends[1], all, FRAMES, LINK_ALLOC_CONTROL);
    assert_int_equal(n, FRAMES);
    assert_int_equal(link_tx_alloc(f.ends[1], &p, 1, LINK_ALLOC_CONTROL), 0);
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    fill(p, 1, 100);
    f.ends[1]->ops->tx_burst(f.ends[1], &p, 1, 0);
    assert_int_equal(f.ends[1]->counters.drops[LINK_DROP_TX_NO_ROOM], 1);
    packet_release_burst(all, n);
    close_ends();
}

static void when_all_frames_are_held_what_comes_is_counted_once_each(void **state)
{
    (void)state;
    static struct packet *held[FRAMES];
    struct packet *p;
    open_ends(true);
    for (unsigned i = 0; i < FRAMES; i++) {
        send_test(f.ends[0], i, 100);
        held[i] = receive_one(f.ends[1]);
    }
    for (unsigned i = 1; i <= 3; i++) {
        send_test(f.ends[0], 1000, 100);
        assert_int_equal(drops(f.ends[1], LINK_DROP_RX_NO_BUFFER), i);
    }
    assert_int_equal(drops(f.ends[1], LINK_DROP_RX_TOO_LONG), 0);
    packet_release(held[0]);
    (void)drops(f.ends[1], LINK_DROP_RX_NO_BUFFER);
    send_test(f.ends[0], 1001, 100);
    p = receive_one(f.ends[1]);
    assert_int_equal(load_be32(p->data + 14), 1001);
    packet_release(p);
    packet_release_burst(held + 1, FRAMES - 1);
    close_ends();
}

/* The interface's MTU grew behind the link's back. */
static void a_frame_longer_than_a_buffer_is_counted(void **state)
{
    (void)state;
    need_pair();
    f.ends[1] = open_xdp("wb");
    assert_int_equal(run("ip link set wa mtu 3000 && ip link set wb mtu 3000"), 0);
    f.ends[0] = open_packet("wa");
    send_test(f.ends[0], 1, 1664);
    packet_release(receive_one(f.ends[1]));
    send_test(f.ends[0], 2, 1665);
    assert_int_equal(drops(f.ends[1], LINK_DROP_RX_TOO_LONG), 1);
    assert_int_equal(drops(f.ends[1], LINK_DROP_RX_NO_BUFFER), 0);
    send_test(f.ends[0], 3, 100);
    struct packet *p = receive_one(f.ends[1]);
    assert_int_equal(load_be32(p->data + 14), 3);
    packet_release(p);
    close_ends();
}

static void frames_of_a_large_mtu_are_carried_up_to_a_page(void **state)
{
    (void)state;
    need_pair();
    assert_int_equal(run("ip link set wa mtu 3400 && ip link set wb mtu 3400"), 0);
    f.ends[0] = open_xdp("wa");
    f.ends[1] = open_xdp("wb");
    for (unsigned i = 0; i < 100; i++) {
        send_test(f.ends[0], i, 3414);
        struct packet *p = receive_one(f.ends[1]);
        assert_int_equal(p->len, 3414);
        assert_int_equal(p->data[3413], i);
        packet_release(p);
    }
    nothing_was_dropped();
    close_ends();
}

static void a_tag_beside_the_frame_comes_out_in_it(void **state)
{
    (void)state;
    struct packet *p;
    open_ends(true);
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_CONTROL), 1);
    fill(p, 77, 1514);
    p->vlan_present = true;
    p->vlan_tci = 0x6005;
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
    assert_int_equal(f.ends[0]->counters.bytes_tx, 1518);
    for (unsigned tries = 0; link_rx_burst(f.ends[1], &p, 1, 1) == 0; tries++)
        assert_true(tries < 10000);
    assert_int_equal(p->len, 1518);
    assert_int_equal(load_be32(p->data + 12), 0x81006005);
    assert_int_equal(load_be16(p->data + 16), TYPE_TEST);
    assert_false(p->vlan_present);
    packet_release(p);
    close_ends();
}

static void what_cannot_be_a_frame_is_refused_and_the_others_go_on(void **state)
{
    (void)state;
    struct packet *p[5];
    open_ends(true);
    assert_int_equal(link_tx_alloc(f.ends[0], p, 5, LINK_ALLOC_DATA), 5);
    for (unsigned i = 0; i < 5; i++)
        fill(p[i], i, 100);
    fill(p[1], 1, 1515);
    p[2]->len = 13;
    p[3]->checksum = PACKET_CHECKSUM_PARTIAL;
    p[3]->checksum_start = 99;
    p[3]->checksum_offset = 16;
    f.ends[0]->ops->tx_burst(f.ends[0], p, 5, 0);
    assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_ERROR], 2);
    assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_MALFORMED], 1);
    assert_int_equal(f.ends[0]->counters.frames_tx, 2);
    receive(f.ends[1], p, 2);
    assert_int_equal(load_be32(p[1]->data + 14), 4);
    packet_release_burst(p, 2);
    close_ends();
}

static void checksums_are_filled_in_before_they_leave_and_unfilled_ones_are_dropped(void **state)
{
    (void)state;
    struct packet *p;
    need_pair();
    f.ends[0] = open_packet("wa"); /* it leaves them to whoever comes next */
    f.ends[1] = open_xdp("wb");
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    offload_fill(p, 999, 1448);
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0);
    assert_int_equal(drops(f.ends[1], LINK_DROP_RX_UNFILLED), 1);
    assert_int_equal(link_tx_alloc(f.ends[1], &p, 1, LINK_ALLOC_DATA), 1);
    offload_fill(p, 999, 1448);
    f.ends[1]->ops->tx_burst(f.ends[1], &p, 1, 0);
    struct packet *q, *mine = NULL;
    for (unsigned tries = 0; !mine; tries++) {
        assert_true(tries < 10000);
        if (link_rx_burst(f.ends[0], &q, 1, 1) == 0)
            continue;
        if (offload_is_ours(q))
            mine = q;
        else
            packet_release(q);
    }
    assert_int_equal(link_tx_alloc(f.ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    offload_fill(p, 999, 1448);
    assert_int_equal(packet_finish(p), 0);
    assert_int_equal(mine->len, p->len);
    assert_memory_equal(mine->data, p->data, p->len);
    packet_release(mine);
    f.ends[0]->ops->tx_burst(f.ends[0], &p, 1, 0); /* filled in */
    for (unsigned tries = 0; link_rx_burst(f.ends[1], &p, 1, 1) == 0; tries++)
        assert_true(tries < 10000);
    assert_true(offload_is_ours(p));
    packet_release(p);
    assert_int_equal(f.ends[1]->counters.drops[LINK_DROP_RX_UNFILLED], 1);
    close_ends();
}

static void an_interface_that_goes_down_costs_its_frames_only(void **state)
{
    (void)state;
    struct packet *p[64];
    open_ends(true);
    assert_int_equal(run("ip link set wa down"), 0);
    send_test(f.ends[0], 1, 100); /* waits */
    for (unsigned i = 0; i < 10; i++)
        send_test(f.ends[0], 2, 100);
    assert_int_equal(drops(f.ends[0], LINK_DROP_TX_ERROR), 10);
    assert_int_equal(link_rx_burst(f.ends[0], p, 64, 0), 0);
    assert_int_equal(run("ip link set wa up"), 0);
    send_test(f.ends[0], 3, 100);
    receive(f.ends[1], p, 2);
    assert_int_equal(load_be32(p[0]->data + 14), 1);
    assert_int_equal(load_be32(p[1]->data + 14), 3);
    packet_release_burst(p, 2);
    send_test(f.ends[1], 4, 100);
    packet_release(receive_one(f.ends[0]));
    assert_int_equal(f.ends[0]->counters.frames_tx, 2);
    close_ends();
}

static void a_peer_that_is_down_costs_its_frames_only(void **state)
{
    (void)state;
    open_ends(true);
    assert_int_equal(run("ip link set wb down"), 0);
    for (unsigned i = 1; i <= 5; i++) {
        send_test(f.ends[0], i, 100);
        assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_NO_ROOM], i);
    }
    assert_int_equal(f.ends[0]->counters.frames_tx, 0);
    assert_int_equal(f.ends[0]->counters.bytes_tx, 0);
    assert_int_equal(run("ip link set wb up"), 0);
    send_test(f.ends[0], 9, 100);
    struct packet *p = receive_one(f.ends[1]);
    assert_int_equal(load_be32(p->data + 14), 9);
    packet_release(p);
    close_ends();
}

static void an_interface_that_is_removed_refuses_what_is_sent(void **state)
{
    (void)state;
    struct packet *p;
    open_ends(true);
    assert_int_equal(run("ip link del wa"), 0);
    send_test(f.ends[0], 1, 100); /* waits for ever */
    for (unsigned i = 1; i <= 1000; i++) {
        send_test(f.ends[0], 2, 100);
        assert_int_equal(f.ends[0]->counters.drops[LINK_DROP_TX_ERROR], i);
    }
    assert_int_equal(link_rx_burst(f.ends[0], &p, 1, 2 * NS_PER_S), 0);
    close_ends();
}

static void stay_on_processor(unsigned number)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number, &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

/* A packet socket that bypasses the queueing discipline sends by the queue of its processor. */
static void send_by_both_queues(struct link *l)
{
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        print_message("one processor: all frames would go by one queue\n");
        skip();
    }
    for (unsigned i = 0; i < 20; i++) {
        stay_on_processor(i & 1);
        send_test(l, i, 100);
    }
}

static void every_queue_has_its_socket(void **state)
{
    (void)state;
    struct packet *p[20];
    uint32_t seen = 0;
    need_pair();
    assert_int_equal(run("ethtool -L wb rx 2 tx 2 && ethtool -L wa rx 2 tx 2"), 0);
    f.ends[0] = open_packet("wa");
    f.ends[1] = open_xdp("wb");
    send_by_both_queues(f.ends[0]);
    receive(f.ends[1], p, 20);
    for (unsigned i = 0; i < 20; i++)
        seen |= 1u << load_be32(p[i]->data + 14);
    assert_int_equal(seen, (1u << 20) - 1);
    packet_release_burst(p, 20);
    send_test(f.ends[1], 7, 100);
    packet_release(receive_one(f.ends[0]));
    nothing_was_dropped();
    close_ends();
}

/* veth has a new queue run the program only when it is set up again. */
static void what_comes_by_a_queue_without_a_socket_is_counted(void **state)
{
    (void)state;
    struct packet *p[10];
    need_pair();
    f.ends[0] = open_packet("wa");
    f.ends[1] = open_xdp("wb");
    assert_int_equal(run("ethtool -L wb rx 2 && ethtool -L wa tx 2 && ip link set wb down && ip link set wb up"), 0);
    send_by_both_queues(f.ends[0]);
    receive(f.ends[1], p, 10);
    packet_release_burst(p, 10);
    assert_int_equal(drops(f.ends[1], LINK_DROP_RX_NO_SOCKET), 10);
    close_ends();
}

static void says(const char *what)
{
    if (!strstr(message, what))
        fail_msg("the message \"%s\" does not say \"%s\"", message, what);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    need_pair();
    static const struct {
        const char *before, *interface, *netns;
        uint32_t frames;
        int error;
        const char *says;
    } wrong[] = {
        {"true", "nosuch0", NULL, 16, ERR_NOT_FOUND, "interface nosuch0: No such device"},
        {"true", "a-very-long-interface-name", NULL, 16, ERR_NOT_FOUND, "26 characters, at most 15"},
        {"true", "wa", "/run/netns/nosuch", 16, ERR_NOT_FOUND, "/run/netns/nosuch: No such file"},
        {"true", "wa", "/dev/null", 16, ERR_SYSTEM, "network namespace /dev/null"},
        {"true", "lo", NULL, 16, ERR_SYSTEM, "ip link set lo up"},
        {"true", "wa", NULL, 0, ERR_INVALID, "0 frames"},
        {"ip link set wa mtu 9000", "wa", NULL, 16, ERR_UNSUPPORTED, "MTU of 9000, AF_XDP frames have at most 3690"}};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct link *none = NULL;
        assert_int_equal(run(wrong[i].before), 0);
        assert_int_equal(try_open(wrong[i].interface, wrong[i].netns, wrong[i].frames, &none), wrong[i].error);
        says(wrong[i].says);
        assert_null(none);
        assert_int_equal(f.counting.live_blocks, 0);
    }
}

static void a_second_opener_is_told(void **state)
{
    (void)state;
    struct link *second = NULL;
    open_ends(true);
    assert_int_equal(try_open("wa", NULL, 16, &second), ERR_IN_USE);
    says("wa: another program is attached");
    send_test(f.ends[0], 1, 100); /* the first one's is untouched */
    packet_release(receive_one(f.ends[1]));
    send_test(f.ends[1], 2, 100);
    packet_release(receive_one(f.ends[0]));
    link_close(f.ends[0]);
    f.ends[0] = open_xdp("wa");
    close_ends();
}

static void without_rights_it_says_which_are_needed(void **state)
{
    (void)state;
    need_pair();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct link *none = NULL;
        bool right = setresuid(65534, 65534, 65534) == 0 && try_open("wa", NULL, 16, &none) == ERR_DENIED &&
                     strstr(message, "CAP_NET_ADMIN") != NULL && f.counting.live_blocks == 0;
        if (!right)
            print_message("%s\n", message);
        _exit(!right);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void an_interface_of_another_namespace_is_opened_and_this_thread_stays(void **state)
{
    (void)state;
    char path[32];
    need_pair();
    int pair_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(pair_namespace >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pair_namespace);
    assert_int_equal(unshare(CLONE_NEWNET), 0); /* an empty one */
    assert_int_equal(try_open("wa", NULL, 16, &f.ends[0]), ERR_NOT_FOUND);
    assert_int_equal(try_open("wa", path, 16, &f.ends[0]), 0);
    assert_int_equal(try_open("wb", path, 16, &f.ends[1]), 0);
    assert_int_not_equal(run("ip link show wa >/dev/null 2>&1"), 0); /* a child is where its parent is */
    send_test(f.ends[0], 5, 100);
    packet_release(receive_one(f.ends[1]));
    close_ends();
    assert_int_equal(setns(pair_namespace, CLONE_NEWNET), 0);
    close(pair_namespace);
}

#define ON_A_PAIR(test) cmocka_unit_test_setup_teardown(test, make_pair, remove_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_PAIR(frames_cross_in_order_both_ways_in_the_driver),
        ON_A_PAIR(frames_cross_in_order_both_ways_generic),
        ON_A_PAIR(frames_received_can_be_sent_on_and_kept),
        ON_A_PAIR(frames_of_another_link_are_copied_and_go_home),
        ON_A_PAIR(without_a_frame_for_a_copy_it_is_counted),
        ON_A_PAIR(when_all_frames_are_held_what_comes_is_counted_once_each),
        ON_A_PAIR(a_frame_longer_than_a_buffer_is_counted),
        ON_A_PAIR(frames_of_a_large_mtu_are_carried_up_to_a_page),
        ON_A_PAIR(a_tag_beside_the_frame_comes_out_in_it),
        ON_A_PAIR(what_cannot_be_a_frame_is_refused_and_the_others_go_on),
        ON_A_PAIR(checksums_are_filled_in_before_they_leave_and_unfilled_ones_are_dropped),
        ON_A_PAIR(an_interface_that_goes_down_costs_its_frames_only),
        ON_A_PAIR(a_peer_that_is_down_costs_its_frames_only),
        ON_A_PAIR(an_interface_that_is_removed_refuses_what_is_sent),
        ON_A_PAIR(every_queue_has_its_socket),
        ON_A_PAIR(what_comes_by_a_queue_without_a_socket_is_counted),
        ON_A_PAIR(what_cannot_be_opened_is_named),
        ON_A_PAIR(a_second_opener_is_told),
        ON_A_PAIR(without_rights_it_says_which_are_needed),
        ON_A_PAIR(an_interface_of_another_namespace_is_opened_and_this_thread_stays),
    };
    return cmocka_run_group_tests(tests, make_namespace, NULL);
}
