/* SPDX-License-Identifier: MIT */
/*
 * The inside of dhcp_clients: clients.c is what both families share (time, probes, hosts), clients4.c and clients6.c
 * carry messages between the machines of service/ and the stack.
 */
#ifndef WEIR_DHCP_CLIENTS_PRIVATE_H
#define WEIR_DHCP_CLIENTS_PRIVATE_H

#include "base/table.h"
#include "base/wheel.h"
#include "dhcp/clients.h"

struct dhcp_member {
    union {
        struct dhcp4_client v4;
        struct dhcp6_client v6;
    };
    struct address_probe probe;
    int64_t start_at; /* TIME_NEVER: it was started */
    int64_t began_ns, bound_ns;
    int64_t held_ns;         /* when the lease was last begun or extended */
    int64_t renewal_ns;      /* how long the last renewal took */
    int64_t contradicted_ns; /* when somebody last claimed the address that is held */
    uint32_t host;           /* in the stack; 0: none */
    uint32_t near;           /* IPv6: its link-local host */
    uint32_t next_changed;   /* of a list: client + 1 */
    uint32_t tag;            /* in `claims`, valid when listed */
    struct ip_addr listed_address;
    bool changed, listed;
    bool bound;        /* as was told */
    bool fresh;        /* the lease began or was extended, which is not told yet */
    bool conflict;     /* to be told to the machine in the next turn */
    bool server_known; /* server_mac is the way to its server */
    uint8_t server_mac[6];
};

struct dhcp_clients {
    struct dhcp_clients_settings settings;
    struct dhcp_clients_counters counters;
    struct dhcp4_client_counters counters4;
    struct dhcp6_client_counters counters6;
    struct stack *stack;
    const struct allocator *allocator;
    struct dhcp_member *members;
    struct wheel wheel;  /* node: client + 1 */
    struct table claims; /* addresses that are probed or held -> client + 1 */
    struct random random;
    int64_t now;
    struct ip_addr dns6[DHCP4_CLIENT_DNS];
    char search6[DHCP_CLIENTS_SEARCH];
    uint32_t changed;                 /* first of a list of those whose lease changed; 0: none */
    uint32_t released;                /* so many were told to give back what they have */
    struct dhcp_clients *next_beside; /* who shares the port, from who bound it on */
    bool bound_port, watching;
};

/* What differs by family. */
int dhcp_clients4_open(struct dhcp_clients *c);
void dhcp_clients4_frame(struct dhcp_clients *c, const struct packet *p);
void dhcp_clients4_view(const struct dhcp_member *m, struct dhcp_view *out);
int dhcp_clients6_open(struct dhcp_clients *c);
void dhcp_clients6_view(const struct dhcp_member *m, struct dhcp_view *out);

/* Shared. */
/* Binds the clients' port, unless those beside have it; the callback's context is who bound it. */
MUST_CHECK int dhcp_clients_bind(struct dhcp_clients *c, uint16_t port, udp_received_fn *received);
static inline uint32_t dhcp_clients_number(const struct dhcp_clients *c, const struct dhcp_member *m)
{
    return (uint32_t)(m - c->members);
}
/* The client with a MAC address, or NULL. */
struct dhcp_member *dhcp_clients_of_mac(const struct dhcp_clients *c, const uint8_t mac[6]);
void dhcp_clients_mac(const struct dhcp_clients *c, uint32_t client, uint8_t mac[6]);
void dhcp_clients_tell(struct dhcp_clients *c, const struct dhcp_member *m, enum dhcp_event_kind kind,
                       int64_t latency_ns);
/* Asks for an address that a machine wants probed. */
void dhcp_clients_probe(struct dhcp_clients *c, struct dhcp_member *m, const struct ip_addr *address);
/* The machine holds another address than before, or other values, or none: news and host follow in the next turn. */
void dhcp_clients_changed(struct dhcp_clients *c, struct dhcp_member *m);
/* After anything that may have moved its deadline. */
void dhcp_clients_arm(struct dhcp_clients *c, struct dhcp_member *m);

#endif
