/* SPDX-License-Identifier: MIT */
/*
 * Duplicate address detection: RFC 4862 5.4. A tentative address is asked for `transmits` times; silence makes it ours.
 * RFC 7527: each solicitation bears a nonce, so that our own that a loop brings back is known for what it is; then it
 * is asked for as often as MAX_MULTICAST_SOLICIT again, until none comes back.
 */
#include "stack/autoconf.h"

#include "base/hash.h"
#include "stack/datagram.h"
#include "stack/nd.h"

#define NONCE_BYTES 6u
#define AGAIN 3u                            /* MAX_MULTICAST_SOLICIT */
#define FIRST_DELAY_NS ((uint64_t)NS_PER_S) /* MAX_RTR_SOLICITATION_DELAY: RFC 4862 5.4.2 */

/* Not to be guessed, and another one each time. */
static uint64_t make_nonce(struct stack *s, const struct host *h)
{
    const uint64_t from[3] = {h->index, (uint64_t)s->now, random_u64(&s->autoconf.random)};
    return hash_sip24(&s->settings.secret, from, sizeof from) >> 16;
}

void dad_begin(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    h->state = HOST_TENTATIVE;
    a->phase = AUTOCONF_DAD;
    a->left = a->transmits;
    a->looped = false;
    a->nonce = make_nonce(s, h);
    autoconf_arm(s, h, s->now + (int64_t)random_below(&s->autoconf.random, FIRST_DELAY_NS));
}

static void put_nonce(uint8_t *to, uint64_t nonce)
{
    store_be16(to, (uint16_t)(nonce >> 32));
    store_be32(to + 2, (uint32_t)nonce);
}

static void ask(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    uint8_t nonce[NONCE_BYTES];
    const struct ip_addr group = ip_addr_solicited_node(&h->ip);
    put_nonce(nonce, a->nonce);
    const struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION,
                              .has = WIRE_ND_HAS_NONCE,
                              .target = h->ip,
                              .nonce = nonce,
                              .nonce_len = NONCE_BYTES};
    s->counters.nd_solicitations_sent += nd_send(s, h, &group, &m, ND_FROM_NOBODY);
    a->left--;
    a->looped = false;
    autoconf_arm(s, h, s->now + autoconf_retrans_ns(s, h));
}

void dad_due(struct stack *s, struct host *h)
{
    struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    if (a->left == 0 && a->looped)
        a->left = AGAIN;
    if (a->left != 0)
        ask(s, h);
    else
        autoconf_address_ready(s, h);
}

/* ---- what others say ---- */

static void is_duplicate(struct stack *s, struct host *h)
{
    STACK_DROP(s, TRACE_ARP, dad_duplicate);
    autoconf_at(&s->autoconf, h)->phase = AUTOCONF_IDLE;
    h->state = HOST_DUPLICATE;
    if (slaac_try_again(s, h))
        return;
    tcp_abort_local(s->tcp, h->index, s->now); /* it was in use before its interface was down */
    stack_tell(s, STACK_HOST_STATE_CHANGED, h->index);
}

static bool is_own(const struct stack *s, const struct host *h, const struct wire_nd *m)
{
    uint8_t nonce[NONCE_BYTES];
    put_nonce(nonce, autoconf_at(&s->autoconf, h)->nonce);
    return (m->has & WIRE_ND_HAS_NONCE) && m->nonce_len == NONCE_BYTES && memcmp(m->nonce, nonce, NONCE_BYTES) == 0;
}

void dad_solicited(struct stack *s, const struct datagram *d, struct host *h, const struct wire_nd *m)
{
    if (h->state == HOST_DUPLICATE || !ip_addr_is_unspecified(&d->source)) {
        STACK_DROP(s, TRACE_ARP, nd_tentative); /* 5.4.3: somebody wants to reach it */
    } else if (is_own(s, h, m)) {
        STACK_DROP(s, TRACE_ARP, dad_looped);
        autoconf_at(&s->autoconf, h)->looped = true;
    } else {
        is_duplicate(s, h);
    }
}

void dad_advertised(struct stack *s, struct host *h)
{
    if (h->state == HOST_TENTATIVE)
        is_duplicate(s, h);
    else
        STACK_DROP(s, TRACE_ARP, nd_tentative);
}
