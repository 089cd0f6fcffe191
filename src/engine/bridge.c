/* SPDX-License-Identifier: MIT */
/*
 * Moving frames between two ports: see bridge.h.
 */
#define _GNU_SOURCE /* ppoll */
#include "engine/bridge.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/error.h"
#include "engine/clock.h"
#include "engine/cpu.h"

#define EMPTY_TURNS_BEFORE_SLEEP 200u
#define SHORTEST_SLEEP_NS (20 * NS_PER_US)

static int make_bypass(struct bridge *b, const struct allocator *a)
{
    const struct plan_accelerator *p = b->plan->accelerator;
    b->bypass = p->n_bypass ? alloc_array(a, p->n_bypass, sizeof *b->bypass, _Alignof(struct accel_bypass)) : NULL;
    for (uint32_t i = 0; b->bypass && i < p->n_bypass; i++) {
        const struct plan_bypass *from = &p->bypass[i];
        b->bypass[i] = (struct accel_bypass){.match = ACCEL_BYPASS_CLIENT_PORTS | ACCEL_BYPASS_SERVER_PORTS,
                                             .client = from->client,
                                             .server = from->server,
                                             .client_ports = {from->client_ports[0], from->client_ports[1]},
                                             .server_ports = {from->server_ports[0], from->server_ports[1]}};
        b->bypass[i].match |= from->by_client ? ACCEL_BYPASS_CLIENT : 0;
        b->bypass[i].match |= from->by_server ? ACCEL_BYPASS_SERVER : 0;
    }
    return b->bypass || p->n_bypass == 0 ? 0 : ERR_NO_MEMORY;
}

/* 0 too where it cannot be and need not. */
static int open_shortcut(struct bridge *b, const struct allocator *a, char message[256])
{
    const enum plan_shortcut wanted = b->plan->accelerator->shortcut;
    char why[256];
    if (wanted == PLAN_SHORTCUT_OFF)
        return 0;
    const int error = shortcut_open(&b->shortcut, b->plan, b->box.is_watched, a, why);
    if (error < 0 && wanted == PLAN_SHORTCUT_REQUIRED) {
        (void)snprintf(message, 256, "accelerator.shortcut: %.230s", why);
        return error;
    }
    if (error < 0)
        (void)snprintf(b->no_shortcut, sizeof b->no_shortcut, "%s", why);
    return 0;
}

static int open_accelerator(struct bridge *b, const struct allocator *a, char message[256])
{
    const struct plan_accelerator *p = b->plan->accelerator;
    struct accel_settings s = {.max_flows = p->max_flows,
                               .max_openings = p->max_openings,
                               .max_servers = p->max_servers,
                               .early_buffers = p->early_buffers,
                               .max_sources = p->max_sources,
                               .source_flows = p->source_flows,
                               .source_syn_rate = p->source_syn_rate,
                               .syn_rate = p->syn_rate,
                               .server_timeout_ns = p->server_timeout_ns,
                               .server_memory_ns = p->server_memory_ns,
                               .idle_timeout_ns = p->idle_timeout_ns,
                               .closed_timeout_ns = p->closed_timeout_ns,
                               .paired = p->paired,
                               .syn_twice_from_ns = p->syn_twice_from_ns,
                               .role = p->far ? ACCEL_FAR : ACCEL_NEAR,
                               .pair_key = {.k0 = load_be64(p->key), .k1 = load_be64(p->key + 8)},
                               .wall_ns = clock_epoch(),
                               .fast_open = p->fast_open,
                               .fast_open_cookies = p->fast_open_cookies,
                               .fast_open_wait_ns = p->fast_open_wait_ns,
                               .bypass = b->bypass,
                               .bypass_count = p->n_bypass,
                               .watch = box_watcher(&b->box),
                               .shortcut = shortcut_is_open(&b->shortcut) ? &b->shortcut.hook : NULL,
                               .answers = shortcut_answerer(&b->shortcut, p)};
    if (getrandom(&s.secret, sizeof s.secret, 0) != sizeof s.secret)
        return ERR_SYSTEM;
    if (p->table) {
        const int error = accel_file_open(&b->table, p->table, &s, message);
        if (error < 0)
            return error;
    }
    return accel_new(&s, a, b->links[p->clients].top, b->links[p->servers].top, clock_now(), &b->accel);
}

