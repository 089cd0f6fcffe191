/* SPDX-License-Identifier: MIT */
/*
 * ARP: RFC 826 for IPv4 over Ethernet, with RFC 5227's rules for conflicts and announcements.
 *
 * What is believed: answers to requests of ours; what stations that ask for one of our addresses say about themselves
 * (as unconfirmed); what anybody says about a station we already know (to be confirmed at its next use). Nothing else
 * makes an entry. Conflicts about our own addresses are acd.c's.
 */
#include "wire/arp.h"

#include "stack/acd.h"
#include "stack/stack_internal.h"

/* ---- out ---- */

static const uint8_t everybody[WIRE_ETH_ADDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static bool send_arp(struct stack *s, const struct host *h, const uint8_t *mac, const struct wire_arp *arp)
{
    struct interface *itf = stack_interface_of(s, h);
    struct packet *p = interface_take(itf, LINK_ALLOC_CONTROL);
    if (!p) {
        STACK_DROP(s, TRACE_ARP, tx_no_room);
        return false;
    }
    uint32_t link = host_link_bytes(h);
    memcpy(p->data, h->header, link);
    memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
    store_be16(p->data + link - 2, ETHERTYPE_ARP);
    p->l3_offset = (uint16_t)link;
    p->len = link + (uint32_t)wire_arp_build(p->data + link, arp);
    interface_send(s, itf, p);
    return true;
}

void arp_send_request(struct stack *s, const struct host *asker, uint32_t target, const uint8_t *mac)
{
    if (unlikely(asker->state != HOST_USABLE)) {
        STACK_DROP(s, TRACE_ARP, tx_tentative); /* it may not be named as a sender */
        return;
    }
    struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .spa = asker->address, .tpa = target};
    memcpy(arp.sha, asker->mac, sizeof arp.sha);
    if (send_arp(s, asker, mac ? mac : everybody, &arp))
        s->counters.arp_requests_sent++;
}

void arp_send_probe(struct stack *s, const struct host *h)
{
    struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .tpa = h->address};
    memcpy(arp.sha, h->mac, sizeof arp.sha);
    if (send_arp(s, h, everybody, &arp))
        s->counters.arp_requests_sent++;
}

void arp_announce(struct stack *s, const struct host *h) { arp_send_request(s, h, h->address, NULL); }

static void answer(struct stack *s, const struct host *h, const struct wire_arp *request)
{
    struct wire_arp arp = {.op = WIRE_ARP_REPLY, .spa = h->address, .tpa = request->spa};
    memcpy(arp.sha, h->mac, sizeof arp.sha);
    memcpy(arp.tha, request->sha, sizeof arp.tha);
    if (send_arp(s, h, request->sha, &arp))
        s->counters.arp_replies_sent++;
}

/* ---- in ---- */

/* RFC 5227 2.1.1: who probes for what we probe for is one too many; who asks for it finds nobody. */
static void for_tentative(struct stack *s, struct host *h, const struct wire_arp *arp)
{
    if (h->state == HOST_TENTATIVE && arp->spa == 0)
        acd_conflict(s, h);
    else
        STACK_DROP(s, TRACE_ARP, arp_tentative);
}

static bool sender_plausible(const struct arrival *a, const struct wire_arp *arp)
{
    if (wire_eth_is_multicast(arp->sha) || wire_eth_is_zero(arp->sha) ||
        !wire_eth_addr_equal(arp->sha, a->eth + WIRE_ETH_ADDR_LEN))
        return false;
    if (arp->spa == 0)
        return arp->op == WIRE_ARP_REQUEST; /* a probe */
    return !ipv4_addr_is_this_network(arp->spa) && !ipv4_addr_is_loopback(arp->spa) &&
           !ipv4_addr_is_multicast(arp->spa) && !ipv4_addr_is_class_e(arp->spa);
}

/* What is said about a station we know already; true when we do. */
static bool hear_known(struct stack *s, uint32_t domain, const struct wire_arp *arp)
{
    struct ip_addr sender = ip_addr_from_v4(arp->spa);
    uint32_t index = neighbour_find(s, domain, &sender);
    if (!index)
        return false;
    if (arp->op == WIRE_ARP_REPLY && neighbour_is_asking(neighbour_at(&s->neighbours, index)))
        neighbour_confirm(s, index, arp->sha);
    else
        neighbour_hear(s, index, arp->sha);
    return true;
}

/* A station that asks for one of our addresses will hear from us soon. */
static void learn(struct stack *s, const struct host *h, const struct wire_arp *arp)
{
    struct ip_addr sender = ip_addr_from_v4(arp->spa);
    if (hear_known(s, h->domain, arp))
        return;
    if (!host_on_link(h, &sender) || arp->spa == h->broadcast) {
        STACK_DROP(s, TRACE_ARP, arp_bad_sender);
        return;
    }
    uint32_t index = neighbour_open(s, h->domain, &sender, h->index, NEIGHBOUR_HEARD);
    if (index)
        neighbour_hear(s, index, arp->sha);
}

static void for_us(struct stack *s, const struct host *h, const struct wire_arp *arp)
{
    if (arp->op == WIRE_ARP_REPLY) {
        if (!hear_known(s, h->domain, arp))
            STACK_DROP(s, TRACE_ARP, arp_unsolicited);
        return;
    }
    if (arp->spa != 0)
        learn(s, h, arp);
    answer(s, h, arp);
}

/* Announcements, and what others ask each other. */
static void for_others(struct stack *s, uint32_t segment, const struct wire_arp *arp)
{
    bool known = false;
    for (uint32_t i = host_segment(&s->hosts, segment)->domains; i && arp->spa; i = host_domain(&s->hosts, i)->next)
        known |= hear_known(s, i, arp);
    if (!known && arp->op == WIRE_ARP_REPLY)
        STACK_DROP(s, TRACE_ARP, arp_unsolicited);
}

void arp_input(struct stack *s, const struct arrival *a)
{
    struct wire_arp arp;
    s->counters.arp_received++;
    if (wire_arp_parse(a->l3, a->l3_len, &arp) < 0 || (arp.op != WIRE_ARP_REQUEST && arp.op != WIRE_ARP_REPLY)) {
        STACK_DROP(s, TRACE_ARP, arp_malformed);
        return;
    }
    if (!sender_plausible(a, &arp)) {
        STACK_DROP(s, TRACE_ARP, arp_bad_sender);
        return;
    }
    const struct ip_addr sender = ip_addr_from_v4(arp.spa), wanted = ip_addr_from_v4(arp.tpa);
    struct host *owner = arp.spa ? host_find_address(&s->hosts, a->segment, &sender) : NULL;
    if (owner && owner->state != HOST_DUPLICATE) {
        acd_conflict(s, owner);
        return;
    }
    struct host *target = host_find_address(&s->hosts, a->segment, &wanted);
    if (target && target->state != HOST_USABLE)
        for_tentative(s, target, &arp);
    else if (target)
        for_us(s, target, &arp);
    else
        for_others(s, a->segment, &arp);
}
