/* SPDX-License-Identifier: MIT */
/*
 * See view.h.
 */
#include "accel/view.h"

#include "accel/internal.h"

const char *accel_state_name(enum accel_flow_state state)
{
    switch (state) {
    case ACCEL_OPENING:
        return "opening";
    case ACCEL_OPEN:
        return "open";
    case ACCEL_CLOSED:
        return "closed";
    case ACCEL_RESET:
        return "reset";
    case ACCEL_FREE:
        break;
    }
    return "free";
}

uint32_t accel_view_end(const struct accel *a) { return a->flows.pool.touched + 1; }

/* From the SYN to `end`, which is behind the FIN where there is one. */
static uint64_t bytes_of(struct seq isn, struct seq end, uint16_t wraps, bool fin)
{
    const uint64_t numbers = (uint64_t)wraps << 32 | seq_len(isn, end);
    return numbers > 1u + fin ? numbers - 1 - fin : 0;
}

static uint32_t early_bytes(const struct accel *a, const struct accel_flow *f)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    return o && a->settings.role == ACCEL_NEAR ? accel_early_bytes(f, o) : f->early_bytes;
}

static void put_bytes(const struct accel *a, const struct accel_flow *f, struct accel_view *v)
{
    const bool client_ends = f->flags & ACCEL_CLIENT_FIN && seq_eq(f->client_fin, f->client_end);
    const bool server_ends = f->flags & ACCEL_SERVER_FIN && seq_eq(f->server_fin, f->server_end);
    v->client_bytes = bytes_of(f->client_isn, f->client_end, f->client_wraps, client_ends);
    if (f->state != ACCEL_OPENING && f->said.mss)
        v->server_bytes = bytes_of(accel_server_isn(f), f->server_end, f->server_wraps, server_ends);
    v->early_bytes = early_bytes(a, f);
}

bool accel_view_at(const struct accel *a, uint32_t number, int64_t now, struct accel_view *out)
{
    if (number == POOL_NONE || number >= accel_view_end(a))
        return false;
    struct accel_flow synced = *accel_flow_at(&a->flows, number), *f = &synced;
    if (f->state == ACCEL_FREE)
        return false;
    accel_shortcut_sync(a, f);
    const uint32_t age_ms = (uint32_t)(now / NS_PER_MS) - f->began_ms;
    *out = (struct accel_view){.key = f->key,
                               .saved_ns = f->waited_100us ? (int64_t)f->waited_100us * 100 * NS_PER_US : -1,
                               .age_ns = (int64_t)age_ms * NS_PER_MS,
                               .idle_ns = now - f->seen_at,
                               .shift = f->shift,
                               .told = f->told,
                               .said = f->said,
                               .state = f->state,
                               .flags = f->flags,
                               .far = a->settings.role == ACCEL_FAR};
    put_bytes(a, f, out);
    return true;
}
