/* SPDX-License-Identifier: MIT */
/*
 * AF_XDP in bursts: see af_xdp.h. Opening is in xdp_sockets.c.
 *
 * A frame goes round: the pool rx -> a fill ring -> a ring rx -> whoever receives it -> the pool; and the pool tx ->
 * whoever fills it -> the ring tx -> the ring of completed ones -> its pool. A burst costs one system call to send, one
 * more for each 32 frames before Linux 6.17, and none to receive where the kernel copies.
 */
#define _GNU_SOURCE
#include "link/af_xdp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/error.h"

#if WEIR_XDP

#include "link/unfilled.h"
#include "link/xdp_sockets.h"

#define BURST LINK_BURST
#define STATISTICS_NS (100 * NS_PER_MS)
#define ETHERNET_HEADER 14u
#define ETHERTYPE_AT 12u
#define VLAN_TAG 4u
#define TYPE_8021Q 0x8100u

struct af_xdp {
    struct link link;
    struct xdp_sockets x;
    uint32_t next_queue;   /* to be received from first */
    int64_t statistics_at; /* when the kernel is next asked for drops */
    uint64_t passed_by;    /* frames without a socket that are counted */
    bool refused;          /* the interface is down or gone, as of the last call */
    uint32_t lost_in_a_row;
    const struct allocator *allocator;
};

static struct af_xdp *af_xdp_of(struct link *l) { return container_of(l, struct af_xdp, link); }

static uint64_t *drops_of(struct af_xdp *a) { return a->link.counters.drops; }

/* ---- sending ---- */

static uint32_t consumed(const struct af_xdp *a) { return __atomic_load_n(a->x.tx.consumer, __ATOMIC_ACQUIRE); }

/* Frames that the kernel has not looked at yet. */
static uint32_t waiting(const struct af_xdp *a) { return a->x.tx.cached_prod - consumed(a); }

/*
 * The kernel took a frame from the ring, and its device did not. Linux says how far it is in the ring only with a frame that was sent: the lost one is
 * the last before that place, or beyond it, behind others that were lost.
 */
static void count_lost(struct af_xdp *a, bool moved)
{
    uint32_t at = moved ? consumed(a) - 1 : consumed(a) + a->lost_in_a_row;
    a->lost_in_a_row = moved ? 0 : a->lost_in_a_row + 1;
    drops_of(a)[LINK_DROP_TX_NO_ROOM]++;
    a->link.counters.frames_tx--;
    a->link.counters.bytes_tx -= xsk_ring_prod__tx_desc(&a->x.tx, at)->len;
}

static bool is_passing(int error)
{
    return error == EBUSY || error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* One call. False when another is of no use now; what waits is looked at again at the next burst or turn. */
static bool send_some(struct af_xdp *a)
{
    uint32_t before = consumed(a);
    bool sent = sendto(xsk_socket__fd(a->x.queues[0].socket), NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0;
    int error = sent ? 0 : errno;
    bool moved = consumed(a) != before;
    a->refused = !sent && !is_passing(error);
    if (error == EBUSY)
        count_lost(a, moved);
    else if (moved)
        a->lost_in_a_row = 0;
    return error == EBUSY || error == EINTR || (moved && !a->x.zero_copy);
}

/* Has the kernel send what waits in the ring. */
static void kick(struct af_xdp *a)
{
    if (xsk_ring_prod__needs_wakeup(&a->x.tx))
        while (waiting(a) > 0 && send_some(a))
            ;
}

/* Frames that have left go home. */
static void take_completed(struct af_xdp *a)
{
    struct xsk_ring_cons *r = &a->x.queues[0].completed;
    struct packet *packets[BURST];
    uint32_t at, n;
    while ((n = xsk_ring_cons__peek(r, BURST, &at)) > 0) {
        for (uint32_t i = 0; i < n; i++)
            packets[i] = umem_reclaim(&a->x.umem, *xsk_ring_cons__comp_addr(r, at + i));
        xsk_ring_cons__release(r, n);
        packet_release_burst(packets, n);
    }
}

static unsigned af_xdp_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct af_xdp *a = af_xdp_of(l);
    struct packet_pool *pool = &a->x.umem.tx;
    if (pool->free_count < pool->reserve + n)
        take_completed(a);
    unsigned got = packet_pool_get(pool, packets, n);
    while (kind == LINK_ALLOC_CONTROL && got < n && (packets[got] = packet_pool_get_reserved(pool)) != NULL)
        got++;
    return got;
}

/* As for the kernel's own: a tag of 802.1Q does not count. */
static bool is_too_long(const struct af_xdp *a, const struct packet *p)
{
    uint32_t most = a->link.mtu + ETHERNET_HEADER;
    return p->len > most && (p->len > most + VLAN_TAG || load_be16(p->data + ETHERTYPE_AT) != TYPE_8021Q);
}

static void drop_sent(struct af_xdp *a, struct packet *p, enum link_drop cause)
{
    drops_of(a)[cause]++;
    packet_release(p);
}

/* The frame itself where it lies in our memory, else a copy there; NULL: it is dropped. */
static struct packet *make_ready(struct af_xdp *a, struct packet *p)
{
    enum link_drop cause = LINK_DROP_TX_NO_ROOM;
    struct packet *ready = p;
    if (unlikely(!packet_is_plain(p) && packet_finish(p) < 0))
        cause = LINK_DROP_TX_MALFORMED, ready = NULL;
    else if (unlikely(p->len < ETHERNET_HEADER || is_too_long(a, p)))
        cause = LINK_DROP_TX_ERROR, ready = NULL;
    else if (!umem_has(&a->x.umem, p))
        ready = packet_copy(p, &a->x.umem.tx);
    if (unlikely(!ready))
        drop_sent(a, p, cause);
    else if (ready != p)
        packet_release(p);
    return ready;
}

/* The ring has room for all frames there are. */
static void put_into_ring(struct af_xdp *a, struct packet *p)
{
    uint32_t at = 0;
    uint32_t reserved = xsk_ring_prod__reserve(&a->x.tx, 1, &at);
    assert(reserved == 1);
    (void)reserved;
    *xsk_ring_prod__tx_desc(&a->x.tx, at) = (struct xdp_desc){.addr = umem_lend(&a->x.umem, p), .len = p->len};
    a->link.counters.frames_tx++;
    a->link.counters.bytes_tx += p->len;
}

static void send_burst(struct af_xdp *a, struct packet **packets, unsigned n)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = make_ready(a, packets[i]);
        if (!p)
            continue;
        put_into_ring(a, p);
        ready++;
    }
    if (ready > 0) {
        xsk_ring_prod__submit(&a->x.tx, ready);
        kick(a);
    }
}

