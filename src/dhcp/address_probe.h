/* SPDX-License-Identifier: MIT */
/*
 * Asking a link whether somebody has an address before it is taken: ARP probes of RFC 5227 2.1 for IPv4, the
 * solicitations of duplicate address detection (RFC 4862 5.4) for IPv6, both sent as frames, since the asker has no
 * address. One record a client, in the caller's memory; who contradicts is read from frames as they arrive.
 */
#ifndef WEIR_DHCP_ADDRESS_PROBE_H
#define WEIR_DHCP_ADDRESS_PROBE_H

#include "base/random.h"
#include "stack/stack.h"

struct address_probe_times {
    uint8_t probes;            /* how many; 0: none */
    int64_t wait_ns;           /* the first after a random part of this */
    int64_t least_ns, most_ns; /* from one to the next */
    int64_t answer_ns;         /* after the last */
};
/* PROBE_NUM, PROBE_WAIT, PROBE_MIN, PROBE_MAX and ANNOUNCE_WAIT of RFC 5227; 1 and 1 s of RFC 4862 and 4861. */
extern const struct address_probe_times address_probe_ipv4, address_probe_ipv6;

struct address_probe {
    struct ip_addr address;
    int64_t at; /* when something is due; TIME_NEVER: nothing under way */
    uint8_t left;
};

void address_probe_start(struct address_probe *p, const struct ip_addr *address, const struct address_probe_times *t,
                         struct random *r, int64_t now);
static inline void address_probe_stop(struct address_probe *p) { p->at = TIME_NEVER; }
static inline bool address_probe_running(const struct address_probe *p) { return p->at != TIME_NEVER; }
/* To be called when `at` has come: sends the next one. True: nobody contradicted, the probe is over. */
bool address_probe_due(struct address_probe *p, const struct address_probe_times *t, struct stack *s,
                       unsigned interface, uint16_t vlan, const uint8_t mac[6], struct random *r, int64_t now);

/* What a frame says of who has, or wants, an address. */
struct address_claim {
    struct ip_addr address;
    uint8_t mac[6];
    bool probes; /* does not have it yet, but asks as we do */
};
/* False: it says nothing of the kind. */
MUST_CHECK bool address_claim_read(const struct packet *p, uint16_t vlan, struct address_claim *out);

#endif
