/* SPDX-License-Identifier: MIT */
/*
 * A tunnel as a link: two bounded queues. Frames of other homes are copied, so that what waits here keeps nobody else's
 * buffers. See tunnel.h for why tx_burst only keeps, and push sends.
 */
#include "tunnel/internal.h"
#include "wire/ipv6.h"

#define RETRY_NS (100 * NS_PER_US) /* while the outer link has no room */

static struct tunnel *tunnel_of(struct link *link) { return container_of(link, struct tunnel, link); }

static uint32_t room_of(const struct tunnel *t) { return t->settings.queue_frames - t->tx.count; }

static uint32_t link_room(struct link *link) { return room_of(tunnel_of(link)); }

/* ---- out ---- */

static unsigned link_alloc_frames(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct tunnel *t = tunnel_of(link);
    (void)kind;
    return packet_pool_get(&t->tx_pool, packets, min_u32(n, room_of(t)));
}

/* The frame itself, or a copy; NULL (counted): there is no room. */
static struct packet *own_frame(struct tunnel *t, struct packet *p)
{
    if (likely(p->home == &t->tx_pool.home && !p->held))
        return p;
    struct packet *own = packet_copy(p, &t->tx_pool);
    packet_release(p);
    if (!own)
        t->link.counters.drops[LINK_DROP_TX_NO_ROOM]++;
    return own;
}

static void keep(struct tunnel *t, struct packet *p)
{
    if (room_of(t) == 0) {
        t->link.counters.drops[LINK_DROP_TX_NO_ROOM]++;
        packet_release(p);
        return;
    }
    p = own_frame(t, p);
    if (!p)
        return;
    if (unlikely(!packet_is_plain(p)) && packet_finish(p) < 0) {
        t->link.counters.drops[LINK_DROP_TX_MALFORMED]++;
        packet_release(p);
        return;
    }
    t->link.counters.frames_tx++;
    t->link.counters.bytes_tx += p->len;
    tunnel_queue_put(&t->tx, p);
}

static void link_keep(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct tunnel *t = tunnel_of(link);
    t->now = now;
    for (unsigned i = 0; i < n; i++)
        keep(t, packets[i]);
}

static void link_push(struct link *link, int64_t now)
{
    struct tunnel *t = tunnel_of(link);
    t->now = now;
    tunnel_follow_path(t, now);
    t->blocked = false;
    while (t->tx.first) {
        if (!stack_has_room(t->set->outer, t->settings.local) && stack_link_of(t->set->outer, t->settings.local)) {
            t->blocked = true;
            return;
        }
        struct packet *p = tunnel_queue_take(&t->tx);
        tunnel_send(t, p, now);
        packet_release(p);
    }
}

/* ---- in ---- */

struct packet *tunnel_rx_frame(struct tunnel *t, uint32_t bytes)
{
    struct packet *p;
    enum link_drop cause = LINK_DROP_COUNT;
    if (bytes > t->rx_pool.buffer_bytes - PACKET_HEADROOM)
        cause = LINK_DROP_RX_TOO_LONG;
    else if (t->rx.count == t->settings.queue_frames || packet_pool_get(&t->rx_pool, &p, 1) == 0)
        cause = LINK_DROP_RX_NO_BUFFER;
    if (cause == LINK_DROP_COUNT)
        return p;
    t->link.counters.drops[cause]++;
    return NULL;
}

static unsigned link_take(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct tunnel *t = tunnel_of(link);
    unsigned got = 0;
    link_push(link, now);
    for (; got < n && t->rx.first; got++) {
        struct packet *p = packets[got] = tunnel_queue_take(&t->rx);
        p->rx_ns = now;
        link->counters.frames_rx++;
        link->counters.bytes_rx += p->len;
    }
    return got;
}

static int64_t link_deadline(struct link *link)
{
    const struct tunnel *t = tunnel_of(link);
    if (t->rx.first || (t->tx.first && !t->blocked))
        return t->now;
    return t->tx.first ? t->now + RETRY_NS : TIME_NEVER;
}

static void link_close_nothing(struct link *link) { (void)link; }

const struct link_ops tunnel_link_ops = {.rx_burst = link_take,
                                         .tx_alloc = link_alloc_frames,
                                         .tx_burst = link_keep,
                                         .tx_room = link_room,
                                         .next_deadline = link_deadline,
                                         .push = link_push,
                                         .close = link_close_nothing};

void tunnel_follow_path(struct tunnel *t, int64_t now)
{
    if (t->settings.kind == TUNNEL_VXLAN || t->settings.fragment)
        return;
    uint32_t path = stack_path_mtu(t->set->outer, t->settings.local, &t->settings.remote, now);
    uint32_t room = path > t->overhead ? path - t->overhead : 0;
    t->link.mtu = min_u32(t->mtu_max, max_u32(room, WIRE_IPV6_MIN_MTU)); /* below, the outer datagram is fragmented */
}