/* Asks with what waits already, or with nothing: whether the interface is up again. */
static bool is_still_refused(struct af_xdp *a)
{
    if (a->refused)
        (void)send_some(a);
    return a->refused;
}

static void af_xdp_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_xdp *a = af_xdp_of(l);
    (void)now;
    take_completed(a);
    for (unsigned at = 0; at < n; at += BURST) {
        unsigned some = min_u32(n - at, BURST);
        if (likely(!is_still_refused(a)))
            send_burst(a, packets + at, some);
        else
            for (unsigned i = 0; i < some; i++)
                drop_sent(a, packets[at + i], LINK_DROP_TX_ERROR);
    }
}

/* ---- receiving ---- */

/* Gives a queue's share of free frames to the kernel. */
static void refill(struct af_xdp *a, struct xdp_queue *q)
{
    struct packet *packets[BURST];
    unsigned n;
    while ((n = min_u32(min_u32(a->x.share - q->lent, BURST), a->x.umem.rx.free_count)) > 0) {
        uint32_t at = 0;
        n = packet_pool_get(&a->x.umem.rx, packets, n);
        uint32_t reserved = xsk_ring_prod__reserve(&q->fill, n, &at);
        assert(reserved == n);
        (void)reserved;
        for (unsigned i = 0; i < n; i++)
            *xsk_ring_prod__fill_addr(&q->fill, at + i) = umem_lend(&a->x.umem, packets[i]);
        xsk_ring_prod__submit(&q->fill, n);
        q->lent += n;
    }
}

