/* SPDX-License-Identifier: MIT */
/*
 * Inside of forwarding: the tables of routers, and how input, neighbours and hosts reach them. The API is forward.h.
 *
 * A value of a router's table names a host by its index, with a bit for its own address or its subnet, or a next hop of
 * the router's pool. Invariants: domain.router is the router of the domain's VRF (from 1; 0: none); domain.face is the
 * host of each family in whose name errors are sent there, one that is not link-local where there is one; a next hop
 * lives while routes name it.
 */
#ifndef WEIR_STACK_FORWARD_INTERNAL_H
#define WEIR_STACK_FORWARD_INTERNAL_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/forward.h"
#include "stack/host.h"
#include "stack/lpm.h"

#define FORWARD_OWN 0x80000000u    /* the rest is the host that has the address */
#define FORWARD_SUBNET 0x40000000u /* the rest is a host of the subnet */
#define FORWARD_INDEX 0x3fffffffu

struct next_hop {
    uint32_t routes; /* while free, the pool's */
    uint32_t local;
    struct ip_addr gateway;
};

struct router {
    uint32_t vrf;
    bool fill_options;
    struct lpm table;
    struct pool hops; /* struct next_hop */
    struct table by_hop;
    uint32_t last; /* next hop found last */
};

struct forward_set {
    unsigned count;
    struct router *routers[FORWARD_MAX_ROUTERS];
    struct host visitor; /* of forward_speak_as */
};

struct stack;
struct arrival;
struct datagram;

/* ---- forward.c ---- */
void forward_free(struct stack *s);
/* A host was added: ERR_NO_MEMORY. */
MUST_CHECK int forward_host_added(struct stack *s, const struct host *h);
void forward_host_removed(struct stack *s, const struct host *h);

/* ---- forward_path.c ---- */
/*
 * A datagram that is for no host of its segment; its header is in order. False: it is none of ours. Else either d->host
 * is the address of ours that it is for, or it is NULL: the datagram was passed on or dropped (and counted).
 */
bool forward_offer(struct stack *s, const struct arrival *a, struct datagram *d);
/* A datagram that waited can go. Takes the frame. */
void forward_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac);
/* Its neighbour did not answer: its sender hears of it. */
void forward_report_unsent(struct stack *s, const struct packet *waited);

/* holder_word of a frame that waits for a neighbour, beside the host by which it leaves. */
#define FORWARD_WAITS (UINT64_C(1) << 32)

/*
 * A host as it is on the segment of `face`, with any address of its family: what it answers at once bears that as its
 * source. Valid until the next call.
 */
struct host *forward_speak_as(struct stack *s, const struct host *face, const struct ip_addr *ip);

/* ---- forward_fragment.c ---- */
/* Sends a plain frame of IPv4 in fragments for the interface's MTU; the frame stays the caller's. */
void forward_send_cut(struct stack *s, const struct host *out, const struct packet *whole);

/* ---- forward_options.c ---- */
/* Does a checked IPv4 header have options that routers fill in? */
bool forward_options_met(const uint8_t *header);
/* Fills them in, as a router that has the address `way_in` and that the datagram leaves by `way_out`; makes the checksum. */
void forward_options_fill(uint8_t *header, uint32_t way_in, uint32_t way_out, uint32_t time_ms);

#endif
