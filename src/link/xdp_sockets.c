/* SPDX-License-Identifier: MIT */
/*
 * See xdp_sockets.h. In the order in which things are made: the program is loaded and attached, which tells first of
 * another user of the interface; memory; sockets; their places in the program's map.
 */
#define _GNU_SOURCE
#if WEIR_XDP

#include "link/xdp_sockets.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "link/device.h"
#include "link/netns.h"
#include "sockets.skel.h"

#define NEEDS "AF_XDP needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF"
#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */
#define SHARE_MAX 2048u       /* more would only cool the cache */
#define FREE_AGAIN_NS NS_PER_S
#define FREE_AGAIN_TRIES 200
#define SEND_BUFFER_BYTES (8 << 20)
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* Linux 6.17 */
#endif

/* What a library's negative errno means. */
static int refuse(char message[256], int found, const char *what, const char *name)
{
    errno = found < 0 ? -found : errno;
    int e = errno == EBUSY                                                             ? ERR_IN_USE
            : errno == EOPNOTSUPP || errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ? ERR_UNSUPPORTED
            : errno == ENOMEM || errno == ENOBUFS                                      ? ERR_NO_MEMORY
                                                                                       : ERR_SYSTEM;
    return netns_refuse(message, e, what, name, NEEDS);
}

/* ---- the interface ---- */

/* Promiscuous as long as a packet socket, which receives nothing, is open. */
static int make_promiscuous(struct xdp_sockets *x, const char *name, int index, char message[256])
{
    struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    x->promiscuous = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (x->promiscuous < 0 || setsockopt(x->promiscuous, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)
        return refuse(message, 0, "promiscuous mode of", name);
    return 0;
}

static int check_sizes(const struct xdp_sockets *x, const struct link *l, const char *name, char message[256])
{
    const uint32_t mtu_max = UMEM_FRAME_MAX - ETHERNET_OVERHEAD;
    if (l->mtu > mtu_max) {
        snprintf(message, 256,
                 "interface %s has an MTU of %u, AF_XDP frames have at most %u (a page): ip link set %s mtu %u", name,
                 l->mtu, mtu_max, name, mtu_max);
        return ERR_UNSUPPORTED;
    }
    if (x->n_queues > XDP_SOCKETS_MAX) {
        snprintf(message, 256, "interface %s has %u receive queues, at most %u are supported: ethtool -L %s", name,
                 x->n_queues, XDP_SOCKETS_MAX, name);
        return ERR_UNSUPPORTED;
    }
    return 0;
}

static int look(struct xdp_sockets *x, const struct af_xdp_settings *s, struct link *l, char message[256])
{
    int index, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse(message, 0, "socket for", s->interface);
    int e = device_describe(fd, s->interface, NEEDS, l, &index, message);
    x->n_queues = device_rx_queues(fd, s->interface);
    close(fd);
    if (!e)
        e = check_sizes(x, l, s->interface, message);
    return !e && s->promiscuous ? make_promiscuous(x, s->interface, index, message) : e;
}

/* ---- the program ---- */

static int load(struct xdp_sockets *x, const char *name, char message[256])
{
    xdp_quiet();
    x->program = sockets_bpf__open();
    if (!x->program)
        return refuse(message, 0, "XDP program for", name);
    int e = sockets_bpf__load(x->program);
    if (e)
        return refuse(message, e, "XDP program for", name);
    return xdp_attach(bpf_program__fd(x->program->progs.to_socket), name, NULL, false, &x->attachment, message);
}

uint64_t xdp_sockets_passed_by(const struct xdp_sockets *x)
{
    return __atomic_load_n(&x->program->bss->without_socket, __ATOMIC_RELAXED);
}

/* ---- memory and sockets ---- */

static int make_memory(struct xdp_sockets *x, const struct af_xdp_settings *s, const struct allocator *a, uint32_t mtu,
                       char message[256])
{
    int e = umem_init(&x->umem, a, s->frames, mtu + ETHERNET_OVERHEAD);
    if (e) {
        snprintf(message, 256, "interface %.100s: %s for twice %u frames of %u bytes", s->interface, err_text(e),
                 s->frames, mtu + ETHERNET_OVERHEAD);
        return e;
    }
    x->share = min_u32(SHARE_MAX, max_u32(s->frames / x->n_queues, 1));
    const struct xsk_umem_config config = {.fill_size = round_up_pow2(x->share),
                                           .comp_size = round_up_pow2(2 * s->frames),
                                           .frame_size = x->umem.chunk_bytes,
                                           .frame_headroom = sizeof(struct packet)};
    e = xsk_umem__create(&x->registered, x->umem.memory, x->umem.bytes, &x->queues[0].fill, &x->queues[0].completed,
                         &config);
    return e ? refuse(message, e, "memory to lock (ulimit -l) for AF_XDP on", s->interface) : 0;
}

/* The kernel gives a queue free some time after its last socket was closed, or its process killed. */
static int create_when_free(struct xdp_sockets *x, struct xdp_queue *q, uint32_t number, const char *name,
                            const struct xsk_socket_config *config)
{
    const struct timespec a_moment = {.tv_nsec = FREE_AGAIN_NS / FREE_AGAIN_TRIES};
    int e = -EBUSY;
    for (unsigned tries = 0; tries < FREE_AGAIN_TRIES && e == -EBUSY; tries++) {
        if (tries > 0)
            (void)nanosleep(&a_moment, NULL);
        e = xsk_socket__create_shared(&q->socket, name, number, x->registered, &q->rx, number == 0 ? &x->tx : NULL,
                                      &q->fill, &q->completed, config);
    }
    return e;
}

/* The kernel chooses zero copy where the driver can; a program that is not in the driver does not go with that. */
static int make_socket(struct xdp_sockets *x, uint32_t number, const struct af_xdp_settings *s, char message[256])
{
    struct xdp_queue *q = &x->queues[number];
    const struct xsk_socket_config config = {
        .rx_size = round_up_pow2(x->share),
        .tx_size = round_up_pow2(2 * s->frames),
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
        .bind_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (x->attachment.mode == XDP_GENERIC ? XDP_COPY : 0)),
    };
    char what[64];
    snprintf(what, sizeof what, "AF_XDP socket for queue %u of", number);
    int e = create_when_free(x, q, number, s->interface, &config);
    if (e)
        return refuse(message, e, what, s->interface);
    e = xsk_socket__update_xskmap(q->socket, bpf_map__fd(x->program->maps.sockets));
    return e ? refuse(message, e, what, s->interface) : 0;
}

