/* SPDX-License-Identifier: MIT */
/*
 * link/tap in a network namespace of this process's own, which vanishes with it: on the kernel's side of the device
 * stands link/af_packet, so that both ends are ours and the kernel is between. Needs root and /dev/net/tun. What the
 * kernel would not send is sent through a socket pair in its place.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/af_packet.h"
#include "link/frames.h"
#include "link/tap.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"
#include "vxlan_frames.h"

#define BULK 60000u
#define GSO_SIZE 1000u

static struct counting_alloc counting;
static char message[256];
static const char *skip_reason;

static int set_up(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0)
        skip_reason = "no network namespace of our own: unshare(CLONE_NEWNET) needs root";
    else if (access("/dev/net/tun", R_OK | W_OK) != 0)
        skip_reason = "no /dev/net/tun: the kernel has no CONFIG_TUN, or it is not ours to open";
    else if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null") < 0)
        skip_reason = "no shell";
    return 0;
}

static void need_tap(void)
{
    if (skip_reason) {
        print_message("%s\n", skip_reason);
        skip();
    }
    counting_alloc_init(&counting);
}

static struct tap_settings settings_for(const char *name)
{
    struct tap_settings s;
    tap_settings_default(&s);
    s.name = name;
    s.frames = 256;
    return s;
}

static struct link *open_tap(const struct tap_settings *s)
{
    struct link *l = NULL;
    int e = tap_links_new(s, &counting.allocator, &l, message);
    if (e)
        fail_msg("%s: %s", err_name(e), message);
    return l;
}

static struct link *open_kernel_side(const char *name)
{
    struct af_packet_settings s;
    struct link *l = NULL;
    af_packet_settings_default(&s);
    s.interface = name;
    s.frames = 256;
    int e = af_packet_link_new(&s, &counting.allocator, &l, message);
    if (e)
        fail_msg("%s: %s", err_name(e), message);
    return l;
}

static void close_links(struct link *a, struct link *b)
{
    link_close(a);
    link_close(b);
    assert_int_equal(counting.live_blocks, 0);
}

static void wait_for_frame(struct link *l)
{
    struct pollfd ready = {.fd = l->fd, .events = POLLIN};
    assert_true(l->ops->arm(l));
    if (poll(&ready, 1, 5000) == 0)
        fail_msg("no frame came on %s", l->name);
}

/* The next frame of offload_fill's; others are passed over. */
static struct packet *receive(struct link *l)
{
    struct packet *p;
    for (unsigned tries = 0; tries < 10000; tries++) {
        if (link_rx_burst(l, &p, 1, 12345) == 0)
            wait_for_frame(l);
        else if (offload_is_ours(p))
            return p;
        else
            packet_release(p);
    }
    fail_msg("%s is readable, and gives nothing", l->name);
    return NULL;
}

static struct packet *get(struct link *l, enum link_alloc kind)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(l, &p, 1, kind), 1);
    return p;
}

static void send_one(struct link *l, struct packet *p) { l->ops->tx_burst(l, &p, 1, 0); }

static void check_payload(const struct packet *p, uint32_t from, uint32_t length)
{
    assert_int_equal(p->len, OFFLOAD_HEADERS + length);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(p->data[OFFLOAD_HEADERS + i], offload_byte(from + i));
}

static void check_no_drops(const struct link *l)
{
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        if (l->counters.drops[i])
            fail_msg("%s dropped %u as %s", l->name, (unsigned)l->counters.drops[i], link_drop_name(i));
}

static void frames_cross_both_ways_with_their_checksum_state(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    struct link *ends[2] = {open_tap(&s), NULL};
    ends[1] = open_kernel_side("wt0");
    assert_memory_not_equal(ends[0]->mac, ends[1]->mac, 6);
    for (unsigned i = 0; i < 200; i++) {
        struct link *from = ends[i & 1], *to = ends[!(i & 1)];
        struct packet *p = get(from, LINK_ALLOC_DATA);
        offload_fill(p, i * 7, GSO_SIZE + 500);
        send_one(from, p);
        p = receive(to);
        check_payload(p, 0, i * 7);
        assert_int_equal(p->rx_ns, 12345);
        assert_int_equal(p->checksum, PACKET_CHECKSUM_PARTIAL);
        assert_int_equal(p->checksum_start, 34);
        packet_release(p);
    }
    check_no_drops(ends[0]);
    assert_int_equal(ends[0]->counters.frames_tx, 100);
    close_links(ends[0], ends[1]);
}

