/* SPDX-License-Identifier: MIT */
/*
 * See readiness.h.
 */
#include "engine/readiness.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/error.h"
#include "dhcp/clients.h"
#include "stack/control.h"

#define LOOK_NS (10 * NS_PER_MS)  /* at addresses that are probed for */
#define MOST_RELEASES 32u         /* a turn: what is sent must find room in a burst */
#define RELEASE_NS (2 * NS_PER_S) /* for the last one: IPv6 clients ask until the server has heard, RFC 8415 18.2.7 */

/* The clients of one lease of the plan. */
struct holder {
    const struct plan_lease *lease;
    const struct plan_device *device;
    struct readiness *owner;
    struct dhcp_clients *clients;
    int64_t give_up_at;
    uint32_t told_to_release;
    struct lease_stats stats;
};

struct readiness {
    const struct plan *plan;
    const struct plan_port *port;
    struct stack *stack;
    struct traffic *traffic;
    const struct allocator *allocator;
    struct holder *holders;
    uint32_t n_holders, room;
    uint32_t tested; /* the stack's indices up to here are of addresses that may be used */
    int64_t now;
    enum readiness_state state;
    bool releasing;
    int64_t release_from;
    uint32_t duplicate;          /* failed: somebody has this address */
    const struct holder *waiter; /* failed: its time is over */
};

/* ---- news of the clients ---- */

/* The host has another address than before, or none. */
static void host_moved(struct holder *h, uint32_t client)
{
    struct dhcp_view v;
    dhcp_clients_view(h->clients, client, &v);
    uint32_t before = traffic_set_leased(h->owner->traffic, h->lease->first + client, v.local);
    h->stats.held += (v.local != 0) - (uint64_t)(before != 0);
}

static void told(void *context, const struct dhcp_event *e)
{
    struct holder *h = context;
    struct lease_stats *s = &h->stats;
    switch (e->kind) {
    case DHCP_EVENT_BOUND:
        s->gained++;
        histogram_record(&s->took, (uint64_t)e->latency_ns);
        break;
    case DHCP_EVENT_RENEWED:
        s->renewed++;
        histogram_record(&s->renew, (uint64_t)e->latency_ns);
        break;
    case DHCP_EVENT_LOST:
        *(h->owner->releasing ? &s->released : &s->lost) += 1;
        break;
    case DHCP_EVENT_CONFLICT:
        s->conflicts++;
        break;
    case DHCP_EVENT_REFUSED:
        s->refused++;
        break;
    case DHCP_EVENT_OFFER:
    case DHCP_EVENT_ACK:
        return;
    }
    host_moved(h, e->client);
}

/* ---- making ---- */

/* Of the same family: they share its port. */
static struct dhcp_clients *clients_beside(const struct readiness *r, const struct holder *h)
{
    for (const struct holder *other = h; other-- > r->holders;)
        if (other->lease->v6 == h->lease->v6)
            return other->clients;
    return NULL;
}

static int make_holder(struct readiness *r, struct holder *h, unsigned interface, int64_t now)
{
    struct dhcp_clients_settings s;
    dhcp_clients_settings_default(&s, h->lease->v6);
    s.interface = interface;
    s.vlan =
        h->device->vlan_count ? h->device->vlan[0].tci & 0xfffu : (uint16_t)h->device->vni; /* the tag that names it */
    s.count = h->device->count;
    plan_device_mac(h->device, 0, s.mac);
    s.interval_ns = NS_PER_S / h->lease->rate;
    s.gateway6 = h->lease->gateway6;
    s.prefix_length6 = h->lease->prefix_length6;
    s.beside = clients_beside(r, h);
    s.told = told;
    s.context = h;
    if (!h->lease->probe)
        s.probe.probes = 0;
    if (!h->lease->probe)
        s.probe.answer_ns = 0;
    if (getrandom(&s.key, sizeof s.key, 0) != sizeof s.key)
        return ERR_SYSTEM;
    return dhcp_clients_new(&s, r->stack, r->allocator, now, &h->clients);
}