/* Larger bursts for a call to send, and room for them: wishes. */
static void configure_sender(struct xdp_sockets *x)
{
    struct xdp_options options = {0};
    socklen_t size = sizeof options;
    const uint32_t burst = LINK_BURST;
    const int bytes = SEND_BUFFER_BYTES;
    int fd = xsk_socket__fd(x->queues[0].socket);
    (void)setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &burst, sizeof burst);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    x->zero_copy = getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &size) == 0 && options.flags & XDP_OPTIONS_ZEROCOPY;
}

/* One descriptor for all sockets: that of the only one, or an epoll. */
static int make_pollable(struct xdp_sockets *x, struct link *l, const char *name, char message[256])
{
    if (x->n_queues == 1) {
        l->fd = xsk_socket__fd(x->queues[0].socket);
        return 0;
    }
    l->fd = epoll_create1(EPOLL_CLOEXEC);
    int e = l->fd < 0 ? -1 : 0;
    for (uint32_t i = 0; i < x->n_queues && e == 0; i++) {
        struct epoll_event wanted = {.events = EPOLLIN};
        e = epoll_ctl(l->fd, EPOLL_CTL_ADD, xsk_socket__fd(x->queues[i].socket), &wanted);
    }
    return e ? refuse(message, 0, "epoll for", name) : 0;
}

static int open_here(struct xdp_sockets *x, const struct af_xdp_settings *s, const struct allocator *a, struct link *l,
                     char message[256])
{
    int e = look(x, s, l, message);
    if (!e)
        e = load(x, s->interface, message);
    if (!e)
        e = make_memory(x, s, a, l->mtu, message);
    for (uint32_t i = 0; i < x->n_queues && !e; i++)
        e = make_socket(x, i, s, message);
    if (e)
        return e;
    configure_sender(x);
    return make_pollable(x, l, s->interface, message);
}

int xdp_sockets_open(struct xdp_sockets *x, const struct af_xdp_settings *s, const struct allocator *a, struct link *l,
                     char message[256])
{
    char way_back[256];
    *x = (struct xdp_sockets){.promiscuous = -1, .attachment.fd = -1};
    int own = netns_enter(s->netns, message);
    if (own < 0)
        return own;
    int e = open_here(x, s, a, l, message);
    int back = netns_leave(own, way_back);
    if (back && !e)
        memcpy(message, way_back, sizeof way_back);
    return e ? e : back;
}

void xdp_sockets_close(struct xdp_sockets *x, struct link *l)
{
    xdp_detach(&x->attachment);
    if (x->n_queues > 1 && l->fd >= 0)
        close(l->fd);
    for (uint32_t i = 0; i < XDP_SOCKETS_MAX; i++)
        if (x->queues[i].socket)
            xsk_socket__delete(x->queues[i].socket);
    if (x->registered)
        (void)xsk_umem__delete(x->registered);
    if (x->program)
        sockets_bpf__destroy(x->program);
    if (x->promiscuous >= 0)
        close(x->promiscuous);
    umem_free(&x->umem);
}

#endif
