/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET in bursts: recvmmsg and sendmmsg on one non-blocking raw socket. See af_packet.h.
 *
 * The kernel tells with each frame (PACKET_AUXDATA) the VLAN tag it stripped and whether the transport checksum is not filled in yet, because the sender is on this
 * machine; such a checksum never crossed a wire and counts as verified. What the interface's queue dropped is read with the statistics.
 */
#define _GNU_SOURCE
#include "link/af_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

#define BURST LINK_BURST
#define SOCKET_BUFFER_BYTES (8 << 20)
#define ETHERNET_BYTES 22u /* header with two tags */

union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct af_packet {
    struct link link;
    struct packet_pool rx_pool, tx_pool;
    struct packet *spare[BURST]; /* rx frames waiting to be filled */
    unsigned n_spare;
    struct mmsghdr rx[BURST], tx[BURST];
    struct iovec rx_iov[BURST], tx_iov[BURST];
    union control control[BURST];
    const struct allocator *allocator;
};

static struct af_packet *of(struct link *l) { return container_of(l, struct af_packet, link); }

/* ---- receive ---- */

static void take_auxdata(struct packet *p, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct tpacket_auxdata a;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof a))
            continue;
        memcpy(&a, CMSG_DATA(c), sizeof a);
        if (a.tp_status & TP_STATUS_VLAN_VALID) {
            p->vlan_present = 1;
            p->vlan_tci = a.tp_vlan_tci;
        }
        if (a.tp_status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID))
            p->checksum = PACKET_CHECKSUM_VERIFIED;
    }
}

static void prepare_receive(struct af_packet *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = a->spare[i];
        a->rx_iov[i] = (struct iovec){.iov_base = p->data, .iov_len = p->size - packet_headroom(p)};
        a->rx[i].msg_hdr = (struct msghdr){.msg_iov = &a->rx_iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = &a->control[i],
                                           .msg_controllen = sizeof a->control[i]};
    }
}

static void refill(struct af_packet *a, unsigned n)
{
    if (a->n_spare < n)
        a->n_spare += packet_pool_get(&a->rx_pool, a->spare + a->n_spare, n - a->n_spare);
}

/* Moves the good ones of the n received frames to `packets`; the others stay spare. */
static unsigned take_received(struct af_packet *a, struct packet **packets, unsigned n, int64_t now)
{
    struct link_counters *k = &a->link.counters;
    unsigned good = 0, kept = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = a->spare[i];
        if (a->rx[i].msg_hdr.msg_flags & MSG_TRUNC) {
            k->drops[LINK_DROP_RX_TOO_LONG]++;
            a->spare[kept++] = p;
            continue;
        }
        p->len = a->rx[i].msg_len;
        p->rx_ns = now;
        take_auxdata(p, &a->rx[i].msg_hdr);
        k->frames_rx++;
        k->bytes_rx += p->len;
        packets[good++] = p;
    }
    for (unsigned i = n; i < a->n_spare; i++)
        a->spare[kept++] = a->spare[i];
    a->n_spare = kept;
    return good;
}

static void count_queue_drops(struct af_packet *a)
{
    struct tpacket_stats s;
    socklen_t size = sizeof s;
    if (getsockopt(a->link.fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) == 0)
        a->link.counters.drops[LINK_DROP_RX_NO_BUFFER] += s.tp_drops;
}

