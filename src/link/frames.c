/* SPDX-License-Identifier: MIT */
/*
 * See frames.h.
 */
#include "link/frames.h"

#include <string.h>

#define LARGE_BYTES (PACKET_HEADROOM + 22u + 65535u) /* Ethernet header and two VLAN tags, the largest IP packet */

int link_frames_init(struct link_frames *f, const struct allocator *a, uint32_t frames, uint32_t buffer_bytes,
                     bool rx_large, bool tx_large)
{
    int e = packet_pool_init(&f->rx, a, frames, buffer_bytes, 0);
    if (!e)
        e = packet_pool_init(&f->tx, a, frames, buffer_bytes, frames / 16);
    if (!e && rx_large)
        e = packet_pool_init(&f->rx_large, a, LINK_FRAMES_LARGE, LARGE_BYTES, 0);
    if (!e && tx_large)
        e = packet_pool_init(&f->tx_large, a, LINK_FRAMES_LARGE, LARGE_BYTES, 0);
    return e;
}

void link_frames_free(struct link_frames *f)
{
    packet_pool_free(&f->rx);
    packet_pool_free(&f->tx);
    packet_pool_free(&f->rx_large);
    packet_pool_free(&f->tx_large);
}

unsigned link_frames_tx_alloc(struct link_frames *f, struct packet **packets, unsigned n, enum link_alloc kind)
{
    if (kind == LINK_ALLOC_LARGE)
        return packet_pool_get(&f->tx_large, packets, n);
    unsigned got = packet_pool_get(&f->tx, packets, n);
    while (kind == LINK_ALLOC_CONTROL && got < n && (packets[got] = packet_pool_get_reserved(&f->tx)) != NULL)
        got++;
    return got;
}

static bool has_large(const struct link_frames *f) { return f->rx_large.capacity != 0; }

unsigned link_frames_land(struct link_frames *f, struct packet **packets, unsigned n)
{
    return packet_pool_get(has_large(f) ? &f->rx_large : &f->rx, packets, n);
}

struct packet *link_frames_take(struct link_frames *f, struct packet **landing, uint32_t length)
{
    struct packet *p = *landing, *small;
    if (has_large(f) && length <= f->rx.buffer_bytes - PACKET_HEADROOM && packet_pool_get(&f->rx, &small, 1)) {
        memcpy(small->data, p->data, length);
        p = small;
    } else {
        *landing = NULL;
    }
    p->len = length;
    return p;
}
