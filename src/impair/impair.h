/* SPDX-License-Identifier: MIT */
/*
 * A link over a link that harms frames on purpose: loss (random, or Gilbert-Elliott bursts), delay with jitter,
 * duplication, reordering, corruption, a rate limit with a bounded queue. Seeded: the same seed and the same calls give
 * the same frames at the same times. Sans I/O: time is the argument, virtual or real.
 *
 * It acts on frames going out (tx_burst); impair both ends for both directions. Delayed frames are held by packet_keep,
 * and let go by the first tx_burst or rx_burst at or after their time, which link_next_deadline tells. tx_alloc gives
 * no more frames than may wait. Each surviving frame, and each duplicate by itself, is corrupted or not, then waits for
 * the line (rate), then for delay and jitter.
 */
#ifndef WEIR_IMPAIR_IMPAIR_H
#define WEIR_IMPAIR_IMPAIR_H

#include "packet/link.h"

enum impair_distribution { IMPAIR_UNIFORM, IMPAIR_NORMAL };

/* Probabilities in parts per billion. */
struct impair_settings {
    uint64_t seed;
    uint32_t loss_ppb;
    /* Gilbert-Elliott: from good to bad, from bad to good, loss in the bad state; all 0: off. */
    uint32_t burst_enter_ppb, burst_leave_ppb, burst_loss_ppb;
    uint32_t duplicate_ppb;
    uint32_t corrupt_ppb; /* flips one random bit behind the Ethernet header */
    /*
     * The frame is sent ahead of the delay; where there is none, after `reorder_gap` later frames, or 50 ms without
     * them.
     */
    uint32_t reorder_ppb;
    uint32_t reorder_gap; /* default 3; 1 to 2^20 */
    int64_t delay_ns;
    int64_t jitter_ns; /* +- uniform, or the standard deviation; delay and jitter together are never below 0 */
    enum impair_distribution distribution;
    bool jitter_keeps_order;  /* default true: jitter alone does not reorder */
    uint64_t bits_per_second; /* 0: no limit; counts frame bytes + 24 (preamble, FCS, gap) */
    uint32_t queue_frames;    /* frames that may wait, for rate, delay and reordering; default 4096, at most 2^20 */
};

struct impair_counters {
    uint64_t lost, duplicated, corrupted, reordered, delayed, queue_full;
};

void impair_settings_default(struct impair_settings *s);
/*
 * ERR_INVALID (a probability over 1e9, a time negative or over an hour, a rate over 100 Tb/s, gap or queue out of
 * range), ERR_NO_MEMORY. Takes over lower when it succeeds.
 */
MUST_CHECK int impair_link_new(const struct impair_settings *s, struct link *lower, const struct allocator *a,
                               struct link **out);
/*
 * Takes effect for the next frame; another seed starts its sequence. ERR_INVALID, also for a longer queue than at the
 * beginning.
 */
MUST_CHECK int impair_link_set(struct link *link, const struct impair_settings *s);
const struct impair_counters *impair_link_counters(const struct link *link);

#endif
