/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET in bursts: recvmmsg and sendmmsg on one non-blocking raw socket. See af_packet.h.
 *
 * Slots 0 to ready hold empty frames with their message headers prepared; a receive fills the first of them, and only those are prepared anew.
 * The kernel tells with each frame (PACKET_AUXDATA) the VLAN tag it stripped and whether the transport checksum is not filled in, because the
 * sender is on this machine; such a checksum never crossed a wire and counts as verified.
 */
#define _GNU_SOURCE
#include "link/af_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"

#define BURST LINK_BURST
#define SOCKET_BUFFER_BYTES (8 << 20)
#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */
#define ETHERNET_ADDRESSES 12u
#define VLAN_TAG 4u
#define STATISTICS_NS (100 * NS_PER_MS)

union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct af_packet {
    struct link link;
    struct packet_pool rx_pool, tx_pool;
    struct packet *slots[BURST];
    unsigned ready;
    int64_t statistics_at; /* when the kernel is next asked for its drops */
    struct mmsghdr rx[BURST], tx[BURST];
    struct iovec rx_iov[BURST], tx_iov[BURST];
    union control control[BURST];
    const struct allocator *allocator;
};

static struct af_packet *af_packet_of(struct link *l) { return container_of(l, struct af_packet, link); }

/* ---- receive ---- */

static void prepare(struct af_packet *a, unsigned slot)
{
    struct packet *p = a->slots[slot];
    a->rx_iov[slot] = (struct iovec){.iov_base = p->data, .iov_len = packet_tailroom(p)};
    a->rx[slot].msg_hdr = (struct msghdr){.msg_iov = &a->rx_iov[slot],
                                          .msg_iovlen = 1,
                                          .msg_control = &a->control[slot],
                                          .msg_controllen = sizeof a->control[slot]};
}

/* Fills up after the first `used` slots were taken; when the pool is short, slots from the end close the gap. */
static void refill(struct af_packet *a, unsigned used)
{
    unsigned filled = packet_pool_get(&a->rx_pool, a->slots, used);
    for (unsigned i = 0; i < filled; i++)
        prepare(a, i);
    for (; filled < used && a->ready > used; filled++) {
        a->slots[filled] = a->slots[--a->ready];
        prepare(a, filled);
    }
    if (filled < used)
        a->ready = filled;
    unsigned added = packet_pool_get(&a->rx_pool, a->slots + a->ready, BURST - a->ready);
    for (unsigned i = 0; i < added; i++)
        prepare(a, a->ready++);
}

/* A stripped tag stays beside the frame when it is 802.1Q; any other goes back where it was. */
static void take_vlan(struct packet *p, const struct tpacket_auxdata *aux)
{
    if (!(aux->tp_status & TP_STATUS_VLAN_TPID_VALID) || aux->tp_vlan_tpid == ETH_P_8021Q) {
        p->vlan_present = true;
        p->vlan_tci = aux->tp_vlan_tci;
        return;
    }
    memmove(p->data - VLAN_TAG, p->data, ETHERNET_ADDRESSES);
    p->data -= VLAN_TAG;
    p->len += VLAN_TAG;
    store_be16(p->data + ETHERNET_ADDRESSES, aux->tp_vlan_tpid);
    store_be16(p->data + ETHERNET_ADDRESSES + 2, aux->tp_vlan_tci);
}

static void take_auxdata(struct packet *p, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct tpacket_auxdata aux;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof aux))
            continue;
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if ((aux.tp_status & TP_STATUS_VLAN_VALID) && p->len >= ETHERNET_ADDRESSES)
            take_vlan(p, &aux);
        if (aux.tp_status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID))
            p->checksum = PACKET_CHECKSUM_VERIFIED;
    }
}

/* The n received frames that fit their buffers go to `packets`. */
static unsigned take_received(struct af_packet *a, struct packet **packets, unsigned n, int64_t now)
{
    struct link_counters *counters = &a->link.counters;
    unsigned good = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = a->slots[i];
        if (a->rx[i].msg_hdr.msg_flags & MSG_TRUNC) {
            counters->drops[LINK_DROP_RX_TOO_LONG]++;
            packet_release(p);
            continue;
        }
        p->len = a->rx[i].msg_len;
        p->rx_ns = now;
        take_auxdata(p, &a->rx[i].msg_hdr);
        counters->bytes_rx += p->len;
        packets[good++] = p;
    }
    counters->frames_rx += good;
    return good;
}

