/* SPDX-License-Identifier: MIT */
/*
 * Places of failed connections that stay empty for a while, so that a target which refuses is not hammered: a ring
 * of counters, PAUSE_SLOTS spans long, so that any number of pauses costs the same memory. A pause lasts its
 * length and up to one span more.
 */
#include "traffic/traffic_private.h"

#define RING (2 * PAUSE_SLOTS)

void pause_init(struct pause *p, int64_t pause_ns)
{
    *p = (struct pause){.span_ns = max_i64(1, (pause_ns + PAUSE_SLOTS - 1) / PAUSE_SLOTS)};
}

void pause_advance(struct pause *p, int64_t now)
{
    int64_t tick = now / p->span_ns;

    if (p->count > 0 && tick > p->tick) {
        int64_t steps = min_i64(tick - p->tick, RING);
        for (int64_t i = 0; i < steps; i++) {
            uint32_t *slot = &p->slots[(uint64_t)(p->tick + i) % RING];
            p->count -= *slot;
            *slot = 0;
        }
    }
    p->tick = max_i64(p->tick, tick);
}

void pause_add(struct pause *p, int64_t now)
{
    pause_advance(p, now);
    p->slots[(uint64_t)(p->tick + PAUSE_SLOTS) % RING]++;
    p->count++;
}

int64_t pause_next(const struct pause *p)
{
    if (p->count == 0)
        return TIME_NEVER;
    for (uint32_t i = 0; i < RING; i++)
        if (p->slots[((uint64_t)p->tick + i) % RING] > 0)
            return (p->tick + i + 1) * p->span_ns;
    return TIME_NEVER;
}
