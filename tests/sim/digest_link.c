/* SPDX-License-Identifier: MIT */
/*
 * See digest_link.h.
 */
#include "digest_link.h"

#include <string.h>

#include "base/alloc_heap.h"

struct digest_link {
    struct link link;
    struct link *lower;
    struct digest *digest;
};

uint64_t digest_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 32);
}

static struct digest_link *digest_link_of(struct link *l) { return container_of(l, struct digest_link, link); }
static unsigned digest_link_rx(struct link *l, struct packet **p, unsigned n, int64_t now)
{
    return link_rx_burst(digest_link_of(l)->lower, p, n, now);
}
static unsigned digest_link_alloc(struct link *l, struct packet **p, unsigned n, enum link_alloc kind)
{
    return link_tx_alloc(digest_link_of(l)->lower, p, n, kind);
}

static void digest_link_tx(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct digest *d = digest_link_of(l)->digest;
    for (unsigned i = 0; i < n; i++) {
        const struct packet *p = packets[i];
        uint64_t h = digest_mix(digest_mix(d->value, (uint64_t)now), p->len);
        for (uint32_t at = 0; at + 8 <= p->len; at += 8) {
            uint64_t word;
            memcpy(&word, p->data + at, 8);
            h = digest_mix(h, word);
        }
        d->value = h;
        d->frames++;
    }
    digest_link_of(l)->lower->ops->tx_burst(digest_link_of(l)->lower, packets, n, now);
}

static int64_t digest_link_deadline(struct link *l) { return link_next_deadline(digest_link_of(l)->lower); }
static void digest_link_close(struct link *l)
{
    link_close(digest_link_of(l)->lower);
    alloc_free(alloc_heap(), digest_link_of(l), sizeof(struct digest_link));
}

static const struct link_ops digest_link_ops = {.rx_burst = digest_link_rx,
                                                .tx_alloc = digest_link_alloc,
                                                .tx_burst = digest_link_tx,
                                                .next_deadline = digest_link_deadline,
                                                .close = digest_link_close};

struct link *digest_link_new(struct link *lower, struct digest *digest)
{
    struct digest_link *t = alloc_zeroed(alloc_heap(), sizeof *t, 64);
    assert(t);
    t->link = *lower;
    t->link.ops = &digest_link_ops;
    t->lower = lower;
    t->digest = digest;
    return &t->link;
}
