/* SPDX-License-Identifier: MIT */
/*
 * Frames from and to a link. The number of frames asked for at once follows what the last turn used, so that a quiet
 * stack does not pay for frames it gives back, and a busy one takes them in large bursts.
 */
#include "stack/interface.h"

#include "stack/stack_internal.h"

#define LONGEST_LINK_HEADER 22u /* Ethernet and two tags */

int interface_init(struct interface *itf, unsigned number, struct link *link, struct guard *guard,
                   uint32_t waiting_frames, const struct allocator *a)
{
    *itf = (struct interface){.link = link,
                              .guard = guard,
                              .number = (uint8_t)number,
                              .tx_checksum = (link->caps & LINK_CAP_TX_CHECKSUM) != 0,
                              .mtu_max = min_u32(link->mtu, UINT16_MAX),
                              .refill = INTERFACE_MIN_REFILL};
    uint32_t frame_bytes = PACKET_HEADROOM + LONGEST_LINK_HEADER + interface_mtu(itf);
    /* One more: the newest is written before the oldest goes. */
    return packet_pool_init(&itf->waiting, a, waiting_frames + 1, max_u32(frame_bytes, PACKET_HEADROOM + 64u), 0);
}

void interface_free(struct interface *itf)
{
    packet_release_burst(itf->queue, itf->queued);
    packet_release_burst(itf->spare, itf->spares);
    itf->queued = 0;
    itf->spares = 0;
    packet_pool_free(&itf->waiting);
}

bool interface_refill(struct interface *itf, enum link_alloc kind)
{
    unsigned got = link_tx_alloc(itf->link, itf->spare, itf->refill, LINK_ALLOC_DATA);
    if (got == 0 && kind == LINK_ALLOC_CONTROL)
        got = link_tx_alloc(itf->link, itf->spare, 1, LINK_ALLOC_CONTROL);
    itf->spares = got;
    itf->taken += got;
    itf->refill = min_u32(itf->refill * 2, INTERFACE_MAX_SPARES);
    return got != 0;
}

void interface_flush(struct stack *s, struct interface *itf)
{
    unsigned n = itf->queued;
    if (n == 0)
        return;
    itf->queued = 0;
    s->counters.frames_sent += n;
    guard_tx_burst(itf->guard, itf->link, itf->queue, n, s->now);
}

void interface_end_turn(struct stack *s, struct interface *itf)
{
    interface_flush(s, itf);
    if (itf->spares)
        packet_release_burst(itf->spare, itf->spares);
    unsigned used = itf->taken - itf->spares;
    itf->refill = max_u32(min_u32(used, INTERFACE_MAX_SPARES), INTERFACE_MIN_REFILL);
    itf->spares = 0;
    itf->taken = 0;
}
