/* SPDX-License-Identifier: MIT */
/*
 * Routers: VRFs of the stack that forward. A datagram that comes to a MAC of ours for an address that is not ours is
 * looked up in the VRF's table of both families and leaves by the interface, MAC and tags of another host (or of the
 * same one) of that VRF. RFC 1812, RFC 2644, RFC 4291 2.5.6, RFC 8200, RFC 4443, RFC 6583.
 *
 * The table has, by the longest prefix: the hosts' own addresses, which are delivered; their subnets; and routes added
 * here, by gateway or on the link. Tables of different VRFs know nothing of each other. Where hosts of several VRFs have
 * one MAC on one segment, the first of them says whose a frame is. What the hosts themselves send goes by their own
 * routes (stack.h), answers that they give at once by the way the question came.
 *
 * Not forwarded: what came as or goes to a broadcast or group, to or from link-local, loopback and impossible addresses.
 * Source routes are refused, redirects not sent. Errors are ICMP's and have its limit. What waits for a neighbour may
 * fill half of resolve_queue_total and evicts no neighbour that ever answered, so that a scan of a subnet stops at that.
 *
 * Ownership: the received frame itself is passed on with another link header and goes home from the out link
 * (stack_input's caller does not see it again). Payload is copied, and counted in forward_bytes_copied, only where it has
 * to be: in fragments, where the out link does not take segments or pieces whole, where a frame has no headroom for a
 * longer header, and while it waits longer than its home allows. A link with two threads copies by itself.
 */
#ifndef WEIR_STACK_FORWARD_H
#define WEIR_STACK_FORWARD_H

#include "stack/stack.h"

#define FORWARD_MAX_ROUTERS 64u

struct forward_settings {
    uint32_t max_next_hops; /* different {local, gateway} of its routes; default 1024 */
    /* Record Route and Timestamp of IPv4: filled in (default), or such datagrams are dropped as forward_options */
    bool fill_options;
};
void forward_settings_default(struct forward_settings *t);

/*
 * A VRF forwards from now on, also between hosts that are added later. ERR_EXISTS, ERR_INVALID (no next hops),
 * ERR_NO_SPACE (FORWARD_MAX_ROUTERS), ERR_NO_MEMORY.
 */
MUST_CHECK int forward_start(struct stack *s, uint32_t vrf, const struct forward_settings *t);

struct forward_route {
    struct ip_prefix prefix;
    uint32_t local;         /* the host by whose interface, MAC and tags it leaves */
    struct ip_addr gateway; /* unspecified: destinations are on its link */
};

/*
 * ERR_NOT_FOUND (the VRF does not forward), ERR_INVALID (a host of another VRF or family, a length over the family's, a gateway that the
 * host cannot have, a multicast prefix), ERR_EXISTS (also where a host has that address or subnet), ERR_NO_SPACE (next hops), ERR_NO_MEMORY. A host
 * that is added later takes the place of a route to just its address or subnet.
 */
MUST_CHECK int forward_add_route(struct stack *s, uint32_t vrf, const struct forward_route *r);
/* ERR_NOT_FOUND; the subnets and addresses of hosts cannot be removed. */
int forward_remove_route(struct stack *s, uint32_t vrf, const struct ip_prefix *prefix);
/* Where a destination goes, with the prefix /32 or /128; of one that is ours, local alone says so by its address. */
bool forward_find(const struct stack *s, uint32_t vrf, const struct ip_addr *destination, struct forward_route *out);
/* Routes, subnets and addresses of a VRF. */
uint32_t forward_route_count(const struct stack *s, uint32_t vrf);
/* Bytes of its table. */
size_t forward_memory(const struct stack *s, uint32_t vrf);

#endif
