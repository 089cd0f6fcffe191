/* SPDX-License-Identifier: MIT */
/*
 * See store.h. The memory: header, flows, openings, each from a multiple of 64 bytes on.
 */
#include "accel/store.h"

#include "accel/internal.h"
#include "base/error.h"

#define MOST_WSCALE 14u /* RFC 7323 2.3 */

static size_t aligned(size_t bytes) { return (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1); }
static size_t array_bytes(uint32_t n, size_t size) { return aligned(((size_t)n + 1) * size); } /* as pool_init does */

size_t accel_store_bytes(const struct accel_settings *s)
{
    return aligned(sizeof(struct accel_store_header)) + array_bytes(s->max_flows, sizeof(struct accel_flow)) +
           array_bytes(s->max_openings, sizeof(struct accel_opening));
}

/* ---- the header ---- */

/* Pools are made of what is left. */
static void *region_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct accel_region *r = self->context;
    (void)align; /* at most that of a cache line */
    if (aligned(size) > r->left)
        return NULL;
    void *memory = r->at;
    r->at += aligned(size);
    r->left -= aligned(size);
    return memory;
}

static void region_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self, (void)memory, (void)size; /* it stays */
}

static uint64_t fingerprint(const struct accel_settings *s)
{
    const uint8_t what[2] = {s->paired, (uint8_t)s->role};
    return hash_sip24(&s->pair_key, what, sizeof what);
}

static struct accel_store_header header_for(const struct accel_settings *s)
{
    struct accel_store_header h = {.magic = ACCEL_STORE_MAGIC,
                                   .version = ACCEL_STORE_VERSION,
                                   .header_bytes = sizeof h,
                                   .flow_bytes = sizeof(struct accel_flow),
                                   .opening_bytes = sizeof(struct accel_opening),
                                   .max_flows = s->max_flows,
                                   .max_openings = s->max_openings,
                                   .secret = s->secret,
                                   .pair = fingerprint(s)};
    memcpy(h.boot, s->boot, sizeof h.boot);
    return h;
}

enum accel_store_fit accel_store_look(const void *memory, size_t bytes, const struct accel_settings *s)
{
    static const struct accel_store_header nothing;
    struct accel_store_header h;
    const struct accel_store_header ours = header_for(s);
    if (bytes == 0)
        return ACCEL_STORE_EMPTY;
    if (bytes < sizeof h)
        return ACCEL_STORE_FOREIGN;
    memcpy(&h, memory, sizeof h);
    if (h.magic == 0) /* whoever made it did not come to an end */
        return memcmp(&h.version, &nothing.version, 8) == 0 || h.version == ours.version ? ACCEL_STORE_EMPTY
                                                                                         : ACCEL_STORE_FOREIGN;
    if (h.magic != ours.magic)
        return ACCEL_STORE_FOREIGN;
    if (memcmp(h.boot, ours.boot, sizeof h.boot) != 0)
        return ACCEL_STORE_OTHER_BOOT;
    if (memcmp(&h.version, &ours.version, 4 * sizeof h.version) != 0)
        return ACCEL_STORE_OTHER_VERSION;
    if (h.max_flows != ours.max_flows || h.max_openings != ours.max_openings || bytes != accel_store_bytes(s))
        return ACCEL_STORE_OTHER_SIZE;
    return h.pair == ours.pair ? ACCEL_STORE_FITS : ACCEL_STORE_OTHER_KEY;
}

int accel_store_begin(struct accel *a)
{
    struct accel_settings *s = &a->settings;
    struct accel_store_header *h = s->store;
    const enum accel_store_fit fit = accel_store_look(h, s->store_bytes, s);
    if (s->store_bytes != accel_store_bytes(s) || (uintptr_t)h % CACHE_LINE || fit > ACCEL_STORE_OTHER_BOOT)
        return ERR_INVALID;
    const size_t first = aligned(sizeof *h);
    a->region = (struct accel_region){.allocator = {.alloc = region_alloc, .free = region_free, .context = &a->region},
                                      .at = (uint8_t *)h + first,
                                      .left = s->store_bytes - first};
    if (fit == ACCEL_STORE_FITS) {
        s->secret = h->secret;
        return 0;
    }
    h->magic = 0;
    atomic_signal_fence(memory_order_seq_cst);
    memset((uint8_t *)h + sizeof h->magic, 0, s->store_bytes - sizeof h->magic);
    struct accel_store_header ours = header_for(s);
    ours.magic = 0;
    *h = ours;
    atomic_signal_fence(memory_order_seq_cst);
    h->magic = ACCEL_STORE_MAGIC;
    return 0;
}

