/* SPDX-License-Identifier: MIT */
/*
 * Harming frames: see impair.h. A frame that shall leave later waits in a binary heap ordered by departure time, then by arrival; any call that brings `now`
 * lets out what is due. All random decisions are drawn in a fixed order for each frame, so that a seed decides everything.
 */
#include "impair/impair.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"

#define WIRE_OVERHEAD 24u /* preamble, frame check sequence and gap of Ethernet */
#define ETHERNET_LEN 14u
#define REORDER_LIMIT_NS (10 * NS_PER_MS) /* without delay: how long a frame waits for later ones to pass it */
#define MAX_PPB 1000000000u

struct waiting {
    int64_t departure;
    uint64_t order;
    struct packet *packet;
};

struct impair {
    struct link link;
    struct link *lower;
    struct impair_settings settings;
    struct impair_counters counters;
    struct random random;
    bool bad_state;         /* Gilbert-Elliott */
    int64_t serial_until;   /* rate: when the last frame has left */
    int64_t last_departure; /* of frames that keep their order */
    struct waiting *heap;
    uint32_t waiting, capacity;
    uint64_t arrivals; /* frames that entered the heap: the order */
    struct packet *passed_by; /* reordered without delay: waits for `passes_left` later frames */
    uint32_t passes_left;
    int64_t passed_by_until;
    struct packet *ready[LINK_BURST]; /* due now, for one tx_burst of the lower link */
    unsigned n_ready;
    struct packet_pool copies;
    const struct allocator *allocator;
};

_Static_assert(offsetof(struct impair, link) == 0, "a link is cast to its impairment");

static struct impair *of(struct link *l) { return container_of(l, struct impair, link); }

/* ---- the heap ---- */

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->departure != b->departure ? a->departure < b->departure : a->order < b->order;
}