/* A card that ran out of frames looks for more when it is told. */
static void wake(const struct xdp_queue *q)
{
    if (unlikely(xsk_ring_prod__needs_wakeup(&q->fill)))
        (void)recvfrom(xsk_socket__fd(q->socket), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

static unsigned receive_from(struct af_xdp *a, struct xdp_queue *q, struct packet **packets, unsigned n, int64_t now)
{
    uint32_t at, came = xsk_ring_cons__peek(&q->rx, n, &at);
    unsigned good = 0;
    for (uint32_t i = 0; i < came; i++) {
        const struct xdp_desc *d = xsk_ring_cons__rx_desc(&q->rx, at + i);
        struct packet *p = umem_receive(&a->x.umem, d->addr, d->len);
        p->rx_ns = now;
        if (unlikely(checksum_is_unfilled(p))) {
            drops_of(a)[LINK_DROP_RX_UNFILLED]++;
            packet_release(p);
            continue;
        }
        a->link.counters.bytes_rx += p->len;
        packets[good++] = p;
    }
    if (came > 0)
        xsk_ring_cons__release(&q->rx, came);
    q->lent -= came;
    if (q->lent < a->x.share)
        refill(a, q);
    wake(q);
    return good;
}

/*
 * What the kernel dropped of a queue since it was last asked. It counts a frame for which the fill ring was empty twice, as dropped too; the
 * other ones that it calls dropped were too long.
 */
static void ask_queue(struct af_xdp *a, struct xdp_queue *q)
{
    struct xdp_statistics s = {0};
    socklen_t size = sizeof s;
    if (getsockopt(xsk_socket__fd(q->socket), SOL_XDP, XDP_STATISTICS, &s, &size) != 0)
        return;
    uint64_t dropped = s.rx_dropped - q->seen.rx_dropped;
    uint64_t unfilled = min_u64(s.rx_fill_ring_empty_descs - q->seen.rx_fill_ring_empty_descs, dropped);
    drops_of(a)[LINK_DROP_RX_NO_BUFFER] += unfilled + s.rx_ring_full - q->seen.rx_ring_full;
    drops_of(a)[LINK_DROP_RX_TOO_LONG] += dropped - unfilled;
    drops_of(a)[LINK_DROP_RX_MALFORMED] += s.rx_invalid_descs - q->seen.rx_invalid_descs;
    drops_of(a)[LINK_DROP_TX_ERROR] += s.tx_invalid_descs - q->seen.tx_invalid_descs;
    q->seen = s;
}

static void ask_kernel(struct af_xdp *a, int64_t now)
{
    uint64_t passed_by = xdp_sockets_passed_by(&a->x);
    a->statistics_at = now + STATISTICS_NS;
    for (uint32_t i = 0; i < a->x.n_queues; i++)
        ask_queue(a, &a->x.queues[i]);
    drops_of(a)[LINK_DROP_RX_NO_SOCKET] += passed_by - a->passed_by;
    a->passed_by = passed_by;
    if (a->refused)
        kick(a);
}

static unsigned af_xdp_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct af_xdp *a = af_xdp_of(l);
    unsigned got = 0;
    if (now >= a->statistics_at)
        ask_kernel(a, now);
    take_completed(a);
    if (waiting(a) > 0 && !a->refused)
        kick(a);
    for (uint32_t i = 0; i < a->x.n_queues && got < min_u32(n, BURST); i++) {
        struct xdp_queue *q = &a->x.queues[(a->next_queue + i) % a->x.n_queues];
        got += receive_from(a, q, packets + got, min_u32(n, BURST) - got, now);
    }
    a->next_queue = a->next_queue + 1 == a->x.n_queues ? 0 : a->next_queue + 1;
    l->counters.frames_rx += got;
    return got;
}

/* Sockets are readable as long as a frame waits in them: there is nothing to ask for. */
static bool af_xdp_arm(struct link *l)
{
    (void)l;
    return true;
}

/* ---- opening and closing ---- */

static void af_xdp_close(struct link *l)
{
    struct af_xdp *a = af_xdp_of(l);
    xdp_sockets_close(&a->x, l);
    alloc_free(a->allocator, a, sizeof *a);
}

static const struct link_ops af_xdp_ops = {.rx_burst = af_xdp_rx_burst,
                                           .tx_alloc = af_xdp_tx_alloc,
                                           .tx_burst = af_xdp_tx_burst,
                                           .arm = af_xdp_arm,
                                           .close = af_xdp_close};

static void begin(struct af_xdp *a)
{
    snprintf(a->link.note, sizeof a->link.note, "%s, %s", xdp_mode_name(a->x.attachment.mode),
             a->x.zero_copy ? "zero copy" : "copied");
    a->link.tags_in_mtu = true;
    a->passed_by = xdp_sockets_passed_by(&a->x);
    for (uint32_t i = 0; i < a->x.n_queues; i++)
        refill(a, &a->x.queues[i]);
}

int af_xdp_link_new(const struct af_xdp_settings *s, const struct allocator *al, struct link **out, char message[256])
{
    message[0] = 0;
    struct af_xdp *a = alloc_zeroed(al, sizeof *a, alignof(struct af_xdp));
    if (!a) {
        snprintf(message, 256, "interface %.100s: %s", s->interface, err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    a->allocator = al;
    a->link.ops = &af_xdp_ops;
    a->link.fd = -1;
    snprintf(a->link.name, sizeof a->link.name, "xdp:%s", s->interface);
    int e = xdp_sockets_open(&a->x, s, al, &a->link, message);
    if (e) {
        af_xdp_close(&a->link);
        return e;
    }
    begin(a);
    *out = &a->link;
    return 0;
}

#else

int af_xdp_link_new(const struct af_xdp_settings *s, const struct allocator *al, struct link **out, char message[256])
{
    (void)al, (void)out;
    snprintf(message, 256, "interface %.100s: this weir was built without XDP (ENABLE_XDP=OFF)", s->interface);
    return ERR_UNSUPPORTED;
}

#endif

void af_xdp_settings_default(struct af_xdp_settings *s)
{
    *s = (struct af_xdp_settings){.frames = 4096, .promiscuous = true};
}