static void large_packets_cross_both_ways(void **state)
{
    (void)state;
    need_tap();
    static uint8_t memory[BULK];
    struct tap_settings s = settings_for("wt0");
    struct link *ends[2] = {open_tap(&s), NULL};
    ends[1] = open_kernel_side("wt0");
    for (unsigned i = 0; i < 40; i++) {
        struct link *from = ends[i & 1], *to = ends[!(i & 1)];
        struct packet_frag frags[PACKET_MAX_FRAGS];
        struct packet *p = get(from, LINK_ALLOC_LARGE);
        assert_int_equal(from->caps & (LINK_CAP_TSO | LINK_CAP_SCATTER | LINK_CAP_GRO),
                         LINK_CAP_TSO | LINK_CAP_SCATTER | LINK_CAP_GRO);
        assert_int_equal(from->gso_max, 65535);
        offload_fill(p, BULK, GSO_SIZE);
        if (i & 2)
            offload_scatter(p, i * 10, 1 + i % PACKET_MAX_FRAGS, memory, frags);
        send_one(from, p);
        p = receive(to);
        check_payload(p, 0, BULK);
        assert_int_equal(p->gso, PACKET_GSO_TCP4);
        assert_int_equal(p->gso_size, GSO_SIZE);
        assert_int_equal(p->checksum, PACKET_CHECKSUM_PARTIAL);
        packet_release(p);
    }
    assert_int_equal(ends[0]->counters.bytes_tx, 20 * (OFFLOAD_HEADERS + BULK));
    check_no_drops(ends[0]);
    close_links(ends[0], ends[1]);
}

/* Needs Linux 6.2: an older kernel cuts for us, and takes no such packets. */
static void datagrams_of_one_packet_cross_both_ways_and_are_cut_where_they_arrive(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    struct link *ends[2] = {open_tap(&s), NULL};
    ends[1] = open_kernel_side("wt0");
    for (unsigned i = 0; i < 40; i++) {
        struct link *from = ends[i & 1], *to = ends[!(i & 1)];
        struct packet *p = get(from, LINK_ALLOC_LARGE);
        uint32_t last = 30 + i;
        assert_int_equal(from->caps & LINK_CAP_USO, LINK_CAP_USO);
        offload_fill_udp(p, 50 * GSO_SIZE + last, GSO_SIZE);
        uint64_t sent = from->counters.frames_tx;
        link_tx_burst(from, &p, 1, 0);
        assert_int_equal(from->counters.frames_tx, sent + 1);
        for (uint32_t at = 0; at <= 50 * GSO_SIZE; at += GSO_SIZE) {
            p = receive(to);
            uint32_t length = at == 50 * GSO_SIZE ? last : GSO_SIZE;
            assert_int_equal(p->gso, PACKET_GSO_NONE);
            assert_int_equal(p->len, OFFLOAD_UDP_HEADERS + length);
            assert_int_equal(load_be16(p->data + 38), 8 + length);
            for (uint32_t j = 0; j < length; j++)
                assert_int_equal(p->data[OFFLOAD_UDP_HEADERS + j], offload_byte(at + j));
            packet_release(p);
        }
    }
    check_no_drops(ends[0]);
    check_no_drops(ends[1]);
    close_links(ends[0], ends[1]);
}

/*
 * A packet socket whose frames pass the queueing discipline, where the kernel cuts what the device does not take whole.
 */
static void send_through_kernel(const char *name, const struct packet *p, const struct virtio_net_hdr *h)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name), .sll_halen = 6};
    static uint8_t bytes[sizeof *h + 65536 + 64];
    assert_true(fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0);
    memcpy(bytes, h, sizeof *h);
    memcpy(bytes + sizeof *h, p->data, p->len);
    assert_int_equal(sendto(fd, bytes, sizeof *h + p->len, 0, (const struct sockaddr *)(const void *)&at, sizeof at),
                     sizeof *h + p->len);
    close(fd);
}

