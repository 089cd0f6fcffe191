/* SPDX-License-Identifier: MIT */
/*
 * Better first hops that routers told of: RFC 4861 section 8. Believed only for hosts with host_settings.redirects, and
 * only what the present first hop says about a destination that goes by it.
 *
 * A cache of {domain, destination} in sets of four, keyed (SipHash), owned by the stack: it never grows, the entry of a
 * set that ends first makes room, each ends after redirect_ns, and one whose new hop does not answer, or says that it is no router, at its next use.
 * Connections keep the hop they began with, datagrams take the new one at once.
 */
#ifndef WEIR_STACK_REDIRECT_H
#define WEIR_STACK_REDIRECT_H

#include "stack/host.h"

#define REDIRECT_WAYS 4u

struct redirect {
    struct ip_addr destination, target;
    int64_t until; /* 0: free */
    uint32_t domain;
};

struct redirect_set {
    struct redirect *entries; /* capacity: a power of two, at least REDIRECT_WAYS */
    uint32_t capacity;
    bool used; /* since it was made */
    const struct allocator *allocator;
};

MUST_CHECK int redirect_init(struct redirect_set *set, const struct allocator *a, uint32_t capacity);
void redirect_free(struct redirect_set *set);

struct datagram;
struct wire_nd;
/* A Redirect whose form is in order. */
void redirect_input(struct stack *s, const struct datagram *d, const struct wire_nd *m);
/* The hop that a destination was redirected to, if it was, in place of the one that its route names. */
void redirect_apply(struct stack *s, const struct host *h, const struct ip_addr *destination, struct ip_addr *next_hop);

#endif
