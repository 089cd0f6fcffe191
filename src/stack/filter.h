/* SPDX-License-Identifier: MIT */
/*
 * Packet filters in the stack: a VRF may have one (ip_filter.h), which is asked about whole datagrams that come to its
 * hosts (input), those that its hosts send (output), and those it forwards, after all else was found in order. Per VRF,
 * since two VRFs may have the same addresses, and connections are known by these alone.
 *
 * A VRF without a filter costs one test, and so does a stack without any. ARP and Neighbour Discovery are not asked
 * about, nor what a host sends to itself or to others on its loop. What is rejected is answered by a RST, or by ICMP's
 * "administratively prohibited", within the limit of ICMP errors; of what we send ourselves it is dropped. The later
 * fragments of what is forwarded are let pass when the first was, if they come behind it and within FILTER_FRAGMENT_NS;
 * a table of fixed size remembers that, so that more datagrams in fragments at once than it has may lose some.
 *
 * A filter is borrowed and outlives its use here; its rules are exchanged by ip_filter_swap at any time.
 */
#ifndef WEIR_STACK_FILTER_H
#define WEIR_STACK_FILTER_H

#include "stack/host.h"
#include "stack/ip_filter.h"

#define FILTER_MAX 64u
#define FILTER_FRAGMENTS 1024u
#define FILTER_FRAGMENT_NS (30 * NS_PER_S)

/* The filter of a VRF from now on; NULL: none. ERR_NO_SPACE (more than FILTER_MAX have one). */
MUST_CHECK int stack_set_filter(struct stack *s, uint32_t vrf, struct ip_filter *filter);

/* ---- inside of the stack ---- */

struct filter_binding {
    uint32_t vrf;
    struct ip_filter *filter; /* NULL: free */
};

/* A datagram whose first fragment passed. */
struct filter_fragment {
    uint64_t key;
    int64_t until;
};

struct filter_set {
    unsigned count;
    struct filter_binding list[FILTER_MAX];
    struct filter_fragment fragments[FILTER_FRAGMENTS];
};

struct datagram;
/* A host was added: its domain gets the filter of its VRF. */
void filter_host_added(struct stack *s, const struct host *h);
/* Of a stack with filters: what expires. */
void filter_tick(struct stack *s, int64_t now);
int64_t filter_deadline(const struct stack *s);

/* False (counted, and answered where it is rejected): it must not be delivered, sent, forwarded. */
bool filter_allows_input(struct stack *s, const struct datagram *d);
bool filter_allows_output(struct stack *s, const struct host *h, unsigned interface, const struct packet *p);
bool filter_allows_forward(struct stack *s, const struct datagram *d, unsigned interface);

#endif