static void the_kernel_cuts_as_packet_segment_does(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    s.offload = (struct vnet_offload){.tx_checksum = true, .tso = true};
    struct link *tap = open_tap(&s);
    struct packet *p = get(tap, LINK_ALLOC_LARGE), *ours = get(tap, LINK_ALLOC_DATA);
    struct virtio_net_hdr h;
    struct packet_segmenter cut;
    offload_fill(p, BULK, 1448);
    p->data[47] |= 0x81; /* CWR, FIN */
    assert_int_equal(vnet_write(p, tap->caps, &h), 0);
    send_through_kernel("wt0", p, &h);
    int count = packet_segment_begin(&cut, p, false);
    assert_int_equal(count, 42);
    for (int i = 0; i < count; i++) {
        struct packet *kernels = receive(tap);
        ours->len = 0;
        assert_int_equal(packet_segment_next(&cut, ours), 0);
        assert_int_equal(kernels->len, ours->len);
        assert_memory_equal(kernels->data, ours->data, ours->len);
        assert_int_equal(kernels->checksum, PACKET_CHECKSUM_UNKNOWN);
        packet_release(kernels);
    }
    packet_release(p);
    packet_release(ours);
    check_no_drops(tap);
    close_links(tap, NULL);
}

static void large_frames_come_home(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    struct link *tap = open_tap(&s);
    struct packet *large[LINK_BURST];
    for (unsigned round = 0; round < 10; round++) {
        assert_int_equal(link_tx_alloc(tap, large, LINK_BURST, LINK_ALLOC_LARGE), LINK_BURST);
        for (unsigned i = 0; i < LINK_BURST; i++)
            offload_fill(large[i], BULK, GSO_SIZE);
        tap->ops->tx_burst(tap, large, LINK_BURST, 0);
    }
    assert_int_equal(tap->counters.frames_tx, 10 * LINK_BURST);
    close_links(tap, NULL);
}

static void a_device_of_several_queues_is_several_links(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wtq");
    struct link *queues[4];
    s.queues = 4;
    assert_int_equal(tap_links_new(&s, &counting.allocator, queues, message), 0);
    struct link *kernel = open_kernel_side("wtq");
    for (unsigned i = 0; i < 4; i++) {
        assert_memory_equal(queues[i]->mac, queues[0]->mac, 6);
        struct packet *p = get(queues[i], LINK_ALLOC_DATA);
        offload_fill(p, 10 + i, GSO_SIZE);
        send_one(queues[i], p);
        p = receive(kernel);
        check_payload(p, 0, 10 + i);
        packet_release(p);
    }
    struct packet *p = get(kernel, LINK_ALLOC_DATA), *burst[4];
    offload_fill(p, 99, GSO_SIZE);
    send_one(kernel, p);
    unsigned came = 0;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned n; (n = link_rx_burst(queues[i], burst, 4, 0)) != 0; packet_release_burst(burst, n))
            for (unsigned j = 0; j < n; j++)
                came += offload_is_ours(burst[j]);
    assert_int_equal(came, 1);
    for (unsigned i = 0; i < 4; i++)
        link_close(queues[i]);
    close_links(kernel, NULL);
}

static void mtu_address_and_state_are_set(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    s.mtu = 9000;
    s.address = 0xc6336402u;
    s.prefix = 25;
    struct link *tap = open_tap(&s);
    assert_int_equal(tap->mtu, 9000);
    assert_string_equal(tap->name, "tap:wt0");
    assert_int_equal(system("ip -4 addr show dev wt0 | grep -q 'inet 198.51.100.2/25 '"), 0);
    assert_int_equal(system("ip link show dev wt0 | grep -q 'mtu 9000'"), 0);
    assert_int_equal(system("ip link show dev wt0 | grep -q '[<,]UP[,>]'"), 0);
    close_links(tap, NULL);
    assert_int_not_equal(system("ip link show wt0 >/dev/null 2>&1"), 0);
}

