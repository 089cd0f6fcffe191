/* SPDX-License-Identifier: MIT */
/*
 * The monotonic clock, read once a turn by workers and by whoever runs them.
 */
#ifndef WEIR_ENGINE_CLOCK_H
#define WEIR_ENGINE_CLOCK_H

#include <time.h>

#include "base/time_ns.h"

static inline int64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* What clock_now() lacks of the time since 1970. */
static inline int64_t clock_epoch(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec - clock_now();
}

static inline void clock_sleep(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    nanosleep(&t, NULL);
}

#endif
