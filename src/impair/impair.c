/* SPDX-License-Identifier: MIT */
/*
 * The impaired link. A frame's way: lost or not, duplicated or not, corrupted or not; then set aside to be overtaken,
 * or through the line (rate), then through the delay, then to the lower link. What has to wait stands in a queue by
 * departure time, and each call of tx_burst and rx_burst lets go what is due, as far as the lower link has room; the
 * rest waits on.
 *
 * Owns the lower link, the queue and a pool for copies. Frames of that pool never leave: at departure their bytes move
 * to a frame of the lower link, so that nobody outside holds a frame of ours when the link is closed. Invariant:
 * queue.count + aside_count <= settings.queue_frames at creation.
 */
#include "impair/impair.h"

#include <string.h>

#include "base/error.h"
#include "impair/model.h"
#include "impair/queue.h"

#define ETHERNET_HEADER 14u
#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */
#define ASIDE_WAIT_NS (50 * NS_PER_MS)

struct impair {
    struct link link;
    struct link *lower;
    struct impair_settings settings;
    struct random random;
    struct impair_loss loss;
    struct impair_line line;
    int64_t last_departure_ns; /* of frames that keep their order */
    struct impair_queue queue;
    struct packet_pool own;
    /*
     * Frames set aside to be overtaken, in order: each until `arrivals` reaches its holder_word, or its departure_ns.
     */
    struct packet *aside_first, *aside_last;
    uint32_t aside_count;
    uint64_t arrivals;
    uint32_t room;     /* frames the lower link takes in this call */
    uint32_t promised; /* handed out by tx_alloc since rx_burst and not yet transmitted */
    struct packet *out[LINK_BURST];
    unsigned out_count;
    struct impair_counters counters;
    const struct allocator *allocator;
};

static_assert(offsetof(struct impair, link) == 0, "a const link is cast");

static struct impair *impair_of(struct link *link) { return container_of(link, struct impair, link); }

static uint32_t waiting(const struct impair *im) { return im->queue.count + im->aside_count; }

static void drop(struct impair *im, struct packet *p, enum link_drop cause)
{
    im->link.counters.drops[cause]++;
    packet_release(p);
}

static void drop_for_queue(struct impair *im, struct packet *p)
{
    im->counters.queue_full++;
    drop(im, p, LINK_DROP_IMPAIR_QUEUE);
}

/* ---- departure ---- */

static void send_out(struct impair *im, int64_t now)
{
    if (im->out_count)
        im->lower->ops->tx_burst(im->lower, im->out, im->out_count, now);
    im->out_count = 0;
}

/*
 * A frame of the lower link in place of one of ours, or NULL when there is none (p stays), or p could not be copied
 * (dropped: *p is NULL).
 */
static struct packet *exchange(struct impair *im, struct packet **p)
{
    struct packet *theirs;
    if (link_tx_alloc(im->lower, &theirs, 1, LINK_ALLOC_DATA) == 0)
        return NULL;
    if (packet_copy_to(theirs, *p)) {
        packet_release(*p);
        return theirs;
    }
    packet_release(theirs);
    drop(im, *p, LINK_DROP_TX_MALFORMED);
    *p = NULL;
    return NULL;
}

/* False when the lower link has no room, or no frame for the bytes of one of ours: the packet stays with the caller. */
static bool depart(struct impair *im, struct packet *p, int64_t now)
{
    if (im->room == 0)
        return false;
    if (p->home == &im->own.home) {
        struct packet *theirs = exchange(im, &p);
        if (!theirs)
            return p == NULL;
        p = theirs;
    }
    packet_unhold(p);
    im->room--;
    im->link.counters.frames_tx++;
    im->link.counters.bytes_tx += p->len;
    im->out[im->out_count++] = p;
    if (im->out_count == LINK_BURST)
        send_out(im, now);
    return true;
}

/* ---- waiting ---- */

/* Takes the frame, or a copy of it, out of the caller's burst; NULL when there is no place (dropped and counted). */
static struct packet *hold(struct impair *im, struct packet *p)
{
    struct packet *held = p;
    if (waiting(im) >= im->settings.queue_frames)
        held = NULL;
    else if (p->home != &im->own.home)
        held = packet_keep(p, 0, p->len, &im->own);
    if (!held)
        drop_for_queue(im, p);
    else if (held != p)
        packet_release(p);
    return held;
}

static bool has_delay(const struct impair *im) { return im->settings.delay_ns > 0 || im->settings.jitter_ns > 0; }