static void a_device_that_goes_down_costs_its_frames_only(void **state)
{
    (void)state;
    need_tap();
    struct tap_settings s = settings_for("wt0");
    struct link *tap = open_tap(&s), *kernel = open_kernel_side("wt0");
    assert_int_equal(system("ip link set wt0 down"), 0);
    struct packet *p = get(tap, LINK_ALLOC_DATA);
    offload_fill(p, 10, GSO_SIZE);
    send_one(tap, p);
    assert_int_equal(tap->counters.drops[LINK_DROP_TX_ERROR], 1);
    assert_int_equal(link_rx_burst(tap, &p, 1, 0), 0);
    assert_int_equal(system("ip link set wt0 up"), 0);
    p = get(tap, LINK_ALLOC_DATA);
    offload_fill(p, 10, GSO_SIZE);
    send_one(tap, p);
    packet_release(receive(kernel));
    close_links(tap, kernel);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    need_tap();
    assert_int_equal(system("ip link add wtv type veth peer name wtw"), 0);
    struct tap_settings s = settings_for("wtbusy");
    struct link *busy = open_tap(&s), *none[2] = {NULL, NULL};
    size_t blocks = counting.live_blocks;
    static const struct {
        const char *name, *netns;
        uint32_t mtu, queues, frames;
        int error;
        const char *says;
    } wrong[] = {{"wtbusy", NULL, 1500, 1, 16, ERR_IN_USE, "tap wtbusy: another program has this device open"},
                 {"wtv", NULL, 1500, 1, 16, ERR_UNSUPPORTED, "no TAP device with 1 queue"},
                 {"wtbusy", NULL, 1500, 2, 16, ERR_UNSUPPORTED, "2 queues (multi_queue)"},
                 {"a-very-long-interface-name", NULL, 1500, 1, 16, ERR_INVALID, "26 characters, 1 to 15"},
                 {"", NULL, 1500, 1, 16, ERR_INVALID, "0 characters"},
                 {"wt0", NULL, 67, 1, 16, ERR_INVALID, "found mtu 67, allowed 68 to 65521"},
                 {"wt0", NULL, 1500, 0, 16, ERR_INVALID, "found 0 queues, allowed 1 to 64"},
                 {"wt0", NULL, 1500, 2, 0, ERR_INVALID, "0 frames"},
                 {"wt0", "/run/netns/nosuch", 1500, 1, 16, ERR_NOT_FOUND, "/run/netns/nosuch: No such file"},
                 {"wt0", "/dev/null", 1500, 1, 16, ERR_SYSTEM, "network namespace /dev/null"}};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        s = settings_for(wrong[i].name);
        s.netns = wrong[i].netns;
        s.mtu = wrong[i].mtu;
        s.queues = wrong[i].queues;
        s.frames = wrong[i].frames;
        assert_int_equal(tap_links_new(&s, &counting.allocator, none, message), wrong[i].error);
        if (!strstr(message, wrong[i].says))
            fail_msg("the message \"%s\" does not say \"%s\"", message, wrong[i].says);
        assert_int_equal(counting.live_blocks, blocks);
    }
    s = settings_for("wt0");
    s.offload.rx_checksum = false;
    assert_int_equal(tap_links_new(&s, &counting.allocator, none, message), ERR_INVALID);
    assert_string_equal(message, "wt0: found gro on and rx_checksum off, allowed both or only rx_checksum");
    close_links(busy, NULL);
}

static void a_device_of_another_namespace_is_made_and_this_thread_stays(void **state)
{
    (void)state;
    need_tap();
    char path[32];
    int first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(first >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", first);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    struct tap_settings s = settings_for("wtn");
    s.netns = path;
    struct link *tap = open_tap(&s);
    assert_int_not_equal(system("ip link show wtn >/dev/null 2>&1"), 0); /* a child is where its parent is */
    assert_int_equal(setns(first, CLONE_NEWNET), 0);
    assert_int_equal(system("ip link show wtn >/dev/null"), 0);
    close(first);
    close_links(tap, NULL);
}

/* ---- a hostile device ---- */

/* A link whose device is the other end of a socket pair. */
static struct link *open_pretended(int *device, uint32_t frames)
{
    int fds[2];
    struct link *l = NULL;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct tap_settings s = settings_for("pretended");
    counting_alloc_init(&counting);
    s.frames = frames;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(tap_link_over(fds[0], mac, &s, &counting.allocator, &l, message), 0);
    *device = fds[1];
    return l;
}

static void a_hostile_header_is_counted_once_and_its_neighbours_pass(void **state)
{
    (void)state;
    static const struct virtio_net_hdr hostile[] = {
        {.flags = 1, .csum_start = 60, .csum_offset = 65535},
        {.flags = 1, .csum_start = 3},
        {.gso_type = 1, .gso_size = 0},
        {.gso_type = 5, .gso_size = 9},
        {.gso_type = 0x55, .gso_size = 9},
        {.gso_type = 1, .gso_size = 9}, /* on bytes that are no TCP */
    };
    int device;
    struct link *l = open_pretended(&device, 64);
    uint8_t frame[sizeof hostile[0] + 100] = {0}, good[sizeof frame] = {0};
    for (unsigned i = 0; i < ARRAY_SIZE(hostile); i++) {
        struct packet *p[4];
        memcpy(frame, &hostile[i], sizeof hostile[i]);
        assert_int_equal(write(device, good, sizeof good), sizeof good);
        assert_int_equal(write(device, frame, sizeof frame), sizeof frame);
        assert_int_equal(write(device, good, sizeof good), sizeof good);
        assert_int_equal(link_rx_burst(l, p, 4, 0), 2);
        assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], i + 1);
        packet_release_burst(p, 2);
    }
    print_message("%zu headers\n", ARRAY_SIZE(hostile));
    close(device);
    close_links(l, NULL);
}

