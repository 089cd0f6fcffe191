/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET in bursts: a receive ring (link/packet_ring.h) and sendmmsg on one non-blocking raw socket. See
 * af_packet.h.
 *
 * Before each frame stands virtio-net's header (PACKET_VNET_HDR), which carries checksum state and segmentation both
 * ways; the VLAN tag that the kernel stripped is in the slot's header.
 */
#define _GNU_SOURCE
#include "link/af_packet.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/cutter.h"
#include "link/device.h"
#include "link/features.h"
#include "link/frames.h"
#include "link/netns.h"
#include "link/packet_ring.h"

#define BURST LINK_BURST
#define SOCKET_BUFFER_BYTES (8 << 20)
#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */
#define ETHERNET_ADDRESSES 12u
#define VLAN_TAG 4u
#define STATISTICS_NS (100 * NS_PER_MS)
#define PARTS (2 + PACKET_MAX_FRAGS) /* of a frame to be sent: header, head, frags */
#define NEEDS "AF_PACKET needs root or CAP_NET_RAW"

struct af_packet {
    struct link link;
    struct link_frames frames;
    struct packet_ring ring;
    int64_t statistics_at; /* when the kernel is next asked for drops and errors */
    struct mmsghdr tx[BURST];
    struct iovec tx_iov[BURST][PARTS];
    struct virtio_net_hdr tx_header[BURST];
    struct cutter cutter;
    const struct allocator *allocator;
};

static struct af_packet *af_packet_of(struct link *l) { return container_of(l, struct af_packet, link); }

/* ---- receive ---- */

/* A frame on its way from the kernel. */
struct arrival {
    struct packet *packet;
    struct virtio_net_hdr header;
    uint32_t length; /* more than the packet has: it did not fit */
};

/* A frame for `length` bytes, large where there is no other. */
static struct packet *empty_frame(struct af_packet *a, uint32_t length)
{
    struct packet *p;
    if (length <= a->frames.rx.buffer_bytes - PACKET_HEADROOM && packet_pool_get(&a->frames.rx, &p, 1))
        return p;
    return packet_pool_get(&a->frames.rx_large, &p, 1) ? p : NULL;
}

static bool copy_from_slot(struct af_packet *a, const struct tpacket2_hdr *slot, struct arrival *r)
{
    const uint8_t *frame = (const uint8_t *)slot + slot->tp_mac;
    struct packet *p = r->packet = empty_frame(a, slot->tp_snaplen);
    if (!p)
        return false;
    r->length = slot->tp_len;
    memcpy(&r->header, frame - sizeof r->header, sizeof r->header);
    p->len = min_u32(slot->tp_snaplen, packet_tailroom(p));
    memcpy(p->data, frame, p->len);
    return true;
}

