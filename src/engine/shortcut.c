/* SPDX-License-Identifier: MIT */
/*
 * See shortcut.h.
 */
#include "engine/shortcut.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* What of the plan needs every frame in user space; NULL: nothing. */
static const char *obstacle_at(const struct plan_port *q)
{
    return q->kind != PLAN_PACKET ? "it needs packet:IFNAME at both ports"
           : q->impaired          ? "what it takes would go past the impairments of the port"
           : q->capture           ? "what it takes would be missing in the capture of the port"
                                  : NULL;
}

static int look_for_obstacles(const struct plan *p, bool is_watched, char message[256])
{
    const struct plan_accelerator *a = p->accelerator;
    const uint32_t ports[2] = {a->clients, a->servers};
    if (a->far || is_watched) {
        (void)snprintf(message, 256, "%s",
                       a->far ? "it is for a near box, found role: far"
                              : "what it takes would be missing in the log, trace or capture");
        return ERR_UNSUPPORTED;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct plan_port *q = &p->ports[ports[i]];
        const char *why = obstacle_at(q);
        if (!why)
            continue;
        (void)snprintf(message, 256, "port %.40s (%.60s): %s", q->name, q->location, why);
        return ERR_UNSUPPORTED;
    }
    return 0;
}

const struct accel_answers *shortcut_answerer(const struct shortcut *s, const struct plan_accelerator *p)
{
    return shortcut_is_open(s) && !p->paired && !p->fast_open ? &s->answers.hook : NULL;
}

#if WEIR_XDP

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>

#include "accel.skel.h"
#include "engine/shortcut_map.h"
#include "link/netns.h"
#include "link/xdp_target.h"

#define GATES_BYTES (SHORTCUT_GATES * sizeof(struct shortcut_gate))
#define NEEDS "XDP needs root, or CAP_NET_ADMIN and CAP_BPF"

static_assert(sizeof(struct shortcut_key) == sizeof(struct accel_key), "the same key");
static_assert(offsetof(struct shortcut_key, server) == offsetof(struct accel_key, server), "the same key");
static_assert(offsetof(struct shortcut_key, client_port) == offsetof(struct accel_key, client_port), "the same key");
static_assert(offsetof(struct shortcut_key, server_port) == offsetof(struct accel_key, server_port), "the same key");
static_assert(offsetof(struct shortcut_key, vlan) == offsetof(struct accel_key, vlan), "the same key");

/* ---- the box's functions ---- */

/* The program may read it at any time. */
static void set_gate(struct shortcut_gate *gate, uint32_t number, const uint64_t extent[2])
{
    __atomic_store_n(&gate->number, 0, __ATOMIC_RELEASE);
    for (unsigned side = 0; side < SHORTCUT_SIDES; side++)
        __atomic_store_n(&gate->handled[side], extent[side], __ATOMIC_RELEASE);
    __atomic_store_n(&gate->number, number, __ATOMIC_RELEASE);
}

static void handled(void *context, uint32_t number, const uint64_t extent[2])
{
    const struct shortcut *s = context;
    struct shortcut_gate *gate = &s->gates[number % SHORTCUT_GATES];
    if (gate->number == number)
        set_gate(gate, number, extent);
}

static bool publish(void *context, const struct accel_key *key, const struct accel_shortcut_flow *flow,
                    uint32_t *number)
{
    struct shortcut *s = context;
    s->number += s->number == UINT32_MAX ? 2 : 1; /* never 0 */
    *number = s->number;
    struct shortcut_flow f = {.sequence = flow->shift.sequence, .timestamp = flow->shift.timestamp, .gate = s->number};
    for (unsigned side = 0; side < SHORTCUT_SIDES; side++) {
        f.isn[side] = flow->isn[side].v;
        f.most[side] = flow->most[side];
        f.extent[side] = f.handled[side] = flow->extent[side];
    }
    set_gate(&s->gates[s->number % SHORTCUT_GATES], s->number, flow->extent);
    return bpf_map_update_elem(s->flows, key, &f, BPF_ANY) == 0;
}

