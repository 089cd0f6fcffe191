/* SPDX-License-Identifier: MIT */
/*
 * Longest-prefix match: a table of IPv4 and IPv6 prefixes, each with a value of the caller's that is not 0, made for a
 * million routes. One table a VRF; a table with few routes takes little: 1 KB for ten.
 *
 * A tree bitmap (Eatherton, Varghese, Dittia 2004) of 6 bits a node in blocks found by bit counts, and before it, once
 * a family has LPM_DIRECT_ROUTES routes, an array over the first 18 bits as poptrie has (Asai, Ohara 2015). A node
 * stands for the prefixes up to 6 bits longer than its own, so that 19 to 24 lie in one and a /24 costs three cache
 * misses: array, node, value. A look-up takes at most 3 nodes in IPv4 and 19 in IPv6 (6 and 22 without the array).
 *
 * Why: poptrie and DIR-24-8 push prefixes down to leaves, so that a change rewrites a subtree, and both need a second
 * table of the routes to find, walk and remove them. Here the tree is that table: a change touches one node and makes
 * or removes at most 22; only prefixes up to /18 fill parts of the array. 1,000,000 random routes (cli/bench_routes.h)
 * in IPv4: 17 MB, 59 instructions a look-up (callgrind), 78 ns, 29 ns in a burst (89 instructions); 1.2 M adds a
 * second. In IPv6: 60 MB, 490 ns, 125 ns in a burst. DIR-24-8 gave 8 ns a look-up there, for 64 MB a VRF beside the
 * table of routes.
 *
 * Sans I/O; one owner, no locks. Memory comes from the allocator in add only; each time a quarter has been added all
 * is copied: amortized O(1). An add that returns an error has changed nothing; removing cannot fail. Bits of a prefix
 * behind its length do not count. Invariants (lpm_check): no node but the root is empty; blocks are as long as bits are
 * set; n_routes values are reachable; the array says what a walk from the root says.
 */
#ifndef WEIR_STACK_LPM_H
#define WEIR_STACK_LPM_H

#include "stack/lpm_blocks.h"
#include "wire/ip_addr.h"

#define LPM_DIRECT_BITS 18u
#define LPM_DIRECT_ROUTES 16384u /* from so many on a family has the array, 2.25 MB, until the table is freed */

/* What the first 18 bits lead to. */
struct lpm_direct {
    uint32_t node;  /* that stands for these 18 bits, 0: none */
    uint32_t value; /* of the longest prefix of at most 18 bits, 0: none */
};

struct lpm_trie {
    struct lpm_blocks nodes, values;
    struct lpm_direct *direct; /* 2^18, or NULL */
    uint8_t *direct_length;    /* of the prefix that direct[].value is of; 0 without one */
    uint32_t n_routes;
    uint32_t default_value; /* of the prefix of length 0, which is in no node */
    uint8_t bits;           /* of an address */
};

struct lpm {
    struct lpm_trie v4, v6;
    const struct allocator *allocator;
};

struct lpm_route {
    struct ip_prefix prefix; /* bits behind the length are 0 */
    uint32_t value;
};

/* Takes no memory yet. */
void lpm_init(struct lpm *t, const struct allocator *a);
void lpm_free(struct lpm *t);

/* ERR_INVALID (value 0, length over the family's), ERR_EXISTS, ERR_NO_MEMORY. */
MUST_CHECK int lpm_add(struct lpm *t, const struct ip_prefix *prefix, uint32_t value);
/* Another value for a prefix that is there. ERR_INVALID, ERR_NOT_FOUND. */
MUST_CHECK int lpm_replace(struct lpm *t, const struct ip_prefix *prefix, uint32_t value);
/* ERR_INVALID, ERR_NOT_FOUND. */
MUST_CHECK int lpm_remove(struct lpm *t, const struct ip_prefix *prefix);
/* The value of exactly this prefix, or 0. */
uint32_t lpm_find(const struct lpm *t, const struct ip_prefix *prefix);

/* The value of the longest prefix that contains the address, or 0. */
uint32_t lpm_lookup(const struct lpm *t, const struct ip_addr *address);
/* The same for an IPv4 address in host order. */
uint32_t lpm_lookup_v4(const struct lpm *t, uint32_t address);
/* The same for n addresses of one family at once: their cache misses overlap. */
void lpm_lookup_burst_v6(const struct lpm *t, const struct ip_addr *addresses, unsigned n, uint32_t *values);
void lpm_lookup_burst_v4(const struct lpm *t, const uint32_t *addresses, unsigned n, uint32_t *values);

/*
 * The route behind *at, by family (IPv4 first), address, length; false: there is none. With value 0 *at stands before
 * the first. The table may change between two calls; the prefix of *at need not be there any more.
 *     for (struct lpm_route r = {.value = 0}; lpm_next(t, &r);)
 */
bool lpm_next(const struct lpm *t, struct lpm_route *at);

static inline uint32_t lpm_count(const struct lpm *t) { return t->v4.n_routes + t->v6.n_routes; }
/* Bytes the table has from its allocator. */
size_t lpm_memory(const struct lpm *t);
/* For tests: whether the invariants hold. Walks everything. */
bool lpm_check(const struct lpm *t);

#endif
