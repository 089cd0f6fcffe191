/* SPDX-License-Identifier: MIT */
/*
 * The one place where packets are made to fit a link: link_tx_burst() of those that are more than one plain frame. A
 * GSO packet that the link cannot cut, and each with MPLS labels, below which none can, is cut here (packet/segment)
 * into frames of the link's own, as many at a time as it has; frags for a link without LINK_CAP_SCATTER are made linear.
 * Partial checksums and stripped tags are left to the driver, which has packet_finish() or better. Order is kept.
 */
#include "base/error.h"
#include "packet/link.h"
#include "packet/segment.h"

#define ETHERNET_HEADER 14u

static void drop(struct link *l, enum link_drop cause, uint32_t n) { l->counters.drops[cause] += n; }

static bool fits(const struct link *l, const struct packet *p)
{
    if (p->nfrags && !(l->caps & LINK_CAP_SCATTER))
        return false;
    if (p->gso == PACKET_GSO_NONE)
        return true;
    return (l->caps & link_cap_to_cut(p)) && p->checksum == PACKET_CHECKSUM_PARTIAL &&
           packet_total_length(p) - ETHERNET_HEADER <= l->gso_max && !packet_is_labelled(p);
}

/* The next n segments into as many frames; returns how many were written, the others are released. */
static unsigned write_segments(struct link *l, struct packet_segmenter *s, struct packet **to, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (packet_segment_next(s, to[i]) == 0)
            continue;
        drop(l, LINK_DROP_TX_MALFORMED, packet_segment_left(s)); /* gso_size is more than the link's MTU */
        s->done = s->count;
        packet_release_burst(to + i, n - i);
        return i;
    }
    return n;
}

static void send_cut(struct link *l, const struct packet *p, int64_t now)
{
    struct packet_segmenter s;
    struct packet *to[LINK_BURST];
    if (packet_segment_begin(&s, p, l->caps & LINK_CAP_TX_CHECKSUM) < 0) {
        drop(l, LINK_DROP_TX_MALFORMED, 1);
        return;
    }
    while (packet_segment_left(&s)) {
        unsigned n = link_tx_alloc(l, to, min_u32(packet_segment_left(&s), LINK_BURST), LINK_ALLOC_DATA);
        if (n == 0) {
            drop(l, LINK_DROP_TX_NO_ROOM, packet_segment_left(&s));
            return;
        }
        n = write_segments(l, &s, to, n);
        if (n)
            l->ops->tx_burst(l, to, n, now);
    }
}

static void send_linear(struct link *l, const struct packet *p, int64_t now)
{
    struct packet *to;
    if (link_tx_alloc(l, &to, 1, LINK_ALLOC_DATA) == 0) {
        drop(l, LINK_DROP_TX_NO_ROOM, 1);
    } else if (packet_copy_to(to, p)) {
        l->ops->tx_burst(l, &to, 1, now);
    } else {
        packet_release(to);
        drop(l, LINK_DROP_TX_MALFORMED, 1);
    }
}

void link_tx_burst_fitted(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    unsigned first = 0; /* packets[first, i) go as they are */
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        if (fits(l, p))
            continue;
        if (i > first)
            l->ops->tx_burst(l, packets + first, i - first, now);
        first = i + 1;
        if (p->gso == PACKET_GSO_NONE)
            send_linear(l, p, now);
        else
            send_cut(l, p, now);
        packet_release(p);
    }
    if (n > first)
        l->ops->tx_burst(l, packets + first, n - first, now);
}