static unsigned af_packet_rx(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_packet *a = of(l);
    n = min_u32(n, BURST);
    refill(a, n);
    n = min_u32(n, a->n_spare);
    if (n == 0)
        return 0; /* all frames are in use; what comes meanwhile waits in the socket */
    prepare_receive(a, n);
    int got = recvmmsg(l->fd, a->rx, n, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (got <= 0)
        return 0;
    if ((unsigned)got == BURST)
        count_queue_drops(a);
    return take_received(a, packets, (unsigned)got, now);
}

/* ---- transmit ---- */

static unsigned af_packet_tx_alloc(struct link *l, struct packet **packets, unsigned n, bool control)
{
    struct af_packet *a = of(l);
    unsigned got = packet_pool_get(&a->tx_pool, packets, n);
    if (got < n && control && (packets[got] = packet_pool_get_reserved(&a->tx_pool)) != NULL)
        got++;
    return got;
}

/* Hands m prepared frames to the kernel; counts what it does not take. */
static void send_all(struct af_packet *a, unsigned m)
{
    struct link_counters *k = &a->link.counters;
    unsigned done = 0;
    while (done < m) {
        int sent = sendmmsg(a->link.fd, a->tx + done, m - done, MSG_DONTWAIT);
        if (sent > 0) {
            for (unsigned i = done; i < done + (unsigned)sent; i++)
                k->bytes_tx += a->tx_iov[i].iov_len;
            k->frames_tx += (unsigned)sent;
            done += (unsigned)sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else { /* the first of the rest was refused: full queue, or link down */
            bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
            k->drops[full ? LINK_DROP_TX_NO_ROOM : LINK_DROP_TX_ERROR]++;
            done++;
        }
    }
}

static void af_packet_tx(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_packet *a = of(l);
    (void)now;
    for (unsigned i = 0; i < n;) {
        unsigned m = 0, first = i;
        for (; i < n && m < BURST; i++) {
            struct packet *p = packets[i];
            if (packet_finish(p) < 0) {
                l->counters.drops[LINK_DROP_TX_MALFORMED]++;
                continue;
            }
            a->tx_iov[m] = (struct iovec){.iov_base = p->data, .iov_len = p->len};
            a->tx[m].msg_hdr = (struct msghdr){.msg_iov = &a->tx_iov[m], .msg_iovlen = 1};
            m++;
        }
        send_all(a, m);
        for (unsigned k = first; k < i; k++)
            packet_release(packets[k]);
    }
}

/* poll() on the socket tells by itself; only a frame that came meanwhile must not be missed, and it is not: it keeps the socket readable. */
static bool af_packet_arm(struct link *l)
{
    (void)l;
    return true;
}

static void af_packet_close(struct link *l)
{
    struct af_packet *a = of(l);
    if (l->fd >= 0)
        close(l->fd);
    for (unsigned i = 0; i < a->n_spare; i++)
        packet_release(a->spare[i]);
    packet_pool_free(&a->rx_pool);
    packet_pool_free(&a->tx_pool);
    alloc_free(a->allocator, a, sizeof *a);
}

static const struct link_ops af_packet_ops = {.rx_burst = af_packet_rx,
                                              .tx_alloc = af_packet_tx_alloc,
                                              .tx_burst = af_packet_tx,
                                              .arm = af_packet_arm,
                                              .close = af_packet_close};

/* ---- opening ---- */

void af_packet_settings_default(struct af_packet_settings *s) { *s = (struct af_packet_settings){.frames = 4096, .promiscuous = true}; }

static int refuse(char message[256], int error, const char *what, const char *interface)
{
    int saved = errno;
    snprintf(message, 256, "%s %s: %s%s", what, interface, strerror(saved),
             saved == EPERM || saved == EACCES ? " (AF_PACKET needs root or CAP_NET_RAW)" : "");
    return saved == EPERM || saved == EACCES ? ERR_DENIED : error;
}

/* A raw socket, made inside a network namespace when one is named; this thread is back in its own afterwards. */
static int open_socket(const struct af_packet_settings *s, char message[256])
{
    int own = -1, other = -1, fd = -1;
    if (s->netns) {
        own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        other = open(s->netns, O_RDONLY | O_CLOEXEC);
        if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) != 0) {
            fd = refuse(message, other < 0 ? ERR_NOT_FOUND : ERR_SYSTEM, "network namespace", s->netns);
            goto out;
        }
    }
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fd = refuse(message, ERR_SYSTEM, "packet socket for", s->interface);
    if (own >= 0 && setns(own, CLONE_NEWNET) != 0 && fd >= 0) {
        close(fd);
        fd = refuse(message, ERR_SYSTEM, "leaving network namespace", s->netns);
    }
out:
    if (own >= 0)
        close(own);
    if (other >= 0)
        close(other);
    return fd;
}

