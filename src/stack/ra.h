/* SPDX-License-Identifier: MIT */
/*
 * What the routers of a link say: RFC 4861 6.3, 4191 (preference), 8106 (name servers), 4862 5.5.3 (lifetimes). One
 * record for each domain in which some host listens to routers, shared by all that do (host.ra points to it); it is made
 * with the first of them and stays.
 *
 * Owned by struct autoconf_set, which runs its clock (autoconf.h). Invariants: every list is bounded, and what is in it
 * is valid, so that nobody who reads it needs to know the time: ra_expire takes out what is over. A prefix that is
 * neither on_link nor autonomous is free, once no address of ours is made of it. `chosen` is the default router for all,
 * RA_MAX_ROUTERS when there is none.
 *
 * An advertisement can do no more than fill these lists: what has no room, or values no link has, is ignored and
 * counted.
 */
#ifndef WEIR_STACK_RA_H
#define WEIR_STACK_RA_H

#include "stack/host.h"
#include "wire/nd.h"

#define RA_MAX_ROUTERS 8u
#define RA_MAX_PREFIXES 16u
#define RA_MAX_DNS 8u
#define RA_MIN_HOP_LIMIT 32u /* less is an attack: RFC 3756 4.2.7 */

enum { RA_PREFERENCE_LOW, RA_PREFERENCE_MEDIUM, RA_PREFERENCE_HIGH };

struct ra_router {
    struct ip_addr address;
    int64_t until;
    uint8_t preference; /* RA_PREFERENCE_... */
};

struct ra_prefix {
    struct ip_addr prefix;
    int64_t on_link_until;                /* when on_link */
    int64_t valid_until, preferred_until; /* of the addresses made of it, when autonomous */
    uint32_t addresses;                   /* of ours that are made of it */
    uint8_t length;
    bool on_link, autonomous;
    bool deprecated; /* preferred_until is over */
    bool news;       /* of its lifetimes: the sweep tells of the addresses */
};

struct ra_dns {
    struct ip_addr server;
    int64_t until;
};

struct ra_view {
    uint32_t domain;
    uint32_t sweep; /* the host with which the making and removing of addresses goes on; 0: nothing to do */
    bool again;     /* something changed since the sweep began */
    uint8_t n_routers, n_dns, chosen;
    uint8_t hop_limit; /* 0: not told, as the next ones */
    uint32_t mtu;
    uint32_t reachable_ms; /* as told; */
    int64_t reachable_ns;  /* as drawn from it: 6.3.2 */
    int64_t retrans_ns;
    int64_t next_expiry; /* nothing is over before; TIME_NEVER */
    struct ra_router routers[RA_MAX_ROUTERS];
    struct ra_prefix prefixes[RA_MAX_PREFIXES];
    struct ra_dns dns[RA_MAX_DNS];
};

void ra_view_init(struct ra_view *v, uint32_t domain);

struct datagram;
/* A router advertisement whose form is in order. Nobody who listens: counted. */
void ra_input(struct stack *s, const struct datagram *d, const struct wire_nd *m);
/* Takes out what is over. */
void ra_expire(struct stack *s, struct ra_view *v, int64_t now);
/* A neighbour came to another state: another router may be the better one. RFC 4861 6.3.6. */
void ra_neighbour_changed(struct stack *s, struct ra_view *v, const struct ip_addr *address);
/* It said that it is no router, RFC 4861 7.2.5. */
void ra_remove_router(struct stack *s, struct ra_view *v, const struct ip_addr *address);

/* heard.c: a router or a prefix came or goes, while it is in the list; a station, with which what it hears is shown. */
void ra_tell_router(struct stack *s, const struct ra_view *v, unsigned router, bool added);
void ra_tell_prefix(struct stack *s, const struct ra_view *v, const struct ra_prefix *p, bool added);
void ra_tell_station(struct stack *s, const struct host *h, bool added);

/* The bits of the longest prefix that an address is on link by, or -1. */
int ra_on_link_bits(const struct ra_view *v, const struct ip_addr *address);
/* The default router, or NULL. */
static inline const struct ip_addr *ra_default_router(const struct ra_view *v)
{
    return v->chosen < v->n_routers ? &v->routers[v->chosen].address : NULL;
}

#endif