/* What the kernel's VXLAN device gives: header and frame. Returns where its headers are. */
static struct vxlan_frame_at fill_tunnelled(struct packet *p, uint8_t *device_frame, const struct vxlan_frame *f,
                                            uint32_t *length)
{
    uint8_t memory[8192];
    packet_init(p, NULL, memory, sizeof memory, 0);
    const struct vxlan_frame_at at = vxlan_frame_fill(p, f);
    const struct virtio_net_hdr h = {.flags = 1,
                                     .gso_type = f->v6_in ? 4 : 1,
                                     .gso_size = (uint16_t)f->gso_size,
                                     .hdr_len = (uint16_t)at.payload,
                                     .csum_start = p->checksum_start,
                                     .csum_offset = p->checksum_offset};
    memcpy(device_frame, &h, sizeof h);
    memcpy(device_frame + sizeof h, p->data, p->len);
    *length = (uint32_t)sizeof h + p->len;
    return at;
}

static void large_frames_of_VXLAN_are_cut(void **state)
{
    (void)state;
    int device;
    struct link *l = open_pretended(&device, 64);
    uint8_t bytes[8192];
    for (unsigned i = 0; i < 8; i++) {
        const struct vxlan_frame f = {.tunnels = 1 + i / 4,
                                      .v6_out = i & 1,
                                      .v6_in = i & 2,
                                      .outer_checksum = true,
                                      .payload = 2501,
                                      .gso_size = 1000};
        struct packet whole, *p[4];
        uint32_t length;
        fill_tunnelled(&whole, bytes, &f, &length);
        assert_int_equal(write(device, bytes, length), length);
        assert_int_equal(link_rx_burst(l, p, 4, 0), 3);
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(packet_finish(p[k]), 0);
            assert_int_equal(vxlan_frame_check(p[k], &f, k, 1000 * k), k < 2 ? 1000 : 501);
        }
        packet_release_burst(p, 3);
    }
    assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], 0);
    close(device);
    close_links(l, NULL);
}

static void large_frames_of_VXLAN_that_lie_are_counted_once(void **state)
{
    (void)state;
    const struct vxlan_frame f = {.tunnels = 1, .outer_checksum = true, .payload = 2501, .gso_size = 1000};
    uint8_t bytes[8192];
    struct packet whole, *p;
    uint32_t length;
    const struct vxlan_frame_at at = fill_tunnelled(&whole, bytes, &f, &length);
    const uint32_t frame = sizeof(struct virtio_net_hdr);
    const struct {
        uint32_t at;
        uint8_t value;
    } lies[] = {{1, 4},                      /* IPv6 inside */
                {0, 0},                      /* nothing partial */
                {6, 35},                     /* where the checksum begins */
                {frame + at.l3[0] + 9, 47},  /* GRE */
                {frame + at.l4[0] + 5, 1},   /* UDP length */
                {frame + at.l4[0] + 8, 0},   /* no VNI */
                {frame + at.l3[1] + 3, 1},   /* inner length */
                {frame + at.l3[1] + 9, 17}}; /* inner protocol */
    int device;
    struct link *l = open_pretended(&device, 64);
    for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
        const uint8_t was = bytes[lies[i].at];
        bytes[lies[i].at] = lies[i].value;
        assert_int_equal(write(device, bytes, length), length);
        bytes[lies[i].at] = was;
        assert_int_equal(link_rx_burst(l, &p, 1, 0), 0);
        assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], i + 1);
    }
    for (uint32_t short_by = 1; short_by < length - frame; short_by += 97) {
        assert_int_equal(write(device, bytes, length - short_by), length - short_by);
        assert_int_equal(link_rx_burst(l, &p, 1, 0), 0);
        assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], ARRAY_SIZE(lies) + 1 + short_by / 97);
    }
    close(device);
    close_links(l, NULL);
}

static void a_frame_shorter_than_its_header_is_counted(void **state)
{
    (void)state;
    int device;
    struct link *l = open_pretended(&device, 64);
    struct packet *p;
    for (size_t n = 1; n <= sizeof(struct virtio_net_hdr); n++) {
        static const uint8_t bytes[16];
        assert_int_equal(write(device, bytes, n), n);
        assert_int_equal(link_rx_burst(l, &p, 1, 0), 0);
        assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], n);
    }
    close(device);
    close_links(l, NULL);
}

