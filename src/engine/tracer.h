/* SPDX-License-Identifier: MIT */
/*
 * Finding the routers on a path: probes with growing time to live (IPv4) or hop limit (IPv6) from a host of our own
 * stack, several under way at once, and who says of which that it went no further. Probes are UDP datagrams to ports
 * that grow from one, echo requests, or SYNs; whatever the destination itself answers ends the path.
 *
 * Owns its records; the stack is borrowed, and turned by the caller, who calls tracer_turn() once a turn.
 */
#ifndef WEIR_ENGINE_TRACER_H
#define WEIR_ENGINE_TRACER_H

#include "stack/stack.h"

#define TRACER_MAX_HOPS 255u
#define TRACER_MAX_QUERIES 10u
#define TRACER_MAX_PARALLEL 256u

enum tracer_method { TRACER_UDP, TRACER_ICMP, TRACER_TCP };

struct tracer_settings {
    uint32_t local; /* who asks */
    struct ip_addr destination;
    enum tracer_method method;
    uint16_t port; /* UDP: of the first probe; TCP: of all */
    uint8_t first_hop, last_hop, queries;
    uint32_t parallel; /* probes under way at once */
    uint32_t bytes;    /* behind the UDP or ICMP header */
    int64_t timeout_ns;
    bool dont_fragment;
};

enum tracer_result {
    TRACER_WAITING, /* not sent, or under way */
    TRACER_SILENT,  /* nobody answered in time */
    TRACER_HOP,     /* its time ran out at a router */
    TRACER_ARRIVED, /* the destination answered */
    TRACER_ERROR,   /* somebody says that it cannot be reached; or it could not be sent */
};

struct tracer_probe {
    int64_t sent_ns, rtt_ns; /* sent_ns 0: not sent */
    struct ip_addr from;     /* who answered; unspecified: we could not send it */
    uint8_t result;          /* enum tracer_result */
    uint8_t type, code;      /* of the ICMP error */
    uint16_t mtu;            /* where it was too big */
};

struct tracer;
/* ERR_INVALID (settings out of their ranges, another family, no such local address), ERR_NO_MEMORY, errors of binding. */
MUST_CHECK int tracer_new(const struct tracer_settings *s, struct stack *stack, const struct allocator *a,
                          struct tracer **out);
void tracer_delete(struct tracer *t);
/* Sends what may go and gives up what took too long. False: the path is known as far as it will be. */
bool tracer_turn(struct tracer *t, int64_t now);
int64_t tracer_deadline(const struct tracer *t);
/* The last hop that there is something about, as far as is known. */
unsigned tracer_last_hop(const struct tracer *t);
/* Query 0 to queries - 1 of a hop from first_hop on. */
const struct tracer_probe *tracer_probe_at(const struct tracer *t, unsigned hop, unsigned query);
/* Whether all queries of a hop are decided, so that it can be printed. */
bool tracer_hop_done(const struct tracer *t, unsigned hop);

#endif