static void heap_push(struct impair *m, struct waiting w)
{
    uint32_t i = m->waiting++;
    for (; i > 0 && before(&w, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = w;
}

static struct packet *heap_pop(struct impair *m)
{
    struct packet *first = m->heap[0].packet;
    struct waiting w = m->heap[--m->waiting];
    uint32_t i = 0;
    for (uint32_t child; (child = 2 * i + 1) < m->waiting; i = child) {
        if (child + 1 < m->waiting && before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(&m->heap[child], &w))
            break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = w;
    return first;
}

/* ---- letting frames out ---- */

static void flush(struct impair *m, int64_t now)
{
    if (m->n_ready == 0)
        return;
    m->lower->ops->tx_burst(m->lower, m->ready, m->n_ready, now);
    m->n_ready = 0;
}

static void let_out(struct impair *m, struct packet *p, int64_t now)
{
    packet_unhold(p);
    m->ready[m->n_ready++] = p;
    if (m->n_ready == LINK_BURST)
        flush(m, now);
}

static void let_out_passed_by(struct impair *m, int64_t now)
{
    struct packet *p = m->passed_by;
    m->passed_by = NULL;
    let_out(m, p, now);
}

static void let_out_due(struct impair *m, int64_t now)
{
    while (m->waiting > 0 && m->heap[0].departure <= now)
        let_out(m, heap_pop(m), now);
    if (m->passed_by && m->passed_by_until <= now)
        let_out_passed_by(m, now);
}

/* ---- what happens to a frame ---- */

static bool is_lost(struct impair *m)
{
    const struct impair_settings *s = &m->settings;
    bool lost = random_chance(&m->random, s->loss_ppb);
    if (s->burst_enter_ppb == 0)
        return lost;
    bool moves = random_chance(&m->random, m->bad_state ? s->burst_leave_ppb : s->burst_enter_ppb);
    m->bad_state ^= moves;
    return (m->bad_state && random_chance(&m->random, s->burst_loss_ppb)) || lost;
}

static void corrupt(struct impair *m, struct packet *p)
{
    if (!random_chance(&m->random, m->settings.corrupt_ppb) || p->len <= ETHERNET_LEN || packet_finish(p) < 0)
        return;
    uint64_t bit = random_below(&m->random, (uint64_t)(p->len - ETHERNET_LEN) * 8);
    p->data[ETHERNET_LEN + bit / 8] ^= (uint8_t)(1u << (bit % 8));
    p->checksum = PACKET_CHECKSUM_UNKNOWN; /* nobody vouches for it any more */
    m->counters.corrupted++;
}

/* Uniform, or the sum of twelve uniform numbers for the normal distribution: mean 0, integers only. */
static int64_t jitter(struct impair *m)
{
    uint64_t width = (uint64_t)m->settings.jitter_ns;
    if (width == 0)
        return 0;
    if (m->settings.distribution == IMPAIR_UNIFORM)
        return (int64_t)random_below(&m->random, 2 * width + 1) - (int64_t)width;
    int64_t sum = 0;
    for (unsigned i = 0; i < 12; i++) /* each has variance width^2 / 12 */
        sum += (int64_t)random_below(&m->random, width + 1);
    return sum - 6 * (int64_t)width;
}

/* When the last bit has left a link of the wanted rate. */
static int64_t serialise(struct impair *m, uint32_t length, int64_t now)
{
    uint64_t rate = m->settings.bits_per_second;
    if (rate == 0)
        return now;
    uint64_t bits = (uint64_t)(length + WIRE_OVERHEAD) * 8;
    m->serial_until = max_i64(m->serial_until, now) + (int64_t)((bits * (uint64_t)NS_PER_S + rate - 1) / rate);
    return m->serial_until;
}

static int64_t departure_of(struct impair *m, uint32_t length, int64_t now)
{
    const struct impair_settings *s = &m->settings;
    int64_t left = serialise(m, length, now);
    int64_t varied = jitter(m);
    bool ahead = s->delay_ns > 0 && random_chance(&m->random, s->reorder_ppb);
    if (ahead) {
        m->counters.reordered++;
        return left;
    }
    int64_t at = max_i64(left + s->delay_ns + varied, left);
    if (s->jitter_keeps_order) {
        at = max_i64(at, m->last_departure);
        m->last_departure = at;
    }
    return at;
}

static void drop(struct impair *m, struct packet *p, enum link_drop cause)
{
    m->link.counters.drops[cause]++;
    packet_release(p);
}

/* Puts a frame into the heap; in a frame of ours when its home is short of frames. */
static void wait_until(struct impair *m, struct packet *p, int64_t departure)
{
    struct packet *kept = m->waiting < m->settings.queue_frames ? packet_keep(p, 0, p->len, &m->copies) : NULL;
    if (!kept) {
        m->counters.queue_full++;
        drop(m, p, LINK_DROP_IMPAIR_QUEUE);
        return;
    }
    if (kept != p)
        packet_release(p);
    m->counters.delayed++;
    heap_push(m, (struct waiting){departure, m->arrivals++, kept});
}

/* Reordering without delay: the frame waits until `reorder_gap` others have gone. */
static bool step_aside(struct impair *m, struct packet *p, int64_t now)
{
    if (m->passed_by || m->settings.delay_ns > 0 || !random_chance(&m->random, m->settings.reorder_ppb))
        return false;
    struct packet *kept = packet_keep(p, 0, p->len, &m->copies);
    if (!kept)
        return false;
    if (kept != p)
        packet_release(p);
    m->passed_by = kept;
    m->passes_left = m->settings.reorder_gap;
    m->passed_by_until = now + REORDER_LIMIT_NS;
    m->counters.reordered++;
    return true;
}

static void send_one(struct impair *m, struct packet *p, int64_t now)
{
    int64_t departure = departure_of(m, p->len, now);
    if (departure > now) {
        wait_until(m, p, departure);
        return;
    }
    if (step_aside(m, p, now))
        return;
    let_out(m, p, now);
    if (m->passed_by && --m->passes_left == 0)
        let_out_passed_by(m, now);
}

static void impair_frame(struct impair *m, struct packet *p, int64_t now)
{
    if (is_lost(m)) {
        m->counters.lost++;
        drop(m, p, LINK_DROP_IMPAIR_LOSS);
        return;
    }
    corrupt(m, p);
    struct packet *twin = NULL;
    if (random_chance(&m->random, m->settings.duplicate_ppb) && (twin = packet_copy(p, &m->copies)) != NULL)
        m->counters.duplicated++;
    send_one(m, p, now);
    if (twin)
        send_one(m, twin, now);
}

/* ---- the link ---- */

static unsigned impair_rx(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct impair *m = of(l);
    let_out_due(m, now);
    flush(m, now);
    unsigned got = link_rx_burst(m->lower, packets, n, now);
    for (unsigned i = 0; i < got; i++)
        l->counters.bytes_rx += packets[i]->len;
    l->counters.frames_rx += got;
    return got;
}

static unsigned impair_tx_alloc(struct link *l, struct packet **packets, unsigned n, bool control)
{
    return link_tx_alloc(of(l)->lower, packets, n, control);
}

static void impair_tx(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct impair *m = of(l);
    let_out_due(m, now);
    for (unsigned i = 0; i < n; i++) {
        l->counters.frames_tx++;
        l->counters.bytes_tx += packets[i]->len;
        impair_frame(m, packets[i], now);
    }
    flush(m, now);
}

static int64_t impair_next_deadline(struct link *l)
{
    const struct impair *m = of(l);
    int64_t at = link_next_deadline(m->lower);
    if (m->waiting > 0)
        at = min_i64(at, m->heap[0].departure);
    return m->passed_by ? min_i64(at, m->passed_by_until) : at;
}

static bool impair_arm(struct link *l)
{
    struct link *lower = of(l)->lower;
    return lower->ops->arm(lower);
}

static void impair_close(struct link *l)
{
    struct impair *m = of(l);
    for (uint32_t i = 0; i < m->waiting; i++)
        packet_release(m->heap[i].packet);
    if (m->passed_by)
        packet_release(m->passed_by);
    link_close(m->lower); /* frames of ours that it held come home first */
    packet_pool_free(&m->copies);
    alloc_free(m->allocator, m->heap, m->capacity * sizeof *m->heap);
    alloc_free(m->allocator, m, sizeof *m);
}

static const struct link_ops impair_ops = {.rx_burst = impair_rx,
                                           .tx_alloc = impair_tx_alloc,
                                           .tx_burst = impair_tx,
                                           .next_deadline = impair_next_deadline,
                                           .close = impair_close};
static const struct link_ops impair_ops_with_arm = {.rx_burst = impair_rx,
                                                    .tx_alloc = impair_tx_alloc,
                                                    .tx_burst = impair_tx,
                                                    .next_deadline = impair_next_deadline,
                                                    .arm = impair_arm,
                                                    .close = impair_close};

/* ---- settings ---- */

void impair_settings_default(struct impair_settings *s)
{
    *s = (struct impair_settings){.reorder_gap = 3, .jitter_keeps_order = true, .queue_frames = 4096};
}

static bool valid(const struct impair_settings *s)
{
    return s->loss_ppb <= MAX_PPB && s->burst_enter_ppb <= MAX_PPB && s->burst_leave_ppb <= MAX_PPB && s->burst_loss_ppb <= MAX_PPB &&
           s->duplicate_ppb <= MAX_PPB && s->corrupt_ppb <= MAX_PPB && s->reorder_ppb <= MAX_PPB && s->reorder_gap >= 1 &&
           s->delay_ns >= 0 && s->delay_ns <= 3600 * NS_PER_S && s->jitter_ns >= 0 && s->jitter_ns <= 3600 * NS_PER_S &&
           s->queue_frames >= 1 && (unsigned)s->distribution <= IMPAIR_NORMAL;
}

int impair_link_new(const struct impair_settings *s, struct link *lower, const struct allocator *a, struct link **out)
{
    if (!valid(s))
        return ERR_INVALID;
    struct impair *m = alloc_zeroed(a, sizeof *m, alignof(struct impair));
    if (!m)
        return ERR_NO_MEMORY;
    m->allocator = a;
    m->settings = *s;
    m->capacity = s->queue_frames;
    m->heap = alloc_array(a, m->capacity, sizeof *m->heap, alignof(struct waiting));
    uint32_t frame = PACKET_HEADROOM + lower->mtu + 64;
    if (!m->heap || packet_pool_init(&m->copies, a, s->queue_frames, frame, 0) < 0) {
        alloc_free(a, m->heap, m->capacity * sizeof *m->heap);
        alloc_free(a, m, sizeof *m);
        return ERR_NO_MEMORY;
    }
    m->link = *lower;
    m->link.ops = lower->ops->arm ? &impair_ops_with_arm : &impair_ops;
    m->link.counters = (struct link_counters){0};
    m->lower = lower;
    random_seed(&m->random, s->seed);
    *out = &m->link;
    return 0;
}

int impair_link_set(struct link *impair, const struct impair_settings *s)
{
    struct impair *m = of(impair);
    if (!valid(s) || s->queue_frames > m->capacity)
        return ERR_INVALID;
    if (s->seed != m->settings.seed)
        random_seed(&m->random, s->seed);
    m->settings = *s;
    return 0;
}

const struct impair_counters *impair_link_counters(const struct link *impair)
{
    const struct impair *m = (const void *)impair; /* link is its first member */
    return &m->counters;
}
