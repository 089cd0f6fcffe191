/* SPDX-License-Identifier: MIT */
/*
 * What it costs to receive from an interface through a packet socket: recvmmsg, a ring of frames (TPACKET_V2) and a ring of blocks (TPACKET_V3); and through
 * an AF_XDP socket, which the kernel copies into, in its driver. Of a veth
 * pair wa-wb in this namespace, one thread sends into wa, this one receives from wb and copies each frame, as a link has to that gives frames of its
 * own (of AF_XDP it need not, and does not here). bench/packet-receive makes the pair and the table.
 *
 *     packet_receive mmsg|v2|v3|xdp stream LENGTH FRAMES     processor time and calls a frame, frames lost
 *     packet_receive mmsg|v2|v3|xdp single LENGTH FRAMES     time from sending one frame to having it, the next after that
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#define BURST 64
#define FRAME_MAX 2048u
#define BLOCK (1u << 20)
#define BLOCKS 8u
#define SLOTS (BLOCK / FRAME_MAX * BLOCKS)
#define TYPE_TEST 0x88b5 /* IEEE 802.1Q: local experimental */

struct receiver {
    int fd;
    uint8_t *ring;
    unsigned at; /* the next slot or block */
    uint64_t frames, calls;
    struct mmsghdr messages[BURST];
    struct iovec parts[BURST][2];
    struct virtio_net_hdr headers[BURST];
    uint8_t control[BURST][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct xsk_ring_prod fill;
    struct xsk_ring_cons rx, completed;
};

static _Alignas(4096) uint8_t frames[SLOTS][FRAME_MAX];
static uint8_t out[FRAME_MAX];
static unsigned length, total;
static int sender;
static atomic_bool sent;

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void set(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof value) != 0)
        die("setsockopt");
}

static int open_socket(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (fd < 0)
        die("socket");
    set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
    set(fd, SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20);
    return fd;
}

static void bind_to(int fd, const char *interface, uint16_t type)
{
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = (int)if_nametoindex(interface)};
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die(interface);
}

static void wait_readable(struct receiver *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    poll(&p, 1, 10);
    r->calls++;
}

/* A frame of ours from the kernel's; frames in use are as many as a ring has. */
static void take(struct receiver *r, const uint8_t *data, uint32_t bytes)
{
    memcpy(frames[r->frames++ % SLOTS], data, bytes < FRAME_MAX ? bytes : FRAME_MAX);
}

/* ---- the three ways: each takes what is there, false when there is nothing ---- */

static bool receive_mmsg(struct receiver *r)
{
    for (unsigned i = 0; i < BURST; i++) {
        r->parts[i][0] = (struct iovec){&r->headers[i], sizeof r->headers[i]};
        r->parts[i][1] = (struct iovec){frames[(r->frames + i) % SLOTS], FRAME_MAX};
        r->messages[i].msg_hdr = (struct msghdr){.msg_iov = r->parts[i],
                                                 .msg_iovlen = 2,
                                                 .msg_control = r->control[i],
                                                 .msg_controllen = sizeof r->control[i]};
    }
    int n = recvmmsg(r->fd, r->messages, BURST, MSG_DONTWAIT | MSG_TRUNC, NULL);
    r->calls++;
    r->frames += n > 0 ? (unsigned)n : 0;
    return n > 0;
}

static bool receive_v2(struct receiver *r)
{
    struct tpacket2_hdr *h = (struct tpacket2_hdr *)(r->ring + (size_t)r->at * FRAME_MAX);
    if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        return false;
    take(r, (uint8_t *)h + h->tp_mac, h->tp_snaplen);
    __atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    r->at = (r->at + 1) % SLOTS;
    return true;
}

static bool receive_v3(struct receiver *r)
{
    struct tpacket_block_desc *b = (struct tpacket_block_desc *)(r->ring + (size_t)r->at * BLOCK);
    if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        return false;
    uint8_t *at = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
    for (unsigned i = 0; i < b->hdr.bh1.num_pkts; i++) {
        struct tpacket3_hdr *h = (struct tpacket3_hdr *)at;
        take(r, at + h->tp_mac, h->tp_snaplen);
        at += h->tp_next_offset;
    }
    __atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    r->at = (r->at + 1) % BLOCKS;
    return true;
}

