/* SPDX-License-Identifier: MIT */
/*
 * TAP in bursts: one readv or writev a packet, of header and frame, until the device has no more. See tap.h; opening is
 * in tap_open.c.
 *
 * The device has no call for several packets, so that a burst of small ones costs one system call each; GSO packets are
 * what makes it fast.
 */
#include "link/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "link/cutter.h"
#include "link/frames.h"

#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */

struct tap {
    struct link link;
    struct link_frames frames;
    struct packet *landing; /* where the next frame is read to, or NULL */
    struct cutter cutter;
    const struct allocator *allocator;
};

static struct tap *tap_of(struct link *l) { return container_of(l, struct tap, link); }

/* ---- receive ---- */

static void drop(struct tap *t, struct packet *p, enum link_drop cause)
{
    t->link.counters.drops[cause]++;
    packet_release(p);
}

/* The frame of `length` bytes that lies in the landing packet, or NULL when it was dropped. */
static struct packet *take(struct tap *t, const struct virtio_net_hdr *h, uint32_t length, int64_t now)
{
    uint32_t room = packet_tailroom(t->landing);
    struct packet *p = link_frames_take(&t->frames, &t->landing, min_u32(length, room));
    int e = 0;
    if (length > room)
        drop(t, p, LINK_DROP_RX_TOO_LONG);
    else if ((e = vnet_read(p, t->link.caps, h)) < 0)
        drop(t, p, LINK_DROP_RX_MALFORMED);
    if (length > room || e < 0)
        return NULL;
    p->rx_ns = now;
    return p;
}

/*
 * Reads one frame; false when there is none. *out is NULL when it was dropped. One byte more than there is room for
 * tells that it was too long.
 */
static bool receive(struct tap *t, struct packet **out, int64_t now)
{
    struct virtio_net_hdr h;
    uint8_t more;
    const struct iovec parts[3] = {{.iov_base = &h, .iov_len = sizeof h},
                                   {.iov_base = t->landing->data, .iov_len = packet_tailroom(t->landing)},
                                   {.iov_base = &more, .iov_len = sizeof more}};
    ssize_t got = readv(t->link.fd, parts, ARRAY_SIZE(parts));
    if (got <= 0)
        return false;
    *out = NULL;
    if ((size_t)got <= sizeof h)
        t->link.counters.drops[LINK_DROP_RX_MALFORMED]++;
    else
        *out = take(t, &h, (uint32_t)((size_t)got - sizeof h), now);
    return true;
}

static unsigned take_cut(struct tap *t, struct packet **packets, unsigned n)
{
    return cutter_take(&t->cutter, &t->frames.rx, t->link.caps, packets, n,
                       &t->link.counters.drops[LINK_DROP_RX_TOO_LONG]);
}

static unsigned receive_burst(struct tap *t, struct packet **packets, unsigned n, int64_t now)
{
    unsigned good = 0;
    struct packet *p;
    for (uint32_t bytes = 0, taken = 0; taken < min_u32(n, LINK_BURST) && bytes < LINK_FRAMES_BURST_BYTES; taken++) {
        if (!t->landing && link_frames_land(&t->frames, &t->landing, 1) == 0)
            break; /* all frames are in use; what comes meanwhile waits in the device */
        if (!receive(t, &p, now))
            break;
        if (!p)
            continue;
        bytes += p->len;
        if (!cutter_keeps(&t->cutter, p, t->link.caps))
            packets[good++] = p;
    }
    return cutter_is_empty(&t->cutter) ? good : good + take_cut(t, packets + good, n - good);
}

static unsigned tap_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct tap *t = tap_of(l);
    unsigned got = cutter_is_empty(&t->cutter) ? receive_burst(t, packets, n, now) : take_cut(t, packets, n);
    l->counters.frames_rx += got;
    for (unsigned i = 0; i < got; i++)
        l->counters.bytes_rx += packets[i]->len;
    return got;
}

/* ---- transmit ---- */

static unsigned tap_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_frames_tx_alloc(&tap_of(l)->frames, packets, n, kind);
}