/* When a frame that enters the line now reaches the lower link. `ahead`: it overtakes those that are delayed. */
static int64_t departure_of(struct impair *im, uint32_t bytes, bool ahead, int64_t now)
{
    int64_t departure = now;
    if (im->settings.bits_per_second)
        departure = impair_line_send(&im->line, im->settings.bits_per_second, bytes, now);
    if (!has_delay(im) || ahead)
        return departure;
    departure += impair_delay_next(&im->settings, &im->random);
    if (im->settings.jitter_keeps_order)
        departure = max_i64(departure, im->last_departure_ns);
    im->last_departure_ns = departure;
    return departure;
}

/* Through line and delay. A frame that finds no place takes no time of the line. */
static void schedule(struct impair *im, struct packet *p, bool ahead, int64_t now)
{
    struct impair_line line = im->line;
    int64_t last = im->last_departure_ns;
    int64_t departure = departure_of(im, p->len, ahead, now);
    if (departure <= now && depart(im, p, now))
        return;
    p = hold(im, p);
    if (!p) {
        im->line = line;
        im->last_departure_ns = last;
        return;
    }
    p->departure_set = true;
    p->departure_ns = departure;
    im->counters.delayed++;
    impair_queue_push(&im->queue, p, departure);
}

static void set_aside(struct impair *im, struct packet *p, int64_t now)
{
    p = hold(im, p);
    if (!p)
        return;
    p->next = NULL;
    p->holder_word = im->arrivals + im->settings.reorder_gap;
    p->departure_ns = now + ASIDE_WAIT_NS;
    if (im->aside_first)
        im->aside_last->next = p;
    else
        im->aside_first = p;
    im->aside_last = p;
    im->aside_count++;
    im->counters.reordered++;
}

static struct packet *take_aside(struct impair *im)
{
    struct packet *p = im->aside_first;
    im->aside_first = p->next;
    im->aside_count--;
    packet_unhold(p);
    return p;
}

/* Those that enough later frames have overtaken go on; so do those for whom none came. */
static void resume_aside(struct impair *im, int64_t now)
{
    while (im->aside_first && (im->aside_first->holder_word <= im->arrivals || im->aside_first->departure_ns <= now))
        schedule(im, take_aside(im), false, now);
}

static void let_go_due(struct impair *im, int64_t now)
{
    im->room = link_tx_room(im->lower);
    while (impair_queue_next(&im->queue) <= now && depart(im, impair_queue_first(&im->queue), now))
        (void)impair_queue_pop(&im->queue);
    resume_aside(im, now);
}

/* ---- arrival ---- */

/* Flips one bit behind the Ethernet header. A checksum not yet filled in is completed first: the damage must show. */
static bool corrupt(struct impair *im, struct packet *p)
{
    if (p->checksum == PACKET_CHECKSUM_PARTIAL && packet_finish(p) != 0)
        return false;
    p->checksum = PACKET_CHECKSUM_UNKNOWN;
    if (p->len <= ETHERNET_HEADER)
        return true;
    uint64_t bit = random_below(&im->random, (uint64_t)(p->len - ETHERNET_HEADER) * 8);
    p->data[ETHERNET_HEADER + bit / 8] ^= (uint8_t)(1u << bit % 8);
    im->counters.corrupted++;
    return true;
}

static void pass(struct impair *im, struct packet *p, int64_t now)
{
    if (random_chance(&im->random, im->settings.corrupt_ppb) && !corrupt(im, p)) {
        drop(im, p, LINK_DROP_TX_MALFORMED);
        return;
    }
    bool reorder = random_chance(&im->random, im->settings.reorder_ppb);
    im->arrivals++;
    if (reorder && !has_delay(im)) {
        set_aside(im, p, now);
    } else {
        im->counters.reordered += reorder;
        schedule(im, p, reorder, now);
    }
    resume_aside(im, now);
}

static void arrive(struct impair *im, struct packet *p, int64_t now)
{
    if (impair_loss_next(&im->loss, &im->settings, &im->random)) {
        im->counters.lost++;
        drop(im, p, LINK_DROP_IMPAIR_LOSS);
        return;
    }
    struct packet *twin = NULL;
    if (random_chance(&im->random, im->settings.duplicate_ppb)) {
        twin = packet_copy(p, &im->own);
        im->counters.duplicated += twin != NULL;
    }
    pass(im, p, now);
    if (twin)
        pass(im, twin, now);
}

/* ---- the link ---- */

static void impair_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct impair *im = impair_of(link);
    im->promised -= min_u32(im->promised, n);
    let_go_due(im, now);
    for (unsigned i = 0; i < n; i++)
        arrive(im, packets[i], now);
    send_out(im, now);
}

static unsigned impair_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct impair *im = impair_of(link);
    uint32_t used = waiting(im) + im->promised;
    n = min_u32(n, im->settings.queue_frames > used ? im->settings.queue_frames - used : 0);
    n = n ? link_tx_alloc(im->lower, packets, n, kind) : 0;
    im->promised += n;
    return n;
}