static void numbers_of(const struct shortcut_flow *f, struct accel_shortcut_numbers *out)
{
    for (unsigned side = 0; side < SHORTCUT_SIDES; side++) {
        out->extent[side] = f->extent[side];
        out->segments[side] = f->segments[side];
        out->bytes[side] = f->bytes[side];
    }
    out->seen_at = (int64_t)f->seen_ns;
}

static bool look(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    const struct shortcut *s = context;
    struct shortcut_flow f;
    if (bpf_map_lookup_elem(s->flows, key, &f) != 0)
        return false;
    numbers_of(&f, out);
    return true;
}

static bool take_back(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    const struct shortcut *s = context;
    struct shortcut_flow f;
    if (bpf_map_lookup_and_delete_elem(s->flows, key, &f) != 0)
        return false;
    numbers_of(&f, out);
    return true;
}

static void count(void *context, struct accel_shortcut_totals *out)
{
    const struct shortcut *s = context;
    *out = (struct accel_shortcut_totals){.segments = {0}};
    for (uint32_t side = 0; side < SHORTCUT_SIDES; side++) {
        if (bpf_map_lookup_elem(s->totals, &side, s->by_cpu) != 0)
            continue;
        for (uint32_t i = 0; i < s->cpus; i++) {
            out->segments[side] += s->by_cpu[i].segments;
            out->bytes[side] += s->by_cpu[i].bytes;
        }
    }
}

/* ---- the program ---- */

static int refuse(char message[256], int why, const char *what)
{
    errno = -why;
    return netns_refuse(message, ERR_SYSTEM, "XDP:", what, NEEDS);
}

/* The tables have as many places as the box's. */
static int set_sizes(const struct shortcut *s, const struct plan_accelerator *p, const struct shortcut_sizes *sizes)
{
    int e = bpf_map__set_max_entries(s->program->maps.flows, p->max_flows);
    if (e == 0)
        e = bpf_map__set_max_entries(s->program->maps.claims, sizes->claims);
    if (e == 0)
        e = bpf_map__set_max_entries(s->program->maps.servers, sizes->servers);
    if (e == 0)
        e = bpf_map__set_max_entries(s->program->maps.sources, sizes->sources);
    return e;
}

static int open_answers(struct shortcut *s, const struct shortcut_sizes *sizes)
{
    const struct shortcut_maps maps = {.control = bpf_map__fd(s->program->maps.control),
                                       .claims = bpf_map__fd(s->program->maps.claims),
                                       .servers = bpf_map__fd(s->program->maps.servers),
                                       .sources = bpf_map__fd(s->program->maps.sources),
                                       .ring = bpf_map__fd(s->program->maps.answered)};
    return shortcut_answers_open(&s->answers, &maps, sizes);
}

static int load(struct shortcut *s, const struct plan_accelerator *p, char message[256])
{
    const int cpus = libbpf_num_possible_cpus();
    s->cpus = cpus > 0 ? (uint32_t)cpus : 0;
    s->by_cpu =
        cpus > 0 ? alloc_array(s->allocator, s->cpus, sizeof *s->by_cpu, _Alignof(struct shortcut_totals)) : NULL;
    if (!s->by_cpu)
        return ERR_NO_MEMORY;
    xdp_quiet();
    s->program = accel_bpf__open();
    if (!s->program)
        return refuse(message, -errno, "the program cannot be read");
    const struct shortcut_sizes sizes = shortcut_sizes_for(p->max_flows, p->max_servers, p->max_sources);
    int e = set_sizes(s, p, &sizes);
    if (e == 0)
        e = accel_bpf__load(s->program);
    if (e < 0)
        return refuse(message, e, "the kernel does not take the program");
    s->flows = bpf_map__fd(s->program->maps.flows);
    s->totals = bpf_map__fd(s->program->maps.totals);
    void *gates = mmap(NULL, GATES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(s->program->maps.gates), 0);
    s->gates = gates == MAP_FAILED ? NULL : gates;
    return s->gates && open_answers(s, &sizes) == 0 ? 0 : refuse(message, -errno, "memory of the program");
}

/* ---- the devices ---- */

