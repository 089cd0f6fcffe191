/* SPDX-License-Identifier: MIT */
/*
 * Sniffing through an AF_PACKET socket: see sniffer.h. The socket is made without a protocol, gets its filter, and only
 * then is bound: nothing that does not match ever waits in it.
 *
 * Owns one buffer of SNIFFER_BURST frames; in front of each is room for a VLAN tag.
 */
#define _GNU_SOURCE /* recvmmsg */
#include "link/sniffer.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/device.h"
#include "link/netns.h"

#define NEEDS "capturing needs root or CAP_NET_RAW"
#define BURST SNIFFER_BURST
#define SOCKET_BUFFER_BYTES (32 << 20)
#define VLAN_TAG 4u
#define ETHERNET_ADDRESSES 12u

union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata)) + CMSG_SPACE(sizeof(struct timespec))];
};

struct sniffer {
    int fd;
    bool loopback, filter_here;
    const struct filter *filter;
    uint32_t snap_length;
    struct sniffer_counts counts;
    struct mmsghdr messages[BURST];
    struct iovec iov[BURST];
    struct sockaddr_ll from[BURST];
    union control control[BURST];
    uint8_t *buffer;
    size_t stride;
    const struct allocator *allocator;
};

/* ---- reading ---- */

static void prepare(struct sniffer *s)
{
    for (unsigned i = 0; i < BURST; i++) {
        s->iov[i] = (struct iovec){.iov_base = s->buffer + i * s->stride + VLAN_TAG, .iov_len = s->snap_length};
        s->messages[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i],
                                                 .msg_namelen = sizeof s->from[i],
                                                 .msg_iov = &s->iov[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = &s->control[i],
                                                 .msg_controllen = sizeof s->control[i]};
    }
}

/* Puts the tag that the kernel took off back in front of the type, as far as the snap length allows. */
static void insert_tag(const struct sniffer *s, struct pcap_record *r, uint8_t *bytes, const struct tpacket_auxdata *a)
{
    uint16_t tpid = a->tp_status & TP_STATUS_VLAN_TPID_VALID ? a->tp_vlan_tpid : ETH_P_8021Q;
    if (r->captured < ETHERNET_ADDRESSES)
        return;
    memmove(bytes - VLAN_TAG, bytes, ETHERNET_ADDRESSES);
    bytes -= VLAN_TAG;
    store_be16(bytes + ETHERNET_ADDRESSES, tpid);
    store_be16(bytes + ETHERNET_ADDRESSES + 2, a->tp_vlan_tci);
    r->bytes = bytes;
    r->original += VLAN_TAG;
    r->captured = min_u32(r->captured + VLAN_TAG, s->snap_length);
}

static void take_control(const struct sniffer *s, struct pcap_record *r, uint8_t *bytes, struct msghdr *m)
{
    struct tpacket_auxdata aux = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            r->time_ns = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
        }
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA && c->cmsg_len >= CMSG_LEN(sizeof aux))
            memcpy(&aux, CMSG_DATA(c), sizeof aux);
    }
    r->original = max_u32(r->captured, aux.tp_len); /* the socket gives what the filter let through of it */
    if (aux.tp_status & TP_STATUS_VLAN_VALID)
        insert_tag(s, r, bytes, &aux);
}

/* False when it is not for the user. */
static bool take_frame(struct sniffer *s, unsigned slot, struct pcap_record *out)
{
    struct mmsghdr *m = &s->messages[slot];
    bool outgoing = s->from[slot].sll_pkttype == PACKET_OUTGOING;
    if (outgoing && s->loopback)
        return false;
    uint8_t *bytes = s->iov[slot].iov_base;
    *out = (struct pcap_record){.captured = min_u32(m->msg_len, s->snap_length),
                                .link_type = PCAP_LINK_ETHERNET,
                                .direction = outgoing ? PCAP_OUTBOUND : PCAP_INBOUND,
                                .bytes = bytes};
    take_control(s, out, bytes, &m->msg_hdr);
    return !s->filter_here || filter_matches(s->filter, out->bytes, out->captured, out->original);
}

int sniffer_read(struct sniffer *s, struct pcap_record records[SNIFFER_BURST])
{
    prepare(s);
    int got = recvmmsg(s->fd, s->messages, BURST, MSG_DONTWAIT, NULL), good = 0;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : ERR_SYSTEM;
    for (int i = 0; i < got; i++)
        good += take_frame(s, (unsigned)i, &records[good]);
    return good;
}

struct sniffer_counts sniffer_counts(struct sniffer *s)
{
    struct tpacket_stats t;
    socklen_t size = sizeof t;
    if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &t, &size) == 0) { /* which sets them to 0 */
        s->counts.received += t.tp_packets;
        s->counts.dropped += t.tp_drops;
    }
    return s->counts;
}

int sniffer_fd(const struct sniffer *s) { return s->fd; }

/* ---- opening ---- */

static int refuse(char message[256], int error, const char *what, const char *name)
{
    return netns_refuse(message, error, what, name, NEEDS);
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* A larger buffer is a wish; the rest is needed. A filter for VLAN tags is run here. */
static int configure(struct sniffer *s, const struct sniffer_settings *w, int index, char message[256])
{
    if (!set_option(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES))
        (void)set_option(s->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    if (!set_option(s->fd, SOL_PACKET, PACKET_AUXDATA, 1) || !set_option(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1))
        return refuse(message, ERR_SYSTEM, "PACKET_AUXDATA and SO_TIMESTAMPNS on", w->interface);
    s->filter_here = filter_asks_for_vlan(w->filter);
    if (!s->filter_here && filter_attach(w->filter, s->fd) != 0)
        return refuse(message, ERR_SYSTEM, "attaching the filter to", w->interface);
    struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    if (w->promiscuous && setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return refuse(message, ERR_SYSTEM, "promiscuous mode of", w->interface);
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = __builtin_bswap16(ETH_P_ALL), .sll_ifindex = index};
    if (bind(s->fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0)
        return refuse(message, ERR_SYSTEM, "binding to", w->interface);
    return 0;
}

static int open_socket(struct sniffer *s, const struct sniffer_settings *w, char message[256])
{
    int index = 0;
    s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return refuse(message, ERR_SYSTEM, "packet socket for", w->interface);
    int error = device_find(s->fd, w->interface, NEEDS, &index, &s->loopback, message);
    return error ? error : configure(s, w, index, message);
}

int sniffer_open(const struct sniffer_settings *w, const struct allocator *a, struct sniffer **out, char message[256])
{
    message[0] = 0;
    struct sniffer *s = alloc_zeroed(a, sizeof *s, alignof(struct sniffer));
    if (!s)
        return ERR_NO_MEMORY;
    s->allocator = a;
    s->fd = -1;
    s->filter = w->filter;
    s->snap_length = w->snap_length;
    s->stride = (VLAN_TAG + w->snap_length + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    s->buffer = alloc_array(a, BURST, s->stride, CACHE_LINE);
    int error = s->buffer ? open_socket(s, w, message) : ERR_NO_MEMORY;
    if (error) {
        sniffer_close(s);
        return error;
    }
    *out = s;
    return 0;
}

void sniffer_close(struct sniffer *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    alloc_free(s->allocator, s->buffer, BURST * s->stride);
    alloc_free(s->allocator, s, sizeof *s);
}
