/* SPDX-License-Identifier: MIT */
/*
 * Temporary addresses: RFC 8981. A station that wants them has, beside its stable address of each autonomous prefix, one
 * with a random identifier, deprecated after a day and gone after two (stack_settings), and the next one a little
 * before that. An address's record (autoconf_host) has when it was made and by how much it is preferred for less than
 * the others (3.8 DESYNC_FACTOR); its lifetimes are those of the prefix, as long as they end before its own. The one
 * deadline is the next of: make another one, be deprecated, go. What an advertisement makes longer is seen when it is
 * due; what one makes shorter, and what one that prefers the prefix again makes wanted, the sweep brings about (slaac.c).
 */
#include "stack/autoconf.h"

#include "stack/stack_internal.h"

#define ADVANCE_NS (2 * NS_PER_S) /* 3.8 REGEN_ADVANCE, beside the time for duplicates of TEMPORARY_TRIES identifiers */

static const struct ra_prefix *prefix_of(const struct host *h, const struct autoconf_host *a)
{
    return &h->ra->prefixes[a->prefix];
}

/* Its own preferred lifetime, whatever its prefix's is. */
static int64_t own_end(const struct stack *s, const struct autoconf_host *a)
{
    return a->made_at + s->settings.temporary_preferred_ns - (int64_t)a->desync_ms * NS_PER_MS;
}

int64_t temporary_preferred_until(const struct stack *s, const struct host *h)
{
    const struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    return min_i64(own_end(s, a), prefix_of(h, a)->preferred_until);
}

int64_t temporary_valid_until(const struct stack *s, const struct host *h)
{
    const struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    return min_i64(a->made_at + s->settings.temporary_valid_ns, prefix_of(h, a)->valid_until);
}

static int64_t advance_ns(const struct stack *s, const struct host *h, uint32_t transmits)
{
    return ADVANCE_NS + (int64_t)(AUTOCONF_TRIES * max_u32(transmits, 1)) * autoconf_retrans_ns(s, h);
}

/* 3.4 (5): one that would have to be replaced at once is not made. */
bool temporary_wanted(const struct stack *s, const struct host *station, unsigned prefix)
{
    const struct autoconf_host *of = autoconf_at(&s->autoconf, station);
    const struct ra_prefix *p = &station->ra->prefixes[prefix];
    if (!of->temporary || !p->autonomous || p->deprecated)
        return false;
    return p->preferred_until - s->now > advance_ns(s, station, of->transmits);
}

/* 3.8: at random up to 0.4 of the preferred lifetime. */
static uint32_t draw_desync_ms(struct stack *s)
{
    return (uint32_t)random_below(&s->autoconf.random,
                                  (uint64_t)(s->settings.temporary_preferred_ns / NS_PER_MS) * 2 / 5 + 1);
}

void temporary_made(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    a->temporary = true;
    a->made_at = s->now;
    a->desync_ms = draw_desync_ms(s);
}

uint64_t temporary_identifier(struct stack *s) { return random_u64(&s->autoconf.random); }

/* ---- time ---- */

static void deprecate(struct stack *s, struct host *h, struct autoconf_host *a)
{
    if (a->past)
        return;
    a->past = true;
    stack_tell(s, STACK_HOST_STATE_CHANGED, h->index);
}

/* 3.4, 3.5: a little before it is deprecated the next one is made. Returns when to look again. */
static int64_t replace(struct stack *s, struct host *h, struct autoconf_host *a)
{
    struct host *station = &s->hosts.hosts[a->station];
    int64_t at = own_end(s, a) - advance_ns(s, h, a->transmits);
    if (a->replaced || s->now < at)
        return a->replaced ? TIME_NEVER : at;
    if (temporary_wanted(s, station, a->prefix))
        a->replaced = slaac_make_temporary(s, station, a->prefix);
    return TIME_NEVER; /* when it is deprecated, or its prefix is preferred again */
}

void temporary_due(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    int64_t valid = temporary_valid_until(s, h), end = own_end(s, a);
    if (s->now >= valid) {
        int error = stack_remove_host(s, h->index, s->now);
        assert(!error);
        (void)error;
        return;
    }
    int64_t next = min_i64(valid, replace(s, h, a));
    if (s->now >= end)
        deprecate(s, h, a);
    else
        next = min_i64(next, end);
    autoconf_arm(s, h, next);
}

void temporary_ready(struct stack *s, struct host *h)
{
    autoconf_at(&s->autoconf, h)->phase = AUTOCONF_TEMPORARY;
    temporary_due(s, h);
}
