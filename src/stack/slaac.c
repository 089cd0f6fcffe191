/* SPDX-License-Identifier: MIT */
/*
 * Addresses made of the prefixes that routers advertise: RFC 4862 5.5. Identifiers are RFC 7217's unless the station
 * was told to use its MAC. The sweep walks over all hosts of a domain, some of them a turn: stations get what they lack,
 * addresses whose prefix is over go, and what is new of the others is told.
 */
#include "stack/autoconf.h"

#include "base/hash.h"
#include "stack/stack_internal.h"

#define COLLISIONS_END 250u /* of reserved identifiers, in a row: does not happen */

/* ---- identifiers ---- */

/* RFC 5453, and the group of RFC 2526. */
static bool is_reserved(uint64_t id)
{
    return id == 0 || (id >= UINT64_C(0xfdffffffffffff80) && id <= UINT64_C(0xfdffffffffffffff)) ||
           (id >= UINT64_C(0x02005efffe000000) && id <= UINT64_C(0x02005efffe005212));
}

static uint64_t opaque_identifier(const struct stack *s, const struct ip_addr *prefix, const uint8_t *mac,
                                  uint32_t counter)
{
    uint8_t from[24] = {0};
    memcpy(from, prefix->bytes, 8);
    memcpy(from + 8, mac, WIRE_ETH_ADDR_LEN);
    store_be32(from + 16, counter);
    return hash_sip24(&s->settings.secret, from, sizeof from);
}

struct ip_addr slaac_address(const struct stack *s, const struct ip_addr *prefix, const uint8_t *mac, uint32_t counter)
{
    struct ip_addr address = *prefix;
    uint64_t id = opaque_identifier(s, prefix, mac, counter);
    while (is_reserved(id)) /* RFC 7217 section 5: as a collision */
        id = opaque_identifier(s, prefix, mac, counter += COLLISIONS_END);
    store_be64(address.bytes + 8, id);
    return address;
}

static struct ip_addr address_for(const struct stack *s, const struct host *station, const struct ip_addr *prefix,
                                  uint32_t counter)
{
    if (!autoconf_at(&s->autoconf, station)->eui64)
        return slaac_address(s, prefix, station->mac, counter);
    struct ip_addr address = ip_addr_link_local(station->mac);
    memcpy(address.bytes, prefix->bytes, 8);
    return address;
}

/* ---- making ---- */

/* A stable one, or a temporary one that has neither been replaced nor come to its end. */
static bool has_address_of(const struct stack *s, const struct host *station, unsigned prefix, bool temporary)
{
    const struct autoconf_set *set = &s->autoconf;
    for (uint32_t i = set->hosts[station->index].next; i; i = set->hosts[i].next) {
        const struct autoconf_host *a = &set->hosts[i];
        if (a->prefix == prefix && a->temporary == temporary && !a->replaced && !a->past)
            return true;
    }
    return false;
}

/* Its tags, VRF and MAC are the station's. */
static int add_address(struct stack *s, const struct host *station, const struct ip_addr *address)
{
    struct host_settings t;
    bool there = stack_view_host(s, station->index, &t);
    assert(there);
    (void)there;
    t.address = *address;
    t.prefix_length = 128;
    t.gateway = (struct ip_addr){{0}};
    t.autoconf = t.temporary = false;
    t.dad_transmits = 0;
    return stack_add_host_untold(s, &t);
}

/* RFC 8981 3.3.1 */
static struct ip_addr random_address(struct stack *s, const struct ip_addr *prefix)
{
    struct ip_addr address = *prefix;
    uint64_t id;
    do {
        id = temporary_identifier(s);
    } while (is_reserved(id));
    store_be64(address.bytes + 8, id);
    return address;
}