static ssize_t write_frame(int fd, const struct virtio_net_hdr *h, const struct packet *p)
{
    struct iovec parts[2 + PACKET_MAX_FRAGS];
    unsigned n = 0;
    memcpy(&parts[n].iov_base, &(const void *){h}, sizeof(void *));
    parts[n++].iov_len = sizeof *h;
    parts[n++] = (struct iovec){.iov_base = p->data, .iov_len = p->len};
    for (unsigned i = 0; i < p->nfrags; i++, n++) {
        memcpy(&parts[n].iov_base, &p->frags[i].bytes, sizeof(void *));
        parts[n].iov_len = p->frags[i].length;
    }
    ssize_t sent;
    do
        sent = writev(fd, parts, (int)n);
    while (sent < 0 && errno == EINTR);
    return sent;
}

static void transmit(struct tap *t, struct packet *p)
{
    struct link_counters *c = &t->link.counters;
    struct virtio_net_hdr h;
    if (vnet_write(p, t->link.caps, &h) < 0) {
        c->drops[LINK_DROP_TX_MALFORMED]++;
        return;
    }
    ssize_t sent = write_frame(t->link.fd, &h, p);
    if (sent < 0) {
        bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
        c->drops[full ? LINK_DROP_TX_NO_ROOM : LINK_DROP_TX_ERROR]++;
        return;
    }
    c->frames_tx++;
    c->bytes_tx += (uint64_t)sent - sizeof h;
}

static void tap_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    (void)now;
    for (unsigned i = 0; i < n; i++)
        transmit(tap_of(l), packets[i]);
    packet_release_burst(packets, n);
}

/*
 * The descriptor is readable as long as a frame waits in the device, so that there is nothing to ask for; what waits here
 * it does not know of.
 */
static bool tap_arm(struct link *l) { return cutter_is_empty(&tap_of(l)->cutter); }

static void tap_close(struct link *l)
{
    struct tap *t = tap_of(l);
    if (l->fd >= 0)
        close(l->fd);
    if (t->landing)
        packet_release(t->landing);
    cutter_clear(&t->cutter);
    link_frames_free(&t->frames);
    alloc_free(t->allocator, t, sizeof *t);
}

static const struct link_ops tap_ops = {
    .rx_burst = tap_rx_burst, .tx_alloc = tap_tx_alloc, .tx_burst = tap_tx_burst, .arm = tap_arm, .close = tap_close};

/* ---- life ---- */

void tap_settings_default(struct tap_settings *s)
{
    *s = (struct tap_settings){.mtu = 1500, .queues = 1, .frames = 4096};
    vnet_offload_default(&s->offload);
}

static int init(struct tap *t, const struct tap_settings *s, char message[256])
{
    uint32_t bytes = PACKET_HEADROOM + s->mtu + ETHERNET_OVERHEAD;
    int e = vnet_offload_check(&s->offload, s->name, message);
    if (e)
        return e;
    vnet_offload_describe(&s->offload, &t->link);
    e = link_frames_init(&t->frames, t->allocator, s->frames, bytes, s->offload.gro, s->offload.tso);
    if (e)
        snprintf(message, 256, "%s: %s for twice %u frames of %u bytes", t->link.name, err_text(e), s->frames, bytes);
    return e;
}

int tap_link_over(int fd, const uint8_t mac[6], const struct tap_settings *s, const struct allocator *a,
                  struct link **out, char message[256])
{
    message[0] = 0;
    struct tap *t = alloc_zeroed(a, sizeof *t, alignof(struct tap));
    if (!t) {
        snprintf(message, 256, "tap:%.100s: %s", s->name, err_text(ERR_NO_MEMORY));
        close(fd);
        return ERR_NO_MEMORY;
    }
    t->allocator = a;
    t->link = (struct link){.ops = &tap_ops, .mtu = s->mtu, .fd = fd};
    memcpy(t->link.mac, mac, sizeof t->link.mac);
    snprintf(t->link.name, sizeof t->link.name, "tap:%s", s->name);
    int e = init(t, s, message);
    if (e) {
        tap_close(&t->link);
        return e;
    }
    *out = &t->link;
    return 0;
}
