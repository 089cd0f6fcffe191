/* SPDX-License-Identifier: MIT */
/*
 * ICMP echo (RFC 792, RFC 4443) from a host of our own stack to one destination, over any link. Over a memory link the
 * destination is a second stack of ours at its other end. The guard lets nothing out but what goes to the destination.
 *
 * One thread turns it. A round trip is measured from before the request is handed to the stack until the whole reply is
 * there, by the monotonic clock: the time that a sleeping program needs to wake up is part of it.
 */
#ifndef WEIR_ENGINE_PINGER_H
#define WEIR_ENGINE_PINGER_H

#include "engine/links.h"

#define PINGER_MAX_BYTES 65507u

struct pinger_settings {
    const struct plan_port *port;                 /* where its link is; borrowed during pinger_new */
    struct ip_addr address, destination, gateway; /* of one family; gateway unspecified: none */
    uint8_t prefix_length;                        /* of address */
    struct host_settings tags;                    /* of which tags and labels are used */
    uint32_t bytes;                               /* behind the ICMP header, at most PINGER_MAX_BYTES */
    uint8_t ttl;                                  /* 0: 64 */
    bool dont_fragment;
    uint32_t count;      /* requests; 0: until the user has enough */
    int64_t interval_ns; /* from one request to the next */
    int64_t timeout_ns;  /* how long to wait for replies after the last request */
};

enum pinger_kind {
    PINGER_REPLY,     /* with the bytes that were sent */
    PINGER_DUPLICATE, /* one more reply to the same request */
    PINGER_CORRUPTED, /* a reply with other bytes */
    PINGER_ERROR,     /* an ICMP error about a request; or its neighbour does not answer */
    PINGER_UNSENT,    /* the request could not be sent: error says why */
};

struct pinger_event {
    enum pinger_kind kind;
    uint64_t sequence;            /* from 1 */
    int64_t rtt_ns;               /* of a reply */
    int error;                    /* negative enum err */
    const struct icmp_echo *echo; /* NULL with PINGER_UNSENT */
};
typedef void pinger_event_fn(void *context, const struct pinger_event *event);

struct pinger;
/*
 * ERR_INVALID: an address that cannot ping or be pinged, or a request that is too long; ERR_NO_ROUTE; others as
 * links_open_alone(); message (256 bytes) says what was found and what is allowed.
 */
MUST_CHECK int pinger_new(const struct pinger_settings *s, const struct allocator *a, pinger_event_fn *told,
                          void *context, struct pinger **out, char message[256]);
void pinger_delete(struct pinger *p);
/*
 * Sends what is due and takes what came; sleeps when there is nothing to do, at most a tenth of a second. False: all is
 * done.
 */
bool pinger_turn(struct pinger *p);
/*
 * Beside pinger_turn, for who decides about each request: one with so many bytes leaves now, in one piece, with DF, and
 * whatever routers said. Its number; an event tells what becomes of it, maybe before this returns.
 */
uint64_t pinger_probe(struct pinger *p, uint32_t bytes);
/* Takes what came; sleeps when there is nothing to do, until then or at most a tenth of a second. */
void pinger_serve(struct pinger *p, int64_t until);
/* Bytes of the longest IP packet that its link takes. */
uint32_t pinger_mtu(const struct pinger *p);
/* Requests sent so far. */
uint64_t pinger_sent(const struct pinger *p);

#endif
