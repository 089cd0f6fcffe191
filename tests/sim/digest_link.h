/* SPDX-License-Identifier: MIT */
/*
 * A link over another one that digests what is sent, with its time.
 */
#ifndef WEIR_TESTS_SIM_DIGEST_LINK_H
#define WEIR_TESTS_SIM_DIGEST_LINK_H

#include "packet/link.h"

struct digest {
    uint64_t value, frames;
};

/* Mixes a number into a digest's value. */
uint64_t digest_mix(uint64_t h, uint64_t v);
/* Owns `lower`. */
struct link *digest_link_new(struct link *lower, struct digest *d);

#endif