static bool make_address(struct stack *s, struct host *station, unsigned prefix, uint32_t collisions, bool temporary)
{
    const struct ip_addr *of_prefix = &station->ra->prefixes[prefix].prefix;
    const struct ip_addr address =
        temporary ? random_address(s, of_prefix) : address_for(s, station, of_prefix, collisions);
    int local = add_address(s, station, &address);
    if (local < 0) {
        STACK_DROP(s, TRACE_ARP, slaac_no_room);
        return false;
    }
    struct autoconf_host *of = autoconf_at(&s->autoconf, station);
    struct host *h = &s->hosts.hosts[local];
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    h->ra = station->ra;
    h->ra->prefixes[prefix].addresses++;
    a->station = station->index;
    a->prefix = (uint8_t)prefix;
    a->collisions = (uint8_t)collisions;
    a->transmits = (uint8_t)max_u32(of->transmits, 1); /* RFC 4862 5.4: always */
    a->eui64 = of->eui64;
    a->next = of->next;
    of->next = h->index;
    if (temporary)
        temporary_made(s, h);
    s->counters.slaac_addresses++;
    if (interface_has_one_peer(stack_interface_of(s, h)))
        autoconf_address_ready(s, h);
    else
        dad_begin(s, h);
    stack_tell(s, STACK_HOST_ADDED, h->index);
    return true;
}

unsigned slaac_make(struct stack *s, struct host *station)
{
    unsigned made = 0;
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++) {
        if (station->ra->prefixes[i].autonomous && !has_address_of(s, station, i, false))
            made += make_address(s, station, i, 0, false);
        if (temporary_wanted(s, station, i) && !has_address_of(s, station, i, true))
            made += make_address(s, station, i, 0, true);
    }
    return made;
}

bool slaac_make_temporary(struct stack *s, struct host *station, unsigned prefix)
{
    return make_address(s, station, prefix, 0, true);
}

bool slaac_try_again(struct stack *s, struct host *h)
{
    const struct autoconf_host was = *autoconf_at(&s->autoconf, h);
    if (was.station == 0 || (was.eui64 && !was.temporary) || was.collisions == AUTOCONF_TRIES)
        return false;
    struct host *station = &s->hosts.hosts[was.station];
    int error = stack_remove_host(s, h->index, s->now);
    assert(!error);
    (void)error;
    (void)make_address(s, station, was.prefix, was.collisions + 1u, was.temporary);
    return true;
}

/* ---- the sweep ---- */

struct turn {
    unsigned seen, made, removed;
};

static bool turn_is_over(const struct turn *t)
{
    return t->seen >= AUTOCONF_TURN_SEEN || t->made >= AUTOCONF_TURN_MADE || t->removed >= AUTOCONF_TURN_REMOVED;
}

static void look_at(struct stack *s, const struct ra_view *v, struct host *h, struct turn *t)
{
    const struct autoconf_host *a = h ? autoconf_at(&s->autoconf, h) : NULL;
    if (!h || h->ra != v)
        return;
    if (a->station == 0 && h->state == HOST_USABLE) {
        t->made += slaac_make(s, h);
    } else if (a->station != 0 && !v->prefixes[a->prefix].autonomous) {
        t->removed++;
        int error = stack_remove_host(s, h->index, s->now);
        assert(!error);
        (void)error;
    } else if (a->station != 0 && v->prefixes[a->prefix].news && h->state == HOST_USABLE) {
        stack_tell(s, STACK_HOST_STATE_CHANGED, h->index);
    }
}

static void forget_news(struct ra_view *v)
{
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++)
        v->prefixes[i].news = false;
}

void slaac_sweep(struct stack *s, struct ra_view *v)
{
    struct turn t = {0};
    while (v->sweep != 0 && !turn_is_over(&t)) {
        t.seen++;
        look_at(s, v, host_at(&s->hosts, v->sweep), &t);
        if (++v->sweep <= s->hosts.count)
            continue;
        v->sweep = v->again;
        v->again = false;
        if (v->sweep == 0)
            forget_news(v);
    }
}
