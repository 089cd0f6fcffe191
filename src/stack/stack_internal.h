/* SPDX-License-Identifier: MIT */
/*
 * Inside of the stack: the struct that holds all of one core's state, and how its parts reach each other. Not for
 * users: they see stack.h.
 *
 * A burst is worked on in place: segments[] collects decoded TCP segments until something else comes or the burst ends.
 * `now` is the time of the call that runs; `input` is the interface a burst came from, while it is processed.
 */
#ifndef WEIR_STACK_STACK_INTERNAL_H
#define WEIR_STACK_STACK_INTERNAL_H

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "stack/autoconf.h"
#include "stack/control.h"
#include "stack/filter.h"
#include "stack/forward_internal.h"
#include "stack/gateway.h"
#include "stack/group.h"
#include "stack/host.h"
#include "stack/icmp.h"
#include "stack/interface.h"
#include "stack/ip_output.h"
#include "stack/loop.h"
#include "stack/nd_router.h"
#include "stack/neighbour.h"
#include "stack/pmtu.h"
#include "stack/raw.h"
#include "stack/reassembly.h"
#include "stack/redirect.h"
#include "stack/route.h"
#include "stack/stack.h"
#include "stack/udp.h"

#define STACK_MAX_LABELS 8u /* of a frame that comes */

struct datagram;

struct stack {
    int64_t now;
    struct tcp_layer *tcp;
    struct interface *input; /* NULL outside of stack_input */
    struct host_set hosts;
    struct neighbour_set neighbours;
    struct loop loop;
    struct stack_counters counters;
    unsigned n_segments;
    unsigned n_interfaces;
    struct autoconf_set autoconf;
    struct pool routers; /* struct nd_router */
    struct redirect_set redirects;
    struct pool routes;      /* struct route */
    uint32_t spare_gateways; /* hosts with several default gateways */
    struct udp_set udp;
    struct group_set groups;
    struct raw_set raw;
    struct icmp_state icmp;
    struct ip_ids ids;
    struct reassembly_set fragments;
    struct pmtu_set pmtus;
    struct filter_set filters;
    struct forward_set forward;
    bool has_tunnels;         /* links that push */
    bool taken;               /* the frame being worked on went out again, and is no longer the burst's */
    struct packet_pool large; /* whole datagrams that leave in fragments */
    struct stack_settings settings;
    const struct allocator *allocator;
    stack_changed_fn *changed; /* or NULL */
    void *changed_context;
    struct packet *burst[LINK_BURST];
    struct tcp_segment segments[LINK_BURST];
    struct interface interfaces[STACK_MAX_INTERFACES];
};

#define STACK_TRACE(s, layer, ...) TRACE((s)->settings.trace, layer, (s)->now, __VA_ARGS__)

/* Counts a drop under its name, and says so in the trace. */
#define STACK_DROP(s, layer, name)                                                                                     \
    do {                                                                                                               \
        (s)->counters.name++;                                                                                          \
        STACK_TRACE(s, layer, "drop: %s", #name);                                                                      \
    } while (0)

static inline void stack_tell(struct stack *s, enum stack_change what, uint32_t number)
{
    if (unlikely(s->changed != NULL))
        s->changed(s->changed_context, what, number, s->now);
}

/* link_view.c: hosts live in a segment now where none did. */
void link_tell_added(struct stack *s, uint32_t segment);
/* stack_add_host without news of it: what the caller makes of the host is told with it. */
MUST_CHECK int stack_add_host_untold(struct stack *s, const struct host_settings *given);

/* A frame whose link header was read, behind its tags. */
struct arrival {
    struct packet *packet;
    const uint8_t *eth; /* destination and source MAC */
    const uint8_t *l3;
    uint32_t l3_len; /* bytes present */
    uint32_t segment;
    uint16_t ethertype;
    bool group;                /* sent to a broadcast or multicast MAC */
    bool labelled;             /* it was below MPLS labels */
    const struct host *sender; /* from the loop: one of ours; NULL: from a link */
};

static ALWAYS_INLINE struct interface *stack_interface_of(struct stack *s, const struct host *h)
{
    return &s->interfaces[h->interface];
}

/* Bytes of IP packet that leave a host in one frame. */
static ALWAYS_INLINE uint32_t stack_mtu_of(struct stack *s, const struct host *h)
{
    return interface_mtu(stack_interface_of(s, h)) - h->overhead;
}

/* ---- ethernet.c ---- */
/*
 * Reads a frame's link header and finds its segment (0: none). Returns the header's length; ERR_TRUNCATED,
 * ERR_UNSUPPORTED (too many tags), ERR_MALFORMED.
 */
MUST_CHECK int ethernet_parse(const struct stack *s, const struct interface *itf, const struct packet *p,
                              struct wire_eth *eth, uint32_t *segment);

/* ---- arp.c ---- */
void arp_input(struct stack *s, const struct arrival *a);
/* Asks for an address on behalf of a local one: by broadcast, or (mac) straight to the station that had it. */
void arp_send_request(struct stack *s, const struct host *asker, uint32_t target, const uint8_t *mac);
/* RFC 5227 2.1.1: asks for the host's own address without naming a sender. */
void arp_send_probe(struct stack *s, const struct host *h);
/* RFC 5227 2.3: an announcement of the host's own address. */
void arp_announce(struct stack *s, const struct host *h);

/* ---- tcp_lower.c ---- */
extern const struct tcp_lower stack_tcp_lower;
/* Adds a segment to those of the burst. */
void tcp_collect(struct stack *s, const struct datagram *d);
/* Gives the collected segments to TCP. */
void tcp_flush(struct stack *s);

#endif
