/* SPDX-License-Identifier: MIT */
/*
 * IPv4 address conflict detection: see acd.h; constants of RFC 5227 1.1.
 */
#include "stack/acd.h"

#include "stack/autoconf.h"
#include "stack/stack_internal.h"

#define PROBE_WAIT_NS NS_PER_S
#define PROBE_MIN_NS NS_PER_S
#define PROBE_MAX_NS (2 * NS_PER_S)
#define ANNOUNCE_WAIT_NS (2 * NS_PER_S)
#define ANNOUNCE_INTERVAL_NS (2 * NS_PER_S)
#define ANNOUNCE_NUM 2u
#define DEFEND_INTERVAL_NS (10 * NS_PER_S)

static int64_t random_between(struct stack *s, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(&s->autoconf.random, (uint64_t)(most - least));
}

void acd_begin(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    h->state = HOST_TENTATIVE;
    a->phase = AUTOCONF_DAD;
    a->left = a->transmits;
    autoconf_arm(s, h, s->now + random_between(s, 0, PROBE_WAIT_NS));
}

static void probe(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    arp_send_probe(s, h);
    a->left--;
    autoconf_arm(s, h, s->now + (a->left ? random_between(s, PROBE_MIN_NS, PROBE_MAX_NS) : ANNOUNCE_WAIT_NS));
}

static void announce(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    arp_announce(s, h);
    a->left--;
    a->phase = a->left ? AUTOCONF_ANNOUNCE : AUTOCONF_IDLE;
    if (a->left)
        autoconf_arm(s, h, s->now + ANNOUNCE_INTERVAL_NS);
}

void acd_due(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    if (a->phase == AUTOCONF_DAD && a->left != 0) {
        probe(s, h);
        return;
    }
    if (a->phase == AUTOCONF_DAD) {
        autoconf_address_ready(s, h);
        a->left = ANNOUNCE_NUM;
    }
    announce(s, h);
}

/* ---- conflicts ---- */

/* It is used no more: what TCP has from it ends, and its administrator hears of it. */
static void give_up(struct stack *s, struct host *h)
{
    STACK_DROP(s, TRACE_ARP, dad_duplicate);
    autoconf_at(&s->autoconf, h)->phase = AUTOCONF_IDLE;
    tcp_abort_local(s->tcp, h->index, s->now);
    h->state = HOST_DUPLICATE;
    if (s->hosts.last == h)
        s->hosts.last = s->hosts.hosts;
    stack_tell(s, STACK_HOST_STATE_CHANGED, h->index);
}

/* 2.4 (b) and (c): one announcement in DEFEND_INTERVAL. */
static void defend(struct stack *s, struct host *h)
{
    STACK_DROP(s, TRACE_ARP, arp_own_address);
    if (s->now < h->defend_at)
        return;
    h->defend_at = s->now + DEFEND_INTERVAL_NS;
    arp_announce(s, h);
}

void acd_conflict(struct stack *s, struct host *h)
{
    bool again = s->now < h->defend_at;
    s->counters.arp_conflicts++;
    STACK_TRACE(s, TRACE_ARP, "conflict: another station uses the address of host %u", h->index);
    if (h->state == HOST_TENTATIVE || h->conflict == HOST_CONFLICT_GIVE_UP ||
        (h->conflict == HOST_CONFLICT_DEFEND_ONCE && again))
        give_up(s, h);
    else
        defend(s, h);
}