/* What came is used where it lies, and goes back behind those that the kernel has. */
static bool receive_xdp(struct receiver *r)
{
    uint32_t at, free, n = xsk_ring_cons__peek(&r->rx, BURST, &at);
    if (n == 0 || xsk_ring_prod__reserve(&r->fill, n, &free) != n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        *xsk_ring_prod__fill_addr(&r->fill, free + i) =
            xsk_ring_cons__rx_desc(&r->rx, at + i)->addr & ~(uint64_t)(FRAME_MAX - 1);
    xsk_ring_cons__release(&r->rx, n);
    xsk_ring_prod__submit(&r->fill, n);
    r->frames += n;
    return true;
}

static void open_xdp(struct receiver *r, const char *interface)
{
    const struct xsk_umem_config memory = {.fill_size = SLOTS, .comp_size = SLOTS, .frame_size = FRAME_MAX};
    const struct xsk_socket_config config = {.rx_size = SLOTS, .bind_flags = XDP_USE_NEED_WAKEUP};
    struct xsk_umem *umem;
    struct xsk_socket *s;
    uint32_t at;
    libbpf_set_print(NULL);
    libxdp_set_print(NULL);
    if (xsk_umem__create(&umem, frames, sizeof frames, &r->fill, &r->completed, &memory) != 0 ||
        xsk_socket__create(&s, interface, 0, umem, &r->rx, NULL, &config) != 0 ||
        xsk_ring_prod__reserve(&r->fill, SLOTS, &at) != SLOTS)
        die("AF_XDP");
    for (uint32_t i = 0; i < SLOTS; i++)
        *xsk_ring_prod__fill_addr(&r->fill, at + i) = (uint64_t)i * FRAME_MAX;
    xsk_ring_prod__submit(&r->fill, SLOTS);
    r->fd = xsk_socket__fd(s);
}

static void open_ring(struct receiver *r, int version)
{
    struct tpacket_req3 v3 = {.tp_block_size = BLOCK,
                              .tp_block_nr = BLOCKS,
                              .tp_frame_size = FRAME_MAX,
                              .tp_frame_nr = SLOTS,
                              .tp_retire_blk_tov = 1}; /* ms: the least there is */
    size_t size = version == TPACKET_V3 ? sizeof v3 : sizeof(struct tpacket_req);
    set(r->fd, SOL_PACKET, PACKET_VERSION, version);
    if (setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &v3, (socklen_t)size) != 0)
        die("PACKET_RX_RING");
    r->ring = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    if (r->ring == MAP_FAILED)
        die("mmap");
}

/* ---- the measurements ---- */

static void *send_all(void *unused)
{
    struct virtio_net_hdr header = {0};
    struct iovec parts[2] = {{&header, sizeof header}, {out, length}};
    struct mmsghdr messages[BURST];
    for (unsigned i = 0; i < BURST; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = 2};
    for (unsigned done = 0; done < total;) {
        int n = sendmmsg(sender, messages, total - done < BURST ? total - done : BURST, 0);
        done += n > 0 ? (unsigned)n : 0;
    }
    usleep(100000);
    sent = true;
    return unused;
}

static void stream(struct receiver *r, bool (*receive)(struct receiver *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, send_all, NULL);
    int64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (!sent)
        if (!receive(r))
            wait_readable(r);
    int64_t spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    pthread_join(thread, NULL);
    printf("%.0f ns %.4f calls a frame, %.1f %% lost\n", (double)spent / (double)r->frames,
           (double)r->calls / (double)r->frames, 100 - 100.0 * (double)r->frames / total);
}

static void single(struct receiver *r, bool (*receive)(struct receiver *))
{
    struct virtio_net_hdr header = {0};
    struct iovec parts[2] = {{&header, sizeof header}, {out, length}};
    int64_t begin = clock_ns(CLOCK_MONOTONIC);
    while (r->frames < total) {
        uint64_t before = r->frames;
        if (writev(sender, parts, 2) < 0)
            die("writev");
        while (r->frames == before)
            if (!receive(r))
                wait_readable(r);
    }
    printf("%.1f us from sending to having\n", (double)(clock_ns(CLOCK_MONOTONIC) - begin) / total / 1000);
}

int main(int argc, char **argv)
{
    static struct receiver r;
    if (argc != 5) {
        fprintf(stderr, "packet_receive mmsg|v2|v3|xdp stream|single LENGTH FRAMES\n");
        return 2;
    }
    int version = strcmp(argv[1], "v2") == 0 ? TPACKET_V2 : strcmp(argv[1], "v3") == 0 ? TPACKET_V3 : -1;
    length = (unsigned)atoi(argv[3]);
    total = (unsigned)atoi(argv[4]);
    memset(out, 0xff, 6);
    out[12] = TYPE_TEST >> 8;
    out[13] = TYPE_TEST & 0xff;
    sender = open_socket();
    set(sender, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    bind_to(sender, "wa", 0);
    bool xdp = strcmp(argv[1], "xdp") == 0;
    if (xdp) {
        open_xdp(&r, "wb");
    } else {
        r.fd = open_socket();
        set(r.fd, SOL_PACKET, PACKET_AUXDATA, 1);
        if (version >= 0)
            open_ring(&r, version);
        bind_to(r.fd, "wb", ETH_P_ALL);
    }
    bool (*receive)(struct receiver *) = xdp                     ? receive_xdp
                                         : version < 0           ? receive_mmsg
                                         : version == TPACKET_V2 ? receive_v2
                                                                 : receive_v3;
    (strcmp(argv[2], "single") == 0 ? single : stream)(&r, receive);
    return 0;
}