/* Index, MAC and MTU of the interface, asked through a socket of its namespace. */
static int read_interface(int fd, const struct af_packet_settings *s, struct link *l, int *index, char message[256])
{
    struct ifreq r = {0};
    if (strlen(s->interface) >= sizeof r.ifr_name) {
        snprintf(message, 256, "interface %.100s: the name has %zu characters, at most %zu are allowed", s->interface, strlen(s->interface),
                 sizeof r.ifr_name - 1);
        return ERR_INVALID;
    }
    memcpy(r.ifr_name, s->interface, strlen(s->interface));
    if (ioctl(fd, SIOCGIFINDEX, &r) != 0)
        return refuse(message, ERR_NOT_FOUND, "interface", s->interface);
    *index = r.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &r) != 0)
        return refuse(message, ERR_SYSTEM, "MAC address of", s->interface);
    memcpy(l->mac, r.ifr_hwaddr.sa_data, sizeof l->mac);
    if (ioctl(fd, SIOCGIFMTU, &r) != 0)
        return refuse(message, ERR_SYSTEM, "MTU of", s->interface);
    l->mtu = (uint32_t)r.ifr_mtu;
    if (ioctl(fd, SIOCGIFFLAGS, &r) != 0)
        return refuse(message, ERR_SYSTEM, "flags of", s->interface);
    if (r.ifr_flags & IFF_UP)
        return 0;
    snprintf(message, 256, "interface %.100s is down; set it up first: ip link set %.100s up", s->interface, s->interface);
    return ERR_SYSTEM;
}

static void set_option(int fd, int level, int name, int value) { (void)setsockopt(fd, level, name, &value, sizeof value); }

static int configure(int fd, const struct af_packet_settings *s, int index, char message[256])
{
    set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
    set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES);
    set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES);
    if (s->promiscuous) {
        struct packet_mreq m = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
        if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m) != 0)
            return refuse(message, ERR_SYSTEM, "promiscuous mode of", s->interface);
    }
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = __builtin_bswap16(ETH_P_ALL), .sll_ifindex = index};
    if (bind(fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0)
        return refuse(message, ERR_SYSTEM, "binding to", s->interface);
    return 0;
}

static int make_pools(struct af_packet *a, const struct af_packet_settings *s)
{
    uint32_t bytes = s->buffer_bytes ? s->buffer_bytes : PACKET_HEADROOM + a->link.mtu + ETHERNET_BYTES + CACHE_LINE;
    int e = packet_pool_init(&a->rx_pool, a->allocator, s->frames, bytes, 0);
    return e < 0 ? e : packet_pool_init(&a->tx_pool, a->allocator, s->frames, bytes, s->frames / 16);
}

int af_packet_link_new(const struct af_packet_settings *s, const struct allocator *al, struct link **out, char message[256])
{
    struct af_packet *a = alloc_zeroed(al, sizeof *a, alignof(struct af_packet));
    int index = 0;
    message[0] = 0;
    if (!a)
        return ERR_NO_MEMORY;
    a->allocator = al;
    a->link.ops = &af_packet_ops;
    snprintf(a->link.name, sizeof a->link.name, "packet:%s", s->interface);
    int e = a->link.fd = open_socket(s, message);
    if (e >= 0)
        e = read_interface(a->link.fd, s, &a->link, &index, message);
    if (e >= 0)
        e = make_pools(a, s);
    if (e >= 0)
        e = configure(a->link.fd, s, index, message);
    if (e < 0) {
        af_packet_close(&a->link);
        return e;
    }
    *out = &a->link;
    return 0;
}