struct device {
    const struct plan_port *port;
    uint32_t side;
};

/* In its namespace. Frames that came in by the other side leave by this one. */
static int set_target(struct shortcut *s, const struct device *d, char message[256])
{
    const unsigned index = if_nametoindex(d->port->target);
    if (index == 0)
        return netns_refuse(message, ERR_NOT_FOUND, "interface", d->port->target, NEEDS);
    const int e = bpf_map_update_elem(bpf_map__fd(s->program->maps.devices), &d->side, &index, BPF_ANY);
    return e == 0 ? 0 : refuse(message, -errno, d->port->target);
}

/* In its namespace. With the program on it: some drivers take frames only then. */
static int check_target(struct shortcut *s, const struct device *d, char message[256])
{
    (void)s;
    return xdp_target_check(d->port->target, if_nametoindex(d->port->target), message);
}

static int visit(struct shortcut *s, const struct device *d,
                 int (*what)(struct shortcut *, const struct device *, char message[256]), char message[256])
{
    char way_back[256];
    const int own = netns_enter(d->port->netns, message);
    if (own < 0)
        return own;
    const int e = what(s, d, message), back = netns_leave(own, way_back);
    if (back && !e)
        (void)snprintf(message, 256, "%s", way_back);
    return e ? e : back;
}

/* Both are targets before there is a program on either, and are checked when there is. */
static int attach(struct shortcut *s, const struct plan *p, char message[256])
{
    const struct device devices[2] = {{&p->ports[p->accelerator->clients], ACCEL_CLIENTS},
                                      {&p->ports[p->accelerator->servers], ACCEL_SERVERS}};
    const int programs[2] = {bpf_program__fd(s->program->progs.from_clients),
                             bpf_program__fd(s->program->progs.from_servers)};
    int e = 0;
    for (unsigned i = 0; i < 2 && e == 0; i++)
        e = visit(s, &devices[i], set_target, message);
    for (unsigned i = 0; i < 2 && e == 0; i++)
        e = xdp_attach(programs[i], devices[i].port->target, devices[i].port->netns, true, &s->attached[i], message);
    for (unsigned i = 0; i < 2 && e == 0; i++)
        e = visit(s, &devices[i], check_target, message);
    return e;
}

int shortcut_open(struct shortcut *s, const struct plan *p, bool is_watched, const struct allocator *a,
                  char message[256])
{
    *s = (struct shortcut){.attached = {{.fd = -1}, {.fd = -1}}, .allocator = a};
    message[0] = 0;
    int e = look_for_obstacles(p, is_watched, message);
    if (e == 0)
        e = load(s, p->accelerator, message);
    if (e == 0)
        e = attach(s, p, message);
    if (e < 0 && !message[0])
        (void)snprintf(message, 256, "%s", err_text(e));
    if (e < 0)
        shortcut_close(s);
    else
        s->hook = (struct accel_shortcut){
            .publish = publish, .handled = handled, .look = look, .take_back = take_back, .count = count, .context = s};
    return e;
}

void shortcut_close(struct shortcut *s)
{
    if (!s->allocator)
        return;
    xdp_detach(&s->attached[0]);
    xdp_detach(&s->attached[1]);
    shortcut_answers_close(&s->answers);
    if (s->gates)
        (void)munmap(s->gates, GATES_BYTES);
    accel_bpf__destroy(s->program);
    alloc_free(s->allocator, s->by_cpu, s->by_cpu ? s->cpus * sizeof *s->by_cpu : 0);
    *s = (struct shortcut){.allocator = NULL};
}

#else

int shortcut_open(struct shortcut *s, const struct plan *p, bool is_watched, const struct allocator *a,
                  char message[256])
{
    (void)a;
    *s = (struct shortcut){.allocator = NULL};
    message[0] = 0;
    const int e = look_for_obstacles(p, is_watched, message);
    if (e == 0)
        (void)snprintf(message, 256, "this weir was built without XDP (ENABLE_XDP=OFF)");
    return ERR_UNSUPPORTED;
}

void shortcut_close(struct shortcut *s) { (void)s; }

#endif