static int open_box(struct bridge *b, const struct box_options *o, const struct allocator *a, char message[256])
{
    int error = box_open(&b->box, b->plan, b->links, o, a, message);
    if (error == 0)
        error = make_bypass(b, a);
    if (error == 0)
        error = open_shortcut(b, a, message);
    if (error == 0)
        error = open_accelerator(b, a, message);
    if (error == 0)
        error = box_begin(&b->box, b->accel, o, clock_now(), message);
    if (error < 0 && !message[0])
        (void)snprintf(message, 256, "accelerator: %s", err_text(error));
    return error;
}

int bridge_open(struct bridge *b, const struct plan *p, const struct box_options *o, const struct allocator *a,
                char message[256])
{
    *b = (struct bridge){.plan = p, .allocator = a};
    assert(plan_is_bridge(p));
    message[0] = 0;
    int error = links_open(p, a, b->links, message);
    if (error < 0 || !p->accelerator)
        return error;
    error = open_box(b, o, a, message);
    if (error < 0)
        bridge_close(b);
    return error;
}

int bridge_end(struct bridge *b, char message[256])
{
    message[0] = 0;
    if (b->accel)
        accel_answers_end(b->accel, clock_now());
    return b->plan->accelerator ? box_close(&b->box, message) : 0;
}

void bridge_close(struct bridge *b)
{
    char ignored[256];
    if (b->plan)
        (void)bridge_end(b, ignored);
    accel_delete(b->accel);
    shortcut_close(&b->shortcut);
    accel_file_close(&b->table);
    alloc_free(b->allocator, b->bypass, b->bypass ? b->plan->accelerator->n_bypass * sizeof *b->bypass : 0);
    if (b->plan)
        links_close(b->plan, b->links);
}

static unsigned move_frames(struct link *from, struct link *to, int64_t now)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_rx_burst(from, burst, LINK_BURST, now);
    if (n > 0)
        link_tx_burst(to, burst, n, now);
    return n;
}

/* False when a frame waits already, or the link cannot tell. */
static bool arm(struct link *l, struct pollfd *p)
{
    *p = (struct pollfd){.fd = l->fd, .events = POLLIN};
    return l->fd >= 0 && l->ops->arm && l->ops->arm(l);
}

static void rest(struct bridge *b, int64_t until)
{
    struct link *one = b->links[0].top, *other = b->links[1].top;
    struct pollfd polled[BRIDGE_PORTS + 2] = {[BRIDGE_PORTS] = {.fd = -1}, {.fd = -1}};
    int64_t at = min_i64(until, min_i64(link_next_deadline(one), link_next_deadline(other)));
    if (b->accel) {
        at = min_i64(at, min_i64(accel_next_deadline(b->accel), box_deadline(&b->box)));
        polled[BRIDGE_PORTS] = (struct pollfd){.fd = box_control_descriptor(&b->box.control), .events = POLLIN};
        polled[BRIDGE_PORTS + 1] = (struct pollfd){.fd = shortcut_descriptor(&b->shortcut), .events = POLLIN};
    }
    int64_t left = at - clock_now();
    if (left < SHORTEST_SLEEP_NS)
        return;
    if (!arm(one, &polled[0]) || !arm(other, &polled[1])) {
        clock_sleep(SHORTEST_SLEEP_NS);
        return;
    }
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    if (ppoll(polled, BRIDGE_PORTS + 2, &t, NULL) > 0 && polled[BRIDGE_PORTS].revents)
        box_control_wake(&b->box.control);
}

/* SYNs, not by the shortcut. */
static uint64_t answered_here(const struct bridge *b)
{
    const struct accel_counters *c = accel_counters(b->accel);
    return c->syn_answered - (c->shortcut_answered - c->shortcut_withdrawn);
}

void bridge_turn(struct bridge *b, int64_t until)
{
    int64_t now = clock_now();
    unsigned n;
    if (b->accel) {
        const uint64_t answered = answered_here(b);
        n = accel_turn(b->accel, now);
        box_turn(&b->box, now, answered_here(b) - answered);
    } else {
        n = move_frames(b->links[0].top, b->links[1].top, now);
        n += move_frames(b->links[1].top, b->links[0].top, now);
    }
    b->empty_turns = n > 0 ? 0 : b->empty_turns + 1;
    if (b->empty_turns > 0)
        cpu_relax();
    if (b->empty_turns > EMPTY_TURNS_BEFORE_SLEEP)
        rest(b, until);
}
