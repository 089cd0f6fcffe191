/* SPDX-License-Identifier: MIT */
/*
 * The clock of autoconfiguration, who listens to routers, and the solicitations that routers are asked with: see
 * autoconf.h. RFC 4861 6.3.7.
 */
#include "stack/autoconf.h"

#include "stack/acd.h"
#include "stack/nd.h"
#include "stack/stack_internal.h"

#define WHEEL_SHIFT 20 /* 1.05 ms */
#define TICK_BUDGET 256u
#define SOLICITATIONS 3u                           /* MAX_RTR_SOLICITATIONS */
#define SOLICITATION_INTERVAL_NS (4 * NS_PER_S)    /* RTR_SOLICITATION_INTERVAL */
#define SOLICITATION_DELAY_NS ((uint64_t)NS_PER_S) /* MAX_RTR_SOLICITATION_DELAY */

static const struct ip_addr all_routers = {{0xff, 0x02, [15] = 2}};

int autoconf_init(struct stack *s, int64_t now)
{
    struct autoconf_set *set = &s->autoconf;
    uint32_t capacity = s->settings.max_addresses;
    *set = (struct autoconf_set){.capacity = capacity, .allocator = s->allocator};
    random_seed(&set->random, s->settings.secret.k0 ^ s->settings.secret.k1);
    set->hosts = alloc_array(s->allocator, (size_t)capacity + 1, sizeof *set->hosts, alignof(struct autoconf_host));
    if (!set->hosts)
        return ERR_NO_MEMORY;
    int error = pool_init(&set->views, s->allocator, s->settings.max_ra_domains, sizeof(struct ra_view),
                          alignof(struct ra_view));
    return error ? error : wheel_init(&set->wheel, s->allocator, capacity, WHEEL_SHIFT, now);
}

void autoconf_free(struct stack *s)
{
    struct autoconf_set *set = &s->autoconf;
    if (set->hosts)
        alloc_free(set->allocator, set->hosts, ((size_t)set->capacity + 1) * sizeof *set->hosts);
    pool_free(&set->views);
    wheel_free(&set->wheel);
}

void autoconf_arm(struct stack *s, const struct host *h, int64_t deadline)
{
    autoconf_at(&s->autoconf, h)->deadline = deadline;
    if (deadline != TIME_NEVER)
        wheel_arm(&s->autoconf.wheel, h->index, deadline);
}

int64_t autoconf_retrans_ns(const struct stack *s, const struct host *h)
{
    const struct ra_view *v = host_domain(&s->hosts, h->domain)->ra;
    return v && v->retrans_ns ? v->retrans_ns : s->settings.arp_retry_ns;
}

/* ---- asking routers ---- */

static void begin_asking(struct stack *s, struct host *h, int64_t delay)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    a->phase = AUTOCONF_SOLICIT;
    a->left = SOLICITATIONS;
    autoconf_arm(s, h, s->now + delay);
}

/* One at least, and no more once a router is known. */
static void solicit_due(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    bool known = h->ra->n_routers != 0 && a->left < SOLICITATIONS;
    if (a->left == 0 || known) {
        a->phase = AUTOCONF_IDLE;
        return;
    }
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL};
    memcpy(m.source_ll, h->mac, sizeof m.source_ll);
    s->counters.rs_sent += nd_send(s, h, &all_routers, &m, ND_FROM_HOST);
    a->left--;
    autoconf_arm(s, h, s->now + SOLICITATION_INTERVAL_NS);
}

/* ---- hosts ---- */

static struct ra_view *view_of(struct stack *s, uint32_t domain)
{
    struct domain *d = host_domain(&s->hosts, domain);
    uint32_t i = d->ra ? 0 : pool_get(&s->autoconf.views);
    if (i != POOL_NONE) {
        d->ra = pool_at(&s->autoconf.views, i);
        ra_view_init(d->ra, domain);
    }
    return d->ra;
}