/* What is longer than a slot waits in the socket. An empty packet with a length above it: it could not be had. */
static bool take_from_socket(struct af_packet *a, const struct tpacket2_hdr *slot, struct arrival *r)
{
    r->packet = empty_frame(a, UINT32_MAX);
    if (!r->packet)
        return false;
    uint32_t room = packet_tailroom(r->packet);
    struct iovec parts[2] = {{.iov_base = &r->header, .iov_len = sizeof r->header},
                             {.iov_base = r->packet->data, .iov_len = room}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
    ssize_t got = recvmsg(a->link.fd, &m, MSG_DONTWAIT | MSG_TRUNC);
    r->length = slot->tp_len;
    if (got > (ssize_t)sizeof r->header) {
        r->length = (uint32_t)got - (uint32_t)sizeof r->header;
        r->packet->len = min_u32(r->length, room);
    }
    return true;
}

/* A stripped tag stays beside the frame when it is 802.1Q; any other goes back where it was. */
static void take_vlan(struct packet *p, const struct tpacket2_hdr *slot)
{
    if (!(slot->tp_status & TP_STATUS_VLAN_TPID_VALID) || slot->tp_vlan_tpid == ETH_P_8021Q) {
        p->vlan_present = true;
        p->vlan_tci = slot->tp_vlan_tci;
        return;
    }
    memmove(p->data - VLAN_TAG, p->data, ETHERNET_ADDRESSES);
    p->data -= VLAN_TAG;
    p->len += VLAN_TAG;
    store_be16(p->data + ETHERNET_ADDRESSES, slot->tp_vlan_tpid);
    store_be16(p->data + ETHERNET_ADDRESSES + 2, slot->tp_vlan_tci);
    p->checksum_start = (uint16_t)(p->checksum_start + VLAN_TAG);
}

/* GSO packets come also where they are not wanted; they are cut afterwards. */
static int read_header(const struct af_packet *a, struct packet *p, const struct virtio_net_hdr *h)
{
    bool gso = h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
    return vnet_read(p, gso ? a->link.caps | LINK_CAP_GRO | LINK_CAP_RX_CHECKSUM : a->link.caps, h);
}

/* What comes whole is as long as a normal frame, unless the link is one for large ones. */
static bool is_too_long(const struct af_packet *a, const struct arrival *r)
{
    return r->length > r->packet->len ||
           (!(a->link.caps & LINK_CAP_GRO) && r->header.gso_type == VIRTIO_NET_HDR_GSO_NONE &&
            r->length > a->frames.rx.buffer_bytes - PACKET_HEADROOM);
}

/* A frame that is longer than its slot, for which the socket had no room. */
static bool is_lost(const struct tpacket2_hdr *slot)
{
    return slot->tp_len > slot->tp_snaplen && !(slot->tp_status & TP_STATUS_COPY);
}

static struct packet *drop(struct af_packet *a, struct packet *p, enum link_drop cause)
{
    a->link.counters.drops[cause]++;
    packet_release(p);
    return NULL;
}

/* The frame of a slot, or NULL when it was dropped. */
static struct packet *accept_frame(struct af_packet *a, const struct tpacket2_hdr *slot, struct arrival *r, int64_t now)
{
    struct packet *p = r->packet;
    if (unlikely(is_lost(slot)))
        return drop(a, p, LINK_DROP_RX_NO_BUFFER);
    if (unlikely(is_too_long(a, r)))
        return drop(a, p, LINK_DROP_RX_TOO_LONG);
    if (unlikely(read_header(a, p, &r->header) < 0))
        return drop(a, p, LINK_DROP_RX_MALFORMED);
    p->rx_ns = now;
    if ((slot->tp_status & TP_STATUS_VLAN_VALID) && p->len >= ETHERNET_ADDRESSES)
        take_vlan(p, slot);
    return p;
}

static unsigned take_cut(struct af_packet *a, struct packet **packets, unsigned n)
{
    return cutter_take(&a->cutter, &a->frames.rx, a->link.caps, packets, n,
                       &a->link.counters.drops[LINK_DROP_RX_TOO_LONG]);
}

/*
 * What the kernel dropped because the ring was full; reading resets its count. Also the error that the socket has after
 * the interface went down, which would make it readable and cost the first frame sent when it is up again: a ring has
 * no receive call that takes it.
 */
static void ask_socket(struct af_packet *a, int64_t now)
{
    struct tpacket_stats s;
    int error;
    socklen_t size = sizeof s, error_size = sizeof error;
    a->statistics_at = now + STATISTICS_NS;
    if (getsockopt(a->link.fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) == 0)
        a->link.counters.drops[LINK_DROP_RX_NO_BUFFER] += s.tp_drops;
    (void)getsockopt(a->link.fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
}

/*
 * Takes the ring's first frame; false when there is none, or no packet for it: then it waits. *out is NULL when it was
 * dropped.
 */
static bool receive(struct af_packet *a, struct packet **out, int64_t now)
{
    const struct tpacket2_hdr *slot = packet_ring_first(&a->ring);
    struct arrival r = {.packet = NULL};
    if (!slot || !(slot->tp_status & TP_STATUS_COPY ? take_from_socket(a, slot, &r) : copy_from_slot(a, slot, &r)))
        return false;
    *out = accept_frame(a, slot, &r, now);
    packet_ring_give_back(&a->ring);
    return true;
}

/* A burst ends after LINK_FRAMES_BURST_BYTES. From the first packet that has to be cut on, the cutter takes all. */
static unsigned receive_burst(struct af_packet *a, struct packet **packets, unsigned n, int64_t now)
{
    unsigned good = 0;
    struct packet *p;
    for (uint32_t bytes = 0, taken = 0; taken < min_u32(n, BURST) && bytes < LINK_FRAMES_BURST_BYTES; taken++) {
        if (!receive(a, &p, now))
            break;
        if (!p)
            continue;
        bytes += p->len;
        if (!cutter_keeps(&a->cutter, p, a->link.caps))
            packets[good++] = p;
    }
    return cutter_is_empty(&a->cutter) ? good : good + take_cut(a, packets + good, n - good);
}

static unsigned af_packet_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_packet *a = af_packet_of(l);
    if (now >= a->statistics_at)
        ask_socket(a, now);
    unsigned got = cutter_is_empty(&a->cutter) ? receive_burst(a, packets, n, now) : take_cut(a, packets, n);
    l->counters.frames_rx += got;
    for (unsigned i = 0; i < got; i++)
        l->counters.bytes_rx += packets[i]->len;
    return got;
}

/* ---- transmit ---- */

static unsigned af_packet_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_frames_tx_alloc(&af_packet_of(l)->frames, packets, n, kind);
}

