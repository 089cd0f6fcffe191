/* SPDX-License-Identifier: MIT */
/*
 * Router advertisements heard: see ra.h. Each part of a message is looked at by itself: one that is wrong is ignored and
 * counted, the others count.
 */
#include "stack/ra.h"

#include "stack/datagram.h"

#define TWO_HOURS_NS (7200 * NS_PER_S) /* RFC 4862 5.5.3 e */
#define MAX_REACHABLE_MS 3600000u      /* RFC 4861 6.2.1 */
#define MIN_RETRANS_MS 100u            /* neighbours are not asked more often, whatever a router says */
#define MAX_RETRANS_MS 60000u
#define SLAAC_PREFIX_LENGTH 64u
#define PREFERENCE_MASK 0x18u

void ra_view_init(struct ra_view *v, uint32_t domain)
{
    *v = (struct ra_view){.domain = domain, .chosen = RA_MAX_ROUTERS, .next_expiry = TIME_NEVER};
}

static int64_t until(const struct stack *s, uint32_t lifetime_s)
{
    return lifetime_s == WIRE_ND_INFINITE ? TIME_NEVER : s->now + lifetime_s * NS_PER_S;
}

static void expect_expiry(struct ra_view *v, int64_t at) { v->next_expiry = min_i64(v->next_expiry, at); }

static void begin_sweep(struct ra_view *v)
{
    v->again = v->sweep != 0;
    if (!v->again)
        v->sweep = 1;
}

/* ---- default routers ---- */

static unsigned find_router(const struct ra_view *v, const struct ip_addr *address)
{
    unsigned i = 0;
    while (i < v->n_routers && !ip_addr_equal(&v->routers[i].address, address))
        i++;
    return i;
}

enum router_reach { REACH_FAILED, REACH_UNKNOWN, REACH_PROBABLE };

static enum router_reach reach_of(struct stack *s, const struct ra_view *v, unsigned i)
{
    uint32_t index = neighbour_find(s, v->domain, &v->routers[i].address);
    if (!index)
        return REACH_UNKNOWN;
    enum neighbour_state state = (enum neighbour_state)neighbour_at(&s->neighbours, index)->state;
    if (state == NEIGHBOUR_FAILED)
        return REACH_FAILED;
    return state >= NEIGHBOUR_STALE ? REACH_PROBABLE : REACH_UNKNOWN;
}

/* RFC 4861 6.3.6, RFC 4191 3.2: reachable before preferred; of those that do not answer, one after the other. */
static void choose(struct stack *s, struct ra_view *v)
{
    unsigned first = v->chosen < v->n_routers ? v->chosen : 0, best = RA_MAX_ROUTERS, most = 0;
    if (v->n_routers && reach_of(s, v, first) == REACH_FAILED)
        first++;
    for (unsigned n = 0; n < v->n_routers; n++) {
        unsigned i = (first + n) % v->n_routers;
        enum router_reach reach = reach_of(s, v, i);
        unsigned rank = 1 + reach * 4u + (reach == REACH_FAILED ? 0 : v->routers[i].preference);
        if (rank > most) {
            most = rank;
            best = i;
        }
    }
    v->chosen = (uint8_t)best;
}

void ra_neighbour_changed(struct stack *s, struct ra_view *v, const struct ip_addr *address)
{
    if (find_router(v, address) < v->n_routers)
        choose(s, v);
}

static void remove_router_at(struct stack *s, struct ra_view *v, unsigned i)
{
    ra_tell_router(s, v, i, false);
    v->routers[i] = v->routers[--v->n_routers];
    if (v->chosen == i)
        v->chosen = RA_MAX_ROUTERS;
    else if (v->chosen == v->n_routers)
        v->chosen = (uint8_t)i;
}

void ra_remove_router(struct stack *s, struct ra_view *v, const struct ip_addr *address)
{
    unsigned i = find_router(v, address);
    if (i == v->n_routers)
        return;
    remove_router_at(s, v, i);
    choose(s, v);
}

