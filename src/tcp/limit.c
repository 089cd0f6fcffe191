/* SPDX-License-Identifier: MIT */
/*
 * Allowances of seconds: see limit.h.
 */
#include "tcp/limit.h"

static uint32_t allowance(uint32_t rate, const struct hash_key *secret, int64_t second)
{
    return rate - (uint32_t)(hash_sip24(secret, &second, sizeof second) % (rate / 8 + 1));
}

bool limit_take(struct limit *l, uint32_t rate, const struct hash_key *secret, int64_t now)
{
    int64_t second = now / NS_PER_S;
    if (rate == 0)
        return true;
    if (second != l->second) {
        l->second = second;
        l->left = allowance(rate, secret, second);
    }
    if (l->left == 0)
        return false;
    l->left--;
    return true;
}
