/* SPDX-License-Identifier: MIT */
/*
 * Which of several addresses: RFC 6724. From which of a host's own to send (section 5), and in which order to try those
 * of a destination (section 6). Pure functions of what they are given: no state, no allocation, work bounded by the
 * number of addresses and rows. IPv4 addresses are mapped (section 3.2).
 *
 * Rule 5.5 is not used (no source is bound to a router), and rule 7 of section 6 (native transport) neither.
 */
#ifndef WEIR_WIRE_IP_CHOICE_H
#define WEIR_WIRE_IP_CHOICE_H

#include "wire/ip_addr.h"

/* A row of the policy table: the row of the longest prefix counts. */
struct ip_policy {
    struct ip_addr prefix;
    uint8_t length; /* of 128 */
    uint8_t precedence, label;
};
struct ip_policies {
    const struct ip_policy *rows;
    size_t n;
};
/* RFC 6724 2.1. */
extern const struct ip_policies ip_policies_default;

/* RFC 6724 3.1: as the scope field of multicast addresses; 2 is link-local, 14 global. */
unsigned ip_choice_scope(const struct ip_addr *a);

struct ip_source {
    struct ip_addr address;
    uint8_t bits; /* of 128 that name its subnet: what of a common prefix counts (2.2) */
    bool deprecated, temporary;
    bool home, care_of; /* RFC 6275; both where a node is at home */
    bool outgoing;      /* of the interface by which the destination is reached */
};

/* Section 5: negative, when a is better for the destination, positive when b is, 0 when no rule decides. */
int ip_source_compare(const struct ip_policies *policies, const struct ip_source *a, const struct ip_source *b,
                      const struct ip_addr *destination);

struct ip_destination {
    struct ip_addr address;
    bool usable; /* there is a source, which is the one that section 5 chooses */
    struct ip_source source;
};
/* Section 6, the same; 0: they stay in order. */
int ip_destination_compare(const struct ip_policies *policies, const struct ip_destination *a,
                           const struct ip_destination *b);
/* Best first; stable. Quadratic: for the handful that a name has. */
void ip_destination_sort(const struct ip_policies *policies, struct ip_destination *list, size_t n);

#endif