/* What the kernel dropped because this socket's buffer was full; reading resets its count. */
static void count_kernel_drops(struct af_packet *a, int64_t now)
{
    struct tpacket_stats s;
    socklen_t size = sizeof s;
    a->statistics_at = now + STATISTICS_NS;
    if (getsockopt(a->link.fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) == 0)
        a->link.counters.drops[LINK_DROP_RX_NO_BUFFER] += s.tp_drops;
}

static unsigned af_packet_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_packet *a = af_packet_of(l);
    if (now >= a->statistics_at)
        count_kernel_drops(a, now);
    if (a->ready < BURST)
        refill(a, 0);
    n = min_u32(n, a->ready);
    if (n == 0)
        return 0; /* all frames are in use; what comes meanwhile waits in the socket */
    int got = recvmmsg(l->fd, a->rx, n, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (got <= 0)
        return 0;
    unsigned good = take_received(a, packets, (unsigned)got, now);
    refill(a, (unsigned)got);
    return good;
}

/* ---- transmit ---- */

static unsigned af_packet_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct af_packet *a = af_packet_of(l);
    unsigned got = packet_pool_get(&a->tx_pool, packets, n);
    while (kind == LINK_ALLOC_CONTROL && got < n && (packets[got] = packet_pool_get_reserved(&a->tx_pool)) != NULL)
        got++;
    return got;
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
            counters->bytes_tx += a->tx_iov[done].iov_len;
    }
}

static void send_burst(struct af_packet *a, struct packet **packets, unsigned n)
{
    unsigned prepared = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        if (unlikely(!packet_is_plain(p)) && packet_finish(p) != 0) {
            a->link.counters.drops[LINK_DROP_TX_MALFORMED]++;
            continue;
        }
        a->tx_iov[prepared] = (struct iovec){.iov_base = p->data, .iov_len = p->len};
        a->tx[prepared].msg_hdr = (struct msghdr){.msg_iov = &a->tx_iov[prepared], .msg_iovlen = 1};
        prepared++;
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

/* The socket is readable as long as a frame waits in it, so that there is nothing to ask for. */
static bool af_packet_arm(struct link *l)
{
    (void)l;
    return true;
}

static void af_packet_close(struct link *l)
{
    struct af_packet *a = af_packet_of(l);
    if (l->fd >= 0)
        close(l->fd);
    packet_release_burst(a->slots, a->ready);
    packet_pool_free(&a->rx_pool);
    packet_pool_free(&a->tx_pool);
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
}

/* Says what failed, with errno's text; returns `error`, or ERR_DENIED where that was why. */
static int refuse(char message[256], int error, const char *what, const char *name)
{
    bool denied = errno == EPERM || errno == EACCES;
    snprintf(message, 256, "%s %.100s: %s%s", what, name, strerror(errno),
             denied ? " (AF_PACKET needs root or CAP_NET_RAW, another network namespace CAP_SYS_ADMIN)" : "");
    return denied ? ERR_DENIED : error;
}

static int packet_socket(const char *interface, char message[256])
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : refuse(message, ERR_SYSTEM, "packet socket for", interface);
}

/* A raw socket made inside another network namespace, to which it then belongs; this thread is back in its own afterwards. */
static int packet_socket_in(const char *netns, const char *interface, char message[256])
{
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int other = open(netns, O_RDONLY | O_CLOEXEC);
    int fd = -1;
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) != 0) {
        fd = refuse(message, other < 0 ? ERR_NOT_FOUND : ERR_SYSTEM, "network namespace", netns);
    } else {
        fd = packet_socket(interface, message);
        if (setns(own, CLONE_NEWNET) != 0) {
            if (fd >= 0)
                close(fd);
            fd = refuse(message, ERR_SYSTEM, "this thread cannot return from network namespace", netns);
        }
    }
    if (own >= 0)
        close(own);
    if (other >= 0)
        close(other);
    return fd;
}