static int make_holders(struct readiness *r, uint32_t port, unsigned interface, int64_t now)
{
    const struct plan *p = r->plan;
    int e = 0;
    for (uint32_t i = 0; i < p->n_leases && e == 0; i++) {
        const struct plan_device *d = &p->devices[p->leases[i].device];
        if (d->port != port)
            continue;
        struct holder *h = &r->holders[r->n_holders];
        *h = (struct holder){.lease = &p->leases[i], .device = d, .owner = r};
        e = make_holder(r, h, interface, now);
        r->n_holders += e == 0;
    }
    return e;
}

int readiness_new(const struct plan *p, uint32_t port, unsigned interface, struct stack *s, struct traffic *t,
                  const struct allocator *a, int64_t now, struct readiness **out)
{
    struct readiness *r = alloc_zeroed(a, sizeof *r, alignof(struct readiness));
    *out = NULL;
    if (!r)
        return ERR_NO_MEMORY;
    *r = (struct readiness){.plan = p,
                            .port = &p->ports[port],
                            .stack = s,
                            .traffic = t,
                            .allocator = a,
                            .room = p->n_leases + 1,
                            .now = now};
    r->holders = alloc_array(a, r->room, sizeof *r->holders, alignof(struct holder));
    int e = r->holders ? make_holders(r, port, interface, now) : ERR_NO_MEMORY;
    if (e < 0) {
        readiness_delete(r);
        return e;
    }
    *out = r;
    return 0;
}

/* Those that came last go first: they use the others' port. */
void readiness_delete(struct readiness *r)
{
    if (!r)
        return;
    while (r->n_holders > 0)
        dhcp_clients_delete(r->holders[--r->n_holders].clients);
    alloc_free(r->allocator, r->holders, r->room * sizeof *r->holders);
    alloc_free(r->allocator, r, sizeof *r);
}

/* From the first host that begins, or gives back, to the last. */
static int64_t span_of(const struct holder *h) { return h->device->count * (NS_PER_S / h->lease->rate); }

void readiness_start(struct readiness *r, int64_t now)
{
    for (struct holder *h = r->holders; h < r->holders + r->n_holders; h++) {
        h->give_up_at = now + span_of(h) + h->lease->timeout_ns;
        dhcp_clients_start(h->clients, now);
    }
}

/* ---- waiting ---- */

/* Tests of the plan's own addresses; what DHCP gives comes behind them. */
static enum readiness_state look_at_tests(struct readiness *r)
{
    struct stack_address a;
    for (; r->tested < r->port->n_addresses; r->tested++) {
        if (!stack_view_address(r->stack, r->tested + 1, &a) || a.state == STACK_ADDRESS_TENTATIVE)
            return READINESS_WAITS;
        if (a.state != STACK_ADDRESS_DUPLICATE)
            continue;
        r->duplicate = r->tested + 1;
        return READINESS_FAILED;
    }
    return READINESS_READY;
}

static enum readiness_state look_at_leases(struct readiness *r)
{
    enum readiness_state state = READINESS_READY;
    for (const struct holder *h = r->holders; h < r->holders + r->n_holders; h++) {
        if (h->stats.held == h->device->count)
            continue;
        state = READINESS_WAITS;
        if (r->now < h->give_up_at)
            continue;
        r->waiter = h;
        return READINESS_FAILED;
    }
    return state;
}

static enum readiness_state look(struct readiness *r)
{
    enum readiness_state tests = look_at_tests(r);
    return tests == READINESS_READY ? look_at_leases(r) : tests;
}

enum readiness_state readiness_turn(struct readiness *r, int64_t now)
{
    r->now = now;
    for (struct holder *h = r->holders; h < r->holders + r->n_holders; h++)
        dhcp_clients_turn(h->clients, now);
    if (r->state == READINESS_WAITS)
        r->state = look(r);
    return r->state;
}