/* RFC 4191 2.2: the reserved value is medium. */
static uint8_t preference_of(uint8_t flags)
{
    static const uint8_t of[] = {RA_PREFERENCE_MEDIUM, RA_PREFERENCE_HIGH, RA_PREFERENCE_MEDIUM, RA_PREFERENCE_LOW};
    return of[(flags & PREFERENCE_MASK) >> 3];
}

static void learn_router(struct stack *s, struct ra_view *v, const struct ip_addr *address, const struct wire_nd *m)
{
    unsigned i = find_router(v, address);
    if (m->router_lifetime_s == 0) {
        ra_remove_router(s, v, address);
        return;
    }
    if (i == RA_MAX_ROUTERS) {
        STACK_DROP(s, TRACE_ARP, ra_list_full);
        return;
    }
    const uint8_t preference = preference_of(m->flags);
    bool known = i < v->n_routers, same = known && v->routers[i].preference == preference;
    if (known && !same)
        ra_tell_router(s, v, i, false);
    v->n_routers = (uint8_t)max_u32(v->n_routers, i + 1);
    v->routers[i] =
        (struct ra_router){.address = *address, .until = until(s, m->router_lifetime_s), .preference = preference};
    if (!same)
        ra_tell_router(s, v, i, true);
    expect_expiry(v, v->routers[i].until);
    choose(s, v);
}

/* ---- values ---- */

static void learn_mtu(struct stack *s, struct ra_view *v, const struct wire_nd *m)
{
    const struct host_set *set = &s->hosts;
    const struct interface *itf = &s->interfaces[host_segment(set, host_domain(set, v->domain)->segment)->interface];
    if (!(m->has & WIRE_ND_HAS_MTU))
        return;
    if (m->mtu < WIRE_IPV6_MIN_MTU || m->mtu > interface_mtu(itf))
        STACK_DROP(s, TRACE_ARP, ra_bad_value);
    else
        v->mtu = m->mtu;
}

static void learn_reachable(struct stack *s, struct ra_view *v, uint32_t ms)
{
    if (ms == 0 || ms == v->reachable_ms)
        return;
    if (ms > MAX_REACHABLE_MS) {
        STACK_DROP(s, TRACE_ARP, ra_bad_value);
        return;
    }
    v->reachable_ms = ms;
    v->reachable_ns = (int64_t)((uint64_t)ms * (500000u + random_below(&s->autoconf.random, 1000001u)));
}

static void learn_values(struct stack *s, struct ra_view *v, const struct wire_nd *m)
{
    if (m->hop_limit >= RA_MIN_HOP_LIMIT)
        v->hop_limit = m->hop_limit;
    else if (m->hop_limit != 0)
        STACK_DROP(s, TRACE_ARP, ra_bad_value);
    learn_reachable(s, v, m->reachable_ms);
    if (m->retrans_ms >= MIN_RETRANS_MS && m->retrans_ms <= MAX_RETRANS_MS)
        v->retrans_ns = m->retrans_ms * NS_PER_MS;
    else if (m->retrans_ms != 0)
        STACK_DROP(s, TRACE_ARP, ra_bad_value);
    learn_mtu(s, v, m);
}

/* ---- prefixes ---- */

static bool prefix_used(const struct ra_prefix *p) { return p->on_link || p->autonomous || p->addresses != 0; }

/* The record of a prefix, perhaps a new one (nothing of it is true yet), or NULL: there is no room. */
static struct ra_prefix *open_prefix(struct ra_view *v, const struct wire_nd_prefix *told)
{
    const struct ip_addr prefix = ip_addr_first_bits(&told->prefix, told->length);
    struct ra_prefix *free = NULL;
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++) {
        struct ra_prefix *p = &v->prefixes[i];
        if (prefix_used(p) && p->length == told->length && ip_addr_equal(&p->prefix, &prefix))
            return p;
        if (!prefix_used(p) && !free)
            free = p;
    }
    if (free)
        *free = (struct ra_prefix){.prefix = prefix, .length = told->length};
    return free;
}

