/* SPDX-License-Identifier: MIT */
/*
 * An IP datagram for us whose header is in order, of either family: what IPv4 and IPv6 hand to the protocols above.
 * Everything points into the frame, which stays the burst's.
 */
#ifndef WEIR_STACK_DATAGRAM_H
#define WEIR_STACK_DATAGRAM_H

#include "stack/stack_internal.h"

struct datagram {
    struct packet *packet;
    const uint8_t *eth;   /* destination and source MAC */
    const uint8_t *bytes; /* IP header */
    const uint8_t *l4;    /* behind IPv4 options and IPv6 extension headers */
    uint32_t l4_len;
    struct host *host; /* whose address it is; for a broadcast or multicast one that hears it. It says the family */
    struct ip_addr source, destination;
    uint16_t protocol_at; /* offset in `bytes` of what names the protocol */
    uint8_t protocol, tos, ttl;
    bool broadcast;     /* to a broadcast or multicast IP address */
    bool group;         /* to a broadcast or multicast MAC */
    bool fragments : 1; /* IPv6: it had a fragment header, atomic or not */
    bool labelled : 1;  /* IPv6: it came below MPLS labels, maybe from afar */
};

/* Total length, as its header says. */
static inline uint32_t datagram_length(const struct datagram *d) { return (uint32_t)(d->l4 - d->bytes) + d->l4_len; }

/* Bytes of IPv4 options. */
static ALWAYS_INLINE uint32_t datagram_options(const struct datagram *d)
{
    return d->host->v6 ? 0 : (uint32_t)(d->l4 - d->bytes) - WIRE_IPV4_MIN;
}

static ALWAYS_INLINE struct ip_arrival datagram_arrival(const struct datagram *d)
{
    return (struct ip_arrival){.destination = d->destination,
                               .broadcast = d->broadcast,
                               .interface = d->host->interface,
                               .ttl = d->ttl,
                               .tos = d->tos,
                               .options_length = (uint8_t)datagram_options(d),
                               .options = d->bytes + WIRE_IPV4_MIN};
}

/* To the protocol above. */
void ip_deliver(struct stack *s, const struct datagram *d);

#endif
