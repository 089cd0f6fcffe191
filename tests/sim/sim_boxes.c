/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's boxes of a simulated network: made, killed, ended.
 */
#include <string.h>

#include "accel/internal.h"
#include "accel/store.h"
#include "base/alloc_heap.h"
#include "base/error.h"
#include "fast_open_server.h"
#include "shortcut_model.h"
#include "sim_internal.h"
#include "tcp/layer.h"

#define SHORTCUT_LEFT 50000000u /* parts per billion: one of twenty; none where the network is clean */

/* What the box remembers of the server before it has seen it. */
static void teach(struct sim *s)
{
    const struct tcp_profile *p = &s->cell->profile;
    const bool right = s->cell->accel == SIM_ACCEL_KNOWS;
    const struct accel_key key = {.server = sim_address(s, 1), .server_port = SIM_PORT};
    struct accel_promise says = {.mss = (uint16_t)(s->cell->mtu - (s->cell->v6 ? 60 : 40)), .wscale = 7};
    if (s->cell->shortcut && right)
        says.wscale = tcp_receive_wscale(p);
    if (p->window_scaling == right)
        says.present |= TCP_OPT_WSCALE;
    if (p->sack == right)
        says.present |= TCP_OPT_SACK_PERMITTED;
    if (p->timestamps == right)
        says.present |= TCP_OPT_TIMESTAMPS;
    if (!right)
        says.mss = 1460;
    accel_servers_learn(&s->box[0]->servers, &key, &says, s->cell->pair >= SIM_PAIR_KNOWN, s->now);
    accel_servers_measured(&s->box[0]->servers, &key, NS_PER_S);
    accel_answers_learn(s->box[0], &key);
}

/* Its cookie. */
static void teach_cookie(struct sim *s)
{
    static const uint8_t wrong[4] = {1};
    const enum sim_fast_open how = s->cell->fast_open;
    const struct accel_key key = {.client = sim_address(s, 0), .server = sim_address(s, 1), .server_port = SIM_PORT};
    const bool right = how == SIM_FAST_OPEN_KNOWN || how == SIM_FAST_OPEN_DATA;
    if (right || how == SIM_FAST_OPEN_STALE || how == SIM_FAST_OPEN_NOBODY)
        (void)accel_fast_open_cookie_learn(&s->box[0]->cookies, &key, right ? fast_open_server_cookie : wrong,
                                           right ? FAST_OPEN_SERVER_COOKIE_BYTES : sizeof wrong, s->now);
}

static void make_box(struct sim *s, enum accel_role role, struct link *ends[2])
{
    struct link **links = &s->middle[role == ACCEL_FAR ? 2 : 0];
    struct accel_settings settings;
    accel_settings_default(&settings);
    settings.max_flows = settings.max_openings = settings.max_servers = settings.early_buffers = settings.max_sources =
        16;
    settings.server_timeout_ns = settings.idle_timeout_ns = settings.closed_timeout_ns = SIM_SETTLE;
    settings.secret = (struct hash_key){digest_mix(s->cell->seed, 21 + role), 7};
    settings.paired = s->cell->pair != SIM_NO_PAIR;
    settings.role = role;
    settings.syn_twice_from_ns = s->cell->syn_twice;
    settings.pair_key = (struct hash_key){digest_mix(s->cell->seed, 23), 8};
    settings.fast_open = role == ACCEL_NEAR && s->cell->fast_open != SIM_NO_FAST_OPEN;
    int e = 0;
    for (unsigned i = 0; i < 2 && e == 0; i++) {
        const struct impair_settings impair = sim_impairment(s, role + i, (role ? 277 : 177) + i);
        e = impair_link_new(&impair, ends[i], alloc_heap(), &links[i]);
    }
    if (s->cell->kill_every_ns) {
        settings.store_bytes = accel_store_bytes(&settings);
        settings.store = alloc_zeroed(alloc_heap(), settings.store_bytes, CACHE_LINE);
        s->kill_at = s->now + s->cell->kill_every_ns;
    }
    if (s->cell->shortcut && role == ACCEL_NEAR) {
        s->shortcut = shortcut_model_new(links, digest_mix(s->cell->seed, 24), s->cell->near ? 0 : SHORTCUT_LEFT);
        settings.shortcut = shortcut_model_hook(s->shortcut);
        if (!settings.paired && !settings.fast_open)
            settings.answers = shortcut_model_answers(s->shortcut);
    }
    s->settings[role] = settings;
    e = e < 0 ? e : accel_new(&settings, alloc_heap(), links[0], links[1], s->now, &s->box[role]);
    assert(e == 0);
    (void)e;
    if (s->cell->cookies == SIM_COOKIES) /* slower than the least rate: every SYN is too many */
        s->box[role]->limits.interval_ns = 3 * NS_PER_S;
    if (s->cell->cookies == SIM_COOKIES_AT_FIRST) {
        s->box[role]->limits.interval_ns = 1;
        s->box[role]->limits.due = s->now + 2 * NS_PER_S;
    }
    if (role == ACCEL_NEAR && s->cell->accel != SIM_ACCEL)
        teach(s);
    if (role == ACCEL_NEAR)
        teach_cookie(s);
}

