/* SPDX-License-Identifier: MIT */
/*
 * The link of the stack under test: what leaves waits, with its time and without its Ethernet header, until packetdrill asks for it. Nothing comes in by
 * rx_burst: the adapter gives frames to the stack itself.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "base/alloc_heap.h"
#include "wire/ip_proto.h"

#define FRAMES 256u
#define HEADER 14u
#define LARGEST (HEADER + 65535u)

static unsigned rx_burst(struct link *l, struct packet **p, unsigned n, int64_t now)
{
    (void)l;
    (void)p;
    (void)n;
    (void)now;
    return 0;
}

static unsigned tx_alloc(struct link *l, struct packet **p, unsigned n, enum link_alloc kind)
{
    struct wire *w = container_of(l, struct wire, link);
    (void)kind;
    return packet_pool_get(&w->out, p, n);
}

static void append(struct wire *w, const struct packet *p, int64_t now)
{
    size_t length = p->len - HEADER;
    struct departure *d = malloc(sizeof *d + length);
    if (!d)
        abort();
    *d = (struct departure){.at = now, .length = length};
    memcpy(d->bytes, p->data + HEADER, length);
    if (w->last)
        w->last->next = d;
    else
        w->first = d;
    w->last = d;
}

static bool is_ip(const struct packet *p) { return p->len > HEADER && p->data[12] == 0x08 && p->data[13] == 0x00; }

static void tx_burst(struct link *l, struct packet **p, unsigned n, int64_t now)
{
    struct wire *w = container_of(l, struct wire, link);
    for (unsigned i = 0; i < n; i++) {
        l->counters.frames_tx++;
        l->counters.bytes_tx += p[i]->len;
        if (is_ip(p[i]) && !w->shut)
            append(w, p[i], now);
    }
    packet_release_burst(p, n);
}

static void close_nothing(struct link *l) { (void)l; }

static const struct link_ops ops = {
    .rx_burst = rx_burst, .tx_alloc = tx_alloc, .tx_burst = tx_burst, .close = close_nothing};

int wire_init(struct wire *w, uint32_t mtu)
{
    *w = (struct wire){.link = {.ops = &ops, .name = "tun0", .mac = {2, 0, 0, 0, 0, 1}, .mtu = mtu, .fd = -1},
                       .gateway = {2, 0, 0, 0, 0, 2}};
    int e = packet_pool_init(&w->in, alloc_heap(), FRAMES, PACKET_HEADROOM + LARGEST, 0);
    return e < 0 ? e : packet_pool_init(&w->out, alloc_heap(), FRAMES, PACKET_HEADROOM + HEADER + mtu, FRAMES / 4);
}

void wire_free(struct wire *w)
{
    for (struct departure *d; (d = wire_take(w)) != NULL;)
        free(d);
    if (w->in.memory)
        packet_pool_free(&w->in);
    if (w->out.memory)
        packet_pool_free(&w->out);
}

/* What is longer than the MTU came as several segments, as over a device that merges. */
static void mark_merged(const struct wire *w, struct packet *p)
{
    const uint8_t *ip = p->data + HEADER;
    size_t header = (size_t)(ip[0] & 15) * 4;
    if (p->len <= HEADER + w->link.mtu || ip[9] != IP_PROTO_TCP || header + 20 > w->link.mtu)
        return;
    p->gso = PACKET_GSO_TCP4;
    p->gso_size = (uint16_t)(w->link.mtu - header - 20);
}

struct packet *wire_frame(struct wire *w, const void *bytes, size_t length)
{
    struct packet *p;
    if (length < 20 || length > 65535 || packet_pool_get(&w->in, &p, 1) == 0)
        return NULL;
    p->len = HEADER + (uint32_t)length;
    memcpy(p->data, w->link.mac, 6);
    memcpy(p->data + 6, w->gateway, 6);
    p->data[12] = (((const uint8_t *)bytes)[0] >> 4) == 4 ? 0x08 : 0x86;
    p->data[13] = p->data[12] == 0x08 ? 0x00 : 0xdd;
    memcpy(p->data + HEADER, bytes, length);
    mark_merged(w, p);
    return p;
}

struct departure *wire_take(struct wire *w)
{
    struct departure *d = w->first;
    if (!d)
        return NULL;
    w->first = d->next;
    if (!w->first)
        w->last = NULL;
    return d;
}
