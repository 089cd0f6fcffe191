/* SPDX-License-Identifier: MIT */
/*
 * The decisions about a frame that chance and the line's rate make: whether it is lost, how long it takes. Integers
 * only, so that equal seeds give equal results on every machine.
 */
#ifndef WEIR_IMPAIR_MODEL_H
#define WEIR_IMPAIR_MODEL_H

#include "base/random.h"
#include "impair/impair.h"

#define IMPAIR_PPB 1000000000u
#define IMPAIR_FRAME_OVERHEAD 24u /* preamble 8, FCS 4, gap 12 */

/* ERR_INVALID when something is out of range. */
MUST_CHECK int impair_settings_check(const struct impair_settings *s);

/* Gilbert and Elliott's two states; a good state loses nothing by itself. */
struct impair_loss {
    bool bad;
};
bool impair_loss_next(struct impair_loss *loss, const struct impair_settings *s, struct random *r);

/* delay_ns and its jitter, never below 0. */
int64_t impair_delay_next(const struct impair_settings *s, struct random *r);

/* A line of limited rate: when it is free again, exactly (the remainder is in 1/bits_per_second ns). */
struct impair_line {
    int64_t free_at;
    uint64_t remainder;
};
/* Sends a frame of `bytes` as soon as the line is free; returns when its last bit has left. */
int64_t impair_line_send(struct impair_line *line, uint64_t bits_per_second, uint32_t bytes, int64_t now);

#endif