/* One question about the interface; r keeps its name. */
static int ask(int fd, unsigned long question, struct ifreq *r, const char *what, char message[256])
{
    if (ioctl(fd, question, r) == 0)
        return 0;
    return refuse(message, errno == ENODEV ? ERR_NOT_FOUND : ERR_SYSTEM, what, r->ifr_name);
}

/* Index, MAC and MTU of the interface, asked through a socket of its namespace. */
static int read_interface(int fd, const char *name, struct link *l, int *index, char message[256])
{
    struct ifreq r = {0};
    if (strlen(name) >= sizeof r.ifr_name) {
        snprintf(message, 256, "interface %.100s: the name has %zu characters, at most %zu are allowed", name,
                 strlen(name), sizeof r.ifr_name - 1);
        return ERR_NOT_FOUND;
    }
    memcpy(r.ifr_name, name, strlen(name));
    int e = ask(fd, SIOCGIFINDEX, &r, "interface", message);
    *index = r.ifr_ifindex;
    if (!e && !(e = ask(fd, SIOCGIFMTU, &r, "MTU of", message)))
        l->mtu = (uint32_t)r.ifr_mtu;
    if (!e && !(e = ask(fd, SIOCGIFHWADDR, &r, "MAC address of", message)))
        memcpy(l->mac, r.ifr_hwaddr.sa_data, sizeof l->mac);
    if (!e && r.ifr_hwaddr.sa_family != ARPHRD_ETHER && r.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK) {
        snprintf(message, 256, "interface %s has hardware type %u; only Ethernet (%u) is supported", r.ifr_name,
                 r.ifr_hwaddr.sa_family, ARPHRD_ETHER);
        return ERR_UNSUPPORTED;
    }
    if (!e && !(e = ask(fd, SIOCGIFFLAGS, &r, "flags of", message)) && !(r.ifr_flags & IFF_UP)) {
        snprintf(message, 256, "interface %s is down; set it up first: ip link set %s up", r.ifr_name, r.ifr_name);
        return ERR_SYSTEM;
    }
    return e;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* Bypassing the queueing discipline and larger buffers are wishes; the rest is needed. */
static int configure(int fd, const struct af_packet_settings *s, int index, char message[256])
{
    (void)set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES))
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES))
        (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    if (!set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1) || !set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1))
        return refuse(message, ERR_SYSTEM, "PACKET_AUXDATA and PACKET_IGNORE_OUTGOING (Linux 4.20) on", s->interface);
    struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    if (s->promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return refuse(message, ERR_SYSTEM, "promiscuous mode of", s->interface);
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = __builtin_bswap16(ETH_P_ALL), .sll_ifindex = index};
    if (bind(fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0)
        return refuse(message, ERR_SYSTEM, "binding to", s->interface);
    return 0;
}

static int make_pools(struct af_packet *a, const struct af_packet_settings *s, char message[256])
{
    uint32_t bytes = s->buffer_bytes ? s->buffer_bytes : PACKET_HEADROOM + a->link.mtu + ETHERNET_OVERHEAD;
    int e = packet_pool_init(&a->rx_pool, a->allocator, s->frames, bytes, 0);
    if (!e)
        e = packet_pool_init(&a->tx_pool, a->allocator, s->frames, bytes, s->frames / 16);
    if (e)
        snprintf(message, 256, "interface %.100s: %s for twice %u frames of %u bytes", s->interface, err_text(e),
                 s->frames, bytes);
    return e;
}

static int open_interface(struct af_packet *a, const struct af_packet_settings *s, char message[256])
{
    int index = 0;
    int fd = s->netns ? packet_socket_in(s->netns, s->interface, message) : packet_socket(s->interface, message);
    if (fd < 0)
        return fd;
    a->link.fd = fd;
    int e = read_interface(fd, s->interface, &a->link, &index, message);
    if (!e)
        e = make_pools(a, s, message);
    return e ? e : configure(fd, s, index, message);
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
    refill(a, 0);
    *out = &a->link;
    return 0;
}
