/* SPDX-License-Identifier: MIT */
/*
 * See lossy_net.h.
 */
#include "lossy_net.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "support/cmocka_all.h"

#define QUEUE 65536u

void lossy_net_init(struct lossy_net *n, uint64_t seed)
{
    *n = (struct lossy_net){.delay_ns = 20 * NS_PER_MS, .now = NS_PER_S, .queue = calloc(QUEUE, sizeof *n->queue)};
    assert_non_null(n->queue);
    random_seed(&n->random, seed);
}

void lossy_net_free(struct lossy_net *n) { free(n->queue); }

static void swap(struct lossy_net *n, uint32_t a, uint32_t b)
{
    struct lossy_datagram d = n->queue[a];
    n->queue[a] = n->queue[b];
    n->queue[b] = d;
}

static struct lossy_datagram *push(struct lossy_net *n, int64_t when)
{
    assert_true(n->queued < QUEUE);
    uint32_t i = n->queued++;
    n->queue[i].when = when;
    for (; i > 0 && n->queue[(i - 1) / 2].when > n->queue[i].when; i = (i - 1) / 2)
        swap(n, i, (i - 1) / 2);
    return &n->queue[i];
}

void lossy_net_send(struct lossy_net *n, int32_t to, uint32_t client, const uint8_t *bytes, size_t length)
{
    unsigned copies = random_chance(&n->random, n->loss_ppb) ? 0 : 1 + random_chance(&n->random, n->repeat_ppb);
    n->sent++;
    assert_true(length <= LOSSY_NET_BYTES);
    while (copies-- > 0) {
        struct lossy_datagram *d = push(n, n->now + 1 + (int64_t)random_below(&n->random, (uint64_t)n->delay_ns));
        d->to = to;
        d->client = client;
        d->length = (uint16_t)length;
        memcpy(d->bytes, bytes, length);
    }
}

int64_t lossy_net_next(const struct lossy_net *n) { return n->queued ? n->queue[0].when : TIME_NEVER; }

struct lossy_datagram lossy_net_take(struct lossy_net *n)
{
    struct lossy_datagram first = n->queue[0];
    n->queue[0] = n->queue[--n->queued];
    n->now = max_i64(n->now, first.when);
    for (uint32_t i = 0, least;; i = least) {
        least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < n->queued && n->queue[child].when < n->queue[least].when)
                least = child;
        if (least == i)
            return first;
        swap(n, i, least);
    }
}