void autoconf_address_ready(struct stack *s, struct host *h)
{
    bool tested = h->state != HOST_USABLE;
    h->state = HOST_USABLE;
    autoconf_at(&s->autoconf, h)->phase = AUTOCONF_IDLE;
    if (tested) {
        group_host_ready(s, h);
        stack_tell(s, STACK_HOST_STATE_CHANGED, h->index);
    }
    if (autoconf_at(&s->autoconf, h)->station != 0 && autoconf_at(&s->autoconf, h)->temporary)
        temporary_ready(s, h);
    if (!h->ra || autoconf_at(&s->autoconf, h)->station != 0)
        return;
    begin_asking(s, h, tested ? 0 : (int64_t)random_below(&s->autoconf.random, SOLICITATION_DELAY_NS));
    (void)slaac_make(s, h);
}

static void begin_test(struct stack *s, struct host *h)
{
    if (s->hosts.last == h)
        s->hosts.last = s->hosts.hosts;
    if (h->v6)
        dad_begin(s, h);
    else
        acd_begin(s, h);
}

int autoconf_host_added(struct stack *s, struct host *h, const struct host_settings *t)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    *a = (struct autoconf_host){
        .deadline = TIME_NEVER, .transmits = t->dad_transmits, .eui64 = t->eui64, .temporary = t->temporary};
    if (t->autoconf && !(h->ra = view_of(s, h->domain)))
        return ERR_NO_SPACE;
    if (a->transmits != 0)
        begin_test(s, h);
    else if (h->ra)
        autoconf_address_ready(s, h);
    return 0;
}

static void unlink_address(struct stack *s, const struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    uint32_t *link = &s->autoconf.hosts[a->station].next;
    while (*link != h->index)
        link = &s->autoconf.hosts[*link].next;
    *link = a->next;
    h->ra->prefixes[a->prefix].addresses--;
}

void autoconf_host_removed(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    a->deadline = TIME_NEVER;
    a->phase = AUTOCONF_IDLE;
    if (a->station != 0) {
        unlink_address(s, h);
        return;
    }
    ra_tell_station(s, h, false);
    while (a->next != 0) {
        int error = stack_remove_host(s, a->next, s->now);
        assert(!error);
        (void)error;
    }
}

void autoconf_interface_up(struct stack *s, unsigned interface)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        struct host *h = host_at(&s->hosts, i);
        if (!h || h->interface != interface || h->state != HOST_USABLE)
            continue;
        if (s->autoconf.hosts[i].transmits != 0) {
            begin_test(s, h);
            stack_tell(s, STACK_HOST_STATE_CHANGED, i);
        } else if (h->ra) {
            begin_asking(s, h, (int64_t)random_below(&s->autoconf.random, SOLICITATION_DELAY_NS));
        }
    }
}

/* ---- time ---- */

static void due(void *context, uint32_t index, int64_t now)
{
    struct stack *s = context;
    struct host *h = host_at(&s->hosts, index);
    const struct autoconf_host *a = &s->autoconf.hosts[index];
    if (!h || a->phase == AUTOCONF_IDLE)
        return;
    if (now < a->deadline) /* moved later since it was armed */
        autoconf_arm(s, h, a->deadline);
    else if (a->phase == AUTOCONF_TEMPORARY)
        temporary_due(s, h);
    else if (s->interfaces[h->interface].down)
        autoconf_arm(s, h, now + NS_PER_S);
    else if (!h->v6)
        acd_due(s, h);
    else if (a->phase == AUTOCONF_DAD)
        dad_due(s, h);
    else
        solicit_due(s, h);
}

void autoconf_tick(struct stack *s, int64_t now)
{
    wheel_advance(&s->autoconf.wheel, now, TICK_BUDGET, due, s);
    for (uint32_t i = 1; i <= s->autoconf.views.touched; i++) {
        struct ra_view *v = pool_at(&s->autoconf.views, i);
        ra_expire(s, v, now);
        if (unlikely(v->sweep != 0))
            slaac_sweep(s, v);
    }
}

int64_t autoconf_deadline(const struct stack *s)
{
    int64_t next = wheel_next(&s->autoconf.wheel);
    for (uint32_t i = 1; i <= s->autoconf.views.touched; i++) {
        const struct ra_view *v = pool_at(&s->autoconf.views, i);
        next = min_i64(next, v->sweep ? s->now : v->next_expiry);
    }
    return next;
}
