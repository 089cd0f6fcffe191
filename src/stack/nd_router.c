/* SPDX-License-Identifier: MIT */
/*
 * Router advertisements sent: see nd_router.h. The message is made once; a turn only asks whether one is due.
 */
#include "stack/nd_router.h"

#include "stack/datagram.h"
#include "stack/nd.h"

#define INITIAL 3u                          /* MAX_INITIAL_RTR_ADVERTISEMENTS */
#define INITIAL_INTERVAL_NS (16 * NS_PER_S) /* MAX_INITIAL_RTR_ADVERT_INTERVAL */
#define RESPONSE_DELAY_NS (NS_PER_S / 2)    /* MAX_RA_DELAY_TIME */
#define BETWEEN_NS (3 * NS_PER_S)           /* MIN_DELAY_BETWEEN_RAS */
#define LIFETIME_MAX_S 9000u

static const struct ip_addr all_nodes = {{0xff, 0x02, [15] = 1}};

void stack_router_settings_default(struct stack_router_settings *t)
{
    *t = (struct stack_router_settings){
        .min_interval_ns = 198 * NS_PER_S, .max_interval_ns = 600 * NS_PER_S, .lifetime_s = 1800, .hop_limit = 64};
}

/* ---- settings: 6.2.1 ---- */

static bool interval_ok(const struct stack_router_settings *t)
{
    int64_t most = t->max_interval_ns;
    return most >= 4 * NS_PER_S && most <= 1800 * NS_PER_S && t->min_interval_ns >= 3 * NS_PER_S &&
           t->min_interval_ns <= most / 4 * 3 &&
           (t->lifetime_s == 0 || (t->lifetime_s * NS_PER_S >= most && t->lifetime_s <= LIFETIME_MAX_S));
}

static bool prefixes_ok(const struct stack_router_settings *t)
{
    for (unsigned i = 0; i < t->n_prefixes; i++) {
        const struct wire_nd_prefix *p = &t->prefix[i];
        if (p->length > 128 || p->preferred_s > p->valid_s || ip_addr_is_multicast(&p->prefix) ||
            ip_addr_is_link_local(&p->prefix))
            return false;
    }
    return true;
}

static bool settings_ok(const struct stack *s, const struct stack_router_settings *t)
{
    const struct host *h = host_at(&s->hosts, t->local);
    if (!h || !h->v6 || !ip_addr_is_link_local(&h->ip) || t->n_prefixes > WIRE_ND_MAX_PREFIXES ||
        t->n_dns > WIRE_ND_MAX_DNS)
        return false;
    bool mtu = t->mtu == 0 || (t->mtu >= WIRE_IPV6_MIN_MTU && t->mtu <= interface_mtu(&s->interfaces[h->interface]));
    return mtu && t->reachable_ms <= 3600000 && t->preference <= 3 && t->preference != 2 && interval_ok(t) &&
           prefixes_ok(t);
}

/* ---- routers ---- */

static struct nd_router *router_at(const struct stack *s, uint32_t i) { return pool_at(&s->routers, i); }

static uint32_t router_of(const struct stack *s, uint32_t local)
{
    for (uint32_t i = 1; i <= s->routers.touched; i++)
        if (local != 0 && router_at(s, i)->local == local)
            return i;
    return 0;
}

static bool same_station(const struct host *a, const struct host *b)
{
    return a->domain == b->domain && b->v6 && !b->removed && wire_eth_addr_equal(a->mac, b->mac);
}

bool nd_router_has_station(const struct stack *s, const struct host *h)
{
    for (uint32_t i = 1; i <= s->routers.touched; i++)
        if (router_at(s, i)->local && same_station(&s->hosts.hosts[router_at(s, i)->local], h))
            return true;
    return false;
}

struct host *nd_router_find(const struct stack *s, uint32_t segment)
{
    for (uint32_t i = 1; i <= s->routers.touched; i++) {
        struct host *h = host_at(&s->hosts, router_at(s, i)->local);
        if (h && h->segment == segment)
            return h;
    }
    return NULL;
}

static void mark_station(struct stack *s, const struct host *h)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++)
        if (same_station(h, &s->hosts.hosts[i]))
            s->hosts.hosts[i].router = nd_router_has_station(s, h);
}

/* What is reserved is zero: 4.6.2. */
static struct wire_nd_prefix prefix_of(const struct wire_nd_prefix *told)
{
    struct wire_nd_prefix p = *told;
    p.prefix = ip_addr_first_bits(&told->prefix, told->length);
    p.flags &= WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS;
    return p;
}