/* Of `left` frames the first was refused: how many that means for. A full queue or a dead interface refuse all. */
static unsigned count_refused(struct af_packet *a, unsigned left, int why)
{
    uint64_t *drops = a->link.counters.drops;
    if (why == EAGAIN || why == EWOULDBLOCK || why == ENOBUFS) {
        drops[LINK_DROP_TX_NO_ROOM] += left;
        return left;
    }
    unsigned refused = why == ENETDOWN || why == ENXIO || why == ENODEV ? left : 1;
    drops[LINK_DROP_TX_ERROR] += refused;
    return refused;
}

static void send_prepared(struct af_packet *a, unsigned n)
{
    struct link_counters *counters = &a->link.counters;
    for (unsigned done = 0; done < n;) {
        int sent = sendmmsg(a->link.fd, a->tx + done, n - done, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            done += count_refused(a, n - done, errno);
            continue;
        }
        counters->frames_tx += (unsigned)sent;
        for (unsigned end = done + (unsigned)sent; done < end; done++)
            counters->bytes_tx += a->tx[done].msg_len - sizeof a->tx_header[done];
    }
}

/* Header, head and frags of a frame become the message `at`; false when it cannot be sent. */
static bool prepare_tx(struct af_packet *a, unsigned at, struct packet *p)
{
    struct iovec *parts = a->tx_iov[at];
    unsigned n = 2;
    if (vnet_write(p, a->link.caps, &a->tx_header[at]) < 0)
        return false;
    parts[0] = (struct iovec){.iov_base = &a->tx_header[at], .iov_len = sizeof a->tx_header[at]};
    parts[1] = (struct iovec){.iov_base = p->data, .iov_len = p->len};
    for (unsigned i = 0; i < p->nfrags; i++, n++) {
        memcpy(&parts[n].iov_base, &p->frags[i].bytes, sizeof(void *));
        parts[n].iov_len = p->frags[i].length;
    }
    a->tx[at].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = n};
    return true;
}

static void send_burst(struct af_packet *a, struct packet **packets, unsigned n)
{
    unsigned prepared = 0;
    for (unsigned i = 0; i < n; i++) {
        if (prepare_tx(a, prepared, packets[i]))
            prepared++;
        else
            a->link.counters.drops[LINK_DROP_TX_MALFORMED]++;
    }
    send_prepared(a, prepared);
    packet_release_burst(packets, n);
}

static void af_packet_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    (void)now;
    for (unsigned at = 0; at < n; at += BURST)
        send_burst(af_packet_of(l), packets + at, min_u32(n - at, BURST));
}

/*
 * The socket is readable as long as a frame waits in it, so that there is nothing to ask for; what waits here it does
 * not know of.
 */
static bool af_packet_arm(struct link *l) { return cutter_is_empty(&af_packet_of(l)->cutter); }

static void af_packet_close(struct link *l)
{
    struct af_packet *a = af_packet_of(l);
    packet_ring_close(&a->ring);
    if (l->fd >= 0)
        close(l->fd);
    cutter_clear(&a->cutter);
    link_frames_free(&a->frames);
    alloc_free(a->allocator, a, sizeof *a);
}

static const struct link_ops af_packet_ops = {.rx_burst = af_packet_rx_burst,
                                              .tx_alloc = af_packet_tx_alloc,
                                              .tx_burst = af_packet_tx_burst,
                                              .arm = af_packet_arm,
                                              .close = af_packet_close};

/* ---- opening ---- */

void af_packet_settings_default(struct af_packet_settings *s)
{
    *s = (struct af_packet_settings){.frames = 4096, .promiscuous = true};
    vnet_offload_default(&s->offload);
}

static int refuse(char message[256], int error, const char *what, const char *name)
{
    return netns_refuse(message, error, what, name, NEEDS);
}

/*
 * A raw socket made inside another network namespace, to which it then belongs; this thread is back in its own
 * afterwards.
 */
