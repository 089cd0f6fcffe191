/* SPDX-License-Identifier: MIT */
/*
 * How a host of IPv6 comes to its addresses: duplicate address detection (RFC 4862 5.4, RFC 7527), asking routers (RFC
 * 4861 6.3.7), and an address for each autonomous prefix (RFC 4862 5.5; identifiers by RFC 7217 or RFC 4291 appendix A).
 *
 * A station that listens to routers is its link-local host; each address it makes is one more host with its MAC, a /128
 * (RFC 5942: an address puts nothing on link). One record of 56 bytes for each local address, its index the host's, with
 * one node of the wheel (12 bytes): what it is doing and when it goes on. Lifetimes are the prefix's (ra.h).
 *
 * Invariants: host.state is TENTATIVE exactly while its record's phase is AUTOCONF_DAD; such a host answers nothing,
 * sends nothing but its solicitations, and is chosen by nobody. A DUPLICATE one stays, unused, until it is removed, or
 * its prefix is over. What one advertisement brings about is bounded: a turn makes AUTOCONF_TURN_MADE addresses, removes
 * AUTOCONF_TURN_REMOVED and looks at AUTOCONF_TURN_SEEN hosts; the sweep (ra_view.sweep) goes on in the next one.
 */
#ifndef WEIR_STACK_AUTOCONF_H
#define WEIR_STACK_AUTOCONF_H

#include "base/random.h"
#include "base/wheel.h"
#include "stack/ra.h"

#define AUTOCONF_TURN_MADE 64u
#define AUTOCONF_TURN_REMOVED 4u
#define AUTOCONF_TURN_SEEN 1024u
#define AUTOCONF_TRIES 3u /* other identifiers after a duplicate: RFC 7217 section 6 */

enum autoconf_phase {
    AUTOCONF_IDLE,
    AUTOCONF_DAD,
    AUTOCONF_SOLICIT,   /* routers */
    AUTOCONF_ANNOUNCE,  /* an IPv4 address: RFC 5227 2.3 */
    AUTOCONF_TEMPORARY, /* an address in use that will be replaced: RFC 8981 */
};

struct autoconf_host {
    int64_t deadline;   /* TIME_NEVER: none */
    uint64_t nonce;     /* of its solicitations, RFC 7527: the low 48 bits */
    uint32_t station;   /* the link-local host that made it; 0: configured */
    uint32_t next;      /* address of the same station; of a station its first */
    uint8_t phase;      /* enum autoconf_phase */
    uint8_t left;       /* messages to be sent yet */
    uint8_t transmits;  /* solicitations before an address is used */
    uint8_t collisions; /* of this address with others: the DAD counter of RFC 7217 */
    uint8_t prefix;     /* in the lists of its domain, of one that was made */
    bool looped;        /* one of its own came back since the last was sent */
    bool eui64;
    bool temporary;     /* RFC 8981; of a station: it wants such ones */
    bool past;          /* of one: its own preferred lifetime is over */
    bool replaced;      /* of one: the next one was made */
    uint32_t desync_ms; /* of one: by how much its preferred lifetime is shorter */
    int64_t made_at;    /* of one */
};

struct autoconf_set {
    struct pool views;           /* struct ra_view */
    struct autoconf_host *hosts; /* [0, capacity] */
    uint32_t capacity;
    struct wheel wheel;
    struct random random; /* delays */
    const struct allocator *allocator;
};

MUST_CHECK int autoconf_init(struct stack *s, int64_t now);
void autoconf_free(struct stack *s);
void autoconf_tick(struct stack *s, int64_t now);
int64_t autoconf_deadline(const struct stack *s);

static inline struct autoconf_host *autoconf_at(const struct autoconf_set *set, const struct host *h)
{
    return &set->hosts[h->index];
}
/* RFC 4862 5.5.4: no new flow begins with it. */
static inline bool autoconf_address_deprecated(const struct autoconf_set *set, const struct host *h)
{
    const struct autoconf_host *a = autoconf_at(set, h);
    return a->station != 0 && (a->past || h->ra->prefixes[a->prefix].deprecated);
}
/* The record's clock. */
void autoconf_arm(struct stack *s, const struct host *h, int64_t deadline);
/* Between solicitations of its domain. */
int64_t autoconf_retrans_ns(const struct stack *s, const struct host *h);

/* A host was added with these settings, already checked. ERR_NO_SPACE: too many domains listen. */
MUST_CHECK int autoconf_host_added(struct stack *s, struct host *h, const struct host_settings *t);
/* A host is being removed: so are the addresses that it made. */
void autoconf_host_removed(struct stack *s, struct host *h);
/* An interface was down: what was tested is tested again (RFC 5227 2.1, RFC 4862 5.3), and its stations ask routers
 * again (RFC 4861 6.3.7). */
void autoconf_interface_up(struct stack *s, unsigned interface);
/* It may be used from now on. */
void autoconf_address_ready(struct stack *s, struct host *h);

/* ---- dad.c ---- */
void dad_begin(struct stack *s, struct host *h);
void dad_due(struct stack *s, struct host *h);
/* A solicitation, or an advertisement, for a tentative or duplicate address of ours. */
void dad_solicited(struct stack *s, const struct datagram *d, struct host *h, const struct wire_nd *m);
void dad_advertised(struct stack *s, struct host *h);

/* ---- slaac.c ---- */
/* RFC 7217 section 5: the counter is how often it collided before. */
struct ip_addr slaac_address(const struct stack *s, const struct ip_addr *prefix, const uint8_t *mac, uint32_t counter);
/* Makes the addresses that a station does not have yet; returns how many. */
unsigned slaac_make(struct stack *s, struct host *station);
/* One more with a random identifier. False (counted): there is no room. */
bool slaac_make_temporary(struct stack *s, struct host *station, unsigned prefix);
/* Goes on with what advertisements and time have changed. */
void slaac_sweep(struct stack *s, struct ra_view *v);
/* An address that was made is a duplicate: another one, while there are tries left; false: there are none. */
bool slaac_try_again(struct stack *s, struct host *h);

/* ---- temporary.c ---- */
/* Has a station a use for one of this prefix? */
bool temporary_wanted(const struct stack *s, const struct host *station, unsigned prefix);
uint64_t temporary_identifier(struct stack *s);
/* One was made; it can be used; its time has come. */
void temporary_made(struct stack *s, struct host *h);
void temporary_ready(struct stack *s, struct host *h);
void temporary_due(struct stack *s, struct host *h);
int64_t temporary_preferred_until(const struct stack *s, const struct host *h);
int64_t temporary_valid_until(const struct stack *s, const struct host *h);

#endif