int64_t readiness_deadline(const struct readiness *r)
{
    int64_t at = r->state == READINESS_WAITS ? r->now + LOOK_NS : TIME_NEVER;
    for (const struct holder *h = r->holders; h < r->holders + r->n_holders; h++)
        at = min_i64(at, dhcp_clients_deadline(h->clients));
    return at;
}

/* ---- what went wrong ---- */

static const char *owner_of(const struct readiness *r, uint32_t local)
{
    for (uint32_t i = 0; i < r->port->n_devices; i++) {
        const struct plan_device *d = &r->plan->devices[r->port->first_device + i];
        if (d->n_ranges > 0 && local - d->ranges[0].first_local < d->count * d->n_ranges)
            return d->name;
    }
    return "?";
}

static void explain_duplicate(const struct readiness *r, char message[256])
{
    struct ip_addr address = {{0}};
    char text[IP_ADDR_TEXT];
    (void)stack_local_address(r->stack, r->duplicate, &address);
    (void)ip_addr_print(text, sizeof text, &address);
    snprintf(message, 256, "device \"%.40s\": found %s, which another station on %.80s has", owner_of(r, r->duplicate),
             text, r->port->location);
}

static bool was_answered(const struct holder *h)
{
    if (h->lease->v6)
        return dhcp_clients_counters6(h->clients)->advertises + dhcp_clients_counters6(h->clients)->replies > 0;
    return dhcp_clients_counters4(h->clients)->offers + dhcp_clients_counters4(h->clients)->acks > 0;
}

static void explain_waiter(const struct readiness *r, char message[256])
{
    const struct holder *h = r->waiter;
    char refused[64];
    snprintf(refused, sizeof refused, "%llu in use by others, %llu not taken", (unsigned long long)h->stats.conflicts,
             (unsigned long long)h->stats.refused);
    snprintf(message, 256,
             "device \"%.40s\": %llu of %u hosts got an IPv%c address by DHCP on %.60s within %.3f s "
             "(lease.timeout): %s",
             h->device->name, (unsigned long long)h->stats.held, h->device->count, h->lease->v6 ? '6' : '4',
             r->port->location, (double)h->lease->timeout_ns / (double)NS_PER_S,
             was_answered(h) ? refused : "no server answered");
}

void readiness_explain(const struct readiness *r, char message[256])
{
    message[0] = 0;
    if (r->waiter)
        explain_waiter(r, message);
    else if (r->duplicate)
        explain_duplicate(r, message);
}

/* ---- the end ---- */

/* At the rate at which they began: servers drop what comes faster than they write it down. */
static bool release_some(struct holder *h, int64_t elapsed)
{
    uint64_t due = min_u64((uint64_t)(elapsed / (NS_PER_S / h->lease->rate)) + 1, h->device->count);
    uint32_t most = min_u32((uint32_t)due - h->told_to_release, MOST_RELEASES);
    uint32_t left = dhcp_clients_release_some(h->clients, most, h->owner->now);
    h->told_to_release = h->device->count - left;
    return left > 0;
}

static bool releases(struct holder *h)
{
    int64_t elapsed = h->owner->now - h->owner->release_from;
    bool left = h->lease->release && release_some(h, elapsed);
    dhcp_clients_turn(h->clients, h->owner->now);
    return left || (h->lease->release && elapsed < span_of(h) + RELEASE_NS && dhcp_clients_busy(h->clients) > 0);
}

bool readiness_release(struct readiness *r, int64_t now)
{
    bool busy = false;
    r->now = now;
    if (!r->releasing)
        r->release_from = now;
    r->releasing = true;
    for (struct holder *h = r->holders; h < r->holders + r->n_holders; h++)
        busy |= releases(h);
    return busy;
}

void readiness_read_stats(const struct readiness *r, struct traffic_stats *into)
{
    for (const struct holder *h = r->holders; h < r->holders + r->n_holders; h++)
        lease_stats_merge(&into->leases[h->lease - r->plan->leases], &h->stats);
}