static int packet_socket(const struct af_packet_settings *s, char message[256])
{
    int own = netns_enter(s->netns, message);
    if (own < 0)
        return own;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fd = refuse(message, ERR_SYSTEM, "packet socket for", s->interface);
    char why[256];
    int back = netns_leave(own, why);
    if (back && fd >= 0) {
        close(fd);
        memcpy(message, why, sizeof why);
        fd = back;
    }
    return fd;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool device_cuts(int fd, const char *name)
{
    struct ethtool_value tso = {.cmd = ETHTOOL_GTSO};
    struct ifreq r = {0};
    memcpy(r.ifr_name, name, strlen(name));
    r.ifr_data = (char *)&tso;
    return ioctl(fd, SIOCETHTOOL, &r) == 0 && tso.data;
}

/*
 * The kernel cuts for a device that does not, but only on the way through the queueing discipline. Bypassing it is worth
 * more than UDP that the device does not cut.
 */
static void choose_way(struct link *l, const struct af_packet_settings *s)
{
    bool bypass = !s->offload.tso || device_cuts(l->fd, s->interface);
    if (bypass && !feature_is_on(l->fd, s->interface, FEATURE_USO))
        l->caps &= ~(uint32_t)LINK_CAP_USO;
    (void)set_option(l->fd, SOL_PACKET, PACKET_QDISC_BYPASS, bypass);
}

/* Bypassing the queueing discipline and larger buffers are wishes; the rest is needed. */
static int configure(struct af_packet *a, const struct af_packet_settings *s, int index, char message[256])
{
    int fd = a->link.fd;
    choose_way(&a->link, s);
    if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES))
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES))
        (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    if (!set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1) || !set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1))
        return refuse(message, ERR_SYSTEM, "PACKET_VNET_HDR and _IGNORE_OUTGOING (Linux 4.20) on", s->interface);
    if (packet_ring_open(&a->ring, fd, a->link.mtu + ETHERNET_OVERHEAD) < 0)
        return refuse(message, ERR_SYSTEM, "receive ring on", s->interface);
    struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    if (s->promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return refuse(message, ERR_SYSTEM, "promiscuous mode of", s->interface);
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = __builtin_bswap16(ETH_P_ALL), .sll_ifindex = index};
    if (bind(fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0)
        return refuse(message, ERR_SYSTEM, "binding to", s->interface);
    if (s->fanout && !set_option(fd, SOL_PACKET, PACKET_FANOUT, s->fanout | PACKET_FANOUT_HASH << 16))
        return refuse(message, ERR_SYSTEM, "fanout group on", s->interface);
    return 0;
}

static int make_frames(struct af_packet *a, const struct af_packet_settings *s, char message[256])
{
    uint32_t bytes = s->buffer_bytes ? s->buffer_bytes : PACKET_HEADROOM + a->link.mtu + ETHERNET_OVERHEAD;
    int e = vnet_offload_check(&s->offload, s->interface, message);
    if (e)
        return e;
    vnet_offload_describe(&s->offload, &a->link);
    e = link_frames_init(&a->frames, a->allocator, s->frames, bytes, true, s->offload.tso);
    if (e)
        snprintf(message, 256, "interface %.100s: %s for twice %u frames of %u bytes", s->interface, err_text(e),
                 s->frames, bytes);
    return e;
}

static int open_interface(struct af_packet *a, const struct af_packet_settings *s, char message[256])
{
    int index = 0;
    int fd = packet_socket(s, message);
    if (fd < 0)
        return fd;
    a->link.fd = fd;
    a->link.tags_in_mtu = true; /* packet_snd() of Linux lets 4 bytes more pass only for ETH_P_8021Q */
    int e = device_describe(fd, s->interface, NEEDS, &a->link, &index, message);
    if (!e)
        e = make_frames(a, s, message);
    return e ? e : configure(a, s, index, message);
}

int af_packet_link_new(const struct af_packet_settings *s, const struct allocator *al, struct link **out,
                       char message[256])
{
    message[0] = 0;
    struct af_packet *a = alloc_zeroed(al, sizeof *a, alignof(struct af_packet));
    if (!a) {
        snprintf(message, 256, "interface %.100s: %s", s->interface, err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    a->allocator = al;
    a->link.ops = &af_packet_ops;
    a->link.fd = -1;
    snprintf(a->link.name, sizeof a->link.name, "packet:%s", s->interface);
    int e = open_interface(a, s, message);
    if (e) {
        af_packet_close(&a->link);
        return e;
    }
    *out = &a->link;
    return 0;
}