static void a_frame_longer_than_64_KB_is_counted(void **state)
{
    (void)state;
    static uint8_t bytes[sizeof(struct virtio_net_hdr) + 65535 + 22 + 1];
    int device;
    struct link *l = open_pretended(&device, 64);
    struct packet *p;
    assert_int_equal(write(device, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(link_rx_burst(l, &p, 1, 0), 0);
    assert_int_equal(l->counters.drops[LINK_DROP_RX_TOO_LONG], 1);
    assert_int_equal(write(device, bytes, sizeof bytes - 1), sizeof bytes - 1);
    assert_int_equal(link_rx_burst(l, &p, 1, 0), 1);
    assert_int_equal(p->len, 65535 + 22);
    packet_release(p);
    close(device);
    close_links(l, NULL);
}

static void a_burst_of_large_packets_ends_while_they_are_in_the_cache(void **state)
{
    (void)state;
    static uint8_t bytes[sizeof(struct virtio_net_hdr) + 30000];
    struct packet *p[LINK_BURST];
    int device;
    unsigned written = 0, bursts = 0, got = 0, n;
    struct link *l = open_pretended(&device, 64);
    while (written < 40 && write(device, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        written++;
    for (; (n = link_rx_burst(l, p, LINK_BURST, 0)) > 0; bursts++, got += n) {
        assert_true(n <= LINK_FRAMES_BURST_BYTES / 30000 + 1);
        packet_release_burst(p, n);
    }
    if (written < 40)
        print_message("the socket pair takes only %u packets of 30 KB\n", written);
    assert_int_equal(got, written);
    close(device);
    close_links(l, NULL);
}

static void a_device_that_takes_no_more_is_counted_and_so_is_one_that_is_gone(void **state)
{
    (void)state;
    int device;
    struct link *l = open_pretended(&device, 64);
    unsigned sent = 0;
    while (l->counters.drops[LINK_DROP_TX_NO_ROOM] == 0 && sent++ < 100000) {
        struct packet *p = get(l, LINK_ALLOC_DATA);
        offload_fill(p, 1000, GSO_SIZE);
        send_one(l, p);
    }
    assert_int_equal(l->counters.drops[LINK_DROP_TX_NO_ROOM], 1);
    assert_int_equal(l->counters.frames_tx, sent - 1);
    signal(SIGPIPE, SIG_IGN);
    close(device);
    struct packet *p = get(l, LINK_ALLOC_DATA);
    offload_fill(p, 1000, GSO_SIZE);
    send_one(l, p);
    assert_int_equal(l->counters.drops[LINK_DROP_TX_ERROR], 1);
    close_links(l, NULL);
}

static void a_packet_that_cannot_be_described_is_counted(void **state)
{
    (void)state;
    int device;
    struct link *l = open_pretended(&device, 64);
    struct packet *p = get(l, LINK_ALLOC_LARGE);
    offload_fill(p, 3000, GSO_SIZE);
    p->gso_size = 0;
    send_one(l, p);
    assert_int_equal(l->counters.drops[LINK_DROP_TX_MALFORMED], 1);
    close(device);
    close_links(l, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_cross_both_ways_with_their_checksum_state),
        cmocka_unit_test(large_packets_cross_both_ways),
        cmocka_unit_test(datagrams_of_one_packet_cross_both_ways_and_are_cut_where_they_arrive),
        cmocka_unit_test(the_kernel_cuts_as_packet_segment_does),
        cmocka_unit_test(large_frames_come_home),
        cmocka_unit_test(a_device_of_several_queues_is_several_links),
        cmocka_unit_test(mtu_address_and_state_are_set),
        cmocka_unit_test(a_device_that_goes_down_costs_its_frames_only),
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(a_device_of_another_namespace_is_made_and_this_thread_stays),
        cmocka_unit_test(a_hostile_header_is_counted_once_and_its_neighbours_pass),
        cmocka_unit_test(large_frames_of_VXLAN_are_cut),
        cmocka_unit_test(large_frames_of_VXLAN_that_lie_are_counted_once),
        cmocka_unit_test(a_frame_shorter_than_its_header_is_counted),
        cmocka_unit_test(a_frame_longer_than_64_KB_is_counted),
        cmocka_unit_test(a_burst_of_large_packets_ends_while_they_are_in_the_cache),
        cmocka_unit_test(a_device_that_takes_no_more_is_counted_and_so_is_one_that_is_gone),
        cmocka_unit_test(a_packet_that_cannot_be_described_is_counted),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
