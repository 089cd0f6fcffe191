/* SPDX-License-Identifier: MIT */
/*
 * How many stateless replies go out in a second: RSTs to segments without a connection, so that a flood of them does
 * not make us flood others.
 *
 * Each second has an allowance, which is the rate less a secret part of up to an eighth: who counts our replies to find
 * out how many others got cannot tell (the idea of RFC 5961 section 7's limit without its side channel).
 */
#ifndef WEIR_TCP_LIMIT_H
#define WEIR_TCP_LIMIT_H

#include "base/hash.h"
#include "base/time_ns.h"

struct limit {
    int64_t second; /* to which left belongs */
    uint32_t left;
};

/* May one more go now? rate: at most so many a second; 0: always. */
bool limit_take(struct limit *l, uint32_t rate, const struct hash_key *secret, int64_t now);

#endif
