/* SPDX-License-Identifier: MIT */
/*
 * DHCP clients on a stack: up to a million of one family on one interface, each a machine of service/ with a MAC
 * address of its own. What they are given becomes hosts of the stack; what runs out, is taken back or turns out to be
 * somebody else's is removed. RFC 2131, RFC 8415; probing: address_probe.h.
 *
 * Owns the clients and its watch of the interface's frames; borrows stack and allocator, which outlive it. Messages come
 * in while the stack receives; hosts change only inside of dhcp_clients_turn(), which whoever turns the stack calls once
 * a turn, and at dhcp_clients_deadline() at the latest. Callbacks call nothing of this module but dhcp_clients_view().
 *
 * IPv4 clients need no host: they send whole frames, until they have an address; a lease is renewed by UDP from it.
 * IPv6 clients get a link-local host each, made of their MAC address, and use UDP.
 * Invariant: a client's host is in the stack exactly while, turn by turn, its machine holds the address.
 */
#ifndef WEIR_DHCP_CLIENTS_H
#define WEIR_DHCP_CLIENTS_H

#include "base/hash.h"
#include "dhcp/address_probe.h"
#include "service/dhcp4_client.h"
#include "service/dhcp6_client.h"

#define DHCP_CLIENTS_MAX 1000000u
#define DHCP_CLIENTS_SEARCH 256u /* bytes of text */

enum dhcp_event_kind {
    DHCP_EVENT_OFFER,    /* the answer to DISCOVER or SOLICIT; latency since it was sent last, in IPv6 first */
    DHCP_EVENT_ACK,      /* the answer to REQUEST; latency since it was first sent */
    DHCP_EVENT_BOUND,    /* latency since this client began */
    DHCP_EVENT_RENEWED,  /* latency since RENEW or REBIND was sent */
    DHCP_EVENT_LOST,     /* it ran out, was refused or given back */
    DHCP_EVENT_CONFLICT, /* somebody else has the address: declined */
    DHCP_EVENT_REFUSED,  /* the stack has no room for the host */
};

struct dhcp_event {
    enum dhcp_event_kind kind;
    uint32_t client; /* from 0 */
    int64_t now, latency_ns;
};

struct dhcp_clients_settings {
    unsigned interface;
    uint16_t vlan; /* 0: untagged */
    bool v6;
    uint32_t count;
    uint8_t mac[6];      /* of the first; the others count up */
    int64_t interval_ns; /* from one client's start to the next one's */
    bool make_hosts;     /* what is leased becomes hosts of the stack */
    bool take_mtu;       /* an MTU that the server gives becomes the interface's, where it is smaller */
    struct address_probe_times probe;
    struct dhcp4_client_settings v4; /* without host and counters, as the next */
    struct dhcp6_client_settings v6_settings;
    struct ip_addr gateway6; /* of IPv6 addresses, which DHCPv6 does not tell; unspecified: none */
    uint8_t prefix_length6;  /* of IPv6 addresses, the same: what is on the link; default 128, nothing */
    /*
     * Other clients of the family on the same stack, with other MAC addresses, or NULL: these share the port of those,
     * which are deleted after them.
     */
    struct dhcp_clients *beside;
    struct hash_key key;                                     /* secret: tables, and what is random */
    void (*told)(void *context, const struct dhcp_event *e); /* or NULL */
    void *context;
};

struct dhcp_clients_counters {
    uint64_t unsent;      /* messages for which there was no room; they are sent again later */
    uint64_t other_macs;  /* messages for clients that are none of ours */
    uint64_t no_gateway;  /* leases with a router that is not on their subnet: it is not used */
    uint64_t refused;     /* hosts that the stack did not take */
    uint64_t near_in_use; /* link-local addresses that somebody has */
};

/* A client as it is now. */
struct dhcp_view {
    uint8_t mac[6];
    const char *state;
    struct ip_addr address; /* unspecified: none */
    uint8_t prefix_length;
    struct ip_addr router, server;
    struct ip_addr dns[DHCP4_CLIENT_DNS]; /* of IPv6 what a server told any of these clients last */
    struct ip_prefix delegated;           /* length 0: none */
    uint16_t mtu;
    uint32_t lease_s, t1_s, t2_s;
    int64_t bound_ns, expires_ns; /* TIME_NEVER: for ever */
    uint32_t local;               /* the stack's index of the address; 0: it has none */
    bool bound;
};

struct dhcp_clients;

void dhcp_clients_settings_default(struct dhcp_clients_settings *s, bool v6);
/*
 * The clients are stopped. ERR_INVALID: no clients or too many, a group MAC address or one whose last three bytes would
 * overflow, settings of the machines; ERR_NO_MEMORY; ERR_IN_USE (the clients' port), ERR_NO_SPACE.
 */
MUST_CHECK int dhcp_clients_new(const struct dhcp_clients_settings *settings, struct stack *s,
                                const struct allocator *a, int64_t now, struct dhcp_clients **out);
void dhcp_clients_delete(struct dhcp_clients *c);
/* All of them, one after the other by interval_ns. */
void dhcp_clients_start(struct dhcp_clients *c, int64_t now);
/* Gives back what they have; IPv6 ones ask until the server has heard: dhcp_clients_busy(). */
void dhcp_clients_release(struct dhcp_clients *c, int64_t now);
/* The same for at most so many that were not told yet. How many are left. */
uint32_t dhcp_clients_release_some(struct dhcp_clients *c, uint32_t most, int64_t now);
/* What is due, and hosts as leases came and went. At most a burst of clients a call. */
void dhcp_clients_turn(struct dhcp_clients *c, int64_t now);
int64_t dhcp_clients_deadline(const struct dhcp_clients *c);
/* How many have a lease, and how many are waiting for an answer or a time other than renewal. Linear. */
uint32_t dhcp_clients_bound(const struct dhcp_clients *c);
uint32_t dhcp_clients_busy(const struct dhcp_clients *c);
void dhcp_clients_view(const struct dhcp_clients *c, uint32_t client, struct dhcp_view *out);
/* IPv6: the search list (RFC 3646 4) that a server told last, with spaces between; "": none. */
const char *dhcp_clients_search(const struct dhcp_clients *c);
const struct dhcp_clients_counters *dhcp_clients_counters(const struct dhcp_clients *c);
const struct dhcp4_client_counters *dhcp_clients_counters4(const struct dhcp_clients *c);
const struct dhcp6_client_counters *dhcp_clients_counters6(const struct dhcp_clients *c);

#endif
