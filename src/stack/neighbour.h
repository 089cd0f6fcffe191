/* SPDX-License-Identifier: MIT */
/*
 * Neighbours: MAC addresses of other stations, by {domain, address}, learnt by ARP or Neighbour Discovery. A bounded
 * table; RFC 826, RFC 1122 2.3.2, RFC 5227, RFC 4861 section 7.
 *
 *   INCOMPLETE  asked, nothing known yet: connections wait on `waiters`, datagrams in the queue
 *   FAILED      nobody answered; asked again after arp_failed_ns when somebody still wants it
 *   STALE       known but not confirmed lately (or only heard of): used, and asked about on first use
 *   PROBE       being asked about, first by unicast, while still used
 *   DELAY       used after it was stale; probed if nobody confirms it for a while (IPv6, RFC 4861 7.3.2)
 *   REACHABLE   confirmed within arp_reachable_ns: by an answer, or by a connection that got further (RFC 4861 7.3.1)
 *   PERMANENT   configured
 *
 * Invariants: an entry with pins, PERMANENT ones and those with waiters (who hold pins) are never evicted; every other
 * entry stands in exactly one of the two lists, oldest first, of confirmed and unconfirmed entries. What others sent
 * evicts only unconfirmed entries. A path number given to TCP is the entry's index and stays valid while pinned.
 */
#ifndef WEIR_STACK_NEIGHBOUR_H
#define WEIR_STACK_NEIGHBOUR_H

#include "base/pool.h"
#include "base/table.h"
#include "base/wheel.h"
#include "stack/control.h"

enum neighbour_list { NEIGHBOUR_UNCONFIRMED, NEIGHBOUR_CONFIRMED, NEIGHBOUR_LISTS };

struct neighbour {
    CACHE_ALIGNED uint32_t pins; /* while free, the pool's */
    uint8_t state;               /* enum neighbour_state */
    bool confirmed;              /* answered us since it was made */
    uint8_t mac[6];
    struct tcp_list waiters;
    struct ip_addr address;
    uint32_t domain; /* 0: free */
    uint32_t asker;  /* the local address that asks */
    uint32_t tag;
    uint8_t tries; /* requests sent since it began to ask */
    uint8_t queued;
    uint8_t interface;    /* by which what is for it leaves */
    bool answered : 1;    /* an answer of its own named this MAC */
    bool not_router : 1;  /* its last advertisement said so */
    bool own : 1;         /* a datagram of ours made it */
    uint32_t prev, next;  /* list of its age */
    struct packet *queue; /* datagrams that wait, oldest first, through packet.next */
    int64_t ask_at;       /* no request before */
    int64_t deadline;     /* TIME_NEVER: none */
    int64_t since;        /* in this state */
};

struct neighbour_age {
    uint32_t head, tail; /* oldest, youngest */
};

struct neighbour_set {
    struct pool pool; /* struct neighbour */
    struct table table;
    struct wheel wheel;
    struct neighbour_age age[NEIGHBOUR_LISTS];
    uint32_t last;      /* found last */
    uint32_t waiting;   /* datagrams in all queues */
    uint32_t *progress; /* of each entry: when a connection over it got further (tcp_settings.progress) */
    uint32_t n_progress;
};

enum neighbour_need {
    NEIGHBOUR_HEARD, /* somebody told us about it: may evict unconfirmed entries */
    /*
     * A datagram of ours: may evict confirmed ones too, but none that an earlier one asks for, and makes no entry while the queues
     * are full, so that a user's scan of a subnet asks resolve_queue_total stations at a time (RFC 6583 section 6).
     */
    NEIGHBOUR_OWN,
    NEIGHBOUR_PATH, /* a connection, or the user names it: may evict any that may go */
};

MUST_CHECK int neighbour_set_init(struct stack *s, int64_t now);
/* Releases waiting datagrams. */
void neighbour_set_free(struct stack *s);

static ALWAYS_INLINE struct neighbour *neighbour_at(const struct neighbour_set *set, uint32_t index)
{
    return pool_at(&set->pool, index);
}
/* The entry's index, or 0. */
uint32_t neighbour_find(struct stack *s, uint32_t domain, const struct ip_addr *address);
/* Finds or makes it (INCOMPLETE, not yet asking); 0 when the table is full of entries that may not go. */
uint32_t neighbour_open(struct stack *s, uint32_t domain, const struct ip_addr *address, uint32_t asker,
                        enum neighbour_need need);
void neighbour_pin(struct stack *s, uint32_t index);
void neighbour_unpin(struct stack *s, uint32_t index);

/* neighbour_use for entries that are not PROBE, REACHABLE or PERMANENT. */
bool neighbour_use_slow(struct stack *s, uint32_t index, uint32_t asker);
/* True when its MAC can be used now; starts asking where that is needed. */
static ALWAYS_INLINE bool neighbour_use(struct stack *s, const struct neighbour *n, uint32_t index, uint32_t asker)
{
    return likely(n->state >= NEIGHBOUR_PROBE) || neighbour_use_slow(s, index, asker);
}

/* It answered a request of ours. */
void neighbour_confirm(struct stack *s, uint32_t index, const uint8_t *mac);
/* An advertisement about it: RFC 4861 7.2.5. */
struct neighbour_news {
    const uint8_t *mac; /* NULL: it named none */
    bool solicited, override, router;
};
/* False: it concerns nothing that is known, and nothing it says is believed. */
bool neighbour_advertised(struct stack *s, uint32_t index, const struct neighbour_news *news);
/*
 * It spoke without being asked: a known entry changes its MAC and must be confirmed at its next use. A MAC that answered
 * stays until it can be asked again (IPv6: stale all the same). RFC 4861 7.2.3 says "should" of the change: whoever says
 * it right behind the answer is as likely to lie.
 */
void neighbour_hear(struct stack *s, uint32_t index, const uint8_t *mac);
/* What is sent there gets nowhere, says TCP: one that was confirmed is asked about at its next use. RFC 1122 3.3.1.4. */
void neighbour_doubt(struct stack *s, uint32_t index);
/* True while an answer is expected. */
static inline bool neighbour_is_asking(const struct neighbour *n)
{
    return n->state == NEIGHBOUR_INCOMPLETE || n->state == NEIGHBOUR_PROBE;
}
void neighbour_set_permanent(struct stack *s, uint32_t index, const uint8_t *mac);
/* Nothing is known of it any more: it goes, or whoever has it pinned asks again. */
void neighbour_forget(struct stack *s, uint32_t index);

/* Whether one more datagram may wait for it, be it in place of an older one. */
bool neighbour_has_room(const struct stack *s, const struct neighbour *n);
/*
 * Puts a whole frame (its destination MAC not yet known) into the queue of an unresolved entry that has room; a full
 * queue loses its oldest.
 */
void neighbour_enqueue(struct stack *s, uint32_t index, struct packet *frame);

/* Runs what is due. */
void neighbour_tick(struct stack *s, int64_t now);

#endif