static struct wire_nd message_of(const struct stack_router_settings *t, const struct host *h)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT,
                        .flags = (uint8_t)(t->preference << 3),
                        .has = WIRE_ND_HAS_SOURCE_LL,
                        .hop_limit = t->hop_limit,
                        .router_lifetime_s = t->lifetime_s,
                        .reachable_ms = t->reachable_ms,
                        .retrans_ms = t->retrans_ms,
                        .mtu = t->mtu,
                        .prefix_count = (uint8_t)t->n_prefixes,
                        .dns_count = (uint8_t)t->n_dns};
    m.flags |= (t->managed ? WIRE_ND_RA_MANAGED : 0) | (t->other ? WIRE_ND_RA_OTHER : 0);
    m.has |= t->mtu ? WIRE_ND_HAS_MTU : 0;
    memcpy(m.source_ll, h->mac, sizeof m.source_ll);
    for (unsigned i = 0; i < t->n_prefixes; i++)
        m.prefix[i] = prefix_of(&t->prefix[i]);
    memcpy(m.dns, t->dns, sizeof m.dns);
    return m;
}

int stack_router_start(struct stack *s, const struct stack_router_settings *t, int64_t now)
{
    s->now = now;
    if (!settings_ok(s, t))
        return ERR_INVALID;
    if (router_of(s, t->local))
        return ERR_EXISTS;
    uint32_t i = pool_get(&s->routers);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    const struct host *h = &s->hosts.hosts[t->local];
    *router_at(s, i) = (struct nd_router){.local = t->local,
                                          .initial = INITIAL,
                                          .min_ns = t->min_interval_ns,
                                          .max_ns = t->max_interval_ns,
                                          .next = now,
                                          .last = now - BETWEEN_NS,
                                          .message = message_of(t, h)};
    mark_station(s, h);
    return 0;
}

static void advertise(struct stack *s, struct nd_router *r)
{
    s->counters.ra_sent += nd_send(s, &s->hosts.hosts[r->local], &all_nodes, &r->message, ND_FROM_HOST);
    r->last = s->now;
}

int stack_router_stop(struct stack *s, uint32_t local, int64_t now)
{
    uint32_t i = router_of(s, local);
    s->now = now;
    if (!i)
        return ERR_NOT_FOUND;
    struct nd_router *r = router_at(s, i);
    const struct host *h = &s->hosts.hosts[local];
    r->message.router_lifetime_s = 0;
    if (h->state == HOST_USABLE)
        advertise(s, r);
    r->local = 0;
    pool_put(&s->routers, i);
    mark_station(s, h);
    return 0;
}

/* ---- time: 6.2.4 ---- */

static void due(struct stack *s, struct nd_router *r)
{
    if (s->hosts.hosts[r->local].state != HOST_USABLE) {
        r->next = s->now + NS_PER_S;
        return;
    }
    advertise(s, r);
    int64_t wait = r->min_ns + (int64_t)random_below(&s->autoconf.random, (uint64_t)(r->max_ns - r->min_ns) + 1);
    if (r->initial != 0 && --r->initial != 0)
        wait = min_i64(wait, INITIAL_INTERVAL_NS);
    r->next = s->now + wait;
}

void nd_router_tick(struct stack *s, int64_t now)
{
    for (uint32_t i = 1; i <= s->routers.touched; i++)
        if (router_at(s, i)->local && now >= router_at(s, i)->next)
            due(s, router_at(s, i));
}

int64_t nd_router_deadline(const struct stack *s)
{
    int64_t next = TIME_NEVER;
    for (uint32_t i = 1; i <= s->routers.touched; i++)
        if (router_at(s, i)->local)
            next = min_i64(next, router_at(s, i)->next);
    return next;
}

/* ---- solicitations: 6.2.6 ---- */

static void learn(struct stack *s, const struct host *h, const struct datagram *d, const struct wire_nd *m)
{
    if (!(m->has & WIRE_ND_HAS_SOURCE_LL) || !host_on_link(h, &d->source))
        return;
    uint32_t index = neighbour_open(s, h->domain, &d->source, h->index, NEIGHBOUR_HEARD);
    if (index)
        neighbour_hear(s, index, m->source_ll);
}

void nd_router_solicited(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    bool heard = false;
    for (uint32_t i = 1; i <= s->routers.touched; i++) {
        struct nd_router *r = router_at(s, i);
        const struct host *h = host_at(&s->hosts, r->local);
        if (!h || h->segment != d->host->segment || h->state != HOST_USABLE)
            continue;
        heard = true;
        learn(s, h, d, m);
        int64_t soon = s->now + (int64_t)random_below(&s->autoconf.random, RESPONSE_DELAY_NS);
        r->next = min_i64(r->next, max_i64(soon, r->last + BETWEEN_NS));
    }
    if (heard)
        s->counters.rs_received++;
    else
        STACK_DROP(s, TRACE_ARP, nd_ignored);
}
