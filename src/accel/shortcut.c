/* SPDX-License-Identifier: MIT */
/*
 * See shortcut.h.
 */
#include "accel/shortcut.h"

#include "accel/internal.h"

static struct seq isn_of(const struct accel_flow *f, unsigned side)
{
    return side == ACCEL_CLIENTS ? f->client_isn : accel_server_isn(f);
}

static uint64_t extent(const struct accel_flow *f, unsigned side)
{
    const bool client = side == ACCEL_CLIENTS;
    const uint64_t wraps = client ? f->client_wraps : f->server_wraps;
    return wraps << 32 | seq_len(isn_of(f, side), client ? f->client_end : f->server_end);
}

bool accel_shortcut_fits(const struct accel_flow *f)
{
    return f->state == ACCEL_OPEN && f->opening == POOL_NONE && !(f->flags & (ACCEL_CLIENT_FIN | ACCEL_SERVER_FIN)) &&
           ((f->told.present ^ f->said.present) & ~(unsigned)TCP_OPT_MSS) == 0 && f->told.wscale == f->said.wscale;
}

/* ---- there ---- */

void accel_shortcut_offer_it(struct accel *a, struct accel_flow *f)
{
    if (a->shortcut_listed == ACCEL_SHORTCUT_TURN || !accel_shortcut_fits(f))
        return;
    a->shortcut_list[a->shortcut_listed++] = pool_index(&a->flows.pool, f);
    f->shortcut = f->shortcut == ACCEL_SHORTCUT_NONE ? ACCEL_SHORTCUT_WAITS : ACCEL_SHORTCUT_HANDLED;
}

static void publish(struct accel *a, struct accel_flow *f)
{
    const struct accel_shortcut *s = a->settings.shortcut;
    const struct accel_shortcut_flow flow = {.shift = f->shift,
                                             .isn = {isn_of(f, ACCEL_CLIENTS), isn_of(f, ACCEL_SERVERS)},
                                             .most = {f->said.mss, f->client_mss},
                                             .extent = {extent(f, ACCEL_CLIENTS), extent(f, ACCEL_SERVERS)}};
    const bool published = s->publish(s->context, &f->key, &flow, &f->shortcut_number);
    f->shortcut = published ? ACCEL_SHORTCUT_PUBLISHED : ACCEL_SHORTCUT_REFUSED;
    a->counters.shortcut_flows += published;
    a->counters.shortcut_refused += !published;
}

static void tell(const struct accel *a, struct accel_flow *f)
{
    const struct accel_shortcut *s = a->settings.shortcut;
    s->handled(s->context, f->shortcut_number, (const uint64_t[]){extent(f, ACCEL_CLIENTS), extent(f, ACCEL_SERVERS)});
    f->shortcut = ACCEL_SHORTCUT_PUBLISHED;
}

void accel_shortcut_turn(struct accel *a)
{
    for (uint32_t i = 0; i < a->shortcut_listed; i++) {
        struct accel_flow *f = accel_flow_at(&a->flows, a->shortcut_list[i]);
        if (f->state == ACCEL_FREE)
            continue; /* it has ended since */
        if (f->shortcut == ACCEL_SHORTCUT_HANDLED)
            tell(a, f);
        else if (f->shortcut == ACCEL_SHORTCUT_WAITS && accel_shortcut_fits(f))
            publish(a, f);
        else if (f->shortcut == ACCEL_SHORTCUT_WAITS)
            f->shortcut = ACCEL_SHORTCUT_NONE;
    }
    a->shortcut_listed = 0;
}

/* ---- and back ---- */

static void grow(struct accel_flow *f, const struct accel_shortcut_numbers *n)
{
    for (unsigned side = 0; side < 2; side++) {
        if (n->extent[side] <= extent(f, side))
            continue;
        const struct seq end = seq_add(isn_of(f, side), (uint32_t)n->extent[side]);
        const uint16_t wraps = (uint16_t)(n->extent[side] >> 32);
        if (side == ACCEL_CLIENTS) {
            f->client_end = end;
            f->client_wraps = wraps;
        } else {
            f->server_end = end;
            f->server_wraps = wraps;
        }
    }
    f->seen_at = max_i64(f->seen_at, n->seen_at);
}

void accel_shortcut_sync_it(const struct accel *a, struct accel_flow *f)
{
    const struct accel_shortcut *s = a->settings.shortcut;
    struct accel_shortcut_numbers n;
    if (s->look(s->context, &f->key, &n))
        grow(f, &n);
}

void accel_shortcut_take_it_back(struct accel *a, struct accel_flow *f)
{
    const struct accel_shortcut *s = a->settings.shortcut;
    struct accel_shortcut_numbers n;
    if (f->shortcut >= ACCEL_SHORTCUT_PUBLISHED && s->take_back(s->context, &f->key, &n))
        grow(f, &n);
    f->shortcut = ACCEL_SHORTCUT_NONE;
}

void accel_shortcut_count(struct accel *a)
{
    const struct accel_shortcut *s = a->settings.shortcut;
    struct accel_shortcut_totals t = {.segments = {0}};
    if (!s)
        return;
    s->count(s->context, &t);
    a->counters.shortcut_segments = t.segments[ACCEL_CLIENTS] + t.segments[ACCEL_SERVERS];
    a->counters.shortcut_bytes = t.bytes[ACCEL_CLIENTS] + t.bytes[ACCEL_SERVERS];
}
