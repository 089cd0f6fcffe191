/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery: RFC 4861 section 7, RFC 6980 (no fragments), RFC 6583 (what others ask for makes no entry).
 *
 * What is believed: advertisements about neighbours that we have an entry for, by the rules of 7.2.5, and what stations
 * that solicit one of our addresses say about themselves. Nothing else makes an entry. Our own addresses are never given
 * up: a conflict is counted and defended at most once in 10 s for each address.
 */
#include "stack/nd.h"

#include "stack/datagram.h"

#define DEFEND_INTERVAL_NS (10 * NS_PER_S)
#define MESSAGE_MAX 640u /* a router advertisement with all its options */

static const struct ip_addr all_nodes = {{0xff, 0x02, [15] = 1}};

/* ---- out ---- */

/* Completes a datagram of that many bytes. */
static void complete(struct stack *s, struct ip_output *out, uint32_t length, enum nd_from from)
{
    static const struct ip_addr nobody;
    const struct ip_addr *source = from == ND_FROM_NOBODY ? &nobody : &out->host->ip;
    memcpy(out->packet->data + out->packet->l3_offset + 8, source->bytes, sizeof source->bytes);
    wire_icmpv6_checksum_set(source, &out->destination, out->l4, length);
    ip_output_send(s, out, length, IP_PROTO_ICMPV6);
}

static bool send_to(struct stack *s, struct host *h, const uint8_t *mac, const struct ip_addr *to,
                    const struct wire_nd *m, enum nd_from from)
{
    uint8_t message[MESSAGE_MAX];
    struct ip_output out = {.departure.ttl = WIRE_ND_HOP_LIMIT};
    int length = wire_nd_build(message, sizeof message, m);
    assert(length > 0);
    if (stack_interface_of(s, h)->down || !ip_direct_open(s, h, mac, to, (uint32_t)length, &out))
        return false;
    memcpy(out.l4, message, (size_t)length);
    complete(s, &out, (uint32_t)length, from);
    return true;
}

bool nd_send(struct stack *s, struct host *h, const struct ip_addr *group, const struct wire_nd *m, enum nd_from from)
{
    uint8_t mac[WIRE_ETH_ADDR_LEN];
    wire_eth_addr_from_ipv6_multicast(mac, group->bytes);
    return send_to(s, h, mac, group, m, from);
}

/* mac NULL: to a group. */
static bool send(struct stack *s, struct host *h, const uint8_t *mac, const struct ip_addr *to, const struct wire_nd *m)
{
    if (h->state != HOST_USABLE) {
        STACK_DROP(s, TRACE_ARP, tx_tentative);
        return false;
    }
    return mac ? send_to(s, h, mac, to, m, ND_FROM_HOST) : nd_send(s, h, to, m, ND_FROM_HOST);
}

void nd_send_solicitation(struct stack *s, struct host *asker, const struct ip_addr *target, const uint8_t *mac)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL, .target = *target};
    const struct ip_addr to = mac ? *target : ip_addr_solicited_node(target);
    memcpy(m.source_ll, asker->mac, sizeof m.source_ll);
    s->counters.nd_solicitations_sent += send(s, asker, mac, &to, &m);
}

/* mac NULL: to all nodes. */
static void advertise(struct stack *s, struct host *h, const uint8_t *mac, const struct ip_addr *to, uint8_t flags)
{
    flags |= h->router ? WIRE_ND_NA_ROUTER : 0;
    struct wire_nd m = {
        .type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .flags = flags, .has = WIRE_ND_HAS_TARGET_LL, .target = h->ip};
    memcpy(m.target_ll, h->mac, sizeof m.target_ll);
    s->counters.nd_advertisements_sent += send(s, h, mac, to, &m);
}

void nd_announce(struct stack *s, struct host *h) { advertise(s, h, NULL, &all_nodes, WIRE_ND_NA_OVERRIDE); }

/* ---- solicitations ---- */

/* A station that asks for one of our addresses will hear from us soon. RFC 4861 7.2.3. */
static void learn(struct stack *s, const struct host *h, const struct ip_addr *sender, const uint8_t *mac)
{
    uint32_t index = neighbour_find(s, h->domain, sender);
    if (!index && host_on_link(h, sender))
        index = neighbour_open(s, h->domain, sender, h->index, NEIGHBOUR_HEARD);
    if (index)
        neighbour_hear(s, index, mac);
}

