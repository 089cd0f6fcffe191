/* SPDX-License-Identifier: MIT */
/*
 * See model.h. Burst loss: E. N. Gilbert, "Capacity of a burst-noise channel" (1960), with Elliott's loss probability
 * of the bad state. The normal distribution is the sum of twelve uniform numbers less its mean: standard deviation 1,
 * cut at six.
 */
#include "impair/model.h"

#include "base/error.h"

#define TIME_MAX_NS (INT64_C(3600) * NS_PER_S)
#define RATE_MAX_BPS UINT64_C(100000000000000)
#define QUEUE_MAX_FRAMES (1u << 20)
#define GAP_MAX (1u << 20)

static bool probabilities_valid(const struct impair_settings *s)
{
    return s->loss_ppb <= IMPAIR_PPB && s->burst_enter_ppb <= IMPAIR_PPB && s->burst_leave_ppb <= IMPAIR_PPB &&
           s->burst_loss_ppb <= IMPAIR_PPB && s->duplicate_ppb <= IMPAIR_PPB && s->corrupt_ppb <= IMPAIR_PPB &&
           s->reorder_ppb <= IMPAIR_PPB;
}

int impair_settings_check(const struct impair_settings *s)
{
    bool times = s->delay_ns >= 0 && s->delay_ns <= TIME_MAX_NS && s->jitter_ns >= 0 && s->jitter_ns <= TIME_MAX_NS;
    bool shape = s->distribution == IMPAIR_UNIFORM || s->distribution == IMPAIR_NORMAL;
    bool sizes = s->queue_frames >= 1 && s->queue_frames <= QUEUE_MAX_FRAMES && s->bits_per_second <= RATE_MAX_BPS;
    bool gap = s->reorder_ppb == 0 || (s->reorder_gap >= 1 && s->reorder_gap <= GAP_MAX);
    return probabilities_valid(s) && times && shape && sizes && gap ? 0 : ERR_INVALID;
}

bool impair_loss_next(struct impair_loss *loss, const struct impair_settings *s, struct random *r)
{
    if (random_chance(r, loss->bad ? s->burst_leave_ppb : s->burst_enter_ppb))
        loss->bad = !loss->bad;
    bool burst = loss->bad && random_chance(r, s->burst_loss_ppb);
    bool single = random_chance(r, s->loss_ppb);
    return burst || single;
}

/* Normal with mean 0 and standard deviation 2^16. */
static int64_t normal16(struct random *r)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t four = random_u64(r);
        sum += (int64_t)((four & 0xffff) + (four >> 16 & 0xffff) + (four >> 32 & 0xffff) + (four >> 48));
    }
    return sum - 6 * 0xffff;
}

int64_t impair_delay_next(const struct impair_settings *s, struct random *r)
{
    int64_t delay = s->delay_ns;
    if (s->jitter_ns == 0)
        return delay;
    if (s->distribution == IMPAIR_NORMAL)
        delay += s->jitter_ns * normal16(r) / 0x10000;
    else
        delay += (int64_t)random_below(r, 2 * (uint64_t)s->jitter_ns + 1) - s->jitter_ns;
    return max_i64(delay, 0);
}

int64_t impair_line_send(struct impair_line *line, uint64_t bits_per_second, uint32_t bytes, int64_t now)
{
    if (line->free_at < now) {
        line->free_at = now;
        line->remainder = 0;
    }
    uint64_t bits = ((uint64_t)bytes + IMPAIR_FRAME_OVERHEAD) * 8;
    uint64_t time = bits * (uint64_t)NS_PER_S + line->remainder;
    line->free_at += (int64_t)(time / bits_per_second);
    line->remainder = time % bits_per_second;
    return line->free_at;
}