static unsigned impair_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct impair *im = impair_of(link);
    im->promised = 0;
    unsigned got = link_rx_burst(im->lower, packets, n, now); /* ends what the lower link has promised */
    let_go_due(im, now);
    send_out(im, now);
    link->counters.frames_rx += got;
    for (unsigned i = 0; i < got; i++)
        link->counters.bytes_rx += packet_total_length(packets[i]);
    return got;
}

/* What finds no room below may wait here. */
static uint32_t impair_tx_room(struct link *link)
{
    const struct impair *im = impair_of(link);
    uint32_t used = waiting(im);
    return im->settings.queue_frames > used ? im->settings.queue_frames - used : 0;
}

static int64_t impair_next_deadline(struct link *link)
{
    struct impair *im = impair_of(link);
    int64_t at = min_i64(impair_queue_next(&im->queue), link_next_deadline(im->lower));
    return im->aside_first ? min_i64(at, im->aside_first->departure_ns) : at;
}

static bool impair_arm(struct link *link)
{
    struct impair *im = impair_of(link);
    return im->lower->ops->arm(im->lower);
}

static void impair_flush(struct link *link)
{
    struct impair *im = impair_of(link);
    while (im->queue.count)
        packet_release(impair_queue_pop(&im->queue));
    while (im->aside_first)
        packet_release(take_aside(im));
}

static void impair_close(struct link *link)
{
    struct impair *im = impair_of(link);
    impair_flush(link);
    link_close(im->lower);
    packet_pool_free(&im->own);
    impair_queue_free(&im->queue);
    alloc_free(im->allocator, im, sizeof *im);
}

static const struct link_ops polled_ops = {.rx_burst = impair_rx_burst,
                                           .tx_alloc = impair_tx_alloc,
                                           .tx_burst = impair_tx_burst,
                                           .tx_room = impair_tx_room,
                                           .next_deadline = impair_next_deadline,
                                           .flush = impair_flush,
                                           .close = impair_close};
static const struct link_ops armed_ops = {.rx_burst = impair_rx_burst,
                                          .tx_alloc = impair_tx_alloc,
                                          .tx_burst = impair_tx_burst,
                                          .tx_room = impair_tx_room,
                                          .next_deadline = impair_next_deadline,
                                          .arm = impair_arm,
                                          .flush = impair_flush,
                                          .close = impair_close};

void impair_settings_default(struct impair_settings *s)
{
    *s = (struct impair_settings){
        .seed = 1, .reorder_gap = 3, .jitter_keeps_order = true, .distribution = IMPAIR_UNIFORM, .queue_frames = 4096};
}

/* What the lower link offers, without what would hide a frame's wire bytes from us. */
static void describe(struct impair *im)
{
    const struct link *lower = im->lower;
    im->link =
        (struct link){.ops = lower->ops->arm ? &armed_ops : &polled_ops,
                      .mtu = lower->mtu,
                      .caps = lower->caps & (LINK_CAP_RX_CHECKSUM | LINK_CAP_TX_CHECKSUM | LINK_CAP_POINT_TO_POINT),
                      .rss_key = lower->rss_key,
                      .lower = im->lower,
                      .fd = lower->fd};
    memcpy(im->link.mac, lower->mac, sizeof im->link.mac);
    memcpy(im->link.name, lower->name, sizeof im->link.name);
}

int impair_link_new(const struct impair_settings *s, struct link *lower, const struct allocator *a, struct link **out)
{
    int error = impair_settings_check(s);
    if (error)
        return error;
    struct impair *im = alloc_zeroed(a, sizeof *im, alignof(struct impair));
    if (!im)
        return ERR_NO_MEMORY;
    im->allocator = a;
    im->lower = lower;
    im->settings = *s;
    im->last_departure_ns = INT64_MIN;
    random_seed(&im->random, s->seed);
    describe(im);
    uint32_t buffer_bytes = PACKET_HEADROOM + max_u32(lower->mtu, 64) + ETHERNET_OVERHEAD;
    error = impair_queue_init(&im->queue, a, s->queue_frames);
    if (!error)
        error = packet_pool_init(&im->own, a, s->queue_frames + LINK_BURST, buffer_bytes, 0);
    if (error) {
        impair_queue_free(&im->queue);
        alloc_free(a, im, sizeof *im);
        return error;
    }
    *out = &im->link;
    return 0;
}

int impair_link_set(struct link *link, const struct impair_settings *s)
{
    struct impair *im = impair_of(link);
    if (impair_settings_check(s) != 0 || s->queue_frames > im->queue.capacity)
        return ERR_INVALID;
    if (s->seed != im->settings.seed)
        random_seed(&im->random, s->seed);
    im->settings = *s;
    return 0;
}

const struct impair_counters *impair_link_counters(const struct link *link)
{
    return &((const struct impair *)(const void *)link)->counters;
}