/* ---- what an earlier box left ---- */

static bool is_right(const struct accel *a, uint32_t i, uint32_t openings)
{
    const struct accel_flow *f = accel_flow_at(&a->flows, i);
    if (f->state == ACCEL_FREE || f->state > ACCEL_RESET || f->opening > openings)
        return false;
    if (f->client_wscale > MOST_WSCALE || f->told.wscale > MOST_WSCALE || f->said.wscale > MOST_WSCALE)
        return false;
    if (f->opening == POOL_NONE)
        return f->state != ACCEL_OPENING && accel_flow_find(&a->flows, &f->key) == POOL_NONE;
    const struct accel_opening *o = accel_opening_of(a, f);
    return o->flow == i && o->link_header_length <= ACCEL_LINK_HEADER_MAX &&
           accel_flow_find(&a->flows, &f->key) == POOL_NONE;
}

/* Whether both ends have all that a box without the early bytes could give them. */
static bool is_delivered(const struct accel_flow *f, const struct accel_opening *o)
{
    return f->state != ACCEL_OPENING && f->flags & ACCEL_CLIENT_THERE && !accel_early_pending(o);
}

static void take_over(struct accel *a, uint32_t i, int64_t now)
{
    struct accel_flow *f = accel_flow_at(&a->flows, i);
    struct accel_opening *o = accel_opening_of(a, f);
    f->seen_at = min_i64(f->seen_at, now);
    f->shortcut = ACCEL_SHORTCUT_NONE;
    if (o && (a->settings.role == ACCEL_FAR || is_delivered(f, o))) {
        f->opening = POOL_NONE;
        o = NULL;
    }
    if (o) {
        o->left = true;
        o->buffer = POOL_NONE;
        o->waiting_count = 0;
    }
    if (a->settings.role == ACCEL_NEAR)
        accel_limits_begin(&a->limits, &f->key);
    a->counters.restart_kept += o == NULL;
    accel_flow_arm(a, f);
}

/* Every record is as if it had been handed out; those that nobody needs are given back. */
static void fill_pool(struct pool *p, uint32_t touched) { p->touched = p->used = min_u32(touched, p->capacity); }

static void take_over_flows(struct accel *a, uint32_t openings, int64_t now)
{
    for (uint32_t i = a->flows.pool.touched; i > 0; i--) {
        struct accel_flow *f = accel_flow_at(&a->flows, i);
        const bool was_free = f->state == ACCEL_FREE,
                   forgotten = a->settings.role == ACCEL_FAR && f->state == ACCEL_OPENING;
        if (!forgotten && is_right(a, i, openings) && accel_flow_index(&a->flows, i) == 0) {
            take_over(a, i, now);
            continue;
        }
        a->counters.restart_forgotten += !was_free;
        accel_flow_publish(f, ACCEL_FREE);
        pool_put(&a->flows.pool, i);
    }
}

void accel_store_take_over(struct accel *a, int64_t now)
{
    const struct accel_store_header *h = a->settings.store;
    fill_pool(&a->flows.pool, h->flows_touched);
    fill_pool(&a->openings, h->openings_touched);
    take_over_flows(a, a->openings.touched, now);
    for (uint32_t i = a->openings.touched; i > 0; i--) {
        const struct accel_opening *o = pool_at(&a->openings, i);
        const bool is_named = o->flow && o->flow <= a->flows.pool.touched;
        const struct accel_flow *f = is_named ? accel_flow_at(&a->flows, o->flow) : NULL;
        if (!f || f->state == ACCEL_FREE || f->opening != i)
            pool_put(&a->openings, i);
    }
    a->cookies_until = now + ACCEL_COOKIE_LIFE;
}

void accel_store_touched(struct accel *a)
{
    struct accel_store_header *h = a->settings.store;
    if (!h)
        return;
    h->flows_touched = a->flows.pool.touched;
    h->openings_touched = a->openings.touched;
    atomic_signal_fence(memory_order_seq_cst);
}

void accel_store_reset(struct accel *a, struct accel_flow *f, int64_t now)
{
    if (!accel_reset_server(a, f, now))
        return; /* later: the flow's timer is due */
    f->flags |= ACCEL_RST_TO_CLIENT | ACCEL_RST_TO_SERVER;
    ACCEL_COUNT(a, restart_reset);
    accel_reset_client(a, f, now);
}
