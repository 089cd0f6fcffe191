/* SPDX-License-Identifier: MIT */
/*
 * See nic.h. Frames that are lent for GSO packets come from a pool of its own and never go further than this link.
 */
#include "nic.h"

#include "base/alloc_heap.h"
#include "base/error.h"

#define LARGE_FRAMES 64u
#define ETHERNET_OVERHEAD 22u

struct nic {
    struct link link;
    struct link *lower;
    struct packet_pool large;
    uint64_t large_frames, scattered_frames;
};

static struct nic *nic_of(struct link *link) { return container_of(link, struct nic, link); }

static unsigned nic_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    return link_rx_burst(nic_of(link)->lower, packets, n, now);
}

static unsigned nic_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct nic *c = nic_of(link);
    if (kind != LINK_ALLOC_LARGE)
        return link_tx_alloc(c->lower, packets, n, kind);
    uint32_t segments = link->gso_max / 500; /* at most, with the smallest MTU in use; all of it has to fit below */
    return packet_pool_get(&c->large, packets, min_u32(n, link_tx_room(c->lower) / segments));
}

/* Completes the checksum of a frame that is no GSO packet: packet/segment does so for those. */
static void complete(struct packet *p)
{
    if (p->gso == PACKET_GSO_NONE && p->checksum == PACKET_CHECKSUM_PARTIAL) {
        int error = packet_finish(p);
        assert(error == 0);
        (void)error;
    }
}

static void nic_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct nic *c = nic_of(link);
    for (unsigned i = 0; i < n; i++) {
        complete(packets[i]);
        c->large_frames += packets[i]->gso != PACKET_GSO_NONE;
        c->scattered_frames += packets[i]->nfrags > 0;
    }
    link_tx_burst(c->lower, packets, n, now);
}

static uint32_t nic_tx_room(struct link *link) { return link_tx_room(nic_of(link)->lower); }
static int64_t nic_next_deadline(struct link *link) { return link_next_deadline(nic_of(link)->lower); }

static void nic_close(struct link *link)
{
    struct nic *c = nic_of(link);
    link_close(c->lower);
    packet_pool_free(&c->large);
    alloc_free(alloc_heap(), c, sizeof *c);
}

static const struct link_ops nic_ops = {.rx_burst = nic_rx_burst,
                                        .tx_alloc = nic_tx_alloc,
                                        .tx_burst = nic_tx_burst,
                                        .tx_room = nic_tx_room,
                                        .next_deadline = nic_next_deadline,
                                        .close = nic_close};

struct link *nic_new(struct link *lower, uint32_t gso_max)
{
    struct nic *c = alloc_zeroed(alloc_heap(), sizeof *c, 64);
    assert(c && !(lower->caps & LINK_CAP_TSO));
    c->link = *lower;
    c->link.ops = &nic_ops;
    c->link.lower = lower;
    c->link.caps |= LINK_CAP_TSO | LINK_CAP_TX_CHECKSUM | LINK_CAP_SCATTER;
    c->link.gso_max = gso_max;
    c->lower = lower;
    int error =
        packet_pool_init(&c->large, alloc_heap(), LARGE_FRAMES, PACKET_HEADROOM + ETHERNET_OVERHEAD + gso_max, 0);
    assert(error == 0);
    (void)error;
    return &c->link;
}

static const struct nic *of(const struct link *link) { return (const struct nic *)(const void *)link; }
uint64_t nic_large_frames(const struct link *link) { return of(link)->large_frames; }
uint64_t nic_scattered_frames(const struct link *link) { return of(link)->scattered_frames; }