void sim_append_box(struct sim *s, enum accel_role role, struct link **end)
{
    struct link *wires[2];
    sim_wire(s, wires);
    make_box(s, role, (struct link *[2]){*end, wires[0]});
    *end = wires[1];
}

static unsigned turn_box(struct sim *s, struct accel *box)
{
    if (!box)
        return 0;
    const unsigned n = accel_turn(box, s->now);
    const char *wrong = accel_check(box);
    if (wrong)
        sim_fail(s, wrong);
    return n;
}

unsigned sim_turn_boxes(struct sim *s)
{
    const unsigned n = turn_box(s, s->box[0]) + turn_box(s, s->box[1]);
    return s->box[1] ? n + turn_box(s, s->box[0]) : n;
}

/* What the table says is as it was; all else of the box is gone, and every secret another. */
static void kill_box(struct sim *s, enum accel_role role)
{
    struct accel_settings *settings = &s->settings[role];
    void *left = alloc_zeroed(alloc_heap(), settings->store_bytes, CACHE_LINE);
    assert(left);
    memcpy(left, settings->store, settings->store_bytes);
    if (role == ACCEL_NEAR) {
        s->kept += accel_counters(s->box[role])->restart_kept;
        s->restarts_reset += accel_counters(s->box[role])->restart_reset;
    }
    accel_delete(s->box[role]);
    memcpy(settings->store, left, settings->store_bytes);
    alloc_free(alloc_heap(), left, settings->store_bytes);
    settings->secret.k0++;
    if (s->shortcut)
        shortcut_model_clear(s->shortcut);
    struct link **links = &s->middle[role == ACCEL_FAR ? 2 : 0];
    const int e = accel_new(settings, alloc_heap(), links[0], links[1], s->now, &s->box[role]);
    assert(e == 0);
    (void)e;
    s->kills++;
}

void sim_maybe_kill(struct sim *s)
{
    if (!s->cell->kill_every_ns || s->now < s->kill_at)
        return;
    for (unsigned role = 0; role < 2 && s->box[role]; role++)
        kill_box(s, (enum accel_role)role);
    s->kill_at = s->now + s->cell->kill_every_ns;
}

void sim_end_boxes(struct sim *s, struct sim_result *out)
{
    out->kills = s->kills;
    out->kept = s->kept;
    out->restarts_reset = s->restarts_reset;
    if (s->box[0]) {
        accel_shortcut_count(s->box[0]);
        out->accel = *accel_counters(s->box[0]);
        out->kept += out->accel.restart_kept;
        out->restarts_reset += out->accel.restart_reset;
    }
    if (s->box[1])
        out->far = *accel_counters(s->box[1]);
    for (unsigned i = 0; i < 2; i++) {
        accel_delete(s->box[i]);
        alloc_free(alloc_heap(), s->settings[i].store, s->settings[i].store_bytes);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(s->middle); i++)
        link_flush(s->middle[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(s->middle); i++)
        link_close(s->middle[i]);
    shortcut_model_delete(s->shortcut);
}
