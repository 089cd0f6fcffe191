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
                              .scatter = (link->caps & LINK_CAP_SCATTER) != 0,
                              .mtu_added = min_u32(link->mtu, UINT16_MAX),
                              .mtu_max = min_u32(link->mtu, UINT16_MAX),
                              .spares.refill = INTERFACE_MIN_REFILL,
                              .large.refill = 1};
    uint32_t frame_bytes = PACKET_HEADROOM + LONGEST_LINK_HEADER + interface_mtu(itf);
    /* One more: the newest is written before the oldest goes. */
    return packet_pool_init(&itf->waiting, a, waiting_frames + 1, max_u32(frame_bytes, PACKET_HEADROOM + 64u), 0);
}

int interface_merge(struct interface *itf, const struct allocator *a)
{
    if (itf->link->caps & LINK_CAP_GRO)
        return 0;
    int error = gro_init(&itf->gro, a, LINK_BURST / 2); /* a burst's merged packets are all released at its end */
    itf->merges = error == 0;
    return error;
}

static void release_spares(struct interface_spares *s)
{
    packet_release_burst(s->packet, s->count);
    s->count = 0;
}

void interface_free(struct interface *itf)
{
    packet_release_burst(itf->queue, itf->queued);
    itf->queued = 0;
    release_spares(&itf->spares);
    release_spares(&itf->large);
    packet_pool_free(&itf->waiting);
    if (itf->merges)
        gro_free(&itf->gro);
}

bool interface_refill(struct interface *itf, enum link_alloc kind)
{
    bool large = kind == LINK_ALLOC_LARGE;
    struct interface_spares *s = large ? &itf->large : &itf->spares;
    unsigned got = link_tx_alloc(itf->link, s->packet, s->refill, large ? LINK_ALLOC_LARGE : LINK_ALLOC_DATA);
    if (got == 0 && kind == LINK_ALLOC_CONTROL)
        got = link_tx_alloc(itf->link, s->packet, 1, LINK_ALLOC_CONTROL);
    s->count = got;
    s->taken += got;
    s->refill = min_u32(s->refill * 2, INTERFACE_MAX_SPARES);
    return got != 0;
}

static void lose_all(struct stack *s, struct interface *itf)
{
    for (unsigned i = 0; i < itf->queued; i++)
        STACK_DROP(s, TRACE_LINK, tx_interface_down);
    packet_release_burst(itf->queue, itf->queued);
    itf->queued = 0;
}

/* Those who watch may send, so that the queue fills again meanwhile. */
static void flush_watched(struct stack *s, struct interface *itf)
{
    struct packet *burst[LINK_BURST];
    unsigned n = itf->queued;
    memcpy(burst, itf->queue, n * sizeof burst[0]);
    itf->queued = 0;
    s->counters.frames_sent += n;
    frame_show(s, itf, burst, n, true);
    guard_tx_burst(itf->guard, itf->link, burst, n, s->now);
}

void interface_flush(struct stack *s, struct interface *itf)
{
    unsigned n = itf->queued;
    if (n == 0)
        return;
    if (unlikely(itf->down)) {
        lose_all(s, itf);
        return;
    }
    if (unlikely(itf->watchers.count != 0)) {
        flush_watched(s, itf);
        return;
    }
    itf->queued = 0;
    s->counters.frames_sent += n;
    guard_tx_burst(itf->guard, itf->link, itf->queue, n, s->now);
}

/* What was used this turn is asked for at once in the next. */
static void end_turn(struct interface_spares *s, unsigned least)
{
    unsigned used = s->taken - s->count;
    if (s->count)
        release_spares(s);
    s->refill = max_u32(min_u32(used, INTERFACE_MAX_SPARES), least);
    s->taken = 0;
}

void interface_end_turn(struct stack *s, struct interface *itf)
{
    interface_flush(s, itf);
    end_turn(&itf->spares, INTERFACE_MIN_REFILL);
    end_turn(&itf->large, 1);
}