static void learn_on_link(struct stack *s, struct ra_view *v, struct ra_prefix *p, uint32_t valid_s)
{
    bool before = p->on_link;
    if (before && valid_s == 0)
        ra_tell_prefix(s, v, p, false);
    p->on_link = valid_s != 0;
    p->on_link_until = until(s, valid_s);
    if (!p->on_link)
        return;
    expect_expiry(v, p->on_link_until);
    if (!before)
        ra_tell_prefix(s, v, p, true);
}

/* Nobody who hears of it: nothing to do. */
static void tell_addresses(const struct stack *s, struct ra_view *v, struct ra_prefix *p)
{
    if (!s->changed || p->addresses == 0)
        return;
    p->news = true;
    begin_sweep(v);
}

/* RFC 4862 5.5.3 e: nobody who is not sure who he hears believes that an address is over at once. */
static int64_t valid_until(const struct stack *s, const struct ra_prefix *p, uint32_t valid_s)
{
    int64_t told = until(s, valid_s);
    if (!p->autonomous || told > s->now + TWO_HOURS_NS || told > p->valid_until)
        return told;
    return min_i64(p->valid_until, s->now + TWO_HOURS_NS);
}

static void learn_autonomous(struct stack *s, struct ra_view *v, struct ra_prefix *p, const struct wire_nd_prefix *told)
{
    if (!p->autonomous && told->valid_s == 0)
        return;
    p->valid_until = valid_until(s, p, told->valid_s);
    p->preferred_until = until(s, told->preferred_s);
    bool again = p->deprecated && told->preferred_s != 0; /* temporary addresses may be wanted */
    p->deprecated = told->preferred_s == 0;
    expect_expiry(v, min_i64(p->valid_until, p->deprecated ? TIME_NEVER : p->preferred_until));
    if (!p->autonomous || again)
        begin_sweep(v);
    p->autonomous = true;
    tell_addresses(s, v, p);
}

/* Can addresses of hosts be made of it? RFC 4862 5.5.3 c, d. */
static bool autonomous_ok(const struct wire_nd_prefix *told)
{
    return told->length == SLAAC_PREFIX_LENGTH && told->preferred_s <= told->valid_s &&
           load_be64(told->prefix.bytes) != 0;
}

static void learn_prefix(struct stack *s, struct ra_view *v, const struct wire_nd_prefix *told)
{
    bool autonomous = told->flags & WIRE_ND_PREFIX_AUTONOMOUS, on_link = told->flags & WIRE_ND_PREFIX_ON_LINK;
    if (told->prefix.bytes[0] == 0xfe && (told->prefix.bytes[1] & 0xc0) == 0x80)
        return; /* RFC 4861 6.3.4, RFC 4862 5.5.3 b: of the link-local prefix nothing is told */
    if (ip_addr_is_multicast(&told->prefix) || (autonomous && !autonomous_ok(told))) {
        STACK_DROP(s, TRACE_ARP, ra_bad_prefix);
        autonomous = false;
    }
    if ((!autonomous && !on_link) || ip_addr_is_multicast(&told->prefix))
        return;
    struct ra_prefix *p = open_prefix(v, told);
    if (!p) {
        STACK_DROP(s, TRACE_ARP, ra_list_full);
        return;
    }
    if (on_link)
        learn_on_link(s, v, p, told->valid_s);
    if (autonomous)
        learn_autonomous(s, v, p, told);
}

int ra_on_link_bits(const struct ra_view *v, const struct ip_addr *address)
{
    int bits = -1;
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++) {
        const struct ra_prefix *p = &v->prefixes[i];
        if (p->on_link && p->length > bits && ip_addr_same_bits(address, &p->prefix, p->length))
            bits = p->length;
    }
    return bits;
}

/* ---- name servers ---- */