static void solicitation_input(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    struct host *h = host_find_address(&s->hosts, d->host->segment, &m->target);
    const uint8_t *station = d->eth + WIRE_ETH_ADDR_LEN;
    if (!h) {
        STACK_DROP(s, TRACE_ARP, nd_not_for_us);
        return;
    }
    if (h->state != HOST_USABLE) {
        dad_solicited(s, d, h, m);
        return;
    }
    if (ip_addr_is_unspecified(&d->source)) { /* somebody checks whether the address is free: 7.2.4, RFC 4862 5.4.3 */
        advertise(s, h, NULL, &all_nodes, WIRE_ND_NA_OVERRIDE);
        return;
    }
    if (m->has & WIRE_ND_HAS_SOURCE_LL)
        learn(s, h, &d->source, m->source_ll);
    advertise(s, h, station, &d->source, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE);
}

/* ---- advertisements ---- */

/* Somebody else uses one of our addresses. */
static void conflict(struct stack *s, struct host *h)
{
    s->counters.nd_conflicts++;
    STACK_DROP(s, TRACE_ARP, nd_own_address);
    if (s->now < h->defend_at)
        return;
    h->defend_at = s->now + DEFEND_INTERVAL_NS;
    nd_announce(s, h);
}

static void own_advertised(struct stack *s, struct host *h)
{
    if (h->state == HOST_USABLE)
        conflict(s, h);
    else
        dad_advertised(s, h);
}

static void advertisement_input(struct stack *s, const struct datagram *d, const struct wire_nd *m)
{
    struct host *own = host_find_address(&s->hosts, d->host->segment, &m->target);
    bool known = false;
    if (own) {
        own_advertised(s, own);
        return;
    }
    const struct neighbour_news news = {.mac = m->has & WIRE_ND_HAS_TARGET_LL ? m->target_ll : NULL,
                                        .solicited = m->flags & WIRE_ND_NA_SOLICITED,
                                        .override = m->flags & WIRE_ND_NA_OVERRIDE,
                                        .router = m->flags & WIRE_ND_NA_ROUTER};
    for (uint32_t i = host_segment(&s->hosts, d->host->segment)->domains; i; i = host_domain(&s->hosts, i)->next) {
        uint32_t index = neighbour_find(s, i, &m->target);
        known |= index != 0;
        bool believed = !index || neighbour_advertised(s, index, &news);
        if (believed && !news.router && host_domain(&s->hosts, i)->ra)
            ra_remove_router(s, host_domain(&s->hosts, i)->ra, &m->target);
    }
    if (!known)
        STACK_DROP(s, TRACE_ARP, nd_unsolicited);
}

/* ---- all messages ---- */

/* Of the link-layer option that belongs to the message; the other one is ignored (RFC 4861 4.6.1). */
static bool mac_ok(const struct wire_nd *m)
{
    bool by_target = m->type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT || m->type == WIRE_ICMPV6_REDIRECT;
    const uint8_t *mac = by_target ? m->target_ll : m->source_ll;
    bool there = m->has & (by_target ? WIRE_ND_HAS_TARGET_LL : WIRE_ND_HAS_SOURCE_LL);
    return !there || (!wire_eth_is_multicast(mac) && !wire_eth_is_zero(mac));
}

static bool message_ok(const struct datagram *d, const struct wire_nd *m)
{
    /* Below labels a hop limit of 255 does not show that it is from the link: RFC 3443 3.2, RFC 5082. */
    return !d->labelled && wire_nd_check(m, &d->source, &d->destination, d->ttl) == 0 && mac_ok(m);
}

void nd_input(struct stack *s, const struct datagram *d)
{
    struct wire_nd m;
    s->counters.nd_received++;
    if (d->fragments) {
        STACK_DROP(s, TRACE_ARP, nd_fragmented); /* RFC 6980 section 5 */
        return;
    }
    if (wire_nd_parse(d->l4, d->l4_len, &m) < 0) {
        STACK_DROP(s, TRACE_ARP, nd_malformed);
        return;
    }
    if (!message_ok(d, &m)) {
        STACK_DROP(s, TRACE_ARP, nd_bad_message);
        return;
    }
    if (m.type == WIRE_ICMPV6_NEIGHBOR_SOLICITATION)
        solicitation_input(s, d, &m);
    else if (m.type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT)
        advertisement_input(s, d, &m);
    else if (m.type == WIRE_ICMPV6_ROUTER_ADVERTISEMENT)
        ra_input(s, d, &m);
    else if (m.type == WIRE_ICMPV6_ROUTER_SOLICITATION)
        nd_router_solicited(s, d, &m);
    else
        redirect_input(s, d, &m);
}