static void learn_dns(struct stack *s, struct ra_view *v, const struct wire_nd_dns *told)
{
    unsigned i = 0;
    while (i < v->n_dns && !ip_addr_equal(&v->dns[i].server, &told->server))
        i++;
    if (told->lifetime_s == 0) {
        if (i < v->n_dns)
            memmove(&v->dns[i], &v->dns[i + 1], (--v->n_dns - i) * sizeof v->dns[0]);
        return;
    }
    if (i == RA_MAX_DNS) {
        STACK_DROP(s, TRACE_ARP, ra_list_full);
        return;
    }
    v->n_dns = (uint8_t)max_u32(v->n_dns, i + 1);
    v->dns[i] = (struct ra_dns){.server = told->server, .until = until(s, told->lifetime_s)};
    expect_expiry(v, v->dns[i].until);
}

/* ---- a message ---- */

static void learn_station(struct stack *s, const struct ra_view *v, const struct datagram *d, const struct wire_nd *m)
{
    if (!(m->has & WIRE_ND_HAS_SOURCE_LL))
        return;
    uint32_t index = neighbour_open(s, v->domain, &d->source, d->host->index, NEIGHBOUR_HEARD);
    if (index)
        neighbour_hear(s, index, m->source_ll);
}

static void learn(struct stack *s, struct ra_view *v, const struct datagram *d, const struct wire_nd *m)
{
    learn_values(s, v, m);
    for (unsigned i = 0; i < m->prefix_count; i++)
        learn_prefix(s, v, &m->prefix[i]);
    for (unsigned i = 0; i < m->dns_count; i++)
        learn_dns(s, v, &m->dns[i]);
    learn_router(s, v, &d->source, m);
    learn_station(s, v, d, m);
}

void ra_input(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    bool heard = false;
    for (uint32_t i = host_segment(&s->hosts, d->host->segment)->domains; i; i = host_domain(&s->hosts, i)->next) {
        struct ra_view *v = host_domain(&s->hosts, i)->ra;
        if (!v || (!d->broadcast && i != d->host->domain))
            continue;
        heard = true;
        learn(s, v, d, m);
    }
    if (!heard) {
        STACK_DROP(s, TRACE_ARP, nd_ignored);
        return;
    }
    s->counters.ra_received++;
    if (m->ignored)
        STACK_DROP(s, TRACE_ARP, ra_bad_option);
}

/* ---- time ---- */

static bool is_over(struct ra_view *v, int64_t at, int64_t now)
{
    if (at > now)
        expect_expiry(v, at);
    return at <= now;
}

static void expire_prefix(struct stack *s, struct ra_view *v, struct ra_prefix *p, int64_t now)
{
    if (p->on_link && is_over(v, p->on_link_until, now)) {
        ra_tell_prefix(s, v, p, false);
        p->on_link = false;
    }
    if (!p->autonomous)
        return;
    if (!p->deprecated && is_over(v, p->preferred_until, now)) {
        p->deprecated = true;
        tell_addresses(s, v, p);
    }
    if (is_over(v, p->valid_until, now)) {
        p->autonomous = false;
        begin_sweep(v);
    }
}

static void expire_routers(struct stack *s, struct ra_view *v, int64_t now)
{
    bool any = false;
    for (unsigned i = v->n_routers; i-- > 0;) {
        if (!is_over(v, v->routers[i].until, now))
            continue;
        remove_router_at(s, v, i);
        any = true;
    }
    if (any)
        choose(s, v);
}

static void expire_dns(struct ra_view *v, int64_t now)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < v->n_dns; i++)
        if (!is_over(v, v->dns[i].until, now))
            v->dns[kept++] = v->dns[i];
    v->n_dns = (uint8_t)kept;
}

void ra_expire(struct stack *s, struct ra_view *v, int64_t now)
{
    if (likely(now < v->next_expiry))
        return;
    v->next_expiry = TIME_NEVER;
    expire_routers(s, v, now);
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++)
        expire_prefix(s, v, &v->prefixes[i], now);
    expire_dns(v, now);
}
